"""Ascent directions from an information matrix, which need not be positive definite."""

from typing import NamedTuple

import numpy as np
from scipy import linalg

# Eigenvalues of the information count as positive above this, relative to its diagonal
# and to the terms that cancel in it: smaller ones may be rounding errors.
POSITIVE = 1e-9
# Sizes up to which all eigenvalues are cheap beside a pass over rows.
_SMALL = 400
# Steps of Lanczos's method.
_STEPS = 40


class Ascent(NamedTuple):
    """Steps uphill, and the least curved directions."""

    step: np.ndarray  # (R, m)
    smallest: np.ndarray  # (R,) eigenvalue of the information
    vector: np.ndarray  # (R, m) its eigenvector


def ascent(information, gradient, size):
    """Steps ``|A|^-1 g`` of information A (R, m, m) and gradients g (R, m).

    Where the information is not positive definite, its eigenvalues are replaced by
    their absolute values (Nocedal & Wright 2006, section 3.4). Among the smallest
    eigenvalues, those that may be rounding errors count as zero: the diagonal of A,
    which is one, does not tell. Where a direction has no information at all, as the
    share of two equal components, its own rounding error is scaled to one. The sizes
    (R, m) of the terms that cancel in the diagonal do.
    """
    if gradient.shape[1] <= _SMALL:
        return _by_eigenvalues(information, gradient, size)
    each = zip(information, gradient, size, strict=True)
    return Ascent(*map(np.array, zip(*(_by_factor(*one) for one in each), strict=True)))


def _by_eigenvalues(information, gradient, size):
    values, vectors = np.linalg.eigh(information)
    noise = POSITIVE * np.einsum("rmj,rm->rj", vectors**2, size)
    smallest = np.where(np.abs(values) <= noise, 0.0, values).min(axis=1)
    values = np.maximum(np.abs(values), 1e-7 * np.abs(values).max(axis=1)[:, None])
    rotated = (gradient[:, None] @ vectors)[:, 0] / values
    return Ascent((vectors @ rotated[..., None])[..., 0], smallest, vectors[..., 0])


def _by_factor(information, gradient, size):
    """Step, smallest eigenvalue and its vector, of one large matrix (m, m).

    A Cholesky factorization of the information less what may be rounding proves that
    it is positive definite. Where there is none, a multiple of the identity turns the
    smallest eigenvalue into its absolute value.
    """
    solve = inverse_of(information, -POSITIVE * size)
    if solve is not None:
        vector = _leading(solve, len(size))
        return solve(gradient), float(vector @ information @ vector), vector
    vector = _leading(lambda v: -(information @ v), len(size))
    smallest = float(vector @ information @ vector)
    if abs(smallest) <= POSITIVE * (vector**2 @ size):
        smallest = 0.0
    shift = max(2 * abs(smallest), 1e-7)
    while (solve := inverse_of(information, shift)) is None:
        shift *= 4
    return solve(gradient), min(smallest, 0.0), vector


def inverse_of(matrix, shift=0.0):
    """A function that multiplies by the inverse of matrix + diag(shift), or None.

    There is none unless this is positive definite. `shift` is a number or (m,).
    """
    shifted = matrix.copy()
    np.einsum("mm->m", shifted)[...] += shift
    try:
        # The transpose is in the order of LAPACK, and needs no copy.
        factor = linalg.cho_factor(
            shifted.T, lower=True, overwrite_a=True, check_finite=False
        )
    except np.linalg.LinAlgError:
        return None
    return lambda v: linalg.cho_solve(factor, v, check_finite=False)


def _leading(multiply, m):
    """The vector (m,) of a symmetric matrix's largest eigenvalue, by Lanczos's method.

    Golub & Van Loan (2013), section 10.1, with full orthogonalization.
    """
    vector = np.cos(np.arange(1.0, m + 1))
    vectors, diagonal, beside = [vector / np.linalg.norm(vector)], [], []
    while True:
        image = multiply(vectors[-1])
        diagonal.append(float(image @ vectors[-1]))
        for _ in range(2):
            image = image - np.array(vectors).T @ (np.array(vectors) @ image)
        length = float(np.linalg.norm(image))
        if len(vectors) == min(_STEPS, m) or not length > 1e-10 * max(np.abs(diagonal)):
            break
        vectors.append(image / length)
        beside.append(length)
    _, coordinates = linalg.eigh_tridiagonal(diagonal, beside)
    return np.array(vectors).T @ coordinates[:, -1]
