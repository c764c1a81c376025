"""Prior probabilities that depend on features, are equal, or are given."""

import pickle
import warnings
from functools import cache
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
import support
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.special import softmax
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from support import as_init, few, jacobian, log_normal, some

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.gates import ConstantGate, SoftmaxGate
from mixreg_sklearn.metrics import log_likelihood_scorer

# Few data sets, so that tests share their fits.
seeds = st.integers(0, 5)
sizes = st.sampled_from([2, 3])
alphas = st.sampled_from([0.0, 0.3, 5.0])

SHARES = np.array([0.2, 0.5, 0.3])
NAMES = ["dose", "age", "site"]
REGRESSIONS, GATE = [0, 1], [1, 2]


def gated(seed, n=200, n_components=2, strength=1.0):
    """Lines far apart, chosen by a gate: features 0 and 1 regress, 1 and 2 gate."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    logits = strength * rng.normal(size=(n_components, 2))
    label = (X[:, GATE] @ logits.T + rng.gumbel(size=(n, n_components))).argmax(axis=1)
    coef = rng.normal(size=(n_components, 2))
    mean = 6.0 * label + np.einsum("ij,ij->i", X[:, REGRESSIONS], coef[label])
    return X, mean + 0.5 * rng.normal(size=n), label


def fit(X, y, n_components=2, alpha=0.0, *, weight=None, **options):
    options = {
        "gate": SoftmaxGate(alpha),
        "gate_features": GATE,
        "regression_features": REGRESSIONS,
        "random_state": 0,
    } | options
    return MixtureRegressor(n_components, **options).fit(X, y, weight)


def fit_constant(X, y, weights, n_components=2, **options):
    gate = ConstantGate(weights)
    options = {"random_state": 0} | options
    return MixtureRegressor(n_components, gate=gate, **options).fit(X, y)


@cache
def shared_fit(seed, n_components, alpha=0.0):
    """The fit to `gated(seed, n_components=n_components)`."""
    X, y, _ = gated(seed, n_components=n_components)
    return fit(X, y, n_components, alpha)


@cache
def fit_in_order(seed):
    """The fit with `SHARES` to `gated(seed, n=240, n_components=3)`."""
    X, y, _ = gated(seed, n_components=3, n=240)
    return fit_constant(X, y, SHARES, 3)


def prior_of(X, coef, intercept):
    """Multinomial logistic regression, by its definition."""
    return softmax(X @ coef.T + intercept, axis=1)


def densities(model, X, y):
    """Gaussian log-densities of the components, (n, K)."""
    columns = [
        log_normal(y, a + X @ b, s)
        for a, b, s in zip(model.intercept_, model.coef_, model.scale_, strict=True)
    ]
    return np.column_stack(columns)


def assert_same(ours, theirs, rtol=1e-6):
    support.assert_same(ours, theirs, rtol)


@pytest.fixture(scope="module")
def data():
    return gated(1, n=400)


@pytest.fixture(scope="module")
def model(data):
    return fit(data[0], data[1])


# What the numbers mean ---------------------------------------------------------


@some
@given(seeds, sizes, alphas)
def test_the_log_likelihood_is_that_of_the_definition(seed, n_components, alpha):
    X, y, _ = gated(seed, n_components=n_components)
    model = shared_fit(seed, n_components, alpha)
    prior = prior_of(X, model.gate_coef_, model.gate_intercept_)
    joint = np.log(prior) + densities(model, X, y)
    rows = np.logaddexp.reduce(joint, axis=1)
    assert_allclose(model.log_likelihood_, rows.sum(), rtol=1e-10)
    assert_allclose(model.log_likelihood(X, y), rows.sum(), rtol=1e-10)
    weight = np.random.default_rng(seed).random(len(y))
    assert_allclose(model.log_likelihood(X, y, weight), rows @ weight, rtol=1e-10)
    tau = np.exp(joint - rows[:, None])
    assert_allclose(model.predict_proba(X, y), tau, atol=1e-10)
    assert_array_equal(model.predict_membership(X, y), tau.argmax(axis=1))


@some
@given(seeds, sizes, alphas)
def test_predictions_weigh_the_components_by_the_gate(seed, n_components, alpha):
    model = shared_fit(seed, n_components, alpha)
    new = np.random.default_rng(seed).normal(size=(50, 3))
    prior = prior_of(new, model.gate_coef_, model.gate_intercept_)
    assert_allclose(model.predict_proba(new), prior, rtol=1e-10)
    means = new @ model.coef_.T + model.intercept_
    assert_allclose(model.predict_components(new), means, rtol=1e-10, atol=1e-10)
    mean, std = model.predict(new, return_std=True)
    assert_allclose(mean, (prior * means).sum(axis=1), rtol=1e-10, atol=1e-10)
    second = (prior * (model.scale_**2 + means**2)).sum(axis=1)
    assert_allclose(std, np.sqrt(second - mean**2), rtol=1e-7)


@some
@given(seeds, sizes, alphas)
def test_the_first_component_is_the_baseline_and_the_largest(seed, n_components, alpha):
    X, *_ = gated(seed, n_components=n_components)
    model = shared_fit(seed, n_components, alpha)
    assert_array_equal(model.gate_coef_[0], np.zeros(3))
    assert model.gate_intercept_[0] == 0.0
    assert (np.diff(model.weights_) <= 0).all()
    assert_allclose(model.weights_, model.predict_proba(X).mean(axis=0), rtol=1e-10)
    # A feature that is not in the gate, or the regressions, has coefficient zero.
    assert_array_equal(model.gate_coef_[:, 0], np.zeros(n_components))
    assert_array_equal(model.coef_[:, 2], np.zeros(n_components))


def test_the_shares_are_weighted_means_of_the_gate(data):
    X, y, _ = data
    weight = np.random.default_rng(0).uniform(0.2, 3.0, size=len(y))
    model = fit(X, y, weight=weight)
    shares = weight @ model.predict_proba(X) / weight.sum()
    assert_allclose(model.weights_, shares, rtol=1e-10)


@pytest.mark.parametrize("alpha", [0.0, 2.0])
@pytest.mark.parametrize("n_components", [2, 3])
def test_parameters_of_a_gate_are_counted(n_components, alpha):
    X, y, _ = gated(0, n_components=n_components)
    model = fit(X, y, n_components, alpha)
    assert model.n_parameters_ == (n_components - 1) * 3 + n_components * (3 + 1)
    free = fit_constant(X, y, None, n_components, regression_features=REGRESSIONS)
    assert free.n_parameters_ == (n_components - 1) + n_components * (3 + 1)
    for held in ("equal", np.full(n_components, 1 / n_components)):
        held = fit_constant(X, y, held, n_components, regression_features=REGRESSIONS)
        assert held.n_parameters_ == n_components * (3 + 1)


# The maximum -------------------------------------------------------------------


@some
@given(seeds, sizes, st.booleans())
def test_memberships_and_gate_agree_on_average_in_every_direction(
    seed, n_components, weighted
):
    X, y, _ = gated(seed, n_components=n_components)
    weight, model = np.ones(len(y)), shared_fit(seed, n_components, 0.0)
    if weighted:
        weight = np.random.default_rng(seed).uniform(0.5, 2.0, size=len(y))
        model = fit(X, y, n_components, weight=weight)
    assert model.converged_
    difference = model.predict_proba(X, y) - model.predict_proba(X)
    columns = np.column_stack([np.ones(len(y)), X[:, GATE]])
    score = np.einsum("i,ik,ij->kj", weight, difference, columns)
    assert np.abs(score).max() < 1e-6


def objective_of(model, X, y, alpha):
    """Penalized log-likelihood as a function of the free numbers of the gate."""
    log_density = densities(model, X, y)
    z = X[:, GATE]
    shape = (model.n_components - 1, 1 + len(GATE))

    def objective(values):
        free = np.vstack([np.zeros(shape[1]), values.reshape(shape)])
        log_prior = np.log(prior_of(z, free[:, 1:], free[:, 0]))
        loglik = np.logaddexp.reduce(log_prior + log_density, axis=1).sum()
        explained = z @ (free[:, 1:] - free[:, 1:].mean(axis=0)).T
        return loglik - alpha / 2 * explained.var(axis=0).sum()

    values = np.column_stack([model.gate_intercept_, model.gate_coef_[:, GATE]])[1:]
    return objective, values.ravel()


@some
@given(seeds, sizes, alphas)
def test_the_gradient_of_the_penalized_log_likelihood_vanishes(
    seed, n_components, alpha
):
    X, y, _ = gated(seed, n_components=n_components)
    model = shared_fit(seed, n_components, alpha)
    assert model.converged_
    objective, values = objective_of(model, X, y, alpha)
    assert np.abs(jacobian(objective, values, 1e-3)).max() < 1e-6
    # And it would not at another place.
    assert np.abs(jacobian(objective, values + 0.1, 1e-3)).max() > 1e-2


@pytest.mark.parametrize("n_components", [2, 3])
def test_regressions_far_apart_leave_a_multinomial_logistic_regression(n_components):
    X, y, label = gated(3, n=600, n_components=n_components)
    # So far apart that every membership is certain.
    model = fit(X, y + 60.0 * label, n_components)
    order = np.argsort(-np.bincount(label))
    assert_array_equal(order[model.predict_membership(X, y + 60.0 * label)], label)
    theirs = LogisticRegression(C=np.inf, tol=1e-12, max_iter=1000)
    theirs.fit(X[:, GATE], np.argsort(order)[label])
    assert_allclose(model.predict_proba(X), theirs.predict_proba(X[:, GATE]), atol=1e-6)
    coef, intercept = theirs.coef_, theirs.intercept_
    if n_components == 2:
        coef, intercept = np.vstack([0 * coef, coef]), np.append(0.0, intercept)
    assert_allclose(model.gate_coef_[:, GATE], coef - coef[0], atol=1e-5)
    assert_allclose(model.gate_intercept_, intercept - intercept[0], atol=1e-5)


def test_overlapping_regressions_leave_it_approximately():
    X, y, label = gated(3, n=2000)
    model = fit(X, y)
    order = np.argsort(-np.bincount(label))
    theirs = LogisticRegression(C=np.inf, max_iter=1000)
    theirs.fit(X[:, GATE], np.argsort(order)[label])
    assert_allclose(model.gate_coef_[1, GATE], theirs.coef_[0], atol=0.02)
    assert_allclose(model.gate_intercept_[1], theirs.intercept_[0], atol=0.02)


# Units, order and repetition ---------------------------------------------------


@some
@given(seeds, sizes, alphas)
def test_units_of_the_features_do_not_matter(seed, n_components, alpha):
    X, y, _ = gated(seed, n_components=n_components)
    rng = np.random.default_rng(seed)
    shift = rng.uniform(-20, 20, size=3)
    factor = 10.0 ** rng.uniform(-3, 3, size=3)
    model = shared_fit(seed, n_components, alpha)
    moved = fit(shift + factor * X, y, n_components, alpha)
    assert_allclose(moved.log_likelihood_, model.log_likelihood_, rtol=1e-9)
    coef = moved.gate_coef_ * factor
    assert_allclose(coef, model.gate_coef_, rtol=1e-5, atol=1e-6)
    intercept = moved.gate_intercept_ + moved.gate_coef_ @ shift
    assert_allclose(intercept, model.gate_intercept_, rtol=1e-5, atol=1e-6)
    assert_allclose(
        moved.predict_proba(shift + factor * X), model.predict_proba(X), atol=1e-7
    )


@some
@given(seeds, sizes, alphas)
def test_the_coding_of_the_features_does_not_matter(seed, n_components, alpha):
    X, y, _ = gated(seed, n_components=n_components)
    mixing = np.random.default_rng(seed).normal(size=(2, 2)) + 3 * np.eye(2)
    coded = np.column_stack([X, X[:, GATE] @ mixing + 1.0])
    model = shared_fit(seed, n_components, alpha)
    other = fit(coded, y, n_components, alpha, gate_features=[3, 4])
    assert_allclose(other.log_likelihood_, model.log_likelihood_, rtol=1e-9)
    assert_allclose(other.predict_proba(coded), model.predict_proba(X), atol=1e-7)
    coef = other.gate_coef_[:, 3:] @ mixing.T
    assert_allclose(coef, model.gate_coef_[:, GATE], rtol=1e-5, atol=1e-6)


@few
@given(seeds, alphas)
def test_the_coding_of_categories_does_not_matter(seed, alpha):
    X, y, label = gated(seed, strength=0.0, n=240)
    rng = np.random.default_rng(seed)
    category = np.where(rng.random(len(y)) < 0.6, label, rng.integers(0, 3, len(y)))
    dummies = np.eye(3)[category]
    rows = [np.column_stack([X, columns]) for columns in (dummies[:, 1:], dummies)]
    ours, theirs = (
        fit(part, y, alpha=alpha, gate_features=list(range(3, part.shape[1])))
        for part in rows
    )
    assert_allclose(ours.log_likelihood_, theirs.log_likelihood_, rtol=1e-9)
    assert_allclose(
        ours.predict_proba(rows[0]), theirs.predict_proba(rows[1]), atol=1e-7
    )
    assert ours.n_parameters_ == theirs.n_parameters_ == 3 + 2 * 4


@some
@given(seeds, sizes, alphas)
def test_the_order_of_rows_does_not_matter(seed, n_components, alpha):
    X, y, _ = gated(seed, n_components=n_components)
    order = np.random.default_rng(seed).permutation(len(y))
    ours = fit(X[order], y[order], n_components, alpha)
    assert_same(ours, shared_fit(seed, n_components, alpha))


@some
@given(seeds, sizes, alphas)
def test_weights_equal_repetition(seed, n_components, alpha):
    X, y, _ = gated(seed, n_components=n_components)
    count = np.random.default_rng(seed).integers(0, 4, size=len(y))
    ours = fit(X, y, n_components, alpha, weight=count)
    theirs = fit(np.repeat(X, count, axis=0), np.repeat(y, count), n_components, alpha)
    assert_same(ours, theirs)


@some
@given(seeds, alphas)
def test_the_order_of_features_does_not_matter(seed, alpha):
    X, y, _ = gated(seed)
    model = shared_fit(seed, 2, alpha)
    turned = fit(
        X[:, ::-1], y, alpha=alpha, gate_features=[0, 1], regression_features=[1, 2]
    )
    assert_allclose(turned.log_likelihood_, model.log_likelihood_, rtol=1e-9)
    assert_allclose(turned.gate_coef_[:, ::-1], model.gate_coef_, atol=1e-6)


# Ridge -------------------------------------------------------------------------


@pytest.mark.parametrize("n_components", [2, 3])
def test_a_ridge_shrinks_towards_constant_shares(n_components):
    X, y, _ = gated(2, n=300, n_components=n_components)
    alphas = [0.0, 1.0, 10.0, 100.0, 1e4, 1e10]
    models = [fit(X, y, n_components, alpha) for alpha in alphas]
    explained = [
        ((X @ (m.gate_coef_ - m.gate_coef_.mean(axis=0)).T).var(axis=0)).sum()
        for m in models
    ]
    logliks = [m.log_likelihood_ for m in models]
    assert (np.diff(explained) < 0).all()
    assert (np.diff(logliks) < 0).all()
    assert explained[-1] < 1e-9
    assert all(m.converged_ for m in models)
    constant = fit_constant(X, y, None, n_components, regression_features=REGRESSIONS)
    assert_allclose(logliks[-1], constant.log_likelihood_, rtol=1e-8)
    assert_allclose(models[-1].weights_, constant.weights_, rtol=1e-5)
    assert_allclose(models[-1].coef_, constant.coef_, rtol=1e-5)


def test_a_gate_has_at_least_the_likelihood_of_constant_shares(data, model):
    X, y, _ = data
    constant = fit_constant(X, y, None, regression_features=REGRESSIONS)
    assert not hasattr(constant, "gate_coef_")
    assert model.log_likelihood_ > constant.log_likelihood_ + 10


# Shares that are not estimated -------------------------------------------------


@some
@given(seeds, sizes)
def test_equal_weights_are_equal(seed, n_components):
    X, y, _ = gated(seed, n_components=n_components)
    # A short search: shares that are not equal leave long ones without agreement.
    model = fit_constant(X, y, "equal", n_components, n_init=1)
    assert model.converged_
    assert_allclose(model.weights_, np.full(n_components, 1 / n_components), rtol=1e-12)
    joint = densities(model, X, y) - np.log(n_components)
    loglik = np.logaddexp.reduce(joint, axis=1).sum()
    assert_allclose(model.log_likelihood_, loglik, rtol=1e-10)
    free = fit_constant(X, y, None, n_components, n_init=1)
    assert model.log_likelihood_ <= free.log_likelihood_ + 1e-9
    assert model.n_parameters_ == free.n_parameters_ - (n_components - 1)


@pytest.mark.parametrize("seed", [0, 1, 3, 4, 7, 12, 24])
def test_components_keep_the_order_of_given_weights(seed):
    X, y, _ = gated(seed, n_components=3, n=240)
    model = fit_in_order(seed)
    assert model.converged_
    assert_allclose(model.weights_, SHARES, rtol=1e-12)
    # No assignment of the given weights to the lines of the fit is better.
    values = [
        np.logaddexp.reduce(
            np.log(SHARES[list(order)]) + densities(model, X, y), axis=1
        ).sum()
        for order in permutations(range(3))
    ]
    assert_allclose(model.log_likelihood_, max(values), rtol=1e-10)
    assert_allclose(values[0], max(values), rtol=1e-10)


@few
@given(seeds, st.permutations(range(3)))
def test_given_weights_in_another_order_give_components_in_that_order(seed, order):
    X, y, _ = gated(seed, n_components=3, n=240)
    ours = fit_constant(X, y, SHARES[order], 3)
    theirs = fit_in_order(seed)
    assert_allclose(ours.log_likelihood_, theirs.log_likelihood_, rtol=1e-9)
    for name in ("weights_", "coef_", "intercept_", "scale_"):
        value = getattr(theirs, name)[order]
        assert_allclose(getattr(ours, name), value, rtol=1e-6, atol=1e-7)


def test_given_weights_that_are_the_estimates_change_nothing():
    X, y, _ = gated(5, n_components=3)
    free = fit_constant(X, y, None, 3)
    held = fit_constant(X, y, free.weights_, 3)
    assert_same(held, free)


def test_equal_weights_given_as_numbers_sort_as_ever():
    X, y, _ = gated(5, n_components=3)
    ours = fit_constant(X, y, [1 / 3, 1 / 3, 1 / 3], 3)
    theirs = fit_constant(X, y, "equal", 3)
    assert_same(ours, theirs)


# Separation --------------------------------------------------------------------


@pytest.fixture(scope="module")
def separable():
    X, y, label = gated(7, n=150, strength=0.0)
    X[:, 2] = np.where(label == 1, 1.0, -1.0) * (0.5 + np.abs(X[:, 2]))
    # Far apart in the response, too: every membership is certain.
    return X, y + 20.0 * label


def test_a_feature_that_separates_the_components_is_reported(separable):
    X, y = separable
    with pytest.warns(ConvergenceWarning, match=r"SoftmaxGate\(alpha=1\)") as caught:
        model = fit(X, y)
    assert len(caught) == 1
    assert not model.converged_
    assert not model.degenerate_
    tau = model.predict_proba(X, y)
    assert np.minimum(tau, 1 - tau).max() < 1e-3


def test_a_separated_gate_is_that_of_a_weak_ridge(separable):
    X, y = separable
    with pytest.warns(ConvergenceWarning, match="under a weak ridge"):
        model = fit(X, y)
    ridge = fit(X, y, alpha=0.01)
    assert ridge.converged_
    assert_same(model, ridge)
    # The likelihood is below its limit, that of two regressions apart.
    tau = model.predict_proba(X, y)
    apart = sum(densities(model, X, y)[tau[:, k] > 0.5, k].sum() for k in range(2))
    assert model.log_likelihood_ < apart
    # Started there, the climb ends there.
    with pytest.warns(ConvergenceWarning, match="under a weak ridge"):
        again = fit(X, y, init=as_init(ridge))
    assert_same(again, ridge)


@pytest.mark.parametrize("alpha", [0.01, 1.0, 10.0])
def test_a_ridge_makes_the_maximum_finite(separable, alpha):
    X, y = separable
    model = fit(X, y, alpha=alpha)
    assert model.converged_
    objective, values = objective_of(model, X, y, alpha)
    assert np.abs(jacobian(objective, values, 1e-4)).max() < 1e-5


# Which features ----------------------------------------------------------------


@pytest.mark.parametrize(
    "choice",
    [
        ["age", "site"],
        np.array(["site", "age"]),
        pd.Index(["age", "site"]),
        [1, 2],
        [-1, -2],
        (1, 2),
        slice(1, None),
        slice("age", "site"),
        [False, True, True],
        np.array([False, True, True]),
        lambda X: [name for name in X.columns if name != "dose"],
        lambda X: X.columns != "dose",
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_features_of_the_gate_are_chosen_as_columns_are(choice, data, model):
    X, y, _ = data
    frame = pd.DataFrame(X, columns=NAMES)
    # Started there, the fit stays there if the features are the same.
    ours = fit(frame, y, gate_features=choice, init=as_init(model))
    assert_same(ours, model, rtol=1e-9)


@pytest.mark.parametrize(
    "choice",
    [
        ["dose", "age"],
        [0, 1],
        slice(2),
        [True, True, False],
        slice("dose", "age"),
        lambda X: X.columns[:2],
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_features_of_the_regressions_are_chosen_as_columns_are(choice, data, model):
    X, y, _ = data
    frame = pd.DataFrame(X, columns=NAMES)
    ours = fit(frame, y, regression_features=choice, init=as_init(model))
    assert_same(ours, model, rtol=1e-9)


def test_one_feature_is_chosen_by_a_name_or_an_index(data):
    X, y, _ = data
    frame = pd.DataFrame(X, columns=NAMES)
    models = [fit(frame, y, gate_features=one) for one in ("site", 2, -1, [2])]
    for model in models:
        assert_array_equal(model.gate_coef_[:, :2], np.zeros((2, 2)))
        assert model.gate_coef_[1, 2] != 0
        assert_same(model, models[0], rtol=1e-9)


def test_by_default_every_feature_serves_both(data):
    X, y, _ = data
    ours = MixtureRegressor(gate="softmax", random_state=0).fit(X, y)
    theirs = fit(X, y, gate_features=[0, 1, 2], regression_features=[0, 1, 2])
    assert_same(ours, theirs, rtol=1e-9)
    assert (ours.gate_coef_[1] != 0).all()
    assert (ours.coef_ != 0).all()


def test_regressions_may_have_no_features():
    X, y, label = gated(4, n=300)
    y = 3.0 * label + np.random.default_rng(0).normal(size=len(y))
    model = fit(X, y, regression_features=[])
    assert model.converged_
    assert_array_equal(model.coef_, np.zeros((2, 3)))
    assert model.n_parameters_ == 3 + 2 * 2
    tau = model.predict_proba(X, y)
    means = tau.T @ y / tau.sum(axis=0)
    assert_allclose(model.intercept_, means, rtol=1e-6)


def test_a_gate_may_have_no_features(data):
    X, y, _ = data
    ours = fit(X, y, gate_features=[])
    theirs = fit_constant(X, y, None, regression_features=REGRESSIONS)
    assert_same(ours, theirs)
    assert_array_equal(ours.gate_coef_, np.zeros((2, 3)))
    odds = np.log(theirs.weights_ / theirs.weights_[0])
    assert_allclose(ours.gate_intercept_, odds, rtol=1e-6, atol=1e-9)
    assert ours.n_parameters_ == theirs.n_parameters_


def test_columns_of_the_gate_may_depend_on_each_other(data, model):
    X, y, _ = data
    dependent = np.column_stack([X, X[:, 1] + X[:, 2], X[:, 2]])
    ours = fit(dependent, y, gate_features=[1, 2, 3, 4])
    assert ours.converged_
    assert ours.n_parameters_ == model.n_parameters_
    assert_allclose(ours.log_likelihood_, model.log_likelihood_, rtol=1e-10)
    assert_allclose(ours.predict_proba(dependent), model.predict_proba(X), atol=1e-7)
    # The coefficients are those of least norm.
    null = np.array([[1.0, 1.0, -1.0, 0.0], [0.0, 1.0, 0.0, -1.0]])
    assert_allclose(ours.gate_coef_[:, 1:] @ null.T, 0, atol=1e-9)


@pytest.mark.parametrize("constant", [0.0, 3.0, 1e6])
def test_a_constant_column_of_the_gate_has_no_coefficient(constant, data, model):
    X, y, _ = data
    padded = np.column_stack([X, np.full(len(y), constant)])
    ours = fit(padded, y, gate_features=[1, 2, 3])
    assert ours.n_parameters_ == model.n_parameters_
    assert_array_equal(ours.gate_coef_[:, 3], np.zeros(2))
    assert_allclose(ours.gate_coef_[:, :3], model.gate_coef_, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("gate", ["softmax", SoftmaxGate(alpha=2.0)])
def test_one_component_has_a_gate_without_meaning(gate, data):
    X, y, _ = data
    model = MixtureRegressor(1, gate=gate).fit(X, y)
    plain = MixtureRegressor(1).fit(X, y)
    assert model.converged_
    assert_array_equal(model.gate_coef_, np.zeros((1, 3)))
    assert_array_equal(model.gate_intercept_, np.zeros(1))
    assert model.n_parameters_ == plain.n_parameters_
    assert_allclose(model.log_likelihood_, plain.log_likelihood_, rtol=1e-12)
    assert_allclose(model.coef_, plain.coef_, rtol=1e-9)
    assert_array_equal(model.predict_proba(X), np.ones((len(y), 1)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gate": None}, "gate_features needs a gate that depends on features"),
        ({"gate": ConstantGate("equal")}, "gate_features needs a gate that depends"),
        ({"gate": ConstantGate([0.5, 0.2, 0.3])}, "2 numbers, one for each component"),
        ({"gate": ConstantGate([0.5, 0.6])}, "positive and sum to one"),
        ({"gate": ConstantGate([1.0, 0.0])}, "positive and sum to one"),
        ({"gate": ConstantGate([1.5, -0.5])}, "positive and sum to one"),
        ({"gate": ConstantGate([np.nan, 0.5])}, "positive and sum to one"),
        ({"gate": ConstantGate("same")}, "None, 'equal' or 2 numbers"),
        ({"gate": ConstantGate(["a", "b"])}, "None, 'equal' or 2 numbers"),
        ({"gate": SoftmaxGate(-1.0)}, "alpha must be a non-negative number"),
        ({"gate": SoftmaxGate(np.nan)}, "alpha must be a non-negative number"),
        ({"gate": SoftmaxGate(np.inf)}, "alpha must be a non-negative number"),
        ({"gate": SoftmaxGate("1")}, "alpha must be a non-negative number"),
        ({"gate": SoftmaxGate([1.0])}, "alpha must be a non-negative number"),
        ({"gate": "multinomial"}, "'gate' parameter"),
        ({"gate": SoftmaxGate}, "'gate' parameter"),
        ({"gate_features": ["weight"]}, "gate_features names the column 'weight'"),
        ({"gate_features": [3]}, r"gate_features=\[3\] is out of range"),
        ({"gate_features": [True]}, "gate_features is a mask of 1 values"),
        ({"regression_features": "weight"}, "regression_features names the column"),
        ({"regression_features": 7}, "regression_features=7 is out of range"),
    ],
)
def test_a_bad_gate_or_choice_of_features_is_explained(options, message, data):
    X, y, _ = data
    frame = pd.DataFrame(X, columns=NAMES)
    with pytest.raises(ValueError, match=message):
        fit(frame, y, **options)


# Starts ------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.0, 3.0])
@pytest.mark.parametrize("n_components", [2, 3])
def test_a_start_with_a_gate_climbs_to_the_optimum_of_the_search(n_components, alpha):
    X, y, _ = gated(6, n_components=n_components)
    searched = fit(X, y, n_components, alpha)
    exact = fit(X, y, n_components, alpha, init=as_init(searched))
    assert exact.search_ == {}
    assert exact.n_iter_ <= 5
    assert_same(exact, searched, rtol=1e-8)
    # Components in another order, gate off the mark, another baseline.
    start = {name: value[::-1] for name, value in as_init(searched).items()}
    start["gate_coef"] = start["gate_coef"] + 0.3 * X.std(axis=0)
    start["gate_intercept"] = start["gate_intercept"] - 5.0
    assert_same(fit(X, y, n_components, alpha, init=start), searched)
    # Weights instead of a gate, or memberships.
    start = {k: v for k, v in start.items() if not k.startswith("gate")}
    start["weights"] = searched.weights_[::-1]
    assert_same(fit(X, y, n_components, alpha, init=start), searched)
    memberships = searched.predict_proba(X, y)
    assert_same(fit(X, y, n_components, alpha, init=memberships), searched)


def test_a_start_decides_by_its_gate_where_it_has_weights_too(data, model):
    X, y, _ = data
    start = as_init(model) | {"weights": [0.01, 0.99]}
    assert_same(fit(X, y, init=start), model, rtol=1e-8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gate_coef": None}, r"missing: \['gate_coef'\]"),
        ({"gate_intercept": None}, r"missing: \['gate_intercept'\]"),
        ({"gate": [1, 1]}, r"unknown: \['gate'\]"),
        ({"gate_coef": [[0.0, 1.0]]}, r"init\['gate_coef'\] has shape \(1, 2\)"),
        ({"gate_intercept": [0.0]}, r"init\['gate_intercept'\] has shape \(1,\)"),
        ({"gate_intercept": [0.0, np.nan]}, "contains NaN"),
    ],
)
def test_a_bad_start_of_the_gate_is_explained(change, message, data, model):
    X, y, _ = data
    init = as_init(model) | change
    init = {key: value for key, value in init.items() if value is not None}
    with pytest.raises(ValueError, match=message):
        fit(X, y, init=init)


def test_a_start_with_a_gate_is_for_mixtures_with_a_gate(data, model):
    X, y, _ = data
    start = as_init(model) | {"weights": model.weights_}
    with pytest.raises(ValueError, match=r"unknown: \['gate_coef', 'gate_intercept'\]"):
        MixtureRegressor(init=start).fit(X, y)


def test_a_warm_start_continues_with_the_gate(data, model):
    X, y, _ = data
    warm = clone(model).set_params(warm_start=True).fit(X, y)
    warm.fit(X, y)
    assert warm.search_ == {}
    assert warm.n_iter_ <= 5
    assert_same(warm, model, rtol=1e-8)
    warm.fit(X[:-20], y[:-20])
    assert_same(warm, fit(X[:-20], y[:-20]))


def test_a_warm_start_takes_another_gate(data, model):
    X, y, _ = data
    warm = clone(model).set_params(warm_start=True).fit(X, y)
    warm.set_params(gate=None, gate_features=None).fit(X, y)
    assert warm.search_ == {}
    constant = fit_constant(X, y, None, regression_features=REGRESSIONS)
    assert_same(warm, constant)
    assert not hasattr(warm, "gate_coef_")
    warm.set_params(gate="softmax", gate_features=GATE).fit(X, y)
    assert warm.search_ == {}
    assert_same(warm, model)
    warm.set_params(gate=ConstantGate([0.3, 0.7]), gate_features=None).fit(X, y)
    assert_allclose(warm.weights_, [0.3, 0.7], rtol=1e-12)


# Draws -------------------------------------------------------------------------


def test_draws_follow_the_gate(model):
    row = np.array([[0.3, -1.0, 0.4]])
    n = 20000
    y, component = model.sample(np.repeat(row, n, axis=0), random_state=0)
    expected = n * model.predict_proba(row)[0]
    observed = np.bincount(component, minlength=2)
    assert 0.02 < expected[1] / n < 0.98
    assert stats.chisquare(observed, expected).pvalue > 1e-3
    for k in range(2):
        mean, scale = model.predict_components(row)[0, k], model.scale_[k]
        assert stats.kstest((y[component == k] - mean) / scale, "norm").pvalue > 1e-3


def test_draws_lead_back_to_the_gate(model):
    X = np.random.default_rng(3).normal(size=(3000, 3))
    y, _ = model.sample(X, random_state=1)
    again = fit(X, y)
    # By their lines: shares are so close that the larger one may be another.
    ours, theirs = (
        np.column_stack([m.gate_intercept_, m.gate_coef_])[m.intercept_.argsort()]
        for m in (again, model)
    )
    assert_allclose(ours[1] - ours[0], theirs[1] - theirs[0], atol=0.25)


def test_draws_follow_given_weights(data):
    X, y, _ = data
    model = fit_constant(X, y, [0.25, 0.75])
    _, component = model.sample(np.zeros((20000, 3)), random_state=0)
    observed = np.bincount(component, minlength=2)
    assert stats.chisquare(observed, [5000, 15000]).pvalue > 1e-3


# As an estimator ---------------------------------------------------------------


@pytest.mark.parametrize(
    "gate",
    [
        "softmax",
        SoftmaxGate(alpha=0.5),
        ConstantGate("equal"),
        ConstantGate([0.4, 0.6]),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_mixture_with_a_gate_survives_pickling_and_cloning(gate, data):
    X, y, _ = data
    model = MixtureRegressor(gate=gate, random_state=0).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert_array_equal(again.predict(X), model.predict(X))
    fresh = clone(model)
    assert not hasattr(fresh, "coef_")
    assert repr(fresh) == repr(model)
    assert_same(fresh.fit(X, y), model, rtol=1e-12)


def test_fitting_leaves_the_gate_as_it_was(data):
    X, y, _ = data
    gate = SoftmaxGate(alpha=2)
    model = MixtureRegressor(gate=gate, random_state=0).fit(X, y)
    assert model.gate is gate
    assert vars(gate) == {"alpha": 2, "l1_ratio": 0.0}


def test_the_ridge_is_chosen_by_a_grid_search(data):
    X, y, _ = data
    grid = {"mixtureregressor__gate__alpha": [0.0, 1.0, 1e6]}
    pipe = make_pipeline(
        StandardScaler(), MixtureRegressor(gate=SoftmaxGate(), random_state=0)
    )
    folds = KFold(3)
    search = GridSearchCV(pipe, grid, scoring=log_likelihood_scorer, cv=folds)
    search.fit(X, y)
    by_hand = []
    for alpha in grid["mixtureregressor__gate__alpha"]:
        scores = []
        for train, test in folds.split(X):
            model = MixtureRegressor(gate=SoftmaxGate(alpha), random_state=0)
            model.fit(X[train], y[train])
            scores.append(model.log_likelihood(X[test], y[test]) / len(test))
        by_hand.append(np.mean(scores))
    assert_allclose(search.cv_results_["mean_test_score"], by_hand, rtol=1e-6)
    best = grid["mixtureregressor__gate__alpha"][int(np.argmax(by_hand))]
    assert search.best_estimator_["mixtureregressor"].gate.alpha == best < 1e6


def test_the_gate_itself_is_a_parameter_of_a_grid_search(data):
    X, y, _ = data
    gates = [None, "softmax", ConstantGate("equal")]
    search = GridSearchCV(
        MixtureRegressor(random_state=0),
        {"gate": gates},
        scoring=log_likelihood_scorer,
        cv=3,
        error_score="raise",
    ).fit(X, y)
    assert search.best_params_ == {"gate": "softmax"}


@pytest.mark.parametrize("family", ["poisson", "gamma", "binomial"])
def test_a_gate_goes_with_every_family(family):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 2))
    second = rng.random(500) < 1 / (1 + np.exp(-2 * X[:, 1]))
    eta = np.where(second, 2.0 + 0.3 * X[:, 0], -1.0 - 0.3 * X[:, 0])
    extra = {"trials": np.full(500, 20)} if family == "binomial" else {}
    y = {
        "poisson": lambda: rng.poisson(np.exp(eta)),
        "gamma": lambda: rng.gamma(5.0, np.exp(eta) / 5.0),
        "binomial": lambda: rng.binomial(20, 1 / (1 + np.exp(-eta))),
    }[family]()
    model = MixtureRegressor(
        family=family,
        gate="softmax",
        gate_features=[1],
        regression_features=[0],
        random_state=0,
    ).fit(X, y, **extra)
    assert model.converged_
    mean = model.predict_components(X, **extra)
    shape = model.scale_**-2.0
    log_density = {
        "poisson": lambda: stats.poisson.logpmf(y[:, None], mean),
        "gamma": lambda: stats.gamma.logpdf(y[:, None], shape, scale=mean / shape),
        "binomial": lambda: stats.binom.logpmf(y[:, None], 20, mean / 20),
    }[family]()
    prior = prior_of(X, model.gate_coef_, model.gate_intercept_)
    loglik = np.logaddexp.reduce(np.log(prior) + log_density, axis=1).sum()
    assert_allclose(model.log_likelihood_, loglik, rtol=1e-9)
    truth = 2.0 if mean[:, 1].mean() > mean[:, 0].mean() else -2.0
    assert_allclose(model.gate_coef_[1, 1], truth, atol=0.6)
    difference = model.predict_proba(X, y, **extra) - model.predict_proba(X)
    assert np.abs(difference.T @ np.column_stack([np.ones(500), X[:, 1]])).max() < 1e-6


@pytest.mark.parametrize("shared", [{"shared_scale": True}, {"shared_features": [0]}])
def test_a_gate_goes_with_what_components_share(shared, data, model):
    X, y, _ = data
    ours = fit(X, y, **shared)
    assert ours.converged_
    assert ours.n_parameters_ == model.n_parameters_ - 1
    assert ours.log_likelihood_ < model.log_likelihood_
    objective, values = objective_of(ours, X, y, 0.0)
    assert np.abs(jacobian(objective, values, 1e-3)).max() < 1e-6


def test_many_rows_are_searched_on_a_part_and_polished_on_all():
    X, y, _ = gated(0, n=6000)
    model = fit(X, y)
    assert model.search_["sample_rows"] < 6000
    assert model.converged_
    objective, values = objective_of(model, X, y, 0.0)
    assert np.abs(jacobian(objective, values, 1e-3)).max() < 1e-4
    order = np.random.default_rng(0).permutation(6000)
    assert_same(fit(X[order], y[order]), model)


def test_single_precision_gives_the_same_gate(data, model):
    X, y, _ = data
    single = fit(X.astype(np.float32), y)
    assert_allclose(single.gate_coef_, model.gate_coef_, rtol=1e-3, atol=1e-4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        single.predict_proba(X.astype(np.float32), y)
