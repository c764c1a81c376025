"""From rows to the estimate: search, choice among optima, polish, certificate."""

from functools import partial
from typing import NamedTuple

import numpy as np

from ._em import em
from ._newton import Polished, polish
from ._params import Params, concatenate
from ._rows import units_of
from ._search import SAME, penalised, search, starved

# Variances below this, for a response of unit variance, are rounding.
ROUNDING = 1e-20
# Floor of the variances of the estimate, relative to the pooled variance.
_FLOOR = 1e-4
# The search sees at most twice this many rows: 50 for every coefficient.
_SAMPLE_ROWS, _SAMPLE_PER_COEF = 2000, 50
# Groups of rows that share a component are whole, and at least so many per component.
_SAMPLE_UNITS = 100
# Optima of a sample closer than this, in nats, are compared on all rows.
_CLOSE = 5.0

# A coefficient with less information than this, in log-odds or the logarithm of a mean
# at one standard deviation of the features (a standard error of 100), is on its way to
# infinity.
_LEAST_INFORMATION = 1e-4

_ADVICE = ". Use fewer components, shared_scale=True, or more rows"
PERFECT = (
    "one regression fits every row without error, so the likelihood is unbounded."
    " Use fewer components, or plain least squares"
)
COLLAPSED = (
    "a component collapses on rows that it fits without error, so the likelihood has no"
    " maximum there, and the estimate maximizes a penalized likelihood instead"
) + _ADVICE
STARVED = (
    "a component has fewer rows than it needs for coefficients of its own" + _ADVICE
)
SEPARATED = (
    "features of the gate separate components, so that its coefficients grow without"
    " limit; the likelihood and the probabilities are near their limits, the gate's"
    " coefficients mean nothing. Use gate=SoftmaxGate(alpha=1), fewer features of the"
    " gate, or fewer components"
)
ENDLESS = (
    "some coefficients grow without limit, since the responses of a component are all"
    " zero (or all successes), or a feature separates those that are from the others;"
    " the likelihood, the fitted means and the memberships are near their limits, these"
    " coefficients mean nothing. Hold them (held_coef), drop the feature, or use fewer"
    " components"
)


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


def fit_pooled(model, rows):
    """The mixture of one component: a single regression through all rows.

    It starts at least squares on the linear predictors that the rows suggest.
    """
    suggested = model.family.initial(rows.y)
    if rows.offset is not None:
        suggested = suggested - rows.offset
    start = 0
    gram, cross = 0.0, 0.0
    for block in rows.blocks:
        stop = start + len(block.weight)
        gram = gram + block.gram
        cross = cross + np.dot(block.Z, block.weight * suggested[start:stop])
        start = stop
    coef = model.sharing.project(np.zeros((1, 1, rows.n_columns)))
    cross = cross - np.dot(gram, coef[0, 0])
    coef = coef + model.sharing.step(gram[None, None], cross[None, None])
    no_gate = np.zeros((1, 1, len(rows.gate) - 1))
    start = Params(coef, np.ones((1, 1)), np.zeros((1, 1)), no_gate)
    return em(model, rows, start, max_iter=100, tol=1e-9).params


def repeat_component(params, n_components):
    """A mixture of `n_components` copies of one regression."""
    return Params(
        np.repeat(params.coef, n_components, axis=1),
        np.repeat(params.scale, n_components, axis=1),
        np.full((1, n_components), -np.log(n_components)),
        np.repeat(params.gate, n_components, axis=1),
    )


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
    perfect = _perfect(model, pooled)
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
        flaw = _flaw(final, rows, polished)
        if not flaw:
            infinite = why_infinite(final, rows, polished.params)
            return Estimate(polished, found, "", infinite)
        if flaw == STARVED and flawed is None:
            flawed = Estimate(polished, found, flaw)
    return flawed or _penalised(final, rows, candidates[0], found, tol, max_iter)


def _perfect(model, pooled):
    """Whether one regression leaves nothing to be explained."""
    no_scale = pooled.scale[0, 0] ** 2 <= 2 * model.rule.floor
    return no_scale and not model.family.bounded


def estimate_from(model, pooled_model, rows, start, tol, max_iter):
    """Climb from a given start; no search.

    Returns
    -------
    Estimate
    """
    pooled = fit_pooled(pooled_model, rows)
    perfect = _perfect(model, pooled)
    polished = _measured(model, rows, climb(model, rows, start, tol, max_iter))
    flaw = PERFECT if perfect else _flaw(model, rows, polished)
    infinite = why_infinite(model, rows, polished.params)
    return Estimate(polished, None, flaw, infinite)


def why_infinite(model, rows, params):
    """Why nothing but infinity stops coefficients of a mixture; empty if it does."""
    gated = model.gate.has_features and model.n_components > 1
    if not (gated or model.family.endless):
        return ""
    if model.gate.diverges(params)[0]:
        return SEPARATED
    curvature = rows.sum(partial(model.curvature, params))
    information = -model.penalised(params, curvature)[1][0]
    n_components, p = params.coef.shape[1:]
    places = np.arange(len(information)).reshape(n_components, -1)
    basis = model.gate.basis(n_components, len(rows.gate))
    if gated and _is_flat(information, places[:, p + 1 :], basis):
        return SEPARATED
    if model.family.endless and _is_flat(
        information, places[:, :p], model.sharing.basis()
    ):
        return ENDLESS
    return ""


def _is_flat(information, places, basis):
    """Whether there is next to no information in some free direction of coefficients.

    Parameters
    ----------
    information : ndarray of shape (M, M)
    places : ndarray of int of shape (K, s)
        Of the coefficients.
    basis : ndarray of shape (K s, m)
        Their free directions.
    """
    own = information[np.ix_(places.ravel(), places.ravel())]
    values = np.linalg.eigvalsh(basis.T @ own @ basis)
    return bool(values.min(initial=np.inf) < _LEAST_INFORMATION)


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


def search_sample(rows, n_components):
    """Units on which to search, in canonical order: all, or an even selection.

    Units are ordered by response, ties by a fixed combination of the features; a
    selection is systematic in the cumulated weight. So it does not depend on how the
    rows were ordered, or repeated instead of weighted.
    """
    order, units = _canonical_order(rows)
    weight = rows.unit_weight[units]
    mean_size = rows.n_rows / rows.n_units
    size = max(_SAMPLE_ROWS, _SAMPLE_PER_COEF * n_components * rows.n_columns)
    size = max(int(np.ceil(size / mean_size)), _SAMPLE_UNITS * n_components)
    if rows.n_units <= 2 * size:
        return rows.subset(units, weight, order)
    cumulative = np.cumsum(weight)
    marks = (np.arange(size) + 0.5) / size * cumulative[-1]
    chosen = units[np.searchsorted(cumulative, marks)]
    return rows.subset(chosen, np.ones(size), order)


def _canonical_order(rows):
    """An order of rows and one of units that the data alone determine.

    Returns
    -------
    order : ndarray of int of shape (n,)
        Rows, those of a unit among themselves.
    units : ndarray of int of shape (U,)
    """
    mix = np.cos(np.arange(1.0, rows.n_columns + 1))
    key = np.concatenate([mix @ block.Z for block in rows.blocks])
    values = np.vstack([key, np.atleast_2d(rows.y)])
    if rows.start is None:
        return None, np.lexsort(values)
    units = units_of(rows.start, rows.n_rows)
    order = np.lexsort((*values, units.of_row))
    means = units.sum(values[:, order]) / units.size
    return order, np.lexsort(means)


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


def _flaw(model, rows, polished):
    """Why a polished mixture is degenerate, or an empty string."""
    on_floor = polished.params.scale**2 <= model.rule.floor * (1 + 1e-9)
    if on_floor.any() and not model.family.bounded:
        return COLLAPSED
    return STARVED if starved(model, rows, polished.params).any() else ""
