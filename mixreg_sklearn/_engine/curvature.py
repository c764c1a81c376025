r"""Exact second derivatives of the log-likelihood over a block, by Louis's formula.

With ``u_k`` the derivative of ``log pi_k f_k`` and ``h_k`` its second one, the Hessian
of a unit is ``E[h + u u'] - E[u] E[u]'`` under the posterior of its component (Louis
1982). The derivative of the normalizing constant of the prior is a part of every
``u_k``; it cancels and is omitted.
"""

from itertools import combinations_with_replacement, groupby
from operator import add
from typing import NamedTuple

import numpy as np

from .columns import Dense, Ones
from .layout import layout_of

_ONES = Ones()


class Curvature(NamedTuple):
    """Log-likelihood and its derivatives. Curvatures add.

    Attributes
    ----------
    loglik : ndarray of shape (R,)
    gradient : ndarray of shape (R, M)
    hessian : ndarray of shape (R, M, M)
    size : ndarray of shape (R, M)
        Of the terms that cancel in the diagonal of the Hessian, whose rounding errors
        are in proportion. It is about the information of rows of known component.
    """

    loglik: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray
    size: np.ndarray

    @classmethod
    def of_block(cls, block, loglik, gradient, hessian, size, layout):
        """From log-likelihoods of units (R, U), and derivatives by share.

        The gradient and the sizes are (R, K', m), the Hessian is (R, K', m, K', m).
        """
        n_restarts, n_shares, n_each = gradient.shape
        shape = n_restarts, n_shares * n_each
        whole = cls(
            loglik @ block.unit_weight + block.base,
            gradient.reshape(shape),
            hessian.reshape(*shape, shape[1]),
            size.reshape(shape),
        )
        return whole.among(layout.real) if layout.n_background else whole

    def among(self, places):
        """The derivatives in some of the numbers."""
        return Curvature(
            self.loglik,
            self.gradient[:, places],
            self.hessian[:, places[:, None], places],
            self.size[:, places],
        )

    def __add__(self, other):
        return Curvature(*map(add, self, other))

    def take(self, index):
        """Some of the restarts."""
        return Curvature(*(field[index] for field in self))


def curvature_of_rows(mixture, params, block):
    r"""Curvature, where every row is a unit.

    A coordinate e of component k, a predictor, a constant or the gate, has the
    derivative :math:`s_{ke} z_e` with its columns :math:`z_e`. So each part of the
    Hessian is a weighted sum of products of columns, with the weights

    .. math:: \delta_{jk} w \tau_k (s_{ke} s_{kf} + b_{kef})
              - w \tau_j s_{je} \tau_k s_{kf}
    """
    layout = layout_of(params)
    local, members, loglik, prior = mixture.posterior(params, block)
    weight, sides = block.unit_weight, _sides(local, members, block, layout)
    shape = params.n_restarts, layout.n_shares, layout.n_each
    gradient, size = np.empty(shape), np.empty(shape)
    hessian = np.empty((*shape, *shape[1:]))
    for side in sides:
        weighted = side.expected * weight
        first = side.columns.cross(weighted)
        squares = side.columns.squares(weighted * side.slope)
        gradient[:, :, side.place] = first.reshape(*shape[:2], -1)
        size[:, :, side.place] = squares.reshape(*shape[:2], -1)
    for left, right in combinations_with_replacement(sides, 2):
        own = _own(left, right, members, weight, local)
        _fill(hessian, left, right, own, weight)
    gate = slice(layout.n_own, None)
    subtract_prior(gradient[:, :, gate], hessian[:, :, gate, :, gate], prior, block)
    return Curvature.of_block(block, loglik, gradient, hessian, size, layout)


class _Side(NamedTuple):
    """Coordinates of all components that have the same columns."""

    columns: object  # Columns, p of them
    numbers: list  # of its E coordinates: those of the family, and then the gate
    place: slice  # of their E p numbers among those of a component
    slope: np.ndarray  # (R, K, E, B)
    expected: np.ndarray  # (R, K, E, B), slopes times memberships


def _sides(local, members, block, layout):
    """The coordinates of a component, those with the same columns together."""
    gate = _ONES if layout.n_logits == 1 else Dense(block.gate, block.weight)
    columns = [*block.columns, *[_ONES] * layout.n_constants, gate]
    slopes = [*with_background(local.slope, members), np.ones_like(members)]
    sides, start, numbers = [], 0, range(len(columns))
    for _, alike in groupby(numbers, key=lambda number: id(columns[number])):
        alike = list(alike)
        slope = np.stack([slopes[number] for number in alike], axis=2)
        shared = columns[alike[0]]
        stop = start + len(alike) * shared.n_columns
        expected = slope * members[:, :, None]
        sides.append(_Side(shared, alike, slice(start, stop), slope, expected))
        start = stop
    return sides


def _own(left, right, members, weight, local):
    """Weights of products of a component with itself, (R, K, E, F, B)."""
    own = left.slope[:, :, :, None] * right.expected[:, :, None]
    n = len(local.slope)
    packed = list(combinations_with_replacement(range(n), 2))
    for e, one in enumerate(left.numbers):
        for f, other in enumerate(right.numbers):
            pair = tuple(sorted((one, other)))
            bend = local.bend[packed.index(pair)] if pair[1] < n else None
            if bend is not None:
                n_components = bend.shape[1]
                own[:, :n_components, e, f] += members[:, :n_components] * bend
    return own * weight


def with_background(slopes, members):
    """Slopes (R, K, B) of all shares (R, K', B): a background has none."""
    if not slopes or slopes[0].shape[1] == members.shape[1]:
        return slopes
    none = np.zeros_like(members[:, :1])
    return [np.concatenate([slope, none], axis=1) for slope in slopes]


def _fill(hessian, left, right, own, weight):
    """Enter products of two sides into the Hessian (R, K, m, K, m), in place."""
    n_restarts, n_components, n_left, n_right, _ = own.shape
    # Views of the part of both sides, their coordinates apart from their columns.
    shape = n_components, n_left, left.columns.n_columns
    part = hessian[:, :, left.place, :, right.place]
    part = part.reshape(
        n_restarts, *shape, n_components, n_right, right.columns.n_columns
    )
    if left is right:
        left.columns.outer(left.expected, weight, own, part)
        return
    each = np.arange(n_components)
    ahead = left.expected * -weight
    v = ahead[:, :, :, None, None] * right.expected[:, None, None]
    v[:, each, :, each] += own.swapaxes(0, 1)
    part[...] = np.moveaxis(left.columns.product(v, right.columns), 5, 3)
    mirror = hessian[:, :, right.place, :, left.place]
    mirror[...] = hessian[:, :, left.place, :, right.place].transpose(0, 3, 4, 1, 2)


def subtract_prior(gradient, hessian, prior, block):
    """Subtract derivatives of the log normalizing constant of the prior, in place.

    The gradient (R, K, 1 + q) and the Hessian (R, K, 1 + q, K, 1 + q) are in logits.
    """
    n_restarts, n_components, n_logits = gradient.shape
    gate = block.gate * np.sqrt(block.unit_weight)
    columns = prior[:, :, None, :] * gate
    single = columns @ gate.T
    gradient -= single[..., 0]
    np.einsum("rkakb->rkab", hessian)[...] -= single
    columns = columns.reshape(n_restarts, n_components * n_logits, -1)
    products = columns @ columns.swapaxes(1, 2)
    hessian += products.reshape(hessian.shape)


def curvature_of_units(mixture, params, block):
    """Curvature, expectations of ``u`` times roots of weights, and the prior."""
    layout = layout_of(params)
    n_restarts, n_shares = params.n_restarts, layout.n_shares
    K, own = layout.n_components, layout.n_own
    local, members, loglik, prior = mixture.posterior(params, block)
    n_units = len(block.unit_weight)
    score = np.empty((n_restarts, n_shares, layout.n_each, n_units))
    mixture.regressions.scores(local, block, out=score[:, :K, :own])
    score[:, K:, :own] = 0.0
    score[:, :, own:] = block.gate
    # With roots of the weights the largest products are of a matrix and its
    # transpose, which costs half.
    root = np.sqrt(block.unit_weight)
    score *= root
    expected = score * members[:, :, None, :]
    gradient = expected @ root
    second = expected @ score.swapaxes(-1, -2)
    size = np.einsum("rkmm->rkm", second).copy()
    of_rows = block.units.spread(members[:, :K] * block.unit_weight)
    mixture.regressions.bends(local, of_rows, block, out=second[:, :K, :own, :own])
    expected = expected.reshape(n_restarts, n_shares * layout.n_each, n_units)
    hessian = -(expected @ expected.swapaxes(1, 2))
    table = hessian.reshape(n_restarts, *(n_shares, layout.n_each) * 2)
    np.einsum("rkakb->rkab", table)[...] += second
    subtract_prior(gradient[:, :, own:], table[:, :, own:, :, own:], prior, block)
    curvature = Curvature.of_block(block, loglik, gradient, table, size, layout)
    return curvature, expected, prior
