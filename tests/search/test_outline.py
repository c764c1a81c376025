"""Searches among many columns."""

import numpy as np
import pytest
from engine.cases import problem_of
from numpy.testing import assert_allclose
from scipy import sparse
from support import log_normal

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn._search.estimate import Limits, estimate_found
from mixreg_sklearn._search.outline import WIDE, outline_of
from mixreg_sklearn._search.pooled import fit_pooled

D = 120


def wide(seed=0, n=5000, d=D, filled=0.05, few=None, groups=None):
    """Rows of two regressions on many features: X, y, coefficients, label of rows.

    The regressions differ in all features, or in a `few`.
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * (rng.random((n, d)) < filled)
    coef = rng.normal(size=(2, d))
    if few:
        coef[1, few:] = coef[0, few:]
    label = (rng.random(n) < 0.4).astype(int)
    if groups is not None:
        label = label[groups]
    mean = np.einsum("ij,ij->i", X, coef[label]) + label
    return X, mean + 0.5 * rng.normal(size=n), coef, label


def log_likelihood(X, y, coef):
    """Log-likelihood of the truth."""
    joint = [
        np.log(share) + log_normal(y, X @ b + k, 0.5)
        for k, (share, b) in enumerate(zip((0.6, 0.4), coef, strict=True))
    ]
    return np.logaddexp(*joint).sum()


@pytest.mark.parametrize("groups", [None, np.arange(5000) // 4])
@pytest.mark.parametrize("stored", [np.asarray, sparse.csr_array])
def test_an_outline_has_what_components_differ_in(groups, stored):
    X, y, coef, _ = wide(groups=groups)
    problem = problem_of(MixtureRegressor(2), stored(X), y, groups=groups)
    assert problem.rows.n_columns > WIDE
    ground = problem.rows
    pooled = fit_pooled(problem.pooled_model, ground)
    outline = outline_of(problem, ground, pooled)
    (to_all,) = outline.maps
    assert len(to_all) < 12
    _, slopes = problem.to_features(to_all)
    difference = X @ (coef[1] - coef[0])
    span = np.linalg.qr(X @ slopes.T)[0]
    assert ((span.T @ difference) ** 2).sum() > 0.6 * (difference**2).sum()
    # The columns are orthonormal, and the pooled regression is one of theirs.
    block = outline.rows.whole()
    total = problem.rows.total_weight
    assert_allclose(block.columns[0].total / total, np.eye(len(to_all)), atol=1e-7)
    assert_allclose(outline.expanded(outline.pooled).coef, pooled.coef, atol=1e-6)


@pytest.mark.parametrize("few", [None, 3])
@pytest.mark.parametrize("stored", [np.asarray, sparse.csr_array])
def test_a_fit_among_many_columns_is_as_likely_as_the_truth(few, stored):
    X, y, coef, _ = wide(few=few, filled=0.3 if few else 0.05)
    model = MixtureRegressor(2, random_state=0).fit(stored(X), y)
    assert model.converged_
    assert model.log_likelihood_ > log_likelihood(X, y, coef)


def test_sparse_and_dense_columns_lead_to_one_maximum():
    X, y, *_ = wide()
    ours, theirs = (
        MixtureRegressor(2, random_state=0).fit(each, y)
        for each in (sparse.csr_array(X), X)
    )
    assert_allclose(ours.log_likelihood_, theirs.log_likelihood_, rtol=1e-9)
    assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)


def test_many_columns_of_many_rows_are_searched_on_some():
    X, y, coef, _ = wide(n=30_000)
    model = MixtureRegressor(2, random_state=0).fit(sparse.csr_array(X), y)
    assert model.converged_
    assert model.search_["sample_rows"] < 5000
    assert model.log_likelihood_ > log_likelihood(X, y, coef)


@pytest.mark.parametrize(
    "variant",
    [
        {"shared_features": [0, 1, 2]},
        {"held_coef": {0: [1.0, None]}},
        {"shared_scale": True},
        {"gate": "softmax", "gate_features": [0]},
        {"fit_intercept": False},
    ],
)
def test_constraints_hold_among_many_columns(variant):
    X, y, _, label = wide(n=4000)
    if "shared_features" in variant:
        y += X[:, :3] @ np.array([2.0, -1.0, 1.0])
    if "fit_intercept" in variant:
        y -= label
    model = MixtureRegressor(2, random_state=0, **variant).fit(sparse.csr_array(X), y)
    assert model.converged_
    assert (model.scale_ < 0.7).all()
    if "shared_features" in variant:
        assert_allclose(model.coef_[0, :3], model.coef_[1, :3])
    if "held_coef" in variant:
        assert_allclose(model.coef_[0, 0], 1.0)


def test_counts_among_many_columns():
    rng = np.random.default_rng(0)
    X, _, coef, label = wide(n=6000)
    mean = np.exp(1 + label + np.einsum("ij,ij->i", X, coef[label]) / 2)
    y = rng.poisson(mean)
    model = MixtureRegressor(2, family="poisson", random_state=0)
    model.fit(sparse.csr_array(X), y)
    assert model.converged_
    found = model.predict_membership(sparse.csr_array(X), y)
    assert max((found == label).mean(), (found != label).mean()) > 0.8


class Watch:
    """Sees the optima of every round."""

    def __init__(self):
        self.seen = []

    def begin_round(self):
        self.seen.append(None)

    def end_round(self, search):
        self.seen[-1] = search.optima
        return True


def test_who_watches_a_search_in_outline_sees_all_columns():
    X, y, *_ = wide(n=3000)
    problem = problem_of(MixtureRegressor(2), X, y)
    watch, rng = Watch(), np.random.default_rng(0)
    estimate_found(problem, rng, Limits(3, 1e-8, 200), watch)
    for optima in watch.seen:
        for optimum in optima:
            fitted = problem.to_user(optimum.params)
            assert fitted.coef.shape == (1, 2, D)
