"""The contract with scikit-learn and its neighbors."""

import inspect
import os
import pickle
import subprocess
import sys
import textwrap
from numbers import Number

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
import skops.io
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm
from sklearn import config_context
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor, StackingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
    parametrize_with_checks,
)
from sklearn.utils.fixes import parse_version
from support import separated, two_lines

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.families import Poisson, ZeroInflated
from mixreg_sklearn.gates import ConstantGate, SoftmaxGate

NEW = parse_version(sklearn.__version__) >= parse_version("1.9")
CALLBACKS = hasattr(MixtureRegressor, "set_callbacks")
needs_callbacks = pytest.mark.skipif(
    not CALLBACKS, reason="callbacks came with scikit-learn 1.9"
)

FITTED = {
    "aic_",
    "bic_",
    "coef_",
    "component_rows_",
    "thin_components_",
    "converged_",
    "degenerate_",
    "grouped_",
    "_model_of_fit",
    "intercept_",
    "labelled_",
    "log_likelihood_",
    "n_features_in_",
    "n_iter_",
    "n_parameters_",
    "objective_",
    "newton_decrement_",
    "null_",
    "scale_",
    "search_",
    "smallest_eigenvalue_",
    "weights_",
}


def assert_same_fit(ours, theirs, rtol=1e-7):
    for name in ("weights_", "intercept_", "coef_", "scale_", "log_likelihood_"):
        assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=rtol)


@pytest.fixture(scope="module")
def data():
    sample = separated(0, n=120, d=2)
    return sample.X, sample.y


@pytest.fixture(scope="module")
def model(data):
    return MixtureRegressor(random_state=0).fit(*data)


# The contract ------------------------------------------------------------------


# The first says that regressors have no predict_proba; the others ask of what has one
# for as many columns as y has values.
EXPECTED = dict.fromkeys(
    [
        "check_regressors_no_decision_function",
        "check_estimator_sparse_array",
        "check_estimator_sparse_matrix",
    ],
    "predict_proba gives the memberships of the components",
)


def expected_failures(estimator):
    return EXPECTED


_STRICT = (
    {"xfail_strict": True}
    if "xfail_strict" in inspect.signature(parametrize_with_checks).parameters
    else {}  # scikit-learn < 1.8; pyproject.toml makes every xfail strict
)


class InRange(MixtureRegressor):
    """Takes any response to the family's range, as the checks know none but positive.

    The families refuse what their distribution cannot produce (2.5 events).
    """

    def fit(self, X, y, sample_weight=None, **metadata):
        values = np.asarray(y)
        if values.dtype.kind == "O" and all(isinstance(v, Number) for v in values.flat):
            values = values.astype(float)
        if values.dtype.kind in "fiu" and np.isfinite(values).all():
            y = self._in_range(values.astype(float), metadata)
        return super().fit(X, y, sample_weight, **metadata)

    def score(self, X, y, sample_weight=None, **metadata):
        y = self._in_range(np.asarray(y, dtype=float), metadata)
        return super().score(X, y, sample_weight, **metadata)

    def _in_range(self, y, metadata):
        share = y / (1 + abs(y))
        if self.family == "beta":
            return 0.05 + 0.9 * share
        if self.family == "binomial":
            metadata["trials"] = np.full(y.size, 200.0)
            return np.rint(200 * share)
        return np.rint(20 * y)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


class PoorScore(MixtureRegressor):
    """For parameters under which no good prediction of the checks' data exists."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


# Some checks fit noise, or fewer rows than parameters: there the warning is right.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [
        MixtureRegressor(random_state=0),
        # Many checks fit two components to a single regression, where no search ends
        # early. What the others are about does not depend on its length.
        MixtureRegressor(n_components=1, random_state=0),
        MixtureRegressor(n_components=3, n_init=1, random_state=0),
        MixtureRegressor(shared_scale=True, n_init=1, random_state=0),
        MixtureRegressor(fit_intercept=False, n_init=1, random_state=0),
        MixtureRegressor(gate="softmax", n_init=1, random_state=0),
        MixtureRegressor(
            gate=SoftmaxGate(alpha=1.0), gate_features=0, n_init=1, random_state=0
        ),
        MixtureRegressor(gate=ConstantGate("equal"), n_init=1, random_state=0),
        # Some checks set n_components=1, so constraints cannot name components.
        MixtureRegressor(shared_features=0, n_init=1, random_state=0),
        MixtureRegressor(held_coef={0: 0.5}, n_init=1, random_state=0),
        # One component: there are too few rows for the features of two, and for bounds
        # without a penalty, within which there are many perfect fits.
        MixtureRegressor(1, alpha=0.01, l1_ratio=0.5, order_by=0, random_state=0),
        MixtureRegressor(1, alpha=1e-3, coef_bounds={0: (-1, 50)}, random_state=0),
        PoorScore(regression_features=[], n_init=1, random_state=0),
        PoorScore(offset_feature=0, n_init=1, random_state=0),
        PoorScore(family="gamma", n_init=1, random_state=0),
        PoorScore(family="inverse_gaussian", n_init=1, random_state=0),
        MixtureRegressor(family="student_t", n_init=1, random_state=0),
        # One component: a second one vanishes on the checks' rows, and then there is no
        # unique estimate that weights and repetition could agree on.
        InRange(1, family="poisson", random_state=0),
        InRange(1, family="negative_binomial", random_state=0),
        InRange(1, family="binomial", random_state=0),
        InRange(1, family="beta", random_state=0),
        InRange(1, family=ZeroInflated(Poisson()), random_state=0),
    ],
    expected_failed_checks=expected_failures,
    **_STRICT,
)
def test_estimator_keeps_the_contract(estimator, check):
    check(estimator)


def test_contract_holds_with_array_api_dispatch():
    script = f"""
    import sklearn
    from sklearn.utils.estimator_checks import check_estimator
    from sklearn.utils.fixes import parse_version
    from mixreg_sklearn import MixtureRegressor

    records = check_estimator(
        MixtureRegressor(1, random_state=0),
        expected_failed_checks={EXPECTED},
        on_skip=None,
        on_fail=None,
    )
    bad = [r["check_name"] for r in records if r["status"] not in ("passed", "xfail")]
    assert not bad, bad
    failed = {{r["check_name"] for r in records if r["status"] == "xfail"}}
    assert failed == set({EXPECTED}), failed
    names = [r["check_name"] for r in records]
    if parse_version(sklearn.__version__) >= parse_version("1.9"):
        assert "check_array_api_input" in names
    print("kept", len(records))
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=os.environ | {"SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("kept")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "check", [check_param_validation, check_dataframe_column_names_consistency]
)
def test_checks_that_scikit_learn_keeps_for_itself_pass(check):
    check("MixtureRegressor", MixtureRegressor(random_state=0))


def test_it_is_a_regressor_and_no_classifier():
    assert is_regressor(MixtureRegressor())
    assert not is_classifier(MixtureRegressor())
    for trap in ("classes_", "score_samples", "decision_function", "transform"):
        assert not hasattr(MixtureRegressor, trap)


# Parameters --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_components", 0),
        ("n_components", 2.5),
        ("n_components", "two"),
        ("family", "gauss"),
        ("family", 3),
        ("shared_features", 1.5),
        ("shared_scale", "yes"),
        ("fit_intercept", None),
        ("init", "kmeans"),
        ("n_init", 0),
        ("tol", 0.0),
        ("tol", -1e-3),
        ("max_iter", 0),
        ("warm_start", 2),
        ("random_state", "seed"),
        ("n_jobs", 1.5),
        ("verbose", -1),
    ],
)
def test_a_bad_parameter_is_named_with_its_range(name, value, data):
    message = rf"The '{name}' parameter of MixtureRegressor must be .* Got .* instead"
    with pytest.raises(ValueError, match=message):
        MixtureRegressor(**{name: value}).fit(*data)


def test_parameters_are_got_and_set():
    model = MixtureRegressor(3, shared_scale=True)
    parameters = model.get_params()
    signature = inspect.signature(MixtureRegressor.__init__).parameters
    assert set(parameters) == set(signature) - {"self"}
    assert parameters["n_components"] == 3
    assert model.set_params(n_components=4, tol=1e-6) is model
    assert (model.n_components, model.tol) == (4, 1e-6)
    with pytest.raises(ValueError, match="Invalid parameter 'components'"):
        model.set_params(components=2)


def test_only_n_components_is_positional():
    with pytest.raises(TypeError):
        MixtureRegressor(2, "gaussian")


def test_fit_leaves_parameters_and_data_alone(data):
    X, y = (values.copy() for values in data)
    weight, offset = np.ones(len(y)), np.zeros(len(y))
    model = MixtureRegressor(random_state=0)
    before = model.get_params()
    model.fit(X, y, weight, offset=offset)
    assert model.get_params() == before
    assert_array_equal(X, data[0])
    assert_array_equal(y, data[1])
    assert_array_equal(weight, 1)
    assert_array_equal(offset, 0)


def test_the_same_seed_gives_the_same_fit_bit_for_bit(data):
    first, second = (MixtureRegressor(random_state=3).fit(*data) for _ in range(2))
    assert_array_equal(first.coef_, second.coef_)
    assert first.log_likelihood_ == second.log_likelihood_
    assert first.search_ == second.search_


def test_a_random_state_instance_is_used(data):
    first = MixtureRegressor(random_state=np.random.RandomState(3)).fit(*data)
    second = MixtureRegressor(random_state=np.random.RandomState(3)).fit(*data)
    assert_array_equal(first.coef_, second.coef_)


def test_a_clone_fits_the_same(model, data):
    copy = clone(model)
    assert not hasattr(copy, "coef_")
    assert_array_equal(copy.fit(*data).coef_, model.coef_)


def test_a_family_can_be_an_instance(model, data):
    from mixreg_sklearn.families import Gaussian

    other = MixtureRegressor(family=Gaussian(), random_state=0)
    assert_array_equal(clone(other).fit(*data).coef_, model.coef_)


# Persistence -------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_pickle_keeps_everything(model, data, protocol):
    copy = pickle.loads(pickle.dumps(model, protocol))
    assert vars(copy).keys() == vars(model).keys()
    assert_array_equal(copy.predict_proba(*data), model.predict_proba(*data))
    assert copy.search_ == model.search_


def test_skops_needs_to_trust_the_estimator_only(model, data):
    stored = skops.io.dumps(model)
    trusted = skops.io.get_untrusted_types(data=stored)
    assert trusted == ["mixreg_sklearn._regressor.MixtureRegressor"]
    copy = skops.io.loads(stored, trusted=trusted)
    assert_array_equal(copy.predict(data[0]), model.predict(data[0]))
    assert_array_equal(copy.predict_proba(*data), model.predict_proba(*data))
    assert copy.search_ == model.search_


# Data frames -------------------------------------------------------------------

FRAMES = [
    pd,
    pytest.param(
        pl,
        marks=pytest.mark.skipif(
            not NEW and not hasattr(pl.DataFrame, "__dataframe__"),
            reason="scikit-learn before 1.9 reads older versions of polars only",
        ),
    ),
]


@pytest.mark.parametrize("frames", FRAMES, ids=["pandas", "polars"])
def test_data_frames_give_names_and_the_same_fit(frames, model, data):
    X, y = data
    frame = frames.DataFrame({"age": X[:, 0], "dose": X[:, 1]})
    named = MixtureRegressor(random_state=0).fit(frame, frames.Series(y))
    assert named.feature_names_in_.tolist() == ["age", "dose"]
    # A frame keeps its columns in another order in memory: rounding may differ.
    assert_same_fit(named, model, rtol=1e-12)
    assert_allclose(named.predict(frame), model.predict(X), rtol=1e-12)
    memberships = named.predict_proba(frame, frames.Series(y))
    assert_allclose(memberships, model.predict_proba(X, y), atol=1e-11)
    weighted = clone(named).fit(frame, frames.Series(y), frames.Series(np.ones(len(y))))
    assert_array_equal(weighted.coef_, named.coef_)
    offset = frames.Series(X[:, 0])
    moved = clone(named).fit(frame, frames.Series(y), offset=offset)
    assert_allclose(moved.coef_[:, 0], model.coef_[:, 0] - 1, atol=1e-7)


@pytest.mark.parametrize("frames", FRAMES, ids=["pandas", "polars"])
@pytest.mark.parametrize("call", ["predict", "predict_components", "predict_proba"])
def test_other_names_are_refused(frames, call, data):
    X, y = data
    frame = frames.DataFrame({"age": X[:, 0], "dose": X[:, 1]})
    model = MixtureRegressor(random_state=0).fit(frame, y)
    for names in (["dose", "age"], ["age", "drug"]):
        other = frames.DataFrame(dict(zip(names, X.T, strict=True)))
        with pytest.raises(ValueError, match="The feature names should match"):
            getattr(model, call)(other)


def test_missing_names_are_warned_of(data):
    X, y = data
    model = MixtureRegressor(random_state=0).fit(pd.DataFrame(X, columns=["a", "b"]), y)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        model.predict(X)


# Meta-estimators ---------------------------------------------------------------


def test_pipeline_is_the_fit_on_transformed_features(data):
    X, y = data
    pipe = make_pipeline(StandardScaler(), MixtureRegressor(random_state=0)).fit(X, y)
    Z = StandardScaler().fit_transform(X)
    direct = MixtureRegressor(random_state=0).fit(Z, y)
    assert_allclose(pipe.predict(X), direct.predict(Z), rtol=1e-12)
    assert pipe.score(X, y) == pytest.approx(direct.score(Z, y))


def test_grid_search_over_a_pipeline_chooses_and_refits(data):
    X, y = data
    pipe = Pipeline(
        [("scale", StandardScaler()), ("mix", MixtureRegressor(random_state=0))]
    )
    grid = {"mix__n_components": [1, 2], "mix__shared_scale": [False, True]}
    search = GridSearchCV(pipe, grid, cv=3, error_score="raise").fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    chosen = search.best_estimator_["mix"]
    assert chosen.n_components == search.best_params_["mix__n_components"]
    assert chosen.converged_
    assert search.score(X, y) == search.best_estimator_.score(X, y)


def test_cross_val_score_is_likelihood_r2_on_held_out_rows(data):
    X, y = data
    folds = KFold(3)
    scores = cross_val_score(MixtureRegressor(random_state=0), X, y, cv=folds)
    by_hand = []
    for train, test in folds.split(X):
        model = MixtureRegressor(random_state=0).fit(X[train], y[train])
        loglik = model.log_likelihood(X[test], y[test])
        null = norm.logpdf(y[test], y[train].mean(), y[train].std()).sum()
        by_hand.append(1 - np.exp(-2 * (loglik - null) / len(test)))
    assert_allclose(scores, by_hand, rtol=1e-9)


def test_cross_val_predict_predicts_held_out_rows(data):
    X, y = data
    folds = KFold(3)
    predicted = cross_val_predict(MixtureRegressor(random_state=0), X, y, cv=folds)
    for train, test in folds.split(X):
        model = MixtureRegressor(random_state=0).fit(X[train], y[train])
        assert_allclose(predicted[test], model.predict(X[test]), rtol=1e-12)


def test_stacking_uses_predictions(data):
    X, y = data
    stack = StackingRegressor(
        [("mix", MixtureRegressor(random_state=0)), ("line", LinearRegression())], cv=3
    ).fit(X, y)
    assert stack.stack_method_ == ["predict", "predict"]
    assert stack.final_estimator_.coef_.shape == (2,)
    columns = stack.transform(X)
    assert_allclose(columns[:, 0], stack.named_estimators_["mix"].predict(X))


def test_transformed_target_maps_predictions_back(model, data):
    X, y = data
    wrapped = TransformedTargetRegressor(
        MixtureRegressor(random_state=0), transformer=StandardScaler()
    ).fit(X, y)
    assert_allclose(wrapped.predict(X), model.predict(X), rtol=1e-7, atol=1e-7)
    assert_allclose(wrapped.regressor_.scale_ * y.std(), model.scale_, rtol=1e-7)


def test_partial_dependence_is_the_mean_slope(model, data):
    X, _ = data
    dependence = partial_dependence(model, X, [0], kind="average", grid_resolution=5)
    slopes = np.diff(dependence["average"][0]) / np.diff(dependence["grid_values"][0])
    assert_allclose(slopes, model.weights_ @ model.coef_[:, 0], rtol=1e-9)


def test_permutation_importance_tells_signal_from_noise():
    rng = np.random.default_rng(0)
    X, y = two_lines(200, seed=1)
    noise = rng.normal(size=len(y))
    model = MixtureRegressor(random_state=0).fit(np.column_stack([X, noise]), y)
    importance = permutation_importance(
        model, np.column_stack([X, noise]), y, n_repeats=5, random_state=0
    )
    signal, nothing = importance.importances_mean
    assert signal > 0.1
    assert abs(nothing) < 0.05


def test_bagging_averages_the_predictions_of_its_members(data):
    X, y = data
    bag = BaggingRegressor(
        MixtureRegressor(n_init=2), n_estimators=3, random_state=0
    ).fit(X, y)
    members = [member.predict(X) for member in bag.estimators_]
    assert len({round(member.log_likelihood_, 6) for member in bag.estimators_}) == 3
    assert_allclose(bag.predict(X), np.mean(members, axis=0), rtol=1e-12)


# Metadata ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def metadata(data):
    rng = np.random.default_rng(5)
    n = len(data[1])
    return {"sample_weight": rng.integers(1, 4, n) * 1.0, "offset": rng.normal(size=n)}


@pytest.fixture(scope="module")
def direct(data, metadata):
    """The fit on standardized features with weights and offset."""
    Z = StandardScaler().fit_transform(data[0])
    return MixtureRegressor(random_state=0).fit(Z, data[1], **metadata)


def _pipeline(routing):
    scaler = StandardScaler()
    if routing:
        scaler.set_fit_request(sample_weight=False)
    steps = [("scale", scaler), ("mix", MixtureRegressor(random_state=0))]
    pipe = Pipeline(steps)
    if routing and not NEW:
        pipe.set_score_request(sample_weight=True)  # newer versions ask the last step
    return pipe


@pytest.mark.parametrize("routing", [False, True], ids=["routing off", "routing on"])
def test_weights_and_offset_travel_through_a_pipeline(routing, data, metadata, direct):
    prefix = "" if routing else "mix__"
    arguments = {prefix + name: value for name, value in metadata.items()}
    with config_context(enable_metadata_routing=routing):
        pipe = _pipeline(routing).fit(*data, **arguments)
    assert_same_fit(pipe["mix"], direct, rtol=1e-12)


@pytest.mark.parametrize("routing", [False, True], ids=["routing off", "routing on"])
def test_weights_and_offset_travel_through_a_search(routing, data, metadata, direct):
    X, y = data
    prefix = "" if routing else "mix__"
    arguments = {prefix + name: value for name, value in metadata.items()}
    folds = KFold(3)
    with config_context(enable_metadata_routing=routing):
        search = GridSearchCV(
            _pipeline(routing),
            {"mix__n_components": [2]},
            cv=folds,
            error_score="raise",
        ).fit(X, y, **arguments)
    assert_same_fit(search.best_estimator_["mix"], direct, rtol=1e-12)

    scores = []
    for train, test in folds.split(X):
        scaler = StandardScaler().fit(X[train])
        part = {name: value[train] for name, value in metadata.items()}
        model = MixtureRegressor(random_state=0)
        model.fit(scaler.transform(X[train]), y[train], **part)
        # Without routing no score is given weights or offsets.
        held_out = {n: v[test] for n, v in metadata.items()} if routing else {}
        if not NEW:  # the scorer of a pipeline hands on weights only
            held_out.pop("offset", None)
        scores.append(model.score(scaler.transform(X[test]), y[test], **held_out))
    split = [search.cv_results_[f"split{i}_test_score"][0] for i in range(3)]
    assert_allclose(split, scores, rtol=1e-12)


@pytest.mark.parametrize("routing", [False, True], ids=["routing off", "routing on"])
def test_memberships_given_the_response_come_through_a_pipeline(routing, data):
    X, y = data
    with config_context(enable_metadata_routing=routing):
        pipe = _pipeline(routing).fit(X, y)
        posterior = pipe.predict_proba(X, y=y)
        prior = pipe.predict_proba(X)
    Z = pipe["scale"].transform(X)
    assert_array_equal(posterior, pipe["mix"].predict_proba(Z, y))
    assert_array_equal(prior, np.tile(pipe["mix"].weights_, (len(y), 1)))


@pytest.mark.parametrize("routing", [False, True], ids=["routing off", "routing on"])
def test_the_offset_of_a_prediction_comes_through_a_pipeline(routing, data, metadata):
    X, y = data
    offset = metadata["offset"]
    with config_context(enable_metadata_routing=routing):
        pipe = _pipeline(routing).fit(X, y)
        moved = pipe.predict(X, offset=offset)
    assert_allclose(moved, pipe["mix"].predict(pipe["scale"].transform(X)) + offset)


def test_routing_reaches_cross_validation(data, metadata):
    X, y = data
    with config_context(enable_metadata_routing=True):
        scores = cross_val_score(
            MixtureRegressor(random_state=0), X, y, params=metadata, cv=3
        )
        predicted = cross_val_predict(MixtureRegressor(random_state=0), X, y, cv=3)
    assert np.isfinite(predicted).all()
    by_hand = []
    for train, test in KFold(3).split(X):
        part = {name: value[train] for name, value in metadata.items()}
        model = MixtureRegressor(random_state=0).fit(X[train], y[train], **part)
        part = {name: value[test] for name, value in metadata.items()}
        by_hand.append(model.score(X[test], y[test], **part))
    assert_allclose(scores, by_hand, rtol=1e-12)


# Callbacks ---------------------------------------------------------------------


class Recorder:
    """Writes down every hook that is called; may ask to stop."""

    def __init__(self, stop=False):
        self.stop, self.events = stop, []

    def setup(self, estimator, context):
        self.events.append(("setup", context.task_name, context.task_id))

    def teardown(self, estimator, context):
        self.events.append(("teardown", context.task_name, context.task_id))

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None):
        assert len(X) == len(y)
        self.events.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, X=None, y=None):
        assert len(X) == len(y)
        self.events.append(("end", context.task_name, context.task_id))
        return self.stop and context.task_name == "search round"

    def of(self, kind):
        return [event[1:] for event in self.events if event[0] == kind]


def _long_search():
    """A problem on which the default search takes several rounds."""
    return two_lines(60, seed=3), MixtureRegressor(n_components=5, random_state=0)


@needs_callbacks
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_components", [1, 2, 3, 5])
@pytest.mark.parametrize("n_init", [1, 8])
def test_every_begin_of_a_callback_has_its_end(n_components, n_init):
    X, y = two_lines(60, seed=3)
    recorder = Recorder()
    model = MixtureRegressor(n_components, n_init=n_init, random_state=0)
    model.set_callbacks(recorder).fit(X, y)
    assert recorder.events[0] == ("setup", "fit", 0)
    assert recorder.events[1] == ("begin", "fit", 0)
    assert recorder.events[-2] == ("end", "fit", 0)
    assert recorder.events[-1] == ("teardown", "fit", 0)
    assert sorted(recorder.of("begin")) == sorted(recorder.of("end"))
    opened = []
    for kind, *task in recorder.events[1:-1]:
        if kind == "begin":
            opened.append(task)
        else:
            assert opened.pop() == task
    rounds = [task for task in recorder.of("end") if task[0] == "search round"]
    assert len(rounds) == model.search_.get("rounds", 0)


@needs_callbacks
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_every_begin_has_its_end_without_a_search():
    X, y = two_lines(60, seed=3)
    recorder = Recorder()
    model = MixtureRegressor(random_state=0).fit(X, y)
    model.set_params(warm_start=True).set_callbacks(recorder).fit(X, y)
    assert sorted(recorder.of("begin")) == sorted(recorder.of("end"))


@needs_callbacks
def test_callbacks_are_torn_down_when_the_fit_fails():
    X, y = two_lines(60, seed=3)
    recorder = Recorder()
    model = MixtureRegressor(init=np.ones((3, 2))).set_callbacks(recorder)
    with pytest.raises(ValueError, match="init"):
        model.fit(X, y)
    assert len(recorder.of("setup")) == len(recorder.of("teardown"))


@needs_callbacks
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_callback_stops_the_search_after_one_round():
    (X, y), model = _long_search()
    assert clone(model).fit(X, y).search_["rounds"] > 1
    recorder = Recorder(stop=True)
    model.set_callbacks(recorder).fit(X, y)
    assert model.search_["rounds"] == 1
    assert recorder.of("end") == [("search round", 0), ("fit", 0)]
    assert np.isfinite(model.log_likelihood_)


@needs_callbacks
def test_a_callback_that_only_watches_changes_nothing(model, data):
    watched = clone(model).set_callbacks(Recorder()).fit(*data)
    assert_array_equal(watched.coef_, model.coef_)
    assert watched.search_ == model.search_


@needs_callbacks
def test_callbacks_survive_a_clone_and_are_no_parameter():
    recorder = Recorder()
    model = MixtureRegressor().set_callbacks(recorder)
    assert "callbacks" not in str(model.get_params())
    assert len(clone(model)._skl_callbacks) == 1


@needs_callbacks
def test_callbacks_that_are_off_add_no_attribute(data):
    model = MixtureRegressor(random_state=0).fit(*data)
    assert set(vars(model)) == set(model.get_params()) | FITTED


@needs_callbacks
def test_callbacks_leave_no_attribute_behind(data):
    model = MixtureRegressor(random_state=0).set_callbacks(Recorder()).fit(*data)
    assert set(vars(model)) == set(model.get_params()) | FITTED | {"_skl_callbacks"}


@needs_callbacks
def test_the_progress_bar_of_scikit_learn_draws(capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    (X, y), _ = two_lines(60, seed=3), None
    model = MixtureRegressor(random_state=0).set_callbacks(ProgressBar()).fit(X, y)
    assert model.converged_
    assert "MixtureRegressor" in capsys.readouterr().out


@needs_callbacks
def test_the_progress_bar_of_a_search_reaches_the_mixture(capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    X, y = two_lines(60, seed=3)
    pipe = make_pipeline(StandardScaler(), MixtureRegressor(random_state=0))
    pipe.set_callbacks(ProgressBar()).fit(X, y)
    assert pipe[-1].converged_
    assert "MixtureRegressor" in capsys.readouterr().out


@needs_callbacks
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_scoring_monitor_logs_every_round():
    from sklearn.callback import ScoringMonitor

    (X, y), model = _long_search()
    monitor = ScoringMonitor(scoring="r2")
    model.set_callbacks(monitor).fit(X, y)
    logs = monitor.get_logs()
    rounds = [row for row in logs.data if row["task_name"] == "search round"]
    assert len(rounds) == model.search_["rounds"]
    assert np.isfinite([row["r2"] for row in rounds]).all()


# What it prints and shows ------------------------------------------------------


def test_verbose_prints_a_line_for_every_round_and_the_polish(capsys):
    X, y = two_lines(60, seed=3)
    model = MixtureRegressor(random_state=0, verbose=1).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "MixtureRegressor: 60 rows, 1 feature, 2 components"
    assert sum("round" in line for line in lines) == model.search_["rounds"]
    assert f"{model.log_likelihood_:.4f}" in lines[-1]
    assert "maximum proven" in lines[-1]


def test_verbose_says_when_the_maximum_is_not_proven(capsys):
    X, y = two_lines(60, seed=3)
    start = {"weights": [0.5, 0.5], "coef": [[0.0], [0.1]], "intercept": [0, 1]}
    model = MixtureRegressor(init=start | {"scale": [5, 5]}, max_iter=1, verbose=1)
    with pytest.warns(sklearn.exceptions.ConvergenceWarning):
        model.fit(X, y)
    assert "not proven" in capsys.readouterr().out


def test_nothing_is_printed_by_default(capfd):
    X, y = two_lines(60, seed=3)
    MixtureRegressor(random_state=0).fit(X, y).predict(X)
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == ""


@pytest.mark.parametrize("is_fitted", [False, True], ids=["unfitted", "fitted"])
def test_html_and_dir_work(is_fitted, model):
    estimator = model if is_fitted else MixtureRegressor(3)
    html = estimator_html_repr(estimator)
    assert "MixtureRegressor" in html
    assert estimator_html_repr(make_pipeline(StandardScaler(), estimator))
    public = [name for name in dir(estimator) if not name.startswith("_")]
    assert {"fit", "predict", "bic", "sample"} <= set(public)
    for name in public:
        getattr(estimator, name)


def test_repr_shows_what_differs_from_the_defaults():
    assert repr(MixtureRegressor()) == "MixtureRegressor()"
    shown = repr(MixtureRegressor(3, shared_scale=True))
    assert shown == "MixtureRegressor(n_components=3, shared_scale=True)"


@pytest.mark.parametrize(
    "call",
    [
        "predict",
        "predict_components",
        "predict_proba",
        "predict_membership",
        "log_likelihood",
        "aic",
        "bic",
        "icl",
        "score",
        "sample",
    ],
)
def test_an_unfitted_model_says_so(call, data):
    X, y = data
    needs_y = call in ("predict_membership", "log_likelihood", "aic", "bic", "icl")
    arguments = (X, y) if needs_y or call == "score" else (X,)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(MixtureRegressor(), call)(*arguments)
