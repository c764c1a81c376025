"""What all pictures have in common: colours, marks, axes."""

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support

# Okabe & Ito (2008): colours that colour-blind readers tell apart, too.
PALETTE = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
    "#F0E442",
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
GREY = "0.45"
# Panels side by side.
_MOST_COLUMNS = 6


def colors(n):
    """Colours of n components."""
    return [PALETTE[k % len(PALETTE)] for k in range(n)]


def markers(n):
    """Marks of n components, for where colour alone would tell them apart."""
    return [MARKERS[k % len(MARKERS)] for k in range(n)]


def one_axes(display, ax):
    """The axes to draw one panel in, a new figure's if there are none."""
    check_matplotlib_support(f"{type(display).__name__}.plot")
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(layout="constrained")
    return ax


def several_axes(display, ax, n, panel, **subplots):
    """The n axes to draw panels in, up to six in a row.

    Parameters
    ----------
    ax : matplotlib Axes, array-like of Axes or None
        One axes gives its place to n; None makes a new figure.
    panel : tuple of float
        Size of a panel of a new figure.
    **subplots
        Of matplotlib's `subplots`.
    """
    check_matplotlib_support(f"{type(display).__name__}.plot")
    n_columns = min(n, _MOST_COLUMNS)
    shape = (-(-n // n_columns), n_columns)
    if ax is None:
        import matplotlib.pyplot as plt

        size = (max(panel[0] * n_columns, 4.0), panel[1] * shape[0])
        _, axes = plt.subplots(
            *shape, figsize=size, layout="constrained", squeeze=False, **subplots
        )
    elif hasattr(ax, "get_subplotspec"):
        place = ax.get_subplotspec()
        if place is None:
            raise ValueError(
                "ax was not made by subplots or a grid, and cannot be divided:"
                f" pass an array of {n} axes."
            )
        ax.remove()
        axes = place.subgridspec(*shape).subplots(squeeze=False, **subplots)
    else:
        axes = np.asarray(ax, dtype=object).ravel()
        if len(axes) != n:
            raise ValueError(f"ax has {len(axes)} axes; {n} are needed.")
        return axes
    for left_over in axes.flat[n:]:
        left_over.remove()
    return axes.flat[:n]


def font_size():
    """Points of the font of legends."""
    from matplotlib import font_manager, rcParams

    name = rcParams["legend.fontsize"]
    return font_manager.FontProperties(size=name).get_size_in_points()


def plain(ax):
    """Without a frame on the sides that mean nothing."""
    ax.spines[["top", "right"]].set_visible(False)


def legend_above(ax, handles):
    """Above the axes: inside, no corner is free of data for certain.

    It is no wider than the axes: a layout would make room for it, from the axes.
    """
    letter = 0.6 * font_size() / 72
    entry = letter * (4 + max(len(handle.get_label()) for handle in handles))
    width = ax.get_position().width * ax.figure.get_figwidth()
    n_columns = min(max(int(width / entry), 1), 3)
    n_rows = -(-len(handles) // n_columns)
    ax.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=-(-len(handles) // n_rows),
        frameon=False,
        handlelength=1.2,
        columnspacing=1.4,
        borderaxespad=0.3,
    )
