"""What measured: for the records of the benchmarks."""

import platform

import numpy as np
import scipy
import sklearn


def environment():
    """Python, the packages and the machine, as a dict."""
    return {
        "python": platform.python_version(),
        "versions": {m.__name__: m.__version__ for m in (np, scipy, sklearn)},
        "machine": platform.machine(),
    }
