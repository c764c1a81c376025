"""Intervals, tests and tables."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference.cases import draw, fit, infer, place
from numpy.testing import assert_allclose, assert_array_equal
from scipy import special, stats
from support import many, separated

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.inference import inference
from mixreg_sklearn.inference._result import WaldTest
from mixreg_sklearn.inference._table import Estimates, Term


def test_intervals_of_scales_and_shares_are_made_on_logarithms_and_log_odds(result):
    lower, upper = result.conf_int(0.9).T
    z = stats.norm.ppf(0.95)
    for i, term in enumerate(result.terms):
        value, error = result.params[i], result.std_errors[i]
        if term.attribute == "scale_":
            half = z * error / value
            theirs = value * np.exp([-half, half])
            working = np.log(value)
        elif term.attribute == "weights_":
            half = z * error / (value * (1 - value))
            theirs = special.expit(special.logit(value) + np.array([-half, half]))
            working = special.logit(value)
        else:
            theirs, working = value + z * np.array([-error, error]), value
        assert_allclose([lower[i], upper[i]], theirs, rtol=1e-12)
        assert_allclose(result.working_params[i], working, rtol=1e-12)


@many
@given(
    value=st.floats(1e-12, 1e12),
    error=st.floats(0, 1e150),
    attribute=st.sampled_from(["scale_", "coef_", "weights_"]),
)
def test_no_column_is_wider_than_the_digits_of_a_number(value, error, attribute):
    value = value / (1 + value) if attribute == "weights_" else value
    terms = [Term(attribute, 0, None, "term")]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shown = str(Estimates(terms, np.array([value]), np.array([[error]]) ** 2, ""))
    *_, line = shown.splitlines()
    assert max(map(len, line.split())) <= 12


def test_an_uncertain_scale_has_limits_with_an_exponent():
    rng = np.random.default_rng(57)
    X = rng.normal(size=(200, 1))
    y = rng.poisson(np.exp(0.5 + 0.3 * X[:, 0])).astype(float)
    model = MixtureRegressor(1, family="negative_binomial").fit(X, y)
    result = inference(model, X, y)
    *_, scale = str(result).splitlines()
    assert scale.split()[0] == "scale"
    upper = result.conf_int()[-1, 1]
    assert_allclose(float(scale.split()[-1]), upper, rtol=5e-3)


def test_a_large_statistic_is_shown_with_an_exponent():
    assert str(WaldTest(1.234e30, 2, 0.0)) == "chi2 = 1.23e+30, df = 2, p < 0.0001"


def test_only_coefficients_are_tested_against_zero(result):
    for i, term in enumerate(result.terms):
        if term.attribute in ("scale_", "weights_"):
            assert np.isnan([result.z[i], result.p_values[i]]).all()
            continue
        test = result.wald_test({term.name: 1.0})
        assert_allclose(result.z[i] ** 2, test.statistic, rtol=1e-9)
        assert_allclose(result.p_values[i], test.p_value, rtol=1e-7)
        assert test.df == 1


def brute_force(result, R, value):
    difference = R @ result.params - value
    statistic = difference @ np.linalg.solve(R @ result.cov @ R.T, difference)
    return statistic, stats.chi2.sf(statistic, len(R))


def test_wald_tests_are_those_of_the_textbook(result):
    R = np.random.default_rng(0).normal(size=(3, len(result.params)))
    value = R @ result.params + [0.01, -0.02, 0.03]
    test = result.wald_test(R, value)
    assert test.df == 3
    assert_allclose(test[::2], brute_force(result, R, value), rtol=1e-6)
    # Other rows with the same meaning, and one of them twice.
    mixed = np.array([[1.0, 2, 0], [0, -1, 1], [0, 0, 5], [1, 2, 0]])
    again = result.wald_test(mixed @ R, mixed @ value)
    assert again.df == 3
    assert_allclose(again.statistic, test.statistic, rtol=1e-6)


def test_hypotheses_by_name_are_rows_of_a_matrix(result):
    names = result.names
    R = np.zeros((2, len(names)))
    R[0, names.index("component 0: x0")], R[0, names.index("component 1: x0")] = 1, -1
    R[1, names.index("component 1: scale")] = 2
    ours = result.wald_test(
        [{"component 0: x0": 1, "component 1: x0": -1}, {"component 1: scale": 2}],
        [0.5, 1.0],
    )
    assert ours == result.wald_test(R, [0.5, 1.0])
    assert result.test_equal("x0") == result.test_equal(0) == result.wald_test(R[0])
    zero = result.test_zero("x1")
    rows = [{"component 0: x1": 1}, {"component 1: x1": 1}]
    assert_allclose(zero, result.wald_test(rows), rtol=1e-12)
    assert result.test_zero("intercept").df == 2


def test_scales_are_compared_as_logarithms(result):
    i, j = (place(result, "scale_", k) for k in range(2))
    R = np.zeros((1, len(result.params)))
    R[0, i], R[0, j] = -1 / result.params[i], 1 / result.params[j]
    difference = np.log(result.params[j] / result.params[i])
    theirs = difference**2 / (R @ result.cov @ R.T).item()
    assert_allclose(result.test_equal("scale").statistic, theirs, rtol=1e-9)
    # With two shares, that they are equal is that one is a half.
    share = place(result, "weights_", 0)
    odds = special.logit(result.params[share])
    theirs = (odds / result.working_std_errors[share]) ** 2
    assert_allclose(result.test_equal("share").statistic, theirs, rtol=1e-6)


def test_shared_coefficients_are_tested_once_and_known_ones_not_at_all():
    sample = separated(1, n=300, d=2, n_components=3)
    data = sample.X, sample.y, {}
    options = {"shared_features": {0: [[0, 2]]}, "held_coef": {1: [None, 0.0, 0.7]}}
    result = infer(fit(data, 3, **options), data)
    i, j = (place(result, "coef_", k, 0) for k in (0, 1))
    assert result.test_zero("x0").df == 2
    equal = result.test_equal("x0")
    assert equal.df == 1
    theirs = result.wald_test({result.names[i]: 1, result.names[j]: -1})
    assert_allclose(equal, theirs, rtol=1e-9)
    with pytest.raises(ValueError, match="false by construction"):
        result.test_zero("x1")  # it is held at 0.7
    with pytest.raises(ValueError, match="false by construction"):
        result.test_equal("x1")  # and at 0 in another component
    held = place(result, "coef_", 1, 1)
    assert result.std_errors[held] == 0
    assert_array_equal(result.conf_int()[held], 0)
    assert np.isnan(result.z[held])
    with pytest.raises(ValueError, match="holds by construction"):
        result.wald_test({"component 1: x1": 1})
    only = infer(fit(data, 3, shared_features=[0]), data)
    assert only.test_zero("x0").df == 1
    with pytest.raises(ValueError, match="holds by construction"):
        only.test_equal("x0")
    errors = [only.std_errors[place(only, "coef_", k, 0)] for k in range(3)]
    assert_allclose(errors, errors[0], rtol=1e-9)


def test_a_coefficient_held_in_one_component_is_compared_with_its_value():
    data = draw("gaussian")
    result = infer(fit(data, held_coef={1: [None, 0.25]}), data)
    at = "component 0: x1"
    equal, theirs = result.test_equal("x1"), result.wald_test({at: 1}, 0.25)
    assert_allclose(equal, theirs, rtol=1e-9)


def test_gates_are_tested_against_shares_that_do_not_depend_on_features():
    data = draw("gaussian", gated=True)
    result = infer(fit(data, gate="softmax"), data)
    ours = result.test_zero("x1", gate=True)
    i = result.names.index("component 1: gate x1")
    assert_allclose(ours.statistic, result.z[i] ** 2)
    assert ours.p_value < 1e-4
    assert result.test_zero(0, gate=True).p_value > 1e-4
    assert result.test_zero("x1").df == 2


def test_names_are_those_of_the_features():
    X, y, _ = draw("gaussian")
    frame = pd.DataFrame(X, columns=["dose", "intercept"])
    model = fit((frame, y, {}), shared_features=["dose"])
    result = inference(model, frame, y)
    names = ["intercept", "dose", "intercept", "scale", "share"]
    assert result.names[:5] == [f"component 0: {name}" for name in names]
    # The feature comes first, as in shared_features and held_coef.
    assert result.test_zero("intercept") == result.test_zero(1)


def test_the_table_shows_every_parameter_once():
    data = draw("gaussian")
    model = fit(data, held_coef={1: [0.25, None]}, shared_scale=True)
    result = infer(model, data)
    text = str(result)
    header, *rest = text.split("\n\n")
    assert "240 rows" in header
    assert "observed information" in header
    first, second, notes = rest
    assert first.startswith("component 0")
    assert second.startswith("component 1")
    labels = [line.split()[0] for line in first.splitlines()[1:]]
    assert labels == ["intercept", "x0", "x1", "scale", "share"]
    assert first.splitlines()[3].split()[1:] == [
        "0.2500",
        "0.0000",
        *["0.2500"] * 2,
        "held",
    ]
    assert notes.splitlines() == [
        "shared: one estimate, shared by several components",
        "held: a known value, not estimated",
    ]
    lines = first.splitlines() + second.splitlines()
    ends = {line.rstrip().rfind(" ") for line in lines if line.endswith("shared")}
    assert len(ends) == 1
    html = result._repr_html_()
    assert html.count("<tr>") == len(result.params) + 2 + 1
    assert "&lt;0.001" in html


def test_dataframes_have_a_row_for_each_parameter(result):
    frame = result.to_frame(level=0.5)
    assert list(frame.index) == result.names
    assert_array_equal(frame["estimate"], result.params)
    assert_array_equal(frame["std_error"], result.std_errors)
    assert_array_equal(frame[["lower", "upper"]], result.conf_int(0.5))
