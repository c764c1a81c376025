"""Columns: where rows meet coefficients, by the same methods for any storage.

- ``predict(coef)``: linear predictors (C, B) of coefficients (C, p);
- ``cross(v)``: ``sum_i v_i z_i`` for row values (..., B), -> (..., p);
- ``gram(w)``: ``sum_i w_i z_i z_i'`` for weights (C, B), -> (C, p, p);
- ``squares(v)``: ``sum_i v_i z_i^2``, (..., B) -> (..., p);
- ``product(v, other)``: ``sum_i v_i z_i z'_i'`` for row values (..., B) and the columns
  z' of another predictor, -> (..., p, p');
- ``scores(v)``: ``v_i z_i``, (..., B) -> (..., p, B).
"""

from functools import cached_property, lru_cache
from itertools import combinations_with_replacement

import numpy as np

# Designs with fewer columns share the outer products of rows between weights, if there
# are enough of them (benchmarks/speed.py).
_WIDE = 20


class Columns:
    """Base of all storages; `n_columns` is p."""

    # Whether the columns of a row are mostly zeros.
    sparse = False

    def product(self, v, other):
        """``sum_i v_i z_i z'_i'`` with the columns z' of `other`, (..., p, p')."""
        if other is self:
            grams = self.gram(v.reshape(-1, v.shape[-1]))
            return grams.reshape(*v.shape[:-1], *grams.shape[1:])
        return other.products_with(self, v)

    def products_with(self, left, v):
        """``product`` of the columns `left` with these."""
        return self.cross(left.scores(v))

    def shared_grams(self, tau):
        """Gram matrices (R, K, p, p) of memberships (R, K, B) times row weights."""
        grams = self.gram(tau.reshape(-1, tau.shape[2]))
        return grams.reshape(*tau.shape[:2], *grams.shape[1:])

    def sparse_scores(self, v, units):
        """Sums of ``v_i z_i`` over units, for row values (B,), as arrays [(U, p)]."""
        return [units.sum(self.scores(v)).T]

    def unit_products(self, v, weight, units):
        """``sum_u w_u t_u t_u'`` with ``t_u = sum_i v_i z_i`` over rows of a unit.

        Row values are (B,), weights of units (U,); -> (p, p).
        """
        sums = units.sum(self.scores(v))
        return np.dot(sums * weight, sums.T)

    def outer(self, t, weight, own, out):
        r"""Products of rows under all pairs of row values, as for the Hessian.

        They are ``sum_i v_i z_i z_i'`` with ``v = -w t_a t_b``, to which `own` is added
        where a and b are of one component.

        Parameters
        ----------
        t : ndarray of shape (R, K, E, B)
        weight : ndarray of shape (B,)
        own : ndarray of shape (R, K, E, E, B)
            Symmetric in the coordinates.
        out : ndarray of shape (R, K, E, p, K, E, p)
            To be filled.
        """
        n_restarts, n_components, n_each, n_rows = t.shape
        flat = t.reshape(n_restarts, -1, n_rows)
        pairs = list(combinations_with_replacement(range(n_components * n_each), 2))
        v = np.empty((n_restarts, len(pairs), n_rows))
        for row, (one, other) in zip(v.swapaxes(0, 1), pairs, strict=True):
            (j, e), (k, f) = divmod(one, n_each), divmod(other, n_each)
            np.multiply(flat[:, one] * -weight, flat[:, other], out=row)
            if j == k:
                row += own[:, j, e, f]
        grams = self.gram(v.reshape(-1, n_rows))
        grams = grams.reshape(n_restarts, len(pairs), *grams.shape[1:])
        for gram, (one, other) in zip(grams.swapaxes(0, 1), pairs, strict=True):
            (j, e), (k, f) = divmod(one, n_each), divmod(other, n_each)
            out[:, j, e, :, k, f] = out[:, k, f, :, j, e] = gram


class Dense(Columns):
    """Columns held in memory, feature-major.

    Parameters
    ----------
    Z : ndarray of shape (p, B)
    weight : ndarray of shape (B,)
        Of the rows.
    """

    def __init__(self, Z, weight):
        self.Z, self.n_columns, self._weight = Z, len(Z), weight

    @cached_property
    def total(self):
        """Gram matrix of the rows, (p, p)."""
        return np.dot(self.Z * self._weight, self.Z.T)

    def predict(self, coef):
        return np.dot(coef, self.Z)

    def cross(self, v):
        # Unlike `@`, `np.dot` always lets other threads work.
        sums = np.dot(v.reshape(-1, v.shape[-1]), self.Z.T)
        return sums.reshape(*v.shape[:-1], self.n_columns)

    def scores(self, v, out=None):
        return np.multiply(v[..., None, :], self.Z, out=out)

    def gram(self, w):
        """Products of rows that all weights share, or of rows under every weight."""
        (n_weights, n_rows), p = w.shape, self.n_columns
        if p < _WIDE and 2 * n_weights >= p:
            return _unpacked(np.dot(w, _products(self.Z).T), p)
        weighted = (w[:, None] * self.Z).reshape(-1, n_rows)
        # Unlike `@`, `np.dot` always lets other threads work.
        return np.dot(weighted, self.Z.T).reshape(n_weights, p, p)

    def squares(self, v):
        """``sum_i v_i z_i^2``, (..., B) -> (..., p)."""
        sums = np.dot(v.reshape(-1, v.shape[-1]), (self.Z * self.Z).T)
        return sums.reshape(*v.shape[:-1], self.n_columns)

    def products_with(self, left, v):
        if self.n_columns >= left.n_columns and not left.sparse:
            return super().products_with(left, v)
        return np.stack([left.cross(v * z) for z in self.Z], axis=-1)

    def shared_grams(self, tau):
        """`Columns.shared_grams` with one product less.

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
        self._products = _products(Z)

    shared_grams = Columns.shared_grams

    def gram(self, w):
        return _unpacked(np.dot(w, self._products.T), self.n_columns)


class Ones(Columns):
    """The column of ones of a constant."""

    n_columns = 1

    def cross(self, v):
        return v.sum(axis=-1, keepdims=True)

    def scores(self, v, out=None):
        return np.multiply(v[..., None, :], 1.0, out=out)

    def gram(self, w):
        return w.sum(axis=-1)[:, None, None]

    def squares(self, v):
        return self.cross(v)

    def products_with(self, left, v):
        return left.cross(v)[..., None]

    def outer(self, t, weight, own, out):
        n_restarts, n_components, n_each, n_rows = t.shape
        flat = t.reshape(n_restarts, -1, n_rows)
        sums = (flat * -weight) @ flat.swapaxes(1, 2)
        sums = sums.reshape(n_restarts, *(n_components, n_each) * 2)
        np.einsum("rkakb->rkab", sums)[...] += own.sum(axis=-1)
        out[:, :, :, 0, :, :, 0] = sums


def _products(Z):
    """Packed outer products of rows, (p (p + 1) / 2, B)."""
    p, n_rows = Z.shape
    products, start = np.empty((p * (p + 1) // 2, n_rows)), 0
    for j in range(p):
        np.multiply(Z[j], Z[j:], out=products[start : start + p - j])
        start += p - j
    return products


def _unpacked(packed, p):
    """Symmetric matrices (C, p, p) from packed upper triangles (C, p (p + 1) / 2)."""
    return packed[:, _unpacking(p)].reshape(len(packed), p, p)


@lru_cache
def _unpacking(p):
    """Index that turns a packed upper triangle into a flat symmetric matrix."""
    index = np.empty((p, p), dtype=np.intp)
    rows, columns = np.triu_indices(p)
    index[rows, columns] = index[columns, rows] = np.arange(len(rows))
    return index.ravel()
