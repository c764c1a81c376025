"""The data sets say what they are, and made mixtures are what was asked for."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.datasets import (
    load_nodata,
    load_tone,
    load_two_lines,
    make_mixture_regression,
)

LOADERS = [load_two_lines, load_tone, load_nodata]


@pytest.mark.parametrize("load", LOADERS)
def test_data_set_has_all_its_parts(load):
    data = load()
    n = len(data.target)
    assert data.data.shape == (n, len(data.feature_names)) == (n, 1)
    assert np.isfinite(data.data).all()
    assert np.isfinite(data.target).all()
    assert data.frame is None
    assert "Source:" in data.DESCR


@pytest.mark.parametrize("load", LOADERS)
def test_frame_holds_the_same_numbers(load):
    plain, framed = load(), load(as_frame=True)
    assert list(framed.data.columns) == plain.feature_names
    assert framed.target.name == plain.target_name
    assert_array_equal(framed.data, plain.data)
    assert_array_equal(framed.target, plain.target)
    assert_array_equal(framed.frame[plain.target_name], plain.target)


@pytest.mark.parametrize("load", LOADERS)
def test_return_X_y_gives_the_two_arrays(load):
    X, y = load(return_X_y=True)
    data = load()
    assert_array_equal(X, data.data)
    assert_array_equal(y, data.target)


@pytest.mark.parametrize(
    ("load", "n", "X_mean", "y_mean"),
    [
        # Means computed by awk from the files of the source.
        (load_two_lines, 200, 5.158520, 11.685440),
        (load_tone, 150, 2.165200, 2.072213),
        (load_nodata, 88, 1.957375, 0.926477),
    ],
)
def test_numbers_are_those_of_the_source(load, n, X_mean, y_mean):
    X, y = load(return_X_y=True)
    assert len(y) == n
    assert_allclose([X.mean(), y.mean()], [X_mean, y_mean], rtol=1e-6)


def test_two_lines_keep_the_true_component():
    data = load_two_lines()
    for k, (intercept, slope, scale) in enumerate([(10, 3, 2), (3, -1, 0.25)]):
        rows = data.component == k
        assert rows.sum() == 100
        residual = data.target[rows] - intercept - slope * data.data[rows, 0]
        assert 0.7 * scale < np.sqrt(np.mean(residual**2)) < 1.3 * scale


def test_a_changed_copy_leaves_the_data_set_alone():
    load_tone().data[:] = 0
    assert load_tone().data.min() > 0


def test_made_rows_lie_on_their_regressions():
    X, y, component, params = make_mixture_regression(
        50, 3, n_components=4, scale=0, random_state=0, return_params=True
    )
    mean = params["intercept"][component] + np.sum(X * params["coef"][component], 1)
    assert_allclose(y, mean, rtol=1e-12)
    assert params["coef"].shape == (4, 3)
    assert_array_equal(params["weights"], np.full(4, 0.25))


def test_made_rows_have_the_shares_and_scales_asked_for():
    X, y, component = make_mixture_regression(
        20_000,
        n_components=2,
        weights=[3, 1],
        coef=[[1], [2]],
        intercept=[0, 5],
        scale=[0.5, 2],
        random_state=0,
    )
    share = (component == 0).mean()
    assert abs(share - 0.75) < 0.02
    residual = y - np.array([0, 5])[component] - X[:, 0] * np.array([1, 2])[component]
    for k, scale in enumerate([0.5, 2]):
        assert abs(residual[component == k].std() / scale - 1) < 0.05
    assert abs(X.mean()) < 0.03
    assert abs(X.std() - 1) < 0.03


def test_random_state_determines_what_is_made():
    ours = make_mixture_regression(random_state=1)
    same = make_mixture_regression(random_state=np.random.RandomState(1))
    other = make_mixture_regression(random_state=2)
    for a, b, c in zip(ours, same, other, strict=True):
        assert_array_equal(a, b)
        assert not np.array_equal(a, c)


def test_true_parameters_are_a_start():
    X, y, _, params = make_mixture_regression(random_state=0, return_params=True)
    model = MixtureRegressor(2, init=params).fit(X, y)
    order = np.argsort(model.intercept_)
    truth = np.argsort(params["intercept"])
    assert_allclose(model.coef_[order], params["coef"][truth], atol=0.1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"coef": [[1.0]]}, r"coef has shape \(1, 1\).*must have shape \(2, 1\)"),
        ({"intercept": [1, 2, 3]}, "intercept has shape"),
        ({"scale": [1, -1]}, "scale must not be negative"),
        ({"scale": -1}, "scale"),
        ({"weights": [1, 0]}, "weights must be positive"),
        ({"n_components": 0}, "n_components"),
    ],
)
def test_impossible_requests_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        make_mixture_regression(**wrong)
