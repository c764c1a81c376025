"""The estimator `MixtureRegressor`; docs/architecture.md outlines the path of a fit."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from ._at_rows import (
    estimates_and_rows,
    group_memberships_of,
    memberships_of,
    most_probable_of,
)
from ._blas import one_blas_thread
from ._by_partition import gathered, lazy
from ._criteria import InformationCriteria, akaike, likelihood_r2, schwarz
from ._data.checks import Range, check_memberships
from ._data.groups import check_groups
from ._data.known import KNOWN
from ._data.row_data import OF_ROWS, ROW_DATA, row_arguments
from ._docs import documented
from ._engine.dimension import effective_dimension
from ._estimates import own_data
from ._fitted import Fitted, check_start, fitted_attributes
from ._notebook import NotebookTable, component_table
from ._null import null_model
from ._numerics import make_rng
from ._posed import pose
from ._progress import CallbackSupport, Progress
from ._remembered import remember
from ._reports.summary import SummaryMethod
from ._responses import number_of_response, response_names
from ._search.estimate import Limits, estimate_found, estimate_from
from ._search.pooled import from_memberships
from ._search.record import search_record
from ._search.selected import estimate_selected, is_wide
from ._thin import thin_components, thin_sentences
from ._warnings import SearchWarning
from .families import Family, Support
from .families._names import FAMILIES
from .gates import Gate
from .predictive._components import component_means
from .predictive._history import given_history

_OF_ROWS = dict.fromkeys(OF_ROWS, True)
_KNOWN = {KNOWN: True}


class MetadataRequests:
    """Metadata that mixtures request by default from scikit-learn's routing."""

    # With routing enabled, weights, groups, offsets, row data and the `y` of
    # predict_proba reach the estimator without an explicit request.
    __metadata_request__predict = _OF_ROWS
    __metadata_request__fit = (
        _OF_ROWS | _KNOWN | {"sample_weight": True, "groups": True}
    )
    __metadata_request__score = __metadata_request__fit
    __metadata_request__predict_proba = _OF_ROWS | {"y": True, "groups": True} | _KNOWN


@documented
class MixtureRegressor(
    InformationCriteria,
    MetadataRequests,
    NotebookTable,
    SummaryMethod,
    CallbackSupport,
    RegressorMixin,
    BaseEstimator,
):
    r"""Finite mixture of regressions, by exact maximum likelihood.

    Each row comes from one of `n_components` latent components, each a regression:

    .. math:: p(y | x) = \sum_{k=1}^K \pi_k(x) \,
              f(y;\; a_k + x^\top b_k + \text{offset},\; \phi_k)

    The estimator finds the shares :math:`\pi_k`, intercepts :math:`a_k`, coefficients
    :math:`b_k` and scales :math:`\phi_k` (standard deviations, for the gaussian family)
    that maximize the likelihood of all rows. It searches from many starts until three
    independent kinds of search agree on the best optimum, and then converges to it by
    Newton's method on the exact likelihood; `converged_` certifies a local maximum.
    Coefficients may be shared, held, within bounds, or penalized, so that few of many
    features have any.

    Parameters
    ----------
    n_components : int, default=2
        Number of regressions, K.
    family : str or Family, default="gaussian"
        Conditional distribution of the response in each component: `"gaussian"`,
        `"poisson"`, `"binomial"`, `"gamma"`, `"negative_binomial"`,
        `"inverse_gaussian"`, `"beta"` or `"student_t"` with their default links,
        lifetimes (`"weibull"`, `"lognormal"`, `"loglogistic"`), or an instance from
        `mixreg_sklearn.families`, such as ``Gamma(link="inverse")``,
        ``StudentT(df="estimate")``, ``ZeroInflated(Poisson())`` or
        ``Censored(Gaussian(), lower=0)``. A list of them is for several responses, the
        columns of y, which are independent given the component:
        ``["gaussian", Poisson()]``. Missing responses (NaN) are admitted.
    regression_features : str, int, slice, array-like, callable or None, default=None
        Features of the regressions: names (of a dataframe's columns), indices, a
        slice, a boolean mask, or a callable that is given X and returns one of these.
        None means all; an empty list means regressions with an intercept only. With
        several responses, one selection for all, or a list of one for each:
        ``[["x1"], ["x1", "x2"]]``.
    gate : None, "softmax" or Gate, default=None
        Prior probabilities of the components: None if they are the same for all rows;
        `"softmax"` if they depend on features by a multinomial logistic regression
        (concomitant variables); or an instance from `mixreg_sklearn.gates`:
        ``SoftmaxGate(alpha=1.0)`` with a ridge, ``ConstantGate("equal")`` or
        ``ConstantGate([0.7, 0.3])`` with fixed shares.
    gate_features : str, int, slice, array-like, callable or None, default=None
        Features of the gate, selected like `regression_features`; None means all. A
        feature may be in the gate, the regressions or both.
    offset_feature : str, int or None, default=None
        A column of X that is an offset: a term with coefficient one in the linear
        predictor of every component, such as the logarithm of an exposure. Unlike the
        argument `offset` of `fit`, it works in any pipeline, grid search and ensemble.
    shared_features : str, int, slice, array-like, callable, dict or None, default=None
        Features whose coefficient is the same in all components, selected like
        `regression_features`; or a dict from a feature's name or index (or
        `"intercept"`) to lists of components that share its coefficient, as in
        ``{"age": [[0, 1], [2, 3]]}``. Components not listed share with no other.
    held_coef : dict or None, default=None
        Coefficients held at known values: a dict from a feature's name or index (or
        `"intercept"`) to the value, or to one value per component with None for free
        coefficients, as in ``{"dose": [0.0, None]}``.
    alpha : float or array-like of shape (n_components,), default=0.0
        Strength of a penalty on the coefficients, with which there may be more features
        than rows: one for all components, or one for each. The estimate maximizes the
        log-likelihood less the penalty, see Notes.
    l1_ratio : float, default=0.0
        Share of the lasso, which sets coefficients to zero, in the penalty: 0 is a
        ridge, 1 the lasso, and what is between an elastic net.
    penalty : {"elastic_net", "fused"}, default="elastic_net"
        `"fused"` is about what differs between components: the lasso is on a common
        coefficient of each feature, and on deviations from it, see Notes.
    coef_bounds : dict or None, default=None
        Bounds within which coefficients are estimated: a dict from a feature's name or
        index (or `"intercept"`) to a pair of a lower and an upper bound, None where
        there is none, each one number or one for each component, as in
        ``{"price": (None, 0)}`` or ``{"dose": (0, [1.5, None])}``.
    order_by : str, int or None, default=None
        A feature, by name or index, or `"intercept"`: components are numbered by
        increasing values of this coefficient instead of by decreasing share. As nothing
        else may tell the components apart, this is no restriction of the model.
    shared_scale : bool, default=False
        Whether all components have the same scale; each response has its own.
    held_scale : float, array-like of shape (n_components,) or None, default=None
        Known scales, which are not estimated: one for all components, or one for each,
        with None where it is free, as in ``[0.5, None]``.
    background : {None, "uniform", "zero", "cured"}, default=None
        One more component, without a regression: `"uniform"` has the same density over
        the range of the observed responses, and takes outliers; `"zero"`, for counts,
        has all probability at zero, and takes the surplus of zeros; `"cured"`, for
        lifetimes, at infinity, and takes a part of those whose end is not seen. It has
        a share, which counts as a parameter, and no others; with a softmax gate, its
        share depends on features. See `outlier_probability`.
    fit_intercept : bool, default=True
        Whether each component has an intercept.
    init : None, dict or array-like of shape (n_samples, n_components), default=None
        Starting values that replace the search: a dict with the arrays `"weights"`
        (K,), `"coef"` (K, d), `"intercept"` (K,) and `"scale"` (K,), and, with a
        softmax gate, `"gate_coef"` (K, d) and `"gate_intercept"` (K,) instead of the
        weights; or the memberships of the training rows. The fit is the local maximum
        that is reached from there. Arrays of several responses have the shapes of the
        fitted attributes.
    scale_penalty : float, default=1.0
        Strength of the penalty that ranks local maxima with different scales, see
        `search_`; 0 chooses the one of highest likelihood. The estimate itself is not
        penalized.
    n_init : int, default=8
        Maximum number of rounds of the search. Each draws at least 30 independent
        starts in four arms; the search stops when three arms agree and a better
        optimum is unlikely, or when three rounds were in vain.
    tol : float, default=1e-8
        Tolerance for the Newton decrement, the gain in log-likelihood (nats) that a
        quadratic approximation still predicts.
    max_iter : int, default=200
        Maximum number of Newton iterations of the final polish.
    warm_start : bool, default=False
        Whether to start from the previous solution instead of searching.
    random_state : int, RandomState instance or None, default=None
        Determines the starts of the search, which do not depend on the order of rows.
    n_jobs : int or None, default=None
        Number of threads for passes over large data. It does not affect the result.
    verbose : int, default=0
        1 prints a line per round of the search and for the polish.

    Attributes
    ----------
    weights_ : ndarray of shape (n_components,)
        Shares of the components; with a softmax gate, the mean prior probabilities of
        the training rows (or groups). All attributes order components by decreasing
        share (or by `order_by`), unless constraints or known labels distinguish them,
        whose numbering is then kept. With a background the rest, up to one, is
        `background_weight_`.
    coef_ : ndarray of shape (n_components, n_features)
        Coefficients of the regressions: zero for features not in the regressions, one
        for `offset_feature`.
    intercept_ : ndarray of shape (n_components,)
        Intercepts of the regressions.
    scale_ : ndarray of shape (n_components,)
        Scales of the components. Gaussian: residual standard deviations (maximum
        likelihood: divided by the component's weight, not its degrees of freedom);
        other families: the dispersion that the family defines, 1 if it has none.
        Further constants of a family have attributes of their own, such as `df_` and
        `inflation_`, and so have further predictors (`inflation_coef_`).
    background_weight_ : float
        Share of the background, if there is one.
    background_bounds_ : ndarray of shape (2,)
        Least and greatest response, between which a uniform background has its
        density.
    gate_coef_ : ndarray of shape (n_components, n_features)
        Softmax gate only: change of the log-odds of a component against the first one
        per unit of a feature. Zero for the first component, the baseline, and for
        features not in the gate. The last row, one more, is that of a background.
    gate_intercept_ : ndarray of shape (n_components,)
        Softmax gate only: log-odds of a component against the first one if all features
        are zero.
    response_names_ : list of str
        Several responses only: names of the columns of y, or "y0", "y1" and so on.
        `coef_` is then (n_responses, n_components, n_features), and `intercept_` and
        `scale_` (n_responses, n_components), so that ``coef_[r]`` is that of a single
        response. Further constants and predictors begin with the number of the
        response, as in ``y1_zero_coef_``.
    component_rows_ : ndarray of shape (n_components,)
        Rows that each component rests on: sums of memberships, times the weights.
    thin_components_ : dict of int to ndarray of int
        Components with less than three rows for each coefficient of their own, and
        their rows (positions, from 0): those with a membership above one half. They are
        often outliers, or rows that happen to lie near a line.
    log_likelihood_ : float
        Log-likelihood of the training data.
    objective_ : float
        The log-likelihood less the penalty on coefficients (`alpha`), which the
        estimate maximizes.
    null_ : dict of ndarray
        The regression without features with which `score` compares: `intercept`,
        `scale` and so on.
    n_parameters_ : int or float
        Number of freely estimated parameters. Coefficients that a lasso sets to zero,
        or that lie at a bound, do not count, those that a fused penalty makes equal
        count once [7]_, and a ridge takes away fractions: of
        :math:`\operatorname{tr}(J_\rho^{-1} J)` coefficients, with the observed
        information J of the likelihood and :math:`J_\rho` with the ridge.
    aic_, bic_ : float
        Information criteria of the training data, as `aic` and `bic` compute them for
        any data.
    converged_ : bool
        Whether a local maximum is proven: Newton decrement below `tol` and positive
        definite observed information. With a lasso or bounds these are about the
        coefficients that are not at zero or at a bound, and those that are have no
        reason to leave (Karush, Kuhn and Tucker): the slope of the log-likelihood in
        them is at most that of the lasso, and leads beyond the bound.
    newton_decrement_ : float
        Gain in log-likelihood (nats) that a quadratic approximation predicts before the
        last Newton step.
    smallest_eigenvalue_ : float
        Smallest eigenvalue of the observed information, scaled to unit diagonal.
    degenerate_ : bool
        Whether a component collapsed on rows it fits without error, or has too few
        rows; a warning then gives advice.
    n_iter_ : int
        Number of EM and Newton iterations of the final polish.
    grouped_ : bool
        Whether the rows of the fit came in groups. Likelihoods, criteria, memberships
        and standard errors then need `groups` as well.
    labelled_ : bool
        Whether something was known of the components of some rows (`known_component`).
    search_ : dict
        Record of the search, empty without one: `"optima"`, a list of dicts, best
        first, with `log_likelihood`, `objective` (penalized, for ranking), `hits`
        (number of times found), `arms`, `first_round`, `iterations`, `degenerate`,
        `proven` (a local maximum) and `passed_over` (why an optimum of higher
        likelihood was not chosen, or None);
        `"paths"`, a list of dicts, one for each run of EM, with `arm`, `round`,
        `first_iteration` and `log_likelihood`, by iteration;
        `"agreeing_arms"`, the number of arms that found the best optimum, and
        `"agreed"`, whether that is enough of them;
        `"unseen"`, the estimated chance of a better optimum that no start reached;
        `"rounds"`, `"starts"` and `"sample_rows"`, the number of rows searched.
        Log-likelihoods are before the final polish, and scaled from the sample to all
        rows.
    {n_features_in_, feature_names_in_}

    See Also
    --------
    MixtureRegressorIC : Selects the number of components by BIC, AIC, SABIC or ICL.

    Notes
    -----
    `sample_weight` counts rows: a weight of 2 is equivalent to repeating the row, a
    weight of 0 to removing it.

    With `alpha` the estimate maximizes the log-likelihood :math:`\ell` under a ridge
    [3]_, a lasso or an elastic net [4]_, as in [5]_ and [6]_,

    .. math:: \ell - n \sum_{k=1}^K \Bigl( \alpha_k \rho \, \lVert b_k \rVert_1 +
              \alpha_k \frac{1 - \rho}{2} \, \lVert b_k \rVert_2^2 \Bigr),

    with n the sum of the weights, :math:`\rho` the `l1_ratio`, and :math:`b_k` the
    coefficients of standardized features: times the standard deviations of the features
    (divided by n; without an intercept, times their root mean squares). They are in
    units of the linear predictor, so that what `alpha` does depends on the unit of a
    gaussian response, but on no unit of a feature. Intercepts, the gate and further
    predictors (such as that of an inflation) are not penalized. Of several responses
    the regression of each is. With ``penalty="fused"``,
    :math:`b_k = \beta + \delta_k`, and the lasso is on
    :math:`\sqrt{K} \lVert \beta \rVert_1 + \sum_k \lVert \delta_k \rVert_1`:
    features that act alike in all components have a common coefficient [8]_. Under a
    lasso or bounds Newton's method acts on the coefficients that are free [9]_, in the
    M-step and in the polish.

    References
    ----------
    .. [1] McLachlan, G. & Peel, D. (2000). Finite Mixture Models. Wiley.
    .. [2] DeSarbo, W. & Cron, W. (1988). A maximum likelihood methodology for
       clusterwise linear regression. Journal of Classification 5, 249-282.
    .. [3] Tibshirani, R. (1996). Regression shrinkage and selection via the lasso.
       Journal of the Royal Statistical Society B 58, 267-288.
    .. [4] Zou, H. & Hastie, T. (2005). Regularization and variable selection via the
       elastic net. Journal of the Royal Statistical Society B 67, 301-320.
    .. [5] Khalili, A. & Chen, J. (2007). Variable selection in finite mixture of
       regression models. Journal of the American Statistical Association 102,
       1025-1038.
    .. [6] Städler, N., Bühlmann, P. & van de Geer, S. (2010). l1-penalization for
       mixture regression models. Test 19, 209-256.
    .. [7] Zou, H., Hastie, T. & Tibshirani, R. (2007). On the "degrees of freedom" of
       the lasso. Annals of Statistics 35, 2173-2192.
    .. [8] Li, Y., Yu, C., Zhao, Y., Yao, W., Aseltine, R. H. & Chen, K. (2022).
       Pursuing sources of heterogeneity in modeling clustered population. Biometrics
       78, 716-729.
    .. [9] Bertsekas, D. P. (1982). Projected Newton methods for optimization problems
       with simple constraints. SIAM Journal on Control and Optimization 20, 221-246.

    Examples
    --------
    >>> from mixreg_sklearn import MixtureRegressor
    >>> from mixreg_sklearn.datasets import load_two_lines
    >>> X, y = load_two_lines(return_X_y=True)
    >>> model = MixtureRegressor(n_components=2, random_state=0).fit(X, y)
    >>> model.coef_.round(2).tolist()
    [[2.96], [-1.0]]
    >>> model.intercept_.round(2).tolist(), model.scale_.round(2).tolist()
    ([10.36, 3.02], [2.25, 0.23])
    >>> model.converged_
    True
    """

    _parameter_constraints = {
        "n_components": [Range(Integral, 1, None, closed="left")],
        "family": [StrOptions(set(FAMILIES)), Family, list, tuple],
        "regression_features": [str, Integral, slice, "array-like", callable, None],
        "gate": [StrOptions({"softmax"}), Gate, None],
        "gate_features": [str, Integral, slice, "array-like", callable, None],
        "offset_feature": [str, Integral, None],
        "shared_features": [str, Integral, slice, "array-like", callable, dict, None],
        "held_coef": [dict, None],
        "shared_scale": ["boolean"],
        "alpha": [Range(Real, 0, None, closed="left"), "array-like"],
        "l1_ratio": [Range(Real, 0, 1, closed="both")],
        "penalty": [StrOptions({"elastic_net", "fused"})],
        "coef_bounds": [dict, None],
        "order_by": [str, Integral, None],
        "held_scale": [Range(Real, 0, None, closed="neither"), "array-like", None],
        "background": [StrOptions({"uniform", "zero", "cured"}), None],
        "fit_intercept": ["boolean"],
        "init": [dict, "array-like", None],
        "scale_penalty": [Range(Real, 0, None, closed="left")],
        "n_init": [Range(Integral, 1, None, closed="left")],
        "tol": [Range(Real, 0, None, closed="neither")],
        "max_iter": [Range(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    }

    _doc_link_module = "mixreg_sklearn"

    def __init__(
        self,
        n_components=2,
        *,
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
        init=None,
        scale_penalty=1.0,
        n_init=8,
        tol=1e-8,
        max_iter=200,
        warm_start=False,
        random_state=None,
        n_jobs=None,
        verbose=0,
    ):
        self.n_components = n_components
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
        self.init = init
        self.scale_penalty = scale_penalty
        self.n_init = n_init
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
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
        """Estimate the mixture.

        Parameters
        ----------
        {X, y, sample_weight}
        groups : array-like of shape (n_samples,), default=None
            Labels of groups of rows that share one component, such as repeated measures
            of one subject; None if rows are independent. Meta-estimators, such as
            cross-validation, pass them to `fit` only if metadata routing is enabled:
            ``sklearn.set_config(enable_metadata_routing=True)``.
        {offset, trials, row_scale, known_component}

        Returns
        -------
        self : MixtureRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If data or arguments have the wrong shape, type or range.
        """
        row_data = row_arguments(locals(), (*ROW_DATA, KNOWN))
        rows = sample_weight, groups, offset, row_data
        with one_blas_thread(), np.errstate(all="ignore"):
            posed = pose(self, X, y, *rows, ensure_min_samples=2)
            progress = Progress(self, posed)
            problem, estimate = self._estimate(posed, progress)
            conclude(self, posed, problem, estimate, y)
        progress.about(problem)
        progress.end(self.log_likelihood_, estimate)
        warning = complaint(self, problem, estimate)
        if warning:
            warnings.warn(warning, stacklevel=3)
        return self

    def _estimate(self, posed, progress):
        """Maximize from the given start, or search. -> Problem, Estimate.

        Where a lasso selects among many features, the problem is that of a few of them.
        """
        problem, start = posed.problem, self._start(posed)
        limits = Limits(self.n_init, self.tol, self.max_iter, self.scale_penalty)
        rng = make_rng(self.random_state)
        if is_wide(problem):
            return estimate_selected(problem, start, rng, limits, progress)
        if start is not None:
            return problem, estimate_from(problem, start, limits)
        return problem, estimate_found(problem, rng, limits, progress)

    def _start(self, posed):
        """The user's start in the engine's units; None to search."""
        problem, K, d = posed.problem, self.n_components, self.n_features_in_
        m = len(problem.structure.family.responses)
        shape = (K, d) if m == 1 else (m, K, d)
        if self.warm_start and getattr(self, "coef_", np.empty(0)).shape == shape:
            return problem.from_user(Fitted.of(self))
        if self.init is None:
            return None
        if isinstance(self.init, dict):
            family, gate = problem.structure.family, problem.structure.gate
            start = check_start(
                *(self.init, family, K, d, gate.has_features), problem.frame.background
            )
            return problem.from_user(start)
        memberships = check_memberships(
            self.init, posed.n_rows, problem.structure.n_shares
        )
        return from_memberships(problem, memberships)

    def _fitted_table(self):
        return component_table(self)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        family = self.family
        family = FAMILIES.get(family) if isinstance(family, str) else family
        support = getattr(family, "support", Support())
        tags.target_tags.positive_only = support.lower >= 0
        several = isinstance(family, (list, tuple))
        columns = 2 if several else getattr(family, "response_columns", 1)
        tags.target_tags.multi_output = columns > 1
        tags.input_tags.sparse = True
        return tags

    @lazy
    def predict(self, X, return_std=False, *, offset=None, trials=None, row_scale=None):
        r"""Expected response, :math:`\sum_k \pi_k(x) \mu_k(x)`.

        Parameters
        ----------
        {X}
        return_std : bool, default=False
            Whether to also return the standard deviation of the predictive mixture, the
            square root of :math:`\sum_k \pi_k (\sigma_k^2 + \mu_k^2) - \mu^2`.
        {offset, trials, row_scale}

        Returns
        -------
        mean : ndarray of shape (n_samples,) or (n_samples, n_responses)
            Expected responses.
        std : ndarray of the same shape
            Standard deviations; only if `return_std`.

        Raises
        ------
        ValueError
            If a component has no distribution at a row: its linear predictor is outside
            the domain of the link.
        """
        fitted, *rows = estimates_and_rows(self, X, **row_arguments(locals()))

        def moments(_, ahead):
            return (ahead.mean(), ahead.std()) if return_std else ahead.mean()

        return fitted.from_distributions(moments, *rows)

    @lazy
    def predict_components(self, X, *, offset=None, trials=None, row_scale=None):
        """Expected response of each component.

        Parameters
        ----------
        {X, offset, trials, row_scale}

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Means of the components. Those of several responses are stacked along a last
            axis, so that ``[:, k]`` is what `predict` returns for component k.

        Raises
        ------
        ValueError
            If a component has no distribution at a row, as in `predict`.
        """
        fitted, *rows = estimates_and_rows(self, X, **row_arguments(locals()))
        return fitted.from_distributions(lambda _, ahead: component_means(ahead), *rows)

    def predict_distribution(
        self,
        X,
        *,
        response=None,
        groups=None,
        history=None,
        offset=None,
        trials=None,
        row_scale=None,
    ):
        r"""Distribution of the response: density, quantiles, intervals, draws.

        The mixture :math:`\sum_k \pi_k(x) f(y;\, \eta_k, \phi_k)`, with the estimates
        taken as known. If a row belongs to a unit with a history (earlier rows with
        their responses), its weights are the memberships of that unit instead of the
        prior probabilities.

        Parameters
        ----------
        {X, response}
        groups : array-like of shape (n_samples,), default=None
            Unit of each row; required with a history, otherwise without effect.
        history : dict, default=None
            Earlier rows of some of these units: `"X"`, `"y"` and `"groups"`, and
            optionally `"offset"`, `"trials"` and `"row_scale"`, as in `predict_proba`.
            Units without earlier rows keep the prior probabilities; the history may be
            empty.
        {offset, trials, row_scale}

        Returns
        -------
        MixtureDistribution
            See `mixreg_sklearn.predictive`. Where a component has no distribution, its
            methods say so.

        Raises
        ------
        ValueError
            If the history is incomplete, or features of the gate differ between the
            rows of a unit and its history.
        """
        given = row_arguments(locals(), OF_ROWS)
        fitted, X, offset, row_data = estimates_and_rows(self, X, **given)
        one = fitted.marginals()[number_of_response(self, response)]
        ahead = one.distribution(X, offset, own_data(one.family, row_data))
        check_groups(groups, ahead)
        if history is None:
            return ahead
        return ahead.reweighted(given_history(self, ahead.weights, groups, history))

    @lazy
    def predict_proba(
        self,
        X,
        y=None,
        *,
        groups=None,
        offset=None,
        trials=None,
        row_scale=None,
        known_component=None,
    ):
        r"""Probabilities of the components.

        Without `y`, prior probabilities :math:`\pi_k(x)`; with `y`, memberships
        (posterior probabilities) :math:`\pi_k f_k(y | x) / \sum_j \pi_j f_j(y | x)`.
        The rows of a group share one membership; f is the product of their densities.

        Parameters
        ----------
        {X}
        y : array-like of shape (n_samples,) or (n_samples, n_responses), default=None
            Responses. Of several responses, any that are seen: the others are NaN.
        {groups, offset, trials, row_scale, known_component}

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Probabilities; each row sums to one. With a background there is one more
            column, the last.

        Raises
        ------
        ValueError
            If all components have density zero for a row or group, so that it has no
            memberships.
        """
        if y is None:
            fitted, X, *_ = estimates_and_rows(self, X, offset)
            return fitted.prior(X)
        return memberships_of(self, X, y, **row_arguments(locals()))

    @lazy
    def outlier_probability(
        self, X, y, *, groups=None, offset=None, trials=None, row_scale=None
    ):
        """Probabilities that rows belong to the background.

        They are the last column of `predict_proba`. Of responses beyond
        `background_bounds_`, a uniform background has the density that it has between
        them.

        Parameters
        ----------
        {X, y, groups, offset, trials, row_scale}

        Returns
        -------
        ndarray of shape (n_samples,)
            Probabilities, given the response.

        Raises
        ------
        ValueError
            If the mixture has no background.
        """
        check_is_fitted(self)
        if self.background is None:
            raise ValueError(
                "outlier_probability is the probability of the background, and there"
                " is none: fit with background='uniform' (or 'zero')."
            )
        return self.predict_proba(X, y, **row_arguments(locals()))[:, -1]

    @gathered
    def predict_group_proba(
        self,
        X,
        y,
        groups,
        *,
        offset=None,
        trials=None,
        row_scale=None,
        known_component=None,
    ):
        """Memberships of groups, given the responses of all their rows.

        Parameters
        ----------
        {X, y}
        groups : array-like of shape (n_samples,)
            Labels of groups of rows that share one component.
        {offset, trials, row_scale, known_component}

        Returns
        -------
        labels : ndarray of shape (n_groups,)
            Sorted labels of the groups.
        memberships : ndarray of shape (n_groups, n_components)
            Probabilities; each row sums to one. With a background there is one more
            column, the last.

        Raises
        ------
        ValueError
            If `groups` is None, or all components have density zero for a group.
        """
        return group_memberships_of(self, X, y, **row_arguments(locals()))

    @lazy
    def predict_membership(
        self,
        X,
        y,
        *,
        groups=None,
        offset=None,
        trials=None,
        row_scale=None,
        known_component=None,
    ):
        """Most probable component of each row.

        Parameters
        ----------
        {X, y, groups, offset, trials, row_scale, known_component}

        Returns
        -------
        ndarray of int of shape (n_samples,)
            Component indices, 0 to `n_components - 1`; `n_components` where the
            background is most probable.

        Raises
        ------
        ValueError
            If all components have density zero for a row or group.
        """
        return most_probable_of(self, X, y, **row_arguments(locals()))

    def score(
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
        r"""Likelihood R2: how much better the mixture describes y than no features do.

        .. math:: R^2 = 1 - \exp\Bigl(-\frac{2}{n} (\ell - \ell_0)\Bigr)

        with the log-likelihood :math:`\ell` of these rows (Cox & Snell 1989; Magee
        1990), that of one regression on a constant and the offset, which `fit` fitted
        to its rows, :math:`\ell_0`, and the number n of rows, or of groups (the sum of
        their weights). For one gaussian component and the rows of the fit it is the
        coefficient of determination. That of the mean, which knows nothing of the
        components, is ``sklearn.metrics.r2_score(y, model.predict(X))``.

        Parameters
        ----------
        {X, y, sample_weight, groups, offset, trials, row_scale, known_component}

        Returns
        -------
        float
            Likelihood R2, below 1 (for counts, well below); negative where the
            regression without features is better, and minus infinity where the density
            of a row is zero.

        References
        ----------
        Cox, D. R. & Snell, E. J. (1989). Analysis of Binary Data, 2nd ed. Chapman and
        Hall.

        Magee, L. (1990). R2 measures based on Wald and likelihood ratio joint
        significance tests. The American Statistician 44, 250-253.
        """
        return likelihood_r2(self, X, y, sample_weight, **row_arguments(locals()))

    def sample(
        self,
        X,
        random_state=None,
        *,
        groups=None,
        offset=None,
        trials=None,
        row_scale=None,
    ):
        """Draw a response for each row of X.

        Parameters
        ----------
        {X, random_state, groups, offset, trials, row_scale}

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_responses)
            Responses.
        component : ndarray of int of shape (n_samples,)
            The component of each response; `n_components` for the background.

        Raises
        ------
        ValueError
            If a component has no distribution at a row, as in `predict`.
        """
        given = row_arguments(locals(), OF_ROWS)
        fitted, X, *rest = estimates_and_rows(self, X, **given)
        groups = check_groups(groups, X)
        return fitted.sample(X, make_rng(random_state), groups, *rest)


def set_estimate(model, problem, estimate):
    """Set the fitted attributes of a `MixtureRegressor`."""
    polished = estimate.polished
    # An earlier fit with another family or gate may have further attributes.
    for name in fitted_attributes(model):
        if name not in ("n_features_in_", "feature_names_in_"):
            delattr(model, name)
    fitted, order = problem.ordered(polished.params)
    for name, value in fitted.attributes().items():
        setattr(model, name, value)
    params = polished.params.reorder(order[None])
    model.component_rows_ = estimate.rows_of[order]
    model.thin_components_ = thin_components(problem, params, model.component_rows_)
    model.log_likelihood_ = problem.loglik_to_user(
        polished.objective[0], problem.rows.total_weight
    )
    model.objective_ = model.log_likelihood_ + problem.objective_penalty(
        polished.params
    )
    model.n_parameters_ = effective_dimension(
        problem.model, problem.rows, polished.params
    )
    fit = model.log_likelihood_, model.n_parameters_
    model.aic_, model.bic_ = akaike(*fit), schwarz(*fit, problem.units_counted)
    model.converged_ = estimate.proven
    model.newton_decrement_ = float(polished.decrement[0])
    model.smallest_eigenvalue_ = float(polished.smallest_eigenvalue[0])
    model.degenerate_ = estimate.flaw is not None
    model.n_iter_ = int(polished.n_iter[0])
    model.search_ = search_record(problem, estimate.search)
    model.labelled_ = bool(problem.model.known)
    remember(model, grouped=problem.rows.n_units < problem.rows.n_rows)


def conclude(model, posed, problem, estimate, y):
    """Set what `fit` sets, from the estimate for a problem that was posed."""
    set_estimate(model, problem, estimate)
    if len(problem.structure.family.responses) > 1:
        model.response_names_ = response_names(y)
    at = posed.columns.maybe(model.offset_feature, "offset_feature")
    model.null_ = null_model(problem, at).arrays()


def _dependent(problem):
    """A further reason why the information of an estimate may be singular."""
    penalties = problem.structure.penalties
    if penalties is None or not penalties.kinked:
        return ""
    return (
        ", or features depend on each other, so that their coefficients are not unique"
        " under a lasso or bounds (a little ridge makes them so: l1_ratio < 1)"
    )


def complaint(model, problem, estimate):
    """A warning if an estimate is no proven maximum, or not agreed on; or None."""
    if estimate.flaw:
        reason, n_rows = estimate.flaw.value, problem.rows.n_rows
        sharings = problem.model.regressions.sharings
        penalties = problem.structure.penalties
        free = penalties is None or not penalties.shrinks
        if free and sum(sharing.n_directions for sharing in sharings) >= n_rows:
            reason = (
                f"there are as many coefficients as rows ({n_rows}), or more, so that"
                " regressions fit rows without error. Use fewer features"
                " (regression_features) or components, shared_features, or more rows"
            )
        elif not (free or problem.model.bounded):
            reason += (
                ". A penalty on coefficients does not keep scales from zero: increase"
                " alpha, or hold them (held_scale)"
            )
        sentences = [f"The estimate is degenerate: {reason}", *thin_sentences(model)]
        message = ". ".join(sentences) + "."
    elif estimate.boundary:
        message = f"{estimate.boundary.sentence}."
    elif not model.converged_:
        message = (
            "The estimate is not proven to be a maximum (Newton decrement"
            f" {model.newton_decrement_:.1e}, tol={model.tol:.1e}; smallest eigenvalue"
            f" of the information {model.smallest_eigenvalue_:.1e}). Increase max_iter,"
            " or use fewer components if the eigenvalue is close to zero: the data then"
            f" do not distinguish the components{_dependent(problem)}."
        )
    elif estimate.search and not estimate.search.agreed:
        return SearchWarning(
            "The estimate is a proven local maximum, but only"
            f" {estimate.search.agreeing} of the search's arms found it: a better"
            " optimum may be unseen. Increase n_init, compare other values of"
            " random_state, or use fewer components."
        )
    else:
        return None
    return ConvergenceWarning(message)
