"""Roots and extrema of many functions at once, each within a bracket of its own."""

import numpy as np

_EPS = np.finfo(float).eps
_GOLDEN = (np.sqrt(5) - 1) / 2


def find_root(function, low, high, at_low, at_high, tolerance=0.0, n_iter=400):
    """Chandrupatla's method: inverse quadratic interpolation, or else bisection.

    A bracket of one sign that spans orders of magnitude is halved geometrically.
    Elements leave as they are found, so that a few slow ones cost little.

    Parameters
    ----------
    function : callable
        ``function(x, rows)`` is the values at `x` (m,) of the functions that have the
        numbers `rows` (m,).
    low, high : ndarray of shape (n,)
        Brackets.
    at_low, at_high : ndarray of shape (n,)
        Values there. Where they are of one sign, the end nearer to zero is returned.
    tolerance : float or ndarray of shape (n,), default=0.0
        A value that small is zero.
    n_iter : int, default=400
        Upper bound on the iterations.

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
    # a is the newest point, b on the other side of the root, c the one before.
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
    """Middle of brackets: geometric where that is the one in the middle of floats."""
    apart = (a > 0) & (b > 0) & (np.maximum(a, b) > 4 * np.minimum(a, b))
    # Roots first: the product may overflow.
    root = np.sqrt(np.where(apart, a, 1)) * np.sqrt(np.where(apart, b, 1))
    return np.where(apart, root, 0.5 * a + 0.5 * b)


def _next(a, b, c, fa, fb, fc, narrow):
    """Interpolated where three points bend no more than a parabola; else the middle."""
    with np.errstate(all="ignore"):
        xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
        smooth = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
        t = fa / (fb - fa) * fc / (fb - fc)
        t = t + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
        least = np.minimum(narrow / np.abs(b - a), 0.5)
        x = a + np.clip(t, least, 1 - least) * (b - a)
    return np.where(smooth & np.isfinite(x), x, _middle(a, b))


def find_maximum(function, low, high, n_iter=34):
    """Golden section; after 34 steps to 1e-7 of the bracket, and the value to 1e-14.

    Parameters
    ----------
    function : callable
        As in `find_root`.
    low, high : ndarray of shape (n,)
        Brackets of one maximum each.
    n_iter : int, default=34
        Number of sections.

    Returns
    -------
    ndarray of shape (n,)
        Where the maxima are.
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
