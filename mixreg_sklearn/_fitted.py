"""The estimates of a fit in the user's units, and what they imply for rows."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from sklearn.utils import check_array

from ._background import make_background
from ._data.chunks import chunks, collected, copied, times
from ._data.groups import SharedPrior
from ._data.known import evidence_of
from ._data.row_data import given
from ._numerics import log_normalize
from .families import Family
from .families._names import make_family
from .predictive import MixtureDistribution
from .predictive._components import draw_components, draw_given, predictors_of

_KEYS = ("weights", "coef", "intercept", "scale")
_GATE_KEYS = ("gate_coef", "gate_intercept")
_BACKGROUND = "background_weight"
# About how many intermediate results there are for a row and a linear predictor.
_INTERMEDIATE = 16


class Fitted(NamedTuple):
    """The estimates of a mixture with L predictors and S constants a component.

    There are K' shares: those of the K components, and of a background, if there is
    one. Of m > 1 responses, `coef` is (m, K, d) outside, `intercept` and `scale`
    (m, K).
    Outside this class, the arrays are named ``weights``, ``coef``, ``intercept``,
    ``scale``, further constants (``df``) and predictors (``zero_coef``,
    ``zero_intercept``), ``gate_coef`` and ``gate_intercept``. These are the keys of the
    parameter `init` and, with an underscore, the fitted attributes.
    """

    family: Family
    weights: np.ndarray  # (K',)
    intercept: np.ndarray  # (L, K)
    coef: np.ndarray  # (L, K, d)
    constants: np.ndarray  # (S, K)
    background: object = None  # one of `_background`, or None
    gate_intercept: np.ndarray | None = None  # (K',), None if the gate has no features
    gate_coef: np.ndarray | None = None  # (K', d)

    @classmethod
    def of(cls, model):
        """The estimates of a fitted estimator."""
        family = make_family(model.family)
        names = (*places_of(family), "scale", _BACKGROUND, *_GATE_KEYS)
        arrays = {name: getattr(model, f"{name}_", None) for name in names}
        bounds = getattr(model, "background_bounds_", None)
        background = make_background(model.background, bounds, family)
        return cls.from_arrays(family, given(**arrays), background)

    @classmethod
    def from_arrays(cls, family, arrays, background=None):
        """Estimates from arrays by name.

        Missing constants are set to `Constant.start`, missing coefficients to zero.
        """
        *_, K, d = np.shape(arrays["coef"])
        L, starts = len(family.predictors), [c.start for c in family.constants]
        rest = () if background is None else [arrays.get(_BACKGROUND, 1.0)]
        fitted = cls(
            family,
            np.append(np.ones(K), rest),
            np.zeros((L, K)),
            np.zeros((L, K, d)),
            np.repeat(np.array(starts, dtype=float)[:, None], K, axis=1),
            background,
            arrays.get("gate_intercept"),
            arrays.get("gate_coef"),
        )
        for name, (field, position) in places_of(family).items():
            if name in arrays:
                values = getattr(fitted, field)
                if field == "weights":
                    values[:K] = arrays[name]
                else:
                    values[position] = arrays[name]
        scales = np.atleast_2d(arrays.get("scale", np.zeros((0, K))))
        for response, scale in zip(family.responses, scales, strict=False):
            if response.scale is not None:
                fitted.constants[response.scale] = scale
        return fitted

    def arrays(self):
        """The estimates by name, as `init` takes them."""
        arrays = {
            name: getattr(self, field)[position]
            for name, (field, position) in places_of(self.family).items()
        }
        if self.background is not None:
            arrays |= {"weights": self.weights[:-1], _BACKGROUND: self.weights[-1]}
        # A response without a scale has scales of one.
        scales = np.ones((len(self.family.responses), self.n_components))
        for response, scale in zip(self.family.responses, scales, strict=True):
            if response.scale is not None:
                scale[:] = self.constants[response.scale]
        arrays["scale"] = scales if len(scales) > 1 else scales[0]
        return arrays | given(
            gate_coef=self.gate_coef, gate_intercept=self.gate_intercept
        )

    def attributes(self):
        """The fitted attributes of an estimator: the arrays, with an underscore."""
        attributes = {f"{name}_": value for name, value in self.arrays().items()}
        if self.background is not None:
            bounds = [self.background.lower, self.background.upper]
            attributes["background_weight_"] = float(self.weights[-1])
            attributes["background_bounds_"] = np.array(bounds)
        return attributes

    @property
    def n_components(self):
        return self.intercept.shape[1]

    @property
    def scale(self):
        """Constants as the family takes them: (K,), or (S, K) if there are several."""
        if not len(self.constants):
            return np.ones(self.n_components)
        return self.constants[0] if len(self.constants) == 1 else self.constants

    def reorder(self, order):
        """Permute components by `order`; the first becomes the baseline of the gate."""
        gate = None, None
        shares = [*order, *range(len(order), len(self.weights))]
        if self.gate_coef is not None:
            intercept, coef = self.gate_intercept[shares], self.gate_coef[shares]
            gate = intercept - intercept[0], coef - coef[0]
        return Fitted(
            self.family,
            self.weights[shares],
            self.intercept[:, order],
            self.coef[:, order],
            self.constants[:, order],
            self.background,
            *gate,
        )

    def marginals(self):
        """The mixtures of single responses, a list; of one response, itself."""
        responses = self.family.responses
        if len(responses) == 1:
            return [self]
        constants = np.cumsum([0, *(len(f.constants) for f in self.family.families)])
        return [
            self._replace(
                family=family,
                intercept=self.intercept[response.predictors],
                coef=self.coef[response.predictors],
                constants=self.constants[first:last],
            )
            for family, response, (first, last) in zip(
                self.family.families, responses, pairwise(constants), strict=True
            )
        ]

    def parts(self, X):
        """Yield slices of rows, whose intermediate results are small, and X there."""
        for rows in chunks(X.shape[0], _INTERMEDIATE * self.intercept.size + copied(X)):
            yield rows, X[rows]

    def predictor(self, X, offset=None):
        """Linear predictors: (n, K), or (L, n, K) if there are several.

        The offset, (n,), is added to the first one.
        """
        eta = [times(X, coef) for coef in self.coef]
        for each, intercept in zip(eta, self.intercept, strict=True):
            each += intercept
        if offset is not None:
            eta[0] += offset[:, None]
        return eta[0] if len(eta) == 1 else np.stack(eta)

    def log_prior(self, X):
        """Log prior probabilities of rows, (n, K')."""
        if self.gate_coef is None:
            with np.errstate(divide="ignore"):
                log_prior = np.log(self.weights)
            return np.broadcast_to(log_prior, (X.shape[0], len(log_prior)))
        return log_normalize(times(X, self.gate_coef) + self.gate_intercept)

    def log_prior_of_groups(self, X, groups):
        """Log prior probabilities of groups, (G, K').

        Raises
        ------
        ValueError
            If they differ within a group.
        """
        if self.gate_coef is None:
            return self.log_prior(groups.labels)  # asks for nothing but their number
        shared = SharedPrior(groups, len(self.weights))
        for rows, part in self.parts(X):
            shared.add(groups.of(rows), self.log_prior(part))
        return shared.log_prior

    def priors(self, X, groups=None):
        """Yield chunks of rows, or of groups, and their priors, (U, K')."""
        if groups is None:
            parts = ((rows, self.log_prior(part)) for rows, part in self.parts(X))
        else:
            parts = self.parts(self.log_prior_of_groups(X, groups))
        for units, log_prior in parts:
            yield units, np.exp(log_prior)

    def prior(self, X):
        """Prior probabilities of rows, (n, K')."""
        if self.gate_coef is None:
            return np.exp(self.log_prior(X))
        return collected(lambda _, prior: prior, self.priors(X), X.shape[0])

    def log_joints(self, X, target, groups=None, offset=None, known=None):
        """Yield chunks of rows, or of groups, and their ``log pi_k + log f_k(y_i)``.

        Those of groups are sums over their rows. What is `known` of components is what
        `check_known` returns.
        """
        if groups is not None:
            whole = self._log_joint_of_groups(X, target, groups, offset)
            if known is not None:
                whole += evidence_of(known[groups.first], len(self.weights)).T
            yield from self.parts(whole)
            return
        for rows, part in self.parts(X):
            log_joint = self._log_density(part, rows, target, offset)
            log_joint += self.log_prior(part)
            if known is not None:
                log_joint += evidence_of(known[rows], len(self.weights)).T
            yield rows, log_joint

    def _log_joint_of_groups(self, X, target, groups, offset):
        total = np.zeros((len(groups.labels), len(self.weights)))
        for rows, part in self.parts(X):
            here = groups.of(rows)
            log_density = self._log_density(part, rows, target, offset)
            total[here.labels] += here.sum(log_density)
        total += self.log_prior_of_groups(X, groups)
        return total

    def _log_density(self, part, rows, target, offset):
        """``log f_k(y_i)``, (B, K'), of a chunk of X and its rows."""
        eta = self.predictor(part, None if offset is None else offset[rows])
        y = target[..., rows]
        log_density = self.family.log_density(y[..., None], eta, self.scale)
        if self.background is None:
            return log_density
        apart = self.background.log_density(y)
        return np.column_stack([log_density, apart])

    def log_joint(self, X, target, groups=None, offset=None, known=None):
        """``log pi_k + log f_k(y_i)`` of rows, (n, K'), or of groups, (G, K')."""
        parts = self.log_joints(X, target, groups, offset, known)
        n_units = X.shape[0] if groups is None else len(groups.labels)
        return collected(lambda _, log_joint: log_joint, parts, n_units)

    def distribution(self, X, offset=None, row_data=None):
        """Distributions of the responses. -> MixtureDistribution."""
        return MixtureDistribution(
            self.family,
            self.predictor(X, offset),
            self.scale,
            self.prior(X),
            background=self.background,
            **(row_data or {}),
        )

    def distributions(self, X, offset=None, row_data=None):
        """Yield chunks of rows, and the distributions of their responses."""
        for rows, part in self.parts(X):
            given = {name: values[rows] for name, values in (row_data or {}).items()}
            of_rows = None if offset is None else offset[rows]
            yield rows, self.distribution(part, of_rows, given)

    def from_distributions(self, function, X, offset=None, row_data=None):
        """``function(rows, distribution)`` for all rows; of responses, on a last axis.

        It returns an array (B, ...) for a chunk of B rows, or a tuple of them.
        """
        found = [
            collected(
                function,
                one.distributions(X, offset, own_data(one.family, row_data)),
                X.shape[0],
            )
            for one in self.marginals()
        ]
        if len(found) == 1:
            return found[0]
        if isinstance(found[0], tuple):
            return tuple(np.stack(each, axis=-1) for each in zip(*found, strict=True))
        return np.stack(found, axis=-1)

    def sample(self, X, rng, groups=None, offset=None, row_data=None):
        """Draw responses (n,) and their components (n,)."""
        n_rows = X.shape[0]
        n_units = n_rows if groups is None else len(groups.labels)
        component = collected(
            lambda _, prior: draw_components(prior, 1, rng),
            self.priors(X, groups),
            n_units,
        )
        if groups is not None:
            component = component[groups.of_row]
        drawn = [
            one.drawn(X, component, rng, offset, row_data) for one in self.marginals()
        ]
        y = drawn[0] if len(drawn) == 1 else np.stack(drawn, axis=-1)
        return y, component[:, 0]

    def drawn(self, X, component, rng, offset=None, row_data=None):
        """Draw the responses (n,) of drawn components (n, 1)."""
        row_data = own_data(self.family, row_data)
        eta = collected(
            lambda rows, ahead: predictors_of(ahead, component[rows]),
            self.distributions(X, offset, row_data),
            X.shape[0],
        )
        # All at once: the numbers that a family draws do not depend on chunks.
        return draw_given(self, np.asarray(eta), component, rng, row_data)[:, 0]


def own_data(family, row_data):
    """Those of the row data that a family declares."""
    given = row_data or {}
    return {name: given[name] for name in family.row_data if name in given}


def places_of(family):
    """From the name of an array to its field of `Fitted` and its position there.

    `scale` has none: it is the scales of all responses, which some may lack.
    """
    first = [response.first for response in family.responses]
    regressions = first if len(first) > 1 else first[0]
    places = {
        "weights": ("weights", ...),
        "coef": ("coef", regressions),
        "intercept": ("intercept", regressions),
    }
    scales = [response.scale for response in family.responses]
    for s, constant in enumerate(family.constants):
        if s not in scales:
            places[constant.name] = ("constants", s)
    for i, predictor in enumerate(family.predictors):
        if i not in first:
            places[f"{predictor.name}_coef"] = ("coef", i)
            places[f"{predictor.name}_intercept"] = ("intercept", i)
    return places


def check_start(init, family, n_components, n_features, gated, background=None):
    """Validate a start given as a dict. -> Fitted.

    Raises
    ------
    ValueError
        If a key is missing or unknown, or an array has the wrong shape or range.
    """
    places = places_of(family)
    n_shares = n_components + (background is not None)
    beside = () if background is None else (_BACKGROUND,)
    allowed = (*_KEYS, *places, *(_GATE_KEYS if gated else ()), *beside)
    required = _GATE_KEYS if gated and "weights" not in init else ("weights",)
    missing = [key for key in (*required, *_KEYS[1:]) if key not in init]
    unknown = [key for key in init if key not in allowed]
    if missing or unknown:
        raise ValueError(
            f"init must have the keys {list(_KEYS)}; with a softmax gate, also"
            f" {list(_GATE_KEYS)}, which may replace 'weights'; missing: {missing},"
            f" unknown: {unknown}."
        )
    arrays = {}
    for key, value in init.items():
        features = (n_features,) if key.endswith("coef") else ()
        several = len(family.responses) > 1 and key in _KEYS[1:]
        responses = (len(family.responses),) if several else ()
        n_rows = n_shares if key in _GATE_KEYS else n_components
        shape = () if key == _BACKGROUND else (*responses, n_rows, *features)
        value = check_array(
            np.atleast_1d(value) if shape == () else value,
            ensure_2d=False,
            allow_nd=True,
            dtype=np.float64,
            input_name=f"init[{key!r}]",
        )
        value = value[0] if shape == () and value.shape == (1,) else value
        if value.shape != shape:
            raise ValueError(f"init[{key!r}] has shape {value.shape}, not {shape}.")
        field, at = places.get(key, (key, ...))
        positive = ("weights", "scale", "constants", _BACKGROUND)
        if field in positive and not np.all(value > 0):
            raise ValueError(f"init[{key!r}] must be positive.")
        upper = family.constants[at].upper if field == "constants" else np.inf
        if np.any(value > upper):
            raise ValueError(f"init[{key!r}] must be at most {upper:g}.")
        arrays[key] = value
    if not all(key in arrays for key in _GATE_KEYS):
        arrays = {key: value for key, value in arrays.items() if key not in _GATE_KEYS}
    return Fitted.from_arrays(family, {_BACKGROUND: 0.1} | arrays, background)


def fitted_attributes(estimator):
    """Public attributes of an estimator that end in an underscore, as a dict."""
    return {
        name: value
        for name, value in vars(estimator).items()
        if name.endswith("_") and not name.startswith("_")
    }
