"""Regressions that a fitted mixture lacks: where its likelihood rises the fastest.

A candidate component with regression b, scale phi and density f_b joins a mixture of
density f with a small share. The log-likelihood then changes at the rate

    D(b, phi) = sum_i w_i f_b(y_i) / f(y_i) - n,          n = sum_i w_i,

the directional derivative of Lindsay (1983). Candidates go through rows that the
mixture explains badly, and climb D from there.
"""

from typing import NamedTuple

import numpy as np

from .._engine.mixture import Mixture
from .._engine.params import Params
from .._engine.rows import Block

# Factors on the variance under which candidates climb; the last ones are one.
_STRETCH = (16.0, 9.0, 4.0, 2.0, 1.0, 1.0, 1.0, 1.0)
# Candidates that differ in D by less than this are the same.
_SAME = 1e-3
_RIDGE = 1e-10
# Logarithm of the largest ratio of densities: an outlier has no finite one.
_HIGHEST = 500.0


class Landscape(NamedTuple):
    """A fitted mixture on rows in memory, as candidates see it.

    A candidate chooses the first predictor, as far as components differ in it; all else
    is that of the component whose scale it has.

    Attributes
    ----------
    model : Mixture
    params : Params
        A batch of one.
    block : Block
        All the rows.
    directions : ndarray of shape (p, s)
        Orthonormal directions of the coefficients that a candidate may choose.
    origin : ndarray of shape (p,)
        The part of the coefficients that it may not.
    Z : ndarray of shape (s, n)
        Columns of what it may choose.
    known : ndarray of shape (n,)
        The part of its predictor that it may not.
    log_prior : ndarray of shape (K, U)
        Log prior probabilities of the components.
    log_joint : ndarray of shape (K, U)
        Log of prior probability times density.
    """

    model: Mixture
    params: Params
    block: Block
    directions: np.ndarray
    origin: np.ndarray
    Z: np.ndarray
    known: np.ndarray
    log_prior: np.ndarray
    log_joint: np.ndarray

    @property
    def family(self):
        return self.model.family

    @property
    def weight(self):
        """Of the units, (U,)."""
        return self.block.unit_weight

    @property
    def scale(self):
        """First constant of the components, (K,)."""
        return self.params.scale[0]

    @property
    def log_mixture(self):
        """Log-density of the fitted mixture, (U,)."""
        return np.logaddexp.reduce(self.log_joint, axis=0)

    def arguments(self, coef, component, stretch=1.0):
        """Predictors and constants of candidates, as the family takes them.

        Parameters
        ----------
        coef : ndarray of shape (C, s)
        component : ndarray of int of shape (C,)
            The component whose constants and further predictors each has.
        stretch : float
            Factor on the square of the first constant.
        """
        whole, coef = self.regression(coef), self.params.coef[0, component].copy()
        coef[:, : whole.shape[1]] = whole
        constants = self.params.constants[0, component].copy()
        constants[:, :1] *= np.sqrt(stretch)
        candidates = Params(coef[None], constants[None], None)
        return self.model.regressions.arguments(candidates, self.block)

    def log_densities(self, coef, component, stretch=1.0):
        """Of candidates at all units, (C, U)."""
        eta, scale = self.arguments(coef, component, stretch)
        rows = self.family.log_density(self.block.y, eta, scale)
        return self.block.units.sum(rows)

    def regression(self, coef):
        """Coefficients (C, p) of the first predictor, from those chosen (C, s)."""
        return self.origin + coef @ self.directions.T


class Candidates(NamedTuple):
    """Regressions that might join, the highest derivative first.

    Attributes
    ----------
    coef : ndarray of shape (C, s)
    component : ndarray of int of shape (C,)
        The component whose scale each has.
    log_density : ndarray of shape (C, U)
        Of each at all units; with the prior probability, where there is one.
    derivative : ndarray of shape (C,)
        ``sum_i w_i exp(log_density_i) / f_i``; D is this less n.
    """

    coef: np.ndarray
    component: np.ndarray
    log_density: np.ndarray
    derivative: np.ndarray

    def take(self, index):
        """Some of them."""
        return Candidates(*(values[index] for values in self))


def landscape_of(model, params, sample, directions):
    """See a mixture as candidates do.

    Parameters
    ----------
    model : Mixture
    params : Params
        A batch of one.
    sample : ArrayRows
        The rows, in memory.
    directions : ndarray of shape (p, s)
        Orthonormal directions of the coefficients that a candidate may choose.

    Returns
    -------
    Landscape
    """
    block, regressions = sample.whole(), model.regressions
    first = params.coef[0, 0, regressions.predictors[0]]
    origin = first - directions @ (directions.T @ first)
    columns = block.columns[0]
    known = columns.predict(origin[None])[0]
    if block.offset is not None:
        known += block.offset
    log_prior, _ = model.gate.prior(params, block)
    log_prior = np.broadcast_to(log_prior[0], (len(log_prior[0]), sample.n_units))
    arguments = regressions.arguments(params, block)
    log_density = model.family.log_density(block.y, *arguments)
    return Landscape(
        model,
        params,
        block,
        directions,
        origin,
        columns.predict(directions.T),
        known,
        log_prior,
        log_prior + block.units.sum(log_density),
    )


def find_candidates(landscape, log_mixture, rng, n_candidates, log_prior=0.0):
    """Local maxima of the directional derivative, the highest first.

    Parameters
    ----------
    landscape : Landscape
    log_mixture : ndarray of shape (U,)
        Log-density of the mixture to be joined.
    rng : numpy.random.Generator
    n_candidates : int
        Climbs, each from a regression through a random handful of units.
    log_prior : 0 or ndarray of shape (K, U)
        A candidate with the scale of component k has the share ``exp(log_prior[k])``.

    Returns
    -------
    Candidates
        Different ones only.
    """
    component = np.arange(n_candidates) % len(landscape.scale)
    coef = _through_rows(landscape, log_mixture, rng, n_candidates)
    return climb_derivative(landscape, log_mixture, coef, component, log_prior)


def climb_derivative(
    landscape, log_mixture, coef, component, log_prior=0.0, stretch=_STRETCH
):
    """Climb D from regressions (C, s) with scales of components (C,); keep the best."""
    if not landscape.family.constants:
        stretch = np.ones(len(stretch))
    prior = np.broadcast_to(log_prior, landscape.log_prior.shape)[component]
    log_rest = log_mixture - prior
    best = Candidates(coef, component, *_scored(landscape, log_rest, coef, component))
    for factor in stretch:
        coef = _step(landscape, log_rest, coef, component, factor)
        log_density, derivative = _scored(landscape, log_rest, coef, component)
        better = derivative > best.derivative
        best = Candidates(
            np.where(better[:, None], coef, best.coef),
            component,
            np.where(better[:, None], log_density, best.log_density),
            np.where(better, derivative, best.derivative),
        )
    order = np.lexsort((component, -best.derivative))
    best = best._replace(log_density=best.log_density + prior).take(order)
    values = best.derivative
    different = np.append(True, -np.diff(values) > _SAME * (1 + np.abs(values[1:])))
    return best.take(different)


def _scored(landscape, log_rest, coef, component):
    """Log-densities (C, U) of regressions, and their derivatives (C,)."""
    log_density = landscape.log_densities(coef, component)
    log_ratio = np.minimum(log_density - log_rest, _HIGHEST)
    return log_density, np.exp(log_ratio) @ landscape.weight


def _step(landscape, log_rest, coef, component, stretch):
    """One step of Fisher scoring, each unit weighted by its share of D.

    For the gaussian family this is the mean-shift step of D, which never lowers it.
    """
    log_ratio = landscape.log_densities(coef, component, stretch) - log_rest
    log_ratio -= log_ratio.max(axis=1, keepdims=True)
    weight = landscape.block.units.spread(np.exp(log_ratio) * landscape.weight)
    arguments = landscape.arguments(coef, component, stretch)
    at = landscape.family.evaluate(landscape.block.y, *arguments, 0.0)
    first = landscape.model.regressions.first
    score = weight * first(at.raw_score) * at.factor
    information = weight * first(at.raw_information) * at.factor**2
    Z = landscape.Z
    gram = np.stack([(Z * row) @ Z.T for row in information])
    diagonal = np.einsum("cpp->cp", gram)
    diagonal += _RIDGE * diagonal.max(axis=1, keepdims=True) + np.finfo(float).tiny
    return coef + np.linalg.solve(gram, (score @ Z.T)[..., None])[..., 0]


def _through_rows(landscape, log_mixture, rng, n):
    """Regressions through units drawn where the mixture is thin, (n, s)."""
    n_units, (s, n_rows) = len(landscape.weight), landscape.Z.shape
    each = min(-(-s * n_units // n_rows), n_units)
    # Half of them follow 1 / f, half its square root: where f is tiny the first kind
    # sees nothing but outliers.
    power = np.resize([1.0, 0.5], (n, 1))
    log_chance = np.log(np.maximum(landscape.weight, np.finfo(float).tiny))
    keys = log_chance - power * log_mixture + rng.gumbel(size=(n, n_units))
    drawn = np.argpartition(-keys, each - 1, axis=1)[:, :each]
    chosen = np.zeros((n, n_units))
    np.put_along_axis(chosen, drawn, 1.0, axis=1)
    chosen = landscape.block.units.spread(chosen).astype(bool)
    suggested = landscape.family.initial(landscape.block.y)
    suggested = landscape.model.regressions.first(suggested) - landscape.known
    return np.stack(
        [
            np.linalg.lstsq(landscape.Z[:, rows].T, suggested[rows], rcond=1e-8)[0]
            for rows in chosen
        ]
    )
