"""The engine's view of a fitted estimator and its training data."""

from typing import NamedTuple

from ._data.data import Data
from ._data.row_data import given
from ._data.structure import Columns
from ._engine.params import Params
from ._engine.problem import Problem
from ._fitted import Fitted
from ._inside import check_coefficients, inside
from ._posed import pose
from ._remembered import check_grouped


class Rebuilt(NamedTuple):
    """The problem that a fit solved, and its estimate."""

    estimator: object  # the fitted MixtureRegressor
    fitted: Fitted
    data: Data | None  # rows in memory
    grouped: bool  # whether rows come in groups
    problem: Problem
    params: Params  # a batch of one, with the estimator's order of components
    columns: Columns
    offset_feature: int | None  # its index
    names: list  # of features


def rebuild(model, X, y, sample_weight=None, *, groups=None, offset=None, **row_data):
    """Prepare training data as `fit` did, and the estimate. -> Rebuilt.

    `model` is a fitted mixture, or a pipeline or search with one inside. The rows may
    be dask collections.
    """
    found = inside(model)
    check_coefficients(found.mixture)
    estimator, X = found.mixture, found.features(X)
    check_grouped(estimator, groups)
    rows = sample_weight, groups, offset, given(**row_data)
    posed = pose(estimator, X, y, *rows, reset=False)
    problem, columns = posed.problem, posed.columns
    at = columns.maybe(estimator.offset_feature, "offset_feature")
    # The family of the problem is that of scaled rows, where there are row scales.
    fitted = Fitted.of(estimator)._replace(family=problem.structure.family)
    params = problem.from_user(fitted)
    names = found.names()
    data, grouped = posed.data, groups is not None
    return Rebuilt(
        estimator, fitted, data, grouped, problem, params, columns, at, names
    )
