"""Rootograms of memberships, to see how well components are separated."""

import numpy as np

from .._component_names import names_of_components, names_of_shares
from .._data.row_data import row_arguments
from .._docs import documented
from .._inside import inside
from ._style import colors, plain, several_axes

# Bins of the histogram.
_N_BINS = 20


@documented
class RootogramDisplay:
    """Histograms of the memberships of each component, with square roots of counts.

    Bars near 1 are rows (or groups) that almost certainly belong to the component, bars
    in the middle uncertain ones, and bars near 0 those that almost certainly do not
    belong to it. Square roots keep small bars visible. Memberships below `eps` are left
    out, as most rows are unrelated to most components.

    Use `from_estimator` to create it; the constructor stores arrays.

    Parameters
    ----------
    probabilities : ndarray of shape (n_units, n_components)
        Memberships of rows, or of groups.
    eps : float, default=1e-4
        Memberships below this value are left out.
    unit_name : str, default="rows"
        Name of the units that are counted.
    {component_names}

    Attributes
    ----------
    {axes_, figure_}
    bars_ : list of matplotlib BarContainer
        The bars of each component.

    References
    ----------
    Tantrum, J., Murua, A. & Stuetzle, W. (2003). Assessment and pruning of hierarchical
    model based clustering. Proceedings of the 9th ACM SIGKDD, 197-205. R's flexmix
    draws the same plot.

    Examples
    --------
    >>> from mixreg_sklearn import MixtureRegressor
    >>> from mixreg_sklearn.datasets import load_two_lines
    >>> from mixreg_sklearn.plotting import RootogramDisplay
    >>> X, y = load_two_lines(return_X_y=True)
    >>> model = MixtureRegressor(n_components=2, random_state=0).fit(X, y)
    >>> display = RootogramDisplay.from_estimator(model, X, y)
    >>> [len(bars) for bars in display.bars_]
    [20, 20]
    """

    def __init__(
        self, *, probabilities, eps=1e-4, unit_name="rows", component_names=None
    ):
        self.probabilities = probabilities
        self.eps, self.unit_name = eps, unit_name
        self.component_names = component_names

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        groups=None,
        offset=None,
        trials=None,
        row_scale=None,
        known_component=None,
        eps=1e-4,
        component_names=None,
        ax=None,
        bar_kwargs=None,
    ):
        """Draw the memberships of a fitted mixture.

        Parameters
        ----------
        {estimator, X, y, groups, offset, trials, row_scale, known_component}
        eps : float, default=1e-4
            Memberships below this value are left out.
        {component_names}
        {panels, bar_kwargs}

        {drawn}
        """
        found = inside(estimator)
        rows = row_arguments(locals())
        model, X = found.mixture, found.features(X)
        if groups is None:
            probabilities = model.predict_proba(X, y, **rows)
        else:
            _, probabilities = model.predict_group_proba(X, y, **rows)
        display = cls(
            probabilities=probabilities,
            eps=eps,
            unit_name="rows" if groups is None else "groups",
            component_names=names_of_shares(component_names, model),
        )
        return display.plot(ax, bar_kwargs=bar_kwargs)

    def plot(self, ax=None, *, bar_kwargs=None):
        """Draw the plot.

        Parameters
        ----------
        {panels, bar_kwargs}

        {drawn}
        """
        K = self.probabilities.shape[1]
        names = names_of_components(self.component_names, K)
        self.axes_ = several_axes(self, ax, K, (2.2, 2.8), sharex=True, sharey=True)
        self.figure_ = self.axes_[0].figure
        self.bars_ = [
            self._draw(k, self.axes_[k], color, bar_kwargs or {})
            for k, color in enumerate(colors(K))
        ]
        for name, axes in zip(names, self.axes_, strict=True):
            axes.set_title(name, fontsize="medium")
        self.axes_[0].set_ylabel(f"{self.unit_name} (root scale)")
        return self

    def _draw(self, k, ax, color, kwargs):
        values = self.probabilities[:, k]
        counts, edges = np.histogram(values[values >= self.eps], _N_BINS, (0, 1))
        style = {"color": color, "edgecolor": "white", "linewidth": 0.5} | kwargs
        bars = ax.bar(edges[:-1], np.sqrt(counts), 1 / _N_BINS, align="edge", **style)
        ax.set(xlabel="membership", xlim=(0, 1))
        ax.set_xticks((0, 0.5, 1), ("0", "0.5", "1"))
        _root_ticks(ax)
        plain(ax)
        return bars


def _root_ticks(ax):
    """Put ticks at square roots, labeled with the counts themselves."""
    most = max(ax.get_ylim()[1] ** 2, 4.0)
    counts = [m * 10**e for e in range(9) for m in (1, 4) if m * 10**e <= most]
    counts = [0, *counts[-4:]]
    ax.set_yticks(np.sqrt(counts), [f"{c:g}" for c in counts])
