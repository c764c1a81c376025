"""Predictors of a family with features of their own."""

import dask.array as da
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from outside_families import ZeroInflatedPoisson
from scipy import optimize, sparse, special, stats
from support import second_derivatives

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn._engine.rows import TableRows
from mixreg_sklearn._posed import pose
from mixreg_sklearn._search.outline import WIDE
from mixreg_sklearn.families import Predictor
from mixreg_sklearn.inference import bootstrap, inference


class ZeroInflated(ZeroInflatedPoisson):
    """Zero-inflated counts whose zeros depend on features of their own."""

    def __init__(self, features=None):
        self.features = features

    @property
    def predictors(self):
        return Predictor("mean"), Predictor("zero", self.features)


def data(seed=0, n=800, d=3, filled=1.0):
    """Two Poisson regressions on all features, with zeros that depend on the last."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, size=(n, d)) * (rng.random((n, d)) < filled)
    first = rng.random(n) < 0.6
    slope = np.resize([0.4, -0.5, 0.3], d) / np.sqrt(max(1, d / 3))
    mean = np.exp(np.where(first, 3.8 + X @ slope, 2.2 - X @ slope))
    never = special.expit(np.where(first, -2 + X[:, -1], -1 - X[:, -1]))
    return X, rng.poisson(mean) * (rng.random(n) > never) * 1.0


def log_likelihood(X, y, of_mean, of_zero, theta):
    """Of log-odds, then intercepts and coefficients by component, by definition."""
    own = theta[1:].reshape(2, -1)
    joint = []
    for sign, part in zip((1, -1), own, strict=True):
        mean, zero = np.split(part, [1 + len(of_mean)])
        mean, zero = (
            each[0] + X[:, used] @ each[1:]
            for each, used in ((mean, of_mean), (zero, of_zero))
        )
        count = special.log_expit(-zero) + stats.poisson.logpmf(y, np.exp(mean))
        density = np.where(y == 0, np.logaddexp(special.log_expit(zero), count), count)
        joint.append(special.log_expit(sign * theta[0]) + density)
    return np.logaddexp(*joint).sum()


def numbers(model, of_mean, of_zero):
    """The estimates as `log_likelihood` takes them."""
    own = [
        model.intercept_[:, None],
        model.coef_[:, of_mean],
        model.zero_intercept_[:, None],
        model.zero_coef_[:, of_zero],
    ]
    return np.append(special.logit(model.weights_[0]), np.hstack(own))


# Features of the mean and of the zeros.
CASES = [([0, 1], [2]), ([0, 1, 2], [0, 2]), ([1], [0, 1, 2]), ([], [2])]


@pytest.fixture(scope="module", params=CASES)
def case(request):
    of_mean, of_zero = request.param
    model = MixtureRegressor(
        2, family=ZeroInflated(of_zero), regression_features=of_mean, random_state=0
    )
    return of_mean, of_zero, model.fit(*data())


def test_the_fit_is_the_maximum_that_an_independent_optimizer_finds(case):
    X, y = data()
    of_mean, of_zero, model = case
    assert model.converged_
    assert model.n_parameters_ == 1 + 2 * (2 + len(of_mean) + len(of_zero))
    for coef, used in ((model.coef_, of_mean), (model.zero_coef_, of_zero)):
        assert coef.shape == (2, 3)
        assert_array_equal(np.delete(coef, used, axis=1), 0)
    ours = numbers(model, of_mean, of_zero)

    def loss(theta):
        return -log_likelihood(X, y, of_mean, of_zero, theta)

    assert_allclose(model.log_likelihood_, -loss(ours), rtol=1e-10)
    found = optimize.minimize(loss, ours + 0.05, options={"gtol": 1e-6})
    assert_allclose(model.log_likelihood_, -found.fun, rtol=1e-8)
    assert_allclose(ours, found.x, rtol=1e-3, atol=1e-3)
    assert_allclose(model.log_likelihood(X, y), model.log_likelihood_, rtol=1e-12)


def test_standard_errors_are_those_of_the_numerical_hessian(case):
    X, y = data()
    of_mean, of_zero, model = case
    result = inference(model, X, y)
    ours = numbers(model, of_mean, of_zero)
    information = -second_derivatives(
        lambda steps: log_likelihood(X, y, of_mean, of_zero, ours + steps),
        np.full(len(ours), 0.1),
    )
    theirs = np.sqrt(np.diag(np.linalg.inv(information)))
    own = [i for i, name in enumerate(result.names) if "share" not in name]
    assert_allclose(result.working_std_errors[own], theirs[1:], rtol=1e-3)


def test_names_and_callables_choose_features():
    X, y = data()
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    settings = {"regression_features": [0, 1], "n_init": 1, "random_state": 0}
    fits = [
        MixtureRegressor(2, family=ZeroInflated(chosen), **settings).fit(frame, y)
        for chosen in (["c"], -1, slice("c", None), lambda X: X.columns == "c")
    ]
    for fit in fits[1:]:
        assert_array_equal(fit.zero_coef_, fits[0].zero_coef_)
    with pytest.raises(ValueError, match=r"predictor 'zero'.*'e'"):
        MixtureRegressor(family=ZeroInflated(["e"])).fit(frame, y)


def test_predictors_of_the_same_features_share_their_columns():
    X, y = data()
    shared, apart = (
        pose(MixtureRegressor(family=ZeroInflated(chosen)), X, y, *[None] * 3, {})
        for chosen in ([0, 1, 2], [0])
    )
    for posed, same in ((shared, True), (apart, False)):
        assert isinstance(posed.problem.rows, TableRows)
        for values in (
            posed.problem.frame.designs,
            posed.problem.facts.features,
            posed.problem.rows.whole().columns,
        ):
            assert (values[0] is values[1]) == same


def test_an_intercept_alone_does_not_depend_on_fit_intercept():
    X, y = data()
    # A constant share of zeros is identified in one component alone.
    whole = MixtureRegressor(1, family=ZeroInflated([])).fit(X, y)
    assert whole.converged_
    assert_array_equal(whole.zero_coef_, 0)
    X = np.column_stack([np.ones(len(y)), X])
    model = MixtureRegressor(1, family=ZeroInflated([]), fit_intercept=False).fit(X, y)
    assert_allclose(model.log_likelihood_, whole.log_likelihood_, rtol=1e-10)
    assert_allclose(model.zero_intercept_, whole.zero_intercept_, rtol=1e-6)
    names = inference(model, X, y).names
    (name,) = [name for name in names if "zero" in name]
    assert name.endswith("zero intercept")


def test_what_is_held_in_the_first_predictor_stays_in_the_others():
    X, y = data()
    held = MixtureRegressor(
        2, family=ZeroInflated(), held_coef={1: 0.0, 2: 0.0}, random_state=0
    ).fit(X, y)
    left_out = MixtureRegressor(
        2, family=ZeroInflated([0, 1, 2]), regression_features=[0], random_state=0
    ).fit(X, y)
    assert_allclose(held.log_likelihood_, left_out.log_likelihood_, rtol=1e-10)
    assert_allclose(held.zero_coef_, left_out.zero_coef_, atol=1e-4)


@pytest.mark.parametrize("variant", [{}, {"gate": "softmax", "gate_features": [0]}])
@pytest.mark.parametrize(("of_mean", "of_zero"), [([0, 1, 3], [4]), ([], [0, 1, 4])])
@pytest.mark.parametrize("grouped", [False, True])
def test_sparse_features_lead_to_the_estimates_of_dense_ones(
    of_mean, of_zero, grouped, variant
):
    X, y = data(d=5, filled=0.4)
    groups = None
    if grouped:
        groups = np.arange(len(y)) // 2
        X[:, 0] = X[2 * groups, 0]
    model = MixtureRegressor(
        2,
        family=ZeroInflated(of_zero),
        regression_features=of_mean,
        random_state=0,
        **variant,
    )
    theirs = model.fit(X, y, groups=groups).coef_, model.zero_coef_
    errors = inference(model, X, y, groups=groups).std_errors
    assert model.converged_
    rows = sparse.csr_array(X)
    model.fit(rows, y, groups=groups)
    assert model.converged_
    for ours, each in zip((model.coef_, model.zero_coef_), theirs, strict=True):
        assert_allclose(ours, each, atol=1e-5)
    ours = inference(model, rows, y, groups=groups).std_errors
    assert_allclose(ours, errors, rtol=1e-4)


def test_partitions_give_the_estimate_of_arrays():
    X, y = data()
    family = ZeroInflated([2])
    model = MixtureRegressor(2, family=family, regression_features=[0], random_state=0)
    theirs = model.fit(X, y).coef_, model.zero_coef_, model.log_likelihood_
    chunks = (300, 0, 400, 100)
    model.fit(*(da.from_array(each, (chunks, *each.shape[1:])) for each in (X, y)))
    ours = model.coef_, model.zero_coef_, model.log_likelihood_
    for mine, other in zip(ours, theirs, strict=True):
        assert_allclose(mine, other, rtol=1e-8, atol=1e-10)


def test_many_columns_are_searched_in_outline_beside_few():
    X, y = data(n=3000, d=WIDE + 5, filled=0.3)
    few = [X.shape[1] - 1]
    model = MixtureRegressor(2, family=ZeroInflated(few), random_state=0).fit(X, y)
    assert model.converged_
    assert_array_equal(model.zero_coef_[:, :-1], 0)
    slope = np.resize([0.4, -0.5, 0.3], X.shape[1]) / np.sqrt(X.shape[1] / 3)
    truth = [special.logit(0.6), 3.8, *slope, -2, 1, 2.2, *-slope, -1, -1]
    of_mean = np.arange(X.shape[1])
    assert model.log_likelihood_ > log_likelihood(X, y, of_mean, few, np.array(truth))


def test_weights_count_rows_and_draws_refit():
    X, y = data(n=300)
    weight = np.random.default_rng(0).integers(0, 3, size=len(y))
    model = MixtureRegressor(
        2, family=ZeroInflated([2]), regression_features=[0], random_state=0
    )
    weighted = model.fit(X, y, sample_weight=weight).zero_coef_
    again = np.repeat(np.arange(len(y)), weight)
    model.fit(X[again], y[again])
    assert_allclose(weighted, model.zero_coef_, atol=1e-6)
    draws = bootstrap(model, X[again], y[again], n_bootstrap=3, random_state=0)
    assert np.isfinite(draws.draws).all()
