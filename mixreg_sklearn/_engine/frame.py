"""What turns rows into those of the engine: designs, origin and unit of responses."""

from typing import NamedTuple

import numpy as np

from .design import Design
from .margins import Margins, margins_of
from .sparse_design import SparseDesign, SparseMargins, sparse_margins_of


class Frame(NamedTuple):
    """The engine's frame of reference.

    Attributes
    ----------
    design : Design or SparseDesign
        Of the regressions.
    gate_design : Design
        Of the gate.
    origin, unit : float
        ``y = origin + unit * response``.
    least : float
        Least scale, in the units of the engine, that responses of their resolution
        support.
    inflation : float
        Row weights of the engine over those of the user: one, unless the weights sum to
        less than the number of rows and so cannot be counts of rows.
    """

    design: Design | SparseDesign
    gate_design: Design
    origin: float
    unit: float
    least: float
    inflation: float


class Facts(NamedTuple):
    """What a Frame needs to know of all rows. Facts add.

    Attributes
    ----------
    n_rows, n_units : int
    weight, unit_weight : float
        Sums over rows and over units.
    origin, unit : float
        Of responses, by `Family.units`.
    resolution : float
        Of responses, by `Family.resolution`.
    densities : float
        Weight of the rows whose likelihood is a density, by `Family.has_density`.
    regression : Margins or SparseMargins
        Of the features of the regressions.
    gating : Margins
        Of the features of the gate.
    """

    n_rows: int
    n_units: int
    weight: float
    unit_weight: float
    origin: float
    unit: float
    resolution: float
    densities: float
    regression: Margins | SparseMargins
    gating: Margins

    def without_features(self):
        """The same of rows without features."""
        none = np.zeros(0)
        margins = Margins(self.weight, none, none, np.zeros((0, 0)))
        return self._replace(regression=margins, gating=margins)

    def __add__(self, other):
        weight = self.weight + other.weight
        mine, theirs = self.weight / weight, other.weight / weight
        apart = other.origin - self.origin
        # As variances add: a mean and a standard deviation, or two constants.
        inner = np.sqrt(mine) * self.unit, np.sqrt(theirs) * other.unit
        unit = np.hypot(np.hypot(*inner), np.sqrt(mine * theirs) * apart)
        return Facts(
            self.n_rows + other.n_rows,
            self.n_units + other.n_units,
            weight,
            self.unit_weight + other.unit_weight,
            self.origin + theirs * apart,
            float(unit),
            min(self.resolution, other.resolution),
            self.densities + other.densities,
            self.regression + other.regression,
            self.gating + other.gating,
        )


def facts_of(table):
    """The Facts of a Table."""
    family, structure = table.structure.family, table.structure
    y = table.y if table.offset is None else table.y - table.offset
    unit_weight, features = table.unit_weight, table.regression
    if features.sparse:
        regression = sparse_margins_of(features, table.weight)
    else:
        centered = bool(structure.fit_intercept)
        regression = margins_of(features, table.weight, centered)
    return Facts(
        table.n_rows,
        len(unit_weight),
        float(table.weight.sum()),
        float(unit_weight.sum()),
        *family.units(y, table.weight, structure.fit_intercept),
        family.resolution(table.data.y),
        float((table.weight * family.has_density(table.y)).sum()),
        regression,
        margins_of(table.gating, unit_weight, True),
    )


def make_frame(facts, fit_intercept):
    """The Frame from the Facts of all rows."""
    design = facts.regression.design(facts.n_rows, fit_intercept)
    if not design.n_columns:
        raise ValueError(
            "X has no column that differs from zero, and fit_intercept=False: there"
            " is no regression to fit."
        )
    return Frame(
        design,
        facts.gating.design(facts.n_units, True),
        facts.origin,
        facts.unit,
        facts.resolution / facts.unit,
        max(1.0, facts.n_rows / facts.weight),
    )
