"""The feature that is the time of trajectories."""

import numpy as np

# Highest power of the time of which another column may be made.
_DEGREE = 5
# A column is a function of the time if this share of its variance is left, or less.
_LEFT_OVER = 1e-6


def time_of(raw, time):
    """Index of the time among the features of a `Raw`, and its values (n,).

    Raises
    ------
    ValueError
        If `time` is not a feature, has missing values or is constant, or if another
        feature is a function of it.
    """
    j = raw.position(time, "time")
    values = raw.numbers(j)
    if values is None or not np.isfinite(values).all() or not np.ptp(values):
        raise ValueError(f"time={time!r} must be finite and vary over the rows.")
    scaled = 2 * (values - values.min()) / np.ptp(values) - 1
    degree = min(_DEGREE, len(np.unique(values)) - 1)
    basis = np.polynomial.chebyshev.chebvander(scaled, degree)
    for other, name in enumerate(raw.names):
        column = raw.numbers(other)
        if other != j and column is not None and _follows(column, basis):
            raise ValueError(
                f"column {name!r} of X is a function of the time {raw.names[j]!r}, and"
                " would not follow it: pass a pipeline that makes it, for example with"
                " PolynomialFeatures, and X without it."
            )
    return j, values


def _follows(column, basis):
    """Whether a column (n,) is a combination of functions of the time (n, degree)."""
    if np.isnan(column).all():
        return False
    filled = np.where(np.isfinite(column), column, np.nanmean(column))
    centered = filled - filled.mean()
    fit = basis @ np.linalg.lstsq(basis, centered, rcond=None)[0]
    total = centered @ centered
    return total > 0 and np.square(centered - fit).sum() <= _LEFT_OVER * total
