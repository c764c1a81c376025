"""Second derivatives and scores of units of several rows, where columns are sparse.

They are those of `curvature`; the scores of a unit are a sparse row.
"""

import numpy as np
from scipy import sparse

from .curvature import Curvature, subtract_prior
from .layout import layout_of
from .sparse_columns import weighted_products


def curvature_of_sparse_units(mixture, params, block):
    """The Curvature of a block."""
    layout, weight = layout_of(params), block.unit_weight
    local, members, loglik, prior = mixture.posterior(params, block)
    shape, K = (params.n_restarts, layout.n_shares, layout.n_each), params.n_components
    gradient, size = np.empty(shape), np.empty(shape)
    hessian, each = np.empty((*shape, *shape[1:])), range(layout.n_shares)
    for r in range(params.n_restarts):
        scores = [_scores(local, block, (r, k), layout) for k in each]
        for k in each:
            tau = members[r, k] * weight
            gradient[r, k] = tau @ scores[k]
            size[r, k] = tau @ scores[k].multiply(scores[k])
            for j in range(k + 1):
                # E[u u'] - E[u] E[u]' of one component, and -E[u] E[u]' of two.
                part = members[r, j] * weight * ((j == k) - members[r, k])
                part = weighted_products(scores[j], part, scores[k])
                hessian[r, j, :, k], hessian[r, k, :, j] = part, part.T
    own, gate = slice(layout.n_own), slice(layout.n_own, None)
    bends = np.zeros((shape[0], K, layout.n_own, layout.n_own))
    rows = block.units.spread(members[:, :K] * weight)
    mixture.regressions.bends(local, rows, block, out=bends)
    np.einsum("rkakb->rkab", hessian)[:, :K, own, own] += bends
    subtract_prior(gradient[:, :, gate], hessian[:, :, gate, :, gate], prior, block)
    return Curvature.of_block(block, loglik, gradient, hessian, size, layout)


def sparse_scores(mixture, params, block):
    """Gradients of the log-likelihood of units, of a batch of one, (M, U).

    They are sparse, and times roots of the weights of the units.
    """
    local, members, _, prior = mixture.posterior(params, block)
    layout, root, parts = layout_of(params), np.sqrt(block.unit_weight), []
    n_own = layout.n_own
    for k in range(layout.n_shares):
        scores = _scores(local, block, (0, k), layout).multiply(members[0, k][:, None])
        common = prior[0, k][:, None] * block.gate.T
        own, gate = scores.tocsr()[:, :n_own], scores.tocsr()[:, n_own:]
        parts += [own, sparse.csr_array(gate - common)]
    whole = sparse.hstack(parts, format="csr").multiply(root[:, None])
    return whole.tocsr()[:, layout.real].T


def score_products(local, weight, block):
    """Products of scores of units under weights (R, K, U), (R, K, P + S, P + S)."""
    products = []
    for at in np.ndindex(weight.shape[:2]):
        scores = sparse.hstack(_own_scores(local, block, at), format="csr")
        products.append(weighted_products(scores, weight[at], scores))
    return np.reshape(products, (*weight.shape[:2], *products[0].shape))


def _scores(local, block, at, layout):
    """Scores (U, P + S + 1 + q) of units in the numbers of a component, sparse.

    `at` is a restart and its component, or background.
    """
    if at[1] < layout.n_components:
        own = _own_scores(local, block, at)
    else:
        own = [sparse.csr_array((len(block.unit_weight), layout.n_own))]
    return sparse.hstack([*own, sparse.csr_array(block.gate.T)], format="csr")


def _own_scores(local, block, at):
    """Those in coefficients and constants, as a list of sparse arrays (U, .)."""
    slopes = iter(local.slope)
    units, parts = block.units, []
    for z in block.columns:
        parts += z.sparse_scores(next(slopes)[at], units)
    parts += [units.sum(slope[at])[:, None] for slope in slopes]
    return [sparse.csr_array(part) for part in parts]
