"""All that a fitted mixture says about the next response."""

from ._distribution import MixtureDistribution

__all__ = ["MixtureDistribution"]
