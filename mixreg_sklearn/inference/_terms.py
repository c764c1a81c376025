"""The user's parameters as terms of a table, and their derivatives in the engine's."""

import numpy as np

from .._component_names import names_of_components
from .._engine.design import MOVES
from .._engine.layout import layout_of
from .._engine.limits import without_background
from .._engine.problem import measures_of
from .._fitted import places_of
from .._responses import response_names_of
from ._table import BOUND, HELD, LIMIT, SHARED, UNIDENTIFIED, Term

# Relative singular values below this are zero (as in `Problem.to_user`).
_RANK = 1e-10


def terms_of(rebuilt, component_names=None):
    """The user's parameters, by component, as a list of Term.

    Intercept and coefficients, constants, further predictors, then share or gate.
    """
    K = rebuilt.problem.model.n_components
    names = {None: "", K: "background"}
    names |= dict(enumerate(names_of_components(component_names, K)))
    return [term._replace(called=names[term.component]) for term in _terms(rebuilt)]


def _terms(rebuilt):
    structure, mixture = rebuilt.problem.structure, rebuilt.problem.model
    K, frame = mixture.n_components, rebuilt.problem.frame
    loose = _loose(rebuilt.problem)
    gate = "gate", frame.gate_design, structure.gating
    vacant = without_background(mixture, rebuilt.params)[0]
    several, terms = len(structure.family.responses) > 1, []
    for k in range(K):
        if several:
            terms += _terms_of_responses(rebuilt, k)
        else:
            terms += _regression_terms(rebuilt, k, loose[k])
            terms += _constant_terms(rebuilt, k, range(len(structure.family.constants)))
            for i in range(1, len(structure.family.predictors)):
                terms += _predictor_terms(rebuilt, k, i)
        if structure.gate.has_features:
            terms += _named_terms(rebuilt, k, *gate) if k else []
        elif mixture.n_shares > 1:
            note = LIMIT if vacant and K == 1 else _of_shares(rebuilt)
            terms.append(Term("weights_", k, None, "share", note, is_share=True))
    if mixture.background and structure.gate.has_features:
        terms += _named_terms(rebuilt, K, *gate)
    elif mixture.background:
        label, note = "background share", LIMIT if vacant else _of_shares(rebuilt)
        terms.append(Term("background_weight_", None, None, label, note, is_share=True))
    return terms


def _of_shares(rebuilt):
    """Note on shares: whether they are estimated."""
    gate, K = rebuilt.problem.structure.gate, rebuilt.problem.model.n_shares
    return "" if gate.basis(K, 1).shape[1] else HELD


def _terms_of_responses(rebuilt, k):
    """Terms of a component for several responses, which none of them share."""
    structure, terms = rebuilt.problem.structure, []
    names, constants = response_names_of(rebuilt.estimator), 0
    for r, (response, family) in enumerate(
        zip(structure.family.responses, structure.family.families, strict=True)
    ):
        after = constants + len(family.constants)
        own = _predictor_terms(rebuilt, k, response.first, "")
        own += _constant_terms(rebuilt, k, range(constants, after))
        for i in range(response.first + 1, response.predictors.stop):
            own += _predictor_terms(rebuilt, k, i)
        constants, prefix = after, f"y{r}_"
        for term in own:
            label = f"{names[r]} {term.label.removeprefix(prefix)}"
            terms.append(term._replace(label=label, response=r))
    return terms


def _predictor_terms(rebuilt, k, i, name=None):
    """Of predictor i, by its name or another."""
    structure, frame = rebuilt.problem.structure, rebuilt.problem.frame
    name = structure.family.predictors[i].name if name is None else name
    return _named_terms(rebuilt, k, name, frame.designs[i], structure.features[i])


def _regression_terms(rebuilt, k, loose):
    """Intercept and coefficients of a component."""
    structure = rebuilt.problem.structure
    rows = _rows_of(structure.regression)
    known = np.flatnonzero(~np.isnan(structure.known))
    features = sorted({*structure.regression, *known} - {rebuilt.offset_feature})
    terms = []
    for j in [None, *features] if structure.fit_intercept else features:
        note, row = HELD, rows.get(j)
        if row is not None:
            fitted = rebuilt.fitted
            value = (fitted.intercept[0] if j is None else fitted.coef[0][:, j])[k]
            note = UNIDENTIFIED
            note = note if loose[row] else _constraint(structure, row, k, value)
        if j is None:
            terms.append(Term("intercept_", k, None, "intercept", note))
        else:
            terms.append(Term("coef_", k, int(j), rebuilt.names[j], note))
    return terms


def _rows_of(features):
    """Where features are after the intercept, None."""
    return {None: 0} | {int(j): 1 + i for i, j in enumerate(features)}


def _constraint(structure, row, k, value):
    """Note on a coefficient, by the row of the constraints it is in."""
    (sharing, held), penalties = structure.constraints, structure.penalties
    if not np.isnan(held[row, k]):
        return HELD
    if penalties is not None and not (
        penalties.lower[row, k] < value < penalties.upper[row, k]
    ):
        return BOUND
    return SHARED if (sharing[row] == sharing[row, k]).sum() > 1 else ""


def _constant_terms(rebuilt, k, numbers):
    """Some constants of a component; they may be shared, or at a limit."""
    family, regressions = (
        rebuilt.problem.structure.family,
        rebuilt.problem.model.regressions,
    )
    at_limit = regressions.at_limit(rebuilt.params)[0, k]
    scales, terms = [response.scale for response in family.responses], []
    for s in numbers:
        constant, tied = family.constants[s], regressions.rules[s].tied
        name = "scale" if s in scales else constant.name
        note = SHARED if tied and regressions.n_components > 1 else ""
        note, is_share = LIMIT if at_limit[s] else note, constant.upper <= 1
        if not regressions.rules[s].free(regressions.n_components)[k]:
            note = HELD
        terms.append(Term(f"{name}_", k, None, name, note, is_share=is_share))
    return terms


def _named_terms(rebuilt, k, name, design, features):
    """Of a further predictor, or the gate: log-odds against the first component."""
    notes = [UNIDENTIFIED if is_loose else "" for is_loose in design.loose]
    attribute, label = (f"{name}_", f"{name} ") if name else ("", "")
    intercept = f"{attribute}intercept_", k, None, f"{label}intercept", notes[0]
    terms = [Term(*intercept)]
    for j, note in zip(features, notes[1:], strict=True):
        named = f"{label}{rebuilt.names[j]}"
        terms.append(Term(f"{attribute}coef_", k, int(j), named, note))
    return terms if design.intercept else terms[1:]


def _regression_map(problem):
    """Derivatives of the user's coefficients in the columns', (K, 1 + d, K, p)."""
    design, constraints = problem.frame.design, problem.structure.constraints
    K, (p, n_rows) = constraints.n_components, design.feature_map.shape
    if not constraints.any():
        one = problem.frame.unit[0] * _to_features(design)
        return np.kron(np.eye(K), one).reshape(K, n_rows, K, p)
    selection, (left, singular, right), unit = _of_free_numbers(problem)
    rank = len(singular)
    numbers = right[:rank].T / singular @ left[:, :rank].T / unit[:, None]
    return (selection @ numbers).reshape(K, n_rows, K, p)


def _loose(problem):
    """Coefficients that can change, others with them, without any prediction.

    (K, 1 + d). Penalties choose among equivalent ones, but for those of a constant.
    """
    structure, frame = problem.structure, problem.frame
    constraints, K = structure.constraints, structure.constraints.n_components
    if structure.penalties is not None:
        return np.tile(np.append(False, frame.deviations[0] == 0), (K, 1))
    if not constraints.any():
        return np.tile(frame.design.loose, (K, 1))
    selection, (_, singular, right), _ = _of_free_numbers(problem)
    moved = np.linalg.norm(right[len(singular) :], axis=0) > MOVES
    return (selection @ moved).reshape(K, -1) > 0


def _of_free_numbers(problem):
    """From free numbers to columns' coefficients: selection, decomposition, units."""
    design, constraints = problem.frame.design, problem.structure.constraints
    selection, _ = constraints.free_numbers()
    to_columns = design.feature_map / problem.frame.unit[0]
    system = np.kron(np.eye(constraints.n_components), to_columns) @ selection
    size = np.linalg.norm(system, axis=0)
    unit = np.where(size > 0, size, 1.0)
    left, singular, right = np.linalg.svd(system / unit)
    rank = int((singular > _RANK * singular.max(initial=0.0)).sum())
    return selection, (left, singular[:rank], right), unit


def _to_features(design):
    """Derivatives of intercept and coefficients in those of the columns, (1 + d, p)."""
    return np.column_stack(design.to_features(np.eye(design.n_columns))).T


def values_of(fitted, terms):
    """The user's parameters (m,) from estimates, a `Fitted`."""
    attributes = fitted.attributes()
    return np.array(
        [np.asarray(attributes[term.attribute])[index_of(term)] for term in terms]
    )


def index_of(term):
    """Where a term is in its attribute."""
    simple = term.attribute in ("coef_", "intercept_", "scale_")
    place = term.response if simple else None, term.component, term.feature
    return tuple(number for number in place if number is not None)


def _place_of(term, family, places):
    """Field of `Fitted` of a term, and number of its predictor or constant."""
    name, response = term.attribute.removesuffix("_"), term.response or 0
    if name == "scale":
        return "constants", family.responses[response].scale
    field, at = places.get(name, ("gate", None))
    return field, at[response] if isinstance(at, list) else at


def jacobian(rebuilt, terms):
    """Derivatives of the user's parameters in the engine's, (m, M)."""
    problem, fitted = rebuilt.problem, rebuilt.fitted
    layout, places = layout_of(rebuilt.params), places_of(fitted.family)
    predictors = problem.model.regressions.predictors
    first = _regression_map(problem)
    units = measures_of(fitted.family, problem.frame).unit
    pairs = zip(problem.frame.designs, units, strict=True)
    further = [unit * _to_features(design) for design, unit in pairs]
    row_of = [_rows_of(features) for features in problem.structure.features]
    gate = _to_features(problem.frame.gate_design)
    gate_row_of = _rows_of(problem.structure.gating)
    out = np.zeros((len(terms), layout.size))
    for row, term in zip(out, terms, strict=True):
        coef, constants, logits = parts = layout.split(np.zeros(layout.size))
        k, j = term.component, term.feature
        if term.note == HELD:
            continue
        field, at = _place_of(term, fitted.family, places)
        if term.attribute == "background_weight_":
            field = "weights"
        if field == "constants":
            constants[k, at] = fitted.constants[at, k]
        elif field == "weights":
            k = -1 if k is None else k  # that of a background is last
            logits[:, 0] = -fitted.weights[k] * fitted.weights
            logits[k, 0] += fitted.weights[k]
        elif field == "gate":
            logits[k], logits[0] = gate[gate_row_of[j]], -gate[gate_row_of[j]]
        elif at == 0:
            coef[:, predictors[0]] = first[k, row_of[0][j]]
        else:
            coef[k, predictors[at]] = further[at][row_of[at][j]]
        row[:] = layout.join(*parts)
    return out
