"""The two verbs of a mixture of regressions, and its curvature.

`summarise` (the E-step) turns parameters and rows into moments, `solve` (the M-step)
moments into parameters, `curvature` gives the exact first and second derivatives of
the log-likelihood. Nothing here loops, stops or draws.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ._moments import Moments, component_grams, weighted_grams
from ._params import Params
from ._scales import ScaleRule

# Beyond these, exponentials are taken relative to the row's largest.
_UNDERFLOW, _OVERFLOW = 1e-290, 600.0


class Curvature(NamedTuple):
    """Log-likelihood, gradient and Hessian of a batch. Curvatures add.

    Parameters are ordered by component: its coefficients, log scale, logit.
    """

    loglik: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray

    def __add__(self, other):
        return Curvature(*(a + b for a, b in zip(self, other, strict=True)))


class Mixture:
    """Family x sharing x scale rule, on rows of a whitened design.

    Parameters
    ----------
    family : Family
    sharing : Separate or Shared
    rule : ScaleRule
    """

    def __init__(self, family, sharing, rule=None):
        self.family, self.sharing = family, sharing
        self.rule = ScaleRule() if rule is None else rule

    def with_rule(self, **changes):
        """The same mixture under another scale rule."""
        return Mixture(self.family, self.sharing, self.rule._replace(**changes))

    def resized(self, n_components):
        """The same mixture with another number of components."""
        return Mixture(self.family, self.sharing.resized(n_components), self.rule)

    @property
    def bounded(self):
        """Whether the likelihood is bounded, so that no optimum is spurious."""
        return self.family.bounded or self.rule.tied is True

    def penalty(self, params):
        """What the scale rule adds to the log-likelihood, (R,)."""
        return self.rule.penalty(params.scale)

    def summarise(self, params, block):
        """E-step: moments of `block` at `params`."""
        n_restarts, n_components, p = params.coef.shape
        n_columns = n_restarts * n_components
        eta = np.dot(params.coef.reshape(n_columns, p), block.Z)
        if block.offset is not None:
            eta += block.offset
        at = self.family.evaluate(
            block.y,
            eta,
            params.scale.reshape(n_columns, 1),
            params.log_weights.reshape(n_columns, 1),
        )
        log_joint = at.log_joint.reshape(n_restarts, n_components, -1)
        tau, loglik = _posterior(log_joint, block.weight)
        columns = tau.reshape(n_columns, -1)
        weighted_score = columns * at.raw_score
        shape = (n_restarts, n_components)
        cross = np.dot(weighted_score, block.Z.T) * at.unit
        information = np.broadcast_to(at.unit * at.unit, (n_columns, 1))
        if np.ndim(at.raw_information) == 0:
            gram = component_grams(tau, block)
            information = at.raw_information * information
        else:
            weighted = (columns * at.raw_information).reshape(tau.shape)
            gram = weighted_grams(weighted, block)
        gram *= information.reshape(*shape, 1, 1)
        statistic = np.empty((n_columns, len(at.statistic)))
        for s, values in enumerate(at.statistic):
            statistic[:, s] = np.einsum("cb,cb->c", columns, values)
        return Moments(
            loglik + block.base,
            columns.sum(axis=1).reshape(shape),
            gram,
            cross.reshape(*shape, p),
            statistic.reshape(*shape, -1),
        )

    def solve(self, moments, params):
        """M-step: the parameters that maximise the expected log-likelihood."""
        step = self.sharing.step(moments.gram, moments.cross)
        # The quadratic 2 step'cross - step'gram step, at its maximum over the step.
        gain = np.einsum("rkp,rkp->rk", step, moments.cross)
        scale = self.family.update_scale(
            params.scale, moments.weight, moments.statistic, gain, self.rule
        )
        weight = np.maximum(moments.weight, np.finfo(float).tiny)
        total = weight.sum(axis=1, keepdims=True)
        return Params(params.coef + step, scale, np.log(weight / total))

    def curvature(self, params, block):
        """Exact derivatives of the log-likelihood over `block`.

        With ``u_k`` the derivative of ``log pi_k f_k`` and ``h_k`` its second one, the
        Hessian of a row is ``E[h + u u'] - E[u] E[u]'`` under the posterior of its
        component (Louis 1982).
        """
        n_restarts, n_components, p = params.coef.shape
        size = p + 2
        Z = block.Z
        eta = params.coef @ Z
        if block.offset is not None:
            eta += block.offset
        at = self.family.derivatives(block.y, eta, params.scale[..., None])
        log_joint = at.log_density + params.log_weights[..., None]
        tau, loglik = _posterior(log_joint, 1.0)
        loglik = loglik @ block.weight + block.base
        weighted = tau * block.weight

        score = np.empty((n_restarts, n_components, size, Z.shape[1]))
        np.multiply(at.eta[:, :, None, :], Z, out=score[:, :, :p])
        score[:, :, p] = at.scale
        score[:, :, p + 1] = 1.0
        weighted_score = score * weighted[:, :, None, :]
        own = weighted_score @ score.swapaxes(-1, -2)
        own[:, :, :p, :p] += ((weighted * at.eta_eta)[:, :, None, :] * Z) @ Z.T
        mixed = (weighted * at.eta_scale) @ Z.T
        own[:, :, :p, p] += mixed
        own[:, :, p, :p] += mixed
        own[:, :, p, p] += np.einsum("rkb,rkb->rk", weighted, at.scale_scale)

        gradient = weighted_score.sum(axis=-1)
        weights = np.exp(params.log_weights)
        total = block.weight.sum()
        gradient[:, :, p + 1] -= total * weights

        flat = (n_restarts, n_components * size, Z.shape[1])
        score *= tau[:, :, None, :]
        hessian = -(weighted_score.reshape(flat) @ score.reshape(flat).swapaxes(1, 2))
        hessian = hessian.reshape(n_restarts, n_components, size, n_components, size)
        each = np.arange(n_components)
        hessian[:, each, :, each, :] += own.swapaxes(0, 1)
        hessian[:, each, p + 1, each, p + 1] -= total * weights
        hessian[:, :, p + 1, :, p + 1] += (
            total * weights[:, :, None] * weights[:, None, :]
        )
        n_parameters = n_components * size
        return Curvature(
            loglik,
            gradient.reshape(n_restarts, n_parameters),
            hessian.reshape(n_restarts, n_parameters, n_parameters),
        )

    def basis(self, params):
        """Orthonormal directions in which the parameters of `params` may move.

        Shared coefficients move together, a common scale moves as one, logits move in
        contrasts. Shape (K (p + 2), m), in the order of `curvature`.
        """
        _, n_components, p = params.coef.shape
        coefficients = self.sharing.basis()
        scales = np.eye(n_components)[:, : n_components * self.family.n_scale]
        if self.rule.tied and self.family.n_scale:
            scales = np.full((n_components, 1), n_components**-0.5)
        parts = [coefficients, scales, _contrasts(n_components)]
        rows = np.arange(n_components * (p + 2)).reshape(n_components, p + 2)
        places = [rows[:, :p].ravel(), rows[:, p], rows[:, p + 1]]
        basis = np.zeros((rows.size, sum(part.shape[1] for part in parts)))
        start = 0
        for part, place in zip(parts, places, strict=True):
            stop = start + part.shape[1]
            basis[place, start:stop] = part
            start = stop
        return basis


def _posterior(log_joint, weight):
    """Responsibilities times `weight`, and log-likelihoods.

    The maximum is subtracted only where a row underflows under every component, or one
    overflows, as large counts do without their `Family.base`: passes over the largest
    array that nearly no block needs.

    Returns
    -------
    tau : ndarray of shape (R, K, B)
    loglik : ndarray of shape (R,), or (R, B) where `weight` is a scalar
    """
    ordinary = log_joint.max(initial=0.0) < _OVERFLOW
    if ordinary:
        joint = np.exp(log_joint)
        total = joint.sum(axis=1)
        ordinary = total.min() > _UNDERFLOW
    if ordinary:
        log_total = np.log(total)
    else:
        log_total, joint, total = _from_peak(log_joint)
    np.divide(weight, total, out=total)
    joint *= total[:, None, :]
    return joint, log_total @ weight if np.ndim(weight) else log_total


def _from_peak(log_joint):
    """The same with the maximum subtracted; a row may have probability zero."""
    peak = log_joint.max(axis=1)
    impossible = ~np.isfinite(peak)
    peak[impossible] = 0.0
    joint = log_joint - peak[:, None, :]
    np.exp(joint, out=joint)
    total = joint.sum(axis=1)
    total[impossible] = 1.0
    log_total = np.log(total) + peak
    log_total[impossible] = -np.inf
    return log_total, joint, total


@lru_cache
def _contrasts(n):
    """Orthonormal basis (n, n - 1) of the vectors that sum to zero."""
    basis, _ = np.linalg.qr(np.eye(n) - 1.0 / n)
    return basis[:, : n - 1]
