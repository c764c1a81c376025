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
# The data are simulated, with the set-up of such a question in a forum. Least squares
# draws one line, between the two that are there, and calls all the rest noise.

import matplotlib.pyplot as plt
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
# On the left is what you have, with the line of least squares; on the right every point
# has the color of its line. The bands hold 95 % of the points that each line would
# make. One line rises by about 3 for each unit of x, the other falls by about 1, and
# the points of the first scatter nearly ten times as widely as those of the second. So
# one standard deviation for both would be wrong, and each line has its own.
#
# How well did it do?
# -------------------
#
# The data are simulated: 100 points of y = 10 + 3 x with standard deviation 2, and 100
# of y = 3 - x with standard deviation 0.25. All of these numbers are in the intervals
# above. With real data nobody knows, but memberships say how certain each point is.

wrong = model.predict_membership(X, y) != load_two_lines().component
print("points on the wrong line:", wrong.sum(), "of", len(y))
certainty = model.predict_proba(X, y).max(axis=1)
print(f"the least certain point belongs to its line with {certainty.min():.4f}")
print("independent searches that found this fit:", model.search_["agreeing_arms"])

# %%
# Every point was given to its line, and even the least certain one is hardly in doubt:
# the lines come close to each other only at the left edge.
# :func:`~mixreg_sklearn.metrics.bootstrap_lrt` and
# :class:`~mixreg_sklearn.MixtureRegressorIC` help where the number of lines is not
# known.
