"""Newton's method on the exact log-likelihood, and the proof that it ended well."""

from typing import NamedTuple

import numpy as np

from .layout import layout_of
from .params import Params

# Smallest eigenvalue of the information, scaled to unit diagonal, that counts as
# positive: below it the curvature is not known to more than rounding.
_POSITIVE = 1e-9
# Information below this, for each row, is rounding: there is none in that direction.
_NO_INFORMATION = 1e-11
# In the direction of an eigenvalue this close to zero nothing changes. One clearly
# below zero, where the gradient vanishes, belongs to a saddle: the way off it.
_FLAT = 1e-6
# A step changes no log scale, and no coefficient of a gate, by more than this.
_LONGEST = 2.0
# Scales below this are near the limit of a family that has one.
_NEAR_LIMIT = 0.1
# Shortened steps before an EM step is tried, and tries before the climb ends.
_SHORTER_TRIES, _MOST_TRIES = 5, 8


class Polished(NamedTuple):
    """A batch at its maxima, with a certificate for each restart.

    Attributes
    ----------
    params : Params
    objective : ndarray of shape (R,)
        Penalized log-likelihood.
    decrement : ndarray of shape (R,)
        Newton decrement ``g' A^{-1} g / 2``: what a quadratic model still gains, in
        nats.
    smallest_eigenvalue : ndarray of shape (R,)
        Of the observed information scaled to unit diagonal; positive at a maximum.
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


def polish(model, rows, params, *, tol, max_iter):
    """Climb from every start of a batch to its local maximum.

    Where the information is not positive definite its eigenvalues are replaced by
    their absolute values, which leaves a saddle or plateau uphill (Nocedal & Wright
    2006, section 3.4); at a saddle itself the step is along the most negative one. A
    step is accepted only if the objective rises; after five shorter tries an EM step
    replaces it.

    Parameters
    ----------
    model : Mixture
    rows : rows with ``sum``
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
    climb = _begin(params, len(basis))
    for iteration in range(1, max_iter + 1):
        climb = _advance(model, rows, basis, climb)
        proven = (climb.smallest > _POSITIVE) & (climb.decrement < tol)
        flat = (np.abs(climb.smallest) <= _FLAT) & (climb.decrement < tol)
        given_up = (climb.tries > _MOST_TRIES) | flat
        given_up |= model.regressions.collapsed(climb.accepted).any(axis=1)
        given_up |= model.gate.diverges(climb.accepted)
        done = proven | given_up | (iteration == max_iter)
        if not done.any():
            continue
        # The last step is at hand and gains less than the tolerance: take it.
        last = climb.accepted.put(proven, climb.trial.take(proven)).take(done)
        finished = active[done]
        out.objective[finished] = climb.best[done]
        out.decrement[finished] = climb.decrement[done]
        out.smallest_eigenvalue[finished] = climb.smallest[done]
        out.converged[finished] = proven[done]
        out.n_iter[finished] = iteration
        out = out._replace(params=out.params.put(finished, last))
        active, climb = active[~done], climb.take(~done)
        if not len(active):
            break
    return out


class _Climb(NamedTuple):
    """Where each restart stands: the accepted point, and the one to be tried next."""

    accepted: Params
    trial: Params
    best: np.ndarray  # (R,) objective of the accepted point
    step: np.ndarray  # (R, M) Newton step from there
    length: np.ndarray  # (R,) fraction of the step that is tried
    tries: np.ndarray  # (R,) fractions tried in vain
    decrement: np.ndarray  # (R,)
    smallest: np.ndarray  # (R,) eigenvalue

    def take(self, index):
        numbers = (field[index] for field in self[2:])
        return _Climb(self.accepted.take(index), self.trial.take(index), *numbers)


def _begin(params, n_parameters):
    n = params.n_restarts
    return _Climb(
        params,
        params,
        np.full(n, -np.inf),
        np.zeros((n, n_parameters)),
        np.ones(n),
        np.zeros(n, dtype=int),
        np.full(n, np.inf),
        np.full(n, -np.inf),
    )


def _advance(model, rows, basis, climb):
    """Evaluate the trial points; accept those that rose, shorten the other steps."""
    curvature = rows.sum(model.curvature, climb.trial)
    value = curvature.loglik + model.penalty(climb.trial)
    rose = value >= climb.best - 1e-12 * (np.abs(climb.best) + rows.total_weight)
    # Formulas of a family may overflow far away: from there is no way on.
    rose &= np.isfinite(curvature.hessian).all(axis=(1, 2))
    accepted, best = climb.accepted, np.where(rose, value, climb.best)
    step, length, tries = climb.step.copy(), climb.length * 0.25, climb.tries + 1
    decrement, smallest = climb.decrement.copy(), climb.smallest.copy()
    if rose.any():
        risen = climb.trial.take(rose)
        accepted = climb.trial if rose.all() else accepted.put(rose, risen)
        step[rose], decrement[rose], smallest[rose] = _directions(
            model, rows, risen, curvature.take(rose), basis
        )
        length[rose], tries[rose] = 1.0, 0
    trial = _move(model, accepted, step * length[:, None])
    stuck = tries > _SHORTER_TRIES
    if stuck.any():
        held = accepted.take(stuck)
        moments = rows.sum(model.summarize, held)
        trial = trial.put(stuck, model.solve(moments, held))
    return _Climb(accepted, trial, best, step, length, tries, decrement, smallest)


def _directions(model, rows, params, curvature, basis):
    """Ascent directions (R, M), Newton decrements and smallest eigenvalues.

    Scales at the limit of the family are held there, and those that head for it jump:
    the rest is Newton's method in the other directions.
    """
    gradient, hessian = model.penalized(params, curvature)
    gradient = gradient @ basis
    information = -(basis.T @ hessian @ basis)
    limit = _limits(model.regressions, params, basis, gradient, information)
    if limit.apart.any():
        gradient[limit.apart] = 0
        information[limit.apart] = 0
        information.swapaxes(1, 2)[limit.apart] = 0
        np.einsum("rmm->rm", information)[limit.apart] = 1
    diagonal = np.abs(np.einsum("rmm->rm", information))
    unit = 1 / np.sqrt(np.maximum(diagonal, _NO_INFORMATION * rows.total_weight))
    information *= unit[:, :, None] * unit[:, None, :]
    gradient = gradient * unit
    values, vectors = np.linalg.eigh(information)
    smallest = values[:, 0]
    values = np.maximum(np.abs(values), 1e-7 * np.abs(values).max(axis=1)[:, None])
    rotated = np.einsum("rmj,rm->rj", vectors, gradient) / values
    step = np.einsum("rmj,rj->rm", vectors, rotated)
    decrement = 0.5 * (step * gradient).sum(axis=1)
    saddle = (smallest < -_FLAT) & (decrement < _FLAT)
    step[saddle] += vectors[saddle, :, 0]
    step = (step * unit) @ basis.T
    step *= _longest(step, params)[:, None]
    return step + limit.step @ basis.T, decrement + limit.gain, smallest


class _Limit(NamedTuple):
    """Free directions (of `Mixture.basis`) that limits of constants take out."""

    apart: np.ndarray  # (R, m) whether it is
    step: np.ndarray  # (R, m) what it does instead
    gain: np.ndarray  # (R,) nats that this may bring


def _limits(regressions, params, basis, gradient, information):
    """What constants do that are at a limit of their family, or near the lower one.

    Parameters
    ----------
    basis : ndarray of shape (M, m)
    gradient, information : ndarray of shape (R, m) and (R, m, m)
        In the free directions.
    """
    apart, step = np.zeros(gradient.shape, dtype=bool), np.zeros(gradient.shape)
    limit = _Limit(apart, step, np.zeros(len(gradient)))
    _, places, _ = layout_of(params).places()
    for s, collapses in enumerate(regressions.collapses):
        if collapses:
            continue
        values, own = params.constants[..., s], basis[places[:, s]]
        if (values < _NEAR_LIMIT).any():
            least = regressions.lower[s]
            _lower_limit(limit, values, least, own, gradient, information)
        if np.isfinite(regressions.upper[s]):
            _upper_limit(limit, values, regressions.upper[s], own, gradient)
    return limit


def _lower_limit(limit, values, least, basis, gradient, information):
    r"""Enter what scales do near the limit of a bounded family, in place.

    There :math:`\ell` is linear in :math:`\theta = \phi^2`, and in :math:`\log\phi` the
    way would not end. With ``s`` and ``h`` the first and second derivative in
    :math:`\log\phi`, Newton's step multiplies :math:`\theta` by
    ``1 + 2 s / (2 s - h)``, not positive where ``s < 0`` and ``h >= 4 s``: such a scale
    goes to the limit at once, for a gain of about ``|s| / 2``, and stays while
    ``s <= 0``, by the conditions of Karush, Kuhn and Tucker. Where it is to rise and
    ``h`` is no use, it takes the step in :math:`\theta`; no proof is possible yet.

    Parameters
    ----------
    limit : _Limit
    values : ndarray of shape (R, K)
        The scales, :math:`\phi`.
    least : float
    basis : ndarray of shape (K, m)
        Rows of the log scales.
    gradient, information : ndarray of shape (R, m) and (R, m, m)
    """
    columns = np.flatnonzero(basis.any(axis=0))
    basis = basis[:, columns]
    # A common scale is one direction, in which each log scale moves by 1 / unit.
    unit = basis.sum(axis=0)
    near = (values < _NEAR_LIMIT) @ basis > 0
    height = np.log(values / least) @ basis / unit
    at = height <= 1e-9
    slope = gradient[:, columns] * unit
    bend = -information[:, columns, columns] * unit**2
    falls = near & (slope <= 0) & (at | (bend >= 4 * slope))
    rises = near & (slope > 0) & (at | (bend >= 0))
    slowing = np.maximum(2 * slope - bend, np.finfo(float).tiny)
    with np.errstate(over="ignore", invalid="ignore"):
        rise = 0.5 * np.log1p(2 * slope / slowing)
    rise = np.minimum(rise, np.log(2 * _NEAR_LIMIT / least) - height)
    limit.apart[:, columns] = falls | rises
    limit.step[:, columns] = unit * np.where(rises, rise, np.where(falls, -height, 0))
    limit.gain[:] += np.where(falls & ~at, 0.5 * np.abs(slope), 0).sum(axis=1)
    limit.gain[rises.any(axis=1)] = np.inf


def _upper_limit(limit, values, most, basis, gradient):
    """Hold constants at their upper bound while the likelihood pulls them on."""
    columns = np.flatnonzero(basis.any(axis=0))
    at = (values >= most * (1 - 1e-9)) @ basis[:, columns] > 0
    limit.apart[:, columns] |= at & (gradient[:, columns] >= 0)


def _longest(step, params):
    """Fraction of each step that keeps log constants and gates within reach."""
    _, constants, logits = layout_of(params).split(step)
    changes = np.abs(np.concatenate([constants, logits], axis=2)).max(axis=(1, 2))
    return np.minimum(1.0, _LONGEST / np.maximum(changes, np.finfo(float).tiny))


def _move(model, params, step):
    """Parameters after a step (R, M), constants within their bounds."""
    moved = layout_of(params).moved(params, step)
    return moved._replace(constants=model.regressions.inside(moved.constants))
