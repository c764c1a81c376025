"""Verified cases with limits and lifetimes: their families and responses."""

import numpy as np
from verified import CASES, table

from mixreg_sklearn.families import Censored, Gaussian, LogNormal, Weibull, censored

LIFETIMES = {"weibull_aft": Weibull, "lognormal_aft": LogNormal}
# Lines that some rows happen to lie near: the penalty on scales passes them over, and a
# fit is led to them.
BY_CHANCE = {"weibull_group_k2_kidney", "lognormal_k2_veteran"}


def cases(*families):
    """Names of the cases that a search is to find."""
    return [
        name
        for name, case in CASES.items()
        if case["family"] in families and name not in BY_CHANCE
    ]


def family_and_response(case):
    """The family of a case, and y of shape (n,) or (n, 2)."""
    data, options = table(case), case["family_options"]
    y = data[case["response"]].to_numpy(dtype=float)
    if case["family"] in LIFETIMES:
        return LIFETIMES[case["family"]](), censored(y, data[options["event"]])
    if options["censoring"] == "interval":
        lower = data[options["lower"]].fillna(-np.inf)
        upper = data[options["upper"]].fillna(np.inf)
        return Censored(Gaussian()), np.column_stack([lower, upper])
    limits = {
        name: options[f"{name}_limit"]
        for name in ("lower", "upper")
        if options[f"{name}_limit"] is not None
    }
    return Censored(Gaussian(), **limits), y
