"""Log-likelihood and information criteria."""

from typing import NamedTuple

import numpy as np

from ._at_rows import fitted_and_rows
from ._by_partition import summed
from ._data.checks import check_weight
from ._data.groups import check_constant
from ._docs import documented

# A difference of log-densities beyond all that occur, whose double is still finite.
_HUGE = np.finfo(float).max / 4


def akaike(log_likelihood, n_parameters):
    """AIC from its parts."""
    return -2 * log_likelihood + 2 * n_parameters


def schwarz(log_likelihood, n_parameters, n_units):
    """BIC from its parts, for units that count `n_units`."""
    return float(-2 * log_likelihood + n_parameters * np.log(n_units))


class Evidence(NamedTuple):
    """The input of all criteria: weighted sums over units, single rows or groups.

    That of parts of the rows adds.
    """

    log_likelihood: float  # in nats
    classified: float  # log joint density with the most probable component
    entropy: float  # of the memberships
    weight: float
    n_components: int
    n_parameters: int

    def __add__(self, other):
        sums = (mine + theirs for mine, theirs in zip(self[:4], other[:4], strict=True))
        return Evidence(*sums, *self[4:])

    def aic(self):
        """Akaike information criterion."""
        return akaike(self.log_likelihood, self.n_parameters)

    def bic(self):
        """Bayesian information criterion."""
        return schwarz(self.log_likelihood, self.n_parameters, self.weight)

    def sabic(self):
        """BIC adjusted for the sample size."""
        n = (self.weight + 2) / 24
        return schwarz(self.log_likelihood, self.n_parameters, n)

    def icl(self):
        """Integrated completed likelihood."""
        return schwarz(self.classified, self.n_parameters, self.weight)

    def certainty(self):
        """Entropy criterion of the memberships, from 0 (uniform) to 1 (certain)."""
        if self.n_components == 1:
            return 1.0
        return float(1.0 - self.entropy / (self.weight * np.log(self.n_components)))


def sums_over_units(log_joint, weight):
    """The sums in `Evidence` over some units: log joint (U, K), positive weights (U,).

    -> (log-likelihood, classified, entropy)
    """
    # One component after the other: sums over the short axis are slow.
    log_odds = np.ascontiguousarray(log_joint.T)
    highest = log_odds.max(axis=0)
    # Where all are minus infinity, or one is infinite, they have no difference.
    base = np.minimum(np.maximum(highest, -_HUGE), _HUGE)
    log_odds -= base
    with np.errstate(all="ignore"):
        odds = np.exp(log_odds)
        total = odds.sum(axis=0)
        log_total = np.log(total)
        # Nothing, times minus infinity, is nothing.
        odds *= np.maximum(log_odds, -_HUGE)
        entropy = log_total - odds.sum(axis=0) / total
        each = base + log_total, highest, entropy
        return np.array([np.einsum("u,u->", weight, values) for values in each])


@summed
def evidence(model, X, y, sample_weight=None, groups=None, offset=None, **row_data):
    """Validate rows and evaluate a fitted mixture on them. -> Evidence."""
    fitted, *rows = fitted_and_rows(model, X, y, groups, offset, **row_data)
    weight = _weight_of_units(sample_weight, *rows)
    # Of experts, nobody knows how many parameters they have.
    return _evidence(fitted, rows, weight, getattr(model, "n_parameters_", np.nan))


def likelihood_r2(model, X, y, sample_weight=None, **rows):
    """Likelihood R2 of a fitted mixture against its null model, see `score`."""
    found, least = _compared(model, X, y, sample_weight, **rows)
    loglik, of_null = found.log_likelihood, least.log_likelihood
    if loglik == of_null:  # perhaps both are minus infinity
        return 0.0
    with np.errstate(over="ignore"):
        return float(-np.expm1(-2 * (loglik - of_null) / found.weight))


class _Compared(NamedTuple):
    """Evidence of a mixture and of its null model. It adds."""

    found: Evidence
    least: Evidence

    def __add__(self, other):
        return _Compared(self.found + other.found, self.least + other.least)


@summed
def _compared(model, X, y, sample_weight=None, groups=None, offset=None, **row_data):
    fitted, *rows = fitted_and_rows(model, X, y, groups, offset, **row_data)
    null = fitted.null(model.null_)
    weight = _weight_of_units(sample_weight, *rows)
    # Nothing is known of components where there is one.
    return _Compared(
        _evidence(fitted, rows, weight, 0), _evidence(null, rows[:4], weight, 0)
    )


def _weight_of_units(sample_weight, X, target, groups, offset, known):
    """Weights of rows, or of groups, (U,), for rows from `fitted_and_rows`."""
    if sample_weight is None:
        # Ones that take no memory.
        return np.broadcast_to(
            1.0, X.shape[0] if groups is None else len(groups.labels)
        )
    weight = check_weight(sample_weight, X)
    check_constant(weight, groups, "sample_weight")
    return weight if groups is None else weight[groups.first]


def _evidence(fitted, rows, weight, n_parameters):
    """The Evidence of estimates for rows from `fitted_and_rows`."""
    sums = np.zeros(3)
    for units, log_joint in fitted.log_joints(*rows):
        counted = weight[units] > 0  # nothing, times minus infinity, is nothing
        sums += sums_over_units(log_joint[counted], weight[units][counted])
    total = float(weight.sum())
    return Evidence(*sums.tolist(), total, len(fitted.weights), n_parameters)


@documented
class InformationCriteria:
    """Methods for the log-likelihood and information criteria of a mixture."""

    def log_likelihood(
        self, X, y, sample_weight=None, *, groups=None, offset=None, **row_data
    ):
        r"""Log-likelihood, :math:`\sum_i w_i \log \sum_k \pi_k f_k(y_i | x_i)`.

        With groups, the sum is over groups, and f is the product of the densities of
        the rows of a group.

        Parameters
        ----------
        {X, y, sample_weight, groups, offset}
        **row_data : array-like of shape (n_samples,)
            `trials`, `row_scale` and `known_component`, as `fit` takes them.

        Returns
        -------
        float
            Log-likelihood in nats.
        """
        return evidence(
            self, X, y, sample_weight, groups, offset, **row_data
        ).log_likelihood

    def aic(self, X, y, sample_weight=None, *, groups=None, offset=None, **row_data):
        """Akaike information criterion, ``-2 loglik + 2 n_parameters``.

        {criterion}
        """
        return evidence(self, X, y, sample_weight, groups, offset, **row_data).aic()

    def bic(self, X, y, sample_weight=None, *, groups=None, offset=None, **row_data):
        """Bayesian information criterion, ``-2 loglik + n_parameters log n``.

        n is the number of independent units, that is, the sum of the weights of rows,
        or of groups if given (flexmix always counts rows).

        {criterion}
        """
        return evidence(self, X, y, sample_weight, groups, offset, **row_data).bic()

    def sabic(self, X, y, sample_weight=None, *, groups=None, offset=None, **row_data):
        r"""Sample-size adjusted BIC, ``-2 loglik + n_parameters log((n + 2) / 24)``.

        BIC with a smaller n, which selects more components in small samples (Sclove
        1987). n is as in `bic`.

        {criterion}

        References
        ----------
        Sclove, S. L. (1987). Application of model-selection criteria to some problems
        in multivariate analysis. Psychometrika 52, 333-343.
        """
        return evidence(self, X, y, sample_weight, groups, offset, **row_data).sabic()

    def icl(self, X, y, sample_weight=None, *, groups=None, offset=None, **row_data):
        r"""Integrated completed likelihood criterion.

        ``-2 sum_i w_i max_k log(pi_k f_k(y_i)) + n_parameters log n``: BIC with every
        row (or group) assigned to its most probable component, which penalizes
        overlapping components (Biernacki, Celeux & Govaert 2000).

        {criterion}
        """
        return evidence(self, X, y, sample_weight, groups, offset, **row_data).icl()
