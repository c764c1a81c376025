"""Families by name, as the parameter `family` of an estimator takes them."""

from ._beta import Beta
from ._binomial import Binomial
from ._gamma import Gamma
from ._gaussian import Gaussian
from ._inverse_gaussian import InverseGaussian
from ._lifetimes import LogLogistic, LogNormal, Weibull
from ._negative_binomial import NegativeBinomial
from ._poisson import Poisson

FAMILIES = {
    "gaussian": Gaussian,
    "poisson": Poisson,
    "binomial": Binomial,
    "gamma": Gamma,
    "negative_binomial": NegativeBinomial,
    "inverse_gaussian": InverseGaussian,
    "beta": Beta,
    "weibull": Weibull,
    "lognormal": LogNormal,
    "loglogistic": LogLogistic,
}


def make_family(family):
    """The family object for a name or a family."""
    return FAMILIES[family]() if isinstance(family, str) else family
