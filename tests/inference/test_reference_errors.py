"""Standard errors of the fits of the reference."""

from functools import cache

import numpy as np
import pytest
import test_reference as reference
from inference.cases import place
from numpy.testing import assert_allclose

from mixreg_sklearn.inference import inference


@cache
def _reference(name):
    case, model = reference.CASES[name], reference._fit(name, 0)
    X, y, extra = reference._data(case)
    result = inference(model, X, y, **extra)
    return case, model, list(X.columns), result


@pytest.mark.parametrize("name", reference.INTERIOR)
def test_standard_errors_are_those_of_the_reference(name):
    case, model, columns, result = _reference(name)
    theirs = case["mle"]["std_errors"]
    order = reference._matching(name, 0)

    def error(attribute, k, feature=None):
        feature = None if feature is None else columns.index(feature)
        return result.std_errors[place(result, attribute, k, feature)]

    pairs = []
    for part, k in zip(theirs["components"], order, strict=True):
        pairs.append((error("intercept_", k), part["intercept"]))
        pairs += [(error("coef_", k, j), v) for j, v in part["coef"].items()]
        pairs += [(error("coef_", k, j), v) for j, v in theirs["shared_coef"].items()]
        if "prior" in part:
            pairs.append((error("weights_", k), part["prior"]))
        if "sigma" in part:
            pairs.append((error("scale_", k), part["sigma"]))
        if "shape" in part:
            slope = 2 * model.scale_[k] ** -3  # of the shape, scale**-2
            pairs.append((slope * error("scale_", k), part["shape"]))
    ours, others = np.array(pairs).T
    # What the reference promises is se_rtol, 2 %; both are exact to far more.
    assert case["check"]["se_rtol"] >= 1e-6
    assert_allclose(ours, others, rtol=1e-6)
    # Everything that was estimated was compared.
    n_gate = sum(t.attribute.startswith("gate") for t in result.terms)
    assert len(pairs) == len(result.terms) - n_gate


@pytest.mark.parametrize("name", reference.GATED)
def test_standard_errors_of_gates_are_those_of_the_reference(name):
    case, _, columns, result = _reference(name)
    order = reference._matching(name, 0)
    features = [None, *(columns.index(j) for j in case["gating"])]
    for i, k in enumerate(order[1:], start=1):
        for q, j in enumerate(features):
            attribute = "gate_intercept_" if j is None else "gate_coef_"
            # The baseline of the reference is its own first component.
            contrast = np.zeros(len(result.params))
            for component, sign in ((k, 1), (order[0], -1)):
                if component:
                    contrast[place(result, attribute, component, j)] = sign
            ours = np.sqrt(contrast @ result.cov @ contrast)
            theirs = case["mle"]["std_errors"]["gating"][i][q]
            assert_allclose(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("name", reference.BOUNDARY)
def test_a_maximum_at_infinity_has_no_standard_errors(name):
    case, model = reference.CASES[name], reference._fit(name, 0)
    X, y, extra = reference._data(case)
    with pytest.raises(ValueError, match="not proven to be a maximum"):
        inference(model, X, y, **extra)
