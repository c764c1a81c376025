"""Backgrounds: a component without a regression, for outliers or surplus zeros."""

import pickle

import numpy as np
import pytest
import verified
from hypothesis import given
from numpy.testing import assert_allclose, assert_array_equal
from scipy import integrate, optimize, special, stats
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from support import few, seeds

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn.families import censored
from mixreg_sklearn.gates import ConstantGate
from mixreg_sklearn.inference import bootstrap, inference, marginal_effects
from mixreg_sklearn.metrics import class_quality
from mixreg_sklearn.plotting import CoefficientDisplay, MixtureRegressionDisplay
from mixreg_sklearn.residuals import log_score, odd_rows, quantile_residuals

VERIFIED = [
    name
    for name, case in verified.CASES.items()
    if {"noise", "point_mass"} & set(case["tags"])
]


def two_lines_and_outliers(seed=0, n=200, n_outliers=20, reach=40):
    """Rows of two lines, of which the first ones are replaced by anything."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 2, size=(n, 1))
    steep = rng.random(n) < 0.6
    y = np.where(steep, 4 + 3 * x[:, 0], -2 - x[:, 0]) + 0.4 * rng.normal(size=n)
    y[:n_outliers] = rng.uniform(-reach, reach, size=n_outliers)
    return x, y


def counts_with_zeros(seed=0, n=400):
    """Poisson counts, of which a feature decides whether they are zero for sure."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    y = rng.poisson(np.exp(1 + 0.5 * X[:, 0])) * 1.0
    y[rng.random(n) < 1 / (1 + np.exp(1 - X[:, 1]))] = 0.0
    return X, y


@pytest.fixture(scope="module")
def outliers():
    X, y = two_lines_and_outliers()
    return X, y, MixtureRegressor(2, background="uniform", random_state=0).fit(X, y)


def test_every_verified_case_is_here():
    assert len(VERIFIED) == 6


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", VERIFIED)
def test_verified_solutions_are_found_and_proven(name, seed):
    case = verified.CASES[name]
    (X, extra), y = verified.rows(case), verified.table(case)[case["response"]]
    gaussian = case["family"] == "gaussian"
    model = MixtureRegressor(
        family=case["family"],
        background="uniform" if gaussian else "zero",
        random_state=seed,
        **verified.settings(case),
    ).fit(X, y, **extra)
    assert model.converged_
    constants = {"sigma": model.scale_} if gaussian else {}
    verified.assert_is_verified_solution(model, case, y, constants)
    share = case["mle"].get("noise") or case["mle"].get("point_mass")
    assert_allclose(model.background_weight_, share["prior"], atol=1e-4)


def test_outliers_are_found_and_do_not_pull_the_lines(outliers):
    X, y, model = outliers
    assert_allclose(model.intercept_, [4, -2], atol=0.2)
    assert_allclose(model.coef_[:, 0], [3, -1], atol=0.2)
    probability = model.outlier_probability(X, y)
    assert_array_equal(probability, model.predict_proba(X, y)[:, -1])
    lines = model.predict_components(X[:20])
    far = np.abs(lines - y[:20, None]).min(axis=1) > 2
    assert (probability[:20][far] > 0.99).all()
    assert np.mean(probability[20:] < 0.5) > 0.98


def test_the_likelihood_is_that_of_lines_and_a_constant_density(outliers):
    X, y, model = outliers
    low, high = model.background_bounds_
    assert (low, high) == (y.min(), y.max())
    density = model.background_weight_ / (high - low) + sum(
        w * stats.norm.pdf(y, line, scale)
        for w, line, scale in zip(
            model.weights_, model.predict_components(X).T, model.scale_, strict=True
        )
    )
    assert_allclose(model.log_likelihood_, np.log(density).sum(), rtol=1e-12)
    assert_allclose(model.weights_.sum() + model.background_weight_, 1)
    assert model.n_parameters_ == 8
    assert_allclose(model.bic_, -2 * model.log_likelihood_ + 8 * np.log(200))


@few
@given(seeds)
def test_units_of_measurement_change_nothing_but_units(seed):
    X, y = two_lines_and_outliers(seed % 5)
    model = MixtureRegressor(2, background="uniform", random_state=0)
    ours, theirs = clone(model).fit(X, y), clone(model).fit(X, 1e4 * y - 7)
    assert_allclose(theirs.coef_, 1e4 * ours.coef_, rtol=1e-6)
    assert_allclose(theirs.background_weight_, ours.background_weight_, rtol=1e-6)
    shift = len(y) * np.log(1e4)
    assert_allclose(theirs.log_likelihood_, ours.log_likelihood_ - shift, rtol=1e-9)


def test_weights_count_rows_and_groups_of_one_row_are_rows():
    X, y = two_lines_and_outliers()
    weight = np.resize([1.0, 2.0, 0.0], len(y))
    model = MixtureRegressor(2, background="uniform", random_state=0)
    rows = np.repeat(np.arange(len(y)), weight.astype(int))
    repeated = clone(model).fit(X[rows], y[rows])
    weighted = clone(model).fit(X, y, sample_weight=weight)
    single = clone(model).fit(X[rows], y[rows], groups=np.arange(len(rows)))
    for other in (weighted, single):
        assert_allclose(other.log_likelihood_, repeated.log_likelihood_, rtol=1e-9)
        assert_allclose(other.coef_, repeated.coef_, rtol=1e-5)
        assert_allclose(other.background_weight_, repeated.background_weight_)


def test_sparse_features_give_the_same_fit(outliers):
    from scipy import sparse

    X, y, model = outliers
    other = clone(model).fit(sparse.csr_array(X), y)
    assert_allclose(other.log_likelihood_, model.log_likelihood_, rtol=1e-9)
    ours, theirs = inference(model, X, y), inference(other, sparse.csr_array(X), y)
    assert_allclose(theirs.std_errors, ours.std_errors, rtol=1e-5)


def test_the_predictive_distribution_has_the_background(outliers):
    X, _, model = outliers
    ahead = model.predict_distribution(X[:3])
    low, high = model.background_bounds_
    points = sorted([low, high, *model.predict_components(X[:1])[0]])
    for moment, expected in (
        (lambda v: 1.0, 1.0),
        (lambda v: v, ahead.mean()[0]),
        (lambda v: (v - ahead.mean()[0]) ** 2, ahead.var()[0]),
    ):
        value, _ = integrate.quad(
            lambda v, f=moment: f(v) * ahead[:1].pdf([[v]])[0, 0],
            *(low - 20, high + 20),
            points=points,
            limit=500,
        )
        assert_allclose(value, expected, rtol=1e-6)
    levels = np.array([0.01, 0.3, 0.5, 0.99])
    assert_allclose(ahead.cdf(ahead.quantile(levels)), np.tile(levels, (3, 1)))
    assert_array_equal(ahead.mean(), model.predict(X[:3]))
    draws = ahead.sample(20_000, random_state=0)[0]
    gap = np.abs(np.sort(ahead[:1].cdf(draws[None])[0]) - np.arange(1, 20_001) / 20_000)
    assert gap.max() < 0.015
    region = ahead.highest_density(0.9)[0]
    inside = np.diff(ahead[:1].cdf(region.ravel()[None])[0].reshape(-1, 2), axis=1)
    assert_allclose(np.nansum(inside), 0.9, atol=1e-6)


def test_draws_of_a_fit_come_from_the_background_too(outliers):
    X, _, model = outliers
    y, component = model.sample(np.tile(X, (50, 1)), random_state=0)
    apart = component == 2
    assert_allclose(apart.mean(), model.background_weight_, atol=0.01)
    low, high = model.background_bounds_
    assert stats.kstest(y[apart], "uniform", args=(low, high - low)).pvalue > 1e-3


def test_residuals_of_a_right_model_are_normal():
    X, y = two_lines_and_outliers(n=600, n_outliers=60)
    model = MixtureRegressor(2, background="uniform", random_state=0).fit(X, y)
    assert stats.kstest(quantile_residuals(model, X, y), "norm").pvalue > 0.01


def test_responses_beyond_the_observed_range_are_outliers(outliers):
    X, _, model = outliers
    assert model.outlier_probability(X[:1], [1e6])[0] > 0.999
    assert model.predict_membership(X[:1], [1e6])[0] == 2
    # The predictive distribution is a distribution: it ends where the range does.
    assert model.predict_distribution(X[:1]).pdf([1e6])[0] == 0


def test_a_gate_moves_the_share_of_the_background():
    X, y = counts_with_zeros()
    model = MixtureRegressor(
        1,
        family="poisson",
        background="zero",
        gate="softmax",
        regression_features=[0],
        gate_features=[1],
        random_state=0,
    ).fit(X, y)
    assert model.converged_
    assert_allclose(model.coef_[0], [0.5, 0], atol=0.1)
    assert_allclose(model.gate_coef_[1], [0, 1], atol=0.4)
    assert model.gate_coef_.shape == (2, 2)
    names = inference(model, X, y).names
    assert names[-2:] == ["background: gate intercept", "background: gate x1"]
    prior = model.predict_proba(X)
    odds = np.exp(model.gate_intercept_[1] + X @ model.gate_coef_[1])
    assert_allclose(prior[:, 1], odds / (1 + odds), rtol=1e-10)
    assert_allclose(model.weights_[0] + model.background_weight_, 1)
    assert_allclose(model.background_weight_, prior[:, 1].mean())


def test_zero_inflation_by_a_background_is_that_of_pscl():
    # pscl 1.5.5: zeroinfl(art ~ . | 1, bioChemists), log-likelihood -1620.784.
    case = verified.CASES["pointmass_k2_biochemists"]
    (X, _), y = verified.rows(case), verified.table(case)[case["response"]]
    model = MixtureRegressor(1, family="poisson", background="zero").fit(X, y)
    assert_allclose(model.log_likelihood_, -1620.784, atol=5e-4)
    # With all features in both parts, -1604.773.
    model.set_params(gate="softmax").fit(X, y)
    assert_allclose(model.log_likelihood_, -1604.773, atol=5e-4)
    assert model.converged_


def test_a_background_of_zeros_needs_whole_groups_of_zeros():
    X, y = counts_with_zeros()
    groups = np.arange(len(y)) // 2
    model = MixtureRegressor(1, family="poisson", background="zero", random_state=0)
    model.fit(X, y, groups=groups)
    tau = model.outlier_probability(X, y, groups=groups)
    some = np.add.reduceat(y, np.arange(0, len(y), 2)) > 0
    assert (tau[::2][some] == 0).all()
    assert (tau[::2][~some] > 0).all()


def test_starts_may_be_given(outliers):
    X, y, model = outliers
    init = {
        "weights": model.weights_,
        "coef": model.coef_,
        "intercept": model.intercept_,
        "scale": model.scale_,
    }
    for start in (init, init | {"background_weight": 0.2}, model.predict_proba(X, y)):
        other = clone(model).set_params(init=start).fit(X, y)
        assert_allclose(other.log_likelihood_, model.log_likelihood_, rtol=1e-10)
    model = pickle.loads(pickle.dumps(model))
    model.set_params(warm_start=True)
    before = model.log_likelihood_
    assert_allclose(model.fit(X, y).log_likelihood_, before, rtol=1e-10)


def test_searches_compare_mixtures_with_and_without_a_background():
    X, y = two_lines_and_outliers(reach=12)
    search = MixtureRegressorIC(3, background="uniform", random_state=0).fit(X, y)
    assert search.n_components_ == 2
    assert search.background_weight_ > 0.05
    grid = GridSearchCV(
        MixtureRegressor(2, random_state=0), {"background": [None, "uniform"]}, cv=3
    ).fit(X, y)
    assert grid.best_params_ == {"background": "uniform"}


def test_everything_that_shows_a_mixture_shows_the_background(outliers):
    X, y, model = outliers
    text = str(model.summary(X, y))
    assert "background share" in text
    assert "uniform, -" in text
    assert str(class_quality(model, X, y)).count("\n") >= 4
    assert "component 1" in model._repr_html_() or model._fitted_table()
    result = inference(model, X, y)
    share = result.params[result.names.index("mixture: background share")]
    assert share == model.background_weight_
    effects = marginal_effects(model, X, result)
    assert np.isfinite(effects.std_errors).all()
    # The share of the lines is what is left of the background's.
    step, moved = 1e-5, X + 1e-5
    slope = (model.predict(moved) - model.predict(X)).mean() / step
    assert_allclose(effects.params[0], slope, rtol=1e-6)
    draws = bootstrap(model, X, y, n_bootstrap=10, random_state=0)
    assert np.isfinite(draws.std_errors).all()


def test_displays_draw_rows_of_the_background_in_gray(outliers):
    pytest.importorskip("matplotlib")
    from mixreg_sklearn.plotting import MixtureRegressionDisplay, RootogramDisplay

    X, y, model = outliers
    display = MixtureRegressionDisplay.from_estimator(model, X, y)
    shades = display.scatter_.get_facecolors()[:, :3]
    apart = model.predict_membership(X, y) == 2
    assert (np.ptp(shades[apart], axis=1) == 0).all()
    assert len(display.lines_) == 2
    titles = [
        ax.get_title() for ax in RootogramDisplay.from_estimator(model, X, y).axes_
    ]
    assert titles == ["component 0", "component 1", "background"]


def test_given_shares_include_that_of_the_background():
    X, y = two_lines_and_outliers()
    gate = ConstantGate([0.5, 0.4, 0.1])
    model = MixtureRegressor(2, background="uniform", gate=gate, random_state=0)
    model.fit(X, y)
    assert_allclose(model.weights_, [0.5, 0.4])
    assert_allclose(model.background_weight_, 0.1)
    assert model.converged_


def test_what_cannot_be_is_refused():
    X, y = two_lines_and_outliers()
    with pytest.raises(ValueError, match="background='zero' is for counts"):
        MixtureRegressor(2, background="zero").fit(X, y)
    with pytest.raises(ValueError, match="y has a single value"):
        MixtureRegressor(2, background="uniform").fit(X, np.ones(len(y)))
    for weights, message in (
        ([0.5, 0.5], "3 numbers"),
        ("equal", "equal shares would"),
    ):
        gate = ConstantGate(weights)
        with pytest.raises(ValueError, match=message):
            MixtureRegressor(2, background="uniform", gate=gate).fit(X, y)
    with pytest.raises(ValueError, match="fit with background='uniform'"):
        MixtureRegressor(2, random_state=0).fit(X, y).outlier_probability(X, y)
    model = MixtureRegressor(2, background="uniform", random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="background was changed after fit"):
        model.set_params(background=None).predict(X)


def test_shares_may_be_held_with_that_of_the_background():
    X, y = two_lines_and_outliers()
    gate = ConstantGate([0.5, 0.4, 0.1])
    model = MixtureRegressor(2, background="uniform", gate=gate, random_state=0)
    model.fit(X, y)
    assert_allclose([*model.weights_, model.background_weight_], [0.5, 0.4, 0.1])
    assert model.n_parameters_ == 6


def lifetimes_of_which_some_never_end(seed=0, n=400):
    """Times until an event or the end of observation, whether the event was seen."""
    rng = np.random.default_rng(seed)
    X, never = rng.normal(size=(n, 1)), rng.random(n) < 0.35
    life = np.exp(1 + 0.5 * X[:, 0]) * rng.weibull(2, size=n)
    end = rng.uniform(5, 15, size=n)
    return X, np.where(never, end, np.minimum(life, end)), ~never & (life <= end)


def test_a_cure_fraction_is_a_background_at_infinity():
    X, time, event = lifetimes_of_which_some_never_end()
    model = MixtureRegressor(1, family="weibull", background="cured", random_state=0)
    y = censored(time, event)
    model.fit(X, y)
    assert model.converged_
    assert model.n_parameters_ == 4

    def log_likelihood(theta):
        intercept, slope, log_scale, log_odds = theta
        u = (np.log(time) - intercept - slope * X[:, 0]) / np.exp(log_scale)
        cured = special.expit(log_odds)
        dead = np.log1p(-cured) + u - np.exp(u) - log_scale - np.log(time)
        alive = np.log(cured + (1 - cured) * np.exp(-np.exp(u)))
        return np.where(event, dead, alive).sum()

    share = special.logit(model.background_weight_)
    theta = [model.intercept_[0], model.coef_[0, 0], np.log(model.scale_[0]), share]
    assert_allclose(model.log_likelihood_, log_likelihood(theta), rtol=1e-12)
    best = optimize.minimize(lambda t: -log_likelihood(t), [1, 0.5, -0.7, -0.6])
    assert_allclose(theta, best.x, atol=1e-4)
    errors = inference(model, X, y).std_errors
    assert_allclose(errors[:2], np.sqrt(np.diag(best.hess_inv))[:2], rtol=0.1)
    # Those whose end was seen are not cured, and survival tends to the cure fraction.
    tau = model.outlier_probability(X, y)
    assert (tau[event] == 0).all()
    assert (tau[~event] > 0).all()
    ahead = model.predict_distribution(X[:2])
    assert_allclose(ahead.sf([1e9, 1e9]), model.background_weight_, rtol=1e-9)
    assert np.isposinf(model.predict(X[:2])).all()
    assert np.isposinf(ahead.quantile(0.99)).all()
    levels = [0.05, 0.3, 0.6]
    assert_allclose(ahead.cdf(ahead.quantile(levels)), [levels, levels], rtol=1e-9)
    assert_allclose(ahead.regressions().mean(), model.predict_components(X[:2])[:, 0])
    residuals = quantile_residuals(model, X, y, random_state=0)
    assert stats.kstest(residuals, "norm").pvalue > 0.01
    with pytest.raises(ValueError, match="there is a cure fraction"):
        ahead.highest_density()


def test_only_lifetimes_have_a_cure_fraction():
    X, y = two_lines_and_outliers()
    with pytest.raises(ValueError, match="background='cured' is for lifetimes"):
        MixtureRegressor(2, background="cured").fit(X, y)


def test_rows_of_the_background_are_not_odd(outliers):
    X, y, model = outliers
    odd = odd_rows(model, X, y)
    assert (model.outlier_probability(X, y)[odd["row"]] < 0.5).all()
    assert (odd["component"] < 2).all()


@pytest.mark.parametrize("gate", [None, "softmax"])
def test_coefficients_are_drawn_beside_a_background(gate):
    pytest.importorskip("matplotlib").use("Agg")
    X, y = two_lines_and_outliers()
    model = MixtureRegressor(2, background="uniform", gate=gate, random_state=0)
    display = CoefficientDisplay.from_estimator(model.fit(X, y), X, y)
    assert "background share" not in display.labels


def test_those_who_never_fail_are_drawn_where_they_were_seen_last():
    rng = np.random.default_rng(0)
    X, end = rng.normal(size=(120, 2)), rng.uniform(2, 6, size=120)
    time = np.exp(X @ [0.6, 0.5]) * rng.weibull(2, 120)
    time[rng.random(120) < 0.4] = np.inf
    y = censored(np.minimum(time, end), time <= end)
    model = MixtureRegressor(1, family="weibull", background="cured").fit(X, y)
    shown = MixtureRegressionDisplay.from_estimator(model, X, y, feature=0)
    gone = model.predict_membership(X, y) == 1
    assert gone.sum() > 20
    assert_array_equal(shown.y[gone], end[gone])
    assert np.isfinite(shown.y).all()
    assert (shown.y != np.minimum(time, end)).any()


def without_outliers(seed=0, n=150):
    """Rows of two lines whose errors have no tails."""
    rng = np.random.default_rng(seed)
    x, steep = rng.uniform(-2, 2, size=(n, 1)), rng.random(n) < 0.6
    y = np.where(steep, 4 + 3 * x[:, 0], -2 - x[:, 0]) + rng.uniform(-1, 1, size=n)
    return x, y


def few_zeros(seed=0, n=150):
    """Poisson counts, of which fewer are zero than there should be."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 1))
    y = rng.poisson(np.exp(0.8 + 0.3 * X[:, 0])) * 1.0
    return X, np.where((y == 0) & (np.arange(n) % 2 == 0), 1.0, y)


def no_failures_left(seed=0, n=150):
    """Lifetimes, all of whom fail before long."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 1))
    time, end = np.exp(0.5 * X[:, 0]) * rng.weibull(2, n), rng.uniform(1, 3, size=n)
    return X, censored(np.minimum(time, end), time <= end)


NO_ROWS = {
    "uniform": (without_outliers, 2, "gaussian", lambda y: 1 / np.ptp(y)),
    "zero": (few_zeros, 1, "poisson", lambda y: y == 0),
    "cured": (no_failures_left, 1, "weibull", lambda y: np.isinf(y[:, 1])),
}


@pytest.mark.parametrize("seed", [1, 3])
@pytest.mark.parametrize("kind", NO_ROWS)
def test_a_background_without_rows_is_proven_to_have_no_share(kind, seed):
    made, K, family, density = NO_ROWS[kind]
    X, y = made(seed)
    model = MixtureRegressor(K, family=family, background=kind, random_state=0)
    model.fit(X, y)
    plain = MixtureRegressor(K, family=family, random_state=0).fit(X, y)
    # A share of it would lower the likelihood: Karush, Kuhn and Tucker.
    assert (density(y) * np.exp(log_score(plain, X, y))).sum() < len(y) - 1
    assert model.background_weight_ == 0
    assert model.converged_
    assert_allclose(model.log_likelihood_, plain.log_likelihood_, rtol=1e-12)
    assert_allclose(model.coef_, plain.coef_, rtol=1e-5, atol=1e-7)
    assert_allclose(model.smallest_eigenvalue_, plain.smallest_eigenvalue_, rtol=1e-4)
    assert model.n_parameters_ == plain.n_parameters_ + 1
    errors, expected = map(errors_of, (model, plain), (X, X), (y, y))
    assert np.isnan(errors.pop((None, "background share")))
    assert np.isnan(errors.pop((0, "share"), np.nan)) == (K == 1)
    expected.pop((0, "share"), None)
    assert errors.keys() == expected.keys()
    assert_allclose(list(errors.values()), list(expected.values()), rtol=1e-4)
    assert "takes no rows" in str(model.summary(X, y))
    assert_allclose(model.predict(X), plain.predict(X), rtol=1e-5)


def errors_of(model, X, y):
    """Standard errors by component and label."""
    found = inference(model, X, y)
    terms = [(term.component, term.label) for term in found.terms]
    return dict(zip(terms, found.std_errors, strict=True))


def test_a_fit_leaves_a_background_without_rows_where_it_gains():
    X, y = two_lines_and_outliers(n_outliers=3)
    model = MixtureRegressor(2, background="uniform", random_state=0).fit(X, y)
    assert 0 < model.background_weight_ < 0.03
    names = "weights", "coef", "intercept", "scale"
    plain = MixtureRegressor(2, shared_scale=True, random_state=0).fit(X[3:], y[3:])
    start = {name: getattr(plain, f"{name}_") for name in names}
    ours = clone(model).set_params(init=start | {"background_weight": 0.0}).fit(X, y)
    assert ours.converged_
    assert_allclose(ours.background_weight_, model.background_weight_, rtol=1e-4)
    again = clone(model).set_params(init={**start, "background_weight": 0.0})
    X, y = without_outliers()
    again.fit(X, y)
    assert again.converged_
    assert again.background_weight_ == 0


def test_a_background_without_rows_is_named_where_a_gate_has_features():
    X, y = without_outliers()
    model = MixtureRegressor(2, background="uniform", gate="softmax", random_state=0)
    with pytest.warns(ConvergenceWarning, match="the background takes no rows"):
        model.fit(X, y)
    assert not model.converged_
    assert model.background_weight_ < 1e-6
    with pytest.raises(ValueError, match="the background takes no rows"):
        inference(model, X, y)
    model.set_params(gate_features=[]).fit(X, y)
    assert model.background_weight_ == 0
    assert model.converged_
