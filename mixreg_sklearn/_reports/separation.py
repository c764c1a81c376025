"""How many rows are in each component, and how certainly."""

from typing import NamedTuple

import numpy as np

from .._criteria import Evidence
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
    kept = np.flatnonzero(rebuilt.data.weight > 0)
    data = rebuilt.data.take(kept)
    groups = check_groups(data.group, data.X)
    log_joint = rebuilt.fitted.log_joint(data.X, data.y, groups, data.offset)
    weight, in_rows = data.weight, data.weight
    if groups is None:
        check_possible(log_joint, "row", kept)
    else:
        check_possible(log_joint, "group", groups.labels)
        weight, in_rows = weight[groups.first], groups.sum(weight)
    member = np.eye(log_joint.shape[1])[log_joint.argmax(axis=1)]
    possible = np.exp(log_normalize(log_joint)) > _ZERO
    return Separation(
        Evidence(log_joint, weight, rebuilt.estimator.n_parameters_),
        in_rows @ member,
        weight @ member,
        in_rows @ possible,
    )
