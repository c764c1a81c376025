"""Finite mixtures of regressions, as scikit-learn estimators."""

from ._regressor import MixtureRegressor
from ._reports.profile import profile
from ._reports.summary import Summary, summary
from ._selection import MixtureRegressorIC
from ._warnings import SearchWarning

__all__ = [
    "MixtureRegressor",
    "MixtureRegressorIC",
    "SearchWarning",
    "Summary",
    "profile",
    "summary",
]
