"""Columns: where rows meet coefficients. Five methods, for any storage.

- ``predict(coef)``: linear predictors (C, B) of coefficients (C, p);
- ``cross(v)``: ``sum_i v_i z_i`` for row values (..., B), -> (..., p);
- ``gram(w)``: ``sum_i w_i z_i z_i'`` for non-negative weights (C, B), -> (C, p, p);
- ``product(v, other)``: ``sum_i v_i z_i z'_i'`` for row values (..., B) and the columns
  z' of another predictor, -> (..., p, p');
- ``scores(v)``: ``v_i z_i``, (..., B) -> (..., p, B).
"""

from functools import lru_cache

import numpy as np

# Designs with this number of columns or more use symmetric products
# (benchmarks/speed.py).
_WIDE = 20
# Numbers in a stack of weighted rows: well inside the second-level cache.
_STACK_NUMBERS = 32768


class Columns:
    """Base of all storages; `n_columns` is p."""

    def product(self, v, other):
        """``sum_i v_i z_i z'_i'`` with the columns z' of `other`, (..., p, p')."""
        return other.products_with(self, v)

    def products_with(self, left, v):
        """``product`` of the columns `left` with these."""
        return self.cross(left.scores(v))


class Dense(Columns):
    """Columns held in memory, feature-major.

    Parameters
    ----------
    Z : ndarray of shape (p, B)
    weight : ndarray of shape (B,)
        Of the rows.
    """

    def __init__(self, Z, weight):
        self.Z, self.n_columns = Z, len(Z)
        self.total = np.dot(Z * weight, Z.T)

    def predict(self, coef):
        return np.dot(coef, self.Z)

    def cross(self, v):
        return v @ self.Z.T

    def scores(self, v, out=None):
        return np.multiply(v[..., None, :], self.Z, out=out)

    def gram(self, w):
        """Stacked products for narrow designs, symmetric ones for wide designs."""
        if not w.size:
            return np.zeros((len(w), self.n_columns, self.n_columns))
        narrow = self.n_columns < _WIDE
        return _stacked_grams(w, self.Z) if narrow else _symmetric_grams(w, self.Z)

    def shared_grams(self, tau):
        """Gram matrices (R, K, p, p) of memberships (R, K, B) times row weights.

        The memberships of a row add up to one, so the Gram matrix of the first
        component is that of all rows less those of the others.
        """
        n_restarts, n_components, n_rows = tau.shape
        rest = self.gram(tau[:, 1:].reshape(-1, n_rows))
        rest = rest.reshape(n_restarts, n_components - 1, *self.total.shape)
        first = self.total - rest.sum(axis=1)
        return np.concatenate([first[:, None], rest], axis=1)


class DenseWithProducts(Dense):
    """Columns with the packed outer products of the rows: few rows, large batches.

    All Gram matrices of a batch are then one matrix product.
    """

    def __init__(self, Z, weight):
        super().__init__(Z, weight)
        rows, columns = np.triu_indices(len(Z))
        self._products = Z[rows] * Z[columns]

    def gram(self, w):
        packed = np.dot(w, self._products.T)[:, _unpacking(self.n_columns)]
        return packed.reshape(len(w), self.n_columns, self.n_columns)

    def shared_grams(self, tau):
        grams = self.gram(tau.reshape(-1, tau.shape[2]))
        return grams.reshape(*tau.shape[:2], *self.total.shape)


class Ones(Columns):
    """The column of ones of a constant."""

    n_columns = 1

    def cross(self, v):
        return v.sum(axis=-1, keepdims=True)

    def scores(self, v, out=None):
        return np.multiply(v[..., None, :], 1.0, out=out)

    def products_with(self, left, v):
        return left.cross(v)[..., None]


class Implicit(Columns):
    """Whitened columns ``z = W' (x - c)`` that are never made.

    The map acts on coefficients and sums, which are small. A pass reads the user's
    array, of any float type and in any order.

    Parameters
    ----------
    X : ndarray of shape (B, d)
    design : Design
        The centers c, the whitening W, and whether there is an intercept.
    weight : ndarray of shape (B,)
    """

    def __init__(self, X, design, weight):
        self.X, self.design = X, design
        self.n_columns = design.n_columns
        self.total = self.gram(weight[None])[0]

    def predict(self, coef):
        constant, slopes = self.design.to_features(coef)
        return (self.X @ slopes.T).T + constant[:, None]

    def cross(self, v):
        return self._whitened(v @ self.X, v.sum(axis=-1, keepdims=True))

    def scores(self, v, out=None):
        Z = self.design.columns(self.X)
        return np.multiply(v[..., None, :], Z, out=out)

    def gram(self, w):
        grams = np.empty((len(w), self.n_columns, self.n_columns))
        for gram, row in zip(grams, w, strict=True):
            raw = (self.X.T * row) @ self.X
            sums = row @ self.X
            left = self._whitened(raw, sums[:, None])
            gram[...] = self._whitened(left.T, self.cross(row)[:, None])
        return grams

    shared_grams = Dense.shared_grams

    def _whitened(self, sums, total):
        """Sums over x (..., d), and of weights (..., 1), as those over z (..., p)."""
        inner = (sums - total * self.design.center) @ self.design.whitening
        if not self.design.intercept:
            return inner
        return np.concatenate([total, inner], axis=-1)


def _stacked_grams(weights, Z):
    """All weights (C, B) at once, a few rows at a time for the cache: (C, p, p)."""
    n_columns, n_rows = weights.shape
    p = len(Z)
    size = max(_STACK_NUMBERS // (n_columns * max(p, 1)), 256)
    if n_rows <= size:
        return (weights[:, None] * Z) @ Z.T
    stack = np.empty((n_columns, p, size))
    grams = np.zeros((n_columns, p, p))
    for start in range(0, n_rows, size):
        some = Z[:, start : start + size]
        weighted = stack[:, :, : some.shape[1]]
        np.multiply(weights[:, None, start : start + size], some, out=weighted)
        # OpenBLAS is fast for a stack of small products.
        grams += weighted @ some.T
    return grams


def _symmetric_grams(weights, Z):
    """One symmetric product for each row of weights (C, B): half the arithmetic."""
    grams = np.empty((len(weights), len(Z), len(Z)))
    for gram, root in zip(grams, np.sqrt(weights), strict=True):
        weighted = Z * root
        np.dot(weighted, weighted.T, out=gram)
    return grams


@lru_cache
def _unpacking(p):
    """Index that turns a packed upper triangle into a flat symmetric matrix."""
    index = np.empty((p, p), dtype=np.intp)
    rows, columns = np.triu_indices(p)
    index[rows, columns] = index[columns, rows] = np.arange(len(rows))
    return index.ravel()
