"""From rows to the estimate: search, choice among optima, polish, certificate."""

from functools import partial
from typing import NamedTuple

import numpy as np

from .._engine.em import em
from .._engine.newton import Polished, polish
from .._engine.params import concatenate
from ..families._scales import ROUNDING
from .arms import SAME, penalised, search
from .flaws import COLLAPSED, PERFECT, STARVED, flaw_of, is_perfect, why_infinite
from .pooled import fit_pooled, repeat_component
from .sample import search_sample

# Floor of the variances of the estimate, relative to the pooled variance.
_FLOOR = 1e-4
# Optima of a sample closer than this, in nats, are compared on all rows.
_CLOSE = 5.0


class Estimate(NamedTuple):
    """One mixture, with what is known of it.

    Attributes
    ----------
    polished : Polished
        A batch of one: parameters, log-likelihood and certificate.
    search : Search or None
        None where there was nothing to search.
    flaw : str
        Why the estimate is degenerate; empty if it is not.
    infinite : str
        Why the maximum lies at infinite coefficients; empty if it does not.
    """

    polished: Polished
    search: object
    flaw: str
    infinite: str = ""

    @property
    def proven(self):
        """Whether the point is a maximum by its certificate, and not degenerate."""
        return bool(self.polished.converged[0] and not (self.infinite or self.flaw))


def estimate_found(model, pooled_model, rows, n_components, rng, settings, watch):
    """Search for the best optimum and polish it on all rows.

    Parameters
    ----------
    model, pooled_model : Mixture
        Of `n_components` components, and of one.
    rows : ArrayRows
    n_components : int
    rng : numpy.random.Generator
    settings : tuple (max_rounds, tol, max_iter)
    watch : object
        Told of every round of the search.

    Returns
    -------
    Estimate
    """
    max_rounds, tol, max_iter = settings
    pooled = fit_pooled(pooled_model, rows)
    perfect = is_perfect(model, pooled)
    if n_components == 1 or perfect:
        start = model.constrain(repeat_component(pooled, n_components))
        polished = polish(model, rows, start, tol=tol, max_iter=max_iter)
        flaw = PERFECT if perfect else ""
        infinite = why_infinite(model, rows, polished.params)
        return Estimate(_measured(model, rows, polished), None, flaw, infinite)
    sample = search_sample(rows, n_components)
    found = search(
        model, sample, pooled, n_components, rng, max_rounds=max_rounds, watch=watch
    )
    final = with_floor(model, found.target)
    candidates = distinct(found)
    if sample.n_rows < rows.n_rows:
        candidates = _rerank(model, rows, candidates, found, tol, max_iter)
    flawed = None
    for optimum in candidates:
        polished = polish(final, rows, optimum.params, tol=tol, max_iter=max_iter)
        polished = _measured(final, rows, polished)
        flaw = flaw_of(final, rows, polished)
        if not flaw:
            infinite = why_infinite(final, rows, polished.params)
            return Estimate(polished, found, "", infinite)
        if flaw == STARVED and flawed is None:
            flawed = Estimate(polished, found, flaw)
    return flawed or _penalised(final, rows, candidates[0], found, tol, max_iter)


def estimate_from(model, pooled_model, rows, start, tol, max_iter):
    """Climb from a given start; no search.

    Returns
    -------
    Estimate
    """
    pooled = fit_pooled(pooled_model, rows)
    perfect = is_perfect(model, pooled)
    polished = _measured(model, rows, climb(model, rows, start, tol, max_iter))
    flaw = PERFECT if perfect else flaw_of(model, rows, polished)
    infinite = why_infinite(model, rows, polished.params)
    return Estimate(polished, None, flaw, infinite)


def with_floor(model, target):
    """The likelihood itself, with variances bounded away from collapse."""
    if model.bounded:
        return model
    return model.with_rule(floor=max(model.rule.floor, _FLOOR * target))


def climb(model, rows, start, tol, max_iter):
    """EM until it slows down, then Newton to a proven maximum."""
    run = em(model, rows, start, max_iter=min(10, max_iter), tol=1e-5)
    polished = polish(model, rows, run.params, tol=tol, max_iter=max_iter)
    return polished._replace(n_iter=polished.n_iter + run.n_iter)


def distinct(found):
    """The first of each group of optima that share an objective, best first."""
    kept = []
    for optimum, value in zip(found.optima, found.objective, strict=True):
        if all(abs(value - other) > SAME for _, other in kept):
            kept.append((optimum, value))
    return [optimum for optimum, _ in kept]


def _rerank(model, rows, candidates, found, tol, max_iter):
    """Order the leading optima of a sample by what they become on all rows."""
    leading = candidates[:1] + [
        optimum
        for optimum in candidates[1:3]
        if candidates[0].loglik - optimum.loglik < _CLOSE and not optimum.starved
    ]
    if len(leading) == 1:
        return leading
    competing = penalised(model, found.target)
    start = concatenate([optimum.params for optimum in leading])
    settled = climb(competing, rows, start, tol, max_iter)
    order = np.argsort(-settled.objective, kind="stable")
    return [leading[i]._replace(params=settled.params.take(int(i))) for i in order]


def _penalised(final, rows, optimum, found, tol, max_iter):
    """The penalised estimate, where the likelihood has no maximum to offer."""
    model = penalised(final, max(found.target, ROUNDING))
    polished = climb(model, rows, optimum.params, tol, max_iter)
    polished = _measured(final, rows, polished)
    polished = polished._replace(converged=np.zeros_like(polished.converged))
    return Estimate(polished, found, COLLAPSED)


def _measured(model, rows, polished):
    """With the log-likelihood of the parameters after Newton's last step."""
    moments = rows.sum(partial(model.summarise, polished.params))
    return polished._replace(objective=moments.loglik)
