"""Units: groups of consecutive rows that share a component, or single rows."""

from typing import NamedTuple

import numpy as np


class Units(NamedTuple):
    """Groups of consecutive rows that share a component, or single rows.

    Attributes
    ----------
    start : ndarray of int of shape (U,), or None
        First row of every unit; None where every row is a unit.
    of_row : ndarray of int of shape (B,), or None
        Unit of every row.
    n_rows : int
        B.
    """

    start: np.ndarray | None
    of_row: np.ndarray | None
    n_rows: int

    @property
    def single(self):
        """Whether every row is a unit."""
        return self.start is None

    def sum(self, values):
        """Sums over the rows of every unit, along the last axis."""
        return values if self.single else np.add.reduceat(values, self.start, axis=-1)

    def spread(self, values):
        """Values of units repeated for their rows, along the last axis."""
        return values if self.single else values[..., self.of_row]

    def mean(self, values):
        """Means over the rows of every unit, along the last axis."""
        return values if self.single else self.sum(values) / self.size

    @property
    def size(self):
        """Rows of every unit, (U,)."""
        if self.single:
            return np.ones(self.n_rows)
        return np.diff(self.start, append=self.n_rows)


def units_of(start, n_rows):
    """Units from their first rows (U,); None where every row is a unit."""
    if start is None:
        return Units(None, None, n_rows)
    of_row = np.zeros(n_rows, dtype=np.intp)
    of_row[start[1:]] = 1
    return Units(start, np.cumsum(of_row), n_rows)


def rows_of_units(start, n_rows, units):
    """Rows of some units (V,), one unit after the other, and their sizes (V,).

    `start` (U,) are the first rows of all units.
    """
    size = np.diff(start, append=n_rows)[units]
    shift = np.repeat(start[units] - (np.cumsum(size) - size), size)
    return np.arange(size.sum()) + shift, size
