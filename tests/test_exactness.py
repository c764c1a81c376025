"""The estimate is what it says: checked against definitions, by other means."""

import warnings
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import optimize, stats
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression
from support import (
    as_init,
    fitted,
    jacobian,
    log_joint,
    log_likelihood,
    separated,
    two_lines,
)

from mixreg_sklearn import MixtureRegressor


@pytest.fixture(scope="module")
def data():
    sample = separated(3, n=160, d=2)
    return sample.X, sample.y


@pytest.fixture(scope="module")
def model(data):
    return MixtureRegressor(random_state=0).fit(*data)


# One component is least squares ------------------------------------------------


def exact_least_squares(X, y, weight=None):
    """Intercept and slopes in rational arithmetic: no rounding at all."""
    columns = np.column_stack([np.ones(len(y)), X])
    weight = np.ones(len(y)) if weight is None else weight
    A = [[Fraction(v) for v in row] for row in columns.tolist()]
    b = [Fraction(v) for v in y.tolist()]
    w = [Fraction(v) for v in weight.tolist()]
    p = len(A[0])
    system = [
        [sum(wi * r[i] * r[j] for wi, r in zip(w, A, strict=True)) for j in range(p)]
        + [sum(wi * r[i] * bi for wi, r, bi in zip(w, A, b, strict=True))]
        for i in range(p)
    ]
    for i in range(p):
        pivot = next(k for k in range(i, p) if system[k][i] != 0)
        system[i], system[pivot] = system[pivot], system[i]
        system[i] = [v / system[i][i] for v in system[i]]
        for k in range(p):
            if k != i:
                factor = system[k][i]
                pairs = zip(system[k], system[i], strict=True)
                system[k] = [v - factor * u for v, u in pairs]
    return np.array([float(row[-1]) for row in system])


def linear_data(seed=0, n=60, d=4):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) + 3
    y = 2 + X @ rng.normal(size=d) + 0.5 * rng.normal(size=n)
    return X, y, rng.uniform(0.1, 4, size=n), rng.normal(size=n)


def assert_one_regression(model, intercept, coef, rtol=1e-10):
    """To `rtol` of the length of the vector of coefficients."""
    ours = np.append(model.intercept_, model.coef_)
    theirs = np.append(intercept, coef)
    assert np.linalg.norm(ours - theirs) <= rtol * np.linalg.norm(theirs)
    assert model.weights_.tolist() == [1.0]
    assert model.search_ == {}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("moved", [False, True], ids=["no offset", "offset"])
def test_one_component_is_linear_regression(weighted, fit_intercept, moved):
    X, y, weight, offset = linear_data()
    weight = weight if weighted else None
    offset = offset if moved else None
    model = MixtureRegressor(1, fit_intercept=fit_intercept)
    model.fit(X, y, sample_weight=weight, offset=offset)
    net = y - offset if moved else y
    line = LinearRegression(fit_intercept=fit_intercept).fit(X, net, weight)
    assert_one_regression(model, line.intercept_, line.coef_)
    assert model.converged_
    assert not model.degenerate_
    residual = net - line.predict(X)
    scale = np.sqrt(np.average(residual**2, weights=weight))
    assert_allclose(model.scale_, [scale], rtol=1e-10)
    total = len(y) if weight is None else weight.sum()
    loglik = -0.5 * total * (np.log(2 * np.pi * scale**2) + 1)
    assert_allclose(model.log_likelihood_, loglik, rtol=1e-10)
    assert model.n_parameters_ == 4 + fit_intercept + 1


def test_one_component_is_lstsq():
    X, y, _, _ = linear_data(1)
    columns = np.column_stack([np.ones(len(y)), X])
    solution = np.linalg.lstsq(columns, y)[0]
    model = MixtureRegressor(1).fit(X, y)
    assert_one_regression(model, solution[0], solution[1:])


@pytest.mark.parametrize("seed", range(5))
def test_one_component_is_exact_where_columns_are_nearly_collinear(seed):
    rng = np.random.default_rng(seed)
    left, _ = np.linalg.qr(rng.normal(size=(40, 4)))
    right, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    X = left * np.array([1.0, 1e-2, 1e-4, 1e-6]) @ right
    assert 1e5 < np.linalg.cond(X) < 1e7
    y = X @ rng.normal(size=4) + 0.1 * rng.normal(size=40)
    model = MixtureRegressor(1).fit(X, y)
    solution = exact_least_squares(X, y)
    found = np.append(model.intercept_, model.coef_[0])
    # What rounding of X itself may change.
    bound = 8 * np.finfo(float).eps * np.linalg.cond(X)
    assert np.linalg.norm(found - solution) <= bound * np.linalg.norm(solution)


@pytest.mark.parametrize("seed", range(3))
def test_one_component_is_exact_in_any_units(seed):
    X, y, weight, _ = linear_data(seed, n=40)
    X = X * np.array([1e-9, 1e-3, 1.0, 1e9]) + np.array([0, 1e-3, 1e3, 0])
    model = MixtureRegressor(1).fit(X, y, sample_weight=weight)
    solution = exact_least_squares(X, y, weight)
    assert_allclose(model.coef_[0], solution[1:], rtol=1e-10)


def test_duplicated_columns_get_the_least_norm_solution():
    X, y, weight, _ = linear_data(2)
    X = np.column_stack([X, X[:, 0], X[:, 1] + X[:, 2]])
    model = MixtureRegressor(1).fit(X, y, sample_weight=weight)
    line = LinearRegression().fit(X, y, weight)
    assert_one_regression(model, line.intercept_, line.coef_)
    assert model.n_parameters_ == 4 + 1 + 1
    assert_allclose(model.coef_[0, 0], model.coef_[0, 4], rtol=1e-10)


def test_duplicated_columns_of_a_mixture_get_the_least_norm_solution(data, model):
    X, y = data
    double = MixtureRegressor(random_state=0).fit(np.column_stack([X, X[:, 0]]), y)
    assert double.n_parameters_ == model.n_parameters_
    assert_allclose(double.log_likelihood_, model.log_likelihood_, rtol=1e-10)
    assert_allclose(double.coef_[:, 0], model.coef_[:, 0] / 2, rtol=1e-7)
    assert_allclose(double.coef_[:, 2], model.coef_[:, 0] / 2, rtol=1e-7)


@pytest.mark.parametrize("fit_intercept", [False, True])
def test_more_features_than_rows_get_the_least_norm_solution(fit_intercept):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 30)), rng.normal(size=12)
    model = MixtureRegressor(1, fit_intercept=fit_intercept)
    with pytest.warns(ConvergenceWarning, match="as many coefficients as rows"):
        model.fit(X, y)
    line = LinearRegression(fit_intercept=fit_intercept).fit(X, y)
    assert_one_regression(model, line.intercept_, line.coef_)
    assert_allclose(model.predict(X), y, rtol=1e-9, atol=1e-9)


# The estimate is a maximum -----------------------------------------------------


def _vector(model):
    """Free parameters of a plain mixture: logits, intercepts, slopes, log scales."""
    logits = np.log(model.weights_[1:] / model.weights_[0])
    return np.concatenate(
        [logits, model.intercept_, model.coef_.ravel(), np.log(model.scale_)]
    )


def _unpack(vector, K, d):
    logits, intercept, coef, log_scale = np.split(vector, [K - 1, 2 * K - 1, -K])
    weights = np.exp(np.append(0.0, logits))
    return weights / weights.sum(), intercept, coef.reshape(K, d), np.exp(log_scale)


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_the_estimate_is_a_stationary_point_of_the_likelihood(seed, K):
    sample = separated(seed, n=150, d=2, n_components=K, spacing=3.0)
    weight = np.random.default_rng(seed).uniform(0.5, 2, size=150)
    model = MixtureRegressor(K, random_state=0)
    model.fit(sample.X, sample.y, sample_weight=weight)

    def value(vector):
        return log_likelihood(sample.X, sample.y, *_unpack(vector, K, 2), weight)

    at = _vector(model)
    assert len(at) == model.n_parameters_
    assert_allclose(value(at), model.log_likelihood_, rtol=1e-10)
    gradient = jacobian(value, at, 1e-3)
    hessian = jacobian(lambda v: jacobian(value, v, 1e-3), at, 1e-3)
    assert np.linalg.eigvalsh(-hessian).min() > 0
    decrement = 0.5 * gradient @ np.linalg.solve(-hessian, gradient)
    assert decrement < 1e-10
    unit = 1 / np.sqrt(np.diag(-hessian))
    scaled = np.linalg.eigvalsh(-hessian * unit * unit[:, None]).min()
    assert scaled > 0
    assert model.smallest_eigenvalue_ > 0


def test_no_other_maximizer_gains_from_the_estimate():
    X, y = two_lines(200, seed=4)
    model = MixtureRegressor(random_state=0).fit(X, y)

    def loss(vector):
        return -log_likelihood(X, y, *_unpack(vector, 2, 1))

    at = _vector(model)
    for method in ("BFGS", "Nelder-Mead"):
        found = optimize.minimize(loss, at, method=method, options={"maxiter": 2000})
        assert loss(at) - found.fun < 1e-6


def test_the_reported_likelihood_is_that_of_the_parameters(data, model):
    X, y = data
    assert_allclose(model.log_likelihood(X, y), model.log_likelihood_, rtol=1e-11)
    by_hand = log_likelihood(X, y, *fitted(model))
    assert_allclose(model.log_likelihood(X, y), by_hand, rtol=1e-12)


def test_the_reported_likelihood_weighs_and_offsets(data):
    X, y = data
    rng = np.random.default_rng(0)
    weight, offset = rng.uniform(0, 3, size=len(y)), rng.normal(size=len(y))
    model = MixtureRegressor(random_state=0).fit(X, y, weight, offset=offset)
    by_hand = log_likelihood(X, y, *fitted(model), weight, offset[:, None][:, 0])
    assert_allclose(model.log_likelihood_, by_hand, rtol=1e-11)
    ours = model.log_likelihood(X, y, weight, offset=offset)
    assert_allclose(ours, by_hand, rtol=1e-12)


# The certificate ---------------------------------------------------------------


def _poor_start():
    return {
        "weights": [0.5, 0.5],
        "coef": [[0.0], [0.1]],
        "intercept": [0.0, 1.0],
        "scale": [5.0, 5.0],
    }


def test_a_fit_that_was_cut_short_says_so_in_one_warning():
    X, y = two_lines(200, seed=4)
    model = MixtureRegressor(init=_poor_start(), max_iter=1)
    with pytest.warns(ConvergenceWarning) as record:
        model.fit(X, y)
    assert len(record) == 1
    message = str(record[0].message)
    assert "not proven to be a maximum" in message
    assert "Increase max_iter" in message
    assert record[0].filename == __file__
    assert model.converged_ is False
    assert model.degenerate_ is False
    assert model.newton_decrement_ > model.tol
    best = MixtureRegressor(random_state=0).fit(X, y)
    assert model.log_likelihood_ < best.log_likelihood_ - 1


@pytest.mark.parametrize("max_iter", range(1, 12))
def test_converged_is_never_claimed_before_the_maximum(max_iter):
    X, y = two_lines(200, seed=4)
    best = MixtureRegressor(random_state=0).fit(X, y).log_likelihood_
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        model = MixtureRegressor(init=_poor_start(), max_iter=max_iter).fit(X, y)
    there = abs(model.log_likelihood_ - best) < 1e-7
    assert model.converged_ <= there
    assert len(record) == (not model.converged_)
    assert model.converged_ == (
        model.newton_decrement_ < model.tol and model.smallest_eigenvalue_ > 0
    )


def test_a_symmetric_saddle_is_not_called_a_maximum():
    # Two equal components are stationary for EM, and a saddle of the likelihood.
    X, y = two_lines(200, seed=4)
    line = MixtureRegressor(1).fit(X, y)
    start = {
        "weights": [0.5, 0.5],
        "coef": np.repeat(line.coef_, 2, axis=0),
        "intercept": np.repeat(line.intercept_, 2),
        "scale": np.repeat(line.scale_, 2),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = MixtureRegressor(init=start).fit(X, y)
    same = np.ptp(model.coef_) < 1e-6
    assert not (same and model.converged_)


@pytest.mark.parametrize("seed", [7, 27, 48, 59])
def test_a_component_that_vanishes_is_not_called_a_maximum(seed):
    # One regression and three components: a poor start loses one of them, and the
    # likelihood rises as its weight goes to zero.
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(80, 2))
    y = X @ [1, 2] + rng.normal(size=80)
    init = {
        "weights": rng.dirichlet(np.ones(3)),
        "coef": 3 * rng.normal(size=(3, 2)),
        "intercept": 5 * rng.normal(size=3),
        "scale": np.ones(3),
    }
    model = MixtureRegressor(3, shared_scale=True, init=init)
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        model.fit(X, y)
    vanished = model.weights_[-1] * len(y) < 1e-3
    assert not (vanished and model.converged_)
    assert len(record) == (not model.converged_)


def test_a_converged_fit_does_not_warn(data):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert MixtureRegressor(random_state=0).fit(*data).converged_ is True


def test_tol_bounds_the_decrement(data):
    for tol in (1e-2, 1e-12):
        model = MixtureRegressor(random_state=0, tol=tol).fit(*data)
        assert model.converged_
        assert 0 <= model.newton_decrement_ < tol


# Criteria ----------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_criteria_are_their_formulas(data, model, weighted):
    X, y = data
    weight = np.random.default_rng(0).uniform(0, 3, size=len(y)) if weighted else None
    counts = np.ones(len(y)) if weight is None else weight
    joint = log_joint(X, y, *fitted(model))
    loglik = counts @ np.logaddexp.reduce(joint, axis=1)
    df = 1 + 2 * (1 + 2) + 2
    assert model.n_parameters_ == df
    assert model.aic(X, y, weight) == pytest.approx(-2 * loglik + 2 * df, rel=1e-12)
    penalty = df * np.log(counts.sum())
    assert model.bic(X, y, weight) == pytest.approx(-2 * loglik + penalty, rel=1e-12)
    classified = counts @ joint.max(axis=1)
    icl = -2 * classified + penalty
    assert model.icl(X, y, weight) == pytest.approx(icl, rel=1e-12)
    assert model.icl(X, y, weight) >= model.bic(X, y, weight)
    for criterion in (model.aic, model.bic, model.icl, model.log_likelihood):
        assert type(criterion(X, y)) is float


@pytest.mark.parametrize(
    ("options", "df"),
    [
        ({}, 2 + 3 * 4 + 3),
        ({"shared_scale": True}, 2 + 3 * 4 + 1),
        ({"fit_intercept": False}, 2 + 3 * 3 + 3),
        ({"shared_features": [1]}, 2 + 3 * 3 + 1 + 3),
        ({"shared_features": [0, 2], "shared_scale": True}, 2 + 3 * 2 + 2 + 1),
    ],
)
def test_every_free_parameter_is_counted_once(options, df):
    sample = separated(8, n=240, d=3, n_components=3)
    model = MixtureRegressor(3, random_state=0, n_init=1, max_iter=400, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(sample.X, sample.y)
    assert model.n_parameters_ == df


# Predictions -------------------------------------------------------------------


def test_predictions_are_weighted_means_of_the_components(data, model):
    X, _ = data
    lines = np.column_stack(
        [a + X @ b for a, b in zip(*fitted(model)[1:3], strict=True)]
    )
    assert_allclose(model.predict_components(X), lines, rtol=1e-12)
    assert_allclose(model.predict(X), lines @ model.weights_, rtol=1e-12, atol=1e-12)


def test_the_predictive_standard_deviation_is_that_of_the_mixture(data, model):
    X, _ = data
    mean, std = model.predict(X, return_std=True)
    assert_array_equal(mean, model.predict(X))
    lines = model.predict_components(X)
    second = (lines**2 + model.scale_**2) @ model.weights_
    assert_allclose(std**2, second - (lines @ model.weights_) ** 2, rtol=1e-10)


def test_memberships_follow_bayes(data, model):
    X, y = data
    joint = np.exp(log_joint(X, y, *fitted(model)))
    posterior = joint / joint.sum(axis=1, keepdims=True)
    ours = model.predict_proba(X, y)
    assert_allclose(ours, posterior, rtol=1e-9, atol=1e-300)
    assert_allclose(ours.sum(axis=1), 1, rtol=1e-14)
    assert_array_equal(model.predict_membership(X, y), posterior.argmax(axis=1))
    # At a maximum the weights are the mean memberships.
    assert_allclose(ours.mean(axis=0), model.weights_, rtol=1e-6)


def test_memberships_of_far_away_responses_are_still_probabilities(model):
    X = np.zeros((3, 2))
    tau = model.predict_proba(X, np.array([1e8, -1e8, 0.0]))
    assert np.isfinite(tau).all()
    assert_allclose(tau.sum(axis=1), 1)
    widest = model.scale_.argmax()
    assert_array_equal(tau[:2].argmax(axis=1), widest)
    assert np.isfinite(model.log_likelihood(X, np.array([1e8, -1e8, 0.0])))


def test_prior_memberships_are_the_weights(data, model):
    X, _ = data
    assert_array_equal(model.predict_proba(X), np.tile(model.weights_, (len(X), 1)))


def test_an_offset_moves_every_prediction(data, model):
    X, y = data
    offset = np.random.default_rng(0).normal(size=len(y))
    assert_allclose(model.predict(X, offset=offset), model.predict(X) + offset)
    moved, std = model.predict(X, return_std=True, offset=offset)
    assert_allclose(moved, model.predict(X) + offset)
    assert_allclose(std, model.predict(X, return_std=True)[1])
    assert_allclose(
        model.predict_components(X, offset=offset),
        model.predict_components(X) + offset[:, None],
    )
    for call in (model.predict_proba, model.predict_membership):
        assert_allclose(call(X, y + offset, offset=offset), call(X, y), atol=1e-12)
    for call in (model.log_likelihood, model.aic, model.bic, model.icl, model.score):
        assert_allclose(call(X, y + offset, offset=offset), call(X, y), rtol=1e-10)


@pytest.mark.parametrize(
    "options", [{}, {"fit_intercept": False}, {"shared_scale": True}]
)
def test_fitting_with_an_offset_is_fitting_what_is_left(data, options):
    X, y = data
    X = np.column_stack([X, np.ones(len(y))]) if "fit_intercept" in options else X
    offset = 5 + np.random.default_rng(0).normal(size=len(y))
    moved = MixtureRegressor(random_state=0, **options).fit(X, y, offset=offset)
    left = MixtureRegressor(random_state=0, **options).fit(X, y - offset)
    assert_allclose(moved.log_likelihood_, left.log_likelihood_, rtol=1e-11)
    for name in ("weights_", "intercept_", "coef_", "scale_"):
        assert_allclose(getattr(moved, name), getattr(left, name), rtol=1e-7, atol=1e-9)


# Simulation --------------------------------------------------------------------


def test_samples_have_the_predicted_mean_and_spread(model):
    draws = 40_000
    X = np.repeat([[0.0, 0.0], [1.0, -1.0], [-2.0, 0.5]], draws, axis=0)
    y, component = model.sample(X, random_state=0)
    y, component = y.reshape(3, draws), component.reshape(3, draws)
    mean, std = model.predict(X[::draws], return_std=True)
    assert (np.abs(y.mean(axis=1) - mean) < 5 * std / np.sqrt(draws)).all()
    assert_allclose(y.std(axis=1), std, rtol=0.02)
    counts = np.bincount(component.ravel(), minlength=2)
    assert stats.chisquare(counts, model.weights_ * counts.sum()).pvalue > 1e-4
    lines = model.predict_components(X[::draws])
    for i in range(3):
        for k in range(2):
            own = (y[i, component[i] == k] - lines[i, k]) / model.scale_[k]
            assert stats.kstest(own, "norm").pvalue > 1e-4


def test_samples_are_reproducible_and_take_offsets(model):
    X = np.zeros((50, 2))
    y, component = model.sample(X, random_state=7)
    again, _ = model.sample(X, random_state=7)
    assert_array_equal(y, again)
    moved, same = model.sample(X, random_state=7, offset=np.full(50, 10.0))
    assert_array_equal(component, same)
    assert_allclose(moved, y + 10)
    other, _ = model.sample(X, random_state=8)
    assert (y != other).all()
    assert component.dtype.kind == "i"


def test_a_fit_to_a_sample_of_the_model_finds_the_model(data, model):
    X = np.random.default_rng(1).normal(size=(4000, 2))
    y, component = model.sample(X, random_state=0)
    again = MixtureRegressor(random_state=0).fit(X, y)
    assert_allclose(again.coef_, model.coef_, atol=0.1)
    assert_allclose(again.scale_, model.scale_, rtol=0.1)
    assert (again.predict_membership(X, y) == component).mean() > 0.95


# Shared coefficients and scales ------------------------------------------------


@pytest.fixture(scope="module")
def shared_data():
    sample = separated(9, n=200, d=3)
    y = sample.y + sample.X[:, 1] * (1.5 - sample.coef[sample.label, 1])
    return sample.X, y


@pytest.fixture(scope="module")
def shared_model(shared_data):
    return MixtureRegressor(shared_features=[1], random_state=0).fit(*shared_data)


def test_a_shared_coefficient_is_one_number(shared_model):
    assert np.ptp(shared_model.coef_[:, 1]) < 1e-10
    assert abs(shared_model.coef_[0, 1] - 1.5) < 0.3
    assert np.ptp(shared_model.coef_[:, 0]) > 1e-3
    assert shared_model.n_parameters_ == 1 + 2 * 3 + 1 + 2
    assert shared_model.converged_


@pytest.mark.parametrize("shared_scale", [False, True])
def test_a_shared_coefficient_is_at_the_constrained_optimum(shared_data, shared_scale):
    X, y = shared_data
    model = MixtureRegressor(
        shared_features=[1], shared_scale=shared_scale, random_state=0
    ).fit(X, y)

    def unpack(v):
        weight = 1 / (1 + np.exp(v[0]))
        coef = np.array([[v[3], v[7], v[5]], [v[4], v[7], v[6]]])
        scale = np.exp([v[8], v[8] if shared_scale else v[9]])
        return np.array([weight, 1 - weight]), v[1:3], coef, scale

    def loss(v):
        return -log_likelihood(X, y, *unpack(v))

    at = np.concatenate(
        [
            [np.log(model.weights_[1] / model.weights_[0])],
            model.intercept_,
            model.coef_[:, 0],
            model.coef_[:, 2],
            [model.coef_[0, 1]],
            np.log(model.scale_[: 2 - shared_scale]),
        ]
    )
    assert len(at) == model.n_parameters_
    assert_allclose(-loss(at), model.log_likelihood_, rtol=1e-11)
    found = optimize.minimize(loss, at, method="BFGS")
    assert loss(at) - found.fun < 1e-6
    hessian = jacobian(lambda v: jacobian(loss, v, 1e-3), at, 1e-3)
    gradient = jacobian(loss, at, 1e-3)
    assert 0.5 * gradient @ np.linalg.solve(hessian, gradient) < 1e-10
    assert np.linalg.eigvalsh(hessian).min() > 0


def test_all_features_may_be_shared(shared_data):
    X, y = shared_data
    model = MixtureRegressor(shared_features=slice(None), random_state=0).fit(X, y)
    assert np.ptp(model.coef_, axis=0).max() < 1e-10
    assert np.ptp(model.intercept_) > 1
    assert model.n_parameters_ == 1 + 2 + 3 + 2


@pytest.mark.parametrize(
    "choice",
    [
        1,
        -2,
        [1],
        (1,),
        np.array([1]),
        np.int64(1),
        slice(1, 2),
        [False, True, False],
        np.array([False, True, False]),
        "dose",
        ["dose"],
        slice("dose", "dose"),
        lambda X: [1],
        lambda X: X.columns == "dose",
        lambda X: ["dose"],
    ],
)
def test_shared_features_are_chosen_in_many_ways(choice, shared_data, shared_model):
    X, y = shared_data
    X = pd.DataFrame(X, columns=["age", "dose", "time"])
    model = MixtureRegressor(shared_features=choice, random_state=0).fit(X, y)
    assert_allclose(model.coef_, shared_model.coef_, rtol=1e-9)
    assert model.n_parameters_ == shared_model.n_parameters_


@pytest.mark.parametrize("choice", [None, [], slice(0, 0), np.zeros(3, dtype=bool)])
def test_no_shared_feature_is_the_plain_mixture(choice, shared_data):
    X, y = shared_data
    plain = MixtureRegressor(random_state=0).fit(X, y)
    model = MixtureRegressor(shared_features=choice, random_state=0).fit(X, y)
    assert_array_equal(model.coef_, plain.coef_)


@pytest.mark.parametrize("choice", [[0, 1], ["age", "dose"], slice("age", "dose")])
def test_several_features_may_be_shared(choice, shared_data):
    X, y = shared_data
    X = pd.DataFrame(X, columns=["age", "dose", "time"])
    model = MixtureRegressor(shared_features=choice, random_state=0).fit(X, y)
    assert np.ptp(model.coef_, axis=0)[:2].max() < 1e-10
    assert np.ptp(model.coef_[:, 2]) > 1e-3


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (3, "out of range: X has 3 features"),
        ([-4], "out of range: X has 3 features"),
        ([True, False], "mask of 2 values, but X has 3 features"),
        ("weight", "'weight', which X does not have"),
        ([0.5], "by name, index, slice, mask or callable"),
        (lambda X: [0.5], "by name, index, slice, mask or callable"),
    ],
)
def test_a_bad_choice_of_shared_features_is_explained(choice, message, shared_data):
    X, y = shared_data
    X = pd.DataFrame(X, columns=["age", "dose", "time"])
    with pytest.raises(ValueError, match=message):
        MixtureRegressor(shared_features=choice).fit(X, y)


def test_names_need_a_data_frame(shared_data):
    with pytest.raises(ValueError, match="X has no feature names"):
        MixtureRegressor(shared_features="dose").fit(*shared_data)


def test_shared_features_of_a_list_of_lists(shared_data, shared_model):
    X, y = shared_data
    model = MixtureRegressor(shared_features=[1], random_state=0)
    model.fit(X.tolist(), y.tolist())
    assert_allclose(model.coef_, shared_model.coef_, rtol=1e-9)


def test_a_shared_scale_is_one_number(data, model):
    tied = MixtureRegressor(shared_scale=True, random_state=0).fit(*data)
    assert np.ptp(tied.scale_) == 0
    assert tied.n_parameters_ == model.n_parameters_ - 1
    assert tied.log_likelihood_ < model.log_likelihood_
    X, y = data
    tau = tied.predict_proba(X, y)
    squares = (y[:, None] - tied.predict_components(X)) ** 2
    assert_allclose(tied.scale_[0] ** 2, (tau * squares).sum() / len(y), rtol=1e-6)


# Starts ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [{}, {"shared_scale": True}, {"shared_features": [0]}, {"fit_intercept": False}],
)
def test_a_start_climbs_to_the_optimum_of_the_search(data, options):
    X, y = data
    X = np.column_stack([X, np.ones(len(y))]) if "fit_intercept" in options else X
    searched = MixtureRegressor(random_state=0, **options).fit(X, y)
    # Half of the memberships blurred, components in another order.
    tau = searched.predict_proba(X, y)[:, ::-1]
    start = as_init(searched)
    start["coef"] = start["coef"] + 0.2
    start["scale"] = 2 * start["scale"]
    for init in (0.6 * tau + 0.2, 7 * tau, tau.argmax(1)[:, None] == [0, 1], start):
        model = MixtureRegressor(init=init, **options).fit(X, y)
        assert model.converged_
        assert model.search_ == {}
        assert_allclose(model.log_likelihood_, searched.log_likelihood_, rtol=1e-9)
        for name in ("weights_", "intercept_", "coef_", "scale_"):
            ours, theirs = getattr(model, name), getattr(searched, name)
            assert_allclose(ours, theirs, rtol=1e-6, atol=1e-8)


def test_memberships_are_those_of_the_rows_as_given(data, model):
    X, y = data
    weight = np.where(np.arange(len(y)) % 3, 1.0, 0.0)
    tau = model.predict_proba(X, y)
    started = MixtureRegressor(init=tau).fit(X, y, sample_weight=weight)
    searched = MixtureRegressor(random_state=0).fit(X, y, sample_weight=weight)
    assert_allclose(started.log_likelihood_, searched.log_likelihood_, rtol=1e-9)


def test_a_start_takes_offsets(data):
    X, y = data
    offset = 10 * X[:, 0]
    searched = MixtureRegressor(random_state=0).fit(X, y, offset=offset)
    tau = searched.predict_proba(X, y, offset=offset)
    for init in (tau, as_init(searched)):
        model = MixtureRegressor(init=init).fit(X, y, offset=offset)
        assert model.n_iter_ <= 15
        assert_allclose(model.coef_, searched.coef_, rtol=1e-7)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": None}, r"missing: \['weights'\]"),
        ({"sigma": [1, 1]}, r"unknown: \['sigma'\]"),
        ({"coef": [[1.0, 2.0]]}, r"init\['coef'\] has shape \(1, 2\), not \(2, 2\)"),
        ({"intercept": [1.0, 2.0, 3.0]}, r"init\['intercept'\] has shape \(3,\)"),
        ({"weights": [1.0, 0.0]}, r"init\['weights'\] must be positive"),
        ({"scale": [1.0, -1.0]}, r"init\['scale'\] must be positive"),
        ({"scale": [1.0, np.nan]}, "contains NaN"),
        ({"coef": [["a", "b"], ["c", "d"]]}, "could not convert string to float"),
    ],
)
def test_a_bad_start_is_explained(change, message, data, model):
    init = {k: v for k, v in (as_init(model) | change).items() if v is not None}
    with pytest.raises(ValueError, match=message):
        MixtureRegressor(init=init).fit(*data)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda tau: tau[:-1], r"init has shape \(159, 2\)"),
        (lambda tau: np.hstack([tau, tau]), r"init has shape \(160, 4\)"),
        (lambda tau: tau[:, 0], "Expected 2D array, got 1D array"),
        (lambda tau: -tau, "memberships must be non-negative"),
        (lambda tau: 0 * tau, "positive sum in every row"),
        (lambda tau: np.where(tau > 0.5, np.nan, tau), "contains NaN"),
    ],
)
def test_bad_memberships_are_explained(spoil, message, data, model):
    init = spoil(model.predict_proba(*data))
    with pytest.raises(ValueError, match=message):
        MixtureRegressor(init=init).fit(*data)


def test_a_warm_start_continues(data, model):
    X, y = data
    warm = MixtureRegressor(random_state=0, warm_start=True).fit(X, y)
    before = warm.log_likelihood_
    warm.fit(X, y)
    assert warm.search_ == {}
    assert warm.n_iter_ <= 5
    assert warm.converged_
    assert_allclose(warm.log_likelihood_, before, rtol=1e-10)
    assert_allclose(warm.coef_, model.coef_, rtol=1e-7)
    # A little more data moves it a little.
    warm.fit(X[:-5], y[:-5])
    fresh = MixtureRegressor(random_state=0).fit(X[:-5], y[:-5])
    assert_allclose(warm.log_likelihood_, fresh.log_likelihood_, rtol=1e-9)


def test_a_warm_start_searches_where_there_is_nothing_to_continue(data):
    X, y = data
    model = MixtureRegressor(random_state=0, warm_start=True).fit(X, y)
    model.set_params(n_components=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    assert model.search_["rounds"] >= 1
    model.set_params(n_components=2).fit(X[:, :1], y)
    assert model.search_["rounds"] >= 1
    assert model.coef_.shape == (2, 1)


@pytest.mark.parametrize(
    "options",
    [{"shared_scale": True}, {"shared_features": [0]}, {"fit_intercept": False}],
)
def test_a_warm_start_obeys_options_that_were_changed(data, options):
    X, y = data
    X = np.column_stack([X, np.ones(len(y))])
    warm = MixtureRegressor(random_state=0, warm_start=True).fit(X, y)
    warm.set_params(**options).fit(X, y)
    fresh = MixtureRegressor(random_state=0, **options).fit(X, y)
    assert_allclose(warm.log_likelihood_, fresh.log_likelihood_, rtol=1e-9)
    assert warm.n_parameters_ == fresh.n_parameters_
    assert_allclose(warm.coef_, fresh.coef_, rtol=1e-6, atol=1e-7)


# Order and record --------------------------------------------------------------


@pytest.mark.parametrize("n_components", [2, 3, 4])
@pytest.mark.parametrize("seed", range(3))
def test_components_come_by_decreasing_weight(n_components, seed):
    sample = separated(seed, n=200, d=1, n_components=n_components)
    model = MixtureRegressor(n_components, random_state=seed)
    model.fit(sample.X, sample.y)
    assert (np.diff(model.weights_) <= 0).all()
    assert_allclose(model.weights_.sum(), 1, rtol=1e-14)
    # All attributes are in that order: each component's rows lie around its line.
    tau = model.predict_proba(sample.X, sample.y)
    squares = (sample.y[:, None] - model.predict_components(sample.X)) ** 2
    variances = (tau * squares).sum(axis=0) / tau.sum(axis=0)
    assert_allclose(np.sqrt(variances), model.scale_, rtol=1e-6)
    assert_allclose(tau.mean(axis=0), model.weights_, rtol=1e-6)


def _noise(n, d):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, d)), rng.normal(size=n)


SEARCHES = {
    "separated": (MixtureRegressor(random_state=0), separated(0)[:2]),
    "many lines": (MixtureRegressor(5, random_state=0), two_lines(60, seed=3)),
    "common scale": (
        MixtureRegressor(4, shared_scale=True, random_state=0),
        two_lines(60, seed=3),
    ),
    "noise": (MixtureRegressor(3, random_state=0), _noise(40, 3)),
    "wide": (MixtureRegressor(4, random_state=0), _noise(150, 12)),
    "large": (MixtureRegressor(random_state=0), two_lines(5000, seed=1)),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", SEARCHES)
def test_the_search_record_is_consistent(name):
    model, (X, y) = SEARCHES[name]
    model = clone(model).fit(X, y)
    record = model.search_
    documented = {
        "optima",
        "paths",
        "rounds",
        "starts",
        "agreeing_arms",
        "agreed",
        "unseen",
        "sample_rows",
    }
    assert set(record) == documented
    assert 1 <= record["rounds"] <= model.n_init
    assert record["agreed"] == (record["agreeing_arms"] >= 3)
    assert 0 <= record["unseen"] < 1
    assert record["sample_rows"] <= len(y)
    optima = record["optima"]
    hits = sum(optimum["hits"] for optimum in optima)
    # Climbs to a collapse are no optima.
    assert 1 <= hits <= record["starts"] + record["rounds"]
    # Best first, in each kind; a degenerate one is first only by a wide margin.
    for kind in (False, True):
        values = [o["objective"] for o in optima if o["proven"] == kind]
        assert (np.diff(values) <= 0).all()
    for optimum in optima:
        assert set(optimum) == {
            "log_likelihood",
            "objective",
            "hits",
            "arms",
            "first_round",
            "iterations",
            "degenerate",
            "proven",
            "passed_over",
        }
        assert 1 <= len(optimum["arms"]) <= optimum["hits"]
        assert 1 <= optimum["first_round"] <= record["rounds"]
        assert optimum["iterations"] > 0
        assert type(optimum["degenerate"]) is bool
        assert type(optimum["log_likelihood"]) is float
        higher = optimum["log_likelihood"] > optima[0]["log_likelihood"] + 0.06
        assert (optimum["passed_over"] is not None) >= higher
    assert record["agreeing_arms"] <= optima[0]["hits"]
    if record["rounds"] < min(model.n_init, 3):
        assert record["agreed"]
    if not model.degenerate_ and record["sample_rows"] == len(y):
        # The climb without penalty does not lose what the search found.
        best = next(o for o in optima if not o["degenerate"])
        assert best["log_likelihood"] <= model.log_likelihood_ + 1e-6


@pytest.mark.parametrize("name", SEARCHES)
def test_paths_of_the_search_rise_and_end_at_its_optima(name):
    model, (X, y) = SEARCHES[name]
    record = clone(model).fit(X, y).search_
    paths = record["paths"]
    starts = [p for p in paths if p["first_iteration"] == 1]
    winners = [p for p in paths if p["first_iteration"] > 1]
    assert len(starts) == record["starts"]
    assert len(winners) == 5 * record["rounds"]
    for path in starts:
        # A short run may overshoot once, and goes back. Those with scales of their own
        # climb under a penalty, which is not a part of the path.
        rises = np.diff(path["log_likelihood"])
        assert len(rises) in (3, 10)
        if path["arm"].startswith("common"):
            assert path["log_likelihood"][-1] >= path["log_likelihood"][0]
    best = record["optima"][0]["log_likelihood"]
    assert max(p["log_likelihood"][-1] for p in winners) <= best + 1


def test_n_init_bounds_the_rounds_of_the_search():
    X, y = two_lines(60, seed=3)
    for n_init in (1, 2):
        model = MixtureRegressor(4, shared_scale=True, n_init=n_init, random_state=0)
        assert model.fit(X, y).search_["rounds"] <= n_init


def test_a_large_sample_is_searched_on_a_part_and_polished_on_all():
    X, y = two_lines(6000, seed=1)
    model = MixtureRegressor(random_state=0).fit(X, y)
    assert model.converged_
    assert_allclose(model.log_likelihood(X, y), model.log_likelihood_, rtol=1e-11)
    again = MixtureRegressor(init=as_init(model)).fit(X, y)
    assert_allclose(again.log_likelihood_, model.log_likelihood_, rtol=1e-12)
    order = np.random.default_rng(0).permutation(6000)
    shuffled = MixtureRegressor(random_state=0).fit(X[order], y[order])
    assert_allclose(shuffled.coef_, model.coef_, rtol=1e-8)
