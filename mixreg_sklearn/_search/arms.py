"""The search for the best optimum: rounds of independent arms until three agree.

No kind of start is reliable alone. The *common-scale* arms search under one variance
for all components, where the likelihood is bounded and no optimum is spurious; the
*own-scales* arm starts from soft random labels, and lets the variances of components
differ. Their optima compete under a penalized likelihood, and the search ends when
three independent arms agree on the best optimum.
"""

from itertools import permutations
from typing import NamedTuple

import numpy as np

from .._engine.em import em
from .._engine.newton import polish
from .._engine.params import Params, concatenate
from .flaws import nearly_empty
from .insertions import insertions
from .pool import Pool
from .starts import peeled_regressions, soft_partitions, spread_regressions

# Optima whose objectives differ by less than this, in nats, are the same.
SAME_OPTIMUM = 0.05
# Independent arms that must find the best optimum before the search ends.
_AGREEMENT = 3
# Optima within this distance of the best, in nats, are its rivals.
_NEAR = 3.0
# The largest number of candidates that an exchange tries.
_CANDIDATES = 80
# Pseudo-observations of the penalty under which optima compete.
_STRENGTH = 1.0
# Newton's method replaces EM when a pass gains less than this, in nats per row.
_SLOW = 1e-4
# Newton decrement, in nats, small enough to compare optima.
_CONVERGED = 1e-3
# Two common-scale arms and one with own scales, whose two best optima compete.
_ARMS = ("common scale 1", "common scale 2", "own scales", "own scales")
_COMMON_STARTS, _OWN_STARTS = 6, 12
# Passes of the two heats of short runs.
_SHORT = (4, 7)


class Optimum(NamedTuple):
    """A local optimum, and the arm that found it."""

    params: Params  # a batch of one
    loglik: float  # of the search sample, without penalty
    arm: str
    round: int  # from 1
    n_iter: int
    degenerate: bool


class Path(NamedTuple):
    """The log-likelihoods of a start, or of the winner of an arm."""

    arm: str
    round: int  # from 1
    first: int  # earlier passes over the sample
    loglik: np.ndarray  # (passes,)


class Search(NamedTuple):
    """The result of a search."""

    optima: list  # of Optimum, best first, one for each winner of each round
    objective: np.ndarray  # (optima,), penalized log-likelihoods, which rank them
    agreeing: int  # independent arms that found the best one
    n_rounds: int
    n_starts: int  # of all rounds, without insertions
    n_rows: int  # of the search sample
    weight: float  # of these rows, in total
    target: float  # pooled variance of the best common-scale optimum
    paths: list  # of Path: all starts, and the winners of rounds until they converge


def search(model, rows, pooled, rng, max_rounds, watch):
    """Look for the best optimum of a mixture of at least two components. -> Search.

    `rows` are the search sample in canonical order, `pooled` is the fitted mixture of
    one component. ``watch.begin_round()`` is called before every round, and
    ``watch.end_round(search)`` after it; a true value of the latter ends the search.
    """
    pool = Pool(model.regressions, rows, pooled)
    tied = model.with_rule(tied=True)
    optima, paths, target, best_common = [], [], None, -np.inf
    for number in range(1, max_rounds + 1):
        watch.begin_round()
        arms, own, started = _short_runs(model, pool, rng, number)
        common, objective = _exchange(tied, pool, arms, rng)
        if objective.max() > best_common:
            best_common = objective.max()
            best = common.take(int(objective.argmax()))
            target = float(best.scale[0, 0] ** 2)
        competing = with_penalty(model, target)
        arrived = _best_roles(competing, rows, concatenate([common, own]))
        run = em(competing, rows, arrived, max_iter=100, tol=_SLOW)
        final = _polished(competing, rows, run)
        paths += started
        paths += _paths(_ARMS, number, sum(_SHORT), run.trace)
        loglik = (final.objective - competing.penalty(final.params)).tolist()
        n_iter = final.n_iter.tolist()
        poor = nearly_empty(competing, rows, final.params).tolist()
        optima += [
            Optimum(final.params.take(r), loglik[r], arm, number, n_iter[r], poor[r])
            for r, arm in enumerate(_ARMS)
        ]
        n_starts = number * (2 * _COMMON_STARTS + _own_starts(pool, model.n_components))
        sample = rows.n_rows, rows.total_weight
        ranked = _rank(optima, competing)
        found = Search(*ranked, number, n_starts, *sample, target, paths)
        optima = found.optima
        if watch.end_round(found) or found.agreeing >= _needed(found):
            break
    return found


def _needed(found):
    """Arms that must agree: more than there are optima near the best.

    Where there are many of them, three arms may agree on the second best.
    """
    near = np.sort(found.objective[found.objective > found.objective[0] - _NEAR])[::-1]
    n_optima = 1 + int((near[:-1] - near[1:] > SAME_OPTIMUM).sum())
    return max(_AGREEMENT, n_optima + 1)


def with_penalty(model, target):
    """The model with the penalized likelihood under which optima compete."""
    if model.bounded:
        return model
    target = max(target, model.regressions.rule.floor)
    return model.with_rule(strength=_STRENGTH, target=target)


def _short_runs(model, pool, rng, number):
    """Short EM runs of all arms in one batch, by successive halving.

    It returns the best start of each common-scale arm, the two best of the own-scales
    arm, and the paths of all.
    """
    n_components = model.n_components
    kinds = [spread_regressions, soft_partitions]
    if number > 1:
        kinds.append(peeled_regressions)
    each, n_own = 2 * _COMMON_STARTS // len(kinds), _own_starts(pool, n_components)
    starts = [kind(pool, n_components, each, rng) for kind in kinds]
    params = concatenate([*starts, soft_partitions(pool, n_components, n_own, rng)])
    # Starts of a kind are independent: each common-scale arm gets half of them.
    arm = np.tile(np.repeat([0, 1], each // 2), len(kinds))
    arm = np.append(arm, np.full(n_own, 2))
    names = [_ARMS[a] for a in arm]
    trace = np.full((sum(_SHORT), len(arm)), np.nan)
    passed, alive = 0, np.arange(len(arm))
    for n_iter, keep in zip(_SHORT, ((3, 3, n_own), (1, 1, 2)), strict=True):
        tied = True if model.regressions.rule.tied else (arm < 2)[:, None]
        short = model.with_rule(tied=tied, ratio=1e-2)
        run = em(short, pool.rows, _prepare(short, params), max_iter=n_iter)
        chosen = np.concatenate(
            [_best(run.objective, keep[a], np.flatnonzero(arm == a)) for a in range(3)]
        )
        trace[passed : passed + n_iter, alive] = run.trace
        passed, alive = passed + n_iter, alive[chosen]
        params, arm = run.params.take(chosen), arm[chosen]
    paths = _paths(names, number, 0, trace)
    return params.take(arm < 2), params.take(arm == 2), paths


def _paths(arms, number, first, trace):
    """Paths from a trace (passes, R) of EM, which is NaN after the end of a run."""
    return [
        Path(arm, number, first, loglik[~np.isnan(loglik)])
        for arm, loglik in zip(arms, trace.T, strict=True)
    ]


def _own_starts(pool, n_components):
    """Number of starts of the own-scales arm, doubled for large regressions."""
    return _OWN_STARTS * (2 if pool.p > 10 and n_components >= 4 else 1)


def _best(objective, n, among):
    """The `n` restarts of largest objective (R,) among the given indices."""
    return among[np.argsort(-objective[among], kind="stable")[:n]]


def _exchange(common, pool, arms, rng, max_rounds=6):
    """Converge the common-scale arms, and replace components of the better one.

    Each component in turn is removed, the others are refitted, and candidates are
    inserted; this is repeated as long as it raises the likelihood. It returns the two
    arms, converged, and their objectives (2,).
    """
    n_components = arms.n_components
    fewer = common.resized(n_components - 1)
    # Few rows need more candidates, and make them cheap.
    most = max(2, min(4 * (n_components - 1), _CANDIDATES // n_components))
    keep = int(np.clip(24_000 // (n_components * pool.Z.size), 2, most))
    rivals = []
    if keep > 2 and n_components > 2:
        rivals.append(_grown(common, pool, rng, keep))
    best = 0
    for _ in range(max_rounds):
        reduced = arms.take(best).without_each()
        run = em(fewer, pool.rows, reduced, max_iter=10, tol=1e-5)
        _, different = np.unique(run.objective.round(3), return_index=True)
        rivals.append(_inserted(common, pool, run.params.take(different), rng, keep))
        tried = _converge(common, pool.rows, concatenate([arms, *rivals]))
        best = int(tried.objective[:2].argmax())
        winner = int(tried.objective.argmax())
        better = tried.objective[winner] > tried.objective[best] + SAME_OPTIMUM
        kept = np.arange(2)
        kept[best] = winner if better else best
        arms, objective = tried.params.take(kept), tried.objective[kept]
        if not better:
            break
        rivals = []
    return arms, objective


def _inserted(common, pool, reduced, rng, keep):
    """The best quarter of short runs after the insertion of a candidate."""
    proposals = insertions(common.gate, pool, reduced, rng, keep=keep)
    run = em(common, pool.rows, _prepare(common, proposals), max_iter=6)
    quarter = max(3, len(run.objective) // 4)
    return run.params.take(np.argsort(-run.objective, kind="stable")[:quarter])


def _grown(common, pool, rng, keep):
    """A mixture grown from the pooled regression, one component at a time."""
    grown = pool.pooled
    for size in range(2, common.n_components + 1):
        model = common.resized(size)
        rivals = _inserted(model, pool, grown, rng, keep)
        tried = _converge(model, pool.rows, rivals)
        grown = tried.params.take(int(tried.objective.argmax()))
    return grown


def _converge(model, rows, params):
    """Converge a batch: EM until it slows down, then Newton."""
    return _polished(model, rows, em(model, rows, params, max_iter=20, tol=_SLOW))


def _polished(model, rows, run):
    """Newton's method from the end of a run of EM; iterations of both are counted."""
    final = polish(model, rows, run.params, tol=_CONVERGED, max_iter=15)
    return final._replace(n_iter=final.n_iter + run.n_iter)


def _prepare(model, params):
    """Starts that obey the constraints, which may tell components apart."""
    return model.constrain(model.assign(params))


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


def _rank(optima, competing):
    """Optima by penalized likelihood, degenerate ones last, and their objectives.

    The third value is the number of arms that agree on the first.
    """
    penalties = [np.sum(competing.penalty(o.params)) for o in optima]
    objective = np.array([o.loglik for o in optima]) + penalties
    order = sorted(
        range(len(optima)), key=lambda i: (optima[i].degenerate, -objective[i])
    )
    optima, objective = [optima[i] for i in order], objective[order]
    agreeing = {
        (optimum.round, optimum.arm)
        for optimum, value in zip(optima, objective, strict=True)
        if value > objective[0] - SAME_OPTIMUM
        and optimum.degenerate == optima[0].degenerate
    }
    return optima, objective, len(agreeing)
