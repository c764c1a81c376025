"""Count the data sets whose true regressions are found.

Every cell of the grid is a kind of problem: a number of features and components, equal
or unequal shares, a noise level, a number of rows. A cell is drawn once for each seed;
the method under test sees X, y and the number of components, nothing else. With `b_k`
the true coefficients and `c_k` the estimated ones, a data set is

recovered
    if ``max_k RMS_i |x_i'(c_k - b_k)| <= 1.25 e + 0.1 max_k sigma_k`` under the best
    matching of components, where e is the same distance for EM started at the truth,
    which no method can know. Data sets with ``e >= 3 max_k sigma_k`` hold too little
    information and are not counted.
ll-ok
    if the log-likelihood is at most 0.1 below that of EM from the truth.
spurious
    if ll-ok but not recovered: a better likelihood, the wrong regressions.

In the cell with outliers the bound is ``2 max_k sigma_k``. In those with threefold
errors (wide) EM from the truth is gaussian, as elsewhere. A fit that raises, runs out
of time or returns fewer components than requested is a failure. Seconds are the
wall-clock time of the fit alone, as the median over the data sets of a cell.

Usage::

    python benchmarks/recovery.py                        # core cells, 20 seeds
    python benchmarks/recovery.py --cells all --seeds 5 --jobs 2 --json out.json
    python benchmarks/recovery.py --method R:flexmix     # a peer on the same data

Peers: `R:flexmix` is one run of flexmix with its defaults, `R:flexmix10` the best of
ten (`stepFlexmix`), `R:mixtools` one run of `regmixEM`. They need Rscript and those
packages (Debian: r-cran-flexmix, r-cran-mixtools).
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from environment import environment
from joblib import Parallel, delayed
from scipy.optimize import linear_sum_assignment
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from mixreg_sklearn import MixtureRegressor


class Cell(NamedTuple):
    """One kind of problem.

    Attributes
    ----------
    d, K : int
        Features and components.
    mix : "bal", "imb" or tuple of float
        Equal shares, the unequal ones of `UNEQUAL`, or these.
    noise : float
        Standard deviation divided by the typical distance between two regressions.
    mult : float
        Rows of the smallest component per coefficient.
    design : {"gauss", "corr", "parallel", "cross"}
        Independent or correlated features, parallel lines, lines through the origin.
    out : float
        Share of outliers.
    hetero : float
        Ratio of the largest to the smallest standard deviation.
    sigma, n : float, int
        Absolute noise and number of rows, instead of `noise` and `mult`.
    origin : bool
        Whether the true intercepts are zero.
    spare : int
        Components that are fitted beyond K.
    wide : float
        Share of rows whose errors are three times as large.
    family : str
        Family that is fitted.
    background : str or None
        Background that is fitted.
    known : float
        Share of rows whose component is known.
    """

    d: int
    K: int
    mix: str | tuple
    noise: float | None = None
    mult: float | None = None
    design: str = "gauss"
    out: float = 0.0
    hetero: float = 1.0
    sigma: float | None = None
    n: int | None = None
    origin: bool = False
    spare: int = 0
    wide: float = 0.0
    family: str = "gaussian"
    background: str | None = None
    known: float = 0.0


class Data(NamedTuple):
    """A drawn data set and its truth; coefficients have the intercept first."""

    X: np.ndarray
    y: np.ndarray
    coef: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    known: np.ndarray  # (n,), components of the rows where they are known, or -1


class Estimate(NamedTuple):
    """The estimates of a method, in the layout of `Data`, and its cost."""

    coef: np.ndarray | None
    scale: np.ndarray | None
    weights: np.ndarray | None
    seconds: float
    warned: bool = False


UNEQUAL = {
    2: (0.8, 0.2),
    3: (0.7, 0.2, 0.1),
    4: (0.5, 0.25, 0.15, 0.1),
    5: (0.4, 0.25, 0.15, 0.12, 0.08),
    8: (0.3, 0.2, 0.12, 0.1, 0.08, 0.08, 0.06, 0.06),
}

CORE = {
    "d1K2-bal-mid": Cell(1, 2, "bal", 0.10, 20),
    "d1K3-imb-mid": Cell(1, 3, "imb", 0.10, 15),
    "d1K5-bal-mid": Cell(1, 5, "bal", 0.05, 20),
    "d1K3-parallel": Cell(1, 3, "bal", 0.15, 20, design="parallel"),
    "d1K3-cross": Cell(1, 3, "bal", 0.10, 20, design="cross"),
    "d2K3-bal-low": Cell(2, 3, "bal", 0.01, 10),
    "d2K3-bal-high": Cell(2, 3, "bal", 0.25, 40),
    "d2K3-imb-mid": Cell(2, 3, "imb", 0.10, 10),
    "d2K3-bal-scarce": Cell(2, 3, "bal", 0.05, 4),
    "d2K5-imb-mid": Cell(2, 5, "imb", 0.05, 10),
    "d2K8-bal-low": Cell(2, 8, "bal", 0.02, 20),
    "d5K2-imb-scarce": Cell(5, 2, "imb", 0.05, 3),
    "d5K3-bal-mid": Cell(5, 3, "bal", 0.10, 8),
    "d5K3-imb-low": Cell(5, 3, "imb", 0.01, 5),
    "d5K3-corr": Cell(5, 3, "bal", 0.10, 8, design="corr"),
    "d5K3-het10": Cell(5, 3, "bal", 0.10, 10, hetero=10.0),
    "d5K4-imb-mid": Cell(5, 4, "imb", 0.10, 10),
    "d5K5-bal-mid": Cell(5, 5, "bal", 0.10, 20),
    "d10K3-imb-low": Cell(10, 3, "imb", 0.01, 4),
    "d10K5-bal-low": Cell(10, 5, "bal", 0.02, 10),
    "d2K3-out5": Cell(2, 3, "bal", 0.03, 20, out=0.05),
}
HARD = {
    "d1K5-imb-mid": Cell(1, 5, "imb", 0.05, 15),
    "d1K8-bal-low": Cell(1, 8, "bal", 0.02, 30),
    "d2K5-bal-high": Cell(2, 5, "bal", 0.12, 60),
    "d2K8-imb-low": Cell(2, 8, "imb", 0.02, 20),
    "d5K5-imb-scarce": Cell(5, 5, "imb", 0.02, 4),
    "d5K8-bal-low": Cell(5, 8, "bal", 0.02, 15),
    "d5K4-het10": Cell(5, 4, "bal", 0.08, 15, hetero=10.0),
    "d10K4-imb-scarce": Cell(10, 4, "imb", 0.01, 2.5),
    "d10K8-bal-low": Cell(10, 8, "bal", 0.02, 15),
    "d20K3-imb-scarce": Cell(20, 3, "imb", 0.01, 2),
    "d20K5-bal-low": Cell(20, 5, "bal", 0.02, 5),
}
HD = {
    "d20K2-imb-mid": Cell(20, 2, "imb", 0.10, 5),
    "d20K3-bal-low": Cell(20, 3, "bal", 0.01, 4),
    "d20K3-imb-low": Cell(20, 3, "imb", 0.01, 4),
    "d50K3-bal-low": Cell(50, 3, "bal", 0.01, 3),
    "d50K3-imb-low": Cell(50, 3, "imb", 0.01, 3),
}
XTREME = {
    "d1K8-bal-mid": Cell(1, 8, "bal", 0.04, 40),
    "d2K8-bal-mid": Cell(2, 8, "bal", 0.06, 40),
    "d5K10-bal-low": Cell(5, 10, "bal", 0.02, 15),
    "d10K5-imb-scarce": Cell(10, 5, "imb", 0.01, 2.5),
    "d20K5-imb-scarce": Cell(20, 5, "imb", 0.01, 2),
    "d10K8-imb-low": Cell(10, 8, "imb", 0.01, 6),
}
# A component for the outliers.
OUTLIERS = {
    f"d2K3-out{100 * share:.0f}+1": Cell(2, 3, "bal", 0.03, 20, out=share, spare=1)
    for share in (0.05, 0.10, 0.15)
}
# A background for them.
BACKGROUND = {
    f"{name}-out{100 * share:.0f}-background": Cell(
        *cell, out=share, background="uniform"
    )
    for share in (0.05, 0.10, 0.15)
    for name, cell in {
        "d1K2": (1, 2, "bal", 0.10, 25),
        "d2K3": (2, 3, "bal", 0.03, 20),
        "d5K3": (5, 3, "imb", 0.05, 15),
    }.items()
}
# One row in ten with threefold errors, and a family that expects such rows.
WIDE = {
    f"{name}-wide10-{family}": Cell(*cell, wide=0.10, family=family)
    for name, cell in {
        "d1K2": (1, 2, "bal", 0.10, 25),
        "d2K2-imb": (2, 2, "imb", 0.05, 15),
        "d2K3": (2, 3, "bal", 0.05, 20),
        "d5K3": (5, 3, "bal", 0.05, 15),
    }.items()
    for family in ("student_t", "gaussian")
}
# The settings of the demonstration of Mix-IRLS (Zilber & Nadler 2023).
ZN = {
    f"ZN-d100{name}-n{n}": Cell(100, K, mix, sigma=1e-2, n=n, origin=True)
    for name, K, mix in (("K3-imb", 3, "imb"), ("K4", 4, (0.4, 0.3, 0.2, 0.1)))
    for n in (1500, 2000, 3000)
}
GRIDS = {"core": CORE, "hard": HARD, "hd": HD, "xtreme": XTREME, "zn": ZN}
GRIDS["outliers"] = OUTLIERS
GRIDS["all"] = {name: cell for grid in GRIDS.values() for name, cell in grid.items()}
# Components that overlap, without labels and with some.
LABELS = {
    f"{name}-known{100 * share:.0f}": Cell(*cell, known=share)
    for name, cell in {
        "d1K2": (1, 2, "bal", 0.50, 40),
        "d1K4": (1, 4, "bal", 0.15, 15),
        "d2K3": (2, 3, "bal", 0.30, 8),
        "d3K4": (3, 4, "bal", 0.25, 20),
    }.items()
    for share in (0.0, 0.05, 0.10, 0.20)
}
# Not among all, as they compare models.
GRIDS |= {"wide": WIDE, "background": BACKGROUND, "labels": LABELS}


# --- Data ---------------------------------------------------------------------------


def generate(cell, seed):
    """Draw one data set of a cell. The stream of random numbers is frozen."""
    d, K, p = cell.d, cell.K, cell.d + 1
    if cell.mix == "bal":
        weights = np.full(K, 1.0 / K)
    else:
        weights = np.array(UNEQUAL[K] if cell.mix == "imb" else cell.mix)
    n = cell.n or int(np.ceil(cell.mult * p / weights.min()))
    key = int(1000 * (cell.noise or cell.sigma))
    rng = np.random.default_rng(
        [seed, d, K, n, key, len(cell.design), int(cell.mix == "bal")]
    )
    component = rng.choice(K, n, p=weights)
    for k in range(K):
        while (component == k).sum() < p + 2:
            component[rng.integers(n)] = k
    X = rng.standard_normal((n, d))
    if cell.design == "corr":
        distance = np.abs(np.subtract.outer(np.arange(d), np.arange(d)))
        X = X @ np.linalg.cholesky(0.9**distance).T
    coef = rng.standard_normal((K, p))
    sigma = cell.sigma or cell.noise * np.sqrt(2 * p)
    if cell.design == "parallel":
        coef[:, 1:] = coef[0, 1:]
        coef[:, 0] = rng.permutation(K) * np.sqrt(2 * p)
    elif cell.design == "cross":
        coef[:, 0] = 0
        sigma = cell.noise * np.sqrt(2 * d)
    if cell.origin:
        coef[:, 0] = 0
    scale = np.full(K, sigma)
    if cell.hetero != 1:
        scale = sigma * np.geomspace(cell.hetero**-0.5, cell.hetero**0.5, K)
    signal = coef[component, 0] + (X * coef[component, 1:]).sum(axis=1)
    y = signal + scale[component] * rng.standard_normal(n)
    if cell.wide:
        where = rng.choice(n, round(cell.wide * n), replace=False)
        y[where] += 2 * (y - signal)[where]
    if cell.out:
        n_outliers = round(cell.out * n)
        where = rng.choice(n, n_outliers, replace=False)
        y[where] = y.mean() + 5 * y.std() * rng.uniform(-1, 1, n_outliers)
    known = np.where(rng.random(n) < cell.known, component, -1)
    return Data(X, y, coef, scale, weights, known)


# --- Judge --------------------------------------------------------------------------


def log_joint(data, coef, scale, weights):
    """Logarithm of weight times density for every row and component, (n, K)."""
    scale = np.maximum(scale, 1e-12)
    residual = data.y[:, None] - with_constant(data.X) @ coef.T
    log_weights = np.log(np.maximum(weights, 1e-300))
    constant = log_weights - 0.5 * np.log(2 * np.pi) - np.log(scale)
    joint = constant - 0.5 * (residual / scale) ** 2
    labelled = data.known[:, None] >= 0
    other = data.known[:, None] != np.arange(len(weights))
    return np.where(labelled & other, -np.inf, joint)


def log_likelihood(data, coef, scale, weights):
    return np.logaddexp.reduce(log_joint(data, coef, scale, weights), axis=1).sum()


def with_constant(X):
    return np.column_stack([np.ones(len(X)), X])


def em_from_truth(data, max_iter=3000, tol=1e-10, floor=1e-3):
    """Plain EM from the true parameters, independent of the library under test."""
    F, y, n = with_constant(data.X), data.y, len(data.y)
    coef, scale, weights = data.coef, data.scale, data.weights
    previous = -np.inf
    for _ in range(max_iter):
        joint = log_joint(data, coef, scale, weights)
        loglik = np.logaddexp.reduce(joint, axis=1).sum()
        if previous <= loglik < previous + tol * n:
            break
        previous = loglik
        tau = np.exp(joint - joint.max(axis=1, keepdims=True))
        tau /= tau.sum(axis=1, keepdims=True)
        root = np.sqrt(tau)
        coef = np.stack(
            [np.linalg.lstsq(F * r[:, None], y * r, rcond=None)[0] for r in root.T]
        )
        squares = (tau * (y[:, None] - F @ coef.T) ** 2).sum(axis=0)
        variance = np.maximum(squares / tau.sum(axis=0), floor * squares.sum() / n)
        scale, weights = np.sqrt(variance), tau.mean(axis=0)
    return coef, loglik


def distance(X, estimated, true):
    """Largest RMS difference of fitted values under the best matching."""
    F = with_constant(X)
    difference = (F @ estimated.T)[:, :, None] - (F @ true.T)[:, None, :]
    return bottleneck(np.sqrt((difference**2).mean(axis=0)))


def bottleneck(costs):
    """Find the smallest bound under which columns and rows can be matched."""
    if costs.shape[0] < costs.shape[1]:
        return np.inf
    bounds = np.unique(costs)
    low, high = 0, len(bounds) - 1
    while low < high:
        middle = (low + high) // 2
        forbidden = (costs > bounds[middle]).astype(float)
        if forbidden[linear_sum_assignment(forbidden)].sum() == 0:
            high = middle
        else:
            low = middle + 1
    return float(bounds[low])


def judge(data, estimate, has_outliers):
    """Verdict on one data set: recoverable, recovered, ll-ok, spurious."""
    coef, loglik = em_from_truth(data)
    attainable, sigma = distance(data.X, coef, data.coef), data.scale.max()
    recoverable = bool(attainable < 3 * sigma or has_outliers)
    bound = 2 * sigma if has_outliers else 1.25 * attainable + 0.1 * sigma
    verdict = {"recoverable": recoverable, "recovered": False, "ll_ok": False}
    found = estimate.coef
    if found is not None and len(found) >= len(data.weights):
        parts = found, estimate.scale, estimate.weights
        verdict["recovered"] = bool(distance(data.X, found, data.coef) <= bound)
        verdict["ll_ok"] = bool(log_likelihood(data, *parts) >= loglik - 0.1)
    verdict["spurious"] = verdict["ll_ok"] and not verdict["recovered"]
    return verdict


# --- Methods ------------------------------------------------------------------------


def fit_mixreg(data, seed, cell):
    """Fit the library with its default settings."""
    K = len(data.weights) + cell.spare
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        start = time.perf_counter()
        model = MixtureRegressor(
            K, family=cell.family, background=cell.background, random_state=seed
        )
        model.fit(data.X, data.y, known_component=data.known if cell.known else None)
        seconds = time.perf_counter() - start
    warned = any(issubclass(w.category, ConvergenceWarning) for w in caught)
    coef = np.column_stack([model.intercept_, model.coef_])
    return Estimate(coef, model.scale_, model.weights_, seconds, warned)


R_PROGRAM = r"""
arguments <- commandArgs(TRUE)
folder <- arguments[1]; method <- arguments[2]; K <- as.integer(arguments[3])
limit <- as.numeric(arguments[4])
suppressMessages(library(if (method == "mixtools") "mixtools" else "flexmix",
                         character.only = TRUE))

estimate <- function(X, y) {
  if (method == "mixtools") {
    sink(nullfile()); on.exit(sink())
    m <- regmixEM(y, X, k = K)
    return(cbind(t(m$beta), as.vector(m$sigma), m$lambda))
  }
  frame <- data.frame(y = y, X)
  m <- if (method == "flexmix") flexmix(y ~ ., data = frame, k = K) else
    stepFlexmix(y ~ ., data = frame, k = K, nrep = 10, verbose = FALSE)
  P <- parameters(m)
  t(rbind(P[1:(ncol(X) + 1), , drop = FALSE], P[nrow(P), ], prior(m)))
}

for (path in list.files(folder, pattern = "csv$", full.names = TRUE)) {
  data <- as.matrix(read.csv(path, header = FALSE))
  set.seed(as.integer(sub("[.]csv$", "", basename(path))))
  start <- proc.time()[["elapsed"]]
  result <- tryCatch({
    setTimeLimit(elapsed = limit, transient = TRUE)
    estimate(data[, -1, drop = FALSE], data[, 1])
  }, error = function(e) NULL)
  setTimeLimit(); while (sink.number() > 0) sink()
  seconds <- proc.time()[["elapsed"]] - start
  if (!is.null(result))
    write.table(cbind(result, seconds), sub("csv$", "out", path),
                row.names = FALSE, col.names = FALSE)
}
"""


def fit_r(method, data_sets, K, limit):
    """Run one R process for all data sets of a cell; {seed: Data} -> {seed: Estimate}.

    Only the fit is timed, inside R.
    """
    estimates = {}
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "program.R")
        program.write_text(R_PROGRAM)
        for seed, data in data_sets.items():
            table = np.column_stack([data.y, data.X])
            np.savetxt(Path(folder, f"{seed}.csv"), table, delimiter=",")
        subprocess.run(
            ["Rscript", program, folder, method, str(K), str(limit)],
            check=True,
            capture_output=True,
        )
        for seed in data_sets:
            out = Path(folder, f"{seed}.out")
            if out.exists():
                table = np.loadtxt(out, ndmin=2)
                coef, scale, weights = table[:, :-3], table[:, -3], table[:, -2]
                estimates[seed] = Estimate(coef, scale, weights, table[0, -1])
            else:
                estimates[seed] = Estimate(None, None, None, np.nan)
    return estimates


def require_r(package):
    """Exit with a clear message if R or the package is missing."""
    if shutil.which("Rscript") is None:
        sys.exit("Rscript is not installed, so no peer can be run (see --help).")
    test = f"q(status = !requireNamespace('{package}', quietly = TRUE))"
    if subprocess.run(["Rscript", "-e", test], capture_output=True).returncode:
        sys.exit(
            f"R has no package {package}, so this peer cannot be run (see --help)."
        )


# --- Run ----------------------------------------------------------------------------


def trial_mixreg(cell, seed):
    data = generate(cell, seed)
    with threadpool_limits(1):
        try:
            estimate = fit_mixreg(data, seed, cell)
        except Exception as error:  # a fit that raises counts as a failure
            print(f"  seed {seed}: {error!r}", file=sys.stderr)
            estimate = Estimate(None, None, None, np.nan)
        return judge(data, estimate, cell.out > 0), estimate


def trials_r(method, cell, seeds, limit):
    data_sets = {seed: generate(cell, seed) for seed in seeds}
    estimates = fit_r(method, data_sets, cell.K + cell.spare, limit)
    with threadpool_limits(1):
        return [
            (judge(data_sets[seed], estimates[seed], cell.out > 0), estimates[seed])
            for seed in seeds
        ]


def run_cell(options, cell, parallel):
    """Verdicts and estimates of all seeds of a cell."""
    seeds = range(options.seed0, options.seed0 + options.seeds)
    if options.method == "mixreg":
        return parallel(delayed(trial_mixreg)(cell, seed) for seed in seeds)
    method = options.method.removeprefix("R:")
    shares = [list(seeds[i :: options.jobs]) for i in range(options.jobs)]
    batches = parallel(
        delayed(trials_r)(method, cell, share, options.limit)
        for share in shares
        if share
    )
    return [trial for batch in batches for trial in batch]


def summarize(cell, trials):
    """Count verdicts over the recoverable data sets of a cell."""
    counts = Counter()
    for verdict, estimate in trials:
        counts["warnings"] += estimate.warned
        if verdict["recoverable"]:
            counts.update({name: int(value) for name, value in verdict.items()})
    seconds = [e.seconds for _, e in trials if np.isfinite(e.seconds)]
    return {
        "n": len(generate(cell, 0).y),
        "outliers": cell.out > 0,
        **{
            name: counts[name]
            for name in ("recoverable", "recovered", "ll_ok", "spurious", "warnings")
        },
        "median_seconds": float(np.median(seconds)) if seconds else None,
    }


def total(cells):
    """Add up cells, with and without the ones that have outliers."""
    result = {}
    for name, chosen in (
        ("all", list(cells.values())),
        ("without_outliers", [c for c in cells.values() if not c["outliers"]]),
    ):
        names = ("recoverable", "recovered", "ll_ok", "spurious", "warnings")
        result[name] = {n: sum(c[n] for c in chosen) for n in names}
    return result


def line(name, counts):
    recovered = f"{counts['recovered']}/{counts['recoverable']}"
    text = (
        f"{name:<20s} n {counts.get('n', '-'):>5}  recovered {recovered:>7s}"
        f"  ll-ok {counts['ll_ok']:3d}  spurious {counts['spurious']:3d}"
        f"  warnings {counts['warnings']:3d}"
    )
    seconds = counts.get("median_seconds")
    return text if seconds is None else f"{text}  {seconds:8.3f} s"


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", choices=GRIDS, default="core")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--seed0", type=int, default=0)
    parser.add_argument(
        "--method",
        choices=["mixreg", "R:flexmix", "R:flexmix10", "R:mixtools"],
        default="mixreg",
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--limit", type=float, default=20, help="seconds a fit in R")
    parser.add_argument("--json", type=Path, help="write the counts to this file")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    if options.method != "mixreg":
        require_r("mixtools" if "mixtools" in options.method else "flexmix")
    print(
        f"{options.method}, seeds {options.seed0} to "
        f"{options.seed0 + options.seeds - 1}, cells: {options.cells}"
    )
    parallel = Parallel(n_jobs=options.jobs)
    cells = {}
    for name, cell in GRIDS[options.cells].items():
        cells[name] = summarize(cell, run_cell(options, cell, parallel))
        print(line(name, cells[name]), flush=True)
    totals = total(cells)
    print(line("total", totals["all"]))
    if totals["without_outliers"] != totals["all"]:
        print(line("without outliers", totals["without_outliers"]))
    if options.json:
        record = {
            "method": options.method,
            "seed0": options.seed0,
            "seeds": options.seeds,
            **environment(),
            "total": totals,
            "cells": cells,
        }
        options.json.write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
