"""The comparison of candidates, one row for each."""

import numpy as np

from ._candidates import CRITERIA
from ._status import agreed


def comparison(candidates, chosen_by):
    """Comparison of the candidates: one array for each column."""
    fits = [candidate.mixture for candidate in candidates]
    columns = {
        "n_components": [fit.n_components for fit in fits],
        "estimator": [candidate.label for candidate in candidates],
        "log_likelihood": [fit.log_likelihood_ for fit in fits],
        "n_parameters": [fit.n_parameters_ for fit in fits],
        **{
            name: [candidate.criteria[name] for candidate in candidates]
            for name in CRITERIA
        },
        "choice": [candidate.choice(chosen_by) for candidate in candidates],
        "entropy": [candidate.evidence.certainty() for candidate in candidates],
        "smallest_share": [fit.weights_.min() for fit in fits],
        "smallest_component": [fit.component_rows_.min() for fit in fits],
        "converged": [fit.converged_ for fit in fits],
        "agreed": [agreed(fit) for fit in fits],
        "degenerate": [fit.degenerate_ for fit in fits],
    }
    if any(np.any(fit.alpha) for fit in fits):
        columns["alpha"] = [np.mean(fit.alpha) for fit in fits]
        columns["n_features"] = [_features_used(fit) for fit in fits]
    return {name: np.array(values) for name, values in columns.items()}


def _features_used(fit):
    """Features with a coefficient that is not zero."""
    return int((fit.coef_.reshape(-1, fit.n_features_in_) != 0).any(axis=0).sum())
