"""Responses behind limits, of location-scale families."""

import numpy as np

from ._location_scale import LocationScale
from ._wrapper import Wrapper


class Censored(LocationScale, Wrapper):
    r"""Responses of a family that are seen between limits, or known by two bounds.

    With a limit, `y` is (n,), and a response at or beyond a limit says no more than
    that: the tobit model, or the censored normal one of trajectories. Without limits,
    `y` is (n, 2): a lower and an upper bound of every response, equal where it is
    exact, infinite where one side is open. With :math:`z = (y - \eta) / \sigma` and the
    density and distribution function f, F of the errors,

    .. math::

        \log L_i = \log f(z_i) - \log\sigma \quad \text{(exact)}, \qquad
        \log L_i = \log\bigl(F(z_i^{upper}) - F(z_i^{lower})\bigr)
        \quad \text{(censored)}

    Coefficients, scale and `predict` are those of the latent response.
    `predict_distribution` is that of the latent response, too, and its method
    `observed` that of responses between the limits.

    Parameters
    ----------
    family : Family
        Of the latent response: `Gaussian()`, or another one with `errors`.
    lower, upper : float, default=-inf, inf
        Limits of what is seen, in the units of `y`.

    References
    ----------
    Tobin, J. (1958). Estimation of relationships for limited dependent variables.
    Econometrica 26, 24-36.

    Nagin, D. (1999). Analyzing developmental trajectories: a semiparametric,
    group-based approach. Psychological Methods 4, 139-157.

    Examples
    --------
    >>> import numpy as np
    >>> from mixreg_sklearn import MixtureRegressor
    >>> from mixreg_sklearn.families import Censored, Gaussian
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-2, 2, size=(300, 1))
    >>> y = np.maximum(0, 1 + 2 * X[:, 0] + 0.5 * rng.normal(size=300))
    >>> model = MixtureRegressor(1, family=Censored(Gaussian(), lower=0)).fit(X, y)
    >>> model.coef_.round(1).tolist(), model.scale_.round(1).tolist()
    ([[2.0]], [0.5])
    """

    # Responses are those of a location-scale family, and all else is of the one inside.
    constants = Wrapper.constants

    def __init__(self, family, lower=-np.inf, upper=np.inf):
        super().__init__(family)
        self.lower = lower
        self.upper = upper

    @property
    def errors(self):
        errors = getattr(self.family, "errors", None)
        if errors is None:
            raise ValueError(
                f"family={self.family!r} cannot be censored: it needs a location-scale"
                " family, such as Gaussian() or Weibull()."
            )
        return errors

    @property
    def latent(self):
        return self.family

    @property
    def limits(self):
        if not self.lower < self.upper:
            raise ValueError(
                f"lower={self.lower} must be less than upper={self.upper} in {self!r}."
            )
        return self.lower, self.upper

    @property
    def response_columns(self):
        return 1 if np.isfinite(self.limits).any() else 2

    def bounds(self, y):
        if np.ndim(y) > 1 or self.response_columns == 2:
            return super().bounds(y)
        lower, upper = self.limits
        return np.stack(
            [
                np.where(y <= lower, -np.inf, np.minimum(y, upper)),
                np.where(y >= upper, np.inf, np.maximum(y, lower)),
            ]
        )

    def check_target(self, y):
        _ = self.errors  # which is an error if the family has none
        super().check_target(y)
        if np.ndim(y) == 1 or self.family.response_columns == 2:
            self.family.check_target(y)

    def resolution(self, y):
        return self.family.resolution(y[0][self.has_density(y)])

    def mean(self, eta, scale):
        return self.family.mean(eta, scale)

    def variance(self, eta, scale):
        return self.family.variance(eta, scale)

    def cdf(self, y, eta, scale):
        return self.family.cdf(y, eta, scale)

    def sf(self, y, eta, scale):
        return self.family.sf(y, eta, scale)

    def quantile(self, u, eta, scale):
        return self.family.quantile(u, eta, scale)
