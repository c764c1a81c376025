"""The fit that the options ask for."""

import warnings

import numpy as np

from .._regressor import MixtureRegressor
from .._selection import MixtureRegressorIC
from .progress import shown_progress
from .words import Failure, Refusal


def fitted(data, options):
    """A fitted `MixtureRegressorIC`, and its warnings.

    Raises
    ------
    Refusal
        If the data cannot be fitted.
    Failure
        If the estimate contains numbers that are not finite.
    """
    with (
        shown_progress() as verbose,
        warnings.catch_warnings(record=True, action="always") as caught,
    ):
        mixture = MixtureRegressor(
            family=options.family,
            # Without a gate, all columns are features of the regressions.
            regression_features=data.regression if data.gate else None,
            gate="softmax" if data.gate else None,
            gate_features=data.gate or None,
            background=options.background,
            verbose=verbose,
        )
        model = MixtureRegressorIC(
            options.components,
            criterion=options.criterion,
            estimator=mixture,
            random_state=options.seed,
            verbose=verbose,
        )
        try:
            model.fit(data.X, data.y, **data.given)
        except ValueError as error:
            raise Refusal(str(error)) from error
        except ArithmeticError as error:
            raise Failure(f"the fit failed: {error}") from error
    estimates = [model.weights_, model.coef_, model.intercept_, model.log_likelihood_]
    if not all(np.isfinite(each).all() for each in estimates):
        raise Failure(
            "the fit failed: its estimates are not finite numbers; try fewer"
            " --components or --features, or another --family"
        )
    return model, list(dict.fromkeys(str(warning.message) for warning in caught))
