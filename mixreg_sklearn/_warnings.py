"""Warnings of the package."""

from sklearn.exceptions import ConvergenceWarning


class SearchWarning(ConvergenceWarning):
    """The estimate is a proven local maximum, but the search did not agree on it.

    Fewer than three independent arms found it within `n_init` rounds, so a better
    optimum may be unseen.
    """
