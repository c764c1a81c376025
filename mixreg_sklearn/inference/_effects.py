"""What a feature does to the expected response: average marginal effects."""

from typing import NamedTuple

import numpy as np

from .._data.checks import check_features, check_weight
from .._data.row_data import row_arguments
from .._docs import documented
from .._fitted import Fitted
from .._inside import of_one_response
from ..families._names import make_family
from ..predictive._components import component_means
from ._table import UNIDENTIFIED, Estimates, Term
from ._terms import index_of


class MarginalEffects(Estimates):
    """Average marginal effects of a mixture; `marginal_effects` makes it.

    Print it for a table: first those on the mean of the mixture, then by component.

    Parameters
    ----------
    terms : list of Term
        The effects: of every feature, on the mixture and on each component.
    params : ndarray of shape (m,)
        Their estimates.
    cov : ndarray of shape (m, m)
        Their covariance.
    title : str
        Lines above the table.

    Attributes
    ----------
    names : list of str
        ``"mixture: x1"`` or ``"component 0: x1"``.
    std_errors, z, p_values : ndarray of shape (m,)
        By the delta method.
    """


@documented
def marginal_effects(
    model, X, result, sample_weight=None, *, offset=None, trials=None, row_scale=None
):
    r"""Average marginal effects of the features on the expected response.

    For the mixture, whose mean is :math:`\mu(x) = \sum_k \pi_k(x) \mu_k(x)`,

    .. math::
        \frac{1}{\sum_i w_i} \sum_i w_i \frac{\partial \mu(x_i)}{\partial x_j}
        = \frac{1}{\sum_i w_i} \sum_i w_i \sum_k \pi_k(x_i) \bigl(
            \mu_k'(\eta_{ik})\, b_{kj} + (\mu_k(x_i) - \mu(x_i))\, g_{kj} \bigr)

    with the derivative :math:`\mu_k'` of the inverse link: what the feature does
    within components, and by moving rows between them through the gate. For component
    k alone it is the mean of :math:`\mu_k'(\eta_{ik}) b_{kj}`. Standard errors are by
    the delta method, for the rows as they are.

    Parameters
    ----------
    {fitted_model}
    X : array-like of shape (n_samples, n_features)
        Rows to average over; they need not be those of the fit.
    result : InferenceResult
        From `inference`: the covariance of the parameters, and names of components.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.
    {offset}
    trials : array-like of shape (n_samples,), default=None
        Binomial family: the effect is on the number of successes.
    {row_scale}

    Returns
    -------
    MarginalEffects
        Effects of the features that are in the regressions or the gate.

    Notes
    -----
    Features are taken for columns that can move alone and by a little. Where one is
    the square of another, or codes a category, compare predictions instead.

    References
    ----------
    .. [1] Bartus, T. (2005). Estimation of marginal effects using margeff. Stata
       Journal 5, 309-329.

    Examples
    --------
    >>> from mixreg_sklearn import MixtureRegressor
    >>> from mixreg_sklearn.datasets import load_two_lines
    >>> from mixreg_sklearn.inference import inference, marginal_effects
    >>> X, y = load_two_lines(return_X_y=True)
    >>> model = MixtureRegressor(2, random_state=0).fit(X, y)
    >>> effects = marginal_effects(model, X, inference(model, X, y))
    >>> effects.names[0], effects.params[0].round(2).item()
    ('mixture: x0', 0.98)
    """
    found = of_one_response(model, "Marginal effects")
    model, X = found.mixture, found.features(X)
    family = make_family(model.family)
    if len(family.predictors) > 1:
        raise ValueError(
            "Marginal effects are known for families with one linear predictor;"
            f" {type(family).__name__} has {len(family.predictors)}."
        )
    at = _evaluate(model, X, sample_weight, **row_arguments(locals()))
    terms = _effect_terms(result.terms)
    if not terms:
        raise ValueError(
            "The model has no marginal effects: no feature is in its regressions or its"
            " gate (regression_features, gate_features)."
        )
    params, slopes = np.zeros(len(terms)), np.zeros((len(terms), len(result.terms)))
    for i, term in enumerate(terms):
        k, j = term.component, term.feature
        params[i], slope = _on_mixture(at, j) if k is None else _on_component(at, k, j)
        for column, given in enumerate(result.terms):
            if given.attribute in slope:
                values = np.asarray(slope[given.attribute])
                slopes[i, column] = values[index_of(given)]
    moves = slopes @ result.factor
    title = f"Average marginal effects on the expected response; {at.X.shape[0]} rows"
    return MarginalEffects(terms, params, moves @ moves.T, title)


def _effect_terms(terms):
    """Effects of the features that have a coefficient, mixture first."""
    slopes = [t for t in terms if t.feature is not None]
    labels = {t.feature: t.label.removeprefix("gate ") for t in slopes}
    loose = {t.feature for t in slopes if t.note == UNIDENTIFIED}
    inside = {t.feature for t in terms if t.attribute == "coef_"}
    called = {None: ""} | {t.component: t.called for t in terms}
    return [
        Term("effect", k, j, labels[j], UNIDENTIFIED if j in loose else "", called[k])
        for k in called
        for j in sorted(labels)
        if k is None or j in inside
    ]


class _Evaluated(NamedTuple):
    """A mixture at some rows."""

    X: np.ndarray  # (n, d), or CSR
    weight: np.ndarray  # (n,), sums to one
    prior: np.ndarray  # (n, K')
    mean: np.ndarray  # (n, K')
    slope: np.ndarray  # (n, K') first derivative of the mean in eta
    bend: np.ndarray  # (n, K') second derivative
    coef: np.ndarray  # (K', d), zero for a background
    gate_coef: np.ndarray  # (K', d)
    n_components: int  # K


def _evaluate(model, X, sample_weight, **rows):
    ahead = model.predict_distribution(X, **rows)
    X = check_features(model, X, dtype=np.float64, accept_sparse="csr", reset=False)
    weight = check_weight(sample_weight, X)
    slope, bend = _derivatives(ahead.family, ahead.eta, ahead.scale)
    if ahead.trials is not None:
        slope, bend = slope * ahead.trials[:, None], bend * ahead.trials[:, None]
    fitted = Fitted.of(model)
    coef, gate_coef = fitted.coef[0], fitted.gate_coef
    mean, K = component_means(ahead), fitted.n_components
    if ahead.background is not None:
        # It has a mean of its own, which no feature moves.
        coef = np.vstack([coef, np.zeros(coef.shape[1])])
        apart = np.ones(len(ahead))
        slope, bend = (np.column_stack([v, 0 * apart]) for v in (slope, bend))
        mean = np.column_stack([mean, ahead.background.mean * apart])
    if gate_coef is None:
        gate_coef = np.zeros_like(coef)
    rows = X, weight / weight.sum(), ahead.weights, mean, slope, bend
    return _Evaluated(*rows, coef, gate_coef, K)


def _derivatives(family, eta, scale):
    """First and second derivative of a family's mean in the linear predictor."""
    if not family.links:
        if not np.array_equal(family.mean(eta, scale), eta):
            raise ValueError(
                f"{type(family).__name__} has no link: the derivative of its mean is"
                " not known."
            )
        return np.ones_like(eta), np.zeros_like(eta)
    link = family._link()
    if hasattr(link, "log_mean"):
        at, mean = link.log_mean(eta), link.mean(eta)
        return at.first(mean), at.second(mean, mean)
    at = link.logs(eta)
    slope = np.exp(at.success) * at.success_slope
    return slope, slope * link.bend(eta)


def _on_component(at, k, j):
    """Effect of feature j on the mean of component k, and its derivatives."""
    slope = _nothing(at)
    effect = at.weight @ at.slope[:, k]
    bend = at.weight * at.bend[:, k] * at.coef[k, j]
    slope["intercept_"][k] = bend.sum()
    slope["coef_"][k] = bend @ at.X
    slope["coef_"][k, j] += effect
    return effect * at.coef[k, j], slope


def _on_mixture(at, j):
    """Effect of feature j on the mean of the mixture, and its derivatives."""
    b, g = at.coef[:, j], at.gate_coef[:, j]
    between = at.mean - (at.prior * at.mean).sum(axis=1, keepdims=True)
    within = at.slope * b
    shift = at.prior @ g
    each = within + between * g
    total = (at.prior * each).sum(axis=1)
    weighted = at.prior * at.weight[:, None]
    of_eta = weighted * (at.bend * b + at.slope * (g - shift[:, None]))
    of_logit = weighted * (each - total[:, None] - shift[:, None] * between)
    slope = _nothing(at)
    slope["intercept_"] += of_eta.sum(axis=0)
    slope["coef_"] += of_eta.T @ at.X
    slope["coef_"][:, j] += (weighted * at.slope).sum(axis=0)
    slope["gate_intercept_"] += of_logit.sum(axis=0)
    slope["gate_coef_"] += of_logit.T @ at.X
    slope["gate_coef_"][:, j] += (weighted * between).sum(axis=0)
    shares = at.weight @ within
    slope["weights_"] += shares[: at.n_components]
    slope["background_weight_"] = shares[at.n_components :].sum()
    return at.weight @ total, slope


def _nothing(at):
    """Derivatives of zero in every attribute but constants, which move no mean."""
    matrices, vectors = ("coef_", "gate_coef_"), ("intercept_", "gate_intercept_")
    slope = {name: np.zeros(at.coef.shape) for name in matrices}
    slope["weights_"] = np.zeros(at.n_components)
    return slope | {name: np.zeros(len(at.coef)) for name in vectors}
