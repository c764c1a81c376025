"""
======================
A few labels are known
======================

Three species of irises were measured, and ten plants of each determined by a botanist.
These labels stay as they are, and tell the regressions what to look for.
"""

# %%
# Without labels
# --------------
#
# The width of the petals and the length of the sepals of Anderson's irises (Fisher
# 1936). The mixture of three lines of highest likelihood does not know that we mean
# species.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_iris
from sklearn.metrics import confusion_matrix

from mixreg_sklearn import MixtureRegressor

iris = load_iris(as_frame=True)
X, y = iris.data[["sepal length (cm)"]], iris.data["petal width (cm)"]
species = iris.target.to_numpy()

plain = MixtureRegressor(3, shared_scale=True, random_state=0).fit(X, y)
print(confusion_matrix(species, plain.predict_membership(X, y)))

# %%
# A row is a species, a column a component: each component has plants of two species or
# three.
#
# With labels
# -----------
#
# ``known_component`` is the number of the component, or -1 where it is unknown. The
# components keep these numbers.

known = np.full(len(y), -1)
for k in range(3):
    known[np.flatnonzero(species == k)[:10]] = k

labelled = MixtureRegressor(3, shared_scale=True, random_state=0)
labelled.fit(X, y, known_component=known)
found = labelled.predict_membership(X, y)
print(confusion_matrix(species[known < 0], found[known < 0]))
print("a proven maximum:", labelled.converged_)

# %%
# The picture
# -----------
#
# Large dots are plants with a label.

fig, axes = plt.subplots(1, 2, figsize=(9.5, 4.2), sharey=True, layout="constrained")
titles = ["no labels", "ten labels of each species"]
at = np.linspace(4.2, 8, 2)[:, None]
for ax, model, title in zip(axes, (plain, labelled), titles, strict=True):
    members = model.predict_membership(X, y)
    line = model.predict_components(X.iloc[:2].assign(**{X.columns[0]: at[:, 0]}))
    for k in range(3):
        ax.scatter(X[members == k], y[members == k], s=14, color=f"C{k}", alpha=0.6)
        ax.plot(at, line[:, k], color=f"C{k}")
    ax.set(xlabel=X.columns[0], title=title)
for k in range(3):
    axes[1].scatter(X[known == k], y[known == k], s=45, color=f"C{k}", edgecolor="0.5")
axes[0].set_ylabel(y.name)
axes[0].set_ylim(-0.1, 2.7)
plt.show()
