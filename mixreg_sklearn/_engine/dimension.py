"""How many parameters a fit has: free ones, less what a ridge takes away."""

import numpy as np

from .ascent import inverse_of
from .layout import layout_of


def effective_dimension(model, rows, params):
    r"""Effective number of parameters at a maximum, a batch of one.

    Numbers that a kink holds do not count, as for the lasso (Zou, Hastie & Tibshirani
    2007), and under a ridge it is :math:`\operatorname{tr}(J_\rho^{-1} J)`, with the
    observed information J of the likelihood and :math:`J_\rho` with the ridge (Hastie,
    Tibshirani & Friedman 2009, section 7.6). A ridge of the gate does not count.
    """
    basis = model.basis(params)
    free = ~model.idle(basis, params)[0]
    ridge = _ridge(model, params)
    if not ridge.any():
        return int(free.sum())
    curvature = rows.sum(model.curvature, params)
    _, hessian = model.penalized(params, curvature)
    information = -basis.restrict_form(hessian)[0][np.ix_(free, free)]
    taken = basis.restrict_form(np.diag(ridge)[None])[0][np.ix_(free, free)]
    inverse = inverse_of(information)
    if inverse is None:
        return int(free.sum())
    return float(free.sum() - np.trace(inverse(taken)))


def _ridge(model, params):
    """Weights of the ridge on every number, (M,)."""
    (_, _), (bends, _) = model.regressions.penalty_derivatives(params)
    none = np.zeros(params.constants.shape), np.zeros(params.logits.shape)
    return -layout_of(params).join(bends, *none)[0]
