"""Make the pictures of the documentation.

Usage::

    python docs/images/make_images.py        # needs matplotlib
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
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
)

HERE = Path(__file__).resolve().parent


def two_lines():
    """The data as they come, and the two regressions found in them."""
    X, y = load_two_lines(return_X_y=True)
    model = MixtureRegressor(n_components=2, random_state=0).fit(X, y)
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(9, 3.6), sharex=True, sharey=True, layout="constrained"
    )
    left.scatter(X, y, s=16, color="0.45", linewidth=0)
    left.spines[["top", "right"]].set_visible(False)
    left.set(xlabel="x", ylabel="y", ylim=(-13, 47))
    left.set_title("what you have: x, y, no labels", fontsize=10)
    display = MixtureRegressionDisplay.from_estimator(
        model, X, y, ax=right, scatter_kwargs={"s": 16}
    )
    right.get_legend().remove()
    right.set(xlabel="x", ylabel="")
    right.set_title("what is found: two regressions, bands of 95 %", fontsize=10)
    for k, (line, height) in enumerate(zip(display.lines_, (39, -11), strict=True)):
        intercept, slope = model.intercept_[k], model.coef_[k, 0]
        sign = "+" if slope > 0 else "\N{MINUS SIGN}"
        text = f"{intercept:.2f} {sign} {abs(slope):.2f} x,  std. dev."
        text += f" {model.scale_[k]:.2f},  share {model.weights_[k]:.2f}"
        right.annotate(text, (0.3, height), color=line.get_color(), fontsize=9)
    figure.savefig(HERE / "two_lines.png", dpi=150)
    plt.close(figure)


def displays():
    """All displays, of the NO data."""
    X, y = load_nodata(return_X_y=True, as_frame=True)
    model = MixtureRegressor(n_components=2, random_state=0).fit(X, y)
    chosen = MixtureRegressorIC(n_components=[1, 2, 3, 4], random_state=0).fit(X, y)
    figure, axes = plt.subplots(3, 2, figsize=(11.5, 11), layout="constrained")
    (lines, memberships), (criteria, estimates), (residuals, search) = axes
    MixtureRegressionDisplay.from_estimator(model, X, y, ax=lines)
    RootogramDisplay.from_estimator(model, X, y, ax=memberships)
    CriterionDisplay.from_estimator(chosen, ax=criteria)
    CoefficientDisplay.from_estimator(model, X, y, ax=estimates)
    QuantileResidualDisplay.from_estimator(model, X, y, ax=residuals)
    SearchDisplay.from_estimator(model, ax=search)
    figure.savefig(HERE / "displays.png", dpi=120)
    plt.close(figure)


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
    two_lines()
    displays()
    pipeline()
