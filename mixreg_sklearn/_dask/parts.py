"""From dask collections to their partitions, row by row beside each other."""

from numbers import Number
from typing import NamedTuple

import numpy as np
from dask import delayed
from dask.array import Array

from .._data.checks import check_features
from .._extras import is_dask


class Part(NamedTuple):
    """One partition of all collections: what dask evaluates to their chunks."""

    frames: tuple  # of at most one Delayed, a dict from names to chunks of frames
    arrays: dict  # from names to Delayed, chunks of arrays

    def then(self, function):
        """The Delayed ``function(**chunks)``."""
        return delayed(_Named(function), pure=False)(*self.frames, **self.arrays)

    def after(self, other):
        """The same partition, once `other` is done, a Delayed: the chunk `after`."""
        return self._replace(arrays=self.arrays | {"after": other})


class _Named:
    """A function of chunks by name."""

    def __init__(self, function):
        self.function = function

    def __call__(self, *frames, **arrays):
        for frame in frames:
            arrays |= frame
        return self.function(**arrays)


def parts_of(X, **others):
    """The partitions of X and of other collections, None or numbers.

    Returns
    -------
    parts : list of Part
    numbers : dict
        Those of `others` that are not collections, by name.

    Raises
    ------
    ValueError
        If `others` are in memory, or their partitions do not match those of X.
    """
    collections = {"X": X}
    numbers = {}
    for name, values in others.items():
        if is_dask(values):
            collections[name] = values
        elif values is None or isinstance(values, Number):
            numbers[name] = values
        else:
            raise ValueError(
                f"{name} is in memory ({type(values).__name__}), but X is a dask"
                " collection: make it one with the same partitions, as in"
                f" dask.array.from_array({name}, chunks=X.chunks[0])."
            )
    arrays = {n: c for n, c in collections.items() if isinstance(c, Array)}
    frames = {n: c for n, c in collections.items() if n not in arrays}
    chunks = {name: _chunks(array, name, X) for name, array in arrays.items()}
    _check_numbers(frames, chunks)
    together = [(each,) for each in _together(frames)] if frames else None
    n_parts = len(together or chunks["X"])
    _check_counts(chunks, n_parts)
    together = together or [()] * n_parts
    return [
        Part(frame, {name: of_all[i] for name, of_all in chunks.items()})
        for i, frame in enumerate(together)
    ], numbers


def see_features(model, X, reset):
    """Let an estimator see number and names of the features of a collection."""
    names, d = getattr(X, "columns", None), X.shape[1]
    if names is None and np.isnan(d):
        raise ValueError(
            "The number of columns of X is unknown: X.compute_chunk_sizes() finds it."
        )
    example = np.zeros((2, int(d)))
    if names is not None:
        import pandas

        example = pandas.DataFrame(example, columns=names)
    check_features(model, example, reset=reset)


def check_table(X):
    """Raise ValueError unless X is a dask array of two dimensions, or a dataframe."""
    if getattr(X, "ndim", None) != 2:
        raise ValueError(
            f"X is a dask collection of type {type(X).__name__}: it must be a dataframe"
            " or an array of two dimensions."
        )


def _chunks(array, name, X):
    """The chunks of an array, (P,) of Delayed; each has all columns."""
    if array.ndim == 2:
        array = array.rechunk({1: -1})
    if isinstance(X, Array) and array is not X and _known(array) and _known(X):
        if array.shape[0] != X.shape[0]:
            raise ValueError(
                "Found input variables with inconsistent numbers of samples:"
                f" {[X.shape[0], array.shape[0]]} (X and {name})"
            )
        array = array.rechunk({0: X.chunks[0]})
    return array.to_delayed(optimize_graph=False).ravel().tolist()


def _known(array):
    """Whether the numbers of rows of all chunks are known."""
    return not np.isnan(array.shape[0])


def _check_numbers(frames, chunks):
    """Raise ValueError unless all collections have as many partitions."""
    counts = {name: frame.npartitions for name, frame in frames.items()}
    counts |= {name: len(of_all) for name, of_all in chunks.items()}
    if len(set(counts.values())) > 1:
        counts = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise ValueError(
            f"Numbers of partitions differ ({counts}): the partitions of all data must"
            " have the rows of those of X, as columns of one dataframe have."
        )


def _check_counts(chunks, n_parts):
    """Raise ValueError if dask joined partitions of frames, but not those of arrays."""
    if any(len(of_all) != n_parts for of_all in chunks.values()):
        raise ValueError(
            "Some data are dataframes and some are arrays, whose partitions dask does"
            " not read in the same steps: make arrays of all, as in"
            " X.to_dask_array(), or dataframes."
        )


def _together(frames):
    """Delayed dicts from names to partitions of frames, (P,).

    Columns of one file are so read once.
    """
    from dask.dataframe import map_partitions

    first = next(iter(frames.values()))
    return map_partitions(
        _as_dict,
        *frames.values(),
        names=tuple(frames),
        meta=first._meta,
        align_dataframes=False,
        enforce_metadata=False,
    ).to_delayed()


def _as_dict(*chunks, names):
    return dict(zip(names, chunks, strict=True))
