"""Quadratics with kinks."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from support import many, some

from mixreg_sklearn._engine.axes import Kinks
from mixreg_sklearn._engine.descent import descend


def quadratic(seed, n_problems=3, m=6):
    """Gram matrices, cross products, starts and kinks of some problems."""
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(n_problems, 2 * m, m))
    cross = 6 * rng.normal(size=(n_problems, m))
    l1 = rng.exponential(3.0, m) * (rng.random(m) < 0.7)
    lower = np.where(rng.random(m) < 0.3, -rng.random(m), -np.inf)
    upper = np.where(rng.random(m) < 0.3, rng.random(m), np.inf)
    kinks = Kinks(l1, lower, upper)
    start = kinks.inside(np.where(rng.random((n_problems, m)) < 0.5, 0.0, cross / 5))
    return roots.swapaxes(1, 2) @ roots, cross, start, kinks


@many
@given(st.integers(0, 10**6))
def test_the_minimum_fulfills_the_conditions_of_karush_kuhn_and_tucker(seed):
    gram, cross, start, kinks = quadratic(seed)
    t = descend(gram, cross, start, kinks)
    gradient = cross - (gram @ (t - start)[..., None])[..., 0]
    slope, stays = kinks.face(t, gradient)
    assert_allclose(t, kinks.inside(t))
    assert_allclose(np.where(stays, 0, slope), 0, atol=1e-5)


@some
@given(st.integers(0, 10**6))
def test_a_batch_of_problems_equals_them_one_by_one(seed):
    gram, cross, start, kinks = quadratic(seed)
    ours = descend(gram, cross, start, kinks)
    theirs = [
        descend(gram[c : c + 1], cross[c : c + 1], start[c : c + 1], kinks)[0]
        for c in range(len(gram))
    ]
    assert_allclose(ours, theirs, atol=1e-6)


def test_without_kinks_the_minimum_is_that_of_least_squares():
    gram, cross, start, _ = quadratic(0)
    free = np.full(start.shape[1], np.inf)
    t = descend(gram, cross, start, Kinks(np.zeros(6), -free, free))
    assert_allclose(t - start, np.linalg.solve(gram, cross[..., None])[..., 0])
