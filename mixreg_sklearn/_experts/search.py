"""Which of the places where passes of EM end is best, and how often it was found."""

from itertools import islice, permutations
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.utils.parallel import Parallel, delayed

from .climb import Climb, Limits, climb, distance
from .mixture import run_pass, standing

# Passes of all starts, and then of the best places, with folds (where a pass takes many
# fits) and without.
_FOLDED, _WHOLE = (3, 7), (10, 20)
# Places that go on.
_FINALISTS = 2
# Mean distance of memberships below which two ends are one place.
_SAME = 0.1
# Assignments of components to different experts that are tried at a start.
_MOST_ROLES = 24


class Place(NamedTuple):
    """Where passes end, and the starts that led there."""

    end: Climb
    kinds: tuple  # kinds of these starts
    number: int  # of the first of them


class Found(NamedTuple):
    """The result of a search."""

    places: list  # best first
    paths: list  # triples (kind, number of the first pass, log-likelihoods by pass)
    n_starts: int
    n_rows: int
    weight: float  # of the units searched

    @property
    def agreed(self):
        """Whether more than one start found the best place."""
        return len(self.places[0].kinds) > 1


def search(model, rows, starts, limits, n_jobs, report):
    """Run passes from every start, and compare where they end. -> Found.

    After a few passes, starts that are at one place go on as one, and the best places
    alone.
    """
    weight, places, paths = rows.weight[rows.first], [], []
    first, further = (
        Limits(min(most, limits.max_iter), limits.tol)
        for most in (_WHOLE if rows.fold is None else _FOLDED)
    )
    parallel = Parallel(n_jobs=n_jobs, return_as="generator")
    memberships = [start.memberships for start in starts]
    ends = parallel(delayed(_begun)(model, rows, each, first) for each in memberships)
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        paths.append((start.kind, 1, end.path))
        places = _joined(model, places, Place(end, (start.kind,), number), weight)
        if report(start, end, places[0]):  # a callback has seen enough
            break
    going, places = places[:_FINALISTS], places[_FINALISTS:]
    ends = parallel(delayed(_gone_on)(model, rows, each.end, further) for each in going)
    for place, end in zip(going, ends, strict=True):
        start, before = starts[place.number], len(place.end.path)
        if len(end.path) > before:
            paths.append((start.kind, 1 + before, end.path[before:]))
        places = _joined(model, places, place._replace(end=end), weight)
        report(start, end, places[0])
    return Found(places, paths, len(starts), len(rows.y), float(weight.sum()))


def _begun(model, rows, memberships, limits):
    """Passes from a start."""
    return climb(model, rows, _in_roles(model, rows, memberships), limits)


def _gone_on(model, rows, end, limits):
    """More passes from where some ended, unless memberships had settled."""
    if end.settled:
        return end
    further = climb(model, rows, end.last.memberships, limits)
    best = max(further, end, key=lambda each: standing(each.last))
    return best._replace(path=np.append(end.path, further.path))


def _in_roles(model, rows, memberships):
    """Memberships with components assigned to the experts that suit them best."""
    if not model.roles or rows.evidence is not None:
        return memberships
    orders = islice(permutations(range(model.n_components)), _MOST_ROLES)
    candidates = [memberships[:, order] for order in orders]
    likelihoods = [run_pass(model, rows, each).log_likelihood for each in candidates]
    return candidates[int(np.argmax(likelihoods))]


def _joined(model, places, new, weight):
    """Places with one more, or with the better end of two that are the same."""
    for i, place in enumerate(places):
        if _gap(model, place.end, new.end, weight) < _SAME:
            best = max(place, new, key=lambda each: standing(each.end.last))
            joined = best._replace(kinds=place.kinds + new.kinds)
            places = [*places[:i], joined, *places[i + 1 :]]
            break
    else:
        places = [*places, new]
    return sorted(places, key=lambda each: standing(each.end.last), reverse=True)


def _gap(model, ours, theirs, weight):
    """Distance of memberships where passes ended, under the best numbering."""
    ours, theirs = ours.last.memberships, theirs.last.memberships
    if not model.roles:
        overlap = (weight[:, None] * ours).T @ theirs
        theirs = theirs[:, linear_sum_assignment(overlap, maximize=True)[1]]
    return distance(ours, theirs, weight)


def search_record(found, scale):
    """A search as the dict `search_`; log-likelihoods are multiplied by `scale`."""
    best = found.places[0].end.last
    optima = [
        {
            "log_likelihood": scale * place.end.last.log_likelihood,
            "hits": len(place.kinds),
            "starts": sorted(set(place.kinds)),
            "iterations": len(place.end.path),
            "degenerate": place.end.last.degenerate,
            "settled": bool(place.end.settled),
            "passed_over": _passed_over(place.end.last, best),
        }
        for place in found.places
    ]
    paths = [
        {
            "arm": kind,
            "round": 1 + (first > 1),
            "first_iteration": first,
            "log_likelihood": scale * path,
        }
        for kind, first, path in found.paths
    ]
    return {
        "optima": optima,
        "paths": paths,
        "starts": found.n_starts,
        "agreed": found.agreed,
        "sample_rows": found.n_rows,
    }


def _passed_over(end, best):
    """Why a place of higher likelihood was not chosen, or None."""
    higher = end.log_likelihood > best.log_likelihood
    return "a component collapses, or has no rows" if higher else None
