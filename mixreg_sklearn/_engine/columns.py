"""What one pass over the rows leaves behind. Moments add."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

# Designs of at least this many columns use symmetric products (benchmarks/speed.py).
_WIDE = 20
# Numbers in a stack of weighted rows: well inside the second-level cache.
_STACK_NUMBERS = 32768


class Moments(NamedTuple):
    """Sums over rows at given parameters, in units of information.

    With responsibilities ``tau`` and row weights ``w`` (those of its unit, for every
    row), score ``s = d log f / d eta``
    and information ``i = -E d^2 log f / d eta^2``:

    Attributes
    ----------
    loglik : ndarray of shape (R,)
        ``sum_i w_i log sum_k pi_k f_k(y_i)`` of the parameters that went in.
    weight : ndarray of shape (R, K)
        ``sum_i w_i tau_ik`` over rows.
    share : ndarray of shape (R, K)
        The same over units, the groups of rows that share a component.
    gate : ndarray of shape (R, K, 1 + q), or (R, K, 0)
        ``sum_u w_u (tau_uk - pi_uk) z_u`` over units, with the columns of the gate;
        empty where the prior does not depend on them.
    gram : ndarray of shape (R, K, p, p)
        ``sum_i w_i tau_ik i_ik z_i z_i'``.
    cross : ndarray of shape (R, K, p)
        ``sum_i w_i tau_ik s_ik z_i``: residual form, zero at an optimum.
    statistic : ndarray of shape (R, K, S)
        ``sum_i w_i tau_ik t_ik`` for the family's statistics of its scale.
    """

    loglik: np.ndarray
    weight: np.ndarray
    share: np.ndarray
    gate: np.ndarray
    gram: np.ndarray
    cross: np.ndarray
    statistic: np.ndarray

    def __add__(self, other):
        return Moments(*(a + b for a, b in zip(self, other, strict=True)))


def component_grams(tau, block):
    """``sum_i tau_ki z_i z_i'`` for every component of every restart.

    The responsibilities of a row add up to its weight, so the Gram matrix of the
    first component is the block's own less those of the others, unless the outer
    products of the rows are at hand, when all are one product anyway.

    Parameters
    ----------
    tau : ndarray of shape (R, K, B)
        Responsibilities times row weights.
    block : Block

    Returns
    -------
    ndarray of shape (R, K, p, p)
    """
    if block.products is not None:
        return weighted_grams(tau, block)
    rest = weighted_grams(tau[:, 1:], block)
    first = block.gram - rest.sum(axis=1)
    return np.concatenate([first[:, None], rest], axis=1)


def weighted_grams(weights, block):
    """``sum_i weights_ki z_i z_i'`` for weights of shape (R, K, B).

    Three ways to the same number, chosen by shape (benchmarks/speed.py): one product
    with the packed outer products of the rows where these are at hand (many columns,
    few rows); else stacked products for narrow and symmetric ones for wide designs.

    Returns
    -------
    ndarray of shape (R, K, p, p)
    """
    n_restarts, n_components, n_rows = weights.shape
    p = len(block.Z)
    shape = (n_restarts, n_components, p, p)
    if not weights.size:
        return np.zeros(shape)
    columns = weights.reshape(-1, n_rows)
    if block.products is not None:
        return np.dot(columns, block.products.T)[:, unpacking(p)].reshape(shape)
    product = _stacked_grams if p < _WIDE else _symmetric_grams
    return product(columns, block.Z).reshape(shape)


def _stacked_grams(weights, Z):
    """All columns of weights together, a few rows at a time for the cache."""
    n_columns, n_rows = weights.shape
    p = len(Z)
    size = max(_STACK_NUMBERS // (n_columns * p), 256)
    stack = np.empty((n_columns, p, min(size, n_rows)))
    grams = np.zeros((n_columns, p, p))
    for start in range(0, n_rows, size):
        some = Z[:, start : start + size]
        weighted = stack[:, :, : some.shape[1]]
        np.multiply(weights[:, None, start : start + size], some, out=weighted)
        # A stack of small products: OpenBLAS has a fast way for these.
        grams += weighted @ some.T
    return grams


def _symmetric_grams(weights, Z):
    """One symmetric product for each column: half the arithmetic."""
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
