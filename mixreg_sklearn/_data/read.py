"""Validation of the arguments of `fit`."""

import numpy as np

from ..families._names import make_family
from .checks import check_enough, check_features, check_offset, check_weight
from .data import Data
from .groups import check_constant, check_groups
from .matrices import column_of, in_order
from .row_data import check_row_data
from .structure import Columns, make_structure


def read(model, X, y, sample_weight, groups, offset, row_data, **checks):
    """Validate the data of a fit and the parameters of a `MixtureRegressor`.

    `row_data` is a dict from names to array-likes of shape (n,); `checks` are keywords
    of scikit-learn's `validate_data`.

    Returns
    -------
    data : Data
    y : ndarray of shape (n,)
        The response as the user gave it.
    structure : Structure
    columns : Columns

    Raises
    ------
    ValueError
        If data or parameters have the wrong shape, type or range.
    """
    original = X
    X, y = check_features(
        model,
        X,
        y,
        dtype=[np.float64, np.float32],
        accept_sparse="csr",
        y_numeric=True,
        **checks,
    )
    X = in_order(X)
    columns = Columns(original, X.shape[1], getattr(model, "feature_names_in_", None))
    y = np.asarray(y, dtype=np.float64)
    weight = check_weight(sample_weight, X)
    offset = check_offset(offset, X)
    groups = check_groups(groups, X)
    check_constant(weight, groups, "sample_weight")
    check_enough(model.n_components, weight, groups)
    family = make_family(model.family)
    family.check_target(y)
    target = family.target(y, **row_data)
    row_data = check_row_data(family, row_data, len(y))
    structure = make_structure(model, family, columns)
    for j in structure.gating if groups is not None else ():
        check_constant(column_of(X, j), groups, f"gate_features: {columns.name(j)}")
    group = None if groups is None else groups.of_row
    data = Data(X, target, weight, offset, group, row_data)
    return data, y, structure, columns
