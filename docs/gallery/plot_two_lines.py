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
# The data are simulated, following such a question in a forum. Least squares draws one
# line, between the two true ones, and treats all the rest as noise.

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
# No starting values and no tuning are needed: the number of lines is enough.

model = MixtureRegressor(n_components=2, random_state=0).fit(X, y)
print("intercepts         ", model.intercept_.round(2))
print("slopes             ", model.coef_.ravel().round(2))
print("standard deviations", model.scale_.round(3))
print("shares             ", model.weights_.round(3))

# %%
# ``inference`` adds standard errors and 95 % intervals.

print(inference(model, X, y))

# %%
# The plot
# --------

figure, (left, right) = plt.subplots(
    1, 2, figsize=(9, 4), sharex=True, sharey=True, layout="constrained"
)
left.scatter(X, y, s=16, color="0.5", linewidth=0)
left.axline((0, single.intercept_), slope=single.coef_[0], color="0.5")
left.set(xlabel="x", ylabel="y")
MixtureRegressionDisplay.from_estimator(model, X, y, ax=right)
plt.show()

# %%
# On the left are the data, with the least-squares line; on the right, every point has
# the color of its line. Each band contains 95 % of the responses of its line. The
# slopes are about 3 and -1, and the points of the first line scatter nearly ten times
# as widely as those of the second. So a common standard deviation would be wrong, and
# each line has its own.
#
# How well did it do?
# -------------------
#
# The data are simulated: 100 points of y = 10 + 3 x with standard deviation 2, and 100
# of y = 3 - x with standard deviation 0.25. All of these numbers are in the intervals
# above. With real data the truth is unknown, but memberships show how certain each
# point is.

wrong = model.predict_membership(X, y) != load_two_lines().component
print("points on the wrong line:", wrong.sum(), "of", len(y))
certainty = model.predict_proba(X, y).max(axis=1)
print(f"the least certain point belongs to its line with {certainty.min():.4f}")
print("independent searches that found this fit:", model.search_["agreeing_arms"])

# %%
# Every point was assigned to its line, and even the least certain one is hardly in
# doubt: the lines are close to each other only at the left edge.
# :func:`~mixreg_sklearn.metrics.bootstrap_lrt` and
# :class:`~mixreg_sklearn.MixtureRegressorIC` help if the number of lines is
# unknown.
