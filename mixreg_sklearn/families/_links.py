"""Links: how a mean depends on the linear predictor, and its derivatives.

Families of a positive response work with the logarithm of the mean, those of a
probability with ``log p`` and ``log(1 - p)``. In these terms every density is a short
formula, and no probability and no mean is clipped.
"""

from typing import NamedTuple

import numpy as np
from scipy import special

# Means stay within exp(+-200), so that their fourth powers, which squares of
# derivatives contain, are finite. Only wild starts come near. The derivatives beyond a
# bound are those at the bound, so that steps lead back.
_FURTHEST = 200.0
# Beyond this the second derivative of the probit is rounding error, eps * eta**2.
_FURTHEST_PROBIT = 1e4


class LogMean(NamedTuple):
    """Logarithm of a positive mean, with its derivatives; arrays of the shape of `eta`.

    `slope` and `bend` are the first and second derivative in ``eta``; None stands for 1
    and 0, which saves the log link some passes. Both are zero where no mean exists.
    """

    value: np.ndarray
    slope: np.ndarray | None = None
    bend: np.ndarray | None = None

    def first(self, score):
        """``d/d eta`` from ``d/d log mu``."""
        return score if self.slope is None else self.slope * score

    def second(self, score, curvature):
        """``d2/d eta2`` from the first and second derivative in ``log mu``."""
        if self.slope is None:
            return curvature
        return self.slope**2 * curvature + self.bend * score

    def information(self, information):
        """Fisher information on ``eta`` from that on ``log mu``."""
        return information if self.slope is None else self.slope**2 * information


class LogProbabilities(NamedTuple):
    """``log p``, ``log(1 - p)`` and their first derivatives in ``eta``."""

    success: np.ndarray
    failure: np.ndarray
    success_slope: np.ndarray
    failure_slope: np.ndarray


class _Link:
    """Base of all links.

    `mean` and its inverse `predictor` act elementwise. A link of a positive mean has
    `admissible_mean`, NaN where there is no mean, and `log_mean` (-> LogMean). A link
    of a probability has `logs` (-> LogProbabilities), `bend`, the derivative of
    ``log(dp / d eta)``, and `bounds` on the predictor, within which ``p`` and ``1 - p``
    are both above 1e-87.
    """

    # Whether only infinite predictors give the ends of the mean's range, so that
    # separation makes coefficients infinite.
    endless = True

    def outside(self, eta):
        """Where a linear predictor has no mean; None for nowhere."""
        return None


class Log(_Link):
    r""":math:`\mu = e^\eta`."""

    name = "log"

    def mean(self, eta):
        return np.exp(np.clip(eta, -_FURTHEST, _FURTHEST))

    def admissible_mean(self, eta):
        return self.mean(eta)

    def predictor(self, mean):
        return np.log(mean)

    def log_mean(self, eta):
        return LogMean(np.clip(eta, -_FURTHEST, _FURTHEST))


class _Restricted(_Link):
    """A link under which only positive linear predictors have a positive mean."""

    endless = False

    def outside(self, eta):
        return np.less_equal(eta, 0)

    def admissible_mean(self, eta):
        return np.where(self.outside(eta), np.nan, self.mean(_positive(eta)))


class Identity(_Restricted):
    r""":math:`\mu = \eta`."""

    name = "identity"

    def mean(self, eta):
        return eta

    def predictor(self, mean):
        return mean

    def log_mean(self, eta):
        outside, eta = self.outside(eta), _positive(eta)
        slope = np.where(outside, 0.0, 1 / eta)
        return LogMean(np.log(eta), slope, -(slope**2))


class Inverse(_Restricted):
    r""":math:`\mu = 1 / \eta`."""

    name = "inverse"

    def mean(self, eta):
        with np.errstate(divide="ignore"):
            return 1 / np.asarray(eta, dtype=float)

    def predictor(self, mean):
        return 1 / mean

    def log_mean(self, eta):
        outside, eta = self.outside(eta), _positive(eta)
        slope = np.where(outside, 0.0, -1 / eta)
        return LogMean(-np.log(eta), slope, slope**2)


def _positive(eta):
    """Predictors within the bounds of a mean, also where there is no mean."""
    return np.clip(eta, np.exp(-_FURTHEST), np.exp(_FURTHEST))


class Logit(_Link):
    r""":math:`p = 1 / (1 + e^{-\eta})`."""

    name = "logit"
    bounds = (-_FURTHEST, _FURTHEST)

    def mean(self, eta):
        return special.expit(eta)

    def predictor(self, mean):
        return special.logit(mean)

    def logs(self, eta):
        log_total = np.log1p(np.exp(-np.abs(eta)))
        success = np.minimum(eta, 0) - log_total
        failure = -np.maximum(eta, 0) - log_total
        return LogProbabilities(success, failure, np.exp(failure), -np.exp(success))

    def bend(self, eta):
        return -np.tanh(np.multiply(eta, 0.5))


class Probit(_Link):
    r""":math:`p = \Phi(\eta)`."""

    name = "probit"
    bounds = (-19.0, 19.0)

    def mean(self, eta):
        return special.ndtr(eta)

    def predictor(self, mean):
        return special.ndtri(mean)

    def logs(self, eta):
        x = np.clip(eta, -_FURTHEST_PROBIT, _FURTHEST_PROBIT) * np.sqrt(0.5)
        square = x * x
        scaled, bell = special.erfcx(np.abs(x)), np.exp(-square)
        tail = 0.5 * scaled * bell
        log_tail, log_rest = np.log(0.5 * scaled) - square, np.log1p(-tail)
        # The inverse Mills ratio, and the density over the larger probability.
        factor = np.sqrt(2 / np.pi)
        steep, flat = factor / scaled, 0.5 * factor * bell / (1 - tail)
        lower = np.less(x, 0)
        return LogProbabilities(
            np.where(lower, log_tail, log_rest),
            np.where(lower, log_rest, log_tail),
            np.where(lower, steep, flat),
            -np.where(lower, flat, steep),
        )

    def bend(self, eta):
        return -np.clip(eta, -_FURTHEST_PROBIT, _FURTHEST_PROBIT)


class Cloglog(_Link):
    r""":math:`p = 1 - \exp(-e^\eta)`."""

    name = "cloglog"
    bounds = (-_FURTHEST, np.log(_FURTHEST))

    def mean(self, eta):
        return -np.expm1(-np.exp(np.minimum(eta, _FURTHEST)))

    def predictor(self, mean):
        return np.log(-np.log1p(-np.asarray(mean, dtype=float)))

    def logs(self, eta):
        eta = np.minimum(eta, _FURTHEST)
        hazard = np.exp(eta)
        # p = hazard * exprel(-hazard), which does not cancel where p is small.
        return LogProbabilities(
            eta + np.log(special.exprel(-hazard)),
            -hazard,
            1 / special.exprel(hazard),
            -hazard,
        )

    def bend(self, eta):
        return 1 - np.exp(np.minimum(eta, _FURTHEST))


_LINKS = {
    link.name: link
    for link in (Identity(), Log(), Inverse(), Logit(), Probit(), Cloglog())
}


def resolve_link(link, allowed):
    """The link object for a name, a link object, or None, the first one allowed.

    A ValueError is raised if it is not one of the allowed names.
    """
    link = allowed[0] if link is None else link
    name = getattr(link, "name", link)
    if not isinstance(name, str) or name not in allowed:
        names = ", ".join(map(repr, allowed))
        raise ValueError(f"link must be one of {names}; got {link!r}.")
    return _LINKS[name] if isinstance(link, str) else link
