"""
=========================
Are the differences real?
=========================

The estimates of two components are never equal. Which differences are more than
chance, does a feature matter at all, and what is its overall effect? Standard errors,
Wald tests and marginal effects answer these questions, for a mixture in which the
component of a row is unknown.
"""

# %%
# The wages
# ---------
#
# Simulated wages of people on two career paths. Experience pays more on one of them,
# education pays the same on both, and the commute has no effect.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.inference import inference, marginal_effects
from mixreg_sklearn.plotting import CoefficientDisplay

rng = np.random.default_rng(0)
n = 500
X = pd.DataFrame(
    {
        "experience": rng.uniform(0, 30, n),
        "education": rng.integers(9, 19, n).astype(float),
        "commute": rng.uniform(5, 60, n),
    }
)
fast = rng.random(n) < 0.4
y = np.where(fast, 12 + 0.9 * X["experience"], 8 + 0.2 * X["experience"])
y = pd.Series(y + 0.8 * X["education"] + 3 * rng.normal(size=n), name="wage")

model = MixtureRegressor(2, random_state=0).fit(X, y)
result = inference(model, X, y)
print(result)

# %%
# Does a feature matter, and to whom?
# -----------------------------------
#
# A feature has a coefficient in every component. So one joint test of all of them asks
# whether it has no effect, and another whether its effect is the same.

for name in X:
    print(f"{name:10s}  no effect:   {result.test_zero(name)}")
    print(f"{'':10s}  same effect: {result.test_equal(name)}")

# %%
# Experience has an effect, which differs between the paths. Education has an effect,
# with no sign of a difference. The commute could be dropped.
#
# The plot agrees: compare the components within a panel, and with zero.

fig, ax = plt.subplots(figsize=(9.5, 2.5), layout="constrained")
CoefficientDisplay.from_inference(result, labels=list(X), ax=ax)
plt.show()

# %%
# The overall effect
# ------------------
#
# What is a year worth overall? `marginal_effects` averages over rows, and over
# components with the shares as weights:

print(marginal_effects(model, X, result))

# %%
# A shared coefficient
# --------------------
#
# If the effect is the same, share the coefficient. It is then estimated from the
# people on both paths, and is more precise.

common = MixtureRegressor(2, shared_features=["education"], random_state=0).fit(X, y)
for fit in (model, common):
    table = inference(fit, X, y)
    place = table.names.index("component 0: education")
    print(f"education {table.params[place]:.3f}, ", end="")
    print(f"standard error {table.std_errors[place]:.3f}, BIC {fit.bic(X, y):.1f}")

# %%
# None of this shows that there are two components: no Wald test can, which is why
# shares have no p-values. Compare BIC, or use `bootstrap_lrt`.
