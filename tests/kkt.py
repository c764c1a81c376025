"""Conditions of Karush, Kuhn and Tucker of a fit, from its attributes alone."""

import numpy as np

from mixreg_sklearn._data.row_data import given
from mixreg_sklearn._fitted import Fitted

# A stencil of sixth order for first derivatives.
_STENCIL = {1: 3 / 4, 2: -3 / 20, 3: 1 / 60}


def slopes(model, X, y, weight=None, offset=None, **row_data):
    """Derivatives of the log-likelihood, (K, 1 + d) and (K,).

    In intercepts and coefficients of the regressions, and in log scales; from densities
    of rows, one by one, so that no digits cancel.
    """
    X = np.asarray(X.todense() if hasattr(X, "todense") else X, dtype=float)
    fitted = Fitted.of(model)
    target = fitted.family.target(y, **given(**row_data))
    eta, K = fitted.predictor(X, offset), fitted.n_components
    tau = model.predict_proba(X, y, offset=offset, **row_data)[:, :K]
    tau = tau * (1.0 if weight is None else np.asarray(weight)[:, None])

    def density(move, factor=1.0):
        moved = eta.copy()
        (moved if moved.ndim == 2 else moved[0])[...] += move
        constants = fitted.constants.copy()
        constants[:1] *= factor
        scale = fitted._replace(constants=constants).scale
        return fitted.family.log_density(target[..., None], moved, scale)

    def derivative(function, h):
        return sum(
            c * (function(m * h) - function(-m * h)) for m, c in _STENCIL.items()
        )

    in_eta = tau * derivative(density, 1e-3) / 1e-3
    in_scale = tau * derivative(lambda h: density(0.0, np.exp(h)), 1e-3) / 1e-3
    of_coef = in_eta.T @ np.column_stack([np.ones(len(X)), X])
    return of_coef, in_scale.sum(axis=0)


class Penalty:
    """What `alpha`, `l1_ratio` and `penalty` of a model are for some rows."""

    def __init__(self, model, X, weight=None):
        X = np.asarray(X.todense() if hasattr(X, "todense") else X, dtype=float)
        weight = np.ones(len(X)) if weight is None else np.asarray(weight, dtype=float)
        center = np.average(X, axis=0, weights=weight) * model.fit_intercept
        deviation = np.sqrt(np.average((X - center) ** 2, axis=0, weights=weight))
        alpha = np.broadcast_to(model.alpha, model.n_components)
        strength = weight.sum() * alpha[:, None]
        self.n, self.deviation = weight.sum(), deviation
        self.fused = model.penalty == "fused"
        self.l1 = strength * model.l1_ratio * deviation
        self.ridge = strength * (1 - model.l1_ratio) * deviation**2

    def value(self, coef):
        """The penalty of coefficients (K, d)."""
        ridge = 0.5 * (self.ridge * coef**2).sum()
        if not self.fused:
            return ridge + (self.l1 * np.abs(coef)).sum()
        common, apart = self.parts(coef)
        lasso = np.sqrt(len(coef)) * np.abs(common) + np.abs(apart).sum(axis=0)
        return ridge + self.l1[0] @ lasso

    def parts(self, coef):
        """Common coefficients (d,) and deviations (K, d) under a fused penalty."""
        places = np.vstack([np.zeros(coef.shape[1]), coef])
        cost = np.sqrt(len(coef)) * np.abs(places)
        cost = cost + np.abs(coef[None] - places[:, None]).sum(axis=1)
        common = np.take_along_axis(places, cost.argmin(axis=0)[None], axis=0)[0]
        return common, coef - common


def residual(
    model, X, y, weight=None, lower=None, upper=None, shared=(), held=(), **of
):
    """The largest violation of the conditions, in nats a row and standard deviation.

    Bounds are (K, 1 + d); `shared` and `held` are rows of the constraints (0 for the
    intercept) that all components share, and pairs (k, row) that are held.
    """
    penalty, coef = Penalty(model, X, weight), model.coef_
    of_coef, of_scale = slopes(model, X, y, weight, **of)
    values = np.column_stack([model.intercept_, coef])
    K, d = coef.shape
    free = np.zeros((K, 1))
    l1 = np.hstack([free, penalty.l1])
    slope = of_coef - np.hstack([free, penalty.ridge]) * values
    lower = np.full((K, 1 + d), -np.inf) if lower is None else lower
    upper = np.full((K, 1 + d), np.inf) if upper is None else upper
    size = penalty.n * np.append(
        1.0, np.where(penalty.deviation > 0, penalty.deviation, 1)
    )
    if penalty.fused:
        common, apart = penalty.parts(coef)
        both = [
            np.abs(slope[:, 0]) * model.fit_intercept,
            *_violations(apart, slope[:, 1:], penalty.l1),
            *_violations(common, slope[:, 1:].sum(axis=0), np.sqrt(K) * penalty.l1[0]),
        ]
        return max(np.max(each, initial=0.0) for each in both) / size.min()
    for row in shared:
        slope[:, row], l1[:, row] = slope[:, row].sum(), l1[:, row].sum()
    up, down = _violations(values, slope, l1)
    violated = np.maximum(
        np.where(values < upper, up, 0), np.where(values > lower, down, 0)
    )
    for place in held:
        violated[place] = 0.0
    if not model.fit_intercept:
        violated[:, 0] = 0.0
    worst = np.max(np.maximum(violated, 0) / size)
    if model.held_scale is not None or (model.scale_ == 1).all():
        return worst
    of_scale = of_scale.sum() if model.shared_scale else of_scale
    return max(worst, np.abs(of_scale).max() / penalty.n)


def _violations(values, slope, l1):
    """How much the objective rises as numbers go up, and as they go down."""
    up = slope - np.where(values >= 0, l1, -l1)
    down = -(slope - np.where(values > 0, l1, -l1))
    return up, down
