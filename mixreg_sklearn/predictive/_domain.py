"""Where components have no distribution, and what that means for predictions.

Some links give a mean to some linear predictors only: the identity and inverse links of
a positive mean to positive ones. A component whose predictor is outside of this domain
at a row has density zero there, in the fit as in all that follows from densities:
likelihoods, memberships, `pdf`. What needs its distribution (means, distribution
functions, quantiles, draws) does not exist there, and asking for it is an error, unless
the weight of the component is zero. No mean is clipped: a limit would be a distribution
that the likelihood does not know, and under the inverse link its mean is infinite.
"""

import numpy as np

from .._data.chunks import AtRows


def defined(mixture):
    """Where components have a distribution, (n, K) of bool; None for everywhere."""
    outside = mixture.family.outside(mixture.eta)
    return None if outside is None else ~outside


def check_components(mixture):
    """Raise ValueError where a component has no distribution."""
    _check(mixture, True)


def check_mixture(mixture):
    """Raise ValueError where a component of positive weight has no distribution."""
    _check(mixture, mixture.weights[:, : mixture.n_components] > 0)


def check_ends(mixture, what):
    """Raise ValueError for distributions with a cure fraction, which never end."""
    background = mixture.background
    if background is not None and np.isposinf(background.upper):
        raise ValueError(
            f"{what} is for responses that end, and there is a cure fraction: use"
            " regressions(), the distribution of those that do."
        )


def _check(mixture, needed):
    inside = defined(mixture)
    if inside is None:
        return
    missing = needed & ~inside
    if not missing.any():
        return
    rows = missing.any(axis=1)
    row = rows.argmax()
    k = missing[row].argmax()
    family, eta = mixture.family, np.array2string(mixture.eta[..., row, k], precision=4)
    remedy = "Use the log link, or leave out" if "log" in family.links else "Leave out"
    raise AtRows(
        f"Component {k} has no distribution at row $row: its linear predictor {eta} is"
        f" outside the domain of {family!r}. {remedy} such rows ($count of $n_rows).",
        row,
        rows.sum(),
        len(mixture),
    )


def check_possible(log_joint, unit, labels):
    """Raise ValueError where memberships of units do not exist.

    They do not where all components have density zero: `log_joint`, (U, K), is minus
    infinity in all of them. The message names the unit by its label.
    """
    zero = log_joint == -np.inf
    if not zero.any():  # as almost always, and faster than row by row
        return
    impossible = zero.all(axis=1)
    if not impossible.any():
        return
    label = labels[impossible.argmax()]
    raise ValueError(
        f"No component is possible for {unit} {label}: all have density zero, as they"
        " have where a linear predictor is outside the domain of the link."
    )
