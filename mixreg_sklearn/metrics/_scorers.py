"""Scorers that find the mixture inside pipelines, target transformers and searches."""

from inspect import cleandoc

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)
from sklearn.utils import column_or_1d
from sklearn.utils.metadata_routing import MetadataRequest
from sklearn.utils.validation import check_is_fitted

from .._data.row_data import ROW_ARGUMENTS, given, row_arguments
from .._docs import documented
from .._inside import of_one_response
from ..residuals import crps

# log |g'(y)| of the transformations g of the response that are usual.
_LOG_DERIVATIVES = {
    None: lambda y: np.zeros(len(y)),
    np.log: lambda y: -np.log(y),
    np.log1p: lambda y: -np.log1p(y),
    np.log2: lambda y: -np.log(y * np.log(2)),
    np.log10: lambda y: -np.log(y * np.log(10)),
    np.sqrt: lambda y: -np.log(2 * np.sqrt(y)),
}

_WITHOUT_PARAMETERS = (
    " It has a likelihood, but no number of parameters: use log_likelihood_scorer on"
    " held-out rows."
)


@documented
class _Scorer:
    """Score a mixture of regressions, wherever it sits; greater is better.

    Call it as ``scorer(estimator, X, y)`` or give it to `GridSearchCV`,
    `cross_validate` and the like as `scoring`. The mixture may sit at the end of a
    Pipeline (X then goes through the steps before it), in a
    TransformedTargetRegressor (the score is that of the response *before* the
    transformation, so that transformations can be compared) or in a fitted grid
    search (its best estimator is scored), in any nesting.

    Parameters
    ----------
    method : {"log_likelihood", "aic", "bic", "icl"}
        Method of the mixture that computes the score.
    doc : str
        What the instance scores.
    """

    transforms = True  # there is a score of the response before its transformation

    def __init__(self, method, doc):
        self.method, self.name = method, f"{method}_scorer"
        usage = cleandoc(type(self).__doc__ or "").partition("\nParameters")[0]
        self.__doc__ = f"{doc}\n\n{usage}"

    def __call__(
        self,
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
    ):
        """Score a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Mixture of regressions, or something around it; fitted.
        X : array-like of shape (n_samples, n_features)
            Features, as `estimator` takes them.
        {y, sample_weight, groups, offset, trials, row_scale, known_component}

        Returns
        -------
        float
            Minus the criterion, or the mean log-likelihood in nats per row, or minus
            the mean of the continuous ranked probability scores.

        Raises
        ------
        TypeError
            If there is no mixture of regressions in `estimator`.
        ValueError
            If the response was transformed in a way whose derivative is not known, or
            for `crps_scorer` in any way; or if the mixture was fitted with groups and
            there are none (but `crps_scorer` then predicts each row alone).
        """
        mixture, X, y, log_jacobian = _unwrap(estimator, X, y, self)
        rows = row_arguments(locals())
        return self._score(mixture, X, y, sample_weight, log_jacobian, rows)

    def _score(self, mixture, X, y, sample_weight, log_jacobian, metadata):
        metadata = metadata | given(sample_weight=sample_weight)
        value = getattr(mixture, self.method)(X, y, **metadata)
        weight = 1.0 if sample_weight is None else np.asarray(sample_weight)
        # Density of y, not of the transformed response: f_y(y) = f_t(g(y)) |g'(y)|.
        correction = float(np.sum(weight * log_jacobian))
        if self.method == "log_likelihood":
            total = len(y) if sample_weight is None else float(weight.sum())
            return (value + correction) / total
        return 2 * correction - value

    def get_metadata_routing(self):
        """Metadata that the scorer asks for, where metadata routing is on.

        Returns
        -------
        MetadataRequest
            Asks for `sample_weight`, `groups`, `offset`, `trials`, `row_scale` and
            `known_component`.
        """
        request = MetadataRequest(owner=self)
        for name in ("sample_weight", *ROW_ARGUMENTS):
            request.score.add_request(param=name, alias=True)
        return request

    def __repr__(self):
        return self.name


bic_scorer = _Scorer("bic", "Minus BIC. Use it in-sample, with `cv=InSample()`.")
aic_scorer = _Scorer("aic", "Minus AIC. Use it in-sample, with `cv=InSample()`.")
icl_scorer = _Scorer("icl", "Minus ICL. Use it in-sample, with `cv=InSample()`.")
log_likelihood_scorer = _Scorer(
    "log_likelihood",
    "Mean log-likelihood in nats per row (weighted mean, if there are weights), so that"
    " folds of different size compare. Use it on held-out rows, with any `cv`. It is"
    " minus the mean of `residuals.log_score`, so there is no scorer of that name.",
)


class _CrpsScorer(_Scorer):
    """Score a mixture of regressions, wherever it sits; greater is better.

    Call it as ``scorer(estimator, X, y)`` or give it to `GridSearchCV`,
    `cross_validate` and the like as `scoring`. The mixture may sit at the end of a
    Pipeline (X then goes through the steps before it) or in a fitted grid search (its
    best estimator is scored), in any nesting, but not in a TransformedTargetRegressor:
    the score is in units of the response that the mixture sees. With `groups` a row is
    predicted from the rows of its group before it.
    """

    transforms = False

    def __init__(self, doc):
        super().__init__("predict_distribution", doc)
        self.name = "crps_scorer"

    def _score(self, mixture, X, y, sample_weight, log_jacobian, metadata):
        of_one_response(mixture, str(self))
        score = crps(mixture, X, y, **metadata)
        return -float(np.average(score, weights=sample_weight))


crps_scorer = _CrpsScorer(
    "Minus the mean continuous ranked probability score (`residuals.crps`). Use it on"
    " held-out rows, with any `cv`."
)


def _unwrap(estimator, X, y, scorer):
    """The mixture, which has the method of `scorer`, and X and y as it sees them.

    The fourth value is ``log |dt/dy|``, (n,) or 0.0, of the transformation from the
    response to the mixture's.
    """
    log_jacobian = 0.0
    while not hasattr(estimator, scorer.method):
        if isinstance(estimator, Pipeline):
            if len(estimator) > 1:
                X = estimator[:-1].transform(X)
            estimator = estimator[-1]
        elif isinstance(estimator, TransformedTargetRegressor):
            if not scorer.transforms:
                raise ValueError(
                    f"{scorer} is in units of the response, which the"
                    " TransformedTargetRegressor changes. Transform y before you fit,"
                    " and score on that scale, or use log_likelihood_scorer."
                )
            check_is_fitted(estimator)
            y = column_or_1d(y).astype(np.float64)
            log_jacobian = log_jacobian + _log_jacobian(estimator.transformer_, y)
            y = column_or_1d(estimator.transformer_.transform(y[:, None]))
            estimator = estimator.regressor_
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        else:
            raise TypeError(
                f"{scorer} scores a fitted mixture of regressions: on its own, at the"
                " end of a Pipeline, in a TransformedTargetRegressor or as the best"
                " estimator of a search. There is none in"
                f" {type(estimator).__name__}."
                + _WITHOUT_PARAMETERS
                * hasattr(estimator, "log_likelihood")
            )
    return estimator, X, y, log_jacobian


def _log_jacobian(transformer, y):
    """``log |g'(y)|`` of a transformation of the response, (n,)."""
    if isinstance(transformer, FunctionTransformer):
        if transformer.func in _LOG_DERIVATIVES and not transformer.kw_args:
            return _LOG_DERIVATIVES[transformer.func](y)
    elif not getattr(transformer, "clip", False):
        if isinstance(transformer, MinMaxScaler):
            return np.full(len(y), np.log(transformer.scale_[0]))
        if isinstance(transformer, (StandardScaler, MaxAbsScaler, RobustScaler)):
            scale = 1.0 if transformer.scale_ is None else transformer.scale_[0]
            return np.full(len(y), -np.log(scale))
    known = ", ".join(f"np.{f.__name__}" for f in _LOG_DERIVATIVES if f is not None)
    raise ValueError(
        f"The likelihood of y needs the derivative of its transformation, which is not"
        f" known for {transformer}; known are the functions {known} and scalers"
        " without clipping. Transform y before you fit, and score on that scale."
    )
