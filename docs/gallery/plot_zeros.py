"""
=====================
Where zeros come from
=====================

Many biochemists publish nothing in three years. Have some of them stopped, or did the
others just happen to have no article? Zero-inflated models answer it, and the answer
depends on the distribution of the other counts.
"""

# %%
# Articles of 915 biochemists
# ---------------------------
#
# The counts of Long (1990): articles in the last three years of the doctorate, and how
# many biochemists have that many. No features, for the picture; the user guide has the
# regressions, and the numbers of R's pscl.

import matplotlib.pyplot as plt
import numpy as np

from mixreg_sklearn import MixtureRegressor

number = np.r_[:13, 16, 19]
biochemists = np.array([275, 246, 178, 84, 67, 27, 17, 12, 1, 2, 1, 1, 2, 1, 1])
nothing = np.zeros((len(number), 1))

# %%
# Three models of the zeros
# -------------------------
#
# ``background="zero"`` is a component that is always zero.

settings = {"regression_features": [], "random_state": 0}
models = {
    "one Poisson": MixtureRegressor(1, family="poisson", **settings),
    "zeros and one Poisson": MixtureRegressor(
        1, family="poisson", background="zero", **settings
    ),
    "a negative binomial": MixtureRegressor(1, family="negative_binomial", **settings),
}
for name, model in models.items():
    model.fit(nothing, number, sample_weight=biochemists)
    print(f"{name:22s} BIC {model.bic_:.1f}", end="")
    print(f"  zeros for sure {getattr(model, 'background_weight_', 0):.3f}")

# %%
# One Poisson distribution is out of the question. With zeros beside it, one biochemist
# in five never publishes. The negative binomial distribution, of people who differ in
# how much they publish, needs no such biochemists, and describes the counts best.
#
# Expected and observed
# ---------------------

fig, axes = plt.subplots(1, 3, figsize=(9.5, 3.8), sharey=True, layout="constrained")
counts = np.arange(13)
for ax, (name, model) in zip(axes, models.items(), strict=True):
    ax.bar(number[:13], biochemists[:13], color="0.5", alpha=0.4, label="observed")
    ahead = model.predict_distribution([[0.0]])
    expected = biochemists.sum() * ahead.pdf(counts[None])[0]
    ax.plot(counts, expected, "o-", color="C0", markersize=4, label="expected")
    sure = biochemists.sum() * getattr(model, "background_weight_", 0)
    ax.bar(0, sure, width=0.4, color="C1", label="zeros for sure")
    ax.set(title=name, xlabel="articles", xticks=counts[::4])
axes[0].set_ylabel("biochemists")
axes[-1].legend()
plt.show()

# %%
# The Poisson models miss more than the zeros: there are too many biochemists with one
# article, or with six and more, which no surplus of zeros explains.
