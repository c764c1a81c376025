"""Gates under an elastic net: the maximum, and what it selects."""

import warnings
from inspect import signature

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from support import few, seeds

from mixreg_sklearn import MixtureRegressor, summary
from mixreg_sklearn.gates import SoftmaxGate
from mixreg_sklearn.inference import inference

sizes = st.sampled_from([2, 3, 4])
nets = st.sampled_from([(4.0, 1.0), (10.0, 0.5), (15.0, 1.0), (20.0, 0.1)])


def gated(seed, n=160, q=5, n_components=2):
    """Lines far apart, feature 0 regresses, the first two of q others gate."""
    rng = np.random.default_rng(seed)
    K, X = n_components, rng.normal(size=(n, 1 + q))
    X[:, 1:] += 0.5 * X[:, [1]]
    slopes = np.zeros((K, q))
    slopes[1, 0], slopes[-1, 1] = 1.5, -1.0
    label = (X[:, 1:] @ slopes.T + rng.gumbel(size=(n, K))).argmax(axis=1)
    y = 6.0 * label + np.linspace(-1, 1, K)[label] * X[:, 0] + 0.8 * rng.normal(size=n)
    return X, y, label


def fit(X, y, net, n_components=2, *, weight=None, known=None, groups=None, **options):
    options = {
        "gate": SoftmaxGate(*net),
        "gate_features": list(range(1, X.shape[1])),
        "regression_features": [0],
        "random_state": 0,
    } | options
    model = MixtureRegressor(n_components, **options)
    return model.fit(X, y, weight, known_component=known, groups=groups)


def standardized(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)


def shifted(coef, lasso, ridge):
    """Coefficients (K, q) less what all have in common, by trying every place."""
    K, out = len(coef), np.empty(coef.shape)
    for j, g in enumerate(coef.T):
        places = [*g]
        if ridge:
            reach = lasso / (ridge * K) * (2 * np.arange(K + 1) - K)
            places += [*(g.mean() + reach)]
        apart = g - np.array(places)[:, None]
        cost = (lasso * np.abs(apart) + ridge / 2 * apart**2).sum(axis=1)
        out[:, j] = apart[cost.argmin()]
    return out


def penalty(t, lasso, ridge):
    return (lasso * np.abs(t) + ridge / 2 * t**2).sum()


def kkt(model, X, y, net, one=slice(None), **rows):
    """The largest distance from what the conditions ask of slopes, and numbers t.

    From public attributes alone; `one` are the first rows of units.
    """
    lasso, ridge = net[0] * net[1], net[0] * (1 - net[1])
    Z = X[one][:, model.gate_features]
    coef = model.gate_coef_[:, model.gate_features] * Z.std(axis=0)
    t = shifted(coef, lasso, ridge)
    tau, prior = model.predict_proba(X, y, **rows), model.predict_proba(X)
    slope = (tau - prior)[one].T @ standardized(Z) - ridge * t
    apart = np.abs(slope - lasso * np.sign(t))
    apart[t == 0] = np.maximum(np.abs(slope[t == 0]) - lasso, 0.0)
    return apart.max(), t


# The maximum -------------------------------------------------------------------


@few
@given(seeds, sizes, nets)
def test_the_conditions_of_a_maximum_hold(seed, n_components, net):
    X, y, _ = gated(seed, n_components=n_components)
    model = fit(X, y, net, n_components, tol=1e-14)
    apart, t = kkt(model, X, y, net)
    assert model.converged_
    assert apart < 1e-8
    lasso, ridge = net[0] * net[1], net[0] * (1 - net[1])
    value = model.log_likelihood_ - penalty(t, lasso, ridge)
    assert_allclose(model.objective_, value, rtol=1e-12)


def elastic_net(**penalty):
    """Scikit-learn's regression; before version 1.8 its penalty has to be named."""
    named = signature(LogisticRegression).parameters["penalty"].default == "l2"
    penalty |= {"penalty": "elasticnet"} if named else {}
    return LogisticRegression(solver="saga", tol=1e-10, max_iter=10_000, **penalty)


def test_two_components_of_known_rows_are_a_logistic_regression():
    X, y, label = gated(0)
    Z = standardized(X[:, 1:])
    net = 6.0, 0.5
    model = fit(X, y, net, known=label)
    # Of the log-odds d: the lasso, and half of the ridge.
    lasso, ridge = net[0] * net[1], net[0] * (1 - net[1]) / 2
    strength = lasso + ridge
    theirs = elastic_net(C=1 / strength, l1_ratio=lasso / strength).fit(Z, label)

    def objective(slopes, constant):
        eta = np.where(label == 1, 1, -1) * (Z @ slopes + constant)
        cost = lasso * np.abs(slopes).sum() + ridge / 2 * (slopes**2).sum()
        return -np.logaddexp(0, -eta).sum() - cost

    slopes = model.gate_coef_[1, 1:] * X[:, 1:].std(axis=0)
    constant = model.gate_intercept_[1] + model.gate_coef_[1, 1:] @ X[:, 1:].mean(0)
    ours = objective(slopes, constant)
    assert_allclose(ours, objective(theirs.coef_[0], theirs.intercept_[0]), atol=1e-6)
    assert_array_equal(slopes != 0, theirs.coef_[0] != 0)
    assert 0 < (slopes != 0).sum() < 5


@pytest.mark.parametrize("net", [(4.0, 1.0), (6.0, 0.5)])
def test_components_of_known_rows_are_a_multinomial_regression(net):
    X, y, label = gated(1, n_components=3)
    Z = standardized(X[:, 1:])
    model = fit(X, y, net, 3, known=label)
    theirs = elastic_net(C=1 / net[0], l1_ratio=net[1]).fit(Z, label)
    lasso, ridge = net[0] * net[1], net[0] * (1 - net[1])

    def objective(coef, constant):
        logits = Z @ coef.T + constant
        logits -= np.logaddexp.reduce(logits, axis=1)[:, None]
        chosen = logits[np.arange(len(label)), label].sum()
        return chosen - penalty(shifted(coef, lasso, ridge), lasso, ridge)

    coef = model.gate_coef_[:, 1:] * X[:, 1:].std(axis=0)
    constant = model.gate_intercept_ + model.gate_coef_[:, 1:] @ X[:, 1:].mean(axis=0)
    ours = objective(coef, constant)
    assert_allclose(ours, objective(theirs.coef_, theirs.intercept_), atol=1e-6)
    # They have the shift at which the penalty is least, too.
    assert_allclose(shifted(coef, lasso, ridge), theirs.coef_, atol=1e-4)


def test_groups_are_units_of_the_net():
    rng = np.random.default_rng(2)
    X, y, label = gated(2, n=120)
    each = np.repeat(np.arange(120), 3)
    X = X[each]
    X[:, 0] = rng.normal(size=360)
    y = 6.0 * label[each] + X[:, 0] + rng.normal(size=360)
    net = 5.0, 1.0
    model = fit(X, y, net, groups=each, tol=1e-14)
    apart, t = kkt(model, X, y, net, one=slice(None, None, 3), groups=each)
    assert model.converged_
    assert apart < 1e-8
    assert (t == 0).sum() > 5


def test_a_background_is_one_of_the_shares_of_the_net():
    X, y, _ = gated(3)
    y[X[:, 3] > 1.2] = np.random.default_rng(0).uniform(-30, 40, (X[:, 3] > 1.2).sum())
    net = 3.0, 1.0
    model = fit(X, y, net, background="uniform", tol=1e-14)
    apart, t = kkt(model, X, y, net)
    assert model.gate_coef_.shape == (3, 6)
    assert model.converged_
    assert apart < 1e-8
    assert t[2, 2] != 0


def test_weights_equal_repetition_under_a_net():
    X, y, _ = gated(4)
    count = np.random.default_rng(4).integers(0, 4, size=len(y))
    net = 5.0, 0.8
    ours = fit(X, y, net, weight=count)
    theirs = fit(np.repeat(X, count, axis=0), np.repeat(y, count), net)
    assert_allclose(ours.objective_, theirs.objective_, rtol=1e-10)
    assert_allclose(ours.gate_coef_, theirs.gate_coef_, atol=1e-6)
    assert_array_equal(ours.gate_coef_ == 0, theirs.gate_coef_ == 0)


# What does not matter ----------------------------------------------------------


@few
@given(seeds, sizes, nets)
def test_units_and_orders_do_not_matter(seed, n_components, net):
    X, y, _ = gated(seed, n_components=n_components)
    model = fit(X, y, net, n_components)
    rng = np.random.default_rng(seed)
    shift, factor = rng.uniform(-20, 20, size=6), 10.0 ** rng.uniform(-3, 3, size=6)
    rows, columns = rng.permutation(len(y)), rng.permutation(np.arange(1, 6))
    moved = (shift + factor * X)[rows][:, [0, *columns]]
    other = fit(moved, y[rows], net, n_components)
    assert_allclose(other.objective_, model.objective_, rtol=1e-9)
    coef = other.gate_coef_[:, 1:] * factor[columns]
    assert_allclose(coef, model.gate_coef_[:, columns], atol=1e-5)
    assert_array_equal(coef == 0, model.gate_coef_[:, columns] == 0)
    assert other.n_parameters_ == model.n_parameters_


@pytest.mark.parametrize("net", [(4.0, 1.0), (8.0, 0.5)])
def test_no_component_is_the_baseline_of_the_penalty(net):
    X, y, label = gated(5, n_components=4)
    order = np.array([2, 0, 3, 1])
    model = fit(X, y, net, 4, known=label)
    other = fit(X, y, net, 4, known=order[label])
    assert_allclose(other.objective_, model.objective_, rtol=1e-11)
    coef = other.gate_coef_[order] - other.gate_coef_[order[0]]
    assert_allclose(coef, model.gate_coef_, atol=1e-7)
    assert_array_equal(coef == 0, model.gate_coef_ == 0)


def test_sparse_features_give_the_same_net():
    X, y, _ = gated(6, n_components=3)
    X[:, 1:] *= np.random.default_rng(0).random(X[:, 1:].shape) < 0.3
    ours = fit(sparse.csr_array(X), y, (2.0, 0.9), 3)
    theirs = fit(X, y, (2.0, 0.9), 3)
    assert ours.converged_
    assert_allclose(ours.objective_, theirs.objective_, rtol=1e-9)
    assert_allclose(ours.gate_coef_, theirs.gate_coef_, atol=1e-6)


def test_a_warm_start_keeps_the_zeros():
    X, y, _ = gated(7, n_components=3)
    model = fit(X, y, (8.0, 1.0), 3, warm_start=True)
    coef = model.gate_coef_
    model.fit(X, y)
    assert model.search_ == {}
    assert_allclose(model.gate_coef_, coef, atol=1e-8)
    assert_array_equal(model.gate_coef_ == 0, coef == 0)


# What it selects ---------------------------------------------------------------


def test_features_that_matter_are_found_among_many():
    for seed in (4, 8):
        X, y, _ = gated(seed, n=400, q=60)
        model = fit(X, y, (27.0, 1.0))
        assert model.converged_
        coef = np.abs(model.gate_coef_[1] * X.std(axis=0))
        assert_array_equal(np.sort(np.argsort(coef)[-2:]), [1, 2])
        assert 2 <= (coef > 0).sum() <= 6
        # Shares, coefficients and scales, and what is selected.
        assert model.n_parameters_ == 1 + 4 + 2 + (coef > 0).sum()


def test_a_summary_names_the_features_of_the_gate_that_are_selected():
    X, y, _ = gated(4)
    model = fit(X, y, (15.0, 1.0))
    assert_array_equal(np.flatnonzero(model.gate_coef_[1]), [1, 2])
    assert "depends on x1, x2, selected of 5" in str(summary(model, X, y))


def test_equal_coefficients_are_equal_and_counted_once():
    X, y, _ = gated(0, n=300, n_components=4)
    model = fit(X, y, (20.0, 1.0), 4)
    t = shifted(model.gate_coef_[:, 1:] * X[:, 1:].std(axis=0), 20.0, 0.0)
    first = t[:, 0]
    assert (first == 0).sum() == 3
    assert model.n_parameters_ == 3 + 4 * 3 + (t != 0).sum()


def test_a_strong_net_leaves_constant_shares():
    X, y, _ = gated(9, n_components=3)
    model = fit(X, y, (1e4, 0.7), 3)
    constant = fit(X, y, (), 3, gate=None, gate_features=None)
    assert not model.gate_coef_.any()
    assert model.n_parameters_ == constant.n_parameters_
    assert_allclose(model.log_likelihood_, constant.log_likelihood_, rtol=1e-9)


def test_a_net_with_little_lasso_is_the_ridge_where_features_are_uncorrelated():
    X, y, _ = gated(10, n_components=3)
    Z = X[:, 1:] - X[:, 1:].mean(axis=0)
    X[:, 1:] = np.linalg.qr(Z)[0] * np.sqrt(len(y))
    ours, theirs = fit(X, y, (3.0, 1e-12), 3), fit(X, y, (3.0, 0.0), 3)
    assert_allclose(ours.objective_, theirs.objective_, rtol=1e-9)
    assert_allclose(ours.gate_coef_, theirs.gate_coef_, atol=1e-5)


# Many features, and separation -------------------------------------------------


@pytest.mark.parametrize("net", [(3.0, 1.0), (3.0, 0.5)])
def test_a_net_has_a_maximum_where_features_separate_components(net):
    X, y, label = gated(11)
    X[:, 1] = np.where(label == 1, 1.0, -1.0) + 0.3 * X[:, 1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fit(X, y, net)
    assert model.converged_
    assert 1 < model.gate_coef_[1, 1] < 10


def test_a_net_of_more_features_than_units_is_proven():
    X, y, _ = gated(12, n=60, q=90)
    net = 6.0, 1.0
    model = fit(X, y, net, tol=1e-14)
    assert model.converged_
    assert kkt(model, X, y, net)[0] < 1e-8
    assert 0 < (model.gate_coef_[1] != 0).sum() < 15


@pytest.mark.parametrize("q", [30, 90])
def test_a_gate_of_many_features_without_penalty_says_that_it_separates(q):
    X, y, _ = gated(13, n=60, q=q)
    with pytest.warns(ConvergenceWarning, match="features of the gate separate"):
        model = fit(X, y, ())
    assert not model.converged_
    assert np.isfinite(model.gate_coef_).all()
    assert np.isfinite(model.log_likelihood_)
    assert_allclose(model.predict_proba(X).sum(axis=1), 1.0, rtol=1e-12)


# What is refused ---------------------------------------------------------------


@pytest.mark.parametrize("l1_ratio", [-0.1, 1.5, "half", np.nan, None])
def test_a_bad_share_of_the_lasso_is_explained(l1_ratio):
    X, y, _ = gated(0)
    with pytest.raises(ValueError, match="gate: l1_ratio must be a number from 0 to 1"):
        fit(X, y, (1.0, l1_ratio))


def test_standard_errors_of_a_lasso_are_refused():
    X, y, _ = gated(0)
    model = fit(X, y, (5.0, 1.0))
    with pytest.raises(ValueError, match="shrunk by a lasso"):
        inference(model, X, y)
