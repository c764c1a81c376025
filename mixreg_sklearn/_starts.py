"""How a search begins, and how it escapes a poor optimum.

No draw depends on the number, the order or the repetition of rows: rows are drawn by
the inverse distribution function of their weight in a canonical order, everything
else in the space of parameters. So equal data give equal starts, however written down.

Shapes: ``n`` rows of the search sample, ``p`` columns, ``R`` starts, ``K`` components.
"""

import numpy as np

from ._params import Params, log_normalise

_RIDGE = 1e-8
# A component drawn by regression k-means++ is the best of this many candidates.
_CANDIDATES = 10


class Pool:
    """Rows from which starts are made, with the pooled regression through all.

    Parameters
    ----------
    model : Mixture
    rows : ArrayRows
        In canonical order.
    pooled : Params
        The fitted mixture of one component.
    """

    def __init__(self, rows, pooled):
        self.rows = rows
        self.Z = rows.Z
        self.y = rows.y if rows.offset is None else rows.y - rows.offset
        self.weight = rows.weight
        self.coef = pooled.coef[0, 0]
        self.scale = pooled.scale[0, 0]
        self.p, self.n = self.Z.shape
        self.products = rows.blocks[0].products if len(rows.blocks) == 1 else None

    def residuals(self, coef):
        """``y - coef @ Z`` for coefficients of any leading shape."""
        fitted = np.dot(coef.reshape(-1, self.p), self.Z)
        return (self.y - fitted).reshape(*coef.shape[:-1], self.n)

    def draw(self, importance, uniforms):
        """Rows by the inverse distribution function of weight x importance.

        Parameters
        ----------
        importance : ndarray of shape (R, n)
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

    def through(self, rows):
        """Regressions through subsets of rows, (..., m) -> (..., p)."""
        Z = np.moveaxis(self.Z[:, rows], 0, -1)
        gram = Z.swapaxes(-1, -2) @ Z
        cross = np.einsum("...mp,...m->...p", Z, self.y[rows])
        return _solve_ridge(gram, cross)

    def weighted(self, weights):
        """Least squares under row weights (C, n), added to the rows' own."""
        W = weights * self.weight
        cross = np.dot(W * self.y, self.Z.T)
        gram = np.stack([np.dot(self.Z * w, self.Z.T) for w in W])
        return _solve_ridge(gram, cross)

    def mixtures(self, coef):
        """Parameters around given coefficients (R, K, p): common scale, equal weights.

        The scale is that of the distance to the nearest regression.
        """
        nearest = (self.residuals(coef) ** 2).min(axis=1)
        variance = nearest @ self.weight / self.weight.sum()
        scale = np.sqrt(np.maximum(variance, 1e-12 * self.scale**2))
        n_restarts, n_components, _ = coef.shape
        shape = (n_restarts, n_components)
        return Params(
            coef,
            np.repeat(scale[:, None], n_components, axis=1),
            np.full(shape, -np.log(n_components)),
        )


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
    covariance of the rows' scores. It is drawn from that distribution, so the same
    numbers serve whatever the number of rows.
    """
    residual = pool.residuals(pool.coef)
    variance = pool.scale**2
    scores = np.vstack([pool.Z * residual, residual**2 - variance, np.ones(pool.n)])
    total = pool.weight.sum()
    covariance = np.dot(scores * pool.weight, scores.T) / total
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
    relative = np.clip(shift[:, :, p] / variance, -0.9, 9.0)
    return Params(
        pool.coef + shift[:, :, :p],
        pool.scale * np.sqrt(1 + relative),
        log_normalise(np.log1p(np.clip(shift[:, :, p + 1], -0.9, 9.0))),
    )


def spread_regressions(pool, n_components, n_starts, rng):
    """Regression k-means++: each regression passes through rows far from the others.

    A candidate goes through ``p + 1`` rows drawn in proportion to the squared distance
    from the nearest regression so far; of ten the one is kept that leaves least
    ``sum log(1 + r^2 / (s^2 / 100))`` (after Arthur & Vassilvitskii 2007).
    """
    size = min(pool.p + 1, pool.n)
    shape = (n_components, n_starts, _CANDIDATES, size)
    uniforms = rng.random(shape)
    coef = np.empty((n_starts, n_components, pool.p))
    nearest = np.ones((n_starts, pool.n))
    each = np.arange(n_starts)
    tolerance = max(1e-2 * pool.scale**2, np.finfo(float).tiny)
    for k in range(n_components):
        candidates = pool.through(pool.draw(nearest, uniforms[k]))
        squares = pool.residuals(candidates) ** 2
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
    total = pool.weight.sum()
    coef = np.empty((n_starts, n_components, pool.p))
    for k in range(n_components):
        start = pool.through(pool.draw(left, uniforms[k]))
        coef[:, k], closeness = _cauchy_regression(pool, start, left)
        needed = (n_components - 1 - k) * (pool.p + 1) * total / pool.n
        cut = _quantile(np.where(left > 0, closeness, np.inf), pool.weight, needed)
        far = (left > 0) & (closeness <= np.maximum(0.1, cut)[:, None])
        enough = far @ pool.weight >= (pool.p + 1) * total / pool.n
        left = np.where(enough[:, None], far, left)
    return pool.mixtures(coef)


def _cauchy_regression(pool, coef, left, n_iter=25):
    """Iteratively reweighted least squares; returns coefficients and weights."""
    tiny = 1e-6 * pool.scale
    for _ in range(n_iter):
        distance = np.abs(pool.residuals(coef))
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


def insertions(pool, reduced, rng, *, per_component=20, keep=2):
    """Mixtures with one more component: a promising newcomer.

    Candidate regressions go through rows that a mixture explains badly. A newcomer b
    is scored by the directional derivative ``sum_i w_i phi(y_i; b) / f(y_i)`` of the
    likelihood in its direction (Lindsay 1983). The `keep` best for every mixture are
    returned.

    Parameters
    ----------
    reduced : Params
        A batch of J mixtures with a common scale.

    Returns
    -------
    Params
        A batch of ``J * keep`` mixtures with one component more.
    """
    n_mixtures, n_kept = reduced.scale.shape
    variance = (np.exp(reduced.log_weights) * reduced.scale**2).sum(axis=1)
    wide = 4 * variance[:, None]
    squares = pool.residuals(reduced.coef) ** 2
    kernels = _kernel(squares, wide[:, :, None])
    density = np.einsum("jk,jkn->jn", np.exp(reduced.log_weights), kernels)
    density += 1e-6 * max(pool.scale**2, wide.max()) ** -0.5

    size = min(pool.n, pool.p)
    uniforms = rng.random((n_mixtures + 1, per_component, size))
    importance = np.vstack([1 / density, np.ones(pool.n)])
    rows = pool.draw(importance, uniforms)
    rows[:, ::2] = pool.draw(importance**0.5, uniforms)[:, ::2]
    newcomers = pool.through(rows.reshape(-1, size))
    pooled = 4 * variance.min()
    if pool.p > 3:
        source = np.append(
            np.repeat(np.arange(n_mixtures), per_component),
            np.arange(per_component) % n_mixtures,
        )
        for stretch in (9, 4, 1, 1):
            near = _kernel(pool.residuals(newcomers) ** 2, pooled * stretch)
            near /= n_kept + 1
            newcomers = pool.weighted(near / (near + density[source]) + 1e-9)
    near = _kernel(pool.residuals(newcomers) ** 2, pooled)
    derivative = near @ (pool.weight / density).T
    best = np.argsort(-derivative, axis=0, kind="stable")[:keep]
    place = np.repeat(np.arange(n_mixtures), len(best))
    coef = np.concatenate(
        [reduced.coef[place], newcomers[best.T.ravel()][:, None]], axis=1
    )
    share = np.full((len(place), 1), -np.log(n_kept))
    weights = np.concatenate([reduced.log_weights[place], share], axis=1)
    scale = np.repeat(reduced.scale[place, :1], n_kept + 1, axis=1)
    return Params(coef, scale, log_normalise(weights))


def _kernel(squares, variance):
    """Normal density up to the constant."""
    return np.exp(-0.5 * squares / variance) / np.sqrt(variance)
