"""Upper bounds of the directional derivative over all regressions there are.

Branch and bound over directions: exact enough to be a proof, affordable in the plane.
"""

import numpy as np

from ..families import Gaussian
from ._mixing import shares

# Nats by which the bounds together may exceed what was found.
_LEFT = 1.0
# Boxes times rows that may be looked at, for each component.
_MOST_WORK = 1e6


def provable(landscape):
    """Whether all regressions can be looked at: gaussian rows, two coefficients."""
    of_rows, plane = landscape.block.units.single, 0 < len(landscape.Z) <= 2
    return isinstance(landscape.family, Gaussian) and of_rows and plane


def proven_excess(landscape, mixing, found):
    """Upper bounds of ``max_b D_k(b)`` over all regressions, (K,)."""
    share = shares(landscape, mixing)
    bounds = []
    for k, scale in enumerate(landscape.scale):
        log_factor = landscape.log_prior[k] - mixing.log_mixture
        factor = np.exp(log_factor) * landscape.weight / (scale * np.sqrt(2 * np.pi))
        net = landscape.block.y - landscape.known
        rows = np.column_stack([-landscape.Z.T, net]) / scale
        enough = share[k] + found[k] + _LEFT / len(landscape.scale)
        bounds.append(_bound(rows[factor > 0], factor[factor > 0], enough) - share[k])
    return np.maximum(bounds, 0.0)


def _bound(rows, factor, enough):
    r"""Upper bound of :math:`F(b) = \sum_i c_i e^{-r_i(b)^2 / 2}` over all b.

    A regression b is a direction :math:`u \propto (b, 1)`, with residuals
    :math:`r_i = a_i^\top u / u_{p+1}` in standard deviations. Directions are boxes on
    the faces of a cube, so that infinite slopes are included. Boxes whose bound exceeds
    `enough` are split, as long as there is work left. `rows` (n, p + 1) are the vectors
    a, `factor` (n,) the positive numbers c.
    """
    rows = _scaled(rows)
    center, half = _faces(rows.shape[1])
    bound, work = 0.0, _MOST_WORK
    while len(center):
        values = _box_bounds(rows, factor, center, half)
        work -= len(center) * len(rows)
        open_ = values > enough
        bound = max(bound, values[~open_].max(initial=0.0))
        if work < 0:
            return max(bound, values[open_].max(initial=0.0))
        center, half = _split(center[open_], half[open_])
    return bound


def _scaled(rows):
    """The vectors a for directions all of whose coordinates are of like size.

    The last one is shortened, so that the face across it has the regressions one would
    think of.
    """
    size = 1.0 / np.maximum(np.sqrt((rows**2).mean(axis=0)), np.finfo(float).tiny)
    size[-1] /= 4
    return rows * (size / size[-1])


def _faces(q):
    """Half the surface of a cube, last coordinate positive: centers, half-widths."""
    centers, halves = [], []
    for axis in range(q):
        for sign in (1.0,) if axis == q - 1 else (-1.0, 1.0):
            center, half = np.zeros(q), np.ones(q)
            center[-1] = half[-1] = 0.5
            center[axis], half[axis] = sign, 0.0
            centers.append(center)
            halves.append(half)
    return np.array(centers), np.array(halves)


def _split(center, half):
    """Every box in two, along its longest side."""
    axis = half.argmax(axis=1)
    box = np.arange(len(half))
    half = half.copy()
    half[box, axis] /= 2
    shift = np.zeros_like(half)
    shift[box, axis] = half[box, axis]
    return np.vstack([center - shift, center + shift]), np.vstack([half, half])


def _box_bounds(rows, factor, center, half, chunk=512):
    """Upper bounds of F over boxes, (boxes,)."""
    chunks = [slice(i, i + chunk) for i in range(0, len(center), chunk)]
    bounds = [_bounds_of(rows, factor, center[part], half[part]) for part in chunks]
    return np.concatenate(bounds)


def _bounds_of(rows, factor, center, half):
    r"""The lower of two bounds for each box.

    With :math:`\delta_i = |a_i|^\top h` the residual of row i is at least
    :math:`(|a_i^\top u| - \delta_i) / \max u_{p+1}`, which bounds each term. Where
    :math:`u_{p+1}` is constant the residuals are linear in b, and by Taylor's theorem
    :math:`F \le F(u) + |\nabla F(u)|^\top h + \tfrac12 \sum_i c_i \delta_i^2 m_i`
    with :math:`m_i` the maximum of :math:`(r^2 - 1) e^{-r^2/2}` over the residuals in
    the box; this is by far the lower one in a small box.
    """
    at, width = center @ rows.T, half @ np.abs(rows).T
    least = np.maximum(np.abs(at) - width, 0.0)
    highest = (center[:, -1] + half[:, -1])[:, None]
    bounds = np.exp(-0.5 * (least / highest) ** 2) @ factor
    flat = half[:, -1] == 0
    if flat.any():
        last = center[flat, -1:]
        r, delta = at[flat] / last, width[flat] / last
        value = np.exp(-0.5 * r**2) * factor
        slope = np.abs((value * r) @ (rows[:, :-1])) / last
        worst = np.clip(np.sqrt(3.0), np.abs(r) - delta, np.abs(r) + delta)
        bend = np.maximum(worst**2 - 1, 0.0) * np.exp(-0.5 * worst**2)
        second = 0.5 * (delta**2 * bend) @ factor
        first = (slope * half[flat, :-1]).sum(axis=1)
        bounds[flat] = np.minimum(bounds[flat], value.sum(axis=1) + first + second)
    return bounds
