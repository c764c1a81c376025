"""Which coefficients are free: an affine map from free to full coefficients."""

import numpy as np

# Relative ridge of the normal equations. Moments are in residual form, so it moves
# no fixed point; it keeps directions a component does not see where they are.
_JITTER = 1e-10


def _solve(gram, cross):
    """Solve ``gram @ step = cross`` over leading axes; tolerant of singular Grams."""
    p = gram.shape[-1]
    gram = gram.copy()
    diagonal = gram.reshape(-1, p * p)[:, :: p + 1]
    diagonal *= 1 + _JITTER
    diagonal += np.finfo(float).tiny
    return np.linalg.solve(gram, cross[..., None])[..., 0]


class Separate:
    """Every component has its own coefficients: one small system each."""

    def __init__(self, n_components, n_columns):
        self.n_components, self.n_columns = n_components, n_columns
        self.n_specific = np.full(n_components, n_columns)

    def resized(self, n_components):
        """Separate coefficients of another number of components."""
        return Separate(n_components, self.n_columns)

    def alike(self, order):
        """Whether components in the order `order` are under the same constraints."""
        return True

    def directions(self):
        """Orthonormal directions (p, s) in which components may differ."""
        return np.eye(self.n_columns)

    def step(self, gram, cross):
        """Newton step of the coefficients, (R, K, p)."""
        return _solve(gram, cross)

    def project(self, coef):
        """The nearest admissible coefficients."""
        return coef

    def basis(self):
        """Orthonormal columns that span the admissible directions, (K p, m)."""
        return np.eye(self.n_components * self.n_columns)


class Constrained:
    """Some coefficients are common to components, or held: one larger system.

    The step solves ``T' G T t = T' c`` with G the block diagonal of the components'
    information, so a shared coefficient weighs each component by its own scale.

    Parameters
    ----------
    constraints : Constraints
        With held values in the engine's units.
    to_columns : ndarray of shape (p, 1 + d)
        Column coefficients of an intercept and feature coefficients of one.

    Attributes
    ----------
    n_specific : ndarray of shape (K,)
        Dimensions in which a component's coefficients are its own.
    """

    def __init__(self, constraints, to_columns):
        self.constraints, self.to_columns = constraints, to_columns
        self.n_components, self.n_columns = constraints.n_components, len(to_columns)
        held, free = constraints.held, np.isnan(constraints.held)
        own = [
            _orthonormal(to_columns[:, alone])
            for alone in self._alone(constraints.sharing, free)
        ]
        self.n_specific = np.array([columns.shape[1] for columns in own])
        self._columns = self._directions(own)
        start = (to_columns @ np.where(free, 0.0, held)).T.ravel()
        self._origin = start - self._columns @ (self._columns.T @ start)

    @staticmethod
    def _alone(sharing, free):
        """For every component, the features whose coefficient is its own."""
        parts = (sharing[:, :, None] == sharing[:, None, :]).sum(axis=2)
        return ((parts == 1) & free).T

    def _directions(self, own):
        """Orthonormal columns (K p, m): those of one component, then the common."""
        p, n_components = len(self.to_columns), len(own)
        columns = np.zeros((n_components, p, int(self.n_specific.sum())))
        start = 0
        for k, part in enumerate(own):
            columns[k, :, start : start + part.shape[1]] = part
            start += part.shape[1]
        columns = columns.reshape(n_components * p, -1)
        common = []
        for j, row in enumerate(self.constraints.sharing):
            for label in np.unique(row):
                members = (row == label) & np.isnan(self.constraints.held[j])
                if members.sum() > 1:
                    common.append(np.kron(members, self.to_columns[:, j]))
        if not common:
            return columns
        # What of a common direction lies in the separate ones is there already.
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

    def step(self, gram, cross):
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


def sharing_of(constraints, to_columns):
    """The sharing that constraints ask for.

    Parameters
    ----------
    constraints : Constraints
        With held values in the engine's units.
    to_columns : ndarray of shape (p, 1 + d)
        Column coefficients of an intercept and feature coefficients of one.

    Returns
    -------
    Separate or Constrained
    """
    n_components = constraints.n_components
    if not constraints.any():
        return Separate(n_components, len(to_columns))
    return Constrained(constraints, to_columns)


def _orthonormal(columns, like=None):
    """Orthonormal basis of the span; columns small against `like` are rounding."""
    reference = np.linalg.norm(columns if like is None else like, axis=0)
    scaled = columns / np.where(reference > 0, reference, 1.0)
    left, singular, _ = np.linalg.svd(scaled, full_matrices=False)
    return left[:, singular > 1e-10]
