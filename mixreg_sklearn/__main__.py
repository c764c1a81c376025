"""The command line: fit a mixture of regressions to a table.

``python -m mixreg_sklearn`` fits the two lines of `load_two_lines`;
``python -m mixreg_sklearn --csv FILE --target NAME`` fits the user's table.
"""

import argparse
import csv
import io
import re
import sys
import warnings
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ._selection import MixtureRegressorIC
from ._status import agreed, status
from ._thin import thin_sentences
from .datasets import load_two_lines

_DESCRIPTION = """\
Fit a mixture of linear regressions: rows come from several unlabeled groups, each
with its own regression. Without --csv, fit a data set of two lines."""


class _Refusal(Exception):
    """An error in the command or the data; its message is for the user."""


class _Table(NamedTuple):
    """Data to fit."""

    name: str
    X: np.ndarray
    y: np.ndarray
    features: list
    target: str


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments. None means the arguments of the process.

    Returns
    -------
    int
        Exit status: 0, or 2 if the command or the data cannot be used, with a line on
        standard error that gives the reason.
    """
    try:
        _run(_parser().parse_args(argv))
    except _Refusal as refusal:
        print(f"mixreg_sklearn: {_plain(str(refusal))}", file=sys.stderr)
        return 2
    return 0


def _run(options):
    if options.plot is not None and not Path(options.plot).suffix:
        raise _Refusal(f"--plot needs a name like fit.png; got {options.plot!r}")
    if options.plot and find_spec("matplotlib") is None:
        raise _Refusal("--plot needs matplotlib: python -m pip install matplotlib")
    components = _components(options.components)
    table = _table(options)
    _check_size(table, components)
    model, notes = _fit(table, components, options)
    K, d = model.n_components_, len(table.features)
    print(
        f"\n{table.name}: {len(table.y)} rows, {_count(d, 'feature')},"
        f" target {table.target}\n"
    )
    print(_selection(model, components))
    print(f"\n{_count(K, 'component')}, by {options.criterion.upper()}:\n")
    print(_parameters(model, table.features))
    print(f"\n{_proof(model)}")
    for note in notes + _remarks(model):
        print(f"Note: {note}")
    if options.plot:
        print(_plot(model, table, options.plot))


# Options -----------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """A parser that leaves errors to `main`."""

    def error(self, message):
        raise _Refusal(f"{message} (see --help)")


def _parser():
    parser = _Parser(prog="python -m mixreg_sklearn", description=_DESCRIPTION)
    add = parser.add_argument
    add("--csv", metavar="FILE", help="table of numbers with a header")
    add("--target", metavar="NAME", help="column of the response")
    add(
        "--features",
        metavar="A,B",
        help="columns of the features (default: all others)",
    )
    add(
        "--components",
        metavar="K",
        default="1-4",
        help="numbers of components to try: 2, 1-6 or 1,2,4 (default: %(default)s)",
    )
    add(
        "--criterion",
        choices=("bic", "aic", "icl"),
        default="bic",
        help="criterion that chooses the number (default: %(default)s)",
    )
    add("--plot", metavar="FILE", help="plot rows and lines over the first feature")
    add("--seed", type=int, default=0, help="seed of the search (default: %(default)s)")
    return parser


def _components(text):
    """Parse "2", "1-6" or "1,2,4": numbers of components, in increasing order."""
    numbers = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,3})\s*(?:-\s*(\d{1,3})\s*)?", part)
        first, last = match.groups() if match else ("0", None)
        span = range(int(first), int(last or first) + 1)
        if not span or span[0] < 1:
            raise _Refusal(f"--components must be like 2, 1-6 or 1,2,4; got {text!r}")
        numbers.update(span)
    return sorted(numbers)


# Data --------------------------------------------------------------------------


def _table(options):
    if options.csv is None:
        for name in ("target", "features"):
            if getattr(options, name) is not None:
                raise _Refusal(f"--{name} needs --csv FILE")
        data = load_two_lines()
        features, target = data.feature_names, data.target_name
        return _Table("two lines", data.data, data.target, features, target)
    header, rows = _read(options.csv)
    if options.target is None:
        raise _Refusal(f"--csv needs --target, one of: {', '.join(header)}")
    target = _plain(options.target)
    if options.features is None:
        features = [name for name in header if name != target]
    else:
        # A name with a comma is quoted, as in the file.
        [names] = csv.reader([_plain(options.features)], skipinitialspace=True)
        features = [name.strip() for name in names or [""]]
    for name in (target, *features):
        if name not in header:
            columns = ", ".join(header)
            raise _Refusal(f"{options.csv} has no column {name!r}; it has: {columns}")
    if target in features:
        raise _Refusal(f"the target {target!r} cannot also be a feature")
    for name in features:
        if features.count(name) > 1:
            raise _Refusal(f"--features names {name!r} twice")
    if not features:
        raise _Refusal(f"{options.csv} has no column besides the target {target!r}")
    y, *x = _numbers(header, rows, [target, *features])
    return _Table(
        _plain(Path(options.csv).name), np.column_stack(x), y, features, target
    )


def _read(path):
    """Header of a csv file, and its rows with their line numbers."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            text = file.read()
        # The delimiter is that which divides the header into most names.
        delimiter = max(",;\t", key=lambda each: len(_records(text, each, 1)[0][1]))
        (_, header), *rows = _records(text, delimiter)
    except OSError as error:
        raise _Refusal(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise _Refusal(f"{path} is not a csv file in UTF-8: {error}") from error
    header = [_plain(name) for name in header]
    if not any(header):
        raise _Refusal(f"{path} is empty")
    for name in header:
        if header.count(name) > 1:
            raise _Refusal(f"{path} has several columns named {name!r}")
    for line, row in rows:
        if len(row) != len(header):
            raise _Refusal(
                f"line {line} of {path} has {_count(len(row), 'value')}, the header"
                f" {len(header)}"
            )
    return header, rows


def _records(text, delimiter, limit=None):
    """Records of a csv text that are not blank, with the lines on which they end."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    records = ((reader.line_num, record) for record in reader if any(record))
    return list(islice(records, limit)) or [(0, [])]


def _plain(text):
    """Text on one line, without characters that would command the terminal."""
    words = " ".join(text.split())
    return "".join(char if char.isprintable() else "?" for char in words)


def _numbers(header, rows, names):
    """The named columns as floats, (n_names, n_rows)."""
    places = [header.index(name) for name in names]
    values = np.array([[_number(row[j]) for _, row in rows] for j in places])
    bad = np.isnan(values)
    texts = [name for name, each in zip(names, bad, strict=True) if rows and each.all()]
    if texts:
        rest = ",".join(name for name in names[1:] if name not in texts)
        advice = f"choose the features: --features {rest or 'A,B'}"
        if names[0] in texts:
            advice = "the target must be numbers"
        raise _Refusal(f"no numbers in column {', '.join(texts)}; {advice}")
    for name, j, each in zip(names, places, bad, strict=True):
        if each.any():
            line, row = rows[each.argmax()]
            text = row[j].strip()
            what = f"is {text!r}, not a number," if text else "is empty"
            raise _Refusal(
                f"column {name!r} {what} in line {line}"
                f" ({_count(each.sum(), 'such row')}); correct or remove these rows"
            )
    return values


def _number(cell):
    """The finite number in a cell, or NaN."""
    try:
        value = float(cell)
    except ValueError:
        return np.nan
    return value if np.isfinite(value) else np.nan


def _check_size(table, components):
    n, d = table.X.shape
    for K in components:
        n_parameters = K * (d + 3) - 1
        if n <= n_parameters:
            raise _Refusal(
                f"{_count(n, 'row')} are too few for {_count(K, 'component')} with"
                f" {_count(d, 'feature')} ({n_parameters} parameters); try smaller"
                " --components, or fewer --features"
            )


# Results -----------------------------------------------------------------------


def _fit(table, components, options):
    """The fitted model and its warnings."""
    model = MixtureRegressorIC(
        components, criterion=options.criterion, random_state=options.seed
    )
    with warnings.catch_warnings(record=True, action="always") as caught:
        try:
            model.fit(table.X, table.y)
        except ValueError as error:
            raise _Refusal(str(error)) from error
    return model, list(dict.fromkeys(str(warning.message) for warning in caught))


def _selection(model, components):
    """Table of the criterion, one row for each number of components."""
    criterion = model.criterion.upper()
    lines = [
        f" K  parameters  log-likelihood  {criterion:>10}    choice  rows  maximum"
    ]
    values = zip(model.criterion_values_, model.table_["choice"], strict=True)
    for K, fit, (value, choice) in zip(
        components, model.estimators_, values, strict=True
    ):
        lines.append(
            f"{K:2d}  {fit.n_parameters_:10d}  {fit.log_likelihood_:14.3f}"
            f"  {value:10.3f}  {choice:8.1f} {fit.component_rows_.min():5.0f}"
            f"  {status(fit):10}"
            f"{' <- chosen' if fit is model.best_estimator_ else ''}".rstrip()
        )
    lines.append(
        f"choice: {criterion} with penalties for unequal scales and thin components;\n"
        "rows: of the smallest component; maximum: a proven local one is agreed if\n"
        "independent searches found it"
    )
    return "\n".join(lines)


def _remarks(model):
    """What else there is to say of the chosen mixture, in a list."""
    remarks = []
    # The warning of a degenerate mixture names its rows.
    if not model.degenerate_:
        remarks += [f"{sentence}." for sentence in thin_sentences(model)]
    if model.thin_components_:
        remarks.append("Rows are counted from 0, without the header.")
    if model.largest_chosen_:
        remarks.append(
            f"{model.n_components_} is the largest number tried; more components may be"
            " better still."
        )
    return remarks


def _parameters(model, features):
    """Tables of the estimates, with a column per component and up to five per table."""
    estimates = np.vstack([model.intercept_, model.coef_.T, model.scale_])
    number = _format(estimates)
    names = [f"component {k}" for k in range(model.n_components_)]
    shares = [f"{100 * share:.1f} %" for share in model.weights_]
    labels = ["", "share", "intercept", *features, "scale"]
    cells = [names, shares, *([number(value) for value in row] for row in estimates)]
    width = min(max(len(label) for label in labels), 28)
    tables = []
    for first in range(0, model.n_components_, 5):
        lines = [
            f"{_shortened(label, width):{width}}"
            + "".join(f"  {cell:>12}" for cell in row[first : first + 5])
            for label, row in zip(labels, cells, strict=True)
        ]
        tables.append("\n".join(lines))
    return "\n\n".join(tables)


def _format(values):
    """A format with three digits for the smallest number and aligned decimal points.

    Very large and very small numbers get an exponent.
    """
    sizes = np.abs(values)
    usual = sizes[(sizes >= 1e-3) & (sizes < 1e7)]
    smallest = usual.min() if usual.size else 1.0
    decimals = max(0, 2 - int(np.floor(np.log10(smallest))))

    def number(value):
        if value == 0 or 1e-3 <= abs(value) < 1e7:
            return f"{value:.{decimals}f}"
        return f"{value:.2e}"

    return number


def _shortened(label, width):
    return label if len(label) <= width else f"{label[: width - 3]}..."


def _proof(model):
    best = model.best_estimator_
    if not best.converged_:
        return "The maximum is not proven."
    searches = "agree" if agreed(best) else "do not agree"
    return (
        "A local maximum is proven: the last Newton step gained at most"
        f" {max(best.newton_decrement_, 0.0):.0e} nats,\n"
        "and the observed information is positive definite. Independent searches\n"
        f"{searches} that it is the best one."
    )


def _plot(model, table, path):
    """Save the plot, and return a line that describes it."""
    from matplotlib.figure import Figure

    from .plotting import MixtureRegressionDisplay

    # A figure created without pyplot needs no display.
    figure = Figure(layout="constrained")
    display = MixtureRegressionDisplay.from_estimator(
        model, table.X, table.y, target_name=table.target, ax=figure.subplots()
    )
    display.ax_.set_xlabel(table.features[0])
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        raise _Refusal(f"cannot draw {path}: {error}") from error
    return f"Plot of {table.target} against {table.features[0]}: {path}"


def _count(number, noun):
    return f"{number} {noun}{'' if number == 1 else 's'}"


if __name__ == "__main__":
    sys.exit(main())
