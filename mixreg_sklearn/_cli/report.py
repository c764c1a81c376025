"""The result as text."""

import numpy as np

from .._component_names import names_of_shares, shares_of
from .._inside import inside
from .._status import agreed, status
from .._thin import thin_sentences
from ..families._names import make_family
from .words import count, plain

# Components side by side in a table.
_ACROSS = 5


def report(data, model, notes):
    """The tables of a fitted model, with its proof and notes, as one text."""
    K, d = model.n_components_, len(data.regression)
    rows = count(len(data.y), "row")
    if "groups" in data.given:
        rows += f" in {count(len(np.unique(data.given['groups'])), 'group')}"
    parts = [
        f"{data.name}: {rows}, {count(d, 'feature')}, target {plain(data.target)}",
        "\n".join(data.notes),
        _selection(model),
        f"{count(K, 'component')}, by {model.criterion.upper()}:",
        *_parameters(model, data),
        _proof(inside(model).mixture),
    ]
    lines = "\n\n".join(part for part in parts if part).splitlines()
    return "\n".join(["", *lines, *(f"Note: {plain(note)}" for note in notes)])


def remarks(data, model):
    """What else there is to say of the chosen mixture, in a list."""
    found = []
    # The warning of a degenerate mixture names its rows.
    if not model.degenerate_:
        found += [f"{sentence}." for sentence in thin_sentences(model)]
    if model.thin_components_:
        dropped = "" if data.kept is None else " and rows that are dropped"
        found.append(f"Rows are counted from 0, without the header{dropped}.")
    if model.largest_chosen_:
        found.append(
            f"{model.n_components_} is the largest number tried; more components may be"
            " better still."
        )
    return found


def _selection(model):
    """Table of the criterion, one row for each number of components."""
    criterion, table = model.criterion.upper(), model.table_
    lines = [
        f" K  parameters  log-likelihood  {criterion:>10}    choice  rows  maximum"
    ]
    for i, fit in enumerate(model.estimators_):
        lines.append(
            f"{table['n_components'][i]:2d}  {table['n_parameters'][i]:10d}"
            f"  {_number(table['log_likelihood'][i]):>14}"
            f"  {_number(table[model.criterion][i]):>10}"
            f"  {_number(table['choice'][i], 1):>8}"
            f" {_number(table['smallest_component'][i], 0):>5}"
            f"  {status(inside(fit).mixture):10}"
            f"{' <- chosen' if i == model.best_index_ else ''}".rstrip()
        )
    lines.append(
        f"choice: {criterion} with penalties for unequal scales and thin components;\n"
        "rows: of the smallest component; maximum: a proven local one is agreed if\n"
        "independent searches found it"
    )
    return "\n".join(lines)


def _number(value, decimals=3):
    """A number, or what stands for one that a failed candidate lacks."""
    if not np.isfinite(value):
        return "-"
    return f"{value:.{decimals}f}" if abs(value) < 1e9 else f"{value:.3e}"


def _parameters(model, data):
    """Tables of the estimates, with a column per component and up to five per table.

    That of a background has its share, and its gate.
    """
    mixture = inside(model).mixture
    rows = [("intercept", model.intercept_)]
    rows += [(data.features[j], model.coef_[:, j]) for j in data.regression]
    for constant in make_family(mixture.family).constants:
        rows.append((constant.name, getattr(mixture, f"{constant.name}_")))
    if data.gate:
        rows.append(("gate: intercept", model.gate_intercept_))
        rows += [
            (f"gate: {data.features[j]}", model.gate_coef_[:, j]) for j in data.gate
        ]
    number = number_format(np.concatenate([values for _, values in rows]))
    names = names_of_shares(None, mixture)
    shares = [f"{100 * share:.1f} %" for share in shares_of(mixture)]
    labels = ["", "share", *(plain(label) for label, _ in rows)]
    cells = [names, shares, *([number(v) for v in values] for _, values in rows)]
    cells = [[*row, *[""] * (len(names) - len(row))] for row in cells]
    width = min(max(len(label) for label in labels), 28)
    tables = []
    for first in range(0, len(names), _ACROSS):
        lines = [
            f"{_shortened(label, width):{width}}"
            + "".join(f"  {cell:>12}" for cell in row[first : first + _ACROSS]).rstrip()
            for label, row in zip(labels, cells, strict=True)
        ]
        tables.append("\n".join(lines))
    return tables


def number_format(values):
    """A format with three digits for the smallest number and aligned decimal points.

    Very large and very small numbers get an exponent.
    """
    sizes = np.abs(values)
    usual = sizes[(sizes >= 1e-3) & (sizes < 1e7)]
    smallest = usual.min() if usual.size else 1.0
    decimals = max(0, 2 - int(np.floor(np.log10(smallest))))

    def number(value):
        if value == 0 or 1e-3 <= abs(value) < 1e7:
            return f"{value:.{decimals}f}"
        return f"{value:.2e}"

    return number


def _shortened(label, width):
    return label if len(label) <= width else f"{label[: width - 3]}..."


def _proof(mixture):
    if not mixture.converged_:
        return "The maximum is not proven."
    searches = "agree" if agreed(mixture) else "do not agree"
    return (
        "A local maximum is proven: the last Newton step gained at most"
        f" {max(mixture.newton_decrement_, 0.0):.0e} nats,\n"
        "and the observed information is positive definite. Independent searches\n"
        f"{searches} that it is the best one."
    )
