"""From the parameters of the estimator to the structure of the model."""

from collections.abc import Mapping
from numbers import Integral

import numpy as np

from .._background import check_background
from ..gates import ConstantGate, SoftmaxGate
from .data import Constraints, Structure, unconstrained
from .features import column_indices
from .penalties import penalties_of

# Name of the intercept in constraints.
INTERCEPT = "intercept"
_GATES = {None: ConstantGate, "softmax": SoftmaxGate}


class Columns:
    """Columns of X, as the user gave it, by name, index, slice, mask or callable."""

    def __init__(self, X, n_features, names):
        self.X, self.n_features, self.names = X, n_features, names

    def choose(self, columns, argument):
        """Sorted indices of the selected columns; None selects nothing."""
        return column_indices(columns, self.X, self.n_features, self.names, argument)

    def one(self, column, argument):
        """Index of a single column."""
        chosen = self.choose(column, argument)
        if len(chosen) != 1:
            raise ValueError(
                f"{argument} must name one column of X; {column!r} names {len(chosen)}."
            )
        return int(chosen[0])

    def maybe(self, column, argument):
        """Index of a single column, or None for None."""
        return None if column is None else self.one(column, argument)

    def name(self, index):
        """Name of a column in messages."""
        return f"feature {index}" if self.names is None else repr(self.names[index])


def _make_gate(gate, n_components, background):
    """The gate that the parameter `gate` specifies, checked."""
    gate = _GATES[gate]() if gate is None or isinstance(gate, str) else gate
    n_shares = n_components + (background is not None)
    if background is not None and isinstance(gate, ConstantGate) and gate.is_equal:
        raise ValueError(
            "gate: equal shares would give the background the share of a component,"
            f" 1 / {n_shares}: give the {n_shares} shares as numbers, that of the"
            " background last, or let them be estimated."
        )
    gate.check(n_shares)
    return gate


def make_structure(estimator, family, columns):
    """Resolve the parameters of a `MixtureRegressor`. -> Structure.

    Raises
    ------
    ValueError
        If a column does not exist or parameters contradict each other.
    """
    K = estimator.n_components
    _check_responses(estimator, family)
    gate = _make_gate(estimator.gate, K, estimator.background)
    check_background(estimator.background, family)
    known = np.full(columns.n_features, np.nan)
    if estimator.offset_feature is not None:
        known[columns.one(estimator.offset_feature, "offset_feature")] = 1.0
    offset = np.flatnonzero(known == 1.0)
    chosen = of_responses(estimator.regression_features, len(family.responses))
    given = [_features(columns, c, offset, "regression_features") for c in chosen]
    regression = given[0]
    if estimator.gate_features is not None and not gate.has_features:
        raise ValueError(
            "gate_features needs a gate that depends on features: gate='softmax'."
        )
    gating = np.empty(0, dtype=int)
    if gate.has_features:
        gating = _features(columns, estimator.gate_features, offset, "gate_features")
    rows = {INTERCEPT: 0} | {int(j): 1 + i for i, j in enumerate(regression)}
    constraints = unconstrained(len(regression), K)
    _share(constraints.sharing, rows, columns, estimator)
    _hold(constraints, rows, columns, estimator)
    penalties = penalties_of(
        *(estimator, len(constraints.held), constraints),
        lambda key, argument: _row(key, rows, columns, estimator, argument),
    )
    everywhere = _same_everywhere(constraints)
    known[regression[everywhere]] = constraints.held[1:][everywhere, 0]
    kept = np.append(True, ~everywhere)
    return Structure(
        family,
        gate,
        _of_predictors(family, columns, given, regression[~everywhere]),
        gating,
        known,
        Constraints(constraints.sharing[kept], constraints.held[kept]),
        estimator.fit_intercept,
        estimator.shared_scale,
        estimator.background,
        _held_scale(estimator, family),
        penalties and penalties.narrowed(np.flatnonzero(kept[1:])),
        _order_by(estimator, rows, columns, constraints),
    )


def _of_predictors(family, columns, given, first):
    """Features of every predictor, those of the first one less what is known.

    Those of the regressions of responses are `given`. Constraints are about the first
    one: where others have its features, they have them as they are given.
    """
    features = []
    for response, of_response in zip(family.responses, given, strict=True):
        for predictor in family.predictors[response.predictors]:
            chosen = of_response
            if predictor.features is not None:
                argument = f"features of the predictor {predictor.name!r}"
                chosen = columns.choose(predictor.features, argument)
            chosen = chosen if features else first
            same = (other for other in features if np.array_equal(other, chosen))
            features.append(next(same, chosen))
    return tuple(features)


def of_responses(selection, n_responses):
    """The selection of features for every response, a list.

    A list of m selections has one for each of m > 1 responses, all else is for all.

    Raises
    ------
    ValueError
        If a list has another length, or may be read in both ways.
    """
    listed = isinstance(selection, (list, tuple)) and n_responses > 1
    if not listed or not len(selection) or _is_mask(selection):
        return [selection] * n_responses
    single = [isinstance(each, (str, Integral)) for each in selection]
    if all(single) and len(selection) != n_responses:
        return [selection] * n_responses
    if all(single):
        whole = [list(selection)] * n_responses
        raise ValueError(
            f"regression_features={selection!r} may be one list of features for all"
            f" {n_responses} responses, or a feature for each: write {whole!r} or"
            f" {[[each] for each in selection]!r}."
        )
    if len(selection) != n_responses:
        raise ValueError(
            f"regression_features has {len(selection)} selections, but there are"
            f" {n_responses} responses: it must have one for each, or be one for all."
        )
    return list(selection)


def _is_mask(selection):
    return all(isinstance(each, (bool, np.bool_)) for each in selection)


# Parameters about one regression of each component.
_OF_ONE_RESPONSE = (
    "held_scale",
    "background",
    "offset_feature",
    "shared_features",
    "held_coef",
    "coef_bounds",
    "order_by",
)


def _check_responses(estimator, family):
    """Raise ValueError for parameters that several responses do not have."""
    for name in _OF_ONE_RESPONSE if len(family.responses) > 1 else ():
        if getattr(estimator, name) is not None:
            raise ValueError(f"{name} is not available with several responses.")


def _features(columns, choice, offset, argument):
    """Indices of the selected features; by default all but the offset."""
    if choice is None:
        return np.setdiff1d(np.arange(columns.n_features), offset)
    chosen = columns.choose(choice, argument)
    for index in np.intersect1d(chosen, offset):
        raise ValueError(
            f"{argument} and offset_feature both name {columns.name(index)}: an offset"
            " has no coefficient."
        )
    return chosen


def _row(key, rows, columns, estimator, argument):
    """Row of the constraints for a key of a dict."""
    named = columns.names is not None and INTERCEPT in columns.names
    if isinstance(key, str) and key == INTERCEPT and not named:
        if not estimator.fit_intercept:
            raise ValueError(
                f"{argument} names the intercept, but fit_intercept=False."
            )
        return rows[INTERCEPT]
    if not isinstance(key, (str, Integral)) or isinstance(key, bool):
        raise ValueError(
            f"{argument} must name features by name or index; got {key!r}."
        )
    index = columns.one(key, argument)
    if index not in rows:
        raise ValueError(
            f"{argument} names {columns.name(index)}, which is not among the features"
            " of the regressions (regression_features, offset_feature)."
        )
    return rows[index]


def _share(sharing, rows, columns, estimator):
    """Enter `shared_features` into the partitions of components, in place."""
    shared = estimator.shared_features
    if not isinstance(shared, Mapping):
        chosen = columns.choose(shared, "shared_features").tolist()
        shared = {index: [range(estimator.n_components)] for index in chosen}
    named = set()
    for key, parts in shared.items():
        row = _row(key, rows, columns, estimator, "shared_features")
        _check_new(row, named, key, "shared_features")
        seen = set()
        for members in _partition(key, parts, estimator.n_components):
            if seen & set(members):
                raise ValueError(
                    f"shared_features[{key!r}] names a component twice: {parts!r}."
                )
            seen |= set(members)
            sharing[row, members] = min(members)


def _check_new(row, named, key, argument):
    """Raise ValueError if two keys of a dict name one feature."""
    if row in named:
        raise ValueError(f"{argument} names {key!r} twice, by name and by index.")
    named.add(row)


def _partition(key, parts, n_components):
    """The parts of a partition of components, each a list."""
    try:
        lists = [np.asarray(list(part)) for part in parts]
    except TypeError:
        lists = [np.empty(0)]
    for members in lists:
        numbers = members.dtype.kind in "iu" and members.ndim == 1 and members.size
        if not numbers or members.min() < 0 or members.max() >= n_components:
            raise ValueError(
                f"shared_features[{key!r}] must be a list of lists of components,"
                f" numbered 0 to {n_components - 1}, as in [[0, 1]]; got {parts!r}."
            )
    return [members.tolist() for members in lists]


def _hold(constraints, rows, columns, estimator):
    """Enter `held_coef`, in place."""
    held = {} if estimator.held_coef is None else estimator.held_coef
    K, named = estimator.n_components, set()
    for key, values in held.items():
        row = _row(key, rows, columns, estimator, "held_coef")
        _check_new(row, named, key, "held_coef")
        if (constraints.sharing[row] != np.arange(K)).any():
            raise ValueError(
                f"held_coef and shared_features both name {key!r}: a coefficient that"
                " is held is not estimated, so it cannot be shared."
            )
        values, free = _numbers(values)
        finite = np.isfinite(values) | free
        if values.shape not in ((), (K,)) or not finite.all():
            raise ValueError(
                f"held_coef[{key!r}] must be a number, or {K} of them, one for each"
                f" component, None where it is free; got {held[key]!r}."
            )
        constraints.held[row] = values


def _order_by(estimator, rows, columns, constraints):
    """What orders components: index of a feature, -1 for the intercept, or None."""
    key = estimator.order_by
    if key is None:
        return None
    row = _row(key, rows, columns, estimator, "order_by")
    sharing, held = (part[row] for part in constraints)
    if estimator.n_components > 1 and (sharing == sharing[0]).all():
        raise ValueError(
            f"order_by and shared_features both name {key!r}: a coefficient that all"
            " components share does not order them."
        )
    if not np.isnan(held).any():
        raise ValueError(
            f"order_by and held_coef both name {key!r}: a coefficient that is held in"
            " all components does not order them."
        )
    return next(int(j) if j != INTERCEPT else -1 for j, i in rows.items() if i == row)


def _held_scale(estimator, family):
    """Scales that are not estimated, (K,), NaN where they are; None if all are."""
    held, K = estimator.held_scale, estimator.n_components
    if held is None:
        return None
    if family.responses[0].scale is None:
        raise ValueError(f"held_scale: {family!r} has no scale to hold.")
    values, free = _numbers(held)
    good = free | (np.isfinite(values) & (values > 0))
    if values.shape not in ((), (K,)) or not good.all():
        raise ValueError(
            f"held_scale must be a positive number, or {K} of them, one for each"
            f" component, None where it is free; got {held!r}."
        )
    if estimator.shared_scale:
        raise ValueError(
            "held_scale and shared_scale are both given: a scale that is held is not"
            " estimated, so it cannot be shared."
        )
    values = np.broadcast_to(values, K).copy()
    return None if np.isnan(values).all() else values


def _numbers(values):
    """Numbers as an array of floats, NaN for None, and where there is a None.

    What is no number is infinite, and a NaN is not free.
    """
    try:
        free = np.equal(np.array(values, dtype=object), None)
        return np.array(values, dtype=float), free
    except (TypeError, ValueError):
        return np.array([np.inf]), np.array([False])


def _same_everywhere(constraints):
    """Whether all components hold a feature at one value: it joins the offset, (d,)."""
    held = constraints.held[1:]
    return (held == held[:, :1]).all(axis=1)
