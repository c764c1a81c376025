"""Center, scale and whiten the features; find the rank; map coefficients back."""

from typing import NamedTuple

import numpy as np
from scipy import linalg, sparse

from .._data.chunks import slices
from .sources import Whitened

# X is read in blocks of this size (0.4 MB), which fits the cache, and of at least four
# rows a feature, so that a QR step does not work on the previous factor alone.
_BLOCK_NUMBERS = 50_000
# A coefficient moves along a direction that changes no prediction, in units of the
# features' standard deviations, by more than this: it is loose.
MOVES = 1e-7
# Non-zeros of sparse features that are read at once (16 MB).
_ENTRIES = 1_000_000


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

    def squares(self, deviation):
        """Squares of the standardized coefficients that a column stands for, (r,).

        `deviation` (d,) are the standard deviations of the features.
        """
        return ((deviation[:, None] * self.coefficients) ** 2).sum(axis=0)

    @property
    def feature_map(self):
        """The map (p, 1 + d) from an intercept and feature coefficients to columns.

        Without an intercept its first column is zero.
        """
        n_features = self.inverse.shape[1]
        values = np.eye(1 + n_features)
        intercept = values[:, 0] * self.intercept
        return self.from_features(intercept, values[:, 1:]).T

    def source(self, features):
        """A source of the columns of some `Features`."""
        return Whitened(self, features)

    @property
    def loose(self):
        """Which of intercept and coefficients are loose, (1 + d,).

        A loose one can change, others with it, without any prediction.
        """
        rank, n_features = self.inverse.shape
        if rank == n_features:
            return np.zeros(1 + n_features, dtype=bool)
        spread = np.linalg.norm(self.inverse, axis=0)
        size = np.maximum(spread, np.abs(self.center))
        varies = spread > 8 * np.finfo(float).eps * size
        unit = np.where(varies, spread, np.where(size > 0, size, 1.0))
        # Directions in which the coefficients, times the units, predict nothing.
        _, _, right = np.linalg.svd(self.inverse / unit * varies)
        nothing, center = right[rank:], self.center / unit
        constant = np.linalg.norm(nothing @ center) > MOVES * np.linalg.norm(center)
        moved = np.linalg.norm(nothing, axis=0) > MOVES
        return np.append(constant and self.intercept, moved)

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
    X : ndarray or CSR matrix of shape (n_all, d_all)
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
        n_rows = self.X.shape[0] if self.order is None else len(self.order)
        return n_rows, len(self.chosen)

    @property
    def sparse(self):
        """Whether a row is mostly zeros, and there is at least one feature."""
        return sparse.issparse(self.X) and len(self.chosen) > 0

    @property
    def n_filled(self):
        """Non-zeros of a row of sparse features, on average."""
        return max(1.0, self.X.nnz / max(1, self.X.shape[0]))

    def read(self, rows):
        """Float64 values (B, d) of some rows, a slice or indices."""
        part = self._part(rows)
        if sparse.issparse(part):
            part = part.toarray()
        return np.asarray(part, dtype=float)

    def entries(self, rows):
        """The same of sparse features, as a CSR array."""
        return sparse.csr_array(self._part(rows), dtype=float)

    def _part(self, rows):
        part = self.X[rows if self.order is None else self.order[rows]]
        return part if len(self.chosen) == self.X.shape[1] else part[:, self.chosen]

    def parts(self):
        """Yield slices of few rows, and their float64 values (B, d)."""
        for rows in _slices(*self.shape):
            yield rows, self.read(rows)

    def sparse_parts(self):
        """Yield slices of rows, and their entries, of sparse features."""
        for rows in slices(self.shape[0], int(_ENTRIES / self.n_filled) + 1):
            yield rows, self.entries(rows)

    def blocks(self, weight):
        """Float64 blocks of rows (B, d) with their weights (B,)."""
        for rows, X in self.parts():
            yield X, weight[rows]


def make_design(margins, n_rows, fit_intercept):
    """The Design that whitens features, from their Margins over `n_rows` rows.

    The singular values of the triangular factor of the centered, scaled features give
    the rank (Golub & Van Loan 2013, section 5.5).
    """
    d, total, unit = len(margins.center), margins.weight, margins.unit
    if not d:
        nothing = np.zeros((0, 0))
        return Design(np.zeros(0), nothing, nothing, nothing, bool(fit_intercept))
    center = margins.center * unit
    factor = margins.factor / np.sqrt(total)
    relative = np.sqrt((factor**2).sum(axis=0))
    rounding = 8 * np.finfo(float).eps
    varies = relative > rounding * margins.largest / unit
    relative = np.where(varies, relative, 1.0)
    scale = relative * np.where(varies, unit, 1.0)
    scaled = factor / relative * varies
    _, singular, right = linalg.svd(scaled, full_matrices=False, check_finite=False)
    # Signs that neither rounding nor the order of rows decides.
    right *= np.where(right @ np.cos(np.arange(1.0, d + 1)) < 0, -1.0, 1.0)[:, None]
    tolerance = max(n_rows, d) * np.finfo(float).eps
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
    return slices(n_rows, max(4 * n_features, _BLOCK_NUMBERS // n_features))
