"""A mixture of regressions written from docs/model.md, with numpy and scipy alone.

It shares no code with the package: textbook densities, log-sum-exp over components,
derivatives by differences. Everything takes a batch of parameters, with leading axes
``(...)``, so that differences and searches cost few calls.
"""

from typing import NamedTuple

import numpy as np
from scipy import optimize, special

LINKS = {
    "identity": lambda eta: eta,
    "log": np.exp,
    "inverse": lambda eta: 1 / eta,
    "logit": special.expit,
    "probit": special.ndtr,
    "cloglog": lambda eta: -np.expm1(-np.exp(eta)),
}


# Densities ------------------------------------------------------------------------


def gaussian(y, mean, phi, trials):
    return -0.5 * np.log(2 * np.pi * phi**2) - (y - mean) ** 2 / (2 * phi**2)


def poisson(y, mean, phi, trials):
    return special.xlogy(y, mean) - mean - special.gammaln(y + 1)


def negative_binomial(y, mean, phi, trials):
    # Gamma(y + a) / (Gamma(a) a^y) is a product of y factors 1 + j / a, which is exact
    # where a = phi^-2 is very large.
    steps = np.log1p(np.arange(y.max() + 1) * phi[..., 0, :, None] ** 2)
    steps = np.cumsum(steps, axis=-1) - steps
    steps = np.moveaxis(steps[..., y.astype(int)], -1, -2)
    rest = (y[:, None] + phi**-2.0) * np.log1p(mean * phi**2)
    y = y[:, None]
    return steps + special.xlogy(y, mean) - rest - special.gammaln(y + 1)


def gamma(y, mean, phi, trials):
    shape, rate = phi**-2.0, 1 / (phi**2 * mean)
    power = shape * np.log(rate) - special.gammaln(shape)
    return power + (shape - 1) * np.log(y) - rate * y


def inverse_gaussian(y, mean, phi, trials):
    deviance = (y - mean) ** 2 / (mean**2 * y)
    return -0.5 * (np.log(2 * np.pi * phi**2 * y**3) + deviance / phi**2)


def beta(y, mean, phi, trials):
    a, b = mean / phi**2, (1 - mean) / phi**2
    return (a - 1) * np.log(y) + (b - 1) * np.log1p(-y) - special.betaln(a, b)


def binomial(y, mean, phi, trials):
    ways = special.gammaln(trials + 1) - special.gammaln(y + 1)
    ways = ways - special.gammaln(trials - y + 1)
    return ways + special.xlogy(y, mean) + special.xlog1py(trials - y, -mean)


def student_t(y, mean, phi, df):
    z = (y - mean) / phi
    # log Gamma((df + 1) / 2) - log Gamma(df / 2), which cancels where df is large.
    factor = -special.betaln(0.5 * df, 0.5) - 0.5 * np.log(df) - np.log(phi)
    return factor - 0.5 * (df + 1) * np.log1p(z**2 / df)


def weibull(y, log_time, phi, shape):
    """Of bounds of times (n, 2): equal, or the second one infinite."""
    time, exact = y[:, :1], y[:, :1] == y[:, 1:]
    w = (np.log(time) - log_time) / phi
    return np.where(exact, w - np.log(phi) - np.log(time), 0.0) - np.exp(w)


def zero_inflated_poisson(y, mean, phi, inflation):
    return inflated(y[:, None], poisson(y[:, None], mean, phi, None), inflation)


def zero_inflated_negative_binomial(y, mean, phi, inflation):
    return inflated(y[:, None], negative_binomial(y, mean, phi, None), inflation)


def inflated(y, log_counts, inflation):
    others = np.log1p(-inflation) + log_counts
    return np.where(y == 0, np.logaddexp(np.log(inflation), others), others)


DENSITIES = {
    f.__name__: f
    for f in (gaussian, poisson, gamma, inverse_gaussian, beta, binomial, student_t)
}
# Of responses (n,), or bounds of them (n, 2).
OF_ROWS = {
    f.__name__: f
    for f in (
        negative_binomial,
        weibull,
        zero_inflated_poisson,
        zero_inflated_negative_binomial,
    )
}
POSITIVE = ("poisson", "negative_binomial", "gamma", "inverse_gaussian")


def log_density(family, link, y, eta, phi, further=None):
    """``log f_k(y_i)`` (..., n, K) at predictors (..., n, K), scales (..., 1, K).

    `further` are trials (n,), or numbers (..., 1, K) of the components. Zero density
    where a mean that has to be positive is not.
    """
    outside = eta <= 0 if link in ("identity", "inverse") else np.zeros(1, dtype=bool)
    outside = outside & (family in POSITIVE)
    with np.errstate(over="ignore"):  # predictors without bounds, where shares are one
        mean = LINKS[link](np.where(outside, 1.0, eta))
    if family in OF_ROWS:
        value = OF_ROWS[family](y, mean, phi, further)
    else:
        further = further[:, None] if np.ndim(further) == 1 else further
        value = DENSITIES[family](y[:, None], mean, phi, further)
    return np.where(outside, -np.inf, value)


# Mixtures -------------------------------------------------------------------------


class Values(NamedTuple):
    """Parameters, with leading axes of a batch; the gate's are log-odds, first zero."""

    intercept: np.ndarray  # (..., K)
    coef: np.ndarray  # (..., K, d)
    log_scale: np.ndarray  # (..., K)
    odds: np.ndarray  # (..., K)
    odds_coef: np.ndarray  # (..., K, d)
    log_shape: np.ndarray  # (..., K), of degrees of freedom, or an inflation


class Data(NamedTuple):
    """Rows, and the model apart from its parameters."""

    family: str
    link: str
    X: np.ndarray  # (n, d)
    y: np.ndarray  # (n,), or bounds (n, 2)
    weight: np.ndarray  # (n,)
    offset: np.ndarray  # (n,)
    group: np.ndarray  # (n,), numbers 0, 1, ... of the groups
    trials: np.ndarray | None  # (n,)

    def log_joint(self, values):
        """``log pi_k + sum_i log f_k(y_i)`` of groups, (..., G, K)."""
        eta = self.X @ np.swapaxes(values.coef, -1, -2) + values.intercept[..., None, :]
        eta = eta + self.offset[:, None]
        phi = np.exp(values.log_scale)[..., None, :]
        further = self.trials
        if further is None:
            further = np.exp(values.log_shape)[..., None, :]
        rows = log_density(self.family, self.link, self.y, eta, phi, further)
        order = np.argsort(self.group, kind="stable")
        first = np.unique(self.group, return_index=True)[1]
        starts = np.searchsorted(self.group[order], np.arange(len(first)))
        total = np.add.reduceat(rows[..., order, :], starts, axis=-2)
        odds = self.X[first] @ np.swapaxes(values.odds_coef, -1, -2)
        odds = odds + values.odds[..., None, :]
        return total + odds - special.logsumexp(odds, axis=-1, keepdims=True)

    def log_likelihood(self, values):
        first = np.unique(self.group, return_index=True)[1]
        each = special.logsumexp(self.log_joint(values), axis=-1)
        counts = self.weight[first] > 0
        return each[..., counts] @ self.weight[first][counts]

    def posterior(self, values):
        """Memberships of groups, (G, K)."""
        return special.softmax(self.log_joint(values), axis=-1)


# Free parameters ------------------------------------------------------------------


class Space(NamedTuple):
    """Free parameters: all parameters are ``base + free @ basis``."""

    base: Values
    basis: list  # of Values, one for each free parameter

    def values(self, free):
        """Values at free parameters (..., m)."""
        return Values(
            *(
                base + np.tensordot(free, np.stack(columns), axes=1)
                for base, columns in zip(
                    self.base, zip(*self.basis, strict=True), strict=True
                )
            )
        )

    def free(self, values):
        """Free parameters of values in the space, by least squares."""
        matrix = np.array([_flat(one) for one in self.basis])
        return np.linalg.lstsq(matrix.T, _flat(values) - _flat(self.base))[0]


def _flat(values):
    return np.concatenate([np.ravel(part) for part in values])


def space(K, d, *, scales, regression, gate, shapes=0):
    """The space of a mixture without constraints between fields.

    Parameters
    ----------
    scales : {0, 1, K}
        Number of free scales.
    regression : list
        For each place, the intercept and the features, a list of the sets of components
        that have one free coefficient, or the values (K,) that are held, NaN for free.
    gate : list of int
        Features of the gate.
    shapes : {0, K}
        Number of free shapes.
    """
    base = Values(*(np.zeros(s) for s in ((K,), (K, d), (K,), (K,), (K, d), (K,))))
    basis = []

    def direction(field, *places):
        one = Values(*map(np.zeros_like, base))
        for place in places:
            getattr(one, field)[place] = 1.0
        basis.append(one)

    for place, rule in enumerate(regression):
        of = (lambda k: k) if place == 0 else (lambda k, j=place - 1: (k, j))
        field = "intercept" if place == 0 else "coef"
        if isinstance(rule, list):
            for part in rule:
                direction(field, *map(of, part))
            continue
        for k, value in enumerate(rule):
            if np.isnan(value):
                direction(field, of(k))
            else:
                getattr(base, field)[of(k)] = value
    for part in [range(K)] if scales == 1 else [[k] for k in range(scales)]:
        direction("log_scale", *part)
    for k in range(shapes):
        direction("log_shape", k)
    for k in range(1, K):
        direction("odds", k)
        for j in gate:
            direction("odds_coef", (k, j))
    return Space(base, basis)


# Derivatives and maxima -----------------------------------------------------------

_STENCIL = {1: 2 / 3, -1: -2 / 3, 2: -1 / 12, -2: 1 / 12}


def gradient(function, x, step):
    """Differences of fourth order of a function of a batch (..., m) -> (...).

    `step` is a number, or one for each of the coordinates `x` (m,).
    """
    moves = step * np.eye(len(x))
    return sum(c * function(x + m * moves) for m, c in _STENCIL.items()) / step


def hessian(function, x, step):
    """Differences of second order, like `gradient`, all points in one batch."""
    moves = step * np.eye(len(x))
    signs = [(a, b) for a in (1, -1) for b in (1, -1)]
    points = [x + a * moves[:, None] + b * moves for a, b in signs]
    total = sum(a * b * function(p) for (a, b), p in zip(signs, points, strict=True))
    return total / (4 * np.outer(np.diag(moves), np.diag(moves)))


def highest(function, x):
    """The highest value that a quasi-Newton method finds from `x`."""
    steps = 1e-6 * np.vstack([np.zeros(len(x)), np.eye(len(x)), -np.eye(len(x))])

    def falling(z):
        values = -function(z + steps)
        values = np.where(np.isfinite(values), values, 1e10)
        _, up, down = np.split(values, [1, len(z) + 1])
        return values[0], (up - down) / 2e-6

    return -optimize.minimize(falling, x, jac=True, method="L-BFGS-B").fun
