"""Criteria and scores are drawn against the number of components."""

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA
from sklearn.metrics import make_scorer, mean_absolute_error
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from support import separated, two_lines

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn.metrics import InSample, bic_scorer, log_likelihood_scorer
from mixreg_sklearn.plotting import CriterionDisplay


@pytest.fixture(scope="module")
def data():
    return two_lines(n=90)


@pytest.fixture(scope="module")
def chosen(data):
    return MixtureRegressorIC((1, 2, 3), random_state=0).fit(*data)


def test_criteria_are_differences_from_their_lowest_which_is_marked(chosen):
    display = CriterionDisplay.from_estimator(chosen, criteria=["bic", "aic"])
    for name, line in zip(("bic", "aic"), display.lines_, strict=True):
        values = chosen.table_[name]
        assert_allclose(line.get_xdata(), [1, 2, 3])
        assert_allclose(line.get_ydata(), values - values.min())
        assert line.get_label() == f"{name.upper()}, lowest {values.min():.1f}"
    marked = [mark.get_xdata()[0] for mark in display.marks_]
    assert marked == [1 + chosen.table_[name].argmin() for name in ("bic", "aic")]


def test_ticks_are_plain_numbers_and_whole_numbers_of_components(chosen):
    display = CriterionDisplay.from_estimator(chosen, criteria="bic")
    display.figure_.canvas.draw()
    ax = display.ax_
    heights = [
        float(t.get_text().replace("\N{THIN SPACE}", "")) for t in ticks(ax.yaxis)
    ]
    assert_allclose(heights, ax.get_yticks())
    assert len(heights) >= 3
    assert [t.get_text() for t in ticks(ax.xaxis)] == ["1", "2", "3"]
    assert ax.yaxis.get_offset_text().get_text() == ""
    lowest = chosen.table_["bic"].min()
    assert ax.get_ylabel() == f"BIC above its lowest value, {lowest:.1f}"


def ticks(axis):
    return [tick.label1 for tick in axis.get_major_ticks()]


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


def test_a_pipeline_or_search_that_ends_in_a_selection_is_drawn_like_it(data, chosen):
    theirs = CriterionDisplay.from_estimator(chosen)
    pipe = make_pipeline(
        StandardScaler(), MixtureRegressorIC((1, 2, 3), random_state=0)
    )
    search = GridSearchCV(pipe, {"standardscaler__with_mean": [True]}, cv=2)
    for model in (pipe.fit(*data), search.fit(*data)):
        ours = CriterionDisplay.from_estimator(model)
        for line, other in zip(ours.lines_, theirs.lines_, strict=True):
            assert_allclose(line.get_ydata(), other.get_ydata(), atol=1e-6)


def test_scores_of_a_grid_are_drawn_with_the_spread_of_folds(data):
    search = GridSearchCV(
        MixtureRegressor(random_state=0),
        {"n_components": [3, 1, 2]},
        scoring=log_likelihood_scorer,
        cv=3,
    ).fit(*data)
    display = CriterionDisplay.from_estimator(search)
    results, order = search.cv_results_, [1, 2, 0]
    (line,) = display.lines_
    assert_allclose(line.get_xdata(), [1, 2, 3])
    assert_allclose(line.get_ydata(), results["mean_test_score"][order])
    (bars,) = display.ax_.collections
    halves = [np.ptp(path.vertices[:, 1]) / 2 for path in bars.get_paths()]
    assert_allclose(halves, results["std_test_score"][order])
    (mark,) = display.marks_
    assert mark.get_xdata() == search.best_params_["n_components"]
    assert mark.get_ydata() == search.best_score_
    label = "log_likelihood_scorer, higher is better\nmean and std. dev. of 3 folds"
    assert display.ax_.get_ylabel() == label
    with pytest.raises(ValueError, match="criteria='bic' is for a MixtureRegressorIC"):
        CriterionDisplay.from_estimator(search, criteria="bic")


def test_other_parameters_of_a_grid_have_lines_of_their_own():
    sample = separated(0, d=3)
    pipe = Pipeline([("pca", PCA()), ("mix", MixtureRegressor(random_state=0))])
    grid = {
        "pca__n_components": [2, 3],
        "mix__n_components": [1, 2],
        "mix__tol": [1e-8],
    }
    search = GridSearchCV(pipe, grid, scoring=bic_scorer, cv=InSample())
    search.fit(sample.X, sample.y)
    display = CriterionDisplay.from_estimator(search)
    labels = [line.get_label() for line in display.lines_]
    assert labels == ["n_components=2", "n_components=3"]
    score = search.cv_results_["mean_test_score"].reshape(2, 2).T
    for line, theirs in zip(display.lines_, score, strict=True):
        assert_allclose(line.get_xdata(), [1, 2])
        assert_allclose(line.get_ydata(), theirs)
    assert not display.ax_.collections


def test_a_grid_in_parts_takes_the_number_of_components_of_the_template(data):
    grids = [{"n_components": [1, 2]}, {"shared_scale": [True]}]
    search = RandomizedSearchCV(
        MixtureRegressor(3, random_state=0),
        grids,
        n_iter=3,
        scoring={"mae": make_scorer(mean_absolute_error), "r2": "r2"},
        refit="r2",
        cv=2,
        random_state=0,
    ).fit(*data)
    display = CriterionDisplay.from_estimator(search)
    drawn = {line.get_label(): line.get_xdata().round() for line in display.lines_}
    assert list(drawn["shared_scale=True"]) == [3]
    assert sorted(drawn["default"]) == [1, 2]
    assert display.ax_.get_ylabel().startswith("r2, ")


def test_a_search_over_other_parameters_only_is_refused(data):
    search = GridSearchCV(MixtureRegressor(1), {"tol": [1e-6, 1e-8]}, cv=2).fit(*data)
    with pytest.raises(TypeError, match="a grid search over the n_components"):
        CriterionDisplay.from_estimator(search)
