"""The data of a fit: the two lines, or columns of a table."""

from typing import NamedTuple

import numpy as np

from ..datasets import load_two_lines
from ..families import censored
from ..families._names import make_family
from .cells import checked_cells
from .encoding import encoded, encoding_notes
from .options import EVENT, ROLES
from .roles import chosen_roles
from .table import read_table
from .words import Refusal, count, plain


class Data(NamedTuple):
    """Data to fit."""

    name: str
    X: object  # array or frame of floats, (n, d)
    y: np.ndarray  # (n,), or bounds of lifetimes (n, 2)
    target: str
    features: list  # names of the columns of X
    regression: list  # positions of those of the regressions
    gate: list  # positions of those of the gate
    given: dict  # further arguments of `fit`, each (n,)
    notes: list  # sentences on how the table was read
    table: object = None  # Table, None for the two lines
    kept: np.ndarray | None = None  # rows of the table, None for all
    transformer: object = None  # from the table to X, None for the two lines


def make_data(options):
    """The data that the options name.

    Raises
    ------
    Refusal
        If they cannot be fitted.
    """
    data = _two_lines() if options.csv is None else _of_table(options)
    for K in options.components:
        _check_size(data, K, options)
    return data


def _two_lines():
    data = load_two_lines()
    columns = [*range(data.data.shape[1])]
    return Data(
        name="two lines",
        X=data.data,
        y=data.target,
        target=data.target_name,
        features=data.feature_names,
        regression=columns,
        gate=[],
        given={},
        notes=[],
    )


def _of_table(options):
    table = read_table(options.csv, options.encoding)
    roles = chosen_roles(table, options)
    cells = checked_cells(table, roles, options)
    frame = table.frame if cells.kept is None else table.frame[cells.kept]
    # The other columns are not needed any more.
    table = table._replace(frame=None)
    try:
        encoding = encoded(frame, roles.inputs, cells.kind)
    except ValueError as error:
        raise Refusal(str(error)) from error
    numeric = roles.numeric
    given = {
        role: frame[column].to_numpy(float if column in numeric else None)
        for role, column in roles.given.items()
    }
    y, event = frame[roles.target].to_numpy(float), given.pop(EVENT, None)
    return Data(
        name=table.source.name,
        X=encoding.X,
        y=y if event is None else _lifetimes(y, event),
        target=roles.target,
        features=[str(name) for name in encoding.X.columns],
        regression=[j for j, c in enumerate(encoding.source) if c in roles.features],
        gate=[j for j, c in enumerate(encoding.source) if c in roles.gate],
        given={ROLES[role]: values for role, values in given.items()},
        notes=_notes(table, roles, cells, encoding),
        table=table,
        kept=cells.kept,
        transformer=encoding.transformer,
    )


def _lifetimes(time, event):
    """Bounds of lifetimes, (n, 2)."""
    try:
        return censored(time, event)
    except ValueError as error:
        raise Refusal(str(error)) from error


def _notes(table, roles, cells, encoding):
    notes = []
    if table.index:
        notes.append("The first column, which the header does not name, is left out.")
    if roles.left_out:
        reasons = (f"{plain(c)!r} {why}" for c, why in roles.left_out.items())
        notes.append(f"Left out as no feature: {', '.join(reasons)}.")
    if table.source.decimal == ",":
        notes.append("Numbers are read with a decimal comma.")
    notes += encoding_notes(encoding, roles.inputs, cells.kind)
    return notes + [cells.note] * (cells.note is not None)


def _check_size(data, K, options):
    d, q = len(data.regression), len(data.gate)
    # A weight counts rows.
    n = max(len(data.y), int(data.given.get("sample_weight", np.zeros(1)).sum()))
    n_constants = len(make_family(options.family).constants)
    n_shares = K + (options.background is not None)
    n_parameters = K * (d + 1 + n_constants) + (n_shares - 1) * (1 + q)
    if n <= n_parameters:
        raise Refusal(
            f"{count(n, 'row')} are too few for {count(K, 'component')} with"
            f" {count(d, 'feature')} ({n_parameters} parameters); try smaller"
            " --components, or fewer --features"
        )
