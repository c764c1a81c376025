"""A formula gives the pipeline that its user would have built by hand."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from mixreg_sklearn import MixtureRegressor, fit_formula
from mixreg_sklearn.inference import inference
from mixreg_sklearn.metrics import bic_scorer
from mixreg_sklearn.residuals import quantile_residuals

pytest.importorskip("formulaic")
DATA = Path(__file__).parent / "reference" / "data"


@pytest.fixture(scope="module")
def npreg():
    return pd.read_csv(DATA / "npreg.csv")


@pytest.fixture(scope="module")
def patent():
    return pd.read_csv(DATA / "patent.csv")


def test_terms_and_groups_are_those_of_the_fit_by_hand(npreg):
    pipe = fit_formula("yn ~ x + I(x**2) | id2", npreg, random_state=0)
    X = np.column_stack([npreg.x, npreg.x**2])
    hand = MixtureRegressor(2, random_state=0).fit(X, npreg.yn, groups=npreg.id2)
    assert_allclose(pipe["mixture"].log_likelihood_, hand.log_likelihood_, rtol=1e-10)
    new = pd.DataFrame({"x": [1.0, 7.0]})
    assert_allclose(pipe.predict(new), hand.predict([[1, 1], [7, 49]]), rtol=1e-6)
    result = inference(pipe, npreg, npreg.yn, groups=npreg.id2)
    assert "component 1: I(x ** 2)" in result.names
    assert np.isfinite(quantile_residuals(pipe, npreg, npreg.yn)).all()


def test_a_gate_and_an_offset_are_computed_for_new_rows(patent):
    settings = {"family": "poisson", "random_state": 0}
    pipe = fit_formula(
        "Patents ~ RDS", patent, gate="~ RDS", offset="lgRD / 2", **settings
    )
    hand = MixtureRegressor(
        2,
        gate="softmax",
        regression_features=["RDS"],
        gate_features=["RDS"],
        offset_feature="offset",
        **settings,
    )
    X = patent[["RDS"]].assign(offset=patent.lgRD / 2)
    hand.fit(X, patent.Patents)
    assert_allclose(pipe["mixture"].log_likelihood_, hand.log_likelihood_, rtol=1e-10)
    assert_allclose(pipe.predict(patent), hand.predict(X), rtol=1e-6)
    assert_allclose(
        bic_scorer(pipe, patent, patent.Patents), -hand.bic(X, patent.Patents)
    )


def test_words_are_categories_and_an_intercept_can_be_dropped():
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"x": rng.normal(size=60), "region": list("abc") * 20})
    data["y"] = data.x + rng.normal(size=60)
    pipe = fit_formula("y ~ x + region", data, n_components=1)
    names = ["x", "region[T.b]", "region[T.c]"]
    assert pipe["mixture"].feature_names_in_.tolist() == names
    pipe = fit_formula("y ~ 0 + region", data, n_components=1)
    assert not pipe["mixture"].fit_intercept
    means = data.groupby("region").y.mean()
    assert_allclose(pipe["mixture"].coef_[0], means, rtol=1e-9)
    with pytest.raises(ValueError, match=r"not seen in original dataset\): \{'d'\}"):
        pipe.predict(data.assign(region="d"))


def test_weights_trials_and_a_list_of_numbers_reach_the_fit():
    rng = np.random.default_rng(0)
    n = rng.integers(5, 20, size=80)
    x, first = rng.normal(size=80), rng.random(80) < 0.5
    share = 1 / (1 + np.exp(-np.where(first, 2 + x, -2 - x)))
    data = pd.DataFrame({"x": x, "n": n, "y": rng.binomial(n, share), "w": 2})
    pipe = fit_formula(
        "y ~ x",
        data,
        n_components=[1, 2],
        family="binomial",
        trials="n",
        weights="w",
        random_state=0,
    )
    assert pipe["mixture"].n_components_ == 2
    hand = MixtureRegressor(2, family="binomial", random_state=0)
    hand.fit(x[:, None], data.y, data.w, trials=n)
    assert pipe["mixture"].log_likelihood_ == pytest.approx(hand.log_likelihood_)


def test_the_pipeline_survives_pickle(npreg):
    pipe = fit_formula("yn ~ x", npreg, random_state=0)
    copy = pickle.loads(pickle.dumps(pipe))
    assert_allclose(copy.predict(npreg), pipe.predict(npreg))
    assert copy[:-1].get_feature_names_out().tolist() == ["x"]


@pytest.mark.parametrize(
    ("formula", "options", "message"),
    [
        ("yn", {}, "formula must be 'response ~ features'"),
        ("~ x", {}, "must have a response"),
        ("yn ~ x |", {}, "after a bar, a group"),
        ("yn ~ nothing", {}, "`nothing` is not present"),
        ("nothing ~ x", {}, "y formula cannot be computed.*'nothing' is not defined"),
        ("yn ~ x +", {}, "misplaced"),
        ("yn ~ x | nobody", {}, "group 'nobody' of the formula is no column"),
        ("yn ~ x", {"offset": "word"}, "offset='word' must be one column"),
        ("yn ~ x", {"gate_features": [0]}, "gate_features is set by the formulas"),
    ],
)
def test_a_formula_that_cannot_be_computed_is_refused(npreg, formula, options, message):
    with pytest.raises(ValueError, match=message):
        fit_formula(formula, npreg.assign(word=list("ab") * 100), **options)


def test_missing_cells_are_refused(npreg):
    data = npreg.copy()
    data.loc[3, "x"] = np.nan
    with pytest.raises(ValueError, match="`x` contains null values"):
        fit_formula("yn ~ x", data)
    data = npreg.assign(id2=npreg.id2.where(npreg.index > 2))
    with pytest.raises(ValueError, match="group 'id2' has missing cells"):
        fit_formula("yn ~ x | id2", data)
