"""
=========================
Are the differences real?
=========================

The estimates of two components are never equal. Which differences are more than
chance, does a feature matter at all, and what does it do on the whole? Standard errors,
Wald tests and marginal effects answer, for a mixture in which nobody knows which row is
of which component.
"""

# %%
# Simulated wages of people on two career paths. Experience pays more on one of them,
# education pays the same on both, and the way to work means nothing.

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
# A feature has a coefficient in every component. That it has no effect is therefore one
# joint test of all of them, and that its effect is the same is another.

for name in X:
    print(f"{name:10s}  no effect:   {result.test_zero(name)}")
    print(f"{'':10s}  same effect: {result.test_equal(name)}")

# %%
# Experience has an effect, and not the same on both paths. Education has an effect, and
# nothing says that it differs. The way to work may as well be left out.
#
# The picture says the same: compare the components within a panel, and with zero.

fig, ax = plt.subplots(figsize=(9.5, 2.5), layout="constrained")
CoefficientDisplay.from_inference(result, labels=list(X), ax=ax)
plt.show()

# %%
# What is a year worth on the whole? `marginal_effects` averages over rows and over the
# components, with the shares as weights:

print(marginal_effects(model, X, result))

# %%
# Where the effect is the same, tell the model so. The one coefficient that is left is
# estimated from the people on both paths, and is more exact.

common = MixtureRegressor(2, shared_features=["education"], random_state=0).fit(X, y)
for fit in (model, common):
    table = inference(fit, X, y)
    place = table.names.index("component 0: education")
    print(f"education {table.params[place]:.3f}, ", end="")
    print(f"standard error {table.std_errors[place]:.3f}, BIC {fit.bic(X, y):.1f}")

# %%
# What was not asked is whether there are two components at all: no Wald test can tell,
# which is why shares have no p-values. Compare BIC, or use `bootstrap_lrt`.
