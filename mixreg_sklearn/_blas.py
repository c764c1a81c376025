"""Threads: BLAS has one inside a fit, passes over large data have several."""

from functools import lru_cache

from joblib import effective_n_jobs
from joblib.parallel import ThreadingBackend, get_active_backend
from threadpoolctl import ThreadpoolController


@lru_cache(maxsize=1)
def _thread_controller():
    return ThreadpoolController()


def one_blas_thread():
    """Keep BLAS to one thread: its own threads spin on a busy machine."""
    return _thread_controller().limit(limits=1, user_api="blas")


def threads_that_pay(model, X):
    """Threads of a mixture: one for data that a pass reads in milliseconds."""
    if X.size * model.n_components <= 1_000_000:
        return 1
    _, default = get_active_backend()
    n_jobs = default if model.n_jobs is None else model.n_jobs
    # The backend of a cluster counts the cores of all its machines.
    return min(effective_n_jobs(n_jobs), ThreadingBackend().effective_n_jobs(n_jobs))
