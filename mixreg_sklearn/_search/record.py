"""The result of a search as the dict `search_`."""

import numpy as np

from .arms import SAME_OPTIMUM


def search_record(problem, found):
    """A search in the user's units, one entry for each distinct optimum."""
    if found is None:
        return {}
    optima, last = [], np.inf
    for optimum, objective in zip(found.optima, found.objective, strict=True):
        if abs(last - objective) >= SAME_OPTIMUM:
            last = objective
            entry = {
                "log_likelihood": problem.loglik_to_user(optimum.loglik, found.weight),
                "objective": problem.loglik_to_user(objective, found.weight),
                "hits": 0,
                "arms": [],
                "first_round": optimum.round,
                "iterations": optimum.n_iter,
                "degenerate": optimum.degenerate,
            }
            optima.append(entry)
        entry = optima[-1]
        entry["hits"] += 1
        entry["first_round"] = min(entry["first_round"], optimum.round)
        if optimum.arm not in entry["arms"]:
            entry["arms"].append(optimum.arm)
    for entry in optima:
        entry["arms"].sort()
    paths = [
        {
            "arm": path.arm,
            "round": path.round,
            "first_iteration": path.first + 1,
            "log_likelihood": problem.loglik_to_user(path.loglik, found.weight),
        }
        for path in found.paths
    ]
    return {
        "optima": optima,
        "paths": paths,
        "rounds": found.n_rounds,
        "starts": found.n_starts,
        "agreeing_arms": found.agreeing,
        "sample_rows": found.n_rows,
    }
