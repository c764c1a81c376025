"""The units for the search: all, or an even selection that the data determine."""

import numpy as np

from .._data.data import each_once
from .._engine.units import units_of
from .outline import WIDE

# Rows of a selection: at least 2000, and 50 for every coefficient. Up to twice this
# number all rows are used.
_SAMPLE_ROWS, _SAMPLE_PER_COEF = 2000, 50
# The least number of units for each component.
_SAMPLE_UNITS = 100
# A sample has at most so many numbers (160 MB).
_SAMPLE_NUMBERS = 20_000_000
# Samples of a search in the rows on which optima are compared and climbed, at least; of
# many rows one in so many; at most so many numbers (32 MB).
_GROUND, _GROUND_SHARE, _GROUND_NUMBERS = 10, 50, 4_000_000


def ground_of(rows, n_components):
    """Rows on which climbs are cheap: all of few rows, or a sketch of many.

    The sample of a search is drawn from them. The more rows there are, the more a
    larger ground saves: its optimum is nearer to that of all rows.
    """
    size = _sample_units(rows, n_components)
    if rows.n_columns > WIDE:
        return rows.sketch(size)
    size *= _GROUND
    most = _GROUND_NUMBERS * rows.n_units // (rows.n_rows * rows.n_columns)
    return rows.sketch(max(size, min(rows.n_units // _GROUND_SHARE, most)))


def search_sample(rows, n_components, factor=1):
    """Units on which to search, in canonical order: all, or an even selection.

    Units are ordered by response, ties by a fixed combination of the features; a
    selection is systematic in the cumulated weight. So it depends neither on the order
    of rows, nor on whether rows are repeated or weighted. The rows are in memory.
    """
    order, units, weight = _canonical_order(rows)
    weight = weight[units]
    most = _SAMPLE_NUMBERS * rows.n_units // (rows.n_rows * rows.n_columns)
    size = min(factor * _sample_units(rows, n_components), most)
    if rows.n_units <= 2 * size:
        return rows.sample(units, weight, order)
    cumulative = np.cumsum(weight)
    marks = (np.arange(size) + 0.5) / size * cumulative[-1]
    chosen = units[np.searchsorted(cumulative, marks)]
    return rows.sample(chosen, np.ones(size), order)


def _sample_units(rows, n_components):
    """The number of units of a sample for a search."""
    size = max(_SAMPLE_ROWS, _SAMPLE_PER_COEF * n_components * rows.n_columns)
    size = int(np.ceil(size * rows.n_units / rows.n_rows))
    return max(size, _SAMPLE_UNITS * n_components)


def all_units(rows, inflation=1.0):
    """All rows in memory and in their order, weights divided by `inflation`."""
    parts = list(rows.scan(lambda _, block: block.unit_weight, None))
    return rows.sample(np.arange(rows.n_units), np.concatenate(parts) / inflation)


def _canonical_order(rows):
    """An order of rows and of units that the data alone determine.

    The rows (n,) are rearranged within units; None where every row is a unit. The
    units (U,) come with their weights (U,) in the old order.
    """
    parts = zip(*rows.scan(_keys, None), strict=True)
    values, weight, size = (np.concatenate(part, axis=-1) for part in parts)
    if rows.n_units == rows.n_rows:
        return None, np.lexsort(values), weight
    units = units_of(np.cumsum(size) - size, rows.n_rows)
    order = np.lexsort((*values, units.of_row))
    return order, np.lexsort(units.mean(values[:, order])), weight


def _keys(_, block):
    """Sort keys of rows (keys, B), the last one first; weights and sizes of units (U,).

    The keys are the response and, for ties, fixed combinations of columns.
    """
    combined = each_once(_combined, block.columns)
    ties = {id(key): key for key in reversed(combined)}.values()
    values = np.vstack([*ties, np.atleast_2d(block.y)])
    return values, block.unit_weight, block.units.size.astype(int)


def _combined(columns):
    """A fixed combination of columns, (1, B)."""
    return columns.predict(np.cos(np.arange(1.0, columns.n_columns + 1))[None])
