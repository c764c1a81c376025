"""Finite mixtures of regressions, as scikit-learn estimators."""

from ._regressor import MixtureRegressor

__all__ = ["MixtureRegressor"]
