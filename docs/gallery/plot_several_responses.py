"""
=================
Several responses
=================

The length and the width of a flower's petals belong together. Both depend on the size
of the flower, in a way that differs between species, and nobody says which flower is of
which species. Some measurements are missing, too.
"""

# %%
# The flowers
# -----------
#
# Anderson's irises (Fisher 1936): 150 flowers of three species, which the model does
# not see. The length of its sepals says how large a flower is. One measurement in ten
# is taken out, to show what happens.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_iris

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn.inference import inference

iris = load_iris(as_frame=True)
flowers = iris.frame.rename(columns=lambda name: name.removesuffix(" (cm)"))
species = np.asarray(iris.target_names)[iris.target]
X, Y = flowers[["sepal length"]], flowers[["petal length", "petal width"]]
rng = np.random.default_rng(0)
Y = Y.mask(rng.random(Y.shape) < 0.1)
print(Y.head(4))
print("flowers with 0, 1 and 2 of them:", np.bincount(Y.notna().sum(axis=1)))

# %%
# One fit of both
# ---------------
#
# A list of families makes `y` a table with a column for each response. A flower has one
# component in all of them; given the component they are independent. An entry that
# is NaN was not seen: nothing is imputed, and no flower is left out.

mixture = MixtureRegressor(family=["gaussian", "gaussian"])
search = MixtureRegressorIC(5, estimator=mixture, random_state=0).fit(X, Y)
print("BIC of 1 to 5 components", search.table_["bic"].round(1))

model = search.best_estimator_
print(model.coef_.shape, "coefficients: responses, components, features")
print(inference(model, X, Y))

# %%
# Which species?
# --------------
#
# Nobody told, but the components are the species, almost. The one setosa outside its
# component is a flower without any measurement of its petals, of which only the shares
# are known.

membership = model.predict_membership(X, Y)
print(pd.crosstab(species, membership, rownames=["species"], colnames=["component"]))

colors = np.array(["#0072B2", "#D55E00", "#009E73"])
grid = pd.DataFrame({"sepal length": np.linspace(4.2, 8, 50)})
lines = model.predict_components(grid)
fig, axes = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained")
for ax, (name, measured), r in zip(axes, Y.items(), range(2), strict=True):
    ax.scatter(X, measured, s=12, alpha=0.6, c=colors[membership])
    for k, color in enumerate(colors):
        ax.plot(grid, lines[:, k, r], color=color, linewidth=2, label=f"component {k}")
    ax.set(xlabel="sepal length (cm)", ylabel=f"{name} (cm)", ylim=(0, None))
    ax.spines[["top", "right"]].set_visible(False)
axes[0].legend(frameon=False)
plt.show()

# %%
# From what is known of a flower
# ------------------------------
#
# Memberships come from any responses that are seen, and no response at all leaves the
# shares.

one = pd.DataFrame({"sepal length": [6.0] * 4})
known = pd.DataFrame(
    {
        "petal length": [np.nan, 5.0, np.nan, 5.0],
        "petal width": [np.nan, np.nan, 1.4, 1.4],
    }
)
probabilities = model.predict_proba(one, known)
print(pd.concat([known, pd.DataFrame(probabilities.round(2))], axis=1))

# %%
# A width of 1.4 and a length of 5 contradict each other a little: the first is that of
# component 2, the second that of component 0.
#
# What one response says of another
# ---------------------------------
#
# `predict_distribution` is that of one response, by its name or number. What is known
# of the same flower goes into `history`, with a label in `groups`.

flower = pd.DataFrame({"sepal length": [6.0]})
width = pd.DataFrame({"petal length": [np.nan], "petal width": [1.4]})
history = {"X": flower, "y": width, "groups": [0]}
before = model.predict_distribution(flower, response="petal length")
after = model.predict_distribution(
    flower, response="petal length", groups=[0], history=history
)
for name, ahead in (("nothing known", before), ("width of 1.4", after)):
    print(
        f"{name:14s}",
        ahead.mean().round(2),
        ahead.highest_density(0.9).round(1).tolist(),
    )

# %%
# Before, the length is in one of two ranges, as the petals of setosa are short. The
# width rules setosa out.
