"""The search for the best optimum: rounds of independent arms until three agree.

No kind of start is reliable alone. The *common-scale* arms search under one variance
for all components, where the likelihood is bounded and no optimum is spurious; the
*own-scales* arm starts from soft random labels, and the *robust* arm from regressions
that outliers cannot spoil, each with its own scale. Their optima compete under a
penalized likelihood. Where passes are cheap all starts converge, not only the winners
of the arms: how often each optimum is found tells how likely another is still unseen.
"""

from itertools import permutations
from typing import NamedTuple

import numpy as np

from .._engine.em import em
from .._engine.params import concatenate
from .climbs import climbs_of
from .exchange import exchange, prepare
from .optima import SAME_OPTIMUM, chance_of_new, merged, optima_of
from .pool import Pool
from .starts import (
    robust_regressions,
    soft_partitions,
    spread_regressions,
)

# Independent arms that must find the best optimum before the search ends.
_AGREEMENT = 3
# Optima within this distance of the best, in nats, are its rivals.
_NEAR = 3.0
_ARMS = ("common scale 1", "common scale 2", "own scales", "robust")
# Winners of every arm; their starts in a round.
_WINNERS = (1, 1, 2, 1)
_COMMON_STARTS, _OWN_STARTS, _ROBUST_STARTS = 6, 12, 6
# Passes of the two heats of short runs.
_SHORT = (4, 7)
# Numbers (rows x components x columns) up to which further starts converge.
_CHEAP = 200_000
# Numbers up to which rounds have three times as many starts: the first, and others.
_FIRST, _LATER = 1100, 20000


class Ending(NamedTuple):
    """When a search ends."""

    unlikely: float  # with agreement: chance of a better optimum
    patience: int  # without: rounds in vain


# Where passes are cheap, rounds have more starts, and more of them are affordable.
_THOROUGH, _QUICK = Ending(0.002, 3), Ending(0.01, 2)


class Path(NamedTuple):
    """The log-likelihoods of a start, or of the winner of an arm."""

    arm: str
    round: int  # from 1
    first: int  # earlier passes over the sample
    loglik: np.ndarray  # (passes,)


class Search(NamedTuple):
    """The result of a search."""

    optima: list  # of distinct Optimum, best first
    n_rounds: int
    n_starts: int  # of all rounds, without insertions
    n_rows: int  # of the search sample
    weight: float  # of these rows, in total
    target: float  # pooled variance of the best common-scale optimum
    ending: Ending
    paths: list  # of Path: all starts, and the winners of rounds until they converge

    @property
    def agreeing(self):
        """Independent arms that found the best optimum."""
        return len(self.optima[0].arms)

    @property
    def unseen(self):
        """Estimated chance that one more start finds a better optimum.

        By Ewens's (1972) sampling formula, n starts find
        ``sum_i theta / (theta + i)``, i < n, distinct optima, and the next one is new
        with chance ``theta / (theta + n)``. A new one among m near the best is the
        highest of m + 1 with chance ``1 / (m + 1)``. Optima far below the best say
        nothing about better ones, and do not count.
        """
        least = self.optima[0].standing - _NEAR
        near = sum(optimum.standing > least for optimum in self.optima)
        return chance_of_new(near, self.n_starts) / (near + 1)

    @property
    def agreed(self):
        """Whether independent arms found the best optimum."""
        return self.agreeing >= _AGREEMENT

    @property
    def settled(self):
        """Whether independent arms agree, and a better optimum is unlikely."""
        return self.agreed and self.unseen < self.ending.unlikely

    @property
    def stalled(self):
        """Whether the last rounds found nothing better."""
        vain = self.n_rounds - min(number for number, _ in self.optima[0].arms)
        return vain >= self.ending.patience


def search(model, rows, pooled, rng, limits, watch):
    """Look for the best optimum of a mixture of at least two components. -> Search.

    `rows` are the search sample in canonical order, `pooled` is the fitted mixture of
    one component. ``watch.begin_round()`` is called before every round, and
    ``watch.end_round(search)`` after it; a true value of the latter ends the search.
    """
    pool = Pool(model.regressions, rows, pooled)
    tied = model.with_rule(tied=True)
    optima, paths, target, best_common = [], [], None, -np.inf
    n_starts, ending = 0, _QUICK if _cost(pool, model) > _LATER else _THOROUGH
    for number in range(1, limits.max_rounds + 1):
        watch.begin_round()
        heat = _short_runs(model, pool, rng, number)
        n_starts += heat.n_starts
        common = exchange(tied, pool, heat.params.take(heat.arm < 2), rng, number)
        if common.objective.max() > best_common:
            best_common = common.objective.max()
            best = common.params.take(int(common.objective.argmax()))
            target = float(best.scale[0, 0] ** 2)
        climbing = with_penalty(model, target)
        ranking = with_penalty(model, target, limits.scale_penalty)
        own, others = heat.arm >= 2, heat.others
        winners = concatenate([common.params, heat.params.take(own)])
        winners = _best_roles(climbing, rows, winners)
        names = [_ARMS[a] for a in (0, 1, *heat.arm[own], *heat.others_arm)]
        climbs, trace = climbs_of(model, climbing, rows, winners, others)
        paths += heat.paths
        paths += _paths(names[: len(heat.arm)], number, sum(_SHORT), trace)
        found = optima_of(climbs, [(number, name) for name in names])
        optima = merged(optima + found, climbing, ranking)
        sample = rows.n_rows, rows.total_weight
        result = Search(optima, number, n_starts, *sample, target, ending, paths)
        if len(optima) > 1 or not result.settled:
            optima += _exchanged(model, climbing, pool, optima[0], number, rng)
            optima = merged(optima, climbing, ranking)
            result = result._replace(optima=optima)
        if watch.end_round(result) or result.settled or result.stalled:
            break
    return result


def _exchanged(model, climbing, pool, best, number, rng):
    """Another optimum by exchanges of components of the best one, if there is one."""
    final = exchange(climbing, pool, best.params, rng, number)
    none = final.params.take([])
    climbs, _ = climbs_of(model, climbing, pool.rows, final.params, none)
    if abs(climbs.loglik[0] - best.loglik) < SAME_OPTIMUM:
        return []
    return optima_of(climbs, [(number, "exchange")])


def with_penalty(model, target, factor=1.0):
    """The model with the penalized likelihood, at a multiple of the usual strength."""
    if model.bounded:
        return model
    return model.with_rule(
        strength=factor * (2 + float(np.mean(model.regressions.n_specific))),
        target=max(target, model.regressions.rule.floor),
    )


class _Heats(NamedTuple):
    """The result of the short runs of a round."""

    params: object  # winners of the arms
    arm: np.ndarray  # their arms
    others: object  # other starts that are worth converging
    others_arm: np.ndarray
    paths: list
    n_starts: int


def _short_runs(model, pool, rng, number):
    """Short EM runs of all arms in one batch, by successive halving."""
    n_components = model.n_components
    kinds = [spread_regressions, soft_partitions]
    each = 2 * _COMMON_STARTS // len(kinds)
    cost = _cost(pool, model)
    more = 3 if cost <= (_FIRST if number == 1 else _LATER) else 1
    n_own, n_robust = more * _own_starts(pool, n_components), more * _ROBUST_STARTS
    starts = [kind(pool, n_components, each, rng) for kind in kinds]
    starts.append(soft_partitions(pool, n_components, n_own, rng))
    starts.append(robust_regressions(pool, n_components, n_robust, rng))
    params = concatenate(starts)
    # Starts of a kind are independent: each common-scale arm gets half of them.
    arm = np.tile(np.repeat([0, 1], each // 2), len(kinds))
    arm = np.concatenate([arm, np.full(n_own, 2), np.full(n_robust, 3)])
    n_starts = len(arm)
    names = [_ARMS[a] for a in arm]
    trace = np.full((sum(_SHORT), n_starts), np.nan)
    # All starts go on where that is cheap.
    n_others = int(np.clip(_CHEAP * more / cost, 0, n_starts))
    tied = True if model.regressions.rule.tied else (arm < 2)[:, None]
    short = with_penalty(model, pool.scale**2).with_rule(
        tied=tied, ratio=np.where(arm < 3, 1e-2, 0.0)[:, None]
    )
    run = em(short, pool.rows, prepare(short, params), max_iter=_SHORT[0])
    trace[: _SHORT[0]] = run.trace
    halved = (3, 3, n_own, n_robust)
    alive = np.concatenate([_best(run.objective, halved[a], arm, a) for a in range(4)])
    if n_others >= 12:
        alive = np.arange(n_starts)
    tied = True if model.regressions.rule.tied else (arm[alive] < 2)[:, None]
    short = short.with_rule(
        tied=tied, ratio=np.where(arm[alive] < 3, 1e-2, 0.0)[:, None]
    )
    arm = arm[alive]
    run = em(short, pool.rows, run.params.take(alive), max_iter=_SHORT[1])
    trace[_SHORT[0] :, alive] = run.trace
    winners = np.concatenate(
        [_best(run.objective, _WINNERS[a], arm, a) for a in range(4)]
    )
    others = np.setdiff1d(np.arange(len(arm)), winners)
    others = others[:: max(1, len(others) // max(n_others, 1))][:n_others]
    paths = _paths(names, number, 0, trace)
    return _Heats(
        run.params.take(winners),
        arm[winners],
        run.params.take(others),
        arm[others],
        paths,
        n_starts,
    )


def _cost(pool, model):
    """Numbers that a pass of one start computes.

    Infinite if there are more components than rows support: there is nothing to find.
    """
    weight, n_components = pool.rows.total_weight, model.n_components
    if weight < n_components * (pool.p + 2):
        return np.inf
    return weight * n_components * pool.p


def _paths(arms, number, first, trace):
    """Paths from a trace (passes, R) of EM, which is NaN after the end of a run."""
    return [
        Path(arm, number, first, loglik[~np.isnan(loglik)])
        for arm, loglik in zip(arms, trace.T, strict=True)
    ]


def _own_starts(pool, n_components):
    """Number of starts of the own-scales arm, doubled for large regressions."""
    return _OWN_STARTS * (2 if pool.p > 10 and n_components >= 4 else 1)


def _best(objective, n, arm, which):
    """The `n` restarts of largest objective (R,) in an arm."""
    among = np.flatnonzero(arm == which)
    return among[np.argsort(-objective[among], kind="stable")[:n]]


def _best_roles(model, rows, params):
    """The restarts, with components in the order of the largest likelihood.

    Where constraints tell components apart, another order may lead to another local
    optimum, and the order nearest to the constraints need not be the best.
    """
    if model.interchangeable:
        return params
    n, n_components = params.n_restarts, params.n_components
    orders = permutations(range(n_components))
    tried = [params.reorder(np.tile(order, (n, 1))) for order in orders]
    run = em(model, rows, model.constrain(concatenate(tried)), max_iter=4)
    best = run.objective.reshape(-1, n).argmax(axis=0)
    return run.params.take(best * n + np.arange(n))
