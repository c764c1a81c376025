"""Mixtures of experts: what they maximize, and what they find."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer
from sklearn.tree import DecisionTreeRegressor
from support import log_normal, separated

from mixreg_sklearn import MixtureOfExpertsRegressor, MixtureRegressor
from mixreg_sklearn.datasets import load_nodata, load_tone
from mixreg_sklearn.experts import WeightedGaussianProcessRegressor

LOGISTIC = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)
CURVE = make_pipeline(SplineTransformer(n_knots=6), Ridge(0.1))


def two_curves(n=300, seed=0):
    """Two smooth curves that cross twice, and the component of each row."""
    rng = np.random.default_rng(seed)
    x, second = rng.uniform(0, 6, n), rng.random(n) < 0.4
    mean = np.where(second, 1 + np.cos(x), 2 * np.sin(x))
    return x[:, None], mean + 0.2 * rng.normal(size=n), second


def experts(*args, **kwargs):
    return MixtureOfExpertsRegressor(*args, **({"random_state": 0} | kwargs))


@pytest.fixture(scope="module")
def curves():
    X, y, second = two_curves()
    return X, y, second, experts(CURVE).fit(X, y)


# Exact EM ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("load", "n_components"), [(load_tone, 2), (load_tone, 3), (load_nodata, 2)]
)
def test_linear_experts_reach_the_maximum_of_the_mixture_of_regressions(
    load, n_components
):
    X, y = load(return_X_y=True)
    ours = experts(LinearRegression(), n_components, n_init=1).fit(X, y)
    theirs = MixtureRegressor(n_components, random_state=0).fit(X, y)
    assert_allclose(ours.log_likelihood_, theirs.log_likelihood_, atol=1e-6)
    assert_allclose(ours.weights_, theirs.weights_, atol=1e-3)
    assert_allclose(ours.scale_, theirs.scale_, rtol=1e-3)
    assert ours.converged_
    assert ours.n_folds_ is None


def test_linear_experts_with_a_logistic_gate_reach_that_with_a_softmax_gate():
    X, y = load_tone(return_X_y=True)
    ours = experts(LinearRegression(), gate=LOGISTIC, n_init=1).fit(X, y)
    theirs = MixtureRegressor(gate="softmax", random_state=0).fit(X, y)
    assert_allclose(ours.log_likelihood_, theirs.log_likelihood_, atol=1e-6)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-3)


def test_exact_em_climbs_to_the_maximum_from_far_away():
    X, y = load_tone(return_X_y=True)
    theirs = MixtureRegressor(random_state=0).fit(X, y)
    labels = theirs.predict_membership(X, y)
    wrong = np.random.default_rng(0).random(len(y)) < 0.2
    init = np.eye(2)[np.where(wrong, 1 - labels, labels)]
    ours = experts(LinearRegression(), init=init, max_iter=500).fit(X, y)
    assert ours.n_iter_ > 10
    assert ours.search_ == {}
    assert_allclose(ours.log_likelihood_, theirs.log_likelihood_, atol=1e-6)


def test_the_likelihood_of_the_fit_is_that_of_its_rows_where_em_is_exact():
    X, y = load_tone(return_X_y=True)
    model = experts(LinearRegression(), n_init=1).fit(X, y)
    assert_allclose(model.log_likelihood(X, y), model.log_likelihood_, rtol=1e-10)
    assert_allclose(model.memberships_, model.predict_proba(X, y), atol=1e-10)


def test_shared_scales_are_those_of_the_mixture_of_regressions():
    X, y = load_tone(return_X_y=True)
    ours = experts(LinearRegression(), shared_scale=True, n_init=1).fit(X, y)
    theirs = MixtureRegressor(shared_scale=True, random_state=0).fit(X, y)
    assert ours.scale_[0] == ours.scale_[1]
    assert_allclose(ours.log_likelihood_, theirs.log_likelihood_, atol=1e-6)


# Curves, and experts that remember ---------------------------------------------


def test_curves_that_cross_are_found_and_beat_lines_on_new_rows(curves):
    X, y, second, model = curves
    new, y_new, _ = two_curves(seed=1)
    lines = MixtureRegressor(random_state=0).fit(X, y)
    gain = model.log_likelihood(new, y_new) - lines.log_likelihood(new, y_new)
    assert gain > 0.5 * len(y_new)
    assert_allclose(model.weights_, [0.6, 0.4], atol=0.08)
    assert_allclose(model.scale_, 0.2, atol=0.05)
    members = model.predict_membership(X, y)
    assert (members == second).mean() > 0.9
    assert model.n_folds_ == 5


def test_with_folds_the_likelihood_of_the_fit_is_close_to_that_of_new_rows(curves):
    _, y, _, model = curves
    new, y_new, _ = two_curves(2000, seed=2)
    held_out = model.log_likelihood(new, y_new) / len(y_new)
    assert abs(model.log_likelihood_ / len(y) - held_out) < 0.15


def test_trees_that_remember_collapse_without_folds_and_not_with_them():
    X, y, _ = two_curves(150)
    tree = DecisionTreeRegressor(random_state=0)
    with pytest.warns(ConvergenceWarning, match="has collapsed.*cv=5"):
        alone = experts(tree, cv=None, n_init=1, max_iter=5).fit(X, y)
    assert alone.degenerate_
    assert alone.scale_.min() < 1e-3 * y.std()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        folded = experts(tree, n_init=1, max_iter=5).fit(X, y)
    assert not folded.degenerate_
    assert folded.scale_.min() > 0.2


@pytest.mark.parametrize(
    "expert",
    [
        HistGradientBoostingRegressor(max_iter=20),
        RandomForestRegressor(5, min_samples_leaf=5),
        WeightedGaussianProcessRegressor(optimizer=None),
    ],
    ids=lambda expert: type(expert).__name__,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_flexible_experts_follow_curves_that_are_apart(expert):
    X, y, second = two_curves(150)
    y = y + 5 * second
    model = experts(expert, n_init=1, max_iter=4).fit(X, y)
    assert (model.predict_membership(X, y) == second).mean() > 0.95
    assert model.score(X, y) > 0.5


def test_monotonic_constraints_hold_in_every_component():
    rng = np.random.default_rng(0)
    X, second = rng.uniform(0, 4, (200, 1)), rng.random(200) < 0.5
    y = np.where(second, 4 + X[:, 0], np.sqrt(X[:, 0])) + 0.3 * rng.normal(size=200)
    expert = HistGradientBoostingRegressor(max_iter=20, monotonic_cst=[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = experts(expert, n_init=1, max_iter=3).fit(X, y)
    along = model.predict_components(np.linspace(0, 4, 50)[:, None])
    assert (np.diff(along, axis=0) >= 0).all()


def test_experts_may_be_different_and_keep_their_order():
    rng = np.random.default_rng(0)
    X, wave = rng.uniform(0, 6, (200, 1)), rng.random(200) < 0.6
    y = np.where(wave, 3 * np.sin(2 * X[:, 0]), 8 + X[:, 0]) + 0.2 * rng.normal(
        size=200
    )
    model = experts([LinearRegression(), CURVE], n_init=1).fit(X, y)
    assert isinstance(model.estimators_[0], LinearRegression)
    assert_allclose(model.estimators_[0].coef_, 1, atol=0.1)
    assert_allclose(model.weights_, [0.4, 0.6], atol=0.1)


def test_the_search_records_its_starts_and_agrees(curves):
    search = curves[3].search_
    assert search["starts"] == sum(optimum["hits"] for optimum in search["optima"]) == 5
    assert search["agreed"]
    assert search["optima"][0]["hits"] > 1
    assert len(search["paths"]) >= 5


# Invariances -------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_order_of_rows_does_not_matter():
    X, y, _ = two_curves(100)
    order = np.random.default_rng(0).permutation(len(y))
    settings = {"n_init": 4, "max_iter": 2}
    model = experts(CURVE, **settings).fit(X, y)
    other = experts(CURVE, **settings).fit(X[order], y[order])
    assert_array_equal(other.memberships_, model.memberships_[order])
    assert other.log_likelihood_ == model.log_likelihood_


def test_weights_equal_repetition_with_folds_too():
    X, y, _ = two_curves(120)
    weight = np.random.default_rng(1).integers(0, 3, 120)
    settings = {"n_init": 2, "max_iter": 6, "cv": 3}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        ours = experts(CURVE, **settings).fit(X, y, weight)
        theirs = experts(CURVE, **settings).fit(X.repeat(weight, 0), y.repeat(weight))
    assert_allclose(ours.log_likelihood_, theirs.log_likelihood_, rtol=1e-8)
    assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-6)
    assert np.isnan(ours.memberships_[weight == 0]).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_starts_in_processes_change_nothing():
    X, y, _ = two_curves(100)
    settings = {"n_init": 2, "max_iter": 2}
    one, two = (experts(CURVE, **settings, n_jobs=n).fit(X, y) for n in (None, 2))
    assert_array_equal(one.memberships_, two.memberships_)


def test_sparse_features_are_the_same_as_dense_ones():
    sample = separated(0, n=100)
    ours = experts(LinearRegression(), n_init=1, cv=3).fit(
        sparse.csr_matrix(sample.X), sample.y
    )
    theirs = experts(LinearRegression(), n_init=1, cv=None).fit(sample.X, sample.y)
    assert_allclose(ours.weights_, theirs.weights_, atol=0.01)
    assert_allclose(
        ours.predict(sparse.csr_matrix(sample.X)), theirs.predict(sample.X), atol=0.1
    )


# Groups and labels -------------------------------------------------------------


def test_rows_of_a_group_share_a_component_and_a_fold():
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(30), 5)
    second = np.repeat(rng.random(30) < 0.4, 5)
    X = rng.uniform(0, 6, (150, 1))
    y = np.where(second, np.sin(X[:, 0]), -np.sin(X[:, 0])) + 0.4 * rng.normal(size=150)
    model = experts(CURVE, n_init=2, shared_scale=True).fit(X, y, groups=group)
    tau = model.memberships_
    assert_array_equal(tau, tau[::5].repeat(5, axis=0))
    assert (tau.argmax(axis=1) == (second == second.mean().round())).mean() in (0, 1)
    labels, of_group = model.predict_group_proba(X, y, group)
    assert_array_equal(labels, np.arange(30))
    assert_array_equal(model.predict_proba(X, y, groups=group), of_group[group])
    splits = GroupKFold(3)
    split = experts(CURVE, cv=splits, n_init=1, max_iter=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert split.fit(X, y, groups=group).n_folds_ == 3
    with pytest.raises(ValueError, match="fitted with groups"):
        model.predict_proba(X, y)


def test_likelihoods_of_groups_are_products_of_those_of_their_rows():
    sample = separated(0, n=60)
    group = np.arange(60) // 2
    model = experts(LinearRegression(), n_init=1).fit(sample.X, sample.y)
    means = model.predict_components(sample.X)
    rows = log_normal(sample.y[:, None], means, model.scale_)
    joint = rows.reshape(30, 2, 2).sum(axis=1) + np.log(model.weights_)
    ours = model.log_likelihood(sample.X, sample.y, groups=group)
    assert_allclose(ours, np.logaddexp(*joint.T).sum())


def test_labels_number_the_components():
    X, y, second = two_curves(200)
    y = y + 4 * second
    known = np.where(np.arange(200) < 20, 1 - second.astype(int), -1)
    model = experts(CURVE, n_init=1).fit(X, y, known_component=known)
    assert model.labelled_
    assert_allclose(model.weights_, [0.4, 0.6], atol=0.08)
    assert_array_equal(model.memberships_[:20].argmax(axis=1), known[:20])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_experts_whose_passes_do_not_settle_say_so_and_keep_the_best():
    X, y, _ = two_curves(100)
    model = experts(DecisionTreeRegressor(max_depth=4, random_state=0), n_init=1)
    model.fit(X, y)
    assert not model.converged_
    assert model.membership_change_ > 1e-3
    with pytest.warns(ConvergenceWarning, match="max_iter=1 while .* rising"):
        experts(CURVE, n_init=1, max_iter=1).fit(X, y)


def test_a_gate_learns_where_components_are():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (300, 1))
    right = rng.random(300) < 1 / (1 + np.exp(-8 * X[:, 0]))
    y = np.where(right, 3 - X[:, 0], X[:, 0]) + 0.3 * rng.normal(size=300)
    model = experts(Ridge(1e-3), gate=LogisticRegression(), n_init=1).fit(X, y)
    ends = model.predict_proba([[-1.0], [1.0]])
    far = model.predict_components([[0.0]])[0].argmax()
    assert ends[0, far] < 0.1
    assert ends[1, far] > 0.9
    assert_allclose(model.predict_proba(X).mean(axis=0), model.weights_, atol=0.02)
