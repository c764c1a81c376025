"""Computations for each component of a predictive mixture.

Predictors and constants have the shapes that a family expects, with components last:
`eta` is (n, K), or (L, n, K) with L > 1 predictors; `scale` is (K,), or (S, K) with
S > 1 constants.
"""

import numpy as np

from ._domain import check_components, check_mixture


def column(values, y):
    """Values of rows, (..., n), to broadcast against responses `y`, (n,) or (n, m)."""
    return values if y.ndim == 1 else values[..., None]


def row_data_for(mixture, ndim):
    """Row data as keywords for a family, to broadcast against `ndim` dimensions."""
    shape = (-1, *[1] * (ndim - 1))
    return {name: values.reshape(shape) for name, values in mixture.row_data.items()}


def component_means(mixture):
    """Expected responses, (n, K). ValueError where a component has none."""
    check_components(mixture)
    return raw_means(mixture)


def raw_means(mixture):
    """Expected responses, (n, K), NaN where a component has no distribution."""
    given = row_data_for(mixture, 2)
    return mixture.family.mean(mixture.eta, mixture.scale, **given)


def log_densities(mixture, y):
    """Yield the log-densities of each component at responses `y`, (n,) or (n, m).

    They are those of latent responses, where a family censors.
    """
    yield from _log_densities(mixture, mixture.family.latent, y, y.shape)


def log_likelihoods(mixture, y):
    """The same of a response for each row as a fit takes it, perhaps in columns."""
    yield from _log_densities(mixture, mixture.family, y, y.shape[:1])


def _log_densities(mixture, family, y, shape):
    """Yield log-densities (shape) of responses `y`."""
    scale = mixture.scale
    if mixture.discrete:
        # `target` rejects counts above the trials; -1 also has probability zero.
        given = row_data_for(mixture, 1)
        most = family.quantile(1.0, mixture.eta[..., 0], scale[..., 0], **given)
        y = np.where(y > column(most, y), -1.0, y)
    row_data = {
        name: np.broadcast_to(values, shape).ravel()
        for name, values in row_data_for(mixture, len(shape)).items()
    }
    # A family sees one response after the other: a table of them is no bounds.
    target = family.target(y.ravel() if y.shape == shape else y, **row_data)
    target = target.reshape(*target.shape[:-1], *shape)
    for k in range(mixture.weights.shape[1]):
        eta = mixture.eta[..., k]
        eta = eta if len(shape) == 1 else eta[..., None]
        yield family.log_density(target, eta, scale[..., k])


def probability(mixture, of_family, y, above):
    """Mixed values of a function of probability at responses `y`, (n,) or (n, m).

    `above` is its value at infinity.
    """
    check_mixture(mixture)
    infinite = np.isinf(y)
    inside = np.where(infinite, 0.0, y) if infinite.any() else y
    total, row_data = np.zeros(y.shape), row_data_for(mixture, y.ndim)
    for k, weight in enumerate(mixture.weights.T):
        eta = column(mixture.eta[..., k], y)
        part = of_family(inside, eta, mixture.scale[..., k], **row_data)
        total += weighted(column(weight, y), part)
    total = np.minimum(total, 1.0)  # weights sum to one up to rounding
    if not infinite.any():
        return total
    return np.where(infinite, np.where(y > 0, above, 1.0 - above), total)


def weighted(weight, values):
    """Products; zero where the weight is, even if the value is NaN."""
    return np.where(weight > 0, weight * values, 0.0)


def component_quantiles(mixture, levels):
    """Quantiles (n, K, m) of the components at levels (m,).

    A component of weight zero gets the quantiles of the most probable one.
    """
    found = mixture.family.quantile(
        np.asarray(levels),
        mixture.eta[..., None],
        mixture.scale[..., None],
        **row_data_for(mixture, 3),
    )
    likeliest = mixture.weights.argmax(axis=1)[:, None, None]
    instead = np.take_along_axis(found, likeliest, axis=1)
    return np.where(mixture.weights[..., None] > 0, found, instead)


def draw_components(weights, size, rng):
    """Draw components (n, size) with probabilities (n, K)."""
    cumulative = np.cumsum(weights, axis=1)
    uniform = rng.random((len(weights), size)) * cumulative[:, -1:]
    component = np.zeros(uniform.shape, dtype=np.intp)
    for k in range(weights.shape[1] - 1):
        component += uniform >= cumulative[:, k, None]
    return component


def draw_responses(mixture, component, rng):
    """Draw a response from each of the components (n, size)."""
    eta = np.asarray(predictors_of(mixture, component))
    scale = mixture.scale[..., component]
    return mixture.family.sample(eta, scale, rng, **row_data_for(mixture, 2))


def predictors_of(mixture, component):
    """Linear predictors of drawn components (n, size): such an array, or L of them."""
    # Not only the components that happen to be drawn: an error must not be random.
    check_mixture(mixture)
    if mixture.eta.ndim == 2:
        return np.take_along_axis(mixture.eta, component, axis=1)
    return tuple(np.take_along_axis(eta, component, axis=1) for eta in mixture.eta)
