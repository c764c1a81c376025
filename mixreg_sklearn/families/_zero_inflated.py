"""Counts with more zeros than their distribution has."""

from itertools import combinations_with_replacement

import numpy as np
from scipy import special

from ._base import Family, Local
from ._negative_binomial import NegativeBinomial
from ._poisson import Poisson
from ._special import count_quantile
from ._support import Constant, Predictor, Support

# An inflation this close to zero or one is at its limit, to rounding.
_LEAST = 1e-12
# Log-odds of inflation that a zero, and any other count, suggest.
_SUGGESTED = 0.0, -2.0


class ZeroInflated(Family):
    r"""Counts that are zero for sure with probability :math:`w`, the *inflation*.

    With the probabilities g of `family`

    .. math:: f(0) = w + (1 - w)\, g(0), \qquad f(y) = (1 - w)\, g(y), \quad y > 0

    The regression `coef_` is that of g, so that the expected response, which `predict`
    returns, is :math:`(1 - w) \mu`.

    By default the inflation is one number of each component, `inflation_`, between 0
    and 1. The limit :math:`w \to 0` is `family` itself, and the estimate may lie there:
    `inflation_` is then :math:`10^{-12}`. With `features` the log-odds of the inflation
    are a linear predictor, with `inflation_intercept_` and `inflation_coef_` in every
    component.

    **A constant inflation needs groups if there are several components.** Of single
    rows, only the products :math:`\pi_k (1 - w_k)` are identified, not shares and
    inflations: whether a zero is for sure says nothing about its component. `fit` warns
    of this, and does not call such an estimate a proven maximum; coefficients, means
    and likelihood are right. Give groups, or `features`, or take one component of sure
    zeros for all (``background="zero"``).

    Parameters
    ----------
    family : Poisson or NegativeBinomial
        Distribution of the other counts, with any of its links.
    features : "all", str, int, slice, array-like, callable or None, default=None
        Features of the log-odds of the inflation: None for none, a constant; "all" for
        the features of the regressions; otherwise names or indices of columns, a slice,
        a mask or a callable, as `regression_features`.

    References
    ----------
    Lambert, D. (1992). Zero-inflated Poisson regression, with an application to defects
    in manufacturing. Technometrics 34, 1-14.

    Examples
    --------
    >>> from mixreg_sklearn.families import Poisson, ZeroInflated
    >>> ZeroInflated(Poisson())
    ZeroInflated(family=Poisson())
    """

    support = Support(0, lattice=True)

    def __init__(self, family, features=None):
        self.family = family
        self.features = features

    @property
    def constants(self):
        """Those of the family and, without features, the inflation."""
        constants = self._counts().constants
        if self._varies():
            return constants
        inflation = Constant(
            "inflation", _LEAST, 1 - _LEAST, start=0.2, power=1.0, point_mass=True
        )
        return (*constants, inflation)

    @property
    def predictors(self):
        """The mean of the family and, with features, the log-odds of the inflation."""
        if not self._varies():
            return (Predictor(),)
        features = None if isinstance(self.features, str) else self.features
        if isinstance(self.features, str) and self.features != "all":
            features = [self.features]
        return Predictor(), Predictor("inflation", features)

    @property
    def links(self):
        """Those of the family."""
        return self._counts().links

    @property
    def endless(self):
        """Whether coefficients may be infinite, those of the inflation among them."""
        return self._varies() or self._counts().endless

    def _varies(self):
        """Whether the inflation depends on features."""
        return self.features is not None

    def _counts(self):
        """The family of the other counts; ValueError if there is no such family."""
        if not isinstance(self.family, Poisson | NegativeBinomial):
            raise ValueError(
                "family of ZeroInflated must be Poisson() or NegativeBinomial(); got"
                f" {self.family!r}."
            )
        return self.family

    def _link(self):
        return self._counts()._link()

    def _split(self, eta, scale):
        """Predictor and constants of the family, log w and log(1 - w)."""
        if self._varies():
            eta, odds = np.asarray(eta)
            return eta, scale, special.log_expit(odds), special.log_expit(-odds)
        *constants, inflation = (scale,) if len(self.constants) == 1 else scale
        scale = constants[0] if constants else 1.0
        return eta, scale, np.log(inflation), np.log1p(-np.asarray(inflation))

    def base(self, y):
        return self._counts().base(y)

    def initial(self, y):
        first = self._counts().initial(y)
        if not self._varies():
            return first
        return np.stack([first, np.where(y == 0, *_SUGGESTED)])

    def outside(self, eta):
        return self._counts().outside(eta[0] if self._varies() else eta)

    def local(self, y, eta, scale):
        counts, (eta, scale, *logs) = self._counts(), self._split(eta, scale)
        at, empty = counts.local(y, eta, scale), counts.local(np.zeros(1), eta, scale)
        zero, varies = np.equal(y, 0), self._varies()
        mass = _Mass(empty.log_density, *logs)
        first, second = mass.of_others(varies)
        own, cross, bend = mass.of_zeros(varies)
        slopes = [
            np.where(zero, mass.rest * b, a)
            for a, b in zip(at.slope, empty.slope, strict=True)
        ]
        # Coordinates of the family by number, and None for the inflation.
        n = len(slopes)
        order = [0, None, *range(1, n)] if varies else [*range(n), None]
        bends = {(None, None): np.where(zero, bend, second)}
        pairs = combinations_with_replacement(range(n), 2)
        for (e, f), a, b in zip(pairs, at.bend, empty.bend, strict=True):
            together = b + mass.sure * empty.slope[e] * empty.slope[f]
            bends[e, f] = np.where(zero, mass.rest * together, a)
        for e in range(n):
            mixed = np.where(zero, cross * empty.slope[e], 0.0)
            bends[e, None] = bends[None, e] = mixed
        slopes = dict(enumerate(slopes)) | {None: np.where(zero, own, first)}
        log_density = np.where(zero, mass.log_zero, at.log_density + mass.log_rest)
        return Local(
            log_density,
            tuple(slopes[e] for e in order),
            tuple(bends[pair] for pair in combinations_with_replacement(order, 2)),
        )

    def log_kernel(self, y, eta, scale):
        counts, (eta, scale, *logs) = self._counts(), self._split(eta, scale)
        mass = _Mass(counts.log_kernel(np.zeros(1), eta, scale), *logs)
        others = counts.log_kernel(y, eta, scale) + mass.log_rest
        return np.where(np.equal(y, 0), mass.log_zero, others)

    def information(self, eta, scale):
        counts, (eta, scale, *logs) = self._counts(), self._split(eta, scale)
        at = counts.evaluate(np.zeros(1), np.array(eta, dtype=float), scale, 0.0)
        mass, score = _Mass(at.log_joint, *logs), at.raw_score * at.factor
        lost = np.exp(at.log_joint) * mass.sure * score**2
        of_mean = np.exp(mass.log_rest) * (at.raw_information * at.factor**2 - lost)
        of_mean = np.maximum(of_mean, 0.0)
        if not self._varies():
            return of_mean
        chance = np.exp(mass.log_zero)
        own, other = mass.of_zeros(True)[0], mass.of_others(True)[0]
        return np.stack([of_mean, chance * own**2 + (1 - chance) * other**2])

    def mean(self, eta, scale):
        eta, scale, _, log_rest = self._split(eta, scale)
        return np.exp(log_rest) * self._counts().mean(eta, scale)

    def variance(self, eta, scale):
        eta, scale, log_mass, log_rest = self._split(eta, scale)
        within = self._counts().variance(eta, scale)
        between = np.exp(log_mass) * self._counts().mean(eta, scale) ** 2
        return np.exp(log_rest) * (within + between)

    def cdf(self, y, eta, scale):
        eta, scale, log_mass, log_rest = self._split(eta, scale)
        others = np.exp(log_rest) * self._counts().cdf(y, eta, scale)
        either = np.minimum(np.exp(log_mass) + others, 1.0)
        return np.where(np.less(y, 0), 0 * others, either)

    def quantile(self, u, eta, scale):
        return count_quantile(lambda count: self.cdf(count, eta, scale), u, np.inf)

    def sample(self, eta, scale, rng):
        eta, scale, log_mass, _ = self._split(eta, scale)
        draws = self._counts().sample(eta, scale, rng)
        return np.where(rng.random(np.shape(draws)) < np.exp(log_mass), 0.0, draws)


class _Mass:
    """A point mass at zero beside counts, and derivatives in its logarithm or log-odds.

    Attributes
    ----------
    log_zero, log_rest : ndarray
        Logarithms of the probability of zero, and of one less the mass.
    sure, rest : ndarray
        Probabilities that a zero is of the point mass, and of the counts.
    """

    def __init__(self, log_empty, log_mass, log_rest):
        self.log_empty, self.log_mass, self.log_rest = log_empty, log_mass, log_rest
        of_counts = log_rest + log_empty
        self.log_zero = np.logaddexp(log_mass, of_counts)
        self.sure = np.exp(log_mass - self.log_zero)
        self.rest = np.exp(of_counts - self.log_zero)

    def of_others(self, in_odds):
        """First and second derivative where the count is not zero."""
        mass, rest = np.exp(self.log_mass), np.exp(self.log_rest)
        if in_odds:
            return -mass, -mass * rest
        return -mass / rest, -mass / rest**2

    def of_zeros(self, in_odds):
        """The same at zero; between, the mixed one over the counts' slope."""
        first = self.sure * -np.expm1(self.log_empty)
        mixed = -(np.exp(self.log_empty) * self.sure + self.rest * first)
        second = first * (1 - first)
        if not in_odds:
            return first, mixed, second
        mass, rest = np.exp(self.log_mass), np.exp(self.log_rest)
        return rest * first, rest * mixed, rest * (rest * second - mass * first)
