"""The back end of partitions: sums and samples, whatever the partitions are."""

import dask
import dask.array as da
import numpy as np
import pytest
from engine.cases import assert_same_sums
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scattered import SETTINGS, case_of, scattered
from support import few, seeds

from mixreg_sklearn._posed import pose
from mixreg_sklearn._search.pooled import from_memberships


def problem_of(case):
    of_rows = dict(case.of_rows)
    given = [of_rows.pop(n, None) for n in ("sample_weight", "groups", "offset")]
    with dask.config.set(scheduler="synchronous"), np.errstate(all="ignore"):
        return pose(case.model, case.X, case.y, *given, of_rows).problem


def cut(case, seed):
    """The case in partitions of random sizes, some of them empty; groups are whole."""
    rng = np.random.default_rng(seed)
    ends = np.sort(rng.integers(0, len(case.y) // 3, size=rng.integers(0, 8)) * 3)
    return scattered(case, *np.diff([0, *ends, len(case.y)]).tolist())


@pytest.fixture(autouse=True)
def _synchronous():
    with dask.config.set(scheduler="synchronous"):
        yield


def test_the_back_end_has_the_contract_and_no_more():
    rows = problem_of(scattered(case_of("groups"))).rows
    assert {name for name in dir(rows) if not name.startswith("_")} == {
        *("n_rows", "n_units", "n_columns", "n_logits", "total_weight"),
        *("sum", "scan", "sketch", "seen_by"),
    }


@few
@given(seeds, st.sampled_from(sorted(SETTINGS)))
def test_sums_do_not_depend_on_the_partitions(seed, name):
    case = case_of(name, n=300, seed=seed)
    here, there = problem_of(case), problem_of(cut(case, seed))
    for attribute in ("n_rows", "n_units", "n_columns", "n_logits"):
        assert getattr(there.rows, attribute) == getattr(here.rows, attribute)
    assert there.rows.total_weight == pytest.approx(here.rows.total_weight, rel=1e-12)
    memberships = np.random.default_rng(seed).dirichlet([1, 1], size=300)
    params = from_memberships(here, memberships)
    assert_same_sums(from_memberships(there, memberships), params, rtol=1e-8)
    for verb in (here.model.summarize, here.model.gradient, here.model.curvature):
        ours, theirs = (p.rows.sum(verb, params) for p in (there, here))
        assert_same_sums(ours, theirs, rtol=1e-10)


@few
@given(seeds, st.sampled_from(sorted(SETTINGS)))
def test_a_sketch_depends_on_neither_partitions_nor_order(seed, name):
    case = case_of(name, n=600, seed=seed)
    order = np.random.default_rng(seed).permutation(200)
    order = (3 * order[:, None] + np.arange(3)).ravel()
    moved = case._replace(
        X=case.X[order],
        y=case.y[order],
        of_rows={name: values[order] for name, values in case.of_rows.items()},
    )
    theirs = problem_of(case).rows.sketch(60).table
    ours = problem_of(cut(moved, seed)).rows.sketch(60).table
    assert len(theirs.unit_weight) == 60
    assert_array_equal(ours.data.X, theirs.data.X)
    for part in ("y", "weight", "offset"):
        assert_array_equal(getattr(ours, part), getattr(theirs, part))


def test_equal_rows_in_several_partitions_are_sketched_once_with_their_weight():
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 3, size=(900, 3)) * 1.0, rng.integers(0, 4, 900) * 1.0
    case = case_of("gaussian")._replace(X=X, y=y)
    ours = problem_of(scattered(case)).rows.sketch(30).table
    seen = np.column_stack([ours.y, ours.data.X])
    assert len(np.unique(seen, axis=0)) == len(seen) == 30
    counts = (np.column_stack([y, X])[:, None] == seen).all(axis=2).sum(axis=0)
    assert_array_equal(ours.weight, counts)


def test_few_units_are_gathered_in_their_order():
    case = case_of("weights")
    counted = case.of_rows["sample_weight"] > 0
    table = problem_of(scattered(case)).rows.sketch(450).table
    assert_array_equal(table.y, case.y[counted])


def test_rows_are_numbered_over_all_partitions():
    case = case_of("groups")
    here, there = problem_of(case), problem_of(scattered(case, 300, 0, 450, 150))
    for numbers in (_numbers, _first):
        ours, theirs = (
            np.concatenate([*p.rows.scan(numbers, None)]) for p in (there, here)
        )
        assert_array_equal(np.sort(ours), np.sort(theirs))


def _numbers(params, block):
    return block.numbers


def _first(params, block):
    return block.first


def test_sums_are_added_in_the_order_of_partitions():
    case = scattered(case_of("gaussian"), *(90,) * 10)
    rows = problem_of(case).rows
    ours = rows.sum(_as_text, None)
    firsts = [int(text) for text in ours.split()]
    assert firsts == sorted(firsts)
    assert len(firsts) == 10


def _as_text(params, block):
    return f"{block.first[0]} "


def test_columns_of_partitions_are_never_kept():
    X = da.zeros((10, 3), chunks=(5, 3)) + da.arange(10, chunks=5)[:, None] ** 2
    case = case_of("gaussian")._replace(X=X, y=X[:, 0] * 1.0)
    places = problem_of(case).rows._places
    kept = places.ask(lambda rows: rows._kept)
    assert kept == [None, None]
