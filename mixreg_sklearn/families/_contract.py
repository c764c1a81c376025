"""The contract of a family, as a check that anyone can run on one of their own."""

from itertools import combinations_with_replacement

import numpy as np
from scipy import stats
from sklearn.base import clone

from ._base import Family
from ._case import Case
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
    _check_local(case)
    _check_evaluation(case)
    _check_density(case)
    if _has(family, "cdf") and _has(family, "quantile"):
        _check_distribution(case)
    _check_sample(case)
    _check_shapes(case)
    if family.constants:
        for tied in (False, True, np.array([[True]])):
            _check_update(case, tied)


def _has(family, method):
    return getattr(type(family), method) is not getattr(Family, method)


def _check_declarations(case):
    family = case.family
    copy = clone(family)
    assert copy.get_params() == family.get_params(), "clone keeps the parameters"
    assert case.n_predictors, "there is a predictor"
    assert len(set(case.names)) == len(case.names), "names are different"
    for constant in family.constants:
        assert 0 <= constant.lower < constant.upper, f"bounds of {constant.name}"
        inside = constant.lower <= constant.start <= constant.upper
        assert inside, f"start of {constant.name} is within its bounds"
    whole = (case.y == np.floor(case.y)).all()
    assert whole == case.lattice, "support.lattice says whether responses are whole"


def _check_range(case):
    low, high = case.support
    case.family.check_target(case.y)
    outside = [low - 1] if np.isfinite(low) else []
    if not case.lattice:
        outside += [bound for bound in (low, high) if np.isfinite(bound)]
        outside += [high + 1] if np.isfinite(high) else []
    else:
        outside += [low + 0.5]
    for value in outside:
        y = np.append(case.y, value)
        assert _refuses(case.family, y), f"check_target refuses y={value}"
        assert not case.family.admits(np.array([value])).any(), f"admits not y={value}"
    origin, unit = case.family.units(case.target(case.y), np.ones(len(case.y)), True)
    assert np.isfinite(origin), "the origin of the units is a number"
    assert unit > 0, "the unit is positive"
    initial = case.family.initial(case.target(case.y))
    rows = (case.n_predictors, len(case.y))[case.n_predictors == 1 :]
    assert initial.shape == rows, "initial gives one number a row, for each predictor"
    assert np.isfinite(initial).all(), "initial is finite"


def _refuses(family, y):
    try:
        family.check_target(y)
    except ValueError:
        return True
    return False


def _check_outside(case):
    """There the density is zero, by `log_density` alone."""
    assert not np.any(case.family.outside(case.arguments()[0])), (
        "no eta of the check is outside"
    )
    for wild in (-1e3, -3.0, 0.0, 3.0, 1e3):
        point = case.point.copy()
        point[: case.n_predictors] = wild
        outside = case.family.outside(case.full(case.y, point)[0])
        if outside is None or not np.any(outside):
            continue
        local = case.local(case.y, point)
        assert outside.shape == local.log_density.shape, "outside is (C, B)"
        for values in (local.log_density, *local.slope):
            assert np.isfinite(values).all(), "local is finite outside"
        density = np.broadcast_to(case.log_density(case.y, point), outside.shape)
        assert np.isneginf(density[outside]).all(), "the density is zero outside"


def _check_local(case):
    y, names = case.y, case.names
    exact = case.local(y)
    each = range(len(names))
    pairs = list(combinations_with_replacement(each, 2))
    assert len(exact.slope) == len(each), "local has a slope for every coordinate"
    assert len(exact.bend) == len(pairs), "local has a bend for every pair"
    total = exact.log_density + case.base(y)
    _close(total, case.log_density(y), "log_density of local + base")
    for e in each:
        numeric = _difference(lambda t, e=e: case.log_density(y, case.moved(e, t)))
        _close(exact.slope[e], numeric, f"slope of {names[e]}", 1e-6)
    for (e, f), bend in zip(pairs, exact.bend, strict=True):
        for a, b in {(e, f), (f, e)}:
            numeric = _difference(
                lambda t, a=a, b=b: case.local(y, case.moved(a, t)).slope[b]
            )
            bend = np.zeros_like(numeric) if bend is None else bend
            _close(bend, numeric, f"bend of {names[e]} and {names[f]}", 1e-6)


def _check_evaluation(case):
    y, log_prior = case.y, np.log(0.3) + 0.1 * case.point[0]
    at = case.evaluate(y, log_prior)
    joint = case.log_density(y) + log_prior
    _close(at.log_joint + case.base(y), joint, "log_joint + base")
    scores = case.local(y).slope[: case.n_predictors]
    scores = scores if case.n_predictors > 1 else scores[0]
    _close(at.raw_score * at.unit, scores, "score = slope", 1e-6)
    information = np.broadcast_to(at.raw_information, np.shape(scores))
    assert (information >= 0).all(), "information is not negative"
    for values in at.statistic:
        assert np.shape(values) == joint.shape, "statistics are (C, B)"
        assert np.isfinite(values).all(), "statistics are finite"


def _check_density(case):
    """Total, moments, information and the identities of Bartlett (1953)."""
    y, weight = case.nodes()
    probability = np.exp(case.log_density(y)) * weight

    def expect(values):
        values = np.broadcast_to(values, (*np.shape(values)[:-2], *probability.shape))
        products = np.where(probability > 0, probability * values, 0)
        return products.sum(axis=-1, keepdims=True)

    _close(expect(np.ones((1, 1))), 1.0, "the density sums to one", 1e-8)
    mean, variance = case.moment("mean")(), case.moment("variance")()
    _close(expect(y[None]), mean, "mean", 1e-8)
    _close(expect((y - mean) ** 2), variance, "variance", 1e-7)
    with np.errstate(all="ignore"):
        at, local = case.evaluate(y, 0.0), case.local(y)
    raw = np.atleast_2d(at.raw_information)
    information = np.broadcast_to(
        expect(raw * at.unit**2), (case.n_predictors, len(mean), 1)
    )
    pairs = combinations_with_replacement(range(len(case.names)), 2)
    for (e, f), bend in zip(pairs, local.bend, strict=True):
        both = expect(local.slope[e] * local.slope[f])
        second = -expect(np.zeros((1, 1)) if bend is None else bend)
        atol = 1e-6 * (1 + np.abs(both).max())
        name = f"{case.names[e]} and {case.names[f]}"
        np.testing.assert_allclose(
            second,
            both,
            rtol=1e-6,
            atol=atol,
            err_msg=f"-E[bend] = E[slopes] of {name}",
        )
        if e != f:
            continue
        size = np.sqrt(both)
        zero = np.abs(expect(local.slope[e])) < 1e-7 * size
        assert zero.all(), f"E[slope] = 0 of {case.names[e]}"
        if e < case.n_predictors:
            _close(information[e], second, "information = -E[bend]", 1e-6)
            _close(information[e], both, "information = E[slope^2]", 1e-6)


def _check_distribution(case):
    cdf, quantile = case.moment("cdf"), case.moment("quantile")
    points = quantile(_LEVELS)
    if case.lattice:
        y, _ = case.nodes()
        total = np.cumsum(np.exp(case.log_density(y)), axis=1)
        np.testing.assert_allclose(cdf(y), total, rtol=0, atol=1e-11, err_msg="cdf")
        np.testing.assert_allclose(cdf(y + 0.5), cdf(y), err_msg="cdf between counts")
        assert (cdf(points) >= _LEVELS).all(), "cdf(quantile(u)) >= u"
        assert (cdf(points - 1) < _LEVELS).all(), "the quantile is the smallest"
    else:
        levels = _LEVELS * np.ones_like(points)
        _close(cdf(points), levels, "cdf(quantile(u)) = u", 1e-8)
        inner = points[:, 1:-1]
        reach = np.diff(points, axis=1).min(axis=1, keepdims=True)
        slope = _difference(lambda t: cdf(inner + t * reach)) / reach
        rows = [
            case.log_density(row, case.point[:, [c]]) for c, row in enumerate(inner)
        ]
        _close(slope, np.exp(np.concatenate(rows)), "d cdf / d y = density", 1e-6)
    low, high = case.support
    assert (quantile(1.0) == high).all(), "quantile(1) is the upper bound"
    assert (quantile(0.0) == low).all(), "quantile(0) is the lower bound"
    if np.isfinite(low):
        below = np.array([low - 1.0])
        assert (cdf(below) == 0).all(), "cdf is zero below the range"
        assert np.isneginf(case.log_density(below)).all(), (
            "the density is zero below the range"
        )


def _check_sample(case):
    n = 20_000
    arguments = case.full(np.empty(n))
    draws = case.family.sample(*arguments, case.rng, **case.row_data)
    assert draws.shape == (case.point.shape[1], n), "sample is (C, B)"
    case.family.check_target(draws)
    mean, variance = case.moment("mean")(), case.moment("variance")()
    error = (draws.mean(1, keepdims=True) - mean) / np.sqrt(variance / n)
    assert (np.abs(error) < 5).all(), "mean of the sample"
    if not _has(case.family, "cdf"):
        return
    for c, row in enumerate(draws):
        # In steps, the test of Kolmogorov and Smirnov errs to the safe side.
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
    y, family = case.y, case.family
    target = case.target(y)
    expected = case.log_density(y)
    turned = case.arguments(case.point.swapaxes(1, 2))
    turned = family.log_density(target[..., :, None], *turned)
    _close(turned.T, expected, "log_density of rows by components")
    twice = (np.stack([values] * 2, axis=-3) for values in case.full(y))
    stacked = _arrays(family.local(target, *twice))
    for deep, plain in zip(stacked, _arrays(case.local(y)), strict=True):
        assert deep.shape == (2, *expected.shape), "local is of full shape"
        _close(deep[1], plain, "local of a batch")


def _arrays(local):
    bends = [bend for bend in local.bend if bend is not None]
    return [local.log_density, *local.slope, *bends]


def _check_update(case, tied):
    """Repeated updates end at the constants of maximum likelihood."""
    family, n, rng, first = case.family, 400, case.rng, case.n_predictors
    low, high = (
        case.point.min(axis=1, keepdims=True),
        case.point.max(axis=1, keepdims=True),
    )
    truth = np.exp(np.concatenate([low, high], axis=1)[first:])
    eta = rng.uniform(low[:first], high[:first], (first, 2, n))
    of = rng.integers(2, size=n)
    drawn = case.natural(eta[:, of, np.arange(n)], truth[:, of, 0])
    target = case.target(family.sample(*drawn, rng, **case.row_data))
    weight = np.where(of == [[0], [1]], 0.9, 0.1) * rng.uniform(0.5, 2, n)
    constants = np.sqrt(truth.prod(axis=1)).T.repeat(2, axis=0)[None]
    rules = (ScaleRule(tied),) * len(truth)
    for _ in range(100):
        arguments = case.natural(eta.copy(), constants[0].T[:, :, None])
        at = family.evaluate(target, *arguments, 0.0)
        statistic = np.stack([(weight * s).sum(axis=1) for s in at.statistic], axis=-1)
        constants = family.update_constants(
            constants, weight.sum(1)[None], statistic[None], np.zeros((1, 2)), rules
        )
    arguments = case.natural(eta, constants[0].T[:, :, None])
    _check_maximum(case, family.local(target, *arguments), weight, tied)


def _check_maximum(case, local, weight, tied):
    """The constants are where a Newton step from them is none."""
    n_coordinates, first = len(case.names), case.n_predictors
    gradient = [(weight * slope).sum(axis=1) for slope in local.slope[first:]]
    hessian = np.zeros((n_coordinates, n_coordinates, 2))
    pairs = combinations_with_replacement(range(n_coordinates), 2)
    for (e, f), bend in zip(pairs, local.bend, strict=True):
        if bend is not None:
            hessian[e, f] = hessian[f, e] = (weight * bend).sum(axis=1)
    gradient, hessian = np.transpose(gradient), np.moveaxis(hessian, 2, 0)
    hessian = hessian[:, first:, first:]
    if np.any(tied):
        gradient, hessian = (
            gradient.sum(0, keepdims=True),
            hessian.sum(0, keepdims=True),
        )
    message = "update_constants ends at the maximum"
    assert (np.linalg.eigvalsh(hessian) < 0).all(), message
    step = np.linalg.solve(hessian, gradient[..., None])
    assert (np.abs(step) < 1e-6).all(), message


def _difference(function, step=1e-3):
    """Derivative at zero, of fourth order in the step."""
    near = function(step) - function(-step)
    far = function(2 * step) - function(-2 * step)
    return (8 * near - far) / (12 * step)


def _close(actual, desired, what, rtol=1e-10):
    desired = np.asarray(desired)
    atol = rtol * np.abs(desired).max() * 1e-2
    np.testing.assert_allclose(actual, desired, rtol=rtol, atol=atol, err_msg=what)
