"""Plots of fitted mixtures of regressions; they need matplotlib."""

from ._coefficients import CoefficientDisplay
from ._criterion import CriterionDisplay
from ._path import CoefficientPathDisplay
from ._regression import MixtureRegressionDisplay
from ._residuals import QuantileResidualDisplay
from ._rootogram import RootogramDisplay
from ._search import SearchDisplay
from ._trajectory import TrajectoryDisplay

__all__ = [
    "CoefficientDisplay",
    "CoefficientPathDisplay",
    "CriterionDisplay",
    "MixtureRegressionDisplay",
    "QuantileResidualDisplay",
    "RootogramDisplay",
    "SearchDisplay",
    "TrajectoryDisplay",
]
