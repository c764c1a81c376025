"""How many rows are in each component, and how certainly."""

from typing import NamedTuple

import numpy as np

from .._criteria import Evidence, sums_over_units
from .._data.groups import check_groups
from .._numerics import log_normalize
from ..predictive._domain import check_possible

# Memberships up to this count as zero, as in R's flexmix.
_ZERO = 1e-4


class Separation(NamedTuple):
    """Evidence of the training data, and what follows for every component."""

    evidence: Evidence
    rows: np.ndarray  # (K,), rows that are most probably of the component
    units: np.ndarray  # (K,), the same of independent units: rows, or groups
    possible: np.ndarray  # (K,), rows with a membership above zero

    @property
    def ratio(self):
        """Rows over possible rows, (K,): 1 where memberships are certain."""
        # A component without any row has no rows that are certain either.
        return self.rows / np.where(self.possible > 0, self.possible, 1.0)


def separation_of(rebuilt):
    """The separation of the components on the rows of positive weight."""
    data, fitted = rebuilt.data, rebuilt.fitted
    groups = check_groups(data.group, data.X)
    weight = in_rows = data.weight
    unit, labels = "row", np.arange(len(weight))
    if groups is not None:
        weight, in_rows = weight[groups.first], groups.sum(weight)
        unit, labels = "group", groups.labels
    sums, counts = np.zeros(3), np.zeros((3, len(fitted.weights)))
    rows = data.X, data.y, groups, data.offset, data.known
    for units, log_joint in fitted.log_joints(*rows):
        kept = weight[units] > 0
        log_joint, here = log_joint[kept], weight[units][kept]
        check_possible(log_joint, unit, labels[units][kept])
        sums += sums_over_units(log_joint, here)
        counts += _counts(log_joint, here, in_rows[units][kept])
    total, n_parameters = float(weight.sum()), rebuilt.estimator.n_parameters_
    found = Evidence(*sums.tolist(), total, counts.shape[1], n_parameters)
    return Separation(found, *counts)


def _counts(log_joint, weight, in_rows):
    """The fields `rows`, `units` and `possible` of `Separation` for some units."""
    member = np.eye(log_joint.shape[1])[log_joint.argmax(axis=1)]
    possible = np.exp(log_normalize(log_joint)) > _ZERO
    return np.array([in_rows @ member, weight @ member, in_rows @ possible])
