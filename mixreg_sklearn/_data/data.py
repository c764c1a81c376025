"""What is to be fitted: validated rows, their structure, the constraints."""

from typing import NamedTuple

import numpy as np

from ..gates import Gate


class Data(NamedTuple):
    """Validated rows, as the user gave them.

    Attributes
    ----------
    X : ndarray of shape (n, d), of float32 or float64
    y : ndarray with rows last
        As the family's `target` made it.
    weight : ndarray of shape (n,)
        Constant within a group.
    offset : ndarray of shape (n,) or None
    group : ndarray of int of shape (n,) or None
        Number of the group that each row belongs to.
    row_data : dict of str to ndarray of shape (n,)
        What the family takes for every row besides; `y` contains it.
    """

    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    offset: np.ndarray | None
    group: np.ndarray | None
    row_data: dict = {}

    def take(self, rows):
        """The rows `rows`."""
        offset, group = (
            None if values is None else values[rows]
            for values in (self.offset, self.group)
        )
        X, y, weight = self.X[rows], self.y[..., rows], self.weight[rows]
        row_data = {name: values[rows] for name, values in self.row_data.items()}
        return Data(X, y, weight, offset, group, row_data)


class Constraints(NamedTuple):
    """What the user asks of the coefficients, in the order intercept, features.

    Attributes
    ----------
    sharing : ndarray of int of shape (1 + d, K)
        Components with equal entries have the same coefficient.
    held : ndarray of shape (1 + d, K)
        Values at which coefficients are held; NaN where they are free.
    """

    sharing: np.ndarray
    held: np.ndarray

    @property
    def n_components(self):
        return self.sharing.shape[1]

    def any(self):
        """Whether there are constraints at all."""
        apart = (self.sharing == np.arange(self.n_components)).all()
        return not apart or not np.isnan(self.held).all()

    def free_numbers(self):
        """Which free number each coefficient is, and the values of the held ones.

        Returns
        -------
        selection : ndarray of shape (K (1 + d), m)
            Ones and zeros; coefficients are ordered by component.
        held : ndarray of shape (K (1 + d),)
            Zero where a coefficient is free.
        """
        n_rows = len(self.sharing)
        number = self.sharing.T * n_rows + np.arange(n_rows)
        free = np.isnan(self.held.T)
        selection = number.ravel()[:, None] == np.unique(number[free])
        selection = selection * free.ravel()[:, None]
        return selection.astype(float), np.where(free, 0.0, self.held.T).ravel()

    def resized(self, n_components):
        """For another number of components: what does not tell components apart."""
        if n_components == self.n_components:
            return self
        common = (self.sharing == self.sharing[:, :1]).all(axis=1, keepdims=True)
        alike = (self.held == self.held[:, :1]).all(axis=1, keepdims=True)
        return Constraints(
            np.where(common, 0, np.arange(n_components)),
            np.where(alike, self.held[:, :1], np.full(n_components, np.nan)),
        )

    def alike(self, order):
        """Whether components in the order `order` are under the same constraints."""
        order = list(order)
        same = np.array_equal(self.held[:, order], self.held, equal_nan=True)
        return same and np.array_equal(_labels(self.sharing[:, order]), self.sharing)


def unconstrained(n_features, n_components):
    """Every coefficient free, and each component's own."""
    shape = (1 + n_features, n_components)
    return Constraints(
        np.tile(np.arange(n_components), (1 + n_features, 1)), np.full(shape, np.nan)
    )


def _labels(sharing):
    """Partitions numbered by the first component of each part."""
    return (sharing[:, :, None] == sharing[:, None, :]).argmax(axis=2)


class Structure(NamedTuple):
    """What is to be fitted.

    Attributes
    ----------
    family : Family
    gate : Gate
    regression, gating : ndarray of int
        Features of the regressions, and of the gate.
    known : ndarray of shape (d,)
        Coefficients that are the same number in all components; NaN elsewhere.
    constraints : Constraints
        On the intercept and the features of the regressions.
    fit_intercept, shared_scale : bool
    """

    family: object
    gate: Gate
    regression: np.ndarray
    gating: np.ndarray
    known: np.ndarray
    constraints: Constraints
    fit_intercept: bool
    shared_scale: bool
