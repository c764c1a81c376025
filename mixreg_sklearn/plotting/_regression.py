"""Rows, component lines and bands over one feature."""

import warnings
from textwrap import fill

import numpy as np
from sklearn.utils.validation import check_consistent_length

from .._component_names import names_of_components
from .._data.row_data import OF_ROWS, row_arguments
from .._docs import documented
from .._inside import inside
from .._responses import (
    drawn_response,
    name_of_response,
    number_of_response,
    of_response,
)
from ._along import Along
from ._raw import Raw
from ._style import colors, colors_of_shares, legend_above, one_axes, outlined, plain

# Opacity of a row that is equally likely in all components, and of a certain one.
_DOUBTFUL, _CERTAIN = 0.2, 0.85
# Rows up to which points have their full size (points squared) and opacity, the least
# of both, and the rows from which points are drawn as pixels in vector graphics.
_FEW, _SIZE, _LEAST_SIZE, _LEAST_OPACITY, _MANY = 300, 22.0, 3.0, 0.25, 5000
# Letters of a line of the vertical label.
_WIDTH = 40


@documented
class MixtureRegressionDisplay:
    r"""Rows, component lines and bands of a fitted mixture over one feature.

    Every row has the color of its most probable component, and fades if its
    membership is uncertain. A line is the mean :math:`\mu_k(x)` of a component, its
    band the central 95 % of its distribution. Both end where the component has no
    distribution, as its linear predictor leaves the domain of the link.

    One feature varies. In a pipeline it is a feature of the pipeline's input, from
    which the steps make polynomials, splines or interactions, so that lines are those
    that were fitted. All other features are held at a value that occurs, the lower
    median of numbers or the most frequent level of words; an offset is held at its
    median, and trials at theirs, rounded down.

    Rows are drawn as if they had the held values, too: each moves with its most
    probable component and keeps its Pearson residual,

    .. math:: y' = \mu_k(h) + \frac{\sigma_k(h)}{\sigma_k(x)} (y - \mu_k(x)),

    with the row's features x and the held values h. For gaussian components this is the
    partial residual [1]_. The vertical axis says at what values rows are drawn.
    Responses that are bounded above (binomial, beta) stay where they are, but for the
    number of trials, and the axis says that only the lines are at held values.

    Use `from_estimator` to create it; the constructor stores arrays.

    Parameters
    ----------
    x : ndarray of shape (n_samples,)
        Values of the feature on the horizontal axis.
    y : ndarray of shape (n_samples,)
        Responses, at the held values of other features.
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
    {component_names}

    Attributes
    ----------
    {ax_, figure_}
    scatter_ : matplotlib PathCollection
        The rows.
    lines_ : list of matplotlib Line2D
        The component lines.
    bands_ : list of matplotlib PolyCollection
        The bands around them.

    References
    ----------
    .. [1] Larsen, W. A. & McCleary, S. J. (1972). The use of partial residual plots in
       regression analysis. Technometrics 14, 781-790.

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

    With a pipeline, lines are curves over the feature that the pipeline takes:

    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import SplineTransformer
    >>> pipe = make_pipeline(SplineTransformer(n_knots=3), model).fit(X, y)
    >>> display = MixtureRegressionDisplay.from_estimator(pipe, X, y)
    >>> display.ax_.get_xlabel()
    'x'
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
        component_names=None,
    ):
        self.x, self.y, self.probabilities = x, y, probabilities
        self.grid, self.means, self.lower, self.upper = grid, means, lower, upper
        self.weights = weights
        self.feature_name, self.target_name = feature_name, target_name
        self.component_names = component_names

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        response=None,
        groups=None,
        offset=None,
        trials=None,
        row_scale=None,
        known_component=None,
        feature=None,
        level=0.95,
        target_name=None,
        component_names=None,
        ax=None,
        scatter_kwargs=None,
        line_kwargs=None,
        band_kwargs=None,
    ):
        """Draw a fitted mixture and its rows.

        Parameters
        ----------
        {estimator}
        X : array-like of shape (n_samples, n_features)
            Features, as `estimator` takes them.
        {y, response, groups, offset, trials, row_scale, known_component}
        feature : int or str, default=None
            Feature of X on the horizontal axis: its index, or its name. None chooses
            a feature of numbers with more than two values: of those along which
            component means move at least half as far as along any other (between
            its quantiles of 5 and 95 %), the one with the most values, and the first
            of several. It is not the `offset_feature`.
        {level}
        target_name : str, default=None
            Name of the response on the vertical axis. None means the name of `y`, or
            "y" without a name.
        {component_names, ax, scatter_kwargs, line_kwargs, band_kwargs}

        {drawn}
        ValueError
            If `feature` is not a feature of X, or has words, if the pipeline refuses
            values between those of X, or `component_names` are not one name for each
            component.
        """
        found = inside(estimator)
        number = number_of_response(found.mixture, response)
        if target_name is None:
            target_name = name_of_response(found.mixture, y, number)
        names = getattr(estimator, "feature_names_in_", None)
        raw, points = Raw(X, names), drawn_response(found.mixture, y, number)
        check_consistent_length(X, y)
        with warnings.catch_warnings():
            # X may be an array although the fit had names; its columns are the same.
            warnings.filterwarnings("ignore", "X does not have valid feature names")
            features = found.features(X)
            rows = row_arguments(locals())
            probabilities = found.mixture.predict_proba(features, y, **rows)
            which = of_response(found.mixture, response)
            along = Along(found, raw, row_arguments(locals(), OF_ROWS), which)
            j = along.default() if feature is None else raw.position(feature)
            x, grid = _grid(raw, j)
            means, lower, upper = _curves(along, j, grid, level)
            members = probabilities.argmax(axis=1)
            points, held = along.moved(j, features, points, members)
        display = cls(
            x=x,
            y=points,
            probabilities=probabilities,
            grid=grid,
            means=means,
            lower=lower,
            upper=upper,
            weights=found.mixture.weights_,
            feature_name=raw.names[j],
            target_name=f"{target_name}{held}",
            component_names=component_names,
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
        label = fill(self.target_name, _WIDTH)
        ax.set(xlabel=self.feature_name, ylabel=label)
        plain(ax)
        legend_above(ax, self.lines_)
        return self

    def _draw_rows(self, kwargs):
        from matplotlib.colors import to_rgba_array

        n, K = self.probabilities.shape
        shades = to_rgba_array(colors_of_shares(len(self.weights), K))
        shades = shades[self.probabilities.argmax(axis=1)]
        if K > 1:
            certainty = (K * self.probabilities.max(axis=1) - 1) / (K - 1)
            shades[:, 3] = _DOUBTFUL + (_CERTAIN - _DOUBTFUL) * certainty
        # The ink of all points together grows with the fourth root of their number.
        crowd = min(1.0, (_FEW / n) ** 0.5)
        shades[:, 3] *= max(crowd**0.5, _LEAST_OPACITY)
        size = max(_SIZE * crowd, _LEAST_SIZE)
        style = {"color": shades, "s": size, "linewidths": 0, "zorder": 2}
        style |= {"rasterized": n > _MANY}
        return self.ax_.scatter(self.x, self.y, **(style | kwargs))

    def _draw_lines(self, kwargs):
        names = names_of_components(self.component_names, len(self.weights))
        lines = []
        for k, color in enumerate(colors(len(self.weights))):
            label = f"{names[k]}: {100 * self.weights[k]:.0f} %"
            style = {"color": color, "linewidth": 2, "label": label, "zorder": 3}
            style |= kwargs
            style.setdefault("path_effects", outlined(style["linewidth"], self.ax_))
            lines += self.ax_.plot(self.grid, self.means[:, k], **style)
        return lines

    def _draw_bands(self, kwargs):
        bands = []
        for k, color in enumerate(colors(len(self.weights))):
            low, high = self.lower[:, k], self.upper[:, k]
            style = {"color": color, "alpha": 0.15, "linewidth": 0, "zorder": 1}
            bands.append(self.ax_.fill_between(self.grid, low, high, **style | kwargs))
        return bands


def _grid(raw, j):
    """Feature j of the rows (n,), and the values at which lines are computed."""
    x = raw.numbers(j)
    if x is None:
        raise ValueError(
            f"feature={raw.names[j]!r} has words: lines need a feature of numbers."
        )
    return x, np.linspace(np.nanmin(x), np.nanmax(x), 201)


def _curves(along, j, grid, level):
    try:
        return along.curves(j, grid, level)
    except ValueError as error:
        name = along.raw.names[j]
        raise ValueError(
            f"feature={name!r} has no lines, as values between those of X are refused."
            f" Choose another feature. ({error})"
        ) from error
