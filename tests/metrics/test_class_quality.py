"""Class quality is what its definitions say, for rows and for groups."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from panels import fit, panel
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from support import two_lines

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.metrics import class_quality


@pytest.fixture(scope="module")
def data():
    return two_lines(n=90)


@pytest.fixture(scope="module")
def model(data):
    return MixtureRegressor(random_state=0).fit(*data)


def by_definition(memberships, shares):
    """Nagin's measures, unit by unit; APP, OCC, mismatch, entropy."""
    K = len(shares)
    mine = [[] for _ in range(K)]
    for tau in memberships:
        mine[int(np.argmax(tau))].append(max(tau))
    app = [float(np.mean(values)) for values in mine]
    occ = [a / (1 - a) / (p / (1 - p)) for a, p in zip(app, shares, strict=True)]
    mismatch = [
        p - len(v) / len(memberships) for p, v in zip(shares, mine, strict=True)
    ]
    doubt = -sum(t * np.log(t) for tau in memberships for t in tau if t > 0)
    return app, occ, mismatch, 1 - doubt / (len(memberships) * np.log(K))


def test_the_measures_of_rows_are_those_of_the_definitions(data, model):
    ours = class_quality(model, *data)
    theirs = by_definition(model.predict_proba(*data), model.weights_)
    for mine, other in zip((ours.app, ours.occ, ours.mismatch), theirs, strict=False):
        assert_allclose(mine, other, rtol=1e-8)
    assert_allclose(ours.entropy, theirs[3])
    assert ours.assigned.sum() == 90
    assert ours.unit == "rows"


def test_a_group_counts_once():
    X, y, group, _ = panel(0, spacing=1.0)
    model = fit(X, y, group)
    ours = class_quality(model, X, y, groups=group)
    _, memberships = model.predict_group_proba(X, y, group)
    app, occ, mismatch, entropy = by_definition(memberships, model.weights_)
    assert_allclose(ours.app, app)
    assert_allclose(ours.occ, occ)
    assert_allclose(ours.mismatch, mismatch)
    assert_allclose(ours.entropy, entropy)
    assert (ours.assigned.sum(), ours.unit) == (40, "groups")


def test_weights_equal_repetition(data, model):
    X, y = data
    weight = np.arange(len(y)) % 3
    ours = class_quality(model, X, y, sample_weight=weight)
    theirs = class_quality(model, np.repeat(X, weight, axis=0), np.repeat(y, weight))
    for mine, other in zip(ours[:-1], theirs[:-1], strict=True):
        assert_allclose(mine, other)


def test_at_an_optimum_shares_are_mean_memberships_and_mismatch_sums_to_zero(
    data, model
):
    assert_allclose(class_quality(model, *data).mismatch.sum(), 0, atol=1e-12)


def test_a_component_to_which_no_unit_is_assigned_has_a_dash():
    x, y = two_lines(n=90)
    start = {
        "weights": [0.98, 0.02],
        "intercept": [3.5, 3.6],
        "coef": [[1], [1]],
        "scale": [2, 2],
    }
    same = MixtureRegressor(init=start, max_iter=1)
    with pytest.warns(UserWarning, match=r"\w"):
        same.fit(x, y)
    quality = class_quality(same, x, y)
    assert quality.assigned.tolist() == [90, 0]
    assert np.isnan(quality.occ[1])
    assert str(quality).splitlines()[2].split()[-2:] == ["-", "-"]


def test_certain_memberships_have_infinite_odds_and_entropy_one():
    x = np.linspace(0, 1, 40)[:, None]
    wave = 0.01 * np.sin(np.arange(40))
    y = np.where(np.arange(40) < 20, 0, 1e4) + x[:, 0] + wave
    model = MixtureRegressor(random_state=0).fit(x, y)
    quality = class_quality(model, x, y)
    assert_allclose(quality.app, 1)
    assert np.isinf(quality.occ).all()
    assert quality.entropy == 1
    assert "inf" in str(quality)


def test_one_component_is_an_error(data):
    with pytest.raises(ValueError, match="one component"):
        class_quality(MixtureRegressor(1).fit(*data), *data)


def test_weights_that_differ_within_a_group_are_an_error():
    X, y, group, _ = panel(0)
    with pytest.raises(ValueError, match="sample_weight"):
        class_quality(fit(X, y, group), X, y, np.arange(len(y)) + 1.0, groups=group)


def test_it_sees_through_a_pipeline(data, model):
    X, y = data
    pipe = make_pipeline(StandardScaler(), MixtureRegressor(random_state=0)).fit(X, y)
    assert_allclose(class_quality(pipe, X, y).app, class_quality(model, X, y).app)


def test_the_table_prints_the_numbers(data, model):
    quality = class_quality(model, *data)
    head, *lines, last = str(quality).splitlines()
    assert head.split() == ["component", "share", "assigned", "mismatch", "APP", "OCC"]
    for k, line in enumerate(lines):
        cells = line.split()
        assert cells[0] == str(k)
        assert cells[4] == f"{quality.app[k]:.3f}"
        assert len(line) == len(head)
    assert last == f"relative entropy {quality.entropy:.3f}; 90 rows"
