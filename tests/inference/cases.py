"""Data, fits and the likelihood in working parameters, for tests of inference."""

import copy
from functools import cache

import numpy as np
from scipy import special

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.families import (
    Beta,
    Binomial,
    Gamma,
    Gaussian,
    InverseGaussian,
    NegativeBinomial,
    Poisson,
    StudentT,
)
from mixreg_sklearn.inference import inference

# Data and fits ------------------------------------------------------------------


# Linear predictors of two components, far apart on the scale of each link.
LEVELS = {
    "identity": ([8.0, 2.0], [[0.5, 0.2], [-0.3, 0.3]]),
    "log": ([3.5, 1.5], [[0.4, 0.0], [-0.5, 0.3]]),
    "inverse": ([0.2, 1.5], [[0.02, 0.01], [0.15, -0.1]]),
    "logit": ([1.5, -1.5], [[0.5, 0.0], [-0.6, 0.4]]),
    "probit": ([1.0, -1.0], [[0.3, 0.0], [-0.4, 0.2]]),
    "cloglog": ([0.5, -2.0], [[0.3, 0.0], [-0.4, 0.2]]),
}
FAMILIES = {
    "gaussian": (Gaussian(), "identity", 0.7),
    "poisson": (Poisson(), "log", 1.0),
    "poisson, identity": (Poisson(link="identity"), "identity", 1.0),
    "binomial": (Binomial(), "logit", 1.0),
    "binomial, probit": (Binomial(link="probit"), "probit", 1.0),
    "binomial, cloglog": (Binomial(link="cloglog"), "cloglog", 1.0),
    "gamma": (Gamma(), "log", 0.3),
    "gamma, inverse": (Gamma(link="inverse"), "inverse", 0.3),
    "negative binomial": (NegativeBinomial(), "log", 0.4),
    "inverse gaussian": (InverseGaussian(), "log", 0.1),
    "beta": (Beta(), "logit", 0.3),
    "student t": (StudentT(), "identity", 0.5),
}
TRIALS = 12


def draw(name, seed=0, n=240, gated=False, groups=None):
    """Features, responses, and the arguments of `fit` that go with them."""
    family, link, scale = FAMILIES[name]
    rng = np.random.default_rng(seed)
    X = np.clip(rng.normal(size=(n, 2)), -2, 2)
    level, slopes = map(np.array, LEVELS[link])
    unit = np.arange(n) if groups is None else groups
    first = np.unique(unit, return_index=True)[1]
    if gated:
        X[:, 1] = X[first[unit], 1]
    odds = 0.3 + (1.2 * X[first, 1] if gated else 0.0)
    label = (rng.random(len(first)) > special.expit(odds)).astype(int)[unit]
    eta = level[label] + np.einsum("ij,ij->i", X, slopes[label])
    given = {"trials": TRIALS} if name.startswith("binomial") else {}
    y = family.sample(eta, np.full(n, scale), rng, **given)
    arguments = {"trials": np.full(n, TRIALS)} if given else {}
    if groups is not None:
        arguments["groups"] = groups
    return X, y, arguments


def fit(data, n_components=2, **options):
    X, y, arguments = data
    options = {"random_state": 0} | options
    model = MixtureRegressor(n_components, **options).fit(X, y, **arguments)
    assert model.converged_
    return model


@cache
def fit_family(name, gated=False):
    data = draw(name, gated=gated)
    gate = "softmax" if gated else None
    model = fit(data, family=FAMILIES[name][0], gate=gate)
    return data, model, inference(model, *data[:2], **data[2])


def infer(model, data, **options):
    X, y, arguments = data
    return inference(model, X, y, **arguments, **options)


def place(result, attribute, component, feature=None):
    """Where a parameter is in a result."""
    for i, term in enumerate(result.terms):
        if (term.attribute, term.component, term.feature) == (
            attribute,
            component,
            feature,
        ):
            return i
    raise LookupError(attribute, component, feature)


# The information is the curvature of the log-likelihood -------------------------


def directions(result):
    """What may move: each free parameter, and the shared ones together."""
    found = {}
    for i, term in enumerate(result.terms):
        if term.note == "held" or (term.attribute, term.component) == ("weights_", 0):
            continue
        key = (term.label, result.params[i]) if term.note == "shared" else i
        found.setdefault(key, []).append(i)
    return list(found.values())


def moved(model, result, steps):
    """The model after steps in working parameters; shares against component 0."""
    other = copy.copy(model)
    for term in result.terms:
        setattr(other, term.attribute, getattr(model, term.attribute).copy())
    logits = np.log(model.weights_)
    for members, step in zip(directions(result), steps, strict=True):
        for term in (result.terms[i] for i in members):
            at = (term.component, term.feature)[: 1 + (term.feature is not None)]
            values = getattr(other, term.attribute)
            if term.attribute == "weights_":
                logits[at] += step
            elif term.attribute == "scale_":
                values[at] *= np.exp(step)
            else:
                values[at] += step
    if not hasattr(model, "gate_coef_"):
        other.weights_ = special.softmax(logits)
    return other


def values(model, result):
    """The parameters of a model in the order of a result."""
    return np.array(
        [
            getattr(model, t.attribute)[
                (t.component, t.feature)[: 1 + (t.feature is not None)]
            ]
            for t in result.terms
        ]
    )


# Name of a case: options of the model, arguments of fit besides those drawn.
GROUP = np.arange(240) // 3
WEIGHT = np.random.default_rng(9).integers(0, 4, 240)
OFFSET = np.random.default_rng(8).normal(size=240)


# Other covariances --------------------------------------------------------------


def assert_close_cov(ours, theirs, rtol=1e-5):
    scale = np.sqrt(np.outer(np.diag(theirs), np.diag(theirs)))
    assert (np.abs(ours - theirs) <= rtol * scale).all()
