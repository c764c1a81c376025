"""Minima of quadratics with kinks, a batch at once."""

import numpy as np

# Newton steps, and halvings of each.
_STEPS, _HALVINGS = 25, 12
# A step that gains less than this, relative to all before, is the last one.
_SMALL = 1e-9
# Relative ridge of a quadratic that may be flat.
_JITTER = 1e-10


def descend(gram, cross, start, kinks):
    r"""Minimize :math:`\frac12 s' G s - c' s + \sum_j \lambda_j |t_j + s_j|` in bounds.

    Newton's method on the face of the kinks at which numbers stay, with steps that stop
    at the kinks which they would cross (Bertsekas 1982). Where no part of a step is
    downhill, one number at a time moves to its minimum. Few steps reach the minimum
    from one nearby; no step leads uphill.

    Parameters
    ----------
    gram : ndarray of shape (C, m, m)
    cross, start : ndarray of shape (C, m)
        The numbers t at the start.
    kinks : Kinks
        Of arrays (m,), or (C, m).

    Returns
    -------
    ndarray of shape (C, m)
        The numbers t + s.
    """
    diagonal = np.einsum("cmm->cm", gram)
    gram = gram.copy()
    np.einsum("cmm->cm", gram)[...] = diagonal * (1 + _JITTER) + np.finfo(float).tiny

    def value(t):
        s = t - start
        bent = (gram @ s[..., None])[..., 0]
        return (s * (0.5 * bent - cross)).sum(axis=1) + (kinks.l1 * np.abs(t)).sum(
            axis=-1
        )

    t, total = start, 0.0
    at = value(t)
    for _ in range(_STEPS):
        gradient = cross - (gram @ (t - start)[..., None])[..., 0]
        step, expected = _newton_step(gram, gradient, t, kinks)
        if (expected <= _SMALL * (total + _SMALL * np.abs(at))).all():
            break
        after, lower = _shortened(t, step, at, value, kinks)
        if not (lower < at).any():
            after = _one_by_one(gram, gradient, t, kinks)
            lower = value(after)
        moved = lower < at
        gain = np.where(moved, at - lower, 0.0)
        t, at = np.where(moved[:, None], after, t), np.where(moved, lower, at)
        total = total + gain
        if (gain <= _SMALL * total).all():
            break
    return t


def _newton_step(gram, gradient, t, kinks):
    """Newton steps (C, m) on the faces of numbers t (C, m), and expected gains (C,)."""
    slope, stays = kinks.face(t, gradient)
    free = ~stays
    system = gram * (free[:, :, None] & free[:, None, :])
    np.einsum("cmm->cm", system)[stays] = 1.0
    step = np.linalg.solve(system, slope[..., None])[..., 0]
    # What leaves a kink goes to the side that is downhill.
    step[stays | (kinks.at(t) & (step * slope < 0))] = 0.0
    return step, 0.5 * (step * slope).sum(axis=1)


def _shortened(t, step, at, value, kinks):
    """The points that steps reach, halved until they are lower, and their values."""
    length = np.ones((len(t), 1))
    for _ in range(_HALVINGS):
        after = kinks.stopped(t, t + length * step)
        lower = value(after)
        high = lower > at
        if not high.any():
            break
        length[high] *= 0.5
    return after, lower


def _one_by_one(gram, gradient, t, kinks):
    """The numbers after each in turn has moved to its minimum."""
    t, gradient = t.copy(), gradient.copy()
    l1, low, high = (np.broadcast_to(part, t.shape) for part in kinks.parts)
    for j in range(t.shape[1]):
        bend = gram[:, j, j]
        target = t[:, j] + gradient[:, j] / bend
        target = np.sign(target) * np.maximum(np.abs(target) - l1[:, j] / bend, 0.0)
        step = np.clip(target, low[:, j], high[:, j]) - t[:, j]
        gradient -= gram[:, j] * step[:, None]
        t[:, j] += step
    return t
