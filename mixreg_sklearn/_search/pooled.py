"""Starts without random draws: the pooled regression, and memberships of the user."""

from functools import partial
from operator import add
from typing import NamedTuple

import numpy as np

from .._engine.em import em
from .._engine.params import Params, concatenate, constant_logits
from .._numerics import log_normalize
from .suggestions import bounded_suggestion

# Shares of the way to the mean response by which responses of starts are shrunken.
_SHARES = (0.5, 1.0)
# Passes after which the best start goes on alone.
_SHORT = 8
# An M-step shorter than this, in units of the linear predictor, says that the start
# solves the equations of the likelihood.
_SOLVED = 1e-9


def fit_pooled(model, rows):
    """Parameters (a batch of one) of a mixture of one component, fitted to all rows.

    It starts at least squares on the linear predictors that the rows suggest. Unless
    that solves the equations of the likelihood, a few rows may dominate it, or have no
    distribution there. Then it competes with starts from responses that are shrunken
    toward their mean, of which the last is that of no features.
    """
    start = _least_squares_start(model, rows, _Shrinkage(0.0, 0.0))
    moved = model.solve(rows.sum(model.summarize, start), start).coef - start.coef
    if not np.abs(moved).max(initial=0) < _SOLVED:
        total, weight = rows.sum(_response, None)
        mean = total / np.maximum(weight, np.finfo(float).tiny)
        shrunken = [_Shrinkage(share, mean) for share in _SHARES]
        others = (_least_squares_start(model, rows, shrunk) for shrunk in shrunken)
        run = em(model, rows, concatenate([start, *others]), max_iter=_SHORT)
        best = np.where(np.isnan(run.objective), -np.inf, run.objective).argmax()
        start = run.params.take(int(best))
    return em(model, rows, start, max_iter=100, tol=1e-9).params


class _Shrinkage(NamedTuple):
    """Responses as the family takes them, moved by a share of the way to their mean.

    Open bounds and numbers that are not seen stay what they are.
    """

    share: float
    mean: float | np.ndarray

    def of(self, y):
        moved = (1 - self.share) * y + self.share * np.asarray(self.mean)[..., None]
        return np.where(np.isfinite(y), moved, y)


def _response(_, block):
    """Weighted sums of the responses that are finite, and weights, (2,) or (2, T)."""
    finite = np.isfinite(block.y)
    return np.stack([np.where(finite, block.y, 0.0), finite]) @ block.weight


def _least_squares_start(model, rows, shrinkage):
    """Least squares on the linear predictors that shrunken responses suggest."""
    regressions = model.regressions
    constants = np.array([[[c.start for c in model.family.constants]]])
    no_coef = np.zeros((1, 1, regressions.predictors[-1].stop))
    logits = constant_logits(np.zeros((1, 1)), rows.n_logits)
    start = regressions.constrain(Params(no_coef, constants, logits))
    sums = rows.sum(partial(_least_squares, regressions, shrinkage), start.coef)
    return start._replace(coef=start.coef + _step(regressions, sums, start.coef))


def repeat_component(params, model):
    """Parameters with equal components and shares, from a mixture of one component."""
    numbers = model.n_components, model.n_components, model.n_shares
    copies = (
        np.repeat(field, number, axis=1)
        for field, number in zip(params, numbers, strict=True)
    )
    return Params(*copies).normalized()


def from_memberships(problem, memberships):
    """Parameters (a batch of one) by an M-step from memberships (n, K') of all rows."""
    model, rows, regressions = problem.model, problem.rows, problem.model.regressions
    pooled = fit_pooled(problem.pooled_model, rows)
    start = repeat_component(pooled, model)
    coef = np.zeros_like(start.coef)
    start = regressions.constrain(start._replace(coef=coef))
    verb = partial(_membership_squares, regressions, pooled)
    sums = rows.sum(verb, (start.coef, memberships))
    coef = start.coef + _step(regressions, sums, start.coef)
    sums = rows.sum(verb, (coef, memberships))
    n_components = len(sums.squares)
    relative = sums.squares / np.maximum(sums.mass[:n_components], 1e-9)[:, None]
    relative = relative / (sums.pooled / rows.total_weight)
    log_weights = log_normalize(np.log(np.maximum(sums.mass, np.finfo(float).tiny)))
    logits = constant_logits(log_weights[None], rows.n_logits)
    start = start._replace(coef=coef, logits=logits)
    scales = regressions.scales(pooled)[0, 0] * np.sqrt(relative)
    start = regressions.with_scales(regressions.off_limits(start), scales[None])
    return model.constrain(start)


class _Squares(NamedTuple):
    """Sums for least squares on the predictors that rows suggest. They add."""

    grams: tuple  # of L arrays (1, K, p, p)
    crosses: tuple  # of L arrays (1, K, p)
    mass: np.ndarray  # (K',), sums of memberships
    squares: np.ndarray  # (K, m), of distances from the regressions under memberships
    pooled: np.ndarray  # (m,), sums of squared distances from the pooled regression

    def __add__(self, other):
        grams = tuple(map(add, self.grams, other.grams))
        crosses = tuple(map(add, self.crosses, other.crosses))
        return _Squares(grams, crosses, *map(add, self[2:], other[2:]))


def _least_squares(regressions, shrinkage, coef, block):
    """The _Squares of one regression with coefficients (1, 1, P)."""
    grams, crosses = [], []
    initial = regressions.family.initial(shrinkage.of(block.y))
    initial = initial if len(block.columns) > 1 else initial[None]
    seen = regressions.family.seen(block.y)
    for i, (suggested, z, place) in enumerate(_net(regressions, initial, block)):
        residual, weight = suggested - z.predict(coef[0, :, place]), block.weight
        if seen is not None:
            weight = weight * seen[regressions.response_of(i)]
        gram = z.total if seen is None else z.gram(weight[None])[0]
        grams.append(gram[None, None])
        crosses.append(z.cross(residual * weight)[None])
    return _Squares(tuple(grams), tuple(crosses), np.zeros(1), np.zeros(1), 0.0)


def _membership_squares(regressions, pooled, params, block):
    """The _Squares of K regressions, rows weighted by information.

    `params` are coefficients (1, K, P) and memberships (n, K') of the user's rows.
    """
    coef, memberships = params
    units, n_components = block.units, coef.shape[1]
    mass = units.spread(units.mean(memberships[block.rows].T)) * block.weight
    tau = mass[:n_components]
    grams, crosses, squares = [], [], []
    initial, information = bounded_suggestion(regressions, pooled, block)
    for (suggested, z, place), known in zip(
        _net(regressions, initial, block), information, strict=True
    ):
        residual = suggested - z.predict(coef[0, :, place])
        weight = tau * known
        grams.append(z.gram(weight)[None])
        crosses.append(z.cross(weight * residual)[None])
        apart = suggested - z.predict(pooled.coef[0, :, place])
        squares.append(
            ((weight * residual**2).sum(1), block.weight @ (known * apart[0] ** 2))
        )
    squares = [squares[response.first] for response in regressions.responses]
    squares = (np.stack(each, axis=-1) for each in zip(*squares, strict=True))
    return _Squares(tuple(grams), tuple(crosses), mass.sum(axis=1), *squares)


def _net(regressions, initial, block):
    """For every predictor: suggestion (B,) less the offset, columns, coefficients."""
    if block.offset is not None:
        initial = np.concatenate([initial[:1] - block.offset, initial[1:]])
    return zip(initial, block.columns, regressions.predictors, strict=True)


def _step(regressions, sums, coef):
    """Least-squares step of the coefficients (1, K, P) of a start."""
    parts = zip(
        *(regressions.sharings, sums.grams, sums.crosses, regressions.predictors),
        strict=True,
    )
    return np.concatenate(
        [
            sharing.step(gram, cross, coef[..., at])
            for sharing, gram, cross, at in parts
        ],
        axis=2,
    )
