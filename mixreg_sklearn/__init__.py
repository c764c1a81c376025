"""Finite mixtures of regressions, as scikit-learn estimators."""

from ._experts_regressor import MixtureOfExpertsRegressor
from ._formula import fit_formula
from ._regressor import MixtureRegressor
from ._reports.profile import profile
from ._reports.summary import Summary, summary
from ._selection import MixtureRegressorIC
from ._warnings import SearchWarning

__version__ = "0.1.0"

__all__ = [
    "MixtureOfExpertsRegressor",
    "MixtureRegressor",
    "MixtureRegressorIC",
    "SearchWarning",
    "Summary",
    "fit_formula",
    "profile",
    "summary",
]
