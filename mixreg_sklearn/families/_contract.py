"""The contract of a family, as a check that anyone can run on a family of his own."""

import numpy as np
from scipy import optimize, special, stats
from sklearn.base import clone

from ._base import Family
from ._scales import ScaleRule

_LEVELS = np.array([1e-6, 0.01, 0.2, 0.5, 0.9, 0.999])
# Counts are summed up to here.
_MOST = 5000


def check_family(
    family,
    eta,
    scale=(0.3, 0.6),
    *,
    support=(-np.inf, np.inf),
    discrete=False,
    trials=None,
    seed=0,
):
    """Assert that a family keeps its promises to the engine.

    The density sums or integrates to one; `evaluate` and `derivatives`, with `base`
    added, equal `log_density` and its finite differences; the information equals the
    expectation of the second derivative; mean, variance, sample and, where there are
    any, cdf and quantile belong to the density; the update of the scale ends at its
    maximum likelihood estimate; responses outside the range are refused.

    Parameters
    ----------
    family : Family
    eta : array_like
        Linear predictors at which to check, inside their range. Sums and integrals are
        numerical: choose values that give the distribution an ordinary spread.
    scale : array_like, default=(0.3, 0.6)
        Scales at which to check, each with every `eta`.
    support : tuple of float, default=(-inf, inf)
        Bounds of the response; a finite one is itself admissible in counts only.
    discrete : bool, default=False
        Whether responses are whole numbers.
    trials : int or None, default=None
        For a family whose `target` takes trials.
    seed : int, default=0
        Of the draws.

    Raises
    ------
    AssertionError
        Naming the promise that is broken.

    Examples
    --------
    >>> from mixreg_sklearn.families import Gaussian, check_family
    >>> check_family(Gaussian(), eta=[-1.0, 0.5])
    """
    case = _Case(family, eta, scale, support, discrete, trials, seed)
    _check_estimator(case)
    _check_range(case)
    _check_evaluation(case)
    _check_derivatives(case)
    _check_density(case)
    if _has(family, "cdf") and _has(family, "quantile"):
        _check_distribution(case)
    _check_sample(case)
    _check_shapes(case)
    if family.n_scale:
        for tied in (False, True, np.array([[True]])):
            _check_scale(case, tied)


def _has(family, method):
    return getattr(type(family), method) is not getattr(Family, method)


class _Case:
    """A family at every pair of linear predictor and scale, one column (C, 1) each."""

    def __init__(self, family, eta, scale, support, discrete, trials, seed):
        self.family, self.support, self.discrete = family, support, discrete
        self.trials = trials
        self.keywords = {} if trials is None else {"trials": trials}
        eta, scale = np.meshgrid(np.asarray(eta, float), np.asarray(scale, float))
        self.eta, self.scale = eta.reshape(-1, 1), scale.reshape(-1, 1)
        self.rng = np.random.default_rng(seed)
        draws = family.sample(
            np.repeat(self.eta, 8, 1), self.scale, self.rng, **self.keywords
        )
        self.y = np.unique(draws)

    def target(self, y):
        """What the family makes of responses."""
        trials = None if self.trials is None else np.full(len(y), float(self.trials))
        return self.family.target(y, trials)

    def columns(self, y):
        """Linear predictors of full shape (C, n)."""
        return np.repeat(self.eta, len(y), axis=1)

    def log_density(self, y, eta=None, scale=None):
        eta = self.eta if eta is None else eta
        scale = self.scale if scale is None else scale
        return self.family.log_density(self.target(y), eta, scale)

    def base(self, y):
        """The response's own part of the log-density, (n,)."""
        base = np.asarray(self.family.base(self.target(y)))
        assert base.shape in ((), y.shape), "base is 0.0 or one number a row"
        return base

    def nodes(self):
        """Responses and weights by which sums over them are integrals.

        The trapezoidal rule on the whole line converges exponentially after a change
        of variables that makes the integrand die out at both ends.
        """
        low, high = self.support
        if self.discrete:
            y = np.arange(low, min(high, _MOST) + 1.0)
            return y, np.ones_like(y)
        s, step = np.linspace(-60, 60, 24001, retstep=True)
        if np.isfinite(low) and np.isfinite(high):
            s = s * 0.6
            y, slope = special.expit(s), special.expit(s) * special.expit(-s) * 0.6
            y, slope = low + (high - low) * y, (high - low) * slope
        elif np.isfinite(low):
            y, slope = low + np.exp(s), np.exp(s)
        elif np.isfinite(high):
            y, slope = high - np.exp(s), np.exp(s)
        else:
            y, slope = np.sinh(s / 2), 0.5 * np.cosh(s / 2)
        return y, slope * step


def _check_estimator(case):
    copy = clone(case.family)
    assert copy.get_params() == case.family.get_params(), "clone keeps the parameters"
    assert case.family.n_scale in (0, 1), "n_scale is 0 or 1"
    assert isinstance(case.family.bounded, bool), "bounded is True or False"


def _check_range(case):
    low, high = case.support
    case.family.check_target(case.y)
    outside = [low - 1] if np.isfinite(low) else []
    if not case.discrete:
        outside += [bound for bound in (low, high) if np.isfinite(bound)]
        outside += [high + 1] if np.isfinite(high) else []
    else:
        outside += [low + 0.5]
    for value in outside:
        y = np.append(case.y, value)
        assert _refuses(case.family, y), f"check_target refuses y={value}"
    origin, unit = case.family.units(case.target(case.y), np.ones(len(case.y)), True)
    assert np.isfinite(origin), "the origin of the units is a number"
    assert unit > 0, "the unit is positive"
    initial = case.family.initial(case.target(case.y))
    assert initial.shape == case.y.shape, "initial gives one number a row"
    assert np.isfinite(initial).all(), "initial is finite"


def _refuses(family, y):
    try:
        family.check_target(y)
    except ValueError:
        return True
    return False


def _check_evaluation(case):
    y, log_prior = case.y, np.log(0.3) + 0.1 * case.eta
    at = case.family.evaluate(case.target(y), case.columns(y), case.scale, log_prior)
    joint = case.log_density(y) + log_prior
    _close(at.log_joint + case.base(y), joint, "log_joint + base")
    score = _difference(lambda t: case.log_density(y, case.eta + t))
    _close(at.raw_score * at.unit, score, "score = d log f / d eta", 1e-6)
    information = np.broadcast_to(at.raw_information, score.shape)
    assert (information >= 0).all(), "information is not negative"
    for values in at.statistic:
        assert np.shape(values) == score.shape, "statistics are (C, B)"
        assert np.isfinite(values).all(), "statistics are finite"


def _check_derivatives(case):
    y = case.y

    def at(t=0.0, s=0.0):
        scale = case.scale * np.exp(s)
        return case.family.derivatives(case.target(y), case.columns(y) + t, scale)

    exact = at()
    total = exact.log_density + case.base(y)
    _close(total, case.log_density(y), "log_density of derivatives + base")
    along_eta = {
        "eta": lambda t: case.log_density(y, case.eta + t),
        "eta_eta": lambda t: at(t=t).eta,
        "eta_scale": lambda t: at(t=t).scale,
    }
    along_scale = {
        "scale": lambda s: case.log_density(y, scale=case.scale * np.exp(s)),
        "eta_scale": lambda s: at(s=s).eta,
        "scale_scale": lambda s: at(s=s).scale,
    }
    for functions in (along_eta, along_scale):
        for name, function in functions.items():
            numeric = _difference(function)
            _close(getattr(exact, name), numeric, f"derivative {name}", 1e-6)


def _check_density(case):
    """Total, moments, information and the identities of Bartlett (1953)."""
    y, weight = case.nodes()
    eta = case.columns(y)
    probability = np.exp(case.log_density(y)) * weight

    def expect(values):
        values = np.broadcast_to(values, probability.shape)
        return np.where(probability > 0, probability * values, 0).sum(1, keepdims=True)

    _close(expect(1.0), 1.0, "the density sums to one", 1e-8)
    mean, variance = _moments(case)
    _close(expect(y), mean, "mean", 1e-8)
    _close(expect((y - mean) ** 2), variance, "variance", 1e-7)
    with np.errstate(all="ignore"):
        at = case.family.evaluate(case.target(y), eta.copy(), case.scale, 0.0)
        slopes = case.family.derivatives(case.target(y), eta, case.scale)
    information = expect(at.raw_information * at.unit**2)
    _close(information, -expect(slopes.eta_eta), "information = -E[d2]", 1e-6)
    _close(information, expect(slopes.eta**2), "information = E[score^2]", 1e-6)
    size = np.sqrt(information)
    assert (np.abs(expect(slopes.eta)) < 1e-7 * size).all(), "E[score] = 0"
    for second, product, name in (
        (slopes.scale_scale, slopes.scale**2, "scale"),
        (slopes.eta_scale, slopes.eta * slopes.scale, "eta and scale"),
    ):
        both = expect(product)
        atol = 1e-6 * (1 + np.abs(both).max())
        np.testing.assert_allclose(
            -expect(second), both, rtol=1e-6, atol=atol, err_msg=f"-E[d2] in {name}"
        )


def _moments(case):
    arguments = (case.eta, case.scale)
    mean = case.family.mean(*arguments, **case.keywords)
    return mean, case.family.variance(*arguments, **case.keywords)


def _check_distribution(case):
    def cdf(y, eta=case.eta):
        return case.family.cdf(y, eta, case.scale, **case.keywords)

    def quantile(u):
        return case.family.quantile(u, case.eta, case.scale, **case.keywords)

    points = quantile(_LEVELS)
    if case.discrete:
        y, _ = case.nodes()
        total = np.cumsum(np.exp(case.log_density(y)), axis=1)
        np.testing.assert_allclose(cdf(y), total, rtol=0, atol=1e-11, err_msg="cdf")
        np.testing.assert_allclose(cdf(y + 0.5), cdf(y), err_msg="cdf between counts")
        assert (cdf(points) >= _LEVELS).all(), "cdf(quantile(u)) >= u"
        assert (cdf(points - 1) < _LEVELS).all(), "the quantile is the smallest"
    else:
        _close(
            cdf(points), _LEVELS * np.ones_like(points), "cdf(quantile(u)) = u", 1e-8
        )
        inner = points[:, 1:-1]
        reach = np.diff(points, axis=1).min(axis=1, keepdims=True)
        slope = _difference(lambda t: cdf(inner + t * reach)) / reach
        density = np.exp(
            np.stack(
                [
                    case.log_density(row, eta, scale)
                    for row, eta, scale in zip(inner, case.eta, case.scale, strict=True)
                ]
            )
        )
        _close(slope, density, "d cdf / d y = density", 1e-6)
    low, high = case.support
    assert (quantile(1.0) == high).all(), "quantile(1) is the upper bound"
    assert (quantile(0.0) == low).all(), "quantile(0) is the lower bound"
    if np.isfinite(low):
        assert (cdf(np.array([low - 1.0])) == 0).all(), "cdf is zero below the range"
        assert np.isneginf(case.log_density(np.array([low - 1.0]))).all(), (
            "the density is zero below the range"
        )


def _check_sample(case):
    n = 20_000
    eta = np.repeat(case.eta, n, axis=1)
    draws = case.family.sample(eta, case.scale, case.rng, **case.keywords)
    assert draws.shape == eta.shape, "sample has the shape of eta"
    case.family.check_target(draws)
    mean, variance = _moments(case)
    error = (draws.mean(1, keepdims=True) - mean) / np.sqrt(variance / n)
    assert (np.abs(error) < 5).all(), "mean of the sample"
    if not _has(case.family, "cdf"):
        return
    for row, e, phi in zip(draws, case.eta, case.scale, strict=True):

        def cdf(y, e=e, phi=phi):
            return case.family.cdf(y, e, phi, **case.keywords)

        # In steps, the test of Kolmogorov and Smirnov errs to the safe side.
        values, counts = np.unique(row, return_counts=True)
        after = np.cumsum(counts) / n
        gap = np.abs(after - cdf(values)).max()
        if not case.discrete:
            gap = max(gap, np.abs(after - counts / n - cdf(values)).max())
        assert stats.kstwobign.sf(gap * np.sqrt(n)) > 1e-4, "cdf of the sample"


def _check_shapes(case):
    """Rows by components, or restarts by components by rows, change nothing."""
    y = case.y
    target = case.target(y)
    expected = case.family.log_density(target, case.eta, case.scale)
    turned = case.family.log_density(target[..., :, None], case.eta.T, case.scale.T)
    _close(turned.T, expected, "log_density of rows by components")
    stacked = case.family.derivatives(
        target, np.stack([case.columns(y)] * 2), np.stack([case.scale] * 2)
    )
    flat = case.family.derivatives(target, case.columns(y), case.scale)
    for name, deep, plain in zip(flat._fields, stacked, flat, strict=True):
        assert deep.shape == (2, *expected.shape), f"shape of {name}"
        _close(deep[1], plain, f"{name} of a batch")


def _check_scale(case, tied):
    """Repeated updates end at the scales of maximum likelihood."""
    family, n, rng = case.family, 400, case.rng
    eta = rng.uniform(case.eta.min(), case.eta.max(), (2, n))
    truth = np.array([[case.scale.min()], [case.scale.max()]])
    of = rng.integers(2, size=n)
    y = family.sample(eta[of, np.arange(n)], truth[of, 0], rng, **case.keywords)
    target = case.target(y)
    weight = np.where(of == [[0], [1]], 0.9, 0.1) * rng.uniform(0.5, 2, n)
    scale = np.sqrt(truth.prod(axis=0, keepdims=True)).repeat(2, axis=1)
    for _ in range(100):
        at = family.evaluate(target, eta.copy(), scale.reshape(2, 1), 0.0)
        statistic = np.stack([(weight * s).sum(axis=1) for s in at.statistic], axis=-1)
        scale = family.update_scale(
            scale,
            weight.sum(1)[None],
            statistic[None],
            np.zeros((1, 2)),
            ScaleRule(tied),
        )

    def loss(log_scale, k):
        values = family.log_density(target, eta[k], np.exp(log_scale))
        return -(weight[k] * values).sum()

    groups = [slice(0, 2)] if np.any(tied) else [slice(0, 1), slice(1, 2)]
    for group in groups:
        best = optimize.minimize_scalar(
            loss,
            bounds=(-6, 4),
            args=(group,),
            method="bounded",
            options={"xatol": 1e-9},
        )
        _close(
            scale[0, group], np.exp(best.x), "update_scale ends at the maximum", 1e-6
        )


def _difference(function, step=1e-3):
    """Derivative at zero, of fourth order in the step."""
    near = function(step) - function(-step)
    far = function(2 * step) - function(-2 * step)
    return (8 * near - far) / (12 * step)


def _close(actual, desired, what, rtol=1e-10):
    desired = np.asarray(desired)
    atol = rtol * np.abs(desired).max() * 1e-2
    np.testing.assert_allclose(actual, desired, rtol=rtol, atol=atol, err_msg=what)
