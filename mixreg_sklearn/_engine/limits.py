"""Limits to which numbers of a mixture may tend, where its likelihood is highest.

A constant may tend to a bound of its family, the share of a background to zero. Near
such a limit the likelihood is linear in the number itself, and Newton's method in its
logarithm has no end.
"""

from typing import NamedTuple

import numpy as np

from .admissible import NEAR
from .layout import layout_of

# The largest change of a log scale or a logit in one step.
LONGEST = 2.0
# How far a number at its limit may leave it in one step, in multiples of `NEAR`.
_BACK = 4.0
# Numbers are at a bound within this distance, in logarithms.
_AT = 1e-9
# Odds of a background without a share.
_NOTHING = 1e-100


class Limit(NamedTuple):
    """Free directions (of `Mixture.basis`) that limits take over."""

    apart: np.ndarray  # (R, m) whether they do
    step: np.ndarray  # (R, m) step in such a direction
    gain: np.ndarray  # (R,) its possible gain, in nats


def limits(model, params, basis, derivatives, restricted):
    """The Limit of constants and of a background that are at a limit, or near it.

    `derivatives` are the gradient (R, M) and the Hessian (R, M, M) of the objective,
    `restricted` the gradient (R, m) and the information (R, m, m) in directions of the
    `basis`.
    """
    apart = np.zeros(restricted[0].shape, dtype=bool)
    limit = Limit(apart, np.zeros(apart.shape), np.zeros(len(apart)))
    _, places, logits = layout_of(params).places()
    for s, end in _ends(model.regressions):
        values = params.constants[..., s]
        if end.near(values).any():
            rows = basis.rows(places[:, s])
            _enter_constants(limit, end, values, rows, *restricted)
    if model.free_background(params):
        odds = _odds(params)[:, None]
        if _ODDS.near(odds).any():
            place = logits[-1:, 0]
            _enter_odds(limit, odds, place, basis.rows(place), *derivatives)
    return limit


def without_background(model, params):
    """Restarts whose background is at the limit of no share, (R,)."""
    if not model.free_background(params):
        return np.zeros(params.n_restarts, dtype=bool)
    return _ODDS.height(_odds(params)) <= _AT


def _odds(params):
    """Odds of a background against all components, (R,)."""
    share = np.exp(params.logits[:, -1, 0])
    return share / np.exp(params.logits[:, :-1, 0]).sum(axis=1)


class _End(NamedTuple):
    """A bound of a number, where the likelihood is at its limit."""

    sign: int  # 1 for a lower bound, -1 for an upper one
    bound: float
    power: float  # of the number or its reciprocal, in which the likelihood is linear

    def height(self, values):
        """Distances from the bound, in logarithms."""
        return self.sign * np.log(values / self.bound)

    def near(self, values):
        """Where numbers are at the bound, or near zero to its power."""
        small = values ** (self.sign * self.power) < NEAR
        return small | (self.height(values) <= _AT)

    @property
    def furthest(self):
        """The height to which one step from the bound may lead."""
        height = np.log(_BACK * NEAR) / self.power - self.sign * np.log(self.bound)
        return max(height, LONGEST)


_ODDS = _End(1, _NOTHING, 1.0)


def _ends(regressions):
    """The limits of a family: pairs of a constant, 0 to S - 1, and its _End."""
    bounds = regressions.lower, regressions.upper, regressions.powers
    for s, (lower, upper, power) in enumerate(zip(*bounds, strict=True)):
        if not regressions.collapses[s]:
            yield s, _End(1, lower, power)
        if np.isfinite(upper):
            yield s, _End(-1, upper, power)


def _enter_constants(limit, end, values, basis, gradient, information):
    """Enter constants (R, K) near an end, in place.

    `basis` (K, m) has the rows of their logarithms; the gradient is (R, m), the
    information (R, m, m).
    """
    columns = np.flatnonzero(basis.any(axis=0))
    basis = basis[:, columns]
    # A common constant is one direction, in which each logarithm moves by 1 / factor.
    factor = basis.sum(axis=0)
    near = end.near(values) @ basis > 0
    height = end.height(values) @ basis / factor
    slope = end.sign * gradient[:, columns] * factor
    bend = -information[:, columns, columns] * factor**2
    _enter(limit, end, columns, factor, near, height, slope, bend)


def _enter_odds(limit, odds, place, basis, gradient, hessian):
    """Enter the odds (R, 1) of a background, which are near zero, in place.

    `basis` (1, m) has the row of its logit, which is at `place` (1,) of the gradient
    (R, M) and the Hessian (R, M, M). These are exact where odds are tiny, which what
    follows from them in the directions of the basis is not.
    """
    columns = np.flatnonzero(basis[0])
    near, height = _ODDS.near(odds), _ODDS.height(odds)
    slope, bend = gradient[:, place], hessian[:, place, place]
    _enter(limit, _ODDS, columns, basis[0, columns], near, height, slope, bend)


def _enter(limit, end, columns, factor, near, height, slope, bend):
    r"""Enter the directions `columns` (c,) of numbers that are near an end, in place.

    There :math:`\ell` is linear in :math:`\theta`, the number :math:`\phi` or its
    reciprocal to a power p, and steps in :math:`\log\phi` would not end. With ``s`` and
    ``h`` the first and second derivative in the logarithm of the number or its
    reciprocal, Newton's step multiplies :math:`\theta` by ``1 + p s / (p s - h)``.
    Where this is not positive (``s < 0`` and ``h >= 2 p s``) the number jumps to the
    limit, for a gain of about ``|s| / p``, and stays while ``s <= 0``, by the
    conditions of Karush, Kuhn and Tucker. Where ``s > 0`` and ``h`` is not negative,
    the number takes the step in :math:`\theta`, and the restart does not count as
    converged.

    The other arguments are (R, c), and a step of one in such a logarithm is one of
    `factor` in its direction.
    """
    p, at = end.power, height <= _AT
    falls = near & (slope <= 0) & (at | (bend >= 2 * p * slope))
    rises = near & (slope > 0) & (at | (bend >= 0))
    slowing = np.maximum(p * slope - bend, np.finfo(float).tiny)
    with np.errstate(over="ignore", invalid="ignore"):
        rise = np.log1p(p * slope / slowing) / p
    rise = np.minimum(rise, end.furthest - height)
    step = np.where(rises, rise, np.where(falls, -height, 0))
    limit.apart[:, columns] |= falls | rises
    limit.step[:, columns] += end.sign * factor * step
    limit.gain[:] += np.where(falls & ~at, np.abs(slope) / p, 0).sum(axis=1)
    limit.gain[rises.any(axis=1)] = np.inf
