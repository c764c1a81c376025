"""What is no group, and says so."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from panels import fit, joint_of_groups, log_densities, panel
from support import assert_same

from mixreg_sklearn import MixtureRegressor


@pytest.fixture(scope="module")
def data():
    return panel(1)[:3]


@pytest.fixture(scope="module")
def model(data):
    return fit(*data)


def test_weights_that_vary_within_a_group_are_refused(data, model):
    X, y, group = data
    weight = np.ones(len(y))
    weight[np.flatnonzero(group == 7)[-1]] = 2.0
    assert (group == 7).sum() > 1
    message = "sample_weight varies within group .*7.*: the rows of a group share one"
    with pytest.raises(ValueError, match=message):
        fit(X, y, group, weight=weight)
    for method in ("log_likelihood", "aic", "bic", "icl"):
        with pytest.raises(ValueError, match=message):
            getattr(model, method)(X, y, weight, groups=group)
    # Without groups there is nothing wrong with them.
    fit(X, y, None, weight=weight)


@pytest.mark.parametrize("named", [False, True])
def test_features_of_the_gate_that_vary_within_a_group_are_refused(named, data):
    X, y, group = data
    rng = np.random.default_rng(0)
    z = rng.normal(size=group.max() + 1)[group]
    frame = pd.DataFrame({"dose": X[:, 0], "age": z})
    rows = frame if named else frame.to_numpy()
    options = {"gate": "softmax", "gate_features": [1], "regression_features": [0]}
    model = fit(rows, y, group, **options)
    spoilt = frame.copy()
    spoilt.loc[np.flatnonzero(group == 7)[-1], "age"] += 0.5
    spoilt = spoilt if named else spoilt.to_numpy()
    column = "'age'" if named else "feature 1"
    message = f"gate_features: {column} varies within group .*7.*: the rows of a"
    with pytest.raises(ValueError, match=message):
        fit(spoilt, y, group, **options)
    # All features are the gate's by default.
    with pytest.raises(ValueError, match=r"gate_features: .* varies within group"):
        fit(rows, y, group, gate="softmax")
    # The same for predictions of groups, not for those of rows.
    message = r"prior probability \(gate\) varies within group .*7"
    for method in ("predict_proba", "predict_membership", "log_likelihood", "bic"):
        with pytest.raises(ValueError, match=message):
            getattr(model, method)(spoilt, y, groups=group)
    with pytest.raises(ValueError, match=message):
        model.predict_group_proba(spoilt, y, group)
    with pytest.raises(ValueError, match=message):
        model.sample(spoilt, groups=group)
    model.predict_proba(spoilt, y, groups=np.arange(len(y)))


NAN = float("nan")
BAD_GROUPS = [
    ("too few", lambda g: g[:-1], "inconsistent numbers of samples"),
    ("too many", lambda g: np.append(g, 0), "inconsistent numbers of samples"),
    ("two columns", lambda g: np.column_stack([g, g]), "must be one label for every"),
    ("a number", lambda g: 3, "must be one label for every row"),
    ("a name", lambda g: "unit", "must be one label for every row"),
    ("nan", lambda g: np.where(g == g[4], NAN, g), "has no label for row 4"),
    ("none", lambda g: [None if i == 4 else f"{v}" for i, v in enumerate(g)], "row 4"),
    ("list", lambda g: [NAN if i == 4 else f"{v}" for i, v in enumerate(g)], "row 4"),
    (
        "category",
        lambda g: pd.Series([None, *g[1:].astype(str)]).astype("category"),
        "has no label for row 0",
    ),
    (
        "string",
        lambda g: pd.Series([None, *g[1:].astype(str)], dtype="string"),
        "has no label for row 0",
    ),
    (
        "nullable",
        lambda g: pd.Series([None, *g[1:]], dtype="Int64"),
        "has no label for row 0",
    ),
    (
        "date",
        lambda g: pd.Series([None, *(np.datetime64("2020-01-01") + g[1:])]),
        "has no label for row 0",
    ),
    (
        "mixed",
        lambda g: pd.Series([int(v) if v % 2 else f"{v}" for v in g], dtype=object),
        "labels that cannot be compared",
    ),
]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [case[1:] for case in BAD_GROUPS],
    ids=[c[0] for c in BAD_GROUPS],
)
def test_bad_groups_are_explained(spoil, message, data, model):
    X, y, group = data
    bad = spoil(group)
    with pytest.raises(ValueError, match=message):
        fit(X, y, bad)
    with pytest.raises(ValueError, match=message):
        model.predict_proba(X, y, groups=bad)
    with pytest.raises(ValueError, match=message):
        model.sample(X, groups=bad)


def test_none_is_no_groups_at_all(data):
    X, y, _ = data
    ours = MixtureRegressor(random_state=0).fit(X, y, groups=None)
    assert_same(ours, MixtureRegressor(random_state=0).fit(X, y), rtol=1e-12)
    assert_array_equal(ours.predict_proba(X, y, groups=None), ours.predict_proba(X, y))
    with pytest.raises(ValueError, match="groups is None"):
        ours.predict_group_proba(X, y, None)


def test_groups_are_given_by_name():
    X, y, group, _ = panel(0)
    with pytest.raises(TypeError):
        MixtureRegressor().fit(X, y, None, group)


def test_memberships_of_groups_need_no_groups_of_the_fit(data, model):
    # A mixture that was fitted to rows predicts groups, and the other way round.
    X, y, group = data
    plain = MixtureRegressor(random_state=0).fit(X, y)
    joint = joint_of_groups(plain, log_densities(plain, X, y), group)
    tau = np.exp(joint - np.logaddexp.reduce(joint, axis=1, keepdims=True))
    assert_allclose(plain.predict_group_proba(X, y, group)[1], tau, atol=1e-10)
    joint = np.log(model.weights_) + log_densities(model, X, y)
    tau = np.exp(joint - np.logaddexp.reduce(joint, axis=1, keepdims=True))
    alone = model.predict_proba(X, y, groups=np.arange(len(y)))
    assert_allclose(alone, tau, atol=1e-10)
