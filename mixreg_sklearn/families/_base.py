"""What a family of conditional distributions has to know."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

from ._dispersion import newton_update
from ._links import resolve_link
from ._support import Constant, Predictor, Support


class Evaluation(NamedTuple):
    """A family at some rows, for every column of components.

    ``score = unit * raw_score`` is ``d log f / d eta`` and ``information = unit**2 *
    raw_information`` its negative expected derivative; a factor that is the same for
    all rows of a component is kept apart so that it need not be multiplied n times.

    Attributes
    ----------
    log_joint : ndarray of shape (C, B)
        ``log pi + log f``, less `Family.base`.
    raw_score : ndarray of shape (C, B), or (L, C, B)
    raw_information : float or ndarray of shape (C, B), or (L, C, B)
    unit : float or ndarray of shape (C, 1)
    statistic : tuple of ndarray of shape (C, B)
        What the update of the constants sums over rows; empty without any.
    """

    log_joint: np.ndarray
    raw_score: np.ndarray
    raw_information: float | np.ndarray
    unit: float | np.ndarray
    statistic: tuple


class Derivatives(NamedTuple):
    """Log-density less `Family.base`, and its derivatives, all (C, B).

    They are those in ``eta`` and in ``log scale``.
    """

    log_density: np.ndarray
    eta: np.ndarray
    scale: np.ndarray
    eta_eta: np.ndarray
    eta_scale: np.ndarray
    scale_scale: np.ndarray


class Local(NamedTuple):
    """Log-density less `Family.base`, and its derivatives.

    They are those in the E = L + S *coordinates* of a family: its predictors, and the
    logarithms of its constants.

    Attributes
    ----------
    log_density : ndarray of shape (C, B)
    slope : tuple of E ndarray of shape (C, B)
        First derivatives.
    bend : tuple of E (E + 1) / 2 ndarray of shape (C, B), or None
        Second derivatives, the upper triangle row by row: (0, 0), (0, 1), ..., (1, 1).
        None stands for zeros.
    """

    log_density: np.ndarray
    slope: tuple
    bend: tuple


class Family(ABC, BaseEstimator):
    """Conditional distribution of the response given a linear predictor.

    A family knows neither components nor restarts: everything is elementwise over
    arrays that broadcast, by convention ``C`` columns of components by ``B`` rows.
    ``y`` is what `target` made of the response; rows are its last axis.

    A family declares L linear predictors and S positive constants. Its methods take
    them as `eta` and `scale`: with one predictor `eta` is (C, B), with several
    (L, C, B); with one constant `scale` is (C, 1), with several (S, C, 1), with none it
    means nothing.

    A family of one's own needs `initial`, `mean`, `variance` and `quantile` or
    `sample`. With one predictor and at most one constant it needs `derivatives` and
    `information`, otherwise `local`, `information` and what it declares
    (docs/own_family.md). The other methods follow from these; the families here have
    faster ones, or more exact.

    Attributes
    ----------
    predictors : tuple of Predictor
        The linear predictors; by default one, the mean.
    constants : tuple of Constant
        By default what the three attributes below say of a single scale.
    support : Support
        Where responses lie; by default anywhere on the line.
    row_data : tuple of str
        Names of what `target`, `mean` and those after it take for every row besides.
    n_scale : {0, 1}
        Number of scales of a component. A scale ``phi`` is a dispersion: its square
        is proportional to a variance, and the distribution concentrates as it
        vanishes.
    bounded : bool
        Whether the likelihood stays bounded as scales vanish.
    least_scale : float
        Where the likelihood is at its limit, to rounding; for a bounded family whose
        estimate may lie there. The fit keeps scales at or above it.
    links : tuple of str
        Links that the parameter `link` may name, the default first; empty where there
        is no such parameter.
    """

    predictors = (Predictor(),)
    support = Support()
    row_data = ()
    n_scale = 1
    bounded = False
    positive = False
    least_scale = 0.0
    links = ()

    def _link(self):
        """The link object that the parameter `link` means."""
        return resolve_link(self.link, self.links, self.links[0])

    @property
    def endless(self):
        """Whether the best coefficients may be infinite: responses, all zero, say."""
        return self.bounded and bool(self.links) and self._link().endless

    @property
    def constants(self):
        """The scale of a family that declares `n_scale` and no constants."""
        if not self.n_scale:
            return ()
        return (Constant("scale", self.least_scale, collapses=not self.bounded),)

    def admits(self, y):
        """Where `y` is a possible response, elementwise."""
        return self.support.admits(y)

    def check_target(self, y):
        """Raise ValueError where `y` is outside the family's range."""
        outside = ~self.admits(y)
        if outside.any():
            raise ValueError(
                f"y is out of range: {type(self).__name__} does not admit"
                f" {np.asarray(y)[outside][0]}."
            )

    def target(self, y, trials):
        """The response as the other methods take it, rows last."""
        if trials is not None:
            raise ValueError(
                f"trials is for the binomial family, not for {type(self).__name__}."
            )
        return y

    def units(self, y, weight, fit_intercept):
        """Origin and unit (two floats) in which `y` is best expressed."""
        return 0.0, 1.0

    def base(self, y):
        """The part of the log-density that is the response's alone, (n,) or 0.0.

        `evaluate` and `derivatives` leave it out, and `log_density` includes it: the
        rows of a fit add it up once, and not in every pass.
        """
        return 0.0

    @abstractmethod
    def initial(self, y):
        """The linear predictors that each row suggests by itself, (n,) or (L, n)."""

    def derivatives(self, y, eta, scale):
        """The log-density less `base`, and its derivatives. -> Derivatives."""
        raise NotImplementedError(f"{type(self).__name__} has no derivatives")

    def local(self, y, eta, scale):
        """The log-density less `base`, and its derivatives in coordinates. -> Local.

        This is the one place where the six named `derivatives` of a family with one
        predictor and at most one scale become coordinates.
        """
        at = self.derivatives(y, eta, scale)
        if not self.constants:
            return Local(at.log_density, (at.eta,), (at.eta_eta,))
        bend = at.eta_eta, at.eta_scale, at.scale_scale
        return Local(at.log_density, (at.eta, at.scale), bend)

    def information(self, eta, scale):
        """Expectation of the squared derivative in ``eta``: positive.

        `evaluate` needs it, unless a family has one of its own.
        """
        raise NotImplementedError(f"{type(self).__name__} has no information")

    def outside(self, eta):
        """Where `eta` gives no distribution, (C, B) of bool; None for nowhere.

        There the density is zero whatever `evaluate` and `local` say of it, which has
        to be finite.
        """
        return None

    def evaluate(self, y, eta, scale, log_prior):
        """One pass's worth of the family; it takes `eta` over. -> Evaluation."""
        at = self.local(y, eta, scale)
        n_predictors = len(self.predictors)
        score = np.stack(at.slope[:n_predictors]) if n_predictors > 1 else at.slope[0]
        bends = iter(at.bend)
        diagonal = []
        for e in range(len(at.slope)):
            row = [next(bends) for _ in range(e, len(at.slope))]
            diagonal.append(row[0])
        constants = zip(at.slope[n_predictors:], diagonal[n_predictors:], strict=True)
        return Evaluation(
            at.log_density + log_prior,
            score,
            self.information(eta, scale),
            1.0,
            tuple(values for pair in constants for values in pair),
        )

    def update_scale(self, scale, weight, statistic, gain, rule):
        """New scales (R, K) from the summed statistics (R, K, S).

        `gain` (R, K) is twice the rise of the quadratic model of the log-likelihood
        by the new coefficients. Here the statistics are the first and second
        derivative in the log scale.
        """
        if not self.n_scale:
            return scale
        return newton_update(rule, scale, weight, statistic)

    def update_constants(self, constants, weight, statistic, gain, rules):
        """New constants (R, K, S), by one rule for each.

        A single one is updated by `update_scale`, several each by a Newton step in its
        logarithm, from the statistics that `evaluate` of this class makes.
        """
        if not constants.shape[2]:
            return constants
        if constants.shape[2] == 1:
            scale = constants[..., 0]
            new = self.update_scale(scale, weight, statistic, gain, rules[0])
            return new[..., None]
        return np.stack(
            [
                newton_update(
                    rule, constants[..., s], weight, statistic[..., 2 * s : 2 * s + 2]
                )
                for s, rule in enumerate(rules)
            ],
            axis=-1,
        )

    def log_density(self, y, eta, scale):
        """Logarithm of the density or probability of `y`, all of it."""
        with np.errstate(all="ignore"):
            value = self.base(y) + self.local(y, eta, scale).log_density
        return np.where(self.admits(y), value, -np.inf)

    @abstractmethod
    def mean(self, eta, scale):
        """Expected response."""

    @abstractmethod
    def variance(self, eta, scale):
        """Variance of the response, of the shape of `eta`."""

    def cdf(self, y, eta, scale):
        """Probability of a response of at most `y`; a fit does not need it."""
        raise NotImplementedError(f"{type(self).__name__} has no cdf")

    def quantile(self, u, eta, scale):
        """Smallest response whose cdf is at least `u`; a fit does not need it."""
        raise NotImplementedError(f"{type(self).__name__} has no quantile")

    def sample(self, eta, scale, rng):
        """Draw one response for every element of `eta`."""
        return self.quantile(rng.random(np.shape(eta)), eta, scale)
