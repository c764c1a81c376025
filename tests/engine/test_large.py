"""Large data: samples by content, one pass for the design, few passes to the proof."""

import numpy as np
import pytest
from engine.cases import problem_of
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from support import few, seeds

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn._engine import rows as rows_module
from mixreg_sklearn._engine import sources as sources_module
from mixreg_sklearn._engine.content import hash_numbers
from mixreg_sklearn._engine.design import Features
from mixreg_sklearn._engine.margins import margins_of


def _lines(seed, n, groups=False):
    """Two regressions on two features, and numbers of units."""
    rng = np.random.default_rng(seed)
    unit = np.arange(n) // 3 if groups else np.arange(n)
    X, first = rng.normal(size=(n, 2)), rng.random(n)[unit] < 0.6
    y = np.where(first, 2 + X[:, 0], -1 - X[:, 1]) + rng.normal(size=n)
    return X, y, unit


def _sketch(X, y, weight=None, groups=None, size=300):
    """Responses, features and weights of a sketch, unit by unit."""
    rows = problem_of(MixtureRegressor(2), X, y, weight, groups=groups).rows
    table = rows.table.sketch(size)
    return np.column_stack([table.y, table.data.X, table.weight])


@pytest.mark.parametrize("groups", [False, True])
def test_a_sketch_depends_on_neither_order_nor_repetition(groups):
    X, y, unit = _lines(0, 6000, groups)
    weight = 1.0 + unit % 3
    ours = _sketch(X, y, weight, unit if groups else None)
    order = np.random.default_rng(1).permutation(len(y))
    if groups:
        # The rows of a group keep their order, so that the tables can be compared.
        blocks = np.random.default_rng(1).permutation(unit.max() + 1)
        order = (3 * blocks[:, None] + np.arange(3)).ravel()
    moved = _sketch(X[order], y[order], weight[order], unit[order] if groups else None)
    assert_array_equal(ours, moved)
    rows, copy = [], []
    for repeat in range(3):
        again = np.flatnonzero(weight > repeat)
        rows.append(again)
        copy.append(unit[again] + repeat * (unit.max() + 1))
    rows, copy = np.concatenate(rows), np.concatenate(copy)
    repeated = _sketch(X[rows], y[rows], None, copy if groups else None)
    assert_array_equal(ours, repeated)


def test_a_sketch_has_the_means_of_all_rows():
    X, y, _ = _lines(0, 40000)
    sketch = _sketch(X, y, size=4000)
    assert len(sketch) == 4000
    error = np.std(y) / np.sqrt(4000)
    assert abs(sketch[:, 0].mean() - y.mean()) < 4 * error
    assert_allclose(np.cov(sketch[:, 1:3].T), np.eye(2), atol=4 * 2 / np.sqrt(4000))


def test_rows_that_are_equal_are_sketched_once_with_their_weight():
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 3, size=(9000, 2)) * 1.0, rng.integers(0, 4, 9000) * 1.0
    sketch = _sketch(X, y, size=30)
    assert len(np.unique(sketch[:, :3], axis=0)) == len(sketch) == 30
    counts = (np.column_stack([y, X])[:, None] == sketch[:, :3]).all(axis=2).sum(axis=0)
    assert_array_equal(sketch[:, 3], counts)


def test_hashes_depend_on_values_and_their_columns_alone():
    X = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0], [-0.0, 1.0], [1.0, 1.0]])
    ours = hash_numbers(X, np.array([0, 1]))
    assert ours[0] == ours[3]
    assert len(set(ours.tolist())) == 4
    assert_array_equal(ours, hash_numbers(X.astype(np.float32), np.array([0, 1])))
    assert_array_equal(ours, hash_numbers(X[:, ::-1], np.array([1, 0])))
    # A zero contributes nothing, so that sparse rows have the hashes of dense ones.
    assert_array_equal(hash_numbers(X[:, 1:], np.array([1]))[[0, 2]], ours[[0, 2]])


@few
@given(seeds, st.integers(1, 9), st.booleans())
def test_margins_of_parts_add(seed, n_parts, centered):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(50, 3)) * [1e-3, 1.0, 1e8] + [0.0, 5.0, 1e9]
    weight = rng.uniform(0.5, 2, size=50)
    parts = np.array_split(np.arange(50), n_parts)
    features = [Features(X, np.arange(3), rows) for rows in (np.arange(50), *parts)]
    whole = margins_of(features[0], weight, centered)
    added, *others = (
        margins_of(part, weight[rows], centered)
        for part, rows in zip(features[1:], parts, strict=True)
    )
    for each in others:
        added = added + each
    mean = np.average(X, axis=0, weights=weight) if centered else np.zeros(3)
    assert_allclose(added.center * added.unit, mean, rtol=1e-12)
    relative = (X - mean) / whole.unit * np.sqrt(weight)[:, None]
    for margins in (whole, added):
        gram = margins.factor.T @ margins.factor
        assert_allclose(gram, relative.T @ relative, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("family", ["gaussian", "poisson"])
@pytest.mark.parametrize("gate", [None, "softmax"])
def test_a_fit_by_way_of_a_sketch_is_the_maximum_of_all_rows(family, gate):
    X, y, _ = _lines(0, 60000)
    if family == "poisson":
        y = np.random.default_rng(0).poisson(np.exp(0.5 * np.clip(y, -4, 4))) * 1.0
    model = MixtureRegressor(2, family=family, gate=gate, random_state=0).fit(X, y)
    assert model.search_["sample_rows"] == 2000
    assert model.converged_
    start = {
        name.removesuffix("_"): getattr(model, name)
        for name in ("weights_", "coef_", "intercept_", "scale_")
    }
    if gate:
        start |= {
            "gate_coef": model.gate_coef_,
            "gate_intercept": model.gate_intercept_,
        }
    again = model.__class__(2, family=family, gate=gate, init=start).fit(X, y)
    assert again.converged_
    assert again.log_likelihood_ == pytest.approx(model.log_likelihood_, rel=1e-13)
    assert_allclose(again.coef_, model.coef_, rtol=1e-6)


def test_all_rows_see_one_pass_of_curvature(monkeypatch):
    X, y, _ = _lines(0, 100000)
    passes = []
    scan = rows_module.ArrayRows.scan

    def counted(self, verb, params):
        if self.n_rows == len(y):
            passes.append(getattr(verb, "__name__", "other"))
        return scan(self, verb, params)

    monkeypatch.setattr(rows_module.ArrayRows, "scan", counted)
    model = MixtureRegressor(2, random_state=0).fit(X, y)
    assert model.converged_
    assert passes.count("curvature") == 1
    assert passes.count("gradient") <= 6
    assert passes.count("tally") == 1


@pytest.mark.parametrize("n_jobs", [2, 3])
def test_columns_made_anew_and_threads_change_no_bit(monkeypatch, n_jobs):
    X, y, _ = _lines(0, 50000)
    kept = MixtureRegressor(2, random_state=0).fit(X, y)
    monkeypatch.setattr(sources_module, "_KEPT_NUMBERS", 0)
    monkeypatch.setattr("mixreg_sklearn._posed.threads_that_pay", lambda *_: n_jobs)
    lazy = MixtureRegressor(2, random_state=0).fit(X, y)
    for name in ("coef_", "scale_", "weights_", "log_likelihood_"):
        assert_array_equal(getattr(lazy, name), getattr(kept, name))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_memory_map_gives_the_estimate_of_an_array(tmp_path, order, dtype):
    X, y, _ = _lines(0, 50000)
    X = X.astype(dtype)
    on_disk = np.memmap(tmp_path / "X", dtype, "w+", shape=X.shape, order=order)
    on_disk[:] = X
    ours = MixtureRegressor(2, random_state=0).fit(on_disk, y)
    theirs = MixtureRegressor(2, random_state=0).fit(X.astype(float), y)
    assert_allclose(ours.coef_, theirs.coef_, rtol=1e-12)
    assert ours.log_likelihood_ == pytest.approx(theirs.log_likelihood_, rel=1e-14)
