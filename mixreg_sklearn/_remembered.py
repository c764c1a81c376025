"""What an estimator remembers of its fit, and refuses to ignore."""

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

# Parameters of an estimator without which its estimates cannot be read.
_MODEL = (
    "n_components",
    "family",
    "regression_features",
    "gate",
    "gate_features",
    "offset_feature",
    "shared_features",
    "held_coef",
    "alpha",
    "l1_ratio",
    "penalty",
    "coef_bounds",
    "shared_scale",
    "held_scale",
    "background",
    "fit_intercept",
)


def remember(estimator, grouped):
    """Set what is remembered: whether rows came in groups, and which model it is."""
    estimator.grouped_ = grouped
    values = {name: getattr(estimator, name) for name in _MODEL}
    # Families and gates have parameters of their own, which may change in place.
    estimator._model_of_fit = {
        name: clone(value, safe=False) if _has_parameters(value) else value
        for name, value in values.items()
    }


def check_unchanged(model):
    """Raise unless an estimator is fitted, and describes the model it was fitted as."""
    check_is_fitted(model)
    for name, value in getattr(model, "_model_of_fit", {}).items():
        if not _same(value, getattr(model, name)):
            raise ValueError(
                f"{name} was changed after fit, from {value!r} to"
                f" {getattr(model, name)!r}: the estimates are those of the former."
                " Refit: call fit again."
            )


def _has_parameters(value):
    """Whether a value is an estimator, or a list with one."""
    if isinstance(value, (list, tuple)):
        return any(map(_has_parameters, value))
    return isinstance(value, BaseEstimator)


def _same(one, other):
    """Whether two values of a parameter are equal; one may have been pickled."""
    if one is other:
        return True
    lists = isinstance(one, (list, tuple)) and isinstance(other, (list, tuple))
    if lists and len(one) == len(other):
        return all(map(_same, one, other))
    if isinstance(one, BaseEstimator):
        return type(one) is type(other) and _same(
            one.get_params(deep=False), other.get_params(deep=False)
        )
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(
            _same(value, other[key]) for key, value in one.items()
        )
    return np.array_equal(np.asarray(one, object), np.asarray(other, object))


def check_grouped(model, groups):
    """Raise ValueError where a fit had groups of rows and the call has none.

    The rule for all that depends on responses: likelihoods, criteria, memberships,
    standard errors. A row without its group has another likelihood.
    """
    if groups is None and getattr(model, "grouped_", False):
        raise ValueError(
            "The model was fitted with groups, and without them these are not the data"
            " of the fit: pass groups=, as fit had them. (For rows that are each a"
            " group of its own: groups=np.arange(len(X)).)"
        )
