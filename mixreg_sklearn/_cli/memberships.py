"""The table with the component of each row."""

import numpy as np

from .._component_names import BACKGROUND
from .._inside import inside
from .table import opener
from .words import Refusal, plain

# Rows that are in memory as text at once.
_ROWS = 100_000


def check_names(data, options):
    """Refuse a table that has columns with the names that are appended."""
    for name in _names(max(options.components), options.background):
        if name in data.table.column:
            raise Refusal(
                f"--memberships appends a column {name!r}, but {data.table.source.path}"
                " has one: rename it"
            )


def write_memberships(data, model, path):
    """Append component and probabilities to the table, and return a line on it.

    The cells of the table are copied as they are. Rows that were dropped are in it,
    with empty cells.

    Raises
    ------
    Refusal
        If the file cannot be written.
    """
    values = _memberships(data, model)
    mixture = inside(model).mixture
    K, background = mixture.n_components, mixture.background
    table, names = data.table, _names(K, background)
    row = 0
    try:
        with opener(path)(path, "wt", newline="", encoding="utf-8") as file:
            for rows in table.source.read(dtype=str, na_filter=False, chunksize=_ROWS):
                _append(rows, names, values[row : row + len(rows)])
                # A column without a name has got one by reading.
                rows = rows.rename(columns=dict.fromkeys(table.unnamed, ""))
                rows.to_csv(
                    file,
                    sep=table.source.separator,
                    decimal=table.source.decimal,
                    header=row == 0,
                    index=table.index,
                    index_label=False,
                    float_format="%.6g",
                )
                row += len(rows)
    except OSError as error:
        raise Refusal(f"cannot write {path}: {error.strerror or error}") from error
    dropped = "" if data.kept is None else ", empty in rows that are dropped"
    number = "" if background is None else f" ({K} is the background)"
    return f"Table with the component of each row{number}{dropped}: {plain(path)}"


def _names(n_components, background):
    shares = [*range(n_components), *[BACKGROUND] * (background is not None)]
    return ["component", *(f"probability_{share}" for share in shares)]


def _memberships(data, model):
    """Probabilities for the rows of the table, (n_rows, K); NaN where dropped."""
    given = {name: v for name, v in data.given.items() if name != "sample_weight"}
    memberships = model.predict_proba(data.X, data.y, **given)
    if data.kept is None:
        return memberships
    values = np.full((len(data.kept), memberships.shape[1]), np.nan)
    values[data.kept] = memberships
    return values


def _append(rows, names, memberships):
    """Append columns to rows of the table, which is changed."""
    import pandas as pd

    dropped = np.isnan(memberships).any(axis=1)
    component = memberships.argmax(axis=1)
    rows[names[0]] = pd.arrays.IntegerArray(component, mask=dropped)
    for name, probabilities in zip(names[1:], memberships.T, strict=True):
        rows[name] = probabilities
