"""Sources of columns: where the columns of rows come from.

A source has the number p of its columns, `n_columns`, and two methods, for rows that
are a slice or indices: ``columns(rows, weight, kind)`` returns their `Columns`, of a
kind that suits the passes, and ``taken(rows)`` a source of these rows in memory.
"""

import numpy as np

from .columns import Dense


class Stored:
    """Whitened columns in memory, (p, n)."""

    def __init__(self, Z):
        self.Z, self.n_columns = Z, len(Z)

    def columns(self, rows, weight, kind=Dense):
        # A copy: the columns of a view are far apart in memory, which makes thin
        # products five times slower.
        return kind(np.ascontiguousarray(self.Z[:, rows]), weight)

    def taken(self, rows):
        return Stored(self.Z[:, rows])


class Whitened:
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
