"""The components of a predictive mixture, each by itself.

Predictors and constants are in the rank that methods of a family take them in, with
components last: `eta` is (n, K), of a family with L > 1 predictors (L, n, K); `scale`
is (K,), with S > 1 constants (S, K).
"""

import numpy as np

from .._data.row_data import target_of


def column(values, y):
    """What rows have, (..., n), to broadcast against responses `y`: (n,) or (n, m)."""
    return values if y.ndim == 1 else values[..., None]


def row_data_for(mixture, ndim):
    """Row data as keywords of a family, to broadcast against `ndim` dimensions."""
    shape = (-1, *[1] * (ndim - 1))
    return {name: values.reshape(shape) for name, values in mixture.row_data.items()}


def component_means(mixture):
    """Expected responses, (n, K)."""
    given = row_data_for(mixture, 2)
    return mixture.family.mean(mixture.eta, mixture.scale, **given)


def log_densities(mixture, y):
    """Yield the log-densities of each component at responses `y`, (n,) or (n, m)."""
    family, scale = mixture.family, mixture.scale
    if mixture.discrete:
        # What is beyond the trials is no target; -1 also has probability zero.
        given = row_data_for(mixture, 1)
        most = family.quantile(1.0, mixture.eta[..., 0], scale[..., 0], **given)
        y = np.where(y > column(most, y), -1.0, y)
    row_data = {
        name: np.broadcast_to(values, y.shape)
        for name, values in row_data_for(mixture, y.ndim).items()
    }
    target = target_of(family, y, row_data)
    for k in range(mixture.weights.shape[1]):
        eta = column(mixture.eta[..., k], y)
        yield family.log_density(target, eta, scale[..., k])


def component_quantiles(mixture, levels):
    """Quantiles (n, K, m) of the components that have weight, at levels (m,).

    For a component without weight, those of the likeliest one.
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
    """Components (n, size) by weights (n, K)."""
    cumulative = np.cumsum(weights, axis=1)
    uniform = rng.random((len(weights), size)) * cumulative[:, -1:]
    component = np.zeros(uniform.shape, dtype=np.intp)
    for k in range(weights.shape[1] - 1):
        component += uniform >= cumulative[:, k, None]
    return component


def draw_responses(mixture, component, rng):
    """Responses (n, size) of the components (n, size)."""
    eta = mixture.eta
    eta = np.take_along_axis(
        eta, np.broadcast_to(component, (*eta.shape[:-1], component.shape[1])), axis=-1
    )
    scale = mixture.scale[..., component]
    return mixture.family.sample(eta, scale, rng, **row_data_for(mixture, 2))
