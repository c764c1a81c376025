"""How scales are estimated: the maximum likelihood update and its safeguards."""

from typing import NamedTuple

import numpy as np


class ScaleRule(NamedTuple):
    r"""One update of the variances that covers the search and the estimate.

    The variances maximise :math:`\ell - \frac{\nu}{2}\sum_k(\log s_k^2 + s_0/s_k^2)`, so

    .. math:: s_k^2 = (S_k + \nu s_0) / (N_k + \nu)

    with :math:`S_k` the weighted residual sum of squares of component k and
    :math:`N_k` its weight. With ``nu = 0`` this is maximum likelihood. The penalty
    keeps the otherwise unbounded likelihood of unequal variances bounded (Chen, Tan &
    Zhang 2008); its target is a variance that the data support.

    Attributes
    ----------
    tied : bool
        One variance for all components.
    ratio : float
        Lower bound on a variance, relative to the pooled variance of the moment.
    floor : float
        Absolute lower bound on a variance.
    strength : float
        ``nu``, in pseudo-observations.
    target : float
        ``s_0``.
    """

    tied: bool = False
    ratio: float = 0.0
    floor: float = 0.0
    strength: float = 0.0
    target: float = 1.0

    def variance(self, squares, weight, current):
        """New variances of shape (R, K); a component without weight keeps its own."""
        total = squares.sum(axis=1, keepdims=True)
        total_weight = weight.sum(axis=1, keepdims=True)
        pooled = total / total_weight
        if self.tied:
            return np.maximum(np.broadcast_to(pooled, squares.shape), self.floor)
        denominator = weight + self.strength
        empty = denominator < 1e-12 * total_weight
        variance = (squares + self.strength * self.target) / np.where(
            empty, 1.0, denominator
        )
        variance = np.where(empty, current, variance)
        return np.maximum(np.maximum(variance, self.ratio * pooled), self.floor)

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
