"""How scales are estimated: the maximum likelihood update and its safeguards."""

from typing import NamedTuple

import numpy as np

# Variances below this, for a response of unit variance, are rounding.
ROUNDING = 1e-20
# A component of less than this many rows has none, and keeps its variance.
_NO_WEIGHT = 1e-9


class ScaleRule(NamedTuple):
    r"""One update of the variances that covers the search and the estimate.

    The variances maximise
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
        """New variances of shape (R, K); a component without weight keeps its own."""
        if self.strength:
            squares = squares + self.strength * self.target
            weight = weight + self.strength
        if self.tied is not False or self.ratio:
            pooled = squares.sum(axis=1, keepdims=True) / weight.sum(
                axis=1, keepdims=True
            )
        if self.tied is True:
            return np.maximum(np.repeat(pooled, squares.shape[1], axis=1), self.floor)
        if weight.min() < _NO_WEIGHT:
            empty = weight < _NO_WEIGHT
            squares = np.where(empty, current, squares)
            weight = np.where(empty, 1.0, weight)
        variance = squares / weight
        if self.ratio:
            variance = np.maximum(variance, self.ratio * pooled)
        if self.tied is not False:
            variance = np.where(self.tied, pooled, variance)
        return np.maximum(variance, self.floor)

    def on_floor(self, scale):
        """Which scales are as small as the rule admits."""
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
