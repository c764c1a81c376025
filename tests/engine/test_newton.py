"""Newton's method, and the derivatives it rests on."""

import numpy as np
import pytest
from engine.cases import (
    KINDS,
    assert_same_sums,
    engine,
    kinds,
    log_densities,
    log_densities_of_units,
    log_priors,
    near_truth,
    problem_of,
)
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from support import few, jacobian, many, seeds, some

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn._engine.em import em
from mixreg_sklearn._engine.layout import layout_of
from mixreg_sklearn._engine.mixture import Mixture
from mixreg_sklearn._engine.newton import polish
from mixreg_sklearn._engine.params import Params
from mixreg_sklearn._engine.regressions import Regressions
from mixreg_sklearn._engine.rows import ArrayRows
from mixreg_sklearn._engine.sharing import Separate
from mixreg_sklearn._engine.sources import Stored
from mixreg_sklearn._search.pooled import fit_pooled, repeat_component
from mixreg_sklearn.families import Poisson


@some
@given(seeds, kinds)
def test_a_batch_of_polished_restarts_equals_them_one_by_one(seed, kind):
    model, rows, params = engine(seed, kind, n_restarts=5)
    params = near_truth(model, params, seed)
    batch = polish(model, rows, params, tol=1e-9, max_iter=60)
    for r in range(5):
        single = polish(model, rows, params.take(r), tol=1e-9, max_iter=60)
        assert batch.converged[r] == single.converged[0]
        if "background" in kind and not batch.converged[r]:
            continue  # on the way to a collapse, rounding errors grow
        assert batch.n_iter[r] == single.n_iter[0]
        assert_allclose(batch.objective[r], single.objective[0], rtol=1e-11)
        assert_same_sums(batch.params.take(r), single.params, rtol=1e-7)


@many
@given(seeds, kinds)
def test_the_likelihood_never_falls_along_newton(seed, kind):
    model, rows, params = engine(seed, kind)
    start = em(model, rows, params, max_iter=1).objective
    trace = [start]
    for max_iter in (1, 2, 3, 5, 8, 13, 21, 34):
        trace.append(
            polish(model, rows, params, tol=1e-10, max_iter=max_iter).objective
        )
    steps = np.diff(trace, axis=0)
    assert (steps >= -1e-10 * np.abs(trace[1:])).all()
    assert (trace[-1] > trace[0]).all()


@some
@given(seeds, kinds)
def test_newton_ends_where_em_would(seed, kind):
    model, rows, params = engine(seed, kind, n_restarts=2)
    params = em(model, rows, params, max_iter=200).params
    polished = polish(model, rows, params, tol=1e-10, max_iter=100)
    again = em(model, rows, polished.params, max_iter=2)
    # At a maximum an M-step stands still.
    good = polished.converged
    assert_allclose(
        again.params.coef[good], polished.params.coef[good], rtol=1e-5, atol=1e-5
    )
    assert_allclose(
        again.params.constants[good], polished.params.constants[good], rtol=1e-5
    )


def _matrix(basis):
    """The directions as columns (M, m)."""
    return basis.expand(np.eye(basis.n_directions)).T


def _stepped(params, basis, t):
    """One restart after the step `t` along the basis; its prior is not normalized."""
    coef, constants, logits = layout_of(params).split((basis @ t)[None])
    return Params(
        params.coef + coef, params.constants * np.exp(constants), params.logits + logits
    )


def _objective_along(rows, params, basis):
    """Log-likelihood by its definition, as a function of a step along the basis."""

    def objective(t):
        coef, constants, logits = (x[0] for x in _stepped(params, basis, t))
        log_density, _ = log_densities(rows, coef, constants[:, 0])
        of_units = log_densities_of_units(rows, log_density)
        log_joint = of_units + log_priors(rows, logits)
        return rows.whole().unit_weight @ np.logaddexp.reduce(log_joint, axis=1)

    return objective


def _gradient_along(model, rows, params, basis):
    """The engine's gradient as a function of a step along the basis."""

    def gradient(t):
        moved = _stepped(params, basis, t).normalized()
        return basis.T @ rows.sum(model.curvature, moved).gradient[0]

    return gradient


@many
@given(seeds, st.sampled_from([*KINDS, "free"]))
def test_curvature_equals_finite_differences(seed, kind):
    model, rows, params = engine(seed, kind, n=40, p=2, n_restarts=2)
    batch = rows.sum(model.curvature, params)
    for r in range(2):
        one = params.take(r)
        basis = _matrix(model.basis(params))
        if kind == "free":  # every coefficient, log scale and logit by itself
            basis = np.eye(len(basis))
        zero = np.zeros(basis.shape[1])
        objective = _objective_along(rows, one, basis)
        assert_allclose(batch.loglik[r], objective(zero), rtol=1e-12)
        gradient = jacobian(objective, zero, 1e-4)
        ours = basis.T @ batch.gradient[r]
        assert_allclose(ours, gradient, rtol=0, atol=1e-8 * np.abs(gradient).max())
        hessian = jacobian(_gradient_along(model, rows, one, basis), zero, 2e-5)
        ours = basis.T @ batch.hessian[r] @ basis
        assert_allclose(ours, hessian, rtol=0, atol=1e-8 * np.abs(hessian).max())


@some
@given(seeds, kinds)
def test_the_basis_counts_and_keeps_the_constraints(seed, kind):
    model, _, params = engine(seed, kind, n_restarts=1)
    basis = _matrix(model.basis(params))
    K, p, q = 3, 3, params.logits.shape[2] - 1
    n_scales = 1 if model.regressions.rule.tied is True else K
    n_coefs = K * p
    n_shares = params.logits.shape[1]
    n_logits, n_numbers = (n_shares - 1) * (1 + q), K * (p + 1) + n_shares * (1 + q)
    if kind.startswith("shared"):
        n_coefs = 1 + K * (p - 1)
    elif kind.startswith("partly"):
        n_coefs = K * p - 2
    elif kind == "held weights":
        n_logits = 0
    elif model.gate.kinked:
        # Slopes move one by one, also where all move together.
        n_logits += q
    elif kind == "held scales":
        n_scales = 2
    assert basis.shape == (n_numbers, n_coefs + n_scales + n_logits)
    assert_allclose(basis.T @ basis, np.eye(basis.shape[1]), atol=1e-12)
    step = (basis @ np.arange(1.0, 1 + basis.shape[1]))[None]
    moves, scales, logits = layout_of(params).split(step)
    coef = params.coef + moves
    (sharing,) = model.regressions.sharings
    assert_allclose(sharing.project(coef), coef, atol=1e-12)
    bound = logits[..., :1] if model.gate.kinked else logits
    assert np.abs(bound.sum(axis=1)).max() < 1e-12
    if model.regressions.rule.tied is True:
        assert np.ptp(scales) < 1e-12


class Overflowing(Poisson):
    """Poisson counts whose curvature is no number beyond a mean of 100."""

    def derivatives(self, y, eta, scale):
        at = super().derivatives(y, eta, scale)
        return at._replace(eta_eta=np.where(eta > np.log(100), np.nan, at.eta_eta))


@pytest.mark.parametrize(("mean", "proven"), [(50.0, True), (200.0, False)])
def test_newton_takes_no_step_to_where_a_formula_overflows(mean, proven):
    y = np.random.default_rng(0).poisson(mean, size=60) * 1.0
    Z = np.vstack([np.ones(60), np.random.default_rng(1).normal(size=(3, 60))])
    rows = ArrayRows([Stored(Z)], y, np.ones(60))
    model = Mixture(Regressions(Overflowing(), [Separate(1, 4)]))
    coef = np.array([[[np.log(40), 0, 0, 0]]])
    start = Params(coef, np.ones((1, 1, 0)), np.zeros((1, 1, 1)))
    polished = polish(model, rows, start, tol=1e-9, max_iter=60)
    assert polished.converged[0] == proven
    assert np.isfinite(polished.objective[0])
    assert np.isfinite(polished.params.coef).all()
    if proven:
        fitted = np.exp(polished.params.coef[0, 0] @ Z)
        assert_allclose(Z @ (y - fitted), 0, atol=1e-6)


@few
@given(seeds, st.sampled_from(["poisson", "binomial", "negative_binomial"]))
def test_two_equal_components_are_no_proven_maximum(seed, family):
    # Responses that vary less than the family says: equal components are the best ones,
    # and the likelihood does not depend on their shares.
    rng = np.random.default_rng(seed)
    X, rows = rng.uniform(-1, 1, size=(300, 1)), {}
    if family == "binomial":
        rows["trials"] = np.full(300, 20.0)
        y = np.round(20 / (1 + np.exp(-0.5 - X[:, 0])) + 0.6 * rng.normal(size=300))
        y = y.clip(0, 20)
    else:
        size = np.ceil(1.3 * np.exp(2 + 0.5 * X[:, 0])).astype(int)
        y = rng.binomial(size, 0.77) * 1.0
    problem = problem_of(MixtureRegressor(2, family=family), X, y, **rows)
    model, rows = problem.model, problem.rows
    start = repeat_component(fit_pooled(problem.pooled_model, rows), problem.model)
    equal = rows.sum(model.summarize, start).loglik
    start.coef[:, 0] += 0.1 * rng.normal(size=start.coef.shape[2])
    logits = np.log(rng.dirichlet([2.0, 2.0]))[None, :, None]
    start = start._replace(logits=logits)
    polished = polish(model, rows, start, tol=1e-8, max_iter=200)
    assert_allclose(polished.objective, equal, atol=1e-6)
    assert not polished.converged[0]
    assert polished.smallest_eigenvalue[0] <= 0
