"""Newton's method on the exact log-likelihood, with a certificate of the maximum."""

from typing import NamedTuple

import numpy as np

from .ascent import POSITIVE, Ascent, ascent
from .layout import layout_of
from .limits import LONGEST, limits
from .params import Params

# Information per row below this is a rounding error, and counts as zero.
_NO_INFORMATION = 1e-11
# The likelihood is flat along an eigenvector whose eigenvalue is this close to zero. A
# smaller one, where the gradient vanishes, belongs to a saddle, and leads off it.
_FLAT = 1e-6
# Shortened steps before an EM step is tried, and steps in vain before the end.
_SHORTER_TRIES, _MOST_TRIES = 5, 8


class Polished(NamedTuple):
    """A batch at local maxima, with a certificate for each restart.

    Attributes
    ----------
    params : Params
    objective : ndarray of shape (R,)
        Penalized log-likelihood.
    decrement : ndarray of shape (R,)
        Newton decrement ``g' A^{-1} g / 2``, in nats: what a quadratic approximation
        still gains.
    smallest_eigenvalue : ndarray of shape (R,)
        Of the observed information, with its diagonal scaled to ones.
    converged : ndarray of shape (R,)
        Decrement below the tolerance and information positive definite.
    n_iter : ndarray of shape (R,)
    """

    params: Params
    objective: np.ndarray
    decrement: np.ndarray
    smallest_eigenvalue: np.ndarray
    converged: np.ndarray
    n_iter: np.ndarray

    def take(self, index):
        """Some of the restarts."""
        return Polished(self.params.take(index), *(field[index] for field in self[1:]))


def polish(model, rows, params, *, tol, max_iter):
    """Climb from every start of a batch to its local maximum.

    Where the information is not positive definite, the step leads uphill nevertheless,
    away from a saddle or plateau, see `ascent`. At a saddle it follows the eigenvector
    of the smallest eigenvalue. A step is accepted if the objective rises; after five
    shorter steps an EM step is tried.

    Parameters
    ----------
    model : Mixture
    rows : ArrayRows
    params : Params
    tol : float
        Bound on the Newton decrement, in nats.
    max_iter : int
        Evaluations of the curvature.

    Returns
    -------
    Polished
    """
    basis = model.basis(params)
    n = params.n_restarts
    out = Polished(
        params,
        np.full(n, -np.inf),
        np.full(n, np.inf),
        np.full(n, -np.inf),
        np.zeros(n, dtype=bool),
        np.full(n, max_iter),
    )
    active = np.arange(n)
    low, tries, step = (
        np.full(n, -np.inf),
        np.zeros(n, int),
        np.zeros((n, layout_of(params).size)),
    )
    at = _State(params, params, low, step, np.ones(n), tries, -low, low)
    for iteration in range(1, max_iter + 1):
        at = _advance(model, rows, basis, at)
        proven = (at.smallest > POSITIVE) & (at.decrement < tol)
        flat = (np.abs(at.smallest) <= _FLAT) & (at.decrement < tol)
        given_up = (at.tries > _MOST_TRIES) | flat
        given_up |= model.regressions.collapsed(at.accepted).any(axis=1)
        given_up |= model.gate.diverges(at.accepted)
        done = proven | given_up | (iteration == max_iter)
        if not done.any():
            continue
        last, finished = at.accepted, active[done]
        if proven.any():
            # The last step is known and gains less than the tolerance.
            step = last.take(proven), at.trial.take(proven), at.best[proven]
            last = last.put(proven, model.inside(rows, *step))
        out.objective[finished] = at.best[done]
        out.decrement[finished] = at.decrement[done]
        out.smallest_eigenvalue[finished] = at.smallest[done]
        out.converged[finished] = proven[done]
        out.n_iter[finished] = iteration
        out = out._replace(params=out.params.put(finished, last.take(done)))
        active, at = active[~done], at.take(~done)
        if not len(active):
            break
    return out


class _State(NamedTuple):
    """Where each restart is: the accepted point, and the point to be tried next."""

    accepted: Params
    trial: Params
    best: np.ndarray  # (R,) objective of the accepted point
    step: np.ndarray  # (R, M) Newton step from there
    length: np.ndarray  # (R,) fraction of the step that is tried
    tries: np.ndarray  # (R,) fractions tried in vain
    decrement: np.ndarray  # (R,) of the accepted point
    smallest: np.ndarray  # (R,) eigenvalue there

    def take(self, index):
        numbers = (field[index] for field in self[2:])
        return _State(self.accepted.take(index), self.trial.take(index), *numbers)


def _advance(model, rows, basis, at):
    """Evaluate the trial points; accept those that rose, shorten the other steps."""
    curvature = rows.sum(model.curvature, at.trial)
    value = curvature.loglik + model.penalty(at.trial)
    rose = value >= at.best - 1e-12 * (np.abs(at.best) + rows.total_weight)
    # Beyond the domain of a link the likelihood is zero, and formulas of a family may
    # overflow far away: no step leads on from there.
    rose &= np.isfinite(value) & np.isfinite(curvature.hessian).all(axis=(1, 2))
    accepted, best = at.accepted, np.where(rose, value, at.best)
    step, length, tries = at.step.copy(), at.length * 0.25, at.tries + 1
    decrement, smallest = at.decrement.copy(), at.smallest.copy()
    if rose.any():
        risen = at.trial.take(rose)
        accepted = at.trial if rose.all() else accepted.put(rose, risen)
        step[rose], decrement[rose], smallest[rose] = _directions(
            model, rows, risen, curvature.take(rose), basis
        )
        length[rose], tries[rose] = 1.0, 0
    trial = layout_of(accepted).moved(accepted, step * length[:, None])
    trial = trial._replace(constants=model.regressions.inside(trial.constants))
    trial = model.stopped(accepted, trial).normalized()
    stuck = tries > _SHORTER_TRIES
    if stuck.any():
        held = accepted.take(stuck)
        moments = rows.sum(model.summarize, held)
        trial = trial.put(stuck, model.solve(moments, held))
    return _State(accepted, trial, best, step, length, tries, decrement, smallest)


def _directions(model, rows, params, curvature, basis):
    """Ascent directions (R, M), Newton decrements and smallest eigenvalues.

    Constants at a limit of the family, or a background without a share, are held there,
    and what tends to a limit jumps to it; Newton's method acts in the other directions.
    """
    derivatives = gradient, hessian = model.penalized(params, curvature)
    gradient = basis.restrict(gradient)
    information = basis.restrict_form(hessian)
    np.negative(information, out=information)
    limit = limits(model, params, basis, derivatives, (gradient, information))
    apart, leaves = limit.apart, None
    if model.kinked:
        gradient, stays = model.face(basis, params, gradient)
        leaves = model.at_kink(basis, params) & ~stays
        apart = apart | stays
    if apart.any():
        gradient[apart] = 0
        information[apart] = 0
        information.swapaxes(1, 2)[apart] = 0
        np.einsum("rmm->rm", information)[apart] = 1
    diagonal = np.abs(np.einsum("rmm->rm", information))
    factor = 1 / np.sqrt(np.maximum(diagonal, _NO_INFORMATION * rows.total_weight))
    information *= factor[:, :, None]
    information *= factor[:, None, :]
    gradient = gradient * factor
    size = basis.restrict_squares(curvature.size) * factor**2
    step, smallest, vector = _ascent(information, gradient, size, apart)
    decrement = 0.5 * (step * gradient).sum(axis=1)
    saddle = (smallest < -_FLAT) & (decrement < _FLAT)
    step[saddle] += vector[saddle]
    if leaves is not None:
        # What leaves a kink goes to the side where the objective rises.
        step[apart | (leaves & (step * gradient < 0))] = 0.0
    step = basis.expand(step * factor)
    step *= _longest(step, params)[:, None]
    return step + basis.expand(limit.step), decrement + limit.gain, smallest


def _ascent(information, gradient, size, apart):
    """`ascent` without the directions (m,) that are held `apart` in all restarts."""
    free = ~apart.all(axis=0)
    if free.all() or not free.any():
        return ascent(information, gradient, size)
    part = information[:, free][:, :, free]
    found = ascent(part, gradient[:, free], size[:, free])
    step, vector = np.zeros((2, *gradient.shape))
    step[:, free], vector[:, free] = found.step, found.vector
    return Ascent(step, np.minimum(found.smallest, 1.0), vector)


def _longest(step, params):
    """Fractions (R,) of steps that keep changes of log constants and logits short."""
    _, constants, logits = layout_of(params).split(step)
    changes = [np.abs(part).max(axis=(1, 2), initial=0) for part in (constants, logits)]
    changes = np.maximum(*changes)
    return np.minimum(1.0, LONGEST / np.maximum(changes, np.finfo(float).tiny))
