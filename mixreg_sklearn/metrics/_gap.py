r"""The optimality gap: how far a mixture of more regressions could still climb.

With the regression of component k replaced by a distribution :math:`G_k` over
regressions, the likelihood is concave in these distributions (Lindsay 1983), and bounds
from above are at hand.
"""

from typing import NamedTuple

import numpy as np

from .._data.row_data import row_arguments
from .._docs import documented
from .._extras import check_in_memory
from .._growth.candidates import landscape_of
from .._inside import of_one_response
from .._numerics import make_rng
from .._rebuilt import rebuild
from .._search.sample import all_units
from ._gap_proof import provable, proven_excess
from ._mixing import best_mixing


class OptimalityGap(NamedTuple):
    """What `optimality_gap` found; ``print`` says it in words.

    Attributes
    ----------
    gap : float
        Log-likelihood, in nats, that could still be gained by distributions over
        regressions in place of the fitted ones, according to all that were tried.
    threshold : float
        What a right optimum seldom exceeds: a rule of thumb.
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

    def __str__(self):
        at = "above" if self.suspicious else "within"
        meaning = (
            "another mixture may fit far better"
            if self.suspicious
            else "no sign of a better optimum"
        )
        bound = (
            f"proven to be at most {self.bound:.2f} nats for all regressions there are"
            if self.proven
            else "of the regressions that were tried; not proven for all there are"
        )
        coef = np.array2string(self.coef, precision=4, threshold=8)
        return (
            f"gap {self.gap:.2f} nats, {at} the threshold of {self.threshold:.2f}:"
            f" {meaning}\n{bound}\nsteepest ascent toward intercept"
            f" {self.intercept:.4g}, coef {coef}"
        )

    def __repr__(self):
        return (
            f"<{type(self).__name__}: {str(self).partition(':')[0]}; print() explains>"
        )


@documented
def optimality_gap(
    model,
    X,
    y,
    sample_weight=None,
    *,
    groups=None,
    offset=None,
    trials=None,
    row_scale=None,
    known_component=None,
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
    {fitted_model, data_of_fit, known_of_fit}
    random_state : int, RandomState instance or None, default=0
        Draws the regressions to be tried.

    Returns
    -------
    OptimalityGap
        A named tuple.

    Notes
    -----
    Gaussian mixtures with at most two coefficients to choose (one feature and an
    intercept), and without groups, get a proof: the maximum of D over all regressions
    is bounded by branch and bound. The work for this is limited, so that the bound need
    not be tight. The gap itself is always over regressions that are tried: through
    random rows that the mixture explains badly, from where they climb D. Without a
    proof a small gap is evidence only.

    Coefficients that are the same in all components (shared, held, an offset) stay what
    they are. So does a background: one more component of the same share, a density
    without regressions. What is known of the components of rows multiplies their prior
    probabilities.

    The threshold is a rule of thumb, with p coefficients a component,

    .. math:: \tfrac12 K (p + 1)
              \bigl(1 + \tfrac32 \sum_k \pi_k \log(\phi_{\max} / \phi_k)\bigr) + 3,

    as a distribution over tight regressions can follow noise that is not tight. It errs
    more where scales differ tenfold, the more the more rows there are: a large gap says
    little there. `benchmarks/gap.py` counts how often.

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
    >>> from mixreg_sklearn.datasets import make_mixture_regression
    >>> from mixreg_sklearn.metrics import optimality_gap
    >>> X, y, _ = make_mixture_regression(150, random_state=0)
    >>> wrong = optimality_gap(MixtureRegressor(1).fit(X, y), X, y)
    >>> wrong.suspicious
    True

    >>> model = MixtureRegressor(2, random_state=0).fit(X, y)
    >>> right = optimality_gap(model, X, y)
    >>> right.suspicious, right.proven
    (False, True)
    """
    check_in_memory(X)
    mixture = of_one_response(model, "optimality_gap").mixture
    if np.any(np.asarray(mixture.alpha) > 0) or mixture.coef_bounds:
        raise ValueError(
            "optimality_gap compares with all regressions there are, and the model is"
            " not free to choose among them: it has a penalty (alpha) or bounds"
            " (coef_bounds)."
        )
    rebuilt = rebuild(model, X, y, sample_weight, **row_arguments(locals()))
    landscape = _whole_landscape(rebuilt)
    mixing, excess, first = best_mixing(landscape, make_rng(random_state))
    gained = mixing.log_likelihood - landscape.weight @ landscape.log_mixture
    gap = max(float(gained + excess.sum()), 0.0)
    threshold, bound = _threshold(landscape, rebuilt.fitted.weights), np.inf
    proven = provable(landscape)
    if proven:
        bound = gap + float((proven_excess(landscape, mixing, excess) - excess).sum())
    intercept, coef = _in_user_units(rebuilt.problem, landscape, first.coef[:1])
    scale = float(np.atleast_2d(rebuilt.fitted.scale)[0, first.component[0]])
    excesses = gap, threshold, gap > threshold, proven, bound
    steepest = intercept, coef, scale, float(first.derivative[0])
    n_regressions = int((mixing.component < len(landscape.scale)).sum())
    return OptimalityGap(*excesses, *steepest, n_regressions)


def _whole_landscape(rebuilt):
    """All rows under the user's weights, as candidates see them."""
    problem, model = rebuilt.problem, rebuilt.problem.model
    sample = all_units(problem.rows, problem.frame.inflation)
    directions = model.regressions.sharings[0].directions()
    return landscape_of(model, rebuilt.params, sample, directions)


def _in_user_units(problem, landscape, coef):
    """Intercept and coefficients (d,) of a regression (1, s)."""
    intercept, slopes = problem.to_features(landscape.regression(coef))
    whole = np.nan_to_num(problem.structure.known)
    whole[problem.structure.regression] = slopes[0]
    return float(intercept[0]), whole


def _threshold(landscape, weights):
    """What right optima seldom exceed."""
    K, p = len(landscape.scale), len(landscape.Z)
    tightness = weights[:K] @ np.log(landscape.scale.max() / landscape.scale)
    return float(K * (p + 1) / 2 * (1 + 1.5 * tightness) + 3)
