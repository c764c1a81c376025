"""What turns rows into those of the engine: designs, origin and unit of responses."""

from typing import NamedTuple

import numpy as np

from .._background import Cured, Uniform, Zero, make_background, response_in
from .._data.data import each_once
from .._data.known import components_in
from .design import Design
from .margins import Margins, margins_of
from .sparse_design import SparseDesign, SparseMargins, sparse_margins_of
from .standard_design import StandardDesign


class Frame(NamedTuple):
    """The engine's frame of reference.

    Attributes
    ----------
    designs : tuple of L Design or SparseDesign
        Of every predictor, one object where features are the same.
    gate_design : Design or StandardDesign
        Of the gate.
    origin, unit : ndarray of shape (m,)
        Of each response: ``y = origin + unit * response``.
    least : ndarray of shape (m,)
        Least scales, in the units of the engine, that responses of their resolution
        support.
    background : Uniform, Zero, Cured or None
    inflation : float
        Row weights of the engine over those of the user: one, unless the weights sum to
        less than the number of rows and so cannot be counts of rows.
    deviations : tuple of L ndarray of shape (d,)
        Standard deviations of the features of every predictor, or root mean squares
        without an intercept; zero for a constant.
    """

    designs: tuple[Design | SparseDesign, ...]
    gate_design: Design | StandardDesign
    origin: np.ndarray
    unit: np.ndarray
    least: np.ndarray
    background: Uniform | Zero | Cured | None
    inflation: float
    deviations: tuple[np.ndarray, ...]

    @property
    def design(self):
        """That of the first predictor, the regressions."""
        return self.designs[0]

    @property
    def moved(self):
        """Whether responses have another origin or unit than the user's."""
        return self.origin.any() or (self.unit != 1.0).any()


class Facts(NamedTuple):
    """What a Frame needs to know of all rows. Facts add.

    Attributes
    ----------
    n_rows, n_units : int
    weight, unit_weight : float
        Sums over rows and over units.
    seen : ndarray of shape (m,)
        Weight of the rows that see each response.
    origin, unit : ndarray of shape (m,)
        Of responses, by `Family.units`.
    resolution : ndarray of shape (m,)
        Of responses, by `Family.resolution`.
    bounds : tuple of float
        Least and greatest response.
    known : frozenset of int
        Components that something is known of.
    densities : ndarray of shape (m,)
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
    seen: np.ndarray
    origin: np.ndarray
    unit: np.ndarray
    resolution: np.ndarray
    bounds: tuple[float, float]
    known: frozenset
    densities: np.ndarray
    features: tuple[Margins | SparseMargins, ...]
    gating: Margins

    def without_features(self):
        """The same of rows without features."""
        none = np.zeros(0)
        margins = Margins(self.weight, none, none, np.zeros((0, 0)))
        features = (margins,) * len(self.features)
        return self._replace(features=features, gating=margins)

    def __add__(self, other):
        seen = self.seen + other.seen
        mine, theirs = (
            part.seen / np.where(seen > 0, seen, 1) for part in (self, other)
        )
        apart = other.origin - self.origin
        # As variances add: a mean and a standard deviation, or two constants.
        inner = np.sqrt(mine) * self.unit, np.sqrt(theirs) * other.unit
        unit = np.hypot(np.hypot(*inner), np.sqrt(mine * theirs) * apart)
        return Facts(
            self.n_rows + other.n_rows,
            self.n_units + other.n_units,
            self.weight + other.weight,
            self.unit_weight + other.unit_weight,
            seen,
            self.origin + theirs * apart,
            np.where(unit > 0, unit, 1.0),
            np.minimum(self.resolution, other.resolution),
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
    y = y if offset is None else family.measured(y, offset, 1.0)
    response = response_in(table.y)
    unit_weight, centered = table.unit_weight, bool(structure.fit_intercept)
    seen, total = family.seen(table.y), float(table.weight.sum())

    def margins(features):
        if features.sparse:
            return sparse_margins_of(features, table.weight)
        return margins_of(features, table.weight, centered)

    return Facts(
        table.n_rows,
        len(unit_weight),
        total,
        float(unit_weight.sum()),
        total * np.ones(len(family.responses)) if seen is None else seen @ table.weight,
        *map(_each, family.units(y, table.weight, structure.fit_intercept)),
        _each(family.resolution(table.data.y)),
        (float(response.min()), float(response.max())),
        components_in(table.known, structure.n_shares),
        _densities(family, table),
        each_once(margins, table.features),
        margins_of(table.gating, unit_weight, True),
    )


def _densities(family, table):
    """Weights of rows whose likelihood is a density of each response, (m,)."""
    shape = len(family.responses), len(table.weight)
    return np.broadcast_to(family.has_density(table.y), shape) @ table.weight


def _each(values):
    """One number for each response, (m,)."""
    return np.atleast_1d(np.asarray(values, dtype=float))


def make_frame(facts, structure):
    """The Frame from the Facts of all rows."""
    fit_intercept = structure.fit_intercept
    if not facts.seen.all():
        r = int(np.argmin(facts.seen))
        raise ValueError(f"y is missing in every row of response {r}.")
    first = facts.features[0]

    def design(margins):
        # A further predictor without features is an intercept alone.
        alone = margins is not first and not len(margins.largest)
        return structure.designed(margins, facts.n_rows, fit_intercept or alone)

    designs = each_once(design, facts.features)
    if not designs[0].n_columns:
        raise ValueError(
            "X has no column that differs from zero, and fit_intercept=False: there"
            " is no regression to fit."
        )
    gating = facts.gating
    if structure.gate.selects:
        gate_design = gating.standard(True, True)
    else:
        gate_design = gating.design(facts.n_units, True)
    return Frame(
        designs,
        gate_design,
        facts.origin,
        facts.unit,
        facts.resolution / facts.unit,
        make_background(structure.background, facts.bounds, structure.family),
        max(1.0, facts.n_rows / facts.weight),
        tuple(margins.deviation for margins in facts.features),
    )
