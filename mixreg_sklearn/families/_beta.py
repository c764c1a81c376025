"""Beta family, mean and precision."""

import numpy as np
from scipy import special

from ._base import Derivatives, Evaluation, Family
from ._special import excess, excess_bend, excess_slope
from ._support import Constant, Support


class Beta(Family):
    r"""Shares in (0, 1) with mean :math:`\mu` and precision :math:`\nu = \phi^{-2}`.

    .. math:: \log f(y) = \log\frac{\Gamma(\nu)}{\Gamma(\mu\nu)\,\Gamma((1-\mu)\nu)}
              + (\mu\nu - 1) \log y + ((1-\mu)\nu - 1) \log(1 - y)

    :math:`\mu` is the inverse link of :math:`\eta`; the variance is
    :math:`\mu (1 - \mu) / (1 + \nu)`.

    Parameters
    ----------
    link : {"logit", "probit", "cloglog"}, default="logit"

    References
    ----------
    Ferrari, S. & Cribari-Neto, F. (2004). Beta regression for modeling rates and
    proportions. Journal of Applied Statistics 31, 799-815.
    """

    constants = (Constant("scale", collapses=True),)
    support = Support(0, 1)
    links = ("logit", "probit", "cloglog")

    def __init__(self, link="logit"):
        self.link = link

    def check_target(self, y):
        if ((y == 0) | (y == 1)).any() and ((y >= 0) & (y <= 1)).all():
            raise ValueError(
                "y is out of range: the beta family needs 0 < y < 1, and some y are"
                " exactly 0 or 1. Move them inside: (y * (n - 1) + 0.5) / n, for n rows"
                " (Smithson & Verkuilen 2006). Successes among trials are binomial."
            )
        super().check_target(y)

    def base(self, y):
        return -np.log(y) - np.log1p(-y)

    def initial(self, y):
        return self._link().predictor(y)

    def evaluate(self, y, eta, scale, log_prior):
        parts = _Parts(self._link(), y, eta, scale)
        log_joint = parts.log_density()
        log_joint += log_prior
        score = parts.mean_slope() * parts.slope
        information = -parts.mean_bend() * parts.slope**2
        return Evaluation(log_joint, score, information, 1.0, parts.log_scale())

    def derivatives(self, y, eta, scale):
        parts = _Parts(self._link(), y, eta, scale)
        score = parts.mean_slope() * parts.slope
        first, second = parts.log_scale()
        return Derivatives(
            parts.log_density(),
            score,
            first,
            parts.mean_bend() * parts.slope**2 + score * parts.bend,
            parts.mixed() * parts.slope,
            second,
        )

    def mean(self, eta, scale):
        return self._link().mean(eta)

    def variance(self, eta, scale):
        a, b = self._shapes(eta, scale)
        return a * b / ((a + b) ** 2 * (1 + a + b))

    def cdf(self, y, eta, scale):
        return special.betainc(*self._shapes(eta, scale), np.clip(y, 0, 1))

    def quantile(self, u, eta, scale):
        return special.betaincinv(*self._shapes(eta, scale), u)

    def sample(self, eta, scale, rng):
        draws = rng.beta(*self._shapes(eta, scale))
        # A draw may round to a bound, which is not a possible response.
        return np.clip(draws, np.finfo(float).tiny, 1 - np.finfo(float).epsneg)

    def _shapes(self, eta, scale):
        """``mu nu`` and ``(1 - mu) nu``."""
        link = self._link()
        at = link.logs(np.clip(eta, *link.bounds))
        precision = np.asarray(scale, dtype=float) ** -2.0
        return np.exp(at.success) * precision, np.exp(at.failure) * precision


class _Parts:
    r"""Terms of the density and its derivatives, exact as ``nu`` grows.

    With the gamma excess ``h`` (see `_special`) and ``q = 1 - mu``

    .. math:: \log f = h(\mu\nu) + h(q\nu) - h(\nu) - \nu D - \log y - \log(1 - y)

    where :math:`D = \mu\, c(y / \mu) + q\, c((1 - y) / q)`, with
    :math:`c(t) = t - 1 - \log t`, is the Kullback-Leibler divergence of ``y`` from
    the mean.
    """

    def __init__(self, link, y, eta, scale):
        # Both shapes stay finite; derivatives beyond a bound are those at the bound.
        eta = np.clip(eta, *link.bounds)
        at = link.logs(eta)
        self.precision = scale**-2.0
        self.mu, self.q = np.exp(at.success), np.exp(at.failure)
        self.slope = self.mu * at.success_slope
        self.bend = link.bend(eta)
        self.a, self.b = self.mu * self.precision, self.q * self.precision
        success, failure = y / self.mu, (1 - y) / self.q
        log_success, log_failure = np.log(success), np.log(failure)
        self.log_odds = log_success - log_failure
        self.divergence = self.mu * (success - 1 - log_success)
        self.divergence += self.q * (failure - 1 - log_failure)
        self.slopes = excess_slope(self.a), excess_slope(self.b)
        self.bends = excess_bend(self.a), excess_bend(self.b)

    def log_density(self):
        """The log-density less its base."""
        value = excess(self.a) + excess(self.b) - excess(self.precision)
        return value - self.precision * self.divergence

    def mean_slope(self):
        """First derivative in ``mu``."""
        return self.precision * self._tilt()

    def mean_bend(self):
        """Second derivative in ``mu``, which does not depend on ``y``."""
        sharpness = self.precision * (self.bends[0] + self.bends[1])
        return self.precision * (sharpness - 1 / self.mu - 1 / self.q)

    def log_scale(self):
        """First and second derivative in ``log phi``, where ``nu = phi^-2``."""
        nu, mu, q = self.precision, self.mu, self.q
        slope = mu * self.slopes[0] + q * self.slopes[1] - excess_slope(nu)
        slope = nu * (slope - self.divergence)
        bend = mu**2 * self.bends[0] + q**2 * self.bends[1] - excess_bend(nu)
        return -2 * slope, 4 * slope + 4 * nu**2 * bend

    def mixed(self):
        """Derivative in ``mu`` and ``log phi``."""
        change = self.a * self.bends[0] - self.b * self.bends[1]
        return -2 * self.precision * (self._tilt() + change)

    def _tilt(self):
        return self.slopes[0] - self.slopes[1] + self.log_odds
