"""From rows to the estimate: search, choice among optima, polish, certificate."""

from typing import NamedTuple

import numpy as np

from .._engine.em import em
from .._engine.newton import Polished, polish
from .._engine.params import concatenate
from ..families._scales import ROUNDING
from .arms import SAME, penalized, search
from .flaws import Flaw, flaw_of, is_perfect, why_infinite
from .pooled import fit_pooled, repeat_component
from .sample import search_sample

# Floor of the variances of the estimate, relative to the pooled variance.
FLOOR = 1e-4
# Optima of a sample closer than this, in nats, are compared on all rows.
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
    """One mixture, with what is known of it.

    Attributes
    ----------
    polished : Polished
        A batch of one: parameters, log-likelihood and certificate.
    search : Search or None
        None where there was nothing to search.
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
        """Whether the point is a maximum by its certificate, and not degenerate."""
        return bool(self.polished.converged[0] and not (self.infinite or self.flaw))


def estimate_found(problem, rng, limits, watch):
    """Search for the best optimum and polish it on all rows.

    Parameters
    ----------
    problem : Problem
    rng : numpy.random.Generator
    limits : Limits
    watch : object
        Told of every round of the search.

    Returns
    -------
    Estimate
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
    candidates = distinct(found)
    if sample.n_rows < rows.n_rows:
        candidates = _rerank(model, rows, candidates, found, limits)
    flawed = None
    for optimum in candidates:
        polished = _polished(final, rows, optimum.params, limits)
        flaw = flaw_of(final, rows, polished.params)
        if flaw is None:
            infinite = why_infinite(final, rows, polished.params)
            return Estimate(polished, found, None, infinite)
        if flaw is Flaw.EMPTY and flawed is None:
            flawed = Estimate(polished, found, flaw)
    return flawed or _penalized(final, rows, candidates[0], found, limits)


def estimate_from(problem, start, limits):
    """Climb from a given start; no search.

    Returns
    -------
    Estimate
    """
    model, rows = problem.model, problem.rows
    perfect = is_perfect(model, fit_pooled(problem.pooled_model, rows))
    polished = _measured(model, rows, climb(model, rows, start, limits))
    flaw = Flaw.PERFECT if perfect else flaw_of(model, rows, polished.params)
    infinite = why_infinite(model, rows, polished.params)
    return Estimate(polished, None, flaw, infinite)


def with_floor(model, target):
    """The likelihood itself, with variances bounded away from collapse."""
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
    """The first of each group of optima that share an objective, best first."""
    kept = []
    for optimum, value in zip(found.optima, found.objective, strict=True):
        if all(abs(value - other) > SAME for _, other in kept):
            kept.append((optimum, value))
    return [optimum for optimum, _ in kept]


def _rerank(model, rows, candidates, found, limits):
    """Order the leading optima of a sample by what they become on all rows."""
    leading = candidates[:1] + [
        optimum
        for optimum in candidates[1:3]
        if candidates[0].loglik - optimum.loglik < _CLOSE and not optimum.degenerate
    ]
    if len(leading) == 1:
        return leading
    competing = penalized(model, found.target)
    start = concatenate([optimum.params for optimum in leading])
    settled = climb(competing, rows, start, limits)
    order = np.argsort(-settled.objective, kind="stable")
    return [leading[i]._replace(params=settled.params.take(int(i))) for i in order]


def _penalized(final, rows, optimum, found, limits):
    """The penalized estimate, where the likelihood has no maximum to offer."""
    model = penalized(final, max(found.target, ROUNDING))
    polished = climb(model, rows, optimum.params, limits)
    polished = _measured(final, rows, polished)
    polished = polished._replace(converged=np.zeros_like(polished.converged))
    return Estimate(polished, found, Flaw.COLLAPSED)


def _polished(model, rows, start, limits):
    """Newton's method from a start, and the log-likelihood where it ends."""
    polished = polish(model, rows, start, tol=limits.tol, max_iter=limits.max_iter)
    return _measured(model, rows, polished)


def _measured(model, rows, polished):
    """With the log-likelihood of the parameters after Newton's last step."""
    moments = rows.sum(model.summarize, polished.params)
    return polished._replace(objective=moments.loglik)
