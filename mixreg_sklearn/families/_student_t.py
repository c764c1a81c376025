"""Student's t family, identity link."""

from numbers import Real

import numpy as np
from scipy import special

from ._base import Evaluation, Family, Local
from ._errors import StudentErrors
from ._gaussian import Gaussian
from ._special import half_step, log_excess, t_quantile
from ._support import Constant

_LOG_2PI = np.log(2 * np.pi)
# Degrees of freedom from here on are infinite, to rounding of the log-likelihood.
_MOST = 1e12
# With fewer, a line through few rows has an unbounded likelihood beside most others.
_FEWEST = 0.3
# Residuals end here, in scales, so that their squares are finite.
_FURTHEST = 1e150
# The response ends at this multiple of its unit.
_LARGEST = 1e60


class StudentT(Family):
    r"""Student's t distribution around :math:`\eta`: regressions that outliers spare.

    With the scale :math:`\sigma`, the degrees of freedom :math:`\nu` and
    :math:`z = (y - \eta) / \sigma`

    .. math:: \log f(y) = \log\Gamma\bigl(\tfrac{\nu + 1}{2}\bigr)
              - \log\Gamma\bigl(\tfrac{\nu}{2}\bigr) - \tfrac12 \log(\pi \nu)
              - \log\sigma - \tfrac{\nu + 1}{2} \log(1 + z^2 / \nu)

    `scale_` is :math:`\sigma`. The standard deviation is
    :math:`\sigma \sqrt{\nu / (\nu - 2)}`, infinite for :math:`\nu \le 2`. Predictions
    are the center :math:`\eta`, which is the mean for :math:`\nu > 1` and always the
    median.

    With ``df="estimate"`` the degrees of freedom of each component are estimated with
    the rest, as `df_`. The limit :math:`\nu \to \infty` is the normal distribution, and
    the estimate may lie there: `df_` is then :math:`10^{12}`, where the log-likelihood
    is that of the normal distribution to rounding. The likelihood grows without bound
    as :math:`\nu \to 0`: beside a line through p of n rows without error the others
    cost nothing if :math:`\nu < p / (n - p)` (Fernandez & Steel 1999). So estimates end
    at 0.3, where a component counts as collapsed.

    Parameters
    ----------
    df : float or "estimate", default=4.0
        Degrees of freedom, the same for all components, or whether to estimate them.
        Small numbers spare outliers more; 4 costs 7 % of the information where errors
        are normal with known scale.
    shared_df : bool, default=False
        Whether components have the same degrees of freedom, if they are estimated.

    References
    ----------
    Lange, K. L., Little, R. J. A. & Taylor, J. M. G. (1989). Robust statistical
    modeling using the t distribution. JASA 84, 881-896.

    Fernandez, C. & Steel, M. F. J. (1999). Multivariate Student-t regression models:
    pitfalls and inference. Biometrika 86, 153-167.

    Yao, W., Wei, Y. & Yu, C. (2014). Robust mixture regression using the
    t-distribution. Computational Statistics & Data Analysis 71, 116-127.
    """

    def __init__(self, df=4.0, shared_df=False):
        self.df = df
        self.shared_df = shared_df

    @property
    def constants(self):
        """The scale, and the degrees of freedom if they are estimated."""
        scale = Constant("scale", collapses=True)
        if not self._estimated():
            return (scale,)
        shared = bool(self.shared_df)
        return scale, Constant("df", _FEWEST, _MOST, True, 5.0, shared, power=1.0)

    @property
    def errors(self):
        """Those of given degrees of freedom; with others there is no censoring."""
        return None if self._estimated() else StudentErrors(float(self.df))

    def _estimated(self):
        """Whether the degrees of freedom are estimated; ValueError if df is invalid."""
        if isinstance(self.df, str) and self.df == "estimate":
            return True
        number = isinstance(self.df, Real) and not isinstance(self.df, bool)
        if not (number and 0 < self.df <= _MOST):
            raise ValueError(
                'df must be a positive number (at most 1e12), or "estimate"; got'
                f" {self.df!r}."
            )
        return False

    def _split(self, scale):
        """Scale and degrees of freedom."""
        return scale if self._estimated() else (scale, float(self.df))

    def units(self, y, weight, fit_intercept):
        """Median and median absolute deviation; outliers must not set the unit."""
        origin = _median(y, weight) if fit_intercept else 0.0
        distance = np.abs(y - origin)
        unit = max(1.5 * _median(distance, weight), distance.max() / _LARGEST)
        negligible = 8 * np.finfo(float).eps * np.abs(y).max()
        if unit > negligible:
            return origin, unit
        return Gaussian().units(y, weight, fit_intercept)

    def resolution(self, y):
        """That of gaussian responses."""
        return Gaussian().resolution(y)

    def initial(self, y):
        return y

    def evaluate(self, y, eta, scale, log_prior):
        scale, df = self._split(scale)
        at = _Parts(y, eta, scale, df)
        log_joint = at.log_density()
        log_joint += log_prior
        statistic = at.in_scale()
        if self._estimated():
            statistic += at.in_df()
        score = at.weight * at.z
        information = (df + 1) / (df + 3) + np.zeros_like(score)
        return Evaluation(log_joint, score, information, 1 / scale, statistic)

    def local(self, y, eta, scale):
        estimated = self._estimated()
        scale, df = self._split(scale)
        at = _Parts(y, eta, scale, df)
        first, second = at.in_scale()
        slope = at.weight * at.z / scale, first
        bend = [
            at.weight * (at.far - at.near) / scale**2,
            -2 * at.weight * at.near * at.z / scale,
            second,
        ]
        if not estimated:
            return Local(at.log_density(), slope, tuple(bend))
        first, second = at.in_df()
        # Derivative of the weight in log df.
        change = at.near * (at.far - 1 / at.total)
        bend[2:2] = [change * at.z / scale]
        bend += [change * at.square, second]
        return Local(at.log_density(), (*slope, first), tuple(bend))

    def log_kernel(self, y, eta, scale):
        scale, df = self._split(scale)
        return _Parts(y, eta, scale, df).log_density()

    def information(self, eta, scale):
        scale, df = self._split(scale)
        return np.broadcast_to((df + 1) / (df + 3) / scale**2, np.shape(eta))

    def mean(self, eta, scale):
        """The center, the mean if there is more than one degree of freedom."""
        return eta

    def variance(self, eta, scale):
        """Variance, infinite for two degrees of freedom or fewer."""
        scale, df = self._split(scale)
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = np.where(
                np.greater(df, 2), np.divide(df, np.subtract(df, 2)), np.inf
            )
        return np.broadcast_to(factor * np.square(scale), np.shape(eta))

    def cdf(self, y, eta, scale):
        scale, df = self._split(scale)
        return special.stdtr(df, (y - eta) / scale)

    def quantile(self, u, eta, scale):
        scale, df = self._split(scale)
        return eta + scale * t_quantile(df, u)

    def sample(self, eta, scale, rng):
        scale, df = self._split(scale)
        shape = np.broadcast_shapes(np.shape(eta), np.shape(scale))
        return eta + scale * rng.standard_t(np.broadcast_to(df, shape))


class _Parts:
    """Terms of the density and its derivatives, exact as ``df`` grows.

    Attributes
    ----------
    z, square : ndarray
        Residuals in scales, and their squares.
    near, far : ndarray
        ``df / (df + z^2)`` and ``z^2 / (df + z^2)``.
    weight : ndarray
        Of the row in least squares, ``(df + 1) / (df + z^2)``.
    """

    def __init__(self, y, eta, scale, df):
        self.scale, self.df = scale, df
        self.z = z = np.clip((y - eta) / scale, -_FURTHEST, _FURTHEST)
        self.square = z * z
        self.total = self.square + df
        self.near, self.far = df / self.total, self.square / self.total
        self.weight = (df + 1) / self.total

    def log_density(self):
        constant = half_step(np.multiply(self.df, 0.5)).value - 0.5 * _LOG_2PI
        constant = constant - np.log(self.scale)
        return constant - (self.df + 1) / 2 * np.log1p(self.square / self.df)

    def in_scale(self):
        """First and second derivative in the logarithm of the scale."""
        product = self.weight * self.square
        return product - 1, -2 * product * self.near

    def in_df(self):
        """First and second derivative in the logarithm of the degrees of freedom."""
        at, far = half_step(np.multiply(self.df, 0.5)), self.far
        excess = log_excess(far, self.near)
        first = at.slope + 0.5 * (far - self.df * excess)
        second = at.bend - 0.5 * (far * self.near + self.df * (excess - far * far))
        return first, second


def _median(values, weight):
    """Smallest value at which half of the weight is reached."""
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(cumulative, 0.5 * cumulative[-1])])
