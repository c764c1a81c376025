"""Arguments of the methods of distributions."""

import numpy as np


def responses_of(y, n_rows):
    """Responses (n,) or (n, m), from a number, (n,), (n, m) or a grid (1, m)."""
    y = np.asarray(y, dtype=float)
    lengths = {0: (), 1: (n_rows,), 2: (1, n_rows)}
    if y.ndim > 2 or (y.ndim and len(y) not in lengths[y.ndim]):
        raise ValueError(
            f"y has shape {y.shape}, but there are {n_rows} rows: give one response"
            f" for each ({n_rows},), several ({n_rows}, m), or a grid (1, m) for"
            " all."
        )
    if np.isnan(y).any():
        raise ValueError("y contains NaN.")
    return np.broadcast_to(y, (n_rows, *y.shape[1:]))


def broadcast(name, values, shape):
    """Values of a shape; ValueError where they have another."""
    values = np.asarray(values, dtype=float)
    try:
        return np.broadcast_to(values, shape)
    except ValueError:
        raise ValueError(f"{name} has shape {values.shape}, not {shape}.") from None


def check_level(level, *, open_=False):
    """Levels between 0 and 1, as an array."""
    level = np.asarray(level, dtype=float)
    inside = (level > 0) & (level < 1) if open_ else (level >= 0) & (level <= 1)
    if level.ndim > (not open_) or not inside.all():
        raise ValueError(f"level must be between 0 and 1; got {level.tolist()!r}.")
    return level


def check_levels(u, n_rows):
    """Levels between 0 and 1, (), (m,), or (n, m) for n rows."""
    levels = np.asarray(u, dtype=float)
    if levels.ndim > 2 or not ((levels >= 0) & (levels <= 1)).all():
        raise ValueError(
            "u must be a number between 0 and 1, or an array of them of shape (m,)"
            f" or (n_samples, m); got {u!r}."
        )
    if levels.ndim == 2 and len(levels) not in (1, n_rows):
        raise ValueError(f"u has shape {levels.shape}, but there are {n_rows} rows.")
    return levels
