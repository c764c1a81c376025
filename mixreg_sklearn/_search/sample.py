"""The units on which to search: all, or an even selection that the data determine."""

import numpy as np

from .._engine.rows import units_of

# The search sees at most twice this many rows: 50 for every coefficient.
_SAMPLE_ROWS, _SAMPLE_PER_COEF = 2000, 50
# Groups of rows that share a component are whole, and at least so many per component.
_SAMPLE_UNITS = 100


def search_sample(rows, n_components):
    """Units on which to search, in canonical order: all, or an even selection.

    Units are ordered by response, ties by a fixed combination of the features; a
    selection is systematic in the cumulated weight. So it does not depend on how the
    rows were ordered, or repeated instead of weighted.
    """
    order, units = _canonical_order(rows)
    weight = rows.unit_weight[units]
    mean_size = rows.n_rows / rows.n_units
    size = max(_SAMPLE_ROWS, _SAMPLE_PER_COEF * n_components * rows.n_columns)
    size = max(int(np.ceil(size / mean_size)), _SAMPLE_UNITS * n_components)
    if rows.n_units <= 2 * size:
        return rows.subset(units, weight, order)
    cumulative = np.cumsum(weight)
    marks = (np.arange(size) + 0.5) / size * cumulative[-1]
    chosen = units[np.searchsorted(cumulative, marks)]
    return rows.subset(chosen, np.ones(size), order)


def _canonical_order(rows):
    """An order of rows and one of units that the data alone determine.

    Returns
    -------
    order : ndarray of int of shape (n,)
        Rows, those of a unit among themselves.
    units : ndarray of int of shape (U,)
    """
    mix = np.cos(np.arange(1.0, rows.n_columns + 1))
    key = np.concatenate([mix @ block.Z for block in rows.blocks])
    values = np.vstack([key, np.atleast_2d(rows.y)])
    if rows.start is None:
        return None, np.lexsort(values)
    units = units_of(rows.start, rows.n_rows)
    order = np.lexsort((*values, units.of_row))
    means = units.sum(values[:, order]) / units.size
    return order, np.lexsort(means)
