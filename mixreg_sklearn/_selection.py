"""MixtureRegressorIC: the number of components by an information criterion."""

import time
import warnings
from functools import wraps
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, _fit_context, clone
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from ._criteria import evidence
from ._data.row_data import given
from ._docs import documented
from ._fitted import best_of
from ._growth.growth import can_grow, grown_to
from ._notebook import NotebookTable, criterion_table
from ._regressor import MetadataRequests, MixtureRegressor

_CRITERIA = ("aic", "bic", "sabic", "icl")
# Log-likelihoods that differ by less, in nats, are the same.
_SAME = 1e-8


def _of_best(name):
    """Make a method that hands over to the best estimator, docstring and all."""
    method = getattr(MixtureRegressor, name)

    @wraps(method)
    def delegated(self, X, *args, **kwargs):
        check_is_fitted(self)
        return getattr(self.best_estimator_, name)(X, *args, **kwargs)

    return delegated


@documented
class MixtureRegressorIC(
    MetadataRequests, NotebookTable, RegressorMixin, BaseEstimator
):
    r"""Mixture of regressions whose number of components is chosen by a criterion.

    One mixture is fitted to all rows for every number of components, and the one with
    the lowest criterion is kept:

    .. math:: \text{BIC} = -2 \ell + m \log n, \quad \text{AIC} = -2 \ell + 2 m,

    .. math:: \text{ICL} = -2 \ell_c + m \log n, \quad
              \text{SABIC} = -2 \ell + m \log \tfrac{n + 2}{24}

    with the log-likelihood :math:`\ell`, the number of parameters m, the number n of
    rows or groups (the sum of their weights) and
    :math:`\ell_c = \sum_i \max_k \log \pi_k f_k(y_i)`.
    BIC finds the number of components that describes the density, ICL the number of
    groups that can be told apart, AIC is generous, and SABIC between AIC and BIC.

    The numbers of components are fitted in increasing order. Where the search for more
    components ends below the log-likelihood of fewer, which it then has missed, the
    mixture grows out of the smaller one. So the log-likelihood never falls as
    components are added.

    Parameters
    ----------
    n_components : int or array-like of int, default=(1, 2, 3, 4)
        Numbers of components to choose from.
    criterion : {"bic", "aic", "icl", "sabic"}, default="bic"
        What to minimize.
    estimator : estimator, list or dict of estimators, or None, default=None
        The mixture to fit, with all settings but `n_components`. It is cloned, never
        changed. None means ``MixtureRegressor()``. Several are swept together: every
        one of them with every number of components, as in
        ``[MixtureRegressor(), MixtureRegressor(gate="softmax")]`` or, with names for
        `table_`, ``{"plain": MixtureRegressor(), "gated": ...}``. A criterion compares
        densities of the same response under the same measure: gaussian with gamma,
        poisson with negative binomial; never counts with a continuous family, nor a
        response with its logarithm.
    random_state : int, RandomState instance or None, default=None
        Replaces the `random_state` of `estimator`, where it is not None.
    verbose : int, default=0
        1 prints a line for every mixture. `estimator` has its own `verbose`.

    Attributes
    ----------
    criterion_ : ndarray of shape (n_candidates,)
        The criterion for every number of components, in the order given; with several
        estimators for all numbers of the first, then those of the second, and so on.
    log_likelihoods_ : ndarray of shape (n_candidates,)
        The log-likelihoods, in the same order.
    table_ : dict of ndarray of shape (n_candidates,)
        What candidates are compared by, ready for ``pandas.DataFrame(model.table_)``:
        `n_components`, `estimator` (its position in the list, or its name in the dict),
        `log_likelihood`, `n_parameters`, `aic`, `bic`, `sabic`, `icl`, `entropy`,
        `smallest_share` (of the components' `weights_`), `converged` and `degenerate`.
        The entropy is normalized (Ramaswamy et al. 1993), :math:`1 + \sum_i w_i \sum_k
        \tau_{ik} \log \tau_{ik} / (n \log K)`: 1 where memberships are certain, 0 where
        the data say nothing about them.
    best_index_ : int
        Position of the mixture chosen among the candidates.
    n_components_ : int
        The number of components chosen.
    estimators_ : list of estimators
        The candidates, fitted.
    best_estimator_ : estimator
        The mixture chosen, one of them. Its fitted attributes (`weights_`, `coef_`,
        `converged_` and so on) are also attributes of this object.
    {n_features_in_, feature_names_in_}

    See Also
    --------
    MixtureRegressor : The mixture with a given number of components.
    mixreg_sklearn.metrics.bic_scorer : The same choice in a grid search.

    Notes
    -----
    A degenerate fit (a component collapsed on rows it fits without error) has a
    likelihood without bound, hence a criterion that means nothing: it is chosen only
    if all candidates are degenerate.

    Mixtures do not grow where constraints name components (`shared_features` as a dict,
    lists in `held_coef`, given shares): K components are then no special case of K + 1.
    Under a `SoftmaxGate` with a ridge the likelihood may fall, as it is not what is
    maximized. A degenerate fit is never grown from, nor compared with.

    Warnings are those of the mixture chosen; a candidate that was not chosen is silent.

    References
    ----------
    .. [1] Schwarz, G. (1978). Estimating the dimension of a model. Annals of
       Statistics 6, 461-464.
    .. [2] Biernacki, C., Celeux, G. & Govaert, G. (2000). Assessing a mixture model for
       clustering with the integrated completed likelihood. IEEE Transactions on
       Pattern Analysis and Machine Intelligence 22, 719-725.
    .. [3] Sclove, S. L. (1987). Application of model-selection criteria to some
       problems in multivariate analysis. Psychometrika 52, 333-343.
    .. [4] Ramaswamy, V., DeSarbo, W., Reibstein, D. & Robinson, W. (1993). An empirical
       pooling approach for estimating marketing mix elasticities with PIMS data.
       Marketing Science 12, 103-124.

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
    >>> model.table_["n_parameters"].tolist()
    [3, 7, 11]

    All other settings are those of the mixture:

    >>> from mixreg_sklearn import MixtureRegressor
    >>> MixtureRegressorIC(estimator=MixtureRegressor(shared_scale=True))
    MixtureRegressorIC(estimator=MixtureRegressor(shared_scale=True))
    """

    _parameter_constraints = {
        "n_components": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "criterion": [StrOptions(set(_CRITERIA))],
        "estimator": [HasMethods(["fit", "predict", *_CRITERIA]), list, dict, None],
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
        {X, y, sample_weight, groups, offset, trials}

        Returns
        -------
        self : MixtureRegressorIC
            The fitted estimator.

        Raises
        ------
        ValueError
            If the data or arguments are not of the right shape, type or range.
        """
        metadata = given(
            sample_weight=sample_weight, groups=groups, offset=offset, trials=trials
        )
        fits, caught, names = [], [], []
        for name, template in self._templates():
            found, messages = self._sweep(name, template, X, y, metadata)
            fits += found
            caught += messages
            names += [name] * len(found)
        table = _table(fits, names, X, y, metadata)
        best = _lowest(table[self.criterion], fits)
        for message in caught[best]:
            warnings.warn(message.message, message.category, stacklevel=3)
        self._set_attributes(fits[best])
        self.estimators_ = fits
        self.best_index_ = best
        self.table_ = table
        self.criterion_ = table[self.criterion].copy()
        self.log_likelihoods_ = table["log_likelihood"].copy()
        return self

    def _fitted_table(self):
        return criterion_table(self)

    def _templates(self):
        """Names and templates of the mixtures to sweep."""
        if self.estimator is None:
            return [(0, MixtureRegressor())]
        if isinstance(self.estimator, dict):
            templates = list(self.estimator.items())
        elif isinstance(self.estimator, list):
            templates = list(enumerate(self.estimator))
        else:
            return [(0, self.estimator)]
        lacking = [
            (name, method)
            for name, template in templates
            for method in ("fit", "predict", *_CRITERIA)
            if not hasattr(template, method)
        ]
        if not templates or lacking:
            raise ValueError(
                "estimator must hold at least one mixture of regressions, and nothing"
                f" else; got {self.estimator!r}."
            )
        return templates

    def _numbers(self):
        numbers = np.atleast_1d(np.asarray(self.n_components))
        if numbers.ndim != 1 or not numbers.size or numbers.dtype.kind not in "iu":
            raise ValueError(
                "n_components must be a positive integer, or a list of at least one;"
                f" got {self.n_components!r}."
            )
        return numbers.tolist()

    def _sweep(self, name, template, X, y, metadata):
        """Fit a template for every number of components, the smallest first.

        Returns
        -------
        fits : list of estimators
            In the order of `n_components`.
        caught : list of lists of warnings
        """
        numbers = self._numbers()
        fits, caught = [None] * len(numbers), [None] * len(numbers)
        highest = None
        for position in np.argsort(numbers, kind="stable").tolist():
            started = time.perf_counter()
            mixture = clone(template).set_params(n_components=numbers[position])
            if self.random_state is not None:
                mixture.set_params(random_state=self.random_state)
            with warnings.catch_warnings(record=True) as messages:
                warnings.simplefilter("always")
                mixture.fit(X, y, **metadata)
            if _lower(mixture, highest) and _can_grow(highest):
                with warnings.catch_warnings(record=True) as others:
                    warnings.simplefilter("always")
                    grown = grown_to(highest, mixture.n_components, X, y, **metadata)
                if _lower(mixture, grown):
                    mixture, messages = grown, others
            if not mixture.degenerate_ and not _lower(mixture, highest):
                highest = mixture
            fits[position], caught[position] = mixture, messages
            if self.verbose:
                seconds = time.perf_counter() - started
                criterion = getattr(mixture, self.criterion)(X, y, **metadata)
                several = isinstance(self.estimator, (list, dict))
                label = f"{name}: " if several else ""
                self._report(label, mixture, criterion, seconds)
        return fits, caught

    def _report(self, label, mixture, criterion, seconds):
        proof = "degenerate" if mixture.degenerate_ else "not proven"
        print(
            f"{label}{mixture.n_components:2d} components"
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
    predict_distribution = _of_best("predict_distribution")
    predict_proba = _of_best("predict_proba")
    predict_group_proba = _of_best("predict_group_proba")
    predict_membership = _of_best("predict_membership")
    log_likelihood = _of_best("log_likelihood")
    aic = _of_best("aic")
    bic = _of_best("bic")
    sabic = _of_best("sabic")
    icl = _of_best("icl")
    score = _of_best("score")
    sample = _of_best("sample")


def _can_grow(mixture):
    return isinstance(mixture, MixtureRegressor) and can_grow(mixture)


def _lower(mixture, other):
    """Whether a mixture has missed what another one with fewer components found."""
    return other is not None and (
        mixture.log_likelihood_ < other.log_likelihood_ - _SAME
    )


def _table(fits, names, X, y, metadata):
    """Everything that candidates are compared by, one array for each column."""
    judged = [evidence(best_of(fit), X, y, **metadata) for fit in fits]
    columns = {
        "n_components": [fit.n_components for fit in fits],
        "estimator": names,
        "log_likelihood": [fit.log_likelihood_ for fit in fits],
        "n_parameters": [fit.n_parameters_ for fit in fits],
    }
    for criterion in _CRITERIA:
        columns[criterion] = [
            _criterion(criterion, fit, of_rows, X, y, metadata)
            for fit, of_rows in zip(fits, judged, strict=True)
        ]
    columns |= {
        "entropy": [of_rows.certainty() for of_rows in judged],
        "smallest_share": [fit.weights_.min() for fit in fits],
        "converged": [fit.converged_ for fit in fits],
        "degenerate": [fit.degenerate_ for fit in fits],
    }
    return {name: np.array(values) for name, values in columns.items()}


def _criterion(name, fit, of_rows, X, y, metadata):
    """From the evidence, unless a mixture has a method of its own."""
    if getattr(type(fit), name) is getattr(MixtureRegressor, name):
        return getattr(of_rows, name)()
    return getattr(fit, name)(X, y, **metadata)


def _lowest(criteria, fits):
    """Position of the lowest criterion; degenerate fits come after all others."""
    return min(range(len(fits)), key=lambda i: (fits[i].degenerate_, criteria[i]))


def _fitted(estimator):
    return {
        name: value
        for name, value in vars(estimator).items()
        if name.endswith("_") and not name.startswith("_")
    }
