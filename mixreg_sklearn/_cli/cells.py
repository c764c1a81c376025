"""What the cells of a table contain, and which rows can be fitted."""

from typing import NamedTuple

import numpy as np

from .words import Refusal, count, plain

NUMBER, BOOLEAN, TEXT = "number", "boolean", "text"
# A text column with more values is no category.
_MOST_VALUES = 100


class Cells(NamedTuple):
    """The kinds of columns, and rows without missing cells."""

    kind: dict  # NUMBER, BOOLEAN or TEXT by column
    kept: np.ndarray | None  # (n_rows,) bool; None if all are
    note: str | None  # on rows that are dropped


def checked_cells(table, roles, options):
    """Kinds of the columns used, and the rows to fit.

    Raises
    ------
    Refusal
        If cells cannot be used; it lists all columns that have such cells.
    """
    kind = {column: _kind(table.frame[column]) for column in roles.used}
    _check_kinds(roles, kind)
    _check_numbers(table, [column for column in kind if kind[column] == NUMBER])
    _check_categories(table, roles, kind, options)
    kept, note = _complete_rows(table, roles.used, options)
    return Cells(kind, kept, note)


def _kind(cells):
    if cells.dtype.kind == "b":
        return BOOLEAN
    if cells.dtype.kind in "iuf":
        return NUMBER
    present = cells.dropna()
    if present.map(lambda cell: isinstance(cell, bool)).all():
        return BOOLEAN
    # One word among numbers is an error in a cell; numbers among words are words.
    return NUMBER if _numbers(present).notna().mean() >= 0.5 else TEXT


def _numbers(cells):
    import pandas as pd

    return pd.to_numeric(cells, errors="coerce")


def _check_kinds(roles, kind):
    for column, role in roles.numeric.items():
        if kind[column] == TEXT:
            what = "the target" if role == "target" else f"--{role}"
            raise Refusal(
                f"no numbers in column {plain(column)}; {what} must be numbers"
            )


def _check_numbers(table, columns):
    """Refuse cells that are words or infinite in columns of numbers."""
    found = []
    for column in columns:
        cells = table.frame[column]
        values = cells if cells.dtype.kind in "iuf" else _numbers(cells)
        bad = (~np.isfinite(values) & cells.notna()).to_numpy()
        if bad.any():
            row = int(bad.argmax())
            what = f"is {plain(cells.iloc[row])!r}, not a number,"
            rows = count(int(bad.sum()), "such row")
            place = table.source.place(row)
            found.append(f"column {plain(column)!r} {what} {place} ({rows})")
    if found:
        raise Refusal(f"{'; '.join(found)}; correct or remove these rows")


def _check_categories(table, roles, kind, options):
    """Refuse text that would have an indicator for nearly every row."""
    many = {}
    for column in roles.inputs:
        if kind[column] == TEXT:
            n_values = table.frame[column].nunique()
            if n_values > min(_MOST_VALUES, len(table.frame) / 2):
                many[column] = f"{plain(column)!r} ({n_values})"
    if many:
        rest = [plain(column) for column in roles.features if column not in many]
        names = ",".join(f'"{name}"' if "," in name else name for name in rest)
        command = options.command("--features", names or "A,B")
        raise Refusal(
            "text with too many different values for categories:"
            f" {', '.join(many.values())}; choose the features: {command}"
        )


def _complete_rows(table, columns, options):
    """Rows without missing cells (None if all are), and a note on the others."""
    missing = np.zeros(len(table.frame), dtype=bool)
    counts = {}
    for column in columns:
        empty = table.frame[column].isna().to_numpy()
        if empty.any():
            counts[column] = empty
            missing |= empty
    if not counts:
        return None, None
    total = f"{missing.sum()} of {count(len(missing), 'row')}"
    listed = ", ".join(f"{plain(c)} {empty.sum()}" for c, empty in counts.items())
    if options.drop_missing:
        return ~missing, f"{total} dropped, with missing cells: {listed}."
    column, empty = next(iter(counts.items()))
    place = table.source.place(int(empty.argmax()))
    raise Refusal(
        f"{total} have missing cells: {listed} (column {plain(column)!r} is empty"
        f" {place}); to drop them: {options.command('--drop-missing')}"
    )
