"""
====================
Counts with exposure
====================

How many orders does a customer place in a year? Some order regularly, some
occasionally, and they have been customers for different lengths of time. Counts call
for the poisson family, and the logarithm of the time over which they were counted is an
*offset*.
"""

# %%
# The customers
# -------------
#
# Simulated customers, known for three months to two years. Three in ten are regulars,
# who order less often the older they are; the others order 1.2 times a year at any age.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn.inference import inference
from mixreg_sklearn.plotting import MixtureRegressionDisplay, QuantileResidualDisplay

rng = np.random.default_rng(0)
years, age = rng.uniform(0.25, 2, 800), rng.uniform(20, 70, 800)
regular = rng.random(800) < 0.3
rate = np.where(regular, np.exp(2.2 - 0.02 * (age - 45)), np.exp(0.2))
X = pd.DataFrame({"age": age, "log_years": np.log(years)})
y = pd.Series(rng.poisson(rate * years), name="orders")
print(pd.concat([X, y], axis=1).head(4))

# %%
# How many kinds of customers?
# ----------------------------
#
# `offset_feature` names the column. Its coefficient is one in every component, so twice
# the time means twice the orders; and as a column of X, it goes wherever X goes.

poisson = MixtureRegressor(family="poisson", offset_feature="log_years")
selected = MixtureRegressorIC((1, 2, 3), estimator=poisson, random_state=0).fit(X, y)
pd.DataFrame(selected.table_)[["n_components", "log_likelihood", "bic", "icl"]].round(1)

# %%
# The choice:

model = selected.best_estimator_
print(inference(model, X, y))

# %%
# BIC chooses two components. Coefficients are on the scale of the logarithm: in
# component 1, the regulars, each year of age lowers the rate by 1.9 %. In component 0,
# there is no sign that age matters.
#
# How many orders next year?
# --------------------------
#
# Set the offset to log(1) = 0 and ask for the distribution.

new = pd.DataFrame({"age": [25.0, 65.0], "log_years": 0.0})
ahead = model.predict_distribution(new)
print("mean          ", ahead.mean().round(1))
print("P(no order)   ", ahead.pdf([0, 0]).round(2))
print("90 % regions  ", ahead.highest_density(0.9).tolist())

# %%
# A customer of 25 is expected to place five orders, but hardly any customer does: the
# region that contains nine of ten has one part from 0 to 4 orders and another from 10
# to 17. At 65, the two kinds of customers are closer, and the region is in one piece.

names = ["occasional", "regular"]
MixtureRegressionDisplay.from_estimator(model, X, y, component_names=names)
plt.show()

# %%
# A row has the color of its more probable component. Customers have been known for
# different times; the plot shows all of them, lines and rows, for the median time, as
# the vertical axis says. A row keeps its distance from its line in standard deviations.
#
# Is the model right?
# -------------------
#
# If it is, quantile residuals are standard normal, even for counts.
# Top: one component; bottom: two.

fig, axes = plt.subplots(2, 1, figsize=(9.5, 7.5), layout="constrained")
for candidate, ax in zip(selected.estimators_, axes, strict=False):
    QuantileResidualDisplay.from_estimator(candidate, X, y, ax=ax)
plt.show()

# %%
# One component does not fit: its residuals leave the band, and fall into two clouds
# that drift apart where it predicts many orders. With two components, they stay in the
# band on the left, and scatter evenly on the right.
