"""Confidence bands around the means of components."""

import numpy as np
from scipy import stats

from ..predictive import MixtureDistribution
from ..predictive._components import raw_means


def mean_bands(result, X, ahead, level, response=0):
    r"""Pointwise confidence limits of the means of components, each (n, K).

    With :math:`V_k` the covariance of intercept and coefficients of component k, the
    mean at :math:`\eta_k(x) \pm z \sqrt{\tilde x^\top V_k \tilde x}`, where
    :math:`\tilde x = (1, x)`; NaN where that leaves the domain of the link.

    Parameters
    ----------
    result : InferenceResult
        The covariance of the parameters.
    X : ndarray of shape (n, d)
        Features as the mixture sees them.
    ahead : MixtureDistribution
        The mixture at these rows.
    level : float
        Probability of the bands at each row.
    response : int, default=0
        Its number, of several responses.

    Raises
    ------
    ValueError
        If the family has several linear predictors.
    """
    if ahead.eta.ndim > 2:
        raise ValueError(
            "Bands of means are known for families with one linear predictor;"
            f" {type(ahead.family).__name__} has {len(ahead.eta)}: use level=None."
        )
    error = np.sqrt(
        np.square(_moves(result, X, ahead.eta.shape[1], response)).sum(axis=2)
    ).T
    z = stats.norm.ppf((1 + level) / 2)
    ends = [_means_at(ahead, ahead.eta + sign * z * error) for sign in (-1, 1)]
    # A link may be decreasing.
    return np.minimum(*ends), np.maximum(*ends)


def _moves(result, X, n_components, response):
    """Rows of the covariance's factor for linear predictors, (K, n, f)."""
    moves = np.zeros((n_components, len(X), result.factor.shape[1]))
    for term, row in zip(result.terms, result.factor, strict=True):
        if term.response not in (None, response):
            continue
        if term.attribute == "intercept_":
            moves[term.component] += row
        elif term.attribute == "coef_":
            moves[term.component] += np.outer(X[:, term.feature], row)
    return moves


def _means_at(ahead, eta):
    """Means at other linear predictors."""
    moved = MixtureDistribution(
        ahead.family, eta, ahead.scale, ahead.weights, **ahead.row_data
    )
    return raw_means(moved)
