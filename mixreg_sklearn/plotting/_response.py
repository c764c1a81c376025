"""Responses as a display draws them: one number for each row."""

import numpy as np
from sklearn.utils import column_or_1d

from .._data.checks import without_fields
from ..families._names import make_family


def drawn_response(model, y):
    """Responses (n,) of a fitted mixture; censored ones are drawn at their bounds."""
    family = make_family(model.family)
    y = without_fields(y, family)
    y = column_or_1d(y) if family.response_columns == 1 else np.asarray(y, dtype=float)
    return family.points(y)
