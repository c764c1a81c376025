"""What residuals and displays say of one among several responses."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from mixreg_sklearn import MixtureRegressor, profile
from mixreg_sklearn.inference import inference
from mixreg_sklearn.metrics import crps_scorer, log_likelihood_scorer
from mixreg_sklearn.plotting import (
    MixtureRegressionDisplay,
    QuantileResidualDisplay,
    RootogramDisplay,
    TrajectoryDisplay,
)
from mixreg_sklearn.residuals import (
    crps,
    log_score,
    odd_rows,
    pit_values,
    quantile_residuals,
)


def few_of_two_kinds(n=120):
    """A gaussian response, of which some are missing, and counts: X, y."""
    rng = np.random.default_rng(0)
    X, second = rng.uniform(-1, 1, size=(n, 1)), np.repeat(rng.random(n // 3) < 0.4, 3)
    line = np.where(second, -1 - X[:, 0], 1 + X[:, 0]) + 0.5 * rng.normal(size=n)
    y = np.column_stack([line, rng.poisson(np.where(second, 7.0, 2.0))])
    y[rng.random(n) < 0.15, 0] = np.nan
    return X, y


def marginal(model, r, X):
    """Shares, means and scales of one response of a fitted mixture."""
    mean = model.predict_components(X)[:, :, r]
    return model.weights_, mean, np.broadcast_to(model.scale_[r], mean.shape)


def test_residuals_are_those_of_a_chosen_response():
    X, y = few_of_two_kinds()
    frame = pd.DataFrame(y, columns=["level", "count"])
    model = MixtureRegressor(2, family=["gaussian", "poisson"], random_state=0)
    model.fit(X, frame)
    shares, mean, scale = marginal(model, 0, X)
    seen = ~np.isnan(y[:, 0])
    u = stats.norm.cdf(y[:, :1], mean, scale) @ shares
    ours = pit_values(model, X, frame, response="level")
    assert_allclose(ours, u, rtol=1e-9)
    assert np.isnan(ours[~seen]).all()
    density = stats.norm.pdf(y[:, :1], mean, scale) @ shares
    assert_allclose(log_score(model, X, y, response=0), -np.log(density), rtol=1e-9)
    shares, mean, _ = marginal(model, 1, X)
    low, high = (stats.poisson.cdf(y[:, 1:] - d, mean) @ shares for d in (1, 0))
    u = pit_values(model, X, y, response="count", random_state=0)
    assert ((low - 1e-12 <= u) & (u <= high + 1e-12)).all()
    assert np.isfinite(quantile_residuals(model, X, y, response=1)).all()
    assert np.isnan(crps(model, X, y, response=0)).sum() == (~seen).sum()
    y[4, 1] = 90
    assert odd_rows(model, X, y, response=1)["row"][0] == 4
    for score in (pit_values, log_score, crps, odd_rows):
        with pytest.raises(ValueError, match="response must be the number or the name"):
            score(model, X, y)
        with pytest.raises(ValueError, match="a column for each of the 2 responses"):
            score(model, X, y[:, 1], response=1)


def test_rows_are_predicted_from_what_is_seen_of_their_group():
    X, y = few_of_two_kinds()
    groups = np.arange(len(y)) // 3
    model = MixtureRegressor(2, family=["gaussian", "poisson"], random_state=0)
    model.fit(X, y, groups=groups)
    shares, mean, scale = marginal(model, 0, X)
    density = stats.norm.pdf(y[:, :1], mean, scale)
    seen = ~np.isnan(y[:, 0])
    expected, weight = np.full(len(y), np.nan), None
    for i in range(len(y)):
        if i % 3 == 0:
            weight = shares.copy()
        if seen[i]:
            expected[i] = -np.log(weight @ density[i] / weight.sum())
            weight = weight * density[i]
    ours = log_score(model, X, y, response=0, groups=groups)
    assert_allclose(ours, expected, rtol=1e-8)


def test_displays_and_profiles_are_of_a_chosen_response():
    X, y = few_of_two_kinds()
    frame = pd.DataFrame(y, columns=["level", "count"])
    model = MixtureRegressor(2, family=["gaussian", "poisson"], random_state=0)
    model.fit(X, frame)
    tau = model.predict_proba(X, y)
    shown = MixtureRegressionDisplay.from_estimator(model, X, frame, response="count")
    assert_allclose(shown.y, y[:, 1])
    ahead = model.predict_components(shown.grid[:, None])
    assert_allclose(shown.means, ahead[:, :, 1])
    assert shown.ax_.get_ylabel() == "count"
    shown = MixtureRegressionDisplay.from_estimator(model, X, y, response=0)
    assert_allclose(shown.y, y[:, 0])
    shown = QuantileResidualDisplay.from_estimator(model, X, y, response=0)
    seen = ~np.isnan(y[:, 0])
    expected = quantile_residuals(model, X, y, response=0)[seen]
    assert_allclose(shown.residuals, expected)
    assert_allclose(shown.predictions, model.predict(X)[seen, 0])
    assert_array_equal(RootogramDisplay.from_estimator(model, X, y).probabilities, tau)
    table = profile(model, X, frame, pd.DataFrame({"x": X[:, 0]}))
    weight = tau[seen] / tau[seen].sum(axis=0)
    assert_allclose(table.loc[("level", "mean")].iloc[:2], y[seen, 0] @ weight)
    assert_allclose(table.loc[("count", "mean")].iloc[:2], y[:, 1] @ tau / tau.sum(0))


def test_trajectories_have_the_bands_of_a_chosen_response():
    X, y = few_of_two_kinds()
    groups = np.arange(len(y)) // 3
    model = MixtureRegressor(2, family=["gaussian", "poisson"], random_state=0)
    model.fit(X, y, groups=groups)
    given = {"groups": groups, "time": 0, "response": 0}
    shown = TrajectoryDisplay.from_estimator(model, X, y, **given)
    found = inference(model, X, y, groups=groups)
    at = np.column_stack([np.ones(len(shown.grid)), shown.grid])
    for k in range(2):
        own = [
            i
            for i, term in enumerate(found.terms)
            if (term.component, term.response) == (k, 0)
            and term.attribute in ("intercept_", "coef_")
        ]
        cov = found.cov[np.ix_(own, own)]
        error = np.sqrt(np.einsum("ni,ij,nj->n", at, cov, at))
        width = shown.upper[:, k] - shown.lower[:, k]
        assert_allclose(width, 2 * stats.norm.ppf(0.975) * error, rtol=1e-6)
    with pytest.raises(ValueError, match="response must be the number or the name"):
        TrajectoryDisplay.from_estimator(model, X, y, groups=groups, time=0)


def test_scorers_are_of_all_responses_or_refuse():
    X, y = few_of_two_kinds()
    model = MixtureRegressor(2, family=["gaussian", "poisson"], random_state=0)
    model.fit(X, y)
    ours = log_likelihood_scorer(model, X, y)
    assert_allclose(ours, model.log_likelihood_ / len(y))
    with pytest.raises(ValueError, match="crps_scorer: not available for several"):
        crps_scorer(model, X, y)
