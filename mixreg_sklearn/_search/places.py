"""Climbs that are at the same place, so that one may stand for all."""

import numpy as np

from .optima import SAME_OPTIMUM

# Restarts are at the same place if no number of theirs differs by more, for responses
# and features of variance one.
_SAME = 0.05


def stand_ins(params, objective, arms, hits, first):
    """Restarts that stand for others of the same arm at the same place.

    The `first` ones are kept; `hits` (R,) are the climbs for which each stands so far.
    The result are indices, and the hits of these.
    """
    logits = params.logits[:, : params.n_components]
    numbers = np.concatenate([params.coef, logits], axis=2)
    place = np.sort(numbers, axis=1).reshape(params.n_restarts, -1)
    kept, hits = list(range(first)), np.array(hits)
    for one in range(first, len(objective)):
        same = np.abs(objective[kept] - objective[one]) < SAME_OPTIMUM
        same &= np.abs(place[kept] - place[one]).max(axis=1) < _SAME
        same = np.flatnonzero(same & (arms[kept] == arms[one]))
        if len(same):
            hits[kept[same[0]]] += hits[one]
        else:
            kept.append(one)
    return np.array(kept), hits[kept]
