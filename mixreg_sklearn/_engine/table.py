"""The user's rows as the engine takes them: of positive weight, groups together."""

from typing import NamedTuple

import numpy as np

from .._data.data import Data, Structure, each_once, joined
from .content import hash_features, hash_numbers, scrambled
from .design import Features
from .sizes import check_user_sizes
from .units import rows_of_units


class Table(NamedTuple):
    """Rows of positive weight in the user's units, those of a group together.

    X is never copied, and the other arrays only where rows are left out or moved.

    Attributes
    ----------
    data : Data
        All rows, in the user's order.
    structure : Structure
    kept : ndarray of int of shape (n,), or None
        The user's row for every row of the table; None if they are the same.
    start : ndarray of int of shape (U,), or None
        First row of every group; None where every row is a unit.
    y : ndarray of shape (..., n)
    weight : ndarray of shape (n,)
        The weights of the user.
    offset : ndarray of shape (n,) or None
        With the features whose coefficient is known.
    """

    data: Data
    structure: Structure
    kept: np.ndarray | None
    start: np.ndarray | None
    y: np.ndarray
    weight: np.ndarray
    offset: np.ndarray | None

    @property
    def n_rows(self):
        return len(self.weight)

    @property
    def order(self):
        """The user's row for every row, (n,)."""
        return np.arange(self.n_rows) if self.kept is None else self.kept

    @property
    def first(self):
        """The user's first row of every unit, (U,)."""
        return self.order if self.start is None else self.order[self.start]

    @property
    def unit_weight(self):
        """Weights of units, (U,)."""
        return self.weight if self.start is None else self.weight[self.start]

    @property
    def known(self):
        """What is known of the component of every unit, (U, ...), or None."""
        known = self.data.known
        return None if known is None else known[self.first]

    @property
    def features(self):
        """Features of every predictor, one object where they are the same."""
        return each_once(
            lambda chosen: Features(self.data.X, chosen, self.kept),
            self.structure.features,
        )

    @property
    def gating(self):
        """Features of the gate, a row for every unit."""
        first = self.kept if self.start is None else self.first
        return Features(self.data.X, self.structure.gating, first)

    def hashes(self):
        """A number for every unit that depends on its content alone, (U,) of uint64.

        The order of units, and of the rows of a unit, does not matter.
        """
        known = np.flatnonzero(~np.isnan(self.structure.known))
        used = *self.structure.features, self.structure.gating, known
        used = np.unique(np.concatenate(used))
        of_rows = hash_features(Features(self.data.X, used, self.kept))
        known = self.data.known
        if known is not None:
            known = known.T if self.kept is None else known[self.kept].T
        others = (each for each in (self.offset, known) if each is not None)
        given = np.vstack([self.y, *others])
        of_rows += hash_numbers(given.T, np.arange(-len(given), 0))
        of_rows = scrambled(of_rows)
        if self.start is not None:
            of_rows = np.add.reduceat(of_rows, self.start)
        return of_rows

    def sketch(self, size):
        """The Table of `size` units that the content of all determines, `least_of`."""
        hashes = self.hashes()
        return least_of(lambda limit: self.below(limit, hashes), len(hashes), size)

    def below(self, limit, hashes=None):
        """The Sketch of the units whose hashes are at most `limit`."""
        hashes = self.hashes() if hashes is None else hashes
        chosen = np.flatnonzero(hashes <= limit)
        return _distinct(hashes[chosen], chosen, self)

    def take(self, units, weight):
        """The Table of some units (V,), in this order, with weights (V,)."""
        rows, group = units, None
        if self.start is not None:
            rows, size = rows_of_units(self.start, self.n_rows, units)
            group = np.repeat(np.arange(len(units)), size)
            weight = np.repeat(weight, size)
        rows = rows if self.kept is None else self.kept[rows]
        # Rows are read in their order on disk.
        order = np.argsort(rows)
        data = self.data.take(rows[order]).take(np.argsort(order))
        return make_table(data._replace(weight=weight, group=group), self.structure)


class Sketch(NamedTuple):
    """Units with distinct hashes, in the order of these.

    Attributes
    ----------
    hashes : ndarray of uint64 of shape (V,)
    table : Table, or None where there are no units
    """

    hashes: np.ndarray
    table: Table | None


def least_of(below, n_units, size):
    """The Table of `size` of `n_units` units, or all if fewer are distinct.

    They are those of the least hashes (Broder 1997), in the order of these: a sample
    that depends neither on the order nor on the places of rows. Equal units count as
    one, of their total weight. ``below(limit)`` is a Sketch.
    """
    # The hashes of a few more units than are needed, as they are spread evenly.
    expected = size + 4 * np.sqrt(size)
    while True:
        limit = min(int(expected / n_units * 2**64), 2**64 - 1)
        sketch = below(np.uint64(limit))
        if len(sketch.hashes) >= size or limit == 2**64 - 1:
            break
        expected *= 4
    least = np.arange(len(sketch.hashes))[:size]
    return sketch.table.take(least, sketch.table.unit_weight[least])


def merged(sketches):
    """The Sketch of the units of several."""
    sketches = [sketch for sketch in sketches if sketch.table is not None]
    if len(sketches) < 2:
        return sketches[0] if sketches else Sketch(np.empty(0, np.uint64), None)
    hashes = np.concatenate([sketch.hashes for sketch in sketches])
    data = joined([sketch.table.data for sketch in sketches])
    table = make_table(data, sketches[0].table.structure)
    return _distinct(hashes, np.arange(len(hashes)), table)


def _distinct(hashes, units, table):
    """The Sketch of some units (V,) with their hashes (V,); equal units become one."""
    if not len(units):
        return Sketch(hashes, None)
    hashes, at, which = np.unique(hashes, return_index=True, return_inverse=True)
    weight = np.bincount(which, weights=table.unit_weight[units])
    return Sketch(hashes, table.take(units[at], weight))


def make_table(data, structure):
    """The Table of validated data."""
    kept, start = _units(data)
    if start is None and len(kept) == len(data.weight):
        kept = None
    offset = _whole_offset(data, structure.known)
    y, weight = data.y, data.weight
    if kept is not None:
        y, weight = y[..., kept], weight[kept]
        offset = None if offset is None else offset[kept]
    check_user_sizes(y, weight, offset)
    return Table(data, structure, kept, start, y, weight, offset)


def _units(data):
    """Rows of positive weight (n,), groups together, and the starts (U,) of groups."""
    kept = np.flatnonzero(data.weight > 0)
    if data.group is None:
        return kept, None
    order = kept[np.argsort(data.group[kept], kind="stable")]
    group = data.group[order]
    return order, np.flatnonzero(np.diff(group, prepend=group[0] - 1))


def _whole_offset(data, known):
    """The offset (n,) with the features of known coefficient (d_all,), or None."""
    columns = np.flatnonzero(~np.isnan(known))
    if not len(columns):
        return data.offset
    part = data.X[:, columns].astype(float) @ known[columns]
    return part if data.offset is None else data.offset + part
