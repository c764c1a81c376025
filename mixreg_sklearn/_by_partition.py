"""What becomes of dask collections: functions and methods are sent to partitions."""

from functools import wraps
from inspect import signature

from ._extras import is_dask


def summed(function):
    """Let ``function(model, X, y, ...)`` add its results for partitions.

    It must be defined at the top of a module, and its results must add.
    """

    @wraps(function)
    def wrapper(model, X, *args, **kwargs):
        if not is_dask(X):
            return function(model, X, *args, **kwargs)
        from ._dask.results import added

        return added(wrapper, model, _by_name(function, model, X, *args, **kwargs))

    return wrapper


def lazy(method):
    """Let a method that returns a number or more for every row return dask arrays."""

    @wraps(method)
    def wrapper(self, X, *args, **kwargs):
        if not is_dask(X):
            return method(self, X, *args, **kwargs)
        from ._dask.results import of_rows

        given = _by_name(method, self, X, *args, **kwargs)
        return of_rows(method.__name__, self, given)

    return wrapper


def gathered(method):
    """Let a method that returns labels of groups, and values, gather all of them."""

    @wraps(method)
    def wrapper(self, X, *args, **kwargs):
        if not is_dask(X):
            return method(self, X, *args, **kwargs)
        from ._dask.results import of_groups

        given = _by_name(method, self, X, *args, **kwargs)
        return of_groups(method.__name__, self, given)

    return wrapper


def _by_name(function, model, *args, **kwargs):
    """The arguments but for the model, by name."""
    given = signature(function).bind(model, *args, **kwargs).arguments
    return dict(list(given.items())[1:])
