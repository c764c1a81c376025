"""Measure fits of large data: time and memory as rows, features and components grow.

Parts:

fits
    A fit with default settings at n = 1e6, d = 10, K = 4 against one run of ``flexmix(y
    ~ ., k = 4)`` from one random start, and against three of them, on the same rows.
growth
    Default fits for n from 1e4 to 1e7 (a memory map from 1e6 on), with the slope of CPU
    time in n on logarithmic scales; for K = 2, 4, 8 and for d = 2, 10, 50.
memory
    Private memory of a fit beyond what the process had with X and y, at n = 1e6 in
    memory and n = 1e7 in a memory map, with one thread and with two.
passes
    Passes over all rows in a fit, and what they cost in EM passes.
iteration
    An EM iteration at n = 2e5, d = 10, K = 4 with one thread and two, against flexmix
    and against scikit-learn's ``GaussianMixture`` on (X, y); and against the C kernel
    in the folder `--kernel`, for n = 2e4 and 2e5, d = 2, 10 and 50.
sparse
    A fit of 1e6 rows, 1000 sparse features with 10 entries a row, K = 3.
inference
    Standard errors at n = 1e6 in EM passes.
model
    The constants of the cost model of docs/scaling.md: nanoseconds a row of every kind
    of pass, by d and K.

CPU seconds are of all threads. Every fit runs in a process of its own, with one BLAS
thread. Memory is `RssAnon` of ``/proc``, looked at every 5 ms.

Usage::

    python benchmarks/scale.py                          # all parts: about 20 minutes
    python benchmarks/scale.py --parts growth memory --json out.json
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from environment import environment
from scipy import sparse
from sklearn.mixture import GaussianMixture
from speed import (
    compare,
    draw,
    our_iterations,
    problem_of,
    seconds,
    start_flexmix,
    write,
)

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn._engine.rows import ArrayRows
from mixreg_sklearn._search.pooled import from_memberships
from mixreg_sklearn.inference import inference

# Fits that run in processes of their own ---------------------------------------------


class Watch(threading.Thread):
    """The largest private memory of this process, in MB, while a block runs."""

    def __enter__(self):
        self.before = self.most = _private()
        self.running = True
        self.start()
        return self

    def run(self):
        """Look, again and again."""
        while self.running:
            self.most = max(self.most, _private())
            time.sleep(0.005)

    def __exit__(self, *_):
        self.running = False
        self.join()

    @property
    def grown(self):
        """MB that were added."""
        return self.most - self.before


def _private():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no RssAnon in /proc/self/status")


def one_fit(n, d, K, n_jobs, where):
    """Fit in this process, and print JSON; `where` is a folder, or "memory"."""
    X, y = _rows(n, d, K, where)
    MixtureRegressor(2, random_state=0).fit(X[:3000], y[:3000])
    model = MixtureRegressor(K, random_state=0, n_jobs=n_jobs)
    passes, scan = [], ArrayRows.scan

    def noted(self, verb, params):
        if self.n_rows == n:
            passes.append(getattr(verb, "__name__", "least squares"))
        return scan(self, verb, params)

    ArrayRows.scan = noted
    with Watch() as watch:
        (wall, cpu), _ = seconds(lambda: model.fit(X, y))
    print(
        json.dumps(
            {
                "wall": wall,
                "cpu": cpu,
                "private_mb": watch.grown,
                "log_likelihood": model.log_likelihood_,
                "converged": model.converged_,
                "agreed": model.search_["agreed"],
                "passes": passes,
            }
        )
    )


def _rows(n, d, K, where):
    """Rows in memory, or in a memory map that is made block by block."""
    if where == "memory":
        return draw(n, d, K, 0)[:2]
    path = Path(where, f"{n}-{d}-{K}")
    if not path.exists():
        on_disk = np.memmap(path, "float64", "w+", shape=(n, d + 1))
        for part, first in enumerate(range(0, n, 1_000_000)):
            rows = slice(first, min(first + 1_000_000, n))
            X, y, _ = draw(rows.stop - first, d, K, part, regressions=0)
            on_disk[rows, :d], on_disk[rows, d] = X, y
        on_disk.flush()
    table = np.memmap(path, "float64", "r", shape=(n, d + 1))
    return table[:, :d], np.array(table[:, d])


def fit_elsewhere(n, d, K, n_jobs=1, where="memory"):
    """The numbers of `one_fit`, from a new process."""
    command = [sys.executable, __file__, "--one", n, d, K, n_jobs, where]
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


# Parts --------------------------------------------------------------------------------


def fits(folder, flexmix, rounds=3):
    """A default fit against one run of flexmix, and against three."""
    n, d, K = 1_000_000, 10, 4
    path, _ = write(folder, n, d, K, 0)
    ours = [fit_elsewhere(n, d, K) for _ in range(rounds)]
    cpu = float(np.median([each["cpu"] for each in ours]))
    result = {"ours": ours, "cpu": cpu}
    print(f"default fit, n={n} d={d} K={K}: CPU {cpu:.2f} s", flush=True)
    if flexmix:
        theirs = [flexmix.ask("fits", n, d, K, 1, [path]) for _ in range(rounds)]
        times = [answer[1] for answer in theirs]
        gaps = [answer[2] - ours[0]["log_likelihood"] for answer in theirs]
        result |= {"flexmix_cpu": times, "flexmix_gap": gaps}
        print(
            f"  flexmix CPU {np.round(times, 1).tolist()} s, log-likelihoods less ours"
            f" {np.round(gaps, 1).tolist()}; one run / ours"
            f" {np.median(times) / cpu:.0f}, three runs / ours"
            f" {3 * np.mean(times) / cpu:.0f}"
        )
    return result


def growth(folder):
    """CPU seconds by n, with their slope, by K and by d."""
    result = {}
    sizes = [10_000, 100_000, 1_000_000, 10_000_000]
    for n in sizes:
        where = folder if n >= 1_000_000 else "memory"
        result[n, 10, 4] = fit_elsewhere(n, 10, 4, where=where)
    for d, K in ((10, 2), (10, 8), (2, 4), (50, 4)):
        result[200_000, d, K] = fit_elsewhere(200_000, d, K)
    result[200_000, 10, 4] = fit_elsewhere(200_000, 10, 4)
    for (n, d, K), each in result.items():
        print(
            f"n={n:9d} d={d:2d} K={K}: CPU {each['cpu']:7.2f} s,"
            f" {1e9 * each['cpu'] / n:7.0f} ns a row, agreed {each['agreed']}",
            flush=True,
        )
    cpu = [result[n, 10, 4]["cpu"] for n in sizes]
    slope = np.polyfit(np.log(sizes), np.log(cpu), 1)[0]
    print(f"slope of log CPU in log n: {slope:.3f}")
    return {"slope": slope, **{str(key): each for key, each in result.items()}}


def memory(folder):
    """Private memory of fits."""
    result = {}
    for n, where in ((1_000_000, "memory"), (10_000_000, folder)):
        for n_jobs in (1, 2):
            each = fit_elsewhere(n, 10, 4, n_jobs, where)
            result[f"{n}, {n_jobs} threads"] = each
            print(
                f"n={n}, {n_jobs} threads: {each['private_mb']:.0f} MB, that is"
                f" {each['private_mb'] / (8e-6 * n):.1f} vectors of n, wall"
                f" {each['wall']:.1f} s, CPU {each['cpu']:.1f} s",
                flush=True,
            )
    return result


def costs(n, d, K, turns=5):
    """Nanoseconds a row of the passes of a fit, of rows that are not kept: a dict."""
    X, y, labels = draw(n, d, K, 0)
    problem = problem_of(MixtureRegressor(K), X, y)
    start = from_memberships(problem, np.eye(K)[labels])
    model, rows = problem.model, problem.rows
    verbs = model.summarize, model.gradient, model.tally, model.curvature
    calls = {verb.__name__: lambda verb=verb: rows.sum(verb, start) for verb in verbs}
    calls["preparing"] = lambda: problem_of(MixtureRegressor(K), X, y)
    calls["sketching"] = lambda: problem.rows.table.sketch(20_000)
    return {
        name: 1e9 / n * min(seconds(call)[0][1] for _ in range(turns))
        for name, call in calls.items()
    }


def passes(folder):
    """Passes over all rows of a memory map, and their cost in EM passes."""
    n = 10_000_000
    each = fit_elsewhere(n, 10, 4, where=folder)
    cost = costs(1_000_000, 10, 4)
    names = [name for name in each["passes"] if name in cost]
    spent = sum(cost[name] for name in names) + cost["preparing"] + cost["sketching"]
    equivalents = spent / cost["summarize"]
    print(
        f"n={n}: passes {names}, with preparing and sketching"
        f" {equivalents:.1f} EM passes"
    )
    return {"passes": each["passes"], "equivalents": equivalents, "cost": cost}


def model(folder):
    """The constants of the cost model."""
    result = {}
    print(f"{'d':>3} {'K':>3}  nanoseconds a row")
    for d, K in ((2, 2), (2, 4), (10, 2), (10, 4), (10, 8), (50, 4)):
        n = 800_000 if d < 50 else 200_000
        result[f"{d}, {K}"] = cost = costs(n, d, K)
        numbers = "  ".join(f"{name} {value:.0f}" for name, value in cost.items())
        print(f"{d:3d} {K:3d}  {numbers}", flush=True)
    return result


def iteration(folder, flexmix, kernel, rounds=5):
    """EM iterations against flexmix, GaussianMixture and the C kernel."""
    n, d, K = 200_000, 10, 4
    path, (X, y, labels) = write(folder, n, d, K, 0)
    result = {}
    for n_jobs in (1, 2):
        problem = problem_of(MixtureRegressor(K), X, y, n_jobs)
        start = from_memberships(problem, np.eye(K)[labels])
        our_iterations(problem, start, 2)
        ours, theirs = [], []
        for _ in range(rounds):
            if flexmix:
                theirs.append(flexmix.ask("gaussian", n, d, K, 3, [path]))
            ours.append(our_iterations(problem, start, 30))
        result[f"{n_jobs} threads"] = found = compare(ours, theirs)
        print(
            f"EM iteration, {n_jobs} threads: wall {1e3 * found['ours_wall']:.1f} ms,"
            f" flexmix / ours {found.get('ratio_wall', np.nan):.1f}",
            flush=True,
        )
    result["GaussianMixture"] = ratio = _against_gmm(X, y, K, result["1 threads"])
    print(f"GaussianMixture on (X, y) / ours: {ratio:.1f}")
    if kernel:
        result["kernel"] = _against_kernel(kernel)
    return result


def _against_gmm(X, y, K, ours):
    table = np.column_stack([X, y])

    def run(max_iter):
        mixture = GaussianMixture(
            K, max_iter=max_iter, tol=0, init_params="random_from_data", random_state=0
        )
        return seconds(lambda: mixture.fit(table))[0][1]

    return (run(11) - run(1)) / 10 / ours["ours_cpu"]


def _against_kernel(folder):
    sys.path.insert(0, str(folder))
    from limit import CKernel

    kernel, ratios = CKernel(threads=1), {}
    for n in (20_000, 200_000):
        for d in (2, 10, 50):
            X, y, labels = draw(n, d, 4, 0)
            problem = problem_of(MixtureRegressor(4), X, y)
            start = from_memberships(problem, np.eye(4)[labels])
            shares = np.full(4, 0.25), np.ones((d + 1, 4)), np.ones(4)
            m = max(3, 20_000_000 // (n * (d + 1)))
            pairs = []
            for _ in range(5):
                ours = our_iterations(problem, start, m)[1]
                theirs = seconds(
                    lambda X=X, y=y, shares=shares, m=m: [
                        kernel.em_pass(X, y, *shares) for _ in range(m)
                    ]
                )
                pairs.append(ours / (theirs[0][1] / m))
            ratios[f"{n}, {d}"] = float(np.median(pairs))
            print(f"ours / C kernel, n={n} d={d}: {np.median(pairs):.2f}", flush=True)
    mean = float(np.exp(np.mean(np.log(list(ratios.values())))))
    print(f"geometric mean: {mean:.2f}")
    return {**ratios, "mean": mean}


def sparse_rows(n, d, K, seed=0, entries=10):
    """Rows of a mixture with `entries` of d features each."""
    rng = np.random.default_rng(seed)
    columns = rng.integers(0, d, size=(n, entries)).ravel()
    values = rng.standard_normal(n * entries)
    X = sparse.csr_array(
        (values, columns, np.arange(0, n * entries + 1, entries)), shape=(n, d)
    )
    X.sum_duplicates()
    component = rng.integers(0, K, n)
    means = (X @ rng.standard_normal((d, K))) + 2 * np.arange(K)
    mean = means[np.arange(n), component]
    return X, mean + rng.standard_normal(n)


def sparse_fit():
    """Seconds and memory of a fit of sparse rows."""
    X, y = sparse_rows(1_000_000, 1000, 3)
    regression = MixtureRegressor(3, random_state=0)
    with Watch() as watch:
        (wall, cpu), _ = seconds(lambda: regression.fit(X, y))
    print(
        f"sparse, 1e6 x 1000, 10 entries a row, K=3: wall {wall:.1f} s, CPU"
        f" {cpu:.1f} s, {watch.grown:.0f} MB, scales"
        f" {regression.scale_.round(3).tolist()},"
        f" converged {regression.converged_}"
    )
    return {"wall": wall, "cpu": cpu, "private_mb": watch.grown}


def standard_errors():
    """Standard errors in EM passes, and their memory."""
    n, d, K = 1_000_000, 10, 4
    X, y, labels = draw(n, d, K, 0)
    regression = MixtureRegressor(K, random_state=0).fit(X, y)
    problem = problem_of(regression, X, y)
    start = from_memberships(problem, np.eye(K)[labels])
    result = {}
    for cov_type in ("information", "sandwich"):
        one = our_iterations(problem, start, 3)[1]
        with Watch() as watch:
            spent, _ = seconds(
                lambda c=cov_type: inference(regression, X, y, cov_type=c)
            )
        result[cov_type] = {"passes": spent[1] / one, "private_mb": watch.grown}
        print(
            f"standard errors ({cov_type}), n={n}: {spent[1] / one:.1f} EM passes,"
            f" {watch.grown:.0f} MB",
            flush=True,
        )
    return result


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [
        "fits",
        "growth",
        "memory",
        "passes",
        "iteration",
        "sparse",
        "inference",
        "model",
    ]
    parser.add_argument("--parts", nargs="+", choices=names, default=names)
    parser.add_argument("--kernel", type=Path, help="folder of the C kernel")
    parser.add_argument("--rounds", type=int, default=3, help="fits of each program")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        *numbers, where = arguments.one
        one_fit(*map(int, numbers), where)
        return
    record = {**environment(), "load": os.getloadavg()}
    print(f"load {record['load'][0]:.1f} on {os.cpu_count()} cores\n")
    with tempfile.TemporaryDirectory() as folder:
        asked = set(arguments.parts) & {"fits", "iteration"}
        flexmix = start_flexmix(folder) if asked else None
        parts = {
            "fits": lambda: fits(folder, flexmix, arguments.rounds),
            "growth": lambda: growth(folder),
            "memory": lambda: memory(folder),
            "passes": lambda: passes(folder),
            "iteration": lambda: iteration(folder, flexmix, arguments.kernel),
            "sparse": sparse_fit,
            "inference": standard_errors,
            "model": lambda: model(folder),
        }
        for name in arguments.parts:
            print(f"--- {name}")
            record[name] = parts[name]()
        if flexmix:
            flexmix.close()
    record["load_after"] = os.getloadavg()
    if arguments.json:
        arguments.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
