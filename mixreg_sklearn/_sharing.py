"""Which coefficients are free: a linear map between free and full coefficients."""

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
        self.n_components = n_components
        self.n_specific = n_columns

    def resized(self, n_components):
        """The same sharing among another number of components."""
        return Separate(n_components, self.n_specific)

    def step(self, gram, cross):
        """Newton step of the coefficients, (R, K, p)."""
        return _solve(gram, cross)

    def project(self, coef):
        """The nearest admissible coefficients."""
        return coef

    def basis(self):
        """Orthonormal columns that span the admissible coefficients, (K p, m)."""
        return np.eye(self.n_components * self.n_specific)


class Shared:
    """Some directions are common to all components: one larger system.

    The step solves ``T' G T t = T' c`` with G the block diagonal of the components'
    information, so a shared coefficient weighs each component by its own scale.

    Parameters
    ----------
    own, common : ndarray of shape (p, a) and (p, b)
        Directions of the design that components have of their own, and in common;
        all of them orthonormal.
    n_components : int
    """

    def __init__(self, own, common, n_components):
        self._columns = np.hstack(
            [
                np.kron(np.eye(n_components), own),
                np.tile(common, (n_components, 1)) * n_components**-0.5,
            ]
        )
        self.own, self.common = own, common
        self.n_specific = own.shape[1]

    def resized(self, n_components):
        return Shared(self.own, self.common, n_components)

    def step(self, gram, cross):
        _, n_components, p = cross.shape
        T = self._columns.reshape(n_components, p, -1)
        weighted = gram @ T
        system = np.einsum("kpa,rkpb->rab", T, weighted, optimize=True)
        right = np.einsum("kpa,rkp->ra", T, cross)
        return np.einsum("kpa,ra->rkp", T, _solve(system, right))

    def project(self, coef):
        flat = coef.reshape(len(coef), -1)
        return (flat @ self._columns @ self._columns.T).reshape(coef.shape)

    def basis(self):
        return self._columns


def sharing_of(design, shared, n_components):
    """The sharing of a design in which the features `shared` have common slopes.

    Parameters
    ----------
    design : Design
    shared : ndarray of int
        Features whose coefficient is the same in all components.
    n_components : int

    Returns
    -------
    Separate or Shared
    """
    p = design.n_columns
    if not len(shared) or n_components == 1:
        return Separate(n_components, p)
    constant = int(design.intercept)
    is_shared = np.zeros(design.inverse.shape[1], dtype=bool)
    is_shared[shared] = True
    own = np.zeros((p, constant + (~is_shared).sum()))
    own[:constant, :constant] = 1.0
    own[constant:, constant:] = design.inverse[:, ~is_shared]
    common = np.zeros((p, is_shared.sum()))
    common[constant:] = design.inverse[:, is_shared]
    own = _orthonormal(own)
    # What a shared direction has in common with the own ones is theirs already.
    common = _orthonormal(common - own @ (own.T @ common), like=common)
    return Shared(own, common, n_components)


def _orthonormal(columns, like=None):
    """Orthonormal basis of the span; columns small against `like` are rounding."""
    reference = np.linalg.norm(columns if like is None else like, axis=0)
    scaled = columns / np.where(reference > 0, reference, 1.0)
    left, singular, _ = np.linalg.svd(scaled, full_matrices=False)
    return left[:, singular > 1e-10]
