"""Quantile residuals, to check the model."""

import numpy as np
from scipy import stats

from .._data.row_data import OF_ROWS, row_arguments
from .._docs import documented
from .._inside import inside
from .._responses import number_of_response
from ..residuals import quantile_residuals
from ._style import GREY, PALETTE, plain, several_axes


@documented
class QuantileResidualDisplay:
    """Quantile residuals of a mixture, against normal quantiles and predictions.

    Under the true model, they are independent and standard normal, whatever the family.
    So points on the left follow the diagonal, and points on the right show neither a
    trend nor a changing spread. The band on the left is pointwise: under the true
    model, each of the ordered residuals is inside with probability `level`.

    Use `from_estimator` to create it; the constructor stores arrays.

    Parameters
    ----------
    residuals : ndarray of shape (n_samples,)
        Quantile residuals.
    predictions : ndarray of shape (n_samples,)
        Expected responses.
    {level}

    Attributes
    ----------
    {axes_, figure_}

    Examples
    --------
    >>> from mixreg_sklearn import MixtureRegressor
    >>> from mixreg_sklearn.datasets import load_two_lines
    >>> from mixreg_sklearn.plotting import QuantileResidualDisplay
    >>> X, y = load_two_lines(return_X_y=True)
    >>> model = MixtureRegressor(n_components=2, random_state=0).fit(X, y)
    >>> display = QuantileResidualDisplay.from_estimator(model, X, y)
    >>> [ax.get_xlabel() for ax in display.axes_]
    ['normal quantile', 'predicted mean']
    """

    def __init__(self, *, residuals, predictions, level=0.95):
        self.residuals, self.predictions = residuals, predictions
        self.level = level

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
        level=0.95,
        random_state=0,
        ax=None,
        scatter_kwargs=None,
    ):
        """Draw the residuals of a fitted mixture.

        Parameters
        ----------
        {estimator, X, y, response, groups_in_order, offset, trials, row_scale}
        {known_component, level}
        random_state : int, RandomState instance or None, default=0
            Source of randomness for counts, whose distribution functions have jumps.
        {panels, scatter_kwargs}

        {drawn}
        """
        found = inside(estimator)
        model, X = found.mixture, found.features(X)
        rows, of_rows = row_arguments(locals()), row_arguments(locals(), OF_ROWS)
        rows |= {"response": response, "random_state": random_state}
        residuals = quantile_residuals(model, X, y, **rows)
        predictions = model.predict(X, **of_rows)
        if predictions.ndim > 1:
            predictions = predictions[:, number_of_response(model, response)]
        # What is missing has no residual.
        seen = ~np.isnan(residuals)
        residuals, predictions = residuals[seen], predictions[seen]
        display = cls(residuals=residuals, predictions=predictions, level=level)
        return display.plot(ax, scatter_kwargs=scatter_kwargs)

    def plot(self, ax=None, *, scatter_kwargs=None):
        """Draw the plot.

        Parameters
        ----------
        {panels, scatter_kwargs}

        {drawn}
        """
        self.axes_ = several_axes(self, ax, 2, (4.0, 3.6), sharey=True)
        self.figure_ = self.axes_[0].figure
        style = {"color": PALETTE[0], "s": 12, "linewidths": 0, "alpha": 0.6}
        style |= scatter_kwargs or {}
        self._draw_normal(self.axes_[0], style)
        self._draw_spread(self.axes_[1], style)
        return self

    def _draw_normal(self, ax, style):
        ordered = np.sort(self.residuals)
        rank = np.arange(1, len(ordered) + 1)
        at = stats.norm.ppf((rank - 0.5) / len(ordered))
        # An ordered uniform number has a beta distribution.
        tails = 0.5 - 0.5 * self.level, 0.5 + 0.5 * self.level
        low, high = (
            stats.norm.ppf(stats.beta.ppf(tail, rank, rank[::-1])) for tail in tails
        )
        ax.fill_between(at, low, high, color=GREY, alpha=0.2, linewidth=0, zorder=0)
        ax.plot(at, at, color=GREY, linewidth=1, zorder=1)
        ax.scatter(at, ordered, **style)
        ax.set(xlabel="normal quantile", ylabel="quantile residual")
        plain(ax)

    def _draw_spread(self, ax, style):
        half = stats.norm.ppf(0.5 + 0.5 * self.level)
        ax.axhspan(-half, half, color=GREY, alpha=0.12, linewidth=0, zorder=0)
        ax.axhline(0, color=GREY, linewidth=1, zorder=1)
        ax.scatter(self.predictions, self.residuals, **style)
        ax.set(xlabel="predicted mean")
        plain(ax)
