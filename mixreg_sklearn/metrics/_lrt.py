"""Likelihood ratio test of K against K + 1 components by parametric bootstrap."""

import warnings
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import HasMethods, validate_params

from .._data.checks import Range, check_weight
from .._data.groups import check_constant, check_groups, repeated
from .._data.row_data import given, row_arguments
from .._docs import documented
from .._growth.growth import can_grow, grow
from .._regressor import MixtureRegressor
from ..families._names import make_family

# Relative accuracy of log-likelihoods.
_ROUNDING = 1e-8


class BootstrapLRT(NamedTuple):
    """Result of `bootstrap_lrt`; ``print`` shows it in a line.

    Attributes
    ----------
    statistic : float
        T, twice the difference of the log-likelihoods of K + 1 and K components.
    p_value : float
        Probability of a T at least as large under the hypothesis of K components.
    n_bootstrap : int
        Number of replicates on which the p-value is based.
    replicates : ndarray of shape (n_bootstrap,)
        Statistics of the replicates.
    smaller, larger : MixtureRegressor
        The fits to the data, with K and K + 1 components.
    """

    statistic: float
    p_value: float
    n_bootstrap: int
    replicates: np.ndarray
    smaller: MixtureRegressor
    larger: MixtureRegressor

    def __str__(self):
        replicates = "replicate" if self.n_bootstrap == 1 else "replicates"
        return (
            f"{self.smaller.n_components} against {self.larger.n_components}"
            f" components: T = {self.statistic:.3f}, p = {self.p_value:.3g}"
            f" ({self.n_bootstrap} {replicates})"
        )

    def __repr__(self):
        return f"<{type(self).__name__}: {self}>"


@validate_params(
    {
        "model": [HasMethods(["fit"])],
        "n_components": [Range(Integral, 1, None, closed="left"), None],
        "n_bootstrap": [Range(Integral, 1, None, closed="left")],
        "alpha": [Range(Real, 0, 1, closed="neither")],
        "early_stopping": ["boolean"],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    },
    prefer_skip_nested_validation=True,
)
@documented
def bootstrap_lrt(
    model,
    X,
    y,
    sample_weight=None,
    *,
    n_components=None,
    n_bootstrap=99,
    groups=None,
    offset=None,
    trials=None,
    row_scale=None,
    alpha=0.05,
    early_stopping=True,
    random_state=None,
    n_jobs=None,
    verbose=0,
):
    r"""Test K components against K + 1 by parametric bootstrap.

    The likelihood ratio statistic :math:`T = 2 (\ell_{K+1} - \ell_K)` has no
    chi-squared distribution, because with K components the parameters of an additional
    one are not identified. So its distribution is simulated (McLachlan 1987): responses
    are drawn from the fit with K components at the given X, both models are fitted to
    them, and the p-value is :math:`(1 + \#\{T^* \ge T\}) / (B + 1)`.

    Data and replicates are treated alike: both fits search with the settings of
    `model`; if the search for K + 1 ends below the likelihood of K, the larger model
    grows from the smaller one, so that T is never negative. No replicate is discarded.

    Parameters
    ----------
    model : MixtureRegressor, Pipeline that ends in one, or a fitted search for one
        Template with all settings; it is cloned and need not be fitted. Its `init` and
        `warm_start` are ignored, as every fit is a search. Transformers of a pipeline
        are fitted to X and y once.
    {X, y}
    sample_weight : array-like of shape (n_samples,), default=None
        Whole numbers that count rows: a row of weight 2 is drawn twice.
    n_components : int, default=None
        Number of components under the hypothesis, K. None means that of `model`.
    n_bootstrap : int, default=99
        Maximum number of replicates, B. ``alpha * (B + 1)`` should be a whole number.
    {groups, offset, trials, row_scale}
    alpha : float, default=0.05
        Level of the test; it is only used for early stopping.
    early_stopping : bool, default=True
        Whether to stop once it is certain that the test does not reject at `alpha`.
        After :math:`h = \lfloor \alpha (B + 1) \rfloor` replicates with
        :math:`T^* \ge T`, the last of them the l-th of all, the p-value is
        :math:`h / l` (Besag & Clifford 1991). The decision at `alpha` is that of all B
        replicates, and the p-value is valid: under the hypothesis, it is at most a with
        probability at most a.
    random_state : int, RandomState instance or None, default=None
        Source of randomness. Every replicate has its own stream, so the result does
        not depend on `n_jobs`.
    n_jobs : int or None, default=None
        Number of processes, for joblib.
    verbose : int, default=0
        1 prints a line per batch of replicates.

    Returns
    -------
    BootstrapLRT
        Statistic, p-value, replicates and the two fits.

    Raises
    ------
    ValueError
        If K components are not a special case of K + 1 (constraints that name
        components, given shares), if weights are not whole numbers, if the fit with
        K components is degenerate, so that no responses can be drawn from it, or if
        responses are censored and the model does not say how.

    Notes
    -----
    The p-value treats the fitted K components as the truth, as in every parametric
    bootstrap; the resulting error vanishes with growing n. With the ridge of a
    `SoftmaxGate`, T may be negative, as the fit maximizes a penalized likelihood.

    References
    ----------
    .. [1] McLachlan, G. J. (1987). On bootstrapping the likelihood ratio test statistic
       for the number of components in a normal mixture. Applied Statistics 36, 318-324.
    .. [2] Besag, J. & Clifford, P. (1991). Sequential Monte Carlo p-values. Biometrika
       78, 301-304.

    Examples
    --------
    >>> from mixreg_sklearn import MixtureRegressor
    >>> from mixreg_sklearn.datasets import load_two_lines
    >>> from mixreg_sklearn.metrics import bootstrap_lrt
    >>> X, y = load_two_lines(return_X_y=True)
    >>> model = MixtureRegressor(1)
    >>> test = bootstrap_lrt(model, X, y, n_bootstrap=9, alpha=0.1, random_state=0)
    >>> test.p_value
    0.1
    """
    model, X = _template(model, X, y)
    template = clone(model).set_params(init=None, warm_start=False, verbose=0)
    if n_components is not None:
        template.set_params(n_components=n_components)
    if not can_grow(template):
        raise ValueError(
            "The test needs K components to be a special case of K + 1; constraints"
            " that name components (shared_features as a dict, held_coef or coef_bounds"
            " with a value for each component) and given shares (ConstantGate with"
            " weights) do not carry over, and with a penalty (alpha > 0) the maximum is"
            " not that of the likelihood."
        )
    data = _counted(X, y, sample_weight, row_arguments(locals()))
    _check_drawn(template, data)
    seed = check_random_state(random_state).randint(2**31 - 1, size=2)
    data_seed, *seeds = np.random.SeedSequence(seed.tolist()).spawn(n_bootstrap + 1)
    smaller, larger = _fit_both(template, data, data_seed)
    if smaller.degenerate_:
        raise ValueError(
            f"The fit with {smaller.n_components} components is degenerate (its warning"
            " says why), so no responses can be drawn from it. Use fewer components."
        )
    statistic = _statistic(smaller, larger)
    needed = n_bootstrap + 1
    if early_stopping:
        # There is always at least one replicate.
        needed = max(1, int(alpha * needed + 1e-9))
    replicates = _replicates(
        template, smaller, data, seeds, statistic, needed, n_jobs, verbose
    )
    exceeding = int((replicates >= statistic).sum())
    if exceeding >= needed:
        p_value = exceeding / len(replicates)
    else:
        p_value = (1 + exceeding) / (1 + len(replicates))
    return BootstrapLRT(
        statistic, p_value, len(replicates), replicates, smaller, larger
    )


def _template(model, X, y):
    """The mixture in a model, which need not be fitted, and the features it sees."""
    model = getattr(model, "best_estimator_", model)
    if isinstance(model, MixtureRegressor):
        return model, X
    if not isinstance(model, Pipeline):
        raise TypeError(
            "model must be a MixtureRegressor, a pipeline that ends in one, or a fitted"
            f" search for one; got {type(model).__name__}."
        )
    if len(model) > 1:
        X = clone(model[:-1]).fit_transform(X, y)
    return _template(model[-1], X, y)


class _Data(NamedTuple):
    """Rows of weight one, and further arguments of `fit` and `sample`."""

    X: object
    y: np.ndarray
    metadata: dict


def _counted(X, y, sample_weight, metadata):
    """Repeat rows by their weights."""
    y = np.asarray(y)
    metadata = {name: np.asarray(values) for name, values in metadata.items()}
    if sample_weight is None:
        return _Data(X, y, metadata)
    features = check_array(X)
    weight = check_weight(sample_weight, features)
    if (weight != np.round(weight)).any():
        raise ValueError(
            "sample_weight must contain whole numbers: the bootstrap draws each row as"
            " often as it counts."
        )
    labels = check_groups(metadata.get("groups"), features)
    check_constant(weight, labels, "sample_weight")
    of_row = None if labels is None else labels.of_row
    rows, groups = repeated(weight.astype(int), of_row)
    metadata = {name: values[rows] for name, values in metadata.items()}
    return _Data(features[rows], y[rows], metadata | given(groups=groups))


def _check_drawn(template, data):
    """Raise ValueError if responses drawn from a fit would be no data like these."""
    family = make_family(template.family)
    row_data = {name: data.metadata.get(name) for name in family.row_data}
    family.check_drawn(family.target(np.asarray(data.y, dtype=float), **row_data))


def _fit_both(template, data, seed):
    """Search for K and K + 1 components; the larger model never fits worse."""
    K = template.n_components
    seeds = seed.generate_state(2) % (2**31 - 1)
    smaller, larger = (
        clone(template).set_params(n_components=K + i, random_state=int(seeds[i]))
        for i in range(2)
    )
    with warnings.catch_warnings():
        # Under the hypothesis, a fit with K + 1 components often issues a warning.
        warnings.simplefilter("ignore")
        smaller.fit(data.X, data.y, **data.metadata)
        larger.fit(data.X, data.y, **data.metadata)
        if larger.log_likelihood_ < smaller.log_likelihood_:
            grown = grow(smaller, data.X, data.y, **data.metadata)
            larger = max(larger, grown, key=lambda fit: fit.log_likelihood_)
    return smaller, larger


def _statistic(smaller, larger):
    """Twice the difference of the log-likelihoods; zero if it is within rounding."""
    difference = larger.log_likelihood_ - smaller.log_likelihood_
    rounding = _ROUNDING * max(1.0, abs(smaller.log_likelihood_))
    return 2 * difference if abs(difference) > rounding else 0.0


def _replicate(template, smaller, data, seed):
    """The statistic of responses drawn from the smaller model."""
    draw, search = seed.spawn(2)
    random_state = int(draw.generate_state(1)[0] % (2**31 - 1))
    y, _ = smaller.sample(data.X, random_state=random_state, **data.metadata)
    if y.ndim > 1:
        # Of several responses, what was not seen is not seen again.
        y = np.where(np.isnan(data.y), np.nan, y)
    return _statistic(*_fit_both(template, data._replace(y=y), search))


def _replicates(template, smaller, data, seeds, statistic, needed, n_jobs, verbose):
    """Statistics of the replicates in order, up to the `needed`-th one that exceeds."""
    done, batch = np.empty(0), effective_n_jobs(n_jobs)
    with Parallel(n_jobs=n_jobs) as parallel:
        while len(done) < len(seeds):
            new = parallel(
                delayed(_replicate)(template, smaller, data, seed)
                for seed in seeds[len(done) : len(done) + batch]
            )
            done = np.append(done, new)
            exceeding = np.cumsum(done >= statistic)
            if verbose:
                print(
                    f"bootstrap_lrt: {len(done):4d} of {len(seeds)} replicates,"
                    f" {exceeding[-1]} with T* >= {statistic:.4f}"
                )
            if exceeding[-1] >= needed:
                # Replicates of a batch after the last one needed do not count.
                return done[: int(np.argmax(exceeding >= needed)) + 1]
    return done
