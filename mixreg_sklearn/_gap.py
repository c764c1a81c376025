r"""The optimality gap: how far a mixture of any number of regressions could still climb.

With the regression of component k replaced by a distribution :math:`G_k` over
regressions, the likelihood is concave in these distributions (Lindsay 1983), and bounds
from above are at hand.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ._newcomers import Candidates, climb_derivative, find_newcomers, make_ground
from .families import Gaussian

# Climbs for a newcomer in each round, for every component; how many of them may join.
_CLIMBS, _JOINING = 10, 5
_MAX_ROUNDS = 30
# In nats: a bound known to this is known well enough.
_EXACT = 0.25
# The proof may leave so much more, in nats.
_LEFT = 1.0
# Weights below this are no part of a distribution.
_NOTHING = 1e-10
# Boxes times rows that the proof may look at.
_MOST_WORK = 4e6


class OptimalityGap(NamedTuple):
    """What `optimality_gap` found.

    Attributes
    ----------
    gap : float
        Log-likelihood, in nats, that could still be gained by distributions over
        regressions in place of the fitted ones: an upper bound if `proven`.
    threshold : float
        What a right optimum seldom exceeds.
    suspicious : bool
        Whether the gap exceeds the threshold.
    proven : bool
        Whether the bound holds over all regressions there are, rather than over those
        that were tried.
    intercept, coef, scale : float, ndarray of shape (n_features,), float
        The regression in whose direction the log-likelihood rises the fastest.
    derivative : float
        How fast, in nats for the whole share of a component: the directional
        derivative at the fitted mixture.
    n_regressions : int
        Regressions that the best distributions found consist of.
    """

    gap: float
    threshold: float
    suspicious: bool
    proven: bool
    intercept: float
    coef: np.ndarray
    scale: float
    derivative: float
    n_regressions: int


def optimality_gap(
    model,
    X,
    y,
    sample_weight=None,
    *,
    groups=None,
    offset=None,
    trials=None,
    random_state=0,
):
    r"""How much likelihood a fitted mixture of regressions might be missing.

    No program can tell whether the maximum it found is the highest. But let every
    component keep its scale :math:`\phi_k` and its prior probabilities :math:`\pi_k`,
    and let its regression be not one but any distribution :math:`G_k` over regressions,

    .. math:: \ell(G) = \sum_i w_i \log \sum_k \pi_k(x_i)
              \int f(y_i;\; x_i^\top b, \phi_k) \, dG_k(b) .

    This is concave in G, so its maximum can be found, and bounded: with
    :math:`D_k(b) = \sum_i w_i \pi_k f_{b,k}(y_i) / f(y_i) - \sum_i w_i \tau_{ik}`,
    where f and :math:`\tau` are densities and memberships under any G,

    .. math:: \max \ell \le \ell(G) + \sum_k \max_b D_k(b) .

    The *gap* is this bound, at the best G found, less the log-likelihood of the fitted
    mixture. At a right optimum it is what many regressions gain by following noise, a
    few nats. Where one regression stands between two, or two share what belongs to one,
    it is large. It says nothing of mixtures with other scales and shares.

    Parameters
    ----------
    model : MixtureRegressor or MixtureRegressorIC
        Fitted.
    X : array-like of shape (n_samples, n_features)
        Features, those it was fitted to.
    y : array-like of shape (n_samples,)
        Responses.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights that count rows.
    groups : array-like of shape (n_samples,), default=None
        Labels of groups of rows that share one component.
    offset : array-like of shape (n_samples,), default=None
        Part of the linear predictor that has no coefficient.
    trials : array-like of shape (n_samples,), default=None
        Binomial family: trials of every row.
    random_state : int, RandomState instance or None, default=0
        Draws the regressions to be tried.

    Returns
    -------
    OptimalityGap
        A named tuple.

    Notes
    -----
    Gaussian mixtures with at most two coefficients to choose (one feature and an
    intercept) get a proof: the maximum of D over all regressions is bounded by branch
    and bound, rows in their order of work permitting. For others regressions are
    tried: through random rows that the mixture explains badly, from where they climb D.
    A small gap is then evidence and not proof.

    Coefficients that are the same in all components (shared, held, an offset) stay what
    they are.

    The threshold is a rule of thumb, ``K (p + 1) / 2 + 5`` with p coefficients a
    component, to which different scales add ``p / 2 log(max scale / min scale)``: a
    distribution over tight regressions can follow noise that is not tight.
    `benchmarks/gap.py` counts how often it errs.

    References
    ----------
    .. [1] Lindsay, B. (1983). The geometry of mixture likelihoods: a general theory.
       Annals of Statistics 11, 86-94.
    .. [2] Wang, Y. (2007). On fast computation of the non-parametric maximum likelihood
       estimate of a mixing distribution. Journal of the Royal Statistical Society B 69,
       185-198.
    .. [3] Jiang, H. & Guntuboyina, A. (2025). A nonparametric maximum likelihood
       approach to mixture of regression. arXiv:2108.09816.

    Examples
    --------
    >>> from mixreg_sklearn import MixtureRegressor
    >>> from mixreg_sklearn.datasets import load_two_lines
    >>> from mixreg_sklearn.metrics import optimality_gap
    >>> X, y = load_two_lines(return_X_y=True)
    >>> right = optimality_gap(MixtureRegressor(2, random_state=0).fit(X, y), X, y)
    >>> right.suspicious, right.proven
    (False, True)
    >>> wrong = optimality_gap(MixtureRegressor(1).fit(X, y), X, y)
    >>> wrong.suspicious, wrong.gap > 100
    (True, True)
    """
    model = getattr(model, "best_estimator_", model)
    check_is_fitted(model)
    ground = make_ground(
        model, X, y, sample_weight, groups=groups, offset=offset, trials=trials
    )
    seed = check_random_state(random_state).randint(2**31 - 1)
    mixing, excess, first = _climb(ground, np.random.default_rng(seed))
    proven = _provable(ground)
    if proven:
        excess = _proven_excess(ground, mixing, excess)
    gained = mixing.log_likelihood - ground.weight @ ground.log_mixture
    gap = max(float(gained + excess.sum()), 0.0)
    threshold = _threshold(ground)
    intercept, coef = ground.regression(first.coef[0])
    return OptimalityGap(
        gap,
        threshold,
        gap > threshold,
        proven,
        intercept,
        coef,
        float(ground.scale[first.component[0]]),
        float(first.derivative[0]),
        len(mixing.weight),
    )


def _threshold(ground):
    n_components, p = len(ground.scale), ground.Z.shape[1]
    ratio = ground.scale.max() / ground.scale.min()
    return n_components * (p + 1) / 2 + 5 + p / 2 * float(np.log(ratio))


class _Mixing(NamedTuple):
    """Discrete distributions over regressions, one for each component.

    Attributes
    ----------
    coef : ndarray of shape (m, p)
        The regressions of all components.
    component : ndarray of int of shape (m,)
    weight : ndarray of shape (m,)
        Sums to one over the regressions of each component.
    log_density : ndarray of shape (m, U)
        Prior probability included.
    log_mixture : ndarray of shape (U,)
    log_likelihood : float
    """

    coef: np.ndarray
    component: np.ndarray
    weight: np.ndarray
    log_density: np.ndarray
    log_mixture: np.ndarray
    log_likelihood: float


def _mixing(ground, coef, component, weight, log_density):
    """Distributions with their likelihood; regressions of no weight leave."""
    kept = weight > _NOTHING
    coef, component, weight, log_density = (
        values[kept] for values in (coef, component, weight, log_density)
    )
    totals = np.bincount(component, weight)
    weight = weight / totals[component]
    log_mixture = _mixed(weight, log_density)
    log_likelihood = float(ground.weight @ log_mixture)
    return _Mixing(coef, component, weight, log_density, log_mixture, log_likelihood)


def _mixed(weight, log_density):
    with np.errstate(divide="ignore"):
        log_joint = np.log(weight)[:, None] + log_density
    return np.logaddexp.reduce(log_joint, axis=0)


def _climb(ground, rng):
    """Raise the likelihood over distributions by newcomers.

    Returns
    -------
    mixing : _Mixing
        The best distributions found.
    excess : ndarray of shape (K,)
        The largest ``D_k`` at it that was found.
    first : Candidates
        The newcomer with the largest derivative at the fitted mixture.
    """
    K, p = len(ground.scale), ground.Z.shape[1]
    # The fitted regressions enter by their densities; where they are does not matter.
    mixing = _mixing(
        ground, np.full((K, p), np.nan), np.arange(K), np.ones(K), ground.log_joint
    )
    first = None
    for _ in range(_MAX_ROUNDS):
        found = _newcomers(ground, mixing, rng)
        if first is None:
            first = found.take(slice(0, 1))
        excess = np.zeros(K)
        np.maximum.at(excess, found.component, found.derivative)
        if excess.sum() < _EXACT:
            break
        mixing = _reweighted(ground, _joined(ground, mixing, found))
    return mixing, excess, first


def _newcomers(ground, mixing, rng):
    """Candidates that any component would gain by, their derivatives D_k."""
    f = mixing.log_mixture
    found = [
        find_newcomers(ground, f, rng, _CLIMBS * len(ground.scale), ground.log_prior)
    ]
    # Those that are there can often move.
    there = np.isfinite(mixing.coef[:, 0]) if mixing.coef.shape[1] else []
    if np.any(there):
        moved = mixing.coef[there], mixing.component[there]
        found.append(climb_derivative(ground, f, *moved, ground.log_prior, (1, 1)))
    found = Candidates(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
    share = _shares(ground, mixing)
    found = found._replace(derivative=found.derivative - share[found.component])
    return found.take(np.argsort(-found.derivative, kind="stable"))


def _shares(ground, mixing):
    """Total memberships ``sum_i w_i tau_ik`` of the components, (K,)."""
    ratio = np.exp(mixing.log_density - mixing.log_mixture) @ ground.weight
    return np.bincount(mixing.component, mixing.weight * ratio)


def _joined(ground, mixing, found):
    """The distributions with the best newcomers of each component, at weight zero."""
    chosen = np.concatenate(
        [
            np.flatnonzero((found.component == k) & (found.derivative > 0))[:_JOINING]
            for k in range(len(ground.scale))
        ]
    )
    found = found.take(chosen)
    return mixing._replace(
        coef=np.concatenate([mixing.coef, found.coef]),
        component=np.append(mixing.component, found.component),
        weight=np.append(mixing.weight, np.zeros(len(chosen))),
        log_density=np.concatenate([mixing.log_density, found.log_density]),
    )


def _reweighted(ground, mixing, n_steps=6):
    """Weights that maximise the likelihood, by constrained Newton (Wang 2007)."""
    for _ in range(n_steps):
        before = mixing.log_likelihood
        target = _newton_weights(ground, mixing)
        step = 1.0
        while step > 1e-4:
            weight = mixing.weight + step * (target - mixing.weight)
            log_mixture = _mixed(weight, mixing.log_density)
            log_likelihood = float(ground.weight @ log_mixture)
            if log_likelihood > before:
                mixing = mixing._replace(
                    weight=weight,
                    log_mixture=log_mixture,
                    log_likelihood=log_likelihood,
                )
                break
            step /= 3
        if mixing.log_likelihood < before + 0.01 * _EXACT:
            break
    return _mixing(ground, *mixing[:4])


def _newton_weights(ground, mixing):
    r"""Maximise the quadratic model, :math:`-\frac12 \sum_i w_i (S_i^\top v - 2)^2`.

    S holds the ratios of the regressions' densities to that of the mixture; weights v
    of each component are non-negative and sum to one, the latter by heavy rows.
    """
    K = mixing.component.max() + 1
    ratio = np.exp(mixing.log_density - mixing.log_mixture)
    root = np.sqrt(ground.weight / ground.weight.sum())
    # The weights sum to K, so that the constant moves into the matrix.
    model = ((ratio - 2.0 / K) * root).T
    if len(model) > model.shape[1]:
        model = np.linalg.qr(model, mode="r")
    heavy = 1e3 * (mixing.component == np.arange(K)[:, None])
    right = np.append(np.zeros(len(model)), np.full(K, 1e3))
    try:
        target, _ = nnls(np.vstack([model, heavy]), right, maxiter=50 * len(ratio))
    except RuntimeError:  # out of iterations: a step of EM is always possible
        target = mixing.weight * (ratio @ ground.weight)
    totals = np.bincount(mixing.component, target)
    return target / totals[mixing.component]


# The proof ------------------------------------------------------------------------


def _provable(ground):
    """Whether all regressions can be looked at: gaussian rows, two coefficients."""
    plane = 0 < ground.Z.shape[1] <= 2
    return isinstance(ground.family, Gaussian) and ground.groups is None and plane


def _proven_excess(ground, mixing, found):
    """Upper bounds of ``max_b D_k(b)`` over all regressions, (K,)."""
    share = _shares(ground, mixing)
    bounds = []
    for k, scale in enumerate(ground.scale):
        log_factor = ground.log_prior[k] - mixing.log_mixture
        factor = np.exp(log_factor) * ground.weight / (scale * np.sqrt(2 * np.pi))
        net = ground.target - ground.known
        rows = np.column_stack([-ground.Z, net]) / scale
        enough = share[k] + found[k] + _LEFT / len(ground.scale)
        bounds.append(_bound(rows[factor > 0], factor[factor > 0], enough) - share[k])
    return np.maximum(bounds, 0.0)


def _bound(rows, factor, enough):
    r"""Upper bound of :math:`F(b) = \sum_i c_i e^{-r_i(b)^2 / 2}` over all b.

    A regression b is a direction :math:`u \propto (b, 1)`, with residuals
    :math:`r_i = a_i^\top u / u_{p+1}` in standard deviations. Directions are boxes on
    the faces of a cube, so that infinite slopes are included. Boxes whose bound exceeds
    `enough` are split, as long as there is work left.

    Parameters
    ----------
    rows : ndarray of shape (n, p + 1)
        The vectors a.
    factor : ndarray of shape (n,)
        The positive numbers c.
    enough : float
        A bound that is good enough.

    Returns
    -------
    float
    """
    rows = _scaled(rows)
    center, half = _faces(rows.shape[1])
    bound, work = 0.0, _MOST_WORK
    while len(center):
        values = _box_bounds(rows, factor, center, half)
        work -= len(center) * len(rows)
        open_ = values > enough
        bound = max(bound, values[~open_].max(initial=0.0))
        if work < 0:
            return max(bound, values[open_].max(initial=0.0))
        center, half = _split(center[open_], half[open_])
    return bound


def _scaled(rows):
    """The vectors a for directions all of whose coordinates are of like size.

    The last one is shortened, so that the face across it has the regressions one would
    think of.
    """
    size = 1.0 / np.maximum(np.sqrt((rows**2).mean(axis=0)), np.finfo(float).tiny)
    size[-1] /= 4
    return rows * (size / size[-1])


def _faces(q):
    """Half the surface of a cube, last coordinate not negative: centers, half-widths."""
    centers, halves = [], []
    for axis in range(q):
        for sign in (1.0,) if axis == q - 1 else (-1.0, 1.0):
            center, half = np.zeros(q), np.ones(q)
            center[-1] = half[-1] = 0.5
            center[axis], half[axis] = sign, 0.0
            centers.append(center)
            halves.append(half)
    return np.array(centers), np.array(halves)


def _split(center, half):
    """Every box in two, along its longest side."""
    axis = half.argmax(axis=1)
    box = np.arange(len(half))
    half = half.copy()
    half[box, axis] /= 2
    shift = np.zeros_like(half)
    shift[box, axis] = half[box, axis]
    return np.vstack([center - shift, center + shift]), np.vstack([half, half])


def _box_bounds(rows, factor, center, half, chunk=512):
    """Upper bounds of F over boxes, (boxes,)."""
    return np.concatenate(
        [
            _bounds_of(rows, factor, center[start:][:chunk], half[start:][:chunk])
            for start in range(0, len(center), chunk)
        ]
    )


def _bounds_of(rows, factor, center, half):
    r"""The lower of two bounds for each box.

    With :math:`\delta_i = |a_i|^\top h` the residual of row i is at least
    :math:`(|a_i^\top u| - \delta_i) / \max u_{p+1}`, which bounds each term. Where
    :math:`u_{p+1}` is constant the residuals are linear in b, and by Taylor's theorem
    :math:`F \le F(u) + |\nabla F(u)|^\top h + \tfrac12 \sum_i c_i \delta_i^2 m_i`
    with :math:`m_i` the maximum of :math:`(r^2 - 1) e^{-r^2/2}` over the residuals in
    the box; this is by far the lower one in a small box.
    """
    at, width = center @ rows.T, half @ np.abs(rows).T
    least = np.maximum(np.abs(at) - width, 0.0)
    highest = (center[:, -1] + half[:, -1])[:, None]
    bounds = np.exp(-0.5 * (least / highest) ** 2) @ factor
    flat = half[:, -1] == 0
    if flat.any():
        last = center[flat, -1:]
        r, delta = at[flat] / last, width[flat] / last
        value = np.exp(-0.5 * r**2) * factor
        slope = np.abs((value * r) @ (rows[:, :-1])) / last
        worst = np.clip(np.sqrt(3.0), np.abs(r) - delta, np.abs(r) + delta)
        bend = np.maximum(worst**2 - 1, 0.0) * np.exp(-0.5 * worst**2)
        second = 0.5 * (delta**2 * bend) @ factor
        first = (slope * half[flat, :-1]).sum(axis=1)
        bounds[flat] = np.minimum(bounds[flat], value.sum(axis=1) + first + second)
    return bounds
