"""Climbs of a batch of starts to local maxima of the likelihood."""

from typing import NamedTuple

import numpy as np

from .._engine.em import em
from .._engine.newton import polish
from .._engine.params import Params, concatenate
from .flaws import nearly_empty
from .places import stand_ins
from .prices import worth_of_component

# Newton's method replaces EM when a pass gains less than this, in nats per row.
_SLOW = 1e-4
# Newton decrement, in nats, small enough to compare optima.
_CONVERGED = 1e-3
# Where EM slows down, other starts are no rivals so many nats below the best.
_REACH = 10.0


class Climbs(NamedTuple):
    """Where the climbs of a batch end: at maxima, of the likelihood if it has one."""

    params: Params
    loglik: np.ndarray  # (R,) without penalty
    n_iter: np.ndarray  # (R,)
    # Nats by which a flawed or unproven optimum must beat others, (R,), as BIC asks of
    # a component. Infinite where nothing but the collapse is known.
    handicap: np.ndarray
    degenerate: np.ndarray  # (R,) whether a component collapses or is nearly empty
    arm: np.ndarray  # (R,)
    hits: np.ndarray  # (R,) climbs that each stands for


def converge(model, rows, params, max_iter):
    """EM until it slows down, then Newton. -> Polished, and the trace of EM."""
    run = em(model, rows, params, max_iter=max_iter, tol=_SLOW)
    final = polish(model, rows, run.params, tol=_CONVERGED, max_iter=30)
    return final._replace(n_iter=final.n_iter + run.n_iter), run.trace


def climbs_of(model, climbing, rows, winners, others, arms, hits):
    """Climbs of winners of arms, and of other starts. -> Climbs.

    Winners climb under the penalty first, which keeps components from collapsing, and
    from there to a maximum of the likelihood. If there is none, the penalized maximum
    stands. Of the others, those that cannot win are left where EM slows down. `arms`
    (R,) are the arms of all, and `hits` (R,) the climbs that each stands for. The
    second value is the trace of the winners' EM.
    """
    n, worth = winners.n_restarts, worth_of_component(model, rows)
    held = em(climbing, rows, winners, max_iter=100, tol=_SLOW)
    run = em(model, rows, concatenate([held.params, others]), max_iter=100, tol=_SLOW)
    going, hits = _worth_climbing(model, run, hits, n, arms)
    final = polish(model, rows, run.params.take(going), tol=_CONVERGED, max_iter=30)
    final.n_iter[:] += run.n_iter[going]
    final.n_iter[:n] += held.n_iter
    climbs = _judged(model, rows, final, arms[going], hits)
    climbs.handicap[:n] = np.minimum(climbs.handicap[:n], worth)
    lost = np.flatnonzero(np.isinf(climbs.handicap[:n]))
    if len(lost) and not model.bounded:
        start = held.params.take(lost)
        instead = polish(climbing, rows, start, tol=_CONVERGED, max_iter=30)
        instead = _judged(climbing, rows, instead, arms[lost], hits[lost])
        for mine, theirs in zip(climbs[1:3], instead[1:3], strict=True):
            mine[lost] = theirs
        climbs.handicap[lost] = worth
        climbs = climbs._replace(params=climbs.params.put(lost, instead.params))
    return climbs, held.trace


def _worth_climbing(model, run, hits, n_winners, arms):
    """Restarts of a run that shall go on, and how many each stands for.

    Winners do. Others do not if a component collapses, if they are far below, or if
    another stands for them.
    """
    collapsed = model.regressions.collapsed(run.params).any(axis=1)
    low = run.objective < run.objective[:n_winners].max() - _REACH
    able = np.flatnonzero(~(collapsed | low) | (np.arange(len(low)) < n_winners))
    at = run.params.take(able), run.objective[able], arms[able], hits[able]
    kept, hits = stand_ins(*at, n_winners)
    return able[kept], hits


def _judged(model, rows, final, arms, hits):
    """The Climbs of a batch that climbed under a model."""
    params, worth = final.params, worth_of_component(model, rows)
    loglik = final.objective - model.penalty(params)
    collapsed = model.regressions.collapsed(params).any(axis=1)
    weight = rows.sum(model.tally, params).weight
    degenerate = collapsed | nearly_empty(model, weight, params)
    handicap = np.where(degenerate | ~final.converged, worth, 0.0)
    handicap[collapsed | ~np.isfinite(loglik)] = np.inf
    return Climbs(params, loglik, final.n_iter, handicap, degenerate, arms, hits)
