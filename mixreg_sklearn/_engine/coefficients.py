"""From constraints and penalties in the user's units to rules about coefficients."""

import numpy as np

from .._data.data import unconstrained
from .axes import Axes, Fused, Kinks
from .sharing import Constrained, Separate
from .shrinkage import Ridged
from .sizes import check_held_size


def sharings_of(structure, frame, weight):
    """The rules of every predictor's coefficients, a list of L sharings.

    `weight` is the total weight of the rows. Constraints are about the first predictor,
    penalties about the regression proper of every response.
    """
    held = structure.constraints.held / frame.unit[0]
    held[0] -= frame.origin[0] / frame.unit[0]
    constraints = structure.constraints._replace(held=held)
    K = constraints.n_components
    sharings = [Separate(K, design.n_columns) for design in frame.designs]
    if constraints.any():
        feature_map = frame.design.feature_map
        check_held_size(held, feature_map, frame.unit[0])
        if structure.penalties is None or not structure.penalties.kinked:
            sharings[0] = Constrained(constraints, feature_map)
    if structure.penalties is None:
        return sharings
    for r, response in enumerate(structure.family.responses):
        i, penalties = response.first, structure.penalties
        if i:
            penalties = penalties.unbounded(len(frame.deviations[i]))
        of_response = _OfResponse(
            *(penalties, frame.designs[i], frame.deviations[i]),
            *(frame.origin[r], frame.unit[r], weight),
        )
        if structure.penalties.kinked:
            mine = constraints if i == 0 else None
            sharings[i] = of_response.axes(mine)
        else:
            sharings[i] = of_response.ridged(sharings[i])
    return sharings


class _OfResponse:
    """Penalties in the engine's units, of the coefficients of one response."""

    def __init__(self, penalties, design, deviation, origin, unit, weight):
        self.penalties, self.design, self.deviation = penalties, design, deviation
        self.origin, self.unit, self.weight = origin, unit, weight

    def ridged(self, sharing):
        """A Ridged of some sharing."""
        squares = self.design.squares(self.deviation)
        if self.design.intercept:
            squares = np.append(0.0, squares)
        ridge = np.outer(self._strength * self.unit**2, squares)
        return Ridged(sharing, ridge, self.weight)

    @property
    def _strength(self):
        """Weight of the ridge, (K,)."""
        return self.weight * self.penalties.alpha * (1 - self.penalties.l1_ratio)

    def axes(self, constraints):
        """The Axes, or Fused; constraints are None where there are none."""
        penalties, free = self.penalties, np.ones(self.design.n_columns)
        if self.design.intercept:
            free[0] = 0.0
        lower, upper = self._bounds()
        # A constant feature has no standard deviation to be penalized.
        free = np.where((lower == upper) & (lower != 0), 0.0, free)
        lasso = self.weight * penalties.alpha * penalties.l1_ratio * self.unit
        ridge = (self._strength * self.unit**2)[:, None] * free
        kinks = Kinks(lasso[:, None] * free, lower, upper)
        K = len(penalties.alpha)
        if constraints is None:
            constraints = unconstrained(len(self.deviation), K)
        rows = constraints.held * self._scale[:, None]
        constraints = constraints._replace(held=rows)
        if not self.design.intercept:
            constraints = type(constraints)(*(part[1:] for part in constraints))
        kind = Fused if penalties.fused and K > 1 else Axes
        return kind(constraints, ridge, kinks, self.weight)

    @property
    def _scale(self):
        """Units of intercept and features in the engine's columns, (1 + d,)."""
        return np.append(1.0, self.design.scale)

    def _bounds(self):
        """Lower and upper bounds in the engine's columns, (K, p) each."""
        for bound in (self.penalties.lower, self.penalties.upper):
            bound = bound.copy()
            bound[0] -= self.origin
            # In the order of operations of `Problem.from_user`: no digit differs.
            bound = bound * self._scale[:, None] / self.unit
            # The coefficient of a constant feature is zero, or at the bound next to it.
            near = np.clip(0.0, self.penalties.lower, self.penalties.upper)
            fixed = np.append(False, self.deviation == 0)
            bound = np.where(
                fixed[:, None], near * self._scale[:, None] / self.unit, bound
            )
            yield bound[1 - self.design.intercept :].T


def exact(values, coef, kinks, constraints, penalties):
    """Intercepts (K,) and coefficients (K, d) at their bounds and held values.

    Where they differ from these it is by rounding. `values` are such a pair, `coef`
    (K, p) the same in the engine's columns, with the `kinks` there.
    """
    values = np.column_stack(values)
    own = slice(values.shape[1] - coef.shape[1], None)
    # A constant feature has one place, which is no bound.
    open_ = kinks.lower < kinks.upper
    for at, bound in (
        (coef <= kinks.lower, penalties.lower),
        (coef >= kinks.upper, penalties.upper),
    ):
        values[:, own] = np.where(at & open_, bound.T[:, own], values[:, own])
    values = np.clip(values, penalties.lower.T, penalties.upper.T)
    held = constraints.held.T
    values = np.where(np.isnan(held), values, held)
    return values[:, 0], values[:, 1:]
