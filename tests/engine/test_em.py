"""The EM loop, and what a pass over the rows leaves behind."""

from types import SimpleNamespace

import numpy as np
import pytest
from engine.cases import (
    alike,
    assert_same_sums,
    engine,
    kinds,
    moments_of,
    near_truth,
    whole_block,
)
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from support import flat, jacobian, many, seeds, some

from mixreg_sklearn._engine.columns import DenseWithProducts
from mixreg_sklearn._engine.em import em
from mixreg_sklearn._engine.params import Params, concatenate
from mixreg_sklearn.families._scales import ScaleRule


@many
@given(seeds, kinds, st.integers(1, 120))
def test_blocks_of_any_size_change_nothing(seed, kind, block_size):
    model, whole, params = engine(seed, kind)
    _, parts, _ = engine(seed, kind, block_size=block_size)
    if "grouped" not in kind:
        assert len(list(parts.scan(whole_block, None))) == -(-97 // block_size)
    for verb in (model.summarize, model.curvature):
        assert_same_sums(parts.sum(verb, params), whole.sum(verb, params))
    start = near_truth(model, params, seed)
    ours = em(model, parts, start, max_iter=20)
    theirs = em(model, whole, start, max_iter=20)
    assert_same_sums(ours.params, theirs.params, rtol=1e-8)
    assert_allclose(ours.objective, theirs.objective, rtol=1e-10)


@some
@given(seeds, kinds)
def test_kept_outer_products_change_nothing(seed, kind):
    model, plain, params = engine(seed, kind)
    _, batched, _ = engine(seed, kind, batched=True)
    columns = next(batched.scan(whole_block, None)).columns[0]
    assert isinstance(columns, DenseWithProducts)
    ours, theirs = (r.sum(model.summarize, params) for r in (batched, plain))
    assert_same_sums(ours, theirs)


@some
@given(seeds, st.sampled_from([19, 20, 21, 40]))
def test_wide_designs_have_the_same_moments(seed, p):
    model, rows, params = engine(seed, n=150, p=p, n_restarts=2)
    assert_same_sums(rows.sum(model.summarize, params), moments_of(rows, params))


@some
@given(seeds, kinds, st.integers(5, 40), st.integers(2, 5))
def test_threads_change_nothing_bit_for_bit(seed, kind, block_size, n_jobs):
    model, alone, params = engine(seed, kind, block_size=block_size)
    _, together, _ = engine(seed, kind, block_size=block_size, n_jobs=n_jobs)
    for verb in (model.summarize, model.curvature):
        ours, theirs = (r.sum(verb, params) for r in (together, alone))
        for a, b in zip(flat(ours), flat(theirs), strict=True):
            assert_array_equal(a, b)
    ours, theirs = (em(model, r, params, max_iter=10) for r in (together, alone))
    for a, b in zip(ours.params, theirs.params, strict=True):
        assert_array_equal(a, b)


@some
@given(seeds, kinds, st.sampled_from([0.0, 1e-3, 1e-6]))
def test_a_batch_of_em_restarts_equals_them_one_by_one(seed, kind, tol):
    model, rows, params = engine(seed, kind, n_restarts=5)
    params = near_truth(model, params, seed)
    batch = em(model, rows, params, max_iter=40, tol=tol)
    for r in range(5):
        single = em(model, rows, params.take(r), max_iter=40, tol=tol)
        assert_same_sums(batch.params.take(r), single.params, rtol=1e-8)
        assert_allclose(batch.objective[r], single.objective[0], rtol=1e-11)
        assert batch.n_iter[r] == single.n_iter[0]


def _relabeled(params, order):
    return params.reorder(np.tile(order, (params.n_restarts, 1)))


@some
@given(seeds, alike, st.permutations(range(3)))
def test_permuted_components_stay_permuted(seed, kind, order):
    model, rows, params = engine(seed, kind)
    params = near_truth(model, params, seed)
    run = em(model, rows, params, max_iter=25)
    other = em(model, rows, _relabeled(params, order), max_iter=25)
    assert_same_sums(other.params, _relabeled(run.params, order), rtol=1e-7)
    assert_allclose(other.objective, run.objective, rtol=1e-10)


@many
@given(seeds, kinds)
def test_the_likelihood_never_falls_along_em(seed, kind):
    model, rows, params = engine(seed, kind)
    # The safeguard belongs to the loop: a step of a gate may overshoot by itself.
    trace = [em(model, rows, params, max_iter=m).objective for m in range(1, 25)]
    steps = np.diff(trace, axis=0)
    assert (steps >= -1e-10 * np.abs(trace[1:])).all()
    assert (trace[-1] > trace[0]).all()


class Overshooting:
    """A model with objective ``-x^2`` whose steps go beyond the other side."""

    def penalty(self, params):
        return 0.0

    def summarize(self, params, block):
        return SimpleNamespace(loglik=-(params.coef[:, 0, 0] ** 2))

    def solve(self, moments, params):
        return params._replace(coef=-1.5 * params.coef)

    def inside(self, rows, before, after, objective):
        return after


def test_em_goes_halfway_back_where_a_step_lowers_the_likelihood():
    rows = SimpleNamespace(
        sum=lambda verb, params: verb(params, None), total_weight=1.0
    )
    start = np.array([1.0, -3.0])
    params = Params(start.reshape(2, 1, 1), np.ones((2, 1, 1)), np.zeros((2, 1, 1)))
    trace = [
        em(Overshooting(), rows, params, max_iter=max_iter).objective
        for max_iter in range(1, 12)
    ]
    assert (np.diff(trace, axis=0) >= 0).all()
    # Halfway between x and -1.5 x is -x / 4.
    run = em(Overshooting(), rows, params, max_iter=2)
    assert_allclose(run.params.coef.ravel(), -start / 4)
    assert_allclose(run.objective, -(start**2))
    run = em(Overshooting(), rows, params, max_iter=40)
    assert (np.abs(run.params.coef) < 1e-3).all()


@some
@given(seeds, st.booleans(), st.floats(0.0, 3), st.floats(0.01, 10))
def test_variances_maximize_the_penalized_likelihood(seed, tied, strength, target):
    rng = np.random.default_rng(seed)
    squares, weight = rng.uniform(0.1, 5, (2, 1, 3))
    rule = ScaleRule(tied=tied, strength=strength, target=target)

    def objective(variance):
        if tied:
            variance = np.full((1, 3), variance[0, 0])
        likelihood = -0.5 * (weight * np.log(variance) + squares / variance).sum()
        return likelihood + np.sum(rule.penalty(np.sqrt(variance)))

    best = np.ones((1, 3))
    for _ in range(2000):
        before, best = objective(best), rule.variance(squares, weight, best)
        assert objective(best) >= before - 1e-12
    for change in (1e-3, -1e-3):
        moved = np.exp(change * (np.ones(3) if tied else np.eye(3)))
        for factor in np.atleast_2d(moved):
            assert objective(best * factor) < objective(best)


@some
@given(seeds, st.floats(0.1, 3), st.floats(0.01, 10))
def test_derivatives_of_the_penalty_equal_finite_differences(seed, strength, target):
    rule = ScaleRule(strength=strength, target=target)
    log_scale = np.random.default_rng(seed).normal(size=3)

    def value(t):
        return rule.penalty(np.exp(t)[None])[0]

    def slopes(t):
        return rule.penalty_derivatives(np.exp(t)[None])[0][0]

    first, second = rule.penalty_derivatives(np.exp(log_scale)[None])
    atol = 1e-8 * np.abs(second).max()
    assert_allclose(first[0], jacobian(value, log_scale, 1e-3), rtol=0, atol=atol)
    curvature = jacobian(slopes, log_scale, 1e-3)
    assert_allclose(np.diag(second[0]), curvature, rtol=0, atol=atol)


@some
@given(seeds, kinds, st.booleans())
def test_moments_are_what_they_say(seed, kind, batched):
    model, rows, params = engine(seed, kind, n=40, batched=batched)
    moments = rows.sum(model.summarize, params)
    assert_same_sums(moments, moments_of(rows, params, "gated" in kind))


@pytest.mark.parametrize("n_components", [1, 2, 5])
@pytest.mark.parametrize(("n", "p"), [(1, 2), (40, 1), (3000, 3), (700, 24)])
def test_moments_are_right_for_any_shape(n, p, n_components):
    model, rows, params = engine(4, n=n, p=p, n_components=n_components, n_restarts=2)
    moments = rows.sum(model.summarize, params)
    assert_same_sums(moments, moments_of(rows, params))


def test_moments_survive_rows_that_underflow_under_every_component():
    model, rows, params = engine(2)
    rows.whole().y[:5] += 1e3
    moments = rows.sum(model.summarize, params)
    assert_same_sums(moments, moments_of(rows, params))


def test_concatenated_batches_keep_their_restarts():
    _, _, params = engine(0, n_restarts=5)
    again = concatenate([params.take(slice(0, 2)), params.take([2, 3]), params.take(4)])
    for a, b in zip(again, params, strict=True):
        assert_array_equal(a, b)
