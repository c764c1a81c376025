"""Memberships, estimates, residuals and searches are drawn as they are."""

import sys

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose
from outside_families import FreeStudentT
from scipy import stats
from support import counts_with_offset, two_lines

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.inference import inference
from mixreg_sklearn.plotting import (
    CoefficientDisplay,
    MixtureRegressionDisplay,
    QuantileResidualDisplay,
    RootogramDisplay,
    SearchDisplay,
)
from mixreg_sklearn.residuals import quantile_residuals


@pytest.fixture(scope="module")
def data():
    return two_lines(n=90)


@pytest.fixture(scope="module")
def model(data):
    return MixtureRegressor(random_state=0).fit(*data)


def heights(bars):
    return np.array([bar.get_height() for bar in bars])


def test_squares_of_a_rootogram_count_the_rows_that_are_not_left_out(data, model):
    display = RootogramDisplay.from_estimator(model, *data, eps=0.01)
    members = model.predict_proba(*data)
    for k, bars in enumerate(display.bars_):
        kept = members[:, k][members[:, k] >= 0.01]
        theirs, _ = np.histogram(kept, bins=20, range=(0, 1))
        assert_allclose(heights(bars) ** 2, theirs)


def test_a_rootogram_counts_groups_once():
    X, y, _ = counts_with_offset()
    groups = np.repeat(np.arange(50), 4)
    model = MixtureRegressor(family="poisson", random_state=0)
    model.fit(X, y, groups=groups)
    display = RootogramDisplay.from_estimator(model, X, y, groups=groups, eps=0)
    for bars in display.bars_:
        assert_allclose((heights(bars) ** 2).sum(), 50)
    assert "groups" in display.axes_[0].get_ylabel()


def test_coefficients_are_drawn_with_their_intervals(data, model):
    result = inference(model, *data)
    display = CoefficientDisplay.from_inference(result, level=0.8)
    assert [ax.get_title() for ax in display.axes_] == [
        "intercept",
        "x0",
        "scale",
        "share",
    ]
    frame = dict(zip(result.names, result.conf_int(0.8), strict=True))
    for ax in display.axes_:
        for k in range(2):
            bar, point = [line for line in ax.lines if np.all(line.get_ydata() == k)]
            name = f"component {k}: {ax.get_title()}"
            assert_allclose(bar.get_xdata(), frame[name])
            assert_allclose(point.get_xdata(), result.params[result.names.index(name)])


def test_what_is_held_is_drawn_without_an_interval(data):
    held = {0: [1.0, None]}
    model = MixtureRegressor(held_coef=held, random_state=0).fit(*data)
    display = CoefficientDisplay.from_estimator(model, *data, labels=["x0"])
    (ax,) = display.axes_
    first = [line for line in ax.lines if np.all(line.get_ydata() == 0)]
    assert [line.get_xdata().tolist() for line in first] == [[1.0]]
    with pytest.raises(ValueError, match="labels"):
        CoefficientDisplay.from_estimator(model, *data, labels=["x9"])


def test_a_line_at_zero_is_for_coefficients_only(data):
    model = MixtureRegressor(1, family=FreeStudentT()).fit(*data)
    display = CoefficientDisplay.from_estimator(model, *data)
    titles = [ax.get_title() for ax in display.axes_]
    assert titles == ["intercept", "x0", "scale", "df"]
    signed = [ax for ax in display.axes_ if ax.lines[0].get_linestyle() == ":"]
    assert signed == list(display.axes_[:2])


def test_quantile_residuals_are_drawn_against_normal_quantiles_and_means(data, model):
    display = QuantileResidualDisplay.from_estimator(model, *data, random_state=1)
    residuals = quantile_residuals(model, *data, random_state=1)
    left, right = display.axes_
    points = left.collections[-1].get_offsets()
    assert_allclose(points[:, 1], np.sort(residuals))
    n = len(residuals)
    assert_allclose(stats.norm.cdf(points[:, 0]), (np.arange(n) + 0.5) / n)
    points = right.collections[-1].get_offsets()
    assert_allclose(points, np.c_[model.predict(data[0]), residuals])


def test_the_band_of_ordered_residuals_holds_each_with_its_probability():
    rng = np.random.default_rng(0)
    draws = np.sort(rng.standard_normal((2000, 20)), axis=1)
    display = QuantileResidualDisplay(
        residuals=draws[0], predictions=draws[0], level=0.8
    ).plot()
    band = display.axes_[0].collections[0].get_paths()[0].vertices
    for i in (0, 9, 19):
        at = stats.norm.ppf((i + 0.5) / 20)
        low, high = np.sort(np.unique(band[np.isclose(band[:, 0], at), 1]))[[0, -1]]
        inside = (draws[:, i] > low) & (draws[:, i] < high)
        assert abs(inside.mean() - 0.8) < 0.04


def test_every_path_of_the_search_is_drawn_as_distance_from_the_best(data, model):
    display = SearchDisplay.from_estimator(model)
    record = model.search_
    best = record["optima"][0]["log_likelihood"]
    assert len(display.lines_) == len(record["paths"])
    for line, path in zip(display.lines_, record["paths"], strict=True):
        below = np.maximum(best - np.array(path["log_likelihood"]), 0.05)
        assert_allclose(line.get_ydata(), below)
        assert line.get_xdata()[0] == path["first_iteration"]
    with pytest.raises(ValueError, match="no search"):
        SearchDisplay.from_estimator(MixtureRegressor(1).fit(*data))


def test_nothing_speaks_of_scales_where_components_have_none():
    X, y, _ = counts_with_offset()
    model = MixtureRegressor(family="poisson", random_state=0).fit(X, y)
    display = SearchDisplay.from_estimator(model)
    names = {line.get_label() for line in display.lines_}
    found = {arm for optimum in model.search_["optima"] for arm in optimum["arms"]}
    assert names == {"arm 1", "arm 2", "arm 3", "robust"}
    assert found <= names | {"exchange"}
    texts = {text.get_text() for text in display.ax_.get_legend().get_texts()}
    assert texts == names


def test_panels_share_one_axes_or_take_as_many_as_they_need(data, model):
    figure, (left, right) = plt.subplots(1, 2)
    display = RootogramDisplay.from_estimator(model, *data, ax=right)
    assert display.figure_ is figure
    assert right not in figure.axes
    box = left.get_position()
    assert all(ax.get_position().x0 > box.x1 for ax in display.axes_)
    _, axes = plt.subplots(2, 1)
    display = RootogramDisplay.from_estimator(model, *data, ax=axes)
    assert list(display.axes_) == list(axes)
    with pytest.raises(ValueError, match="it must have 2"):
        RootogramDisplay.from_estimator(model, *data, ax=[axes[0]])
    with pytest.raises(ValueError, match="cannot be divided"):
        RootogramDisplay.from_estimator(model, *data, ax=figure.add_axes((0, 0, 1, 1)))


def test_without_matplotlib_it_says_what_to_install(data, model, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="matplotlib"):
        MixtureRegressionDisplay.from_estimator(model, *data)


def test_names_of_components_label_the_panels(data, model):
    names = ["light", "heavy"]
    display = RootogramDisplay.from_estimator(model, *data, component_names=names)
    assert [ax.get_title() for ax in display.axes_] == names
    display = CoefficientDisplay.from_estimator(model, *data, component_names=names)
    assert [t.get_text() for t in display.axes_[0].get_yticklabels()] == names
    result = inference(model, *data, component_names=names)
    again = CoefficientDisplay.from_inference(result, labels=["x0"])
    assert [t.get_text() for t in again.axes_[0].get_yticklabels()] == names
    with pytest.raises(ValueError, match="component_names"):
        RootogramDisplay.from_estimator(model, *data, component_names=["light"])
