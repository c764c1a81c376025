"""Regressions that a fitted mixture lacks: where its likelihood rises the fastest.

A newcomer with regression b, scale phi and density f_b joins a mixture of density f
with a small share. The log-likelihood then changes at the rate

    D(b, phi) = sum_i w_i f_b(y_i) / f(y_i) - n,          n = sum_i w_i,

the directional derivative of Lindsay (1983). Candidates go through rows that the
mixture explains badly, and climb D from there.
"""

from typing import NamedTuple

import numpy as np

from .._criteria import evidence
from .._data.checks import check_weight
from .._data.features import column_indices
from .._data.groups import Groups, check_groups
from .._data.row_data import target_of
from .._fitted import estimates_and_rows

# Candidates climb under a variance so many times too large, and then the right one.
_STRETCH = (16.0, 9.0, 4.0, 2.0, 1.0, 1.0, 1.0, 1.0)
# Candidates of all maxima of D that are worth returning differ in D by more than this.
_SAME = 1e-3
_RIDGE = 1e-10
# Logarithm of the largest ratio of densities: an outlier has no finite one.
_HIGHEST = 500.0


class Ground(NamedTuple):
    """The rows of a fitted mixture, as newcomers see them.

    U units are rows, or the groups where there are any.

    Attributes
    ----------
    family : Family
    target : ndarray of shape (..., n)
        The response as the family takes it.
    Z : ndarray of shape (n, p)
        Orthonormal columns, under the row weights, of what a newcomer may choose.
    known : ndarray of shape (n,)
        The part of every linear predictor that it may not.
    weight : ndarray of shape (U,)
    groups : Groups or None
    to_user : ndarray of shape (1 + d, p)
        Intercept and coefficients of one on the columns of Z.
    origin : ndarray of shape (1 + d,)
        Intercept and coefficients that are known.
    scale : ndarray of shape (K,)
        Of the fitted components.
    fitted_predictor : ndarray of shape (K, n)
        Their linear predictors.
    log_prior : ndarray of shape (K, U)
        Log prior probabilities of the components.
    log_joint : ndarray of shape (K, U)
        Log of prior probability times density.
    """

    family: object
    target: np.ndarray
    Z: np.ndarray
    known: np.ndarray
    weight: np.ndarray
    groups: Groups | None
    to_user: np.ndarray
    origin: np.ndarray
    scale: np.ndarray
    fitted_predictor: np.ndarray
    log_prior: np.ndarray
    log_joint: np.ndarray

    @property
    def log_mixture(self):
        """Log-density of the fitted mixture, (U,)."""
        return np.logaddexp.reduce(self.log_joint, axis=0)

    def of_units(self, values):
        """Sums over the rows of units: (C, n) -> (C, U)."""
        return values if self.groups is None else self.groups.sum(values.T).T

    def of_rows(self, values):
        """Values of units at their rows: (C, U) -> (C, n)."""
        return values if self.groups is None else values[:, self.groups.of_row]

    def predictor(self, coef):
        """Linear predictors (C, n) of regressions (C, p)."""
        return coef @ self.Z.T + self.known

    def log_densities(self, coef, scale):
        """Of regressions (C, p) with scales (C,), at all units: (C, U)."""
        eta = self.predictor(coef)
        rows = self.family.log_density(self.target, eta, scale[:, None])
        return self.of_units(np.broadcast_to(rows, eta.shape))

    def regression(self, coef):
        """Intercept and coefficients (d,) of a regression (p,), in the user's terms."""
        whole = self.origin + self.to_user @ coef
        return float(whole[0]), whole[1:]


class Candidates(NamedTuple):
    """Regressions that might join, the highest derivative first.

    Attributes
    ----------
    coef : ndarray of shape (C, p)
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


def make_ground(
    model, X, y, sample_weight=None, *, groups=None, offset=None, trials=None
):
    """See the data as newcomers to a fitted mixture do.

    A newcomer may choose what differs between the fitted components: coefficients that
    are the same in all of them (shared, held, of no feature of the regressions, of an
    `offset_feature`) stay as they are.

    Parameters
    ----------
    model : MixtureRegressor
        Fitted.
    X, y, sample_weight, groups, offset, trials
        As in `MixtureRegressor.fit`.

    Returns
    -------
    Ground
    """
    log_joint, weight, _ = evidence(
        model, X, y, sample_weight, groups=groups, offset=offset, trials=trials
    )
    estimates, features, offset, row_data = estimates_and_rows(
        model, X, offset, trials=trials
    )
    groups = check_groups(groups, features)
    family = estimates.family
    y = np.asarray(y, dtype=np.float64).ravel()
    target = target_of(family, y, row_data)
    row_weight = check_weight(sample_weight, features)
    columns = np.column_stack([np.ones(len(features)), features])
    fitted = np.column_stack([model.intercept_, model.coef_])
    free = _free(model, X, fitted)
    origin = np.where(free, 0.0, fitted[0])
    known = columns @ origin + (0.0 if offset is None else offset)
    whitening = _whitening(columns[:, free], row_weight)
    to_user = np.zeros((len(free), whitening.shape[1]))
    to_user[free] = whitening
    return Ground(
        family,
        target,
        columns @ to_user,
        known,
        weight,
        groups,
        to_user,
        origin,
        model.scale_,
        estimates.predictor(features, offset).T,
        estimates.log_prior(features, groups).T,
        log_joint.T,
    )


def _free(model, X, fitted):
    """Which of the intercept and coefficients are a newcomer's own, (1 + d,)."""
    if len(fitted) > 1:
        return (fitted != fitted[:1]).any(axis=0)
    # One component differs from none: what is not zero and not given is its own.
    free = fitted[0] != 0
    names = getattr(model, "feature_names_in_", None)
    held = list(model.held_coef or {})
    if "intercept" in held and "intercept" not in ([] if names is None else names):
        held.remove("intercept")
        free[0] = False
    for column in (model.offset_feature, *held):
        given = column_indices(column, X, len(free) - 1, names, "held_coef")
        free[1 + given] = False
    return free


def _whitening(columns, weight):
    """Map (f, p) to orthonormal columns, without directions that are not there."""
    columns = columns * np.sqrt(weight / weight.sum())[:, None]
    norm = np.linalg.norm(columns, axis=0)
    norm[norm == 0] = 1.0
    _, singular, right = np.linalg.svd(columns / norm, full_matrices=False)
    kept = singular > 1e-10 * singular.max(initial=0.0)
    return right[kept].T / singular[kept] / norm[:, None]


def find_newcomers(ground, log_mixture, rng, n_candidates, log_prior=0.0):
    """Local maxima of the directional derivative, the highest first.

    Parameters
    ----------
    ground : Ground
    log_mixture : ndarray of shape (U,)
        Log-density of the mixture to be joined.
    rng : numpy.random.Generator
    n_candidates : int
        Climbs, each from a regression through a random handful of units.
    log_prior : 0 or ndarray of shape (K, U)
        A newcomer with the scale of component k has the share ``exp(log_prior[k])``.

    Returns
    -------
    Candidates
        Different ones only.
    """
    component = np.arange(n_candidates) % len(ground.scale)
    coef = _through_rows(ground, log_mixture, rng, n_candidates)
    return climb_derivative(ground, log_mixture, coef, component, log_prior)


def climb_derivative(
    ground, log_mixture, coef, component, log_prior=0.0, stretch=_STRETCH
):
    """Climb D from regressions (C, p) with scales of components (C,); keep the best."""
    if not ground.family.n_scale:
        stretch = np.ones(len(stretch))
    scale = ground.scale[component]
    prior = np.broadcast_to(log_prior, ground.log_prior.shape)[component]
    log_rest = log_mixture - prior
    best = Candidates(coef, component, *_scored(ground, log_rest, coef, scale))
    for factor in stretch:
        coef = _step(ground, log_rest, coef, scale * np.sqrt(factor))
        log_density, derivative = _scored(ground, log_rest, coef, scale)
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


def _scored(ground, log_rest, coef, scale):
    """Log-densities (C, U) of regressions, and their derivatives (C,)."""
    log_density = ground.log_densities(coef, scale)
    log_ratio = np.minimum(log_density - log_rest, _HIGHEST)
    return log_density, np.exp(log_ratio) @ ground.weight


def _step(ground, log_rest, coef, scale):
    """One step of Fisher scoring, each unit weighted by its share of D.

    For the gaussian family this is the mean-shift step of D, which never lowers it.
    """
    log_ratio = ground.log_densities(coef, scale) - log_rest
    log_ratio -= log_ratio.max(axis=1, keepdims=True)
    weight = ground.of_rows(np.exp(log_ratio) * ground.weight)
    at = ground.family.evaluate(
        ground.target, ground.predictor(coef), scale[:, None], 0.0
    )
    score = weight * at.raw_score * at.unit
    information = weight * at.raw_information * at.unit**2
    gradient = score @ ground.Z
    gram = np.stack([(ground.Z.T * row) @ ground.Z for row in information])
    diagonal = np.einsum("cpp->cp", gram)
    diagonal += _RIDGE * diagonal.max(axis=1, keepdims=True) + np.finfo(float).tiny
    return coef + np.linalg.solve(gram, gradient[..., None])[..., 0]


def _through_rows(ground, log_mixture, rng, n):
    """Regressions through units drawn where the mixture is thin, (n, p)."""
    n_units, p = len(ground.weight), ground.Z.shape[1]
    each = -(-p * n_units // len(ground.Z))
    # Half of them follow 1 / f, half its square root: where f is tiny the first kind
    # sees nothing but outliers.
    power = np.resize([1.0, 0.5], (n, 1))
    log_chance = np.log(np.maximum(ground.weight, np.finfo(float).tiny))
    keys = log_chance - power * log_mixture + rng.gumbel(size=(n, n_units))
    each = min(each, n_units)
    drawn = np.argpartition(-keys, each - 1, axis=1)[:, :each]
    chosen = np.zeros((n, n_units))
    np.put_along_axis(chosen, drawn, 1.0, axis=1)
    chosen = ground.of_rows(chosen).astype(bool)
    suggested = ground.family.initial(ground.target) - ground.known
    return np.stack(
        [
            np.linalg.lstsq(ground.Z[rows], suggested[rows], rcond=1e-8)[0]
            for rows in chosen
        ]
    )
