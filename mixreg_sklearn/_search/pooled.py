"""Starts that no search draws: the pooled regression, and memberships of the user."""

import numpy as np

from .._engine.em import em
from .._engine.params import Params
from .._numerics import log_normalise
from .pool import Pool


def fit_pooled(model, rows):
    """The mixture of one component: a single regression through all rows.

    It starts at least squares on the linear predictors that the rows suggest.
    """
    suggested = model.family.initial(rows.y)
    if rows.offset is not None:
        suggested = suggested - rows.offset
    start = 0
    gram, cross = 0.0, 0.0
    for block in rows.blocks:
        stop = start + len(block.weight)
        gram = gram + block.gram
        cross = cross + np.dot(block.Z, block.weight * suggested[start:stop])
        start = stop
    coef = model.sharing.project(np.zeros((1, 1, rows.n_columns)))
    cross = cross - np.dot(gram, coef[0, 0])
    coef = coef + model.sharing.step(gram[None, None], cross[None, None])
    no_gate = np.zeros((1, 1, len(rows.gate) - 1))
    start = Params(coef, np.ones((1, 1)), np.zeros((1, 1)), no_gate)
    return em(model, rows, start, max_iter=100, tol=1e-9).params


def repeat_component(params, n_components):
    """A mixture of `n_components` copies of one regression."""
    return Params(
        np.repeat(params.coef, n_components, axis=1),
        np.repeat(params.scale, n_components, axis=1),
        np.full((1, n_components), -np.log(n_components)),
        np.repeat(params.gate, n_components, axis=1),
    )


def from_memberships(problem, memberships):
    """Parameters by one M-step from row memberships (n, K)."""
    model, rows = problem.model, problem.rows
    pool = Pool(model.family, rows, fit_pooled(problem.pooled_model, rows))
    tau = pool.of_rows(pool.means(memberships[problem.order].T)) * rows.weight
    weights = tau * pool.information
    gram = np.stack([np.dot(pool.Z * w, pool.Z.T) for w in weights])[None]
    cross = np.dot(weights * pool.suggested, pool.Z.T)[None]
    coef = model.sharing.project(np.zeros_like(cross))
    cross -= np.einsum("rkpq,rkq->rkp", gram, coef)
    coef = coef + model.sharing.step(gram, cross)
    mass = tau.sum(axis=1)
    squares = (pool.sums(tau) * pool.squares(coef[0])).sum(axis=1)
    relative = squares / np.maximum(mass, 1e-9) / pool.variance
    scale = np.ones(len(mass))
    if model.family.n_scale:
        scale = pool.scale * np.sqrt(relative)
    log_weights = log_normalise(np.log(np.maximum(mass, np.finfo(float).tiny)))
    shape = (1, len(mass))
    start = Params(coef, scale[None], log_weights[None], pool.no_gate(shape))
    return model.constrain(start)
