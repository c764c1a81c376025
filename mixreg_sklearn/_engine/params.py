"""Parameters of a batch of mixtures: values, taken and returned, never mutated.

Shapes: ``R`` restarts, ``K`` components, ``p`` columns of the design, ``q`` columns of
the gate besides its constant.
"""

from typing import NamedTuple

import numpy as np

from .._numerics import log_normalise


class Params(NamedTuple):
    """Parameters of ``R`` mixtures, in the units of the design.

    The prior probability of component k for a unit with gate columns ``z`` is
    proportional to ``exp(log_weights_k + gate_k' z)``.

    Attributes
    ----------
    coef : ndarray of shape (R, K, p)
        Regression coefficients on the whitened columns.
    scale : ndarray of shape (R, K)
        Scale of each component (gaussian: standard deviation).
    log_weights : ndarray of shape (R, K)
        Constants of the gate; ``exp`` sums to one over ``K``. Without gate columns
        these are the logarithms of the mixing weights.
    gate : ndarray of shape (R, K, q)
        Coefficients of the gate, which sum to zero over ``K``.
    """

    coef: np.ndarray
    scale: np.ndarray
    log_weights: np.ndarray
    gate: np.ndarray

    @property
    def n_restarts(self):
        return len(self.coef)

    def take(self, index):
        """The restarts `index`, still a batch: an int, a slice, a mask or indices."""
        if np.isscalar(index):
            index = slice(index, index + 1)
        return Params(*(field[index] for field in self))

    def put(self, index, other):
        """A copy in which the restarts `index` are those of `other`."""
        fields = []
        for mine, theirs in zip(self, other, strict=True):
            mine = mine.copy()
            mine[index] = theirs
            fields.append(mine)
        return Params(*fields)

    def reorder(self, order):
        """The components in another order, one for each restart: `order` is (R, K)."""
        each = np.arange(self.n_restarts)[:, None]
        return Params(*(field[each, order] for field in self))

    def without_each(self):
        """The K mixtures of K - 1 components that lack one; of a batch of one."""
        n_components = self.scale.shape[1]
        kept = [np.delete(np.arange(n_components), j) for j in range(n_components)]
        return Params(*(field[0][kept] for field in self)).normalised()

    def halfway(self, other):
        """Midpoint between two batches; scales and weights in logarithms."""
        return Params(
            (self.coef + other.coef) / 2,
            np.sqrt(self.scale * other.scale),
            (self.log_weights + other.log_weights) / 2,
            (self.gate + other.gate) / 2,
        ).normalised()

    def normalised(self):
        """The same mixtures with weights that sum to one, gates that sum to zero."""
        return self._replace(
            log_weights=log_normalise(self.log_weights),
            gate=self.gate - self.gate.mean(axis=1, keepdims=True),
        )


def concatenate(batches):
    """One batch from several."""
    return Params(*(np.concatenate(fields) for fields in zip(*batches, strict=True)))
