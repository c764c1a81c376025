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
    handicap: float  # nats, see `flaws.handicap`

    @property
    def degenerate(self):
        """Whether a component collapses or is nearly empty."""
        return self.handicap > 0

    @property
    def standing(self):
        """Objective less handicap, by which optima are ranked."""
        return self.objective - self.handicap

    def joined(self, other):
        """The same optimum, found again."""
        return self._replace(hits=self.hits + other.hits, arms=self.arms | other.arms)


def optima_of(final, loglik, arms, handicap):
    """Distinct optima of a batch of climbs, best first.

    Parameters
    ----------
    final : Polished
    loglik : ndarray of shape (R,)
    arms : list of R tuple
        Pairs (round, arm).
    handicap : ndarray of shape (R,)
    """
    optima = []
    for r in _order(final.objective, handicap):
        value, lag = float(final.objective[r]), float(handicap[r])
        if optima and _same(optima[-1], value, lag):
            last = optima[-1]
            optima[-1] = last._replace(hits=last.hits + 1, arms=last.arms | {arms[r]})
            continue
        params, found = final.params.take(int(r)), frozenset([arms[r]])
        n_iter = int(final.n_iter[r])
        optima.append(Optimum(params, float(loglik[r]), value, 1, found, n_iter, lag))
    return optima


def merged(optima, competing):
    """Optima of several rounds without repetitions, best first, by one objective."""
    penalty = competing.penalty(concatenate([o.params for o in optima]))
    objective = np.array([o.loglik for o in optima]) + penalty
    kept = []
    for i in _order(objective, np.array([o.handicap for o in optima])):
        optimum = optima[i]._replace(objective=float(objective[i]))
        if kept and _same(kept[-1], optimum.objective, optimum.handicap):
            kept[-1] = kept[-1].joined(optimum)
        else:
            kept.append(optimum)
    return kept


def _order(objective, handicap):
    """Indices by decreasing standing, then by decreasing objective."""
    return np.lexsort((-objective, handicap - objective))


def _same(optimum, objective, handicap):
    near = abs(optimum.objective - objective) < SAME_OPTIMUM
    return near and (optimum.handicap > 0) == (handicap > 0)
