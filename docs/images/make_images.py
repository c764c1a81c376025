"""Make the pictures of the documentation.

They have no background, and text of a gray that is legible on white and on black.
Usage::

    python docs/images/make_images.py        # needs matplotlib and pandas
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn.datasets import load_nodata, load_two_lines
from mixreg_sklearn.metrics import log_likelihood_scorer
from mixreg_sklearn.plotting import (
    CoefficientDisplay,
    CriterionDisplay,
    MixtureRegressionDisplay,
    QuantileResidualDisplay,
    RootogramDisplay,
    SearchDisplay,
    TrajectoryDisplay,
)

HERE = Path(__file__).resolve().parent
STYLE = HERE.parent / "_static" / "site.mplstyle"


def save(figure, name):
    """Save a figure beside this script."""
    figure.savefig(HERE / name, dpi=150)
    plt.close(figure)


def two_lines(name, shape, size):
    """The data as they come, and the two regressions found in them."""
    X, y = load_two_lines(return_X_y=True)
    model = MixtureRegressor(n_components=2, random_state=0).fit(X, y)
    figure, (before, after) = plt.subplots(
        *shape, figsize=size, sharex=True, sharey=True, layout="constrained"
    )
    before.scatter(X, y, s=16, color="0.5", linewidth=0)
    before.spines[["top", "right"]].set_visible(False)
    before.set(ylabel="y", ylim=(-13, 47))
    before.set_title("what you have: no labels")
    display = MixtureRegressionDisplay.from_estimator(
        model, X, y, ax=after, scatter_kwargs={"s": 16}
    )
    after.get_legend().remove()
    after.set(xlabel="x", ylabel="y" if shape[1] == 1 else "")
    before.set_xlabel("" if shape[1] == 1 else "x")
    after.set_title("what is found: two regressions")
    for k, (line, height) in enumerate(zip(display.lines_, (40, -11.5), strict=True)):
        intercept, slope = model.intercept_[k], model.coef_[k, 0]
        sign = "+" if slope > 0 else "\N{MINUS SIGN}"
        text = f"{intercept:.2f} {sign} {abs(slope):.2f} x   ($\\sigma$ ="
        text += f" {model.scale_[k]:.2f}, {100 * model.weights_[k]:.0f} %)"
        after.annotate(text, (0.1, height), color=line.get_color())
    save(figure, name)


def displays():
    """The displays of a model, of the NO data."""
    X, y = load_nodata(return_X_y=True, as_frame=True)
    model = MixtureRegressor(n_components=2, random_state=0).fit(X, y)
    chosen = MixtureRegressorIC(n_components=[1, 2, 3, 4], random_state=0).fit(X, y)
    figure, axes = plt.subplots(3, 2, figsize=(10, 10.5), layout="constrained")
    (lines, memberships), (criteria, estimates), (residuals, search) = axes
    MixtureRegressionDisplay.from_estimator(model, X, y, ax=lines)
    RootogramDisplay.from_estimator(model, X, y, ax=memberships)
    CriterionDisplay.from_estimator(chosen, ax=criteria)
    CoefficientDisplay.from_estimator(model, X, y, ax=estimates)
    QuantileResidualDisplay.from_estimator(model, X, y, ax=residuals)
    SearchDisplay.from_estimator(model, ax=search)
    save(figure, "displays.png")


def trajectories():
    """Chicks that grow fast, at a medium pace and slowly."""
    data = HERE.parents[1] / "tests" / "reference" / "data" / "chickweight.csv"
    visits = pd.read_csv(data)
    X, y, chick = visits[["Time"]], visits["weight"], visits["Chick"]
    mixture = MixtureRegressor(3, family="gamma", random_state=0)
    pipe = make_pipeline(PolynomialFeatures(2, include_bias=False), mixture)
    pipe.fit(X, y, mixtureregressor__groups=chick)
    names = ["fast", "medium", "slow"]
    _, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
    display = TrajectoryDisplay.from_estimator(
        pipe, X, y, groups=chick, time="Time", component_names=names, ax=ax
    )
    ax.set(xlabel="days", ylabel="weight in grams")
    save(display.figure_, "trajectories.png")


def pipeline():
    """A pipeline with powers, and a grid search over it: the example of the page."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 10, 200)
    mean = np.where(np.arange(200) < 100, 15 + 10 * x - x**2, 5 * x)
    y, X = mean + 3 * rng.normal(size=200), x[:, None]
    pipe = make_pipeline(PolynomialFeatures(2), MixtureRegressor(2, random_state=0))
    grid = {"mixtureregressor__n_components": [1, 2, 3]}
    search = GridSearchCV(pipe, grid, scoring=log_likelihood_scorer).fit(X, y)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    names = ["line", "parabola"]
    MixtureRegressionDisplay.from_estimator(
        pipe.fit(X, y), X, y, component_names=names, ax=left
    )
    CriterionDisplay.from_estimator(search, ax=right)
    figure.savefig(HERE / "pipeline.png", dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    plt.style.use(STYLE)
    two_lines("two_lines.png", (1, 2), (8, 3.6))
    two_lines("two_lines_narrow.png", (2, 1), (4.2, 6))
    displays()
    pipeline()
    trajectories()
