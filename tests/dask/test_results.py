"""What a fitted mixture says of dask collections: lazily for rows, summed for all."""

from functools import cache

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from distributed import wait
from numpy.testing import assert_allclose, assert_array_equal
from scattered import SETTINGS, case_of, scattered

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn._growth.growth import grow
from mixreg_sklearn.inference import bootstrap, inference
from mixreg_sklearn.metrics import optimality_gap
from mixreg_sklearn.residuals import quantile_residuals


@pytest.fixture(autouse=True)
def _synchronous():
    with dask.config.set(scheduler="synchronous"):
        yield


SIZES = 240, 0, 300, 3, 357


@cache
def fitted(name):
    """A case with a fitted model, and the same as dask arrays."""
    case = case_of(name)
    case.model.fit(case.X, case.y, **case.of_rows)
    return case, scattered(case, *SIZES)


def predicted(case, method, *names, **options):
    """What a method says of the rows of a case, with arguments of these names."""
    given = {name: case.of_rows[name] for name in names if name in case.of_rows}
    return getattr(case.model, method)(case.X, **given, **options)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("method", ["predict", "predict_components"])
def test_predictions_are_lazy_arrays(name, method):
    here, there = fitted(name)
    theirs = predicted(here, method, "offset", "trials")
    ours = predicted(there, method, "offset", "trials")
    assert isinstance(ours, da.Array)
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    assert ours.chunks[0] == tuple(n for n in SIZES if n)
    assert_allclose(ours.compute(), theirs, rtol=1e-12)
    # A part is predicted without the others.
    assert_allclose(ours[:5].compute(), theirs[:5], rtol=1e-12)


def test_predictions_with_standard_deviations():
    here, there = fitted("poisson")
    theirs = predicted(here, "predict", "offset", return_std=True)
    ours = predicted(there, "predict", "offset", return_std=True)
    assert [type(each) for each in ours] == [da.Array, da.Array]
    assert_allclose(dask.compute(*ours), theirs, rtol=1e-12)


@pytest.mark.parametrize("name", SETTINGS)
def test_memberships_are_lazy_arrays(name):
    here, there = fitted(name)
    names = "groups", "offset", "trials"
    for method in ("predict_proba", "predict_membership"):
        theirs = predicted(here, method, *names, y=here.y)
        ours = predicted(there, method, *names, y=there.y)
        assert ours.shape == theirs.shape
        assert ours.dtype == theirs.dtype
        assert_allclose(ours.compute(), theirs, rtol=1e-9, atol=1e-12)
    theirs = predicted(here, "predict_proba", "offset")
    assert_allclose(predicted(there, "predict_proba", "offset").compute(), theirs)


def test_nothing_is_computed_before_it_is_asked_for():
    here, _ = fitted("gaussian")
    never = da.map_blocks(_never, da.zeros((10, 3), chunks=(5, 3)), dtype=float)
    ours = here.model.predict_proba(never, y=da.zeros(10, chunks=5))
    assert ours.shape == (10, 2)
    with pytest.raises(RuntimeError, match="computed"):
        ours.compute()


def _never(block):
    if len(block):
        raise RuntimeError("computed")
    return block


def test_chunks_of_unknown_size_remain_unknown():
    here, there = fitted("gaussian")
    X = there.X[there.X[:, 0] > 0]
    ours = here.model.predict(X)
    assert np.isnan(ours.shape[0])
    theirs = here.model.predict(here.X[here.X[:, 0] > 0])
    assert_allclose(ours.compute(), theirs, rtol=1e-12)


def test_dataframes_are_known_by_their_columns():
    case = case_of("gaussian")
    X = pd.DataFrame(case.X, columns=["a", "b", "c"])
    case.model.fit(X, case.y)
    frame = dd.from_pandas(X, npartitions=3)
    ours = case.model.predict(frame)
    assert isinstance(ours, da.Array)
    assert_allclose(ours.compute(), case.model.predict(X), rtol=1e-12)
    joined = frame.assign(mean=ours).compute()
    assert_allclose(joined["mean"], case.model.predict(X), rtol=1e-12)
    with pytest.raises(ValueError, match="feature names should match"):
        case.model.predict(frame.rename(columns={"a": "d"}))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        of_array = case.model.predict(da.from_array(case.X, chunks=(300, 3)))
    assert_allclose(of_array.compute(), case.model.predict(X), rtol=1e-12)


@pytest.mark.parametrize("name", SETTINGS)
def test_criteria_are_sums_over_partitions(name):
    here, there = fitted(name)
    for method in ("log_likelihood", "aic", "bic", "sabic", "icl", "score"):
        ours, theirs = (
            getattr(case.model, method)(case.X, case.y, **case.of_rows)
            for case in (there, here)
        )
        assert ours == pytest.approx(theirs, rel=1e-11)
    ours = there.model.log_likelihood(there.X, there.y, **there.of_rows)
    assert ours == pytest.approx(here.model.log_likelihood_, rel=1e-10)


def test_partitions_without_weight_count_for_nothing():
    here, there = fitted("gaussian")
    weight = (np.arange(900) < 240) * 2.0
    theirs = here.model.bic(here.X, here.y, weight)
    weight = da.from_array(weight, chunks=(SIZES,))
    assert there.model.bic(there.X, there.y, weight) == pytest.approx(theirs)
    with pytest.raises(ValueError, match="zero"):
        there.model.bic(there.X, there.y, weight * 0)


def test_groups_are_gathered_with_their_labels():
    here, there = fitted("groups")
    given = {name: here.of_rows[name] for name in ("groups", "offset")}
    labels, theirs = here.model.predict_group_proba(here.X, here.y, **given)
    given = {name: there.of_rows[name] for name in ("groups", "offset")}
    found, ours = there.model.predict_group_proba(there.X, there.y, **given)
    assert_array_equal(found, labels)
    assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_a_group_in_two_partitions_is_refused():
    here, there = fitted("groups")
    given = {name: values.rechunk(100) for name, values in there.of_rows.items()}
    X, y = there.X.rechunk((100, 3)), there.y.rechunk(100)
    message = "has rows in partitions 0 and 1"
    with pytest.raises(ValueError, match=message):
        here.model.bic(X, y, **given)
    del given["sample_weight"]
    with pytest.raises(ValueError, match=message):
        here.model.predict_group_proba(X, y, **given)
    lazy = here.model.predict_membership(X, y, **given)
    with pytest.raises(ValueError, match=message):
        lazy.compute()


def test_what_needs_groups_says_so_at_once():
    here, there = fitted("groups")
    for method in ("predict_proba", "predict_membership", "log_likelihood"):
        with pytest.raises(ValueError, match="The model was fitted with groups"):
            getattr(here.model, method)(there.X, y=there.y)


def test_an_unfitted_model_and_other_features_are_refused_at_once():
    here, there = fitted("gaussian")
    with pytest.raises(ValueError, match="not fitted"):
        MixtureRegressor().predict(there.X)
    with pytest.raises(ValueError, match="X has 2 features, but MixtureRegressor is"):
        here.model.predict(there.X[:, :2])
    with pytest.raises(ValueError, match="y is in memory"):
        here.model.predict_proba(there.X, y=here.y)


def test_what_needs_rows_in_memory_says_so():
    here, there = fitted("gaussian")
    model, X, y = here.model, there.X, there.y
    for function in (
        lambda: model.sample(X),
        lambda: model.predict_distribution(X),
        lambda: model.summary(X, y),
        lambda: optimality_gap(model, X, y),
        lambda: bootstrap(model, X, y),
        lambda: quantile_residuals(model, X, y),
    ):
        with pytest.raises(ValueError, match="X is a dask collection, and what is"):
            function()


@pytest.mark.parametrize("name", ["poisson", "groups"])
@pytest.mark.parametrize("cov_type", ["information", "sandwich"])
def test_standard_errors_are_those_in_memory(name, cov_type):
    here, there = fitted(name)
    ours, theirs = (
        inference(case.model, case.X, case.y, **case.of_rows, cov_type=cov_type)
        for case in (there, here)
    )
    assert_allclose(ours.std_errors, theirs.std_errors, rtol=1e-8)
    assert ours.title == theirs.title


def test_a_mixture_grows_as_in_memory():
    here, there = fitted("gaussian")
    model = MixtureRegressor(1).fit(here.X, here.y)
    ours, theirs = (grow(model, case.X, case.y) for case in (there, here))
    assert ours.log_likelihood_ == pytest.approx(theirs.log_likelihood_, rel=1e-10)
    assert ours.converged_


def test_a_cluster_predicts_and_sums(cluster):
    here, there = fitted("groups")
    with dask.config.set(scheduler=None):
        case = there._replace(of_rows=dask.persist(there.of_rows)[0])
        X, y = dask.persist(case.X, case.y)
        wait([X, y])
        ours = here.model.predict_membership(
            X, y, groups=case.of_rows["groups"], offset=case.of_rows["offset"]
        ).compute()
        loglik = here.model.log_likelihood(X, y, **case.of_rows)
    given = {name: here.of_rows[name] for name in ("groups", "offset")}
    assert_array_equal(ours, here.model.predict_membership(here.X, here.y, **given))
    assert loglik == pytest.approx(here.model.log_likelihood_, rel=1e-10)


def test_a_selection_is_that_in_memory():
    case = case_of("gaussian")
    theirs = MixtureRegressorIC((1, 2), random_state=0).fit(case.X, case.y)
    chunks = scattered(case, *SIZES)
    ours = MixtureRegressorIC((1, 2), random_state=0).fit(chunks.X, chunks.y)
    assert ours.n_components_ == theirs.n_components_ == 2
    assert_allclose(ours.criterion_values_, theirs.criterion_values_, rtol=1e-9)
    assert_allclose(ours.predict(chunks.X).compute(), theirs.predict(case.X), rtol=1e-6)
