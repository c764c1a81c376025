"""The back end of rows in partitions, with the contract of `ArrayRows`."""

from functools import partial, reduce
from operator import add

from .._data.data import joined
from .._engine.rows import TableRows
from .._engine.table import least_of, make_table, merged


class DaskRows:
    """Rows in the partitions of dask collections, where verbs are sent.

    Sums of partitions are added in their order, so that they do not depend on which
    worker has which partition.

    Parameters
    ----------
    places : Places
        Of PartRows, None for a partition without rows of positive weight.
    structure : Structure
    facts : Facts
    frame : Frame

    Attributes
    ----------
    n_rows, n_units, n_columns, n_logits : int
    total_weight : float
    """

    def __init__(self, places, structure, facts, frame):
        self._places, self._structure = places, structure
        self._facts, self._frame = facts, frame
        self.n_rows, self.n_units = facts.n_rows, facts.n_units
        self.n_columns = max(design.n_columns for design in frame.designs)
        self.n_logits = 1
        if structure.gate.has_features:
            self.n_logits = frame.gate_design.n_columns
        self.total_weight = facts.weight * frame.inflation

    def sum(self, verb, params):
        """Add ``verb(params, block)`` over all blocks, in their order."""
        return reduce(add, self._ask(partial(_sum, verb, params)))

    def scan(self, verb, params):
        """Yield ``verb(params, block)`` of every block, in their order."""
        for results in self._ask(partial(_scan, verb, params)):
            yield from results

    def sketch(self, size):
        """About `size` units that their content determines, in memory; all if few."""
        if self.n_units <= 2 * size:
            table = make_table(joined(self._ask(_data)), self._structure)
        else:
            table = least_of(self._below, self.n_units, size)
        return TableRows(table, self._frame)

    def seen_by(self, structure, frame):
        """The same rows for a model of another structure, in another frame."""
        places = self._places.then(partial(_seen_by, structure, frame))
        return DaskRows(places, structure, self._facts, frame)

    def _ask(self, function):
        answers = self._places.ask(partial(_if_any, function))
        return [answer for answer in answers if answer is not None]

    def _below(self, limit):
        return merged(self._ask(partial(_below, limit)))


class PartRows(TableRows):
    """The rows of a partition; the user has `before` rows before them.

    Its columns are never kept: partitions may be many, and share a worker's memory.
    """

    _keeps = False

    def __init__(self, table, frame, before):
        super().__init__(table, frame)
        self._before = before

    def _numbers(self, rows):
        rows = super()._numbers(rows)
        if isinstance(rows, slice):
            return slice(rows.start + self._before, rows.stop + self._before)
        return rows + self._before

    def seen_by(self, structure, frame):
        """The same rows for a model of another structure, in another frame."""
        table = make_table(self.table.data, structure)
        return PartRows(table, frame, self._before)


def _if_any(function, rows):
    return None if rows is None else function(rows)


def _sum(verb, params, rows):
    return rows.sum(verb, params)


def _scan(verb, params, rows):
    return list(rows.scan(verb, params))


def _data(rows):
    return rows.table.data


def _below(limit, rows):
    return rows.table.below(limit)


def _seen_by(structure, frame, _, rows):
    return None if rows is None else rows.seen_by(structure, frame)
