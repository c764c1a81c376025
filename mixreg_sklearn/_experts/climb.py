"""Passes of EM, until memberships or the likelihood settle."""

from typing import NamedTuple

import numpy as np

from .._blas import threads_for_fits
from .mixture import Pass, run_pass, standing

# Passes after which a log-likelihood that has not risen is not expected to.
_PATIENCE = 5


class Limits(NamedTuple):
    """When passes stop."""

    max_iter: int
    tol: float


class Climb(NamedTuple):
    """A run of passes, and the pass that is kept."""

    last: Pass
    given: np.ndarray  # (U, K), the memberships that estimators were fitted to
    change: float  # see `climb`
    settled: bool  # whether the change is below the tolerance
    stopped: bool  # whether passes ended before their number did
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
    """Passes from memberships (U, K). -> Climb.

    Where the rows of a fit are predicted themselves, EM is exact for estimators that
    maximize the likelihood. The change is what the log-likelihood still has to gain, in
    nats, by the geometric series of its last gains, and the last pass is kept.

    With folds there is no objective that has to rise, and memberships of estimators
    that jump, such as trees, never quite settle. The change is the mean total variation
    distance between memberships before and after a pass. Passes also stop when the
    log-likelihood has not risen by `tol` nats for each unit in five of them, and the
    one where it is highest is kept.
    """
    with threads_for_fits(len(rows.y)):
        return _climb(model, rows, memberships, limits, report)


def _climb(model, rows, memberships, limits, report):
    path, kept, folded = [], None, rows.fold is not None
    weight = rows.weight[rows.first]
    for _ in range(limits.max_iter):
        found = run_pass(model, rows, memberships)
        path.append(found.log_likelihood)
        moved = distance(memberships, found.memberships, weight)
        change = moved if folded else remaining(path)
        now = Climb(found, memberships, change, change < limits.tol, False, path)
        higher = kept is None or standing(found) >= standing(kept.last)
        if higher or now.settled or not folded:
            kept = now
        memberships = found.memberships
        if report is not None:
            report(len(path), found.log_likelihood, change)
        idle = folded and in_vain(path, limits.tol * weight.sum())
        if now.settled or idle:
            kept = kept._replace(stopped=True)
            break
    return kept._replace(path=np.array(path))


def in_vain(path, least):
    """Whether the last passes have not raised the log-likelihood by at least this."""
    before, last = path[:-_PATIENCE], path[-_PATIENCE:]
    return bool(before) and max(last) < max(before) + least


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
