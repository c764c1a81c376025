"""MixtureRegressorIC chooses, says why, and is then the mixture it chose."""

import inspect
import os
import pickle
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from support import separated, two_lines, two_lines_and_one_odd_value

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn.metrics import InSample, bic_scorer

# As for MixtureRegressor (test_sklearn.py).
EXPECTED = dict.fromkeys(
    [
        "check_regressors_no_decision_function",
        "check_estimator_sparse_array",
        "check_estimator_sparse_matrix",
    ],
    "predict_proba gives memberships",
)
_STRICT = (
    {"xfail_strict": True}
    if "xfail_strict" in inspect.signature(parametrize_with_checks).parameters
    else {}  # scikit-learn < 1.8; pyproject.toml makes every xfail strict
)


@pytest.fixture(scope="module")
def data():
    return two_lines(n=90)


@pytest.fixture(scope="module")
def chosen(data):
    return MixtureRegressorIC((1, 2, 3), random_state=0).fit(*data)


class Unproven(MixtureRegressor):
    """Warns with its number of components."""

    def fit(self, X, y, sample_weight=None, *, offset=None):
        super().fit(X, y, sample_weight, offset=offset)
        warnings.warn(f"K = {self.n_components}", ConvergenceWarning, stacklevel=2)
        return self


class Collapsing(MixtureRegressor):
    """Says that more than two components are degenerate, though they are not."""

    def fit(self, X, y, sample_weight=None, *, groups=None, offset=None, trials=None):
        super().fit(X, y, sample_weight)
        self.degenerate_ = self.n_components > 2
        return self


# Some checks fit noise or fewer rows than parameters; there, the warning is right.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    # A short search: many checks fit two components to a single regression.
    [MixtureRegressorIC((1, 2), n_init=1, random_state=0)],
    expected_failed_checks=lambda estimator: EXPECTED,
    **_STRICT,
)
def test_estimator_keeps_the_contract(estimator, check):
    check(estimator)


def test_contract_holds_with_array_api_dispatch():
    script = f"""
    from sklearn.utils.estimator_checks import check_estimator
    from mixreg_sklearn import MixtureRegressorIC

    records = check_estimator(
        MixtureRegressorIC([1], random_state=0),
        expected_failed_checks={EXPECTED},
        on_skip=None,
        on_fail=None,
    )
    print(sorted({{r["check_name"] for r in records if r["status"] != "passed"}}))
    """
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)],
        env=os.environ | {"SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.stdout.strip() == str(sorted(EXPECTED)), run.stderr


@pytest.mark.parametrize("n_components", [1, 2, 3])
def test_bic_finds_the_number_of_regressions(n_components):
    sample = separated(n_components, n=150, n_components=n_components)
    # A short search: most of a long one goes to more components than there are.
    model = MixtureRegressorIC(n_init=1, random_state=0).fit(sample.X, sample.y)
    assert model.n_components_ == n_components


@pytest.fixture(scope="module")
def singles(data):
    """Fits of 3, 1 and 2 components by short searches."""
    short = {"n_init": 1, "random_state": 0}
    return [MixtureRegressor(K, **short).fit(*data) for K in (3, 1, 2)]


@pytest.mark.parametrize("criterion", ["aic", "bic", "icl", "sabic"])
def test_the_lowest_choice_wins(data, singles, criterion):
    numbers = [3, 1, 2]
    model = MixtureRegressorIC(numbers, criterion=criterion, n_init=1, random_state=0)
    model.fit(*data)
    expected = [getattr(single, criterion)(*data) for single in singles]
    assert_allclose(model.criterion_values_, expected)
    assert_allclose(model.log_likelihoods_, [s.log_likelihood_ for s in singles])
    assert model.n_components_ == numbers[model.table_["choice"].argmin()]
    assert [m.n_components for m in model.estimators_] == numbers


def test_it_is_the_mixture_it_chose(data, chosen):
    X, y = data
    best = chosen.best_estimator_
    single = MixtureRegressor(2, random_state=0).fit(X, y)
    for name in ("weights_", "coef_", "intercept_", "scale_", "log_likelihood_"):
        assert_array_equal(getattr(chosen, name), getattr(single, name))
    for name in ("n_iter_", "converged_", "n_features_in_", "n_parameters_"):
        assert getattr(chosen, name) == getattr(best, name)
    for name in ("predict", "predict_components", "predict_proba"):
        assert_array_equal(getattr(chosen, name)(X), getattr(best, name)(X))
    for name in ("predict_membership", "log_likelihood", "aic", "bic", "icl", "score"):
        assert_array_equal(getattr(chosen, name)(X, y), getattr(best, name)(X, y))
    assert_array_equal(chosen.predict_proba(X, y), best.predict_proba(X, y=y))
    assert len(chosen.predict(X, return_std=True)) == 2
    assert_array_equal(chosen.sample(X, 0), best.sample(X, random_state=0))


def test_sabic_is_bic_with_a_smaller_n(data):
    X, y = data
    model = MixtureRegressor(2, random_state=0).fit(X, y)
    expected = -2 * model.log_likelihood_ + 7 * np.log((len(y) + 2) / 24)
    assert_allclose(model.sabic(X, y), expected)
    weight = np.arange(len(y)) % 3
    rows = np.repeat(np.arange(len(y)), weight)
    assert_allclose(model.sabic(X, y, weight), model.sabic(X[rows], y[rows]))
    groups = np.arange(len(y)) // 2
    penalty = model.sabic(X, y, groups=groups) - model.aic(X, y, groups=groups)
    assert_allclose(penalty, 7 * np.log((len(y) / 2 + 2) / 24) - 14)


def test_the_table_has_everything_to_compare(data, chosen):
    X, y = data
    table = pd.DataFrame(chosen.table_)
    assert table["n_components"].tolist() == [1, 2, 3]
    assert table["estimator"].tolist() == [0, 0, 0]
    assert chosen.best_index_ == table["bic"].argmin() == 1
    assert_array_equal(table["bic"], chosen.criterion_values_)
    for i, fit in enumerate(chosen.estimators_):
        row = table.iloc[i]
        for name in ("aic", "bic", "sabic", "icl"):
            assert_allclose(row[name], getattr(fit, name)(X, y))
        assert row["n_parameters"] == fit.n_parameters_
        assert row["smallest_share"] == fit.weights_.min()
        assert row["smallest_component"] == fit.component_rows_.min()
        assert row["converged"] == fit.converged_
        assert not row["degenerate"]
    tau = chosen.predict_proba(X, y)
    entropy = -(tau * np.log(np.maximum(tau, 1e-300))).sum()
    assert_allclose(table["entropy"][1], 1 - entropy / (len(y) * np.log(2)))
    assert table["entropy"][0] == 1
    assert (table["entropy"] <= 1).all()


def test_entropy_counts_groups_once():
    X, y = two_lines(n=90)
    groups, twice = np.arange(90), np.repeat(np.arange(90), 2)
    ours = MixtureRegressorIC([2], random_state=0).fit(X, y, groups=groups)
    theirs = MixtureRegressorIC([2], random_state=0).fit(X, y)
    assert_allclose(ours.table_["entropy"], theirs.table_["entropy"], atol=1e-6)
    pairs = MixtureRegressorIC([2], random_state=0)
    pairs.fit(X.repeat(2, axis=0), y.repeat(2), groups=twice)
    assert pairs.table_["entropy"][0] >= ours.table_["entropy"][0]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("seed", range(3))
def test_log_likelihoods_never_fall_with_more_components(seed):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(60, 1)), rng.standard_t(3, size=60)
    model = MixtureRegressorIC(
        (5, 1, 4, 2, 3), estimator=MixtureRegressor(n_init=1), random_state=seed
    ).fit(X, y)
    table = pd.DataFrame(model.table_).sort_values("n_components")
    sound = table[~table["degenerate"]]
    assert (np.diff(sound["log_likelihood"]) > -1e-6).all()


class Missing(MixtureRegressor):
    """A search that ends in the worst optimum there is."""

    def fit(self, X, y, sample_weight=None, *, groups=None, offset=None, trials=None):
        super().fit(X, y, sample_weight)
        if self.n_components >= 3 and self.init is None:
            fewer = MixtureRegressor(1).fit(X, y, sample_weight)
            self.log_likelihood_ = fewer.log_likelihood_
        return self


def test_what_a_search_has_missed_grows_from_fewer_components(data):
    template = Missing(n_init=1, random_state=0)
    model = MixtureRegressorIC((4, 2, 3), estimator=template).fit(*data)
    four, two, three = model.log_likelihoods_
    assert two < three <= four + 1e-8
    assert [fit.n_components for fit in model.estimators_] == [4, 2, 3]
    jump = MixtureRegressorIC((2, 4), estimator=template).fit(*data)
    assert jump.log_likelihoods_[1] > jump.log_likelihoods_[0]


def test_constraints_that_name_components_do_not_grow(data):
    template = Missing(random_state=0, held_coef={0: [None, None, 0.0]})
    model = MixtureRegressorIC([3], estimator=template).fit(*data)
    assert model.n_components_ == 3


def test_several_estimators_are_swept_together(data):
    templates = [
        MixtureRegressor(),
        MixtureRegressor(shared_scale=True),
        MixtureRegressor(gate="softmax"),
    ]
    model = MixtureRegressorIC((1, 2), estimator=templates, random_state=0).fit(*data)
    assert model.table_["n_components"].tolist() == [1, 2, 1, 2, 1, 2]
    assert model.table_["estimator"].tolist() == [0, 0, 1, 1, 2, 2]
    singles = [
        MixtureRegressorIC((1, 2), estimator=t, random_state=0)
        .fit(*data)
        .criterion_values_
        for t in templates
    ]
    assert_allclose(model.criterion_values_, np.concatenate(singles))
    assert model.best_estimator_ is model.estimators_[model.best_index_]
    assert not hasattr(templates[0], "coef_")
    copy = clone(model)
    assert copy.estimator is not templates
    assert copy.estimator[1].shared_scale


def test_estimators_may_have_names(data, capsys):
    templates = {
        "free": MixtureRegressor(),
        "tied": MixtureRegressor(shared_scale=True),
    }
    model = MixtureRegressorIC([2], estimator=templates, random_state=0, verbose=1)
    model.fit(*data)
    assert model.table_["estimator"].tolist() == ["free", "tied"]
    assert capsys.readouterr().out.startswith("free:  2 components")
    pickle.loads(pickle.dumps(model))


@pytest.mark.parametrize("wrong", [[], {}, [StandardScaler()], ["gaussian"], 3])
def test_what_is_no_mixture_is_refused(data, wrong):
    with pytest.raises(ValueError, match="estimator"):
        MixtureRegressorIC([2], estimator=wrong).fit(*data)


def test_weights_equal_repetition(data):
    X, y = data
    weight = np.arange(len(y)) % 3
    rows = np.repeat(np.arange(len(y)), weight)
    weighted = MixtureRegressorIC((1, 2), random_state=0).fit(X, y, weight)
    repeated = MixtureRegressorIC((1, 2), random_state=0).fit(X[rows], y[rows])
    assert_allclose(weighted.criterion_values_, repeated.criterion_values_)


def test_offset_reaches_every_candidate(data, chosen):
    X, y = data
    offset = np.linspace(0, 5, len(y))
    model = MixtureRegressorIC((1, 2, 3), random_state=0)
    model.fit(X, y + offset, offset=offset)
    assert_allclose(model.criterion_values_, chosen.criterion_values_)


def test_only_the_chosen_mixture_warns(data):
    model = MixtureRegressorIC((1, 2, 3), estimator=Unproven(random_state=0))
    with pytest.warns(ConvergenceWarning) as caught:
        model.fit(*data)
    assert [str(warning.message) for warning in caught] == ["K = 2"]
    assert caught[0].filename == __file__


def expected_choice(fit, criterion, n):
    """The criterion and its penalties, written out."""
    each = fit.n_parameters_ / fit.n_components
    log_scale = np.log(fit.scale_)
    spread = np.log(np.cosh(log_scale - fit.weights_ @ log_scale)).sum()
    flaws = max(len(fit.thin_components_), fit.degenerate_)
    return criterion + 2 * each * spread + flaws * each * np.log(n)


@pytest.mark.parametrize("criterion", ["aic", "bic"])
def test_the_choice_is_the_criterion_with_its_penalties(data, criterion):
    settings = {"criterion": criterion, "n_init": 1, "random_state": 0}
    model = MixtureRegressorIC((2, 10), **settings)
    with warnings.catch_warnings(action="ignore"):
        model.fit(*data)
    assert model.estimators_[1].thin_components_
    values = model.criterion_values_
    expected = map(expected_choice, model.estimators_, values, [90, 90])
    assert_allclose(model.table_["choice"], list(expected))
    assert_array_equal(values, model.table_[criterion])


def test_with_one_scale_and_many_rows_the_choice_is_the_criterion(data):
    template = MixtureRegressor(shared_scale=True)
    model = MixtureRegressorIC((1, 2), estimator=template, random_state=0).fit(*data)
    assert_allclose(model.table_["choice"], model.criterion_values_, rtol=1e-12)


def test_a_degenerate_mixture_must_be_worth_one_more_component():
    sample = separated(0, n=200)
    choice, collapsed = (
        MixtureRegressorIC([3], estimator=kind(n_init=1, random_state=0))
        .fit(sample.X, sample.y)
        .table_["choice"]
        for kind in (MixtureRegressor, Collapsing)
    )
    n_parameters = 3 * (sample.X.shape[1] + 3) - 1
    assert_allclose(collapsed - choice, n_parameters / 3 * np.log(200))


def test_one_odd_value_is_a_component_of_its_own_and_is_named():
    model = MixtureRegressorIC(random_state=0)
    with pytest.warns(ConvergenceWarning, match="Component 2 rests on rows? 7"):
        model.fit(*two_lines_and_one_odd_value())
    assert model.n_components_ == 3
    assert model.degenerate_
    assert_allclose(np.sort(model.coef_[:2, 0]), [-2, 3], atol=0.05)
    assert list(model.thin_components_) == [2]
    assert 7 in model.thin_components_[2]
    assert model.table_["smallest_component"][2] < 2


def test_chance_rows_near_a_plane_are_no_component():
    rng = np.random.default_rng([500, 3, 1, 200, 100, 5, 1])
    rng.random(200)
    X, coef = rng.standard_normal((200, 3)), rng.standard_normal(4)
    y = coef[0] + X @ coef[1:] + np.sqrt(0.08) * rng.standard_normal(200)
    model = MixtureRegressorIC((1, 2, 3), random_state=500)
    with warnings.catch_warnings(action="ignore"):
        model.fit(X, y)
    # By BIC alone, three components with scales from 0.005 to 1.
    assert model.n_components_ == 1


def test_it_says_whether_the_largest_number_was_chosen(data):
    for numbers, largest in (((2, 1), True), (3, False), ([2], False)):
        model = MixtureRegressorIC(numbers, random_state=0).fit(*data)
        assert model.n_components_ == 2
        assert model.largest_chosen_ is largest


def test_settings_are_those_of_the_template(data):
    template = MixtureRegressor(shared_scale=True, random_state=7)
    model = MixtureRegressorIC((1, 2), estimator=template).fit(*data)
    assert model.best_estimator_.shared_scale
    assert model.best_estimator_.random_state == 7
    assert np.ptp(model.scale_) == 0
    assert not hasattr(template, "coef_")
    assert template.n_components == 2
    model.set_params(random_state=3).fit(*data)
    assert model.best_estimator_.random_state == 3


def test_settings_of_the_template_can_be_searched(data):
    search = GridSearchCV(
        MixtureRegressorIC((1, 2), estimator=MixtureRegressor(random_state=0)),
        {"estimator__shared_scale": [True, False]},
        scoring=bic_scorer,
        cv=InSample(),
    ).fit(*data)
    assert search.best_params_ == {"estimator__shared_scale": False}


def test_another_fit_forgets_the_first(data):
    X, y = data
    model = MixtureRegressorIC((1, 2), random_state=0)
    model.fit(pd.DataFrame(X, columns=["a"]), y)
    assert model.feature_names_in_.tolist() == ["a"]
    model.fit(np.c_[X, X**2], y)
    assert not hasattr(model, "feature_names_in_")
    assert model.n_features_in_ == 2


def test_frames_keep_their_names(data):
    X, y = data
    for frame in (pd.DataFrame(X, columns=["a"]), pl.DataFrame(X, schema=["a"])):
        model = MixtureRegressorIC((1, 2), random_state=0).fit(frame, y)
        assert_array_equal(model.predict(frame), model.best_estimator_.predict(frame))
        # scikit-learn 1.6 does not know the names of today's polars.
        if hasattr(model.best_estimator_, "feature_names_in_"):
            assert model.feature_names_in_.tolist() == ["a"]
        else:
            assert isinstance(frame, pl.DataFrame)


def test_it_works_at_the_end_of_a_pipeline(data):
    X, y = data
    pipe = make_pipeline(StandardScaler(), MixtureRegressorIC((1, 2), random_state=0))
    assert pipe.fit(X, y)[-1].n_components_ == 2
    assert pipe.predict_proba(X, y=y).shape == (len(y), 2)
    with config_context(enable_metadata_routing=True):
        unweighted = StandardScaler().set_fit_request(sample_weight=False)
        weighted = make_pipeline(unweighted, clone(pipe[-1]))
        weighted.fit(X, y, sample_weight=np.ones(len(y)))
        assert_allclose(weighted.predict(X), pipe.predict(X))
        assert pipe.predict_proba(X, y=y).shape == (len(y), 2)


def test_it_survives_pickle(data, chosen):
    copy = pickle.loads(pickle.dumps(chosen))
    assert_array_equal(copy.predict(data[0]), chosen.predict(data[0]))
    assert copy.coef_ is copy.best_estimator_.coef_


def test_verbose_prints_a_line_for_every_number_of_components(data, capsys):
    MixtureRegressorIC((1, 2, 3), random_state=0, verbose=1).fit(*data)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["1", "2", "3"]
    assert "BIC" in lines[1]
    assert "maximum agreed" in lines[1]


def test_unfitted_it_says_so(data):
    with pytest.raises(NotFittedError, match="MixtureRegressorIC"):
        MixtureRegressorIC().predict(data[0])


@pytest.mark.parametrize("wrong", [0, (), [1.5, 2], [[1], [2]], "2", [0, 1]])
def test_impossible_numbers_of_components_are_refused(data, wrong):
    with pytest.raises(ValueError, match="n_components"):
        MixtureRegressorIC(wrong).fit(*data)


def test_delegated_methods_are_documented_like_the_mixture():
    for name in ("predict", "predict_proba", "bic", "sabic", "sample"):
        ours, theirs = (
            getattr(kind, name) for kind in (MixtureRegressorIC, MixtureRegressor)
        )
        assert ours.__doc__ == theirs.__doc__
        assert inspect.signature(ours) == inspect.signature(theirs)


class Watch:
    """A callback that goes down to the candidates and writes down what it sees."""

    max_propagation_depth = None

    def __init__(self):
        self.seen = []

    def setup(self, estimator, context):
        self.seen.append(("setup", type(estimator).__name__))

    def teardown(self, estimator, context):
        self.seen.append(("teardown", type(estimator).__name__))

    def on_fit_task_begin(self, estimator, context, **data):
        self.seen.append((context.task_name, type(estimator).__name__))

    def on_fit_task_end(self, estimator, context, **data):
        return False


@pytest.mark.skipif(
    not hasattr(MixtureRegressorIC, "set_callbacks"),
    reason="callbacks came with scikit-learn 1.9",
)
def test_callbacks_see_every_candidate(data):
    watch = Watch()
    model = MixtureRegressorIC(2, random_state=0).set_callbacks(watch).fit(*data)
    assert watch.seen == [
        ("setup", "MixtureRegressorIC"),
        ("fit", "MixtureRegressorIC"),
        ("fit", "MixtureRegressor"),
        ("fit", "MixtureRegressor"),
        ("search round", "MixtureRegressor"),
        ("teardown", "MixtureRegressorIC"),
    ]
    assert not hasattr(model.best_estimator_, "_skl_callbacks")
    plain = MixtureRegressorIC(2, random_state=0).fit(*data)
    assert_array_equal(model.coef_, plain.coef_)
