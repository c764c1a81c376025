"""Penalties and bounds on coefficients, as the parameters of the estimator ask."""

from collections.abc import Mapping
from numbers import Real
from typing import NamedTuple

import numpy as np


class Penalties(NamedTuple):
    """What holds the coefficients of the regressions back, in the user's units.

    Attributes
    ----------
    alpha : ndarray of shape (K,)
        Strength in each component.
    l1_ratio : float
        Share of the lasso in the penalty.
    fused : bool
        Whether the lasso is on a common coefficient and deviations from it.
    lower, upper : ndarray of shape (1 + d, K)
        Bounds of intercept and features of the regressions; infinite where there is
        none.
    """

    alpha: np.ndarray
    l1_ratio: float
    fused: bool
    lower: np.ndarray
    upper: np.ndarray

    def any(self):
        """Whether there is a penalty or a bound."""
        return self.shrinks or self.bounded

    @property
    def bounded(self):
        """Whether there is a bound."""
        return bool(np.isfinite(self.lower).any() or np.isfinite(self.upper).any())

    @property
    def shrinks(self):
        """Whether there is a penalty."""
        return bool(self.alpha.any())

    @property
    def selects(self):
        """Whether the penalty may set coefficients to zero."""
        return self.shrinks and self.l1_ratio > 0

    @property
    def kinked(self):
        """Whether estimates may lie at a kink, zero or a bound."""
        return self.selects or self.bounded

    def unbounded(self, n_features):
        """The penalties alone, for a response of so many features."""
        shape = 1 + n_features, len(self.alpha)
        lower, upper = np.full(shape, -np.inf), np.full(shape, np.inf)
        return self._replace(lower=lower, upper=upper)

    def narrowed(self, kept):
        """The same for some of the features, indices (d',)."""
        rows = np.append(0, 1 + kept)
        return self._replace(lower=self.lower[rows], upper=self.upper[rows])


def penalties_of(estimator, rows, constraints, row_of):
    """The Penalties of a `MixtureRegressor`, None without any.

    `rows` is the number of rows of its Constraints, ``row_of(key, argument)`` the row
    that a key of a dict names.

    Raises
    ------
    ValueError
        If they have the wrong shape or range, or contradict other parameters.
    """
    K = estimator.n_components
    alpha = _alpha(estimator.alpha, K)
    if not 0 <= estimator.l1_ratio <= 1:
        raise ValueError(
            f"l1_ratio must be between 0 and 1; got {estimator.l1_ratio!r}."
        )
    lower, upper = _bounds(estimator, rows, constraints, row_of)
    fused = estimator.penalty == "fused"
    found = Penalties(alpha, float(estimator.l1_ratio), fused and K > 1, lower, upper)
    if fused:
        _check_fused(found, constraints)
    return found if found.any() else None


def _alpha(alpha, n_components):
    """Strengths (K,)."""
    values = np.asarray(alpha)
    number = values.dtype.kind in "iuf" and values.shape in ((), (n_components,))
    if not number or not np.isfinite(values).all() or (values < 0).any():
        raise ValueError(
            f"alpha must be a non-negative number, or {n_components} of them, one for"
            f" each component; got {alpha!r}."
        )
    return np.broadcast_to(values.astype(float), n_components).copy()


def _bounds(estimator, n_rows, constraints, row_of):
    """Lower and upper bounds, (1 + d, K) each, from `coef_bounds`."""
    K = estimator.n_components
    lower, upper = np.full((n_rows, K), -np.inf), np.full((n_rows, K), np.inf)
    given = {} if estimator.coef_bounds is None else estimator.coef_bounds
    if not isinstance(given, Mapping):
        raise ValueError(
            "coef_bounds must be a dict from features to pairs of bounds, as in"
            f" {{'price': (None, 0)}}; got {given!r}."
        )
    named = set()
    for key, pair in given.items():
        row = row_of(key, "coef_bounds")
        if row in named:
            raise ValueError(f"coef_bounds names {key!r} twice, by name and by index.")
        named.add(row)
        lower[row], upper[row] = _pair(key, pair, K)
        bounded = np.isfinite(lower[row]) | np.isfinite(upper[row])
        if (bounded & ~np.isnan(constraints.held[row])).any():
            raise ValueError(
                f"coef_bounds and held_coef both name {key!r}: a coefficient that is"
                " held has no bounds (None in the components where it is)."
            )
        _check_shared(key, lower[row], upper[row], constraints.sharing[row])
    return lower, upper


def _pair(key, pair, n_components):
    """Lower and upper bounds (K,) of one coefficient."""
    message = (
        f"coef_bounds[{key!r}] must be a pair of bounds, None where there is none, each"
        f" a number or {n_components} of them, one for each component, as in (None, 0)"
        f" or (0, [1, None]); got {pair!r}."
    )
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise ValueError(message)
    bounds = [
        _one_bound(bound, none, n_components, message)
        for bound, none in zip(pair, (-np.inf, np.inf), strict=True)
    ]
    if (bounds[0] > bounds[1]).any():
        raise ValueError(f"coef_bounds[{key!r}]: the bounds {pair!r} cross.")
    if (bounds[0] == bounds[1]).any():
        raise ValueError(
            f"coef_bounds[{key!r}]: the bounds {pair!r} are equal; hold the coefficient"
            " with held_coef."
        )
    return bounds


def _one_bound(bound, none, n_components, message):
    """One bound of every component, (K,)."""
    several = isinstance(bound, (tuple, list, np.ndarray))
    values = list(bound) if several else [bound] * n_components
    good = all(v is None or (isinstance(v, Real) and not np.isnan(v)) for v in values)
    if not good or len(values) != n_components:
        raise ValueError(message)
    return np.array([none if v is None else float(v) for v in values])


def _check_shared(key, lower, upper, sharing):
    """Raise ValueError where components share a coefficient, but not its bounds."""
    for bound in (lower, upper):
        if any(len(set(bound[sharing == one])) > 1 for one in np.unique(sharing)):
            raise ValueError(
                f"coef_bounds[{key!r}] differ between components that share the"
                " coefficient."
            )


def _check_fused(penalties, constraints):
    """Raise ValueError for what a fused penalty does not go together with."""
    if penalties.bounded:
        raise ValueError("coef_bounds is not available with penalty='fused'.")
    if constraints.any():
        raise ValueError(
            "shared_features and held_coef are not available with penalty='fused',"
            " which finds what components share."
        )
    if np.ptp(penalties.alpha) > 0:
        raise ValueError("penalty='fused' needs one alpha for all components.")
    if not penalties.selects:
        raise ValueError(
            "penalty='fused' needs alpha > 0 and l1_ratio > 0, as its lasso is on"
            " deviations from a common coefficient."
        )
