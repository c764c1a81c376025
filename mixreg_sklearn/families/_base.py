"""What the engine asks of a family of conditional distributions."""

import re
from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

from ._links import resolve_link
from ._scales import newton_update
from ._support import Constant, Predictor, Response, Support

# Predictors of counts below this are outside the domain of a restricted link.
_LEAST_OF_COUNTS = 1e-9


class Evaluation(NamedTuple):
    """A family at some rows, for every column of components.

    ``score = factor * raw_score`` is ``d log f / d eta`` and ``information = factor**2
    * raw_information`` its negative expected derivative. A factor that all rows of a
    component share is separate, which saves n multiplications.

    Attributes
    ----------
    log_joint : ndarray of shape (C, B)
        ``log pi + log f``, less `Family.base`.
    raw_score : ndarray of shape (C, B), or (L, C, B)
    raw_information : float or ndarray of shape (C, B), or (L, C, B)
    factor : float or ndarray of shape (C, 1)
    statistic : tuple of ndarray of shape (C, B)
        What the update of the constants sums over rows; empty without constants.
    """

    log_joint: np.ndarray
    raw_score: np.ndarray
    raw_information: float | np.ndarray
    factor: float | np.ndarray
    statistic: tuple


class Derivatives(NamedTuple):
    """Log-density less `Family.base`, and its derivatives in ``eta``, ``log scale``.

    All of them are (C, B).
    """

    log_density: np.ndarray
    eta: np.ndarray
    scale: np.ndarray
    eta_eta: np.ndarray
    eta_scale: np.ndarray
    scale_scale: np.ndarray


class Local(NamedTuple):
    """Log-density less `Family.base`, and its derivatives in coordinates.

    The E = L + S *coordinates* of a family are its predictors and the logarithms of its
    constants.

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
    """Conditional distribution of the response given linear predictors.

    A family knows neither components nor restarts: everything is elementwise over
    arrays that broadcast, by convention ``C`` columns of components by ``B`` rows.
    ``y`` is the result of `target`, with rows on the last axis.

    A family declares L linear predictors and S positive constants. Its methods take
    them as `eta` and `scale`: with one predictor `eta` is (C, B), with several
    (L, C, B); with one constant `scale` is (C, 1), with several (S, C, 1), and without
    constants it is ignored.

    A custom family defines `initial`, `mean`, `variance` and `quantile` or `sample`.
    With one predictor and at most one constant it also defines `derivatives` and
    `information`, otherwise `local`, `information` and its declarations
    (docs/own_family.md). The other methods follow from these; the families of the
    library override some of them for speed or accuracy.

    Attributes
    ----------
    predictors : tuple of Predictor
        The linear predictors; by default one, the mean.
    constants : tuple of Constant
        By default a single scale: its square is proportional to a variance, and the
        distribution concentrates as it vanishes. `n_scale`, `bounded` and `least_scale`
        are a short form of such a declaration.
    support : Support
        Where responses lie; by default anywhere on the line.
    response_columns : int
        Columns of `y` as the user gives it: with one it is (n,), with m > 1 of them it
        is (n, m), and `check_target` and `target` take this. (They also see (n,), and
        say what that means, or refuse it.)
    errors : Errors, or None
        Distribution of ``(line(y) - eta) / scale``, if the family is one of location
        and scale; `Censored` needs it.
    limits : tuple of float
        Limits at which responses are censored: what is seen of a latent response.
    row_data : tuple of str
        Keywords of further numbers, one for each row, that `target`, `mean` and the
        methods below `mean` take. `target` stacks the response and these, (1 + D, n).
    n_scale : {0, 1}
        Number of constants.
    bounded : bool
        Whether the likelihood stays bounded as the scale vanishes.
    least_scale : float
        Where the likelihood reaches its limit, to rounding.
    links : tuple of str
        Values of the parameter `link`, the default first; empty without this parameter.
    """

    predictors = (Predictor(),)
    support = Support()
    response_columns = 1
    errors = None
    limits = -np.inf, np.inf
    row_data = ()
    n_scale = 1
    bounded = False
    least_scale = 0.0
    links = ()

    def _link(self):
        """The link object that the parameter `link` names."""
        return resolve_link(self.link, self.links)

    @property
    def endless(self):
        """Whether the best coefficients may be infinite: separation, for example.

        Responses that are all zero, or that a feature separates into zeros and others,
        are such data.
        """
        collapses = any(constant.collapses for constant in self.constants)
        return not collapses and bool(self.links) and self._link().endless

    @property
    def target_rows(self):
        """Rows of what `target` returns: the response, and its row data."""
        return 1 + len(self.row_data)

    @property
    def responses(self):
        """Where each response stands: most families have one.

        Its scale is a first constant of this name, to which `shared_scale` and the
        safeguards of the search apply.
        """
        names = [constant.name for constant in self.constants]
        scale = 0 if names[:1] == ["scale"] else None
        return (Response(slice(0, len(self.predictors)), scale),)

    def seen(self, y):
        """Where each of m responses is seen, (m, n) of bool; None for everywhere."""
        return None

    @property
    def constants(self):
        """The constants that the short form declares."""
        if not self.n_scale:
            return ()
        return (Constant("scale", self.least_scale, collapses=not self.bounded),)

    def admits(self, y, *row_data):
        """Where `y` is a possible response, elementwise; row data after it."""
        return self.support.admits(y)

    @property
    def latent(self):
        """The family of the responses without censoring."""
        return self

    def line(self, y):
        """Responses as `errors` are added to them, elementwise."""
        return y

    def readable(self, y):
        """Where numbers of `y` may be part of a response of several columns.

        By default they are where they are finite. A family may take infinity for an
        open bound, or NaN for a response that is not seen.
        """
        return np.isfinite(y)

    def check_target(self, y):
        """Raise ValueError where `y` is not a possible response."""
        self.support.check(y, _in_words(type(self)))
        refused = ~self.admits(y)
        if refused.any():
            raise ValueError(
                f"y is out of range: {type(self).__name__} does not admit"
                f" {np.asarray(y)[refused][0]}."
            )

    def check_together(self, y):
        """Raise ValueError if no parameters are best for `y`, the result of `target`.

        As, for example, if all rows are censored from above. Of rows in many places it
        is asked once, with the least and the greatest numbers of each place.
        """

    def check_drawn(self, y):
        """Raise ValueError if draws would be no data like `y`, the result of `target`.

        As where it is not known how responses are censored.
        """

    def bounds(self, y):
        """Bounds of responses as the user gives them, (2, n).

        The probability of what is known of a response is the difference of the cdf at
        the upper and at the lower bound. They are equal where it has a density.
        """
        return np.stack([y - 1.0 * self.support.lattice, y])

    def points(self, y):
        """Where responses as the user gives them are drawn, and averaged, (n,)."""
        return y

    def target(self, y, **row_data):
        """The response as the other methods take it, rows last.

        Row data that the family does not declare, other than None, raise a ValueError.
        """
        for name, values in row_data.items():
            if values is not None and name not in self.row_data:
                # Those that declare it for all of their instances.
                fixed = (f for f in Family.__subclasses__() if _is_fixed(f.row_data))
                takers = (f for f in fixed if name in f.row_data)
                takers = " and ".join(f"the {_in_words(f)} family" for f in takers)
                raise ValueError(
                    f"{name} is for {takers or 'families that declare it'}, not for"
                    f" {type(self).__name__}."
                )
        return y

    def units(self, y, weight, fit_intercept):
        """Origin and unit of measurement that suit `y`, (n,).

        Two floats, or two arrays (m,) for a family of m responses. They are those of
        the first predictor and the scale of a response.
        """
        return 0.0, 1.0

    def has_density(self, y):
        """Where the likelihood of `y` is per unit of it, not a probability, (n,).

        Of several responses (m, n). Of families with `units`; True for everywhere.
        """
        return True

    def measured(self, y, origin, unit):
        """The response in units of measurement, arrays (m,), from `units`."""
        return (y - origin) / unit

    def base(self, y):
        """The part of the log-density that depends on `y` alone, (n,) or 0.0.

        `y` is in the units of the user.

        `log_density` includes it; `evaluate` and `local` do not, as the rows of a fit
        sum it once, not in every pass.
        """
        return 0.0

    def resolution(self, y):
        """Scale below which a component rests on the rounding of responses (n,)."""
        return 0.0

    @abstractmethod
    def initial(self, y):
        """The linear predictors that each row alone suggests, (n,) or (L, n)."""

    def derivatives(self, y, eta, scale):
        """The log-density less `base`, and its derivatives. -> Derivatives."""
        raise NotImplementedError(f"{type(self).__name__} has no derivatives")

    def local(self, y, eta, scale):
        """The log-density less `base`, and its derivatives in coordinates. -> Local."""
        at = self.derivatives(y, eta, scale)
        if not self.constants:
            return Local(at.log_density, (at.eta,), (at.eta_eta,))
        bend = at.eta_eta, at.eta_scale, at.scale_scale
        return Local(at.log_density, (at.eta, at.scale), bend)

    def information(self, eta, scale):
        """Expectation of the squared derivative in each predictor, (C, B) or (L, C, B).

        The default `evaluate` needs it.
        """
        raise NotImplementedError(f"{type(self).__name__} has no information")

    def outside(self, eta):
        """Where `eta` gives no distribution, (C, B) of bool; None for nowhere.

        There the density is zero. `evaluate`, `local` and `log_kernel` return finite
        numbers, which their callers ignore; moments, cdf, quantiles and draws are NaN,
        for which no caller asks (`predictive/_domain.py`).
        """
        outside = self._link().outside(eta) if self.links else None
        if outside is None or not self.support.lattice:
            return outside
        # The density of a count jumps where its mean is zero: rounding must not decide.
        return np.less(eta, _LEAST_OF_COUNTS)

    def evaluate(self, y, eta, scale, log_prior):
        """What a pass of EM needs. -> Evaluation. It may overwrite `eta`."""
        at = self.local(y, eta, scale)
        n_predictors = len(self.predictors)
        score = np.stack(at.slope[:n_predictors]) if n_predictors > 1 else at.slope[0]
        log_joint = at.log_density + log_prior
        information = self.information(eta, scale)
        statistic = of_constants(at, n_predictors)
        return Evaluation(log_joint, score, information, 1.0, statistic)

    def update_scale(self, scale, weight, statistic, gain, rule):
        """New scales (R, K) from the summed statistics (R, K, s) of `evaluate`.

        `gain` (R, K) is twice the rise of the quadratic approximation of the
        log-likelihood by the new coefficients. The default is for statistics that are
        the first and second derivative in the log scale.
        """
        return newton_update(rule, scale, weight, statistic)

    def update_constants(self, constants, weight, statistic, gain, rules):
        """New constants (R, K, S), by one rule for each.

        A single constant is updated by `update_scale`, several by a Newton step in each
        logarithm, from the statistics of the default `evaluate`. `gain` (R, K, L) is
        what the new coefficients of every predictor gain, see `update_scale`.
        """
        if not rules:
            return constants
        gain = gain[..., 0] if gain.shape[-1] == 1 else gain.sum(axis=-1)
        if len(rules) == 1:
            scale, upper = constants[..., 0], self.constants[0].upper
            new = self.update_scale(scale, weight, statistic, gain, rules[0])
            # The rule has the lower bound.
            return (new if upper == np.inf else np.minimum(new, upper))[..., None]
        new = np.empty_like(constants)
        for s, rule in enumerate(rules):
            pair = statistic[..., 2 * s : 2 * s + 2]
            new[..., s] = newton_update(rule, constants[..., s], weight, pair)
        bounds = [(constant.lower, constant.upper) for constant in self.constants]
        return np.clip(new, *np.transpose(bounds))

    def log_density(self, y, eta, scale):
        """Logarithm of the density or probability of `y`, including `base`.

        Minus infinity where `y` is not a possible response, or `eta` is `outside`.
        """
        response, *row_data = y if self.row_data else (y,)
        possible = self.admits(response, *row_data)
        if not np.all(possible):
            # The formulas hold for possible responses only.
            response = np.where(possible, response, self.support.inner)
            y = np.stack([response, *row_data]) if row_data else response
        with np.errstate(all="ignore"):
            value = self.base(y) + self.log_kernel(y, eta, scale)
        outside = self.outside(eta)
        if outside is not None:
            possible = possible & ~outside
        return value if np.all(possible) else np.where(possible, value, -np.inf)

    def log_kernel(self, y, eta, scale):
        """The log-density less `base`, of possible responses."""
        return self.local(y, eta, scale).log_density

    @abstractmethod
    def mean(self, eta, scale):
        """Expected response, (C, B)."""

    @abstractmethod
    def variance(self, eta, scale):
        """Variance of the response, (C, B)."""

    def cdf(self, y, eta, scale):
        """Probability of a response of at most `y`; not needed for fitting."""
        raise NotImplementedError(f"{type(self).__name__} has no cdf")

    def sf(self, y, eta, scale, **row_data):
        """Probability of a response above `y`; not needed for fitting."""
        return 1.0 - self.cdf(y, eta, scale, **row_data)

    def quantile(self, u, eta, scale):
        """Smallest response whose cdf is at least `u`; not needed for fitting."""
        raise NotImplementedError(f"{type(self).__name__} has no quantile")

    def sample(self, eta, scale, rng):
        """Draw one response for every column and row of `eta`, (C, B)."""
        shape = np.shape(eta) if len(self.predictors) == 1 else np.shape(eta)[1:]
        return self.quantile(rng.random(shape), eta, scale)


def of_constants(local, n_predictors):
    """First and second derivatives in the logarithm of each constant, a tuple."""
    n_slopes, statistic = len(local.slope), []
    # The diagonal of the triangle of second derivatives.
    first = np.cumsum([0, *range(n_slopes, 1, -1)])
    for e in range(n_predictors, n_slopes):
        statistic += [local.slope[e], local.bend[first[e]]]
    return tuple(statistic)


class PositiveMean(Family):
    """Base of the families whose mean is positive, a mean of counts among them."""

    links = ("log", "identity", "inverse")

    def __init__(self, link="log"):
        self.link = link

    def initial(self, y):
        """The predictor at the response, or at half a count more, as it may be zero."""
        return self._link().predictor(y + 0.5 * self.support.lattice)

    def mean(self, eta, scale):
        """Expected response, (C, B)."""
        return self._link().admissible_mean(eta)


def _is_fixed(row_data):
    return isinstance(row_data, tuple)


def _in_words(family):
    """Name of a class of families: "negative binomial"."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", family.__name__).lower()
