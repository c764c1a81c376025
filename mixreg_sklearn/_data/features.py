"""Columns of X by name, index, slice, mask or callable."""

import numpy as np


def column_indices(columns, X, n_columns, feature_names, argument):
    """Sorted indices of the columns that the parameter named `argument` selects.

    `columns` is a str, int, slice, array-like of str, int or bool, callable or None.
    None selects nothing; a callable gets `X` as the user gave it.
    """
    if callable(columns):
        columns = columns(X)
    if columns is None:
        return np.empty(0, dtype=int)
    if isinstance(columns, slice):
        if isinstance(columns.start, str) or isinstance(columns.stop, str):
            return _between(columns, feature_names, argument)
        return np.arange(n_columns)[columns]
    chosen = np.atleast_1d(np.asarray(columns))
    if chosen.size == 0:
        return np.empty(0, dtype=int)
    if chosen.dtype == bool:
        if chosen.shape != (n_columns,):
            raise ValueError(
                f"{argument} is a mask of {chosen.size} values, but X has"
                f" {n_columns} features."
            )
        return np.flatnonzero(chosen)
    if chosen.dtype.kind in "iu":
        if (chosen < -n_columns).any() or (chosen >= n_columns).any():
            raise ValueError(
                f"{argument}={columns!r} is out of range: X has {n_columns} features."
            )
        return np.unique(chosen % n_columns)
    if chosen.dtype.kind in "OU" and all(isinstance(c, str) for c in chosen):
        return np.unique([_position(str(c), feature_names, argument) for c in chosen])
    raise ValueError(
        f"{argument} must choose columns by name, index, slice, mask or callable;"
        f" got {columns!r}."
    )


def _position(name, feature_names, argument):
    if feature_names is None:
        raise ValueError(
            f"{argument} names the column {name!r}, but X has no feature names; pass a"
            " dataframe, or choose columns by index."
        )
    matches = np.flatnonzero(np.asarray(feature_names) == name)
    if not len(matches):
        raise ValueError(
            f"{argument} names the column {name!r}, which X does not have; its columns"
            f" are {list(feature_names)}."
        )
    return int(matches[0])


def _between(columns, feature_names, argument):
    """Indices of a slice of names, both ends included, as in pandas."""
    last = None if feature_names is None else len(feature_names) - 1
    start, stop = (
        end if name is None else _position(name, feature_names, argument)
        for name, end in ((columns.start, 0), (columns.stop, last))
    )
    return np.arange(start, stop + 1, columns.step)
