"""The probability of a range, given which responses of `Truncated` are distributed."""

from itertools import combinations_with_replacement

import numpy as np
from scipy import special

from ._base import Local
from ._intervals import parts_of
from ._support import Support

# Least information of a row: that of a response that is nearly known is its variance.
_LEAST = 1e-12
# A range of smaller probability is a sum over so many of its counts, not a difference.
_RARE, _COUNTS = 1e-6, 60


class OfLine:
    """A range of a family with normal errors; bounds are rows of the target (3, n)."""

    def __init__(self, family, lower, upper):
        self.family, self.lower, self.upper = family, lower, upper
        self.support = Support(lower, upper)

    def target(self, y):
        bounds = (np.full(np.shape(y), bound) for bound in (self.lower, self.upper))
        return np.stack([y, *bounds])

    def response(self, y):
        return y[0]

    def inside(self, y):
        """Where responses are in the range, and a target for which formulas hold."""
        return (y[0] > y[1]) & (y[0] < y[2]), y

    def chance(self, y, eta, scale):
        """Log-probability of the range, and its derivatives. -> Local."""
        at = self._parts(y[1], y[2], eta, scale)
        bend = at.location_location / scale**2, at.location_scale / scale
        slope = at.location / scale, at.scale
        return Local(at.value, slope, (*bend, at.scale_scale))

    def _parts(self, lower, upper, eta, scale):
        return parts_of(self.family.errors, lower, upper, eta, scale)

    def information(self, y, eta, scale):
        at = self._parts(y[1], y[2], eta, scale)
        return np.maximum(1 + at.location_location, _LEAST) / scale**2

    def mean(self, eta, scale):
        return eta + scale * self._parts(self.lower, self.upper, eta, scale).location

    def variance(self, eta, scale):
        at = self._parts(self.lower, self.upper, eta, scale)
        return scale**2 * np.maximum(1 + at.location_location, _LEAST)

    def cdf(self, y, eta, scale):
        inside = np.clip(y, self.lower, self.upper)
        # An empty interval has no parts.
        some = inside > self.lower
        with np.errstate(divide="ignore", invalid="ignore"):
            below = self._parts(self.lower, inside, eta, scale).value
            whole = self._parts(self.lower, self.upper, eta, scale).value
            share = np.exp(below - whole)
        return np.where(some, np.minimum(share, 1.0), 0.0)

    def quantile(self, u, eta, scale):
        u, eta, scale = np.broadcast_arrays(u, eta, scale)
        a, b = ((bound - eta) / scale for bound in (self.lower, self.upper))
        upper = special.log_ndtr(b) >= special.log_ndtr(-a)
        # In the tail that is nearer, of -W where this is the lower one.
        near, far = np.where(upper, a, -b), np.where(upper, b, -a)
        level = np.where(upper, u, 1 - u)
        log_near = special.log_ndtr(-near)
        share = -np.expm1(special.log_ndtr(-far) - log_near)
        with np.errstate(divide="ignore"):
            z = -special.ndtri_exp(log_near + np.log1p(-level * share))
        value = np.clip(eta + scale * np.where(upper, z, -z), self.lower, self.upper)
        ends = [self.lower, self.upper]
        return np.select([u <= 0, u >= 1], ends, value)


class OfCounts:
    """Counts from `lower` on, of a family with one predictor."""

    def __init__(self, family, lower, upper):
        if not (1 <= lower == np.floor(lower)) or upper != np.inf:
            raise ValueError(
                f"lower={lower}, upper={upper}: counts are truncated from below, lower"
                " is the smallest count in the data, 1 or more, and there is no upper."
            )
        self.family, self.lower = family, int(lower)
        self.support = Support(lower, np.inf, lattice=True)

    def target(self, y):
        return y

    def response(self, y):
        return y

    def inside(self, y):
        possible = self.support.admits(y)
        return possible, np.where(possible, y, self.support.inner)

    def chance(self, y, eta, scale):
        shape = np.broadcast_shapes(np.shape(y), np.shape(eta), np.shape(scale))
        eta = np.broadcast_to(eta, shape)
        excluded = self._counted(range(self.lower), eta, scale)
        total = np.exp(excluded.log_density)
        rest = 1 - total
        rare = rest < _RARE
        rest = np.where(rare, 1.0, rest)
        odds = total / rest
        # Of log(1 - Q), from log Q.
        slope = [-odds * each for each in excluded.slope]
        pairs = list(combinations_with_replacement(range(len(slope)), 2))
        bend = [
            -odds * (each + excluded.slope[i] * excluded.slope[j]) - slope[i] * slope[j]
            for (i, j), each in zip(pairs, excluded.bend, strict=True)
        ]
        chance = Local(np.log(rest), tuple(slope), tuple(bend))
        if not rare.any():
            return chance
        some = range(self.lower, self.lower + _COUNTS)
        instead = self._counted(some, eta, scale)
        return Local(
            np.where(rare, instead.log_density, chance.log_density),
            tuple(map(lambda a, b: np.where(rare, a, b), instead.slope, slope)),
            tuple(map(lambda a, b: np.where(rare, a, b), instead.bend, bend)),
        )

    def _counted(self, counts, eta, scale):
        """The log-probability of some counts, and its derivatives. -> Local."""
        at = [self._of(np.full(np.shape(eta), 1.0 * c), eta, scale) for c in counts]
        log_density = np.stack([each.log_density for each in at])
        total = special.logsumexp(log_density, axis=0)
        chance = np.exp(log_density - total)
        slopes = [np.stack(parts) for parts in zip(*(a.slope for a in at), strict=True)]
        slope = [(chance * each).sum(axis=0) for each in slopes]
        bend = []
        pairs = combinations_with_replacement(range(len(slope)), 2)
        for place, (i, j) in enumerate(pairs):
            apart = (slopes[i] - slope[i]) * (slopes[j] - slope[j])
            own = [0.0 if a.bend[place] is None else a.bend[place] for a in at]
            bend.append((chance * (np.stack(np.broadcast_arrays(*own)) + apart)).sum(0))
        return Local(total, tuple(slope), tuple(bend))

    def _of(self, count, eta, scale):
        local = self.family.local(count, eta, scale)
        return local._replace(log_density=local.log_density + self.family.base(count))

    def information(self, y, eta, scale):
        chance = self.chance(y, eta, scale)
        of_all = self.family.evaluate(y, np.array(eta), scale, 0.0)
        whole = of_all.raw_information * of_all.factor**2
        low, total = 0.0, 0.0
        for count in range(self.lower):
            at = self._of(np.full(np.shape(eta), 1.0 * count), eta, scale)
            low = low + np.exp(at.log_density) * -at.bend[0]
            total = total + np.exp(at.log_density)
        rest = np.maximum(1 - total, _RARE)
        return np.maximum((whole - low) / rest + chance.bend[0], _LEAST)

    def mean(self, eta, scale):
        return self._moment(1, eta, scale)

    def variance(self, eta, scale):
        mean = self._moment(1, eta, scale)
        return np.maximum(self._moment(2, eta, scale) - mean**2, 0.0)

    def _moment(self, power, eta, scale):
        whole = self.family.mean(eta, scale)
        if power == 2:
            whole = self.family.variance(eta, scale) + whole**2
        low = self._sum(range(self.lower), power, eta, scale)
        rest = 1 - self._sum(range(self.lower), 0, eta, scale)
        some = range(self.lower, self.lower + _COUNTS)
        rare = self._sum(some, power, eta, scale) / self._sum(some, 0, eta, scale)
        return np.where(rest < _RARE, rare, (whole - low) / np.maximum(rest, _RARE))

    def _sum(self, counts, power, eta, scale):
        """``sum_c c^power P(c)``, which does not vanish for the first counts."""
        chance = [
            np.exp(self.family.log_density(1.0 * np.array(c), eta, scale))
            for c in counts
        ]
        return sum(c**power * each for c, each in zip(counts, chance, strict=True))

    def cdf(self, y, eta, scale):
        below = self._sum(range(self.lower), 0, eta, scale)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = (self.family.cdf(y, eta, scale) - below) / (1 - below)
        share = np.where(1 - below < _LEAST, 1.0, np.clip(share, 0.0, 1.0))
        return np.where(np.less(y, self.lower), 0.0, share)

    def quantile(self, u, eta, scale):
        below = self._sum(range(self.lower), 0, eta, scale)
        rare = 1 - below < _LEAST
        level = np.where(rare, 0.0, below + u * (1 - below))
        found = np.maximum(self.family.quantile(level, eta, scale), self.lower)
        # Rounding may have moved the level across a step.
        found = found + (self.cdf(found, eta, scale) < u)
        before = self.cdf(found - 1, eta, scale) >= u
        found = np.maximum(found - before, self.lower)
        return np.where(np.equal(u, 1.0), np.inf, found)
