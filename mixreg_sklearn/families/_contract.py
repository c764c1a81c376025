"""The contract of a family, as a check for families of any origin."""

from functools import partial
from itertools import combinations_with_replacement

import numpy as np
from scipy import stats
from sklearn.base import clone

from ._case import Case, has
from ._scales import ScaleRule

_LEVELS = np.array([1e-6, 0.01, 0.2, 0.5, 0.9, 0.999])


def check_family(family, eta, scale=(0.3, 0.6), *, support=None, seed=0, **row_data):
    """Assert that a family keeps its promises to the engine.

    The density sums or integrates to one over the support; `evaluate` and `local`, with
    `base` added, equal `log_density` and its finite differences; the information equals
    the expectation of the second derivative; mean, variance, sample and, where there
    are any, cdf and quantile belong to the density; the update of the constants ends at
    their maximum likelihood estimate; responses outside the support are refused, and
    predictors that are `outside` have density zero.

    Where responses may be bounds, probabilities of intervals are those of the cdf. At
    `limits` they are positive; moments, cdf and sample are then of the `latent` family.

    Parameters
    ----------
    family : Family
    eta : array_like of shape (points,), or (points, L) for L predictors
        Linear predictors at which to check, inside their range. Sums and integrals are
        numerical: choose values that give the distribution an ordinary spread.
    scale : array_like of shape (points,), or (points, S), default=(0.3, 0.6)
        Constants at which to check, each with every `eta`.
    support : tuple of float, default=None
        Bounds of the response, where row data make them narrower than the family's
        `support`.
    seed : int, default=0
        Of the draws.
    **row_data : float
        Of all rows, for a family that declares any: ``trials=7``.

    Raises
    ------
    AssertionError
        Naming the promise that is broken.

    Examples
    --------
    >>> from mixreg_sklearn.families import Gaussian, check_family
    >>> check_family(Gaussian(), eta=[-1.0, 0.5])
    """
    case = Case(family, eta, scale, support, row_data, seed)
    _check_declarations(case)
    _check_range(case)
    _check_outside(case)
    _check_local(case, case.y)
    if family.errors is not None and family.response_columns == 2:
        _check_intervals(case)
    _check_evaluation(case)
    _check_density(case)
    if has(family, "cdf") and has(family, "quantile"):
        _check_distribution(case)
    _check_sample(case)
    _check_shapes(case)
    _check_bounds(case)
    if family.constants:
        for tied in (False, True, np.array([[True]])):
            _check_update(case, tied)


def _check_declarations(case):
    family = case.family
    assert _params(clone(family)) == _params(family), "clone keeps parameters"
    assert case.n_predictors, "there is a predictor"
    assert len(set(case.names)) == len(case.names), "names are different"
    for constant in family.constants:
        assert 0 <= constant.lower < constant.upper, f"bounds of {constant.name}"
        inside = constant.lower <= constant.start <= constant.upper
        assert inside, f"start of {constant.name} is within its bounds"
    whole = (case.y == np.floor(case.y)).all()
    assert whole == case.lattice, "support.lattice says whether responses are whole"


def _check_bounds(case):
    """An estimate may lie at the bounds of constants."""
    for s, constant in enumerate(case.family.constants):
        for bound in (constant.lower, constant.upper):
            if not 0 < bound < np.inf:
                continue
            point = case.point.copy()
            point[case.n_predictors + s] = np.log(bound)
            arrays = _arrays(case.local(case.y, point))
            finite = all(np.isfinite(values).all() for values in arrays)
            assert finite, f"local is finite at the bound {bound:g} of {constant.name}"


def _params(family):
    """Parameters, and the classes of families among them."""
    return {
        name: type(value) if hasattr(value, "get_params") else value
        for name, value in family.get_params().items()
    }


def _check_range(case):
    family, (low, high) = case.family, case.support
    family.check_target(case.y)
    outside = [low - 1, low + 0.5] if case.lattice else [low - 1, low, high, high + 1]
    for value in filter(np.isfinite, outside):
        assert not family.admits(np.array([value])).any(), f"admits refuses y={value}"
        try:
            family.check_target(np.append(case.y, value))
        except ValueError:
            continue
        raise AssertionError(f"check_target refuses y={value}")
    origin, unit = family.units(case.target(case.y), np.ones(len(case.y)), True)
    assert np.isfinite(origin), "the origin of the response is a number"
    assert unit > 0, "the unit of measurement of the response is positive"
    initial = family.initial(case.target(case.y))
    rows = (case.n_predictors, len(case.y))[case.n_predictors == 1 :]
    assert initial.shape == rows, "initial gives one number a row, for each predictor"
    assert np.isfinite(initial).all(), "initial is finite"


def _check_outside(case):
    """Where predictors are outside, `log_density` is minus infinity."""
    outside = case.family.outside(case.arguments()[0])
    assert not np.any(outside), "no eta of the check is outside"
    for wild in (-1e3, -3.0, 0.0, 3.0, 1e3):
        point = case.point.copy()
        point[: case.n_predictors] = wild
        outside = case.family.outside(case.arguments(point, len(case.y))[0])
        if outside is None or not np.any(outside):
            continue
        local = case.local(case.y, point)
        assert outside.shape == local.log_density.shape, "outside is (C, B)"
        for values in (local.log_density, *local.slope):
            assert np.isfinite(values).all(), "local is finite outside"
        density = np.broadcast_to(case.log_density(case.y, point), outside.shape)
        assert np.isneginf(density[outside]).all(), "the density is zero outside"


def _check_local(case, y):
    names, exact = case.names, case.local(y)
    assert len(exact.slope) == len(names), "local has a slope for every coordinate"
    n_pairs = len(names) * (len(names) + 1) // 2
    assert len(exact.bend) == n_pairs, "local has a bend for every pair"
    total = exact.log_density + case.base(y)
    _close(total, case.log_density(y), "log_density of local + base")
    bends = _bends(exact)
    for e, name in enumerate(names):
        numeric = _difference(lambda t, e=e: case.log_density(y, case.moved(e, t)))
        _close(exact.slope[e], numeric, f"slope of {name}", 1e-6)
    for e, name in enumerate(names):
        numeric = _difference(
            lambda t, e=e: np.stack(case.local(y, case.moved(e, t)).slope)
        )
        for f, other in enumerate(names):
            _close(bends[e, f], numeric[f], f"bend of {name} and {other}", 1e-6)


def _check_intervals(case):
    """Bounds at levels of the first point, of which some are open and some close."""
    levels = np.array([(0, 0.3), (0.3, 1), (0.01, 0.9), (0.5, 0.51), (0.999, 1)])
    bounds = case.moment("quantile", levels.ravel())[0].reshape(levels.shape)
    case.family.check_target(bounds)
    lower, upper = bounds.T
    probability = case.moment("cdf", upper) - case.moment("cdf", lower)
    _close(np.exp(case.log_density(bounds)), probability, "P of an interval", 1e-9)
    _check_local(case, bounds)


def _bends(local):
    """Second derivatives (E, E, C, B) from the upper triangle of `local`."""
    E = len(local.slope)
    bends = np.zeros((E, E, *local.log_density.shape))
    pairs = combinations_with_replacement(range(E), 2)
    for (e, f), bend in zip(pairs, local.bend, strict=True):
        bends[e, f] = bends[f, e] = 0.0 if bend is None else bend
    return bends


def _check_evaluation(case):
    y, log_prior = case.y, np.log(0.3) + 0.1 * case.point[0]
    at = case.evaluate(y, log_prior)
    joint = case.log_density(y) + log_prior
    _close(at.log_joint + case.base(y), joint, "log_joint + base")
    scores = case.local(y).slope[: case.n_predictors]
    scores = scores if case.n_predictors > 1 else scores[0]
    _close(at.raw_score * at.factor, scores, "score = slope", 1e-6)
    assert np.all(at.raw_information >= 0), "information is not negative"
    for values in at.statistic:
        assert np.shape(values) == joint.shape, "statistics are (C, B)"
        assert np.isfinite(values).all(), "statistics are finite"


def _check_density(case):
    """Total, moments, information and the identities of Bartlett (1953)."""
    y, weight = case.nodes()
    probability = np.exp(case.log_density(y)) * weight

    def expect(values):
        products = np.where(probability > 0, probability * values, 0)
        return products.sum(axis=-1, keepdims=True)

    _close(expect(1.0), 1.0, "the density sums to one", 1e-8)
    mean, variance = case.moment("mean"), case.moment("variance")
    if not case.limited:
        _close(expect(y), mean, "mean", 1e-8)
        _close(expect((y - mean) ** 2), variance, "variance", 1e-7)
    with np.errstate(all="ignore"):
        at, local = case.evaluate(y, 0.0), case.local(y)
    information = expect(at.raw_information * at.factor**2)
    information = np.broadcast_to(information, (case.n_predictors, len(mean), 1))
    bends = _bends(local)
    for e, name in enumerate(case.names):
        square = expect(local.slope[e] ** 2)
        zero = np.abs(expect(local.slope[e])) < 1e-7 * np.sqrt(square)
        assert zero.all(), f"E[slope] = 0 of {name}"
        for f, other in list(enumerate(case.names))[e:]:
            both, second = expect(local.slope[e] * local.slope[f]), -expect(bends[e, f])
            what = f"-E[bend] = E[slopes] of {name} and {other}"
            _close(second, both, what, 1e-6, 1e-6 * (1 + np.abs(both).max()))
        if e < case.n_predictors and case.limited:
            # Steps that are twice too long converge no more.
            enough = (information[e] > 0.5 * square).all()
            assert enough, "information > E[slope^2] / 2"
        elif e < case.n_predictors:
            second = -expect(bends[e, e])
            _close(information[e], second, "information = -E[bend]", 1e-6)
            _close(information[e], square, "information = E[slope^2]", 1e-6)


def _check_distribution(case):
    cdf, quantile = partial(case.moment, "cdf"), partial(case.moment, "quantile")
    points = quantile(_LEVELS)
    if case.lattice:
        y, _ = case.nodes()
        total = np.cumsum(np.exp(case.log_density(y)), axis=1)
        _close(cdf(y), total, "cdf", 0, 1e-11)
        _close(cdf(y + 0.5), cdf(y), "cdf between counts", 1e-7, 0)
        assert (cdf(points) >= _LEVELS).all(), "cdf(quantile(u)) >= u"
        assert (cdf(points - 1) < _LEVELS).all(), "the quantile is the smallest"
    else:
        levels = _LEVELS * np.ones_like(points)
        _close(cdf(points), levels, "cdf(quantile(u)) = u", 1e-8)
        inner = points[:, 1:-1]
        reach = np.diff(points, axis=1).min(axis=1, keepdims=True)
        slope = _difference(lambda t: cdf(inner + t * reach)) / reach
        rows = [
            case.latent_density(row, case.point[:, [c]]) for c, row in enumerate(inner)
        ]
        _close(slope, np.exp(np.concatenate(rows)), "d cdf / d y = density", 1e-6)
    low, high = case.support
    assert (quantile(1.0) == high).all(), "quantile(1) is the upper bound"
    assert (quantile(0.0) == low).all(), "quantile(0) is the lower bound"
    if np.isfinite(low):
        below = np.array([low - 1.0])
        assert (cdf(below) == 0).all(), "cdf is zero below the range"
        zero = np.isneginf(case.latent_density(below)).all()
        assert zero, "the density is zero below the range"


def _check_sample(case):
    n = 20_000
    draws = case.sample(n)
    assert draws.shape == (case.point.shape[1], n), "sample is (C, B)"
    case.family.check_target(draws.ravel())
    mean, variance = case.moment("mean"), case.moment("variance")
    error = (draws.mean(1, keepdims=True) - mean) / np.sqrt(variance / n)
    assert (np.abs(error) < 5).all(), "mean of the sample"
    if not has(case.family, "cdf"):
        return
    for c, row in enumerate(draws):
        # The test of Kolmogorov and Smirnov is conservative for a step function.
        values, counts = np.unique(row, return_counts=True)
        after = np.cumsum(counts) / n
        arguments = case.arguments(case.point[:, [c]])
        expected = case.family.cdf(values, *arguments, **case.row_data)
        gap = np.abs(after - expected).max()
        if not case.lattice:
            gap = max(gap, np.abs(after - counts / n - expected).max())
        assert stats.kstwobign.sf(gap * np.sqrt(n)) > 1e-4, "cdf of the sample"


def _check_shapes(case):
    """Rows by components, or restarts by components by rows, change nothing."""
    target, expected = case.target(case.y), case.log_density(case.y)
    turned = case.arguments(case.point.swapaxes(1, 2))
    turned = case.family.log_density(target[..., :, None], *turned)
    _close(turned.T, expected, "log_density of rows by components")
    full = case.arguments(n_rows=len(case.y))
    twice = (np.stack([values] * 2, axis=-3) for values in full)
    stacked = _arrays(case.family.local(target, *twice))
    for deep, plain in zip(stacked, _arrays(case.local(case.y)), strict=True):
        assert deep.shape == (2, *expected.shape), "local is of full shape"
        _close(deep[1], plain, "local of a batch")


def _arrays(local):
    bends = [bend for bend in local.bend if bend is not None]
    return [local.log_density, *local.slope, *bends]


def _check_update(case, tied):
    """Repeated updates end at the constants of maximum likelihood."""
    family, n, rng, first = case.family, 400, case.rng, case.n_predictors
    ends = np.stack([case.point.min(axis=1), case.point.max(axis=1)], axis=1)
    truth = np.exp(ends[first:])
    low, high = ends[:first].swapaxes(0, 1)[..., None]
    eta = rng.uniform(low, high, (first, 2, n))
    of = rng.integers(2, size=n)
    drawn = case.natural(eta[:, of, np.arange(n)], truth[:, of, 0])
    target = case.target(family.sample(*drawn, rng, **case.row_data))
    weight = np.where(of == [[0], [1]], 0.9, 0.1) * rng.uniform(0.5, 2, n)
    constants = np.sqrt(truth.prod(axis=1)).T.repeat(2, axis=0)[None]
    rules, no_gain = (ScaleRule(tied),) * len(truth), np.zeros((1, 2, first))
    for _ in range(100):
        arguments = case.natural(eta.copy(), constants[0].T[:, :, None])
        at = family.evaluate(target, *arguments, 0.0)
        statistic = np.stack([(weight * s).sum(axis=1) for s in at.statistic], axis=-1)
        constants = family.update_constants(
            constants, weight.sum(1)[None], statistic[None], no_gain, rules
        )
    local = family.local(target, *case.natural(eta, constants[0].T[:, :, None]))
    # At a maximum the next step of Newton's method is zero.
    gradient = (weight * np.stack(local.slope[first:])).sum(axis=-1).T
    hessian = (weight * _bends(local)[first:, first:]).sum(axis=-1).transpose(2, 0, 1)
    if np.any(tied):
        gradient = gradient.sum(axis=0, keepdims=True)
        hessian = hessian.sum(axis=0, keepdims=True)
    message = "update_constants ends at the maximum"
    assert (np.linalg.eigvalsh(hessian) < 0).all(), message
    step = np.linalg.solve(hessian, gradient[..., None])
    assert (np.abs(step) < 1e-6).all(), message


def _difference(function, step=1e-3):
    """Derivative at zero, of fourth order in the step."""
    near = function(step) - function(-step)
    far = function(2 * step) - function(-2 * step)
    return (8 * near - far) / (12 * step)


def _close(actual, desired, what, rtol=1e-10, atol=None):
    if atol is None:
        atol = rtol * np.abs(desired).max() * 1e-2
    np.testing.assert_allclose(actual, desired, rtol=rtol, atol=atol, err_msg=what)
