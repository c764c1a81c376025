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


def hash_rows(numbers, *columns, seed):
    """Hashes of rows, numbers (n, d) and further columns (n,) or (n, m); of uint64."""
    if sparse.issparse(numbers):
        # Sums over the entries of a row do not depend on other rows.
        directions = np.random.default_rng(0).normal(size=(numbers.shape[1], 2))
        numbers = numbers @ directions
    table = np.column_stack([numbers, *columns])
    hashes = hash_numbers(table, np.arange(table.shape[1]))
    return scrambled(hashes + np.uint64(seed))


def canonical_order(hashes, groups):
    """Rows (n,) in the order of hashes, those of a group together."""
    if groups is None:
        return np.argsort(hashes, kind="stable")
    of_unit = hash_units(hashes, groups)[groups.of_row]
    return np.lexsort((hashes, groups.of_row, of_unit))


def hash_units(hashes, groups):
    """Hashes of units, (U,), whatever the order of their rows."""
    return hashes if groups is None else groups.sum(scrambled(hashes))


def given_folds(splits, n_rows, groups):
    """The fold of each row, (n,), from pairs of rows to fit to, and left out.

    Raises
    ------
    ValueError
        If a row is not left out exactly once, or a group is divided.
    """
    fold, times = np.zeros(n_rows, dtype=int), np.zeros(n_rows, dtype=int)
    for number, (_, left_out) in enumerate(splits):
        fold[left_out] = number
        times += np.bincount(np.arange(n_rows)[left_out], minlength=n_rows)
    if (times != 1).any() or not fold.any():
        row = (times != 1).argmax()
        raise ValueError(
            f"cv must leave each row out once, in two folds or more: row {row} is left"
            f" out {times[row]} times."
        )
    label = None if groups is None else groups.varying(fold)
    if label is not None:
        raise ValueError(f"cv divides group {label!r}: use GroupKFold, or a number.")
    return fold


def make_folds(rows, n_folds):
    """The fold of each row, (n,); units of a kind are in one, and so are their rows.

    Units in turn go to one fold after the other, so that those of any part that begins
    with the first unit are divided alike.

    Raises
    ------
    ValueError
        If all units are equal, so that there are no two folds.
    """
    if rows.kind[-1] == 0:
        raise ValueError(
            f"cv={n_folds} needs at least two different rows (or groups), and here"
            f" n_samples = {len(rows.y)}, all equal. With cv=None, experts predict the"
            " rows that they were fitted to."
        )
    return rows.spread(rows.kind % n_folds)
