"""The optimality gap: small at right optima, large at wrong ones, and a bound."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from support import log_normal, separated, two_lines

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn._growth.candidates import find_candidates
from mixreg_sklearn._rebuilt import rebuild
from mixreg_sklearn.datasets import make_mixture_regression
from mixreg_sklearn.metrics import optimality_gap
from mixreg_sklearn.metrics._gap import _whole_landscape
from mixreg_sklearn.metrics._gap_proof import (
    _bound,
    _bounds_of,
    _faces,
    _scaled,
    _split,
)
from mixreg_sklearn.metrics._mixing import Mixing, _mixing, _newton_weights, best_mixing


@pytest.fixture(scope="module")
def data():
    return two_lines(n=100)


@pytest.fixture(scope="module")
def model(data):
    return MixtureRegressor(2, random_state=0).fit(*data)


def wrong_fit(sample):
    """Two regressions share the rows of one; the third stands between two."""
    k = np.argsort(sample.intercept)
    between = (sample.coef[k[1]] + sample.coef[k[2]]) / 2
    level = (sample.intercept[k[1]] + sample.intercept[k[2]]) / 2
    first, height = sample.coef[k[0]], sample.intercept[k[0]]
    start = {
        "weights": np.array([0.3, 0.3, 0.4]),
        "coef": np.array([first + 0.3, first - 0.3, between]),
        "intercept": np.array([height, height, level]),
        "scale": np.array([0.3, 0.6, 3.0]),
    }
    return MixtureRegressor(3, init=start).fit(sample.X, sample.y)


@pytest.mark.parametrize("d", [1, 2, 4])
@pytest.mark.parametrize("seed", range(1, 4))
def test_right_optima_are_not_suspicious(seed, d):
    sample = separated(seed, n=120, d=d, n_components=3)
    model = MixtureRegressor(3, random_state=0).fit(sample.X, sample.y)
    gap = optimality_gap(model, sample.X, sample.y)
    assert 0 <= gap.gap < gap.threshold
    assert not gap.suspicious
    assert gap.proven == (d == 1)


@pytest.mark.parametrize("d", [1, 2, 4])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_wrong_optima_are_suspicious(d):
    sample = separated(1, n=120, d=d, n_components=3)
    right = MixtureRegressor(3, random_state=0).fit(sample.X, sample.y)
    wrong = wrong_fit(sample)
    assert wrong.log_likelihood_ < right.log_likelihood_ - 20
    gap = optimality_gap(wrong, sample.X, sample.y)
    assert gap.suspicious
    assert gap.gap > gap.threshold


def test_the_candidate_is_the_regression_that_is_missing(data):
    X, y = data
    one = MixtureRegressor(1).fit(X, y)
    gap = optimality_gap(one, X, y)
    # Under the wide scale of one regression the newcomer is only near a line.
    assert gap.derivative > 5
    density = np.exp(log_normal(y, gap.intercept + X @ gap.coef, gap.scale))
    fitted = np.exp(log_normal(y, one.predict(X), one.scale_[0]))
    assert_allclose(gap.derivative, (density / fitted).sum() - len(y), rtol=1e-6)


def test_no_mixture_under_the_same_scales_and_shares_exceeds_a_proven_gap(data):
    # Random distributions over regressions, and better ones: EM on many atoms.
    X, y = data
    rng = np.random.default_rng(0)
    for n_components in (1, 2):
        model = MixtureRegressor(n_components, random_state=0).fit(X, y)
        gap = optimality_gap(model, X, y)
        assert gap.proven
        atoms = []
        for _ in range(200):
            i, j = rng.choice(len(y), 2, replace=False)
            slope = (y[i] - y[j]) / (X[i, 0] - X[j, 0])
            atoms.append(y[i] + slope * (X[:, 0] - X[i, 0]))
        means = np.vstack([model.predict_components(X).T, atoms])
        scales, shares = model.scale_, model.weights_
        density = np.exp(log_normal(y, means[None], scales[:, None, None]))
        density *= shares[:, None, None]
        weight = np.full(density.shape[:2], 1 / len(means))
        for _ in range(500):
            f = np.einsum("km,kmn->n", weight, density)
            weight *= np.einsum("kmn,n->km", density, 1 / f)
            weight /= weight.sum(axis=1, keepdims=True)
        assert np.log(f).sum() <= model.log_likelihood_ + gap.bound
        assert np.log(f).sum() > model.log_likelihood_


def test_more_components_close_the_gap(data):
    X, y = data
    gaps = [
        optimality_gap(MixtureRegressor(K, random_state=0).fit(X, y), X, y).gap
        for K in (1, 2)
    ]
    assert gaps[0] > gaps[1] + 3


def test_a_proof_is_close_to_what_was_found(data, model, monkeypatch):
    proven = optimality_gap(model, *data)
    assert proven.gap - 1e-9 < proven.bound < proven.gap + 2
    monkeypatch.setattr("mixreg_sklearn.metrics._gap.provable", lambda landscape: False)
    found = optimality_gap(model, *data)
    assert not found.proven
    assert found.bound == np.inf
    assert found.gap == proven.gap


def test_bounds_of_boxes_hold_at_random_regressions():
    rng = np.random.default_rng(0)
    rows, factor = rng.normal(size=(40, 3)) * [1, 2, 3], rng.random(40)
    scaled = _scaled(rows)
    center, half = _faces(3)
    assert len(center) == 5
    for _ in range(6):
        bounds = _bounds_of(scaled, factor, center, half)
        for _ in range(20):
            u = center + half * rng.uniform(-1, 1, size=half.shape)
            residual = (u @ scaled.T) / np.maximum(u[:, -1:], 1e-12)
            assert (np.exp(-0.5 * residual**2) @ factor <= bounds + 1e-9).all()
        center, half = _split(center, half)


def test_the_bound_is_the_maximum_where_it_is_known():
    # One regression through all rows: F is largest there, the sum of all factors.
    x = np.linspace(-1, 1, 30)
    rows = np.column_stack([-np.ones(30), -x, 1 + 2 * x]) / 0.1
    factor = np.ones(30)
    assert 30 <= _bound(rows, factor, 30.5) <= 30.5


def landscape(model, X, y):
    """The rows as candidate components of a fitted model see them."""
    return _whole_landscape(rebuild(model, X, y))


@pytest.mark.parametrize("seed", range(3))
def test_weights_of_distributions_satisfy_the_optimality_conditions(seed):
    sample = separated(seed, n=80, d=1)
    model = MixtureRegressor(2, random_state=0).fit(sample.X, sample.y)
    ground = landscape(model, sample.X, sample.y)
    mixing, excess, _ = best_mixing(ground, np.random.default_rng(0))
    assert_allclose(np.bincount(mixing.component, mixing.weight), 1)
    assert (mixing.weight > 0).all()
    # No regression of the support has a derivative other than zero.
    ratio = np.exp(mixing.log_density - mixing.log_mixture) @ ground.weight
    share = np.bincount(mixing.component, mixing.weight * ratio)
    assert (np.abs(ratio - share[mixing.component]) < 0.5).all()
    assert excess.sum() < 0.3


def test_weights_are_found_in_a_problem_with_a_known_answer():
    # Each unit has one atom that explains it alone: weights are shares of units.
    log_density = np.where(np.eye(3, dtype=bool), 0.0, -50.0)[:, [0, 0, 1, 2]]

    class Landscape:
        weight = np.ones(4)

    mixing = Mixing(None, np.zeros(3, int), np.full(3, 1 / 3), log_density, None, 0.0)
    for _ in range(20):
        log_mixture = np.log(mixing.weight @ np.exp(log_density))
        mixing = mixing._replace(log_mixture=log_mixture)
        weight = _newton_weights(Landscape, mixing)
        mixing = mixing._replace(weight=0.5 * (mixing.weight + weight))
    assert_allclose(mixing.weight, [0.5, 0.25, 0.25], atol=1e-4)


def test_regressions_without_weight_leave():
    class Landscape:
        weight = np.ones(4)

    log_density = np.zeros((3, 4))
    mixing = _mixing(
        Landscape,
        np.zeros((3, 1)),
        np.array([0, 0, 1]),
        np.array([0.5, 0, 2]),
        log_density,
    )
    assert mixing.weight.tolist() == [1, 1]
    assert_allclose(mixing.log_likelihood, 4 * np.log(2))


def test_newcomers_are_local_maxima_of_the_derivative(data, model):
    ground = landscape(model, *data)
    found = find_candidates(ground, ground.log_mixture, np.random.default_rng(0), 20)
    assert (np.diff(found.derivative) <= 0).all()
    best = found.take(slice(0, 1))
    scale = ground.scale[best.component]
    for move in np.vstack([np.eye(2), -np.eye(2)]) * 0.1 * scale[0]:
        moved = ground.log_densities(best.coef + move, best.component)
        value = np.exp(moved - ground.log_mixture) @ ground.weight
        assert value[0] < best.derivative[0] * (1 + 1e-6)


def test_weights_equal_repetition(data):
    X, y = data
    weight = 1 + np.arange(len(y)) % 2
    rows = np.repeat(np.arange(len(y)), weight)
    model = MixtureRegressor(2, random_state=0).fit(X, y, weight)
    ours = optimality_gap(model, X, y, weight)
    theirs = optimality_gap(model, X[rows], y[rows])
    assert abs(ours.gap - theirs.gap) < 2


def test_gaps_are_the_same_in_other_units(data, model):
    X, y = data
    scaled = MixtureRegressor(2, random_state=0).fit(100 * X, 0.01 * y + 7)
    ours, theirs = (
        optimality_gap(model, X, y),
        optimality_gap(scaled, 100 * X, 0.01 * y + 7),
    )
    assert abs(ours.gap - theirs.gap) < 1.5
    assert_allclose(ours.threshold, theirs.threshold, rtol=1e-4)


def test_a_gap_is_the_same_twice(data, model):
    ours, theirs = optimality_gap(model, *data), optimality_gap(model, *data)
    assert ours.gap == theirs.gap
    assert ours.coef.tolist() == theirs.coef.tolist()


def test_the_threshold_is_higher_where_scales_differ():
    X, y, _ = make_mixture_regression(150, scale=[0.3, 1.0], random_state=0)
    unequal = MixtureRegressor(2, random_state=0).fit(X, y)
    equal = MixtureRegressor(2, shared_scale=True, random_state=0).fit(X, y)
    assert optimality_gap(equal, X, y).threshold == 6.0
    gap = optimality_gap(unequal, X, y)
    assert not gap.suspicious
    narrow = unequal.scale_.argmin()
    ratio = unequal.scale_.max() / unequal.scale_.min()
    tightness = unequal.weights_[narrow] * np.log(ratio)
    assert_allclose(gap.threshold, 3 * (1 + 1.5 * tightness) + 3)


def test_gates_groups_families_and_shared_features_have_a_gap():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 4)
    X = np.column_stack([rng.normal(size=160), rng.normal(size=40)[groups]])
    second = (rng.random(40) < 0.5)[groups]
    y = rng.poisson(np.exp(np.where(second, 2.0, 0.5) + 0.3 * X[:, 0]))
    settings = {
        "family": "poisson",
        "gate": "softmax",
        "gate_features": [1],
        "regression_features": [0],
    }
    gaps = []
    for K in (1, 2):
        model = MixtureRegressor(K, random_state=0, **settings)
        gaps.append(optimality_gap(model.fit(X, y, groups=groups), X, y, groups=groups))
    assert gaps[0].suspicious
    assert not gaps[1].suspicious
    assert not gaps[0].proven
    shared = MixtureRegressor(2, random_state=0, shared_features=[0])
    gap = optimality_gap(shared.fit(X, y.astype(float)), X, y.astype(float))
    assert_allclose(gap.coef[0], shared.coef_[0, 0])


def test_an_offset_is_no_newcomers_choice():
    X, y = two_lines(n=60)
    offset = np.linspace(0, 5, 60)
    plain = MixtureRegressor(1).fit(X, y)
    column = np.column_stack([X, offset])
    shifted = MixtureRegressor(1, offset_feature=1).fit(column, y + offset)
    held = MixtureRegressor(1, held_coef={1: 1.0}).fit(column, y + offset)
    given = MixtureRegressor(1).fit(X, y + offset, offset=offset)
    expected = optimality_gap(plain, X, y).gap
    for gap in (
        optimality_gap(shifted, column, y + offset),
        optimality_gap(held, column, y + offset),
        optimality_gap(given, X, y + offset, offset=offset),
    ):
        assert abs(gap.gap - expected) < 1


def test_a_chosen_mixture_has_the_gap_of_the_best(data):
    chosen = MixtureRegressorIC((1, 2), random_state=0).fit(*data)
    assert optimality_gap(chosen, *data).gap == (
        optimality_gap(chosen.best_estimator_, *data).gap
    )


def test_an_outlier_beyond_all_bounds_is_survived():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 1))
    y = X[:, 0] + rng.normal(size=400)
    model = MixtureRegressor(1).fit(X, y)
    y[0] = 200.0
    gap = optimality_gap(model, X, y)
    # A regression of its own for this row: what is lost by it, but for its share.
    lost = -log_normal(y[0], model.predict(X[:1])[0], model.scale_[0])
    assert abs(gap.gap - lost) < 20
    assert gap.suspicious


def test_a_gap_prints_its_meaning(data, model):
    right, wrong = (
        optimality_gap(fit, *data) for fit in (model, MixtureRegressor(1).fit(*data))
    )
    first, second, third = str(right).splitlines()
    assert first.startswith(f"gap {right.gap:.2f} nats, within the threshold")
    assert second.startswith(f"proven to be at most {right.bound:.2f} nats")
    assert third.startswith(f"steepest ascent toward intercept {right.intercept:.4g}")
    assert f"above the threshold of {wrong.threshold:.2f}" in str(wrong)
    unproven = right._replace(proven=False, bound=np.inf)
    assert "inf" not in str(unproven)
    assert "not proven" in str(unproven)
    assert "\n" not in repr(right)


def best_levels(density, n_passes=3000):
    """The log-likelihood of the best distributions over levels, by EM.

    `density` (K, m, n) has those of m levels, prior probabilities included; the last
    component is a background.
    """
    weight = np.full(density.shape[:2], 1 / density.shape[1])
    for _ in range(n_passes):
        f = np.einsum("km,kmn->n", weight, density)
        weight *= np.einsum("kmn,n->km", density, 1 / f)
        weight /= weight.sum(axis=1, keepdims=True)
    return np.log(f).sum()


def test_a_background_and_known_components_stay_what_they_are():
    # Levels without features, so that all of them can be tried.
    rng = np.random.default_rng(3)
    label = np.repeat([0, 1, 1, 0], 25)
    y = np.array([-3.0, 2.0])[label] + rng.normal(size=100)
    y[::10] = rng.uniform(-12, 12, size=10)
    known = np.where(rng.random(100) < 0.3, label, -1)
    known[::20] = 2
    X = np.zeros((100, 1))
    model = MixtureRegressor(2, background="uniform", random_state=0)
    model.set_params(regression_features=[]).fit(X, y, known_component=known)
    gap = optimality_gap(model, X, y, known_component=known)
    levels = np.linspace(y.min(), y.max(), 300)[:, None]
    prior = np.append(model.weights_, model.background_weight_)
    density = np.exp(log_normal(y, levels, model.scale_[:, None, None]))
    uniform = np.full((1, *density.shape[1:]), 1 / np.ptp(y))
    density = np.concatenate([density, uniform]) * prior[:, None, None]
    density *= ((known < 0) | (known == np.arange(3)[:, None]))[:, None]
    brute = best_levels(density) - model.log_likelihood_
    assert gap.proven
    assert brute > 1
    assert gap.gap - 0.3 < brute < gap.bound
    with_all = optimality_gap(model, X, y)
    assert abs(with_all.gap - gap.gap) > 0.1
