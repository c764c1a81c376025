"""Which coefficients are free: an affine map from free to full coefficients."""

from functools import lru_cache

import numpy as np
from scipy import linalg

# Relative ridge of the normal equations. Moments are in residual form, so it changes no
# fixed point, and coefficients without information do not move.
_JITTER = 1e-10


def _solve(gram, cross):
    """Solve ``gram @ step = cross``, (..., p, p) and (..., p), perhaps singular."""
    factor, least = _ridge(gram.shape[-1])
    return np.linalg.solve(gram * factor + least, cross[..., None])[..., 0]


@lru_cache
def _ridge(p):
    """Relative and absolute ridge: factor and addend of a matrix, (p, p) each."""
    return 1 + _JITTER * np.eye(p), np.finfo(float).tiny * np.eye(p)


class Sharing:
    """Base of rules about coefficients without a penalty."""

    # Whether estimates may lie at a kink, see `Axes`.
    kinked = False

    def gain(self, step, gram, cross):
        """What a step adds to twice the quadratic ``s'c - s'G s / 2``, (R, K).

        Here it leads to the maximum.
        """
        return np.vecdot(step, cross)

    def at_weight(self, weight):
        """The same for rows of another total weight, as of a sample."""
        return self

    def needed(self, coef):
        """Coefficients of a component that its rows determine, (R, K)."""
        return np.broadcast_to(self.n_specific, coef.shape[:2])

    def penalty(self, coef):
        """Value added to the log-likelihood at coefficients (R, K, p), (R,) or zero."""
        return 0.0

    def penalty_derivatives(self, coef):
        """First and second derivatives in every coefficient, two times (R, K, p)."""
        none = np.zeros(coef.shape)
        return none, none


class Separate(Sharing):
    """Components share no coefficients: one small system for each."""

    def __init__(self, n_components, n_columns):
        self.n_components, self.n_columns = n_components, n_columns
        self.n_specific = np.full(n_components, n_columns)

    def resized(self, n_components):
        """Separate coefficients of another number of components."""
        return Separate(n_components, self.n_columns)

    def alike(self, order):
        """Whether components in the order `order` obey the same constraints."""
        return True

    def directions(self):
        """Orthonormal directions (p, s) in which components may differ."""
        return np.eye(self.n_columns)

    def step(self, gram, cross, coef):
        """Newton step (R, K, p) from information (R, K, p, p) and scores (R, K, p).

        It starts at coefficients (R, K, p).
        """
        return _solve(gram, cross)

    def project(self, coef):
        """The nearest admissible coefficients, (R, K, p)."""
        return coef

    def basis(self):
        """Orthonormal columns that span the admissible directions, (K p, m).

        None where every coefficient is one.
        """
        return None

    @property
    def n_directions(self):
        """Dimensions of the coefficients of all components, m."""
        return self.n_components * self.n_columns


class Constrained(Sharing):
    """Some coefficients are shared by components, or held: one larger system.

    The step solves ``T' G T t = T' c`` with G the block diagonal of the information of
    components, so components enter a shared coefficient with their information.

    Parameters
    ----------
    constraints : Constraints
        With held values in the engine's units.
    to_columns : ndarray of shape (p, 1 + d)
        `Design.feature_map`.

    Attributes
    ----------
    n_specific : ndarray of shape (K,)
        Dimensions of the coefficients that a component does not share.
    """

    def __init__(self, constraints, to_columns):
        self.constraints, self.to_columns = constraints, to_columns
        self.n_components, self.n_columns = constraints.n_components, len(to_columns)
        held, free = constraints.held, np.isnan(constraints.held)
        sharing = constraints.sharing
        alone = (sharing[:, :, None] == sharing[:, None, :]).sum(axis=2) == 1
        specific = [_orthonormal(to_columns[:, one]) for one in (alone & free).T]
        self.n_specific = np.array([columns.shape[1] for columns in specific])
        self._columns = self._directions(specific)
        start = (to_columns @ np.where(free, 0.0, held)).T.ravel()
        self._origin = start - self._columns @ (self._columns.T @ start)

    def _directions(self, specific):
        """Orthonormal columns (K p, m): of single components (p, .), then shared."""
        columns = linalg.block_diag(*specific)
        common = []
        for j, row in enumerate(self.constraints.sharing):
            for label in np.unique(row):
                members = (row == label) & np.isnan(self.constraints.held[j])
                if members.sum() > 1:
                    common.append(np.kron(members, self.to_columns[:, j]))
        if not common:
            return columns
        # The specific directions may already span a part of the shared ones.
        common = np.array(common).T
        rest = common - columns @ (columns.T @ common)
        return np.hstack([columns, _orthonormal(rest, like=common)])

    def resized(self, n_components):
        return sharing_of(self.constraints.resized(n_components), self.to_columns)

    def alike(self, order):
        return self.constraints.alike(order)

    def directions(self):
        sharing, held = self.constraints
        # NaN stands for what is free, and equals nothing.
        differs = ~(held == held[:, :1]).all(axis=1)
        if self.n_components > 1:
            differs &= (sharing != sharing[:, :1]).any(axis=1)
        return _orthonormal(self.to_columns[:, differs])

    def step(self, gram, cross, coef):
        if not self._columns.shape[1]:
            return np.zeros_like(cross)
        _, n_components, p = cross.shape
        T = self._columns.reshape(n_components, p, -1)
        weighted = gram @ T
        system = np.einsum("kpa,rkpb->rab", T, weighted, optimize=True)
        right = np.einsum("kpa,rkp->ra", T, cross)
        return np.einsum("kpa,ra->rkp", T, _solve(system, right))

    def project(self, coef):
        flat = coef.reshape(len(coef), -1)
        return (flat @ self._columns @ self._columns.T + self._origin).reshape(
            coef.shape
        )

    def basis(self):
        return self._columns

    @property
    def n_directions(self):
        return self._columns.shape[1]


def sharing_of(constraints, to_columns):
    """Separate or Constrained, whose parameters these are."""
    if constraints.any():
        return Constrained(constraints, to_columns)
    return Separate(constraints.n_components, len(to_columns))


def _orthonormal(columns, like=None):
    """Orthonormal basis of the span of columns; those small against `like` are zero."""
    reference = np.linalg.norm(columns if like is None else like, axis=0)
    scaled = columns / np.where(reference > 0, reference, 1.0)
    left, singular, _ = np.linalg.svd(scaled, full_matrices=False)
    return left[:, singular > 1e-10]
