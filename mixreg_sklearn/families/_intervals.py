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
    first, second = errors.slopes(z)
    pull = z * second
    return Parts(
        errors.log_density(z),
        -first,
        -z * first - 1,
        second,
        first + pull,
        z * (first + pull),
    )


def parts_between(errors, a, b, width):
    """The Parts of values between bounds a < b, (m,), perhaps infinite.

    `width` is their difference, which the caller knows without cancellation.
    """
    parts = Parts(*np.zeros((6, len(a))))
    from_a, to_b = np.isfinite(a), np.isfinite(b)
    both = np.flatnonzero(from_a & to_b)
    upper = errors.log_cdf(b[both]) >= errors.log_sf(a[both])
    mirrored = errors.mirrored
    for at, mirror in (
        (np.flatnonzero(from_a & ~to_b), False),
        (np.flatnonzero(to_b & ~from_a), True),
    ):
        if len(at):
            found = _tail(mirrored, -b[at]) if mirror else _tail(errors, a[at])
            _put(parts, at, found, mirror)
    for at, mirror in ((both[upper], False), (both[~upper], True)):
        if len(at):
            of, low, high = errors, a[at], b[at]
            if mirror:
                of, low, high = mirrored, -high, -low
            _put(parts, at, _between(of, low, high, width[at]), mirror)
    return parts


def _put(parts, at, found, mirror):
    """Set some elements; the location of mirrored values is minus their location."""
    signs = (1, -1, 1, 1, -1, 1) if mirror else (1,) * 6
    for whole, part, sign in zip(parts, found, signs, strict=True):
        whole[at] = sign * part


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
        _put(parts, at, _integrals(errors, a[at], width[at]), False)
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
    of the response itself.
    """
    lower, upper, eta, scale = np.broadcast_arrays(lower, upper, eta, scale)
    z, exact = (lower - eta) / scale, lower == upper
    if exact.all():
        parts = exact_parts(errors, z)
        return parts._replace(value=parts.value - np.log(scale))
    parts = Parts(*np.empty((6, *z.shape)))
    known = exact_parts(errors, z[exact])
    known = known._replace(value=known.value - np.log(scale[exact]))
    open_ = ~exact
    b, width = (upper[open_] - eta[open_]) / scale[open_], upper[open_] - lower[open_]
    hidden = parts_between(errors, z[open_], b, width / scale[open_])
    for whole, of_exact, of_open in zip(parts, known, hidden, strict=True):
        whole[exact], whole[open_] = of_exact, of_open
    return parts
