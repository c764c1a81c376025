"""Short runs of all arms of a round, in one batch, by successive halving."""

from typing import NamedTuple

import numpy as np

from .._engine.em import em
from .._engine.params import Params, concatenate
from .exchange import prepare
from .places import stand_ins
from .prices import with_penalty
from .starts import (
    robust_regressions,
    side_by_side,
    soft_partitions,
    spread_regressions,
    varied_constants,
)

ARMS = ("common scale 1", "common scale 2", "own scales", "robust")
# Winners of every arm.
_WINNERS = (1, 1, 2, 1)
_COMMON_STARTS, _OWN_STARTS, _ROBUST_STARTS = 6, 14, 6
# Starts of the own-scales arm with components side by side.
_BESIDE_STARTS = 5
# Passes of the two heats.
_PASSES = (4, 7)
SHORT = sum(_PASSES)
# Starts of a common-scale arm that are left after the first heat, unless passes are so
# cheap that at least so many other starts converge.
_LEFT, _MANY = 3, 12
# Numbers (see `cost_of`) up to which starts converge that are no winners.
_CHEAP = 200_000
# Numbers up to which rounds have three times as many starts: the first, and others.
_FIRST, LATER = 1100, 6000


class Heats(NamedTuple):
    """The result of the short runs of a round."""

    winners: Params  # of the arms
    others: Params  # other starts that are worth converging
    arm: np.ndarray  # arms of winners and others, as indices of ARMS
    hits: np.ndarray  # starts that each of them stands for
    starts_arm: np.ndarray  # arms of all starts
    trace: np.ndarray  # (passes, starts), NaN after the end of a run


def short_runs(model, pool, rng, number):
    """Short EM runs from the starts of round `number`. -> Heats."""
    cost = cost_of(pool, model)
    more = 3 if cost <= (_FIRST if number == 1 else LATER) else 1
    params, starts_arm = _starts(pool, model, more, rng)
    n_starts = len(starts_arm)
    n_others = int(np.clip(_CHEAP * more / cost, 0, n_starts))
    trace = np.full((SHORT, n_starts), np.nan)
    short = _short(model, pool, starts_arm)
    params = _ready(short, pool, params)
    run = em(short, pool.rows, params, max_iter=_PASSES[0])
    trace[: _PASSES[0]] = run.trace
    alive = np.arange(n_starts)
    if n_others < _MANY:
        left = (_LEFT, _LEFT, n_starts, n_starts)
        alive = _best(run.objective, starts_arm, left)
    arm = starts_arm[alive]
    short = _short(model, pool, arm)
    run = em(short, pool.rows, run.params.take(alive), max_iter=_PASSES[1])
    trace[_PASSES[0] :, alive] = run.trace
    winners = _best(run.objective, arm, _WINNERS)
    others = np.setdiff1d(np.arange(len(arm)), winners)
    others = others[:: max(1, len(others) // max(n_others, 1))][:n_others]
    chosen, n_winners = np.append(winners, others), len(winners)
    params, arm = run.params.take(chosen), arm[chosen]
    hits = np.ones(len(chosen), dtype=int)
    kept, hits = stand_ins(params, run.objective[chosen], arm, hits, n_winners)
    winners, others = params.take(slice(n_winners)), params.take(kept[n_winners:])
    return Heats(winners, others, arm[kept], hits, starts_arm, trace)


def _ready(short, pool, params):
    """Starts that obey what tells components apart.

    Where units are known, components are numbered after a few passes without labels:
    how a raw start suits few of them says little, and a wrong number is a trap.
    """
    if short.known and short.interchangeable:
        free, start = short.unlabelled, short.constrain(params)
        params = em(free, pool.rows, start, max_iter=_PASSES[0]).params
    return prepare(short, pool, params)


def cost_of(pool, model):
    """Numbers that a pass of one start computes: rows x components x columns.

    Infinite if there are more components than rows support: there is nothing to find.
    """
    weight, n_components = pool.rows.total_weight, model.n_components
    if weight < n_components * (pool.p + 2):
        return np.inf
    return weight * n_components * pool.q


def _starts(pool, model, more, rng):
    """The starts of a round, and the arm (R,) of each."""
    n_components = model.n_components
    # Large regressions need more.
    double = 2 if pool.p > 10 and n_components >= 4 else 1
    beside = _BESIDE_STARTS * bool(pool.p > 1 or model.gate.has_features)
    numbers = (more * (double * _OWN_STARTS - beside), more * beside)
    if pool.background and model.gate.has_features:
        # Where a background lies along the features is a question of its own.
        numbers = numbers[0], more * _OWN_STARTS
    numbers = (_COMMON_STARTS, _COMMON_STARTS, *numbers, more * _ROBUST_STARTS)
    kinds = spread_regressions, soft_partitions, soft_partitions, side_by_side
    starts = [
        kind(pool, n_components, number, rng)
        for kind, number in zip((*kinds, robust_regressions), numbers, strict=True)
        if number
    ]
    # Starts of a kind are independent: each common-scale arm gets half of both kinds.
    halves = np.repeat([0, 1], _COMMON_STARTS // 2)
    arm = np.r_[halves, halves, np.repeat([2, 2, 3], numbers[2:])]
    return varied_constants(pool.regressions, concatenate(starts), rng), arm


def _short(model, pool, arm):
    """The model of short runs: a common scale, or a penalty, by the arm (R,)."""
    tied = True if model.regressions.rule.tied else (arm < 2)[:, None]
    ratio = np.where(arm < 3, 1e-2, 0.0)[:, None]
    return with_penalty(model, pool.scale**2).with_rule(tied=tied, ratio=ratio)


def _best(objective, arm, numbers):
    """The restarts of largest objective (R,) in each arm, so many as `numbers` says."""
    best = []
    for which, number in enumerate(numbers):
        among = np.flatnonzero(arm == which)
        order = np.argsort(-objective[among], kind="stable")
        best.append(among[order[:number]])
    return np.concatenate(best)
