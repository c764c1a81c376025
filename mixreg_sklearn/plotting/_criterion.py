"""Display of criteria, or of scores, against the number of components or a penalty."""

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support

from .._docs import documented
from ._candidates import candidates_of
from ._style import (
    GREY,
    colors,
    legend_above,
    markers,
    one_axes,
    plain,
    strength_axis,
)

# Differences that are drawn on a linear scale, in units of the criterion.
_LINEAR = 10
# Values with ticks, in units of the linear part and of each decade above it.
_TICKS, _FEW_TICKS, _MOST_DECADES = (1, 2, 5), (1,), 2
# Distance between error bars of different lines, in components.
_BESIDE = 0.05


@documented
class CriterionDisplay:
    """Criteria, or scores of a grid search, against the number of components.

    The heights of criteria are their differences from the lowest value, in the units of
    the criterion (half a nat), so that several criteria share one axis; the legend, or
    the axis, tells the lowest values. The axis is logarithmic above 10. The
    lowest value of each criterion is marked.

    Scores of a grid search are drawn as they are: means over its folds, with an error
    bar of one standard deviation of the folds to each side, if there are several. The
    chosen candidate is marked.

    Along paths of penalties (`alphas` of `MixtureRegressorIC`) the horizontal axis is
    `alpha`, the mean over the components, from the strongest penalty on, and each
    number of components has a line. What is drawn is then the choice, that is the
    criterion with all that the selection adds to it.

    Use `from_estimator` to create it; the constructor stores arrays.

    Parameters
    ----------
    n_components : ndarray of int of shape (n_candidates,)
        Numbers of components of the candidates.
    values : dict of str to ndarray of shape (n_candidates,)
        Criteria of the candidates by name, such as "BIC", where lower is better; or one
        score.
    labels : list of shape (n_candidates,), default=None
        What candidates differ in besides the number of components, if anything.
    chosen : int, default=None
        Index of the chosen candidate.
    spread : ndarray of shape (n_candidates,), default=None
        Standard deviations of the score over folds.
    score_name : str, default=None
        Label of the vertical axis for a score; None if `values` are criteria.
    alphas : ndarray of shape (n_candidates,), default=None
        Penalties of the candidates of paths, each path from its strongest one on.

    Attributes
    ----------
    {ax_, figure_}
    lines_ : list of matplotlib Line2D
        A line for each criterion and label.
    marks_ : list of matplotlib Line2D
        Marks of the lowest value of each criterion, or of the chosen candidate.

    Examples
    --------
    >>> from mixreg_sklearn import MixtureRegressorIC
    >>> from mixreg_sklearn.datasets import load_two_lines
    >>> from mixreg_sklearn.plotting import CriterionDisplay
    >>> X, y = load_two_lines(return_X_y=True)
    >>> model = MixtureRegressorIC((1, 2, 3), random_state=0).fit(X, y)
    >>> display = CriterionDisplay.from_estimator(model)
    >>> [line.get_label() for line in display.lines_]
    ['BIC, lowest 753.8', 'ICL, lowest 753.8']
    """

    def __init__(
        self,
        *,
        n_components,
        values,
        labels=None,
        chosen=None,
        spread=None,
        score_name=None,
        alphas=None,
    ):
        self.n_components = n_components
        self.values = values
        self.labels = labels
        self.chosen = chosen
        self.spread, self.score_name = spread, score_name
        self.alphas = alphas

    @classmethod
    def from_estimator(cls, estimator, *, criteria=None, ax=None, line_kwargs=None):
        """Draw the candidates of a fitted search over numbers of components.

        Parameters
        ----------
        estimator : estimator
            Fitted `MixtureRegressorIC`, or a `GridSearchCV` or `RandomizedSearchCV`
            over the `n_components` of a mixture, also one at the end of a pipeline; or
            a pipeline or other search that ends in one of these. Other parameters of a
            grid have a line for each combination.
        criteria : str or list of str, default=None
            For a `MixtureRegressorIC` one or more of `"aic"`, `"bic"`, `"sabic"`,
            `"icl"` and `"choice"`; None means `"bic"` and `"icl"`, or `"choice"` along
            paths of penalties.
        {ax, line_kwargs}

        {drawn}
        TypeError
            If `estimator` is no search over numbers of components.
        ValueError
            If a criterion is unknown, or `criteria` are given for a grid search.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        found = candidates_of(estimator, criteria)
        return cls(**found._asdict()).plot(ax, line_kwargs=line_kwargs)

    def plot(self, ax=None, *, line_kwargs=None):
        """Draw the plot.

        Parameters
        ----------
        {ax, line_kwargs}

        {drawn}
        """
        self.ax_ = ax = one_axes(self, ax)
        self.figure_ = ax.figure
        self.lines_, self.marks_ = [], []
        curves = self._curves()
        # Error bars of several lines stand next to each other.
        beside = np.arange(len(curves)) - 0.5 * (len(curves) - 1)
        beside *= 0.0 if self.spread is None else _BESIDE
        styles = zip(beside, colors(len(curves)), markers(len(curves)), strict=True)
        for curve, style in zip(curves, styles, strict=True):
            self._draw(*curve, *style, line_kwargs or {})
        if self.score_name is None:
            self._criterion_axis()
        else:
            ax.set_ylabel(self.score_name)
            ax.ticklabel_format(axis="y", style="plain", useOffset=False)
        if self.chosen is not None:
            at = self._at[self.chosen]
            ax.axvline(at, color=GREY, alpha=0.2, linewidth=8, zorder=0)
        if self.alphas is not None:
            strength_axis(ax, self.alphas)
        else:
            ax.set_xlabel("components")
            ax.set_xticks(_whole_ticks(self.n_components))
        plain(ax)
        if len(self.lines_) > 1:
            legend_above(ax, self.lines_)
        return self

    @property
    def _at(self):
        """Places of the candidates on the horizontal axis."""
        return self.n_components if self.alphas is None else self.alphas

    def _draw(self, label, rows, heights, marked, beside, color, marker, kwargs):
        at = self._at[rows] + beside
        style = {"color": color, "marker": marker, "linewidth": 1.5, "label": label}
        if self.alphas is not None:
            style["markersize"] = 4
        self.lines_ += self.ax_.plot(at, heights, **(style | kwargs))
        if self.spread is not None:
            self.ax_.errorbar(
                at, heights, self.spread[rows], fmt="none", ecolor=color, capsize=3
            )
        ring = {"color": color, "markersize": 13, "fillstyle": "none"}
        for x, height in zip(at[marked], heights[marked], strict=True):
            self.marks_ += self.ax_.plot(x, height, marker, **ring)

    def _curves(self):
        """Label, candidates, heights, and marked candidates of each line."""
        labels = self.labels or [""] * len(self.n_components)
        curves = []
        for name, values in self.values.items():
            finite = np.isfinite(values)
            heights = values if self.score_name else values - self._lowest(name)
            for label in dict.fromkeys(labels):
                shown = np.array([other == label for other in labels]) & finite
                rows = np.flatnonzero(shown)
                if self.alphas is None:
                    rows = rows[np.argsort(self.n_components[rows], kind="stable")]
                marked = rows == self.chosen if self.score_name else heights[rows] == 0
                text = self._text(name, label)
                curves.append((text, rows, heights[rows], marked))
        return curves

    def _lowest(self, name):
        values = self.values[name]
        return values[np.isfinite(values)].min(initial=np.inf)

    def _text(self, name, label):
        """Name of a line."""
        if self.score_name:
            return label or name
        if len(self.values) > 1:
            name = f"{name}, lowest {self._lowest(name):.1f}"
        return f"{name}, {label}" if label else name

    def _criterion_axis(self):
        """An axis for differences: linear, then logarithmic, with plain numbers."""
        from matplotlib.ticker import NullLocator

        ax = self.ax_
        most = max(ax.dataLim.y1, _LINEAR)
        ax.set_yscale("symlog", linthresh=_LINEAR)
        decades = int(np.ceil(np.log10(most / _LINEAR)))
        parts = _TICKS if decades <= _MOST_DECADES else _FEW_TICKS
        ticks = [0, _LINEAR // 2]
        ticks += [part * _LINEAR * 10**e for e in range(decades + 1) for part in parts]
        ticks = [tick for tick in ticks if tick <= 1.5 * most]
        labels = [f"{tick:,}".replace(",", "\N{THIN SPACE}") for tick in ticks]
        ax.set_yticks(ticks, labels)
        ax.yaxis.set_minor_locator(NullLocator())
        ax.set_ylim(bottom=-0.15 * _LINEAR)
        (name, *others) = self.values
        label = f"{name} above its lowest value, {self._lowest(name):.1f}"
        ax.set_ylabel("criterion above its lowest value" if others else label)


def _whole_ticks(numbers):
    """Numbers of components with a tick: those tried, or some if they are many."""
    numbers = np.unique(numbers)
    return numbers[:: -(-len(numbers) // 12)]
