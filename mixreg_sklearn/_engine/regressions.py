"""The regressions of a mixture: densities of responses, and updates of parameters."""

from functools import cached_property
from itertools import accumulate, combinations_with_replacement, pairwise, starmap
from typing import NamedTuple

import numpy as np

from .._numerics import log_normalize
from ..families._scales import ScaleRule
from .basis import side_by_side
from .columns import Ones
from .sparse_curvature import score_products

_ONES = Ones()
# Constants within this factor of a bound are at it.
_ON = 1 + 5e-10
# Squares of constants are at least the square of the relative rounding error.
_LEAST = 1e-32
# Where a constant, to the power of its limit, is near zero.
NEAR = 0.01


class Sums(NamedTuple):
    """Sums of one pass over rows for the regressions. Sums add.

    Each row has the membership ``tau`` and the weight ``w`` of its unit, the score
    ``s = d log f / d eta`` and the information ``i = -E d^2 log f / d eta^2``.

    Attributes
    ----------
    weight : ndarray of shape (R, K)
        ``sum_i w_i tau_ik``.
    grams : tuple of L ndarray of shape (R, K, p, p)
        ``sum_i w_i tau_ik i_ik z_i z_i'``, of every predictor.
    crosses : tuple of L ndarray of shape (R, K, p)
        ``sum_i w_i tau_ik s_ik z_i``: residual form, zero at an optimum.
    statistic : ndarray of shape (R, K, T)
        ``sum_i w_i tau_ik t_ik`` for the family's statistics of its constants.
    """

    weight: np.ndarray
    grams: tuple
    crosses: tuple
    statistic: np.ndarray

    def __add__(self, other):
        return Sums(
            self.weight + other.weight,
            tuple(a + b for a, b in zip(self.grams, other.grams, strict=True)),
            tuple(a + b for a, b in zip(self.crosses, other.crosses, strict=True)),
            self.statistic + other.statistic,
        )


class Regressions:
    """Family x sharing of its coefficients x rule of its scale.

    Parameters
    ----------
    family : Family
    sharings : tuple of L Separate or Constrained
        Free coefficients of every predictor.
    rule : ScaleRule
        Of the scale of every response; other constants declare theirs.

    Attributes
    ----------
    rules : tuple of S ScaleRule
    others : ndarray of int
        Constants that are no scales.
    lower, upper, powers : ndarray of shape (S,)
        Bounds of the constants, and `Constant.power`.
    collapses : ndarray of bool of shape (S,)
        Constants with which the likelihood grows without bound.
    responses : tuple of m Response
        The regressions proper are the first predictors of these.
    places, predictors : tuple of L + S, and of L, slice
        Places of every predictor and constant among the P + S of a component.
    """

    def __init__(self, family, sharings, rule=None):
        self.family, self.sharings = family, tuple(sharings)
        self.rule = ScaleRule() if rule is None else rule
        constants, self.responses = family.constants, family.responses
        rules = [ScaleRule(c.shared, floor=max(c.lower**2, _LEAST)) for c in constants]
        for r, response in enumerate(self.responses):
            if response.scale is not None:
                rules[response.scale] = self.rule.of_response(r)
        self.rules = tuple(rules)
        # Numbers of responses that have a scale, and of this.
        pairs = [(r, one.scale) for r, one in enumerate(self.responses)]
        self._scales = [pair for pair in pairs if pair[1] is not None]
        others = {*range(len(constants))} - {s for _, s in self._scales}
        self.others = np.array(sorted(others), dtype=int)
        self.lower = np.sqrt([rule.floor for rule in self.rules])
        self.upper = np.array([c.upper for c in constants])
        self.collapses = np.array([c.collapses for c in constants], dtype=bool)
        self.powers = np.array([c.power for c in constants])
        sizes = [sharing.n_columns for sharing in self.sharings] + [1] * len(constants)
        ends = list(accumulate(sizes, initial=0))
        self.places = tuple(starmap(slice, pairwise(ends)))
        self.predictors = self.places[: len(self.sharings)]
        self._ones = (_ONES,) * len(constants)

    def with_rule(self, **changes):
        """Regressions under another scale rule."""
        rule = self.rule._replace(**changes)
        return Regressions(self.family, self.sharings, rule)

    def at_weight(self, weight):
        """Regressions for rows of another total weight, as of a sample."""
        sharings = [sharing.at_weight(weight) for sharing in self.sharings]
        return Regressions(self.family, sharings, self.rule)

    def selected(self, params):
        """Regressions without the coefficients that a lasso sets to zero."""
        sharings = [
            sharing.selected(params.coef[..., at]) if sharing.kinked else sharing
            for sharing, at in zip(self.sharings, self.predictors, strict=True)
        ]
        return Regressions(self.family, sharings, self.rule)

    def resized(self, n_components):
        """Regressions of another number of components, without their constraints."""
        sharings = (sharing.resized(n_components) for sharing in self.sharings)
        return Regressions(self.family, sharings, self.rule.resized(n_components))

    @property
    def n_components(self):
        return self.sharings[0].n_components

    @property
    def n_specific(self):
        """Dimensions of the coefficients that a component does not share, (K,)."""
        return sum(sharing.n_specific for sharing in self.sharings)

    @property
    def n_needed(self):
        """The same for the response that has most, (K,): what its rows determine."""
        each = [self.sharings[response.predictors] for response in self.responses]
        return np.max(
            [sum(s.n_specific for s in sharings) for sharings in each], axis=0
        )

    def needed(self, params):
        """What the rows of a component have to determine, by response, (R, K)."""
        each = [
            sum(
                self.sharings[i].needed(params.coef[..., self.predictors[i]])
                for i in range(len(self.sharings))[response.predictors]
            )
            for response in self.responses
        ]
        return np.max(each, axis=0)

    @property
    def bounded(self):
        """Whether the likelihood is bounded, so that no optimum is spurious."""
        held = self.rule.held
        known = held is not None and not np.isnan(held).any()
        return self.rule.tied is True or known or not self.collapses.any()

    @property
    def restricted(self):
        """Whether the family has no distribution at some predictors."""
        eta = np.zeros((len(self.predictors), 1, 1))
        return self.family.outside(eta if len(eta) > 1 else eta[0]) is not None

    # E-step and M-step ----------------------------------------------------------------

    def evaluate(self, params, block, log_prior):
        """The Evaluation at `params`, and log joint densities of units (R, K, U).

        `log_prior` is (R, K, U) or (R, K, 1).
        """
        shape, units = params.coef.shape[:2], block.units
        eta, scale = self.arguments(params, block)
        outside = self.family.outside(eta)
        # For single rows the family adds the prior, which saves a pass.
        ahead = log_prior.reshape(shape[0] * shape[1], -1) if units.single else 0.0
        at = self.family.evaluate(block.y, eta, scale, ahead)
        log_joint = _masked(at.log_joint, outside)
        if units.single:
            return at, log_joint.reshape(*shape, -1)
        return at, units.sum(log_joint).reshape(*shape, -1) + log_prior

    def statistic(self, at, members, share, block):
        """Sums at an Evaluation.

        `members` (R, K', U) are memberships times weights of units, that of a
        background last, `share` (R, K') their sums.
        """
        K, units = self.n_components, block.units
        share, tau = share[:, :K], units.spread(members)
        shape, columns = share.shape, tau[:, :K].reshape(-1, tau.shape[2])
        grams, crosses = [], []
        for score, information, z in self._by_predictor(at, block):
            cross = z.cross(columns * score) * at.factor
            factor = at.factor * at.factor
            if isinstance(information, float):
                gram, factor = z.shared_grams(tau)[:, :K], information * factor
            else:
                gram = z.gram(columns * information)
                gram = gram.reshape(*shape, *gram.shape[1:])
            each = isinstance(factor, np.ndarray)
            gram *= factor.reshape(*shape, 1, 1) if each else factor
            grams.append(gram)
            crosses.append(cross.reshape(*shape, -1))
        statistic = np.empty((len(columns), len(at.statistic)))
        for s, values in enumerate(at.statistic):
            np.vecdot(columns, values, out=statistic[:, s])
        return Sums(
            share if units.single else columns.sum(axis=1).reshape(shape),
            tuple(grams),
            tuple(crosses),
            statistic.reshape(*shape, -1),
        )

    def _by_predictor(self, at, block):
        """Raw scores, raw information and columns of every predictor."""
        if len(block.columns) == 1:
            return [(at.raw_score, at.raw_information, block.columns[0])]
        return zip(at.raw_score, at.raw_information, block.columns, strict=True)

    def update(self, params, sums):
        """New coefficients (R, K, P) and constants (R, K, S)."""
        parts = zip(self.sharings, sums.grams, sums.crosses, strict=True)
        steps, gains = [], []
        with np.errstate(over="ignore", invalid="ignore"):
            for (sharing, gram, cross), at in zip(parts, self.predictors, strict=True):
                step = sharing.step(gram, cross, params.coef[..., at])
                steps.append(step)
                gains.append(sharing.gain(step, gram, cross))
        step, gain = _joined(steps), np.stack(gains, axis=-1)
        constants = self.family.update_constants(
            params.constants, sums.weight, sums.statistic, gain, self.rules
        )
        return params.coef + step, constants

    def arguments(self, params, block):
        """Predictors and constants as a family takes them, for C = R K columns."""
        n_restarts, n_components, n_coef = params.coef.shape
        n = n_restarts * n_components
        flat = params.coef.reshape(n, n_coef)
        eta = [
            z.predict(flat[:, at])
            for z, at in zip(block.columns, self.predictors, strict=True)
        ]
        if block.offset is not None:
            eta[0] += block.offset
        eta = eta[0] if len(eta) == 1 else np.stack(eta)
        return eta, self.constants(params.constants.reshape(n, len(self.rules)))

    def constants(self, constants):
        """Constants (..., S) as a family takes them."""
        if len(self.rules) > 1:
            return np.moveaxis(constants, -1, 0)[..., None]
        return constants if self.rules else 1.0

    def first(self, values):
        """Values of the first predictor, from those of all predictors."""
        return values if len(self.predictors) == 1 else values[0]

    def scales(self, params):
        """Scales of every response, (R, K, m): ones where there is none."""
        scales = np.ones((*params.constants.shape[:2], len(self.responses)))
        for r, s in self._scales:
            scales[..., r] = params.constants[..., s]
        return scales

    def with_scales(self, params, scales):
        """Parameters with other scales (R, K, m), as far as there are any."""
        constants = params.constants.copy()
        for r, s in self._scales:
            constants[..., s] = scales[..., r]
        return params._replace(constants=constants)

    def response_of(self, predictor):
        """Number of the response of a predictor."""
        stops = [response.predictors.stop for response in self.responses]
        return int(np.searchsorted(stops, predictor, side="right"))

    def seen(self, block):
        """Weights of the rows of a block that see each response, (m, B)."""
        seen = self.family.seen(block.y)
        shape = len(self.responses), len(block.weight)
        return block.weight * (np.ones(shape) if seen is None else seen)

    # Exact derivatives ----------------------------------------------------------------

    def local(self, params, block):
        """The family's derivatives at every row, and log-densities of units.

        Returns
        -------
        local : Local
            All of its arrays are (R, K, B).
        log_density : ndarray of shape (R, K, U)
        """
        eta, _ = self.arguments(params, block)
        eta = eta.reshape(*eta.shape[:-2], *params.coef.shape[:2], eta.shape[-1])
        at = self.family.local(block.y, eta, self.constants(params.constants))
        log_density = _masked(at.log_density, self.family.outside(eta))
        return at, block.units.sum(log_density)

    def gradient(self, local, weight, block):
        """Derivatives in coefficients (R, K, P) and log constants (R, K, S).

        They are sums over rows under `weight` (R, K, B).
        """
        columns = (*block.columns, *self._ones)
        sums = [
            z.cross(weight * slope)
            for z, slope in zip(columns, local.slope, strict=True)
        ]
        of_coef = _joined(sums[: len(self.predictors)])
        of_constants = sums[len(self.predictors) :]
        none = np.zeros((*of_coef.shape[:2], 0))
        return of_coef, np.concatenate([none, *of_constants], axis=2)

    def scores(self, local, block, out):
        """Write derivatives of the log-densities of units to `out` (R, K, P + S, U).

        They are those in coefficients and log constants.
        """
        single, columns = block.units.single, (*block.columns, *self._ones)
        of_rows = out if single else np.empty((*out.shape[:3], block.units.n_rows))
        for z, place, slope in zip(columns, self.places, local.slope, strict=True):
            z.scores(slope, out=of_rows[:, :, place])
        if not single:
            out[...] = block.units.sum(of_rows)

    def score_products(self, local, weight, block):
        """``sum_u w_uk s_uk s_uk'`` of scores, under weights of units (R, K, U).

        -> (R, K, P + S, P + S).
        """
        if block.sparse:
            return score_products(local, weight, block)
        scores = np.empty((*weight.shape[:2], self.places[-1].stop, weight.shape[2]))
        self.scores(local, block, out=scores)
        return (scores * weight[:, :, None, :]) @ scores.swapaxes(-1, -2)

    def bends(self, local, weight, block, out):
        """Add second derivatives, summed under weights (R, K, B) of rows, to `out`.

        `out` is (R, K, P + S, P + S).
        """
        columns = (*block.columns, *self._ones)
        sides = list(zip(columns, self.places, strict=True))
        pairs = combinations_with_replacement(sides, 2)
        for ((left, row), (right, column)), bend in zip(pairs, local.bend, strict=True):
            if bend is None:
                continue
            part = left.product(weight * bend, right)
            out[:, :, row, column] += part
            if row != column:
                out[:, :, column, row] += part.swapaxes(-1, -2)

    # Constraints ----------------------------------------------------------------------

    def basis(self):
        """Orthonormal directions of coefficients (K P, m) and constants (K S, m').

        Shared coefficients move together, a common scale moves as one. The former are
        None where every coefficient may move by itself.
        """
        K = self.n_components
        bases, coef = [sharing.basis() for sharing in self.sharings], None
        if not self._alone:
            sizes = [K * sharing.n_columns for sharing in self.sharings]
            pairs = zip(bases, sizes, strict=True)
            coef = side_by_side(
                K, [np.eye(m) if basis is None else basis for basis, m in pairs]
            )
        return coef, side_by_side(K, [rule.basis(K) for rule in self.rules])

    @cached_property
    def _alone(self):
        """Whether every coefficient is a direction by itself."""
        return all(sharing.basis() is None for sharing in self.sharings)

    @property
    def kinked(self):
        """Whether coefficients may lie at a kink, see `Axes`."""
        return any(sharing.kinked for sharing in self.sharings)

    def face(self, coef, gradient):
        """Slopes along the directions of coefficients, and those that stay at a kink.

        From the gradient (R, m) of the smooth part of the objective in the directions
        of `basis`, at coefficients (R, K, P); -> two arrays (R, m), the second of bool.
        """
        slope, stays = gradient.copy(), np.zeros(gradient.shape, dtype=bool)
        for sharing, at, place in self._directions:
            if sharing.kinked:
                t = sharing.numbers(coef[..., at])
                face = sharing.kinks.face(t, gradient[:, place])
                slope[:, place], stays[:, place] = face
        return slope, stays

    def at_kink(self, coef):
        """Directions of coefficients (R, K, P) that are at a kink, (R, m) of bool."""
        at = np.zeros((len(coef), self.n_coef_directions), dtype=bool)
        for sharing, places, directions in self._directions:
            if sharing.kinked:
                t = sharing.numbers(coef[..., places])
                at[:, directions] = sharing.kinks.at(t)
        return at

    @property
    def n_coef_directions(self):
        """Directions of coefficients in `basis`."""
        return sum(len(directions) for *_, directions in self._directions)

    def stopped(self, before, after):
        """Parameters after a step, which ends at a kink that it would cross."""
        if not self.kinked:
            return after
        coef = after.coef.copy()
        for sharing, at in zip(self.sharings, self.predictors, strict=True):
            if sharing.kinked:
                start, end = (
                    sharing.numbers(one.coef[..., at]) for one in (before, after)
                )
                numbers = sharing.kinks.stopped(start, end)
                coef[..., at] = sharing.coefficients(numbers)
        return after._replace(coef=coef)

    @cached_property
    def _directions(self):
        """Triples: a sharing, places of its coefficients among P, directions (m,)."""
        P, K = self.predictors[-1].stop, self.n_components
        if self._alone:
            table = np.arange(K * P).reshape(K, P)
            directions = [table[:, at].ravel() for at in self.predictors]
        else:
            sizes = [
                K * sharing.n_columns if basis is None else basis.shape[1]
                for sharing in self.sharings
                for basis in [sharing.basis()]
            ]
            ends = list(accumulate(sizes, initial=0))
            directions = [np.arange(*pair) for pair in pairwise(ends)]
        return list(zip(self.sharings, self.predictors, directions, strict=True))

    def constrain(self, params):
        """The nearest parameters that obey sharing and scale rule."""
        params = params._replace(coef=self._projected(params.coef))
        if not self.rules:
            return params
        constants, K = params.constants.copy(), params.n_components
        weights = np.exp(log_normalize(params.logits[:, :K, 0]))
        for s, rule in enumerate(self.rules):
            if rule.tied is not False:
                each = constants[..., s]
                pooled = np.sqrt((weights * each**2).sum(axis=1, keepdims=True))
                constants[..., s] = np.where(rule.tied, pooled, each)
        return params._replace(constants=self.inside(constants))

    def _projected(self, coef):
        """The nearest admissible coefficients (R, K, P)."""
        parts = zip(self.sharings, self.predictors, strict=True)
        return _joined([sharing.project(coef[:, :, place]) for sharing, place in parts])

    def inside(self, constants):
        """Constants (R, K, S) within their bounds."""
        constants = np.minimum(np.maximum(constants, self.lower), self.upper)
        for s, rule in enumerate(self.rules):
            constants[..., s] = rule.kept(constants[..., s])
        return constants

    def distance(self, params):
        """How far each restart is from what the constraints admit, (R,)."""
        moved = self._projected(params.coef) - params.coef
        distance = (moved**2).sum(axis=(1, 2))
        for s, rule in enumerate(self.rules):
            apart = np.log(
                params.constants[..., s] / rule.kept(params.constants[..., s])
            )
            distance = distance + (apart**2).sum(axis=1)
        return distance

    def alike(self, order):
        """Whether components in another order obey the same constraints."""
        each = (*self.sharings, *self.rules)
        return all(constraint.alike(order) for constraint in each)

    def at_limit(self, params):
        """Constants at a bound, where the likelihood is at its limit, (R, K, S)."""
        below = (params.constants <= self.lower * _ON) & ~self.collapses
        limited = below | (params.constants * _ON >= self.upper)
        return limited & self._estimated

    def off_limits(self, params):
        """Parameters whose constants, except scales, are not near a limit.

        One that is starts at `Constant.start` instead, as a single regression says
        little about the components of a mixture.
        """
        starts = np.array([constant.start for constant in self.family.constants])
        values = params.constants
        near = (values**self.powers < NEAR) & ~self.collapses
        near |= (values**-self.powers < NEAR) & np.isfinite(self.upper)
        near[..., [s for _, s in self._scales]] = False
        return params._replace(constants=np.where(near, starts, values))

    def collapsed(self, params):
        """Components with a constant that would vanish without its bound, (R, K)."""
        on_floor = (params.constants <= self.lower * _ON) & self.collapses
        return (on_floor & self._estimated).any(axis=2)

    @property
    def _estimated(self):
        """Constants that are not held, (K, S)."""
        free = [rule.free(self.n_components) for rule in self.rules]
        return np.reshape(free, (len(free), self.n_components)).T.astype(bool)

    def penalty(self, params):
        """Penalties of scales and coefficients, added to the log-likelihood.

        (R,) or zero.
        """
        of_scales = (
            self.rules[s].penalty(params.constants[..., s]) for _, s in self._scales
        )
        return sum(of_scales) + self.coef_penalty(params)

    def coef_penalty(self, params):
        """That of coefficients, which is a part of the objective, (R,) or zero."""
        parts = zip(self.sharings, self.predictors, strict=True)
        return sum(sharing.penalty(params.coef[..., at]) for sharing, at in parts)

    def penalty_derivatives(self, params):
        """First and second derivatives of the penalties.

        -> pairs of those in coefficients (R, K, P) and in log constants (R, K, S); of
        coefficients without those of kinks.
        """
        first, second = np.zeros((2, *params.constants.shape))
        for _, s in self._scales:
            derivatives = self.rules[s].penalty_derivatives(params.constants[..., s])
            first[..., s], second[..., s] = derivatives
        parts = zip(self.sharings, self.predictors, strict=True)
        of_coef = [
            sharing.penalty_derivatives(params.coef[..., at]) for sharing, at in parts
        ]
        slopes, bends = map(_joined, zip(*of_coef, strict=True))
        return (slopes, first), (bends, second)


def _joined(parts):
    """One array (R, K, P) from those of all predictors."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)


def _masked(log_density, outside):
    """Log-densities, minus infinity where a predictor gives no distribution."""
    if outside is None:
        return log_density
    return np.where(outside, -np.inf, log_density)
