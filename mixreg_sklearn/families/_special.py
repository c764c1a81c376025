r"""Special functions of the families, exact as scales vanish.

Densities with a size :math:`a = \phi^{-2}` contain :math:`\log\Gamma(a)` beside terms
of order :math:`a \log a`, whose difference loses all its digits as :math:`\phi \to 0`.
Written with the *gamma excess*

.. math:: h(x) = x \log x - x - \log\Gamma(x)
          = \tfrac12 \log \tfrac{x}{2\pi} - \tfrac{1}{12 x} + \dots

they are exact: the other terms are a deviance.
"""

from typing import NamedTuple

import numpy as np
from scipy import special

# From here on Stirling's series with the terms below is exact to rounding (DLMF 5.11).
# Smaller arguments are first raised by this number: a few divisions, many times faster
# than polygamma functions.
_LARGE = 10
_SERIES = (
    (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156),
    (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12),
    (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6),
)

# Coefficients -(1 - 4^-k) B_2k / (k (2k - 1)) of x^(1 - 2k) in the series of a half
# step.
_HALF_STEP = np.array(
    [-1 / 8, 1 / 192, -1 / 640, 17 / 14336, -31 / 18432, 691 / 180224, -5461 / 425984]
)
# Up to here the series of a logarithm below has all digits.
_SMALL_SHARE = 0.15


def excess(x):
    """``h(x) = x log x - x - log Gamma(x)`` for positive `x`."""
    z, small = _raised(x)
    value = 0.5 * np.log(z / (2 * np.pi)) - _tail(z, 0) / z
    if small is None:
        return value
    x = np.where(small, x, 1.0)
    product = x.copy()
    for i in range(1, _LARGE):
        product *= x + i
    raised = x + _LARGE
    rise = x * np.log(x) - raised * np.log(raised) + _LARGE + np.log(product)
    return np.where(small, value + rise, value)


def excess_slope(x):
    """``h'(x) = log x - digamma(x)``, positive and decreasing."""
    z, small = _raised(x)
    value = (0.5 + _tail(z, 1) / z) / z
    if small is None:
        return value
    x = np.where(small, x, 1.0)
    rise = np.log(x / (x + _LARGE))
    for i in range(_LARGE):
        rise += 1 / (x + i)
    return np.where(small, value + rise, value)


def excess_bend(x):
    """``h''(x) = 1 / x - trigamma(x)``, negative."""
    z, small = _raised(x)
    value = -(0.5 + _tail(z, 2) / z) / (z * z)
    if small is None:
        return value
    x = np.where(small, x, 1.0)
    rise = 1 / x - 1 / (x + _LARGE)
    for i in range(_LARGE):
        rise -= 1 / (x + i) ** 2
    return np.where(small, value + rise, value)


class HalfStep(NamedTuple):
    """``r(x) = log Gamma(x + 1/2) - log Gamma(x) - log(x) / 2``.

    `slope` and `bend` are its derivatives in ``log x``. It tends to zero as
    ``-1 / (8 x)``, and all of its digits are kept.
    """

    value: np.ndarray
    slope: np.ndarray
    bend: np.ndarray


def half_step(x):
    """The HalfStep at positive `x` (Tricomi & Erdelyi 1951)."""
    z, small = _raised(x)
    inverse, terms = 1 / z, np.arange(1, 2 * len(_HALF_STEP), 2)
    powers = inverse[..., None] ** terms
    value, slope, bend = (powers * terms**d @ _HALF_STEP for d in range(3))
    slope = -slope
    if small is None:
        return HalfStep(value, slope, bend)
    # Derivatives in x itself are those at z, and those of a sum.
    first, second = slope / z, (bend - slope) / z**2
    x = np.where(small, x, 1.0)
    lower = x[..., None] + np.arange(_LARGE)
    upper, raised = lower + 0.5, x + _LARGE
    rise = 0.5 * np.log(raised / x) - np.log1p(0.5 / lower).sum(axis=-1)
    first = first + 0.5 * (1 / raised - 1 / x) + (0.5 / (lower * upper)).sum(axis=-1)
    second = second - 0.5 * (raised**-2 - x**-2)
    second = second - (0.5 * (lower + upper) / (lower * upper) ** 2).sum(axis=-1)
    return HalfStep(
        np.where(small, value + rise, value),
        np.where(small, x * first, slope),
        np.where(small, x * first + x**2 * second, bend),
    )


def log_excess(s, rest):
    """``-log(1 - s) - s`` for `s` from 0 to 1 and ``rest = 1 - s``, with all digits."""
    t = s / (2 - s)
    square = t * t
    tail = 1 / 13 + square / 15
    for odd in (11, 9, 7, 5, 3):
        tail = tail * square + 1 / odd
    # log1p(s / (1 - s)) = 2 artanh t, whose first term is s + s^2 / (2 - s).
    near = s * s / (2 - s) + 2 * t * square * tail
    if s.max(initial=0.0) < _SMALL_SHARE:
        return near
    return np.where(s < _SMALL_SHARE, near, -np.log(rest) - s)


def _raised(x):
    """`x`, raised where it is small, and a mask of these places; None: nowhere."""
    x = np.asarray(x, dtype=float)
    if x.min(initial=_LARGE) >= _LARGE:
        return x, None
    small = x < _LARGE
    return x + _LARGE * small, small


def _tail(z, order):
    """What follows Stirling's leading terms, times a power of z."""
    square = 1 / (z * z)
    tail = np.full(z.shape, _SERIES[order][-1])
    for coefficient in _SERIES[order][-2::-1]:
        tail *= square
        tail += coefficient
    return tail


def at_counts(function, y, size):
    """``function(y + size)`` for whole numbers `y` (n,) and sizes (..., 1).

    Values are looked up in a table, as there are fewer different counts than rows.
    """
    size = np.asarray(size)
    highest = y.max(initial=0)
    if y.ndim != 1 or size.shape[-1:] not in ((), (1,)) or not highest < y.size:
        return function(y + size)
    table = function(np.arange(highest + 1) + size)
    return np.take(table, y.astype(np.intp), axis=-1)


def log_factorial(y):
    """``log y!`` for whole numbers."""
    y = np.asarray(y)
    return at_counts(special.gammaln, y.ravel(), 1.0).reshape(y.shape)


def is_count(y):
    """Where `y` is zero or a positive whole number."""
    return (y >= 0) & (y == np.floor(y)) & np.isfinite(y)


def count_quantile(cdf, u, highest):
    """Smallest whole number whose `cdf` is at least `u`, by doubling and bisection.

    `cdf` is NaN where undefined; `highest` is the quantile of 1.
    """
    u = np.asarray(u, dtype=float)
    shape = np.broadcast_shapes(u.shape, np.shape(cdf(np.zeros(()))), np.shape(highest))
    low, high = np.full(shape, -1.0), np.zeros(shape)
    wanted = np.where((u >= 0) & (u < 1), u, np.nan)
    # 2**1000 is beyond every mean that a link gives.
    for _ in range(1000):
        short = cdf(high) < wanted
        if not short.any():
            break
        low, high = np.where(short, high, low), np.where(short, 2 * high + 1, high)
    while True:
        middle = np.floor(0.5 * (low + high))
        # Beyond 2**53 neighboring floats are more than one apart.
        open_ = (middle > low) & (middle < high)
        if not open_.any():
            break
        reached = cdf(middle) >= wanted
        high = np.where(open_ & reached, middle, high)
        low = np.where(open_ & ~reached, middle, low)
    defined = ~np.isnan(cdf(high) + wanted)
    quantile = np.where(defined, high, np.nan)
    return np.where((u == 1) & ~np.isnan(cdf(high)), highest, quantile)


def either(condition, first, of_first, second, of_second):
    """The ufunc `first` where a condition holds, `second` elsewhere.

    `of_first` and `of_second` are tuples of their arguments; all arrays broadcast.
    """
    shape = np.broadcast_shapes(*map(np.shape, (condition, *of_first, *of_second)))
    value = np.empty(shape)
    first(*of_first, out=value, where=condition)
    second(*of_second, out=value, where=np.logical_not(condition))
    return value


def draw_counts(mean, rng):
    """Poisson counts; NaN where the mean is NaN."""
    mean = np.asarray(mean, dtype=float)
    # numpy draws up to 9e18, where a count equals its mean to nine digits.
    ordinary = mean < 1e18
    draws = rng.poisson(np.where(ordinary, mean, 0.0))
    return np.where(ordinary, draws, np.floor(mean))


def t_quantile(df, u):
    """Quantiles of Student's t distribution, infinite at levels of zero and one.

    There scipy has NaN, or a wrong sign, in some versions.
    """
    inside = special.stdtrit(df, np.clip(u, np.finfo(float).tiny, 1 - 2**-53))
    return np.where(np.equal(u, 0), -np.inf, np.where(np.equal(u, 1), np.inf, inside))
