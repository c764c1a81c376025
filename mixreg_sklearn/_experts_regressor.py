"""The estimator `MixtureOfExpertsRegressor`; its passes are in `_experts`."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import get_tags
from sklearn.utils._param_validation import HasMethods, StrOptions

from ._data.checks import Range
from ._docs import documented
from ._expert_predictions import ExpertPredictions
from ._experts.climb import Limits, distance
from ._experts.estimate import estimate
from ._experts.problem import pose_experts
from ._experts.search import search_record
from ._numerics import make_rng
from ._progress import CallbackSupport, ExpertProgress
from ._warnings import SearchWarning

# Tolerances of memberships, and of the log-likelihood where EM is exact.
_OF_MEMBERSHIPS, _OF_LIKELIHOOD = 1e-3, 1e-7
_KNOWN = {"known_component": True}


@documented
class MixtureOfExpertsRegressor(
    ExpertPredictions,
    CallbackSupport,
    MetaEstimatorMixin,
    RegressorMixin,
    BaseEstimator,
):
    r"""Mixture whose components are any regressors of scikit-learn.

    .. math:: p(y | x) = \sum_{k=1}^K \pi_k(x) \,
              \varphi(y;\; m_k(x), \sigma_k)

    with experts :math:`m_k`, normal errors with standard deviations :math:`\sigma_k`,
    and shares :math:`\pi_k` that are constants or the probabilities of a classifier,
    the gate. EM alternates two steps: experts and gate are fitted by their own methods,
    with memberships as `sample_weight`; memberships follow from what they predict.

    Where experts are `LinearRegression`, this is EM of the likelihood. Other experts
    may remember the rows of their fit (boosting, forests), so that memberships would
    confirm themselves: there, memberships and scales come from predictions for folds
    that were left out (`cv`), and no fixed objective is maximized.

    Parameters
    ----------
    estimator : estimator or list of estimators
        Regressor that is fitted for each component, or a list of `n_components`
        different ones. It has to take `sample_weight`; in a Pipeline, its last step.
    n_components : int, default=2
        Number of experts, K.
    gate : estimator, default=None
        Classifier for the prior probabilities, with `predict_proba` and
        `sample_weight`. Each row (or group) is given with all labels, weighted by its
        memberships. None means shares that are the same for all rows.
    cv : int, cross-validation generator, iterable, "auto" or None, default="auto"
        Folds, so that rows are predicted by experts and gate that were fitted without
        them, as long as the mixture is fitted. None predicts the rows of the fit
        themselves. `"auto"` is None if experts are `LinearRegression` and the gate is
        None or `LogisticRegression` (also as last steps of pipelines), and 5 otherwise.
        A number divides neither groups nor equal rows, and does not depend on the
        order of rows; of other splits, each row must be left out exactly once.
    shared_scale : bool, default=False
        Whether all components have the same scale.
    min_scale : float, default=1e-4
        Least scale, as a part of the standard deviation of y. A component at this limit
        has collapsed, see `degenerate_`.
    init : array-like of shape (n_samples, n_components), default=None
        Memberships of the training rows to start from, which replace the search.
    n_init : int, default=5
        Number of starts: memberships in mixtures of regressions on splines, coarse and
        fine, and on the columns themselves, bands of the residuals of a single expert,
        and from there on such bands, permuted in random regions.
    max_iter : int, default=100
        Maximum number of passes over all rows.
    tol : float, default=None
        With folds, passes end where the mean total variation distance of memberships
        before and after a pass is less than this, or where the log-likelihood has not
        risen by so many nats per row (or group) in five passes; 0.001 by default.
        Without folds, what the log-likelihood has left to gain, in nats; 1e-7 by
        default.
    random_state : int, RandomState instance or None, default=None
        Determines starts, folds and the `random_state` of estimators that have one and
        no number for it. Nothing depends on the order of rows.
    n_jobs : int or None, default=None
        Number of processes for the starts.
    verbose : int, default=0
        1 prints a line per start and per pass.

    Attributes
    ----------
    estimators_ : list of estimators
        Fitted experts, by decreasing share, unless they are different ones or labels
        distinguish them, whose order is then kept.
    gate_ : estimator or None
        Fitted gate; its classes are the numbers of components.
    weights_ : ndarray of shape (n_components,)
        Shares of the components: mean memberships of the rows (or groups).
    scale_ : ndarray of shape (n_components,)
        Standard deviations of the errors; with folds, of those of rows left out.
    memberships_ : ndarray of shape (n_samples, n_components)
        Memberships of the training rows, by estimators fitted without them if there
        are folds. NaN for rows without weight.
    component_rows_ : ndarray of shape (n_components,)
        Sums of memberships, times the weights.
    log_likelihood_ : float
        Log-likelihood of the training rows; with folds, each row predicted by
        estimators fitted without it, which is comparable to that of new rows.
    null_ : dict of ndarray
        Mean and standard deviation of the training rows, with which `score` compares.
    converged_ : bool
        Whether a pass changed less than `tol`. With folds, this says that memberships
        have settled; without, that the log-likelihood has, which for `LinearRegression`
        is a stationary point of it. No maximum is proven. Experts that jump, such as
        trees, seldom settle: passes then end once the log-likelihood no longer rises,
        the best one is kept, and there is no warning.
    membership_change_ : float
        Mean total variation distance of memberships before and after the pass that is
        kept.
    degenerate_ : bool
        Whether a scale is at its limit, or a component has less than one row.
    n_iter_ : int
        Number of passes over all rows.
    n_folds_ : int or None
        Number of folds.
    grouped_ : bool
        Whether the rows of the fit came in groups.
    labelled_ : bool
        Whether something was known of the components of some rows.
    search_ : dict
        Record of the search, empty without one: `"optima"`, a list of dicts, best
        first, with `log_likelihood`, `hits` (starts that led there), `starts` (their
        kinds), `iterations`, `degenerate`, `settled` and `passed_over`; `"paths"`, a
        list of dicts with the `log_likelihood` of each pass; `"starts"`, their number;
        `"agreed"`, whether more than one led to the best place; `"sample_rows"`, the
        number of rows searched. Starts make three passes (without folds ten), and the
        best two places seven (twenty) more. Log-likelihoods are scaled from the sample
        to all rows.
    {n_features_in_, feature_names_in_}

    See Also
    --------
    MixtureRegressor : Mixtures of linear regressions of many families, by exact
        maximum likelihood.

    Notes
    -----
    There is no AIC or BIC, as nobody knows the number of parameters of, say, a boosted
    ensemble. Compare held-out log-likelihoods: `metrics.log_likelihood_scorer`.

    References
    ----------
    .. [1] Jordan, M. I. & Jacobs, R. A. (1994). Hierarchical mixtures of experts and
       the EM algorithm. Neural Computation 6, 181-214.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import SplineTransformer
    >>> from mixreg_sklearn import MixtureOfExpertsRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(0, 6, (300, 1))
    >>> first = rng.random(300) < 0.6
    >>> y = np.where(first, np.sin(X[:, 0]), 1 + np.cos(X[:, 0]))
    >>> y += 0.1 * rng.normal(size=300)
    >>> curve = make_pipeline(SplineTransformer(), Ridge(0.1))
    >>> model = MixtureOfExpertsRegressor(curve, random_state=0).fit(X, y)
    >>> model.weights_.round(1).tolist(), model.scale_.round(1).tolist()
    ([0.6, 0.4], [0.1, 0.1])
    """

    # With routing enabled, these reach the estimator without an explicit request.
    __metadata_request__fit = _KNOWN | {"sample_weight": True, "groups": True}
    __metadata_request__score = __metadata_request__fit
    __metadata_request__predict_proba = _KNOWN | {"y": True, "groups": True}

    _parameter_constraints = {
        "estimator": [HasMethods(["fit", "predict"]), list, tuple],
        "n_components": [Range(Integral, 1, None, closed="left")],
        "gate": [HasMethods(["fit"]), None],
        "cv": ["cv_object", StrOptions({"auto"})],
        "shared_scale": ["boolean"],
        "min_scale": [Range(Real, 0, 1, closed="neither")],
        "init": ["array-like", None],
        "n_init": [Range(Integral, 1, None, closed="left")],
        "max_iter": [Range(Integral, 1, None, closed="left")],
        "tol": [Range(Real, 0, None, closed="neither"), None],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    }

    _doc_link_module = "mixreg_sklearn"

    def __init__(
        self,
        estimator,
        n_components=2,
        *,
        gate=None,
        cv="auto",
        shared_scale=False,
        min_scale=1e-4,
        init=None,
        n_init=5,
        max_iter=100,
        tol=None,
        random_state=None,
        n_jobs=None,
        verbose=0,
    ):
        self.estimator = estimator
        self.n_components = n_components
        self.gate = gate
        self.cv = cv
        self.shared_scale = shared_scale
        self.min_scale = min_scale
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, *, groups=None, known_component=None):
        """Fit the mixture.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Features, which experts and gate are given as they are: their values may
            be missing, or words, if all of them understand that.
        {y, sample_weight}
        groups : array-like of shape (n_samples,), default=None
            Labels of groups of rows that share one component; None if rows are
            independent.
        {known_component}

        Returns
        -------
        self : MixtureOfExpertsRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If data or arguments have the wrong shape, type or range, an estimator does
            not take weights, or an expert predicts numbers that are not finite.
        """
        rng = make_rng(self.random_state)
        seeds = [int(seed) for seed in rng.integers(2**31 - 1, size=3)]
        rows = sample_weight, groups, known_component
        problem = pose_experts(self, X, y, *rows, seeds[:2])
        progress = ExpertProgress(self, problem)
        limits = Limits(self.max_iter, self._tolerance(problem))
        found = estimate(problem, self.n_init, limits, self.n_jobs, seeds[2], progress)
        set_experts(self, problem, found)
        progress.end()
        warning = complaint(self, found)
        if warning:
            warnings.warn(warning, stacklevel=3)
        return self

    def _tolerance(self, problem):
        if self.tol is not None:
            return self.tol
        return _OF_LIKELIHOOD if problem.rows.fold is None else _OF_MEMBERSHIPS

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        several = isinstance(self.estimator, (list, tuple))
        inner = list(self.estimator) if several else [self.estimator]
        inner += [self.gate] if self.gate is not None else []
        try:
            of_inner = [get_tags(each).input_tags for each in inner]
        except (AttributeError, TypeError):  # no estimators: `fit` says so
            return tags
        tags.input_tags.sparse = all(each.sparse for each in of_inner)
        tags.input_tags.allow_nan = all(each.allow_nan for each in of_inner)
        return tags


def set_experts(model, problem, found):
    """Set the fitted attributes of a `MixtureOfExpertsRegressor`."""
    rows, end = problem.rows, found.end
    last, weight = end.last, rows.weight[rows.first]
    model.estimators_, model.gate_ = found.experts, found.gate
    model.weights_, model.scale_ = last.weights, last.scale
    model.memberships_ = problem.in_place(last.memberships)
    model.component_rows_ = rows.weight @ rows.spread(last.memberships)
    model.log_likelihood_ = last.log_likelihood
    mean = np.average(rows.y, weights=rows.weight)
    spread = np.sqrt(np.average((rows.y - mean) ** 2, weights=rows.weight))
    least = problem.model.least_scale
    model.null_ = {
        "intercept": np.array([mean]),
        "scale": np.array([max(spread, least)]),
    }
    model.converged_, model.degenerate_ = bool(end.settled), last.degenerate
    model.membership_change_ = distance(end.given, last.memberships, weight)
    model.n_iter_ = len(end.path)
    model.n_folds_ = None if rows.fold is None else int(rows.fold.max()) + 1
    model.grouped_, model.labelled_ = rows.groups is not None, problem.known
    model.search_ = {}
    if found.found is not None:
        scale = float(weight.sum() / found.found.weight)
        model.search_ = search_record(found.found, scale)


def complaint(model, found):
    """A warning if a component collapsed, passes go on, or starts disagree; or None."""
    end = found.end
    if end.last.degenerate:
        at = np.flatnonzero(model.scale_ <= model.scale_.min() * (1 + 1e-9))
        return ConvergenceWarning(
            f"The estimate is degenerate: component {at[0]} has collapsed (scale"
            f" {model.scale_[at[0]]:.2e}, at its limit min_scale, or less than one row;"
            f" shares {model.weights_.round(4).tolist()}). Use fewer components,"
            " shared_scale=True, or experts that remember less."
            + ("" if model.n_folds_ else " With cv=5, experts do not judge own rows.")
        )
    if not end.stopped:
        what = "distance of memberships" if model.n_folds_ else "gain in log-likelihood"
        return ConvergenceWarning(
            f"Passes ended at max_iter={model.max_iter} while the log-likelihood was"
            f" rising; {what} {end.change:.1e}. Increase max_iter or tol."
        )
    if found.found is not None and not found.found.agreed:
        return SearchWarning(
            "Only one of the starts ended at the best place that was found: a better"
            " one may be unseen. Increase n_init, compare other values of"
            " random_state, or use fewer components."
        )
    return None
