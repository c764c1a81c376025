"""The optima that a search has found, and what their frequencies say."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma

from .._engine.params import Params, concatenate

# Optima whose log-likelihoods differ by less than this, in nats, are the same.
SAME_OPTIMUM = 0.05


class Optimum(NamedTuple):
    """A local optimum, and how it was found."""

    params: Params  # a batch of one
    loglik: float  # of the search sample, without penalty
    objective: float  # penalized
    hits: int  # climbs that ended there
    arms: frozenset  # pairs (round, arm) that found it
    n_iter: int
    handicap: float  # nats, see `Climbs`
    degenerate: bool  # whether a component collapses or is nearly empty

    @property
    def standing(self):
        """Objective less handicap, by which optima are ranked."""
        return self.objective - self.handicap

    def standing_under(self, model):
        """Standing under the penalty of a model."""
        penalty = np.sum(model.penalty(self.params))
        return self.loglik + float(penalty) - self.handicap

    def joined(self, other):
        """The same optimum, found again."""
        return self._replace(
            hits=self.hits + other.hits,
            arms=self.arms | other.arms,
            handicap=min(self.handicap, other.handicap),
        )


def optima_of(climbs, number, names):
    """The optimum of every climb of round `number`; `names` are those of arms."""
    return [
        Optimum(
            climbs.params.take(r),
            float(climbs.loglik[r]),
            float(climbs.loglik[r]),
            int(climbs.hits[r]),
            frozenset([(number, names[climbs.arm[r]])]),
            int(climbs.n_iter[r]),
            float(climbs.handicap[r]),
            bool(climbs.degenerate[r]),
        )
        for r in range(len(climbs.loglik))
        if np.isfinite(climbs.handicap[r])
    ]


def merged(optima, climbing, ranking):
    """Optima of several rounds without repetitions, best first.

    The penalty of `ranking` ranks maxima of the likelihood; a degenerate optimum, which
    maximizes the penalized likelihood of `climbing`, keeps that penalty.
    """
    kept = []
    for optimum in sorted(optima, key=lambda optimum: -optimum.loglik):
        if kept and _same(kept[-1], optimum):
            kept[-1] = kept[-1].joined(optimum)
        else:
            kept.append(optimum)
    params = concatenate([optimum.params for optimum in kept])
    degenerate = np.array([optimum.degenerate for optimum in kept])
    penalty = np.where(degenerate, climbing.penalty(params), ranking.penalty(params))
    ranked = [
        optimum._replace(objective=optimum.loglik + float(value))
        for optimum, value in zip(kept, penalty, strict=True)
    ]
    return sorted(ranked, key=lambda optimum: -optimum.standing)


def _same(one, other):
    near = abs(one.loglik - other.loglik) < SAME_OPTIMUM
    return near and one.degenerate == other.degenerate


def chance_of_new(distinct, n):
    """Chance that the next start finds a new optimum, after n found distinct ones."""
    if distinct <= 1:
        return 0.0
    if distinct >= n:
        return 1.0

    def excess(log_theta):
        theta = np.exp(log_theta)
        return theta * (digamma(theta + n) - digamma(theta)) - distinct

    theta = np.exp(brentq(excess, -12.0, 25.0))
    return float(theta / (theta + n))
