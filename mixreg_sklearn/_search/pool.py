"""Units from which starts are made, and regressions through them."""

from functools import cached_property
from itertools import pairwise

import numpy as np

from .._engine.params import Params, constant_logits
from .suggestions import bounded_suggestion, suggestion

_RIDGE = 1e-8


class Pool:
    """Units from which starts are made, with the pooled regression through all rows.

    Regressions are proposed by least squares on the linear predictors that the rows
    suggest (for the gaussian family the responses), weighted by their information. Rows
    are in canonical order, `pooled` is the fitted mixture of one component.

    With several responses a proposal is a regression for each, through the same units:
    q coefficients in all. Distances add up over responses by information; a row that
    does not see a response has no information on it.
    """

    def __init__(self, regressions, rows, pooled):
        self.regressions, self.family = regressions, regressions.family
        self.rows, self.pooled = rows, pooled
        self.block = block = rows.whole()
        self.units, self.y = block.units, block.y
        responses = regressions.responses
        # Columns of the regression of every response, and places of its coefficients.
        self.columns = [block.columns[response.first].Z for response in responses]
        self.places = [regressions.predictors[response.first] for response in responses]
        sizes = [len(Z) for Z in self.columns]
        ends = np.cumsum([0, *sizes])
        self.parts = [slice(*pair) for pair in pairwise(ends)]
        self.n, self.p, self.q = rows.n_units, max(sizes), ends[-1]
        self.Z = np.vstack(list({id(Z): Z for Z in self.columns}.values()))
        # Weights of the rows of each unit, (U,), of a mean row, and of all rows.
        self.weight, total = self.units.sum(block.weight), rows.total_weight
        self.row_weight, self.total_weight = total / rows.n_rows, total
        self.coef = self.coef_of(pooled)[0, 0]
        self.scale = regressions.scales(pooled)[0, 0]
        # Predictors that rows suggest, less the offset; the search varies the first.
        suggested = suggestion(regressions, pooled, block)
        offset = 0.0 if block.offset is None else block.offset
        bounded, information = bounded_suggestion(regressions, pooled, block)
        first, m = [response.first for response in responses], len(responses)
        self.suggested, information = bounded[first], information[first]
        self.suggested[0] -= offset
        # Weights of rows that see a response, of units (m, U).
        seen = regressions.seen(block)
        self.seen = self.units.sum(seen)
        # The information of the rows there, with mean one.
        information = np.where(seen > 0, information, 0.0)
        self.information = information * (
            m * total / (block.weight @ information.T).sum()
        )
        # Where a response is seldom seen, proposals tend to its pooled regression.
        self._center = self.coef * (m > 1)
        self._apart = self.suggested - self._fitted(self._center)
        # The mean squared distances of `suggested` from the pooled regression, (m,).
        self.variances = self.squares_of_each(self.coef) @ self.weight / total
        self.variance = float(self.variances.sum())
        self._attainable = self.family.log_density(block.y, *suggested)

    def coef_of(self, params):
        """Coefficients (R, K, q) of the regressions of all responses."""
        return np.concatenate([params.coef[..., at] for at in self.places], axis=2)

    def _fitted(self, coef):
        """Linear predictors (m, C, n), or (m, n), of regressions (C, q), or (q,)."""
        parts = zip(self.parts, self.columns, strict=True)
        return np.stack([np.dot(coef[..., part], Z) for part, Z in parts])

    def squares(self, coef):
        """Mean squared distances (..., U) from regressions (..., q), by information."""
        each = self.squares_of_each(coef)
        return each[0] if len(each) == 1 else each.sum(axis=0)

    def squares_of_each(self, coef):
        """The same from those of every response, (m, ..., U)."""
        squares = self._fitted(coef.reshape(-1, self.q))
        np.subtract(self.suggested[:, None], squares, out=squares)
        squares *= squares
        squares *= self.information[:, None]
        squares = self.units.mean(squares)
        return squares.reshape(len(squares), *coef.shape[:-1], self.n)

    def kernel(self, coef, scale, width):
        """Flattened densities ``(f / f_0)^(1 / width)`` of units, (C, U).

        `coef` is (C, q), `scale` (C, m), and ``f_0`` the attainable density. The
        density of a unit is the geometric mean over its rows, and `width` a factor on
        the variance.
        """
        params = self.params(coef[None], scale[None], np.zeros((1, len(coef))))
        arguments = self.regressions.arguments(params, self.block)
        log_density = self.family.log_density(self.y, *arguments)
        excess = self.units.mean(log_density - self._attainable) / width
        return np.exp(np.minimum(excess, 50.0))

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
        """Regressions (..., q) through all rows of the first of the units (..., j).

        The first units that have at least j rows in all are used.
        """
        if self.units.single:
            rows = zip(self.columns, self.information, self._apart, strict=True)
            return self._solved(_products_of(*row, units) for row in rows)
        size = self.units.size[units]
        before = np.cumsum(size, axis=-1) - size
        used = (before < units.shape[-1]).astype(float)
        return self._solved(
            (
                np.einsum("...m,...mpq->...pq", used, gram[units]),
                np.einsum("...m,...mp->...p", used, cross[units]),
            )
            for gram, cross in self._products
        )

    @cached_property
    def _products(self):
        """Gram matrices (U, p, p), cross products (U, p) of units, by response."""
        products = []
        for Z, known, apart in zip(
            self.columns, self.information, self._apart, strict=True
        ):
            weighted = Z * known
            gram = self.units.sum(weighted[:, None] * Z)
            products.append(
                (np.moveaxis(gram, -1, 0), self.units.sum(weighted * apart).T)
            )
        return products

    def weighted(self, weights):
        """Least squares (C, q) under weights of units (C, U) and of rows."""
        spread, products = self.units.spread(weights), []
        for Z, known, apart in zip(
            self.columns, self.information, self._apart, strict=True
        ):
            W = spread * (self.block.weight * known)
            gram = np.stack([np.dot(Z * w, Z.T) for w in W])
            products.append((gram, np.dot(W * apart, Z.T)))
        return self._solved(products)

    def _solved(self, products):
        """Regressions (..., q) from the normal equations of every response."""
        parts = [_solve_ridge(*pair) for pair in products]
        return np.concatenate(parts, axis=-1) + self._center

    def mixtures(self, coef):
        """Parameters with given coefficients (R, K, q), a common scale, equal weights.

        The scale is that of the pooled regression times the ratio of distances from the
        nearest and from the pooled regression.
        """
        each = self.squares_of_each(coef)
        nearest = each.sum(axis=0).argmin(axis=1)[None, :, None]
        nearest = np.take_along_axis(each, nearest, axis=2)[:, :, 0]
        variance = nearest @ self.weight / self.weight.sum()
        reduction = np.sqrt(np.maximum(variance.T / self.variances, 1e-12))
        scale = np.repeat((self.scale * reduction)[:, None], coef.shape[1], axis=1)
        return self.params(coef, scale, np.full(coef.shape[:2], -np.log(coef.shape[1])))

    def params(self, coef, scale, log_weights):
        """Parameters from those of a start; all others are those of the pooled fit.

        They are the coefficients (R, K, q) of regressions, scales (R, K, m), which are
        ignored where there are none, and log prior probabilities (R, K).
        """
        shape = coef.shape[:2]
        whole, constants = (
            np.broadcast_to(values, (*shape, values.shape[2])).copy()
            for values in (self.pooled.coef, self.pooled.constants)
        )
        for place, part in zip(self.places, self.parts, strict=True):
            whole[..., place] = coef[..., part]
        logits = constant_logits(log_weights, len(self.block.gate))
        params = self.regressions.off_limits(Params(whole, constants, logits))
        return self.regressions.with_scales(params, scale)


def _products_of(Z, information, apart, units):
    """Gram matrices and cross products of single rows, the units (..., j)."""
    Z = np.moveaxis(Z[:, units], 0, -1)
    weighted = Z * information[units][..., None]
    gram = weighted.swapaxes(-1, -2) @ Z
    return gram, np.einsum("...mp,...m->...p", weighted, apart[units])


def _solve_ridge(gram, cross):
    p = gram.shape[-1]
    diagonal = np.arange(p)
    trace = gram[..., diagonal, diagonal].mean(axis=-1, keepdims=True)
    gram[..., diagonal, diagonal] += _RIDGE * trace + np.finfo(float).tiny
    return np.linalg.solve(gram, cross[..., None])[..., 0]
