"""Which responses a family admits, checked with one message."""

import numpy as np


def require_above(y, lowest, family, *, strictly=False):
    """Raise ValueError where `y` is not above `lowest`."""
    smallest = np.min(y)
    if smallest < lowest or (strictly and smallest == lowest):
        sign = ">" if strictly else ">="
        _refuse(family, f"y {sign} {lowest}", f"min {smallest}")


def require_counts(y, family):
    """Raise ValueError where `y` is not a whole number of at least zero."""
    require_above(y, 0, family)
    broken = np.asarray(y)[y != np.floor(y)]
    if broken.size:
        _refuse(family, "whole numbers y", f"{broken[0]}")


def require_inside(y, lowest, highest, family):
    """Raise ValueError where `y` is not strictly between the two."""
    rule = f"{lowest} < y < {highest}"
    if np.min(y) <= lowest:
        _refuse(family, rule, f"min {np.min(y)}")
    if np.max(y) >= highest:
        _refuse(family, rule, f"max {np.max(y)}")


def _refuse(family, rule, found):
    raise ValueError(
        f"y is out of range: the {family} family needs {rule}; got {found}."
    )
