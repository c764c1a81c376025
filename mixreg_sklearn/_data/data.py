"""Validated rows, the structure of a model, and its constraints."""

from typing import NamedTuple

import numpy as np

from ..gates import Gate
from .matrices import stacked
from .penalties import Penalties


class Data(NamedTuple):
    """Validated rows in the user's units."""

    X: np.ndarray  # (n, d), or CSR with sorted columns; float32 or float64
    y: np.ndarray  # (..., n), from the family's `target`
    weight: np.ndarray  # (n,), constant within a group
    offset: np.ndarray | None  # (n,)
    group: np.ndarray | None  # (n,), the group number of each row
    row_data: dict = {}  # arrays (n,) by name; `y` contains them
    known: np.ndarray | None = (
        None  # labels (n,) or plausibilities (n, K'), see `known`
    )

    def take(self, rows):
        """Select rows."""
        offset, group, known = (
            None if values is None else values[rows]
            for values in (self.offset, self.group, self.known)
        )
        X, y, weight = self.X[rows], self.y[..., rows], self.weight[rows]
        row_data = {name: values[rows] for name, values in self.row_data.items()}
        return Data(X, y, weight, offset, group, row_data, known)


def joined(parts):
    """The rows of several Data, one after the other; groups of each are its own."""
    X, y, weight, offset, group, row_data, known = zip(*parts, strict=True)
    if group[0] is not None:
        # Numbers of groups begin at zero.
        before = np.cumsum([0, *(each.max() + 1 for each in group[:-1])])
        group = [each + n for each, n in zip(group, before, strict=True)]
    return Data(
        stacked(X),
        np.concatenate(y, axis=-1),
        np.concatenate(weight),
        None if offset[0] is None else np.concatenate(offset),
        None if group[0] is None else np.concatenate(group),
        {name: np.concatenate([d[name] for d in row_data]) for name in row_data[0]},
        None if known[0] is None else np.concatenate(known),
    )


class Constraints(NamedTuple):
    """Constraints on coefficients, ordered as intercept, features."""

    sharing: np.ndarray  # (1 + d, K); components with equal entries share a coefficient
    held: np.ndarray  # (1 + d, K), values of held coefficients; NaN where free

    @property
    def n_components(self):
        return self.sharing.shape[1]

    def any(self):
        """Whether any coefficient is constrained."""
        apart = (self.sharing == np.arange(self.n_components)).all()
        return not apart or not np.isnan(self.held).all()

    def free_numbers(self):
        """The affine map ``selection @ free + held`` from m free to all coefficients.

        Returns
        -------
        selection : ndarray of shape (K (1 + d), m)
            Ones and zeros; coefficients are ordered by component.
        held : ndarray of shape (K (1 + d),)
            Zero where a coefficient is free.
        """
        n_rows = len(self.sharing)
        number = self.sharing.T * n_rows + np.arange(n_rows)
        free = np.isnan(self.held.T)
        selection = number.ravel()[:, None] == np.unique(number[free])
        selection = selection * free.ravel()[:, None]
        return selection.astype(float), np.where(free, 0.0, self.held.T).ravel()

    def resized(self, n_components):
        """Constraints for another number of components: those on all components."""
        if n_components == self.n_components:
            return self
        common = (self.sharing == self.sharing[:, :1]).all(axis=1, keepdims=True)
        alike = (self.held == self.held[:, :1]).all(axis=1, keepdims=True)
        return Constraints(
            np.where(common, 0, np.arange(n_components)),
            np.where(alike, self.held[:, :1], np.full(n_components, np.nan)),
        )

    def alike(self, order):
        """Whether components permuted by `order` have the same constraints."""
        order = list(order)
        same = np.array_equal(self.held[:, order], self.held, equal_nan=True)
        return same and np.array_equal(_labels(self.sharing[:, order]), self.sharing)


def unconstrained(n_features, n_components):
    """Constraints under which every coefficient is free and not shared."""
    sharing = np.tile(np.arange(n_components), (1 + n_features, 1))
    return Constraints(sharing, np.full(sharing.shape, np.nan))


def _labels(sharing):
    """Partitions numbered by the first component of each part."""
    return (sharing[:, :, None] == sharing[:, None, :]).argmax(axis=2)


def each_once(function, items):
    """``function(item)`` for all items: one object for those that are one object.

    So predictors with the same features share all that is made of these.
    """
    made = {id(item): item for item in items}
    made = {key: function(item) for key, item in made.items()}
    return tuple(made[id(item)] for item in items)


class Structure(NamedTuple):
    """The model to fit."""

    family: object
    gate: Gate
    # Indices of the features of every predictor; equal ones are one array.
    features: tuple[np.ndarray, ...]
    gating: np.ndarray  # indices of the gate's features
    known: np.ndarray  # (d,), coefficients held at one value in all components, or NaN
    constraints: Constraints  # on intercept and features of the regressions
    fit_intercept: bool
    shared_scale: bool
    background: str | None = None  # a kind of `_background`
    held_scale: np.ndarray | None = None  # (K,), NaN where free
    penalties: Penalties | None = None
    # What orders components: index of a feature, -1 for the intercept; None for shares.
    order_by: int | None = None

    @property
    def n_shares(self):
        """Components, and a background."""
        return self.constraints.n_components + (self.background is not None)

    def narrowed(self, kept):
        """The structure with some features of the first predictor, indices (d',)."""
        rows = np.append(0, 1 + kept)
        sharing, held = self.constraints
        return self._replace(
            features=(self.features[0][kept], *self.features[1:]),
            constraints=Constraints(sharing[rows], held[rows]),
            penalties=self.penalties.narrowed(kept),
        )

    def designed(self, margins, n_rows, fit_intercept):
        """The design of features with these margins, as the penalties ask for it.

        Those with kinks are on single coefficients, which no rotation may mix.
        """
        if self.penalties is None:
            return margins.design(n_rows, fit_intercept)
        if self.penalties.kinked:
            return margins.standard(fit_intercept, not self._bends_intercept)
        return margins.ridge_design(n_rows, fit_intercept)

    @property
    def _bends_intercept(self):
        """Whether the intercept is shared, held or bounded, if there is one."""
        (sharing, held), penalties = self.constraints, self.penalties
        K = self.constraints.n_components
        free = np.isnan(held[0]).all() and (sharing[0] == np.arange(K)).all()
        bounds = penalties.lower[0], penalties.upper[0]
        return not free or bool(np.isfinite(bounds).any())

    @property
    def regression(self):
        """Indices of the features of the first predictor, the regressions."""
        return self.features[0]
