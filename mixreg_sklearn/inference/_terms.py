"""The user's parameters as terms of a table, and their derivatives in the engine's."""

import numpy as np

from .._engine.layout import layout_of
from ._table import HELD, LIMIT, SHARED, UNIDENTIFIED, Term

# Relative singular values below this are zero (as in `Problem.to_user`).
_RANK = 1e-10
# A coefficient moves along a direction that changes no prediction, in units of the
# features' standard deviations, by more than this: it is not identified.
_MOVES = 1e-7


def terms_of(rebuilt):
    """The user's parameters: by component intercept, coefficients, scale, prior.

    Returns
    -------
    list of Term
    """
    structure, model = rebuilt.problem.structure, rebuilt.problem.model
    K = model.n_components
    _, loose = _regression_map(rebuilt.problem)
    terms = []
    for k in range(K):
        terms += _regression_terms(rebuilt, k, loose[k])
        if structure.family.constants:
            limited = model.regressions.at_limit(rebuilt.params)[0, k]
            note = LIMIT if limited else ""
            note = note or (SHARED if structure.shared_scale and K > 1 else "")
            terms.append(Term("scale_", k, None, "scale", note))
        if structure.gate.has_features:
            terms += _gate_terms(rebuilt, k) if k else []
        elif K > 1:
            free = structure.gate.basis(K, 1).shape[1]
            terms.append(Term("weights_", k, None, "share", "" if free else HELD))
    return terms


def _regression_terms(rebuilt, k, loose):
    """Intercept and coefficients of a component."""
    structure = rebuilt.problem.structure
    rows = _rows_of(structure)
    known = np.flatnonzero(~np.isnan(structure.known))
    features = sorted({*structure.regression, *known} - {rebuilt.offset_feature})
    terms = []
    for j in [None, *features] if structure.fit_intercept else features:
        note, row = HELD, rows.get(j)
        if row is not None:
            note = UNIDENTIFIED if loose[row] else _constraint(structure, row, k)
        if j is None:
            terms.append(Term("intercept_", k, None, "intercept", note))
        else:
            terms.append(Term("coef_", k, int(j), rebuilt.names[j], note))
    return terms


def _rows_of(structure):
    """Row of the constraints, by feature; None is the intercept."""
    return {None: 0} | {int(j): 1 + i for i, j in enumerate(structure.regression)}


def _constraint(structure, row, k):
    """Note on a coefficient, by the row of the constraints it is in."""
    sharing, held = structure.constraints
    if not np.isnan(held[row, k]):
        return HELD
    return SHARED if (sharing[row] == sharing[row, k]).sum() > 1 else ""


def _gate_terms(rebuilt, k):
    """Log-odds of a component against the first one."""
    loose = _loose(rebuilt.problem.gate_design)
    notes = [UNIDENTIFIED if is_loose else "" for is_loose in loose]
    terms = [Term("gate_intercept_", k, None, "gate intercept", notes[0])]
    for j, note in zip(rebuilt.problem.structure.gating, notes[1:], strict=True):
        terms.append(Term("gate_coef_", k, int(j), f"gate {rebuilt.names[j]}", note))
    return terms


def _regression_map(problem):
    """From column coefficients to the user's, and which of these are loose.

    A loose one can change, others with it, without any prediction.

    Returns
    -------
    values : ndarray of shape (K, 1 + d, K, p)
        Derivatives of the intercept and coefficients of every component.
    loose : ndarray of bool of shape (K, 1 + d)
    """
    design, constraints = problem.design, problem.structure.constraints
    K, (p, n_rows) = constraints.n_components, design.feature_map.shape
    if not constraints.any():
        constant, slopes = design.to_features(np.eye(p) * problem.unit)
        one = np.column_stack([constant, slopes]).T
        values = np.kron(np.eye(K), one).reshape(K, n_rows, K, p)
        return values, np.tile(_loose(design), (K, 1))
    selection, _ = constraints.free_numbers()
    system = np.kron(np.eye(K), design.feature_map / problem.unit) @ selection
    size = np.linalg.norm(system, axis=0)
    unit = np.where(size > 0, size, 1.0)
    left, singular, right = np.linalg.svd(system / unit)
    rank = int((singular > _RANK * singular.max(initial=0.0)).sum())
    numbers = right[:rank].T / singular[:rank] @ left[:, :rank].T / unit[:, None]
    moved = np.linalg.norm(right[rank:], axis=0) > _MOVES
    loose = (selection @ moved).reshape(K, n_rows) > 0
    return (selection @ numbers).reshape(K, n_rows, K, p), loose


def _loose(design):
    """Which of intercept and coefficients of one component are loose, (1 + d,)."""
    rank, n_features = design.inverse.shape
    if rank == n_features:
        return np.zeros(1 + n_features, dtype=bool)
    spread = np.linalg.norm(design.inverse, axis=0)
    size = np.maximum(spread, np.abs(design.center))
    varies = spread > 8 * np.finfo(float).eps * size
    unit = np.where(varies, spread, np.where(size > 0, size, 1.0))
    # Directions in which the coefficients, times the units, predict nothing.
    _, _, right = np.linalg.svd(design.inverse / unit * varies)
    nothing, center = right[rank:], design.center / unit
    constant = np.linalg.norm(nothing @ center) > _MOVES * np.linalg.norm(center)
    moved = np.linalg.norm(nothing, axis=0) > _MOVES
    return np.append(constant and design.intercept, moved)


def values_of(fitted, terms):
    """The user's parameters from estimates.

    Parameters
    ----------
    fitted : Fitted
    terms : list of Term

    Returns
    -------
    ndarray of shape (m,)
    """
    attributes = fitted.attributes()
    return np.array([attributes[term.attribute][index_of(term)] for term in terms])


def index_of(term):
    """Where a term is in its attribute."""
    if term.feature is None:
        return (term.component,)
    return term.component, term.feature


def jacobian(rebuilt, terms):
    """Derivatives of the user's parameters in the engine's, (m, M)."""
    problem, fitted = rebuilt.problem, rebuilt.fitted
    layout = layout_of(rebuilt.params)
    values, _ = _regression_map(problem)
    row_of = _rows_of(problem.structure)
    gate = _gate_map(problem)
    out = np.zeros((len(terms), layout.size))
    for row, term in zip(out, terms, strict=True):
        coef, constants, logits = layout.split(row)
        k, j = term.component, term.feature
        if term.note == HELD:
            continue
        if term.attribute in ("intercept_", "coef_"):
            coef[:] = values[k, row_of[j]]
        elif term.attribute == "scale_":
            constants[k, 0] = fitted.scale[k]
        elif term.attribute == "weights_":
            logits[:, 0] = -fitted.weights[k] * fitted.weights
            logits[k, 0] += fitted.weights[k]
        else:
            logits[k], logits[0] = gate[j], -gate[j]
    return out


def _gate_map(problem):
    """By feature, None for the intercept: derivatives in the logits, (1 + q,)."""
    n_logits = problem.rows.n_logits
    constant, slopes = problem.gate_design.to_features(np.eye(n_logits))
    gating = problem.structure.gating.tolist()
    return {None: constant} | dict(zip(gating, slopes.T, strict=True))
