"""The search on messy data: outliers, scales far apart, agreement, the choice."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from support import many

from mixreg_sklearn import MixtureRegressor, SearchWarning
from mixreg_sklearn._search.optima import chance_of_new
from mixreg_sklearn.datasets import load_nodata, make_mixture_regression
from mixreg_sklearn.families._support import lattice_step


def crossing_lines(seed, n, first_scale, second_scale):
    """x (n, 1), y and whether rows are of the first line."""
    rng = np.random.default_rng(seed)
    x, first = rng.uniform(0, 10, (n, 1)), rng.random(n) < 0.5
    mean = np.where(first, 5 + 3 * x[:, 0], 20 - 2 * x[:, 0])
    scale = np.where(first, first_scale, second_scale)
    return x, mean + scale * rng.standard_normal(n), first


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("scale", [30.0, 300.0, 30_000.0])
def test_gross_errors_get_a_component_and_spoil_no_line(seed, scale):
    x, y, _ = crossing_lines(seed, 300, 0.3, 0.3)
    rng = np.random.default_rng(100 + seed)
    gross = rng.random(300) < 0.1
    y[gross] = scale * rng.standard_normal(gross.sum())
    model = MixtureRegressor(3, random_state=seed).fit(x, y)
    assert model.converged_
    lines = np.argsort(model.scale_)[:2]
    slopes = np.sort(model.coef_[lines, 0])
    assert_allclose(slopes, [-2, 3], atol=0.1)
    assert_allclose(model.scale_[lines], 0.3, rtol=0.4)


@pytest.mark.parametrize("tight", [0.1, 0.01, 0.001])
def test_scales_may_differ_a_thousandfold(tight):
    x, y, first = crossing_lines(3, 400, tight, 3.0)
    model = MixtureRegressor(2, random_state=0).fit(x, y)
    assert model.converged_
    assert_allclose(np.sort(model.scale_), [tight, 3.0], rtol=0.2)
    member = model.predict_membership(x, y) == np.argmin(model.scale_)
    assert (member == first).mean() > 0.98


def test_one_mistyped_response_gets_a_component_to_itself():
    x, y, _ = crossing_lines(0, 300, 0.3, 0.3)
    y[7] = 1000.0
    with pytest.warns(match=r"rests on rows? 7"):
        model = MixtureRegressor(3, random_state=0).fit(x, y)
    assert model.degenerate_
    assert not model.converged_
    assert_allclose(np.sort(model.coef_[:2, 0]), [-2, 3], atol=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_every_seed_finds_the_best_optimum_of_few_rows_with_a_common_scale(seed):
    X, y, _ = make_mixture_regression(40, 1, n_components=2, scale=2, random_state=5)
    fits = [
        MixtureRegressor(2, shared_scale=True, random_state=s).fit(X, y)
        for s in (seed, seed + 100)
    ]
    assert_allclose(fits[0].log_likelihood_, fits[1].log_likelihood_, atol=1e-6)


def test_a_search_without_agreement_warns_and_keeps_the_proof():
    X, y, _ = make_mixture_regression(120, 3, n_components=6, scale=1, random_state=1)
    model = MixtureRegressor(6, random_state=0, n_init=1)
    with pytest.warns(SearchWarning, match="arms found it"):
        model.fit(X, y)
    assert model.converged_
    assert not model.search_["agreed"]


def test_easy_data_agree_in_one_round_without_a_warning():
    x, y, _ = crossing_lines(1, 200, 0.3, 0.3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = MixtureRegressor(2, random_state=0).fit(x, y)
    assert model.search_["agreed"]
    assert model.search_["rounds"] == 1
    assert model.search_["unseen"] == 0


def test_a_maximum_of_higher_likelihood_is_marked_and_scale_penalty_chooses_it():
    NO, equivalence = load_nodata(return_X_y=True)
    X = np.column_stack([NO, NO**2])
    model = MixtureRegressor(3, random_state=0).fit(X, equivalence)
    chosen, *others = model.search_["optima"]
    assert chosen["passed_over"] is None
    higher = [o for o in others if o["log_likelihood"] > chosen["log_likelihood"] + 0.1]
    assert all(optimum["passed_over"] for optimum in higher)
    sound = [optimum["log_likelihood"] for optimum in higher if optimum["proven"]]
    assert len(sound) >= 1
    free = MixtureRegressor(3, scale_penalty=0, random_state=0).fit(X, equivalence)
    assert free.log_likelihood_ > max(sound) - 0.1
    assert free.converged_


@many
@given(st.integers(2, 200), st.integers(2, 2000))
def test_the_chance_of_a_new_optimum_solves_ewenss_formula(distinct, n):
    chance = chance_of_new(distinct, n)
    if distinct >= n:
        assert chance == 1
        return
    theta = n * chance / (1 - chance)
    assert_allclose((theta / (theta + np.arange(n))).sum(), distinct, rtol=1e-6)


def test_one_optimum_leaves_no_chance_of_another():
    assert chance_of_new(1, 30) == 0


@many
@given(
    st.integers(-30, 30),
    st.sets(st.integers(-10_000, 10_000), min_size=3, max_size=60),
    st.integers(1, 10),
    st.sampled_from([1.0, 0.1, 0.25, 1e-3, 2.54]),
)
def test_the_step_of_rounded_values_is_found(origin, numbers, gap, unit):
    numbers = np.array(sorted({*numbers, 20_000, 20_000 + gap}))
    step = np.gcd.reduce(np.diff(numbers)) * unit
    assert_allclose(lattice_step(origin + numbers * unit), step, rtol=1e-6)


def test_one_large_gap_does_not_hide_the_step():
    assert lattice_step(np.array([-2.0, 1, 4, 20_000, 20_009])) == 1


def test_values_that_are_not_rounded_have_no_step():
    assert lattice_step(np.random.default_rng(0).normal(size=200)) < 1e-6
    assert lattice_step(np.full(5, 3.0)) == 0


def test_rows_on_rounded_responses_are_no_component():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(150, 1)).round(1)
    y = (1 + x[:, 0] + rng.normal(size=150)).round(1)
    model = MixtureRegressor(3, random_state=0).fit(x, y)
    assert model.scale_.min() > 0.02
