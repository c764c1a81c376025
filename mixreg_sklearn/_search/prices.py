"""What a component must be worth: its price by BIC, and the penalty on its scale."""

import numpy as np


def worth_of_component(model, rows):
    """Nats that a component must gain to lower BIC."""
    return 0.5 * _n_each(model) * np.log(rows.total_weight)


def with_penalty(model, target, factor=1.0):
    """The model with the penalized likelihood, at a multiple of the usual strength."""
    if model.bounded:
        return model
    target = max(target, model.regressions.rule.floor)
    return model.with_rule(strength=factor * _n_each(model), target=target)


def _n_each(model):
    """Parameters of a component, on average: coefficients, a scale, a share."""
    return float(model.regressions.n_specific.mean()) + 2
