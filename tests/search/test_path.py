"""A lasso among many features, and paths of penalties."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import ElasticNet

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC


def sparse_lines(seed=0, n=200, d=300, noise=0.3):
    """Two sparse regressions of more features than rows, and their coefficients."""
    rng = np.random.default_rng(seed)
    X, coef = rng.normal(size=(n, d)), np.zeros((2, d))
    coef[0, [0, 1, 2]], coef[1, [1, 3, 4]] = [1.5, -1, 1], [1, 1.5, -1]
    label = rng.integers(2, size=n)
    y = np.einsum("nd,nd->n", X, coef[label]) + noise * rng.normal(size=n)
    return X, y, coef


def worst_condition(model, X, y):
    """The largest violation of the conditions of Karush, Kuhn and Tucker, per row.

    Of gaussian components, from public attributes alone.
    """
    deviation, members = X.std(axis=0), model.predict_proba(X, y=y)
    Z, worst = (X - X.mean(axis=0)) / deviation, 0.0
    alpha = np.broadcast_to(model.alpha, model.n_components)
    for k, coef in enumerate(model.coef_ * deviation):
        residual = y - model.predict_components(X)[:, k]
        slope = Z.T @ (members[:, k] * residual) / model.scale_[k] ** 2 / len(y)
        slope -= alpha[k] * (1 - model.l1_ratio) * coef
        lasso, used = alpha[k] * model.l1_ratio, coef != 0
        apart = np.where(used, slope - lasso * np.sign(coef), 0)
        worst = max(worst, np.abs(apart).max(), (np.abs(slope[~used]) - lasso).max())
    return worst


@pytest.fixture(scope="module")
def chosen():
    X, y, coef = sparse_lines()
    selector = MixtureRegressorIC((1, 2), alphas=20, l1_ratio=1.0, random_state=0)
    return selector.fit(X, y), X, y, coef


def test_the_path_finds_the_features_of_each_component_and_hardly_others(chosen):
    selector, _, _, coef = chosen
    assert selector.n_components_ == 2
    found, true = selector.coef_ != 0, coef != 0
    hits = max((found & true).sum(), (found[::-1] & true).sum())
    assert hits == true.sum()
    assert found.sum() <= hits + 2


def test_every_fit_of_a_path_fulfills_all_conditions(chosen):
    selector, X, y, _ = chosen
    for fit in selector.estimators_:
        assert fit.converged_
        assert worst_condition(fit, X, y) < 1e-8


def test_a_path_goes_from_few_features_to_many(chosen):
    selector, *_ = chosen
    two = selector.table_["n_components"] == 2
    n_features = selector.table_["n_features"][two]
    assert n_features[0] <= 3
    assert n_features[-1] > 10


def test_a_fit_of_the_path_is_a_maximum_of_the_objective_at_its_penalty(chosen):
    selector, X, y, _ = chosen
    best = selector.best_estimator_
    init = {"weights": best.weights_, "coef": best.coef_, "scale": best.scale_}
    init["intercept"] = best.intercept_
    again = MixtureRegressor(2, alpha=best.alpha, l1_ratio=1.0, init=init).fit(X, y)
    assert_allclose(again.objective_, best.objective_, rtol=1e-9)
    assert_allclose(again.coef_, best.coef_, atol=1e-6)


def test_one_component_of_more_features_than_rows_is_the_elastic_net():
    X, y, _ = sparse_lines(n=60, d=90)
    model = MixtureRegressor(1, alpha=0.4, l1_ratio=0.8).fit(X, y)
    assert model.converged_
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    alpha = 0.4 * model.scale_[0] ** 2
    peer = ElasticNet(alpha=alpha, l1_ratio=0.8, tol=1e-12, max_iter=10**6).fit(Z, y)
    assert_allclose(model.coef_[0] * X.std(axis=0), peer.coef_, atol=1e-6)


def test_given_penalties_are_those_of_the_fits():
    X, y, _ = sparse_lines(d=40)
    alphas = [0.05, 0.4, 0.2]
    selector = MixtureRegressorIC([2], alphas=alphas, l1_ratio=0.5, random_state=0)
    selector.fit(X, y)
    assert_allclose([fit.alpha for fit in selector.estimators_], sorted(alphas)[::-1])
    proven = [fit for fit in selector.estimators_ if fit.converged_]
    assert proven
    for fit in proven:
        assert worst_condition(fit, X, y) < 1e-8


def test_a_ridge_is_chosen_by_effective_parameters():
    X, y, _ = sparse_lines(d=20)
    selector = MixtureRegressorIC([2], alphas=8, random_state=0).fit(X, y)
    n_parameters = selector.table_["n_parameters"]
    assert (np.diff(n_parameters) > 0).all()
    assert n_parameters[-1] < 45
    assert selector.converged_


@pytest.mark.parametrize("alphas", [1, [], [0.0, 1.0], [[1.0]], [np.nan]])
def test_penalties_out_of_range_are_refused(alphas):
    X, y, _ = sparse_lines(d=5)
    selector = MixtureRegressorIC([2], alphas=alphas, l1_ratio=1.0)
    with pytest.raises(ValueError, match="alphas"):
        selector.fit(X, y)


def test_penalties_and_a_penalty_are_refused_together():
    X, y, _ = sparse_lines(d=5)
    with pytest.raises(ValueError, match="both given"):
        MixtureRegressorIC([2], alphas=5, alpha=0.1).fit(X, y)
