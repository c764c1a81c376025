"""Backgrounds: a component without a regression.

It is for outliers, surplus zeros, or those who never fail.
"""

from typing import NamedTuple

import numpy as np


class Uniform(NamedTuple):
    """The same density everywhere.

    It is that of the uniform distribution between two bounds. For memberships it goes
    on beyond them, as an outlier is one however far away it is.
    """

    lower: float
    upper: float
    lattice: bool  # whether responses are counts

    @property
    def size(self):
        """Length of the range, or the number of counts in it."""
        return self.upper - self.lower + self.lattice

    def log_density(self, target):
        """Log-densities of responses, from what the family makes of them."""
        return np.full(np.shape(response_in(target)), -np.log(self.size))

    def has(self, y):
        """Where responses are possible."""
        return (y >= self.lower) & (y <= self.upper)

    def cdf(self, y):
        """Probabilities of responses up to `y`."""
        y = np.floor(y) + 1 if self.lattice else y
        return np.clip((y - self.lower) / self.size, 0.0, 1.0)

    def sf(self, y):
        """Probabilities of responses above `y`."""
        return 1.0 - self.cdf(y)

    def quantile(self, u):
        """Smallest responses whose cdf is at least `u`."""
        y = self.lower + np.multiply(u, self.size)
        if self.lattice:
            # A level that is a multiple of a probability, to rounding, is reached.
            y = np.maximum(np.ceil(y - 1e-9 * self.size) - 1, self.lower)
        return y

    @property
    def mean(self):
        return 0.5 * (self.lower + self.upper)

    @property
    def variance(self):
        return (self.size**2 - self.lattice) / 12


class Zero(NamedTuple):
    """All probability at zero."""

    lower: float = 0.0
    upper: float = 0.0
    lattice: bool = True

    def log_density(self, target):
        """Log-probabilities of responses, from what the family makes of them."""
        return np.where(np.equal(response_in(target), 0), 0.0, -np.inf)

    def has(self, y):
        """Where responses are possible."""
        return np.equal(y, 0)

    def cdf(self, y):
        """Probabilities of responses up to `y`."""
        return np.where(np.less(y, 0), 0.0, 1.0)

    def sf(self, y):
        """Probabilities of responses above `y`."""
        return 1.0 - self.cdf(y)

    def quantile(self, u):
        """Smallest responses whose cdf is at least `u`."""
        return np.zeros(np.shape(u))

    mean, variance = 0.0, 0.0


class Cured(NamedTuple):
    """All probability at infinity: lifetimes that never end."""

    lower: float = np.inf
    upper: float = np.inf
    lattice: bool = False

    def log_density(self, target):
        """Log-probabilities of what is known, from bounds of responses, (2, ...)."""
        endless = np.isposinf(target[1]) & (target[0] != target[1])
        return np.where(endless, 0.0, -np.inf)

    def has(self, y):
        """Where responses are possible."""
        return np.isposinf(y)

    def cdf(self, y):
        """Probabilities of responses up to `y`."""
        return 1.0 * np.isposinf(y)

    def sf(self, y):
        """Probabilities of responses above `y`."""
        return 1.0 - self.cdf(y)

    def quantile(self, u):
        """Smallest responses whose cdf is at least `u`."""
        return np.full(np.shape(u), np.inf)

    mean, variance = np.inf, 0.0


def response_in(target):
    """Responses as they are in a target, whose row data follow them."""
    target = np.asarray(target)
    return target if target.ndim < 2 else target[0]


def check_background(kind, family):
    """Raise ValueError where a family admits no such background."""
    support = family.support
    if kind == "zero" and not (support.lattice and support.lower == 0):
        raise ValueError(
            "background='zero' is for counts, where zero has a probability; got"
            f" family={family!r}."
        )
    if kind == "cured":
        if family.response_columns != 2 or support.lower != 0:
            raise ValueError(
                "background='cured' is for lifetimes, some of which are censored; got"
                f" family={family!r}."
            )
        return
    exact = family.response_columns == 1 and family.latent is family
    if kind is not None and not exact:
        raise ValueError(
            f"background={kind!r} is for responses that are seen exactly, one for each"
            f" row; got family={family!r}."
        )


def make_background(kind, bounds, family):
    """The background of a kind, or None, for responses between `bounds`."""
    if kind != "uniform":
        return {None: None, "zero": Zero(), "cured": Cured()}[kind]
    lower, upper = map(float, bounds)
    if lower == upper and not family.support.lattice:
        raise ValueError(
            "background='uniform' is a density over the range of y, but y has a single"
            f" value, {lower:g}."
        )
    return Uniform(lower, upper, family.support.lattice)
