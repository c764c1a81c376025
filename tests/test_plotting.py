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
from support import separated, two_lines

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn.plotting import MixtureRegressionDisplay


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


def test_lines_are_the_regressions(data, model):
    display = MixtureRegressionDisplay.from_estimator(model, *data)
    assert len(display.lines_) == 2
    for k, line in enumerate(display.lines_):
        x, y = line.get_data()
        assert_allclose(y, model.intercept_[k] + model.coef_[k, 0] * x)
        assert (x[0], x[-1]) == (data[0].min(), data[0].max())


def test_bands_are_two_standard_deviations(data, model):
    display = MixtureRegressionDisplay.from_estimator(model, *data)
    for k, (band, line) in enumerate(zip(display.bands_, display.lines_, strict=True)):
        y = band.get_paths()[0].vertices[:, 1]
        expected = line.get_ydata().max() + 2 * model.scale_[k]
        assert_allclose(y.max(), expected)


def test_rows_have_the_colour_of_their_component_and_fade_in_doubt(data, model):
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
    assert texts == [f"component {k + 1}: {share}" for k, share in enumerate(shares)]


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
    K = 9  # more than there are colours
    crowd = MixtureRegressionDisplay(
        x=data[0][:, 0],
        y=data[1],
        probabilities=np.eye(K)[np.arange(len(data[1])) % K],
        grid=np.array([0.0, 1.0]),
        means=np.tile(np.arange(K), (2, 1)),
        scale=np.ones(K),
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


def test_without_matplotlib_it_says_what_to_install(data, model, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match="matplotlib"):
        MixtureRegressionDisplay.from_estimator(model, *data)
