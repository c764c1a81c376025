"""Packages that only some functions need, imported when these are called."""


def is_dask(X):
    """Whether X is a collection of dask, such as a dask array; dask is not imported."""
    return type(X).__module__.partition(".")[0] == "dask"


def check_in_memory(X):
    """Raise ValueError if X is a collection of dask."""
    if is_dask(X):
        raise ValueError(
            "X is a dask collection, and what is asked for needs rows in memory: pass"
            " X.compute(), or that of a part of the rows."
        )


def pandas_for(caller):
    """The module pandas; ImportError with advice if it is not installed."""
    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            f"{caller} needs pandas: pip install 'mixreg-sklearn[pandas]'."
        ) from error
    return pandas
