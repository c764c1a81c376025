"""The EM loop over a batch of restarts. It knows no regression."""

from typing import NamedTuple

import numpy as np

from .params import concatenate


class Run(NamedTuple):
    """What EM returns: the batch, its last known objective and its iterations.

    ``objective`` is the penalized log-likelihood of the parameters that went into the
    last pass; the returned parameters are one M-step further, hence no worse. ``trace``
    has the log-likelihoods of all passes, (max_iter, R), NaN after a restart has left.
    """

    params: object
    objective: np.ndarray
    n_iter: np.ndarray
    trace: np.ndarray


def em(model, rows, params, *, max_iter, tol=0.0):
    """Iterate E- and M-steps on all restarts of a batch at once.

    ``moments.loglik`` is the likelihood of the parameters that went in, so the
    safeguard is free: where a step lowered the objective, the restart goes halfway
    back and tries again. Converged restarts leave the batch.

    Parameters
    ----------
    model : object with ``summarize``, ``solve`` and ``penalty``
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
        # A start may be impossible, with objective -inf; its M-step may not be.
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
            stay = fell | (gain >= tol * rows.total_weight)
        else:
            continue
        if not stay.all():
            done = ~stay
            left.append(active[done])
            finished.append(current.take(done))
            objective[active[done]], n_iter[active[done]] = best[done], iteration
            active, best = active[stay], best[stay]
            accepted, current = accepted.take(stay), current.take(stay)
            if not len(active):
                break
    result = concatenate(finished).take(np.argsort(np.concatenate(left)))
    return Run(result, objective, n_iter, trace)
