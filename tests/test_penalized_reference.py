"""Penalties and bounds against glmnet, and against verified mixtures."""

import penalized
import pytest

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
