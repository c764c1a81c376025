"""A profile has the means over memberships, of any columns."""

import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from panels import panel
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from support import separated

from mixreg_sklearn import MixtureRegressor, profile


@pytest.fixture(scope="module")
def lines():
    sample = separated(3, n=160, d=2)
    X = pd.DataFrame(sample.X, columns=["dose", "age"])
    return X, pd.Series(sample.y, name="yield")


@pytest.fixture(scope="module")
def model(lines):
    return MixtureRegressor(2, random_state=0).fit(*lines)


@pytest.fixture
def data(lines):
    rng = np.random.default_rng(0)
    n = len(lines[1])
    return pd.DataFrame(
        {
            "income": rng.normal(size=n),
            "region": rng.choice(["north", "south", "east"], n),
            "member": rng.random(n) < 0.5,
        }
    )


def test_means_and_deviations_are_weighted_by_memberships(lines, model, data):
    table, tau = profile(model, *lines, data), model.predict_proba(*lines)
    for k in range(2):
        mean = np.average(data["income"], weights=tau[:, k])
        variance = np.average((data["income"] - mean) ** 2, weights=tau[:, k])
        column = table[f"component {k}"]
        assert_allclose(column["income", "mean"], mean)
        assert_allclose(column["income", "std"], np.sqrt(variance))
        assert_allclose(
            column["yield", "mean"], np.average(lines[1], weights=tau[:, k])
        )
    assert_allclose(table.loc[("income", "mean"), "all"], data["income"].mean())


def test_shares_of_levels_sum_to_one(lines, model, data):
    table = profile(model, *lines, data)
    assert_allclose(table.loc["region"].sum(), 1)
    assert_allclose(table.loc["member"].sum(), 1)
    tau = model.predict_proba(*lines)
    north = (data["region"] == "north").to_numpy()
    ours = table.loc[("region", "north")].to_numpy()
    assert_allclose(ours[:2], north @ tau / tau.sum(axis=0))
    assert_allclose(ours[2], north.mean())


def test_sizes_are_sums_of_memberships(lines, model, data):
    size = profile(model, *lines, data).loc["component size"]
    tau = model.predict_proba(*lines)
    assert_allclose(size.loc["rows"], [*tau.sum(axis=0), len(tau)])
    assert_allclose(size.loc["share"], [*model.weights_, 1], rtol=1e-6)


def test_weights_count_rows_as_repetition_does(lines, model, data):
    X, y = lines
    data.loc[3:9, "income"] = np.nan
    weight = np.random.default_rng(0).integers(0, 3, len(y))
    rows = np.repeat(np.arange(len(y)), weight)
    ours = profile(model, X, y, data, sample_weight=weight)
    repeated = [part.iloc[rows].reset_index(drop=True) for part in (X, y, data)]
    theirs = profile(model, *repeated)
    pd.testing.assert_frame_equal(ours, theirs)


def test_missing_values_are_counted_and_left_out_of_means(lines, model, data):
    there = np.arange(len(data)) % 5 > 0
    data["region"] = data["region"].where(there)
    data["income"] = data["income"].where(there)
    table, tau = profile(model, *lines, data), model.predict_proba(*lines)
    for name in ("income", "region"):
        ours = table.loc[(name, "(missing)")]
        assert_allclose(ours, [*tau[~there].sum(axis=0), (~there).sum()])
    mean = np.average(data["income"][there], weights=tau[there, 1])
    assert_allclose(table.loc[("income", "mean"), "component 1"], mean)
    shares = table.loc["region"].drop(index="(missing)")
    assert_allclose(shares.sum(), 1)
    assert ("member", "(missing)") not in table.index


def test_a_column_without_values_has_no_mean(lines, model, data):
    data["income"] = np.nan
    table = profile(model, *lines, data)
    assert table.loc[("income", "mean")].isna().all()
    assert table.drop(index="income", level=0).notna().all(axis=None)


def test_nullable_types_and_categories_are_described(lines, model, data):
    data["count"] = pd.array(np.arange(len(data)) % 7, dtype="Int64")
    data.loc[0, "count"] = pd.NA
    data["member"] = data["member"].astype("boolean")
    order = ["south", "north", "east", "west"]
    data["region"] = pd.Categorical(data["region"], order, ordered=True)
    table = profile(model, *lines, data)
    assert table.loc["region"].index.tolist() == ["south", "north", "east"]
    assert table.loc["member"].index.tolist() == ["False", "True"]
    assert_allclose(table.loc[("count", "mean"), "all"], data["count"].mean())


def test_rows_of_a_group_share_its_membership():
    X, y, groups, _ = panel(0)
    data = pd.DataFrame({"z": np.random.default_rng(1).normal(size=len(y))})
    model = MixtureRegressor(2, random_state=0)
    model.fit(X, y, groups=groups)
    table = profile(model, X, y, data, groups=groups)
    tau = model.predict_proba(X, y, groups=groups)
    ours = table.loc[("z", "mean"), ["component 0", "component 1"]]
    assert_allclose(ours, data["z"] @ tau / tau.sum(axis=0))
    sizes = table.loc[("component size", "groups")]
    assert sizes["all"] == len(np.unique(groups))
    assert_allclose(sizes[:2] / sizes["all"], model.weights_, rtol=1e-6)


def test_a_pipeline_takes_the_raw_frame(lines, data):
    X, y = lines
    raw = X.assign(region=data["region"])
    encode = make_column_transformer((OneHotEncoder(drop="first"), ["region"]))
    encode.set_params(remainder="passthrough", sparse_threshold=0)
    pipe = make_pipeline(encode, MixtureRegressor(2, random_state=0)).fit(raw, y)
    table = profile(pipe, raw, y, raw, component_names=["light", "heavy"])
    assert table.columns.tolist() == ["light", "heavy", "all"]
    assert_allclose(table.loc["region"].sum(), 1)


def test_the_response_is_shown_once_and_first(lines, model, data):
    X, y = lines
    whole = data.assign(**{"yield": y})
    table = profile(model, X, y, whole)
    assert table.index.get_level_values(0).unique().tolist() == [
        "component size",
        "yield",
        "income",
        "region",
        "member",
    ]
    with pytest.raises(ValueError, match="the name of the response"):
        profile(model, X, y, data.assign(**{"yield": y + 1}))


def test_without_a_name_the_response_is_y(lines, model, data):
    X, y = lines
    table = profile(model, X, y.to_numpy(), data)
    assert_allclose(table.loc[("y", "mean"), "all"], y.mean())


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda data: data.iloc[1:], ValueError, "data has 159 rows, and X has 160"),
        (lambda data: data.to_numpy(), TypeError, "data must be a pandas DataFrame"),
        (lambda data: data.iloc[::-1], ValueError, "in another order"),
        (lambda data: data[["income", "income"]], ValueError, "occurs twice"),
        (lambda data: data.assign(income=np.inf), ValueError, "infinite.*'income'"),
        (lambda data: data.assign(t=pd.Timestamp(0)), TypeError, "times in column 't'"),
    ],
)
def test_data_that_do_not_fit_are_refused(lines, model, data, change, error, message):
    with pytest.raises(error, match=message):
        profile(model, *lines, change(data))


def test_without_pandas_the_extra_is_named(lines, model, data, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"mixreg-sklearn\[pandas\]"):
        profile(model, *lines, data)
