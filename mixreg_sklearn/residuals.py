r"""Residuals and scores from predictive distributions.

`pit_values` and `quantile_residuals` check a model: under the true model, the former
are uniform and the latter standard normal, for every family. `crps` and `log_score`
compare models: they are proper scoring rules, lower is better. `odd_rows` lists the
rows that a model does not explain, or that it explains by a component of their own, and
`extrapolated_rows` the new rows that lie outside the rows of a component.

With `groups`, each row is predicted given the previous rows of its group: residuals are
then also independent, and minus log-scores sum to the log-likelihood of the groups.
With `known_component`, it is predicted given what is known of its component.
"""

import numpy as np
from scipy import special
from sklearn.utils import check_random_state

from ._at_rows import check_rows, estimates_and_rows
from ._blas import one_blas_thread
from ._data.checks import check_response, check_weight
from ._data.chunks import collected
from ._data.groups import check_groups
from ._data.known import check_known
from ._data.row_data import row_arguments
from ._docs import documented
from ._estimates import own_data
from ._fitted import Fitted
from ._inside import check_coefficients, inside
from ._leverage import Standard, inverse_grams, largest_leverages, leverages
from ._responses import column_of_response, number_of_response
from .predictive._components import log_likelihoods
from .predictive._crps import crps_of
from .predictive._history import Earlier, given_known

__all__ = [
    "crps",
    "extrapolated_rows",
    "log_score",
    "odd_rows",
    "pit_values",
    "quantile_residuals",
]

# Leverages that differ by less, relatively, are equal.
_ROUNDING = 1e-9


@documented
def pit_values(
    model,
    X,
    y,
    *,
    response=None,
    groups=None,
    offset=None,
    trials=None,
    row_scale=None,
    known_component=None,
    random_state=None,
):
    r"""Probability integral transform of the responses, randomized for counts.

    .. math:: u_i = F(y_i | x_i), \qquad
              u_i = F(y_i - 1 | x_i) + v_i\, p(y_i | x_i) \text{ for counts},

    with :math:`v_i` uniform on (0, 1); that of a censored response is uniform between
    the values of its bounds. Under the true model, the values are independent and
    uniform.

    Parameters
    ----------
    {model, X, y, response, groups_in_order, offset, trials, row_scale}
    {known_component}
    random_state : int, RandomState instance or None, default=None
        Source of the :math:`v_i`; used for counts and censored responses only.

    Returns
    -------
    ndarray of shape (n_samples,)
        Values between 0 and 1.

    References
    ----------
    Rosenblatt, M. (1952). Remarks on a multivariate transformation. Annals of
    Mathematical Statistics 23, 470-472.

    Examples
    --------
    >>> from mixreg_sklearn import MixtureRegressor
    >>> from mixreg_sklearn.datasets import load_two_lines
    >>> from mixreg_sklearn.residuals import pit_values
    >>> X, y = load_two_lines(return_X_y=True)
    >>> model = MixtureRegressor(2, random_state=0).fit(X, y)
    >>> pit_values(model, X[:3], y[:3]).round(2).tolist()
    [0.81, 0.78, 0.6]
    """
    rng = check_random_state(random_state)

    def values(ahead, y):
        bounds = ahead.family.bounds(y)
        upper = ahead.cdf(bounds[1])
        if (bounds[0] == bounds[1]).all():
            return upper
        lower = ahead.cdf(bounds[0])
        return lower + rng.uniform(size=len(y)) * (upper - lower)

    return _by_row(values, model, X, y, response, **row_arguments(locals()))


@documented
def quantile_residuals(
    model,
    X,
    y,
    *,
    response=None,
    groups=None,
    offset=None,
    trials=None,
    row_scale=None,
    known_component=None,
    random_state=None,
):
    r"""Randomized quantile residuals, :math:`r_i = \Phi^{-1}(u_i)`.

    The values :math:`u_i` of `pit_values` on the normal scale: under the true model,
    residuals are independent and standard normal, for every family.

    Parameters
    ----------
    {model, X, y, response, groups_in_order, offset, trials, row_scale}
    {known_component}
    random_state : int, RandomState instance or None, default=None
        Source of the randomization; used for counts only.

    Returns
    -------
    ndarray of shape (n_samples,)
        Residuals, finite: floating-point probabilities limit them to -38 and 8.2.

    References
    ----------
    Dunn, P. K. & Smyth, G. K. (1996). Randomized quantile residuals. Journal of
    Computational and Graphical Statistics 5, 236-244.
    """
    rows = row_arguments(locals())
    rows |= {"response": response, "random_state": random_state}
    values = pit_values(model, X, y, **rows)
    least, most = np.finfo(float).tiny, 1 - np.finfo(float).epsneg
    return special.ndtri(np.clip(values, least, most))


@documented
def log_score(
    model,
    X,
    y,
    *,
    response=None,
    groups=None,
    offset=None,
    trials=None,
    row_scale=None,
    known_component=None,
):
    r"""Logarithmic score of each row, :math:`-\log p(y_i | x_i)`, in nats.

    Parameters
    ----------
    {model, X, y, response, groups_in_order, offset, trials, row_scale}
    {known_component}

    Returns
    -------
    ndarray of shape (n_samples,)
        Scores; lower is better. Minus their sum is ``model.log_likelihood``, and minus
        their mean is the result of `metrics.log_likelihood_scorer`. (Where components
        are known, these also count the probability of what is known.)

    References
    ----------
    Gneiting, T. & Raftery, A. E. (2007). Strictly proper scoring rules, prediction, and
    estimation. Journal of the American Statistical Association 102, 359-378.
    """
    return _by_row(_log_score, model, X, y, response, **row_arguments(locals()))


@documented
def crps(
    model,
    X,
    y,
    *,
    response=None,
    groups=None,
    offset=None,
    trials=None,
    row_scale=None,
    known_component=None,
):
    r"""Continuous ranked probability score of each row.

    .. math:: \operatorname{crps}_i
              = \int \bigl(F(t | x_i) - 1\{y_i \le t\}\bigr)^2 \, dt,

    in the units of the response; for a certain prediction, the absolute error. It is
    computed in closed form for the gaussian family (Grimit et al. 2006), as a sum for
    counts, and for other families by Gauss-Legendre quadrature between quantiles, to
    about eight digits (six if the density is unbounded).

    Parameters
    ----------
    {model, X, y, response, groups_in_order, offset, trials, row_scale}
    {known_component}

    Returns
    -------
    ndarray of shape (n_samples,)
        Scores; lower is better.

    References
    ----------
    Grimit, E. P., Gneiting, T., Berrocal, V. J. & Johnson, N. A. (2006). The continuous
    ranked probability score for circular variables and its application to mesoscale
    forecast ensemble verification. Quarterly Journal of the Royal Meteorological
    Society 132, 2925-2942.
    """
    return _by_row(crps_of, model, X, y, response, **row_arguments(locals()))


@documented
def odd_rows(
    model,
    X,
    y,
    *,
    response=None,
    groups=None,
    offset=None,
    trials=None,
    row_scale=None,
    known_component=None,
    level=0.01,
):
    r"""Rows that no component explains, or that have a component almost alone.

    A row is odd if its response is too far out in the predictive distribution,

    .. math:: 2 \min(P(Y_i \le y_i),\, P(Y_i \ge y_i)) < \alpha / n,

    which under the true model happens to any row of all with probability :math:`\alpha`
    at most (Bonferroni), or if it most probably belongs to one of `thin_components_`.
    Rows that most probably belong to a background are not: see `outlier_probability`.

    Parameters
    ----------
    {model, X, y, response, groups_in_order, offset, trials, row_scale}
    {known_component}
    level : float, default=0.01
        The probability :math:`\alpha`.

    Returns
    -------
    dict of ndarray
        For ``pandas.DataFrame(odd_rows(model, X, y))``, the least probable row first:
        `row` (position, from 0), `component` (the most probable one), `component_rows`
        (rows that this component rests on) and `tail` (the probability above).

    Notes
    -----
    An outlier may widen the component that fits it until it is no longer odd. Then a
    mixture of one more component often has it as a component of its own.

    Examples
    --------
    >>> from mixreg_sklearn import MixtureRegressor
    >>> from mixreg_sklearn.datasets import load_two_lines
    >>> from mixreg_sklearn.residuals import odd_rows
    >>> X, y = load_two_lines(return_X_y=True)
    >>> y[7] = 60
    >>> odd = odd_rows(MixtureRegressor(2, random_state=0).fit(X, y), X, y)
    >>> odd["row"].tolist()
    [7]
    """
    found = inside(model)
    model, X = found.mixture, found.features(X)
    rows = row_arguments(locals())
    tail = _by_row(_tail, model, X, y, response, **rows)
    component = model.predict_membership(X, y, **rows)
    # Of experts, nobody knows how many rows they need.
    thin = np.isin(component, list(getattr(model, "thin_components_", ())))
    odd = (tail < level / len(tail)) | thin
    # A row of a background is explained by it.
    odd = np.flatnonzero(odd & (component < model.n_components))
    odd = odd[np.argsort(tail[odd], kind="stable")]
    return {
        "row": odd,
        "component": component[odd],
        "component_rows": model.component_rows_[component[odd]],
        "tail": tail[odd],
    }


@documented
def extrapolated_rows(
    model,
    X_new,
    X,
    y,
    sample_weight=None,
    *,
    groups=None,
    offset=None,
    trials=None,
    row_scale=None,
    known_component=None,
    least_share=0.1,
):
    r"""New rows at which a component that matters is extrapolated.

    The leverage of a row z (with a constant) in component k,

    .. math:: h_k(z) = z^T \Bigl(\sum_i w_i \tau_{ik} z_i z_i^T\Bigr)^{-1} z,

    measures how far it lies from the rows of this component. A new row whose leverage
    exceeds that of every row of the component lies outside them ("hidden
    extrapolation"), though each feature alone may be within its range. Components with
    a prior probability :math:`\pi_k(x)` below `least_share` at this row do not matter.

    Parameters
    ----------
    {model}
    X_new : array-like of shape (n_new, n_features)
        Features of the new rows.
    {data_of_fit, known_of_fit}
    least_share : float, default=0.1
        The least prior probability of a component that matters.

    Returns
    -------
    dict of ndarray
        For ``pandas.DataFrame(extrapolated_rows(model, X_new, X, y))``, the most
        extrapolated row first: `row` (position in `X_new`), `component`, `probability`
        (prior), `leverage`, and `largest` (that of the component's own rows).

    References
    ----------
    Montgomery, D., Peck, E. & Vining, G. (2012). Introduction to Linear Regression
    Analysis, 5th ed., section 3.8. Wiley.

    Examples
    --------
    >>> from mixreg_sklearn import MixtureRegressor
    >>> from mixreg_sklearn.datasets import load_two_lines
    >>> from mixreg_sklearn.residuals import extrapolated_rows
    >>> X, y = load_two_lines(return_X_y=True)
    >>> model = MixtureRegressor(2, random_state=0).fit(X, y)
    >>> X[:, 0].min().round(1).item(), X[:, 0].max().round(1).item()
    (0.0, 9.9)
    >>> extrapolated_rows(model, [[5.0], [25.0]], X, y)["row"].tolist()
    [1, 1]
    """
    rows = row_arguments(locals())
    found = inside(model)
    check_coefficients(found.mixture)
    model, X, X_new = found.mixture, found.features(X), found.features(X_new)
    memberships = model.predict_proba(X, y, **rows)
    component = model.predict_membership(X, y, **rows)
    prior = model.predict_proba(X_new)
    weight = check_weight(sample_weight, component)
    seen, new = check_rows(model, X), check_rows(model, X_new)
    standard = Standard.of(seen, (Fitted.of(model).coef != 0).any(axis=(0, 1)))
    own = (component[:, None] == np.arange(prior.shape[1])) & (weight[:, None] > 0)
    memberships *= weight[:, None]
    with one_blas_thread():
        inverses = inverse_grams(seen, standard, memberships)
        largest = largest_leverages(seen, standard, inverses, own)
        leverage = leverages(new, standard, inverses)
    outside = leverage > largest * (1 + _ROUNDING)
    k, at = np.nonzero((outside & (prior >= least_share)).T)
    order = np.argsort(-leverage[at, k] / np.maximum(largest[k], 1e-300), kind="stable")
    at, k = at[order], k[order]
    return {
        "row": at,
        "component": k,
        "probability": prior[at, k],
        "leverage": leverage[at, k],
        "largest": largest[k],
    }


def _by_row(
    score, model, X, y, response=None, groups=None, known_component=None, **rows
):
    """Scores of rows, (n,), from chunks of predictive distributions and responses.

    Those of a response among several are NaN where it is not seen.
    """
    found = inside(model)
    model, X = found.mixture, found.features(X)
    number = number_of_response(model, response)
    fitted, X, offset, row_data = estimates_and_rows(model, X, **rows)
    y = check_response(y, X.shape[0], fitted.family)
    groups = check_groups(groups, y)
    known = check_known(known_component, len(y), len(fitted.weights), groups)
    earlier = None if groups is None else Earlier(groups, len(fitted.weights))
    y, family = column_of_response(y, fitted.family, number)
    missing = None
    if family is not fitted.family:
        missing = np.isnan(y)
        y = np.where(missing, family.support.inner, y)

    def scores(rows, ahead):
        if known is not None:
            ahead = given_known(ahead, known[rows], rows)
        unseen = None if missing is None else missing[rows]
        if earlier is not None:
            ahead = earlier.given(rows, ahead, y[rows], unseen)
        found = score(ahead, y[rows])
        return found if unseen is None else np.where(unseen, np.nan, found)

    one = fitted.marginals()[number]
    ahead = one.distributions(X, offset, own_data(family, row_data))
    return collected(scores, ahead, len(y))


def _log_score(ahead, y):
    with np.errstate(divide="ignore"):
        log_weights = np.log(ahead.weights)
    log_joint = log_weights + np.column_stack(list(log_likelihoods(ahead, y)))
    return -np.logaddexp.reduce(log_joint, axis=1)


def _tail(ahead, y):
    """Probability of a response as far out as this one, on either side, (n,)."""
    lower, upper = ahead.family.bounds(y)
    at_least, at_most = 1 - ahead.cdf(lower), ahead.cdf(upper)
    return np.minimum(1.0, 2 * np.minimum(at_most, at_least))
