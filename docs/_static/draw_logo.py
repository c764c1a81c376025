"""Draw the logo and the favicon: two lines that cross in a cloud of points.

Usage::

    python docs/_static/draw_logo.py
"""

import random
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Colors of the first two components in all plots.
BLUE, ORANGE = "#0072B2", "#D55E00"
# Both lines in a box of 64 units: left end, right end, heights there.
LINES = {BLUE: (8, 52, 56, 12), ORANGE: (8, 22, 56, 44)}


def points(line, n, spread, rng):
    """Centers of points around a line, evenly along it."""
    left, start, right, end = line
    for i in range(n):
        share = (i + 0.5) / n
        y = start + share * (end - start) + rng.uniform(-spread, spread)
        yield left + share * (right - left), y


def drawing(n, spread, radius, width):
    """Both lines with n points each, as SVG."""
    rng = random.Random(3)
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">']
    for color, line in LINES.items():
        parts += [
            f'  <circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{color}"'
            ' fill-opacity="0.55"/>'
            for x, y in points(line, n, spread, rng)
        ]
    for color, (left, start, right, end) in LINES.items():
        parts.append(
            f'  <line x1="{left}" y1="{start}" x2="{right}" y2="{end}"'
            f' stroke="{color}" stroke-width="{width}" stroke-linecap="round"/>'
        )
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    (HERE / "logo.svg").write_text(drawing(n=9, spread=9, radius=2.6, width=4))
    # In 16 pixels, points would be specks.
    (HERE / "favicon.svg").write_text(drawing(n=0, spread=0, radius=0, width=9))
