"""Write the results of many fits to a file, or compare them with those in a file.

For changes that are to change no result: run it before, and `--against` the file after.
It uses what is public, so that it runs on either side of a change of the inside.

The fits are small, and meant to pass everywhere: all families and links with up to four
components, gates, groups, constraints, offsets, weights, given starts, large data that
the search samples, columns that are no use, fits that cannot be sound, the real data of
``tests/reference``, and sweeps of `MixtureRegressorIC`, also by growth alone. Each has

`log_likelihood`, `n_parameters`, `converged`, `degenerate`
    as the attributes of these names;
`parameters`
    one row for each component: share, intercept, coefficients, scale, and with a
    softmax gate its intercept and coefficients less their mean over components. The
    rows are sorted, so that the order of components does not matter.

Log-likelihoods are the same if they differ by less than 1e-9, parameters if by less
than 1e-6, relative to the larger of 1 and the value before; the others if they are
equal. A fit that raises has its message as the result. Every difference is printed, and
is an error, as is a fit that only one side has. Where a fit has not converged its
likelihood has no bound, or is flat: there rounding may move parameters further.

Usage::

    python benchmarks/same_fits.py --json before.json
    python benchmarks/same_fits.py --against before.json
    python benchmarks/same_fits.py --only gate sample --against before.json
"""

import argparse
import json
import sys
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import special
from threadpoolctl import threadpool_limits

import mixreg_sklearn
from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC, families
from mixreg_sklearn.gates import ConstantGate, SoftmaxGate

REFERENCE = Path(__file__).parents[1] / "tests" / "reference"
LOGLIK, PARAMETER = 1e-9, 1e-6

FAMILIES = {
    "gaussian": families.Gaussian,
    "poisson": families.Poisson,
    "binomial": families.Binomial,
    "gamma": families.Gamma,
    "negative_binomial": families.NegativeBinomial,
    "inverse_gaussian": families.InverseGaussian,
    "beta": families.Beta,
}
MEANS = {
    "identity": lambda eta: eta,
    "log": np.exp,
    "inverse": lambda eta: 1 / eta,
    "logit": special.expit,
    "probit": special.ndtr,
    "cloglog": lambda eta: -np.expm1(-np.exp(eta)),
}
POSITIVE, PROBABILITY = ("log", "identity", "inverse"), ("logit", "probit", "cloglog")
LINKS = {
    "gaussian": ("identity",),
    "poisson": POSITIVE,
    "binomial": PROBABILITY,
    "gamma": POSITIVE,
    "negative_binomial": POSITIVE,
    "inverse_gaussian": POSITIVE,
    "beta": PROBABILITY,
}
# Level and spread of the linear predictor, where it may be negative.
SETTINGS = {"identity": (0.0, 2.0), "log": (1.5, 1.0)}
SETTINGS |= dict.fromkeys(PROBABILITY, (0.0, 1.0))
SCALE = 0.3


class Data(NamedTuple):
    """Rows of a known mixture, whose regressions have the linear predictors `eta`."""

    X: np.ndarray
    y: np.ndarray
    component: np.ndarray
    coef: np.ndarray
    trials: np.ndarray


class Missing(MixtureRegressor):
    """A search that finds nothing, so that every component more has to grow."""

    def fit(self, X, y, sample_weight=None, **metadata):
        """Fit, and deny it."""
        super().fit(X, y, sample_weight, **metadata)
        if self.init is None and self.n_components > 1:
            self.log_likelihood_ = -np.inf
        return self


# --- Data ---------------------------------------------------------------------------


def draw(family="gaussian", link=None, n=200, d=2, K=2, seed=0, groups=None):
    """Rows of K components, or groups of rows where labels 0, 1, ... are given."""
    rng = np.random.default_rng([seed, K, *family.encode()])
    link = link or LINKS[family][0]
    component = rng.integers(K, size=n)
    if groups is not None:
        component = component[groups]
    if link in ("identity", "inverse") and family != "gaussian":
        # Predictors are positive.
        X = rng.uniform(size=(n, d))
        coef = rng.uniform(0.2, 1.0, size=(K, d))
        intercept = np.geomspace(0.5, 3.0 * K, K)
    else:
        level, spread = SETTINGS[link]
        X = rng.standard_normal((n, d))
        coef = spread * rng.standard_normal((K, d)) / np.sqrt(d)
        intercept = level + spread * np.linspace(-1, 1, K)
    eta = intercept[component] + (X * coef[component]).sum(axis=1)
    trials = rng.integers(5, 20, size=n)
    mean = MEANS[link](eta)
    return Data(X, respond(family, mean, trials, rng), component, coef, trials)


def respond(family, mean, trials, rng):
    shape = SCALE**-2
    match family:
        case "gaussian":
            return rng.normal(mean, SCALE)
        case "poisson":
            return rng.poisson(mean)
        case "binomial":
            return rng.binomial(trials, mean)
        case "gamma":
            return rng.gamma(shape, mean / shape)
        case "negative_binomial":
            return rng.negative_binomial(shape, shape / (shape + mean))
        case "inverse_gaussian":
            return rng.wald(mean, shape)
        case "beta":
            y = rng.beta(mean * shape, (1 - mean) * shape)
            return np.clip(y, 1e-6, 1 - 1e-6)


def read(dataset):
    """Columns of a table of the reference, as floats."""
    path = REFERENCE / "data" / dataset
    return np.genfromtxt(path, delimiter=",", names=True, deletechars="")


# --- Fits: each yields a name, an estimator, X, y and further arguments of `fit` ------


def of_families():
    for family, links in LINKS.items():
        for link in links:
            data = draw(family, link)
            kind = FAMILIES[family]() if len(links) == 1 else FAMILIES[family](link)
            given = {"trials": data.trials} if family == "binomial" else {}
            model = MixtureRegressor(2, family=kind, random_state=0)
            yield f"family {family} {link}", model, data.X, data.y, given
        for K in (1, 3, 4):
            data = draw(family, n=100 * K, K=K)
            given = {"trials": data.trials} if family == "binomial" else {}
            model = MixtureRegressor(K, family=family, random_state=0)
            yield f"family {family} K={K}", model, data.X, data.y, given


def of_gates():
    a, counts = draw(n=300, d=3, K=3), draw("poisson", n=300, d=2)
    own = {"regression_features": [0, 1], "gate_features": [2]}
    for name, options in {
        "softmax": {"gate": "softmax"},
        "features": {"gate": "softmax", **own},
        "ridge": {"gate": SoftmaxGate(alpha=1.0)},
        "ridge features": {"gate": SoftmaxGate(alpha=0.1), "gate_features": [0, 2]},
        "equal": {"gate": ConstantGate("equal")},
        "given": {"gate": ConstantGate([0.5, 0.3, 0.2])},
        "shared": {"gate": "softmax", "shared_features": [1], "shared_scale": True},
    }.items():
        model = MixtureRegressor(3, random_state=0, **options)
        yield f"gate {name}", model, a.X, a.y, {}
    model = MixtureRegressor(2, family="poisson", gate="softmax", random_state=0)
    yield "gate softmax poisson", model, counts.X, counts.y, {}
    given = {"sample_weight": np.arange(300) % 4}
    yield "gate softmax weights", model, counts.X, counts.y, given


def of_groups():
    label = np.random.default_rng(5).integers(60, size=240)
    for family in ("gaussian", "poisson", "gamma", "negative_binomial"):
        data = draw(family, n=240, groups=label)
        model = MixtureRegressor(2, family=family, random_state=0)
        yield f"groups {family}", model, data.X, data.y, {"groups": label}
    data = draw(n=240, groups=label)
    X = np.column_stack([data.X, np.random.default_rng(6).normal(size=60)[label]])
    weight = (1.0 + label % 3) / 2
    own = {"regression_features": [0, 1], "gate_features": [2]}
    model = MixtureRegressor(2, gate="softmax", random_state=0, **own)
    given = {"groups": label, "sample_weight": weight}
    yield "groups gate", model, X, data.y, {"groups": label}
    yield "groups gate weights", model, X, data.y, given
    model = MixtureRegressor(2, family="binomial", random_state=0)
    successes = (draw(n=240, groups=label, seed=1).y > 0).astype(int)
    yield "groups bernoulli", model, data.X, successes, {"groups": label}


def of_constraints():
    a, counts, times = draw(n=240, d=3, K=3), draw("poisson"), draw("gamma")
    for name, options in {
        "shared list": {"shared_features": [1]},
        "shared dict": {"shared_features": {1: [[0, 1]], "intercept": [[1, 2]]}},
        "held": {"held_coef": {2: 0.5}},
        "held by component": {"held_coef": {0: [0.0, None, None], "intercept": 0.0}},
        "held shared": {"held_coef": {0: 0.0}, "shared_features": {2: [[0, 2]]}},
        "shared scale": {"shared_scale": True},
        "no intercept": {"fit_intercept": False},
        "offset_feature": {"offset_feature": 2},
        "intercepts alone": {"regression_features": []},
        "gate shared dict": {"gate": "softmax", "shared_features": {0: [[0, 1]]}},
    }.items():
        model = MixtureRegressor(3, random_state=0, **options)
        yield f"constraint {name}", model, a.X, a.y, {}
    for family, data in {"poisson": counts, "gamma": times}.items():
        offset = np.linspace(0, 0.5, len(data.y))
        weight = np.arange(len(data.y)) % 3
        options = {"family": family, "random_state": 0}
        shared = MixtureRegressor(2, shared_features=[0], **options)
        yield f"constraint shared {family}", shared, data.X, data.y, {}
        held = MixtureRegressor(2, held_coef={1: [0.0, None]}, **options)
        yield f"constraint held {family}", held, data.X, data.y, {}
        model = MixtureRegressor(2, **options)
        yield f"offset {family}", model, data.X, data.y, {"offset": offset}
        yield f"weights {family}", model, data.X, data.y, {"sample_weight": weight}
    one = MixtureRegressor(2, family="gamma", shared_scale=True, random_state=0)
    yield "constraint shared scale gamma", one, times.X, times.y, {}
    model = MixtureRegressor(3, random_state=0)
    given = {"sample_weight": np.arange(240) % 3, "offset": a.X[:, 0]}
    yield "weights offset", model, a.X, a.y, given


def of_starts():
    a = draw(n=150, d=2, K=3)
    start = {"coef": a.coef, "intercept": np.linspace(-2, 2, 3), "scale": np.ones(3)}
    equal = {"weights": np.full(3, 1 / 3)}
    gate = {"gate_coef": np.zeros((3, 2)), "gate_intercept": np.zeros(3)}
    members = 0.1 + 0.7 * np.eye(3)[a.component]
    for name, options in {
        "dict": {"init": start | equal},
        "dict gate": {"init": start | gate, "gate": "softmax"},
        "memberships": {"init": members},
        "memberships gate": {"init": members, "gate": "softmax"},
        "no iterations": {"init": start | equal, "max_iter": 1, "tol": 1e-300},
        "one round": {"n_init": 1, "random_state": 3},
        "warm": {"warm_start": True, "random_state": 0},
    }.items():
        yield f"start {name}", MixtureRegressor(3, **options), a.X, a.y, {}
    warm = MixtureRegressor(3, warm_start=True, random_state=0).fit(a.X, a.y)
    yield "start warm again", warm, a.X[:100], a.y[:100], {}


def of_columns():
    a, counts = draw(K=2), draw("poisson")
    twice = np.column_stack([a.X, a.X[:, 0] - 2 * a.X[:, 1]])
    model = MixtureRegressor(2, random_state=0)
    gated = MixtureRegressor(2, gate="softmax", random_state=0)
    for name, X in {
        "constant": np.column_stack([a.X, np.full(200, 3.0)]),
        "collinear": twice,
        "units": a.X * [1e6, 1e-6] + [1e7, 0.0],
        "float32": a.X.astype(np.float32),
        "float32 constant": np.pad(a.X, ((0, 0), (0, 1))).astype(np.float32),
    }.items():
        yield f"columns {name}", model, X, a.y, {}
    yield "columns collinear gate", gated, twice, a.y, {}
    X = np.column_stack([counts.X, counts.X.sum(axis=1), np.ones(200)])
    model = MixtureRegressor(2, family="poisson", random_state=0)
    yield "columns collinear poisson", model, X, counts.y, {}


def of_samples():
    a = draw(n=20_000, d=3, K=3)
    model = MixtureRegressor(3, random_state=0)
    yield "sample gaussian", model, a.X, a.y, {}
    weight = np.arange(20_000) % 5
    yield "sample weights", model, a.X, a.y, {"sample_weight": weight}
    gated = MixtureRegressor(3, gate="softmax", random_state=0)
    yield "sample gate", gated, a.X, a.y, {}
    label = np.random.default_rng(7).integers(4000, size=20_000)
    b = draw(n=20_000, K=3, groups=label)
    yield "sample groups", model, b.X, b.y, {"groups": label}
    c = draw("poisson", n=20_000, K=3)
    counts = MixtureRegressor(3, family="poisson", random_state=0)
    yield "sample poisson", counts, c.X, c.y, {}


def of_flaws():
    """Fits that cannot be sound."""
    rng = np.random.default_rng(8)
    X, y = rng.normal(size=(40, 1)), rng.normal(size=40)
    y[:15] = 2 + X[:15, 0]
    yield "flaw exact line", MixtureRegressor(2, random_state=0), X, y, {}
    X, y = rng.normal(size=(30, 12)), rng.normal(size=30)
    yield "flaw few rows", MixtureRegressor(3, random_state=0), X, y, {}
    counts = np.where(np.arange(80) % 2, rng.poisson(5, 80), 0)
    model = MixtureRegressor(2, family="poisson", random_state=0)
    yield "flaw zeros", model, rng.normal(size=(80, 1)), counts, {}


def of_reference():
    for case in json.loads((REFERENCE / "cases.json").read_text())["cases"]:
        model, X, y, given = reference_problem(case)
        yield (
            f"reference {case['id']}",
            model.set_params(n_components=case["K"]),
            X,
            y,
            given,
        )


def reference_problem(case):
    """What `tests/test_reference.py` fits."""
    table = read(case["dataset"])
    arguments = {"weights": "sample_weight", "offset": "offset", "trials": "trials"}
    arguments["group"] = "groups"
    given = {arguments[a]: table[case[a]] for a in arguments if case[a]}
    columns = list(dict.fromkeys(case["features"] + case["gating"]))
    X = np.column_stack([table[c] for c in columns] or [np.ones(len(table))])
    kind, link = FAMILIES[case["family"]], case["link"]
    model = MixtureRegressor(
        family=kind(link) if len(LINKS[case["family"]]) > 1 else kind(),
        regression_features=[columns.index(c) for c in case["features"]],
        gate="softmax" if case["gating"] else None,
        gate_features=[columns.index(c) for c in case["gating"]] or None,
        shared_features=[columns.index(c) for c in case["shared"]] or None,
        shared_scale=case["equal_variance"],
        random_state=0,
    )
    return model, X, table[case["response"]], given


def of_sweeps():
    reference = json.loads((REFERENCE / "cases.json").read_text())
    for case in reference["sequences"]:
        if case["id"] in ("seq_npreg_gauss_eqvar", "seq_betablocker_group_shared"):
            model, X, y, given = reference_problem(case)
            sweep = MixtureRegressorIC((1, 2, 3), estimator=model)
            yield f"sweep {case['id']}", sweep, X, y, given
    a, counts = draw(n=200, K=3), draw("poisson", n=200, K=3)
    sweep = MixtureRegressorIC((3, 1, 2), criterion="icl", random_state=0)
    yield "sweep icl", sweep, a.X, a.y, {}
    grow = MixtureRegressorIC((1, 2, 3), estimator=Missing(random_state=0))
    yield "growth gaussian", grow, a.X, a.y, {}
    weight = np.arange(200) % 3
    yield "growth weights", grow, a.X, a.y, {"sample_weight": weight}
    label = np.random.default_rng(9).integers(50, size=200)
    b = draw(n=200, K=3, groups=label)
    yield "growth groups", grow, b.X, b.y, {"groups": label}
    for name, options, data in (
        ("gate", {"gate": "softmax"}, a),
        ("shared", {"shared_features": [0], "shared_scale": True}, a),
        ("poisson", {"family": "poisson"}, counts),
    ):
        template = Missing(random_state=0, **options)
        grow = MixtureRegressorIC((1, 2, 3), estimator=template)
        yield f"growth {name}", grow, data.X, data.y, {}


PARTS = (
    of_families,
    of_gates,
    of_groups,
    of_constraints,
    of_starts,
    of_columns,
    of_samples,
    of_flaws,
    of_reference,
    of_sweeps,
)


# --- Results ------------------------------------------------------------------------


def results(name, model, X, y, given):
    """Name and result of a fit, or of every fit of a sweep."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X, y, **given)
        fits = getattr(model, "estimators_", [model])
        several = len(fits) > 1
        return {
            f"{name} K={fit.n_components}" if several else name: result(fit)
            for fit in fits
        }
    except Exception as error:
        return {name: {"error": f"{type(error).__name__}: {error}"}}


def result(model):
    columns = [model.weights_, model.intercept_, *model.coef_.T, model.scale_]
    if hasattr(model, "gate_coef_"):
        gate = np.column_stack([model.gate_intercept_, model.gate_coef_])
        columns += list((gate - gate.mean(axis=0)).T)
    rows = np.column_stack(columns)
    # By a sum that is as good as never the same for two components: a column may be.
    order = np.argsort(rows @ np.sqrt(np.arange(2, 2 + rows.shape[1])))
    return {
        "log_likelihood": float(model.log_likelihood_),
        "n_parameters": int(model.n_parameters_),
        "converged": bool(model.converged_),
        "degenerate": bool(model.degenerate_),
        "parameters": rows[order].tolist(),
    }


def differences(before, after):
    """What is not the same in two results of a fit, in words."""
    if "error" in before or "error" in after:
        old, new = before.get("error"), after.get("error")
        return [] if old == new else [f"error {old} -> {new}"]
    words = []
    for key in ("n_parameters", "converged", "degenerate"):
        if before[key] != after[key]:
            words.append(f"{key} {before[key]} -> {after[key]}")
    old, new = before["log_likelihood"], after["log_likelihood"]
    if not near(old, new, LOGLIK):
        words.append(f"log_likelihood {old!r} -> {new!r} ({new - old:+.1e})")
    old, new = (np.array(r["parameters"]) for r in (before, after))
    if old.shape != new.shape:
        words.append(f"parameters of shape {old.shape} -> {new.shape}")
    elif not near(old, new, PARAMETER):
        far = np.abs(new - old) / np.maximum(1, np.abs(old))
        proof = "" if before["converged"] else ", not converged before"
        words.append(f"parameters by up to {far.max():.1e}, relative{proof}")
    return words


def near(old, new, tolerance):
    bound = tolerance * np.maximum(1, np.abs(old))
    with np.errstate(invalid="ignore"):
        same = (np.abs(np.subtract(new, old)) <= bound) | np.equal(old, new)
    return bool(np.all(same))


def compare(before, after):
    """Print every difference, and return how many fits have one."""
    count = 0
    for name in before | after:
        if name not in after:
            words = ["missing now"]
        elif name not in before:
            words = ["missing before"]
        else:
            words = differences(before[name], after[name])
        count += bool(words)
        for word in words:
            print(f"{name}: {word}")
    return count


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", metavar="WORD", help="fits whose name begins with a word"
    )
    parser.add_argument("--json", type=Path, help="write the results to this file")
    parser.add_argument(
        "--against", type=Path, metavar="FILE", help="compare with the results in it"
    )
    parser.add_argument("--verbose", action="store_true", help="print seconds of fits")
    options = parser.parse_args(arguments)
    chosen = tuple(options.only or [""])
    record, started = {}, time.process_time()
    with threadpool_limits(1):
        for name, *problem in (fit for part in PARTS for fit in part()):
            if name.startswith(chosen):
                before = time.process_time()
                record |= results(name, *problem)
                if options.verbose:
                    print(f"{time.process_time() - before:6.2f} s  {name}", flush=True)
    seconds = time.process_time() - started
    failed = [name for name in record if "error" in record[name]]
    print(f"{len(record)} fits, {len(failed)} raised, {seconds:.0f} CPU seconds")
    print(f"package: {Path(mixreg_sklearn.__file__).parent}")
    if options.json:
        options.json.write_text(json.dumps(record, indent=1))
    if options.against:
        before = json.loads(options.against.read_text())
        before = {k: v for k, v in before.items() if k.startswith(chosen)}
        count = compare(before, record)
        print(f"{count} of {len(before | record)} fits differ")
        sys.exit(bool(count))


if __name__ == "__main__":
    main()
