"""Which collections a fit takes, and what it refuses."""

import dask
import dask.array as da
import dask.bag as bag
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scattered import assert_same_fit, case_of, scattered
from scipy import sparse

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn._dask.places import OnDemand
from mixreg_sklearn.families import Censored, Gaussian


@pytest.fixture(autouse=True)
def _synchronous():
    with dask.config.set(scheduler="synchronous"):
        yield


def fit(case):
    return case.model.fit(case.X, case.y, **case.of_rows)


def frame_of(case):
    """All that `fit` takes as columns of one dataframe."""
    names = ("a", "b", "c")
    return pd.DataFrame(case.X, columns=names).assign(y=case.y, **case.of_rows)


def columns_of(frame, case):
    """The arguments of `fit` from a dataframe, of pandas or dask."""
    of_rows = {name: frame[name] for name in case.of_rows}
    return case._replace(X=frame[["a", "b", "c"]], y=frame["y"], of_rows=of_rows)


@pytest.mark.parametrize("name", ["poisson", "binomial", "weights", "groups"])
def test_columns_of_a_dataframe(name):
    case = case_of(name)
    frame = frame_of(case)
    theirs = fit(columns_of(frame, case))
    frame = dd.from_pandas(frame, npartitions=3)
    ours = fit(columns_of(frame, case_of(name)))
    assert_same_fit(ours, theirs)
    assert ours.feature_names_in_.tolist() == ["a", "b", "c"]


def test_features_by_name_and_by_callable():
    case = case_of("gaussian")
    frame = dd.from_pandas(frame_of(case), npartitions=2)
    model = MixtureRegressor(2, random_state=0, shared_features=["c"])
    model.set_params(regression_features=lambda X: X.columns != "b")
    model.fit(frame[["a", "b", "c"]], frame["y"])
    assert (model.coef_[:, 1] == 0).all()
    assert model.coef_[0, 2] == model.coef_[1, 2]


@pytest.mark.parametrize("name", ["gaussian", "groups"])
def test_chunks_of_unknown_size(name):
    case = case_of(name)
    ours = scattered(case_of(name))
    kept = ours.X[:, 0] > -np.inf
    ours = ours._replace(
        X=ours.X[kept],
        y=ours.y[kept],
        of_rows={name: values[kept] for name, values in ours.of_rows.items()},
    )
    assert np.isnan(ours.X.shape[0])
    assert_same_fit(fit(ours), fit(case))


def test_partitions_of_a_filtered_dataframe_may_be_empty():
    case = case_of("gaussian")
    frame = frame_of(case)
    theirs = fit(columns_of(frame.iloc[:450], case))
    frame = dd.from_pandas(frame.assign(number=np.arange(900)), npartitions=4)
    frame = frame[frame["number"] < 450]
    assert_same_fit(fit(columns_of(frame, case_of("gaussian"))), theirs)


def test_parquet_of_many_small_pieces(tmp_path):
    case = case_of("binomial")
    frame_of(case).to_parquet(tmp_path / "rows.parquet", row_group_size=100)
    frame = dd.read_parquet(tmp_path / "rows.parquet", split_row_groups=True)
    assert frame.npartitions == 9
    theirs = fit(columns_of(frame_of(case), case))
    assert_same_fit(fit(columns_of(frame, case_of("binomial"))), theirs)


def test_csv_is_read_once_a_pass(tmp_path, monkeypatch):
    case = case_of("weights")
    for i, part in enumerate(np.array_split(np.arange(900), 3)):
        frame_of(case).iloc[part].to_csv(tmp_path / f"{i}.csv", index=False)
    frame = dd.read_csv(tmp_path / "*.csv")
    mark = tmp_path / "read"
    frame = frame.map_partitions(_noted, mark, meta=frame._meta)
    passes, ask = [], OnDemand.ask

    def counted(places, function):
        passes.append(function)
        return ask(places, function)

    monkeypatch.setattr(OnDemand, "ask", counted)
    ours = fit(columns_of(frame, case_of("weights")))
    theirs = fit(columns_of(frame_of(case), case))
    assert_same_fit(ours, theirs)
    assert mark.stat().st_size == 3 * len(passes)
    assert len(passes) < 15


def _noted(frame, mark):
    with open(mark, "ab") as file:
        file.write(b".")
    return frame


def test_arrays_with_other_chunks_are_cut_like_X():
    case, theirs = scattered(case_of("weights")), fit(case_of("weights"))
    weight = case.of_rows["sample_weight"].rechunk(100)
    ours = case._replace(y=case.y.rechunk(-1), of_rows={"sample_weight": weight})
    assert_same_fit(fit(ours), theirs)


def test_whole_numbers_and_a_number_of_trials():
    rng = np.random.default_rng(0)
    X = rng.integers(-3, 4, size=(600, 2))
    eta = np.where(rng.random(600) < 0.5, X[:, 0], -X[:, 1] - 1)
    y = rng.binomial(20, 1 / (1 + np.exp(-eta)))
    theirs = MixtureRegressor(2, family="binomial", random_state=0)
    theirs.fit(X, y, trials=np.full(600, 20))
    ours = MixtureRegressor(2, family="binomial", random_state=0)
    ours.fit(da.from_array(X, chunks=200), da.from_array(y, chunks=200), trials=20)
    assert_same_fit(ours, theirs)


@pytest.mark.parametrize("n", [900, 45_000])
def test_sparse_chunks_are_features(n):
    case = case_of("poisson", n)
    case.X[:, 1] *= np.random.default_rng(1).random(n) < 0.1
    case = case._replace(X=sparse.csr_array(case.X))
    theirs = fit(case)
    chunks = scattered(case_of("poisson", n))
    X = da.from_array(case.X.toarray(), chunks=(n // 3, 3)).map_blocks(sparse.csr_array)
    y = case.y
    ours = fit(
        chunks._replace(
            X=X,
            y=da.from_array(y, chunks=n // 3),
            of_rows={"offset": chunks.of_rows["offset"].rechunk(n // 3)},
        )
    )
    assert_same_fit(ours, theirs)


# Refused input ----------------------------------------------------------------------


def arrays(n=90, chunks=30):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n, 2)), rng.normal(size=n)
    return da.from_array(X, chunks=(chunks, 2)), da.from_array(y, chunks=chunks)


def refused(message, *data, model=None, **of_rows):
    with pytest.raises(ValueError, match=message) as caught:
        (model or MixtureRegressor(2)).fit(*data, **of_rows)
    return "".join(getattr(caught.value, "__notes__", []))


def test_missing_values_are_refused_with_their_partition():
    X, y = arrays()
    bad = da.where(da.arange(90, chunks=30)[:, None] == 40, np.nan, X)
    assert refused("Input X contains NaN", bad, y) == "It is in partition 1."
    bad = da.where(da.arange(90, chunks=30) == 70, np.inf, y)
    assert refused("Input y contains infinity", X, bad) == "It is in partition 2."


def test_words_are_refused_with_advice():
    frame = pd.DataFrame({"a": [1.0, 2.0] * 5, "b": ["high", "low"] * 5})
    frame = dd.from_pandas(frame, npartitions=2)
    refused(
        "X has words in column 'b', such as '(high|low)': encode it", frame, frame["a"]
    )


def test_responses_that_a_family_does_not_have_are_refused():
    X, y = arrays()
    model = MixtureRegressor(2, family="poisson")
    refused("y is out of range: the poisson family needs", X, y, model=model)


def test_rows_that_are_all_censored_are_refused_as_in_memory():
    X, y = np.random.default_rng(0).normal(size=(2, 90))
    X, limit = (
        da.from_array(X[:, None], chunks=(30, 1)),
        da.from_array(y * 0, chunks=30),
    )
    tobit = MixtureRegressor(1, family=Censored(Gaussian(), lower=0))
    refused("no row has a bound below", X, limit, model=tobit)
    several = MixtureRegressor(1, family=["gaussian", Censored(Gaussian(), lower=0)])
    both = da.from_array(np.column_stack([y, y * 0]), chunks=(30, 2))
    refused("Response 1: y: no row has a bound below", X, both, model=several)
    # Those of one partition may be, if others are not.
    y[:30] = 0
    ours = tobit.fit(X, da.from_array(y, chunks=30)).coef_
    assert_allclose(ours, tobit.fit(X.compute(), y).coef_, rtol=1e-6)


def test_data_in_memory_beside_a_collection_are_refused():
    X, y = arrays()
    refused("y is in memory \\(ndarray\\), but X is a dask", X, np.zeros(90))
    weight = np.ones(90)
    refused("sample_weight is in memory", X, y, sample_weight=weight)


def test_other_collections_are_refused():
    _, y = arrays()
    refused("X is a dask collection of type Array: it must be", y, y)
    refused("X is a dask collection of type Bag", bag.from_sequence([1, 2]), y)


def test_numbers_of_rows_must_match():
    X, y = arrays()
    refused("inconsistent numbers of samples: \\[90, 89\\]", X, y[:89])
    unknown = y[da.arange(90, chunks=30) > 0]
    note = refused("inconsistent numbers of samples: \\[30, 29\\]", X, unknown)
    assert note == "It is in partition 0."


def test_numbers_of_partitions_must_match():
    X, y = arrays()
    unknown = y.rechunk(45)
    unknown = unknown[unknown > -np.inf]
    refused("Numbers of partitions differ \\(X 3, y 2\\)", X, unknown)


def test_an_unknown_number_of_columns_is_refused():
    X, y = arrays()
    refused("The number of columns of X is unknown", X[:, X[0] > -np.inf], y)


@pytest.mark.parametrize("kind", [int, str])
def test_a_group_in_two_partitions_is_refused_with_advice(kind):
    X, y = arrays()
    groups = np.arange(90) // 4
    groups = da.from_array(groups.astype(kind), chunks=30)
    refused("group '?7'? has rows in partitions 0 and 1", X, y, groups=groups)
    refused("ddf.shuffle\\(on='subject'\\)", X, y, groups=groups)


def test_shuffled_groups_are_taken():
    case = case_of("groups")
    frame = frame_of(case)
    frame = frame.iloc[np.random.default_rng(0).permutation(900)]
    frame = dd.from_pandas(frame, npartitions=4, sort=False)
    with pytest.raises(ValueError, match="must be in one partition"):
        fit(columns_of(frame, case_of("groups")))
    frame = frame.shuffle(on="groups")
    ours = fit(columns_of(frame, case_of("groups")))
    assert_same_fit(ours, fit(columns_of(frame_of(case), case)))


def test_too_few_rows_are_refused():
    X, y = arrays()
    refused("Expected n_samples >= n_components", X, y, model=MixtureRegressor(91))
    one = "1 sample\\(s\\) \\(shape=\\(1, 2\\)\\) while a minimum of 2 is required"
    refused(one, X[:1], y[:1])
    groups = da.from_array(np.arange(90) // 30, chunks=30)
    few = "Expected n_groups >= n_components but got n_components = 4, n_groups = 3"
    refused(few, X, y, groups=groups, model=MixtureRegressor(4))
    zero = "(zero for every row|at least one non-zero)"
    refused(zero, X, y, sample_weight=y * 0)


def test_the_fit_needs_its_groups_to_be_constant():
    X, y = arrays()
    groups = da.from_array(np.arange(90) // 3, chunks=30)
    varies = "varies within group (0|10|20)"
    refused(f"sample_weight {varies}", X, y, sample_weight=abs(y), groups=groups)
    gated = MixtureRegressor(2, gate="softmax")
    refused(f"gate_features: feature 0 {varies}", X, y, groups=groups, model=gated)
