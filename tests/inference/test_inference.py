"""How sure: standard errors, tests, effects and the bootstrap, by other means."""

import copy
import re
import warnings
from functools import cache, partial

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import test_reference as reference
from numpy.testing import assert_allclose, assert_array_equal
from scipy import special, stats
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from support import jacobian, separated

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn._engine.rows import ArrayRows
from mixreg_sklearn._fitted import log_joint_of
from mixreg_sklearn.families import (
    Beta,
    Binomial,
    Gamma,
    Gaussian,
    InverseGaussian,
    NegativeBinomial,
    Poisson,
)
from mixreg_sklearn.gates import ConstantGate, SoftmaxGate
from mixreg_sklearn.inference import bootstrap, inference, marginal_effects
from mixreg_sklearn.metrics import InSample, bic_scorer

# Data and fits -----------------------------------------------------------------

# Linear predictors of two components, far apart on the scale of each link.
LEVELS = {
    "identity": ([8.0, 2.0], [[0.5, 0.2], [-0.3, 0.3]]),
    "log": ([3.5, 1.5], [[0.4, 0.0], [-0.5, 0.3]]),
    "inverse": ([0.2, 1.5], [[0.02, 0.01], [0.15, -0.1]]),
    "logit": ([1.5, -1.5], [[0.5, 0.0], [-0.6, 0.4]]),
    "probit": ([1.0, -1.0], [[0.3, 0.0], [-0.4, 0.2]]),
    "cloglog": ([0.5, -2.0], [[0.3, 0.0], [-0.4, 0.2]]),
}
FAMILIES = {
    "gaussian": (Gaussian(), "identity", 0.7),
    "poisson": (Poisson(), "log", 1.0),
    "poisson, identity": (Poisson(link="identity"), "identity", 1.0),
    "binomial": (Binomial(), "logit", 1.0),
    "binomial, probit": (Binomial(link="probit"), "probit", 1.0),
    "binomial, cloglog": (Binomial(link="cloglog"), "cloglog", 1.0),
    "gamma": (Gamma(), "log", 0.3),
    "gamma, inverse": (Gamma(link="inverse"), "inverse", 0.3),
    "negative binomial": (NegativeBinomial(), "log", 0.4),
    "inverse gaussian": (InverseGaussian(), "log", 0.1),
    "beta": (Beta(), "logit", 0.3),
}
TRIALS = 12


def draw(name, seed=0, n=240, gated=False, groups=None):
    """Features, responses, and the arguments of `fit` that go with them."""
    family, link, scale = FAMILIES[name]
    rng = np.random.default_rng(seed)
    X = np.clip(rng.normal(size=(n, 2)), -2, 2)
    level, slopes = map(np.array, LEVELS[link])
    unit = np.arange(n) if groups is None else groups
    first = np.unique(unit, return_index=True)[1]
    if gated:
        X[:, 1] = X[first[unit], 1]
    odds = 0.3 + (1.2 * X[first, 1] if gated else 0.0)
    label = (rng.random(len(first)) > special.expit(odds)).astype(int)[unit]
    eta = level[label] + np.einsum("ij,ij->i", X, slopes[label])
    given = {"trials": TRIALS} if name.startswith("binomial") else {}
    y = family.sample(eta, np.full(n, scale), rng, **given)
    arguments = {"trials": np.full(n, TRIALS)} if given else {}
    if groups is not None:
        arguments["groups"] = groups
    return X, y, arguments


def fit(data, n_components=2, **options):
    X, y, arguments = data
    options = {"random_state": 0} | options
    model = MixtureRegressor(n_components, **options).fit(X, y, **arguments)
    assert model.converged_
    return model


@cache
def _fit_family(name, gated=False):
    data = draw(name, gated=gated)
    gate = "softmax" if gated else None
    model = fit(data, family=FAMILIES[name][0], gate=gate)
    return data, model, inference(model, *data[:2], **data[2])


@pytest.fixture(scope="module")
def lines():
    sample = separated(3, n=160, d=2)
    return sample.X, sample.y, {}


@pytest.fixture(scope="module")
def model(lines):
    return fit(lines)


@pytest.fixture(scope="module")
def result(lines, model):
    return inference(model, *lines[:2])


def infer(model, data, **options):
    X, y, arguments = data
    return inference(model, X, y, **arguments, **options)


def place(result, attribute, component, feature=None):
    """Where a parameter is in a result."""
    for i, term in enumerate(result.terms):
        if (term.attribute, term.component, term.feature) == (
            attribute,
            component,
            feature,
        ):
            return i
    raise LookupError(attribute, component, feature)


# The reference -----------------------------------------------------------------


@cache
def _reference(name):
    case, model = reference.CASES[name], reference._fit(name, 0)
    X, y, extra = reference._data(case)
    result = inference(model, X, y, **extra)
    return case, model, list(X.columns), result


@pytest.mark.parametrize("name", reference.INTERIOR)
def test_standard_errors_are_those_of_the_reference(name):
    case, model, columns, result = _reference(name)
    theirs = case["mle"]["std_errors"]
    order = reference._matching(name, 0)

    def error(attribute, k, feature=None):
        feature = None if feature is None else columns.index(feature)
        return result.std_errors[place(result, attribute, k, feature)]

    pairs = []
    for part, k in zip(theirs["components"], order, strict=True):
        pairs.append((error("intercept_", k), part["intercept"]))
        pairs += [(error("coef_", k, j), v) for j, v in part["coef"].items()]
        pairs += [(error("coef_", k, j), v) for j, v in theirs["shared_coef"].items()]
        if "prior" in part:
            pairs.append((error("weights_", k), part["prior"]))
        if "sigma" in part:
            pairs.append((error("scale_", k), part["sigma"]))
        if "shape" in part:
            slope = 2 * model.scale_[k] ** -3  # of the shape, scale**-2
            pairs.append((slope * error("scale_", k), part["shape"]))
    ours, others = np.array(pairs).T
    # What the reference promises is se_rtol, 2 %; both are exact to far more.
    assert case["check"]["se_rtol"] >= 1e-6
    assert_allclose(ours, others, rtol=1e-6)
    # Everything that was estimated was compared.
    n_gate = sum(t.attribute.startswith("gate") for t in result.terms)
    assert len(pairs) == len(result.terms) - n_gate


@pytest.mark.parametrize("name", reference.GATED)
def test_standard_errors_of_gates_are_those_of_the_reference(name):
    case, _, columns, result = _reference(name)
    order = reference._matching(name, 0)
    features = [None, *(columns.index(j) for j in case["gating"])]
    for i, k in enumerate(order[1:], start=1):
        for q, j in enumerate(features):
            attribute = "gate_intercept_" if j is None else "gate_coef_"
            # The baseline of the reference is its own first component.
            contrast = np.zeros(len(result.params))
            for component, sign in ((k, 1), (order[0], -1)):
                if component:
                    contrast[place(result, attribute, component, j)] = sign
            ours = np.sqrt(contrast @ result.cov @ contrast)
            theirs = case["mle"]["std_errors"]["gating"][i][q]
            assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("name", reference.BOUNDARY)
def test_a_maximum_at_infinity_has_no_standard_errors(name):
    case, model = reference.CASES[name], reference._fit(name, 0)
    X, y, extra = reference._data(case)
    with pytest.raises(ValueError, match=r"at a boundary: features of the gate"):
        inference(model, X, y, **extra)


# One component is a regression -------------------------------------------------


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


# The information is the curvature of the log-likelihood ------------------------


def directions(result):
    """What may move: each free parameter, and the shared ones together."""
    found = {}
    for i, term in enumerate(result.terms):
        if term.note == "held" or (term.attribute, term.component) == ("weights_", 0):
            continue
        key = (term.label, result.params[i]) if term.note == "shared" else i
        found.setdefault(key, []).append(i)
    return list(found.values())


def moved(model, result, steps):
    """The model after steps in working parameters; shares against component 0."""
    other = copy.copy(model)
    for term in result.terms:
        setattr(other, term.attribute, getattr(model, term.attribute).copy())
    logits = np.log(model.weights_)
    for members, step in zip(directions(result), steps, strict=True):
        for term in (result.terms[i] for i in members):
            at = (term.component, term.feature)[: 1 + (term.feature is not None)]
            values = getattr(other, term.attribute)
            if term.attribute == "weights_":
                logits[at] += step
            elif term.attribute == "scale_":
                values[at] *= np.exp(step)
            else:
                values[at] += step
    if not hasattr(model, "gate_coef_"):
        other.weights_ = special.softmax(logits)
    return other


def values(model, result):
    """The parameters of a model in the order of a result."""
    return np.array(
        [
            getattr(model, t.attribute)[
                (t.component, t.feature)[: 1 + (t.feature is not None)]
            ]
            for t in result.terms
        ]
    )


def second_derivatives(function, size):
    """Hessian at zero by differences of second order, extrapolated once."""

    def at_step(h):
        m = len(size)
        step = np.diag(size * h)
        hessian = np.empty((m, m))
        for i in range(m):
            for j in range(i + 1):
                signs = [(a, b) for a in (1, -1) for b in (1, -1)]
                four = [a * b * function(a * step[i] + b * step[j]) for a, b in signs]
                hessian[i, j] = sum(four) / (4 * step[i, i] * step[j, j])
                hessian[j, i] = hessian[i, j]
        return hessian

    return (4 * at_step(0.01) - at_step(0.02)) / 3


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
    (X, y, arguments), model, result = _fit_family(name)
    assert (result.std_errors > 0).all()
    assert_is_inverse_curvature(model, result, X, y, **arguments)


@pytest.mark.parametrize("name", FAMILIES)
def test_covariance_with_a_gate_is_the_inverse_curvature(name):
    (X, y, arguments), model, result = _fit_family(name, gated=True)
    assert "component 1: gate x1" in result.names
    assert not [t for t in result.terms if t.attribute == "weights_"]
    assert_is_inverse_curvature(model, result, X, y, **arguments)


# Name of a case: options of the model, arguments of fit besides those drawn.
GROUP = np.arange(240) // 3
WEIGHT = np.random.default_rng(9).integers(0, 4, 240)
OFFSET = np.random.default_rng(8).normal(size=240)
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
    "normalised weights": ({}, {"sample_weight": WEIGHT / WEIGHT.sum()}),
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
        # Half alpha times the variance of the centred log-odds (SoftmaxGate).
        odds = data[0] @ other.gate_coef_.T
        odds -= odds.mean(axis=1, keepdims=True)
        return -0.5 * alpha * odds.var(axis=0).sum()

    result = infer(model, data)
    assert_is_inverse_curvature(model, result, *data[:2], penalty=penalty)


# Other covariances -------------------------------------------------------------


def unit_scores(model, result, X, y, weight=None, groups=None):
    """Derivatives of each unit's log-likelihood in the directions, (U, m)."""
    unit = np.arange(len(y)) if groups is None else groups
    size = np.array([result.working_std_errors[m[0]] for m in directions(result)])

    def loglik(steps):
        other = moved(model, result, steps)
        joint, _ = log_joint_of(other, X, y, groups, None)
        return np.logaddexp.reduce(joint, axis=1)

    assert len(np.unique(unit)) == len(loglik(0 * size))
    return jacobian(loglik, np.zeros(len(size)), 1e-2 * size).T


def assert_close_cov(ours, theirs, rtol=1e-5):
    scale = np.sqrt(np.outer(np.diag(theirs), np.diag(theirs)))
    assert (np.abs(ours - theirs) <= rtol * scale).all()


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


@pytest.mark.parametrize(
    ("cov_type", "power"),
    [("information", 1), ("opg", 1), ("sandwich", 1), ("cluster", 0)],
)
def test_smaller_weights_are_fewer_rows_but_not_fewer_clusters(cov_type, power):
    X, y, _ = draw("gaussian")
    cluster = {"cluster": np.arange(240) // 8} if cov_type == "cluster" else {}
    covariances = []
    for factor in (1, 1e-3):
        data = X, y, {"sample_weight": factor * (1 + WEIGHT)}
        options = {"cov_type": cov_type, **cluster}
        covariances.append(infer(fit(data), data, **options).cov)
    assert_close_cov(covariances[1], covariances[0] * 1e3**power, rtol=1e-6)


# Invariances -------------------------------------------------------------------


@pytest.mark.parametrize("cov_type", ["information", "opg", "sandwich"])
def test_weights_equal_repetition(cov_type):
    X, y, _ = draw("gaussian")
    weighted = X, y, {"sample_weight": WEIGHT}
    repeated = np.repeat(X, WEIGHT, axis=0), np.repeat(y, WEIGHT), {}
    ours = infer(fit(weighted), weighted, cov_type=cov_type)
    theirs = infer(fit(repeated), repeated, cov_type=cov_type)
    assert_allclose(ours.std_errors, theirs.std_errors, rtol=1e-6)


@pytest.mark.parametrize("cov_type", ["information", "opg", "sandwich", "cluster"])
def test_the_order_of_rows_changes_nothing(cov_type):
    X, y, arguments = draw("poisson", groups=GROUP)
    order = np.random.default_rng(0).permutation(len(y))
    other = X[order], y[order], {"groups": arguments["groups"][order]}
    data = X, y, arguments
    cluster = GROUP // 4
    ours, theirs = (
        infer(
            fit(rows, family="poisson"),
            rows,
            cov_type=cov_type,
            cluster=labels if cov_type == "cluster" else None,
        )
        for rows, labels in ((other, cluster[order]), (data, cluster))
    )
    assert_allclose(ours.std_errors, theirs.std_errors, rtol=1e-6)


@pytest.mark.parametrize("cov_type", ["information", "opg", "sandwich"])
def test_units_of_measurement_change_the_units_of_the_errors(cov_type):
    X, y, _ = draw("gaussian", gated=True)
    unit, origin = np.array([1e4, 1e-3]), np.array([5e4, 2e-3])
    other = X * unit + origin, 50 * y + 7, {}
    data = X, y, {}
    model, moved_model = fit(data, gate="softmax"), fit(other, gate="softmax")
    ours = infer(moved_model, other, cov_type=cov_type)
    theirs = infer(model, data, cov_type=cov_type)
    for i, term in enumerate(theirs.terms):
        if term.attribute == "coef_":
            factor = 50 / unit[term.feature]
        elif term.attribute == "gate_coef_":
            factor = 1 / unit[term.feature]
        elif term.attribute == "scale_":
            factor = 50
        else:
            continue  # intercepts are at another origin
        assert_allclose(ours.std_errors[i], factor * theirs.std_errors[i], rtol=1e-6)


def test_blocks_change_nothing(monkeypatch, lines, model, result):
    cluster = np.arange(len(lines[1])) % 30
    whole = infer(model, lines, cov_type="cluster", cluster=cluster)
    small = partial(ArrayRows, block_size=16)
    monkeypatch.setattr("mixreg_sklearn._engine.problem.ArrayRows", small)
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


# Features that depend on each other --------------------------------------------


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


# Intervals, tests, tables ------------------------------------------------------


def test_intervals_of_scales_and_shares_are_made_on_logarithms_and_log_odds(result):
    lower, upper = result.conf_int(0.9).T
    z = stats.norm.ppf(0.95)
    for i, term in enumerate(result.terms):
        value, error = result.params[i], result.std_errors[i]
        if term.attribute == "scale_":
            half = z * error / value
            theirs = value * np.exp([-half, half])
            working = np.log(value)
        elif term.attribute == "weights_":
            half = z * error / (value * (1 - value))
            theirs = special.expit(special.logit(value) + np.array([-half, half]))
            working = special.logit(value)
        else:
            theirs, working = value + z * np.array([-error, error]), value
        assert_allclose([lower[i], upper[i]], theirs, rtol=1e-12)
        assert_allclose(result.working_params[i], working, rtol=1e-12)


def test_only_coefficients_are_tested_against_zero(result):
    for i, term in enumerate(result.terms):
        if term.attribute in ("scale_", "weights_"):
            assert np.isnan([result.z[i], result.p_values[i]]).all()
            continue
        test = result.wald_test({term.name: 1.0})
        assert_allclose(result.z[i] ** 2, test.statistic, rtol=1e-9)
        assert_allclose(result.p_values[i], test.p_value, rtol=1e-7)
        assert test.df == 1


def brute_force(result, R, value):
    difference = R @ result.params - value
    statistic = difference @ np.linalg.solve(R @ result.cov @ R.T, difference)
    return statistic, stats.chi2.sf(statistic, len(R))


def test_wald_tests_are_those_of_the_textbook(result):
    R = np.random.default_rng(0).normal(size=(3, len(result.params)))
    value = R @ result.params + [0.01, -0.02, 0.03]
    test = result.wald_test(R, value)
    assert test.df == 3
    assert_allclose(test[::2], brute_force(result, R, value), rtol=1e-6)
    # Other rows with the same meaning, and one of them twice.
    mixed = np.array([[1.0, 2, 0], [0, -1, 1], [0, 0, 5], [1, 2, 0]])
    again = result.wald_test(mixed @ R, mixed @ value)
    assert again.df == 3
    assert_allclose(again.statistic, test.statistic, rtol=1e-6)


def test_hypotheses_by_name_are_rows_of_a_matrix(result):
    names = result.names
    R = np.zeros((2, len(names)))
    R[0, names.index("component 0: x0")], R[0, names.index("component 1: x0")] = 1, -1
    R[1, names.index("component 1: scale")] = 2
    ours = result.wald_test(
        [{"component 0: x0": 1, "component 1: x0": -1}, {"component 1: scale": 2}],
        [0.5, 1.0],
    )
    assert ours == result.wald_test(R, [0.5, 1.0])
    assert result.test_equal("x0") == result.test_equal(0) == result.wald_test(R[0])
    zero = result.test_zero("x1")
    rows = [{"component 0: x1": 1}, {"component 1: x1": 1}]
    assert_allclose(zero, result.wald_test(rows), rtol=1e-12)
    assert result.test_zero("intercept").df == 2


def test_scales_are_compared_as_logarithms(result):
    i, j = (place(result, "scale_", k) for k in range(2))
    R = np.zeros((1, len(result.params)))
    R[0, i], R[0, j] = -1 / result.params[i], 1 / result.params[j]
    difference = np.log(result.params[j] / result.params[i])
    theirs = difference**2 / (R @ result.cov @ R.T).item()
    assert_allclose(result.test_equal("scale").statistic, theirs, rtol=1e-9)
    # With two shares, that they are equal is that one is a half.
    share = place(result, "weights_", 0)
    odds = special.logit(result.params[share])
    theirs = (odds / result.working_std_errors[share]) ** 2
    assert_allclose(result.test_equal("share").statistic, theirs, rtol=1e-6)


def test_shared_coefficients_are_tested_once_and_known_ones_not_at_all():
    sample = separated(1, n=300, d=2, n_components=3)
    data = sample.X, sample.y, {}
    options = {"shared_features": {0: [[0, 2]]}, "held_coef": {1: [None, 0.0, 0.7]}}
    result = infer(fit(data, 3, **options), data)
    i, j = (place(result, "coef_", k, 0) for k in (0, 1))
    assert result.test_zero("x0").df == 2
    equal = result.test_equal("x0")
    assert equal.df == 1
    theirs = result.wald_test({result.names[i]: 1, result.names[j]: -1})
    assert_allclose(equal, theirs, rtol=1e-9)
    with pytest.raises(ValueError, match="false by construction"):
        result.test_zero("x1")  # it is held at 0.7
    with pytest.raises(ValueError, match="false by construction"):
        result.test_equal("x1")  # and at 0 in another component
    held = place(result, "coef_", 1, 1)
    assert result.std_errors[held] == 0
    assert_array_equal(result.conf_int()[held], 0)
    assert np.isnan(result.z[held])
    with pytest.raises(ValueError, match="holds by construction"):
        result.wald_test({"component 1: x1": 1})
    only = infer(fit(data, 3, shared_features=[0]), data)
    assert only.test_zero("x0").df == 1
    with pytest.raises(ValueError, match="holds by construction"):
        only.test_equal("x0")
    errors = [only.std_errors[place(only, "coef_", k, 0)] for k in range(3)]
    assert_allclose(errors, errors[0], rtol=1e-9)


def test_a_coefficient_held_in_one_component_is_compared_with_its_value():
    data = draw("gaussian")
    result = infer(fit(data, held_coef={1: [None, 0.25]}), data)
    at = "component 0: x1"
    equal, theirs = result.test_equal("x1"), result.wald_test({at: 1}, 0.25)
    assert_allclose(equal, theirs, rtol=1e-9)


def test_gates_are_tested_against_shares_that_do_not_depend_on_features():
    data = draw("gaussian", gated=True)
    result = infer(fit(data, gate="softmax"), data)
    ours = result.test_zero("x1", gate=True)
    i = result.names.index("component 1: gate x1")
    assert_allclose(ours.statistic, result.z[i] ** 2)
    assert ours.p_value < 1e-4
    assert result.test_zero(0, gate=True).p_value > 1e-4
    assert result.test_zero("x1").df == 2


def test_names_are_those_of_the_features():
    X, y, _ = draw("gaussian")
    frame = pd.DataFrame(X, columns=["dose", "intercept"])
    model = fit((frame, y, {}), shared_features=["dose"])
    result = inference(model, frame, y)
    names = ["intercept", "dose", "intercept", "scale", "share"]
    assert result.names[:5] == [f"component 0: {name}" for name in names]
    # The feature comes first, as in shared_features and held_coef.
    assert result.test_zero("intercept") == result.test_zero(1)


def test_the_table_shows_every_parameter_once():
    data = draw("gaussian")
    model = fit(data, held_coef={1: [0.25, None]}, shared_scale=True)
    result = infer(model, data)
    text = str(result)
    header, *rest = text.split("\n\n")
    assert "240 rows" in header
    assert "observed information" in header
    first, second, notes = rest
    assert first.startswith("component 0")
    assert second.startswith("component 1")
    labels = [line.split()[0] for line in first.splitlines()[1:]]
    assert labels == ["intercept", "x0", "x1", "scale", "share"]
    assert first.splitlines()[3].split()[1:] == [
        "0.2500",
        "0.0000",
        *["0.2500"] * 2,
        "held",
    ]
    assert notes.splitlines() == [
        "shared: one estimate, shared by several components",
        "held: a known value, not estimated",
    ]
    lines = first.splitlines() + second.splitlines()
    ends = {line.rstrip().rfind(" ") for line in lines if line.endswith("shared")}
    assert len(ends) == 1
    html = result._repr_html_()
    assert html.count("<tr>") == len(result.params) + 2 + 1
    assert "&lt;0.001" in html


def test_dataframes_have_a_row_for_each_parameter(result):
    frame = result.to_frame(level=0.5)
    assert list(frame.index) == result.names
    assert_array_equal(frame["estimate"], result.params)
    assert_array_equal(frame["std_error"], result.std_errors)
    assert_array_equal(frame[["lower", "upper"]], result.conf_int(0.5))


# Marginal effects --------------------------------------------------------------


def average_effects(model, result, X, steps, weight, **given):
    """Slopes of the predictions by differences, averaged: mixture, then components."""
    other = moved(model, result, steps)
    weight = np.ones(len(X)) / len(X) if weight is None else weight / weight.sum()

    def at(shift, j):
        near = X.copy()
        near[:, j] += shift
        means = other.predict(near, **given), other.predict_components(near, **given)
        return np.column_stack(means)

    h = 1e-3
    effects = []
    for j in range(X.shape[1]):
        slope = 8 * (at(h, j) - at(-h, j)) - (at(2 * h, j) - at(-2 * h, j))
        effects.append(weight @ slope / (12 * h))
    return np.array(effects).T.ravel()


def assert_effects(effects, model, result, X, weight=None, rtol=1e-6, **given):
    size = np.array([result.working_std_errors[m[0]] for m in directions(result)])
    slopes = jacobian(
        lambda steps: average_effects(model, result, X, steps, weight, **given),
        np.zeros(len(size)),
        1e-2 * size,
    )
    # The covariance of the directions, from that of the parameters.
    back = np.linalg.pinv(
        jacobian(
            lambda steps: values(moved(model, result, steps), result),
            np.zeros(len(size)),
            1e-3 * size,
        )
    )
    cov = slopes.T @ back.T @ result.cov @ back @ slopes
    theirs = average_effects(model, result, X, 0 * size, weight, **given)
    assert_allclose(effects.params, theirs, rtol=1e-7, atol=1e-9)
    assert_close_cov(effects.cov, cov, rtol)


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("name", FAMILIES)
def test_marginal_effects_are_the_slopes_of_predictions(name, gated):
    (X, _, arguments), model, result = _fit_family(name, gated)
    effects = marginal_effects(model, X, result, **arguments)
    names = [
        f"{part}: x{j}"
        for part in ("mixture", "component 0", "component 1")
        for j in range(2)
    ]
    assert effects.names == names
    assert (effects.std_errors > 0).all()
    assert_effects(effects, model, result, X, rtol=1e-5, **arguments)


def test_marginal_effects_heed_offset_and_weights():
    X, y, _ = draw("poisson", gated=True)
    data = X, y, {"offset": 0.1 * OFFSET}
    model = fit(data, family="poisson", gate="softmax")
    result = infer(model, data)
    weight = WEIGHT.astype(float)
    effects = marginal_effects(model, X, result, weight, **data[2])
    assert_effects(effects, model, result, X, weight, rtol=1e-5, **data[2])


def test_a_feature_of_the_gate_alone_has_an_effect_on_the_mixture_only():
    data = draw("gaussian", gated=True)
    model = fit(data, gate="softmax", gate_features=[1], regression_features=[0])
    effects = marginal_effects(model, data[0], infer(model, data))
    assert effects.names == [
        "mixture: x0",
        "mixture: x1",
        "component 0: x0",
        "component 1: x0",
    ]
    slopes = [model.predict(data[0] + [0, h]) for h in (1e-4, -1e-4)]
    theirs = (slopes[0] - slopes[1]).mean() / 2e-4
    assert_allclose(effects.params[1], theirs, rtol=1e-6)


def test_effects_are_known_where_only_other_features_are_not_identified():
    X, y, _ = draw("poisson")
    wide = np.column_stack([X, 3 * X[:, 1]]), y, {}
    model = fit(wide, family="poisson")
    effects = marginal_effects(model, wide[0], infer(model, wide))
    plain = fit((X, y, {}), family="poisson")
    theirs = marginal_effects(plain, X, infer(plain, (X, y, {})))
    for name in ("mixture: x0", "component 0: x0", "component 1: x0"):
        ours, others = effects.names.index(name), theirs.names.index(name)
        error = theirs.std_errors[others]
        assert_allclose(effects.std_errors[ours], error, rtol=1e-6)
    assert np.isnan(effects.std_errors[effects.names.index("mixture: x2")])


# The bootstrap -----------------------------------------------------------------


def test_bootstrap_agrees_with_the_information_where_components_are_far_apart():
    sample = separated(5, n=300, d=1)
    data = sample.X, sample.y, {}
    model = fit(data)
    theirs = infer(model, data).std_errors
    for method in ("parametric", "case"):
        ours = bootstrap(
            model, *data[:2], n_bootstrap=400, method=method, random_state=0
        )
        assert ours.n_degenerate == ours.n_not_converged == 0
        # The standard deviation of 400 draws is known to 3.5 %.
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
            model, X, y, **data[2], n_bootstrap=400, method=method, random_state=0
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
    given = {"n_bootstrap": 30, "method": method}
    one = bootstrap(model, *lines[:2], random_state=3, **given)
    two = bootstrap(model, *lines[:2], random_state=3, n_jobs=2, **given)
    assert_array_equal(one.draws, two.draws)
    other = bootstrap(model, *lines[:2], random_state=4, **given)
    assert (one.draws != other.draws).any()
    # More replicates are these and others.
    more = bootstrap(model, *lines[:2], random_state=3, **{**given, "n_bootstrap": 31})
    assert_array_equal(more.draws[:30], one.draws)


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
    (X, y, arguments), model, result = _fit_family(name)
    draws = bootstrap(model, X, y, **arguments, n_bootstrap=60, random_state=0)
    assert draws.names == result.names
    assert_allclose(draws.std_errors, result.std_errors, rtol=0.5)


# What is refused ---------------------------------------------------------------


def test_other_data_than_those_of_the_fit_are_refused():
    X, y, _ = draw("gaussian")
    model = fit((X, y, {"sample_weight": 1 + WEIGHT}))
    with pytest.raises(ValueError, match="not the data of the fit"):
        inference(model, X, y)
    with pytest.raises(ValueError, match="not the data of the fit"):
        inference(model, X[::-1], y, 1 + WEIGHT)
    with pytest.raises(ValueError, match="not the data of the fit"):
        inference(model, X, y, 1 + WEIGHT, offset=np.ones(240))


def test_estimates_moved_by_hand_are_refused(lines, model):
    other = copy.copy(model)
    other.coef_ = model.coef_ + 0.01
    other.log_likelihood_ = other.log_likelihood(*lines[:2])
    with pytest.raises(ValueError, match="not the data of the fit"):
        inference(other, *lines[:2])


def test_estimates_that_are_no_maximum_are_refused():
    X, y, _ = draw("gaussian")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        unfinished = MixtureRegressor(2, max_iter=1, random_state=0).fit(X, y)
        exact = MixtureRegressor(2, random_state=0).fit(X, X[:, 0])
    assert not unfinished.converged_
    with pytest.raises(ValueError, match="not proven to be a maximum"):
        inference(unfinished, X, y)
    assert exact.degenerate_
    for function in (inference, bootstrap):
        with pytest.raises(ValueError, match="is degenerate"):
            function(exact, X, X[:, 0])


def test_fewer_units_than_parameters_have_no_outer_product():
    X, y, _ = draw("gaussian", groups=np.arange(240) // 60)
    data = X, y, {"groups": np.arange(240) // 60}
    model = fit(data)
    with pytest.raises(ValueError, match="scores of the units are linearly dependent"):
        infer(model, data, cov_type="opg")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cov_type": "robust"}, r"cov_type must be one of \['information'.*'robust'"),
        ({"cov_type": "cluster"}, "needs cluster, one label for every row"),
        ({"cluster": np.zeros(160)}, "cluster is for cov_type='cluster'"),
        ({"cov_type": "cluster", "cluster": np.zeros(160)}, "at least two different"),
        ({"cov_type": "cluster", "cluster": np.arange(3)}, "inconsistent numbers"),
    ],
)
def test_options_of_inference_are_checked(options, message, lines, model):
    with pytest.raises(ValueError, match=message):
        inference(model, *lines[:2], **options)


def test_clusters_do_not_split_groups():
    X, y, _ = draw("gaussian", groups=GROUP)
    data = X, y, {"groups": GROUP}
    with pytest.raises(ValueError, match="cluster varies within group 0"):
        infer(fit(data), data, cov_type="cluster", cluster=np.arange(240))


@pytest.mark.parametrize(
    ("hypothesis", "message"),
    [
        (np.eye(3), "one number for each of the 10 parameters"),
        ({"x0": 1}, "hypothesis names 'x0', which is not among"),
        (
            [{"component 0: x0": 1}, {"nothing": 1}],
            "hypothesis names 'nothing', which is not among",
        ),
    ],
)
def test_hypotheses_are_checked(hypothesis, message, result):
    with pytest.raises(ValueError, match=message):
        result.wald_test(hypothesis)


def test_contradicting_hypotheses_are_refused(result):
    same = {"component 0: x0": 1}
    with pytest.raises(ValueError, match="contradict each other"):
        result.wald_test([same, same], [0.0, 1.0])
    with pytest.raises(ValueError, match="feature='x7' is not in the regressions"):
        result.test_zero("x7")
    with pytest.raises(ValueError, match="feature='x0' is not in the gate"):
        result.test_zero("x0", gate=True)
    with pytest.raises(ValueError, match="level must be between 0 and 1; got 95"):
        result.conf_int(95)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "wild"}, "method must be one of"),
        ({"n_bootstrap": 1}, "n_bootstrap must be at least 2; got 1"),
    ],
)
def test_options_of_the_bootstrap_are_checked(options, message, lines, model):
    with pytest.raises(ValueError, match=message):
        bootstrap(model, *lines[:2], **options)


def test_weights_that_do_not_count_rows_have_no_bootstrap():
    X, y, _ = draw("gaussian")
    weight = np.full(240, 0.5)
    model = fit((X, y, {"sample_weight": weight}))
    with pytest.raises(ValueError, match="weights must be whole numbers"):
        bootstrap(model, X, y, weight)
    weight = weight / weight.sum()
    model = fit((X, y, {"sample_weight": weight}))
    with pytest.raises(ValueError, match="fewer than the 9 parameters"):
        bootstrap(model, X, y, weight, method="case")


def test_the_best_of_a_search_stands_for_itself_and_a_pipeline_does_not(lines):
    X, y, _ = lines
    found = MixtureRegressorIC([1, 2], random_state=0).fit(X, y)
    ours = inference(found, X, y)
    theirs = inference(found.best_estimator_, X, y)
    assert_array_equal(ours.cov, theirs.cov)
    grid = {"n_components": [1, 2]}
    mixture = MixtureRegressor(random_state=0)
    search = GridSearchCV(mixture, grid, scoring=bic_scorer, cv=InSample()).fit(X, y)
    assert_allclose(inference(search, X, y).cov, theirs.cov, rtol=1e-6, atol=1e-12)
    pipe = make_pipeline(StandardScaler(), mixture).fit(X, y)
    with pytest.raises(TypeError, match=re.escape("pipe[:-1].transform(X)")):
        inference(pipe, X, y)
    scaled = inference(pipe[-1], pipe[:-1].transform(X), y)
    i = place(ours, "coef_", 0, 0)
    assert_allclose(scaled.std_errors[i], ours.std_errors[i] * X[:, 0].std(), rtol=1e-5)


def test_inference_leaves_the_model_as_it_was(lines, model):
    before = {name: copy.copy(value) for name, value in vars(model).items()}
    result = inference(model, *lines[:2])
    marginal_effects(model, lines[0], result)
    bootstrap(model, *lines[:2], n_bootstrap=2, random_state=0)
    assert vars(model).keys() == before.keys()
    for name, value in before.items():
        assert_array_equal(getattr(model, name), value)
