"""Centered and scaled features, not rotated: every coefficient is a column's own."""

from typing import NamedTuple

import numpy as np

from .design import _slices
from .sources import Whitened


class StandardDesign(NamedTuple):
    """An affine map from features to columns, one for each.

    The first column is one where there is an intercept; the others are ``(x - center) /
    scale``. Penalties and bounds are on single coefficients, so that the columns are
    those of the features, also where these depend on each other.

    Attributes
    ----------
    center : ndarray of shape (d,)
        Zero where the intercept itself is restricted.
    scale : ndarray of shape (d,)
    intercept : bool
    """

    center: np.ndarray
    scale: np.ndarray
    intercept: bool

    @property
    def n_columns(self):
        return len(self.scale) + self.intercept

    def columns(self, X):
        """Columns, feature-major: (n, d) -> (p, n)."""
        Z = np.empty((self.n_columns, len(X)))
        Z[: self.intercept] = 1.0
        for rows in _slices(*X.shape):
            part = (np.asarray(X[rows], dtype=float) - self.center) / self.scale
            Z[self.intercept :, rows] = part.T
        return Z

    def to_features(self, coef):
        """Column coefficients (K, p) -> intercepts (K,) and coefficients (K, d)."""
        slopes = coef[:, self.intercept :] / self.scale
        constant = coef[:, 0] if self.intercept else np.zeros(len(coef))
        return constant - slopes @ self.center, slopes

    def from_features(self, intercept, slopes):
        """Inverse of `to_features`: -> (K, p)."""
        inner = slopes * self.scale
        if not self.intercept:
            return inner
        return np.column_stack([intercept + slopes @ self.center, inner])

    @property
    def feature_map(self):
        """The map (p, 1 + d) from an intercept and feature coefficients to columns."""
        values = np.eye(1 + len(self.scale))
        intercept = values[:, 0] * self.intercept
        return self.from_features(intercept, values[:, 1:]).T

    def source(self, features):
        """A source of the columns of some `Features`."""
        return Whitened(self, features)

    @property
    def loose(self):
        """No coefficient is chosen among equivalent ones, (1 + d,)."""
        return np.zeros(1 + len(self.scale), dtype=bool)
