"""What turns rows into those of the engine: designs, origin and unit of responses."""

from typing import NamedTuple

import numpy as np

from .._data.data import each_once
from .._data.known import components_in
from .design import Design
from .margins import Margins, margins_of
from .sparse_design import SparseDesign, SparseMargins, sparse_margins_of


class Frame(NamedTuple):
    """The engine's frame of reference.

    Attributes
    ----------
    designs : tuple of L Design or SparseDesign
        Of every predictor, one object where features are the same.
    gate_design : Design
        Of the gate.
    origin, unit : float
        ``y = origin + unit * response``.
    least : float
        Least scale, in the units of the engine, that responses of their resolution
        support.
    bounds : tuple of float
        Least and greatest response.
    inflation : float
        Row weights of the engine over those of the user: one, unless the weights sum to
        less than the number of rows and so cannot be counts of rows.
    """

    designs: tuple[Design | SparseDesign, ...]
    gate_design: Design
    origin: float
    unit: float
    least: float
    bounds: tuple[float, float]
    inflation: float

    @property
    def design(self):
        """That of the first predictor, the regressions."""
        return self.designs[0]


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
    bounds : tuple of float
        Least and greatest response.
    known : frozenset of int
        Components that something is known of.
    densities : float
        Weight of the rows whose likelihood is a density, by `Family.has_density`.
    features : tuple of L Margins or SparseMargins
        Of the features of every predictor, one object where they are the same.
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
    bounds: tuple[float, float]
    known: frozenset
    densities: float
    features: tuple[Margins | SparseMargins, ...]
    gating: Margins

    def without_features(self):
        """The same of rows without features."""
        none = np.zeros(0)
        margins = Margins(self.weight, none, none, np.zeros((0, 0)))
        features = (margins,) * len(self.features)
        return self._replace(features=features, gating=margins)

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
            (
                min(self.bounds[0], other.bounds[0]),
                max(self.bounds[1], other.bounds[1]),
            ),
            self.known | other.known,
            self.densities + other.densities,
            _added(self.features, other.features),
            self.gating + other.gating,
        )


def _added(mine, theirs):
    """Sums of the margins of every predictor."""
    beside = {id(one): other for one, other in zip(mine, theirs, strict=True)}
    return each_once(lambda one: one + beside[id(one)], mine)


def facts_of(table):
    """The Facts of a Table."""
    family, structure = table.structure.family, table.structure
    y, offset = table.y, table.offset
    y = y if offset is None else family.in_units(y, offset, 1.0)
    response = table.y if table.y.ndim == 1 else table.y[0]
    unit_weight, centered = table.unit_weight, bool(structure.fit_intercept)

    def margins(features):
        if features.sparse:
            return sparse_margins_of(features, table.weight)
        return margins_of(features, table.weight, centered)

    return Facts(
        table.n_rows,
        len(unit_weight),
        float(table.weight.sum()),
        float(unit_weight.sum()),
        *family.units(y, table.weight, structure.fit_intercept),
        family.resolution(table.data.y),
        (float(response.min()), float(response.max())),
        components_in(table.known, structure.n_shares),
        float((table.weight * family.has_density(table.y)).sum()),
        each_once(margins, table.features),
        margins_of(table.gating, unit_weight, True),
    )


def make_frame(facts, fit_intercept):
    """The Frame from the Facts of all rows."""
    first = facts.features[0]

    def design(margins):
        # A further predictor without features is an intercept alone.
        alone = margins is not first and not len(margins.largest)
        return margins.design(facts.n_rows, fit_intercept or alone)

    designs = each_once(design, facts.features)
    if not designs[0].n_columns:
        raise ValueError(
            "X has no column that differs from zero, and fit_intercept=False: there"
            " is no regression to fit."
        )
    return Frame(
        designs,
        facts.gating.design(facts.n_units, True),
        facts.origin,
        facts.unit,
        facts.resolution / facts.unit,
        facts.bounds,
        max(1.0, facts.n_rows / facts.weight),
    )
