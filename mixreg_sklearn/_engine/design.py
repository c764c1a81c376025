"""Center, scale and whiten the features; find the rank; map coefficients back."""

from typing import NamedTuple

import numpy as np
from scipy import linalg

# X is read in blocks of this size (0.4 MB), which fits the cache, and of at least four
# rows a feature, so that a QR step does not work on the previous factor alone.
_BLOCK_NUMBERS = 50_000


class Design(NamedTuple):
    """An affine map from features to columns that are orthonormal under the weights.

    The first column is one where there is an intercept; the others are
    ``whitening' (x - center)``, one for each dimension that the features span. The
    weighted Gram matrix of the columns is ``W I``: the normal equations of a component
    are well conditioned for any units of measurement of the features, and a design of
    deficient rank is no special case.

    Attributes
    ----------
    center : ndarray of shape (d,)
    whitening : ndarray of shape (d, r)
    coefficients : ndarray of shape (d, r)
        ``coefficients @ c`` are the feature coefficients of least norm with the same
        predictions as the column coefficients ``c``.
    inverse : ndarray of shape (r, d)
        ``inverse @ b`` are the column coefficients with the same predictions as the
        feature coefficients ``b``.
    intercept : bool
    """

    center: np.ndarray
    whitening: np.ndarray
    coefficients: np.ndarray
    inverse: np.ndarray
    intercept: bool

    @property
    def n_columns(self):
        return self.whitening.shape[1] + self.intercept

    def columns(self, X):
        """Whitened columns, feature-major: (n, d) -> (p, n)."""
        Z = np.empty((self.n_columns, len(X)))
        Z[: self.intercept] = 1.0
        for rows in _slices(*X.shape):
            centered = np.asarray(X[rows], dtype=float) - self.center
            Z[self.intercept :, rows] = np.dot(self.whitening.T, centered.T)
        return Z

    def to_features(self, coef):
        """Column coefficients (K, p) -> intercepts (K,) and coefficients (K, d)."""
        slopes = coef[:, self.intercept :] @ self.coefficients.T
        constant = coef[:, 0] if self.intercept else np.zeros(len(coef))
        return constant - slopes @ self.center, slopes

    @property
    def feature_map(self):
        """The map (p, 1 + d) from an intercept and feature coefficients to columns.

        Without an intercept its first column is zero.
        """
        n_features = self.inverse.shape[1]
        values = np.eye(1 + n_features)
        intercept = values[:, 0] * self.intercept
        return self.from_features(intercept, values[:, 1:]).T

    def from_features(self, intercept, slopes):
        """Inverse of `to_features`: -> (K, p)."""
        inner = slopes @ self.inverse.T
        if not self.intercept:
            return inner
        return np.column_stack([intercept + slopes @ self.center, inner])


class Features(NamedTuple):
    """Some columns of the user's X, rows in the order of the engine, without a copy.

    Attributes
    ----------
    X : ndarray of shape (n_all, d_all)
    chosen : ndarray of int of shape (d,)
    order : ndarray of int of shape (n,), or None
        Rows; None for all of them in the order of X.
    """

    X: np.ndarray
    chosen: np.ndarray
    order: np.ndarray | None

    @property
    def shape(self):
        """Rows and columns, (n, d)."""
        return len(self.X if self.order is None else self.order), len(self.chosen)

    def read(self, rows):
        """Float64 values (B, d) of some rows, a slice or indices."""
        part = self.X[rows if self.order is None else self.order[rows]]
        if len(self.chosen) < self.X.shape[1]:
            part = part[:, self.chosen]
        return np.asarray(part, dtype=float)

    def blocks(self, weight):
        """Float64 blocks of rows (B, d) with their weights (B,)."""
        for rows in _slices(*self.shape):
            yield self.read(rows), weight[rows]


class Whitened:
    """A source of columns (see `rows.Stored`): a design that whitens features."""

    def __init__(self, design, features):
        self.design, self.features = design, features
        self.n_columns = design.n_columns

    def cut(self, rows):
        return self.design.columns(self.features.read(rows))


def make_design(features, weight, fit_intercept):
    """The Design that whitens `features` under positive row weights (n,).

    One blocked QR pass gives the triangular factor of the centered, scaled, weighted
    features; its singular values give the rank (Golub & Van Loan 2013, section 5.5).
    """
    n, d = features.shape
    if not d:
        nothing = np.zeros((0, 0))
        return Design(np.zeros(0), nothing, nothing, nothing, bool(fit_intercept))
    total = weight.sum()
    # A sum of huge features overflows; a power of two leaves every digit as it was.
    power = np.exp2(np.floor(np.log2(total)))
    largest = np.zeros(d)
    center = np.zeros(d)
    for block, w in features.blocks(weight):
        largest = np.maximum(largest, np.abs(block).max(axis=0))
        center += (w / power) @ block
    center = center / (total / power) if fit_intercept else np.zeros(d)
    squares = np.zeros(d)
    for block, w in features.blocks(weight):
        relative = (block - center) / np.where(largest > 0, largest, 1.0)
        squares += w @ (relative * relative)
    relative = np.sqrt(squares / total)
    rounding = 8 * np.finfo(float).eps
    varies = relative > rounding
    scale = np.where(varies, relative * largest, 1.0)
    factor = np.zeros((0, d))
    for block, w in features.blocks(weight):
        scaled = (block - center) / scale * varies * np.sqrt(w / total)[:, None]
        factor = linalg.qr(
            np.vstack([factor, scaled]), mode="r", check_finite=False, overwrite_a=True
        )[0][:d]
    _, singular, right = linalg.svd(factor, full_matrices=False, check_finite=False)
    tolerance = max(n, d) * np.finfo(float).eps
    rank = int((singular > tolerance * max(singular.max(initial=0.0), rounding)).sum())
    right = right[:rank].T
    whitening = right / singular[:rank] / scale[:, None]
    inverse = singular[:rank, None] * (right * scale[:, None]).T
    coefficients = whitening
    if rank < d:
        # Project on the row space of the features.
        span = right * scale[:, None]
        span, _ = linalg.qr(span / np.abs(span).max(axis=0), mode="economic")
        coefficients = span @ (span.T @ whitening)
    return Design(center, whitening, coefficients, inverse, bool(fit_intercept))


def _slices(n_rows, n_features):
    """Slices of rows small enough for a float64 copy."""
    n_features = max(1, n_features)
    step = max(4 * n_features, _BLOCK_NUMBERS // n_features)
    return [slice(start, start + step) for start in range(0, n_rows, step)]
