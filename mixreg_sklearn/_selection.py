"""MixtureRegressorIC: the number of components by an information criterion."""

import time
import warnings
from functools import wraps
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, _fit_context, clone
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.validation import check_is_fitted

from ._choice import choice_value
from ._criteria import evidence
from ._data.checks import Range
from ._data.row_data import given
from ._docs import documented
from ._fitted import fitted_attributes
from ._growth.growth import can_grow, grown_to
from ._inside import inside
from ._notebook import NotebookTable, criterion_table
from ._regressor import MetadataRequests, MixtureRegressor
from ._reports.summary import SummaryMethod
from ._status import agreed, status

_CRITERIA = ("aic", "bic", "sabic", "icl")
# Log-likelihoods that differ by less, in nats, count as equal.
_SAME = 1e-8


def _of_best(name):
    """Make a method that delegates to the best estimator, with its docstring."""
    method = getattr(MixtureRegressor, name)

    @wraps(method)
    def delegated(self, X, *args, **kwargs):
        check_is_fitted(self)
        return getattr(self.best_estimator_, name)(X, *args, **kwargs)

    return delegated


@documented
class MixtureRegressorIC(
    MetadataRequests, NotebookTable, SummaryMethod, RegressorMixin, BaseEstimator
):
    r"""Mixture of regressions with the number of components selected by a criterion.

    One mixture is fitted to all rows for each number of components. The criterion is
    one of:

    .. math:: \text{BIC} = -2 \ell + m \log n, \quad \text{AIC} = -2 \ell + 2 m,

    .. math:: \text{ICL} = -2 \ell_c + m \log n, \quad
              \text{SABIC} = -2 \ell + m \log \tfrac{n + 2}{24}

    with the log-likelihood :math:`\ell`, the number of parameters m, the number n of
    rows or groups (the sum of their weights) and
    :math:`\ell_c = \sum_i \max_k \log \pi_k f_k(y_i)`.
    BIC selects the number of components that describes the density, ICL the number of
    well-separated clusters. AIC selects more components than BIC; SABIC is in between.

    A superfluous component gains by settling on a few rows that happen to lie near a
    line. The mixture selected is therefore the one with the lowest

    .. math:: \text{choice} = C + 2 \nu \sum_k \log \cosh \log (\sigma_k / \sigma_0)
              + h\, \nu \log n,

    the criterion C with a penalty on scales that differ from the typical one,
    :math:`\log \sigma_0 = \sum_k \pi_k \log \sigma_k`, and one for h thin components
    (see `thin_components_`; h is at least 1 if the mixture is degenerate), with
    :math:`\nu = m / K` parameters of a component. The first one is that under which
    optima compete in the search; it is zero for one scale, and for families whose
    likelihood is bounded. By the second one, a thin component must be worth twice
    what others must in BIC.

    Mixtures are fitted in increasing order of size. If the search for more components
    ends at a lower log-likelihood than that of fewer, the mixture is instead grown from
    the smaller one. So the log-likelihood never decreases as components are added.

    Parameters
    ----------
    n_components : int or array-like of int, default=(1, 2, 3, 4)
        Numbers of components to choose from.
    criterion : {"bic", "aic", "icl", "sabic"}, default="bic"
        Criterion to minimize, with the penalties above.
    estimator : estimator, list or dict of estimators, or None, default=None
        Template with all settings but `n_components`; it is cloned. None means
        ``MixtureRegressor()``. Each of several is fitted with each number of
        components, as in ``[MixtureRegressor(), MixtureRegressor(gate="softmax")]`` or,
        with names for `table_`, ``{"plain": MixtureRegressor(), "gated": ...}``. A
        criterion is comparable only between densities of the same response under the
        same measure: gaussian and gamma, poisson and negative binomial; not counts and
        a continuous family, nor a response and its logarithm.
    random_state : int, RandomState instance or None, default=None
        If not None, replaces the `random_state` of `estimator`.
    verbose : int, default=0
        1 prints a line per mixture. The `verbose` of `estimator` is independent of it.

    Attributes
    ----------
    criterion_ : ndarray of shape (n_candidates,)
        For each estimator in turn, the criterion for each number of components, in the
        order given. The penalties of the choice are not in it, but in `table_`.
    log_likelihoods_ : ndarray of shape (n_candidates,)
        Log-likelihoods in the same order.
    table_ : dict of ndarray of shape (n_candidates,)
        Comparison of the candidates, for ``pandas.DataFrame(model.table_)``:
        `n_components`, `estimator` (its position in the list, or its name in the dict),
        `log_likelihood`, `n_parameters`, `aic`, `bic`, `sabic`, `icl`, `choice` (lowest
        for the selected mixture), `entropy`, `smallest_share` (the minimum of
        `weights_`), `smallest_component` (rows, the minimum of `component_rows_`),
        `converged`, `agreed` (whether independent arms of the search found the maximum,
        or it needed none) and `degenerate`. The entropy is normalized (Ramaswamy et al.
        1993), :math:`1 + \sum_i w_i \sum_k \tau_{ik} \log \tau_{ik} / (n \log K)`: 1 if
        memberships are certain, 0 if they are uniform.
    best_index_ : int
        Position of the selected mixture among the candidates.
    largest_chosen_ : bool
        Whether the selected number of components is the largest of several tried, so
        that more may be better still.
    n_components_ : int
        Selected number of components.
    estimators_ : list of estimators
        The fitted candidates.
    best_estimator_ : estimator
        The selected mixture. Its fitted attributes (`weights_`, `coef_`, `converged_`
        and so on) are also attributes of this object.
    {n_features_in_, feature_names_in_}

    See Also
    --------
    MixtureRegressor : The mixture with a given number of components.
    mixreg_sklearn.metrics.bic_scorer : Selection by BIC in a grid search.

    Notes
    -----
    A degenerate fit (a component collapsed on rows it fits without error, or has
    hardly any) may be selected, with a warning that names these rows: a gross outlier
    is a component of its own in an otherwise good mixture. `thin_components_` lists the
    rows of small components.

    Mixtures are not grown if constraints name components (`shared_features` as a dict,
    lists in `held_coef`, fixed shares): K components are then no special case of K + 1.
    With a ridge in a `SoftmaxGate`, the log-likelihood may decrease, as a penalized one
    is maximized. Degenerate fits are neither grown nor used in this comparison.

    Only the warnings of the selected mixture are issued.

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
    .. [5] Fraley, C. & Raftery, A. E. (2007). Bayesian regularization for normal
       mixture estimation and model-based clustering. Journal of Classification 24,
       155-181.

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

    All other settings are those of `estimator`:

    >>> from mixreg_sklearn import MixtureRegressor
    >>> MixtureRegressorIC(estimator=MixtureRegressor(shared_scale=True))
    MixtureRegressorIC(estimator=MixtureRegressor(shared_scale=True))
    """

    _parameter_constraints = {
        "n_components": [Range(Integral, 1, None, closed="left"), "array-like"],
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
        """Fit a mixture for each number of components, and select the best.

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
            If data or arguments have the wrong shape, type or range.
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
        table = _table(fits, names, self.criterion, X, y, metadata)
        best = int(table["choice"].argmin())
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
        """Names and templates of the mixtures to fit."""
        if self.estimator is None:
            return [(0, MixtureRegressor())]
        if isinstance(self.estimator, dict):
            templates = list(self.estimator.items())
        elif isinstance(self.estimator, list):
            templates = list(enumerate(self.estimator))
        else:
            return [(0, self.estimator)]
        methods = ("fit", "predict", *_CRITERIA)
        lacking = [m for _, each in templates for m in methods if not hasattr(each, m)]
        if not templates or lacking:
            raise ValueError(
                "estimator must contain mixtures of regressions only, and at least one;"
                f" got {self.estimator!r}."
            )
        return templates

    def _numbers(self):
        numbers = np.atleast_1d(np.asarray(self.n_components, dtype=object))
        count = Range(Integral, 1, None, closed="left")
        right = all(map(count.is_satisfied_by, numbers.flat))
        if numbers.ndim != 1 or not numbers.size or not right:
            raise ValueError(
                "n_components must be a positive integer, or a list of at least one;"
                f" got {self.n_components!r}."
            )
        return [int(number) for number in numbers]

    def _sweep(self, name, template, X, y, metadata):
        """Fits of a template and their warnings, in the order of `n_components`."""
        numbers = self._numbers()
        fits, caught = [None] * len(numbers), [None] * len(numbers)
        highest = None
        for position in np.argsort(numbers, kind="stable").tolist():
            started = time.perf_counter()
            mixture = clone(template).set_params(n_components=numbers[position])
            if self.random_state is not None:
                mixture.set_params(random_state=self.random_state)
            with warnings.catch_warnings(record=True, action="always") as messages:
                mixture.fit(X, y, **metadata)
            if _lower(mixture, highest) and _can_grow(highest):
                with warnings.catch_warnings(record=True, action="always") as others:
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
        print(
            f"{label}{mixture.n_components:2d} components"
            f"  log-likelihood {mixture.log_likelihood_:.4f}"
            f"  {self.criterion.upper()} {criterion:.4f}"
            f"  maximum {status(inside(mixture).mixture)}  {seconds:.2f} s"
        )

    def _set_attributes(self, best):
        """Copy the fitted attributes of the best mixture."""
        for name in fitted_attributes(self):
            delattr(self, name)
        for name, value in fitted_attributes(best).items():
            setattr(self, name, value)
        self.best_estimator_ = best
        self.n_components_ = best.n_components
        numbers = self._numbers()
        self.largest_chosen_ = min(numbers) < best.n_components == max(numbers)

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
    """Whether a mixture fits worse than another, if there is one."""
    return other is not None and (
        mixture.log_likelihood_ < other.log_likelihood_ - _SAME
    )


def _table(fits, names, chosen_by, X, y, metadata):
    """Comparison of the candidates: one array for each column."""
    of_fits = [evidence(inside(fit).mixture, X, y, **metadata) for fit in fits]
    columns = {
        "n_components": [fit.n_components for fit in fits],
        "estimator": names,
        "log_likelihood": [fit.log_likelihood_ for fit in fits],
        "n_parameters": [fit.n_parameters_ for fit in fits],
    }
    for criterion in _CRITERIA:
        columns[criterion] = [
            _criterion(criterion, fit, of_fit, X, y, metadata)
            for fit, of_fit in zip(fits, of_fits, strict=True)
        ]
    columns |= {
        "choice": [
            choice_value(criterion, inside(fit).mixture, of_fit.weight.sum())
            for criterion, fit, of_fit in zip(
                columns[chosen_by], fits, of_fits, strict=True
            )
        ],
        "entropy": [of_fit.certainty() for of_fit in of_fits],
        "smallest_share": [fit.weights_.min() for fit in fits],
        "smallest_component": [fit.component_rows_.min() for fit in fits],
        "converged": [fit.converged_ for fit in fits],
        "agreed": [agreed(inside(fit).mixture) for fit in fits],
        "degenerate": [fit.degenerate_ for fit in fits],
    }
    return {name: np.array(values) for name, values in columns.items()}


def _criterion(name, fit, of_fit, X, y, metadata):
    """A criterion from the evidence, unless the estimator overrides its method."""
    if getattr(type(fit), name) is getattr(MixtureRegressor, name):
        return getattr(of_fit, name)()
    return getattr(fit, name)(X, y, **metadata)
