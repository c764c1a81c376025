"""Storage of rows. A back end is any class with the contract of `ArrayRows`."""

from functools import reduce
from operator import add
from typing import NamedTuple

import numpy as np

from .._data.chunks import slices
from .._data.data import each_once
from .._data.known import evidence_of
from .columns import Columns, Dense, DenseWithProducts
from .sizes import check_engine_sizes
from .table import make_table
from .threads import in_order
from .units import Units, rows_of_units, units_of

# Largest total size of outer products that are kept (32 MB).
_PRODUCT_NUMBERS = 4_000_000


class Block(NamedTuple):
    """Some rows, feature-major, with all that a pass needs.

    Attributes
    ----------
    columns : tuple of Columns
        Of every predictor.
    y : ndarray of shape (B,), or (..., B)
        Response, the result of `Family.target`.
    weight : ndarray of shape (B,)
    offset : ndarray of shape (B,) or None
        Part of the first predictor without a coefficient.
    units : Units
    unit_weight : ndarray of shape (U,)
    gate : ndarray of shape (1 + q, U)
        A row of ones, and the whitened columns of the gate.
    background : ndarray of shape (U,) or None
        Log-densities of units under a background, less `Family.base`.
    evidence : ndarray of shape (K', U) or None
        Logarithms of what multiplies the densities of components: one, or zero where
        another component is known.
    base : float
        ``sum_i w_i b_i``, the contribution of `Family.base` to the log-likelihood.
    rows : slice, or ndarray of int of shape (B,)
        Their numbers among all rows of the user.
    """

    columns: tuple[Columns, ...]
    y: np.ndarray
    weight: np.ndarray
    offset: np.ndarray | None
    units: Units
    unit_weight: np.ndarray
    gate: np.ndarray
    background: np.ndarray | None
    evidence: np.ndarray | None
    base: float
    rows: slice | np.ndarray

    @property
    def sparse(self):
        """Whether columns of a predictor are mostly zeros."""
        return any(columns.sparse for columns in self.columns)

    @property
    def numbers(self):
        """The user's number of every row, (B,)."""
        if isinstance(self.rows, slice):
            return np.arange(self.rows.start, self.rows.stop)
        return self.rows

    @property
    def first(self):
        """The user's number of the first row of every unit, (U,)."""
        return self.numbers if self.units.single else self.numbers[self.units.start]


class ArrayRows:
    """Rows held in memory.

    Parameters
    ----------
    sources : sequence of sources
        Of the columns of every predictor, see `sources`.
    y : ndarray of shape (n,), or (..., n)
    weight : ndarray of shape (n,)
        Constant within a unit.
    offset : ndarray of shape (n,) or None
    start : ndarray of int of shape (U,) or None
        First row of every unit, a group of consecutive rows that share a component;
        None if every row is a unit. A block never splits a unit.
    gate : ndarray of shape (1 + q, U) or None
        Columns of the gate, the first constant; None for the constant alone.
    base : float or ndarray of shape (n,), default=0.0
        `Family.base` of the response.
    background : ndarray of shape (U,), default=None
        Log-densities of units under a background, less `base`.
    known : ndarray of shape (U,) or (U, K'), default=None
        What is known of the components of units.
    n_shares : int, default=0
        K', where anything is known.
    block_size : int, optional
        Rows in a block, by default as fits the cache. Results depend on it only by
        rounding.
    batched : bool, default=False
        Keep the outer products of the rows, for batches of many restarts.
    n_jobs : int, default=1
        Threads. Results do not depend on it: blocks are added in order.

    Attributes
    ----------
    n_rows, n_units, n_columns, n_logits : int
        n_columns is that of the widest predictor, n_logits that of the gate.
    total_weight : float

    Notes
    -----
    The contract of a back end is these five attributes, and methods: `sum` and `scan`,
    which take a *verb*, a function of parameters and a block; `sketch`, which returns
    units in memory, as ArrayRows; and `seen_by`, the same rows for another model. A
    search takes `sample` and `whole` as well, of rows in memory.
    """

    # Whether columns are kept where they are few.
    _keeps = True

    def __init__(
        self,
        sources,
        y,
        weight,
        offset=None,
        *,
        base=0.0,
        start=None,
        gate=None,
        background=None,
        known=None,
        n_shares=0,
        block_size=None,
        batched=False,
        n_jobs=1,
    ):
        self._sources, self._y, self._weight = tuple(sources), y, weight
        self._offset, self._start, self._n_jobs = offset, start, n_jobs
        self.n_rows = len(weight)
        self.n_columns = max(source.n_columns for source in self._sources)
        self.total_weight = float(weight.sum())
        self._base = np.broadcast_to(base, self.n_rows)
        self._background, self._known, self._n_shares = background, known, n_shares
        self._unit_weight = weight if start is None else weight[start]
        self.n_units = len(self._unit_weight)
        ones = np.broadcast_to(1.0, (1, self.n_units))
        self._gate = ones if gate is None else gate
        self.n_logits = len(self._gate)
        each = {source: source.n_columns for source in self._sources}
        products = sum(p * (p + 1) // 2 for p in each.values())
        few = batched and self.n_rows * products <= _PRODUCT_NUMBERS
        self._kind = DenseWithProducts if few else Dense
        # Columns of one source are in a block beside those of the others.
        more = self.n_logits - 1 + sum(each.values())
        sizes = (source.block_size(more - p) for source, p in each.items())
        self._cuts = list(self._cut(block_size or min(sizes)))
        self._kept = None
        if self._keeps and all(source.keeps(self.n_rows) for source in each):
            self._kept = [self._block(*cut) for cut in self._cuts]

    def _numbers(self, rows):
        """The user's numbers of a slice of rows."""
        return rows

    def _cut(self, size):
        """Yield slices of rows and of units, a pair for every block."""
        if self._start is None:
            yield from ((rows, rows) for rows in slices(self.n_rows, size))
            return
        ends = np.append(self._start[1:], self.n_rows)
        unit = 0
        while unit < len(ends):
            first = self._start[unit]
            after = int(np.searchsorted(ends, first + size, side="right"))
            after = max(after, unit + 1)
            yield slice(first, ends[after - 1]), slice(unit, after)
            unit = after

    def _block(self, rows, units):
        weight = self._weight[rows]
        # Predictors with the same source share their columns.
        made = {
            source: source.columns(rows, weight, self._kind) for source in self._sources
        }
        start = None if self._start is None else self._start[units] - rows.start
        background = evidence = None
        if self._background is not None:
            background = self._background[units]
        if self._known is not None:
            evidence = evidence_of(self._known[units], self._n_shares)
        return Block(
            tuple(made[source] for source in self._sources),
            self._y[..., rows],
            weight,
            None if self._offset is None else self._offset[rows],
            units_of(start, len(weight)),
            self._unit_weight[units],
            np.ascontiguousarray(self._gate[:, units]),
            background,
            evidence,
            float(weight @ self._base[rows]),
            self._numbers(rows),
        )

    def sum(self, verb, params):
        """Add ``verb(params, block)`` over all blocks, in their order."""
        return reduce(add, self.scan(verb, params))

    def scan(self, verb, params):
        """Yield ``verb(params, block)`` of every block, in their order."""
        if self._kept is None:
            return in_order(
                lambda cut: verb(params, self._block(*cut)), self._cuts, self._n_jobs
            )
        return in_order(lambda block: verb(params, block), self._kept, self._n_jobs)

    def sketch(self, size):
        """Units to represent all: these rows, if there are few more than `size`."""
        return self

    def sample(self, units, weight, order=None):
        """Units (V,) with weights (V,) as ArrayRows for batches of restarts.

        `order` (n,) optionally rearranges the rows of every unit.
        """
        rows, start = units, None
        if self._start is not None:
            rows, size = rows_of_units(self._start, self.n_rows, units)
            start = np.cumsum(size) - size
            rows = rows if order is None else order[rows]
            weight = np.repeat(weight, size)
        made = {source: source.taken(rows) for source in self._sources}
        return ArrayRows(
            [made[source] for source in self._sources],
            self._y[..., rows],
            weight,
            None if self._offset is None else self._offset[rows],
            base=self._base[rows],
            start=start,
            gate=self._gate[:, units],
            background=None if self._background is None else self._background[units],
            known=None if self._known is None else self._known[units],
            n_shares=self._n_shares,
            batched=True,
        )

    def whole(self):
        """All rows as one block."""
        if len(self._cuts) == 1 and self._kept:
            return self._kept[0]
        return self._block(slice(0, self.n_rows), slice(0, self.n_units))


class TableRows(ArrayRows):
    """The rows of a Table, in the units of a Frame.

    Parameters
    ----------
    table : Table
    frame : Frame
    n_jobs : int, default=1
    """

    def __init__(self, table, frame, n_jobs=1):
        self.table, structure = table, table.structure
        family, y, offset = structure.family, table.y, table.offset
        if frame.moved:
            y = family.measured(y, frame.origin, frame.unit)
            offset = None if offset is None else offset / frame.unit[0]
        check_engine_sizes(y)
        weight, gate = table.weight, None
        if frame.inflation != 1.0:
            weight = weight * frame.inflation
        if structure.gate.has_features:
            gating = frame.gate_design.source(table.gating)
            gate = gating.columns(slice(None), np.ones(gating.n_rows)).Z
        features = dict(zip(map(id, frame.designs), table.features, strict=True))
        base = family.base(table.y)
        background = None
        if frame.background is not None:
            change = np.log(frame.unit[0]) * family.has_density(table.y)
            background = frame.background.log_density(table.y) + change - base
            background = units_of(table.start, len(background)).sum(background)
        super().__init__(
            each_once(lambda one: one.source(features[id(one)]), frame.designs),
            y,
            weight,
            offset,
            base=base,
            start=table.start,
            gate=gate,
            background=background,
            known=table.known if structure.n_shares > 1 else None,
            n_shares=structure.n_shares,
            n_jobs=n_jobs,
        )
        self._frame = frame

    def _numbers(self, rows):
        kept = self.table.kept
        return rows if kept is None else kept[rows]

    def sketch(self, size):
        """About `size` units that their content determines, or these rows if few."""
        if self.n_units <= 2 * size:
            return self
        return TableRows(self.table.sketch(size), self._frame)

    def seen_by(self, structure, frame):
        """The same rows for a model of another structure, in another frame."""
        table = make_table(self.table.data, structure)
        return TableRows(table, frame, self._n_jobs)
