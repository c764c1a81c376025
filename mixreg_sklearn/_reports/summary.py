"""The summary of a fitted mixture: one printable object."""

import numpy as np

from .._blas import one_blas_thread
from .._component_names import names_of_shares
from .._data.row_data import row_arguments
from .._docs import documented
from .._extras import check_in_memory, pandas_for
from .._rebuilt import rebuild
from .._responses import labels_of, response_names_of
from .._status import sentence
from .._thin import thin_sentences
from ..inference._inference import COV_TYPES, check_covariance, inferred
from ..inference._information import NoStandardErrors
from ..inference._table import Estimates, body_of, fixed, html_of
from ..inference._terms import terms_of, values_of
from .facts import heading, model_facts, number, response_name
from .selected import penalty_facts, selection_remarks, shown_terms
from .separation import separation_of
from .tables import (
    aligned,
    html_aligned,
    html_paragraphs,
    html_side_by_side,
    side_by_side,
    wrapped,
)

_LEGEND = (
    "size: rows most probably of the component; post>0: rows with a membership above"
    " 0.0001; ratio: size / post>0, near 1 where components are well separated"
)


class _WithoutErrors(Estimates):
    """Estimates that have no standard errors."""

    def __init__(self, terms, params):
        super().__init__(terms, params, np.full((len(terms),) * 2, np.nan), "")

    def _columns(self, level):
        return {"estimate": self.params}


class Summary:
    """Summary of a fitted mixture, as `summary` returns; ``print`` it.

    Notebooks show it as tables. The numbers are also attributes.

    Parameters
    ----------
    title : str
        What the mixture is of.
    facts : list of tuple of str
        Pairs of a label and a value that describe model, data and search.
    statistics : dict of str to float
        Log-likelihood, number of parameters, criteria and entropy.
    remarks : list of str
        Sentences on the maximum, and on what is missing and why.
    components : dict of str to ndarray of shape (n_components,)
        Share, size and scale of every component.
    component_names : list of str
        Names of the components.
    estimates : Estimates
        Coefficients with their standard errors: an `InferenceResult`, if there are any.

    Attributes
    ----------
    names : list of str
        Names of the parameters, as ``"component 0: x1"``.
    """

    def __init__(
        self, title, facts, statistics, remarks, components, component_names, estimates
    ):
        self.title, self.facts, self.statistics = title, facts, statistics
        self.remarks, self.components = remarks, components
        self.component_names, self.estimates = component_names, estimates

    @property
    def names(self):
        """Names of the parameters, as ``"component 0: x1"``."""
        return self.estimates.names

    def to_frame(self, level=0.95):
        """The coefficients as a dataframe.

        Parameters
        ----------
        level : float, default=0.95
            Level of the confidence intervals.

        Returns
        -------
        pandas.DataFrame
            Estimates, and their standard errors, z, p-values and intervals if there are
            any, by component and term (a MultiIndex).

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        pd = pandas_for("to_frame")
        frame, terms = self.estimates.to_frame(level), self.estimates.terms
        pairs = [(term.heading, term.label) for term in terms]
        frame.index = pd.MultiIndex.from_tuples(pairs, names=["component", "term"])
        return frame

    def _statistic_cells(self):
        return [(label, _statistic(v)) for label, v in self.statistics.items()]

    def _component_cells(self):
        """Header, and a row for each component."""
        columns = [_column(label, v) for label, v in self.components.items()]
        cells = [list(row) for row in zip(self.component_names, *columns, strict=True)]
        return ["", *self.components], cells

    def __str__(self):
        parts = [
            wrapped(self.title),
            *side_by_side(self.facts, self._statistic_cells()),
            *map(wrapped, self.remarks),
            "",
            *aligned(*self._component_cells()),
            wrapped(_LEGEND),
            "",
            body_of(self.estimates),
        ]
        return "\n".join(parts)

    def __repr__(self):
        return f"<{type(self).__name__}: {self.title}; print() shows it>"

    def _repr_html_(self):
        return (
            '<div class="mixreg-summary" style="overflow-x: auto">'
            + html_paragraphs([self.title])
            + html_side_by_side(self.facts, self._statistic_cells())
            + html_paragraphs(self.remarks)
            + html_aligned(*self._component_cells())
            + html_paragraphs([_LEGEND])
            + html_of(self.estimates)
            + "</div>"
        )


@documented
def summary(
    model,
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
    cluster=None,
    component_names=None,
):
    """Summarize a fitted mixture: model, fit, components and coefficients.

    Parameters
    ----------
    {fitted_model, data_of_fit, known_of_fit}
    cov_type : {"information", "opg", "sandwich", "cluster"}, default="information"
        Type of the standard errors, as in `mixreg_sklearn.inference.inference`.
    cluster : array-like of shape (n_samples,), default=None
        Labels of clusters of rows, for ``cov_type="cluster"``.
    {component_names}

    Returns
    -------
    Summary
        Print it, or use `to_frame`. Where an estimate has no standard errors (it is
        degenerate, at a boundary, or not proven to be a maximum) it is shown without
        them, and a line says why.

    Raises
    ------
    ValueError
        If the data are not those of the fit, or there is not one name for each
        component.

    See Also
    --------
    mixreg_sklearn.inference.inference : Standard errors, intervals and tests.
    profile : What the rows of each component have in common.

    Notes
    -----
    Sizes, `post>0` and their ratio are those of flexmix [1]_: rows that are most
    probably of the component, rows with a membership above 0.0001, and the former over
    the latter, which is near 1 where components are well separated. Weights count rows.
    The entropy is 1 if memberships are certain and 0 if they are uniform.

    References
    ----------
    .. [1] Leisch, F. (2004). FlexMix: a general framework for finite mixture models and
       latent class regression in R. Journal of Statistical Software 11(8).

    Examples
    --------
    >>> from mixreg_sklearn import MixtureRegressor
    >>> from mixreg_sklearn.datasets import load_two_lines
    >>> X, y = load_two_lines(return_X_y=True)
    >>> model = MixtureRegressor(2, random_state=0).fit(X, y)
    >>> result = model.summary(X, y, component_names=["steep", "flat"])
    >>> result.components["size"].tolist()
    [100.0, 100.0]
    >>> result.to_frame().loc[("steep", "x0"), "estimate"].round(2).item()
    2.96
    """
    check_in_memory(X)
    cluster = check_covariance(cov_type, cluster, X, groups)
    rows = row_arguments(locals())
    with one_blas_thread(), np.errstate(under="ignore"):
        rebuilt = rebuild(model, X, y, sample_weight, **rows)
        terms = shown_terms(rebuilt, terms_of(rebuilt, component_names))
        try:
            estimates = inferred(rebuilt, terms, cov_type, cluster)
            remark = f"Standard errors: {COV_TYPES[cov_type]}."
        except NoStandardErrors as reason:
            params = values_of(rebuilt.fitted, terms)
            estimates, remark = (
                _WithoutErrors(terms, params),
                f"No standard errors: {reason}",
            )
        separation = separation_of(rebuilt)
    maximum = ". ".join(
        [sentence(rebuilt.estimator), *thin_sentences(rebuilt.estimator)]
    )
    return Summary(
        heading(rebuilt, response_name(y)),
        model_facts(rebuilt) + penalty_facts(rebuilt, terms),
        _statistics(separation.evidence),
        [
            f"The maximum: {maximum}.",
            *selection_remarks(rebuilt, component_names),
            remark,
        ],
        _components(rebuilt, separation),
        names_of_shares(component_names, rebuilt.estimator),
        estimates,
    )


@documented
class SummaryMethod:
    """The method `summary` of a mixture."""

    def summary(
        self,
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
        cluster=None,
        component_names=None,
    ):
        """Summarize the fit: model, components and coefficients in one table.

        The same as ``mixreg_sklearn.summary(model, X, y)``, which also takes pipelines
        and searches.

        Parameters
        ----------
        {data_of_fit, known_of_fit}
        cov_type : {"information", "opg", "sandwich", "cluster"}, default="information"
            Type of the standard errors, as in `mixreg_sklearn.inference.inference`.
        cluster : array-like of shape (n_samples,), default=None
            Labels of clusters of rows, for ``cov_type="cluster"``.
        {component_names}

        Returns
        -------
        Summary
            Print it.

        Raises
        ------
        ValueError
            As in `mixreg_sklearn.summary`.
        """
        return summary(
            self,
            X,
            y,
            sample_weight,
            **row_arguments(locals()),
            cov_type=cov_type,
            cluster=cluster,
            component_names=component_names,
        )


def _statistics(evidence):
    return {
        "log-likelihood": evidence.log_likelihood,
        "parameters": evidence.n_parameters,
        "AIC": evidence.aic(),
        "BIC": evidence.bic(),
        "ICL": evidence.icl(),
        "entropy": evidence.certainty(),
    }


def _components(rebuilt, separation):
    """Columns of the table of components, with the constants of the family."""
    fitted = rebuilt.fitted
    columns = {"share": fitted.weights, "size": separation.rows}
    if rebuilt.grouped:
        columns["groups"] = separation.units
    columns |= {"post>0": separation.possible, "ratio": separation.ratio}
    # A background has no constants.
    rest = np.full((len(fitted.constants), len(fitted.weights)), np.nan)
    rest[:, : fitted.n_components] = fitted.constants
    names = response_names_of(rebuilt.estimator)
    _, names = labels_of(fitted.family, names)
    return columns | dict(zip(names, rest, strict=True))


def _statistic(value):
    if isinstance(value, int):
        return str(value)
    return f"{value:.3f}"


def _column(label, values):
    """Cells of a column of the table of components."""
    if label in ("size", "groups", "post>0"):
        return [number(value) for value in values]
    decimals = 3
    if label not in ("share", "ratio"):
        # Three digits of the smallest number, unless the others would be very long.
        decimals = max(2 - int(np.floor(np.log10(np.nanmin(values)))), 0)
    decimals = decimals if decimals <= 6 else None
    return ["" if np.isnan(value) else fixed(value, decimals) for value in values]
