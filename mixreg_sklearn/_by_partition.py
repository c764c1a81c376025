"""What becomes of dask collections: functions and methods are sent to partitions."""

from functools import wraps
from inspect import signature

from ._extras import is_dask


def summed(function):
    """Let ``function(model, X, y, ...)`` add its results for partitions.

    It must be defined at the top of a module, and its results must add.
    """

    def of_partitions(model, given):
        from ._dask.results import added

        return added(wrapper, model, given)

    wrapper = _where_rows_are(function, of_partitions)
    return wrapper


def lazy(method):
    """Let a method that returns a number or more for every row return dask arrays."""

    def of_partitions(model, given):
        from ._dask.results import of_rows

        return of_rows(method.__name__, model, given)

    return _where_rows_are(method, of_partitions)


def gathered(method):
    """Let a method that returns labels of groups, and values, gather all of them."""

    def of_partitions(model, given):
        from ._dask.results import of_groups

        return of_groups(method.__name__, model, given)

    return _where_rows_are(method, of_partitions)


def _where_rows_are(function, of_partitions):
    """``function(model, X, ...)`` in memory, ``of_partitions(model, given)`` elsewhere.

    `given` are the arguments by name.
    """

    @wraps(function)
    def wrapper(model, X, *args, **kwargs):
        if not is_dask(X):
            return function(model, X, *args, **kwargs)
        bound = signature(function).bind(model, X, *args, **kwargs)
        given = dict(list(bound.arguments.items())[1:])
        return of_partitions(model, given | given.pop("row_data", {}))

    return wrapper
