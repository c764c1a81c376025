"""Numbers too large or too small for sums of squares, refused by name."""

import numpy as np

# Beyond these, squares (variances) overflow or vanish.
_MOST, _LEAST = 1e153, 1e-153
# The same for higher powers, of what families take as it is.
_MOST_AS_IT_IS, _LEAST_AS_IT_IS = 1e18, 1e-30
# With larger weights, less than rounding is a nat; sums of smaller ones may vanish.
_MOST_WEIGHT, _LEAST_WEIGHT = 1e18, 1e-300
# A larger part of the linear predictor leaves too few digits for the rest.
_MOST_KNOWN = 1e12


def check_user_sizes(y, weight, offset):
    """Raise ValueError where data in the user's units are out of range."""
    largest = _largest(y)
    _refuse(largest, "y", _MOST, _LEAST)
    _refuse(_largest(weight), "sample_weight", _MOST_WEIGHT, _LEAST_WEIGHT)
    if offset is not None:
        name = "the offset (with offset_feature and coefficients that are held)"
        _refuse(_largest(offset), name, _MOST_KNOWN * max(1.0, largest))


def check_engine_sizes(target):
    """Raise ValueError where a family's responses are out of range."""
    _refuse(_largest(target), "y", _MOST_AS_IT_IS, _LEAST_AS_IT_IS)


def check_held_size(held, feature_map, unit):
    """Raise ValueError for huge held coefficients (1 + d, K), NaN where free."""
    parts = np.abs(feature_map) @ np.abs(np.nan_to_num(held)) * unit
    name = "held_coef: the part of the linear predictor that is held"
    _refuse(_largest(parts), name, _MOST_AS_IT_IS * unit)


def _largest(values):
    """The largest absolute value of those that are finite: others stand for no size."""
    largest = float(max(np.max(values), -np.min(values)))
    if np.isfinite(largest):
        return largest
    return float(np.abs(values[np.isfinite(values)]).max(initial=0.0))


def _refuse(largest, name, most, least=0.0):
    if largest > most:
        what = f"reaches {largest:.3g}, and numbers beyond {most:.0e} are too large"
    elif 0 < largest < least:
        what = f"is at most {largest:.3g}, and numbers below {least:.0e} are too small"
    else:
        return
    raise ValueError(f"{name} {what} to compute with: change the unit of measurement.")
