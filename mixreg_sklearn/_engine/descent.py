"""Coordinate descent on quadratics with kinks, a batch at once."""

import numpy as np

# Sweeps over the numbers that move, of which there are few, and rounds of all.
_SWEEPS, _ROUNDS = 30, 6
# A sweep ends the descent if it gains less than this, relative to the first.
_SMALL = 1e-6


def descend(gram, cross, t, l1, lower, upper):
    r"""Minimize :math:`\frac12 s' G s - c' s + \sum_j \lambda_j |t_j + s_j|` in bounds.

    One number after the other goes to its minimum (Friedman, Hastie & Tibshirani 2010),
    first all, then those that move.

    Parameters
    ----------
    gram : ndarray of shape (C, m, m)
    cross, t, l1, lower, upper : ndarray of shape (C, m)

    Returns
    -------
    ndarray of shape (C, m)
        The numbers t + s.
    """
    t, cross = t.copy(), cross.copy()
    bend = np.einsum("cmm->cm", gram)
    bend = bend + (1e-10 * bend + np.finfo(float).tiny)
    problem = gram, bend, l1, lower, upper
    first = 0.0
    for _ in range(_ROUNDS):
        moving, gain = _sweep(t, cross, problem, range(t.shape[1]))
        first = max(first, gain)
        if gain <= _SMALL * first:
            break
        for _ in range(_SWEEPS):
            _, gain = _sweep(t, cross, problem, moving)
            if gain <= _SMALL * first:
                break
    return t


def _sweep(t, cross, problem, places):
    """Move the numbers at some places, in place. -> those that moved, and the gain."""
    gram, bend, l1, lower, upper = problem
    moved, total = [], 0.0
    for j in places:
        slope, curve, before = cross[:, j], bend[:, j], t[:, j]
        target = before + slope / curve
        lasso = l1[:, j] / curve
        after = np.sign(target) * np.maximum(np.abs(target) - lasso, 0.0)
        after = np.minimum(np.maximum(after, lower[:, j]), upper[:, j])
        step = after - before
        if not step.any():
            continue
        moved.append(j)
        total += float((curve * step**2).sum())
        cross -= gram[:, j] * step[:, None]
        t[:, j] = after
    return moved, total
