"""
Two lines in one scatter plot
=============================

I have 200 points ``(x, y)``. A scatter plot shows two straight lines, and I do not know
which point belongs to which. How do I get both slopes, both intercepts and both
standard deviations?
"""

# %%
# What you have, and what a single regression makes of it
# -------------------------------------------------------
#
# The data are those of a public question about two lines. Least squares draws one line
# where there are no points.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LinearRegression

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.datasets import load_two_lines
from mixreg_sklearn.inference import inference
from mixreg_sklearn.plotting import MixtureRegressionDisplay

X, y = load_two_lines(return_X_y=True, as_frame=True)
single = LinearRegression().fit(X, y)
residual = y - single.predict(X)
print(f"one line: {single.intercept_:.1f} + {single.coef_[0]:.2f} x")
print(f"residual standard deviation {residual.std():.1f}")

# %%
# Two lines
# ---------
#
# There is nothing to start from and nothing to tune: the number of lines is enough.

model = MixtureRegressor(n_components=2, random_state=0).fit(X, y)
print("intercepts         ", model.intercept_.round(2))
print("slopes             ", model.coef_.ravel().round(2))
print("standard deviations", model.scale_.round(3))
print("shares             ", model.weights_.round(3))

# %%
# ``inference`` adds standard errors and 95 % intervals.

print(inference(model, X, y))

# %%
# The picture
# -----------

figure, (left, right) = plt.subplots(
    1, 2, figsize=(9, 4), sharex=True, sharey=True, layout="constrained"
)
left.scatter(X, y, s=16, color="0.45", linewidth=0)
left.axline((0, single.intercept_), slope=single.coef_[0], color="black")
left.set(xlabel="x", ylabel="y")
MixtureRegressionDisplay.from_estimator(model, X, y, ax=right)
plt.show()

# %%
# How well did it do?
# -------------------
#
# The data are simulated, so here, and only here, the truth is known.

two_lines = load_two_lines()
wrong = model.predict_membership(X, y) != two_lines.component
print("points on the wrong line:", wrong.sum(), "of", len(y))
doubt = 1 - model.predict_proba(X, y).max(axis=1)
print("points less than 99 % certain:", np.sum(doubt > 0.01))
