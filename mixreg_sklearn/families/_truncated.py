"""Responses of which none beyond a limit is in the data."""

import numpy as np

from ._base import Evaluation, Local
from ._gaussian import Gaussian
from ._ranges import OfCounts, OfLine
from ._wrapper import Wrapper


class Truncated(Wrapper):
    r"""A family given that responses lie in a range: those outside are not in the data.

    .. math:: \log f(y) - \log P(\text{lower} < Y < \text{upper})

    A censored response is known to lie beyond a limit; of a truncated one nobody knows.
    Coefficients and constants are those of all responses, and `predict` is the mean of
    those in the range. Counts are truncated from below, and `lower` is the smallest
    count in the data: ``Truncated(Poisson(), lower=1)`` is the part of a hurdle model
    for positive counts.

    Parameters
    ----------
    family : Family
        Of all responses: `Gaussian()`, or a family of counts without row data.
    lower, upper : float, default=-inf, inf
        The range. Of counts, `lower` is part of it, and there is no `upper`.

    References
    ----------
    Amemiya, T. (1973). Regression analysis when the dependent variable is truncated
    normal. Econometrica 41, 997-1016.

    Mullahy, J. (1986). Specification and testing of some modified count data models.
    Journal of Econometrics 33, 341-365.

    Examples
    --------
    >>> from mixreg_sklearn.families import Poisson, Truncated, check_family
    >>> check_family(Truncated(Poisson(), lower=1), eta=[-1.0, 0.5])
    """

    def __init__(self, family, lower=-np.inf, upper=np.inf):
        super().__init__(family)
        self.lower = lower
        self.upper = upper

    @property
    def support(self):
        return self._range.support

    @property
    def _range(self):
        """How the range limits the family, OfCounts or OfLine."""
        family = self.family
        if not self.lower < self.upper:
            raise ValueError(
                f"lower={self.lower} must be less than upper={self.upper} in {self!r}."
            )
        counts = family.support.lattice and family.support.upper == np.inf
        if counts and len(family.predictors) == 1 and not family.row_data:
            return OfCounts(family, self.lower, self.upper)
        if isinstance(family, Gaussian):
            return OfLine(family, self.lower, self.upper)
        raise ValueError(
            f"family={family!r} cannot be truncated: it must be Gaussian() or a family"
            " of counts with one predictor and no row data, such as Poisson()."
        )

    @property
    def target_rows(self):
        """The response, and the range if it is one of the line."""
        return 1 if self.support.lattice else 3

    def _inner(self, y):
        return self._range.response(y)

    def target(self, y, **row_data):
        return self._range.target(super().target(y, **row_data))

    def local(self, y, eta, scale):
        of_range = self._range
        whole = self.family.local(of_range.response(y), eta, scale)
        chance = of_range.chance(y, eta, scale)
        bend = zip(whole.bend, chance.bend, strict=True)
        return Local(
            whole.log_density - chance.log_density,
            tuple(a - b for a, b in zip(whole.slope, chance.slope, strict=True)),
            tuple((0.0 if a is None else a) - b for a, b in bend),
        )

    def evaluate(self, y, eta, scale, log_prior):
        at = self.local(y, eta, scale)
        information = self._range.information(y, eta, scale)
        statistic = (at.slope[1], at.bend[2]) if self.constants else ()
        log_joint = at.log_density + log_prior
        return Evaluation(log_joint, at.slope[0], information, 1.0, statistic)

    def log_density(self, y, eta, scale):
        possible, y = self._range.inside(y)
        outside = self.outside(eta)
        with np.errstate(all="ignore"):
            value = self.base(y) + self.log_kernel(y, eta, scale)
        if outside is not None:
            possible = possible & ~outside
        return np.where(possible, value, -np.inf)

    def mean(self, eta, scale):
        return self._range.mean(eta, scale)

    def variance(self, eta, scale):
        return self._range.variance(eta, scale)

    def cdf(self, y, eta, scale):
        return self._range.cdf(y, eta, scale)

    def quantile(self, u, eta, scale):
        return self._range.quantile(u, eta, scale)
