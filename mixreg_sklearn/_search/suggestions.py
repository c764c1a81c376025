"""The linear predictors that rows suggest by themselves, where the search begins."""

import numpy as np

# Suggestions of rows end at this many scoring steps from the pooled regression.
_REACH = 5.0


def suggestion(regressions, pooled, block):
    """Predictors that rows suggest, constants of the pooled regression.

    They are as the family takes them, for one column, and the predictors a copy.
    """
    eta = np.array(regressions.family.initial(block.y))[..., None, :]
    return eta, regressions.constants(pooled.constants[0])


def bounded_suggestion(regressions, pooled, block):
    """Predictors that rows suggest, and the information of the rows there, (L, B).

    A tiny response may suggest a predictor, or have an information, beyond all
    others. Neither is further from the pooled regression than a multiple of the
    scoring step of the row there, which a linear family never exceeds.
    """
    shape = len(block.columns), -1
    whole, _ = suggestion(regressions, pooled, block)
    suggested = whole.reshape(shape)
    eta, constants = regressions.arguments(pooled, block)
    fitted = eta.reshape(shape).copy()
    there = regressions.family.evaluate(block.y, eta, constants, 0.0)
    score, limit = (
        np.broadcast_to(raw, there.raw_score.shape).reshape(shape)
        for raw in (there.raw_score * there.factor, there.raw_information)
    )
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        step = np.abs(score / (limit * np.square(there.factor)).reshape(shape))
    reach = _REACH * np.where(limit > 0, step, np.inf)
    bounded = np.clip(suggested, fitted - reach, fitted + reach)
    at = bounded.reshape(whole.shape).copy()
    at = regressions.family.evaluate(block.y, at, constants, 0.0)
    known = np.broadcast_to(at.raw_information, at.raw_score.shape)
    return bounded, np.minimum(known.reshape(shape), _REACH**2 * limit)
