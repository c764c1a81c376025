"""The best distributions over regressions, one for each component of a mixture.

The likelihood is concave in them. Regressions join where the directional derivative is
largest, and the weights are set anew by a constrained Newton method, until no
regression that is found would raise the likelihood any more (Lindsay 1983, Wang
2007).
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

from .._growth.candidates import Candidates, climb_derivative, find_candidates

# Climbs for a candidate in each round, for every component; how many of them may join.
_CLIMBS, _JOINING = 10, 5
_MAX_ROUNDS = 30
_EM_STEPS = 3
# Rounds end when all candidates together promise less than this, in nats.
_EXACT = 0.25
# Weights below this are no part of a distribution.
_NOTHING = 1e-10


class Mixing(NamedTuple):
    """Discrete distributions over regressions, one for each component."""

    coef: np.ndarray  # (m, p), the regressions of all components
    component: np.ndarray  # (m,), of each regression
    weight: np.ndarray  # (m,), sums to one over the regressions of each component
    log_density: np.ndarray  # (m, U), prior probability and what is known included
    log_mixture: np.ndarray  # (U,)
    log_likelihood: float


def _mixing(landscape, coef, component, weight, log_density):
    """Distributions with their likelihood; regressions of no weight leave."""
    kept = weight > _NOTHING
    coef, component, weight, log_density = (
        values[kept] for values in (coef, component, weight, log_density)
    )
    weight = weight / np.bincount(component, weight)[component]
    log_mixture = _mixed(weight, log_density)
    log_likelihood = float(landscape.weight @ log_mixture)
    return Mixing(coef, component, weight, log_density, log_mixture, log_likelihood)


def _mixed(weight, log_density):
    with np.errstate(divide="ignore"):
        log_joint = np.log(weight)[:, None] + log_density
    return np.logaddexp.reduce(log_joint, axis=0)


def best_mixing(landscape, rng):
    """The best distributions that candidates lead to, a Mixing.

    With it the largest ``D_k`` (K,) at it that were found, and the candidate with the
    largest derivative at the fitted mixture.
    """
    K, n_shares = len(landscape.scale), len(landscape.log_joint)
    # The fitted regressions enter by their densities; where they are does not matter.
    # A background is one more component, which no regression joins.
    nowhere = np.full((n_shares, len(landscape.Z)), np.nan)
    each = np.arange(n_shares), np.ones(n_shares)
    mixing = _mixing(landscape, nowhere, *each, landscape.log_joint)
    first = None
    for _ in range(_MAX_ROUNDS):
        found = _candidates(landscape, mixing, rng)
        if first is None:
            first = found.take(slice(0, 1))
        excess = np.zeros(K)
        np.maximum.at(excess, found.component, found.derivative)
        if excess.sum() < _EXACT:
            break
        mixing = _reweighted(landscape, _joined(landscape, mixing, found))
    return mixing, excess, first


def _candidates(landscape, mixing, rng):
    """Candidates that any component would gain by, their derivatives D_k."""
    f, prior, n = mixing.log_mixture, landscape.log_prior, len(landscape.scale)
    found = [find_candidates(landscape, f, rng, _CLIMBS * n, prior)]
    # Those that are there can often move.
    there = np.isfinite(mixing.coef[:, 0]) if mixing.coef.shape[1] else []
    if np.any(there):
        moved = mixing.coef[there], mixing.component[there]
        found.append(climb_derivative(landscape, f, *moved, prior, (1, 1)))
    found = Candidates(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
    share = shares(landscape, mixing)
    found = found._replace(derivative=found.derivative - share[found.component])
    return found.take(np.argsort(-found.derivative, kind="stable"))


def shares(landscape, mixing):
    """Total memberships ``sum_i w_i tau_ik`` of the components, (K,)."""
    ratios = _ratios(landscape, mixing)
    return np.bincount(mixing.component, mixing.weight * ratios)


def _ratios(landscape, mixing):
    """Sums over units of the ratios of densities to that of the mixture, (m,)."""
    return np.exp(mixing.log_density - mixing.log_mixture) @ landscape.weight


def _joined(landscape, mixing, found):
    """The distributions with the best candidates of each component.

    Together they begin with half a unit's worth of weight: against the density that
    includes them every ratio of densities is bounded, even at an outlier.
    """
    of = np.where(found.derivative > 0, found.component, -1)
    components = range(len(landscape.scale))
    chosen = [np.flatnonzero(of == k)[:_JOINING] for k in components]
    found = found.take(np.concatenate(chosen))
    share = 0.5 / max(1.0, landscape.weight.sum())
    weight = np.full(len(found.coef), share / _JOINING)
    joining = found.coef, found.component, weight, found.log_density
    pairs = zip(mixing[:4], joining, strict=True)
    return _mixing(landscape, *map(np.concatenate, pairs))


def _reweighted(landscape, mixing, n_steps=6):
    """Weights that maximize the likelihood, by constrained Newton (Wang 2007)."""
    # Candidates first find the order of magnitude of their weights, by EM.
    for _ in range(_EM_STEPS):
        mixing = mixing._replace(weight=mixing.weight * _ratios(landscape, mixing))
        mixing = _mixing(landscape, *mixing[:4])
    for _ in range(n_steps):
        before = mixing.log_likelihood
        target = _newton_weights(landscape, mixing)
        step = 1.0
        while step > 1e-4:
            weight = mixing.weight + step * (target - mixing.weight)
            log_mixture = _mixed(weight, mixing.log_density)
            log_likelihood = float(landscape.weight @ log_mixture)
            if log_likelihood > before:
                regressions = mixing.coef, mixing.component, weight, mixing.log_density
                mixing = Mixing(*regressions, log_mixture, log_likelihood)
                break
            step /= 3
        if mixing.log_likelihood < before + 0.01 * _EXACT:
            break
    return _mixing(landscape, *mixing[:4])


def _newton_weights(landscape, mixing):
    r"""Maximize the quadratic model, :math:`-\frac12 \sum_i w_i (S_i^\top v - 2)^2`.

    S holds the ratios of the regressions' densities to that of the mixture; weights v
    of each component are non-negative and sum to one, the latter by heavy rows.
    """
    K = mixing.component.max() + 1
    ratio = np.exp(mixing.log_density - mixing.log_mixture)
    root = np.sqrt(landscape.weight / landscape.weight.sum())
    # The weights sum to K, so that the constant moves into the matrix.
    model = ((ratio - 2.0 / K) * root).T
    if len(model) > model.shape[1]:
        model = np.linalg.qr(model, mode="r")
    heavy = 1e3 * (mixing.component == np.arange(K)[:, None])
    right = np.append(np.zeros(len(model)), np.full(K, 1e3))
    try:
        target, _ = nnls(np.vstack([model, heavy]), right, maxiter=50 * len(ratio))
    except RuntimeError:  # out of iterations: a step of EM is always possible
        target = mixing.weight * (ratio @ landscape.weight)
    return target / np.bincount(mixing.component, target)[mixing.component]
