"""Penalties and bounds against glmnet, and against verified mixtures."""

import penalized
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import (
    ElasticNet,
    GammaRegressor,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
)

from mixreg_sklearn import MixtureRegressor


@pytest.mark.parametrize("name", penalized.GLMNET)
def test_one_component_with_a_penalty_is_the_regression_of_glmnet(name):
    case = penalized.GLMNET[name]
    X, y, given, settings = penalized.glmnet_problem(case)
    model = MixtureRegressor(1, random_state=0, **settings).fit(X, y, **given)
    assert model.converged_
    penalized.assert_is_glmnet_solution(model, case)


@pytest.mark.parametrize("name", penalized.MIXTURES)
def test_mixtures_with_a_penalty_or_bounds_are_the_verified_ones(name):
    case = penalized.MIXTURES[name]
    X, y, settings = penalized.mixture_problem(case)
    model = MixtureRegressor(random_state=0, **settings).fit(X, y)
    assert model.converged_
    penalized.assert_is_mixture_solution(model, case)


def _of_scikit_learn(case, n, scale):
    """The same regression there, for standardized features."""
    alpha, ratio = case["alpha"], case["l1_ratio"]
    tight = {"tol": 1e-12, "max_iter": 100_000}
    newton = {"solver": "newton-cholesky"} | tight
    if case["family"] == "gaussian" and ratio:
        return ElasticNet(alpha=alpha * scale**2, l1_ratio=ratio, **tight)
    return {
        "gaussian": Ridge(alpha=n * alpha * scale**2),
        "poisson": PoissonRegressor(alpha=alpha, **newton),
        "gamma": GammaRegressor(alpha=alpha * scale**2, **newton),
        "binomial": LogisticRegression(C=1 / (n * alpha), **newton),
    }[case["family"]]


@pytest.mark.parametrize(
    "name",
    [
        "diabetes_enet_0.03",
        "uscrime_lasso_0.02",
        "uscrime_ridge_0.02",
        "biochemists_ridge_0.05",
        "pima_ridge_0.03",
        "cpus_ridge_0.03",
    ],
)
def test_one_component_with_a_penalty_is_the_regression_of_scikit_learn(name):
    case = penalized.GLMNET[name]
    X, y, _, settings = penalized.glmnet_problem(case)
    ours = MixtureRegressor(1, random_state=0, **settings).fit(X, y)
    features, deviation = penalized.standardized(X)
    theirs = _of_scikit_learn(case, len(X), ours.scale_[0]).fit(features, y)
    coef = theirs.coef_.ravel() / deviation
    assert_allclose(ours.coef_[0], coef, rtol=1e-5, atol=1e-7 * abs(coef).max())
