r"""How constants are estimated: one rule for its safeguards, and two kinds of update.

A constant :math:`\phi` is updated through :math:`\phi^2`, which for a scale is a
variance, or in proportion to one.
"""

from typing import NamedTuple

import numpy as np

# Variances below this, for a response of unit variance, are rounding.
ROUNDING = 1e-20
# A component of less than this many rows has none, and keeps its variance.
NO_WEIGHT = 1e-9
# Variances are no smaller than the square of rounding: the data cannot tell.
_LEAST = 1e-32
# A Newton step changes no logarithm by more than this.
_LONGEST = 1.0


class ScaleRule(NamedTuple):
    r"""One update of the variances that covers the search and the estimate.

    The variances maximize
    :math:`\ell - \frac{\nu}{2} \sum_k (\log s_k^2 + s_0 / s_k^2)`, so

    .. math:: s_k^2 = (S_k + \nu s_0) / (N_k + \nu)

    with :math:`S_k` the weighted residual sum of squares of component k and
    :math:`N_k` its weight; a common one has the sums over k above and below. With
    ``nu = 0`` this is maximum likelihood. The penalty keeps the otherwise unbounded
    likelihood of unequal variances bounded (Chen, Tan & Zhang 2008); its target is a
    variance that the data support.

    Attributes
    ----------
    tied : bool or ndarray of bool of shape (R, 1)
        One variance for all components; in an array, for these restarts of a batch.
    ratio : float
        Lower bound on a variance, relative to the pooled variance of the moment.
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
        """New variances from sums of squares.

        Parameters
        ----------
        squares, weight : ndarray of shape (R, K)
        current : ndarray of shape (R, K)
            The old variances.

        Returns
        -------
        ndarray of shape (R, K)
        """
        if self.strength:
            squares = squares + self.strength * self.target
            weight = weight + self.strength
        pooled = None
        if self.tied is not False or self.ratio:
            total = np.maximum(weight.sum(axis=1, keepdims=True), NO_WEIGHT)
            pooled = squares.sum(axis=1, keepdims=True) / total
        own = squares / np.maximum(weight, NO_WEIGHT)
        return self.settle(own, pooled, weight, current)

    def settle(self, own, pooled, weight, current):
        """Variances within the rule, from those that the rows suggest.

        Parameters
        ----------
        own : ndarray of shape (R, K)
            Suggested by the rows of each component.
        pooled : ndarray of shape (R, 1), or None
            Suggested by all rows together; None if the rule does not ask for it.
        weight : ndarray of shape (R, K)
        current : ndarray of shape (R, K)
            The old variances, which components without rows keep.

        Returns
        -------
        ndarray of shape (R, K)
        """
        variance = own
        if weight.min() < NO_WEIGHT:
            variance = np.where(weight < NO_WEIGHT, current, own)
        if self.ratio:
            variance = np.maximum(variance, self.ratio * pooled)
        if self.tied is not False:
            variance = np.where(self.tied, pooled, variance)
        return np.maximum(variance, max(self.floor, _LEAST))

    def on_floor(self, scale):
        """Where scales are at their absolute lower bound, to rounding."""
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
    r"""One damped Newton step in :math:`\log\phi`, where there is no closed form.

    Parameters
    ----------
    rule : ScaleRule
    scale, weight : ndarray of shape (R, K)
    statistic : ndarray of shape (R, K, 2)
        First and second derivative of the log-likelihood in ``log scale``.

    Returns
    -------
    ndarray of shape (R, K)
    """
    first, second = rule.penalty_derivatives(scale)
    first, second = first + statistic[..., 0], second + statistic[..., 1]
    own = scale * _exp_step(first, second)
    # A common scale of components that do not have one yet: their geometric mean.
    share = weight / weight.sum(axis=1, keepdims=True)
    common = np.exp((share * np.log(scale)).sum(axis=1, keepdims=True))
    together = _exp_step(
        first.sum(axis=1, keepdims=True), second.sum(axis=1, keepdims=True)
    )
    return np.sqrt(rule.settle(own**2, (common * together) ** 2, weight, scale**2))


def _exp_step(first, second):
    """Factor that a Newton step puts on the scale; uphill where curvature is wrong."""
    curvature = np.maximum(np.abs(second), np.finfo(float).tiny)
    with np.errstate(over="ignore"):
        step = first / curvature
    return np.exp(np.clip(step, -_LONGEST, _LONGEST))
