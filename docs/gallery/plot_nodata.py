"""
Lean or rich? NO emissions
==========================

An engine was run 88 times; I know the nitrogen oxide (NO) in its exhaust and want the
richness of the mixture of air and fuel. A lean and a rich mixture can produce the same
NO, so there are two answers. How do I get both, and how far can I trust each?
"""

# %%
# One line between two branches
# -----------------------------
#
# A regression of richness (``Equivalence``) on NO predicts values between the
# branches: for all but the highest NO, a richness that never occurred.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.datasets import load_nodata
from mixreg_sklearn.inference import inference
from mixreg_sklearn.metrics import bic_scorer
from mixreg_sklearn.plotting import CoefficientDisplay, MixtureRegressionDisplay

X, y = load_nodata(return_X_y=True, as_frame=True)
single = LinearRegression().fit(X, y)
print(f"one line: R^2 = {single.score(X, y):.3f}")

# %%
# Two regressions
# ---------------

model = MixtureRegressor(n_components=2, random_state=0).fit(X, y)
result = inference(model, X, y)
print(result)

display = MixtureRegressionDisplay.from_estimator(model, X, y)
line = {"color": "0.4", "linestyle": ":"}
display.ax_.axline((0, single.intercept_), slope=single.coef_[0], **line)
plt.show()

# %%
# The dotted line is the single regression, which explains 1 % of the variance. The rich
# branch (``component 0``) falls with NO, the lean one rises, and at the highest NO they
# meet. There the points fade: the richness no longer shows on which branch a run was.
#
# How do the branches differ?

CoefficientDisplay.from_inference(result, labels=["NO", "scale"])
plt.show()

# %%
# The slopes have opposite signs and nearly the same size. The lean branch scatters
# more: the two intervals for the standard deviation do not overlap.
#
# Two answers, with their probability
# -----------------------------------
#
# ``predict`` is the mean, which is on neither branch. ``highest_density`` gives the
# smallest set that contains 90 % of the probability: two intervals if the branches are
# apart.

exhaust = pd.DataFrame({"NO": [0.5, 2.0, 3.5]})
print(model.predict(exhaust).round(2))
for NO, regions in zip(
    exhaust["NO"],
    model.predict_distribution(exhaust).highest_density(0.9),
    strict=True,
):
    found = regions[~np.isnan(regions[:, 0])]
    print(NO, "  or  ".join(f"{low:.2f} to {high:.2f}" for low, high in found))

# %%
# At an NO of 0.5 and of 2, the mixture was lean or rich, with almost nothing between;
# at 3.5, there is one interval.
#
# Are the branches straight?
# --------------------------
#
# The points of the rich branch tend to lie above their line at both ends and below it
# in the middle. A step before the mixture that adds the square of NO lets both branches
# bend, and the display draws the curves over NO itself:

square = PolynomialFeatures(2, include_bias=False)
bent = make_pipeline(square, MixtureRegressor(n_components=2, random_state=0))
bent.fit(X, y)
print(f"BIC straight {model.bic(X, y):.1f}, bent {-bic_scorer(bent, X, y):.1f}")

names = ["lean", "rich"]
MixtureRegressionDisplay.from_estimator(bent, X, y, component_names=names)
plt.show()

# %%
# A lower BIC is better: lines show the pattern, but curves fit these data better.
