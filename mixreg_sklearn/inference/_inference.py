"""The covariance and the table of a fit: what `inference` does."""

import numpy as np
from sklearn.utils.validation import check_consistent_length

from .._blas import one_blas_thread
from .._data.groups import check_constant, check_groups
from .._data.row_data import row_arguments
from .._docs import documented
from .._rebuilt import rebuild
from ._information import covariance_factor
from ._result import InferenceResult
from ._table import fixed
from ._terms import terms_of, values_of

COV_TYPES = {
    "information": "observed information",
    "opg": "outer product of scores",
    "sandwich": "sandwich (Huber-White)",
    "cluster": "sandwich, summed by cluster",
}


@documented
def inference(
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
    r"""Standard errors of all parameters of a fitted mixture.

    The covariance comes from the exact derivatives of the log-likelihood of the
    mixture, in which the components of the rows are unknown: with :math:`s_u` the score
    of unit u (a row, or a group of rows), :math:`w_u` its weight and :math:`A` the
    observed information :math:`-\partial^2 \ell`,

    .. math::
        \text{information: } A^{-1} \qquad
        \text{opg: } \Bigl(\sum_u w_u s_u s_u^\top\Bigr)^{-1} \qquad
        \text{sandwich: } A^{-1} \Bigl(\sum_u w_u s_u s_u^\top\Bigr) A^{-1}

    and "cluster" is the sandwich with :math:`\tfrac{G}{G - 1} \sum_c S_c S_c^\top`
    inside, where :math:`S_c = \sum_{u \in c} w_u s_u` for each of G clusters. Scales,
    shares and coefficients in the units of the features follow by the delta method.

    Parameters
    ----------
    {fitted_model, data_of_fit, known_of_fit}
    cov_type : {"information", "opg", "sandwich", "cluster"}, default="information"
        "information" and "opg" assume that the model is right; "sandwich" that its
        rows (or groups) are independent; "cluster" that clusters are. Only "cluster"
        has a small-sample factor, G / (G - 1).
    cluster : array-like of shape (n_samples,), default=None
        Labels of clusters of rows that are not independent of each other, though each
        row (or group, which no cluster splits) has its own component; for
        ``cov_type="cluster"``. Groups need no clusters: with `groups`, "sandwich" sums
        scores by group already.
    {component_names}

    Returns
    -------
    InferenceResult
        Estimates and standard errors; print it.

    Raises
    ------
    ValueError
        If the estimate is no proven maximum inside the parameter space (`converged_` is
        false, the fit is degenerate, a gate separates components), if its coefficients
        are penalized (see `refit_selected`), or the data are not those of the fit.

    Notes
    -----
    With a ridge on the gate the information is that of the penalized likelihood.
    Coefficients at a bound (`coef_bounds`) have no standard error, and the others have
    those of a mixture in which the former are known: what is at its bound in this
    sample may be inside in another.

    References
    ----------
    .. [1] Louis, T. A. (1982). Finding the observed information matrix when using the
       EM algorithm. Journal of the Royal Statistical Society B 44, 226-233.
    .. [2] White, H. (1982). Maximum likelihood estimation of misspecified models.
       Econometrica 50, 1-25.
    .. [3] Liang, K.-Y. & Zeger, S. L. (1986). Longitudinal data analysis using
       generalized linear models. Biometrika 73, 13-22.

    Examples
    --------
    >>> from mixreg_sklearn import MixtureRegressor
    >>> from mixreg_sklearn.datasets import load_two_lines
    >>> from mixreg_sklearn.inference import inference
    >>> X, y = load_two_lines(return_X_y=True)
    >>> model = MixtureRegressor(2, random_state=0).fit(X, y)
    >>> result = inference(model, X, y)
    >>> result.names[:2], result.std_errors[:2].round(3).tolist()
    (['component 0: intercept', 'component 0: x0'], [0.47, 0.08])
    >>> result.test_equal("x0").p_value < 0.001
    True
    """
    cluster = check_covariance(cov_type, cluster, X, groups)
    with one_blas_thread(), np.errstate(under="ignore"):
        rebuilt = rebuild(model, X, y, sample_weight, **row_arguments(locals()))
        terms = terms_of(rebuilt, component_names)
        return inferred(rebuilt, terms, cov_type, cluster)


def inferred(rebuilt, terms, cov_type, cluster):
    """The result for a fit on its data. -> InferenceResult."""
    factor = covariance_factor(rebuilt, terms, cov_type, cluster)
    params = values_of(rebuilt.fitted, terms)
    return InferenceResult(terms, params, factor, cov_type, _title(rebuilt, cov_type))


def check_covariance(cov_type, cluster, X, groups):
    """Numbers of the clusters, or None, for a type of covariance."""
    if cov_type not in COV_TYPES:
        raise ValueError(
            f"cov_type must be one of {list(COV_TYPES)}; got {cov_type!r}."
        )
    return _check_cluster(cluster, cov_type, X, groups)


def _check_cluster(cluster, cov_type, X, groups):
    """Numbers of the clusters, or None."""
    if cov_type != "cluster":
        if cluster is not None:
            raise ValueError(
                f"cluster is for cov_type='cluster', not for {cov_type!r}."
            )
        return None
    if cluster is None:
        raise ValueError(
            "cov_type='cluster' needs cluster, one label for every row. (Where rows"
            " share components by groups, cov_type='sandwich' sums scores by group.)"
        )
    cluster = np.asarray(cluster)
    check_consistent_length(X, cluster)
    numbers = check_groups(cluster, cluster).of_row
    check_constant(numbers, check_groups(groups, cluster), "cluster")
    return numbers


def _title(rebuilt, cov_type):
    estimator, rows = rebuilt.estimator, rebuilt.problem.rows
    family = rebuilt.problem.structure.family
    families = getattr(family, "families", [family])
    family = ", ".join(type(each).__name__ for each in families)
    units = f"{rows.n_rows} rows"
    if rebuilt.grouped:
        units += f" in {rows.n_units} groups"
    plural = "s" if estimator.n_components > 1 else ""
    return (
        f"Mixture of {estimator.n_components} regression{plural}, {family}; {units}\n"
        f"log-likelihood {fixed(estimator.log_likelihood_, 3)},"
        f" {estimator.n_parameters_} parameters\n"
        f"standard errors: {COV_TYPES[cov_type]}"
    )
