"""Small numerical helpers that every wing uses."""

import numpy as np


def log_normalize(log_weights):
    """Subtract the log-sum-exp over the last axis."""
    shifted = log_weights - log_weights.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
