"""Random combinations of options, against an independent program.

Every combination of family, link, gate, groups, weights, offset and constraints is
fitted, and checked by `independent`, which shares no code with the package.
"""

import warnings

import independent
import numpy as np
import pytest
from combinations import FIRST_SHAPED, combination
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.exceptions import ConvergenceWarning

SEEDS = range(FIRST_SHAPED + 12)
# Scales below this are at the limit of their family, where counts are Poisson, and
# further numbers outside of these, where errors are normal or no zero is for sure.
AT_LIMIT, BETWEEN = 2e-6, (2e-12, 5e11)


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
    """Free parameters (m,) that are no constant at the limit of its family."""
    low, high = BETWEEN
    scales = combined.model.scale_ < AT_LIMIT
    shapes = (combined.shape < low) | (combined.shape > high)
    limited = (
        (one.log_scale * scales).any() or (one.log_shape * shapes).any()
        for one in combined.space.basis
    )
    return ~np.array(list(limited))


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


def test_the_likelihood_falls_from_a_constant_at_its_limit(proven):
    limit = np.flatnonzero(~inner_directions(proven))
    at = proven.space.free(proven.estimate())
    for place in limit:
        moved = at.copy()
        moved[place] = np.log(1e-3 if at[place] < 0 else 1e3)
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
    parts = all_of_them[:FIRST_SHAPED], all_of_them[FIRST_SHAPED:]
    for part, least in zip(parts, (45, 6), strict=True):
        proven = [each for each in part if each.model.converged_]
        assert len(proven) >= least
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


def test_the_independent_densities_with_a_further_number_are_those_of_scipy():
    mean, phi, df = np.array([[0.7, 3.0]]), np.array([[0.4, 1.2]]), np.array([[3.0, 9]])
    y = np.linspace(-4, 9, 7)
    ours = independent.log_density("student_t", "identity", y, mean, phi, df)
    assert_allclose(ours, stats.t(df, mean, phi).logpdf(y[:, None]), rtol=1e-9)
    time = np.geomspace(0.1, 30, 6)
    bounds = np.column_stack([time, np.where(np.arange(6) % 2, time, np.inf)])
    ours = independent.log_density("weibull", "identity", bounds, mean, phi)
    theirs = stats.weibull_min(1 / phi, scale=np.exp(mean))
    exact = np.arange(6)[:, None] % 2 == 1
    expected = np.where(
        exact, theirs.logpdf(time[:, None]), theirs.logsf(time[:, None])
    )
    assert_allclose(ours, expected, rtol=1e-9)
    y, share = np.arange(5.0), np.array([[0.2, 0.6]])
    ours = independent.log_density(
        "zero_inflated_poisson", "log", y, np.log(mean), phi, share
    )
    expected = share * (y[:, None] == 0)
    expected = expected + (1 - share) * stats.poisson(mean).pmf(y[:, None])
    assert_allclose(np.exp(ours), expected, rtol=1e-9)
