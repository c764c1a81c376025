"""A fit's data in the units of the engine, and its results in the user's."""

from itertools import permutations
from typing import NamedTuple

import numpy as np

from .._data.data import Structure
from .._fitted import Fitted
from ..families._scales import ROUNDING, ScaleRule
from .design import Design, make_design
from .mixture import MOST_ROLES, Mixture
from .params import Params
from .rows import ArrayRows
from .sharing import sharing_of


class Problem(NamedTuple):
    """What the engine needs to know of a data set.

    Attributes
    ----------
    structure : Structure
    design, gate_design : Design
        Of the regressions, and of the gate.
    rows : ArrayRows
        Rows of positive weight, groups together: whitened columns, response with mean
        0 and variance 1.
    model, pooled_model : Mixture
        Of all components, and of one.
    origin, unit : float
        ``y = origin + unit * response``.
    inflation : float
        Row weights of the engine over those of the user. It is one unless the weights
        sum to less than the number of rows, when they cannot be counts of rows.
    order : ndarray of int
        The user's rows in the order of the engine's.
    n_rows : int
        The user's rows.
    """

    structure: Structure
    design: Design
    gate_design: Design
    rows: ArrayRows
    model: Mixture
    pooled_model: Mixture
    origin: float
    unit: float
    inflation: float
    order: np.ndarray
    n_rows: int

    def loglik_to_user(self, loglik, weight):
        """Log-likelihood of all rows in the user's units.

        That of a sample, of total weight `weight`, is scaled up to all rows; a number,
        or a list of them.
        """
        all_rows = self.rows.total_weight / self.inflation
        return (all_rows * (loglik / weight - np.log(self.unit))).tolist()

    def to_user(self, params):
        """Estimates in the user's units from the engine's. -> Fitted, canonical order.

        Parameters
        ----------
        params : Params
            A batch, of which the first is meant.
        """
        intercept, slopes = self._features(params.coef[0])
        known = np.nan_to_num(self.structure.known)
        coef = np.tile(known, (len(intercept), 1))
        coef[:, self.structure.regression] = slopes
        weights = self.model.shares(params, self.rows)[0]
        order = self._canonical(weights, intercept, coef)
        family = self.structure.family
        constants = params.scale[0] * self.unit if family.constants else []
        fitted = Fitted(
            family,
            weights,
            intercept[None],
            coef[None],
            np.reshape(constants, (-1, len(weights))),
        ).reorder(order)
        if self.structure.gate.has_features:
            gate = self._gate_to_user(params.take(0).reorder(order[None]))
            fitted = fitted._replace(**gate)
        return fitted

    def _features(self, coef):
        """Intercepts (K,) and coefficients (K, d) of the regressions' features."""
        constraints = self.structure.constraints
        if not constraints.any():
            intercept, slopes = self.design.to_features(coef * self.unit)
            return intercept + self.origin * self.design.intercept, slopes
        # Of the free numbers the solution of least norm: what is held or shared is so
        # to the last digit, and also where columns depend on each other.
        selection, held = constraints.free_numbers()
        shift = np.zeros(constraints.held.shape)
        shift[0] = self.origin * self.design.intercept
        to_columns = self.design.feature_map / self.unit
        n_components = constraints.n_components
        columns = np.kron(np.eye(n_components), to_columns)
        target = coef.ravel() - columns @ (held - shift.T.ravel())
        system = columns @ selection
        unit = np.linalg.norm(system, axis=0)
        unit[unit == 0] = 1.0
        free = np.linalg.lstsq(system / unit, target, rcond=1e-10)[0] / unit
        values = (held + selection @ free).reshape(n_components, -1)
        return values[:, 0] * self.design.intercept, values[:, 1:]

    def _gate_to_user(self, params):
        """Coefficients of the gate, with the first component as baseline."""
        logits = np.column_stack([params.log_weights[0], params.gate[0]])
        intercept, slopes = self.gate_design.to_features(logits - logits[0])
        coef = np.zeros((len(slopes), len(self.structure.known)))
        coef[:, self.structure.gating] = slopes
        return {"gate_coef": coef, "gate_intercept": intercept}

    def _canonical(self, weights, intercept, coef):
        """Components by decreasing weight, as far as constraints leave them alike."""
        order = np.lexsort((*coef.T[::-1], intercept, -weights))
        if self.model.interchangeable:
            return order
        rank = np.argsort(order)
        alike = filter(self.model.alike, permutations(range(len(weights))))
        return np.array(min(alike, key=lambda order: rank[list(order)].tolist()))

    def from_user(self, fitted):
        """Parameters of the engine from a `Fitted`; its gate replaces the weights."""
        shift = self.origin if self.design.intercept else 0.0
        intercept, slopes = fitted.intercept[0], fitted.coef[0]
        slopes = slopes[:, self.structure.regression]
        columns = self.design.from_features(intercept - shift, slopes) / self.unit
        logits = np.zeros((len(intercept), len(self.rows.gate)))
        logits[:, 0] = np.log(np.maximum(fitted.weights, np.finfo(float).tiny))
        if self.structure.gate.has_features and fitted.gate_coef is not None:
            slopes = fitted.gate_coef[:, self.structure.gating]
            logits = self.gate_design.from_features(fitted.gate_intercept, slopes)
        params = Params(
            columns[None],
            fitted.scale[None] / self.unit,
            logits[None, :, 0],
            logits[None, :, 1:],
        )
        return self.model.constrain(params.normalised())


def make_problem(data, structure, n_jobs):
    """Prepare validated data for the engine.

    Parameters
    ----------
    data : Data
    structure : Structure
    n_jobs : int

    Returns
    -------
    Problem
    """
    family, gate, fit_intercept = (
        structure.family,
        structure.gate,
        structure.fit_intercept,
    )
    order, start = _units(data)
    n_rows = len(data.weight)
    if len(order) < n_rows or start is not None:
        data = data.take(order)
    inflation = max(1.0, len(data.weight) / data.weight.sum())
    weight = data.weight * inflation
    design = make_design(data.X[:, structure.regression], weight, fit_intercept)
    if not design.n_columns:
        raise ValueError(
            "X has no column that differs from zero, and fit_intercept=False: there"
            " is no regression to fit."
        )
    offset = _whole_offset(data, structure.known)
    net = data.y if offset is None else data.y - offset
    origin, unit = family.units(net, weight, fit_intercept)
    first = slice(None) if start is None else start
    gate_features = data.X[first][:, structure.gating]
    gate_design = make_design(gate_features, weight[first], True)
    target = (data.y - origin) / unit
    rows = ArrayRows(
        design.columns(data.X[:, structure.regression]),
        target,
        weight,
        None if offset is None else offset / unit,
        base=family.base(target),
        start=start,
        gate=gate_design.columns(gate_features) if gate.has_features else None,
        n_jobs=n_jobs,
    )
    held = structure.constraints.held / unit
    held[0] -= origin / unit
    constraints = structure.constraints._replace(held=held)
    sharing = sharing_of(constraints, design.feature_map)
    floor = max(ROUNDING, family.least_scale**2)
    rule = ScaleRule(tied=bool(structure.shared_scale), floor=floor)
    return Problem(
        structure,
        design,
        gate_design,
        rows,
        _with_known_roles(Mixture(family, sharing, gate, rule)),
        Mixture(family, sharing.resized(1), rule=rule),
        origin,
        unit,
        inflation,
        order,
        n_rows,
    )


def _units(data):
    """Rows of positive weight, groups together, and the first row of each group."""
    kept = np.flatnonzero(data.weight > 0)
    if data.group is None:
        return kept, None
    order = kept[np.argsort(data.group[kept], kind="stable")]
    group = data.group[order]
    return order, np.flatnonzero(np.diff(group, prepend=group[0] - 1))


def _whole_offset(data, known):
    """The offset with the features whose coefficient is known, or None."""
    columns = np.flatnonzero(known == known)
    if not len(columns):
        return data.offset
    part = np.asarray(data.X[:, columns], dtype=float) @ known[columns]
    return part if data.offset is None else data.offset + part


def _with_known_roles(model):
    """The same mixture; refuse to tell too many components apart."""
    if model.n_components > MOST_ROLES and not model.interchangeable:
        raise ValueError(
            "Constraints that differ between components (held_coef, shared_features,"
            f" weights of the gate) are limited to {MOST_ROLES} components, as they"
            f" are tried in every order; n_components is {model.n_components}."
        )
    return model
