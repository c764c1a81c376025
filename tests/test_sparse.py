"""Sparse features: the estimates of the same numbers in an array."""

import tracemalloc
from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn._engine.content import hash_features
from mixreg_sklearn._engine.design import Features
from mixreg_sklearn.inference import inference

FAMILIES = {
    "gaussian": lambda eta, rng: eta + 0.3 * rng.normal(size=len(eta)),
    "poisson": lambda eta, rng: rng.poisson(np.exp(eta / 2)),
    "binomial": lambda eta, rng: rng.binomial(8, 1 / (1 + np.exp(-eta))),
    "gamma": lambda eta, rng: np.exp(eta / 2) * rng.gamma(5.0, size=len(eta)),
}
VARIANTS = {
    "plain": {},
    "no intercept": {"fit_intercept": False},
    "gate": {"gate": "softmax", "gate_features": [0, 1]},
    "shared": {"shared_features": [2, 3]},
    "held": {"held_coef": {4: 0.5, 5: [0.0, None]}},
    "chosen": {"regression_features": [0, 1, 2, 5, 7], "offset_feature": 3},
    "common scale": {"shared_scale": True},
}


def data(seed=0, n=600, d=8, family="gaussian", groups=None):
    """Sparse features in an array, responses of two regressions, fit's arguments."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * (rng.random((n, d)) < 0.3)
    coef = rng.normal(size=(2, d))
    second = rng.random(n) < 0.4
    if groups is not None:
        second, X[:, :2] = second[groups], X[groups, :2]
    eta = np.where(second, 2 + X @ coef[0], -1 + X @ coef[1])
    given = {"trials": np.full(n, 8)} if family == "binomial" else {}
    return X, FAMILIES[family](eta, rng), given


def assert_same_estimates(ours, theirs, rtol=1e-6):
    """Coefficients to `rtol`, log-likelihoods to 1e-8."""
    assert ours.converged_
    assert theirs.converged_
    assert_allclose(ours.log_likelihood_, theirs.log_likelihood_, rtol=1e-8)
    assert ours.n_parameters_ == theirs.n_parameters_
    for name in ("weights_", "scale_", "intercept_", "coef_", "gate_coef_"):
        if hasattr(theirs, name):
            value = getattr(theirs, name)
            atol = rtol * max(1.0, np.abs(value).max())
            assert_allclose(getattr(ours, name), value, rtol=rtol, atol=atol)


@cache
def _fits(variant, family="gaussian"):
    """Groups, and fits to sparse features and to an array as `inference` takes them."""
    groups = np.repeat(np.arange(150), 4) if variant == "grouped" else None
    X, y, _ = data(family=family, groups=groups)
    settings = {"family": family, "random_state": 0, **VARIANTS.get(variant, {})}
    fits = [
        (MixtureRegressor(2, **settings).fit(each, y, groups=groups), each, y)
        for each in (sparse.csr_array(X), X)
    ]
    return groups, fits


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("family", ["gaussian", "poisson"])
def test_estimates_are_those_of_an_array(family, variant):
    _, ((ours, *_), (theirs, *_)) = _fits(variant, family)
    assert_same_estimates(ours, theirs)


@pytest.mark.parametrize("family", ["binomial", "gamma"])
def test_other_families_have_the_estimates_of_an_array(family):
    X, y, given = data(family=family)
    fits = [
        MixtureRegressor(2, family=family, random_state=0).fit(each, y, **given)
        for each in (sparse.csr_array(X), X)
    ]
    assert_same_estimates(*fits)


@pytest.mark.parametrize("variant", ["plain", "gate", "shared"])
def test_groups_weights_and_offsets_are_those_of_an_array(variant):
    groups = np.repeat(np.arange(150), 4)[np.random.default_rng(1).permutation(600)]
    X, y, _ = data(groups=groups)
    rng = np.random.default_rng(2)
    given = {
        "groups": groups,
        "sample_weight": rng.integers(0, 3, 150)[groups],
        "offset": rng.normal(size=600),
    }
    fits = [
        MixtureRegressor(2, random_state=0, **VARIANTS[variant]).fit(
            each, y + given["offset"], **given
        )
        for each in (sparse.csr_array(X), X)
    ]
    assert_same_estimates(*fits)


@pytest.mark.parametrize("cov_type", ["information", "opg", "sandwich", "cluster"])
@pytest.mark.parametrize("variant", ["plain", "gate", "shared", "grouped"])
def test_standard_errors_are_those_of_an_array(cov_type, variant):
    groups, fits = _fits(variant)
    cluster = np.arange(600) // 8 if cov_type == "cluster" else None
    given = {"cov_type": cov_type, "cluster": cluster, "groups": groups}
    errors = [inference(*each, **given).std_errors for each in fits]
    assert_allclose(*errors, rtol=1e-5)


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "matrix", "float32", "unsorted"])
def test_any_sparse_format_is_read(kind):
    X, y, _ = data()
    stored = sparse.csr_array(X)
    given = {
        "csr": lambda: stored,
        "csc": lambda: sparse.csc_array(X),
        "coo": lambda: sparse.coo_array(X),
        "matrix": lambda: sparse.csr_matrix(X),
        "float32": lambda: stored.astype(np.float32),
        "unsorted": lambda: _unsorted(stored),
    }[kind]()
    before = given.copy()
    ours = MixtureRegressor(2, random_state=0).fit(given, y)
    numbers = given.toarray().astype(float)
    assert_same_estimates(ours, MixtureRegressor(2, random_state=0).fit(numbers, y))
    assert type(given) is type(before)
    assert_array_equal(given.data, before.data)


def _unsorted(X):
    """The same matrix; each row has its columns backward, and one entry in halves."""
    rows = [
        np.arange(*pair)[::-1] for pair in zip(X.indptr, X.indptr[1:], strict=False)
    ]
    order = np.concatenate([np.append(row, row[:1]) for row in rows])
    size = np.array([len(row) + min(len(row), 1) for row in rows])
    indptr = np.append(0, np.cumsum(size))
    values = X.data[order]
    first = indptr[:-1][size > 0]
    values[first] /= 2
    values[indptr[1:][size > 0] - 1] /= 2
    return sparse.csr_array((values, X.indices[order], indptr), shape=X.shape)


def test_stored_zeros_and_empty_rows_and_columns_change_nothing():
    X, y, _ = data()
    X[:5], X[:, 3] = 0.0, 0.0
    stored = sparse.csr_array(np.where(X == 0, 1e-300, X))
    stored.data[stored.data == 1e-300] = 0.0
    assert stored.nnz == X.size
    theirs = MixtureRegressor(2, random_state=0).fit(X, y)
    for each in (stored, sparse.csr_array(X)):
        ours = MixtureRegressor(2, random_state=0).fit(each, y)
        assert_same_estimates(ours, theirs)
        assert_array_equal(ours.coef_[:, 3], 0)


@pytest.mark.parametrize("intercept", [True, False])
def test_collinear_columns_have_the_coefficients_of_least_norm(intercept):
    rng = np.random.default_rng(0)
    one, two = rng.integers(0, 4, 600), rng.integers(0, 5, 600)
    X = np.hstack([np.eye(4)[one], 3 * np.eye(5)[two], np.ones((600, 1))])
    X = np.hstack([X, X[:, :1] - 2 * X[:, 5:6]])
    _, y, _ = data()
    second = rng.random(600) < 0.4
    y = np.where(second, X @ rng.normal(size=11), 4 + X @ rng.normal(size=11))
    y += 0.3 * rng.normal(size=600)
    settings = {"fit_intercept": intercept, "random_state": 0}
    theirs = MixtureRegressor(2, **settings).fit(X, y)
    ours = MixtureRegressor(2, **settings).fit(sparse.csr_array(X), y)
    assert_same_estimates(ours, theirs)
    tables = [
        inference(model, each, y)
        for model, each in ((ours, sparse.csr_array(X)), (theirs, X))
    ]
    notes = [[term.note for term in table.terms] for table in tables]
    assert notes[0] == notes[1]
    assert "not identified" in notes[0]


def test_a_pipeline_with_indicators_of_all_categories_fits():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "shop": rng.choice(list("abcdef"), 900),
            "day": rng.choice(7, 900).astype(str),
            "price": rng.normal(size=900),
        }
    )
    codes = [pd.factorize(frame[name])[0] for name in ("shop", "day")]
    effects = rng.normal(size=(2, 7)), rng.normal(size=(2, 7))
    second = (rng.random(900) < 0.4).astype(int)
    y = effects[0][second, codes[0]] + effects[1][second, codes[1]]
    y += 3 * second + frame["price"] * (1 - 2 * second) + 0.3 * rng.normal(size=900)
    fits = []
    for dense in (False, True):
        encode = make_column_transformer(
            (OneHotEncoder(), ["shop", "day"]),
            remainder="passthrough",
            sparse_threshold=0 if dense else 1,
        )
        pipe = make_pipeline(encode, MixtureRegressor(2, random_state=0))
        fits.append(pipe.fit(frame, y)[-1])
        assert sparse.issparse(encode.transform(frame)) != dense
    assert_same_estimates(*fits)
    assert fits[0].n_features_in_ == 14


@pytest.mark.parametrize("grouped", [False, True])
def test_numbers_of_components_are_chosen_as_for_an_array(grouped):
    groups = np.arange(600) // 4 if grouped else None
    X, y, _ = data(groups=groups)
    chosen = [
        MixtureRegressorIC([1, 2, 3], n_init=1, random_state=0).fit(
            each, y, groups=groups
        )
        for each in (sparse.csr_array(X), X)
    ]
    assert chosen[0].best_estimator_.n_components == 2
    assert_same_estimates(*(each.best_estimator_ for each in chosen))


def test_rows_have_the_hashes_of_an_array():
    X, *_ = data()
    chosen, order = np.array([1, 2, 5]), np.arange(600)[::-3]
    stored = sparse.csr_array(X)
    stored.data[::7] = 0.0
    ours, theirs = (
        hash_features(Features(each, chosen, order))
        for each in (stored, stored.toarray())
    )
    assert_array_equal(ours, theirs)
    assert len(np.unique(ours)) > 100


def test_the_order_of_rows_changes_nothing_where_they_are_many():
    X, y, _ = data(n=30_000)
    order = np.random.default_rng(1).permutation(len(y))
    fits = [
        MixtureRegressor(2, random_state=0).fit(sparse.csr_array(X[rows]), y[rows])
        for rows in (slice(None), order)
    ]
    assert_same_estimates(*fits)
    assert fits[0].search_["sample_rows"] < len(y)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_refused(value):
    X, y, _ = data()
    X[3, 4] = value
    with pytest.raises(ValueError, match="Input X contains"):
        MixtureRegressor(2).fit(sparse.csr_array(X), y)


def test_a_large_matrix_is_never_made_dense():
    n, d = 60_000, 150
    rng = np.random.default_rng(0)
    columns = np.sort(rng.integers(0, 30, (n, 5)) + 30 * np.arange(5), axis=1)
    inside = np.arange(0, 5 * n + 1, 5)
    X = sparse.csr_array((np.ones(5 * n), columns.ravel(), inside), shape=(n, d))
    coef = rng.normal(size=(2, d))
    y = np.where(rng.random(n) < 0.5, X @ coef[0], X @ coef[1] + 4)
    y += 0.5 * rng.normal(size=n)
    model = MixtureRegressor(2, random_state=0)
    tracemalloc.start()
    model.fit(X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert model.converged_
    dense = 8 * n * d
    assert peak < dense
