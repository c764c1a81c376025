r"""Predictive distributions of responses, mixtures of K components.

.. math:: p(y | x) = \sum_{k=1}^K \pi_k \, f(y | \eta_k, \phi_k)

The weights are prior probabilities or, for a row of a unit with a history, its
memberships. A background is one more component, without predictors. Parameters are
taken as known: their uncertainty is not included.
"""

import numpy as np

from .._data.row_data import check_row_data, row_arguments
from .._docs import documented
from .._numerics import make_rng
from ._arguments import broadcast, check_level, check_levels, responses_of
from ._components import (
    column,
    draw_components,
    draw_responses,
    log_densities,
    probability,
    raw_moments,
    weighted,
)
from ._domain import check_ends, check_mixture, defined
from ._observed import ObservedDistribution
from ._quantiles import count_quantiles, quantiles
from ._regions import highest_density

# Number of quantiles computed together, so that the root finder's arrays fit the cache.
_BLOCK = 16384
# Sums of weights that differ by less are equal.
_EQUAL = 1e-5


@documented
class MixtureDistribution:
    r"""Distributions of the responses of n rows, each a mixture of K components.

    ``model.predict_distribution(X)`` returns it. All methods are vectorized over rows:

    - *Responses* `y` are a number for all rows, an array (n,) with one for each row,
      (n, m) with m for each row, or a grid (1, m) for all rows.
    - *Levels* `u` are probabilities: a number or an array (m,) for all rows, or (n, m)
      with m for each row.

    Results are (n,) for one value per row and (n, m) for m. A component whose linear
    predictor is outside the domain of its link has no distribution; `defined` says
    where. It counts as density zero in `pdf` and `logpdf`. The other methods raise a
    ValueError, unless its weight is zero.

    Parameters are kept as attributes of the same name, broadcast to all rows.

    Parameters
    ----------
    family : Family
        Conditional distribution of the components.
    eta : array-like of shape (n_samples, n_components)
        Linear predictors; (L, n_samples, n_components) for a family with L > 1 of them.
    scale : array-like of shape (n_components,)
        Scales; (S, n_components) for a family with S > 1 constants.
    weights : array-like of shape (n_samples, n_components) or (n_components,)
        Probabilities of the components; they sum to one. That of a background is last.
    background : object, default=None
        The background of a fitted model.
    trials : int or array-like of shape (n_samples,), default=None
        Binomial family: number of trials of each row; by default 1.
    row_scale : float or array-like of shape (n_samples,), default=None
        Factor on the scales of a row, for the family of a fit with row scales.

    Attributes
    ----------
    row_data : dict of str to ndarray of shape (n_samples,)
        Further data of rows that the family uses: the trials, if given.
    discrete : bool
        Whether responses are counts.

    Raises
    ------
    ValueError
        If shapes do not match, `eta` contains NaN, or weights are not probabilities.

    Notes
    -----
    ``len(distribution)`` is the number of rows, and ``distribution[rows]`` the
    distribution of some of them.

    Examples
    --------
    >>> from mixreg_sklearn import MixtureRegressor
    >>> from mixreg_sklearn.datasets import load_two_lines
    >>> X, y = load_two_lines(return_X_y=True)
    >>> model = MixtureRegressor(2, random_state=0).fit(X, y)
    >>> ahead = model.predict_distribution([[2.0], [8.0]])
    >>> ahead.mean().round(2).tolist()
    [8.65, 14.55]
    >>> ahead.highest_density(0.9)[1].round(1).tolist()
    [[-5.6, -4.4], [31.1, 37.0]]
    """

    def __init__(
        self,
        family,
        eta,
        scale,
        weights,
        *,
        background=None,
        trials=None,
        row_scale=None,
    ):
        eta, n_predictors = np.asarray(eta, dtype=float), len(family.predictors)
        leading = () if n_predictors == 1 else (n_predictors,)
        if eta.ndim != len(leading) + 2 or eta.shape[:-2] != leading:
            shape = ", ".join([*map(str, leading), "n_samples", "n_components"])
            raise ValueError(f"eta has shape {eta.shape}: it must be ({shape}).")
        if np.isnan(eta).any():
            raise ValueError("eta contains NaN.")
        self.family = family
        self.eta = eta
        n_constants, shape = len(family.constants), eta.shape[-2:]
        leading = () if n_constants <= 1 else (n_constants,)
        self.scale = broadcast("scale", scale, (*leading, shape[1]))
        self.background = background
        n_shares = shape[1] + (background is not None)
        self.weights = broadcast("weights", weights, (shape[0], n_shares))
        total = self.weights.sum(axis=1)
        one = total.min(initial=1) >= 1 - _EQUAL and total.max(initial=1) <= 1 + _EQUAL
        if not (one and (self.weights >= 0).all()):
            raise ValueError("weights must be non-negative and sum to one in each row.")
        row_data = {
            name: broadcast(name, values, shape[:1])
            for name, values in row_arguments(locals()).items()
        }
        self.row_data = check_row_data(family, row_data, len(self))
        self.discrete = family.support.lattice

    @property
    def trials(self):
        """Number of trials of each row, (n_samples,), or None."""
        return self.row_data.get("trials")

    @property
    def n_components(self):
        """Number of components with predictors."""
        return self.eta.shape[-1]

    def __len__(self):
        return len(self.weights)

    def __getitem__(self, rows):
        rows = np.atleast_1d(np.arange(len(self))[rows])
        part = object.__new__(type(self))
        part.__dict__.update(self.__dict__)
        part.eta, part.weights = self.eta[..., rows, :], self.weights[rows]
        part.row_data = {name: v[rows] for name, v in self.row_data.items()}
        return part

    def __repr__(self):
        parts = f"{self.n_components} {self.family!r}"
        if self.background is not None:
            parts += f" and {self.background!r}"
        return f"<mixture of {parts} for {len(self)} rows>"

    def reweighted(self, weights):
        """A distribution with the same components and other probabilities.

        Parameters
        ----------
        weights : array-like of shape (n_samples, n_components) or (n_components,)
            Probabilities; they sum to one.

        Returns
        -------
        MixtureDistribution
            A new distribution.
        """
        return type(self)(
            *(self.family, self.eta, self.scale, weights),
            background=self.background,
            **self.row_data,
        )

    def regressions(self):
        """The distribution of responses that are not of the background.

        Returns
        -------
        MixtureDistribution
            The components alone, with their probabilities relative to each other.
        """
        weights = self.weights[:, : self.n_components]
        total = weights.sum(axis=1, keepdims=True)
        relative = np.where(total > 0, weights / np.where(total > 0, total, 1), 1)
        relative = relative / relative.sum(axis=1, keepdims=True)
        own = self.family, self.eta, self.scale, relative
        return type(self)(*own, **self.row_data)

    def defined(self):
        """Where components have a distribution.

        They have none where the link admits no mean: under the identity and inverse
        links of positive means, where the linear predictor is zero or negative.

        Returns
        -------
        ndarray of bool of shape (n_samples, n_components)
            True where they have one.
        """
        inside, shape = defined(self), (len(self), self.n_components)
        return np.ones(shape, dtype=bool) if inside is None else inside

    def mean(self):
        r"""Expected responses, :math:`\mu = \sum_k \pi_k \mu_k`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Equal to `predict` of the model if the weights are prior probabilities.
        """
        check_mixture(self)
        return self._average(raw_moments(self)[0])

    def var(self):
        r"""Variances, :math:`\sum_k \pi_k \sigma_k^2 + \sum_k \pi_k (\mu_k - \mu)^2`.

        Returns
        -------
        ndarray of shape (n_samples,)
            Sum of the variances within and between components.
        """
        check_mixture(self)
        means, within = raw_moments(self)
        with np.errstate(invalid="ignore"):
            between = (means - self._average(means)[:, None]) ** 2
        # Around an infinite mean there is no finite variance.
        between[np.isnan(between)] = np.inf
        return self._average(within + between)

    def std(self):
        """Standard deviations.

        Returns
        -------
        ndarray of shape (n_samples,)
            Square roots of `var`.
        """
        return np.sqrt(self.var())

    def logpdf(self, y):
        r"""Log-densities, :math:`\log \sum_k \pi_k f(y | \eta_k, \phi_k)`.

        Of counts they are log-probabilities. They are minus infinity outside the
        family's range.

        {at_responses}
        """
        y = responses_of(y, len(self))
        total = np.full(y.shape, -np.inf)
        with np.errstate(divide="ignore"):
            log_weights = np.log(self.weights)
        for k, log_density in enumerate(log_densities(self, y)):
            if k == self.n_components:
                inside = self.background.has(y)
                log_density = np.where(inside, log_density, -np.inf)
            log_density += column(log_weights[:, k], y)
            np.logaddexp(total, log_density, out=total)
        return total

    def pdf(self, y):
        """Densities, or probabilities of counts.

        They are zero outside the family's range.

        {at_responses}
        """
        return np.exp(self.logpdf(y))

    def cdf(self, y):
        """Cumulative distribution function: probabilities of responses up to `y`.

        {at_responses}
        """
        return probability(self, self.family.cdf, responses_of(y, len(self)), 1.0)

    def sf(self, y):
        """Survival function: probabilities of responses above `y`, ``1 - cdf(y)``.

        Families of location and scale are accurate in the upper tail.

        {at_responses}
        """
        return probability(self, self.family.sf, responses_of(y, len(self)), 0.0)

    def observed(self):
        """Distribution of responses as they are seen, between limits of the family.

        What lies beyond a limit of `Censored` is seen at the limit, with a positive
        probability. A family without limits shows its responses as they are.

        Returns
        -------
        ObservedDistribution
            See `mixreg_sklearn.predictive`.
        """
        return ObservedDistribution(self, *self.family.limits)

    def quantile(self, u):
        """Smallest responses whose cdf is at least `u`.

        The quantile of a mixture lies between those of its components and is found by
        interpolation and bisection: ``cdf(quantile(u))`` is `u` to 1e-10, within the
        floating-point resolution of the response.

        Parameters
        ----------
        u : float or array-like of shape (m,) or (n_samples, m)
            Levels, between 0 and 1.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, m)
            Quantiles; whole numbers for counts.

        Raises
        ------
        ValueError
            If a level is not between 0 and 1, or a component has no distribution.
        """
        levels = check_levels(u, len(self))
        check_mixture(self)
        n_levels = levels.shape[-1] if levels.ndim else 1
        shape = (len(self), n_levels)
        wanted = np.broadcast_to(levels, shape).ravel()
        result = np.empty(wanted.shape)
        solve = count_quantiles if self.discrete else quantiles
        for start in range(0, len(result), _BLOCK):
            cells = np.arange(start, min(start + _BLOCK, len(result)))
            result[cells] = solve(self[cells // n_levels], wanted[cells])
        return result.reshape(shape) if levels.ndim else result

    def interval(self, level=0.9):
        """Equal-tailed prediction intervals.

        Parameters
        ----------
        level : float or array-like of shape (m,), default=0.9
            Probability of the interval, or a lower bound of it for counts.

        Returns
        -------
        lower, upper : ndarray of shape (n_samples,) or (n_samples, m)
            The quantiles of ``(1 - level) / 2`` and ``(1 + level) / 2``.

        Raises
        ------
        ValueError
            If a level is not between 0 and 1, or a component has no distribution.
        """
        level = check_level(level)
        return self.quantile(0.5 - 0.5 * level), self.quantile(0.5 + 0.5 * level)

    def highest_density(self, level=0.9):
        r"""Highest-density regions: the smallest sets that have a given probability.

        .. math:: \{y : p(y | x) \ge t\}, \qquad P(p(Y | x) \ge t) = \text{level}

        Well-separated components leave gaps, so the region of a row is a union of
        intervals, or of runs of consecutive counts: it contains all counts at least as
        probable as the last one needed.

        Parameters
        ----------
        level : float, default=0.9
            Probability of the region, between 0 and 1, or a lower bound of it for
            counts.

        Returns
        -------
        ndarray of shape (n_samples, max_parts, 2)
            Lower and upper ends of the parts of each row in increasing order, padded
            with NaN. Both ends of a run of counts belong to it.

        Raises
        ------
        ValueError
            If the level is not between 0 and 1, a component has no distribution, or
            the counts of a row spread over more than four million.

        References
        ----------
        Hyndman, R. J. (1996). Computing and graphing highest density regions. The
        American Statistician 50, 120-126.
        """
        level = float(check_level(level, open_=True))
        check_mixture(self)
        check_ends(self, "highest_density")
        return highest_density(self, level)

    def sample(self, size=None, random_state=None):
        """Draw independent responses.

        Parameters
        ----------
        {size, random_state}

        Returns
        -------
        ndarray of shape (n_samples,), or (n_samples, size)
            Responses. (For rows of a new unit, which share one component, use
            ``model.sample(X, groups=groups)``.)
        """
        rng = make_rng(random_state)
        component = draw_components(self.weights, 1 if size is None else size, rng)
        y = draw_responses(self, component, rng)
        return y[:, 0] if size is None else y

    def _average(self, values):
        """Weighted means over components of `values` (n, K)."""
        return weighted(self.weights, values).sum(axis=1)
