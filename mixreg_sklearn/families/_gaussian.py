"""Gaussian family, identity link."""

import numpy as np
from scipy import special

from ._base import Derivatives, Evaluation, Family
from ._errors import Normal
from ._support import Constant, lattice_step

_LOG_2PI, _ROOT_HALF = np.log(2 * np.pi), np.sqrt(0.5)


class Gaussian(Family):
    r"""Normal distribution, mean :math:`\eta`, standard deviation :math:`\sigma`.

    .. math:: \log f(y) = -\tfrac12 \log(2\pi) - \log\sigma - (y-\eta)^2 / (2\sigma^2)

    The estimate of :math:`\sigma_k^2` is the maximum likelihood one, the weighted
    residual sum of squares over the component's weight, without a correction for
    degrees of freedom.
    """

    constants = (Constant("scale", collapses=True),)
    errors = Normal()

    def units(self, y, weight, fit_intercept):
        """Mean and standard deviation; without an intercept the origin is zero."""
        mean = np.average(y, weights=weight)
        origin = mean if fit_intercept else 0.0
        largest = np.abs(y).max()
        # Squares neither overflow nor vanish; a power of two leaves every digit.
        power = np.exp2(np.floor(np.log2(largest or 1.0)))
        part = (y - origin) / power
        unit = power * np.sqrt(np.average(part**2, weights=weight))
        negligible = 8 * np.finfo(float).eps * largest
        return origin, unit if unit > negligible else max(abs(mean), 1.0)

    def resolution(self, y):
        """A fifth of the step of rounded responses; their error is 0.29 steps."""
        return 0.2 * lattice_step(y)

    def initial(self, y):
        return y

    def evaluate(self, y, eta, scale, log_prior):
        # u = (y - eta) / (sigma sqrt 2), so that log f = const - u^2.
        inverse = _ROOT_HALF / scale
        u = np.subtract(y, eta, out=eta)
        u *= inverse
        square = u * u
        log_joint = (log_prior - np.log(scale) - 0.5 * _LOG_2PI) - square
        return Evaluation(log_joint, u, 0.5, 2 * inverse, (square,))

    def update_scale(self, scale, weight, statistic, gain, rule):
        variance = scale * scale
        squares = np.maximum(2 * statistic[..., 0] - gain, 0) * variance
        return np.sqrt(rule.variance(squares, weight, variance))

    def derivatives(self, y, eta, scale):
        inverse = 1 / scale
        z = (y - eta) * inverse
        square, score = z * z, z * inverse
        return Derivatives(
            -0.5 * square - (np.log(scale) + 0.5 * _LOG_2PI),
            score,
            square - 1,
            np.broadcast_to(-inverse * inverse, z.shape),
            -2 * score,
            -2 * square,
        )

    def log_kernel(self, y, eta, scale):
        return -0.5 * ((y - eta) / scale) ** 2 - np.log(scale) - 0.5 * _LOG_2PI

    def mean(self, eta, scale):
        return eta

    def variance(self, eta, scale):
        return np.broadcast_to(scale**2, np.shape(eta))

    def cdf(self, y, eta, scale):
        return special.ndtr((y - eta) / scale)

    def sf(self, y, eta, scale):
        return special.ndtr((eta - y) / scale)

    def quantile(self, u, eta, scale):
        return eta + scale * special.ndtri(u)

    def sample(self, eta, scale, rng):
        return eta + scale * rng.standard_normal(np.shape(eta))
