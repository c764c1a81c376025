"""Verified fits with penalties and bounds, and the comparison with them.

`reference/responses/README.md` and `reference/penalties/README.md` say where the
numbers come from.
"""

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose
from scipy.special import expit
from verified import CASES as RESPONSES
from verified import rows, table

from mixreg_sklearn.families import Gamma

HERE = Path(__file__).parent / "reference"
GLMNET = {
    case["id"]: case
    for case in json.loads((HERE / "penalties" / "cases.json").read_text())["cases"]
}
MIXTURES = {
    name: case
    for name, case in RESPONSES.items()
    if {"penalty", "bounds"} & set(case["family_options"])
}
# Relative to the gradient of the penalty for a coefficient of one.
STATIONARY = 1e-6


def glmnet_problem(case):
    """Features, response, keywords of `fit`, parameters of a `MixtureRegressor`."""
    data = pd.read_csv(HERE / case["dataset"])
    names = {"weights": "sample_weight", "offset": "offset", "trials": "trials"}
    given = {
        argument: data[case[name]].to_numpy(float)
        for name, argument in names.items()
        if case[name]
    }
    settings = {"alpha": case["alpha"], "l1_ratio": case["l1_ratio"]}
    family = case["family"]
    settings["family"] = Gamma(link=case["link"]) if family == "gamma" else family
    return data[case["features"]], data[case["response"]], given, settings


def mixture_problem(case):
    """Features, response, parameters of a `MixtureRegressor`."""
    settings = {"n_components": case["K"], "shared_scale": case["equal_variance"]}
    penalty = case["family_options"].get("penalty")
    if penalty:
        settings |= {name: penalty[name] for name in ("alpha", "l1_ratio")}
    bounds = case["family_options"].get("bounds")
    if bounds:
        features = {*bounds["lower"], *bounds["upper"]}
        settings["coef_bounds"] = {
            name: (bounds["lower"].get(name), bounds["upper"].get(name))
            for name in sorted(features)
        }
    return rows(case)[0], table(case)[case["response"]], settings


# --- The objective and its gradient, from public attributes -------------------------


def standardized(X, weight=None):
    """Features of mean 0 and standard deviation 1, and the latter, (n, d) and (d,)."""
    X = np.asarray(X, dtype=float)
    mean = np.average(X, axis=0, weights=weight)
    deviation = np.sqrt(np.average((X - mean) ** 2, axis=0, weights=weight))
    return (X - mean) / deviation, deviation


def objective(model, X, y, alpha=0.0, l1_ratio=0.0, **given):
    """Log-likelihood minus the penalties on the standardized coefficients."""
    weight = given.get("sample_weight", np.ones(len(X)))
    b = model.coef_ * standardized(X, weight)[1]
    absolute, squares = np.abs(b).sum(axis=1), (b**2).sum(axis=1)
    penalty = alpha * (l1_ratio * absolute + (1 - l1_ratio) / 2 * squares)
    return model.log_likelihood(X, y, **given) - weight.sum() * penalty.sum()


def gradients(model, X, y, family="gaussian", link="identity", **given):
    """Gradients of the log-likelihood, for features standardized: (K, d), and (K,).

    The second is that in the intercepts.
    """
    weight = given.get("sample_weight", np.ones(len(X)))
    trials = given.get("trials", 1.0)
    y = np.asarray(y, dtype=float)[:, None]
    eta = model.intercept_ + X.to_numpy(float) @ model.coef_.T
    eta += np.reshape(given.get("offset", np.zeros(len(X))), (-1, 1))
    if family == "gaussian":
        score = (y - eta) / model.scale_**2
    elif family == "poisson":
        score = y - np.exp(eta)
    elif family == "binomial":
        score = y - np.reshape(trials, (-1, 1)) * expit(eta)
    else:
        score = y * np.exp(-eta) - 1 if link == "log" else 1 / eta - y
        score = score / model.scale_**2
    if len(model.weights_) > 1:
        at_rows = {n: value for n, value in given.items() if n != "sample_weight"}
        score = score * model.predict_proba(X, y.ravel(), **at_rows)
    score = score * weight[:, None]
    return score.T @ standardized(X, weight)[0], score.sum(axis=0)


def residual(model, X, y, alpha, l1_ratio, **given):
    """Largest violation of the stationarity of a coefficient, in units of W alpha."""
    weight = given.get("sample_weight", np.ones(len(X)))
    b = model.coef_ * standardized(X, weight)[1]
    slope = gradients(model, X, y, **given)[0] / (weight.sum() * alpha)
    slope -= (1 - l1_ratio) * b
    moving = np.abs(slope - l1_ratio * np.sign(b))
    resting = np.maximum(np.abs(slope) - l1_ratio, 0)
    return np.where(b != 0, moving, resting).max()


# --- Comparisons --------------------------------------------------------------------


def assert_is_glmnet_solution(model, case):
    """Objective, coefficients, active set and stationarity."""
    X, y, given, _ = glmnet_problem(case)
    penalty = {name: case[name] for name in ("alpha", "l1_ratio")}
    value = objective(model, X, y, **penalty, **given)
    # Above the reference by more than that is a better optimum: report it.
    assert_allclose(value, case["objective"], rtol=1e-8)
    assert_allclose(model.log_likelihood_, case["loglik"], rtol=1e-5)
    deviation = standardized(X, given.get("sample_weight"))[1]
    theirs = np.array([case["coef"][name] for name in case["features"]])
    unit = np.abs(theirs * deviation).max()
    assert_allclose(
        model.coef_[0] * deviation, theirs * deviation, rtol=1e-4, atol=1e-4 * unit
    )
    if case["l1_ratio"]:
        assert list(X.columns[model.coef_[0] != 0]) == case["active"]
    kind = {"family": case["family"], "link": case["link"]}
    assert residual(model, X, y, **penalty, **kind, **given) <= STATIONARY
    constant = gradients(model, X, y, **kind, **given)[1]
    assert_allclose(constant / len(X), 0, atol=STATIONARY * max(1, unit))
    scale = {"gaussian": "sigma", "gamma": "shape"}.get(case["family"])
    if scale:
        ours = model.scale_[0] if scale == "sigma" else model.scale_[0] ** -2
        assert_allclose(ours, case[scale], rtol=1e-5)


def assert_is_mixture_solution(model, case):
    """Everything that a case with a penalty or bounds compares."""
    X, y, _ = mixture_problem(case)
    mle, check = case["mle"], case["check"]
    penalty = case["family_options"].get("penalty")
    chosen = {name: penalty[name] for name in ("alpha", "l1_ratio")} if penalty else {}
    value = objective(model, X, y, **chosen)
    # Above the reference by more than that is a better optimum: report it.
    assert_allclose(value, mle["objective"], rtol=check["objective_rtol"])
    rtol = check["loglik_rtol"]
    assert_allclose(model.log_likelihood_, mle["loglik"], rtol=rtol)
    order = _matching(model, case)
    theirs = _parameters(case)
    ours = np.column_stack([model.intercept_, model.coef_, model.scale_])[order]
    assert_allclose(ours, theirs, rtol=0, atol=check["coef_atol"])
    weights = [part["prior"] for part in mle["components"]]
    assert_allclose(model.weights_[order], weights, atol=check["coef_atol"])
    _assert_active(model, case, X, order)
    _assert_multipliers(model, case, X, y, order)
    if penalty:
        assert residual(model, X, y, **chosen) <= STATIONARY
    tau = model.predict_proba(X, y)[:, order]
    atol = check["posterior_atol"]
    assert_allclose(tau[:10], mle["posterior_first10"], atol=atol, rtol=0)
    if "cluster_sizes" in check["compare"]:
        second = np.sort(np.column_stack([np.zeros(len(X)), tau]), axis=1)[:, -2]
        unclear = (tau.max(axis=1) - second < 2 * atol).sum()
        sizes = np.bincount(tau.argmax(axis=1), minlength=case["K"])
        assert (np.abs(sizes - mle["cluster_sizes"]) <= unclear).all()


def _parameters(case):
    """Intercepts, coefficients and standard deviations of the reference, (K, d + 2)."""
    return np.array(
        [
            [part["intercept"], *part["coef"].values(), part["sigma"]]
            for part in case["mle"]["components"]
        ]
    )


def _matching(model, case):
    """The order of the model's components that comes nearest to the reference."""
    theirs = _parameters(case)[:, :-1]
    ours = np.column_stack([model.intercept_, model.coef_])

    def distance(order):
        return ((ours[list(order)] - theirs) ** 2).sum()

    return list(min(permutations(range(case["K"])), key=distance))


def _at_bound(case, X, coef):
    """Where coefficients are at a bound, (K, d): for a penalty, at zero."""
    bounds = case["family_options"].get("bounds")
    if not bounds:
        return coef == 0
    at = np.zeros(coef.shape, dtype=bool)
    for side in bounds.values():
        for name, value in side.items():
            j = list(X.columns).index(name)
            at[:, j] |= coef[:, j] == value
    return at


def _assert_active(model, case, X, order):
    at = _at_bound(case, X, model.coef_[order])
    for free, names in zip(~at, case["mle"]["active_sets"], strict=True):
        assert list(X.columns[free]) == names


def _assert_multipliers(model, case, X, y, order):
    """Multipliers are in units of the penalty, or of the gradient in a coefficient."""
    slope = gradients(model, X, y)[0][order]
    penalty = case["family_options"].get("penalty")
    if penalty:
        slope = slope / (len(X) * penalty["alpha"] * penalty["l1_ratio"])
    else:  # for the features as they are
        slope = slope * standardized(X)[1]
    at = _at_bound(case, X, model.coef_[order])
    theirs = np.array(
        [[part[name] for name in X.columns] for part in case["mle"]["multipliers"]]
    )
    assert_allclose(np.where(at, np.abs(slope), 0), theirs, rtol=1e-3, atol=1e-4)
