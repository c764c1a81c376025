"""Regressions that a fitted mixture lacks: where its likelihood rises fastest.

A candidate is a component with regression b, scale phi and density f_b. If it joins a
mixture of density f with a small share, the log-likelihood changes at the rate

    D(b, phi) = sum_i w_i f_b(y_i) / f(y_i) - n,          n = sum_i w_i,

the directional derivative of Lindsay (1983). Candidates go through rows that the
mixture explains badly, and climb D from there.
"""

from typing import NamedTuple

import numpy as np

from .._engine.mixture import Mixture
from .._engine.params import Params
from .._engine.rows import Block

# Factors on the variance under which candidates climb.
_STRETCH = (16.0, 9.0, 4.0, 2.0, 1.0, 1.0, 1.0, 1.0)
# Candidates that differ in D by a smaller fraction are the same.
_SAME_DERIVATIVE = 1e-3
_RIDGE = 1e-10
# Logarithm of the largest ratio of densities, which is infinite at an outlier.
_HIGHEST = 500.0


class Landscape(NamedTuple):
    """A fitted mixture on rows in memory, with the directions of candidates.

    A candidate has coefficients of the first predictor of its own, as far as components
    differ in them; all else is that of the component whose scale it has.
    """

    model: Mixture
    params: Params  # a batch of one
    block: Block  # all rows
    directions: np.ndarray  # (p, s), orthonormal, in which their coefficients are free
    origin: np.ndarray  # (p,), the fixed part of their coefficients
    Z: np.ndarray  # (s, n), columns of the free coefficients
    known: np.ndarray  # (n,), the fixed part of their predictor, offset included
    log_prior: np.ndarray  # (K', U), log prior probabilities, and what is known
    log_joint: np.ndarray  # (K', U), log of prior probability times density

    @property
    def family(self):
        return self.model.family

    @property
    def weight(self):
        """Weights of the units, (U,)."""
        return self.block.unit_weight

    @property
    def scale(self):
        """Scales of the first response, (K,)."""
        return self.model.regressions.scales(self.params)[0, :, 0]

    @property
    def log_mixture(self):
        """Log-density of the fitted mixture, (U,)."""
        return np.logaddexp.reduce(self.log_joint, axis=0)

    def arguments(self, coef, component, stretch=1.0):
        """Predictors and constants of candidates, as the family takes them.

        Constants and further predictors are those of components (C,), the squares of
        the scales times `stretch`. `coef` is (C, s).
        """
        whole, coef = self.regression(coef), self.params.coef[0, component].copy()
        coef[:, : whole.shape[1]] = whole
        constants = self.params.constants[0, component].copy()
        regressions = self.model.regressions
        candidates = Params(coef[None], constants[None], None)
        scales = regressions.scales(candidates) * np.sqrt(stretch)
        candidates = regressions.with_scales(candidates, scales)
        return regressions.arguments(candidates, self.block)

    def log_densities(self, coef, component, stretch=1.0):
        """Log-densities of candidates at all units, (C, U)."""
        eta, scale = self.arguments(coef, component, stretch)
        rows = self.family.log_density(self.block.y, eta, scale)
        return self.block.units.sum(rows)

    def regression(self, coef):
        """Coefficients (C, p) of the first predictor, from the free ones (C, s)."""
        return self.origin + coef @ self.directions.T


class Candidates(NamedTuple):
    """Candidates, the highest derivative first."""

    coef: np.ndarray  # (C, s)
    component: np.ndarray  # (C,), whose scale each has
    log_density: np.ndarray  # (C, U), at all units, prior probabilities included
    derivative: np.ndarray  # (C,), sum_i w_i exp(log_density_i) / f_i; D is this less n

    def take(self, index):
        """The candidates `index`."""
        return Candidates(*(values[index] for values in self))


def landscape_of(model, params, sample, directions):
    """The Landscape of a mixture, a batch of one, on a sample of rows.

    `directions` (p, s) are those of the Landscape.
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
    log_density = block.units.sum(log_density) + log_prior[: model.n_components]
    # Those of a background leave out the base of a density.
    base = np.broadcast_to(model.family.base(block.y), block.weight.shape)
    base = block.units.sum(base)
    rest = log_prior[None, -1:]
    log_joint = model.completed(log_density[None] - base, rest, block)[0] + base
    if model.known:
        log_prior = log_prior + block.evidence
    free = directions, origin, columns.predict(directions.T)
    return Landscape(model, params, block, *free, known, log_prior, log_joint)


def find_candidates(landscape, log_mixture, rng, n_candidates, log_prior=0.0):
    """Local maxima of the directional derivative, without repetitions. -> Candidates.

    They are joined to a mixture of log-density `log_mixture` (U,). There are
    `n_candidates` climbs, each from a regression through a few random units.
    ``exp(log_prior[k])``, (U,), is the prior probability of a candidate with the scale
    of component k.
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
    least = _SAME_DERIVATIVE * (1 + np.abs(values[1:]))
    return best.take(np.append(True, -np.diff(values) > least))


def _scored(landscape, log_rest, coef, component):
    """Log-densities (C, U) of candidates (C, s), and their derivatives (C,)."""
    log_density = landscape.log_densities(coef, component)
    log_ratio = np.minimum(log_density - log_rest, _HIGHEST)
    return log_density, np.exp(log_ratio) @ landscape.weight


def _step(landscape, log_rest, coef, component, stretch):
    """One step (C, s) of Fisher scoring, each unit weighted by its part of D.

    For the gaussian family this is the mean-shift step, which never lowers D.
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
    # Half of them are drawn in proportion to 1 / f, half to its square root: where f is
    # tiny the first kind draws outliers only.
    power = np.resize([1.0, 0.5], (n, 1))
    log_chance = np.log(np.maximum(landscape.weight, np.finfo(float).tiny))
    keys = log_chance - power * log_mixture + rng.gumbel(size=(n, n_units))
    drawn = np.argpartition(-keys, each - 1, axis=1)[:, :each]
    chosen = np.zeros((n, n_units))
    np.put_along_axis(chosen, drawn, 1.0, axis=1)
    chosen = landscape.block.units.spread(chosen).astype(bool)
    suggested = landscape.family.initial(landscape.block.y)
    suggested = landscape.model.regressions.first(suggested) - landscape.known
    pairs = [(landscape.Z[:, rows].T, suggested[rows]) for rows in chosen]
    return np.stack([np.linalg.lstsq(Z, y, rcond=1e-8)[0] for Z, y in pairs])
