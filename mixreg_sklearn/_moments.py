"""What one pass over the rows leaves behind. Moments add."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

# Designs of at least this many columns use symmetric products (benchmarks/speed.py).
_WIDE = 20
# Numbers in a stack of weighted rows: half a megabyte, inside the second-level cache.
_STACK_NUMBERS = 65536


class Moments(NamedTuple):
    """Sums over rows at given parameters, in units of information.

    With responsibilities ``tau`` and row weights ``w``, score ``s = d log f / d eta``
    and information ``i = -E d^2 log f / d eta^2``:

    Attributes
    ----------
    loglik : ndarray of shape (R,)
        ``sum_i w_i log sum_k pi_k f_k(y_i)`` of the parameters that went in.
    weight : ndarray of shape (R, K)
        ``sum_i w_i tau_ik``.
    gram : ndarray of shape (R, K, p, p)
        ``sum_i w_i tau_ik i_ik z_i z_i'``.
    cross : ndarray of shape (R, K, p)
        ``sum_i w_i tau_ik s_ik z_i``: residual form, zero at an optimum.
    statistic : ndarray of shape (R, K)
        ``sum_i w_i tau_ik t_ik``, the family's statistic for its scale.
    """

    loglik: np.ndarray
    weight: np.ndarray
    gram: np.ndarray
    cross: np.ndarray
    statistic: np.ndarray

    def __add__(self, other):
        return Moments(*(a + b for a, b in zip(self, other, strict=True)))


def component_grams(tau, block):
    """``sum_i tau_ci z_i z_i'`` for every column of components.

    Three ways to the same number, chosen by shape (benchmarks/speed.py): one
    product with the packed outer products of the rows where these are at hand (many
    columns, few rows); else one product per component, by a stacked
    product for narrow and a symmetric one for wide designs, leaving out the first
    component because all of them add up to the block's own Gram matrix.

    Parameters
    ----------
    tau : ndarray of shape (R, K, B)
        Responsibilities times row weights; they sum to the row weights over ``K``.
    block : Block

    Returns
    -------
    ndarray of shape (R, K, p, p)
    """
    n_restarts, n_components, n_rows = tau.shape
    Z = block.Z
    p = len(Z)
    if block.products is not None:
        packed = np.dot(tau.reshape(-1, n_rows), block.products.T)
        return packed[:, unpacking(p)].reshape(n_restarts, n_components, p, p)
    grams = np.empty((n_restarts, n_components, p, p))
    product = _stacked_grams if p < _WIDE else _symmetric_grams
    for r in range(n_restarts):
        if n_components > 1:
            grams[r, 1:] = product(tau[r, 1:], Z)
        grams[r, 0] = block.gram - grams[r, 1:].sum(axis=0)
    return grams


def _stacked_grams(weights, Z):
    """All components in one product, a few rows at a time to stay in the cache."""
    n_components, n_rows = weights.shape
    p = len(Z)
    size = max(_STACK_NUMBERS // (n_components * p), 256)
    stack = np.empty((n_components, p, min(size, n_rows)))
    grams = np.zeros((n_components * p, p))
    for start in range(0, n_rows, size):
        some = Z[:, start : start + size]
        weighted = stack[:, :, : some.shape[1]]
        np.multiply(weights[:, None, start : start + size], some, out=weighted)
        grams += np.dot(weighted.reshape(n_components * p, -1), some.T)
    return grams.reshape(n_components, p, p)


def _symmetric_grams(weights, Z):
    """One symmetric product for each component: half the arithmetic."""
    grams = np.empty((len(weights), len(Z), len(Z)))
    for gram, root in zip(grams, np.sqrt(weights), strict=True):
        weighted = Z * root
        np.dot(weighted, weighted.T, out=gram)
    return grams


@lru_cache
def packing(p):
    """Row and column indices of the upper triangle of a (p, p) matrix."""
    return np.triu_indices(p)


@lru_cache
def unpacking(p):
    """Index that turns a packed upper triangle into a flat symmetric matrix."""
    index = np.empty((p, p), dtype=np.intp)
    rows, columns = packing(p)
    index[rows, columns] = index[columns, rows] = np.arange(len(rows))
    return index.ravel()


def outer_products(Z):
    """Packed products ``z_a z_b``, a <= b, of every row: (p, n) -> (p(p+1)/2, n)."""
    rows, columns = packing(len(Z))
    return Z[rows] * Z[columns]
