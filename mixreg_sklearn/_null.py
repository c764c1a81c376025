"""The regression without features, with which `score` compares a mixture."""

import numpy as np

from ._data.data import Data, Structure, unconstrained
from ._engine.problem import make_problem
from ._search.pooled import fit_pooled
from .gates import ConstantGate


def null_model(data, family, offset_feature):
    """One regression on a constant and the offset, for the rows of a fit. -> Fitted.

    `offset_feature` is the index of the feature with coefficient one, or None.
    """
    offset, coef = data.offset, np.zeros((1, 1, data.X.shape[1]))
    if offset_feature is not None:
        column = np.asarray(data.X[:, offset_feature], dtype=float)
        offset = column if offset is None else offset + column
        coef[..., offset_feature] = 1.0
    none = np.empty(0, dtype=int)
    # The groups of rows do not matter to a single component.
    rows = Data(data.X[:, :0], data.y, data.weight, offset, None, data.row_data)
    constraints = unconstrained(0, 1)
    structure = Structure(
        family, ConstantGate(), none, none, np.empty(0), constraints, True, False
    )
    problem = make_problem(rows, structure, 1)
    fitted = problem.to_user(fit_pooled(problem.pooled_model, problem.rows))
    return fitted._replace(coef=np.repeat(coef, len(fitted.coef), axis=0))
