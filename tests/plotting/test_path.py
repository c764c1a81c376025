"""Paths of penalties are drawn: coefficients, and the criterion along them."""

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse import csr_array
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn.plotting import CoefficientPathDisplay, CriterionDisplay
from mixreg_sklearn.plotting._path import _orders

NAMES = [f"x{j}" for j in range(6)]


@pytest.fixture(scope="module")
def data():
    """Rows of two components, with slopes in x0 and x1; x2 has another unit."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 6)) * [1, 1, 100, 1, 1, 1]
    first = rng.random(90) < 0.6
    y = np.where(first, 4 + 3 * X[:, 0], -4 - 2 * X[:, 1]) + rng.normal(size=90)
    return X, y


@pytest.fixture(scope="module")
def selection(data):
    settings = {"alphas": 6, "l1_ratio": 1.0, "n_init": 2}
    return MixtureRegressorIC((1, 2), random_state=0, **settings).fit(*data)


def test_lines_are_the_coefficients_of_the_path_that_was_chosen(selection):
    display = CoefficientPathDisplay.from_estimator(selection)
    rows = np.flatnonzero(selection.table_["n_components"] == 2)
    assert selection.best_index_ == rows[display.chosen]
    assert_allclose(display.coef[display.chosen], selection.coef_)
    for k, lines in enumerate(display.lines_):
        for name, line in lines.items():
            assert_allclose(line.get_xdata(), selection.table_["alpha"][rows])
            assert_allclose(line.get_ydata(), display.coef[:, k, NAMES.index(name)])
    drawn = {name for lines in display.lines_ for name in lines}
    used = (display.coef != 0).any(axis=(0, 1))
    assert drawn == {name for name, one in zip(NAMES, used, strict=True) if one}
    legend = display.axes_[-1].get_legend()
    assert {"x0", "x1"} <= {text.get_text() for text in legend.get_texts()}
    assert display.axes_[0].get_xlim()[0] > display.axes_[0].get_xlim()[1]


def test_with_x_coefficients_are_those_of_standardized_features(data, selection):
    plain = CoefficientPathDisplay.from_estimator(selection).coef
    deviations = data[0].std(axis=0)
    for X in (data[0], csr_array(data[0])):
        display = CoefficientPathDisplay.from_estimator(selection, X)
        assert_allclose(display.coef, plain * deviations)
    assert display.axes_[0].get_ylabel() == "coefficient per standard deviation"
    counts = np.arange(90) % 3
    repeated = CoefficientPathDisplay.from_estimator(
        selection, np.repeat(data[0], counts, axis=0)
    )
    weighted = CoefficientPathDisplay.from_estimator(selection, data[0], counts)
    assert_allclose(weighted.coef, repeated.coef)
    with pytest.raises(ValueError, match="X must have 6 features"):
        CoefficientPathDisplay.from_estimator(selection, data[0][:, :5])


def test_components_keep_their_identity_along_a_path(data, selection):
    rows = np.flatnonzero(selection.table_["n_components"] == 2)
    fits = [selection.estimators_[row] for row in rows]
    turned = [_turned(fit) if i % 2 else fit for i, fit in enumerate(fits)]
    ours, theirs = _orders(turned, 2), _orders(fits, 2)
    assert_allclose(ours[1::2], 1 - theirs[1::2])
    assert_allclose(ours[::2], theirs[::2])


def _turned(fit):
    """The same mixture, its two components numbered the other way."""
    other = MixtureRegressor(2)
    for name in ("intercept_", "coef_", "scale_", "weights_"):
        setattr(other, name, getattr(fit, name)[::-1])
    return other


def test_another_number_of_components_has_its_own_path_and_best_fit(selection):
    display = CoefficientPathDisplay.from_estimator(selection, n_components=1)
    rows = np.flatnonzero(selection.table_["n_components"] == 1)
    assert len(display.axes_) == 1
    assert display.chosen == selection.table_["choice"][rows].argmin()
    with pytest.raises(ValueError, match=r"with a path, \[1, 2\]; got 5"):
        CoefficientPathDisplay.from_estimator(selection, n_components=5)
    with pytest.raises(ValueError, match="list of 2 strings"):
        CoefficientPathDisplay.from_estimator(selection, component_names=["a"])


def test_features_beyond_the_largest_have_no_name():
    coef = np.zeros((2, 1, 10))
    coef[1, 0] = np.arange(1, 11)
    display = CoefficientPathDisplay(
        alphas=np.array([1.0, 0.1]),
        coef=coef,
        chosen=1,
        feature_names=[f"f{j}" for j in range(10)],
    ).plot()
    texts = [text.get_text() for text in display.axes_[0].get_legend().get_texts()]
    assert texts == ["f9", "f8", "f7", "f6", "f5", "f4", "f3", "3 more"]
    assert len(display.lines_[0]) == 10
    assert_allclose(sorted(display.axes_[0].get_xticks()), [0.1, 0.2, 0.5, 1.0])


def test_a_pipeline_around_a_path_is_drawn_like_it(data):
    settings = {"alphas": 3, "l1_ratio": 1.0, "n_init": 1}
    search = MixtureRegressorIC([1], random_state=0, **settings)
    pipe = make_pipeline(StandardScaler(), search).fit(*data)
    inner = MixtureRegressorIC(
        [1],
        alphas=3,
        estimator=make_pipeline(StandardScaler(), MixtureRegressor(l1_ratio=1.0)),
    ).fit(*data)
    for model in (pipe, inner):
        plain = CoefficientPathDisplay.from_estimator(model)
        scaled = CoefficientPathDisplay.from_estimator(model, data[0])
        assert_allclose(plain.coef, scaled.coef)
        assert plain.feature_names == NAMES


def test_an_estimator_without_a_path_is_refused(data):
    plain = MixtureRegressorIC([1]).fit(*data)
    with pytest.raises(ValueError, match="no path of penalties to draw"):
        CoefficientPathDisplay.from_estimator(plain)
    with pytest.raises(TypeError, match="MixtureRegressorIC with alphas; got Mix"):
        CoefficientPathDisplay.from_estimator(MixtureRegressor(1).fit(*data))


def test_the_choice_is_drawn_against_alpha_with_a_line_for_each_number(selection):
    display = CriterionDisplay.from_estimator(selection)
    table, lowest = selection.table_, selection.table_["choice"].min()
    labels = ["choice, 1 component", "choice, 2 components"]
    assert [line.get_label() for line in display.lines_] == labels
    for number, line in zip((1, 2), display.lines_, strict=True):
        rows = table["n_components"] == number
        assert_allclose(line.get_xdata(), table["alpha"][rows])
        assert_allclose(line.get_ydata(), table["choice"][rows] - lowest)
    (mark,) = display.marks_
    assert mark.get_xdata()[0] == table["alpha"][selection.best_index_]
    assert display.ax_.get_xlabel() == "alpha"
    bic = CriterionDisplay.from_estimator(selection, criteria="bic")
    assert bic.lines_[0].get_label() == "BIC, 1 component"
