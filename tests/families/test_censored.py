"""Censored and truncated responses."""

import warnings

import numpy as np
import pandas as pd
import pytest
from limited import cases, family_and_response
from numpy.testing import assert_allclose
from scipy import integrate, optimize, stats
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from verified import CASES, assert_is_verified_solution, rows, settings

from mixreg_sklearn import MixtureRegressor, summary
from mixreg_sklearn.families import (
    Beta,
    Binomial,
    Censored,
    Gaussian,
    LogLogistic,
    NegativeBinomial,
    Poisson,
    StudentT,
    Truncated,
    Weibull,
    ZeroInflated,
    check_family,
)
from mixreg_sklearn.families._errors import (
    LeastExtreme,
    Logistic,
    Normal,
    StudentErrors,
)
from mixreg_sklearn.families._intervals import parts_of
from mixreg_sklearn.inference import bootstrap, inference
from mixreg_sklearn.metrics import bootstrap_lrt
from mixreg_sklearn.plotting import MixtureRegressionDisplay, TrajectoryDisplay
from mixreg_sklearn.residuals import (
    crps,
    log_score,
    odd_rows,
    pit_values,
    quantile_residuals,
)

TOBIT = Censored(Gaussian(), lower=0)
# AER's tobin: Tobin (1958), purchases of durable goods, age, liquidity.
TOBIN = [
    *((0.0, 57.7, 236), (0.7, 50.9, 283), (0.0, 48.5, 207), (0.0, 41.7, 220)),
    *((0.0, 47.7, 238), (0.0, 59.8, 216), (0.0, 44.3, 284), (3.7, 45.1, 221)),
    *((0.0, 51.7, 275), (3.0, 50.0, 269), (10.4, 46.8, 207), (0.0, 58.0, 249)),
    *((0.0, 58.9, 246), (0.0, 40.0, 277), (1.5, 34.1, 231), (0.0, 39.9, 219)),
    *((0.0, 33.4, 240), (3.5, 48.1, 266), (6.1, 46.6, 214), (0.0, 53.1, 251)),
]
CONTRACTS = [
    (Censored(Gaussian()), {}),
    (TOBIT, {"scale": (0.6, 0.9)}),
    (Censored(Gaussian(), lower=-1, upper=0.4), {"scale": (0.6, 0.9)}),
    (Censored(Gaussian(), upper=0.4), {"scale": (0.6, 0.9)}),
    (Censored(Weibull(), upper=1.2), {}),
    (Censored(LogLogistic(), lower=0.5, upper=1.2), {"scale": (0.2, 0.3)}),
    (Censored(StudentT(5.0)), {"scale": (0.6, 0.9)}),
    (Censored(StudentT(5.0), lower=0), {"scale": (0.6, 0.9)}),
    (Truncated(Gaussian(), lower=0), {"scale": (0.6, 0.9)}),
    (Truncated(Gaussian(), lower=-1, upper=0.4), {"scale": (0.6, 0.9)}),
    (Truncated(Poisson(), lower=1), {}),
    (Truncated(Poisson(), lower=3), {}),
    (Truncated(NegativeBinomial(), lower=1), {}),
]


def two_lines(seed=0, n=300):
    """Two regressions and their responses before any limit."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 2, n)
    first = rng.random(n) < 0.6
    mean = np.where(first, 1 + 2 * x, 3 - x)
    return x[:, None], mean + np.where(first, 0.5, 0.3) * rng.standard_normal(n)


def intervals(y):
    """Bounds (n, 2) of responses: whole numbers around two of three, some open."""
    rng = np.random.default_rng(1)
    bounds = np.column_stack([y, y])
    rounded = rng.random(len(y)) < 0.6
    bounds[rounded] = np.column_stack([np.floor(y), np.floor(y) + 1])[rounded]
    bounds[rounded & (y < -1), 0] = -np.inf
    bounds[rounded & (y > 4), 1] = np.inf
    return bounds


def fit(X, y, family, n_components=2, **options):
    model = MixtureRegressor(n_components, family=family, random_state=0, **options)
    return model.fit(X, y)


# Verified solutions ---------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", cases("censored_gaussian"))
def test_a_search_finds_the_verified_solution(name, seed):
    case = CASES[name]
    (X, extra), (family, y) = rows(case), family_and_response(case)
    model = MixtureRegressor(family=family, random_state=seed, **settings(case))
    model.fit(X, y, **extra)
    assert model.converged_
    assert_is_verified_solution(model, case, y, {"sigma": model.scale_})


def test_one_component_is_the_tobit_model_of_survival():
    """R 4.2.2, survival 3.5.3: survreg(Surv(durable, durable > 0, "left"))."""
    y, X = np.split(np.array(TOBIN), [1], axis=1)
    model = fit(X, y[:, 0], TOBIT, 1)
    assert model.converged_
    assert_allclose(model.log_likelihood_, -28.94013319972057, rtol=1e-9)
    coef = [-0.1290592840969852, -0.0455416629542558]
    assert_allclose(model.coef_[0], coef, rtol=1e-6)
    assert_allclose(model.intercept_[0], 15.1448663606815259, rtol=1e-6)
    assert_allclose(model.scale_[0], 5.57253976309198, rtol=1e-6)
    errors = inference(model, X, y[:, 0]).std_errors
    theirs = [16.079453194770096, 0.218583596637812, 0.058254115477908]
    for error in theirs:
        assert np.abs(errors / error - 1).min() < 1e-5
    assert np.abs(errors / (0.310322720070414 * model.scale_[0]) - 1).min() < 1e-5


def test_affairs_has_the_likelihood_of_aer():
    """R 4.2.2, AER 1.2.10: tobit."""
    case = CASES["tobit_k1_affairs"]
    (X, _), (family, y) = rows(case), family_and_response(case)
    assert_allclose(fit(X, y, family, 1).log_likelihood_, -705.576222622733, rtol=1e-9)


def interval_data():
    """Rows that are exact, between whole numbers, or open on either side."""
    x = np.linspace(-2, 2, 60)
    y = 2 + x + np.sin(7 * x)
    bounds = np.column_stack([np.floor(y), np.floor(y) + 1])
    bounds[:10, 0], bounds[50:, 1] = -np.inf, np.inf
    bounds[19:30] = y[19:30, None]
    return x[:, None], bounds


def test_intervals_have_the_likelihood_of_survival():
    """R 4.2.2, survival 3.5.3: survreg(Surv(lower, upper, type="interval2"))."""
    X, y = interval_data()
    model = fit(X, y, Censored(Gaussian()), 1)
    assert_allclose(model.log_likelihood_, -47.01404209028853, rtol=1e-10)
    assert_allclose(model.coef_[0, 0], 1.40812525803821, rtol=1e-7)
    assert_allclose(model.scale_[0], 0.695395185780908, rtol=1e-7)


def test_a_zero_truncated_poisson_is_that_of_statsmodels():
    """statsmodels 0.15.0: TruncatedLFPoisson."""
    rng = np.random.default_rng(0)
    x = np.linspace(-1, 1, 40)
    y = rng.poisson(np.exp(0.5 + 0.8 * x)) * 1.0
    X, y = x[y > 0, None], y[y > 0]
    model = fit(X, y, Truncated(Poisson(), lower=1), 1)
    assert model.converged_
    assert_allclose(model.log_likelihood_, -48.91524346071998, rtol=1e-10)
    assert_allclose(model.intercept_[0], 0.552556906542098, rtol=1e-6)
    assert_allclose(model.coef_[0, 0], 0.7407665466304668, rtol=1e-6)
    errors = np.sort(inference(model, X, y).std_errors[:2])
    assert_allclose(errors, [0.16649817585503626, 0.2616060111827469], rtol=1e-5)


def test_a_truncated_normal_is_that_of_an_independent_optimizer():
    X, y = two_lines(n=500)
    X, y = X[y > 1], y[y > 1]

    def loss(theta):
        eta, scale = theta[0] + theta[1] * X[:, 0], np.exp(theta[2])
        density = stats.norm.logpdf(y, eta, scale) - stats.norm.logsf(1, eta, scale)
        return -density.sum()

    theirs = optimize.minimize(loss, [2.0, 0.0, 0.0], tol=1e-10)
    model = fit(X, y, Truncated(Gaussian(), lower=1), 1)
    assert model.converged_
    assert_allclose(model.log_likelihood_, -theirs.fun, rtol=1e-9)
    assert_allclose(model.intercept_[0], theirs.x[0], rtol=1e-3)


# Formulas -------------------------------------------------------------------------


@pytest.mark.parametrize(("family", "options"), CONTRACTS, ids=repr)
def test_the_contract_is_kept(family, options):
    check_family(family, [-0.5, 0.5], **{"scale": (0.3, 0.6)} | options)


def test_the_contract_finds_a_wrong_probability_of_an_interval():
    class Wrong(Censored):
        def log_density(self, y, eta, scale):
            return super().log_density(y, eta, scale) + 1e-3 * (y[0] != y[1])

    with pytest.raises(AssertionError, match="P of an interval"):
        check_family(Wrong(Gaussian()), [-0.5, 0.5])


ENDS = [(-np.inf, -30), (-np.inf, 0.5), (-3, np.inf), (35, np.inf), (-1, 2), (6, 6.5)]
ENDS += [(20, 20.001), (-20.001, -20), (3, 3 + 1e-7), (0.2, 0.9), (-40, 40), (8, 30)]


@pytest.mark.parametrize(
    "errors", [Normal(), Logistic(), LeastExtreme(), StudentErrors(3.0)]
)
@pytest.mark.parametrize(("lower", "upper"), ENDS)
def test_derivatives_are_exact_and_nothing_underflows(errors, lower, upper):
    if isinstance(errors, LeastExtreme):  # whose upper tail ends at 7 as others at 35
        lower, upper = min(lower, lower / 5), min(upper, upper / 5)
    step = 1e-4

    def at(eta, log_scale):
        bounds = np.array([[lower], [upper]])
        return parts_of(errors, *bounds, np.array([eta]), np.exp([log_scale]))

    def difference(field, i):
        ends = np.outer([step, -step], [i == 0, i == 1])
        near = np.subtract(*(getattr(at(*end), field) for end in ends))
        far = np.subtract(*(getattr(at(*end), field) for end in 2 * ends))
        return (8 * near - far) / (12 * step)

    ours = at(0.0, 0.0)
    assert np.isfinite(ours).all()
    size = 1 + np.abs(ours).max()

    def close(value, numeric):
        assert_allclose(value, numeric, rtol=1e-6, atol=1e-7 * size)

    close(ours.location, difference("value", 0))
    close(ours.scale, difference("value", 1))
    close(ours.location_location, difference("location", 0))
    # `location` is the derivative times the scale.
    close(ours.location_scale, difference("scale", 0))
    close(ours.scale_scale, difference("scale", 1))


@pytest.mark.parametrize("z", [30.0, 40.0, 100.0, 1e3, 1e8, 1e60])
def test_wild_predictors_give_finite_numbers(z):
    lower, upper = [z, -np.inf, z, -z, z], [np.inf, -z, z + 1, z, z]
    bounds = np.array([[*lower, -np.inf, -z], [*upper, z, np.inf]])
    for errors in (Normal(), Logistic(), LeastExtreme(), StudentErrors(3.0)):
        parts = parts_of(errors, *bounds, np.zeros((1, 7)), np.ones((1, 1)))
        assert np.isfinite(parts).all()


def test_a_narrow_interval_is_a_density_times_its_width():
    eta, scale, width = np.array([[0.3]]), np.array([[0.7]]), 1e-9
    y = np.array([-4.0, 0.1, 9.0])
    family = Censored(Gaussian())
    exact = family.log_density(family.target(y), eta, scale)
    between = family.target(np.column_stack([y, y + width]))
    narrow = family.log_density(between, eta, scale)
    assert_allclose(narrow - np.log(width), exact, rtol=1e-6)


# What must not matter -------------------------------------------------------------


@pytest.mark.parametrize("factor", [1e-3, -7.0, 1e6])
def test_other_units_of_response_and_limits_change_nothing_else(factor):
    X, y = two_lines()
    limits = np.sort([-0.5 * factor + 20 * abs(factor), 4 * factor + 20 * abs(factor)])
    ours = fit(X, y, Censored(Gaussian(), lower=-0.5, upper=4))
    family = Censored(Gaussian(), lower=limits[0], upper=limits[1])
    theirs = fit(X, factor * y + 20 * abs(factor), family)
    assert ours.converged_
    assert theirs.converged_
    n_seen = ((y > -0.5) & (y < 4)).sum()
    moved = ours.log_likelihood_ - n_seen * np.log(abs(factor))
    assert_allclose(theirs.log_likelihood_, moved, rtol=1e-9)
    assert_allclose(theirs.coef_, factor * ours.coef_, rtol=1e-5)
    assert_allclose(theirs.scale_, abs(factor) * ours.scale_, rtol=1e-5)


def test_limits_beyond_all_responses_are_none():
    X, y = two_lines()
    plain = fit(X, y, "gaussian")
    for family, response in (
        (Censored(Gaussian(), lower=-100, upper=100), y),
        (Censored(Gaussian()), y),
        (Censored(Gaussian()), np.column_stack([y, y])),
        (Truncated(Gaussian(), lower=-100), y),
    ):
        model = fit(X, response, family)
        assert_allclose(model.log_likelihood_, plain.log_likelihood_, rtol=1e-10)
        assert_allclose(model.coef_, plain.coef_, rtol=1e-5)
        assert_allclose(model.score(X, response), plain.score(X, y), rtol=1e-8)


def test_limits_are_bounds():
    X, y = two_lines()
    seen = np.clip(y, -0.5, 4)
    bounds = np.column_stack([seen, seen])
    bounds[seen == -0.5, 0], bounds[seen == 4, 1] = -np.inf, np.inf
    ours = fit(X, y, Censored(Gaussian(), lower=-0.5, upper=4))
    theirs = fit(X, bounds, Censored(Gaussian()))
    assert_allclose(ours.log_likelihood_, theirs.log_likelihood_, rtol=1e-12)
    assert_allclose(ours.predict_proba(X, y), theirs.predict_proba(X, bounds))


def test_order_weights_and_open_rows():
    X, y = two_lines()
    bounds, family = intervals(y), Censored(Gaussian())
    model = fit(X, bounds, family)
    order = np.random.default_rng(0).permutation(len(y))
    again = fit(X[order], bounds[order], family)
    assert_allclose(again.log_likelihood_, model.log_likelihood_, rtol=1e-10)
    weight = np.arange(len(y)) % 3
    weighted = MixtureRegressor(2, family=family, random_state=0)
    weighted.fit(X, bounds, weight)
    repeated = np.repeat(X, weight, axis=0), np.repeat(bounds, weight, axis=0)
    repeated = fit(*repeated, family)
    assert_allclose(weighted.log_likelihood_, repeated.log_likelihood_, rtol=1e-9)
    # A row that is open on both sides says nothing.
    bounds = np.vstack([bounds, [[-np.inf, np.inf]]])
    nothing = fit(np.vstack([X, [[0.5]]]), bounds, family)
    assert_allclose(nothing.log_likelihood_, model.log_likelihood_, rtol=1e-9)


# Around the estimator -------------------------------------------------------------


def test_bounds_pass_through_pipelines_searches_and_scores():
    X, y = two_lines()
    frame = pd.DataFrame(intervals(y), columns=["from", "to"])
    model = MixtureRegressor(2, family=Censored(Gaussian()), random_state=0)
    pipeline = make_pipeline(StandardScaler(), model)
    assert 0.3 < pipeline.fit(X, frame).score(X, frame) < 1
    assert (cross_val_score(pipeline, X, frame, cv=3) > 0.2).all()
    grid = {"mixtureregressor__n_components": [1, 2]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(X, frame)
    assert search.best_params_["mixtureregressor__n_components"] == 2
    model = pipeline[-1]
    assert "Censored" in str(summary(pipeline, X, frame))
    assert model.null_["scale"].shape == (1,)


def test_the_latent_mean_is_predicted_and_the_observed_one_is_there():
    X, y = two_lines()
    seen = np.clip(y, 0, 4)
    model = fit(X, seen, Censored(Gaussian(), lower=0, upper=4))
    means = model.intercept_ + X * model.coef_[:, 0]
    assert_allclose(model.predict(X), means @ model.weights_)
    latent = model.predict_distribution(X)
    observed = latent.observed()
    assert_allclose(latent.mean(), model.predict(X))
    drawn = observed.sample(4000, random_state=0)
    assert drawn.min() == 0
    assert drawn.max() == 4
    error = observed.std() / np.sqrt(4000)
    assert (np.abs(drawn.mean(axis=1) - observed.mean()) < 5 * error).all()
    assert_allclose(drawn.std(axis=1), observed.std(), rtol=0.15)
    assert_allclose(observed.pdf(0.0), latent.cdf(0.0))
    assert_allclose(observed.pdf(4.0), latent.sf(4.0))
    assert (observed.pdf(-0.1) == 0).all()
    assert_allclose(observed.cdf(2.0), latent.cdf(2.0))
    assert (observed.cdf([[-0.1, 4.0]]) == [0, 1]).all()
    assert (observed.sf([[-0.1, 4.0]]) == [1, 0]).all()
    levels = np.array([0.001, 0.3, 0.999])
    assert_allclose(observed.quantile(levels), np.clip(latent.quantile(levels), 0, 4))
    between = integrate.quad(lambda t: observed[0].pdf(t)[0], 0, 4)[0]
    assert_allclose(between + observed[0].pdf(0.0) + observed[0].pdf(4.0), 1, rtol=1e-6)
    part = integrate.quad(lambda t: t * observed[0].pdf(t)[0], 0, 4)[0]
    assert_allclose(observed[0].mean(), part + 4 * observed[0].pdf(4.0), rtol=1e-6)


def test_observed_moments_are_those_of_a_censored_normal():
    X, y = two_lines()
    model = fit(X, np.maximum(y, 0), TOBIT, 1)
    eta, scale = model.predict(X), model.scale_[0]
    z = eta / scale
    theirs = eta * stats.norm.cdf(z) + scale * stats.norm.pdf(z)
    observed = model.predict_distribution(X).observed()
    assert_allclose(observed.mean(), theirs, rtol=1e-10, atol=1e-13)
    square = (eta**2 + scale**2) * stats.norm.cdf(z) + eta * scale * stats.norm.pdf(z)
    assert_allclose(observed.var(), square - theirs**2, rtol=1e-7, atol=1e-12)


def test_survival_functions_are_accurate_in_the_tail():
    X, y = two_lines()
    ahead = fit(X, y, "gaussian", 1).predict_distribution(X)
    far = ahead.mean() + 20 * ahead.std()
    assert_allclose(ahead.sf(far), stats.norm.sf(20), rtol=1e-9)
    assert_allclose(ahead.sf(y) + ahead.cdf(y), 1)
    counts = fit(X, np.floor(np.abs(y)), "poisson", 1).predict_distribution(X)
    assert_allclose(counts.sf(2.0), 1 - counts.cdf(2.0))


def test_residuals_are_randomized_within_the_interval():
    X, y = two_lines(n=1000)
    bounds = intervals(y)
    model = fit(X, bounds, Censored(Gaussian()))
    u = pit_values(model, X, bounds, random_state=0)
    assert stats.kstest(u, "uniform").pvalue > 0.01
    exact = bounds[:, 0] == bounds[:, 1]
    ahead = model.predict_distribution(X)
    assert_allclose(u[exact], ahead.cdf(bounds[:, 0])[exact])
    assert (u <= ahead.cdf(bounds[:, 1])).all()
    assert (u >= ahead.cdf(bounds[:, 0])).all()
    assert np.isfinite(quantile_residuals(model, X, bounds, random_state=0)).all()
    total = log_score(model, X, bounds).sum()
    assert_allclose(-total, model.log_likelihood(X, bounds), rtol=1e-10)
    assert not len(odd_rows(model, X, bounds)["row"])
    with pytest.raises(ValueError, match="log_score"):
        crps(model, X, bounds)
    seen = np.maximum(y, 0)
    tobit = fit(X, seen, TOBIT)
    u = pit_values(tobit, X, seen, random_state=0)
    assert stats.kstest(u, "uniform").pvalue > 0.01


def test_groups_with_bounds_are_predicted_from_their_earlier_rows():
    case = CASES["interval_group_k2_sim"]
    (X, extra), (family, y) = rows(case), family_and_response(case)
    model = MixtureRegressor(family=family, random_state=0, **settings(case))
    model.fit(X, y, **extra)
    total = log_score(model, X, y, **extra).sum()
    assert_allclose(-total, model.log_likelihood(X, y, **extra), rtol=1e-9)


def test_bootstraps_draw_only_what_the_model_describes():
    X, y = two_lines(n=120)
    bounds = intervals(y)
    model = fit(X, bounds, Censored(Gaussian()))
    with pytest.raises(ValueError, match="method='case'"):
        bootstrap(model, X, bounds, method="parametric", n_bootstrap=5)
    with pytest.raises(ValueError, match="none can be drawn"):
        bootstrap_lrt(model, X, bounds, n_bootstrap=5)
    result = bootstrap(model, X, bounds, method="case", n_bootstrap=5, random_state=0)
    assert np.isfinite(result.std_errors).all()
    tobit = fit(X, np.maximum(y, 0), TOBIT)
    result = bootstrap(
        tobit, X, np.maximum(y, 0), method="parametric", n_bootstrap=5, random_state=0
    )
    assert np.isfinite(result.std_errors).all()


def test_displays_draw_censored_rows_at_their_bounds():
    pytest.importorskip("matplotlib")
    X, y = two_lines()
    bounds = intervals(y)
    display = MixtureRegressionDisplay.from_estimator(
        fit(X, bounds, Censored(Gaussian())), X, bounds
    )
    middle = bounds.mean(axis=1)
    finite = np.isfinite(middle)
    assert_allclose(display.y[finite], middle[finite])
    assert np.isfinite(display.y).all()
    case = CASES["interval_group_k2_sim"]
    (X, extra), (family, y) = rows(case), family_and_response(case)
    model = MixtureRegressor(family=family, random_state=0, **settings(case))
    model.fit(X, y, **extra)
    display = TrajectoryDisplay.from_estimator(model, X, y, time="time", **extra)
    assert np.isfinite(display.y).all()


def test_parts_of_single_numbers_are_those_of_arrays():
    for bounds in ((0.5, 0.5), (0.5, np.inf), (-np.inf, 0.5), (0.5, 2.0)):
        one = parts_of(Gaussian().errors, *bounds, 0.2, 1.5)
        rows = (np.full(3, bound) for bound in bounds)
        several = parts_of(Gaussian().errors, *rows, np.full((2, 3), 0.2), 1.5)
        for value, values in zip(one, several, strict=True):
            assert np.shape(value) == ()
            assert (values == value).all()


# Errors ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([[2.0, 1.0], [0.0, 1.0]], r"row 0 is \(2, 1\): its lower bound exceeds"),
        ([[0.0, 1.0], [np.inf, np.inf]], r"row 1 is \(inf, inf\): its response"),
        ([[-np.inf, 1.0], [-np.inf, 2.0]], "no row has a bound below"),
        ([[0.0, np.inf], [1.0, np.inf]], "no row has a bound above"),
        ([[0.0, np.nan], [1.0, 2.0]], "y contains nan, first in row 0"),
        ([[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]], r"y has shape \(2, 3\)"),
    ],
)
def test_bounds_that_are_none_are_named(y, message):
    with pytest.raises(ValueError, match=message):
        fit([[0.0], [1.0]], y, Censored(Gaussian()), 1)


@pytest.mark.parametrize(
    ("family", "message"),
    [
        (Censored(Gaussian(), lower=2, upper=1), "lower=2 must be less than upper=1"),
        (Censored(Beta(), lower=0.1), "cannot be censored"),
        (Censored(StudentT("estimate"), lower=0), "cannot be censored"),
        (Censored(Gaussian(), lower=100), "no row has a bound below"),
        (Censored(Gaussian(), upper=-100), "no row has a bound above"),
        (Truncated(Gaussian(), lower=2, upper=1), "lower=2 must be less than"),
        (Truncated(Beta(), lower=0.1), "cannot be truncated"),
        (Truncated(Binomial(), lower=1), "cannot be truncated"),
        (Truncated(ZeroInflated(Poisson(), "all"), lower=1), "cannot be truncated"),
        (Truncated(Poisson(), lower=0.5), "smallest count"),
        (Truncated(Poisson(), lower=1, upper=5), "there is no upper"),
        (Truncated(Gaussian(), lower=1), "y is out of range"),
    ],
)
def test_families_and_limits_that_do_not_fit_are_named(family, message):
    X, y = two_lines()
    with pytest.raises(ValueError, match=message):
        fit(X, y, family)


def test_infinite_responses_are_refused_where_there_are_limits():
    X, y = two_lines()
    y[0] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        fit(X, y, TOBIT)


def test_a_component_behind_the_limit_is_said_to_be_endless():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (200, 1))
    y = np.where(rng.random(200) < 0.5, 5 + x[:, 0] + rng.normal(size=200) * 0.3, 0.0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = fit(x, y, TOBIT)
    assert not model.converged_
    assert any("grow without limit" in str(each.message) for each in caught)
