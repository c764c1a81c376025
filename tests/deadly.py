"""A family that kills a worker of a cluster in the middle of a pass, once."""

import os
import signal
from pathlib import Path

from distributed import get_worker

from mixreg_sklearn.families import Gaussian


class Deadly(Gaussian):
    """Gaussian; a worker that computes its derivatives dies, once.

    Parameters
    ----------
    mark : str
        A path that does not exist, where the death is noted.
    """

    def __init__(self, mark):
        self.mark = mark

    def derivatives(self, y, eta, scale):
        mark = Path(self.mark)
        if _on_a_worker() and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().derivatives(y, eta, scale)


def _on_a_worker():
    try:
        get_worker()
    except ValueError:
        return False
    return True
