"""Features in an array or a sparse matrix, alike."""

import numpy as np
from scipy import sparse


def in_order(X):
    """X, which is copied if it is sparse and a row has its columns in disorder."""
    if not sparse.issparse(X) or X.has_canonical_format:
        return X
    X = X.copy()
    X.sum_duplicates()
    return X


def column_of(X, j):
    """Column j of X, (n,)."""
    return X[:, [j]].toarray().ravel() if sparse.issparse(X) else X[:, j]


def stacked(parts):
    """The rows of several X, one after the other."""
    if sparse.issparse(parts[0]):
        return sparse.vstack(parts, format="csr")
    return np.concatenate(parts)
