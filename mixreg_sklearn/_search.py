"""The search for the best optimum: rounds of independent arms until three agree.

No kind of start is safe alone. The *common-scale* arms search under one variance for
all components, where the likelihood is bounded and no optimum is spurious; the
*own-scales* arm starts from soft random labels, where a component may tighten on its
rows while the others stay broad. What they find competes under a penalised likelihood,
and the search ends when three independent arms have found the same best optimum.
"""

from typing import NamedTuple

import numpy as np

from ._em import em
from ._newton import polish
from ._params import Params, concatenate
from ._starts import (
    Pool,
    insertions,
    peeled_regressions,
    soft_partitions,
    spread_regressions,
)

# Objectives closer than this, in nats, are the same optimum.
SAME = 0.05
# Independent arms that have to find the best optimum before the search is over.
_AGREEMENT = 3
# Pseudo-observations of the penalty under which optima compete.
_STRENGTH = 1.0
_SETTLED = 1e-6


class Optimum(NamedTuple):
    """One local optimum and who found it."""

    params: Params
    loglik: float
    arm: str
    round: int
    n_iter: int
    starved: bool


class Search(NamedTuple):
    """What a search found.

    Attributes
    ----------
    optima : list of Optimum
        Best first, one for each arm and round that found it.
    objective : ndarray of shape (len(optima),)
        Penalised log-likelihoods under which they are ranked.
    agreeing : int
        Independent arms that found the best one.
    n_rounds : int
    target : float
        Pooled variance of the best common-scale optimum.
    """

    optima: list
    objective: np.ndarray
    agreeing: int
    n_rounds: int
    target: float


def search(model, rows, pooled, n_components, rng, *, max_rounds, watch):
    """Look for the best optimum of a mixture.

    Parameters
    ----------
    model : Mixture
        As it is to be estimated; its scale rule gives `tied` and `floor`.
    rows : ArrayRows
        Search sample in canonical order.
    pooled : Params
        The fitted mixture of one component.
    n_components : int
        At least two.
    rng : numpy.random.Generator
    max_rounds : int
    watch : callable
        ``watch(round, search)`` after every round; a true value ends the search.

    Returns
    -------
    Search
    """
    pool = Pool(rows, pooled)
    optima, target, best_common = [], None, -np.inf
    for number in range(1, max_rounds + 1):
        common = _common_scale_arms(model, pool, n_components, rng, number)
        if common.objective.max() > best_common + _SETTLED or target is None:
            best_common = common.objective.max()
            best = common.params.take(int(common.objective.argmax()))
            target = float((np.exp(best.log_weights) * best.scale**2).sum())
        own = _own_scales_arm(model, pool, n_components, rng)
        arms = ["common scale"] * common.params.n_restarts
        arms += ["own scales"] * own.n_restarts
        competing = penalised(model, target)
        settled = _settle(
            competing, rows, concatenate([common.params, own]), max_iter=100
        )
        penalty = np.broadcast_to(competing.penalty(settled.params), len(arms))
        poor = starved(competing, rows, settled.params)
        for r, arm in enumerate(arms):
            optima.append(
                Optimum(
                    settled.params.take(r),
                    float(settled.objective[r] - penalty[r]),
                    arm if arm == "own scales" else f"{arm} {r + 1}",
                    number,
                    int(settled.n_iter[r]),
                    bool(poor[r]),
                )
            )
        found = _rank(optima, competing, number, target)
        if watch(number, found) or found.agreeing >= _AGREEMENT:
            break
    return found


def penalised(model, target):
    """The model under the penalised likelihood in which optima compete."""
    if model.rule.tied:
        return model
    return model.with_rule(strength=_STRENGTH, target=max(target, model.rule.floor))


def starved(model, rows, params):
    """Restarts with a component of fewer rows than it has coefficients, plus one.

    Such an optimum is often spurious where variances differ. Under a common variance
    the likelihood is bounded and decides alone.
    """
    if model.rule.tied:
        return np.zeros(params.n_restarts, dtype=bool)
    smallest = np.exp(params.log_weights).min(axis=1) * rows.total_weight
    return smallest < model.sharing.n_specific + 1


def _common_scale_arms(model, pool, n_components, rng, number):
    """Two independent arms by successive halving; the better one tries exchanges."""
    common = model.with_rule(tied=True)
    kinds = [spread_regressions, soft_partitions]
    if number > 1:
        kinds.append(peeled_regressions)
    each = 6 // len(kinds)
    arms = concatenate(
        [kind(pool, n_components, each, rng) for _ in range(2) for kind in kinds]
    )
    arms = _constrain(common, arms)
    for n_iter, keep in ((5, 3), (10, 1)):
        run = em(common, pool.rows, arms, max_iter=n_iter)
        halves = np.split(np.argsort(-run.objective.reshape(2, -1), axis=1), 2)
        size = len(run.objective) // 2
        chosen = [half[0, :keep] + i * size for i, half in enumerate(halves)]
        arms = run.params.take(np.concatenate(chosen))
    settled = _settle(common, pool.rows, arms)
    return _exchange(common, pool, settled, rng)


def _exchange(common, pool, settled, rng, max_rounds=6):
    """Replace components of the best restart as long as that raises its likelihood.

    Each component in turn is taken away, the others settle, a newcomer is inserted.
    """
    best = int(settled.objective.argmax())
    n_components = settled.params.scale.shape[1]
    fewer = common.resized(n_components - 1)
    # Small data can afford, and scarce data need, a wider choice of newcomers.
    keep = int(np.clip(12_000 // (n_components * pool.Z.size), 2, 8))
    for _ in range(max_rounds):
        reduced = settled.params.take(best).without_each()
        reduced = em(fewer, pool.rows, reduced, max_iter=10).params
        proposals = insertions(pool, reduced, rng, keep=keep)
        run = em(common, pool.rows, _constrain(common, proposals), max_iter=6)
        half = max(3, len(run.objective) // 2)
        few = run.params.take(np.argsort(-run.objective, kind="stable")[:half])
        tried = _settle(common, pool.rows, few)
        winner = int(tried.objective.argmax())
        gain = tried.objective[winner] - settled.objective[best]
        if not gain > SAME:
            break
        params = settled.params.put(slice(best, best + 1), tried.params.take(winner))
        objective = settled.objective.copy()
        objective[best] = tried.objective[winner]
        settled = settled._replace(params=params, objective=objective)
    return settled


def _own_scales_arm(model, pool, n_components, rng):
    """The two best of many soft starts whose variances differ from the beginning."""
    n_starts = 24 if pool.p > 10 and n_components >= 4 else 12
    own = model.with_rule(ratio=1e-2)
    starts = _constrain(own, soft_partitions(pool, n_components, n_starts, rng))
    run = em(own, pool.rows, starts, max_iter=15)
    return run.params.take(np.argsort(-run.objective, kind="stable")[:2])


def _settle(model, rows, params, max_iter=20):
    """Converge a batch: EM until it slows down, then Newton."""
    run = em(model, rows, params, max_iter=max_iter, tol=1e-6)
    settled = polish(model, rows, run.params, tol=_SETTLED, max_iter=15)
    return settled._replace(n_iter=settled.n_iter + run.n_iter)


def _constrain(model, params):
    """Starts with coefficients that obey the sharing and scales that obey the rule."""
    scale = params.scale
    if model.rule.tied:
        weights = np.exp(params.log_weights)
        pooled = (weights * scale**2).sum(axis=1, keepdims=True)
        scale = np.sqrt(np.broadcast_to(pooled, scale.shape))
    scale = np.maximum(scale, np.sqrt(model.rule.floor))
    return params._replace(coef=model.sharing.project(params.coef), scale=scale)


def _rank(optima, competing, n_rounds, target):
    """Order optima by penalised likelihood, those with a starved component last."""
    penalties = [np.sum(competing.penalty(o.params)) for o in optima]
    objective = np.array([o.loglik for o in optima]) + penalties
    order = sorted(range(len(optima)), key=lambda i: (optima[i].starved, -objective[i]))
    objective = objective[order]
    optima = [optima[i] for i in order]
    same = [
        o for o, v in zip(optima, objective, strict=True) if v > objective[0] - SAME
    ]
    agreeing = len({(o.round, o.arm) for o in same if o.starved == optima[0].starved})
    return Search(optima, objective, agreeing, n_rounds, target)
