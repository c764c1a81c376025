"""Gate x regressions: the posterior of components, and Louis's formula.

`summarize` (the E-step) turns parameters and rows into moments, `solve` (the M-step)
turns moments into parameters, and `curvature` gives the exact first and second
derivatives of the log-likelihood. Nothing here iterates, stops or draws, or knows a
coefficient or a scale: `Layout` gives their places, the two parts their meaning.

With a background there is one share more than components, the last one, K'. The density
of a unit under the background is a number that its rows know.
"""

from functools import cached_property
from itertools import pairwise, permutations
from operator import add
from typing import NamedTuple

import numpy as np

from .._numerics import log_normalize
from ..gates import ConstantGate, odds_of_last
from .basis import Basis
from .curvature import curvature_of_rows, curvature_of_units
from .layout import layout_of
from .params import Params
from .regressions import Sums
from .sparse_curvature import curvature_of_sparse_units, sparse_scores

_UNDERFLOW = 1e-290
# Up to this number, components that differ by constraints are tried in every order.
MOST_ROLES = 6


class Moments(NamedTuple):
    """The result of one pass over rows. Moments add.

    Attributes
    ----------
    loglik : ndarray of shape (R,)
        ``sum_u w_u log sum_k pi_k f_k(y_u)`` at the parameters of the pass.
    share : ndarray of shape (R, K')
        ``sum_u w_u tau_uk`` over units.
    gate : ndarray of shape (R, K', 1 + q), or (R, K', 0)
        ``sum_u w_u (tau_uk - pi_uk) z_u`` over units, with the columns of the gate;
        empty where the prior does not depend on them.
    regressions : Sums
    """

    loglik: np.ndarray
    share: np.ndarray
    gate: np.ndarray
    regressions: Sums

    def __add__(self, other):
        return Moments(*map(add, self, other))


class Gradient(NamedTuple):
    """Log-likelihood and its first derivatives. Gradients add."""

    loglik: np.ndarray  # (R,)
    gradient: np.ndarray  # (R, M)

    def __add__(self, other):
        return Gradient(*map(add, self, other))


class Tally(NamedTuple):
    """Log-likelihood, and sums of memberships over rows. Tallies add."""

    loglik: np.ndarray  # (R,)
    weight: np.ndarray  # (R, K)

    def __add__(self, other):
        return Tally(*map(add, self, other))


class Mixture:
    """Regressions, from which a gate draws one for every unit.

    Parameters
    ----------
    regressions : Regressions
    gate : Gate, default=ConstantGate()
    background : bool, default=False
        Whether units may belong to a background instead.
    known : frozenset of int, default=frozenset()
        Components that something is known of, in some units.
    """

    def __init__(self, regressions, gate=None, background=False, known=frozenset()):
        self.regressions = regressions
        self.gate = ConstantGate() if gate is None else gate
        self.background, self.known = background, known

    def with_rule(self, **changes):
        """The mixture under another scale rule."""
        regressions = self.regressions.with_rule(**changes)
        return Mixture(regressions, self.gate, self.background, self.known)

    def at_weight(self, weight):
        """The mixture for rows of another total weight, to which penalties adapt."""
        regressions = self.regressions.at_weight(weight)
        gate = self.gate.at_weight(weight)
        return Mixture(regressions, gate, self.background, self.known)

    def selected(self, params):
        """The mixture without the coefficients that a lasso sets to zero.

        It has no lasso. `params` are a batch of one.
        """
        regressions = self.regressions.selected(params)
        return Mixture(regressions, self.gate, self.background, self.known)

    def with_gate(self, gate):
        """The mixture with another gate."""
        return Mixture(self.regressions, gate, self.background, self.known)

    @property
    def unlabelled(self):
        """The mixture where nothing is known of the components of units."""
        return Mixture(self.regressions, self.gate, self.background)

    def resized(self, n_components):
        """The mixture with another number of components, without their constraints.

        Nothing is known of its components.
        """
        regressions = self.regressions.resized(n_components)
        gate = self.gate.resized(n_components + self.background)
        return Mixture(regressions, gate, self.background)

    @property
    def family(self):
        return self.regressions.family

    @property
    def bounded(self):
        """Whether the likelihood is bounded, so that no optimum is spurious."""
        return self.regressions.bounded

    @property
    def n_components(self):
        return self.regressions.n_components

    @property
    def n_shares(self):
        """K', the components and a background."""
        return self.n_components + self.background

    def penalty(self, params):
        """Penalties of regressions and gate, added to the log-likelihood, (R,)."""
        return self.regressions.penalty(params) + self.gate.penalty(params)

    def alike(self, order):
        """Whether the components in another order obey the same constraints."""
        shares = [*order, *range(self.n_components, self.n_shares)]
        return self.regressions.alike(order) and self.gate.alike(shares)

    def free_background(self, params):
        """Whether there is a background whose share is one number, and estimated."""
        *_, n_shares, n_logits = params.logits.shape
        alone = self.background and n_logits == 1
        return alone and self.gate.basis(n_shares, 1).shape[1] > 0

    @cached_property
    def interchangeable(self):
        """Whether no constraint tells the components apart."""
        each = list(range(self.n_components))
        # Swaps of neighbors generate all orders.
        swaps = [[*each[:a], b, a, *each[b + 1 :]] for a, b in pairwise(each)]
        return all(map(self.alike, swaps))

    def constrain(self, params):
        """The nearest parameters that both parts admit."""
        return self.gate.constrain(self.regressions.constrain(params))

    def assign(self, params):
        """Components in the order that is nearest to the constraints."""
        if self.interchangeable:
            return params
        best = np.full(params.n_restarts, np.inf)
        chosen = params
        for order in permutations(range(self.n_components)):
            order = np.tile(order, (params.n_restarts, 1))
            tried = params.reorder(order)
            distance = self.regressions.distance(tried) + self.gate.distance(tried)
            nearer = distance < best
            chosen = chosen.put(nearer, tried.take(nearer))
            best = np.where(nearer, distance, best)
        return chosen

    # Verbs on a block of rows ---------------------------------------------------------

    def summarize(self, params, block):
        """E-step: moments of `block` at `params`."""
        log_prior, prior = self.gate.prior(params, block)
        at, log_joint = self._evaluate(params, block, log_prior)
        members, loglik = _posterior(log_joint, block.unit_weight)
        share = members.sum(axis=2)
        gate = self.gate.statistic(members, prior, block)
        sums = self.regressions.statistic(at, members, share, block)
        return Moments(loglik @ block.unit_weight + block.base, share, gate, sums)

    def _evaluate(self, params, block, log_prior):
        """The Evaluation of the family, and log joint densities of units (R, K', U)."""
        ahead = log_prior[:, :-1] if self.background else log_prior
        at, log_joint = self.regressions.evaluate(params, block, ahead)
        return at, self.completed(log_joint, log_prior[:, -1:], block)

    def completed(self, log_joint, log_prior, block):
        """Log joint densities (R, K', U), from those of the components.

        `log_prior` is that of a background, (R, 1, U) or (R, 1, 1).
        """
        if self.background:
            shape = len(log_joint), 1, log_joint.shape[2]
            apart = np.broadcast_to(log_prior + block.background, shape)
            log_joint = np.concatenate([log_joint, apart], axis=1)
        return log_joint + block.evidence if self.known else log_joint

    def tally(self, params, block):
        """The log-likelihood of `block`, and the rows that components rest on."""
        log_prior, _ = self.gate.prior(params, block)
        _, log_joint = self._evaluate(params, block, log_prior)
        members, loglik = _posterior(log_joint, block.unit_weight)
        members = members[:, : self.n_components]
        total = loglik @ block.unit_weight + block.base
        return Tally(total, block.units.spread(members).sum(axis=2))

    def posterior(self, params, block):
        """Derivatives of the family, memberships, log-likelihoods and priors.

        Returns
        -------
        local : Local
        members : ndarray of shape (R, K', U)
        loglik : ndarray of shape (R, U)
        prior : ndarray of shape (R, K', U) or (R, K', 1)
        """
        local, log_density = self.regressions.local(params, block)
        log_prior, prior = self.gate.prior(params, block)
        log_joint = log_density + log_prior[:, : self.n_components]
        log_joint = self.completed(log_joint, log_prior[:, -1:], block)
        return local, *_posterior(log_joint, 1.0), prior

    def expected_share(self, params, block):
        """Weighted sums of the prior probabilities over units, (R, K')."""
        _, prior = self.gate.prior(params, block)
        prior = np.broadcast_to(prior, (*prior.shape[:2], len(block.unit_weight)))
        return prior @ block.unit_weight

    def gradient(self, params, block):
        """Exact first derivatives of the log-likelihood over `block`."""
        local, members, loglik, prior = self.posterior(params, block)
        members = members * block.unit_weight
        of_components = members[:, : self.n_components]
        coef, constants = self.regressions.gradient(
            local, block.units.spread(of_components), block
        )
        residual = members - prior * block.unit_weight
        logits = residual @ block.gate.T
        total = loglik @ block.unit_weight + block.base
        return Gradient(total, layout_of(params).join(coef, constants, logits))

    def curvature(self, params, block):
        """Exact derivatives of the log-likelihood over `block`.

        With ``u_k`` the derivative of ``log pi_k f_k`` and ``h_k`` its second one, the
        Hessian of a unit is ``E[h + u u'] - E[u] E[u]'`` under the posterior of its
        component (Louis 1982). The derivative of the normalizing constant of the prior
        is a part of every ``u_k``; it cancels and is omitted.
        """
        if not block.sparse:
            return curvature_of_units(self, params, block)[0]
        verb = curvature_of_rows if block.units.single else curvature_of_sparse_units
        return verb(self, params, block)

    def curvature_and_scores(self, params, block):
        """Curvature of a batch of one, and the scores of the units.

        Returns
        -------
        curvature : Curvature
        scores : ndarray of shape (M, U), or sparse array
            Gradient of the log-likelihood of each unit, times the root of its weight.
        """
        if block.sparse:
            scores = sparse_scores(self, params, block)
            return self.curvature(params, block), scores
        curvature, expected, prior = curvature_of_units(self, params, block)
        layout = layout_of(params)
        expected = expected.reshape(*prior.shape[:2], layout.n_each, -1)
        common = prior[:, :, None, :] * (block.gate * np.sqrt(block.unit_weight))
        expected[:, :, layout.n_own :] -= common
        scores = expected[0].reshape(layout.n_shares * layout.n_each, -1)
        return curvature, scores[layout.real] if layout.n_background else scores

    # From sums to parameters ----------------------------------------------------------

    def solve(self, moments, params):
        """M-step: the parameters that maximize the expected log-likelihood."""
        coef, constants = self.regressions.update(params, moments.regressions)
        return Params(coef, constants, self.gate.update(params, moments))

    def inside(self, rows, before, after, objective):
        """A step, but for restarts whose `objective` (R,) before it falls.

        Under some links a step may leave the domain of the predictors, or come too near
        its edge.
        """
        if not self.regressions.restricted:
            return after
        value = rows.sum(self.summarize, after).loglik + self.penalty(after)
        rose = np.isfinite(value) & (value >= objective)
        return before.put(rose, after.take(rose))

    def shares(self, params, rows):
        """Mean prior probabilities of the components over units, (R, K')."""
        if not self.gate.has_features:
            return np.exp(log_normalize(params.logits[..., 0]))
        total = rows.sum(self.expected_share, params)
        return total / total.sum(axis=1, keepdims=True)

    def penalty_derivatives(self, params):
        """First and second derivatives of the penalties, (R, M)."""
        of_regressions = self.regressions.penalty_derivatives(params)
        of_gate = self.gate.penalty_derivatives(params)
        layout = layout_of(params)
        return (
            layout.join(*parts, logits)
            for parts, logits in zip(of_regressions, of_gate, strict=True)
        )

    def penalized(self, params, curvature):
        """Gradient (R, M) and Hessian (R, M, M) of the penalized log-likelihood."""
        first, second = self.penalty_derivatives(params)
        hessian = curvature.hessian.copy()
        np.einsum("rmm->rm", hessian)[...] += second
        return curvature.gradient + first, hessian

    # Kinks, at which numbers of both parts may lie ------------------------------------

    @property
    def kinked(self):
        """Whether estimates may lie at a kink of a penalty, or at a bound."""
        return self.regressions.kinked or self.gate.kinked

    def face(self, basis, params, gradient):
        """Slopes along the directions of the `basis`, and those that stay at a kink.

        From the gradient (R, m) of the smooth part of the objective; -> two arrays
        (R, m), the second of bool.
        """
        coef, constants, logits = basis.split(gradient)
        parts = [
            self.regressions.face(params.coef, coef),
            (constants, np.zeros(constants.shape, dtype=bool)),
            self.gate.face(params.logits, logits),
        ]
        slope, stays = zip(*parts, strict=True)
        return np.concatenate(slope, axis=1), np.concatenate(stays, axis=1)

    def at_kink(self, basis, params):
        """Directions of the `basis` that are at a kink, (R, m) of bool."""
        of_gate = self.gate.at_kink(params.logits)
        return self._marked(basis, params, of_gate)

    def idle(self, basis, params):
        """Those at a kink, and those in which no density changes, (R, m) of bool."""
        return self._marked(basis, params, self.gate.idle(params.logits))

    def _marked(self, basis, params, of_gate):
        """Directions of coefficients at a kink, and those `of_gate`."""
        none = np.zeros((params.n_restarts, basis.n_directions), dtype=bool)
        _, constants, _ = basis.split(none)
        of_coef = self.regressions.at_kink(params.coef)
        return np.concatenate([of_coef, constants, of_gate], axis=1)

    def stopped(self, before, after):
        """Parameters after a step, which ends at a kink that it would cross."""
        after = self.regressions.stopped(before, after)
        return self.gate.stopped(before, after)

    def basis(self, params):
        """The Basis of directions in which the parameters may move."""
        layout = layout_of(params)
        logits = self.gate.basis(layout.n_shares, layout.n_logits)
        if self.free_background(params):
            logits = odds_of_last(layout.n_shares)
        places = [place.ravel() for place in layout.places()]
        return Basis(places, [*self.regressions.basis(), logits])


def _posterior(log_joint, weight):
    """Memberships times `weight`, and log-likelihoods, from log joint densities.

    The maximum is subtracted only where all joint densities of a unit underflow or one
    overflows (units of many rows, or large counts without `Family.base`). It takes
    passes over the largest array, which few blocks need.

    Returns
    -------
    tau : ndarray of shape (R, K, U)
    loglik : ndarray of shape (R, U)
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
    return joint, log_total


def _from_peak(log_joint):
    """Log-likelihoods (R, U), relative joint densities (R, K, U) and their sums (R, U).

    A unit may have density zero.
    """
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
