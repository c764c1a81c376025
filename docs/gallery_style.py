"""The look of pictures in the gallery; `conf.py` names it."""

from pathlib import Path

import matplotlib.pyplot as plt

STYLE = Path(__file__).resolve().parent / "_static" / "site.mplstyle"


def plain_pictures(gallery_conf, name):
    """Draw without a background, for light and dark pages."""
    plt.style.use(STYLE)
