"""Estimates with their confidence intervals, by component."""

from .._component_names import names_of_components
from .._data.row_data import row_arguments
from .._docs import documented
from ..inference._inference import inference
from ._style import GREY, colors, markers, plain, several_axes


@documented
class CoefficientDisplay:
    """A panel for each parameter, with the estimate and interval of each component.

    Each panel has its own horizontal axis, as parameters differ in their units of
    measurement. Parameters that are held or have no standard error are drawn without an
    interval.

    Use `from_inference` or `from_estimator` to create it; the constructor stores
    arrays.

    Parameters
    ----------
    labels : list of str of shape (m,)
        Names of the parameters within their components.
    components : list of int of shape (m,)
        Components of the parameters.
    estimates, lower, upper : ndarray of shape (m,)
        Estimates, and the bounds of their intervals; NaN if there are none.
    {level}
    signed : list of bool of shape (m,), default=None
        Whether each is a coefficient, whose panel has a line at zero; None: all are.
    {component_names}

    Attributes
    ----------
    {axes_, figure_}

    Examples
    --------
    >>> from mixreg_sklearn import MixtureRegressor
    >>> from mixreg_sklearn.datasets import load_two_lines
    >>> from mixreg_sklearn.plotting import CoefficientDisplay
    >>> X, y = load_two_lines(return_X_y=True)
    >>> model = MixtureRegressor(n_components=2, random_state=0).fit(X, y)
    >>> display = CoefficientDisplay.from_estimator(model, X, y)
    >>> [ax.get_title() for ax in display.axes_]
    ['intercept', 'x0', 'scale', 'share']
    """

    def __init__(
        self,
        *,
        labels,
        components,
        estimates,
        lower,
        upper,
        level=0.95,
        signed=None,
        component_names=None,
    ):
        self.labels, self.components = labels, components
        self.estimates, self.lower, self.upper = estimates, lower, upper
        self.level, self.signed = level, signed
        self.component_names = component_names

    @classmethod
    def from_inference(cls, result, *, level=0.95, labels=None, ax=None):
        """Draw a result of `inference`.

        Parameters
        ----------
        result : InferenceResult
            Result of `mixreg_sklearn.inference.inference`, with its names of
            components.
        {level}
        labels : list of str, default=None
            Parameters to draw, such as `"intercept"`, `"x1"`, `"scale"`, `"share"`,
            `"gate x1"`, in this order. None draws all.
        {panels}

        {drawn}
        ValueError
            If a label is unknown.
        """
        # A term of no component, such as the share of a background, has no place.
        own = [i for i, term in enumerate(result.terms) if term.component is not None]
        known = list(dict.fromkeys(result.terms[i].label for i in own))
        places = []
        for label in known if labels is None else labels:
            if label not in known:
                raise ValueError(f"labels must be among {known}; got {label!r}.")
            places += [i for i in own if result.terms[i].label == label]
        terms = [result.terms[i] for i in places]
        names = {result.terms[i].component: result.terms[i].heading for i in own}
        lower, upper = result.conf_int(level)[places].T
        display = cls(
            labels=[term.label for term in terms],
            components=[term.component for term in terms],
            estimates=result.params[places],
            lower=lower,
            upper=upper,
            level=level,
            signed=[term.signed for term in terms],
            component_names=[names[k] for k in range(len(names))],
        )
        return display.plot(ax)

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        sample_weight=None,
        *,
        groups=None,
        offset=None,
        trials=None,
        row_scale=None,
        known_component=None,
        cov_type="information",
        level=0.95,
        labels=None,
        component_names=None,
        ax=None,
    ):
        """Draw the estimates of a fitted mixture.

        Parameters
        ----------
        {estimator, data_of_fit, known_of_fit}
        cov_type : {"information", "opg", "sandwich"}, default="information"
            As in `mixreg_sklearn.inference.inference`.
        {level}
        labels : list of str, default=None
            Parameters to draw; None draws all.
        {component_names}
        {panels}

        {drawn}
        ValueError
            If there are no standard errors, or a label is unknown.
        """
        rows = row_arguments(locals())
        kind = {"cov_type": cov_type, "component_names": component_names}
        result = inference(estimator, X, y, sample_weight, **kind, **rows)
        return cls.from_inference(result, level=level, labels=labels, ax=ax)

    def plot(self, ax=None):
        """Draw the plot.

        Parameters
        ----------
        {panels}

        {drawn}
        """
        panels = list(dict.fromkeys(self.labels))
        # A component of which no parameter is drawn keeps its place, so colors agree.
        K = max(self.components) + 1
        names = self.component_names
        names = names_of_components(names, K if names is None else len(names))[:K]
        size = (1.9, 1.3 + 0.35 * K)
        self.axes_ = several_axes(self, ax, len(panels), size, sharey=True)
        self.figure_ = self.axes_[0].figure
        for panel, axes in zip(panels, self.axes_, strict=True):
            self._draw(panel, axes, K)
        self.axes_[0].set_yticks(range(K), names)
        self.axes_[0].set_ylim(K - 0.5, -0.5)
        return self

    def _draw(self, panel, ax, K):
        shade, mark = colors(K), markers(K)
        ax.set_title(panel, fontsize="medium")
        places = [i for i, label in enumerate(self.labels) if label == panel]
        if self.signed is None or any(self.signed[i] for i in places):
            ax.axvline(0, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
        for i in places:
            k = self.components[i]
            if self.upper[i] > self.lower[i]:
                ax.plot([self.lower[i], self.upper[i]], [k, k], color=shade[k])
            ax.plot(self.estimates[i], k, mark[k], color=shade[k])
        ax.margins(x=0.15)
        ax.locator_params(axis="x", nbins=3)
        plain(ax)
