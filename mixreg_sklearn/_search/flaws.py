"""Why an estimate is not an interior maximum, and what to do about it."""

from enum import Enum
from functools import partial

import numpy as np

from .._engine.ascent import inverse_of
from .._engine.layout import layout_of

# A coefficient with less information than this (a standard error of 100, in log-odds or
# the logarithm of a mean at one standard deviation of the features) diverges.
_LEAST_INFORMATION = 1e-4
# A background whose prior probabilities sum to less, in rows, takes none.
_NO_ROWS = 1e-3
# A row is at the edge of the domain of a link if a change of its predictor by this
# fraction of the standard deviation of all crosses it.
_NEAR_EDGE = 1e-4

_ADVICE = ". Use fewer components, shared_scale=True, or more rows"


class Flaw(Enum):
    """Reasons why an estimate is no single interior maximum, with advice."""

    PERFECT = (
        "one regression fits every row without error, so the likelihood is unbounded."
        " Use fewer components, or plain least squares"
    )
    COLLAPSED = (
        "a component collapses on rows that it fits without error, so the likelihood"
        " has no maximum there, and the estimate maximizes a penalized likelihood"
        f" instead{_ADVICE}"
    )
    EMPTY = f"a component has fewer rows than it needs for its coefficients{_ADVICE}"
    SEPARATED = (
        "features of the gate separate components, so that the likelihood has no"
        " maximum at finite coefficients, and the estimate maximizes it under a weak"
        " ridge on the gate instead (alpha=0.01). The gate's coefficients, and its"
        " probabilities for new rows, depend on this ridge. Choose it, as in"
        " gate=SoftmaxGate(alpha=1), let a lasso select among many features, as in"
        " gate=SoftmaxGate(alpha=10, l1_ratio=1), or use fewer features of the gate or"
        " fewer components"
    )
    ENDLESS = (
        "some coefficients grow without limit, since the responses of a component are"
        " all zero (or successes, or beyond a limit), or a feature separates those that"
        " are from the others; the likelihood, the fitted means and the memberships are"
        " near their limits, these coefficients mean nothing. Hold them (held_coef),"
        " drop the feature, or use fewer components"
    )
    UNIDENTIFIED = (
        "how many zeros are for sure in a component is not identified, as single rows"
        " do not tell such zeros from the shares of the components: other shares and"
        " inflations have the same likelihood, coefficients and means. Give groups of"
        " rows, let the inflation depend on features (ZeroInflated(..., features=...)),"
        ' or use one component of zeros for all (background="zero")'
    )
    VACANT = (
        "the background takes no rows. Its share tends to zero, so that its log-odds"
        " have no maximum at finite values, and mean nothing; the components are those"
        " of a fit without it. Use background=None, or a gate without features, where"
        " this limit is proven"
    )
    EDGE = (
        "the mean of a row is at the edge of what its link admits, zero or infinite,"
        " and the likelihood still grows toward it, so that there is no maximum inside."
        " Use the log link, which has no edge, or fewer components"
    )

    @property
    def sentence(self):
        """What is to be said of an estimate with this flaw, without a full stop."""
        if self is Flaw.UNIDENTIFIED:
            return f"The estimate is not unique: {self.value}"
        return f"The estimate is at a boundary: {self.value}"


def nearly_empty(model, weight, params):
    """Restarts (R,) with a component of fewer rows than coefficients plus one.

    Those that a penalty sets to zero do not count. `weight` (R, K) are the sums of
    memberships. Such an optimum is often spurious where variances differ. Where the
    likelihood is bounded, only a component of less than one row counts.
    """
    needed = 1.0 if model.bounded else model.regressions.needed(params) + 1
    return (weight < needed).any(axis=1)


def is_perfect(model, pooled):
    """Whether one regression fits every row without error."""
    regressions = model.regressions
    scales = [response.scale for response in regressions.responses]
    scales = [s for s in scales if s is not None]
    no_scale = pooled.constants[0, 0] <= regressions.lower * (1 + 5e-7)
    return bool((no_scale & regressions.collapses)[scales].any())


def flaw_of(model, weight, params):
    """Why a mixture, a batch of one, is degenerate, or None.

    `weight` (1, K) are the sums of memberships.
    """
    if model.regressions.collapsed(params).any():
        return Flaw.COLLAPSED
    return Flaw.EMPTY if nearly_empty(model, weight, params).any() else None


def why_boundary(model, rows, params, proven):
    """Why a climb to a mixture, a batch of one, ended at a boundary, or None.

    If a maximum is `proven`, it is not at the edge of a domain.
    """
    if _is_ambiguous(model, rows, params):
        return Flaw.UNIDENTIFIED
    if _is_vacant(model, rows, params):
        return Flaw.VACANT
    infinite = _why_infinite(model, rows, params)
    if infinite or proven or not model.family.links:
        return infinite
    return Flaw.EDGE if rows.sum(partial(_near_edge, model), params) else None


def _is_ambiguous(model, rows, params):
    """Whether probabilities of point masses and shares may replace each other."""
    alone = model.n_shares == 1 or len(model.family.responses) > 1
    if alone or rows.n_units < rows.n_rows or model.gate.has_features:
        return False
    masses = [constant.point_mass for constant in model.family.constants]
    inside = ~model.regressions.at_limit(params)
    return bool(inside[..., masses].any())


def _is_vacant(model, rows, params):
    """Whether a background whose share depends on features takes no rows."""
    if not model.background or params.logits.shape[2] == 1:
        return False
    return model.shares(params, rows)[0, -1] * rows.n_units < _NO_ROWS


def _near_edge(model, params, block):
    """How many predictors of a block are at the edge of their link."""
    eta, _ = model.regressions.arguments(params, block)
    width = _NEAR_EDGE * np.std(eta)
    below, above = model.family.outside(eta - width), model.family.outside(eta + width)
    return 0 if below is None else int((below != above).sum())


def _why_infinite(model, rows, params):
    """Why coefficients of a mixture, a batch of one, are infinite, or None."""
    gated = params.logits.shape[2] > 1 and model.n_shares > 1
    if not (gated or model.family.endless):
        return None
    if model.gate.diverges(params)[0]:
        return Flaw.SEPARATED
    curvature = rows.sum(model.curvature, params)
    information = -model.penalized(params, curvature)[1][0]
    coef, _, logits = layout_of(params).places()
    of_coef, _ = model.regressions.basis()
    of_gate = model.gate.endless(*logits.shape)
    if gated and _is_flat(information, logits, of_gate):
        return Flaw.SEPARATED
    # What is at a kink of a penalty, or at a bound, stays there.
    free = ~model.regressions.at_kink(params.coef)[0]
    if model.family.endless and _is_flat(information, coef, of_coef, free):
        return Flaw.ENDLESS
    return None


def _is_flat(information, places, basis, free=slice(None)):
    """Whether there is almost no information in some free direction of coefficients.

    They are at `places` (K, s) of `information` (M, M), along `basis` (K s, m), or each
    by itself (None); some of these directions are `free`.
    """
    part = information[np.ix_(places.ravel(), places.ravel())]
    if basis is not None:
        part = basis.T @ part @ basis
    part = part[free][:, free]
    return inverse_of(part, -_LEAST_INFORMATION) is None
