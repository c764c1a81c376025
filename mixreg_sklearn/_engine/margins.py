"""What a design needs to know of features: centers and products, from one pass."""

from functools import reduce
from operator import add
from typing import NamedTuple

import numpy as np

from .design import make_design
from .standard_design import StandardDesign


class Margins(NamedTuple):
    """Weighted first and second moments of features. Margins add.

    Products are kept as a triangular factor, which loses no digits where features
    depend on each other (Golub & Van Loan 2013, section 5.2). Centers and factor are in
    powers of two near the largest value of each feature, so that no square overflows.

    Attributes
    ----------
    weight : float
        Total weight of the rows.
    largest : ndarray of shape (d,)
        Of the absolute values.
    center : ndarray of shape (d,)
        Weighted means, or zeros where the products are not to be centered.
    factor : ndarray of shape (m, d)
        ``factor' factor`` are the weighted products about the center.
    """

    weight: float
    largest: np.ndarray
    center: np.ndarray
    factor: np.ndarray

    @property
    def unit(self):
        """The powers of two, (d,)."""
        return power_up_to(self.largest)

    def design(self, n_rows, fit_intercept):
        """The Design that whitens the features of `n_rows` rows."""
        return make_design(self, n_rows, fit_intercept)

    def ridge_design(self, n_rows, fit_intercept):
        """The Design under a ridge.

        Where features depend on each other, the ridge chooses their coefficients.
        """
        design = self.design(n_rows, fit_intercept)
        return design._replace(coefficients=design.whitening)

    @property
    def deviation(self):
        """Root mean squares about the center, (d,)."""
        size = np.sqrt((self.factor**2).sum(axis=0) / self.weight)
        varies = size > 8 * np.finfo(float).eps * self.largest / self.unit
        return np.where(varies, size, 0.0) * self.unit

    @property
    def spread(self):
        """The largest variance of standardized features along a direction."""
        size = np.sqrt((self.factor**2).sum(axis=0))
        scaled = self.factor / np.where(size > 0, size, 1.0)
        return float(np.linalg.norm(scaled, 2) ** 2) if scaled.size else 1.0

    def standard(self, fit_intercept, centered):
        """The StandardDesign of the features, of which those that vary are scaled."""
        scale = np.where(self.deviation > 0, self.deviation, 1.0)
        center = self.center * self.unit * bool(centered)
        return StandardDesign(center, scale, bool(fit_intercept))

    def narrowed(self, kept):
        """The Margins of some of the features, indices (d',)."""
        return Margins(
            self.weight, self.largest[kept], self.center[kept], self.factor[:, kept]
        )

    def __add__(self, other):
        largest = np.maximum(self.largest, other.largest)
        unit = power_up_to(largest)
        mine, theirs = self.unit / unit, other.unit / unit
        weight = self.weight + other.weight
        center = self.center * mine
        apart = other.center * theirs - center
        between = np.sqrt(self.weight / weight) * np.sqrt(other.weight) * apart
        factor = np.vstack([self.factor * mine, other.factor * theirs, between])
        center = center + apart * (other.weight / weight)
        return Margins(weight, largest, center, np.linalg.qr(factor, mode="r"))


def margins_of(features, weight, centered):
    """The Margins of features under positive row weights (n,)."""
    blocks = features.blocks(weight)
    return reduce(add, (_of_block(X, w, centered) for X, w in blocks))


def _of_block(X, weight, centered):
    # Feature-major, so that operations run along rows.
    X = np.array(X.T, order="C")
    largest, total = np.abs(X).max(axis=1, initial=0.0), float(weight.sum())
    X /= power_up_to(largest)[:, None]
    center = np.zeros(len(X))
    if centered:
        # Twice: the first mean of a constant is off by its rounding errors.
        for _ in range(2):
            apart = X @ (weight / total)
            center += apart
            X -= apart[:, None]
    X *= np.sqrt(weight)
    return Margins(total, largest, center, np.linalg.qr(X.T, mode="r"))


def power_up_to(largest):
    """Powers of two up to `largest` (d,), one where it is zero."""
    return np.exp2(np.floor(np.log2(np.where(largest > 0, largest, 1.0))))
