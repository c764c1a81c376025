"""The starts of a search.

Starts depend neither on the order of rows nor on whether rows are repeated or weighted:
units are drawn by the inverse distribution function of their weight in a canonical
order, everything else in the space of parameters. A regression is proposed through all
rows of a unit.

Shapes: ``U`` units of the search sample, ``p`` columns, ``q`` columns of the
regressions of all ``m`` responses, ``R`` starts, ``K`` components.
"""

import numpy as np
from scipy import special

from .._numerics import log_normalize

# A component drawn by regression k-means++ is the best of this many candidates.
_CANDIDATES = 10
# Log-odds of neighbors that lie side by side, along a feature of variance one.
_STEEPNESS = 4.0
# Standard deviation of constants of starts, as log-odds against their upper bound.
_VARIETY = 1.5


def soft_partitions(pool, n_components, n_starts, rng):
    """Starts like one M-step from random soft labels (0.9 for one, 0.1 for the rest).

    Random labels shift the coefficients, variance and weight of each component around
    the pooled fit; by the central limit theorem the shift is normal with the covariance
    of the scores of units. It is drawn from that distribution, so the random numbers do
    not depend on the number of rows.
    """
    scores = pool.units.sum(_influences(pool))
    total = pool.total_weight
    covariance = np.dot(scores * pool.block.unit_weight, scores.T) / total
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
    return pool.params(
        pool.coef + shift[:, :, : pool.q],
        pool.scale * np.exp(np.clip(shift[:, :, pool.q : -1], -1.0, 1.0)),
        log_normalize(np.log1p(np.clip(shift[:, :, -1], -0.9, 9.0))),
    )


def _influences(pool):
    """Influence of one more row on coefficients, log scales, weight, (q + m + 1, n).

    To first order at the pooled regression, times n.
    """
    family, weight, total = pool.family, pool.block.weight, pool.total_weight
    eta, constants = pool.regressions.arguments(pool.pooled, pool.block)
    at, outside = family.local(pool.y, eta, constants), family.outside(eta)
    expected = family.evaluate(pool.y, eta, constants, 0.0)
    information = expected.raw_information * expected.factor**2
    coef, scales = [], np.zeros((len(family.responses), len(weight)))
    inside = 1.0 if outside is None else ~outside[0]
    n_predictors, n_coordinates = len(family.predictors), len(at.slope)
    for r, (response, Z) in enumerate(zip(family.responses, pool.columns, strict=True)):
        i = response.first
        known = np.ravel(information if n_predictors == 1 else information[i])
        gram = np.dot(Z * (weight * known), Z.T) / total
        coef.append(np.linalg.solve(gram + 1e-10 * np.eye(len(Z)), Z * at.slope[i][0]))
        if response.scale is not None:
            # Constants are the coordinates after the predictors.
            s = n_predictors + response.scale
            place = sum(n_coordinates - e for e in range(s))
            curvature = -(at.bend[place][0] @ (weight * inside)) / total
            scales[r] = at.slope[s][0] * inside / max(abs(curvature), 1e-3)
    return np.vstack([*coef, scales, np.ones(len(weight))])


def spread_regressions(pool, n_components, n_starts, rng):
    """Regression k-means++: each regression goes through rows far from the others.

    A candidate goes through ``p + 1`` rows, of units drawn in proportion to the squared
    distance from the nearest regression so far. Of ten candidates the one with least
    ``sum log(1 + r^2 / (s^2 / 100))`` is kept (after Arthur & Vassilvitskii 2007).
    """
    size = min(pool.p + 1, pool.n)
    shape = (n_components, n_starts, _CANDIDATES, size)
    uniforms = rng.random(shape)
    coef = np.empty((n_starts, n_components, pool.q))
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


def side_by_side(pool, n_components, n_starts, rng):
    """Starts whose components lie side by side along a feature.

    The feature is a random combination u of those of the gate or, without them, of the
    regressions. Components of random shares are ordered by it, and meet at the
    quantiles ``c_k`` of a normal u: unit i belongs to component k with log-odds
    ``s (k u_i - c_1 - ... - c_k)``. Each starts as the regression through its rows.
    """
    gated = len(pool.block.gate) > 1
    columns = _centered(pool, pool.block.gate[1:] if gated else pool.units.mean(pool.Z))
    direction = rng.standard_normal((n_starts, len(columns)))
    along = direction @ columns
    spread = np.sqrt(along**2 @ pool.weight / pool.total_weight)[:, None]
    direction = direction / np.maximum(spread, np.finfo(float).tiny)
    share = rng.dirichlet(np.full(n_components, 4.0), size=n_starts)
    cuts = special.ndtri(np.cumsum(share, axis=1)[:, :-1])
    constants = -np.cumsum(np.insert(cuts, 0, 0.0, axis=1), axis=1)
    slopes = np.arange(n_components)[:, None] * direction[:, None]
    logits = _STEEPNESS * np.concatenate([constants[..., None], slopes], axis=2)
    prior = special.softmax(logits[..., :1] + logits[..., 1:] @ columns, axis=1)
    coef = pool.weighted(prior.reshape(-1, pool.n)).reshape(*share.shape, pool.q)
    starts = pool.mixtures(coef)
    return starts._replace(logits=logits).normalized() if gated else starts


def _centered(pool, columns):
    """Columns (q, U) less their means."""
    return columns - (columns @ pool.weight / pool.total_weight)[:, None]


def varied_constants(regressions, params, rng):
    """The starts (R, K), every second with constants that differ between components.

    Components may differ by little else, as counts that are zero for sure. The scale
    is that of the start.
    """
    others = regressions.others
    if not len(others):
        return params
    constants, upper = params.constants[::2][..., others], regressions.upper[others]
    shift = _VARIETY * rng.standard_normal(constants.shape)
    # Log-odds against the bound, which may be infinite.
    room = np.where(np.isfinite(upper), 1 - constants / upper, 1.0)
    odds = constants / room * np.exp(shift)
    varied = np.where(np.isfinite(upper), odds / (1 + odds / upper), odds)
    out = params.constants.copy()
    out[::2][..., others] = varied
    return params._replace(constants=out)


def robust_regressions(pool, n_components, n_starts, rng):
    """Peeled and spread regressions with own scales, which gross errors cannot spoil.

    The scale of a regression is the median distance of the units that are nearest to
    it, so a component may be tight from the start while another takes the outliers.
    """
    n_peeled = n_starts // 2
    peeled = peeled_regressions(pool, n_components, n_peeled, rng)
    spread = spread_regressions(pool, n_components, n_starts - n_peeled, rng)
    coef = np.concatenate([pool.coef_of(peeled), pool.coef_of(spread)])
    each = pool.squares_of_each(coef)
    nearest = each.sum(axis=0).argmin(axis=1)[:, None]
    nearest = nearest == np.arange(n_components)[:, None]
    relative = [
        _median_variance(nearest, squares, seen, variance) / variance
        for squares, seen, variance in zip(each, pool.seen, pool.variances, strict=True)
    ]
    relative = np.maximum(np.stack(relative, axis=-1), 1e-12)
    share = np.maximum(nearest @ pool.weight, pool.row_weight) / pool.total_weight
    return pool.params(
        coef, pool.scale * np.sqrt(relative), log_normalize(np.log(share))
    )


def _median_variance(nearest, squares, weight, otherwise):
    """Variances (R, K) from medians of squared distances (R, K, U) of nearest units."""
    mass = nearest @ weight
    distance = np.where(nearest, squares, np.inf).reshape(-1, len(weight))
    median = _quantile(distance, weight, 0.5 * mass.ravel()).reshape(mass.shape)
    return np.where(mass > 0, median / 0.455, otherwise)


def peeled_regressions(pool, n_components, n_starts, rng):
    """Robust peeling: fit one regression, remove its rows, fit the next.

    Each is Cauchy-weighted least squares with the median absolute deviation as scale,
    started at a random subset (Zilber & Nadler 2023).
    """
    size = min(3 * pool.p + 2, pool.n)
    uniforms = rng.random((n_components, n_starts, size))
    left = np.ones((n_starts, pool.n))
    enough_weight = (pool.p + 1) * pool.row_weight
    coef = np.empty((n_starts, n_components, pool.q))
    for k in range(n_components):
        start = pool.through(pool.draw(left, uniforms[k]))
        coef[:, k], closeness = _cauchy_regression(pool, start, left)
        needed = (n_components - 1 - k) * enough_weight
        cut = _quantile(np.where(left > 0, closeness, np.inf), pool.weight, needed)
        far = (left > 0) & (closeness <= np.maximum(0.1, cut)[:, None])
        enough = far @ pool.weight >= enough_weight
        left = np.where(enough[:, None], far, left)
    return pool.mixtures(coef)


def _cauchy_regression(pool, coef, left, n_iter=5):
    """Coefficients (R, q) and weights (R, U) by reweighted least squares."""
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
    """Smallest of values (R, U) at which the cumulated weight reaches `mass` (R,)."""
    order = np.argsort(values, axis=1, kind="stable")
    cumulative = np.cumsum(weight[order], axis=1)
    reached = (cumulative >= np.reshape(mass, (-1, 1)) - 1e-9).argmax(axis=1)
    return np.take_along_axis(values, order, axis=1)[np.arange(len(values)), reached]
