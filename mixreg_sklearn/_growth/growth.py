"""From a fitted mixture to one with a component more, whose likelihood is no lower.

The mixture of K components is one of K + 1, too: any component may be written down
twice, with half its share each. There the likelihood of K + 1 has a saddle, or a
plateau, and the ways up from it are known: two halves that move apart, or a newcomer
through rows that the mixture explains badly. Each start is a dict for `init`.
"""

import warnings
from collections.abc import Mapping

import numpy as np
from sklearn.base import clone

from .._fitted import Fitted
from ..families._names import make_family
from ..gates import ConstantGate
from .newcomers import find_newcomers, make_ground

# Halves move apart by so many standard deviations, RMS over the component's rows.
_STEPS = (0.3, 0.6, 1.0, 1.5)
# Climbs for newcomers, and the newcomers that are tried.
_CLIMBS, _NEWCOMERS = 40, 3
# Starts that are climbed from.
_TRIED = 4
# A variance below this part of the pooled one is a collapse, as in the search.
_FLOOR = 1e-4
# Log-likelihoods that differ by less, in nats, are the same.
_SAME = 1e-8


def can_grow(model):
    """Whether a mixture of K components is a special case of one of K + 1.

    It is not where constraints name components, as these then mean other things
    (`shared_features` as a dict, lists in `held_coef`, a `ConstantGate` with weights),
    nor under ``ConstantGate("equal")``, whose shares change with K.

    Parameters
    ----------
    model : MixtureRegressor

    Returns
    -------
    bool
    """
    if isinstance(model.shared_features, Mapping) or any(
        np.ndim(value) for value in (model.held_coef or {}).values()
    ):
        return False
    return not isinstance(model.gate, ConstantGate) or model.gate.weights is None


def grow(model, X, y, **metadata):
    """The best mixture with one component more that a fitted one leads to.

    The fits climb from the halves of every component, moved apart in the direction in
    which the likelihood of K + 1 curves upward most, and from newcomers at local maxima
    of the directional derivative (`_newcomers`). If none of them is sound and higher,
    the climb starts where a component is simply there twice: so the log-likelihood of
    the result is never below that of `model`, but for rounding (and the ridge of a
    `SoftmaxGate`, which counts K + 1 otherwise than K).

    Parameters
    ----------
    model : MixtureRegressor
        Fitted to the data that follow.
    X, y
        As in `MixtureRegressor.fit`.
    **metadata
        Weights, groups, offset and trials, as in `fit`; only those that there are.

    Returns
    -------
    MixtureRegressor
        A clone with ``n_components + 1`` components and ``init=None``, fitted.

    Raises
    ------
    ValueError
        If constraints name components: they do not carry over to K + 1.
    """
    if not can_grow(model):
        raise ValueError(
            "A mixture whose constraints name components (shared_features as a dict,"
            " held_coef with a value for each component, a ConstantGate with weights)"
            " cannot grow: they do not carry over to another number of components."
        )
    ground = make_ground(model, X, y, **metadata)
    # Starts are compared by where they are; the highest are the most promising.
    starts = sorted(
        [*_halves(model, ground), *_newcomers(model, ground)], key=lambda s: -s[0]
    )
    least = model.log_likelihood_ - _SAME
    fits = [_climb(model, start, X, y, metadata) for _, start in starts[:_TRIED]]
    if not any(_sound(fit) and fit.log_likelihood_ >= least for fit, _ in fits):
        heaviest = int(np.argmax(model.weights_))
        fits.append(_climb(model, _twice(model, heaviest), X, y, metadata))
    best, messages = max(fits, key=lambda f: (_sound(f[0]), f[0].log_likelihood_))
    for message in messages:
        warnings.warn(message.message, message.category, stacklevel=2)
    return best.set_params(
        init=None, warm_start=model.warm_start, verbose=model.verbose
    )


def grown_to(model, n_components, X, y, **metadata):
    """The mixture with `n_components` that grows from a fitted one, or itself."""
    while model.n_components < n_components:
        model = grow(model, X, y, **metadata)
    return model


def _climb(model, start, X, y, metadata):
    """Fit K + 1 components from a start: the fit, and what it warned of."""
    larger = clone(model).set_params(
        n_components=model.n_components + 1, init=start, warm_start=False, verbose=0
    )
    with warnings.catch_warnings(record=True) as messages:
        warnings.simplefilter("always")
        return larger.fit(X, y, **metadata), messages


def _sound(fit):
    """Whether no component collapsed, by the standards of the search."""
    pooled = float(fit.weights_ @ fit.scale_**2)
    collapsed = fit.scale_.min() ** 2 < _FLOOR * pooled
    return not fit.degenerate_ and not (
        collapsed and not make_family(fit.family).bounded
    )


# Starts ---------------------------------------------------------------------------


def _twice(model, k):
    """The fitted mixture with component k written down twice."""
    order = np.append(np.arange(model.n_components), k)
    start = Fitted.of(model).reorder(order).arrays()
    start["weights"][[k, -1]] /= 2
    if "gate_intercept" in start:
        start["gate_intercept"][[k, -1]] -= np.log(2)
    # A component of no weight at all is no start.
    start["weights"] = np.maximum(start["weights"], np.finfo(float).tiny)
    return start


def _halves(model, ground):
    """Every component in two halves that move apart: (log-likelihood, start)."""
    tau = np.exp(ground.log_joint - ground.log_mixture)
    starts = []
    for k in range(len(tau)):
        direction = _way_apart(ground, tau[k], k)
        if direction is None:
            continue
        best = (-np.inf, None)
        for step in _STEPS:
            log_likelihood = _moved_apart(ground, k, step * direction)
            best = max(best, (log_likelihood, step), key=lambda pair: pair[0])
        apart = best[1] * direction
        start = _twice(model, k)
        shift = ground.to_user @ apart[:-1]
        for row, sign in ((k, 1.0), (-1, -1.0)):
            start["intercept"][row] += sign * shift[0]
            start["coef"][row] += sign * shift[1:]
            if not model.shared_scale:
                start["scale"][row] *= np.exp(sign * apart[-1])
        starts.append((best[0], start))
    return starts


def _way_apart(ground, tau, k):
    r"""Direction (p + 1,) in which two halves of a component gain the most.

    The coefficients and the log scale of the halves are :math:`\theta_k \pm \delta`.
    Then, to second order, the log-likelihood changes by
    :math:`\tfrac12 \delta^\top M \delta` with
    :math:`M = \sum_i w_i \tau_{ik} (s_i s_i^\top + \nabla s_i)` and the scores
    :math:`s_i = \nabla \log f_k(y_i)`. The direction maximises this for given
    information :math:`\sum_i w_i \tau_{ik} s_i s_i^\top`; its length is one standard
    deviation for each row.
    """
    # p coefficients on orthonormal columns, by which derivatives in eta are multiplied.
    eta = ground.fitted_predictor[k]
    at = ground.family.derivatives(ground.target, eta, ground.scale[k])
    has_scale = ground.family.n_scale and ground.scale[k] > 0
    columns = np.column_stack([ground.Z, np.ones(len(ground.Z))])
    first = np.column_stack([np.repeat(at.eta[:, None], ground.Z.shape[1], axis=1)])
    score = columns * np.column_stack([first, at.scale * has_scale])
    score = ground.of_units(score.T)
    weight = ground.weight * tau
    rows = ground.of_rows(weight[None])[0]
    p = ground.Z.shape[1]
    bend = np.empty((p + 1, p + 1))
    bend[:p, :p] = (ground.Z.T * (rows * at.eta_eta)) @ ground.Z
    bend[p, :p] = bend[:p, p] = ground.Z.T @ (rows * at.eta_scale) * has_scale
    bend[p, p] = rows @ np.broadcast_to(at.scale_scale, rows.shape) * has_scale
    information = (score * weight) @ score.T
    values, vectors = np.linalg.eigh(information)
    kept = values > 1e-10 * max(values.max(), np.finfo(float).tiny)
    if not kept.any():
        return None
    root = vectors[:, kept] / np.sqrt(values[kept])
    _, directions = np.linalg.eigh(root.T @ (information + bend) @ root)
    direction = root @ directions[:, -1]
    return direction * np.sqrt(rows.sum())


def _moved_apart(ground, k, apart):
    """Log-likelihood with two halves of component k at ``theta_k +- apart``."""
    shift = ground.Z @ apart[:-1]
    halves = []
    for sign in (1.0, -1.0):
        eta = ground.fitted_predictor[k] + sign * shift
        scale = ground.scale[k] * np.exp(sign * apart[-1])
        rows = ground.family.log_density(ground.target, eta, scale)
        halves.append(ground.of_units(rows[None])[0] + ground.log_prior[k] - np.log(2))
    others = np.delete(ground.log_joint, k, axis=0)
    log_joint = np.vstack([others, *halves])
    value = float(ground.weight @ np.logaddexp.reduce(log_joint, axis=0))
    return value if np.isfinite(value) else -np.inf


def _newcomers(model, ground):
    """Newcomers with the share that suits them: (log-likelihood, start)."""
    if not ground.Z.shape[1]:
        return []
    # Any seed will do, but always the same: growth is part of the search.
    rng = np.random.default_rng(0)
    found = find_newcomers(ground, ground.log_mixture, rng, _CLIMBS)
    found = found.take(found.derivative > ground.weight.sum())
    return [
        _with_newcomer(model, ground, found, c)
        for c in range(min(_NEWCOMERS, len(found.coef)))
    ]


def _with_newcomer(model, ground, found, c):
    """The mixture joined by a candidate: (log-likelihood, start)."""
    # A few steps of EM for the newcomer's share, from one row's worth on.
    n, log_mixture = ground.weight.sum(), ground.log_mixture
    share = 1.0 / n
    for _ in range(20):
        log_old = log_mixture + np.log1p(-share)
        log_new = found.log_density[c] + np.log(share)
        log_likelihood = np.logaddexp(log_old, log_new)
        share = float(ground.weight @ np.exp(log_new - log_likelihood)) / n
        share = min(share, 0.9)
    intercept, coef = ground.regression(found.coef[c])
    fitted = Fitted.of(model)
    weights = fitted.weights
    start = {
        "weights": np.append(weights * (1 - share), share),
        "coef": np.vstack([model.coef_, coef]),
        "intercept": np.append(model.intercept_, intercept),
        "scale": np.append(model.scale_, ground.scale[found.component[c]]),
    }
    start["weights"] = np.maximum(start["weights"], np.finfo(float).tiny)
    if fitted.gate_coef is not None:
        # A gate cannot give one component the same share everywhere; nearly so.
        gate_coef, gate_intercept = fitted.gate_coef, fitted.gate_intercept
        start["gate_coef"] = np.vstack([gate_coef, weights @ gate_coef])
        others = weights @ (gate_intercept - np.log(weights))
        level = others + np.log(share / (1 - share))
        start["gate_intercept"] = np.append(gate_intercept, level)
    return float(ground.weight @ log_likelihood), start
