"""Base of families of location and scale, whose responses may be bounds."""

from abc import abstractmethod

import numpy as np

from ._base import Evaluation, Family, Local
from ._gaussian import Gaussian
from ._intervals import parts_of
from ._support import Constant


class LocationScale(Family):
    r"""Base of families with :math:`g(Y) = \eta + \sigma W` and censored responses.

    `line` is g, `errors` the distribution of W. Responses are exact, (n,), or have two
    bounds, (n, 2): equal where they are exact, infinite where one side is open. The
    target is always that of bounds on the line, (2, n).
    """

    constants = (Constant("scale", collapses=True),)
    response_columns = 2
    # A component whose rows are all beyond a limit goes away from it for ever.
    endless = True

    @property
    @abstractmethod
    def errors(self):
        """Distribution of W, an `Errors`."""

    def readable(self, y):
        return ~np.isnan(y)

    def bounds(self, y):
        return np.stack([y, y]) if np.ndim(y) == 1 else np.asarray(y).T

    def check_target(self, y):
        lower, upper = self.bounds(y)
        _refuse(lower > upper, lower, upper, "its lower bound exceeds its upper bound")
        no_bound = (lower == np.inf) | (upper == -np.inf)
        _refuse(no_bound, lower, upper, "its response is infinite")

    def check_together(self, y):
        lower, upper = y
        for bound, side in ((lower, "above"), (upper, "below")):
            if np.isinf(bound).all():
                raise ValueError(
                    f"y: no row has a bound {_OTHER[side]}, as all are censored"
                    f" {_OTHER[side]} or open, so that the likelihood has no maximum:"
                    " some responses must be exact, or between two bounds."
                )

    def check_drawn(self, y):
        if np.isinf(self.limits).all() and not self.has_density(y).all():
            raise ValueError(
                "Responses are censored, and how is not part of the model: none can be"
                " drawn that are like them. Bootstrap rows (method='case'), or give"
                " limits to Censored."
            )

    # The bounds of a response.
    target_rows = 2

    def target(self, y, **row_data):
        super().target(y, **row_data)
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.line(self.bounds(y))

    def has_density(self, y):
        return y[0] == y[1]

    def units(self, y, weight, fit_intercept):
        known = np.isfinite(y).any(axis=0)
        points = self.initial(y)[known]
        return Gaussian().units(points, weight[known], fit_intercept)

    def initial(self, y):
        return _middle(*y)

    def points(self, y):
        return _middle(*self.bounds(y))

    def evaluate(self, y, eta, scale, log_prior):
        at, errors = parts_of(self.errors, *y, eta, scale), self.errors
        exact = np.flatnonzero(y[0] == y[1])
        bend = at.location_location
        information = np.maximum(-bend, np.abs(at.location) / errors.reach)
        information[..., exact] = errors.information(bend[..., exact])
        statistic = at.scale, at.scale_scale
        log_joint = at.value + log_prior
        return Evaluation(log_joint, at.location, information, 1 / scale, statistic)

    def local(self, y, eta, scale):
        at = parts_of(self.errors, *y, eta, scale)
        return Local(
            at.value,
            (at.location / scale, at.scale),
            (
                at.location_location / scale**2,
                at.location_scale / scale,
                at.scale_scale,
            ),
        )

    def log_density(self, y, eta, scale):
        lower, upper = y
        impossible = (lower == upper) & np.isinf(lower) | np.isnan(lower)
        y = np.where(impossible, 0.0, y)
        with np.errstate(all="ignore"):
            value = self.base(y) + self.log_kernel(y, eta, scale)
        return np.where(impossible, -np.inf, value)


def _middle(lower, upper):
    """The response, the middle between its bounds, or the only bound there is."""
    low = np.where(np.isfinite(lower), lower, upper)
    high = np.where(np.isfinite(upper), upper, lower)
    middle = low + 0.5 * (high - low)
    return np.where(np.isfinite(middle), middle, 0.0)


_OTHER = {"above": "below", "below": "above"}


def _refuse(wrong, lower, upper, why):
    """Raise ValueError for rows that are no pair of bounds."""
    if np.any(wrong):
        row = int(np.argmax(wrong))
        raise ValueError(
            f"y: row {row} is ({lower[row]:g}, {upper[row]:g}): {why}. Such rows:"
            f" {np.sum(wrong)}."
        )
