"""Three families of one's own, as a user writes them from docs/own_family.md."""

import numpy as np
from scipy import special, stats

from mixreg_sklearn.families import (
    Constant,
    Derivatives,
    Family,
    Gaussian,
    Local,
    Predictor,
    Support,
)


class StudentT(Family):
    """Student's t around the predictor, fixed degrees of freedom: the short form."""

    def __init__(self, df=4.0):
        self.df = df

    units = Gaussian.units

    def initial(self, y):
        return y

    def derivatives(self, y, eta, scale):
        df, z = self.df, (y - eta) / scale
        weight = (df + 1) / (df + z**2)
        change = 2 * df * weight / (df + z**2)
        constant = stats.t.logpdf(0, df) - np.log(scale)
        return Derivatives(
            log_density=constant - (df + 1) / 2 * np.log1p(z**2 / df),
            eta=weight * z / scale,
            scale=weight * z**2 - 1,
            eta_eta=(weight - change) / scale**2,
            eta_scale=-change * z / scale,
            scale_scale=-change * z**2,
        )

    def information(self, eta, scale):
        return (self.df + 1) / (self.df + 3) / scale**2

    def mean(self, eta, scale):
        return eta

    def variance(self, eta, scale):
        return np.broadcast_to(self.df / (self.df - 2) * scale**2, np.shape(eta))

    def cdf(self, y, eta, scale):
        return stats.t.cdf((y - eta) / scale, self.df)

    def quantile(self, u, eta, scale):
        return eta + scale * stats.t.ppf(u, self.df)


class FreeStudentT(Family):
    """Student's t whose degrees of freedom are estimated: two constants."""

    constants = (
        Constant("scale", collapses=True),
        Constant("df", lower=1.0, upper=1e6, start=5.0),
    )
    units = Gaussian.units

    def initial(self, y):
        return y

    def local(self, y, eta, scale):
        scale, df = scale
        z = (y - eta) / scale
        square, total = z**2, df + z**2
        weight = (df + 1) / total
        change = 2 * df * weight / total
        tail = np.log1p(square / df)
        log_density = (
            special.gammaln((df + 1) / 2)
            - special.gammaln(df / 2)
            - 0.5 * np.log(np.pi * df)
            - np.log(scale)
            - (df + 1) / 2 * tail
        )
        # First and second derivative in df itself.
        first = special.digamma((df + 1) / 2) - special.digamma(df / 2) - 1 / df
        first = 0.5 * (first - tail + weight * square / df)
        trigamma = special.polygamma(1, [(df + 1) / 2, df / 2])
        second = 0.25 * (trigamma[0] - trigamma[1]) + 0.5 / df**2
        rest = df * total - (df + 1) * (df + total)
        second = second + 0.5 * square * (1 / (df * total) + rest / (df * total) ** 2)
        common = df * z * (square - 1) / total**2
        return Local(
            log_density,
            (weight * z / scale, weight * square - 1, df * first),
            (
                (weight - change) / scale**2,
                -change * z / scale,
                common / scale,
                -change * square,
                common * z,
                df * first + df**2 * second,
            ),
        )

    def information(self, eta, scale):
        scale, df = scale
        return np.broadcast_to((df + 1) / (df + 3) / scale**2, np.shape(eta))

    def mean(self, eta, scale):
        return eta

    def variance(self, eta, scale):
        scale, df = scale
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.where(df > 2, df / (df - 2), np.inf) * scale**2
        return np.broadcast_to(value, np.shape(eta))

    def cdf(self, y, eta, scale):
        scale, df = scale
        return stats.t.cdf((y - eta) / scale, df)

    def quantile(self, u, eta, scale):
        scale, df = scale
        return eta + scale * stats.t.ppf(u, df)


class ZeroInflatedPoisson(Family):
    """Poisson counts, or zero for sure: two predictors, log mean and log odds."""

    predictors = (Predictor("mean"), Predictor("zero"))
    constants = ()
    support = Support(0, lattice=True)

    def base(self, y):
        return -special.gammaln(y + 1)

    def initial(self, y):
        return np.stack([np.log(y + 0.5), np.where(y == 0, 0.0, -2.0)])

    def local(self, y, eta, scale):
        mu, sure, log_chance, share, steep = _zero_inflated(eta)
        zero = y == 0
        rest = mu * share * (sure + steep)
        counted = special.log_expit(-eta[1]) + y * eta[0] - mu
        return Local(
            np.where(zero, log_chance, counted),
            (np.where(zero, -mu * share, y - mu), np.where(zero, steep, -sure)),
            (
                np.where(zero, mu * share * (mu * (1 - share) - 1), -mu),
                np.where(zero, rest, 0.0),
                np.where(zero, steep * (1 - 2 * sure - steep), -sure * (1 - sure)),
            ),
        )

    def information(self, eta, scale):
        mu, sure, log_chance, share, steep = _zero_inflated(eta)
        chance = np.exp(log_chance)
        # A sum of squares, which no cancellation makes negative.
        of_mean = chance * (mu * share) ** 2 + (1 - sure) * mu * (1 - mu * np.exp(-mu))
        of_zero = steep**2 * chance + (1 - chance) * sure**2
        return np.stack([of_mean, of_zero])

    def mean(self, eta, scale):
        return (1 - special.expit(eta[1])) * np.exp(eta[0])

    def variance(self, eta, scale):
        mean = self.mean(eta, scale)
        return mean * (1 + np.exp(eta[0]) - mean)

    def cdf(self, y, eta, scale):
        sure = special.expit(eta[1])
        value = sure + (1 - sure) * special.pdtr(np.floor(y), np.exp(eta[0]))
        return np.where(np.less(y, 0), 0.0, value)

    def quantile(self, u, eta, scale):
        sure = special.expit(eta[1])
        left = np.clip((u - sure) / (1 - sure), 0.0, 1.0)
        return np.maximum(stats.poisson.ppf(left, np.exp(eta[0])), 0.0)

    def sample(self, eta, scale, rng):
        counts = rng.poisson(np.exp(eta[0])) * 1.0
        return np.where(rng.random(counts.shape) < special.expit(eta[1]), 0.0, counts)


def _zero_inflated(eta):
    """Mean, share of sure zeros, log probability of zero, share of it, its slope.

    Finite for any predictors: a search may try wild ones.
    """
    mu, sure = np.exp(np.clip(eta[0], -300, 300)), special.expit(eta[1])
    log_sure, log_rest = special.log_expit(eta[1]), special.log_expit(-eta[1])
    log_chance = np.logaddexp(log_sure, log_rest - mu)
    share = np.exp(log_rest - mu - log_chance)
    steep = np.exp(log_sure + log_rest - log_chance) * -np.expm1(-mu)
    return mu, sure, log_chance, share, steep
