"""Exchange: remove each component, insert candidates, keep what is better."""

import numpy as np

from .._engine.em import em
from .._engine.newton import polish
from .._engine.params import concatenate
from .insertions import insertions
from .optima import SAME_OPTIMUM

# The largest number of candidates that an exchange tries.
_CANDIDATES = 80
# Newton's method replaces EM when a pass gains less than this, in nats per row.
SLOW = 1e-4
# Newton decrement, in nats, small enough to compare optima.
_CONVERGED = 1e-3


def exchange(common, pool, arms, rng, max_rounds=6):
    """Converge the common-scale arms, and replace components of the better one.

    Each component in turn is removed, the others are refitted, and candidates are
    inserted; this is repeated as long as it raises the likelihood.

    Returns
    -------
    arms : Params
        The two arms, converged.
    objective : ndarray of shape (2,)
    """
    n_components = arms.n_components
    fewer = common.resized(n_components - 1)
    # Few rows need more candidates, and make them cheap.
    most = max(2, min(4 * (n_components - 1), _CANDIDATES // n_components))
    keep = int(np.clip(24_000 // (n_components * pool.Z.size), 2, most))
    rivals = []
    if keep > 2 and n_components > 2:
        rivals.append(_grown(common, pool, rng, keep))
    best = 0
    for _ in range(max_rounds):
        reduced = arms.take(best).without_each()
        run = em(fewer, pool.rows, reduced, max_iter=10, tol=1e-5)
        _, different = np.unique(run.objective.round(3), return_index=True)
        rivals.append(_inserted(common, pool, run.params.take(different), rng, keep))
        tried = _converge(common, pool.rows, concatenate([arms, *rivals]))
        best = int(tried.objective[:2].argmax())
        winner = int(tried.objective.argmax())
        better = tried.objective[winner] > tried.objective[best] + SAME_OPTIMUM
        kept = np.arange(2)
        kept[best] = winner if better else best
        arms, objective = tried.params.take(kept), tried.objective[kept]
        if not better:
            break
        rivals = []
    return arms, objective


def _inserted(common, pool, reduced, rng, keep):
    """The best quarter of short runs after the insertion of a candidate."""
    proposals = insertions(common.gate, pool, reduced, rng, keep=keep)
    proposals = prepare(common, proposals)
    run = em(common, pool.rows, proposals, max_iter=6)
    quarter = max(3, len(run.objective) // 4)
    return run.params.take(np.argsort(-run.objective, kind="stable")[:quarter])


def _grown(common, pool, rng, keep):
    """A mixture grown from the pooled regression, one component at a time."""
    grown = pool.pooled
    for size in range(2, common.n_components + 1):
        model = common.resized(size)
        rivals = _inserted(model, pool, grown, rng, keep)
        tried = _converge(model, pool.rows, rivals)
        grown = tried.params.take(int(tried.objective.argmax()))
    return grown


def converged(model, rows, run):
    """Newton's method from the end of a run of EM; iterations of both are counted."""
    final = polish(model, rows, run.params, tol=_CONVERGED, max_iter=15)
    return final._replace(n_iter=final.n_iter + run.n_iter)


def prepare(model, params):
    """Starts that obey the constraints, which may tell components apart."""
    return model.constrain(model.assign(params))


def _converge(model, rows, params):
    """Converge a batch: EM until it slows down, then Newton."""
    return converged(model, rows, em(model, rows, params, max_iter=20, tol=SLOW))
