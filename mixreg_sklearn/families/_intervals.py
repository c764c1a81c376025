r"""Log-likelihoods of exact and interval-censored values of location-scale models.

With standardized bounds :math:`a \le b`, a value that is only known to lie between them
contributes :math:`\log P = \log (F(b) - F(a))`, computed in the tail that is nearer, so
that no probability underflows; of a narrow interval it is an integral, as differences
would cancel.
"""

from typing import NamedTuple

import numpy as np

from ._errors import Errors

# An interval is narrow if the tail falls by less than this, in logarithms.
_NARROW = 0.5
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)
_NODES, _WEIGHTS = 0.5 + 0.5 * _NODES, 0.5 * _WEIGHTS


class Parts(NamedTuple):
    """A log-likelihood and its derivatives in location (times scale) and log scale."""

    value: np.ndarray
    location: np.ndarray
    scale: np.ndarray
    location_location: np.ndarray
    location_scale: np.ndarray
    scale_scale: np.ndarray


def exact_parts(errors, z):
    """The Parts of exact values: of ``log f(z)``, less the logarithm of the scale."""
    value, first, second = errors.exact(z)
    pull = z * second
    return Parts(
        value,
        -first,
        -z * first - 1,
        second,
        first + pull,
        z * (first + pull),
    )


def _put(parts, at, found):
    """Set the rows `at` of the last axis."""
    for whole, part in zip(parts, found, strict=True):
        whole[..., at] = part


def _reflected(parts):
    """The Parts of values from those of minus the values: so is the location."""
    return parts._replace(
        location=-parts.location, location_scale=-parts.location_scale
    )


def _tail(errors, a):
    """The Parts of values above a."""
    hazard = errors.hazard(a)
    bend, moved = -hazard * errors.slack(a, hazard), a * hazard
    pull = a * bend
    return Parts(errors.log_sf(a), hazard, moved, bend, pull - hazard, a * pull - moved)


def _between(errors, a, b, width):
    """The Parts of values between finite a and b, from survival functions."""
    log_a = errors.log_sf(a)
    fall = log_a - errors.log_sf(b)
    narrow = fall < _NARROW
    parts = _differences(errors, a, b, log_a, np.where(narrow, 1.0, fall))
    if narrow.any():
        at = np.flatnonzero(narrow)
        _put(parts, at, _integrals(errors, a[at], width[at]))
    return parts


def _differences(errors, a, b, log_a, fall):
    """From differences of survival functions, in which nothing cancels."""
    ratio, share = np.exp(-fall), -np.expm1(-fall)
    hazard = errors.hazard(a)
    of_a, of_b = hazard / share, errors.hazard(b) * ratio / share
    # Second derivatives of log P in a and b.
    aa = -of_a * (errors.slack(a, hazard) + of_a * ratio)
    bb, ab = of_b * (errors.slopes(b)[0] - of_b), of_a * of_b
    first, moved = of_b - of_a, b * of_b - a * of_a
    return Parts(
        log_a + np.log(share),
        -first,
        -moved,
        aa + 2 * ab + bb,
        first + a * aa + (a + b) * ab + b * bb,
        moved + a * a * aa + 2 * a * b * ab + b * b * bb,
    )


def _integrals(errors, a, width):
    """Averages over the exact values in narrow intervals, by Gauss and Legendre."""
    z = a + width * _NODES[:, None]
    of = exact_parts(errors, z)
    most = of.value.max(axis=0)
    chance = _WEIGHTS[:, None] * np.exp(of.value - most)
    total = chance.sum(axis=0)
    chance /= total

    def mean(values):
        return (chance * values).sum(axis=0)

    location, scale = mean(of.location), mean(of.scale)
    apart, spread = of.location - location, of.scale - scale
    return Parts(
        most + np.log(width * total),
        location,
        scale,
        mean(of.location_location + apart * apart),
        mean(of.location_scale + apart * spread),
        mean(of.scale_scale + spread * spread),
    )


def parts_of(errors: Errors, lower, upper, eta, scale):
    """The Parts of all responses, in the shape to which the arguments broadcast.

    Responses are exact where their bounds are equal, and the value is then the density
    of the response itself. Bounds (m,) are often those of many predictors (..., m):
    then rows of a kind are computed for all of them at once.
    """
    shape = np.broadcast_shapes(*map(np.shape, (lower, upper, eta, scale)))
    if shape and np.shape(lower) == np.shape(upper) == shape[-1:]:
        return _parts(errors, lower, upper, np.broadcast_to(eta, shape), scale)
    flat = (np.broadcast_to(each, shape).ravel() for each in (lower, upper, eta, scale))
    return Parts(*(part.reshape(shape) for part in _parts(errors, *flat)))


def _parts(errors, lower, upper, eta, scale):
    """The Parts (..., m) of bounds (m,), predictors (..., m) and their scales."""
    exact, from_a, to_b = lower == upper, np.isfinite(lower), np.isfinite(upper)
    if exact.all():
        return _exact(errors, (lower - eta) / scale, None, None, scale)
    parts = Parts(*np.zeros((6, *eta.shape)))
    each = np.ndim(scale) > 0 and np.shape(scale)[-1] == len(lower)
    for rows, found in (
        (exact, _exact),
        (from_a & ~to_b, _above),
        (to_b & ~from_a, _below),
        (from_a & to_b & ~exact, _inside),
    ):
        at = np.flatnonzero(rows)
        if len(at):
            center, spread = eta[..., at], scale[..., at] if each else scale
            a, b = (lower[at] - center) / spread, (upper[at] - center) / spread
            width = (upper[at] - lower[at]) / spread
            _put(parts, at, found(errors, a, b, width, spread))
    return parts


def _exact(errors, a, b, width, scale):
    """The Parts of exact values, of the density of the response itself."""
    parts = exact_parts(errors, a)
    return parts._replace(value=parts.value - np.log(scale))


def _above(errors, a, b, width, scale):
    """The Parts of values that are only known to exceed a."""
    return _tail(errors, a)


def _below(errors, a, b, width, scale):
    """The Parts of values that are only known to be less than b."""
    return _reflected(_tail(errors.mirrored, -b))


def _inside(errors, a, b, width, scale):
    """The Parts of values between finite bounds, each from the tail that is nearer.

    `width` is their difference, which is known without cancellation.
    """
    shape, width = a.shape, np.broadcast_to(width, a.shape).ravel()
    a, b = a.ravel(), b.ravel()
    parts = Parts(*np.zeros((6, len(a))))
    upper = errors.log_cdf(b) >= errors.log_sf(a)
    near, far = np.flatnonzero(upper), np.flatnonzero(~upper)
    if len(near):
        _put(parts, near, _between(errors, a[near], b[near], width[near]))
    if len(far):
        found = _between(errors.mirrored, -b[far], -a[far], width[far])
        _put(parts, far, _reflected(found))
    return Parts(*(part.reshape(shape) for part in parts))
