"""Units from which starts are made, and regressions through them."""

from functools import cached_property

import numpy as np
from scipy.optimize import linear_sum_assignment

from .._engine.params import Params, constant_logits

_RIDGE = 1e-8
# The share of a background at the start.
_SHARE = 0.1


class Pool:
    """Units from which starts are made, with the pooled regression through all rows.

    Regressions are proposed by least squares on the linear predictors that the rows
    suggest (for the gaussian family the responses), weighted by their information. Rows
    are in canonical order, `pooled` is the fitted mixture of one component.
    """

    def __init__(self, model, rows, pooled):
        self.regressions, self.family = model.regressions, model.family
        regressions = model.regressions
        self.rows, self.pooled = rows, pooled
        self.block = block = rows.whole()
        self.units, self.y = block.units, block.y
        self.Z, self.n, self.p = block.columns[0].Z, rows.n_units, rows.n_columns
        # Weights of the rows of each unit, (U,), of a mean row, and of all rows.
        self.weight, total = self.units.sum(block.weight), rows.total_weight
        self.row_weight, self.total_weight = total / rows.n_rows, total
        self.coef, self.scale = pooled.coef[0, 0, : self.p], pooled.scale[0, 0]
        # Predictors that rows suggest, less the offset; the search varies the first.
        suggestion = regressions.suggestion(pooled, block)
        offset = 0.0 if block.offset is None else block.offset
        bounded, information = regressions.bounded_suggestion(pooled, block)
        # The information of the rows there, with mean one.
        self.suggested, information = bounded[0] - offset, information[0]
        self.information = information * (total / (block.weight @ information))
        # The mean squared distance of `suggested` from the pooled regression.
        squares = self.squares(self.coef[None])[0]
        self.variance = float((self.weight @ squares) / total)
        self._attainable = self.family.log_density(block.y, *suggestion)
        self._background = None
        if model.background:
            # Where it is possible, it gets a small share.
            possible = np.isfinite(block.background) @ self.weight / total
            self._share = max(min(_SHARE, 0.5 * possible), 1e-6)
            base = np.broadcast_to(self.family.base(block.y), len(block.weight))
            log_density = block.background + self.units.sum(base)
            attainable = self.units.mean(self._attainable)
            self._background = log_density / self.units.size - attainable

    def squares(self, coef):
        """Mean squared distances (..., U) from regressions (..., p), by information."""
        fitted = np.dot(coef.reshape(-1, self.p), self.Z)
        squares = (self.suggested - fitted) ** 2 * self.information
        return self.units.mean(squares).reshape(*coef.shape[:-1], self.n)

    def kernel(self, coef, scale, width):
        """Flattened densities ``(f / f_0)^(1 / width)`` of units, (C, U).

        `coef` is (C, p), `scale` (C,), and ``f_0`` the attainable density. The density
        of a unit is the geometric mean over its rows, and `width` a factor on the
        variance.
        """
        params = self.params(coef[None], scale[None], np.zeros((1, len(coef))))
        arguments = self.regressions.arguments(params, self.block)
        log_density = self.family.log_density(self.y, *arguments)
        excess = self.units.mean(log_density - self._attainable) / width
        return np.exp(np.minimum(excess, 50.0))

    @property
    def background(self):
        """Whether there is a background."""
        return self._background is not None

    def with_background(self, kernels, width):
        """Kernels (J, K', U), from those of components (J, K, U)."""
        if self._background is None:
            return kernels
        kernel = np.exp(np.minimum(self._background / width, 50.0))
        apart = np.broadcast_to(kernel, (len(kernels), 1, self.n))
        return np.concatenate([kernels, apart], axis=1)

    @property
    def single(self):
        """The pooled regression as a mixture, with the background, a batch of one."""
        coef, scale = self.coef[None, None], np.full((1, 1), self.scale)
        return self.params(coef, scale, np.zeros((1, 1)))

    def labelled(self, params):
        """Components in the order in which they suit the units of known component."""
        evidence = self.block.evidence[: params.n_components]
        plausible = np.exp(evidence)
        plausible = plausible / np.maximum(plausible.sum(axis=0), 1e-300)
        telling = self.weight * (plausible - plausible.mean(axis=0))
        shape = params.coef.shape[:2]
        kernels = self.kernel(
            params.coef[..., : self.p].reshape(-1, self.p), params.scale.ravel(), 1.0
        )
        # A unit far from all components does not decide alone.
        gains = np.log(kernels + 1e-3).reshape(*shape, self.n) @ telling.T
        order = [linear_sum_assignment(gain.T, maximize=True)[1] for gain in gains]
        return params.reorder(np.array(order))

    def draw(self, importance, uniforms):
        """Units by the inverse distribution function of weight x importance (R, U).

        `uniforms` (R, ...) are numbers in [0, 1), and give the shape of the result.
        """
        cumulative = np.cumsum(importance * self.weight, axis=1)
        total = cumulative[:, -1:]
        total = np.where((total > 0) & np.isfinite(total), total, 1.0)
        cumulative /= total
        n_draws = len(uniforms)
        # One search in the concatenated distributions.
        stacked = (cumulative + np.arange(n_draws)[:, None]).ravel()
        keys = uniforms.reshape(n_draws, -1) + np.arange(n_draws)[:, None]
        index = np.searchsorted(stacked, keys.ravel(), side="right")
        index = index.reshape(n_draws, -1) - np.arange(n_draws)[:, None] * self.n
        return np.clip(index, 0, self.n - 1).reshape(uniforms.shape)

    def through(self, units):
        """Regressions (..., p) through all rows of the first of the units (..., m).

        The first units that have at least m rows in all are used.
        """
        if self.units.single:
            Z = np.moveaxis(self.Z[:, units], 0, -1)
            weighted = Z * self.information[units][..., None]
            gram = weighted.swapaxes(-1, -2) @ Z
            cross = np.einsum("...mp,...m->...p", weighted, self.suggested[units])
            return _solve_ridge(gram, cross)
        size = self.units.size[units]
        before = np.cumsum(size, axis=-1) - size
        used = (before < units.shape[-1]).astype(float)
        gram, cross = self._products
        gram = np.einsum("...m,...mpq->...pq", used, gram[units])
        return _solve_ridge(gram, np.einsum("...m,...mp->...p", used, cross[units]))

    @cached_property
    def _products(self):
        """Gram matrices (U, p, p) and cross products (U, p) of the units."""
        weighted = self.Z * self.information
        gram = self.units.sum(weighted[:, None] * self.Z)
        cross = self.units.sum(weighted * self.suggested)
        return np.moveaxis(gram, -1, 0), cross.T

    def weighted(self, weights):
        """Least squares (C, p) under weights of units (C, U) and of rows."""
        W = self.units.spread(weights) * (self.block.weight * self.information)
        cross = np.dot(W * self.suggested, self.Z.T)
        gram = np.stack([np.dot(self.Z * w, self.Z.T) for w in W])
        return _solve_ridge(gram, cross)

    def mixtures(self, coef):
        """Parameters with given coefficients (R, K, p), a common scale, equal weights.

        The scale is that of the pooled regression times the ratio of distances from the
        nearest and from the pooled regression.
        """
        nearest = self.squares(coef).min(axis=1)
        variance = nearest @ self.weight / self.weight.sum()
        reduction = np.sqrt(np.maximum(variance / self.variance, 1e-12))
        scale = np.repeat((self.scale * reduction)[:, None], coef.shape[1], axis=1)
        return self.params(coef, scale, np.full(scale.shape, -np.log(coef.shape[1])))

    def params(self, coef, scale, log_weights):
        """Parameters from those of a start; all others are those of the pooled fit.

        They are the coefficients (R, K, p) of the first predictor, the scale (R, K),
        which is ignored where there is none, and log prior probabilities (R, K).
        """
        shape = coef.shape[:2]
        rest, constants = (
            np.broadcast_to(values, (*shape, values.shape[2]))
            for values in (self.pooled.coef[:, :, self.p :], self.pooled.constants)
        )
        coef = np.concatenate([coef, rest], axis=2)
        if self._background is not None:
            apart = np.full((shape[0], 1), np.log(self._share))
            log_weights = np.hstack([log_weights + np.log1p(-self._share), apart])
        logits = constant_logits(log_weights, len(self.block.gate))
        params = self.regressions.off_limits(Params(coef, constants, logits))
        return params.with_scale(scale) if self.regressions.scaled else params


def _solve_ridge(gram, cross):
    p = gram.shape[-1]
    diagonal = np.arange(p)
    trace = gram[..., diagonal, diagonal].mean(axis=-1, keepdims=True)
    gram[..., diagonal, diagonal] += _RIDGE * trace + np.finfo(float).tiny
    return np.linalg.solve(gram, cross[..., None])[..., 0]
