"""Passes of EM, until memberships or the likelihood settle."""

from typing import NamedTuple

import numpy as np

from .._blas import threads_for_fits
from .mixture import Pass, run_pass


class Limits(NamedTuple):
    """When passes stop."""

    max_iter: int
    tol: float


class Climb(NamedTuple):
    """A run of passes, and where it ended."""

    last: Pass
    given: np.ndarray  # (U, K), the memberships that estimators were fitted to
    change: float  # see `climb`
    settled: bool  # whether the change is below the tolerance
    path: np.ndarray  # log-likelihoods of the passes

    def reordered(self, order):
        """The same with components in another order."""
        last = self.last._replace(
            memberships=self.last.memberships[:, order],
            weights=self.last.weights[order],
            scale=self.last.scale[order],
        )
        return self._replace(last=last, given=self.given[:, order])


def climb(model, rows, memberships, limits, report=None):
    """Passes from memberships (U, K), until the change is less than the tolerance.

    The change is what the log-likelihood still has to gain, in nats, by the geometric
    series of its last gains, where the rows of a fit are predicted themselves, so that
    EM is exact for estimators that maximize the likelihood. With folds, it is the mean
    total variation distance between memberships before and after a pass.
    """
    exact, path, change = rows.fold is None, [], np.inf
    weight = rows.weight[rows.first]
    for _ in range(limits.max_iter):
        with threads_for_fits(len(rows.y)):
            found = run_pass(model, rows, memberships)
        path.append(found.log_likelihood)
        if exact:
            change = remaining(path)
        else:
            change = distance(memberships, found.memberships, weight)
        given, memberships = memberships, found.memberships
        if report is not None:
            report(len(path), found.log_likelihood, change)
        if change < limits.tol:
            break
    return Climb(found, given, change, change < limits.tol, np.array(path))


def remaining(path):
    """What a log-likelihood still gains if its gains go on shrinking as the last two.

    It is infinite before there are two gains, and where they do not shrink.
    """
    if len(path) < 3:
        return np.inf
    before, gain = np.abs(np.diff(path[-3:]))
    if gain == 0:
        return 0.0
    return gain * gain / (before - gain) + gain if gain < before else np.inf


def distance(ours, theirs, weight):
    """Mean total variation distance of memberships (U, K), from 0 to 1."""
    each = 0.5 * np.abs(ours - theirs).sum(axis=1)
    return float(weight @ each / weight.sum())
