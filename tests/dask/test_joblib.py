"""Arrays in memory, and a cluster that joblib uses: fits beside each other."""

import warnings

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scattered import case_of
from sklearn.model_selection import GridSearchCV

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn._blas import threads_that_pay
from mixreg_sklearn.inference import bootstrap


@pytest.fixture
def on_cluster(cluster):
    with warnings.catch_warnings():
        # Of the size of what joblib sends.
        warnings.simplefilter("ignore")
        with joblib.parallel_config("dask"):
            yield


def test_a_grid_search(on_cluster):
    case = case_of("gaussian", n=300)
    search = GridSearchCV(case.model, {"n_components": [1, 2]}, cv=3)
    ours = search.fit(case.X, case.y)
    with joblib.parallel_config("sequential"):
        theirs = GridSearchCV(case.model, {"n_components": [1, 2]}, cv=3)
        theirs.fit(case.X, case.y)
    assert ours.best_params_ == {"n_components": 2}
    for name in ("mean_test_score", "std_test_score"):
        assert_allclose(ours.cv_results_[name], theirs.cv_results_[name], rtol=1e-9)


def test_a_selection(on_cluster):
    case = case_of("gaussian", n=300)
    grid = {"gate": [None, "softmax"]}
    selection = MixtureRegressorIC(2, random_state=0)
    ours = GridSearchCV(selection, grid, cv=2).fit(case.X, case.y)
    with joblib.parallel_config("sequential"):
        theirs = GridSearchCV(selection, grid, cv=2).fit(case.X, case.y)
    assert ours.best_params_ == theirs.best_params_
    assert ours.best_estimator_.n_components_ == 2
    assert_allclose(ours.best_score_, theirs.best_score_, rtol=1e-9)


@pytest.mark.parametrize("method", ["parametric", "case"])
def test_a_bootstrap(on_cluster, method):
    case = case_of("gaussian", n=300)
    model = case.model.fit(case.X, case.y)
    settings = {"method": method, "n_bootstrap": 8, "random_state": 0}
    ours = bootstrap(model, case.X, case.y, n_jobs=2, **settings)
    with joblib.parallel_config("sequential"):
        theirs = bootstrap(model, case.X, case.y, **settings)
    assert_array_equal(ours.draws, theirs.draws)


def test_cores_of_a_cluster_are_no_threads_of_a_fit(on_cluster):
    X = np.zeros((1_000_000, 1))
    assert joblib.effective_n_jobs(None) == 2
    assert threads_that_pay(MixtureRegressor(2), X) == 1
    assert threads_that_pay(MixtureRegressor(2, n_jobs=2), X) == 2
