"""The bootstrap."""

import numpy as np
import pytest
from inference.cases import (
    FAMILIES,
    GROUP,
    WEIGHT,
    draw,
    fit,
    fit_family,
    infer,
    place,
)
from numpy.testing import assert_allclose, assert_array_equal
from scipy import special
from support import separated

from mixreg_sklearn.inference import bootstrap


def test_bootstrap_agrees_with_the_information_where_components_are_far_apart():
    sample = separated(5, n=300, d=1)
    data = sample.X, sample.y, {}
    model = fit(data)
    theirs = infer(model, data).std_errors
    for method in ("parametric", "case"):
        ours = bootstrap(
            model, *data[:2], n_bootstrap=300, method=method, random_state=0
        )
        assert ours.n_degenerate == ours.n_not_converged == 0
        # The standard deviation of 300 draws is known to 4 %.
        assert_allclose(ours.std_errors, theirs, rtol=0.15)
        # Maximum likelihood makes scales too small, with two coefficients by
        # (2 * 2 + 1) / (4 n_k) of them.
        bias = np.zeros(len(theirs))
        for k in range(2):
            i = place(ours, "scale_", k)
            bias[i] = -1.25 * model.scale_[k] / (300 * model.weights_[k])
        assert (np.abs(ours.bias - bias) < 0.2 * theirs).all()
        half = np.diff(ours.conf_int(0.95), axis=1).ravel() / 2
        assert_allclose(half, 1.96 * theirs, rtol=0.2)


def test_bootstrap_respects_weights_and_groups():
    X, y, _ = draw("gaussian", groups=GROUP)
    weight = 1 + (WEIGHT % 3)[GROUP]
    data = X, y, {"sample_weight": weight, "groups": GROUP}
    model = fit(data)
    for method, cov_type in (("parametric", "information"), ("case", "sandwich")):
        theirs = infer(model, data, cov_type=cov_type).std_errors
        ours = bootstrap(
            model, X, y, **data[2], n_bootstrap=200, method=method, random_state=0
        )
        assert_allclose(ours.std_errors, theirs, rtol=0.25)


def test_case_resampling_is_of_whole_groups():
    # Rows repeated within groups carry nothing new.
    X, y, _ = draw("gaussian")
    data = (
        np.repeat(X, 5, axis=0),
        np.repeat(y, 5),
        {"groups": np.repeat(np.arange(240), 5)},
    )
    options = {"init": None, "shared_scale": True}
    model = fit(data, **options)
    of_groups = bootstrap(
        model, *data[:2], **data[2], method="case", n_bootstrap=200, random_state=0
    )
    slope = place(of_groups, "coef_", 0, 0)
    sandwich = infer(model, data, cov_type="sandwich").std_errors[slope]
    naive = infer(model, data).std_errors[slope]
    assert sandwich > 1.8 * naive
    assert_allclose(of_groups.std_errors[slope], sandwich, rtol=0.25)


def test_components_of_the_replicates_are_in_the_order_of_the_model():
    # Shares so close that half of the replicates have the other order.
    rng = np.random.default_rng(4)
    X = rng.normal(size=(300, 1))
    second = np.arange(300) % 2
    y = np.where(second, 5 - X[:, 0], X[:, 0]) + 0.5 * rng.normal(size=300)
    data = X, y, {}
    model = fit(data)
    draws = bootstrap(model, X, y, n_bootstrap=100, method="case", random_state=1)
    shares = draws.draws[:, place(draws, "weights_", 0)]
    assert 20 < (shares < 0.5).sum() < 80
    for k in range(2):
        for attribute, j in (("intercept_", None), ("coef_", 0)):
            i = place(draws, attribute, k, j)
            assert (np.abs(draws.draws[:, i] - draws.params[i]) < 0.5).all()


def test_gates_of_the_replicates_are_against_the_first_component_of_the_model():
    data = draw("gaussian", gated=True)
    model = fit(data, gate="softmax", gate_features=[1])
    theirs = infer(model, data)
    draws = bootstrap(model, *data[:2], n_bootstrap=150, random_state=0)
    i = place(draws, "gate_coef_", 1, 1)
    assert_allclose(draws.std_errors[i], theirs.std_errors[i], rtol=0.25)
    assert (draws.draws[:, i] * model.gate_coef_[1, 1] > 0).all()


def test_gates_are_turned_round_where_components_change_places():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(300, 1))
    second = rng.random(300) < special.expit(1.5 * X[:, 0])
    y = np.where(second, 5 - X[:, 0], X[:, 0]) + 0.5 * rng.normal(size=300)
    model = fit((X, y, {}), gate="softmax")
    draws = bootstrap(model, X, y, n_bootstrap=60, method="case", random_state=1)
    i = place(draws, "gate_coef_", 1, 0)
    # Without this, components that changed places have no gate, or its negative.
    assert (draws.draws[:, i] * model.gate_coef_[1, 0] > 0.5).all()
    assert (np.abs(draws.bias) < 0.5 * draws.std_errors).all()


def test_components_of_one_role_are_aligned_with_each_other():
    rng = np.random.default_rng(0)
    X, label = rng.normal(size=(300, 1)), np.arange(300) % 3
    y = np.array([0.0, 6.0, 12.0])[label] + np.array([1.0, 1.0, -2.0])[label] * X[:, 0]
    y = y + 0.5 * rng.normal(size=300)
    model = fit((X, y, {}), 3, shared_features={0: [[0, 1]]})
    draws = bootstrap(model, X, y, n_bootstrap=60, method="case", random_state=0)
    for k in range(3):
        i = place(draws, "intercept_", k)
        assert (np.abs(draws.draws[:, i] - model.intercept_[k]) < 1.0).all()


def test_replicates_keep_to_the_roles_that_constraints_give():
    data = draw("gaussian")
    model = fit(data, held_coef={1: [None, 0.25]})
    draws = bootstrap(model, *data[:2], n_bootstrap=40, method="case", random_state=0)
    i = place(draws, "coef_", 1, 1)
    assert_array_equal(draws.draws[:, i], 0.25)
    assert draws.std_errors[i] == 0


def test_three_components_are_aligned_as_a_whole():
    sample = separated(2, n=240, d=1, n_components=3, spacing=4.0)
    model = fit((sample.X, sample.y, {}), 3)
    draws = bootstrap(model, sample.X, sample.y, n_bootstrap=60, random_state=0)
    for k in range(3):
        i = place(draws, "intercept_", k)
        assert (np.abs(draws.draws[:, i] - model.intercept_[k]) < 1.5).all()


@pytest.mark.parametrize("method", ["parametric", "case"])
def test_draws_do_not_depend_on_the_number_of_processes(method, lines, model):
    def draws(n, seed, **jobs):
        given = {"n_bootstrap": n, "method": method, "random_state": seed}
        return bootstrap(model, *lines[:2], **given, **jobs).draws

    one = draws(30, 3)
    # More replicates, in two processes, are these and others.
    assert_array_equal(draws(31, 3, n_jobs=2)[:30], one)
    assert (draws(2, 4) != one[:2]).any()


def test_intervals_of_the_bootstrap_are_quantiles_of_the_draws(lines, model):
    draws = bootstrap(model, *lines[:2], n_bootstrap=40, random_state=0)
    lower, upper = draws.conf_int(0.8).T
    theirs = np.quantile(draws.draws, [0.1, 0.9], axis=0)
    assert_allclose([lower, upper], theirs, rtol=1e-12)
    assert_allclose(draws.std_errors, draws.draws.std(axis=0, ddof=1))
    assert "40 replicates" in str(draws)
    assert list(draws.to_frame().columns) == [
        "estimate",
        "std_error",
        "bias",
        "lower",
        "upper",
        "note",
    ]


def test_degenerate_replicates_are_counted_and_kept():
    # Few rows, one of them alone with its category.
    rng = np.random.default_rng(0)
    x, alone = rng.normal(size=40), (np.arange(40) == 7) * 1.0
    y = x + alone + 0.3 * rng.normal(size=40)
    X = np.column_stack([x, alone])
    model = fit((X, y, {}), 1)
    draws = bootstrap(model, X, y, n_bootstrap=200, method="case", random_state=0)
    # Without the row, which happens to (39/40)**40 of the samples.
    assert 45 < draws.n_degenerate < 100
    assert draws.draws.shape == (200, len(draws.params))
    assert f"{draws.n_degenerate} degenerate" in str(draws)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_has_a_bootstrap(name):
    (X, y, arguments), model, result = fit_family(name)
    draws = bootstrap(model, X, y, **arguments, n_bootstrap=40, random_state=0)
    assert draws.names == result.names
    assert_allclose(draws.std_errors, result.std_errors, rtol=0.5)
