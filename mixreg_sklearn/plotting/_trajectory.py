"""Lines of individuals over time, and the trajectories of their components."""

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
from ..inference import inference
from ..inference._bands import mean_bands
from ..predictive._components import raw_means
from ._along import held_at
from ._raw import Raw
from ._style import colors, colors_of_shares, legend_above, one_axes, plain
from ._time import time_of

_N_POINTS = 101
# Opacity of an individual that is certain, by their number: many lines are a texture.
_INK, _FAINTEST, _STRONGEST = 50, 0.08, 0.55


@documented
class TrajectoryDisplay:
    r"""Trajectories of components over time, and the lines of the individuals.

    A thin line joins the responses of an individual, in the color of its most probable
    component; it fades if the membership is uncertain. A thick line is the mean
    :math:`\mu_k(t)` of a component, with all other features, an offset and trials at
    their medians (columns of words at their most frequent value).
    Its band is a pointwise confidence band of that *mean*, as trajectory software draws
    it: it says how well the trajectory is known, not where responses lie.

    Use `from_estimator` to create it; the constructor stores arrays.

    Parameters
    ----------
    time : ndarray of shape (n_samples,)
        Time of each row.
    y : ndarray of shape (n_samples,)
        Responses.
    individual : ndarray of int of shape (n_samples,)
        Position of the individual of each row in `probabilities`.
    probabilities : ndarray of shape (n_groups, n_components)
        Memberships of the individuals.
    grid : ndarray of shape (n_points,)
        Times at which the trajectories are computed.
    means : ndarray of shape (n_points, n_components)
        Means of the components, NaN where they have no distribution.
    lower, upper : ndarray of shape (n_points, n_components) or None
        Their confidence limits, or None.
    weights : ndarray of shape (n_components,)
        Shares of the components.
    {component_names}
    time_name : str, default="time"
        Label of the horizontal axis.
    target_name : str, default="y"
        Label of the vertical axis.

    Attributes
    ----------
    {ax_, figure_}
    paths_ : matplotlib LineCollection
        The individuals.
    lines_ : list of matplotlib Line2D
        The trajectories.
    bands_ : list of matplotlib PolyCollection
        The bands around them; empty without limits.

    References
    ----------
    Jones, B. & Nagin, D. (2013). A note on a Stata plugin for estimating group-based
    trajectory models. Sociological Methods & Research 42, 608-613.

    Examples
    --------
    >>> import numpy as np
    >>> from mixreg_sklearn import MixtureRegressor
    >>> from mixreg_sklearn.plotting import TrajectoryDisplay
    >>> rng = np.random.default_rng(0)
    >>> patient, month = np.repeat(np.arange(60), 4), np.tile(np.arange(4.0), 60)
    >>> slope = np.where(patient < 20, -1.5, 0)
    >>> y = 7 + slope * month + rng.normal(size=240)
    >>> X = month[:, None]
    >>> model = MixtureRegressor(2, random_state=0).fit(X, y, groups=patient)
    >>> display = TrajectoryDisplay.from_estimator(
    ...     model, X, y, groups=patient, time=0, component_names=["stable", "better"]
    ... )
    >>> [line.get_label() for line in display.lines_]
    ['stable: 65 %', 'better: 35 %']
    """

    def __init__(
        self,
        *,
        time,
        y,
        individual,
        probabilities,
        grid,
        means,
        lower,
        upper,
        weights,
        component_names=None,
        time_name="time",
        target_name="y",
    ):
        self.time, self.y, self.individual = time, y, individual
        self.probabilities = probabilities
        self.grid, self.means, self.lower, self.upper = grid, means, lower, upper
        self.weights, self.component_names = weights, component_names
        self.time_name, self.target_name = time_name, target_name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        sample_weight=None,
        *,
        groups,
        time,
        response=None,
        offset=None,
        trials=None,
        row_scale=None,
        known_component=None,
        level=0.95,
        component_names=None,
        target_name=None,
        ax=None,
        path_kwargs=None,
        line_kwargs=None,
        band_kwargs=None,
    ):
        """Draw a fitted mixture over time.

        Parameters
        ----------
        {estimator, X, y}
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the fit, for the bands.
        groups : array-like of shape (n_samples,)
            The individual of each row.
        time : int or str
            Feature that is the time: its index in X, or its name if X is a dataframe.
            If powers of it, or splines, are in the regressions, a pipeline has to make
            them: then the time varies and everything made from it follows.
        {response, offset, trials, row_scale, known_component}
        level : float or None, default=0.95
            Probability of the confidence bands; None draws none.
        {component_names}
        target_name : str, default=None
            Label of the vertical axis. None means the name of `y`, or "y" without a
            name.
        {ax}
        path_kwargs : dict, default=None
            Keywords for matplotlib's `LineCollection` of individuals.
        {line_kwargs, band_kwargs}

        {drawn}
        ValueError
            If `time` is not a column of X or constant, if another column of X is a
            function of it, or if there are no standard errors for `level`.
        """
        found = inside(estimator)
        number = number_of_response(found.mixture, response)
        rows, of_rows = row_arguments(locals()), row_arguments(locals(), OF_ROWS)
        model = found.mixture
        if target_name is None:
            target_name = name_of_response(model, y, number)
        if groups is None:
            raise ValueError(
                "groups is None: it says to which individual a row belongs."
            )
        names_of_components(component_names, len(model.weights_))
        raw = Raw(X)
        j, values = time_of(raw, time)
        grid = np.linspace(values.min(), values.max(), _N_POINTS)
        features = found.features(X)
        _, probabilities = model.predict_group_proba(features, y, **rows)
        Z = found.features(raw.with_columns({j: grid}))
        held = {name: np.full(len(grid), v) for name, v in held_at(of_rows).items()}
        ahead = model.predict_distribution(Z, **held, **of_response(model, response))
        lower = upper = None
        if level is not None:
            result = inference(model, features, y, sample_weight, **rows)
            lower, upper = mean_bands(
                result, np.asarray(Z, float), ahead, level, number
            )
        display = cls(
            time=values,
            y=drawn_response(model, y, number),
            individual=np.unique(np.asarray(groups), return_inverse=True)[1].ravel(),
            probabilities=probabilities,
            grid=grid,
            means=raw_means(ahead),
            lower=lower,
            upper=upper,
            weights=model.weights_,
            component_names=component_names,
            time_name=raw.names[j],
            target_name=target_name,
        )
        return display.plot(
            ax,
            path_kwargs=path_kwargs,
            line_kwargs=line_kwargs,
            band_kwargs=band_kwargs,
        )

    def plot(self, ax=None, *, path_kwargs=None, line_kwargs=None, band_kwargs=None):
        """Draw the plot.

        Parameters
        ----------
        {ax}
        path_kwargs : dict, default=None
            Keywords for matplotlib's `LineCollection` of individuals.
        {line_kwargs, band_kwargs}

        {drawn}
        """
        check_consistent_length(self.time, self.y, self.individual)
        ax = one_axes(self, ax)
        self.ax_, self.figure_ = ax, ax.figure
        self.paths_ = self._draw_individuals(path_kwargs or {})
        self.bands_ = self._draw_bands(band_kwargs or {})
        self.lines_ = self._draw_lines(line_kwargs or {})
        ax.set(xlabel=self.time_name, ylabel=self.target_name)
        plain(ax)
        legend_above(ax, self.lines_)
        return self

    def _draw_individuals(self, kwargs):
        from matplotlib.collections import LineCollection
        from matplotlib.colors import to_rgba_array

        n, K = self.probabilities.shape
        order = np.lexsort((self.time, self.individual))
        points = np.column_stack([self.time, self.y])[order]
        ends = np.flatnonzero(np.diff(self.individual[order])) + 1
        shades = to_rgba_array(colors_of_shares(len(self.weights), K))
        shades = shades[self.probabilities.argmax(axis=1)]
        ink = np.clip(_INK / n, _FAINTEST, _STRONGEST)
        certainty = (K * self.probabilities.max(axis=1) - 1) / max(K - 1, 1)
        shades[:, 3] = ink if K == 1 else ink * (0.3 + 0.7 * certainty)
        style = {"colors": shades, "linewidths": 0.8, "zorder": 1} | kwargs
        paths = LineCollection(np.split(points, ends), **style)
        self.ax_.add_collection(paths)
        self.ax_.autoscale_view()
        return paths

    def _draw_bands(self, kwargs):
        if self.lower is None:
            return []
        bands = []
        for k, color in enumerate(colors(len(self.weights))):
            low, high = self.lower[:, k], self.upper[:, k]
            style = {"color": color, "alpha": 0.3, "linewidth": 0, "zorder": 2}
            bands.append(self.ax_.fill_between(self.grid, low, high, **style | kwargs))
        return bands

    def _draw_lines(self, kwargs):
        K = len(self.weights)
        names = names_of_components(self.component_names, K)
        lines = []
        for k, color in enumerate(colors(K)):
            label = f"{names[k]}: {100 * self.weights[k]:.0f} %"
            style = {"color": color, "linewidth": 2.5, "label": label, "zorder": 3}
            lines += self.ax_.plot(self.grid, self.means[:, k], **(style | kwargs))
        return lines
