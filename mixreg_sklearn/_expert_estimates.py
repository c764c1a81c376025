"""The estimates of a mixture whose components are estimators of scikit-learn."""

from typing import NamedTuple

import numpy as np
from sklearn.utils.validation import validate_data

from ._data.checks import check_features
from ._estimates import Estimates
from ._extras import check_in_memory
from .families import Family, Gaussian


class _Parts(NamedTuple):
    """The fields of `ExpertEstimates`."""

    family: Family
    weights: np.ndarray  # (K,)
    scale: np.ndarray  # (K,)
    experts: list  # K fitted regressors
    gate: object = None  # a fitted classifier, or None


class ExpertEstimates(Estimates, _Parts):
    """K fitted regressors, the scales of their errors, and shares or a classifier."""

    background = None

    @classmethod
    def of(cls, model):
        """The estimates of a fitted estimator."""
        return cls(
            Gaussian(), model.weights_, model.scale_, model.estimators_, model.gate_
        )

    @property
    def n_components(self):
        return len(self.experts)

    @property
    def constant_prior(self):
        """Whether prior probabilities are the same for all rows."""
        return self.gate is None

    def null(self, arrays):
        """The mean of a fit as the only component, from `intercept` and `scale`."""
        constant = _Constant(arrays["intercept"][0])
        one = np.ones(1)
        return ExpertEstimates(self.family, one, arrays["scale"], [constant])

    def marginals(self):
        """The mixtures of single responses, a list: itself."""
        return [self]

    def parts(self, X):
        """Yield all rows at once, as each call of an estimator costs time."""
        yield slice(0, X.shape[0]), X

    def predictor(self, X, offset=None):
        """Means of the components, (n, K)."""
        if offset is not None:
            raise ValueError(
                "offset is not available: experts predict the response itself, with"
                " normal errors."
            )
        return np.column_stack([predictions(expert, X) for expert in self.experts])

    def log_prior(self, X):
        """Log prior probabilities of rows, (n, K)."""
        if self.gate is not None:
            return log_probabilities(self.gate, X, self.n_components)
        with np.errstate(divide="ignore"):
            log_prior = np.log(self.weights)
        return np.broadcast_to(log_prior, (X.shape[0], len(log_prior)))


class _Constant(NamedTuple):
    """An expert that predicts one number."""

    value: float

    def predict(self, X):
        return np.full(X.shape[0], self.value)


def predictions(expert, X):
    """What a regressor predicts, (n,).

    Raises
    ------
    ValueError
        If that is not one finite number for each row.
    """
    mean = np.asarray(expert.predict(X), dtype=np.float64)
    if mean.shape == (X.shape[0], 1):
        mean = mean[:, 0]
    name = type(expert).__name__
    if mean.shape != (X.shape[0],):
        raise ValueError(
            f"The expert {name} predicts an array of shape {mean.shape} for"
            f" {X.shape[0]} rows: it must be one number for each."
        )
    bad = ~np.isfinite(mean)
    if bad.any():
        raise ValueError(
            f"The expert {name} predicts {mean[bad][0]} for {bad.sum()} of"
            f" {len(mean)} rows, first for row {bad.argmax()}: predictions must be"
            " finite."
        )
    return mean


def log_probabilities(gate, X, n_components):
    """Logarithms of what a classifier with the classes 0 to K - 1 predicts, (n, K).

    A class that it has not seen has probability zero.

    Raises
    ------
    ValueError
        If a row has no probabilities.
    """
    found = np.asarray(gate.predict_proba(X), dtype=np.float64)
    if not (found.sum(axis=1) > 0).all():  # also where one is NaN
        raise ValueError(
            f"The gate {type(gate).__name__} has no probabilities for some rows."
        )
    proba = np.zeros((len(found), n_components))
    proba[:, np.asarray(gate.classes_, dtype=int)] = found
    with np.errstate(divide="ignore"):
        return np.log(proba / proba.sum(axis=1, keepdims=True))


def check_raw(model, X, **checks):
    """X as experts take it: a frame as it is, all else as an array or CSR matrix.

    What its values may be, experts and the gate decide.
    """
    check_in_memory(X)
    if hasattr(X, "columns") and hasattr(X, "shape"):
        validate_data(model, X, skip_check_array=True, **checks)
        return X
    return check_features(
        model,
        X,
        dtype=None,
        accept_sparse="csr",
        ensure_all_finite=False,
        **checks,
    )
