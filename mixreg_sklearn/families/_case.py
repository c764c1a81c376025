"""A family at some points, as its contract is checked there."""

import numpy as np
from scipy import special

from ._base import Family

# Sums over counts end here.
_MOST = 5000


def has(family, method):
    return getattr(type(family), method) is not getattr(Family, method)


class Case:
    """A family at C points: every combination of linear predictors and constants."""

    def __init__(self, family, eta, scale, support, row_data, seed):
        self.family, self.row_data = family, row_data
        self.support = family.support[:2] if support is None else support
        self.lattice = family.support.lattice
        self.limited = np.isfinite(family.limits).any()
        self.n_predictors = len(family.predictors)
        self.names = [part.name for part in (*family.predictors, *family.constants)]
        eta = _points(eta, self.n_predictors, "eta")
        scale = _points(scale, len(family.constants), "scale")
        # Coordinates (E, C, 1): predictors, and logarithms of constants.
        pairs = [np.append(e, np.log(s)) for s in scale for e in eta]
        self.point = np.transpose(pairs)[:, :, None]
        self.rng = np.random.default_rng(seed)
        # Responses (n,) that the family draws.
        self.y = np.unique(self.sample(8))

    def natural(self, predictors, constants):
        """Predictors (L, ...) and constants (S, ...) as the methods take them."""
        parts = predictors, constants if len(constants) else np.ones((1, 1, 1))
        return tuple(part if len(part) > 1 else part[0] for part in parts)

    def arguments(self, point=None, n_rows=1):
        """Linear predictors (..., C, n_rows) and constants at points (E, C, 1)."""
        point = self.point if point is None else point
        predictors, logarithms = np.split(point, [self.n_predictors])
        return self.natural(np.repeat(predictors, n_rows, -1), np.exp(logarithms))

    def moved(self, coordinate, step):
        """The points with one coordinate changed."""
        point = self.point.copy()
        point[coordinate] += step
        return point

    def target(self, y, family=None):
        """What the family, or another one, makes of responses."""
        rows = {name: np.full(len(y), value) for name, value in self.row_data.items()}
        return (family or self.family).target(y, **rows)

    def log_density(self, y, point=None):
        return self.family.log_density(self.target(y), *self.arguments(point))

    def latent_density(self, y, point=None):
        latent = self.family.latent
        return latent.log_density(self.target(y, latent), *self.arguments(point))

    def local(self, y, point=None):
        return self.family.local(self.target(y), *self.arguments(point, len(y)))

    def evaluate(self, y, log_prior):
        arguments = self.arguments(n_rows=len(y))
        return self.family.evaluate(self.target(y), *arguments, log_prior)

    def sample(self, n):
        """Responses (C, n)."""
        arguments = self.arguments(n_rows=n)
        return self.family.sample(*arguments, self.rng, **self.row_data)

    def base(self, y):
        """The part of the log-density that depends on the response alone, (n,)."""
        base = np.asarray(self.family.base(self.target(y)))
        assert base.shape in ((), y.shape[:1]), "base is 0.0 or one number a row"
        return base

    def moment(self, method, *first):
        """Mean, variance, cdf or quantile at the points."""
        return getattr(self.family, method)(*first, *self.arguments(), **self.row_data)

    def nodes(self):
        """Responses and weights by which sums over them are integrals.

        The trapezoidal rule on the whole line converges exponentially after a change
        of variables that makes the integrand vanish at both ends. Limits are single
        responses.
        """
        low, high = np.clip(self.support, *self.family.limits)
        if self.lattice:
            y = np.arange(low, min(high, _MOST) + 1.0)
            return y, np.ones_like(y)
        s, step = np.linspace(-60, 60, 24001, retstep=True)
        if np.isfinite(low) and np.isfinite(high):
            s, width = s * 0.6, high - low
            share = special.expit(s)
            y, slope = low + width * share, width * share * special.expit(-s) * 0.6
        elif np.isfinite(low):
            y, slope = low + np.exp(s), np.exp(s)
        elif np.isfinite(high):
            y, slope = high - np.exp(s), np.exp(s)
        else:
            y, slope = np.sinh(s / 2), 0.5 * np.cosh(s / 2)
        limits = [limit for limit in self.family.limits if np.isfinite(limit)]
        return np.append(y, limits), np.append(slope * step, np.ones(len(limits)))


def _points(values, n_numbers, name):
    """Points (points, n_numbers); a single one if there are no numbers."""
    if not n_numbers:
        return np.empty((1, 0))
    values = np.asarray(values, dtype=float)
    if values.ndim == 1 and n_numbers == 1:
        return values[:, None]
    if values.ndim != 2 or values.shape[1] != n_numbers:
        raise ValueError(
            f"{name} has shape {values.shape}: it must be (points, {n_numbers})."
        )
    return values
