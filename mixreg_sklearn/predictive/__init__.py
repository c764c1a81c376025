"""Predictive distributions of responses."""

from ._distribution import MixtureDistribution
from ._observed import ObservedDistribution

__all__ = ["MixtureDistribution", "ObservedDistribution"]
