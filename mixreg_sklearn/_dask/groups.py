"""Groups of rows, which must each lie in one partition."""

import numpy as np

from .._data.groups import check_groups


def labels_of(groups=None, **_):
    """The labels of the groups of a partition, or None."""
    return None if groups is None else check_groups(groups, groups).labels


def check_apart(labels):
    """Raise ValueError if labels, an array or None for every partition, repeat."""
    of_part = [(i, each) for i, each in enumerate(labels) if each is not None]
    if not of_part:
        return
    part = np.concatenate([np.full(len(each), i) for i, each in of_part])
    labels = np.concatenate([each for _, each in of_part])
    labels, first, which = np.unique(labels, return_index=True, return_inverse=True)
    again = np.flatnonzero(part != part[first][which])
    if len(again):
        label = labels[which[again[0]]]
        label = label.item() if isinstance(label, np.generic) else label
        raise ValueError(
            f"groups: group {label!r} has rows in partitions"
            f" {part[first][which[again[0]]]} and {part[again[0]]}, but the rows of a"
            " group must be in one partition. Bring them together, as in"
            " ddf = ddf.shuffle(on='subject') or ddf = ddf.set_index('subject')."
        )
