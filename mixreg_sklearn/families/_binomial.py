"""Binomial family."""

import numpy as np
from scipy import special

from ._base import Derivatives, Evaluation, Family
from ._special import count_quantile, either, is_count, log_factorial
from ._support import Support


class Binomial(Family):
    r"""Successes :math:`s` out of :math:`t` trials of probability :math:`p`.

    .. math:: \log f(s) = s \log p + (t - s) \log(1 - p) + \log \tbinom{t}{s}

    :math:`p` is the inverse link of :math:`\eta`. With one trial, 0 and 1, a mixture is
    not identified unless rows are grouped; see the user guide. There is no scale.

    The methods of the likelihood take the target ``(successes, trials)``; `mean` and
    the methods below it take successes alone, and ``trials``.

    Parameters
    ----------
    link : {"logit", "probit", "cloglog"}, default="logit"

    References
    ----------
    McCullagh, P. & Nelder, J. A. (1989). Generalized Linear Models, chapter 4.
    """

    constants = ()
    support = Support(0, lattice=True)
    row_data = ("trials",)
    links = ("logit", "probit", "cloglog")

    def __init__(self, link="logit"):
        self.link = link

    def admits(self, y, trials=np.inf):
        return super().admits(y) & np.less_equal(y, trials)

    def target(self, y, trials=None):
        """Successes and trials, (2, n); trials are whole numbers, max(y, 1) or more."""
        y = np.asarray(y, dtype=float)
        given = trials is not None
        trials = np.ones_like(y) if not given else np.asarray(trials, dtype=float)
        if trials.ndim and trials.shape != y.shape:
            raise ValueError(
                f"trials has shape {trials.shape}, but y has shape {y.shape}."
            )
        if not (is_count(trials) & (trials >= 1)).all():
            raise ValueError("trials must be whole numbers of at least 1.")
        if (y > trials).any():
            hint = "" if given else " (trials is 1 for every row unless it is given)"
            row = np.argmax(y > trials)
            raise ValueError(
                f"trials must be at least y{hint}; row {row} has y={y[row]:g}."
            )
        return np.stack([y, np.broadcast_to(trials, y.shape)])

    def base(self, y):
        return _log_choose(*y)

    def initial(self, y):
        return self._link().predictor((y[0] + 0.5) / (y[1] + 1))

    def evaluate(self, y, eta, scale, log_prior):
        successes, trials = y
        failures = trials - successes
        at = self._link().logs(eta)
        log_joint = successes * at.success
        log_joint += failures * at.failure
        log_joint += log_prior
        score = successes * at.success_slope
        score += failures * at.failure_slope
        # dp^2 / (p q), since the slopes are dp / p and -dp / q.
        information = at.success_slope * at.failure_slope
        information *= -trials
        return Evaluation(log_joint, score, information, 1.0, ())

    def derivatives(self, y, eta, scale):
        successes, trials = y
        failures = trials - successes
        link = self._link()
        at, bend = link.logs(eta), link.bend(eta)
        p, q = at.success_slope, at.failure_slope
        log_density = successes * at.success + failures * at.failure
        zero = np.broadcast_to(0.0, log_density.shape)
        curvature = successes * p * (bend - p) + failures * q * (bend - q)
        return Derivatives(
            log_density, successes * p + failures * q, zero, curvature, zero, zero
        )

    def log_kernel(self, y, eta, scale):
        successes, trials = y
        at = self._link().logs(eta)
        return successes * at.success + (trials - successes) * at.failure

    def mean(self, eta, scale, *, trials=1):
        return trials * self._link().mean(eta)

    def variance(self, eta, scale, *, trials=1):
        at = self._link().logs(eta)
        return trials * np.exp(at.success + at.failure)

    def cdf(self, y, eta, scale, *, trials=1):
        return _cdf(y, trials, self._link().logs(eta))

    def quantile(self, u, eta, scale, *, trials=1):
        at = self._link().logs(eta)
        return count_quantile(lambda count: _cdf(count, trials, at), u, trials)

    def sample(self, eta, scale, rng, *, trials=1):
        probability = self._link().mean(eta)
        return rng.binomial(np.asarray(trials).astype(np.int64), probability) * 1.0


def _log_choose(successes, trials):
    if trials.max(initial=1) == 1:
        return 0.0
    chosen = log_factorial(successes) + log_factorial(trials - successes)
    return log_factorial(trials) - chosen


def _cdf(y, trials, at):
    # P(S <= s) = I_{1-p}(t - s, s + 1); use the smaller of p and 1 - p, which is exact.
    count = np.clip(np.floor(y), 0, np.maximum(np.subtract(trials, 1), 0))
    left = np.subtract(trials, count)
    probability = either(
        at.success < at.failure,
        special.betaincc,
        (count + 1, left, np.exp(np.minimum(at.success, 0))),
        special.betainc,
        (left, count + 1, np.exp(at.failure)),
    )
    probability = np.where(np.less(y, 0), 0 * probability, probability)
    return np.where(np.greater_equal(y, trials), 1.0, probability)
