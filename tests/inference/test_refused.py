"""What has no standard errors, and says so."""

import copy
import io
import pickle
import warnings

import joblib
import numpy as np
import pytest
from inference.cases import GROUP, WEIGHT, draw, fit, infer, place
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn.families import Gamma
from mixreg_sklearn.gates import SoftmaxGate
from mixreg_sklearn.inference import bootstrap, inference, marginal_effects
from mixreg_sklearn.metrics import InSample, bic_scorer, optimality_gap


def _first_two(X):
    return [0, 1]


def _pickled(model):
    return pickle.loads(pickle.dumps(model))


def _dumped(model):
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return joblib.load(file)


def test_other_data_than_those_of_the_fit_are_refused():
    X, y, _ = draw("gaussian")
    model = fit((X, y, {"sample_weight": 1 + WEIGHT}))
    with pytest.raises(ValueError, match="not the data of the fit"):
        inference(model, X, y)
    with pytest.raises(ValueError, match="not the data of the fit"):
        inference(model, X[::-1], y, 1 + WEIGHT)
    with pytest.raises(ValueError, match="not the data of the fit"):
        inference(model, X, y, 1 + WEIGHT, offset=np.ones(240))


def test_estimates_moved_by_hand_are_refused(lines, model):
    other = copy.copy(model)
    other.coef_ = model.coef_ + 0.01
    other.log_likelihood_ = other.log_likelihood(*lines[:2])
    with pytest.raises(ValueError, match="not the data of the fit"):
        inference(other, *lines[:2])


def test_estimates_that_are_no_maximum_are_refused():
    X, y, _ = draw("gaussian")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        unfinished = MixtureRegressor(2, max_iter=1, tol=1e-300, random_state=0).fit(
            X, y
        )
        exact = MixtureRegressor(2, random_state=0).fit(X, X[:, 0])
    assert not unfinished.converged_
    with pytest.raises(ValueError, match="not proven to be a maximum"):
        inference(unfinished, X, y)
    assert exact.degenerate_
    for function in (inference, bootstrap):
        with pytest.raises(ValueError, match="is degenerate"):
            function(exact, X, X[:, 0])


def test_fewer_units_than_parameters_have_no_outer_product():
    X, y, _ = draw("gaussian", groups=np.arange(240) // 60)
    data = X, y, {"groups": np.arange(240) // 60}
    model = fit(data)
    with pytest.raises(ValueError, match="scores of the units are linearly dependent"):
        infer(model, data, cov_type="opg")


CHANGES = {
    "n_components": 3,
    "family": "poisson",
    "regression_features": [0],
    "gate": "softmax",
    "gate_features": [0],
    "offset_feature": 0,
    "shared_features": [0],
    "held_coef": {0: 1.0},
    "shared_scale": True,
    "fit_intercept": False,
}
AFTERWARDS = {
    "predict": lambda m, X, y: m.predict(X),
    "proba": lambda m, X, y: m.predict_proba(X, y),
    "bic": lambda m, X, y: m.bic(X, y),
    "inference": inference,
    "bootstrap": lambda m, X, y: bootstrap(m, X, y, n_bootstrap=2),
    "optimality_gap": optimality_gap,
}


@pytest.mark.parametrize("call", AFTERWARDS)
@pytest.mark.parametrize("name", CHANGES)
def test_a_model_changed_after_fit_is_refused_until_it_is_refitted(
    name, call, lines, model
):
    X, y, _ = lines
    other = copy.copy(model).set_params(**{name: CHANGES[name]})
    with pytest.raises(ValueError, match=f"^{name} was changed after fit, .* Refit"):
        AFTERWARDS[call](other, X, y)
    other.set_params(**{name: getattr(model, name)})
    AFTERWARDS[call](other, X, y)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, _pickled, _dumped])
def test_a_copy_of_a_fitted_model_is_unchanged(copied, lines):
    X, y, _ = lines
    options = {
        "family": Gamma(link="inverse"),
        "gate": SoftmaxGate(alpha=0.1),
        "gate_features": np.array([True, False]),
        "regression_features": _first_two,
        "shared_features": {0: [[0, 1]]},
        "held_coef": {1: np.array([0.0, 0.1])},
    }
    X = np.column_stack([X[:, 0], np.cos(np.arange(len(y)))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = MixtureRegressor(2, random_state=0, **options).fit(X, np.exp(y / 20))
    again = copied(model)
    assert_array_equal(again.predict(X), model.predict(X))
    again.set_params(n_init=3, tol=1e-3, random_state=5, verbose=1, n_jobs=2)
    assert_array_equal(again.predict(X), model.predict(X))
    for change in ({"gate__alpha": 1.0}, {"family__link": "log"}):
        other = copy.deepcopy(model).set_params(**change)
        with pytest.raises(ValueError, match="was changed after fit"):
            other.predict(X)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cov_type": "robust"}, r"cov_type must be one of \['information'.*'robust'"),
        ({"cov_type": "cluster"}, "needs cluster, one label for every row"),
        ({"cluster": np.zeros(160)}, "cluster is for cov_type='cluster'"),
        ({"cov_type": "cluster", "cluster": np.zeros(160)}, "at least two different"),
        ({"cov_type": "cluster", "cluster": np.arange(3)}, "inconsistent numbers"),
    ],
)
def test_options_of_inference_are_checked(options, message, lines, model):
    with pytest.raises(ValueError, match=message):
        inference(model, *lines[:2], **options)


def test_clusters_do_not_split_groups():
    X, y, _ = draw("gaussian", groups=GROUP)
    data = X, y, {"groups": GROUP}
    with pytest.raises(ValueError, match="cluster varies within group 0"):
        infer(fit(data), data, cov_type="cluster", cluster=np.arange(240))


@pytest.mark.parametrize(
    ("hypothesis", "message"),
    [
        (np.eye(3), "one number for each of the 10 parameters"),
        ({"x0": 1}, "hypothesis names 'x0', which is not among"),
        (
            [{"component 0: x0": 1}, {"nothing": 1}],
            "hypothesis names 'nothing', which is not among",
        ),
    ],
)
def test_hypotheses_are_checked(hypothesis, message, result):
    with pytest.raises(ValueError, match=message):
        result.wald_test(hypothesis)


def test_contradicting_hypotheses_are_refused(result):
    same = {"component 0: x0": 1}
    with pytest.raises(ValueError, match="contradict each other"):
        result.wald_test([same, same], [0.0, 1.0])
    with pytest.raises(ValueError, match="feature='x7' is not in the regressions"):
        result.test_zero("x7")
    with pytest.raises(ValueError, match="feature='x0' is not in the gate"):
        result.test_zero("x0", gate=True)
    with pytest.raises(ValueError, match="level must be between 0 and 1; got 95"):
        result.conf_int(95)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "wild"}, "method must be one of"),
        ({"n_bootstrap": 1}, "n_bootstrap must be at least 2; got 1"),
    ],
)
def test_options_of_the_bootstrap_are_checked(options, message, lines, model):
    with pytest.raises(ValueError, match=message):
        bootstrap(model, *lines[:2], **options)


def test_weights_that_do_not_count_rows_have_no_bootstrap():
    X, y, _ = draw("gaussian")
    weight = np.full(240, 0.5)
    model = fit((X, y, {"sample_weight": weight}))
    with pytest.raises(ValueError, match="weights must be whole numbers"):
        bootstrap(model, X, y, weight)
    weight = weight / weight.sum()
    model = fit((X, y, {"sample_weight": weight}))
    with pytest.raises(ValueError, match="fewer than the 9 parameters"):
        bootstrap(model, X, y, weight, method="case")


def test_searches_and_pipelines_are_seen_through(lines):
    X, y, _ = lines
    found = MixtureRegressorIC([1, 2], random_state=0).fit(X, y)
    ours = inference(found, X, y)
    theirs = inference(found.best_estimator_, X, y)
    assert_array_equal(ours.cov, theirs.cov)
    grid = {"n_components": [1, 2]}
    mixture = MixtureRegressor(random_state=0)
    search = GridSearchCV(mixture, grid, scoring=bic_scorer, cv=InSample()).fit(X, y)
    assert_allclose(inference(search, X, y).cov, theirs.cov, rtol=1e-6, atol=1e-12)
    pipe = make_pipeline(StandardScaler(), mixture).fit(X, y)
    scaled = inference(pipe, X, y)
    within = inference(pipe[-1], pipe[:-1].transform(X), y)
    assert_array_equal(scaled.cov, within.cov)
    with pytest.raises(TypeError, match="LinearRegression inside"):
        inference(make_pipeline(StandardScaler(), LinearRegression()).fit(X, y), X, y)
    i = place(ours, "coef_", 0, 0)
    assert_allclose(scaled.std_errors[i], ours.std_errors[i] * X[:, 0].std(), rtol=1e-5)


def test_inference_leaves_the_model_as_it_was(lines, model):
    before = {name: copy.copy(value) for name, value in vars(model).items()}
    result = inference(model, *lines[:2])
    marginal_effects(model, lines[0], result)
    bootstrap(model, *lines[:2], n_bootstrap=2, random_state=0)
    assert vars(model).keys() == before.keys()
    for name, value in before.items():
        assert_array_equal(getattr(model, name), value)
