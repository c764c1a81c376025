"""Highest-density regions of mixtures, and tables of relevant counts.

The density of a row is tabulated on a grid adapted to the width of each component, to
which its maxima and minima are added. Between neighboring points, the density is then
monotone: the edges of ``{p >= t}`` lie between neighbors on different sides of t. The
threshold t is a root of the probability between the edges minus the level.
"""

import numpy as np
from scipy import special

from .._data.chunks import AtRows
from ._components import component_quantiles
from ._roots import find_maximum, find_root

# Levels of the grid of a component: those of a normal at these standard deviations.
_GRID = special.ndtr([-8.0, -4.0, -2.5, -1.5, -0.7, 0.0, 0.7, 1.5, 2.5, 4.0, 8.0])
_STEPS = 6
_BLOCK = 2048
# Lower log-densities are set to this value, as infinity cannot be interpolated.
_LOWEST = -1e5
# Counts with less total probability than this are ignored.
_NEGLIGIBLE = 1e-15
_MOST_COUNTS = 2**22
_CELLS = 2**18


def highest_density(mixture, level):
    """Ends (n, max_parts, 2) of the regions; see `MixtureDistribution`."""
    solve = _runs if mixture.discrete else _intervals
    parts = [np.empty((0, 3)), *solve(mixture, level)]
    number, lower, upper = np.concatenate(parts).T
    order = np.lexsort((lower, number))
    row = number[order].astype(np.intp)
    place = np.arange(len(row)) - np.searchsorted(row, row)
    regions = np.full((len(mixture), 1 + place.max(initial=0), 2), np.nan)
    regions[row, place, 0], regions[row, place, 1] = lower[order], upper[order]
    return regions


# Densities ------------------------------------------------------------------------


def _intervals(mixture, level):
    """Yield rows, lower and upper ends of intervals, (m, 3), block by block."""
    for start in range(0, len(mixture), _BLOCK):
        part = mixture[start : start + _BLOCK]
        x, log_density = _table(part)
        log_threshold = _thresholds(part, x, log_density, level)
        intervals = _between_edges(part, x, log_density, log_threshold)
        intervals[:, 0] += start
        yield intervals


def _table(mixture):
    """Grid with all maxima and minima, and log-densities there, both (n, G)."""
    coarse = component_quantiles(mixture, _GRID)
    t = np.linspace(0, 1, _STEPS, endpoint=False)
    fine = coarse[..., :-1, None] * (1 - t) + coarse[..., 1:, None] * t
    n = len(mixture)
    x = np.concatenate([fine.reshape(n, -1), coarse[..., -1]], axis=1)
    x = np.sort(x, axis=1)
    # Coincident points would hide an extremum between their neighbors.
    x[:, 1:][x[:, 1:] == x[:, :-1]] = np.nan
    x = np.sort(x, axis=1)
    x = np.where(np.isnan(x), np.nanmax(x, axis=1, keepdims=True), x)
    log_density = mixture.logpdf(x)
    refined = x.copy()
    for sign in (1, -1):
        refined = _refine(mixture, x, log_density, sign, refined)
    refined = np.sort(refined, axis=1)
    return refined, np.maximum(mixture.logpdf(refined), _LOWEST)


def _refine(mixture, x, log_density, sign, refined):
    """Replace points of `refined` by nearby maxima (sign 1) or minima (-1)."""
    g = sign * log_density
    peak = (g[:, 1:-1] >= g[:, :-2]) & (g[:, 1:-1] > g[:, 2:])
    row, i = np.nonzero(peak)
    near = mixture[row]
    refined[row, i + 1] = find_maximum(
        lambda y, rows: sign * near[rows].logpdf(y), x[row, i], x[row, i + 2]
    )
    return refined


def _thresholds(mixture, x, log_density, level):
    """Log-densities at the edges of the regions, (n,)."""

    def excess(log_threshold, rows):
        part, values = mixture[rows], log_density[rows]
        row, falling, edge = _edges(part, x[rows], values, log_threshold)
        signed = np.where(falling, 1, -1) * part[row].cdf(edge)
        inside = np.bincount(row, signed, minlength=len(rows))
        return inside + (values[:, -1] >= log_threshold) - level

    everything = np.arange(len(x))
    low, high = _bracket(log_density, np.diff(mixture.cdf(x), axis=1), level)
    return find_root(
        excess, low, high, excess(low, everything), excess(high, everything), 1e-13
    )


def _bracket(log_density, mass, level):
    """Lower and upper bounds (n,) of the thresholds.

    A region contains the cells of the grid with both ends above the threshold, and no
    part of those with neither end above it.
    """
    first, second = log_density[:, :-1], log_density[:, 1:]
    bounds = []
    for value in (np.minimum(first, second), np.maximum(first, second)):
        order = np.argsort(-value, axis=1)
        total = np.cumsum(np.take_along_axis(mass, order, axis=1), axis=1)
        enough = total >= level
        enough[:, -1] = True
        last = np.take_along_axis(order, enough.argmax(axis=1)[:, None], axis=1)
        bounds.append(np.take_along_axis(value, last, axis=1)[:, 0])
    return np.minimum(*bounds), np.maximum(*bounds)


def _edges(mixture, x, log_density, log_threshold):
    """Rows (m,), whether the density falls (m,), and edges (m,), in order."""
    value = log_density - log_threshold[:, None]
    above = value >= 0
    row, i = np.nonzero(above[:, 1:] != above[:, :-1])
    near = mixture[row]
    edge = find_root(
        lambda y, cells: near[cells].logpdf(y) - log_threshold[row[cells]],
        x[row, i],
        x[row, i + 1],
        value[row, i],
        value[row, i + 1],
        1e-13,
    )
    return row, above[row, i], edge


def _between_edges(mixture, x, log_density, log_threshold):
    """Rows, lower and upper ends of the intervals, (m, 3)."""
    row, falling, edge = _edges(mixture, x, log_density, log_threshold)
    ends = []
    for side, crossing in ((0, ~falling), (-1, falling)):
        # Where the density is above the threshold at the end of the grid, the edge is
        # the bound of the responses.
        open_ = np.flatnonzero(log_density[:, side] >= log_threshold)
        bound = component_quantiles(mixture[open_], [0.0, 1.0])[..., side]
        bound = bound.min(axis=1) if side == 0 else bound.max(axis=1)
        bound = np.where(np.isfinite(bound), bound, x[open_, side])
        rows = np.concatenate([row[crossing], open_])
        values = np.concatenate([edge[crossing], bound])
        order = np.lexsort((values, rows))
        ends.append((rows[order], values[order]))
    (rows, lower), (_, upper) = ends
    return np.column_stack([rows, lower, upper])


# Counts ---------------------------------------------------------------------------


def _runs(mixture, level):
    """Yield rows, first and last counts of runs, (m, 3), block by block."""
    for rows, counts in count_tables(mixture, _NEGLIGIBLE):
        probability = mixture[rows].pdf(counts)
        falling = -np.sort(-probability, axis=1)
        # Sums and ties are exact only up to rounding.
        enough = np.cumsum(falling, axis=1) >= level - 1e-14
        enough[:, -1] = True
        least = np.take_along_axis(falling, enough.argmax(axis=1)[:, None], axis=1)
        taken = (probability >= (1 - 1e-12) * least) & (probability > 0)
        outside = np.zeros((len(rows), 1), dtype=bool)
        first = taken & ~np.hstack([outside, taken[:, :-1]])
        last = taken & ~np.hstack([taken[:, 1:], outside])
        yield np.column_stack([rows[np.nonzero(first)[0]], counts[first], counts[last]])


def count_tables(mixture, tail):
    """Yield rows (m,) and their counts (m, w), a few rows of similar width at a time.

    The counts omit at most the probability `tail` at either end.

    Raises
    ------
    ValueError
        If the counts of a row spread over too many values.
    """
    low, high = mixture.quantile([tail, 1 - tail]).T
    width = high - low + 1
    if width.max(initial=0) > _MOST_COUNTS:
        raise AtRows(
            f"The counts of row $row spread over {width.max():.0f} values, more than"
            f" can be listed ({_MOST_COUNTS}).",
            width.argmax(),
            np.sum(width > _MOST_COUNTS),
            len(mixture),
        )
    order, start = np.argsort(width, kind="stable"), 0
    while start < len(order):
        most = order[start : start + int(_CELLS / width[order[start]]) + 1]
        fits = np.arange(1, len(most) + 1) * width[most] <= _CELLS
        rows = most[: max(1, fits.sum())]
        yield rows, low[rows, None] + np.arange(width[rows].max())
        start += len(rows)
