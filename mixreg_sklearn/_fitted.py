"""The estimates of a fit in the user's units, and what they imply for rows."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from sklearn.utils import check_array

from ._background import make_background
from ._data.chunks import chunks, copied, times
from ._data.row_data import given
from ._estimates import Estimates
from ._numerics import log_normalize
from .families import Family
from .families._names import make_family

_KEYS = ("weights", "coef", "intercept", "scale")
_GATE_KEYS = ("gate_coef", "gate_intercept")
_BACKGROUND = "background_weight"
# About how many intermediate results there are for a row and a linear predictor.
_INTERMEDIATE = 16


class _Arrays(NamedTuple):
    """The fields of `Fitted`."""

    family: Family
    weights: np.ndarray  # (K',)
    intercept: np.ndarray  # (L, K)
    coef: np.ndarray  # (L, K, d)
    constants: np.ndarray  # (S, K)
    background: object = None  # one of `_background`, or None
    gate_intercept: np.ndarray | None = None  # (K',), None if the gate has no features
    gate_coef: np.ndarray | None = None  # (K', d)


class Fitted(Estimates, _Arrays):
    """The estimates of a mixture with L predictors and S constants a component.

    There are K' shares: those of the K components, and of a background, if there is
    one. Of m > 1 responses, `coef` is (m, K, d) outside, `intercept` and `scale`
    (m, K).
    Outside this class, the arrays are named ``weights``, ``coef``, ``intercept``,
    ``scale``, further constants (``df``) and predictors (``zero_coef``,
    ``zero_intercept``), ``gate_coef`` and ``gate_intercept``. These are the keys of the
    parameter `init` and, with an underscore, the fitted attributes.
    """

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

    def null(self, arrays):
        """The regression without features, by name as in `from_arrays`."""
        return Fitted.from_arrays(self.family, arrays)

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
    def constant_prior(self):
        """Whether prior probabilities are the same for all rows."""
        return self.gate_coef is None

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
        if field in ("weights", "scale", "constants") and not np.all(value > 0):
            raise ValueError(f"init[{key!r}] must be positive.")
        if key == _BACKGROUND and value < 0:
            raise ValueError(f"init[{key!r}] must not be negative.")
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
