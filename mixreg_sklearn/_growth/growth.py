"""From a fitted mixture to one with one more component, whose likelihood is no lower.

A mixture of K components is also a mixture of K + 1: split a component into two equal
halves. The likelihood of K + 1 has a saddle or a plateau there, with two known ways up:
the halves move apart, or a candidate through badly explained rows joins the mixture.
"""

import warnings
from collections.abc import Mapping
from functools import partial
from operator import add
from typing import NamedTuple

import numpy as np
from sklearn.base import clone

from .._blas import one_blas_thread
from .._data.structure import make_structure
from .._engine.params import Params, concatenate
from .._rebuilt import rebuild
from .._regressor import complaint, set_estimate
from .._search.estimate import Limits, estimate_from
from .._search.sample import all_units, ground_of, search_sample
from ..gates import ConstantGate
from .candidates import find_candidates, landscape_of

# Steps of halves, in standard deviations, RMS over the rows of the component.
_STEPS = (0.3, 0.6, 1.0, 1.5)
# Climbs for candidates, and the candidates that are tried.
_CLIMBS, _CANDIDATES = 40, 3
# Starts that are climbed from.
_TRIED = 4
# Log-likelihoods that differ by less than this, in nats, are the same.
_SAME_LOGLIK = 1e-8


def can_grow(model):
    """Whether a mixture of K components is a special case of one of K + 1.

    It is not where constraints name components (`shared_features` as a dict, lists in
    `held_coef`, `held_scale` or `coef_bounds`, a `ConstantGate` with weights, known
    components), as they do not carry over to K + 1, nor under
    ``ConstantGate("equal")``, whose shares change with K, nor under a penalty on
    coefficients, which is twice as large for two halves of a component.
    """
    by_component = [*(model.held_coef or {}).values(), model.held_scale]
    for pair in (model.coef_bounds or {}).values():
        by_component += pair
    if np.any(np.asarray(model.alpha) > 0):
        return False
    if isinstance(model.shared_features, Mapping) or any(map(np.ndim, by_component)):
        return False
    if getattr(model, "labelled_", False):
        return False
    return not isinstance(model.gate, ConstantGate) or model.gate.weights is None


def grow(model, X, y, sample_weight=None, **metadata):
    """The mixture with one more component that grows from a fitted one (`grown_to`)."""
    return grown_to(model, model.n_components + 1, X, y, sample_weight, **metadata)


def grown_to(model, n_components, X, y, sample_weight=None, **metadata):
    """The best mixture of `n_components` that a fitted one leads to, or itself.

    For each further component, fits climb from the halves of every component, moved
    apart in the direction of greatest upward curvature of the likelihood of K + 1, and
    from candidates at local maxima of the directional derivative. If none of these fits
    is sound and higher, the climb starts at a component split into equal halves. So the
    log-likelihood of the result is never below that of `model`, up to rounding (and to
    the ridge of a `SoftmaxGate`, which differs between K and K + 1).

    `model` is fitted to the data that follow; `metadata` are groups, offset and trials.
    The result is a clone with ``init=None``. A ValueError is raised if constraints name
    components: they do not carry over to K + 1.
    """
    if not can_grow(model):
        raise ValueError(
            "A mixture whose constraints name components (shared_features as a dict,"
            " held_coef, held_scale or coef_bounds with a value for each component, a"
            " ConstantGate with weights, known components) cannot grow, as they do not"
            " carry over to another number of components; nor one with a penalty"
            " (alpha > 0), which a component split in two would have twice."
        )
    if model.n_components == n_components:
        return model
    rebuilt = rebuild(model, X, y, sample_weight, **metadata)
    limits = Limits(1, model.tol, model.max_iter)
    problem, params = rebuilt.problem, rebuilt.params
    with one_blas_thread(), np.errstate(all="ignore"):
        for size in range(model.n_components + 1, n_components + 1):
            grown = clone(model).set_params(n_components=size, init=None)
            family = problem.structure.family
            structure = make_structure(grown, family, rebuilt.columns)
            larger = problem.restructured(structure)
            estimate = _grown(problem, larger, params, limits)
            problem, params = larger, estimate.polished.params
    for name in ("n_features_in_", "feature_names_in_"):
        if hasattr(model, name):
            setattr(grown, name, getattr(model, name))
    set_estimate(grown, problem, estimate)
    grown.null_ = model.null_
    warning = complaint(grown, problem, estimate)
    if warning:
        warnings.warn(warning, stacklevel=2)
    return grown


def _grown(problem, larger, params, limits):
    """The best estimate of the larger problem that grows from parameters of one."""
    least = problem.rows.sum(problem.model.summarize, params).loglik[0] - _SAME_LOGLIK
    model = larger.model
    ways = [*_halves(problem, larger, params), *_joined(problem, larger, params)]
    starts = model.constrain(concatenate(ways))
    chosen = np.argsort(-_heights(larger, starts), kind="stable")[:_TRIED]
    found = [estimate_from(larger, starts.take(int(start)), limits) for start in chosen]
    sound = [estimate for estimate in found if estimate.flaw is None]
    if not any(estimate.polished.objective[0] >= least for estimate in sound):
        heaviest = int(problem.model.shares(params, problem.rows)[0].argmax())
        start = model.constrain(_twice(params, heaviest))
        found.append(estimate_from(larger, start, limits))
    return max(found, key=lambda e: (e.flaw is None, e.polished.objective[0]))


def _heights(problem, params):
    """Log-likelihoods (R,), minus infinity where they are not finite."""
    loglik = problem.rows.sum(problem.model.summarize, params).loglik
    return np.where(np.isfinite(loglik), loglik, -np.inf)


# Starts ---------------------------------------------------------------------------


def _twice(params, k):
    """A mixture, a batch of one, with component k split into equal halves."""
    twice = params.joined(Params(*(field[:, [k]] for field in params)))
    logits = twice.logits.copy()
    logits[:, [k, params.n_components], 0] -= np.log(2)
    return twice._replace(logits=logits).normalized()


def _halves(problem, larger, params):
    """Yield the best of several steps apart for the halves of every component."""
    sums = problem.rows.sum(partial(_information, problem.model), params)
    free = _free_directions(larger.model.regressions)
    for k in range(params.n_components):
        direction = _way_apart(sums, free, k)
        if direction is None:
            continue
        # The halves, at k and last, move by steps (4, P + S) in opposite directions.
        starts = _twice(params, k).take(np.zeros(len(_STEPS), dtype=int))
        steps, n_coef = np.multiply.outer(_STEPS, direction), starts.coef.shape[2]
        for half, step in ((k, steps), (-1, -steps)):
            starts.coef[:, half] += step[:, :n_coef]
            starts.constants[:, half] *= np.exp(step[:, n_coef:])
        yield starts.take(int(_heights(larger, starts).argmax()))


class _Information(NamedTuple):
    """Sums for the P + S numbers of every component, with scores s_i. They add."""

    scores: np.ndarray  # sum_i w_i tau_ik s_i s_i' over units, (K, P + S, P + S)
    bends: np.ndarray  # sum_i w_i tau_ik ds_i, of the derivatives of scores
    weight: np.ndarray  # sum_i w_i tau_ik over rows, (K,)

    def __add__(self, other):
        return _Information(*map(add, self, other))


def _information(model, params, block):
    """The _Information of a block at a batch of one."""
    local, members, *_ = model.posterior(params, block)
    weight = members[:, : model.n_components] * block.unit_weight
    rows = block.units.spread(weight)
    products = model.regressions.score_products(local, weight, block)
    bends = np.zeros_like(products)
    model.regressions.bends(local, rows, block, out=bends)
    return _Information(products[0], bends[0], rows[0].sum(axis=1))


def _free_directions(regressions):
    """Directions (P + S, f) in which one component may move alone."""
    n_coef, n_constants = regressions.predictors[-1].stop, len(regressions.rules)
    free = np.eye(n_coef + n_constants)
    if regressions.rule.tied is True:
        scales = (response.scale for response in regressions.responses)
        free = np.delete(free, [n_coef + s for s in scales if s is not None], axis=1)
    first = regressions.predictors[0]
    directions = regressions.sharings[0].directions()
    coef = np.zeros((len(free), directions.shape[1]))
    coef[first] = directions
    return np.hstack([coef, free[:, first.stop :]])


def _way_apart(sums, free, k):
    r"""Direction (P + S,) in which the halves of component k gain most, or None.

    The numbers of the halves, constants in logarithms, are
    :math:`\theta_k \pm \delta`. Then, to second order, the log-likelihood changes by
    :math:`\tfrac12 \delta^\top M \delta` with
    :math:`M = \sum_i w_i \tau_{ik} (s_i s_i^\top + \nabla s_i)` and the scores
    :math:`s_i = \nabla \log f_k(y_i)`. The direction maximizes this for given
    information :math:`\sum_i w_i \tau_{ik} s_i s_i^\top`; its length is one standard
    deviation a row.
    """
    information = free.T @ sums.scores[k] @ free
    bend = free.T @ sums.bends[k] @ free
    values, vectors = np.linalg.eigh(information)
    kept = values > 1e-10 * max(values.max(initial=0.0), np.finfo(float).tiny)
    if not kept.any():
        return None
    root = vectors[:, kept] / np.sqrt(values[kept])
    _, directions = np.linalg.eigh(root.T @ (information + bend) @ root)
    direction = root @ directions[:, -1]
    return free @ direction * np.sqrt(sums.weight[k])


def _joined(problem, larger, params):
    """Yield the mixture joined by each of the best candidates."""
    model = larger.model
    # Large data are sampled; small data keep their order, on which the draws depend.
    ground = ground_of(problem.rows, model.n_components)
    sample = search_sample(ground, model.n_components)
    if sample.n_units == problem.rows.n_units:
        sample = all_units(ground)
    directions = model.regressions.sharings[0].directions()
    if not directions.size:
        return
    landscape = landscape_of(problem.model, params, sample, directions)
    # A fixed seed makes growth deterministic.
    rng = np.random.default_rng(0)
    found = find_candidates(landscape, landscape.log_mixture, rng, _CLIMBS)
    found = found.take(found.derivative > landscape.weight.sum())
    shares = problem.model.shares(params, problem.rows)[0]
    for c in range(min(_CANDIDATES, len(found.coef))):
        yield _with_candidate(landscape, params, shares, found, c)


def _with_candidate(landscape, params, shares, found, c):
    """The mixture joined by candidate c, with a share of maximum likelihood."""
    # A few steps of EM for the share, from that of one row.
    n, log_mixture = landscape.weight.sum(), landscape.log_mixture
    share = 1.0 / n
    for _ in range(20):
        log_old = log_mixture + np.log1p(-share)
        log_new = found.log_density[c] + np.log(share)
        log_likelihood = np.logaddexp(log_old, log_new)
        share = float(landscape.weight @ np.exp(log_new - log_likelihood)) / n
        share = min(share, 0.9)
    share = max(share, np.finfo(float).tiny)
    k = found.component[c]
    coef = params.coef[:, k : k + 1].copy()
    first = landscape.regression(found.coef[c])
    coef[0, 0, : len(first)] = first
    # With features of the gate a constant share can only be approximated.
    logits = np.einsum("k,rkq->rq", shares, params.logits)[:, None]
    logits[..., 0] -= shares @ np.log(np.maximum(shares, np.finfo(float).tiny))
    logits[..., 0] += np.log(share / (1 - share))
    return params.joined(Params(coef, params.constants[:, k : k + 1], logits))
