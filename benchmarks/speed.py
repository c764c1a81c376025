"""Measure the time of fits and of EM iterations, side by side with R's flexmix.

Six parts, all on one thread:

default
    A fit with default settings at n=200, d=2, K=2 against one run of ``flexmix(y ~ ., k
    = 2)`` on the same data sets. The library's fit is a whole search that ends with a
    proven maximum; flexmix's is one random start.
iteration
    One EM iteration of one start at n=200000, d=10, K=4, from the same memberships:
    the difference of two runs with 1 + m and 1 iterations, divided by m. So the
    cost of reading, preparing and starting cancels on both sides.
poisson
    One EM iteration for counts, at n=20000, d=10, K=4: flexmix solves a generalized
    linear model for every component in every iteration, the library takes one step of
    each.
gated
    Our fit with default settings at n=8000, K=5, two features of the regressions and
    ten of the gate; ten data sets, no peer (a user of flexmix reports 41 s).
answers
    Methods used after a fit: standard errors in EM passes over the same rows (both in
    turns), a parametric bootstrap of 1000 replicates at n=200, K=2, and quantiles of
    100 000 rows for every family.
table
    Fits with default settings, ours and one run of flexmix, for n in (200, 2000,
    20000), d in (2, 10), K in (2, 4).

R and Python take turns: R, Python, R, Python, ... in one warm process each, and the
ratio reported is the median of the ratios of neighbors, so that other load on the
machine affects both alike. CPU seconds (user + system) are given beside wall-clock
seconds; on a busy machine, trust CPU seconds. "missed" counts the runs of flexmix that
end more than 1 nat below our log-likelihood, in a poorer optimum or with a component
dropped.

Usage::

    python benchmarks/speed.py                                 # all parts, 5 rounds
    python benchmarks/speed.py --parts default iteration --rounds 9 --json out.json

Without Rscript and flexmix (Debian: r-cran-flexmix) only the library is timed. R uses
the BLAS it was built with; the name of its file is printed.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from environment import environment
from threadpoolctl import threadpool_limits

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn._data.read import read
from mixreg_sklearn._engine.em import em
from mixreg_sklearn._engine.problem import make_problem
from mixreg_sklearn._search.pooled import from_memberships
from mixreg_sklearn.families import (
    Beta,
    Binomial,
    Gamma,
    Gaussian,
    InverseGaussian,
    NegativeBinomial,
    Poisson,
)
from mixreg_sklearn.inference import bootstrap, inference
from mixreg_sklearn.predictive import MixtureDistribution

FAMILIES = (
    Gaussian(),
    Poisson(),
    Binomial(),
    Gamma(),
    NegativeBinomial(),
    InverseGaussian(),
    Beta(),
)

# A server: one line per request, one line of numbers back. Times are per fit or
# iteration.
R_PROGRAM = r"""
suppressMessages(library(flexmix))
read <- function(path, n, d) {
  file <- file(path, "rb"); on.exit(close(file))
  values <- matrix(readBin(file, "double", n * (d + 2)), n, d + 2)
  frame <- data.frame(y = values[, 1], values[, 1 + seq_len(d), drop = FALSE])
  names(frame) <- c("y", paste0("x", seq_len(d)))
  list(frame = frame, labels = as.integer(values[, d + 2]) + 1L)
}
now <- function() {
  p <- proc.time()
  c(p[["elapsed"]], p[["user.self"]] + p[["sys.self"]])
}
fits <- function(paths, n, d, K, repeats) {
  frames <- lapply(paths, function(path) read(path, n, d)$frame)
  logliks <- numeric(0)
  start <- now()
  for (r in seq_len(repeats)) for (frame in frames) {
    m <- tryCatch(flexmix(y ~ ., data = frame, k = K), error = function(e) NULL)
    logliks <- c(logliks, if (is.null(m)) -1e300 else as.numeric(logLik(m)))
  }
  c((now() - start) / length(logliks), logliks)
}
iterations <- function(data, K, m, family) {
  run <- function(iterations) {
    control <- list(iter.max = iterations, tolerance = 0, minprior = 0)
    gc(); start <- now()
    fit <- flexmix(y ~ ., data = data$frame, k = K, cluster = data$labels,
                   model = FLXMRglm(family = family), control = control)
    stopifnot(fit@iter == iterations)
    now() - start
  }
  one <- run(1)
  (run(1 + m) - one) / m
}
input <- file("stdin", "r")
cat(unname(extSoftVersion()["BLAS"]), as.character(packageVersion("flexmix")), "\n")
cached <- ""
while (length(line <- readLines(input, 1)) > 0) {
  word <- strsplit(line, " ")[[1]]
  n <- as.numeric(word[2]); d <- as.integer(word[3]); K <- as.integer(word[4])
  times <- as.integer(word[5]); paths <- word[-(1:5)]
  if (word[1] == "fits") answer <- fits(paths, n, d, K, times) else {
    if (cached != paths) { data <- read(paths, n, d); cached <- paths }
    answer <- iterations(data, K, times, word[1])
  }
  cat(format(answer, digits = 15), "\n"); flush(stdout())
}
"""


class Flexmix:
    """A warm R process with flexmix, on one thread."""

    def __init__(self, folder):
        program = Path(folder, "program.R")
        program.write_text(R_PROGRAM)
        self.process = subprocess.Popen(
            ["Rscript", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        self.blas, self.version = self.process.stdout.readline().split()

    def ask(self, request, n, d, K, times, paths):
        """Send a request; returns an array of numbers, wall and CPU seconds first."""
        words = [request, n, d, K, times, *paths]
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError("R ended; its message is above")
        return np.array(answer.split(), dtype=float)

    def close(self):
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


def start_flexmix(folder):
    """Start R, or print why only the library is timed and return None."""
    if shutil.which("Rscript") is None:
        print("Rscript is not installed: only the library is timed.\n")
        return None
    test = "q(status = !requireNamespace('flexmix', quietly = TRUE))"
    if subprocess.run(["Rscript", "-e", test], capture_output=True).returncode:
        print("R has no package flexmix: only the library is timed.\n")
        return None
    return Flexmix(folder)


def draw(n, d, K, seed, family="gaussian", regressions=None):
    """Draw a mixture whose components overlap; labels are true for 70 % of the rows.

    `regressions` is a seed of these, so that several calls draw from one mixture.
    """
    rng = np.random.default_rng([n, d, K, seed])
    X = rng.standard_normal((n, d))
    of_regressions = rng if regressions is None else np.random.default_rng(regressions)
    coef = of_regressions.standard_normal((K, d)) * 1.5 / np.sqrt(d)
    intercept = 1.5 * of_regressions.standard_normal(K)
    scale = of_regressions.uniform(0.4, 0.9, K)
    component = rng.integers(0, K, n)
    mean = intercept[component] + np.einsum("nd,nd->n", X, coef[component])
    if family == "poisson":
        y = rng.poisson(np.exp(mean / 2)) * 1.0
    else:
        y = mean + scale[component] * rng.standard_normal(n)
    labels = np.where(rng.random(n) < 0.3, rng.integers(0, K, n), component)
    return X, y, labels


def write(folder, n, d, K, seed, family="gaussian"):
    """Draw a data set, and write it for R as doubles, column by column."""
    X, y, labels = draw(n, d, K, seed, family)
    path = Path(folder, f"{family}-{n}-{d}-{K}-{seed}.bin")
    np.column_stack([y, X, labels]).ravel(order="F").tofile(path)
    return path, (X, y, labels)


def seconds(function):
    """Wall-clock and CPU seconds of a call, with its result."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = function()
    return np.array([time.perf_counter() - wall, time.process_time() - cpu]), result


# --- Fits -----------------------------------------------------------------------------


def our_fits(data_sets, K, repeats):
    """Seconds of a fit with default settings, and the log-likelihoods."""

    def fit_all():
        return [
            MixtureRegressor(n_components=K, random_state=r).fit(X, y).log_likelihood_
            for r in range(repeats)
            for X, y, _ in data_sets
        ]

    spent, logliks = seconds(fit_all)
    return spent / len(logliks), logliks


def compare_fits(flexmix, folder, shape, n_sets, repeats, rounds):
    """Time default fits of `n_sets` data sets in turns with flexmix."""
    n, d, K = shape
    written = [write(folder, n, d, K, seed) for seed in range(n_sets)]
    paths, data_sets = zip(*written, strict=True)
    ours, theirs, missed, runs = [], [], 0, 0
    our_fits(data_sets[:1], K, 1)
    if flexmix:
        flexmix.ask("fits", n, d, K, 1, paths[:1])
    for _ in range(rounds):
        if flexmix:
            answer = flexmix.ask("fits", n, d, K, repeats, paths)
            theirs.append(answer[:2])
        spent, logliks = our_fits(data_sets, K, repeats)
        ours.append(spent)
        if flexmix:
            missed += int((answer[2:] < np.array(logliks) - 1).sum())
            runs += len(logliks)
    return {**compare(ours, theirs), "missed": missed, "runs": runs}


def compare(ours, theirs):
    """Medians of both sides, and the median of the ratios of neighbors."""
    ours = np.array(ours)
    result = {
        "ours_wall": statistics.median(ours[:, 0]),
        "ours_cpu": statistics.median(ours[:, 1]),
    }
    if theirs:
        theirs = np.array(theirs)
        result["flexmix_wall"], result["flexmix_cpu"] = np.median(theirs, axis=0)
        result["ratio_wall"], result["ratio_cpu"] = np.median(theirs / ours, axis=0)
        result["ratios_cpu"] = (theirs[:, 1] / ours[:, 1]).tolist()
    return result


# --- Iterations -----------------------------------------------------------------------


def our_iterations(problem, start, m):
    """Seconds of one EM iteration of one start."""

    def run(n_iter):
        return seconds(lambda: em(problem.model, problem.rows, start, max_iter=n_iter))

    one, _ = run(1)
    more, _ = run(1 + m)
    return (more - one) / m


def problem_of(model, X, y, n_jobs=1):
    """The engine's form of the data of a fit."""
    data, _, structure, _ = read(model, X, y, None, None, None, {})
    return make_problem(data, structure, n_jobs)


def compare_iterations(flexmix, folder, shape, name, rounds, ours_m=50, theirs_m=5):
    """Time EM iterations of one start on one thread, in turns with flexmix."""
    n, d, K = shape
    path, (X, y, labels) = write(folder, n, d, K, 0, name)
    problem = problem_of(MixtureRegressor(K, family=name), X, y)
    start = from_memberships(problem, np.eye(K)[labels])
    ours, theirs = [], []
    our_iterations(problem, start, 2)
    for _ in range(rounds):
        if flexmix:
            theirs.append(flexmix.ask(name, n, d, K, theirs_m, [path]))
        ours.append(our_iterations(problem, start, ours_m))
    return compare(ours, theirs)


# --- Report ---------------------------------------------------------------------------

HEADER = (
    f"{'n':>7} {'d':>3} {'K':>3} {'ours, ms':>10} {'CPU':>10} {'flexmix, ms':>12}"
    f" {'CPU':>10} {'ratio':>7} {'CPU':>7}  missed"
)


def draw_gated(seed, n=8000, d=2, q=10, K=5):
    """Draw rows whose component depends on `q` features that no regression uses."""
    rng = np.random.default_rng(seed)
    Z, X = rng.standard_normal((n, q)), rng.standard_normal((n, d))
    logits = Z @ (0.7 * rng.standard_normal((K, q))).T
    cumulative = np.cumsum(np.exp(logits), axis=1)
    draws = rng.random(n)[:, None] * cumulative[:, -1:]
    component = (draws > cumulative).sum(axis=1)
    coef, intercept = 3 * rng.standard_normal((K, d)), 3 * rng.standard_normal(K)
    mean = intercept[component] + np.einsum("nd,nd->n", X, coef[component])
    return np.hstack([X, Z]), mean + rng.standard_normal(n)


def gated_fits(n_sets=10):
    """Wall-clock and CPU seconds of gated fits, sorted; printed and returned."""
    settings = {"regression_features": [0, 1], "gate_features": slice(2, None)}
    model = MixtureRegressor(5, gate="softmax", random_state=0, **settings)
    times = []
    for seed in range(n_sets):
        X, y = draw_gated(seed)
        times.append(seconds(lambda X=X, y=y: model.fit(X, y))[0])
    wall, cpu = np.sort(times, axis=0).T
    print("gated fit, n=8000 K=5, ten features of the gate")
    print(f"  wall s: median {np.median(wall):.2f}, all {wall.round(2).tolist()}")
    print(f"  CPU s:  median {np.median(cpu):.2f}, all {cpu.round(2).tolist()}")
    return {"wall": wall.tolist(), "cpu": cpu.tolist()}


# --- Answers --------------------------------------------------------------------------


def inference_passes(folder, turns=15):
    """CPU seconds of `inference` divided by those of an EM pass, for every shape."""
    passes = {}
    for name, n, d, K in (
        ("gaussian", 20_000, 4, 2),
        ("gaussian", 20_000, 10, 4),
        ("gaussian", 200_000, 10, 4),
        ("poisson", 20_000, 10, 4),
    ):
        _, (X, y, labels) = write(folder, n, d, K, 0, name)
        model = MixtureRegressor(K, family=name, random_state=0).fit(X, y)
        problem = problem_of(model, X, y)
        start = from_memberships(problem, np.eye(K)[labels])
        for cov_type in ("information", "sandwich"):
            ratios = []
            for _ in range(turns):
                one = our_iterations(problem, start, 10)[1]
                call = partial(inference, model, X, y, cov_type=cov_type)
                ratios.append(seconds(call)[0][1] / one)
            label = f"{name} n={n} d={d} K={K}, {cov_type}"
            passes[label] = statistics.median(ratios)
            print(f"standard errors, {label}: {passes[label]:.1f} passes", flush=True)
    return passes


def bootstrap_seconds(folder, n_bootstrap=1000):
    """Wall-clock and CPU seconds of a parametric bootstrap."""
    _, (X, y, _) = write(folder, 200, 2, 2, 0)
    model = MixtureRegressor(2, random_state=0).fit(X, y)
    call = partial(bootstrap, model, X, y, n_bootstrap=n_bootstrap, random_state=0)
    wall, cpu = seconds(call)[0]
    print(f"bootstrap, {n_bootstrap} replicates: {wall:.1f} s, CPU {cpu:.1f} s")
    return [wall, cpu]


def quantile_seconds(n=100_000):
    """CPU seconds of quantiles at 0.025, 0.5 and 0.975, the longest of the three."""
    rng, times = np.random.default_rng(0), {}
    X = rng.standard_normal((n, 2))
    eta = np.column_stack([1 + 0.5 * X[:, 0], 2 - 0.5 * X[:, 1]])
    for family in FAMILIES:
        trials = np.full(n, 20) if isinstance(family, Binomial) else None
        low = -1 if isinstance(family, Beta | Binomial) else 0
        ahead = MixtureDistribution(
            family, eta + low, np.array([0.3, 0.5]), [0.6, 0.4], trials=trials
        )
        calls = [seconds(partial(ahead.quantile, u))[0][1] for u in (0.025, 0.5, 0.975)]
        name = type(family).__name__
        times[name] = max(calls)
        print(f"quantiles of {n} rows, {name}: {times[name]:.2f} s", flush=True)
    return times


def line(shape, result):
    """One row of the report, in milliseconds."""
    n, d, K = shape
    text = f"{n:7d} {d:3d} {K:3d}"
    text += f" {1e3 * result['ours_wall']:10.2f} {1e3 * result['ours_cpu']:10.2f}"
    if "ratio_wall" in result:
        text += f" {1e3 * result['flexmix_wall']:12.2f}"
        text += f" {1e3 * result['flexmix_cpu']:10.2f}"
        text += f" {result['ratio_wall']:7.2f} {result['ratio_cpu']:7.2f}"
        if "runs" in result:
            text += f"  {result['missed']}/{result['runs']}"
    return text


def report(title, shape, result, record):
    """Print a row under its title, and store it."""
    if title not in record:
        print(f"{title} (ratio: flexmix / ours)\n{HEADER}")
    print(line(shape, result), flush=True)
    n, d, K = shape
    record.setdefault(title, []).append({"n": n, "d": d, "K": K, **result})


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = ["default", "iteration", "poisson", "gated", "answers", "table"]
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    return parser.parse_args(arguments)


def run(options, flexmix, folder):
    """Measure and report all requested parts; return the numbers."""
    record, rounds = {}, options.rounds
    if "default" in options.parts:
        shape = (200, 2, 2)
        result = compare_fits(flexmix, folder, shape, 20, 3, rounds)
        report("default fit", shape, result, record)
    if "iteration" in options.parts:
        shape = (200_000, 10, 4)
        result = compare_iterations(flexmix, folder, shape, "gaussian", rounds)
        report("one EM iteration of one start", shape, result, record)
    if "poisson" in options.parts:
        shape = (20_000, 10, 4)
        result = compare_iterations(flexmix, folder, shape, "poisson", rounds)
        report("one EM iteration of one start, poisson", shape, result, record)
    if "gated" in options.parts:
        record["gated fit"] = gated_fits()
    if "answers" in options.parts:
        record["standard errors, passes"] = inference_passes(folder)
        record["bootstrap, s"] = bootstrap_seconds(folder)
        record["quantiles, s"] = quantile_seconds()
    if "table" in options.parts:
        for n, n_sets, repeats in ((200, 5, 3), (2000, 4, 1), (20_000, 2, 1)):
            for d in (2, 10):
                for K in (2, 4):
                    shape = (n, d, K)
                    result = compare_fits(
                        flexmix, folder, shape, n_sets, repeats, min(rounds, 3)
                    )
                    report("default fits", shape, result, record)
    return record


def main(arguments=None):
    options = parse(arguments)
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        flexmix = start_flexmix(folder)
        record = environment()
        if flexmix:
            record |= {"flexmix": flexmix.version, "blas_of_R": flexmix.blas}
        print(*(f"{k}: {v}" for k, v in record.items()), sep="\n", end="\n\n")
        try:
            record |= run(options, flexmix, folder)
        finally:
            if flexmix:
                flexmix.close()
    if options.json:
        options.json.write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    sys.exit(main())
