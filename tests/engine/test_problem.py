"""The engine's view of the data: X stays where it is."""

import tracemalloc

import numpy as np
import pytest
from engine.cases import problem_of
from numpy.testing import assert_array_equal
from support import assert_same, separated

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn._data.read import read
from mixreg_sklearn._engine.problem import make_problem


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_features_are_not_copied(dtype, weighted):
    rng = np.random.default_rng(0)
    n, d = 100_000, 20
    X = rng.normal(size=(n, d)).astype(dtype)
    y = X[:, 0] + rng.normal(size=n)
    weight = rng.integers(0, 3, size=n) if weighted else None
    data, _, structure, _ = read(MixtureRegressor(2), X, y, weight, None, None, {})
    tracemalloc.start()
    try:
        problem = make_problem(data, structure, 1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    columns = problem.rows.n_rows * problem.rows.n_columns * 8
    assert columns < peak < columns + n * d * 8 / 2


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_memory_map_stays_one(dtype, order, tmp_path):
    sample = separated(1, n=300, d=3)
    X = sample.X.astype(dtype)
    mapped = np.memmap(tmp_path / "X", dtype, "w+", shape=X.shape, order=order)
    mapped[:] = X
    problem = problem_of(MixtureRegressor(2), mapped, sample.y)
    for source in problem.rows._sources:
        assert np.shares_memory(source.features.X, mapped)
    ours = MixtureRegressor(2, random_state=0).fit(mapped, sample.y)
    theirs = MixtureRegressor(2, random_state=0).fit(X, sample.y)
    assert_same(ours, theirs, rtol=1e-9)
    mapped.flush()
    assert_array_equal(
        np.fromfile(tmp_path / "X", dtype).reshape(X.shape, order=order), X
    )
