"""What has no standard errors, and says so."""

import copy
import re
import warnings

import numpy as np
import pytest
from inference.cases import GROUP, WEIGHT, draw, fit, infer, place
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn.inference import bootstrap, inference, marginal_effects
from mixreg_sklearn.metrics import InSample, bic_scorer


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
        unfinished = MixtureRegressor(2, max_iter=1, random_state=0).fit(X, y)
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


def test_the_best_of_a_search_stands_for_itself_and_a_pipeline_does_not(lines):
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
    with pytest.raises(TypeError, match=re.escape("pipe[:-1].transform(X)")):
        inference(pipe, X, y)
    scaled = inference(pipe[-1], pipe[:-1].transform(X), y)
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
