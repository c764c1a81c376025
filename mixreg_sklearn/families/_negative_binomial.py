"""Negative binomial family (NB2)."""

import numpy as np
from scipy import special

from ._base import Derivatives, Evaluation, PositiveMean
from ._special import (
    at_counts,
    count_quantile,
    draw_counts,
    either,
    excess,
    excess_bend,
    excess_slope,
    log_factorial,
)
from ._support import Constant, Support


class NegativeBinomial(PositiveMean):
    r"""Counts with mean :math:`\mu` and variance :math:`\mu + \phi^2 \mu^2` (NB2).

    A Poisson count whose mean has a gamma distribution of coefficient of variation
    :math:`\phi`. With the size :math:`a = \phi^{-2}`

    .. math:: \log f(y) = \log\frac{\Gamma(y + a)}{\Gamma(a)\, y!}
              + a \log\frac{a}{a + \mu} + y \log\frac{\mu}{a + \mu}

    :math:`\mu` is the inverse link of :math:`\eta`. The limit :math:`\phi \to 0` is the
    Poisson distribution, and the estimate of a component may lie there: a scale of
    :math:`10^{-6}` means that the counts of the component vary no more than Poisson
    counts. There the log-likelihood differs from that of the Poisson distribution by
    less than :math:`10^{-12} \mu` a row on average.

    Parameters
    ----------
    link : {"log", "identity", "inverse"}, default="log"
        With "identity" and "inverse" probabilities are zero where :math:`\eta \le 0`.

    References
    ----------
    Lawless, J. F. (1987). Negative binomial and mixed Poisson regression. Canadian
    Journal of Statistics 15, 209-225.
    """

    constants = (Constant("scale", lower=1e-6),)
    support = Support(0, lattice=True)

    def base(self, y):
        return -y - log_factorial(y)

    def evaluate(self, y, eta, scale, log_prior):
        at = self._link().log_mean(eta)
        size, mu = scale**-2.0, np.exp(at.value)
        parts = _Parts(y, mu, size)
        log_joint = parts.log_density(y, at.value, size)
        log_joint += log_prior
        first, second = parts.log_scale(y, size)
        score = parts.residual * size
        np.multiply(mu, size / parts.total, out=mu)
        information = at.information(mu)
        return Evaluation(log_joint, at.first(score), information, 1.0, (first, second))

    def derivatives(self, y, eta, scale):
        at = self._link().log_mean(eta)
        size, mu = scale**-2.0, np.exp(at.value)
        parts = _Parts(y, mu, size)
        first, second = parts.log_scale(y, size)
        score, fraction = size * parts.residual, mu / parts.total
        curvature = -(1 + parts.residual) * size * fraction
        return Derivatives(
            parts.log_density(y, at.value, size),
            at.first(score),
            first,
            at.second(score, curvature),
            at.first(-2 * score * fraction),
            second,
        )

    def log_kernel(self, y, eta, scale):
        at = self._link().log_mean(eta)
        size = np.asarray(scale, dtype=float) ** -2.0
        return _Parts(y, np.exp(at.value), size).log_density(y, at.value, size)

    def variance(self, eta, scale):
        mu = self._link().admissible_mean(eta)
        return mu + (scale * mu) ** 2

    def cdf(self, y, eta, scale):
        return _cdf(y, self._link().admissible_mean(eta), scale)

    def quantile(self, u, eta, scale):
        mu = self._link().admissible_mean(eta)
        return count_quantile(lambda count: _cdf(count, mu, scale), u, np.inf)

    def sample(self, eta, scale, rng):
        size = np.asarray(scale, dtype=float) ** -2.0
        mu = self._link().admissible_mean(eta)
        shape = np.broadcast_shapes(size.shape, mu.shape)
        frailty = rng.standard_gamma(np.broadcast_to(size, shape)) / size
        return draw_counts(mu * frailty, rng)


class _Parts:
    """Terms of the density and its derivatives, exact as ``a`` grows."""

    def __init__(self, y, mu, size):
        self.total = mu + size
        difference = y - mu
        self.residual = difference / self.total
        # It rounds to -1 only where y and mu differ by 16 powers of ten.
        relative = np.maximum(-difference / (y + size), -1 + np.finfo(float).eps)
        self.log_ratio = -np.log1p(relative)  # log((y + a) / (a + mu))

    def log_density(self, y, log_mean, size):
        """The log-density less its base."""
        value = (y + size) * self.log_ratio + y * log_mean
        value += excess(size) - at_counts(excess, y, size)
        return value

    def log_scale(self, y, size):
        """First and second derivative in ``log phi``, where ``a = phi^-2``."""
        slope = excess_slope(size) - at_counts(excess_slope, y, size)
        slope = slope + (self.log_ratio - self.residual)
        bend = excess_bend(size) - at_counts(excess_bend, y, size)
        bend = bend + self.residual**2 / (y + size)
        slope *= -2 * size
        bend *= 4 * size**2
        bend -= 2 * slope
        return slope, bend


def _cdf(y, mu, scale):
    # P(Y <= y) = I_{a/(a+mu)}(a, y + 1); use the smaller fraction, which is exact.
    size = np.asarray(scale, dtype=float) ** -2.0
    count = np.maximum(np.floor(y), 0)
    probability = either(
        mu < size,
        special.betaincc,
        (count + 1, size, mu / (size + mu)),
        special.betainc,
        (size, count + 1, size / (size + mu)),
    )
    return np.where(np.less(y, 0), 0 * probability, probability)
