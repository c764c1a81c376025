"""Families of conditional distributions, one file each."""

from ._base import Derivatives, Evaluation, Family
from ._gaussian import Gaussian

__all__ = ["Derivatives", "Evaluation", "Family", "Gaussian"]
