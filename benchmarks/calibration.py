"""Measure whether statements about uncertainty are true, part by part.

coverage
    Share of the 95 % intervals of `inference` that contain the true parameter. A data
    set has 500 rows (in one setting 2000). Its features are drawn anew every time, and
    the fit has default settings and does not know the truth. Fitted components are
    matched to the true ones by their linear predictors (optimal assignment). Intervals
    are counted by kind of parameter, over components and features; the standard error
    of a share is over data sets. *robust* is the sandwich, and the cluster sandwich in
    the setting with clusters. `se / sd` is the mean standard error divided by the
    standard deviation of the estimates, and `bias / sd` the largest bias divided by the
    same, both with scales as logarithms and shares as log-odds, the scales on which
    intervals are computed. A fit without standard errors (degenerate, or not a proven
    maximum) is counted, and has no interval. Target: 93 to 97 %.
size
    Share of data sets in which `bootstrap_lrt` rejects a true number of components at
    the 5 % level, with at most 99 replicates and early stopping. Target: 3 to 7 %. One
    more cell measures power, with a second component 1.5 standard deviations away.
selection, more-rows
    Share of data sets of `recovery.py` in which `MixtureRegressorIC` finds the true K
    among 1 to K + 2: the core cells with up to 4 components as they are, and those with
    too few rows with four times as many. Target: 90 % by BIC in every cell without
    outliers and with at least 20 rows of the smallest component per coefficient. *one
    scale* is BIC among mixtures with `shared_scale=True`, which is true of all cells
    except `het10`.
pit
    Whether `pit_values` of new responses from the truth are uniform under the fitted
    model, and how many the intervals of `predict_distribution` contain. Models are
    those of the coverage settings, except the one with clusters. They are fitted to
    1000 rows and predict 50 new ones: few enough that the error of the estimates is
    small compared with that of the new rows. The table counts data sets whose
    Kolmogorov-Smirnov (ks) or Anderson-Darling (ad) test rejects at 5 %. Intervals are
    equal-tailed, or regions of highest density (hd). For counts, they contain more than
    their level. In brackets is the probability that the fitted model assigns to its
    intervals; compare the coverage with it.

The table is printed as shown in `docs/calibration.md`. Shares are in percent, with
their Monte Carlo standard errors.

Usage::

    python benchmarks/calibration.py coverage --jobs 2 --json coverage.json
    python benchmarks/calibration.py size --data-sets 400
    python benchmarks/calibration.py selection --data-sets 20
    python benchmarks/calibration.py pit --cells poisson beta --data-sets 100
"""

import argparse
import json
import time
import warnings
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from environment import environment
from joblib import Parallel, delayed
from recovery import CORE, generate
from recovery_families import draw_responses
from scipy import special, stats
from scipy.optimize import linear_sum_assignment
from threadpoolctl import threadpool_limits

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn.inference import inference
from mixreg_sklearn.metrics import bootstrap_lrt
from mixreg_sklearn.residuals import pit_values


class Setting(NamedTuple):
    """A mixture with known parameters; features are standard normal.

    Attributes
    ----------
    family : str
    weights, intercept, scale : tuple of K floats
    coef : tuple of K tuples
    gate : tuple of float, default=()
        Constant and coefficients of the log-odds of component 1 against component 0,
        for the last two features.
    group : int, default=0
        Number of rows of a group, which share a component.
    cluster : int, default=0
        Number of rows of a cluster, which share a random intercept but not a component.
    random_intercept : float, default=0
        Standard deviation of the random intercept.
    options : dict, default={}
        Parameters of the estimator.
    rows : int, default=500
        Number of rows of a data set in the coverage part.
    """

    family: str
    weights: tuple
    intercept: tuple
    coef: tuple
    scale: tuple = (1.0, 1.0)
    gate: tuple = ()
    group: int = 0
    cluster: int = 0
    random_intercept: float = 0.0
    options: dict = {}
    rows: int = 500

    @property
    def truth(self):
        """The true parameters, with the names of the fitted attributes."""
        truth = {
            "weights_": np.array(self.weights),
            "intercept_": np.array(self.intercept),
            "coef_": np.array(self.coef),
            # A random intercept that the model omits is part of its scale.
            "scale_": np.hypot(self.scale, self.random_intercept),
        }
        if self.gate:
            truth["gate_intercept_"] = np.array([0.0, self.gate[0]])
            truth["gate_coef_"] = np.array([(0, 0, 0), (0, *self.gate[1:])])
        return truth


_SLOPES = (1.0, 0.5), (-1.0, 0.5)
_SHALLOW = (0.4, -0.3), (-0.3, 0.2)
_TWO = 0.6, 0.4
_LINES = Setting("gaussian", _TWO, (0, 5), _SLOPES, (0.6, 0.9))
_THREE = Setting(
    "gaussian", (0.5, 0.3, 0.2), (0, 5, -5), (*_SLOPES, (0, -1)), (0.6, 0.9, 0.7)
)
SETTINGS = {
    "gaussian": _LINES,
    "gaussian, K = 3": _THREE,
    "gaussian, K = 3, 2000 rows": _THREE._replace(rows=2000),
    "poisson": Setting("poisson", _TWO, (1, 3), _SHALLOW),
    "binomial": Setting("binomial", _TWO, (-1.5, 1.5), _SHALLOW),
    "gamma": Setting("gamma", _TWO, (0.5, 2.5), _SHALLOW, (0.4, 0.25)),
    "negative binomial": Setting(
        "negative_binomial", _TWO, (2, 4), _SHALLOW, (0.5, 0.3)
    ),
    "inverse gaussian": Setting(
        "inverse_gaussian", _TWO, (0, 2), _SHALLOW, (0.3, 0.12)
    ),
    "beta": Setting("beta", _TWO, (-1.5, 1.5), _SHALLOW, (0.2, 0.2)),
    "gate": Setting(
        "gaussian",
        _TWO,
        (0, 5),
        ((1.0, 0.5, 0.0), (-1.0, 0.5, 0.0)),
        (0.6, 0.9),
        gate=(-0.4, 1.0, -0.7),
        options={
            "gate": "softmax",
            "gate_features": [1, 2],
            "regression_features": [0, 1],
        },
    ),
    "groups of 4": Setting("gaussian", _TWO, (0, 2), _SLOPES, (1, 1), group=4),
    "shared slope": _LINES._replace(options={"shared_features": [1]}),
    "clusters of 5": _LINES._replace(cluster=5, random_intercept=0.5),
}

KINDS = {
    "intercept_": "intercepts",
    "coef_": "slopes",
    "scale_": "scales",
    "weights_": "shares",
    "gate_intercept_": "gate",
    "gate_coef_": "gate",
}
LEVELS = (0.5, 0.8, 0.95)
ALPHA = 0.05
# Critical value at 5 %, for the uniform distribution (Stephens 1974).
AD_CRITICAL = 2.492


class Test(NamedTuple):
    """A cell of the size: parallel lines, or curves of counts.

    Attributes
    ----------
    family : str
    intercept : tuple of float
        Intercepts of the true components.
    hypothesis : int
        Number of components that is tested against one more.
    n : int
        Number of rows.
    """

    family: str
    intercept: tuple
    hypothesis: int
    n: int


TESTS = {
    "gaussian, 1 against 2": Test("gaussian", (0,), 1, 100),
    "gaussian, 2 against 3": Test("gaussian", (0, 6), 2, 150),
    "poisson, 1 against 2": Test("poisson", (1.5,), 1, 100),
    "poisson, 2 against 3": Test("poisson", (0.5, 2.5), 2, 150),
    "power: gaussian, truth 2": Test("gaussian", (0, 1.5), 1, 100),
}
SELECTION = {name: cell for name, cell in CORE.items() if cell.K <= 4}
# Rows of the smallest component per coefficient that are enough.
ENOUGH = 20
MORE_ROWS = {
    f"{name}, 4 x rows": cell._replace(mult=4 * cell.mult)
    for name, cell in SELECTION.items()
    if cell.mult < ENOUGH and not cell.out
}
# Rows of a cluster are not independent, which the tests of uniformity need.
PREDICTED = {
    name: setting
    for name, setting in SETTINGS.items()
    if not setting.cluster and setting.rows == Setting._field_defaults["rows"]
}


# --- Data ---------------------------------------------------------------------------


class Data(NamedTuple):
    """Rows, further arguments of `fit`, and labels of clusters or None."""

    X: np.ndarray
    y: np.ndarray
    given: dict
    cluster: np.ndarray | None


def draw(setting, n, rng):
    """Draw a data set of n rows."""
    truth, given, cluster = setting.truth, {}, None
    X, K = rng.standard_normal((n, len(setting.coef[0]))), len(setting.weights)
    if setting.gate:
        odds = X @ truth["gate_coef_"][1] + truth["gate_intercept_"][1]
        component = (rng.random(n) < special.expit(odds)).astype(int)
    elif setting.group:
        given["groups"] = np.arange(n) // setting.group
        units = rng.choice(K, given["groups"][-1] + 1, p=setting.weights)
        component = units[given["groups"]]
    else:
        component = rng.choice(K, n, p=setting.weights)
    eta = truth["intercept_"][component] + (X * truth["coef_"][component]).sum(axis=1)
    if setting.cluster:
        cluster = np.arange(n) // setting.cluster
        eta += setting.random_intercept * rng.standard_normal(cluster[-1] + 1)[cluster]
    if setting.family == "binomial":
        given["trials"] = rng.integers(10, 21, n)
    scale = np.array(setting.scale)[component]
    y = draw_responses(setting.family, eta, scale, given.get("trials"), rng)
    return Data(X, y, given, cluster)


def fit(setting, data, seed):
    """The default fit; its attributes show what its warnings say."""
    model = MixtureRegressor(
        len(setting.weights),
        family=setting.family,
        random_state=seed,
        **setting.options,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(data.X, data.y, **data.given)


# --- Coverage -----------------------------------------------------------------------


def coverage_trial(name, seed):
    """Error, standard error and coverage of every parameter; None if unavailable."""
    setting = SETTINGS[name]
    data = draw(setting, setting.rows, np.random.default_rng([seed, *name.encode()]))
    model = fit(setting, data, seed)
    robust = {"cov_type": "sandwich"}
    if data.cluster is not None:
        robust = {"cov_type": "cluster", "cluster": data.cluster}
    try:
        results = {
            label: inference(model, data.X, data.y, **data.given, **options)
            for label, options in (("information", {}), ("robust", robust))
        }
    except ValueError:
        return None
    truth, order = matched(model, data.X, setting.truth)
    cover = {label: result.conf_int() for label, result in results.items()}
    information, rows = results["information"], []
    for i, term in enumerate(information.terms):
        if np.isnan(information.std_errors[i]):
            continue
        place = (term.component, *([] if term.feature is None else [term.feature]))
        true = truth[term.attribute][place]
        forward = term.transform.forward
        rows.append(
            {
                "kind": KINDS[term.attribute],
                "term": (term.attribute, int(order[term.component]), term.feature),
                "error": forward(information.params[i]) - forward(true),
                "se": information.working_std_errors[i],
                **{label: ci[i, 0] <= true <= ci[i, 1] for label, ci in cover.items()},
            }
        )
    return rows


def matched(model, X, truth):
    """The true parameters in the order of the fitted components, and that order."""

    def predictors(intercept, coef):
        return intercept + X @ coef.T

    ours = predictors(model.intercept_, model.coef_)
    true = predictors(truth["intercept_"], truth["coef_"])
    cost = ((ours[:, :, None] - true[:, None, :]) ** 2).mean(axis=0)
    order = linear_sum_assignment(cost)[1]
    ordered = {name: values[order] for name, values in truth.items()}
    for name in ("gate_intercept_", "gate_coef_"):
        if name in ordered:
            # Log-odds are relative to the first component of the fit.
            ordered[name] = ordered[name] - ordered[name][0]
    return ordered, order


def coverage_rows(name, trials):
    """A row of the table for every kind of parameter."""
    valid = [t for t in trials if t is not None]
    kinds = dict.fromkeys(row["kind"] for row in valid[0])
    return [
        {"setting": name, "parameters": kind, **coverage_of(kind, valid)}
        | {"failed": len(trials) - len(valid)}
        for kind in kinds
    ]


def coverage_of(kind, trials):
    """Coverage of a kind of parameter, and its errors."""
    chosen = [[row for row in t if row["kind"] == kind] for t in trials]
    chosen = [rows for rows in chosen if rows]
    record = {}
    for label in ("information", "robust"):
        shares = np.array([np.mean([row[label] for row in rows]) for rows in chosen])
        record[label] = shares.mean()
        record[f"{label}, error"] = shares.std() / np.sqrt(len(shares))
    terms = defaultdict(list)
    for row in (row for rows in chosen for row in rows):
        terms[row["term"]].append((row["error"], row["se"]))
    ratios, biases = [], []
    for values in terms.values():
        errors, ses = np.array(values).T
        # A label that is seldom matched has no meaningful standard deviation.
        if len(errors) > len(trials) / 2:
            ratios.append(ses.mean() / errors.std())
            biases.append(errors.mean() / errors.std())
    record["se / sd"] = float(np.mean(ratios))
    record["bias / sd"] = float(max(biases, key=abs))
    return record


def coverage_tables(records):
    """A table of settings by kinds of parameters, for each measure."""
    settings = dict.fromkeys(r["setting"] for r in records)
    kinds = dict.fromkeys(KINDS.values())
    cells = {(r["setting"], r["parameters"]): r for r in records}
    text = []
    for heading, number in (
        ("covered, observed information", lambda r: share_text("information", r)),
        ("covered, robust", lambda r: share_text("robust", r)),
        ("se / sd (bias / sd)", lambda r: f"{r['se / sd']:.2f} ({r['bias / sd']:.2f})"),
    ):
        rows = [
            {heading: setting}
            | {
                k: number(cells[setting, k]) if (setting, k) in cells else ""
                for k in kinds
            }
            for setting in settings
        ]
        text.append(table(rows))
    failed = sum({r["setting"]: r["failed"] for r in records}.values())
    return "\n\n".join([*text, f"Data sets without standard errors: {failed}"])


# --- Size of the test ---------------------------------------------------------------


def size_trial(name, seed, replicates=99):
    """The p-value of one data set, and the replicates that it took."""
    test = TESTS[name]
    K = len(test.intercept)
    slopes = ((0.5,), (-0.5,)) if test.family == "gaussian" else ((0.3,), (-0.3,))
    truth = Setting(test.family, (1 / K,) * K, test.intercept, slopes[:K], (1,) * K)
    data = draw(truth, test.n, np.random.default_rng([seed, *name.encode()]))
    model = MixtureRegressor(test.hypothesis, family=test.family)
    result = bootstrap_lrt(
        model,
        data.X,
        data.y,
        n_bootstrap=replicates,
        alpha=ALPHA,
        random_state=seed,
    )
    return {"p": result.p_value, "replicates": result.n_bootstrap}


def size_rows(name, trials):
    """A row of the table: how many were rejected."""
    p = np.array([t["p"] for t in trials])
    rejected = p <= ALPHA
    return [
        {
            "cell": name,
            "rows": TESTS[name].n,
            "data sets": len(p),
            "rejected": rejected.mean(),
            "rejected, error": rejected.std() / np.sqrt(len(p)),
            "replicates": np.mean([t["replicates"] for t in trials]),
        }
    ]


# --- Selection ----------------------------------------------------------------------

CRITERIA = ("bic", "icl", "sabic", "aic")


def selection_trial(name, seed):
    """The chosen number of components minus the true one, for each criterion."""
    cell = (SELECTION | MORE_ROWS)[name]
    data = generate(cell, seed)
    numbers, errors = np.arange(1, cell.K + 3), {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for shared in (False, True):
            mixture = MixtureRegressor(shared_scale=shared, random_state=seed)
            model = MixtureRegressorIC(numbers, estimator=mixture)
            table = model.fit(data.X, data.y).table_
            for criterion in CRITERIA if not shared else ("bic",):
                name = criterion.upper() + shared * ", one scale"
                errors[name] = int(numbers[table[criterion].argmin()]) - cell.K
            if not shared:
                errors["choice"] = model.n_components_ - cell.K
    return errors


def selection_rows(name, trials):
    """A row of the table: how many data sets have the true number, and how BIC errs."""
    cell = (SELECTION | MORE_ROWS)[name]
    errors = {name: np.array([t[name] for t in trials]) for name in trials[0]}
    return [
        {
            "cell": name,
            "true K": cell.K,
            "rows": len(generate(cell, 0).y),
            "in target": not cell.out and cell.mult >= ENOUGH,
            "data sets": len(trials),
            **{name: int((e == 0).sum()) for name, e in errors.items()},
            "BIC too few": int((errors["BIC"] < 0).sum()),
            "BIC too many": int((errors["BIC"] > 0).sum()),
        }
    ]


# --- Predictive distributions -------------------------------------------------------


def pit_trial(name, seed, n=1000, n_new=50):
    """P-values of tests of uniformity, and coverage of intervals, for new responses."""
    setting = SETTINGS[name]
    rng = np.random.default_rng([seed, *name.encode()])
    model = fit(setting, draw(setting, n, rng), seed)
    new = draw(setting, n_new, rng)
    u = pit_values(model, new.X, new.y, random_state=seed, **new.given)
    record = {
        "ks": stats.kstest(u, "uniform").pvalue,
        "ad": bool(anderson_darling(u) > AD_CRITICAL),
    }
    ahead = model.predict_distribution(new.X, trials=new.given.get("trials"))
    for level in LEVELS:
        parts = np.stack(ahead.interval(level), axis=-1)[:, None]
        for label, sets in (("equal", parts), ("hd", ahead.highest_density(level))):
            inside = (sets[..., 0] <= new.y[:, None]) & (new.y[:, None] <= sets[..., 1])
            record[f"{label} {level:.0%}"] = inside.any(axis=1).mean()
            lower = np.nan_to_num(sets[..., 0]) - ahead.discrete
            own = ahead.cdf(np.nan_to_num(sets[..., 1])) - ahead.cdf(lower)
            own = np.where(np.isnan(sets[..., 0]), 0.0, own).sum(axis=1)
            record[f"{label} {level:.0%}, own"] = own.mean()
    return record


def anderson_darling(u):
    """Anderson-Darling statistic for the uniform distribution."""
    u, n = np.sort(u), len(u)
    logs = np.log(u) + np.log1p(-u[::-1])
    return -n - ((2 * np.arange(1, n + 1) - 1) * logs).sum() / n


def pit_rows(name, trials):
    """A row of the table: rejections of uniformity, and coverage of intervals."""
    columns = {key: np.array([t[key] for t in trials]) for key in trials[0]}
    columns["ks"] = columns["ks"] <= ALPHA
    record = {"setting": name, "data sets": len(trials)}
    for key, values in columns.items():
        record[key] = values.mean()
        record[f"{key}, error"] = values.std() / np.sqrt(len(values))
    return [record]


# --- Run ----------------------------------------------------------------------------


class Part(NamedTuple):
    """A part of the study.

    Attributes
    ----------
    cells : dict
        By name.
    trial, rows : callable
        ``trial(name, seed)``, and ``rows(name, trials)``, records for the table.
    data_sets : int
        Of each cell, by default.
    pooled : bool, default=False
        Whether the table has a row for all cells together.
    show : callable, default=None
        From records to text; None means one table.
    """

    cells: dict
    trial: object
    rows: object
    data_sets: int
    pooled: bool = False
    show: object = None


PARTS = {
    "coverage": Part(
        SETTINGS, coverage_trial, coverage_rows, 1000, show=coverage_tables
    ),
    "size": Part(TESTS, size_trial, size_rows, 400),
    "selection": Part(SELECTION, selection_trial, selection_rows, 20),
    "more-rows": Part(MORE_ROWS, selection_trial, selection_rows, 10),
    "pit": Part(PREDICTED, pit_trial, pit_rows, 300, pooled=True),
}


def limited(trial, name, seed):
    """Run a trial on one thread."""
    with threadpool_limits(1):
        return trial(name, seed)


def share_text(key, record):
    """A share in percent, its error, and the share under the fitted model, if any."""
    own = f" ({100 * record[f'{key}, own']:.1f})" if f"{key}, own" in record else ""
    return f"{100 * record[key]:.1f} ± {100 * record[f'{key}, error']:.1f}{own}"


def cell_text(key, value, record):
    """A number of a table."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (str, int)):
        return str(value)
    return share_text(key, record) if f"{key}, error" in record else f"{value:.0f}"


def table(records):
    """Records as a Markdown table."""
    keys = [key for key in records[0] if not key.endswith((", error", ", own"))]
    lines = [keys, ["---"] * len(keys)]
    lines += [[cell_text(key, r[key], r) for key in keys] for r in records]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--cells", nargs="+", help="cells of this part; all by default")
    parser.add_argument("--data-sets", type=int, help="data sets of each cell")
    parser.add_argument("--seed0", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--json", type=Path, help="write the table to this file")
    options = parser.parse_args(arguments)
    part = PARTS[options.part]
    options.cells = options.cells or list(part.cells)
    if unknown := set(options.cells) - set(part.cells):
        parser.error(f"no cells {sorted(unknown)}; there are {list(part.cells)}")
    options.data_sets = options.data_sets or part.data_sets
    return options


def write(options, records):
    """Write the records so far."""
    if options.json:
        record = {
            "part": options.part,
            "seed0": options.seed0,
            "data_sets": options.data_sets,
            **environment(),
            "rows": records,
        }
        options.json.write_text(json.dumps(record, indent=1, default=float))


def main(arguments=None):
    options = parse(arguments)
    part, records, everything = PARTS[options.part], [], []
    seeds = range(options.seed0, options.seed0 + options.data_sets)
    parallel, trial = Parallel(n_jobs=options.jobs), partial(limited, part.trial)
    for name in options.cells:
        started = time.perf_counter()
        trials = parallel(delayed(trial)(name, seed) for seed in seeds)
        print(f"{name}: {time.perf_counter() - started:.0f} s", flush=True)
        records += part.rows(name, trials)
        everything += trials
        write(options, records)
    if part.pooled and len(options.cells) > 1:
        records += part.rows("all", everything)
        write(options, records)
    print((part.show or table)(records))


if __name__ == "__main__":
    main()
