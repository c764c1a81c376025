"""A fit of dask collections is the fit of the same rows in memory."""

from functools import partialmethod

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from deadly import Deadly
from distributed import wait
from numpy.testing import assert_array_equal
from scattered import SETTINGS, assert_same_fit, case_of, scattered

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn._dask.places import InMemory


def fit(case):
    return case.model.fit(case.X, case.y, **case.of_rows)


@pytest.mark.parametrize("name", SETTINGS)
def test_partitions_give_the_estimate_of_arrays(name):
    case = case_of(name)
    theirs = fit(case)
    with dask.config.set(scheduler="synchronous"):
        ours = fit(scattered(case_of(name), 240, 0, 300, 3, 357))
    assert_same_fit(ours, theirs)


@pytest.mark.parametrize("name", ["gaussian", "poisson", "groups"])
def test_a_cluster_gives_the_estimate_of_arrays(cluster, name):
    case = scattered(case_of(name))
    X, y, of_rows = dask.persist(case.X, case.y, case.of_rows)
    wait([X, y])
    ours = fit(case._replace(X=X, y=y, of_rows=of_rows))
    assert_same_fit(ours, fit(case_of(name)))


def test_columns_of_a_persisted_dataframe_are_in_memory(cluster, monkeypatch):
    case, asked = case_of("groups"), []
    monkeypatch.setattr(InMemory, "ask", partialmethod(_noted, asked, InMemory.ask))
    frame = pd.DataFrame(case.X, columns=["a", "b", "c"])
    frame = frame.assign(y=case.y, **case.of_rows)
    frame = dd.from_pandas(frame, npartitions=3).persist()
    X, y = frame[["a", "b", "c"]], frame["y"]
    ours = case.model.fit(X, y, **{name: frame[name] for name in case.of_rows})
    assert asked
    theirs = case_of("groups")
    assert_same_fit(ours, fit(theirs))


def _noted(places, asked, ask, function):
    asked.append(function)
    return ask(places, function)


def test_data_that_are_not_persisted_are_made_in_every_pass(cluster):
    case = case_of("softmax")
    ours = fit(scattered(case_of("softmax"), 500, 400))
    assert_same_fit(ours, fit(case))


def test_many_rows_are_searched_on_the_sample_that_memory_has():
    case = case_of("weights", n=45_000)
    theirs = fit(case)
    with dask.config.set(scheduler="synchronous"):
        ours = fit(scattered(case_of("weights", n=45_000), 20_000, 25_000))
    assert theirs.search_["sample_rows"] == 2000
    assert ours.search_["sample_rows"] == 2000
    assert_same_fit(ours, theirs)
    for mine, yours in zip(
        ours.search_["optima"], theirs.search_["optima"], strict=True
    ):
        assert mine["log_likelihood"] == pytest.approx(yours["log_likelihood"])
        assert mine["hits"] == yours["hits"]


def test_a_fit_survives_the_death_of_a_worker(cluster, tmp_path):
    mark = tmp_path / "dead"
    case = case_of("gaussian", n=45_000)
    theirs = fit(case)
    chunks = scattered(case, 15_000, 15_000, 15_000)
    X, y = dask.persist(chunks.X, chunks.y)
    wait([X, y])
    workers = set(cluster.scheduler_info()["workers"])
    ours = MixtureRegressor(2, family=Deadly(str(mark)), random_state=0).fit(X, y)
    assert mark.exists()
    assert_same_fit(ours, theirs)
    cluster.wait_for_workers(2)
    assert set(cluster.scheduler_info()["workers"]) != workers


def test_the_answer_does_not_depend_on_who_has_which_rows(cluster):
    case = scattered(case_of("gaussian"))
    everywhere = fit(case)
    X, y = dask.persist(case.X, case.y)
    wait([X, y])
    cluster.rebalance([X, y])
    again = fit(case._replace(X=X, y=y))
    assert_array_equal(again.coef_, everywhere.coef_)
    assert again.log_likelihood_ == everywhere.log_likelihood_


def test_positions_of_rows_count_over_all_partitions():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 1))
    y = X[:, 0] + 0.1 * rng.normal(size=400)
    y[[7, 150, 390]] += [500.0, 501.0, 499.0]
    theirs = MixtureRegressor(2, random_state=0).fit(X, y)
    with dask.config.set(scheduler="synchronous"):
        ours = MixtureRegressor(2, random_state=0).fit(
            da.from_array(X, chunks=(150, 1)), da.from_array(y, chunks=150)
        )
    assert list(ours.thin_components_) == [1]
    assert_array_equal(ours.thin_components_[1], [7, 150, 390])
    assert_array_equal(theirs.thin_components_[1], [7, 150, 390])


@pytest.mark.parametrize("name", ["gaussian", "groups"])
def test_memberships_of_the_user_are_a_start(name):
    case = case_of(name)
    memberships = np.column_stack([case.X[:, 2] > 0, case.X[:, 2] <= 0]) * 0.8 + 0.1
    case.model.set_params(init=memberships)
    theirs = fit(case)
    with dask.config.set(scheduler="synchronous"):
        ours = fit(scattered(case))
        case.model.set_params(init=da.from_array(memberships, chunks=(500, 2)))
        lazy = fit(scattered(case))
    assert_same_fit(ours, theirs)
    assert_same_fit(lazy, theirs)
    assert ours.n_iter_ == theirs.n_iter_


def test_a_warm_start_is_a_start():
    case = case_of("gaussian")
    found = fit(case)
    case.model.set_params(warm_start=True)
    with dask.config.set(scheduler="synchronous"):
        again = fit(scattered(case))
    assert again is found
    assert again.search_ == {}
    assert again.converged_


class Ear:
    """A callback that hears of tasks, with the collections of the fit."""

    def __init__(self, X):
        self.X, self.heard = X, []

    def setup(self, estimator, context):
        self.heard.append("setup")

    def teardown(self, estimator, context):
        self.heard.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None):
        assert X is self.X
        self.heard.append("begin")

    def on_fit_task_end(self, estimator, context, *, X=None, y=None):
        assert X is self.X
        self.heard.append("end")


@pytest.mark.skipif(
    not hasattr(MixtureRegressor, "set_callbacks"),
    reason="callbacks came with scikit-learn 1.9",
)
def test_callbacks_hear_of_the_rounds_of_the_search():
    case = scattered(case_of("gaussian"))
    ear = Ear(case.X)
    case.model.set_callbacks(ear)
    with dask.config.set(scheduler="synchronous"):
        model = fit(case)
        assert model.predict(case.X).compute().shape == (900,)
    tasks = 1 + model.search_["rounds"]
    assert ear.heard.count("begin") == ear.heard.count("end") == tasks
    assert ear.heard.count("setup") == ear.heard.count("teardown") == 1


def test_progress_is_printed(capsys):
    case = case_of("gaussian")
    case.model.set_params(verbose=1)
    with dask.config.set(scheduler="synchronous"):
        fit(scattered(case))
    printed = capsys.readouterr().out
    assert "900 rows, 3 features, 2 components" in printed
    assert "maximum proven" in printed
