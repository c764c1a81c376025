"""Checks of what the user hands to `fit`, each with one clear error."""

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import _check_sample_weight

_START_KEYS = ("weights", "coef", "intercept", "scale")


def check_weight(sample_weight, X):
    """Non-negative weights, not all zero; ones where there are none."""
    weight = _check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    if not weight.any():
        raise ValueError("sample_weight is zero for every row: there is nothing to fit")
    return weight


def check_offset(offset, X):
    """One number for every row, or None."""
    if offset is None:
        return None
    if np.shape(offset) != (len(X),):
        raise ValueError(
            f"offset has shape {np.shape(offset)}, but X has {len(X)} rows: it must be"
            " one number for every row."
        )
    return check_array(offset, ensure_2d=False, dtype=np.float64, input_name="offset")


def check_start(init, n_components, n_features):
    """The arrays of a start given as a dict, in the order of `_START_KEYS`."""
    missing = [key for key in _START_KEYS if key not in init]
    unknown = [key for key in init if key not in _START_KEYS]
    if missing or unknown:
        raise ValueError(
            f"init must have exactly the keys {list(_START_KEYS)};"
            f" missing: {missing}, unknown: {unknown}."
        )
    arrays = []
    for key in _START_KEYS:
        shape = (n_components, n_features) if key == "coef" else (n_components,)
        value = check_array(
            init[key], ensure_2d=False, dtype=np.float64, input_name=f"init[{key!r}]"
        )
        if value.shape != shape:
            raise ValueError(f"init[{key!r}] has shape {value.shape}, not {shape}.")
        if key in ("weights", "scale") and not (value > 0).all():
            raise ValueError(f"init[{key!r}] must be positive.")
        arrays.append(value)
    return arrays


def check_memberships(init, n_rows, n_components):
    """Memberships (n, K) that sum to one in every row."""
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
