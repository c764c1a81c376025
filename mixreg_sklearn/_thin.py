"""Components that rest on a handful of rows."""

from functools import partial

import numpy as np

# Rows per coefficient of a component below which it is thin.
_FEW = 3
# A message names at most so many components, and rows of each.
_MOST_COMPONENTS, _MOST_ROWS = 3, 5


def thin_components(problem, params, weight):
    """A dict from components of few rows to their rows, positions from 0.

    They are those more probably of this component than not. `params` are an estimate
    for the rows of `problem`, `weight` (K,) the sums of its memberships.
    """
    model = problem.model
    few = weight < _FEW * model.regressions.needed(params)[0]
    # The only component has all rows.
    thin = np.flatnonzero(few) if model.n_shares > 1 else []
    if not len(thin):
        return {}
    verb = partial(_rows_of, model, thin)
    rows = zip(*problem.rows.scan(verb, params), strict=True)
    return {
        int(k): np.sort(np.concatenate(of_k))
        for k, of_k in zip(thin, rows, strict=True)
    }


def _rows_of(model, components, params, block):
    """Rows of a block that are more probably of each of some components than not."""
    members = block.units.spread(model.posterior(params, block)[1])[0]
    return [block.numbers[members[k] > 0.5] for k in components]


def thin_sentences(model):
    """Sentences without stops on the thin components of a fitted mixture, in a list."""
    thin = list(model.thin_components_.items())
    sentences = [
        f"Component {k} rests on {_named(rows)}"
        f" ({model.component_rows_[k]:.1f} effective rows)"
        for k, rows in thin[:_MOST_COMPONENTS]
    ]
    more = len(thin) - _MOST_COMPONENTS
    return sentences + [f"So do {more} more, on few rows"] * (more > 0)


def _named(rows):
    """The rows by number, as far as they fit."""
    names = ", ".join(map(str, rows[:_MOST_ROWS]))
    if len(rows) < 2:
        return f"row {names} alone" if len(rows) else "no row in particular"
    more = len(rows) - _MOST_ROWS
    return f"rows {names}" + (f" and {more} more" if more > 0 else "")
