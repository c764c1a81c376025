"""From rows to the estimate: search, choice among optima, polish, certificate."""

from typing import NamedTuple

import numpy as np

from .._engine.em import em
from .._engine.mixture import Mixture
from .._engine.newton import Polished, polish
from .._engine.params import concatenate
from .arms import Search, search
from .climbs import converge
from .flaws import Flaw, flaw_of, is_perfect, why_boundary
from .pooled import fit_pooled, repeat_component
from .prices import with_penalty, worth_of_component
from .sample import search_sample

# Optima of a sample that are compared on all rows.
_FINALISTS = 3
# Sizes of the sample, relative to the usual one: a larger one where the first misleads.
_SAMPLES = (1, 4)


class Limits(NamedTuple):
    """When to stop."""

    max_rounds: int  # of the search
    tol: float  # Newton decrement, in nats, of a maximum
    max_iter: int  # iterations of a climb
    scale_penalty: float = 1.0  # strength of the penalty that ranks optima


class Estimate(NamedTuple):
    """A fitted mixture, with its certificate and its flaws."""

    polished: Polished  # a batch of one: parameters, log-likelihood, certificate
    search: Search | None  # None where no search was needed
    flaw: Flaw | None  # why the estimate is degenerate
    boundary: Flaw | None = None  # why the maximum lies at a boundary, if any

    @property
    def proven(self):
        """Whether the certificate proves a maximum that is not degenerate."""
        return bool(self.polished.converged[0] and not (self.boundary or self.flaw))


def estimate_found(problem, rng, limits, watch):
    """The Estimate at the best optimum that a search finds, polished on all rows.

    `watch` is that of `search`.
    """
    model, rows = problem.model, problem.rows
    pooled = fit_pooled(problem.pooled_model, rows)
    perfect = is_perfect(model, pooled)
    if model.n_components == 1 or perfect:
        start = model.constrain(repeat_component(pooled, model.n_components))
        polished = _polished(model, rows, start, limits)
        flaw = Flaw.PERFECT if perfect else None
        boundary = why_boundary(model, rows, polished.params, polished.converged[0])
        return Estimate(polished, None, flaw, boundary)
    for factor in _SAMPLES:
        sample = search_sample(rows, model.n_components, factor)
        found = search(model, sample, pooled, rng, limits, watch)
        estimate = _best(model, rows, found, limits)
        if estimate.flaw is None or sample.n_rows == rows.n_rows:
            break
    return estimate


def _best(model, rows, found, limits):
    """The Estimate on all rows at the best optimum of a search."""
    optima = found.optima
    if found.n_rows < rows.n_rows:
        optima = _rerank(model, rows, found, limits)
    for optimum in optima:
        polished = _polished(model, rows, optimum.params, limits)
        flaw = flaw_of(model, rows, polished.params)
        if flaw is not Flaw.COLLAPSED:
            return _finite(model, rows, polished, found, flaw, limits)
        if optimum.degenerate:
            break
    return _penalized_estimate(model, rows, optimum, found, limits)


def estimate_from(problem, start, limits):
    """The Estimate to which a given start climbs, without a search."""
    model, rows = problem.model, problem.rows
    perfect = is_perfect(model, fit_pooled(problem.pooled_model, rows))
    polished = _measured(model, rows, climb(model, rows, start, limits))
    flaw = Flaw.PERFECT if perfect else flaw_of(model, rows, polished.params)
    return _finite(model, rows, polished, None, flaw, limits)


def climb(model, rows, start, limits):
    """EM until it slows down, then Newton to a proven maximum."""
    run = em(model, rows, start, max_iter=min(10, limits.max_iter), tol=1e-5)
    polished = polish(model, rows, run.params, tol=limits.tol, max_iter=limits.max_iter)
    return polished._replace(n_iter=polished.n_iter + run.n_iter)


def _rerank(model, rows, found, limits):
    """The leading optima of a sample, in the order of their objectives on all rows.

    A component that rests on a few rows of the sample gains less on all rows, so all
    count that are nearly as good.
    """
    reach = found.optima[0].standing - worth_of_component(model, rows)
    leading = [optimum for optimum in found.optima if optimum.standing > reach]
    leading = leading[:_FINALISTS]
    if len(leading) == 1:
        return leading
    start = concatenate([optimum.params for optimum in leading])
    final, _ = converge(model, rows, start, 20)
    ranking = with_penalty(model, found.target, limits.scale_penalty)
    penalty = ranking.penalty(final.params) - model.penalty(final.params)
    objective = final.objective + penalty
    objective[model.regressions.collapsed(final.params).any(axis=1)] = -np.inf
    order = np.argsort(-objective, kind="stable")
    return [leading[i]._replace(params=final.params.take(int(i))) for i in order]


def _penalized_estimate(model, rows, optimum, found, limits):
    """The maximum of the penalized likelihood, where the likelihood has none."""
    competing = with_penalty(model, found.target)
    polished = _measured(model, rows, climb(competing, rows, optimum.params, limits))
    polished = polished._replace(converged=np.zeros_like(polished.converged))
    return Estimate(polished, found, Flaw.COLLAPSED)


def _finite(model, rows, polished, found, flaw, limits):
    """The Estimate at a local maximum, under a weak ridge if its gate diverges."""
    boundary = why_boundary(model, rows, polished.params, polished.converged[0])
    if boundary is Flaw.SEPARATED:
        gate, start = model.gate.bounded(polished.params)
        ridge = climb(Mixture(model.regressions, gate), rows, start, limits)
        polished = _measured(model, rows, ridge)
        polished = polished._replace(converged=np.zeros_like(polished.converged))
    return Estimate(polished, found, flaw, boundary)


def _polished(model, rows, start, limits):
    """Newton's method from a start, and the log-likelihood where it ends."""
    polished = polish(model, rows, start, tol=limits.tol, max_iter=limits.max_iter)
    return _measured(model, rows, polished)


def _measured(model, rows, polished):
    """The objective replaced by the log-likelihood at the final parameters."""
    moments = rows.sum(model.summarize, polished.params)
    return polished._replace(objective=moments.loglik)
