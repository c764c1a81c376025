"""The course of a search: log-likelihoods of all starts by iteration."""

import numpy as np

from .._docs import documented
from .._inside import inside
from ._style import GREY, legend_above, one_axes, plain

_STYLES = (("#0072B2", "-"), ("#56B4E9", "--"), ("#D55E00", "-."))
_ARMS = ("common scale 1", "common scale 2", "own scales")
# The same arms where components have no scales.
_NUMBERED = ("arm 1", "arm 2", "arm 3")
# Kinds of starts of a mixture of experts.
_KINDS = {
    "splines": _STYLES[0],
    "fine splines": _STYLES[1],
    "lines": _STYLES[2],
    "residuals": ("#009E73", ":"),
    "random regions": (GREY, ":"),
}
_STYLE = (
    dict(zip(_ARMS, _STYLES, strict=True))
    | dict(zip(_NUMBERED, _STYLES, strict=True))
    | {"robust": ("#009E73", ":")}
    | _KINDS
)
# Nats below the best that are drawn as the best: optima this close are the same.
_LEAST = 0.05


@documented
class SearchDisplay:
    """The log-likelihood of every start of the search, by iteration.

    The vertical axis is the distance below the best optimum, in nats on a logarithmic
    scale: up is better, and the top contains everything within 0.05 nats of the best.
    After the short runs, most of which stop early, winners exchange components (the gap
    between the lines) and continue under the penalized likelihood, which may cost some
    nats. Circles are the optima where they end, larger if more of them end there;
    crosses are degenerate optima. Arms, the independent searches within a round, that
    end at the top have found the same optimum.

    Use `from_estimator` to create it; the constructor stores its arguments.

    Parameters
    ----------
    paths : list of dict
        As in `search_["paths"]`.
    optima : list of dict
        As in `search_["optima"]`.

    Attributes
    ----------
    {ax_, figure_}
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
    5
    """

    def __init__(self, *, paths, optima):
        self.paths, self.optima = paths, optima

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, line_kwargs=None):
        """Draw the search of a fitted mixture.

        Parameters
        ----------
        {estimator, ax, line_kwargs}

        {drawn}
        ValueError
            If there was no search: for one component, a given start, or a
            mixture that grew from another one.
        """
        model = inside(estimator).mixture
        if not model.search_:
            raise ValueError(
                "estimator has no search to draw: it has one component, began at a"
                " given start, or grew from a smaller mixture."
            )
        paths, optima = model.search_["paths"], model.search_["optima"]
        return cls(paths=paths, optima=optima).plot(ax, line_kwargs=line_kwargs)

    def plot(self, ax=None, *, line_kwargs=None):
        """Draw the plot.

        Parameters
        ----------
        {ax, line_kwargs}

        {drawn}
        """
        self.ax_ = ax = one_axes(self, ax)
        self.figure_ = ax.figure
        best = max(optimum["log_likelihood"] for optimum in self.optima)
        self.lines_ = [self._draw(path, best, line_kwargs or {}) for path in self.paths]
        last = max(line.get_xdata()[-1] for line in self.lines_)
        for optimum in self.optima:
            mark = "x" if optimum["degenerate"] else "o"
            size = 4 + 2 * min(optimum["hits"], 4)
            style = {"color": GREY, "markersize": size, "fillstyle": "none"}
            ax.plot(last + 1, _below(optimum["log_likelihood"], best), mark, **style)
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
