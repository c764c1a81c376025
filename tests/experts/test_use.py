"""Mixtures of experts among scikit-learn's estimators, and in this package."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold, ShuffleSplit
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import (
    check_sample_weight_equivalence_on_dense_data,
    parametrize_with_checks,
)
from sklearn.utils.fixes import parse_version
from support import log_likelihood, separated

from mixreg_sklearn import MixtureOfExpertsRegressor, MixtureRegressor, profile, summary
from mixreg_sklearn.datasets import load_two_lines
from mixreg_sklearn.experts import WeightedGaussianProcessRegressor
from mixreg_sklearn.inference import inference
from mixreg_sklearn.metrics import (
    bic_scorer,
    class_quality,
    crps_scorer,
    log_likelihood_scorer,
)
from mixreg_sklearn.plotting import (
    MixtureRegressionDisplay,
    QuantileResidualDisplay,
    RootogramDisplay,
    SearchDisplay,
)
from mixreg_sklearn.residuals import (
    crps,
    extrapolated_rows,
    log_score,
    odd_rows,
    quantile_residuals,
)

EXPECTED = dict.fromkeys(
    [
        "check_regressors_no_decision_function",
        "check_estimator_sparse_array",
        "check_estimator_sparse_matrix",
    ],
    "predict_proba gives the memberships of the components",
)
if parse_version(sklearn.__version__) < parse_version("1.7"):
    # The check gives folds between which equal rows are torn, 30 features of 15 rows,
    # and sparse columns: which of them begin a start is decided by rounding.
    EXPECTED["check_sample_weight_equivalence_on_sparse_data"] = "rounding decides"


def experts(*args, **kwargs):
    return MixtureOfExpertsRegressor(*args, **({"random_state": 0} | kwargs))


@pytest.fixture(scope="module")
def frame():
    return load_two_lines(return_X_y=True, as_frame=True)


@pytest.fixture(scope="module")
def model(frame):
    return experts(LinearRegression(), n_init=2).fit(*frame)


@pytest.fixture(scope="module")
def lines(frame):
    return MixtureRegressor(random_state=0).fit(*frame)


# The contract with scikit-learn ------------------------------------------------


class Dense(LinearRegression):
    """Solves sparse features exactly, as those that are not."""

    def fit(self, X, y, sample_weight=None):
        return super().fit(_dense(X), y, sample_weight)

    def predict(self, X):
        return super().predict(_dense(X))


def _dense(X):
    return X.toarray() if sparse.issparse(X) else X


# Some checks fit noise, in which rounding decides on memberships where several experts
# go through all rows: the lower bound of the scale has to be far from rounding.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [experts(Dense(), n_init=1, max_iter=5, min_scale=0.1)],
    expected_failed_checks=lambda estimator: EXPECTED,
)
def test_estimator_keeps_the_contract(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "estimator",
    [
        experts(Ridge(), cv=3, n_init=1, max_iter=3),
        experts(
            LinearRegression(), gate=LogisticRegression(), cv=3, n_init=1, max_iter=3
        ),
        WeightedGaussianProcessRegressor(optimizer=None, normalize_y=False),
    ],
    ids=["folds", "gate", "process"],
)
def test_weights_are_repetition_to_scikit_learn_too(estimator):
    check_sample_weight_equivalence_on_dense_data(type(estimator).__name__, estimator)


def test_parameters_inside_are_reached_and_cloned():
    nested = experts(HistGradientBoostingRegressor(max_depth=3))
    assert nested.get_params()["estimator__max_depth"] == 3
    copy = clone(nested.set_params(estimator__max_depth=5))
    assert copy.estimator.max_depth == 5
    assert copy.estimator is not nested.estimator


def test_a_grid_search_chooses_by_held_out_likelihood(frame):
    search = GridSearchCV(
        experts(LinearRegression(), n_init=1),
        {"estimator__fit_intercept": [True, False]},
        scoring=log_likelihood_scorer,
        cv=KFold(2, shuffle=True, random_state=0),
    ).fit(*frame)
    assert search.best_params_ == {"estimator__fit_intercept": True}
    assert_array_equal(
        quantile_residuals(search, *frame),
        quantile_residuals(search.best_estimator_, *frame),
    )


def test_pickling_keeps_predictions(model, frame):
    copy = pickle.loads(pickle.dumps(model))
    assert_array_equal(copy.predict(frame[0]), model.predict(frame[0]))


def test_frames_reach_the_experts_with_words_and_missing_values():
    sample = separated(0, n=100, d=1, spacing=8.0)
    word = np.where(np.arange(100) % 2, "blue", "red")
    X = pd.DataFrame({"x": sample.X[:, 0], "word": word})
    X.loc[3, "x"] = np.nan
    encoded = make_column_transformer(
        (OneHotEncoder(), ["word"]), remainder="passthrough"
    )
    expert = make_pipeline(encoded, HistGradientBoostingRegressor(max_iter=10))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit = experts(expert, n_init=1, max_iter=3).fit(X, sample.y)
    assert fit.feature_names_in_.tolist() == ["x", "word"]
    members = fit.predict_membership(X, sample.y)
    assert (members == sample.label).mean() in (pytest.approx(1), pytest.approx(0))
    with pytest.raises(ValueError, match="feature names"):
        fit.predict(X.rename(columns={"x": "z"}))


def test_weights_reach_what_searches_and_transformed_targets_are_around(frame):
    X, y = frame
    plain = experts(Ridge(), cv=None, n_init=1).fit(X, y)
    for around in (
        TransformedTargetRegressor(Ridge(), transformer=StandardScaler()),
        GridSearchCV(Ridge(), {"alpha": [1.0]}, cv=2),
        make_pipeline(StandardScaler(with_std=False), Ridge()),
    ):
        other = experts(around, cv=None, n_init=1).fit(X, y)
        assert_allclose(other.log_likelihood_, plain.log_likelihood_, rtol=1e-4)


def test_routing_of_metadata_does_not_keep_weights_from_experts(frame):
    X, y = frame
    weight = np.arange(len(y)) % 3
    expert = make_pipeline(StandardScaler(), Ridge())
    theirs = experts(expert, cv=None, n_init=1).fit(X, y, weight)
    with config_context(enable_metadata_routing=True):
        ours = experts(expert, cv=None, n_init=1).fit(X, y, sample_weight=weight)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        outside = make_pipeline(scaler, experts(expert, cv=None, n_init=1))
        outside.fit(X, y, sample_weight=weight)
    assert ours.log_likelihood_ == theirs.log_likelihood_
    assert_allclose(outside[-1].log_likelihood_, theirs.log_likelihood_, rtol=1e-4)


def test_estimators_with_random_states_are_seeded_once(frame):
    fit = experts(HistGradientBoostingRegressor(max_iter=5), 1).fit(*frame)
    again = experts(HistGradientBoostingRegressor(max_iter=5), 1).fit(*frame)
    assert isinstance(fit.estimators_[0].random_state, int)
    assert fit.estimators_[0].random_state == again.estimators_[0].random_state


# Errors ------------------------------------------------------------------------


class Broken(LinearRegression):
    """Predicts a number that is none."""

    def predict(self, X):
        return np.where(np.arange(len(X)) == 1, np.nan, super().predict(X))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"estimator": KNeighborsRegressor()}, "KNeighborsRegressor takes no sample_w"),
        (
            {"estimator": GaussianProcessRegressor()},
            "takes no sample_weight .*WeightedGaussianProcessRegressor is one that",
        ),
        (
            {"estimator": make_pipeline(StandardScaler(), KNeighborsRegressor())},
            "last step of the Pipeline, KNeighborsRegressor, takes no",
        ),
        ({"estimator": [LinearRegression()]}, "list of 1 regressors, and n_components"),
        ({"estimator": [LinearRegression(), 3]}, "must be a regressor, or a list"),
        ({"estimator": LogisticRegression()}, "LogisticRegression is a classifier"),
        ({"gate": LinearSVC()}, "LinearSVC has no predict_proba"),
        ({"gate": KNeighborsClassifier()}, "KNeighborsClassifier takes no sample_weig"),
        ({"gate": "softmax"}, "The 'gate' parameter of MixtureOfExperts"),
        ({"estimator": Broken()}, "Broken predicts nan for 1 of 150 rows, first for r"),
        ({"cv": ShuffleSplit(3)}, "cv must leave each row out once"),
        ({"init": np.ones((3, 2))}, "init has shape"),
        ({"min_scale": 0.0}, "min_scale"),
    ],
)
def test_an_error_names_the_argument_and_the_cause(settings, message, frame):
    X, y = (np.asarray(values) for values in frame)
    X, y = X[:150], y[:150]
    given = {"estimator": LinearRegression(), "n_init": 1} | settings
    with pytest.raises(ValueError, match=message):
        experts(**given).fit(X, y)


def test_what_needs_coefficients_or_their_number_says_so(model, frame):
    X, y = frame
    for function in (inference, summary):
        with pytest.raises(TypeError, match="have no coefficients"):
            function(model, X, y)
    with pytest.raises(TypeError, match="have no coefficients"):
        extrapolated_rows(model, X, X, y)
    with pytest.raises(TypeError, match="no number of parameters"):
        bic_scorer(model, X, y)
    for name in ("aic", "bic", "coef_"):
        assert not hasattr(model, name)
    with pytest.raises(ValueError, match="offset is not available"):
        model.predict(X, offset=np.ones(len(X)))
    with pytest.raises(ValueError, match="offset is not available"):
        log_score(model, X, y, offset=np.ones(len(X)))
    with pytest.raises(NotFittedError):
        experts(LinearRegression()).predict(X)


# What the package says of any mixture ------------------------------------------


def test_predictions_are_those_of_the_mixture_of_regressions(model, lines, frame):
    X, y = frame
    for ours, theirs in (
        (model.predict(X, return_std=True), lines.predict(X, return_std=True)),
        (model.predict_components(X), lines.predict_components(X)),
        (model.predict_proba(X), lines.predict_proba(X)),
        (model.predict_proba(X, y), lines.predict_proba(X, y)),
        (model.score(X, y), lines.score(X, y)),
        (crps(model, X, y), crps(lines, X, y)),
        (log_score(model, X, y), log_score(lines, X, y)),
        (quantile_residuals(model, X, y), quantile_residuals(lines, X, y)),
        (crps_scorer(model, X, y), crps_scorer(lines, X, y)),
    ):
        assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)
    levels = [0.1, 0.9]
    ours = model.predict_distribution(X).quantile(levels)
    assert_allclose(ours, lines.predict_distribution(X).quantile(levels), rtol=1e-2)
    y_new, component = model.sample(X, random_state=0)
    assert set(component.tolist()) == {0, 1}
    assert y_new.shape == (len(X),)


def test_the_likelihood_is_that_of_its_definition(model, frame):
    X, y = frame
    intercept = [expert.intercept_ for expert in model.estimators_]
    coef = [expert.coef_ for expert in model.estimators_]
    parameters = model.weights_, intercept, coef, model.scale_
    weight = np.arange(len(y)) % 3
    ours = model.log_likelihood(X, y, weight)
    assert_allclose(ours, log_likelihood(np.asarray(X), y, *parameters, weight))


def test_displays_and_reports_take_experts(model, frame):
    X, y = frame
    display = MixtureRegressionDisplay.from_estimator(model, X, y)
    assert len(display.lines_) == 2
    assert_allclose(
        display.means[0],
        model.predict_components(X.iloc[[X["x"].argmin()]])[0],
        atol=0.1,
    )
    RootogramDisplay.from_estimator(model, X, y)
    QuantileResidualDisplay.from_estimator(model, X, y)
    SearchDisplay.from_estimator(model)
    assert_allclose(class_quality(model, X, y).share, model.weights_)
    assert profile(model, X, y, X).shape[1] == 3
    assert odd_rows(model, X, y)["row"].size <= 2


def test_units_with_a_history_keep_their_component(model, frame):
    X, y = frame
    history = {"X": X[:3], "y": y[:3], "groups": [0, 1, 2]}
    ahead = model.predict_distribution(X[:3], groups=[0, 1, 2], history=history)
    assert_allclose(ahead.weights, model.predict_proba(X[:3], y[:3]))


def test_progress_is_printed(frame, capsys):
    experts(LinearRegression(), n_init=1, verbose=1).fit(*frame)
    printed = capsys.readouterr().out
    assert "MixtureOfExpertsRegressor: " in printed
    assert "start lines" in printed
    assert "pass   1  log-likelihood" in printed


@pytest.mark.skipif(
    not hasattr(MixtureRegressor, "set_callbacks"),
    reason="callbacks came with scikit-learn 1.9",
)
def test_callbacks_see_starts(frame):
    from sklearn.callback import ProgressBar

    fit = experts(LinearRegression(), n_init=1).set_callbacks(ProgressBar())
    assert fit.fit(*frame).converged_
