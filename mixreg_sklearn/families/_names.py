"""Families by name, as the parameter `family` of an estimator takes them."""

from ._base import Family
from ._beta import Beta
from ._binomial import Binomial
from ._gamma import Gamma
from ._gaussian import Gaussian
from ._inverse_gaussian import InverseGaussian
from ._joint import Joint
from ._negative_binomial import NegativeBinomial
from ._poisson import Poisson
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
}


def make_family(family):
    """The family object for a name or a family, or for a list of them."""
    if isinstance(family, (list, tuple)):
        return _joint(family)
    return FAMILIES[family]() if isinstance(family, str) else family


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
