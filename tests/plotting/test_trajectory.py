"""Trajectories are means over time, with confidence bands, over everyone's lines."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from matplotlib.colors import to_rgb
from numpy.testing import assert_allclose, assert_array_equal
from outside_families import ZeroInflatedPoisson
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.plotting import TrajectoryDisplay


@pytest.fixture(scope="module")
def visits():
    """Sixty patients with three or four visits in any order; two curves."""
    rng = np.random.default_rng(0)
    patient = np.repeat(np.arange(60), 4)
    frame = pd.DataFrame(
        {
            "patient": [f"p{i:02d}" for i in patient],
            "month": np.tile(np.arange(4.0), 60),
            "dose": rng.normal(size=240),
            "sex": np.where(patient % 3 == 0, "f", "m"),
        }
    )
    better = patient < 20
    t = frame["month"]
    curve = np.where(better, -2.5 * t + 0.4 * t**2, 0.1 * t)
    frame["pain"] = 8 + curve + 0.3 * frame["dose"] + rng.normal(size=240)
    return frame.drop(index=frame.index[::17]).sample(frac=1, random_state=0)


NAMES = ["month", "dose", "sex"]


@pytest.fixture(scope="module")
def pipe(visits):
    columns = make_column_transformer(
        (PolynomialFeatures(2, include_bias=False), ["month"]),
        (OneHotEncoder(drop="first"), ["sex"]),
        remainder="passthrough",
    )
    pipe = make_pipeline(columns, MixtureRegressor(2, random_state=0))
    groups = visits["patient"]
    return pipe.fit(visits[NAMES], visits["pain"], mixtureregressor__groups=groups)


def drawn(pipe, visits, **options):
    return TrajectoryDisplay.from_estimator(
        pipe,
        visits[NAMES],
        visits["pain"],
        groups=visits["patient"],
        time="month",
        **options,
    )


def test_the_time_varies_before_the_pipeline_makes_powers_of_it(pipe, visits):
    display = drawn(pipe, visits)
    typical = {"dose": np.quantile(visits["dose"], 0.5, method="lower"), "sex": "m"}
    rows = pd.DataFrame({"month": display.grid} | typical)
    theirs = pipe[-1].predict_components(pipe[:-1].transform(rows))
    assert_allclose(display.means, theirs)
    for k, line in enumerate(display.lines_):
        assert_array_equal(line.get_data(), (display.grid, theirs[:, k]))
    assert (display.grid[0], display.grid[-1]) == (0, 3)


def test_every_individual_has_a_line_through_its_rows_in_the_order_of_time(
    pipe, visits
):
    display = drawn(pipe, visits)
    paths = display.paths_.get_paths()
    assert len(paths) == 60
    for path, (_, rows) in zip(paths, visits.groupby("patient"), strict=True):
        rows = rows.sort_values("month")
        assert_array_equal(path.vertices, rows[["month", "pain"]])


def test_lines_have_the_color_of_the_component_and_fade_in_doubt(pipe, visits):
    display = drawn(pipe, visits)
    shades = display.paths_.get_colors()
    members = display.probabilities.argmax(axis=1)
    for k, line in enumerate(display.lines_):
        assert_allclose(shades[members == k][0, :3], to_rgb(line.get_color()))
    certainty = display.probabilities.max(axis=1)
    assert shades[certainty.argmin(), 3] < shades[certainty.argmax(), 3]


def test_bands_of_one_gaussian_component_are_those_of_least_squares(visits):
    X, y = visits[["month", "dose"]], visits["pain"]
    model = MixtureRegressor(1).fit(X, y, groups=visits["patient"])
    display = TrajectoryDisplay.from_estimator(
        model, X, y, groups=visits["patient"], time="month", level=0.9
    )
    design = sm.add_constant(X)
    rows = np.column_stack(
        [
            np.ones(101),
            display.grid,
            np.full(101, np.quantile(X["dose"], 0.5, method="lower")),
        ]
    )
    inverse = np.linalg.inv(design.T @ design)
    error = model.scale_[0] * np.sqrt(np.einsum("ij,jk,ik->i", rows, inverse, rows))
    assert_allclose(display.upper[:, 0] - display.means[:, 0], 1.6448536 * error)
    assert_allclose(display.means[:, 0] - display.lower[:, 0], 1.6448536 * error)


@pytest.mark.parametrize("family", ["poisson", "gamma"])
def test_bands_of_a_glm_are_transformed_from_its_linear_predictor(visits, family):
    X, person = visits[["month"]], visits["patient"]
    rng = np.random.default_rng(0)
    mean = np.exp(0.5 + 0.3 * X["month"].to_numpy())
    y = rng.poisson(mean) if family == "poisson" else mean * rng.gamma(5, 0.2, len(X))
    model = MixtureRegressor(1, family=family).fit(X, y, groups=person)
    display = TrajectoryDisplay.from_estimator(model, X, y, groups=person, time="month")
    links = sm.families.links.Log()
    theirs = {"poisson": sm.families.Poisson(), "gamma": sm.families.Gamma(links)}
    scale = 1.0 if family == "poisson" else model.scale_[0] ** 2
    glm = sm.GLM(y, sm.add_constant(X), family=theirs[family]).fit(
        scale=scale, cov_type="nonrobust"
    )
    rows = np.column_stack([np.ones(101), display.grid])
    predicted = glm.get_prediction(rows).summary_frame(alpha=0.05)
    # The observed information of a gamma regression is not the expected one.
    tolerance = 1e-6 if family == "poisson" else 0.02
    for ours, name in (
        (display.lower, "mean_ci_lower"),
        (display.upper, "mean_ci_upper"),
    ):
        assert_allclose(ours[:, 0], predicted[name], rtol=tolerance)


def test_without_a_level_there_are_no_bands(pipe, visits):
    display = drawn(pipe, visits, level=None)
    assert display.bands_ == []
    assert display.upper is None


def test_labels_names_and_shares_are_shown(pipe, visits):
    display = drawn(pipe, visits, component_names=["stable", "better"])
    share = 100 * pipe[-1].weights_
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == [f"stable: {share[0]:.0f} %", f"better: {share[1]:.0f} %"]
    assert display.ax_.get_xlabel() == "month"
    assert display.ax_.get_ylabel() == "pain"


def test_keywords_reach_matplotlib_and_plot_draws_again(pipe, visits):
    display = drawn(pipe, visits, path_kwargs={"linewidths": 0.1})
    assert_allclose(display.paths_.get_linewidths(), 0.1)
    _, ax = plt.subplots()
    assert display.plot(ax, line_kwargs={"linewidth": 5}).ax_ is ax
    assert display.lines_[0].get_linewidth() == 5


def test_arrays_have_the_time_by_index(visits):
    X, y = visits[["dose", "month"]].to_numpy(), visits["pain"].to_numpy()
    groups = visits["patient"].to_numpy()
    model = MixtureRegressor(2, random_state=0).fit(X, y, groups=groups)
    display = TrajectoryDisplay.from_estimator(model, X, y, groups=groups, time=1)
    median = np.quantile(X[:, 0], 0.5, method="lower")
    rows = np.column_stack([np.full(101, median), display.grid])
    assert_allclose(display.means, model.predict_components(rows))


def test_a_column_made_from_the_time_is_an_error_that_asks_for_a_pipeline(visits):
    X = visits[["month"]].assign(square=visits["month"] ** 2)
    model = MixtureRegressor(2, random_state=0)
    model.fit(X, visits["pain"], groups=visits["patient"])
    with pytest.raises(ValueError, match=r"'square'.*pipeline"):
        TrajectoryDisplay.from_estimator(
            model, X, visits["pain"], groups=visits["patient"], time="month"
        )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"time": "week"}, "time='week' is not a feature"),
        ({"component_names": ["one"]}, "component_names must be a list of 2"),
        ({"groups": None}, "groups is None"),
    ],
)
def test_wrong_arguments_are_named(pipe, visits, wrong, message):
    given = {"groups": visits["patient"], "time": "month"} | wrong
    with pytest.raises(ValueError, match=message):
        TrajectoryDisplay.from_estimator(pipe, visits[NAMES], visits["pain"], **given)


def test_a_constant_time_is_an_error(pipe, visits):
    X = visits[NAMES].assign(month=1.0)
    with pytest.raises(ValueError, match="vary over the rows"):
        TrajectoryDisplay.from_estimator(
            pipe, X, visits["pain"], groups=visits["patient"], time="month"
        )


def test_a_collinear_feature_does_not_change_the_band(visits):
    limits = []
    for X in (visits[["month", "dose"]], visits[["month", "dose", "dose"]]):
        X = X.set_axis(["month", "dose", "again"][: X.shape[1]], axis=1)
        model = MixtureRegressor(1).fit(X, visits["pain"], groups=visits["patient"])
        display = TrajectoryDisplay.from_estimator(
            model, X, visits["pain"], groups=visits["patient"], time="month"
        )
        limits.append(display.upper)
    assert_allclose(*limits)


def test_bands_of_a_family_with_two_predictors_are_an_error():
    rng = np.random.default_rng(0)
    X, person = rng.normal(size=(120, 1)), np.repeat(np.arange(40), 3)
    y = np.where(rng.random(120) < 0.3, 0, rng.poisson(np.exp(1 + 0.3 * X[:, 0])))
    model = MixtureRegressor(1, family=ZeroInflatedPoisson()).fit(X, y, groups=person)
    given = {"groups": person, "time": 0}
    with pytest.raises(ValueError, match="level=None"):
        TrajectoryDisplay.from_estimator(model, X, y, **given)
    assert TrajectoryDisplay.from_estimator(model, X, y, level=None, **given).lines_


def test_trajectories_stand_at_the_median_offset(visits):
    X, person = visits[["month"]], visits["patient"]
    offset = np.linspace(0, 1, len(X))
    rng = np.random.default_rng(0)
    y = rng.poisson(np.exp(0.5 + 0.3 * X["month"].to_numpy() + offset))
    model = MixtureRegressor(1, family="poisson")
    model.fit(X, y, groups=person, offset=offset)
    display = TrajectoryDisplay.from_estimator(
        model, X, y, groups=person, time="month", offset=offset
    )
    eta = model.intercept_[0] + model.coef_[0, 0] * display.grid + 0.5
    assert_allclose(display.means[:, 0], np.exp(eta))
