"""Components in the order of a coefficient."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from support import separated

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn.gates import ConstantGate


@pytest.fixture(scope="module")
def data():
    return separated(0, n=150, n_components=3)


def fit(data, **options):
    return MixtureRegressor(3, random_state=0, **options).fit(data.X, data.y)


@pytest.mark.parametrize("by", [0, 1, "intercept"])
def test_components_come_in_the_order_of_a_coefficient(data, by):
    model, plain = fit(data, order_by=by), fit(data)
    values = model.intercept_ if by == "intercept" else model.coef_[:, by]
    assert (np.diff(values) > 0).all()
    # The same mixture, whose components have other numbers.
    assert_allclose(model.log_likelihood_, plain.log_likelihood_, rtol=1e-12)
    assert model.n_parameters_ == plain.n_parameters_
    order = np.argsort(plain.intercept_ if by == "intercept" else plain.coef_[:, by])
    for name in ("weights_", "coef_", "scale_", "component_rows_"):
        assert_allclose(getattr(model, name), getattr(plain, name)[order], rtol=1e-6)
    ours, theirs = (m.predict_proba(data.X, data.y) for m in (model, plain))
    assert_allclose(ours, theirs[:, order], atol=1e-8)


def test_a_feature_is_named_as_elsewhere(data):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(data.X, columns=["price", "age"])
    model = MixtureRegressor(3, order_by="age", random_state=0).fit(frame, data.y)
    assert_array_equal(model.coef_, fit(data, order_by=1).coef_)


def test_the_order_goes_with_gates_backgrounds_and_constraints_on_all(data):
    options = {"gate": "softmax", "background": "uniform", "shared_features": [1]}
    model = fit(data, order_by=0, n_init=1, **options)
    assert (np.diff(model.coef_[:, 0]) > 0).all()
    # The first component is the baseline of the gate.
    assert_array_equal(model.gate_coef_[0], 0.0)
    equal = fit(data, order_by=0, gate=ConstantGate("equal"), coef_bounds={0: (-9, 9)})
    assert (np.diff(equal.coef_[:, 0]) > 0).all()


def test_zeros_of_a_lasso_are_ordered_by_share(data):
    model = fit(data, order_by=0, alpha=1e3, l1_ratio=1.0)
    assert_array_equal(model.coef_, 0.0)
    assert (np.diff(model.weights_) <= 1e-12).all()


def test_a_selection_passes_the_order_on(data):
    search = MixtureRegressorIC([3], order_by="intercept", random_state=0)
    assert (np.diff(search.fit(data.X, data.y).intercept_) > 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order_by": 2}, "order_by=2 is out of range"),
        ({"order_by": "age"}, "order_by names the column 'age'"),
        ({"order_by": "intercept", "fit_intercept": False}, "names the intercept"),
        ({"order_by": 0, "regression_features": [1]}, "not among the features"),
        ({"order_by": 0, "offset_feature": 0}, "not among the features"),
        ({"order_by": 0, "shared_features": [0]}, "all components share"),
        ({"order_by": 0, "held_coef": {0: 1.0}}, "held in all components"),
        ({"order_by": 0, "held_coef": {0: [1, 2, 3]}}, "held in all components"),
        (
            {"order_by": 0, "held_coef": {1: [1, None, None]}},
            "nothing else tells apart",
        ),
        ({"order_by": 0, "held_scale": [1, None, None]}, "nothing else tells apart"),
        ({"order_by": 0, "alpha": [1, 2, 3]}, "nothing else tells apart"),
        (
            {"order_by": 0, "coef_bounds": {1: ([0, None, None], None)}},
            "nothing else tells apart",
        ),
        ({"order_by": 0, "gate": ConstantGate([0.2, 0.3, 0.5])}, "tells apart"),
        ({"order_by": 0, "shared_features": {1: [[0, 1]]}}, "tells apart"),
        ({"order_by": True}, "must name features by name or index"),
        ({"order_by": 0, "family": ["gaussian"] * 2}, "several responses"),
    ],
)
def test_what_cannot_be_ordered_is_refused(data, options, message):
    y = np.column_stack([data.y] * 2) if "family" in options else data.y
    with pytest.raises(ValueError, match=message):
        MixtureRegressor(3, **options).fit(data.X, y)


def test_known_components_have_their_numbers_already(data):
    label = np.where(np.arange(150) < 9, data.label, -1)
    with pytest.raises(ValueError, match="known_component numbers them"):
        MixtureRegressor(3, order_by=0).fit(data.X, data.y, known_component=label)
