r"""Updates of a dispersion :math:`\phi` that have no closed form."""

import numpy as np

# A component of less than this many rows has none, and keeps its scale.
NO_WEIGHT = 1e-9
# Squared scales are no smaller than the square of rounding: the data cannot tell.
LEAST = 1e-32
# A step changes no log scale by more than this.
_LONGEST = 1.0


def settle(rule, own, pooled, weight, scale):
    """Scales (R, K) from the variances that the components and all together suggest.

    Parameters
    ----------
    rule : ScaleRule
    own : ndarray of shape (R, K)
    pooled : ndarray of shape (R, 1)
    weight : ndarray of shape (R, K)
    scale : ndarray of shape (R, K)
        The old scales, which components without rows keep.
    """
    variance = np.where(weight < NO_WEIGHT, scale**2, own)
    variance = np.maximum(variance, rule.ratio * pooled)
    variance = np.where(rule.tied, pooled, variance)
    return np.sqrt(np.maximum(variance, max(rule.floor, LEAST)))


def newton_update(rule, scale, weight, statistic):
    r"""One damped Newton step in :math:`\log\phi`.

    Parameters
    ----------
    rule : ScaleRule
    scale, weight : ndarray of shape (R, K)
    statistic : ndarray of shape (R, K, 2)
        First and second derivative of the log-likelihood in ``log scale``.

    Returns
    -------
    ndarray of shape (R, K)
    """
    first, second = rule.penalty_derivatives(scale)
    first, second = first + statistic[..., 0], second + statistic[..., 1]
    own = scale * _exp_step(first, second)
    # A common scale of components that do not have one yet: their geometric mean.
    share = weight / weight.sum(axis=1, keepdims=True)
    common = np.exp((share * np.log(scale)).sum(axis=1, keepdims=True))
    together = _exp_step(
        first.sum(axis=1, keepdims=True), second.sum(axis=1, keepdims=True)
    )
    return settle(rule, own**2, (common * together) ** 2, weight, scale)


def _exp_step(first, second):
    """Factor that a Newton step puts on the scale; uphill where curvature is wrong."""
    curvature = np.maximum(np.abs(second), np.finfo(float).tiny)
    with np.errstate(over="ignore"):
        step = first / curvature
    return np.exp(np.clip(step, -_LONGEST, _LONGEST))
