"""Where functions are sent, and what they find there."""

import dask
import dask.array as da
import numpy as np
import pytest
from distributed import wait
from scattered import case_of, scattered

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn._dask import scratch
from mixreg_sklearn._dask.parts import parts_of
from mixreg_sklearn._dask.places import InMemory, OnDemand, places_of


def _length(X):
    return len(X)


def _itself(value):
    return value


def test_persisted_partitions_have_a_place_for_every_thread(cluster):
    halves = []
    for i, worker in enumerate(cluster.scheduler_info()["workers"]):
        with dask.annotate(workers=[worker], allow_other_workers=False):
            half = da.full((40, 2), i, chunks=(10, 2))
            halves += dask.persist(half, optimize_graph=False)
    wait(halves)
    X = da.concatenate(halves)
    parts, _ = parts_of(X)
    places = places_of(parts, X, _length)
    assert isinstance(places, InMemory)
    assert len(places._places) == 2
    assert places.ask(_itself) == [10] * 8


def test_other_partitions_are_places_by_themselves(cluster):
    X = da.ones((70, 2), chunks=(10, 2))
    parts, _ = parts_of(X)
    places = places_of(parts, X, _length)
    assert isinstance(places, OnDemand)
    assert len(places._parts) == 7
    assert places.ask(_itself) == [10] * 7


def test_values_that_follow_stay_in_their_places(cluster):
    X = dask.persist(da.ones((70, 2), chunks=((10, 20, 40), 2)))[0]
    parts, _ = parts_of(X)
    for of_parts in (places_of(parts, X, _length), OnDemand(parts, _length_at)):
        following = of_parts.then(_number_and_half)
        assert following.ask(_itself) == [(0, 5), (1, 10), (2, 20)]


def _length_at(number, X):
    return len(X)


def _number_and_half(number, value):
    return number, value // 2


def test_what_is_refused_in_the_memory_of_a_worker_is_refused_in_the_same_words(
    cluster,
):
    case = scattered(case_of("gaussian"))
    X = da.where(da.arange(900, chunks=300)[:, None] == 400, np.nan, case.X)
    X, y = dask.persist(X, case.y)
    with pytest.raises(ValueError, match="Input X contains NaN") as caught:
        MixtureRegressor(2).fit(X, y)
    assert caught.value.__notes__ == ["It is in partition 1."]


def test_scratch_memory_is_kept_until_the_last_task_has_ended(monkeypatch):
    calls = []
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "65536")
    monkeypatch.setattr(scratch, "_mallopt", lambda: lambda *call: calls.append(call))
    with scratch.kept_scratch():
        with scratch.kept_scratch():
            pass
        assert calls == [(-1, 2**26), (-3, 2**25)] * 2
        calls.clear()
    assert calls == [(-1, 65536), (-3, 2**17)]


def test_a_process_that_keeps_its_memory_is_left_alone(monkeypatch):
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    monkeypatch.setattr(scratch, "_mallopt", lambda: pytest.fail("called"))
    with scratch.kept_scratch():
        pass
