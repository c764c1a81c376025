"""Families whose scale is known up to a factor, row by row."""

import numpy as np

from ._base import Evaluation, of_constants
from ._wrapper import Wrapper

NAME = "row_scale"


class RowScaled(Wrapper):
    r"""A family whose scale in row i is :math:`\phi_k s_i`, with known :math:`s_i`.

    All derivatives in :math:`\log\phi` are those of the family at :math:`\phi s_i`.

    Parameters
    ----------
    family : Family
        With a scale.
    """

    @property
    def target_rows(self):
        return self.family.target_rows + 1

    @property
    def row_data(self):
        return (*self.family.row_data, NAME)

    @property
    def latent(self):
        latent = self.family.latent
        return self if latent is self.family else RowScaled(latent)

    def _inner(self, y):
        """The family's target, without row scales."""
        return y[0] if len(y) == 2 else y[:-1]

    def admits(self, y, *row_data):
        return self.family.admits(y, *row_data[:-1])

    def check_target(self, y):
        self.family.check_target(y)

    def target(self, y, row_scale=None, **row_data):
        """The family's target and, last, the row scales: (2, n) or more rows."""
        inner = np.atleast_2d(self.family.target(y, **row_data))
        row_scale = 1.0 if row_scale is None else _checked(row_scale, inner.shape[1:])
        return np.vstack([inner, np.broadcast_to(row_scale, inner[:1].shape)])

    def measured(self, y, origin, unit):
        """The target in other units of measurement; row scales have none."""
        return np.concatenate([self.family.measured(y[:-1], origin, unit), y[-1:]])

    def resolution(self, y):
        return super().resolution(y) / y[-1].max()

    def local(self, y, eta, scale):
        return self.family.local(self._inner(y), eta, self._scaled(scale, y[-1]))

    def evaluate(self, y, eta, scale, log_prior):
        # Updates of a family are for one scale: those of Newton's method are for all.
        statistic = of_constants(self.local(y, eta, scale), len(self.predictors))
        scale = self._scaled(scale, y[-1])
        at = self.family.evaluate(self._inner(y), eta, scale, log_prior)
        # The factor differs from row to row.
        score, information = at.raw_score * at.factor, at.raw_information * at.factor**2
        information = np.broadcast_to(information, score.shape)
        return Evaluation(at.log_joint, score, information, 1.0, statistic)

    def log_density(self, y, eta, scale):
        return self.family.log_density(self._inner(y), eta, self._scaled(scale, y[-1]))

    def mean(self, eta, scale, row_scale=1.0, **row_data):
        return self.family.mean(eta, self._scaled(scale, row_scale), **row_data)

    def variance(self, eta, scale, row_scale=1.0, **row_data):
        return self.family.variance(eta, self._scaled(scale, row_scale), **row_data)

    def cdf(self, y, eta, scale, row_scale=1.0, **row_data):
        return self.family.cdf(y, eta, self._scaled(scale, row_scale), **row_data)

    def sf(self, y, eta, scale, row_scale=1.0, **row_data):
        return self.family.sf(y, eta, self._scaled(scale, row_scale), **row_data)

    def quantile(self, u, eta, scale, row_scale=1.0, **row_data):
        return self.family.quantile(u, eta, self._scaled(scale, row_scale), **row_data)

    def sample(self, eta, scale, rng, row_scale=1.0, **row_data):
        scale = self._scaled(scale, row_scale)
        return self.family.sample(eta, scale, rng, **row_data)

    def _scaled(self, scale, factor):
        """Constants as the family takes them, the first one times a factor."""
        if len(self.constants) == 1:
            return scale * factor
        first = scale[0] * factor
        return np.stack([first, *(np.broadcast_to(c, first.shape) for c in scale[1:])])


def _checked(row_scale, shape):
    """Positive numbers, one for each row, or the same for all."""
    row_scale = np.asarray(row_scale, dtype=float)
    if row_scale.shape not in ((), shape):
        raise ValueError(
            f"row_scale has shape {row_scale.shape}, but there are {shape[0]} rows: it"
            " must be one number for every row."
        )
    if not (np.isfinite(row_scale) & (row_scale > 0)).all():
        raise ValueError(
            "row_scale must be positive and finite: the standard deviation of a row is"
            f" the scale of its component times it; got {row_scale.min():g}"
            f" to {row_scale.max():g}."
        )
    return row_scale
