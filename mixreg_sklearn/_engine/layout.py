"""The order of the parameters in one vector, defined in this file alone."""

from typing import NamedTuple

import numpy as np

from .params import Params


class Layout(NamedTuple):
    """The order of the numbers of a mixture in one vector.

    Each component has the coefficients of its predictors, the logarithms of its
    constants, and its logits, in this order. A background, which has logits alone, is
    last. So there are ``M = K (P + S + 1 + q)`` numbers, or 1 + q more. The attributes
    are K, P, S, 1 + q, and 1 for a background or 0.
    """

    n_components: int
    n_coef: int
    n_constants: int
    n_logits: int
    n_background: int = 0

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
        return self.n_components * self.n_each + self.n_background * self.n_logits

    @property
    def n_shares(self):
        """K', the components and a background."""
        return self.n_components + self.n_background

    @property
    def real(self):
        """Where the M numbers are in a table (K', P + S + 1 + q).

        In it a background has coefficients and constants without meaning.
        """
        table = np.arange(self.n_shares * self.n_each)
        own = table < self.n_components * self.n_each
        return table[own | (table % self.n_each >= self.n_own)]

    def split(self, vector):
        """Coefficients (..., K, P), constants (..., K, S) and logits (..., K', 1 + q).

        They are the parts of a vector (..., M), views without a background.
        """
        components, background = np.split(
            vector, [self.n_components * self.n_each], axis=-1
        )
        table = components.reshape(*vector.shape[:-1], self.n_components, self.n_each)
        coef, constants = self.n_coef, self.n_own
        logits = table[..., constants:]
        if self.n_background:
            background = background.reshape(*vector.shape[:-1], 1, self.n_logits)
            logits = np.concatenate([logits, background], axis=-2)
        return table[..., :coef], table[..., coef:constants], logits

    def join(self, coef, constants, logits):
        """A vector (..., M) from the parts of `split`."""
        own = logits[..., : self.n_components, :]
        table = np.concatenate([coef, constants, own], axis=-1)
        table = table.reshape(*table.shape[:-2], self.n_components * self.n_each)
        if not self.n_background:
            return table
        return np.concatenate([table, logits[..., -1, :]], axis=-1)

    def places(self):
        """Indices of coefficients (K, P), constants (K, S) and logits (K', 1 + q)."""
        return self.split(np.arange(self.size))

    def moved(self, params, step):
        """Parameters after a step (R, M), whose logits are not `normalized`."""
        coef, constants, logits = self.split(step)
        return Params(
            params.coef + coef,
            params.constants * np.exp(constants),
            params.logits + logits,
        )


def layout_of(params):
    """The layout for parameters."""
    coef, constants, logits = (field.shape[2] for field in params)
    n_background = params.logits.shape[1] - params.n_components
    return Layout(params.n_components, coef, constants, logits, n_background)
