"""What must not matter does not, and what must follow follows."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from support import flat, jacobian, separated

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn._data.data import Data, unconstrained
from mixreg_sklearn._data.structure import Columns, make_structure
from mixreg_sklearn._engine.columns import DenseWithProducts
from mixreg_sklearn._engine.em import em
from mixreg_sklearn._engine.layout import layout_of
from mixreg_sklearn._engine.mixture import Mixture, Moments
from mixreg_sklearn._engine.newton import polish
from mixreg_sklearn._engine.params import Params, concatenate, log_normalize
from mixreg_sklearn._engine.problem import make_problem
from mixreg_sklearn._engine.regressions import Regressions, Sums
from mixreg_sklearn._engine.rows import ArrayRows, Stored
from mixreg_sklearn._engine.sharing import sharing_of
from mixreg_sklearn._fitted import Fitted
from mixreg_sklearn.families import Gaussian
from mixreg_sklearn.families._scales import ScaleRule
from mixreg_sklearn.gates import ConstantGate, SoftmaxGate

seeds = st.integers(0, 10**6)
sizes = st.sampled_from([(1, 2), (2, 2), (3, 2), (1, 3), (2, 3)])
some = settings(derandomize=True, deadline=None, max_examples=15)
many = settings(derandomize=True, deadline=None, max_examples=25)

OPTIONS = [
    {},
    {"shared_scale": True},
    {"fit_intercept": False},
    {"shared_features": [0]},
    {"shared_features": [0], "shared_scale": True},
    {"gate": "softmax"},
]
options = st.sampled_from(OPTIONS)


def problem_of(seed, size, option):
    """A well-separated mixture that a model with these options fits."""
    d, n_components = size
    sample = separated(seed, n=60 * n_components, d=d, n_components=n_components)
    X, y = sample.X, sample.y
    for j in option.get("shared_features", []):
        y = y + X[:, j] * (1.0 - sample.coef[sample.label, j])
    if option.get("fit_intercept") is False:
        X = np.column_stack([X, np.ones(len(y))])
    return X, y


def fit(X, y, n_components, option=None, **arguments):
    model = MixtureRegressor(n_components, random_state=0, **(option or {}))
    return model.fit(X, y, **arguments)


def assert_same_estimate(ours, theirs, rtol=1e-7):
    """Same parameters, to `rtol` of what is large in the units at hand."""
    assert_allclose(ours.weights_, theirs.weights_, rtol=rtol)
    assert_allclose(ours.scale_, theirs.scale_, rtol=rtol)
    for name in ("intercept_", "coef_"):
        value = getattr(theirs, name)
        atol = rtol * np.abs(value).max()
        assert_allclose(getattr(ours, name), value, rtol=rtol, atol=atol)
    assert_allclose(ours.log_likelihood_, theirs.log_likelihood_, rtol=1e-9)
    assert ours.converged_
    assert theirs.converged_


# Rows and weights --------------------------------------------------------------


@some
@given(seeds, sizes, options)
def test_the_order_of_rows_does_not_matter(seed, size, option):
    X, y = problem_of(seed, size, option)
    order = np.random.default_rng(seed).permutation(len(y))
    model = fit(X, y, size[1], option)
    assert_same_estimate(fit(X[order], y[order], size[1], option), model)


@some
@given(seeds, sizes, options)
def test_whole_weights_are_repeated_rows(seed, size, option):
    X, y = problem_of(seed, size, option)
    weight = np.random.default_rng(seed).integers(0, 4, size=len(y))
    weighted = fit(X, y, size[1], option, sample_weight=weight)
    repeated = fit(np.repeat(X, weight, 0), np.repeat(y, weight), size[1], option)
    assert_same_estimate(weighted, repeated)
    assert_allclose(
        weighted.bic(X, y, weight),
        repeated.bic(np.repeat(X, weight, 0), np.repeat(y, weight)),
        rtol=1e-9,
    )


@some
@given(seeds, sizes, options)
def test_rows_of_weight_zero_are_no_rows_bit_for_bit(seed, size, option):
    X, y = problem_of(seed, size, option)
    rng = np.random.default_rng(seed)
    weight = rng.uniform(0.5, 3, size=len(y)) * (rng.random(len(y)) < 0.8)
    kept = weight > 0
    spoiled = np.where(kept[:, None], X, 1e6)
    weighted = fit(spoiled, y, size[1], option, sample_weight=weight)
    removed = fit(X[kept], y[kept], size[1], option, sample_weight=weight[kept])
    assert_array_equal(weighted.coef_, removed.coef_)
    assert weighted.log_likelihood_ == removed.log_likelihood_
    assert weighted.search_ == removed.search_


@some
@given(seeds, sizes, options, st.sampled_from([1e-6, 0.01, 0.5, 3.0, 1e6]))
def test_a_common_factor_of_the_weights_scales_the_likelihood_only(
    seed, size, option, factor
):
    X, y = problem_of(seed, size, option)
    weight = np.random.default_rng(seed).uniform(0.5, 3, size=len(y))
    model = fit(X, y, size[1], option, sample_weight=weight)
    scaled = fit(X, y, size[1], option, sample_weight=factor * weight)
    for name in ("weights_", "intercept_", "coef_", "scale_"):
        assert_allclose(getattr(scaled, name), getattr(model, name), rtol=1e-6)
    assert_allclose(scaled.log_likelihood_, factor * model.log_likelihood_, rtol=1e-9)


# Units -------------------------------------------------------------------------


@many
@given(
    seeds,
    sizes,
    st.sampled_from(OPTIONS[:2] + OPTIONS[3:]),
    st.floats(-8, 8),
    st.sampled_from([1, -1]),
    st.floats(-100, 100),
)
def test_an_affine_map_of_the_response_is_followed(
    seed, size, option, exponent, sign, shift
):
    X, y = problem_of(seed, size, option)
    a = sign * 10.0**exponent
    b = a * shift
    model = fit(X, y, size[1], option)
    mapped = fit(X, a * y + b, size[1], option)
    mapped.coef_ = mapped.coef_ / a
    mapped.intercept_ = (mapped.intercept_ - b) / a
    mapped.scale_ = mapped.scale_ / abs(a)
    mapped.log_likelihood_ += len(y) * np.log(abs(a))
    assert_same_estimate(mapped, model)


@some
@given(seeds, sizes, st.floats(-8, 8), st.sampled_from([1, -1]))
def test_a_factor_of_the_response_is_followed_without_intercept(
    seed, size, exponent, sign
):
    X, y = problem_of(seed, size, OPTIONS[2])
    a = sign * 10.0**exponent
    model = fit(X, y, size[1], OPTIONS[2])
    mapped = fit(X, a * y, size[1], OPTIONS[2])
    mapped.coef_ = mapped.coef_ / a
    mapped.scale_ = mapped.scale_ / abs(a)
    mapped.log_likelihood_ += len(y) * np.log(abs(a))
    assert_same_estimate(mapped, model)


def _map_of(rng, d, spread):
    """An invertible matrix with condition number ``10**spread``."""
    left, _ = np.linalg.qr(rng.normal(size=(d, d)))
    right, _ = np.linalg.qr(rng.normal(size=(d, d)))
    return left * np.logspace(0, spread, d) @ right


@many
@given(
    seeds, sizes, st.booleans(), st.floats(0, 3), st.floats(-6, 6), st.floats(-50, 50)
)
def test_an_affine_map_of_the_features_is_followed(
    seed, size, shared_scale, spread, exponent, shift
):
    option = {"shared_scale": shared_scale}
    X, y = problem_of(seed, size, option)
    rng = np.random.default_rng(seed)
    A = 10.0**exponent * _map_of(rng, X.shape[1], spread)
    c = 10.0**exponent * shift * rng.normal(size=X.shape[1])
    model = fit(X, y, size[1], option)
    mapped = fit(X @ A + c, y, size[1], option)
    assert_allclose(mapped.predict_components(X @ A + c), model.predict_components(X))
    # eta = a' + (x A + c) b'  =  (a' + c b') + x (A b').
    mapped.intercept_ = mapped.intercept_ + mapped.coef_ @ c
    mapped.coef_ = mapped.coef_ @ A.T
    assert_same_estimate(mapped, model)


@some
@given(seeds, sizes, st.lists(st.floats(-6, 6), min_size=3, max_size=3))
def test_units_of_the_features_do_not_matter_where_some_are_shared(
    seed, size, exponents
):
    X, y = problem_of(seed, size, {})
    units = 10.0 ** np.array(exponents[: X.shape[1]])
    model = fit(X, y, size[1], {"shared_features": [0]})
    mapped = fit(X * units, y, size[1], {"shared_features": [0]})
    assert_array_equal(np.ptp(model.coef_[:, 0]) <= 1e-9, True)
    mapped.coef_ = mapped.coef_ * units
    assert_same_estimate(mapped, model)


@some
@given(seeds, sizes, options)
def test_single_precision_features_agree_to_single_precision(seed, size, option):
    X, y = problem_of(seed, size, option)
    single = fit(X.astype(np.float32), y, size[1], option)
    rounded = fit(X.astype(np.float32).astype(float), y, size[1], option)
    double = fit(X, y, size[1], option)
    assert single.coef_.dtype == np.float64
    assert_same_estimate(single, rounded, rtol=1e-9)
    for name in ("weights_", "intercept_", "coef_", "scale_"):
        assert_allclose(
            getattr(single, name), getattr(double, name), rtol=1e-5, atol=1e-6
        )
    assert_allclose(
        single.predict(X.astype(np.float32)), double.predict(X), rtol=1e-5, atol=1e-5
    )


@some
@given(seeds, sizes, options)
def test_single_precision_responses_agree_to_single_precision(seed, size, option):
    X, y = problem_of(seed, size, option)
    single = fit(X, y.astype(np.float32), size[1], option)
    double = fit(X, y, size[1], option)
    for name in ("weights_", "intercept_", "coef_", "scale_"):
        assert_allclose(
            getattr(single, name), getattr(double, name), rtol=1e-5, atol=1e-6
        )


# Labels ------------------------------------------------------------------------


@some
@given(seeds, sizes, options, st.randoms(use_true_random=False))
def test_labels_of_the_start_do_not_matter(seed, size, option, random):
    X, y = problem_of(seed, size, option)
    rng = np.random.default_rng(seed)
    K = size[1]
    start = fit(X, y, K, option)
    start = {
        "weights": start.weights_,
        "coef": start.coef_ + 0.1 * rng.normal(size=start.coef_.shape),
        "intercept": start.intercept_,
        "scale": 1.5 * start.scale_,
    }
    order = random.sample(range(K), K)
    permuted = {name: value[order] for name, value in start.items()}
    model = fit(X, y, K, option | {"init": start})
    assert_same_estimate(fit(X, y, K, option | {"init": permuted}), model, rtol=1e-9)


# The engine --------------------------------------------------------------------


def engine(seed, kind="separate", *, n=97, p=3, n_components=3, n_restarts=4, **rows):
    """Rows in arbitrary units, a model, and a batch of arbitrary parameters.

    `kind` names what is special about the model; "separate" stands for nothing.
    """
    rng = np.random.default_rng(seed)
    K, shape = n_components, (n_restarts, n_components)
    Z = np.vstack([np.ones(n), rng.normal(size=(p - 1, n))])
    start = unit = None
    if "grouped" in kind:
        start = np.unique(np.append(0, rng.choice(np.arange(1, n), n // 3)))
        unit = np.searchsorted(start, np.arange(n), side="right") - 1
    n_units = n if start is None else len(start)
    label = rng.integers(0, K, size=n_units)
    weight = rng.uniform(0.2, 3, size=n_units)
    if unit is not None:
        label, weight = label[unit], weight[unit]
    y = rng.normal(size=n) + 4 * label
    offset = None
    if seed % 2:
        offset = rng.normal(size=n)
        y += offset
    sharing = sharing_of(*_constraints(rng, kind, p, K))
    rule = ScaleRule(tied="tied" in kind, floor=1e-20)
    if kind == "penalized":
        rule = ScaleRule(floor=1e-20, strength=1.0, target=0.7)
    gate, columns = ConstantGate(), None
    if "gated" in kind:
        gate = SoftmaxGate(alpha=0.5 if "ridge" in kind else 0.0)
        columns = np.vstack([np.ones(n_units), rng.normal(size=(2, n_units))])
    if "held weights" in kind:
        gate = ConstantGate(np.arange(1.0, K + 1) / np.arange(1, K + 1).sum())
    model = Mixture(Regressions(Gaussian(), [sharing], rule), gate)
    scale = np.exp(0.4 * rng.normal(size=shape))
    if rule.tied is True:
        scale[:] = scale[:, :1]
    q = 0 if columns is None else 2
    coef, constants = rng.normal(size=(*shape, p)), rng.normal(size=(*shape, 1))
    logits = np.concatenate([constants, 0.5 * rng.normal(size=(*shape, q))], axis=2)
    params = Params(coef, scale[..., None], logits)
    rows = ArrayRows([Stored(Z)], y, weight, offset, start=start, gate=columns, **rows)
    return model, rows, model.constrain(params.normalized())


def _constraints(rng, kind, p, n_components):
    """Constraints of a kind, on directions of the design that are no coordinates."""
    constraints = unconstrained(p - 1, n_components)
    to_columns = np.eye(p)
    to_columns[1:, 1:], _ = np.linalg.qr(rng.normal(size=(p - 1, p - 1)))
    if kind.startswith("shared"):
        constraints.sharing[-1] = 0
    if kind.startswith("partly"):
        constraints.sharing[-1, :2] = 0
        constraints.held[1, -1] = 0.3
    return constraints, to_columns


KINDS = [
    "separate",
    "shared",
    "tied",
    "shared and tied",
    "penalized",
    "gated",
    "gated with ridge",
    "grouped",
    "grouped, gated and tied",
    "partly shared and held",
    "held weights",
]
kinds = st.sampled_from(KINDS)
# Under these a component has a number of its own.
alike = st.sampled_from([k for k in KINDS if "held" not in k])


def near_truth(model, params, seed):
    """The batch again, moved to the neighbourhood of the regressions of `engine`."""
    rng = np.random.default_rng(seed)
    coef = 0.3 * rng.normal(size=params.coef.shape)
    coef[:, :, 0] += 4 * np.arange(coef.shape[1])
    factor = np.append(0.1, np.full(params.logits.shape[2] - 1, 0.3))
    logits = factor * params.logits
    start = Params(coef, np.ones_like(params.constants), logits)
    return model.constrain(start.normalized())


def whole_block(params, block):
    """A verb that returns the block itself."""
    return block


def assert_same_sums(ours, theirs, rtol=1e-11):
    """Sums of either sign: to `rtol` of the largest in each field."""
    for a, b in zip(flat(ours), flat(theirs), strict=True):
        assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max(initial=0))


@many
@given(seeds, kinds, st.integers(1, 120))
def test_blocks_of_any_size_change_nothing(seed, kind, block_size):
    model, whole, params = engine(seed, kind)
    _, parts, _ = engine(seed, kind, block_size=block_size)
    if "grouped" not in kind:
        assert len(list(parts.scan(whole_block, None))) == -(-97 // block_size)
    for verb in (model.summarize, model.curvature):
        assert_same_sums(parts.sum(verb, params), whole.sum(verb, params))
    start = near_truth(model, params, seed)
    ours = em(model, parts, start, max_iter=20)
    theirs = em(model, whole, start, max_iter=20)
    assert_same_sums(ours.params, theirs.params, rtol=1e-8)
    assert_allclose(ours.objective, theirs.objective, rtol=1e-10)


@some
@given(seeds, kinds)
def test_kept_outer_products_change_nothing(seed, kind):
    model, plain, params = engine(seed, kind)
    _, batched, _ = engine(seed, kind, batched=True)
    columns = next(batched.scan(whole_block, None)).columns[0]
    assert isinstance(columns, DenseWithProducts)
    ours, theirs = (r.sum(model.summarize, params) for r in (batched, plain))
    assert_same_sums(ours, theirs)


@some
@given(seeds, st.sampled_from([19, 20, 21, 40]))
def test_wide_designs_have_the_same_moments(seed, p):
    model, rows, params = engine(seed, n=150, p=p, n_restarts=2)
    assert_same_sums(rows.sum(model.summarize, params), _moments(rows, params))


@some
@given(seeds, kinds, st.integers(5, 40), st.integers(2, 5))
def test_threads_change_nothing_bit_for_bit(seed, kind, block_size, n_jobs):
    model, alone, params = engine(seed, kind, block_size=block_size)
    _, together, _ = engine(seed, kind, block_size=block_size, n_jobs=n_jobs)
    for verb in (model.summarize, model.curvature):
        ours, theirs = (r.sum(verb, params) for r in (together, alone))
        for a, b in zip(flat(ours), flat(theirs), strict=True):
            assert_array_equal(a, b)
    ours, theirs = (em(model, r, params, max_iter=10) for r in (together, alone))
    for a, b in zip(ours.params, theirs.params, strict=True):
        assert_array_equal(a, b)


def test_threads_of_the_estimator_change_nothing_bit_for_bit():
    sample = separated(0, n=70_000, d=8)
    models = [
        MixtureRegressor(random_state=0, n_jobs=n_jobs).fit(sample.X, sample.y)
        for n_jobs in (None, 2, 3, -1)
    ]
    for model in models[1:]:
        for name in ("weights_", "coef_", "intercept_", "scale_"):
            assert_array_equal(getattr(model, name), getattr(models[0], name))
        assert model.log_likelihood_ == models[0].log_likelihood_


@some
@given(seeds, kinds, st.sampled_from([0.0, 1e-3, 1e-6]))
def test_a_batch_of_em_restarts_equals_them_one_by_one(seed, kind, tol):
    model, rows, params = engine(seed, kind, n_restarts=5)
    params = near_truth(model, params, seed)
    batch = em(model, rows, params, max_iter=40, tol=tol)
    for r in range(5):
        single = em(model, rows, params.take(r), max_iter=40, tol=tol)
        assert_same_sums(batch.params.take(r), single.params, rtol=1e-8)
        assert_allclose(batch.objective[r], single.objective[0], rtol=1e-11)
        assert batch.n_iter[r] == single.n_iter[0]


@some
@given(seeds, kinds)
def test_a_batch_of_polished_restarts_equals_them_one_by_one(seed, kind):
    model, rows, params = engine(seed, kind, n_restarts=5)
    params = near_truth(model, params, seed)
    batch = polish(model, rows, params, tol=1e-9, max_iter=60)
    for r in range(5):
        single = polish(model, rows, params.take(r), tol=1e-9, max_iter=60)
        assert batch.converged[r] == single.converged[0]
        assert batch.n_iter[r] == single.n_iter[0]
        assert_allclose(batch.objective[r], single.objective[0], rtol=1e-11)
        assert_same_sums(batch.params.take(r), single.params, rtol=1e-7)


def _relabelled(params, order):
    return Params(*(field[:, order] for field in params))


@some
@given(seeds, alike, st.permutations(range(3)))
def test_permuted_components_stay_permuted(seed, kind, order):
    model, rows, params = engine(seed, kind)
    params = near_truth(model, params, seed)
    run = em(model, rows, params, max_iter=25)
    other = em(model, rows, _relabelled(params, order), max_iter=25)
    assert_same_sums(other.params, _relabelled(run.params, order), rtol=1e-7)
    assert_allclose(other.objective, run.objective, rtol=1e-10)


@many
@given(seeds, kinds)
def test_the_likelihood_never_falls_along_em(seed, kind):
    model, rows, params = engine(seed, kind)
    # The safeguard belongs to the loop: a step of a gate may overshoot by itself.
    trace = [em(model, rows, params, max_iter=m).objective for m in range(1, 25)]
    steps = np.diff(trace, axis=0)
    assert (steps >= -1e-10 * np.abs(trace[1:])).all()
    assert (trace[-1] > trace[0]).all()


class Overshooting:
    """A model with objective ``-x^2`` whose steps go beyond the other side."""

    def penalty(self, params):
        return 0.0

    def summarize(self, params, block):
        return SimpleNamespace(loglik=-(params.coef[:, 0, 0] ** 2))

    def solve(self, moments, params):
        return params._replace(coef=-1.5 * params.coef)


def test_em_goes_halfway_back_where_a_step_lowers_the_likelihood():
    rows = SimpleNamespace(
        sum=lambda verb, params: verb(params, None), total_weight=1.0
    )
    start = np.array([1.0, -3.0])
    params = Params(start.reshape(2, 1, 1), np.ones((2, 1, 1)), np.zeros((2, 1, 1)))
    trace = [
        em(Overshooting(), rows, params, max_iter=max_iter).objective
        for max_iter in range(1, 12)
    ]
    assert (np.diff(trace, axis=0) >= 0).all()
    # Halfway between x and -1.5 x is -x / 4.
    run = em(Overshooting(), rows, params, max_iter=2)
    assert_allclose(run.params.coef.ravel(), -start / 4)
    assert_allclose(run.objective, -(start**2))
    run = em(Overshooting(), rows, params, max_iter=40)
    assert (np.abs(run.params.coef) < 1e-3).all()


@some
@given(seeds, st.booleans(), st.floats(0.0, 3), st.floats(0.01, 10))
def test_variances_maximise_the_penalised_likelihood(seed, tied, strength, target):
    rng = np.random.default_rng(seed)
    squares, weight = rng.uniform(0.1, 5, (2, 1, 3))
    rule = ScaleRule(tied=tied, strength=strength, target=target)

    def objective(variance):
        likelihood = -0.5 * (weight * np.log(variance) + squares / variance).sum()
        return likelihood + np.sum(rule.penalty(np.sqrt(variance)))

    best = rule.variance(squares, weight, np.ones((1, 3)))
    for change in (1e-3, -1e-3):
        moved = np.exp(change * (np.ones(3) if tied else np.eye(3)))
        for factor in np.atleast_2d(moved):
            assert objective(best * factor) < objective(best)


@some
@given(seeds, st.floats(0.1, 3), st.floats(0.01, 10))
def test_derivatives_of_the_penalty_equal_finite_differences(seed, strength, target):
    rule = ScaleRule(strength=strength, target=target)
    log_scale = np.random.default_rng(seed).normal(size=3)

    def value(t):
        return rule.penalty(np.exp(t)[None])[0]

    def slopes(t):
        return rule.penalty_derivatives(np.exp(t)[None])[0][0]

    first, second = rule.penalty_derivatives(np.exp(log_scale)[None])
    atol = 1e-8 * np.abs(second).max()
    assert_allclose(first[0], jacobian(value, log_scale, 1e-3), rtol=0, atol=atol)
    curvature = jacobian(slopes, log_scale, 1e-3)
    assert_allclose(np.diag(second[0]), curvature, rtol=0, atol=atol)


@many
@given(seeds, kinds)
def test_the_likelihood_never_falls_along_newton(seed, kind):
    model, rows, params = engine(seed, kind)
    start = em(model, rows, params, max_iter=1).objective
    trace = [start]
    for max_iter in (1, 2, 3, 5, 8, 13, 21, 34):
        trace.append(
            polish(model, rows, params, tol=1e-10, max_iter=max_iter).objective
        )
    steps = np.diff(trace, axis=0)
    assert (steps >= -1e-10 * np.abs(trace[1:])).all()
    assert (trace[-1] > trace[0]).all()


@some
@given(seeds, kinds)
def test_newton_ends_where_em_would(seed, kind):
    model, rows, params = engine(seed, kind, n_restarts=2)
    params = em(model, rows, params, max_iter=200).params
    polished = polish(model, rows, params, tol=1e-10, max_iter=100)
    again = em(model, rows, polished.params, max_iter=2)
    # At a maximum an M-step stands still.
    good = polished.converged
    assert_allclose(
        again.params.coef[good], polished.params.coef[good], rtol=1e-5, atol=1e-5
    )
    assert_allclose(again.params.scale[good], polished.params.scale[good], rtol=1e-5)


def _log_densities(rows, coef, scale):
    """Log densities (n, K) of gaussian components, and residuals."""
    block = rows.whole()
    offset = 0.0 if block.offset is None else block.offset
    residual = (block.y - offset)[:, None] - block.columns[0].Z.T @ coef.T
    return (
        -0.5 * np.log(2 * np.pi) - np.log(scale) - 0.5 * (residual / scale) ** 2,
        residual,
    )


def _units(rows):
    """Rows of every unit."""
    units = rows.whole().units
    if units.single:
        return [[i] for i in range(rows.n_rows)]
    return np.split(np.arange(rows.n_rows), units.start[1:])


def _log_prior(rows, logits):
    """Log prior probabilities (U, K)."""
    return log_normalize(rows.whole().gate.T @ logits.T)


def _moments(rows, params, gated=False):
    """Moments of gaussian components, unit by unit and row by row."""
    block = rows.whole()
    R, K, p = params.coef.shape
    loglik, weight, share = np.zeros(R), np.zeros((R, K)), np.zeros((R, K))
    gate = np.zeros((R, K, rows.n_logits if gated else 0))
    gram, cross = np.zeros((R, K, p, p)), np.zeros((R, K, p))
    statistic = np.zeros((R, K))
    for r in range(R):
        s = params.scale[r]
        log_density, residual = _log_densities(rows, params.coef[r], s)
        log_prior = _log_prior(rows, params.logits[r])
        for u, members in enumerate(_units(rows)):
            w = block.weight[members[0]]
            log_joint = log_prior[u] + log_density[members].sum(axis=0)
            total = np.logaddexp.reduce(log_joint)
            tau = w * np.exp(log_joint - total)
            loglik[r] += w * total
            share[r] += tau
            if gated:
                gate[r] += np.outer(tau - w * np.exp(log_prior[u]), block.gate[:, u])
            for i in members:
                z = block.columns[0].Z[:, i]
                weight[r] += tau
                gram[r] += (tau / s**2)[:, None, None] * np.outer(z, z)
                cross[r] += (tau * residual[i] / s**2)[:, None] * z
                statistic[r] += tau * residual[i] ** 2 / (2 * s**2)
    sums = Sums(weight, (gram,), (cross,), statistic[..., None])
    return Moments(loglik, share, gate, sums)


@some
@given(seeds, kinds, st.booleans())
def test_moments_are_what_they_say(seed, kind, batched):
    model, rows, params = engine(seed, kind, n=40, batched=batched)
    moments = rows.sum(model.summarize, params)
    assert_same_sums(moments, _moments(rows, params, "gated" in kind))


@pytest.mark.parametrize("n_components", [1, 2, 5])
@pytest.mark.parametrize(("n", "p"), [(1, 2), (40, 1), (3000, 3), (700, 24)])
def test_moments_are_right_for_any_shape(n, p, n_components):
    model, rows, params = engine(4, n=n, p=p, n_components=n_components, n_restarts=2)
    moments = rows.sum(model.summarize, params)
    assert_same_sums(moments, _moments(rows, params))


def test_moments_survive_rows_that_underflow_under_every_component():
    model, rows, params = engine(2)
    rows.whole().y[:5] += 1e3
    moments = rows.sum(model.summarize, params)
    assert_same_sums(moments, _moments(rows, params))


def _stepped(params, basis, t):
    """One restart after the step `t` along the basis; its prior is not normalized."""
    coef, constants, logits = layout_of(params).split((basis @ t)[None])
    return Params(
        params.coef + coef, params.constants * np.exp(constants), params.logits + logits
    )


def _objective_along(rows, params, basis):
    """Log-likelihood by its definition, as a function of a step along the basis."""

    def objective(t):
        coef, constants, logits = (x[0] for x in _stepped(params, basis, t))
        log_density, _ = _log_densities(rows, coef, constants[:, 0])
        log_density = np.array([log_density[m].sum(axis=0) for m in _units(rows)])
        log_joint = log_density + _log_prior(rows, logits)
        return rows.whole().unit_weight @ np.logaddexp.reduce(log_joint, axis=1)

    return objective


def _gradient_along(model, rows, params, basis):
    """The engine's gradient as a function of a step along the basis."""

    def gradient(t):
        moved = _stepped(params, basis, t).normalized()
        return basis.T @ rows.sum(model.curvature, moved).gradient[0]

    return gradient


@many
@given(seeds, st.sampled_from([*KINDS, "free"]))
def test_curvature_equals_finite_differences(seed, kind):
    model, rows, params = engine(seed, kind, n=40, p=2, n_restarts=2)
    batch = rows.sum(model.curvature, params)
    for r in range(2):
        one = params.take(r)
        basis = model.basis(params)
        if kind == "free":  # every coefficient, log scale and logit by itself
            basis = np.eye(len(basis))
        zero = np.zeros(basis.shape[1])
        objective = _objective_along(rows, one, basis)
        assert_allclose(batch.loglik[r], objective(zero), rtol=1e-12)
        gradient = jacobian(objective, zero, 1e-4)
        ours = basis.T @ batch.gradient[r]
        assert_allclose(ours, gradient, rtol=0, atol=1e-8 * np.abs(gradient).max())
        hessian = jacobian(_gradient_along(model, rows, one, basis), zero, 2e-5)
        ours = basis.T @ batch.hessian[r] @ basis
        assert_allclose(ours, hessian, rtol=0, atol=1e-8 * np.abs(hessian).max())


@some
@given(seeds, kinds)
def test_the_basis_counts_and_keeps_the_constraints(seed, kind):
    model, _, params = engine(seed, kind, n_restarts=1)
    basis = model.basis(params)
    K, p, q = 3, 3, params.logits.shape[2] - 1
    n_scales = 1 if model.regressions.rule.tied is True else K
    n_coefs = K * p
    n_logits = (K - 1) * (1 + q)
    if kind.startswith("shared"):
        n_coefs = 1 + K * (p - 1)
    elif kind.startswith("partly"):
        n_coefs = K * p - 2
    elif kind == "held weights":
        n_logits = 0
    assert basis.shape == (K * (p + 2 + q), n_coefs + n_scales + n_logits)
    assert_allclose(basis.T @ basis, np.eye(basis.shape[1]), atol=1e-12)
    step = (basis @ np.arange(1.0, 1 + basis.shape[1]))[None]
    moves, scales, logits = layout_of(params).split(step)
    coef = params.coef + moves
    (sharing,) = model.regressions.sharings
    assert_allclose(sharing.project(coef), coef, atol=1e-12)
    assert np.abs(logits.sum(axis=1)).max() < 1e-12
    if model.regressions.rule.tied is True:
        assert np.ptp(scales) < 1e-12


@some
@given(seeds, sizes, options)
def test_parameters_come_back_from_the_engine_unchanged(seed, size, option):
    X, y = problem_of(seed, size, option)
    X = X * np.logspace(-4, 4, X.shape[1]) + 3
    model = fit(X, y, size[1], option)
    structure = make_structure(model, Gaussian(), Columns(X, X.shape[1], None))
    data = Data(X, y, np.ones(len(y)), None, None)
    problem = make_problem(data, structure, 1)
    fitted = Fitted.of(model)
    back = problem.to_user(problem.from_user(fitted)).attributes()
    assert back.keys() == fitted.attributes().keys()
    for name, value in fitted.attributes().items():
        atol = 1e-9 * np.abs(value).max()
        assert_allclose(back[name], value, rtol=1e-9, atol=atol)


def test_concatenated_batches_keep_their_restarts():
    _, _, params = engine(0, n_restarts=5)
    again = concatenate([params.take(slice(0, 2)), params.take([2, 3]), params.take(4)])
    for a, b in zip(again, params, strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("size", [(1, 2), (2, 3)])
def test_the_search_itself_is_blind_to_order_and_repetition(size):
    # Not only the estimate: the optima on the way, and who found them.
    X, y = problem_of(11, size, {})
    weight = np.random.default_rng(0).integers(1, 4, size=len(y))
    order = np.random.default_rng(1).permutation(weight.sum())
    weighted = fit(X, y, size[1], sample_weight=weight).search_
    X, y = np.repeat(X, weight, 0)[order], np.repeat(y, weight)[order]
    repeated = fit(X, y, size[1]).search_
    assert weighted["rounds"] == repeated["rounds"]
    for ours, theirs in zip(weighted["optima"], repeated["optima"], strict=True):
        assert ours["hits"] == theirs["hits"]
        assert ours["arms"] == theirs["arms"]
        assert_allclose(ours["log_likelihood"], theirs["log_likelihood"], rtol=1e-8)
