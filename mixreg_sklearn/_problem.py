"""A fit's data in the units of the engine, and its results in the user's."""

from typing import NamedTuple

import numpy as np

from ._design import Design, make_design
from ._estimate import ROUNDING, fit_pooled
from ._model import Mixture
from ._params import Params, log_normalise
from ._rows import ArrayRows
from ._scales import ScaleRule
from ._search import SAME
from ._sharing import sharing_of
from ._starts import Pool


class Problem(NamedTuple):
    """What the engine needs to know of a data set.

    Attributes
    ----------
    design : Design
    rows : ArrayRows
        Rows of positive weight: whitened columns, response with mean 0 and variance 1.
    model, pooled_model : Mixture
        Of all components, and of one.
    origin, unit : float
        ``y = origin + unit * response``.
    inflation : float
        Row weights of the engine over those of the user. It is one unless the weights
        sum to less than the number of rows, when they cannot be counts of rows.
    kept : ndarray of bool
        Rows of positive weight.
    """

    design: Design
    rows: ArrayRows
    model: Mixture
    pooled_model: Mixture
    origin: float
    unit: float
    inflation: float
    kept: np.ndarray

    def loglik_to_user(self, loglik, weight):
        """Log-likelihood of all rows in the user's units.

        That of a sample, of total weight `weight`, is scaled up to all rows.
        """
        all_rows = self.rows.total_weight / self.inflation
        return float(all_rows * (loglik / weight - np.log(self.unit)))

    def to_user(self, params):
        """Fitted attributes from the engine's parameters; canonical order."""
        intercept, coef = self.design.to_features(params.coef[0] * self.unit)
        if self.design.intercept:
            intercept = intercept + self.origin
        weights = np.exp(params.log_weights[0])
        order = np.lexsort((*coef.T[::-1], intercept, -weights))
        return {
            "weights_": weights[order],
            "coef_": coef[order],
            "intercept_": intercept[order],
            "scale_": params.scale[0, order] * self.unit,
        }

    def from_user(self, weights, coef, intercept, scale):
        """Parameters of the engine from values in the user's units."""
        shift = self.origin if self.design.intercept else 0.0
        columns = self.design.from_features((intercept - shift), coef) / self.unit
        params = Params(
            columns[None],
            scale[None] / self.unit,
            log_normalise(np.log(np.maximum(weights, np.finfo(float).tiny)))[None],
        )
        return self._admissible(params)

    def from_memberships(self, memberships):
        """Parameters by one M-step from row memberships (n, K)."""
        tau = memberships[self.kept].T * self.rows.weight
        pool = Pool(
            self.model.family, self.rows, fit_pooled(self.pooled_model, self.rows)
        )
        weights = tau * pool.information
        gram = np.stack([np.dot(pool.Z * w, pool.Z.T) for w in weights])
        cross = np.dot(weights * pool.suggested, pool.Z.T)
        coef = self.model.sharing.step(gram[None], cross[None])
        mass = tau.sum(axis=1)
        squares = (tau * pool.residuals(coef[0]) ** 2).sum(axis=1)
        relative = squares / np.maximum(mass, 1e-9) / pool.variance
        scale = np.ones(len(mass))
        if self.model.family.n_scale:
            scale = pool.scale * np.sqrt(relative)
        log_weights = log_normalise(np.log(np.maximum(mass, np.finfo(float).tiny)))
        return self._admissible(Params(coef, scale[None], log_weights[None]))

    def search_record(self, found):
        """A search in the user's units, one entry for each distinct optimum."""
        if found is None:
            return {}
        optima, last = [], np.inf
        for optimum, objective in zip(found.optima, found.objective, strict=True):
            if abs(last - objective) < SAME:
                entry = optima[-1]
            else:
                last = objective
                entry = {
                    "log_likelihood": self.loglik_to_user(optimum.loglik, found.weight),
                    "objective": self.loglik_to_user(objective, found.weight),
                    "hits": 0,
                    "arms": [],
                    "first_round": optimum.round,
                    "iterations": optimum.n_iter,
                    "degenerate": optimum.starved,
                }
                optima.append(entry)
            entry["hits"] += 1
            entry["first_round"] = min(entry["first_round"], optimum.round)
            if optimum.arm not in entry["arms"]:
                entry["arms"].append(optimum.arm)
        return {
            "optima": optima,
            "rounds": found.n_rounds,
            "starts": found.n_starts,
            "agreeing_arms": found.agreeing,
            "sample_rows": found.n_rows,
        }

    def _admissible(self, params):
        """The nearest parameters that obey the sharing of coefficients and scales."""
        scale = np.maximum(params.scale, np.sqrt(self.model.rule.floor))
        if self.model.rule.tied:
            weights = np.exp(params.log_weights)
            pooled = np.sqrt((weights * scale**2).sum(axis=1, keepdims=True))
            scale = np.broadcast_to(pooled, scale.shape)
        return params._replace(
            coef=self.model.sharing.project(params.coef), scale=scale
        )


def make_problem(X, y, weight, offset, family, structure, n_jobs):
    """Prepare validated data for the engine.

    Parameters
    ----------
    X : ndarray of shape (n, d), of float32 or float64
    y : ndarray with rows last
        As the family's `target` made it.
    weight : ndarray of shape (n,)
    offset : ndarray of shape (n,) or None
    family : Family
    structure : tuple (n_components, fit_intercept, shared features, shared_scale)
    n_jobs : int

    Returns
    -------
    Problem
    """
    n_components, fit_intercept, shared, shared_scale = structure
    kept = weight > 0
    if not kept.all():
        X, y, weight = X[kept], y[..., kept], weight[kept]
        offset = None if offset is None else offset[kept]
    inflation = max(1.0, len(weight) / weight.sum())
    weight = weight * inflation
    design = make_design(X, weight, fit_intercept)
    if not design.n_columns:
        raise ValueError(
            "X has no column that differs from zero, and fit_intercept=False: there"
            " is no regression to fit."
        )
    net = y if offset is None else y - offset
    origin, unit = family.units(net, weight, fit_intercept)
    target = (y - origin) / unit
    rows = ArrayRows(
        design.columns(X),
        target,
        weight,
        None if offset is None else offset / unit,
        family.base(target),
        n_jobs=n_jobs,
    )
    floor = max(ROUNDING, family.least_scale**2)
    rule = ScaleRule(tied=bool(shared_scale), floor=floor)
    return Problem(
        design,
        rows,
        Mixture(family, sharing_of(design, shared, n_components), rule),
        Mixture(family, sharing_of(design, [], 1), rule),
        origin,
        unit,
        inflation,
        kept,
    )
