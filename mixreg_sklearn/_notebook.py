"""Tables of fitted mixtures in notebooks, below scikit-learn's diagram."""

from html import escape

import numpy as np

from ._fitted import Fitted
from ._inside import inside
from ._responses import labels_of, response_names_of
from ._status import sentence, status
from ._thin import thin_sentences

# Longer and wider tables are truncated, with a note.
_MOST_ROWS, _MOST_COMPONENTS = 30, 12
_COUNTS = {"n_components", "estimator"}
# Columns of `MixtureRegressorIC.table_` shown before the criterion.
_COLUMNS = ("log_likelihood", "n_parameters", "smallest_component")
_RIGHT = 'style="text-align: right; padding: 0 0.6em"'


class NotebookTable:
    """Add the table of ``_fitted_table`` to scikit-learn's HTML of an estimator."""

    def _repr_html_inner(self):
        return super()._repr_html_inner() + self._fitted_table()

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle:
            bundle["text/html"] += self._fitted_table()
        return bundle


def component_table(model):
    """HTML table of the estimates, a column per component; empty before `fit`."""
    if not hasattr(model, "weights_"):
        return ""
    fitted = Fitted.of(model)
    _, K, d = fitted.coef.shape
    names = getattr(model, "feature_names_in_", [f"x{j}" for j in range(d)])
    rows = [("share", model.weights_)]
    labels, of_constants = labels_of(fitted.family, response_names_of(model))
    parts = [*zip(labels, fitted.intercept, fitted.coef, strict=True)]
    if fitted.gate_coef is not None:
        parts.append(("gate", fitted.gate_intercept, fitted.gate_coef))
    for i, (part, intercept, coef) in enumerate(parts):
        label = f"{part} " if part else ""
        if i or model.fit_intercept:
            rows.append((f"{label}intercept", intercept))
        rows += _used([f"{label}{name}" for name in names], coef)
        if not i:
            rows += zip(of_constants, fitted.constants, strict=True)
    shown = slice(_MOST_COMPONENTS)
    header = [f"component {k}" for k in range(K)[shown]]
    cells = [
        [label, *(f"{value:.4g}" for value in values[:K][shown])]
        for label, values in rows
    ]
    return _table(_summary(model), ["", *header], cells, K - len(header))


def criterion_table(search):
    """HTML tables of the candidates, a row each, and of the best estimates."""
    if not hasattr(search, "table_"):
        return ""
    table, best = search.table_, search.best_index_
    several = len(set(table["estimator"])) > 1
    columns = ["n_components", *["estimator"] * several, *_COLUMNS, search.criterion]
    columns.append("choice")
    cells = [
        [
            "chosen" if i == best else "",
            *(_cell(name, table[name][i]) for name in columns),
            status(inside(fit).mixture),
        ]
        for i, fit in enumerate(search.estimators_)
    ]
    title = f"Candidates, the best by {search.criterion.upper()}"
    if search.largest_chosen_:
        title += f"; {search.n_components_} is the largest number tried"
    candidates = _table(title, ["", *columns, "maximum"], cells)
    return candidates + component_table(search.best_estimator_)


def _used(names, coef):
    """Rows of features with a nonzero coefficient in any component."""
    used = np.flatnonzero((coef != 0).any(axis=0))
    return [(names[j], coef[:, j]) for j in used]


def _summary(model):
    sentences = [
        f"Log-likelihood {model.log_likelihood_:.3f},"
        f" {model.n_parameters_:.6g} parameters; {sentence(model)}"
    ]
    return ". ".join(sentences + thin_sentences(model))


def _cell(name, value):
    if name == "n_parameters":
        return f"{value:.6g}"
    if name in _COUNTS or isinstance(value, np.bool_):
        return {"True": "yes", "False": "no"}.get(str(value), str(value))
    return f"{value:.3f}"


def _table(title, header, rows, n_left_out=0):
    """A table with a caption; the first cell of each row is its heading."""
    notes = []
    if len(rows) > _MOST_ROWS:
        notes.append(f"{len(rows) - _MOST_ROWS} more rows")
    if n_left_out:
        notes.append(f"{n_left_out} more components")
    head = "".join(f"<th {_RIGHT}>{escape(name)}</th>" for name in header)
    body = "".join(
        f'<tr><th style="text-align: left">{escape(str(first))}</th>'
        + "".join(f"<td {_RIGHT}>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for first, *cells in rows[:_MOST_ROWS]
    )
    note = f"<div>... and {', '.join(notes)}</div>" if notes else ""
    return (
        '<div class="mixreg-table" style="overflow-x: auto"><table>'
        '<caption style="text-align: left; white-space: nowrap">'
        f"{escape(title)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}</div>"
    )
