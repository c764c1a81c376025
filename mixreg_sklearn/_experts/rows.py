"""Rows of a fit, in an order that depends on their content alone."""

from typing import NamedTuple

import numpy as np
from sklearn.utils import _safe_indexing

from .._data.groups import Groups, check_groups


class Rows(NamedTuple):
    """n rows of U units (groups, or single rows); those of a unit follow each other."""

    X: object  # array, CSR matrix or frame
    y: np.ndarray  # (n,)
    weight: np.ndarray  # (n,), positive
    groups: Groups | None
    evidence: np.ndarray | None  # (U, K), logarithms; what is known of components
    kind: np.ndarray  # (U,) of int, rising; equal units have the same number
    fold: np.ndarray | None = None  # (n,) of int; None to predict all rows by all

    @property
    def n_units(self):
        return len(self.y) if self.groups is None else len(self.groups.labels)

    @property
    def first(self):
        """The first row of each unit, (U,)."""
        return np.arange(len(self.y)) if self.groups is None else self.groups.first

    def spread(self, values):
        """Values of units (U, ...) at their rows (n, ...)."""
        return values if self.groups is None else values[self.groups.of_row]

    def sum(self, values):
        """Sums of values (n, ...) over the rows of units, (U, ...)."""
        return values if self.groups is None else self.groups.sum(values)

    def units_of(self, rows):
        """The units of rows (m,), whole units, whose rows follow each other."""
        return rows if self.groups is None else np.unique(self.groups.of_row[rows])

    def take(self, units):
        """Some of the units, whose numbers (V,) increase."""
        if len(units) == self.n_units:
            return self
        chosen = np.zeros(self.n_units, dtype=bool)
        chosen[units] = True
        at = np.flatnonzero(self.spread(chosen))
        groups = self.groups and check_groups(self.groups.of_row[at], at)
        return Rows(
            taken(self.X, at),
            self.y[at],
            self.weight[at],
            groups,
            None if self.evidence is None else self.evidence[units],
            self.kind[units],
            None if self.fold is None else self.fold[at],
        )

    def distinct(self):
        """One of each kind of units, with the weight of all; and its kind, (U,)."""
        units, kind = np.unique(self.kind, return_index=True, return_inverse=True)[1:]
        weight = np.bincount(kind, self.weight[self.first])
        few = self.take(units)
        return few._replace(weight=few.spread(weight)), kind

    def splits(self):
        """Yield the rows that estimators are fitted to, and those they predict."""
        folds = [] if self.fold is None else np.unique(self.fold)
        if len(folds) < 2:
            every = np.arange(len(self.y))
            yield every, every
            return
        for fold in folds:
            held_out = self.fold == fold
            yield np.flatnonzero(~held_out), np.flatnonzero(held_out)


def taken(X, rows):
    """Some rows (m,), in their order, of an array, CSR matrix or frame."""
    return X if len(rows) == X.shape[0] else _safe_indexing(X, rows)
