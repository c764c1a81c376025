"""What follows a fit: X in chunks, however it is stored, in memory of bounded size."""

import tracemalloc
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn._data import chunks as chunks_file
from mixreg_sklearn._data.chunks import AtRows, chunks, collected
from mixreg_sklearn.families import Gamma, NegativeBinomial, Poisson
from mixreg_sklearn.metrics import (
    aic_scorer,
    bic_scorer,
    class_quality,
    crps_scorer,
    icl_scorer,
    log_likelihood_scorer,
)
from mixreg_sklearn.residuals import (
    crps,
    extrapolated_rows,
    log_score,
    odd_rows,
    pit_values,
    quantile_residuals,
)

# Of the model, or of the model and its data: `X`, `y`, `rows` (offset, trials) and
# `units` (groups, or nothing).
CALLS = {
    "predict": lambda m, at: m.predict(at.X, **at.rows),
    "std": lambda m, at: m.predict(at.X, return_std=True, **at.rows),
    "components": lambda m, at: m.predict_components(at.X, **at.rows),
    "prior": lambda m, at: m.predict_proba(at.X),
    "memberships": lambda m, at: m.predict_proba(at.X, at.y, **at.rows, **at.units),
    "most probable": lambda m, at: m.predict_membership(
        at.X, at.y, **at.rows, **at.units
    ),
    "score": lambda m, at: m.score(at.X, at.y, at.weight, **at.rows, **at.units),
    "bic": lambda m, at: m.bic(at.X, at.y, at.weight, **at.rows, **at.units),
    "sample": lambda m, at: m.sample(at.X, 0, **at.rows, **at.units),
    "distribution": lambda m, at: m.predict_distribution(at.X, **at.rows).mean(),
    "pit": lambda m, at: pit_values(
        m, at.X, at.y, random_state=0, **at.rows, **at.units
    ),
    "residuals": lambda m, at: quantile_residuals(
        m, at.X, at.y, random_state=0, **at.rows, **at.units
    ),
    "log_score": lambda m, at: log_score(m, at.X, at.y, **at.rows, **at.units),
    "crps": lambda m, at: crps(m, at.X, at.y, **at.rows, **at.units),
    "odd": lambda m, at: odd_rows(m, at.X, at.y, level=40, **at.rows, **at.units),
    "extrapolated": lambda m, at: extrapolated_rows(
        m, at.X_new, at.X, at.y, at.weight, **at.rows, **at.units
    ),
}
CRITERIA = "log_likelihood", "aic", "sabic", "icl"
CALLS |= {
    name: lambda m, at, name=name: getattr(m, name)(
        at.X, at.y, at.weight, **at.rows, **at.units
    )
    for name in CRITERIA
}
SCORERS = aic_scorer, bic_scorer, icl_scorer, log_likelihood_scorer, crps_scorer
CALLS |= {
    repr(scorer): lambda m, at, scorer=scorer: scorer(
        m, at.X, at.y, at.weight, **at.rows, **at.units
    )
    for scorer in SCORERS
}
CASES = (
    "gaussian",
    "gate",
    "groups",
    "gate and groups",
    "poisson",
    "binomial",
    "gamma",
)


@cache
def fitted(case, n=150):
    """A mixture, and rows: numbers of single precision, a third of them zeros."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(n, 3)) * (rng.random((n, 3)) < 0.7)
    grouped, gated = "groups" in case, "gate" in case
    unit = rng.permutation(np.arange(n) // 3)
    if gated and grouped:
        X[:, 2] = rng.normal(size=n)[unit]
    X = X.astype(np.float32).astype(float)
    first = (rng.random(n)[unit] if grouped else rng.random(n)) < 0.5
    eta = np.where(first, 2 + X @ [1, -1, 0.5], -1 + X @ [0, 1, 1])
    rows, family = {}, case if case in CASES[4:] else "gaussian"
    y = eta + 0.5 * rng.normal(size=n)
    if case == "poisson":
        rows = {"offset": 0.1 * rng.normal(size=n)}
        y = rng.poisson(np.exp(eta / 2 + rows["offset"]))
    if case == "binomial":
        rows = {"trials": rng.integers(5, 20, size=n)}
        y = rng.binomial(rows["trials"], 1 / (1 + np.exp(-eta)))
    if case == "gamma":
        y = rng.gamma(4, np.exp(eta / 2))
    units = {"groups": unit} if grouped else {}
    gate = {"gate": "softmax", "gate_features": [2]} if gated else {}
    model = MixtureRegressor(2, family=family, random_state=0, **gate)
    model.fit(X, y, **rows, **units)
    weight = 1.0 + unit % 3 if grouped else 1.0 + np.arange(n) % 4
    weight[unit == 5] = 0
    at = {"X": X, "X_new": 2 * X, "y": y, "weight": weight}
    return model, SimpleNamespace(**at, rows=rows, units=units)


def few_rows_at_once(monkeypatch):
    """Chunks of about nine rows, and products of about five."""
    monkeypatch.setattr(chunks_file, "_MOST", 300)
    monkeypatch.setattr(chunks_file, "_MOST_PRODUCTS", 30)


def assert_equal_results(ours, theirs):
    """The same numbers, in arrays, tuples or dicts of them."""
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        ours, theirs = tuple(ours.values()), tuple(theirs.values())
    if not isinstance(theirs, tuple):
        ours, theirs = (ours,), (theirs,)
    for one, other in zip(ours, theirs, strict=True):
        assert_allclose(one, other, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("case", CASES)
def test_chunks_of_any_size_change_nothing(case, call, monkeypatch):
    model, at = fitted(case)
    theirs = call(model, at)
    few_rows_at_once(monkeypatch)
    assert len(list(chunks(150, 32))) > 10
    assert_equal_results(call(model, at), theirs)


@pytest.mark.parametrize("case", ["groups", "binomial"])
def test_a_summary_does_not_depend_on_chunks(case, monkeypatch):
    model, at = fitted(case)
    theirs = model.summary(at.X, at.y, **at.rows, **at.units)
    few_rows_at_once(monkeypatch)
    ours = model.summary(at.X, at.y, **at.rows, **at.units)
    assert_equal_results(ours.statistics, theirs.statistics)
    assert_equal_results(ours.components, theirs.components)


def memory_map(X, path):
    np.save(path, X)
    return np.load(path, mmap_mode="r")


STORED = {
    "single": lambda X, _: X.astype(np.float32),
    "columns": lambda X, _: np.asfortranarray(X),
    "single columns": lambda X, _: np.asfortranarray(X, dtype=np.float32),
    "every other": lambda X, _: np.repeat(X, 2, axis=1)[:, ::2],
    "mapped": memory_map,
    "single mapped": lambda X, path: memory_map(X.astype(np.float32), path),
    "CSR": lambda X, _: sparse.csr_array(X),
    "CSR matrix": lambda X, _: sparse.csr_matrix(X),
    "single CSR": lambda X, _: sparse.csr_array(X.astype(np.float32)),
    "CSC": lambda X, _: sparse.csc_array(X),
    "CSC matrix": lambda X, _: sparse.csc_matrix(X),
    "COO": lambda X, _: sparse.coo_array(X),
}


@pytest.mark.parametrize("stored", STORED.values(), ids=STORED)
@pytest.mark.parametrize("case", ["gaussian", "gate and groups", "poisson"])
def test_numbers_do_not_depend_on_how_X_is_stored(case, stored, tmp_path, monkeypatch):
    model, at = fitted(case)
    X, X_new = (
        stored(A, tmp_path / f"{i}.npy") for i, A in enumerate((at.X, at.X_new))
    )
    other = SimpleNamespace(**{**vars(at), "X": X, "X_new": X_new})
    theirs = [call(model, at) for call in CALLS.values()]
    few_rows_at_once(monkeypatch)
    for call, expected in zip(CALLS.values(), theirs, strict=True):
        assert_equal_results(call(model, other), expected)


def test_memberships_of_groups_take_sparse_rows_in_chunks(monkeypatch):
    model, at = fitted("groups")
    labels, theirs = model.predict_group_proba(at.X, at.y, **at.units)
    few_rows_at_once(monkeypatch)
    ours = model.predict_group_proba(sparse.csr_array(at.X), at.y, **at.units)
    assert_array_equal(ours[0], labels)
    assert_allclose(ours[1], theirs, rtol=1e-12)


def test_histories_may_be_sparse():
    model, at = fitted("gate and groups")
    rows = slice(0, 60)
    theirs, ours = (
        model.predict_distribution(
            A,
            **at.units,
            history={"X": A[rows], "y": at.y[rows], "groups": at.units["groups"][rows]},
        ).weights
        for A in (at.X, sparse.csr_array(at.X))
    )
    assert_allclose(ours, theirs, rtol=1e-12)


def test_the_selected_mixture_and_the_quality_of_classes_take_sparse_rows():
    _, at = fitted("gaussian")
    model = MixtureRegressorIC([1, 2], estimator=MixtureRegressor(random_state=0))
    model.fit(at.X, at.y)
    X = sparse.csr_array(at.X)
    assert_allclose(model.predict(X), model.predict(at.X), rtol=1e-12)
    ours, theirs = class_quality(model, X, at.y), class_quality(model, at.X, at.y)
    assert_allclose(ours.app, theirs.app)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: X[:, :2], "X has 2 features, but .* expecting 3"),
        (lambda X: X * np.inf, "contains infinity|contains NaN"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_bad_sparse_rows_are_refused(change, message):
    model, at = fitted("gaussian")
    with pytest.raises(ValueError, match=message):
        model.predict(change(sparse.csr_array(at.X)))


def test_an_offset_of_the_wrong_length_is_refused_for_sparse_rows():
    model, at = fitted("poisson")
    with pytest.raises(ValueError, match=r"offset has shape \(2,\), but X has 150"):
        model.predict(sparse.csr_array(at.X), offset=[1.0, 2.0])


@pytest.mark.parametrize("family", [NegativeBinomial(), "inverse_gaussian", "beta"])
def test_draws_do_not_depend_on_chunks(family, monkeypatch):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(90, 1)), rng.uniform(0.2, 0.8, size=90)
    if isinstance(family, NegativeBinomial):
        y = rng.poisson(3, size=90)
    model = MixtureRegressor(1, family=family, random_state=0).fit(X, y)
    theirs = model.sample(X, 7)
    few_rows_at_once(monkeypatch)
    for ours, expected in zip(model.sample(X, 7), theirs, strict=True):
        assert_array_equal(ours, expected)


# Errors name rows among all rows --------------------------------------------------


def restricted():
    """A model with an identity link, and rows of which two have no distribution."""
    rng = np.random.default_rng(0)
    X = rng.uniform(1, 2, size=(120, 1))
    y = rng.gamma(30, X[:, 0] * np.where(rng.random(120) < 0.5, 1, 4) / 30)
    model = MixtureRegressor(2, family=Gamma(link="identity"), random_state=0)
    model.fit(X, y)
    X[[77, 110]] = -50.0
    return model, X, y


@pytest.mark.parametrize(
    "call",
    [
        lambda m, X, y: m.predict(X),
        lambda m, X, y: m.predict(X, return_std=True),
        lambda m, X, y: m.predict_components(X),
        lambda m, X, y: m.sample(X),
        lambda m, X, y: pit_values(m, X, y),
        lambda m, X, y: crps(m, X, y),
        lambda m, X, y: m.predict_distribution(X).mean(),
    ],
)
def test_the_first_row_without_a_distribution_and_their_number_are_named(
    call, monkeypatch
):
    few_rows_at_once(monkeypatch)
    with pytest.raises(ValueError, match=r"at row 77: .* such rows \(2 of 120\)\."):
        call(*restricted())


def test_the_row_that_no_component_admits_is_named(monkeypatch):
    rng = np.random.default_rng(0)
    X = np.linspace(0, 1, 60)[:, None]
    y = rng.poisson(np.where(rng.random(60) < 0.5, 30 - 10 * X[:, 0], 9 - 4 * X[:, 0]))
    model = MixtureRegressor(2, family=Poisson(link="identity"), random_state=0)
    model.fit(X, y)
    X[[43, 50]] = 50.0
    groups = np.arange(60) // 2 * 2
    few_rows_at_once(monkeypatch)
    for call in (model.predict_proba, model.predict_membership):
        with pytest.raises(ValueError, match="No component is possible for row 43:"):
            call(X, y)
        with pytest.raises(ValueError, match="No component is possible for group 42:"):
            call(X, y, groups=groups)
    # The row after an impossible one of its group, in another chunk.
    groups = np.arange(60)
    groups[[43, 58]] = 100
    with pytest.raises(ValueError, match="earlier rows in the group of row 58:"):
        log_score(model, X, y, groups=groups)
    assert model.log_likelihood(X, y) == -np.inf


def test_the_row_with_too_many_counts_is_named(monkeypatch):
    model, at = fitted("poisson")
    offset = at.rows["offset"].copy()
    offset[99] = 30.0
    few_rows_at_once(monkeypatch)
    with pytest.raises(ValueError, match="The counts of row 99 spread over"):
        crps(model, at.X, at.y, offset=offset)


def test_a_gate_that_varies_within_a_group_is_refused_across_chunks(monkeypatch):
    model, at = fitted("gate and groups")
    labels = np.array([f"g{unit}" for unit in at.units["groups"]])
    row = np.flatnonzero(labels == labels[0])[-1]
    assert row > 20
    X = at.X.copy()
    X[row, 2] += 1
    few_rows_at_once(monkeypatch)
    for call in (
        lambda: model.predict_proba(X, at.y, groups=labels),
        lambda: model.bic(X, at.y, groups=labels),
        lambda: model.sample(X, groups=labels),
        lambda: log_score(model, X, at.y, groups=labels),
    ):
        with pytest.raises(ValueError, match=f"varies within group '{labels[0]}'"):
            call()


def test_results_of_chunks_are_put_together_and_their_errors_counted(monkeypatch):
    monkeypatch.setattr(chunks_file, "_MOST", 8)
    x = np.arange(20.0)
    parts = [(rows, x[rows]) for rows in chunks(20, 2)]
    assert [len(part) for _, part in parts] == [4] * 5
    ours = collected(lambda rows, part: (part + rows.start, part > 3), parts, 20)
    assert_array_equal(ours[0], x + np.repeat([0, 4, 8, 12, 16], 4))
    assert_array_equal(ours[1], x > 3)

    def refused(rows, part):
        bad = np.isin(part, [6, 7, 13])
        if bad.any():
            raise AtRows("$count of $n_rows, $row", bad.argmax(), bad.sum(), 4)
        return part

    with pytest.raises(AtRows, match=r"^3 of 20, 6$"):
        collected(refused, parts, 20)


# Memory ---------------------------------------------------------------------------

MB = 2**20


@cache
def large(gate, n=400_000, n_components=6):
    """A mixture of six components and many of its rows."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 10))
    model = MixtureRegressor(n_components, gate=gate)
    model.n_features_in_, model.n_parameters_ = 10, 1
    model.weights_ = np.full(n_components, 1 / n_components)
    model.coef_, model.scale_ = rng.normal(size=(n_components, 10)), model.weights_
    model.intercept_ = np.arange(n_components) * 1.0
    model.null_ = {"weights": [1.0], "coef": np.zeros((1, 10)), "intercept": [0.0]}
    if gate:
        model.gate_coef_, model.gate_intercept_ = model.coef_ / 9, model.intercept_ * 0
    return model, X, X @ model.coef_[0]


def peak(call):
    """The most memory in use during a call, and that of its results, in MB."""
    tracemalloc.start()
    try:
        results = call()
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    results = results if isinstance(results, tuple) else (results,)
    return most / MB, sum(np.asarray(each).nbytes for each in results) / MB


@pytest.mark.parametrize(
    ("gate", "stored"), [(None, "double"), ("softmax", "single"), ("softmax", "sparse")]
)
def test_scratch_memory_is_small_beside_many_rows(gate, stored):
    model, X, y = large(gate)
    if stored == "single":
        X = X.astype(np.float32)
    if stored == "sparse":
        X, y = sparse.csr_array(np.where(X > 1, X, 0)[:100_000]), y[:100_000]
    calls = {
        "bic": lambda: model.bic(X, y),
        "icl": lambda: model.icl(X, y),
        "score": lambda: model.score(X, y),
        "predict": lambda: model.predict(X),
        "std": lambda: model.predict(X, return_std=True),
        "components": lambda: model.predict_components(X),
        "prior": lambda: model.predict_proba(X),
        "memberships": lambda: model.predict_proba(X, y),
        "most probable": lambda: model.predict_membership(X, y),
        "pit": lambda: pit_values(model, X, y),
        "draws": lambda: model.sample(X, 0),
    }
    for name, call in calls.items():
        most, results = peak(call)
        assert most - results < 16, name
