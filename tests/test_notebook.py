"""What a notebook shows of an estimator."""

from html.parser import HTMLParser

import numpy as np
import pytest
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn.datasets import load_two_lines, make_mixture_regression


class Tables(HTMLParser):
    """Cells of the tables below scikit-learn's diagram, and their captions."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.captions, self._into = [], [], None
        self.feed("".join(html.partition('<div class="mixreg-table"')[1:]))

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")
        self._into = tag

    def handle_endtag(self, tag):
        self._into = None

    def handle_data(self, data):
        if self._into in ("th", "td"):
            self.rows[-1][-1] += data
        elif self._into == "caption":
            self.captions.append(data)


def shown(estimator):
    html = estimator._repr_mimebundle_()["text/html"]
    return Tables(html)


@pytest.fixture(scope="module")
def lines():
    return load_two_lines(return_X_y=True)


@pytest.fixture(scope="module")
def model(lines):
    return MixtureRegressor(2, random_state=0).fit(*lines)


def test_a_fitted_mixture_shows_its_components(model):
    tables = shown(model)
    rows = {label: cells for label, *cells in tables.rows}
    assert list(rows) == ["", "share", "intercept", "x0", "scale"]
    for label, values in (
        ("share", model.weights_),
        ("intercept", model.intercept_),
        ("x0", model.coef_[:, 0]),
        ("scale", model.scale_),
    ):
        np.testing.assert_allclose([float(c) for c in rows[label]], values, rtol=5e-4)
    assert "a proven local maximum" in tables.captions[0]
    assert f"{model.log_likelihood_:.3f}" in tables.captions[0]


def test_before_fit_there_is_no_table():
    assert Tables(MixtureRegressor()._repr_html_()).rows == []
    assert Tables(MixtureRegressorIC()._repr_html_()).rows == []


def test_no_html_where_scikit_learn_shows_text(model):
    with config_context(display="text"):
        assert "text/html" not in model._repr_mimebundle_()
        assert not hasattr(model, "_repr_html_")


def test_names_of_features_are_escaped():
    pd = pytest.importorskip("pandas")
    X, y, _ = make_mixture_regression(100, random_state=0)
    X = pd.DataFrame({"<b>size</b> & age": X[:, 0]})
    model = MixtureRegressor(random_state=0).fit(X, y)
    assert "<b>size" not in model._repr_html_()
    assert "<b>size</b> & age" in [row[0] for row in shown(model).rows]


def test_a_gate_has_rows_of_its_own_and_unused_features_have_none():
    X, y, _ = make_mixture_regression(
        300, 3, coef=[[2, 0, 0], [-2, 0, 0]], random_state=0
    )
    model = MixtureRegressor(
        gate="softmax", gate_features=[1], regression_features=[0], random_state=0
    )
    labels = [row[0] for row in shown(model.fit(X, y)).rows]
    assert labels[1:] == [
        "share",
        "intercept",
        "x0",
        "scale",
        "gate intercept",
        "gate x1",
    ]


def test_long_tables_are_cut_and_say_so():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 60))
    y = X[:, 0] + 0.1 * rng.normal(size=200)
    model = MixtureRegressor(1).fit(X, y)
    html = model._repr_html_()
    assert len(shown(model).rows) == 31
    assert "... and 33 more rows" in html


def test_a_search_for_the_number_shows_every_candidate(lines):
    model = MixtureRegressorIC((1, 2, 3), random_state=0).fit(*lines)
    tables = shown(model)
    assert [row[0] for row in tables.rows[1:4]] == ["", "chosen", ""]
    bic = tables.rows[0].index("bic")
    np.testing.assert_allclose(
        [float(row[bic]) for row in tables.rows[1:4]], model.table_["bic"], atol=5e-4
    )
    assert tables.rows[4:] == shown(model.best_estimator_).rows


def test_thin_components_and_the_largest_number_are_named(lines):
    X, y = lines
    y = np.where(np.arange(len(y)) == 7, 1000, y)
    search = MixtureRegressorIC((1, 3), random_state=0)
    with pytest.warns(ConvergenceWarning, match="row 7 alone"):
        search.fit(X, y)
    candidates, components = shown(search).captions
    assert candidates.endswith("; 3 is the largest number tried")
    assert "Component 2 rests on row 7 alone" in components


def test_a_pipeline_is_drawn_with_a_mixture_inside(lines):
    pipeline = make_pipeline(StandardScaler(), MixtureRegressor(random_state=0))
    assert "MixtureRegressor" in pipeline.fit(*lines)._repr_html_()
