"""Ridge, lasso, elastic net and the fused penalty: what they maximize, and how well."""

import warnings
from copy import copy

import kkt
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.linear_model import (
    ElasticNet,
    GammaRegressor,
    Lasso,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
)

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC, SearchWarning
from mixreg_sklearn._blas import one_blas_thread
from mixreg_sklearn._engine.em import em
from mixreg_sklearn._posed import pose
from mixreg_sklearn._search.pooled import from_memberships
from mixreg_sklearn.families import Poisson, ZeroInflated
from mixreg_sklearn.gates import SoftmaxGate
from mixreg_sklearn.metrics import bootstrap_lrt, optimality_gap

LASSO = {"alpha": 0.1, "l1_ratio": 1.0}
NET = {"alpha": 0.1, "l1_ratio": 0.7}
RIDGE = {"alpha": 0.1}
FUSED = {"alpha": 0.06, "l1_ratio": 1.0, "penalty": "fused"}
PENALTIES = pytest.mark.parametrize(
    "penalty", [RIDGE, LASSO, NET, FUSED], ids=["ridge", "lasso", "net", "fused"]
)


def features(n, seed=0, d=4):
    """Columns of several units and origins."""
    rng = np.random.default_rng(seed)
    unit = np.array([1, 2, 0.5, 1, 3, 1, 1, 1])[:d]
    return rng.normal(size=(n, d)) * unit + np.arange(d)


def predictors(X, seed=0):
    """Two regressions of two features each, for some rows each."""
    second = np.random.default_rng(seed).random(len(X)) < 0.5
    first = 1 + 0.8 * X[:, 0] - 0.2 * (X[:, 3] - 3)
    return np.where(second, -0.5 + 0.3 * X[:, 0] - 0.3 * (X[:, 1] - 1), first)


def responses(family, eta, seed=1):
    """Responses of a family, and its row data."""
    rng, mean = np.random.default_rng(seed), np.exp(np.clip(eta, -4, 4))
    chance, n = 1 / (1 + np.exp(-eta)), len(eta)
    if family == "binomial":
        return rng.binomial(10, chance), {"trials": np.full(n, 10)}
    if family == "beta":
        return np.clip(rng.beta(10 * chance, 10 * (1 - chance)), 1e-6, 1 - 1e-6), {}
    draws = {
        "gaussian": lambda: 2 * eta + 0.4 * rng.normal(size=n),
        "student_t": lambda: 2 * eta + 0.4 * rng.standard_t(4, size=n),
        "poisson": lambda: rng.poisson(mean),
        "negative_binomial": lambda: rng.poisson(mean * rng.gamma(5, 0.2, size=n)),
        "inverse_gaussian": lambda: rng.wald(mean, 5 * mean),
    }
    return draws.get(family, lambda: mean * rng.gamma(5, 0.2, size=n))(), {}


def two(n=200, seed=0, d=4, family="gaussian"):
    """Features and responses of two components."""
    X = features(n, seed, d)
    return X, responses(family, predictors(X, seed), 1 + seed)[0]


def fit(X, y, n_components=2, *, arguments=None, **options):
    options = {"random_state": 0, "tol": 1e-12} | options
    return MixtureRegressor(n_components, **options).fit(X, y, **(arguments or {}))


def standardized(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)


# What is maximized --------------------------------------------------------------------


@pytest.mark.parametrize("l1_ratio", [0.0, 0.4, 1.0])
def test_one_gaussian_component_is_the_elastic_net(l1_ratio):
    X, y = two()
    model = fit(X, y, 1, alpha=0.3, l1_ratio=l1_ratio)
    assert model.converged_
    strength = 0.3 * model.scale_[0] ** 2
    Z = standardized(X)
    theirs = ElasticNet(alpha=strength, l1_ratio=l1_ratio, tol=1e-12, max_iter=10**5)
    if l1_ratio == 0:
        theirs = Ridge(alpha=len(y) * strength, tol=1e-12)
    if l1_ratio == 1:
        theirs = Lasso(alpha=strength, tol=1e-12)
    theirs.fit(Z, y)
    assert_allclose(model.coef_[0] * X.std(axis=0), theirs.coef_, atol=1e-7)
    assert_array_equal(model.coef_[0] == 0, theirs.coef_ == 0)
    of_residuals = y - model.predict(X)
    assert_allclose(model.scale_[0] ** 2, (of_residuals**2).mean(), rtol=1e-8)


def objective(model, X, y, intercept, coef):
    """The log-likelihood less the penalty, at other coefficients."""
    other = copy(model)
    other.intercept_, other.coef_ = np.atleast_1d(intercept), np.atleast_2d(coef)
    penalty = kkt.Penalty(model, X).value(other.coef_)
    return other.log_likelihood(X, y) - penalty


@pytest.mark.parametrize("family", ["poisson", "gamma", "binomial"])
def test_one_component_is_the_penalized_glm(family):
    X, alpha = features(200), 0.2
    y, _ = responses(family, predictors(X))
    y = y > 4 if family == "binomial" else y
    model = fit(X, y, 1, family=family, alpha=alpha)
    # The deviance of gamma is the log-likelihood over the shape, which is known here.
    theirs = {
        "poisson": PoissonRegressor(alpha=alpha, tol=1e-10, max_iter=1000),
        "gamma": GammaRegressor(
            alpha=alpha * model.scale_[0] ** 2, tol=1e-10, max_iter=1000
        ),
        "binomial": LogisticRegression(C=1 / (200 * alpha), tol=1e-10, max_iter=1000),
    }[family].fit(standardized(X), y)
    coef = np.ravel(theirs.coef_) / X.std(axis=0)
    assert_allclose(model.coef_[0], coef, rtol=1e-4, atol=1e-5)
    at_theirs = objective(model, X, y, theirs.intercept_ - X.mean(axis=0) @ coef, coef)
    assert_allclose(at_theirs, model.objective_, rtol=1e-6)
    assert at_theirs <= model.objective_ + 1e-8


FAMILIES = [
    *("gaussian", "poisson", "binomial", "gamma", "negative_binomial"),
    *("inverse_gaussian", "beta", "student_t", "weibull", "lognormal", "loglogistic"),
]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_ends_where_the_conditions_hold(family):
    X = features(150)
    y, row_data = responses(family, predictors(X))
    penalties = [NET | {"alpha": 0.25}]
    if family in ("gaussian", "poisson", "gamma"):
        penalties.append(FUSED)
    for each in penalties:
        model = fit(X, y, family=family, n_init=1, arguments=row_data, **each)
        assert model.converged_
        assert each is FUSED or (model.coef_ == 0).any()
        assert kkt.residual(model, X, y, **row_data) < 1e-8
        penalized = model.log_likelihood_ - kkt.Penalty(model, X).value(model.coef_)
        assert_allclose(model.objective_, penalized, rtol=1e-12)


@PENALTIES
@pytest.mark.parametrize(
    "options",
    [
        {"fit_intercept": False},
        {"gate": "softmax"},
        {"shared_scale": True},
        {"held_scale": [None, 0.9]},
    ],
    ids=["no intercept", "gate", "shared scale", "held scale"],
)
def test_penalties_go_together_with_the_rest_of_the_model(penalty, options):
    X, y = two()
    model = fit(X, y, n_init=1, **penalty, **options)
    assert model.converged_
    if model.held_scale is None:
        assert kkt.residual(model, X, y) < 1e-8


def test_strength_may_differ_between_components():
    X, y = two()
    model = fit(X, y, alpha=[0.01, 0.3], l1_ratio=1)
    assert kkt.residual(model, X, y) < 1e-8
    turned = fit(X, y, alpha=[0.3, 0.01], l1_ratio=1)
    assert_allclose(turned.objective_, model.objective_, rtol=1e-10)
    assert_allclose(turned.coef_[::-1], model.coef_, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("penalty", [RIDGE, NET], ids=["ridge", "net"])
def test_penalties_respect_what_is_shared_and_held(penalty):
    X, y = two()
    shared = fit(X, y, shared_features=[0], **penalty)
    assert shared.coef_[0, 0] == shared.coef_[1, 0]
    assert kkt.residual(shared, X, y, shared=[1]) < 1e-8
    held = fit(X, y, held_coef={0: [0.5, None], "intercept": [None, 1.0]}, **penalty)
    assert held.coef_[0, 0] == 0.5
    assert held.intercept_[1] == 1.0
    assert kkt.residual(held, X, y, held=[(0, 1), (1, 0)]) < 1e-8
    bounded = fit(
        X,
        y,
        coef_bounds={1: (0, None)},
        shared_features=[1],
        held_coef={0: 0.5},
        **penalty,
    )
    lower = np.where(np.arange(5) == 2, 0.0, -np.inf) * np.ones((2, 1))
    lower[np.isnan(lower)] = -np.inf
    conditions = {"shared": [2], "held": [(0, 1), (1, 1)], "lower": lower}
    assert kkt.residual(bounded, X, y, **conditions) < 1e-8


def test_further_predictors_and_the_gate_are_free_of_the_penalty():
    rng = np.random.default_rng(0)
    X, y = two(300, family="poisson")
    y = np.where(rng.random(300) < 0.3, 0, y)
    family = ZeroInflated(Poisson(), features=[0])
    model = fit(X, y, 1, family=family, alpha=1e4, l1_ratio=1)
    assert_array_equal(model.coef_, 0.0)
    assert (model.inflation_coef_[:, 0] != 0).all()
    X, y = two(300)
    model = fit(X, y, alpha=1e4, l1_ratio=1, gate=SoftmaxGate(), shared_scale=True)
    assert_array_equal(model.coef_, 0.0)
    assert (model.gate_coef_[1] != 0).all()


@PENALTIES
def test_no_step_of_em_lowers_the_objective(penalty):
    for family in ("gaussian", "poisson"):
        X, y = two(family=family)
        template = MixtureRegressor(2, family=family, **penalty)
        with one_blas_thread():
            problem = pose(template, X, y, None, None, None, {}).problem
            memberships = np.random.default_rng(0).dirichlet([1, 1], size=len(y))
            params, heights = from_memberships(problem, memberships), []
            for _ in range(25):
                run = em(problem.model, problem.rows, params, max_iter=1)
                params = run.params
                value = problem.rows.sum(problem.model.tally, params).loglik
                heights.append(float((value + problem.model.penalty(params))[0]))
        assert (np.diff(heights) > -1e-9).all()
        assert heights[-1] > heights[0] + 1


def test_a_fused_penalty_shares_what_acts_alike():
    rng = np.random.default_rng(0)
    X, second = rng.normal(size=(400, 8)), rng.random(400) < 0.5
    mean = np.where(second, 2 + 2 * X[:, 1], -2 - X[:, 1]) + 1.5 * X[:, 0]
    y = mean + 0.5 * rng.normal(size=400)
    model = fit(X, y, alpha=0.2, l1_ratio=1, penalty="fused")
    assert model.converged_
    assert kkt.residual(model, X, y) < 1e-8
    apart = model.coef_[0] != model.coef_[1]
    assert_array_equal(np.flatnonzero(apart), [1])
    assert model.coef_[0, 0] > 1
    assert_array_equal(model.coef_[:, 3:], 0.0)
    # Two intercepts, two scales, a share, one common and two single coefficients.
    assert model.n_parameters_ == 8
    alone = fit(X, y, 1, alpha=0.2, l1_ratio=1, penalty="fused")
    assert_allclose(alone.coef_, fit(X, y, 1, alpha=0.2, l1_ratio=1).coef_, rtol=1e-8)


# Parameters and criteria --------------------------------------------------------------


def test_parameters_are_those_that_are_not_zero():
    X, y = two()
    model = fit(X, y, **LASSO)
    assert model.n_parameters_ == 5 + (model.coef_ != 0).sum()
    assert_allclose(model.aic_, -2 * model.log_likelihood_ + 2 * model.n_parameters_)


def test_a_ridge_takes_parameters_away_by_degrees():
    X, y = two()
    counts = [fit(X, y, 1, alpha=alpha).n_parameters_ for alpha in (0, 1e-9, 0.1, 1e9)]
    assert counts[0] == 6
    assert_allclose(counts[1], 6, atol=1e-6)
    assert 2 < counts[2] < 6
    assert_allclose(counts[3], 2, atol=1e-6)
    # For known variance it is the trace of the hat matrix.
    model, Z = fit(X, y, 1, alpha=0.1, held_scale=2.0), standardized(X)
    gram = Z.T @ Z
    hat = np.linalg.solve(gram + 200 * 0.1 * 4.0 * np.eye(4), gram)
    assert_allclose(model.n_parameters_, 1 + np.trace(hat), rtol=1e-8)


# What changes nothing -----------------------------------------------------------------


def assert_same(ours, theirs, rtol=1e-7):
    assert ours.converged_
    assert_array_equal(ours.coef_ == 0, theirs.coef_ == 0)
    for name in ("objective_", "log_likelihood_", "coef_", "intercept_", "weights_"):
        assert_allclose(
            getattr(ours, name), getattr(theirs, name), rtol=rtol, atol=rtol
        )
    assert_allclose(ours.n_parameters_, theirs.n_parameters_, rtol=1e-6)


@pytest.mark.parametrize("penalty", [RIDGE, NET, FUSED], ids=["ridge", "net", "fused"])
def test_order_units_weights_and_storage_of_rows_change_nothing(penalty):
    X, y = two(120)
    penalty = penalty | {"n_init": 1}
    theirs, rng = fit(X, y, **penalty), np.random.default_rng(0)
    order = rng.permutation(120)
    assert_same(fit(X[order], y[order], **penalty), theirs)
    unit = np.array([10.0, 1e-3, 1.0, 7.0])
    in_units = fit(X * unit + 3, y, **penalty)
    in_units.intercept_ = in_units.intercept_ + in_units.coef_ @ np.full(4, 3.0)
    in_units.coef_ = in_units.coef_ * unit
    assert_same(in_units, theirs, rtol=1e-6)
    weight = rng.integers(1, 4, size=120)
    repeated = np.repeat(np.arange(120), weight)
    weighted = fit(X, y, arguments={"sample_weight": weight}, **penalty)
    assert_same(fit(X[repeated], y[repeated], **penalty), weighted)
    assert kkt.residual(weighted, X, y, weight) < 1e-8
    assert_same(fit(sparse.csr_array(X), y, **penalty), theirs)
    assert_same(fit(X.astype(np.float32), y, **penalty), theirs, rtol=1e-4)


@pytest.mark.parametrize("unit", [0.02, 70.0])
def test_strength_adapts_to_the_unit_of_the_response(unit):
    X, y = two(120)
    theirs = fit(X, y, **LASSO)
    ours = fit(X, 3 + unit * y, alpha=LASSO["alpha"] / unit, l1_ratio=1)
    assert_allclose(ours.coef_, unit * theirs.coef_, rtol=1e-6, atol=1e-8 * unit)
    ridge = fit(X, 3 + unit * y, alpha=0.1 / unit**2)
    assert_allclose(ridge.coef_, unit * fit(X, y, alpha=0.1).coef_, rtol=1e-6)


def test_groups_of_rows_share_a_component_under_a_lasso():
    X, group = features(200), np.repeat(np.arange(50), 4)
    second = np.repeat(np.random.default_rng(0).random(50) < 0.5, 4)
    mean = np.where(second, 1 + X[:, 0], -1 - X[:, 1])
    y = mean + np.random.default_rng(1).normal(size=200)
    model = fit(X, y, arguments={"groups": group}, **LASSO)
    assert model.converged_
    alone = fit(X, y, arguments={"groups": np.arange(200)}, **LASSO)
    assert_same(alone, fit(X, y, **LASSO))
    order = np.random.default_rng(2).permutation(200)
    mixed = fit(X[order], y[order], arguments={"groups": group[order]}, **LASSO)
    assert_same(mixed, model)


def test_the_same_through_starts_and_warm_starts():
    X, y = two()
    model = fit(X, y, **LASSO)
    assert_same(fit(X, y, init=model.predict_proba(X, y), **LASSO), model)
    start = {
        name: getattr(model, f"{name}_")
        for name in ("weights", "coef", "intercept", "scale")
    }
    assert_same(fit(X, y, init=start, **LASSO), model)
    warm = fit(X, y, warm_start=True, **RIDGE)
    assert_same(warm.set_params(**LASSO).fit(X, y), model)


def test_backgrounds_and_labels_go_with_a_lasso():
    X, y = two()
    label = np.full(200, -1)
    label[:20] = y[:20] > np.median(y)
    model = fit(X, y, arguments={"known_component": label}, n_init=1, **LASSO)
    assert model.converged_
    assert model.labelled_
    y = np.append(y, [40.0, -40.0, 35.0])
    X = np.vstack([X, X[:3]])
    model = fit(X, y, background="uniform", n_init=1, **LASSO)
    assert model.converged_
    assert kkt.residual(model, X, y) < 1e-8
    assert_array_equal(model.predict_membership(X, y)[-3:], [2, 2, 2])


@pytest.mark.parametrize("penalty", [RIDGE, NET, FUSED], ids=["ridge", "net", "fused"])
def test_the_regression_of_every_response_is_penalized(penalty):
    X, y = two()
    Y = np.column_stack([y, 2 * X[:, 0] + np.random.default_rng(5).normal(size=200)])
    model = fit(X, Y, family=["gaussian", "gaussian"], n_init=1, **penalty)
    assert model.converged_
    values = [kkt.Penalty(model, X).value(coef) for coef in model.coef_]
    assert_allclose(model.objective_, model.log_likelihood_ - sum(values), rtol=1e-12)
    # Of one component they are two regressions.
    both = fit(X, Y, 1, family=["gaussian", "gaussian"], **penalty)
    for r in range(2):
        alone = fit(X, Y[:, r], 1, **penalty)
        assert_allclose(both.coef_[r], alone.coef_, rtol=1e-6, atol=1e-8)


# More features than rows, and features that are none ----------------------------------


def wide(n, p, family="gaussian", seed=0):
    rng = np.random.default_rng(seed)
    X, second = rng.normal(size=(n, p)), rng.random(n) < 0.5
    eta = np.where(second, 2 + X[:, 0] - 0.5 * X[:, 1], -2 + X[:, 2])
    noise = 0.5 * rng.normal(size=n)
    return X, eta + noise if family == "gaussian" else rng.poisson(np.exp(eta))


@pytest.mark.parametrize(("n", "p"), [(40, 60), (60, 300)])
def test_more_features_than_rows_are_no_obstacle_with_a_penalty(n, p):
    X, y = wide(n, p)
    lasso, ridge = {"alpha": 0.3, "l1_ratio": 1}, {"alpha": 0.3}
    for penalty in (lasso, ridge) if p < 100 else (lasso,):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SearchWarning)
            model = fit(X, y, held_scale=0.5, n_init=1, **penalty)
        assert model.converged_
        assert not model.degenerate_
        assert kkt.residual(model, X, y) < 1e-8
        assert penalty is ridge or model.n_parameters_ < n
    X, y = wide(n, p, "poisson")
    model = fit(X, y, 1, family="poisson", alpha=0.2, l1_ratio=1)
    assert model.converged_
    assert kkt.residual(model, X, y) < 1e-8
    assert 0 < (model.coef_ != 0).sum() < n


def test_more_features_than_rows_are_refused_as_before_without_a_penalty():
    X, y = wide(40, 60)
    with pytest.warns(match="as many coefficients as rows"):
        assert MixtureRegressor(2, random_state=0).fit(X, y).degenerate_


def test_a_collapse_under_a_penalty_is_said_to_be_one():
    X, y = wide(40, 60)
    with pytest.warns(match="A penalty on coefficients does not keep scales from zero"):
        model = MixtureRegressor(2, alpha=0.01, random_state=0).fit(X, y)
    assert model.degenerate_


@PENALTIES
def test_constants_have_no_coefficient_and_twins_share_one(penalty):
    X, y = two()
    theirs = fit(X, y, **penalty)
    constant = fit(np.column_stack([X, np.full(200, 5.0)]), y, **penalty)
    assert_array_equal(constant.coef_[:, 4], 0.0)
    assert_allclose(constant.coef_[:, :4], theirs.coef_, rtol=1e-6, atol=1e-8)
    net = penalty | {"l1_ratio": min(penalty.get("l1_ratio", 0), 0.7)}
    twins = fit(np.column_stack([X, X[:, 0]]), y, **net)
    assert twins.converged_
    assert_allclose(twins.coef_[:, 4], twins.coef_[:, 0], rtol=1e-6)


def test_twins_under_a_pure_lasso_have_no_unique_coefficients():
    X, y = two()
    with pytest.warns(match="features depend on each other"):
        fit(np.column_stack([X, X[:, 0]]), y, **LASSO)


# Around the estimator -----------------------------------------------------------------


def test_a_selection_of_the_number_of_components_has_the_penalty():
    X, y = two()
    search = MixtureRegressorIC((1, 2), random_state=0, **NET).fit(X, y)
    assert search.n_components_ == 2
    direct = MixtureRegressor(2, random_state=0, **NET).fit(X, y)
    assert_allclose(search.objective_, direct.objective_, rtol=1e-8)
    assert "n_parameters" in search._repr_html_()


def test_what_compares_likelihoods_refuses_penalties():
    X, y = two()
    model = fit(X, y, **LASSO)
    with pytest.raises(ValueError, match=r"optimality_gap .* penalty \(alpha\)"):
        optimality_gap(model, X, y)
    with pytest.raises(ValueError, match=r"penalty \(alpha > 0\)"):
        bootstrap_lrt(MixtureRegressor(1, **LASSO), X, y)


def test_a_fit_remembers_its_penalty():
    X, y = two()
    model = fit(X, y, **LASSO).set_params(alpha=0.2)
    with pytest.raises(ValueError, match="alpha was changed after fit"):
        model.predict(X)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": -1}, "alpha"),
        ({"alpha": np.nan}, "alpha"),
        ({"alpha": "much"}, "alpha"),
        ({"alpha": [0.1, 0.2, 0.3]}, "alpha must be .* 2 of them"),
        ({"alpha": [0.1, -0.2]}, "alpha must be a non-negative number"),
        ({"alpha": [0.1, np.inf]}, "alpha must be a non-negative number"),
        ({"alpha": [[0.1, 0.2]]}, "alpha must be"),
        ({"l1_ratio": 1.5}, "l1_ratio"),
        ({"l1_ratio": None}, "l1_ratio"),
        ({"penalty": "l1"}, "penalty"),
        (FUSED | {"coef_bounds": {0: (0, None)}}, "coef_bounds is not available"),
        (FUSED | {"shared_features": [0]}, "shared_features and held_coef"),
        (FUSED | {"held_coef": {0: 1.0}}, "shared_features and held_coef"),
        (FUSED | {"alpha": [0.1, 0.2]}, "one alpha for all components"),
        (FUSED | {"alpha": 0.0}, "needs alpha > 0"),
        (FUSED | {"l1_ratio": 0.0}, "needs alpha > 0 and l1_ratio > 0"),
    ],
)
def test_a_wrong_penalty_is_one_clear_error(options, message):
    X, y = two()
    with pytest.raises(ValueError, match=message):
        MixtureRegressor(2, **options).fit(X, y)
