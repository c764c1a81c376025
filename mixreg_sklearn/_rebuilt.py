"""A fitted estimator on its data, as the engine sees them."""

from typing import NamedTuple

from ._blas import threads_that_pay
from ._data.data import Data
from ._data.read import read
from ._data.row_data import given
from ._data.structure import Columns
from ._engine.params import Params
from ._engine.problem import Problem, make_problem
from ._fitted import Fitted


class Rebuilt(NamedTuple):
    """What `fit` made of its data, and where its estimate is.

    Attributes
    ----------
    estimator : MixtureRegressor
    fitted : Fitted
        Its estimates.
    data : Data
    problem : Problem
    params : Params
        A batch of one, with components in the order of the estimator.
    columns : Columns
        The features by what the user calls them.
    offset_feature : int or None
    """

    estimator: object
    fitted: Fitted
    data: Data
    problem: Problem
    params: Params
    columns: Columns
    offset_feature: int | None

    @property
    def names(self):
        """Names of the features, a list."""
        if self.columns.names is None:
            return [f"x{j}" for j in range(self.columns.n_features)]
        return list(self.columns.names)


def rebuild(
    estimator, X, y, sample_weight=None, *, groups=None, offset=None, **row_data
):
    """Prepare the data of a fit as `fit` did, and its estimate. -> Rebuilt."""
    row_data = given(**row_data)
    data, _, structure, columns = read(
        estimator, X, y, sample_weight, groups, offset, row_data, reset=False
    )
    problem = make_problem(data, structure, threads_that_pay(estimator, data.X))
    at = None
    if estimator.offset_feature is not None:
        at = columns.one(estimator.offset_feature, "offset_feature")
    fitted = Fitted.of(estimator)
    params = problem.from_user(fitted)
    return Rebuilt(estimator, fitted, data, problem, params, columns, at)
