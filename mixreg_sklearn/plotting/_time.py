"""Rows in which only the time varies, as a pipeline takes them."""

from typing import NamedTuple

import numpy as np

_N_POINTS = 101
# Highest power of the time of which another column may be made.
_DEGREE = 5
# A column is a function of the time if this share of its variance is left, or less.
_LEFT_OVER = 1e-6


class TimeAxis(NamedTuple):
    """What varies, and the rows in which it does."""

    name: str
    values: np.ndarray  # (n,) the times of the rows
    grid: np.ndarray  # (n_points,)
    rows: object  # an array or a dataframe as X, (n_points, d)


def along_time(X, time):
    """Rows like those of X, from the first time to the last. -> TimeAxis.

    All other columns are at their means; those that are not numbers, at their most
    frequent value.

    Raises
    ------
    ValueError
        If `time` is not a column of X, has missing values or is constant, or if another
        column is a function of it.
    """
    columns = _columns(X)
    name = _named(columns, time, hasattr(X, "columns"))
    values = np.asarray(columns[name], dtype=np.float64)
    if not np.isfinite(values).all() or values.min() == values.max():
        raise ValueError(f"time={time!r} must be finite and vary over the rows.")
    _check_alone(columns, name, values)
    grid = np.linspace(values.min(), values.max(), _N_POINTS)
    rows = {
        other: grid if other == name else _typical(column)
        for other, column in columns.items()
    }
    if hasattr(X, "columns"):
        return TimeAxis(str(name), values, grid, type(X)(rows))
    label = f"x{name}"
    return TimeAxis(label, values, grid, np.column_stack(list(rows.values())))


def _columns(X):
    """Columns of a dataframe or an array, by name or index."""
    if hasattr(X, "columns"):
        return {name: np.asarray(X[name]) for name in X.columns}
    array = np.asarray(X)
    if array.ndim != 2:
        raise ValueError(f"X has shape {array.shape}: it must have rows and columns.")
    return dict(enumerate(array.T))


def _named(columns, time, is_frame):
    """The key of the column of the time."""
    if time in columns:
        return time
    if isinstance(time, (int, np.integer)) and is_frame and 0 <= time < len(columns):
        return list(columns)[time]
    raise ValueError(f"time={time!r} is not among the columns of X: {list(columns)}.")


def _is_numeric(column):
    return column.dtype.kind in "iuf"


def _typical(column):
    """The mean of a column of numbers, or the most frequent value, for all points."""
    if _is_numeric(column):
        return np.full(_N_POINTS, np.nanmean(column))
    values, counts = np.unique(column[column == column], return_counts=True)
    return np.repeat(values[[counts.argmax()]], _N_POINTS)


def _check_alone(columns, name, values):
    """Refuse a column that would have to move with the time."""
    scaled = 2 * (values - values.min()) / np.ptp(values) - 1
    degree = min(_DEGREE, len(np.unique(values)) - 1)
    basis = np.polynomial.chebyshev.chebvander(scaled, degree)
    for other, column in columns.items():
        if other == name or not _is_numeric(column):
            continue
        filled = np.where(np.isfinite(column), column, np.nanmean(column))
        centered = filled - filled.mean()
        fit = basis @ np.linalg.lstsq(basis, centered, rcond=None)[0]
        total = centered @ centered
        if total > 0 and np.square(centered - fit).sum() <= _LEFT_OVER * total:
            raise ValueError(
                f"column {other!r} of X is a function of the time {name!r}, and would"
                " not follow it: pass a pipeline that makes it, for example with"
                " PolynomialFeatures, and X without it."
            )
