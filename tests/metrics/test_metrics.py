"""Scorers find the mixture wherever it sits, and score it as it scores itself."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    PolynomialFeatures,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)
from support import two_lines

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn.metrics import (
    InSample,
    aic_scorer,
    bic_scorer,
    icl_scorer,
    log_likelihood_scorer,
)

SCORERS = {
    "aic": aic_scorer,
    "bic": bic_scorer,
    "icl": icl_scorer,
    "log_likelihood": log_likelihood_scorer,
}
GRID = {"mix__n_components": [1, 2, 3]}


@pytest.fixture(scope="module")
def data():
    return two_lines(n=90)


@pytest.fixture(scope="module")
def model(data):
    return MixtureRegressor(random_state=0).fit(*data)


def pipeline():
    return Pipeline([("std", StandardScaler()), ("mix", mixture())])


def mixture(**params):
    return MixtureRegressor(random_state=0, **params)


def test_scorers_are_minus_the_criteria(data, model):
    for name in ("aic", "bic", "icl"):
        assert SCORERS[name](model, *data) == -getattr(model, name)(*data)


def test_log_likelihood_scorer_is_a_mean_over_rows(data, model):
    X, y = data
    score = log_likelihood_scorer(model, X, y)
    assert_allclose(score, model.log_likelihood(X, y) / len(y))
    twice = log_likelihood_scorer(model, np.r_[X, X], np.r_[y, y])
    assert_allclose(twice, score)


@pytest.mark.parametrize("name", SCORERS)
def test_weights_equal_repetition(data, model, name):
    X, y = data
    weight = np.arange(len(y)) % 3
    rows = np.repeat(np.arange(len(y)), weight)
    weighted = SCORERS[name](model, X, y, weight)
    assert_allclose(weighted, SCORERS[name](model, X[rows], y[rows]))


def test_offset_reaches_the_mixture(data, model):
    X, y = data
    offset = np.linspace(0, 5, len(y))
    shifted = bic_scorer(model, X, y + offset, offset=offset)
    assert_allclose(shifted, bic_scorer(model, X, y))


@pytest.mark.parametrize("name", SCORERS)
def test_feature_steps_before_the_mixture_are_applied(data, name):
    X, y = data
    steps = [
        PolynomialFeatures(2, include_bias=False),
        StandardScaler(),
        "passthrough",
    ]
    pipe = make_pipeline(*steps, mixture()).fit(X, y)
    Z = StandardScaler().fit_transform(np.c_[X, X**2])
    direct = SCORERS[name](mixture().fit(Z, y), Z, y)
    assert_allclose(SCORERS[name](pipe, X, y), direct)
    nested = make_pipeline(StandardScaler(), make_pipeline(mixture())).fit(Z, y)
    assert_allclose(SCORERS[name](nested, Z, y), direct)


def test_a_search_and_an_ic_are_scored_by_their_best(data, model):
    search = GridSearchCV(mixture(), {"n_components": [2]}, cv=2).fit(*data)
    chosen = MixtureRegressorIC((1, 2), random_state=0).fit(*data)
    for estimator in (search, chosen, make_pipeline(search)):
        assert_allclose(bic_scorer(estimator, *data), bic_scorer(model, *data))


# A transformed response ----------------------------------------------------------


@pytest.mark.parametrize("name", SCORERS)
@pytest.mark.parametrize(
    "scaler",
    [
        StandardScaler(),
        StandardScaler(with_std=False),
        RobustScaler(),
        MinMaxScaler(),
        FunctionTransformer(),
    ],
)
def test_rescaling_the_response_changes_no_score(data, model, name, scaler):
    scaled = TransformedTargetRegressor(mixture(), transformer=scaler).fit(*data)
    assert_allclose(SCORERS[name](scaled, *data), SCORERS[name](model, *data))


@pytest.mark.parametrize(
    ("func", "inverse"),
    [
        (np.log, np.exp),
        (np.log1p, np.expm1),
        (np.log2, np.exp2),
        (np.log10, lambda t: 10**t),
        (np.sqrt, np.square),
    ],
)
def test_density_of_a_transformed_response_has_its_jacobian(data, func, inverse):
    X, y = data
    y = np.exp(y / y.std())
    transformed = TransformedTargetRegressor(mixture(), func=func, inverse_func=inverse)
    transformed.fit(X, y)
    step = 1e-6 * y
    slope = (func(y + step) - func(y - step)) / (2 * step)
    theirs = transformed.regressor_.log_likelihood(X, func(y)) + np.log(slope).sum()
    ours = log_likelihood_scorer(transformed, X, y) * len(y)
    assert_allclose(ours, theirs, rtol=1e-7)
    assert_allclose(aic_scorer(transformed, X, y), 2 * theirs - 14, rtol=1e-7)


def test_a_transformation_without_known_derivative_is_refused(data):
    power = TransformedTargetRegressor(mixture(), transformer=PowerTransformer())
    with pytest.raises(ValueError, match="derivative of its transformation"):
        bic_scorer(power.fit(*data), *data)
    cubic = TransformedTargetRegressor(mixture(), func=np.cbrt, inverse_func=np.exp)
    with pytest.raises(ValueError, match=r"known are the functions np\.log"):
        bic_scorer(cubic.set_params(check_inverse=False).fit(*data), *data)


def test_other_estimators_are_refused_by_name(data):
    with pytest.raises(TypeError, match=r"bic_scorer.*none in LinearRegression"):
        bic_scorer(make_pipeline(LinearRegression().fit(*data)), *data)


# In scikit-learn's searches ------------------------------------------------------


def test_in_sample_is_one_split_of_all_rows():
    for X in (np.ones((4, 1)), [[1]] * 4, pl.DataFrame({"a": [1, 2, 3, 4]})):
        [(train, test)] = InSample().split(X)
        assert train.tolist() == test.tolist() == [0, 1, 2, 3]
    assert InSample().get_n_splits() == 1


@pytest.mark.parametrize(
    "frame",
    [
        lambda X: X,
        lambda X: pd.DataFrame(X, columns=["a"]),
        lambda X: pl.DataFrame(X, schema=["a"]),
    ],
)
def test_grid_search_chooses_by_bic(data, frame):
    X, y = data
    search = GridSearchCV(pipeline(), GRID, scoring=bic_scorer, cv=InSample())
    search.fit(frame(X), y)
    assert search.best_params_ == {"mix__n_components": 2}
    theirs = MixtureRegressorIC((1, 2, 3), random_state=0).fit(X, y)
    assert_allclose(search.cv_results_["mean_test_score"], -theirs.criterion_values_)


def test_searches_in_two_processes_are_the_same(data):
    scores = [
        GridSearchCV(pipeline(), GRID, scoring=bic_scorer, cv=InSample(), n_jobs=n_jobs)
        .fit(*data)
        .cv_results_["mean_test_score"]
        for n_jobs in (1, 2)
    ]
    assert_allclose(*scores)


def test_several_scorers_go_through_cross_validation(data):
    result = cross_validate(pipeline(), *data, cv=3, scoring=SCORERS)
    assert np.isfinite(result["test_log_likelihood"]).all()
    assert len(result["test_bic"]) == 3
    # Held-out rows are as likely as the fitted ones, not three times less so.
    whole = log_likelihood_scorer(pipeline().fit(*data), *data)
    assert abs(result["test_log_likelihood"].mean() - whole) < 0.3


@pytest.mark.parametrize("routing", [False, True])
def test_weights_reach_the_scorer(data, routing):
    if not routing and not hasattr(GridSearchCV, "_check_scorers_accept_sample_weight"):
        pytest.skip("without routing, scikit-learn passes weights to scorers since 1.7")
    X, y = data
    weight = np.random.default_rng(0).integers(0, 3, size=len(y))
    with config_context(enable_metadata_routing=routing):
        search = GridSearchCV(
            mixture(), {"n_components": [2]}, scoring=bic_scorer, cv=InSample()
        ).fit(X, y, sample_weight=weight)
    expected = mixture().fit(X, y, weight).bic(X, y, weight)
    assert_allclose(search.best_score_, -expected)


def test_routed_offsets_reach_the_scorer(data):
    X, y = data
    offset = np.linspace(0, 5, len(y))
    with config_context(enable_metadata_routing=True):
        result = cross_validate(
            mixture(),
            X,
            y + offset,
            cv=InSample(),
            scoring=bic_scorer,
            params={"offset": offset},
        )
    expected = mixture().fit(X, y).bic(X, y)
    assert_allclose(result["test_score"], -expected)


def test_scorers_and_splitter_survive_pickle_and_clone(data, model):
    for scorer in SCORERS.values():
        copies = [pickle.loads(pickle.dumps(scorer)), clone(scorer, safe=False)]
        for copy in copies:
            assert copy(model, *data) == scorer(model, *data)
    assert repr(bic_scorer) == "bic_scorer"
    assert "InSample" in bic_scorer.__doc__
    assert repr(pickle.loads(pickle.dumps(InSample()))) == "InSample()"
