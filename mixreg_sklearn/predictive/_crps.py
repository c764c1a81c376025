"""The continuous ranked probability score of mixtures."""

import numpy as np
from scipy import special

from .._data.chunks import chunks
from ..families import Gaussian
from ._components import component_quantiles
from ._domain import check_ends, check_mixture
from ._regions import count_tables

_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(8)
# Quantiles between which integrals are computed, half a standard deviation apart on the
# normal scale, and the nodes of the quadrature between them.
_LEVELS = special.ndtr(np.arange(-7.0, 7.5, 0.5))
# About how many intermediate results there are for a node.
_INTERMEDIATE = 4


def crps_of(ahead, y):
    """Scores (n,) of responses (n,)."""
    check_mixture(ahead)
    check_ends(ahead, "crps")
    lower, upper = ahead.family.bounds(y)
    if not ahead.discrete:
        if (lower != upper).any():
            raise ValueError(
                "crps compares distributions with exact responses, but some are"
                " censored: use log_score, which takes them as they are."
            )
        y = upper
    # The only closed form; as only this score needs it, families have no such method.
    if isinstance(ahead.family, Gaussian):
        return _gaussian_crps(ahead, y)
    return _count_crps(ahead, y) if ahead.discrete else _quadrature_crps(ahead, y)


def _gaussian_crps(ahead, y):
    """``E |Y - y| - E |Y - Y'| / 2``, in closed form."""
    means, variances = ahead.eta, ahead.scale**2
    score = np.zeros(len(y))
    for k, variance in enumerate(variances):
        distance = _absolute(y - means[:, k], variance)
        for j, other in enumerate(variances):
            apart = _absolute(means[:, k] - means[:, j], variance + other)
            distance -= 0.5 * ahead.weights[:, j] * apart
        score += ahead.weights[:, k] * distance
    return score


def _absolute(mean, variance):
    """``E |Z|`` of a normal variable."""
    std = np.sqrt(variance)
    z = mean / std
    density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    return 2 * std * density + mean * (2 * special.ndtr(z) - 1)


def _count_crps(ahead, y):
    """Sums over the relevant counts; beyond them, each term is zero or one."""
    score = np.empty(len(y))
    for rows, counts in count_tables(ahead, 1e-12):
        at = y[rows, None]
        terms = (ahead[rows].cdf(counts) - (at <= counts)) ** 2
        below, above = counts[:, 0] - y[rows], y[rows] - counts[:, -1] - 1
        score[rows] = terms.sum(axis=1) + np.maximum(np.maximum(below, above), 0)
    return score


def _quadrature_crps(ahead, y):
    """Integrals of ``F^2`` below `y` and ``(1 - F)^2`` above, between quantiles."""
    score = np.empty(len(y))
    nodes = len(_NODES) * (len(_LEVELS) * ahead.weights.shape[1] + 1)
    for rows in chunks(len(y), _INTERMEDIATE * nodes):
        part, at = ahead[rows], y[rows, None]
        bounds = component_quantiles(part, _LEVELS).reshape(len(at), -1)
        edges = np.sort(np.concatenate([bounds, at], axis=1), axis=1)
        half = 0.5 * np.diff(edges, axis=1)
        t = (edges[:, :-1] + half)[..., None] + half[..., None] * _NODES
        cdf = part.cdf(t.reshape(len(at), -1)).reshape(t.shape)
        # No node lies on the step, as y is an edge.
        square = (cdf - (at[..., None] <= t)) ** 2
        score[rows] = np.einsum("nc,nci,i->n", half, square, _NODE_WEIGHTS)
    return score
