"""
==============================
Who belongs to which component
==============================

Customers react to the price in two ways, and no label says who reacts how. Does it
depend on age? With a *gate*, the shares of the components depend on features
(concomitant variables), so that part of the answer is known before a single sale is
seen.
"""

# %%
# The customers
# -------------
#
# Simulated customers: most of the young ones react strongly to the price, most of the
# older ones are loyal and react little. Age has no other effect.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.special import expit

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.inference import inference
from mixreg_sklearn.plotting import MixtureRegressionDisplay

rng = np.random.default_rng(0)
X = pd.DataFrame({"price": rng.uniform(1, 9, 500), "age": rng.uniform(20, 70, 500)})
loyal = rng.random(500) < expit((X["age"] - 50) / 8)
y = np.where(loyal, 25 - 0.5 * X["price"], 30 - 2.5 * X["price"])
y = pd.Series(y + 1.5 * rng.normal(size=500), name="sales")

# %%
# Regressions and a gate
# ----------------------
#
# The regressions see the price, the gate sees the age.

model = MixtureRegressor(
    regression_features=["price"],
    gate="softmax",
    gate_features=["age"],
    random_state=0,
).fit(X, y)
result = inference(model, X, y)
print(result)

# %%
# Raising the price by 1 lowers the sales of component 0 by about 2.5, and those of
# component 1 by about 0.6. `gate age` is the change of the log-odds of component 1,
# against component 0, for each year of age: it is positive, and its confidence interval
# is far from zero. BIC, lower is better, confirms that loyalty depends on age:

plain = MixtureRegressor(regression_features=["price"], random_state=0).fit(X, y)
print(f"BIC without the gate {plain.bic(X, y):.0f}, with it {model.bic(X, y):.0f}")

# %%
# Before and after a sale
# -----------------------
#
# Probabilities are easier to read than log-odds. Without `y`, `predict_proba` gives the
# probabilities for a customer before a sale; with `y`, after it.

new = pd.DataFrame({"price": [6.0, 6.0, 6.0], "age": [30.0, 50.0, 65.0]})
print("component 1, before a sale:     ", model.predict_proba(new)[:, 1].round(2))
for sales in (15.0, 18.5, 22.0):
    after = model.predict_proba(new, [sales] * 3)[:, 1]
    print(f"component 1, after sales of {sales}:", after.round(2))

# %%
# Sales close to one of the lines determine the component at any age. Halfway between
# them, age decides.
#
# The picture
# -----------
#
# Left: the two regressions, which cross where the price is low. Some rows are pale
# there: their component remains uncertain. Right: the gate, with a 95 % confidence
# band, from the covariance of its two coefficients on the scale of log-odds.

fig, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained")
names = ["sensitive to the price", "loyal"]
display = MixtureRegressionDisplay.from_estimator(
    model, X, y, component_names=names, ax=left
)

age = np.linspace(20, 70, 101)
places = [result.names.index(f"component 1: gate {z}") for z in ("intercept", "age")]
Z = np.column_stack([np.ones_like(age), age])
log_odds = Z @ result.params[places]
error = np.sqrt(np.sum(Z @ result.cov[np.ix_(places, places)] * Z, axis=1))
low, high = log_odds - 1.96 * error, log_odds + 1.96 * error

color = display.lines_[1].get_color()
right.fill_between(age, expit(low), expit(high), color=color, alpha=0.2)
right.plot(age, expit(log_odds), color=color, label="gate")
right.plot(age, expit((age - 50) / 8), ":", color="0.5", label="true share")
right.set(xlabel="age", ylabel="probability of being loyal", ylim=(0, 1))
right.spines[["top", "right"]].set_visible(False)
right.legend(frameon=False)
plt.show()

# %%
# A customer of 30 is seldom loyal, one of 65 usually is, and at 50 the odds are about
# even. The true share, which only a simulation can know, lies within the band.
