"""What must not matter to an estimate."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from support import separated, some

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn._data.data import Data
from mixreg_sklearn._data.structure import Columns, make_structure
from mixreg_sklearn._engine.problem import make_problem
from mixreg_sklearn._fitted import Fitted
from mixreg_sklearn.families import Gaussian

# Few data sets, so that tests share their fits.
seeds = st.integers(0, 2)
sizes = st.sampled_from([(1, 2), (2, 2), (3, 2), (1, 3), (2, 3)])
OPTIONS = [
    {},
    {"shared_scale": True},
    {"fit_intercept": False},
    {"shared_features": [0]},
    {"shared_features": [0], "shared_scale": True},
    {"gate": "softmax"},
]
options = st.sampled_from(OPTIONS)


def problem_of(seed, size, option):
    """A well-separated mixture that a model with these options fits."""
    d, n_components = size
    sample = separated(seed, n=60 * n_components, d=d, n_components=n_components)
    X, y = sample.X, sample.y
    for j in option.get("shared_features", []):
        y = y + X[:, j] * (1.0 - sample.coef[sample.label, j])
    if option.get("fit_intercept") is False:
        X = np.column_stack([X, np.ones(len(y))])
    return X, y


def fit(X, y, n_components, option=None, **arguments):
    model = MixtureRegressor(n_components, random_state=0, **(option or {}))
    return model.fit(X, y, **arguments)


@cache
def _shared_fit(seed, size, which):
    option = OPTIONS[which]
    return fit(*problem_of(seed, size, option), size[1], option)


def shared_fit(seed, size, option):
    """The fit to `problem_of(seed, size, option)`."""
    return _shared_fit(seed, size, OPTIONS.index(option))


def assert_same_estimate(ours, theirs, rtol=1e-7):
    """Same parameters, to `rtol` of what is large in the units at hand."""
    assert_allclose(ours.weights_, theirs.weights_, rtol=rtol)
    assert_allclose(ours.scale_, theirs.scale_, rtol=rtol)
    for name in ("intercept_", "coef_"):
        value = getattr(theirs, name)
        atol = rtol * np.abs(value).max()
        assert_allclose(getattr(ours, name), value, rtol=rtol, atol=atol)
    assert_allclose(ours.log_likelihood_, theirs.log_likelihood_, rtol=1e-9)
    assert ours.converged_
    assert theirs.converged_


# Rows and weights ---------------------------------------------------------------


@some
@given(seeds, sizes, options)
def test_the_order_of_rows_does_not_matter(seed, size, option):
    X, y = problem_of(seed, size, option)
    order = np.random.default_rng(seed).permutation(len(y))
    model = shared_fit(seed, size, option)
    assert_same_estimate(fit(X[order], y[order], size[1], option), model)


@some
@given(seeds, sizes, options)
def test_whole_weights_are_repeated_rows(seed, size, option):
    X, y = problem_of(seed, size, option)
    weight = np.random.default_rng(seed).integers(0, 4, size=len(y))
    weighted = fit(X, y, size[1], option, sample_weight=weight)
    repeated = fit(np.repeat(X, weight, 0), np.repeat(y, weight), size[1], option)
    assert_same_estimate(weighted, repeated)
    assert_allclose(
        weighted.bic(X, y, weight),
        repeated.bic(np.repeat(X, weight, 0), np.repeat(y, weight)),
        rtol=1e-9,
    )


@some
@given(seeds, sizes, options)
def test_rows_of_weight_zero_are_no_rows_bit_for_bit(seed, size, option):
    X, y = problem_of(seed, size, option)
    rng = np.random.default_rng(seed)
    weight = rng.uniform(0.5, 3, size=len(y)) * (rng.random(len(y)) < 0.8)
    kept = weight > 0
    spoiled = np.where(kept[:, None], X, 1e6)
    weighted = fit(spoiled, y, size[1], option, sample_weight=weight)
    removed = fit(X[kept], y[kept], size[1], option, sample_weight=weight[kept])
    assert_array_equal(weighted.coef_, removed.coef_)
    assert weighted.log_likelihood_ == removed.log_likelihood_
    assert weighted.search_ == removed.search_


@some
@given(seeds, sizes, options, st.sampled_from([1e-6, 0.01, 0.5, 3.0, 1e6]))
def test_a_common_factor_of_the_weights_scales_the_likelihood_only(
    seed, size, option, factor
):
    X, y = problem_of(seed, size, option)
    weight = np.random.default_rng(seed).uniform(0.5, 3, size=len(y))
    model = fit(X, y, size[1], option, sample_weight=weight)
    scaled = fit(X, y, size[1], option, sample_weight=factor * weight)
    for name in ("weights_", "intercept_", "coef_", "scale_"):
        assert_allclose(getattr(scaled, name), getattr(model, name), rtol=1e-6)
    assert_allclose(scaled.log_likelihood_, factor * model.log_likelihood_, rtol=1e-9)


# Units --------------------------------------------------------------------------


@some
@given(
    seeds,
    sizes,
    st.sampled_from(OPTIONS[:2] + OPTIONS[3:]),
    st.floats(-8, 8),
    st.sampled_from([1, -1]),
    st.floats(-100, 100),
)
def test_an_affine_map_of_the_response_is_followed(
    seed, size, option, exponent, sign, shift
):
    X, y = problem_of(seed, size, option)
    a = sign * 10.0**exponent
    b = a * shift
    model = shared_fit(seed, size, option)
    mapped = fit(X, a * y + b, size[1], option)
    mapped.coef_ = mapped.coef_ / a
    mapped.intercept_ = (mapped.intercept_ - b) / a
    mapped.scale_ = mapped.scale_ / abs(a)
    mapped.log_likelihood_ += len(y) * np.log(abs(a))
    assert_same_estimate(mapped, model)


@some
@given(seeds, sizes, st.floats(-8, 8), st.sampled_from([1, -1]))
def test_a_factor_of_the_response_is_followed_without_intercept(
    seed, size, exponent, sign
):
    X, y = problem_of(seed, size, OPTIONS[2])
    a = sign * 10.0**exponent
    model = shared_fit(seed, size, OPTIONS[2])
    mapped = fit(X, a * y, size[1], OPTIONS[2])
    mapped.coef_ = mapped.coef_ / a
    mapped.scale_ = mapped.scale_ / abs(a)
    mapped.log_likelihood_ += len(y) * np.log(abs(a))
    assert_same_estimate(mapped, model)


def _map_of(rng, d, spread):
    """An invertible matrix with condition number ``10**spread``."""
    left, _ = np.linalg.qr(rng.normal(size=(d, d)))
    right, _ = np.linalg.qr(rng.normal(size=(d, d)))
    return left * np.logspace(0, spread, d) @ right


@some
@given(
    seeds, sizes, st.booleans(), st.floats(0, 3), st.floats(-6, 6), st.floats(-50, 50)
)
def test_an_affine_map_of_the_features_is_followed(
    seed, size, shared_scale, spread, exponent, shift
):
    option = OPTIONS[int(shared_scale)]
    X, y = problem_of(seed, size, option)
    rng = np.random.default_rng(seed)
    A = 10.0**exponent * _map_of(rng, X.shape[1], spread)
    c = 10.0**exponent * shift * rng.normal(size=X.shape[1])
    model = shared_fit(seed, size, option)
    mapped = fit(X @ A + c, y, size[1], option)
    assert_allclose(mapped.predict_components(X @ A + c), model.predict_components(X))
    # eta = a' + (x A + c) b'  =  (a' + c b') + x (A b').
    mapped.intercept_ = mapped.intercept_ + mapped.coef_ @ c
    mapped.coef_ = mapped.coef_ @ A.T
    assert_same_estimate(mapped, model)


@some
@given(seeds, sizes, st.lists(st.floats(-6, 6), min_size=3, max_size=3))
def test_units_of_the_features_do_not_matter_where_some_are_shared(
    seed, size, exponents
):
    X, y = problem_of(seed, size, {})
    units = 10.0 ** np.array(exponents[: X.shape[1]])
    model = fit(X, y, size[1], {"shared_features": [0]})
    mapped = fit(X * units, y, size[1], {"shared_features": [0]})
    assert_array_equal(np.ptp(model.coef_[:, 0]) <= 1e-9, True)
    mapped.coef_ = mapped.coef_ * units
    assert_same_estimate(mapped, model)


@some
@given(seeds, sizes, options)
def test_single_precision_features_agree_to_single_precision(seed, size, option):
    X, y = problem_of(seed, size, option)
    single = fit(X.astype(np.float32), y, size[1], option)
    rounded = fit(X.astype(np.float32).astype(float), y, size[1], option)
    double = shared_fit(seed, size, option)
    assert single.coef_.dtype == np.float64
    assert_same_estimate(single, rounded, rtol=1e-9)
    for name in ("weights_", "intercept_", "coef_", "scale_"):
        assert_allclose(
            getattr(single, name), getattr(double, name), rtol=1e-5, atol=1e-6
        )
    assert_allclose(
        single.predict(X.astype(np.float32)), double.predict(X), rtol=1e-5, atol=1e-5
    )


@some
@given(seeds, sizes, options)
def test_single_precision_responses_agree_to_single_precision(seed, size, option):
    X, y = problem_of(seed, size, option)
    single = fit(X, y.astype(np.float32), size[1], option)
    double = shared_fit(seed, size, option)
    for name in ("weights_", "intercept_", "coef_", "scale_"):
        assert_allclose(
            getattr(single, name), getattr(double, name), rtol=1e-5, atol=1e-6
        )


# Labels -------------------------------------------------------------------------


@some
@given(seeds, sizes, options, st.randoms(use_true_random=False))
def test_labels_of_the_start_do_not_matter(seed, size, option, random):
    X, y = problem_of(seed, size, option)
    rng = np.random.default_rng(seed)
    K = size[1]
    start = shared_fit(seed, size, option)
    start = {
        "weights": start.weights_,
        "coef": start.coef_ + 0.1 * rng.normal(size=start.coef_.shape),
        "intercept": start.intercept_,
        "scale": 1.5 * start.scale_,
    }
    order = random.sample(range(K), K)
    permuted = {name: value[order] for name, value in start.items()}
    model = fit(X, y, K, option | {"init": start})
    assert_same_estimate(fit(X, y, K, option | {"init": permuted}), model, rtol=1e-9)


# The engine ---------------------------------------------------------------------


def test_threads_of_the_estimator_change_nothing_bit_for_bit():
    sample = separated(0, n=70_000, d=8)
    models = [
        MixtureRegressor(random_state=0, n_jobs=n_jobs).fit(sample.X, sample.y)
        for n_jobs in (None, 2, 3, -1)
    ]
    for model in models[1:]:
        for name in ("weights_", "coef_", "intercept_", "scale_"):
            assert_array_equal(getattr(model, name), getattr(models[0], name))
        assert model.log_likelihood_ == models[0].log_likelihood_


@some
@given(seeds, sizes, options)
def test_parameters_come_back_from_the_engine_unchanged(seed, size, option):
    X, y = problem_of(seed, size, option)
    X = X * np.logspace(-4, 4, X.shape[1]) + 3
    model = fit(X, y, size[1], option)
    structure = make_structure(model, Gaussian(), Columns(X, X.shape[1], None))
    data = Data(X, y, np.ones(len(y)), None, None)
    problem = make_problem(data, structure, 1)
    fitted = Fitted.of(model)
    back = problem.to_user(problem.from_user(fitted)).attributes()
    assert back.keys() == fitted.attributes().keys()
    for name, value in fitted.attributes().items():
        atol = 1e-9 * np.abs(value).max()
        assert_allclose(back[name], value, rtol=1e-9, atol=atol)


@pytest.mark.parametrize("size", [(1, 2), (2, 3)])
def test_the_search_itself_is_blind_to_order_and_repetition(size):
    # Not only the estimate: the optima on the way, and who found them.
    X, y = problem_of(11, size, {})
    weight = np.random.default_rng(0).integers(1, 4, size=len(y))
    order = np.random.default_rng(1).permutation(weight.sum())
    weighted = fit(X, y, size[1], sample_weight=weight).search_
    X, y = np.repeat(X, weight, 0)[order], np.repeat(y, weight)[order]
    repeated = fit(X, y, size[1]).search_
    assert weighted["rounds"] == repeated["rounds"]
    assert weighted["starts"] == repeated["starts"]
    assert weighted["agreeing_arms"] == repeated["agreeing_arms"]
    # Rounding may turn a climb that passes a saddle, so single ones are not compared.
    ours, theirs = (
        [o["log_likelihood"] for o in record["optima"] if o["hits"] > 2]
        for record in (weighted, repeated)
    )
    assert len(ours) >= 1
    assert_allclose(ours, theirs, rtol=1e-8)
