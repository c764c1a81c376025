"""The plot of a fitted model."""

import numpy as np

from .words import Refusal, plain


def draw(data, model, path):
    """Save the plot, and return a line that describes it.

    Raises
    ------
    Refusal
        If the picture cannot be drawn or written.
    """
    from matplotlib.figure import Figure

    from ..plotting import MixtureRegressionDisplay

    j = _feature(data)
    # A figure created without pyplot needs no display.
    figure = Figure(layout="constrained")
    given = {name: v for name, v in data.given.items() if name != "sample_weight"}
    feature, target = plain(data.features[j]), plain(data.target)
    given |= {"target_name": _literal(target), "ax": figure.subplots()}
    display = MixtureRegressionDisplay.from_estimator(
        model, data.X, data.y, feature=j, **given
    )
    # The two lines have no names.
    display.ax_.set_xlabel(_literal(feature))
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        raise Refusal(f"cannot draw {path}: {error}") from error
    return f"Plot of {target} against {feature}: {plain(path)}"


def _feature(data):
    """The first feature of the regressions that is no indicator, or the first one."""
    X = np.asarray(data.X)
    numbers = (j for j in data.regression if len(np.unique(X[:1000, j])) > 2)
    return next(numbers, data.regression[0])


def _literal(label):
    """A label that is not read as a formula."""
    return label.replace("$", r"\$")
