"""Predictive distributions of responses."""

from ._distribution import MixtureDistribution

__all__ = ["MixtureDistribution"]
