"""Components of few rows, and the rows they rest on, are known by number."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from support import separated, two_lines

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.residuals import extrapolated_rows, odd_rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def odd():
    """Two lines and three far rows on a third."""
    X, y = two_lines(n=120)
    y[[5, 70, 90]] = 300 + X[[5, 70, 90], 0] + [0.1, -0.2, 0.1]
    return X, y


def test_rows_of_components_are_sums_of_memberships():
    sample = separated(0)
    weight = np.arange(len(sample.y)) % 3
    model = MixtureRegressor(3, random_state=0).fit(sample.X, sample.y, weight)
    expected = weight @ model.predict_proba(sample.X, sample.y)
    assert_allclose(model.component_rows_, expected, rtol=1e-6)


def test_a_group_gives_a_component_all_its_rows():
    sample = separated(0)
    groups = np.arange(len(sample.y)) // 2
    model = MixtureRegressor(2, random_state=0)
    model.fit(sample.X, sample.y, groups=groups)
    members = model.predict_proba(sample.X, sample.y, groups=groups)
    assert_allclose(model.component_rows_, members.sum(axis=0), rtol=1e-6)


def test_rows_of_a_thin_component_are_those_of_the_user(odd):
    X, y = odd
    model = MixtureRegressor(3, random_state=0).fit(X, y)
    [(k, rows)] = model.thin_components_.items()
    assert_array_equal(rows, [5, 70, 90])
    assert model.component_rows_[k] == pytest.approx(3, abs=0.5)
    # Rows of weight zero are numbered, too.
    X, y = np.vstack([X[:10], X]), np.append(y[:10], y)
    model.fit(X, y, np.repeat([0.0, 1.0], [10, 120]))
    [rows] = model.thin_components_.values()
    assert_array_equal(rows, [15, 80, 100])


def test_few_rows_for_the_only_component_are_not_odd():
    X = np.arange(5.0)[:, None]
    model = MixtureRegressor(1).fit(X, X[:, 0] ** 2)
    assert model.thin_components_ == {}


def test_rows_that_no_component_explains_are_odd(odd):
    X, y = two_lines(n=120)
    model = MixtureRegressor(2, random_state=0).fit(X, y)
    assert odd_rows(model, X, y)["row"].size == 0
    y[[30, 4]] += 30, -20
    found = odd_rows(model, X, y)
    assert sorted(found["row"].tolist()) == [4, 30]
    assert (np.diff(found["tail"]) >= 0).all()
    assert (found["tail"] < 0.01 / 120).all()


def test_rows_of_a_thin_component_are_odd(odd):
    model = MixtureRegressor(3, random_state=0).fit(*odd)
    found = odd_rows(model, *odd)
    assert sorted(found["row"].tolist()) == [5, 70, 90]
    assert_allclose(found["component_rows"], 3, atol=0.5)


def test_counts_are_odd_by_the_probability_of_at_least_as_many():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 1))
    y = rng.poisson(np.exp(1 + 0.3 * X[:, 0]))
    model = MixtureRegressor(1, family="poisson").fit(X, y)
    assert odd_rows(model, X, y)["row"].size == 0
    y[11] = 40
    assert odd_rows(model, X, y)["row"].tolist() == [11]
    ahead = model.predict_distribution(X[:1])
    [tail] = odd_rows(model, X[:1], [40], level=1.0)["tail"]
    assert tail == pytest.approx(2 * (1 - ahead.cdf([39.0])[0]), rel=1e-6)


def test_new_rows_outside_the_rows_of_a_component_are_extrapolated():
    rng = np.random.default_rng(3)
    X = rng.uniform(0, 1, size=(300, 2))
    first = X[:, 0] < 0.5
    noise = 0.05 * rng.normal(size=300)
    y = np.where(first, 3 * X[:, 1], 10 - 4 * X[:, 0]) + noise
    model = MixtureRegressor(2, gate="softmax", random_state=0).fit(X, y)
    seen = extrapolated_rows(model, X, X, y)
    members = model.predict_membership(X, y)
    # A row of the fit lies among those of its own component.
    assert (members[seen["row"]] != seen["component"]).all()
    found = extrapolated_rows(model, [[0.2, 0.5], [0.2, 3.0], [0.8, 0.5]], X, y)
    assert found["row"].tolist() == [1]
    assert found["component"][0] == model.predict_proba([[0.2, 0.5]]).argmax()
    assert found["leverage"][0] > found["largest"][0]


def test_leverages_do_not_depend_on_units_or_on_how_rows_are_counted():
    X, y = two_lines(n=120)
    new = [[-30.0], [0.0], [30.0]]
    model = MixtureRegressor(2, random_state=0).fit(X, y)
    found = extrapolated_rows(model, new, X, y)
    assert sorted(found["row"].tolist()) == [0, 0, 2, 2]
    weight = np.repeat([2.0, 1.0], 60)
    twice = np.vstack([X[:60], X]), np.append(y[:60], y)
    one = extrapolated_rows(model, new, X, y, weight)
    two = extrapolated_rows(model, new, *twice)
    for name in one:
        assert_allclose(one[name], two[name], rtol=1e-9)
    moved = MixtureRegressor(2, random_state=0).fit(1e6 + 1e3 * X, y)
    other = extrapolated_rows(moved, 1e6 + 1e3 * np.array(new), 1e6 + 1e3 * X, y)
    assert_allclose(other["leverage"], found["leverage"], rtol=1e-4)
