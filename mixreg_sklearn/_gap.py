r"""The optimality gap: how far a mixture of more regressions could still climb.

With the regression of component k replaced by a distribution :math:`G_k` over
regressions, the likelihood is concave in these distributions (Lindsay 1983), and bounds
from above are at hand.
"""

import warnings
from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ._gap_proof import provable, proven_excess
from ._growth import start_of
from ._mixing import best_mixing
from ._newcomers import make_ground


class OptimalityGap(NamedTuple):
    """What `optimality_gap` found.

    Attributes
    ----------
    gap : float
        Log-likelihood, in nats, that could still be gained by distributions over
        regressions in place of the fitted ones, according to all that were tried.
    threshold : float
        What a right optimum seldom exceeds: a rule of thumb, or simulated.
    suspicious : bool
        Whether the gap exceeds the threshold.
    proven : bool
        Whether there is a bound over all regressions there are.
    bound : float
        The gap is at most this, if `proven`; infinite if not. It is not tight where
        rows are many or a scale is very small.
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
    bound: float
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
    n_bootstrap=0,
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
    n_bootstrap : int, default=0
        Where it is not zero, the threshold is not the rule of thumb but the largest of
        as many gaps that are simulated: responses are drawn from `model`, and the gap
        of the fit that climbs from its parameters is taken. A right optimum then
        exceeds the threshold with probability ``1 / (n_bootstrap + 1)``. Row weights
        are left out of the simulation, and must be equal.
    random_state : int, RandomState instance or None, default=0
        Draws the regressions to be tried, and responses.

    Returns
    -------
    OptimalityGap
        A named tuple.

    Raises
    ------
    ValueError
        If the gap is to be simulated, and rows have weights.

    Notes
    -----
    Gaussian mixtures with at most two coefficients to choose (one feature and an
    intercept), and without groups, get a proof: the maximum of D over all regressions
    is bounded by branch and bound. The work for this is limited, so that the bound need
    not be tight. The gap itself is always over regressions that are tried: through
    random rows that the mixture explains badly, from where they climb D. Without a
    proof a small gap is evidence only.

    Coefficients that are the same in all components (shared, held, an offset) stay what
    they are.

    The threshold is a rule of thumb, ``K (p + 1) / 2 + 5`` with p coefficients a
    component. Where right components have scales of different orders of magnitude it
    is too low, as a distribution over tight regressions can follow noise that is not
    tight: simulate there. `benchmarks/gap.py` counts how often it errs.

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
    >>> wrong = optimality_gap(MixtureRegressor(1).fit(X, y), X, y)
    >>> wrong.suspicious
    True

    One component is a tenth as wide as the other, so the threshold is simulated:

    >>> model = MixtureRegressor(2, random_state=0).fit(X, y)
    >>> right = optimality_gap(model, X, y, n_bootstrap=19)
    >>> right.suspicious, right.proven
    (False, True)
    """
    model = getattr(model, "best_estimator_", model)
    check_is_fitted(model)
    ground = make_ground(
        model, X, y, sample_weight, groups=groups, offset=offset, trials=trials
    )
    random = check_random_state(random_state)
    rng = np.random.default_rng(random.randint(2**31 - 1))
    gap, mixing, excess, first = _found_gap(ground, rng)
    threshold, bound = _threshold(ground), np.inf
    if n_bootstrap:
        if np.ptp(ground.weight):
            raise ValueError("n_bootstrap needs rows of equal weight.")
        given = {"groups": groups, "offset": offset, "trials": trials}
        threshold = max(
            _simulated_gap(model, X, given, rng) for _ in range(n_bootstrap)
        )
    proven = provable(ground)
    if proven:
        bound = gap + float((proven_excess(ground, mixing, excess) - excess).sum())
    intercept, coef = ground.regression(first.coef[0])
    return OptimalityGap(
        gap,
        threshold,
        gap > threshold,
        proven,
        bound,
        intercept,
        coef,
        float(ground.scale[first.component[0]]),
        float(first.derivative[0]),
        len(mixing.weight),
    )


def _found_gap(ground, rng):
    """The gap over the regressions that are tried, and the state that it is from."""
    mixing, excess, first = best_mixing(ground, rng)
    gained = mixing.log_likelihood - ground.weight @ ground.log_mixture
    return max(float(gained + excess.sum()), 0.0), mixing, excess, first


def _simulated_gap(model, X, given, rng):
    """The gap of the right optimum for responses drawn from a fitted mixture."""
    y, _ = model.sample(X, random_state=int(rng.integers(2**31)), **given)
    start = start_of(model)
    start["weights"] = np.maximum(start["weights"], np.finfo(float).tiny)
    fit = clone(model).set_params(init=start, warm_start=False, verbose=0)
    given = {name: value for name, value in given.items() if value is not None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit.fit(X, y, **given)
    return _found_gap(make_ground(fit, X, y, **given), rng)[0]


def _threshold(ground):
    """What right optima seldom exceed, for components of like scale."""
    return len(ground.scale) * (ground.Z.shape[1] + 1) / 2 + 5
