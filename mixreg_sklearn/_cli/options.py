"""What the user may ask for on the command line."""

import argparse
import csv
import re
import shlex
from importlib.util import find_spec
from pathlib import Path

from ..families._names import FAMILIES, make_family
from .table import ARCHIVES
from .words import Refusal, plain

PROGRAM = "python -m mixreg_sklearn"
# Columns with a role of their own, besides the target: argument of `fit` by option.
ROLES = {
    "groups": "groups",
    "weights": "sample_weight",
    "offset": "offset",
    "trials": "trials",
}
# A column that tells which lifetimes have ended.
EVENT = "event"
_DESCRIPTION = """\
Fit a mixture of regressions: rows come from several unlabeled groups, each with its
own regression. Without --csv, fit a data set of two lines."""
_OF_TABLE = "target", "features", "gate", *ROLES, EVENT, "drop_missing", "memberships"


class _Parser(argparse.ArgumentParser):
    """A parser that leaves errors to `main`."""

    def error(self, message):
        raise Refusal(f"{message} (see --help)")


def parsed(arguments):
    """Options of the command, with `command`, a function that adds to its text.

    Raises
    ------
    Refusal
        If they are wrong, or say nothing together.
    """
    options = _parser().parse_args(arguments)
    options.components = components(options.components)
    options.command = lambda *more: f"{PROGRAM} {shlex.join([*arguments, *more])}"
    if options.csv is None:
        for name in _OF_TABLE:
            if getattr(options, name):
                raise Refusal(f"--{name.replace('_', '-')} needs --csv FILE")
    else:
        _check_installed("--csv", "pandas", extra="cli")
    _check_event(options)
    _check_outputs(options)
    return options


def components(text):
    """Parse "2", "1-6" or "1,2,4": numbers of components, in increasing order."""
    numbers = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,3})\s*(?:-\s*(\d{1,3})\s*)?", part)
        first, last = match.groups() if match else ("0", None)
        span = range(int(first), int(last or first) + 1)
        if not span or span[0] < 1:
            raise Refusal(f"--components must be like 2, 1-6 or 1,2,4; got {text!r}")
        numbers.update(span)
    return sorted(numbers)


def names_in(text):
    """Names of columns in "A,B"; a name with a comma is quoted, as in the file."""
    [names] = csv.reader([plain(text)], skipinitialspace=True)
    return [name.strip() for name in names or [""]]


def _parser():
    parser = _Parser(prog=PROGRAM, description=_DESCRIPTION)
    _add_of_table(parser.add_argument_group("table").add_argument)
    _add_of_model(parser.add_argument_group("model").add_argument)
    _add_of_results(parser.add_argument_group("results").add_argument)
    return parser


def _add_of_table(table):
    table(
        "--csv",
        metavar="FILE",
        help="table with a header, separated by commas, semicolons, tabs or bars; it"
        " may be compressed (.gz, .bz2, .xz, .zip); needs pandas",
    )
    table("--target", metavar="NAME", help="column of the response")
    table(
        "--features",
        metavar="A,B",
        help="columns of the regressions; text becomes indicators (default: all columns"
        " but an index and those with another role)",
    )
    table("--gate", metavar="A,B", help="columns on which the shares depend (softmax)")
    table("--groups", metavar="NAME", help="rows with the same label share a component")
    table("--weights", metavar="NAME", help="column that counts rows")
    table(
        "--offset",
        metavar="NAME",
        help="column with coefficient one, such as a logarithm of exposure",
    )
    table("--trials", metavar="NAME", help="trials of a binomial response")
    table(
        f"--{EVENT}",
        metavar="NAME",
        help="1 where a lifetime ended, 0 where it was still going on (censored)",
    )
    table(
        "--drop-missing", action="store_true", help="drop rows that have missing cells"
    )
    table(
        "--encoding",
        metavar="NAME",
        default="utf-8",
        help="encoding of the table, such as cp1252 (default: %(default)s)",
    )


def _add_of_model(model):
    model(
        "--family",
        choices=FAMILIES,
        metavar="NAME",
        default="gaussian",
        help=f"family of the response: {', '.join(FAMILIES)} (default: %(default)s)",
    )
    model(
        "--background",
        choices=("uniform", "zero", "cured"),
        metavar="KIND",
        help="one more component without a regression: uniform, for outliers; zero, for"
        " surplus zeros of counts; cured, for lifetimes that never end",
    )
    model(
        "--components",
        metavar="K",
        default="1-4",
        help="numbers of components to try: 2, 1-6 or 1,2,4 (default: %(default)s)",
    )
    model(
        "--criterion",
        choices=("bic", "aic", "icl", "sabic"),
        default="bic",
        help="criterion that chooses the number (default: %(default)s)",
    )
    model(
        "--seed", type=int, default=0, help="seed of the search (default: %(default)s)"
    )


def _add_of_results(results):
    results("--plot", metavar="FILE", help="plot rows and lines over one feature")
    results(
        "--memberships",
        metavar="FILE",
        help="write the table with the component of each row and its probabilities",
    )
    results(
        "--save",
        metavar="FILE",
        help="save the fitted model, a pipeline that takes the raw table (skops)",
    )
    results("--json", action="store_true", help="print the result as JSON, no tables")


def _check_event(options):
    lifetimes = [name for name in FAMILIES if make_family(name).response_columns == 2]
    if getattr(options, EVENT) is not None and options.family not in lifetimes:
        raise Refusal(
            f"--{EVENT} is for lifetimes: --family must be one of"
            f" {', '.join(lifetimes)}; got {options.family}"
        )


def _check_outputs(options):
    """Refuse, before a long fit, what could not be written after it."""
    if options.plot is not None:
        if not Path(options.plot).suffix[1:]:
            raise Refusal(f"--plot needs a name like fit.png; got {options.plot!r}")
        _check_installed("--plot", "matplotlib", extra="cli")
        _check_format(options.plot)
    if options.save is not None:
        _check_installed("--save", "skops", extra="save")
    if Path(options.memberships or "").suffix.lower() in ARCHIVES:
        raise Refusal(f"--memberships writes no archive; got {options.memberships!r}")
    taken = {} if options.csv is None else {Path(options.csv).resolve(): "--csv"}
    for name in ("plot", "memberships", "save"):
        path = getattr(options, name)
        if path is None:
            continue
        if not path or Path(path).is_dir() or not Path(path).parent.is_dir():
            raise Refusal(f"cannot write {path!r}: it must be a file in a folder")
        other = taken.setdefault(Path(path).resolve(), f"--{name}")
        if other != f"--{name}":
            raise Refusal(f"--{name} would overwrite the file of {other}: {path}")


def _check_installed(option, package, extra):
    if find_spec(package) is None:
        raise Refusal(
            f"{option} needs {package}, of the extra {extra!r}:"
            f" python -m pip install {package}"
        )


def _check_format(path):
    from matplotlib.backend_bases import FigureCanvasBase

    known = FigureCanvasBase.get_supported_filetypes()
    if Path(path).suffix[1:].lower() not in known:
        raise Refusal(
            f"cannot draw {path}: the ending must be one of {', '.join(known)}"
        )
