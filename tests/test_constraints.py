"""Coefficients that components share, coefficients that are held, offsets by name."""

import re
from functools import cache
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
import support
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import optimize, stats
from sklearn.ensemble import BaggingRegressor
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from support import as_init, few, fitted, jacobian, log_likelihood, seeds, separated

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn.gates import ConstantGate, SoftmaxGate
from mixreg_sklearn.metrics import log_likelihood_scorer

NAMES = ["age", "dose", "time"]


def lines(seed, n_components=3, n=None, spacing=6.0):
    """Lines far apart, three features; the second has one coefficient in all."""
    rng = np.random.default_rng(seed)
    n = 40 * n_components if n is None else n
    X = rng.normal(size=(n, 3))
    label = rng.permutation(np.arange(n) % n_components)
    coef = rng.normal(size=(n_components, 3))
    coef[:, 1] = 1.5
    mean = spacing * label + np.einsum("ij,ij->i", X, coef[label])
    return X, mean + rng.uniform(0.4, 0.8, n_components)[label] * rng.normal(size=n)


def fit(X, y, n_components=3, *, seed=0, arguments=None, **options):
    model = MixtureRegressor(n_components, random_state=seed, **options)
    return model.fit(X, y, **(arguments or {}))


def assert_same(ours, theirs, rtol=1e-7):
    support.assert_same(ours, theirs, rtol)
    assert ours.n_parameters_ == theirs.n_parameters_


@pytest.fixture(scope="module")
def data():
    return lines(0)


@pytest.fixture(scope="module")
def frame(data):
    return pd.DataFrame(data[0], columns=NAMES), data[1]


@pytest.fixture(scope="module")
def free(data):
    return fit(*data)


def parameters(model):
    """Free parameters by name: log-odds, intercepts, coefficients, log scales."""
    return [
        np.log(model.weights_[1:] / model.weights_[0]),
        model.intercept_,
        *model.coef_.T,
        np.log(model.scale_),
    ]


def loglik_of(X, y, vectors):
    """Log-likelihood at `parameters`, by its definition."""
    logit, intercept, *coef, log_scale = vectors
    logit = np.append(0.0, logit)
    weights = np.exp(logit - np.logaddexp.reduce(logit))
    return log_likelihood(
        X, y, weights, intercept, np.column_stack(coef), np.exp(log_scale)
    )


def admissible(model, partitions, held):
    """Directions in which the parameters of a mixture may move, one a row.

    `partitions` and `held` are dicts from 0 (the intercept) or 1 + a feature's index
    to the parts of components, or to a mask of components that do not move.
    """
    K, vectors = model.n_components, parameters(model)
    directions = []
    for place, vector in enumerate(vectors):
        parts = partitions.get(place - 1, [])
        alone = set(range(len(vector))) - {k for part in parts for k in part}
        for part in [*parts, *([k] for k in sorted(alone))]:
            direction = [np.zeros(len(v)) for v in vectors]
            direction[place][list(part)] = 1.0
            if not (place - 1 in held and held[place - 1][part[0]]):
                directions.append(np.concatenate(direction))
    assert len(vectors[1]) == K
    return np.array(directions)


def assert_stationary(model, X, y, partitions=None, held=None):
    """The log-likelihood does not rise in any admissible direction."""
    directions = admissible(model, partitions or {}, held or {})
    assert len(directions) == model.n_parameters_
    at = parameters(model)
    ends = np.cumsum([len(v) for v in at])[:-1]

    def along(t):
        return loglik_of(X, y, np.split(np.concatenate(at) + t @ directions, ends))

    zero = np.zeros(len(directions))
    assert_allclose(along(zero), model.log_likelihood_, rtol=1e-10)
    assert np.abs(jacobian(along, zero, 1e-3)).max() < 1e-5


# Shared by some ----------------------------------------------------------------


@few
@given(seeds, st.sampled_from([2, 3]))
def test_sharing_by_all_is_the_dict_of_all_components(seed, n_components):
    X, y = lines(seed, n_components)
    listed = fit(X, y, n_components, shared_features=[1])
    everyone = list(range(n_components))
    named = fit(X, y, n_components, shared_features={1: [everyone]})
    assert_same(named, listed, rtol=1e-12)
    assert np.ptp(named.coef_[:, 1]) < 1e-12
    # They sort as components without constraints do.
    assert (np.diff(named.weights_) <= 0).all()


PARTS = [[[0, 1]], [[0, 2]], [[1, 2]], [[2, 0]], [(1, 2), (0,)]]


@few
@given(seeds, st.sampled_from(PARTS), st.sampled_from([0, 1, 2, "intercept"]))
def test_what_some_components_share_is_equal_and_the_rest_is_free(seed, parts, key):
    X, y = lines(seed)
    model = fit(X, y, shared_features={key: parts})
    values = model.intercept_ if key == "intercept" else model.coef_[:, key]
    together = list(max(parts, key=len))
    (other,) = set(range(3)) - set(together)
    assert values[together[0]] == pytest.approx(values[together[1]], rel=1e-12)
    assert abs(values[other] - values[together[0]]) > 1e-6
    assert model.converged_
    place = 0 if key == "intercept" else 1 + key
    assert_stationary(model, X, y, {place: [together]})
    assert model.n_parameters_ == 3 * (4 + 1) + 2 - 1


# Few data sets, so that tests share their fits.
few_lines = st.integers(0, 3)


@cache
def free_fit(seed):
    return fit(*lines(seed))


@cache
def fit_of_a_pair(seed, feature):
    """A fit of three components, of which two share the coefficient of a feature."""
    return fit(*lines(seed), shared_features={feature: [[0, 1]]})


@few
@given(few_lines, st.sampled_from([0, 1, 2]))
def test_the_likelihood_grows_as_less_is_shared(seed, feature):
    fits = (
        fit(*lines(seed), shared_features=[feature]),
        fit_of_a_pair(seed, feature),
        free_fit(seed),
    )
    assert (np.diff([model.log_likelihood_ for model in fits]) > -1e-8).all()


@few
@given(few_lines, st.sampled_from([0, 1, 2]))
def test_the_search_finds_who_shares(seed, feature):
    # Every assignment of lines to roles is an optimum; the best of them is wanted.
    X, y = lines(seed)
    model = fit_of_a_pair(seed, feature)
    free = free_fit(seed)
    by_hand = []
    for order in permutations(range(3)):
        start = as_init(free, list(order))
        other = fit(X, y, shared_features={feature: [[0, 1]]}, init=start)
        by_hand.append(other.log_likelihood_)
    assert_allclose(model.log_likelihood_, max(by_hand), rtol=1e-9)


def test_two_pairs_share_each_its_own_value():
    X, y = lines(1, 4)
    parts = [[0, 3], [1, 2]]
    model = fit(X, y, 4, shared_features={"intercept": [], 0: parts, 2: [[0, 1]]})
    assert model.converged_
    assert_allclose(model.coef_[[0, 1], 0], model.coef_[[3, 2], 0], rtol=1e-12)
    assert abs(model.coef_[0, 0] - model.coef_[1, 0]) > 1e-6
    assert_allclose(model.coef_[0, 2], model.coef_[1, 2], rtol=1e-12)
    assert_stationary(model, X, y, {1: parts, 3: [[0, 1]]})
    assert model.n_parameters_ == 4 * 5 + 3 - 2 - 1


def test_components_with_the_same_role_sort_by_their_shares():
    X, y = lines(2, 4)
    model = fit(X, y, 4, shared_features={0: [[2, 3]]})
    # Components 0 and 1 are alike, and so are 2 and 3.
    assert model.weights_[0] >= model.weights_[1]
    assert model.weights_[2] >= model.weights_[3]
    assert model.coef_[2, 0] == pytest.approx(model.coef_[3, 0], rel=1e-12)
    again = fit(X, y, 4, shared_features={0: [[0, 1]]})
    assert_allclose(again.log_likelihood_, model.log_likelihood_, rtol=1e-9)
    assert_allclose(again.coef_[[2, 3, 0, 1]], model.coef_, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("parts", [[], [[0]], [[0], [1], [2]], ()])
def test_parts_of_one_component_share_nothing(parts, data, free):
    assert_same(fit(*data, shared_features={1: parts}), free, rtol=1e-9)


def test_a_shared_intercept_lets_slopes_differ():
    # Dose-response curves with a common origin.
    rng = np.random.default_rng(0)
    x = rng.uniform(0.5, 3.0, size=200)
    steep = np.arange(200) % 2 == 0
    y = 2.0 + np.where(steep, 3.0, -1.0) * x + 0.3 * rng.normal(size=200)
    X = x[:, None]
    model = fit(X, y, 2, shared_features={"intercept": [[0, 1]]})
    assert np.ptp(model.intercept_) < 1e-12
    assert_allclose(model.intercept_[0], 2.0, atol=0.2)
    assert_stationary(model, X, y, {0: [[0, 1]]})
    assert model.n_parameters_ == 1 + 2 + 2 + 1
    assert (np.diff(model.weights_) <= 0).all()


def test_everything_may_be_shared_but_the_scale():
    # Outliers: one regression, two scales.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 1))
    wild = rng.random(300) < 0.2
    y = 1 + 2 * X[:, 0] + np.where(wild, 5.0, 0.5) * rng.normal(size=300)
    shared = {"intercept": [[0, 1]], 0: [[0, 1]]}
    model = fit(X, y, 2, shared_features=shared)
    assert model.converged_
    assert max(np.ptp(model.intercept_), np.ptp(model.coef_)) < 1e-12
    assert model.n_parameters_ == 1 + 1 + 1 + 2
    assert_stationary(model, X, y, {0: [[0, 1]], 1: [[0, 1]]})
    assert_allclose(model.scale_, [0.5, 5.0], rtol=0.2)


# Held --------------------------------------------------------------------------


@few
@given(seeds, st.sampled_from([0, 1, 2]), st.floats(-3, 3))
def test_a_coefficient_held_everywhere_is_an_offset(seed, feature, value):
    X, y = lines(seed, 2)
    held = fit(X, y, 2, held_coef={feature: value})
    others = np.delete(X, feature, axis=1)
    offset = {"offset": value * X[:, feature]}
    theirs = fit(others, y, 2, arguments=offset)
    assert_allclose(held.log_likelihood_, theirs.log_likelihood_, rtol=1e-10)
    assert_array_equal(held.coef_[:, feature], np.full(2, value))
    left = np.delete(held.coef_, feature, axis=1)
    assert_allclose(left, theirs.coef_, rtol=1e-6, atol=1e-7)
    assert held.n_parameters_ == theirs.n_parameters_
    assert_allclose(held.predict(X), theirs.predict(others, **offset), rtol=1e-6)
    listed = fit(X, y, 2, held_coef={feature: [value, value]}, init=as_init(held))
    assert_same(listed, held, rtol=1e-12)


@few
@given(
    seeds,
    st.sampled_from([0, 1, 2, "intercept"]),
    st.integers(0, 2),
    st.sampled_from([0.0, 1.0, -2.5]),
)
def test_a_coefficient_held_in_one_component_has_that_value_there(
    seed, key, component, value
):
    X, y = lines(seed)
    values = [None, None, None]
    values[component] = value
    model = fit(X, y, held_coef={key: values})
    ours = model.intercept_ if key == "intercept" else model.coef_[:, key]
    assert_allclose(ours[component], value, rtol=1e-12, atol=1e-12)
    assert model.converged_
    mask = np.arange(3) == component
    place = 0 if key == "intercept" else 1 + key
    assert_stationary(model, X, y, held={place: mask})
    assert model.n_parameters_ == 3 * 5 + 2 - 1
    # The other components are alike and sort by their shares.
    assert (np.diff(np.delete(model.weights_, component)) <= 0).all()


@few
@given(seeds, st.sampled_from([0.0, 1.0, -2.5]))
def test_the_component_of_the_constraint_has_the_number_of_the_constraint(seed, value):
    X, y = lines(seed, 2)
    models = []
    for component in range(2):
        values = [None, None]
        values[component] = value
        models.append(fit(X, y, 2, held_coef={0: values}))
    logliks = [model.log_likelihood_ for model in models]
    assert_allclose(logliks, logliks[0], rtol=1e-9)
    ours = [model.intercept_[k] for k, model in enumerate(models)]
    assert_allclose(ours, ours[0], rtol=1e-6, atol=1e-7)


@few
@given(seeds, st.integers(0, 4), st.sampled_from([0.0, 1.5]))
def test_every_seed_finds_the_same_roles(seed, random_state, value):
    # All coefficients are alike but for the one that is held: it has to be found.
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(150, 2))
    label = np.arange(150) % 3
    coef = np.array([[value, 1.0], [-3.0, 1.0], [3.5, -1.0]])[label]
    y = 8.0 * rng.permutation(3)[label] + np.einsum("ij,ij->i", X, coef)
    y = y + 0.5 * rng.normal(size=150)
    held = {0: [None, value, None]}
    model = fit(X, y, seed=random_state, held_coef=held)
    assert model.converged_
    assert_allclose(model.coef_[1, 0], value, atol=1e-12)
    assert_allclose(np.sort(model.coef_[[0, 2], 0]), [-3.0, 3.5], atol=0.5)
    # The truth as a start is no better.
    members = np.eye(3)[np.array([1, 0, 2])[label]]
    started = fit(X, y, held_coef=held, init=members)
    assert_allclose(started.log_likelihood_, model.log_likelihood_, rtol=1e-9)


@pytest.mark.parametrize("value", [0.0, 0.2, 0.1])
def test_what_is_held_or_shared_is_so_to_the_last_digit(value):
    X, y = lines(3)
    X = 7.3 * X + 1.1
    held = {0: [value, None, None], "intercept": [None, None, 6.0]}
    model = fit(X, y, held_coef=held, shared_features={1: [[0, 1]]})
    assert model.coef_[0, 0] == value
    assert model.intercept_[2] == 6.0
    assert model.coef_[0, 1] == model.coef_[1, 1]


@pytest.mark.parametrize(
    "options",
    [
        {"held_coef": {0: [0.5, None, None]}},
        {"held_coef": {3: [0.5, None, 0.0]}},
        {"shared_features": {3: [[0, 1]]}},
        {"shared_features": [0]},
    ],
)
def test_dependent_columns_obey_what_is_held_or_shared(options, data, free):
    X, y = data
    X = np.column_stack([X, X[:, 0]])
    model = fit(X, y, **options)
    # The other copy makes up for it, so the likelihood is what it was.
    assert_allclose(model.log_likelihood_, free.log_likelihood_, rtol=1e-9)
    assert model.n_parameters_ == free.n_parameters_
    for column, values in options.get("held_coef", {}).items():
        for k, value in enumerate(values):
            if value is not None:
                assert_allclose(model.coef_[k, column], value, atol=1e-9)
    if "shared_features" in options:
        column, among = (3, [0, 1]) if options["shared_features"] != [0] else (0, ...)
        assert np.ptp(model.coef_[:, column][among]) < 1e-9


def test_a_held_intercept_is_that_of_the_features_as_they_are(data):
    X, y = data
    X = X + np.array([100.0, -50.0, 3.0])
    y = y + 40.0
    model = fit(X, y, held_coef={"intercept": [None, None, 7.0]})
    assert_allclose(model.intercept_[2], 7.0, rtol=1e-9)
    assert model.converged_
    everywhere = fit(X, y, held_coef={"intercept": 7.0})
    assert_allclose(everywhere.intercept_, 7.0, rtol=1e-9)
    assert everywhere.n_parameters_ == 2 + 3 * 3 + 3
    theirs = fit(X, y - 7.0, fit_intercept=False)
    assert_allclose(everywhere.log_likelihood_, theirs.log_likelihood_, rtol=1e-9)
    assert_allclose(everywhere.coef_, theirs.coef_, rtol=1e-6)


def test_values_at_the_estimates_change_nothing_but_the_count(data, free):
    values = free.coef_[:, 0].tolist()
    held = fit(*data, held_coef={0: values, "intercept": free.intercept_.tolist()})
    assert_allclose(held.log_likelihood_, free.log_likelihood_, rtol=1e-9)
    assert_allclose(held.coef_, free.coef_, rtol=1e-5, atol=1e-6)
    assert held.n_parameters_ == free.n_parameters_ - 6


@pytest.mark.parametrize("values", [None, [None, None, None]])
def test_what_is_free_in_all_components_is_not_held(values, data, free):
    assert_same(fit(*data, held_coef={1: values}), free, rtol=1e-9)


def test_all_coefficients_may_be_held(data, free):
    X, y = data
    held = {j: free.coef_[:, j].tolist() for j in range(3)}
    held["intercept"] = free.intercept_.tolist()
    model = fit(X, y, held_coef=held)
    # What is left are shares and scales.
    assert model.n_parameters_ == 2 + 3
    assert_allclose(model.log_likelihood_, free.log_likelihood_, rtol=1e-9)
    assert_allclose(model.scale_, free.scale_, rtol=1e-6)


def test_one_component_with_all_coefficients_held_is_its_scale(data):
    X, y = data
    held = {"intercept": 1.0, 0: 0.5, 1: 0.0, 2: -1.0}
    model = fit(X, y, 1, held_coef=held)
    residual = y - 1.0 - X @ [0.5, 0.0, -1.0]
    assert_allclose(model.scale_, [np.sqrt(np.mean(residual**2))], rtol=1e-9)
    assert model.n_parameters_ == 1


def test_equal_values_everywhere_keep_components_alike():
    X, y = lines(0, 7, n=700, spacing=9.0)
    model = fit(X, y, 7, held_coef={1: 1.5})
    assert model.converged_
    assert (np.diff(model.weights_) <= 0).all()


@few
@given(seeds, st.sampled_from([0, 1]), st.floats(-50, 50), st.floats(-3, 3))
def test_units_of_features_and_response_do_not_matter(seed, feature, shift, exponent):
    X, y = lines(seed, 2)
    factor = 10.0**exponent
    held = {feature: [0.5, None]}
    moved = {feature: [50.0 / factor, None]}
    rest = {2: [[0, 1]]}
    model = fit(X, y, 2, held_coef=held, shared_features=rest)
    there = shift + factor * X
    ours = fit(there, 100 * y + 3, 2, held_coef=moved, shared_features=rest)
    change = len(y) * np.log(100)
    assert_allclose(ours.log_likelihood_ + change, model.log_likelihood_, rtol=1e-8)
    coef = 100 * model.coef_ / factor
    atol = 1e-6 * np.abs(coef).max()
    assert_allclose(ours.coef_, coef, rtol=1e-6, atol=atol)


HELD, PARTS_OF_TWO = [0.0, None, 1.0], [[0, 1]]


@cache
def held_fit(seed):
    constraints = {"held_coef": {0: HELD}, "shared_features": {2: PARTS_OF_TWO}}
    return fit(*lines(seed), **constraints)


@few
@given(few_lines, st.permutations(range(3)))
def test_numbers_of_components_do_not_matter(seed, order):
    X, y = lines(seed)
    place, theirs = np.argsort(order), held_fit(seed)
    ours = fit(
        X,
        y,
        held_coef={0: [HELD[k] for k in order]},
        shared_features={2: [[int(place[k]) for k in part] for part in PARTS_OF_TWO]},
    )
    assert_allclose(ours.log_likelihood_, theirs.log_likelihood_, rtol=1e-9)
    assert_allclose(ours.coef_, theirs.coef_[order], rtol=1e-5, atol=1e-6)
    assert_allclose(ours.weights_, theirs.weights_[order], rtol=1e-5)


@few
@given(seeds)
def test_weights_equal_repetition_and_rows_have_no_order(seed):
    X, y = lines(seed, 2)
    rng = np.random.default_rng(seed)
    options = {"held_coef": {0: [None, 0.5]}, "shared_features": {1: [[0, 1]]}}
    count = rng.integers(0, 4, size=len(y))
    ours = fit(X, y, 2, arguments={"sample_weight": count}, **options)
    rows = rng.permutation(np.repeat(np.arange(len(y)), count))
    assert_same(ours, fit(X[rows], y[rows], 2, **options))


# Against a general optimizer ---------------------------------------------------


CONSTRAINED = {
    "shared": ({"shared_features": [1]}, {2: [[0, 1]]}, {}),
    "shared intercept": (
        {"shared_features": {"intercept": [[0, 1]]}},
        {0: [[0, 1]]},
        {},
    ),
    "held in one": ({"held_coef": {0: [1.0, None]}}, {}, {1: [True, False]}),
    "held in both": ({"held_coef": {0: [1.0, -0.5]}}, {}, {1: [True, True]}),
    "held intercept": (
        {"held_coef": {"intercept": [None, 2.0]}},
        {},
        {0: [False, True]},
    ),
    "both": (
        {"held_coef": {0: [None, 0.0]}, "shared_features": {1: [[0, 1]]}},
        {2: [[0, 1]]},
        {1: [False, True]},
    ),
    "three of four": (
        {"held_coef": {0: [2.0, None], 2: [None, 1.0], "intercept": [None, 5.0]}},
        {},
        {1: [True, False], 3: [False, True], 0: [False, True]},
    ),
}


@pytest.mark.parametrize("name", CONSTRAINED)
def test_a_general_optimizer_finds_the_same_maximum(name):
    options, partitions, held = CONSTRAINED[name]
    X, y = lines(4, 2, n=90, spacing=4.0)
    model = fit(X, y, 2, **options)
    assert model.converged_
    assert_stationary(model, X, y, partitions, held)
    directions = admissible(model, partitions, held)
    at = parameters(model)
    ends = np.cumsum([len(v) for v in at])[:-1]
    rng = np.random.default_rng(0)
    start = 0.3 * rng.normal(size=len(directions))

    def loss(t):
        vectors = np.split(np.concatenate(at) + t @ directions, ends)
        return -loglik_of(X, y, vectors)

    found = optimize.minimize(loss, start, method="BFGS", options={"gtol": 1e-6})
    assert -loss(start) < model.log_likelihood_ - 1
    assert_allclose(-found.fun, model.log_likelihood_, rtol=1e-9)
    assert_allclose(found.x, 0, atol=1e-4)
    # The library from that very start.
    _, *vectors = np.split(np.concatenate(at) + start @ directions, ends)
    intercept, *coef, log_scale = vectors
    init = {
        "weights": np.array([0.5, 0.5]),
        "intercept": intercept,
        "coef": np.column_stack(coef),
        "scale": np.exp(log_scale),
    }
    again = fit(X, y, 2, init=init, **options)
    assert_same(again, model, rtol=1e-6)


# Starts ------------------------------------------------------------------------


OPTIONS = [
    {"shared_features": {0: [[0, 1]]}},
    {"shared_features": {1: [[1, 2]], 2: [[0, 1]]}},
    {"held_coef": {0: [0.5, None, None]}},
    {"held_coef": {"intercept": [None, None, 1.0], 1: 1.5}},
    {"held_coef": {0: 0.5}, "shared_features": [1]},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_start_keeps_its_numbers_and_obeys_the_constraints(options, data):
    X, y = data
    searched = fit(X, y, **options)
    tau = searched.predict_proba(X, y)
    start = as_init(searched)
    start["coef"] = start["coef"] + 0.2
    for init in (0.7 * tau + 0.1, start):
        model = MixtureRegressor(3, init=init, **options).fit(X, y)
        assert model.search_ == {}
        assert_same(model, searched, rtol=1e-6)
    warm = MixtureRegressor(3, random_state=0, warm_start=True, **options).fit(X, y)
    assert_same(warm.fit(X, y), searched, rtol=1e-6)
    assert warm.search_ == {}


def test_a_warm_start_obeys_constraints_that_are_new(data):
    X, y = data
    warm = MixtureRegressor(3, random_state=0, warm_start=True).fit(X, y)
    warm.set_params(shared_features=[1], held_coef={0: 0.2}).fit(X, y)
    assert warm.search_ == {}
    assert_same(warm, fit(X, y, shared_features=[1], held_coef={0: 0.2}), rtol=1e-6)


# An offset by name -------------------------------------------------------------


def counts(seed=0, n=300):
    """Claims, each with an exposure."""
    rng = np.random.default_rng(seed)
    x, exposure = rng.normal(size=n), rng.uniform(0.2, 5.0, size=n)
    eta = np.where(rng.random(n) < 0.4, 2.0 - 0.5 * x, -0.5 + 0.5 * x)
    y = rng.poisson(exposure * np.exp(eta))
    return pd.DataFrame({"x": x, "log_exposure": np.log(exposure)}), y


@pytest.mark.parametrize("by", ["name", "index", "negative"])
def test_an_offset_by_name_is_the_offset_argument(by):
    frame, y = counts()
    column = {"name": "log_exposure", "index": 1, "negative": -1}[by]
    named = fit(frame, y, 2, family="poisson", offset_feature=column)
    argument = {"offset": frame["log_exposure"].to_numpy()}
    theirs = fit(frame[["x"]], y, 2, family="poisson", arguments=argument)
    assert_allclose(named.log_likelihood_, theirs.log_likelihood_, rtol=1e-11)
    assert_array_equal(named.coef_[:, 1], [1.0, 1.0])
    assert_allclose(named.coef_[:, :1], theirs.coef_, rtol=1e-7)
    assert_allclose(named.intercept_, theirs.intercept_, rtol=1e-7)
    assert named.n_parameters_ == theirs.n_parameters_ == 5
    new, y_new = counts(1)
    argument = {"offset": new["log_exposure"].to_numpy()}
    ours = named.predict(new, return_std=True)
    assert_allclose(ours, theirs.predict(new[["x"]], return_std=True, **argument))
    for method in ("predict_components", "sample"):
        seed = {"random_state": 0} if method == "sample" else {}
        ours = getattr(named, method)(new, **seed)
        other = getattr(theirs, method)(new[["x"]], **seed, **argument)
        assert_allclose(ours, other, rtol=1e-6)
    for method in ("predict_proba", "log_likelihood", "aic", "bic", "icl", "score"):
        ours = getattr(named, method)(new, y_new)
        other = getattr(theirs, method)(new[["x"]], y_new, **argument)
        assert_allclose(ours, other, rtol=1e-6, atol=1e-9)


def test_an_offset_by_name_adds_to_the_argument(data):
    X, y = data
    rng = np.random.default_rng(0)
    more = rng.normal(size=len(y))
    ours = fit(X, y, offset_feature=2, arguments={"offset": more})
    theirs = fit(X[:, :2], y, arguments={"offset": more + X[:, 2]})
    assert_allclose(ours.log_likelihood_, theirs.log_likelihood_, rtol=1e-10)
    assert_allclose(
        ours.log_likelihood(X, y, offset=more), ours.log_likelihood_, rtol=1e-10
    )


def test_an_offset_by_name_survives_pipelines_searches_and_ensembles():
    frame, y = counts()
    # Nothing is routed: the exposure is a column.
    model = MixtureRegressor(
        2, family="poisson", offset_feature="log_exposure", random_state=0
    )
    pipe = make_pipeline(FunctionTransformer(), model)
    search = GridSearchCV(
        pipe,
        {"mixtureregressor__n_components": [1, 2]},
        scoring=log_likelihood_scorer,
        cv=KFold(3),
        error_score="raise",
    ).fit(frame, y)
    assert search.best_params_ == {"mixtureregressor__n_components": 2}
    offset = frame["log_exposure"].to_numpy()
    by_hand = []
    for train, test in KFold(3).split(y):
        part = MixtureRegressor(2, family="poisson", random_state=0)
        part.fit(frame[["x"]].iloc[train], y[train], offset=offset[train])
        loglik = part.log_likelihood(
            frame[["x"]].iloc[test], y[test], offset=offset[test]
        )
        by_hand.append(loglik / len(test))
    ours = [search.cv_results_[f"split{i}_test_score"][1] for i in range(3)]
    assert_allclose(ours, by_hand, rtol=1e-8)
    best = search.best_estimator_[-1]
    assert_array_equal(best.coef_[:, 1], [1.0, 1.0])
    assert np.isfinite(cross_val_score(pipe, frame, y, cv=3, error_score="raise")).all()
    index = MixtureRegressor(family="poisson", offset_feature=1, n_init=1)
    bag = BaggingRegressor(index, n_estimators=2, random_state=0)
    bag.fit(frame.to_numpy(), y)
    assert all((member.coef_[:, 1] == 1).all() for member in bag.estimators_)


def test_an_offset_by_name_is_not_in_the_gate_by_default():
    frame, y = counts()
    model = fit(
        frame,
        y,
        2,
        family="poisson",
        offset_feature="log_exposure",
        gate=SoftmaxGate(alpha=1.0),
    )
    assert_array_equal(model.gate_coef_[:, 1], [0.0, 0.0])
    assert model.n_parameters_ == 2 + 4


# With everything else ----------------------------------------------------------


def test_the_number_of_components_is_chosen_under_constraints_that_all_obey(frame):
    mixture = MixtureRegressor(shared_features=["dose"], held_coef={"time": 0.5})
    chosen = MixtureRegressorIC((1, 2, 3), estimator=mixture, random_state=0)
    chosen.fit(*frame)
    assert chosen.n_components_ == 3
    for model in chosen.estimators_:
        K = model.n_components
        assert np.ptp(model.coef_[:, 1]) < 1e-10
        assert_array_equal(model.coef_[:, 2], np.full(K, 0.5))
        assert model.n_parameters_ == (K - 1) + K * (1 + 1) + 1 + K


@pytest.mark.parametrize("held", [{}, {"held_coef": {0: [None, 0.3, None]}}])
def test_constraints_go_with_a_shared_scale(held, data):
    X, y = data
    options = {"shared_features": {1: [[0, 2]]}, "shared_scale": True} | held
    model = fit(X, y, **options)
    assert model.converged_
    assert np.ptp(model.scale_) == 0
    assert_allclose(model.coef_[0, 1], model.coef_[2, 1], rtol=1e-12)
    assert model.n_parameters_ == 2 + 3 + 9 - 1 - len(held) + 1
    tau = model.predict_proba(X, y)
    squares = (y[:, None] - model.predict_components(X)) ** 2
    assert_allclose(model.scale_[0] ** 2, (tau * squares).sum() / len(y), rtol=1e-6)
    at = log_likelihood(X, y, *fitted(model))
    assert_allclose(model.log_likelihood_, at, rtol=1e-10)
    # The residuals of components that share are balanced by their common scale.
    residual = (y[:, None] - model.predict_components(X)) * tau
    score = X[:, 1] @ residual
    assert abs(score[0] + score[2]) < 1e-5
    assert abs(score[0]) > 1e-3
    assert abs(score[1]) < 1e-5


def test_constraints_go_with_a_gate():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    second = rng.random(300) < 1 / (1 + np.exp(-1.5 * X[:, 1]))
    y = np.where(second, 4.0 + X[:, 0], X[:, 1]) + 0.5 * rng.normal(size=300)
    held = {"held_coef": {0: [0.0, None], 1: [None, 0.0]}}
    model = fit(X, y, 2, gate="softmax", **held)
    assert model.converged_
    assert_allclose([model.coef_[0, 0], model.coef_[1, 1]], 0, atol=1e-12)
    assert_allclose([model.coef_[1, 0], model.coef_[0, 1]], [1.0, 1.0], atol=0.2)
    # The component that is first by its constraint is the baseline.
    assert_array_equal(model.gate_coef_[0], [0.0, 0.0])
    assert_allclose(model.gate_coef_[1], [0.0, 1.5], atol=0.5)
    difference = model.predict_proba(X, y) - model.predict_proba(X)
    columns = np.column_stack([np.ones(300), X])
    assert np.abs(difference.T @ columns).max() < 1e-6
    assert model.n_parameters_ == 3 + 4 + 2


def test_constraints_go_with_groups():
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(60), 5)
    label = np.arange(60) % 2
    X = rng.normal(size=(300, 2))
    y = np.where(label[group], 2 + X[:, 0], 0.0) + X[:, 1] + rng.normal(size=300)
    options = {"held_coef": {0: [0.0, None]}, "shared_features": {1: [[0, 1]]}}
    model = fit(X, y, 2, arguments={"groups": group}, **options)
    assert model.converged_
    assert abs(model.coef_[0, 0]) < 1e-12
    assert np.ptp(model.coef_[:, 1]) < 1e-12
    members = model.predict_membership(X, y, groups=group)
    assert (members == label[group]).mean() > 0.9
    tau = model.predict_proba(X, y, groups=group)
    residual = tau * (y[:, None] - model.predict_components(X)) / model.scale_**2
    assert abs((X[:, 1] @ residual).sum()) < 1e-5
    assert abs(X[:, 0] @ residual[:, 1]) < 1e-5
    assert np.abs(residual.sum(axis=0)).max() < 1e-5
    assert abs(X[:, 0] @ residual[:, 0]) > 1e-2


@pytest.mark.parametrize("family", ["poisson", "gamma", "binomial"])
def test_constraints_go_with_every_family(family):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(400, 2))
    eta = np.where(np.arange(400) % 2, 2.0 + 0.4 * X[:, 0], -1.0) + 0.3 * X[:, 1]
    arguments = {"trials": np.full(400, 20.0)} if family == "binomial" else {}
    y = {
        "poisson": lambda: rng.poisson(np.exp(eta)),
        "gamma": lambda: rng.gamma(5.0, np.exp(eta) / 5.0),
        "binomial": lambda: rng.binomial(20, 1 / (1 + np.exp(-eta))),
    }[family]()
    options = {"held_coef": {0: [0.0, None]}, "shared_features": [1]}
    model = fit(X, y, 2, family=family, arguments=arguments, **options)
    assert model.converged_
    assert abs(model.coef_[0, 0]) < 1e-12
    assert np.ptp(model.coef_[:, 1]) < 1e-12
    assert_allclose(model.intercept_, [-1.0, 2.0], atol=0.25)
    assert_allclose(model.coef_[1], [0.4, 0.3], atol=0.15)
    assert model.n_parameters_ == 1 + 2 + 1 + 1 + 2 * (family == "gamma")
    mean = model.predict_components(X, **arguments)
    shape = model.scale_**-2.0
    log_density = {
        "poisson": lambda: stats.poisson.logpmf(y[:, None], mean),
        "gamma": lambda: stats.gamma.logpdf(y[:, None], shape, scale=mean / shape),
        "binomial": lambda: stats.binom.logpmf(y[:, None], 20, mean / 20),
    }[family]()
    joint = np.log(model.weights_) + log_density
    loglik = np.logaddexp.reduce(joint, axis=1).sum()
    assert_allclose(model.log_likelihood_, loglik, rtol=1e-9)


def test_a_constraint_and_given_weights_tell_components_apart_together(data):
    X, y = data
    options = {"gate": ConstantGate([0.2, 0.4, 0.4])}
    model = fit(X, y, held_coef={0: [None, 0.5, None]}, **options)
    assert_allclose(model.weights_, [0.2, 0.4, 0.4], rtol=1e-12)
    assert_allclose(model.coef_[1, 0], 0.5, rtol=1e-12)
    assert model.n_parameters_ == 12 - 1 + 3
    turned = fit(
        X, y, held_coef={0: [0.5, None, None]}, gate=ConstantGate([0.4, 0.2, 0.4])
    )
    assert_allclose(turned.log_likelihood_, model.log_likelihood_, rtol=1e-9)
    assert_allclose(turned.coef_[[1, 0, 2]], model.coef_, rtol=1e-5, atol=1e-6)


def test_dependent_columns_may_be_shared_and_held(data):
    X, y = data
    X = np.column_stack([X, X[:, 0]])
    # One copy is held at zero: the other has what is to be estimated.
    model = fit(X, y, held_coef={3: 0.0})
    assert_allclose(model.log_likelihood_, fit(*data).log_likelihood_, rtol=1e-9)
    assert_array_equal(model.coef_[:, 3], np.zeros(3))
    # A common part and an own part of one coefficient are the own part.
    model = fit(X, y, shared_features=[3])
    assert_allclose(model.log_likelihood_, fit(*data).log_likelihood_, rtol=1e-9)
    assert model.n_parameters_ == fit(*data).n_parameters_


# What is refused ---------------------------------------------------------------


REFUSED = [
    (
        {"held_coef": {"age": 1.0}, "shared_features": ["age"]},
        "held_coef and shared_features both name 'age'",
    ),
    (
        {"held_coef": {"age": [1.0, None, None]}, "shared_features": {0: [[1, 2]]}},
        "held_coef and shared_features both name 'age'",
    ),
    (
        {
            "held_coef": {"intercept": [0.0, None, None]},
            "shared_features": {"intercept": [[1, 2]]},
        },
        "held_coef and shared_features both name 'intercept'",
    ),
    (
        {"regression_features": ["age", "time"], "offset_feature": "age"},
        "regression_features and offset_feature both name 'age'",
    ),
    (
        {"gate": "softmax", "gate_features": ["age"], "offset_feature": 0},
        "gate_features and offset_feature both name 'age'",
    ),
    (
        {"held_coef": {"age": 1.0}, "offset_feature": "age"},
        "held_coef names 'age', which is not among .*offset_feature",
    ),
    (
        {"shared_features": ["age"], "offset_feature": "age"},
        "shared_features names 'age', which is not among .*offset_feature",
    ),
    (
        {"shared_features": ["age"], "regression_features": ["dose"]},
        "shared_features names 'age', which is not among .*regression_features",
    ),
    (
        {"held_coef": {"age": 0.0}, "regression_features": ["dose"]},
        "held_coef names 'age', which is not among .*regression_features",
    ),
    (
        {"held_coef": {"intercept": 0.0}, "fit_intercept": False},
        "held_coef names the intercept, but fit_intercept=False",
    ),
    (
        {"shared_features": {"intercept": [[0, 1]]}, "fit_intercept": False},
        "shared_features names the intercept, but fit_intercept=False",
    ),
    ({"held_coef": {"weight": 0.0}}, "held_coef names the column 'weight'"),
    ({"held_coef": {3: 0.0}}, "held_coef=3 is out of range: X has 3 features"),
    ({"held_coef": {0.5: 0.0}}, "held_coef must name features by name or index"),
    ({"held_coef": {True: 0.0}}, "held_coef must name features by name or index"),
    ({"held_coef": {0: 1.0, "age": 2.0}}, "held_coef names 'age' twice"),
    ({"held_coef": {0: 1.0, -3: 1.0}}, "held_coef names -3 twice"),
    ({"held_coef": {0: "one"}}, r"held_coef\[0\] must be a number, or 3 of them"),
    ({"held_coef": {0: [1.0, None]}}, r"held_coef\[0\] must be a number, or 3 of them"),
    ({"held_coef": {0: np.inf}}, r"held_coef\[0\] must be a number, or 3 of them"),
    ({"held_coef": {0: np.nan}}, r"held_coef\[0\] must be a number.*None where it is"),
    ({"held_coef": {0: [1.0, np.nan, None]}}, r"held_coef\[0\] must be a number"),
    ({"held_coef": {0: 1e300}}, "the offset .* reaches .*e[+]300"),
    ({"held_coef": {"intercept": 1e300}}, r"held_coef: .* reaches 1e\+300"),
    ({"held_coef": {0: [1e300, None, 0]}}, r"held_coef: .* reaches .*e\+"),
    ({"held_coef": {0: [[1.0] * 3]}}, r"held_coef\[0\] must be a number, or 3 of them"),
    ({"held_coef": [0.0, None]}, "'held_coef' parameter"),
    ({"shared_features": {"weight": [[0, 1]]}}, "shared_features names the column"),
    ({"shared_features": {3: [[0, 1]]}}, "shared_features=3 is out of range"),
    ({"shared_features": {None: [[0, 1]]}}, "must name features by name or index"),
    (
        {"shared_features": {0: [[0, 1]], "age": [[1, 2]]}},
        "shared_features names 'age' twice",
    ),
    ({"shared_features": {0: [[0, 1], [1, 2]]}}, "names a component twice"),
    (
        {"shared_features": {0: [[0, 3]]}},
        "list of lists of components, numbered 0 to 2",
    ),
    ({"shared_features": {0: [[-1, 0]]}}, "list of lists of components"),
    ({"shared_features": {0: [[0.0, 1.0]]}}, "list of lists of components"),
    ({"shared_features": {0: [[True, False]]}}, "list of lists of components"),
    ({"shared_features": {0: [["a", "b"]]}}, "list of lists of components"),
    ({"shared_features": {0: [[]]}}, "list of lists of components"),
    # A flat list would share nothing, in silence.
    ({"shared_features": {0: [0, 1]}}, "list of lists of components"),
    ({"shared_features": {0: 1}}, "list of lists of components"),
    ({"shared_features": {0: None}}, "list of lists of components"),
    ({"shared_features": {0: "all"}}, "list of lists of components"),
    ({"offset_feature": "weight"}, "offset_feature names the column 'weight'"),
    ({"offset_feature": 3}, "offset_feature=3 is out of range: X has 3 features"),
    ({"offset_feature": ["age"]}, "'offset_feature' parameter"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=lambda v: str(v)[:60])
def test_contradictions_and_mistakes_are_explained(options, message, frame):
    with pytest.raises(ValueError, match=message) as raised:
        fit(*frame, **options)
    # One sentence of the argument, not of what went wrong inside.
    assert not re.search(
        "broadcast|shape mismatch|index .* is out of bounds", str(raised.value)
    )


def test_a_column_that_is_called_intercept_is_that_column(frame):
    X, y = frame
    named = X.rename(columns={"age": "intercept"})
    ours = fit(named, y, held_coef={"intercept": 0.5})
    assert_same(ours, fit(X, y, held_coef={"age": 0.5}), rtol=1e-12)


def test_names_need_a_data_frame(data):
    for options in ({"held_coef": {"age": 0}}, {"offset_feature": "age"}):
        with pytest.raises(ValueError, match="X has no feature names"):
            fit(*data, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"held_coef": {0: [0.0, *[None] * 6]}},
        {"shared_features": {0: [[0, 1]]}},
        {"gate": ConstantGate([0.4, *[0.1] * 6])},
    ],
    ids=["held", "shared", "weights"],
)
def test_more_roles_than_can_be_tried_in_every_order_are_refused(options):
    X, y, *_ = separated(0, n=400, d=1, n_components=7)
    with pytest.raises(ValueError, match=r"limited to 6 components, .* is 7"):
        fit(X, y, 7, **options)


def test_one_component_shares_with_itself_and_is_held(data):
    X, y = data
    plain = fit(X, y, 1)
    assert_same(fit(X, y, 1, shared_features=[0]), plain, rtol=1e-9)
    assert_same(fit(X, y, 1, shared_features={0: [[0]]}), plain, rtol=1e-9)
    held = fit(X, y, 1, held_coef={0: [0.5]})
    assert_same(held, fit(X, y, 1, held_coef={0: 0.5}), rtol=1e-12)
    rest, *_ = np.linalg.lstsq(
        np.column_stack([np.ones(len(y)), X[:, 1:]]), y - 0.5 * X[:, 0], rcond=None
    )
    assert_allclose(held.intercept_, rest[:1], rtol=1e-9)
    assert_allclose(held.coef_[0], [0.5, *rest[1:]], rtol=1e-9)
