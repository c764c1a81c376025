"""What `inference` returns: estimates, their covariance, and Wald tests."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy import stats

from ._table import Estimates

# Relative standard deviation of a combination of hypotheses that has none.
_SINGULAR = 1e-8
# What such a combination may differ from its value, in standard errors.
_ROUNDING = 1e-6


class WaldTest(NamedTuple):
    """Outcome of a Wald test.

    Attributes
    ----------
    statistic : float
        Chi-squared under the hypothesis, in large samples.
    df : int
        Its degrees of freedom: independent hypotheses about what was estimated.
    p_value : float
    """

    statistic: float
    df: int
    p_value: float

    def __str__(self):
        p = f"= {self.p_value:.3g}" if self.p_value >= 1e-4 else "< 0.0001"
        return f"chi2 = {self.statistic:.3f}, df = {self.df}, p {p}"


class InferenceResult(Estimates):
    """Estimates of a mixture, their standard errors, and tests; `inference` makes it.

    Print it for a table by component. Parameters are named ``"component 0: x1"``:
    ``intercept``, features, ``scale``, and ``share``; under a softmax gate, instead of
    the share, ``gate intercept`` and ``gate x1``, log-odds against component 0. A note
    marks what is "shared" by components, "held" at a value (standard error 0), "not
    identified" as the feature depends on others, or a scale "at its limit" (both NaN).

    Parameters
    ----------
    terms : list of Term
        The parameters, by component.
    params : ndarray of shape (m,)
        Their estimates.
    factor : ndarray of shape (m, f)
        Factor of the covariance, F F'.
    cov_type : str
        Where it comes from.
    title : str
        Lines above the table.

    Attributes
    ----------
    names : list of str
        Of the m parameters.
    params : ndarray of shape (m,)
        Estimates, as in the attributes of the model.
    cov : ndarray of shape (m, m)
        Their covariance.
    std_errors, z, p_values : ndarray of shape (m,)
        NaN in the last two for scales and shares: that these are zero is no ordinary
        hypothesis, and to compare numbers of components takes another test.
    working_params, working_std_errors : ndarray of shape (m,)
        The same with scales as logarithms and shares as log-odds, on which confidence
        intervals are made.
    cov_type : str
        As given to `inference`.
    """

    def __init__(self, terms, params, factor, cov_type, title):
        super().__init__(terms, params, factor @ factor.T, title)
        self.factor, self.cov_type = factor, cov_type

    def wald_test(self, hypothesis, value=0.0):
        r"""Test linear hypotheses, :math:`R \theta = r`.

        The statistic is :math:`(R\hat\theta - r)^\top (R V R^\top)^{-1}
        (R\hat\theta - r)`, with V the covariance. Hypotheses that repeat others, or
        hold by construction (a shared coefficient is equal), are not counted.

        Parameters
        ----------
        hypothesis : array-like of shape (m,) or (r, m), dict, or list of dict
            R; or for each of its rows a dict from the names of parameters to numbers,
            as in ``{"component 0: x1": 1, "component 1: x1": -1}``.
        value : float or array-like of shape (r,), default=0
            r.

        Returns
        -------
        WaldTest
            Statistic, degrees of freedom, p-value.

        Raises
        ------
        ValueError
            If a hypothesis is about a parameter without standard error, is false by
            construction, or if all of them are true by construction.

        Examples
        --------
        >>> from mixreg_sklearn import MixtureRegressor
        >>> from mixreg_sklearn.datasets import load_two_lines
        >>> from mixreg_sklearn.inference import inference
        >>> X, y = load_two_lines(return_X_y=True)
        >>> model = MixtureRegressor(2, random_state=0).fit(X, y)
        >>> result = inference(model, X, y)
        >>> print(result.wald_test({"component 0: x0": 1}, 3.0))
        chi2 = 0.208, df = 1, p = 0.648
        """
        R = self._rows(hypothesis)
        difference = R @ self.params - np.broadcast_to(value, len(R))
        return self._test(R, difference, self.factor)

    def test_zero(self, feature, *, gate=False):
        """Test that a feature has no effect in any component.

        Parameters
        ----------
        feature : str or int
            Name or index of a feature, or `"intercept"`.
        gate : bool, default=False
            Whether its coefficients in the gate are meant, instead of those in the
            regressions.

        Returns
        -------
        WaldTest
            With a degree of freedom for each coefficient that was estimated.
        """
        R = np.eye(len(self.params))[self._places(feature, gate)]
        return self._test(R, R @ self.params, self.factor)

    def test_equal(self, feature):
        """Test that a coefficient is the same in all components.

        Parameters
        ----------
        feature : str or int
            Name or index of a feature, or `"intercept"`, `"scale"` (compared as
            logarithms) or `"share"` (as log-odds).

        Returns
        -------
        WaldTest
            With K - 1 degrees of freedom, less where components share the coefficient.
        """
        places = self._places(feature)
        if len(places) < 2:
            raise ValueError(f"There is one {feature!r} only: nothing to compare.")
        rows = np.eye(len(self.params))[places]
        R = rows[1:] - rows[0]
        slope = self._transformed("slope", self.params)
        return self._test(R, R @ self.working_params, slope[:, None] * self.factor)

    def _rows(self, hypothesis):
        """Hypotheses as a matrix (r, m)."""
        m, several = len(self.params), hypothesis
        if isinstance(hypothesis, Mapping):
            several = [hypothesis]
        if not all(isinstance(row, Mapping) for row in several):
            R = np.atleast_2d(np.asarray(hypothesis, dtype=float))
            if R.ndim != 2 or R.shape[1] != m or not np.isfinite(R).all():
                raise ValueError(
                    f"hypothesis has shape {np.shape(hypothesis)}: it must have one"
                    f" number for each of the {m} parameters in every row."
                )
            return R
        R = np.zeros((len(several), m))
        for row, given in zip(R, several, strict=True):
            for name, number in given.items():
                if name not in self.names:
                    raise ValueError(f"There is no {name!r} among {self.names}.")
                row[self.names.index(name)] = number
        return R

    def _places(self, feature, gate=False):
        """Where a coefficient is among the parameters, in every component."""
        attribute = "gate_coef_" if gate else "coef_"
        label = f"gate {feature}" if gate else feature
        for kind in (attribute, None):
            places = [
                i
                for i, term in enumerate(self.terms)
                if (term.attribute == kind and feature == term.feature)
                or (kind in (term.attribute, None) and label == term.label)
            ]
            if places:
                return places
        part = "the gate" if gate else "the regressions"
        raise ValueError(f"There is no {feature!r} in {part}; names: {self.names}.")

    def _test(self, R, difference, factor):
        """Wald test of ``difference = 0``, where it moves by ``R @ factor``."""
        unknown = (R != 0).any(axis=0) & np.isnan(self.std_errors)
        if unknown.any():
            name, note = self.names[unknown.argmax()], self.terms[unknown.argmax()].note
            raise ValueError(f"{name} has no standard error, as it is {note}.")
        errors = np.sqrt((factor**2).sum(axis=1))
        size = np.sqrt((R**2) @ errors**2)
        # Rows about known values alone are in units of their own, and do not move.
        size = np.where(size > 0, size, _SINGULAR)
        left, singular, _ = np.linalg.svd(R @ factor / size[:, None])
        spread = np.zeros(len(R))
        spread[: len(singular)] = singular
        independent = spread > _SINGULAR
        rotated = left.T @ (difference / size)
        if (np.abs(rotated[~independent]) > _ROUNDING).any():
            raise ValueError(
                "The hypotheses are false by construction: they contradict each other"
                " or what is held or shared, or (cov_type='cluster') there are fewer"
                " clusters than hypotheses."
            )
        if not independent.any():
            raise ValueError("The hypotheses hold by construction: nothing to test.")
        scaled = rotated[independent] / spread[independent]
        statistic, df = float(scaled @ scaled), len(scaled)
        return WaldTest(statistic, df, float(stats.chi2.sf(statistic, df)))
