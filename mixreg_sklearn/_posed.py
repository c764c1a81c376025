"""From the user's arguments to the problem of a fit, wherever the rows are."""

from typing import NamedTuple

from ._blas import threads_that_pay
from ._data.data import Data
from ._data.read import read
from ._data.structure import Columns
from ._engine.problem import Problem, make_problem
from ._extras import is_dask


class Posed(NamedTuple):
    """Validated arguments of `fit`."""

    problem: Problem
    columns: Columns
    X: object  # (n, d), validated, or a dask collection as the user gave it
    y: object  # (n,), the same
    n_rows: int  # n
    data: Data | None  # rows in memory


def pose(model, X, y, sample_weight, groups, offset, row_data, **checks):
    """Validate the arguments of a fit of a `MixtureRegressor`, as `read`. -> Posed."""
    if is_dask(X):
        from ._dask.problem import dask_problem

        given = {"sample_weight": sample_weight, "groups": groups, "offset": offset}
        posed = dask_problem(model, X, y, **given, row_data=row_data, **checks)
        return Posed(*posed, None)
    data, y, structure, columns = read(
        model, X, y, sample_weight, groups, offset, row_data, **checks
    )
    problem = make_problem(data, structure, threads_that_pay(model, data.X))
    return Posed(problem, columns, data.X, y, len(y), data)
