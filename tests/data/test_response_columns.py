"""Responses of several columns, by a family of one's own: a value measured twice."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn import set_config
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    cross_val_score,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn.families import Derivatives, Family, Gaussian

_LOG_2PI = np.log(2 * np.pi)


class Twice(Family):
    """Two measurements with independent errors; NaN is one that is not seen."""

    response_columns = 2

    def readable(self, y):
        return ~np.isinf(y)

    def target(self, y, **row_data):
        return super().target(y.T, **row_data)

    def check_target(self, y):
        if y.ndim == 1:
            raise ValueError("y has one column: Twice takes two measurements.")

    def initial(self, y):
        return np.nanmean(y, axis=0)

    def derivatives(self, y, eta, scale):
        z = [(each - eta) / scale for each in y]
        n = sum(~np.isnan(each) * 1.0 for each in z)
        total = sum(np.nan_to_num(each) for each in z)
        square = sum(np.nan_to_num(each) ** 2 for each in z)
        return Derivatives(
            -0.5 * square - n * (np.log(scale) + 0.5 * _LOG_2PI),
            total / scale,
            square - n,
            -n / scale**2,
            -2 * total / scale,
            -2 * square,
        )

    def log_density(self, y, eta, scale):
        return self.derivatives(y, eta, scale).log_density

    def information(self, eta, scale):
        return np.broadcast_to(2 / scale**2, np.shape(eta))

    def mean(self, eta, scale):
        return eta

    def variance(self, eta, scale):
        return np.broadcast_to(scale**2, np.shape(eta))

    def quantile(self, u, eta, scale):
        return Gaussian().quantile(u, eta, scale)


def data(n=120):
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, (n, 1))
    mean = np.where(rng.random(n) < 0.4, 3 + X[:, 0], -1 - 2 * X[:, 0])
    return X, mean[:, None] + 0.3 * rng.standard_normal((n, 2))


def model(**kwargs):
    return MixtureRegressor(2, family=Twice(), random_state=0, **kwargs)


def test_a_fit_takes_columns_as_groups_of_two_rows_would_be():
    X, y = data()
    ours = model().fit(X, y)
    groups = np.repeat(np.arange(len(X)), 2)
    theirs = MixtureRegressor(2, random_state=0)
    theirs.fit(np.repeat(X, 2, axis=0), y.ravel(), groups=groups)
    assert ours.converged_
    assert_allclose(ours.log_likelihood_, theirs.log_likelihood_, rtol=1e-9)
    assert_allclose(ours.coef_, theirs.coef_, rtol=1e-6)
    assert_allclose(ours.log_likelihood(X, y), ours.log_likelihood_, rtol=1e-10)
    assert ours.predict_proba(X, y).shape == (len(X), 2)
    assert 0.5 < ours.score(X, y) < 1


def test_columns_pass_through_splitters_pipelines_and_searches():
    X, y = data()
    frame = pd.DataFrame(y, columns=["first", "second"])
    _, X_test, _, y_test = train_test_split(X, frame, random_state=0)
    pipeline = make_pipeline(StandardScaler(), model())
    assert pipeline.fit(X, frame).score(X_test, y_test) > 0.5
    assert (cross_val_score(pipeline, X, frame, cv=3) > 0.3).all()
    grid = {"n_components": [1, 2]}
    search = GridSearchCV(model(), grid, cv=3).fit(X, y)
    assert search.best_params_ == {"n_components": 2}
    assert search.score(X_test, y_test) > 0.5
    chosen = MixtureRegressorIC((1, 2), estimator=model()).fit(X, y)
    assert chosen.n_components_ == 2


def test_columns_and_groups_pass_through_routing():
    X, y = data(80)
    groups = np.arange(80) // 2
    set_config(enable_metadata_routing=True)
    try:
        params = {"groups": groups}
        scores = cross_val_score(model(), X, y, cv=GroupKFold(2), params=params)
    finally:
        set_config(enable_metadata_routing=False)
    assert np.isfinite(scores).all()


def test_the_family_says_which_numbers_of_a_column_are_no_response():
    X, y = data()
    y[3, 1] = np.nan
    fitted = model().fit(X, y)
    assert fitted.converged_
    assert np.isfinite(fitted.predict_proba(X, y)).all()
    y[5, 0] = np.inf
    for refuses in (fitted.predict_proba, fitted.fit):
        with pytest.raises(ValueError, match="y contains inf, first in row 5"):
            refuses(X, y)


def test_y_of_another_shape_is_refused_by_name():
    X, y = data()
    fitted = model().fit(X, y)
    for refuses in (fitted.predict_proba, fitted.fit):
        with pytest.raises(ValueError, match=r"y has shape .120, 3.: Twice"):
            refuses(X, np.column_stack([y, y[:, 0]]))
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            refuses(X, y[:-1])
    with pytest.raises(ValueError, match="one column"):
        model().fit(X, y[:, 0])
    with pytest.raises(ValueError, match="1d array"):
        MixtureRegressor(2).fit(X, y)
    with pytest.raises(ValueError, match="y contains NaN"):
        MixtureRegressor(2).fit(X, np.full(len(X), np.nan))
    with pytest.raises(ValueError, match="requires y"):
        model().fit(X, None)


def test_tags_say_that_there_are_several_columns():
    assert model().__sklearn_tags__().target_tags.multi_output
    assert not MixtureRegressor().__sklearn_tags__().target_tags.multi_output
