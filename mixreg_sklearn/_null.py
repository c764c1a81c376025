"""The regression without features, with which `score` compares a mixture."""

import numpy as np

from ._data.data import Structure, unconstrained
from ._search.pooled import fit_pooled
from .gates import ConstantGate


def null_model(problem, offset_feature):
    """One regression on a constant and the offset, for the rows of a fit. -> Fitted.

    `offset_feature` is the index of the feature with coefficient one, or None.
    """
    n_features = len(problem.structure.known)
    known = np.full(n_features, np.nan)
    if offset_feature is not None:
        known[offset_feature] = 1.0
    none, family = np.empty(0, dtype=int), problem.structure.family
    structure = Structure(
        *(family, ConstantGate(), (none,) * len(family.predictors), none, known),
        *(unconstrained(0, 1), True, False),
    )
    problem = problem.without_features(structure)
    return problem.to_user(fit_pooled(problem.pooled_model, problem.rows))
