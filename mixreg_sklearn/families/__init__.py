"""Families of conditional distributions, one file each."""

from ._base import Derivatives, Evaluation, Family, Local
from ._beta import Beta
from ._binomial import Binomial
from ._censored import Censored
from ._contract import check_family
from ._gamma import Gamma
from ._gaussian import Gaussian
from ._inverse_gaussian import InverseGaussian
from ._lifetimes import LogLogistic, LogNormal, Weibull
from ._negative_binomial import NegativeBinomial
from ._poisson import Poisson
from ._support import Constant, Predictor, Support
from ._times import censored
from ._truncated import Truncated

__all__ = [
    "Beta",
    "Binomial",
    "Censored",
    "Constant",
    "Derivatives",
    "Evaluation",
    "Family",
    "Gamma",
    "Gaussian",
    "InverseGaussian",
    "Local",
    "LogLogistic",
    "LogNormal",
    "NegativeBinomial",
    "Poisson",
    "Predictor",
    "Support",
    "Truncated",
    "Weibull",
    "censored",
    "check_family",
]
