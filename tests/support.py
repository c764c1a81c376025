"""Data and brute-force formulas that the tests share."""

from itertools import combinations
from typing import NamedTuple

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose


class Sample(NamedTuple):
    """Rows of a known mixture."""

    X: np.ndarray
    y: np.ndarray
    label: np.ndarray
    intercept: np.ndarray
    coef: np.ndarray
    scale: np.ndarray


def separated(seed, n=120, d=2, n_components=2, spacing=6.0):
    """Rows of a mixture whose regressions are far apart: one optimum stands out.

    Every component has at least a share of ``0.6 / n_components`` of the rows.
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    intercept = spacing * (np.arange(n_components) - (n_components - 1) / 2)
    coef = rng.normal(size=(n_components, d))
    scale = rng.uniform(0.3, 0.8, size=n_components)
    certain = np.repeat(np.arange(n_components), int(0.6 * n / n_components))
    rest = rng.choice(n_components, size=n - len(certain))
    label = rng.permutation(np.concatenate([certain, rest]))
    mean = intercept[label] + np.einsum("ij,ij->i", X, coef[label])
    y = mean + scale[label] * rng.normal(size=n)
    return Sample(X, y, label, intercept, coef, scale)


def two_lines(n=150, seed=0):
    """Two crossing lines, one feature: the textbook picture."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 4, size=n)
    steep = rng.random(n) < 0.6
    y = np.where(steep, 4 + 3 * x, 3 - x) + rng.normal(size=n) * np.where(
        steep, 1.0, 0.4
    )
    return x[:, None], y


def two_lines_and_one_odd_value():
    rng = np.random.default_rng(0)
    x, first = rng.uniform(0, 10, (300, 1)), rng.random(300) < 0.5
    y = np.where(first, 5 + 3 * x[:, 0], 20 - 2 * x[:, 0]) + 0.3 * rng.normal(size=300)
    y[7] = 1000
    return x, y


def log_normal(y, mean, scale):
    """Log-density of the normal distribution."""
    return -0.5 * np.log(2 * np.pi) - np.log(scale) - 0.5 * ((y - mean) / scale) ** 2


def log_joint(X, y, weights, intercept, coef, scale, offset=0.0):
    """``log pi_k + log f_k(y_i)``, row by row and component by component."""
    columns = [
        np.log(pi) + log_normal(y, a + X @ b + offset, s)
        for pi, a, b, s in zip(weights, intercept, coef, scale, strict=True)
    ]
    return np.column_stack(columns)


def log_likelihood(
    X, y, weights, intercept, coef, scale, sample_weight=None, offset=0.0
):
    """Log-likelihood of a gaussian mixture of regressions, by its definition."""
    joint = log_joint(X, y, weights, intercept, coef, scale, offset)
    rows = np.logaddexp.reduce(joint, axis=1)
    return float(rows.sum() if sample_weight is None else rows @ sample_weight)


def fitted(model):
    """The parameters of a fitted model, in the order of `log_likelihood`."""
    return model.weights_, model.intercept_, model.coef_, model.scale_


def jacobian(function, x, step):
    """Central differences of fourth order; rows are coordinates of `x`.

    The derivatives of a scalar function, (n,), or of one with values (m,), (n, m).
    """
    points = {1: 2 / 3, -1: -2 / 3, 2: -1 / 12, -2: 1 / 12}
    moves = np.diag(np.broadcast_to(step, len(x)))
    rows = [
        sum(c * function(x + m * move) for m, c in points.items()) for move in moves
    ]
    return np.array([row / h for row, h in zip(rows, np.diag(moves), strict=True)])


def second_derivatives(function, size):
    """Hessian at zero by differences of second order, extrapolated once, (n, n)."""
    center = function(np.zeros(len(size)))

    def around(*steps):
        step = np.sum(steps, axis=0)
        return function(step) + function(-step) - 2 * center

    def at(h):
        steps = np.diag(h * size)
        alone = np.array([around(step) for step in steps])
        hessian = np.diag(alone)
        for i, j in combinations(range(len(size)), 2):
            both = around(steps[i], steps[j]) - alone[i] - alone[j]
            hessian[i, j] = hessian[j, i] = both / 2
        return hessian / np.outer(h * size, h * size)

    return (4 * at(0.01) - at(0.02)) / 3


def flat(sums):
    """The arrays of nested tuples, one after the other."""
    if isinstance(sums, tuple):
        return [array for part in sums for array in flat(part)]
    return [sums]


# Random input: how much of it a test can afford.
seeds = st.integers(0, 10**6)
few = settings(derandomize=True, deadline=None, max_examples=10)
some = settings(derandomize=True, deadline=None, max_examples=15)
many = settings(derandomize=True, deadline=None, max_examples=25)


def as_init(model, order=slice(None)):
    """The estimates of a model, as the parameter `init` takes them."""
    names = ("weights", "coef", "intercept", "scale")
    if hasattr(model, "gate_coef_"):
        names = ("coef", "intercept", "scale", "gate_coef", "gate_intercept")
    return {name: getattr(model, name + "_")[order] for name in names}


def assert_same(ours, theirs, rtol=1e-7):
    """Same estimates, to `rtol` of the largest number of each kind."""
    for name in ("weights_", "scale_", "intercept_", "coef_", "log_likelihood_"):
        _assert_near(ours, theirs, name, rtol)
    for name in ("gate_intercept_", "gate_coef_"):
        if hasattr(theirs, name):
            _assert_near(ours, theirs, name, 10 * rtol)


def _assert_near(ours, theirs, name, rtol):
    value = getattr(theirs, name)
    atol = rtol * np.abs(value).max()
    assert_allclose(getattr(ours, name), value, rtol=rtol, atol=atol, err_msg=name)


def counts_with_offset():
    """Counts of two regressions in groups of four rows: X, y and an offset."""
    rng = np.random.default_rng(0)
    X, offset = rng.uniform(0, 3, (200, 1)), rng.normal(size=200)
    second = np.repeat(rng.random(50) < 0.4, 4)
    eta = np.where(second, 0.2 + 0.8 * X[:, 0], 2 - 0.3 * X[:, 0]) + offset
    return X, rng.poisson(np.exp(eta)), offset
