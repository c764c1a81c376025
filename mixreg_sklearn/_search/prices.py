"""What a component must be worth: its price by BIC, and the penalty on its scale."""

import numpy as np


def worth_of_component(model, rows):
    """Nats that a component must gain to lower BIC."""
    n_each = float(model.regressions.n_specific.mean()) + 2
    return 0.5 * n_each * np.log(rows.total_weight)


def with_penalty(model, target, factor=1.0):
    """The model with the penalized likelihood, at a multiple of the usual strength."""
    if model.bounded:
        return model
    target = np.maximum(target, model.regressions.rule.floor)
    # Of a component on average: coefficients of a response, its scale, a share.
    n_each = float(model.regressions.n_needed.mean()) + 2
    return model.with_rule(strength=factor * n_each, target=target)
