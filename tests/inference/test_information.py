"""How sure: standard errors by other means."""

from functools import cache

import numpy as np
import pytest
import statsmodels.api as sm
from inference.cases import (
    FAMILIES,
    GROUP,
    OFFSET,
    WEIGHT,
    assert_close_cov,
    directions,
    draw,
    fit,
    fit_family,
    infer,
    moved,
    place,
    values,
)
from numpy.testing import assert_allclose
from scipy import special
from support import jacobian, second_derivatives, separated

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn._at_rows import fitted_and_rows
from mixreg_sklearn.gates import ConstantGate, SoftmaxGate
from mixreg_sklearn.inference import inference

# One component is a regression --------------------------------------------------


@pytest.fixture(scope="module")
def clustered():
    rng = np.random.default_rng(5)
    n = 180
    X, cluster = rng.normal(size=(n, 2)), rng.integers(0, 25, n)
    common = rng.normal(size=25)[cluster]
    return X, cluster, common, rng


def regression_block(result):
    """Covariance of the intercept and the coefficients."""
    return result.cov[:3, :3]


def test_one_gaussian_component_is_ordinary_least_squares(clustered):
    X, cluster, common, rng = clustered
    y = X @ [1.0, -2.0] + common + rng.normal(size=len(X)) * (1 + X[:, 0] ** 2)
    ours = {}
    model = MixtureRegressor(1).fit(X, y)
    for cov_type in ("information", "sandwich", "cluster"):
        extra = {"cluster": cluster} if cov_type == "cluster" else {}
        ours[cov_type] = inference(model, X, y, cov_type=cov_type, **extra)
    ols = sm.OLS(y, sm.add_constant(X))
    theirs = ols.fit()
    ml = theirs.cov_params() * theirs.df_resid / theirs.nobs
    assert_allclose(regression_block(ours["information"]), ml, rtol=1e-9, atol=1e-12)
    n, sigma = len(y), model.scale_[0]
    assert_allclose(ours["information"].std_errors[3], sigma / np.sqrt(2 * n))
    hc0 = ols.fit(cov_type="HC0").cov_params()
    assert_allclose(regression_block(ours["sandwich"]), hc0, rtol=1e-9, atol=1e-12)
    keywords = {"groups": cluster, "use_correction": False}
    summed = ols.fit(cov_type="cluster", cov_kwds=keywords).cov_params()
    factor = 25 / 24
    assert len(np.unique(cluster)) == 25
    block = regression_block(ours["cluster"])
    assert_allclose(block, factor * summed, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("family", ["poisson", "binomial"])
def test_one_component_is_a_generalized_linear_model(family, clustered):
    X, cluster, common, rng = clustered
    eta = 0.3 + X @ [0.5, -0.4] + 0.5 * common
    if family == "poisson":
        y, theirs = rng.poisson(np.exp(eta)), sm.families.Poisson()
    else:
        y, theirs = rng.binomial(1, special.expit(eta)), sm.families.Binomial()
    model = MixtureRegressor(1, family=family).fit(X, y)
    glm = sm.GLM(y, sm.add_constant(X), theirs)
    tight = {"tol": 1e-14, "maxiter": 100}
    keywords = {"groups": cluster, "use_correction": False}
    for cov_type, their_type, extra, given, factor in (
        ("information", "nonrobust", {}, None, 1.0),
        ("sandwich", "HC0", {}, None, 1.0),
        ("cluster", "cluster", {"cluster": cluster}, keywords, 25 / 24),
    ):
        ours = inference(model, X, y, cov_type=cov_type, **extra)
        fitted = glm.fit(cov_type=their_type, cov_kwds=given, **tight)
        assert_allclose(ours.params, fitted.params, rtol=1e-7)
        assert_allclose(ours.cov, factor * fitted.cov_params(), rtol=1e-6, atol=1e-10)


def test_one_gamma_component_has_the_observed_information_of_the_model(clustered):
    X, _, common, rng = clustered
    y = np.exp(X @ [0.5, -0.4] + common) * rng.gamma(3.0, 1 / 3, size=len(X))
    model = MixtureRegressor(1, family="gamma").fit(X, y)
    family = sm.families.Gamma(sm.families.links.Log())
    glm = sm.GLM(y, sm.add_constant(X), family)
    coef = np.append(model.intercept_, model.coef_)
    hessian = glm.hessian(coef, scale=model.scale_[0] ** 2, observed=True)
    ours = regression_block(inference(model, X, y))
    assert_allclose(ours, -np.linalg.inv(hessian), rtol=1e-8, atol=1e-12)


# The information is the curvature of the log-likelihood -------------------------


def assert_is_inverse_curvature(model, result, X, y, penalty=None, **arguments):
    size = np.array([result.working_std_errors[m[0]] for m in directions(result)])

    def objective(steps):
        other = moved(model, result, steps)
        bonus = 0.0 if penalty is None else penalty(other)
        return other.log_likelihood(X, y, **arguments) + bonus

    information = -second_derivatives(objective, size)
    slopes = jacobian(
        lambda steps: values(moved(model, result, steps), result),
        np.zeros(len(size)),
        1e-3 * size,
    )
    theirs = slopes.T @ np.linalg.inv(information) @ slopes
    scale = np.sqrt(np.outer(np.diag(theirs), np.diag(theirs)))
    assert (np.abs(result.cov - theirs) <= 1e-5 * scale).all()
    return theirs


@pytest.mark.parametrize("name", FAMILIES)
def test_covariance_is_the_inverse_curvature_of_the_log_likelihood(name):
    (X, y, arguments), model, result = fit_family(name)
    assert (result.std_errors > 0).all()
    assert_is_inverse_curvature(model, result, X, y, **arguments)


@pytest.mark.parametrize("name", FAMILIES)
def test_covariance_with_a_gate_is_the_inverse_curvature(name):
    (X, y, arguments), model, result = fit_family(name, gated=True)
    assert "component 1: gate x1" in result.names
    assert not [t for t in result.terms if t.attribute == "weights_"]
    assert_is_inverse_curvature(model, result, X, y, **arguments)


STRUCTURES = {
    "shared coefficient": ({"shared_features": [1]}, {}),
    "shared scale": ({"shared_scale": True}, {}),
    "shared intercept": ({"shared_features": {"intercept": [[0, 1]]}}, {}),
    "held in one component": ({"held_coef": {1: [0.25, None]}}, {}),
    "held everywhere": ({"held_coef": {1: 0.2}}, {}),
    "equal shares": ({"gate": ConstantGate("equal")}, {}),
    "fewer features": ({"regression_features": [0]}, {}),
    "intercepts alone": ({"regression_features": []}, {}),
    "no intercept": ({"fit_intercept": False}, {}),
    "gate of one feature": ({"gate": "softmax", "gate_features": [0]}, {}),
    "offset": ({}, {"offset": OFFSET}),
    "offset by name": ({"offset_feature": 1}, {}),
    "weights": ({}, {"sample_weight": WEIGHT}),
    "normalized weights": ({}, {"sample_weight": WEIGHT / WEIGHT.sum()}),
    "groups": ({}, {"groups": GROUP}),
    "groups and weights": ({}, {"groups": GROUP, "sample_weight": 1 + WEIGHT[GROUP]}),
    "groups and shared": ({"shared_features": [0]}, {"groups": GROUP}),
}


@cache
def _fit_structure(case):
    options, arguments = STRUCTURES[case]
    X, y, _ = draw("gaussian", groups=GROUP if "groups" in arguments else None)
    data = X, y + arguments.get("offset", 0.0), arguments
    model = fit(data, **options)
    return data, model, infer(model, data)


@pytest.mark.parametrize("case", STRUCTURES)
def test_covariance_under_constraints_is_the_inverse_curvature(case):
    (X, y, arguments), model, result = _fit_structure(case)
    assert_is_inverse_curvature(model, result, X, y, **arguments)
    assert np.linalg.matrix_rank(result.factor) == model.n_parameters_


def test_covariance_with_three_components_shared_by_two_is_the_inverse_curvature():
    sample = separated(1, n=300, d=2, n_components=3)
    data = sample.X, sample.y, {}
    model = fit(
        data, 3, shared_features={0: [[0, 2]]}, held_coef={1: [None, 0.0, None]}
    )
    result = infer(model, data)
    notes = {t.name: t.note for t in result.terms if t.note}
    assert notes == {
        "component 0: x0": "shared",
        "component 2: x0": "shared",
        "component 1: x1": "held",
    }
    assert_is_inverse_curvature(model, result, sample.X, sample.y)


def test_covariance_with_groups_and_a_gate_is_the_inverse_curvature():
    data = draw("poisson", gated=True, groups=GROUP)
    model = fit(data, family="poisson", gate="softmax", gate_features=[1])
    assert_is_inverse_curvature(model, infer(model, data), *data[:2], **data[2])


def test_a_ridge_on_the_gate_is_part_of_the_information():
    data = draw("gaussian", gated=True)
    alpha = 5.0
    model = fit(data, gate=SoftmaxGate(alpha=alpha))

    def penalty(other):
        # Half alpha times the variance of the centered log-odds (SoftmaxGate).
        odds = data[0] @ other.gate_coef_.T
        odds -= odds.mean(axis=1, keepdims=True)
        return -0.5 * alpha * odds.var(axis=0).sum()

    result = infer(model, data)
    assert_is_inverse_curvature(model, result, *data[:2], penalty=penalty)


# Other covariances --------------------------------------------------------------


def unit_scores(model, result, X, y, weight=None, groups=None):
    """Derivatives of each unit's log-likelihood in the directions, (U, m)."""
    unit = np.arange(len(y)) if groups is None else groups
    size = np.array([result.working_std_errors[m[0]] for m in directions(result)])

    def loglik(steps):
        other = moved(model, result, steps)
        fitted, *rows = fitted_and_rows(other, X, y, groups, None)
        return np.logaddexp.reduce(fitted.log_joint(*rows), axis=1)

    assert len(np.unique(unit)) == len(loglik(0 * size))
    return jacobian(loglik, np.zeros(len(size)), 1e-2 * size).T


@pytest.mark.parametrize("grouped", [False, True])
def test_sandwich_cluster_and_opg_are_made_of_the_scores(grouped):
    groups = GROUP if grouped else None
    X, y, _ = draw("gaussian", groups=groups)
    weight = 1 + (WEIGHT[GROUP] if grouped else WEIGHT)
    data = X, y, {"sample_weight": weight, "groups": groups}
    model = fit(data)
    result = infer(model, data)
    scores = unit_scores(model, result, X, y, groups=groups)
    units = np.arange(len(scores))
    weight = weight[:: 3 if grouped else 1]
    slopes = jacobian(
        lambda steps: values(moved(model, result, steps), result),
        np.zeros(scores.shape[1]),
        1e-4,
    )
    # Of the directions themselves, from the covariance of the parameters they are.
    back = np.linalg.pinv(slopes)
    bread = back.T @ result.cov @ back
    meat = (scores * weight[:, None]).T @ scores
    theirs = slopes.T @ bread @ meat @ bread @ slopes
    assert_close_cov(infer(model, data, cov_type="sandwich").cov, theirs)
    theirs = slopes.T @ np.linalg.inv(meat) @ slopes
    assert_close_cov(infer(model, data, cov_type="opg").cov, theirs)
    of_units = units % 20
    sums = np.array(
        [(scores * weight[:, None])[of_units == c].sum(0) for c in range(20)]
    )
    theirs = slopes.T @ bread @ (20 / 19 * sums.T @ sums) @ bread @ slopes
    cluster = np.array(list("abcdefghijklmnopqrst"))[of_units]
    cluster = cluster[GROUP] if grouped else cluster
    ours = infer(model, data, cov_type="cluster", cluster=cluster)
    assert_close_cov(ours.cov, theirs)


def test_clusters_of_one_row_are_the_sandwich_but_for_the_factor(lines, model):
    n = len(lines[1])
    ours = infer(model, lines, cov_type="cluster", cluster=np.arange(n)).cov
    theirs = infer(model, lines, cov_type="sandwich").cov
    assert_close_cov(ours, theirs * n / (n - 1), rtol=1e-12)


@cache
def _weighted(factor):
    X, y, _ = draw("gaussian")
    data = X, y, {"sample_weight": factor * (1 + WEIGHT)}
    return fit(data), data


@pytest.mark.parametrize(
    ("cov_type", "power"),
    [("information", 1), ("opg", 1), ("sandwich", 1), ("cluster", 0)],
)
def test_smaller_weights_are_fewer_rows_but_not_fewer_clusters(cov_type, power):
    cluster = {"cluster": np.arange(240) // 8} if cov_type == "cluster" else {}
    options = {"cov_type": cov_type, **cluster}
    covariances = [infer(*_weighted(factor), **options).cov for factor in (1, 1e-3)]
    assert_close_cov(covariances[1], covariances[0] * 1e3**power, rtol=1e-6)


# Invariances --------------------------------------------------------------------


@pytest.fixture(scope="module")
def weighted_and_repeated():
    X, y, _ = draw("gaussian")
    weighted = X, y, {"sample_weight": WEIGHT}
    repeated = np.repeat(X, WEIGHT, axis=0), np.repeat(y, WEIGHT), {}
    return (fit(weighted), weighted), (fit(repeated), repeated)


@pytest.mark.parametrize("cov_type", ["information", "opg", "sandwich"])
def test_weights_equal_repetition(cov_type, weighted_and_repeated):
    ours, theirs = (infer(*each, cov_type=cov_type) for each in weighted_and_repeated)
    assert_allclose(ours.std_errors, theirs.std_errors, rtol=1e-6)


@pytest.fixture(scope="module")
def in_two_orders():
    """Fits, their data, and clusters."""
    X, y, arguments = draw("poisson", groups=GROUP)
    order = np.random.default_rng(0).permutation(len(y))
    other = X[order], y[order], {"groups": arguments["groups"][order]}
    data, cluster = (X, y, arguments), GROUP // 4
    return [
        (fit(rows, family="poisson"), rows, labels)
        for rows, labels in ((other, cluster[order]), (data, cluster))
    ]


@pytest.mark.parametrize("cov_type", ["information", "opg", "sandwich", "cluster"])
def test_the_order_of_rows_changes_nothing(cov_type, in_two_orders):
    ours, theirs = (
        infer(
            *fitted,
            cov_type=cov_type,
            cluster=labels if cov_type == "cluster" else None,
        )
        for *fitted, labels in in_two_orders
    )
    assert_allclose(ours.std_errors, theirs.std_errors, rtol=1e-6)


UNIT = np.array([1e4, 1e-3])


@pytest.fixture(scope="module")
def in_two_units():
    X, y, _ = draw("gaussian", gated=True)
    other = X * UNIT + np.array([5e4, 2e-3]), 50 * y + 7, {}
    return [(fit(data, gate="softmax"), data) for data in (other, (X, y, {}))]


@pytest.mark.parametrize("cov_type", ["information", "opg", "sandwich"])
def test_units_of_measurement_change_the_units_of_the_errors(cov_type, in_two_units):
    ours, theirs = (infer(*each, cov_type=cov_type) for each in in_two_units)
    for i, term in enumerate(theirs.terms):
        if term.attribute == "coef_":
            factor = 50 / UNIT[term.feature]
        elif term.attribute == "gate_coef_":
            factor = 1 / UNIT[term.feature]
        elif term.attribute == "scale_":
            factor = 50
        else:
            continue  # intercepts are at another origin
        assert_allclose(ours.std_errors[i], factor * theirs.std_errors[i], rtol=1e-6)


def test_blocks_change_nothing(monkeypatch, lines, model, result):
    cluster = np.arange(len(lines[1])) % 30
    whole = infer(model, lines, cov_type="cluster", cluster=cluster)
    monkeypatch.setattr("mixreg_sklearn._engine.sources._MOST_ROWS", 16)
    blocks = infer(model, lines, cov_type="cluster", cluster=cluster)
    assert_allclose(blocks.cov, whole.cov, rtol=1e-9)


def test_rows_of_weight_zero_are_no_rows(lines, model, result):
    X, y, _ = lines
    more = np.vstack([X, X[:7] + 9]), np.append(y, y[:7] - 99)
    weight = np.append(np.ones(len(y)), np.zeros(7))
    for cov_type in ("information", "sandwich"):
        ours = inference(model, *more, weight, cov_type=cov_type)
        theirs = inference(model, X, y, cov_type=cov_type)
        assert_allclose(ours.cov, theirs.cov, rtol=1e-9)


# Features that depend on each other ---------------------------------------------


def test_coefficients_that_are_not_identified_have_no_standard_error():
    X, y, _ = draw("gaussian")
    X = np.column_stack([X[:, 0], X[:, 1], 1e5 * X[:, 1] + 3, np.full(len(X), 4.0)])
    data = X, y, {}
    result = infer(fit(data), data)
    plain = X[:, :2], y, {}
    theirs = infer(fit(plain), plain)
    for k in range(2):
        for j in (1, 2, 3):
            i = place(result, "coef_", k, j)
            assert result.terms[i].note == "not identified"
            assert np.isnan(result.std_errors[i])
            assert np.isnan(result.conf_int()[i]).all()
        # x2 and the constant move the intercept.
        assert np.isnan(result.std_errors[place(result, "intercept_", k)])
        for attribute, j in (("coef_", 0), ("scale_", None), ("weights_", None)):
            ours = result.std_errors[place(result, attribute, k, j)]
            error = theirs.std_errors[place(theirs, attribute, k, j)]
            assert_allclose(ours, error, rtol=1e-6)
    assert "linear combination of others" in str(result)
    with pytest.raises(ValueError, match="no standard error: not identified"):
        result.test_equal("x1")


def test_what_is_held_may_identify_what_depends_on_it():
    X, y, _ = draw("gaussian")
    X = np.column_stack([X, X[:, 0] - X[:, 1]])
    data = X, y, {}
    model = fit(data, held_coef={2: 0.5})
    result = infer(model, data)
    assert not np.isnan(result.std_errors).any()
    assert_is_inverse_curvature(model, result, X, y)


def test_sharing_one_feature_does_not_identify_two_others():
    X, y, _ = draw("gaussian")
    data = np.column_stack([X, 3 * X[:, 1] - 1]), y, {}
    result = infer(fit(data, shared_features=[0]), data)
    theirs = infer(fit((X, y, {}), shared_features=[0]), (X, y, {}))
    for k in range(2):
        for attribute, j in (("coef_", 1), ("coef_", 2), ("intercept_", None)):
            assert np.isnan(result.std_errors[place(result, attribute, k, j)])
        ours = result.std_errors[place(result, "coef_", k, 0)]
        error = theirs.std_errors[place(theirs, "coef_", k, 0)]
        assert_allclose(ours, error, rtol=1e-6)


def test_a_gate_may_have_coefficients_that_are_not_identified():
    X, y, _ = draw("gaussian", gated=True)
    wide = np.column_stack([X, 2 * X[:, 1]]), y, {}
    options = {"gate": "softmax", "regression_features": [0]}
    result = infer(fit(wide, gate_features=[1, 2], **options), wide)
    theirs = infer(fit((X, y, {}), gate_features=[1], **options), (X, y, {}))
    assert np.isnan(result.std_errors[place(result, "gate_coef_", 1, 1)])
    assert np.isnan(result.std_errors[place(result, "gate_coef_", 1, 2)])
    at = "gate_intercept_", 1
    ours = result.std_errors[place(result, *at)]
    assert_allclose(ours, theirs.std_errors[place(theirs, *at)], rtol=1e-6)


def test_a_scale_at_its_limit_has_no_standard_error_and_the_rest_are_poisson():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(400, 1))
    first = rng.random(400) < 0.6
    # Less than Poisson variation about both regressions.
    mean = np.exp(np.where(first, 3 + 0.3 * X[:, 0], 0.5 - 0.3 * X[:, 0]))
    y = rng.binomial(np.full(400, 60), mean / 60)
    data = X, y, {}
    model = fit(data, family="negative_binomial")
    assert (model.scale_ == 1e-6).all()
    result = infer(model, data)
    assert result.factor.shape[1] == model.n_parameters_ - 2
    theirs = infer(fit(data, family="poisson"), data)
    for k in range(2):
        i = place(result, "scale_", k)
        assert result.terms[i].note == "at its limit"
        assert np.isnan(result.std_errors[i])
        for attribute, j in (("intercept_", None), ("coef_", 0), ("weights_", None)):
            ours = result.std_errors[place(result, attribute, k, j)]
            error = theirs.std_errors[place(theirs, attribute, k, j)]
            assert_allclose(ours, error, rtol=1e-4)
