"""Count the data sets whose best optimum is found: families, gates and groups.

Every cell is a kind of problem: a family (or a gate, or groups, of the gaussian
family), a number of features and components, equal or unequal shares, components at a
far or medium distance, a number of rows. A cell is drawn once for each seed. The
library is fitted twice: with its default settings (``random_state=seed``), and from the
true parameters, which no method can know. A data set counts as

reached
    if the log-likelihood of the default fit is at most 0.1 below that of the fit from
    the truth.
flawed
    if the fit from the truth is degenerate, so that the truth is no fair reference.
    Such data sets are judged by the same rule, and also counted separately.

The target is that 95 % of each family are reached. Every miss is printed with its
deficit in log-likelihood, the attributes of the default fit, and the distances of
both fits from the truth: the largest root mean square difference of linear predictors
under the best matching of components. Seconds are the wall-clock time of the default
fit, as the mean over the data sets of a cell.

The highest likelihood near the truth need not be near it: from the truth, EM may go
where a component follows a few rows that lie near a line by chance. So data sets also
count as

recovered
    if the default fit is at most 1.25 times as far from the truth as the fit from the
    truth, plus a tenth of the largest scale (as in `recovery.py`).

Usage::

    python benchmarks/recovery_families.py                     # the four families
    python benchmarks/recovery_families.py --cells gamma poisson --seeds 5
    python benchmarks/recovery_families.py --cells gate groups --json out.json
    python benchmarks/recovery_families.py --cells tobit --scale-penalty 0.25
"""

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from environment import environment
from joblib import Parallel, delayed
from recovery import distance
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.families import (
    Censored,
    Gaussian,
    Poisson,
    ZeroInflated,
    censored,
)

TOLERANCE = 0.1
TARGET = 0.95


class Setting(NamedTuple):
    """How far apart the components of a kind of problem are.

    Attributes
    ----------
    level, spread : float
        The linear predictor is ``level + spread * (b_0 + x'b) / sqrt(p)`` with standard
        normal features and coefficients: two regressions are ``sqrt(2) * spread``
        apart (root mean square).
    scale : float
        Typical scale; that of a component is up to 1.5 times smaller or larger. 1
        for families without a scale.
    trials : tuple of int
        Minimum and maximum number of trials of a row, for the binomial family.
    """

    level: float
    spread: float
    scale: float = 1.0
    trials: tuple | None = None


class Cell(NamedTuple):
    """One kind of problem.

    Attributes
    ----------
    kind : str
        A family, ``"gate"`` or ``"groups"`` for those of the gaussian family, or
        ``"tobit"`` for gaussian responses that are seen from zero on. Lifetimes
        (``"weibull"``) are censored at random times. ``"zero_inflated"`` are Poisson
        counts in groups, where it is identified.
    d, K : int
        Features of the regressions, and components.
    mix : {"bal", "imb"}
        Equal shares, or the unequal ones of `UNEQUAL`.
    distance : {"far", "mid"}
        Key of `SETTINGS`.
    mult : float
        Rows of the smallest component per coefficient.
    """

    kind: str
    d: int
    K: int
    mix: str
    distance: str
    mult: float

    @property
    def name(self):
        """Printed name, which also seeds the random numbers."""
        return f"{self.kind}-d{self.d}K{self.K}-{self.mix}-{self.distance}"

    @property
    def law(self):
        """Distribution from which responses are drawn."""
        gaussian = dict.fromkeys(("gate", "groups", "tobit"), "gaussian")
        return (gaussian | {"zero_inflated": "poisson"}).get(self.kind, self.kind)

    @property
    def family(self):
        """Family of the regressions."""
        families = {
            "tobit": Censored(Gaussian(), lower=0),
            "zero_inflated": ZeroInflated(Poisson()),
        }
        return families.get(self.kind, self.law)

    @property
    def weights(self):
        """True shares; with a gate, at zero features."""
        if self.mix == "bal":
            return np.full(self.K, 1 / self.K)
        return np.array(UNEQUAL[self.K])

    @property
    def n_rows(self):
        """Rows of a data set."""
        return int(np.ceil(self.mult * (self.d + 1) / self.weights.min()))


class Data(NamedTuple):
    """A drawn data set and its truth.

    Attributes
    ----------
    X, y : ndarray
    given : dict
        Further arguments of `fit` and `log_likelihood`.
    options : dict
        Parameters of the estimator.
    truth : dict
        The true parameters, as `init` takes them.
    """

    X: np.ndarray
    y: np.ndarray
    given: dict
    options: dict
    truth: dict


UNEQUAL = {2: (0.8, 0.2), 3: (0.7, 0.2, 0.1), 4: (0.5, 0.25, 0.15, 0.1)}

# Far: a row's standard deviation is about a tenth of the distance between two
# regressions; medium: about a third, with zeros among counts.
SETTINGS = {
    "poisson": {"far": Setting(3.0, 1.4), "mid": Setting(1.5, 1.0)},
    "binomial": {
        "far": Setting(0.0, 2.0, trials=(15, 30)),
        "mid": Setting(0.0, 1.5, trials=(5, 15)),
    },
    "gamma": {"far": Setting(1.0, 1.0, 0.15), "mid": Setting(1.0, 1.0, 0.4)},
    "negative_binomial": {
        "far": Setting(3.0, 1.4, 0.15),
        "mid": Setting(2.0, 1.2, 0.4),
    },
    "gate": {"far": Setting(0.0, 1.0, 0.14), "mid": Setting(0.0, 1.0, 0.4)},
    "groups": {"far": Setting(0.0, 1.0, 0.3), "mid": Setting(0.0, 1.0, 0.6)},
    "zero_inflated": {"far": Setting(2.0, 1.0), "mid": Setting(1.0, 0.7)},
    # About a third of the responses are censored.
    "tobit": {"far": Setting(0.5, 1.0, 0.14), "mid": Setting(0.5, 1.0, 0.4)},
    "weibull": {"far": Setting(1.0, 1.0, 0.12), "mid": Setting(1.0, 1.0, 0.35)},
}

SHAPES = (
    (1, 2, "bal", "mid", 20),
    (1, 3, "bal", "far", 20),
    (1, 3, "imb", "mid", 20),
    (1, 4, "bal", "far", 30),
    (2, 2, "imb", "mid", 15),
    (2, 3, "bal", "mid", 20),
    (2, 3, "bal", "far", 6),
    (2, 4, "imb", "far", 15),
    (3, 2, "bal", "mid", 15),
    (3, 3, "imb", "far", 10),
    (3, 4, "bal", "mid", 25),
)
GRID = {kind: [Cell(kind, *shape) for shape in SHAPES] for kind in SETTINGS}
FAMILIES = ("poisson", "binomial", "gamma", "negative_binomial")

# Standard deviation of the coefficients of a gate, and sizes of groups.
GATE_STRENGTH, GROUP_SIZES = 1.5, (2, 7)


# --- Data ---------------------------------------------------------------------------


def generate(cell, seed):
    """Draw one data set of a cell. The stream of random numbers is frozen."""
    d, K, n = cell.d, cell.K, cell.n_rows
    setting = SETTINGS[cell.kind][cell.distance]
    rng = np.random.default_rng([seed, *cell.name.encode()])
    # A gate shares one feature with the regressions and has one more.
    X = rng.standard_normal((n, d + (cell.kind == "gate")))
    coef = rng.standard_normal((K, d + 1)) * setting.spread / np.sqrt(d + 1)
    scale = np.ones(K)
    if cell.law not in ("poisson", "binomial"):
        scale = setting.scale * rng.permutation(np.geomspace(1 / 1.5, 1.5, K))
    truth = {
        "weights": cell.weights,
        "coef": np.pad(coef[:, 1:], ((0, 0), (0, X.shape[1] - d))),
        "intercept": setting.level + coef[:, 0],
        "scale": scale,
    }
    if cell.kind == "zero_inflated":
        truth["inflation"] = rng.permutation(np.linspace(0.1, 0.5, K))
    given, options = {}, {"n_components": K, "family": cell.family}
    component, more = draw_components(cell, X, rng)
    if cell.kind == "gate":
        truth |= more
        options |= {
            "gate": "softmax",
            "gate_features": [d - 1, d],
            "regression_features": list(range(d)),
        }
    else:
        given |= more
    eta = truth["intercept"][component] + (X * truth["coef"][component]).sum(axis=1)
    if setting.trials:
        low, high = setting.trials
        given["trials"] = rng.integers(low, high + 1, n)
    y = draw_responses(cell.law, eta, scale[component], given.get("trials"), rng)
    if cell.kind == "zero_inflated":
        y[rng.random(n) < truth["inflation"][component]] = 0.0
    y = hidden(cell, y, rng)
    return Data(X, y, given, options, truth)


def draw_components(cell, X, rng):
    """The component of every row, and the gate or the groups that determine it.

    Components are drawn again until the smallest has at least half its intended rows.
    """
    while True:
        more = {}
        if cell.kind == "gate":
            more = draw_gate(cell, X.shape[1], rng)
            log_odds = X @ more["gate_coef"].T + more["gate_intercept"]
            # The largest of values with Gumbel noise has the softmax probabilities.
            component = (log_odds + rng.gumbel(size=log_odds.shape)).argmax(axis=1)
        elif cell.kind in ("groups", "zero_inflated"):
            sizes = rng.integers(*GROUP_SIZES, size=len(X))
            groups = np.repeat(np.arange(len(X)), sizes)[: len(X)]
            component = rng.choice(cell.K, groups[-1] + 1, p=cell.weights)[groups]
            more = {"groups": groups}
        else:
            component = rng.choice(cell.K, len(X), p=cell.weights)
        fewest = np.bincount(component, minlength=cell.K).min()
        if fewest >= 0.5 * cell.mult * (cell.d + 1):
            return component, more


def draw_gate(cell, n_features, rng):
    """Coefficients of a gate on the last two features, component 0 the baseline."""
    gate = np.zeros((cell.K, n_features))
    gate[1:, -2:] = GATE_STRENGTH * rng.standard_normal((cell.K - 1, 2))
    intercept = np.log(cell.weights / cell.weights[0])
    return {"gate_coef": gate, "gate_intercept": intercept}


def hidden(cell, y, rng):
    """Responses as they are seen: beyond limits, or until random times."""
    if cell.kind == "tobit":
        return np.maximum(y, 0)
    if cell.kind == "weibull":
        setting = SETTINGS["weibull"][cell.distance]
        ends = np.exp(
            setting.level + 0.5 + setting.spread * rng.standard_normal(len(y))
        )
        return censored(np.minimum(y, ends), y <= ends)
    return y


def draw_responses(family, eta, scale, trials, rng):
    """One response for every row, drawn without the library under test."""
    if family == "gaussian":
        return rng.normal(eta, scale)
    if family == "binomial":
        return rng.binomial(trials, 1 / (1 + np.exp(-eta))).astype(float)
    if family == "beta":
        mean, precision = 1 / (1 + np.exp(-eta)), scale**-2
        return rng.beta(mean * precision, (1 - mean) * precision)
    if family == "weibull":
        return np.exp(eta + scale * np.log(rng.exponential(size=len(eta))))
    mean = np.exp(eta)
    if family == "poisson":
        return rng.poisson(mean).astype(float)
    if family == "inverse_gaussian":
        return rng.wald(mean, scale**-2)
    drawn = rng.gamma(scale**-2, mean * scale**2)
    return drawn if family == "gamma" else rng.poisson(drawn).astype(float)


# --- Trials -------------------------------------------------------------------------


def fit(data, **parameters):
    """A fitted model, its log-likelihood from first principles, and its seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        start = time.perf_counter()
        model = MixtureRegressor(**data.options, **parameters)
        model.fit(data.X, data.y, **data.given)
        seconds = time.perf_counter() - start
    return model, model.log_likelihood(data.X, data.y, **data.given), seconds


def trial(cell, seed, scale_penalty=1.0):
    """Verdict on one data set."""
    data = generate(cell, seed)
    with threadpool_limits(1):
        options = {"random_state": seed, "scale_penalty": scale_penalty}
        found, loglik, seconds = fit(data, **options)
        reference, attainable, _ = fit(data, init=data.truth)
    apart = [off_truth(data, model) for model in (found, reference)]
    return {
        "seed": seed,
        "reached": bool(loglik >= attainable - TOLERANCE),
        "deficit": attainable - loglik,
        "off": apart,
        "recovered": bool(
            apart[0] <= 1.25 * apart[1] + 0.1 * data.truth["scale"].max()
        ),
        "flawed": reference.degenerate_,
        "seconds": seconds,
        "converged": found.converged_,
        "degenerate": found.degenerate_,
        "rounds": found.search_.get("rounds", 0),
        "agreeing_arms": found.search_.get("agreeing_arms", 0),
    }


def off_truth(data, model):
    """Distance of a fit from the truth, in linear predictors."""
    true = np.column_stack([data.truth["intercept"], data.truth["coef"]])
    return distance(data.X, np.column_stack([model.intercept_, model.coef_]), true)


def count(trials):
    """Reached of all, and of those whose fit from the truth is flawed."""
    flawed = [t for t in trials if t["flawed"]]
    return {
        "data_sets": len(trials),
        "reached": sum(t["reached"] for t in trials),
        "recovered": sum(t["recovered"] for t in trials),
        "flawed": len(flawed),
        "flawed_reached": sum(t["reached"] for t in flawed),
        "unproven": sum(not t["converged"] for t in trials),
        "rounds": float(np.mean([t["rounds"] for t in trials])),
        "mean_seconds": float(np.mean([t["seconds"] for t in trials])),
    }


# --- Report -------------------------------------------------------------------------


def line(name, counts):
    reached = f"{counts['reached']}/{counts['data_sets']}"
    flawed = f"{counts['flawed_reached']}/{counts['flawed']}"
    return (
        f"{name:<34s} reached {reached:>8s}  recovered {counts['recovered']:3d}"
        f"  flawed {flawed:>5s}  unproven {counts['unproven']:3d}"
        f"  rounds {counts['rounds']:4.1f}  {counts['mean_seconds']:7.3f} s"
    )


def verdict(counts):
    share = counts["reached"] / counts["data_sets"]
    passed = "met" if share >= TARGET else "MISSED"
    return f"{share:.1%} reached, target {TARGET:.0%} {passed}"


def describe_miss(cell, miss):
    truth = "  truth degenerate" if miss["flawed"] else ""
    return (
        f"  miss: {cell.name} seed {miss['seed']}  deficit {miss['deficit']:.2f}"
        f"  off {miss['off'][0]:.3f} ({miss['off'][1]:.3f} from the truth)"
        f"  converged_ {miss['converged']}  degenerate_ {miss['degenerate']}"
        f"  rounds {miss['rounds']}  agreeing {miss['agreeing_arms']}{truth}"
    )


def run_kind(kind, seeds, parallel, scale_penalty):
    """Run and print all cells of a family; returns its record."""
    cells, everything = {}, []
    for cell in GRID[kind]:
        trials = parallel(delayed(trial)(cell, seed, scale_penalty) for seed in seeds)
        misses = [t for t in trials if not t["reached"]]
        cells[cell.name] = {"n": cell.n_rows, **count(trials), "misses": misses}
        print(line(f"{cell.name} n={cell.n_rows}", cells[cell.name]), flush=True)
        for miss in misses:
            print(describe_miss(cell, miss), flush=True)
        everything += trials
    total = count(everything)
    print(line(f"{kind}: total", total))
    print(f"{kind}: {verdict(total)}\n", flush=True)
    return {"total": total, "cells": cells}


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", nargs="+", choices=GRID, default=FAMILIES)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--seed0", type=int, default=0)
    parser.add_argument("--scale-penalty", type=float, default=1.0)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--json", type=Path, help="write the counts to this file")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    seeds = range(options.seed0, options.seed0 + options.seeds)
    print(f"seeds {seeds[0]} to {seeds[-1]}, cells: {', '.join(options.cells)}")
    parallel = Parallel(n_jobs=options.jobs)
    kinds = {
        kind: run_kind(kind, seeds, parallel, options.scale_penalty)
        for kind in options.cells
    }
    if options.json:
        record = {
            "seed0": options.seed0,
            "seeds": options.seeds,
            "scale_penalty": options.scale_penalty,
            **environment(),
            "kinds": kinds,
        }
        options.json.write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
