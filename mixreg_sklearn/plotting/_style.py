"""Style shared by all plots: colors, markers and axes."""

import numpy as np
from sklearn.utils._optional_dependencies import check_matplotlib_support

# Okabe & Ito (2008): colors that color-blind readers can also distinguish.
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
# Most panels in a row.
_MOST_COLUMNS = 6


def colors(n):
    """Colors of n components."""
    return [PALETTE[k % len(PALETTE)] for k in range(n)]


def colors_of_shares(n, n_shares):
    """Colors of n components, and gray for a background."""
    return [*colors(n), *[GREY] * (n_shares - n)]


def markers(n):
    """Markers of n components, so that color is not the only difference."""
    return [MARKERS[k % len(MARKERS)] for k in range(n)]


def outlined(linewidth, ax):
    """Path effects of a line that stays visible above points of its color."""
    from matplotlib.patheffects import Normal, Stroke

    return [Stroke(linewidth=linewidth + 1.6, foreground=ax.get_facecolor()), Normal()]


def one_axes(display, ax):
    """Axes for one panel; those of a new figure if `ax` is None."""
    check_matplotlib_support(f"{type(display).__name__}.plot")
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(layout="constrained")
    return ax


def several_axes(display, ax, n, panel, **subplots):
    """Axes for n panels, up to six in a row; a single one that is given is divided.

    `panel` is the size of a panel of a new figure.
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
                "ax was not created by subplots or a grid, and cannot be divided:"
                f" pass an array of {n} axes."
            )
        ax.remove()
        axes = place.subgridspec(*shape).subplots(squeeze=False, **subplots)
    else:
        axes = np.asarray(ax, dtype=object).ravel()
        if len(axes) != n:
            raise ValueError(f"ax has {len(axes)} axes; it must have {n}.")
        return axes
    for left_over in axes.flat[n:]:
        left_over.remove()
    return axes.flat[:n]


def strength_axis(ax, alphas):
    """Make the horizontal axis that of a penalty, from the strongest one on."""
    from matplotlib.ticker import NullLocator

    ax.set_xscale("log")
    low, high = np.min(alphas), np.max(alphas)
    ticks = _round_numbers(low, high)
    if len(ticks) < 2:
        # Less than a factor of two or so.
        ticks = sorted({float(f"{tick:.2g}") for tick in (low, high)})
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.xaxis.set_minor_locator(NullLocator())
    if not ax.xaxis_inverted():
        ax.invert_xaxis()
    ax.set_xlabel("alpha")


def _round_numbers(low, high):
    """1, 2, 5, 10 and so on, or powers of ten, between two positive numbers."""
    powers = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    parts = (1, 2, 5) if high < 100 * low else (1,)
    numbers = np.outer(powers, parts).ravel()
    return numbers[(numbers >= 0.99 * low) & (numbers <= 1.01 * high)]


def font_size():
    """Font size of legends, in points."""
    from matplotlib import font_manager, rcParams

    name = rcParams["legend.fontsize"]
    return font_manager.FontProperties(size=name).get_size_in_points()


def plain(ax):
    """Remove the top and right sides of the frame."""
    ax.spines[["top", "right"]].set_visible(False)


def legend_above(ax, handles):
    """Put a legend above the axes, as no corner inside is certain to be free of data.

    It is no wider than the axes: a layout would otherwise shrink the axes to fit it.
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
