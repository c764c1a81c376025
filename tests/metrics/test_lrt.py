"""The bootstrap test of K components against K + 1."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from support import separated, two_lines

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.gates import ConstantGate
from mixreg_sklearn.metrics import _lrt as lrt
from mixreg_sklearn.metrics import bootstrap_lrt


@pytest.fixture(scope="module")
def data():
    return two_lines(n=60)


# Two components of one regression have no maximum that stands out: a long search looks
# for it in vain.
SHORT = MixtureRegressor(1, n_init=1)


@pytest.fixture(scope="module")
def rejected(data):
    """A test of one component on two lines."""
    return bootstrap_lrt(SHORT, *data, n_bootstrap=19, random_state=0)


def noise(n=60, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 1)), rng.normal(size=n)


def test_too_few_components_are_rejected(rejected):
    assert rejected.p_value == 0.05
    assert rejected.n_bootstrap == len(rejected.replicates) == 19
    assert rejected.statistic > rejected.replicates.max()


def test_enough_components_are_not_rejected(data):
    test = bootstrap_lrt(MixtureRegressor(2), *data, n_bootstrap=19, random_state=0)
    assert test.p_value > 0.05


def test_the_statistic_is_that_of_the_two_fits(data):
    X, y = data
    test = bootstrap_lrt(
        MixtureRegressor(3), X, y, n_components=1, n_bootstrap=1, random_state=0
    )
    assert (test.smaller.n_components, test.larger.n_components) == (1, 2)
    gain = test.larger.log_likelihood(X, y) - test.smaller.log_likelihood(X, y)
    assert_allclose(test.statistic, 2 * gain)
    searched = MixtureRegressor(2, random_state=0).fit(X, y)
    assert_allclose(test.larger.log_likelihood_, searched.log_likelihood_)


def test_no_statistic_is_negative_even_if_the_search_fails(data, monkeypatch):
    # A search that returns the worst it can: two copies of one regression.
    fit = MixtureRegressor.fit

    def poor(self, X, y, **metadata):
        fit(self, X, y, **metadata)
        if self.n_components == 2 and self.init is None:
            self.log_likelihood_ -= 1e6
        return self

    monkeypatch.setattr(MixtureRegressor, "fit", poor)
    test = bootstrap_lrt(MixtureRegressor(1), *noise(), n_bootstrap=9, random_state=0)
    assert test.statistic >= 0
    assert (test.replicates >= 0).all()
    assert test.larger.n_components == 2


def test_p_values_under_the_hypothesis_are_spread_out():
    values = [
        bootstrap_lrt(
            SHORT,
            *noise(40, seed),
            n_bootstrap=9,
            early_stopping=False,
            random_state=seed,
        ).p_value
        for seed in range(8)
    ]
    assert min(values) < 0.5 < max(values)
    assert 0.2 < np.mean(values) < 0.8


def test_early_stopping_decides_as_all_replicates_do():
    for seed in range(2):
        X, y = noise(40, seed)
        settings = {"n_bootstrap": 9, "alpha": 0.2, "random_state": seed}
        stopped = bootstrap_lrt(SHORT, X, y, **settings)
        whole = bootstrap_lrt(SHORT, X, y, early_stopping=False, **settings)
        assert (stopped.p_value <= 0.2) == (whole.p_value <= 0.2)
        n = stopped.n_bootstrap
        assert_array_equal(stopped.replicates, whole.replicates[:n])
        if n < 9:
            # Besag and Clifford: h exceeding ones, the last of which ends the test.
            assert (stopped.replicates >= stopped.statistic).sum() == 2
            assert stopped.replicates[-1] >= stopped.statistic
            assert stopped.p_value == 2 / n


def test_sequential_p_values_are_valid_by_enumeration():
    # With T and B statistics exchangeable, the rank of T is uniform: for every rank
    # and order of exceedances, P(p <= a) <= a.
    rng = np.random.default_rng(0)
    n_bootstrap, needed, values = 19, 4, []
    for _ in range(4000):
        draws = rng.random(n_bootstrap + 1)
        exceeding = np.cumsum(draws[1:] >= draws[0])
        if exceeding[-1] >= needed:
            values.append(needed / (np.argmax(exceeding >= needed) + 1))
        else:
            values.append((1 + exceeding[-1]) / (1 + n_bootstrap))
    values = np.array(values)
    for level in (0.05, 0.1, 0.2, 0.5):
        assert (values <= level + 1e-12).mean() < level + 0.02


def test_the_result_does_not_depend_on_n_jobs():
    ours, theirs = (
        bootstrap_lrt(
            SHORT,
            *noise(),
            n_bootstrap=9,
            alpha=0.3,
            random_state=4,
            n_jobs=n_jobs,
        )
        for n_jobs in (1, 2)
    )
    assert ours.p_value == theirs.p_value
    assert_array_equal(ours.replicates, theirs.replicates)


def test_weights_equal_repetition(data):
    X, y = data
    weight = np.arange(len(y)) % 3
    rows = np.repeat(np.arange(len(y)), weight)
    settings = {"n_bootstrap": 3, "random_state": 0}
    ours = bootstrap_lrt(MixtureRegressor(1), X, y, weight, **settings)
    theirs = bootstrap_lrt(MixtureRegressor(1), X[rows], y[rows], **settings)
    assert_array_equal(ours.replicates, theirs.replicates)
    assert ours.statistic == theirs.statistic
    with pytest.raises(ValueError, match="whole numbers"):
        bootstrap_lrt(MixtureRegressor(1), X, y, weight / 2)


def test_groups_that_count_twice_are_two_groups():
    groups = np.repeat(["a", "b", "c"], 2)
    counted = lrt._counted(
        np.zeros((6, 1)), np.arange(6), [2, 2, 1, 1, 0, 0], {"groups": groups}
    )
    assert len(counted.y) == 6
    assert sorted(np.unique(counted.metadata["groups"], return_counts=True)[1]) == [
        2,
        2,
        2,
    ]


def test_gates_groups_and_families_are_drawn_as_fitted():
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(20), 4)
    z = rng.normal(size=20)[groups]
    X = np.column_stack([rng.normal(size=80), z])
    y = rng.poisson(np.exp(1 + 0.3 * X[:, 0]))
    model = MixtureRegressor(
        family="poisson", gate="softmax", regression_features=[0], gate_features=[1]
    )
    test = bootstrap_lrt(
        model, X, y, n_components=1, n_bootstrap=3, groups=groups, random_state=0
    )
    assert (test.replicates >= 0).all()
    assert hasattr(test.larger, "gate_coef_")


def test_progress_is_printed_where_asked_for(capsys):
    bootstrap_lrt(
        MixtureRegressor(1), *noise(), n_bootstrap=2, random_state=0, verbose=1
    )
    assert "2 of 2 replicates" in capsys.readouterr().out


def test_what_cannot_be_tested_is_refused(data):
    X, y = data
    with pytest.raises(ValueError, match="special case"):
        bootstrap_lrt(MixtureRegressor(2, gate=ConstantGate([0.7, 0.3])), X, y)
    with pytest.raises(ValueError, match="degenerate"):
        bootstrap_lrt(MixtureRegressor(1), X, X[:, 0])
    for wrong in ({"n_bootstrap": 0}, {"alpha": 1.5}, {"n_components": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            bootstrap_lrt(MixtureRegressor(1), X, y, **wrong)


def test_three_regressions_are_told_from_two():
    sample = separated(0, n=90, d=1, n_components=3)
    model = MixtureRegressor(2, n_init=1)
    test = bootstrap_lrt(model, sample.X, sample.y, n_bootstrap=19, random_state=0)
    assert test.p_value == 0.05


def test_a_result_prints_what_was_tested_and_how_it_came_out(rejected):
    shown = f"T = {rejected.statistic:.3f}, p = 0.05 (19 replicates)"
    assert str(rejected) == f"1 against 2 components: {shown}"
    assert str(rejected) in repr(rejected)
