"""The bootstrap: refits of a mixture to simulated or resampled data."""

from itertools import permutations

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from scipy.optimize import linear_sum_assignment
from sklearn.utils import check_random_state

from .._blas import one_blas_thread
from .._data.groups import check_groups, repeated
from .._data.row_data import row_arguments
from .._docs import documented
from .._engine.problem import make_problem
from .._extras import check_in_memory
from .._inside import inside
from .._numerics import log_normalize, make_rng
from .._rebuilt import rebuild
from .._search.estimate import Limits, estimate_from
from ._information import require_likelihood
from ._table import Estimates, check_level
from ._terms import terms_of, values_of

_METHODS = ("parametric", "case")
# Maximum number of replicates in a joblib task.
_TASK = 25


class BootstrapResult(Estimates):
    """Bootstrap estimates, as `bootstrap` returns.

    ``print`` shows a table by component. Parameters are kept as attributes.

    Parameters
    ----------
    terms : list of Term
        Description of the parameters, by component.
    params : ndarray of shape (m,)
        Estimates, as in the attributes of the model.
    draws : ndarray of shape (n_bootstrap, m)
        Estimates of all replicates, with components in the order of the model.
    degenerate : ndarray of bool of shape (n_bootstrap,)
        Whether a component of a replicate collapsed or lost its rows, or a feature does
        not vary in the rows drawn.
    converged : ndarray of bool of shape (n_bootstrap,)
        Whether a replicate is a proven maximum and not degenerate.
    title : str
        Lines above the table.

    Attributes
    ----------
    names : list of str
        Names of the m parameters, as in `InferenceResult`.
    cov : ndarray of shape (m, m)
        Covariance of the draws.
    std_errors : ndarray of shape (m,)
        Standard deviations of the draws.
    bias : ndarray of shape (m,)
        Mean of the draws minus the estimate.
    n_degenerate, n_not_converged : int
        Numbers of replicates, all of which are among the draws.
    """

    def __init__(self, terms, params, draws, degenerate, converged, title):
        cov = np.atleast_2d(np.cov(draws, rowvar=False))
        super().__init__(terms, params, cov, title)
        self.draws, self.degenerate, self.converged = draws, degenerate, converged
        self.n_degenerate = int(degenerate.sum())
        self.n_not_converged = int((~converged).sum())

    @property
    def bias(self):
        """Mean of the draws minus the estimate, (m,)."""
        return self.draws.mean(axis=0) - self.params

    def conf_int(self, level=0.95):
        """Percentile intervals: quantiles of the draws.

        Parameters
        ----------
        level : float, default=0.95
            Probability of coverage in large samples.

        Returns
        -------
        ndarray of shape (m, 2)
            Lower and upper bounds.
        """
        tail = (1 - check_level(level)) / 2
        return np.quantile(self.draws, [tail, 1 - tail], axis=0).T

    def _columns(self, level):
        lower, upper = self.conf_int(level).T
        return {
            "estimate": self.params,
            "std_error": self.std_errors,
            "bias": self.bias,
            "lower": lower,
            "upper": upper,
        }


@documented
def bootstrap(
    model,
    X,
    y,
    sample_weight=None,
    *,
    groups=None,
    offset=None,
    trials=None,
    row_scale=None,
    n_bootstrap=200,
    method="parametric",
    random_state=None,
    n_jobs=None,
    component_names=None,
):
    r"""Refit a mixture to data drawn from it, or to resampled rows.

    Each refit starts at the estimate and converges to a nearby maximum: the draws show
    the variation of this maximum, not of the search. The components of a replicate are
    matched to those of the model by the permutation :math:`\rho` that maximizes
    :math:`\sum_i w_i \sum_k \tau_{ik} \log \tau^*_{i\rho(k)}`, with :math:`\tau` and
    :math:`\tau^*` the memberships of the rows of `X` under the model and the replicate
    [2]_. No replicate is discarded.

    Parameters
    ----------
    {fitted_model, data_of_fit}
    n_bootstrap : int, default=200
        Number of replicates: 200 suffice for standard errors, 1000 or more for
        intervals.
    method : {"parametric", "case"}, default="parametric"
        "parametric" draws responses from the model, given the features of the rows;
        "case" draws as many rows (or groups, if given) as there are, with replacement,
        and does not assume that the model is true.
    random_state : int, RandomState instance or None, default=None
        Determines the draws, independently of `n_jobs`.
    n_jobs : int or None, default=None
        Number of processes.
    {component_names}

    Returns
    -------
    BootstrapResult
        The draws, their standard deviations and quantiles.

    Raises
    ------
    ValueError
        If the fit is degenerate or penalized, its weights cannot be counts of rows, or
        components of its rows were known.

    References
    ----------
    .. [1] Efron, B. & Tibshirani, R. J. (1993). An Introduction to the Bootstrap.
       Chapman & Hall.
    .. [2] Stephens, M. (2000). Dealing with label switching in mixture models. Journal
       of the Royal Statistical Society B 62, 795-809.

    Examples
    --------
    >>> from mixreg_sklearn import MixtureRegressor
    >>> from mixreg_sklearn.datasets import load_two_lines
    >>> from mixreg_sklearn.inference import bootstrap
    >>> X, y = load_two_lines(return_X_y=True)
    >>> model = MixtureRegressor(2, random_state=0).fit(X, y)
    >>> draws = bootstrap(model, X, y, n_bootstrap=50, random_state=0)
    >>> draws.draws.shape, draws.n_degenerate
    ((50, 8), 0)
    """
    if method not in _METHODS:
        raise ValueError(f"method must be one of {list(_METHODS)}; got {method!r}.")
    check_in_memory(X)
    if n_bootstrap < 2:
        raise ValueError(f"n_bootstrap must be at least 2; got {n_bootstrap!r}.")
    mixture = inside(model).mixture
    if mixture.labelled_:
        raise ValueError(
            "Components of rows were known to the fit (known_component), but are not to"
            " its replicates, which are drawn anew. Use the standard errors of"
            " inference."
        )
    if mixture.degenerate_:
        raise ValueError(
            "The estimate is degenerate (degenerate_ is True), so its replicates would"
            " be degenerate. Use fewer components, shared_scale=True, or more rows."
        )
    with one_blas_thread(), np.errstate(all="ignore"):
        rebuilt = rebuild(model, X, y, sample_weight, **row_arguments(locals()))
        require_likelihood(rebuilt.problem.structure)
        terms = terms_of(rebuilt, component_names)
        plan = (_Cases if method == "case" else _Responses)(rebuilt)
    seed = check_random_state(random_state).randint(2**31 - 1)
    seeds = np.random.SeedSequence(seed).spawn(n_bootstrap)
    size = min(_TASK, -(-n_bootstrap // effective_n_jobs(n_jobs)))
    tasks = [seeds[i : i + size] for i in range(0, n_bootstrap, size)]
    parts = Parallel(n_jobs)(delayed(_replicates)(plan, terms, t) for t in tasks)
    columns = (np.concatenate(c) for c in zip(*parts, strict=True))
    params = values_of(rebuilt.fitted, terms)
    title = (
        f"Bootstrap ({method}) of a mixture of {mixture.n_components} regressions,"
        f" {n_bootstrap} replicates"
    )
    result = BootstrapResult(terms, params, *columns, title)
    if result.n_not_converged:
        result.title += (
            f"\n{result.n_degenerate} degenerate, {result.n_not_converged} not"
            " converged; all are counted"
        )
    return result


class _Plan:
    """Common input of all replicates; subclasses `draw` the data of one."""

    def __init__(self, rebuilt):
        self.fitted, self.data = rebuilt.fitted, rebuilt.data
        self.structure = rebuilt.problem.structure
        self.limits = Limits(1, rebuilt.estimator.tol, rebuilt.estimator.max_iter)
        self.ranks = _ranks(rebuilt.problem)
        self.align = _Alignment(rebuilt)


class _Responses(_Plan):
    """The parametric bootstrap: a response for each row that counts."""

    def __init__(self, rebuilt):
        super().__init__(rebuilt)
        data = self.data
        counts = np.rint(data.weight).astype(int)
        if (counts != data.weight).any():
            raise ValueError(
                "method='parametric' draws a response for every row that sample_weight"
                " counts, so weights must be whole numbers. Use method='case'."
            )
        rows, group = repeated(counts, data.group)
        self.data = data.take(rows)._replace(weight=np.ones(len(rows)), group=group)
        self.groups = check_groups(group, rows)
        self.fitted.family.check_drawn(self.data.y)

    def draw(self, rng):
        """Data of one replicate."""
        data = self.data
        y, _ = self.fitted.sample(
            data.X, make_rng(rng), self.groups, data.offset, data.row_data
        )
        target = self.fitted.family.target(y, **data.row_data)
        # What was not seen is not seen again.
        return data._replace(y=np.where(np.isnan(data.y), np.nan, target))


class _Cases(_Plan):
    """The case bootstrap: rows, or groups, drawn with replacement as weights."""

    def __init__(self, rebuilt):
        super().__init__(rebuilt)
        data = self.data
        first, self.of_row = np.arange(len(data.weight)), slice(None)
        if data.group is not None:
            groups = check_groups(data.group, data.X)
            first, self.of_row = groups.first, groups.of_row
        weight = data.weight[first]
        total = weight.sum()
        self.n_draws, self.probability = int(np.rint(total)), weight / total
        if self.n_draws < rebuilt.estimator.n_parameters_:
            raise ValueError(
                f"sample_weight counts {total:.3g} rows or groups in all, fewer than"
                f" the {rebuilt.estimator.n_parameters_} parameters: weights must count"
                " rows for a bootstrap."
            )

    def draw(self, rng):
        """Data of one replicate."""
        counts = rng.multinomial(self.n_draws, self.probability)
        return self.data._replace(weight=counts[self.of_row].astype(float))


class _Alignment:
    """Match the components of a replicate to those of the model."""

    def __init__(self, rebuilt):
        data = self.data = rebuilt.data
        self.groups = check_groups(data.group, data.X)
        self.weighted = self._memberships(rebuilt.fitted) * data.weight[:, None]
        mixture = rebuilt.problem.model
        self.roles = None
        if not mixture.interchangeable:
            orders = permutations(range(mixture.n_components))
            self.roles = np.array([o for o in orders if mixture.alike(o)])

    def _memberships(self, fitted):
        """Memberships (n, K) of the training rows under other estimates."""
        data, groups = self.data, self.groups
        with np.errstate(invalid="ignore"):
            rows = data.X, data.y, groups, data.offset, data.known
            log_joint = fitted.log_joint(*rows)
            memberships = np.exp(log_normalize(log_joint))
        return memberships if groups is None else memberships[groups.of_row]

    def __call__(self, fitted):
        """Estimates in Stephens's order, among those that the constraints allow."""
        # Memberships are NaN if the density of a row is zero under the replicate.
        memberships = np.nan_to_num(self._memberships(fitted))
        log_memberships = np.log(np.maximum(memberships, np.finfo(float).tiny))
        K = fitted.n_components
        agreement = (self.weighted.T @ log_memberships)[:K, :K]
        if self.roles is None:
            return fitted.reorder(linear_sum_assignment(-agreement)[1])
        sums = agreement[np.arange(len(agreement)), self.roles].sum(axis=1)
        return fitted.reorder(self.roles[sums.argmax()])


def _ranks(problem):
    """Ranks of the features of the regressions and of the gate."""
    designs = *problem.frame.designs, problem.frame.gate_design
    return [design.n_columns for design in designs]


def _replicates(plan, terms, seeds):
    """Draws (b, m), and whether they are degenerate, and converged, (b,)."""
    with one_blas_thread(), np.errstate(all="ignore"):
        fits = [_replicate(plan, seed) for seed in seeds]
    estimates, degenerate, converged = zip(*fits, strict=True)
    draws = np.array([values_of(fitted, terms) for fitted in estimates])
    return draws, np.array(degenerate), np.array(converged)


def _replicate(plan, seed):
    """Estimates of one replicate, and whether it is degenerate, and converged."""
    rng = np.random.RandomState(np.random.MT19937(seed))
    problem = make_problem(plan.draw(rng), plan.structure, 1)
    found = estimate_from(problem, problem.from_user(plan.fitted), plan.limits)
    fitted = plan.align(problem.to_user(found.polished.params))
    # If no row of a category is drawn, its coefficient is not identified.
    degenerate = bool(found.flaw) or _ranks(problem) != plan.ranks
    return fitted, degenerate, found.proven and not degenerate
