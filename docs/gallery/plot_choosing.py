"""
How many regressions?
=====================

My rows seem to come from several regressions, but from how many? More components always
fit better. When do I stop, and how do I know that a fit is the right one at all?
"""

# %%
# The rows
# --------
#
# 120 rows, simulated from three regressions, two of which cross. In the scatter plot below
# they have no labels; nor have they for the estimators.

import matplotlib.pyplot as plt
import pandas as pd

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn.datasets import make_mixture_regression
from mixreg_sklearn.metrics import bootstrap_lrt, optimality_gap
from mixreg_sklearn.plotting import CriterionDisplay, MixtureRegressionDisplay

X, y, _ = make_mixture_regression(
    120,
    coef=[[2], [-2], [0.5]],
    intercept=[0, 0, 6],
    n_components=3,
    scale=0.6,
    random_state=0,
)

# %%
# Criteria
# --------
#
# One fit for each number of components, and BIC chooses.

selected = MixtureRegressorIC(n_components=(1, 2, 3, 4, 5), random_state=0).fit(X, y)
columns = ["n_components", "log_likelihood", "bic", "icl", "smallest_share"]
print(pd.DataFrame(selected.table_)[columns].round(2).to_string(index=False))
print(selected.n_components_, "components, by BIC")

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
CriterionDisplay.from_estimator(selected, ax=left)
MixtureRegressionDisplay.from_estimator(selected, X, y, ax=right)
plt.show()

# %%
# WRITE1

test = bootstrap_lrt(
    MixtureRegressor(3), X, y, n_bootstrap=39, alpha=0.05, random_state=0
)
print(f"3 against 4 components: T = {test.statistic:.1f}, p = {test.p_value:.2f}")
print("replicates simulated:", test.n_bootstrap)

# %%
# WRITE2

start = {
    "weights": [0.3, 0.3, 0.4],
    "intercept": [6.3, 5.7, 0],
    "coef": [[0], [0], [0]],
    "scale": [0.6, 0.6, 2],
}
found = selected.best_estimator_
stuck = MixtureRegressor(n_components=3, init=start).fit(X, y)
for name, fit in {"search": found, "bad start": stuck}.items():
    gap = optimality_gap(fit, X, y)
    print(f"{name:9s}  log-likelihood {fit.log_likelihood_:.1f}", end="  ")
    print(f"gap {gap.gap:4.1f}, threshold {gap.threshold:4.1f}", end="  ")
    print("suspicious" if gap.suspicious else "nothing suspicious")

figure, (left, right) = plt.subplots(
    1, 2, figsize=(9, 4), sharex=True, sharey=True, layout="constrained"
)
for ax, fit in ((left, found), (right, stuck)):
    MixtureRegressionDisplay.from_estimator(fit, X, y, ax=ax)
plt.show()
