"""Validation of the arguments of `fit`."""

from typing import NamedTuple

import numpy as np

from ..families._names import make_family
from .checks import (
    check_enough,
    check_features,
    check_offset,
    check_response,
    check_weight,
    without_fields,
)
from .data import Data
from .groups import Groups, check_constant, check_groups
from .known import KNOWN, check_known
from .matrices import column_of, in_order
from .row_data import check_row_data
from .structure import Columns, make_structure


def read(model, X, y, sample_weight, groups, offset, row_data, **checks):
    """Validate the data of a fit and the parameters of a `MixtureRegressor`.

    `row_data` is a dict from names to array-likes of shape (n,), the known components
    among them; `checks` are keywords of scikit-learn's `validate_data`.

    Returns
    -------
    data : Data
    y : ndarray of shape (n,) or (n, m)
        The response as the user gave it.
    structure : Structure
    columns : Columns

    Raises
    ------
    ValueError
        If data or parameters have the wrong shape, type or range.
    """
    rows = read_rows(model, X, y, sample_weight, groups, offset, row_data, **checks)
    counted = np.flatnonzero(rows.data.weight > 0)
    units = counted if groups is None else np.unique(rows.data.group[counted])
    check_enough(model.n_components, len(units), groups is not None)
    columns = columns_of(model, X)
    family = make_family(model.family, row_data)
    family.check_together(rows.data.y[..., counted])
    structure = make_structure(model, family, columns)
    check_gating(rows, structure, columns)
    return rows.data, rows.y, structure, columns


class Rows(NamedTuple):
    """Validated rows, all of them or those that are in one place."""

    data: Data
    y: np.ndarray  # (n,) or (n, m), the response as the user gave it
    groups: Groups | None


def read_rows(model, X, y, sample_weight, groups, offset, row_data, **checks):
    """Validate the rows of a fit, as `read`. -> Rows."""
    family = make_family(model.family, row_data)
    X, y = _features_and_response(model, family, X, y, **checks)
    X = in_order(X)
    weight = check_weight(sample_weight, X)
    offset = check_offset(offset, X, family)
    groups = check_groups(groups, X)
    check_constant(weight, groups, "sample_weight")
    n_shares = model.n_components + (model.background is not None)
    row_data = dict(row_data)
    known = check_known(row_data.pop(KNOWN, None), len(y), n_shares, groups)
    family.check_target(y)
    target = family.target(y, **row_data)
    row_data = check_row_data(family, row_data, len(y))
    group = None if groups is None else groups.of_row
    data = Data(X, target, weight, offset, group, row_data, known)
    return Rows(data, y, groups)


def _features_and_response(model, family, X, y, **checks):
    """X, as scikit-learn validates it, and y, (n,) or (n, m) in float64."""
    checks |= {"dtype": [np.float64, np.float32], "accept_sparse": "csr"}
    if family.response_columns == 1:
        y = without_fields(y, family)
        X, y = check_features(model, X, y, y_numeric=True, **checks)
        return X, np.asarray(y, dtype=np.float64)
    # scikit-learn's checks of several columns refuse infinite and missing numbers.
    X = check_features(model, X, **checks)
    if y is None:
        name = type(model).__name__
        raise ValueError(f"{name} requires y to be passed, but the target y is None.")
    return X, check_response(y, X.shape[0], family, model)


def columns_of(model, X):
    """Columns of X, as the user gave it, once an estimator has seen its features."""
    names = getattr(model, "feature_names_in_", None)
    return Columns(X, model.n_features_in_, names)


def check_gating(rows, structure, columns):
    """Raise ValueError where features of the gate differ within a group."""
    for j in structure.gating if rows.groups is not None else ():
        values = column_of(rows.data.X, j)
        check_constant(values, rows.groups, f"gate_features: {columns.name(j)}")
