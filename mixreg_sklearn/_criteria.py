"""Log-likelihood and information criteria."""

from typing import NamedTuple

import numpy as np
from scipy.special import xlogy

from ._data.checks import check_weight
from ._data.groups import check_constant
from ._docs import documented
from ._fitted import Fitted, fitted_and_rows
from ._numerics import log_normalize


def akaike(log_likelihood, n_parameters):
    """AIC from its parts."""
    return -2 * log_likelihood + 2 * n_parameters


def schwarz(log_likelihood, n_parameters, n_units):
    """BIC from its parts, for units that count `n_units`."""
    return float(-2 * log_likelihood + n_parameters * np.log(n_units))


class Evidence(NamedTuple):
    """The input of all criteria, for U units: single rows or groups of rows."""

    log_joint: np.ndarray  # (U, K), log of prior probability times density
    weight: np.ndarray  # (U,)
    n_parameters: int

    def log_likelihood(self):
        """Log-likelihood of all units, in nats."""
        return float(self.weight @ np.logaddexp.reduce(self.log_joint, axis=1))

    def aic(self):
        """Akaike information criterion."""
        return akaike(self.log_likelihood(), self.n_parameters)

    def bic(self):
        """Bayesian information criterion."""
        return schwarz(self.log_likelihood(), self.n_parameters, self.weight.sum())

    def sabic(self):
        """BIC adjusted for the sample size."""
        n = (self.weight.sum() + 2) / 24
        return schwarz(self.log_likelihood(), self.n_parameters, n)

    def icl(self):
        """Integrated completed likelihood."""
        classified = float(self.weight @ self.log_joint.max(axis=1))
        return schwarz(classified, self.n_parameters, self.weight.sum())

    def certainty(self):
        """Entropy criterion of the memberships, from 0 (uniform) to 1 (certain)."""
        K = self.log_joint.shape[1]
        if K == 1:
            return 1.0
        tau = np.exp(log_normalize(self.log_joint))
        entropy = -self.weight @ xlogy(tau, tau).sum(axis=1)
        return float(1.0 - entropy / (self.weight.sum() * np.log(K)))


def evidence(model, X, y, sample_weight=None, groups=None, offset=None, trials=None):
    """Validate rows and evaluate a fitted mixture on them. -> Evidence."""
    fitted, *rows = fitted_and_rows(model, X, y, groups, offset, trials=trials)
    return _evidence(fitted, rows, sample_weight, model.n_parameters_)


def likelihood_r2(model, X, y, sample_weight, groups, offset, trials):
    """Likelihood R2 of a fitted mixture against its null model, see `score`."""
    fitted, *rows = fitted_and_rows(model, X, y, groups, offset, trials=trials)
    null = Fitted.from_arrays(fitted.family, model.null_)
    found, least = (_evidence(each, rows, sample_weight, 0) for each in (fitted, null))
    loglik, of_null = found.log_likelihood(), least.log_likelihood()
    if loglik == of_null:  # perhaps both are minus infinity
        return 0.0
    with np.errstate(over="ignore"):
        return float(-np.expm1(-2 * (loglik - of_null) / found.weight.sum()))


def _evidence(fitted, rows, sample_weight, n_parameters):
    """The Evidence of estimates for rows from `fitted_and_rows`."""
    groups, log_joint = rows[2], fitted.log_joint(*rows)
    n_rows = len(log_joint) if groups is None else len(groups.of_row)
    weight = check_weight(sample_weight, np.empty((n_rows, 1)))
    check_constant(weight, groups, "sample_weight")
    if groups is not None:
        weight = weight[groups.first]
    counted = weight > 0  # nothing, times minus infinity, is nothing
    return Evidence(log_joint[counted], weight[counted], n_parameters)


@documented
class InformationCriteria:
    """Methods for the log-likelihood and information criteria of a mixture."""

    def log_likelihood(
        self, X, y, sample_weight=None, *, groups=None, offset=None, trials=None
    ):
        r"""Log-likelihood, :math:`\sum_i w_i \log \sum_k \pi_k f_k(y_i | x_i)`.

        With groups, the sum is over groups, and f is the product of the densities of
        the rows of a group.

        Parameters
        ----------
        {X, y, sample_weight, groups, offset, trials}

        Returns
        -------
        float
            Log-likelihood in nats.
        """
        return evidence(
            self, X, y, sample_weight, groups, offset, trials
        ).log_likelihood()

    def aic(self, X, y, sample_weight=None, *, groups=None, offset=None, trials=None):
        """Akaike information criterion, ``-2 loglik + 2 n_parameters``.

        {criterion}
        """
        return evidence(self, X, y, sample_weight, groups, offset, trials).aic()

    def bic(self, X, y, sample_weight=None, *, groups=None, offset=None, trials=None):
        """Bayesian information criterion, ``-2 loglik + n_parameters log n``.

        n is the number of independent units, that is, the sum of the weights of rows,
        or of groups if given (flexmix always counts rows).

        {criterion}
        """
        return evidence(self, X, y, sample_weight, groups, offset, trials).bic()

    def sabic(self, X, y, sample_weight=None, *, groups=None, offset=None, trials=None):
        r"""Sample-size adjusted BIC, ``-2 loglik + n_parameters log((n + 2) / 24)``.

        BIC with a smaller n, which selects more components in small samples (Sclove
        1987). n is as in `bic`.

        {criterion}

        References
        ----------
        Sclove, S. L. (1987). Application of model-selection criteria to some problems
        in multivariate analysis. Psychometrika 52, 333-343.
        """
        return evidence(self, X, y, sample_weight, groups, offset, trials).sabic()

    def icl(self, X, y, sample_weight=None, *, groups=None, offset=None, trials=None):
        r"""Integrated completed likelihood criterion.

        ``-2 sum_i w_i max_k log(pi_k f_k(y_i)) + n_parameters log n``: BIC with every
        row (or group) assigned to its most probable component, which penalizes
        overlapping components (Biernacki, Celeux & Govaert 2000).

        {criterion}
        """
        return evidence(self, X, y, sample_weight, groups, offset, trials).icl()
