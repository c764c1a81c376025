"""Threads: BLAS has one inside a fit, passes over large data have several."""

from contextlib import nullcontext
from functools import lru_cache

from joblib import effective_n_jobs
from joblib.parallel import ThreadingBackend, get_active_backend
from threadpoolctl import ThreadpoolController

# Rows up to which the fit of an estimator has one thread.
_FEW_ROWS = 20_000


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


def threads_for_fits(n_rows):
    """Keep the many fits of estimators to few rows to one thread each.

    Threads of OpenMP and BLAS spin between short tasks, which costs more than they
    bring. Fits to many rows have all of them.
    """
    if n_rows > _FEW_ROWS:
        return nullcontext()
    # Libraries of estimators may have been loaded since the last time.
    return ThreadpoolController().limit(limits=1)
