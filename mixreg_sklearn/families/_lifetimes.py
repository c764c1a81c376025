"""Accelerated failure time families: Weibull, log-normal and log-logistic lifetimes."""

from abc import abstractmethod

import numpy as np
from scipy import special

from .._docs import documented
from ._errors import LeastExtreme, Logistic, Normal
from ._location_scale import LocationScale
from ._support import Support


class Lifetime(LocationScale):
    r"""Base of lifetimes with :math:`\log T = \eta + \sigma W`."""

    support = Support(0)

    def line(self, y):
        # There is no response below zero: it is as if it were zero.
        return np.log(np.maximum(y, 0.0))

    def base(self, y):
        # The density of T is that of log T over t.
        return np.where(self.has_density(y), -y[0], 0.0)

    def check_target(self, y):
        if np.ndim(y) == 1:
            self.support.check(y, type(self).__name__)
            return
        super().check_target(y)
        lower, upper = np.asarray(y).T
        wrong = (lower < 0) | (upper <= 0)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ValueError(
                f"y: row {row} has the bounds ({lower[row]:g}, {upper[row]:g}), but"
                " times are positive, and lower bounds at least zero."
            )

    @abstractmethod
    def _log_moment(self, power, scale):
        r""":math:`\log E\,e^{r \sigma W}` for a power r, infinite if there is none."""

    def mean(self, eta, scale):
        """Expected lifetime, (C, B), infinite where it does not exist."""
        with np.errstate(over="ignore"):
            return np.exp(eta + self._log_moment(1, scale))

    def variance(self, eta, scale):
        first, second = self._log_moment(1, scale), self._log_moment(2, scale)
        with np.errstate(over="ignore", invalid="ignore"):
            part = np.exp(2 * (eta + first)) * np.expm1(second - 2 * first)
        return np.where(np.isinf(second) | np.isnan(part), np.inf, part)

    def _standard(self, y, eta, scale):
        with np.errstate(divide="ignore"):
            return (np.log(np.maximum(y, 0.0)) - eta) / scale

    def cdf(self, y, eta, scale):
        return np.exp(self.errors.log_cdf(self._standard(y, eta, scale)))

    def sf(self, y, eta, scale):
        return np.exp(self.errors.log_sf(self._standard(y, eta, scale)))

    def quantile(self, u, eta, scale):
        with np.errstate(over="ignore"):
            return np.exp(eta + scale * self.errors.quantile(u))


@documented
class Weibull(Lifetime):
    r"""Weibull lifetimes, :math:`S(t) = \exp(-(t / e^\eta)^{1/\sigma})`.

    An accelerated failure time model, :math:`\log T = \eta + \sigma W` with W standard
    minimum extreme value: one more of a feature multiplies all lifetimes by
    :math:`e^b`. With a common :math:`\sigma` it is one of proportional hazards, too,
    with ratio :math:`e^{-b / \sigma}`. `scale_` is :math:`\sigma`, as in R's `survreg`;
    1 is an exponential distribution. The mean is :math:`e^\eta \Gamma(1 + \sigma)`.

    {lifetimes}
    """

    errors = LeastExtreme()

    def _log_moment(self, power, scale):
        return special.gammaln(1 + power * np.asarray(scale))


@documented
class LogNormal(Lifetime):
    r"""Log-normal lifetimes, :math:`S(t) = \Phi((\eta - \log t) / \sigma)`.

    An accelerated failure time model, :math:`\log T = \eta + \sigma W` with W standard
    normal: one more of a feature multiplies all lifetimes by :math:`e^b`. `scale_` is
    :math:`\sigma`, as in R's `survreg`. The mean is :math:`e^{\eta + \sigma^2 / 2}`.

    {lifetimes}
    """

    errors = Normal()

    def _log_moment(self, power, scale):
        return 0.5 * np.square(power * np.asarray(scale))


@documented
class LogLogistic(Lifetime):
    r"""Log-logistic lifetimes, :math:`S(t) = 1 / (1 + (t / e^\eta)^{1/\sigma})`.

    An accelerated failure time model, :math:`\log T = \eta + \sigma W` with W standard
    logistic: one more of a feature multiplies all lifetimes by :math:`e^b`, and the
    odds of survival are proportional. `scale_` is :math:`\sigma`, as in R's `survreg`.
    The mean is :math:`e^\eta \pi\sigma / \sin(\pi\sigma)`; for :math:`\sigma \ge 1` it
    does not exist and is reported as infinite, as is the variance for
    :math:`\sigma \ge 1/2`. Quantiles always exist.

    {lifetimes}
    """

    errors = Logistic()

    def _log_moment(self, power, scale):
        reach = power * np.asarray(scale, dtype=float)
        exists = reach < 1
        # sinc(x) is sin(pi x) / (pi x).
        return np.where(exists, -np.log(np.sinc(np.where(exists, reach, 0.0))), np.inf)
