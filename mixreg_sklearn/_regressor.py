"""MixtureRegressor: the front door.

The data's path::

    fit(X, y)  ->  validated rows and their structure           _data/read
               ->  design and rows in the engine's units        _engine/problem
               ->  search: rounds of independent arms           _search/arms
                     rows + parameters -> moments               _engine/em, mixture
                     moments -> parameters
               ->  polish the best to a proven maximum          _search/estimate
               ->  weights_, coef_, ... in the user's units     _fitted
"""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from sklearn.utils._param_validation import Interval, StrOptions

from ._blas import one_blas_thread, threads_that_pay
from ._criteria import InformationCriteria
from ._data.checks import check_memberships
from ._data.groups import check_groups
from ._data.read import read
from ._data.row_data import given
from ._docs import documented
from ._engine.problem import make_problem
from ._fitted import Fitted, check_start, estimates_and_rows, log_joint_of
from ._notebook import NotebookTable, component_table
from ._numerics import log_normalize, make_rng
from ._progress import CallbackSupport, Progress
from ._search.estimate import Limits, estimate_found, estimate_from
from ._search.pooled import from_memberships
from ._search.record import search_record
from .families import Family, Support
from .families._names import FAMILIES
from .gates import Gate
from .predictive._components import component_means
from .predictive._history import given_history

_OF_ROWS = {"offset": True, "trials": True}


class MetadataRequests:
    """What mixtures request from scikit-learn's metadata routing."""

    # Where routing is on, weights, groups, offsets and trials reach the estimator
    # without being requested, and `y` of predict_proba as data.
    __metadata_request__predict = _OF_ROWS
    __metadata_request__score = _OF_ROWS | {"sample_weight": True}
    __metadata_request__fit = __metadata_request__score | {"groups": True}
    __metadata_request__predict_proba = _OF_ROWS | {"y": True, "groups": True}


@documented
class MixtureRegressor(
    InformationCriteria,
    MetadataRequests,
    NotebookTable,
    CallbackSupport,
    RegressorMixin,
    BaseEstimator,
):
    r"""Finite mixture of regressions, by exact maximum likelihood.

    The rows come from `n_components` hidden components, each with its own regression:

    .. math:: p(y | x) = \sum_{k=1}^K \pi_k(x) \,
              f(y;\; a_k + x^\top b_k + \text{offset},\; \phi_k)

    The estimator finds the shares :math:`\pi_k`, intercepts :math:`a_k`, coefficients
    :math:`b_k` and scales :math:`\phi_k` (standard deviations, for the gaussian family)
    that maximize the likelihood of all rows. It searches from many starts until three
    independent kinds of search agree on the best optimum, and then climbs to it by
    Newton's method on the exact likelihood, so that `converged_` is a proof and not a
    hope.

    Parameters
    ----------
    n_components : int, default=2
        Number of regressions, K.
    family : str or Family, default="gaussian"
        Distribution of the response around each regression: `"gaussian"`,
        `"poisson"`, `"binomial"`, `"gamma"`, `"negative_binomial"`,
        `"inverse_gaussian"` or `"beta"` with their default links, or an instance from
        `mixreg_sklearn.families`, such as ``Gamma(link="inverse")``.
    regression_features : str, int, slice, array-like, callable or None, default=None
        Features of the regressions: names (of a dataframe's columns), indices, a
        slice, a boolean mask, or a callable that is given X and returns one of these.
        None means all; an empty list regressions of an intercept alone.
    gate : None, "softmax" or Gate, default=None
        Prior probabilities of the components: None for shares that are the same for
        all rows; `"softmax"` for shares that depend on features by a multinomial
        logistic regression (concomitant variables); or an instance from
        `mixreg_sklearn.gates`: ``SoftmaxGate(alpha=1.0)`` with a ridge,
        ``ConstantGate("equal")`` or ``ConstantGate([0.7, 0.3])`` with given shares.
    gate_features : str, int, slice, array-like, callable or None, default=None
        Features of the gate, chosen as `regression_features` are; None means all. A
        feature may serve the gate, the regressions or both.
    offset_feature : str, int or None, default=None
        A column of X that is an offset: a part of every component's linear predictor
        with coefficient one, such as the logarithm of an exposure. Unlike the argument
        `offset` of `fit` it survives every pipeline, grid search and ensemble.
    shared_features : str, int, slice, array-like, callable, dict or None, default=None
        Features whose coefficient is the same in all components, chosen as
        `regression_features` are; or a dict from a feature's name or index (or
        `"intercept"`) to lists of the components that share its coefficient, as in
        ``{"age": [[0, 1], [2, 3]]}``. Components that are not listed have their own.
    held_coef : dict or None, default=None
        Coefficients that are not estimated: a dict from a feature's name or index (or
        `"intercept"`) to the value, or to one value for each component with None where
        it is free, as in ``{"dose": [0.0, None]}``.
    shared_scale : bool, default=False
        Whether all components have one scale.
    fit_intercept : bool, default=True
        Whether each component has an intercept.
    init : None, dict or array-like of shape (n_samples, n_components), default=None
        Where to start, instead of the search: a dict with the arrays `"weights"`
        (K,), `"coef"` (K, d), `"intercept"` (K,) and `"scale"` (K,), and, with a
        softmax gate, `"gate_coef"` (K, d) and `"gate_intercept"` (K,) instead of the
        weights; or the memberships of the training rows. The fit is then the local
        maximum above.
    n_init : int, default=8
        Upper bound on the rounds of the search. Each draws 24 independent starts in
        three arms; the search ends as soon as three arms agree.
    tol : float, default=1e-8
        Bound on the Newton decrement, the gain in log-likelihood (nats) that is
        still possible according to its curvature.
    max_iter : int, default=200
        Upper bound on the Newton iterations of the final polish.
    warm_start : bool, default=False
        Start from the solution of the previous fit, instead of the search.
    random_state : int, RandomState instance or None, default=None
        Determines the starts of the search. Equal data give equal starts in whatever
        order the rows come.
    n_jobs : int or None, default=None
        Threads for passes over large data. The result does not depend on it.
    verbose : int, default=0
        1 prints a line for every round of the search and for the polish.

    Attributes
    ----------
    weights_ : ndarray of shape (n_components,)
        Shares of the components, in decreasing order: the canonical order of all
        attributes, except where constraints tell the components apart, which then
        keep the numbers that the constraints use. With a softmax gate the mean prior
        probabilities of the training rows (or groups).
    coef_ : ndarray of shape (n_components, n_features)
        Coefficients of the regressions: zero for features that are not in them, one
        for `offset_feature`.
    intercept_ : ndarray of shape (n_components,)
        Intercepts of the regressions.
    scale_ : ndarray of shape (n_components,)
        Scales of the components. Gaussian: standard deviations around the regressions
        (maximum likelihood: divided by the component's weight, not by its degrees of
        freedom); for other families a dispersion, see the family; 1 where there is
        none.
    gate_coef_ : ndarray of shape (n_components, n_features)
        Softmax gate only: change of the log-odds of a component against the first one
        for each unit of measurement of a feature. Zero for the first component, the
        baseline, and for features that are not in the gate.
    gate_intercept_ : ndarray of shape (n_components,)
        Softmax gate only: log-odds of a component against the first one where all
        features are zero.
    log_likelihood_ : float
        Log-likelihood of the training data.
    n_parameters_ : int
        Number of freely estimated parameters.
    converged_ : bool
        Proof of a local maximum: Newton decrement below `tol` and observed
        information positive definite.
    newton_decrement_ : float
        Gain in log-likelihood still possible according to the curvature, in nats,
        before the last Newton step.
    smallest_eigenvalue_ : float
        Of the observed information, scaled to unit diagonal.
    degenerate_ : bool
        Whether a component collapsed on rows it fits without error, or has fewer rows
        than it needs; a warning says what to do.
    n_iter_ : int
        EM and Newton iterations of the final climb.
    search_ : dict
        What the search found: `"optima"`, a list of dicts, best first, with
        `log_likelihood`, `objective` (penalized, by which they are ranked), `hits`
        (how often it was found), `arms`, `first_round`, `iterations` and `degenerate`;
        `"rounds"`, `"starts"`, `"agreeing_arms"` and `"sample_rows"`, the rows that
        were searched. Log-likelihoods are before the final climb; those of a sample
        are scaled up to all rows. Empty where there was no search.
    {n_features_in_, feature_names_in_}

    See Also
    --------
    MixtureRegressorIC : Chooses the number of components by BIC, AIC or ICL.

    Notes
    -----
    `sample_weight` counts rows: a weight of 2 is the row twice, a weight of 0 no row.

    References
    ----------
    .. [1] McLachlan, G. & Peel, D. (2000). Finite Mixture Models. Wiley.
    .. [2] DeSarbo, W. & Cron, W. (1988). A maximum likelihood methodology for
       clusterwise linear regression. Journal of Classification 5, 249-282.

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
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "family": [StrOptions(set(FAMILIES)), Family],
        "regression_features": [str, Integral, slice, "array-like", callable, None],
        "gate": [StrOptions({"softmax"}), Gate, None],
        "gate_features": [str, Integral, slice, "array-like", callable, None],
        "offset_feature": [str, Integral, None],
        "shared_features": [str, Integral, slice, "array-like", callable, dict, None],
        "held_coef": [dict, None],
        "shared_scale": ["boolean"],
        "fit_intercept": ["boolean"],
        "init": [dict, "array-like", None],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
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
        shared_scale=False,
        fit_intercept=True,
        init=None,
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
        self.shared_scale = shared_scale
        self.fit_intercept = fit_intercept
        self.init = init
        self.n_init = n_init
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, *, groups=None, offset=None, trials=None):
        """Estimate the mixture.

        Parameters
        ----------
        {X, y, sample_weight}
        groups : array-like of shape (n_samples,), default=None
            Labels of groups of rows that share one component: repeated measures of one
            subject, panels. None if each row is on its own. Inside cross-validation
            and the like they reach `fit` only with scikit-learn's metadata routing
            enabled, ``sklearn.set_config(enable_metadata_routing=True)``.
        {offset, trials}

        Returns
        -------
        self : MixtureRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If the data or arguments are not of the right shape, type or range.
        """
        row_data = given(trials=trials)
        data, y, structure, _ = read(
            self, X, y, sample_weight, groups, offset, row_data, ensure_min_samples=2
        )
        with one_blas_thread(), np.errstate(under="ignore"):
            problem = make_problem(data, structure, threads_that_pay(self, data.X))
            progress = Progress(self, data.X, y, problem)
            estimate = self._estimate(problem, progress)
            set_estimate(self, problem, estimate)
        progress.end(self.log_likelihood_, estimate)
        message = complaint(self, estimate)
        if message:
            warnings.warn(message, ConvergenceWarning, stacklevel=3)
        return self

    def _estimate(self, problem, progress):
        """Climb from the given start, or search for one."""
        start = self._start(problem)
        limits = Limits(self.n_init, self.tol, self.max_iter)
        if start is not None:
            return estimate_from(problem, start, limits)
        return estimate_found(problem, make_rng(self.random_state), limits, progress)

    def _start(self, problem):
        """The start the user gave, in the engine's units; None to search."""
        K, d = self.n_components, self.n_features_in_
        if self.warm_start and getattr(self, "coef_", np.empty(0)).shape == (K, d):
            return problem.from_user(Fitted.of(self))
        if self.init is None:
            return None
        if isinstance(self.init, dict):
            family, gate = problem.structure.family, problem.structure.gate
            start = check_start(self.init, family, K, d, gate.has_features)
            return problem.from_user(start)
        return from_memberships(
            problem, check_memberships(self.init, problem.n_rows, K)
        )

    def _fitted_table(self):
        return component_table(self)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        family = self.family
        family = FAMILIES.get(family) if isinstance(family, str) else family
        support = getattr(family, "support", Support())
        tags.target_tags.positive_only = support.lower >= 0
        return tags

    def predict(self, X, return_std=False, *, offset=None, trials=None):
        r"""Expected response, :math:`\sum_k \pi_k(x) \mu_k(x)`.

        Parameters
        ----------
        {X}
        return_std : bool, default=False
            Whether to return also the standard deviation of the predictive mixture, the
            square root of :math:`\sum_k \pi_k (\sigma_k^2 + \mu_k^2) - \mu^2`.
        {offset, trials}

        Returns
        -------
        mean : ndarray of shape (n_samples,)
            Expected responses.
        std : ndarray of shape (n_samples,)
            Standard deviations; only if `return_std`.
        """
        fitted, *rows = estimates_and_rows(self, X, offset, trials=trials)
        ahead = fitted.distribution(*rows)
        return (ahead.mean(), ahead.std()) if return_std else ahead.mean()

    def predict_components(self, X, *, offset=None, trials=None):
        """Expected response of every component.

        Parameters
        ----------
        {X, offset, trials}

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Means of the components.
        """
        fitted, *rows = estimates_and_rows(self, X, offset, trials=trials)
        return component_means(fitted.distribution(*rows))

    def predict_distribution(
        self, X, *, groups=None, history=None, offset=None, trials=None
    ):
        r"""Distribution of the response: density, quantiles, intervals, draws.

        The mixture :math:`\sum_k \pi_k(x) f(y;\, \eta_k, \phi_k)`, with the estimates
        taken as known. Where a row belongs to a unit that has a history, earlier rows
        with their responses, its weights are the memberships of that unit instead of
        the prior probabilities.

        Parameters
        ----------
        {X}
        groups : array-like of shape (n_samples,), default=None
            Labels of the units that the rows belong to, where there is a history;
            without one they change nothing.
        history : dict, default=None
            Earlier rows of some of these units: `"X"`, `"y"` and `"groups"`, and
            `"offset"` and `"trials"` as in `predict_proba`. Units without earlier rows
            keep the prior probabilities; the history may be empty.
        {offset, trials}

        Returns
        -------
        MixtureDistribution
            See `mixreg_sklearn.predictive`.

        Raises
        ------
        ValueError
            If the history lacks something, or features of the gate differ between the
            rows of a unit and its history.
        """
        fitted, *rows = estimates_and_rows(self, X, offset, trials=trials)
        ahead = fitted.distribution(*rows)
        check_groups(groups, ahead)
        if history is None:
            return ahead
        return ahead.reweighted(given_history(self, ahead.weights, groups, history))

    def predict_proba(self, X, y=None, *, groups=None, offset=None, trials=None):
        r"""Probabilities of the components.

        Without `y` the prior ones, :math:`\pi_k(x)`; with it the memberships of the
        rows, :math:`\pi_k f_k(y | x) / \sum_j \pi_j f_j(y | x)`. The rows of a group
        share their membership, for which f is the product of their densities.

        Parameters
        ----------
        {X}
        y : array-like of shape (n_samples,), default=None
            Responses.
        {groups, offset, trials}

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Probabilities; each row sums to one.
        """
        if y is None:
            fitted, X, *_ = estimates_and_rows(self, X, offset)
            return np.exp(fitted.log_prior(X))
        log_joint, groups = log_joint_of(self, X, y, groups, offset, trials=trials)
        memberships = np.exp(log_normalize(log_joint))
        return memberships if groups is None else memberships[groups.of_row]

    def predict_group_proba(self, X, y, groups, *, offset=None, trials=None):
        """Memberships of whole groups, given the responses of all their rows.

        Parameters
        ----------
        {X, y}
        groups : array-like of shape (n_samples,)
            Labels of groups of rows that share one component.
        {offset, trials}

        Returns
        -------
        labels : ndarray of shape (n_groups,)
            The groups, sorted.
        memberships : ndarray of shape (n_groups, n_components)
            Probabilities; each row sums to one.
        """
        if groups is None:
            raise ValueError("groups is None: predict_proba is for rows on their own.")
        log_joint, groups = log_joint_of(self, X, y, groups, offset, trials=trials)
        return groups.labels, np.exp(log_normalize(log_joint))

    def predict_membership(self, X, y, *, groups=None, offset=None, trials=None):
        """Most probable component of every row.

        Parameters
        ----------
        {X, y, groups, offset, trials}

        Returns
        -------
        ndarray of int of shape (n_samples,)
            Component indices, 0 to `n_components - 1`.
        """
        log_joint, groups = log_joint_of(self, X, y, groups, offset, trials=trials)
        members = log_joint.argmax(axis=1)
        return members if groups is None else members[groups.of_row]

    def score(self, X, y, sample_weight=None, *, offset=None, trials=None):
        """Coefficient of determination R2 of `predict`.

        Parameters
        ----------
        {X, y, sample_weight, offset, trials}

        Returns
        -------
        float
            R2; 1 is best.
        """
        predicted = self.predict(X, offset=offset, trials=trials)
        return r2_score(y, predicted, sample_weight=sample_weight)

    def sample(self, X, random_state=None, *, groups=None, offset=None, trials=None):
        """Draw a response for every row of X.

        Parameters
        ----------
        {X, random_state, groups, offset, trials}

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Responses.
        component : ndarray of int of shape (n_samples,)
            The component each came from.
        """
        fitted, X, *rest = estimates_and_rows(self, X, offset, trials=trials)
        groups = check_groups(groups, X)
        return fitted.sample(X, make_rng(random_state), groups, *rest)


def set_estimate(model, problem, estimate):
    """Set the fitted attributes of a `MixtureRegressor`."""
    polished = estimate.polished
    # Of another family, or gate, an earlier fit has attributes that this has not.
    for name in [name for name in vars(model) if name.endswith("_")]:
        if name not in ("n_features_in_", "feature_names_in_"):
            delattr(model, name)
    for name, value in problem.to_user(polished.params).attributes().items():
        setattr(model, name, value)
    model.log_likelihood_ = problem.loglik_to_user(
        polished.objective[0], problem.rows.total_weight
    )
    model.n_parameters_ = problem.model.basis(polished.params).shape[1]
    model.converged_ = estimate.proven
    model.newton_decrement_ = float(polished.decrement[0])
    model.smallest_eigenvalue_ = float(polished.smallest_eigenvalue[0])
    model.degenerate_ = estimate.flaw is not None
    model.n_iter_ = int(polished.n_iter[0])
    model.search_ = search_record(problem, estimate.search)


def complaint(model, estimate):
    """What is wrong with an estimate that is no proven maximum, or None."""
    if estimate.flaw:
        return f"The estimate is degenerate: {estimate.flaw.value}."
    if estimate.infinite:
        return f"The estimate is at a boundary: {estimate.infinite.value}."
    if model.converged_:
        return None
    return (
        "The estimate is not proven to be a maximum (Newton decrement"
        f" {model.newton_decrement_:.1e}, tol={model.tol:.1e}; smallest eigenvalue of"
        f" the information {model.smallest_eigenvalue_:.1e}). Increase max_iter, or use"
        " fewer components if the eigenvalue is close to zero: the data then do not"
        " tell the components apart."
    )
