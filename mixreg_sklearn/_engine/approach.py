"""From the optimum of a sample to near that of all rows, by a few gradients."""

import numpy as np

from .ascent import inverse_of
from .layout import layout_of
from .limits import limits

# Gradients of all rows, at most.
_MOST = 12
# Steps whose predicted gains fall more slowly are not worth a pass: Newton's method
# then needs the information of all rows.
_SLOW = 0.2


def approach(model, rows, sample, params, tol):
    r"""Climb from the optimum of a sample, a batch of one, toward that of all rows.

    The steps are those of BFGS (Nocedal & Wright 2006, section 6.1), which starts at
    the information of the sample in proportion to the weights: gradients of all rows
    cost a sixth of their information, and m rows of a sample have about
    :math:`\log_{10}\sqrt{m}` digits of it. They end where the predicted gain is below
    `tol` or falls slowly, and never lower the likelihood: from there Newton's method
    leads on, and proves.
    """
    if model.kinked:
        # Newton's method alone knows which numbers stay at a kink.
        return params
    basis, layout = model.basis(params), layout_of(params)
    inverse = _inverse_information(model, sample, params, basis)
    if inverse is None:
        return params
    share = sample.total_weight / rows.total_weight
    best, last, accepted = -np.inf, np.inf, params
    step, before, moves = None, None, []
    for _ in range(_MOST):
        at = rows.sum(model.gradient, params)
        value = at.loglik[0] + np.sum(model.penalty(params))
        if not value >= best - 1e-12 * abs(best):
            break
        best, accepted = value, params
        of_penalty, _ = model.penalty_derivatives(params)
        gradient = basis.restrict(at.gradient + of_penalty)[0]
        if step is not None and step @ (before - gradient) > 0:
            moves.append((step, before - gradient))
        step = _direction(lambda v: share * inverse(v), moves, gradient)
        before = gradient
        gain = 0.5 * float(step @ gradient)
        if not tol < gain < _SLOW * last:
            break
        falls = gain / last if np.isfinite(last) else 1.0
        expected, last = gain * falls, gain
        params = layout.moved(accepted, basis.expand(step[None])).normalized()
        params = params._replace(constants=model.regressions.inside(params.constants))
        # Not worth another look: an exact step follows.
        if expected < 0.5 * tol:
            return params
    return accepted


def _inverse_information(model, sample, params, basis):
    """A function that multiplies by the inverse information of a sample.

    None without a maximum inside.
    """
    curvature = sample.sum(model.curvature, params)
    derivatives = gradient, hessian = model.penalized(params, curvature)
    restricted = basis.restrict(gradient), -basis.restrict_form(hessian)
    apart = limits(model, params, basis, derivatives, restricted).apart
    return None if apart.any() else inverse_of(restricted[1][0])


def _direction(inverse, moves, gradient):
    """BFGS: the inverse information after all moves, times a gradient (m,).

    By two loops over the moves, pairs of a step and of how much the gradient fell in it
    (Nocedal & Wright 2006, algorithm 7.4).
    """
    shares = []
    for step, fall in reversed(moves):
        shares.append(float(step @ gradient) / float(step @ fall))
        gradient = gradient - shares[-1] * fall
    direction = inverse(gradient)
    for (step, fall), share in zip(moves, reversed(shares), strict=True):
        direction += (share - float(fall @ direction) / float(step @ fall)) * step
    return direction
