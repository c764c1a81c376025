"""Units from which starts are made, and regressions through them."""

from functools import cached_property

import numpy as np

from .._engine.params import Params
from .._engine.rows import units_of

_RIDGE = 1e-8


class Pool:
    """Units from which starts are made, with the pooled regression through all rows.

    Regressions are proposed by least squares on the linear predictors that the rows
    suggest by themselves (for the gaussian family the responses), each row with its
    information there.

    Parameters
    ----------
    family : Family
    rows : ArrayRows
        In canonical order.
    pooled : Params
        The fitted mixture of one component.

    Attributes
    ----------
    n : int
        Units, U.
    weight : ndarray of shape (U,)
        Total weight of the rows of each unit.
    row_weight : float
        Mean weight of a row.
    suggested : ndarray of shape (n_rows,)
        Linear predictors suggested by the rows, less the offset.
    information : ndarray of shape (n_rows,)
        Information of the rows there, with mean one.
    variance : float
        Mean squared distance of `suggested` from the pooled regression.
    """

    def __init__(self, family, rows, pooled):
        self.family, self.rows, self.pooled = family, rows, pooled
        self.Z, self.n, self.p = rows.Z, rows.n_units, rows.n_columns
        self.units = None if rows.start is None else units_of(rows.start, rows.n_rows)
        self.weight = self.sums(rows.weight)
        self.row_weight = rows.total_weight / rows.n_rows
        self.coef, self.scale = pooled.coef[0, 0], pooled.scale[0, 0]
        initial = family.initial(rows.y)
        offset = 0.0 if rows.offset is None else rows.offset
        self.suggested = initial - offset
        # A copy, as `evaluate` overwrites its predictors, here perhaps the response.
        at = family.evaluate(rows.y, initial[None].copy(), pooled.scale, 0.0)
        information = np.broadcast_to(at.raw_information, (1, rows.n_rows))[0]
        total = rows.total_weight
        self.information = information * (total / (rows.weight @ information))
        squares = self.squares(self.coef[None])[0]
        self.variance = float((self.weight @ squares) / total)
        self._attainable = family.log_density(rows.y, initial[None], pooled.scale)

    def sums(self, values):
        """Sums of row values over the rows of every unit."""
        return values if self.units is None else self.units.sum(values)

    def means(self, values):
        """Means of row values over the rows of every unit."""
        return values if self.units is None else self.units.sum(values) / self.size

    def of_rows(self, values):
        """Values of units for every row of them."""
        return values if self.units is None else self.units.spread(values)

    @cached_property
    def size(self):
        """Rows of every unit."""
        return np.ones(self.n) if self.units is None else self.units.size

    def squares(self, coef):
        """Mean squared distances of units from regressions, weighted by information."""
        fitted = np.dot(coef.reshape(-1, self.p), self.Z)
        squares = (self.suggested - fitted) ** 2 * self.information
        return self.means(squares).reshape(*coef.shape[:-1], self.n)

    def kernel(self, coef, scale, width):
        """Densities relative to the attainable ones, flattened: ``(f / f_0)^(1/w)``.

        Of a unit the geometric mean over its rows.

        Parameters
        ----------
        coef : ndarray of shape (C, p)
        scale : ndarray of shape (C,)
        width : float
            Factor on the variance; 1 is the density itself.

        Returns
        -------
        ndarray of shape (C, U)
        """
        eta = np.dot(coef, self.Z)
        if self.rows.offset is not None:
            eta += self.rows.offset
        log_density = self.family.log_density(self.rows.y, eta, scale[:, None])
        excess = self.means(log_density - self._attainable) / width
        return np.exp(np.minimum(excess, 50.0))

    def draw(self, importance, uniforms):
        """Units by the inverse distribution function of weight x importance.

        Parameters
        ----------
        importance : ndarray of shape (R, U)
        uniforms : ndarray of shape (R, ...)
            Numbers in [0, 1).

        Returns
        -------
        ndarray of int, of the shape of `uniforms`
        """
        cumulative = np.cumsum(importance * self.weight, axis=1)
        total = cumulative[:, -1:]
        total = np.where((total > 0) & np.isfinite(total), total, 1.0)
        cumulative /= total
        n_draws = len(uniforms)
        # One search through all distributions laid end to end.
        stacked = (cumulative + np.arange(n_draws)[:, None]).ravel()
        keys = uniforms.reshape(n_draws, -1) + np.arange(n_draws)[:, None]
        index = np.searchsorted(stacked, keys.ravel(), side="right")
        index = index.reshape(n_draws, -1) - np.arange(n_draws)[:, None] * self.n
        return np.clip(index, 0, self.n - 1).reshape(uniforms.shape)

    def through(self, units):
        """Regressions through all rows of the first of the given units, (..., p).

        Parameters
        ----------
        units : ndarray of int of shape (..., m)
            As many of them are used as it takes to have m rows.
        """
        if self.units is None:
            Z = np.moveaxis(self.Z[:, units], 0, -1)
            weighted = Z * self.information[units][..., None]
            gram = weighted.swapaxes(-1, -2) @ Z
            cross = np.einsum("...mp,...m->...p", weighted, self.suggested[units])
            return _solve_ridge(gram, cross)
        before = np.cumsum(self.size[units], axis=-1) - self.size[units]
        used = (before < units.shape[-1]).astype(float)
        gram, cross = self._products
        return _solve_ridge(
            np.einsum("...m,...mpq->...pq", used, gram[units]),
            np.einsum("...m,...mp->...p", used, cross[units]),
        )

    @cached_property
    def _products(self):
        """Gram matrices (U, p, p) and cross products (U, p) of the units."""
        weighted = self.Z * self.information
        gram = self.units.sum(weighted[:, None] * self.Z)
        cross = self.units.sum(weighted * self.suggested)
        return np.moveaxis(gram, -1, 0), cross.T

    def weighted(self, weights):
        """Least squares under weights of units (C, U), times the rows' own."""
        W = self.of_rows(weights) * (self.rows.weight * self.information)
        cross = np.dot(W * self.suggested, self.Z.T)
        gram = np.stack([np.dot(self.Z * w, self.Z.T) for w in W])
        return _solve_ridge(gram, cross)

    def mixtures(self, coef):
        """Parameters around given coefficients (R, K, p): common scale, equal weights.

        The scale is that of the pooled regression, reduced as the distance to the
        nearest regression is.
        """
        nearest = self.squares(coef).min(axis=1)
        variance = nearest @ self.weight / self.weight.sum()
        reduction = np.sqrt(np.maximum(variance / self.variance, 1e-12))
        n_restarts, n_components, _ = coef.shape
        shape = (n_restarts, n_components)
        scale = np.ones(shape)
        if self.family.n_scale:
            scale = np.repeat((self.scale * reduction)[:, None], n_components, axis=1)
        log_weights = np.full(shape, -np.log(n_components))
        return Params(coef, scale, log_weights, self.no_gate(shape))

    def no_gate(self, shape):
        """Gate coefficients of prior probabilities that are the same for all units."""
        return np.zeros((*shape, len(self.rows.gate) - 1))


def _solve_ridge(gram, cross):
    p = gram.shape[-1]
    diagonal = np.arange(p)
    trace = gram[..., diagonal, diagonal].mean(axis=-1, keepdims=True)
    gram[..., diagonal, diagonal] += _RIDGE * trace + np.finfo(float).tiny
    return np.linalg.solve(gram, cross[..., None])[..., 0]
