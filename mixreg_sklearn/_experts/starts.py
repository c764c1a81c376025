"""Starts: memberships that cheap mixtures, or residuals, suggest.

A mixture of regressions on splines of the columns, or on the columns, is found by the
search of `MixtureRegressor` in a fraction of the time that experts take, and tells
components that cross. Residuals of one expert for all rows tell components that lie
above each other, whatever features it understands; where their bands are permuted in
random regions, components may cross.
"""

import warnings
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from .._regressor import MixtureRegressor
from .columns import dense_columns, splines
from .mixture import pooled_means

# Segments of the splines of starts, coarse and fine.
_COARSE, _FINE = 3, 7
# Regions of a random field, and what is certain of a row in a band of residuals.
_REGIONS, _CERTAIN = 10, 0.8


class Start(NamedTuple):
    """Memberships to start from."""

    kind: str
    memberships: np.ndarray  # (U, K)


def make_starts(model, rows, n_starts, seed):
    """Starts for `rows`, of several kinds, a list."""
    rng = np.random.default_rng(seed)
    mixtures = {
        "splines": lambda: splines(rows, model.n_components, _COARSE),
        "fine splines": lambda: splines(rows, model.n_components, _FINE),
        "lines": lambda: dense_columns(rows, model.n_components),
    }
    kinds = [*mixtures]
    if rows.fold is None:  # where experts are regressions, as a rule
        kinds.reverse()
    starts = [
        Start(kind, _of_mixture(model, rows, mixtures[kind](), rng))
        for kind in kinds[:n_starts]
    ]
    if n_starts <= len(kinds):
        return starts
    bands = _bands(model, rows)
    starts.append(Start("residuals", _certain(model, rows, bands)))
    for _ in range(n_starts - len(starts)):
        field = _permuted(model, rows, bands, rng)
        starts.append(Start("random regions", _certain(model, rows, field)))
    return starts


def _of_mixture(model, rows, X, rng):
    """Memberships in a mixture of regressions on columns (n, d)."""
    gating = _gate_columns(model, rows)
    d, q = X.shape[1], gating.shape[1]
    mixture = MixtureRegressor(
        model.n_components,
        regression_features=np.arange(d),
        gate="softmax" if q else None,
        gate_features=np.arange(d, d + q) if q else None,
        shared_scale=model.shared_scale,
        n_init=1,
        random_state=int(rng.integers(2**31)),
    )
    X = np.hstack([X, gating])
    known = None if rows.evidence is None else rows.spread(np.exp(rows.evidence))
    groups = None if rows.groups is None else rows.groups.of_row
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it need not be a maximum
        data = {"groups": groups, "known_component": known}
        mixture.fit(X, rows.y, rows.weight, **data)
        return mixture.predict_proba(X, rows.y, **data)[rows.first]


def _gate_columns(model, rows):
    """Columns (n, q) of a gate that is a softmax: none without a gate."""
    columns = dense_columns(rows, model.n_components)
    if model.gate is None:
        return columns[:, :0]
    if rows.groups is None:
        return columns
    constant = [rows.groups.varying(column) is None for column in columns.T]
    return columns[:, constant]


def _bands(model, rows):
    """Numbers from 0 to K - 1 of units (U,) by rising residual from one expert."""
    residual = rows.weight * (rows.y - pooled_means(model, rows))
    height = rows.sum(residual) / rows.sum(rows.weight)
    rank = np.argsort(np.argsort(height, kind="stable"), kind="stable")
    return rank * model.n_components // rows.n_units


def _permuted(model, rows, bands, rng):
    """The same, with another permutation of bands in each of some random regions."""
    X = dense_columns(rows, model.n_components)[rows.first]
    spread = X.std(axis=0)
    X = X / np.where(spread > 0, spread, 1.0)
    centers = X[rng.choice(len(X), min(_REGIONS, len(X)), replace=False)]
    squares = (centers**2).sum(axis=1) - 2 * X @ centers.T
    identity = np.tile(np.arange(model.n_components), (len(centers), 1))
    orders = rng.permuted(identity, axis=1)
    return orders[squares.argmin(axis=1), bands]


def _certain(model, rows, component):
    """Memberships (U, K) of units whose component is all but certain."""
    K = model.n_components
    memberships = np.full((rows.n_units, K), (1 - _CERTAIN) / K)
    memberships[np.arange(rows.n_units), component] += _CERTAIN
    if rows.evidence is None:
        return memberships
    plausible = np.exp(rows.evidence)
    role = linear_sum_assignment(memberships.T @ plausible, maximize=True)[1]
    memberships = memberships[:, np.argsort(role)] * plausible
    return memberships / memberships.sum(axis=1, keepdims=True)
