"""Small numerical helpers that every wing uses."""

import numpy as np
from sklearn.utils import check_random_state


def log_normalize(log_weights):
    """Subtract the log-sum-exp over the last axis."""
    shifted = log_weights - log_weights.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def make_rng(random_state):
    """Numpy's generator, its seed drawn from what scikit-learn takes for a source."""
    return np.random.default_rng(check_random_state(random_state).randint(2**31 - 1))
