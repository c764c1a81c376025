"""
======================================
In a pipeline, chosen by a grid search
======================================

Real tables have categories, and there are several settings to choose at once. The
mixture is the last step of a `Pipeline`, and `GridSearchCV` chooses the number of
components and the gate by the likelihood of rows that the fit has not seen.
"""

# %%
# The apartments
# --------------
#
# Simulated apartments: the rent grows with the area, twice as fast on fashionable
# streets, which are more frequent in the center. The table does not say which streets
# these are.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.gates import SoftmaxGate
from mixreg_sklearn.metrics import log_likelihood_scorer
from mixreg_sklearn.plotting import CriterionDisplay, MixtureRegressionDisplay

rng = np.random.default_rng(0)
n = 400
area = rng.uniform(30, 120, n)
district = rng.choice(["center", "north", "south"], n)
fashionable = rng.random(n) < np.where(district == "center", 0.7, 0.15)
rent = np.where(fashionable, 300 + 18 * area, 250 + 9 * area) + 70 * rng.normal(size=n)
X = pd.DataFrame({"area": area, "district": district})
y = pd.Series(rent, name="rent")

# %%
# The pipeline
# ------------
#
# Preparation by column, then the mixture. With ``set_output(transform="pandas")``
# columns keep their names, by which the mixture can choose its features. There is no
# need to scale the area: the fit does not depend on units of measurement.

prepare = ColumnTransformer(
    [
        ("number", "passthrough", ["area"]),
        ("category", OneHotEncoder(drop="first", sparse_output=False), ["district"]),
    ],
    verbose_feature_names_out=False,
).set_output(transform="pandas")
mixture = MixtureRegressor(regression_features=["area"], random_state=0)
pipe = Pipeline([("prepare", prepare), ("mix", mixture)])

# %%
# The grid search
# ---------------
#
# There are two grids, as a gate has its own features. The score is the mean
# log-likelihood of held-out rows, where greater is better; the scorer applies the steps
# before the mixture.

without = {"mix__n_components": [1, 2, 3]}
gated = without | {
    "mix__gate": [SoftmaxGate(alpha=1.0)],
    "mix__gate_features": [["district_north", "district_south"]],
}
folds = KFold(5, shuffle=True, random_state=0)
search = GridSearchCV(pipe, [without, gated], scoring=log_likelihood_scorer, cv=folds)
search.fit(X, y)
results = pd.DataFrame(search.cv_results_)
results["gate"] = np.where(results["param_mix__gate"].isna(), "none", "district")
results = results.rename(columns={"param_mix__n_components": "components"})
table = results.pivot(index="components", columns="gate", values="mean_test_score")
table.round(3)

# %%
# Two components with a gate predict held-out rents best, though three are close. (With
# one component, a gate has no effect.) The two components:

prepare, mixture = search.best_estimator_
print("rent per square meter:", mixture.coef_[:, 0].round(1))
apartments = pd.DataFrame({"area": 75.0, "district": ["center", "north", "south"]})
print(
    "fashionable, by district:",
    mixture.predict_proba(prepare.transform(apartments))[:, 1].round(2),
)
print("expected rent:           ", search.predict(apartments).round())

# %%
# On fashionable streets, a square meter costs twice as much. Two of three apartments in
# the center are on such a street, and one of seven elsewhere. `predict`, of the search
# or the pipeline, is the mean over the components; for methods that only mixtures have,
# transform the rows with the steps before the mixture.
#
# Displays take the search or the pipeline itself, with the table as it came. Left: the
# scores, with the standard deviation over folds. Right: the regressions over the area.

fig, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained")
CriterionDisplay.from_estimator(search, ax=left)
MixtureRegressionDisplay.from_estimator(
    search, X, y, component_names=["other streets", "fashionable"], ax=right
)
plt.show()
