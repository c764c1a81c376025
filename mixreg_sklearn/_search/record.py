"""The result of a search as the dict `search_`."""

from .heats import ARMS
from .optima import SAME_OPTIMUM

# Names of the arms where components have no scales.
_NUMBERED = {name: f"arm {i}" for i, name in enumerate(ARMS[:3], start=1)}


def search_record(problem, found):
    """A search in the user's units, one entry for each distinct optimum."""
    if found is None:
        return {}
    responses = problem.structure.family.responses
    scaled = any(response.scale is not None for response in responses)
    names = {} if scaled else _NUMBERED
    optima = [
        {
            "log_likelihood": problem.loglik_to_user(optimum.loglik, found.weight),
            "objective": problem.loglik_to_user(optimum.objective, found.weight),
            "hits": optimum.hits,
            "arms": sorted({names.get(arm, arm) for _, arm in optimum.arms}),
            "first_round": min(number for number, _ in optimum.arms),
            "iterations": optimum.n_iter,
            "degenerate": optimum.degenerate,
            "proven": optimum.handicap == 0,
            "passed_over": _passed_over(optimum, found.optima[0]),
        }
        for optimum in found.optima
    ]
    paths = [
        {
            "arm": names.get(path.arm, path.arm),
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
        "agreed": found.agreed,
        "unseen": found.unseen,
        "sample_rows": found.n_rows,
    }


def _passed_over(optimum, chosen):
    """Why an optimum of higher likelihood was not chosen, or None."""
    gain = optimum.loglik - chosen.loglik
    if gain < SAME_OPTIMUM:
        return None
    if optimum.degenerate:
        return "a component collapses, or has fewer rows than coefficients"
    penalty = gain - (optimum.objective - chosen.objective)
    return f"unequal scales cost {penalty:.2f} nats and gain {gain:.2f}"
