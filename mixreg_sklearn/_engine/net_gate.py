r"""A softmax gate under an elastic net, which selects its features.

Its columns are those of a `StandardDesign`, a feature each. The numbers under the
penalty are :math:`t_{kj} = g_{kj} - c_j`, with the shift :math:`c_j` of a feature at
which its penalty is least: the gate's probabilities do not depend on it. So every
component's coefficient is a number of its own, and one direction of every feature
changes nothing: where only a ridge holds it, it has the information of the ridge, and
with a lasso alone one of the numbers is zero, and stays.
"""

import numpy as np

from ..gates import SoftmaxGate, contrasts, shortened
from .axes import Kinks


class NetGate(SoftmaxGate):
    """The gate of a SoftmaxGate with a lasso.

    Parameters
    ----------
    alpha, l1_ratio : float
        Those of the SoftmaxGate.
    spread : float
        The largest variance of the columns along a direction.
    total_weight : float
        Of the rows whose objective has this penalty.
    """

    kinked = True

    def __init__(self, alpha, l1_ratio, spread, total_weight):
        super().__init__(alpha, l1_ratio)
        self.spread, self.total_weight = spread, total_weight

    @property
    def _lasso(self):
        return self.alpha * self.l1_ratio

    @property
    def _ridge(self):
        return self.alpha * (1 - self.l1_ratio)

    @property
    def _kinks(self):
        return Kinks(self._lasso, -np.inf, np.inf)

    def at_weight(self, weight):
        alpha = self.alpha * (weight / self.total_weight)
        return NetGate(alpha, self.l1_ratio, self.spread, weight)

    def _at_least(self, ridge):
        ridge = max(self._ridge, ridge)
        alpha = self._lasso + ridge
        return NetGate(alpha, self._lasso / alpha, self.spread, self.total_weight)

    def numbers(self, logits):
        """The numbers t of logits (R, K, 1 + q), (R, K, q)."""
        slopes = logits[..., 1:]
        return slopes - self._shift(slopes)[:, None]

    def _shift(self, slopes):
        """Shifts c (R, q) of slopes (R, K, q).

        The sum of a quadratic and of distances is least at the median of the points and
        of where the quadratic's slope is that of the distances between them (Li & Osher
        2009). Of a lasso alone it is the lower median, one of the slopes.
        """
        K = slopes.shape[1]
        if not self._ridge:
            return np.sort(slopes, axis=1)[:, (K - 1) // 2]
        reach = self._lasso / (self._ridge * K) * (2 * np.arange(K + 1) - K)
        between = slopes.mean(axis=1, keepdims=True) + reach[:, None]
        return np.sort(np.concatenate([slopes, between], axis=1), axis=1)[:, K]

    def penalty(self, params):
        t = self.numbers(params.logits)
        cost = self._lasso * np.abs(t) + 0.5 * self._ridge * t**2
        return -cost.sum(axis=(1, 2))

    def penalty_derivatives(self, params):
        """Those of the ridge; `face` knows the others."""
        first, second = np.zeros((2, *params.logits.shape))
        first[..., 1:] = -self._ridge * self.numbers(params.logits)
        second[..., 1:] = -self._ridge
        return first, second

    def update(self, params, moments):
        # A proximal step, with the information as in a SoftmaxGate.
        t, gradient = self.numbers(params.logits), moments.gate
        expected = np.maximum(moments.share - gradient[..., 0], np.finfo(float).tiny)
        bend = expected[..., None] * self.spread + self._ridge
        target = t + (gradient[..., 1:] - self._ridge * t) / bend
        far = np.maximum(np.abs(target) - self._lasso / bend, 0.0)
        constant = gradient[..., :1] / expected[..., None]
        step = np.concatenate([constant, np.sign(target) * far - t], axis=2)
        logits = np.concatenate([params.logits[..., :1], t], axis=2) + shortened(step)
        return params._replace(logits=logits).normalized().logits

    def basis(self, n_components, n_columns):
        """Contrasts of the constants, and every slope by itself."""
        n_contrasts, n_slopes = n_components - 1, n_components * (n_columns - 1)
        basis = np.zeros((n_components, n_columns, n_contrasts + n_slopes))
        basis[:, 0, :n_contrasts] = contrasts(n_components)
        each = np.eye(n_slopes).reshape(n_components, n_columns - 1, n_slopes)
        basis[:, 1:, n_contrasts:] = each
        return basis.reshape(n_components * n_columns, -1)

    def endless(self, n_components, n_columns):
        # A lasso holds slopes back, also where the likelihood is flat in them.
        return self.basis(n_components, n_columns)[:, : n_components - 1]

    def face(self, logits, gradient):
        t = self.numbers(logits)
        constants, inner = np.split(gradient, [t.shape[1] - 1], axis=1)
        slope, stays = self._kinks.face(t, inner.reshape(t.shape))
        if not self._ridge:
            # Where all would leave, one of those at zero stays: what it does is what
            # the others do to it.
            leaves = np.where(t == 0, np.abs(slope), np.inf)
            first = np.arange(t.shape[1])[:, None] == leaves.argmin(axis=1)[:, None]
            stays |= first & ~stays.any(axis=1, keepdims=True)
            slope = np.where(stays, 0.0, slope)
        slope = np.concatenate([constants, slope.reshape(len(t), -1)], axis=1)
        return slope, _of_slopes(stays)

    def at_kink(self, logits):
        return _of_slopes(self.numbers(logits) == 0)

    def idle(self, logits):
        # Where no number is at a kink, one of them follows from the others.
        size = np.abs(self.numbers(logits))
        each = np.arange(size.shape[1])[:, None]
        return _of_slopes((size == 0) | (each == size.argmin(axis=1)[:, None]))

    def stopped(self, before, after):
        t = self.numbers(before.logits)
        moved = t + (after.logits - before.logits)[..., 1:]
        slopes = self._kinks.stopped(t, moved)
        logits = np.concatenate([after.logits[..., :1], slopes], axis=2)
        return after._replace(logits=logits)


def _of_slopes(which):
    """Directions (R, m) of the slopes (R, K, q) of bool, none of the constants."""
    none = np.zeros((len(which), which.shape[1] - 1), dtype=bool)
    return np.concatenate([none, which.reshape(len(which), -1)], axis=1)
