"""Fitted mixtures along a path of penalties."""

import warnings

import numpy as np
from sklearn.base import clone

from ._blas import one_blas_thread
from ._data.row_data import given
from ._numerics import make_rng
from ._posed import pose
from ._progress import Progress
from ._regressor import complaint, conclude
from ._search.estimate import Limits
from ._search.path import path

# Any strength: a path sets it.
_SOME = 1.0


def check_alphas(alphas, mixture):
    """The penalties of a path: how many, or an array of them.

    Raises
    ------
    ValueError
        If they are not positive, or a template has a penalty of its own.
    """
    values = np.asarray(alphas)
    if values.dtype.kind == "f" and values.ndim == 1 and values.size:
        good = np.isfinite(values).all() and (values > 0).all()
    else:
        good = values.dtype.kind in "iu" and values.shape == () and values >= 2
    if not good:
        raise ValueError(
            "alphas must be a number of penalties, at least 2, or an array of positive"
            f" floats; got {alphas!r}."
        )
    if np.any(mixture.alpha):
        raise ValueError("alphas and the alpha of the mixture are both given.")
    return values if values.ndim else int(values)


def fits_of_path(mixture, alphas, X, y, metadata):
    """Fits of a template along a path.

    Parameters
    ----------
    mixture : MixtureRegressor
    alphas : int or ndarray
        How many penalties, or which.
    X, y : array-like
    metadata : dict
        Further arguments of `fit`, as far as given.

    Returns
    -------
    list of tuple
        The fitted mixture, its warnings, and the correction of criteria for the
        selection of features. Empty if all are degenerate.
    """
    posing = clone(mixture).set_params(alpha=_SOME)
    rows = dict(metadata)
    first = [rows.pop(name, None) for name in ("sample_weight", "groups", "offset")]
    limits = Limits(posing.n_init, posing.tol, posing.max_iter, posing.scale_penalty)
    fits = []
    with one_blas_thread(), np.errstate(all="ignore"):
        posed = pose(posing, X, y, *first, given(**rows), ensure_min_samples=2)
        progress, rng = Progress(posing, posed), make_rng(posing.random_state)
        steps = path(posed.problem, alphas, rng, limits, progress)
        for step in steps:
            fit = clone(mixture).set_params(alpha=_number(step.alpha))
            for name in ("n_features_in_", "feature_names_in_"):
                if hasattr(posing, name):
                    setattr(fit, name, getattr(posing, name))
            conclude(fit, posed, step.problem, step.estimate, y)
            fits.append((fit, _warnings(fit, step), step.correction))
    return fits


def _number(alpha):
    """One number where all are the same."""
    return float(alpha[0]) if (alpha == alpha[0]).all() else alpha


def _warnings(fit, step):
    """What is to be warned of, as `warnings` records it, a list."""
    with warnings.catch_warnings(record=True, action="always") as messages:
        warning = complaint(fit, step.problem, step.estimate)
        if warning:
            warnings.warn(warning, stacklevel=1)
    return messages
