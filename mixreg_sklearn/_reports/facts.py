"""What a summary says of the model, its data and its search."""

import numpy as np

from .._data.groups import check_groups
from .._data.known import telling
from ..families._row_scaled import RowScaled

# As many features are named at most.
_MOST_NAMES = 8


def heading(rebuilt, response):
    """What the mixture is of, such as "Mixture of 2 regressions of y on x"."""
    estimator, structure = rebuilt.estimator, rebuilt.problem.structure
    K = estimator.n_components
    names = [rebuilt.names[j] for j in structure.regression]
    if len(names) > _MOST_NAMES:
        more = len(names) - _MOST_NAMES
        names = [*names[:_MOST_NAMES], f"{more} more features"]
    return (
        f"Mixture of {K} regression{'s' if K > 1 else ''}"
        + (f" of {response}" if response else "")
        + f" on {', '.join(names) or 'an intercept only'}"
    )


def response_name(y):
    """The name of a series, or of the column of a frame; None if there is none."""
    name = getattr(y, "name", None)
    columns = getattr(y, "columns", None)
    if columns is not None:
        name = ", ".join(map(str, columns))
    return None if name is None or name == "" else str(name)


def model_facts(rebuilt):
    """Facts about model and data, as pairs of a label and a value."""
    structure, data = rebuilt.problem.structure, rebuilt.data
    families = getattr(structure.family, "families", [structure.family])
    facts = [("family", ", ".join(map(_family, families)))]
    facts.append(("gate", _gate(rebuilt)))
    if structure.background is not None:
        facts.append(("background", _background(rebuilt.fitted)))
    facts.append(("rows", str(len(data.weight))))
    if data.group is not None:
        groups = check_groups(data.group, data.X)
        facts.append(("groups", str(len(groups.labels))))
    if (data.weight != 1).any():
        facts.append(("sum of weights", number(data.weight.sum())))
    facts.append(("features", str(len(rebuilt.names))))
    if rebuilt.offset_feature is not None:
        facts.append(("offset", rebuilt.names[rebuilt.offset_feature]))
    elif data.offset is not None:
        facts.append(("offset", "given"))
    if data.known is not None:
        facts.append(("known", f"components of {telling(data.known).sum()} rows"))
    facts += [(name, _range(values)) for name, values in data.row_data.items()]
    return [*facts, ("search", _search(rebuilt.estimator.search_))]


def number(value):
    """A count, or a sum of weights, which may have decimals."""
    return f"{value:.0f}" if np.isclose(value, np.round(value)) else f"{value:.1f}"


def _family(family):
    if isinstance(family, RowScaled):
        return f"{_family(family.family)}, scaled rows"
    link = f", {family._link().name} link" if family.links else ""
    return type(family).__name__ + link


def _gate(rebuilt):
    structure = rebuilt.problem.structure
    if not structure.gate.has_features:
        return "constant"
    used, among = structure.gating, ""
    if structure.gate.selects:
        used = used[rebuilt.fitted.gate_coef[:, used].any(axis=0)]
        among = f", selected of {len(structure.gating)}"
    names = [rebuilt.names[j] for j in used]
    if len(names) > 3:
        names = [*names[:2], f"{len(names) - 2} more"]
    return f"depends on {', '.join(names)}{among}" if names else "constant"


def _background(fitted):
    low, high = fitted.background.lower, fitted.background.upper
    where = f"at {low:g}" if low == high else f"uniform, {low:g} to {high:g}"
    return where if fitted.weights[-1] > 0 else f"{where}; it takes no rows"


def _range(values):
    low, high = values.min(), values.max()
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _search(search):
    if not search:
        return "none"
    rounds = "round" if search["rounds"] == 1 else "rounds"
    agreement = f"{search['agreeing_arms']} arms agree"
    if not search["agreed"]:
        agreement = "its arms do not agree"
    return f"{search['starts']} starts, {search['rounds']} {rounds}; {agreement}"
