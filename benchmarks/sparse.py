"""Find the few features that matter among many, in the right components.

Recovery
    Data sets are drawn with 400 rows, 500 columns and two components, of which ten
    columns have an effect. A method sees X, y and the number of components, and
    chooses its penalty itself; this library by the criterion of `MixtureRegressorIC` on
    a path of 50 alphas. A column is selected if its coefficient is not zero in some
    component. F1 is the harmonic mean of the share of the selected columns that have an
    effect and of that of the columns with an effect that are selected. Seconds are
    those of the whole path.

Genes
    The expression of one gene in cancer cell lines, from that of the 500 genes whose
    expression varies most: 490 lines for the time of a fit, and 400 and 100 for the
    log-likelihood of new lines, with one component and with two. The data are 1000
    genes in 500 lines of the Cancer Cell Line Encyclopedia (Barretina et al., Nature
    483, 603-607, 2012), from the R package MCbiclust (Bioconductor), and not in this
    repository; in R, ``data(CCLE_small, package = "MCbiclust")`` and
    ``write.csv(t(CCLE_small), "ccle.csv")`` write them. Without the file, data of this
    shape are simulated, with 20 factors behind 500 genes.

Riboflavin
    More features than a dense curvature admits: 71 rows and 4088 genes (Buehlmann,
    Kalisch & Meier, Annu. Rev. Stat. Appl. 1, 255-278, 2014). In R with the package
    hdi: ``data(riboflavin); write.csv(data.frame(y = riboflavin$y,
    unclass(riboflavin$x)), "riboflavin.csv", row.names = FALSE)``.

Usage::

    python benchmarks/sparse.py recovery --seeds 20 --jobs 2 --json sparse.json
    python benchmarks/sparse.py recovery --method R:flexmix    # minutes a data set
    python benchmarks/sparse.py genes --file ccle.csv --response AXL
    python benchmarks/sparse.py riboflavin --file riboflavin.csv

Peers: `R:flexmix` is one run with `FLXMRglmnet(adaptive = FALSE)`, whose lambda is
chosen by cross-validation in every M-step (with `adaptive = TRUE`, its default, it
first fits least squares, which more columns than rows do not have). `R:fmerPack` is
`path.fmrReg` with 20 lambdas and one start instead of 100 and 10, and `select.tuning`
by BIC. They need Rscript and the packages (Debian: r-cran-flexmix, r-cran-glmnet;
fmerPack 0.0-1 has to be built from its source).
"""

import argparse
import json
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
from recovery import require_r
from threadpoolctl import threadpool_limits

from mixreg_sklearn import MixtureRegressorIC

N_ACTIVE = 10


class Cell(NamedTuple):
    """One kind of problem.

    Attributes
    ----------
    effects : "apart" or "pursuit"
        Each active column in one component, with coefficients of 2 and noise 1. Or the
        scaled effects of the help pages of fmerPack (Li et al., Biometrics 2022): six
        columns that act alike and four that differ, coefficients of 1 and 3 times the
        standard deviation, whose square is 0.1.
    correlation : float
        Of neighboring columns; it decays as its power with the distance.
    n, p : int
        Rows and columns.
    """

    effects: str
    correlation: float = 0.0
    n: int = 400
    p: int = 500


class Data(NamedTuple):
    """A drawn data set and its coefficients, (K, p)."""

    X: np.ndarray
    y: np.ndarray
    coef: np.ndarray


class Choice(NamedTuple):
    """The coefficients that a method chooses, (K, p), and what the search cost."""

    coef: np.ndarray | None
    seconds: float
    notes: dict


CELLS = {
    "apart": Cell("apart"),
    "apart-corr": Cell("apart", 0.5),
    "pursuit": Cell("pursuit"),
    "pursuit-corr": Cell("pursuit", 0.5),
}
PURSUIT = np.array([[1, 1]] * 6 + [[-3, 3], [3, -3], [3, 0], [0, 3]]).T


def generate(cell, seed):
    """Draw one data set of a cell. The stream of random numbers is frozen."""
    n, p, rho = cell.n, cell.p, cell.correlation
    rng = np.random.default_rng([seed, n, p, int(100 * rho)])
    component = rng.integers(2, size=n)
    X = rng.standard_normal((n, p))
    for j in range(1, p if rho else 0):
        X[:, j] = rho * X[:, j - 1] + np.sqrt(1 - rho**2) * X[:, j]
    coef, scale = np.zeros((2, p)), 1.0
    if cell.effects == "apart":
        coef[0, :N_ACTIVE:2] = coef[1, 1:N_ACTIVE:2] = [2, -2, 2, -2, 2]
    else:
        scale = np.sqrt(0.1)
        coef[:, :N_ACTIVE] = scale * PURSUIT
    y = (X * coef[component]).sum(axis=1) + scale * rng.standard_normal(n)
    return Data(X, y, coef)


def f1(selected, true):
    """Harmonic mean of precision and recall of a set, given as masks."""
    total = selected.sum() + true.sum()
    return float(2 * (selected & true).sum() / total) if total else 1.0


def judge(data, choice):
    """F1 of the columns, and of the coefficients under the best order of components."""
    if choice.coef is None:
        return {"f1": 0.0, "f1_coef": 0.0, "selected": 0, **choice.notes}
    found, true = choice.coef != 0, data.coef != 0
    orders = (found, found[::-1])
    return {
        "f1": f1(found.any(axis=0), true.any(axis=0)),
        "f1_coef": max(f1(order, true) for order in orders if order.shape == true.shape)
        if found.shape == true.shape
        else 0.0,
        "selected": int(found.any(axis=0).sum()),
        **choice.notes,
    }


# --- Methods ------------------------------------------------------------------------


def fit_path(X, y, K, seed):
    """The fit that the criterion chooses, the path, and its seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.perf_counter()
        path = MixtureRegressorIC([K], alphas=50, l1_ratio=1.0, random_state=seed)
        path.fit(X, y)
        seconds = time.perf_counter() - start
    return path.best_estimator_, path, seconds


def choose_mixreg(data, seed):
    model, path, seconds = fit_path(data.X, data.y, len(data.coef), seed)
    notes = {
        "converged": int(np.sum(path.table_["converged"])),
        "degenerate": int(np.sum(path.table_["degenerate"])),
        "alpha": np.ravel(model.alpha).tolist(),
    }
    return Choice(model.coef_, seconds, notes)


R_PROGRAM = r"""
arguments <- commandArgs(TRUE)
folder <- arguments[1]; method <- arguments[2]; K <- as.integer(arguments[3])
suppressMessages({library(flexmix); library(glmnet)})
if (method == "fmerPack") library(fmerPack)

estimate <- function(X, y) {
  if (method == "fmerPack") {
    path <- path.fmrReg(y, X, m = K, control = list(n.ini = 1),
                        modstr = list(nlambda = 20, intercept = TRUE))
    return(t(select.tuning(path)$B[-1, ]))
  }
  m <- flexmix(y ~ X, k = K, model = FLXMRglmnet(adaptive = FALSE))
  P <- parameters(m)
  t(P[2:(ncol(X) + 1), , drop = FALSE])
}

for (path in list.files(folder, pattern = "csv$", full.names = TRUE)) {
  data <- as.matrix(read.csv(path, header = FALSE))
  set.seed(as.integer(sub("[.]csv$", "", basename(path))))
  start <- proc.time()[["elapsed"]]
  result <- tryCatch(estimate(data[, -1, drop = FALSE], data[, 1]),
                     error = function(e) NULL)
  seconds <- proc.time()[["elapsed"]] - start
  if (!is.null(result))
    write.table(cbind(result, seconds), sub("csv$", "out", path),
                row.names = FALSE, col.names = FALSE)
}
"""


def choose_r(method, data, seed):
    """Run R for one data set; only the fit is timed, inside R."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "program.R")
        program.write_text(R_PROGRAM)
        table = np.column_stack([data.y, data.X])
        np.savetxt(Path(folder, f"{seed}.csv"), table, delimiter=",")
        subprocess.run(
            ["Rscript", program, folder, method, str(len(data.coef))],
            check=True,
            capture_output=True,
        )
        out = Path(folder, f"{seed}.out")
        if not out.exists():
            return Choice(None, np.nan, {})
        table = np.loadtxt(out, ndmin=2)
        return Choice(table[:, :-1], table[0, -1], {})


# --- Parts --------------------------------------------------------------------------


def trial(cell, method, seed):
    data = generate(cell, seed)
    with threadpool_limits(1):
        if method == "mixreg":
            choice = choose_mixreg(data, seed)
        else:
            choice = choose_r(method.removeprefix("R:"), data, seed)
    return judge(data, choice) | {"seconds": choice.seconds}


def recovery(options):
    """Print one line a cell; {cell: trials}."""
    if options.method != "mixreg":
        require_r(options.method.removeprefix("R:"))
    parallel = Parallel(n_jobs=options.jobs)
    seeds = range(options.seed0, options.seed0 + options.seeds)
    print("| cell | median F1 | lowest | of coefficients | selected | seconds |")
    print("|---|---|---|---|---|---|")
    record = {}
    for name in options.cells:
        trials = parallel(
            delayed(trial)(CELLS[name], options.method, seed) for seed in seeds
        )
        record[name] = trials
        scores = [t["f1"] for t in trials]
        middle = {
            key: np.nanmedian([t[key] for t in trials])
            for key in ("f1_coef", "selected", "seconds")
        }
        print(
            f"| {name} | {np.median(scores):.3f} | {min(scores):.3f} | "
            f"{middle['f1_coef']:.3f} | {middle['selected']:.0f} | "
            f"{middle['seconds']:.1f} |",
            flush=True,
        )
    return record


def simulated_genes(seed=0, n=500, p=501, n_factors=20):
    """Correlated genes, and one that depends on ten others in two ways."""
    rng = np.random.default_rng(seed)
    loadings = rng.standard_normal((n_factors, p - 1))
    loadings *= rng.random(loadings.shape) < 0.15
    X = rng.standard_normal((n, n_factors)) @ loadings
    X += 0.7 * rng.standard_normal(X.shape)
    coef = np.zeros((2, p - 1))
    coef[:, rng.choice(p - 1, 10, replace=False)] = rng.choice([-1.0, 1.0], (2, 10))
    component = rng.integers(2, size=n)
    return X, (X * coef[component]).sum(axis=1) + 0.5 * rng.standard_normal(n)


def read_genes(path, response, n_genes=500):
    """Lines by genes from a file: the response, and the genes that vary most."""
    import pandas as pd

    table = pd.read_csv(path, index_col=0)
    y = table.pop(response)
    chosen = table.std().sort_values(ascending=False).index[:n_genes]
    return table[chosen].to_numpy(), y.to_numpy()


def genes(options):
    """Seconds of a path on 490 lines; log-likelihood of 100 new lines, per line."""
    if options.file is None:
        print("no --file: simulated genes")
        X, y = simulated_genes()
    else:
        X, y = read_genes(options.file, options.response)
    order = np.random.default_rng(options.seed0).permutation(len(y))
    train, test = order[:400], order[400:]
    record = {}
    for K in (1, 2):
        with threadpool_limits(1):
            _, _, seconds = fit_path(X[order[:490]], y[order[:490]], K, 0)
            model, _, _ = fit_path(X[train], y[train], K, 0)
        new = model.log_likelihood(X[test], y[test]) / len(test)
        selected = int((model.coef_ != 0).any(axis=0).sum())
        record[K] = {"seconds": seconds, "new": new, "selected": selected}
        print(
            f"K = {K}: path on 490 lines {seconds:.1f} s; on 400, alpha "
            f"{np.round(model.alpha, 4)}, {selected} genes, a new one has {new:.3f}"
        )
    residual = y[test] - y[train].mean()
    variance = y[train].var()
    nothing = -0.5 * np.log(2 * np.pi * variance) - (residual**2).mean() / 2 / variance
    print(f"without genes a new one has {nothing:.3f}")
    return record | {"nothing": nothing}


def riboflavin(options):
    """Seconds of a path at 71 rows and 4088 genes, with one component and with two."""
    if options.file is None:
        sys.exit("riboflavin needs --file, see --help.")
    table = np.loadtxt(options.file, delimiter=",", skiprows=1)
    X, y = table[:, 1:], table[:, 0]
    record = {}
    for K in (1, 2):
        with threadpool_limits(1):
            model, path, seconds = fit_path(X, y, K, 0)
        selected = int((model.coef_ != 0).any(axis=0).sum())
        converged = int(np.sum(path.table_["converged"]))
        record[K] = {"seconds": seconds, "selected": selected, "converged": converged}
        print(
            f"K = {K}: {seconds:.1f} s, alpha {np.round(model.alpha, 4)}, "
            f"{selected} genes, {converged} of {len(path.log_likelihoods_)} fits proven"
        )
    return record


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=["recovery", "genes", "riboflavin"])
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=list(CELLS))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--seed0", type=int, default=0)
    parser.add_argument(
        "--method", choices=["mixreg", "R:flexmix", "R:fmerPack"], default="mixreg"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--file", type=Path, help="data of the part")
    parser.add_argument("--response", default="AXL", help="the gene to explain")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    parts = {"recovery": recovery, "genes": genes, "riboflavin": riboflavin}
    record = parts[options.part](options)
    if options.json:
        settings = {"part": options.part, "method": options.method, **environment()}
        options.json.write_text(json.dumps(settings | {"results": record}, indent=1))


if __name__ == "__main__":
    main()
