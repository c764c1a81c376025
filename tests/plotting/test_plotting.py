"""The picture shows rows, lines and bands, and says which is which."""

import sys

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from numpy.testing import assert_allclose, assert_array_equal
from outside_families import FreeStudentT
from scipy import stats
from support import separated, two_lines

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn.inference import inference
from mixreg_sklearn.plotting import (
    CoefficientDisplay,
    CriterionDisplay,
    MixtureRegressionDisplay,
    QuantileResidualDisplay,
    RootogramDisplay,
    SearchDisplay,
)
from mixreg_sklearn.residuals import quantile_residuals


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def data():
    return two_lines(n=90)


@pytest.fixture(scope="module")
def model(data):
    return MixtureRegressor(random_state=0).fit(*data)


def counts():
    rng = np.random.default_rng(0)
    X, offset = rng.uniform(0, 3, (200, 1)), rng.normal(size=200)
    second = np.repeat(rng.random(50) < 0.4, 4)
    eta = np.where(second, 0.2 + 0.8 * X[:, 0], 2 - 0.3 * X[:, 0]) + offset
    return X, rng.poisson(np.exp(eta)), offset


def test_lines_are_the_regressions(data, model):
    display = MixtureRegressionDisplay.from_estimator(model, *data)
    assert len(display.lines_) == 2
    for k, line in enumerate(display.lines_):
        x, y = line.get_data()
        assert_allclose(y, model.intercept_[k] + model.coef_[k, 0] * x)
        assert (x[0], x[-1]) == (data[0].min(), data[0].max())


def test_bands_hold_the_central_part_of_each_component(data, model):
    display = MixtureRegressionDisplay.from_estimator(model, *data, level=0.9)
    for k, band in enumerate(display.bands_):
        y = band.get_paths()[0].vertices[:, 1]
        half = stats.norm.ppf(0.95) * model.scale_[k]
        assert_allclose(y.max(), (display.means[:, k] + half).max())
        assert_allclose(display.lower[:, k], display.means[:, k] - half)


def test_bands_of_counts_are_quantiles_at_the_mean_offset():
    X, y, offset = counts()
    model = MixtureRegressor(family="poisson", random_state=0)
    model.fit(X, y, offset=offset)
    display = MixtureRegressionDisplay.from_estimator(model, X, y, offset=offset)
    eta = model.intercept_ + display.grid[:, None] * model.coef_[:, 0] + offset.mean()
    assert_allclose(display.means, np.exp(eta))
    assert_array_equal(display.lower, stats.poisson.ppf(0.025, np.exp(eta)))
    assert_array_equal(display.upper, stats.poisson.ppf(0.975, np.exp(eta)))
    theirs = model.predict_proba(X, y, offset=offset)
    assert_array_equal(display.probabilities, theirs)


def test_rows_of_a_group_have_the_color_of_the_group():
    X, y, _ = counts()
    groups = np.repeat(np.arange(len(y) // 4), 4)
    model = MixtureRegressor(family="poisson", random_state=0)
    model.fit(X, y, groups=groups)
    display = MixtureRegressionDisplay.from_estimator(model, X, y, groups=groups)
    for rows in np.split(display.scatter_.get_facecolors(), len(y) // 4):
        assert_array_equal(rows, rows[[0, 0, 0, 0]])


def test_rows_have_the_color_of_their_component_and_fade_in_doubt(data, model):
    X, y = data
    display = MixtureRegressionDisplay.from_estimator(model, X, y)
    colors = display.scatter_.get_facecolors()
    assert_array_equal(display.scatter_.get_offsets(), np.c_[X, y])
    membership = model.predict_membership(X, y)
    for k, line in enumerate(display.lines_):
        assert_allclose(
            colors[membership == k, :3],
            [to_rgb(line.get_color())] * sum(membership == k),
        )
    certainty = model.predict_proba(X, y).max(axis=1)
    assert_array_equal(np.argsort(colors[:, 3]), np.argsort(certainty))
    assert colors[:, 3].min() > 0.15


def test_legend_tells_the_shares(data, model):
    display = MixtureRegressionDisplay.from_estimator(model, *data)
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    shares = [f"{100 * weight:.0f} %" for weight in model.weights_]
    assert texts == [f"component {k}: {share}" for k, share in enumerate(shares)]


def test_labels_are_the_names_of_the_frame(data):
    X, y = data
    X = pd.DataFrame({"a": X[:, 0], "b": np.cos(X[:, 0])})
    y = pd.Series(y, name="price")
    model = MixtureRegressor(random_state=0).fit(X, y)
    for feature in ("b", 1, -1):
        display = MixtureRegressionDisplay.from_estimator(model, X, y, feature=feature)
        assert display.ax_.get_xlabel() == "b"
        assert display.ax_.get_ylabel() == "price"
        assert_array_equal(display.x, X["b"])
    display = MixtureRegressionDisplay.from_estimator(model, X, y, target_name="Euro")
    assert display.ax_.get_ylabel() == "Euro"


def test_other_features_are_held_at_their_mean():
    sample = separated(0, d=3)
    model = MixtureRegressor(random_state=0).fit(sample.X, sample.y)
    display = MixtureRegressionDisplay.from_estimator(
        model, sample.X, sample.y, feature=2
    )
    at = sample.X.mean(axis=0)
    at[2] = sample.X[:, 2].min()
    assert_allclose(display.means[0], model.predict_components([at])[0])
    assert display.ax_.get_xlabel() == "x2"


def test_a_chosen_mixture_is_drawn_like_the_mixture(data, model):
    chosen = MixtureRegressorIC((1, 2), random_state=0).fit(*data)
    ours = MixtureRegressionDisplay.from_estimator(chosen, *data)
    theirs = MixtureRegressionDisplay.from_estimator(model, *data)
    assert_array_equal(ours.means, theirs.means)


def test_one_component_and_many_are_drawn(data):
    single = MixtureRegressor(1).fit(*data)
    display = MixtureRegressionDisplay.from_estimator(single, *data)
    assert len(display.lines_) == 1
    K = 9  # more than there are colors
    crowd = MixtureRegressionDisplay(
        x=data[0][:, 0],
        y=data[1],
        probabilities=np.eye(K)[np.arange(len(data[1])) % K],
        grid=np.array([0.0, 1.0]),
        means=np.tile(np.arange(K), (2, 1)),
        lower=np.tile(np.arange(K) - 1, (2, 1)),
        upper=np.tile(np.arange(K) + 1, (2, 1)),
        weights=np.full(K, 1 / K),
    ).plot()
    assert len(crowd.lines_) == K


def test_it_draws_in_the_axes_given_and_in_the_style_asked_for(data, model):
    figure, (left, right) = plt.subplots(1, 2)
    display = MixtureRegressionDisplay.from_estimator(
        model,
        *data,
        ax=right,
        scatter_kwargs={"s": 5},
        line_kwargs={"linestyle": "--"},
        band_kwargs={"alpha": 0.5},
    )
    assert display.ax_ is right
    assert display.figure_ is figure
    assert not left.has_data()
    assert display.scatter_.get_sizes().tolist() == [5]
    assert display.lines_[0].get_linestyle() == "--"
    assert display.bands_[0].get_alpha() == 0.5
    assert display.plot(left) is display
    assert display.ax_ is left


@pytest.mark.parametrize("wrong", [1, -2, "height"])
def test_unknown_features_are_refused(data, model, wrong):
    with pytest.raises(ValueError, match="feature="):
        MixtureRegressionDisplay.from_estimator(model, *data, feature=wrong)


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
    X, y, _ = counts()
    groups = np.repeat(np.arange(50), 4)
    model = MixtureRegressor(family="poisson", random_state=0)
    model.fit(X, y, groups=groups)
    display = RootogramDisplay.from_estimator(model, X, y, groups=groups, eps=0)
    for bars in display.bars_:
        assert_allclose((heights(bars) ** 2).sum(), 50)
    assert "groups" in display.axes_[0].get_ylabel()


def test_criteria_are_half_differences_from_their_lowest_which_is_marked(data):
    model = MixtureRegressorIC((1, 2, 3), random_state=0).fit(*data)
    display = CriterionDisplay.from_estimator(model, criteria=["bic", "aic"])
    for name, line in zip(("bic", "aic"), display.lines_, strict=True):
        values = model.table_[name]
        assert_allclose(line.get_xdata(), [1, 2, 3])
        assert_allclose(line.get_ydata(), (values - values.min()) / 2)
    marked = [mark.get_xdata()[0] for mark in display.lowest_]
    assert marked == [1 + model.table_[name].argmin() for name in ("bic", "aic")]


def test_templates_have_lines_of_their_own(data):
    templates = {
        "own": MixtureRegressor(),
        "common": MixtureRegressor(shared_scale=True),
    }
    model = MixtureRegressorIC((1, 2), estimator=templates, random_state=0).fit(*data)
    display = CriterionDisplay.from_estimator(model, criteria="bic")
    assert [line.get_label() for line in display.lines_] == ["BIC, own", "BIC, common"]
    drawn = np.concatenate([line.get_ydata() for line in display.lines_])
    assert drawn.min() == 0
    with pytest.raises(ValueError, match="criteria"):
        CriterionDisplay.from_estimator(model, criteria="dic")
    with pytest.raises(TypeError, match="MixtureRegressorIC"):
        CriterionDisplay.from_estimator(MixtureRegressor(1).fit(*data))


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
