"""The order of the parameters in one vector, defined in this file alone."""

from typing import NamedTuple

import numpy as np

from .params import Params


class Layout(NamedTuple):
    """The order of the ``M = K (P + S + 1 + q)`` numbers of a mixture in one vector.

    Each component has the coefficients of its predictors, the logarithms of its
    constants, and its logits, in this order. The attributes are K, P, S and 1 + q.
    """

    n_components: int
    n_coef: int
    n_constants: int
    n_logits: int

    @property
    def n_own(self):
        """Numbers of a component except its logits, P + S."""
        return self.n_coef + self.n_constants

    @property
    def n_each(self):
        """Numbers of a component, P + S + 1 + q."""
        return self.n_own + self.n_logits

    @property
    def size(self):
        """M."""
        return self.n_components * self.n_each

    def split(self, vector):
        """Views of a vector (..., M): coefficients, constants, logits, (..., K, .)."""
        table = vector.reshape(*vector.shape[:-1], self.n_components, self.n_each)
        coef, constants = self.n_coef, self.n_own
        return table[..., :coef], table[..., coef:constants], table[..., constants:]

    def join(self, coef, constants, logits):
        """A vector (..., M) from coefficients, constants and logits, (..., K, .)."""
        table = np.concatenate([coef, constants, logits], axis=-1)
        return table.reshape(*table.shape[:-2], self.size)

    def places(self):
        """Indices of coefficients (K, P), constants (K, S) and logits (K, 1 + q)."""
        return self.split(np.arange(self.size))

    def moved(self, params, step):
        """Parameters after a step (R, M)."""
        coef, constants, logits = self.split(step)
        return Params(
            params.coef + coef,
            params.constants * np.exp(constants),
            params.logits + logits,
        ).normalized()


def layout_of(params):
    """The layout for parameters."""
    coef, constants, logits = (field.shape[2] for field in params)
    return Layout(params.n_components, coef, constants, logits)
