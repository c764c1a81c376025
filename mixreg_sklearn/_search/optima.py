"""The optima that a search has found, and what their frequencies say."""

from typing import NamedTuple

import numpy as np

from .._engine.params import Params, concatenate

# Optima whose objectives differ by less than this, in nats, are the same.
SAME_OPTIMUM = 0.05


class Optimum(NamedTuple):
    """A local optimum, and how it was found."""

    params: Params  # a batch of one
    loglik: float  # of the search sample, without penalty
    objective: float  # penalized
    hits: int  # climbs that ended there
    arms: frozenset  # pairs (round, arm) that found it
    n_iter: int
    degenerate: bool

    def joined(self, other):
        """The same optimum, found again."""
        return self._replace(
            hits=self.hits + other.hits, arms=self.arms | other.arms
        )


def optima_of(final, loglik, arms, poor):
    """Distinct optima of a batch of climbs, best first.

    Parameters
    ----------
    final : Polished
    loglik : ndarray of shape (R,)
    arms : list of R tuple
        Pairs (round, arm).
    poor : ndarray of bool of shape (R,)
    """
    optima = []
    for r in _order(final.objective, poor):
        value, degenerate = float(final.objective[r]), bool(poor[r])
        again = optima and _same(optima[-1], value, degenerate)
        if again:
            last = optima[-1]
            optima[-1] = last._replace(hits=last.hits + 1, arms=last.arms | {arms[r]})
            continue
        optima.append(
            Optimum(
                final.params.take(int(r)),
                float(loglik[r]),
                value,
                1,
                frozenset([arms[r]]),
                int(final.n_iter[r]),
                degenerate,
            )
        )
    return optima


def merged(optima, competing):
    """Optima of several rounds without repetitions, best first, by one objective."""
    penalty = competing.penalty(concatenate([o.params for o in optima]))
    objective = np.array([o.loglik for o in optima]) + penalty
    kept = []
    for i in _order(objective, np.array([o.degenerate for o in optima])):
        optimum = optima[i]._replace(objective=float(objective[i]))
        if kept and _same(kept[-1], optimum.objective, optimum.degenerate):
            kept[-1] = kept[-1].joined(optimum)
        else:
            kept.append(optimum)
    return kept


def _order(objective, degenerate):
    """Indices by decreasing objective, degenerate optima last."""
    return np.lexsort((-objective, degenerate))


def _same(optimum, objective, degenerate):
    near = optimum.objective - objective < SAME_OPTIMUM
    return near and optimum.degenerate == degenerate
