"""The predictive mixture, residuals from it, and scores of it."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import integrate, special, stats
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from support import log_joint, two_lines

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn.families import (
    Beta,
    Binomial,
    Gamma,
    Gaussian,
    InverseGaussian,
    NegativeBinomial,
    Poisson,
    StudentT,
)
from mixreg_sklearn.metrics import crps_scorer, log_likelihood_scorer
from mixreg_sklearn.predictive import MixtureDistribution
from mixreg_sklearn.residuals import crps, log_score, pit_values, quantile_residuals

CONTINUOUS = {
    "gaussian": (Gaussian(), 0.0, 2.0, [0.5, 1.0, 0.3]),
    "gamma": (Gamma(), 1.0, 0.7, [0.3, 0.2, 0.6]),
    "inverse_gaussian": (InverseGaussian(), 0.5, 0.6, [0.3, 0.2, 0.6]),
    "beta": (Beta(), 0.0, 0.7, [0.2, 0.1, 0.3]),
    "student_t": (StudentT(df=8), 0.0, 2.0, [0.5, 1.0, 0.3]),
}
COUNTS = {
    "poisson": (Poisson(), 1.5, 0.8, [1.0, 1.0, 1.0]),
    "binomial": (Binomial(), 0.0, 1.5, [1.0, 1.0, 1.0]),
    "negative_binomial": (NegativeBinomial(), 1.5, 0.8, [0.5, 0.3, 0.8]),
}
CASES = CONTINUOUS | COUNTS
LEVELS = np.array([1e-9, 0.01, 0.3, 0.5, 0.77, 0.99, 1 - 1e-9])


def mixtures(name, n=25, seed=0):
    """Mixtures of three components for `n` rows, each row with weights of its own."""
    family, center, spread, scale = CASES[name]
    rng = np.random.default_rng(seed)
    eta = center + spread * rng.normal(size=(n, 3))
    weights = rng.dirichlet([1.0, 1.0, 1.0], size=n)
    trials = rng.integers(1, 40, size=n) if name == "binomial" else None
    return MixtureDistribution(family, eta, scale, weights, trials=trials)


def model_of(mixture):
    """A fitted model that predicts `mixture`, its rows X, and further data of rows.

    The features are the linear predictors and the logarithms of the weights.
    """
    n_components = mixture.weights.shape[1]
    same, none = np.eye(n_components), np.zeros((n_components, n_components))
    model = MixtureRegressor(n_components, family=mixture.family, gate="softmax")
    model.n_features_in_ = 2 * n_components
    model.weights_, model.scale_ = mixture.weights.mean(axis=0), mixture.scale
    model.coef_, model.intercept_ = np.hstack([same, none]), np.zeros(n_components)
    model.gate_coef_, model.gate_intercept_ = np.hstack([none, same]), model.intercept_
    X = np.hstack([mixture.eta, np.log(np.maximum(mixture.weights, 1e-300))])
    return model, X, {"trials": mixture.trials}


def integral(mixture, function):
    """Integrals (n,) of ``function(y) p(y)``, over a fine grid of quantiles."""
    if mixture.discrete:
        y = np.arange(3000.0)[None]
        return (function(y) * mixture.pdf(y)).sum(axis=1)
    given = np.moveaxis(mixture.eta, 1, 0)[..., None], mixture.scale[:, None, None]
    levels = special.ndtr(np.arange(-8, 8.1, 0.5))
    quantiles = mixture.family.quantile(levels, *given)
    edges = np.sort(np.concatenate(list(quantiles), axis=1), axis=1)
    nodes, weights = np.polynomial.legendre.leggauss(20)
    half = 0.5 * np.diff(edges, axis=1)[..., None]
    y = (edges[:, :-1, None] + half * (1 + nodes)).reshape(len(edges), -1)
    values = (function(y) * mixture.pdf(y)).reshape(*half.shape[:2], -1)
    return np.einsum("ncj,ncq,q->n", half, values, weights)


def probability(mixture, regions):
    """Probability of the regions of each row, by the cdf."""
    lower, upper = np.moveaxis(regions, 2, 0)
    there = ~np.isnan(lower)
    lower, upper = np.where(there, lower, 0), np.where(there, upper, 0)
    parts = mixture.cdf(upper) - mixture.cdf(lower - 1.0 * mixture.discrete)
    return np.where(there, parts, 0).sum(axis=1)


def contains(regions, y):
    """Whether responses (n, m) are in the regions of their rows."""
    lower, upper = regions[:, None, :, 0], regions[:, None, :, 1]
    return ((y[..., None] >= lower) & (y[..., None] <= upper)).any(axis=2)


def assert_probability(hits, level):
    """A share of hits that a probability of `level` makes plausible."""
    least = stats.binomtest(int(hits.sum()), hits.size, level).pvalue
    assert least > 1e-4, f"{hits.mean()} instead of {level}"


def far_lines():
    """Two lines ten standard deviations apart: rows, and the model fitted to them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 1))
    y = X[:, 0] + np.where(rng.random(200) < 0.6, -5, 5) + rng.normal(size=200)
    return X, y, MixtureRegressor(2, random_state=0).fit(X, y)


def panel(seed=0, n_units=60, gate=None, family="gaussian"):
    """Units of three rows, a feature of the unit and one of the row."""
    rng = np.random.default_rng(seed)
    unit = np.repeat(np.arange(n_units), 3)
    X = np.column_stack([rng.normal(size=n_units)[unit], rng.normal(size=len(unit))])
    second = (rng.random(n_units) < special.expit(1.5 * X[::3, 0] - 0.3))[unit]
    eta = np.where(second, 1.5 - X[:, 1], 0.5 + X[:, 1])
    if family == "poisson":
        y = rng.poisson(np.exp(eta)) * 1.0
    else:
        y = eta + 0.8 * rng.normal(size=len(unit))
    gate_features = [0] if gate else None
    model = MixtureRegressor(
        2,
        family=family,
        gate=gate,
        gate_features=gate_features,
        regression_features=[1],
        random_state=0,
    ).fit(X, y, groups=unit)
    return SimpleNamespace(X=X, y=y, unit=unit, model=model)


# The distribution -----------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_densities_integrate_to_one(name):
    mixture = mixtures(name)
    assert_allclose(integral(mixture, np.ones_like), 1, rtol=1e-7)


@pytest.mark.parametrize("name", CASES)
def test_mean_and_variance_are_those_of_the_density(name):
    mixture = mixtures(name)
    mean = integral(mixture, lambda y: y)
    assert_allclose(mixture.mean(), mean, rtol=1e-6, atol=1e-8)
    square = integral(mixture, np.square)
    assert_allclose(mixture.var(), square - mean**2, rtol=1e-5)
    assert_allclose(mixture.std() ** 2, mixture.var())


@pytest.mark.parametrize("name", CASES)
def test_the_cdf_adds_up_the_density(name):
    mixture = mixtures(name)
    y = mixture.quantile([0.2, 0.9])
    if mixture.discrete:
        for j, most in enumerate(y.T):
            below = integral(mixture, lambda c, most=most: c <= most[:, None])
            assert_allclose(mixture.cdf(y)[:, j], below, rtol=1e-10)
        assert_array_equal(mixture.cdf(y + 0.5), mixture.cdf(y))
    else:
        step = 1e-5 * mixture.std()[:, None]
        slope = (mixture.cdf(y + step) - mixture.cdf(y - step)) / (2 * step)
        assert_allclose(slope, mixture.pdf(y), rtol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_density_and_cdf_are_sums_over_components(name):
    mixture = mixtures(name)
    y = mixture.sample(4, random_state=1)
    given = {} if mixture.trials is None else {"trials": mixture.trials[:, None]}
    density, below = np.zeros((2, *y.shape))
    for k in range(3):
        eta, weight = mixture.eta[:, k : k + 1], mixture.weights[:, k : k + 1]
        target = y
        if mixture.trials is not None:
            target = np.stack([y, np.broadcast_to(given["trials"], y.shape)])
        part = mixture.family.log_density(target, eta, mixture.scale[k])
        density += weight * np.exp(part)
        below += weight * mixture.family.cdf(y, eta, mixture.scale[k], **given)
    assert_allclose(mixture.pdf(y), density, rtol=1e-12)
    assert_allclose(mixture.logpdf(y), np.log(density), rtol=1e-12, atol=1e-12)
    assert_allclose(mixture.cdf(y), below, rtol=1e-12)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_the_cdf_of_a_quantile_is_its_level(name):
    mixture = mixtures(name, n=300)
    assert_allclose(
        mixture.cdf(mixture.quantile(LEVELS)) - LEVELS, 0, rtol=0, atol=1e-10
    )
    own = np.random.default_rng(0).random((300, 2))
    assert_allclose(mixture.cdf(mixture.quantile(own)) - own, 0, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", COUNTS)
def test_a_quantile_of_counts_is_the_smallest_that_reaches_its_level(name):
    mixture = mixtures(name, n=300)
    y = mixture.quantile(LEVELS)
    assert (y >= 0).all()
    assert_array_equal(y, np.floor(y))
    assert (mixture.cdf(y) >= LEVELS).all()
    assert (mixture.cdf(y - 1) < LEVELS).all()
    # At a step, too, which is where a rounding error would tell.
    assert_array_equal(mixture.quantile(mixture.cdf(y)[:, 2:5]), y[:, 2:5])


@pytest.mark.parametrize("name", CASES)
def test_extreme_levels_have_the_bounds_of_the_response(name):
    mixture = mixtures(name, n=4)
    bounds = mixture.quantile([0.0, 1.0])
    line = -np.inf, np.inf
    others = {"gaussian": line, "student_t": line, "beta": (0, 1)}
    expected = others.get(name, (0, np.inf))
    if name == "binomial":
        expected = np.column_stack([np.zeros(4), mixture.trials])
    assert_array_equal(bounds, np.broadcast_to(expected, (4, 2)))
    assert_array_equal(mixture.cdf(np.inf), 1)
    assert_array_equal(mixture.cdf(-np.inf), 0)
    assert_array_equal(mixture.pdf(-3.5) > 0, expected is line)


def test_quantiles_hold_where_components_differ_by_orders_of_magnitude():
    gamma = MixtureDistribution(
        Gamma(), [[-60.0, 0.0, 40.0]], [2.0, 0.1, 5.0], [0.2, 0.5, 0.3]
    )
    u = np.array([1e-4, 0.1, 0.2, 0.35, 0.7, 0.9, 0.999])
    assert_allclose(gamma.cdf(gamma.quantile(u))[0], u, rtol=0, atol=1e-10)
    poisson = MixtureDistribution(Poisson(), [[-3.0, 25.0]], [1, 1], [0.5, 0.5])
    y = poisson.quantile(u)
    assert (poisson.cdf(y) >= u).all()
    assert (poisson.cdf(y - 1) < u).all()
    narrow = MixtureDistribution(Gaussian(), [[0.0, 1e3]], [1e-6, 1e-6], [0.5, 0.5])
    assert_allclose(narrow.cdf(narrow.quantile(u))[0], u, rtol=0, atol=1e-7)


@pytest.mark.parametrize("name", CASES)
def test_one_component_is_the_family(name):
    family, center, _, scale = CASES[name]
    trials = 9 if name == "binomial" else None
    given = {} if trials is None else {"trials": trials}
    alone = MixtureDistribution(family, [[center]], scale[:1], [1.0], trials=trials)
    theirs = family.quantile(LEVELS, center, scale[0], **given)
    assert_allclose(alone.quantile(LEVELS)[0], theirs)
    doubled = MixtureDistribution(
        family, [[center, center]], scale[:1] * 2, [0.3, 0.7], trials=trials
    )
    assert_allclose(doubled.quantile(LEVELS)[0], theirs)
    assert_allclose(doubled.highest_density(0.8), alone.highest_density(0.8))


@pytest.mark.parametrize("name", CASES)
def test_samples_have_the_distribution(name):
    mixture = mixtures(name, n=5)
    draws = mixture.sample(2000, random_state=0)
    rng = np.random.default_rng(1)
    upper = mixture.cdf(draws)
    lower = mixture.cdf(draws - 1) if mixture.discrete else upper
    values = lower + rng.random(draws.shape) * (upper - lower)
    for row in values:
        assert stats.kstest(row, "uniform").pvalue > 1e-4


def test_samples_repeat_with_their_seed():
    mixture = mixtures("gamma")
    assert mixture.sample(random_state=3).shape == (25,)
    assert_array_equal(mixture.sample(2, 3), mixture.sample(2, 3))
    assert (mixture.sample(2, 3) != mixture.sample(2, 4)).all()


# Intervals and regions ------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("level", [0.5, 0.9, 0.999])
def test_intervals_and_regions_have_their_level(name, level):
    mixture = mixtures(name, n=60)
    lower, upper = mixture.interval(level)
    interval = probability(mixture, np.stack([lower, upper], axis=1)[:, None])
    region = probability(mixture, mixture.highest_density(level))
    if mixture.discrete:
        assert (interval >= level - 1e-12).all()
        assert (region >= level - 1e-12).all()
    else:
        assert_allclose(interval, level, rtol=0, atol=1e-10)
        assert_allclose(region, level, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_intervals_and_regions_cover_as_many_draws(name):
    mixture = mixtures(name, n=50)
    draws = mixture.sample(200, random_state=0)
    lower, upper = mixture.interval(0.8)
    inside = (draws >= lower[:, None]) & (draws <= upper[:, None])
    assert_probability(inside, 0.8)
    assert_probability(contains(mixture.highest_density(0.8), draws), 0.8)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_density_is_higher_inside_a_region_than_outside(name):
    mixture = mixtures(name, n=40)
    regions = mixture.highest_density(0.7)
    y = mixture.sample(500, random_state=0)
    density = mixture.pdf(y)
    inside = contains(regions, y)
    least = np.where(inside, density, np.inf).min(axis=1)
    most = np.where(inside, -np.inf, density).max(axis=1)
    assert (least > most).all()
    # So no region of the same probability is shorter, and the edges are level.
    edges = np.where(np.isnan(regions), regions[:, :1, :1], regions).reshape(40, -1)
    heights = mixture.pdf(edges)
    assert_allclose(heights, heights[:, :1] * np.ones_like(heights), rtol=1e-7)
    lower, upper = mixture.interval(0.7)
    length = np.nansum(regions[..., 1] - regions[..., 0], axis=1)
    assert (length <= (upper - lower) * (1 + 1e-9)).all()


@pytest.mark.parametrize("name", COUNTS)
def test_a_region_of_counts_is_the_likeliest_and_smallest(name):
    mixture = mixtures(name, n=40)
    regions = mixture.highest_density(0.7)
    counts = np.broadcast_to(np.arange(400.0), (40, 400))
    p, inside = mixture.pdf(counts), contains(regions, counts)
    for probabilities, taken in zip(p, inside, strict=True):
        falling = np.sort(probabilities)[::-1]
        needed = 1 + np.argmax(np.cumsum(falling) >= 0.7)
        assert taken.sum() == needed
        assert_allclose(probabilities[taken].sum(), falling[:needed].sum())


def test_equally_likely_counts_are_all_in_the_region():
    coin = MixtureDistribution(Binomial(), [[0.0]], [1.0], [1.0], trials=3)
    assert_array_equal(coin.highest_density(0.3), [[[1, 2]]])
    dice = MixtureDistribution(
        Poisson(), [[-30.0, np.log(50)]], [1, 1], [0.5, 0.5]
    ).highest_density(0.6)
    assert dice.shape == (1, 2, 2)
    assert_array_equal(dice[0, 0], [0, 0])


def test_the_region_of_two_far_lines_is_two_intervals():
    X, _, model = far_lines()
    ahead = model.predict_distribution(X)
    regions = ahead.highest_density(0.9)
    assert regions.shape == (200, 2, 2)
    assert np.isfinite(regions).all()
    lines = np.sort(model.predict_components(X), axis=1)
    assert ((regions[..., 0] < lines) & (lines < regions[..., 1])).all()
    lower, upper = ahead.interval(0.9)
    assert (
        (regions[..., 1] - regions[..., 0]).sum(axis=1) < 0.7 * (upper - lower)
    ).all()


def test_rows_with_fewer_parts_are_padded():
    close, far = [0.0, 0.1], [0.0, 9.0]
    regions = MixtureDistribution(
        Gaussian(), [close, far], [1.0, 1.0], [0.5, 0.5]
    ).highest_density(0.9)
    assert regions.shape == (2, 2, 2)
    assert_array_equal(np.isnan(regions[:, 1, 0]), [True, False])
    assert np.isfinite(regions[:, 0]).all()


def test_the_region_of_a_normal_distribution_is_its_interval():
    alone = MixtureDistribution(Gaussian(), [[3.0]], [2.0], [1.0])
    for level in (0.1, 0.95, 1 - 1e-8):
        z = special.ndtri(0.5 + 0.5 * level)
        expected = [[[3 - 2 * z, 3 + 2 * z]]]
        assert_allclose(alone.highest_density(level), expected, rtol=1e-6)


def test_a_region_ends_at_the_bound_where_the_density_is_highest():
    law = MixtureDistribution(Gamma(), [[0.0]], [1.0], [1.0])  # exponential
    assert_allclose(law.highest_density(0.9), [[[0, -np.log(0.1)]]], rtol=1e-9)
    steep = MixtureDistribution(Gamma(), [[0.0]], [2.0], [1.0])
    assert_allclose(
        steep.highest_density(0.9), [[[0, steep.quantile(0.9)[0]]]], rtol=1e-9
    )
    basin = MixtureDistribution(Beta(), [[0.0]], [1.0], [1.0])  # arcsine law / 2
    lower = special.betaincinv(0.5, 0.5, 0.3)
    assert_allclose(
        basin.highest_density(0.6), [[[0, lower], [1 - lower, 1]]], atol=1e-9
    )


# Shapes and errors ----------------------------------------------------------------


@pytest.mark.parametrize("name", ["gaussian", "binomial"])
def test_responses_belong_to_rows_and_levels_to_all(name):
    mixture = mixtures(name, n=3)
    y = np.array([1.0, 2.0, 0.0])
    for method in (mixture.pdf, mixture.logpdf, mixture.cdf):
        each = method(y)
        assert each.shape == (3,)
        assert_array_equal(method(y[:, None]), each[:, None])
        assert_array_equal(method(1.0), method([1.0, 1.0, 1.0]))
        grid = method([[0.0, 1.0, 2.0, 3.0]])
        assert grid.shape == (3, 4)
        assert_allclose(grid[:, 1], method(1.0), rtol=1e-14)
    assert mixture.quantile(0.5).shape == (3,)
    both = mixture.quantile([0.5, 0.9])
    assert both.shape == (3, 2)
    assert_array_equal(both[:, 0], mixture.quantile(0.5))
    own = mixture.quantile([[0.5], [0.9], [0.5]])
    assert_array_equal(own[:, 0], [both[0, 0], both[1, 1], both[2, 0]])
    assert mixture.interval([0.5, 0.9])[0].shape == (3, 2)
    assert mixture.sample(4).shape == (3, 4)


@pytest.mark.parametrize("name", ["gamma", "binomial"])
def test_some_rows_are_distributed_as_before(name):
    mixture = mixtures(name)
    some = mixture[5:8]
    assert len(mixture) == 25
    assert len(some) == 3
    assert_array_equal(some.quantile(0.3), mixture.quantile(0.3)[5:8])
    assert_array_equal(mixture[6].mean(), mixture.mean()[6:7])
    assert "3 rows" in repr(some)
    equal = mixture.reweighted([0.0, 0.0, 1.0])
    assert_allclose(
        equal.mean(),
        MixtureDistribution(
            mixture.family,
            mixture.eta[:, 2:],
            mixture.scale[2:],
            [1.0],
            trials=mixture.trials,
        ).mean(),
    )


def test_a_block_of_rows_changes_nothing(monkeypatch):
    mixture = mixtures("gamma", n=50)
    before = mixture.quantile(LEVELS), mixture.highest_density(0.9)
    monkeypatch.setattr("mixreg_sklearn.predictive._distribution._BLOCK", 7)
    monkeypatch.setattr("mixreg_sklearn.predictive._regions._BLOCK", 3)
    assert_array_equal(mixture.quantile(LEVELS), before[0])
    assert_array_equal(mixture.highest_density(0.9), before[1])
    counts = mixtures("negative_binomial", n=50)
    before = counts.highest_density(0.9)
    monkeypatch.setattr("mixreg_sklearn.predictive._regions._CELLS", 100)
    assert_array_equal(counts.highest_density(0.9), before)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.quantile(1.5), "u must be a number between 0 and 1"),
        (lambda m: m.quantile(np.nan), "u must be a number between 0 and 1"),
        (lambda m: m.quantile(np.full((2, 1), 0.5)), r"u has shape \(2, 1\)"),
        (lambda m: m.interval(-0.1), "level must be between 0 and 1"),
        (lambda m: m.highest_density(1), "level must be between 0 and 1"),
        (lambda m: m.highest_density([0.5, 0.9]), "level must be between 0 and 1"),
        (lambda m: m.cdf([1.0, 2.0]), r"y has shape \(2,\), but there are 3 rows"),
        (lambda m: m.pdf(np.nan), "y contains NaN"),
        (lambda m: m.reweighted([0.5, 0.2, 0.2]), "weights must be non-negative"),
        (lambda m: m.reweighted([0.5, 0.5]), r"weights has shape \(2,\)"),
        (
            lambda m: MixtureDistribution(m.family, [1.0], [1.0], [1.0]),
            r"eta has shape \(1,\)",
        ),
        (
            lambda m: MixtureDistribution(m.family, [[1.0]], [1.0], [1.0], trials=3),
            "trials is for the binomial",
        ),
    ],
)
def test_errors_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call(mixtures("gaussian", n=3))


def test_counts_beyond_a_list_are_refused():
    wide = MixtureDistribution(NegativeBinomial(), [[20.0]], [1.0], [1.0])
    assert wide.quantile(0.5) > 1e8
    with pytest.raises(ValueError, match="row 0 spread over"):
        wide.highest_density(0.9)


# From a model ---------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_a_model_predicts_its_distribution(name):
    family, center, spread, scale = CASES[name]
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 1))
    trials = rng.integers(5, 30, size=60) if name == "binomial" else None
    given = {} if trials is None else {"trials": trials}
    eta = center + spread * (2.0 * (rng.random(60) < 0.5) - 1) + 0.3 * X[:, 0]
    y = family.sample(eta, scale[0], rng, **given)
    init = {
        "weights": [0.5, 0.5],
        "coef": [[0.3], [0.3]],
        "intercept": [center - spread, center + spread],
        "scale": [scale[0]] * 2,
    }
    model = MixtureRegressor(2, family=name, init=init).fit(X, y, **given)
    offset = rng.normal(size=60) * 0.1
    ahead = model.predict_distribution(X, offset=offset, **given)
    mean, std = model.predict(X, return_std=True, offset=offset, **given)
    assert_allclose(ahead.mean(), mean)
    assert_allclose(ahead.std(), std)
    theirs = model.log_likelihood(X, y, offset=offset, **given)
    assert_allclose(ahead.logpdf(y).sum(), theirs)
    assert_allclose(-log_score(model, X, y, offset=offset, **given), ahead.logpdf(y))


def test_weights_of_the_gate_are_used():
    rows = panel(gate="softmax")
    ahead = rows.model.predict_distribution(rows.X)
    assert_allclose(ahead.weights, rows.model.predict_proba(rows.X))
    assert np.ptp(ahead.weights[:, 0]) > 0.5
    by_hand = np.zeros(len(rows.X))
    for k in range(2):
        z = (1.0 - rows.model.predict_components(rows.X)[:, k]) / rows.model.scale_[k]
        by_hand += rows.model.predict_proba(rows.X)[:, k] * special.ndtr(z)
    assert_allclose(ahead.cdf(1.0), by_hand)


def test_the_best_of_several_numbers_predicts_too():
    X, y = two_lines(n=90)
    chosen = MixtureRegressorIC((1, 2), random_state=0).fit(X, y)
    ours = chosen.predict_distribution(X).quantile(0.2)
    assert_array_equal(
        ours, chosen.best_estimator_.predict_distribution(X).quantile(0.2)
    )


# History --------------------------------------------------------------------------


@pytest.mark.parametrize("gate", [None, "softmax"])
def test_history_sharpens_weights_by_bayes_theorem(gate):
    rows = panel(gate=gate)
    model = rows.model
    past = np.arange(len(rows.y)) % 3 < 2
    new = ~past
    history = {"X": rows.X[past], "y": rows.y[past], "groups": rows.unit[past]}
    ahead = model.predict_distribution(
        rows.X[new], groups=rows.unit[new], history=history
    )
    joint = log_joint(
        rows.X, rows.y, [1, 1], model.intercept_, model.coef_, model.scale_
    )
    for i, unit in enumerate(rows.unit[new]):
        earlier = past & (rows.unit == unit)
        density = np.exp(joint[earlier].sum(axis=0))
        theirs = model.predict_proba(rows.X[new][[i]])[0] * density
        assert_allclose(ahead.weights[i], theirs / theirs.sum(), rtol=1e-7)
    prior = model.predict_distribution(rows.X[new])
    assert ahead.logpdf(rows.y[new]).sum() > prior.logpdf(rows.y[new]).sum()


def test_units_without_history_keep_the_prior():
    rows = panel()
    history = {
        "X": rows.X[:6],
        "y": rows.y[:6],
        "groups": ["b", "b", "b", "a", "a", "a"],
    }
    ahead = rows.model.predict_distribution(
        rows.X[:4], groups=["new", "a", "b", "other"], history=history
    )
    assert_allclose(ahead.weights[[0, 3]], np.tile(rows.model.weights_, (2, 1)))
    labels, memberships = rows.model.predict_group_proba(
        rows.X[:6], rows.y[:6], history["groups"]
    )
    assert labels.tolist() == ["a", "b"]
    assert_allclose(ahead.weights[[1, 2]], memberships)


def test_a_history_without_rows_changes_nothing():
    rows = panel()
    history = {"X": rows.X[:0], "y": rows.y[:0], "groups": []}
    ahead = rows.model.predict_distribution(rows.X[:2], groups=[0, 1], history=history)
    without = rows.model.predict_distribution(rows.X[:2])
    assert_array_equal(ahead.weights, without.weights)


def test_offsets_and_trials_of_a_history_count():
    rng = np.random.default_rng(0)
    X, unit = rng.normal(size=(90, 1)), np.repeat(np.arange(30), 3)
    trials, offset = rng.integers(1, 9, size=90), 0.2 * rng.normal(size=90)
    p = special.expit(np.where((rng.random(30) < 0.5)[unit], 1.5, -1.5) + offset)
    y = rng.binomial(trials, p)
    given = {"offset": offset, "trials": trials}
    model = MixtureRegressor(2, family="binomial", random_state=0)
    model.fit(X, y, groups=unit, **given)
    ahead = model.predict_distribution(
        X[:3],
        groups=[4, 5, 99],
        history={"X": X, "y": y, "groups": unit, **given},
        trials=[7, 7, 7],
    )
    _, memberships = model.predict_group_proba(X, y, unit, **given)
    assert_allclose(ahead.weights[:2], memberships[4:6])
    assert_array_equal(ahead.quantile(1.0), 7)
    without = model.predict_group_proba(X, y, unit, trials=trials)[1]
    assert not np.allclose(ahead.weights[:2], without[4:6], atol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"history": [1, 2]}, "history must be a dict"),
        ({"history": {"X": 0, "y": 0}}, r"missing: \['groups'\]"),
        ({"history": {"X": 0, "y": 0, "groups": 0, "z": 0}}, r"unknown: \['z'\]"),
        ({"groups": None}, "groups is None"),
        ({"groups": ["0"] * 9}, "share no label"),
        ({"groups": [0, 1]}, "inconsistent numbers of samples"),
    ],
)
def test_errors_of_a_history_are_clear(change, message):
    rows = panel()
    history = {"X": rows.X[:9], "y": rows.y[:9], "groups": rows.unit[:9]}
    given = {"groups": rows.unit[:9], "history": history} | change
    with pytest.raises(ValueError, match=message):
        rows.model.predict_distribution(rows.X[:9], **given)


def test_a_gate_that_changes_within_a_unit_is_refused():
    rows = panel(gate="softmax")
    history = {"X": rows.X[:9], "y": rows.y[:9], "groups": rows.unit[:9]}
    with pytest.raises(ValueError, match=r"gate\) of row 1 of X.*group 1"):
        rows.model.predict_distribution(rows.X[[0, 0]], groups=[0, 1], history=history)


# Residuals ------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_pit_values_are_uniform_under_the_true_model(name):
    mixture = mixtures(name, n=3000)
    truth, X, given = model_of(mixture)
    y = mixture.sample(random_state=0)
    values = pit_values(truth, X, y, random_state=1, **given)
    assert stats.kstest(values, "uniform").pvalue > 1e-3
    residuals = quantile_residuals(truth, X, y, random_state=1, **given)
    assert_allclose(special.ndtr(residuals), values, atol=1e-12)
    # And are not under a wrong one.
    wrong, X, given = model_of(mixture.reweighted([1.0, 0.0, 0.0]))
    assert stats.kstest(pit_values(wrong, X, y, **given), "uniform").pvalue < 1e-3


def test_pit_values_of_counts_lie_on_their_steps():
    mixture = mixtures("poisson", n=200)
    y = mixture.sample(random_state=0)
    model, X, _ = model_of(mixture)
    values = np.array([pit_values(model, X, y, random_state=s) for s in range(30)])
    assert (values <= mixture.cdf(y)).all()
    assert (values >= mixture.cdf(y - 1)).all()
    step = mixture.cdf(y) - mixture.cdf(y - 1)
    assert (np.ptp(values, axis=0) > 0.5 * step).all()


def test_an_outlier_has_a_finite_residual():
    X, y, model = far_lines()
    y = np.r_[1e6, -1e6, y[2:]]
    residuals = quantile_residuals(model, X, y)
    assert np.isfinite(residuals).all()
    assert residuals[0] > 8
    assert residuals[1] < -30


@pytest.mark.parametrize("family", ["gaussian", "poisson"])
def test_rows_of_a_group_are_predicted_from_those_before(family):
    rows = panel(family=family, n_units=40)
    order = np.random.default_rng(0).permutation(len(rows.y))
    X, y, unit = rows.X[order], rows.y[order], rows.unit[order]
    scores = log_score(rows.model, X, y, groups=unit)
    assert_allclose(-scores.sum(), rows.model.log_likelihood(X, y, groups=unit))
    values = pit_values(rows.model, X, y, groups=unit, random_state=0)
    assert stats.kstest(values, "uniform").pvalue > 1e-3
    i = np.flatnonzero(unit == unit[-1])[-1]  # the third row of its unit
    past = np.flatnonzero(unit == unit[i])[:-1]
    assert len(past) == 2
    history = {"X": X[past], "y": y[past], "groups": unit[past]}
    ahead = rows.model.predict_distribution(X[[i]], groups=unit[[i]], history=history)
    assert_allclose(scores[i], -ahead.logpdf(y[[i]])[0])
    lower = ahead.cdf(y[[i]] - 1)[0] if ahead.discrete else ahead.cdf(y[[i]])[0]
    assert lower - 1e-9 <= values[i] <= ahead.cdf(y[[i]])[0] + 1e-9


def test_a_gate_that_changes_within_a_group_is_refused_by_residuals():
    rows = panel(gate="softmax")
    with pytest.raises(ValueError, match="varies within group"):
        pit_values(rows.model, rows.X, rows.y, groups=np.zeros(len(rows.y)))


# Scores ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_crps_is_the_integral_of_its_definition(name):
    mixture = mixtures(name, n=6)
    y = mixture.sample(random_state=0)
    y[0] = mixture.quantile(1 - 1e-9)[0] + 1.0 * mixture.discrete
    model, X, given = model_of(mixture)
    ours = crps(model, X, y, **given)
    for i, at in enumerate(y):
        row = mixture[i]
        if mixture.discrete:
            counts = np.arange(3000.0)
            theirs = ((row.cdf(counts[None])[0] - (at <= counts)) ** 2).sum()
        else:
            inner = row.quantile(special.ndtr(np.arange(-6, 7)))[0]
            edges = np.unique(np.r_[inner, at])
            theirs = sum(
                integrate.quad(
                    lambda t, row=row, at=at: (row.cdf(t)[0] - (at <= t)) ** 2, a, b
                )[0]
                for a, b in pairwise(edges)
            )
        assert_allclose(ours[i], theirs, rtol=2e-7)


@pytest.mark.parametrize("name", CASES)
def test_crps_is_half_the_difference_of_mean_distances(name):
    mixture = mixtures(name, n=6)
    y = mixture.sample(random_state=0)
    model, X, given = model_of(mixture)
    first, second = mixture.sample(20000, 1), mixture.sample(20000, 2)
    terms = np.abs(first - y[:, None]) - 0.5 * np.abs(first - second)
    error = terms.std(axis=1) / np.sqrt(20000)
    ours = crps(model, X, y, **given)
    assert (np.abs(ours - terms.mean(axis=1)) < 5 * error).all()


def test_crps_of_responses_far_away_is_their_distance():
    for name in CASES:
        mixture = mixtures(name, n=3)
        model, X, _ = model_of(mixture)
        if name in ("beta", "binomial"):
            continue
        near, far = (crps(model, X, np.full(3, y)) for y in (1e4, 3e4))
        assert_allclose(far - near, 2e4, rtol=1e-9)


def test_scorers_are_means_over_rows():
    X, y = two_lines(n=90)
    model = MixtureRegressor(random_state=0).fit(X, y)
    assert_allclose(crps_scorer(model, X, y), -crps(model, X, y).mean())
    assert_allclose(log_likelihood_scorer(model, X, y), -log_score(model, X, y).mean())
    weight = np.arange(90) % 3
    many = np.repeat(np.arange(90), weight)
    assert_allclose(
        crps_scorer(model, X, y, weight), crps_scorer(model, X[many], y[many])
    )
    assert repr(crps_scorer) == "crps_scorer"
    assert "continuous ranked" in crps_scorer.__doc__


def test_crps_scorer_goes_through_cross_validation():
    X, y = two_lines(n=90)
    mixture = MixtureRegressor(random_state=0)
    pipe = make_pipeline(StandardScaler(), mixture)
    scores = cross_val_score(pipe, X, y, cv=3, scoring=crps_scorer)
    plain = cross_val_score(mixture, X, y, cv=3, scoring=crps_scorer)
    assert_allclose(scores, plain, rtol=1e-6)
    assert (scores < 0).all()
    search = GridSearchCV(mixture, {"n_components": [1, 2]}, scoring=crps_scorer, cv=3)
    assert search.fit(X, y).best_params_ == {"n_components": 2}
    assert crps_scorer(search, X, y) == crps_scorer(search.best_estimator_, X, y)


def test_groups_reach_the_crps_scorer():
    rows = panel()
    ours = crps_scorer(rows.model, rows.X, rows.y, groups=rows.unit)
    theirs = crps(rows.model, rows.X, rows.y, groups=rows.unit)
    assert_allclose(ours, -theirs.mean())
    assert ours > crps_scorer(rows.model, rows.X, rows.y)


def test_crps_of_a_transformed_response_is_refused():
    X, y = two_lines(n=90)
    scaled = TransformedTargetRegressor(
        MixtureRegressor(random_state=0), transformer=StandardScaler()
    ).fit(X, y)
    with pytest.raises(ValueError, match="crps_scorer is in units of the response"):
        crps_scorer(scaled, X, y)
    with pytest.raises(TypeError, match=r"crps_scorer.*none in LinearRegression"):
        crps_scorer(LinearRegression().fit(X, y), X, y)


def test_residuals_refuse_bad_responses():
    X, _, model = far_lines()
    with pytest.raises(ValueError, match="y should be a 1d array"):
        pit_values(model, X, np.ones((200, 2)))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        crps(model, X, np.ones(10))
    with pytest.raises(ValueError, match="NaN"):
        log_score(model, X, np.full(200, np.nan))
