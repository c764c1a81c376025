r"""How constants are estimated: one rule for their safeguards, two kinds of update.

A constant :math:`\phi` is updated through :math:`\phi^2`, which for a scale is
proportional to a variance.
"""

from typing import NamedTuple

import numpy as np

# Variances below this, for a response of variance one, are rounding errors.
ROUNDING = 1e-20
# A component of smaller weight has no rows, and keeps its variance.
NO_WEIGHT = 1e-9
# Variances are at least the square of the relative rounding error.
_LEAST = 1e-32
# The largest change of a logarithm by one Newton step.
_LONGEST = 1.0


class ScaleRule(NamedTuple):
    r"""How variances are updated, in the search and in the final fit.

    The variances maximize
    :math:`\ell - \frac{\nu}{2} \sum_k (\log s_k^2 + s_0 / s_k^2)`, so

    .. math:: s_k^2 = (S_k + \nu s_0) / (N_k + \nu)

    with :math:`S_k` the weighted residual sum of squares of component k and
    :math:`N_k` its weight; for a common variance, numerator and denominator are summed
    over k. With ``nu = 0`` this is maximum likelihood. The penalty bounds the otherwise
    unbounded likelihood of unequal variances (Chen, Tan & Zhang 2008); its target is a
    variance that the data support.

    Attributes
    ----------
    tied : bool or ndarray of bool of shape (R, 1)
        Whether all components share one variance; an array says so for each restart.
    ratio : float
        Lower bound on a variance, relative to the current pooled variance.
    floor : float
        Absolute lower bound on a variance.
    strength : float
        ``nu``, in pseudo-observations.
    target : float
        ``s_0``.
    """

    tied: bool | np.ndarray = False
    ratio: float = 0.0
    floor: float = 0.0
    strength: float = 0.0
    target: float = 1.0

    def variance(self, squares, weight, current):
        """New variances from sums of squares; all arrays are (R, K)."""
        if self.strength:
            squares = squares + self.strength * self.target
            weight = weight + self.strength
        pooled = None
        if self.tied is not False or self.ratio:
            total = np.maximum(weight.sum(axis=1, keepdims=True), NO_WEIGHT)
            pooled = squares.sum(axis=1, keepdims=True) / total
        separate = squares / np.maximum(weight, NO_WEIGHT)
        return self.settle(separate, pooled, weight, current)

    def settle(self, separate, pooled, weight, current):
        """Variances (R, K) that obey the rule, from estimates.

        Parameters
        ----------
        separate : ndarray of shape (R, K)
            From the rows of each component.
        pooled : ndarray of shape (R, 1), or None
            From all rows; None if the rule does not ask for it.
        weight : ndarray of shape (R, K)
        current : ndarray of shape (R, K)
            The old variances, which components without rows keep.
        """
        variance = separate
        if weight.min() < NO_WEIGHT:
            variance = np.where(weight < NO_WEIGHT, current, separate)
        if self.ratio:
            variance = np.maximum(variance, self.ratio * pooled)
        if self.tied is not False:
            variance = np.where(self.tied, pooled, variance)
        return np.maximum(variance, max(self.floor, _LEAST))

    def on_floor(self, scale):
        """Where scales (R, K) are at their absolute lower bound, to rounding."""
        return scale**2 <= self.floor * (1 + 1e-9)

    def penalty(self, scale):
        """Value added to the log-likelihood, shape (R,)."""
        if not self.strength:
            return 0.0
        variance = scale**2
        terms = np.log(variance) + self.target / variance
        return -0.5 * self.strength * terms.sum(axis=1)

    def penalty_derivatives(self, scale):
        """First and second derivative of the penalty in each log scale, (R, K)."""
        relative = self.target / scale**2
        return -self.strength * (1 - relative), -2 * self.strength * relative


def newton_update(rule, scale, weight, statistic):
    r"""New scales (R, K) by one damped Newton step in :math:`\log\phi`.

    Parameters
    ----------
    rule : ScaleRule
    scale, weight : ndarray of shape (R, K)
    statistic : ndarray of shape (R, K, 2)
        First and second derivative of the log-likelihood in ``log scale``.
    """
    first, second = rule.penalty_derivatives(scale)
    first, second = first + statistic[..., 0], second + statistic[..., 1]
    separate = scale * _exp_step(first, second)
    # The common scale starts at the geometric mean of the scales.
    share = weight / np.maximum(weight.sum(axis=1, keepdims=True), NO_WEIGHT)
    common = np.exp((share * np.log(scale)).sum(axis=1, keepdims=True))
    together = _exp_step(
        first.sum(axis=1, keepdims=True), second.sum(axis=1, keepdims=True)
    )
    pooled = (common * together) ** 2
    return np.sqrt(rule.settle(separate**2, pooled, weight, scale**2))


def _exp_step(first, second):
    """Factor by which a Newton step changes scales; it is uphill at any curvature."""
    curvature = np.maximum(np.abs(second), np.finfo(float).tiny)
    with np.errstate(over="ignore"):
        step = first / curvature
    return np.exp(np.clip(step, -_LONGEST, _LONGEST))
