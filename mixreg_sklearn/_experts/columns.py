"""Few columns of numbers that stand for features of any kind, for the starts."""

import numpy as np
from scipy import sparse
from sklearn.preprocessing import SplineTransformer

from .folds import numbers_of

# Units for each coefficient of a component, and the most columns that starts use.
_PER_COEFFICIENT, _MOST_COLUMNS, _MOST_SPLINES = 5, 40, 10
# Bins of rows by a column, whose means say how much it matters.
_BINS = 8


def dense_columns(rows, n_components, per_column=1, most=_MOST_COLUMNS):
    """The columns that matter most, as far as the rows admit, (n, c) with c >= 1.

    Each of them needs `per_column` coefficients in every component.
    """
    numbers = numbers_of(rows.X)
    needed = _PER_COEFFICIENT * n_components * per_column
    allowed = max(1, min(most, rows.n_units // needed - 1))
    if numbers.shape[1] > allowed:
        effect = _linear_effects if sparse.issparse(numbers) else _effects
        chosen = np.argsort(-effect(numbers, rows.y), kind="stable")[:allowed]
        numbers = numbers[:, np.sort(chosen)]
    numbers = numbers.toarray() if sparse.issparse(numbers) else numbers
    return _imputed(numbers)


def splines(rows, n_components, n_segments):
    """Cubic splines with some segments of the columns that matter most, (n, c)."""
    per_column = n_segments + 2
    X = dense_columns(rows, n_components, per_column, _MOST_SPLINES)
    levels = np.linspace(0, 1, n_segments + 1)
    parts = []
    for column in X.T[:, :, None]:
        knots = np.unique(np.quantile(column, levels))
        if len(knots) > 2:
            basis = SplineTransformer(knots=knots[:, None], include_bias=False)
            column = basis.fit_transform(column)
        parts.append(column)
    return np.hstack(parts)


def _imputed(numbers):
    """Finite numbers: the median of its column for each one that is not."""
    bad = ~np.isfinite(numbers)
    if not bad.any():
        return numbers
    numbers = np.where(bad, np.nan, numbers)
    known = np.where(bad.all(axis=0), 0.0, numbers)
    return np.where(bad, np.nanmedian(known, axis=0), numbers)


def _effects(numbers, y):
    """Share of the variance of y, and of its square, between bins of a column."""
    centered = y - y.mean()
    targets = np.column_stack([centered, centered**2])
    targets = targets - targets.mean(axis=0)
    total = (targets**2).sum(axis=0)
    effects = []
    for column in _imputed(numbers).T:
        inner = np.unique(np.quantile(column, np.linspace(0, 1, _BINS + 1)[1:-1]))
        bins = np.searchsorted(inner, column)
        count = np.maximum(np.bincount(bins), 1)
        sums = [np.bincount(bins, target) for target in targets.T]
        between = [(each**2 / count).sum() for each in sums]
        effects.append((between / np.where(total > 0, total, 1.0)).sum())
    return np.array(effects)


def _linear_effects(numbers, y):
    """Squared correlations of y with columns of a sparse matrix, up to a factor."""
    products = numbers.T @ (y - y.mean())
    squares = numbers.power(2).sum(axis=0)
    squares = np.asarray(squares, dtype=float).ravel()
    return products**2 / np.where(squares > 0, squares, 1.0)
