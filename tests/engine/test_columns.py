"""Columns that are never made equal those in memory."""

import numpy as np
import pytest
from engine.cases import assert_same_sums, problem_of, whole_block
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from outside_families import ZeroInflatedPoisson
from support import many, seeds, some

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn._engine.columns import Dense, DenseWithProducts, Implicit, Ones
from mixreg_sklearn._engine.design import Features, make_design
from mixreg_sklearn._engine.layout import layout_of
from mixreg_sklearn._engine.margins import margins_of
from mixreg_sklearn._engine.params import Params

designs = st.fixed_dictionaries(
    {
        "n": st.sampled_from([1, 7, 60]),
        "d": st.sampled_from([1, 3, 22]),
        "dtype": st.sampled_from([np.float32, np.float64]),
        "order": st.sampled_from("CF"),
        "intercept": st.booleans(),
        "deficient": st.booleans(),
    }
)


def features(seed, n, d, dtype, order, deficient):
    """Features of unequal units; the last one may be twice the first."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * np.logspace(-2, 2, d) + rng.normal(size=d)
    if deficient:
        X[:, -1] = 2 * X[:, 0]
    return np.asarray(X, dtype=dtype, order=order)


def both(X, intercept, weight):
    """The same columns, implicit and in memory, and those of another predictor."""
    features = Features(X, np.arange(X.shape[1]), None)
    margins = margins_of(features, weight, intercept)
    design = make_design(margins, len(X), intercept)
    Z = design.columns(X)
    other = Dense(Z[::-1][:2] + 1.0, weight)
    return Implicit(X, design, weight), Dense(Z, weight), other


def assert_same_verbs(ours, theirs, other, seed, rtol=1e-10):
    """Every verb of columns, to `rtol` of the largest number that it gives."""
    rng = np.random.default_rng(seed)
    p, n = theirs.Z.shape
    coef, v, w = rng.normal(size=(4, p)), rng.normal(size=(4, n)), rng.random((4, n))
    tau = rng.dirichlet(np.ones(3), size=(2, n)).swapaxes(1, 2) * theirs_weight(theirs)
    assert ours.n_columns == theirs.n_columns == p
    for a, b in (
        (ours.predict(coef), theirs.predict(coef)),
        (ours.cross(v), theirs.cross(v)),
        (ours.cross(v.reshape(2, 2, n)), theirs.cross(v.reshape(2, 2, n))),
        (ours.gram(w), theirs.gram(w)),
        (ours.scores(v), theirs.scores(v)),
        (ours.product(v, other), theirs.product(v, other)),
        (ours.product(v, ours), theirs.product(v, theirs)),
        (other.product(v, ours), other.product(v, theirs)),
        (Ones().product(v, ours), Ones().product(v, theirs)),
        (ours.product(v, Ones()), theirs.product(v, Ones())),
        (ours.total, theirs.total),
        (ours.shared_grams(tau), theirs.shared_grams(tau)),
    ):
        assert a.shape == b.shape
        assert a.dtype == np.float64
        assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max(initial=1.0))
    out = np.empty((4, p, n))
    assert ours.scores(v, out=out) is out
    assert_allclose(out, theirs.scores(v), rtol=rtol, atol=rtol)


def theirs_weight(columns):
    """The row weights that columns were made with, 1.5 everywhere."""
    return np.full(columns.Z.shape[1], 1.5)


@many
@given(seeds, designs)
def test_implicit_columns_equal_those_in_memory(seed, design):
    design = dict(design)
    intercept = design.pop("intercept")
    X = features(seed, **design)
    columns = both(X, intercept, np.full(len(X), 1.5))
    if columns[1].n_columns:
        assert_same_verbs(*columns, seed)


@some
@given(seeds, st.sampled_from([1, 3, 6]))
def test_kept_products_are_those_of_the_columns(seed, p):
    weight = np.full(50, 1.5)
    Z = np.random.default_rng(seed).normal(size=(p, 50))
    ours, theirs = DenseWithProducts(Z, weight), Dense(Z, weight)
    assert_same_verbs(ours, theirs, Dense(Z[:1], weight), seed)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_implicit_columns_are_read_from_a_memory_map(dtype, order, tmp_path):
    X = features(0, 200, 4, dtype, order, False)
    mapped = np.memmap(tmp_path / "X", dtype, "w+", shape=X.shape, order=order)
    mapped[:] = X
    implicit, dense, other = both(mapped, True, np.full(200, 1.5))
    assert np.shares_memory(implicit.X, mapped)
    assert_same_verbs(implicit, dense, other, 0)


def _implicit(problem, block, X):
    """The block with columns that are never made."""
    columns = Implicit(
        X[problem.table.order][block.rows], problem.frame.design, block.weight
    )
    return block._replace(columns=(columns,) * len(block.columns))


@pytest.mark.parametrize("family", ["gaussian", "poisson", ZeroInflatedPoisson()])
@pytest.mark.parametrize("grouped", [False, True])
def test_a_mixture_of_implicit_columns_has_the_same_sums(family, grouped):
    rng = np.random.default_rng(3)
    X = features(3, 300, 3, np.float32, "F", True)
    y = rng.poisson(3.0, size=300).astype(float)
    groups = rng.integers(0, 80, size=300) if grouped else None
    problem = problem_of(
        MixtureRegressor(2, family=family),
        X,
        y,
        rng.integers(1, 3, size=80)[groups] if grouped else rng.random(300) + 0.5,
        groups=groups,
    )
    model, (block,) = problem.model, problem.rows.scan(whole_block, None)
    P, S = model.regressions.predictors[-1].stop, len(model.family.constants)
    params = Params(
        0.3 * rng.normal(size=(2, 2, P)),
        np.exp(0.2 * rng.normal(size=(2, 2, S))),
        rng.normal(size=(2, 2, 1)),
    ).normalized()
    assert layout_of(params).size == model.basis(params).shape[0]
    implicit = _implicit(problem, block, X)
    for verb in (model.summarize, model.curvature):
        assert_same_sums(verb(params, implicit), verb(params, block), rtol=1e-9)
    ours, theirs = (
        model.curvature_and_scores(params.take(0), b) for b in (implicit, block)
    )
    assert_same_sums(ours, theirs, rtol=1e-9)
