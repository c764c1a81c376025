"""Three small real data sets, and simulated mixtures of regressions."""

from importlib.resources import files
from numbers import Integral, Real

import numpy as np
from sklearn.utils import Bunch, check_array, check_random_state
from sklearn.utils._param_validation import Interval, validate_params

from ._docs import documented

__all__ = ["load_nodata", "load_tone", "load_two_lines", "make_mixture_regression"]

_TWO_LINES = """\
Two lines
=========
200 points on two lines, 100 on each, without labels:

    y = 10 + 3 x + 2 e        component 0
    y =  3 -   x + 0.25 e     component 1

with x uniform on (0, 10) and e standard normal. `component` is the true line of each
row; use it to evaluate a fit.

Source: simulated in R with set.seed(2014), following a public question on Cross
Validated about two lines in one scatter plot.
"""

_TONE = """\
Tone perception
===============
150 trials in which one trained musician tuned an adjustable tone to be an octave above
a fundamental tone. The fundamental had stretched overtones:

    stretchratio   ratio of the second partial to the fundamental; 2 is a natural
                   overtone, other values are stretched or compressed
    tuned          ratio of the tuned tone to the fundamental (the target)

Two theories predict two lines: tuning to the overtones (tuned = stretchratio), and
tuning to a memorized octave (tuned = 2 at any stretch). The musician did both.

Source: Cohen, E. A. (1980). Inharmonic tone perception. PhD thesis, Stanford
University. De Veaux, R. D. (1989). Mixtures of linear regressions. Computational
Statistics & Data Analysis 8, 227-245. Data as in the R package mixtools (tonedata).
"""

_NODATA = """\
NO emissions
============
88 runs of a one-cylinder engine that burns ethanol:

    NO            nitrogen oxide in the exhaust, micrograms per joule
    Equivalence   richness of the mixture of air and ethanol (the target)

A lean and a rich mixture can produce the same concentration of NO: as a function of
NO, the richness has an increasing and a decreasing branch.

Source: Brinkman, N. D. (1981). Ethanol fuel - a single-cylinder engine study of
efficiency and exhaust emissions. SAE Transactions 90, 1410-1424. Hurn, M., Justel, A. &
Robert, C. P. (2003). Estimating mixtures of regressions. Journal of Computational and
Graphical Statistics 12, 55-79. Data as in the R package mixtools (NOdata).
"""


@documented
def load_two_lines(*, return_X_y=False, as_frame=False):
    """Load 200 points on two lines (simulated; regression, one feature).

    The Bunch also has `component` (200,), the true line of each row, 0 or 1.

    {loader}

    Examples
    --------
    >>> from mixreg_sklearn.datasets import load_two_lines
    >>> two_lines = load_two_lines()
    >>> two_lines.data.shape, two_lines.feature_names, two_lines.target_name
    ((200, 1), ['x'], 'y')
    >>> X, y = load_two_lines(return_X_y=True)
    """
    return _load("two_lines", ["x"], "y", _TWO_LINES, return_X_y, as_frame)


@documented
def load_tone(*, return_X_y=False, as_frame=False):
    """Load the tone perception data of Cohen (regression, 150 rows, one feature).

    The response is `tuned`, the feature `stretchratio`, both ratios of frequencies.

    {loader}

    Examples
    --------
    >>> from mixreg_sklearn.datasets import load_tone
    >>> tone = load_tone()
    >>> tone.data.shape, tone.feature_names, tone.target_name
    ((150, 1), ['stretchratio'], 'tuned')
    """
    return _load("tone", ["stretchratio"], "tuned", _TONE, return_X_y, as_frame)


@documented
def load_nodata(*, return_X_y=False, as_frame=False):
    """Load the NO emissions of Brinkman (regression, 88 rows, one feature).

    The response is `Equivalence`, the feature `NO`; "nodata" is "NO data".

    {loader}

    Examples
    --------
    >>> from mixreg_sklearn.datasets import load_nodata
    >>> nodata = load_nodata()
    >>> nodata.data.shape, nodata.feature_names, nodata.target_name
    ((88, 1), ['NO'], 'Equivalence')
    """
    return _load("nodata", ["NO"], "Equivalence", _NODATA, return_X_y, as_frame)


def _load(name, feature_names, target_name, description, return_X_y, as_frame):
    """Read data/{name}.csv; columns other than X and y go into the Bunch."""
    with files(__package__).joinpath("data", f"{name}.csv").open() as file:
        header = file.readline().strip().split(",")
        columns = dict(zip(header, np.loadtxt(file, delimiter=",").T, strict=True))
    if "component" in columns:
        columns["component"] = columns["component"].astype(int)
    target = columns[target_name].copy()
    data = np.column_stack([columns[feature] for feature in feature_names])
    frame = None
    if as_frame:
        import pandas as pd

        frame = pd.DataFrame(columns)
        data, target = frame[feature_names], frame[target_name]
    if return_X_y:
        return data, target
    extra = {k: v for k, v in columns.items() if k not in (*feature_names, target_name)}
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        feature_names=feature_names,
        target_name=target_name,
        DESCR=description,
        **extra,
    )


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "n_features": [Interval(Integral, 1, None, closed="left")],
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "weights": ["array-like", None],
        "coef": ["array-like", None],
        "intercept": ["array-like", None],
        "scale": ["array-like", Interval(Real, 0, None, closed="left")],
        "random_state": ["random_state"],
        "return_params": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def make_mixture_regression(
    n_samples=100,
    n_features=1,
    *,
    n_components=2,
    weights=None,
    coef=None,
    intercept=None,
    scale=0.1,
    random_state=None,
    return_params=False,
):
    r"""Generate rows from a mixture of linear regressions.

    Features are independent standard normal. A row belongs to component k with
    probability :math:`\pi_k`; its response is :math:`y = a_k + x^\top b_k + \sigma_k e`
    with standard normal e.

    Parameters
    ----------
    n_samples : int, default=100
        Number of rows.
    n_features : int, default=1
        Number of features, d.
    n_components : int, default=2
        Number of regressions, K.
    weights : array-like of shape (n_components,), default=None
        Positive shares :math:`\pi_k` of the components, scaled to sum to one. None
        means equal shares.
    coef : array-like of shape (n_components, n_features), default=None
        Coefficients :math:`b_k`. None draws them from a standard normal distribution.
    intercept : array-like of shape (n_components,), default=None
        Intercepts :math:`a_k`. None draws them from a standard normal distribution.
    scale : float or array-like of shape (n_components,), default=0.1
        Standard deviations :math:`\sigma_k` around the regressions, nonnegative.
    random_state : int, RandomState instance or None, default=None
        Source of randomness.
    return_params : bool, default=False
        Whether to also return the true parameters.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        Features.
    y : ndarray of shape (n_samples,)
        Responses.
    component : ndarray of int of shape (n_samples,)
        Component of each row, 0 to `n_components - 1`.
    params : dict
        The true `"weights"`, `"coef"`, `"intercept"` and `"scale"`, as the `init` of
        a `MixtureRegressor` takes them; only if `return_params`.

    Raises
    ------
    ValueError
        If an array has the wrong shape, a weight is not positive, or a scale is
        negative.

    See Also
    --------
    sklearn.datasets.make_regression : Generate rows from a single regression.

    Examples
    --------
    >>> from mixreg_sklearn.datasets import make_mixture_regression
    >>> X, y, component = make_mixture_regression(
    ...     300, coef=[[3], [-1]], intercept=[10, 3], weights=[2, 1], random_state=0
    ... )
    >>> X.shape, y.shape
    ((300, 1), (300,))
    >>> (component == 0).mean().round(1)
    np.float64(0.7)
    """
    rng = check_random_state(random_state)
    K, d = n_components, n_features
    if weights is None:
        weights = np.full(K, 1 / K)
    if coef is None:
        coef = rng.standard_normal((K, d))
    if intercept is None:
        intercept = rng.standard_normal(K)
    if np.ndim(scale) == 0:
        scale = np.full(K, float(scale))
    weights = _check_parameter("weights", weights, (K,))
    coef = _check_parameter("coef", coef, (K, d))
    intercept = _check_parameter("intercept", intercept, (K,))
    scale = _check_parameter("scale", scale, (K,), at_least=0)
    if not (weights > 0).all():
        raise ValueError(f"weights must be positive; got {weights}.")
    weights = weights / weights.sum()

    X = rng.standard_normal((n_samples, d))
    component = rng.choice(K, size=n_samples, p=weights)
    mean = intercept[component] + (X * coef[component]).sum(axis=1)
    y = mean + scale[component] * rng.standard_normal(n_samples)
    if not return_params:
        return X, y, component
    params = {"weights": weights, "coef": coef, "intercept": intercept, "scale": scale}
    return X, y, component, params


def _check_parameter(name, value, shape, at_least=-np.inf):
    value = check_array(value, ensure_2d=False, dtype=np.float64, input_name=name)
    if value.shape != shape:
        raise ValueError(
            f"{name} has shape {value.shape}; with n_components={shape[0]} it must have"
            f" shape {shape}."
        )
    if (value < at_least).any():
        raise ValueError(f"{name} must not be negative; got {value}.")
    return value
