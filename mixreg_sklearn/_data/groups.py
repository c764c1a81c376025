"""Groups of rows that share a component."""

from typing import NamedTuple

import numpy as np
from sklearn.utils.validation import check_consistent_length


class Groups(NamedTuple):
    """A partition of n rows into G groups."""

    labels: np.ndarray  # (G,), sorted
    of_row: np.ndarray  # (n,), the group number of each row
    order: np.ndarray  # (n,), rows sorted by group, in their order within a group
    start: np.ndarray  # (G,), the position in `order` where each group begins

    @property
    def first(self):
        """The first row of each group, (G,)."""
        return self.order[self.start]

    def of(self, rows):
        """The groups of a slice of rows, labeled by their numbers here."""
        if rows.stop - rows.start == len(self.of_row):
            return self._replace(labels=np.arange(len(self.labels)))
        numbers = self.of_row[rows]
        order = np.argsort(numbers, kind="stable")
        ordered = numbers[order]
        begins = np.ones(len(order), dtype=bool)
        np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
        start, of_row = np.flatnonzero(begins), np.empty_like(order)
        of_row[order] = np.cumsum(begins) - 1
        return Groups(ordered[start], of_row, order, start)

    def sum(self, values):
        """Sums over the rows of each group: (n, ...) -> (G, ...)."""
        return np.add.reduceat(values[self.order], self.start, axis=0)

    def varying(self, values):
        """Label of a group within which `values` (n,) differ, or None."""
        differs = values != values[self.first][self.of_row]
        if not differs.any():
            return None
        return _plain(self.labels[self.of_row[differs.argmax()]])


def check_groups(groups, X):
    """Groups from labels, or None; ValueError unless each row has one label."""
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
    if labels.dtype.kind in "OUSV":
        # In an array of strings, a NaN from the user's list would be a string.
        each = np.asarray(groups, dtype=object).ravel()
        missing = np.array([_is_missing(label) for label in each])
    else:
        missing = np.isnan(labels)
    if missing.any():
        raise ValueError(
            f"groups has no label for row {missing.argmax()}: no label may be missing."
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
    """Whether a label is None or, like NaN, NaT and NA, not equal to itself."""
    try:
        return label is None or bool(label != label)
    except TypeError:  # pandas' NA has no truth value
        return True


def repeated(counts, of_row=None):
    """Rows (m,), each repeated `counts` (n,) times, and their group numbers (m,).

    Those of the n rows are `of_row`, or None. A group that counts twice becomes two.
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
        _refuse(name, label)


def _refuse(name, label):
    raise ValueError(
        f"{name} varies within group {label!r}: the rows of a group share one"
        " component, so it must be the same for all of them."
    )


class SharedPrior:
    """Prior probabilities of groups, from those of their rows, chunk by chunk.

    Attributes
    ----------
    log_prior : ndarray of shape (n_groups, n_components)
        Logarithms of those of the groups seen so far, others are NaN.
    """

    def __init__(self, groups, n_components):
        self._labels = groups.labels
        self.log_prior = np.full((len(groups.labels), n_components), np.nan)

    def add(self, here, log_prior):
        """Add rows of a chunk, (B, K), whose groups are `here`.

        Raises
        ------
        ValueError
            If they differ within a group.
        """
        new = np.isnan(self.log_prior[here.labels, 0])
        self.log_prior[here.labels[new]] = log_prior[here.first[new]]
        shared = np.exp(self.log_prior[here.labels])[here.of_row]
        # Equal features may differ by the rounding of a matrix product.
        differs = (np.abs(np.exp(log_prior) - shared) > 1e-9).any(axis=1)
        if differs.any():
            group = here.labels[here.of_row[differs.argmax()]]
            _refuse("The prior probability (gate)", _plain(self._labels[group]))


def _plain(label):
    """A label as its own type, not numpy's, for messages."""
    return label.item() if isinstance(label, np.generic) else label
