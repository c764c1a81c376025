"""
How many regressions?
=====================

My rows seem to come from several regressions, but from how many? More components always
fit better. When do I stop, and how do I know that a fit is the right one?
"""

# %%
# The rows
# --------
#
# 120 rows, simulated from three regressions, two of which cross. The labels are
# discarded.

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
print(selected.n_components_, "components, by BIC")
pd.DataFrame(selected.table_)[columns].round(2)

# %%
# The same as a picture:

CriterionDisplay.from_estimator(selected)
plt.show()

# %%
# The log-likelihood rises with every component, and BIC and ICL, which penalize them,
# are lowest at three. The plot shows differences from the lowest value, on an axis that
# is logarithmic above 10. By BIC, four components are less than 4 behind, too little to
# decide; but the smallest has a share of 0.05, 6 of 120 rows.
#
# Is the gain from a fourth component more than chance?
# -----------------------------------------------------
#
# ``bootstrap_lrt`` simulates responses from the fit with three components, and counts
# how often a fourth component gains as much as it did here.

test = bootstrap_lrt(MixtureRegressor(3), X, y, n_bootstrap=39, random_state=0)
print(test)

# %%
# It often does: chance explains the gain, and three components are enough. Not all of
# the 39 replicates were needed, as the test stops once it is certain not to reject at
# the 5 % level.
#
# Is the fit the right optimum?
# -----------------------------
#
# All of this compares fits, and is worthless if one of them is stuck. Here is one that
# is stuck on purpose: it starts with two components on the upper line, and one for all
# the rest. ``optimality_gap`` says how much log-likelihood any number of regressions
# could add, with the same standard deviations and shares.

start = {
    "weights": [0.3, 0.3, 0.4],
    "intercept": [6.3, 5.7, 0],
    "coef": [[0], [0], [0]],
    "scale": [0.6, 0.6, 2],
}
found = selected.best_estimator_
stuck = MixtureRegressor(n_components=3, init=start).fit(X, y)
figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
for ax, name, fit in zip(axes, ("search", "bad start"), (found, stuck), strict=True):
    gap = optimality_gap(fit, X, y)
    print(f"{name:9s}  log-likelihood {fit.log_likelihood_:.1f}", end="  ")
    print(f"maximum proven: {fit.converged_}", end="  ")
    print(f"gap {gap.gap:.1f}, threshold {gap.threshold:.1f}")
    MixtureRegressionDisplay.from_estimator(fit, X, y, ax=ax)
    ax.get_legend().remove()
    ax.set_title(name)
plt.show()

# %%
# Both are proven local maxima: no small change improves either. But the fit on the
# right takes the two crossing lines for one wide regression, which costs 67 nats; its
# gap is far above the threshold, which reveals the problem without knowing the other
# fit. The gap of the fit found by the search is below its threshold. Without ``init``,
# ``fit`` searches from many starts, and that is the recommended way.
