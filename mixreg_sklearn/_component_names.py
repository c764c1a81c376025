"""What components are called in tables and plots."""

from collections.abc import Iterable

import numpy as np

# In tables, these are the mixture as a whole.
_WHOLE = ("all", "mixture")


# The name of a background.
BACKGROUND = "background"


def default_name(k):
    """The name of component k, unless the user gave one."""
    return f"component {k}"


def names_of_components(component_names, n_components):
    """Names as the user gave them, or "component 0" and so on for None; a list.

    Raises
    ------
    ValueError
        Unless there is a different name for each component.
    """
    if component_names is None:
        return [default_name(k) for k in range(n_components)]
    given = component_names
    several = isinstance(given, Iterable) and not isinstance(given, (str, dict, set))
    names = list(given) if several else []
    if len(names) != n_components or not all(isinstance(n, str) for n in names):
        raise ValueError(
            f"component_names must be a list of {n_components} strings, one for each"
            f" component; got {component_names!r}."
        )
    names = [str(name) for name in names]
    for i, name in enumerate(names):
        if not name.strip() or name in _WHOLE or name in names[:i]:
            reason = "is there twice" if name in names[:i] else "cannot be a name"
            raise ValueError(f"component_names: {name!r} {reason}.")
    return names


def names_of_shares(component_names, mixture):
    """Names of the components of a fitted mixture, and of its background."""
    names = names_of_components(component_names, len(mixture.weights_))
    return names if mixture.background is None else [*names, BACKGROUND]


def shares_of(mixture):
    """Shares of the components of a fitted mixture, and of its background, (K',)."""
    rest = [] if mixture.background is None else [mixture.background_weight_]
    return np.append(mixture.weights_, rest)
