"""Gamma family."""

import numpy as np
from scipy import special

from ._base import Derivatives, Evaluation, PositiveMean
from ._scales import NO_WEIGHT
from ._special import excess, excess_bend, excess_slope
from ._support import Constant, Support

# The deviance of a row is exact to the square of the relative rounding error.
_LEAST_DEVIANCE = 1e-32


class Gamma(PositiveMean):
    r"""Positive responses with mean :math:`\mu` and coefficient of variation
    :math:`\phi`.

    With the shape :math:`a = \phi^{-2}` and the unit deviance
    :math:`d = 2 (y/\mu - 1 - \log(y/\mu))`

    .. math:: \log f(y) = a \log a - a - \log\Gamma(a) - \log y - a d / 2

    :math:`\mu` is the inverse link of :math:`\eta`; the variance is
    :math:`\phi^2 \mu^2`. The shape is the maximum likelihood one, the root of
    :math:`\log a - \psi(a) = \sum w d / (2 \sum w)`, not a moment estimate.

    Parameters
    ----------
    link : {"log", "identity", "inverse"}, default="log"
        With "identity" and "inverse" the density is zero where :math:`\eta \le 0`.

    References
    ----------
    McCullagh, P. & Nelder, J. A. (1989). Generalized Linear Models, chapter 8.
    """  # noqa: D205

    constants = (Constant("scale", collapses=True),)
    support = Support(0)

    def base(self, y):
        return -np.log(y)

    def evaluate(self, y, eta, scale, log_prior):
        shape = scale**-2.0
        at = self._link().log_mean(eta)
        ratio = np.exp(-at.value)
        ratio *= y
        deviance = np.log(ratio)
        ratio -= 1
        np.subtract(ratio, deviance, out=deviance)
        deviance *= 2
        log_joint = (-0.5 * shape) * deviance
        log_joint += log_prior + excess(shape)
        ratio *= shape
        information = at.information(np.broadcast_to(shape, ratio.shape))
        return Evaluation(log_joint, at.first(ratio), information, 1.0, (deviance,))

    def update_scale(self, scale, weight, statistic, gain, rule):
        deviance = statistic[..., 0]
        pull = rule.strength * rule.pull(scale**2)
        separate = _variance(weight, deviance, rule.strength, pull)
        total, strength = weight.sum(1, keepdims=True), rule.strength * weight.shape[1]
        pooled, pull = deviance.sum(1, keepdims=True), pull.sum(1, keepdims=True)
        pooled = _variance(total, pooled, strength, pull)
        return np.sqrt(rule.settle(separate, pooled, weight, scale**2))

    def derivatives(self, y, eta, scale):
        shape = scale**-2.0
        at = self._link().log_mean(eta)
        ratio = y * np.exp(-at.value)
        half_deviance = ratio - 1 - np.log(ratio)
        slope = shape * (excess_slope(shape) - half_deviance)
        residual = ratio - 1
        return Derivatives(
            excess(shape) - shape * half_deviance,
            at.first(shape * residual),
            -2 * slope,
            at.second(shape * residual, -shape * ratio),
            at.first(-2 * shape * residual),
            4 * slope + 4 * shape**2 * excess_bend(shape),
        )

    def log_kernel(self, y, eta, scale):
        shape = np.asarray(scale, dtype=float) ** -2.0
        ratio = y * np.exp(-self._link().log_mean(eta).value)
        return excess(shape) - shape * (ratio - 1 - np.log(ratio))

    def variance(self, eta, scale):
        return (scale * self._link().admissible_mean(eta)) ** 2

    def cdf(self, y, eta, scale):
        shape = np.asarray(scale, dtype=float) ** -2.0
        mu = self._link().admissible_mean(eta)
        return special.gammainc(shape, shape * (np.maximum(y, 0) / mu))

    def quantile(self, u, eta, scale):
        shape = np.asarray(scale, dtype=float) ** -2.0
        mu = self._link().admissible_mean(eta)
        return special.gammaincinv(shape, u) / shape * mu

    def sample(self, eta, scale, rng):
        shape = np.asarray(scale, dtype=float) ** -2.0
        mu = self._link().admissible_mean(eta)
        size = np.broadcast_shapes(shape.shape, mu.shape)
        # A draw of a very small shape may underflow; zero is not a possible response.
        draws = rng.standard_gamma(np.broadcast_to(shape, size)) / shape
        return np.maximum(draws, np.finfo(float).tiny) * mu


def _variance(weight, deviance, strength, pull):
    r"""Squared scales (R, K) that maximize the penalized likelihood.

    The shape ``a`` is the root of ``N h'(a) + nu / (2 a) = (D + nu t) / 2``, where
    ``h'(a) = log a - digamma(a)``. The left side falls from infinity to zero, as
    ``1 / a`` for small ``a`` and as ``1 / (2 a)`` for large: in logarithms it is nearly
    a straight line, and Newton's method converges from anywhere.
    """
    weight = np.maximum(weight, NO_WEIGHT)
    half = 0.5 * (np.maximum(deviance, _LEAST_DEVIANCE * weight) + pull)
    level = np.log(half)
    log_shape = np.log(0.5 * (weight + strength)) - level
    for _ in range(50):
        shape = np.exp(log_shape)
        prior = 0.5 * strength / shape
        left = weight * excess_slope(shape) + prior
        slope = (weight * shape * excess_bend(shape) - prior) / left
        step = (level - np.log(left)) / slope
        log_shape = log_shape + step
        if np.abs(step).max(initial=0) < 1e-12 * (1 + np.abs(log_shape).max(initial=0)):
            break
    return np.exp(-log_shape)
