"""Tables of estimates with their uncertainty, as text, HTML or a dataframe."""

from functools import partial
from html import escape
from typing import NamedTuple

import numpy as np
from scipy import special, stats

from .._component_names import default_name
from .._extras import pandas_for

# The meaning of each note, printed below the table.
SHARED, HELD, UNIDENTIFIED, LIMIT = "shared", "held", "not identified", "at its limit"
BOUND = "at its bound"
_NOTES = {
    SHARED: "one estimate, shared by several components",
    HELD: "a known value, not estimated",
    UNIDENTIFIED: "the feature is a linear combination of others, or constant",
    LIMIT: "it is at the boundary of its range, and has no standard error",
    BOUND: "it is at a bound of coef_bounds, and has no standard error",
}

# Numbers from here on are written with an exponent.
_MOST = 1e8
_RIGHT = "text-align: right; padding: 0 0.6em; font-variant-numeric: tabular-nums"
_HEADERS = {"std_error": "std. error", "p_value": "p-value"}


class Transform(NamedTuple):
    """A monotone function t(v) of an estimate whose distribution is closer to normal.

    Its three functions are ``t(v)``, ``v(t)`` and ``dt / dv`` at ``v``.
    """

    forward: object
    inverse: object
    slope: object


_IDENTITY = Transform(np.positive, np.positive, np.ones_like)
_LOG = Transform(np.log, np.exp, np.reciprocal)
_LOGIT = Transform(special.logit, special.expit, lambda v: 1 / (v * (1 - v)))


class Term(NamedTuple):
    """One estimate in a table."""

    attribute: str  # the fitted attribute that contains it, or another name
    component: int | None  # None for a quantity of the whole mixture
    feature: int | None  # column of X, if it belongs to one
    label: str  # its name within the component
    note: str = ""  # why it is not an ordinary estimate
    called: str = ""  # the name of its component, if the user gave one
    response: int | None = None  # its number, of several responses
    is_share: bool = False  # whether it is between zero and one

    @property
    def heading(self):
        """The part of the table that contains the term."""
        if self.component is None:
            return "mixture"
        return self.called or default_name(self.component)

    @property
    def name(self):
        """Its name in the whole table."""
        return f"{self.heading}: {self.label}"

    @property
    def signed(self):
        """Whether it may be zero or negative: no constant, and no share."""
        return self.attribute.endswith(("coef_", "intercept_", "effect"))

    @property
    def transform(self):
        """The scale on which its confidence interval is computed."""
        if self.is_share:
            return _LOGIT
        return _IDENTITY if self.signed else _LOG

    @property
    def tested(self):
        """Whether zero is a testable value."""
        return self.signed and self.note != HELD


class Estimates:
    """Estimates (m,) and their covariance (m, m), with intervals, p-values and tables.

    `title` is the lines above the table.
    """

    def __init__(self, terms, params, cov, title):
        self.terms, self.params, self.title = terms, params, title
        without = UNIDENTIFIED, LIMIT, BOUND
        unknown = np.array([t.note in without for t in terms], dtype=bool)
        self.cov = np.where(unknown | unknown[:, None], np.nan, cov)

    @property
    def names(self):
        """Names of the parameters, as ``"component 0: x1"``."""
        return [term.name for term in self.terms]

    @property
    def std_errors(self):
        """Standard errors, (m,): 0 for held values, NaN for unknown ones."""
        return np.sqrt(np.maximum(np.diag(self.cov), 0.0))

    @property
    def working_params(self):
        """The estimates with scales as logarithms and shares as log-odds, (m,)."""
        return self._transformed("forward", self.params)

    @property
    def working_std_errors(self):
        """Standard errors of `working_params`, (m,), by the delta method."""
        # A share at its limit has neither a standard error nor finite log-odds.
        with np.errstate(divide="ignore"):
            return self.std_errors * self._transformed("slope", self.params)

    @property
    def z(self):
        """Estimate over standard error, (m,); NaN for terms that are not tested."""
        error = np.where([t.tested for t in self.terms], self.std_errors, np.nan)
        return self.params / np.where(error > 0, error, np.nan)

    @property
    def p_values(self):
        """Two-sided p-values of `z`, from the normal distribution, (m,)."""
        return 2 * stats.norm.sf(np.abs(self.z))

    def conf_int(self, level=0.95):
        """Confidence intervals.

        Estimate plus and minus a normal quantile times the standard error; for scales
        and shares, computed for the logarithm and the log-odds and transformed back.

        Parameters
        ----------
        level : float, default=0.95
            Probability of coverage in large samples.

        Returns
        -------
        ndarray of shape (m, 2)
            Lower and upper bounds.
        """
        half = stats.norm.ppf(0.5 + check_level(level) / 2) * self.working_std_errors
        middle = self.working_params
        # The upper bound of an uncertain scale may be beyond all numbers.
        with np.errstate(over="ignore"):
            bounds = [self._transformed("inverse", middle + s * half) for s in (-1, 1)]
        return np.column_stack(bounds)

    def to_frame(self, level=0.95):
        """The table as a dataframe, one row for each parameter.

        Parameters
        ----------
        level : float, default=0.95
            Level of the confidence intervals.

        Returns
        -------
        pandas.DataFrame
            The columns of the printed table and the notes.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        pd = pandas_for("to_frame")
        index = pd.Index(self.names, name="parameter")
        columns = self._columns(level)
        return pd.DataFrame(columns | {"note": [t.note for t in self.terms]}, index)

    def _columns(self, level):
        """Columns of the table by name."""
        lower, upper = self.conf_int(level).T
        return {
            "estimate": self.params,
            "std_error": self.std_errors,
            "z": self.z,
            "p_value": self.p_values,
            "lower": lower,
            "upper": upper,
        }

    def _transformed(self, function, values):
        """A function of every term's transform, at its own value, (m,)."""
        pairs = zip(self.terms, values, strict=True)
        return np.array([getattr(t.transform, function)(v) for t, v in pairs])

    def _cells(self):
        """The table as text: header, and the cells of every term."""
        columns = self._columns(0.95)
        header = [_HEADERS.get(name, name) for name in columns]
        decimals = _decimals(self.std_errors, self.params)
        texts = [map(partial(_cell, name), columns[name], decimals) for name in columns]
        labels, notes = [t.label for t in self.terms], [t.note for t in self.terms]
        return ["", *header, ""], list(zip(labels, *texts, notes, strict=True))

    def _footnotes(self):
        notes = {term.note for term in self.terms}
        return [f"{note}: {text}" for note, text in _NOTES.items() if note in notes]

    def __str__(self):
        return f"{self.title}\n\n{body_of(self)}"

    def __repr__(self):
        name = type(self).__name__
        return f"<{name}: {len(self.params)} parameters; print() shows the table>"

    def _repr_html_(self):
        title = escape(self.title).replace("\n", "<br>")
        return html_of(self, f"<caption>{title}</caption>")


def body_of(estimates):
    """The printed table without its title."""
    header, cells = estimates._cells()
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    widths[0] = 2 + max(widths[0], *(len(term.heading) for term in estimates.terms))
    lines, heading = [], None
    for term, row in zip(estimates.terms, cells, strict=True):
        if term.heading != heading:
            lines += [""] * (heading is not None)
            heading = term.heading
            lines.append(_line([heading, *header[1:]], widths))
        lines.append(_line(["  " + row[0], *row[1:]], widths))
    notes = estimates._footnotes()
    return "\n".join([*lines, *[""] * bool(notes), *notes])


def html_of(estimates, caption=""):
    """The table of notebooks, without its title unless a caption is given."""
    header, cells = estimates._cells()
    width, rows, heading = len(header), [], None
    for term, row in zip(estimates.terms, cells, strict=True):
        if term.heading != heading:
            heading = term.heading
            rows.append(_html([heading, *header[1:]], "th"))
        rows.append(_html(row, "td"))
    notes = "<br>".join(map(escape, estimates._footnotes()))
    foot = f'<tfoot><tr><td colspan="{width}">{notes}</td></tr></tfoot>'
    body = f"<tbody>{''.join(rows)}</tbody>{foot if notes else ''}"
    return f"<table>{caption}{body}</table>"


def check_level(level):
    """Return `level`, a probability strictly between 0 and 1."""
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1; got {level!r}.")
    return level


def _decimals(errors, values):
    """Decimals that show three digits of every standard error, (m,).

    Without a standard error, three digits of the value; None for the general format.
    """
    sizes = np.where(errors > 0, errors, np.abs(values) / 10)
    with np.errstate(divide="ignore", invalid="ignore"):
        digits = np.where(sizes > 0, 2 - np.floor(np.log10(sizes)), 2)
    return [int(max(d, 0)) if -4 < d < 8 else None for d in digits]


def _cell(name, value, decimals):
    """A number of a column as text; unknown numbers are empty."""
    if np.isnan(value):
        return ""
    if name == "p_value":
        return f"{value:.3f}" if value >= 5e-4 else "<0.001"
    if name == "z":
        decimals = 2
    return fixed(value, decimals)


def fixed(value, decimals):
    """A number with some decimals; general format for None and for large numbers."""
    if decimals is None or abs(value) >= _MOST:
        return f"{value:.3g}"
    return f"{value:.{decimals}f}"


def _line(cells, widths):
    first, *numbers, note = cells
    numbers = [cell.rjust(w) for cell, w in zip(numbers, widths[1:-1], strict=True)]
    return "  ".join([first.ljust(widths[0]), *numbers, note]).rstrip()


def _html(cells, tag):
    first = (
        f'<th style="text-align: left; padding: 0 0.6em 0 0">{escape(cells[0])}</th>'
    )
    style = f'style="{_RIGHT}"'
    others = (f"<{tag} {style}>{escape(cell)}</{tag}>" for cell in cells[1:])
    return f"<tr>{first}{''.join(others)}</tr>"
