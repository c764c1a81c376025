"""Predictions where the linear predictor of a component has no mean."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from support import few, many, seeds

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.families import Gamma, InverseGaussian, NegativeBinomial, Poisson
from mixreg_sklearn.inference import inference, marginal_effects
from mixreg_sklearn.metrics import crps_scorer, log_likelihood_scorer
from mixreg_sklearn.plotting import MixtureRegressionDisplay
from mixreg_sklearn.predictive import MixtureDistribution
from mixreg_sklearn.residuals import crps, log_score, pit_values, quantile_residuals

FAMILIES = [Poisson, NegativeBinomial, Gamma, InverseGaussian]
restricted = st.builds(
    lambda family, link: family(link=link),
    st.sampled_from(FAMILIES),
    st.sampled_from(["identity", "inverse"]),
)
# What needs the distribution of every component that may occur.
NEEDS = {
    "mean": lambda m: m.mean(),
    "var": lambda m: m.var(),
    "std": lambda m: m.std(),
    "cdf": lambda m: m.cdf(2.0),
    "quantile": lambda m: m.quantile([0.1, 0.5, 1.0]),
    "interval": lambda m: m.interval(0.9)[0],
    "highest_density": lambda m: m.highest_density(0.9)[:, 0],
    "sample": lambda m: m.sample(2, random_state=0),
}
# The same of a fitted model, on rows.
OF_MODEL = {
    "predict": lambda model, X, y: model.predict(X),
    "std": lambda model, X, y: model.predict(X, return_std=True)[1],
    "components": lambda model, X, y: model.predict_components(X),
    "sample": lambda model, X, y: model.sample(X, random_state=0)[0],
    "pit_values": pit_values,
    "quantile_residuals": quantile_residuals,
    "crps": crps,
    "crps_scorer": crps_scorer,
}


def falling_and_rising(seed=4):
    """Data whose proven fit has a component without a mean at some training rows."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(size=(200, 1))
    rises = rng.random(200) < 0.5
    return x, rng.gamma(1.0, np.where(rises, 0.3 + 4 * x[:, 0], 8.3 - 8 * x[:, 0]))


@pytest.fixture(scope="module")
def fit():
    X, y = falling_and_rising()
    model = MixtureRegressor(2, family=Gamma(link="identity"), random_state=0)
    model.fit(X, y)
    inside = model.predict_distribution(X).defined().all(axis=1)
    assert model.converged_
    assert 0 < (~inside).sum() < 10
    return model, X, y, inside


@pytest.mark.parametrize("call", NEEDS.values(), ids=NEEDS)
@many
@given(family=restricted, seed=seeds)
def test_what_needs_a_distribution_is_refused_where_there_is_none(call, family, seed):
    rng = np.random.default_rng(seed)
    eta = rng.uniform(0.2, 3.0, size=(6, 3))
    weights = rng.dirichlet(np.ones(3), size=6)
    row, k = rng.integers(6), rng.integers(3)
    eta[row, k] = rng.choice([0.0, -1e-9, -2.0])
    mixture = MixtureDistribution(family, eta, np.full(3, 0.5), weights)
    with pytest.raises(ValueError, match=f"Component {k} has no .* at row {row}: .* 6"):
        call(mixture)
    others = np.delete(np.arange(6), row)
    assert not np.isnan(call(mixture[others])).any()


@pytest.mark.parametrize("call", NEEDS.values(), ids=NEEDS)
@few
@given(family=restricted, seed=seeds)
def test_a_component_of_weight_zero_needs_no_distribution(call, family, seed):
    rng = np.random.default_rng(seed)
    eta = np.column_stack([rng.uniform(0.2, 3.0, size=5), np.full(5, -1.0)])
    mixture = MixtureDistribution(family, eta, [0.5, 0.5], [1.0, 0.0])
    alone = MixtureDistribution(family, eta[:, :1], [0.5], [1.0])
    assert_allclose(call(mixture), call(alone), rtol=1e-9)


@many
@given(family=restricted, seed=seeds)
def test_densities_are_those_of_the_other_components(family, seed):
    rng = np.random.default_rng(seed)
    eta = rng.uniform(0.2, 3.0, size=(5, 2))
    eta[:, 1] = -rng.uniform(size=5)
    mixture = MixtureDistribution(family, eta, [0.5, 0.5], [0.3, 0.7])
    alone = MixtureDistribution(family, eta[:, :1], [0.5], [1.0])
    assert_allclose(mixture.pdf(2.0), 0.3 * alone.pdf(2.0))
    assert_array_equal(mixture.defined(), [[True, False]] * 5)


def test_every_component_has_a_distribution_under_the_log_link():
    mixture = MixtureDistribution(Poisson(), [[-50.0, 2.0]], [1.0, 1.0], [0.5, 0.5])
    assert mixture.defined().all()
    assert mixture.defined().shape == (1, 2)
    assert np.isfinite(mixture.mean()).all()


def test_predictors_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="eta contains NaN"):
        MixtureDistribution(Poisson(), [[np.nan, 2.0]], [1.0, 1.0], [0.5, 0.5])


@pytest.mark.parametrize("call", OF_MODEL.values(), ids=OF_MODEL)
def test_predictions_name_the_first_row_and_the_remedy(fit, call):
    model, X, y, inside = fit
    message = f"at row {(~inside).argmax()}: .*log link.*{(~inside).sum()} of 200"
    with pytest.raises(ValueError, match=message):
        call(model, X, y)
    assert not np.isnan(call(model, X[inside], y[inside])).any()


def test_memberships_and_likelihood_are_defined_by_the_other_components(fit):
    model, X, y, inside = fit
    tau = model.predict_proba(X, y)
    assert_allclose(tau.sum(axis=1), 1)
    assert_array_equal(
        tau[~inside] == 0, ~model.predict_distribution(X[~inside]).defined()
    )
    assert_allclose(model.log_likelihood(X, y), model.log_likelihood_)
    assert_allclose(-log_score(model, X, y).sum(), model.log_likelihood_)
    assert_allclose(200 * log_likelihood_scorer(model, X, y), model.log_likelihood_)


def test_a_unit_with_a_history_needs_only_its_own_component(fit):
    model, X, y, inside = fit
    row = (~inside).argmax()
    history = {"X": X[[row]], "y": y[[row]], "groups": ["a"]}
    ahead = model.predict_distribution(X[[row]], groups=["a"], history=history)
    assert ahead.weights.min() == 0
    assert_allclose(ahead.mean(), ahead.eta.max())


def impossible():
    """A model whose components are impossible at large values of the feature."""
    model = MixtureRegressor(2, family=Poisson(link="identity"), random_state=0)
    x = np.linspace(0, 1, 60)
    rng = np.random.default_rng(0)
    y = rng.poisson(np.where(rng.random(60) < 0.5, 30 - 10 * x, 9 - 4 * x))
    return model.fit(x[:, None], y)


def test_a_row_that_no_component_admits_has_no_memberships():
    model, X, y = impossible(), [[0.5], [50.0], [0.2]], [3.0, 2.0, 4.0]
    for call in (model.predict_proba, model.predict_membership):
        with pytest.raises(ValueError, match="No component is possible for row 1"):
            call(X, y)
        with pytest.raises(ValueError, match="No component is possible for group b"):
            call(X, y, groups=["a", "b", "b"])
    with pytest.raises(ValueError, match="No component is possible for group b"):
        model.predict_group_proba(X, y, ["a", "b", "b"])
    with pytest.raises(ValueError, match="earlier rows in the group of row 2"):
        pit_values(model, X, y, groups=["a", "b", "b"])


def test_the_likelihood_of_a_row_that_no_component_admits_is_zero():
    model, X, y = impossible(), [[0.5], [50.0]], [3.0, 2.0]
    assert model.log_likelihood(X, y) == -np.inf
    assert_array_equal(np.isinf(log_score(model, X, y)), [False, True])
    for criterion in (model.aic, model.bic, model.sabic, model.icl):
        assert criterion(X, y) == np.inf
        ours = criterion(X, y, sample_weight=[1, 0])
        assert_allclose(ours, criterion(X[:1], y[:1]))


def test_marginal_effects_are_refused_where_a_component_has_no_mean(fit):
    model, X, y, inside = fit
    result = inference(model, X, y)
    with pytest.raises(ValueError, match="has no distribution"):
        marginal_effects(model, X, result)
    effects = marginal_effects(model, X[inside], result)
    assert_allclose(effects.params[-2:], model.coef_[:, 0])


def test_a_line_of_the_display_ends_where_its_component_has_no_distribution(fit):
    model, X, y, _ = fit
    display = MixtureRegressionDisplay.from_estimator(model, X, y)
    grid = display.grid[:, None]
    inside = model.predict_distribution(grid).defined()
    assert not inside.all()
    for curve in (display.means, display.lower, display.upper):
        assert_array_equal(np.isnan(curve), ~inside)
    eta = grid @ model.coef_.T + model.intercept_
    assert_allclose(display.means[inside], eta[inside])
