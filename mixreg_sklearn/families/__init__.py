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
from ._student_t import StudentT
from ._support import Constant, Predictor, Support
from ._times import censored
from ._truncated import Truncated
from ._zero_inflated import ZeroInflated

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
    "StudentT",
    "Support",
    "Truncated",
    "Weibull",
    "ZeroInflated",
    "censored",
    "check_family",
]
