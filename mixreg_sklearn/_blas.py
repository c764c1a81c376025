"""BLAS inside a fit has one thread."""

from functools import lru_cache

from threadpoolctl import ThreadpoolController


@lru_cache(maxsize=1)
def _thread_controller():
    return ThreadpoolController()


def one_blas_thread():
    """Keep BLAS to one thread: its own threads spin on a busy machine."""
    return _thread_controller().limit(limits=1, user_api="blas")
