"""Threads: BLAS has one inside a fit, passes over large data have several."""

from functools import lru_cache

from joblib import effective_n_jobs
from threadpoolctl import ThreadpoolController


@lru_cache(maxsize=1)
def _thread_controller():
    return ThreadpoolController()


def one_blas_thread():
    """Keep BLAS to one thread: its own threads spin on a busy machine."""
    return _thread_controller().limit(limits=1, user_api="blas")


def threads_that_pay(model, X):
    """Threads of a mixture: one for data that a pass reads in milliseconds."""
    worthwhile = X.size * model.n_components > 1_000_000
    return effective_n_jobs(model.n_jobs) if worthwhile else 1
