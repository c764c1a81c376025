"""Distributions of responses that are seen between limits."""

import numpy as np
from scipy import special

from .._docs import documented

# Levels up to this many standard deviations of a normal distribution differ from one.
_END, _STEPS = 8.2, 24
_ROOT_2PI = np.sqrt(2 * np.pi)
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
# Nodes and weights on panels of width one.
_STANDARD = (np.arange(_STEPS)[:, None] + 0.5 + 0.5 * _NODES).ravel()
_STANDARD_WEIGHTS = np.tile(0.5 * _WEIGHTS, _STEPS)


@documented
class ObservedDistribution:
    """Distributions of censored responses: what lies beyond a limit is seen at it.

    `MixtureDistribution.observed` returns it. A limit has a positive probability, which
    `pdf` gives there; between the limits it gives the density of the latent response.
    Shapes are those of `MixtureDistribution`.

    Parameters
    ----------
    latent : MixtureDistribution
        Distribution of the latent responses.
    lower, upper : float
        Limits, perhaps infinite.
    """

    def __init__(self, latent, lower, upper):
        self.latent = latent
        self.lower = lower
        self.upper = upper

    def __len__(self):
        return len(self.latent)

    def __getitem__(self, rows):
        return type(self)(self.latent[rows], self.lower, self.upper)

    def __repr__(self):
        return f"<{self.latent!r}, seen from {self.lower:g} to {self.upper:g}>"

    def mean(self):
        """Expected observed responses.

        Returns
        -------
        ndarray of shape (n_samples,)
            Between the limits.
        """
        return self._moments()[0]

    def var(self):
        """Variances of observed responses.

        Returns
        -------
        ndarray of shape (n_samples,)
            Finite where both limits are.
        """
        return self._moments()[1]

    def std(self):
        """Standard deviations of observed responses.

        Returns
        -------
        ndarray of shape (n_samples,)
            Square roots of `var`.
        """
        return np.sqrt(self.var())

    def logpdf(self, y):
        """Log-densities, or log-probabilities of the limits.

        They are minus infinity beyond the limits.

        {at_responses}
        """
        with np.errstate(divide="ignore"):
            log_density = self.latent.logpdf(y)
            below, above = np.log(self.latent.cdf(y)), np.log(self.latent.sf(y))
        y = np.asarray(y, dtype=float)
        y = np.broadcast_to(y, (len(self), *y.shape[1:]))
        places = [
            (y < self.lower) | (y > self.upper),
            (y == self.lower) & np.isfinite(y),
            (y == self.upper) & np.isfinite(y),
        ]
        return np.select(places, [-np.inf, below, above], log_density)

    def pdf(self, y):
        """Densities, or probabilities of the limits.

        They are zero beyond the limits.

        {at_responses}
        """
        return np.exp(self.logpdf(y))

    def cdf(self, y):
        """Probabilities of observed responses up to `y`.

        They are zero below the lower limit, and one from the upper limit on.

        {at_responses}
        """
        return self._between(y, self.latent.cdf(y), 0.0, 1.0)

    def sf(self, y):
        """Probabilities of observed responses above `y`.

        They are one below the lower limit, and zero from the upper limit on.

        {at_responses}
        """
        return self._between(y, self.latent.sf(y), 1.0, 0.0)

    def _between(self, y, values, below, above):
        y = np.asarray(y, dtype=float)
        y = np.broadcast_to(y, (len(self), *y.shape[1:]))
        return np.where(y < self.lower, below, np.where(y >= self.upper, above, values))

    def quantile(self, u):
        """Smallest observed responses whose cdf is at least `u`.

        Parameters
        ----------
        u : float or array-like of shape (m,) or (n_samples, m)
            Levels, between 0 and 1.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, m)
            The latent quantiles, or the limit beyond which they lie.
        """
        return np.clip(self.latent.quantile(u), self.lower, self.upper)

    def interval(self, level=0.9):
        """Equal-tailed prediction intervals of observed responses.

        Parameters
        ----------
        level : float or array-like of shape (m,), default=0.9
            Probability of the interval, or a lower bound of it.

        Returns
        -------
        lower, upper : ndarray of shape (n_samples,) or (n_samples, m)
            Quantiles.
        """
        ends = self.latent.interval(level)
        return tuple(np.clip(end, self.lower, self.upper) for end in ends)

    def sample(self, size=None, random_state=None):
        """Draw independent observed responses.

        Parameters
        ----------
        {size, random_state}

        Returns
        -------
        ndarray of shape (n_samples,), or (n_samples, size)
            Responses.
        """
        drawn = self.latent.sample(size, random_state)
        return np.clip(drawn, self.lower, self.upper)

    def _moments(self):
        """Means and variances, (n,)."""
        if np.isinf([self.lower, self.upper]).all():
            return self.latent.mean(), self.latent.var()
        moments = np.zeros((2, len(self)))
        for k, weight in enumerate(self.latent.weights.T):
            moments += weight * self._of_component(k)
        return moments[0], np.maximum(moments[1] - moments[0] ** 2, 0.0)

    def _of_component(self, k):
        """First and second moment (2, n) of a component.

        They are integrals of quantiles over levels on the normal scale, between the
        levels of the limits, where quantiles have kinks.
        """
        family = self.latent.family
        eta, scale = self.latent.eta[..., k, None], self.latent.scale[..., k]
        below, above = np.zeros((2, len(self), 1))
        if np.isfinite(self.lower):
            below = family.cdf(self.lower, eta, scale)
        if np.isfinite(self.upper):
            above = family.sf(self.upper, eta, scale)
        low = np.clip(special.ndtri(below), -_END, _END)
        width = (np.clip(-special.ndtri(above), -_END, _END) - low) / _STEPS
        at = low + width * _STANDARD
        weight = width * _STANDARD_WEIGHTS * np.exp(-0.5 * at * at) / _ROOT_2PI
        values = family.quantile(special.ndtr(at), eta, scale)
        values = np.clip(values, self.lower, self.upper)
        # An infinite limit has no probability.
        ends = np.nan_to_num([self.lower, self.upper], posinf=0.0, neginf=0.0)
        return np.stack(
            [
                (weight * values**power).sum(axis=1)
                + (below * ends[0] ** power + above * ends[1] ** power)[:, 0]
                for power in (1, 2)
            ]
        )
