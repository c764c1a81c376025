"""
=================
Smooth components
=================

Two curves, and no label says which of them a point belongs to. Splines follow any
curve, and a ridge keeps them from following the noise.
"""

# %%
# Two curves
# ----------
#
# Simulated: a sine with noise, and a flat line with a dip.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn.plotting import MixtureRegressionDisplay

rng = np.random.default_rng(0)
x = rng.uniform(0, 10, (300, 1))
wave = rng.random(300) < 0.6
dip = 3 - 2 * np.exp(-((x[:, 0] - 6) ** 2) / 2)
y = np.where(wave, 2 * np.sin(x[:, 0]), dip)
y = y + np.where(wave, 0.5, 0.3) * rng.normal(size=300)

# %%
# Splines with a ridge
# --------------------
#
# Each curve has 17 coefficients. ``alphas=10`` tries ten strengths of a ridge; BIC
# chooses among them, as the ridge takes away effective parameters.

curves = make_pipeline(SplineTransformer(n_knots=15), MixtureRegressor())
smooth = MixtureRegressorIC((1, 2), alphas=10, estimator=curves, random_state=0)
smooth.fit(x, y)
rough = make_pipeline(
    SplineTransformer(n_knots=15), MixtureRegressor(2, random_state=0)
).fit(x, y)
for name, model in (("ridge", smooth), ("no ridge", rough[-1])):
    print(f"{name:9s} {model.n_parameters_:.1f} parameters, BIC {model.bic_:.1f}")

# %%
# The curves
# ----------

fig, axes = plt.subplots(1, 2, figsize=(9.5, 4), sharey=True, layout="constrained")
for ax, (name, model) in zip(
    axes, {"no ridge": rough, "ridge, chosen by BIC": smooth}.items(), strict=True
):
    MixtureRegressionDisplay.from_estimator(model, x, y, ax=ax)
    ax.set_title(name)
    ax.get_legend().remove()
plt.show()

# %%
# The simulated curves do not cross. Without the ridge, the fitted ones exchange places
# near 2, and bend where there is only noise.
