"""
Curves instead of lines
=======================

The electricity that a building needs depends on the temperature outside: all are
heated, some are cooled as well. Neither curve is a line, and the meters do not say
which building has a cooling system. Any regressor of scikit-learn can be a component.
"""

# %%
# The buildings
# -------------
#
# Simulated daily loads: heating below 16 degrees, and in four of ten buildings cooling
# above 22 degrees.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer

from mixreg_sklearn import MixtureOfExpertsRegressor, MixtureRegressor
from mixreg_sklearn.plotting import MixtureRegressionDisplay, SearchDisplay


def buildings(n, seed):
    rng = np.random.default_rng(seed)
    degrees, cooled = rng.uniform(-5, 35, n), rng.random(n) < 0.4
    heating = np.clip(16 - degrees, 0, None)
    cooling = np.clip(degrees - 22, 0, None)
    load = np.where(cooled, 20 + 0.7 * heating + 2.5 * cooling, 14 + 1.1 * heating)
    load += 2 * rng.normal(size=n)
    return pd.DataFrame({"degrees": degrees}), pd.Series(load, name="load"), cooled


X, y, cooled = buildings(500, seed=0)
X_new, y_new, _ = buildings(5000, seed=1)

# %%
# Lines, and splines
# ------------------
#
# Splines with a ridge are one way to make curves; boosted trees, perhaps with monotonic
# constraints, are another.

curve = make_pipeline(SplineTransformer(n_knots=7), Ridge(0.1))
fits = {
    "lines": MixtureRegressor(random_state=0),
    "splines": MixtureOfExpertsRegressor(curve, random_state=0),
}
figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
for ax, (name, fit) in zip(axes, fits.items(), strict=True):
    fit.fit(X, y)
    MixtureRegressionDisplay.from_estimator(fit, X, y, ax=ax)
    ax.get_legend().remove()
    ax.set_title(name)
    held_out = fit.log_likelihood(X_new, y_new) / len(y_new)
    print(f"{name:8s} {held_out:.3f} nats per new building")
plt.show()

# %%
# The higher the log-likelihood of new buildings, the better. Lines give a component to
# the cooled buildings in the heat, which makes no sense in winter; curves separate the
# buildings wherever they differ.
#
# Who is cooled?
# --------------
#
# Memberships of the rows of the fit are by experts that were fitted without these rows:
# experts judge no rows that they may remember.

splines = fits["splines"]
found = splines.memberships_.argmax(axis=1) == 1
hot = X["degrees"] > 25
for name, rows in (("all days", slice(None)), ("above 25 degrees", hot)):
    share = (found[rows] == cooled[rows]).mean()
    print(f"{name}: {100 * share:.0f} % of the buildings are told apart")

# %%
# How was it found?
# -----------------
#
# Starts come from cheap mixtures, on splines and on lines, and from residuals. They
# make three passes each, in which every expert is fitted to five folds; the best two
# places go on. The place that the first start found is the best, and others found it,
# too.

print("agreed:", splines.search_["agreed"])
for place in splines.search_["optima"]:
    print(f"{place['log_likelihood']:.1f}  {', '.join(place['starts'])}")
SearchDisplay.from_estimator(splines)
plt.show()
