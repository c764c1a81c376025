r"""The covariance of an estimate, from the engine's derivatives to the user's units.

With :math:`\theta = B t` the free directions of the engine's parameters
(`Mixture.basis`), :math:`A` the observed information in :math:`t`, and :math:`J` the
derivative of the user's parameters in :math:`\theta`, the covariance of the user's is
:math:`J B A^{-1} B^\top J^\top`; it is kept as a factor F with covariance F F'.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
from scipy import linalg, sparse

from .._engine.ascent import inverse_of
from .._engine.curvature import Curvature
from .._engine.layout import layout_of
from .._engine.limits import without_background
from .._search.flaws import why_boundary
from ._terms import jacobian

# Smallest eigenvalue, at unit diagonal, of an information that has an inverse.
_POSITIVE = 1e-9
# Nats that Newton's method may still gain at what counts as the maximum: the estimate
# is then within 5 % of a standard error.
_GAIN = 1e-3


def covariance_factor(rebuilt, terms, cov_type, cluster):
    """Factor F (m, f) of the covariance F F' of the user's parameters.

    A ValueError is raised where the estimate is no proven maximum for these data.
    """
    problem, params = rebuilt.problem, rebuilt.params
    require_maximum(rebuilt)
    basis = free_directions(problem.model, params)
    if cov_type == "information":
        curvature = problem.rows.sum(problem.model.curvature, params)
    else:
        summed = _by_unit if cluster is None else partial(_by_cluster, cluster)
        curvature, meat = summed(problem, params)
        meat = basis.restrict_form(meat)
    _require_data(rebuilt, curvature.loglik[0], 0.0)
    gradient, hessian = problem.model.penalized(params, curvature)
    gradient = basis.restrict(gradient[0])
    information = -basis.restrict_form(hessian[0])
    root = _inverse_root(
        information,
        "The observed information is not positive definite: the data do not tell the"
        " components apart.",
    )
    gain = 0.5 * float(((root.T @ gradient) ** 2).sum())
    _require_data(rebuilt, curvature.loglik[0], gain)
    if cov_type == "opg":
        ridge = information + basis.restrict_form(curvature.hessian[0])
        root = _inverse_root(
            meat + ridge, "The scores of the units are linearly dependent."
        )
    elif cov_type != "information":
        root = root @ (root.T @ _square_root(meat))
    # The engine's weights are those of the user times the inflation.
    inflation = 1.0 if cov_type == "cluster" else problem.frame.inflation
    return np.sqrt(inflation) * (jacobian(rebuilt, terms) @ basis.expand(root.T).T)


def require_maximum(rebuilt):
    """Raise NoStandardErrors where the estimate is no interior maximum."""
    estimator, problem = rebuilt.estimator, rebuilt.problem
    require_likelihood(problem.structure)
    if problem.structure.gate.selects:
        raise NoStandardErrors(
            "The coefficients of the gate are shrunk by a lasso (gate=SoftmaxGate with"
            " l1_ratio > 0), and how far they are from the truth is not a matter of"
            " their variation alone. A gate without it, of the features that the lasso"
            " selected (gate_features), has standard errors for these features taken as"
            " given."
        )
    if estimator.degenerate_:
        raise NoStandardErrors(
            "The estimate is degenerate (degenerate_ is True): the likelihood has no"
            " maximum there, and no standard errors belong to it. Use fewer"
            " components, shared_scale=True, or more rows."
        )
    if estimator.converged_:
        return
    boundary = why_boundary(problem.model, problem.rows, rebuilt.params, False)
    if boundary:
        raise NoStandardErrors(f"{boundary.sentence}.")
    raise NoStandardErrors(
        "The estimate is not proven to be a maximum (converged_ is False; smallest"
        f" eigenvalue of the information {estimator.smallest_eigenvalue_:.1e}), so that"
        " there is no information to invert. The warning of fit says why: increase"
        " max_iter, use fewer components if the eigenvalue is close to zero, or a ridge"
        " if features of the gate separate components."
    )


def require_likelihood(structure):
    """Raise NoStandardErrors where a penalty shrinks the coefficients of a mixture."""
    if structure.penalties is not None and structure.penalties.shrinks:
        raise NoStandardErrors(
            "The coefficients are shrunk by a penalty (alpha > 0), and how far they are"
            " from the truth is not a matter of their variation alone."
            " mixreg_sklearn.inference.refit_selected(model, X, y) is the maximum of"
            " the likelihood on the features that a lasso selected, with standard"
            " errors for these features taken as given."
        )


def _require_data(rebuilt, loglik, gain):
    """Raise ValueError where these are not the data of the fit."""
    ours = rebuilt.problem.loglik_to_user(loglik, rebuilt.problem.rows.total_weight)
    theirs = rebuilt.estimator.log_likelihood_
    if abs(ours - theirs) > 1e-6 * abs(theirs) + _GAIN or gain > _GAIN:
        raise ValueError(
            "These are not the data of the fit: the log-likelihood is"
            f" {ours:.6g}, and that of the fit {theirs:.6g}. Pass X, y, sample_weight,"
            " groups, offset, trials, row_scale and known_component as fit had them."
        )


def free_directions(mixture, params):
    """The Basis of directions in which an interior estimate may move."""
    basis = mixture.basis(params)
    _, constants, logits = layout_of(params).places()
    limited = constants[mixture.regressions.at_limit(params)[0]]
    if without_background(mixture, params)[0]:
        limited = np.append(limited, logits[-1])
    apart = basis.rows(limited).any(axis=0) | mixture.at_kink(basis, params)[0]
    return basis.without(apart)


def _inverse_root(information, complaint):
    """A matrix R with ``R R'`` the inverse; NoStandardErrors if none is."""
    diagonal = np.diag(information)
    definite = bool((diagonal > 0).all())
    if definite:
        unit = 1 / np.sqrt(diagonal)
        scaled = information * unit * unit[:, None]
        definite = inverse_of(scaled, -_POSITIVE) is not None
    if not definite:
        raise NoStandardErrors(f"{complaint} There are no standard errors.")
    triangle = linalg.cholesky(scaled, lower=True, check_finite=False)
    root, _ = linalg.lapack.dtrtri(triangle, lower=1)
    return unit[:, None] * root.T


def _square_root(matrix):
    """A matrix S with ``S S'`` the positive semidefinite `matrix`."""
    size = np.sqrt(np.maximum(np.diag(matrix), np.finfo(float).tiny))
    scaled = matrix / size / size[:, None]
    triangle, pivots, rank, _ = linalg.lapack.dpstrf(scaled, lower=1)
    root = np.zeros((len(matrix), rank))
    root[pivots - 1] = np.tril(triangle)[:, :rank]
    return size[:, None] * root


class NoStandardErrors(ValueError):
    """The estimate has none: it is no interior maximum with an information matrix."""


class _Sums(NamedTuple):
    """Curvature, and products of scores. Both add."""

    curvature: Curvature
    products: np.ndarray

    def __add__(self, other):
        return _Sums(*(a + b for a, b in zip(self, other, strict=True)))


def _by_unit(problem, params):
    r"""Curvature, and :math:`\sum_u w_u s_u s_u^\top`, as a weight counts units."""
    return problem.rows.sum(partial(_products, problem.model), params)


def _products(mixture, params, block):
    curvature, scores = mixture.curvature_and_scores(params, block)
    return _Sums(curvature, _dense(scores @ scores.T))


def _weighted_scores(mixture, params, block):
    """Curvature, scores of units times their weights (M, U), their first rows (U,)."""
    curvature, scores = mixture.curvature_and_scores(params, block)
    return curvature, scores * np.sqrt(block.unit_weight), block.first


def _dense(matrix):
    return matrix.toarray() if sparse.issparse(matrix) else matrix


def _by_cluster(cluster, problem, params):
    r"""Curvature, and :math:`\sum_c S_c S_c^\top` with the factor of small samples.

    :math:`S_c = \sum_{u \in c} w_u s_u` is the score of a cluster.
    """
    total, sums, seen = None, 0.0, np.zeros(cluster.max() + 1, dtype=bool)
    verb = partial(_weighted_scores, problem.model)
    for curvature, scores, first in problem.rows.scan(verb, params):
        total = curvature if total is None else total + curvature
        units = cluster[first], np.arange(len(first))
        inside = sparse.csr_array(
            (np.ones(len(first)), units), shape=(len(seen), len(first))
        )
        sums = sums + inside @ scores.T
        seen[cluster[first]] = True
    n_clusters = seen.sum()
    if n_clusters < 2:
        raise ValueError("cluster must have at least two different labels.")
    return total, _dense(sums.T @ sums) * (n_clusters / (n_clusters - 1))
