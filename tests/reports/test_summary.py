"""A summary says what the attributes say, and no more than is known."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from panels import panel
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from support import separated, two_lines_and_one_odd_value

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC, summary
from mixreg_sklearn.inference import inference

FAMILIES = (
    "gaussian",
    "poisson",
    "binomial",
    "gamma",
    "negative_binomial",
    "inverse_gaussian",
    "beta",
    "student_t",
)


def responses(family, n=300):
    """Rows of two very different regressions, in the range of a family."""
    rng = np.random.default_rng(5)
    X = rng.uniform(-1, 1, size=(n, 1))
    y = np.where(rng.random(n) < 0.4, 0.3 + X[:, 0], 3 - X[:, 0]) + rng.normal(size=n)
    mean = np.exp(0.5 * y)
    return X, {
        "poisson": rng.poisson(mean),
        "negative_binomial": rng.poisson(mean * rng.gamma(2, 0.5, n)),
        "binomial": rng.binomial(9, 1 / (1 + np.exp(-y))),
        "gamma": mean,
        "inverse_gaussian": mean,
        "beta": 1 / (1 + np.exp(-0.5 * y)),
    }.get(family, y)


@pytest.fixture(scope="module")
def lines():
    sample = separated(3, n=160, d=2)
    X = pd.DataFrame(sample.X, columns=["dose", "age"])
    return X, pd.Series(sample.y, name="yield")


@pytest.fixture(scope="module")
def model(lines):
    return MixtureRegressor(2, random_state=0).fit(*lines)


@pytest.fixture(scope="module")
def result(lines, model):
    return model.summary(*lines)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("weighted", [False, True])
def test_criteria_of_the_fit_are_those_of_its_data(family, weighted):
    X, y = responses(family)
    weight = np.random.default_rng(0).integers(0, 4, len(y)) if weighted else None
    given = {"trials": np.full(len(y), 9)} if family == "binomial" else {}
    model = MixtureRegressor(2, family=family, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y, weight, **given)
    assert_allclose(model.bic_, model.bic(X, y, weight, **given), rtol=1e-10)
    assert_allclose(model.aic_, model.aic(X, y, weight, **given), rtol=1e-10)


def test_criteria_of_a_fit_with_groups_count_groups():
    X, y, groups, _ = panel(0)
    model = MixtureRegressor(2, random_state=0).fit(X, y, groups=groups)
    ours, theirs = model.bic_, model.bic(X, y, groups=groups)
    assert_allclose(ours, theirs, rtol=1e-10)
    n_groups = len(np.unique(groups))
    assert_allclose(
        ours, model.n_parameters_ * np.log(n_groups) - 2 * model.log_likelihood_
    )


def test_small_weights_count_less_than_a_row_each(lines):
    weight = np.full(len(lines[1]), 0.25)
    model = MixtureRegressor(2, random_state=0).fit(*lines, weight)
    assert_allclose(model.bic_, model.bic(*lines, weight), rtol=1e-10)


def test_a_choice_has_the_criteria_of_its_best_mixture(lines):
    model = MixtureRegressorIC((1, 2, 3), random_state=0).fit(*lines)
    assert model.bic_ == model.best_estimator_.bic_
    assert_allclose(model.bic_, model.table_["bic"][model.best_index_])


def test_statistics_are_those_of_the_methods(lines, model, result):
    shown = result.statistics
    assert_allclose(shown["log-likelihood"], model.log_likelihood_, rtol=1e-9)
    assert shown["parameters"] == model.n_parameters_
    for label in ("AIC", "BIC", "ICL"):
        assert_allclose(shown[label], getattr(model, label.lower())(*lines))
    tau = model.predict_proba(*lines)
    entropy = -(tau * np.log(np.maximum(tau, 1e-300))).sum() / len(tau) / np.log(2)
    assert_allclose(shown["entropy"], 1 - entropy, atol=1e-12)


def test_sizes_are_counts_of_memberships(lines, model, result):
    tau, shown = model.predict_proba(*lines), result.components
    assert_array_equal(shown["size"], np.bincount(tau.argmax(axis=1)))
    assert_array_equal(shown["post>0"], (tau > 1e-4).sum(axis=0))
    assert_allclose(shown["ratio"], shown["size"] / shown["post>0"])
    assert_array_equal(shown["share"], model.weights_)
    assert_array_equal(shown["scale"], model.scale_)


def test_coefficients_are_those_of_inference(lines, model, result):
    theirs = inference(model, *lines)
    assert result.names == theirs.names
    assert_array_equal(result.estimates.std_errors, theirs.std_errors)
    frame = result.to_frame()
    assert frame.index.names == ["component", "term"]
    assert_array_equal(frame.loc["component 1", "p_value"], theirs.p_values[5:])
    assert frame.loc[("component 1", "age"), "estimate"] == model.coef_[1, 1]


def test_weights_count_rows_in_sizes_as_repetition_does(lines):
    X, y = lines
    weight = np.random.default_rng(0).integers(0, 3, len(y))
    rows = np.repeat(np.arange(len(y)), weight)
    settings = {"n_components": 2, "random_state": 0}
    ours = MixtureRegressor(**settings).fit(X, y, weight).summary(X, y, weight)
    repeated = X.iloc[rows], y.iloc[rows]
    theirs = MixtureRegressor(**settings).fit(*repeated).summary(*repeated)
    for label in ("size", "post>0"):
        assert_array_equal(ours.components[label], theirs.components[label])
    assert_allclose(ours.statistics["BIC"], theirs.statistics["BIC"], rtol=1e-9)
    assert f"sum of weights  {weight.sum()}" in str(ours)


def test_groups_are_counted_beside_rows():
    X, y, groups, _ = panel(0)
    model = MixtureRegressor(2, random_state=0).fit(X, y, groups=groups)
    shown = model.summary(X, y, groups=groups).components
    _, tau = model.predict_group_proba(X, y, groups)
    assert_array_equal(shown["groups"], np.bincount(tau.argmax(axis=1)))
    assert shown["size"].sum() == len(y)


def test_text_names_response_features_search_and_proof(result):
    text = str(result)
    assert text.startswith("Mixture of 2 regressions of yield on dose, age\n")
    assert "a proven local maximum, the best of a search that agreed." in text
    assert "arms agree" in text
    assert max(map(len, text.splitlines())) <= 79


def test_columns_of_numbers_are_aligned(result):
    lines = str(result).splitlines()
    for first in ("  x0", "component 0 ", "component 1 ", "post"):
        assert len({len(line) for line in lines if line.startswith(first)}) <= 2
    header = next(i for i, line in enumerate(lines) if "post>0" in line)
    assert len({len(line) for line in lines[header : header + 3]}) == 1


def test_names_of_components_are_used_throughout(lines, model):
    result = model.summary(*lines, component_names=["light", "heavy"])
    for text in (str(result), result._repr_html_()):
        assert "component 0" not in text
        assert "heavy" in text
    assert result.to_frame().index.levels[0].tolist() == ["heavy", "light"]
    assert result.names[0] == "light: intercept"


@pytest.mark.parametrize(
    "names", [["a"], "ab", ["a", "a"], ["a", " "], [0, 1], {"a", "b"}, ["a", "all"], 2]
)
def test_names_that_cannot_be_are_refused(lines, model, names):
    with pytest.raises(ValueError, match="component_names"):
        summary(model, *lines, component_names=names)
    with pytest.raises(ValueError, match="component_names"):
        inference(model, *lines, component_names=names)


def test_arrays_and_columns_of_names_are_names(lines, model):
    for names in (np.array(["a", "b"]), pd.Index(["a", "b"]), ("a", "b")):
        result = summary(model, *lines, component_names=names)
        assert result.component_names == ["a", "b"]


@pytest.mark.parametrize("family", ["poisson", "binomial"])
def test_families_without_a_scale_show_none(family):
    X, y = responses(family)
    trials = np.full(len(y), 9) if family == "binomial" else None
    given = {"trials": trials}
    model = MixtureRegressor(2, family=family, random_state=0).fit(X, y, **given)
    result = model.summary(X, y, **given)
    for shown in (str(result), result._repr_html_(), model._repr_html_()):
        table = shown.rpartition("</style>")[2].rpartition("mixreg-table")[2]
        assert "scale" not in table.replace("shared_scale", "")
    assert "scale" not in result.components


def test_pipelines_and_searches_are_seen_through(lines):
    X, y = lines
    pipe = make_pipeline(StandardScaler(), MixtureRegressor(2, random_state=0))
    result = summary(pipe.fit(X, y), X, y)
    assert "component 0: age" in result.names
    bare = pipe[-1].summary(pipe[:-1].transform(X), y)
    assert_array_equal(result.estimates.params, bare.estimates.params)
    search = GridSearchCV(pipe, {"mixtureregressor__n_components": [2]}).fit(X, y)
    assert summary(search, X, y).statistics == result.statistics


def test_a_degenerate_fit_is_shown_without_standard_errors_and_with_the_reason():
    X, y = two_lines_and_one_odd_value()
    with pytest.warns(ConvergenceWarning):
        model = MixtureRegressor(3, random_state=0).fit(X, y)
    result = model.summary(X, y)
    text = " ".join(str(result).split())
    assert "The maximum: degenerate. Component 2 rests on row 7 alone" in text
    assert "No standard errors: The estimate is degenerate" in text
    assert list(result.to_frame()) == ["estimate", "note"]
    assert "nan" not in str(result) + result._repr_html_()


def test_a_boundary_is_shown_without_standard_errors():
    X = np.linspace(-1, 1, 60)[:, None]
    y = (X[:, 0] > 0).astype(float)
    with pytest.warns(ConvergenceWarning):
        model = MixtureRegressor(1, family="binomial").fit(X, y)
    text = str(model.summary(X, y))
    assert "No standard errors: The estimate is at a boundary" in text
    assert "nan" not in text


def test_other_data_than_those_of_the_fit_are_refused(lines, model):
    X, y = lines
    with pytest.raises(ValueError, match="not the data of the fit"):
        model.summary(X, y + 1)


def test_html_is_escaped_and_has_every_table(lines):
    X, y = lines
    X = X.rename(columns={"age": "<b>age</b>"})
    model = MixtureRegressor(2, random_state=0).fit(X, y)
    html = model.summary(X, y)._repr_html_()
    assert html.count("<table") == html.count("</table>") == 3
    assert "<b>" not in html


# Penalties ----------------------------------------------------------------------------


def test_a_summary_says_what_a_lasso_selects():
    rng = np.random.default_rng(0)
    X, second = rng.normal(size=(300, 20)), rng.random(300) < 0.5
    mean = np.where(second, 2 + 2 * X[:, 0], -2 + 0.5 * X[:, :12].sum(axis=1))
    y = mean + 0.3 * rng.normal(size=300)
    model = MixtureRegressor(2, alpha=0.1, l1_ratio=1, random_state=0).fit(X, y)
    result = model.summary(X, y, component_names=["many", "few"])
    facts, remarks = dict(result.facts), " ".join(result.remarks)
    used = model.coef_ != 0
    assert facts["penalty"] == "lasso, alpha 0.1"
    assert facts["selected"] == f"{used.any(axis=0).sum()} of 20 features"
    counts = used.sum(axis=1)
    assert counts.max() > 8
    assert f"and {counts.max() - 8} more ({counts.max()})" in remarks
    assert "Selected features: many: " in remarks
    # Terms are those with a coefficient.
    terms = [term for term in result.estimates.terms if term.attribute == "coef_"]
    assert len(terms) == used.sum()
    assert str(result)
    assert "lasso" in result._repr_html_()


def test_a_summary_says_what_differs_under_a_fused_penalty():
    rng = np.random.default_rng(0)
    X, second = rng.normal(size=(300, 3)), rng.random(300) < 0.5
    mean = np.where(second, 2 + 2 * X[:, 0], -2 - X[:, 0]) + 2 * X[:, 1]
    y = mean + 0.3 * rng.normal(size=300)
    options = {"alpha": 0.2, "l1_ratio": 0.9, "penalty": "fused"}
    model = MixtureRegressor(2, random_state=0, **options).fit(X, y)
    result = model.summary(X, y)
    assert dict(result.facts)["penalty"].startswith("fused lasso and ridge, l1_ratio")
    assert any(r.startswith("Different between components: x0") for r in result.remarks)


def test_a_ridge_selects_nothing_and_a_bound_is_counted():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 2))
    y = X @ [1.0, -1.0] + rng.normal(size=100)
    ridge = MixtureRegressor(1, alpha=0.1).fit(X, y).summary(X, y)
    facts = dict(ridge.facts)
    assert facts["penalty"] == "ridge, alpha 0.1"
    assert "selected" not in facts
    assert isinstance(ridge.statistics["parameters"], float)
    bounded = MixtureRegressor(1, coef_bounds={0: (None, 0.5), 1: (-3, 3)}).fit(X, y)
    facts = dict(bounded.summary(X, y).facts)
    assert facts["at a bound"] == "1 coefficient"
    assert "penalty" not in facts
