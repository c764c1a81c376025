"""The problem of a fit whose rows are in the partitions of dask collections."""

from functools import partial, reduce
from operator import add
from typing import NamedTuple

import numpy as np

from .._data.checks import check_enough, check_weight
from .._data.read import check_gating, columns_of, read_rows
from .._data.structure import make_structure
from .._engine.frame import Facts, facts_of
from .._engine.problem import problem_of
from .._engine.table import Table, make_table
from ..families._names import make_family
from .groups import check_apart
from .parts import check_table, parts_of, see_features
from .places import places_of
from .rows import DaskRows, PartRows


def dask_problem(model, X, y, *, row_data, reset=True, ensure_min_samples=1, **of_rows):
    """Validate dask collections where they are, as `read` does arrays.

    Returns
    -------
    problem : Problem
    columns : Columns
    X, y : dask collections
    n_rows : int
    """
    check_table(X)
    see_features(model, X, reset)
    columns = columns_of(model, X)
    structure = make_structure(model, make_family(model.family, row_data), columns)
    parts, numbers = parts_of(X, y=y, **of_rows, **row_data)
    reader = partial(_portion, bare(model), structure, numbers, tuple(row_data))
    places = places_of(parts, X, reader)
    found = places.ask(_found)
    n_rows = np.array([each.n_rows for each in found])
    _check_size(model, int(n_rows.sum()), ensure_min_samples)
    check_apart([each.labels for each in found])
    facts = [each.facts for each in found if each.facts is not None]
    if not facts:
        check_weight(np.zeros(1), np.zeros((1, 1)))
    facts = reduce(add, facts)
    check_enough(model.n_components, facts.n_units, of_rows["groups"] is not None)
    ends = [each.ends for each in found if each.ends is not None]
    structure.family.check_together(np.concatenate(ends, axis=-1))
    before = np.cumsum(n_rows) - n_rows

    def rows_in(frame):
        rows = places.then(partial(_rows, frame, before))
        return DaskRows(rows, structure, facts, frame)

    problem = problem_of(structure, facts, rows_in)
    return problem, columns, X, y, int(n_rows.sum())


def bare(model):
    """A small, unfitted copy of an estimator."""
    params = model.get_params(deep=False)
    return type(model)(**{name: params[name] for name in params if name != "init"})


class Portion(NamedTuple):
    """What a fit takes from one partition."""

    n_rows: int
    table: Table | None  # of the rows of positive weight, if there are any
    labels: np.ndarray | None  # of the groups of all rows


class Found(NamedTuple):
    """What there is to know of a Portion."""

    n_rows: int
    facts: Facts | None
    ends: np.ndarray | None  # least and greatest numbers of the target, (..., 2)
    labels: np.ndarray | None


def _portion(model, structure, numbers, names, X, y, **of_rows):
    """Validate the chunks of one partition. -> Portion."""
    if not X.shape[0] and not len(y):
        return Portion(0, None, None)
    of_rows |= numbers
    row_data = {name: of_rows.pop(name) for name in names}
    # All rows together have to have a weight, those of a partition need not.
    counted = of_rows["sample_weight"] is None or np.any(of_rows["sample_weight"])
    of_rows["sample_weight"] = of_rows["sample_weight"] if counted else None
    rows = read_rows(model, X, y, **of_rows, row_data=row_data)
    check_gating(rows, structure, columns_of(model, X))
    table = make_table(rows.data, structure) if counted else None
    labels = None if rows.groups is None else rows.groups.labels
    return Portion(len(rows.y), table, labels)


def _found(portion):
    facts = ends = None
    if portion.table is not None:
        facts, y = facts_of(portion.table), portion.table.y
        # What is missing is NaN.
        ends = np.fmin.reduce(y, axis=-1), np.fmax.reduce(y, axis=-1)
        ends = np.stack(ends, axis=-1)
    return Found(portion.n_rows, facts, ends, portion.labels)


def _rows(frame, before, number, portion):
    """The rows of a Portion in a frame, after those of other partitions."""
    if portion.table is None:
        return None
    return PartRows(portion.table, frame, before[number])


def _check_size(model, n_rows, least):
    """Raise ValueError for too few rows, in the words of scikit-learn."""
    if n_rows < least:
        shape = n_rows, model.n_features_in_
        raise ValueError(
            f"Found array with {n_rows} sample(s) (shape={shape}) while a minimum of"
            f" {least} is required by {type(model).__name__}."
        )
