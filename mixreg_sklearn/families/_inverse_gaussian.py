"""Inverse Gaussian family."""

import numpy as np
from scipy import special

from ._base import Derivatives, Evaluation, PositiveMean
from ._support import Constant, Support

_LOG_2PI = np.log(2 * np.pi)


class InverseGaussian(PositiveMean):
    r"""Positive responses with mean :math:`\mu` and variance
    :math:`\phi^2 \mu^3`.

    With the unit deviance :math:`d = (y - \mu)^2 / (\mu^2 y)`

    .. math:: \log f(y) = -\tfrac12 \log(2\pi y^3) - \log\phi - d / (2\phi^2)

    :math:`\mu` is the inverse link of :math:`\eta`. The estimate of :math:`\phi^2` is
    the mean unit deviance.

    Parameters
    ----------
    link : {"log", "identity", "inverse"}, default="log"
        With "identity" and "inverse" the density is zero where :math:`\eta \le 0`.

    References
    ----------
    Chhikara, R. S. & Folks, J. L. (1989). The Inverse Gaussian Distribution.
    """  # noqa: D205

    constants = (Constant("scale", collapses=True),)
    support = Support(0)

    def base(self, y):
        return -0.5 * _LOG_2PI - 1.5 * np.log(y)

    def evaluate(self, y, eta, scale, log_prior):
        at = self._link().log_mean(eta)
        rate = np.exp(-at.value)
        relative = y * rate
        relative -= 1
        deviance = relative * relative
        deviance /= y
        log_joint = deviance * (-0.5 * scale**-2.0)
        log_joint += log_prior - np.log(scale)
        rate *= scale**-2.0
        relative *= rate
        information = at.information(rate)
        return Evaluation(log_joint, at.first(relative), information, 1.0, (deviance,))

    def update_scale(self, scale, weight, statistic, gain, rule):
        return np.sqrt(rule.variance(statistic[..., 0], weight, scale**2))

    def derivatives(self, y, eta, scale):
        at = self._link().log_mean(eta)
        precision = scale**-2.0
        rate = np.exp(-at.value)
        relative = y * rate - 1
        square = precision * relative**2 / y
        score = precision * rate * relative
        return Derivatives(
            -np.log(scale) - 0.5 * square,
            at.first(score),
            square - 1,
            at.second(score, -precision * rate * (2 * relative + 1)),
            at.first(-2 * score),
            -2 * square,
        )

    def log_kernel(self, y, eta, scale):
        at = self._link().log_mean(eta)
        square = ((y * np.exp(-at.value) - 1) / scale) ** 2 / y
        return -0.5 * square - np.log(scale)

    def variance(self, eta, scale):
        return scale**2 * self._link().admissible_mean(eta) ** 3

    def cdf(self, y, eta, scale):
        return _cdf(y, self._link().admissible_mean(eta), scale)

    def quantile(self, u, eta, scale):
        return _quantile(u, self._link().admissible_mean(eta), scale)

    def sample(self, eta, scale, rng):
        """Michael, Schucany & Haas (1976); the smaller root does not cancel."""
        mu = self._link().admissible_mean(eta)
        size = np.broadcast_shapes(np.shape(scale), mu.shape)
        half = 0.5 * mu * (scale * rng.standard_normal(size)) ** 2
        smaller = 1 / (1 + half + np.sqrt(half * (2 + half)))
        take_smaller = rng.random(size) * (1 + smaller) <= 1
        return mu * np.where(take_smaller, smaller, 1 / smaller)


def _cdf(y, mu, scale):
    r"""Distribution function.

    The second term of the usual formula, ``exp(2 / (phi^2 mu)) Phi(-b)``, overflows
    times underflows; it equals ``exp(-a^2 / 2) erfcx(b / sqrt 2) / 2``.
    """
    inside = np.greater(y, 0) & np.less(y, np.inf)
    value = np.where(inside, y, 1.0)
    root = scale * np.sqrt(value)
    a, b = (value / mu - 1) / root, (value / mu + 1) / root
    second = 0.5 * np.exp(-0.5 * a * a) * special.erfcx(b * np.sqrt(0.5))
    probability = np.minimum(special.ndtr(a) + second, 1.0)
    beyond = np.where(np.greater(y, 0), 1.0, 0.0) + 0 * mu
    return np.where(inside, probability, beyond)


def _quantile(u, mu, scale):
    """Newton's method in ``log y`` within a shrinking bracket."""
    u, mu, scale = np.broadcast_arrays(u, mu, np.asarray(scale, dtype=float))
    edge = np.where(u == 0, 0.0, np.where(u == 1, np.inf, np.nan)) + 0 * mu
    defined = (u > 0) & (u < 1) & ~np.isnan(mu)
    u, log_mean = np.where(defined, u, 0.5), np.log(np.where(defined, mu, 1.0))

    def below(x):
        # The distribution of y / mu depends on phi sqrt(mu) alone.
        return _cdf(np.exp(x), 1.0, relative)

    relative = scale * np.exp(0.5 * log_mean)
    low, high, width = np.full(u.shape, -0.1), np.full(u.shape, 0.1), 0.1
    for _ in range(20):
        width *= 2
        low = np.where(below(low) > u, low - width, low)
        high = np.where(below(high) < u, np.minimum(high + width, 700.0), high)
    x = np.zeros(u.shape)
    for _ in range(200):
        reached = below(x)
        low, high = np.where(reached <= u, x, low), np.where(reached >= u, x, high)
        log_density = -0.5 * (np.expm1(x) / relative) ** 2 * np.exp(-x) - 0.5 * x
        slope = np.exp(log_density - 0.5 * _LOG_2PI) / relative
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            # In the lower tail log F is closer to a straight line than F.
            excess = np.where(u < 0.5, reached * np.log(reached / u), reached - u)
            trial = x - excess / slope
        trial = np.where((trial > low) & (trial < high), trial, 0.5 * (low + high))
        done = np.abs(trial - x) <= 1e-15 * (1 + np.abs(x))
        x = trial
        if done.all():
            break
    return np.where(defined, np.exp(x + log_mean), edge)
