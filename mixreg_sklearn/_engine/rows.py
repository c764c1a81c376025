"""Where rows come from. A back end is `sum` and nothing more."""

from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from operator import add
from typing import NamedTuple

import numpy as np

from .columns import outer_products

# Rows of a block: about this many numbers of the design stay in the second-level
# cache while the pass reads them several times (benchmarks/speed.py).
_BLOCK_NUMBERS = 131072
# Outer products are kept for designs of at most this many numbers (32 MB).
_PRODUCT_NUMBERS = 4_000_000


class Units(NamedTuple):
    """Groups of consecutive rows that share a component.

    Attributes
    ----------
    start : ndarray of int of shape (U,)
        First row of every unit.
    of_row : ndarray of int of shape (B,)
        Unit of every row.
    """

    start: np.ndarray
    of_row: np.ndarray

    def sum(self, values):
        """Sums over the rows of every unit, along the last axis."""
        return np.add.reduceat(values, self.start, axis=-1)

    def spread(self, values):
        """The value of its unit for every row, along the last axis."""
        return values[..., self.of_row]

    @property
    def size(self):
        """Rows of every unit, (U,)."""
        return np.diff(self.start, append=len(self.of_row))


def units_of(start, n_rows):
    """Units from their first rows."""
    of_row = np.zeros(n_rows, dtype=np.intp)
    of_row[start[1:]] = 1
    return Units(start, np.cumsum(of_row))


class Block(NamedTuple):
    """Some rows, feature-major, with what a pass needs to know of them.

    A unit is a group of rows that share a component. Where `units` is None every row
    is one, and ``U = B``.

    Attributes
    ----------
    Z : ndarray of shape (p, B)
        Columns of the whitened design.
    y : ndarray of shape (B,), or (2, B)
        Response, as the family's `target` made it.
    weight : ndarray of shape (B,)
    offset : ndarray of shape (B,) or None
        Part of the linear predictor that has no coefficient.
    units : Units or None
    unit_weight : ndarray of shape (U,)
    gate : ndarray of shape (1 + q, U)
        A constant one, and the whitened columns of the gate.
    base : float
        ``sum_i w_i b_i``, what `Family.base` adds to the log-likelihood.
    gram : ndarray of shape (p, p)
        ``sum_i w_i z_i z_i'``.
    products : ndarray of shape (p (p + 1) / 2, B) or None
        Packed outer products of the rows, for batches of restarts.
    """

    Z: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    offset: np.ndarray | None
    units: Units | None
    unit_weight: np.ndarray
    gate: np.ndarray
    base: float
    gram: np.ndarray
    products: np.ndarray | None


class ArrayRows:
    """Rows held in memory.

    Parameters
    ----------
    Z : ndarray of shape (p, n)
        Whitened design, feature-major.
    y : ndarray of shape (n,), or (2, n)
    weight : ndarray of shape (n,)
        Constant within a unit.
    offset : ndarray of shape (n,) or None
    start : ndarray of int of shape (U,) or None
        First row of every unit, a group of consecutive rows that share a component;
        None if every row is a unit. A block never splits one.
    gate : ndarray of shape (1 + q, U) or None
        Columns of the gate, of which the first is constant; None for that alone.
    base : float or ndarray of shape (n,), default=0.0
        `Family.base` of the response.
    block_size : int, optional
        Rows in a block. By default as many as fit the cache. It changes the
        result by rounding only.
    batched : bool, default=False
        Keep the outer products of the rows, for batches of many restarts.
    n_jobs : int, default=1
        Threads. The result does not depend on it: blocks are added in order.
    """

    def __init__(
        self,
        Z,
        y,
        weight,
        offset=None,
        *,
        base=0.0,
        start=None,
        gate=None,
        block_size=None,
        batched=False,
        n_jobs=1,
    ):
        p, n = Z.shape
        self.y, self.weight, self.offset, self.start = y, weight, offset, start
        self.base = np.broadcast_to(base, n)
        self.n_rows, self.n_columns = n, p
        self.n_jobs = n_jobs
        self.total_weight = float(weight.sum())
        self.unit_weight = weight if start is None else weight[start]
        self.gate = np.ones((1, len(self.unit_weight))) if gate is None else gate
        if block_size is None:
            width = p + len(self.gate) - 1
            block_size = min(max(_BLOCK_NUMBERS // max(width, 1), 2048), 32768)
            block_size = 1 << int(np.log2(block_size))
        keep = batched and n * p * (p + 1) // 2 <= _PRODUCT_NUMBERS
        self.blocks = [
            self._block(Z, rows, units, keep) for rows, units in self._cuts(block_size)
        ]

    @property
    def n_units(self):
        return len(self.unit_weight)

    def _cuts(self, size):
        """Slices of rows, and of units, that make the blocks."""
        if self.start is None:
            for first in range(0, self.n_rows, size):
                rows = slice(first, min(first + size, self.n_rows))
                yield rows, rows
            return
        ends = np.append(self.start[1:], self.n_rows)
        unit = 0
        while unit < len(ends):
            first = self.start[unit]
            after = int(np.searchsorted(ends, first + size, side="right"))
            after = max(after, unit + 1)
            yield slice(first, ends[after - 1]), slice(unit, after)
            unit = after

    def _block(self, Z, rows, units, keep_products):
        # A copy of its own: a block cut out of a long array has its columns far
        # apart in memory, which makes thin products five times slower.
        Z = np.ascontiguousarray(Z[:, rows])
        grouped = self.start is not None
        return Block(
            Z,
            self.y[..., rows],
            self.weight[rows],
            None if self.offset is None else self.offset[rows],
            units_of(self.start[units] - rows.start, Z.shape[1]) if grouped else None,
            self.unit_weight[units],
            np.ascontiguousarray(self.gate[:, units]),
            float(self.weight[rows] @ self.base[rows]),
            np.dot(Z * self.weight[rows], Z.T),
            outer_products(Z) if keep_products else None,
        )

    @property
    def Z(self):
        """The design of all rows, (p, n); a copy where there are several blocks."""
        if len(self.blocks) == 1:
            return self.blocks[0].Z
        return np.concatenate([block.Z for block in self.blocks], axis=1)

    def sum(self, summarise):
        """Add ``summarise(block)`` over all blocks, in their order."""
        if self.n_jobs == 1 or len(self.blocks) == 1:
            return reduce(add, map(summarise, self.blocks))
        with ThreadPoolExecutor(self.n_jobs) as pool:
            return reduce(add, pool.map(summarise, self.blocks))

    def subset(self, units, weight, order=None):
        """The units `units`, reweighted, prepared for a batch of restarts.

        Parameters
        ----------
        units : ndarray of int of shape (V,)
        weight : ndarray of shape (V,)
            Their weights.
        order : ndarray of int of shape (n,), optional
            The order in which the rows of every unit are to be taken.
        """
        rows, start = units, None
        if self.start is not None:
            size = np.diff(self.start, append=self.n_rows)[units]
            start = np.cumsum(size) - size
            rows = np.arange(size.sum()) + np.repeat(self.start[units] - start, size)
            rows = rows if order is None else order[rows]
            weight = np.repeat(weight, size)
        return ArrayRows(
            self.Z[:, rows],
            self.y[..., rows],
            weight,
            None if self.offset is None else self.offset[rows],
            base=self.base[rows],
            start=start,
            gate=self.gate[:, units],
            batched=True,
        )
