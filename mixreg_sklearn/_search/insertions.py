"""How a search escapes a poor optimum: one more component where rows need it."""

import numpy as np

# Candidates that are drawn for each one that is kept.
_PER_KEPT = 10
# Factor on the variance at which candidates are scored: no regression is final.
_FLATTENING = 4.0


def insertions(gate, pool, reduced, rng, *, keep=2, ratios=(1.0,)):
    """Mixtures with one more component: a promising candidate.

    Candidates are regressions through units that a mixture explains badly. A candidate
    b is scored by the directional derivative ``sum_i w_i phi(y_i; b) / f(y_i)`` of the
    likelihood (Lindsay 1983), once with flattened densities, as no regression is final,
    and once with the densities themselves, which alone reveal a small component. The
    better of its two places counts. From a batch `reduced` of J mixtures with a common
    scale come ``J * keep`` ones, with the `keep` best candidates of each.
    """
    scales_of_reduced = pool.regressions.scales(reduced)
    n_mixtures, n_kept, _ = scales_of_reduced.shape
    coef = pool.coef_of(reduced).reshape(-1, pool.q)
    scale = scales_of_reduced.reshape(len(coef), -1)
    kernels = pool.kernel(coef, scale, _FLATTENING)
    kernels = kernels.reshape(n_mixtures, n_kept, pool.n)
    kernels = pool.with_background(kernels, _FLATTENING)
    _, prior = gate.prior(reduced, pool.block)
    density = (prior * kernels).sum(axis=1) + 1e-6
    scale = scale.min(axis=0)
    coef = _candidates(pool, density, scale, n_kept, rng, _PER_KEPT * keep)

    sharpening = _FLATTENING * pool.units.size
    sharp_density = (prior * kernels**sharpening).sum(axis=1) + 1e-9
    chosen, scales = [], []
    for ratio in ratios:
        near = pool.kernel(coef, _each(ratio * scale, coef), _FLATTENING)
        flat = near @ (pool.weight / density).T
        sharp = near**sharpening @ (pool.weight / sharp_density).T
        place = np.minimum(_places(flat), _places(sharp))
        best = np.argsort(place, axis=0, kind="stable")[:keep].T
        chosen.append(best)
        first = ratio * scales_of_reduced[:, :1]
        scales.append(np.repeat(first, best.shape[1], axis=1))
    chosen, scales = np.hstack(chosen), np.hstack(scales)
    mixture = np.repeat(np.arange(n_mixtures), chosen.shape[1])
    coef, scale = coef[chosen.ravel()][:, None], scales.reshape(len(mixture), 1, -1)
    candidate = pool.params(coef, scale, np.full((len(coef), 1), -np.log(n_kept)))
    return reduced.take(mixture).joined(candidate)


def _candidates(pool, density, scale, n_kept, rng, number):
    """Regressions (C, q) through units that mixtures of density (J, U) explain badly.

    There are `number` for every mixture, and `number` for none in particular. With many
    columns weighted least squares improves them, as a few rows do not determine them.
    """
    n_mixtures = len(density)
    uniforms = rng.random((n_mixtures + 1, number, min(pool.n, pool.p)))
    importance = np.vstack([1 / density, np.ones(pool.n)])
    units = pool.draw(importance, uniforms)
    units[:, ::2] = pool.draw(importance**0.5, uniforms)[:, ::2]
    coef = pool.through(units.reshape(-1, uniforms.shape[2]))
    if pool.p <= 3:
        return coef
    scales = _each(scale, coef)
    source = np.append(
        np.repeat(np.arange(n_mixtures), number), np.arange(number) % n_mixtures
    )
    for stretch in (9, 4, 1, 1):
        near = pool.kernel(coef, scales, _FLATTENING * stretch) / (n_kept + 1)
        coef = pool.weighted(near / (near + density[source]) + 1e-9)
    return coef


def _each(scale, coef):
    """The scales (m,) for each of several regressions, (C, m)."""
    return np.tile(scale, (len(coef), 1))


def _places(score):
    """Ranks within the columns of scores (C, J), the largest first."""
    order = np.argsort(-score, axis=0, kind="stable")
    return np.argsort(order, axis=0, kind="stable")
