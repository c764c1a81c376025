"""Accelerated failure time families."""

import numpy as np
import pandas as pd
import pytest
from limited import BY_CHANCE, cases, family_and_response
from numpy.testing import assert_allclose
from scipy import special, stats
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from verified import CASES, HERE, assert_is_verified_solution, rows, settings

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.families import (
    LogLogistic,
    LogNormal,
    Weibull,
    censored,
    check_family,
)
from mixreg_sklearn.inference import inference
from mixreg_sklearn.metrics import log_likelihood_scorer
from mixreg_sklearn.plotting import MixtureRegressionDisplay
from mixreg_sklearn.residuals import pit_values, quantile_residuals

LIFETIMES = [Weibull(), LogNormal(), LogLogistic()]
# Of T with eta = 0.4 and scale 0.3.
LAWS = {
    "Weibull": stats.weibull_min(1 / 0.3, scale=np.exp(0.4)),
    "LogNormal": stats.lognorm(0.3, scale=np.exp(0.4)),
    "LogLogistic": stats.fisk(1 / 0.3, scale=np.exp(0.4)),
}
# R 4.2.2, survival 3.5.3: survreg(Surv(time, status) ~ age + sex + ph.karno, lung,
# control = survreg.control(rel.tolerance = 1e-15)): log-likelihood, coefficients,
# scale, and standard errors of the coefficients and of the logarithm of the scale.
SURVREG = {
    "weibull": (
        -1138.6917843884578,
        [5.32631583017800114, -0.00891058251170576],
        [0.37018705146613506, 0.00926417159034735, 0.75514453775921],
        [0.66297586318659008, 0.00710852598907102, 0.12795760365827358],
        [0.00446370735152259, 0.06170628699009331],
    ),
    "lognormal": (
        -1149.4171349601204,
        [4.8918653121368596, -0.0196068460785743],
        [0.5230772268574777, 0.0156864724236100, 1.04124374375565],
        [0.8301059350621245, 0.0084412102374309, 0.1542502824657119],
        [0.0060123073105800, 0.0560406031818772],
    ),
    "loglogistic": (
        -1139.8142748801974,
        [3.81889882853278051, -0.00829496886193558],
        [0.49168734230967021, 0.02108316102282863, 0.540711020950397],
        [0.74779050338663511, 0.00750110236706493, 0.13470974367763519],
        [0.00546746842823914, 0.06610306537615548],
    ),
}
# The same of intervals: log-likelihood, coefficients, scale.
INTERVALS = {
    "weibull": [-65.70667827788978, 2.37455313010662, 1.40199953299380, 0.63676627998],
    "lognormal": [-63.81986811654419, 2.00830429225296, 1.40812525803821, 0.6953951857],
    "loglogistic": [-65.01137380688577, 2.00024871757, 1.41419520734132, 0.4064420541],
}


def two_groups(seed=0, n=400, end=12.0):
    """Times of two accelerated failure time regressions, seen until `end`."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, n)
    first = rng.random(n) < 0.6
    location = np.where(first, 2 + 0.8 * x, 0.2 - 0.5 * x)
    scale = np.where(first, 0.3, 0.5)
    time = np.exp(location + scale * np.log(rng.exponential(size=n)))
    return x[:, None], censored(np.minimum(time, end), time <= end)


def fit(X, y, family="weibull", n_components=2, **options):
    model = MixtureRegressor(n_components, family=family, random_state=0, **options)
    return model.fit(X, y)


# Verified solutions ---------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", cases("weibull_aft", "lognormal_aft"))
def test_a_search_finds_the_verified_solution(name, seed):
    case = CASES[name]
    (X, extra), (family, y) = rows(case), family_and_response(case)
    model = MixtureRegressor(family=family, random_state=seed, **settings(case))
    model.fit(X, y, **extra)
    assert model.converged_
    assert_is_verified_solution(model, case, y, {"sigma": model.scale_})


@pytest.mark.parametrize("name", sorted(BY_CHANCE))
def test_a_component_near_a_line_of_few_rows_is_verified_but_passed_over(name):
    """Scales differ ten- and thirtyfold: the penalty prefers another maximum."""
    case = CASES[name]
    (X, extra), (family, y) = rows(case), family_and_response(case)
    components = case["mle"]["components"]
    init = {
        "weights": np.array([part["prior"] for part in components]),
        "intercept": np.array([part["intercept"] for part in components]),
        "scale": np.array([part["sigma"] for part in components]),
        "coef": np.array([[part["coef"][j] for j in X.columns] for part in components]),
    }
    led = MixtureRegressor(family=family, init=init, **settings(case))
    led.fit(X, y, **extra)
    assert led.converged_
    assert_is_verified_solution(led, case, y, {"sigma": led.scale_})
    found = MixtureRegressor(family=family, random_state=0, **settings(case))
    found.fit(X, y, **extra)
    assert found.converged_
    assert found.scale_.min() > 0.5 * found.scale_.max()
    assert found.log_likelihood_ < led.log_likelihood_


@pytest.mark.parametrize("family", SURVREG)
def test_one_component_is_the_regression_of_survival(family):
    data = pd.read_csv(HERE / "data" / "lung_karno.csv")
    X, y = data[["age", "sex", "ph.karno"]], censored(data["time"], data["status"] == 2)
    model = fit(X, y, family, 1)
    loglik, *rest = SURVREG[family]
    theirs, errors = np.concatenate(rest[:2]), np.concatenate(rest[2:])
    assert model.converged_
    assert_allclose(model.log_likelihood_, loglik, rtol=1e-10)
    ours = [model.intercept_[0], *model.coef_[0], model.scale_[0]]
    assert_allclose(ours, theirs, rtol=1e-6)
    errors[-1] *= model.scale_[0]
    found = np.sort(inference(model, X, y).std_errors)
    for error in errors:
        assert np.abs(found / error - 1).min() < 1e-5


@pytest.mark.parametrize("family", INTERVALS)
def test_intervals_have_the_likelihood_of_survival(family):
    """R 4.2.2, survival 3.5.3: survreg(Surv(lower, upper, type="interval2"))."""
    x = np.linspace(-2, 2, 60)
    y = 2 + x + np.sin(7 * x)
    bounds = np.column_stack([np.floor(y), np.floor(y) + 1])
    bounds[:10, 0], bounds[50:, 1] = -np.inf, np.inf
    bounds[19:30] = y[19:30, None]
    model = fit(x[:, None], np.exp(bounds), family, 1)
    loglik, intercept, coef, scale = INTERVALS[family]
    assert_allclose(model.log_likelihood_, loglik, rtol=1e-10)
    ours = [model.intercept_[0], model.coef_[0, 0], model.scale_[0]]
    assert_allclose(ours, [intercept, coef, scale], rtol=1e-6)


# Formulas -------------------------------------------------------------------------


@pytest.mark.parametrize("family", LIFETIMES, ids=repr)
def test_the_contract_is_kept(family):
    check_family(family, [-1.0, 0.5], scale=(0.2, 0.3))


@pytest.mark.parametrize("family", LIFETIMES, ids=repr)
def test_distributions_are_those_of_scipy(family):
    law, eta, scale = LAWS[type(family).__name__], np.array([0.4]), np.array([0.3])
    t = law.ppf([1e-9, 0.1, 0.5, 0.99, 1 - 1e-9])
    assert_allclose(family.cdf(t, eta, scale), law.cdf(t), rtol=1e-9)
    assert_allclose(family.sf(t, eta, scale), law.sf(t), rtol=1e-9, atol=1e-15)
    assert_allclose(family.quantile(law.cdf(t), eta, scale), t, rtol=1e-6)
    density = family.log_density(family.target(t), eta, scale)
    assert_allclose(density, law.logpdf(t), rtol=1e-9)
    assert_allclose(family.mean(eta, scale), law.mean(), rtol=1e-10)
    assert_allclose(family.variance(eta, scale), law.var(), rtol=1e-9)


def test_a_mean_that_does_not_exist_is_infinite_and_quantiles_are_finite():
    family = LogLogistic()
    scale = np.array([0.4, 0.6, 1.0, 3.0])
    mean, variance = family.mean(0.0, scale), family.variance(0.0, scale)
    assert np.isfinite(mean).tolist() == [True, True, False, False]
    assert np.isfinite(variance).tolist() == [True, False, False, False]
    assert not np.isnan([*mean, *variance]).any()
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 1))
    y = np.exp(x[:, 0] + 2 * special.logit(rng.random(200)))
    model = fit(x, y, "loglogistic", 1)
    assert model.converged_
    assert np.isposinf(model.predict(x)).all()
    assert np.isposinf(model.predict(x, return_std=True)[1]).all()
    ahead = model.predict_distribution(x)
    assert_allclose(ahead.quantile(0.5), np.exp(x @ model.coef_[0] + model.intercept_))


# What must not matter -------------------------------------------------------------


@pytest.mark.parametrize("family", ["weibull", "lognormal", "loglogistic"])
def test_another_unit_of_time_moves_the_intercepts_alone(family):
    X, y = two_groups()
    ours, theirs = fit(X, y, family), fit(X, 365.25 * y, family)
    n_events = np.isfinite(y[:, 1]).sum()
    moved = ours.log_likelihood_ - n_events * np.log(365.25)
    assert_allclose(theirs.log_likelihood_, moved, rtol=1e-10)
    assert_allclose(theirs.intercept_, ours.intercept_ + np.log(365.25), rtol=1e-5)
    assert_allclose(theirs.scale_, ours.scale_, rtol=1e-5)
    assert ours.converged_
    assert theirs.converged_


def test_a_power_of_time_multiplies_coefficients_and_scales():
    X, y = two_groups()
    ours, theirs = fit(X, y), fit(X, y**3)
    assert_allclose(theirs.coef_, 3 * ours.coef_, rtol=1e-5)
    assert_allclose(theirs.scale_, 3 * ours.scale_, rtol=1e-5)


def test_lognormal_lifetimes_are_gaussian_logarithms():
    X, y = two_groups(end=np.inf)
    time = y[:, 0]
    ours, theirs = fit(X, time, "lognormal"), fit(X, np.log(time), "gaussian")
    moved = theirs.log_likelihood_ - np.log(time).sum()
    assert_allclose(ours.log_likelihood_, moved, rtol=1e-10)
    assert_allclose(ours.coef_, theirs.coef_, rtol=1e-5)
    assert_allclose(ours.predict_proba(X, time), theirs.predict_proba(X, np.log(time)))


# Around the estimator -------------------------------------------------------------


def test_censored_times_pass_through_pipelines_searches_and_scorers():
    X, y = two_groups()
    mixture = MixtureRegressor(2, family="weibull", random_state=0)
    pipeline = make_pipeline(StandardScaler(), mixture)
    scores = cross_val_score(pipeline, X, y, cv=3, scoring=log_likelihood_scorer)
    assert np.isfinite(scores).all()
    grid = {
        "mixtureregressor__family": ["weibull", "lognormal", "loglogistic"],
        "mixtureregressor__n_components": [1, 2],
    }
    search = GridSearchCV(pipeline, grid, cv=3, scoring=log_likelihood_scorer)
    best = search.fit(X, y).best_params_
    assert best["mixtureregressor__family"] == "weibull"
    assert best["mixtureregressor__n_components"] == 2
    assert 0 < search.best_estimator_.score(X, y) < 1


def test_survival_functions_and_quantiles_are_those_of_the_mixture():
    X, y = two_groups()
    model = fit(X, y)
    ahead, t = model.predict_distribution(X[:5]), np.array([[0.5, 2.0, 8.0, 40.0]])
    eta = (model.intercept_ + X[:5] * model.coef_[:, 0])[:, None]
    of_components = np.exp(-((t[..., None] / np.exp(eta)) ** (1 / model.scale_)))
    assert_allclose(ahead.sf(t), of_components @ model.weights_, rtol=1e-10)
    assert_allclose(ahead.cdf(t) + ahead.sf(t), 1)
    assert_allclose(ahead.cdf(ahead.quantile(0.5)), 0.5, rtol=1e-9)
    assert_allclose(ahead.mean(), model.predict(X[:5]))
    assert (ahead.sf(0.0) == 1).all()
    assert ahead.observed().mean().shape == (5,)
    # A table of two columns of times is no table of bounds.
    pairs = ahead.logpdf(np.array([[1.0, 3.0]]))
    assert_allclose(pairs[:, 1], ahead.logpdf(3.0))


def test_residuals_of_the_true_model_are_uniform():
    X, y = two_groups(n=1000)
    model = fit(X, y)
    u = pit_values(model, X, y, random_state=0)
    assert stats.kstest(u, "uniform").pvalue > 0.01
    assert np.isfinite(quantile_residuals(model, X, y, random_state=0)).all()


def test_draws_belong_to_the_fitted_distribution():
    X, y = two_groups()
    model = fit(X, y)
    drawn, _ = model.sample(np.repeat(X[:1], 4000, axis=0), random_state=0)
    law = model.predict_distribution(X[:1])
    assert stats.kstest(law.cdf(drawn[None])[0], "uniform").pvalue > 0.01


# Times and events -----------------------------------------------------------------


def test_events_say_which_times_are_known():
    expected = [[3.0, 3.0], [5.0, np.inf]]
    assert censored([3, 5], [True, False]).tolist() == expected
    assert censored(np.array([3.0, 5.0]), pd.Series([1, 0])).tolist() == expected
    assert censored([3.0, 5.0]).tolist() == [[3.0, 3.0], [5.0, 5.0]]
    table = np.array([(True, 3.0), (False, 5.0)], dtype=[("cens", "?"), ("t", "<f8")])
    assert censored(table).tolist() == expected


def test_structured_arrays_are_responses_of_lifetimes_and_of_nothing_else():
    X, y = two_groups()
    table = np.empty(len(y), dtype=[("event", "?"), ("time", "<f8")])
    table["event"], table["time"] = np.isfinite(y[:, 1]), y[:, 0]
    model = fit(X, y)
    same = MixtureRegressor(2, family="weibull", random_state=0).fit(X, table)
    assert same.log_likelihood_ == model.log_likelihood_
    assert same.score(X, table) == model.score(X, y)
    theirs = pit_values(same, X, table, random_state=0)
    assert_allclose(theirs, pit_values(model, X, y, random_state=0))
    scores = cross_val_score(same, X, table, cv=3)
    assert_allclose(scores, cross_val_score(same, X, y, cv=3))
    MixtureRegressionDisplay.from_estimator(same, X, table)
    for family in ("gaussian", "poisson"):
        with pytest.raises(ValueError, match="y is a structured array, as scikit-surv"):
            MixtureRegressor(family=family).fit(X, table)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, 2.0], [0, 2]), "event contains .*2"),
        (([1.0, 2.0], [0, np.nan]), "event contains .*nan"),
        (([1.0, -2.0], [0, 1]), "time contains -2.0, first in row 1"),
        (([0.0, 2.0], [0, 1]), "time contains 0.0"),
        (([1.0, np.inf], [0, 1]), "time contains inf"),
        (([1.0, np.nan], [0, 1]), "time contains nan"),
        (([1.0, 2.0], [0, 1, 1]), "one shape"),
        ((np.zeros(2, dtype=[("a", "<f8"), ("b", "<f8")]),), "one field of bool"),
    ],
)
def test_what_is_no_time_or_event_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        censored(*arguments)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1.0, 0.0, 2.0], "Weibull family needs y > 0; got min 0.0"),
        ([1.0, -3.0, 2.0], "Weibull family needs y > 0; got min -3.0"),
        ([[1.0, 2.0], [-1.0, 2.0], [1.0, 1.0]], "row 1 has the bounds .* positive"),
        ([[1.0, 2.0], [0.0, 0.0], [1.0, 1.0]], "row 1 has the bounds .* positive"),
        ([[3.0, 2.0], [1.0, 1.0], [1.0, 1.0]], "lower bound exceeds"),
        ([[3.0, np.inf], [1.0, np.inf], [1.0, np.inf]], "no row has a bound above"),
        ([[0.0, 3.0], [0.0, 1.0], [0.0, 1.0]], "no row has a bound below"),
    ],
)
def test_what_is_no_lifetime_is_named(y, message):
    with pytest.raises(ValueError, match=message):
        fit([[0.0], [1.0], [2.0]], y, n_components=1)
