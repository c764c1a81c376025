"""How a search begins, and how it escapes a poor optimum.

No draw depends on the number, the order or the repetition of rows: rows are drawn by
the inverse distribution function of their weight in a canonical order, everything
else in the space of parameters. So equal data give equal starts, however written down.

What is drawn are units: groups of rows that share a component, or single rows where
there are no groups. A regression is proposed through all rows of a unit, as all of
them belong to it.

Shapes: ``U`` units of the search sample, ``p`` columns, ``R`` starts, ``K`` components.
"""

from functools import cached_property

import numpy as np

from ._params import Params, log_normalise
from ._rows import units_of

_RIDGE = 1e-8
# A component drawn by regression k-means++ is the best of this many candidates.
_CANDIDATES = 10
# Candidates for a newcomer, for each of those that are kept.
_PER_NEWCOMER = 10
# Factor on the variance under which newcomers are judged, as regressions are not yet
# where they belong.
_FLATTENING = 4.0


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
        at = family.evaluate(rows.y, initial[None] * 1.0, pooled.scale, 0.0)
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


def soft_partitions(pool, n_components, n_starts, rng):
    """Starts like one M-step from random soft labels (0.9 for one, 0.1 for the rest).

    Random labels shift the coefficients, variance and weight of each component
    around the pooled fit; by the central limit theorem the shift is normal with the
    covariance of the units' scores. It is drawn from that distribution, so the same
    numbers serve whatever the number of rows.
    """
    scores = pool.sums(_influences(pool))
    total = pool.rows.total_weight
    covariance = np.dot(scores * pool.rows.unit_weight, scores.T) / total
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    high, low = 0.9, 0.1
    mass = high + (n_components - 1) * low
    square = (high**2 + (n_components - 1) * low**2) / mass**2
    spread = n_components * square - 1
    normal = rng.standard_normal((n_starts, n_components, len(covariance)))
    normal -= normal.mean(axis=1, keepdims=True)
    normal *= np.sqrt(n_components / (n_components - 1) * spread / total)
    shift = normal @ root.T
    p = pool.p
    scale = pool.scale * np.exp(np.clip(shift[:, :, p], -1.0, 1.0))
    return Params(
        pool.coef + shift[:, :, :p],
        scale if pool.family.n_scale else np.ones_like(scale),
        log_normalise(np.log1p(np.clip(shift[:, :, p + 1], -0.9, 9.0))),
        pool.no_gate(scale.shape),
    )


def _influences(pool):
    """What one row more would change: coefficients, log scale, weight: (p + 2, rows).

    Times n, to first order, at the pooled regression.
    """
    rows, family = pool.rows, pool.family
    eta = np.dot(pool.coef, pool.Z)[None]
    if rows.offset is not None:
        eta += rows.offset
    at = family.derivatives(rows.y, eta, np.full((1, 1), pool.scale))
    expected = family.evaluate(rows.y, eta.copy(), np.full((1, 1), pool.scale), 0.0)
    information = np.ravel(expected.raw_information * expected.unit**2)
    gram = np.dot(pool.Z * (rows.weight * information), pool.Z.T) / rows.total_weight
    coef = np.linalg.solve(gram + 1e-10 * np.eye(pool.p), pool.Z * at.eta[0])
    scale = np.zeros(rows.n_rows)
    if family.n_scale:
        curvature = -(at.scale_scale[0] @ rows.weight) / rows.total_weight
        scale = at.scale[0] / max(abs(curvature), 1e-3)
    return np.vstack([coef, scale, np.ones(rows.n_rows)])


def spread_regressions(pool, n_components, n_starts, rng):
    """Regression k-means++: each regression passes through rows far from the others.

    A candidate goes through ``p + 1`` rows, of units drawn in proportion to the squared
    distance from the nearest regression so far; of ten the one is kept that leaves
    least ``sum log(1 + r^2 / (s^2 / 100))`` (after Arthur & Vassilvitskii 2007).
    """
    size = min(pool.p + 1, pool.n)
    shape = (n_components, n_starts, _CANDIDATES, size)
    uniforms = rng.random(shape)
    coef = np.empty((n_starts, n_components, pool.p))
    nearest = np.ones((n_starts, pool.n))
    each = np.arange(n_starts)
    tolerance = max(1e-2 * pool.variance, np.finfo(float).tiny)
    for k in range(n_components):
        candidates = pool.through(pool.draw(nearest, uniforms[k]))
        squares = pool.squares(candidates)
        if k:
            squares = np.minimum(squares, nearest[:, None])
        left = np.log1p(squares / tolerance) @ pool.weight
        chosen = left.argmin(axis=1)
        coef[:, k] = candidates[each, chosen]
        nearest = squares[each, chosen]
    return pool.mixtures(coef)


def peeled_regressions(pool, n_components, n_starts, rng):
    """Robust peeling: fit one regression, take away its rows, fit the next.

    Cauchy-weighted least squares with scale by median absolute deviation, started
    at a random subset (Zilber & Nadler 2023).
    """
    size = min(3 * pool.p + 2, pool.n)
    uniforms = rng.random((n_components, n_starts, size))
    left = np.ones((n_starts, pool.n))
    enough_weight = (pool.p + 1) * pool.row_weight
    coef = np.empty((n_starts, n_components, pool.p))
    for k in range(n_components):
        start = pool.through(pool.draw(left, uniforms[k]))
        coef[:, k], closeness = _cauchy_regression(pool, start, left)
        needed = (n_components - 1 - k) * enough_weight
        cut = _quantile(np.where(left > 0, closeness, np.inf), pool.weight, needed)
        far = (left > 0) & (closeness <= np.maximum(0.1, cut)[:, None])
        enough = far @ pool.weight >= enough_weight
        left = np.where(enough[:, None], far, left)
    return pool.mixtures(coef)


def _cauchy_regression(pool, coef, left, n_iter=25):
    """Iteratively reweighted least squares; returns coefficients and weights."""
    tiny = 1e-6 * np.sqrt(pool.variance)
    for _ in range(n_iter):
        distance = np.sqrt(pool.squares(coef))
        masked = np.where(left > 0, distance, np.inf)
        median = _quantile(masked, pool.weight, 0.5 * (left @ pool.weight))
        spread = np.maximum(median / 0.6745, tiny)
        weights = left / (1 + (distance / (0.5 * spread[:, None])) ** 2)
        previous, coef = coef, pool.weighted(weights)
        if np.abs(coef - previous).max() < 1e-4 * np.abs(coef).max():
            break
    return coef, weights


def _quantile(values, weight, mass):
    """Smallest value of each row at which the cumulated weight reaches `mass`."""
    order = np.argsort(values, axis=1, kind="stable")
    cumulative = np.cumsum(weight[order], axis=1)
    reached = (cumulative >= np.reshape(mass, (-1, 1)) - 1e-9).argmax(axis=1)
    return np.take_along_axis(values, order, axis=1)[np.arange(len(values)), reached]


def insertions(gate, pool, reduced, rng, *, keep=2):
    """Mixtures with one more component: a promising newcomer.

    Candidate regressions go through units that a mixture explains badly. A newcomer b
    is scored by the directional derivative ``sum_i w_i phi(y_i; b) / f(y_i)`` of the
    likelihood in its direction (Lindsay 1983), once with flattened densities, as the
    regressions are not yet where they belong, and once with the densities themselves,
    in which alone a small component shows. The better of its two places counts, and the
    `keep` best for every mixture are returned.

    Parameters
    ----------
    gate : Gate
        Of the mixtures.
    pool : Pool
    reduced : Params
        A batch of J mixtures with a common scale.

    Returns
    -------
    Params
        A batch of ``J * keep`` mixtures with one component more.
    """
    n_mixtures, n_kept = reduced.scale.shape
    coef, scale = reduced.coef.reshape(-1, pool.p), reduced.scale.ravel()
    kernels = pool.kernel(coef, scale, _FLATTENING)
    kernels = kernels.reshape(n_mixtures, n_kept, pool.n)
    _, prior = gate.prior(reduced, pool.rows)
    density = (prior * kernels).sum(axis=1) + 1e-6
    scale = scale.min()
    coef = _candidates(pool, density, scale, n_kept, rng, _PER_NEWCOMER * keep)

    near = pool.kernel(coef, np.full(len(coef), scale), _FLATTENING)
    flat = near @ (pool.weight / density).T
    sharpening = _FLATTENING * pool.size
    density = (prior * kernels**sharpening).sum(axis=1) + 1e-9
    sharp = near**sharpening @ (pool.weight / density).T
    place = np.minimum(_places(flat), _places(sharp))
    best = np.argsort(place, axis=0, kind="stable")[:keep]
    mixture = np.repeat(np.arange(n_mixtures), len(best))
    newcomer = Params(
        coef[best.T.ravel()][:, None],
        reduced.scale[mixture, :1],
        np.full((len(mixture), 1), -np.log(n_kept)),
        pool.no_gate((len(mixture), 1)),
    )
    joined = zip(reduced.take(mixture), newcomer, strict=True)
    return Params(*(np.concatenate(pair, axis=1) for pair in joined)).normalised()


def _candidates(pool, density, scale, n_kept, rng, number):
    """Regressions (C, p) through units that mixtures of density (J, U) explain badly.

    As many for every mixture as for no particular one. With many columns they are
    improved by weighted least squares, as no few rows show where a regression is.
    """
    n_mixtures = len(density)
    uniforms = rng.random((n_mixtures + 1, number, min(pool.n, pool.p)))
    importance = np.vstack([1 / density, np.ones(pool.n)])
    units = pool.draw(importance, uniforms)
    units[:, ::2] = pool.draw(importance**0.5, uniforms)[:, ::2]
    coef = pool.through(units.reshape(-1, uniforms.shape[2]))
    if pool.p <= 3:
        return coef
    scales = np.full(len(coef), scale)
    source = np.append(
        np.repeat(np.arange(n_mixtures), number), np.arange(number) % n_mixtures
    )
    for stretch in (9, 4, 1, 1):
        near = pool.kernel(coef, scales, _FLATTENING * stretch) / (n_kept + 1)
        coef = pool.weighted(near / (near + density[source]) + 1e-9)
    return coef


def _places(score):
    """Places of the rows of each column, the largest first."""
    order = np.argsort(-score, axis=0, kind="stable")
    return np.argsort(order, axis=0, kind="stable")
