"""Tables of cells as text and HTML, with numbers aligned to the right."""

import textwrap
from html import escape
from itertools import zip_longest

WIDTH = 79
_LEFT = "text-align: left; padding: 0 0.6em 0 0"
_RIGHT = "text-align: right; padding: 0 0.6em; font-variant-numeric: tabular-nums"


def wrapped(text):
    """A paragraph in lines of the full width."""
    return textwrap.fill(text, WIDTH, break_on_hyphens=False)


def side_by_side(left, right):
    """Lines of the full width from two lists of pairs, the second one of numbers."""
    label, name = (max(len(pair[0]) for pair in pairs) for pairs in (left, right))
    value = max(len(text) for _, text in right)
    lines = []
    for (a, b), (c, d) in _pairs(left, right):
        end = f"{c:{name}}  {d:>{value}}"
        middle = f"{b:{WIDTH - label - len(end) - 4}}"
        lines.append(f"{a:{label}}  {middle}  {end}".rstrip())
    return lines


def aligned(header, rows):
    """Lines of cells: the first column to the left, others to the right."""
    table = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True)]
        )
        for row in table
    ]


def html_side_by_side(left, right):
    """An HTML table from two lists of pairs, the second one of numbers."""
    rows = [
        _cell("th", _LEFT, a)
        + _cell("td", _LEFT, b)
        + _cell("th", _LEFT, c)
        + _cell("td", _RIGHT, d)
        for (a, b), (c, d) in _pairs(left, right)
    ]
    return _table(rows)


def html_aligned(header, rows):
    """An HTML table of cells, the first of each row its heading."""
    lines = [_cell("th", _LEFT, header[0]) + _cells("th", header[1:])]
    lines += [_cell("th", _LEFT, row[0]) + _cells("td", row[1:]) for row in rows]
    return _table(lines)


def html_paragraphs(texts):
    """Paragraphs, which do not make the page wider."""
    style = "max-width: 46em; margin: 0.3em 0"
    return "".join(f'<p style="{style}">{escape(text)}</p>' for text in texts)


def _pairs(left, right):
    return zip_longest(left, right, fillvalue=("", ""))


def _cells(tag, cells):
    return "".join(_cell(tag, _RIGHT, cell) for cell in cells)


def _cell(tag, style, text):
    return f'<{tag} style="{style}">{escape(text)}</{tag}>'


def _table(rows):
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<table style="margin: 0.5em 0"><tbody>{body}</tbody></table>'
