"""Mixtures of experts: what estimators of scikit-learn gain as components.

`curves` draws rows of two smooth curves (crossing, apart, on one another's noise) and
compares held-out log-likelihoods in nats per row: of the truth, of lines, of experts
that are splines with a ridge and boosted trees, and of splines started at the truth.
`exact` compares `LinearRegression` experts with `MixtureRegressor`, whose maximum they
have to reach. `real` cross-validates the log-likelihood on data that nobody here made.
`large` fits boosted trees to many rows.

Usage::

    python benchmarks/experts.py curves --seeds 3
    python benchmarks/experts.py exact
    python benchmarks/experts.py real
    python benchmarks/experts.py large --rows 100000
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer

from mixreg_sklearn import MixtureOfExpertsRegressor, MixtureRegressor
from mixreg_sklearn.datasets import load_nodata, load_tone, load_two_lines

# Two curves each, and the standard deviation of the errors; 40 % are of the second.
CURVES = {
    "crossing": (lambda x: 3 * np.sin(x), lambda x: 1 + 3 * np.cos(0.7 * x), 0.5),
    "apart": (
        lambda x: 3 * np.sin(x),
        lambda x: 4 + 3 * np.sin(x) + 0.2 * (x - 5) ** 2,
        0.6,
    ),
    "close": (lambda x: 2 * np.sin(x), lambda x: 0.3 * x - 2 * np.sin(x), 0.8),
}
SPLINES = make_pipeline(SplineTransformer(n_knots=8), Ridge(0.1))
TREES = HistGradientBoostingRegressor(max_iter=30, max_leaf_nodes=8, learning_rate=0.2)
FEW_FITS = {"cv": 3, "n_init": 1}  # as trees take long


def drawn(kind, seed, n):
    """Rows of two curves: X with a column of noise, y, and log-densities of y."""
    rng = np.random.default_rng(seed)
    x, second = rng.uniform(0, 10, n), rng.random(n) < 0.4
    *curves, scale = CURVES[kind]
    means = np.column_stack([curve(x) for curve in curves])
    y = means[np.arange(n), second.astype(int)] + scale * rng.normal(size=n)
    z = (y[:, None] - means) / scale
    each = np.log([0.6, 0.4]) - 0.5 * z**2 - np.log(scale * np.sqrt(2 * np.pi))
    return np.column_stack([x, rng.normal(size=n)]), y, np.logaddexp(*each.T), second


def curves(options):
    print("held-out nats per row; means over seeds", flush=True)
    for kind in CURVES:
        rows = np.array([one_curve(kind, seed, options.rows) for seed in options.seeds])
        for name, value in zip(NAMES, rows.mean(axis=0), strict=True):
            print(f"{kind:9s} {name:24s} {value:8.4f}", flush=True)
        wins = [f"{(rows[:, k] > rows[:, 1]).mean():.0%}" for k in (2, 4)]
        print(f"{kind:9s} better than lines: splines {wins[0]}, trees {wins[1]}")


NAMES = ("truth", "lines", "splines", "splines from the truth", "trees", "own of trees")


def one_curve(kind, seed, n):
    """Held-out log-likelihoods per row, in the order of `NAMES`."""
    X, y, _, second = drawn(kind, seed, n)
    new, y_new, truth, _ = drawn(kind, 10_000 + seed, 5000)
    at_truth = np.eye(2)[second.astype(int)]
    lines = MixtureRegressor(2, random_state=seed).fit(X, y)
    splines = MixtureOfExpertsRegressor(SPLINES, random_state=seed).fit(X, y)
    told = MixtureOfExpertsRegressor(SPLINES, init=at_truth, random_state=seed)
    trees = MixtureOfExpertsRegressor(TREES, random_state=seed, **FEW_FITS).fit(X, y)
    fits = lines, splines, told.fit(X, y), trees
    found = [fit.log_likelihood(new, y_new) / len(y_new) for fit in fits]
    return [truth.mean(), *found, trees.log_likelihood_ / len(y)]


def exact(options):
    gate = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000)
    for load in (load_two_lines, load_tone, load_nodata):
        X, y = load(return_X_y=True)
        for K in (2, 3):
            for ours, theirs in ((None, None), (gate, "softmax")):
                settings = {"n_components": K, "gate": ours, "random_state": 0}
                fit = MixtureOfExpertsRegressor(LinearRegression(), **settings)
                fit = fit.fit(X, y)
                best = MixtureRegressor(K, gate=theirs, random_state=0).fit(X, y)
                print(
                    f"{load.__name__:15s} K={K} gate={theirs!s:8s}"
                    f" {fit.log_likelihood_:12.6f} {best.log_likelihood_:12.6f}"
                    f" difference {fit.log_likelihood_ - best.log_likelihood_:.1e}",
                    flush=True,
                )


def real(options):
    for name, (X, y) in {
        "nodata": load_nodata(return_X_y=True),
        "tone": load_tone(return_X_y=True),
        "diabetes": load_diabetes(return_X_y=True),
    }.items():
        makers = {
            "one spline": lambda: MixtureOfExpertsRegressor(SPLINES, 1),
            "two lines": lambda: MixtureRegressor(2, random_state=0),
            "two splines": lambda: MixtureOfExpertsRegressor(
                SPLINES, n_init=2, random_state=0
            ),
        }
        for label, make in makers.items():
            total = 0.0
            for train, test in KFold(5, shuffle=True, random_state=0).split(X):
                fit = make().fit(X[train], y[train])
                total += fit.log_likelihood(X[test], y[test])
            print(f"{name:9s} {label:22s} {total / len(y):8.4f}", flush=True)


def large(options):
    X, y, _, _ = drawn("crossing", 0, options.rows)
    new, y_new, truth, _ = drawn("crossing", 1, 20_000)
    began = time.perf_counter(), time.process_time()
    trees = HistGradientBoostingRegressor(max_iter=50, max_leaf_nodes=8)
    settings = {"cv": 3, "n_init": 2, "random_state": 0, "verbose": 1}
    fit = MixtureOfExpertsRegressor(trees, **settings).fit(X, y)
    seconds = time.perf_counter() - began[0], time.process_time() - began[1]
    print(f"{seconds[0]:.0f} s, {seconds[1]:.0f} CPU seconds")
    held_out = fit.log_likelihood(new, y_new) / len(y_new)
    print(f"held-out {held_out:.4f}, truth {truth.mean():.4f} nats per row")


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("curves", "exact", "real", "large"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seed0", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=600)
    options = parser.parse_args(arguments)
    options.seeds = range(options.seed0, options.seed0 + options.seeds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        globals()[options.part](options)


if __name__ == "__main__":
    main()
