"""Where a family is tried: points of predictors and constants, and responses."""

import numpy as np
from scipy import special

# Counts are summed up to here.
_MOST = 5000


class Case:
    """A family at C points: every combination of linear predictors and constants.

    Attributes
    ----------
    names : list of str
        Of the E coordinates.
    point : ndarray of shape (E, C, 1)
        Coordinates: predictors, and logarithms of constants.
    y : ndarray of shape (n,)
        Responses that the family draws.
    """

    def __init__(self, family, eta, scale, support, row_data, seed):
        self.family, self.row_data = family, row_data
        self.support = family.support[:2] if support is None else support
        self.lattice = family.support.lattice
        self.n_predictors = len(family.predictors)
        self.names = [part.name for part in (*family.predictors, *family.constants)]
        eta = _points(eta, self.n_predictors, "eta")
        scale = _points(scale, len(family.constants), "scale")
        pairs = [np.append(e, np.log(s)) for s in scale for e in eta]
        self.point = np.transpose(pairs)[:, :, None]
        self.rng = np.random.default_rng(seed)
        arguments = self.full(np.empty(8))
        self.y = np.unique(family.sample(*arguments, self.rng, **row_data))

    def natural(self, predictors, constants):
        """Predictors (L, ...) and constants (S, ...) as the methods take them."""
        if not len(constants):
            constants = np.ones((1, 1, 1))
        return tuple(
            values if len(values) > 1 else values[0]
            for values in (predictors, constants)
        )

    def arguments(self, point=None):
        """Linear predictors and constants at points (E, C, 1)."""
        point = self.point if point is None else point
        return self.natural(
            point[: self.n_predictors], np.exp(point[self.n_predictors :])
        )

    def full(self, y, point=None):
        """Arguments at points, the linear predictors of full shape (..., C, n)."""
        eta, scale = self.arguments(point)
        return np.repeat(eta, len(y), axis=-1), scale

    def moved(self, coordinate, step):
        """The points with one coordinate changed."""
        point = self.point.copy()
        point[coordinate] += step
        return point

    def target(self, y):
        """What the family makes of responses."""
        rows = {name: np.full(len(y), value) for name, value in self.row_data.items()}
        return self.family.target(y, **rows)

    def log_density(self, y, point=None):
        return self.family.log_density(self.target(y), *self.arguments(point))

    def local(self, y, point=None):
        return self.family.local(self.target(y), *self.full(y, point))

    def evaluate(self, y, log_prior):
        arguments = self.full(y)
        return self.family.evaluate(self.target(y), *arguments, log_prior)

    def base(self, y):
        """The response's own part of the log-density, (n,)."""
        base = np.asarray(self.family.base(self.target(y)))
        assert base.shape in ((), y.shape), "base is 0.0 or one number a row"
        return base

    def moment(self, method):
        """Mean, variance, cdf or quantile of the points, as a function of the rest."""

        def values(*first):
            function = getattr(self.family, method)
            return function(*first, *self.arguments(), **self.row_data)

        return values

    def nodes(self):
        """Responses and weights by which sums over them are integrals.

        The trapezoidal rule on the whole line converges exponentially after a change
        of variables that makes the integrand die out at both ends.
        """
        low, high = self.support
        if self.lattice:
            y = np.arange(low, min(high, _MOST) + 1.0)
            return y, np.ones_like(y)
        s, step = np.linspace(-60, 60, 24001, retstep=True)
        if np.isfinite(low) and np.isfinite(high):
            s = s * 0.6
            y, slope = special.expit(s), special.expit(s) * special.expit(-s) * 0.6
            y, slope = low + (high - low) * y, (high - low) * slope
        elif np.isfinite(low):
            y, slope = low + np.exp(s), np.exp(s)
        elif np.isfinite(high):
            y, slope = high - np.exp(s), np.exp(s)
        else:
            y, slope = np.sinh(s / 2), 0.5 * np.cosh(s / 2)
        return y, slope * step


def _points(values, n_numbers, name):
    """Points (points, n_numbers), of no number a single one."""
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
