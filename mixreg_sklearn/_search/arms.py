"""The search for the best optimum: rounds of independent arms until three agree.

No kind of start is safe alone. The *common-scale* arms search under one variance for
all components, where the likelihood is bounded and no optimum is spurious; the
*own-scales* arm starts from soft random labels, where a component may tighten on its
rows while the others stay broad. What they find competes under a penalized likelihood,
and the search ends when three independent arms have found the same best optimum.
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
from .starts import (
    peeled_regressions,
    soft_partitions,
    spread_regressions,
)

# Objectives closer than this, in nats, are the same optimum.
SAME = 0.05
# Independent arms that have to find the best optimum before the search is over.
_AGREEMENT = 3
# Optima within this many nats of the best are its rivals.
_NEAR = 3.0
# Most candidates that an exchange tries.
_CANDIDATES = 80
# Pseudo-observations of the penalty under which optima compete.
_STRENGTH = 1.0
# EM is slow, and Newton's method takes over, below this gain in nats a row.
_SLOW = 1e-4
# Newton decrement, in nats, that is exact enough to compare optima.
_SETTLED = 1e-3
# Two common-scale arms and one with own scales, whose two best optima compete.
_ARMS = ("common scale 1", "common scale 2", "own scales", "own scales")
_COMMON_STARTS, _OWN_STARTS = 6, 12
# Passes of the two heats of short runs.
_SHORT = (4, 7)


class Optimum(NamedTuple):
    """One local optimum and who found it."""

    params: Params
    loglik: float
    arm: str
    round: int
    n_iter: int
    degenerate: bool


class Path(NamedTuple):
    """How the log-likelihood of a start, or of a winner, rose."""

    arm: str
    round: int
    first: int  # passes over the sample that it had before
    loglik: np.ndarray


class Search(NamedTuple):
    """What a search found.

    Attributes
    ----------
    optima : list of Optimum
        Best first, one for each arm and round that found it.
    objective : ndarray of shape (len(optima),)
        Penalized log-likelihoods under which they are ranked.
    agreeing : int
        Independent arms that found the best one.
    n_rounds : int
    n_starts : int
        Starts of all rounds together, insertions not counted.
    n_rows : int
        Rows of the search sample.
    weight : float
        Their total weight.
    target : float
        Pooled variance of the best common-scale optimum.
    paths : list of Path
        Of all starts, and of the winners of each round until they settled.
    """

    optima: list
    objective: np.ndarray
    agreeing: int
    n_rounds: int
    n_starts: int
    n_rows: int
    weight: float
    target: float
    paths: list


def search(model, rows, pooled, rng, max_rounds, watch):
    """Look for the best optimum of a mixture.

    Parameters
    ----------
    model : Mixture
        As it is to be estimated, of at least two components; its scale rule gives
        `tied` and `floor`.
    rows : ArrayRows
        Search sample in canonical order.
    pooled : Params
        The fitted mixture of one component.
    rng : numpy.random.Generator
    max_rounds : int
    watch : object
        ``watch.begin_round()`` is called before and ``watch.end_round(search)`` after
        every round; a true value of the latter ends the search.

    Returns
    -------
    Search
    """
    pool = Pool(model.family, rows, pooled)
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
        competing = penalized(model, target)
        arrived = _best_roles(competing, rows, concatenate([common, own]))
        run = em(competing, rows, arrived, max_iter=100, tol=_SLOW)
        settled = _climbed(competing, rows, run)
        paths += started
        paths += _paths(_ARMS, number, sum(_SHORT), run.trace)
        penalty = np.broadcast_to(competing.penalty(settled.params), len(_ARMS))
        poor = nearly_empty(competing, rows, settled.params)
        for r, arm in enumerate(_ARMS):
            optima.append(
                Optimum(
                    settled.params.take(r),
                    float(settled.objective[r] - penalty[r]),
                    arm,
                    number,
                    int(settled.n_iter[r]),
                    bool(poor[r]),
                )
            )
        optima, objective, agreeing = _rank(optima, competing)
        n_starts = number * (2 * _COMMON_STARTS + _own_starts(pool, model.n_components))
        found = Search(
            optima,
            objective,
            agreeing,
            number,
            n_starts,
            rows.n_rows,
            rows.total_weight,
            target,
            paths,
        )
        if watch.end_round(found) or found.agreeing >= _needed(found):
            break
    return found


def _needed(found):
    """Arms that have to agree: more where the search meets many optima near the best.

    One more than there are such optima: where each arm finds another one, three of them
    may well agree on the second best.
    """
    near = np.sort(found.objective[found.objective > found.objective[0] - _NEAR])[::-1]
    n_optima = 1 + int((near[:-1] - near[1:] > SAME).sum())
    return max(_AGREEMENT, n_optima + 1)


def penalized(model, target):
    """The model under the penalized likelihood in which optima compete."""
    if model.bounded:
        return model
    return model.with_rule(
        strength=_STRENGTH, target=max(target, model.regressions.rule.floor)
    )


def _short_runs(model, pool, rng, number):
    """Short EM runs of all arms in one batch, by successive halving.

    Returns
    -------
    common : Params
        The best start of each of the two common-scale arms.
    own : Params
        The two best starts of the own-scales arm.
    paths : list of Path
    """
    n_components = model.n_components
    kinds = [spread_regressions, soft_partitions]
    if number > 1:
        kinds.append(peeled_regressions)
    each = 2 * _COMMON_STARTS // len(kinds)
    n_own = _own_starts(pool, model.n_components)
    starts = [kind(pool, n_components, each, rng) for kind in kinds]
    starts.append(soft_partitions(pool, n_components, n_own, rng))
    params = concatenate(starts)
    # Starts of a kind are independent: half of them belong to each common-scale arm.
    arm = np.tile(np.repeat([0, 1], each // 2), len(kinds))
    arm = np.append(arm, np.full(n_own, 2))
    everyone = [_ARMS[a] for a in arm]
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
    paths = _paths(everyone, number, 0, trace)
    return params.take(arm < 2), params.take(arm == 2), paths


def _paths(arms, number, first, trace):
    """Paths from a trace of EM, each up to where it ended."""
    return [
        Path(arm, number, first, loglik[~np.isnan(loglik)])
        for arm, loglik in zip(arms, trace.T, strict=True)
    ]


def _own_starts(pool, n_components):
    """Starts of the own-scales arm: twice as many where regressions are large."""
    return _OWN_STARTS * (2 if pool.p > 10 and n_components >= 4 else 1)


def _best(objective, n, among):
    """The `n` restarts of largest objective among the given ones."""
    return among[np.argsort(-objective[among], kind="stable")[:n]]


def _exchange(common, pool, arms, rng, max_rounds=6):
    """Settle the common-scale arms while replacing components of the best one.

    Each component in turn is taken away, the others settle, candidates are inserted;
    this is repeated as long as it raises the likelihood.

    Returns
    -------
    arms : Params
        The two arms, settled.
    objective : ndarray of shape (2,)
    """
    n_components = arms.n_components
    fewer = common.resized(n_components - 1)
    # Small data can afford, and scarce data need, a wider choice of candidates.
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
        tried = _settle(common, pool.rows, concatenate([arms, *rivals]))
        best = int(tried.objective[:2].argmax())
        winner = int(tried.objective.argmax())
        better = tried.objective[winner] > tried.objective[best] + SAME
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
    proposals = _prepare(common, proposals)
    run = em(common, pool.rows, proposals, max_iter=6)
    quarter = max(3, len(run.objective) // 4)
    return run.params.take(np.argsort(-run.objective, kind="stable")[:quarter])


def _grown(common, pool, rng, keep):
    """A mixture grown from the pooled regression, one component at a time."""
    grown = pool.pooled
    for size in range(2, common.n_components + 1):
        model = common.resized(size)
        rivals = _inserted(model, pool, grown, rng, keep)
        settled = _settle(model, pool.rows, rivals)
        grown = settled.params.take(int(settled.objective.argmax()))
    return grown


def _settle(model, rows, params):
    """Converge a batch: EM until it slows down, then Newton."""
    return _climbed(model, rows, em(model, rows, params, max_iter=20, tol=_SLOW))


def _climbed(model, rows, run):
    """What is left to climb after EM, by Newton."""
    settled = polish(model, rows, run.params, tol=_SETTLED, max_iter=15)
    return settled._replace(n_iter=settled.n_iter + run.n_iter)


def _prepare(model, params):
    """Starts that obey the constraints, which may tell components apart."""
    return model.constrain(model.assign(params))


def _best_roles(model, rows, params):
    """The order of components that raises the likelihood most, for every restart.

    Where constraints tell components apart, a mixture with two roles exchanged may be
    another local optimum, and the nearest roles of a start need not be the best.
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
    """Order optima by penalized likelihood, those that are degenerate last.

    Returns the optima, their objectives, and how many arms agree on the first.
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
        if value > objective[0] - SAME and optimum.degenerate == optima[0].degenerate
    }
    return optima, objective, len(agreeing)
