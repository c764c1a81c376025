"""Membership probabilities of rows, given earlier rows or what else is known."""

import numpy as np

from .._data.groups import SharedPrior, check_groups
from .._data.known import KNOWN, evidence_of
from .._data.row_data import OF_ROWS, row_arguments
from .._numerics import log_normalize
from ._components import log_likelihoods
from ._domain import check_possible

_NEEDED = "X", "y", "groups"
_OPTIONAL = *OF_ROWS, KNOWN
_TEXT_OR_NUMBER = dict.fromkeys("US", "text") | dict.fromkeys("iufb", "number")


def given_history(model, prior, groups, history):
    r"""Probabilities (n, K) of the components, given the history of each row's unit.

    By Bayes' theorem, with the earlier rows :math:`H_g` of the unit g of a row,

    .. math:: \pi_k(x | H_g) \propto
              \pi_k(x) \prod_{i \in H_g} f(y_i | \eta_{ik}, \phi_k)

    Units without a history keep their `prior` probabilities (n, K).

    Raises
    ------
    ValueError
        If a key is missing or unknown, or prior probabilities differ within a unit.
    """
    new = check_groups(groups, prior)
    rows = _check_history(history, new)
    if not np.size(rows["groups"]):
        return prior
    given = row_arguments(rows, _OPTIONAL)
    labels, memberships = model.predict_group_proba(
        rows["X"], rows["y"], rows["groups"], **given
    )
    kinds = {_TEXT_OR_NUMBER.get(each.dtype.kind) for each in (new.labels, labels)}
    if kinds == {"text", "number"}:
        raise ValueError(
            "groups and history['groups'] share no label: the labels of one are"
            " strings, those of the other numbers."
        )
    number = {label: i for i, label in enumerate(labels.tolist())}
    known = np.array([number.get(label, -1) for label in new.labels.tolist()])
    earlier = known[new.of_row]
    seen = earlier >= 0
    first = check_groups(rows["groups"], rows["X"]).first
    before = model.predict_proba(rows["X"], **given)[first]
    same = np.isclose(before[earlier[seen]], prior[seen], rtol=1e-6, atol=1e-9)
    if not same.all():
        row = np.flatnonzero(seen)[np.argmin(same.all(axis=1))]
        raise ValueError(
            f"The prior probability (gate) of row {row} of X differs from that of its"
            f" history (group {new.labels[new.of_row[row]]}): the rows of a group share"
            " one component, so the gate's features must be constant within a group."
        )
    return np.where(seen[:, None], memberships[earlier], prior)


def _check_history(history, new):
    """The history without values of None, validated."""
    allowed = (*_NEEDED, *_OPTIONAL)
    if not isinstance(history, dict):
        raise ValueError(
            f"history must be a dict with the keys {list(allowed)}; got"
            f" {type(history).__name__}."
        )
    rows = {key: value for key, value in history.items() if value is not None}
    missing = [key for key in _NEEDED if key not in rows]
    unknown = [key for key in rows if key not in allowed]
    if missing or unknown:
        raise ValueError(
            "history must be a dict with the keys 'X', 'y' and 'groups', and optionally"
            " 'offset', 'trials', 'row_scale' and 'known_component'; missing:"
            f" {missing}, unknown: {unknown}."
        )
    if new is None:
        raise ValueError(
            "groups is None: with a history, groups must contain the unit of each row"
            " of X."
        )
    return rows


def given_known(ahead, known, rows):
    """Distributions of a slice of rows given what is known of their components.

    `known` is what `check_known` returns, for these rows.
    """
    with np.errstate(divide="ignore"):
        log_prior = np.log(ahead.weights)
    log_prior = log_prior + evidence_of(known, log_prior.shape[1]).T
    check_possible(log_prior, "row", range(rows.start, rows.stop))
    return ahead.reweighted(np.exp(log_normalize(log_prior)))


class Earlier:
    """What the earlier rows of groups say of their components, chunk by chunk."""

    def __init__(self, groups, n_components):
        self._groups = groups
        self._prior = SharedPrior(groups, n_components)
        self._log_density = np.zeros(self._prior.log_prior.shape)

    def given(self, rows, ahead, y, unseen=None):
        """Distributions of the next chunk given earlier rows; its responses are `y`.

        Those that are `unseen` (B,) say nothing of components.
        """
        here = self._groups.of(rows)
        with np.errstate(divide="ignore"):
            self._prior.add(here, np.log(ahead.weights))
        density = np.column_stack(list(log_likelihoods(ahead, y)))
        if unseen is not None:
            density[unseen] = 0.0
        earlier = np.empty(density.shape)
        earlier[here.first] = self._log_density[here.labels]
        size = np.diff(here.start, append=len(here.order))
        for place in range(1, size.max()):
            at = here.start[size > place] + place
            now, before = here.order[at], here.order[at - 1]
            earlier[now] = earlier[before] + density[before]
        last = here.order[here.start + size - 1]
        self._log_density[here.labels] = earlier[last] + density[last]
        log_joint = self._prior.log_prior[here.labels][here.of_row] + earlier
        labels = range(rows.start, rows.stop)
        check_possible(log_joint, "the earlier rows in the group of row", labels)
        return ahead.reweighted(np.exp(log_normalize(log_joint)))
