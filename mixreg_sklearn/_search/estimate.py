"""From rows to the estimate: search, choice among optima, polish, certificate."""

from typing import NamedTuple

import numpy as np

from .._engine.em import em
from .._engine.mixture import Mixture
from .._engine.newton import Polished, polish
from .._engine.params import concatenate
from ..families._scales import ROUNDING
from .arms import SAME_OPTIMUM, search, with_penalty
from .flaws import Flaw, flaw_of, is_perfect, why_infinite
from .pooled import fit_pooled, repeat_component
from .sample import search_sample

# Floor of the variances of an estimate, relative to the pooled variance.
FLOOR = 1e-4
# Optima of a sample within this distance, in nats, are compared on all rows.
_CLOSE = 5.0


class Limits(NamedTuple):
    """When to stop.

    Attributes
    ----------
    max_rounds : int
        Rounds of the search.
    tol : float
        Newton decrement, in nats, of a maximum.
    max_iter : int
        Iterations of a climb.
    """

    max_rounds: int
    tol: float
    max_iter: int


class Estimate(NamedTuple):
    """A fitted mixture, with its certificate and its flaws.

    Attributes
    ----------
    polished : Polished
        A batch of one: parameters, log-likelihood and certificate.
    search : Search or None
        None where no search was needed.
    flaw : Flaw or None
        Why the estimate is degenerate.
    infinite : Flaw or None
        Why the maximum lies at infinite coefficients.
    """

    polished: Polished
    search: object
    flaw: Flaw | None
    infinite: Flaw | None = None

    @property
    def proven(self):
        """Whether the certificate proves a maximum that is not degenerate."""
        return bool(self.polished.converged[0] and not (self.infinite or self.flaw))


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
        infinite = why_infinite(model, rows, polished.params)
        return Estimate(polished, None, flaw, infinite)
    sample = search_sample(rows, model.n_components)
    found = search(model, sample, pooled, rng, limits.max_rounds, watch)
    final = with_floor(model, found.target)
    optima = distinct(found)
    if sample.n_rows < rows.n_rows:
        optima = _rerank(model, rows, optima, found, limits)
    flawed = None
    for optimum in optima:
        polished = _polished(final, rows, optimum.params, limits)
        flaw = flaw_of(final, rows, polished.params)
        if flaw is None:
            return _finite(final, rows, polished, found, None, limits)
        if flaw is Flaw.EMPTY and flawed is None:
            flawed = Estimate(polished, found, flaw)
    return flawed or _penalized_estimate(final, rows, optima[0], found, limits)


def estimate_from(problem, start, limits):
    """The Estimate to which a given start climbs, without a search."""
    model, rows = problem.model, problem.rows
    perfect = is_perfect(model, fit_pooled(problem.pooled_model, rows))
    polished = _measured(model, rows, climb(model, rows, start, limits))
    flaw = Flaw.PERFECT if perfect else flaw_of(model, rows, polished.params)
    return _finite(model, rows, polished, None, flaw, limits)


def with_floor(model, target):
    """The model without a penalty, its variances bounded below."""
    if model.bounded:
        return model
    floor = model.regressions.rule.floor
    return model.with_rule(floor=max(floor, FLOOR * target))


def climb(model, rows, start, limits):
    """EM until it slows down, then Newton to a proven maximum."""
    run = em(model, rows, start, max_iter=min(10, limits.max_iter), tol=1e-5)
    polished = polish(model, rows, run.params, tol=limits.tol, max_iter=limits.max_iter)
    return polished._replace(n_iter=polished.n_iter + run.n_iter)


def distinct(found):
    """The optima of a search without repetitions, best first."""
    kept = []
    for optimum, value in zip(found.optima, found.objective, strict=True):
        if all(abs(value - other) > SAME_OPTIMUM for _, other in kept):
            kept.append((optimum, value))
    return [optimum for optimum, _ in kept]


def _rerank(model, rows, optima, found, limits):
    """The leading optima of a sample, in the order of their objectives on all rows."""
    leading = optima[:1] + [
        optimum
        for optimum in optima[1:3]
        if optima[0].loglik - optimum.loglik < _CLOSE and not optimum.degenerate
    ]
    if len(leading) == 1:
        return leading
    competing = with_penalty(model, found.target)
    start = concatenate([optimum.params for optimum in leading])
    final = climb(competing, rows, start, limits)
    order = np.argsort(-final.objective, kind="stable")
    return [leading[i]._replace(params=final.params.take(int(i))) for i in order]


def _penalized_estimate(final, rows, optimum, found, limits):
    """The maximum of the penalized likelihood, where the likelihood has none."""
    model = with_penalty(final, max(found.target, ROUNDING))
    polished = climb(model, rows, optimum.params, limits)
    polished = _measured(final, rows, polished)
    polished = polished._replace(converged=np.zeros_like(polished.converged))
    return Estimate(polished, found, Flaw.COLLAPSED)


def _finite(model, rows, polished, found, flaw, limits):
    """The Estimate at a local maximum, under a weak ridge if its gate diverges."""
    infinite = why_infinite(model, rows, polished.params)
    if infinite is Flaw.SEPARATED:
        gate, start = model.gate.bounded(polished.params)
        ridge = climb(Mixture(model.regressions, gate), rows, start, limits)
        polished = _measured(model, rows, ridge)
        polished = polished._replace(converged=np.zeros_like(polished.converged))
    return Estimate(polished, found, flaw, infinite)


def _polished(model, rows, start, limits):
    """Newton's method from a start, and the log-likelihood where it ends."""
    polished = polish(model, rows, start, tol=limits.tol, max_iter=limits.max_iter)
    return _measured(model, rows, polished)


def _measured(model, rows, polished):
    """The objective replaced by the log-likelihood at the final parameters."""
    moments = rows.sum(model.summarize, polished.params)
    return polished._replace(objective=moments.loglik)
