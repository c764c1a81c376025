"""From rows to the estimate: search, choice among optima, polish, certificate."""

from typing import NamedTuple

import numpy as np

from .._engine.approach import approach
from .._engine.em import em
from .._engine.newton import Polished, polish
from .._engine.params import concatenate
from .arms import Search, search
from .climbs import converge
from .flaws import Flaw, flaw_of, is_perfect, why_boundary
from .outline import WIDE, outline_of
from .pooled import fit_pooled, repeat_component
from .prices import with_penalty, worth_of_component
from .sample import ground_of, search_sample

# Optima of a sample that are compared on all rows.
_FINALISTS = 3
# Sizes of the sample, relative to the usual one: a larger one where the first misleads.
_SAMPLES = (1, 4)
# Newton decrement, in nats, at an optimum of the ground from which to go on.
_CLOSE = 1e-3


class Limits(NamedTuple):
    """When to stop."""

    max_rounds: int  # of the search
    tol: float  # Newton decrement, in nats, of a maximum
    max_iter: int  # iterations of a climb
    scale_penalty: float = 1.0  # strength of the penalty that ranks optima


class Estimate(NamedTuple):
    """A fitted mixture, with its certificate and its flaws."""

    polished: Polished  # a batch of one: parameters, log-likelihood, certificate
    rows_of: np.ndarray  # sums of memberships, by component, (K,)
    search: Search | None  # None where no search was needed
    flaw: Flaw | None  # why the estimate is degenerate
    boundary: Flaw | None = None  # why the maximum lies at a boundary, if any

    @property
    def proven(self):
        """Whether the certificate proves a maximum that is not degenerate."""
        return bool(self.polished.converged[0] and not (self.boundary or self.flaw))


def estimate_found(problem, rng, limits, watch):
    """The Estimate at the best optimum that a search finds, polished on all rows.

    The search is on a sample of many rows. Its optima are compared on a larger one, the
    *ground*, from which the best climbs to all rows. `watch` is that of `search`.
    """
    model, rows = problem.model, problem.rows
    ground = ground_of(rows, model.n_components)
    pooled, perfect = _pooled(problem, ground)
    if model.n_shares == 1 or perfect:
        starts = [pooled]
        if model.regressions.kinked and model.n_shares == 1:
            starts.append(_close(problem, ground))
        ends = [
            _polished(model, rows, ground, model.constrain(start), limits)
            for start in (repeat_component(start, model) for start in starts)
        ]
        # A close fit may be a maximum beside that of no features, as its small scale
        # makes a penalty cheap.
        polished = max(ends, key=lambda end: _sound_objective(model, end))
        estimate = _judged(model, rows, polished, None)
        flaw = Flaw.PERFECT if perfect else None
        return _finite(model, rows, estimate._replace(flaw=flaw), limits)
    outline, field = None, (model, ground, pooled)
    if rows.n_columns > WIDE:
        outline = outline_of(problem, ground, pooled)
        field, watch = outline[:3], outline.watch(watch)
    for factor in _SAMPLES:
        sample = search_sample(field[1], model.n_components, factor)
        steady = field[0].gate.steady(sample.n_units, sample.n_logits)
        searching = field[0].with_gate(steady).at_weight(sample.total_weight)
        found = search(searching, sample, field[2], rng, limits, watch)
        optima = _leading(model, rows, ground, outline, found, limits)
        if outline and optima[0].degenerate:
            estimate = _penalized_estimate(model, rows, optima[0], found, limits)
        else:
            estimate = _best(model, rows, ground, optima, found, limits)
        if estimate.flaw is None or sample.n_rows == rows.n_rows:
            break
    return estimate


def _pooled(problem, ground):
    """The single regression, a batch of one, and whether it fits without error."""
    model, rows = problem.pooled_model, problem.rows
    pooled = fit_pooled(model.at_weight(ground.total_weight), ground)
    if is_perfect(problem.model, pooled) and ground is not rows:
        pooled = fit_pooled(model, rows)
    return pooled, is_perfect(problem.model, pooled)


def _close(problem, ground):
    """The regression without penalties, a batch of one."""
    return fit_pooled(problem.pooled_model.at_weight(0.0), ground)


def _sound_objective(model, polished):
    """The objective of a batch of one, minus infinity if it collapsed."""
    collapsed = model.regressions.collapsed(polished.params).any()
    return -np.inf if collapsed else float(polished.objective[0])


def _leading(model, rows, ground, outline, found, limits):
    """Optima of a search from which to climb, best first."""
    if outline is None:
        if found.n_rows == ground.n_rows:
            return found.optima
        return _rerank(model, rows, ground, found, limits)
    optima, few = found.optima[:_FINALISTS], outline.rows
    if found.n_rows < few.n_rows:
        # A penalty keeps components of few rows from collapsing.
        climbing = with_penalty(outline.model, found.target)
        optima = _rerank(climbing, few, few, found, limits)
    return outline.climbed(model, rows, ground, optima, found)


def _best(model, rows, ground, optima, found, limits):
    """The Estimate on all rows at the best of the optima."""
    for optimum in optima:
        polished = _polished(model, rows, ground, optimum.params, limits)
        estimate = _judged(model, rows, polished, found)
        if estimate.flaw is not Flaw.COLLAPSED:
            return _finite(model, rows, estimate, limits)
        if optimum.degenerate:
            break
    return _penalized_estimate(model, rows, optimum, found, limits)


def estimate_from(problem, start, limits):
    """The Estimate to which a given start climbs, without a search."""
    model, rows = problem.model, problem.rows
    ground = ground_of(rows, model.n_components)
    _, perfect = _pooled(problem, ground)
    if ground is not rows:
        start = approach(model, rows, ground, start, limits.tol)
    estimate = climbed(model, rows, start, limits)
    return estimate._replace(flaw=Flaw.PERFECT) if perfect else estimate


def climbed(model, rows, start, limits):
    """The Estimate to which a start climbs."""
    estimate = _judged(model, rows, climb(model, rows, start, limits), None)
    return _finite(model, rows, estimate, limits)


def climb(model, rows, start, limits):
    """EM until it slows down, then Newton to a proven maximum."""
    run = em(model, rows, start, max_iter=min(10, limits.max_iter), tol=1e-5)
    polished = polish(model, rows, run.params, tol=limits.tol, max_iter=limits.max_iter)
    return polished._replace(n_iter=polished.n_iter + run.n_iter)


def _rerank(model, rows, ground, found, limits):
    """The leading optima of a sample, in the order of their objectives on all rows.

    A component that rests on a few rows of the sample gains less on all rows, so all
    count that are nearly as good. Those that the ground does not tell apart are
    compared on all rows.
    """
    reach = found.optima[0].standing - worth_of_component(model, ground)
    leading = [optimum for optimum in found.optima if optimum.standing > reach]
    leading = leading[:_FINALISTS]
    if len(leading) == 1:
        return leading
    ranking = with_penalty(model, found.target, limits.scale_penalty)
    start = concatenate([optimum.params for optimum in leading])
    final, _ = converge(model.at_weight(ground.total_weight), ground, start, 20)
    leading, objective = _ranked(model, ranking, leading, final.params, final.objective)
    rivals = 1 if ground is rows else _rivals(model, ground, leading)
    if rivals == 1:
        return leading
    params = concatenate(
        [
            approach(model, rows, ground, each.params, _CLOSE)
            for each in leading[:rivals]
        ]
    )
    objective = rows.sum(model.tally, params).loglik + model.penalty(params)
    ranked, _ = _ranked(model, ranking, leading[:rivals], params, objective)
    return ranked + leading[rivals:]


def _ranked(model, ranking, optima, params, objective):
    """Optima at `params`, best first, and their objectives under `ranking`."""
    objective = objective + ranking.penalty(params) - model.penalty(params)
    objective[model.regressions.collapsed(params).any(axis=1)] = -np.inf
    order = np.argsort(-objective, kind="stable")
    ranked = [optima[i]._replace(params=params.take(int(i))) for i in order]
    return ranked, objective[order]


def _rivals(model, ground, optima):
    """How many optima, best first, are within two standard errors of the best.

    The likelihood ratio of all rows is estimated from the units of the ground, with its
    standard error (Vuong 1989).
    """

    def verb(params, block):
        return np.vstack([model.posterior(params, block)[2], block.unit_weight])

    params = concatenate([optimum.params for optimum in optima])
    *logliks, weight = np.concatenate([*ground.scan(verb, params)], axis=1)
    apart = logliks[0] - np.array(logliks)
    mean = apart @ weight / weight.sum()
    error = np.sqrt((apart - mean[:, None]) ** 2 @ weight) / weight.sum()
    return int((mean <= 2 * error).sum())


def _polished(model, rows, ground, start, limits):
    """Climb from an optimum of a sample, by way of the ground, to all rows."""
    if ground is not rows:
        of_ground = model.at_weight(ground.total_weight)
        near = polish(of_ground, ground, start, tol=_CLOSE, max_iter=30)
        if near.converged[0]:
            start = approach(model, rows, ground, near.params, limits.tol)
    return polish(model, rows, start, tol=limits.tol, max_iter=limits.max_iter)


def _judged(model, rows, polished, found):
    """The Estimate where a climb ended, with the likelihood there, and its flaw."""
    tally = rows.sum(model.tally, polished.params)
    polished = polished._replace(objective=tally.loglik)
    flaw = flaw_of(model, tally.weight, polished.params)
    return Estimate(polished, tally.weight[0], found, flaw)


def _penalized_estimate(model, rows, optimum, found, limits):
    """The maximum of the penalized likelihood, where the likelihood has none."""
    competing = with_penalty(model, found.target)
    polished = climb(competing, rows, optimum.params, limits)
    polished = polished._replace(converged=np.zeros_like(polished.converged))
    estimate = _judged(model, rows, polished, found)
    return estimate._replace(flaw=Flaw.COLLAPSED)


def _finite(model, rows, estimate, limits):
    """The Estimate at a local maximum, under a weak ridge if its gate diverges."""
    polished = estimate.polished
    boundary = why_boundary(model, rows, polished.params, polished.converged[0])
    if boundary is Flaw.SEPARATED:
        gate, start = model.gate.bounded(polished.params)
        ridge = climb(model.with_gate(gate), rows, start, limits)
        ridge = ridge._replace(converged=np.zeros_like(ridge.converged))
        flaw, search = estimate.flaw, estimate.search
        estimate = _judged(model, rows, ridge, search)._replace(flaw=flaw)
    return estimate._replace(boundary=boundary)
