"""Zero-inflated counts: the limit without inflation, what is identified, peers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import special
from sklearn.exceptions import ConvergenceWarning
from verified import CASES, assert_is_verified_solution, rows, settings, table

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.families import (
    Gaussian,
    NegativeBinomial,
    Poisson,
    StudentT,
    ZeroInflated,
    check_family,
)
from mixreg_sklearn.families._base import Family
from mixreg_sklearn.inference import inference

VERIFIED = {name: case for name, case in CASES.items() if case["family"][:2] == "zi"}
LINKS = ("log", "identity", "inverse")
LEAST = 1e-12
UNIDENTIFIED = "zinb_k2_sim"


def counts_of(case):
    return Poisson() if case["family"] == "zip" else NegativeBinomial()


def data_of(case):
    (X, extra), data = rows(case), table(case)
    return X, data[case.get("response", "y")].to_numpy(float), extra


def biochemists():
    return data_of(CASES["zip_k1_biochemists"])[:2]


def trajectories(inflation=(0.0, 0.0), n_units=60, seed=0):
    """Poisson counts in groups of eight rows: features, response, groups."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_units), 8)
    X = rng.uniform(-1, 1, size=(len(groups), 1))
    label = rng.integers(2, size=n_units)[groups]
    y = rng.poisson(np.exp(1 + np.where(label, 1, -1) * X[:, 0])).astype(float)
    y[rng.random(len(y)) < np.take(inflation, label)] = 0.0
    return X, y, groups


def fitted(family, X, y, n_components=2, seed=0, **given):
    model = MixtureRegressor(n_components, family=family, random_state=seed)
    return model.fit(X, y, **given)


def predictors(link):
    return (-1.0, 0.3, 1.2) if link == "log" else (0.4, 1.0, 2.5)


@pytest.mark.parametrize("link", LINKS)
def test_a_constant_inflation_keeps_the_contract(link):
    check_family(ZeroInflated(Poisson(link)), predictors(link))
    family = ZeroInflated(NegativeBinomial(link))
    check_family(family, predictors(link), [(0.5, 0.2), (0.9, 0.5)])


@pytest.mark.parametrize("link", LINKS)
def test_an_inflation_with_features_keeps_the_contract(link):
    eta = [(e, odds) for e in predictors(link) for odds in (-1.0, 0.4)]
    check_family(ZeroInflated(Poisson(link), features="all"), eta)
    family = ZeroInflated(NegativeBinomial(link), features=[0])
    check_family(family, eta, (0.8, 1.2))


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("counts", [Poisson, NegativeBinomial])
@pytest.mark.parametrize("features", [None, "all"])
def test_a_pass_has_the_numbers_of_the_formulas(counts, features, link):
    family, y = ZeroInflated(counts(link), features), np.array([0.0, 0, 1, 3, 40])
    mean = np.array([[0.1, 2, 1, 2, 30], [700, 1e-8, 3, 0.2, 50]])
    eta = family._link().predictor(mean)
    constants = [np.array([[0.5], [1.2]])] if family.family.constants else []
    if features:
        # Where all is for sure, or nothing is, and the mean leaves no zeros.
        odds = np.array([[-1.0, 0.5, -30, 30, 0], [-800, 800, -800, 1, 2]])
        eta = np.stack([eta, odds])
    else:
        constants.append(np.array([[0.3], [LEAST]]))
    scale = 1.0
    if constants:
        scale = constants[0] if len(constants) == 1 else np.stack(constants)
    log_prior = np.log([[0.4], [0.6]])
    ours = family.evaluate(y, eta.copy(), scale, log_prior)
    theirs = Family.evaluate(family, y, eta.copy(), scale, log_prior)
    assert_allclose(ours.log_joint, theirs.log_joint, rtol=1e-12)
    assert_allclose(ours.raw_score, theirs.raw_score, rtol=1e-10, atol=1e-14)
    assert_allclose(ours.raw_information, theirs.raw_information, rtol=1e-10)
    assert len(ours.statistic) == len(theirs.statistic) == 2 * len(constants)
    for mine, other in zip(ours.statistic, theirs.statistic, strict=True):
        assert_allclose(mine, other, rtol=1e-10, atol=1e-14)


def test_the_probability_of_zero_is_exact_where_it_underflows():
    family = ZeroInflated(Poisson(), features="all")
    eta, odds = np.log([[600.0, 900.0]]), np.array([[-650.0, -1000.0]])
    at = family.local(np.zeros(2), np.stack([eta, odds]), 1.0)
    expected = np.logaddexp(special.log_expit(odds), -np.exp(eta))
    assert_allclose(at.log_density, expected, rtol=1e-12)
    expected = -np.exp(eta) * special.expit(-np.exp(eta) - odds)
    assert_allclose(at.slope[0], expected, rtol=1e-9)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", sorted(set(VERIFIED) - {UNIDENTIFIED}))
def test_verified_fits_are_found(name, seed):
    case = VERIFIED[name]
    X, y, extra = data_of(case)
    family = ZeroInflated(counts_of(case))
    model = MixtureRegressor(family=family, random_state=seed, **settings(case))
    model.fit(X, y, **extra)
    assert model.converged_
    constants = {"inflation": model.inflation_}
    if case["family"] == "zinb":
        constants["alpha"] = model.scale_**2
    assert_is_verified_solution(model, case, y, constants)


# K = 1: pscl ------------------------------------------------------------------------

# R 4.2.2, pscl 1.5.5, zeroinfl with reltol=1e-15: log-likelihood, number of parameters.
PSCL = [
    (Poisson(), "all", -1604.77285321048, 12),
    (Poisson(), ["married", "kid5"], -1620.33108946643, 9),
    (Poisson(), [], -1620.78396649217, 7),
    (Poisson(), None, -1620.78396649217, 7),
    (NegativeBinomial(), "all", -1549.9908870466, 13),
]


@pytest.mark.parametrize(("counts", "features", "loglik", "n_parameters"), PSCL)
def test_one_component_has_the_likelihood_of_pscl(
    counts, features, loglik, n_parameters
):
    X, y = biochemists()
    model = fitted(ZeroInflated(counts, features), X, y, n_components=1)
    assert model.converged_
    assert_allclose(model.log_likelihood_, loglik, rtol=1e-11)
    assert model.n_parameters_ == n_parameters


def test_coefficients_of_the_inflation_are_those_of_pscl():
    X, y = biochemists()
    family = ZeroInflated(Poisson(), features=["married", "kid5"])
    model = fitted(family, X, y, n_components=1)
    columns = [list(X.columns).index(name) for name in family.features]
    ours = [*model.inflation_intercept_, *model.inflation_coef_[0, columns]]
    theirs = [-1.55103596805079169, -0.30601270137801240, 0.17466881770665016]
    assert_allclose(ours, theirs, rtol=1e-6)
    others = np.delete(model.inflation_coef_[0], columns)
    assert (others == 0).all()


def test_a_constant_is_the_intercept_of_log_odds():
    X, y = biochemists()
    constant = fitted(ZeroInflated(Poisson()), X, y, n_components=1)
    intercept = fitted(ZeroInflated(Poisson(), features=[]), X, y, n_components=1)
    odds = intercept.inflation_intercept_
    assert_allclose(constant.inflation_, special.expit(odds), rtol=1e-6)
    ours, theirs = (inference(model, X, y) for model in (constant, intercept))
    at, there = ours.names.index("component 0: inflation"), -1
    assert theirs.names[there] == "component 0: inflation intercept"
    w = constant.inflation_[0]
    error = theirs.std_errors[there] * w * (1 - w)
    assert_allclose(ours.std_errors[at], error, rtol=1e-5)
    lower, upper = ours.conf_int()[at]
    assert_allclose([lower, upper], special.expit(theirs.conf_int()[there]), rtol=1e-4)


# The limit without inflation ----------------------------------------------------------


def test_counts_without_inflation_are_proven_to_be_the_family():
    case = CASES["zinb_k1_recreation"]
    X, y, _ = data_of(case)
    ours = fitted(ZeroInflated(NegativeBinomial()), X, y, n_components=1)
    theirs = fitted(NegativeBinomial(), X, y, n_components=1)
    assert ours.converged_
    assert_allclose(ours.inflation_, LEAST, rtol=1e-9)
    assert_allclose(ours.log_likelihood_, theirs.log_likelihood_, rtol=1e-12)
    result = inference(ours, X, y)
    at = result.names.index("component 0: inflation")
    assert result.terms[at].note == "at its limit"
    assert np.isnan(result.std_errors[at])
    assert np.isfinite(np.delete(result.std_errors, at)).all()


def test_one_component_may_be_inflated_while_another_is_not():
    X, y, groups = trajectories(inflation=(0.0, 0.4), n_units=100)
    model = fitted(ZeroInflated(Poisson()), X, y, groups=groups)
    assert model.converged_
    inflated = model.coef_[:, 0] > 0
    assert abs(model.inflation_[inflated] - 0.4) < 0.1
    assert model.inflation_[~inflated] < 0.05


def test_a_component_of_nothing_but_zeros_is_no_maximum():
    X, y, groups = trajectories()
    y[groups % 2 == 0] = 0.0
    with pytest.warns(ConvergenceWarning, match="all zero"):
        model = fitted(ZeroInflated(Poisson()), X, y, groups=groups)
    assert not model.converged_
    assert np.isfinite(model.predict(X)).all()


# What is identified -------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_single_rows_do_not_identify_inflations_of_components(seed):
    case = VERIFIED[UNIDENTIFIED]
    X, y, _ = data_of(case)
    family = ZeroInflated(NegativeBinomial())
    model = MixtureRegressor(family=family, random_state=seed, **settings(case))
    with pytest.warns(ConvergenceWarning, match=r"not unique.*groups.*features="):
        model.fit(X, y)
    assert not model.converged_
    assert not model.degenerate_
    constants = {"inflation": model.inflation_, "alpha": model.scale_**2}
    assert_is_verified_solution(model, case, y, constants)
    with pytest.raises(ValueError, match="not unique"):
        inference(model, X, y)


def test_where_nothing_is_inflated_single_rows_identify_that():
    X, y, _ = trajectories()
    X, y = X[y > 0], y[y > 0]
    ours = fitted(ZeroInflated(Poisson()), X, y)
    theirs = fitted(Poisson(), X, y)
    assert ours.converged_
    assert_allclose(ours.inflation_, LEAST, rtol=1e-9)
    assert_allclose(ours.log_likelihood_, theirs.log_likelihood_, rtol=1e-10)


def test_features_identify_inflations_of_single_rows():
    X, y, _ = trajectories(inflation=(0.3, 0.3), n_units=200)
    model = fitted(ZeroInflated(Poisson(), features="all"), X, y)
    assert model.converged_


# What follows a fit -------------------------------------------------------------------


def test_the_expected_response_includes_zeros_for_sure():
    X, y, groups = trajectories(inflation=(0.2, 0.5))
    model = fitted(ZeroInflated(Poisson()), X, y, groups=groups)
    mean = np.exp(model.intercept_ + X @ model.coef_.T)
    expected = (mean * (1 - model.inflation_)) @ model.weights_
    assert_allclose(model.predict(X), expected)
    draws = np.mean([model.sample(X, random_state=i)[0] == 0 for i in range(50)])
    zero = np.exp(model.predict_distribution(X).logpdf(np.zeros(len(X)))).mean()
    assert abs(draws - zero) < 0.01


def test_one_of_several_responses_may_be_inflated():
    rng = np.random.default_rng(3)
    X = rng.uniform(-1, 1, size=(320, 1))
    # The other response tells what single counts do not.
    label = rng.integers(2, size=320)
    y = rng.poisson(np.exp(1 + np.where(label, 1, -1) * X[:, 0])).astype(float)
    y[rng.random(320) < np.take((0.1, 0.5), label)] = 0.0
    line = np.where(label, 2 + X[:, 0], -2) + 0.4 * rng.standard_t(3, size=320)
    families = [ZeroInflated(Poisson()), StudentT("estimate", shared_df=True)]
    model = fitted(families, X, np.column_stack([y, line]))
    assert model.converged_
    high = model.intercept_[1] > 0
    assert abs(model.y0_inflation_[high] - 0.5) < 0.15
    assert abs(model.y0_inflation_[~high] - 0.1) < 0.15
    assert model.scale_[0].tolist() == [1.0, 1.0]
    result = inference(model, X, np.column_stack([y, line]))
    notes = {t.label: t.note for t in result.terms}
    assert notes["y1 df"] == "shared"
    assert (result.std_errors > 0).all()


def test_a_scale_that_is_shared_leaves_inflations_apart():
    X, y, groups = trajectories(inflation=(0.1, 0.5))
    family = ZeroInflated(Poisson())
    model = MixtureRegressor(2, family=family, shared_scale=True, random_state=0)
    model.fit(X, y, groups=groups)
    assert model.inflation_[0] != model.inflation_[1]
    assert model.scale_.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("family", [Gaussian(), "poisson", None, Poisson])
def test_other_families_are_refused(family):
    X, y, _ = trajectories()
    with pytest.raises(ValueError, match=r"must be Poisson\(\) or NegativeBinomial"):
        fitted(ZeroInflated(family), X, y)


def test_features_that_do_not_exist_are_named():
    X, y = biochemists()
    with pytest.raises(ValueError, match=r"inflation.*nothing"):
        fitted(ZeroInflated(Poisson(), features="nothing"), X, y)


def test_a_start_may_name_the_inflation():
    X, y, groups = trajectories(inflation=(0.2, 0.5))
    found = fitted(ZeroInflated(Poisson()), X, y, groups=groups)
    names = ("weights", "intercept", "coef", "scale", "inflation")
    init = {name: getattr(found, f"{name}_") for name in names}
    model = MixtureRegressor(2, family=ZeroInflated(Poisson()), init=init)
    model.fit(X, y, groups=groups)
    assert_allclose(model.inflation_, found.inflation_, rtol=1e-6)
    for wrong, message in ((0.0, "positive"), (1.5, "at most 1")):
        model.set_params(init=init | {"inflation": np.array([0.5, wrong])})
        with pytest.raises(ValueError, match=f"'inflation'.*{message}"):
            model.fit(X, y, groups=groups)
