"""Places: what is made of partitions stays there, and functions are sent.

All tasks are pure functions of partitions. So what a lost worker had is made anew by
another, and nothing depends on which worker has which partition.
"""

import sys
from functools import partial

import dask
import numpy as np

from .scratch import settings_of_fit


class OnDemand:
    """One value for each partition, made anew whenever a function is sent there.

    Parameters
    ----------
    parts : list of Part
    make : callable
        ``make(number, **chunks)`` is the value of a partition.
    """

    def __init__(self, parts, make):
        self._parts, self._make = parts, make

    def then(self, function):
        """The places of ``function(number, value)`` for every partition."""
        return OnDemand(self._parts, partial(_after, function, self._make))

    def ask(self, function):
        """A list of ``function(value)`` for every partition, in their order."""
        # One task for each partition, which then lets go of it.
        asked = partial(_answer, function, self._make)
        tasks = (part.then(partial(asked, i)) for i, part in enumerate(self._parts))
        return list(dask.compute(*tasks))


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
        made = partial(_each, function)
        return InMemory(self._client, self._client.map(made, self._places, pure=False))

    def ask(self, function):
        """A list of ``function(value)`` for every partition, in their order."""
        asked = partial(_each, partial(_without_number, function))
        answers = self._client.map(asked, self._places, pure=False)
        answers = sorted(
            _joined(self._client.gather(answers)), key=lambda pair: pair[0]
        )
        return [answer for _, answer in answers]


def places_of(parts, X, function):
    """Places of ``function(**chunks)`` for the parts of X and other collections.

    They are in the memory of workers where X is: a place has those partitions of a
    worker that one of its threads sees to.
    """
    make = partial(_noted, function)
    distributed = sys.modules.get("distributed")
    if distributed is None or len(distributed.futures_of(X)) < len(parts):
        return OnDemand(parts, make)
    made = [part.then(partial(_pair, make, i)) for i, part in enumerate(parts)]
    futures = distributed.futures_of(dask.persist(*made))
    client = futures[0].client
    distributed.wait(futures)
    joined = [
        client.submit(_joined, [futures[i] for i in run], pure=False)
        for run in _beside_each_other(client, futures)
    ]
    return InMemory(client, joined)


def _noted(function, number, **chunks):
    """A value, or an error that says which partition it is in."""
    try:
        return function(**chunks)
    except ValueError as error:
        error.add_note(f"It is in partition {number}.")
        raise


def _after(function, make, number, **chunks):
    return function(number, make(number, **chunks))


def _without_number(function, _, value):
    return function(value)


def _answer(function, make, number, **chunks):
    with settings_of_fit():
        return function(make(number, **chunks))


def _pair(make, number, **chunks):
    with settings_of_fit():
        return [(number, make(number, **chunks))]


def _each(function, pairs):
    with settings_of_fit():
        return [(number, function(number, value)) for number, value in pairs]


def _joined(lists):
    return [pair for pairs in lists for pair in pairs]


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
