"""How a search escapes a poor optimum: one more component, where it is needed."""

import numpy as np

# Regressions tried for each candidate that is kept.
_PER_CANDIDATE = 10
# Factor on the variance under which candidates are judged, as regressions are not yet
# where they belong.
_FLATTENING = 4.0


def insertions(gate, pool, reduced, rng, *, keep=2):
    """Mixtures with one more component: a promising candidate.

    Candidate regressions go through units that a mixture explains badly. A candidate b
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
    coef = reduced.coef[..., : pool.p].reshape(-1, pool.p)
    scale = reduced.scale.ravel()
    kernels = pool.kernel(coef, scale, _FLATTENING)
    kernels = kernels.reshape(n_mixtures, n_kept, pool.n)
    _, prior = gate.prior(reduced, pool.block)
    density = (prior * kernels).sum(axis=1) + 1e-6
    scale = scale.min()
    coef = _candidates(pool, density, scale, n_kept, rng, _PER_CANDIDATE * keep)

    near = pool.kernel(coef, np.full(len(coef), scale), _FLATTENING)
    flat = near @ (pool.weight / density).T
    sharpening = _FLATTENING * pool.size
    density = (prior * kernels**sharpening).sum(axis=1) + 1e-9
    sharp = near**sharpening @ (pool.weight / density).T
    place = np.minimum(_places(flat), _places(sharp))
    best = np.argsort(place, axis=0, kind="stable")[:keep]
    mixture = np.repeat(np.arange(n_mixtures), len(best))
    candidate = pool.params(
        coef[best.T.ravel()][:, None],
        reduced.scale[mixture, :1],
        np.full((len(mixture), 1), -np.log(n_kept)),
    )
    return reduced.take(mixture).joined(candidate)


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
