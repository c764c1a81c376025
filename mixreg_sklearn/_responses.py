"""What the responses of a mixture are called, if there are several."""

from numbers import Integral

import numpy as np

from .families._names import make_family


def response_names(y):
    """Names of the columns of several responses, a list."""
    names = getattr(y, "columns", None)
    numbers = range(np.shape(y)[1])
    return [f"y{r}" for r in numbers] if names is None else [str(n) for n in names]


def response_names_of(model):
    """Names of the responses of a fitted mixture; one is called "y"."""
    m = len(make_family(model.family).responses)
    return getattr(model, "response_names_", [f"y{r}" for r in range(m)])


def labels_of(family, names):
    """Labels of predictors and of constants in tables, two lists.

    The regression of a single response has none; of several, each label begins with
    the name of the response, from the list `names`.
    """
    several = len(family.responses) > 1
    parts = family.families if several else [family]
    predictors, constants = [], []
    for name, part in zip(names, parts, strict=True):
        first = f"{name} " if several else ""
        further = [predictor.name for predictor in part.predictors[1:]]
        predictors += [first.rstrip(), *(first + each for each in further)]
        own = [constant.name for constant in part.constants]
        constants += [first + each for each in own]
    return predictors, constants


def number_of_response(model, response):
    """Number of a response of a fitted mixture, from its number or name.

    Raises
    ------
    ValueError
        If there is none of this name, or several and None is given.
    """
    names = response_names_of(model)
    if response is None and len(names) == 1:
        return 0
    if isinstance(response, str) and response in names:
        return names.index(response)
    if isinstance(response, Integral) and 0 <= response < len(names):
        return int(response)
    raise ValueError(
        f"response must be the number or the name of one of the responses {names}; got"
        f" {response!r}."
    )
