"""Rows of mixtures with all that `fit` takes, and the same as dask collections."""

from typing import NamedTuple

import dask.array as da
import numpy as np
from numpy.testing import assert_allclose
from support import assert_same

from mixreg_sklearn import MixtureRegressor


class Case(NamedTuple):
    """A model with its data."""

    model: MixtureRegressor
    X: np.ndarray
    y: np.ndarray
    of_rows: dict  # further arguments of `fit`


SETTINGS = {
    "gaussian": {},
    "float32": {},
    "poisson": {"family": "poisson"},
    "binomial": {"family": "binomial"},
    "weights": {"shared_scale": True},
    "softmax": {"gate": "softmax", "gate_features": [1]},
    "groups": {"gate": "softmax", "gate_features": [2]},
    "held": {"offset_feature": 1, "held_coef": {0: [None, 1.0]}},
    "lasso": {"alpha": 0.1, "l1_ratio": 1.0, "coef_bounds": {0: (None, 0.4)}},
    "fused": {"alpha": 0.1, "l1_ratio": 0.9, "penalty": "fused"},
}


def case_of(name, n=900, seed=0):
    """Two regressions on three features, of which the last is constant in groups."""
    rng = np.random.default_rng(seed)
    X, unit = rng.normal(size=(n, 3)), np.arange(n)
    if name == "groups":
        unit = np.arange(n) // 3
    X[:, 2] = rng.normal(size=n)[unit]
    first = rng.random(n)[unit] < 1 / (1 + np.exp(-X[:, 1 if name == "softmax" else 2]))
    eta = np.where(first, 2 + X[:, 0], -1 - X[:, 1])
    y, of_rows = eta + 0.5 * rng.normal(size=n), {}
    if name == "groups":
        of_rows["groups"] = np.array([f"subject {u}" for u in unit])
    if name in ("poisson", "groups"):
        of_rows["offset"] = 0.3 * rng.normal(size=n)
        y = y + of_rows["offset"]
    if name == "poisson":
        y = rng.poisson(np.exp(0.7 * eta + of_rows["offset"])) * 1.0
    if name == "binomial":
        of_rows["trials"] = rng.integers(5, 20, size=n)
        y = rng.binomial(of_rows["trials"], 1 / (1 + np.exp(-eta))) * 1.0
    if name in ("weights", "groups"):
        of_rows["sample_weight"] = rng.integers(0, 3, size=n)[unit] * 0.4
    X = X.astype(np.float32 if name == "float32" else float)
    model = MixtureRegressor(2, random_state=0, **SETTINGS[name])
    return Case(model, X, y, of_rows)


def scattered(case, *sizes):
    """The arrays of a case as dask arrays, with chunks of given sizes."""
    sizes = sizes or (300,) * (len(case.y) // 300)
    return case._replace(
        X=da.from_array(case.X, chunks=(sizes, 2)),
        y=da.from_array(case.y, chunks=(sizes,)),
        of_rows={
            name: da.from_array(values, chunks=(sizes,))
            for name, values in case.of_rows.items()
        },
    )


def assert_same_fit(ours, theirs):
    """The answer in memory, to rounding."""
    assert_same(ours, theirs)
    assert_allclose(ours.log_likelihood_, theirs.log_likelihood_, rtol=1e-10)
    assert_allclose(ours.bic_, theirs.bic_, rtol=1e-10)
    for name in ("n_parameters_", "converged_", "grouped_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert ours.search_.keys() == theirs.search_.keys()
    assert ours.null_.keys() == theirs.null_.keys()
    for name, value in theirs.null_.items():
        assert_allclose(ours.null_[name], value, rtol=1e-8, atol=1e-12)
