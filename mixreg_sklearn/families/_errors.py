r"""Error distributions of location-scale models :math:`Y = \eta + \sigma W`.

All of them are functions of standardized values z, elementwise, accurate in both tails
and finite for any of them, however wild.
"""

from abc import ABC, abstractmethod

import numpy as np
from scipy import special

from ._special import t_quantile

_LOG_2PI = np.log(2 * np.pi)
# Beyond these, squares and exponentials would overflow.
_MOST, _MOST_EXPONENT = 1e100, 100.0
# From here on the series of the Mills ratio has all digits.
_FAR = 50.0
# Below this, series replace what cancels.
_SMALL = 1e-4


class Errors(ABC):
    """Distribution of W.

    Attributes
    ----------
    reach : float
        The longest step, in standard deviations, to which a censored row alone leads:
        its information is at least the absolute score over this.
    """

    reach = 3.0

    @property
    def mirrored(self):
        """The distribution of -W."""
        return self

    @abstractmethod
    def log_density(self, z):
        """Logarithm of the density f."""

    @abstractmethod
    def slopes(self, z):
        """First and second derivative of the log-density."""

    def exact(self, z):
        """The log-density and its two derivatives."""
        return self.log_density(z), *self.slopes(z)

    @abstractmethod
    def log_sf(self, z):
        """Logarithm of the survival function S."""

    @abstractmethod
    def hazard(self, z):
        """``f / S``."""

    @abstractmethod
    def slack(self, z, hazard):
        """Hazard plus the first derivative of the log-density; their sum may cancel."""

    @abstractmethod
    def information(self, bend):
        """Information of exact responses on the location, of the right expectation.

        `bend` is the second derivative of the log-density.
        """

    @abstractmethod
    def quantile(self, u):
        """Value at which the distribution function is `u`."""

    def log_cdf(self, z):
        """Logarithm of the distribution function."""
        return self.mirrored.log_sf(-z)


class Normal(Errors):
    """Standard normal errors."""

    # The score of a censored row is that of an exact one at most.
    reach = np.inf

    def log_density(self, z):
        return -0.5 * np.square(z) - 0.5 * _LOG_2PI

    def slopes(self, z):
        return -z, np.full(np.shape(z), -1.0)

    def log_sf(self, z):
        return special.log_ndtr(-np.clip(z, -_MOST, _MOST))

    def hazard(self, z):
        return np.sqrt(2 / np.pi) / special.erfcx(z * np.sqrt(0.5))

    def slack(self, z, hazard):
        far = z > _FAR
        if not far.any():
            return hazard - z
        square = np.where(far, z, 1.0) ** -2.0
        series = 1 + square * (-2 + square * (10 + square * (-74 + 706 * square)))
        return np.where(far, np.sqrt(square) * series, hazard - z)

    def information(self, bend):
        return np.ones(np.shape(bend))

    def quantile(self, u):
        return special.ndtri(u)


class Logistic(Errors):
    """Standard logistic errors."""

    def log_density(self, z):
        return special.log_expit(z) + special.log_expit(-z)

    def slopes(self, z):
        return -np.tanh(0.5 * z), -2 * special.expit(z) * special.expit(-z)

    def log_sf(self, z):
        return special.log_expit(-np.clip(z, -_MOST, _MOST))

    def hazard(self, z):
        return special.expit(z)

    def slack(self, z, hazard):
        return special.expit(-z)

    def information(self, bend):
        return np.full(np.shape(bend), 1 / 3)

    def quantile(self, u):
        return special.logit(u)


class LeastExtreme(Errors):
    """Standard minimum extreme value: the logarithm of an exponential variable."""

    @property
    def mirrored(self):
        return _MostExtreme()

    def log_density(self, z):
        return z - _exponential(z)

    def slopes(self, z):
        return self.exact(z)[1:]

    def exact(self, z):
        h = _exponential(z)
        return z - h, 1 - h, -h

    def log_sf(self, z):
        return -_exponential(z)

    def hazard(self, z):
        return _exponential(z)

    def slack(self, z, hazard):
        return np.ones(np.shape(z))

    def information(self, bend):
        # The mean of observed and expected information: neither the one, which nearly
        # vanishes for small responses, nor the other overshoots.
        return 0.5 - 0.5 * bend

    def quantile(self, u):
        with np.errstate(divide="ignore"):
            return np.log(-np.log1p(-np.asarray(u, dtype=float)))


class _MostExtreme(Errors):
    """Standard maximum extreme value (Gumbel)."""

    @property
    def mirrored(self):
        return LeastExtreme()

    def log_density(self, z):
        return -z - _exponential(-z)

    def slopes(self, z):
        return self.exact(z)[1:]

    def exact(self, z):
        h = _exponential(-z)
        return -z - h, h - 1, -h

    def log_sf(self, z):
        h = _exponential(-z)
        small = h < _SMALL
        # log(1 - exp(-h)), which is log h - h / 2 for small h.
        series = -np.clip(z, -_MOST, _MOST) - 0.5 * h + h**2 / 24
        return np.where(small, series, np.log(-np.expm1(-np.where(small, 1.0, h))))

    def hazard(self, z):
        h = _exponential(-z)
        small = h < _SMALL
        with np.errstate(over="ignore"):
            exact = np.where(small, 1.0, h) / np.expm1(np.where(small, 1.0, h))
        return np.where(small, 1 - 0.5 * h + h**2 / 12, exact)

    def slack(self, z, hazard):
        h = _exponential(-z)
        return np.where(h < _SMALL, 0.5 * h + h**2 / 12, hazard - 1 + h)

    def information(self, bend):
        return 0.5 - 0.5 * bend

    def quantile(self, u):
        return -LeastExtreme().quantile(1 - np.asarray(u, dtype=float))


def _exponential(z):
    return np.exp(np.minimum(z, _MOST_EXPONENT))


class StudentErrors(Errors):
    """Student's t errors.

    Parameters
    ----------
    df : float
        Degrees of freedom.
    """

    def __init__(self, df):
        self.df = df

    def log_density(self, z):
        df = self.df
        constant = special.gammaln(0.5 * (df + 1)) - special.gammaln(0.5 * df)
        constant -= 0.5 * np.log(np.pi * df)
        return constant - 0.5 * (df + 1) * np.log1p(np.square(z / np.sqrt(df)))

    def slopes(self, z):
        df, square = self.df, np.square(z)
        weight = (df + 1) / (df + square)
        return -weight * z, -weight * (df - square) / (df + square)

    def log_sf(self, z):
        z = np.clip(z, -_MOST, _MOST)
        tail = special.stdtr(self.df, -z)
        with np.errstate(divide="ignore", invalid="ignore"):
            # Where the tail underflows it is a power of z.
            far = self.log_density(z) + np.log(np.abs(z) / self.df)
            return np.where(tail > 0, np.log(tail), far)

    def hazard(self, z):
        return np.exp(self.log_density(z) - self.log_sf(z))

    def slack(self, z, hazard):
        return hazard + self.slopes(z)[0]

    def information(self, bend):
        return np.full(np.shape(bend), (self.df + 1) / (self.df + 3))

    def quantile(self, u):
        return t_quantile(self.df, u)
