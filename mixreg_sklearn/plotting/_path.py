"""Coefficients along a path of penalties, component by component."""

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import issparse
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from .._component_names import names_of_components
from .._docs import documented
from .._inside import inside, of_one_response
from ._candidates import one_further
from ._style import GREY, colors, plain, several_axes, strength_axis

# Features that have a color and a name, and the styles of their lines.
_NAMED, _STYLES = 7, ("-", "--", "-.")
_FAINT = "0.7"


@documented
class CoefficientPathDisplay:
    """A panel for each component, with its coefficients along a path of penalties.

    A line is a feature. The horizontal axis is `alpha`, the mean over the components,
    from the strongest penalty to the weakest one, and a vertical line marks the fit
    chosen. The features with the largest coefficients there have a color and a name,
    the same in all panels; other features with a coefficient there are dark, and those
    without are light. Features that have none along all of the path are not drawn.

    Fits number their components by share, which changes along a path. So each fit is
    put in that order of components in which it is nearest to its neighbor, beginning
    at the one chosen.

    Use `from_estimator` to create it; the constructor stores arrays.

    Parameters
    ----------
    alphas : ndarray of shape (n_alphas,)
        Mean strength of the penalty of each fit.
    coef : ndarray of shape (n_alphas, n_components, n_features)
        Coefficients.
    chosen : int
        Position of the fit chosen.
    feature_names : list of str of shape (n_features,)
        Names of the features.
    {component_names}
    standardized : bool, default=False
        Whether coefficients are times the standard deviations of the features.

    Attributes
    ----------
    {axes_, figure_}
    lines_ : list of dict of str to matplotlib Line2D
        For each component the lines of the features drawn, by name.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from mixreg_sklearn import MixtureRegressorIC
    >>> from mixreg_sklearn.plotting import CoefficientPathDisplay
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> path = MixtureRegressorIC([1], alphas=10, l1_ratio=1.0).fit(X, y)
    >>> display = CoefficientPathDisplay.from_estimator(path, X)
    >>> legend = display.axes_[0].get_legend()
    >>> [text.get_text() for text in legend.get_texts()][:3]
    ['bmi', 's5', 'bp']
    """

    def __init__(
        self,
        *,
        alphas,
        coef,
        chosen,
        feature_names,
        component_names=None,
        standardized=False,
    ):
        self.alphas, self.coef, self.chosen = alphas, coef, chosen
        self.feature_names, self.component_names = feature_names, component_names
        self.standardized = standardized

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X=None,
        sample_weight=None,
        *,
        n_components=None,
        component_names=None,
        ax=None,
        line_kwargs=None,
    ):
        """Draw a path of a fitted selection.

        Parameters
        ----------
        estimator : estimator
            Fitted `MixtureRegressorIC` with `alphas`, or a pipeline or search that ends
            in one. Of several templates, the path is that of the one chosen.
        X : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
            Features of the fit. Coefficients are then drawn times the standard
            deviations of the features, as the penalty sees them. None draws them as
            they are, each in the unit of its feature.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the fit, for the standard deviations.
        n_components : int, default=None
            The number of components whose path is drawn; None for the one chosen. The
            fit marked is the best one of its path.
        {component_names}
        {panels}
        {line_kwargs}

        {drawn}
        TypeError
            If `estimator` is no `MixtureRegressorIC`.
        ValueError
            If it has no path, or none for this number of components, or several
            responses.
        """
        selection = _selection_in(estimator)
        found = of_one_response(estimator, cls.__name__)
        rows = _rows_of_path(selection, n_components)
        table, fits = selection.table_, selection.estimators_
        mixtures = [inside(fits[row]).mixture for row in rows]
        chosen = int(np.argmin(table["choice"][rows]))
        coef = np.array([fit.coef_ for fit in mixtures])
        orders = _orders(mixtures, chosen)
        coef = np.take_along_axis(coef, orders[:, :, None], axis=1)
        if X is not None:
            coef = coef * _deviations(found.features(X), coef.shape[2], sample_weight)
        display = cls(
            alphas=table["alpha"][rows],
            coef=coef,
            chosen=chosen,
            feature_names=found.names(),
            component_names=names_of_components(component_names, coef.shape[1]),
            standardized=X is not None,
        )
        return display.plot(ax, line_kwargs=line_kwargs)

    def plot(self, ax=None, *, line_kwargs=None):
        """Draw the plot.

        Parameters
        ----------
        {panels}
        {line_kwargs}

        {drawn}
        """
        K = self.coef.shape[1]
        names = names_of_components(self.component_names, K)
        self.axes_ = several_axes(self, ax, K, (3.4, 3.6), sharex=True, sharey=True)
        self.figure_ = self.axes_[0].figure
        styles = self._styles()
        self.lines_ = [
            self._draw(k, axes, styles, line_kwargs or {})
            for k, axes in enumerate(self.axes_)
        ]
        for name, axes in zip(names, self.axes_, strict=True):
            axes.set_title(name, fontsize="medium")
            strength_axis(axes, self.alphas)
            plain(axes)
        unit = " per standard deviation" if self.standardized else ""
        self.axes_[0].set_ylabel(f"coefficient{unit}")
        self._legend()
        return self

    def _draw(self, k, ax, styles, kwargs):
        ax.axhline(0, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
        ax.axvline(
            self.alphas[self.chosen], color=GREY, alpha=0.25, linewidth=5, zorder=0
        )
        lines = {}
        for j, style in styles.items():
            heights, name = self.coef[:, k, j], self.feature_names[j]
            (lines[name],) = ax.plot(
                self.alphas, heights, **(style | {"label": name} | kwargs)
            )
        return lines

    def _styles(self):
        """Keywords of the line of each feature that is drawn, the faint ones first."""
        at_chosen = np.abs(self.coef[self.chosen]).max(axis=0)
        named = self._named()
        shades = dict(zip(named, colors(len(named)), strict=True))
        styles = {}
        for j in np.flatnonzero((self.coef != 0).any(axis=(0, 1))):
            if j in shades:
                dashes = _STYLES[named.index(j) % len(_STYLES)]
                style = {"color": shades[j], "linewidth": 1.7, "linestyle": dashes}
                styles[j] = style | {"zorder": 3}
            elif at_chosen[j] > 0:
                styles[j] = {"color": GREY, "linewidth": 1.0, "zorder": 2}
            else:
                styles[j] = {"color": _FAINT, "linewidth": 0.7, "zorder": 1}
        return styles

    def _named(self):
        """Features with the largest coefficients at the fit chosen, a list."""
        size = np.abs(self.coef[self.chosen]).max(axis=0)
        order = np.argsort(-size, kind="stable")[:_NAMED]
        return [int(j) for j in order if size[j] > 0]

    def _legend(self):
        """Name the features that have a color, beside the last panel."""
        named = self._named()
        if not named:
            return
        handles = [self.lines_[0][self.feature_names[j]] for j in named]
        labels = [self.feature_names[j] for j in named]
        others = np.flatnonzero(np.abs(self.coef[self.chosen]).max(axis=0))
        others = [int(j) for j in others if j not in named]
        if others:
            handles.append(self.lines_[0][self.feature_names[others[0]]])
            labels.append(f"{len(others)} more")
        beside = {"loc": "upper left", "bbox_to_anchor": (1, 1), "frameon": False}
        self.axes_[-1].legend(handles, labels, **beside)


def _selection_in(estimator):
    """The MixtureRegressorIC in a fitted estimator, which has a path."""
    inner = estimator
    while True:
        check_is_fitted(inner)
        if hasattr(inner, "table_"):
            break
        inner = one_further(inner)
        if inner is None:
            raise TypeError(
                "estimator must be a fitted MixtureRegressorIC with alphas; got"
                f" {type(estimator).__name__}."
            )
    if inner.alphas is None:
        raise ValueError(
            "estimator has no path of penalties to draw: fit a MixtureRegressorIC with"
            " alphas, as in MixtureRegressorIC(alphas=50, l1_ratio=1.0)."
        )
    return inner


def _rows_of_path(selection, n_components):
    """Places in the table of the fits of a path, from the strongest penalty on."""
    table, best = selection.table_, selection.best_index_
    numbers = table["n_components"]
    number = numbers[best] if n_components is None else n_components
    same = table["estimator"] == table["estimator"][best]
    rows = np.flatnonzero(same & (numbers == number))
    if not len(rows):
        tried = [int(other) for other in np.unique(numbers[same])]
        raise ValueError(
            f"n_components must be among those with a path, {tried}; got"
            f" {n_components!r}."
        )
    return rows


def _orders(mixtures, chosen):
    """Components of each fit, numbered as those of the one chosen, (n_alphas, K)."""
    numbers = np.array(
        [
            np.column_stack([fit.intercept_, fit.coef_, fit.scale_, fit.weights_])
            for fit in mixtures
        ]
    )
    spread = numbers.std(axis=(0, 1))
    numbers = numbers[..., spread > 0] / spread[spread > 0]
    orders = np.tile(np.arange(numbers.shape[1]), (len(numbers), 1))
    up, down = range(chosen - 1, -1, -1), range(chosen + 1, len(numbers))
    for steps, toward in ((up, 1), (down, -1)):
        for i in steps:
            near = numbers[i + toward][orders[i + toward]]
            apart = ((near[:, None] - numbers[i][None]) ** 2).sum(axis=2)
            orders[i] = linear_sum_assignment(apart)[1]
    return orders


def _deviations(X, n_features, sample_weight):
    """Standard deviations of the features of the mixture, (d,)."""
    if not issparse(X):
        X = np.asarray(X, dtype=float)
    if X.ndim != 2 or X.shape[1] != n_features:
        raise ValueError(f"X must have {n_features} features, as in the fit.")
    weight = _check_sample_weight(sample_weight, X, dtype=float)
    weight = weight / weight.sum()
    mean = X.T @ weight
    if issparse(X):
        # Deviations of stored entries, and those of all others, which are zero.
        square = X.multiply(X).T @ weight - mean**2
    else:
        square = ((X - mean) ** 2).T @ weight
    return np.sqrt(np.maximum(square, 0.0))
