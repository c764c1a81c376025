"""Starts without random draws: the pooled regression, and memberships of the user."""

from functools import partial
from operator import add
from typing import NamedTuple

import numpy as np

from .._engine.em import em
from .._engine.params import Params, constant_logits
from .._numerics import log_normalize


def fit_pooled(model, rows):
    """Parameters (a batch of one) of a mixture of one component, fitted to all rows.

    It starts at least squares on the linear predictors that the rows suggest.
    """
    regressions = model.regressions
    constants = np.array([[[c.start for c in model.family.constants]]])
    no_coef = np.zeros((1, 1, regressions.predictors[-1].stop))
    logits = constant_logits(np.zeros((1, 1)), rows.n_logits)
    start = regressions.constrain(Params(no_coef, constants, logits))
    sums = rows.sum(partial(_least_squares, regressions), start.coef)
    coef = start.coef + _step(regressions, sums)
    return em(model, rows, start._replace(coef=coef), max_iter=100, tol=1e-9).params


def repeat_component(params, n_components):
    """A mixture of `n_components` equal components, from a mixture of one."""
    copies = (np.repeat(field, n_components, axis=1) for field in params)
    return Params(*copies).normalized()


def from_memberships(problem, memberships):
    """Parameters (a batch of one) by an M-step from memberships (n, K) of the user."""
    model, rows, regressions = problem.model, problem.rows, problem.model.regressions
    pooled = fit_pooled(problem.pooled_model, rows)
    shape = (1, memberships.shape[1])
    start = repeat_component(pooled, shape[1])
    coef = np.zeros_like(start.coef)
    start = regressions.constrain(start._replace(coef=coef))
    memberships = memberships[problem.order].T
    verb = partial(_membership_squares, regressions, pooled)
    sums = rows.sum(verb, (start.coef, memberships))
    coef = start.coef + _step(regressions, sums)
    sums = rows.sum(verb, (coef, memberships))
    relative = sums.squares / np.maximum(sums.mass, 1e-9)
    relative = relative / (sums.pooled / rows.total_weight)
    log_weights = log_normalize(np.log(np.maximum(sums.mass, np.finfo(float).tiny)))
    logits = constant_logits(log_weights.reshape(shape), rows.n_logits)
    start = start._replace(coef=coef, logits=logits)
    scale = (pooled.scale[0, 0] * np.sqrt(relative)).reshape(shape)
    return model.constrain(start.with_scale(scale))


class _Squares(NamedTuple):
    """Sums for least squares on the predictors that rows suggest. They add."""

    grams: tuple  # of L arrays (1, K, p, p)
    crosses: tuple  # of L arrays (1, K, p)
    mass: np.ndarray  # (K,), sums of memberships
    squares: np.ndarray  # (K,), of distances from the regressions under memberships
    pooled: float  # sum of squared distances from the pooled regression

    def __add__(self, other):
        grams = tuple(map(add, self.grams, other.grams))
        crosses = tuple(map(add, self.crosses, other.crosses))
        return _Squares(grams, crosses, *map(add, self[2:], other[2:]))


def _least_squares(regressions, coef, block):
    """The _Squares of one regression with coefficients (1, 1, P)."""
    grams, crosses = [], []
    for suggested, z, place in _suggested(regressions, block):
        residual = suggested - z.predict(coef[0, :, place])
        grams.append(z.total[None, None])
        crosses.append(z.cross(residual * block.weight)[None])
    return _Squares(tuple(grams), tuple(crosses), np.zeros(1), np.zeros(1), 0.0)


def _membership_squares(regressions, pooled, params, block):
    """The _Squares of K regressions, rows weighted by information.

    `params` are coefficients (1, K, P) and memberships (K, n).
    """
    coef, memberships = params
    units = block.units
    tau = units.spread(units.mean(memberships[:, block.rows])) * block.weight
    grams, crosses, squares = [], [], []
    information = regressions.suggested_information(pooled, block)
    for (suggested, z, place), known in zip(
        _suggested(regressions, block), information, strict=True
    ):
        residual = suggested - z.predict(coef[0, :, place])
        weight = tau * known
        grams.append(z.gram(weight)[None])
        crosses.append(z.cross(weight * residual)[None])
        apart = suggested - z.predict(pooled.coef[0, :, place])
        squares.append(
            ((weight * residual**2).sum(1), block.weight @ (known * apart[0] ** 2))
        )
    return _Squares(tuple(grams), tuple(crosses), tau.sum(axis=1), *squares[0])


def _suggested(regressions, block):
    """For every predictor: suggestion (B,) less the offset, columns, coefficients."""
    initial = regressions.family.initial(block.y)
    initial = initial if len(block.columns) > 1 else initial[None]
    if block.offset is not None:
        initial = np.concatenate([initial[:1] - block.offset, initial[1:]])
    return zip(initial, block.columns, regressions.predictors, strict=True)


def _step(regressions, sums):
    """Least-squares step of the coefficients, (1, K, P)."""
    parts = zip(regressions.sharings, sums.grams, sums.crosses, strict=True)
    return np.concatenate(
        [sharing.step(gram, cross) for sharing, gram, cross in parts], axis=2
    )
