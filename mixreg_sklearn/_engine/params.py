"""Parameters of a batch of mixtures: values, passed and returned, never mutated.

Shapes: ``R`` restarts, ``K`` components, ``P`` columns of a component's predictors
together, ``S`` constants, ``q`` columns of the gate besides its constant, ``K'``
shares: those of the components and, if there is one, that of a background.
"""

from typing import NamedTuple

import numpy as np

from .._numerics import log_normalize


class Params(NamedTuple):
    """Parameters of ``R`` mixtures, in the units of measurement of the design.

    The prior probability of component k for a unit with gate columns ``z`` (the first
    one constant) is proportional to ``exp(logits_k' z)``.

    Attributes
    ----------
    coef : ndarray of shape (R, K, P)
        Coefficients on the columns, one predictor after the other.
    constants : ndarray of shape (R, K, S)
        Positive constants of each component (gaussian: the standard deviation).
    logits : ndarray of shape (R, K', 1 + q)
        Constant and coefficients of the gate, a background last. ``exp`` of the
        constants sums to one, and the coefficients sum to zero. Without gate columns
        the constants are the logarithms of the mixing weights.
    """

    coef: np.ndarray
    constants: np.ndarray
    logits: np.ndarray

    @property
    def n_restarts(self):
        return len(self.coef)

    @property
    def n_components(self):
        return self.coef.shape[1]

    def take(self, index):
        """The restarts `index`, still a batch: an int, a slice, a mask or indices."""
        if np.isscalar(index):
            index = slice(index, index + 1)
        return Params(self.coef[index], self.constants[index], self.logits[index])

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
        logits = self.logits.copy()
        logits[:, : self.n_components] = self.logits[each, order]
        return Params(self.coef[each, order], self.constants[each, order], logits)

    def without_each(self):
        """The K mixtures without one component, from a batch of one."""
        kept = [
            [np.delete(np.arange(field.shape[1]), k) for k in range(self.n_components)]
            for field in self
        ]
        fields = (field[0][each] for field, each in zip(self, kept, strict=True))
        return Params(*fields).normalized()

    def joined(self, others):
        """Mixtures with the components of `others` after those of `self`.

        A background is that of `self`.
        """
        mine, theirs = self.n_components, others.n_components
        fields = [
            np.concatenate([a[:, :mine], b[:, :theirs], a[:, mine:]], axis=1)
            for a, b in zip(self, others, strict=True)
        ]
        return Params(*fields).normalized()

    def halfway(self, other):
        """Midpoint between two batches; constants and logits in logarithms."""
        return Params(
            (self.coef + other.coef) / 2,
            np.sqrt(self.constants * other.constants),
            (self.logits + other.logits) / 2,
        ).normalized()

    def normalized(self):
        """Mixtures of equal densities, with logits in the form stated above."""
        slopes = self.logits[..., 1:]
        slopes = slopes - slopes.sum(axis=1, keepdims=True) / slopes.shape[1]
        constants = log_normalize(self.logits[..., 0])[..., None]
        logits = np.concatenate([constants, slopes], axis=2)
        return Params(self.coef, self.constants, logits)


def constant_logits(log_weights, n_logits):
    """Logits (R, K', 1 + q) of prior probabilities (R, K') that all units share."""
    logits = np.zeros((*np.shape(log_weights), n_logits))
    logits[..., 0] = log_weights
    return logits


def concatenate(batches):
    """One batch from several."""
    return Params(*(np.concatenate(fields) for fields in zip(*batches, strict=True)))
