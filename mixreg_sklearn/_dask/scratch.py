"""Settings of a process while a task runs, those of a fit; scratch memory."""

import ctypes
import os
from contextlib import contextmanager
from threading import Lock

import numpy as np

from .._blas import one_blas_thread

# Parameters of mallopt (malloc.h), and values under which passes reuse their scratch.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_ROOMY, _SYSTEM_MMAP = 2**26, 2**17
_running, _lock = [0], Lock()


@contextmanager
def settings_of_fit():
    """One thread for BLAS, no warnings of numpy, and scratch memory that is kept."""
    with one_blas_thread(), kept_scratch(), np.errstate(all="ignore"):
        yield


@contextmanager
def kept_scratch():
    """Keep memory that is freed during a pass.

    Dask has its workers return freed memory to the system at once
    (`MALLOC_TRIM_THRESHOLD_`): every temporary array of a pass is then made of new
    pages, which takes longer than to compute it.
    """
    trimmed = os.environ.get("MALLOC_TRIM_THRESHOLD_")
    mallopt = None if trimmed is None else _mallopt()
    if mallopt is None:
        yield
        return
    with _lock:
        _running[0] += 1
        mallopt(_TRIM_THRESHOLD, _ROOMY)
        mallopt(_MMAP_THRESHOLD, _ROOMY // 2)
    try:
        yield
    finally:
        with _lock:
            _running[0] -= 1
            if not _running[0]:
                mallopt(_TRIM_THRESHOLD, int(trimmed))
                mallopt(_MMAP_THRESHOLD, _SYSTEM_MMAP)


def _mallopt():
    """The function mallopt of glibc, or None."""
    try:
        return ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return None
