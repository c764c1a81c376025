"""The single regression, and what rows suggest beside it."""

import numpy as np
from engine.cases import problem_of
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from support import seeds, some

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn._search.pool import Pool
from mixreg_sklearn._search.pooled import fit_pooled
from mixreg_sklearn.families._names import make_family


def _pool(problem):
    pooled = fit_pooled(problem.pooled_model, problem.rows)
    return Pool(problem.model, problem.rows, pooled)


@some
@given(seeds)
def test_gaussian_rows_suggest_their_responses(seed):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(80, 2)), rng.standard_cauchy(size=80)
    pool = _pool(problem_of(MixtureRegressor(2), X, y))
    assert_array_equal(pool.suggested[0], pool.y)
    assert_allclose(pool.information, 1.0)


@some
@given(
    seeds,
    st.sampled_from(["gamma", "inverse_gaussian"]),
    st.sampled_from(["log", "identity", "inverse"]),
    st.sampled_from([1e-6, 1e-9, 1e-12]),
)
def test_one_tiny_response_hardly_moves_the_starts(seed, name, link, tiny):
    rng = np.random.default_rng(seed)
    family = make_family(name).set_params(link=link)
    X = rng.uniform(size=(80, 1))
    y = family.sample(1 + X[:, 0], np.full(80, 0.5), rng)
    y[7] = y.mean() / 100
    ours = MixtureRegressor(2, family=family)
    small = _pool(problem_of(ours, X, y))
    y[7] = tiny
    smaller = _pool(problem_of(ours, X, y))
    ones = np.ones((1, 80))
    moved = smaller.weighted(ones) - small.weighted(ones)
    assert np.abs(moved).max() < 0.2
    assert smaller.variance < 2 * small.variance
