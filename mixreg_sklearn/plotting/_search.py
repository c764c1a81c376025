"""How the optimum was found: log-likelihoods of all starts by iteration."""

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support

from .._fitted import fitted_mixture
from ._style import GREY, legend_above, one_axes, plain

_STYLE = {
    "common scale 1": ("#0072B2", "-"),
    "common scale 2": ("#56B4E9", "--"),
    "own scales": ("#D55E00", "-."),
}
# Nats below the best that are drawn as one: optima this close are the same.
_LEAST = 0.05


class SearchDisplay:
    """The log-likelihood of every start of the search, by iteration.

    The vertical axis is the distance below the best optimum, in nats and logarithmic:
    up is better, and on top is what differs from the best by 0.05 nats at most. After
    the short runs, of which most are dropped early, winners exchange components (the
    gap between the lines) and climb on, now under the penalised likelihood, which may
    cost them some nats. Circles are the optima where they end, larger where more of
    them do; crosses are degenerate optima. Arms that end on top found the same optimum
    independently.

    Make it with `from_estimator`; the constructor stores what it is given.

    Parameters
    ----------
    paths : list of dict
        As in `search_["paths"]`.

    optima : list of dict
        As in `search_["optima"]`.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn in.

    figure_ : matplotlib Figure
        The figure that has these axes.

    lines_ : list of matplotlib Line2D
        A line for each path.

    Examples
    --------
    >>> from mixreg_sklearn import MixtureRegressor
    >>> from mixreg_sklearn.datasets import load_two_lines
    >>> from mixreg_sklearn.plotting import SearchDisplay
    >>> X, y = load_two_lines(return_X_y=True)
    >>> model = MixtureRegressor(n_components=2, random_state=0).fit(X, y)
    >>> display = SearchDisplay.from_estimator(model)
    >>> len(display.lines_) - model.search_["starts"]
    4
    """

    def __init__(self, *, paths, optima):
        self.paths = paths
        self.optima = optima

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, line_kwargs=None):
        """Draw the search of a fitted mixture.

        Parameters
        ----------
        estimator : MixtureRegressor or MixtureRegressorIC
            Fitted mixture.
        ax : matplotlib Axes, default=None
            Axes to draw in. None makes a new figure.
        line_kwargs : dict, default=None
            Keywords of matplotlib's `plot`, by their long names (`linewidth`).

        Returns
        -------
        SearchDisplay
            The picture.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If there was no search: one component, a start that was given, or a
            mixture that grew from another one.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        model = fitted_mixture(estimator)
        if not model.search_:
            raise ValueError(
                "There was no search: the mixture has one component, began at a start"
                " that was given, or grew from a smaller one."
            )
        record = model.search_
        display = cls(paths=record["paths"], optima=record["optima"])
        return display.plot(ax, line_kwargs=line_kwargs)

    def plot(self, ax=None, *, line_kwargs=None):
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in. None makes a new figure.
        line_kwargs : dict, default=None
            Keywords of matplotlib's `plot`, by their long names (`linewidth`).

        Returns
        -------
        SearchDisplay
            This object, with the attributes of the drawing.
        """
        self.ax_ = ax = one_axes(self, ax)
        self.figure_ = ax.figure
        best = max(optimum["log_likelihood"] for optimum in self.optima)
        self.lines_ = [self._draw(path, best, line_kwargs or {}) for path in self.paths]
        last = max(line.get_xdata()[-1] for line in self.lines_)
        for optimum in self.optima:
            ax.plot(
                last + 1,
                _below(optimum["log_likelihood"], best),
                "x" if optimum["degenerate"] else "o",
                color="black",
                markersize=4 + 2 * min(optimum["hits"], 4),
                fillstyle="none",
            )
        ax.set_yscale("log")
        ax.invert_yaxis()
        ax.set(xlabel="iteration", ylabel="nats below the best")
        ax.locator_params(axis="x", integer=True)
        plain(ax)
        arms = {line.get_label(): line for line in self.lines_}
        legend_above(ax, [arms[name] for name in _STYLE if name in arms])
        return self

    def _draw(self, path, best, kwargs):
        color, dashes = _STYLE.get(path["arm"], (GREY, ":"))
        values = np.asarray(path["log_likelihood"])
        first = path["first_iteration"]
        at = first + np.arange(len(values))
        finite = np.isfinite(values)
        style = {
            "color": color,
            "linestyle": dashes,
            "linewidth": 1.8 if first > 1 else 0.9,
            "alpha": 0.9 if first > 1 else 0.6,
            "label": path["arm"],
        }
        below = _below(values[finite], best)
        return self.ax_.plot(at[finite], below, **(style | kwargs))[0]


def _below(values, best):
    return np.maximum(best - np.asarray(values), _LEAST)
