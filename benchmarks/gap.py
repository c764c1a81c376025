"""Count how often `optimality_gap` tells right optima from wrong ones.

Data sets are those of `recovery.py`. The *right* optimum is the better of the default
fit and the climb from the truth. The *wrong* one is the best of the local maxima that
are more than 5 nats lower, among climbs from random regressions (`init`): proven
maxima, not degenerate, with no standard deviation below 3 % of the pooled one. Many
data sets have none. The output reports

false alarms
    right optima whose gap exceeds the threshold;
detected
    wrong optima whose gap exceeds the threshold.

Usage::

    python benchmarks/gap.py                          # 11 cells, 10 seeds
    python benchmarks/gap.py --seed0 1000 --seeds 10 --json gap.json
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
from recovery import GRIDS, generate, with_constant
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.metrics import optimality_gap

CELLS = (
    "d1K2-bal-mid",
    "d1K3-imb-mid",
    "d1K5-bal-mid",
    "d1K3-cross",
    "d2K3-bal-high",
    "d2K3-imb-mid",
    "d2K5-imb-mid",
    "d5K3-bal-mid",
    "d5K4-imb-mid",
    "d5K3-het10",
    "d10K3-imb-low",
)
DEFICIT = 5.0


def climb(data, start):
    return MixtureRegressor(len(data.weights), init=start).fit(data.X, data.y)


def right_optimum(data, seed):
    found = MixtureRegressor(len(data.weights), random_state=seed).fit(data.X, data.y)
    start = {
        "weights": data.weights,
        "coef": data.coef[:, 1:],
        "intercept": data.coef[:, 0],
        "scale": data.scale,
    }
    true = climb(data, start)
    return max((found, true), key=lambda m: (not m.degenerate_, m.log_likelihood_))


def wrong_optimum(data, right, seed, n_starts=25):
    """The best of the local maxima that are clearly lower, or None."""
    rng = np.random.default_rng([seed, 7])
    F, K, n = with_constant(data.X), len(data.weights), len(data.y)
    wrong = None
    for _ in range(n_starts):
        coef = np.empty((K, F.shape[1]))
        for k in range(K):
            rows = rng.choice(n, F.shape[1], replace=False)
            coef[k] = np.linalg.lstsq(F[rows], data.y[rows], rcond=1e-6)[0]
        start = {
            "weights": np.full(K, 1 / K),
            "coef": coef[:, 1:],
            "intercept": coef[:, 0],
            "scale": np.full(K, data.y.std() / 2),
        }
        model = climb(data, start)
        pooled = model.weights_ @ model.scale_**2
        sound = model.converged_ and (model.scale_**2).min() > 1e-3 * pooled
        lower = model.log_likelihood_ < right.log_likelihood_ - DEFICIT
        better = wrong is None or model.log_likelihood_ > wrong.log_likelihood_
        if sound and lower and better:
            wrong = model
    return wrong


def measure(data, model, right):
    started = time.perf_counter()
    gap = optimality_gap(model, data.X, data.y)
    return {
        "gap": gap.gap,
        "threshold": gap.threshold,
        "suspicious": bool(gap.suspicious),
        "proven": gap.proven,
        "deficit": right.log_likelihood_ - model.log_likelihood_,
        "scale": model.scale_.tolist(),
        "weights": model.weights_.tolist(),
        "n": len(data.y),
        "K": len(data.weights),
        "d": data.X.shape[1],
        "seconds": time.perf_counter() - started,
    }


def run_cell(name, seeds):
    right_ones, wrong_ones = [], []
    for seed in seeds:
        data = generate(GRIDS["all"][name], seed)
        right = right_optimum(data, seed)
        right_ones.append(measure(data, right, right))
        wrong = wrong_optimum(data, right, seed)
        if wrong is not None:
            wrong_ones.append(measure(data, wrong, right))
    return right_ones, wrong_ones


def line(name, right, wrong):
    def gaps(trials):
        if not trials:
            return "-"
        low, middle, high = np.quantile([t["gap"] for t in trials], [0, 0.5, 1])
        return f"{low:.1f} {middle:.1f} {high:.1f}"

    return (
        f"{name:<15s} false alarms {sum(t['suspicious'] for t in right):2d}/"
        f"{len(right):<3d} detected {sum(t['suspicious'] for t in wrong):3d}/"
        f"{len(wrong):<3d} gap, min median max: right {gaps(right):<16s}"
        f" wrong {gaps(wrong):<18s}"
        f" {np.median([t['seconds'] for t in right + wrong]):.2f} s"
    )


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", nargs="+", choices=GRIDS["all"], default=CELLS)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--seed0", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write all gaps to this file")
    options = parser.parse_args(arguments)
    record, all_right, all_wrong = {}, [], []
    seeds = range(options.seed0, options.seed0 + options.seeds)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for name in options.cells:
            right, wrong = run_cell(name, seeds)
            print(line(name, right, wrong), flush=True)
            record[name] = {"right": right, "wrong": wrong}
            all_right += right
            all_wrong += wrong
    print(line("total", all_right, all_wrong))
    if options.json:
        options.json.write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
