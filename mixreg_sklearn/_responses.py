"""Responses of a mixture, of which there may be several: names, numbers, columns."""

from numbers import Integral

import numpy as np
from sklearn.utils import column_or_1d

from ._data.checks import without_fields
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


def of_response(model, response):
    """Keywords of `predict_distribution` that choose a response, a dict."""
    number = number_of_response(model, response)
    return {"response": number} if hasattr(model, "response_names_") else {}


def column_of_response(y, family, number):
    """A response (n,) or (n, columns), and its family, among those of a family.

    Raises
    ------
    ValueError
        If `y` has no column for each of several responses.
    """
    m = len(family.responses)
    if m == 1:
        return y, family
    y = np.asarray(y, dtype=float)
    if y.ndim != 2 or y.shape[1] != m:
        raise ValueError(
            f"y has shape {y.shape}: it must have a column for each of the {m}"
            " responses, of which response= chooses one."
        )
    return y[:, number], family.families[number]


def drawn_response(model, y, number=0):
    """Responses (n,) of a fitted mixture; censored ones are drawn at their bounds.

    Of several responses, that of a `number`, NaN where it is not seen.
    """
    family = make_family(model.family)
    if len(family.responses) > 1:
        y, family = column_of_response(y, family, number)
        return family.points(y)
    y = without_fields(y, family)
    y = column_or_1d(y) if family.response_columns == 1 else np.asarray(y, dtype=float)
    return family.points(y)


def name_of_response(model, y, number=0):
    """What axes and tables call a response: its name, or "y" without one."""
    if hasattr(model, "response_names_"):
        return model.response_names_[number]
    return str(getattr(y, "name", None) or "y")
