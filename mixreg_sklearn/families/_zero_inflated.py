"""Counts with more zeros than their distribution has."""

from functools import cached_property
from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np

from ._base import Evaluation, Family, Local
from ._negative_binomial import NegativeBinomial
from ._poisson import Poisson
from ._special import count_quantile
from ._support import Constant, Predictor, Support

# An inflation this close to zero or one is at its limit, to rounding.
_LEAST = 1e-12
# Where probabilities are smaller, only their logarithms are exact.
_UNDERFLOW = 1e-290
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
        """Predictor and constants of the family, and the inflation."""
        if self._varies():
            eta, odds = np.asarray(eta)
            return eta, scale, _Inflation.of_odds(odds)
        *constants, inflation = (scale,) if len(self.constants) == 1 else scale
        scale = constants[0] if constants else 1.0
        return eta, scale, _Inflation.of_mass(np.asarray(inflation))

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
        counts, (eta, scale, inflation) = self._counts(), self._split(eta, scale)
        at, empty = counts.local(y, eta, scale), counts.local(np.zeros(1), eta, scale)
        zero, varies = np.equal(y, 0), self._varies()
        zeros = _Zeros(empty.log_density, inflation)
        cross = zeros.mixed(varies)
        slopes = [
            np.where(zero, zeros.rest * b, a)
            for a, b in zip(at.slope, empty.slope, strict=True)
        ]
        # Coordinates of the family by number, and None for the inflation.
        n = len(slopes)
        order = [0, None, *range(1, n)] if varies else [*range(n), None]
        own = np.where(zero, zeros.slope(varies), inflation.slope(varies))
        bend = np.where(zero, zeros.bend(varies), inflation.bend(varies))
        bends = {(None, None): bend}
        pairs = combinations_with_replacement(range(n), 2)
        for (e, f), a, b in zip(pairs, at.bend, empty.bend, strict=True):
            together = b + zeros.sure * empty.slope[e] * empty.slope[f]
            bends[e, f] = np.where(zero, zeros.rest * together, a)
        for e in range(n):
            mixed = np.where(zero, cross * empty.slope[e], 0.0)
            bends[e, None] = bends[None, e] = mixed
        slopes = dict(enumerate(slopes)) | {None: own}
        log_density = np.where(
            zero, zeros.log_zero, at.log_density + inflation.log_rest
        )
        return Local(
            log_density,
            tuple(slopes[e] for e in order),
            tuple(bends[pair] for pair in combinations_with_replacement(order, 2)),
        )

    def log_kernel(self, y, eta, scale):
        counts, (eta, scale, inflation) = self._counts(), self._split(eta, scale)
        zeros = _Zeros(counts.log_kernel(np.zeros(1), eta, scale), inflation)
        others = counts.log_kernel(y, eta, scale) + inflation.log_rest
        return np.where(np.equal(y, 0), zeros.log_zero, others)

    def evaluate(self, y, eta, scale, log_prior):
        counts, (eta, scale, inflation) = self._counts(), self._split(eta, scale)
        zero, varies = np.equal(y, 0), self._varies()
        empty = counts.evaluate(np.zeros(1), np.array(eta, dtype=float), scale, 0.0)
        at = counts.evaluate(y, eta, scale, log_prior)
        zeros = _Zeros(empty.log_joint, inflation)
        of_zero = zeros.log_zero + log_prior
        log_joint = np.where(zero, of_zero, at.log_joint + inflation.log_rest)
        score = np.where(zero, zeros.rest * empty.raw_score, at.raw_score)
        statistic, pairs = [], (at.statistic, empty.statistic)
        for (slope, bend), (of_zero, bent) in zip(*map(_in_pairs, pairs), strict=True):
            bent = bent + zeros.sure * of_zero**2
            statistic.append(np.where(zero, zeros.rest * of_zero, slope))
            statistic.append(np.where(zero, zeros.rest * bent, bend))
        own = np.where(zero, zeros.slope(varies), inflation.slope(varies))
        if varies:
            score = np.stack([score, own])
        else:
            bend = np.where(zero, zeros.bend(False), inflation.bend(False))
            statistic += [own, bend]
        information = self._information(zeros, empty)
        return Evaluation(log_joint, score, information, 1.0, tuple(statistic))

    def information(self, eta, scale):
        eta, scale, inflation = self._split(eta, scale)
        eta, counts = np.array(eta, dtype=float), self._counts()
        empty = counts.evaluate(np.zeros(1), eta, scale, 0.0)
        return self._information(_Zeros(empty.log_joint, inflation), empty)

    def _information(self, zeros, empty):
        """Expected information, from the family at a count of zero."""
        inflation, zero = zeros.inflation, zeros.zero
        # In place, as new arrays are what takes time.
        of_mean = zeros.empty * zeros.sure
        of_mean *= empty.raw_score
        of_mean *= empty.raw_score
        np.subtract(empty.raw_information, of_mean, out=of_mean)
        np.maximum(of_mean, 0.0, out=of_mean)
        of_mean *= inflation.rest
        if not self._varies():
            return of_mean
        of_odds = zero * zeros.slope(True) ** 2 + (1 - zero) * inflation.mass**2
        return np.stack([of_mean, of_odds])

    def mean(self, eta, scale):
        eta, scale, inflation = self._split(eta, scale)
        return inflation.rest * self._counts().mean(eta, scale)

    def variance(self, eta, scale):
        eta, scale, inflation = self._split(eta, scale)
        within = self._counts().variance(eta, scale)
        between = inflation.mass * self._counts().mean(eta, scale) ** 2
        return inflation.rest * (within + between)

    def cdf(self, y, eta, scale):
        eta, scale, inflation = self._split(eta, scale)
        others = inflation.rest * self._counts().cdf(y, eta, scale)
        either = np.minimum(inflation.mass + others, 1.0)
        return np.where(np.less(y, 0), 0 * others, either)

    def quantile(self, u, eta, scale):
        return count_quantile(lambda count: self.cdf(count, eta, scale), u, np.inf)

    def sample(self, eta, scale, rng):
        eta, scale, inflation = self._split(eta, scale)
        draws = self._counts().sample(eta, scale, rng)
        return np.where(rng.random(np.shape(draws)) < inflation.mass, 0.0, draws)


class _Inflation(NamedTuple):
    """A point mass at zero beside counts: probabilities and their logarithms."""

    mass: np.ndarray
    rest: np.ndarray  # of the counts
    log_mass: np.ndarray
    log_rest: np.ndarray

    @classmethod
    def of_mass(cls, mass):
        return cls(mass, 1 - mass, np.log(mass), np.log1p(-mass))

    @classmethod
    def of_odds(cls, odds):
        """From log-odds; one exponential and one logarithm, as passes have many."""
        small = np.exp(-np.abs(odds))
        total = 1 + small
        large, small = 1 / total, small / total
        log_rest = -np.maximum(odds, 0.0) - np.log(total)
        high = odds > 0
        mass, rest = np.where(high, large, small), np.where(high, small, large)
        return cls(mass, rest, odds + log_rest, log_rest)

    def slope(self, in_odds):
        """Derivative of `log_rest` in log-odds, or in `log_mass`."""
        return -self.mass if in_odds else -self.mass / self.rest

    def bend(self, in_odds):
        """Its second derivative."""
        return -self.mass * self.rest if in_odds else -self.mass / self.rest**2


class _Zeros:
    """The probability of zero under an inflation, and its derivatives.

    Attributes
    ----------
    inflation : _Inflation
    empty, zero : ndarray
        Probability of zero among the counts, and of all.
    log_zero : ndarray
        Logarithm of `zero`.
    sure, rest : ndarray
        Probabilities that a zero is of the point mass, and of the counts.
    """

    def __init__(self, log_empty, inflation):
        self.inflation, self.empty = inflation, np.exp(log_empty)
        of_counts = inflation.rest * self.empty
        self.zero = inflation.mass + of_counts
        if self.zero.min(initial=1.0) > _UNDERFLOW:
            self.log_zero = np.log(self.zero)
            self.sure = inflation.mass / self.zero
            self.rest = np.divide(of_counts, self.zero, out=of_counts)
        else:
            log_mass, of_counts = inflation.log_mass, inflation.log_rest + log_empty
            self.log_zero = np.logaddexp(log_mass, of_counts)
            self.sure = np.exp(log_mass - self.log_zero)
            self.rest = np.exp(of_counts - self.log_zero)

    @cached_property
    def _slope(self):
        """Derivative of `log_zero` in the logarithm of the mass."""
        slope = 1 - self.empty
        slope *= self.sure
        return slope

    def slope(self, in_odds):
        """Derivative of `log_zero`, as that of the inflation."""
        return self.inflation.rest * self._slope if in_odds else self._slope

    def bend(self, in_odds):
        """Its second derivative."""
        bend = self._slope * (1 - self._slope)
        if not in_odds:
            return bend
        mass, rest = self.inflation.mass, self.inflation.rest
        return rest * (rest * bend - mass * self._slope)

    def mixed(self, in_odds):
        """The mixed derivative, over the slope of the counts."""
        mixed = -(self.empty * self.sure + self.rest * self._slope)
        return self.inflation.rest * mixed if in_odds else mixed


def _in_pairs(statistic):
    """First and second derivatives in each constant."""
    return zip(statistic[::2], statistic[1::2], strict=True)
