"""Vectorized root finding and maximization on brackets."""

import numpy as np

_EPS = np.finfo(float).eps
_GOLDEN = (np.sqrt(5) - 1) / 2


def find_root(function, low, high, at_low, at_high, tolerance=0.0, n_iter=400):
    """Find roots by Chandrupatla's method: quadratic interpolation or bisection.

    A bracket of one sign that spans orders of magnitude is bisected geometrically.
    Roots are removed as they are found, so a few slow ones cost little.

    Parameters
    ----------
    function : callable
        ``function(x, rows)`` returns the values at `x` (m,) of the functions with
        indices `rows` (m,).
    low, high : ndarray of shape (n,)
        Brackets.
    at_low, at_high : ndarray of shape (n,)
        Values at `low` and `high`. If they have the same sign, the end with the value
        closer to zero is returned.
    tolerance : float or ndarray of shape (n,), default=0.0
        Absolute values up to this count as zero.
    n_iter : int, default=400
        Maximum number of iterations.

    Returns
    -------
    ndarray of shape (n,)
        Roots.

    References
    ----------
    Chandrupatla, T. R. (1997). A new hybrid quadratic/bisection algorithm for finding
    the zero of a nonlinear function without using derivatives. Advances in
    Engineering Software 28, 145-149.
    """
    tolerance = np.broadcast_to(tolerance, low.shape)
    root = np.where(np.abs(at_low) < np.abs(at_high), low, high)
    rows = np.flatnonzero(np.sign(at_low) * np.sign(at_high) < 0)
    # a is the newest point, b is on the other side of the root, c is the point before.
    a, fa, b, fb = low[rows], at_low[rows], high[rows], at_high[rows]
    c, fc = a, fa
    x = _middle(a, b)
    for _ in range(n_iter):
        if not rows.size:
            break
        fx = function(x, rows)
        same = np.sign(fx) == np.sign(fa)
        c, fc = np.where(same, a, b), np.where(same, fa, fb)
        b, fb = np.where(same, b, a), np.where(same, fb, fa)
        a, fa = x, fx
        nearer = np.abs(fa) < np.abs(fb)
        best = np.where(nearer, a, b)
        root[rows] = best
        narrow = 2 * _EPS * np.abs(best) + np.finfo(float).tiny
        found = np.minimum(np.abs(fa), np.abs(fb)) <= tolerance[rows]
        going = ~(found | (np.abs(b - a) <= 2 * narrow))
        rows, narrow = rows[going], narrow[going]
        a, b, c, fa, fb, fc = (v[going] for v in (a, b, c, fa, fb, fc))
        x = _next(a, b, c, fa, fb, fc, narrow)
    return root


def _middle(a, b):
    """Middle of brackets: geometric if they are positive and span a factor of 4."""
    apart = (a > 0) & (b > 0) & (np.maximum(a, b) > 4 * np.minimum(a, b))
    # Roots first: the product may overflow.
    root = np.sqrt(np.where(apart, a, 1)) * np.sqrt(np.where(apart, b, 1))
    return np.where(apart, root, 0.5 * a + 0.5 * b)


def _next(a, b, c, fa, fb, fc, narrow):
    """Next points: interpolated if three points are smooth enough, else the middle."""
    with np.errstate(all="ignore"):
        xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
        smooth = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
        t = fa / (fb - fa) * fc / (fb - fc)
        t = t + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
        least = np.minimum(narrow / np.abs(b - a), 0.5)
        x = a + np.clip(t, least, 1 - least) * (b - a)
    return np.where(smooth & np.isfinite(x), x, _middle(a, b))


def find_maximum(function, low, high, n_iter=34):
    """Find maxima (n,) by golden-section search, with arguments as in `find_root`.

    The 34 steps reduce the bracket to 1e-7 of its width; values are then accurate to
    about 1e-14.
    """
    rows = np.arange(len(low))
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = function(left, rows), function(right, rows)
    for _ in range(n_iter):
        rising = at_left < at_right
        low, high = np.where(rising, left, low), np.where(rising, high, right)
        kept, value = np.where(rising, right, left), np.where(rising, at_right, at_left)
        new = np.where(
            rising, low + _GOLDEN * (high - low), high - _GOLDEN * (high - low)
        )
        at_new = function(new, rows)
        left, right = np.where(rising, kept, new), np.where(rising, new, kept)
        at_left, at_right = (
            np.where(rising, value, at_new),
            np.where(rising, at_new, value),
        )
    return np.where(at_left > at_right, left, right)
