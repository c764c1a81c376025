"""The refit without penalty on the features that a penalty selected."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.datasets import make_mixture_regression
from mixreg_sklearn.families import Poisson, ZeroInflated
from mixreg_sklearn.inference import bootstrap, inference, refit_selected

COEF = [[2, -1, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]]


def rows(seed=0, n=200):
    X, y, _ = make_mixture_regression(
        n, 6, coef=COEF, intercept=[2, -2], scale=0.5, random_state=seed
    )
    return X, y


def lasso(X, y, **options):
    options = {"alpha": 0.15, "l1_ratio": 1.0, "random_state": 0} | options
    return MixtureRegressor(2, **options).fit(X, y)


def test_it_is_the_likelihood_on_the_selected_features_of_each_component():
    X, y = rows()
    model = lasso(X, y)
    refit = refit_selected(model, X, y)
    assert refit.converged_
    assert refit.alpha == 0
    assert_array_equal(refit.coef_ != 0, model.coef_ != 0)
    assert refit.n_parameters_ == model.n_parameters_
    assert refit.log_likelihood_ > model.log_likelihood_
    assert refit.objective_ == refit.log_likelihood_
    selected = model.coef_.any(axis=0)
    assert_array_equal(refit.regression_features, np.flatnonzero(selected))
    # The shrinkage is gone.
    assert np.abs(refit.coef_).sum() > np.abs(model.coef_).sum()


def test_its_standard_errors_are_those_of_the_mixture_with_held_zeros():
    X, y = rows()
    refit = refit_selected(lasso(X, y), X, y)
    result = inference(refit, X, y)
    free = [term.note != "held" for term in result.terms]
    assert (result.std_errors[free] > 0).all()
    assert_array_equal(result.std_errors[~np.array(free)], 0.0)
    names = {term.feature for term in result.terms if term.attribute == "coef_"}
    assert names == set(refit.regression_features)


def test_a_penalized_fit_has_no_standard_errors_and_says_what_has():
    X, y = rows()
    for options in ({}, {"l1_ratio": 0.0}, {"penalty": "fused"}):
        model = lasso(X, y, **options)
        for what in (inference, bootstrap):
            with pytest.raises(
                ValueError, match=r"(?s)penalty \(alpha > 0\).*refit_selected"
            ):
                what(model, X, y)
        text = " ".join(str(model.summary(X, y)).split())
        assert "No standard errors: The coefficients are shrunk" in text
        assert inference(refit_selected(model, X, y), X, y).std_errors.any()


def test_what_a_fused_penalty_makes_common_is_shared():
    X, y = rows()
    y = y + 1.5 * X[:, 2]
    model = lasso(X, y, penalty="fused", alpha=0.1)
    common = model.coef_[0] == model.coef_[1]
    assert common[2]
    refit = refit_selected(model, X, y)
    assert_array_equal(refit.coef_[0] == refit.coef_[1], common)
    assert refit.shared_features == {
        int(j): [[0, 1]] for j in np.flatnonzero(common & (model.coef_[0] != 0))
    }
    assert refit.log_likelihood_ > model.log_likelihood_


def test_constraints_bounds_and_offsets_are_kept():
    X, y = rows()
    options = {
        "held_coef": {3: 0.25, "intercept": [None, -1.5]},
        "shared_features": {4: [[0, 1]]},
        "coef_bounds": {1: (-0.4, None), 0: (None, [5, 6])},
        "offset_feature": 5,
    }
    model = lasso(X, y, alpha=0.1, **options)
    refit = refit_selected(model, X, y)
    assert_array_equal(refit.coef_[:, 3], 0.25)
    assert_array_equal(refit.coef_[:, 5], 1.0)
    assert refit.intercept_[1] == -1.5
    assert refit.coef_[0, 4] == refit.coef_[1, 4]
    assert (refit.coef_[:, 1] >= -0.4).all()
    assert_array_equal(refit.coef_ == 0, model.coef_ == 0)
    assert refit.log_likelihood_ > model.log_likelihood_


def test_further_predictors_keep_their_features():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 4))
    y = rng.poisson(np.exp(1 + 0.8 * X[:, 0])) * (rng.random(400) < 0.7)
    family = ZeroInflated(Poisson(), features=[1, 2])
    model = MixtureRegressor(1, family=family, alpha=0.3, l1_ratio=1).fit(X, y)
    assert_array_equal(model.coef_ != 0, [[True, False, False, False]])
    refit = refit_selected(model, X, y)
    assert_array_equal(refit.coef_ != 0, model.coef_ != 0)
    assert (refit.inflation_coef_[:, 1:3] != 0).all()


def test_weights_groups_gates_and_backgrounds_are_those_of_the_fit():
    X, y = rows()
    groups, weight = np.arange(200) // 2, np.repeat([1.0, 2.0], 100)
    model = MixtureRegressor(
        2,
        alpha=0.3,
        l1_ratio=1.0,
        gate="softmax",
        gate_features=[5],
        background="uniform",
        n_init=1,
        random_state=0,
    ).fit(X[::2].repeat(2, axis=0), y, weight, groups=groups)
    refit = refit_selected(model, X[::2].repeat(2, axis=0), y, weight, groups=groups)
    assert refit.grouped_
    assert refit.log_likelihood_ > model.log_likelihood_ - 1e-6
    with pytest.raises(ValueError, match="fitted with groups"):
        refit_selected(model, X, y)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (MixtureRegressor(2, random_state=0), r"with a penalty \(alpha > 0\)"),
        (make_pipeline(StandardScaler(), MixtureRegressor(1, alpha=0.1)), "pipeline"),
        (MixtureRegressor(1, alpha=0.1, family=["gaussian"] * 2), "several responses"),
    ],
)
def test_what_has_no_refit_is_refused(model, message):
    X, y = rows()
    several = getattr(model, "family", None) == ["gaussian"] * 2
    y = np.column_stack([y, y]) if several else y
    with pytest.raises(ValueError, match=message):
        refit_selected(model.fit(X, y), X, y)
