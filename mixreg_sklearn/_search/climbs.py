"""Climbs of a batch of starts to local maxima of the likelihood."""

from typing import NamedTuple

import numpy as np

from .._engine.em import em
from .._engine.newton import polish
from .._engine.params import Params, concatenate
from .flaws import nearly_empty
from .prices import worth_of_component

# Newton's method replaces EM when a pass gains less than this, in nats per row.
_SLOW = 1e-4
# Newton decrement, in nats, small enough to compare optima.
_CONVERGED = 1e-3


class Climbs(NamedTuple):
    """Where the climbs of a batch end: at maxima, of the likelihood if it has one."""

    params: Params
    loglik: np.ndarray  # (R,) without penalty
    n_iter: np.ndarray  # (R,)
    # Nats by which a flawed or unproven optimum must beat others, (R,), as BIC asks of
    # a component. Infinite where nothing but the collapse is known.
    handicap: np.ndarray
    degenerate: np.ndarray  # (R,) whether a component collapses or is nearly empty


def converge(model, rows, params, max_iter):
    """EM until it slows down, then Newton. -> Polished, and the trace of EM."""
    run = em(model, rows, params, max_iter=max_iter, tol=_SLOW)
    final = polish(model, rows, run.params, tol=_CONVERGED, max_iter=30)
    return final._replace(n_iter=final.n_iter + run.n_iter), run.trace


def climbs_of(model, climbing, rows, winners, others):
    """Climbs of winners of arms, and of other starts. -> Climbs.

    Winners climb under the penalty first, which keeps components from collapsing, and
    from there to a maximum of the likelihood. If there is none, the penalized maximum
    stands. The second value is the trace of their EM.
    """
    n, worth = winners.n_restarts, worth_of_component(model, rows)
    if model.bounded:
        final, trace = converge(model, rows, concatenate([winners, others]), 100)
        climbs = _judged(model, rows, final)
        climbs.handicap[:n] = np.minimum(climbs.handicap[:n], worth)
        return climbs, trace[:, :n]
    held, trace = converge(climbing, rows, winners, 100)
    final, _ = converge(model, rows, concatenate([held.params, others]), 100)
    final.n_iter[:n] += held.n_iter
    climbs = _judged(model, rows, final)
    lost = np.flatnonzero(np.isinf(climbs.handicap[:n]))
    if len(lost):
        instead = _judged(climbing, rows, held.take(lost))
        for mine, theirs in zip(climbs[1:3], instead[1:3], strict=True):
            mine[lost] = theirs
        climbs.handicap[lost] = worth
        climbs = climbs._replace(params=climbs.params.put(lost, instead.params))
    return climbs, trace


def _judged(model, rows, final):
    """The Climbs of a batch that climbed under a model."""
    params, worth = final.params, worth_of_component(model, rows)
    loglik = final.objective - model.penalty(params)
    collapsed = model.regressions.collapsed(params).any(axis=1)
    degenerate = collapsed | nearly_empty(model, rows, params)
    handicap = np.where(degenerate | ~final.converged, worth, 0.0)
    handicap[collapsed | ~np.isfinite(loglik)] = np.inf
    return Climbs(params, loglik, final.n_iter, handicap, degenerate)
