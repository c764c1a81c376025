"""The result for a program."""

import json

import numpy as np

from .._inside import inside
from .._status import status
from ..families._names import make_family


def as_json(data, model, options, notes):
    """The result as a JSON text; names are those of the table.

    Numbers that are not finite, of candidates that failed, are null.
    """
    mixture = inside(model).mixture
    columns = [name for name in model.table_ if name != "estimator"]
    candidates = [
        {name: model.table_[name][i] for name in columns}
        | {"maximum": status(inside(fit).mixture)}
        for i, fit in enumerate(model.estimators_)
    ]
    result = {
        "data": {
            "name": data.name,
            "rows": len(data.y),
            "rows_dropped": 0 if data.kept is None else int((~data.kept).sum()),
            "target": data.target,
            "features": [data.features[j] for j in data.regression],
            "gate": [data.features[j] for j in data.gate],
            "notes": data.notes,
        },
        "family": options.family,
        "criterion": options.criterion,
        "candidates": candidates,
        "n_components": model.n_components_,
        "log_likelihood": mixture.log_likelihood_,
        "n_parameters": mixture.n_parameters_,
        "maximum": status(mixture),
        "converged": mixture.converged_,
        "newton_decrement": mixture.newton_decrement_,
        "components": _components(data, mixture),
        "background": _background(data, mixture),
        "notes": notes,
    }
    return json.dumps(_finite(result), indent=2, allow_nan=False)


def _components(data, mixture):
    constants = [constant.name for constant in make_family(mixture.family).constants]
    components = []
    for k in range(mixture.n_components):
        component = {
            "share": mixture.weights_[k],
            "rows": mixture.component_rows_[k],
            "intercept": mixture.intercept_[k],
            "coef": {data.features[j]: mixture.coef_[k, j] for j in data.regression},
        }
        for name in constants:
            component[name] = getattr(mixture, f"{name}_")[k]
        components.append(component | _gate(data, mixture, k))
    return components


def _background(data, mixture):
    if mixture.background is None:
        return None
    share = {"kind": mixture.background, "share": mixture.background_weight_}
    return share | _gate(data, mixture, mixture.n_components)


def _gate(data, mixture, k):
    """Log-odds of a component, or the background, against the first one."""
    if not data.gate:
        return {}
    coef = {data.features[j]: mixture.gate_coef_[k, j] for j in data.gate}
    return {"gate_intercept": mixture.gate_intercept_[k], "gate_coef": coef}


def _finite(value):
    """The same with Python's numbers, and None for those that are not finite."""
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
