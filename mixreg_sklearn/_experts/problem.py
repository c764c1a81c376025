"""From the arguments of a fit to rows and model."""

from numbers import Integral
from typing import NamedTuple

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, check_array, column_or_1d
from sklearn.utils.validation import check_consistent_length

from .._data.checks import check_enough, check_memberships, check_weight
from .._data.groups import check_constant, check_groups
from .._data.known import check_known, components_in, evidence_of
from .._expert_estimates import check_raw
from .folds import (
    canonical_order,
    given_folds,
    hash_rows,
    hash_units,
    make_folds,
    numbers_of,
)
from .mixture import Model
from .rows import Rows
from .weighting import weight_keyword

# Folds where experts may remember their rows.
_FOLDS = 5
_ADVICE = {
    "GaussianProcessRegressor": (
        " mixreg_sklearn.experts.WeightedGaussianProcessRegressor is one that does."
    )
}


class Problem(NamedTuple):
    """Rows and model of a fit."""

    model: Model
    rows: Rows
    X: object  # as given, validated
    y: np.ndarray  # (n,)
    order: np.ndarray  # (m,), the place of `rows` among those given
    known: bool  # whether something is known of components
    start: np.ndarray | None  # (U, K), memberships given by the user

    def folds(self):
        """Which estimators predict the rows of the fit, in words."""
        if self.rows.fold is None:
            return "predicted by experts fitted to them"
        return f"predicted in {self.rows.fold.max() + 1} folds"

    def in_place(self, memberships):
        """Memberships of units (U, K) at the rows given, (n, K).

        Those of rows without weight are NaN.
        """
        placed = np.full((len(self.y), memberships.shape[1]), np.nan)
        placed[self.order] = self.rows.spread(memberships)
        return placed


def pose_experts(estimator, X, y, sample_weight, groups, known, seeds):
    """Validate the arguments of a fit. -> Problem.

    `seeds` are a seed for folds and one for estimators.
    """
    experts = _checked_experts(estimator)
    gate = _checked_gate(estimator.gate, estimator.n_components)
    X = check_raw(estimator, X)
    y = _check_y(estimator, X, y)
    weight = check_weight(sample_weight, y)
    groups = check_groups(groups, y)
    check_constant(weight, groups, "sample_weight")
    K = estimator.n_components
    known = check_known(known, len(y), K, groups)
    split = _given_splits(estimator.cv, X, y, groups)
    rows, order = _rows(X, y, weight, groups, known, K, seeds[0])
    check_enough(K, rows.n_units, bool(groups))
    n_folds = _number_of_folds(estimator.cv, experts, gate)
    if split is not None:
        rows = rows._replace(fold=split[order])
    elif n_folds is not None:
        rows = rows._replace(fold=make_folds(rows, n_folds))
    labels = bool(components_in(known, K))
    model = Model(
        [_seeded(each, seeds[1]) for each in experts],
        None if gate is None else _seeded(gate, seeds[1]),
        estimator.shared_scale,
        _least_scale(rows, estimator.min_scale),
        isinstance(estimator.estimator, (list, tuple)) or labels,
    )
    start = _check_init(estimator.init, len(y), K, order, rows)
    return Problem(model, rows, X, y, order, labels, start)


def _checked_experts(estimator):
    """A list of K regressors."""
    given, K = estimator.estimator, estimator.n_components
    several = isinstance(given, (list, tuple))
    experts = list(given) if several else [given] * K
    if len(experts) != K:
        raise ValueError(
            f"estimator is a list of {len(experts)} regressors, and n_components={K}:"
            " give one for each component, or a single one for all."
        )
    for expert in experts:
        name = type(expert).__name__
        if isinstance(expert, type) or not hasattr(expert, "predict"):
            raise ValueError(
                f"estimator must be a regressor, or a list of them; got {expert!r}."
            )
        if is_classifier(expert):
            raise ValueError(f"estimator must be a regressor; {name} is a classifier.")
        if weight_keyword(expert) is None:
            raise ValueError(
                f"estimator: {_named(expert)} takes no sample_weight in fit, and"
                " memberships are weights: use a regressor that does."
                + _ADVICE.get(name, "")
            )
    return experts


def _checked_gate(gate, n_components):
    """The gate, or None where there is nothing for it to decide."""
    if gate is None:
        return None
    if isinstance(gate, (str, type)) or not hasattr(gate, "fit"):
        raise ValueError(
            f"gate must be a classifier, such as LogisticRegression(); got {gate!r}."
        )
    if not hasattr(gate, "predict_proba"):
        raise ValueError(
            f"gate: {_named(gate)} has no predict_proba, whose probabilities are the"
            " shares of components."
        )
    if weight_keyword(gate) is None:
        raise ValueError(
            f"gate: {_named(gate)} takes no sample_weight in fit, and memberships are"
            " weights: use a classifier that does."
        )
    return gate if n_components > 1 else None


def _named(estimator):
    """Name of an estimator; of a pipeline, with that of its last step."""
    name = type(estimator).__name__
    if isinstance(estimator, Pipeline):
        return f"the last step of the {name}, {type(estimator.steps[-1][1]).__name__},"
    return name


def _check_y(estimator, X, y):
    if y is None:
        name = type(estimator).__name__
        raise ValueError(f"{name} requires y to be passed, but the target y is None.")
    y = column_or_1d(y, warn=True)
    y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
    check_consistent_length(X, y)
    return y


def _rows(X, y, weight, groups, known, n_components, seed):
    """Rows of positive weight in an order of their own, and their places, (m,)."""
    columns = (y,) if known is None else (y, known)
    hashes = hash_rows(numbers_of(X), *columns, seed=seed)
    order = canonical_order(hashes, groups)
    order = order[weight[order] > 0]
    if groups is not None:
        # Numbered as they follow each other.
        label = groups.of_row[order]
        number = np.cumsum(np.diff(label, prepend=label[:1]) != 0)
        groups = check_groups(number, number)
    first = order if groups is None else order[groups.first]
    evidence = None if known is None else evidence_of(known, n_components).T[first]
    of_units = hash_units(hashes[order], groups)
    kind = np.cumsum(np.diff(of_units, prepend=of_units[:1]) != 0)
    ordered = _safe_indexing(X, order), y[order], weight[order]
    return Rows(*ordered, groups, evidence, kind), order


def _given_splits(cv, X, y, groups):
    """The fold of each row, (n,), by a splitter or pairs of rows; None without."""
    if cv is None or isinstance(cv, (str, Integral)):
        return None
    labels = None if groups is None else groups.of_row
    return given_folds(check_cv(cv).split(X, y, labels), len(y), groups)


def _number_of_folds(cv, experts, gate):
    """The number of folds, or None."""
    if cv is None:
        return None
    if isinstance(cv, Integral):
        return int(cv)
    linear = all(isinstance(_last(each), LinearRegression) for each in experts)
    logistic = gate is None or isinstance(_last(gate), LogisticRegression)
    return None if linear and logistic else _FOLDS


def _last(estimator):
    return estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator


def _seeded(estimator, seed):
    """A clone whose sources of randomness, unless they are numbers, are one seed.

    Passes then repeat the same draws, so that they can settle.
    """
    copy = clone(estimator)
    random = {
        name: seed
        for name, value in copy.get_params(deep=True).items()
        if name.split("__")[-1] == "random_state" and not isinstance(value, Integral)
    }
    return copy.set_params(**random)


def _least_scale(rows, part):
    """A part of the standard deviation of responses; of one, if they do not differ."""
    mean = np.average(rows.y, weights=rows.weight)
    spread = np.sqrt(np.average((rows.y - mean) ** 2, weights=rows.weight))
    return part * (spread if spread > 1e-12 * abs(mean) else max(abs(mean), 1.0))


def _check_init(init, n_rows, n_components, order, rows):
    """Memberships of units, (U, K), from those of rows as given; or None."""
    if init is None:
        return None
    memberships = check_memberships(init, n_rows, n_components)[order]
    count = rows.sum(np.ones(len(order)))
    return rows.sum(memberships) / count[:, None]
