"""Families: one contract for all, and what is peculiar to each."""

import numpy as np
import pytest
from outside_families import FreeStudentT, ZeroInflatedPoisson
from outside_families import StudentT as OutsideStudentT
from scipy import optimize, special, stats

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn._engine.mixture import Mixture
from mixreg_sklearn._engine.params import Params
from mixreg_sklearn._engine.regressions import Regressions
from mixreg_sklearn._engine.rows import ArrayRows
from mixreg_sklearn._engine.sharing import Separate
from mixreg_sklearn._engine.sources import Stored
from mixreg_sklearn.families import (
    Constant,
    Family,
    Gaussian,
    Local,
    Predictor,
    Support,
    check_family,
)
from mixreg_sklearn.families._beta import Beta
from mixreg_sklearn.families._binomial import Binomial
from mixreg_sklearn.families._gamma import Gamma
from mixreg_sklearn.families._inverse_gaussian import InverseGaussian
from mixreg_sklearn.families._links import Log, Probit, resolve_link
from mixreg_sklearn.families._negative_binomial import NegativeBinomial
from mixreg_sklearn.families._poisson import Poisson
from mixreg_sklearn.families._scales import ScaleRule
from mixreg_sklearn.families._special import excess, excess_bend, excess_slope
from mixreg_sklearn.families._student_t import StudentT
from mixreg_sklearn.predictive import MixtureDistribution

SHARE = {"scale": (0.2, 0.35)}
ANY = (-1.0, 0.3, 1.2)
ABOVE_ZERO = (0.4, 1.0, 2.5)
AROUND_HALF = (-0.9, -0.3, 0.2)

POSITIVE_LINKS = ("log", "identity", "inverse")
SHARE_LINKS = ("logit", "probit", "cloglog")

CONTRACTS = [(Gaussian(), ANY, {}), (StudentT(df=5), ANY, {})]
for link in POSITIVE_LINKS:
    eta = ANY if link == "log" else ABOVE_ZERO
    CONTRACTS += [
        (Poisson(link=link), eta, {}),
        (NegativeBinomial(link=link), eta, {}),
        (Gamma(link=link), eta, {}),
        (InverseGaussian(link=link), eta, {}),
    ]
for link in SHARE_LINKS:
    CONTRACTS += [
        (Binomial(link=link), ANY, {"support": (0, 1)}),
        (Binomial(link=link), ANY, {"support": (0, 7), "trials": 7}),
        (Beta(link=link), AROUND_HALF, SHARE),
    ]
FAMILIES = [family for family, _, options in CONTRACTS if "trials" not in options]
UNRESTRICTED = [f for f in FAMILIES if getattr(f, "link", "") not in POSITIVE_LINKS[1:]]
RESTRICTED = [f for f in FAMILIES if getattr(f, "link", "") in POSITIVE_LINKS[1:]]


def name(value):
    return repr(value) if hasattr(value, "get_params") else ""


@pytest.mark.parametrize(("family", "eta", "options"), CONTRACTS, ids=name)
def test_every_family_keeps_the_contract(family, eta, options):
    check_family(family, eta, **options)


class WrongVariance(Gaussian):
    def variance(self, eta, scale):
        return super().variance(eta, scale) * 1.001


class WrongMixedDerivative(Gaussian):
    def derivatives(self, y, eta, scale):
        at = super().derivatives(y, eta, scale)
        return at._replace(eta_scale=at.eta_scale * 1.0001)


class WrongInformation(Poisson):
    def evaluate(self, y, eta, scale, log_prior):
        at = super().evaluate(y, eta, scale, log_prior)
        return at._replace(raw_information=at.raw_information * 1.0001)


class WrongConstant(Gamma):
    def log_density(self, y, eta, scale):
        return super().log_density(y, eta, scale) + 1e-6


class WrongScore(Beta):
    def evaluate(self, y, eta, scale, log_prior):
        at = super().evaluate(y, eta, scale, log_prior)
        return at._replace(raw_score=at.raw_score + 1e-4)


class WrongQuantile(Poisson):
    def quantile(self, u, eta, scale):
        return super().quantile(u, eta, scale) + 1


class WrongSample(Gamma):
    def sample(self, eta, scale, rng):
        return super().sample(eta, scale * 1.05, rng)


class WrongUpdate(InverseGaussian):
    def update_scale(self, scale, weight, statistic, gain, rule):
        return super().update_scale(scale, weight, statistic, gain, rule) * 1.0001


class WrongSupport(Poisson):
    support = Support(0)


class WrongDomain(Gaussian):
    def outside(self, eta):
        return eta > 2

    def log_density(self, y, eta, scale):
        return self.log_kernel(y, eta, scale)


@pytest.mark.parametrize(
    ("family", "options", "promise"),
    [
        (WrongVariance(), {}, "variance"),
        (WrongMixedDerivative(), {}, "bend of mean and scale"),
        (WrongInformation(), {}, "information"),
        (WrongConstant(), {}, "log_density of local"),
        (WrongScore(), SHARE, "score"),
        (WrongQuantile(), {}, "quantile"),
        (WrongSample(), {}, "sample"),
        (WrongUpdate(), {}, "update_constants"),
        (WrongSupport(), {}, "whole"),
        (WrongDomain(), {}, "zero outside"),
    ],
    ids=name,
)
def test_the_contract_finds_what_is_wrong(family, options, promise):
    with pytest.raises(AssertionError, match=promise):
        check_family(family, AROUND_HALF, **options)


# Families of few methods --------------------------------------------------------------


class Plain(Family):
    """The gaussian family by the methods that have no default."""

    units, initial = Gaussian.units, Gaussian.initial
    derivatives, sample = Gaussian.derivatives, Gaussian.sample
    mean, variance = Gaussian.mean, Gaussian.variance

    def information(self, eta, scale):
        return scale**-2.0


class LogNormal(Plain):
    units = Family.units
    sample = Family.sample

    def admits(self, y):
        return y > 0

    def base(self, y):
        return -np.log(y)

    def initial(self, y):
        return np.log(y)

    def derivatives(self, y, eta, scale):
        return super().derivatives(np.log(y), eta, scale)

    def mean(self, eta, scale):
        return np.exp(eta + scale**2 / 2)

    def variance(self, eta, scale):
        return np.expm1(scale**2) * self.mean(eta, scale) ** 2

    def quantile(self, u, eta, scale):
        return np.exp(Gaussian().quantile(u, eta, scale))


def test_families_of_few_methods_keep_the_contract():
    check_family(Plain(), ANY)
    check_family(LogNormal(), ANY, support=(0, np.inf))


def two_groups():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    eta = np.where(rng.random(200) < 0.4, 2.0 + X[:, 0], -1.0 - X[:, 1])
    return X, eta + 0.3 * rng.normal(size=200)


@pytest.mark.parametrize("shared_scale", [False, True])
def test_a_family_of_few_methods_has_the_estimate_of_the_full_one(shared_scale):
    X, y = two_groups()
    options = {"shared_scale": shared_scale, "random_state": 0}
    theirs = MixtureRegressor(2, **options).fit(X, y)
    for family, response, gain in (
        (Plain(), y, 0.0),
        (LogNormal(), np.exp(y), -y.sum()),
    ):
        ours = MixtureRegressor(2, family=family, **options).fit(X, response)
        assert ours.converged_
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)
        np.testing.assert_allclose(ours.scale_, theirs.scale_, rtol=1e-5)
        for loglik in (ours.log_likelihood_, ours.log_likelihood(X, response)):
            np.testing.assert_allclose(loglik, theirs.log_likelihood_ + gain)
        tau = ours.predict_proba(X, response)
        np.testing.assert_allclose(tau, theirs.predict_proba(X, y), atol=1e-4)


def test_what_a_family_does_not_admit_is_named():
    with pytest.raises(ValueError, match=r"LogNormal does not admit 0\.0"):
        MixtureRegressor(1, family=LogNormal()).fit(np.ones((3, 1)), [1.0, 0.0, -1.0])
    assert LogNormal().log_density(np.array([-1.0, 0.0]), 0.0, 1.0).tolist() == [
        -np.inf,
        -np.inf,
    ]


def test_what_a_family_lacks_is_named():
    for method, arguments in (("cdf", (0.0, 0.0, 1.0)), ("quantile", (0.5, 0.0, 1.0))):
        with pytest.raises(NotImplementedError, match=f"Plain has no {method}"):
            getattr(Plain(), method)(*arguments)
    incomplete = type("Incomplete", (Plain,), {"information": Family.information})
    with pytest.raises(NotImplementedError, match="Incomplete has no information"):
        incomplete().evaluate(np.zeros(2), np.zeros((1, 2)), np.ones((1, 1)), 0.0)


# Families of any number of predictors and constants -----------------------------------

TWO_CONSTANTS = {"eta": [-1.0, 0.5], "scale": [(0.3, 5.0), (0.6, 9.0)]}
TWO_PREDICTORS = {"eta": [(0.3, -1.0), (1.2, 0.4)]}
OUTSIDE = [
    (OutsideStudentT(), {"eta": ANY}),
    (FreeStudentT(), TWO_CONSTANTS),
    (ZeroInflatedPoisson(), TWO_PREDICTORS),
]


@pytest.mark.parametrize(("family", "options"), OUTSIDE, ids=name)
def test_families_of_any_shape_keep_the_contract(family, options):
    check_family(family, **options)


class WrongNone(ZeroInflatedPoisson):
    def local(self, y, eta, scale):
        at = super().local(y, eta, scale)
        return at._replace(bend=(at.bend[0], None, at.bend[2]))


class WrongSecondInformation(ZeroInflatedPoisson):
    def information(self, eta, scale):
        return super().information(eta, scale) * [[[1.0]], [[1.0001]]]


class WrongSecondUpdate(FreeStudentT):
    def update_constants(self, constants, weight, statistic, gain, rules):
        new = super().update_constants(constants, weight, statistic, gain, rules)
        return new * [1.0, 1.0001]


class WrongSecondSlope(FreeStudentT):
    def local(self, y, eta, scale):
        at = super().local(y, eta, scale)
        return at._replace(slope=(*at.slope[:2], at.slope[2] * 1.0001))


@pytest.mark.parametrize(
    ("family", "options", "promise"),
    [
        (WrongNone(), TWO_PREDICTORS, "bend of mean and zero"),
        (WrongSecondInformation(), TWO_PREDICTORS, "information"),
        (WrongSecondUpdate(), TWO_CONSTANTS, "update_constants"),
        (WrongSecondSlope(), TWO_CONSTANTS, "slope of df"),
    ],
    ids=name,
)
def test_the_contract_finds_what_is_wrong_in_any_coordinate(family, options, promise):
    with pytest.raises(AssertionError, match=promise):
        check_family(family, **options)


def test_points_of_the_contract_have_a_number_for_each_coordinate():
    with pytest.raises(ValueError, match=r"scale has shape \(2,\).*\(points, 2\)"):
        check_family(FreeStudentT(), [0.0])
    with pytest.raises(ValueError, match=r"eta has shape \(1, 3\).*\(points, 2\)"):
        check_family(ZeroInflatedPoisson(), [(0.0, 1.0, 2.0)])


def test_named_derivatives_are_coordinates():
    y, eta, scale = np.array([0.2, 1.5]), np.zeros((1, 2)), np.ones((1, 1))
    at = Gaussian().derivatives(y, eta, scale)
    ours = Gaussian().local(y, eta, scale)
    bend = at.eta_eta, at.eta_scale, at.scale_scale
    expected = Local(at.log_density, (at.eta, at.scale), bend)
    for mine, other in zip(ours, expected, strict=True):
        np.testing.assert_array_equal(mine, other)
    counts = Poisson().local(np.array([0.0, 2.0]), eta, None)
    assert len(counts.slope) == len(counts.bend) == 1


def test_constants_stay_within_their_bounds():
    new = FreeStudentT().update_constants(
        np.array([[[0.5, 9e5]]]),
        np.array([[10.0]]),
        np.array([[[0.0, -1.0, 5.0, -1.0]]]),
        np.zeros((1, 1, 1)),
        (ScaleRule(), ScaleRule()),
    )
    np.testing.assert_allclose(new, [[[0.5, 1e6]]])


def test_the_short_form_declares_a_scale():
    counts = type("Counts", (Plain,), {"n_scale": 0})
    bounded = type("Bounded", (Plain,), {"bounded": True, "least_scale": 0.1})
    assert Plain().constants == (Constant("scale", collapses=True),)
    assert counts().constants == ()
    assert bounded().constants == (Constant("scale", lower=0.1),)
    assert Plain().predictors == (Predictor("mean"),)


class AtLeastOne(Gamma):
    """One more than a gamma response: no value below one, not even one half."""

    support = Support(1)

    def log_density(self, y, eta, scale):
        return Gamma(self.link).log_density(np.subtract(y, 1), eta, scale)

    def mean(self, eta, scale):
        return 1 + super().mean(eta, scale)

    def cdf(self, y, eta, scale):
        return super().cdf(np.subtract(y, 1), eta, scale)

    def quantile(self, u, eta, scale):
        return 1 + super().quantile(u, eta, scale)


def test_the_support_says_whether_a_response_is_continuous():
    eta, weights = np.array([[0.1, 1.0], [0.5, -0.3]]), [[0.3, 0.7], [0.6, 0.4]]
    mixture = MixtureDistribution(AtLeastOne(), eta, [0.4, 0.6], weights)
    np.testing.assert_allclose(mixture.cdf(mixture.quantile(0.5)), 0.5, rtol=1e-9)


def test_a_possible_response_lies_within_every_support():
    for support in (
        *(Support(), Support(0), Support(-np.inf, -3), Support(-np.inf, 5)),
        *(Support(0, 1), Support(0, 1, True), Support(3, np.inf, True)),
    ):
        assert support.admits(support.inner)


# Agreement with scipy.stats -----------------------------------------------------------


def scipy_gamma(mu, phi):
    return stats.gamma(phi**-2, scale=mu * phi**2)


def scipy_inverse_gaussian(mu, phi):
    return stats.invgauss(mu * phi**2, scale=phi**-2)


def scipy_negative_binomial(mu, phi):
    return stats.nbinom(phi**-2, 1 / (1 + phi**2 * mu))


def scipy_beta(mu, phi):
    return stats.beta(mu * phi**-2, (1 - mu) * phi**-2)


@pytest.mark.parametrize("eta", [-1.3, 0.4, 1.1])
@pytest.mark.parametrize("scale", [0.15, 0.7, 1.8])
@pytest.mark.parametrize(
    ("family", "reference"),
    [
        (Gaussian(), stats.norm),
        (Poisson(), lambda mu, phi: stats.poisson(mu)),
        (Gamma(), scipy_gamma),
        (InverseGaussian(), scipy_inverse_gaussian),
        (NegativeBinomial(), scipy_negative_binomial),
        (Beta(), scipy_beta),
        (Beta(link="cloglog"), scipy_beta),
    ],
    ids=name,
)
def test_distributions_are_those_of_scipy(family, reference, eta, scale):
    mu = family.mean(eta, scale)
    law = reference(mu, scale)
    u = np.array([0.001, 0.2, 0.5, 0.9, 0.999])
    if isinstance(family, Beta):
        u = u[law.ppf(u) < 1 - 1e-9]  # nearer to 1, 1 - y has no digits left
    y = law.ppf(u)
    log_density = getattr(law, "logpdf", None)
    if isinstance(law.dist, stats.rv_discrete):
        log_density = law.logpmf
    np.testing.assert_allclose(family.log_density(y, eta, scale), log_density(y), 1e-9)
    np.testing.assert_allclose(family.cdf(y, eta, scale), law.cdf(y), 1e-9)
    np.testing.assert_allclose(family.quantile(u, eta, scale), y, 1e-7)
    np.testing.assert_allclose(mu, law.mean(), 1e-10)
    np.testing.assert_allclose(family.variance(eta, scale), law.var(), 1e-10)


@pytest.mark.parametrize("link", SHARE_LINKS)
def test_binomial_is_that_of_scipy(link):
    family, trials, eta = Binomial(link=link), 12, 0.3
    law = stats.binom(trials, family.mean(eta, None))
    y, u = np.arange(13.0), np.array([0.0001, 0.3, 0.8, 0.999])
    target = family.target(y, trials=np.full(13, 12))
    np.testing.assert_allclose(family.log_density(target, eta, None), law.logpmf(y))
    np.testing.assert_allclose(family.cdf(y, eta, None, trials=12), law.cdf(y))
    np.testing.assert_array_equal(family.quantile(u, eta, None, trials=12), law.ppf(u))
    np.testing.assert_allclose(family.variance(eta, None, trials=12), law.var())


# Far out ------------------------------------------------------------------------------


def responses(family):
    """A few responses at and near the edges of the family's range, as its target."""
    if isinstance(family, Binomial):
        return family.target(np.array([0.0, 3, 9]), trials=np.full(3, 9))
    if isinstance(family, Beta):
        return np.array([1e-12, 0.3, 1 - 1e-12])
    if isinstance(family, Poisson | NegativeBinomial):
        return np.array([0.0, 3, 1e5])
    return np.array([1e-8, 1.0, 1e5])


@pytest.mark.parametrize("family", UNRESTRICTED, ids=name)
def test_wild_predictors_leave_everything_finite(family):
    eta = np.array([-1e8, -800, -210, -30, -5, 0, 5, 30, 210, 800, 1e8])[:, None]
    y = responses(family)
    for scale in (1e-3, 1.0, 30.0):
        full = np.repeat(eta, 3, axis=1)
        at = family.local(y, full, np.full_like(eta, scale))
        for values in (at.log_density, *at.slope, *at.bend):
            assert np.isfinite(values).all()
        fast = family.evaluate(y, full.copy(), np.full_like(eta, scale), 0.0)
        for values in (fast.log_joint, fast.raw_score, *fast.statistic):
            assert np.isfinite(values).all()
        assert np.all(fast.raw_information >= 0)
        np.testing.assert_allclose(fast.log_joint, at.log_density, 1e-9, 1e-9)


def test_wild_predictors_leave_zero_inflated_counts_finite():
    grid = np.array([-1e8, -800, -210, -30, -5, 0, 5, 30, 210, 800, 1e8])
    eta = np.stack([part.ravel() for part in np.meshgrid(grid, grid)])[:, :, None]
    y, family = np.array([0.0, 1, 5, 1e5]), ZeroInflatedPoisson()
    at = family.local(y, eta, np.ones((1, 1)))
    for values in (at.log_density, *at.slope, *at.bend):
        assert np.isfinite(values).all()
    assert (family.information(eta, np.ones((1, 1))) >= 0).all()


@pytest.mark.parametrize("family", RESTRICTED, ids=name)
def test_without_a_positive_mean_the_density_is_zero(family):
    y, scale = responses(family), np.array([[0.5]])
    eta = np.array([[-2.0, 0.0, -1e9]])
    assert family.outside(eta).all()
    at = family.evaluate(y, eta.copy(), scale, 0.0)
    slopes = family.derivatives(y, eta, scale)
    for values in (at.log_joint, *at.statistic, *slopes):
        assert np.isfinite(values).all()
    for values in (at.raw_score, at.raw_information, slopes.eta, slopes.eta_eta):
        assert (values == 0).all()
    assert np.isneginf(family.log_density(y, eta, scale)).all()
    assert np.isnan(family.variance(eta, scale)).all()
    assert np.isnan(family.cdf(1.0, eta, scale)).all()
    assert np.isnan(family.quantile(0.5, eta, scale)).all()
    assert np.isnan(family.sample(eta, scale, np.random.default_rng(0))).all()


@pytest.mark.parametrize("link", SHARE_LINKS)
def test_probabilities_are_not_clipped(link):
    family = Binomial(link=link)
    eta = np.array([-30.0, -8.0])
    success = family.log_density(np.ones((2, 2)), eta, None)
    expected = stats.norm.logcdf(eta) if link == "probit" else eta
    np.testing.assert_allclose(success, expected, rtol=1e-4)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_gamma_excess_obeys_its_recurrence(order):
    function = (excess, excess_slope, excess_bend)[order]
    x = np.concatenate([np.geomspace(1e-3, 9.99, 40), np.geomspace(10, 1e3, 40)])
    rise = (
        (x + 1) * np.log1p(1 / x) - 1,
        np.log1p(1 / x) - 1 / x,
        1 / (x * x * (x + 1)),
    )[order]
    np.testing.assert_allclose(
        function(x + 1) - function(x), rise, rtol=1e-12, atol=2e-14
    )


def test_gamma_excess_is_exact():
    # Harmonic numbers at 1, Stirling's leading terms far out.
    gamma = np.euler_gamma
    values = [f(1.0) for f in (excess, excess_slope, excess_bend)]
    np.testing.assert_allclose(values, [-1, gamma, 1 - np.pi**2 / 6], rtol=1e-14)
    x = 1e9
    values = [f(x) for f in (excess, excess_slope, excess_bend)]
    expected = [
        0.5 * np.log(x / (2 * np.pi)) - 1 / (12 * x),
        1 / (2 * x) + 1 / (12 * x**2),
        -1 / (2 * x**2) - 1 / (6 * x**3),
    ]
    np.testing.assert_allclose(values, expected, rtol=1e-15)


@pytest.mark.parametrize("family", [Gamma(), InverseGaussian(), Beta()], ids=name)
def test_concentrated_densities_are_normal_densities(family):
    z, scale, eta = np.array([-1.5, 0.2, 2.0]), 1e-6, 0.3
    mean, sd = family.mean(eta, scale), np.sqrt(family.variance(eta, scale))
    normal = stats.norm.logpdf(z) - np.log(sd)
    density = family.log_density(mean + z * sd, eta, scale)
    np.testing.assert_allclose(density, normal, atol=1e-5)
    np.testing.assert_allclose(
        family.cdf(mean + z * sd, eta, scale), stats.norm.cdf(z), atol=1e-5
    )


def test_negative_binomial_without_dispersion_is_poisson():
    y, eta = np.arange(40.0), np.linspace(-1, 3, 5)[:, None]
    poisson = Poisson().log_density(y, eta, None)
    for scale in (1e-5, 1e-8, 1e-16):
        density = NegativeBinomial().log_density(y, eta, scale)
        np.testing.assert_allclose(density, poisson, rtol=1e-6, atol=1e-11)
    slopes = NegativeBinomial().derivatives(y, eta, np.full((5, 1), 1e-6))
    mu = np.exp(eta)
    # d log f / d phi^2 = ((y - mu)^2 - y) / 2 at phi = 0.
    np.testing.assert_allclose(slopes.scale, 1e-12 * ((y - mu) ** 2 - y), 1e-3, 1e-15)


# Sums over rows -----------------------------------------------------------------------


@pytest.mark.parametrize("family", UNRESTRICTED, ids=name)
def test_sums_over_rows_contain_the_whole_density(family):
    rng = np.random.default_rng(0)
    n, n_components, p = 60, 2, 3
    Z, weight = 0.3 * rng.normal(size=(p, n)), rng.uniform(0.5, 2, n)
    trials = {"trials": np.full(n, 9.0)} if isinstance(family, Binomial) else {}
    y = family.sample(0.2 + Z[0], np.full(n, 0.3), rng, **trials)
    y = family.target(y, **trials)
    params = Params(
        rng.normal(size=(1, n_components, p)),
        np.full((1, n_components, len(family.constants)), 0.4),
        np.log([[[0.3], [0.7]]]),
    )
    rows = ArrayRows([Stored(Z)], y, weight, base=family.base(y), block_size=25)
    assert len(list(rows.scan(lambda params, block: block, None))) == 3
    chosen = rng.permutation(n)[:40]
    model = Mixture(Regressions(family, [Separate(n_components, p)]))
    for some, index in (
        (rows, slice(None)),
        (rows.sample(chosen, weight[:40]), chosen),
    ):
        eta = params.coef[0] @ Z[:, index]
        scale = params.constants[0] if family.constants else 1.0
        density = family.log_density(y[..., index], eta, scale)
        joint = density + params.logits[0]
        expected = some.whole().weight @ np.logaddexp.reduce(joint, axis=0)
        for verb in (model.summarize, model.curvature):
            loglik = some.sum(verb, params).loglik
            np.testing.assert_allclose(loglik, [expected], rtol=1e-10)


@pytest.mark.parametrize("family", [Poisson(), NegativeBinomial()], ids=name)
def test_large_counts_are_as_good_as_small_ones(family):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 1))
    eta = np.where(rng.random(300) < 0.4, 12.0 + 0.5 * X[:, 0], 9.0 - 0.4 * X[:, 0])
    y = family.sample(eta, np.full(300, 0.3), rng)
    model = MixtureRegressor(2, family=family, random_state=0).fit(X, y)
    assert model.converged_
    np.testing.assert_allclose(model.intercept_, [9.0, 12.0], atol=0.1)
    np.testing.assert_allclose(model.log_likelihood(X, y), model.log_likelihood_)


# Updates of the scale -----------------------------------------------------------------


def gamma_root(weight, deviance, strength=0.0, target=1.0):
    """Squared dispersion by bracketing, from the digamma function itself."""

    def slope(log_shape):
        a = np.exp(log_shape)
        likelihood = weight * (log_shape - special.digamma(a)) - deviance / 2
        return likelihood + 0.5 * strength * (1 / a - target) / (1 + a * target)

    return np.exp(-optimize.brentq(slope, -30, 20, xtol=1e-13))


def update_gamma(weight, deviance, **rule):
    weight, deviance = np.atleast_2d(weight), np.atleast_2d(deviance)
    scale = np.full(weight.shape, 0.7)
    rule = ScaleRule(**rule)
    new = Gamma().update_scale(scale, weight, deviance[..., None], None, rule)
    return new**2


def test_gamma_update_is_the_root_in_one_call():
    deviance = np.array([1e-3, 1.0, 30.0, 800.0, 1e4])
    weight = np.array([30.0, 2.0, 90.0, 10.0, 1.0])
    expected = [gamma_root(w, d) for w, d in zip(weight, deviance, strict=True)]
    np.testing.assert_allclose(update_gamma(weight, deviance)[0], expected, rtol=1e-8)


def test_gamma_updates_end_at_the_maximum_of_the_penalized_likelihood():
    weight, deviance = np.array([[30.0, 5.0]]), np.array([[8.0, 2.0]])
    rule, scale = ScaleRule(strength=1.0, target=0.4), np.full((1, 2), 0.7)
    for _ in range(200):
        scale = Gamma().update_scale(scale, weight, deviance[..., None], None, rule)
    expected = [gamma_root(30, 8, 1, 0.4), gamma_root(5, 2, 1, 0.4)]
    np.testing.assert_allclose(scale[0] ** 2, expected, rtol=1e-8)


def test_gamma_update_of_perfect_fits_reaches_the_floor():
    new = update_gamma([30.0, 5.0], [0.0, 1e-40], floor=1e-9)
    np.testing.assert_allclose(new, 1e-9)
    assert (update_gamma([30.0], [0.0]) > 0).all()


def test_perfect_fits_leave_a_scale():
    for family in (Gamma(), InverseGaussian()):
        new = family.update_scale(
            np.ones((1, 2)), np.ones((1, 2)), np.zeros((1, 2, 1)), 0, ScaleRule()
        )
        assert (new > 0).all()


def test_gamma_update_bounds_and_ties_variances():
    weight, deviance = [[30.0, 10.0]] * 2, [[40.0, 1e-5]] * 2
    pooled = gamma_root(40, 40 + 1e-5)
    new = update_gamma(weight, deviance, ratio=0.01)
    np.testing.assert_allclose(new[:, 1], 0.01 * pooled)
    np.testing.assert_allclose(new[:, 0], gamma_root(30, 40))
    np.testing.assert_allclose(update_gamma(weight, deviance, tied=True), pooled)
    some = update_gamma(weight, deviance, tied=np.array([[True], [False]]))
    np.testing.assert_allclose(some[0], pooled)
    np.testing.assert_allclose(some[1], [gamma_root(30, 40), gamma_root(10, 1e-5)])


@pytest.mark.parametrize("family", [f for f in UNRESTRICTED if f.constants], ids=name)
def test_a_component_without_rows_keeps_its_scale(family):
    y = responses(family)[1:2]
    scale = np.array([[0.5, 0.3]])
    at = family.evaluate(y, np.zeros((2, 1)), scale.T, 0.0)
    statistic = np.stack([s[:, 0] for s in at.statistic], axis=-1)[None]
    weight = np.array([[10.0, 0.0]])
    new = family.update_scale(
        scale, weight, statistic * weight[..., None], np.zeros((1, 2)), ScaleRule()
    )
    assert new[0, 1] == 0.3
    assert np.isfinite(new).all()


@pytest.mark.parametrize("family", [NegativeBinomial(), Beta()], ids=name)
def test_newton_update_maximizes_the_penalized_likelihood(family):
    rng = np.random.default_rng(0)
    y = family.sample(np.full(200, 0.3), 0.4, rng)
    rule = ScaleRule(strength=20.0, target=0.5)
    scale = np.array([[2.0, 0.05]])
    for _ in range(60):
        at = family.evaluate(y, np.full((2, 200), 0.3), scale.T, 0.0)
        statistic = np.stack([s.sum(axis=1) for s in at.statistic], axis=-1)[None]
        scale = family.update_scale(scale, np.full((1, 2), 200.0), statistic, 0, rule)

    def loss(log_scale):
        phi = np.exp(log_scale)
        penalty = rule.penalty(np.array([[phi]]))[0]
        return -family.log_density(y, 0.3, phi).sum() - penalty

    best = optimize.minimize_scalar(loss, bounds=(-4, 3), options={"xatol": 1e-9})
    np.testing.assert_allclose(scale[0], np.exp(best.x), rtol=1e-6)


def test_underdispersed_counts_lead_to_the_floor():
    family, y = NegativeBinomial(), np.repeat([2.0, 3.0], 50)
    scale, rule = np.array([[1.0]]), ScaleRule(floor=1e-6)
    for _ in range(60):
        at = family.evaluate(y, np.full((1, 100), np.log(2.5)), scale, 0.0)
        statistic = np.array([[[s.sum() for s in at.statistic]]])
        scale = family.update_scale(scale, np.array([[100.0]]), statistic, 0, rule)
    np.testing.assert_allclose(scale, 1e-3)


# Bad input ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "y", "message"),
    [
        (Poisson(), [1, -1.0], r"poisson family needs y >= 0; got min -1\.0"),
        (Poisson(), [1, 2.5], r"poisson family needs whole numbers y; got 2\.5"),
        (NegativeBinomial(), [1, -1.0], "negative binomial family needs y >= 0"),
        (NegativeBinomial(), [0.5], "needs whole numbers"),
        (Binomial(), [0.5], "binomial family needs whole numbers"),
        (Gamma(), [1, 0.0], r"gamma family needs y > 0; got min 0\.0"),
        (InverseGaussian(), [1, -2.0], r"inverse gaussian family needs y > 0"),
        (Beta(), [0.5, 1.0], "beta family needs 0 < y < 1, and .* exactly 0 or 1"),
        (Beta(), [0.5, 0.0], "beta family needs 0 < y < 1, and .* exactly 0 or 1"),
        (Beta(), [0.5, 1.2], r"beta family needs 0 < y < 1; got max 1\.2"),
    ],
)
def test_responses_out_of_range_are_named(family, y, message):
    with pytest.raises(ValueError, match="^y is out of range.*" + message):
        family.check_target(np.array(y))


@pytest.mark.parametrize(
    ("y", "trials", "message"),
    [
        ([0, 2], None, "trials is 1 for every row unless it is given.*row 1 has y=2"),
        ([0, 2], [1, 1], "trials must be at least y; row 1 has y=2"),
        ([0, 2], [1.5, 2], "trials must be whole numbers"),
        ([0, 2], [0, 2], "trials must be whole numbers of at least 1"),
        ([0, 2], [np.nan, 2], "trials must be whole numbers"),
        ([0, 2], [1, 2, 3], "trials has shape"),
    ],
)
def test_trials_that_cannot_be_are_named(y, trials, message):
    with pytest.raises(ValueError, match=message):
        Binomial().target(np.array(y, dtype=float), trials=trials)


def test_trials_are_for_the_binomial_family():
    for family in FAMILIES:
        if not isinstance(family, Binomial):
            with pytest.raises(ValueError, match="trials"):
                family.target(np.array([0.5]), trials=np.array([1]))


def test_row_data_that_no_family_declares_are_refused():
    with pytest.raises(ValueError, match="exposure is for families that declare it"):
        Gaussian().target(np.array([0.5]), exposure=np.array([1.0]))
    assert Gaussian().target(np.array([0.5]), trials=None) == 0.5


@pytest.mark.parametrize("family", [f for f in FAMILIES if f.links], ids=name)
def test_unknown_links_are_named(family):
    wrong = type(family)(link="sqrt")
    with pytest.raises(ValueError, match=r"link must be one of '.*; got 'sqrt'"):
        wrong.mean(0.0, 1.0)


def test_a_link_may_be_an_object_or_absent():
    assert resolve_link(Probit(), ("logit", "probit")).name == "probit"
    assert resolve_link(None, ("logit", "probit")).name == "logit"
    assert Poisson(link=Log()).mean(0.0, None) == 1.0
    with pytest.raises(ValueError, match="link must be one of 'log'"):
        resolve_link(Probit(), ("log",))


@pytest.mark.parametrize("family", FAMILIES, ids=name)
def test_rows_suggest_a_finite_predictor(family):
    assert np.isfinite(family.initial(responses(family))).all()
