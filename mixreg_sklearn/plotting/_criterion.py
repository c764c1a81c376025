"""Display of the information criteria of a `MixtureRegressorIC`."""

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted

from .._docs import documented
from ._style import colors, legend_above, markers, one_axes, plain

_CRITERIA = ("aic", "bic", "sabic", "icl")


@documented
class CriterionDisplay:
    """Criteria against the number of components, with the lowest of each marked.

    Heights are differences from the lowest value of each criterion, in nats (half the
    difference of the criterion), so that several criteria share one axis. It is
    logarithmic above 10 nats.

    Use `from_estimator` to create it; the constructor stores arrays.

    Parameters
    ----------
    n_components : ndarray of int of shape (n_candidates,)
        Numbers of components of the candidates.
    values : dict of str to ndarray of shape (n_candidates,)
        Criteria of the candidates; lower is better.
    labels : list of shape (n_candidates,), default=None
        Templates of the candidates, if there are several.
    chosen : int, default=None
        Index of the chosen candidate.

    Attributes
    ----------
    {ax_, figure_}
    lines_ : list of matplotlib Line2D
        A line for each criterion and template.
    lowest_ : list of matplotlib Line2D
        Marks of the lowest value of each criterion.

    Examples
    --------
    >>> from mixreg_sklearn import MixtureRegressorIC
    >>> from mixreg_sklearn.datasets import load_two_lines
    >>> from mixreg_sklearn.plotting import CriterionDisplay
    >>> X, y = load_two_lines(return_X_y=True)
    >>> model = MixtureRegressorIC((1, 2, 3), random_state=0).fit(X, y)
    >>> display = CriterionDisplay.from_estimator(model)
    >>> [line.get_label() for line in display.lines_]
    ['BIC', 'ICL']
    """

    def __init__(self, *, n_components, values, labels=None, chosen=None):
        self.n_components = n_components
        self.values = values
        self.labels = labels
        self.chosen = chosen

    @classmethod
    def from_estimator(
        cls, estimator, *, criteria=("bic", "icl"), ax=None, line_kwargs=None
    ):
        """Draw the candidates of a fitted `MixtureRegressorIC`.

        Parameters
        ----------
        estimator : MixtureRegressorIC
            Fitted search over numbers of components.
        criteria : str or list of str, default=("bic", "icl")
            One or more of `"aic"`, `"bic"`, `"sabic"` and `"icl"`.
        {ax, line_kwargs}

        {drawn}
        ValueError
            If a criterion is unknown.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        if not hasattr(estimator, "table_"):
            raise TypeError(
                "estimator must be a MixtureRegressorIC; got"
                f" {type(estimator).__name__}."
            )
        names = [criteria] if isinstance(criteria, str) else list(criteria)
        for name in names:
            if name not in _CRITERIA:
                raise ValueError(f"criteria must be among {_CRITERIA}; got {name!r}.")
        table = estimator.table_
        labels = list(table["estimator"])
        display = cls(
            n_components=table["n_components"],
            values={name: table[name] for name in names},
            labels=labels if len(set(labels)) > 1 else None,
            chosen=estimator.best_index_,
        )
        return display.plot(ax, line_kwargs=line_kwargs)

    def plot(self, ax=None, *, line_kwargs=None):
        """Draw the plot.

        Parameters
        ----------
        {ax, line_kwargs}

        {drawn}
        """
        self.ax_ = ax = one_axes(self, ax)
        self.figure_ = ax.figure
        self.lines_, self.lowest_ = [], []
        curves = self._curves()
        for (label, at, values), color, marker in zip(
            curves, colors(len(curves)), markers(len(curves)), strict=True
        ):
            style = {"color": color, "marker": marker, "linewidth": 1.5, "label": label}
            self.lines_ += ax.plot(at, values, **(style | (line_kwargs or {})))
            for zero in np.flatnonzero(values == 0):
                self.lowest_ += ax.plot(
                    at[zero], 0, marker, color=color, markersize=13, fillstyle="none"
                )
        ax.set_yscale("symlog", linthresh=10)
        ax.set_ylim(bottom=-2)
        ax.set(xlabel="components", ylabel="nats above the lowest")
        ax.set_xticks(np.unique(self.n_components))
        if self.chosen is not None:
            K = self.n_components[self.chosen]
            ax.axvline(K, color="0.85", linewidth=8, zorder=0)
        plain(ax)
        legend_above(ax, self.lines_)
        return self

    def _curves(self):
        """Label, numbers of components and heights of each line."""
        labels = self.labels or [None] * len(self.n_components)
        curves = []
        for name, values in self.values.items():
            finite = np.isfinite(values)
            heights = (values - values[finite].min(initial=np.inf)) / 2
            for label in dict.fromkeys(labels):
                shown = np.array([other == label for other in labels]) & finite
                order = np.flatnonzero(shown)
                order = order[np.argsort(self.n_components[order], kind="stable")]
                text = name.upper() if label is None else f"{name.upper()}, {label}"
                curves.append((text, self.n_components[order], heights[order]))
        return curves
