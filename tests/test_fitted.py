"""Estimates in the user's units: one value, whatever a family has."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from mixreg_sklearn._data.groups import check_groups
from mixreg_sklearn._fitted import Fitted, check_start
from mixreg_sklearn.families import Constant, Family, Poisson, Predictor, Support
from mixreg_sklearn.predictive import MixtureDistribution


class Shifted(Family):
    """Student's t around the sum of one predictor and the exponential of another."""

    predictors = Predictor(), Predictor("shift")
    constants = Constant("scale"), Constant("df", lower=2.1, start=5.0)
    support = Support()

    def initial(self, y):
        return np.stack([y, np.zeros_like(y)])

    def _law(self, eta, scale):
        return stats.t(scale[1], eta[0] + np.exp(eta[1]), scale[0])

    def mean(self, eta, scale):
        return self._law(eta, scale).mean()

    def variance(self, eta, scale):
        return np.broadcast_to(self._law(eta, scale).var(), eta[0].shape)

    def log_density(self, y, eta, scale):
        return self._law(eta, scale).logpdf(y)

    def cdf(self, y, eta, scale):
        return self._law(eta, scale).cdf(y)

    def quantile(self, u, eta, scale):
        return self._law(eta, scale).ppf(u)

    def sample(self, eta, scale, rng):
        return self.quantile(rng.random(eta[0].shape), eta, scale)


ARRAYS = {
    "weights": np.array([0.7, 0.3]),
    "coef": np.array([[1.0, 2.0], [-1.0, 0.5]]),
    "intercept": np.array([0.0, 3.0]),
    "scale": np.array([0.5, 2.0]),
    "df": np.array([4.0, 9.0]),
    "shift_coef": np.array([[0.1, 0.0], [0.0, -0.2]]),
    "shift_intercept": np.array([-1.0, 0.5]),
    "gate_coef": np.array([[0.0, 0.0], [1.0, -1.0]]),
    "gate_intercept": np.array([0.0, 0.4]),
}


@pytest.fixture
def fitted():
    return Fitted.from_arrays(Shifted(), ARRAYS)


def rows(n=7):
    return np.random.default_rng(0).normal(size=(n, 2))


def test_arrays_come_back_by_their_names(fitted):
    assert fitted.arrays().keys() == ARRAYS.keys()
    for name, value in fitted.attributes().items():
        assert_array_equal(value, ARRAYS[name.removesuffix("_")])
    assert fitted.scale.shape == (2, 2)
    start = check_start(ARRAYS, Shifted(), 2, 2, gated=True)
    for ours, theirs in zip(start[1:], fitted[1:], strict=True):
        assert_array_equal(ours, theirs)


def test_what_a_start_leaves_out_has_a_default():
    init = {name: ARRAYS[name] for name in ("weights", "coef", "intercept", "scale")}
    start = check_start(init, Shifted(), 2, 2, gated=False)
    assert_array_equal(start.constants[1], [5.0, 5.0])
    assert not start.coef[1].any()
    assert start.gate_coef is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"df": [-1.0, 1.0]}, r"init\['df'\] must be positive"),
        ({"shift_coef": [0.0, 1.0]}, r"init\['shift_coef'\] has shape \(2,\)"),
        ({"zero_coef": [0.0, 1.0]}, r"unknown: \['zero_coef'\]"),
    ],
)
def test_a_bad_start_of_a_family_is_explained(change, message):
    with pytest.raises(ValueError, match=message):
        check_start(ARRAYS | change, Shifted(), 2, 2, gated=True)


def test_a_family_without_constants_has_scales_of_one():
    arrays = {name: ARRAYS[name] for name in ("weights", "coef", "intercept", "scale")}
    fitted = Fitted.from_arrays(Poisson(), arrays)
    assert fitted.constants.shape == (0, 2)
    assert_array_equal(fitted.attributes()["scale_"], [1.0, 1.0])


def test_another_order_changes_the_baseline_and_no_probability(fitted):
    X, offset = rows(), np.linspace(0, 1, 7)
    turned = fitted.reorder(np.array([1, 0]))
    assert_array_equal(turned.gate_coef[0], [0.0, 0.0])
    y = fitted.predictor(X)[0, :, 0]
    ours = turned.log_joint(X, y, offset=offset)
    assert_allclose(ours, fitted.log_joint(X, y, offset=offset)[:, ::-1], rtol=1e-12)


def test_an_offset_is_a_part_of_the_first_predictor(fitted):
    X, offset = rows(), np.linspace(0, 1, 7)
    moved = fitted.predictor(X, offset) - fitted.predictor(X)
    assert_allclose(moved[0], np.repeat(offset[:, None], 2, axis=1))
    assert not moved[1].any()


def test_log_densities_of_a_group_are_sums(fitted):
    X = np.repeat(rows(3), 2, axis=0)
    y, groups = np.arange(6.0), check_groups([0, 0, 1, 1, 2, 2], X)
    log_density = fitted.log_joint(X, y) - fitted.log_prior(X)
    theirs = log_density[::2] + log_density[1::2] + fitted.log_prior(X[::2])
    assert_allclose(fitted.log_joint(X, y, groups), theirs)


def test_distributions_take_any_number_of_predictors_and_constants(fitted):
    X = rows()
    mixture = fitted.distribution(X)
    assert mixture.eta.shape == (2, 7, 2)
    levels = np.array([0.1, 0.5, 0.99])
    quantiles = mixture.quantile(levels)
    assert_allclose(mixture.cdf(quantiles), np.tile(levels, (7, 1)), atol=1e-10)
    assert_allclose(mixture[2:4].cdf(quantiles[2:4]), mixture.cdf(quantiles)[2:4])
    theirs = np.logaddexp.reduce(fitted.log_joint(X, quantiles[:, 1]), axis=1)
    assert_allclose(mixture.logpdf(quantiles[:, 1]), theirs)
    regions = mixture.highest_density(0.8)
    inside = np.nansum(np.diff(mixture.cdf(np.nan_to_num(regions[:, 0])), axis=1))
    assert 0 < inside <= 0.8 * 7 + 1e-9
    draws = mixture.sample(4000, random_state=0)
    error = mixture.std() / np.sqrt(4000)
    assert (np.abs(draws.mean(axis=1) - mixture.mean()) < 5 * error).all()


def test_draws_of_a_group_share_their_component(fitted):
    X = np.repeat(rows(50), 2, axis=0)
    groups = check_groups(np.arange(100) // 2, X)
    y, component = fitted.sample(X, np.random.default_rng(0), groups)
    assert y.shape == component.shape == (100,)
    assert_array_equal(component[::2], component[1::2])
    assert set(component) == {0, 1}


def test_predictors_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"it must be \(2, n_samples, n_components\)"):
        MixtureDistribution(Shifted(), np.zeros((3, 2)), np.ones((2, 2)), [0.5, 0.5])
    with pytest.raises(ValueError, match=r"scale has shape \(3, 2\), not \(2, 2\)"):
        MixtureDistribution(Shifted(), np.zeros((2, 3, 2)), np.ones((3, 2)), [0.5, 0.5])
