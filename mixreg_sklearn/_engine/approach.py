"""From the optimum of a sample to near that of all rows, by a few gradients."""

import numpy as np

from .layout import layout_of
from .newton import limits

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
    basis, layout = model.basis(params), layout_of(params)
    inverse = _inverse_information(model, sample, params, basis)
    if inverse is None:
        return params
    inverse = inverse * (sample.total_weight / rows.total_weight)
    best, last, accepted, step, before = -np.inf, np.inf, params, None, None
    for _ in range(_MOST):
        at = rows.sum(model.gradient, params)
        value = at.loglik[0] + np.sum(model.penalty(params))
        if not value >= best - 1e-12 * abs(best):
            break
        best, accepted = value, params
        of_penalty, _ = model.penalty_derivatives(params)
        gradient = basis.T @ (at.gradient + of_penalty)[0]
        if step is not None:
            inverse = _updated(inverse, step, before - gradient)
        step, before = inverse @ gradient, gradient
        gain = 0.5 * float(step @ gradient)
        if not tol < gain < _SLOW * last:
            break
        falls = gain / last if np.isfinite(last) else 1.0
        expected, last = gain * falls, gain
        params = layout.moved(accepted, (basis @ step)[None])
        params = params._replace(constants=model.regressions.inside(params.constants))
        # Not worth another look: an exact step follows.
        if expected < 0.5 * tol:
            return params
    return accepted


def _inverse_information(model, sample, params, basis):
    """The inverse information (m, m) of a sample, or None without a maximum inside."""
    curvature = sample.sum(model.curvature, params)
    gradient, hessian = model.penalized(params, curvature)
    information = -(basis.T @ hessian @ basis)
    apart = limits(model.regressions, params, basis, gradient @ basis, information)
    values, vectors = np.linalg.eigh(information[0])
    if apart.apart.any() or not values.min(initial=np.inf) > 0:
        return None
    return (vectors / values) @ vectors.T


def _updated(inverse, step, fall):
    """BFGS: the inverse information after the gradient fell by `fall` in a step."""
    along = float(step @ fall)
    if not along > 0:
        return inverse
    turned = np.eye(len(step)) - np.outer(step, fall) / along
    return turned @ inverse @ turned.T + np.outer(step, step) / along
