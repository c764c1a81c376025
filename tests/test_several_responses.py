"""Several responses: independent given the component, each with its own regressions."""

import pickle
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from outside_families import FreeStudentT, ZeroInflatedPoisson
from scipy import sparse, special, stats
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from support import jacobian, second_derivatives

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn._search.outline import WIDE
from mixreg_sklearn.families import (
    Beta,
    Binomial,
    Censored,
    Gamma,
    Gaussian,
    InverseGaussian,
    NegativeBinomial,
    Poisson,
    Truncated,
)
from mixreg_sklearn.inference import bootstrap, inference, marginal_effects
from mixreg_sklearn.metrics import class_quality, optimality_gap
from mixreg_sklearn.plotting import MixtureRegressionDisplay
from mixreg_sklearn.residuals import crps, quantile_residuals

BOTH = ["gaussian", "poisson"]


def data(seed=0, n=500, missing=0.0):
    """Two components: lines of a gaussian response, and counts. X, Y, labels."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, size=(n, 2))
    second = (rng.random(n) < 0.4).astype(int)
    line = np.where(second, -1 - X[:, 0], 1 + X[:, 0] + 0.5 * X[:, 1])
    mean = np.exp(np.where(second, 2 - 0.4 * X[:, 0], 1 + 0.5 * X[:, 1]))
    y = line + np.array([0.5, 0.8])[second] * rng.normal(size=n)
    Y = np.column_stack([y, rng.poisson(mean)])
    Y[rng.random(Y.shape) < missing] = np.nan
    return X, Y, second


def log_joints(model, X, Y):
    """``log pi_k + sum_r log f_r(y_r)`` of what is seen, by definition, (n, K)."""
    joint = np.tile(np.log(model.weights_), (len(X), 1))
    for k in range(len(model.weights_)):
        line = model.intercept_[0, k] + X @ model.coef_[0, k]
        mean = np.exp(model.intercept_[1, k] + X @ model.coef_[1, k])
        for r, density in enumerate(
            (
                stats.norm.logpdf(Y[:, 0], line, model.scale_[0, k]),
                stats.poisson.logpmf(np.nan_to_num(Y[:, 1]), mean),
            )
        ):
            joint[:, k] += np.where(np.isnan(Y[:, r]), 0.0, density)
    return joint


def fit(X, Y, **parameters):
    parameters = {"family": BOTH, "random_state": 0} | parameters
    of_fit = {
        k: parameters.pop(k) for k in ("groups", "sample_weight") & parameters.keys()
    }
    return MixtureRegressor(2, **parameters).fit(X, Y, **of_fit)


def assert_same_fit(ours, theirs, rtol=1e-6):
    assert ours.converged_
    assert theirs.converged_
    assert_allclose(ours.log_likelihood_, theirs.log_likelihood_, rtol=1e-9)
    for name in ("weights_", "coef_", "intercept_", "scale_"):
        value = getattr(theirs, name)
        assert_allclose(getattr(ours, name), value, rtol=rtol, atol=rtol)


FAMILIES = {
    "gaussian": (Gaussian(), lambda eta, rng: eta + 0.5 * rng.normal(size=len(eta))),
    "poisson": (Poisson(), lambda eta, rng: rng.poisson(np.exp(eta))),
    "binomial": (Binomial(), lambda eta, rng: rng.binomial(1, special.expit(eta))),
    "gamma": (Gamma(), lambda eta, rng: np.exp(eta) * rng.gamma(4.0, size=len(eta))),
    "negative_binomial": (
        NegativeBinomial(),
        lambda eta, rng: rng.poisson(np.exp(eta) * rng.gamma(2.0, size=len(eta))),
    ),
    "inverse_gaussian": (
        InverseGaussian(),
        lambda eta, rng: rng.wald(np.exp(eta), 2 * np.exp(eta)),
    ),
    "beta": (
        Beta(),
        lambda eta, rng: rng.beta(8 * special.expit(eta), 8 * special.expit(-eta)),
    ),
}


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("names", [*pairwise(FAMILIES), tuple(FAMILIES)])
def test_one_component_is_a_fit_of_every_response(names, missing):
    rng = np.random.default_rng(1)
    X = rng.uniform(-1, 1, size=(400, 2))
    families, draws = zip(*(FAMILIES[name] for name in names), strict=True)
    eta = [0.5 + X @ rng.normal(size=2) for _ in draws]
    Y = np.column_stack([d(e, rng) * 1.0 for d, e in zip(draws, eta, strict=True)])
    Y[rng.random(Y.shape) < missing] = np.nan
    ours = MixtureRegressor(1, family=list(families)).fit(X, Y)
    assert ours.converged_
    total, n_parameters = 0.0, 0
    for r, family in enumerate(families):
        seen = ~np.isnan(Y[:, r])
        theirs = MixtureRegressor(1, family=family).fit(X[seen], Y[seen, r])
        total += theirs.log_likelihood_
        n_parameters += theirs.n_parameters_
        for name in ("coef_", "intercept_", "scale_"):
            mine = getattr(ours, name)[r]
            assert_allclose(mine, getattr(theirs, name), rtol=1e-6, atol=1e-8)
    assert_allclose(ours.log_likelihood_, total, rtol=1e-10)
    assert ours.n_parameters_ == n_parameters


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_mixtures_are_recovered(seed, missing):
    X, Y, second = data(seed, missing=missing)
    model = fit(X, Y, random_state=seed)
    assert model.converged_
    assert_allclose(model.weights_, [0.6, 0.4], atol=0.08)
    assert_allclose(model.coef_[0], [[1, 0.5], [-1, 0]], atol=0.2)
    assert_allclose(model.coef_[1], [[0, 0.5], [-0.4, 0]], atol=0.15)
    assert_allclose(model.intercept_, [[1, -1], [1, 2]], atol=0.2)
    assert_allclose(model.scale_, [[0.5, 0.8], [1, 1]], atol=0.15)
    seen = ~np.isnan(Y).all(axis=1)
    found = model.predict_membership(X, Y)
    assert (found == second)[seen].mean() > (0.97 if not missing else 0.9)


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_likelihoods_and_memberships_are_those_by_definition(missing):
    X, Y, _ = data(missing=missing)
    model = fit(X, Y)
    joint = log_joints(model, X, Y)
    total = special.logsumexp(joint, axis=1)
    assert_allclose(model.log_likelihood_, total.sum(), rtol=1e-10)
    assert_allclose(model.log_likelihood(X, Y), total.sum(), rtol=1e-12)
    theirs = np.exp(joint - total[:, None])
    assert_allclose(model.predict_proba(X, Y), theirs, atol=1e-12)
    assert model.n_parameters_ == 1 + 2 * (4 + 3)
    assert_allclose(model.bic(X, Y), model.bic_, rtol=1e-12)
    # Nobody sees a row without responses: its memberships are the shares.
    nothing = np.full((1, 2), np.nan)
    assert_allclose(model.predict_proba(X[:1], nothing)[0], model.weights_)


def test_the_gradient_by_definition_vanishes_and_its_hessian_gives_the_errors():
    X, Y, _ = data(missing=0.2)
    model = fit(X, Y)

    def log_likelihood(theta):
        other = clone(model)
        own = theta[1:].reshape(2, -1)
        other.weights_ = special.expit([theta[0], -theta[0]])
        other.intercept_, other.coef_ = own[:, [0, 4]].T, own[:, [[1, 2], [5, 6]]]
        other.coef_ = other.coef_.swapaxes(0, 1)
        other.scale_ = np.exp(own[:, [3]].T)
        return special.logsumexp(log_joints(other, X, Y), axis=1).sum()

    (first, second), (a, b) = model.coef_, model.intercept_
    own = np.column_stack([a, first, np.log(model.scale_[0]), b, second])
    ours = np.append(special.logit(model.weights_[0]), own)
    assert_allclose(log_likelihood(ours), model.log_likelihood_, rtol=1e-12)
    assert_allclose(jacobian(log_likelihood, ours, 1e-4), 0, atol=1e-4)
    result = inference(model, X, Y)
    information = -second_derivatives(
        lambda steps: log_likelihood(ours + steps), np.full(len(ours), 0.1)
    )
    theirs = np.sqrt(np.diag(np.linalg.inv(information)))
    own = [i for i, name in enumerate(result.names) if "share" not in name]
    assert_allclose(result.working_std_errors[own], theirs[1:], rtol=1e-4)
    share = result.names.index("component 0: share")
    assert_allclose(result.working_std_errors[share], theirs[0], rtol=1e-4)
    assert result.names[:4] == [
        f"component 0: y0 {name}" for name in ("intercept", "x0", "x1", "scale")
    ]


def test_flexmix_has_the_estimates_of_its_list_of_models():
    # flexmix 2.3-18 under R 4.2.2, FLXMRglm for each, the best of 20 starts. Its sigma
    # has n - p degrees of freedom, so that its log-likelihood is a little lower.
    X, Y, _ = data()
    model = fit(X, Y)
    lines = [[0.9461777966, 1.0581098822, 0.4857929469]]
    lines += [[-1.0900922314, -0.9078689754, 0.0870883266]]
    counts = [[1.0475636773, -0.0832962420, 0.4602136768]]
    counts += [[1.9992174365, -0.3998124949, 0.0310717110]]
    ours = np.concatenate([model.intercept_[..., None], model.coef_], axis=2)
    assert_allclose(ours, [lines, counts], atol=2e-4)
    assert_allclose(model.scale_[0], [0.4859723772, 0.8410193903], rtol=5e-3)
    assert 0 < model.log_likelihood_ + 1820.8639512633 < 0.01
    assert model.n_parameters_ == 15
    chosen = fit(X, Y, regression_features=[[0], [0, 1]])
    assert 0 < chosen.log_likelihood_ + 1935.2782710623 < 0.01
    assert chosen.n_parameters_ == 13


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_families_with_more_predictors_and_constants_may_be_among_them(missing):
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(600, 2))
    zeros = special.expit(-0.5 + X[:, 1])
    counts = rng.poisson(np.exp(2 + X[:, 0])) * (rng.random(600) > zeros)
    line = 1 + 2 * X[:, 0] + 0.5 * rng.standard_t(4, size=600)
    successes = rng.binomial(7, special.expit(X[:, 0]))
    Y = np.column_stack([line, counts, successes]) * 1.0
    Y[rng.random(Y.shape) < missing] = np.nan
    families = [FreeStudentT(), ZeroInflatedPoisson(), Binomial()]
    trials = np.full(600, 7)
    ours = MixtureRegressor(1, family=families).fit(X, Y, trials=trials)
    assert ours.converged_
    total = 0.0
    for r, family in enumerate(families):
        seen = ~np.isnan(Y[:, r])
        given = {"trials": trials[seen]} if r == 2 else {}
        theirs = MixtureRegressor(1, family=family).fit(X[seen], Y[seen, r], **given)
        total += theirs.log_likelihood_
        for name in ("coef_", "intercept_", "scale_"):
            mine = getattr(ours, name)[r]
            assert_allclose(mine, getattr(theirs, name), rtol=1e-5, atol=1e-7)
        for name in ("df_", "zero_coef_", "zero_intercept_"):
            if hasattr(theirs, name):
                mine = getattr(ours, f"y{r}_{name}")
                assert_allclose(mine, getattr(theirs, name), rtol=1e-4)
    assert_allclose(ours.log_likelihood_, total, rtol=1e-9)
    names = inference(ours, X, Y, trials=trials).names
    assert "component 0: y0 df" in names
    assert "component 0: y1 zero x1" in names
    mean = ours.predict(X, trials=trials)[:, 2]
    assert_allclose(mean, 7 * special.expit(ours.intercept_[2] + X @ ours.coef_[2, 0]))
    init = {
        n: getattr(ours, f"{n}_") for n in ("weights", "coef", "intercept", "scale")
    }
    init |= {n: getattr(ours, f"{n}_") for n in ("y0_df", "y1_zero_coef")}
    again = clone(ours).set_params(init=init).fit(X, Y, trials=trials)
    assert_allclose(again.log_likelihood_, ours.log_likelihood_, rtol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_trajectories_of_several_outcomes_are_found(seed):
    # Three groups of people, two outcomes at up to six times, with dropout.
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(150), 6)
    time = np.tile(np.arange(6.0), 150)
    label = rng.permutation(np.repeat([0, 1, 2], [75, 45, 30]))[person]
    X = np.column_stack([time, time**2])
    score = np.array([2.0, 5.0, 8.0])[label] + np.array([0.5, 0.0, -1.0])[label] * time
    visits = np.exp(np.array([1.0, 0.2, 1.0])[label] + [[0.1]] * time)[0]
    Y = np.column_stack([score + rng.normal(size=900), rng.poisson(visits)])
    Y[rng.random(Y.shape) < 0.1] = np.nan
    stays = time <= rng.integers(2, 7, size=150)[person]
    X, Y, person, label = X[stays], Y[stays], person[stays], label[stays]
    model = MixtureRegressor(
        3, family=BOTH, regression_features=[None, [0]], random_state=seed
    ).fit(X, Y, groups=person)
    assert model.converged_
    found = model.predict_membership(X, Y, groups=person)
    assert (found == label).mean() > 0.97
    assert_allclose(model.weights_, [0.5, 0.3, 0.2], atol=0.1)
    quality = class_quality(model, X, Y, groups=person)
    assert (quality.app > 0.9).all()
    assert (quality.occ > 5).all()


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("seed", range(3))
def test_components_that_differ_in_one_response_are_found(which, seed):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, size=(400, 1))
    second = rng.random(400) < 0.5
    same = X[:, 0] + 0.5 * rng.normal(size=400)
    slope = np.where(second, 2, -2)
    apart = slope * X[:, 0] + 0.5 * rng.normal(size=400)
    Y = np.column_stack([same, apart][:: 1 if which else -1])
    model = fit(X, Y, family=["gaussian", "gaussian"], random_state=seed)
    assert model.converged_
    assert model.search_["agreed"]
    assert_allclose(np.sort(model.coef_[which, :, 0]), [-2, 2], atol=0.15)
    assert_allclose(model.coef_[1 - which, :, 0], [1, 1], atol=0.15)
    assert_allclose(model.scale_, 0.5, atol=0.06)


@pytest.mark.parametrize("seed", range(3))
def test_many_components_that_no_response_tells_apart_alone_are_found(seed):
    # Two lines in each response; only together do they make four components.
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, size=(800, 1))
    label = rng.integers(4, size=800)
    slopes = 2.0 * np.array([[1, 1, -1, -1], [1, -1, 1, -1]])
    Y = (slopes[:, label] * X[:, 0] + 0.4 * rng.normal(size=(2, 800))).T
    model = MixtureRegressor(4, family=["gaussian"] * 2, random_state=seed).fit(X, Y)
    assert model.converged_
    found = {tuple(pair) for pair in np.round(model.coef_[:, :, 0].T / 2)}
    assert found == {(1, 1), (1, -1), (-1, 1), (-1, -1)}


def test_components_that_differ_in_one_response_are_found_among_many_columns():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, WIDE + 5)) * (rng.random((3000, WIDE + 5)) < 0.2)
    second = (rng.random(3000) < 0.4).astype(int)
    coef = rng.normal(size=(2, X.shape[1]))
    same = X @ coef[0] + rng.normal(size=3000)
    apart = np.einsum("ij,ij->i", X, coef[second]) + second + rng.normal(size=3000)
    Y = np.column_stack([same, apart])
    model = fit(X, Y, family=["gaussian"] * 2)
    assert model.converged_
    assert_allclose(model.weights_, [0.6, 0.4], atol=0.05)
    assert_allclose(model.coef_[1], coef, atol=0.5)
    assert (model.predict_membership(X, Y) == second).mean() > 0.8


def test_the_order_of_responses_changes_nothing():
    X, Y, _ = data(missing=0.2)
    ours, theirs = fit(X, Y), fit(X, Y[:, ::-1], family=BOTH[::-1])
    assert_allclose(ours.log_likelihood_, theirs.log_likelihood_, rtol=1e-10)
    for name in ("coef_", "intercept_", "scale_"):
        swapped = getattr(theirs, name)[::-1]
        assert_allclose(getattr(ours, name), swapped, rtol=1e-5, atol=1e-6)


def test_each_response_has_a_unit_of_measurement():
    X, Y, _ = data(missing=0.2)
    Y = np.column_stack([Y, 3 * Y[:, 0] + np.random.default_rng(0).normal(size=len(Y))])
    families = ["gaussian", "poisson", "gaussian"]
    ours = fit(X, Y, family=families)
    factor, shift = np.array([1e-3, 1.0, 1e4]), np.array([7.0, 0.0, -2e4])
    theirs = fit(X, Y * factor + shift, family=families)
    assert ours.converged_
    assert theirs.converged_
    change = (~np.isnan(Y)).sum(axis=0) @ np.log(factor)
    assert_allclose(theirs.log_likelihood_ + change, ours.log_likelihood_, rtol=1e-9)
    factor = factor[:, None]
    assert_allclose(theirs.coef_, ours.coef_ * factor[..., None], rtol=1e-4, atol=1e-9)
    intercept = ours.intercept_ * factor + shift[:, None]
    assert_allclose(theirs.intercept_, intercept, rtol=1e-5)
    scale = np.where(np.array([1, 0, 1])[:, None], ours.scale_ * factor, 1.0)
    assert_allclose(theirs.scale_, scale, rtol=1e-5)
    errors = [
        inference(m, X, y).std_errors
        for m, y in ((ours, Y), (theirs, Y * factor.T + shift))
    ]
    terms = inference(ours, X, Y).terms
    unit = [1.0 if t.response is None else factor[t.response, 0] for t in terms]
    assert_allclose(errors[1], errors[0] * unit, rtol=1e-3)


def test_each_response_has_features_of_its_own():
    X, Y, _ = data()
    frame = pd.DataFrame(X, columns=["a", "b"])
    chosen = [["a"], ["a", "b"]]
    model = fit(frame, Y, regression_features=chosen)
    assert model.converged_
    assert_array_equal(model.coef_[0, :, 1], 0)
    assert model.n_parameters_ == 1 + 2 * (3 + 3)
    assert_allclose(
        model.log_likelihood_,
        special.logsumexp(log_joints(model, X, Y), axis=1).sum(),
        rtol=1e-10,
    )
    names = inference(model, frame, Y).names
    assert "component 0: y0 b" not in names
    assert "component 0: y1 b" in names
    again = fit(X, Y, regression_features=[[0], None])
    assert_same_fit(again, model)
    assert_same_fit(fit(sparse.csr_array(X), Y, regression_features=[[0], None]), model)


@pytest.mark.parametrize(
    ("chosen", "means"),
    [
        (["a", "b", "c"], ["a", "b", "c"]),
        ([True, False, True], ["a", "c"]),
        ([], []),
        ("b", ["b"]),
        (slice(1, None), ["b", "c"]),
        ([["a"]] * 2, ["a"]),
    ],
)
def test_one_selection_is_for_all_responses(chosen, means):
    X, Y, _ = data(n=200)
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 0] ** 2})
    model = MixtureRegressor(1, family=BOTH, regression_features=chosen).fit(frame, Y)
    used = (model.coef_ != 0).any(axis=1)
    assert [frame.columns[one].tolist() for one in used] == [means, means]


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (["a", "b"], "may be one list of features for all"),
        ([0, 1], "may be one list of features for all"),
        ([["a"], ["b"], None], "has 3 selections, but there are 2 responses"),
        ([["a"], ["d"]], "'d'"),
    ],
)
def test_selections_that_are_ambiguous_or_wrong_are_refused(chosen, message):
    X, Y, _ = data(n=50)
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 0] ** 2})
    with pytest.raises(ValueError, match=message):
        fit(frame, Y, regression_features=chosen)


def test_a_response_that_no_row_of_some_sees_is_that_of_the_others():
    X, Y, _ = data()
    some = np.arange(len(Y)) < 200
    Y[some, 1] = np.nan
    model = fit(X, Y)
    # By definition, with the densities of the second response of other rows alone.
    assert_allclose(
        model.log_likelihood_, special.logsumexp(log_joints(model, X, Y), axis=1).sum()
    )
    whole = fit(X, np.column_stack([Y, np.full(len(Y), np.nan)])[:, :2])
    assert_same_fit(whole, model)


def test_rows_without_responses_count_in_bic_alone():
    X, Y, _ = data(missing=0.2)
    nothing = np.full((50, 2), np.nan)
    more = np.vstack([X, X[:50]]), np.vstack([Y, nothing])
    ours, theirs = fit(*more), fit(X, Y)
    assert_same_fit(ours, theirs, rtol=1e-5)
    difference = ours.n_parameters_ * np.log(len(more[0]) / len(X))
    assert_allclose(ours.bic_ - theirs.bic_, difference, rtol=1e-6)


def test_weights_count_rows():
    X, Y, _ = data(n=300, missing=0.2)
    weight = np.random.default_rng(0).integers(0, 3, size=len(Y))
    again = np.repeat(np.arange(len(Y)), weight)
    assert_same_fit(fit(X, Y, sample_weight=weight), fit(X[again], Y[again]))


def test_rows_of_a_group_share_a_component_in_all_responses():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(120), 4)
    X = rng.uniform(-2, 2, size=(480, 1))
    second = (rng.random(120) < 0.4)[groups]
    line = np.where(second, 0.4 * X[:, 0], -0.2 * X[:, 0]) + rng.normal(size=480)
    count = rng.poisson(np.exp(np.where(second, 0.4, 1.0)))
    Y = np.column_stack([line, count * 1.0])
    Y[rng.random(Y.shape) < 0.2] = np.nan
    model = fit(X, Y, groups=groups)
    assert model.converged_
    joint = log_joints(model, X, Y) - np.log(model.weights_)
    joint = np.log(model.weights_) + np.add.reduceat(joint, np.arange(0, 480, 4))
    total = special.logsumexp(joint, axis=1)
    assert_allclose(model.log_likelihood_, total.sum(), rtol=1e-10)
    labels, members = model.predict_group_proba(X, Y, groups)
    assert_array_equal(labels, np.arange(120))
    assert_allclose(members, np.exp(joint - total[:, None]), atol=1e-12)
    result = inference(model, X, Y, groups=groups, cov_type="sandwich")
    assert (result.std_errors > 0).all()
    ahead = model.predict_distribution(
        X[:4],
        response=1,
        groups=groups[:4],
        history={"X": X, "y": Y, "groups": groups},
    )
    assert_allclose(ahead.weights, np.tile(members[0], (4, 1)))


def test_the_gate_depends_on_features():
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(600, 2))
    second = rng.random(600) < special.expit(2 * X[:, 1])
    Y = np.column_stack(
        [
            np.where(second, 1 + X[:, 0], -1) + 0.7 * rng.normal(size=600),
            rng.poisson(np.exp(np.where(second, 1.5, 0.5))),
        ]
    )
    Y[rng.random(Y.shape) < 0.2] = np.nan
    chosen = {"gate": "softmax", "gate_features": [1], "regression_features": [[0], []]}
    model = fit(X, Y, **chosen)
    assert model.converged_
    assert abs(abs(model.gate_coef_[1, 1]) - 2) < 0.5
    joint = log_joints(model, X, Y) - np.log(model.weights_)
    joint += np.log(model.predict_proba(X))
    total = special.logsumexp(joint, axis=1).sum()
    assert_allclose(model.log_likelihood_, total, rtol=1e-9)


def test_scales_may_be_shared_by_components():
    X, Y, _ = data()
    Y = np.column_stack([Y, Y[:, 0] + np.random.default_rng(0).normal(size=len(Y))])
    model = fit(X, Y, family=["gaussian", "poisson", "gaussian"], shared_scale=True)
    assert model.converged_
    assert_array_equal(model.scale_[:, 0], model.scale_[:, 1])
    assert model.scale_[0, 0] != model.scale_[2, 0]
    assert model.n_parameters_ == 1 + 2 * 9 + 2


def test_predictions_are_those_of_every_response():
    X, Y, _ = data(missing=0.2)
    model = fit(X, Y)
    means = model.predict_components(X)
    assert means.shape == (len(X), 2, 2)
    for k in range(2):
        line = model.intercept_[0, k] + X @ model.coef_[0, k]
        count = np.exp(model.intercept_[1, k] + X @ model.coef_[1, k])
        assert_allclose(means[:, k], np.column_stack([line, count]))
    prediction, std = model.predict(X, return_std=True)
    assert_allclose(prediction, np.einsum("k,nkr->nr", model.weights_, means))
    for r, name in enumerate(("y0", "y1")):
        ahead = model.predict_distribution(X, response=r)
        assert_allclose(ahead.mean(), prediction[:, r])
        assert_allclose(ahead.std(), std[:, r])
        by_name = model.predict_distribution(X, response=name)
        assert_array_equal(by_name.mean(), ahead.mean())
    drawn, component = model.sample(np.tile(X[:1], (20_000, 1)), random_state=0)
    assert drawn.shape == (20_000, 2)
    assert_allclose((component == 0).mean(), model.weights_[0], atol=0.02)
    error = (drawn.mean(axis=0) - prediction[0]) / (std[0] / 20_000**0.5)
    assert (np.abs(error) < 4).all()
    # Responses depend on each other through the component.
    within = [np.corrcoef(drawn[component == k].T)[0, 1] for k in range(2)]
    assert_allclose(within, 0, atol=0.05)


def test_memberships_are_from_any_responses_that_are_seen():
    X, Y, _ = data()
    model = fit(X, Y)
    for r in range(2):
        only = np.full(Y.shape, np.nan)
        only[:, r] = Y[:, r]
        density = [
            model.predict_distribution(X, response=r).reweighted(w).logpdf(Y[:, r])
            for w in np.eye(2)
        ]
        joint = np.transpose(density) + np.log(model.weights_)
        assert_allclose(model.predict_proba(X, only), special.softmax(joint, axis=1))


def test_the_score_compares_with_regressions_without_features():
    X, Y, _ = data(missing=0.2)
    model = fit(X, Y)
    null = MixtureRegressor(1, family=BOTH, regression_features=[]).fit(X, Y)
    gained = model.log_likelihood_ - null.log_likelihood_
    assert_allclose(model.score(X, Y), 1 - np.exp(-2 * gained / len(X)), rtol=1e-8)


def test_fits_start_from_estimates_and_memberships():
    X, Y, second = data(missing=0.2)
    model = fit(X, Y)
    names = ("weights", "coef", "intercept", "scale")
    init = {name: getattr(model, f"{name}_") for name in names}
    assert_same_fit(fit(X, Y, init=init), model)
    assert_same_fit(fit(X, Y, init=np.eye(2)[second]), model)
    again = clone(model).set_params(warm_start=True).fit(X, Y).fit(X, Y)
    assert_same_fit(again, model)
    with pytest.raises(
        ValueError, match=r"'coef'\] has shape \(2, 2\), not \(2, 2, 2\)"
    ):
        fit(X, Y, init=init | {"coef": model.coef_[0]})


def test_a_fit_is_an_estimator_like_any_other():
    X, Y, _ = data(n=300, missing=0.1)
    frame = pd.DataFrame(X, columns=["a", "b"])
    responses = pd.DataFrame(Y, columns=["size", "count"])
    model = fit(frame, responses, n_init=1)
    assert model.response_names_ == ["size", "count"]
    ahead = model.predict_distribution(frame, response="count")
    assert_allclose(ahead.mean(), model.predict(frame)[:, 1])
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict(frame), model.predict(frame))
    text = str(model.summary(frame, responses))
    for part in ("size, count", "Gaussian, Poisson", "size scale", "count a"):
        assert part in text
    assert "count intercept" in model._repr_html_()
    quality = class_quality(model, frame, responses)
    assert (quality.app > 0.8).all()
    pipeline = make_pipeline(StandardScaler(), clone(model))
    assert_allclose(
        pipeline.fit(X, Y).predict(X), model.predict(frame), rtol=1e-5, atol=1e-6
    )
    scores = cross_val_score(clone(model), frame, responses, cv=3)
    assert (scores > 0.5).all()
    search = GridSearchCV(clone(model), {"n_components": [1, 2]}, cv=3)
    assert search.fit(frame, responses).best_params_ == {"n_components": 2}
    chosen = MixtureRegressorIC((1, 2, 3), estimator=clone(model)).fit(X, Y)
    assert chosen.n_components_ == 2
    draws = bootstrap(model, frame, responses, n_bootstrap=4, random_state=0)
    assert draws.draws.shape == (4, len(draws.names))


def test_replicates_miss_what_the_data_miss():
    X, Y, _ = data(n=600)
    Y[np.random.default_rng(1).random(len(Y)) < 0.7, 1] = np.nan
    model = MixtureRegressor(1, family=BOTH).fit(X, Y)
    ours = bootstrap(model, X, Y, n_bootstrap=60, random_state=0).std_errors
    counts = [i for i, name in enumerate(inference(model, X, Y).names) if "y1" in name]
    poisson = inference(model, X, Y).std_errors[counts]
    # Errors of complete counts would be about half as large.
    assert_allclose(ours[counts] / poisson, 1, atol=0.3)


def test_partitions_give_the_estimate_of_arrays():
    da = pytest.importorskip("dask.array")
    X, Y, _ = data(missing=0.2)
    theirs = fit(X, Y, regression_features=[[0], None])
    chunks = (200, 250, 50)
    parts = [da.from_array(each, (chunks, (2,))) for each in (X, Y)]
    ours = fit(*parts, regression_features=[[0], None])
    assert_same_fit(ours, theirs)
    for method in ("predict", "predict_components"):
        lazy = getattr(ours, method)(parts[0])
        assert lazy.shape == getattr(theirs, method)(X).shape
        assert_allclose(
            lazy.compute(), getattr(theirs, method)(X), rtol=1e-5, atol=1e-8
        )
    assert_allclose(ours.bic(*parts), theirs.bic_, rtol=1e-9)
    # A partition need not see every response.
    Y[:200, 1] = np.nan
    parts[1] = da.from_array(Y, (chunks, (2,)))
    assert_same_fit(fit(*parts), fit(X, Y))


REFUSED = {
    "residuals": lambda m, X, Y: quantile_residuals(m, X, Y),
    "crps": lambda m, X, Y: crps(m, X, Y),
    "effects": lambda m, X, Y: marginal_effects(m, X, inference(m, X, Y)),
    "gap": lambda m, X, Y: optimality_gap(m, X, Y),
    "display": lambda m, X, Y: MixtureRegressionDisplay.from_estimator(m, X, Y),
    "no response": lambda m, X, Y: m.predict_distribution(X),
    "wrong response": lambda m, X, Y: m.predict_distribution(X, response="z"),
    "offset of rows": lambda m, X, Y: m.fit(X, Y, offset=np.ones(len(X))),
    "offset": lambda m, X, Y: clone(m).set_params(offset_feature=0).fit(X, Y),
    "held": lambda m, X, Y: clone(m).set_params(held_coef={0: 1.0}).fit(X, Y),
    "shared": lambda m, X, Y: clone(m).set_params(shared_features=[0]).fit(X, Y),
    "one column": lambda m, X, Y: clone(m).fit(X, Y[:, 0]),
    "three columns": lambda m, X, Y: clone(m).fit(X, Y[:, [0, 1, 1]]),
    "never seen": lambda m, X, Y: clone(m).fit(X, Y * [1, np.nan]),
    "infinite": lambda m, X, Y: clone(m).fit(X, Y + np.inf),
    "no count": lambda m, X, Y: clone(m).fit(X, Y + 0.5),
    "one family": lambda m, X, Y: clone(m).set_params(family=["gaussian"]).fit(X, Y),
    "no family": lambda m, X, Y: clone(m).set_params(family=["a", "b"]).fit(X, Y),
    "trials": lambda m, X, Y: clone(m).fit(X, Y, trials=np.ones(len(X))),
}
NO_RESPONSE = "response must be the number or the name of one.*got None"
MESSAGES = dict.fromkeys(("residuals", "crps", "display", "no response"), NO_RESPONSE)
MESSAGES |= {
    "wrong response": "got 'z'",
    "one column": "need a column of y each",
    "three columns": "2 columns",
    "never seen": "y is missing in every row of response 1",
    "infinite": "inf",
    "no count": "Response 1: .*whole numbers",
    "one family": "a list is for several responses",
    "no family": "a list must have names of families.*'a'",
    "trials": "trials is for",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_for_several_responses_says_so(name):
    X, Y, _ = data(n=100)
    model = fit(X, Y)
    message = MESSAGES.get(name, "not available (for|with) several responses")
    with pytest.raises(ValueError, match=message):
        REFUSED[name](model, X, Y)


def test_a_component_of_many_responses_is_not_empty():
    # Ten rows determine three coefficients in each of five responses.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    first = np.arange(60) < 10
    Y = np.where(first[:, None], 20, 0) + rng.normal(size=(60, 5))
    model = MixtureRegressor(2, family=["gaussian"] * 5, random_state=0).fit(X, Y)
    assert model.converged_
    assert not model.degenerate_
    assert not model.thin_components_
    assert_allclose(model.weights_, [5 / 6, 1 / 6], atol=1e-6)


@pytest.mark.parametrize("missing", [False, True])
def test_responses_with_limits_are_as_if_alone(missing):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 1))
    line = 2 + X[:, 0] + 0.7 * rng.normal(size=200)
    counts = np.maximum(rng.poisson(np.exp(1 + 0.3 * X[:, 0])), 1)
    y = np.column_stack([np.maximum(line, 1.5), counts, line])
    if missing:
        y[rng.random(y.shape) < 0.2] = np.nan
    families = [
        Censored(Gaussian(), lower=1.5),
        Truncated(Poisson(), lower=1),
        Truncated(Gaussian(), lower=-9),
    ]
    model, total = MixtureRegressor(1, family=families).fit(X, y), 0.0
    for r, family in enumerate(families):
        seen = ~np.isnan(y[:, r])
        alone = MixtureRegressor(1, family=family).fit(X[seen], y[seen, r])
        assert_allclose(model.coef_[r], alone.coef_, rtol=1e-6)
        assert_allclose(model.scale_[r], alone.scale_, rtol=1e-6)
        total += alone.log_likelihood_
    assert_allclose(model.log_likelihood_, total, rtol=1e-10)
    assert model.converged_


def test_a_response_that_is_censored_in_every_row_is_refused():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 1)), rng.normal(size=(60, 2))
    y[:, 1] = np.where(np.arange(60) < 20, np.nan, 0)
    model = MixtureRegressor(2, family=["gaussian", Censored(Gaussian(), lower=0)])
    with pytest.raises(ValueError, match="Response 1: y: no row has a bound below"):
        model.fit(X, y)
