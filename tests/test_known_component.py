"""Rows, or groups, of known component."""

import numpy as np
import pytest
import sklearn
import verified
from hypothesis import given
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from support import few, seeds

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC, profile
from mixreg_sklearn.inference import bootstrap, inference
from mixreg_sklearn.metrics import InSample, bic_scorer, class_quality
from mixreg_sklearn.plotting import (
    CoefficientDisplay,
    MixtureRegressionDisplay,
    QuantileResidualDisplay,
    RootogramDisplay,
    TrajectoryDisplay,
)
from mixreg_sklearn.residuals import (
    crps,
    extrapolated_rows,
    log_score,
    odd_rows,
    pit_values,
    quantile_residuals,
)

VERIFIED = [name for name, c in verified.CASES.items() if "labels" in name]


def overlapping(seed=0, n=160, n_known=24):
    """Two lines that overlap, and the labels of some rows, -1 for the others."""
    rng = np.random.default_rng(seed)
    X, label = rng.normal(size=(n, 1)), rng.integers(2, size=n)
    y = np.where(label, 0.5 + X[:, 0], -0.5 - 0.5 * X[:, 0]) + 0.6 * rng.normal(size=n)
    known = np.full(n, -1)
    known[:n_known] = label[:n_known]
    return X, y, known, label


def planes_and_three_labels():
    """Three planes that overlap, where raw starts suit the labels in a wrong order."""
    rng = np.random.default_rng([1001, 2, 3, 72, 300, 5, 1])
    label = rng.choice(3, 72, p=np.full(3, 1 / 3))
    X, planes = rng.standard_normal((72, 2)), rng.standard_normal((3, 3))
    y = planes[label, 0] + (X * planes[label, 1:]).sum(axis=1)
    y += 0.3 * np.sqrt(6) * rng.standard_normal(72)
    known = np.where(rng.random(72) < 0.05, label, -1)
    return X, y, known, planes


def log_joint(model, X, y):
    """Log joint densities (n, K) of gaussian components."""
    lines = model.predict_components(X)
    return np.log(model.weights_) + stats.norm.logpdf(y[:, None], lines, model.scale_)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", VERIFIED)
def test_verified_solutions_are_found_and_proven(name, seed):
    case = verified.CASES[name]
    (X, extra), data = verified.rows(case), verified.table(case)
    y, known = data[case["response"]], data["known"].fillna(-1).astype(int)
    model = MixtureRegressor(random_state=seed, **verified.settings(case))
    model.fit(X, y, known_component=known, **extra)
    assert model.converged_
    assert model.labelled_
    verified.assert_is_verified_solution(
        model, case, y, {"sigma": model.scale_}, known_component=known
    )
    # Components keep the numbers of the labels.
    theirs = [part["intercept"] for part in case["mle"]["components"]]
    assert_allclose(model.intercept_, theirs, atol=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_few_labels_do_not_trap_the_search_in_a_wrong_order(seed):
    X, y, known, planes = planes_and_three_labels()
    truth = {
        "coef": planes[:, 1:],
        "intercept": planes[:, 0],
        "scale": np.full(3, 0.73),
        "weights": np.full(3, 1 / 3),
    }
    near = MixtureRegressor(3, init=truth).fit(X, y, known_component=known)
    found = MixtureRegressor(3, random_state=seed).fit(X, y, known_component=known)
    assert found.log_likelihood_ > near.log_likelihood_ - 0.01


def test_a_choice_leaves_out_numbers_of_components_too_small_for_the_labels():
    X, y, known, _ = overlapping()
    model = MixtureRegressorIC(3, random_state=0).fit(X, y, known_component=known)
    assert model.table_["n_components"].tolist() == [2, 3]
    assert model.n_components_ == 2
    with pytest.raises(ValueError, match="known_component contains 1"):
        MixtureRegressorIC(1).fit(X, y, known_component=known)


def test_the_likelihood_of_a_known_row_is_that_of_its_component():
    X, y, known, _ = overlapping()
    model = MixtureRegressor(2, random_state=0).fit(X, y, known_component=known)
    joint = log_joint(model, X, y)
    rows = np.logaddexp(*joint.T)
    rows[known >= 0] = joint[known >= 0, known[known >= 0]]
    assert_allclose(model.log_likelihood_, rows.sum(), rtol=1e-12)
    ours = model.log_likelihood(X, y, known_component=known)
    assert_allclose(ours, model.log_likelihood_, rtol=1e-12)
    assert model.log_likelihood(X, y) > ours
    tau = model.predict_proba(X, y, known_component=known)
    assert_array_equal(tau[known >= 0], np.eye(2)[known[known >= 0]])
    assert_array_equal(tau[known < 0], model.predict_proba(X[known < 0], y[known < 0]))
    members = model.predict_membership(X, y, known_component=known)
    assert_array_equal(members[known >= 0], known[known >= 0])


def test_with_all_labels_components_are_separate_regressions():
    X, y, _, label = overlapping()
    model = MixtureRegressor(2, random_state=0).fit(X, y, known_component=label)
    for k in range(2):
        alone = LinearRegression().fit(X[label == k], y[label == k])
        assert_allclose(model.coef_[k], alone.coef_, rtol=1e-8)
        residual = y[label == k] - alone.predict(X[label == k])
        assert_allclose(model.scale_[k], np.sqrt(np.mean(residual**2)), rtol=1e-8)
    assert_allclose(model.weights_, np.bincount(label) / len(label))
    assert model.converged_


@few
@given(seeds)
def test_other_numbers_of_the_labels_are_other_numbers_of_the_components(seed):
    X, y, known, _ = overlapping(seed % 7)
    turned = np.where(known < 0, -1, 1 - known)
    model = MixtureRegressor(2, random_state=0)
    ours = clone(model).fit(X, y, known_component=known)
    theirs = clone(model).fit(X, y, known_component=turned)
    assert_allclose(theirs.log_likelihood_, ours.log_likelihood_, rtol=1e-9)
    assert_allclose(theirs.coef_[::-1], ours.coef_, rtol=1e-5)


def test_plausibilities_say_what_labels_say_and_more():
    X, y, known, label = overlapping()
    model = MixtureRegressor(2, random_state=0)
    by_label = clone(model).fit(X, y, known_component=known)
    one_hot = np.where(known[:, None] < 0, 0.5, np.eye(2)[known])
    by_row = clone(model).fit(X, y, known_component=one_hot)
    assert_allclose(by_row.log_likelihood_, by_label.log_likelihood_, rtol=1e-10)
    nothing = clone(model).fit(X, y, known_component=np.full((len(y), 2), 0.5))
    plain = clone(model).fit(X, y)
    assert not nothing.labelled_
    assert nothing.log_likelihood_ == plain.log_likelihood_
    hints = np.where(np.eye(2)[label] > 0, 0.7, 0.3)
    hinted = clone(model).fit(X, y, known_component=hints)
    joint = log_joint(hinted, X, y) + np.log(hints / hints.max(axis=1, keepdims=True))
    assert_allclose(hinted.log_likelihood_, np.logaddexp(*joint.T).sum(), rtol=1e-12)
    tau = hinted.predict_proba(X, y, known_component=hints)
    assert_allclose(tau, np.exp(joint - np.logaddexp(*joint.T)[:, None]), rtol=1e-9)


def test_weights_count_known_rows_and_groups_are_known_as_a_whole():
    X, y, known, _ = overlapping()
    weight = np.resize([1.0, 2.0, 0.0], len(y))
    rows = np.repeat(np.arange(len(y)), weight.astype(int))
    model = MixtureRegressor(2, random_state=0)
    weighted = clone(model).fit(X, y, sample_weight=weight, known_component=known)
    repeated = clone(model).fit(X[rows], y[rows], known_component=known[rows])
    assert_allclose(weighted.log_likelihood_, repeated.log_likelihood_, rtol=1e-9)
    groups = np.arange(len(y)) // 2
    with pytest.raises(ValueError, match="known_component varies within group"):
        model.fit(X, y, groups=groups, known_component=np.resize([0, -1], len(y)))
    of_groups = np.repeat(known[::2], 2)
    model.fit(X, y, groups=groups, known_component=of_groups)
    rest = {"groups": groups, "known_component": of_groups}
    tau = model.predict_proba(X, y, **rest)
    assert_array_equal(tau[of_groups >= 0], np.eye(2)[of_groups[of_groups >= 0]])
    assert np.isfinite(inference(model, X, y, **rest).std_errors).all()
    with pytest.raises(ValueError, match="not the data of the fit"):
        inference(model, X, y, groups=groups)


def test_labels_tell_apart_what_rows_alone_do_not():
    # Two components with nearly the same line and other shares of noise.
    truth, wins = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        X, label = rng.normal(size=(200, 1)), rng.integers(2, size=200)
        y = np.where(label, 0.4 + 0.6 * X[:, 0], -0.4) + 0.7 * rng.normal(size=200)
        known = np.where(rng.random(200) < 0.3, label, -1)
        plain = MixtureRegressor(2, shared_scale=True, random_state=0).fit(X, y)
        labelled = clone(plain).fit(X, y, known_component=known)
        ours = np.abs(labelled.coef_[:, 0] - [0, 0.6]).max()
        theirs = min(
            np.abs(plain.coef_[order, 0] - [0, 0.6]).max() for order in ([0, 1], [1, 0])
        )
        truth.append(ours < 0.35)
        wins.append(ours < theirs)
    assert np.mean(truth) > 0.8
    assert np.mean(wins) > 0.5


def test_a_component_may_have_no_labels_and_the_background_may_have_some():
    rng = np.random.default_rng(0)
    X, label = rng.normal(size=(240, 1)), rng.integers(3, size=240)
    y = 5.0 * label + X[:, 0] * (label - 1) + 0.4 * rng.normal(size=240)
    known = np.where((label == 2) & (rng.random(240) < 0.3), 0, -1)
    model = MixtureRegressor(3, random_state=0).fit(X, y, known_component=known)
    assert_allclose(model.intercept_[0], 10, atol=0.3)
    assert model.weights_[1] >= model.weights_[2]
    y[:12] = rng.uniform(-40, 40, size=12)
    known[:6] = 3
    model = MixtureRegressor(3, background="uniform", random_state=0)
    model.fit(X, y, known_component=known)
    rows = {"known_component": known}
    assert_array_equal(model.predict_proba(X, y, **rows)[:6, 3], np.ones(6))


def test_constraints_and_labels_name_the_same_components():
    X, y, known, _ = overlapping()
    held = {0: [None, 1.0]}
    model = MixtureRegressor(2, held_coef=held, random_state=0)
    model.fit(X, y, known_component=known)
    assert model.coef_[1, 0] == 1
    assert_allclose(model.intercept_, [-0.5, 0.5], atol=0.25)


def test_labels_pass_through_searches():
    X, y, known, _ = overlapping()
    search = MixtureRegressorIC([2, 3], random_state=0)
    search.fit(X, y, known_component=known)
    assert search.labelled_
    with sklearn.config_context(enable_metadata_routing=True):
        pipe = make_pipeline(StandardScaler(), MixtureRegressor(2, random_state=0))
        name = "mixtureregressor__shared_scale"
        grid = GridSearchCV(pipe, {name: [True, False]}, cv=3)
        grid.fit(X, y, known_component=known)
        assert grid.best_estimator_[-1].labelled_


def test_labels_reach_scorers_by_routing():
    X, y, known, _ = overlapping()
    with sklearn.config_context(enable_metadata_routing=True):
        pipe = make_pipeline(StandardScaler(), MixtureRegressor(2, random_state=0))
        name, cv = "mixtureregressor__shared_scale", InSample()
        grid = GridSearchCV(pipe, {name: [False]}, scoring=bic_scorer, cv=cv)
        grid.fit(X, y, known_component=known)
    assert_allclose(-grid.best_score_, grid.best_estimator_[-1].bic_, rtol=1e-9)
    assert -bic_scorer(grid, X, y) < grid.best_estimator_[-1].bic_ - 1
    ours = bic_scorer(grid, X, y, known_component=known)
    assert_allclose(ours, grid.best_score_, rtol=1e-12)


def test_residuals_of_known_rows_are_those_of_their_component():
    X, y, known, _ = overlapping()
    model = MixtureRegressor(2, random_state=0).fit(X, y, known_component=known)
    there = known >= 0
    at = known[there]
    mean, scale = model.predict_components(X)[there, at], model.scale_[at]
    given = {"known_component": known}
    u = stats.norm.cdf(y[there], mean, scale)
    assert_allclose(pit_values(model, X, y, **given)[there], u)
    z = quantile_residuals(model, X, y, **given)
    assert_allclose(z[there], (y[there] - mean) / scale, atol=1e-9)
    assert_array_equal(z[~there], quantile_residuals(model, X, y)[~there])
    alone = model.predict_distribution(X[there]).reweighted(np.eye(2)[at])
    score = crps(model, X, y, **given)
    z = z[there]
    by_hand = z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - np.pi**-0.5
    assert_allclose(score[there], scale * by_hand, rtol=1e-6)
    assert_allclose(alone.mean(), mean)
    # The labels themselves have a probability, that of their components.
    total = log_score(model, X, y, **given).sum() - np.log(model.weights_[at]).sum()
    assert_allclose(-total, model.log_likelihood_, rtol=1e-10)
    hints = np.where(np.arange(2) == known[:, None], 0.7, 0.3)
    prior = model.weights_ * hints
    density = np.exp(log_joint(model, X, y)) / model.weights_
    ours = log_score(model, X, y, known_component=hints)
    expected = np.log((prior * density).sum(axis=1) / prior.sum(axis=1))
    assert_allclose(-ours, expected, rtol=1e-9)


def test_groups_of_known_component_are_predicted_by_it_from_their_first_row():
    X, y, known, _ = overlapping()
    groups, known = np.arange(len(y)) // 4, np.repeat(known[::4], 4)
    rest = {"groups": groups, "known_component": known}
    model = MixtureRegressor(2, random_state=0).fit(X, y, **rest)
    labels = known[::4][known[::4] >= 0]
    total = log_score(model, X, y, **rest).sum() - np.log(model.weights_[labels]).sum()
    assert_allclose(-total, model.log_likelihood_, rtol=1e-10)
    history = {"X": X, "y": y, **rest}
    ahead = model.predict_distribution(X, groups=groups, history=history)
    assert_allclose(ahead.weights, model.predict_proba(X, y, **rest), rtol=1e-9)
    assert_array_equal(ahead.weights[known >= 0], np.eye(2)[known[known >= 0]])
    with pytest.raises(ValueError, match="known_component varies within group"):
        crps(model, X, y, groups=groups, known_component=np.resize([0, -1], len(y)))


def test_displays_and_reports_take_the_labels_of_the_fit():
    pd = pytest.importorskip("pandas")
    pytest.importorskip("matplotlib")
    X, y, known, _ = overlapping()
    model = MixtureRegressor(2, random_state=0).fit(X, y, known_component=known)
    given = {"known_component": known}
    tau = model.predict_proba(X, y, **given)
    shown = RootogramDisplay.from_estimator(model, X, y, **given)
    assert_array_equal(shown.probabilities, tau)
    shown = MixtureRegressionDisplay.from_estimator(model, X, y, **given)
    assert_array_equal(shown.probabilities, tau)
    shown = QuantileResidualDisplay.from_estimator(model, X, y, **given)
    assert_array_equal(shown.residuals, quantile_residuals(model, X, y, **given))
    shown = CoefficientDisplay.from_estimator(model, X, y, **given)
    bounds = inference(model, X, y, **given).conf_int()
    assert_allclose(np.sort(shown.lower), np.sort(bounds[:, 0]))
    assigned = np.bincount(tau.argmax(axis=1))
    assert_array_equal(class_quality(model, X, y, **given).assigned, assigned)
    table = profile(model, X, y, pd.DataFrame({"known": known >= 0}), **given)
    assert_allclose(table.loc[("component size", "rows")].iloc[:2], tau.sum(axis=0))
    far = extrapolated_rows(model, [[1e3]], X, y, **given)
    assert sorted(far["component"]) == [0, 1]
    assert odd_rows(model, X, y, level=1e-9, **given)["row"].size == 0
    model.fit(X, y, groups=np.arange(len(y)), **given)
    shown = TrajectoryDisplay.from_estimator(
        model, X, y, groups=np.arange(len(y)), time=0, **given
    )
    assert_array_equal(shown.probabilities[known >= 0], np.eye(2)[known[known >= 0]])


def test_replicates_of_known_rows_are_refused():
    X, y, known, _ = overlapping()
    model = MixtureRegressor(2, random_state=0).fit(X, y, known_component=known)
    with pytest.raises(ValueError, match="were known to the fit"):
        bootstrap(model, X, y, n_bootstrap=2)


def test_summaries_count_the_known_rows():
    X, y, known, _ = overlapping()
    model = MixtureRegressor(2, random_state=0).fit(X, y, known_component=known)
    assert "components of 24 rows" in str(model.summary(X, y, known_component=known))


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ([0, 1], "one label for each"),
        (np.full(160, 2), "numbered 0 to 1, and -1 stands for unknown"),
        (np.full(160, -2), "contains -2"),
        (np.full(160, 0.5), "whole numbers"),
        (np.array(["a"] * 160), "whole numbers"),
        (np.full((160, 3), 1.0), "3 columns: it must have 2"),
        (np.zeros((160, 2)), "positive for some component in every row"),
        (np.full((160, 2), -1.0), "non-negative"),
        (np.full(160, np.nan), "whole numbers"),
    ],
)
def test_labels_out_of_range_are_refused(known, message):
    X, y, _, _ = overlapping()
    with pytest.raises(ValueError, match=message):
        MixtureRegressor(2).fit(X, y, known_component=known)
