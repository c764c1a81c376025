"""A ridge on coefficients, beside any sharing of them."""

import numpy as np


class Ridged:
    r"""Coefficients under the penalty :math:`\frac12 \sum_{kj} \rho_{kj} b_{kj}^2`.

    Parameters
    ----------
    sharing : Separate or Constrained
    ridge : ndarray of shape (K, p)
        The weights :math:`\rho_{kj}`, in the engine's columns.
    total_weight : float
        Of all rows.
    """

    kinked = False

    def __init__(self, sharing, ridge, total_weight):
        self.sharing, self.ridge, self.total_weight = sharing, ridge, total_weight
        self.n_components, self.n_columns = sharing.n_components, sharing.n_columns

    @property
    def n_specific(self):
        """Effective dimensions of a component's coefficients, (K,).

        Those of a component with its part of all rows, and of information one.
        """
        gram = self.total_weight / self.n_components
        share = (gram / (gram + self.ridge)).mean(axis=1)
        return self.sharing.n_specific * share

    def at_weight(self, weight):
        ridge = self.ridge * (weight / self.total_weight)
        return Ridged(self.sharing, ridge, weight)

    def resized(self, n_components):
        sharing = self.sharing.resized(n_components)
        ridge = np.tile(self.ridge.mean(axis=0), (n_components, 1))
        return Ridged(sharing, ridge, self.total_weight)

    def alike(self, order):
        same = np.array_equal(self.ridge[list(order)], self.ridge)
        return same and self.sharing.alike(order)

    def directions(self):
        return self.sharing.directions()

    def step(self, gram, cross, coef):
        gram, cross = with_ridge(self.ridge, gram, cross, coef)
        return self.sharing.step(gram, cross, coef)

    def gain(self, step, gram, cross):
        return quadratic_gain(step, gram, cross)

    def project(self, coef):
        return self.sharing.project(coef)

    def basis(self):
        return self.sharing.basis()

    @property
    def n_directions(self):
        """Dimensions that the data determine: all are bounded by the ridge."""
        return int(self.n_specific.sum())

    def needed(self, coef):
        return np.broadcast_to(self.n_specific, coef.shape[:2])

    def penalty(self, coef):
        return -0.5 * (self.ridge * coef**2).sum(axis=(1, 2))

    def penalty_derivatives(self, coef):
        second = np.broadcast_to(-self.ridge, coef.shape)
        return second * coef, second


def with_ridge(ridge, gram, cross, coef):
    """Information and scores of the likelihood with a ridge (K, p)."""
    gram = gram.copy()
    np.einsum("rkpp->rkp", gram)[...] += ridge
    return gram, cross - ridge * coef


def quadratic_gain(step, gram, cross):
    """The rise ``2 s'c - s'G s`` of the quadratic of the likelihood, (R, K)."""
    bend = np.vecdot(step, (gram @ step[..., None])[..., 0])
    return 2 * np.vecdot(step, cross) - bend
