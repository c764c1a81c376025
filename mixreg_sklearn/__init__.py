"""Finite mixtures of regressions, as scikit-learn estimators."""

from ._formula import fit_formula
from ._regressor import MixtureRegressor
from ._selection import MixtureRegressorIC
from ._warnings import SearchWarning

__version__ = "0.1.0"

__all__ = [
    "MixtureRegressor",
    "MixtureRegressorIC",
    "SearchWarning",
    "fit_formula",
]
