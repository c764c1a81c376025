"""What estimates of a mixture imply for rows, whatever its components are."""

import numpy as np

from ._data.chunks import collected
from ._data.groups import SharedPrior
from ._data.known import evidence_of
from .predictive import MixtureDistribution
from .predictive._components import draw_components, draw_given, predictors_of


class Estimates:
    """Base of the estimates of a mixture of K components, with K' shares.

    A subclass has `family`, `weights` (K',), `scale` as the family takes it,
    `n_components`, `background` (or None) and `constant_prior` (whether the prior
    probabilities are the same for all rows), and the methods ``parts(X)``,
    ``predictor(X, offset)``, ``log_prior(X)`` and ``marginals()``.
    """

    def log_prior_of_groups(self, X, groups):
        """Log prior probabilities of groups, (G, K').

        Raises
        ------
        ValueError
            If they differ within a group.
        """
        if self.constant_prior:
            return self.log_prior(groups.labels)  # asks for nothing but their number
        shared = SharedPrior(groups, len(self.weights))
        for rows, part in self.parts(X):
            shared.add(groups.of(rows), self.log_prior(part))
        return shared.log_prior

    def priors(self, X, groups=None):
        """Yield chunks of rows, or of groups, and their priors, (U, K')."""
        if groups is None:
            parts = ((rows, self.log_prior(part)) for rows, part in self.parts(X))
        else:
            parts = self.parts(self.log_prior_of_groups(X, groups))
        for units, log_prior in parts:
            yield units, np.exp(log_prior)

    def prior(self, X):
        """Prior probabilities of rows, (n, K')."""
        if self.constant_prior:
            return np.exp(self.log_prior(X))
        return collected(lambda _, prior: prior, self.priors(X), X.shape[0])

    def log_joints(self, X, target, groups=None, offset=None, known=None):
        """Yield chunks of rows, or of groups, and their ``log pi_k + log f_k(y_i)``.

        Those of groups are sums over their rows. What is `known` of components is what
        `check_known` returns.
        """
        if groups is not None:
            whole = self._log_joint_of_groups(X, target, groups, offset)
            if known is not None:
                whole += evidence_of(known[groups.first], len(self.weights)).T
            yield from self.parts(whole)
            return
        for rows, part in self.parts(X):
            log_joint = self._log_density(part, rows, target, offset)
            log_joint += self.log_prior(part)
            if known is not None:
                log_joint += evidence_of(known[rows], len(self.weights)).T
            yield rows, log_joint

    def _log_joint_of_groups(self, X, target, groups, offset):
        total = np.zeros((len(groups.labels), len(self.weights)))
        for rows, part in self.parts(X):
            here = groups.of(rows)
            log_density = self._log_density(part, rows, target, offset)
            total[here.labels] += here.sum(log_density)
        total += self.log_prior_of_groups(X, groups)
        return total

    def _log_density(self, part, rows, target, offset):
        """``log f_k(y_i)``, (B, K'), of a chunk of X and its rows."""
        eta = self.predictor(part, None if offset is None else offset[rows])
        y = target[..., rows]
        log_density = self.family.log_density(y[..., None], eta, self.scale)
        if self.background is None:
            return log_density
        apart = self.background.log_density(y)
        return np.column_stack([log_density, apart])

    def log_joint(self, X, target, groups=None, offset=None, known=None):
        """``log pi_k + log f_k(y_i)`` of rows, (n, K'), or of groups, (G, K')."""
        parts = self.log_joints(X, target, groups, offset, known)
        n_units = X.shape[0] if groups is None else len(groups.labels)
        return collected(lambda _, log_joint: log_joint, parts, n_units)

    def distribution(self, X, offset=None, row_data=None):
        """Distributions of the responses. -> MixtureDistribution."""
        return MixtureDistribution(
            self.family,
            self.predictor(X, offset),
            self.scale,
            self.prior(X),
            background=self.background,
            **(row_data or {}),
        )

    def distributions(self, X, offset=None, row_data=None):
        """Yield chunks of rows, and the distributions of their responses."""
        for rows, part in self.parts(X):
            given = {name: values[rows] for name, values in (row_data or {}).items()}
            of_rows = None if offset is None else offset[rows]
            yield rows, self.distribution(part, of_rows, given)

    def from_distributions(self, function, X, offset=None, row_data=None):
        """``function(rows, distribution)`` for all rows; of responses, on a last axis.

        It returns an array (B, ...) for a chunk of B rows, or a tuple of them.
        """
        found = [
            collected(
                function,
                one.distributions(X, offset, own_data(one.family, row_data)),
                X.shape[0],
            )
            for one in self.marginals()
        ]
        if len(found) == 1:
            return found[0]
        if isinstance(found[0], tuple):
            return tuple(np.stack(each, axis=-1) for each in zip(*found, strict=True))
        return np.stack(found, axis=-1)

    def sample(self, X, rng, groups=None, offset=None, row_data=None):
        """Draw responses (n,) and their components (n,)."""
        n_rows = X.shape[0]
        n_units = n_rows if groups is None else len(groups.labels)
        component = collected(
            lambda _, prior: draw_components(prior, 1, rng),
            self.priors(X, groups),
            n_units,
        )
        if groups is not None:
            component = component[groups.of_row]
        drawn = [
            one.drawn(X, component, rng, offset, row_data) for one in self.marginals()
        ]
        y = drawn[0] if len(drawn) == 1 else np.stack(drawn, axis=-1)
        return y, component[:, 0]

    def drawn(self, X, component, rng, offset=None, row_data=None):
        """Draw the responses (n,) of drawn components (n, 1)."""
        row_data = own_data(self.family, row_data)
        eta = collected(
            lambda rows, ahead: predictors_of(ahead, component[rows]),
            self.distributions(X, offset, row_data),
            X.shape[0],
        )
        # All at once: the numbers that a family draws do not depend on chunks.
        return draw_given(self, np.asarray(eta), component, rng, row_data)[:, 0]


def own_data(family, row_data):
    """Those of the row data that a family declares."""
    given = row_data or {}
    return {name: given[name] for name in family.row_data if name in given}
