"""
=====================
Signs that are known
=====================

A feature does good or harm, a price lowers demand: often the sign of a coefficient is
known, but in a small component the data get it wrong. A bound keeps it right.
"""

# %%
# Two kinds of patients
# ---------------------
#
# How far diabetes has advanced after a year in 442 patients (Efron et al. 2004). A high
# blood pressure (``bp``) does not slow it.

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes

from mixreg_sklearn import MixtureRegressor

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
X = X[["sex", "bmi", "bp", "s5"]]
models = {
    "free": MixtureRegressor(2, random_state=0),
    "bounded": MixtureRegressor(2, coef_bounds={"bp": (0, None)}, random_state=0),
}
for name, model in models.items():
    model.fit(X, y)
    print(f"{name:8s} bp {model.coef_[:, 2].round(2)}", end="")
    print(f"  log-likelihood {model.log_likelihood_:.1f}", end="")
    print(f"  {model.n_parameters_} parameters  BIC {model.bic_:.1f}", model.converged_)

# %%
# In the small component the estimate has the wrong sign. Within the bound it is exactly
# zero, which costs almost no likelihood and saves a parameter. ``converged_`` proves
# that this is a maximum within the bound.
#
# What changes
# ------------
#
# Coefficients times the standard deviations of their features:

fig, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True, layout="constrained")
for k, ax in enumerate(axes):
    ax.axvline(0, color="0.5", linewidth=0.8)
    for (name, model), mark in zip(models.items(), ("o", "s"), strict=True):
        size = model.coef_[k] * X.std().to_numpy()
        ax.plot(size, X.columns, mark, fillstyle="none", markersize=9, label=name)
    ax.set(title=f"component {k}", xlabel="per standard deviation")
axes[0].legend()
plt.show()
