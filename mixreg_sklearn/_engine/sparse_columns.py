"""Sparse columns: passes that see the non-zeros of rows alone."""

from functools import cached_property

import numpy as np
from scipy import sparse

from .columns import Columns

# Products of pairs that are made at once (32 MB).
_PAIRS = 2_000_000


class Sparse(Columns):
    """Columns of a CSR array, after a column of ones where there is a constant.

    Products of columns are sums over pairs of non-zeros of a row, so that Gram matrices
    cost a row the square of its non-zeros, whatever the number of columns.

    Parameters
    ----------
    X : csr_array of shape (B, d)
        With sorted indices.
    constant : bool
    weight : ndarray of shape (B,)
        Of the rows.
    keeps : bool, default=False
        Whether the pairs are kept for further passes.
    """

    sparse = True

    def __init__(self, X, constant, weight, keeps=False):
        self.X, self.constant, self._weight = X, bool(constant), weight
        self.n_columns = X.shape[1] + self.constant
        self._kept = list(_pairs(X)) if keeps else None

    @cached_property
    def total(self):
        """Gram matrix of the rows, (p, p)."""
        return self.gram(self._weight[None])[0]

    def predict(self, coef):
        eta = np.ascontiguousarray((self.X @ coef[:, self.constant :].T).T)
        if self.constant:
            eta += coef[:, :1]
        return eta

    def cross(self, v):
        return self._sums(self.X, v)

    def squares(self, v):
        """``sum_i v_i z_i^2``, (..., B) -> (..., p)."""
        return self._sums(self.X.multiply(self.X), v)

    def _sums(self, X, v):
        sums = np.empty((*v.shape[:-1], self.n_columns))
        flat = v.reshape(-1, v.shape[-1])
        inner = (X.T @ np.ascontiguousarray(flat.T)).T
        sums[..., self.constant :] = inner.reshape(*v.shape[:-1], -1)
        if self.constant:
            sums[..., 0] = v.sum(axis=-1)
        return sums

    def scores(self, v, out=None):
        """Dense, and so for few rows only."""
        Z = np.ones((self.n_columns, v.shape[-1]))
        Z[self.constant :] = self.X.toarray().T
        return np.multiply(v[..., None, :], Z, out=out)

    def sparse_scores(self, v, units):
        """The same as two arrays: of ones, and of the rest, which is sparse."""
        start = np.arange(len(v)) if units.single else units.start
        inside = np.arange(len(v)), np.append(start, len(v))
        inner = sparse.csr_array((v, *inside), shape=(len(start), len(v))) @ self.X
        return [units.sum(v)[:, None], inner] if self.constant else [inner]

    def unit_products(self, v, weight, units):
        parts = map(sparse.csr_array, self.sparse_scores(v, units))
        sums = sparse.hstack([*parts], format="csr")
        return weighted_products(sums, weight, sums)

    def gram(self, w):
        d, inner = self.X.shape[1], slice(self.constant, None)
        upper = np.zeros((len(w), d * d))
        for pairs in _pairs(self.X) if self._kept is None else self._kept:
            for sums, row in zip(upper, w, strict=True):
                sums += pairs @ row
        grams = np.empty((len(w), self.n_columns, self.n_columns))
        for gram, sums in zip(grams, upper.reshape(len(w), d, d), strict=True):
            # A diagonal element is in both triangles.
            sums.flat[:: d + 1] *= 0.5
            np.add(sums, sums.T, out=gram[inner, inner])
        if self.constant:
            grams[:, 0] = grams[:, :, 0] = self.cross(w)
        return grams

    def products_with(self, left, v):
        if not left.sparse:
            return left.products_with(self, v).swapaxes(-1, -2)
        flat = v.reshape(-1, v.shape[-1])
        products = [weighted_products(left.whole, row, self.whole) for row in flat]
        return np.reshape(products, (*v.shape[:-1], *products[0].shape))

    @cached_property
    def whole(self):
        """All columns, (B, p), sparse."""
        if not self.constant:
            return self.X
        ones = sparse.csr_array(np.ones((self.X.shape[0], 1)))
        return sparse.hstack([ones, self.X], format="csr")


def weighted_products(left, weight, right):
    """``sum_u w_u l_u r_u'`` of sparse rows (U, p) and (U, q), dense: (p, q)."""
    return (left.T @ right.multiply(weight[:, None]).tocsr()).toarray()


def _pairs(X):
    """Products of pairs of non-zeros of every row, as arrays (d^2, B), some at a time.

    A pair is at the place of its columns in a flattened upper triangle. Rows with
    equally many non-zeros are treated together.
    """
    first, size = X.indptr[:-1], np.diff(X.indptr)
    parts, n_pairs = [], 0
    for length in np.unique(size[size > 0]):
        each = length * (length + 1) // 2
        alike, step = np.flatnonzero(size == length), max(1, _PAIRS // each)
        for start in range(0, len(alike), step):
            rows = alike[start : start + step]
            parts.append(_rectangle(X, first[rows] + np.arange(length)[:, None], rows))
            n_pairs += each * len(rows)
            if n_pairs >= _PAIRS:
                yield _joined(parts, X.shape)
                parts, n_pairs = [], 0
    if parts:
        yield _joined(parts, X.shape)


def _rectangle(X, entries, rows):
    """Values, places and rows of pairs, of the entries (L, m) of rows (m,)."""
    columns, values = X.indices[entries], X.data[entries]
    one, other = np.triu_indices(len(entries))
    value = values[one]
    value *= values[other]
    columns = columns.astype(np.int32 if X.shape[1] < 2**15 else np.int64)
    place = columns[one]
    place *= X.shape[1]
    place += columns[other]
    return value.ravel(), place.ravel(), np.tile(rows.astype(place.dtype), len(one))


def _joined(parts, shape):
    """An array (d^2, B) from parts."""
    value, place, row = map(np.concatenate, zip(*parts, strict=True))
    return sparse.coo_array((value, (place, row)), shape=(shape[1] ** 2, shape[0]))
