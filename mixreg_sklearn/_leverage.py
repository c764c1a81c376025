"""How far rows lie from those of each component: their leverage.

The leverage of a row z in component k is ``z' G_k^-1 z``, with the sum of products
``G_k = sum_i w_ik z_i z_i'`` over the rows of a fit. Rows have a constant and the p
features of the regressions.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from ._data.chunks import chunks, collected, copied

# About how many intermediate results there are for a feature of a row.
_INTERMEDIATE = 5


class Standard(NamedTuple):
    """Units in which features of the regressions have mean 0 and variance 1."""

    used: np.ndarray  # (p,), indices of the features
    mean: np.ndarray  # (p,)
    std: np.ndarray  # (p,), one for constant features

    @classmethod
    def of(cls, X, used):
        """Those of the features in the mask `used`, from rows X."""
        raw, n_rows = cls(np.flatnonzero(used), 0.0, 1.0), X.shape[0]
        mean = sum(A[:, 1:].sum(axis=0) for _, A in raw.rows_of(X)) / n_rows
        centered = raw._replace(mean=mean)
        squares = sum((A[:, 1:] ** 2).sum(axis=0) for _, A in centered.rows_of(X))
        std = np.sqrt(squares / n_rows)
        return centered._replace(std=np.where(std == 0, 1.0, std))

    def rows_of(self, X):
        """Yield chunks of rows, and their features after a constant, (B, 1 + p)."""
        n_numbers = _INTERMEDIATE * (1 + len(self.used)) + copied(X)
        for rows in chunks(X.shape[0], n_numbers):
            part = X[rows][:, self.used]
            Z = np.ones((part.shape[0], 1 + len(self.used)))
            Z[:, 1:] = part.toarray() if sparse.issparse(part) else part
            Z[:, 1:] -= self.mean
            Z[:, 1:] /= self.std
            yield rows, Z


def inverse_grams(X, standard, weight):
    """Inverses of the sums of products, (K, 1 + p, 1 + p), with weights (n, K)."""
    grams = 0.0
    for rows, Z in standard.rows_of(X):
        grams = grams + np.stack([Z.T @ (w[:, None] * Z) for w in weight[rows].T])
    return np.linalg.pinv(grams, hermitian=True)


def leverages(X, standard, inverses):
    """Leverage of every row in every component, (n, K)."""
    return collected(
        lambda _, Z: _leverages(Z, inverses), standard.rows_of(X), X.shape[0]
    )


def largest_leverages(X, standard, inverses, own):
    """The largest leverage, (K,), among the rows of each component, (n, K) of bool."""
    largest = np.zeros(len(inverses))
    for rows, Z in standard.rows_of(X):
        within = np.where(own[rows], _leverages(Z, inverses), 0.0)
        largest = np.maximum(largest, within.max(axis=0))
    return largest


def _leverages(Z, inverses):
    return np.stack([((Z @ inverse) * Z).sum(axis=1) for inverse in inverses], axis=1)
