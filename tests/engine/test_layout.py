"""Where a number stands in the vector of parameters."""

import numpy as np
from engine.cases import assert_same_sums
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from support import many, seeds

from mixreg_sklearn._engine.layout import Layout, layout_of
from mixreg_sklearn._engine.params import Params

layouts = st.builds(
    Layout,
    st.integers(1, 4),
    st.integers(1, 5),
    st.integers(0, 3),
    st.integers(1, 3),
    st.integers(0, 1),
)


def batch(layout, seed, n_restarts=3):
    """A batch of parameters with such a layout, and a step."""
    rng = np.random.default_rng(seed)
    coef, constants, logits = layout.split(rng.normal(size=(n_restarts, layout.size)))
    params = Params(coef, np.exp(constants), logits).normalized()
    return params, rng.normal(size=(n_restarts, layout.size))


@many
@given(layouts, seeds, st.sampled_from([(), (2,), (3, 2)]))
def test_split_and_join_are_inverse(layout, seed, shape):
    vector = np.random.default_rng(seed).normal(size=(*shape, layout.size))
    parts = layout.split(vector)
    numbers = layout.n_coef, layout.n_constants, layout.n_logits
    heights = layout.n_components, layout.n_components, layout.n_shares
    for part, height, number in zip(parts, heights, numbers, strict=True):
        assert part.shape == (*shape, height, number)
    assert_array_equal(layout.join(*parts), vector)
    again = layout.split(layout.join(*parts))
    for ours, theirs in zip(again, parts, strict=True):
        assert_array_equal(ours, theirs)


@many
@given(layouts, seeds)
def test_split_takes_views_without_a_background(layout, seed):
    layout = layout._replace(n_background=0)
    vector = np.zeros((2, layout.size))
    for part in layout.split(vector):
        part[...] = np.random.default_rng(seed).normal(size=part.shape)
    assert (vector != 0).all()


@many
@given(layouts, seeds)
def test_places_are_where_split_takes_numbers_from(layout, seed):
    vector = np.random.default_rng(seed).normal(size=layout.size)
    for ours, theirs in zip(layout.places(), layout.split(vector), strict=True):
        assert_array_equal(vector[ours], theirs)
    every = np.concatenate([place.ravel() for place in layout.places()])
    assert_array_equal(np.sort(every), np.arange(layout.size))


@many
@given(layouts, seeds)
def test_a_batch_knows_its_layout(layout, seed):
    assert layout_of(batch(layout, seed)[0]) == layout


@many
@given(layouts, seeds)
def test_no_step_moves_nothing(layout, seed):
    params, step = batch(layout, seed)
    assert_same_sums(layout.moved(params, 0 * step), params, rtol=1e-14)


@many
@given(layouts, seeds)
def test_a_step_moves_what_split_takes_from_it(layout, seed):
    params, step = batch(layout, seed)
    moved, (coef, constants, logits) = layout.moved(params, step), layout.split(step)
    assert_array_equal(moved.coef, params.coef + coef)
    assert_allclose(np.log(moved.constants / params.constants), constants, atol=1e-13)
    assert_array_equal(moved.logits, params.logits + logits)
