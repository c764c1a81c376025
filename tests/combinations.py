"""Random combinations of what a mixture may have, with data drawn from each."""

from functools import cache
from typing import NamedTuple

import independent
import numpy as np

from mixreg_sklearn import MixtureRegressor, families

FAMILIES = {
    "gaussian": families.Gaussian,
    "poisson": families.Poisson,
    "negative_binomial": families.NegativeBinomial,
    "gamma": families.Gamma,
    "inverse_gaussian": families.InverseGaussian,
    "beta": families.Beta,
    "binomial": families.Binomial,
}
# Families with a further number of each component, or bounds of responses.
SHAPED = {
    "student_t": families.StudentT("estimate"),
    "zero_inflated_poisson": families.ZeroInflated(families.Poisson()),
    "weibull": families.Weibull(),
    "zero_inflated_negative_binomial": families.ZeroInflated(
        families.NegativeBinomial()
    ),
}
# Seeds from here on draw one of these.
FIRST_SHAPED = 60
# Intercepts of three components, and bounds of the slopes and of the offset. Under the
# restricted links, features and offset are positive, and some slopes are negative.
PREDICTORS = {
    "identity": ([2.0, 6.0, 12.0], (-2.5, 4.0), (0.0, 1.0)),
    "log": ([0.5, 2.0, 3.2], (-0.6, 0.6), (-0.4, 0.4)),
    "inverse": ([2.0, 0.5, 0.15], (-0.1, 0.5), (0.0, 0.1)),
    "logit": ([-2.0, 0.5, 2.5], (-0.8, 0.8), (-0.4, 0.4)),
    "probit": ([-1.2, 0.3, 1.5], (-0.5, 0.5), (-0.3, 0.3)),
    "cloglog": ([-2.0, -0.4, 0.8], (-0.5, 0.5), (-0.3, 0.3)),
}
SCALES = {
    "gaussian": (0.3, 1.0),
    "negative_binomial": (0.05, 0.6),
    "gamma": (0.1, 0.4),
    "inverse_gaussian": (0.05, 0.2),
    "beta": (0.1, 0.3),
    "student_t": (0.3, 0.8),
    "weibull": (0.2, 0.6),
    "zero_inflated_negative_binomial": (0.3, 0.6),
}


class Combination(NamedTuple):
    """A fitted mixture, and the same model and data for the independent program."""

    model: MixtureRegressor
    data: independent.Data
    space: independent.Space
    given: dict  # keywords of the fit

    def estimate(self):
        """The estimates as values of the independent program."""
        model = self.model
        odds = getattr(model, "gate_intercept_", np.log(model.weights_))
        odds_coef = getattr(model, "gate_coef_", np.zeros_like(model.coef_))
        return independent.Values(
            model.intercept_,
            model.coef_,
            np.log(model.scale_),
            odds - odds[0],
            odds_coef,
            np.log(self.shape),
        )

    @property
    def shape(self):
        """The further number of each component, (K,); ones if there is none."""
        ones = np.ones(self.model.n_components)
        return getattr(self.model, "df_", getattr(self.model, "inflation_", ones))


@cache
def combination(seed):
    """A combination, drawn and fitted."""
    rng = np.random.default_rng(seed)
    family, kind, link = draw_family(rng, seed)
    K, d = int(rng.integers(2, 4)), int(rng.integers(1, 3))
    gate = list(range(int(rng.integers(1, d + 1)))) if rng.random() < 0.4 else []
    rules, constraints = draw_constraints(rng, K, d)
    scales = 0 if family not in SCALES else 1 if rng.random() < 0.3 else K
    data = draw(rng, (family, kind, link), (K, d), gate, scales == 1)
    given = {"offset": data.offset, "sample_weight": data.weight}
    if len(np.unique(data.group)) < len(data.y):
        given["groups"] = data.group
    if data.trials is not None:
        given["trials"] = data.trials
    model = MixtureRegressor(
        K,
        family=kind,
        gate="softmax" if gate else None,
        gate_features=gate or None,
        shared_scale=scales == 1,
        random_state=0,
        n_init=1,
        **constraints,
    )
    shapes = K * (family in SHAPED and family != "weibull")
    space = independent.space(
        K, d, scales=scales, regression=rules, gate=gate, shapes=shapes
    )
    return Combination(model.fit(data.X, data.y, **given), data, space, given)


def draw_family(rng, seed):
    """The name of a family, one such family, and the name of its link."""
    if seed >= FIRST_SHAPED:
        family = list(SHAPED)[seed % len(SHAPED)]
        return family, SHAPED[family], "log" if SHAPED[family].links else "identity"
    family = list(FAMILIES)[seed % len(FAMILIES)]
    links = FAMILIES[family].links
    if not links:
        return family, FAMILIES[family](), "identity"
    link = str(rng.choice(links))
    return family, FAMILIES[family](link=link), link


def draw_constraints(rng, K, d):
    """Rules of `independent.space`, and the same as parameters of the estimator."""
    alone = [[k] for k in range(K)]
    rules, j = [alone] * (d + 1), int(rng.integers(d))
    kind = rng.choice(["none", "none", "shared", "partly", "held", "held in one"])
    if kind == "shared":
        rules[1 + j] = [list(range(K))]
        return rules, {"shared_features": [j]}
    if kind == "partly" and K == 3:
        rules[1 + j] = [[0, 1], [2]]
        return rules, {"shared_features": {j: [[0, 1]]}}
    if kind == "held":
        rules[1 + j] = np.full(K, 0.1)
        return rules, {"held_coef": {j: 0.1}}
    if kind == "held in one":
        rules[1 + j] = np.array([0.1, *[np.nan] * (K - 1)])
        return rules, {"held_coef": {j: [0.1, *[None] * (K - 1)]}}
    return rules, {}


def draw(rng, of_family, shape, gate, common):
    """Rows of a mixture, in groups or not, weighted or not."""
    (K, d), (family, kind, link) = shape, of_family
    n = int(rng.integers(50, 91))
    # Single rows do not identify inflations.
    alone = rng.random() < 0.6 and "inflated" not in family
    group = np.arange(n) if alone else np.sort(rng.integers(n // 3, size=n))
    group = rng.permutation(np.unique(group, return_inverse=True)[1])
    first = np.unique(group, return_index=True)[1]
    levels, slopes, offsets = PREDICTORS[link]
    if link == "identity" and kind.support.lattice:
        # Falling means of counts have their maxima where they are zero.
        slopes = (0.0, 4.0)
    restricted = family in independent.POSITIVE and link in ("identity", "inverse")
    X = rng.uniform(size=(n, d)) if restricted else rng.normal(size=(n, d))
    X[:, gate] = X[first][group][:, gate]
    odds = X[:, gate] @ rng.normal(size=(len(gate), K)) + rng.gumbel(size=(n, K))
    label = odds[first].argmax(axis=1)[group]
    offset = rng.uniform(*offsets, size=n) if rng.random() < 0.5 else np.zeros(n)
    coef = rng.uniform(*slopes, size=(K, d))
    eta = np.array(levels)[label] + (X * coef[label]).sum(axis=1) + offset
    if restricted:
        eta = np.maximum(eta, 0.05)
    phi = rng.uniform(*SCALES.get(family, (1.0, 1.0)), size=1 if common else K)
    phi = np.broadcast_to(phi, K)[label]
    trials = rng.integers(5, 20, size=n) if family == "binomial" else None
    y = responses(rng, family, independent.LINKS[link](eta), phi, trials)
    counts = rng.integers(0, 4, size=n) if rng.random() < 0.4 else np.ones(n)
    weight = counts[first][group].astype(float)
    return independent.Data(family, link, X, y, weight, offset, group, trials)


def responses(rng, family, mean, phi, trials):
    """A response of each row."""
    a = phi**-2.0
    if family == "student_t":
        return mean + phi * rng.standard_t(5, size=len(mean))
    if family == "weibull":
        time = np.exp(mean + phi * np.log(rng.exponential(size=len(mean))))
        end = np.quantile(time, 0.8) * rng.uniform(0.5, 2, size=len(mean))
        return families.censored(np.minimum(time, end), time <= end)
    if "inflated" in family:
        counts = family.removeprefix("zero_inflated_")
        some = rng.random(len(mean)) < 0.8
        return some * responses(rng, counts, mean, phi, trials)
    if family == "gaussian":
        return rng.normal(mean, phi)
    if family == "poisson":
        return rng.poisson(mean).astype(float)
    if family == "negative_binomial":
        return rng.negative_binomial(a, a / (a + mean)).astype(float)
    if family == "gamma":
        return rng.gamma(a, mean / a)
    if family == "inverse_gaussian":
        return rng.wald(mean, a)
    if family == "beta":
        return np.clip(rng.beta(mean * a, (1 - mean) * a), 1e-6, 1 - 1e-6)
    return rng.binomial(trials, mean).astype(float)
