"""Fits in which a lasso selects among many features: a few at a time.

Nearly all coefficients are zero, so that the mixture is found and proven among the
features that may have others, a *working set*. At its maximum one pass over the rows
gives the gradient in all features; those in which it exceeds the penalty join the set
(Massias, Gramfort & Salmon 2018). Where there are none left, the conditions of Karush,
Kuhn and Tucker hold for all features.
"""

from functools import partial
from operator import add
from typing import NamedTuple

import numpy as np

from .._engine.em import em
from .._engine.layout import layout_of
from .._engine.problem import Problem
from .estimate import climbed, estimate_found
from .outline import derivatives
from .pooled import fit_pooled

# Features up to which all are in the working set.
_WIDE = 30
# Features of the first working set, at most, and rows for each of them and component.
_FIRST, _ROWS_EACH = 40, 4
# Features that join at once, at least, and rounds in which some do.
_JOIN, _ROUNDS = 10, 30
# Passes of EM toward the maximum nearby, which Newton's method might leave for one of
# no features, and the gain of a pass that is near enough, in nats per row.
_NEAR_PASSES, _NEAR = 100, 1e-8
# Optima that are extended to all features.
_FINALISTS = 3
# The excess of a row over its expectation counts up to this multiple of a quantile.
_LIMIT, _USUAL = 3.0, 0.9
# A gradient exceeds its penalty by more than this fraction, or by rounding.
_SLACK = 1e-7


def is_wide(problem):
    """Whether a lasso selects among so many features that few are looked at."""
    penalties, family = problem.structure.penalties, problem.structure.family
    selects = penalties is not None and penalties.selects
    many = len(problem.structure.features[0]) > _WIDE
    return selects and many and len(family.responses) == 1


def estimate_selected(problem, start, rng, limits, watch):
    """The problem of the features that are needed, and its Estimate.

    It begins at a `start` of the whole problem, or with a search (None).
    """
    whole = whole_set(problem)
    if start is not None:
        first = whole.of(whole.used_in(start))
        end, estimate = first.extended(whole.moved(start, first.features), limits)
        return end.narrow, estimate
    first = whole.of(promising(whole))
    found = estimate_found(first.narrow, rng, limits, watch.about(first.narrow))
    starts = [found.polished.params]
    if found.search is not None and found.search.n_rows == problem.rows.n_rows:
        optima = found.search.optima[1:_FINALISTS]
        starts += [optimum.params for optimum in optima if not optimum.degenerate]
    ends = [first.extended(start, limits) for start in starts]
    end, estimate = max(ends, key=lambda end: _standing(*end))
    return end.narrow, estimate._replace(search=found.search)


def _standing(at, estimate):
    """The objective by which extended optima compete; flawed ones come last."""
    params = estimate.polished.params
    value = estimate.polished.objective[0] + np.sum(at.narrow.model.penalty(params))
    return -np.inf if estimate.flaw else float(value)


class WorkingSet(NamedTuple):
    """Some of the features of a problem, all others without coefficients.

    Attributes
    ----------
    whole, narrow : Problem
        Of all features, and of these.
    features : ndarray of int of shape (d',)
        Places among all features, sorted.
    """

    whole: Problem
    narrow: Problem
    features: np.ndarray

    @property
    def n_all(self):
        return len(self.whole.structure.features[0])

    @property
    def intercept(self):
        """Columns before those of the features, 0 or 1."""
        return int(self.whole.frame.design.intercept)

    @property
    def columns(self):
        """Where the coefficients of its features are among those of a component."""
        return slice(self.intercept, self.intercept + len(self.features))

    def penalized(self, alpha):
        """The same set under other strengths of the penalty, (K,)."""
        problems = (problem.penalized(alpha) for problem in self[:2])
        return WorkingSet(*problems, self.features)

    @property
    def fewest(self):
        """The set of no feature, or of one where there is no intercept."""
        return self.of(np.arange(1 - self.intercept))

    def of(self, features):
        """The working set of other features."""
        return WorkingSet(self.whole, self.whole.narrowed(features), features)

    def used_in(self, params):
        """Features (d'',) with a coefficient that is not zero."""
        return self.features[(params.coef[0][:, self.columns] != 0).any(axis=0)]

    def n_used(self, params):
        """Coefficients of the features that are not zero."""
        return int((params.coef[0][:, self.columns] != 0).sum())

    def moved(self, params, features):
        """Parameters for other features, zero where they are new."""
        mine, coef = self.columns, np.zeros((*params.coef.shape[:2], self.n_all))
        coef[..., self.features] = params.coef[..., mine]
        before, after = params.coef[..., : mine.start], params.coef[..., mine.stop :]
        parts = before, coef[..., features], after
        return params._replace(coef=np.concatenate(parts, axis=2))

    def excess(self, params, model):
        """By how much gradients of other features exceed penalties, relative, (d,).

        `model` is the whole mixture, or that of one component.
        """
        if not self.whole.structure.penalties.selects:
            return np.zeros(self.n_all)
        params = self.moved(params, np.arange(self.n_all))
        gradient = self.whole.rows.sum(model.gradient, params).gradient
        of_coef, *_ = layout_of(params).split(gradient)
        (slopes, _), _ = model.regressions.penalty_derivatives(params)
        place = model.regressions.predictors[0]
        excess = model.regressions.sharings[0].excess(
            params.coef[..., place], (of_coef + slopes)[..., place]
        )[self.intercept :]
        excess[self.features] = 0.0
        return np.where(excess > _SLACK, excess, 0.0)

    def joined(self, params, excess):
        """The set with other features that exceed their penalties, and parameters."""
        used = self.used_in(params)
        wider = np.union1d(used, _largest(excess, max(_JOIN, len(used) // 2)))
        return self.of(wider), self.moved(params, wider)

    def extended(self, start, limits, most=np.inf):
        """Climb, and let features join, until no other has a reason to.

        It ends where more than `most` coefficients are not zero, too.

        -> the last working set, and its Estimate.
        """
        at = self
        for _ in range(_ROUNDS):
            model, rows = at.narrow.model, at.narrow.rows
            run = em(model, rows, start, max_iter=_NEAR_PASSES, tol=_NEAR)
            estimate = climbed(model, rows, run.params, limits)
            params = estimate.polished.params
            excess = at.excess(params, at.whole.model)
            if not excess.any() or estimate.flaw:
                return at, estimate
            if at.n_used(params) > most:
                break
            at, start = at.joined(params, excess)
        # Not all conditions hold, so nothing is proven.
        polished = estimate.polished
        polished = polished._replace(converged=np.zeros_like(polished.converged))
        return at, estimate._replace(polished=polished)


def whole_set(problem):
    """The working set of all features."""
    every = np.arange(len(problem.structure.features[0]))
    return WorkingSet(problem, problem, every)


def _largest(values, number):
    """Places of the largest positive values, at most so many."""
    order = np.argsort(-values, kind="stable")[:number]
    return order[values[order] > 0]


def promising(whole):
    """Features of the first working set, indices (d',).

    Those of the pooled regression, those with the largest gradients there, and those
    along which squared residuals vary more than one regression leads to expect.
    """
    problem, K = whole.whole, whole.whole.model.n_components
    size = int(np.clip(problem.rows.n_rows // (_ROWS_EACH * K), 5, _FIRST))
    pooled = _pooled(whole, size)
    signs = problem.rows.sum(partial(_signs, problem.pooled_model), pooled)
    at = whole.columns
    coef = np.abs(pooled.coef[0, 0, at])
    chosen = set(_largest(coef, size // 2).tolist())
    pairs = zip(
        *(np.argsort(-np.abs(each[at]), kind="stable") for each in signs), strict=True
    )
    for pair in pairs:
        if len(chosen) >= size:
            break
        chosen |= set(map(int, pair))
    return np.sort(np.array(list(chosen)))


def _pooled(whole, size):
    """One regression of all features, of which about `size` or fewer enter."""
    model = whole.whole.pooled_model
    at = whole.fewest
    for _ in range(_ROUNDS):
        pooled = fit_pooled(at.narrow.pooled_model, at.narrow.rows)
        joining, used = _largest(at.excess(pooled, model), _JOIN), at.used_in(pooled)
        if not len(joining) or len(used) >= size:
            break
        at = at.of(np.union1d(used, joining))
    return at.moved(pooled, np.arange(whole.n_all))


class _Signs(NamedTuple):
    """Sums over rows, for every column. They add."""

    slope: np.ndarray
    varied: np.ndarray

    def __add__(self, other):
        return _Signs(*map(add, self, other))


def _signs(alone, params, block):
    """The _Signs of a block at a single regression."""
    slope, bend, _ = derivatives(alone, 0, params, block)
    z, weight = block.columns[0], block.weight
    # Rows far from all others would have features of their own.
    excess = slope**2 + bend
    limit = _LIMIT * np.quantile(np.abs(excess), _USUAL)
    excess = np.clip(excess, -limit, limit)
    excess = excess - (excess @ weight) / weight.sum()
    return _Signs(z.cross(weight * slope), z.squares(weight * excess))
