"""
Two ways of hearing: tone perception
====================================

In 150 trials a musician tuned a tone to be an octave above another. The first tone came
with overtones that were stretched. Does she tune to the overtones, to a remembered
octave, or now to the one and now to the other? Nobody wrote down which.
"""

# %%
# Two theories, two lines
# -----------------------
#
# Tuning to the overtones means ``tuned = stretchratio``; a remembered octave means
# ``tuned = 2`` at any stretch. These are two regressions in one scatter plot, the data of
# Cohen (1980) with which De Veaux (1989) introduced the method.

import matplotlib.pyplot as plt

from mixreg_sklearn import MixtureRegressor
from mixreg_sklearn.datasets import load_tone
from mixreg_sklearn.inference import inference
from mixreg_sklearn.plotting import MixtureRegressionDisplay

X, y = load_tone(return_X_y=True, as_frame=True)
model = MixtureRegressor(n_components=2, random_state=0).fit(X, y)
result = inference(model, X, y)
print(result)

# %%
# The picture
# -----------

display = MixtureRegressionDisplay.from_estimator(model, X, y)
ratio = X["stretchratio"]
style = {"color": "0.2", "linewidth": 1, "linestyle": ":"}
display.ax_.axline((2, 2), slope=0, **style)
display.ax_.axline((2, 2), slope=1, **style)
plt.show()

# %%
# Is one of the theories exactly right?
theories = {
    "remembered octave": {"intercept": [2, None], "stretchratio": [0, None]},
    "overtones": {"intercept": [None, 0], "stretchratio": [None, 1]},
    "both": {"intercept": [2, 0], "stretchratio": [0, 1]},
}
print("free", round(model.log_likelihood_, 2), round(model.bic(X, y), 1))
for name, held in theories.items():
    fit = MixtureRegressor(2, held_coef=held, random_state=0).fit(X, y)
    print(name, round(fit.log_likelihood_, 2), round(fit.bic(X, y), 1))
    print(2*(model.log_likelihood_ - fit.log_likelihood_), fit.coef_.ravel(), fit.intercept_, fit.weights_, fit.scale_)
print(result.test_equal("stretchratio"))
for c in result.__dict__: print(c)
print([m for m in dir(result) if not m.startswith("_")])
p=model.predict_proba(X,y)
print((p.max(1)<.9).sum(), [(i,ratio[i],y[i]) for i in range(150) if p[i].max()<.9])
