"""The EM loop over a batch of restarts. It knows no regression."""

from typing import NamedTuple

import numpy as np

from .params import concatenate


class Run(NamedTuple):
    """The result of EM.

    Attributes
    ----------
    params : Params
    objective : ndarray of shape (R,)
        Penalized log-likelihood at the start of the last pass. `params` is one M-step
        further, and no worse, or where it was if that step has no likelihood.
    n_iter : ndarray of shape (R,)
    trace : ndarray of shape (max_iter, R)
        Log-likelihoods of all passes, NaN after a restart leaves.
    """

    params: object
    objective: np.ndarray
    n_iter: np.ndarray
    trace: np.ndarray


def em(model, rows, params, *, max_iter, tol=0.0):
    """Iterate E- and M-steps on all restarts of a batch at once.

    ``moments.loglik`` is that of the parameters before the step, so the safeguard costs
    nothing: where a step lowers the objective, the restart goes halfway back and tries
    again. Converged restarts leave the batch.

    Parameters
    ----------
    model : object with ``summarize``, ``solve``, ``inside`` and ``penalty``
    rows : object with ``sum`` and ``total_weight``
    params : Params
        A batch of ``R`` starts.
    max_iter : int
        Passes over the rows.
    tol : float, default=0
        A restart stops when a pass raises its mean objective by less than this.

    Returns
    -------
    Run
    """
    n_restarts = params.n_restarts
    left, finished = [], []
    objective = np.full(n_restarts, -np.inf)
    n_iter = np.zeros(n_restarts, dtype=int)
    trace = np.full((max_iter, n_restarts), np.nan)
    active = np.arange(n_restarts)
    accepted, current, best = params, params, objective.copy()
    for iteration in range(1, max_iter + 1):
        moments = rows.sum(model.summarize, current)
        trace[iteration - 1, active] = moments.loglik
        value = moments.loglik + model.penalty(current)
        proposal = model.solve(moments, current)
        # A start may have the objective -inf, and its M-step a finite one.
        with np.errstate(invalid="ignore"):
            gain = value - best
        fell = gain < -1e-11 * (np.abs(best) + rows.total_weight)
        if fell.any():
            proposal = proposal.put(fell, accepted.halfway(current).take(fell))
            current = current.put(fell, accepted.take(fell))
            value = np.where(fell, best, value)
        accepted, current, best = current, proposal, value
        if iteration == max_iter:
            stay = np.zeros(len(active), dtype=bool)
        elif tol:
            stay = fell | ~(gain < tol * rows.total_weight)
        else:
            continue
        if not stay.all():
            done = ~stay
            left.append(active[done])
            last = model.inside(
                rows, accepted.take(done), current.take(done), best[done]
            )
            finished.append(last)
            objective[active[done]], n_iter[active[done]] = best[done], iteration
            active, best = active[stay], best[stay]
            accepted, current = accepted.take(stay), current.take(stay)
            if not len(active):
                break
    result = concatenate(finished).take(np.argsort(np.concatenate(left)))
    return Run(result, objective, n_iter, trace)
