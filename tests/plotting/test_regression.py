"""The picture shows rows, lines and bands, and says which is which."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler
from support import counts_with_offset, separated, two_lines

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn.plotting import MixtureRegressionDisplay


@pytest.fixture(scope="module")
def data():
    return two_lines(n=90)


@pytest.fixture(scope="module")
def model(data):
    return MixtureRegressor(random_state=0).fit(*data)


def test_lines_are_the_regressions(data, model):
    display = MixtureRegressionDisplay.from_estimator(model, *data)
    assert len(display.lines_) == 2
    for k, line in enumerate(display.lines_):
        x, y = line.get_data()
        assert_allclose(y, model.intercept_[k] + model.coef_[k, 0] * x)
        assert (x[0], x[-1]) == (data[0].min(), data[0].max())


def test_bands_hold_the_central_part_of_each_component(data, model):
    display = MixtureRegressionDisplay.from_estimator(model, *data, level=0.9)
    for k, band in enumerate(display.bands_):
        y = band.get_paths()[0].vertices[:, 1]
        half = stats.norm.ppf(0.95) * model.scale_[k]
        assert_allclose(y.max(), (display.means[:, k] + half).max())
        assert_allclose(display.lower[:, k], display.means[:, k] - half)


def test_bands_of_counts_are_quantiles_at_the_median_offset():
    X, y, offset = counts_with_offset()
    model = MixtureRegressor(family="poisson", random_state=0)
    model.fit(X, y, offset=offset)
    display = MixtureRegressionDisplay.from_estimator(model, X, y, offset=offset)
    eta = (
        model.intercept_ + display.grid[:, None] * model.coef_[:, 0] + np.median(offset)
    )
    assert_allclose(display.means, np.exp(eta))
    assert_array_equal(display.lower, stats.poisson.ppf(0.025, np.exp(eta)))
    assert_array_equal(display.upper, stats.poisson.ppf(0.975, np.exp(eta)))
    theirs = model.predict_proba(X, y, offset=offset)
    assert_array_equal(display.probabilities, theirs)


def test_rows_of_a_group_have_the_color_of_the_group():
    X, y, _ = counts_with_offset()
    groups = np.repeat(np.arange(len(y) // 4), 4)
    model = MixtureRegressor(family="poisson", random_state=0)
    model.fit(X, y, groups=groups)
    display = MixtureRegressionDisplay.from_estimator(model, X, y, groups=groups)
    for rows in np.split(display.scatter_.get_facecolors(), len(y) // 4):
        assert_array_equal(rows, rows[[0, 0, 0, 0]])


def test_rows_have_the_color_of_their_component_and_fade_in_doubt(data, model):
    X, y = data
    display = MixtureRegressionDisplay.from_estimator(model, X, y)
    colors = display.scatter_.get_facecolors()
    assert_array_equal(display.scatter_.get_offsets(), np.c_[X, y])
    membership = model.predict_membership(X, y)
    for k, line in enumerate(display.lines_):
        assert_allclose(
            colors[membership == k, :3],
            [to_rgb(line.get_color())] * sum(membership == k),
        )
    certainty = model.predict_proba(X, y).max(axis=1)
    assert_array_equal(np.argsort(colors[:, 3]), np.argsort(certainty))
    assert colors[:, 3].min() > 0.15


def test_legend_tells_the_shares(data, model):
    display = MixtureRegressionDisplay.from_estimator(model, *data)
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    shares = [f"{100 * weight:.0f} %" for weight in model.weights_]
    assert texts == [f"component {k}: {share}" for k, share in enumerate(shares)]


def test_labels_are_the_names_of_the_frame(data):
    X, y = data
    X = pd.DataFrame({"a": X[:, 0], "b": np.cos(X[:, 0])})
    y = pd.Series(y, name="price")
    model = MixtureRegressor(random_state=0).fit(X, y)
    for feature in ("b", 1, -1):
        display = MixtureRegressionDisplay.from_estimator(model, X, y, feature=feature)
        assert display.ax_.get_xlabel() == "b"
        assert display.ax_.get_ylabel().startswith("price at a = ")
        assert_array_equal(display.x, X["b"])
    display = MixtureRegressionDisplay.from_estimator(model, X, y, target_name="Euro")
    assert display.ax_.get_ylabel().startswith("Euro at ")


def test_other_features_are_held_at_their_lower_median():
    sample = separated(0, d=3)
    model = MixtureRegressor(random_state=0).fit(sample.X, sample.y)
    display = MixtureRegressionDisplay.from_estimator(
        model, sample.X, sample.y, feature=2
    )
    at = np.quantile(sample.X, 0.5, axis=0, method="lower")
    at[2] = sample.X[:, 2].min()
    assert_allclose(display.means[0], model.predict_components([at])[0])
    assert display.ax_.get_xlabel() == "x2"


def test_a_chosen_mixture_is_drawn_like_the_mixture(data, model):
    chosen = MixtureRegressorIC((1, 2), random_state=0).fit(*data)
    ours = MixtureRegressionDisplay.from_estimator(chosen, *data)
    theirs = MixtureRegressionDisplay.from_estimator(model, *data)
    assert_array_equal(ours.means, theirs.means)


def test_one_component_and_many_are_drawn(data):
    single = MixtureRegressor(1).fit(*data)
    display = MixtureRegressionDisplay.from_estimator(single, *data)
    assert len(display.lines_) == 1
    K = 9  # more than there are colors
    crowd = MixtureRegressionDisplay(
        x=data[0][:, 0],
        y=data[1],
        probabilities=np.eye(K)[np.arange(len(data[1])) % K],
        grid=np.array([0.0, 1.0]),
        means=np.tile(np.arange(K), (2, 1)),
        lower=np.tile(np.arange(K) - 1, (2, 1)),
        upper=np.tile(np.arange(K) + 1, (2, 1)),
        weights=np.full(K, 1 / K),
    ).plot()
    assert len(crowd.lines_) == K


def test_it_draws_in_the_axes_given_and_in_the_style_asked_for(data, model):
    figure, (left, right) = plt.subplots(1, 2)
    display = MixtureRegressionDisplay.from_estimator(
        model,
        *data,
        ax=right,
        scatter_kwargs={"s": 5},
        line_kwargs={"linestyle": "--"},
        band_kwargs={"alpha": 0.5},
    )
    assert display.ax_ is right
    assert display.figure_ is figure
    assert not left.has_data()
    assert display.scatter_.get_sizes().tolist() == [5]
    assert display.lines_[0].get_linestyle() == "--"
    assert display.bands_[0].get_alpha() == 0.5
    assert display.plot(left) is display
    assert display.ax_ is left


@pytest.mark.parametrize("wrong", [1, -2, "height"])
def test_unknown_features_are_refused(data, model, wrong):
    with pytest.raises(ValueError, match="feature="):
        MixtureRegressionDisplay.from_estimator(model, *data, feature=wrong)


def npreg():
    """A line and a parabola over x, as R's flexmix has them."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.uniform(0, 10, 200)})
    mean = np.where(np.arange(200) < 100, 5 * X.x, 15 + 10 * X.x - X.x**2)
    return X, pd.Series(mean + 3 * rng.normal(size=200), name="yn")


def shoppers():
    """Words, missing numbers, a dummy and a constant; two components over age."""
    rng = np.random.default_rng(1)
    n = 300
    shop, member = rng.choice(["A", "B", "B", "C"], n), rng.integers(0, 2, n)
    age, income = rng.uniform(20, 70, n), rng.lognormal(3, 0.3, n)
    slope = np.where(rng.random(n) < 0.4, 0.5, -0.5)
    y = 20 + slope * age + 10 * (shop == "C") + 40 * member + 0.2 * income
    X = {"one": np.ones(n), "member": member, "shop": shop}
    X = pd.DataFrame(X | {"income": income, "age": age})
    X.loc[::20, "income"] = np.nan
    return X, pd.Series(y + rng.normal(size=n), name="spent")


def shop_pipeline():
    return make_pipeline(
        make_column_transformer(
            (OneHotEncoder(sparse_output=False, drop="first"), ["shop"]),
            (make_pipeline(SimpleImputer(), StandardScaler()), ["income", "age"]),
            ("passthrough", ["member"]),
        ),
        MixtureRegressor(random_state=0),
    )


def test_a_pipeline_is_drawn_over_the_feature_that_it_takes():
    X, y = npreg()
    powers = PolynomialFeatures(2, include_bias=False)
    pipe = make_pipeline(powers, MixtureRegressor(random_state=0)).fit(X, y)
    search = GridSearchCV(pipe, {"mixtureregressor__n_components": [2]}, cv=2)
    for model in (pipe, search.fit(X, y)):
        display = MixtureRegressionDisplay.from_estimator(model, X, y)
        assert display.ax_.get_xlabel() == "x"
        assert display.ax_.get_ylabel() == "yn"
        grid = pd.DataFrame({"x": display.grid})
        theirs = pipe[-1].predict_components(pipe[:-1].transform(grid))
        assert_allclose(display.means, theirs)
    # The curves that made the rows, to a few standard errors.
    curves = np.c_[5 * grid.x, 15 + 10 * grid.x - grid.x**2]
    order = np.argsort(display.means[100] - curves[100].mean())
    closest = np.argsort(curves[100])
    assert np.abs(display.means[:, order] - curves[:, closest]).max() < 4
    with pytest.raises(ValueError, match="not a feature of X"):
        MixtureRegressionDisplay.from_estimator(pipe, X, y, feature="x^2")


def test_without_a_pipeline_points_are_partial_residuals_and_the_axis_says_so():
    X, y = npreg()
    X["x2"] = X.x**2
    model = MixtureRegressor(random_state=0).fit(X, y)
    display = MixtureRegressionDisplay.from_estimator(model, X, y, feature="x")
    held = np.quantile(X.x2, 0.5, method="lower")
    assert display.ax_.get_ylabel() == f"yn at x2 = {held:.3g}"
    members = model.predict_membership(X, y)
    moved = y - model.coef_[members, 1] * (X.x2 - held)
    assert_allclose(display.y, moved)
    # The residual is kept: rows are as far from the lines that are drawn.
    line = (
        model.intercept_ + np.outer(X.x, model.coef_[:, 0]) + held * model.coef_[:, 1]
    )
    rows = np.arange(len(y))
    before = y - model.predict_components(X)[rows, members]
    assert_allclose(display.y - line[rows, members], before, atol=1e-9)


def test_words_and_dummies_are_held_at_their_most_frequent_level():
    X, y = shoppers()
    pipe = shop_pipeline().fit(X, y)
    display = MixtureRegressionDisplay.from_estimator(pipe, X, y, feature="age")
    at = pd.DataFrame({name: X[name].mode()[:1] for name in ("one", "member", "shop")})
    at["income"] = np.nanquantile(X["income"], 0.5, method="lower")
    at["age"] = X["age"].min()
    theirs = pipe[-1].predict_components(pipe[:-1].transform(at))
    assert_allclose(display.means[0], theirs[0])
    assert "medians and modes of the other" in display.ax_.get_ylabel()
    # Moved rows are in the band of their component as often as it says.
    k = display.probabilities.argmax(axis=1)
    low, high = (
        np.choose(k, [np.interp(X.age, display.grid, line) for line in curve.T])
        for curve in (display.lower, display.upper)
    )
    assert ((low < display.y) & (display.y < high)).mean() > 0.9


def test_arrays_of_words_and_numbers_are_drawn_like_frames():
    X, y = shoppers()
    steps = (OneHotEncoder(sparse_output=False), [2]), ("passthrough", [1, 4])
    pipe = make_pipeline(
        make_column_transformer(*steps), MixtureRegressor(random_state=0)
    )
    ours = MixtureRegressionDisplay.from_estimator(
        pipe.fit(X.to_numpy(object), y), X.to_numpy(object), y
    )
    theirs = MixtureRegressionDisplay.from_estimator(pipe.fit(X, y), X, y)
    assert ours.ax_.get_xlabel() == "x4"
    assert theirs.ax_.get_xlabel() == "age"
    assert_allclose(ours.means, theirs.means)
    assert_allclose(ours.y, theirs.y)


def test_the_default_feature_is_no_dummy_constant_or_word_and_moves_the_lines():
    X, y = shoppers()
    pipe = shop_pipeline().fit(X, y)
    assert MixtureRegressionDisplay.from_estimator(pipe, X, y).feature_name == "age"
    numbers = X[["one", "member"]]
    model = MixtureRegressor(random_state=0).fit(numbers, y)
    display = MixtureRegressionDisplay.from_estimator(model, numbers, y)
    assert display.feature_name == "member"
    words = make_pipeline(
        OneHotEncoder(sparse_output=False), MixtureRegressor(random_state=0)
    ).fit(X[["shop"]], y)
    with pytest.raises(ValueError, match="no feature of numbers"):
        MixtureRegressionDisplay.from_estimator(words, X[["shop"]], y)
    with pytest.raises(ValueError, match="has words"):
        MixtureRegressionDisplay.from_estimator(pipe, X, y, feature="shop")


def test_values_that_a_pipeline_refuses_are_an_error_that_names_the_feature():
    X, y = shoppers()
    X = X[["age"]].assign(region=np.arange(len(X)) % 4)
    codes = OneHotEncoder(sparse_output=False), ["region"]
    steps = make_column_transformer(codes, remainder="passthrough")
    pipe = make_pipeline(steps, MixtureRegressor(random_state=0)).fit(X, y)
    assert MixtureRegressionDisplay.from_estimator(pipe, X, y).feature_name == "age"
    with pytest.raises(ValueError, match="feature='region' has no lines"):
        MixtureRegressionDisplay.from_estimator(pipe, X, y, feature="region")


def test_an_offset_feature_is_not_drawn_over_and_rows_move_to_its_median():
    X, y, offset = counts_with_offset()
    X = np.c_[5 * offset, X]
    model = MixtureRegressor(family="poisson", offset_feature=0, random_state=0)
    display = MixtureRegressionDisplay.from_estimator(model.fit(X, y), X, y)
    assert display.feature_name == "x1"
    assert display.target_name == f"y at x0 = {np.sort(X[:, 0])[99]:.3g}"


def test_counts_keep_their_pearson_residuals():
    X, y, offset = counts_with_offset()
    model = MixtureRegressor(family="poisson", random_state=0)
    model.fit(X, y, offset=offset)
    display = MixtureRegressionDisplay.from_estimator(model, X, y, offset=offset)
    rows, k = np.arange(len(y)), display.probabilities.argmax(axis=1)
    eta = (model.intercept_ + X * model.coef_[:, 0])[rows, k]
    here, there = np.exp(eta + offset), np.exp(eta + np.median(offset))
    theirs = there + (y - here) * np.sqrt(there / here)
    assert_allclose(display.y, np.maximum(theirs, 0))
    assert display.target_name == f"y at offset = {np.median(offset):.3g}"


def test_successes_are_drawn_for_the_trials_of_the_lines_and_do_not_move():
    rng = np.random.default_rng(0)
    X, trials = rng.normal(size=(200, 2)), rng.integers(5, 40, 200)
    p = np.where(np.arange(200) < 100, 0.2, 0.8) + 0.05 * X[:, 0].clip(-2, 2)
    y = rng.binomial(trials, p)
    model = MixtureRegressor(family="binomial", random_state=0)
    model.fit(X, y, trials=trials)
    display = MixtureRegressionDisplay.from_estimator(
        model, X, y, trials=trials, feature=0
    )
    held = np.floor(np.median(trials))
    assert_allclose(display.y, y * held / trials)
    assert display.target_name.startswith(f"y of {held:.0f} trials, lines at x1 = ")


def test_many_rows_are_small_faint_pixels_below_outlined_lines(model):
    few, many = (
        MixtureRegressionDisplay.from_estimator(model, *two_lines(n=n))
        for n in (90, 6000)
    )
    assert many.scatter_.get_sizes()[0] < 0.5 * few.scatter_.get_sizes()[0]
    faintest, strongest = (d.scatter_.get_facecolors()[:, 3].max() for d in (many, few))
    assert 0 < faintest < 0.5 * strongest
    assert many.scatter_.get_rasterized()
    assert not few.scatter_.get_rasterized()
    for line in many.lines_:
        assert line.get_zorder() > many.scatter_.get_zorder()
        assert len(line.get_path_effects()) == 2


def test_components_may_have_names(data, model):
    names = ["steep", "flat"]
    display = MixtureRegressionDisplay.from_estimator(
        model, *data, component_names=names
    )
    labels = [line.get_label().split(":")[0] for line in display.lines_]
    assert labels == names
    for wrong in (["steep"], ["steep", "steep"], "ab", [0, 1]):
        with pytest.raises(ValueError, match="component_names"):
            MixtureRegressionDisplay.from_estimator(model, *data, component_names=wrong)


def test_frames_of_polars_are_drawn_like_those_of_pandas():
    polars = pytest.importorskip("polars")
    X, y = shoppers()
    X["income"] = X["income"].fillna(20.0)
    pipe = shop_pipeline().fit(X, y)
    theirs = MixtureRegressionDisplay.from_estimator(pipe, X, y)
    other = polars.DataFrame({name: X[name].to_numpy() for name in X})
    try:
        mine = shop_pipeline().fit(other, y)
    except AttributeError:
        pytest.skip("scikit-learn 1.6 does not know the columns of today's polars")
    ours = MixtureRegressionDisplay.from_estimator(mine, other, y)
    assert_allclose(ours.means, theirs.means)
    assert_allclose(ours.y, theirs.y)
