"""Rows that share a component: in scikit-learn, as starts, in draws."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from panels import fit, panel
from scipy import stats
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from support import assert_same

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn.inference import bootstrap, inference
from mixreg_sklearn.metrics import (
    InSample,
    bic_scorer,
    log_likelihood_scorer,
    optimality_gap,
)
from mixreg_sklearn.residuals import crps


@pytest.fixture(scope="module")
def data():
    return panel(1)[:3]


@pytest.fixture(scope="module")
def model(data):
    return fit(*data)


# Inside scikit-learn ------------------------------------------------------------


def _scores(X, y, group, folds, n_components, score):
    values = []
    for train, test in folds.split(X, y, group):
        model = fit(X[train], y[train], group[train], n_components)
        values.append(score(model, X[test], y[test], group[test]))
    return values


def _held_out(model, X, y, group):
    return model.log_likelihood(X, y, groups=group) / len(y)


@pytest.mark.parametrize("in_pipeline", [False, True])
def test_a_grid_search_hands_groups_to_fit_and_scorer_and_splitter(data, in_pipeline):
    X, y, group = data
    folds = GroupKFold(3)
    model, name = MixtureRegressor(random_state=0), "n_components"
    with config_context(enable_metadata_routing=True):
        if in_pipeline:
            model, name = (
                make_pipeline(StandardScaler(), model),
                f"mixtureregressor__{name}",
            )
        search = GridSearchCV(
            model,
            {name: [1, 2]},
            scoring=log_likelihood_scorer,
            cv=folds,
            error_score="raise",
        ).fit(X, y, groups=group)
    for place, K in enumerate((1, 2)):
        theirs = _scores(X, y, group, folds, K, _held_out)
        ours = [search.cv_results_[f"split{i}_test_score"][place] for i in range(3)]
        assert_allclose(ours, theirs, rtol=1e-6)
    best = search.best_estimator_[-1] if in_pipeline else search.best_estimator_
    assert search.best_params_[name] == 2
    loglik = fit(X, y, group).log_likelihood_
    assert_allclose(best.log_likelihood_, loglik, rtol=1e-9)


def test_cross_validation_hands_on_groups(data):
    X, y, group = data
    folds = GroupKFold(4)
    with config_context(enable_metadata_routing=True):
        scores = cross_validate(
            MixtureRegressor(random_state=0),
            X,
            y,
            cv=folds,
            scoring=log_likelihood_scorer,
            params={"groups": group},
            error_score="raise",
        )
        default = cross_val_score(
            MixtureRegressor(random_state=0), X, y, cv=folds, params={"groups": group}
        )
    theirs = _scores(X, y, group, folds, 2, _held_out)
    assert_allclose(scores["test_score"], theirs, rtol=1e-9)
    theirs = _scores(X, y, group, folds, 2, lambda m, X, y, g: m.score(X, y, groups=g))
    assert_allclose(default, theirs, rtol=1e-9)


def test_criteria_in_a_grid_search_count_groups(data):
    X, y, group = data
    with config_context(enable_metadata_routing=True):
        search = GridSearchCV(
            MixtureRegressor(random_state=0),
            {"n_components": [1, 2]},
            scoring=bic_scorer,
            cv=InSample(),
            error_score="raise",
        ).fit(X, y, groups=group)
    theirs = [-fit(X, y, group, K).bic(X, y, groups=group) for K in (1, 2)]
    assert_allclose(search.cv_results_["mean_test_score"], theirs, rtol=1e-9)


def test_without_routing_a_grid_search_keeps_groups_from_fit(data):
    # scikit-learn hands `groups` to the splitter alone; the page on groups says so.
    X, y, group = data
    folds = GroupKFold(3)
    search = GridSearchCV(
        MixtureRegressor(random_state=0), {"n_components": [2]}, cv=folds
    ).fit(X, y, groups=group)
    rows = MixtureRegressor(random_state=0).fit(X, y)
    assert_same(search.best_estimator_, rows, rtol=1e-12)
    assert search.best_estimator_.log_likelihood_ != fit(X, y, group).log_likelihood_
    scores = []
    for train, test in folds.split(X, y, group):
        part = MixtureRegressor(random_state=0).fit(X[train], y[train])
        scores.append(part.score(X[test], y[test]))
    ours = [search.cv_results_[f"split{i}_test_score"][0] for i in range(3)]
    assert_allclose(ours, scores, rtol=1e-9)


# Groups forgotten ---------------------------------------------------------------

FORGOTTEN = "fitted with groups, and without them these are not the data of the fit"
NEED_GROUPS = {
    "log_likelihood": lambda m, X, y, **g: m.log_likelihood(X, y, **g),
    "aic": lambda m, X, y, **g: m.aic(X, y, **g),
    "bic": lambda m, X, y, **g: m.bic(X, y, **g),
    "sabic": lambda m, X, y, **g: m.sabic(X, y, **g),
    "icl": lambda m, X, y, **g: m.icl(X, y, **g),
    "memberships": lambda m, X, y, **g: m.predict_proba(X, y, **g),
    "components": lambda m, X, y, **g: m.predict_membership(X, y, **g),
    "bic_scorer": lambda m, X, y, **g: bic_scorer(m, X, y, **g),
    "log_likelihood_scorer": lambda m, X, y, **g: log_likelihood_scorer(m, X, y, **g),
    "inference": lambda m, X, y, **g: inference(m, X, y, **g).std_errors,
    "bootstrap": lambda m, X, y, **g: (
        bootstrap(m, X, y, n_bootstrap=2, random_state=0, **g).draws
    ),
    "optimality_gap": lambda m, X, y, **g: optimality_gap(m, X, y, **g).gap,
}


@pytest.mark.parametrize("call", NEED_GROUPS)
def test_what_depends_on_groups_refuses_to_forget_them(call, data, model):
    X, y, group = data
    assert model.grouped_
    value = NEED_GROUPS[call]
    assert np.isfinite(value(model, X, y, groups=group)).all()
    with pytest.raises(ValueError, match=FORGOTTEN):
        value(model, X, y)


@pytest.mark.parametrize("call", ["bic", "memberships", "components", "bic_scorer"])
def test_the_best_of_several_refuses_to_forget_groups(call, data):
    X, y, group = data
    found = MixtureRegressorIC((1, 2), random_state=0).fit(X, y, groups=group)
    assert found.grouped_
    with pytest.raises(ValueError, match=FORGOTTEN):
        NEED_GROUPS[call](found, X, y)


def test_rows_of_new_groups_say_so(data, model):
    X, y, _ = data
    alone = model.predict_proba(X, y, groups=np.arange(len(y)))
    log_joint = np.log(model.weights_) + stats.norm.logpdf(
        y[:, None], model.predict_components(X), model.scale_
    )
    expected = np.exp(log_joint - np.logaddexp.reduce(log_joint, axis=1)[:, None])
    assert_allclose(alone, expected, atol=1e-9)


def test_what_does_not_depend_on_responses_needs_no_groups(data, model):
    X, y, _ = data
    assert model.predict(X).shape == model.predict_components(X)[:, 0].shape == y.shape
    assert_allclose(model.predict_proba(X), np.tile(model.weights_, (len(y), 1)))
    assert np.isfinite(crps(model, X, y)).all()


def test_groups_of_one_row_are_no_groups_to_be_remembered(data):
    X, y, _ = data
    model = fit(X, y, np.arange(len(y)))
    assert not model.grouped_
    rows = MixtureRegressor(random_state=0).fit(X, y)
    assert_allclose(model.bic(X, y), rows.bic(X, y), rtol=1e-9)
    again = clone(model).fit(X, y, groups=np.arange(len(y)) // 2)
    assert again.grouped_
    assert not again.fit(X, y).grouped_


def test_without_routing_in_sample_selection_refuses_groups_that_reach_nobody(data):
    X, y, group = data
    search = GridSearchCV(
        MixtureRegressor(random_state=0),
        {"n_components": [1, 2]},
        scoring=bic_scorer,
        cv=InSample(),
    )
    with pytest.raises(ValueError, match=r"set_config\(enable_metadata_routing=True"):
        search.fit(X, y, groups=group)
    with pytest.raises(ValueError, match="MixtureRegressorIC"):
        next(InSample().split(X, y, group))
    with config_context(enable_metadata_routing=True):
        assert search.fit(X, y, groups=group).best_params_ == {"n_components": 2}


def test_a_scorer_in_a_grid_search_does_not_score_rows_of_a_grouped_fit(data):
    X, y, group = data
    pipe = make_pipeline(MixtureRegressor(random_state=0))
    search = GridSearchCV(
        pipe, {}, scoring=bic_scorer, cv=InSample(), error_score="raise"
    )
    with pytest.raises(ValueError, match=FORGOTTEN):
        search.fit(X, y, mixtureregressor__groups=group)


# Pipelines ----------------------------------------------------------------------


def test_without_routing_a_pipeline_hands_groups_on_by_prefix(data, model):
    X, y, group = data
    pipe = make_pipeline(StandardScaler(), MixtureRegressor(random_state=0))
    pipe.fit(X, y, mixtureregressor__groups=group)
    loglik = pipe[-1].log_likelihood_
    assert_allclose(loglik, model.log_likelihood_, rtol=1e-9)


def test_with_routing_a_pipeline_hands_groups_on(data, model):
    X, y, group = data
    with config_context(enable_metadata_routing=True):
        pipe = make_pipeline(StandardScaler(), MixtureRegressor(random_state=0))
        pipe.fit(X, y, groups=group)
        tau = pipe.predict_proba(X, y=y, groups=group)
    assert_allclose(pipe[-1].log_likelihood_, model.log_likelihood_, rtol=1e-9)
    assert_allclose(tau, model.predict_proba(X, y, groups=group), atol=1e-6)


def test_with_routing_the_number_of_components_is_chosen_with_groups(data):
    X, y, group = data
    with config_context(enable_metadata_routing=True):
        chosen = MixtureRegressorIC((1, 2), random_state=0)
        pipe = make_pipeline(StandardScaler(), chosen).fit(X, y, groups=group)
    bic = [fit(X, y, group, K).bic(X, y, groups=group) for K in (1, 2)]
    assert_allclose(pipe[-1].criterion_values_, bic, rtol=1e-9)


def test_a_grouped_mixture_survives_pickling_and_cloning(data, model):
    X, y, group = data
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(
        again.predict_proba(X, y, groups=group), model.predict_proba(X, y, groups=group)
    )
    assert_same(clone(model).fit(X, y, groups=group), model, rtol=1e-12)


# Starts -------------------------------------------------------------------------


def test_a_start_climbs_to_the_optimum_of_the_search(data, model):
    X, y, group = data
    tau = model.predict_proba(X, y, groups=group)
    start = {
        "weights": model.weights_[::-1],
        "coef": model.coef_[::-1] + 0.2,
        "intercept": model.intercept_[::-1],
        "scale": 1.5 * model.scale_[::-1],
    }
    for init in (tau, 0.6 * tau[:, ::-1] + 0.2, start):
        ours = MixtureRegressor(init=init).fit(X, y, groups=group)
        assert ours.search_ == {}
        assert_same(ours, model, rtol=1e-6)


def test_a_warm_start_takes_other_groups(data, model):
    X, y, group = data
    warm = clone(model).set_params(warm_start=True).fit(X, y, groups=group)
    assert warm.fit(X, y, groups=group).search_ == {}
    assert warm.n_iter_ <= 5
    assert_same(warm, model)
    kept = group > 3
    warm.fit(X[kept], y[kept], groups=group[kept])
    assert_same(warm, fit(X[kept], y[kept], group[kept]), rtol=1e-6)


# Draws --------------------------------------------------------------------------


def test_a_draw_has_one_component_for_each_group(data, model):
    X, _, group = data
    drawn, component = model.sample(X, random_state=0, groups=group)
    assert drawn.shape == component.shape == (len(X),)
    of_group = pd.Series(component).groupby(group)
    assert (of_group.nunique() == 1).all()
    assert component.min() == 0
    assert component.max() == 1
    again, _ = model.sample(X, random_state=0, groups=group)
    assert_array_equal(drawn, again)
    # Rows on their own differ within a group.
    _, alone = model.sample(X, random_state=0)
    assert (pd.Series(alone).groupby(group).nunique() > 1).any()


def test_draws_of_groups_follow_the_shares(model):
    n = 20000
    group = np.random.default_rng(0).permutation(np.repeat(np.arange(n), 2))
    X = np.tile([[0.5, -0.2]], (2 * n, 1))
    y, component = model.sample(X, random_state=1, groups=group)
    first = np.unique(group, return_index=True)[1]
    observed = np.bincount(component[first], minlength=2)
    assert stats.chisquare(observed, n * model.weights_).pvalue > 1e-3
    for k in range(2):
        mean = model.predict_components(X[:1])[0, k]
        z = (y[component == k] - mean) / model.scale_[k]
        assert stats.kstest(z, "norm").pvalue > 1e-3
    # Given their component the rows of a group are independent.
    order = np.argsort(group, kind="stable").reshape(n, 2)
    residual = y - model.predict_components(X)[np.arange(2 * n), component]
    pairs = residual[order]
    assert abs(np.corrcoef(pairs.T)[0, 1]) < 0.03


def test_draws_lead_back_to_the_mixture(model):
    rng = np.random.default_rng(2)
    group = np.repeat(np.arange(600), 4)
    X = rng.normal(size=(len(group), 2))
    y, _ = model.sample(X, random_state=3, groups=group)
    again = fit(X, y, group)
    ours, theirs = (
        np.column_stack([m.intercept_, m.coef_, m.scale_])[m.intercept_.argsort()]
        for m in (again, model)
    )
    assert_allclose(ours, theirs, atol=0.12)
