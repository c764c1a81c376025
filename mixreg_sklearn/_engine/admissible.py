"""What the coefficients and constants of regressions may be, and at what price."""

from functools import cached_property
from itertools import accumulate, pairwise, starmap

import numpy as np

from .._numerics import log_normalize
from ..families._scales import ScaleRule
from .basis import side_by_side

# Constants within this factor of a bound are at it.
_ON = 1 + 5e-10
# Squares of constants are at least the square of the relative rounding error.
_LEAST = 1e-32
# Where a constant, to the power of its limit, is near zero.
NEAR = 0.01


class Admissible:
    """What coefficients and constants may be: sharings, penalties and bounds.

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

    def with_rule(self, **changes):
        """Regressions under another scale rule."""
        rule = self.rule._replace(**changes)
        return type(self)(self.family, self.sharings, rule)

    def at_weight(self, weight):
        """Regressions for rows of another total weight, as of a sample."""
        sharings = [sharing.at_weight(weight) for sharing in self.sharings]
        return type(self)(self.family, sharings, self.rule)

    def selected(self, params):
        """Regressions without the coefficients that a lasso sets to zero."""
        sharings = [
            sharing.selected(params.coef[..., at]) if sharing.kinked else sharing
            for sharing, at in zip(self.sharings, self.predictors, strict=True)
        ]
        return type(self)(self.family, sharings, self.rule)

    def resized(self, n_components):
        """Regressions of another number of components, without their constraints."""
        sharings = (sharing.resized(n_components) for sharing in self.sharings)
        return type(self)(self.family, sharings, self.rule.resized(n_components))

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
        return joined([sharing.project(coef[:, :, place]) for sharing, place in parts])

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
        parts = zip(self.sharings, self.predictors, strict=True)
        of_coef = (sharing.penalty(params.coef[..., at]) for sharing, at in parts)
        return sum(of_scales) + sum(of_coef)

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
        slopes, bends = map(joined, zip(*of_coef, strict=True))
        return (slopes, first), (bends, second)


def joined(parts):
    """One array (R, K, P) from those of all predictors."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)
