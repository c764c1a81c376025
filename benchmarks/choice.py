"""Count how often the true number of components is chosen.

The cells with many rows are those of `recovery.py` without outliers that have at least
20 rows per coefficient in the smallest component, and five more: one regression alone,
unequal shares, unequal noise. The other cells without outliers are those with few rows.
`MixtureRegressorIC` tries 1 to K + 2 components with its defaults; the same fits are
judged by plain BIC (degenerate fits come last) and by the choice of the estimator. A
data set counts as right, too few or too many components.

Usage::

    python benchmarks/choice.py                          # 5 seeds from 1000 on
    python benchmarks/choice.py --cells few --seeds 20 --jobs 2
"""

import argparse
import warnings

import numpy as np
from joblib import Parallel, delayed
from recovery import CORE, Cell, generate
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from mixreg_sklearn import MixtureRegressorIC

_CLEAN = {name: cell for name, cell in CORE.items() if not cell.out}
MANY = {name: cell for name, cell in _CLEAN.items() if cell.mult >= 20} | {
    "d1K1": Cell(1, 1, "bal", 0.10, 100),
    "d3K1": Cell(3, 1, "bal", 0.10, 50),
    "d2K3-imb": Cell(2, 3, "imb", 0.05, 20),
    "d2K3-het10": Cell(2, 3, "bal", 0.10, 20, hetero=10.0),
    "d1K2-het5": Cell(1, 2, "bal", 0.10, 30, hetero=5.0),
}
CELLS = {"many": MANY, "few": {n: c for n, c in _CLEAN.items() if n not in MANY}}


def trial(cell, seed):
    """Chosen minus true number of components: by plain BIC, and by the estimator."""
    data = generate(cell, seed)
    numbers = np.arange(1, cell.K + 3)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = MixtureRegressorIC(numbers, random_state=seed).fit(data.X, data.y)
    table = model.table_
    bic = np.where(table["degenerate"], np.inf, table["bic"])
    return numbers[bic.argmin()] - cell.K, model.n_components_ - cell.K


def line(name, excess):
    """Shares of right, too few and too many, by BIC and by the estimator; (n, 2)."""
    shares = [
        f"{label}: right {(e == 0).mean():4.0%} few {(e < 0).mean():4.0%}"
        f" many {(e > 0).mean():4.0%}"
        for label, e in zip(("BIC", "choice"), excess.T, strict=True)
    ]
    return f"{name:<14s} {len(excess):4d}  {'   '.join(shares)}"


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", choices=CELLS, default="many")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seed0", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    options = parser.parse_args(arguments)
    parallel = Parallel(n_jobs=options.jobs)
    seeds = range(options.seed0, options.seed0 + options.seeds)
    found = []
    for name, cell in CELLS[options.cells].items():
        excess = np.array(parallel(delayed(trial)(cell, seed) for seed in seeds))
        found.append(excess)
        print(line(name, excess), flush=True)
    print(line("total", np.concatenate(found)))


if __name__ == "__main__":
    main()
