"""
===============================
Which features matter, and when
===============================

A lasso sets coefficients to zero. How many depends on its strength, which a criterion
chooses, together with the number of components.
"""

# %%
# A path of penalties
# -------------------
#
# The ten features of 442 patients with diabetes, and how far the disease has advanced
# after a year (Efron et al. 2004). ``alphas=12`` fits twelve penalties for each number
# of components, each from its neighbor.

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_diabetes

from mixreg_sklearn import MixtureRegressorIC
from mixreg_sklearn.plotting import CoefficientPathDisplay, CriterionDisplay

X, y = load_diabetes(return_X_y=True, as_frame=True)
path = MixtureRegressorIC((1, 2), alphas=12, l1_ratio=1.0, random_state=0).fit(X, y)
print(path.n_components_, "components, converged:", path.converged_)

# %%
# The criterion, from the strongest penalty on the left to the weakest one. It counts
# the coefficients that are not zero, and the likelihood that they have without the
# penalty.

CriterionDisplay.from_estimator(path)
plt.show()

# %%
# Coefficients along the path
# ---------------------------
#
# Given X, the coefficients are those of standardized features, so that they can be
# compared. The broad line is the mixture chosen.

CoefficientPathDisplay.from_estimator(path, X)
plt.show()

# %%
# Body mass index and the blood value s5 come first. In the smaller component fewer
# features matter, and only under a weak penalty.

estimates = pd.DataFrame(path.coef_.T, index=X.columns, columns=["large", "small"])
print(estimates[(path.coef_ != 0).any(axis=0)].round(0).to_string())
