"""What a family declares: its predictors, its constants, and where responses lie."""

from typing import NamedTuple

import numpy as np

# Values that are rounded differ by a few steps somewhere among so many.
_FEW = 50_000


class Predictor(NamedTuple):
    """One linear predictor of a family.

    Attributes
    ----------
    name : str
        What the predictor determines. The first one is the regression proper; the
        coefficients of another, for example ``"zero"``, are ``zero_coef_``.
    features : str, int, slice, array-like, callable or None
        Features of a predictor other than the first: names or indices of columns, a
        slice, a mask or a callable, as `regression_features`; an empty list for an
        intercept alone. None stands for those of the first predictor.
    """

    name: str = "mean"
    features: object = None


class Constant(NamedTuple):
    """A positive number of a component that does not depend on features.

    It is estimated on the logarithmic scale.

    Attributes
    ----------
    name : str
        ``"scale"`` is the attribute ``scale_``. `shared_scale`, the unit of the
        response and the safeguards of the search apply to a constant of this name,
        which is the first one.
    lower, upper : float
        Bounds of the estimate, which may lie at one of them: there the likelihood is at
        its limit, to rounding.
    collapses : bool
        Whether the likelihood grows without bound as the constant vanishes.
    start : float
        Start of the fit of a single regression.
    shared : bool
        Whether all components have one value.
    power : float
        Near a bound, the log-likelihood is linear in this power of the constant or, if
        the bound is the upper one, of its reciprocal.
    point_mass : bool
        Whether it is the probability of a response that says nothing about its
        component. Single rows do not tell such probabilities from shares.
    """

    name: str = "scale"
    lower: float = 0.0
    upper: float = np.inf
    collapses: bool = False
    start: float = 1.0
    shared: bool = False
    power: float = 2.0
    point_mass: bool = False


class Response(NamedTuple):
    """Where one of the responses of a family stands.

    Attributes
    ----------
    predictors : slice
        Its predictors; the first one is its regression.
    scale : int or None
        Its scale among the constants.
    """

    predictors: slice
    scale: int | None

    @property
    def first(self):
        """Number of the first predictor."""
        return self.predictors.start


class Support(NamedTuple):
    """Where responses lie.

    Attributes
    ----------
    lower, upper : float
        Bounds. On a lattice they are possible responses; otherwise they are not.
    lattice : bool
        Whether responses are whole numbers.
    """

    lower: float = -np.inf
    upper: float = np.inf
    lattice: bool = False

    @property
    def inner(self):
        """A possible response."""
        low = self.lower if np.isfinite(self.lower) else min(self.upper, 1.0) - 2.0
        high = self.upper if np.isfinite(self.upper) else low + 2.0
        middle = 0.5 * (low + high)
        return np.floor(middle) if self.lattice else middle

    def admits(self, y):
        """Where `y` is a possible response, elementwise."""
        y = np.asarray(y)
        if self.lattice:
            inside = (y >= self.lower) & (y <= self.upper) & (y == np.floor(y))
        else:
            inside = (y > self.lower) & (y < self.upper)
        return inside & np.isfinite(y)

    def check(self, y, family):
        """Raise ValueError where `y` is not a possible response of the named family."""
        inside = self.admits(y)
        if inside.all():
            return
        rule, found = self._broken(np.asarray(y), inside)
        raise ValueError(
            f"y is out of range: the {family} family needs {rule}; got {found}."
        )

    def _broken(self, y, inside):
        """The rule that is broken, and the value that breaks it."""
        above_sign, below_sign = (">=", "<=") if self.lattice else (">", "<")
        bounds = f"y {above_sign} {self.lower:g}"
        if np.isfinite(self.upper):
            bounds = f"{self.lower:g} {below_sign} y {below_sign} {self.upper:g}"
        below = y < self.lower if self.lattice else y <= self.lower
        above = y > self.upper if self.lattice else y >= self.upper
        if below.any():
            return bounds, f"min {y.min()}"
        if above.any():
            return bounds, f"max {y.max()}"
        rule = "whole numbers y" if self.lattice else "finite y"
        return rule, f"{y[~inside][0]}"


def lattice_step(values):
    """The step of which all differences of values (n,) are multiples, or zero.

    It is the smallest difference, or a simple fraction of it. Values that are not
    rounded have no such step, and as a rule a few of them show it. Each difference has
    to be a multiple of the step that the smaller ones give: a large one is near to many
    multiples of almost every number.
    """
    if len(values) > _FEW and not lattice_step(values[:_FEW]):
        return 0.0
    gaps = np.unique(np.diff(np.unique(values)))
    for parts in range(1, 11 if len(gaps) else 1):
        multiples = np.round(gaps / (gaps[0] / parts))
        steps = np.cumsum(gaps) / np.cumsum(multiples)
        known = np.append(gaps[0] / parts, steps[:-1])
        if (np.abs(gaps - known * np.round(gaps / known)) < 0.01 * known).all():
            return float(steps[-1])
    return 0.0
