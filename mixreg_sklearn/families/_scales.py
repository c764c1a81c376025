r"""How constants are estimated: one rule for their safeguards, two kinds of update.

A constant :math:`\phi` is updated through :math:`\phi^2`, which for a scale is
proportional to a variance.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import expit

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
    :math:`\ell - \frac{\nu}{2} \sum_k \log \frac{(s_k^2 + s_0)^2}{4 s_0 s_k^2}`, the
    logarithm of a log-F prior of the log variances with its mode at the target
    :math:`s_0` (Jones 2004). It falls linearly in :math:`|\log s_k^2 / s_0|`, so a
    component of many rows may have any variance, while the gain of a few rows near a
    line, which is linear too, is offset: a small variance is estimated with
    :math:`N_k - \nu` degrees of freedom. An update replaces the penalty by its tangent
    in :math:`1 / s_k^2`, a lower bound:

    .. math:: s_k^2 = (S_k + \nu t_k) / (N_k + \nu)

    with :math:`S_k` the weighted residual sum of squares of component k,
    :math:`N_k` its weight, and :math:`t_k` the harmonic mean of the target and the
    current variance; for a common variance, numerator and denominator are summed
    over k. With ``nu = 0`` this is maximum likelihood.
    """

    # Whether all components share one variance; an array (R, 1) is of every restart.
    tied: bool | np.ndarray = False
    ratio: float | np.ndarray = 0.0  # lower bound, relative to the pooled variance
    floor: float = 0.0  # absolute lower bound on a variance
    strength: float = 0.0  # nu, in pseudo-observations
    target: float = 1.0  # s_0
    held: np.ndarray | None = None  # scales (K,) that are not estimated; NaN where free

    def of_response(self, r):
        """The rule of response r: `floor` and `target` may be arrays, (m,)."""
        floor, target = (
            value if np.ndim(value) == 0 else float(value[r])
            for value in (self.floor, self.target)
        )
        return self._replace(floor=floor, target=target)

    def variance(self, squares, weight, current):
        """New variances from sums of squares; all arrays are (R, K)."""
        if self.strength:
            squares = squares + self.strength * self.pull(current)
            weight = weight + self.strength
        pooled = None
        if self.tied is not False or np.any(self.ratio):
            total = np.maximum(self.summed(weight), NO_WEIGHT)
            pooled = self.summed(squares) / total
        separate = squares / np.maximum(weight, NO_WEIGHT)
        return self.settle(separate, pooled, weight, current)

    def settle(self, separate, pooled, weight, current):
        """Variances (R, K) that obey the rule, from estimates.

        These are `separate` ones (R, K) from the rows of each component, and `pooled`
        (R, 1) from all rows, or None if the rule does not ask for it. Components
        without rows keep the `current` variances.
        """
        variance = separate
        if weight.min() < NO_WEIGHT:
            variance = np.where(weight < NO_WEIGHT, current, separate)
        if np.any(self.ratio):
            variance = np.maximum(variance, self.ratio * pooled)
        if self.tied is not False:
            variance = np.where(self.tied, pooled, variance)
        variance = np.maximum(variance, max(self.floor, _LEAST))
        return variance if self.held is None else self.kept(np.sqrt(variance)) ** 2

    def kept(self, scale):
        """Scales (..., K), those that are held at their values."""
        if self.held is None:
            return scale
        return np.where(np.isnan(self.held), scale, self.held)

    def free(self, n_components):
        """Scales that are estimated, (K,) of bool."""
        if self.held is None:
            return np.ones(n_components, dtype=bool)
        return np.isnan(self.held)

    def basis(self, n_components):
        """Orthonormal directions of scales, (K, m): all of a common one are one."""
        directions = np.eye(n_components)[:, self.free(n_components)]
        if self.tied is True and directions.size:
            directions = directions.sum(axis=1, keepdims=True)
            directions /= np.linalg.norm(directions)
        return directions

    def alike(self, order):
        """Whether components in the order `order` have the same scales held."""
        held = self.held
        return held is None or np.array_equal(held[list(order)], held, equal_nan=True)

    def summed(self, values):
        """Sums (R, 1) over the components whose scale is estimated."""
        if self.held is not None:
            values = values * np.isnan(self.held)
        return values.sum(axis=1, keepdims=True)

    def resized(self, n_components):
        """The rule of another number of components; held is what is the same in all."""
        held = self.held
        if held is None or len(held) == n_components:
            return self
        same = (held == held[0]).all()
        return self._replace(held=np.full(n_components, held[0]) if same else None)

    def on_floor(self, scale):
        """Where scales (R, K) are at their absolute lower bound, to rounding."""
        low = scale**2 <= self.floor * (1 + 1e-9)
        return low if self.held is None else low & np.isnan(self.held)

    def pull(self, variance):
        """Harmonic mean of the target and current variances, (R, K)."""
        return 2 * self.target * variance / (self.target + variance)

    def penalty(self, scale):
        """Value added to the log-likelihood, shape (R,)."""
        if not self.strength:
            return 0.0
        half = np.log(scale) - 0.5 * np.log(self.target)
        terms = np.logaddexp(half, -half) - np.log(2)
        return -self.strength * terms.sum(axis=1)

    def penalty_derivatives(self, scale):
        """First and second derivative of the penalty in each log scale, (R, K)."""
        half = np.log(scale) - 0.5 * np.log(self.target)
        share = expit(2 * half)
        first = self.strength * (1 - 2 * share)
        return first, -4 * self.strength * share * (1 - share)


def newton_update(rule, scale, weight, statistic):
    r"""New scales (R, K) by one damped Newton step in :math:`\log\phi`.

    `statistic` (R, K, 2) is the first and second derivative of the log-likelihood in
    it.
    """
    first, second = rule.penalty_derivatives(scale)
    first, second = first + statistic[..., 0], second + statistic[..., 1]
    separate = scale * _exp_step(first, second)
    # The common scale starts at the geometric mean of the scales.
    share = weight / np.maximum(rule.summed(weight), NO_WEIGHT)
    common = np.exp(rule.summed(share * np.log(scale)))
    sums = (rule.summed(derivative) for derivative in (first, second))
    pooled = (common * _exp_step(*sums)) ** 2
    return np.sqrt(rule.settle(separate**2, pooled, weight, scale**2))


def _exp_step(first, second):
    """Factor by which a Newton step changes scales; it is uphill at any curvature."""
    curvature = np.maximum(np.abs(second), np.finfo(float).tiny)
    with np.errstate(over="ignore"):
        step = first / curvature
    return np.exp(np.clip(step, -_LONGEST, _LONGEST))
