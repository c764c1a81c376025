"""Weights to estimators of scikit-learn, wherever they take them."""

from inspect import Parameter, signature

import numpy as np
from sklearn import config_context
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from .rows import taken

# Rows whose weight is less than this part of the largest one are left out.
_NEGLIGIBLE = 1e-12


def weight_keyword(estimator):
    """Keyword of `fit` by which an estimator gets weights, or None if it takes none.

    The last step of a pipeline takes them, and what a search or a transformation of
    the target is around.
    """
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        inner = weight_keyword(last) if hasattr(last, "fit") else None
        return inner and f"{name}__{inner}"
    if has_fit_parameter(estimator, "sample_weight"):
        return "sample_weight"
    inner = getattr(estimator, "estimator", getattr(estimator, "regressor", None))
    return weight_keyword(inner) if inner is not None and _hands_on(estimator) else None


def _hands_on(estimator):
    """Whether `fit` hands further keywords on to an estimator inside."""
    parameters = signature(estimator.fit).parameters.values()
    return any(each.kind is Parameter.VAR_KEYWORD for each in parameters)


def fit_weighted(template, X, y, weight):
    """A clone of an estimator, fitted to rows with weights (n,) that are not all zero.

    X is an array, a CSR matrix or a frame.
    """
    counted = np.flatnonzero(weight > _NEGLIGIBLE * weight.max())
    if len(counted) < len(weight):
        X, y, weight = taken(X, counted), y[counted], weight[counted]
    # Weights go straight to where they are taken, as if routing were off.
    with config_context(enable_metadata_routing=False):
        return clone(template).fit(X, y, **{weight_keyword(template): weight})
