"""Count how often `bootstrap_lrt` rejects a true number of components at 5 %.

Data sets have 200 rows, one feature and one or two regressions, six units apart, with
standard deviations between 0.3 and 0.8. The true number is tested against one more,
with 99 replicates at most and early stopping. A test of the right size rejects about
5 %; the standard error is that of a binomial. Power is counted on a tenth of
the data sets with two regressions, with one component as the hypothesis: there the test
cannot stop early.

Usage::

    python benchmarks/lrt.py                            # 200 data sets for each truth
    python benchmarks/lrt.py --data-sets 50 --json lrt.json
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.datasets import make_mixture_regression
from mixreg_sklearn.metrics import bootstrap_lrt

# True number of components, and the number under the hypothesis.
SETTINGS = ((1, 1), (2, 2), (2, 1))


def data_set(K, seed, n=200):
    rng = np.random.default_rng([seed, K])
    return make_mixture_regression(
        n,
        n_components=K,
        intercept=6.0 * np.arange(K),
        coef=rng.normal(size=(K, 1)),
        scale=rng.uniform(0.3, 0.8, size=K),
        random_state=int(rng.integers(2**31)),
    )[:2]


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-sets", type=int, default=200)
    parser.add_argument("--seed0", type=int, default=0)
    parser.add_argument("--replicates", type=int, default=99)
    parser.add_argument("--alpha", type=float, default=0.05)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--json", type=Path, help="write all p-values to this file")
    options = parser.parse_args(arguments)
    record = {}
    for truth, hypothesis in SETTINGS:
        started, values, replicates = time.perf_counter(), [], 0
        size = options.data_sets if truth == hypothesis else options.data_sets // 10
        for seed in range(options.seed0, options.seed0 + max(size, 1)):
            with threadpool_limits(1):
                test = bootstrap_lrt(
                    MixtureRegressor(hypothesis),
                    *data_set(truth, seed),
                    n_bootstrap=options.replicates,
                    alpha=options.alpha,
                    random_state=seed,
                    n_jobs=options.jobs,
                )
            values.append(test.p_value)
            replicates += test.n_bootstrap
        rate = np.mean(np.array(values) <= options.alpha)
        error = np.sqrt(rate * (1 - rate) / len(values))
        print(
            f"truth {truth}, hypothesis {hypothesis}: rejected"
            f" {rate * len(values):.0f} of {len(values)}, {100 * rate:.1f} %"
            f" (standard error {100 * error:.1f} %), {replicates / len(values):.0f}"
            f" replicates each, {time.perf_counter() - started:.0f} s",
            flush=True,
        )
        record[f"{truth}-{hypothesis}"] = values
    if options.json:
        options.json.write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
