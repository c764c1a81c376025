"""Places: what is made of partitions, and functions that are sent there."""

import sys
from functools import partial

import dask
import numpy as np
from dask import delayed

from .._blas import one_blas_thread


class Places:
    """One value for each partition, which stays where it is.

    Tasks are pure functions of partitions, so that what a lost worker had is made anew
    elsewhere. A place is a task that has the values of some partitions: of those that
    are in the memory of one worker, or of one partition that is read in every pass.

    Parameters
    ----------
    places : sequence of Delayed
        Each a list of pairs: the number of a partition, and its value.
    held : bool
        Whether values are kept in the memory of workers.
    """

    def __init__(self, places, held):
        self._places, self._held = places, held

    def then(self, function):
        """The Places of ``function(number, value)`` for every partition."""
        made = delayed(partial(_then, function), pure=False)
        places = [made(place) for place in self._places]
        return Places(dask.persist(*places) if self._held else places, self._held)

    def ask(self, function):
        """A list of ``function(value)`` for every partition, in their order."""
        asked = delayed(partial(_ask, function), pure=False)
        answers = dask.compute(*(asked(place) for place in self._places))
        answers = sorted((pair for pairs in answers for pair in pairs), key=_number)
        return [answer for _, answer in answers]


def places_of(parts, X, function):
    """The Places of ``function(**chunks)`` for the parts of X and other collections.

    Where X is in the memory of workers, so are the results: places are the partitions
    that a worker has, divided between its threads.
    """
    places = [part.then(partial(_made, function, i)) for i, part in enumerate(parts)]
    if not _is_persisted(X, len(parts)):
        return Places(places, held=False)
    places = dask.persist(*places)
    runs = _beside_each_other(places)
    joined = [delayed(_joined, pure=False)([places[i] for i in run]) for run in runs]
    return Places(dask.persist(*joined), held=True)


def _made(function, number, **chunks):
    """The list of the pair for one partition."""
    with one_blas_thread(), np.errstate(all="ignore"):
        try:
            return [(number, function(**chunks))]
        except ValueError as error:
            error.add_note(f"It is in partition {number}.")
            raise


def _then(function, pairs):
    with one_blas_thread(), np.errstate(all="ignore"):
        return [(number, function(number, value)) for number, value in pairs]


def _ask(function, pairs):
    with one_blas_thread(), np.errstate(all="ignore"):
        return [(number, function(value)) for number, value in pairs]


def _joined(places):
    return [pair for pairs in places for pair in pairs]


def _number(pair):
    return pair[0]


def _is_persisted(X, n_parts):
    """Whether the partitions of X are futures of a client."""
    distributed = sys.modules.get("distributed")
    return distributed is not None and len(distributed.futures_of(X)) >= n_parts


def _beside_each_other(places):
    """Lists of partitions that one thread of a worker can see to, from futures."""
    from distributed import futures_of, wait

    futures = [futures_of(place)[0] for place in places]
    wait(futures)
    client = futures[0].client
    where, n_threads = client.who_has(futures), client.nthreads()
    on_worker = {}
    for i, future in enumerate(futures):
        worker = next(iter(where.get(future.key, ())), None)
        on_worker.setdefault(worker, []).append(i)
    return [
        run.tolist()
        for worker, mine in on_worker.items()
        for run in np.array_split(mine, min(n_threads.get(worker, 1), len(mine)))
    ]
