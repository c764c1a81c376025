"""Times and events as bounds of lifetimes."""

import numpy as np


def censored(time, event=None):
    """Bounds of lifetimes from times and whether they ended there.

    Parameters
    ----------
    time : array-like of shape (n_samples,)
        Positive times: of the event, or the last at which there had been none. Or a
        structured array of scikit-survival, with a field of bool and one of numbers;
        then there is no `event`.
    event : array-like of shape (n_samples,), default=None
        1 or True where the event was seen at this time, 0 or False where the lifetime
        is only known to exceed it (right-censored). None means that all were seen.

    Returns
    -------
    ndarray of shape (n_samples, 2)
        Lower and upper bound of every lifetime, equal where it is known; the upper one
        is infinite where it is not. Other rows may be put in by hand: ``(0, t)`` where
        the event happened before t, ``(s, t)`` where it happened between visits.

    Raises
    ------
    ValueError
        If times are not positive, or events are neither 0 nor 1.

    Examples
    --------
    >>> from mixreg_sklearn.families import censored
    >>> censored([3.0, 5.0], [1, 0]).tolist()
    [[3.0, 3.0], [5.0, inf]]
    """
    if getattr(time, "dtype", None) is not None and time.dtype.names:
        time, event = _fields(time, event)
    time = np.asarray(time, dtype=float)
    event = np.ones(time.shape) if event is None else np.asarray(event)
    if time.ndim != 1 or event.shape != time.shape:
        raise ValueError(
            f"time and event must be of one shape, (n_samples,): got {time.shape} and"
            f" {event.shape}."
        )
    wrong = ~np.isin(event, [0, 1])
    if wrong.any():
        raise ValueError(
            f"event contains {event[wrong].tolist()[0]!r}: it must be 1 (True) where"
            " the event was seen, and 0 (False) where the time is censored."
        )
    wrong = ~((time > 0) & np.isfinite(time))
    if wrong.any():
        raise ValueError(
            f"time contains {time[wrong][0]}, first in row {wrong.argmax()}: lifetimes"
            " must be positive and finite."
        )
    return np.column_stack([time, np.where(event == 1, time, np.inf)])


def _fields(table, event):
    """Times and events of a structured array."""
    kinds = {name: table.dtype[name].kind for name in table.dtype.names}
    events = [name for name, kind in kinds.items() if kind == "b"]
    times = [name for name, kind in kinds.items() if kind in "fiu"]
    if event is not None or len(events) != 1 or len(times) != 1:
        raise ValueError(
            "time is a structured array: it must have one field of bool, whether the"
            " event was seen, and one of numbers, the time; event is then None. It has"
            f" the fields {kinds}."
        )
    return table[times[0]], table[events[0]]
