"""Regressors that can be experts, although those of scikit-learn take no weights."""

import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.utils import _safe_indexing

from ._data.checks import check_weight

__all__ = ["WeightedGaussianProcessRegressor"]


class WeightedGaussianProcessRegressor(GaussianProcessRegressor):
    r"""Gaussian process whose rows have weights.

    A row of weight :math:`w_i` has errors of variance :math:`\alpha / w_i`: for a given
    kernel, and without `normalize_y`, the mean is that of :math:`w_i` equal rows. (What
    optimizes the kernel, the marginal likelihood, knows that they are one.)

    Parameters
    ----------
    kernel : kernel instance, default=None
        As in `GaussianProcessRegressor`. It needs no `WhiteKernel`: those are errors of
        rows whatever their weights.
    alpha : float, default=0.1
        Variance of the errors of a row of weight one, as a part of the variance of y if
        `normalize_y`.
    optimizer : "fmin_l_bfgs_b", callable or None, default="fmin_l_bfgs_b"
        Optimizer of the kernel's parameters; None leaves them as they are.
    n_restarts_optimizer : int, default=0
        Further starts of the optimizer.
    normalize_y : bool, default=True
        Whether y is standardized, by its mean and standard deviation without weights.
    copy_X_train : bool, default=True
        Whether the training rows are copied.
    random_state : int, RandomState instance or None, default=None
        Source of the starts of the optimizer.

    Attributes
    ----------
    kernel_ : kernel instance
        Kernel of the fit.
    X_train_, y_train_ : ndarray
        Training rows of positive weight.
    L_, alpha_ : ndarray
        Cholesky factor and dual coefficients.
    log_marginal_likelihood_value_ : float
        Logarithm of the marginal likelihood.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during fit; only if X has names that are all strings.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.gaussian_process.kernels import RBF
    >>> from mixreg_sklearn.experts import WeightedGaussianProcessRegressor
    >>> X, y = np.arange(6.0)[:, None], np.array([0, 1, 2, 9, 4, 5])
    >>> process = WeightedGaussianProcessRegressor(RBF(3.0), optimizer=None, alpha=0.01)
    >>> process = process.fit(X, y, sample_weight=[1, 1, 1, 0, 1, 1])
    >>> process.predict([[3.0]]).round(1).tolist()
    [3.1]
    """

    def __init__(
        self,
        kernel=None,
        *,
        alpha=0.1,
        optimizer="fmin_l_bfgs_b",
        n_restarts_optimizer=0,
        normalize_y=True,
        copy_X_train=True,
        random_state=None,
    ):
        super().__init__(
            kernel,
            alpha=alpha,
            optimizer=optimizer,
            n_restarts_optimizer=n_restarts_optimizer,
            normalize_y=normalize_y,
            copy_X_train=copy_X_train,
            random_state=random_state,
        )

    def fit(self, X, y, sample_weight=None):
        """Fit the process.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,)
            Responses.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; rows of weight zero are left out.

        Returns
        -------
        self : WeightedGaussianProcessRegressor
            The fitted estimator.
        """
        weight = check_weight(sample_weight, X)
        alpha, counted = self.alpha, np.flatnonzero(weight > 0)
        y = np.asarray(y)[counted]
        try:
            self.alpha = alpha / weight[counted]
            return super().fit(_safe_indexing(X, counted), y)
        finally:
            self.alpha = alpha
