r"""Fits along a path of penalties, each from its neighbor.

A penalty of one strength in all components would hold back those of small scale more.
Therefore a *level* z of the path stands for strengths that adapt to a fit: with
:math:`I_k` the information that the rows of component k have on a standardized
coefficient (gaussian: :math:`n_k / \sigma_k^2`), the lasso is
:math:`n \alpha_k = z \sqrt{I_k}`, so that a feature enters where its correlation with
the residuals is z standard errors. At the maximum the strengths are fixed, and it is
proven for them.
"""

from typing import NamedTuple

import numpy as np

from .._engine.em import em
from .._engine.problem import Problem
from .estimate import Estimate, estimate_found
from .pooled import fit_pooled
from .selected import WorkingSet, promising, whole_set

# Level at which a mixture is looked for, almost without a penalty, and at which the
# path begins: chance correlations end there.
_SEARCHED, _BEGUN = 0.5, 3.0
# The lowest level, as a share of the highest, and at least.
_LOWEST_SHARE, _LOWEST = 0.05, 1.0
# Passes between strengths, how often these adapt, and when they no longer change.
_PASSES, _ADAPTED, _SAME = 5, 8, 0.01
# A pass that gains less ends a run, in nats per row.
_SLOW = 1e-9
# A path ends where coefficients are more than this share of the rows.
_DENSE = 0.5


class Step(NamedTuple):
    """A fit of a path."""

    level: float
    alpha: np.ndarray  # (K,)
    at: WorkingSet
    estimate: Estimate

    @property
    def problem(self) -> Problem:
        """That of the features that are needed."""
        return self.at.narrow

    @property
    def n_used(self):
        """Coefficients that are not zero."""
        return self.at.n_used(self.estimate.polished.params)


def path(problem, n_levels, rng, limits, watch):
    """The Steps of a path, from the strongest penalty on, a list.

    It begins at a mixture that a search finds among the most promising features, and
    goes in both directions: up to the level of no features, and down until
    coefficients are half as many as rows.
    """
    whole = whole_set(problem)
    at, params, search = _begin(whole, rng, limits, watch)
    levels = _levels(at, params, n_levels)
    begun = int(np.abs(np.log(levels / _BEGUN)).argmin())
    first = _step(at, params, levels[begun], limits)
    first = first._replace(estimate=first.estimate._replace(search=search))
    up = _follow(first, levels[:begun][::-1], limits)
    down = _follow(first, levels[begun + 1 :], limits)
    return [*up[::-1], first, *down]


def _follow(step, levels, limits):
    """Steps of further levels, each from the last, until the path ends.

    A stronger penalty than one that leaves no coefficient changes nothing.
    """
    steps, rising = [], len(levels) > 1 and levels[1] > levels[0]
    for level in levels:
        if rising and not step.n_used:
            break
        step = _step(step.at, step.estimate.polished.params, level, limits)
        if step is None or step.estimate.flaw:
            break
        steps.append(step)
    return steps


def _begin(whole, rng, limits, watch):
    """A working set, the optimum that a search finds there, and the Search."""
    problem, K = whole.whole, whole.whole.model.n_components
    none = whole.of(np.arange(0))
    pooled = fit_pooled(none.narrow.pooled_model, none.narrow.rows)
    strength = _strengths(none, none.narrow.pooled_model, pooled, 1.0)[0]
    whole = whole.penalized(np.full(K, _BEGUN * strength))
    at = whole.of(promising(whole)).penalized(np.full(K, _SEARCHED * strength))
    watch.about(at.narrow)
    found = estimate_found(at.narrow, rng, limits, watch)
    return at, found.polished.params, found.search


def _strengths(at, model, params, level):
    """The alpha of every component, (K,), that a level stands for at a fit."""
    problem = at.narrow
    penalties, frame = problem.structure.penalties, problem.frame
    information = _information(problem, model, params) / frame.unit[0] ** 2
    weight = problem.facts.weight * frame.inflation
    alpha = level * np.sqrt(information) / (weight * penalties.l1_ratio)
    return np.full(len(alpha), alpha.mean()) if penalties.fused else alpha


def _information(problem, model, params):
    """Of every component's rows on a standardized coefficient, (K,), engine's units."""
    grams = problem.rows.sum(model.summarize, params).regressions.grams[0][0]
    if problem.frame.design.intercept:
        return grams[:, 0, 0]
    return np.einsum("kpp->kp", grams).mean(axis=1)


def _levels(at, params, n_levels):
    """The grid of levels, highest first.

    The highest is about where the last feature leaves: a correlation in a component, or
    in all rows.
    """
    problem, model = at.narrow, at.narrow.model
    tally = problem.rows.sum(model.tally, params)
    n = np.maximum(tally.weight[0], 1.0)
    each = _information(problem, model, params) / n
    stop = at.intercept + len(at.features)
    squares = params.coef[0][:, at.intercept : stop] ** 2 * each[:, None]
    shares = squares.max(axis=1, initial=0) / (1 + squares.sum(axis=1))
    highest = max(float(np.sqrt(n * shares).max()), 2 * _BEGUN)
    lowest = max(_LOWEST_SHARE * highest, _LOWEST)
    return np.geomspace(highest, lowest, n_levels)


def _step(at, params, level, limits):
    """The Step of a level, from parameters nearby; None if too little is zero."""
    alpha, most = None, _DENSE * at.whole.rows.n_rows
    for _ in range(_ADAPTED):
        before, alpha = alpha, _strengths(at, at.narrow.model, params, level)
        settled = before is not None and np.allclose(alpha, before, rtol=_SAME)
        at = at.penalized(alpha)
        run = em(at.narrow.model, at.narrow.rows, params, max_iter=_PASSES, tol=_SLOW)
        params = run.params
        if at.n_used(params) > most:
            return None
        excess = at.excess(params, at.whole.model)
        if excess.any():
            at, params = at.joined(params, excess)
        elif settled:
            break
    at, estimate = at.extended(params, limits)
    return Step(level, alpha, at, estimate)
