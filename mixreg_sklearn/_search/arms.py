"""The search for the best optimum: rounds of independent arms until three agree.

No kind of start is reliable alone. The *common-scale* arms search under one variance
for all components, where the likelihood is bounded and no optimum is spurious; the
*own-scales* arm starts from soft random labels, and the *robust* arm from regressions
that outliers cannot spoil, each with its own scale. Their optima compete under a
penalized likelihood. Where passes are cheap, all starts converge, not only the winners
of the arms: how often each optimum is found tells how likely another is still unseen.
"""

from itertools import permutations
from typing import NamedTuple

import numpy as np

from .._engine.em import em
from .._engine.params import concatenate
from .climbs import climbs_of
from .exchange import exchange
from .heats import ARMS, LATER, SHORT, cost_of, short_runs
from .optima import SAME_OPTIMUM, chance_of_new, merged, optima_of
from .pool import Pool
from .prices import with_penalty

# Independent arms that must find the best optimum before the search ends.
_AGREEMENT = 3
# Optima within this distance of the best, in nats, are its rivals.
_NEAR = 5.0


class Ending(NamedTuple):
    """When a search ends."""

    unlikely: float  # with agreement: chance of a better optimum
    patience: int  # without: rounds in vain


# Where passes are cheap, rounds have more starts, and more of them are affordable.
_THOROUGH, _QUICK = Ending(0.001, 4), Ending(0.01, 2)


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
    target: np.ndarray  # (m,), pooled variances of the best common-scale optimum
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
        return chance_of_new(self.rivals, self.n_starts) / (self.rivals + 1)

    @property
    def rivals(self):
        """Optima near the best, and the best."""
        least = self.optima[0].standing - _NEAR
        return sum(optimum.standing > least for optimum in self.optima)

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
    """Look for the best optimum of a mixture of at least two shares. -> Search.

    `rows` are the search sample in canonical order, `pooled` is the fitted mixture of
    one component. ``watch.begin_round()`` is called before every round, and
    ``watch.end_round(search)`` after it; a true value of the latter ends the search.
    """
    pool = Pool(model, rows, pooled)
    tied = model.with_rule(tied=True)
    optima, paths, target, best_common = [], [], None, -np.inf
    n_starts, ending = 0, _QUICK if cost_of(pool, model) > LATER else _THOROUGH
    for number in range(1, limits.max_rounds + 1):
        watch.begin_round()
        heat = short_runs(model, pool, rng, number)
        n_starts += len(heat.starts_arm)
        arm = heat.arm[: heat.winners.n_restarts]
        common = exchange(tied, pool, heat.winners.take(arm < 2), rng, number)
        if common.objective.max() > best_common:
            best_common = common.objective.max()
            best = common.params.take(int(common.objective.argmax()))
            target = model.regressions.scales(best)[0, 0] ** 2
        climbing = with_penalty(model, target)
        ranking = with_penalty(model, target, limits.scale_penalty)
        winners = concatenate([common.params, heat.winners.take(arm >= 2)])
        winners = _best_roles(climbing, rows, winners)
        starts = winners, heat.others, heat.arm, heat.hits
        climbs, trace = climbs_of(model, climbing, rows, *starts)
        paths += _paths(heat.starts_arm, number, 0, heat.trace)
        paths += _paths(arm, number, SHORT, trace)
        optima = merged(optima + optima_of(climbs, number, ARMS), climbing, ranking)
        sample = rows.n_rows, rows.total_weight
        result = Search(optima, number, n_starts, *sample, target, ending, paths)
        if result.rivals > 1 or not result.settled:
            optima += _exchanged(model, climbing, pool, optima, number, rng)
            optima = merged(optima, climbing, ranking)
            result = result._replace(optima=optima)
        if watch.end_round(result) or result.settled or result.stalled:
            break
    return result


def _exchanged(model, climbing, pool, optima, number, rng):
    """Another optimum by exchanges of components of the best one, if there is one.

    The best one is that under the usual penalty, whatever ranks the optima: so a higher
    maximum that is passed over is also found where none is.
    """
    best = max(optima, key=lambda each: each.standing_under(climbing))
    final = exchange(climbing, pool, best.params, rng, number)
    none = final.params.take([])
    arm, hits = np.zeros(1, dtype=int), np.ones(1, dtype=int)
    climbs, _ = climbs_of(model, climbing, pool.rows, final.params, none, arm, hits)
    if abs(climbs.loglik[0] - best.loglik) < SAME_OPTIMUM:
        return []
    return optima_of(climbs, number, ("exchange",))


def _paths(arm, number, first, trace):
    """Paths from a trace (passes, R) of EM, which is NaN after the end of a run."""
    return [
        Path(ARMS[a], number, first, loglik[~np.isnan(loglik)])
        for a, loglik in zip(arm, trace.T, strict=True)
    ]


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
