"""Log-likelihoods of group-based trajectory models, beside those of R's packages.

The numbers of lcmm 2.2.2, trajeR 0.11.1, gbmt 0.1.4, crimCV 1.0.0 and survival 3.5-3
were printed by these packages (R 4.2.2); those called "ref." are of `tests/reference`,
which says who else finds them, and nan is where nobody has a number. Most data are not
part of this repository. To write them to a folder, in R, with the packages installed::

    data(paquid, data_hlme, package = "lcmm"); data(agrisus2, package = "gbmt")
    data(TO1adj, package = "crimCV")
    for (name in c("paquid", "data_hlme", "agrisus2", "TO1adj"))
      write.csv(get(name), file.path(folder, paste0(name, ".csv")), row.names = FALSE)
    for (name in c("CNORM2gr.csv", "POIS2gr.csv", "BETA2gr.csv", "LOGIT2gr.csv"))
      file.copy(system.file("extdata", name, package = "trajeR"), folder)

Models whose file is not in the folder are left out, and a line says so.

Usage::

    python benchmarks/trajectories.py FOLDER        # needs pandas
"""

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.families import Censored, Gaussian, Poisson, ZeroInflated

HERE = Path(__file__).resolve().parent.parent / "tests" / "reference" / "responses"
# One fit: name, estimator without its seed, X, y, groups, log-likelihood of the peer.


def paquid(folder):
    """MMSE over age, quadratic by class; CEP and one scale shared."""
    data = pd.read_csv(folder / "paquid.csv").dropna(subset=["MMSE"])
    decades = (data["age"] - 65) / 10
    X = pd.DataFrame({"t": decades, "t2": decades**2, "CEP": data["CEP"]})
    for K, theirs in enumerate((-6202.497, -5711.446, -5555.129, -5420.097), start=1):
        model = MixtureRegressor(K, shared_features=["CEP"], shared_scale=True)
        yield f"lcmm: paquid, K = {K}", model, X, data["MMSE"], data["ID"], theirs


def outcomes(folder):
    """Three test scores of a visit, some missing, each quadratic with its own scale."""
    data = pd.read_csv(folder / "paquid.csv")
    decades = (data["age"] - 65) / 10
    X, scores = pd.DataFrame({"t": decades, "t2": decades**2}), ["MMSE", "IST", "BVRT"]
    for K in (2, 3):
        model = MixtureRegressor(K, family=["gaussian"] * 3)
        yield f"paquid, 3 scores, K = {K}", model, X, data[scores], data["ID"], np.nan


def data_hlme(folder):
    """Two features and their class in a gate; two coefficients shared."""
    data = pd.read_csv(folder / "data_hlme.csv")
    X = data[["Time", "X1", "X2", "X3"]].assign(product=data["Time"] * data["X1"])
    model = MixtureRegressor(
        regression_features=["Time", "X1", "product"],
        shared_features=["X1", "product"],
        shared_scale=True,
        gate="softmax",
        gate_features=["X2", "X3"],
    )
    yield "lcmm: data_hlme, K = 2", model, X, data["Y"], data["ID"], -980.7458


def trajer(folder):
    """Two groups; gaussian, counts and shares."""
    settings = {
        "CNORM2gr": ("gaussian", 2, -830.0071),
        "POIS2gr": ("poisson", 2, -488.1306),
        "BETA2gr": ("beta", 1, 168.9544),
    }
    for name, (family, degree, theirs) in settings.items():
        wide = pd.read_csv(folder / f"{name}.csv")
        person = np.repeat(np.arange(len(wide)), 5)
        y = wide[[f"Y{i}" for i in range(1, 6)]].to_numpy().ravel()
        t = wide[[f"T{i}" for i in range(1, 6)]].to_numpy().ravel()
        X = np.column_stack([t**power for power in range(1, degree + 1)])
        model = MixtureRegressor(family=family)
        yield f"trajeR: {name}, K = 2", model, X, y, person, theirs


def trajer_logit(folder):
    """Two groups, linear and quadratic: one of them grows without limit."""
    wide = pd.read_csv(folder / "LOGIT2gr.csv")
    person = np.repeat(np.arange(len(wide)), 5)
    y = wide[[f"Y{i}" for i in range(1, 6)]].to_numpy().ravel()
    t = wide[[f"T{i}" for i in range(1, 6)]].to_numpy().ravel()
    model = MixtureRegressor(family="binomial", held_coef={1: [0, None]})
    X = np.column_stack([t, t**2])
    yield "trajeR: LOGIT2gr, K = 2", model, X, y, person, -58.2166


def limits(folder):
    """Normal responses censored at -10 and 10, quadratic (PROC TRAJ's CNORM)."""
    data = pd.read_csv(HERE / "data" / "cnorm2gr.csv")
    family = Censored(Gaussian(), lower=-10, upper=10)
    for K, peer, theirs in ((1, "survival", -722.7252), (2, "ref.", -683.9614)):
        model, X = MixtureRegressor(K, family=family), data[["time", "time2"]]
        yield f"{peer}: CNORM2gr cut, K = {K}", model, X, data["y"], data["id"], theirs


def zeros(folder):
    """Zero-inflated counts, quadratic; a zero part that is linear, or constant."""
    data = pd.read_csv(HERE / "data" / "zip2gr.csv")
    linear, constant = (ZeroInflated(Poisson(), features=f) for f in ("time", None))
    X, y, person = data[["time", "time2"]], data["y"], data["id"]
    for name, family, theirs in (
        ("trajeR: ZIP2gr, K = 2", linear, -527.1093),
        ("ref.: the same, constant", constant, -527.6314),
    ):
        yield name, MixtureRegressor(2, family=family), X, y, person, theirs
    data = pd.read_csv(HERE / "data" / "to1adj_first48.csv")
    model, X = MixtureRegressor(2, family=constant), data[["t", "t2"]]
    yield "ref.: 48 of TO1adj, K = 2", model, X, data["y"], data["id"], -1330.4569


def crimcv(folder):
    """Convictions at 8 to 38 years, quadratic, and a linear zero part."""
    counts = pd.read_csv(folder / "TO1adj.csv").to_numpy()
    person, year = np.indices(counts.shape).reshape(2, -1)
    t = year / 30
    X = pd.DataFrame({"t": t, "t2": t**2})
    family = ZeroInflated(Poisson(), features="t")
    for K, theirs in enumerate((-14149.46, -12418.10, -11859.26), start=1):
        model = MixtureRegressor(K, family=family)
        yield f"crimCV: TO1adj, K = {K}", model, X, counts.ravel(), person, theirs


def gbmt(folder):
    """Rural income over the years, logarithm of the ratio to a country's mean."""
    data = pd.read_csv(folder / "agrisus2.csv").dropna(subset=["Income_rur"])
    mean = data.groupby("Country")["Income_rur"].transform("mean")
    t = data["Year"] - data["Year"].min()
    X, y = np.column_stack([t, t**2]), np.log(data["Income_rur"] / mean)
    for K, theirs in enumerate((290.3327, 422.5201, 491.5779, 516.2425), start=1):
        model = MixtureRegressor(K)
        yield f"gbmt: agrisus2, K = {K}", model, X, y, data["Country"], theirs


KINDS = (
    *(paquid, outcomes, data_hlme, trajer, trajer_logit),
    *(limits, zeros, crimcv, gbmt),
)


def report(name, model, X, y, groups, theirs):
    """Fit one model and print its line."""
    begin = time.perf_counter()
    model.set_params(random_state=0).fit(X, y, groups=groups)
    seconds = time.perf_counter() - begin
    line = f"{name:27s}{theirs:12.4f}{model.log_likelihood_:14.5f}"
    print(f"{line}  {model.converged_!s:6s}{seconds:9.2f}")


def main(folder):
    """Fit everything and print one line each."""
    print(f"{'':27s}{'theirs':>12s}{'here':>14s}  proven  seconds")
    for data in KINDS:
        try:
            for fit in data(folder):
                report(*fit)
        except FileNotFoundError as error:
            print(f"left out: there is no {error.filename}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
