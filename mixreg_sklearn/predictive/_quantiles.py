"""Quantiles of mixtures, between those of their components."""

import numpy as np

from ._components import quantiles_of_each
from ._roots import find_root


def quantiles(mixture, u):
    """Quantiles (n,) at levels (n,) of responses other than counts."""
    if mixture.background is not None and np.isposinf(mixture.background.upper):
        ends = 1 - mixture.weights[:, -1]
        level = np.minimum(u / np.maximum(ends, np.finfo(float).tiny), 1.0)
        return np.where(u > ends, np.inf, quantiles(mixture.regressions(), level))
    low, high = _bracket(mixture, u)
    rows = np.flatnonzero((low < high) & np.isfinite(low) & np.isfinite(high))
    mixture, u = mixture[rows], u[rows]
    ends = low[rows], high[rows]
    low[rows] = find_root(
        lambda x, cells: mixture[cells].cdf(x) - u[cells],
        *ends,
        *(mixture.cdf(end) - u for end in ends),
        1e-14 * u,
    )
    return low


def _bracket(mixture, u):
    """Lowest and highest quantile (n,) of the components with positive weight."""
    low, high = np.full(u.shape, np.inf), np.full(u.shape, -np.inf)
    for k, found in enumerate(quantiles_of_each(mixture, u)):
        weighted = mixture.weights[:, k] > 0
        low = np.where(weighted, np.minimum(low, found), low)
        high = np.where(weighted, np.maximum(high, found), high)
    return low, high


def count_quantiles(mixture, u):
    """Smallest counts (n,) whose cdf reaches levels (n,), by bisection."""
    low, high = _count_bracket(mixture, u)
    rows = np.flatnonzero(high > low + 1)
    while rows.size:
        a, b = low[rows], high[rows]
        # Wide brackets come from extreme levels; the quantile is near their low end.
        wide = b + 2 > 16 * (a + 2)
        middle = np.where(wide, np.sqrt(a + 2) * np.sqrt(b + 2) - 2, 0.5 * (a + b))
        middle = np.floor(middle)
        # Beyond 2**53, neighboring floats are more than one apart.
        inside = (middle > a) & (middle < b)
        rows, middle = rows[inside], middle[inside]
        reached = mixture[rows].cdf(middle) >= u[rows]
        high[rows[reached]], low[rows[~reached]] = middle[reached], middle[~reached]
        rows = rows[high[rows] - low[rows] > 1]
    return high


def _count_bracket(mixture, u):
    r"""Counts (n,) with a cdf below the levels, and counts (n,) that reach them.

    Quantiles of components of counts would themselves take a search, so the bracket
    comes from Cantelli's inequality, :math:`\mu - \sigma \sqrt{(1 - u) / u}` to
    :math:`\mu + \sigma \sqrt{u / (1 - u)}`. For level 1, it ends at the largest
    response.
    """
    mean, std = mixture.mean(), mixture.std()
    with np.errstate(divide="ignore", invalid="ignore"):
        below, above = np.sqrt((1 - u) / u), np.sqrt(u / (1 - u))
        slack = 1e-9 * mean
        low = np.floor(mean - slack - std * below) - 1
        high = np.ceil(mean + slack + std * above)
    _, most = _bracket(mixture, np.ones(u.shape))
    high = np.where(u < 1, np.minimum(high, most), most)
    return np.where(np.isfinite(high), np.fmax(low, -1.0), high), high
