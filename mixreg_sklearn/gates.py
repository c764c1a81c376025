r"""Gates: the probability of each component before the response is seen.

A gate knows neither regressions nor responses. A unit is a group of rows that share a
component, or a single row.
"""

from abc import ABC, abstractmethod
from functools import lru_cache
from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator

from ._numerics import log_normalize

__all__ = ["ConstantGate", "SoftmaxGate"]

# The largest change of log-odds, at one standard deviation, in one step.
_LONGEST = 2.0
# Log-odds beyond this, at one standard deviation, count as infinite.
_FURTHEST = 100.0
# The ridge of an estimate where the likelihood has no finite one.
_WEAK = 0.01
# A search has at least this ridge where there are fewer units for each column.
_STEADY, _UNITS_EACH = 1.0, 5
# Log-odds, at one standard deviation, from which the climb under it starts.
_NEAR = 3.0
_TINY = np.finfo(float).tiny


class Gate(ABC, BaseEstimator):
    """What the engine asks of a gate.

    Attributes
    ----------
    has_features : bool
        Whether the prior probabilities depend on columns of X.
    selects : bool
        Whether it sets coefficients of features to zero.
    kinked : bool
        Whether its logits may lie at a kink of its penalty, see `face`.
    """

    has_features = selects = kinked = False

    def check(self, n_components):
        """Raise ValueError where the gate does not fit the number of components."""

    def resized(self, n_components):
        """The gate of a mixture with another number of components."""
        return self

    def constrain(self, params):
        """The nearest parameters that the gate admits."""
        return params

    def at_weight(self, weight):
        """The gate for rows of another total weight, as of a sample."""
        return self

    def alike(self, order):
        """Whether components in the order `order` have the same prior roles."""
        return True

    def distance(self, params):
        """How far each restart is from what the gate admits, (R,)."""
        return np.zeros(params.n_restarts)

    def diverges(self, params):
        """Restarts whose coefficients diverge, (R,)."""
        return np.zeros(params.n_restarts, dtype=bool)

    def endless(self, n_components, n_columns):
        """Directions of `basis` in which logits may have no end."""
        return self.basis(n_components, n_columns)

    def bounded(self, params):
        """A gate whose coefficients are finite, and parameters to start from.

        For coefficients that diverge: the penalty is weak.
        """
        return self, params

    def steady(self, n_units, n_columns):
        """The gate under which to search among units, whose climbs have an end."""
        return self

    def penalty(self, params):
        """Value added to the log-likelihood: (R,), or zero."""
        return 0.0

    def penalty_derivatives(self, params):
        """First and second derivatives of the penalty in logits, (R, K, 1 + q)."""
        return np.zeros_like(params.logits), np.zeros_like(params.logits)

    def face(self, logits, gradient):
        """Slopes along the directions of `basis`, and those that stay at a kink.

        From the gradient (R, m) of the smooth part of the objective in these
        directions, at logits (R, K, 1 + q); -> two arrays (R, m), the second of bool.
        """
        return gradient, np.zeros(gradient.shape, dtype=bool)

    def at_kink(self, logits):
        """Directions of `basis` that are at a kink, (R, m) of bool."""
        n_directions = self.basis(*logits.shape[1:]).shape[1]
        return np.zeros((len(logits), n_directions), dtype=bool)

    def idle(self, logits):
        """Those at a kink, and those that follow from others, (R, m) of bool."""
        return self.at_kink(logits)

    def stopped(self, before, after):
        """Parameters after a step, which ends at a kink that it would cross."""
        return after

    @abstractmethod
    def prior(self, params, block):
        """Log prior and prior of every unit, each (R, K, U), or (R, K, 1) if equal."""

    @abstractmethod
    def statistic(self, tau, prior, block):
        """Sums for an update from memberships times weights (R, K, U), (R, K, .)."""

    @abstractmethod
    def update(self, params, moments):
        """New logits (R, K, 1 + q)."""

    @abstractmethod
    def basis(self, n_components, n_columns):
        """Orthonormal directions of the free logits, (K (1 + q), m)."""


class ConstantGate(Gate):
    r"""Probabilities that are the same for all rows: mixing weights.

    Parameters
    ----------
    weights : None, "equal" or array-like of shape (n_components,), default=None
        None estimates them, :math:`\pi_k = \sum_i w_i \tau_{ik} / \sum_i w_i`;
        `"equal"` holds them at :math:`1 / K`; an array holds them at its values, one
        for each component, in the order of the components. With a background, its
        share is the last.

    Examples
    --------
    >>> from mixreg_sklearn import MixtureRegressor
    >>> from mixreg_sklearn.gates import ConstantGate
    >>> model = MixtureRegressor(2, gate=ConstantGate(weights=[0.7, 0.3]))
    """

    def __init__(self, weights=None):
        self.weights = weights

    def check(self, n_components):
        if not self._by_component():
            return
        weights = np.asarray(self.weights)
        if weights.dtype.kind not in "iuf" or weights.shape != (n_components,):
            raise ValueError(
                f"gate: weights must be None, 'equal' or {n_components} numbers, one"
                f" for each component; got {self.weights!r}."
            )
        if not (weights > 0).all() or abs(weights.sum() - 1) > 1e-8:
            raise ValueError(
                f"gate: weights must be positive and sum to one; got {self.weights!r}."
            )

    @property
    def is_equal(self):
        """Whether all shares are the same."""
        return isinstance(self.weights, str) and self.weights == "equal"

    def _by_component(self):
        return self.weights is not None and not self.is_equal

    def _held(self, n_components):
        """Logarithms of weights that are not estimated, or None."""
        if self.weights is None:
            return None
        if not self._by_component():
            return np.full(n_components, -np.log(n_components))
        return log_normalize(np.log(np.asarray(self.weights, dtype=float)))

    def resized(self, n_components):
        fits = not self._by_component() or len(self.weights) == n_components
        return self if fits else ConstantGate()

    def constrain(self, params):
        held = self._held(params.logits.shape[1])
        if held is None:
            return params
        logits = params.logits.copy()
        logits[..., 0] = held
        return params._replace(logits=logits)

    def alike(self, order):
        held = self._held(len(order))
        return held is None or np.array_equal(held[list(order)], held)

    def distance(self, params):
        held = self._held(params.logits.shape[1])
        if held is None:
            return super().distance(params)
        return ((params.logits[..., 0] - held) ** 2).sum(axis=1)

    def prior(self, params, block):
        log_prior = params.logits[..., :1]
        return log_prior, np.exp(log_prior)

    def statistic(self, tau, prior, block):
        return np.empty((*tau.shape[:2], 0))

    def update(self, params, moments):
        if self.weights is not None:
            return params.logits
        share = np.maximum(moments.share, _TINY)
        logits = params.logits.copy()
        logits[..., 0] = np.log(share / share.sum(axis=1, keepdims=True))
        return logits

    def basis(self, n_components, n_columns):
        if self.weights is not None:
            return np.empty((n_components, 0))
        return contrasts(n_components)


class SoftmaxGate(Gate):
    r"""Probabilities that depend on features: a multinomial logistic regression.

    .. math:: \pi_k(z) = \frac{\exp(c_k + z^\top g_k)}{\sum_j \exp(c_j + z^\top g_j)},
              \qquad c_1 = 0,\ g_1 = 0

    Only differences between components are identified, so the first component, the
    largest, is the baseline: :math:`c_k` and :math:`g_k` are log-odds against it. In
    statistics :math:`z` are concomitant variables; in computer science the model is a
    mixture of experts.

    Parameters
    ----------
    alpha : float, default=0
        Strength of the penalty, in nats. With 0 the coefficients are those of maximum
        likelihood, which are infinite where features separate the components.
    l1_ratio : float, default=0
        Share of the lasso in the penalty, from 0 to 1. With 0 it is a ridge on the
        log-odds: the fit maximizes
        :math:`\ell - \tfrac{\alpha}{2} \sum_k \operatorname{var}(z^\top \bar g_k)`
        with :math:`\bar g_k` the coefficients centered over components: the variance,
        over the units, of the log-odds that the features explain. It does not depend on
        units of measurement or on the coding of categories. Above 0 it is an elastic
        net on single coefficients, and selects features, see the notes.

    Notes
    -----
    With `l1_ratio` :math:`\rho > 0` the fit maximizes :math:`\ell - \alpha P(g)` with

    .. math:: P(g) = \sum_j \min_c \sum_k \Bigl( \rho\, s_j |g_{kj} - c|
              + \tfrac{1 - \rho}{2}\, s_j^2 (g_{kj} - c)^2 \Bigr)

    and :math:`s_j` the standard deviation of feature j over the units, which is that of
    rows under their weights, or of groups. All components, and a background, are
    treated alike: none is a baseline, and c is what all have in common, their median
    with a lasso alone, which is the penalty of glmnet. For two components it is
    :math:`\sum_j \rho s_j |d_j| + \tfrac{1 - \rho}{4} s_j^2 d_j^2` with
    :math:`d_j` the coefficient of their log-odds. Constants are not penalized.

    Components that a feature does not tell apart have exactly equal coefficients of it:
    `gate_coef_`, which has differences from the first component, is zero in all rows
    where the feature is not selected. With a lasso alone, ``gate_coef_ -
    np.median(gate_coef_, axis=0)`` are the :math:`g_{kj} - c`. `n_parameters_` counts
    the coefficients of a feature that differ from c, at most one less than components.
    A ridge does not reduce it.

    References
    ----------
    Dayton, C. M. & Macready, G. B. (1988). Concomitant-variable latent-class models.
    Journal of the American Statistical Association 83, 173-178.

    Friedman, J., Hastie, T. & Tibshirani, R. (2010). Regularization paths for
    generalized linear models via coordinate descent. Journal of Statistical Software
    33(1).

    Examples
    --------
    >>> from mixreg_sklearn import MixtureRegressor
    >>> from mixreg_sklearn.gates import SoftmaxGate
    >>> model = MixtureRegressor(2, gate=SoftmaxGate(alpha=1.0))
    >>> selecting = MixtureRegressor(2, gate=SoftmaxGate(alpha=5.0, l1_ratio=1.0))
    """

    has_features = True

    def __init__(self, alpha=0.0, l1_ratio=0.0):
        self.alpha = alpha
        self.l1_ratio = l1_ratio

    @property
    def selects(self):
        return self.alpha > 0 and self.l1_ratio > 0

    def check(self, n_components):
        number = isinstance(self.alpha, Real) and np.isfinite(self.alpha)
        if not number or self.alpha < 0:
            raise ValueError(
                f"gate: alpha must be a non-negative number; got {self.alpha!r}."
            )
        if not isinstance(self.l1_ratio, Real) or not 0 <= self.l1_ratio <= 1:
            raise ValueError(
                f"gate: l1_ratio must be a number from 0 to 1; got {self.l1_ratio!r}."
            )

    def diverges(self, params):
        return (np.abs(params.logits[..., 1:]) > _FURTHEST).any(axis=(1, 2))

    def bounded(self, params):
        # Far out the likelihood is flat, and there is no curvature to follow.
        logits = params.logits
        longest = np.abs(logits[..., 1:]).max(axis=(1, 2), keepdims=True)
        logits = logits * np.minimum(1.0, _NEAR / np.maximum(longest, _TINY))
        return self._at_least(_WEAK), params._replace(logits=logits).normalized()

    def steady(self, n_units, n_columns):
        # So many features separate most partitions of the units (Cover 1965).
        few = n_units < _UNITS_EACH * n_columns
        return self._at_least(_STEADY) if few and self.alpha < _STEADY else self

    def _at_least(self, ridge):
        """The gate with at least this ridge."""
        return SoftmaxGate(max(self.alpha, ridge))

    def penalty(self, params):
        if not self.alpha:
            return 0.0
        return -0.5 * self.alpha * (params.logits[..., 1:] ** 2).sum(axis=(1, 2))

    def penalty_derivatives(self, params):
        second = np.full_like(params.logits, -self.alpha)
        second[..., 0] = 0.0
        return second * params.logits, second

    def prior(self, params, block):
        n_restarts, n_components, n_logits = params.logits.shape
        logits = np.dot(params.logits.reshape(-1, n_logits), block.gate)
        logits = logits.reshape(n_restarts, n_components, -1)
        logits -= logits.max(axis=1, keepdims=True)
        prior = np.exp(logits)
        total = prior.sum(axis=1, keepdims=True)
        prior /= total
        logits -= np.log(total)
        return logits, prior

    def statistic(self, tau, prior, block):
        # Residual form, as for the regressions: zero at an optimum.
        residual = prior * -block.unit_weight
        residual += tau
        n_restarts, n_components, n_units = tau.shape
        sums = np.dot(residual.reshape(-1, n_units), block.gate.T)
        return sums.reshape(n_restarts, n_components, -1)

    def update(self, params, moments):
        # One step of Newton's method with the information of a gate without slopes,
        # W (diag(pi) - pi pi') on orthonormal columns, of which diag(1 / (W pi)) is an
        # inverse. It needs no sums of products, and bounds the information of most
        # gates with slopes, so the step rarely overshoots (the safeguard of the loop
        # sees it if it does). Newton's method at the end uses the exact information.
        gradient = moments.gate.copy()
        gradient[..., 1:] -= self.alpha * params.logits[..., 1:]
        expected = np.maximum(moments.share - moments.gate[..., 0], _TINY)
        ridge = np.full(gradient.shape[-1], self.alpha)
        ridge[0] = 0.0
        step = gradient / (expected[..., None] + ridge)
        step -= step.mean(axis=1, keepdims=True)
        logits = params.logits + shortened(step)
        logits[..., 0] = log_normalize(logits[..., 0])
        return logits

    def basis(self, n_components, n_columns):
        return np.kron(contrasts(n_components), np.eye(n_columns))


def shortened(step):
    """Steps (R, K, 1 + q) of logits, none of which is too long."""
    longest = np.abs(step).max(axis=(1, 2), keepdims=True)
    return step * np.minimum(1.0, _LONGEST / np.maximum(longest, _TINY))


@lru_cache
def contrasts(n):
    """Orthonormal basis (n, n - 1) of the vectors that sum to zero."""
    basis, _ = np.linalg.qr(np.eye(n) - 1.0 / n)
    return basis[:, : n - 1]


def odds_of_last(n):
    """Another such basis: the first vector is the last number against all others."""
    basis = np.zeros((n, n - 1))
    basis[:-1, 1:] = contrasts(n - 1)
    basis[:, 0] = np.append(np.full(n - 1, -1.0), n - 1) / np.sqrt(n * (n - 1))
    return basis
