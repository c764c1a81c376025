"""Exchange: remove each component, insert candidates, keep what is better."""

import numpy as np

from .._engine.em import em
from .._engine.params import concatenate
from .climbs import converge
from .insertions import insertions
from .optima import SAME_OPTIMUM

# The largest number of candidates that an exchange tries.
_CANDIDATES = 80
# The largest number of components whose removal an exchange tries.
_REMOVALS = 8


def exchange(model, pool, arms, rng, number, max_rounds=6):
    """Converge mixtures, and replace components of the best one.

    Each component in turn is removed, the others are refitted, and candidates are
    inserted; this is repeated as long as it raises the objective.

    Parameters
    ----------
    model : Mixture
    pool : Pool
    arms : Params
        Mixtures, (R, K).
    rng : numpy.random.Generator
    number : int
        Round of the search. In the first, a mixture grown from the pooled regression
        competes.

    Returns
    -------
    Polished
        The mixtures, converged.
    """
    n_arms, n_components = arms.n_restarts, arms.n_components
    if n_components == 1:
        return converge(model, pool.rows, arms, 20)[0]
    fewer = model.resized(n_components - 1)
    # Few rows need more candidates, and make them cheap.
    most = max(2, min(4 * (n_components - 1), _CANDIDATES // n_components))
    keep = int(np.clip(24_000 // (n_components * pool.Z.size), 2, most))
    rivals = []
    if keep > 2 and n_components > 2 and n_arms > 1 and number == 1:
        rivals.append(prepare(model, pool, _grown(model, pool, rng, keep)))
    best = 0
    for _ in range(max_rounds):
        run = _reduced(fewer, pool, arms.take(best))
        _, different = np.unique(run.objective.round(3), return_index=True)
        rivals.append(_inserted(model, pool, run.params.take(different), rng, keep))
        rivals = _leading(model, pool, concatenate(rivals))
        tried = converge(model, pool.rows, concatenate([arms, rivals]), 20)[0]
        best = int(tried.objective[:n_arms].argmax())
        winner = int(tried.objective.argmax())
        better = tried.objective[winner] > tried.objective[best] + SAME_OPTIMUM
        kept = np.arange(n_arms)
        kept[best] = winner if better else best
        final = tried.take(kept)
        if not better:
            break
        arms, rivals = final.params, []
    return final


def _reduced(model, pool, params):
    """Runs of the mixtures without one component, the most dispensable ones."""
    reduced = params.without_each()
    if reduced.n_restarts > _REMOVALS:
        run = em(model, pool.rows, reduced, max_iter=2)
        least_lost = np.argsort(-run.objective, kind="stable")[:_REMOVALS]
        reduced = run.params.take(least_lost)
    return em(model, pool.rows, reduced, max_iter=10, tol=1e-5)


def _inserted(model, pool, reduced, rng, keep):
    """The best quarter of short runs after the insertion of a candidate."""
    own = not (model.bounded or model.regressions.rule.tied)
    ratios = (1.0, 0.3, 0.1) if own else (1.0,)
    keep = -(-keep // len(ratios))
    proposals = insertions(model.gate, pool, reduced, rng, keep=keep, ratios=ratios)
    proposals = prepare(model, pool, proposals)
    run = em(model, pool.rows, proposals, max_iter=6)
    return run.params.take(_best_quarter(run.objective))


def _leading(model, pool, rivals):
    """The best quarter of longer runs, on which Newton's method is spent."""
    run = em(model, pool.rows, rivals, max_iter=20, tol=1e-4)
    return run.params.take(_best_quarter(run.objective))


def _best_quarter(objective):
    """The best quarter of restarts, and at least three."""
    quarter = max(3, len(objective) // 4)
    return np.argsort(-objective, kind="stable")[:quarter]


def _grown(model, pool, rng, keep):
    """A mixture grown from the pooled regression, one component at a time."""
    grown = model.resized(1).constrain(pool.single)
    for size in range(2, model.n_components + 1):
        model = model.resized(size)
        rivals = _inserted(model, pool, grown, rng, keep)
        tried = converge(model, pool.rows, rivals, 20)[0]
        grown = tried.params.take(int(tried.objective.argmax()))
    return grown


def prepare(model, pool, params):
    """Starts that obey what tells components apart: constraints, or known units."""
    if model.known and model.interchangeable:
        return model.constrain(pool.labelled(params))
    return model.constrain(model.assign(params))
