"""Links with a bounded domain: no climb leaves it, and no proof is without it."""

import numpy as np
from engine.cases import problem_of
from hypothesis import assume, given
from hypothesis import strategies as st
from support import few, seeds, some

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn._engine.em import em
from mixreg_sklearn._engine.newton import polish
from mixreg_sklearn._search.pooled import fit_pooled, repeat_component
from mixreg_sklearn.families._names import make_family

families = st.sampled_from(
    ["poisson", "negative_binomial", "gamma", "inverse_gaussian"]
)
links = st.sampled_from(["identity", "inverse"])


def _at_the_edge(seed, name, link, n_components=1):
    """A problem whose predictors come near zero."""
    rng = np.random.default_rng(seed)
    family = make_family(name).set_params(link=link)
    X = rng.uniform(size=(120, 2))
    eta = 0.02 + X @ [2.0, 3.0]
    y = family.sample(eta, np.ones(120), rng)
    return problem_of(MixtureRegressor(n_components, family=family), X, y)


def _loglik(problem, params):
    return problem.rows.sum(problem.model.summarize, params).loglik


@some
@given(seeds, families, links, st.integers(1, 2))
def test_no_climb_leaves_the_domain(seed, name, link, n_components):
    problem = _at_the_edge(seed, name, link, n_components)
    model, rows = problem.model, problem.rows
    pooled = fit_pooled(problem.pooled_model, rows)
    assert np.isfinite(rows.sum(problem.pooled_model.summarize, pooled).loglik).all()
    start = repeat_component(pooled, model)
    factor = np.linspace(0.8, 1.2, n_components)[None, :, None]
    start = start._replace(coef=start.coef * factor)
    # A regression at the edge leaves the domain when it shrinks.
    assume(np.isfinite(_loglik(problem, start)).all())
    for max_iter in (1, 4):
        run = em(model, rows, start, max_iter=max_iter)
        assert np.isfinite(_loglik(problem, run.params)).all()
    for max_iter in (2, 30):
        polished = polish(model, rows, start, tol=1e-8, max_iter=max_iter)
        assert np.isfinite(_loglik(problem, polished.params)).all()


@few
@given(seeds, families, links)
def test_nothing_is_proven_outside_of_the_domain(seed, name, link):
    problem = _at_the_edge(seed, name, link)
    inside = fit_pooled(problem.pooled_model, problem.rows)
    outside = inside._replace(coef=-inside.coef)
    assert (_loglik(problem, outside) == -np.inf).all()
    polished = polish(problem.model, problem.rows, outside, tol=1e-8, max_iter=60)
    assert np.isfinite(polished.objective[0]) or not polished.converged[0]
