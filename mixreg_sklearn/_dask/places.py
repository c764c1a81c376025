"""Places: what is made of partitions stays there, and functions are sent.

All tasks are pure functions of partitions. So what a lost worker had is made anew by
another, and nothing depends on which worker has which partition.
"""

import sys
from functools import partial

import dask
import numpy as np
from dask import delayed

from .scratch import settings_of_fit


class OnDemand:
    """One value for each partition, made anew whenever a function is sent there.

    Parameters
    ----------
    places : sequence of Delayed
        One for each partition: a list of the pair of its number and value.
    """

    def __init__(self, places):
        self._places = places

    def then(self, function):
        """The places of ``function(number, value)`` for every partition."""
        made = delayed(partial(_then, function), pure=False)
        return OnDemand([made(place) for place in self._places])

    def ask(self, function):
        """A list of ``function(value)`` for every partition, in their order."""
        asked = delayed(partial(_ask, function), pure=False)
        answers = dask.compute(*(asked(place) for place in self._places))
        return _in_order(answers)


class InMemory:
    """The same, with values in the memory of workers.

    Parameters
    ----------
    client : distributed.Client
    places : sequence of Future
        Each a list of pairs of the number of a partition, and its value.
    """

    def __init__(self, client, places):
        self._client, self._places = client, places

    def then(self, function):
        """The places of ``function(number, value)`` for every partition."""
        made = partial(_then, function)
        return InMemory(self._client, self._client.map(made, self._places, pure=False))

    def ask(self, function):
        """A list of ``function(value)`` for every partition, in their order."""
        asked = partial(_ask, function)
        answers = self._client.map(asked, self._places, pure=False)
        return _in_order(self._client.gather(answers))


def places_of(parts, X, function):
    """Places of ``function(**chunks)`` for the parts of X and other collections.

    They are in the memory of workers where X is: a place has those partitions of a
    worker that one of its threads sees to.
    """
    made = [part.then(partial(_made, function, i)) for i, part in enumerate(parts)]
    distributed = sys.modules.get("distributed")
    if distributed is None or len(distributed.futures_of(X)) < len(parts):
        return OnDemand(made)
    futures = distributed.futures_of(dask.persist(*made))
    client = futures[0].client
    distributed.wait(futures)
    joined = [
        client.submit(_joined, [futures[i] for i in run], pure=False)
        for run in _beside_each_other(client, futures)
    ]
    return InMemory(client, joined)


def _made(function, number, **chunks):
    """The list of the pair for one partition."""
    with settings_of_fit():
        try:
            return [(number, function(**chunks))]
        except ValueError as error:
            error.add_note(f"It is in partition {number}.")
            raise


def _then(function, pairs):
    with settings_of_fit():
        return [(number, function(number, value)) for number, value in pairs]


def _ask(function, pairs):
    with settings_of_fit():
        return [(number, function(value)) for number, value in pairs]


def _joined(lists):
    return [pair for pairs in lists for pair in pairs]


def _in_order(lists):
    """The values of lists of pairs, in the order of their partitions."""
    return [value for _, value in sorted(_joined(lists), key=lambda pair: pair[0])]


def _beside_each_other(client, futures):
    """Lists of numbers of futures: those that a thread of their worker sees to."""
    where, n_threads = client.who_has(futures), client.nthreads()
    on_worker = {}
    for i, future in enumerate(futures):
        worker = next(iter(where[future.key]), None)
        on_worker.setdefault(worker, []).append(i)
    return [
        run.tolist()
        for worker, mine in on_worker.items()
        for run in np.array_split(mine, min(n_threads.get(worker, 1), len(mine)))
    ]
