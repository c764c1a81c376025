"""MixtureRegressorIC: the number of components by an information criterion."""

import warnings
from functools import wraps
from inspect import signature
from numbers import Integral

from sklearn.base import BaseEstimator, RegressorMixin, _fit_context, clone
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.validation import check_is_fitted

from ._candidates import CRITERIA, Rows, candidates_of, mixture_in, numbers_to_try
from ._comparison import comparison
from ._data.checks import Range
from ._data.row_data import given, row_arguments
from ._docs import documented
from ._fitted import fitted_attributes
from ._inside import inside
from ._notebook import NotebookTable, criterion_table
from ._progress import CallbackSupport, CandidateProgress
from ._regressor import MetadataRequests, MixtureRegressor
from ._reports.summary import SummaryMethod

# Settings of a mixture that do not stand here, or mean something else.
_OTHERWISE = {"n_components", "init", "warm_start", "random_state", "verbose"}
_DEFAULTS = {
    name: parameter.default
    for name, parameter in signature(MixtureRegressor).parameters.items()
    if name not in _OTHERWISE
}


def _of_best(name):
    """Make a method that delegates to the best estimator, with its docstring."""
    method = getattr(MixtureRegressor, name)

    @wraps(method)
    def delegated(self, X, *args, **kwargs):
        check_is_fitted(self)
        found = inside(self)
        return getattr(found.mixture, name)(found.features(X), *args, **kwargs)

    return delegated


@documented
class MixtureRegressorIC(
    MetadataRequests,
    NotebookTable,
    SummaryMethod,
    CallbackSupport,
    RegressorMixin,
    BaseEstimator,
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

    Along a path of penalties (`alphas`) with a lasso the choice takes into account that
    the lasso shrinks what it selects, and that it selects: the log-likelihood in it is
    that of the coefficients selected, by maximum likelihood, and s of all :math:`K d`
    coefficients cost :math:`2 \log \binom{Kd}{s}` besides (extended BIC, Chen & Chen
    2008).

    Mixtures are fitted in increasing order of size. If the search for more components
    ends at a lower log-likelihood than that of fewer, the mixture is instead grown from
    the smaller one. So the log-likelihood never decreases as components are added.

    Parameters
    ----------
    n_components : int or array-like of int, default=(1, 2, 3, 4)
        Numbers of components to choose from. An integer stands for 1 to this number;
        ``[4]`` tries 4 alone. With labels (`known_component`), numbers that have no
        component for the largest label are left out.
    criterion : {"bic", "aic", "icl", "sabic"}, default="bic"
        Criterion to minimize, with the penalties above.
    estimator : estimator, list or dict of estimators, or None, default=None
        Template with all settings but `n_components`; it is cloned. It may be a
        `Pipeline` that ends in a mixture: its transformers are fitted once, as they do
        not depend on the number of components. None means a `MixtureRegressor` with the
        settings below. Each of several is fitted with each number of
        components, as in ``[MixtureRegressor(), MixtureRegressor(gate="softmax")]`` or,
        with names for `table_`, ``{"plain": MixtureRegressor(), "gated": ...}``. A
        criterion is comparable only between densities of the same response under the
        same measure: gaussian and gamma, poisson and negative binomial; not counts and
        a continuous family, nor a response and its logarithm.
    alphas : int, array-like of float or None, default=None
        Penalties `alpha` to choose from, together with the number of components: as
        many as this, in a path that suits the data, or these. Each fit starts at its
        neighbor. An integer stands for penalties that adapt to the scale and the rows
        of each component: with a lasso (`l1_ratio` > 0) a feature enters where its
        correlation with the residuals of a component is z standard errors, for z on a
        grid. Path and search are those of the mixture's `l1_ratio` and `penalty`.
    family, regression_features, gate, gate_features, offset_feature : optional
        What the mixtures are, as in `MixtureRegressor`; only without `estimator`.
    shared_features, held_coef : optional
        Their constraints, likewise.
    alpha, l1_ratio, penalty, coef_bounds, order_by : optional
        Penalties on their coefficients, bounds of these, and their order, likewise.
    shared_scale, held_scale : optional
        Constraints on their scales, likewise.
    background, fit_intercept : optional
        What they are beside regressions on features, likewise.
    scale_penalty, n_init, tol, max_iter, n_jobs : optional
        How they are fitted, likewise.
    random_state : int, RandomState instance or None, default=None
        If not None, replaces the `random_state` of `estimator`.
    verbose : int, default=0
        1 prints a line per mixture. The `verbose` of `estimator` is independent of it.

    Attributes
    ----------
    criterion_values_ : ndarray of shape (n_candidates,)
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
        The fitted candidates: mixtures, or pipelines that end in one.
    best_estimator_ : estimator
        The selected mixture, or the pipeline that ends in it. The fitted attributes of
        the mixture (`weights_`, `coef_`, `converged_` and so on) are also attributes of
        this object.
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
    lists in `held_coef` or `coef_bounds`, fixed shares), or under a penalty (`alpha`):
    K components are then no special case of K + 1.
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
    .. [6] Chen, J. & Chen, Z. (2008). Extended Bayesian information criteria for model
       selection with large model spaces. Biometrika 95, 759-771.

    Examples
    --------
    >>> from mixreg_sklearn import MixtureRegressorIC
    >>> from mixreg_sklearn.datasets import load_two_lines
    >>> X, y = load_two_lines(return_X_y=True)
    >>> model = MixtureRegressorIC(n_components=(1, 2, 3), random_state=0).fit(X, y)
    >>> model.n_components_
    2
    >>> model.criterion_values_.round(1).tolist()
    [1667.2, 753.8, 766.9]
    >>> model.table_["n_parameters"].tolist()
    [3, 7, 11]

    All other settings are those of a mixture, also of one at the end of a pipeline:

    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import PolynomialFeatures
    >>> from mixreg_sklearn import MixtureRegressor
    >>> parabolas = make_pipeline(PolynomialFeatures(2), MixtureRegressor())
    >>> search = MixtureRegressorIC(3, estimator=parabolas, random_state=0).fit(X, y)
    >>> search.n_components_, search.coef_.shape
    (2, (2, 3))
    """

    _parameter_constraints = {
        "n_components": [Range(Integral, 1, None, closed="left"), "array-like"],
        "criterion": [StrOptions(set(CRITERIA))],
        "estimator": [HasMethods(["fit", "predict"]), list, dict, None],
        "alphas": [Range(Integral, 2, None, closed="left"), "array-like", None],
        **{name: MixtureRegressor._parameter_constraints[name] for name in _DEFAULTS},
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
        alphas=None,
        family="gaussian",
        regression_features=None,
        gate=None,
        gate_features=None,
        offset_feature=None,
        shared_features=None,
        held_coef=None,
        alpha=0.0,
        l1_ratio=0.0,
        penalty="elastic_net",
        coef_bounds=None,
        order_by=None,
        shared_scale=False,
        held_scale=None,
        background=None,
        fit_intercept=True,
        scale_penalty=1.0,
        n_init=8,
        tol=1e-8,
        max_iter=200,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.n_components = n_components
        self.criterion = criterion
        self.estimator = estimator
        self.alphas = alphas
        self.family = family
        self.regression_features = regression_features
        self.gate = gate
        self.gate_features = gate_features
        self.offset_feature = offset_feature
        self.shared_features = shared_features
        self.held_coef = held_coef
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.penalty = penalty
        self.coef_bounds = coef_bounds
        self.order_by = order_by
        self.shared_scale = shared_scale
        self.held_scale = held_scale
        self.background = background
        self.fit_intercept = fit_intercept
        self.scale_penalty = scale_penalty
        self.n_init = n_init
        self.tol = tol
        self.max_iter = max_iter
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
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
    ):
        """Fit a mixture for each number of components, and select the best.

        Parameters
        ----------
        {X, y, sample_weight, groups, offset, trials, row_scale, known_component}

        Returns
        -------
        self : MixtureRegressorIC
            The fitted estimator.

        Raises
        ------
        ValueError
            If data or arguments have the wrong shape, type or range.
        """
        metadata = given(sample_weight=sample_weight) | row_arguments(locals())
        numbers, templates = numbers_to_try(self.n_components), self._templates()
        rows = Rows(X, y, metadata)
        progress = CandidateProgress(self, X, y, len(numbers) * len(templates))
        candidates = []
        for label, template in templates:
            to_fit = label, template, numbers, rows
            candidates += candidates_of(*to_fit, self.alphas, progress)
        if not candidates:
            raise ValueError(
                "alphas: no penalty leaves a mixture that is not degenerate."
            )
        best = self._choose(candidates, numbers)
        progress.end()
        for message in best.messages:
            warnings.warn(message.message, message.category, stacklevel=3)
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _fitted_table(self):
        return criterion_table(self)

    def _choose(self, candidates, numbers):
        """Set the fitted attributes, and return the best Candidate."""
        table = comparison(candidates, self.criterion)
        index = int(table["choice"].argmin())
        best = candidates[index]
        for name in fitted_attributes(self):
            delattr(self, name)
        for name, value in fitted_attributes(best.mixture).items():
            setattr(self, name, value)
        if best.estimator is not best.mixture:
            _copy_features(best.estimator, self)
        self.best_estimator_, self.best_index_ = best.estimator, index
        self.n_components_ = best.mixture.n_components
        self.largest_chosen_ = min(numbers) < self.n_components_ == max(numbers)
        self.estimators_ = [candidate.estimator for candidate in candidates]
        self.table_ = table
        self.criterion_values_ = table[self.criterion].copy()
        self.log_likelihoods_ = table["log_likelihood"].copy()
        return best

    def _templates(self):
        """Pairs (label, template) of the mixtures to fit, with the settings here."""
        settings = {name: getattr(self, name) for name in _DEFAULTS}
        own = {n: v for n, v in settings.items() if not _is_default(n, v)}
        templates = self.estimator
        if templates is None:
            templates = MixtureRegressor(**own)
        elif own:
            raise ValueError(
                f"{', '.join(own)} and estimator are both given: set"
                f" {'it' if len(own) == 1 else 'them'} in the estimator."
            )
        if isinstance(templates, dict):
            templates = list(templates.items())
        elif isinstance(templates, list):
            templates = list(enumerate(templates))
        else:
            templates = [(0, templates)]
        if not templates or not all(_is_mixture(each) for _, each in templates):
            raise ValueError(
                "estimator must be a mixture of regressions, a pipeline that ends in"
                f" one, or a list or dict of these; got {self.estimator!r}."
            )
        if self.random_state is None:
            return templates
        seeded = [(label, clone(each)) for label, each in templates]
        for _, each in seeded:
            mixture_in(each).set_params(random_state=self.random_state)
        return seeded

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


def _is_default(name, value):
    default = _DEFAULTS[name]
    return value is default or (isinstance(value, type(default)) and value == default)


def _is_mixture(template):
    return hasattr(mixture_in(template), "predict_group_proba")


def _copy_features(pipeline, model):
    """Replace what a mixture knows of its features by what a pipeline knows."""
    for name in ("n_features_in_", "feature_names_in_"):
        if hasattr(model, name):
            delattr(model, name)
        if hasattr(pipeline, name):
            setattr(model, name, getattr(pipeline, name))
