"""The directions in which the parameters of a mixture may move."""

from copy import copy
from functools import partial

import numpy as np
from scipy import linalg


class Basis:
    """Orthonormal directions B (M, m), of which most may be single numbers.

    Parameters
    ----------
    places : sequence of ndarray of int
        Where the numbers of every part stand among all M.
    parts : sequence of ndarray, or None
        Directions (s, m) of the s numbers of every part. The first may be None: each
        number is a direction.
    """

    def __init__(self, places, parts):
        self._order = np.concatenate(places)
        self._size = len(self._order)
        self._n_single = len(places[0]) if parts[0] is None else 0
        self._of_parts = [
            len(place) if part is None else part.shape[1]
            for place, part in zip(places, parts, strict=True)
        ]
        # Block by block; empty parts have no directions.
        rest = [part for part in parts if part is not None]
        self._rest = linalg.block_diag(*rest)

    @property
    def n_directions(self):
        """M."""
        return self._n_single + self._rest.shape[1]

    def split(self, values):
        """Values (..., m) of the directions of every part."""
        return np.split(values, np.cumsum(self._of_parts)[:-1], axis=-1)

    def restrict(self, vectors):
        """``B' v`` of vectors (..., M), (..., m)."""
        return self._restricted(vectors, self._rest)

    def restrict_squares(self, sizes):
        """Diagonals of ``B' diag(s) B`` of sizes (..., M), (..., m)."""
        return self._restricted(sizes, self._rest**2)

    def _restricted(self, values, rest):
        values, n = values[..., self._order], self._n_single
        return np.concatenate([values[..., :n], values[..., n:] @ rest], axis=-1)

    def restrict_form(self, matrices):
        """``B' A B`` of symmetric matrices (..., M, M), (..., m, m)."""
        single, rest = np.split(self._order, [self._n_single])
        n, matrices_of = len(single), partial(_parts, matrices)
        out = np.empty((*matrices.shape[:-2], *[self.n_directions] * 2))
        out[..., :n, :n] = matrices_of(single, single)
        beside = matrices_of(single, rest) @ self._rest
        out[..., :n, n:], out[..., n:, :n] = beside, beside.swapaxes(-1, -2)
        out[..., n:, n:] = self._rest.T @ matrices_of(rest, rest) @ self._rest
        return out

    def expand(self, steps):
        """``B t`` of steps (..., m), (..., M)."""
        order, n = self._order, self._n_single
        out = np.zeros((*steps.shape[:-1], self._size))
        out[..., order[:n]] = steps[..., :n]
        out[..., order[n:]] = steps[..., n:] @ self._rest.T
        return out

    def rows(self, places):
        """Rows of B of some numbers (s,), (s, m)."""
        one = np.zeros((len(places), self._size))
        one[np.arange(len(places)), places] = 1.0
        return self.restrict(one)

    def without(self, directions):
        """A basis without some of the directions (m,)."""
        out, (single, rest) = copy(self), np.split(~directions, [self._n_single])
        first, others = np.split(self._order, [self._n_single])
        out._order = np.concatenate([first[single], others])
        out._n_single, out._rest = int(single.sum()), self._rest[:, rest]
        out._of_parts = [int((~part).sum()) for part in self.split(directions)]
        return out


def _parts(matrices, rows, columns):
    return matrices[..., rows[:, None], columns]


def side_by_side(n_components, bases):
    """One basis (K p, m) from bases (K p_l, m_l) of adjacent numbers."""
    if len(bases) == 1:
        return bases[0]
    sizes = [(len(basis) // n_components, basis.shape[1]) for basis in bases]
    ends = np.cumsum([(0, 0), *sizes], axis=0)
    whole = np.zeros((n_components, *ends[-1]))
    for basis, start, stop in zip(bases, ends[:-1], ends[1:], strict=True):
        part = whole[:, start[0] : stop[0], start[1] : stop[1]]
        part[...] = basis.reshape(part.shape)
    return whole.reshape(n_components * ends[-1, 0], ends[-1, 1])
