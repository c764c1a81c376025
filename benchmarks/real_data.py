"""Regret of the default fit on real data, against many naive starts.

A setting is a data set, a kind of regression (gaussian with own scales, gaussian with
a common scale, poisson, negative binomial; rows or groups) and a number of components
K. The data come with scikit-learn and statsmodels, or lie in `tests/reference/data`. A
naive search, written here with numpy alone, climbs by plain EM from `--starts` starts:
a third random partitions of the rows (or groups), a third random memberships, and a
third regressions through as many random rows as there are coefficients. It climbs until
a pass gains less than 1e-8 a row, or for 2000 passes. Its optima are tried from the
best downwards until one is

proper
    if every component has at least 5 % of the rows and three rows a coefficient, if
    the largest gaussian scale is at most ten times the smallest, and if the library
    proves it: from these memberships (`init=`) it ends at a log-likelihood at most 0.1
    below, with `converged_`, not `degenerate_`, and its scales within a factor of ten.

The *regret* of a default fit (``random_state=seed``) is the log-likelihood that the
library proved for this optimum, minus that of the fit. If the regret exceeds 0.1, the
fit has

unseen
    if no entry of `search_["optima"]` has a log-likelihood within 0.1 of the optimum;
passed over
    if one has, so that the fit knew the optimum and chose another;
unmarked
    if it was passed over, and no such entry has a true value for `passed_over`.

A regret below -0.1 is a fit *above* every proper naive optimum; *above_proper* counts
those that are proper themselves, which the naive search missed. Settings without a
proper naive optimum are counted, but judged by nothing. Seconds are the wall-clock time
of the default fit, as the median over the seeds, and of the naive search.

Usage::

    python benchmarks/real_data.py                           # all settings, 3 seeds
    python benchmarks/real_data.py --seeds 1 --jobs 2 --json real.json
    python benchmarks/real_data.py --settings 'iris.*K=[23]' --starts 1000
    python benchmarks/real_data.py --flexmix                 # a peer on the same data

The peer is the best of ten runs of flexmix (`stepFlexmix`), for gaussian regressions
with own scales and for poisson. As its scales are not maximum likelihood estimates, its
memberships are climbed by the naive EM first. It misses a setting if it then has a
regret above 0.1. It needs Rscript and flexmix (Debian: r-cran-flexmix).

Another script can pass its own data to `table`: a list of `Problem`, or of tuples
``(name, X, y, groups, kind)``.
"""

import argparse
import importlib
import json
import re
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from environment import environment
from joblib import Parallel, delayed
from recovery import require_r, with_constant
from scipy import special
from sklearn import datasets
from threadpoolctl import threadpool_limits

from mixreg_sklearn import MixtureRegressor

TOLERANCE = 0.1
LARGEST_RATIO = 10.0
LEAST_SHARE = 0.05
LEAST_ROWS = 3  # for each coefficient
PASSES, GAIN = 2000, 1e-8
REFERENCE = Path(__file__).parents[1] / "tests" / "reference" / "data"
KINDS = {
    "gaussian": {},
    "shared": {"shared_scale": True},
    "poisson": {"family": "poisson"},
    "nb": {"family": "negative_binomial"},
}


class Problem(NamedTuple):
    """A data set and a kind of regression, one of `KINDS`."""

    name: str
    X: np.ndarray
    y: np.ndarray
    groups: np.ndarray | None
    kind: str
    components: tuple = (2, 3, 4)

    def label(self, K):
        """Name of the setting with K components."""
        grouped = "" if self.groups is None else ", groups"
        return f"{self.name} {self.kind}{grouped} K={K}"


class Source(NamedTuple):
    """Where a data set comes from, and its columns.

    Attributes
    ----------
    origin : {"sklearn", "statsmodels", "reference"}
    name : str
    response, features, kinds : str
        Features and kinds are separated by commas. ``log`` in front of a column takes
        the logarithm, ``lag`` the value of the row before.
    group : str or None
        Column that tells the groups.
    every, rows : int, int or None
        Every how many rows one is taken, and how many of these at most.
    """

    origin: str
    name: str
    response: str
    features: str
    kinds: str = "gaussian"
    group: str | None = None
    every: int = 1
    rows: int | None = None


# --- Data ---------------------------------------------------------------------------

COUNTS = "poisson, nb"
BOTH = "gaussian, shared"
SOURCES = [
    Source("sklearn", "iris", "sepal width (cm)", "sepal length (cm)", BOTH),
    Source(
        "sklearn", "iris", "petal length (cm)", "sepal length (cm), sepal width (cm)"
    ),
    Source("sklearn", "diabetes", "target", "bmi, bp, s5", every=2),
    Source("sklearn", "wine", "color_intensity", "alcohol, proline"),
    Source("sklearn", "breast_cancer", "mean concavity", "mean radius", every=2),
    Source("sklearn", "linnerud", "Weight", "Situps"),
    Source("statsmodels", "engel", "foodexp", "income", BOTH),
    Source("statsmodels", "grunfeld", "invest", "value, capital"),
    Source("statsmodels", "grunfeld", "invest", "value, capital", group="firm"),
    Source("statsmodels", "copper", "WORLDCONSUMPTION", "COPPERPRICE, INCOMEINDEX"),
    Source("statsmodels", "star98", "AVSALK", "AVYRSEXP, PTRATIO"),
    Source("statsmodels", "ccard", "AVGEXP", "INCOME, AGE", BOTH),
    Source("statsmodels", "cancer", "cancer", "log population", COUNTS, every=2),
    Source("statsmodels", "cpunish", "EXECUTIONS", "PERPOVERTY", "poisson"),
    Source("statsmodels", "committee", "BILLS104", "SIZE", "nb"),
    Source("statsmodels", "strikes", "duration", "iprod", "gaussian, nb"),
    Source("statsmodels", "stackloss", "STACKLOSS", "AIRFLOW"),
    Source("statsmodels", "longley", "TOTEMP", "UNEMP"),
    Source("statsmodels", "scotland", "YES", "COUTAX, UNEMPF"),
    Source("statsmodels", "statecrime", "murder", "hs_grad, poverty", BOTH),
    Source("statsmodels", "statecrime", "violent", "urban, single"),
    Source("statsmodels", "randhie", "mdvis", "lncoins, disea", COUNTS, every=100),
    Source("statsmodels", "anes96", "TVnews", "age, educ", "poisson", every=4),
    Source("statsmodels", "heart", "survival", "age", "nb"),
    Source("statsmodels", "elnino", "DEC", "JUN"),
    Source("statsmodels", "sunspots", "SUNACTIVITY", "lag SUNACTIVITY"),
    Source("statsmodels", "nile", "volume", "year"),
    Source("statsmodels", "macrodata", "infl", "unemp, tbilrate"),
    Source("statsmodels", "fertility", "2010", "1970"),
    Source("statsmodels", "modechoice", "gc", "invt", group="individual", rows=320),
    Source("reference", "faithful", "waiting", "eruptions", BOTH),
    Source("reference", "tonedata", "tuned", "stretchratio"),
    Source("reference", "nodata", "NO", "Equivalence, Equivalence2"),
    Source("reference", "co2", "CO2", "GNP"),
    Source("reference", "npreg", "yn", "x, x2", group="id2"),
    Source("reference", "npreg", "yp", "x", "poisson", group="id2"),
    Source("reference", "chickweight", "weight", "Time", every=3),
    Source("reference", "chickweight", "weight", "Time", group="Chick", rows=360),
    Source("reference", "raneff60", "y", "x", BOTH, group="subject", rows=400),
    Source("reference", "rtdata_long", "rt", "trial", group="subject", rows=400),
    Source("reference", "patent", "Patents", "lgRD, RDS", COUNTS),
    Source("reference", "epil", "y", "lbase, progabide", "nb"),
    Source("reference", "epil", "y", "lbase", "poisson", group="subject"),
    Source("reference", "seizure", "Seizures", "Treatment, logDay", COUNTS),
    Source("reference", "biochemists", "art", "ment, kid5", COUNTS, every=4),
    Source("reference", "fabricfault", "Faults", "logLength", "poisson"),
    Source("reference", "salmonella", "y", "x, logx10", "poisson"),
    Source("reference", "dmft", "End", "logBegin, educ", "poisson", every=3),
    Source("reference", "betablocker", "Deaths", "log Total, Treated", "poisson"),
]


def problems():
    """All data sets and kinds; the fewer the rows, the fewer the components."""
    found = []
    for source in SOURCES:
        X, y, groups = load(source)
        name = f"{source.name}: {source.response} ~ {source.features}"
        components = (2, 3, 4)[: max(1, min(3, len(y) // 10 - 1))]
        for kind in split(source.kinds):
            found.append(Problem(name, X, y, groups, kind, components))
    return found


def load(source):
    """Features, response, and groups or None."""
    frame = read(source.origin, source.name).iloc[:: source.every]
    names = [source.response, *split(source.features)]
    columns = np.column_stack([column(frame, name) for name in names])
    complete = np.isfinite(columns).all(axis=1)
    y, X = columns[complete, 0], columns[complete, 1:]
    groups = None
    if source.group is not None:
        labels = frame[source.group].to_numpy()[complete]
        groups = np.unique(labels, return_inverse=True)[1]
        groups = groups[: source.rows]
    return X[: source.rows], y[: source.rows], groups


def read(origin, name):
    import pandas as pd

    if origin == "reference":
        return pd.read_csv(REFERENCE / f"{name}.csv")
    if origin == "sklearn":
        return getattr(datasets, f"load_{name}")(as_frame=True).frame
    module = importlib.import_module(f"statsmodels.datasets.{name}")
    return module.load_pandas().data


def column(frame, name):
    for prefix, change in (("log ", np.log), ("lag ", lambda c: c.shift(1))):
        if name.startswith(prefix):
            return change(frame[name.removeprefix(prefix)]).to_numpy(float)
    return frame[name].to_numpy(float)


def split(names):
    return [name.strip() for name in names.split(",")]


# --- Naive search -------------------------------------------------------------------
#
# Arrays of S starts: memberships of units (S, K, G) and of rows (S, K, n), coefficients
# (S, K, p), logarithms of scales or sizes (S, K). A unit is a row or a group.


class Rows(NamedTuple):
    """A problem for the naive search: rows sorted by unit, orthonormal features.

    Attributes
    ----------
    F, y : ndarray of shape (n, p), (n,)
    unit, first : ndarray of int
        Unit of every row, and first row of every unit.
    place : ndarray of shape (n,)
        Unit of every row in the order of the user.
    values, value : ndarray of shape (u,), (n,)
        Distinct responses, and the one of every row.
    floor : float
        Lower bound on a variance.
    """

    F: np.ndarray
    y: np.ndarray
    unit: np.ndarray
    first: np.ndarray
    place: np.ndarray
    values: np.ndarray
    value: np.ndarray
    floor: float

    @classmethod
    def of(cls, problem):
        """The rows of a problem."""
        y = np.asarray(problem.y, dtype=float)
        labels = np.arange(len(y)) if problem.groups is None else problem.groups
        place = np.unique(labels, return_inverse=True)[1]
        order = np.argsort(place, kind="stable")
        F, y, unit = with_constant(problem.X)[order], y[order], place[order]
        F = np.linalg.qr(F)[0] * np.sqrt(len(y))
        first = np.flatnonzero(np.diff(unit, prepend=-1))
        floor = 1e-6 * np.mean((y - F @ (F.T @ y) / len(y)) ** 2)
        return cls(F, y, unit, first, place, *np.unique(y, return_inverse=True), floor)

    def sums(self, of_rows):
        """Sums in units, over the last axis."""
        if len(self.first) == len(self.y):
            return of_rows
        return np.add.reduceat(of_rows, self.first, axis=-1)


class State(NamedTuple):
    """Coefficients, logarithms of scales or sizes, log-densities of rows."""

    coef: np.ndarray
    log_scale: np.ndarray
    log_density: np.ndarray

    def take(self, which):
        """Some of the starts."""
        return State(*(part[which] for part in self))


class Optimum(NamedTuple):
    """Where a naive start ended; memberships of the user's rows, (n, K)."""

    log_likelihood: float
    memberships: np.ndarray
    scale: np.ndarray


def search(problem, K, n_starts, rng):
    """All ends of the naive search, best first."""
    rows = Rows.of(problem)
    return climb(problem, rows, starts(problem, rows, K, n_starts, rng))


def starts(problem, rows, K, n_starts, rng):
    """Memberships of units, of three sorts in turn."""
    n_units = len(rows.first)
    target = rows.y if problem.kind in ("gaussian", "shared") else log_count(rows.y)
    memberships = np.empty((n_starts, K, n_units))
    for start in range(n_starts):
        if start % 3 == 1:
            memberships[start] = rng.dirichlet(np.ones(K), n_units).T
            continue
        if start % 3 == 0:
            label = rng.integers(K, size=n_units)
        else:
            label = nearest(rows, target, K, rng)
        memberships[start] = 0.95 * (np.arange(K)[:, None] == label) + 0.05 / K
    return memberships


def nearest(rows, target, K, rng):
    """The closest of K regressions through a few random rows, for every unit."""
    n, p = rows.F.shape
    chosen = np.array([rng.choice(n, p, replace=False) for _ in range(K)])
    coef = [np.linalg.lstsq(rows.F[c], target[c], rcond=1e-6)[0] for c in chosen]
    return rows.sums((target - np.array(coef) @ rows.F.T) ** 2).argmin(axis=0)


def climb(problem, rows, memberships):
    """Plain EM from memberships of units, (S, K, G)."""
    step = gaussian_step if problem.kind in ("gaussian", "shared") else count_step
    n_starts, n = len(memberships), len(rows.y)
    running, before = np.arange(n_starts), np.full(n_starts, -np.inf)
    tau, state, ends = memberships, None, [None] * n_starts
    for iteration in range(PASSES):
        state = step(rows, tau[:, :, rows.unit], state, problem.kind)
        tau, loglik = expectation(rows, tau.mean(axis=2), state.log_density)
        last = iteration == PASSES - 1
        goes_on = (loglik - before >= GAIN * n) & (not last)
        for i in np.flatnonzero(~goes_on):
            scale = np.exp(state.log_scale[i])
            ends[running[i]] = Optimum(loglik[i], tau[i].T[rows.place], scale)
        if not goes_on.any():
            break
        if not goes_on.all():
            running, tau, state = running[goes_on], tau[goes_on], state.take(goes_on)
        before = loglik[goes_on]
    return sorted(ends, key=lambda end: -end.log_likelihood)


def expectation(rows, weights, log_density):
    """New memberships and log-likelihoods."""
    joint = rows.sums(log_density)
    joint = joint + np.log(np.maximum(weights, 1e-300))[:, :, None]
    top = joint.max(axis=1, keepdims=True)
    tau = np.exp(joint - top)
    total = tau.sum(axis=1, keepdims=True)
    tau /= total
    return tau, (top + np.log(total)).sum(axis=(1, 2))


def least_squares(F, weight, target):
    """Weighted least squares for all starts and components, (S, K, p)."""
    p = F.shape[1]
    products = (F[:, :, None] * F[:, None, :]).reshape(len(F), p * p)
    A = (weight @ products).reshape(*weight.shape[:2], p, p)
    ridge = 1e-10 * np.trace(A, axis1=2, axis2=3) + 1e-200
    A += ridge[:, :, None, None] * np.eye(p)
    return np.linalg.solve(A, ((weight * target) @ F)[..., None])[..., 0]


def gaussian_step(rows, tau, state, kind):
    """M-step of gaussian regressions."""
    coef = least_squares(rows.F, tau, rows.y)
    squares = (rows.y - coef @ rows.F.T) ** 2
    total, weight = np.einsum("skn,skn->sk", tau, squares), tau.sum(axis=2)
    if kind == "shared":
        total = np.broadcast_to(total.sum(axis=1, keepdims=True), total.shape)
        weight = np.full_like(weight, len(rows.y))
    variance = np.maximum(total / np.maximum(weight, 1e-300), rows.floor)
    squares *= (-0.5 / variance)[:, :, None]
    squares -= 0.5 * np.log(2 * np.pi * variance)[:, :, None]
    return State(coef, 0.5 * np.log(variance), squares)


def count_step(rows, tau, state, kind):
    """One Newton step for the regressions and sizes of counts, halved until it helps.

    The logarithm of the size is NaN for poisson.
    """
    if state is None:
        coef = least_squares(rows.F, tau, log_count(rows.y))
        size = np.full(coef.shape[:2], 0.0 if kind == "nb" else np.nan)
        state = State(coef, size, count_density(rows, coef, size, kind))
    coef_step, size_step = count_direction(rows, tau, state, kind)
    before = np.einsum("skn,skn->sk", tau, state.log_density)
    length = np.ones(before.shape)
    for _ in range(8):
        coef = state.coef + length[:, :, None] * coef_step
        log_size = state.log_scale + length * size_step
        density = count_density(rows, coef, log_size, kind)
        worse = np.einsum("skn,skn->sk", tau, density) < before - 1e-7
        if not worse.any():
            return State(coef, log_size, density)
        length[worse] /= 2
    kept = worse[:, :, None]
    return State(
        np.where(kept, state.coef, coef),
        np.where(worse, state.log_scale, log_size),
        np.where(kept, state.log_density, density),
    )


def count_direction(rows, tau, state, kind):
    """Newton steps of the coefficients and of the logarithm of the size."""
    eta = predictor(rows, state.coef)
    mu = np.exp(eta)
    if kind == "poisson":
        target = eta + (rows.y - mu) / mu
        return least_squares(rows.F, tau * mu, target) - state.coef, 0.0
    size = np.exp(state.log_scale)[:, :, None]
    total = size + mu
    target = eta + (rows.y - mu) / mu
    coef = least_squares(rows.F, tau * mu * size / total, target)
    counts = tau @ (rows.value[:, None] == np.arange(len(rows.values))).astype(float)
    ratio = (size + rows.y) / total
    at = size + rows.values
    size, weight = size[:, :, 0], tau.sum(axis=2)
    first = (counts * special.digamma(at)).sum(axis=2)
    first += weight * (np.log(size) + 1 - special.digamma(size))
    first -= (tau * (np.log(total) + ratio)).sum(axis=2)
    second = (counts * trigamma(at)).sum(axis=2)
    second += weight * (1 / size - trigamma(size))
    second += (tau * (ratio - 2) / total).sum(axis=2)
    slope, bend = size * first, size * first + size**2 * second
    step = np.where(bend < 0, -slope / np.minimum(bend, -1e-300), np.sign(slope) / 2)
    limits = np.log(1e-3) - state.log_scale, np.log(1e6) - state.log_scale
    return coef - state.coef, np.clip(np.clip(step, -1, 1), *limits)


def count_density(rows, coef, log_size, kind):
    """Log-densities of counts, (S, K, n)."""
    eta = predictor(rows, coef)
    constant = special.gammaln(rows.y + 1)
    if kind == "poisson":
        return rows.y * eta - np.exp(eta) - constant
    size = np.exp(log_size)[:, :, None]
    of_values = (
        special.gammaln(rows.values + size)
        - special.gammaln(size)
        + size * np.log(size)
    )
    total = np.log(size + np.exp(eta))
    density = of_values[:, :, rows.value] - constant
    return density + rows.y * eta - (rows.y + size) * total


def trigamma(x):
    """Derivative of digamma to 0.02 %, which is enough for a step."""
    z = 1 / (x + 1)
    return x**-2.0 + z * (1 + z * (1 / 2 + z * (1 / 6 - z * z / 30)))


def predictor(rows, coef):
    return np.clip(coef @ rows.F.T, -30, np.log(rows.y.max() + 1) + 5)


def log_count(y):
    return np.log(y + 0.5)


# --- The library --------------------------------------------------------------------


def fit(problem, K, **options):
    """The library's fit and its seconds."""
    model = MixtureRegressor(K, **KINDS[problem.kind], **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        model.fit(problem.X, problem.y, groups=problem.groups)
        return model, time.perf_counter() - start


def best_proper(problem, K, ends):
    """The library's fit from the best proper end of the naive search, or None."""
    last = np.inf
    for end in ends:
        same = last - end.log_likelihood < 1e-3
        few = end.memberships.sum(axis=0).min() < least_rows(problem)
        if same or few or not balanced(problem, end.scale):
            continue
        last = end.log_likelihood
        try:
            model, _ = fit(problem, K, init=end.memberships)
        except Exception as error:  # what raises is not proven
            print(f"  {problem.label(K)}, init: {error!r}", file=sys.stderr)
            continue
        proven = model.converged_ and not model.degenerate_
        reached = model.log_likelihood_ >= end.log_likelihood - TOLERANCE
        if proven and reached and balanced(problem, model.scale_):
            return model
    return None


def is_proper(problem, model):
    """Whether a fit is what a naive optimum must be; groups count as equally large."""
    proven = model.converged_ and not model.degenerate_
    enough = model.weights_.min() * len(problem.y) >= least_rows(problem)
    return proven and enough and balanced(problem, model.scale_)


def least_rows(problem):
    n, d = problem.X.shape
    return max(LEAST_SHARE * n, LEAST_ROWS * (d + 1))


def balanced(problem, scale):
    return problem.kind != "gaussian" or scale.max() <= LARGEST_RATIO * scale.min()


def default_fit(problem, K, seed, best):
    """Regret and verdict of a default fit against a log-likelihood, or None."""
    try:
        model, seconds = fit(problem, K, random_state=seed)
    except Exception as error:  # a fit that raises is a failure
        print(f"  {problem.label(K)}, seed {seed}: {error!r}", file=sys.stderr)
        return {"seed": seed, "error": repr(error), "verdict": "unseen"}
    result = {
        "seed": seed,
        "log_likelihood": float(model.log_likelihood_),
        "seconds": seconds,
        "degenerate": bool(model.degenerate_),
        "converged": bool(model.converged_),
        "proper": bool(is_proper(problem, model)),
        "weights": model.weights_.tolist(),
        "scale": model.scale_.tolist(),
        "verdict": "unjudged",
    }
    if best is not None:
        optima = model.search_.get("optima", [])
        near = [o for o in optima if abs(o["log_likelihood"] - best) <= TOLERANCE]
        result["regret"] = best - result["log_likelihood"]
        result["seen"] = bool(near)
        result["marked"] = any(o.get("passed_over") for o in near)
        result["verdict"] = verdict(result)
    return result


def verdict(result):
    if result["regret"] <= TOLERANCE:
        return "above" if result["regret"] < -TOLERANCE else "equal"
    if not result["seen"]:
        return "unseen"
    return "passed over" if result["marked"] else "passed over, unmarked"


# --- flexmix ------------------------------------------------------------------------

R_PROGRAM = r"""
arguments <- commandArgs(TRUE)
folder <- arguments[1]; K <- as.integer(arguments[2])
family <- arguments[3]; grouped <- arguments[4] == "groups"
suppressMessages(library(flexmix))
frame <- read.csv(file.path(folder, "data.csv"))
features <- paste(setdiff(names(frame), c("y", "id")), collapse = " + ")
formula <- as.formula(paste("y ~", features, if (grouped) "| id"))
set.seed(1)
best <- stepFlexmix(formula, data = frame, k = K, nrep = 10, verbose = FALSE,
                    model = FLXMRglm(family = family))
write.table(posterior(best), file.path(folder, "out"), row.names = FALSE,
            col.names = FALSE)
"""


def flexmix(problem, K):
    """Log-likelihood of flexmix's best of ten, climbed by the naive EM, or None."""
    grouped = problem.groups is not None
    rows = Rows.of(problem)
    names = [f"x{j}" for j in range(problem.X.shape[1])]
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "program.R")
        program.write_text(R_PROGRAM)
        np.savetxt(
            Path(folder, "data.csv"),
            np.column_stack([problem.y, rows.place, problem.X]),
            delimiter=",",
            header=",".join(["y", "id", *names]),
            comments="",
        )
        family = problem.kind, "groups" if grouped else "rows"
        command = ["Rscript", program, folder, str(K), *family]
        out = Path(folder, "out")
        if subprocess.run(command, capture_output=True).returncode or not out.exists():
            return None
        posterior = np.loadtxt(out, ndmin=2)
    order = np.argsort(rows.place, kind="stable")
    memberships = posterior[order][rows.first].T[None]
    return float(climb(problem, rows, memberships)[0].log_likelihood)


# --- Run ----------------------------------------------------------------------------


def judge(problem, K, seeds, n_starts, with_flexmix):
    """All there is to say about a setting."""
    with threadpool_limits(1):
        start = time.perf_counter()
        # The same stream whatever else is run.
        rng = np.random.default_rng([len(problem.y), problem.X.shape[1], K])
        ends = search(problem, K, n_starts, rng)
        seconds = time.perf_counter() - start
        proper = best_proper(problem, K, ends)
        best = None if proper is None else float(proper.log_likelihood_)
        fits = [default_fit(problem, K, seed, best) for seed in seeds]
    result = {
        "setting": problem.label(K),
        "kind": problem.kind,
        "n": len(problem.y),
        "groups": None if problem.groups is None else len(np.unique(problem.groups)),
        "K": K,
        "best_naive": float(ends[0].log_likelihood),
        "best_proper": best,
        "naive_seconds": seconds,
        "fits": fits,
    }
    if best is not None:
        result["proper_weights"] = proper.weights_.tolist()
        result["proper_scale"] = proper.scale_.tolist()
        near = [abs(e.log_likelihood - best) <= TOLERANCE for e in ends]
        result["hits"] = int(np.sum(near))
        if with_flexmix and problem.kind in ("gaussian", "poisson"):
            loglik = flexmix(problem, K)
            result["flexmix_regret"] = None if loglik is None else best - loglik
    return result


def table(problems, seeds=range(3), starts=200, flexmix=False, jobs=1, pattern=""):
    """Judge, print and return all settings of a list of problems."""
    settings = [
        (problem, K)
        for problem in (Problem(*item) for item in problems)
        for K in problem.components
        if re.search(pattern, problem.label(K))
    ]
    parallel = Parallel(n_jobs=jobs, return_as="generator")
    tasks = (delayed(judge)(p, K, seeds, starts, flexmix) for p, K in settings)
    results = []
    width = max((len(problem.label(K)) for problem, K in settings), default=0)
    for result in parallel(tasks):
        print(line(result, width), flush=True)
        results.append(result)
    return results


def line(result, width):
    best = result["best_proper"]
    fits = result["fits"]
    regrets = " ".join(f"{f.get('regret', np.nan):9.3f}" for f in fits)
    seconds = [f["seconds"] for f in fits if "seconds" in f]
    verdicts = {f["verdict"] for f in fits} - {"equal"}
    if any(f.get("degenerate") for f in fits):
        verdicts.add("degenerate")
    text = (
        f"{result['setting']:<{width}s} n {result['n']:4d}"
        f"  best {np.nan if best is None else best:11.3f}"
        f"  hits {result.get('hits', 0):3d}  regret {regrets}"
        f"  {np.median(seconds) if seconds else np.nan:7.3f} s"
        f"  naive {result['naive_seconds']:5.1f} s"
    )
    if "flexmix_regret" in result:
        regret = result["flexmix_regret"]
        text += f"  flexmix {np.nan if regret is None else regret:9.3f}"
    return f"{text}  {', '.join(sorted(verdicts))}".rstrip()


def summarize(results):
    """Counts of settings by what happened for any of their seeds."""

    def count(test, among=results):
        return sum(any(test(f) for f in result["fits"]) for result in among)

    judged = [r for r in results if r["best_proper"] is not None]
    fits = [f for r in results for f in r["fits"]]
    seconds = [f["seconds"] for f in fits if "seconds" in f]
    peer = [r["flexmix_regret"] for r in judged if "flexmix_regret" in r]
    return {
        "settings": len(results),
        "judged": len(judged),
        "unseen": count(lambda f: f["verdict"] == "unseen"),
        "passed_over": count(lambda f: f["verdict"].startswith("passed over")),
        "unmarked": count(lambda f: f["verdict"] == "passed over, unmarked"),
        "above": count(lambda f: f["verdict"] == "above"),
        "above_proper": count(lambda f: f["verdict"] == "above" and f["proper"]),
        "fits": len(fits),
        "failed_fits": sum(
            f["verdict"].startswith(("unseen", "passed over")) for f in fits
        ),
        "median_seconds": float(np.median(seconds)) if seconds else None,
        "total_seconds": float(np.sum(seconds)),
        "flexmix_settings": len(peer),
        "flexmix_missed": sum(p is None or p > TOLERANCE for p in peer),
    }


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--settings", default="", help="regular expression")
    parser.add_argument("--starts", type=int, default=200, help="of the naive search")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seed0", type=int, default=0)
    parser.add_argument("--flexmix", action="store_true", help="also run flexmix")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--json", type=Path, help="write all results to this file")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    if options.flexmix:
        require_r("flexmix")
    seeds = range(options.seed0, options.seed0 + options.seeds)
    results = table(
        problems(),
        seeds,
        options.starts,
        options.flexmix,
        options.jobs,
        options.settings,
    )
    summary = summarize(results)
    print(", ".join(f"{name} {value}" for name, value in summary.items()))
    if options.json:
        record = {
            "seed0": options.seed0,
            "seeds": options.seeds,
            "starts": options.starts,
            **environment(),
            "summary": summary,
            "settings": results,
        }
        options.json.write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
