"""Tools of model selection: scorers, a splitter, a test, a bound.

`bootstrap_lrt` tests K components against K + 1, `optimality_gap` bounds what a search
may have missed, and `class_quality` says how well units are assigned; scorers and
`InSample` are for scikit-learn's searches.

An information criterion asks how well a model explains the rows it was fitted to. So
choose `n_components` by BIC with a scorer and the splitter of this module::

    GridSearchCV(
        pipe, {"mix__n_components": [1, 2, 3, 4]}, scoring=bic_scorer, cv=InSample()
    )

or, without a grid search, with `MixtureRegressorIC`. BIC on the held-out folds of an
ordinary cross-validation means nothing; `log_likelihood_scorer` (the logarithmic
score) and `crps_scorer` are made for these.
"""

from ._class_quality import ClassQuality, class_quality
from ._gap import OptimalityGap, optimality_gap
from ._in_sample import InSample
from ._lrt import BootstrapLRT, bootstrap_lrt
from ._scorers import (
    aic_scorer,
    bic_scorer,
    crps_scorer,
    icl_scorer,
    log_likelihood_scorer,
)

__all__ = [
    "BootstrapLRT",
    "ClassQuality",
    "InSample",
    "OptimalityGap",
    "aic_scorer",
    "bic_scorer",
    "bootstrap_lrt",
    "class_quality",
    "crps_scorer",
    "icl_scorer",
    "log_likelihood_scorer",
    "optimality_gap",
]
