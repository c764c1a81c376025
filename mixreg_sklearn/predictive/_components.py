"""Computations for each component of a predictive mixture.

Predictors and constants have the shapes that a family expects, with components last:
`eta` is (n, K), or (L, n, K) with L > 1 predictors; `scale` is (K,), or (S, K) with
S > 1 constants. A background, which is the same for all rows, comes after the K
components: there are K' shares.
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


def raw_moments(mixture):
    """Means and variances, (n, K') each, NaN where a component has no distribution."""
    means, given = raw_means(mixture), row_data_for(mixture, 2)
    variances = mixture.family.variance(mixture.eta, mixture.scale, **given)
    background = mixture.background
    if background is None:
        return means, variances
    rest, shape = np.ones(len(mixture)), (len(mixture), mixture.n_components)
    return (
        np.column_stack([np.broadcast_to(means, shape), background.mean * rest]),
        np.column_stack(
            [np.broadcast_to(variances, shape), background.variance * rest]
        ),
    )


def log_densities(mixture, y):
    """Yield log-densities at responses `y`, (n,) or (n, m), of each of K' shares.

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
    for k in range(mixture.n_components):
        eta = mixture.eta[..., k]
        eta = eta if len(shape) == 1 else eta[..., None]
        yield family.log_density(target, eta, scale[..., k])
    if mixture.background is not None:
        yield mixture.background.log_density(target)


def _of_each(mixture, of_family, y):
    """Yield values of the family's cdf or sf at `y`, (n,) or (n, m), of each share."""
    given = row_data_for(mixture, y.ndim)
    for k in range(mixture.n_components):
        eta = column(mixture.eta[..., k], y)
        yield of_family(y, eta, mixture.scale[..., k], **given)
    if mixture.background is not None:
        yield getattr(mixture.background, of_family.__name__)(y)


def quantiles_of_each(mixture, u):
    """Yield quantiles (n,) at levels (n,) of each of K' shares."""
    given = row_data_for(mixture, 1)
    for k in range(mixture.n_components):
        eta, scale = mixture.eta[..., k], mixture.scale[..., k]
        yield mixture.family.quantile(u, eta, scale, **given)
    if mixture.background is not None:
        yield mixture.background.quantile(u)


def probability(mixture, of_family, y, above):
    """Mixed values of a function of probability at responses `y`, (n,) or (n, m).

    `above` is its value at infinity.
    """
    check_mixture(mixture)
    infinite = np.isinf(y)
    inside = np.where(infinite, 0.0, y) if infinite.any() else y
    total, parts = np.zeros(y.shape), _of_each(mixture, of_family, inside)
    for weight, part in zip(mixture.weights.T, parts, strict=True):
        total += weighted(column(weight, y), part)
    total = np.minimum(total, 1.0)  # weights sum to one up to rounding
    if not infinite.any():
        return total
    return np.where(infinite, np.where(y > 0, above, 1.0 - above), total)


def weighted(weight, values):
    """Products; zero where the weight is, even if the value is NaN or infinite."""
    with np.errstate(invalid="ignore"):
        return np.where(weight > 0, weight * values, 0.0)


def component_quantiles(mixture, levels):
    """Quantiles (n, K', m) of the shares at levels (m,).

    A component of weight zero gets the quantiles of the most probable one.
    """
    found = mixture.family.quantile(
        np.asarray(levels),
        mixture.eta[..., None],
        mixture.scale[..., None],
        **row_data_for(mixture, 3),
    )
    if mixture.background is not None:
        apart = mixture.background.quantile(np.asarray(levels))
        apart = np.broadcast_to(apart, (len(mixture), 1, len(levels)))
        found = np.concatenate([found, apart], axis=1)
    likeliest = mixture.weights.argmax(axis=1)[:, None, None]
    instead = np.take_along_axis(found, likeliest, axis=1)
    return np.where(mixture.weights[..., None] > 0, found, instead)


def draw_components(weights, size, rng):
    """Draw components (n, size) with probabilities (n, K')."""
    cumulative = np.cumsum(weights, axis=1)
    uniform = rng.random((len(weights), size)) * cumulative[:, -1:]
    component = np.zeros(uniform.shape, dtype=np.intp)
    for k in range(weights.shape[1] - 1):
        component += uniform >= cumulative[:, k, None]
    return component


def draw_responses(mixture, component, rng):
    """Draw a response from each of the components (n, size)."""
    eta = np.asarray(predictors_of(mixture, component))
    return draw_given(mixture, eta, component, rng, mixture.row_data)


def draw_given(mixture, eta, component, rng, row_data):
    """Draw responses (n, size) of components (n, size) from their predictors.

    `mixture` has a family, the scales of its components, and maybe a background.
    """
    background, n_components = mixture.background, mixture.n_components
    scale = mixture.scale[..., np.minimum(component, n_components - 1)]
    given = {name: values[:, None] for name, values in row_data.items()}
    y = mixture.family.sample(eta, scale, rng, **given)
    if background is None:
        return y
    apart = background.quantile(rng.random(y.shape))
    return np.where(component < n_components, y, apart)


def predictors_of(mixture, component):
    """Linear predictors of drawn components (n, size): such an array, or L of them.

    A background has none, and gets those of another component.
    """
    # Not only the components that happen to be drawn: an error must not be random.
    check_mixture(mixture)
    component = np.minimum(component, mixture.n_components - 1)
    if mixture.eta.ndim == 2:
        return np.take_along_axis(mixture.eta, component, axis=1)
    return tuple(np.take_along_axis(eta, component, axis=1) for eta in mixture.eta)
