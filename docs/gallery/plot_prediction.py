"""
==============================================
A prediction with gaps: which values to expect
==============================================

A new row comes from one of three regressions, but which one is unknown. What will the
response be? The mean of the mixture may be a value that never occurs. The predictive
distribution keeps the alternatives apart, and so do its highest-density regions.
"""

# %%
# The rows
# --------
#
# Simulated rows: two lines that cross, and a third, flat line with a share of a tenth.

import matplotlib.pyplot as plt
import numpy as np

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.datasets import make_mixture_regression

truth = {
    "n_components": 3,
    "weights": [0.5, 0.4, 0.1],
    "intercept": [0, 1, 12],
    "coef": [[3], [-2], [0]],
    "scale": [1.0, 0.8, 0.5],
}
X, y, _ = make_mixture_regression(500, random_state=0, **truth)
model = MixtureRegressor(3, random_state=0).fit(X, y)
print("shares", model.weights_.round(2))

# %%
# Mean, interval and region
# -------------------------
#
# The mean, the equal-tailed interval and the highest-density region of nine of ten
# responses, at three new points. Rows with fewer parts than others are padded with NaN.

x_new = np.array([[-2.0], [0.2], [2.0]])
ahead = model.predict_distribution(x_new)
lower, upper = ahead.interval(0.9)
regions = ahead.highest_density(0.9)
for i, x in enumerate(x_new[:, 0]):
    parts = [f"{a:.1f} to {b:.1f}" for a, b in regions[i] if np.isfinite(a)]
    print(f"x = {x:4.1f}: mean {ahead.mean()[i]:.1f}, density there", end=" ")
    print(f"{ahead.pdf(ahead.mean())[i]:.1g}")
    print(f"    interval {lower[i]:.1f} to {upper[i]:.1f}; region", ", ".join(parts))

# %%
# At -2, the mean is nearly impossible as a value, and the interval is almost three
# times as long as the three parts of the region together. At 0.2, where two of the
# lines cross, their parts have merged.
#
# The picture
# -----------
#
# Left: the regions at all values of the feature. Right: the density at -2, filled
# inside the region.

fig, (left, right) = plt.subplots(
    1, 2, figsize=(9.5, 4.5), sharey=True, layout="constrained"
)
grid = np.linspace(-3, 3, 301)
regions = model.predict_distribution(grid[:, None]).highest_density(0.9)
for part in np.moveaxis(regions, 1, 0):
    left.vlines(grid, *part.T, color="#9BC8E3", linewidth=1.5)
left.scatter(X, y, s=6, color="#0072B2", zorder=2)
left.plot(grid, model.predict(grid[:, None]), "--", color="0.5", label="mean")
left.set(xlabel="x", ylabel="y")
left.legend(frameon=False, loc="lower center")

response = np.linspace(-11, 14, 1001)
density = ahead[:1].pdf(response[None])[0]
right.plot(density, response, color="#0072B2")
inside = [
    (a <= response) & (response <= b) for a, b in ahead[:1].highest_density(0.9)[0]
]
right.fill_betweenx(response, density, where=np.any(inside, axis=0), color="#9BC8E3")
right.axhline(ahead.mean()[0], color="0.5", linestyle="--")
right.set(xlabel="density at x = -2", xlim=(0, None))
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# Do they cover?
# --------------
#
# Do nine of ten new responses lie in their regions?

X_test, y_test, _ = make_mixture_regression(5000, random_state=1, **truth)
low, high = np.moveaxis(model.predict_distribution(X_test).highest_density(0.9), 2, 0)
within = (low <= y_test[:, None]) & (y_test[:, None] <= high)
print("covered:", within.any(axis=1).mean().round(3))

# %%
# A little fewer than nine of ten do: the estimates come from 500 rows, and are taken
# as known. For intervals that do not rely on the model, calibrate with held-out
# rows; the user guide on prediction has a recipe.
