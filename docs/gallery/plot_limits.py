"""
====================
Limits and lifetimes
====================

How long do patients with lung cancer live, and what does it depend on? Of some only a
lower bound is known, as they were alive when they were last seen: their lifetimes are
*censored*. A response of two columns, the bounds, says so.
"""

# %%
# The patients
# ------------
#
# A trial of the Veterans' Administration (Kalbfleisch & Prentice 2002, appendix A): 137
# men with advanced lung cancer. The Karnofsky score says how well a patient gets along,
# from 0 to 100. scikit-survival has the data as a structured array of events and
# times, which `censored` turns into bounds.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sksurv.datasets import load_veterans_lung_cancer
from sksurv.metrics import concordance_index_censored, integrated_brier_score
from sksurv.nonparametric import kaplan_meier_estimator

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn.families import censored
from mixreg_sklearn.inference import inference
from mixreg_sklearn.plotting import QuantileResidualDisplay

patients, lifetimes = load_veterans_lung_cancer()
X = patients[["Karnofsky_score"]].rename(columns={"Karnofsky_score": "karnofsky"})
y = censored(lifetimes)
print(lifetimes[:2], y[:2], np.isinf(y[:, 1]).sum(), "censored")

# %%
# Which distribution, and how many kinds of patients?
# ---------------------------------------------------
#
# The logarithm of a lifetime is a line plus an error, so that a feature makes all
# lifetimes longer or shorter by a factor. The families differ in the error. All
# criteria are of the same data and comparable.

for family in ("weibull", "lognormal", "loglogistic"):
    mixture = MixtureRegressor(family=family, shared_scale=True)
    search = MixtureRegressorIC(3, estimator=mixture, random_state=0).fit(X, y)
    print(f"{family:12s} BIC of 1, 2 and 3 components", search.table_["bic"].round(1))

# %%
# Two Weibull components are better than one, but a single log-logistic distribution,
# whose tails are heavier, is better than both: there is no sign of two kinds of
# patients. A mixture finds components wherever a family does not fit; try another
# family before you name them.

model = MixtureRegressor(1, family="loglogistic").fit(X, y)
print(inference(model, X, y))
print(f"20 points more: {np.exp(20 * model.coef_[0, 0]):.1f} times as long")

# %%
# Who survives how long?
# ----------------------
#
# `predict_distribution` has the survival function `sf` and quantiles. Solid: predicted;
# steps: the Kaplan-Meier estimates of the patients in three bands of the score, which
# know nothing of the model.

days = np.linspace(1, 400, 400)
fig, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
bands = {"up to 40": (0, 40), "50 to 60": (41, 60), "70 and more": (61, 100)}
for (name, (low, high)), color in zip(
    bands.items(), ["#D55E00", "#009E73", "#0072B2"], strict=True
):
    rows = X["karnofsky"].between(low, high).to_numpy()
    time, survival = kaplan_meier_estimator(
        lifetimes["Status"][rows], lifetimes["Survival_in_days"][rows]
    )
    ax.step(time, survival, where="post", color=color, alpha=0.5)
    ahead = model.predict_distribution(X[rows]).sf(days[None]).mean(axis=0)
    ax.plot(days, ahead, color=color, linewidth=2.5, label=f"Karnofsky {name}")
ax.set(xlabel="days", ylabel="share alive", xlim=(0, 400), ylim=(0, 1))
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False)
plt.show()

new = pd.DataFrame({"karnofsky": [30.0, 60.0, 90.0]})
ahead = model.predict_distribution(new)
print("median days      ", ahead.quantile(0.5).round())
print("alive after a year", ahead.sf(np.full(3, 365.0)).round(3))

# %%
# Is the model right?
# -------------------
#
# Quantile residuals of censored rows are drawn between their bounds; under the model
# they are standard normal, as all others.

QuantileResidualDisplay.from_estimator(model, X, y)
plt.show()

# %%
# How good are its predictions?
# -----------------------------
#
# scikit-survival measures it: the concordance is the share of pairs of patients whose
# order is predicted, the integrated Brier score the squared error of the survival
# function, where less is better. Both for ten folds, each predicted by the others.

from sklearn.model_selection import KFold

times = np.percentile(lifetimes["Survival_in_days"], np.linspace(10, 80, 20))
for family, K in (("loglogistic", 1), ("weibull", 1), ("weibull", 2)):
    median, survival = np.empty(len(X)), np.empty((len(X), len(times)))
    for fold, held in KFold(10, shuffle=True, random_state=0).split(X):
        mixture = MixtureRegressor(K, family=family, shared_scale=True, random_state=0)
        ahead = mixture.fit(X.iloc[fold], y[fold]).predict_distribution(X.iloc[held])
        median[held], survival[held] = ahead.quantile(0.5), ahead.sf(times[None])
    concordance = concordance_index_censored(
        lifetimes["Status"], lifetimes["Survival_in_days"], -median
    )[0]
    brier = integrated_brier_score(lifetimes, lifetimes, survival, times)
    print(f"{family:12s}{K}  concordance {concordance:.3f}  Brier score {brier:.4f}")

# %%
# All three order patients alike. Their survival functions differ a little: two Weibull
# components are closer to the responses than one, and the log-logistic distribution is
# the closest.
