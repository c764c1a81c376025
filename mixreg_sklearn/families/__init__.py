"""Families of conditional distributions, one file each."""

from ._base import Derivatives, Evaluation, Family, Local
from ._beta import Beta
from ._binomial import Binomial
from ._contract import check_family
from ._gamma import Gamma
from ._gaussian import Gaussian
from ._inverse_gaussian import InverseGaussian
from ._negative_binomial import NegativeBinomial
from ._poisson import Poisson
from ._student_t import StudentT
from ._support import Constant, Predictor, Support
from ._zero_inflated import ZeroInflated

__all__ = [
    "Beta",
    "Binomial",
    "Constant",
    "Derivatives",
    "Evaluation",
    "Family",
    "Gamma",
    "Gaussian",
    "InverseGaussian",
    "Local",
    "NegativeBinomial",
    "Poisson",
    "Predictor",
    "StudentT",
    "Support",
    "ZeroInflated",
    "check_family",
]
