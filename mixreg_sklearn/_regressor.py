"""MixtureRegressor: the front door.

The data's path::

    fit(X, y)  ->  design and rows in the engine's units        _problem, _design, _rows
               ->  search: rounds of independent arms           _search, _starts
                     rows + parameters -> moments               _model.summarise   _em
                     moments -> parameters                      _model.solve
               ->  polish the best to a proven maximum          _estimate, _newton
               ->  weights_, coef_, intercept_, scale_ in the user's units
"""

import warnings
from functools import lru_cache
from numbers import Integral, Real

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator, RegressorMixin, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    validate_data,
)
from threadpoolctl import ThreadpoolController

from ._checks import check_memberships, check_offset, check_start, check_weight
from ._columns import column_indices
from ._estimate import estimate_found, estimate_from
from ._problem import make_problem
from ._progress import CallbackSupport, Progress
from .families import (
    Beta,
    Binomial,
    Family,
    Gamma,
    Gaussian,
    InverseGaussian,
    NegativeBinomial,
    Poisson,
)

_FAMILIES = {
    "gaussian": Gaussian,
    "poisson": Poisson,
    "binomial": Binomial,
    "gamma": Gamma,
    "negative_binomial": NegativeBinomial,
    "inverse_gaussian": InverseGaussian,
    "beta": Beta,
}


class MetadataRequests:
    """What mixtures ask for where scikit-learn's metadata routing is on."""

    # `y` of predict_proba is data, not metadata to be asked for; weights and offsets
    # reach the estimator wherever routing is on.
    __metadata_request__fit = {
        "sample_weight": True,
        "offset": True,
        "trials": True,
    }
    __metadata_request__predict = {"offset": True, "trials": True}
    __metadata_request__predict_proba = {"y": True, "offset": True, "trials": True}
    __metadata_request__score = {
        "sample_weight": True,
        "offset": True,
        "trials": True,
    }


class MixtureRegressor(
    MetadataRequests, CallbackSupport, RegressorMixin, BaseEstimator
):
    r"""Finite mixture of regressions, by exact maximum likelihood.

    The rows come from `n_components` hidden groups, each with a regression of its own:

    .. math:: p(y | x) = \sum_{k=1}^K \pi_k \,
              f(y;\; a_k + x^\top b_k + \text{offset},\; \phi_k)

    The estimator finds the shares :math:`\pi_k`, intercepts :math:`a_k`, coefficients
    :math:`b_k` and scales :math:`\phi_k` (standard deviations, for the gaussian family)
    that maximise the likelihood of all rows. It searches from many starts until three
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

    shared_features : str, int, slice, array-like, callable or None, default=None
        Features whose coefficient is the same in all components: names (of a
        dataframe's columns), indices, a slice, a boolean mask, or a callable that is
        given X and returns one of these.

    shared_scale : bool, default=False
        Whether all components have one scale.

    fit_intercept : bool, default=True
        Whether each component has an intercept.

    init : None, dict or array-like of shape (n_samples, n_components), default=None
        Where to start, instead of the search: a dict with the arrays `"weights"`
        (K,), `"coef"` (K, d), `"intercept"` (K,) and `"scale"` (K,), or the
        memberships of the training rows. The fit is then the local maximum above.

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
        attributes.

    coef_ : ndarray of shape (n_components, n_features)
        Coefficients of the regressions.

    intercept_ : ndarray of shape (n_components,)
        Intercepts of the regressions.

    scale_ : ndarray of shape (n_components,)
        Scales of the components. Gaussian: standard deviations around the regressions
        (maximum likelihood: divided by the component's weight, not by its degrees of
        freedom); for other families a dispersion, see the family; 1 where there is
        none.

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
        `log_likelihood`, `objective` (penalised, by which they are ranked), `hits`
        (how often it was found), `arms`, `first_round`, `iterations` and `degenerate`;
        `"rounds"`, `"starts"`, `"agreeing_arms"` and `"sample_rows"`, the rows that
        were searched. Log-likelihoods are before the final climb; those of a sample
        are scaled up to all rows. Empty where there was no search.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen during fit, where X has names that are all strings.

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
        "family": [StrOptions(set(_FAMILIES)), Family],
        "shared_features": [str, Integral, slice, "array-like", callable, None],
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
        shared_features=None,
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
        self.shared_features = shared_features
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
    def fit(self, X, y, sample_weight=None, *, offset=None, trials=None):
        """Estimate the mixture.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,)
            Response.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; a weight counts the row that many times.
        offset : array-like of shape (n_samples,), default=None
            Part of every component's linear predictor that has no coefficient.
        trials : array-like of shape (n_samples,), default=None
            Binomial family: the response counts successes out of so many trials;
            1 where there are none.

        Returns
        -------
        self : MixtureRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If the data or arguments are not of the right shape, type or range.
        """
        data = X
        X, y = validate_data(
            self,
            X,
            y,
            dtype=[np.float64, np.float32],
            y_numeric=True,
            ensure_min_samples=2,
        )
        y = np.asarray(y, dtype=np.float64)
        weight = check_weight(sample_weight, X)
        offset = check_offset(offset, X)
        family = self._family()
        family.check_target(y)
        target = family.target(y, trials)
        shared = column_indices(
            self.shared_features,
            data,
            X.shape[1],
            getattr(self, "feature_names_in_", None),
            "shared_features",
        )
        structure = (self.n_components, self.fit_intercept, shared, self.shared_scale)
        with _one_blas_thread(), np.errstate(under="ignore"):
            problem = make_problem(
                X, target, weight, offset, family, structure, self._threads(X)
            )
            progress = Progress(self, X, y, problem)
            estimate = self._estimate(problem, progress)
        self._set_attributes(problem, estimate)
        progress.end(self.log_likelihood_, estimate.polished, estimate.flaw)
        self._warn(estimate)
        return self

    def _estimate(self, problem, progress):
        """Climb from the given start, or search for one."""
        start = self._start(problem)
        if start is not None:
            return estimate_from(
                problem.model,
                problem.pooled_model,
                problem.rows,
                start,
                self.tol,
                self.max_iter,
            )
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        return estimate_found(
            problem.model,
            problem.pooled_model,
            problem.rows,
            self.n_components,
            np.random.default_rng(seed),
            (self.n_init, self.tol, self.max_iter),
            progress,
        )

    def _start(self, problem):
        """The start the user gave, in the engine's units; None to search."""
        K, d = self.n_components, self.n_features_in_
        if self.warm_start and getattr(self, "coef_", np.empty(0)).shape == (K, d):
            return problem.from_user(
                self.weights_, self.coef_, self.intercept_, self.scale_
            )
        if self.init is None:
            return None
        if isinstance(self.init, dict):
            return problem.from_user(*check_start(self.init, K, d))
        return problem.from_memberships(
            check_memberships(self.init, len(problem.kept), K)
        )

    def _set_attributes(self, problem, estimate):
        polished = estimate.polished
        for name, value in problem.to_user(polished.params).items():
            setattr(self, name, value)
        self.log_likelihood_ = problem.loglik_to_user(
            polished.objective[0], problem.rows.total_weight
        )
        self.n_parameters_ = problem.model.basis(polished.params).shape[1]
        self.converged_ = bool(polished.converged[0]) and not estimate.flaw
        self.newton_decrement_ = float(polished.decrement[0])
        self.smallest_eigenvalue_ = float(polished.smallest_eigenvalue[0])
        self.degenerate_ = bool(estimate.flaw)
        self.n_iter_ = int(polished.n_iter[0])
        self.search_ = problem.search_record(estimate.search)

    def _warn(self, estimate):
        if self.degenerate_:
            message = f"The estimate is degenerate: {estimate.flaw}."
        elif not self.converged_:
            message = (
                "The estimate is not proven to be a maximum (Newton decrement"
                f" {self.newton_decrement_:.1e}, tol={self.tol:.1e}; smallest"
                f" eigenvalue of the information {self.smallest_eigenvalue_:.1e})."
                " Increase max_iter, or use fewer components if the eigenvalue is"
                " close to zero: the data then do not tell the components apart."
            )
        else:
            return
        warnings.warn(message, ConvergenceWarning, stacklevel=4)

    def _family(self):
        if isinstance(self.family, str):
            return _FAMILIES[self.family]()
        return self.family

    def _threads(self, X):
        """Threads that pay: one for data that a single pass reads in milliseconds."""
        worthwhile = X.size * self.n_components > 1_000_000
        return effective_n_jobs(self.n_jobs) if worthwhile else 1

    def predict(self, X, return_std=False, *, offset=None, trials=None):
        r"""Expected response, :math:`\sum_k \pi_k \mu_k(x)`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.
        return_std : bool, default=False
            Whether to return the standard deviation of the predictive mixture, too:
            :math:`\sum_k \pi_k (\sigma_k^2 + \mu_k^2) - \mu^2`, square root.
        offset : array-like of shape (n_samples,), default=None
            Part of the linear predictor that has no coefficient.
        trials : array-like of shape (n_samples,), default=None
            Binomial family: trials of every row; 1 where there are none.

        Returns
        -------
        mean : ndarray of shape (n_samples,)
            Expected responses.
        std : ndarray of shape (n_samples,)
            Standard deviations; only if `return_std`.
        """
        eta = self._predictor(X, offset)
        family, given = self._family(), self._given(trials, eta)
        means = family.mean(eta, self.scale_, **given)
        mean = means @ self.weights_
        if not return_std:
            return mean
        within = family.variance(eta, self.scale_, **given) @ self.weights_
        between = (means - mean[:, None]) ** 2 @ self.weights_
        return mean, np.sqrt(within + between)

    def predict_components(self, X, *, offset=None, trials=None):
        """Expected response of every component.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.
        offset : array-like of shape (n_samples,), default=None
            Part of the linear predictor that has no coefficient.
        trials : array-like of shape (n_samples,), default=None
            Binomial family: trials of every row; 1 where there are none.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Means of the components.
        """
        eta = self._predictor(X, offset)
        return self._family().mean(eta, self.scale_, **self._given(trials, eta))

    def predict_proba(self, X, y=None, *, offset=None, trials=None):
        r"""Probabilities of the components.

        Without `y` the prior ones, :math:`\pi_k`; with it the memberships of the
        rows, :math:`\pi_k f_k(y | x) / \sum_j \pi_j f_j(y | x)`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,), default=None
            Responses.
        offset : array-like of shape (n_samples,), default=None
            Part of the linear predictor that has no coefficient.
        trials : array-like of shape (n_samples,), default=None
            Binomial family: trials of every row; 1 where there are none.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Probabilities; each row sums to one.
        """
        if y is None:
            eta = self._predictor(X, offset)
            return np.tile(self.weights_, (len(eta), 1))
        log_joint = self._log_joint(X, y, offset, trials)
        log_joint -= log_joint.max(axis=1, keepdims=True)
        joint = np.exp(log_joint)
        return joint / joint.sum(axis=1, keepdims=True)

    def predict_membership(self, X, y, *, offset=None, trials=None):
        """Most probable component of every row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,)
            Responses.
        offset : array-like of shape (n_samples,), default=None
            Part of the linear predictor that has no coefficient.
        trials : array-like of shape (n_samples,), default=None
            Binomial family: trials of every row; 1 where there are none.

        Returns
        -------
        ndarray of int of shape (n_samples,)
            Component indices, 0 to `n_components - 1`.
        """
        return self._log_joint(X, y, offset, trials).argmax(axis=1)

    def log_likelihood(self, X, y, sample_weight=None, *, offset=None, trials=None):
        r"""Log-likelihood, :math:`\sum_i w_i \log \sum_k \pi_k f_k(y_i | x_i)`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,)
            Responses.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights that count rows.
        offset : array-like of shape (n_samples,), default=None
            Part of the linear predictor that has no coefficient.
        trials : array-like of shape (n_samples,), default=None
            Binomial family: trials of every row; 1 where there are none.

        Returns
        -------
        float
            Log-likelihood in nats.
        """
        log_joint = self._log_joint(X, y, offset, trials)
        weight = check_weight(sample_weight, log_joint)
        return float(weight @ np.logaddexp.reduce(log_joint, axis=1))

    def aic(self, X, y, sample_weight=None, *, offset=None, trials=None):
        """Akaike's criterion, ``-2 loglik + 2 n_parameters``; lower is better.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,)
            Responses.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights that count rows.
        offset : array-like of shape (n_samples,), default=None
            Part of the linear predictor that has no coefficient.
        trials : array-like of shape (n_samples,), default=None
            Binomial family: trials of every row; 1 where there are none.

        Returns
        -------
        float
            The criterion.
        """
        loglik = self.log_likelihood(X, y, sample_weight, offset=offset, trials=trials)
        return -2 * loglik + 2 * self.n_parameters_

    def bic(self, X, y, sample_weight=None, *, offset=None, trials=None):
        """Bayesian criterion, ``-2 loglik + n_parameters log n``; lower is better.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,)
            Responses.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights that count rows: n is their sum.
        offset : array-like of shape (n_samples,), default=None
            Part of the linear predictor that has no coefficient.
        trials : array-like of shape (n_samples,), default=None
            Binomial family: trials of every row; 1 where there are none.

        Returns
        -------
        float
            The criterion.
        """
        log_joint = self._log_joint(X, y, offset, trials)
        weight = check_weight(sample_weight, log_joint)
        loglik = weight @ np.logaddexp.reduce(log_joint, axis=1)
        return float(-2 * loglik + self.n_parameters_ * np.log(weight.sum()))

    def icl(self, X, y, sample_weight=None, *, offset=None, trials=None):
        r"""Integrated completed likelihood; lower is better.

        ``-2 sum_i w_i max_k log(pi_k f_k(y_i)) + n_parameters log n``: BIC with every
        row assigned to its most probable component, so that components that overlap
        cost more (Biernacki, Celeux & Govaert 2000).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,)
            Responses.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights that count rows: n is their sum.
        offset : array-like of shape (n_samples,), default=None
            Part of the linear predictor that has no coefficient.
        trials : array-like of shape (n_samples,), default=None
            Binomial family: trials of every row; 1 where there are none.

        Returns
        -------
        float
            The criterion.
        """
        log_joint = self._log_joint(X, y, offset, trials)
        weight = check_weight(sample_weight, log_joint)
        classified = weight @ log_joint.max(axis=1)
        return float(-2 * classified + self.n_parameters_ * np.log(weight.sum()))

    def score(self, X, y, sample_weight=None, *, offset=None, trials=None):
        """Coefficient of determination R2 of `predict`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,)
            Responses.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights.
        offset : array-like of shape (n_samples,), default=None
            Part of the linear predictor that has no coefficient.
        trials : array-like of shape (n_samples,), default=None
            Binomial family: trials of every row; 1 where there are none.

        Returns
        -------
        float
            R2; 1 is best.
        """
        predicted = self.predict(X, offset=offset, trials=trials)
        return r2_score(y, predicted, sample_weight=sample_weight)

    def sample(self, X, random_state=None, *, offset=None, trials=None):
        """Draw a response for every row of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.
        random_state : int, RandomState instance or None, default=None
            Source of randomness.
        offset : array-like of shape (n_samples,), default=None
            Part of the linear predictor that has no coefficient.
        trials : array-like of shape (n_samples,), default=None
            Binomial family: trials of every row; 1 where there are none.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Responses.
        component : ndarray of int of shape (n_samples,)
            The component each came from.
        """
        eta = self._predictor(X, offset)
        seed = check_random_state(random_state).randint(2**31 - 1)
        rng = np.random.default_rng(seed)
        component = rng.choice(len(self.weights_), size=len(eta), p=self.weights_)
        chosen = eta[np.arange(len(eta)), component]
        given = {name: value[:, 0] for name, value in self._given(trials, eta).items()}
        y = self._family().sample(chosen, self.scale_[component], rng, **given)
        return y, component

    def _predictor(self, X, offset):
        """Linear predictors of all components, (n, K)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        eta = np.asarray(X, dtype=np.float64) @ self.coef_.T + self.intercept_
        offset = check_offset(offset, X)
        return eta if offset is None else eta + offset[:, None]

    def _given(self, trials, eta):
        """Trials as a keyword for the binomial family; refused by the others."""
        if trials is None:
            return {}
        _, trials = self._family().target(np.zeros(len(eta)), trials)
        return {"trials": trials[:, None]}

    def _log_joint(self, X, y, offset, trials):
        """``log pi_k + log f_k(y_i)``, (n, K)."""
        eta = self._predictor(X, offset)
        y = check_array(
            y, ensure_2d=False, dtype=np.float64, input_name="y", estimator=self
        )
        y = y.ravel() if y.ndim == 2 and y.shape[1] == 1 else y
        if y.ndim != 1:
            raise ValueError(f"y should be a 1d array, got an array of shape {y.shape}")
        check_consistent_length(eta, y)
        target = self._family().target(y, trials)[..., None]
        density = self._family().log_density(target, eta, self.scale_)
        with np.errstate(divide="ignore"):
            return density + np.log(self.weights_)


@lru_cache(maxsize=1)
def _thread_controller():
    return ThreadpoolController()


def _one_blas_thread():
    """Keep BLAS to one thread: its own threads spin on a busy machine."""
    return _thread_controller().limit(limits=1, user_api="blas")
