"""From a problem to estimates: search on a sample, passes on all rows, last fits."""

from typing import NamedTuple

import numpy as np

from .._blas import threads_for_fits
from .climb import Climb, climb
from .mixture import fit_experts, fit_gate, memberships_by
from .search import Found, search
from .starts import make_starts

# Rows that starts are compared on, with folds and without.
_SAMPLE, _LARGE_SAMPLE = 4000, 20_000


class Estimate(NamedTuple):
    """Estimates, with components in their final order."""

    experts: list
    gate: object
    end: Climb
    found: Found | None  # the search, if there was one


def estimate(problem, n_starts, limits, n_jobs, seed, progress):
    """Find memberships, and fit experts and gate to all rows. -> Estimate."""
    model, rows, found = problem.model, problem.rows, None
    if problem.start is not None or model.n_components == 1:
        start = problem.start
        if start is None:
            start = np.ones((rows.n_units, 1))
    else:
        sample = _sample(rows)
        starts = _starts(model, sample, n_starts, seed)
        found = search(model, sample, starts, limits, n_jobs, progress.start_done)
        start = _extended(model, sample, found.places[0].end, rows)
    end = climb(model, rows, start, limits, progress.pass_done)
    if not model.roles:
        order = np.argsort(-end.last.weights, kind="stable")
        end = end.reordered(order)
    every = np.arange(len(rows.y))
    experts = fit_experts(model, rows, every, end.given)
    gate = model.gate and fit_gate(model, rows, rows.units_of(every), end.given)
    return Estimate(experts, gate, end, found)


def _starts(model, rows, n_starts, seed):
    """Starts from one row of each kind, as weights are the same as repetition."""
    few, kind = rows.distinct()
    with threads_for_fits(len(few.y)):
        starts = make_starts(model, few, n_starts, seed)
    return [start._replace(memberships=start.memberships[kind]) for start in starts]


def _sample(rows):
    """Units with the smallest hashes, in whose order they are, as many as search."""
    most = _LARGE_SAMPLE if rows.fold is None else _SAMPLE
    counts = np.cumsum(rows.sum(np.ones(len(rows.y))))
    return rows.take(np.arange(max(1, np.searchsorted(counts, most, side="right"))))


def _extended(model, sample, end, rows):
    """Memberships of all units by estimators fitted to a sample of them."""
    if sample is rows:
        return end.last.memberships
    every = np.arange(len(sample.y))
    experts = fit_experts(model, sample, every, end.given)
    gate = model.gate and fit_gate(model, sample, sample.units_of(every), end.given)
    return memberships_by(experts, gate, end.last, rows)
