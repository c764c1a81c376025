"""Steps uphill from an information matrix, by eigenvalues or by factors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from support import many, seeds

from mixreg_sklearn._engine import ascent as module
from mixreg_sklearn._engine.ascent import ascent, inverse_of
from mixreg_sklearn._engine.basis import Basis


def matrix(seed, values):
    """A symmetric matrix with these eigenvalues, and its eigenvectors."""
    rng = np.random.default_rng(seed)
    vectors, _ = np.linalg.qr(rng.normal(size=(len(values), len(values))))
    return (vectors * values) @ vectors.T, vectors


def by_factor(monkeypatch, *arguments):
    monkeypatch.setattr(module, "_SMALL", 0)
    return ascent(*arguments)


@pytest.mark.parametrize("smallest", [1e-6, 0.3, -1e-3, -2.0])
def test_factors_find_the_smallest_eigenvalue(smallest, monkeypatch):
    values = np.append(smallest, np.linspace(0.5, 3, 59))
    information, vectors = matrix(0, values)
    gradient, size = np.ones((1, 60)), np.ones((1, 60))
    ours = by_factor(monkeypatch, information[None], gradient, size)
    assert_allclose(ours.smallest, smallest, rtol=1e-5)
    assert_allclose(abs(ours.vector[0] @ vectors[:, 0]), 1, rtol=1e-8)
    assert (ours.step * gradient).sum() > 0


def test_steps_of_factors_are_those_of_eigenvalues(monkeypatch):
    information = np.array(
        [matrix(seed, np.linspace(0.1, 2, 30))[0] for seed in (1, 2)]
    )
    gradient = np.random.default_rng(0).normal(size=(2, 30))
    size = np.ones((2, 30))
    theirs = ascent(information, gradient, size)
    ours = by_factor(monkeypatch, information, gradient, size)
    assert_allclose(ours.step, theirs.step, rtol=1e-6, atol=1e-7)
    assert_allclose(ours.smallest, theirs.smallest, rtol=1e-6)


@pytest.mark.parametrize("small", [0, 400])
def test_an_eigenvalue_within_rounding_errors_counts_as_zero(small, monkeypatch):
    monkeypatch.setattr(module, "_SMALL", small)
    information = np.diag([1.0, 1.0, 3e-9])
    for size, expected in ((1.0, 3e-9), (10.0, 0.0)):
        found = ascent(information[None], np.ones((1, 3)), np.full((1, 3), size))
        assert_allclose(found.smallest, expected)


def test_an_inverse_needs_a_positive_definite_matrix():
    information, _ = matrix(0, np.linspace(0.1, 2, 20))
    v = np.arange(20.0)
    assert_allclose(inverse_of(information)(v), np.linalg.solve(information, v))
    assert inverse_of(information, -0.099) is not None
    assert inverse_of(information, -0.101) is None


@many
@given(seeds, st.booleans(), st.sampled_from([0, 1, 3]))
def test_a_basis_is_its_matrix(seed, single, n_logits):
    rng = np.random.default_rng(seed)
    places = np.split(rng.permutation(9 + n_logits), [5, 9])
    first = None if single else np.linalg.qr(rng.normal(size=(5, 3)))[0]
    parts = [first, np.full((4, 1), 0.5), np.eye(n_logits)]
    basis = Basis(places, parts)
    B = basis.expand(np.eye(basis.n_directions)).T
    assert_allclose(B.T @ B, np.eye(basis.n_directions), atol=1e-14)
    for place, part in zip(places, parts, strict=True):
        part = np.eye(5) if part is None else part
        assert_allclose(B[place] @ B[place].T, part @ part.T, atol=1e-14)
    v, A = rng.normal(size=(2, len(B))), rng.normal(size=(2, len(B), len(B)))
    A += A.swapaxes(1, 2)
    assert_allclose(basis.restrict(v), v @ B)
    assert_allclose(basis.restrict_squares(v), v @ B**2)
    assert_allclose(basis.restrict_form(A), B.T @ A @ B, atol=1e-12)
    assert_allclose(basis.rows(places[1]), B[places[1]])
    gone = basis.rows(places[1]).any(axis=0)
    fewer = basis.without(gone)
    assert_allclose(fewer.expand(np.eye(fewer.n_directions)).T, B[:, ~gone])
