"""The data of a fit in the units of the engine, its results in those of the user."""

from itertools import permutations
from typing import NamedTuple

import numpy as np

from .._data.data import Structure
from .._fitted import Fitted
from ..families._scales import ROUNDING, ScaleRule
from .design import Design, Features, Whitened, make_design
from .mixture import MOST_ROLES, Mixture
from .params import Params, constant_logits
from .regressions import Regressions
from .rows import ArrayRows
from .sharing import Separate, sharing_of
from .sizes import check_engine_sizes, check_held_size, check_user_sizes


class Problem(NamedTuple):
    """A data set and a mixture as the engine sees them.

    Attributes
    ----------
    structure : Structure
    design, gate_design : Design
        Of the regressions, and of the gate.
    rows : ArrayRows
        Rows of positive weight, groups together: whitened columns, scaled response.
    model, pooled_model : Mixture
        Of all components, and of one.
    origin, unit : float
        ``y = origin + unit * response``.
    least : float
        Least scale, in the units of the engine, that responses of their resolution
        support.
    inflation : float
        Row weights of the engine over those of the user: one, unless the weights sum to
        less than the number of rows and so cannot be counts of rows.
    order : ndarray of int of shape (n,)
        The user's row for every row of the engine.
    first : ndarray of int of shape (U,)
        The user's first row of every unit.
    n_rows : int
        Number of the user's rows.
    units_counted : float
        Number of independent units, rows or groups: the sum of the user's weights.
    """

    structure: Structure
    design: Design
    gate_design: Design
    rows: ArrayRows
    model: Mixture
    pooled_model: Mixture
    origin: float
    unit: float
    least: float
    inflation: float
    order: np.ndarray
    first: np.ndarray
    n_rows: int
    units_counted: float

    def restructured(self, structure):
        """The problem of another mixture on the same rows and features."""
        models = _models(structure, self.design, self.origin, self.unit, self.least)
        return self._replace(structure=structure, model=models[0])

    def loglik_to_user(self, loglik, weight):
        """Log-likelihood of all rows in the user's units, a number or a list.

        `loglik` is of rows of total weight `weight`, perhaps a sample.
        """
        all_rows = self.rows.total_weight / self.inflation
        return (all_rows * (loglik / weight - np.log(self.unit))).tolist()

    def to_user(self, params):
        """Estimates in the user's units, in canonical order. -> Fitted."""
        structure, coef = self.structure, params.coef[0]
        first, *others = (coef[:, at] for at in self.model.regressions.predictors)
        regressions = [self._features(first), *map(self.design.to_features, others)]
        coef = np.zeros((len(regressions), len(coef), len(structure.known)))
        coef[0] = np.nan_to_num(structure.known)
        for part, (_, slopes) in zip(coef, regressions, strict=True):
            part[:, structure.regression] = slopes
        intercept = np.array([constant for constant, _ in regressions])
        constants = params.constants[0].T.copy()
        constants[:1] *= self.unit
        weights = self.model.shares(params, self.rows)[0]
        fitted = Fitted(structure.family, weights, intercept, coef, constants)
        if structure.gate.has_features:
            constant, slopes = self.gate_design.to_features(params.logits[0])
            gate_coef = np.zeros(coef[0].shape)
            gate_coef[:, structure.gating] = slopes
            fitted = fitted._replace(gate_intercept=constant, gate_coef=gate_coef)
        return fitted.reorder(self._canonical(weights, intercept[0], coef[0]))

    def to_features(self, coef):
        """Intercepts (K,) and coefficients (K, d) of free regressions (K, p)."""
        intercept, slopes = self.design.to_features(coef * self.unit)
        return intercept + self.origin * self.design.intercept, slopes

    def _features(self, coef):
        """Intercepts (K,) and coefficients (K, d) of regressions (K, p)."""
        constraints = self.structure.constraints
        if not constraints.any():
            return self.to_features(coef)
        # The solution of least norm in the free numbers: held and shared coefficients
        # are exact, also where columns depend on each other.
        selection, held = constraints.free_numbers()
        shift = np.zeros(constraints.held.shape)
        shift[0] = self.origin * self.design.intercept
        to_columns = self.design.feature_map / self.unit
        n_components = constraints.n_components
        columns = np.kron(np.eye(n_components), to_columns)
        target = coef.ravel() - columns @ (held - shift.T.ravel())
        system = columns @ selection
        size = np.linalg.norm(system, axis=0)
        size[size == 0] = 1.0
        free = np.linalg.lstsq(system / size, target, rcond=1e-10)[0] / size
        values = (held + selection @ free).reshape(n_components, -1)
        return values[:, 0] * self.design.intercept, values[:, 1:]

    def _canonical(self, weights, intercept, coef):
        """Order of components by decreasing weight, as far as constraints permit."""
        order = np.lexsort((*coef.T[::-1], intercept, -weights))
        if self.model.interchangeable:
            return order
        rank = np.argsort(order)
        alike = filter(self.model.alike, permutations(range(len(weights))))
        return np.array(min(alike, key=lambda order: rank[list(order)].tolist()))

    def from_user(self, fitted):
        """Parameters of the engine from a `Fitted`; its gate replaces the weights."""
        intercept = fitted.intercept.copy()
        intercept[0] -= self.origin if self.design.intercept else 0.0
        slopes = fitted.coef[:, :, self.structure.regression]
        columns = [
            self.design.from_features(*one)
            for one in zip(intercept, slopes, strict=True)
        ]
        columns[0] /= self.unit
        coef = np.concatenate(columns, axis=1)
        log_weights = np.log(np.maximum(fitted.weights, np.finfo(float).tiny))
        logits = constant_logits(log_weights, self.rows.n_logits)
        if self.structure.gate.has_features and fitted.gate_coef is not None:
            slopes = fitted.gate_coef[:, self.structure.gating]
            logits = self.gate_design.from_features(fitted.gate_intercept, slopes)
        constants = fitted.constants.T.copy()
        constants[:, :1] /= self.unit
        params = Params(coef[None], constants[None], logits[None])
        return self.model.constrain(params.normalized())


def make_problem(data, structure, n_jobs):
    """The Problem of validated data and a structure, with `n_jobs` threads.

    X is read in blocks and never copied as a whole; of arrays of its size, only the
    whitened columns are made.
    """
    n_rows = len(data.weight)
    order, start = _units(data)
    kept = None if len(order) == n_rows and start is None else order
    first = order if start is None else order[start]
    weight, y = data.weight[order], data.y[..., order]
    offset = _whole_offset(data, structure.known)
    offset = None if offset is None else offset[order]
    check_user_sizes(y, weight, offset)
    inflation = max(1.0, len(weight) / weight.sum())
    weight = weight * inflation
    features = Features(data.X, structure.regression, kept)
    design = make_design(features, weight, structure.fit_intercept)
    if not design.n_columns:
        raise ValueError(
            "X has no column that differs from zero, and fit_intercept=False: there"
            " is no regression to fit."
        )
    gating = Features(data.X, structure.gating, first)
    unit_weight = weight if start is None else weight[start]
    gate_design = make_design(gating, unit_weight, True)
    gate = None
    if structure.gate.has_features:
        gate = Whitened(gate_design, gating).cut(slice(None))
    family = structure.family
    net = y if offset is None else y - offset
    origin, unit = family.units(net, weight, structure.fit_intercept)
    target = (y - origin) / unit
    check_engine_sizes(target)
    rows = ArrayRows(
        [Whitened(design, features)] * len(family.predictors),
        target,
        weight,
        None if offset is None else offset / unit,
        base=family.base(target),
        start=start,
        gate=gate,
        n_jobs=n_jobs,
    )
    least = family.resolution(data.y) / unit
    models = _models(structure, design, origin, unit, least)
    scaling = origin, unit, least, inflation
    counts = order, first, n_rows, float(unit_weight.sum() / inflation)
    return Problem(structure, design, gate_design, rows, *models, *scaling, *counts)


def _units(data):
    """Rows of positive weight (n,), groups together, and the starts (U,) of groups."""
    kept = np.flatnonzero(data.weight > 0)
    if data.group is None:
        return kept, None
    order = kept[np.argsort(data.group[kept], kind="stable")]
    group = data.group[order]
    return order, np.flatnonzero(np.diff(group, prepend=group[0] - 1))


def _models(structure, design, origin, unit, least):
    """The mixture to be fitted, and the mixture of one component."""
    family = structure.family
    held = structure.constraints.held / unit
    held[0] -= origin / unit
    check_held_size(held, design.feature_map, unit)
    constraints = structure.constraints._replace(held=held)
    sharing = sharing_of(constraints, design.feature_map)
    free = Separate(constraints.n_components, design.n_columns)
    sharings = [sharing, *[free] * (len(family.predictors) - 1)]
    least = max([least, *(c.lower for c in family.constants[:1])])
    floor = max(ROUNDING, least**2)
    rule = ScaleRule(tied=bool(structure.shared_scale), floor=floor)
    regressions = Regressions(family, sharings, rule)
    model = Mixture(regressions, structure.gate)
    if model.n_components > MOST_ROLES and not model.interchangeable:
        raise ValueError(
            "Constraints that differ between components (held_coef, shared_features,"
            f" weights of the gate) are limited to {MOST_ROLES} components, as they"
            f" are tried in every order; n_components is {model.n_components}."
        )
    return model, Mixture(regressions.resized(1))


def _whole_offset(data, known):
    """The offset (n,) with the features of known coefficient (d_all,), or None."""
    columns = np.flatnonzero(~np.isnan(known))
    if not len(columns):
        return data.offset
    part = np.asarray(data.X[:, columns], dtype=float) @ known[columns]
    return part if data.offset is None else data.offset + part
