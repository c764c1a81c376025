"""Rows, component lines and bands over one feature."""

import warnings

import numpy as np
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.validation import check_consistent_length

from .._docs import documented
from .._inside import inside
from ._style import colors, legend_above, one_axes, plain

# Opacity of a row that is equally likely in all components, and of a certain one.
_DOUBTFUL, _CERTAIN = 0.2, 0.85


@documented
class MixtureRegressionDisplay:
    r"""Rows, component lines and bands of a fitted mixture over one feature.

    Every row has the color of its most probable component, and fades if its
    membership is uncertain. A line is the mean :math:`\mu_k(x)` of a component with all
    other features, and an offset, at their means, and trials at their median; its band
    is the central 95 % of the component's distribution. Both end where the component
    has no distribution, as its linear predictor leaves the domain of the link.

    Use `from_estimator` to create it; the constructor stores arrays.

    Parameters
    ----------
    x : ndarray of shape (n_samples,)
        Values of the feature on the horizontal axis.
    y : ndarray of shape (n_samples,)
        Responses.
    probabilities : ndarray of shape (n_samples, n_components)
        Memberships of the rows.
    grid : ndarray of shape (n_points,)
        Values of the feature at which the lines are computed.
    means : ndarray of shape (n_points, n_components)
        Means of the components on the grid, NaN where they have no distribution.
    lower, upper : ndarray of shape (n_points, n_components)
        Quantiles of the components on the grid, NaN where they have no distribution.
    weights : ndarray of shape (n_components,)
        Shares of the components.
    feature_name : str, default="x"
        Label of the horizontal axis.
    target_name : str, default="y"
        Label of the vertical axis.

    Attributes
    ----------
    {ax_, figure_}
    scatter_ : matplotlib PathCollection
        The rows.
    lines_ : list of matplotlib Line2D
        The component lines.
    bands_ : list of matplotlib PolyCollection
        The bands around them.

    Examples
    --------
    >>> from mixreg_sklearn import MixtureRegressor
    >>> from mixreg_sklearn.datasets import load_two_lines
    >>> from mixreg_sklearn.plotting import MixtureRegressionDisplay
    >>> X, y = load_two_lines(return_X_y=True, as_frame=True)
    >>> model = MixtureRegressor(n_components=2, random_state=0).fit(X, y)
    >>> display = MixtureRegressionDisplay.from_estimator(model, X, y)
    >>> display.ax_.get_xlabel(), display.ax_.get_ylabel()
    ('x', 'y')
    """

    def __init__(
        self,
        *,
        x,
        y,
        probabilities,
        grid,
        means,
        lower,
        upper,
        weights,
        feature_name="x",
        target_name="y",
    ):
        self.x, self.y, self.probabilities = x, y, probabilities
        self.grid, self.means, self.lower, self.upper = grid, means, lower, upper
        self.weights = weights
        self.feature_name, self.target_name = feature_name, target_name

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
        feature=0,
        level=0.95,
        target_name=None,
        ax=None,
        scatter_kwargs=None,
        line_kwargs=None,
        band_kwargs=None,
    ):
        """Draw a fitted mixture and its rows.

        Parameters
        ----------
        {estimator, X, y, groups, offset, trials}
        feature : int or str, default=0
            Feature on the horizontal axis: its index, or its name if the estimator
            was fitted with names.
        {level}
        target_name : str, default=None
            Label of the vertical axis. None means the name of `y`, or "y" without a
            name.
        {ax, scatter_kwargs, line_kwargs, band_kwargs}

        {drawn}
        ValueError
            If `feature` is not one of the estimator's features.
        """
        found = inside(estimator)
        model, X = found.mixture, found.features(X)
        if target_name is None:
            target_name = getattr(y, "name", None) or "y"
        names = found.names()
        X, y = check_array(X, dtype=np.float64), column_or_1d(y)
        check_consistent_length(X, y)
        j = _position(feature, X.shape[1], names)
        grid = np.linspace(X[:, j].min(), X[:, j].max(), 201)
        with warnings.catch_warnings():
            # The columns are those of `fit`, but the grid is an array without names.
            warnings.filterwarnings("ignore", "X does not have valid feature names")
            probabilities = model.predict_proba(
                X, y, groups=groups, offset=offset, trials=trials
            )
            means, lower, upper = _along(model, X, j, grid, offset, trials, level)
        display = cls(
            x=X[:, j],
            y=y,
            probabilities=probabilities,
            grid=grid,
            means=means,
            lower=lower,
            upper=upper,
            weights=model.weights_,
            feature_name=names[j],
            target_name=target_name,
        )
        return display.plot(
            ax,
            scatter_kwargs=scatter_kwargs,
            line_kwargs=line_kwargs,
            band_kwargs=band_kwargs,
        )

    def plot(self, ax=None, *, scatter_kwargs=None, line_kwargs=None, band_kwargs=None):
        """Draw the plot.

        Parameters
        ----------
        {ax, scatter_kwargs, line_kwargs, band_kwargs}

        {drawn}
        """
        ax = one_axes(self, ax)
        self.ax_, self.figure_ = ax, ax.figure
        self.bands_ = self._draw_bands(band_kwargs or {})
        self.scatter_ = self._draw_rows(scatter_kwargs or {})
        self.lines_ = self._draw_lines(line_kwargs or {})
        ax.set(xlabel=self.feature_name, ylabel=self.target_name)
        plain(ax)
        legend_above(ax, self.lines_)
        return self

    def _draw_rows(self, kwargs):
        from matplotlib.colors import to_rgba_array

        K = self.probabilities.shape[1]
        shades = to_rgba_array(colors(K))[self.probabilities.argmax(axis=1)]
        if K > 1:
            certainty = (K * self.probabilities.max(axis=1) - 1) / (K - 1)
            shades[:, 3] = _DOUBTFUL + (_CERTAIN - _DOUBTFUL) * certainty
        style = {"color": shades, "s": 22, "linewidths": 0, "zorder": 2} | kwargs
        return self.ax_.scatter(self.x, self.y, **style)

    def _draw_lines(self, kwargs):
        lines = []
        for k, color in enumerate(colors(len(self.weights))):
            label = f"component {k}: {100 * self.weights[k]:.0f} %"
            style = {"color": color, "linewidth": 2, "label": label, "zorder": 3}
            lines += self.ax_.plot(self.grid, self.means[:, k], **(style | kwargs))
        return lines

    def _draw_bands(self, kwargs):
        bands = []
        for k, color in enumerate(colors(len(self.weights))):
            low, high = self.lower[:, k], self.upper[:, k]
            style = {"color": color, "alpha": 0.15, "linewidth": 0, "zorder": 1}
            bands.append(self.ax_.fill_between(self.grid, low, high, **style | kwargs))
        return bands


def _along(model, X, j, grid, offset, trials, level):
    """Means and quantiles of the components on the grid, each (n_points, K)."""
    along = np.tile(X.mean(axis=0), (len(grid), 1))
    along[:, j] = grid
    given = {}
    if offset is not None:
        given["offset"] = np.full(len(grid), np.mean(offset))
    if trials is not None:
        given["trials"] = np.full(len(grid), np.floor(np.median(trials)))
    ahead = model.predict_distribution(along, **given)
    inside = ahead.defined()
    curves = np.full((3, *inside.shape), np.nan)
    for k, one in enumerate(np.eye(inside.shape[1])):
        at = inside[:, k]
        if at.any():
            alone = ahead[at].reweighted(one)
            curves[:, at, k] = alone.mean(), *alone.interval(level)
    return curves


def _position(feature, n_features, names):
    """Index of a feature given by index or name."""
    if isinstance(feature, str):
        known = [] if names is None else list(names)
        if feature in known:
            return known.index(feature)
        raise ValueError(
            f"feature={feature!r} is not among the names passed to fit: {known}."
        )
    if not -n_features <= feature < n_features:
        raise ValueError(
            f"feature={feature!r} is out of range: X has {n_features} features."
        )
    return feature % n_features
