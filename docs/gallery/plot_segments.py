"""
=================
A segment profile
=================

Who reacts to what is one question; who these people are is the next one. A mixture
finds segments by their regressions, `summary` says what these are and how surely, and
`profile` describes the members by any columns, also by those that are not in the model.
"""

# %%
# Simulated customers of a shop: purchases in a month, by price. One segment compares
# prices; a smaller one hardly notices them, and buys more. Their age, region and
# channel are known, but not the segment.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from mixreg_sklearn import MixtureRegressor, profile
from mixreg_sklearn.plotting import CoefficientDisplay

rng = np.random.default_rng(0)
n = 800
loyal = rng.random(n) < 0.35
price = rng.uniform(1, 6, n)
purchases = rng.poisson(np.exp(np.where(loyal, 2.2 - 0.05 * price, 2.0 - 0.5 * price)))
customers = pd.DataFrame(
    {
        "price": price,
        "age": np.where(loyal, rng.normal(52, 10, n), rng.normal(38, 12, n)).round(),
        "region": rng.choice(["north", "south", "west"], n, p=[0.5, 0.3, 0.2]),
        "app": rng.random(n) < np.where(loyal, 0.25, 0.7),
    }
)
customers.loc[rng.random(n) < 0.1, "age"] = np.nan
X, y = customers[["price"]], pd.Series(purchases, name="purchases")

# %%
# The model knows the price only. Its summary has the fit, the sizes of the components
# and their coefficients. A ratio near 1 means that few rows could be in another
# component as well.

model = MixtureRegressor(2, family="poisson", random_state=0).fit(X, y)
names = ["price-sensitive", "loyal"]
print(model.summary(X, y, component_names=names))

# %%
# Every row counts for a segment by its membership, so that doubtful customers are not
# forced into one. The loyal are older and use the app less, and regions do not differ.
# One customer of ten did not tell the age: these are counted, and left out of its mean.

table = profile(model, X, y, customers, component_names=names)
table.round(2)

# %%
# The same names in plots. Where several segments differ in a coefficient, its intervals
# are apart.

CoefficientDisplay.from_estimator(model, X, y, component_names=names)
plt.show()

# %%
# The profile describes, and is no test: memberships depend on the purchases. To test
# whether age predicts the segment, make it a feature of the gate; a row cannot be
# missing there.

known = customers["age"].notna()
gated = MixtureRegressor(
    2,
    family="poisson",
    regression_features=["price"],
    gate="softmax",
    gate_features=["age"],
    random_state=0,
).fit(customers.loc[known, ["price", "age"]], y[known])
result = gated.summary(
    customers.loc[known, ["price", "age"]], y[known], component_names=names
)
columns = ["estimate", "std_error", "p_value"]
print(result.to_frame().loc[[("loyal", "gate age")], columns].round(3))
print("BIC without and with the gate, on the same rows:", end=" ")
plain = MixtureRegressor(2, family="poisson", random_state=0).fit(X[known], y[known])
print(round(plain.bic_, 1), round(gated.bic_, 1))
