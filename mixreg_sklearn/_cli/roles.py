"""Which column of a table is what."""

from typing import NamedTuple

import numpy as np

from .options import EVENT, ROLES, names_in
from .words import Refusal, plain

_ROW_NAMES = {"rownames", "row.names", "row_names", "rowname"}


class Roles(NamedTuple):
    """Columns of a frame by what they are for."""

    target: str
    features: list  # of the regressions
    gate: list
    given: dict  # column by option: groups, weights, offset, trials, event
    left_out: dict  # reason by column

    @property
    def inputs(self):
        """Columns of regressions and gate, each once."""
        return list(dict.fromkeys([*self.features, *self.gate]))

    @property
    def numeric(self):
        """Option by column, of those that must be numbers."""
        roles = {self.target: "target"}
        return roles | {c: role for role, c in self.given.items() if role != "groups"}

    @property
    def used(self):
        """All columns that the fit uses, each once."""
        return list(dict.fromkeys([self.target, *self.inputs, *self.given.values()]))


def chosen_roles(table, options):
    """The roles that the options give to columns.

    Raises
    ------
    Refusal
        If a column does not exist, or has roles that exclude each other.
    """
    if options.target is None:
        raise Refusal(f"--csv needs --target, one of: {', '.join(table.column)}")
    target = _column(table, plain(options.target))
    given, role_of = {}, {target: "--target"}
    for role in (*ROLES, EVENT):
        name = getattr(options, role)
        if name is None:
            continue
        column = given[role] = _column(table, plain(name))
        if column in role_of:
            raise Refusal(
                f"column {plain(column)!r} cannot be {role_of[column]} and --{role}"
            )
        role_of[column] = f"--{role}"
    gate = _columns(table, target, "gate", options.gate)
    features = _columns(table, target, "features", options.features)
    left_out = {}
    if options.features is None:
        left_out = _indices(table, {*role_of, *gate})
        rest = {*role_of, *gate, *left_out}
        features = [column for column in table.frame.columns if column not in rest]
    if not features:
        raise Refusal(_without_features(table, target, left_out))
    return Roles(target, features, gate, given, left_out)


def _column(table, name):
    if name not in table.column:
        names = ", ".join(table.column)
        raise Refusal(f"{table.source.path} has no column {name!r}; it has: {names}")
    return table.column[name]


def _columns(table, target, option, text):
    """Columns that an option lists."""
    if text is None:
        return []
    names = names_in(text)
    columns = [_column(table, name) for name in names]
    for name in names:
        if names.count(name) > 1:
            raise Refusal(f"--{option} names {name!r} twice")
    if target in columns:
        what = "a feature" if option == "features" else "in the gate"
        raise Refusal(f"the target {plain(target)!r} cannot also be {what}")
    return columns


def _indices(table, taken):
    """Columns that number or name the rows, with the reason."""
    reasons = {}
    for name, column in table.column.items():
        if column in taken:
            continue
        if column in table.unnamed:
            reasons[column] = "has no name"
        elif name.lower() in _ROW_NAMES:
            reasons[column] = "names the rows"
        elif _counts(table.frame[column]):
            reasons[column] = "counts the rows"
    return reasons


def _counts(cells):
    """Whether cells are 0, ..., n - 1 or 1, ..., n."""
    if cells.dtype.kind not in "iuf" or len(cells) < 3 or cells.iloc[0] not in (0, 1):
        return False
    return np.array_equal(cells, cells.iloc[0] + np.arange(len(cells)))


def _without_features(table, target, left_out):
    message = f"{table.source.path} has no column besides the target {plain(target)!r}"
    if left_out:
        reasons = (f"{plain(c)!r} {reason}" for c, reason in left_out.items())
        message += (
            f" for a feature: {', '.join(reasons)}; name it in --features to use it"
        )
    return message
