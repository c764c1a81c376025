"""Families by name, as the parameter `family` of an estimator takes them."""

from ._base import Family
from ._beta import Beta
from ._binomial import Binomial
from ._gamma import Gamma
from ._gaussian import Gaussian
from ._inverse_gaussian import InverseGaussian
from ._joint import Joint
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
    """The family object for a name or a family, or for a list of them.

    With row scales among the names of `row_data`, that of scaled rows.

    Raises
    ------
    ValueError
        If a family without a scale, or several, are to have row scales.
    """
    several = isinstance(family, (list, tuple))
    if several:
        family = _joint(family)
    elif isinstance(family, str):
        family = FAMILIES[family]()
    if NAME not in row_data:
        return family
    if several:
        raise ValueError("row_scale is not available with several responses.")
    if family.responses[0].scale is None:
        raise ValueError(
            f"row_scale is for a family with a scale, and {family!r} has none."
        )
    return RowScaled(family)


def _joint(families):
    """The family of several responses."""
    for each in families:
        if not (
            each in FAMILIES if isinstance(each, str) else isinstance(each, Family)
        ):
            raise ValueError(
                "family: a list must have names of families or instances of them, one"
                f" for each response; got {each!r}."
            )
    made = [make_family(each) for each in families]
    if len(made) < 2:
        raise ValueError(
            "family: a list is for several responses, and needs two families or more;"
            f" got {families!r}."
        )
    for each in made:
        if each.response_columns > 1:
            raise ValueError(
                f"family: {each!r} takes {each.response_columns} columns of y itself,"
                " and cannot be one of several responses."
            )
    return Joint(made)
