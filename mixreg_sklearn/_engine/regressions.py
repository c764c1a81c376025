"""The regressions of a mixture: densities of responses, and updates of parameters."""

from functools import cached_property
from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np

from .admissible import Admissible, joined
from .columns import Ones
from .sparse_curvature import score_products

_ONES = Ones()


class Sums(NamedTuple):
    """Sums of one pass over rows for the regressions. Sums add.

    Each row has the membership ``tau`` and the weight ``w`` of its unit, the score
    ``s = d log f / d eta`` and the information ``i = -E d^2 log f / d eta^2``.

    Attributes
    ----------
    weight : ndarray of shape (R, K)
        ``sum_i w_i tau_ik``.
    grams : tuple of L ndarray of shape (R, K, p, p)
        ``sum_i w_i tau_ik i_ik z_i z_i'``, of every predictor.
    crosses : tuple of L ndarray of shape (R, K, p)
        ``sum_i w_i tau_ik s_ik z_i``: residual form, zero at an optimum.
    statistic : ndarray of shape (R, K, T)
        ``sum_i w_i tau_ik t_ik`` for the family's statistics of its constants.
    """

    weight: np.ndarray
    grams: tuple
    crosses: tuple
    statistic: np.ndarray

    def __add__(self, other):
        return Sums(
            self.weight + other.weight,
            tuple(a + b for a, b in zip(self.grams, other.grams, strict=True)),
            tuple(a + b for a, b in zip(self.crosses, other.crosses, strict=True)),
            self.statistic + other.statistic,
        )


class Regressions(Admissible):
    """Family x sharing of its coefficients x rule of its scale.

    Its parameters and attributes are those of `Admissible`.
    """

    @cached_property
    def _ones(self):
        """Columns of the constants."""
        return (_ONES,) * len(self.rules)

    @property
    def restricted(self):
        """Whether the family has no distribution at some predictors."""
        eta = np.zeros((len(self.predictors), 1, 1))
        return self.family.outside(eta if len(eta) > 1 else eta[0]) is not None

    # E-step and M-step ----------------------------------------------------------------

    def evaluate(self, params, block, log_prior):
        """The Evaluation at `params`, and log joint densities of units (R, K, U).

        `log_prior` is (R, K, U) or (R, K, 1).
        """
        shape, units = params.coef.shape[:2], block.units
        eta, scale = self.arguments(params, block)
        outside = self.family.outside(eta)
        # For single rows the family adds the prior, which saves a pass.
        ahead = log_prior.reshape(shape[0] * shape[1], -1) if units.single else 0.0
        at = self.family.evaluate(block.y, eta, scale, ahead)
        log_joint = _masked(at.log_joint, outside)
        if units.single:
            return at, log_joint.reshape(*shape, -1)
        return at, units.sum(log_joint).reshape(*shape, -1) + log_prior

    def statistic(self, at, members, share, block):
        """Sums at an Evaluation.

        `members` (R, K', U) are memberships times weights of units, that of a
        background last, `share` (R, K') their sums.
        """
        K, units = self.n_components, block.units
        share, tau = share[:, :K], units.spread(members)
        shape, columns = share.shape, tau[:, :K].reshape(-1, tau.shape[2])
        grams, crosses = [], []
        for score, information, z in self._by_predictor(at, block):
            cross = z.cross(columns * score) * at.factor
            factor = at.factor * at.factor
            if isinstance(information, float):
                gram, factor = z.shared_grams(tau)[:, :K], information * factor
            else:
                gram = z.gram(columns * information)
                gram = gram.reshape(*shape, *gram.shape[1:])
            each = isinstance(factor, np.ndarray)
            gram *= factor.reshape(*shape, 1, 1) if each else factor
            grams.append(gram)
            crosses.append(cross.reshape(*shape, -1))
        statistic = np.empty((len(columns), len(at.statistic)))
        for s, values in enumerate(at.statistic):
            np.vecdot(columns, values, out=statistic[:, s])
        return Sums(
            share if units.single else columns.sum(axis=1).reshape(shape),
            tuple(grams),
            tuple(crosses),
            statistic.reshape(*shape, -1),
        )

    def _by_predictor(self, at, block):
        """Raw scores, raw information and columns of every predictor."""
        if len(block.columns) == 1:
            return [(at.raw_score, at.raw_information, block.columns[0])]
        return zip(at.raw_score, at.raw_information, block.columns, strict=True)

    def update(self, params, sums):
        """New coefficients (R, K, P) and constants (R, K, S)."""
        parts = zip(self.sharings, sums.grams, sums.crosses, strict=True)
        steps, gains = [], []
        with np.errstate(over="ignore", invalid="ignore"):
            for (sharing, gram, cross), at in zip(parts, self.predictors, strict=True):
                step = sharing.step(gram, cross, params.coef[..., at])
                steps.append(step)
                gains.append(sharing.gain(step, gram, cross))
        # In small data, stacking a single array costs as much as a product.
        gain = gains[0][..., None] if len(gains) == 1 else np.stack(gains, axis=-1)
        constants = self.family.update_constants(
            params.constants, sums.weight, sums.statistic, gain, self.rules
        )
        return params.coef + joined(steps), constants

    def arguments(self, params, block):
        """Predictors and constants as a family takes them, for C = R K columns."""
        n_restarts, n_components, n_coef = params.coef.shape
        n = n_restarts * n_components
        flat = params.coef.reshape(n, n_coef)
        eta = [
            z.predict(flat[:, at])
            for z, at in zip(block.columns, self.predictors, strict=True)
        ]
        if block.offset is not None:
            eta[0] += block.offset
        eta = eta[0] if len(eta) == 1 else np.stack(eta)
        return eta, self.constants(params.constants.reshape(n, len(self.rules)))

    def constants(self, constants):
        """Constants (..., S) as a family takes them."""
        if len(self.rules) > 1:
            return np.moveaxis(constants, -1, 0)[..., None]
        return constants if self.rules else 1.0

    def first(self, values):
        """Values of the first predictor, from those of all predictors."""
        return values if len(self.predictors) == 1 else values[0]

    def scales(self, params):
        """Scales of every response, (R, K, m): ones where there is none."""
        scales = np.ones((*params.constants.shape[:2], len(self.responses)))
        for r, s in self._scales:
            scales[..., r] = params.constants[..., s]
        return scales

    def with_scales(self, params, scales):
        """Parameters with other scales (R, K, m), as far as there are any."""
        constants = params.constants.copy()
        for r, s in self._scales:
            constants[..., s] = scales[..., r]
        return params._replace(constants=constants)

    def response_of(self, predictor):
        """Number of the response of a predictor."""
        stops = [response.predictors.stop for response in self.responses]
        return int(np.searchsorted(stops, predictor, side="right"))

    def seen(self, block):
        """Weights of the rows of a block that see each response, (m, B)."""
        seen = self.family.seen(block.y)
        shape = len(self.responses), len(block.weight)
        return block.weight * (np.ones(shape) if seen is None else seen)

    # Exact derivatives ----------------------------------------------------------------

    def local(self, params, block):
        """The family's derivatives at every row, and log-densities of units.

        Returns
        -------
        local : Local
            All of its arrays are (R, K, B).
        log_density : ndarray of shape (R, K, U)
        """
        eta, _ = self.arguments(params, block)
        eta = eta.reshape(*eta.shape[:-2], *params.coef.shape[:2], eta.shape[-1])
        at = self.family.local(block.y, eta, self.constants(params.constants))
        log_density = _masked(at.log_density, self.family.outside(eta))
        return at, block.units.sum(log_density)

    def gradient(self, local, weight, block):
        """Derivatives in coefficients (R, K, P) and log constants (R, K, S).

        They are sums over rows under `weight` (R, K, B).
        """
        columns = (*block.columns, *self._ones)
        sums = [
            z.cross(weight * slope)
            for z, slope in zip(columns, local.slope, strict=True)
        ]
        of_coef = joined(sums[: len(self.predictors)])
        of_constants = sums[len(self.predictors) :]
        none = np.zeros((*of_coef.shape[:2], 0))
        return of_coef, np.concatenate([none, *of_constants], axis=2)

    def scores(self, local, block, out):
        """Write derivatives of the log-densities of units to `out` (R, K, P + S, U).

        They are those in coefficients and log constants.
        """
        single, columns = block.units.single, (*block.columns, *self._ones)
        of_rows = out if single else np.empty((*out.shape[:3], block.units.n_rows))
        for z, place, slope in zip(columns, self.places, local.slope, strict=True):
            z.scores(slope, out=of_rows[:, :, place])
        if not single:
            out[...] = block.units.sum(of_rows)

    def score_products(self, local, weight, block):
        """``sum_u w_uk s_uk s_uk'`` of scores, under weights of units (R, K, U).

        -> (R, K, P + S, P + S).
        """
        if block.sparse:
            return score_products(local, weight, block)
        scores = np.empty((*weight.shape[:2], self.places[-1].stop, weight.shape[2]))
        self.scores(local, block, out=scores)
        return (scores * weight[:, :, None, :]) @ scores.swapaxes(-1, -2)

    def bends(self, local, weight, block, out):
        """Add second derivatives, summed under weights (R, K, B) of rows, to `out`.

        `out` is (R, K, P + S, P + S).
        """
        columns = (*block.columns, *self._ones)
        sides = list(zip(columns, self.places, strict=True))
        pairs = combinations_with_replacement(sides, 2)
        for ((left, row), (right, column)), bend in zip(pairs, local.bend, strict=True):
            if bend is None:
                continue
            part = left.product(weight * bend, right)
            out[:, :, row, column] += part
            if row != column:
                out[:, :, column, row] += part.swapaxes(-1, -2)


def _masked(log_density, outside):
    """Log-densities, minus infinity where a predictor gives no distribution."""
    if outside is None:
        return log_density
    return np.where(outside, -np.inf, log_density)
