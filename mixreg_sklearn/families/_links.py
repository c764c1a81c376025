"""Links: how a mean depends on the linear predictor, and its derivatives.

Families of a positive response work with the logarithm of the mean, those of a
probability with ``log p`` and ``log(1 - p)``. In these terms every density is a short
formula, and no link needs a probability or a mean to be clipped. A link is `endless`
where means reach the ends of their range at infinite predictors only, and says itself
where a predictor is `outside`: there is no mean, and the density is zero.
"""

from typing import NamedTuple

import numpy as np
from scipy import special

# Means stay within exp(+-200), so that the fourth power of one, which squares of
# derivatives contain, is still a number. Data are never near; wild starts are. The
# derivatives beyond are those of the bound, so that steps lead back.
_FURTHEST = 200.0
# Beyond this the probit's second derivative is rounding: it cancels as eps * eta**2.
_FURTHEST_PROBIT = 1e4


class LogMean(NamedTuple):
    """Logarithm of a positive mean, with what it takes to differentiate through it.

    Attributes
    ----------
    value : ndarray
        ``log mu``.
    slope, bend : ndarray or None
        First and second derivative in ``eta``; None stands for 1 and 0, and spares
        the log link its passes. Both are zero where no mean exists.
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
    """What links have in common."""

    endless = True

    def outside(self, eta):
        """Where a linear predictor has no mean; None for nowhere."""
        return None


class Log(_Link):
    r""":math:`\mu = e^\eta`."""

    name = "log"

    def mean(self, eta):
        """Mean at a linear predictor."""
        return np.exp(np.clip(eta, -_FURTHEST, _FURTHEST))

    def admissible_mean(self, eta):
        """Mean, which every linear predictor has."""
        return self.mean(eta)

    def predictor(self, mean):
        """Linear predictor of a mean."""
        return np.log(mean)

    def log_mean(self, eta):
        """-> LogMean."""
        return LogMean(np.clip(eta, -_FURTHEST, _FURTHEST))


class _Restricted(_Link):
    """A link under which only positive linear predictors have a positive mean."""

    endless = False

    def outside(self, eta):
        """Where a linear predictor is not positive."""
        return np.less_equal(eta, 0)

    def admissible_mean(self, eta):
        """Mean, NaN where there is none."""
        return np.where(self.outside(eta), np.nan, self.mean(_positive(eta)))


class Identity(_Restricted):
    r""":math:`\mu = \eta`."""

    name = "identity"

    def mean(self, eta):
        """Mean at a linear predictor."""
        return eta

    def predictor(self, mean):
        """Linear predictor of a mean."""
        return mean

    def log_mean(self, eta):
        """-> LogMean."""
        outside, eta = self.outside(eta), _positive(eta)
        slope = np.where(outside, 0.0, 1 / eta)
        return LogMean(np.log(eta), slope, -(slope**2))


class Inverse(_Restricted):
    r""":math:`\mu = 1 / \eta`."""

    name = "inverse"

    def mean(self, eta):
        """Mean at a linear predictor; infinite at zero."""
        with np.errstate(divide="ignore"):
            return 1 / np.asarray(eta, dtype=float)

    def predictor(self, mean):
        """Linear predictor of a mean."""
        return 1 / mean

    def log_mean(self, eta):
        """-> LogMean."""
        outside, eta = self.outside(eta), _positive(eta)
        slope = np.where(outside, 0.0, -1 / eta)
        return LogMean(-np.log(eta), slope, slope**2)


def _positive(eta):
    """Within the bounds of a mean; where there is none, a harmless stand-in."""
    return np.clip(eta, np.exp(-_FURTHEST), np.exp(_FURTHEST))


class Logit(_Link):
    r""":math:`p = 1 / (1 + e^{-\eta})`."""

    name = "logit"
    # Where p and 1 - p are both above 1e-87.
    bounds = (-_FURTHEST, _FURTHEST)

    def mean(self, eta):
        """Probability at a linear predictor."""
        return special.expit(eta)

    def predictor(self, mean):
        """Linear predictor of a probability."""
        return special.logit(mean)

    def logs(self, eta):
        """-> LogProbabilities."""
        log_total = np.log1p(np.exp(-np.abs(eta)))
        success = np.minimum(eta, 0) - log_total
        failure = -np.maximum(eta, 0) - log_total
        return LogProbabilities(success, failure, np.exp(failure), -np.exp(success))

    def bend(self, eta):
        """Derivative of ``log(dp / d eta)``."""
        return -np.tanh(np.multiply(eta, 0.5))


class Probit(_Link):
    r""":math:`p = \Phi(\eta)`."""

    name = "probit"
    bounds = (-19.0, 19.0)

    def mean(self, eta):
        """Probability at a linear predictor."""
        return special.ndtr(eta)

    def predictor(self, mean):
        """Linear predictor of a probability."""
        return special.ndtri(mean)

    def logs(self, eta):
        """-> LogProbabilities; all from one scaled error function of the tail."""
        x = np.clip(eta, -_FURTHEST_PROBIT, _FURTHEST_PROBIT) * np.sqrt(0.5)
        square = x * x
        scaled, bell = special.erfcx(np.abs(x)), np.exp(-square)
        tail = 0.5 * scaled * bell
        log_tail, log_rest = np.log(0.5 * scaled) - square, np.log1p(-tail)
        # The inverse Mills ratio, and the density over the larger probability.
        unit = np.sqrt(2 / np.pi)
        steep, flat = unit / scaled, 0.5 * unit * bell / (1 - tail)
        lower = np.less(x, 0)
        return LogProbabilities(
            np.where(lower, log_tail, log_rest),
            np.where(lower, log_rest, log_tail),
            np.where(lower, steep, flat),
            -np.where(lower, flat, steep),
        )

    def bend(self, eta):
        """Derivative of ``log(dp / d eta)``."""
        return -np.clip(eta, -_FURTHEST_PROBIT, _FURTHEST_PROBIT)


class Cloglog(_Link):
    r""":math:`p = 1 - \exp(-e^\eta)`."""

    name = "cloglog"
    bounds = (-_FURTHEST, np.log(_FURTHEST))

    def mean(self, eta):
        """Probability at a linear predictor."""
        return -np.expm1(-np.exp(np.minimum(eta, _FURTHEST)))

    def predictor(self, mean):
        """Linear predictor of a probability."""
        return np.log(-np.log1p(-np.asarray(mean, dtype=float)))

    def logs(self, eta):
        """-> LogProbabilities."""
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
        """Derivative of ``log(dp / d eta)``."""
        return 1 - np.exp(np.minimum(eta, _FURTHEST))


_LINKS = {
    link.name: link
    for link in (Identity(), Log(), Inverse(), Logit(), Probit(), Cloglog())
}


def resolve_link(link, allowed, default):
    """The link object that a family's parameter means.

    Parameters
    ----------
    link : str, link object or None
        None is the default.
    allowed : tuple of str
    default : str

    Returns
    -------
    link object

    Raises
    ------
    ValueError
        If it is not one of the allowed links.
    """
    name = default if link is None else getattr(link, "name", link)
    if not isinstance(name, str) or name not in allowed:
        names = ", ".join(repr(known) for known in allowed)
        raise ValueError(f"link must be one of {names}; got {link!r}.")
    return _LINKS[name] if link is None or isinstance(link, str) else link
