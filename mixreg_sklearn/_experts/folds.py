"""Order and folds of rows by their content: neither depends on the order given.

Rows are hashed. Equal rows, which repetition makes of one with a larger weight, are in
one fold, so that weights and repetition are the same to estimators for which they are.
"""

import numpy as np
from scipy import sparse

from .._engine.content import hash_numbers, scrambled


def numbers_of(X):
    """X as numbers (n, d), or (n, d) CSR: words are replaced by their ranks."""
    if sparse.issparse(X):
        return X
    if not hasattr(X, "columns"):
        if X.dtype.kind in "biuf":
            return X.astype(np.float64, copy=False)
        return np.column_stack([_ranked(column) for column in X.T])
    return np.column_stack([_ranked(np.asarray(X[name])) for name in X.columns])


def _ranked(column):
    """A column as floats (n,); of words, their ranks among all words."""
    try:
        return column.astype(np.float64)
    except (TypeError, ValueError):
        words = np.array([str(value) for value in column])
        return np.unique(words, return_inverse=True)[1].astype(np.float64)


def hash_rows(numbers, y, seed):
    """Hashes of rows and their responses, (n,) of uint64."""
    if sparse.issparse(numbers):
        # Sums over the entries of a row do not depend on other rows.
        directions = np.random.default_rng(0).normal(size=(numbers.shape[1], 2))
        numbers = numbers @ directions
    table = np.column_stack([numbers, y])
    hashes = hash_numbers(table, np.arange(table.shape[1]))
    return scrambled(hashes + np.uint64(seed))


def canonical_order(hashes, groups):
    """Rows (n,) in the order of hashes, those of a group together."""
    if groups is None:
        return np.argsort(hashes, kind="stable")
    of_group = groups.sum(scrambled(hashes))[groups.of_row]
    return np.lexsort((hashes, groups.of_row, of_group))


def make_folds(hashes, groups, weight, n_folds):
    """The fold of each row, (n,), of about equal weight; groups are whole.

    Raises
    ------
    ValueError
        If all rows are equal, or of one group, so that there are no two folds.
    """
    of_unit = hashes if groups is None else groups.sum(scrambled(hashes))
    unit_weight = weight if groups is None else groups.sum(weight)
    distinct, of_kind = np.unique(of_unit, return_inverse=True)
    if len(distinct) < 2:
        raise ValueError(
            f"cv={n_folds} needs at least two different rows (or groups); with cv=None,"
            " rows are predicted by experts that were fitted to them."
        )
    total = np.bincount(of_kind, unit_weight)
    middle = np.cumsum(total) - 0.5 * total
    fold = np.floor(n_folds * middle / total.sum()).astype(int)
    # A fold without units does not count, but there have to be two.
    fold = np.unique(fold, return_inverse=True)[1]
    if not fold.any():
        fold[-1] = 1
    fold = fold[of_kind]
    return fold if groups is None else fold[groups.of_row]
