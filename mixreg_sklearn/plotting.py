"""Pictures of fitted mixtures of regressions."""

import warnings

import numpy as np
from sklearn.utils import check_array, column_or_1d
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_consistent_length, check_is_fitted

__all__ = ["MixtureRegressionDisplay"]

# Okabe & Ito (2008): colours that colour-blind readers tell apart, too.
_PALETTE = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
    "#F0E442",
)
# Opacity of a row that could be of any component, and of one that is certain.
_DOUBTFUL, _CERTAIN = 0.2, 0.85


class MixtureRegressionDisplay:
    r"""Rows, component lines and bands of a fitted mixture over one feature.

    Every row has the colour of its most probable component, and fades where its
    membership is in doubt. A line is a component's mean :math:`\mu_k(x)` with all
    other features at their mean, its band :math:`\mu_k(x) \pm 2 \sigma_k`.

    Make it with `from_estimator`; the constructor stores arrays.

    Parameters
    ----------
    x : ndarray of shape (n_samples,)
        The feature on the horizontal axis.

    y : ndarray of shape (n_samples,)
        Responses.

    probabilities : ndarray of shape (n_samples, n_components)
        Memberships of the rows.

    grid : ndarray of shape (n_points,)
        Values of the feature at which the lines are known.

    means : ndarray of shape (n_points, n_components)
        Means of the components on the grid.

    scale : ndarray of shape (n_components,)
        Standard deviations around the regressions.

    weights : ndarray of shape (n_components,)
        Shares of the components.

    feature_name : str, default="x"
        Label of the horizontal axis.

    target_name : str, default="y"
        Label of the vertical axis.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn in.

    figure_ : matplotlib Figure
        The figure that has these axes.

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
        scale,
        weights,
        feature_name="x",
        target_name="y",
    ):
        self.x = x
        self.y = y
        self.probabilities = probabilities
        self.grid = grid
        self.means = means
        self.scale = scale
        self.weights = weights
        self.feature_name = feature_name
        self.target_name = target_name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        feature=0,
        target_name=None,
        ax=None,
        scatter_kwargs=None,
        line_kwargs=None,
        band_kwargs=None,
    ):
        """Draw a fitted mixture and the rows it explains.

        Parameters
        ----------
        estimator : MixtureRegressor or MixtureRegressorIC
            Fitted mixture.
        X : array-like of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,)
            Responses.
        feature : int or str, default=0
            Feature on the horizontal axis: its index, or its name if the estimator
            was fitted with names.
        target_name : str, default=None
            Label of the vertical axis. None means the name of `y`, or else "y".
        ax : matplotlib Axes, default=None
            Axes to draw in. None makes a new figure.
        scatter_kwargs : dict, default=None
            Keywords of matplotlib's `scatter`.
        line_kwargs : dict, default=None
            Keywords of matplotlib's `plot`, by their long names (`linewidth`).
        band_kwargs : dict, default=None
            Keywords of matplotlib's `fill_between`, by their long names.

        Returns
        -------
        MixtureRegressionDisplay
            The picture.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If `feature` is not one of the estimator's features.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        if target_name is None:
            target_name = getattr(y, "name", None) or "y"
        names = getattr(estimator, "feature_names_in_", None)
        X, y = check_array(X, dtype=np.float64), column_or_1d(y)
        check_consistent_length(X, y)
        j = _position(feature, X.shape[1], names)
        grid = np.linspace(X[:, j].min(), X[:, j].max(), 201)
        along = np.tile(X.mean(axis=0), (len(grid), 1))
        along[:, j] = grid
        with warnings.catch_warnings():
            # The columns are those of fit, but the grid is an array, without names.
            warnings.filterwarnings("ignore", "X does not have valid feature names")
            means = estimator.predict_components(along)
            probabilities = estimator.predict_proba(X, y)
        display = cls(
            x=X[:, j],
            y=y,
            probabilities=probabilities,
            grid=grid,
            means=means,
            scale=estimator.scale_,
            weights=estimator.weights_,
            feature_name=f"x{j}" if names is None else names[j],
            target_name=target_name,
        )
        return display.plot(
            ax,
            scatter_kwargs=scatter_kwargs,
            line_kwargs=line_kwargs,
            band_kwargs=band_kwargs,
        )

    def plot(self, ax=None, *, scatter_kwargs=None, line_kwargs=None, band_kwargs=None):
        """Draw the picture.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in. None makes a new figure.
        scatter_kwargs : dict, default=None
            Keywords of matplotlib's `scatter`.
        line_kwargs : dict, default=None
            Keywords of matplotlib's `plot`, by their long names (`linewidth`).
        band_kwargs : dict, default=None
            Keywords of matplotlib's `fill_between`, by their long names.

        Returns
        -------
        MixtureRegressionDisplay
            This object, with the attributes of the drawing.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots(layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        self.bands_ = self._draw_bands(band_kwargs or {})
        self.scatter_ = self._draw_rows(scatter_kwargs or {})
        self.lines_ = self._draw_lines(line_kwargs or {})
        ax.set(xlabel=self.feature_name, ylabel=self.target_name)
        ax.spines[["top", "right"]].set_visible(False)
        self._draw_legend()
        return self

    def _draw_legend(self):
        # Above the axes: inside, no corner is free of rows for certain.
        n_rows = -(-len(self.lines_) // 3)
        self.ax_.legend(
            handles=self.lines_,
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=-(-len(self.lines_) // n_rows),
            frameon=False,
            handlelength=1.2,
            columnspacing=1.4,
            borderaxespad=0.3,
        )

    def _draw_rows(self, kwargs):
        from matplotlib.colors import to_rgba_array

        K = self.probabilities.shape[1]
        colors = to_rgba_array(_colors(K))[self.probabilities.argmax(axis=1)]
        if K > 1:
            certainty = (K * self.probabilities.max(axis=1) - 1) / (K - 1)
            colors[:, 3] = _DOUBTFUL + (_CERTAIN - _DOUBTFUL) * certainty
        style = {"color": colors, "s": 22, "linewidths": 0, "zorder": 2} | kwargs
        return self.ax_.scatter(self.x, self.y, **style)

    def _draw_lines(self, kwargs):
        lines = []
        for k, color in enumerate(_colors(len(self.weights))):
            label = f"component {k + 1}: {100 * self.weights[k]:.0f} %"
            style = {"color": color, "linewidth": 2, "label": label, "zorder": 3}
            lines += self.ax_.plot(self.grid, self.means[:, k], **(style | kwargs))
        return lines

    def _draw_bands(self, kwargs):
        bands = []
        for k, color in enumerate(_colors(len(self.weights))):
            low, high = (self.means[:, k] + side * self.scale[k] for side in (-2, 2))
            style = {"color": color, "alpha": 0.15, "linewidth": 0, "zorder": 1}
            bands.append(self.ax_.fill_between(self.grid, low, high, **style | kwargs))
        return bands


def _colors(n):
    return [_PALETTE[k % len(_PALETTE)] for k in range(n)]


def _position(feature, n_features, names):
    """Index of a feature given by index or name."""
    if isinstance(feature, str):
        known = [] if names is None else list(names)
        if feature in known:
            return known.index(feature)
        raise ValueError(f"feature={feature!r} is not among the names of fit: {known}.")
    if not -n_features <= feature < n_features:
        raise ValueError(
            f"feature={feature!r} is out of range: X has {n_features} features."
        )
    return feature % n_features
