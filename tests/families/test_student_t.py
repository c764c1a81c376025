"""Student's t: its normal limit, heavy tails, rounded responses, verified fits."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning
from verified import CASES, assert_is_verified_solution, rows, settings, table

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.families import StudentT, check_family
from mixreg_sklearn.families._special import half_step, log_excess
from mixreg_sklearn.inference import inference

VERIFIED = [name for name, case in CASES.items() if case["family"] == "student_t"]
MOST = 1e12
# Value and two derivatives in log x, by mpmath with 50 digits, at X_HALF.
X_HALF = np.array([0.15, 2.0, 9.99, 1e6])
HALF_STEP = np.array(
    [
        [-0.55370159585199088, -0.061890719807053495, -0.01250730410848049, -1.25e-7],
        [0.3475965825648603, 0.060744611093552096, 0.012496918239356912, 1.25e-7],
        [-0.11087077912706882, -0.05756063189841419, -0.012465883471386274, -1.25e-7],
    ]
)


def two_lines(n=300, seed=0):
    """Features and two lines, with components in equal shares."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-2, 2, size=(n, 1))
    return X, np.where(rng.random(n) < 0.5, 1 + 2 * X[:, 0], -3 - X[:, 0]), rng


def light_tails():
    X, line, rng = two_lines()
    return X, line + rng.uniform(-1, 1, size=len(X))


def heavy_tails():
    X, line, rng = two_lines()
    return X, line + 0.5 * rng.standard_t(3, size=len(X))


def fitted(X, y, df="estimate", n_components=2, seed=0, **options):
    family = StudentT(df, **options)
    return MixtureRegressor(n_components, family=family, random_state=seed).fit(X, y)


@pytest.mark.parametrize("df", [3.0, 4, 30.0])
def test_fixed_degrees_of_freedom_keep_the_contract(df):
    check_family(StudentT(df), [-1.0, 0.5])


@pytest.mark.parametrize("shared", [False, True])
def test_estimated_degrees_of_freedom_keep_the_contract(shared):
    family = StudentT("estimate", shared_df=shared)
    check_family(family, [-1.0, 0.5], [(0.3, 4.0), (0.6, 5.0)])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", VERIFIED)
def test_verified_fits_are_found(name, seed):
    case = CASES[name]
    (X, extra), y = rows(case), table(case)[case.get("response", "y")].to_numpy(float)
    df = case["family_options"]["df"]
    model = MixtureRegressor(
        family=StudentT(df), random_state=seed, **settings(case)
    ).fit(X, y, **extra)
    assert model.converged_
    constants = {"sigma": model.scale_}
    if df == "estimate":
        constants["df"] = model.df_
    assert_is_verified_solution(model, case, y, constants)


class Unrounded(StudentT):
    def resolution(self, y):
        return 0.0


def test_without_their_resolution_rounded_responses_would_collapse():
    # Rows of y = 2.00, 2.01, 2.02 are on a line by their rounding to a thousandth.
    case = CASES["t4_k2_tonedata_outliers"]
    (X, _), y = rows(case), table(case)[case.get("response", "y")].to_numpy(float)
    model = MixtureRegressor(family=Unrounded(), random_state=0, **settings(case))
    with pytest.warns(ConvergenceWarning, match="collapses"):
        model.fit(X, y)
    assert model.log_likelihood_ > case["mle"]["loglik"] + 100
    assert model.scale_.min() < 1e-4


# The normal limit ---------------------------------------------------------------------


@pytest.mark.parametrize("shared", [False, True])
def test_the_normal_limit_is_a_proven_maximum_of_the_gaussian_fit(shared):
    X, y = light_tails()
    theirs = MixtureRegressor(2, random_state=0).fit(X, y)
    ours = fitted(X, y, shared_df=shared)
    assert ours.converged_
    assert ours.df_.tolist() == [MOST, MOST]
    assert_allclose(ours.log_likelihood_, theirs.log_likelihood_, rtol=1e-12)
    assert ours.n_parameters_ == theirs.n_parameters_ + (1 if shared else 2)
    assert ours.n_iter_ <= 30
    errors = dict(zip_of(inference(ours, X, y)))
    expected = dict(zip_of(inference(theirs, X, y)))
    for name in ("component 0: df", "component 1: df"):
        error, note = errors.pop(name)
        assert np.isnan(error)
        assert note == "at its limit"
    assert errors.keys() == expected.keys()
    for name, (error, _) in errors.items():
        assert_allclose(error, expected[name][0], rtol=1e-5, err_msg=name)


def zip_of(result):
    notes = [term.note for term in result.terms]
    pairs = zip(result.std_errors, notes, strict=True)
    return zip(result.names, pairs, strict=True)


def test_one_component_may_be_normal_while_another_has_heavy_tails():
    X, line, rng = two_lines(600)
    first = line == 1 + 2 * X[:, 0]
    y = line + 0.5 * np.where(first, rng.uniform(-1, 1, 600), rng.standard_t(2, 600))
    model = fitted(X, y)
    assert model.converged_
    upper = model.coef_[:, 0] > 0
    assert model.df_[upper] == MOST
    assert 1 < model.df_[~upper] < 4
    result = inference(model, X, y)
    errors = {t.component: e for t, e in by_label(result, "df")}
    assert np.isnan(errors[int(np.flatnonzero(upper)[0])])
    assert errors[int(np.flatnonzero(~upper)[0])] > 0


def by_label(result, label):
    pairs = zip(result.terms, result.std_errors, strict=True)
    return [(term, error) for term, error in pairs if term.label == label]


def test_derivatives_are_exact_up_to_the_limit():
    family, y, scale = StudentT("estimate"), np.linspace(-4, 4, 9), 0.8
    square = (y / scale) ** 2
    for df in (1e6, 1e9, MOST):
        at = family.local(y, np.zeros((1, 9)), np.array([[[scale]], [[df]]]))
        # The log-density is linear in 1 / df there.
        slope = (1 + 2 * square - square**2) / (4 * df)
        assert_allclose(at.slope[2][0], slope, rtol=10 / df**0.5, atol=1e-3 / df)
        assert_allclose(at.bend[5][0], -slope, rtol=10 / df**0.5, atol=1e-3 / df)
        normal = -0.5 * square - np.log(scale) - 0.5 * np.log(2 * np.pi)
        assert_allclose(at.log_density[0], normal, atol=1e3 / df + 1e-14)


def test_half_steps_of_the_gamma_function_keep_all_digits():
    for ours, theirs in zip(half_step(X_HALF), HALF_STEP, strict=True):
        assert_allclose(ours, theirs, rtol=1e-12)
    tiny = np.array([1e-9, 0.1, 0.15, 0.9])
    exact = tiny**2 / 2 + tiny**3 / 3
    assert_allclose(log_excess(tiny, 1 - tiny)[:1], exact[:1], rtol=1e-15)
    assert_allclose(
        log_excess(tiny, 1 - tiny)[1:], (-np.log1p(-tiny) - tiny)[1:], rtol=1e-13
    )


# Heavy tails --------------------------------------------------------------------------


def test_shared_degrees_of_freedom_are_one_parameter():
    X, y = heavy_tails()
    apart, one = fitted(X, y), fitted(X, y, shared_df=True)
    assert one.converged_
    assert one.df_[0] == one.df_[1]
    assert one.n_parameters_ == apart.n_parameters_ - 1
    assert one.log_likelihood_ < apart.log_likelihood_
    terms = by_label(inference(one, X, y), "df")
    assert [term.note for term, _ in terms] == ["shared", "shared"]
    assert terms[0][1] == terms[1][1] > 0


def test_fits_follow_the_unit_of_the_response():
    X, y = heavy_tails()
    ours, theirs = fitted(X, 1e-6 * y + 3e-4), fitted(X, y)
    assert_allclose(ours.df_, theirs.df_, rtol=1e-5)
    assert_allclose(ours.scale_, 1e-6 * theirs.scale_, rtol=1e-5)
    assert_allclose(ours.coef_, 1e-6 * theirs.coef_, rtol=1e-5)
    assert_allclose(ours.intercept_, 1e-6 * theirs.intercept_ + 3e-4, rtol=1e-5)
    gain = -len(y) * np.log(1e-6)
    assert_allclose(ours.log_likelihood_, theirs.log_likelihood_ + gain, rtol=1e-9)


def test_gross_outliers_neither_set_the_unit_nor_pull_the_lines():
    X, y = heavy_tails()
    wild = y.copy()
    wild[:5] = 1e13
    ours, theirs = fitted(X, wild, df=4), fitted(X[5:], y[5:], df=4)
    assert ours.converged_
    assert np.abs(ours.coef_ - theirs.coef_).max() < 0.05
    assert np.abs(ours.intercept_ - theirs.intercept_).max() < 0.05


def test_the_unit_of_weighted_responses_is_that_of_repeated_ones():
    y, weight = np.array([3.0, -1.0, 7.0, 100.0]), np.array([2, 1, 3, 1])
    ours = StudentT().units(y, weight, True)
    theirs = StudentT().units(np.repeat(y, weight), np.ones(7), True)
    assert ours == theirs
    # More than half of the responses are equal: the standard deviation.
    assert StudentT().units(np.array([0.0, 0.0, 0.0, 4.0]), np.ones(4), True)[1] > 1


def test_tails_beyond_every_bound_are_a_collapse():
    X, line, rng = two_lines()
    with pytest.warns(ConvergenceWarning, match="degenerate"):
        model = fitted(X, line + 0.1 * rng.standard_t(0.15, size=len(X)))
    assert model.degenerate_
    assert np.isfinite(model.log_likelihood_)
    assert model.df_.min() >= 0.3 * (1 - 1e-9)


def test_predictions_are_centers_where_there_is_no_mean():
    X, y = heavy_tails()
    model = fitted(X, y, df=0.8, n_components=1)
    mean, std = model.predict(X, return_std=True)
    assert_allclose(mean, model.intercept_[0] + X[:, 0] * model.coef_[0, 0])
    assert np.isposinf(std).all()
    assert_allclose(model.predict_distribution(X).quantile(0.5), mean)


def test_infinite_variances_are_infinite_in_the_mixture():
    X, y = heavy_tails()
    model = fitted(X, y, df=2)
    mean, std = model.predict(X, return_std=True)
    assert np.isfinite(mean).all()
    assert np.isposinf(std).all()


@pytest.mark.parametrize("df", [0.0, -1.0, np.nan, np.inf, "free", None, True])
def test_wrong_degrees_of_freedom_are_named(df):
    with pytest.raises(ValueError, match="df must be a positive number"):
        fitted(np.ones((4, 1)), np.arange(4.0), df=df)
