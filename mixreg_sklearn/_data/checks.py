"""Checks of the arguments of `fit`."""

import numpy as np
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import _check_sample_weight, validate_data

from .._extras import check_in_memory
from ..families._times import censored


class Range(Interval):
    """Numbers in an interval, but not True and False, which Python counts as 1, 0."""

    def is_satisfied_by(self, value):
        return not isinstance(value, bool) and super().is_satisfied_by(value)


def check_features(model, X, *y, **checks):
    """scikit-learn's `validate_data`, with advice where a column of X has words."""
    check_in_memory(X)
    try:
        return validate_data(model, X, *y, **checks)
    except ValueError as error:
        found = _column_of_words(X)
        if found is None:
            raise
        name, word = found
        raise ValueError(
            f"X has words in column {name!r}, such as {word!r}: encode it by numbers,"
            " in a ColumnTransformer with OneHotEncoder(drop='first'), or with"
            " OrdinalEncoder if the categories are ordered."
        ) from error


def _column_of_words(X):
    """Name of the first column with a string that is no number, and the string."""
    values = np.asarray(X, dtype=None if hasattr(X, "__array__") else object)
    if values.ndim != 2 or values.dtype.kind in "biufc":
        return None
    names = getattr(X, "columns", range(values.shape[1]))
    for name, column in zip(names, values.T, strict=True):
        for value in filter(lambda value: isinstance(value, (str, bytes)), column):
            try:
                float(value)
            except ValueError:
                return name, str(value)
    return None


def check_weight(sample_weight, X):
    """Non-negative weights (n,), not all zero; ones if None."""
    weight = _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    if not weight.any():
        raise ValueError("sample_weight is zero for every row: there is nothing to fit")
    return weight


def check_enough(n_components, n_units, grouped):
    """Raise ValueError for more components than rows, or groups, that count."""
    if n_units < n_components:
        name = "n_groups" if grouped else "n_samples"
        raise ValueError(
            f"Expected {name} >= n_components but got n_components = {n_components},"
            f" {name} = {n_units}"
        )


def check_offset(offset, X, family):
    """One finite number for each row, (n,), or None."""
    if offset is None:
        return None
    if len(family.responses) > 1:
        raise ValueError("offset is not available with several responses.")
    n_rows = X.shape[0]
    if np.shape(offset) != (n_rows,):
        raise ValueError(
            f"offset has shape {np.shape(offset)}, but X has {n_rows} rows: it must be"
            " one number for every row."
        )
    return check_array(offset, ensure_2d=False, dtype=np.float64, input_name="offset")


def check_response(y, n_rows, family, estimator=None):
    """One number for each row, (n,), or, if the family has m columns, perhaps (n, m).

    Numbers are finite, or what the family takes in columns (`Family.readable`).
    """
    y = without_fields(y, family)
    n_columns = family.response_columns
    y = check_array(
        y,
        ensure_2d=False,
        dtype=np.float64,
        input_name="y",
        estimator=estimator,
        ensure_all_finite=n_columns == 1,
    )
    y = y.ravel() if y.ndim == 2 and y.shape[1] == 1 else y
    if n_columns == 1 and y.ndim != 1:
        raise ValueError(f"y should be a 1d array, got an array of shape {y.shape}")
    if y.ndim > 1 and y.shape[1:] != (n_columns,):
        one = ", or one" if len(family.responses) == 1 else ""
        raise ValueError(
            f"y has shape {y.shape}: {family!r} takes {n_columns} columns{one}."
        )
    _check_readable(y, family)
    if len(y) != n_rows:
        raise ValueError(
            f"y has {len(y)} values, but X has {n_rows} rows: they have inconsistent"
            " numbers of samples."
        )
    return y


def without_fields(y, family):
    """The response, as bounds where it is a structured array of times and events."""
    if getattr(getattr(y, "dtype", None), "names", None) is None:
        return y
    if family.response_columns != 2 or len(family.responses) > 1:
        raise ValueError(
            "y is a structured array, as scikit-survival has for times and events, but"
            f" {family!r} takes numbers. Families of lifetimes, such as"
            " family='weibull', take times and events."
        )
    return censored(y)


def _check_readable(y, family):
    """Raise ValueError where numbers of several columns are none for the family."""
    wrong = ~family.readable(y) if family.response_columns > 1 else np.False_
    if wrong.any():
        row = np.flatnonzero(wrong.reshape(len(y), -1).any(axis=1))[0]
        raise ValueError(
            f"Input y contains {y[wrong][0]}, first in row {row}, which is no response"
            f" of {family!r}."
        )


def check_memberships(init, n_rows, n_components):
    """Memberships (n, K), scaled so that each row sums to one."""
    memberships = check_array(init, dtype=np.float64, input_name="init")
    if memberships.shape != (n_rows, n_components):
        raise ValueError(
            f"init has shape {memberships.shape}; memberships need one row for every"
            f" row of X and one column for every component: {(n_rows, n_components)}."
        )
    total = memberships.sum(axis=1, keepdims=True)
    if (memberships < 0).any() or not (total > 0).all():
        raise ValueError(
            "init: memberships must be non-negative, with a positive sum in every row."
        )
    return memberships / total
