"""The data of a fit in the units of the engine, its results in those of the user."""

from itertools import permutations
from typing import NamedTuple

import numpy as np
from scipy import sparse

from .._data.data import Structure
from .._fitted import Fitted
from ..families._scales import ROUNDING, ScaleRule
from .coefficients import exact, sharings_of
from .frame import Facts, Frame, facts_of, make_frame
from .limits import without_background
from .mixture import MOST_ROLES, Mixture
from .net_gate import NetGate
from .params import Params, constant_logits
from .regressions import Regressions
from .rows import TableRows
from .table import make_table

# Sparse features of at most so many numbers (160 MB) are made dense under a penalty.
_DENSE_NUMBERS = 20_000_000


class Problem(NamedTuple):
    """A data set and a mixture as the engine sees them.

    Attributes
    ----------
    structure : Structure
    facts : Facts
        Of all rows.
    frame : Frame
    rows : TableRows
        Rows of positive weight, groups together: whitened columns, scaled response.
    model, pooled_model : Mixture
        Of all components, and of one.
    """

    structure: Structure
    facts: Facts
    frame: Frame
    rows: TableRows
    model: Mixture
    pooled_model: Mixture

    @property
    def units_counted(self):
        """Independent units, rows or groups: the sum of the user's weights."""
        return self.facts.unit_weight

    def penalized(self, alpha):
        """The problem with other strengths of the penalty, (K,)."""
        penalties = self.structure.penalties._replace(alpha=alpha)
        structure = self.structure._replace(penalties=penalties)
        models = _models(structure, self.frame, self.facts)
        return self._replace(
            structure=structure, model=models[0], pooled_model=models[1]
        )

    def restructured(self, structure):
        """The problem of another mixture on the same rows and features."""
        model, _ = _models(structure, self.frame, self.facts)
        return self._replace(structure=structure, model=model)

    def narrowed(self, kept):
        """The problem of some features of the first predictor, indices (d',)."""
        structure, facts = self.structure.narrowed(kept), self.facts
        features = facts.features[0].narrowed(kept), *facts.features[1:]
        return problem_of(
            structure,
            facts._replace(features=features),
            lambda frame: self.rows.seen_by(structure, frame),
        )

    def objective_penalty(self, params):
        """What penalties add to the log-likelihood of all rows, in nats."""
        value = np.sum(self.model.penalty(params))
        return float(value / self.frame.inflation)

    def without_features(self, structure):
        """The problem of a model without features on the same rows."""
        return problem_of(
            structure,
            self.facts.without_features(),
            lambda frame: self.rows.seen_by(structure, frame),
        )

    def loglik_to_user(self, loglik, weight):
        """Log-likelihood of all rows in the user's units, a number or a list.

        `loglik` is of rows of total weight `weight`, perhaps a sample.
        """
        all_rows = self.rows.total_weight / self.frame.inflation
        change = self.facts.densities @ np.log(self.frame.unit)
        return (all_rows * (loglik / weight) - change).tolist()

    def to_user(self, params):
        """Estimates in the user's units, in canonical order. -> Fitted."""
        return self.ordered(params)[0]

    def ordered(self, params):
        """The Fitted of `to_user`, and the canonical order of components (K,)."""
        structure, coef = self.structure, params.coef[0]
        first, *others = (coef[:, at] for at in self.model.regressions.predictors)
        regressions = [
            self._features(first),
            *(self.to_features(each, i) for i, each in enumerate(others, start=1)),
        ]
        coef = np.zeros((len(regressions), len(coef), len(structure.known)))
        coef[0] = np.nan_to_num(structure.known)
        slopes = (slopes for _, slopes in regressions)
        for part, used, of_used in zip(coef, structure.features, slopes, strict=True):
            part[:, used] = of_used
        intercept = np.array([constant for constant, _ in regressions])
        constants = params.constants[0].T.copy()
        constants *= self._measures.of_constants[:, None]
        weights = self.model.shares(params, self.rows)[0]
        if without_background(self.model, params)[0]:
            weights[-1] = 0.0
        known = structure.family, weights, intercept, coef, constants
        fitted = Fitted(*known, self.frame.background)
        if structure.gate.has_features:
            constant, slopes = self.frame.gate_design.to_features(params.logits[0])
            gate_coef = np.zeros((len(weights), coef.shape[2]))
            gate_coef[:, structure.gating] = slopes
            fitted = fitted._replace(gate_intercept=constant, gate_coef=gate_coef)
        order = self._canonical(weights, intercept[0], coef[0])
        return fitted.reorder(order), order

    def to_features(self, coef, predictor=0):
        """Intercepts (K,) and coefficients (K, d) of free regressions (K, p)."""
        origin, unit, _ = self._measures
        design = self.frame.designs[predictor]
        intercept, slopes = design.to_features(coef * unit[predictor])
        return intercept + origin[predictor] * design.intercept, slopes

    @property
    def _measures(self):
        return measures_of(self.structure.family, self.frame)

    def _features(self, coef):
        """Intercepts (K,) and coefficients (K, d) of regressions (K, p)."""
        constraints, penalties = self.structure.constraints, self.structure.penalties
        if penalties is not None and penalties.kinked:
            kinks = self.model.regressions.sharings[0].of_coef
            return exact(self.to_features(coef), coef, kinks, constraints, penalties)
        if not constraints.any():
            return self.to_features(coef)
        # The solution of least norm in the free numbers: held and shared coefficients
        # are exact, also where columns depend on each other.
        selection, held = constraints.free_numbers()
        shift = np.zeros(constraints.held.shape)
        shift[0] = self.frame.origin[0] * self.frame.design.intercept
        to_columns = self.frame.design.feature_map / self.frame.unit[0]
        n_components = constraints.n_components
        columns = np.kron(np.eye(n_components), to_columns)
        target = coef.ravel() - columns @ (held - shift.T.ravel())
        system = columns @ selection
        size = np.linalg.norm(system, axis=0)
        size[size == 0] = 1.0
        free = np.linalg.lstsq(system / size, target, rcond=1e-10)[0] / size
        values = (held + selection @ free).reshape(n_components, -1)
        return values[:, 0] * self.frame.design.intercept, values[:, 1:]

    def _canonical(self, weights, intercept, coef):
        """Order of components by decreasing weight, as far as constraints permit.

        Or by an increasing coefficient, see `Structure.order_by`.
        """
        keys, by = [*coef.T[::-1], intercept, -weights[: len(coef)]], []
        if self.structure.order_by is not None:
            by = [np.column_stack([coef, intercept])[:, self.structure.order_by]]
        order = np.lexsort(keys + by)
        known = [k for k in sorted(self.model.known) if k < len(coef)]
        if self.model.interchangeable:
            return _in_place(order, known)
        rank, each = np.argsort(order), range(len(coef))
        alike = (
            order
            for order in permutations(each)
            if self.model.alike(order) and all(order[k] == k for k in known)
        )
        return np.array(min(alike, key=lambda order: rank[list(order)].tolist()))

    def from_user(self, fitted):
        """Parameters of the engine from a `Fitted`; its gate replaces the weights."""
        origin, unit, of_constants = self._measures
        used = zip(fitted.coef, self.structure.features, strict=True)
        slopes = [coef[:, features] for coef, features in used]
        columns = [
            design.from_features(intercept - origin[i] * design.intercept, slopes[i])
            / unit[i]
            for i, (design, intercept) in enumerate(
                zip(self.frame.designs, fitted.intercept, strict=True)
            )
        ]
        coef = np.concatenate(columns, axis=1)
        log_weights = np.log(np.maximum(fitted.weights, np.finfo(float).tiny))
        logits = constant_logits(log_weights, self.rows.n_logits)
        if self.structure.gate.has_features and fitted.gate_coef is not None:
            slopes = fitted.gate_coef[:, self.structure.gating]
            logits = self.frame.gate_design.from_features(fitted.gate_intercept, slopes)
        constants = fitted.constants.T / of_constants
        params = Params(coef[None], constants[None], logits[None])
        return self.model.constrain(params.normalized())


class Measures(NamedTuple):
    """Origins and units of measurement of predictors (L,), units of constants (S,)."""

    origin: np.ndarray
    unit: np.ndarray
    of_constants: np.ndarray


def measures_of(family, frame):
    """The Measures of a family, from those of its responses.

    The first predictor of a response and its scale are measured as the response is.
    """
    origin = np.zeros(len(family.predictors))
    unit, of_constants = np.ones(len(origin)), np.ones(len(family.constants))
    for r, response in enumerate(family.responses):
        origin[response.first], unit[response.first] = frame.origin[r], frame.unit[r]
        if response.scale is not None:
            of_constants[response.scale] = frame.unit[r]
    return Measures(origin, unit, of_constants)


def _in_place(order, known):
    """The order (K,), with components of known units at the places of their labels."""
    others = [k for k in order if k not in known]
    for k in known:
        others.insert(k, k)
    return np.array(others)


def make_problem(data, structure, n_jobs):
    """The Problem of validated data and a structure, with `n_jobs` threads.

    X is read in blocks. Of large data no columns are kept, every pass makes them anew.
    """
    few = np.prod(data.X.shape) <= _DENSE_NUMBERS
    if few and structure.penalties is not None and sparse.issparse(data.X):
        # A working set, or a whitened design, is far smaller than products of all.
        data = data._replace(X=data.X.toarray())
    table = make_table(data, structure)
    return problem_of(
        structure, facts_of(table), lambda frame: TableRows(table, frame, n_jobs)
    )


def problem_of(structure, facts, rows_in):
    """The Problem of ``rows_in(frame)``, a back end that has these Facts."""
    frame = make_frame(facts, structure)
    models = _models(structure, frame, facts)
    return Problem(structure, facts, frame, rows_in(frame), *models)


def _models(structure, frame, facts):
    """The mixture to be fitted, and the mixture of one component."""
    family = structure.family
    sharings = sharings_of(structure, frame, facts.weight * frame.inflation)
    scales = [response.scale for response in family.responses]
    lower = [0.0 if s is None else family.constants[s].lower for s in scales]
    floor = np.maximum(ROUNDING, np.maximum(frame.least, lower) ** 2)
    held = structure.held_scale
    held = None if held is None else held / frame.unit[0]
    rule = ScaleRule(tied=bool(structure.shared_scale), floor=floor, held=held)
    regressions = Regressions(family, sharings, rule)
    background = structure.background is not None
    known = facts.known if structure.n_shares > 1 else frozenset()
    gate = structure.gate
    if gate.selects:
        weight = facts.weight * frame.inflation
        gate = NetGate(gate.alpha, gate.l1_ratio, facts.gating.spread, weight)
    model = Mixture(regressions, gate, background, known)
    if structure.order_by is not None:
        _check_orders(model)
    if model.n_components > MOST_ROLES and not model.interchangeable:
        raise ValueError(
            "Constraints that differ between components (held_coef, shared_features,"
            f" weights of the gate) are limited to {MOST_ROLES} components, as they"
            f" are tried in every order; n_components is {model.n_components}."
        )
    # What is pooled has no background, and nothing is known of its component.
    return model, Mixture(regressions.resized(1))


def _check_orders(model):
    """Raise ValueError where components cannot come in every order."""
    known = any(k < model.n_components for k in model.known)
    if known or not model.interchangeable:
        raise ValueError(
            "order_by needs components that nothing else tells apart: "
            + (
                "known_component numbers them."
                if known
                else "held_coef, shared_features, coef_bounds, alpha, held_scale or the"
                " weights of the gate differ between them, and number them."
            )
        )
