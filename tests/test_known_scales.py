"""Scales that are known: of components, and from row to row."""

import numpy as np
import pytest
import sklearn
import verified
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score
from support import few, seeds

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn.families import (
    Censored,
    Gamma,
    Gaussian,
    NegativeBinomial,
    StudentT,
    check_family,
)
from mixreg_sklearn.families._row_scaled import RowScaled
from mixreg_sklearn.inference import bootstrap, inference
from mixreg_sklearn.residuals import quantile_residuals


def measurements(seed=0, n=240):
    """Two lines, measured with errors of known relative size."""
    rng = np.random.default_rng(seed)
    X, steep = rng.uniform(-2, 2, size=(n, 1)), rng.random(n) < 0.6
    error = np.exp(rng.normal(size=n))
    y = np.where(steep, 1 + 2 * X[:, 0], -1 - X[:, 0])
    return X, y + 0.2 * error * rng.normal(size=n), error


# A scale for each component -----------------------------------------------------------


def test_held_scales_are_held_and_not_counted():
    X, y, _ = measurements()
    model = MixtureRegressor(2, held_scale=0.4, random_state=0).fit(X, y)
    assert_array_equal(model.scale_, [0.4, 0.4])
    assert model.n_parameters_ == 5
    assert model.converged_
    lines = model.predict_components(X)
    density = stats.norm.pdf(y[:, None], lines, 0.4) @ model.weights_
    assert_allclose(model.log_likelihood_, np.log(density).sum(), rtol=1e-12)
    result = inference(model, X, y)
    held = [term.note for term in result.terms if term.attribute == "scale_"]
    assert held == ["held", "held"]
    assert (result.std_errors[[t.note == "held" for t in result.terms]] == 0).all()


def test_some_scales_may_be_held_and_name_components():
    X, y, _ = measurements()
    model = MixtureRegressor(2, held_scale=[0.9, None], random_state=0).fit(X, y)
    assert model.scale_[0] == 0.9
    assert model.n_parameters_ == 6
    # At the maximum the free one solves its equation.
    tau = model.predict_proba(X, y)[:, 1]
    residual = y - model.predict_components(X)[:, 1]
    own = np.sqrt((tau * residual**2).sum() / tau.sum())
    assert_allclose(model.scale_[1], own, rtol=1e-5)
    turned = MixtureRegressor(2, held_scale=[None, 0.9], random_state=0).fit(X, y)
    assert_allclose(turned.log_likelihood_, model.log_likelihood_, rtol=1e-10)
    assert_allclose(turned.coef_[::-1], model.coef_, rtol=1e-5)


@few
@given(seeds, st.floats(0.01, 100))
def test_held_scales_are_in_the_units_of_the_response(seed, unit):
    X, y, _ = measurements(seed % 5)
    ours = MixtureRegressor(2, held_scale=0.5, random_state=0).fit(X, y)
    theirs = MixtureRegressor(2, held_scale=0.5 * unit, random_state=0)
    theirs.fit(X, 3 + unit * y)
    assert_allclose(theirs.coef_, unit * ours.coef_, rtol=1e-5)
    shift = len(y) * np.log(unit)
    assert_allclose(theirs.log_likelihood_, ours.log_likelihood_ - shift, rtol=1e-8)


def test_one_line_of_held_scale_is_least_squares():
    X, y, _ = measurements()
    model = MixtureRegressor(1, held_scale=3.0).fit(X, y)
    assert_allclose(model.coef_[0], LinearRegression().fit(X, y).coef_, rtol=1e-10)
    assert model.n_parameters_ == 2


def test_zero_inflation_by_held_numbers_is_proven():
    # pscl 1.5.5: zeroinfl(art ~ . | ., dist="negbin") has 13 parameters and
    # log-likelihood -1549.991.
    case = verified.CASES["pointmass_k2_biochemists"]
    (X, _), y = verified.rows(case), verified.table(case)[case["response"]]
    held = {name: [None, 0.0] for name in X.columns} | {"intercept": [None, -40.0]}
    model = MixtureRegressor(
        2,
        family="negative_binomial",
        gate="softmax",
        held_coef=held,
        held_scale=[None, 1.0],
        random_state=0,
    ).fit(X, y)
    assert_allclose(model.log_likelihood_, -1549.991, atol=5e-4)
    assert model.n_parameters_ == 13
    assert model.converged_


def test_a_selection_holds_the_scale_of_every_number_of_components():
    X, y, error = measurements()
    model = MixtureRegressorIC(3, held_scale=0.2, random_state=0)
    search = model.fit(X, y, row_scale=error)
    assert (search.scale_ == 0.2).all()
    assert search.n_components_ == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"held_scale": [0.5]}, "or 2 of them"),
        ({"held_scale": [0.5, -1.0]}, "positive"),
        ({"held_scale": [0.5, np.nan]}, "positive"),
        ({"held_scale": [0.5, "wide"]}, "positive"),
        ({"held_scale": 0.5, "shared_scale": True}, "cannot be shared"),
        ({"held_scale": 0.5, "family": "poisson"}, "no scale to hold"),
    ],
)
def test_scales_that_cannot_be_held_are_refused(settings, message):
    X, y, _ = measurements()
    with pytest.raises(ValueError, match=message):
        MixtureRegressor(2, **settings).fit(X, np.abs(np.round(y)))


# A scale for each row -----------------------------------------------------------------


@pytest.mark.parametrize(
    "family", [Gaussian(), Gamma(), NegativeBinomial(), StudentT()]
)
def test_a_family_of_scaled_rows_keeps_the_promises_of_a_family(family):
    check_family(RowScaled(family), eta=[0.3, 0.9], row_scale=1.7)


def test_row_scales_go_with_open_bounds_of_responses():
    X, y, error = measurements()
    bounds = np.column_stack([np.minimum(y, 1.5), np.where(y < 1.5, y, np.inf)])
    ours, theirs = (
        MixtureRegressor(2, family=Censored(Gaussian(), upper=upper), random_state=0)
        for upper in (np.inf, 1.5)
    )
    ours.fit(X, bounds, row_scale=error)
    theirs.fit(X, y, row_scale=error)
    assert ours.converged_
    assert_allclose(ours.log_likelihood_, theirs.log_likelihood_, rtol=1e-12)
    assert_allclose(ours.coef_, theirs.coef_, rtol=1e-7)


def test_row_scales_multiply_the_scale_of_the_component():
    X, y, error = measurements()
    model = MixtureRegressor(2, random_state=0).fit(X, y, row_scale=error)
    assert model.converged_
    assert_allclose(model.scale_, [0.2, 0.2], rtol=0.15)
    lines, scales = model.predict_components(X), model.scale_ * error[:, None]
    density = stats.norm.pdf(y[:, None], lines, scales) @ model.weights_
    assert_allclose(model.log_likelihood_, np.log(density).sum(), rtol=1e-12)
    again = model.log_likelihood(X, y, row_scale=error)
    assert_allclose(again, model.log_likelihood_, rtol=1e-12)
    tau = model.predict_proba(X, y, row_scale=error)
    assert_allclose(
        tau[:, 0] * density,
        model.weights_[0] * stats.norm.pdf(y, lines[:, 0], scales[:, 0]),
        atol=1e-12,
    )
    ahead = model.predict_distribution(X, row_scale=error)
    assert_allclose(ahead.pdf(y), density, rtol=1e-10)
    assert_array_equal(ahead.mean(), model.predict(X))
    normal = quantile_residuals(model, X, y, row_scale=error)
    assert stats.kstest(normal, "norm").pvalue > 0.01


def test_one_line_with_error_bars_is_weighted_least_squares():
    X, y, error = measurements()
    model = MixtureRegressor(1).fit(X, y, row_scale=error)
    line = LinearRegression().fit(X, y, sample_weight=error**-2)
    assert_allclose(model.coef_[0], line.coef_, rtol=1e-8)
    residual = (y - line.predict(X)) / error
    assert_allclose(model.scale_, np.sqrt(np.mean(residual**2)), rtol=1e-8)
    # Error bars are no counts of rows.
    counted = MixtureRegressor(1).fit(X, y, sample_weight=error**-2)
    assert abs(counted.bic_ - model.bic_) > 10


@few
@given(seeds, st.floats(0.01, 100))
def test_only_relative_error_bars_matter_unless_the_scale_is_held(seed, factor):
    X, y, error = measurements(seed % 5)
    model = MixtureRegressor(2, random_state=0)
    ours = clone(model).fit(X, y, row_scale=error)
    theirs = clone(model).fit(X, y, row_scale=factor * error)
    assert_allclose(theirs.scale_ * factor, ours.scale_, rtol=1e-5)
    assert_allclose(theirs.log_likelihood_, ours.log_likelihood_, rtol=1e-9)
    same = clone(model).fit(X, y, row_scale=np.full(len(y), factor))
    plain = clone(model).fit(X, y)
    assert_allclose(same.log_likelihood_, plain.log_likelihood_, rtol=1e-9)
    held = model.set_params(held_scale=1.0).fit(X, y, row_scale=0.2 * error)
    assert_array_equal(held.scale_, [1, 1])
    assert held.n_parameters_ == 5


def test_standard_errors_know_the_error_bars():
    X, y, error = measurements(n=2000)
    result = inference(
        MixtureRegressor(1).fit(X, y, row_scale=error), X, y, row_scale=error
    )
    Z = np.column_stack([np.ones(len(y)), X]) / error[:, None]
    covariance = result.params[2] ** 2 * np.linalg.inv(Z.T @ Z)
    assert_allclose(result.std_errors[:2], np.sqrt(np.diag(covariance)), rtol=1e-6)


def test_summaries_and_replicates_know_the_error_bars():
    X, y, error = measurements()
    model = MixtureRegressor(2, random_state=0).fit(X, y, row_scale=error)
    summary = model.summary(X, y, row_scale=error)
    member = model.predict_membership(X, y, row_scale=error)
    assert_array_equal(summary.components["size"], np.bincount(member))
    assert "Gaussian, scaled rows" in str(summary)
    draws = bootstrap(model, X, y, row_scale=error, n_bootstrap=20, random_state=0)
    exact = inference(model, X, y, row_scale=error).std_errors
    assert_allclose(draws.std_errors, exact, rtol=0.8)


def test_error_bars_pass_through_cross_validation():
    X, y, error = measurements()
    with sklearn.config_context(enable_metadata_routing=True):
        model = MixtureRegressor(2, random_state=0)
        scores = cross_val_score(model, X, y, params={"row_scale": error}, cv=3)
    assert (scores > cross_val_score(model, X, y, cv=3)).mean() > 0.5


@pytest.mark.parametrize(
    ("row_scale", "message"),
    [
        (np.zeros(240), "positive and finite"),
        (np.full(240, np.nan), "positive and finite"),
        (np.ones(7), "one number for every row"),
    ],
)
def test_error_bars_that_are_none_are_refused(row_scale, message):
    X, y, _ = measurements()
    with pytest.raises(ValueError, match=message):
        MixtureRegressor(2).fit(X, y, row_scale=row_scale)
    counts, rows = np.abs(np.round(y)), {"row_scale": np.ones(240)}
    with pytest.raises(ValueError, match="a family with a scale"):
        MixtureRegressor(2, family="poisson").fit(X, counts, **rows)
