"""Text shared by several docstrings."""

import inspect
import re

_TEXTS = """\
X : {array-like, sparse matrix} of shape (n_samples, n_features)
    Features.
y : array-like of shape (n_samples,)
    Responses; (n_samples, 2) for bounds of censored ones, see `families.Censored`.
sample_weight : array-like of shape (n_samples,), default=None
    Non-negative weights; a weight counts the row, or the group, that many times.
    Constant within a group.
groups : array-like of shape (n_samples,), default=None
    Labels of groups of rows that share one component; None if rows are independent.
offset : array-like of shape (n_samples,), default=None
    Added to the linear predictor of every component, with coefficient one.
trials : array-like of shape (n_samples,), default=None
    Binomial family: number of trials of each row, whose successes are the response; by
    default 1.
row_scale : array-like of shape (n_samples,), default=None
    Known factor of each row on the scale of its component, such as relative error bars:
    the standard deviation of a gaussian row is ``scale_[k] * row_scale``.
known_component : array-like of shape (n_samples,), default=None
    What is known of the components of rows: a component's number, -1 where it is
    unknown. Or probabilities, of shape (n_samples, n_components), by which the
    densities of the components are multiplied: relative to the largest of the row.
    Constant within a group.
response : int, str or None, default=None
    Number or name of the response, if the model has several; required then.
random_state : int, RandomState instance or None, default=None
    Source of randomness.
size : int or None, default=None
    Number of draws for each row; None means one, without the second axis.
component_names : list of str, default=None
    Names of the components in tables and plots, in their order; None means "component
    0", "component 1" and so on.
model : estimator
    Fitted mixture, or a pipeline or search with one inside.
n_features_in_ : int
    Number of features seen during fit.
feature_names_in_ : ndarray of shape (`n_features_in_`,)
    Names of features seen during fit; only if X has names that are all strings.
estimator : estimator
    Fitted mixture, or a pipeline or search with one inside.
level : float, default=0.95
    Probability of the intervals or bands.
ax : matplotlib Axes, default=None
    Axes to draw in. None creates a new figure.
scatter_kwargs : dict, default=None
    Keywords for matplotlib's `scatter`.
line_kwargs : dict, default=None
    Keywords for matplotlib's `plot`, by their long names (`linewidth`).
band_kwargs : dict, default=None
    Keywords for matplotlib's `fill_between`, by their long names.
bar_kwargs : dict, default=None
    Keywords for matplotlib's `bar`.
ax_ : matplotlib Axes
    Axes of the plot.
axes_ : ndarray of matplotlib Axes of shape (n_panels,)
    Axes of the plot.
figure_ : matplotlib Figure
    Figure that contains these axes."""

# Texts whose placeholder is not the name of a parameter.
_FURTHER = {
    "fitted_model": """\
model : estimator
    Fitted mixture: a `MixtureRegressor`, a `Pipeline` that ends in one (X is then as
    the pipeline takes it), or a `MixtureRegressorIC`, `GridSearchCV` or other search,
    which stands for its best estimator.""",
    "data_of_fit": """\
X : array-like of shape (n_samples, n_features)
    Features of the fit.
y : array-like of shape (n_samples,)
    Responses of the fit.
sample_weight : array-like of shape (n_samples,), default=None
    Weights of the fit, which count rows (or groups).
groups : array-like of shape (n_samples,), default=None
    Groups of the fit, whose rows share one component.
offset : array-like of shape (n_samples,), default=None
    Offset of the fit.
trials : array-like of shape (n_samples,), default=None
    Trials of the fit.
row_scale : array-like of shape (n_samples,), default=None
    Row scales of the fit.""",
    "known_of_fit": """\
known_component : array-like of shape (n_samples,), default=None
    Known components of the fit.""",
    "drawn": """\
Returns
-------
Self
    The display with its plot.

Raises
------
ImportError
    If matplotlib is not installed.""",
    "groups_in_order": """\
groups : array-like of shape (n_samples,), default=None
    Labels of groups of rows that share one component. A row is then predicted from the
    rows of its group before it (Rosenblatt's transformation).""",
    "at_responses": """\
Parameters
----------
y : float or array-like of shape (n_samples,) or (n_samples, m)
    Responses.

Returns
-------
ndarray of shape (n_samples,) or (n_samples, m)
    A value for each response.""",
    "lifetimes": """\
`y` has exact times, (n,), or two bounds of each, (n, 2), as `censored` makes them:
equal where the time is known, ``(t, inf)`` where it is only known to exceed t,
``(0, t)`` where it is known to be less.

References
----------
Kalbfleisch, J. D. & Prentice, R. L. (2002). The Statistical Analysis of Failure Time
Data, 2nd ed., chapter 2. Wiley.""",
    "criterion": """\
Parameters
----------
{X, y, sample_weight, groups, offset}
**row_data : array-like of shape (n_samples,)
    `trials`, `row_scale` and `known_component`, as `fit` takes them.

Returns
-------
float
    The criterion; lower is better.""",
    "loader": """\
Parameters
----------
return_X_y : bool, default=False
    Whether to return ``(data, target)`` instead of a Bunch.
as_frame : bool, default=False
    Whether to return the data as a pandas DataFrame and the target as a Series; needs
    pandas.

Returns
-------
data : Bunch
    A dictionary with attributes: `data` (n_samples, n_features), `target` (n_samples,),
    `feature_names`, `target_name`, `frame` (all columns in one DataFrame, None unless
    `as_frame`) and `DESCR`.
(data, target) : tuple if `return_X_y`
    Features and response.""",
    "panels": """\
ax : matplotlib Axes or array-like of Axes, default=None
    One axes for each panel, or one to be divided. None creates a new figure.""",
}

_BY_NAME = _FURTHER | {
    text.split(" : ")[0]: text for text in re.split(r"\n(?=\S)", _TEXTS)
}
_PLACEHOLDER = re.compile(r"^( *)\{([\w, ]+)\}$", re.MULTILINE)


def documented(target):
    """Fill the placeholders in docstrings of a function, or of a class and its methods.

    A placeholder is a separate line, ``{X, y, offset}``, in place of the entries of
    these parameters. It does nothing without docstrings (``python -OO``).
    """
    members = vars(target).values() if inspect.isclass(target) else ()
    functions = (getattr(member, "__func__", member) for member in members)
    for each in (target, *filter(inspect.isfunction, functions)):
        if each.__doc__:
            each.__doc__ = _PLACEHOLDER.sub(_filled, each.__doc__)
    return target


def _filled(match):
    """The indented entries for a placeholder, which may have placeholders again."""
    indent, names = match.groups()
    entries = "\n".join(_BY_NAME[name] for name in names.split(", "))
    entries = _PLACEHOLDER.sub(_filled, entries)
    return re.sub("^", indent, entries, flags=re.MULTILINE)
