"""Results for all rows of X from chunks of rows, in memory of bounded size.

X stays as the user has it: an array of either precision and order, a memory map, or a
sparse matrix. Only a chunk at a time is converted, and only a chunk has intermediate
results.
"""

from string import Template

import numpy as np
from scipy import sparse

# Numbers that a chunk and its intermediate results may take: 4 MB.
_MOST = 2**19
# Multiplications of a matrix product that BLAS does not yet share among threads: they
# would wait for each other at every chunk, for long on a busy machine.
_MOST_PRODUCTS = 2**18


def chunks(n_rows, n_numbers):
    """Slices of rows, each of which takes `n_numbers` numbers, in a list."""
    return slices(n_rows, int(_MOST / n_numbers))


def slices(n_rows, step):
    """Slices of `step` rows, at least one, in a list; the last may be shorter."""
    step = max(1, step)
    return [slice(i, min(i + step, n_rows)) for i in range(0, n_rows, step)]


def copied(X):
    """Numbers that a slice of X copies for a row, on average; of an array, none."""
    return X.nnz / X.shape[0] if sparse.issparse(X) else 0


def times(X, coef):
    """``X @ coef.T`` in double precision, (n, K), of features (n, d) and (K, d)."""
    step = int(_MOST_PRODUCTS / ((copied(X) or X.shape[1]) * len(coef)))
    if X.shape[0] <= step:
        return X.astype(np.float64, copy=False) @ coef.T
    product = np.empty((X.shape[0], len(coef)))
    for rows in slices(X.shape[0], step):
        product[rows] = X[rows].astype(np.float64, copy=False) @ coef.T
    return product


class AtRows(ValueError):
    """An error at some of n rows.

    Parameters
    ----------
    text : str
        The message, with ``$row`` for the first of these rows and, perhaps, ``$count``
        and ``$n_rows``.
    row, count, n_rows : int
        The first of these rows, how many there are, and of how many.
    """

    def __init__(self, text, row, count, n_rows):
        super().__init__(text, row, count, n_rows)
        self.text, self.row, self.count, self.n_rows = text, row, count, n_rows

    def __str__(self):
        numbers = {"row": self.row, "count": self.count, "n_rows": self.n_rows}
        return Template(self.text).safe_substitute(numbers)


def collected(function, parts, n_rows):
    """Results for all rows from those for chunks of them.

    Parameters
    ----------
    function : callable
        ``function(rows, part)`` returns an array with one entry for every row of a
        chunk, or a tuple of such arrays.
    parts : iterable of (slice, object)
        Chunks: their rows, and what is known of them.
    n_rows : int
        Number of all rows.

    Returns
    -------
    ndarray of shape (n_rows, ...) or tuple of such arrays

    Raises
    ------
    AtRows
        If `function` does: the error of the first chunk, with its place and count among
        all rows.
    """
    whole, first, count = None, None, 0
    for rows, part in parts:
        try:
            found = function(rows, part)
        except AtRows as error:
            # The other chunks are only counted.
            first = first or (error.text, rows.start + error.row)
            count += error.count
            continue
        if rows.stop - rows.start == n_rows:
            return found
        if whole is None:
            whole = _empty_like(found, n_rows)
        _put(whole, rows, found)
    if first:
        raise AtRows(*first, count, n_rows)
    return whole


def _empty_like(found, n_rows):
    """Space for the results of all rows, like those of a chunk."""
    if isinstance(found, tuple):
        return tuple(_empty_like(each, n_rows) for each in found)
    return np.empty((n_rows, *found.shape[1:]), found.dtype)


def _put(whole, rows, found):
    """Set the results of some rows."""
    if isinstance(found, tuple):
        for each, part in zip(whole, found, strict=True):
            each[rows] = part
    else:
        whole[rows] = found
