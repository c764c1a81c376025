"""What is said of a maximum: proven or not, and whether the search agreed."""

import warnings

import numpy as np
import pytest
from test_notebook import Tables

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC, SearchWarning
from mixreg_sklearn.datasets import load_two_lines, make_mixture_regression
from mixreg_sklearn.families import Gamma, Poisson
from mixreg_sklearn.inference import inference


@pytest.fixture(scope="module")
def hard():
    """Candidates of which one is proven, but not agreed on."""
    X, y, _ = make_mixture_regression(300, 3, n_components=6, scale=1.0, random_state=1)
    with warnings.catch_warnings(action="ignore"):
        return MixtureRegressorIC((1, 6), criterion="aic", random_state=0).fit(X, y)


def test_an_agreement_that_never_came_is_in_every_table(hard, capsys):
    mixture = hard.estimators_[1]
    assert mixture.converged_
    assert not mixture.search_["agreed"]
    assert hard.table_["agreed"].tolist() == [True, False]
    tables = Tables(hard._repr_mimebundle_()["text/html"])
    assert [row[-1] for row in tables.rows[1:3]] == ["agreed", "not agreed"]
    caption = Tables(mixture._repr_mimebundle_()["text/html"]).captions[0]
    assert "no search agreed that it is the best" in caption


def test_verbose_says_that_no_search_agreed(capsys):
    X, y, _ = make_mixture_regression(300, 3, n_components=6, scale=1.0, random_state=1)
    model = MixtureRegressorIC([6], random_state=0, verbose=1)
    with pytest.warns(SearchWarning, match="better optimum may be unseen"):
        model.fit(X, y)
    assert "maximum not agreed" in capsys.readouterr().out


def test_one_regression_needs_no_search_and_a_start_of_the_user_is_none():
    X, y = load_two_lines(return_X_y=True)
    model = MixtureRegressorIC((1, 2), random_state=0).fit(X, y)
    assert model.table_["agreed"].tolist() == [True, True]
    start = np.eye(2)[np.arange(len(y)) % 2]
    template = MixtureRegressor(init=start)
    model = MixtureRegressorIC([2], estimator=template).fit(X, y)
    assert model.table_["agreed"].tolist() == [False]


@pytest.mark.parametrize("n_components", [1, 2])
def test_a_maximum_at_the_edge_of_a_link_is_told_as_such(n_components):
    rng = np.random.default_rng(2)
    x = rng.uniform(-1, 1, size=(200, 1))
    y = rng.poisson(4 * (1.02 + x[:, 0])) + (n_components == 2) * rng.poisson(
        np.where(rng.random(200) < 0.5, 30.0, 0.0)
    )
    model = MixtureRegressor(n_components, family=Poisson("identity"), random_state=0)
    with pytest.warns(match="at the edge of what its link admits"):
        model.fit(x, y)
    assert not model.converged_
    assert np.isfinite(model.log_likelihood_)
    with pytest.raises(ValueError, match="at the edge of what its link admits"):
        inference(model, x, y)


def test_a_maximum_inside_the_domain_is_proven():
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(200, 1))
    y = rng.gamma(5.0, 0.2 * (2 + 3 * x[:, 0]))
    assert MixtureRegressor(1, family=Gamma("identity")).fit(x, y).converged_
