"""The two verbs of a mixture of regressions, and its curvature.

`summarise` (the E-step) turns parameters and rows into moments, `solve` (the M-step)
moments into parameters, `curvature` gives the exact first and second derivatives of
the log-likelihood. Nothing here loops, stops or draws.
"""

from functools import cached_property, partial
from itertools import pairwise, permutations
from typing import NamedTuple

import numpy as np

from ..families._scales import ScaleRule
from ..gates import ConstantGate
from .columns import Moments, component_grams, weighted_grams
from .params import Params

_UNDERFLOW = 1e-290
# Components that differ by constraints are tried in every order up to this number.
MOST_ROLES = 6


class Curvature(NamedTuple):
    """Log-likelihood, gradient and Hessian of a batch. Curvatures add.

    Parameters are ordered by component: its coefficients, log scale, and the constant
    and coefficients of its gate.
    """

    loglik: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray

    def __add__(self, other):
        return Curvature(*(a + b for a, b in zip(self, other, strict=True)))


class Mixture:
    """Family x gate x sharing x scale rule, on rows of a whitened design.

    Parameters
    ----------
    family : Family
    sharing : Separate or Constrained
    gate : Gate
    rule : ScaleRule
    """

    def __init__(self, family, sharing, gate=None, rule=None):
        self.family, self.sharing = family, sharing
        self.gate = ConstantGate() if gate is None else gate
        self.rule = ScaleRule() if rule is None else rule

    def with_rule(self, **changes):
        """The same mixture under another scale rule."""
        rule = self.rule._replace(**changes)
        return Mixture(self.family, self.sharing, self.gate, rule)

    def resized(self, n_components):
        """The mixture with another number of components.

        Constraints that tell components apart are dropped.
        """
        return Mixture(
            self.family,
            self.sharing.resized(n_components),
            self.gate.resized(n_components),
            self.rule,
        )

    @property
    def bounded(self):
        """Whether the likelihood is bounded, so that no optimum is spurious."""
        return self.family.bounded or self.rule.tied is True

    @property
    def n_components(self):
        return len(self.sharing.n_specific)

    def penalty(self, params):
        """What scale rule and gate add to the log-likelihood, (R,)."""
        return self.rule.penalty(params.scale) + self.gate.penalty(params)

    def alike(self, order):
        """Whether the components in another order obey the same constraints."""
        return self.sharing.alike(order) and self.gate.alike(order)

    @cached_property
    def interchangeable(self):
        """Whether no constraint tells the components apart."""
        each = list(range(self.n_components))
        # Swaps of neighbours generate all orders.
        swaps = [[*each[:a], b, a, *each[b + 1 :]] for a, b in pairwise(each)]
        return all(map(self.alike, swaps))

    def constrain(self, params):
        """The nearest parameters that obey sharing, gate and scale rule."""
        scale = params.scale
        if self.rule.tied is not False:
            weights = np.exp(params.log_weights)
            pooled = np.sqrt((weights * scale**2).sum(axis=1, keepdims=True))
            scale = np.where(self.rule.tied, pooled, scale)
        scale = np.maximum(scale, np.sqrt(self.rule.floor))
        params = params._replace(coef=self.sharing.project(params.coef), scale=scale)
        return self.gate.constrain(params)

    def assign(self, params):
        """Components in the order in which they come nearest to the constraints."""
        if self.interchangeable:
            return params
        best = np.full(params.n_restarts, np.inf)
        chosen = params
        for order in permutations(range(self.n_components)):
            order = np.tile(order, (params.n_restarts, 1))
            tried = params.reorder(order)
            moved = self.sharing.project(tried.coef) - tried.coef
            distance = (moved**2).sum(axis=(1, 2)) + self.gate.distance(tried)
            nearer = distance < best
            chosen = chosen.put(nearer, tried.take(nearer))
            best = np.where(nearer, distance, best)
        return chosen

    def shares(self, params, rows):
        """Mean prior probabilities of the components over units, (R, K)."""
        total = rows.sum(partial(self._expected, params))
        return total / total.sum(axis=1, keepdims=True)

    def _expected(self, params, block):
        _, prior = self.gate.prior(params, block)
        prior = np.broadcast_to(prior, (*prior.shape[:2], len(block.unit_weight)))
        return prior @ block.unit_weight

    def summarise(self, params, block):
        """E-step: moments of `block` at `params`."""
        n_restarts, n_components, p = params.coef.shape
        n_columns = n_restarts * n_components
        shape = (n_restarts, n_components)
        units = block.units
        eta = np.dot(params.coef.reshape(n_columns, p), block.Z)
        if block.offset is not None:
            eta += block.offset
        log_prior, prior = self.gate.prior(params, block)
        scale = params.scale.reshape(n_columns, 1)
        outside = self.family.outside(eta)
        ahead = log_prior.reshape(n_columns, -1) if units is None else 0.0
        at = self.family.evaluate(block.y, eta, scale, ahead)
        log_joint = at.log_joint
        if outside is not None:
            log_joint = np.where(outside, -np.inf, log_joint)
        if units is None:
            log_joint = log_joint.reshape(*shape, -1)
        else:
            log_joint = units.sum(log_joint).reshape(*shape, -1) + log_prior
        members, loglik = _posterior(log_joint, block.unit_weight)
        share = members.sum(axis=2)
        tau = members if units is None else units.spread(members)
        columns = tau.reshape(n_columns, -1)
        weighted_score = columns * at.raw_score
        cross = np.dot(weighted_score, block.Z.T) * at.unit
        information = at.unit * at.unit
        if np.ndim(at.raw_information) == 0:
            gram = component_grams(tau, block)
            information = at.raw_information * information
        else:
            weighted = (columns * at.raw_information).reshape(tau.shape)
            gram = weighted_grams(weighted, block)
        gram *= (
            np.reshape(information, (*shape, 1, 1))
            if np.ndim(information)
            else information
        )
        statistic = np.empty((n_columns, len(at.statistic)))
        for s, values in enumerate(at.statistic):
            np.vecdot(columns, values, out=statistic[:, s])
        return Moments(
            loglik + block.base,
            share if units is None else columns.sum(axis=1).reshape(shape),
            share,
            self.gate.statistic(members, prior, block),
            gram,
            cross.reshape(*shape, p),
            statistic.reshape(*shape, -1),
        )

    def solve(self, moments, params):
        """M-step: the parameters that maximise the expected log-likelihood."""
        step = self.sharing.step(moments.gram, moments.cross)
        # The quadratic 2 step'cross - step'gram step, at its maximum over the step.
        gain = np.einsum("rkp,rkp->rk", step, moments.cross)
        constants = self.family.update_constants(
            params.scale[..., None],
            moments.weight,
            moments.statistic,
            gain,
            (self.rule,),
        )
        gate = self.gate.update(params, moments)
        return Params(params.coef + step, constants[..., 0], *gate)

    def curvature(self, params, block):
        """Exact derivatives of the log-likelihood over `block`.

        With ``u_k`` the derivative of ``log pi_k f_k`` and ``h_k`` its second one, the
        Hessian of a unit is ``E[h + u u'] - E[u] E[u]'`` under the posterior of its
        component (Louis 1982). What all ``u_k`` have in common, the derivative of the
        normalising constant of the prior, cancels and is left out of them.
        """
        return self._curvature(params, block)[0]

    def curvature_and_scores(self, params, block):
        """The same of a batch of one, with the derivatives of every unit's part.

        Returns
        -------
        curvature : Curvature
        scores : ndarray of shape (M, U)
            Derivatives of the log-likelihood of each unit, times the root of its
            weight; parameters are in the order of `curvature`.
        """
        curvature, expected, prior = self._curvature(params, block)
        expected = expected.reshape(*prior.shape[:2], -1, expected.shape[2])
        first = expected.shape[2] - len(block.gate)
        common = prior[:, :, None, :] * (block.gate * np.sqrt(block.unit_weight))
        expected[:, :, first:] -= common
        return curvature, expected[0].reshape(-1, expected.shape[3])

    def _curvature(self, params, block):
        """Curvature, expectations of ``u`` times roots of weights, and the prior."""
        n_restarts, n_components, p = params.coef.shape
        Z, units = block.Z, block.units
        at, members, loglik, score, prior = self._complete_scores(params, block)
        of_rows = members * block.unit_weight
        if units is not None:
            of_rows = units.spread(of_rows)
        size = score.shape[2]
        # With roots of the weights the largest product is that of a matrix with itself,
        # which costs half.
        root = np.sqrt(block.unit_weight)
        score *= root
        expected = score * members[:, :, None, :]
        gradient = expected @ root
        own = expected @ score.swapaxes(-1, -2)
        own[:, :, :p, :p] += ((of_rows * at.eta_eta)[:, :, None, :] * Z) @ Z.T
        mixed = (of_rows * at.eta_scale) @ Z.T
        own[:, :, :p, p] += mixed
        own[:, :, p, :p] += mixed
        own[:, :, p, p] += np.einsum("rkb,rkb->rk", of_rows, at.scale_scale)

        expected = expected.reshape(n_restarts, n_components * size, -1)
        hessian = -(expected @ expected.swapaxes(1, 2))
        hessian = hessian.reshape(n_restarts, n_components, size, n_components, size)
        each = np.arange(n_components)
        hessian[:, each, :, each, :] += own.swapaxes(0, 1)
        _subtract_prior(gradient, hessian, prior, block)
        n_parameters = n_components * size
        curvature = Curvature(
            loglik @ block.unit_weight + block.base,
            gradient.reshape(n_restarts, n_parameters),
            hessian.reshape(n_restarts, n_parameters, n_parameters),
        )
        return curvature, expected, prior

    def penalised(self, params, curvature):
        """Gradient and Hessian with those of the penalties on scales and gate."""
        n_restarts, n_components, p = params.coef.shape
        size = curvature.gradient.shape[1] // n_components
        first, second = np.zeros((2, n_restarts, n_components, size))
        first[:, :, p], second[:, :, p] = self.rule.penalty_derivatives(params.scale)
        of_gate = self.gate.penalty_derivatives(params)
        first[:, :, p + 2 :], second[:, :, p + 2 :] = of_gate
        hessian = curvature.hessian.copy()
        np.einsum("rmm->rm", hessian)[...] += second.reshape(n_restarts, -1)
        return curvature.gradient + first.reshape(n_restarts, -1), hessian

    def _complete_scores(self, params, block):
        """What derivatives are made of.

        Returns
        -------
        at : Derivatives
            Of the family at every row.
        members : ndarray of shape (R, K, U)
            Posterior probabilities.
        loglik : ndarray of shape (R, U)
        score : ndarray of shape (R, K, p + 2 + q, U)
            ``u_k``, see `curvature`.
        prior : ndarray of shape (R, K, U) or (R, K, 1)
        """
        n_restarts, n_components, p = params.coef.shape
        Z, units = block.Z, block.units
        eta = params.coef @ Z
        if block.offset is not None:
            eta += block.offset
        at = self.family.derivatives(block.y, eta, params.scale[..., None])
        log_prior, prior = self.gate.prior(params, block)
        log_density, outside = at.log_density, self.family.outside(eta)
        if outside is not None:
            log_density = np.where(outside, -np.inf, log_density)
        if units is not None:
            log_density = units.sum(log_density)
        members, loglik = _posterior(log_density + log_prior, 1.0)
        size, n_units = p + 1 + len(block.gate), len(block.unit_weight)
        score = np.empty((n_restarts, n_components, size, n_units))
        own = score[:, :, : p + 1]
        if units is not None:
            own = np.empty((n_restarts, n_components, p + 1, Z.shape[1]))
        np.multiply(at.eta[:, :, None, :], Z, out=own[:, :, :p])
        own[:, :, p] = at.scale
        if units is not None:
            score[:, :, : p + 1] = units.sum(own)
        score[:, :, p + 1 :] = block.gate
        return at, members, loglik, score, prior

    def basis(self, params):
        """Orthonormal directions in which the parameters of `params` may move.

        Shared coefficients move together, a common scale moves as one, logits move in
        contrasts. Shape (K (p + 2 + q), m), in the order of `curvature`.
        """
        _, n_components, p = params.coef.shape
        n_logits = 1 + params.gate.shape[2]
        scales = np.eye(n_components)[:, : n_components * self.family.n_scale]
        if self.rule.tied and self.family.n_scale:
            scales = np.full((n_components, 1), n_components**-0.5)
        logits = self.gate.basis(n_components, n_logits)
        parts = [self.sharing.basis(), scales, logits]
        rows = np.arange(n_components * (p + 1 + n_logits)).reshape(n_components, -1)
        places = [rows[:, :p].ravel(), rows[:, p], rows[:, p + 1 :].ravel()]
        basis = np.zeros((rows.size, sum(part.shape[1] for part in parts)))
        start = 0
        for part, place in zip(parts, places, strict=True):
            stop = start + part.shape[1]
            basis[place, start:stop] = part
            start = stop
        return basis


def _subtract_prior(gradient, hessian, prior, block):
    """Derivatives of the normalising constant of the prior, in place.

    Parameters
    ----------
    gradient : ndarray of shape (R, K, size)
    hessian : ndarray of shape (R, K, size, K, size)
        The gate's entries are the last ones of every component.
    prior : ndarray of shape (R, K, U) or (R, K, 1)
    block : Block
    """
    n_restarts, n_components = prior.shape[:2]
    n_logits, n_units = block.gate.shape
    first = gradient.shape[2] - n_logits
    columns = prior[:, :, None, :] * block.gate
    weighted = columns * block.unit_weight
    gradient[:, :, first:] -= weighted.sum(axis=-1)
    flat = (n_restarts, n_components * n_logits, n_units)
    products = weighted.reshape(flat) @ columns.reshape(flat).swapaxes(1, 2)
    hessian[:, :, first:, :, first:] += products.reshape(
        n_restarts, n_components, n_logits, n_components, n_logits
    )
    own = weighted @ block.gate.T
    for k in range(n_components):
        hessian[:, k, first:, k, first:] -= own[:, k]


def _posterior(log_joint, weight):
    """Responsibilities times `weight`, and log-likelihoods.

    The maximum is subtracted only where a row underflows under every component, or one
    overflows, as units of many rows may, and large counts without their `Family.base`:
    passes over the largest array that nearly no block needs.

    Returns
    -------
    tau : ndarray of shape (R, K, U)
    loglik : ndarray of shape (R,), or (R, U) where `weight` is a scalar
    """
    with np.errstate(over="ignore"):
        joint = np.exp(log_joint)
        total = joint.sum(axis=1)
    if total.min() > _UNDERFLOW and total.max() < np.inf:
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
