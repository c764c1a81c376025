"""
=========================
Several rows of each unit
=========================

Each patient comes to five visits. Some get better under the treatment, others do not,
and a single visit hardly shows which. Who gets better, by how much, and what should we
expect at the next visit of a patient?
"""

# %%
# The patients
# ------------
#
# Simulated patients: the pain of 30 % falls by 1.5 points a month, that of the others
# by 0.2. The noise of a visit is larger than either.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.inference import inference
from mixreg_sklearn.plotting import RootogramDisplay

rng = np.random.default_rng(1)
patient = np.repeat(np.arange(120), 5)
X = pd.DataFrame({"month": np.tile(np.arange(5.0), 120)})
responds = rng.random(120) < 0.3
slope = np.where(responds, -1.5, -0.2)[patient]
y = pd.Series(12 + slope * X["month"] + rng.normal(0, 2, 600), name="pain")

# %%
# One component for each patient
# ------------------------------
#
# `groups` says which rows belong to one patient, and hence to one component. Pass it
# to the fit and to everything after it. Standard errors then treat patients as
# independent, not visits.

model = MixtureRegressor(2, random_state=0).fit(X, y, groups=patient)
print(inference(model, X, y, groups=patient))

# %%
# The two slopes are found: one close to zero, one of about -1.7 points a month, each
# within two standard errors of the truth. `predict_group_proba` classifies the
# patients; compare it with a fit that does not know which visits belong together.

labels, memberships = model.predict_group_proba(X, y, patient)
wrong = (memberships.argmax(axis=1) == 1) != responds
print(f"with groups: {wrong.sum()} of 120 patients misclassified")

alone = MixtureRegressor(2, random_state=0).fit(X, y)
wrong = (alone.predict_membership(X, y) == 1) != responds[patient]
print(f"without:     {wrong.sum()} of 600 visits misclassified")

fig, axes = plt.subplots(2, 1, figsize=(8, 5), layout="constrained")
RootogramDisplay.from_estimator(model, X, y, groups=patient, ax=axes[0])
RootogramDisplay.from_estimator(alone, X, y, ax=axes[1])
plt.show()

# %%
# Top: the memberships of patients, nearly all close to 0 or 1. Bottom: those of single
# visits; most are in between.
#
# What comes next?
# ----------------
#
# What can patient 2 expect at month 5? `history=` is what has been seen so far: here
# none, two or all five of the visits.

next_visit = pd.DataFrame({"month": [5.0]})
grid = np.linspace(-3, 18, 300)
densities = {}
for seen in (0, 2, 5):
    rows = (patient == 2) & (X["month"] < seen)
    history = {"X": X[rows], "y": y[rows], "groups": patient[rows]}
    ahead = model.predict_distribution(
        next_visit, groups=[2], history=history if seen else None
    )
    lower, upper = np.ravel(ahead.interval(0.9))
    print(f"{seen} visits: gets better with probability {ahead.weights[0, 1]:.2f};")
    print(f"   pain {ahead.mean()[0]:.1f}, 90 % between {lower:.1f} and {upper:.1f}")
    densities[seen] = ahead.pdf(grid[None])[0]

# %%
# The picture
# -----------
#
# Left: the patients and the two regressions. Right: the prediction for patient 2.

fig, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained")
colors = np.array(["#0072B2", "#D55E00"])
paths = y.to_numpy().reshape(120, 5).T
for path, k in zip(paths.T, memberships.argmax(axis=1), strict=True):
    left.plot(range(5), path, color=colors[k], alpha=0.2, linewidth=0.8)
lines = model.predict_components(X[:5])
for k, name in enumerate(["not better", "better"]):
    left.plot(range(5), lines[:, k], color=colors[k], linewidth=3, label=name)
left.set(xlabel="month", ylabel="pain", xticks=range(5))

for (seen, density), style in zip(densities.items(), (":", "--", "-"), strict=True):
    right.plot(
        grid, density, color="0.5", linestyle=style, label=f"after {seen} visits"
    )
right.set(xlabel="pain of patient 2 at month 5", ylabel="density", ylim=(0, None))
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)
plt.show()

# %%
# Before the first visit the prediction has two humps, one for each kind of patient, and
# the interval spans both. Two visits change little, as the lines diverge slowly;
# after five, one hump is left, and the interval is about half as wide.
