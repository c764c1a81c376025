"""Hard input gives a sensible fit or one error that names the cause, and soon."""

import re
import time
import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression
from sklearn.mixture import GaussianMixture
from support import many, separated, two_lines

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC, SearchWarning
from mixreg_sklearn.families import Binomial
from mixreg_sklearn.inference import inference

# Of the processor: the machine may have other things to do.
SECONDS = 5.0


def _rng():
    return np.random.default_rng(0)


@cache
def _plain(n=120):
    """Of data without any difficulty, the fit with which others are compared."""
    X, y, *_ = separated(0, n=n)
    return MixtureRegressor(random_state=0).fit(X, y)


def _lines(noise=0.0, n=60):
    """Two lines, to within `noise`."""
    rng = _rng()
    x = rng.uniform(-2, 2, size=n)
    which = np.arange(n) % 3 == 0
    y = np.where(which, 1 + 2 * x, 5 - x) + noise * rng.normal(size=n)
    return x[:, None], y


def constant_y():
    return _rng().normal(size=(50, 2)), np.full(50, 3.7)


def zero_y():
    return _rng().normal(size=(50, 2)), np.zeros(50)


def large_constant_y():
    return _rng().normal(size=(50, 2)), np.full(50, 1e9 + 0.1)


def constant_column():
    X, y, *_ = separated(0)
    return np.column_stack([X, np.full(len(y), 4.2)]), y


def zero_column():
    X, y, *_ = separated(0)
    return np.column_stack([X, np.zeros(len(y))]), y


def large_constant_column():
    X, y, *_ = separated(0)
    return np.column_stack([X, np.full(len(y), 1e9 + 0.3)]), y


def duplicate_column():
    X, y, *_ = separated(0)
    return X[:, [0, 1, 0]], y


def combined_columns():
    X, y, *_ = separated(0)
    return np.column_stack([X, X @ [1.0, -2.0]]), y


def nearly_duplicate_column():
    X, y, *_ = separated(0)
    return np.column_stack([X, X[:, 0] + 1e-9 * _rng().normal(size=len(y))]), y


def only_a_constant_feature():
    _, y, *_ = separated(0)
    return np.ones((len(y), 1)), y


def only_a_zero_feature():
    _, y, *_ = separated(0)
    return np.zeros((len(y), 1)), y


def more_features_than_rows():
    rng = _rng()
    return rng.normal(size=(20, 50)), rng.normal(size=20)


def as_many_features_as_rows():
    rng = _rng()
    return rng.normal(size=(20, 20)), rng.normal(size=20)


def fewer_rows_than_parameters():
    rng = _rng()
    return rng.normal(size=(9, 3)), rng.normal(size=9)


def two_rows():
    return np.array([[0.0], [1.0]]), np.array([1.0, 3.0])


def two_equal_rows():
    return np.array([[1.0], [1.0]]), np.array([2.0, 2.0])


def two_rows_of_one_place():
    return np.array([[1.0], [1.0]]), np.array([2.0, 3.0])


def three_rows():
    return np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 2.0])


def all_rows_on_one_line():
    X = _rng().normal(size=(50, 2))
    return X, 1 + X @ [2.0, -3.0]


def all_but_one_row_on_one_line():
    X = _rng().normal(size=(50, 2))
    return X, 1 + X @ [2.0, -3.0] + 4 * (np.arange(50) == 7)


def rows_on_one_line_to_rounding():
    X = _rng().normal(size=(50, 2))
    y = 1 + X @ [2.0, -3.0]
    return X, y * (1 + 1e-15 * _rng().normal(size=50))


def rows_on_two_lines():
    return _lines()


def rows_on_two_lines_nearly():
    return _lines(1e-9)


def rows_on_two_lines_and_noise():
    X, y = _lines()
    rng = _rng()
    x = rng.uniform(-2, 2, size=20)
    return np.vstack([X, x[:, None]]), np.append(y, rng.normal(size=20))


def two_parallel_lines():
    x = np.linspace(-1, 1, 40)
    return x[:, None], x + (np.arange(40) % 2)


def one_row_repeated():
    return np.tile([[1.0, 2.0]], (30, 1)), np.full(30, 5.0)


def one_place_repeated():
    return np.tile([[1.0, 2.0]], (30, 1)), _rng().normal(size=30)


def few_distinct_rows():
    X, y = _rng().normal(size=(4, 1)), _rng().normal(size=4)
    return np.repeat(X, 15, axis=0), np.repeat(y, 15)


def two_values_of_y():
    rng = _rng()
    return rng.normal(size=(60, 1)), (rng.random(60) < 0.4) * 1.0


def integers_everywhere():
    rng = _rng()
    X = rng.integers(0, 4, size=(80, 2))
    return X, X[:, 0] * 3 + rng.integers(0, 3, size=80) + 20 * (np.arange(80) % 2)


def small_columns():
    X, y, *_ = separated(0)
    return X * 1e-12, y


def large_columns():
    X, y, *_ = separated(0)
    return X * 1e12, y


def unequal_columns():
    X, y, *_ = separated(0)
    return X * [1e-12, 1e12], y


def enormous_columns():
    X, y, *_ = separated(0)
    return X * 1e150, y


def tiny_columns():
    X, y, *_ = separated(0)
    return X * 1e-150, y


def small_y():
    X, y, *_ = separated(0)
    return X, y * 1e-150


def large_y():
    X, y, *_ = separated(0)
    return X, y * 1e150


def y_far_from_zero():
    X, y, *_ = separated(0)
    return X, y / y.std() + 1e9


def columns_far_from_zero():
    X, y, *_ = separated(0)
    return X + 1e8, y


def one_huge_outlier():
    X, y, *_ = separated(0)
    return X, np.where(np.arange(len(y)) == 5, 1e9, y)


def one_leverage_point():
    X, y, *_ = separated(0)
    X = X.copy()
    X[3] = 1e6
    return X, y


def heavy_tails():
    rng = _rng()
    return rng.standard_cauchy(size=(80, 2)), rng.standard_cauchy(size=80)


def pure_noise():
    rng = _rng()
    return rng.normal(size=(100, 2)), rng.normal(size=100)


CASES = [
    constant_y,
    zero_y,
    large_constant_y,
    constant_column,
    zero_column,
    large_constant_column,
    duplicate_column,
    combined_columns,
    nearly_duplicate_column,
    only_a_constant_feature,
    only_a_zero_feature,
    more_features_than_rows,
    as_many_features_as_rows,
    fewer_rows_than_parameters,
    two_rows,
    two_equal_rows,
    two_rows_of_one_place,
    three_rows,
    all_rows_on_one_line,
    all_but_one_row_on_one_line,
    rows_on_one_line_to_rounding,
    rows_on_two_lines,
    rows_on_two_lines_nearly,
    rows_on_two_lines_and_noise,
    two_parallel_lines,
    one_row_repeated,
    one_place_repeated,
    few_distinct_rows,
    two_values_of_y,
    integers_everywhere,
    small_columns,
    large_columns,
    unequal_columns,
    enormous_columns,
    tiny_columns,
    small_y,
    large_y,
    y_far_from_zero,
    columns_far_from_zero,
    one_huge_outlier,
    one_leverage_point,
    heavy_tails,
    pure_noise,
]
# The search is long where nothing else is special.
OPTIONS = {
    "one component": {"n_components": 1},
    "default": {},
    "three components": {"n_components": 3},
    "shared scale": {"shared_scale": True},
    "three, shared scale": {"n_components": 3, "shared_scale": True, "n_init": 1},
    "shared feature": {"shared_features": [0], "n_init": 1},
    "no intercept": {"fit_intercept": False, "n_init": 1},
}


def fit_watched(model, X, y, **arguments):
    """Fit in time, with no warning but one of convergence that is deserved."""
    started = time.process_time()
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        model.fit(X, y, **arguments)
    assert time.process_time() - started < SECONDS
    deserved = [w for w in record if w.category is not SearchWarning]
    assert [w.category for w in deserved] == [ConvergenceWarning] * (
        not model.converged_
    ), [str(w.message) for w in record]
    if model.degenerate_:
        assert not model.converged_
        assert "degenerate" in str(record[0].message)
        assert re.search("Use fewer (components|features)", str(record[0].message))
    return model


def assert_finite(model, X, y):
    """Every number of the model and of its predictions is finite."""
    K, d = model.n_components, np.shape(X)[1]
    assert model.coef_.shape == (K, d)
    for name in ("weights_", "coef_", "intercept_", "scale_"):
        assert np.isfinite(getattr(model, name)).all(), name
    assert np.isfinite(model.log_likelihood_)
    assert np.isfinite(model.newton_decrement_)
    assert np.isfinite(model.smallest_eigenvalue_)
    assert (model.scale_ > 0).all()
    assert (model.weights_ >= 0).all()
    assert_allclose(model.weights_.sum(), 1)
    for optimum in model.search_.get("optima", []):
        assert np.isfinite([optimum["log_likelihood"], optimum["objective"]]).all()
    mean, std = model.predict(X, return_std=True)
    assert np.isfinite(mean).all()
    assert np.isfinite(std).all()
    tau = model.predict_proba(X, y)
    assert_allclose(tau.sum(axis=1), 1)
    assert np.isfinite([model.log_likelihood(X, y), model.bic(X, y)]).all()
    assert np.isfinite([model.icl(X, y), model.aic(X, y)]).all()
    assert np.isfinite(model.predict_components(X)).all()
    assert np.isfinite(model.sample(X, random_state=0)[0]).all()


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_hard_data_give_a_finite_fit_in_time(case, option):
    X, y = case()
    model = MixtureRegressor(random_state=0, **OPTIONS[option])
    if case is only_a_zero_feature and option == "no intercept":
        with pytest.raises(ValueError, match="no column that differs from zero"):
            model.fit(X, y)
        return
    if model.n_components > len(y):
        with pytest.raises(ValueError, match="n_components = 3, n_samples = 2"):
            model.fit(X, y)
        return
    fit_watched(model, X, y)
    assert_finite(model, X, y)


def test_more_components_than_units_are_refused_as_by_gaussian_mixture():
    X, y, *_ = separated(0, n=12)
    words = "Expected n_samples >= n_components but got n_components = 13, n_samples = "
    with pytest.raises(ValueError, match=f"^{words}12$"):
        MixtureRegressor(13).fit(X, y)
    with pytest.raises(ValueError, match=f"^{words}12$"):
        GaussianMixture(13).fit(X)
    words = words.replace("samples", "groups")
    with pytest.raises(ValueError, match=f"^{words}3$"):
        MixtureRegressor(13).fit(X, y, groups=np.arange(12) % 3)


@pytest.mark.parametrize("shared_scale", [False, True])
@pytest.mark.parametrize("n_components", [5, 10, 20])
def test_far_too_many_components_end_in_time(n_components, shared_scale):
    rng = _rng()
    X, y = rng.normal(size=(20, 1)), rng.normal(size=20)
    model = MixtureRegressor(n_components, shared_scale=shared_scale, random_state=0)
    fit_watched(model, X, y)
    assert_finite(model, X, y)
    # The smallest component has at most n / K rows, and needs three for its line and
    # scale. (Under a common scale even 30 parameters can be at a proper maximum.)
    if not shared_scale and len(y) / n_components < 3:
        assert model.degenerate_


@pytest.mark.parametrize("n_components", [1, 2, 3])
def test_perfect_data_are_called_degenerate_and_fitted(n_components):
    X, y = all_rows_on_one_line()
    model = MixtureRegressor(n_components, random_state=0)
    with pytest.warns(ConvergenceWarning, match="one regression fits every row"):
        model.fit(X, y)
    assert model.degenerate_
    assert_allclose(model.coef_, np.tile([2.0, -3.0], (n_components, 1)), rtol=1e-9)
    assert_allclose(model.predict(X), y, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("value", [0.0, 3.7, 1e9 + 0.1, -1e-9])
def test_a_constant_response_is_predicted(value):
    X, y = _rng().normal(size=(50, 2)), np.full(50, value)
    model = MixtureRegressor(random_state=0)
    with pytest.warns(ConvergenceWarning, match="degenerate"):
        model.fit(X, y)
    assert_allclose(model.predict(X), value, rtol=1e-12)


@pytest.mark.parametrize("noise", [0.0, 1e-9])
def test_rows_on_two_lines_are_told_apart(noise):
    X, y = _lines(noise)
    model = fit_watched(MixtureRegressor(random_state=0), X, y)
    assert_allclose(model.intercept_, [5, 1], rtol=1e-5)
    assert_allclose(model.coef_.ravel(), [-1, 2], rtol=1e-5)
    assert_allclose(model.weights_, [2 / 3, 1 / 3], rtol=1e-2)
    assert (model.scale_ < 0.1).all()


def test_a_collapsed_component_is_reported_and_not_hidden():
    X, y = rows_on_two_lines_and_noise()
    model = MixtureRegressor(3, random_state=0)
    with pytest.warns(ConvergenceWarning, match="degenerate"):
        model.fit(X, y)
    assert model.degenerate_
    assert len(model.weights_) == 3
    assert "fewer components, shared_scale=True, or more rows" in _message(model, X, y)


def _message(model, X, y):
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        model.fit(X, y)
    return str(record[0].message)


@pytest.mark.parametrize(
    "case",
    [small_columns, large_columns, unequal_columns, enormous_columns, tiny_columns],
    ids=lambda case: case.__name__,
)
def test_units_of_the_features_change_only_their_coefficients(case):
    X, y, *_ = separated(0)
    plain = _plain()
    scaled, _ = case()
    model = fit_watched(MixtureRegressor(random_state=0), scaled, y)
    assert model.converged_
    assert_allclose(model.log_likelihood_, plain.log_likelihood_, rtol=1e-10)
    assert_allclose(model.coef_ * (scaled[0] / X[0]), plain.coef_, rtol=1e-7)
    assert_allclose(model.intercept_, plain.intercept_, rtol=1e-7)
    assert_allclose(model.predict(scaled), plain.predict(X), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("unit", [1e-150, 1e-12, 1e12, 1e150])
def test_units_of_the_response_change_only_its_parameters(unit):
    X, y, *_ = separated(0)
    plain = _plain()
    model = fit_watched(MixtureRegressor(random_state=0), X, unit * y)
    assert model.converged_
    assert_allclose(model.coef_ / unit, plain.coef_, rtol=1e-7)
    assert_allclose(model.scale_ / unit, plain.scale_, rtol=1e-7)
    expected = plain.log_likelihood_ - len(y) * np.log(unit)
    assert_allclose(model.log_likelihood_, expected, rtol=1e-10)
    mean, std = model.predict(X, return_std=True)
    assert_allclose(mean / unit, plain.predict(X), rtol=1e-7, atol=1e-7)
    assert_allclose(std / unit, plain.predict(X, return_std=True)[1], rtol=1e-7)


def test_a_response_far_from_zero_loses_no_more_than_its_digits():
    X, y = y_far_from_zero()
    model = fit_watched(MixtureRegressor(random_state=0), X, y)
    near = MixtureRegressor(random_state=0).fit(X, y - 1e9)
    assert model.converged_
    assert_allclose(model.coef_, near.coef_, rtol=1e-6)
    assert_allclose(model.intercept_ - 1e9, near.intercept_, atol=1e-5)
    assert_allclose(model.scale_, near.scale_, rtol=1e-6)
    assert_allclose(model.log_likelihood_, near.log_likelihood_, rtol=1e-8)
    # Each prediction keeps the digits that a number of this size has.
    recomputed = model.log_likelihood(X, y)
    assert_allclose(recomputed, model.log_likelihood_, rtol=1e-5)


def test_features_far_from_zero_lose_no_more_than_their_digits():
    X, y = columns_far_from_zero()
    model = fit_watched(MixtureRegressor(random_state=0), X, y)
    near = MixtureRegressor(random_state=0).fit(X - 1e8, y)
    assert model.converged_
    assert_allclose(model.coef_, near.coef_, rtol=1e-6)
    assert_allclose(model.scale_, near.scale_, rtol=1e-6)
    assert_allclose(model.predict(X), near.predict(X - 1e8), atol=1e-5)


def test_a_constant_column_gets_no_coefficient():
    for case in (constant_column, zero_column, large_constant_column):
        X, y = case()
        model = MixtureRegressor(random_state=0).fit(X, y)
        plain = _plain()
        assert_array_equal(model.coef_[:, 2], 0)
        assert_allclose(model.coef_[:, :2], plain.coef_, rtol=1e-7)
        assert model.n_parameters_ == plain.n_parameters_


def test_a_single_constant_feature_gives_a_mixture_of_normals():
    X, y = only_a_constant_feature()
    model = fit_watched(MixtureRegressor(random_state=0), X, y)
    assert model.converged_
    assert_array_equal(model.coef_, 0)
    assert model.n_parameters_ == 1 + 2 + 2


def test_more_features_than_rows_are_fitted_without_error():
    X, y = more_features_than_rows()
    model = fit_watched(MixtureRegressor(random_state=0), X, y)
    assert model.degenerate_
    assert "as many coefficients as rows (20), or more" in _message(model, X, y)
    line = LinearRegression().fit(X, y)
    assert_allclose(model.predict(X), y, atol=1e-8)
    assert_allclose(model.coef_, np.tile(line.coef_, (2, 1)), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("option", OPTIONS)
def test_weights_that_are_mostly_zero_leave_the_other_rows(option):
    X, y, *_ = separated(0, n=400)
    weight = np.zeros(400)
    weight[::8] = 1.0
    model = MixtureRegressor(random_state=0, **OPTIONS[option])
    fit_watched(model, X, y, sample_weight=weight)
    assert_finite(model, X, y)
    reference = fit_watched(
        MixtureRegressor(random_state=0, **OPTIONS[option]),
        X[::8].copy(),
        y[::8].copy(),
    )
    assert_array_equal(model.coef_, reference.coef_)


@pytest.mark.parametrize("n_positive", [2, 3])
def test_weights_that_leave_a_row_or_two_are_fitted_or_explained(n_positive):
    X, y, *_ = separated(0)
    weight = np.zeros(len(y))
    weight[:n_positive] = 1.0
    model = MixtureRegressor(random_state=0)
    fit_watched(model, X, y, sample_weight=weight)
    assert_finite(model, X, y)
    assert model.degenerate_


def test_weights_of_very_different_size_are_obeyed():
    X, y, *_ = separated(0, n=200)
    weight = np.where(np.arange(200) < 100, 1.0, 1e-12)
    model = fit_watched(MixtureRegressor(random_state=0), X, y, sample_weight=weight)
    part = MixtureRegressor(random_state=0).fit(X[:100], y[:100])
    assert_finite(model, X, y)
    assert_allclose(model.coef_, part.coef_, rtol=1e-6)
    assert_allclose(model.scale_, part.scale_, rtol=1e-6)


@pytest.mark.parametrize("factor", [1e-300, 1e-12, 1e12, 1e18])
def test_weights_of_many_sizes_are_accepted(factor):
    X, y, *_ = separated(0)
    plain = _plain()
    weight = np.full(len(y), factor)
    model = fit_watched(MixtureRegressor(random_state=0), X, y, sample_weight=weight)
    assert_allclose(model.coef_, plain.coef_, rtol=1e-6)
    assert_allclose(model.scale_, plain.scale_, rtol=1e-6)


@pytest.mark.parametrize("dtype", [int, np.int8, np.uint8, bool, np.float32, object])
def test_any_numeric_type_is_the_number_it_shows(dtype):
    rng = _rng()
    X = rng.integers(0, 2, size=(90, 2))
    y = 3 * X[:, 0] + 20 * (np.arange(90) % 2) + rng.integers(0, 3, size=90)
    short = {"n_init": 1, "random_state": 0}
    plain = MixtureRegressor(**short).fit(X.astype(float), y.astype(float))
    model = MixtureRegressor(**short).fit(X.astype(dtype), y)
    assert_allclose(model.coef_, plain.coef_, rtol=1e-12)
    typed = y.astype(np.int64 if dtype is bool else dtype)
    again = MixtureRegressor(**short).fit(X.astype(dtype), typed)
    assert_allclose(again.coef_, plain.coef_, rtol=1e-12)


@pytest.mark.parametrize("order", ["C", "F", "strided", "reversed", "read-only"])
def test_the_layout_in_memory_does_not_matter(order):
    X, y, *_ = separated(0)
    plain = _plain()
    if order in "CF":
        other = np.array(X, order=order)
    elif order == "strided":
        other = np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)[::2, ::3]
    elif order == "reversed":
        other = X[::-1].copy()[::-1]
    else:
        other = X.copy()
        other.setflags(write=False)
    model = MixtureRegressor(random_state=0).fit(other, y)
    assert_allclose(model.coef_, plain.coef_, rtol=1e-10)


# Refused in scikit-learn's own words -------------------------------------------


def _spoiled(where, value):
    X, y, *_ = separated(0, n=40)
    parts = {"X": X, "y": y, "sample_weight": np.ones(40), "offset": np.zeros(40)}
    parts[where] = parts[where].copy()
    parts[where][3] = value
    return parts


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["X", "y", "sample_weight", "offset"])
def test_missing_and_infinite_values_are_refused(where, value):
    cause = "contains NaN" if np.isnan(value) else "contains infinity"
    with pytest.raises(ValueError, match=f"(?i)(input )?{where} {cause}"):
        MixtureRegressor().fit(**_spoiled(where, value))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"X": np.ones(40)}, ValueError, "Expected 2D array, got 1D array"),
        ({"X": np.ones((4, 5, 2))}, ValueError, "dim 3|expected <= 2"),
        ({"X": np.ones((39, 2))}, ValueError, "inconsistent numbers of samples"),
        ({"X": np.ones((40, 0))}, ValueError, r"0 feature\(s\)"),
        ({"X": np.ones((0, 2))}, ValueError, r"0 sample\(s\)"),
        (
            {"X": np.full((40, 2), "a")},
            ValueError,
            "X has words in column 0, such as 'a'",
        ),
        ({"X": np.ones((40, 2)) * 1j}, ValueError, "Complex data not supported"),
        ({"y": np.ones((40, 2))}, ValueError, r"y should be a 1d array"),
        ({"y": np.ones(39)}, ValueError, "inconsistent numbers of samples"),
        ({"y": np.full(40, "a")}, ValueError, "could not convert string to float"),
        ({"y": None}, ValueError, "requires y to be passed"),
        ({"y": 3.0}, (TypeError, ValueError), "y should be a 1d array|scalar"),
        ({"sample_weight": -np.ones(40)}, ValueError, "[Nn]egative"),
        ({"sample_weight": np.zeros(40)}, ValueError, "(?i)sample.?weight.*zero"),
        ({"sample_weight": np.ones(39)}, ValueError, "sample_weight.shape"),
        (
            {"sample_weight": np.ones((40, 1))},
            ValueError,
            "[Ss]ample weights must be 1D",
        ),
        ({"offset": np.ones(39)}, ValueError, r"offset has shape \(39,\)"),
        ({"offset": np.ones((40, 1))}, ValueError, r"offset has shape \(40, 1\)"),
        ({"offset": 1.0}, ValueError, "offset"),
        ({"offset": ["a"] * 40}, ValueError, "could not convert string to float"),
    ],
)
def test_input_of_the_wrong_kind_is_refused(arguments, error, message):
    X, y, *_ = separated(0, n=40)
    with pytest.raises(error, match=message):
        MixtureRegressor().fit(**({"X": X, "y": y} | arguments))


@pytest.mark.parametrize("kind", ["array", "strings", "categories"])
def test_words_in_a_column_are_named_with_the_encoder_to_use(kind):
    X, y, *_ = separated(0, n=40)
    color = np.where(np.arange(40) < 39, "2.5", "blue").astype(object)
    words = pd.DataFrame({"size": X[:, 0], "color": color})
    if kind == "categories":
        words = words.astype({"color": "category"})
    name, plain = "color", words.assign(color=1.0)
    if kind == "array":
        words, plain, name = words.to_numpy(), X, 1
    message = f"X has words in column {name!r}, such as 'blue': .*OneHotEncoder"
    with pytest.raises(ValueError, match=message):
        MixtureRegressor().fit(words, y)
    model = MixtureRegressor(random_state=0).fit(plain, y)
    for method in (model.predict, lambda X: model.bic(X, y)):
        with pytest.raises(ValueError, match=message):
            method(words)


COUNTS = ("n_components", "n_init", "tol", "max_iter")


@pytest.mark.parametrize("name", COUNTS)
def test_true_is_no_number(name):
    X, y, *_ = separated(0, n=40)
    with pytest.raises(ValueError, match=f"'{name}' parameter .* Got True instead"):
        MixtureRegressor(**{name: True}).fit(X, y)
    for numbers in (True, [1, True]):
        with pytest.raises(ValueError, match=r"n_components.*True"):
            MixtureRegressorIC(numbers).fit(X, y)


# Magnitudes ---------------------------------------------------------------------


def _fit_or_reason(X, y, fit_arguments, **options):
    """A fit without a warning of numpy, or the ValueError that names an argument."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            warnings.simplefilter("ignore", ConvergenceWarning)
            return MixtureRegressor(random_state=0, **options).fit(
                X, y, **fit_arguments
            )
    except ValueError as error:
        return str(error)


def _at_most_one():
    X, y, *_ = separated(0, n=60, d=1)
    return X / np.abs(X).max(), y / np.abs(y).max()


@cache
def _of_size_one():
    return MixtureRegressor(random_state=0).fit(*_at_most_one())


@many
@given(
    exponent=st.integers(-307, 307),
    of=st.sampled_from(["X", "y", "sample_weight", "offset", "held"]),
)
def test_numbers_of_any_magnitude_are_fitted_or_named(exponent, of):
    X, y = _at_most_one()
    size = 10.0**exponent
    data = {"X": X, "y": y, "sample_weight": np.ones(60)}
    data["offset"] = np.full(60, float(of == "offset"))
    options = {"held_coef": {"intercept": [size, None]}} if of == "held" else {}
    if of != "held":
        data[of] = data[of] * size
    others = {name: data[name] for name in ("sample_weight", "offset")}
    found = _fit_or_reason(data["X"], data["y"], others, **options)
    if isinstance(found, str):
        name = {"held": "held_coef", "offset": "the offset"}.get(of, of)
        assert re.match(
            rf"{name}.* (reaches|is at most) \S+e[+-]\d+, and numbers", found
        )
        assert abs(exponent) > 11
    elif of != "held":
        unit = {"y": size, "X": 1 / size}.get(of, 1.0)
        slopes, expected = (np.sort(m.coef_.ravel()) for m in (found, _of_size_one()))
        assert_allclose(slopes / unit, expected, rtol=1e-3)


@pytest.mark.parametrize("family", ["gamma", "inverse_gaussian", "poisson"])
@pytest.mark.parametrize("size", [1e30, 1e200])
def test_responses_too_large_for_their_family_are_named(family, size):
    X, y, *_ = separated(0)
    with pytest.raises(ValueError, match=r"^y reaches \S+e\+"):
        MixtureRegressor(2, family=family).fit(X, np.floor(np.exp(y / 5) * size))


@pytest.mark.parametrize("bound", [0.0, 1.0])
def test_shares_at_their_bounds_name_the_remedy(bound):
    X, y, *_ = separated(0)
    share = 1 / (1 + np.exp(-y / 4))
    share[3] = bound
    with pytest.raises(ValueError, match=r"\(y \* \(n - 1\) \+ 0\.5\) / n"):
        MixtureRegressor(2, family="beta").fit(X, share)
    n = len(y)
    model = MixtureRegressor(2, family="beta", n_init=1, random_state=0)
    assert np.isfinite(model.fit(X, (share * (n - 1) + 0.5) / n).log_likelihood_)
    with pytest.raises(
        ValueError, match=r"the beta family needs 0 < y < 1; got max 1\.5"
    ):
        MixtureRegressor(2, family="beta").fit(X, np.append(1 - share[:-1] / 2, 1.5))


def test_one_sample_is_refused():
    with pytest.raises(ValueError, match=r"1 sample\(s\).*minimum of 2 is required"):
        MixtureRegressor().fit([[1.0, 2.0]], [1.0])


def test_a_column_vector_is_taken_for_the_response_with_a_warning():
    X, y, *_ = separated(0)
    plain = _plain()
    from sklearn.exceptions import DataConversionWarning

    with pytest.warns(DataConversionWarning, match="column-vector y was passed"):
        model = MixtureRegressor(random_state=0).fit(X, y[:, None])
    assert_array_equal(model.coef_, plain.coef_)


def test_a_single_weight_counts_every_row():
    X, y, *_ = separated(0)
    plain = _plain()
    model = MixtureRegressor(random_state=0).fit(X, y, sample_weight=2.0)
    assert_allclose(model.coef_, plain.coef_, rtol=1e-7)
    assert_allclose(model.log_likelihood_, 2 * plain.log_likelihood_, rtol=1e-9)


METHODS = ["predict_membership", "log_likelihood", "aic", "bic", "icl"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"X": np.ones((40, 3))},
            "X has 3 features, but MixtureRegressor is expecting 2",
        ),
        ({"X": np.full((40, 2), np.nan)}, "Input X contains NaN"),
        ({"X": np.ones(40)}, "Expected 2D array, got 1D array"),
        ({"y": np.full(40, np.nan)}, "Input y contains NaN"),
        ({"y": np.ones(39)}, "inconsistent numbers of samples"),
        ({"y": np.ones((40, 2))}, "y should be a 1d array"),
        ({"offset": np.ones(39)}, r"offset has shape \(39,\)"),
    ],
)
def test_methods_refuse_what_fit_refuses(method, arguments, message):
    X, y, *_ = separated(0, n=40)
    model = _plain(n=40)
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(**({"X": X, "y": y} | arguments))


@pytest.mark.parametrize("method", ["log_likelihood", "aic", "bic", "icl"])
def test_criteria_check_their_weights(method):
    X, y, *_ = separated(0, n=40)
    model = _plain(n=40)
    for weight, message in ((-np.ones(40), "[Nn]egative"), (np.ones(39), "shape")):
        with pytest.raises(ValueError, match=message):
            getattr(model, method)(X, y, weight)


@pytest.mark.parametrize("method", ["predict", "predict_components", "sample"])
def test_predictions_refuse_what_fit_refuses(method):
    X, *_ = separated(0, n=40)
    call = getattr(_plain(n=40), method)
    for bad, message in (
        (np.ones((40, 3)), "X has 3 features, but MixtureRegressor is expecting 2"),
        (np.full((40, 2), np.inf), "Input X contains infinity"),
        (X[0], "Expected 2D array, got 1D array"),
    ):
        with pytest.raises(ValueError, match=message):
            call(bad)
    with pytest.raises(ValueError, match=r"offset has shape \(2,\)"):
        call(X, offset=[1.0, 2.0])


def test_one_row_can_be_predicted():
    X, y = two_lines()
    model = MixtureRegressor(random_state=0).fit(X, y)
    assert model.predict([[1.0]]).shape == (1,)
    assert model.predict_proba([[1.0]], [2.0]).shape == (1, 2)
    assert model.sample([[1.0]], random_state=0)[0].shape == (1,)
    assert np.isfinite(model.log_likelihood([[1.0]], [2.0]))


def test_a_failed_fit_leaves_no_half_fitted_model():
    X, y, *_ = separated(0)
    model = MixtureRegressor(random_state=0)
    with pytest.raises(ValueError, match="contains NaN"):
        model.fit(np.where(X > 2, np.nan, X), y)
    assert not hasattr(model, "coef_")


@pytest.mark.parametrize("link", ["logit", "probit", "cloglog"])
def test_a_feature_that_separates_successes_is_no_proven_maximum(link):
    x = np.random.default_rng(0).normal(size=(200, 1))
    y = (x[:, 0] > 0).astype(int)
    with pytest.warns(ConvergenceWarning, match="grow without limit"):
        model = MixtureRegressor(1, family=Binomial(link=link)).fit(x, y)
    assert not model.converged_
    assert model.log_likelihood_ > -1e-3
    with pytest.raises(ValueError, match="grow without limit"):
        inference(model, x, y)


def test_a_component_of_zeros_is_no_proven_maximum_unless_it_is_held():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 1))
    y = np.where(rng.random(300) < 0.4, 0, rng.poisson(np.exp(2 + 0.5 * X[:, 0])))
    with pytest.warns(ConvergenceWarning, match="Hold them"):
        free = MixtureRegressor(2, family="poisson", random_state=0).fit(X, y)
    assert not free.converged_
    held = {"intercept": [-30, None], 0: [0, None]}
    model = MixtureRegressor(2, family="poisson", held_coef=held, random_state=0)
    assert model.fit(X, y).converged_
    assert abs(model.log_likelihood_ - free.log_likelihood_) < 0.1


def test_rare_events_are_a_proven_maximum():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 1))
    y = rng.poisson(np.exp(-6 + 0.5 * X[:, 0]))
    assert 10 < y.sum() < 100
    assert MixtureRegressor(1, family="poisson").fit(X, y).converged_
