"""`score` is the likelihood R2, with which scikit-learn's defaults choose well."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.datasets import load_nodata, load_tone, load_two_lines
from mixreg_sklearn.families import Poisson


def draw(name):
    """Features without effect, and responses of a family."""
    rng = np.random.default_rng(1)
    X, trials = rng.normal(size=(200, 2)), rng.integers(1, 9, size=200)
    y = {
        "gaussian": lambda: rng.normal(3, 2, 200),
        "poisson": lambda: rng.poisson(3.0, 200),
        "binomial": lambda: rng.binomial(trials, 0.3),
        "gamma": lambda: rng.gamma(2.0, 3.0, 200),
        "inverse_gaussian": lambda: rng.wald(2.0, 3.0, 200),
        "beta": lambda: rng.beta(2.0, 3.0, 200),
    }[name]()
    return X, y, {"trials": trials} if name == "binomial" else {}


FAMILIES = ["gaussian", "poisson", "binomial", "gamma", "inverse_gaussian", "beta"]


def null_log_likelihood(name, y, trials=None):
    """Of one distribution for all responses, by scipy."""
    if name == "gaussian":
        return stats.norm.logpdf(y, y.mean(), y.std()).sum()
    if name == "poisson":
        return stats.poisson.logpmf(y, y.mean()).sum()
    if name == "binomial":
        return stats.binom.logpmf(y, trials, y.sum() / trials.sum()).sum()
    if name == "gamma":
        shape, _, scale = stats.gamma.fit(y, floc=0)
        return stats.gamma.logpdf(y, shape, scale=scale).sum()
    if name == "inverse_gaussian":
        shape = len(y) / (1 / y - 1 / y.mean()).sum()
        return stats.invgauss.logpdf(y, y.mean() / shape, scale=shape).sum()
    if name == "beta":
        a, b, _, _ = stats.beta.fit(y, floc=0, fscale=1)
        return stats.beta.logpdf(y, a, b).sum()
    raise ValueError(name)


@pytest.mark.parametrize("load", [load_two_lines, load_tone, load_nodata])
def test_a_grid_search_without_scoring_does_not_choose_one_line(load):
    X, y = load(return_X_y=True)
    grid = {"n_components": [1, 2]}
    model = MixtureRegressor(n_init=1, random_state=0)
    search = GridSearchCV(model, grid).fit(X, y)
    assert search.best_params_ == {"n_components": 2}


@pytest.mark.parametrize("weighted", [False, True])
def test_for_one_gaussian_component_it_is_r2(weighted):
    X, y = load_nodata(return_X_y=True)
    weight = np.arange(len(y)) % 3 if weighted else None
    model = MixtureRegressor(1).fit(X, y, weight)
    expected = r2_score(y, model.predict(X), sample_weight=weight)
    assert model.score(X, y, weight) == pytest.approx(expected, rel=1e-9)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", FAMILIES)
def test_the_null_model_is_one_distribution_for_all_rows(name):
    X, y, metadata = draw(name)
    # Where there is one regression, a long search for two is in vain.
    model = MixtureRegressor(2, family=name, n_init=1, random_state=0)
    model.fit(X, y, **metadata)
    null = null_log_likelihood(name, y, **metadata)
    expected = 1 - np.exp(-2 / len(y) * (model.log_likelihood_ - null))
    assert model.score(X, y, **metadata) == pytest.approx(expected, abs=1e-6)


def test_an_offset_is_part_of_the_null_model():
    rng = np.random.default_rng(0)
    exposure = rng.uniform(1, 50, size=300)
    X = np.column_stack([np.log(exposure), rng.normal(size=300)])
    y = rng.poisson(0.3 * exposure)
    rate = y.sum() / exposure.sum()
    null = stats.poisson.logpmf(y, rate * exposure).sum()
    by_feature = MixtureRegressor(1, family="poisson", offset_feature=0).fit(X, y)
    expected = 1 - np.exp(-2 / 300 * (by_feature.log_likelihood_ - null))
    assert by_feature.score(X, y) == pytest.approx(expected, rel=1e-6)
    offset = X[:, 0]
    given = MixtureRegressor(1, family="poisson").fit(X[:, 1:], y, offset=offset)
    score = given.score(X[:, 1:], y, offset=offset)
    assert score == pytest.approx(by_feature.score(X, y), rel=1e-6)


def test_units_are_groups_where_rows_come_in_groups():
    X, y = load_two_lines(return_X_y=True)
    groups = np.arange(len(y)) // 2
    model = MixtureRegressor(2, random_state=0).fit(X, y, groups=groups)
    null = null_log_likelihood("gaussian", y)
    expected = 1 - np.exp(-2 / 100 * (model.log_likelihood_ - null))
    assert model.score(X, y, groups=groups) == pytest.approx(expected, rel=1e-9)


def test_rows_of_density_zero_score_minus_infinity_and_never_nan():
    rng = np.random.default_rng(2)
    x = rng.uniform(0, 1, size=(200, 1))
    y = rng.poisson(1 + 4 * x[:, 0])
    model = MixtureRegressor(1, family=Poisson("identity")).fit(x, y)
    assert model.score([[-5.0]], [3]) == -np.inf
    assert_allclose(model.score(x, y), model.score(x[::-1], y[::-1]), rtol=1e-12)
