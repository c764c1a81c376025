"""Sources of columns: where the columns of rows come from.

A source has the number p of its columns, `n_columns`, and, for rows that are a slice or
indices: ``columns(rows, weight, kind)`` returns their `Columns`, of a kind that suits
the passes, and ``taken(rows)`` a source of these rows in memory, dense. It says how
many rows make a block, ``block_size(n_more)`` beside so many columns of a gate, and
whether the columns of all blocks are worth their memory, ``keeps(n_rows)``.
"""

import numpy as np
from scipy import sparse

from .columns import Dense
from .sparse_columns import Sparse

# Numbers of the design in a block, so that it stays in the second-level cache while a
# pass reads it several times (benchmarks/speed.py).
_BLOCK_NUMBERS = 131072
_LEAST_ROWS, _MOST_ROWS = 2048, 32768
# Largest total size of columns that are kept (32 MB); others are made in each pass.
_KEPT_NUMBERS = 4_000_000
# Non-zeros of a sparse block, and rows of one for each column, which pay for the Gram
# matrices of the block.
_BLOCK_ENTRIES, _ROWS_PER_COLUMN = 3_000_000, 128
# Largest number of pairs of non-zeros that are kept (200 MB).
_KEPT_PAIRS = 12_000_000


class Source:
    """Base of sources of dense columns."""

    def block_size(self, n_more):
        """Rows of a block, a power of two."""
        fitting = _BLOCK_NUMBERS // max(self.n_columns + n_more, 1)
        return 1 << int(np.log2(min(max(fitting, _LEAST_ROWS), _MOST_ROWS)))

    def keeps(self, n_rows):
        """Whether the columns of `n_rows` rows are kept in memory."""
        return n_rows * self.n_columns <= _KEPT_NUMBERS


class Stored(Source):
    """Whitened columns in memory, (p, n)."""

    def __init__(self, Z):
        self.Z, self.n_columns = Z, len(Z)

    def columns(self, rows, weight, kind=Dense):
        # A copy: the columns of a view are far apart in memory, which makes thin
        # products five times slower.
        return kind(np.ascontiguousarray(self.Z[:, rows]), weight)

    def taken(self, rows):
        return Stored(self.Z[:, rows])


class Whitened(Source):
    """Columns of `Features` that a design whitens each time they are asked for."""

    def __init__(self, design, features):
        self.design, self.features = design, features
        self.n_rows, self.n_columns = features.shape[0], design.n_columns

    def columns(self, rows, weight, kind=Dense):
        return kind(self._cut(rows), weight)

    def taken(self, rows):
        return Stored(self._cut(rows))

    def _cut(self, rows):
        return self.design.columns(self.features.read(rows))


class Scaled:
    """Columns of sparse `Features`, those that a `SparseDesign` keeps."""

    def __init__(self, design, features):
        self.design, self.features = design, features
        self.n_columns, self._scale = design.n_columns, design.column_scale
        filled = features.n_filled
        self._n_filled, self._n_pairs = filled, filled * (filled + 1) / 2

    def columns(self, rows, weight, kind=None):
        keeps = self.keeps(self.features.shape[0])
        return Sparse(self._cut(rows), self.design.intercept, weight, keeps)

    def taken(self, rows):
        none = np.ones(0)
        block = Sparse(self._cut(rows), self.design.intercept, none)
        return Stored(block.scores(np.ones(block.X.shape[0])))

    def _cut(self, rows):
        X = self.features.entries(rows)
        values = X.data / self._scale[X.indices]
        return sparse.csr_array((values, X.indices, X.indptr), shape=X.shape)

    def block_size(self, n_more):
        fitting = max(_ROWS_PER_COLUMN * self.n_columns, _MOST_ROWS)
        return max(1, min(fitting, int(_BLOCK_ENTRIES / self._n_filled)))

    def keeps(self, n_rows):
        return n_rows * self._n_pairs <= _KEPT_PAIRS
