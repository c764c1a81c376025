"""Rows of groups that share a component, fits and brute-force formulas."""

import numpy as np
from hypothesis import strategies as st
from support import log_normal

from mixreg_sklearn import MixtureRegressor

sizes = st.sampled_from([2, 3])


def panel(seed, n_groups=40, n_components=2, largest=6, spacing=2.0):
    """Groups of 1 to `largest` rows, rows in any order; lines that overlap a little.

    Returns X, y, the group of every row, and the component of every group.
    """
    rng = np.random.default_rng(seed)
    size = rng.integers(1, largest + 1, size=n_groups)
    group = rng.permutation(np.repeat(np.arange(n_groups), size))
    label = rng.permutation(np.arange(n_groups) % n_components)
    X = rng.normal(size=(len(group), 2))
    coef = rng.normal(size=(n_components, 2))
    of_row = label[group]
    mean = spacing * of_row + np.einsum("ij,ij->i", X, coef[of_row])
    return X, mean + 0.6 * rng.normal(size=len(group)), group, label


def fit(X, y, group, n_components=2, *, weight=None, **options):
    model = MixtureRegressor(n_components, random_state=0, **options)
    return model.fit(X, y, weight, groups=group)


def log_densities(model, X, y):
    """Gaussian log-densities of rows, (n, K)."""
    columns = [
        log_normal(y, a + X @ b, s)
        for a, b, s in zip(model.intercept_, model.coef_, model.scale_, strict=True)
    ]
    return np.column_stack(columns)


def joint_of_groups(model, log_density, group):
    """``log pi_k + sum_i log f_k(y_i)``, one loop for each group; (G, K)."""
    return np.array(
        [
            np.log(model.weights_) + log_density[group == g].sum(axis=0)
            for g in np.unique(group)
        ]
    )
