"""Verified fits to other responses, and the comparison with them.

`reference/responses/README.md` says where the numbers come from.
"""

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
from inference.cases import place
from numpy.testing import assert_allclose

from mixreg_sklearn.inference import inference

HERE = Path(__file__).parent / "reference" / "responses"
CASES = {
    case["id"]: case for case in json.loads((HERE / "cases.json").read_text())["cases"]
}


def table(case):
    """The data of a case, a dataframe."""
    return pd.read_csv(HERE / "data" / case["dataset"])


def rows(case):
    """Features, and the groups as keywords."""
    data = table(case)
    columns = list(dict.fromkeys(case["features"] + case["gating"]))
    extra = {"groups": data[case["group"]].to_numpy()} if case["group"] else {}
    return data[columns], extra


def settings(case):
    """Parameters of a `MixtureRegressor`, except the family."""
    return {
        "n_components": case["K"],
        "regression_features": case["features"],
        "gate": "softmax" if case["gating"] else None,
        "gate_features": case["gating"] or None,
        "shared_scale": case["equal_variance"],
    }


def assert_is_verified_solution(model, case, y, constants, **fitted_with):
    """Everything that the case compares.

    `constants` is a dict from a name of the reference (sigma, df, inflation) to the
    model's values, (K,). `fitted_with` are the keywords of `fit`.
    """
    (X, extra), mle, compared = rows(case), case["mle"], case["check"]["compare"]
    extra = extra | fitted_with
    rtol = case["check"]["loglik_rtol"]
    # Above the reference by more than that is a better optimum: report it.
    assert_allclose(model.log_likelihood_, mle["loglik"], rtol=rtol)
    again = model.log_likelihood(X, y, **extra)
    assert_allclose(again, model.log_likelihood_, rtol=1e-10)
    if "df" in compared:
        assert model.n_parameters_ == mle["df"]
    for name in {"aic", "bic", "icl"} & set(compared):
        value = getattr(model, name)(X, y, **extra)
        if name != "aic":  # the reference counts rows
            value += model.n_parameters_ * np.log(len(X) / mle["n_units"])
        rtol = case["check"]["criteria_rtol"]
        assert_allclose(value, mle[name], rtol=rtol, err_msg=name)
    if "parameters" not in compared:
        return
    order = _matching(model, case, X, constants)
    fraction = case["check"]["param_se_fraction"]
    ours = _ours(model, case, X, constants)[order]
    theirs, errors = (
        _theirs(case, part["components"], constants)
        for part in (mle, mle["std_errors"])
    )
    assert (np.abs(ours - theirs) <= fraction * errors + 1e-6 * np.abs(theirs)).all()
    _assert_memberships(model, case, X, y, order, extra)
    _assert_errors(model, case, X, y, order, extra)


def _theirs(case, components, constants):
    """Intercepts, coefficients and constants (K, m) of the reference."""
    return np.array(
        [
            [
                part["intercept"],
                *(part["coef"][name] for name in case["features"]),
                *(part[name] for name in constants),
            ]
            for part in components[: case["K"]]
        ]
    )


def _ours(model, case, X, constants):
    at = [list(X.columns).index(name) for name in case["features"]]
    return np.column_stack([model.intercept_, model.coef_[:, at], *constants.values()])


def _matching(model, case, X, constants):
    """The order of the model's components that comes nearest to the reference."""
    theirs = _theirs(case, case["mle"]["components"], constants)
    unit = _theirs(case, case["mle"]["std_errors"]["components"], constants)
    ours = _ours(model, case, X, constants)

    def distance(order):
        return np.nansum(((ours[list(order)] - theirs) / unit) ** 2)

    return list(min(permutations(range(case["K"])), key=distance))


def _assert_memberships(model, case, X, y, order, extra):
    """The share of a background is last, in both."""
    tau = model.predict_proba(X, y, **extra)
    order = [*order, *range(case["K"], tau.shape[1])]
    atol = case["check"]["posterior_atol"]
    first = case["mle"]["posterior_first10"]
    assert_allclose(tau[:10, order], first, atol=atol, rtol=0)


def _assert_errors(model, case, X, y, order, extra):
    """Standard errors of intercepts, coefficients and shares."""
    result = inference(model, X, y, **extra)
    columns = list(X.columns)

    def error(attribute, k, feature=None):
        feature = None if feature is None else columns.index(feature)
        return result.std_errors[place(result, attribute, k, feature)]

    pairs = []
    theirs = case["mle"]["std_errors"]["components"][: case["K"]]
    for k, part in zip(order, theirs, strict=True):
        pairs.append((error("intercept_", k), part["intercept"]))
        pairs += [(error("coef_", k, j), value) for j, value in part["coef"].items()]
        if not case["gating"] and case["K"] > 1:
            pairs.append((error("weights_", k), part["prior"]))
    ours, others = np.array(pairs).T
    assert_allclose(ours, others, rtol=case["check"]["se_rtol"])
