"""Several responses of a row, independent given its component."""

from itertools import combinations_with_replacement, pairwise

import numpy as np

from ._base import Evaluation, Family, Local
from ._support import Constant, Predictor, Response


class Joint(Family):
    r"""Several responses, each of a family of its own, independent given the component.

    .. math:: \log f(y_1, \dots, y_m) = \sum_r \log f_r(y_r)

    A response that is missing, NaN, adds nothing. That is the exact likelihood of what
    is seen if responses are missing at random. The list of families is the parameter
    `family` of a `MixtureRegressor`, whose `y` is then (n, m).

    Predictors and constants are those of all families, one after the other; the names
    of response r begin with ``y0``, ``y1`` and so on. The target has the rows of the
    targets of all families, one below the other.

    Parameters
    ----------
    families : list of Family
        Of the responses; each with a single column.
    """

    def __init__(self, families):
        self.families = families

    @property
    def names(self):
        """What the responses are called, in names of predictors and constants."""
        return [f"y{r}" for r in range(len(self.families))]

    @property
    def predictors(self):
        """Predictors of all families."""
        return tuple(
            Predictor(f"{name}_{predictor.name}", predictor.features)
            for name, family in zip(self.names, self.families, strict=True)
            for predictor in family.predictors
        )

    @property
    def constants(self):
        """Constants of all families."""
        return tuple(
            Constant(f"{name}_{constant.name}", *constant[1:])
            for name, family in zip(self.names, self.families, strict=True)
            for constant in family.constants
        )

    @property
    def responses(self):
        """Where each response stands."""
        places = zip(
            _slices(len(family.predictors) for family in self.families),
            _slices(len(family.constants) for family in self.families),
            strict=True,
        )
        return tuple(
            Response(own, None if scale is None else constants.start + scale)
            for (own, constants), scale in zip(places, self._scales, strict=True)
        )

    @property
    def _scales(self):
        """The scale of every family among its constants, or None."""
        return [family.responses[0].scale for family in self.families]

    @property
    def response_columns(self):
        """Columns of `y`."""
        return len(self.families)

    @property
    def row_data(self):
        """Row data of all families, which share what has one name."""
        return tuple(dict.fromkeys(n for f in self.families for n in f.row_data))

    @property
    def links(self):
        """Links of all families."""
        return tuple(dict.fromkeys(link for f in self.families for link in f.links))

    @property
    def endless(self):
        """Whether the best coefficients of a response may be infinite."""
        return any(family.endless for family in self.families)

    # Targets --------------------------------------------------------------------------

    def readable(self, y):
        """NaN is a response that is not seen."""
        return np.isfinite(y) | np.isnan(y)

    def check_target(self, y):
        """Raise ValueError where a response is impossible."""
        if np.ndim(y) != 2:
            raise ValueError(
                f"y has shape {np.shape(y)}: the {len(self.families)} families need a"
                " column of y each."
            )
        for r, (family, values) in enumerate(zip(self.families, y.T, strict=True)):
            _check_response(r, family.check_target, values[~np.isnan(values)])

    def check_together(self, y):
        for r, (family, values, _) in enumerate(self._seen_targets(y)):
            _check_response(r, family.check_together, values)

    def target(self, y, **row_data):
        """The targets of all families, one below the other, (T, n)."""
        super().target(y, **row_data)
        parts, y = [], np.reshape(y, (len(y), -1))
        y = np.broadcast_to(y, (len(y), len(self.families)))
        for family, values in zip(self.families, y.T, strict=True):
            given = {n: v for n, v in row_data.items() if n in family.row_data}
            seen = ~np.isnan(values)
            inner = np.where(seen, values, _inner(family))
            part = np.atleast_2d(family.target(inner, **given)).copy()
            part[0, ~seen] = np.nan
            parts.append(part)
        return np.concatenate(parts)

    def admits(self, y):
        """Where all responses, (m, ...), are possible."""
        each = (
            np.isnan(part[0])
            | family.admits(part[0], *part[family.target_rows - len(family.row_data) :])
            for family, part in self._targets(y)
        )
        return np.logical_and.reduce(list(each))

    def has_density(self, y):
        """Where the likelihood of each response is a density, (m, n) of bool."""
        shape = np.shape(y)[1:]
        each = (
            ~np.isnan(part[0]) & np.broadcast_to(family.has_density(part), shape)
            for family, part in self._targets(y)
        )
        return np.stack(list(each))

    def seen(self, y):
        """Where each response is seen, (m, n); None for everywhere."""
        seen = ~np.isnan(np.stack([part[0] for _, part in self._targets(y)]))
        return None if seen.all() else seen

    def units(self, y, weight, fit_intercept):
        """Origins and units of all responses, (m,) each, by the rows that see them."""
        found = []
        for family, values, seen in self._seen_targets(y):
            if not seen.any():
                found.append((0.0, 1.0))
                continue
            found.append(family.units(values, weight[seen], fit_intercept))
        return tuple(np.transpose(found))

    def measured(self, y, origin, unit):
        """Responses in their units of measurement."""
        parts = zip(self._targets(y), origin, unit, strict=True)
        return np.concatenate([f.measured(part, o, u) for (f, part), o, u in parts])

    def resolution(self, y):
        """Of every response, (m,)."""
        each = (
            family.resolution(values) if seen.any() else np.inf
            for family, values, seen in self._seen_targets(y)
        )
        return np.array(list(each))

    def base(self, y):
        total = 0.0
        for family, part, seen in self._parts(y):
            total = total + _where(seen, family.base(part))
        return total

    def initial(self, y):
        rows = [
            np.atleast_2d(family.initial(part)) for family, part, _ in self._parts(y)
        ]
        return np.concatenate(rows)

    # Densities ------------------------------------------------------------------------

    def outside(self, eta):
        each = [family.outside(own) for family, own in self._predictors(eta)]
        each = [outside for outside in each if outside is not None]
        return np.logical_or.reduce(each) if each else None

    def evaluate(self, y, eta, scale, log_prior):
        log_joint, scores, information, statistic = log_prior, [], [], []
        for family, part, seen, own, phi in self._all(y, eta, scale):
            # A family may overwrite its predictors.
            at = family.evaluate(part, own.copy(), phi, 0.0)
            log_joint = log_joint + _where(seen, at.log_joint)
            shape = (len(family.predictors), *at.log_joint.shape)
            score = np.broadcast_to(at.raw_score * at.factor, shape)
            known = at.raw_information * np.square(at.factor)
            scores.append(_where(seen, score))
            information.append(_where(seen, np.broadcast_to(known, shape)))
            if family.constants:
                ones = np.ones(at.log_joint.shape)
                statistic += [_where(seen, s) for s in (ones, *at.statistic)]
        scores, information = np.concatenate(scores), np.concatenate(information)
        return Evaluation(log_joint, scores, information, 1.0, tuple(statistic))

    def local(self, y, eta, scale):
        total, slopes, bends = 0.0, [], []
        for family, part, seen, own, phi in self._all(y, eta, scale):
            at = family.local(part, own, phi)
            total = total + _where(seen, at.log_density)
            slopes.append([_where(seen, slope) for slope in at.slope])
            bends.append(
                [None if bend is None else _where(seen, bend) for bend in at.bend]
            )
        return Local(total, *self._in_order(slopes, bends))

    def _in_order(self, slopes, bends):
        """Derivatives by family in the order of coordinates: predictors, constants."""
        owners, places = [], []
        counts = [len(family.predictors) for family in self.families]
        for r, n in enumerate(counts):
            owners += [(r, e) for e in range(n)]
        for r, (n, of_family) in enumerate(zip(counts, slopes, strict=True)):
            owners += [(r, e) for e in range(n, len(of_family))]
        packed = [
            list(combinations_with_replacement(range(len(of_family)), 2))
            for of_family in slopes
        ]
        for (r, e), (s, f) in combinations_with_replacement(owners, 2):
            # Responses are independent: their derivatives do not mix.
            places.append(bends[r][packed[r].index((e, f))] if r == s else None)
        return tuple(slopes[r][e] for r, e in owners), tuple(places)

    def update_constants(self, constants, weight, statistic, gain, rules):
        new, first = constants.copy(), 0
        parts = _slices(len(family.constants) for family in self.families)
        for family, own, response in zip(
            self.families, parts, self.responses, strict=True
        ):
            if not family.constants:
                continue
            # The weight of the rows that see the response is the first statistic.
            last = first + 1 + _n_statistics(family)
            new[..., own] = family.update_constants(
                constants[..., own],
                statistic[..., first],
                statistic[..., first + 1 : last],
                gain[..., response.predictors],
                rules[own],
            )
            first = last
        return new

    def log_density(self, y, eta, scale):
        total = 0.0
        for family, part, seen, own, phi in self._all(y, eta, scale):
            total = total + _where(seen, family.log_density(part, own, phi))
        return total

    def log_kernel(self, y, eta, scale):
        total = 0.0
        for family, part, seen, own, phi in self._all(y, eta, scale):
            total = total + _where(seen, family.log_kernel(part, own, phi))
        return total

    def mean(self, eta, scale):
        """Expected responses of all families, (m, ...)."""
        return np.stack([f.mean(own, phi) for f, own, phi in self._moments(eta, scale)])

    def variance(self, eta, scale):
        """Variances of all responses, (m, ...)."""
        return np.stack(
            [f.variance(own, phi) for f, own, phi in self._moments(eta, scale)]
        )

    # Parts of arrays ------------------------------------------------------------------

    def _targets(self, y):
        """Families with the rows of their target, (1 + D, ...)."""
        sizes = (family.target_rows for family in self.families)
        for family, rows in zip(self.families, _slices(sizes), strict=True):
            yield family, y[rows]

    def _seen_targets(self, y):
        """Families, their targets where they are seen, and where this is, (n,)."""
        for family, part in self._targets(y):
            seen = ~np.isnan(part[0])
            yield family, part[:, seen] if len(part) > 1 else part[0, seen], seen

    def _parts(self, y):
        """Families, their targets with possible values, and where they are seen."""
        for family, part in self._targets(y):
            seen = ~np.isnan(part[0])
            if seen.all():
                seen = None
            else:
                part, own = part.copy(), len(part) - len(family.row_data)
                inner = np.atleast_2d(family.target(np.array([_inner(family)])))
                part[:own, ~seen] = inner[:own]
            yield family, part if len(part) > 1 else part[0], seen

    def _predictors(self, eta):
        for family, response in zip(self.families, self.responses, strict=True):
            own = eta[response.predictors]
            yield family, own[0] if len(own) == 1 else own

    def _moments(self, eta, scale):
        """Families, their predictors and constants."""
        parts = _slices(len(family.constants) for family in self.families)
        total = len(self.constants)
        scale = scale[None] if total == 1 else scale
        for (family, own), constants in zip(self._predictors(eta), parts, strict=True):
            phi = scale[constants] if family.constants else 1.0
            yield family, own, phi[0] if len(family.constants) == 1 else phi

    def _all(self, y, eta, scale):
        parts = zip(self._parts(y), self._moments(eta, scale), strict=True)
        for (family, target, seen), (_, own, phi) in parts:
            yield family, target, seen, own, phi


def _check_response(number, check, values):
    """Check what is seen of a response, whose number an error says."""
    try:
        if values.size:
            check(values)
    except ValueError as error:
        raise ValueError(f"Response {number}: {error}") from None


def _slices(sizes):
    """Adjacent slices of given sizes."""
    ends = np.cumsum([0, *sizes]).tolist()
    return [slice(*pair) for pair in pairwise(ends)]


def _n_statistics(family):
    """Statistics that a family sums over rows."""
    y = family.target(np.array([_inner(family)]))
    eta = np.zeros((len(family.predictors), 1, 1))
    scale = np.array([[[constant.start]] for constant in family.constants])
    scale = scale[0] if len(scale) == 1 else scale
    at = family.evaluate(y, eta if len(eta) > 1 else eta[0], scale, 0.0)
    return len(at.statistic)


def _inner(family):
    """A possible response, where formulas are finite."""
    return family.support.inner


def _where(seen, values):
    """Values where a response is seen, zero elsewhere."""
    return values if seen is None else np.where(seen, values, 0.0)
