"""A back end of the contract, and no more, gives the estimates of rows in memory."""

import pickle
from functools import reduce
from operator import add

import numpy as np
import pytest
from engine.cases import assert_same_sums, problem_of
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from outside_families import FreeStudentT, ZeroInflatedPoisson
from support import few, seeds

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn._engine.rows import ArrayRows, TableRows
from mixreg_sklearn._engine.sources import Stored
from mixreg_sklearn._rebuilt import rebuild
from mixreg_sklearn._search.estimate import Limits, estimate_found, estimate_from
from mixreg_sklearn._search.pooled import from_memberships
from mixreg_sklearn._search.sample import ground_of, search_sample
from mixreg_sklearn.inference._information import covariance_factor
from mixreg_sklearn.inference._terms import terms_of

LIMITS = Limits(8, 1e-8, 200)


class Partitions:
    """Rows in several places, which a verb reaches as bytes, as in a cluster.

    It has the attributes of the contract; `_parts` are its workers, with the numbers
    of their rows.
    """

    __slots__ = (
        "_parts",
        "n_columns",
        "n_logits",
        "n_rows",
        "n_units",
        "total_weight",
    )

    def __init__(self, problem, n_parts):
        table, rows = problem.rows.table, problem.rows
        parts = np.array_split(np.arange(rows.n_units), n_parts)
        weight, unit = table.unit_weight, np.arange(rows.n_rows)
        if table.start is not None:
            unit = np.searchsorted(table.start, unit, side="right") - 1
        self._parts = [
            (
                TableRows(table.take(units, weight[units]), problem.frame),
                table.order[np.isin(unit, units)],
            )
            for units in parts
        ]
        self.n_rows, self.n_units = rows.n_rows, rows.n_units
        self.n_columns, self.n_logits = rows.n_columns, rows.n_logits
        self.total_weight = rows.total_weight

    def sum(self, verb, params):
        return reduce(add, self.scan(verb, params))

    def scan(self, verb, params):
        for part, numbers in self._parts:
            # Each worker has a copy of its own, made from bytes.
            received = pickle.loads(pickle.dumps((verb, params)))
            yield from part.scan(_at(numbers, *received), None)

    def sketch(self, size):
        """The rows of all parts are put together in memory."""
        assert self.n_units <= 2 * size
        return _one([part.whole() for part, _ in self._parts])

    def seen_by(self, structure, frame):
        raise NotImplementedError


def _at(numbers, verb, params):
    """The verb on a block whose rows have other numbers among those of the user."""

    def moved(_, block):
        return verb(params, block._replace(rows=numbers[block.rows]))

    return moved


def _one(blocks):
    """The rows of several blocks."""

    def joined(arrays):
        return np.concatenate(arrays, axis=-1)

    weight, start = joined([block.weight for block in blocks]), None
    if not blocks[0].units.single:
        size = joined([block.units.size for block in blocks]).astype(int)
        start = np.cumsum(size) - size
    columns = zip(*(block.columns for block in blocks), strict=True)
    offset = None
    if blocks[0].offset is not None:
        offset = joined([block.offset for block in blocks])
    return ArrayRows(
        [Stored(joined([part.Z for part in parts])) for parts in columns],
        joined([block.y for block in blocks]),
        weight,
        offset,
        base=sum(block.base for block in blocks) / weight.sum(),
        start=start,
        gate=joined([block.gate for block in blocks]),
    )


class Silent:
    """Nobody watches the search."""

    def begin_round(self):
        pass

    def end_round(self, search):
        return False


def _data(seed, case, n=260):
    """Features, responses and arguments of `fit` for a case."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    groups = rng.integers(0, 90, size=n)
    _, groups = np.unique(groups, return_inverse=True)
    unit = groups if case == "groups" else np.arange(n)
    odds = X[:, 1] if case == "softmax" else np.zeros(n)
    label = (rng.random(n) < 1 / (1 + np.exp(-odds)))[unit].astype(int)
    eta = np.where(label, 3 + X[:, 0], -1 - X[:, 0])
    weight = rng.uniform(0.5, 2.0, size=n)[unit]
    arguments = {"sample_weight": weight}
    if case == "groups":
        arguments["groups"] = groups
    if case in ("poisson", "zero-inflated"):
        arguments["offset"] = 0.3 * rng.normal(size=n)
        eta = eta * 0.6 + 1.0 + arguments["offset"]
        y = rng.poisson(np.exp(eta)) * 1.0
        if case == "zero-inflated":
            y *= rng.random(n) < 0.8
        return X, y, arguments
    noise = rng.standard_t(5, size=n) if case == "heavy tails" else rng.normal(size=n)
    return X, eta + 0.4 * noise, arguments


CASES = {
    "gaussian": {},
    "poisson": {"family": "poisson"},
    "groups": {},
    "softmax": {"gate": "softmax"},
    "zero-inflated": {"family": ZeroInflatedPoisson()},
    "heavy tails": {"family": FreeStudentT()},
    "shared": {"shared_features": [1], "shared_scale": True},
}
cases = pytest.mark.parametrize("case", CASES)


def _both(case, n_parts=3, seed=0):
    """Problems with rows in memory, and with rows in several places."""
    X, y, arguments = _data(seed, case)
    problem = problem_of(MixtureRegressor(2, **CASES[case]), X, y, **arguments)
    return problem, problem._replace(rows=Partitions(problem, n_parts))


def test_the_back_end_has_the_contract_and_no_more():
    problem, elsewhere = _both("gaussian")
    names = {name for name in dir(elsewhere.rows) if not name.startswith("_")}
    assert names == {
        *("n_rows", "n_units", "n_columns", "n_logits", "total_weight"),
        *("sum", "scan", "sketch", "seen_by"),
    }
    assert names <= set(dir(problem.rows))
    with pytest.raises(AttributeError, match="'Partitions' object has no attribute"):
        elsewhere.rows.whole()


@cases
def test_a_search_elsewhere_finds_the_same_maximum(case):
    here, elsewhere = _both(case)
    ours, theirs = (
        estimate_found(problem, np.random.default_rng(0), LIMITS, Silent())
        for problem in (elsewhere, here)
    )
    assert ours.proven
    assert theirs.proven
    assert_allclose(ours.polished.objective, theirs.polished.objective, rtol=1e-10)
    mine, yours = (
        elsewhere.to_user(ours.polished.params),
        here.to_user(theirs.polished.params),
    )
    for name, value in yours.arrays().items():
        atol = 1e-6 * np.abs(value).max()
        assert_allclose(mine.arrays()[name], value, rtol=1e-6, atol=atol, err_msg=name)


@cases
def test_a_climb_elsewhere_is_the_same_climb(case):
    here, elsewhere = _both(case, n_parts=2)
    X, _, _ = _data(0, case)
    memberships = np.column_stack([X[:, 0] > 0, X[:, 0] <= 0]) * 0.8 + 0.1
    starts = [from_memberships(problem, memberships) for problem in (elsewhere, here)]
    assert_same_sums(*starts, rtol=1e-9)
    ours = estimate_from(elsewhere, starts[1], LIMITS)
    theirs = estimate_from(here, starts[1], LIMITS)
    assert ours.polished.n_iter == theirs.polished.n_iter
    assert ours.proven == theirs.proven
    assert_same_sums(ours.polished.params, theirs.polished.params, rtol=1e-6)


@few
@given(seeds, st.sampled_from(list(CASES)), st.integers(1, 9))
def test_sums_do_not_depend_on_where_rows_are(seed, case, n_parts):
    here, elsewhere = _both(case, n_parts, seed % 100)
    memberships = np.random.default_rng(seed).dirichlet([1, 1], size=here.rows.n_rows)
    params = from_memberships(here, memberships)
    for verb in (here.model.summarize, here.model.curvature):
        ours, theirs = (p.rows.sum(verb, params) for p in (elsewhere, here))
        assert_same_sums(ours, theirs, rtol=1e-10)
    shares = here.model.shares
    assert_allclose(shares(params, elsewhere.rows), shares(params, here.rows))


@cases
def test_a_sample_does_not_depend_on_where_rows_are(case):
    here, elsewhere = _both(case, 4)
    ours, theirs = (
        search_sample(ground_of(p.rows, 2), 2).whole() for p in (elsewhere, here)
    )
    for name in ("y", "weight", "unit_weight", "gate"):
        assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-14)
    for a, b in zip(ours.columns, theirs.columns, strict=True):
        assert_allclose(a.Z, b.Z, rtol=1e-13, atol=1e-13)
    assert_allclose(ours.base, theirs.base, rtol=1e-10)


@pytest.mark.parametrize("case", ["gaussian", "poisson", "groups", "softmax"])
@pytest.mark.parametrize("cov_type", ["information", "opg", "sandwich", "cluster"])
def test_the_covariance_does_not_depend_on_where_rows_are(case, cov_type):
    X, y, arguments = _data(0, case)
    model = MixtureRegressor(2, random_state=0, **CASES[case]).fit(X, y, **arguments)
    rebuilt = rebuild(model, X, y, **arguments)
    groups = arguments.get("groups")
    cluster = None
    if cov_type == "cluster":
        cluster = np.arange(len(y)) // 5 if groups is None else groups // 3
    covariances = []
    for rows in (Partitions(rebuilt.problem, 3), rebuilt.problem.rows):
        problem = rebuilt.problem._replace(rows=rows)
        here = rebuilt._replace(problem=problem)
        factor = covariance_factor(here, terms_of(here), cov_type, cluster)
        covariances.append(factor @ factor.T)
    ours, theirs = covariances
    assert_allclose(ours, theirs, rtol=1e-7, atol=1e-7 * np.abs(theirs).max())
