r"""Coefficients under a lasso and within bounds, along the axes of the features.

The coefficients are :math:`b = T t + o` with numbers t that are free but for kinks:
:math:`-\sum_j \lambda_j |t_j|` is added to the log-likelihood, and
:math:`l_j \le t_j \le u_j`. A column of T is a component's coefficient of one feature,
or that of several components which share it.
"""

from functools import cached_property

import numpy as np
from scipy import sparse

from .descent import descend
from .shrinkage import quadratic_gain, with_ridge


class Kinks:
    """Where numbers t (m,) may lie: ``l1``, ``lower`` and ``upper``, (m,) each."""

    def __init__(self, l1, lower, upper):
        self.l1, self.lower, self.upper = l1, lower, upper

    @property
    def parts(self):
        """The three arrays."""
        return self.l1, self.lower, self.upper

    def inside(self, t):
        """Numbers (..., m) within the bounds."""
        return np.clip(t, self.lower, self.upper)

    def at(self, t):
        """Which numbers (R, m) are at a kink."""
        at_zero = (t == 0) & (self.l1 > 0)
        return at_zero | (t <= self.lower) | (t >= self.upper)

    def stopped(self, before, after):
        """Numbers after a step (R, m), which ends at a kink that it would cross."""
        crosses = (self.l1 > 0) & (before * after < 0)
        return self.inside(np.where(crosses, 0.0, after))

    def face(self, t, gradient):
        """Slopes (R, m) of the objective, zero where a number stays, and which do.

        By the conditions of Karush, Kuhn and Tucker a number stays at zero where the
        gradient of the likelihood is at most `l1`, and at a bound where the slope leads
        beyond it.
        """
        at_zero = (t == 0) & (self.l1 > 0)
        sign = np.where(at_zero, np.sign(gradient), np.sign(t))
        slope = gradient - self.l1 * sign
        stays = at_zero & (np.abs(gradient) <= self.l1)
        stays |= (t <= self.lower) & (slope <= 0)
        stays |= (t >= self.upper) & (slope >= 0)
        return np.where(stays, 0.0, slope), stays


class Axes:
    """Coefficients of a design that does not rotate features, with kinks and a ridge.

    Parameters
    ----------
    constraints : Constraints
        In the engine's units; the rows are the columns of the design.
    ridge : ndarray of shape (K, p)
    kinks : Kinks
        With arrays (K, p), of every coefficient.
    total_weight : float
        Of the rows: penalties are in proportion.
    """

    kinked = True

    def __init__(self, constraints, ridge, kinks, total_weight):
        self.constraints, self.ridge, self.of_coef = constraints, ridge, kinks
        self.total_weight = total_weight
        self.n_components, self.n_columns = ridge.shape

    @cached_property
    def _alone(self):
        """Whether every coefficient is a number of its own."""
        return not self.constraints.any()

    @cached_property
    def _map(self):
        """T (K p, m), sparse, and the origin (K p,)."""
        sharing, held = self.constraints
        K, p = self.n_components, self.n_columns
        # Numbers are ordered as the coefficients whose first ones they are.
        owner = np.array([[sharing[j, k] * p + j for j in range(p)] for k in range(K)])
        free = np.isnan(held.T).ravel()
        numbers, column = np.unique(owner.ravel()[free], return_inverse=True)
        shape = K * p, len(numbers)
        entries = np.ones(len(column)), (np.flatnonzero(free), column)
        return sparse.csr_array(entries, shape=shape), np.where(free, 0, held.T.ravel())

    @cached_property
    def kinks(self):
        """The Kinks of the numbers t."""
        l1, lower, upper = (part.ravel() for part in self.of_coef.parts)
        if self._alone:
            return Kinks(l1, lower, upper)
        T = self._map[0]
        first = T.indices, np.arange(len(l1))[np.diff(T.indptr) > 0]
        bounds = []
        for bound in (lower, upper):
            of_number = np.zeros(T.shape[1])
            of_number[first[0]] = bound[first[1]]
            bounds.append(of_number)
        return Kinks(T.T @ l1, *bounds)

    def numbers(self, coef):
        """The numbers t (R, m) of coefficients (R, K, p); means where they differ."""
        flat = coef.reshape(len(coef), -1)
        if self._alone:
            return flat
        T, origin = self._map
        return ((flat - origin) @ T) / T.sum(axis=0)

    def coefficients(self, numbers):
        """Inverse of `numbers`."""
        shape = len(numbers), self.n_components, self.n_columns
        if self._alone:
            return numbers.reshape(shape)
        T, origin = self._map
        return (numbers @ T.T + origin).reshape(shape)

    def excess(self, coef, gradient):
        """By how much a feature's slope exceeds its penalty, relative to it, (p,).

        From the gradient (1, K, p) of the smooth part of the objective at coefficients
        (1, K, p); zero for features that have coefficients.
        """
        flat, t = gradient.reshape(1, -1), self.numbers(coef)
        flat = flat if self._alone else flat @ self._map[0]
        slope, stays = self.kinks.face(t, flat)
        l1 = self.kinks.l1
        leaves = ((t == 0) & ~stays)[0] & (l1 > 0)
        over = np.where(leaves, np.abs(slope[0]) / np.where(l1 > 0, l1, 1.0), 0.0)
        if self._alone:
            return over.reshape(self.n_components, -1).max(axis=0)
        of_coef = abs(self._map[0]).multiply(over).max(axis=1)
        of_coef = np.asarray(of_coef.todense()).reshape(self.n_components, -1)
        return of_coef.max(axis=0)

    @property
    def n_specific(self):
        """Coefficients that a component does not share, and that may differ, (K,)."""
        sharing, held = self.constraints
        alone = (sharing[:, :, None] == sharing[:, None, :]).sum(axis=2) == 1
        return (alone & np.isnan(held)).sum(axis=0)

    def needed(self, coef):
        """How many of them are not at zero, of coefficients (R, K, p), (R, K)."""
        sharing, held = self.constraints
        alone = (sharing[:, :, None] == sharing[:, None, :]).sum(axis=2) == 1
        own = (alone & np.isnan(held)).T
        return (own & ((coef != 0) | (self.of_coef.l1 == 0))).sum(axis=2)

    def resized(self, n_components):
        constraints = self.constraints.resized(n_components)
        kinks = self.of_coef
        same = [
            np.where((part == part[0]).all(axis=0), part[0], none)
            for part, none in ((kinks.lower, -np.inf), (kinks.upper, np.inf))
        ]
        each = [self.ridge.mean(axis=0), kinks.l1.mean(axis=0), *same]
        ridge, *kinks = (np.tile(part, (n_components, 1)) for part in each)
        return type(self)(constraints, ridge, Kinks(*kinks), self.total_weight)

    def at_weight(self, weight):
        share, kinks = weight / self.total_weight, self.of_coef
        kinks = Kinks(kinks.l1 * share, kinks.lower, kinks.upper)
        return type(self)(self.constraints, self.ridge * share, kinks, weight)

    def alike(self, order):
        kinks, order = self.of_coef, list(order)
        each = self.ridge, *kinks.parts
        same = all(np.array_equal(part[order], part) for part in each)
        return same and self.constraints.alike(order)

    def selected(self, coef):
        """The same without the lasso, zeros of coefficients (1, K, p) held there."""
        held = np.where((coef[0] == 0) & (self.of_coef.l1 > 0), 0.0, np.nan).T
        held = np.where(np.isnan(held), self.constraints.held, held)
        constraints = self.constraints._replace(sharing=self._shared(coef), held=held)
        none, (_, lower, upper) = np.zeros(self.ridge.shape), self.of_coef.parts
        kinks = Kinks(none, lower, upper)
        return Axes(constraints, self.ridge, kinks, self.total_weight)

    def _shared(self, coef):
        """Which components share a coefficient, as in Constraints."""
        return self.constraints.sharing

    def directions(self):
        sharing, held = self.constraints
        differs = (sharing != sharing[:, :1]).any(axis=1) | (self.n_components == 1)
        # NaN stands for what is free, and equals nothing.
        differs &= ~(held == held[:, :1]).all(axis=1)
        return np.eye(self.n_columns)[:, differs]

    def step(self, gram, cross, coef):
        gram, cross = with_ridge(self.ridge, gram, cross, coef)
        R, K, p = coef.shape
        if self._alone:
            # Every component is a problem of its own.
            kinks = Kinks(*(np.tile(part, (R, 1)) for part in self.of_coef.parts))
            flat = coef.reshape(R * K, p)
            gram, cross = gram.reshape(R * K, p, p), cross.reshape(R * K, p)
            after = descend(gram, cross, flat, kinks)
            return (after - flat).reshape(R, K, p)
        T = self._dense
        system = np.einsum("kpa,rkpq,kqb->rab", T, gram, T, optimize=True)
        right = np.einsum("kpa,rkp->ra", T, cross)
        after = descend(system, right, self.numbers(coef), self.kinks)
        return self.coefficients(after) - coef

    @cached_property
    def _dense(self):
        """T as an array (K, p, m)."""
        shape = self.n_components, self.n_columns, -1
        if self._alone:
            return np.eye(self.n_components * self.n_columns).reshape(shape)
        return self._map[0].toarray().reshape(shape)

    def gain(self, step, gram, cross):
        return quadratic_gain(step, gram, cross)

    def project(self, coef):
        return self.coefficients(self.kinks.inside(self.numbers(coef)))

    def basis(self):
        if self._alone:
            return None
        return self._dense.reshape(self.n_components * self.n_columns, -1)

    @property
    def n_directions(self):
        return len(self.kinks.l1)

    def penalty(self, coef):
        value = (self.kinks.l1 * np.abs(self.numbers(coef))).sum(axis=1)
        return -value - 0.5 * (self.ridge * coef**2).sum(axis=(1, 2))

    def penalty_derivatives(self, coef):
        """Those of the ridge; `Kinks.face` knows the others."""
        second = np.broadcast_to(-self.ridge, coef.shape)
        return second * coef, second


class Fused(Axes):
    r"""Coefficients as a common one and deviations from it, both under a lasso.

    With :math:`b_k = \beta + \delta_k` the penalty of a feature is
    :math:`\lambda (\sqrt K |\beta| + \sum_k |\delta_k|)`, at the :math:`\beta` where it
    is least: zero or one of the :math:`b_k`. The root makes a chance correlation as
    unlikely to enter as a common effect as it is in one component.
    """

    @cached_property
    def _alone(self):
        return False

    @cached_property
    def _map(self):
        K, p = self.n_components, self.n_columns
        # A coefficient without a penalty has no common part.
        each = sparse.eye_array(p, format="csc")[:, self._shrunken]
        parts = sparse.eye_array(K * p), sparse.vstack([each] * K)
        return sparse.csr_array(sparse.hstack(parts)), np.zeros(K * p)

    @cached_property
    def _shrunken(self):
        return np.flatnonzero(self.of_coef.l1[0] > 0)

    @cached_property
    def kinks(self):
        l1 = self.of_coef.l1
        common = np.sqrt(self.n_components) * l1[0, self._shrunken]
        weights = np.concatenate([l1.ravel(), common])
        free = np.full(len(weights), np.inf)
        return Kinks(weights, -free, free)

    def numbers(self, coef):
        R, K, _ = coef.shape
        own = coef[:, :, self._shrunken]
        places = np.concatenate([np.zeros((R, 1, own.shape[2])), own], axis=1)
        cost = np.sqrt(K) * np.abs(places)
        cost = cost + np.abs(own[:, None] - places[:, :, None]).sum(axis=2)
        best = cost.argmin(axis=1)[:, None]
        common = np.take_along_axis(places, best, axis=1)
        rest = coef.copy()
        rest[:, :, self._shrunken] -= common
        return np.concatenate([rest.reshape(R, -1), common[:, 0]], axis=1)

    def _shared(self, coef):
        same = coef[0][:, None] == coef[0][None]
        shared = np.where(self.of_coef.l1[0] > 0, same.argmax(axis=1), 0)
        each = np.arange(self.n_components)[:, None]
        return np.where(self.of_coef.l1[0] > 0, shared, each).T

    @property
    def n_specific(self):
        return np.full(self.n_components, self.n_columns)

    @property
    def n_directions(self):
        return self.n_components * self.n_columns

    def needed(self, coef):
        """Those that are not at zero or the common one, (R, K)."""
        t = self.numbers(coef)[:, : coef[0].size].reshape(coef.shape)
        return ((t != 0) | (self.of_coef.l1 == 0)).sum(axis=2)
