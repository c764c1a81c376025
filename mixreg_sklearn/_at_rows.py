"""A fitted estimator at rows that the user gives."""

import numpy as np

from ._data.checks import check_features, check_offset, check_response
from ._data.chunks import collected
from ._data.groups import check_groups
from ._data.known import KNOWN, check_known
from ._data.row_data import check_row_data, given
from ._expert_estimates import ExpertEstimates, check_raw
from ._fitted import Fitted
from ._numerics import log_normalize
from ._remembered import check_grouped, check_unchanged
from .families._names import make_family
from .predictive._domain import check_possible


def estimates_and_rows(model, X, offset=None, **row_data):
    """Estimates of an estimator, and validated rows.

    Returns
    -------
    fitted : Estimates
    X : ndarray or CSR matrix of float32 or float64 of shape (n, d)
        For experts, also a frame, of any types.
    offset : ndarray of shape (n,) or None
    row_data : dict of str to ndarray of shape (n,)
    """
    check_unchanged(model)
    X = check_rows(model, X)
    fitted = (ExpertEstimates if _has_experts(model) else Fitted).of(model)
    if row_data.get("row_scale") is not None:
        family = make_family(model.family, row_data)
        fitted = fitted._replace(family=family)
    offset = check_offset(offset, X, fitted.family)
    row_data = check_row_data(fitted.family, given(**row_data), X.shape[0])
    return fitted, X, offset, row_data


def check_rows(model, X):
    """Features of a fitted estimator, of float32 or float64, dense or CSR.

    Those of experts may be a frame, of any types.
    """
    if _has_experts(model):
        return check_raw(model, X, reset=False)
    precisions = [np.float64, np.float32]
    return check_features(model, X, dtype=precisions, accept_sparse="csr", reset=False)


def _has_experts(model):
    return hasattr(model, "gate_")


def fitted_and_rows(model, X, y, groups=None, offset=None, **row_data):
    """Estimates of an estimator, and validated rows as `Fitted.log_joints` takes them.

    Returns
    -------
    fitted : Estimates
    X : ndarray or CSR matrix of float32 or float64 of shape (n, d)
    target : ndarray of shape (..., n)
    groups : Groups or None
    offset : ndarray of shape (n,) or None
    known : ndarray or None
        As `check_known` returns it.
    """
    fitted, X, offset, _ = estimates_and_rows(
        model, X, offset, row_scale=row_data.get("row_scale")
    )
    check_grouped(model, groups)
    y = check_response(y, X.shape[0], fitted.family, model)
    row_data = given(**row_data)
    groups, known = check_groups(groups, X), row_data.pop(KNOWN, None)
    known = check_known(known, X.shape[0], len(fitted.weights), groups)
    target = fitted.family.target(y, **row_data)
    return fitted, X, target, groups, offset, known


def memberships_of(model, X, y, **rows):
    """Memberships of rows, (n, K): those of a group share one.

    Raises
    ------
    ValueError
        If all components have density zero for a row or group.
    """
    memberships, groups = _from_log_joints(_memberships, model, X, y, rows)
    return memberships if groups is None else memberships[groups.of_row]


def most_probable_of(model, X, y, **rows):
    """The most probable component of each row, (n,), as of `memberships_of`."""
    members, groups = _from_log_joints(_most_probable, model, X, y, rows)
    return members if groups is None else members[groups.of_row]


def group_memberships_of(model, X, y, **rows):
    """Sorted labels of groups, (G,), and their memberships, (G, K)."""
    if rows.get("groups") is None:
        raise ValueError("groups is None: for single rows, use predict_proba.")
    memberships, groups = _from_log_joints(_memberships, model, X, y, rows)
    return groups.labels, memberships


def _memberships(log_joint):
    return np.exp(log_normalize(log_joint))


def _most_probable(log_joint):
    return log_joint.argmax(axis=1)


def _from_log_joints(function, model, X, y, rows):
    """``function(log joint densities)`` of all units, (U, ...), and their Groups."""
    fitted, *rows = fitted_and_rows(model, X, y, **rows)
    groups = rows[2]
    unit, labels = "row", range(rows[0].shape[0])
    if groups is not None:
        unit, labels = "group", groups.labels

    def checked(units, log_joint):
        check_possible(log_joint, unit, labels[units])
        return function(log_joint)

    return collected(checked, fitted.log_joints(*rows), len(labels)), groups
