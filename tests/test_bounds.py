"""Bounds on coefficients: the maximum within them, and what is said of it."""

import kkt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import optimize, sparse
from sklearn.linear_model import LinearRegression
from support import few, seeds

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn._fitted import Fitted
from mixreg_sklearn.inference import bootstrap, inference, marginal_effects
from mixreg_sklearn.metrics import bootstrap_lrt, optimality_gap


def lines(seed=0, n=160, family="gaussian"):
    rng = np.random.default_rng(seed)
    X, second = rng.normal(size=(n, 3)), rng.random(n) < 0.45
    coef = rng.normal(size=(2, 3))
    eta = np.where(second, 2 + X @ coef[0], -2 + X @ coef[1])
    if family == "poisson":
        return X, rng.poisson(np.exp(0.5 * eta))
    return X, eta + 0.6 * rng.normal(size=n)


def fit(X, y, n_components=2, *, arguments=None, **options):
    options = {"random_state": 0, "tol": 1e-12} | options
    return MixtureRegressor(n_components, **options).fit(X, y, **(arguments or {}))


def as_vector(model):
    """Intercepts, coefficients, log scales and log-odds of the shares."""
    scales = np.log(model.scale_) if model.family == "gaussian" else []
    odds = np.log(model.weights_[1:] / model.weights_[0])
    return np.concatenate([model.intercept_, model.coef_.ravel(), scales, odds])


def log_likelihood(model, X, y, vector):
    """At other numbers, by the densities of the family."""
    fitted, (K, d) = Fitted.of(model), model.coef_.shape
    parts = np.split(vector, np.cumsum([K, K * d, K * (model.family == "gaussian")]))
    odds = np.append(0.0, parts[3])
    other = fitted._replace(
        weights=np.exp(odds - np.logaddexp.reduce(odds)),
        intercept=parts[0][None],
        coef=parts[1].reshape(1, K, d),
        constants=np.exp(parts[2])[None] if len(parts[2]) else fitted.constants,
    )
    target = fitted.family.target(y)
    return np.logaddexp.reduce(other.log_joint(X, target), axis=1).sum()


@few
@given(
    seeds,
    st.sampled_from(["gaussian", "poisson"]),
    st.lists(st.tuples(st.floats(-1, 1), st.floats(0.01, 1)), min_size=8, max_size=8),
)
def test_no_point_within_the_bounds_is_higher(seed, family, sides):
    X, y = lines(seed % 20, 100, family)
    lower = np.array([start for start, _ in sides]).reshape(4, 2)
    upper = lower + np.array([width for _, width in sides]).reshape(4, 2)
    # Some coefficients are free above, below, or on both sides.
    lower[1, 0], upper[2, 1] = -np.inf, np.inf
    lower[3], upper[3] = -np.inf, np.inf
    keys = ["intercept", 0, 1, 2]
    given_ = {
        key: tuple([None if np.isinf(v) else v for v in side] for side in pair)
        for key, pair in zip(keys, zip(lower, upper, strict=True), strict=True)
    }
    model = fit(X, y, family=family, coef_bounds=given_, n_init=2)
    if model.degenerate_ or model.smallest_eigenvalue_ < 1e-3:
        return
    assert model.converged_
    assert kkt.residual(model, X, y, lower=lower.T, upper=upper.T) < 1e-8
    values = np.column_stack([model.intercept_, model.coef_]).T
    assert ((values >= lower) & (values <= upper)).all()
    bounds = [
        *zip(lower[0], upper[0], strict=True),
        *zip(lower[1:].T.ravel(), upper[1:].T.ravel(), strict=True),
    ]
    ours = as_vector(model)
    bounds += [(-np.inf, np.inf)] * (len(ours) - len(bounds))
    rng = np.random.default_rng(seed)
    for size in (0.0, 0.02):
        start = ours + size * rng.normal(size=len(ours))
        start = np.clip(start, *np.transpose(bounds))
        theirs = optimize.minimize(
            lambda v: -log_likelihood(model, X, y, v),
            start,
            method="L-BFGS-B",
            bounds=bounds,
        )
        assert -theirs.fun < model.log_likelihood_ + 1e-8


def test_one_component_is_least_squares_with_signs():
    X, y = lines()
    theirs = LinearRegression(positive=True).fit(X, y)
    model = fit(X, y, 1, coef_bounds=dict.fromkeys(range(3), (0, None)))
    assert model.converged_
    assert_allclose(model.coef_[0], theirs.coef_, atol=1e-9)
    assert_array_equal(model.coef_[0] == 0, theirs.coef_ == 0)
    assert_allclose(model.intercept_, theirs.intercept_)


def test_bounds_that_are_slack_change_nothing():
    X, y = lines()
    free, slack = fit(X, y), fit(X, y, coef_bounds={0: (-50, 50), "intercept": (-9, 9)})
    for name in ("coef_", "intercept_", "scale_", "weights_", "log_likelihood_"):
        assert_allclose(getattr(slack, name), getattr(free, name), rtol=1e-7)
    assert slack.n_parameters_ == free.n_parameters_
    ours, theirs = inference(slack, X, y), inference(free, X, y)
    assert_allclose(ours.cov, theirs.cov, rtol=1e-6, atol=1e-12)


def test_estimates_at_a_bound_are_the_bound_and_no_parameters():
    X, y = lines()
    free = fit(X, y)
    # Bounds of many digits, which units may not round.
    top = free.coef_[0, 0] - 1 / 3
    model = fit(
        X * [7.3, 1, 1] + 0.1, y, coef_bounds={0: ([None, None], [top / 7.3, None])}
    )
    assert model.coef_[:, 0].max() >= top / 7.3
    at = model.coef_[:, 0] == top / 7.3
    assert at.sum() == 1
    assert model.n_parameters_ == free.n_parameters_ - 1
    assert model.log_likelihood_ < free.log_likelihood_


@pytest.mark.parametrize(
    "options",
    [{"gate": "softmax"}, {"shared_scale": True}, {"fit_intercept": False}],
    ids=["gate", "scale", "no intercept"],
)
def test_bounds_go_with_the_rest_of_the_model(options):
    X, y = lines(1)
    model = fit(X, y, coef_bounds={0: (0.1, None), 1: (None, 0)}, **options)
    lower, upper = np.full((2, 4), -np.inf), np.full((2, 4), np.inf)
    lower[:, 1], upper[:, 2] = 0.1, 0
    assert model.converged_
    assert kkt.residual(model, X, y, lower=lower, upper=upper) < 1e-8
    assert (model.coef_[:, 0] >= 0.1).all()
    assert (model.coef_[:, 1] <= 0).all()


def test_storage_weights_units_and_groups_of_rows_change_nothing():
    X, y = lines(2)
    bounds = {0: (None, 0.2), 2: (-0.1, 0.1)}
    theirs = fit(X, y, coef_bounds=bounds)
    assert_allclose(fit(sparse.csr_array(X), y, coef_bounds=bounds).coef_, theirs.coef_)
    groups = {"groups": np.arange(len(y))}
    assert_allclose(fit(X, y, coef_bounds=bounds, arguments=groups).coef_, theirs.coef_)
    tenfold = {key: tuple(v and v / 10 for v in pair) for key, pair in bounds.items()}
    in_units = fit(10 * X + 4, y, coef_bounds=tenfold)
    assert_allclose(in_units.coef_ * 10, theirs.coef_, rtol=1e-6)
    weight = np.random.default_rng(0).integers(1, 3, len(y))
    rows = np.repeat(np.arange(len(y)), weight)
    ours = fit(X, y, coef_bounds=bounds, arguments={"sample_weight": weight})
    assert_allclose(
        ours.coef_,
        fit(X[rows], y[rows], coef_bounds=bounds).coef_,
        rtol=1e-6,
        atol=1e-9,
    )


def test_a_constant_feature_stays_within_its_bounds_and_fits_as_without():
    X, y = lines()
    constant = np.column_stack([X, np.full(len(y), 2.0)])
    model = fit(constant, y, coef_bounds={3: (0.5, None)})
    assert_array_equal(model.coef_[:, 3], 0.5)
    free = fit(X, y)
    assert_allclose(model.log_likelihood_, free.log_likelihood_, rtol=1e-10)
    assert_allclose(model.log_likelihood(constant, y), model.log_likelihood_)
    assert_allclose(model.intercept_ + 1.0, free.intercept_, rtol=1e-6)


# Around the estimator -----------------------------------------------------------------


@pytest.fixture(scope="module")
def bounded():
    """A fit one of whose coefficients is at a bound."""
    X, y = lines()
    top = fit(X, y).coef_[:, 0].mean()
    return fit(X, y, coef_bounds={0: (None, top)}), X, y


def test_standard_errors_are_those_of_the_free_parameters(bounded):
    model, X, y = bounded
    result = inference(model, X, y)
    at = np.array([term.note == "at its bound" for term in result.terms])
    assert at.sum() == 1
    assert np.isnan(result.std_errors[at]).all()
    # They are as if the coefficient were known.
    k = int(result.terms[at.argmax()].component)
    held = [None, None]
    held[k] = float(model.coef_[k, 0])
    start = {
        name: getattr(model, f"{name}_")
        for name in ("weights", "coef", "intercept", "scale")
    }
    known = fit(X, y, held_coef={0: held}, init=start)
    for cov_type in ("information", "opg", "sandwich"):
        ours = inference(model, X, y, cov_type=cov_type).std_errors
        theirs = inference(known, X, y, cov_type=cov_type).std_errors
        assert_allclose(ours[~at], theirs[~at], rtol=1e-5)
    with pytest.raises(ValueError, match="no standard error: at its bound"):
        result.wald_test(np.eye(len(at))[at])
    assert "at its bound: it is at a bound of coef_bounds" in str(result)


def test_effects_summary_and_bootstrap_know_bounds(bounded):
    model, X, y = bounded
    effects = marginal_effects(model, X, inference(model, X, y))
    assert (effects.std_errors >= 0).all()
    text = str(model.summary(X, y))
    assert "at a bound  1 coefficient" in text
    draws = bootstrap(model, X, y, n_bootstrap=5, random_state=0)
    column = [n for n, term in enumerate(draws.terms) if term.note == "at its bound"]
    assert (draws.draws[:, column] <= model.coef_[:, 0].max()).all()


def test_a_mixture_within_bounds_grows_and_is_tested_but_has_no_gap(bounded):
    model, X, y = bounded
    template = MixtureRegressor(1, coef_bounds=model.coef_bounds)
    test = bootstrap_lrt(template, X, y, n_bootstrap=1, random_state=0)
    assert test.statistic > 0
    assert (test.larger.coef_[:, 0] <= model.coef_[:, 0].max()).all()
    with pytest.raises(ValueError, match=r"bounds \(coef_bounds\)"):
        optimality_gap(model, X, y)
    each = MixtureRegressor(1, coef_bounds={0: (None, [0.1])})
    with pytest.raises(ValueError, match="coef_bounds with a value for each component"):
        bootstrap_lrt(each, X, y)
    search = MixtureRegressorIC((1, 2), coef_bounds=model.coef_bounds, random_state=0)
    assert search.fit(X, y).n_components_ == 2


def test_features_that_depend_on_each_other_have_no_unique_place_within_bounds():
    X, y = lines()
    with pytest.warns(match="features depend on each other"):
        model = fit(np.column_stack([X, X[:, 1]]), y, coef_bounds={0: (0, None)})
    assert not model.converged_


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ([(0, 1)], "coef_bounds"),
        ({0: 1}, "must be a pair of bounds"),
        ({0: (0, 1, 2)}, "must be a pair of bounds"),
        ({0: (0, "much")}, "must be a pair of bounds"),
        ({0: (np.nan, 1)}, "must be a pair of bounds"),
        ({0: ([0, None, None], None)}, "must be a pair of bounds"),
        ({0: (1, 0)}, "cross"),
        ({0: ([0, 1], [1, 0])}, "cross"),
        ({0: (1, 1)}, "equal; hold the coefficient with held_coef"),
        ({7: (0, None)}, "coef_bounds=7 is out of range"),
        ({"price": (0, None)}, "coef_bounds names the column 'price'"),
        ({0: (0, None), -3: (0, 1)}, "coef_bounds"),
    ],
)
def test_wrong_bounds_are_one_clear_error(bounds, message):
    X, y = lines()
    with pytest.raises(ValueError, match=message):
        MixtureRegressor(2, coef_bounds=bounds).fit(X, y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"held_coef": {0: 1.0}}, "coef_bounds and held_coef both name 0"),
        ({"held_coef": {0: [1.0, None]}}, "coef_bounds and held_coef both name 0"),
        ({"regression_features": [1]}, "not among the features of the regressions"),
        ({"offset_feature": 0}, "not among the features of the regressions"),
        ({"family": ["gaussian"] * 2}, "not available with several responses"),
    ],
)
def test_bounds_contradict_what_is_not_estimated(options, message):
    X, y = lines()
    y = np.column_stack([y, y]) if "family" in options else y
    with pytest.raises(ValueError, match=message):
        MixtureRegressor(2, coef_bounds={0: (0, None)}, **options).fit(X, y)


def test_shared_coefficients_have_the_same_bounds():
    X, y = lines()
    bounds = {0: ([0, None], None)}
    with pytest.raises(ValueError, match="differ between components that share"):
        MixtureRegressor(2, coef_bounds=bounds, shared_features=[0]).fit(X, y)
    bounds = {"intercept": (None, 0)}
    with pytest.raises(
        ValueError, match="names the intercept, but fit_intercept=False"
    ):
        MixtureRegressor(2, coef_bounds=bounds, fit_intercept=False).fit(X, y)


def test_bounds_of_some_components_and_held_values_of_others_go_together():
    X, y = lines()
    model = fit(X, y, held_coef={0: [0.4, None]}, coef_bounds={0: ([None, 0.7], None)})
    assert model.converged_
    assert model.coef_[0, 0] == 0.4
    assert model.coef_[1, 0] >= 0.7
