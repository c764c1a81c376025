"""Pipelines and searches are seen through: the answer is that of the mixture inside."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn._inside import inside
from mixreg_sklearn.datasets import load_nodata
from mixreg_sklearn.inference import bootstrap, inference, marginal_effects
from mixreg_sklearn.metrics import (
    bic_scorer,
    bootstrap_lrt,
    log_likelihood_scorer,
    optimality_gap,
)
from mixreg_sklearn.residuals import (
    crps,
    extrapolated_rows,
    log_score,
    odd_rows,
    pit_values,
    quantile_residuals,
)


@pytest.fixture(scope="module")
def frame():
    NO, y = load_nodata(return_X_y=True, as_frame=True)
    return NO, y


@pytest.fixture(scope="module")
def pipe(frame):
    polynomial = PolynomialFeatures(2, include_bias=False)
    mixture = MixtureRegressor(2, random_state=0)
    return make_pipeline(polynomial, StandardScaler(), mixture).fit(*frame)


@pytest.fixture(scope="module", params=["pipeline", "grid", "random", "criterion"])
def model(request, pipe, frame):
    name = "mixtureregressor__n_components"
    return {
        "pipeline": lambda: pipe,
        "grid": lambda: GridSearchCV(pipe, {name: [1, 2]}).fit(*frame),
        "random": lambda: RandomizedSearchCV(
            pipe, {name: [1, 2]}, n_iter=2, random_state=0
        ).fit(*frame),
        "criterion": lambda: MixtureRegressorIC(2, estimator=pipe).fit(*frame),
    }[request.param]()


def test_the_mixture_its_features_and_their_names_are_found(model, pipe, frame):
    found = inside(model)
    assert isinstance(found.mixture, MixtureRegressor)
    assert found.mixture.n_components == 2
    assert_allclose(found.features(frame[0]), pipe[:-1].transform(frame[0]))
    assert found.names() == ["NO", "NO^2"]


def test_inference_is_that_of_the_mixture_with_the_names_of_the_pipeline(
    model, pipe, frame
):
    X, y = frame
    theirs = inference(pipe[-1], pipe[:-1].transform(X), y)
    ours = inference(model, X, y)
    assert_allclose(ours.std_errors, theirs.std_errors, rtol=1e-5)
    assert "component 0: NO^2" in ours.names
    assert ours.test_equal("NO^2").df == 1
    effects = marginal_effects(model, X, ours)
    assert "mixture: NO^2" in effects.names
    draws = bootstrap(model, X, y, n_bootstrap=2, random_state=0)
    assert draws.names == ours.names


def test_residuals_scores_and_gap_are_those_of_the_mixture(model, pipe, frame):
    X, y = frame
    Z, mixture = pipe[:-1].transform(X), pipe[-1]
    for function in (pit_values, quantile_residuals, log_score, crps):
        assert_allclose(
            function(model, X, y), function(mixture, Z, y), rtol=1e-6, atol=1e-8
        )
    assert_array_equal(odd_rows(model, X, y)["row"], odd_rows(mixture, Z, y)["row"])
    far = pd.DataFrame({"NO": [1e3]})
    assert extrapolated_rows(model, far, X, y)["row"].tolist() == [0, 0]
    ours, theirs = optimality_gap(model, X, y), optimality_gap(mixture, Z, y)
    assert ours.gap == pytest.approx(theirs.gap, rel=1e-3)
    for scorer in (bic_scorer, log_likelihood_scorer):
        assert scorer(model, X, y) == pytest.approx(scorer(mixture, Z, y), rel=1e-8)


def test_the_bootstrap_test_takes_a_pipeline(pipe, frame):
    X, y = frame
    options = {"n_components": 1, "n_bootstrap": 3, "random_state": 0}
    ours = bootstrap_lrt(pipe, X, y, **options)
    theirs = bootstrap_lrt(pipe[-1], pipe[:-1].transform(X), y, **options)
    assert_allclose(ours.replicates, theirs.replicates)
    assert ours.statistic == pytest.approx(theirs.statistic)


def test_words_become_columns_with_names():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=90), "region": list("abc") * 30})
    y = X["x"] * np.where(rng.random(90) < 0.5, 3, -3) + 0.1 * rng.normal(size=90)
    encoder = OneHotEncoder(drop="first", sparse_output=False)
    columns = make_column_transformer(
        (encoder, ["region"]), remainder="passthrough", verbose_feature_names_out=False
    )
    pipe = make_pipeline(columns, MixtureRegressor(2, random_state=0)).fit(X, y)
    names = [name for name in inference(pipe, X, y).names if "component 1" in name]
    assert names[1:4] == [f"component 1: {n}" for n in ("region_b", "region_c", "x")]


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (LinearRegression(), TypeError, "got LinearRegression"),
        (make_pipeline(StandardScaler(), LinearRegression()), TypeError, "inside"),
        (MixtureRegressor(), NotFittedError, "not fitted"),
        (GridSearchCV(MixtureRegressor(), {}), NotFittedError, "not fitted"),
        (MixtureRegressorIC(), NotFittedError, "not fitted"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_fitted_mixture_inside_is_refused(model, error, message, frame):
    with pytest.raises(error, match=message):
        inference(model, *frame)


# Selection over a pipeline ------------------------------------------------------


def test_a_selection_over_a_pipeline_fits_its_transformers_once(pipe, frame):
    X, y = frame
    search = MixtureRegressorIC(3, estimator=pipe, random_state=0).fit(X, y)
    Z = pipe[:-1].transform(X)
    plain = MixtureRegressorIC(3, estimator=pipe[-1], random_state=0).fit(Z, y)
    assert_allclose(search.table_["bic"], plain.table_["bic"])
    assert search.n_components_ == plain.n_components_
    assert search.feature_names_in_.tolist() == ["NO"]
    assert search.n_features_in_ == 1
    heads = [id(fit[0]) for fit in search.estimators_]
    assert len(set(heads)) == 1
    assert heads[0] != id(pipe[0])
    assert search.best_estimator_.predict(X) == pytest.approx(search.predict(X))
    for method in ("predict_components", "predict_proba"):
        assert_allclose(getattr(search, method)(X), getattr(plain, method)(Z))
    for method in ("bic", "log_likelihood", "predict_membership", "score"):
        assert_allclose(getattr(search, method)(X, y), getattr(plain, method)(Z, y))


def test_settings_of_the_mixture_stand_in_the_selection_or_in_its_estimator():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 1))
    y = rng.poisson(np.exp(1 + x[:, 0]))
    here = MixtureRegressorIC(2, family="poisson", n_init=2, random_state=0).fit(x, y)
    inner = MixtureRegressor(family="poisson", n_init=2)
    there = MixtureRegressorIC(2, estimator=inner, random_state=0).fit(x, y)
    assert_array_equal(here.table_["bic"], there.table_["bic"])
    both = MixtureRegressorIC(2, family="poisson", estimator=inner)
    with pytest.raises(ValueError, match="family and estimator are both given"):
        both.fit(x, y)


def test_an_integer_stands_for_one_to_itself(frame):
    search = MixtureRegressorIC(3, random_state=0).fit(*frame)
    assert search.table_["n_components"].tolist() == [1, 2, 3]
    assert_array_equal(search.criterion_values_, search.table_["bic"])
