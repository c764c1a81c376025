"""One component is a generalized linear model; several are found and proven."""

import warnings
from copy import deepcopy

import numpy as np
import pytest
import statsmodels.api as statsmodels
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats
from scipy.optimize import minimize
from support import many, seeds

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.families import (
    Beta,
    Binomial,
    Gamma,
    InverseGaussian,
    NegativeBinomial,
    Poisson,
)
from mixreg_sklearn.families._names import make_family

families, links = statsmodels.families, statsmodels.families.links

# Our family and link, statsmodels' own, and a linear predictor inside the link's range.
MODELS = {
    "poisson log": (Poisson(), families.Poisson(), 0.3),
    "poisson identity": (Poisson("identity"), families.Poisson(links.Identity()), 5.0),
    "binomial logit": (Binomial(), families.Binomial(), 0.3),
    "binomial probit": (Binomial("probit"), families.Binomial(links.Probit()), 0.3),
    "binomial cloglog": (Binomial("cloglog"), families.Binomial(links.CLogLog()), 0.3),
    "gamma log": (Gamma(), families.Gamma(links.Log()), 0.3),
    "gamma inverse": (Gamma("inverse"), families.Gamma(links.InversePower()), 5.0),
    "gamma identity": (Gamma("identity"), families.Gamma(links.Identity()), 5.0),
    "inverse gaussian log": (
        InverseGaussian(),
        families.InverseGaussian(links.Log()),
        0.3,
    ),
}


def _data(family, level, n=400):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 2))
    eta = level + X @ [0.5, -0.4]
    if isinstance(family, Binomial):
        trials = rng.integers(1, 10, size=n).astype(float)
        return X, family.sample(eta, 0.4, rng, trials=trials), {"trials": trials}
    return X, family.sample(eta, np.full(n, 0.4), rng), {}


@pytest.mark.parametrize("name", MODELS)
def test_one_component_is_the_generalized_linear_model(name):
    family, theirs, level = MODELS[name]
    X, y, extra = _data(family, level)
    model = MixtureRegressor(1, family=family).fit(X, y, **extra)
    response = np.column_stack([y, extra["trials"] - y]) if extra else y
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # links that do not respect the domain
        glm = statsmodels.GLM(response, statsmodels.add_constant(X), theirs)
        reference = glm.fit(tol=1e-15, maxiter=500)
    ours = np.append(model.intercept_, model.coef_)
    assert_allclose(ours, reference.params, rtol=1e-8, atol=1e-8)
    assert model.converged_


@pytest.mark.parametrize("family", ["negative_binomial", "beta"])
def test_one_component_with_its_own_dispersion_is_that_of_statsmodels(family):
    instance = {"negative_binomial": NegativeBinomial(), "beta": Beta()}[family]
    X, y, _ = _data(instance, 0.3)
    design = statsmodels.add_constant(X)
    model = MixtureRegressor(1, family=family).fit(X, y)
    options = {"disp": 0, "method": "newton", "tol": 1e-14}
    if family == "beta":
        from statsmodels.othermod.betareg import BetaModel

        reference = BetaModel(y, design).fit(**options)
        dispersion = np.exp(reference.params[-1]) ** -0.5
    else:
        reference = statsmodels.NegativeBinomial(y, design).fit(**options)
        dispersion = reference.params[-1] ** 0.5
    ours = np.append(model.intercept_, model.coef_)
    assert_allclose(ours, reference.params[:-1], rtol=1e-8)
    assert_allclose(model.scale_[0], dispersion, rtol=1e-8)
    assert_allclose(model.log_likelihood_, reference.llf, rtol=1e-10)


FAMILIES = ["poisson", "binomial", "gamma", "negative_binomial", "inverse_gaussian"]


@pytest.mark.parametrize("family", [*FAMILIES, "beta"])
@pytest.mark.parametrize("seed", range(3))
def test_two_components_are_found_and_proven(family, seed):
    rng = np.random.default_rng(seed)
    n = 800
    X = rng.normal(size=(n, 1))
    which = rng.random(n) < 0.4
    eta = np.where(which, 1.5 - 0.5 * X[:, 0], -1.0 + 0.8 * X[:, 0])
    instance = make_family(family)
    extra = {"trials": np.full(n, 12.0)} if family == "binomial" else {}
    y = instance.sample(eta, np.full(n, 0.3), rng, **extra)
    model = MixtureRegressor(2, family=family, random_state=seed).fit(X, y, **extra)
    assert model.converged_
    # The truth is a local start: the search must do at least as well.
    truth = {
        "weights": np.array([0.6, 0.4]),
        "intercept": np.array([-1.0, 1.5]),
        "coef": np.array([[0.8], [-0.5]]),
        "scale": np.full(2, 0.3 if instance.constants else 1.0),
    }
    started = MixtureRegressor(2, family=family, init=truth).fit(X, y, **extra)
    assert model.log_likelihood_ >= started.log_likelihood_ - 1e-6
    assert_allclose(model.coef_, started.coef_, atol=1e-4)
    assert_allclose(
        model.log_likelihood(X, y, **extra), model.log_likelihood_, rtol=1e-10
    )
    tau = model.predict_proba(X, y, **extra)
    assert_allclose(tau.sum(axis=1), 1)
    mean, std = model.predict(X, return_std=True, **extra)
    assert np.isfinite(mean).all()
    assert (std > 0).all()


LEAST = NegativeBinomial.constants[0].lower


def _counts(seed, frailty=0.0, n=600):
    """Two components; in the one of more counts a relative variance is added."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 1))
    many = rng.random(n) < 0.4
    mean = np.exp(np.where(many, 2.6 - 0.5 * X[:, 0], 0.3 + 0.6 * X[:, 0]))
    if frailty:
        mean[many] *= frailty * rng.gamma(1 / frailty, size=many.sum())
    return X, rng.poisson(mean).astype(float)


@pytest.mark.parametrize(("seed", "shared_scale"), [(6, False), (4, True), (5, True)])
def test_poisson_counts_are_proven_to_have_no_dispersion(seed, shared_scale):
    X, y = _counts(seed)
    options = {"random_state": 0}
    ours = MixtureRegressor(
        2, family="negative_binomial", shared_scale=shared_scale, **options
    ).fit(X, y)
    theirs = MixtureRegressor(2, family="poisson", **options).fit(X, y)
    assert ours.converged_
    assert ours.search_["agreeing_arms"] >= 3
    assert_allclose(ours.scale_, LEAST)
    assert_allclose(ours.log_likelihood_, theirs.log_likelihood_, rtol=0, atol=1e-6)
    assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)
    for mine, other in zip(
        ours.predict(X, return_std=True),
        theirs.predict(X, return_std=True),
        strict=True,
    ):
        assert_allclose(mine, other, rtol=1e-6)
    draws, _ = ours.sample(X, random_state=0)
    assert (draws == np.floor(draws)).all()


@pytest.mark.parametrize("seed", [3, 4, 6])
def test_one_component_may_be_poisson_beside_another_that_is_not(seed):
    X, y = _counts(seed, frailty=0.25)
    model = MixtureRegressor(2, family="negative_binomial", random_state=0).fit(X, y)
    assert model.converged_
    poisson = np.argmin(model.scale_)
    assert_allclose(model.scale_[poisson], LEAST)
    assert_allclose(model.scale_[1 - poisson], 0.5, atol=0.1)

    def log_likelihood(moved, factor):
        copy = deepcopy(model)
        copy.scale_[moved] *= factor
        return copy.log_likelihood(X, y)

    # On the limit the likelihood falls inward; the other scale is at its maximum.
    assert log_likelihood(poisson, 1e3) < model.log_likelihood_
    assert log_likelihood(poisson, 1e5) < model.log_likelihood_ - 1e-3
    assert log_likelihood(1 - poisson, 1.01) < model.log_likelihood_
    assert log_likelihood(1 - poisson, 0.99) < model.log_likelihood_


@pytest.mark.parametrize("shared_scale", [False, True])
@pytest.mark.parametrize("scale", [LEAST, 3e-6, 1e-3, 0.05])
def test_a_scale_leaves_its_limit_where_the_likelihood_rises(scale, shared_scale):
    X, y = _counts(0, frailty=0.25)
    family = {"family": "negative_binomial", "shared_scale": shared_scale}
    found = MixtureRegressor(2, random_state=0, **family).fit(X, y)
    start = {
        "weights": found.weights_,
        "intercept": found.intercept_,
        "coef": found.coef_,
        "scale": np.full(2, scale),
    }
    model = MixtureRegressor(2, init=start, max_iter=30, **family).fit(X, y)
    assert model.converged_
    assert_allclose(model.log_likelihood_, found.log_likelihood_, rtol=1e-10)
    assert_allclose(model.scale_, found.scale_, rtol=1e-4, atol=1e-5)


def test_counts_that_vary_less_than_poisson_ones_are_proven_poisson():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    y = rng.binomial(6, 0.5, size=300).astype(float)
    model = MixtureRegressor(1, family="negative_binomial").fit(X, y)
    poisson = MixtureRegressor(1, family="poisson").fit(X, y)
    assert model.converged_
    assert_allclose(model.scale_, LEAST)
    assert_allclose(model.log_likelihood_, poisson.log_likelihood_, atol=1e-6)


def test_offset_is_an_exposure():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(500, 1))
    exposure = rng.uniform(0.5, 4.0, size=500)
    rate = np.exp(np.where(np.arange(500) % 2, 0.2 + 0.5 * X[:, 0], 2.0 - X[:, 0]))
    y = rng.poisson(rate * exposure).astype(float)
    model = MixtureRegressor(2, family="poisson", random_state=0)
    model.fit(X, y, offset=np.log(exposure))
    assert_allclose(np.sort(model.coef_[:, 0]), [-1.0, 0.5], atol=0.1)
    doubled = model.predict(X, offset=np.log(2 * exposure))
    assert_allclose(doubled, 2 * model.predict(X, offset=np.log(exposure)))


@pytest.mark.parametrize(
    ("family", "y", "message"),
    [
        ("poisson", [-1.0, 1, 2, 3], "poisson family needs"),
        ("poisson", [0.5, 1, 2, 3], "poisson family needs"),
        ("gamma", [0.0, 1, 2, 3], "gamma family needs"),
        ("beta", [0.5, 0.2, 1.0, 0.3], "beta family needs"),
        ("binomial", [0.0, 1, 2, 0], "trials must be at least y"),
    ],
)
def test_a_response_outside_the_range_is_refused(family, y, message):
    X = np.arange(4.0)[:, None]
    with pytest.raises(ValueError, match=message):
        MixtureRegressor(1, family=family).fit(X, y)


def test_trials_are_for_the_binomial_family():
    X, y = np.arange(6.0)[:, None], np.arange(6.0)
    with pytest.raises(ValueError, match="trials is for the binomial family"):
        MixtureRegressor(1).fit(X, y, trials=np.ones(6))


def test_an_unknown_link_names_those_that_exist():
    X, y = np.arange(6.0)[:, None], np.arange(6.0)
    with pytest.raises(ValueError, match="log"):
        MixtureRegressor(1, family=Poisson("logit")).fit(X, y)


# Shape of the data under every link: a linear predictor from ends, inside or at 0.
LINKS = {"log": (-2.0, 2.0), "identity": (0.5, 8.0), "inverse": (0.2, 4.0)}


def _log_density(family, y, mu, scale):
    """Log-densities by scipy, of means and the library's scale."""
    size = scale**-2.0
    if family == "poisson":
        return stats.poisson.logpmf(y, mu)
    if family == "negative_binomial":
        return stats.nbinom.logpmf(y, size, size / (size + mu))
    if family == "gamma":
        return stats.gamma.logpdf(y, size, scale=mu / size)
    return stats.invgauss.logpdf(y, mu * scale**2, scale=size)


def _best_by_scipy(family, mean, X, y, start):
    """The best log-likelihood of a general optimizer from several starts."""
    Z = np.column_stack([np.ones(len(y)), X])

    def minus(values):
        eta = Z @ values[:-1]
        with np.errstate(all="ignore"):
            value = -_log_density(family, y, mean(eta), np.exp(values[-1])).sum()
        return value if np.isfinite(value) else 1e12

    options = {"xatol": 1e-9, "fatol": 1e-9, "maxiter": 4000, "maxfev": 4000}
    ends = []
    for factor, log_scale in ((1.0, 0.0), (1.3, -1.0)):
        at = np.r_[start * factor, np.zeros(X.shape[1]), log_scale]
        for _ in range(2):  # once more from where it ended
            end = minimize(minus, at, method="Nelder-Mead", options=options)
            at = end.x
        ends.append(-end.fun)
    return max(ends)


@many
@given(
    seeds,
    st.sampled_from(["poisson", "negative_binomial", "gamma", "inverse_gaussian"]),
    st.sampled_from([*LINKS]),
    st.sampled_from([0.3, 1.0, 3.0]),
)
def test_one_component_ends_at_the_best_maximum(seed, name, link, scale):
    rng = np.random.default_rng(seed)
    family = make_family(name).set_params(link=link)
    low, high = LINKS[link]
    X = rng.uniform(size=(150, 1))
    eta = low + (high - low) * X[:, 0]
    y = family.sample(eta, np.full(150, scale), rng)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the maximum may be at the edge
        model = MixtureRegressor(1, family=family).fit(X, y)
    start = float(family._link().predictor(y.mean() + 1e-3))
    best = _best_by_scipy(name, lambda eta: family.mean(eta, 1.0), X, y, start)
    assert np.isfinite(model.log_likelihood_)
    if model.converged_:
        assert model.log_likelihood_ > best - 1e-5
    else:
        # A maximum at the edge of the domain is approached.
        assert link != "log"
        assert model.log_likelihood_ > best - 1.0
