"""X as the user has it: its features by name, and further rows like its rows."""

from collections import Counter
from numbers import Integral, Real

import numpy as np
from sklearn.utils import _safe_indexing


class Raw:
    """A frame or array X of n rows and d features, of any types.

    Attributes
    ----------
    X : frame, or ndarray of shape (n, d)
    names : list of str of length d
    typical : list of int of length d
        For each feature a row with a typical value: the lower median of numbers, the
        most frequent level of words. Such a value occurs, so that no encoder refuses
        it.
    """

    def __init__(self, X, names=None):
        self._keys = list(X.columns) if hasattr(X, "columns") else None
        self.X = X if self._keys is not None else np.asarray(X)
        if self.X.ndim != 2 if self._keys is None else not self._keys:
            raise ValueError("X must have rows and columns: reshape it to two axes.")
        d = self.X.shape[1]
        if self._keys is not None:
            names = self._keys
        elif names is None or len(names) != d:
            names = [f"x{j}" for j in range(d)]
        self.names = [str(name) for name in names]
        self.typical = [self._typical(j) for j in range(d)]

    def column(self, j):
        """Feature j, (n,), of whatever type it has."""
        return self.X[:, j] if self._keys is None else self.X[self._keys[j]]

    def numbers(self, j):
        """Feature j as floats (n,), NaN where missing; None if it has words."""
        column = self.column(j)
        if str(column.dtype).lower().startswith(("categor", "enum")):
            return None
        values = np.asarray(column)
        if values.dtype.kind in "biuf":
            return values.astype(np.float64)
        if values.dtype.kind == "O":
            values = [np.nan if _missing(value) else value for value in values]
            if all(isinstance(value, Real) for value in values):
                return np.array(values, dtype=np.float64)
        return None

    def value(self, j):
        """The typical value of feature j."""
        return next(iter(_safe_indexing(self.column(j), [self.typical[j]])))

    def varies(self, j):
        """Whether feature j has more than one value."""
        return len(set(self.column(j))) > 1

    def with_columns(self, given):
        """Rows with given columns, a dict of j to (m,); others have typical values."""
        m = len(next(iter(given.values())))
        if self._keys is None:
            row = self.X[self.typical, np.arange(len(self.typical))]
            rows = np.tile(row, (m, 1))
            rows = rows.astype(np.result_type(rows, *given.values()))
            for j, values in given.items():
                rows[:, j] = values
            return rows
        columns = {}
        for j, key in enumerate(self._keys):
            values = given.get(j)
            if values is None:
                values = _safe_indexing(self.column(j), [self.typical[j]] * m)
            # A pandas series without its index, by which columns would be aligned.
            columns[key] = getattr(values, "array", values)
        return type(self.X)(columns)

    def position(self, feature, argument="feature"):
        """Index of a feature given by index or name, as the value of an argument.

        Raises
        ------
        ValueError
            If there is no such feature.
        """
        d = len(self.names)
        if isinstance(feature, str) and feature in self.names:
            return self.names.index(feature)
        whole = isinstance(feature, Integral) and not isinstance(feature, bool)
        if whole and -d <= feature < d:
            return int(feature) % d
        raise ValueError(
            f"{argument}={feature!r} is not a feature of X: give one of the names"
            f" {self.names}, or an index below {d}."
        )

    def _typical(self, j):
        numbers = self.numbers(j)
        if numbers is None:
            levels = list(self.column(j))
            counts = Counter(level for level in levels if not _missing(level))
            return levels.index(counts.most_common(1)[0][0]) if counts else 0
        known = np.flatnonzero(~np.isnan(numbers))
        if not len(known):
            return 0
        middle = (len(known) - 1) // 2
        return int(known[np.argpartition(numbers[known], middle)[middle]])


def _missing(value):
    """Whether a value is None, NaN, or what pandas has for them."""
    not_a_number = isinstance(value, float) and value != value
    return (
        value is None or not_a_number or type(value).__name__ in ("NAType", "NaTType")
    )
