"""A fitted mixture grows by a component, and its likelihood does not fall."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from support import separated, two_lines

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn._data.structure import make_structure
from mixreg_sklearn._growth.growth import _twice, can_grow, grow
from mixreg_sklearn._rebuilt import rebuild
from mixreg_sklearn.families import Gaussian
from mixreg_sklearn.gates import ConstantGate

# A mixture with more components than there are need not have a proven maximum.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def grouped(seed=0, n_groups=30, size=4):
    """Rows whose groups belong to one of two regressions, and a gate's feature."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_groups), size)
    z = rng.normal(size=n_groups)
    second = (rng.random(n_groups) < 1 / (1 + np.exp(-2 * z)))[groups]
    x = rng.normal(size=len(groups))
    y = np.where(second, 3 - x, x) + 0.5 * rng.normal(size=len(groups))
    return np.column_stack([x, z[groups]]), y, groups


def counts(seed=0, n=200):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    rate = np.exp(np.where(rng.random(n) < 0.5, 2.5 - 0.3 * x, 0.5 + 0.5 * x))
    return x[:, None], rng.poisson(rate)


@pytest.mark.parametrize("seed", range(4))
def test_growth_finds_what_the_search_finds(seed):
    sample = separated(seed, n=150, n_components=3)
    grown = MixtureRegressor(1).fit(sample.X, sample.y)
    for _ in range(2):
        grown = grow(grown, sample.X, sample.y)
    searched = MixtureRegressor(3, random_state=0).fit(sample.X, sample.y)
    assert grown.log_likelihood_ > searched.log_likelihood_ - 1e-4


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_growth_never_lowers_the_likelihood(seed, d):
    sample = separated(seed, n=60, d=d)
    model = MixtureRegressor(2, random_state=0).fit(sample.X, sample.y)
    for n_components in (3, 4, 5):
        larger = grow(model, sample.X, sample.y)
        assert larger.n_components == len(larger.weights_) == n_components
        assert larger.log_likelihood_ >= model.log_likelihood_ - 1e-8
        model = larger


@pytest.mark.parametrize(
    "settings",
    [
        {"shared_scale": True},
        {"shared_features": [0]},
        {"held_coef": {1: 0.0}},
        {"regression_features": [0]},
        {"fit_intercept": False},
        {"offset_feature": 1},
        {"gate": "softmax", "gate_features": [1], "regression_features": [0]},
        {"gate": "softmax", "shared_scale": True},
    ],
    ids=str,
)
def test_settings_that_are_the_same_for_all_components_survive(settings):
    X, y, _ = grouped()
    model = MixtureRegressor(2, random_state=0, **settings).fit(X, y)
    larger = grow(model, X, y)
    assert larger.log_likelihood_ >= model.log_likelihood_ - 1e-8
    assert larger.get_params() == model.get_params() | {"n_components": 3}
    if "shared_features" in settings:
        assert np.ptp(larger.coef_[:, 0]) < 1e-9
    if settings.get("shared_scale"):
        assert np.ptp(larger.scale_) < 1e-9


@pytest.mark.parametrize("gate", [None, "softmax"])
def test_groups_stay_together(gate):
    X, y, groups = grouped()
    settings = {"gate": gate, "regression_features": [0]}
    if gate:
        settings["gate_features"] = [1]
    model = MixtureRegressor(1, **settings).fit(X, y, groups=groups)
    larger = grow(model, X, y, groups=groups)
    searched = MixtureRegressor(2, random_state=0, **settings).fit(X, y, groups=groups)
    assert abs(larger.log_likelihood_ - searched.log_likelihood_) < 1e-4


def test_weights_and_offsets_reach_the_larger_mixture():
    X, y = two_lines(n=90)
    given = {"sample_weight": np.arange(90) % 3, "offset": np.linspace(0, 5, 90)}
    model = MixtureRegressor(1).fit(X, y, **given)
    larger = grow(model, X, y, **given)
    searched = MixtureRegressor(2, random_state=0).fit(X, y, **given)
    assert abs(larger.log_likelihood_ - searched.log_likelihood_) < 1e-4


@pytest.mark.parametrize("family", ["poisson", "negative_binomial"])
def test_other_families_grow(family):
    X, y = counts()
    model = MixtureRegressor(1, family=family).fit(X, y)
    larger = grow(model, X, y)
    searched = MixtureRegressor(2, family=family, random_state=0).fit(X, y)
    assert larger.log_likelihood_ > searched.log_likelihood_ - 1e-3
    assert larger.log_likelihood_ > model.log_likelihood_ + 1


@pytest.mark.parametrize("gate", [None, "softmax"])
def test_a_component_twice_is_the_same_mixture(gate):
    X, y, _ = grouped()
    model = MixtureRegressor(2, gate=gate, random_state=0).fit(X, y)
    for k in range(2):
        rebuilt = rebuild(model, X, y)
        larger = clone(model).set_params(n_components=3)
        structure = make_structure(larger, Gaussian(), rebuilt.columns)
        mixture = rebuilt.problem.restructured(structure).model
        rows, twice = rebuilt.problem.rows, _twice(rebuilt.params, k)
        ours = rows.sum(mixture.summarize, twice).loglik
        theirs = rows.sum(rebuilt.problem.model.summarize, rebuilt.params).loglik
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_where_nothing_can_be_gained_the_likelihood_stays():
    # Every row has the same response as its twins: a point mass is all there is.
    x = np.repeat(np.arange(6.0), 10)[:, None]
    y = np.repeat([0, 1, 1, 2, 2, 3], 10)
    model = MixtureRegressor(1, family="poisson", shared_scale=True).fit(x, y)
    larger = grow(model, x, y)
    assert abs(larger.log_likelihood_ - model.log_likelihood_) < 1e-6


@pytest.mark.parametrize(
    "settings",
    [
        {"shared_features": {0: [[0, 1]]}},
        {"held_coef": {0: [0.0, None]}},
        {"gate": ConstantGate([0.7, 0.3])},
        {"gate": ConstantGate("equal")},
    ],
    ids=str,
)
def test_constraints_that_name_components_do_not_carry_over(settings):
    X, y = two_lines(n=90)
    model = MixtureRegressor(2, random_state=0, **settings)
    assert not can_grow(model)
    with pytest.raises(ValueError, match="cannot grow"):
        grow(model.fit(X, y), X, y)


def test_growth_leaves_the_model_as_it_was():
    X, y = two_lines(n=90)
    model = MixtureRegressor(2, random_state=3).fit(X, y)
    before = clone(model).get_params(), model.coef_.copy()
    first, second = grow(model, X, y), grow(model, X, y)
    assert model.get_params() == before[0]
    assert (model.coef_ == before[1]).all()
    assert (first.coef_ == second.coef_).all()
    assert first.init is None


def test_what_the_larger_fit_warns_of_is_passed_on():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 1)), rng.normal(size=12)
    model = MixtureRegressor(3, random_state=0).fit(X, y)
    with pytest.warns(ConvergenceWarning):
        larger = grow(grow(grow(model, X, y), X, y), X, y)
    assert not larger.converged_
