"""Measure fits of dask collections on a cluster of this machine.

Parts:

fit
    A default fit of rows in the memory of workers (one thread each) against the fit of
    the same rows in one process with as many threads: wall seconds, alternating; and
    the time of every pass beyond that of the busiest worker.
killed
    The same fit while a worker is killed, and the largest difference of coefficients.
parquet, csv
    A fit of a file that is larger than the memory of all workers, which every pass
    reads; the most that a worker had resident.

Every worker has one BLAS thread. Say how busy the machine was: its load is printed.

Usage::

    python benchmarks/scale_dask.py
    python benchmarks/scale_dask.py --parts fit killed --rows 2e6 --features 10 \
        --components 4 --workers 2 --partitions 8 --json out.json
    python benchmarks/scale_dask.py --parts parquet csv --rows 1e7 --memory 500MB
"""

import argparse
import json
import os
import signal
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
from dask.distributed import Client, LocalCluster, wait
from environment import environment
from speed import draw

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn._dask.places import InMemory


def cluster_of(workers, memory=None):
    """A cluster of this machine; the memory of a worker is as dask takes it."""
    return LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        memory_limit=memory,
        dashboard_address=None,
    )


def rows_of(n, d, K, partitions):
    """Rows of a mixture as a dask array: the features, and the response last."""
    size = n // partitions
    parts = [dask.delayed(_drawn)(size, d, K, seed) for seed in range(partitions)]
    arrays = [da.from_delayed(part, (size, d + 1), float) for part in parts]
    return da.concatenate(arrays)


def _drawn(n, d, K, seed):
    X, y, _ = draw(n, d, K, seed, regressions=0)
    return np.column_stack([X, y])


def persisted(n, d, K, partitions):
    """X and y in the memory of the workers."""
    table = rows_of(n, d, K, partitions)
    X, y = dask.persist(table[:, :-1].map_blocks(np.array), table[:, -1])
    wait([X, y])
    return X, y


# Passes -------------------------------------------------------------------------------


class Passes:
    """Wall seconds of every pass, and those of the busiest worker, while it is open."""

    def __enter__(self):
        self.wall, self.work, self._ask = [], [], InMemory.ask
        passes = self

        def ask(places, function):
            started = time.perf_counter()
            timed = passes._ask(places, partial(_timed, function))
            passes.wall.append(time.perf_counter() - started)
            workers = {}
            for worker, seconds, _ in timed:
                workers[worker] = workers.get(worker, 0.0) + seconds
            passes.work.append(max(workers.values()))
            return [answer for *_, answer in timed]

        InMemory.ask = ask
        return self

    def __exit__(self, *_):
        InMemory.ask = self._ask

    @property
    def beyond(self):
        """Seconds of passes beyond those of the busiest worker."""
        return np.array(self.wall) - self.work


def _timed(function, value):
    started = time.perf_counter()
    answer = function(value)
    return os.getpid(), time.perf_counter() - started, answer


def fit(n, d, K, workers, partitions, rounds=3):
    """A fit on workers against one in threads, and what passes cost beyond the work."""
    walls, beyond, passes = {"dask": [], "memory": []}, [], 0
    with cluster_of(workers) as cluster, Client(cluster):
        X, y = persisted(n, d, K, partitions)
        here = X.compute(), y.compute()
        model = MixtureRegressor(K, random_state=0, n_jobs=workers)
        for _ in range(rounds):
            for name, data in (("memory", here), ("dask", (X, y))):
                with Passes() as seen:
                    started = time.perf_counter()
                    model.fit(*data)
                    walls[name].append(time.perf_counter() - started)
                if seen.wall:
                    beyond, passes = [*beyond, *seen.beyond], len(seen.wall)
        empty = np.quantile([_nothing(X, y, d) for _ in range(3)], 0.5)
    dask_wall, memory_wall = (min(walls[name]) for name in ("dask", "memory"))
    milliseconds = 1e3 * np.array(beyond)
    print(
        f"n={n} d={d} K={K}, {workers} workers, {partitions} partitions: {passes}"
        f" passes; beyond the work {np.median(milliseconds):.1f} ms a pass (least"
        f" {milliseconds.min():.1f}), an empty pass {1e3 * empty:.1f} ms; fit"
        f" {dask_wall:.2f} s, in memory {memory_wall:.2f} s, ratio"
        f" {dask_wall / memory_wall:.2f}",
        flush=True,
    )
    return {"walls": walls, "beyond_ms": milliseconds.tolist(), "empty_s": float(empty)}


def _nothing(X, y, d):
    """Seconds of a pass over places that do nothing; the median of 30."""
    client = X.__dask_graph__() and Client.current()
    places = InMemory(client, client.map(_pair, range(len(client.nthreads()))))
    times = []
    for _ in range(30):
        started = time.perf_counter()
        places.ask(partial(_zero, np.zeros(5 * d)))
        times.append(time.perf_counter() - started)
    return float(np.median(times))


def _pair(i):
    return [(i, None)]


def _zero(params, value):
    return 0.0


def killed(n, d, K, workers, partitions):
    """A fit while a worker is killed."""
    with cluster_of(workers) as cluster, Client(cluster) as client:
        X, y = persisted(n, d, K, partitions)
        model = MixtureRegressor(K, random_state=0)
        started = time.perf_counter()
        whole = model.fit(X, y).coef_
        undisturbed = time.perf_counter() - started
        victim = next(iter(client.run(os.getpid).values()))
        # In the middle of the passes, which end a fit.
        timer = threading.Timer(0.7 * undisturbed, os.kill, [victim, signal.SIGKILL])
        timer.start()
        started = time.perf_counter()
        again = model.fit(X, y).coef_
        disturbed = time.perf_counter() - started
        timer.join()
    apart = float(np.abs(again - whole).max())
    print(
        f"a worker killed: {disturbed:.2f} s instead of {undisturbed:.2f} s,"
        f" coefficients differ by {apart:.1e}",
        flush=True,
    )
    return {"undisturbed": undisturbed, "disturbed": disturbed, "apart": apart}


# Files --------------------------------------------------------------------------------


def from_files(kind, n, d, K, workers, partitions, memory):
    """A fit of a file, which workers of little memory read in every pass."""
    names = [f"x{j}" for j in range(d)]
    with tempfile.TemporaryDirectory() as folder:
        with cluster_of(workers) as cluster, Client(cluster):
            frame = dd.from_dask_array(rows_of(n, d, K, partitions), [*names, "y"])
            written = {"parquet": frame.to_parquet, "csv": frame.to_csv}[kind]
            written(folder, **({} if kind == "parquet" else {"index": False}))
        size = sum(path.stat().st_size for path in Path(folder).iterdir()) / 2**20
        with cluster_of(workers, memory) as cluster, Client(cluster) as client:
            if kind == "parquet":
                frame = dd.read_parquet(folder)
            else:
                frame = dd.read_csv(f"{folder}/*", blocksize="16MB")
            started = time.perf_counter()
            model = MixtureRegressor(K, random_state=0).fit(frame[names], frame["y"])
            wall = time.perf_counter() - started
            most = max(client.run(_most_resident).values())
    print(
        f"{kind}, n={n} d={d} K={K}: {size:.0f} MB on disk,"
        f" {8e-6 * n * (d + 1):.0f} MB of numbers, {workers} workers of"
        f" {memory}: fit {wall:.1f} s, most resident in"
        f" a worker {most:.0f} MB, converged {model.converged_}",
        flush=True,
    )
    return {"wall": wall, "disk_mb": size, "resident_mb": most}


def _most_resident():
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ["fit", "killed", "parquet", "csv"]
    parser.add_argument("--parts", nargs="+", choices=names, default=names)
    parser.add_argument("--rows", type=lambda text: int(float(text)), default=2_000_000)
    parser.add_argument("--features", type=int, default=10)
    parser.add_argument("--components", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument(
        "--memory", default="400MB", help="of a worker that reads files"
    )
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    data = asked.rows, asked.features, asked.components
    cluster = asked.workers, asked.partitions
    parts = {
        "fit": lambda: fit(*data, *cluster),
        "killed": lambda: killed(*data, *cluster),
        "parquet": lambda: from_files("parquet", *data, *cluster, asked.memory),
        "csv": lambda: from_files("csv", *data, *cluster, asked.memory),
    }
    record = {**environment(), "dask": dask.__version__, "load": os.getloadavg()}
    print(f"load {record['load'][0]:.1f} on {os.cpu_count()} cores\n")
    for name in asked.parts:
        record[name] = parts[name]()
    record["load_after"] = os.getloadavg()
    print(f"\nload {record['load_after'][0]:.1f}")
    if asked.json:
        asked.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
