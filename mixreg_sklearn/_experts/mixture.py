r"""One pass of EM: estimators are fitted to memberships, and memberships to estimators.

The memberships :math:`\tau_{ik}` are weights of experts :math:`m_k` and of the gate
:math:`\pi`, each fitted by its own method. Scales and the new memberships follow from
their predictions,

.. math:: \sigma_k^2 = \frac{\sum_i w_i \tau_{ik} (y_i - m_k(x_i))^2}
                            {\sum_i w_i \tau_{ik}}, \qquad
          \tau_{ik} \propto \pi_k(x_i) \, \varphi(y_i; m_k(x_i), \sigma_k).

With folds, a row is predicted by estimators that were fitted without it.
"""

from typing import NamedTuple

import numpy as np
from sklearn.utils import _safe_indexing

from .._expert_estimates import log_probabilities, predictions
from .._numerics import log_normalize
from ..families import Gaussian
from .weighting import fit_weighted


class Model(NamedTuple):
    """What is fitted: estimators as templates, and the rule for scales."""

    experts: list  # K regressors
    gate: object  # a classifier, or None
    shared_scale: bool
    least_scale: float
    roles: bool = False  # whether experts, or labels, tell components apart

    @property
    def n_components(self):
        return len(self.experts)


class Pass(NamedTuple):
    """The result of a pass, for the rows that it was given."""

    memberships: np.ndarray  # (U, K), given the new estimates
    weights: np.ndarray  # (K,), shares
    scale: np.ndarray  # (K,)
    log_likelihood: float  # of the new estimates
    degenerate: bool  # whether a scale is at its limit, or a component without rows


def standing(found):
    """The rank of a pass: one without a collapse is better, then the likelihood."""
    return not found.degenerate, found.log_likelihood


def run_pass(model, rows, memberships):
    """Fit estimators to memberships (U, K), and predict. -> Pass."""
    means, log_prior = predicted(model, rows, memberships)
    weight = rows.weight[rows.first]
    scale = scales(model, rows, memberships, means)
    shares = weight @ memberships / weight.sum()
    if model.gate is None:
        with np.errstate(divide="ignore"):
            log_prior = np.log(shares)
    log_joint = joint(rows, means, log_prior, scale)
    return Pass(
        np.exp(log_normalize(log_joint)),
        shares,
        scale,
        float(weight @ np.logaddexp.reduce(log_joint, axis=1)),
        bool((scale <= model.least_scale).any() or (shares * len(weight) < 1).any()),
    )


def joint(rows, means, log_prior, scale):
    """Log joint densities of units and components, (U, K)."""
    density = Gaussian().log_kernel(rows.y[:, None], means, scale)
    log_joint = rows.sum(density) + log_prior
    return log_joint if rows.evidence is None else log_joint + rows.evidence


def scales(model, rows, memberships, means):
    """Standard deviations of the errors of components, (K,), at least the least one."""
    counts = rows.weight[:, None] * rows.spread(memberships)
    squares = np.einsum("ik,ik->k", counts, (rows.y[:, None] - means) ** 2)
    total = counts.sum(axis=0)
    if model.shared_scale:
        squares, total = np.full_like(total, squares.sum()), total.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.sqrt(squares / total)
    return np.fmax(scale, model.least_scale)


def predicted(model, rows, memberships):
    """Means (n, K) and log prior probabilities (U, K) of all rows; 0.0 without gate."""
    means = np.empty((len(rows.y), model.n_components))
    log_prior = np.zeros((rows.n_units, model.n_components)) if model.gate else 0.0
    for here, there in rows.splits():
        X = _safe_indexing(rows.X, there)
        for k, expert in enumerate(fit_experts(model, rows, here, memberships)):
            means[there, k] = predictions(expert, X)
        if model.gate is not None:
            inside, units = rows.units_of(here), rows.units_of(there)
            gate = fit_gate(model, rows, inside, memberships)
            X = _safe_indexing(rows.X, rows.first[units])
            log_prior[units] = log_probabilities(gate, X, model.n_components)
    return means, log_prior


def fit_experts(model, rows, here, memberships):
    """Experts fitted to some rows with their memberships, a list."""
    X, y = _safe_indexing(rows.X, here), rows.y[here]
    counts = (rows.weight[:, None] * rows.spread(memberships))[here]
    # A component without rows has no share, and its expert is that of all rows.
    empty = ~(counts.sum(axis=0) > 0)
    counts[:, empty] = rows.weight[here, None]
    return [
        fit_weighted(expert, X, y, count)
        for expert, count in zip(model.experts, counts.T, strict=True)
    ]


def fit_gate(model, rows, units, memberships):
    """The gate fitted to some units: each has all labels, weighted by memberships."""
    K, first = model.n_components, rows.first[units]
    counts = rows.weight[first] * memberships[units].T  # (K, V)
    label = np.repeat(np.arange(K), len(units))
    X = _safe_indexing(rows.X, np.tile(first, K))
    return fit_weighted(model.gate, X, label, counts.ravel())


def pooled_means(model, rows):
    """Means (n,) of the first expert, fitted to all rows alike."""
    one = Model(model.experts[:1], None, model.shared_scale, model.least_scale)
    return predicted(one, rows, np.ones((rows.n_units, 1)))[0][:, 0]


def memberships_by(experts, gate, found, rows):
    """Memberships (U, K) by fitted estimators, with the scales and shares of a pass."""
    means = np.column_stack([predictions(expert, rows.X) for expert in experts])
    if gate is None:
        with np.errstate(divide="ignore"):
            log_prior = np.log(found.weights)
    else:
        X = _safe_indexing(rows.X, rows.first)
        log_prior = log_probabilities(gate, X, len(experts))
    return np.exp(log_normalize(joint(rows, means, log_prior, found.scale)))
