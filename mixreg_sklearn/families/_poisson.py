"""Poisson family."""

import numpy as np
from scipy import special

from ._base import Derivatives, Evaluation, PositiveMean
from ._special import count_quantile, draw_counts, log_factorial
from ._support import Support


class Poisson(PositiveMean):
    r"""Counts with mean :math:`\mu`, the inverse link of :math:`\eta`.

    .. math:: \log f(y) = y \log\mu - \mu - \log y!

    The variance is :math:`\mu`; there is no scale.

    Parameters
    ----------
    link : {"log", "identity", "inverse"}, default="log"
        With "identity" and "inverse" probabilities are zero where :math:`\eta \le 0`.

    References
    ----------
    McCullagh, P. & Nelder, J. A. (1989). Generalized Linear Models, chapter 6.
    """

    constants = ()
    support = Support(0, lattice=True)

    def base(self, y):
        return -log_factorial(y)

    def evaluate(self, y, eta, scale, log_prior):
        at = self._link().log_mean(eta)
        mu = np.exp(at.value)
        log_joint = y * at.value
        log_joint -= mu
        log_joint += log_prior
        return Evaluation(log_joint, at.first(y - mu), at.information(mu), 1.0, ())

    def derivatives(self, y, eta, scale):
        at = self._link().log_mean(eta)
        mu = np.exp(at.value)
        score = y - mu
        log_density = y * at.value - mu
        zero = np.broadcast_to(0.0, log_density.shape)
        return Derivatives(
            log_density, at.first(score), zero, at.second(score, -mu), zero, zero
        )

    def log_kernel(self, y, eta, scale):
        at = self._link().log_mean(eta)
        return y * at.value - np.exp(at.value)

    def variance(self, eta, scale):
        return self._link().admissible_mean(eta)

    def cdf(self, y, eta, scale):
        return _cdf(y, self._link().admissible_mean(eta))

    def quantile(self, u, eta, scale):
        mu = self._link().admissible_mean(eta)
        return count_quantile(lambda count: _cdf(count, mu), u, np.inf)

    def sample(self, eta, scale, rng):
        return draw_counts(self._link().admissible_mean(eta), rng)


def _cdf(y, mu):
    # P(Y <= y) = Q(y + 1, mu), the regularized upper incomplete gamma function.
    probability = special.gammaincc(np.maximum(np.floor(y), 0) + 1, mu)
    return np.where(np.less(y, 0), 0 * probability, probability)
