"""Columns of any storage have the sums of columns in memory."""

import numpy as np
import pytest
from engine.cases import assert_same_sums, problem_of
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from outside_families import FreeStudentT, ZeroInflatedPoisson
from scipy import sparse
from support import many, seeds, some

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn._engine import sparse_columns
from mixreg_sklearn._engine.columns import Dense, DenseWithProducts, Ones
from mixreg_sklearn._engine.params import Params
from mixreg_sklearn._engine.sparse_columns import Sparse

designs = st.fixed_dictionaries(
    {
        "n": st.sampled_from([1, 7, 60]),
        "d": st.sampled_from([0, 1, 3, 22]),
        "constant": st.booleans(),
        "filled": st.sampled_from([0.0, 0.2, 1.0]),
    }
)


def both(seed, n, d, constant, filled):
    """The same columns, sparse and in memory; rows and columns may be empty."""
    rng = np.random.default_rng(seed)
    d = d if constant else max(d, 1)
    X = rng.normal(size=(n, d)) * (rng.random((n, d)) < filled)
    stored = sparse.csr_array(X)
    stored.data[::5] = 0.0  # zeros may be stored
    Z = stored.toarray().T
    weight = np.full(n, 1.5)
    if constant:
        Z = np.vstack([np.ones(n), Z])
    return Sparse(stored, constant, weight), Dense(Z, weight)


def assert_same_verbs(ours, theirs, seed, rtol=1e-11):
    """Every verb of columns, to `rtol` of the largest number that it gives."""
    rng = np.random.default_rng(seed)
    p, n = theirs.Z.shape
    weight = np.full(n, 1.5)
    other = Dense(rng.normal(size=(2, n)), weight)
    coef, v, w = rng.normal(size=(4, p)), rng.normal(size=(4, n)), rng.random((4, n))
    tau = rng.dirichlet(np.ones(3), size=(2, n)).swapaxes(1, 2) * weight
    t, own = rng.normal(size=(2, 3, 2, n)), rng.normal(size=(2, 3, 2, 2, n))
    own += own.swapaxes(2, 3)
    assert ours.n_columns == theirs.n_columns == p
    for a, b in (
        (ours.predict(coef), theirs.predict(coef)),
        (ours.cross(v), theirs.cross(v)),
        (ours.cross(v.reshape(2, 2, n)), theirs.cross(v.reshape(2, 2, n))),
        (ours.squares(v), theirs.squares(v)),
        (ours.gram(w), theirs.gram(w)),
        (ours.scores(v), theirs.scores(v)),
        (ours.product(v, other), theirs.product(v, other)),
        (ours.product(v, ours), theirs.product(v, theirs)),
        (other.product(v, ours), other.product(v, theirs)),
        (Ones().product(v, ours), Ones().product(v, theirs)),
        (ours.product(v, Ones()), theirs.product(v, Ones())),
        (_outer(ours, t, own), _outer(theirs, t, own)),
        (ours.total, theirs.total),
        (ours.shared_grams(tau), theirs.shared_grams(tau)),
    ):
        assert a.shape == b.shape
        assert a.dtype == np.float64
        assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max(initial=1.0))
    out = np.empty((4, p, n))
    assert ours.scores(v, out=out) is out
    assert_allclose(out, theirs.scores(v), rtol=rtol, atol=rtol)


def _outer(columns, t, own):
    p, (n_restarts, K, E, n) = columns.n_columns, t.shape
    out = np.empty((n_restarts, *(K, E, p) * 2))
    columns.outer(t, np.full(n, 1.5), own, out)
    return out


@many
@given(seeds, designs)
def test_sparse_columns_have_the_sums_of_dense_ones(seed, design):
    ours, theirs = both(seed, **design)
    assert_same_verbs(ours, theirs, seed)


def test_pairs_are_made_in_parts_and_kept_or_not(monkeypatch):
    monkeypatch.setattr(sparse_columns, "_PAIRS", 50)
    ours, theirs = both(0, 60, 22, True, 0.3)
    assert_same_verbs(ours, theirs, 0)
    kept = Sparse(ours.X, True, np.full(60, 1.5), keeps=True)
    assert_same_verbs(kept, theirs, 0)


@some
@given(seeds, st.sampled_from([1, 3, 6]))
def test_kept_products_are_those_of_the_columns(seed, p):
    weight = np.full(50, 1.5)
    Z = np.random.default_rng(seed).normal(size=(p, 50))
    assert_same_verbs(DenseWithProducts(Z, weight), Dense(Z, weight), seed)


CASES = {
    "gaussian": {},
    "poisson": {"family": "poisson"},
    "zero-inflated": {"family": ZeroInflatedPoisson()},
    "heavy tails": {"family": FreeStudentT()},
    "gate": {"gate": "softmax", "gate_features": [0, 2]},
    "gate and two predictors": {
        "gate": "softmax",
        "family": ZeroInflatedPoisson(),
        "gate_features": [0],
    },
}


def _problem(case, grouped, X):
    """A problem with sparse features, arbitrary rows and weights."""
    rng = np.random.default_rng(3)
    n = len(X)
    y = rng.poisson(3.0, size=n).astype(float)
    groups = weight = None
    if grouped:
        groups = rng.integers(0, 80, size=n)
        X = X.copy()
        X[:, [0, 2]] = rng.normal(size=(80, 2))[groups]
        weight = rng.integers(1, 3, size=80)[groups]
    model = MixtureRegressor(2, **CASES[case])
    return problem_of(model, sparse.csr_array(X), y, weight, groups=groups)


def _params(problem, n_restarts=2):
    rng = np.random.default_rng(4)
    model = problem.model
    P, S = model.regressions.predictors[-1].stop, len(model.family.constants)
    return Params(
        0.3 * rng.normal(size=(n_restarts, 2, P)),
        np.exp(0.2 * rng.normal(size=(n_restarts, 2, S))),
        rng.normal(size=(n_restarts, 2, problem.rows.n_logits)),
    ).normalized()


def _dense(block):
    """The block with its columns in memory."""
    columns = block.columns[0]
    Z = columns.scores(np.ones(len(block.weight)))
    dense = Dense(Z, block.weight)
    return block._replace(columns=(dense,) * len(block.columns))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("grouped", [False, True])
def test_a_mixture_of_sparse_columns_has_the_sums_of_dense_ones(case, grouped):
    rng = np.random.default_rng(5)
    X = rng.normal(size=(300, 6)) * (rng.random((300, 6)) < 0.4)
    problem = _problem(case, grouped, X)
    model, params, block = problem.model, _params(problem), problem.rows.whole()
    assert block.columns[0].sparse
    assert block.units.single != grouped
    for verb in (model.summarize, model.gradient, model.curvature):
        ours, theirs = verb(params, block), verb(params, _dense(block))
        assert_same_sums(ours, theirs, rtol=1e-10)
    ours, theirs = (
        model.curvature_and_scores(params.take(0), each)
        for each in (block, _dense(block))
    )
    assert_same_sums(ours[0], theirs[0], rtol=1e-10)
    assert sparse.issparse(ours[1])
    assert_same_sums(ours[1].toarray(), theirs[1], rtol=1e-10)
