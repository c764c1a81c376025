"""
=======================
Ten rows that are wrong
=======================

Ten rows among 160 pull one of two regressions away. A background, a component without a
regression, takes them, and says of every row how likely it is an outlier.
"""

# %%
# The trials of tone perception, and ten rows at (0, 4)
# ------------------------------------------------------
#
# Robust mixtures of regressions are tested in this way (García-Escudero et al. 2010):
# the two lines of Cohen's data, "tuned to the overtones" and "a remembered
# octave", should not change.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.datasets import load_tone

X, y = load_tone(return_X_y=True, as_frame=True)
X = pd.concat([X, pd.DataFrame({"stretchratio": np.zeros(10)})], ignore_index=True)
y = pd.concat([y, pd.Series(np.full(10, 4.0))], ignore_index=True)

plain = MixtureRegressor(2, random_state=0).fit(X, y)
model = MixtureRegressor(2, background="uniform", random_state=0).fit(X, y)
for name, fit in {"plain": plain, "background": model}.items():
    print(f"{name:10s}", fit.intercept_.round(2), fit.coef_.ravel().round(2))

# %%
# With the background, the lines are those of the clean data. The plain fit is the
# maximum of its likelihood, too: its second line goes from the ten rows through the
# others.
#
# Which rows are outliers?
# ------------------------

outlier = model.outlier_probability(X, y)
line = model.predict_membership(X, y)
fig, axes = plt.subplots(1, 2, figsize=(9.5, 4.2), sharey=True, layout="constrained")
at = pd.DataFrame({"stretchratio": [-0.1, 3.1]})
for ax, fit, title in zip(
    axes, (plain, model), ("two components", "and a background"), strict=True
):
    members = fit.predict_membership(X, y)
    for k in range(2):
        ax.scatter(X[members == k], y[members == k], s=12, color=f"C{k}", alpha=0.6)
        ax.plot(at, fit.predict_components(at)[:, k], color=f"C{k}")
    ax.set(xlabel="stretchratio", title=title)
apart = outlier > 0.5
axes[1].scatter(X[apart], y[apart], s=30, marker="x", color="0.5", label="outliers")
axes[1].legend(loc="upper right")
axes[0].set_ylabel("tuned")
plt.show()

# %%
# Crosses are rows with an outlier probability above one half: the ten at (0, 4), and
# some trials of Cohen's, which follow neither line. Without them, the overtones are
# followed exactly: the slope of the second line is 1, to three digits.

print(f"{apart.sum()} outliers, {model.background_weight_:.0%} of the rows")
print(f"slope {model.coef_[1, 0]:.3f}, standard deviation {model.scale_[1]:.4f}")
