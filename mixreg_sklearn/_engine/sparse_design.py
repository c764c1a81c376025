"""The design of sparse features: scaled, neither centered nor rotated."""

from functools import reduce
from operator import add
from typing import NamedTuple

import numpy as np
from scipy import linalg, sparse

from .design import MOVES
from .margins import power_up_to
from .sources import Scaled
from .sparse_columns import Sparse

# A column of which a smaller share of its sum of squares is left, given the others, is
# a combination of them.
_DEPENDENT = 1e-12


class SparseMargins(NamedTuple):
    """Weighted products of sparse features and a constant. They add.

    Attributes
    ----------
    weight : float
        Total weight of the rows.
    largest : ndarray of shape (d,)
        Of the absolute values.
    gram : ndarray of shape (1 + d, 1 + d)
        Products of a constant and the features, in powers of two near the largest
        value of each, so that no square overflows.
    """

    weight: float
    largest: np.ndarray
    gram: np.ndarray

    @property
    def unit(self):
        """The powers of two, (d,)."""
        return power_up_to(self.largest)

    @property
    def deviation(self):
        """Standard deviations, (d,)."""
        gram = self.gram / self.weight
        variance = np.diag(gram)[1:] - gram[0, 1:] ** 2
        varies = variance > 64 * np.finfo(float).eps * np.diag(gram)[1:]
        return np.sqrt(np.where(varies, variance, 0.0)) * self.unit

    def standard(self, fit_intercept, centered):
        """The SparseDesign that keeps all features, scaled but not centered."""
        d = len(self.largest)
        scale = np.where(self.deviation > 0, self.deviation, 1.0)
        none = np.arange(0)
        return SparseDesign(
            scale, np.arange(d), none, none, np.zeros((d, 0)), bool(fit_intercept)
        )

    def ridge_design(self, n_rows, fit_intercept):
        """The SparseDesign under a ridge: it keeps features that depend on others."""
        return self.standard(fit_intercept, False)

    def narrowed(self, kept):
        """The SparseMargins of some of the features, indices (d',)."""
        rows = np.append(0, 1 + kept)
        gram = self.gram[np.ix_(rows, rows)]
        return SparseMargins(self.weight, self.largest[kept], gram)

    def __add__(self, other):
        largest = np.maximum(self.largest, other.largest)
        unit = power_up_to(largest)
        mine, theirs = (
            np.append(1.0, part.unit / unit)[:, None] for part in (self, other)
        )
        gram = self.gram * (mine * mine.T) + other.gram * (theirs * theirs.T)
        return SparseMargins(self.weight + other.weight, largest, gram)

    def design(self, n_rows, fit_intercept):
        """The SparseDesign, by a pivoted Cholesky factorization of the products."""
        gram = self.gram / self.weight
        if not fit_intercept:
            gram[0], gram[:, 0], gram[0, 0] = 0.0, 0.0, 1.0
        relative = np.sqrt(np.diag(gram))
        size = np.where(relative > 0, relative, 1.0)
        gram /= size * size[:, None]
        kept, dropped, combination = _independent(gram)
        scale = (size * np.append(1.0, self.unit))[:, None]
        # Of a dropped column in the kept ones, in the user's units.
        combination = combination * scale[dropped].T / scale[kept]
        return SparseDesign(
            scale[1:, 0],
            kept[1:] - 1,
            dropped - 1,
            combination[0] * bool(fit_intercept),
            combination[1:],
            bool(fit_intercept),
        )


def _independent(gram):
    """Kept columns, the first one among them, and combinations that give the others.

    Returns
    -------
    kept : ndarray of int of shape (1 + r,), sorted
    dropped : ndarray of int of shape (k,), sorted
    combination : ndarray of shape (1 + r, k)
    """
    # The constant goes first: what is left of the features then competes.
    first = gram[0, 1:]
    rest = gram[1:, 1:] - first[:, None] * first
    tolerance = max(_DEPENDENT, 8 * len(gram) * np.finfo(float).eps)
    _, pivots, rank, _ = linalg.lapack.dpstrf(rest, tol=tolerance, lower=1)
    kept = np.append(0, np.sort(pivots[:rank]))
    dropped = np.setdiff1d(np.arange(len(gram)), kept)
    combination = np.linalg.solve(gram[np.ix_(kept, kept)], gram[np.ix_(kept, dropped)])
    return kept, dropped, combination


def sparse_margins_of(features, weight):
    """The SparseMargins of sparse features under positive row weights (n,)."""
    parts = features.sparse_parts()
    return reduce(add, (_of_part(X, weight[rows]) for rows, X in parts))


def _of_part(X, weight):
    largest = np.zeros(X.shape[1])
    np.maximum.at(largest, X.indices, np.abs(X.data))
    values = X.data / power_up_to(largest)[X.indices]
    scaled = sparse.csr_array((values, X.indices, X.indptr), shape=X.shape)
    gram = Sparse(scaled, True, weight).total
    return SparseMargins(float(weight.sum()), largest, gram)


class SparseDesign(NamedTuple):
    """An affine map from sparse features to columns of mean square one.

    The first column is one where there is an intercept; the others are features divided
    by their scales, so that zeros stay zeros. Features that depend on others are left
    out; a coefficient vector of the columns stands for that of least norm among the
    features' coefficients with the same predictions.

    Attributes
    ----------
    scale : ndarray of shape (d,)
        Roots of the mean squares of the features, or one where they are zero.
    kept : ndarray of int of shape (r,)
    dropped : ndarray of int of shape (k,)
    constant : ndarray of shape (k,)
        The part of a dropped feature that is constant.
    combination : ndarray of shape (r, k)
        Its coefficients in the kept features.
    intercept : bool
    """

    scale: np.ndarray
    kept: np.ndarray
    dropped: np.ndarray
    constant: np.ndarray
    combination: np.ndarray
    intercept: bool

    @property
    def n_columns(self):
        return len(self.kept) + self.intercept

    @property
    def column_scale(self):
        """Of the kept features, (r,)."""
        return self.scale[self.kept]

    def squares(self, deviation):
        """Squares of the standardized coefficients a column stands for, (r,)."""
        return (deviation[self.kept] > 0).astype(float)

    def source(self, features):
        """A source of the columns of some `Features`."""
        return Scaled(self, features._replace(chosen=features.chosen[self.kept]))

    def to_features(self, coef):
        """Column coefficients (K, p) -> intercepts (K,) and coefficients (K, d)."""
        slopes = np.zeros((len(coef), len(self.scale)))
        slopes[:, self.kept] = coef[:, self.intercept :] / self.column_scale
        constant = coef[:, 0].copy() if self.intercept else np.zeros(len(coef))
        if not len(self.dropped):
            return constant, slopes
        # Along these directions, and with the intercept, no prediction changes.
        span, triangle = np.linalg.qr(self._nothing)
        along = slopes @ span
        shift = linalg.solve_triangular(triangle, along.T)
        return constant + self.constant @ shift, slopes - along @ span.T

    @property
    def _nothing(self):
        """Directions (d, k) of coefficients that predict nothing but a constant."""
        directions = np.zeros((len(self.scale), len(self.dropped)))
        directions[self.dropped] = np.eye(len(self.dropped))
        directions[self.kept] = -self.combination
        return directions

    @property
    def loose(self):
        """Which of intercept and coefficients are loose, (1 + d,), as in `Design`."""
        if not len(self.dropped):
            return np.zeros(1 + len(self.scale), dtype=bool)
        span, _ = np.linalg.qr(self._nothing * self.scale[:, None])
        moved = np.linalg.norm(span, axis=1) > MOVES
        constant = np.abs(self.constant) > MOVES * self.scale[self.dropped]
        return np.append(constant.any(), moved)

    @property
    def feature_map(self):
        """The map (p, 1 + d) from an intercept and feature coefficients to columns.

        Without an intercept its first column is zero.
        """
        values = np.eye(1 + len(self.scale))
        intercept = values[:, 0] * self.intercept
        return self.from_features(intercept, values[:, 1:]).T

    def from_features(self, intercept, slopes):
        """Inverse of `to_features`: -> (K, p)."""
        rest = slopes[:, self.dropped]
        inner = (slopes[:, self.kept] + rest @ self.combination.T) * self.column_scale
        if not self.intercept:
            return inner
        return np.column_stack([intercept + rest @ self.constant, inner])
