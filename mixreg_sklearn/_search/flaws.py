"""Why an estimate is no interior maximum, and what to do about it."""

from functools import partial

import numpy as np

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


def starved(model, rows, params):
    """Restarts with a component of fewer rows than it has coefficients, plus one.

    Such an optimum is often spurious where variances differ. A bounded likelihood
    decides alone; there a component starves only when it vanishes, with less than one
    row.
    """
    needed = 1.0 if model.bounded else model.sharing.n_specific + 1
    weight = rows.sum(partial(model.summarise, params)).weight
    return (weight < needed).any(axis=1)


def is_perfect(model, pooled):
    """Whether one regression leaves nothing to be explained."""
    no_scale = pooled.scale[0, 0] ** 2 <= 2 * model.rule.floor
    return no_scale and not model.family.bounded


def flaw_of(model, rows, polished):
    """Why a polished mixture is degenerate, or an empty string."""
    on_floor = model.rule.on_floor(polished.params.scale)
    if on_floor.any() and not model.family.bounded:
        return COLLAPSED
    return STARVED if starved(model, rows, polished.params).any() else ""


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
