"""What a summary says of penalties and bounds: features that have coefficients."""

import numpy as np

from .._component_names import names_of_components
from ..inference._table import BOUND

# As many features of a component are named at most.
_MOST_NAMES = 8


def penalty_facts(rebuilt, terms):
    """Facts about penalty and bounds, as pairs of a label and a value."""
    structure, facts = rebuilt.problem.structure, []
    penalties = structure.penalties
    if penalties is None:
        return facts
    if penalties.shrinks:
        alphas = ", ".join(f"{alpha:.4g}" for alpha in np.unique(penalties.alpha))
        facts.append(("penalty", f"{_kind(penalties)}, alpha {alphas}"))
    if penalties.selects:
        all_, used = _used(rebuilt)
        facts.append(("selected", f"{used.any(axis=0).sum()} of {len(all_)} features"))
    if penalties.bounded:
        at = sum(term.note == BOUND for term in terms)
        facts.append(("at a bound", f"{at} coefficient{'' if at == 1 else 's'}"))
    return facts


def _kind(penalties):
    """A penalty in a word or two."""
    if penalties.l1_ratio == 0:
        return "ridge"
    kind = "fused lasso" if penalties.fused else "lasso"
    if penalties.l1_ratio == 1:
        return kind
    return f"{kind} and ridge, l1_ratio {penalties.l1_ratio:g}"


def selection_remarks(rebuilt, component_names):
    """Sentences on the features that a lasso selects, a list."""
    penalties = rebuilt.problem.structure.penalties
    if penalties is None or not penalties.selects:
        return []
    all_, used = _used(rebuilt)
    names = [rebuilt.names[j] for j in all_]
    of = names_of_components(component_names, len(used))
    parts = [
        f"{called}: {_listed([names[j] for j in np.flatnonzero(row)])}"
        for called, row in zip(of, used, strict=True)
    ]
    remarks = [f"Selected features: {'; '.join(parts)}."]
    if penalties.fused:
        coef = _coef(rebuilt)[..., all_]
        differ = np.flatnonzero((coef != coef[:, :1]).any(axis=(0, 1)))
        listed = _listed([names[j] for j in differ])
        remarks.append(f"Different between components: {listed}.")
    return remarks


def shown_terms(rebuilt, terms):
    """Terms (a list) without coefficients that a lasso sets to zero."""
    penalties = rebuilt.problem.structure.penalties
    if penalties is None or not penalties.selects:
        return terms
    coef = _coef(rebuilt)
    return [
        term
        for term in terms
        if term.attribute != "coef_"
        or coef[term.response or 0, term.component, term.feature] != 0
    ]


def _used(rebuilt):
    """Features of the regressions, sorted, and which have a coefficient, (K, d)."""
    structure, coef = rebuilt.problem.structure, _coef(rebuilt)
    firsts = [response.first for response in structure.family.responses]
    all_ = np.unique(np.concatenate([structure.features[i] for i in firsts]))
    return all_, (coef[..., all_] != 0).any(axis=0)


def _coef(rebuilt):
    """Coefficients of the regression of every response, (m, K, d)."""
    responses = rebuilt.problem.structure.family.responses
    return rebuilt.fitted.coef[[response.first for response in responses]]


def _listed(names):
    """The names with their number, as far as they fit."""
    if not names:
        return "none"
    more = len(names) - _MOST_NAMES
    listed = ", ".join(names[:_MOST_NAMES])
    return f"{listed} and {more} more ({len(names)})" if more > 0 else listed
