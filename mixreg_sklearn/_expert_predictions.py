"""What a fitted mixture of experts says of rows."""

from functools import wraps

from ._at_rows import estimates_and_rows, group_memberships_of, memberships_of
from ._criteria import evidence, likelihood_r2
from ._data.groups import check_groups
from ._data.row_data import OF_ROWS, row_arguments
from ._docs import documented
from ._numerics import make_rng
from .predictive._components import component_means
from .predictive._history import given_history


def without_row_data(method):
    """Let a method take what other mixtures know of rows, as long as it is None.

    Functions for any mixture hand it on.
    """

    @wraps(method)
    def wrapper(*args, **kwargs):
        for name in OF_ROWS:
            if kwargs.pop(name, None) is not None:
                raise ValueError(
                    f"{name} is not available: experts predict the response itself,"
                    " with normal errors."
                )
        return method(*args, **kwargs)

    return wrapper


@documented
class ExpertPredictions:
    """Methods of a mixture of experts that need a fit."""

    # What other mixtures may have.
    family = "gaussian"
    background = None
    offset_feature = None

    @without_row_data
    def predict(self, X, return_std=False):
        r"""Expected response, :math:`\sum_k \pi_k(x) m_k(x)`.

        Parameters
        ----------
        {X}
        return_std : bool, default=False
            Whether to also return the standard deviation of the predictive mixture.

        Returns
        -------
        mean : ndarray of shape (n_samples,)
            Expected responses.
        std : ndarray of shape (n_samples,)
            Standard deviations; only if `return_std`.
        """
        ahead = self.predict_distribution(X)
        return (ahead.mean(), ahead.std()) if return_std else ahead.mean()

    @without_row_data
    def predict_components(self, X):
        """What each expert predicts.

        Parameters
        ----------
        {X}

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Means of the components.
        """
        return component_means(self.predict_distribution(X))

    @without_row_data
    def predict_distribution(self, X, *, groups=None, history=None):
        r"""Distribution of the response: density, quantiles, intervals, draws.

        The mixture :math:`\sum_k \pi_k(x) \varphi(y; m_k(x), \sigma_k)`, with the
        estimates taken as known. If a row belongs to a unit with a history (earlier
        rows with their responses), its weights are the memberships of that unit instead
        of the prior probabilities.

        Parameters
        ----------
        {X}
        groups : array-like of shape (n_samples,), default=None
            Unit of each row; required with a history, otherwise without effect.
        history : dict, default=None
            Earlier rows of some of these units: `"X"`, `"y"` and `"groups"`. Units
            without earlier rows keep the prior probabilities.

        Returns
        -------
        MixtureDistribution
            See `mixreg_sklearn.predictive`.

        Raises
        ------
        ValueError
            If the history is incomplete, or the gate's probabilities differ between the
            rows of a unit and its history.
        """
        fitted, X, *_ = estimates_and_rows(self, X)
        ahead = fitted.distribution(X)
        check_groups(groups, ahead)
        if history is None:
            return ahead
        return ahead.reweighted(given_history(self, ahead.weights, groups, history))

    @without_row_data
    def predict_proba(self, X, y=None, *, groups=None, known_component=None):
        r"""Probabilities of the components.

        Without `y`, prior probabilities :math:`\pi_k(x)`; with `y`, memberships
        (posterior probabilities). The rows of a group share one membership. For the
        rows of the fit, `memberships_` does not depend on experts that have seen them.

        Parameters
        ----------
        {X}
        y : array-like of shape (n_samples,), default=None
            Responses.
        {groups, known_component}

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Probabilities; each row sums to one.

        Raises
        ------
        ValueError
            If all components have density zero for a row or group.
        """
        if y is None:
            fitted, X, *_ = estimates_and_rows(self, X)
            return fitted.prior(X)
        return memberships_of(self, X, y, **row_arguments(locals()))

    @without_row_data
    def predict_group_proba(self, X, y, groups, *, known_component=None):
        """Memberships of groups, given the responses of all their rows.

        Parameters
        ----------
        {X, y}
        groups : array-like of shape (n_samples,)
            Labels of groups of rows that share one component.
        {known_component}

        Returns
        -------
        labels : ndarray of shape (n_groups,)
            Sorted labels of the groups.
        memberships : ndarray of shape (n_groups, n_components)
            Probabilities; each row sums to one.

        Raises
        ------
        ValueError
            If `groups` is None, or all components have density zero for a group.
        """
        return group_memberships_of(self, X, y, **row_arguments(locals()))

    @without_row_data
    def predict_membership(self, X, y, *, groups=None, known_component=None):
        """Most probable component of each row.

        Parameters
        ----------
        {X, y, groups, known_component}

        Returns
        -------
        ndarray of int of shape (n_samples,)
            Component indices, 0 to `n_components - 1`.

        Raises
        ------
        ValueError
            If all components have density zero for a row or group.
        """
        return self.predict_proba(X, y, **row_arguments(locals())).argmax(axis=1)

    @without_row_data
    def log_likelihood(
        self, X, y, sample_weight=None, *, groups=None, known_component=None
    ):
        r"""Log-likelihood, :math:`\sum_i w_i \log \sum_k \pi_k f_k(y_i | x_i)`.

        With groups, the sum is over groups, and f is the product of the densities of
        the rows of a group. For rows of the fit it is too high where experts remember
        them, and `log_likelihood_` is not.

        Parameters
        ----------
        {X, y, sample_weight, groups, known_component}

        Returns
        -------
        float
            Log-likelihood in nats.
        """
        rows = row_arguments(locals())
        return evidence(self, X, y, sample_weight, **rows).log_likelihood

    @without_row_data
    def score(self, X, y, sample_weight=None, *, groups=None, known_component=None):
        r"""Likelihood R2: how much better the mixture describes y than no features do.

        .. math:: R^2 = 1 - \exp\Bigl(-\frac{2}{n} (\ell - \ell_0)\Bigr)

        with the log-likelihood :math:`\ell` of these rows, that of the mean and
        standard deviation of the rows of the fit, :math:`\ell_0`, and the number n of
        rows, or of groups (the sum of their weights), as in
        `MixtureRegressor.score`. That of the mean, which knows nothing of the
        components, is ``sklearn.metrics.r2_score(y, model.predict(X))``.

        Parameters
        ----------
        {X, y, sample_weight, groups, known_component}

        Returns
        -------
        float
            Likelihood R2, below 1.
        """
        return likelihood_r2(self, X, y, sample_weight, **row_arguments(locals()))

    @without_row_data
    def sample(self, X, random_state=None, *, groups=None):
        """Draw a response for each row of X.

        Parameters
        ----------
        {X, random_state, groups}

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Responses.
        component : ndarray of int of shape (n_samples,)
            The component of each response.
        """
        fitted, X, *_ = estimates_and_rows(self, X)
        return fitted.sample(X, make_rng(random_state), check_groups(groups, X))
