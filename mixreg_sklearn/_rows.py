"""Where rows come from. A back end is `sum` and nothing more."""

from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from operator import add
from typing import NamedTuple

import numpy as np

from ._moments import outer_products

# Rows of a block: about this many numbers of the design stay in the second-level
# cache while the pass reads them several times (benchmarks/speed.py).
_BLOCK_NUMBERS = 131072
# Outer products are kept for designs of at most this many numbers (32 MB).
_PRODUCT_NUMBERS = 4_000_000


class Block(NamedTuple):
    """Some rows, feature-major, with what a pass needs to know of them.

    Attributes
    ----------
    Z : ndarray of shape (p, B)
        Columns of the whitened design.
    y : ndarray of shape (B,), or (2, B)
        Response, as the family's `target` made it.
    weight : ndarray of shape (B,)
    offset : ndarray of shape (B,) or None
        Part of the linear predictor that has no coefficient.
    base : float
        ``sum_i w_i b_i``, what `Family.base` adds to the log-likelihood.
    gram : ndarray of shape (p, p)
        ``sum_i w_i z_i z_i'``.
    products : ndarray of shape (p (p + 1) / 2, B) or None
        Packed outer products of the rows, for batches of restarts.
    """

    Z: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    offset: np.ndarray | None
    base: float
    gram: np.ndarray
    products: np.ndarray | None


class ArrayRows:
    """Rows held in memory.

    Parameters
    ----------
    Z : ndarray of shape (p, n)
        Whitened design, feature-major.
    y : ndarray of shape (n,), or (2, n)
    weight : ndarray of shape (n,)
    offset : ndarray of shape (n,) or None
    base : float or ndarray of shape (n,), default=0.0
        `Family.base` of the response.
    block_size : int, optional
        Rows in a block. By default as many as fit the cache. It changes the
        result by rounding only.
    batched : bool, default=False
        Keep the outer products of the rows, for batches of many restarts.
    n_jobs : int, default=1
        Threads. The result does not depend on it: blocks are added in order.
    """

    def __init__(
        self,
        Z,
        y,
        weight,
        offset=None,
        base=0.0,
        *,
        block_size=None,
        batched=False,
        n_jobs=1,
    ):
        p, n = Z.shape
        self.y, self.weight, self.offset = y, weight, offset
        self.base = np.broadcast_to(base, n)
        self.n_rows, self.n_columns = n, p
        self.n_jobs = n_jobs
        self.total_weight = float(weight.sum())
        if block_size is None:
            block_size = 1 << int(np.log2(min(max(_BLOCK_NUMBERS // p, 2048), 32768)))
        keep = batched and n * p * (p + 1) // 2 <= _PRODUCT_NUMBERS
        self.blocks = [
            self._block(Z, slice(start, min(start + block_size, n)), keep)
            for start in range(0, n, block_size)
        ]

    def _block(self, Z, rows, keep_products):
        # A copy of its own: a block cut out of a long array has its columns far
        # apart in memory, which makes thin products five times slower.
        Z = np.ascontiguousarray(Z[:, rows])
        return Block(
            Z,
            self.y[..., rows],
            self.weight[rows],
            None if self.offset is None else self.offset[rows],
            float(self.weight[rows] @ self.base[rows]),
            np.dot(Z * self.weight[rows], Z.T),
            outer_products(Z) if keep_products else None,
        )

    @property
    def Z(self):
        """The design of all rows, (p, n); a copy where there are several blocks."""
        if len(self.blocks) == 1:
            return self.blocks[0].Z
        return np.concatenate([block.Z for block in self.blocks], axis=1)

    def sum(self, summarise):
        """Add ``summarise(block)`` over all blocks, in their order."""
        if self.n_jobs == 1 or len(self.blocks) == 1:
            return reduce(add, map(summarise, self.blocks))
        with ThreadPoolExecutor(self.n_jobs) as pool:
            return reduce(add, pool.map(summarise, self.blocks))

    def subset(self, rows, weight):
        """The rows `rows`, reweighted, prepared for a batch of restarts."""
        offset = None if self.offset is None else self.offset[rows]
        return ArrayRows(
            self.Z[:, rows],
            self.y[..., rows],
            weight,
            offset,
            self.base[rows],
            batched=True,
        )
