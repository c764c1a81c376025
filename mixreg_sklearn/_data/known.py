r"""What is known of the components of rows.

A row whose component is known counts with that component alone, and plausibilities
:math:`p_{ik}` from 0 to 1 multiply the densities of the components:

.. math:: \ell = \sum_i \log \sum_k p_{ik} \pi_k f_k(y_i)

(Côme, Oukhellou, Denœux & Aknin 2009). They are one-hot for a known component and ones
where nothing is known.
"""

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import column_or_1d

from .groups import check_constant

# Name of the argument.
KNOWN = "known_component"


def check_known(known, n_rows, n_shares, groups):
    """Labels (n,) of int, -1 where unknown, or plausibilities (n, K'); or None.

    Raises
    ------
    ValueError
        If they have the wrong shape or range, or differ within a group.
    """
    if known is None:
        return None
    shape = np.shape(known)
    if len(shape) not in (1, 2) or shape[0] != n_rows:
        raise ValueError(
            f"known_component has shape {shape}, but X has {n_rows} rows: it must have"
            f" one label for each, ({n_rows},), or {n_shares} plausibilities,"
            f" ({n_rows}, {n_shares})."
        )
    if len(shape) == 1:
        known = _check_labels(known, n_shares)
        check_constant(known, groups, "known_component")
        return known
    known = _check_plausibilities(known, n_shares)
    for column in known.T:
        check_constant(column, groups, "known_component")
    return known


def _check_labels(known, n_shares):
    values = column_or_1d(known)
    numbers = values.dtype.kind in "iuf" and np.isfinite(values).all()
    if not numbers or (values != np.floor(values)).any():
        raise ValueError(
            "known_component must contain whole numbers: the number of the component of"
            f" a row, or -1 where it is unknown; got {values[:3].tolist()}, ..."
        )
    if values.min(initial=-1) < -1 or values.max(initial=-1) >= n_shares:
        wrong = values[(values < -1) | (values >= n_shares)][0]
        raise ValueError(
            f"known_component contains {wrong:g}: components are numbered 0 to"
            f" {n_shares - 1}, and -1 stands for unknown."
        )
    return values.astype(int)


def _check_plausibilities(known, n_shares):
    """The plausibilities of each row, the largest of which is one."""
    known = check_array(known, dtype=np.float64, input_name="known_component")
    if known.shape[1] != n_shares:
        raise ValueError(
            f"known_component has {known.shape[1]} columns: it must have {n_shares},"
            " one for every component (and a background)."
        )
    greatest = known.max(axis=1, keepdims=True)
    if (known < 0).any() or not (greatest > 0).all():
        raise ValueError(
            "known_component: probabilities must be non-negative, and positive for some"
            " component in every row."
        )
    return known / greatest


def evidence_of(known, n_shares):
    """Logarithms of plausibilities, (K', n), from what `check_known` returns."""
    if known.ndim == 2:
        with np.errstate(divide="ignore"):
            return np.log(known.T)
    evidence = np.where(known < 0, 0.0, -np.inf)
    evidence = np.tile(evidence, (n_shares, 1))
    rows = np.flatnonzero(known >= 0)
    evidence[known[rows], rows] = 0.0
    return evidence


def least_shares(known):
    """How many shares labels ask for; 1 if they are none, which `check_known` says."""
    labels = np.asarray([-1] if known is None else known)
    if labels.ndim != 1 or labels.dtype.kind not in "iuf" or not labels.size:
        return 1
    largest = labels.max()
    return 1 + int(largest) if 0 <= largest < np.inf else 1


def telling(known):
    """Rows (n,) of whose component something is known."""
    return known >= 0 if known.ndim == 1 else (known != known[:, :1]).any(axis=1)


def components_in(known, n_shares):
    """Components that something is known of, a frozenset."""
    if known is None or not telling(known).any():
        return frozenset()
    labels = range(n_shares) if known.ndim == 2 else known[telling(known)].tolist()
    return frozenset(labels)
