"""Mixtures of families from outside the package, against independent optimizers."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from outside_families import FreeStudentT, StudentT, ZeroInflatedPoisson
from scipy import optimize, special, stats
from sklearn.base import clone
from support import second_derivatives

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn.inference import inference


def lines(seed=1, n=500):
    """Two lines with the heavy tails of a t distribution."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 2, n)
    first = rng.random(n) < 0.6
    scale = np.where(first, 0.5, 0.8)
    y = np.where(first, 4 + 2 * x, -3 - x) + scale * rng.standard_t(4, n)
    return x[:, None], y


def zero_inflated(seed=0, n=500):
    """Two Poisson regressions, each with zeros that depend on the feature, too."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, n)
    first = rng.random(n) < 0.6
    mean = np.exp(np.where(first, 3.2 + 0.4 * x, 1.2 - 0.6 * x))
    never = special.expit(np.where(first, -2 + x, -1 - x))
    return x[:, None], rng.poisson(mean) * (rng.random(n) > never) * 1.0


def of_t(df):
    """Log-density of component parameters: intercept, slope, log scale (, log df)."""

    def log_density(x, y, own):
        nu = np.exp(own[3]) if df is None else df
        return stats.t.logpdf(y, nu, own[0] + own[1] * x, np.exp(own[2]))

    return log_density


def of_zeros(x, y, own):
    """Log-density of intercept and slope of the mean, and of the zeros."""
    log_sure = special.log_expit(own[2] + own[3] * x)
    log_rest = special.log_expit(-own[2] - own[3] * x)
    log_count = log_rest + stats.poisson.logpmf(y, np.exp(own[0] + own[1] * x))
    return np.where(y == 0, np.logaddexp(log_sure, log_count), log_count)


def scaled(model, *constants):
    """The estimates as `log_likelihood` takes them: log-odds, then by component."""
    own = [model.intercept_, model.coef_[:, 0], *map(np.log, constants)]
    return np.append(special.logit(model.weights_[0]), np.transpose(own))


def zeros(model):
    """The estimates of zero-inflated counts."""
    own = [
        model.intercept_,
        model.coef_[:, 0],
        model.zero_intercept_,
        model.zero_coef_[:, 0],
    ]
    return np.append(special.logit(model.weights_[0]), np.transpose(own))


ODDS = special.logit(0.6)
CASES = {
    "t with given df": (
        StudentT(df=4),
        lines,
        of_t(4),
        lambda m: scaled(m, m.scale_),
        [ODDS, 4, 2, np.log(0.5), -3, -1, np.log(0.8)],
    ),
    "t with df": (
        FreeStudentT(),
        lines,
        of_t(None),
        lambda m: scaled(m, m.scale_, m.df_),
        [ODDS, 4, 2, np.log(0.5), np.log(4), -3, -1, np.log(0.8), np.log(4)],
    ),
    "zero-inflated": (
        ZeroInflatedPoisson(),
        zero_inflated,
        of_zeros,
        zeros,
        [ODDS, 3.2, 0.4, -2, 1, 1.2, -0.6, -1, -1],
    ),
}


@pytest.fixture(scope="module", params=CASES)
def case(request):
    family, data, log_density, values, truth = CASES[request.param]
    X, y = data()
    model = MixtureRegressor(2, family=family, random_state=0).fit(X, y)

    def log_likelihood(theta):
        own = theta[1:].reshape(2, -1)
        log_joint = [
            special.log_expit(sign * theta[0]) + log_density(X[:, 0], y, part)
            for sign, part in zip((1, -1), own, strict=True)
        ]
        return np.logaddexp.reduce(log_joint, axis=0).sum()

    return model, X, y, log_likelihood, values(model), np.array(truth)


def test_the_fit_is_the_maximum_that_an_independent_optimizer_finds(case):
    model, _, _, log_likelihood, ours, truth = case
    assert model.converged_
    assert_allclose(model.log_likelihood_, log_likelihood(ours), rtol=1e-9)
    rng = np.random.default_rng(0)
    found = [
        optimize.minimize(lambda t: -log_likelihood(t), start, options={"gtol": 1e-6})
        for center, spread in ((truth, 0.3), (ours, 0.1))
        for start in center + spread * rng.normal(size=(4, len(truth)))
    ]
    theirs = min(found, key=lambda result: result.fun)
    assert_allclose(model.log_likelihood_, -theirs.fun, rtol=1e-7)
    assert_allclose(ours, theirs.x, rtol=1e-3, atol=1e-3)


def test_standard_errors_are_those_of_the_numerical_hessian(case):
    model, X, y, log_likelihood, ours, _ = case
    result = inference(model, X, y)
    information = -second_derivatives(
        lambda steps: log_likelihood(ours + steps), np.full(len(ours), 0.1)
    )
    theirs = np.sqrt(np.diag(np.linalg.inv(information)))[1:].reshape(2, -1)
    own = [i for i, name in enumerate(result.names) if "share" not in name]
    ours = result.working_std_errors[own].reshape(2, -1)
    # Terms are in another order than the parameters here, the same for each component.
    assert_allclose(np.sort(ours, axis=1), np.sort(theirs, axis=1), rtol=1e-4)


def test_a_fit_is_an_estimator_like_any_other(case):
    model, X, y, *_ = case
    assert_allclose(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))
    assert clone(model).get_params().keys() == model.get_params().keys()
    again = clone(model).set_params(warm_start=True).fit(X, y).fit(X, y)
    assert_allclose(again.log_likelihood_, model.log_likelihood_, rtol=1e-9)
    ahead = model.predict_distribution(X[:20])
    assert_allclose(ahead.mean(), model.predict(X[:20]), rtol=1e-10)
    drawn, component = model.sample(X, random_state=0)
    assert drawn.shape == component.shape == y.shape
    assert_allclose(model.predict_proba(X, y=y).sum(axis=1), 1, rtol=1e-12)
    assert_allclose(model.log_likelihood(X, y), model.log_likelihood_, rtol=1e-10)


def test_quantiles_and_draws_of_a_fit_are_those_of_its_mixture(case):
    model, X, y, log_likelihood, ours, _ = case
    density = model.predict_distribution(X).logpdf(y)
    assert_allclose(density.sum(), log_likelihood(ours), rtol=1e-9)
    ahead = model.predict_distribution(X[:7])
    draws = ahead.sample(4000, random_state=0)
    for level in (0.1, 0.5, 0.9):
        quantile = ahead.quantile(level)
        assert (ahead.cdf(quantile) >= level - 1e-9).all()
        assert (ahead.cdf(quantile - 1e-6) <= level + 1e-9).all()
        # Four standard errors of a share of so many draws.
        below = (draws <= quantile[:, None]).mean(axis=1)
        assert_allclose(below, ahead.cdf(quantile), atol=4 * 0.5 / 4000**0.5)


def test_a_fit_starts_from_its_own_estimates(case):
    model, X, y, *_ = case
    names = ["weights", "coef", "intercept", "scale"]
    names += ["df", "zero_coef", "zero_intercept"]
    init = {n: getattr(model, f"{n}_") for n in names if hasattr(model, f"{n}_")}
    again = clone(model).set_params(init=init).fit(X, y)
    assert_allclose(again.log_likelihood_, model.log_likelihood_, rtol=1e-9)


def test_the_number_of_zero_inflated_components_is_found():
    X, y = zero_inflated()
    template = MixtureRegressor(family=ZeroInflatedPoisson(), random_state=0)
    search = MixtureRegressorIC((1, 2, 3), estimator=template).fit(X, y)
    assert search.n_components_ == 2
