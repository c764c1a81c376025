"""Parameters of a batch of mixtures: values, taken and returned, never mutated.

Shapes: ``R`` restarts, ``K`` components, ``p`` columns of the design.
"""

from typing import NamedTuple

import numpy as np


class Params(NamedTuple):
    """Parameters of ``R`` mixtures, in the units of the design.

    Attributes
    ----------
    coef : ndarray of shape (R, K, p)
        Regression coefficients on the whitened columns.
    scale : ndarray of shape (R, K)
        Scale of each component (gaussian: standard deviation).
    log_weights : ndarray of shape (R, K)
        Logarithms of the mixing weights; ``exp`` sums to one over ``K``.
    """

    coef: np.ndarray
    scale: np.ndarray
    log_weights: np.ndarray

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

    def without_each(self):
        """The K mixtures of K - 1 components that lack one; of a batch of one."""
        n_components = self.scale.shape[1]
        kept = [np.delete(np.arange(n_components), j) for j in range(n_components)]
        coef, scale, log_weights = (field[0][kept] for field in self)
        return Params(coef, scale, log_normalise(log_weights))

    def halfway(self, other):
        """Midpoint between two batches; scales and weights in logarithms."""
        log_weights = (self.log_weights + other.log_weights) / 2
        return Params(
            (self.coef + other.coef) / 2,
            np.sqrt(self.scale * other.scale),
            log_normalise(log_weights),
        )


def concatenate(batches):
    """One batch from several."""
    return Params(*(np.concatenate(fields) for fields in zip(*batches, strict=True)))


def log_normalise(log_weights):
    """Subtract the log-sum-exp over the last axis."""
    shifted = log_weights - log_weights.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
