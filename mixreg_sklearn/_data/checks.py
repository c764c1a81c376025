"""Checks of what the user hands to `fit`, each with one clear error."""

import numpy as np
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.validation import _check_sample_weight

_START_KEYS = ("weights", "coef", "intercept", "scale")
_GATE_KEYS = ("gate_coef", "gate_intercept")


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


def check_response(y, n_rows, estimator=None):
    """One finite number for every row."""
    y = check_array(
        y, ensure_2d=False, dtype=np.float64, input_name="y", estimator=estimator
    )
    y = y.ravel() if y.ndim == 2 and y.shape[1] == 1 else y
    if y.ndim != 1:
        raise ValueError(f"y should be a 1d array, got an array of shape {y.shape}")
    check_consistent_length(np.empty(n_rows), y)
    return y


def check_start(init, n_components, n_features, gated):
    """Weights, coefficients, intercepts, scales and gate of a start given as a dict."""
    allowed = _START_KEYS + (_GATE_KEYS if gated else ())
    required = _GATE_KEYS if gated and "weights" not in init else ("weights",)
    missing = [key for key in (*required, *_START_KEYS[1:]) if key not in init]
    unknown = [key for key in init if key not in allowed]
    if missing or unknown:
        raise ValueError(
            f"init must have the keys {list(_START_KEYS)}, and with a softmax gate"
            f" {list(_GATE_KEYS)} besides or instead of 'weights'; missing: {missing},"
            f" unknown: {unknown}."
        )
    arrays = {}
    for key, value in init.items():
        shape = (n_components,)
        if key in ("coef", "gate_coef"):
            shape = (n_components, n_features)
        value = check_array(
            value, ensure_2d=False, dtype=np.float64, input_name=f"init[{key!r}]"
        )
        if value.shape != shape:
            raise ValueError(f"init[{key!r}] has shape {value.shape}, not {shape}.")
        if key in ("weights", "scale") and not (value > 0).all():
            raise ValueError(f"init[{key!r}] must be positive.")
        arrays[key] = value
    weights = arrays.get("weights", np.ones(n_components))
    gate = None
    if all(key in arrays for key in _GATE_KEYS):
        gate = tuple(arrays[key] for key in _GATE_KEYS)
    return weights, *(arrays[key] for key in _START_KEYS[1:]), gate


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
