"""The result of `inference`: estimates, their covariance, and Wald tests."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy import stats

from ._table import Estimates, fixed

# Relative standard deviation below which a combination of hypotheses is constant.
_SINGULAR = 1e-8
# Tolerance for the value of such a combination, in standard errors.
_ROUNDING = 1e-6


class WaldTest(NamedTuple):
    """Outcome of a Wald test.

    Attributes
    ----------
    statistic : float
        Test statistic, chi-squared under the hypothesis in large samples.
    df : int
        Degrees of freedom: number of independent hypotheses about estimated parameters.
    p_value : float
    """

    statistic: float
    df: int
    p_value: float

    def __str__(self):
        p = f"= {self.p_value:.3g}" if self.p_value >= 1e-4 else "< 0.0001"
        return f"chi2 = {fixed(self.statistic, 3)}, df = {self.df}, p {p}"


class InferenceResult(Estimates):
    """Estimates of a mixture, their standard errors, and tests, as `inference` returns.

    ``print`` shows a table by component. Parameters are named ``"component 0: x1"``
    (or with the name given to the component, ``"loyal: x1"``):
    ``intercept``, features, ``scale``, and ``share``; with a softmax gate, ``gate
    intercept`` and ``gate x1``, log-odds against component 0, instead of the share. A
    note marks parameters that are "shared" by components, "held" at a value (standard
    error 0), "not identified" as the feature depends on others, a scale "at its
    limit", or a coefficient "at its bound" (all three with standard error NaN).

    Parameters
    ----------
    terms : list of Term
        The parameters, by component.
    params : ndarray of shape (m,)
        Estimates, as in the attributes of the model.
    factor : ndarray of shape (m, f)
        Factor F of the covariance F F'.
    cov_type : str
        Type of the covariance, as given to `inference`.
    title : str
        Lines above the table.

    Attributes
    ----------
    names : list of str
        Names of the m parameters.
    cov : ndarray of shape (m, m)
        Covariance of the estimates.
    std_errors, z, p_values : ndarray of shape (m,)
        Standard errors, ratios and p-values. The last two are NaN for scales and
        shares: they are positive, and comparing numbers of components takes another
        test.
    working_params, working_std_errors : ndarray of shape (m,)
        Estimates and standard errors with scales as logarithms and shares as log-odds,
        for which confidence intervals are computed.
    """

    def __init__(self, terms, params, factor, cov_type, title):
        super().__init__(terms, params, factor @ factor.T, title)
        self.factor, self.cov_type = factor, cov_type

    def wald_test(self, hypothesis, value=0.0):
        r"""Test linear hypotheses, :math:`R \theta = r`.

        The statistic is :math:`(R\hat\theta - r)^\top (R V R^\top)^{-1} (R\hat\theta -
        r)`, with V the covariance. Hypotheses that repeat others, or hold by
        construction (equality of a shared coefficient), do not count toward the degrees
        of freedom.

        Parameters
        ----------
        hypothesis : array-like of shape (m,) or (r, m), dict, or list of dict
            The matrix R; or, for each of its rows, a dict from parameter names to
            numbers, as in ``{"component 0: x1": 1, "component 1: x1": -1}``.
        value : float or array-like of shape (r,), default=0
            The vector r.

        Returns
        -------
        WaldTest
            Statistic, degrees of freedom and p-value.

        Raises
        ------
        ValueError
            If a hypothesis involves a parameter without standard error or is false by
            construction, or if all hypotheses are true by construction.

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
            Whether to test its coefficients in the gate instead of those in the
            regressions.

        Returns
        -------
        WaldTest
            With one degree of freedom for each estimated coefficient.
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
            With K - 1 degrees of freedom, or fewer if components share the coefficient.
        """
        places = self._places(feature)
        if len(places) < 2:
            raise ValueError(
                f"feature={feature!r} has a single coefficient: nothing to compare."
            )
        rows = np.eye(len(self.params))[places]
        R = rows[1:] - rows[0]
        slope = self._transformed("slope", self.params)
        return self._test(R, R @ self.working_params, slope[:, None] * self.factor)

    def _rows(self, hypothesis):
        """Hypotheses as a matrix (r, m)."""
        m = len(self.params)
        several = [hypothesis] if isinstance(hypothesis, Mapping) else hypothesis
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
                    raise ValueError(
                        f"hypothesis names {name!r}, which is not among {self.names}."
                    )
                row[self.names.index(name)] = number
        return R

    def _places(self, feature, gate=False):
        """Positions of a coefficient among the parameters, one per component."""
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
        raise ValueError(f"feature={feature!r} is not in {part}; names: {self.names}.")

    def _test(self, R, difference, factor):
        """Wald test of ``difference = 0``, with covariance factor ``R @ factor``."""
        unknown = (R != 0).any(axis=0) & np.isnan(self.std_errors)
        if unknown.any():
            name, note = self.names[unknown.argmax()], self.terms[unknown.argmax()].note
            raise ValueError(
                f"The hypothesis involves {name}, which has no standard error: {note}."
            )
        errors = np.sqrt((factor**2).sum(axis=1))
        size = np.sqrt((R**2) @ errors**2)
        # Rows about known values only do not vary, and are not scaled.
        size = np.where(size > 0, size, _SINGULAR)
        left, singular, _ = np.linalg.svd(R @ factor / size[:, None])
        spread = np.zeros(len(R))
        spread[: len(singular)] = singular
        independent = spread > _SINGULAR
        rotated = left.T @ (difference / size)
        if (np.abs(rotated[~independent]) > _ROUNDING).any():
            raise ValueError(
                "The hypothesis is false by construction: its rows contradict each"
                " other or the constraints, or (cov_type='cluster') there are fewer"
                " clusters than hypotheses."
            )
        if not independent.any():
            raise ValueError("The hypothesis holds by construction: nothing to test.")
        scaled = rotated[independent] / spread[independent]
        statistic, df = float(scaled @ scaled), len(scaled)
        return WaldTest(statistic, df, float(stats.chi2.sf(statistic, df)))
