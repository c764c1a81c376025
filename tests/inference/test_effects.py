"""Marginal effects."""

import numpy as np
import pytest
from inference.cases import (
    FAMILIES,
    OFFSET,
    WEIGHT,
    assert_close_cov,
    directions,
    draw,
    fit,
    fit_family,
    infer,
    moved,
    values,
)
from numpy.testing import assert_allclose
from support import jacobian

from mixreg_sklearn.inference import marginal_effects


def test_a_model_without_features_has_no_effects_to_show():
    X, y, _ = draw("gaussian")
    model = fit((X, y, {}), regression_features=[])
    with pytest.raises(ValueError, match="no marginal effects: no feature is in its"):
        marginal_effects(model, X, infer(model, (X, y, {})))
    gated = {"regression_features": [], "gate": "softmax", "gate_features": [0]}
    model = fit((X, y, {}), **gated)
    effects = marginal_effects(model, X, infer(model, (X, y, {})))
    assert effects.names == ["mixture: x0"]


def average_effects(model, result, X, steps, weight, **given):
    """Slopes of the predictions by differences, averaged: mixture, then components."""
    other = moved(model, result, steps)
    weight = np.ones(len(X)) / len(X) if weight is None else weight / weight.sum()
    h = 1e-3
    # All shifts of all features in one call: there are many steps.
    shifts = h * np.array([1, -1, 2, -2])[:, None, None] * np.eye(X.shape[1])
    near = X + shifts.reshape(-1, 1, X.shape[1])
    given = {name: np.tile(values, len(near)) for name, values in given.items()}
    near = near.reshape(-1, X.shape[1])
    means = other.predict(near, **given), other.predict_components(near, **given)
    means = np.column_stack(means).reshape(4, X.shape[1], len(X), -1)
    up, down, far_up, far_down = weight @ means
    return ((8 * (up - down) - (far_up - far_down)) / (12 * h)).T.ravel()


def assert_effects(effects, model, result, X, weight=None, rtol=1e-6, **given):
    size = np.array([result.working_std_errors[m[0]] for m in directions(result)])
    slopes = jacobian(
        lambda steps: average_effects(model, result, X, steps, weight, **given),
        np.zeros(len(size)),
        1e-2 * size,
    )
    # The covariance of the directions, from that of the parameters.
    back = np.linalg.pinv(
        jacobian(
            lambda steps: values(moved(model, result, steps), result),
            np.zeros(len(size)),
            1e-3 * size,
        )
    )
    cov = slopes.T @ back.T @ result.cov @ back @ slopes
    theirs = average_effects(model, result, X, 0 * size, weight, **given)
    assert_allclose(effects.params, theirs, rtol=1e-7, atol=1e-9)
    assert_close_cov(effects.cov, cov, rtol)


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("name", FAMILIES)
def test_marginal_effects_are_the_slopes_of_predictions(name, gated):
    (X, _, arguments), model, result = fit_family(name, gated)
    effects = marginal_effects(model, X, result, **arguments)
    names = [
        f"{part}: x{j}"
        for part in ("mixture", "component 0", "component 1")
        for j in range(2)
    ]
    assert effects.names == names
    assert (effects.std_errors > 0).all()
    assert_effects(effects, model, result, X, rtol=1e-5, **arguments)


def test_marginal_effects_heed_offset_and_weights():
    X, y, _ = draw("poisson", gated=True)
    data = X, y, {"offset": 0.1 * OFFSET}
    model = fit(data, family="poisson", gate="softmax")
    result = infer(model, data)
    weight = WEIGHT.astype(float)
    effects = marginal_effects(model, X, result, weight, **data[2])
    assert_effects(effects, model, result, X, weight, rtol=1e-5, **data[2])


def test_a_feature_of_the_gate_alone_has_an_effect_on_the_mixture_only():
    data = draw("gaussian", gated=True)
    model = fit(data, gate="softmax", gate_features=[1], regression_features=[0])
    effects = marginal_effects(model, data[0], infer(model, data))
    assert effects.names == [
        "mixture: x0",
        "mixture: x1",
        "component 0: x0",
        "component 1: x0",
    ]
    slopes = [model.predict(data[0] + [0, h]) for h in (1e-4, -1e-4)]
    theirs = (slopes[0] - slopes[1]).mean() / 2e-4
    assert_allclose(effects.params[1], theirs, rtol=1e-6)


def test_effects_are_known_where_only_other_features_are_not_identified():
    X, y, _ = draw("poisson")
    wide = np.column_stack([X, 3 * X[:, 1]]), y, {}
    model = fit(wide, family="poisson")
    effects = marginal_effects(model, wide[0], infer(model, wide))
    plain = fit((X, y, {}), family="poisson")
    theirs = marginal_effects(plain, X, infer(plain, (X, y, {})))
    for name in ("mixture: x0", "component 0: x0", "component 1: x0"):
        ours, others = effects.names.index(name), theirs.names.index(name)
        error = theirs.std_errors[others]
        assert_allclose(effects.std_errors[ours], error, rtol=1e-6)
    assert np.isnan(effects.std_errors[effects.names.index("mixture: x2")])
