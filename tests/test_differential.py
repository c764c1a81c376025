"""Random combinations of options, against an independent program.

Every combination of family, link, gate, groups, weights, offset and constraints is
fitted, and checked by `independent`, which shares no code with the package.
"""

import warnings

import independent
import numpy as np
import pytest
from combinations import combination
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.exceptions import ConvergenceWarning

SEEDS = range(60)
# Scales below this are at the limit of their family, where counts are Poisson.
AT_LIMIT = 2e-6


def fitted(seed):
    """The combination of a seed; whether its maximum is proven is not the question."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return combination(seed)


@pytest.fixture(params=SEEDS, scope="module")
def combined(request):
    return fitted(request.param)


@pytest.fixture
def proven(combined):
    if not combined.model.converged_:
        pytest.skip("no maximum is claimed")
    return combined


def objective(combined):
    """Log-likelihood of free parameters (..., m), their estimates and standard errors.

    Scales at the limit of their family stay there. The errors are marginal ones, from
    the diagonal of the information.
    """
    inner = inner_directions(combined)
    at = combined.space.free(combined.estimate())

    def function(free):
        whole = np.broadcast_to(at, (*free.shape[:-1], len(at))).copy()
        whole[..., inner] = free
        return combined.data.log_likelihood(combined.space.values(whole))

    second = independent.hessian(function, at[inner], 1e-3)
    return function, at[inner], 1 / np.sqrt(-np.diag(second))


def inner_directions(combined):
    """Free parameters (m,) that are no scale at the limit of its family."""
    limit = combined.model.scale_ < AT_LIMIT
    return np.array([not (one.log_scale * limit).any() for one in combined.space.basis])


def test_the_reported_log_likelihood_is_the_independent_one(combined):
    theirs = combined.data.log_likelihood(combined.estimate())
    assert_allclose(combined.model.log_likelihood_, theirs, rtol=1e-8)
    data, model = combined.data, combined.model
    assert_allclose(
        model.log_likelihood(data.X, data.y, **combined.given), theirs, rtol=1e-10
    )


def test_memberships_are_the_independent_posterior(combined):
    data, given = combined.data, dict(combined.given)
    del given["sample_weight"]
    ours = combined.model.predict_proba(data.X, data.y, **given)
    theirs = data.posterior(combined.estimate())[data.group]
    assert_allclose(ours, theirs, atol=1e-9)


def test_the_estimate_obeys_its_constraints_and_their_number(combined):
    ours = combined.estimate()
    theirs = combined.space.values(combined.space.free(ours))
    for one, other in zip(ours, theirs, strict=True):
        assert_allclose(one, other, atol=1e-9)
    assert combined.model.n_parameters_ == len(combined.space.basis)


def test_the_independent_gradient_vanishes_at_a_proven_maximum(proven):
    function, at, error = objective(proven)
    slope = error * independent.gradient(function, at, 0.002 * error)
    assert np.abs(slope).max() < 1e-5
    information = -independent.hessian(function, at, 0.002 * error)
    information *= np.outer(error, error)
    assert np.linalg.eigvalsh(information)[0] > 0
    # Twice the Newton decrement.
    assert slope @ np.linalg.solve(information, slope) < 1e-7


def test_the_likelihood_falls_from_a_scale_at_its_limit(proven):
    limit = np.flatnonzero(~inner_directions(proven))
    at = proven.space.free(proven.estimate())
    for place in limit:
        moved = at.copy()
        moved[place] = np.log(1e-3)
        values = proven.data.log_likelihood(proven.space.values(np.array([at, moved])))
        assert values[1] <= values[0] + 1e-9


def test_a_search_nearby_does_not_climb_above_a_proven_maximum(proven):
    function, at, error = objective(proven)
    ours, rng = proven.model.log_likelihood_, np.random.default_rng(0)
    for errors in (0.0, 0.5):
        start = at + errors * error * rng.normal(size=len(at))
        assert independent.highest(function, start) < ours + 1e-4


def test_most_combinations_are_proven_and_some_have_a_scale_at_its_limit():
    all_of_them = [fitted(seed) for seed in SEEDS]
    proven = [each for each in all_of_them if each.model.converged_]
    assert len(proven) >= 45
    assert any(not inner_directions(each).all() for each in proven)


@pytest.mark.parametrize(
    ("family", "theirs"),
    [
        ("gaussian", lambda y, mu, s: stats.norm(mu, s).logpdf(y)),
        ("poisson", lambda y, mu, s: stats.poisson(mu).logpmf(y)),
        (
            "negative_binomial",
            lambda y, mu, s: stats.nbinom(s**-2, 1 / (1 + mu * s**2)).logpmf(y),
        ),
        ("gamma", lambda y, mu, s: stats.gamma(s**-2, scale=mu * s**2).logpdf(y)),
        (
            "inverse_gaussian",
            lambda y, mu, s: stats.invgauss(mu * s**2, scale=s**-2).logpdf(y),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_independent_densities_are_those_of_scipy(family, theirs):
    y, mean, scale = np.arange(1.0, 9), np.array([0.7, 3.0, 6.0]), 0.4
    eta, phi = np.tile(mean, (8, 1)), np.full((1, 3), scale)
    ours = independent.log_density(family, "identity", y, eta, phi)
    assert_allclose(ours, theirs(y[:, None], mean, scale), rtol=1e-9)


def test_the_independent_densities_of_shares_are_those_of_scipy():
    share, trials = np.array([0.2, 0.6]), np.full(5, 7)
    eta, phi = np.tile(np.log(share / (1 - share)), (5, 1)), np.full((1, 2), 0.4)
    y = np.arange(5.0)
    ours = independent.log_density("binomial", "logit", y, eta, phi, trials)
    assert_allclose(ours, stats.binom(7, share).logpmf(y[:, None]), rtol=1e-9)
    y = np.linspace(0.1, 0.9, 5)
    ours = independent.log_density("beta", "logit", y, eta, phi)
    a, b = share / 0.16, (1 - share) / 0.16
    assert_allclose(ours, stats.beta(a, b).logpdf(y[:, None]), rtol=1e-9)
