"""Families by name, as the parameter `family` of an estimator takes them."""

from ._beta import Beta
from ._binomial import Binomial
from ._gamma import Gamma
from ._gaussian import Gaussian
from ._inverse_gaussian import InverseGaussian
from ._lifetimes import LogLogistic, LogNormal, Weibull
from ._negative_binomial import NegativeBinomial
from ._poisson import Poisson
from ._row_scaled import NAME, RowScaled
from ._student_t import StudentT

FAMILIES = {
    "gaussian": Gaussian,
    "poisson": Poisson,
    "binomial": Binomial,
    "gamma": Gamma,
    "negative_binomial": NegativeBinomial,
    "inverse_gaussian": InverseGaussian,
    "beta": Beta,
    "student_t": StudentT,
    "weibull": Weibull,
    "lognormal": LogNormal,
    "loglogistic": LogLogistic,
}


def make_family(family, row_data=()):
    """The family object for a name or a family.

    With row scales among the names of `row_data`, that of scaled rows.

    Raises
    ------
    ValueError
        If a family without a scale is to have row scales.
    """
    family = FAMILIES[family]() if isinstance(family, str) else family
    if NAME not in row_data:
        return family
    if not family.has_scale:
        raise ValueError(
            f"row_scale is for families with a scale, and {family!r} has none."
        )
    return RowScaled(family)
