"""MixtureRegressorIC: the number of components by an information criterion."""

import time
import warnings
from functools import wraps
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, _fit_context, clone
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from ._regressor import MetadataRequests, MixtureRegressor


def _of_best(name):
    """Make a method that hands over to the best estimator, docstring and all."""
    method = getattr(MixtureRegressor, name)

    @wraps(method)
    def delegated(self, X, *args, **kwargs):
        check_is_fitted(self)
        return getattr(self.best_estimator_, name)(X, *args, **kwargs)

    return delegated


class MixtureRegressorIC(MetadataRequests, RegressorMixin, BaseEstimator):
    r"""Mixture of regressions whose number of components is chosen by BIC, AIC or ICL.

    One mixture is fitted to all rows for every number of components, and the one with
    the lowest criterion is kept:

    .. math:: \text{BIC} = -2 \ell + m \log n, \quad \text{AIC} = -2 \ell + 2 m, \quad
              \text{ICL} = -2 \ell_c + m \log n

    with the log-likelihood :math:`\ell`, the number of parameters m, the number n of
    rows or groups (the sum of their weights) and
    :math:`\ell_c = \sum_i \max_k \log \pi_k f_k(y_i)`.
    BIC finds the number of components that describes the density, ICL the number of
    groups that can be told apart, AIC is generous.

    Parameters
    ----------
    n_components : int or array-like of int, default=(1, 2, 3, 4)
        Numbers of components to choose from.

    criterion : {"bic", "aic", "icl"}, default="bic"
        What to minimise.

    estimator : estimator or None, default=None
        The mixture to fit, with all settings but `n_components`. It is cloned, never
        changed. None means ``MixtureRegressor()``.

    random_state : int, RandomState instance or None, default=None
        Replaces the `random_state` of `estimator`, where it is not None.

    verbose : int, default=0
        1 prints a line for every number of components. `estimator` has a `verbose`
        of its own.

    Attributes
    ----------
    criterion_ : ndarray of shape (n_candidates,)
        The criterion for every number of components, in the order given.

    log_likelihoods_ : ndarray of shape (n_candidates,)
        The log-likelihood for every number of components.

    n_components_ : int
        The number of components chosen.

    estimators_ : list of estimators
        The mixtures for every number of components, fitted.

    best_estimator_ : estimator
        The mixture chosen, one of them. Its fitted attributes are attributes of this
        object, too; the most important are:

    weights_ : ndarray of shape (n_components_,)
        Shares of the components, in decreasing order.

    coef_ : ndarray of shape (n_components_, n_features)
        Coefficients of the regressions.

    intercept_ : ndarray of shape (n_components_,)
        Intercepts of the regressions.

    scale_ : ndarray of shape (n_components_,)
        Standard deviations around the regressions.

    converged_ : bool
        Whether the estimate is proven to be a maximum.

    n_iter_ : int
        EM and Newton iterations of the final climb of the mixture chosen.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen during fit, where X has names that are all strings.

    See Also
    --------
    MixtureRegressor : The mixture with a given number of components.
    mixreg_sklearn.metrics.bic_scorer : The same choice in a grid search.

    Notes
    -----
    A degenerate fit (a component collapsed on rows it fits without error) has a
    likelihood without bound, hence a criterion that means nothing: it is chosen only
    if all candidates are degenerate.

    Warnings are those of the mixture chosen; a candidate that was not chosen is silent.

    References
    ----------
    .. [1] Schwarz, G. (1978). Estimating the dimension of a model. Annals of
       Statistics 6, 461-464.
    .. [2] Biernacki, C., Celeux, G. & Govaert, G. (2000). Assessing a mixture model for
       clustering with the integrated completed likelihood. IEEE Transactions on
       Pattern Analysis and Machine Intelligence 22, 719-725.

    Examples
    --------
    >>> from mixreg_sklearn import MixtureRegressorIC
    >>> from mixreg_sklearn.datasets import load_two_lines
    >>> X, y = load_two_lines(return_X_y=True)
    >>> model = MixtureRegressorIC(n_components=(1, 2, 3), random_state=0).fit(X, y)
    >>> model.n_components_
    2
    >>> model.criterion_.round(1).tolist()
    [1667.2, 753.8, 766.9]

    All other settings are those of the mixture:

    >>> from mixreg_sklearn import MixtureRegressor
    >>> MixtureRegressorIC(estimator=MixtureRegressor(shared_scale=True))
    MixtureRegressorIC(estimator=MixtureRegressor(shared_scale=True))
    """

    _parameter_constraints = {
        "n_components": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "criterion": [StrOptions({"aic", "bic", "icl"})],
        "estimator": [HasMethods(["fit", "predict", "aic", "bic", "icl"]), None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    _doc_link_module = "mixreg_sklearn"

    def __init__(
        self,
        n_components=(1, 2, 3, 4),
        *,
        criterion="bic",
        estimator=None,
        random_state=None,
        verbose=0,
    ):
        self.n_components = n_components
        self.criterion = criterion
        self.estimator = estimator
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, *, groups=None, offset=None, trials=None):
        """Fit a mixture for every number of components, and keep the best.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,)
            Response.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; a weight counts the row that many times. Constant
            within a group, which it counts.
        groups : array-like of shape (n_samples,), default=None
            Labels of groups of rows that share one component; None if each row is on
            its own.
        offset : array-like of shape (n_samples,), default=None
            Part of every component's linear predictor that has no coefficient.
        trials : array-like of shape (n_samples,), default=None
            Binomial family: the response counts successes out of so many trials;
            1 where there are none.

        Returns
        -------
        self : MixtureRegressorIC
            The fitted estimator.

        Raises
        ------
        ValueError
            If the data or arguments are not of the right shape, type or range.
        """
        metadata = {
            "sample_weight": sample_weight,
            "groups": groups,
            "offset": offset,
            "trials": trials,
        }
        given = {key: value for key, value in metadata.items() if value is not None}
        fits, criteria, caught = [], [], []
        for mixture in self._candidates():
            started = time.perf_counter()
            with warnings.catch_warnings(record=True) as messages:
                warnings.simplefilter("always")
                fits.append(mixture.fit(X, y, **given))
            caught.append(messages)
            criteria.append(getattr(mixture, self.criterion)(X, y, **given))
            if self.verbose:
                self._report(mixture, criteria[-1], time.perf_counter() - started)
        best = _lowest(criteria, fits)
        for message in caught[best]:
            warnings.warn(message.message, message.category, stacklevel=3)
        self._set_attributes(fits[best])
        self.estimators_ = fits
        self.criterion_ = np.array(criteria)
        self.log_likelihoods_ = np.array([fit.log_likelihood_ for fit in fits])
        return self

    def _candidates(self):
        """Yield an unfitted mixture for every number of components."""
        template = MixtureRegressor() if self.estimator is None else self.estimator
        numbers = np.atleast_1d(np.asarray(self.n_components))
        if numbers.ndim != 1 or not numbers.size or numbers.dtype.kind not in "iu":
            raise ValueError(
                "n_components must be a positive integer, or a list of at least one;"
                f" got {self.n_components!r}."
            )
        for number in numbers.tolist():
            mixture = clone(template).set_params(n_components=number)
            if self.random_state is not None:
                mixture.set_params(random_state=self.random_state)
            yield mixture

    def _report(self, mixture, criterion, seconds):
        proof = "degenerate" if mixture.degenerate_ else "not proven"
        print(
            f"{mixture.n_components:2d} components"
            f"  log-likelihood {mixture.log_likelihood_:.4f}"
            f"  {self.criterion.upper()} {criterion:.4f}"
            f"  {'maximum proven' if mixture.converged_ else proof}  {seconds:.2f} s"
        )

    def _set_attributes(self, best):
        """Take over the fitted attributes of the best mixture."""
        for name in _fitted(self):
            delattr(self, name)
        for name, value in _fitted(best).items():
            setattr(self, name, value)
        self.best_estimator_ = best
        self.n_components_ = best.n_components

    predict = _of_best("predict")
    predict_components = _of_best("predict_components")
    predict_proba = _of_best("predict_proba")
    predict_group_proba = _of_best("predict_group_proba")
    predict_membership = _of_best("predict_membership")
    log_likelihood = _of_best("log_likelihood")
    aic = _of_best("aic")
    bic = _of_best("bic")
    icl = _of_best("icl")
    score = _of_best("score")
    sample = _of_best("sample")


def _lowest(criteria, fits):
    """Position of the lowest criterion; degenerate fits come after all others."""
    return min(range(len(fits)), key=lambda i: (fits[i].degenerate_, criteria[i]))


def _fitted(estimator):
    return {
        name: value
        for name, value in vars(estimator).items()
        if name.endswith("_") and not name.startswith("_")
    }
