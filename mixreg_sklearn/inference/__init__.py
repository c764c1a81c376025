"""How sure: standard errors, tests, marginal effects and the bootstrap of a fit.

Everything here is computed from a fitted `MixtureRegressor` and its data; `fit` itself
spends no time on it.
"""

from ._bootstrap import BootstrapResult, bootstrap
from ._effects import MarginalEffects, marginal_effects
from ._inference import inference
from ._refit import refit_selected
from ._result import InferenceResult, WaldTest

__all__ = [
    "BootstrapResult",
    "InferenceResult",
    "MarginalEffects",
    "WaldTest",
    "bootstrap",
    "inference",
    "marginal_effects",
    "refit_selected",
]
