"""Groups of rows that share a component, as the user names them."""

from typing import NamedTuple

import numpy as np
from sklearn.utils.validation import check_consistent_length


class Groups(NamedTuple):
    """Which rows belong together.

    Attributes
    ----------
    labels : ndarray of shape (G,)
        The groups' names, sorted.
    of_row : ndarray of int of shape (n,)
        Number of the group of every row.
    order : ndarray of int of shape (n,)
        The rows group by group, those of a group in their order.
    start : ndarray of int of shape (G,)
        Where in `order` each group begins.
    """

    labels: np.ndarray
    of_row: np.ndarray
    order: np.ndarray
    start: np.ndarray

    @property
    def first(self):
        """The first row of every group, (G,)."""
        return self.order[self.start]

    def sum(self, values):
        """Sums over the rows of each group: (n, ...) -> (G, ...)."""
        return np.add.reduceat(values[self.order], self.start, axis=0)

    def varying(self, values):
        """Label of a group in which `values` (n,) differ between rows, or None."""
        differs = values != values[self.first][self.of_row]
        if not differs.any():
            return None
        label = self.labels[self.of_row[differs.argmax()]]
        return label.item() if isinstance(label, np.generic) else label


def check_groups(groups, X):
    """Groups from one label for every row, or None.

    Raises
    ------
    ValueError
        If there is not one label for every row, or one is missing.
    """
    if groups is None:
        return None
    labels = np.asarray(groups)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels.ravel()
    if labels.ndim != 1:
        raise ValueError(
            f"groups has shape {labels.shape}: it must be one label for every row."
        )
    check_consistent_length(X, labels)
    if labels.dtype.kind in "OUS":
        # As they were given: among strings of a list a NaN has become one.
        each = np.asarray(groups, dtype=object).ravel()
        missing = np.array([_is_missing(label) for label in each])
    else:
        missing = labels != labels
    if np.any(missing):
        raise ValueError(
            f"groups has no label for row {int(np.argmax(missing))}: a missing label"
            " belongs to no group."
        )
    try:
        labels, of_row = np.unique(labels, return_inverse=True)
    except TypeError as error:
        raise ValueError(
            "groups mixes labels that cannot be compared, such as numbers and strings."
        ) from error
    of_row = of_row.ravel()
    order = np.argsort(of_row, kind="stable")
    start = np.searchsorted(of_row[order], np.arange(len(labels)))
    return Groups(labels, of_row, order, start)


def _is_missing(label):
    """Whether a label is None, or differs from itself as NaN and NaT do."""
    try:
        return label is None or bool(label != label)
    except TypeError:  # of pandas' NA nothing is known
        return True


def repeated(counts, of_row=None):
    """Rows as often as they count.

    Parameters
    ----------
    counts : ndarray of int of shape (n,)
    of_row : ndarray of int of shape (n,), or None
        Number of the group of every row.

    Returns
    -------
    rows : ndarray of int of shape (m,)
    groups : ndarray of int of shape (m,), or None
        A group that counts twice is two groups.
    """
    rows = np.repeat(np.arange(len(counts)), counts)
    if of_row is None:
        return rows, None
    copy = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows, of_row[rows] + (of_row.max() + 1) * copy


def check_constant(values, groups, name):
    """Raise ValueError where `values` (n,) differ within a group."""
    if groups is None:
        return
    label = groups.varying(values)
    if label is not None:
        raise ValueError(
            f"{name} varies within group {label!r}: the rows of a group share one"
            " component, so it must be the same for all of them."
        )


def check_prior(prior, groups):
    """Raise ValueError where prior probabilities (n, K) differ within a group."""
    # Equal features may differ by the rounding of a matrix product.
    differs = np.abs(prior - prior[groups.first][groups.of_row]) > 1e-9
    check_constant(differs.any(axis=1), groups, "The prior probability (gate)")
