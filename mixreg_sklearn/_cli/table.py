"""A table in a file, as pandas reads it."""

import bz2
import csv
import gzip
import lzma
import re
import warnings
import zipfile
import zlib
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from .words import Refusal, count, plain

_SEPARATORS = ",;\t|"
# Stata and SAS write a missing number as a stop.
_MISSING = ["."]
# Rows from which the decimal sign is known.
_SAMPLE = 1000
# pandas reads them, but files in them have no lines for `Source.record`.
ARCHIVES = {".zip", ".zst", ".tar"}
_OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


def opener(path):
    """The function that opens a file, which may be compressed."""
    return _OPENERS.get(Path(path).suffix.lower(), open)


class Source(NamedTuple):
    """A file, and how the table in it is written."""

    path: str
    encoding: str
    separator: str
    decimal: str = "."

    @property
    def name(self):
        """The name of the file, for the user."""
        return plain(Path(self.path).name)

    def read(self, **options):
        """What `pandas.read_csv` reads."""
        import pandas as pd

        return pd.read_csv(
            self.path,
            sep=self.separator,
            decimal=self.decimal,
            encoding=self.encoding,
            skipinitialspace=True,
            # Read as a whole, a column has one type.
            low_memory=False,
            **options,
        )

    def record(self, row):
        """The cells of a row, counted from 0, and the line on which it ends.

        (None, None) if pandas alone can open the file.
        """
        if Path(self.path).suffix.lower() in ARCHIVES:
            return None, None
        with opener(self.path)(
            self.path, "rt", encoding=self.encoding, newline=""
        ) as file:
            reader = csv.reader(file, delimiter=self.separator, skipinitialspace=True)
            records = (each for each in reader if "".join(each).strip() or each[1:])
            return next(islice(records, row + 1, None), None), reader.line_num

    def place(self, row):
        """Where a row is, in words.

        Raises
        ------
        Refusal
            If the row has too few cells.
        """
        cells, line = self.record(row)
        if cells is None:
            return f"in row {row + 1} below the header"
        header, _ = self.record(-1)
        if len(cells) < len(header):
            raise Refusal(
                f"line {line} of {self.path} has {count(len(cells), 'value')}, the"
                f" header {len(header)}"
            )
        return f"in line {line}"


class Table(NamedTuple):
    """A table, its columns by the names that are shown, and its source."""

    source: Source
    frame: object  # pandas.DataFrame
    column: dict  # name in the frame by name on one line
    unnamed: list  # columns without a name, of `frame`
    index: bool  # whether the rows have labels that the header does not name


def read_table(path, encoding):
    """Read a table.

    Raises
    ------
    Refusal
        If there is none in the file.
    """
    with _refusing(path, encoding):
        # pandas would take an address, too.
        with open(path, "rb"):
            pass
        encoding = "utf-8-sig" if encoding.lower() in {"utf-8", "utf8"} else encoding
        headers = {sep: _header(Source(path, encoding, sep)) for sep in _SEPARATORS}
        # The separator is that which divides the header into most names.
        separator = max(headers, key=lambda sep: len(headers[sep]))
        source, header = Source(path, encoding, separator), headers[separator]
        _check_names(path, header)
        source = source._replace(decimal=_decimal_sign(source))
        index = _has_index(source)
        frame = source.read(na_values=_MISSING)
    if frame.index.nlevels > 1:
        raise Refusal(f"{path} has rows with more values than its header has names")
    column = {plain(raw): raw for raw in frame.columns}
    unnamed = [raw for raw, name in zip(frame.columns, header, strict=True) if not name]
    return Table(source, frame, column, unnamed, index)


def _header(source):
    first = source.read(header=None, nrows=1, dtype=str, na_filter=False)
    return [plain(name) for name in first.iloc[0]]


def _check_names(path, header):
    if not any(header):
        raise Refusal(f"{path} has no header")
    for name in filter(None, header):
        if header.count(name) > 1:
            raise Refusal(f"{path} has several columns named {name!r}")


def _decimal_sign(source):
    """A comma, where more cells of the first rows have it in a number than a stop."""
    if source.separator == ",":
        return "."
    sample = source.read(nrows=_SAMPLE, dtype=str, na_filter=False)
    signs = {",": 0, ".": 0}
    for sign in signs:
        number = rf"\s*[-+]?\d*\{sign}\d+(?:[eE][-+]?\d+)?\s*"
        for _, cells in sample.items():
            signs[sign] += int(cells.str.fullmatch(number).sum())
    return max(".,", key=signs.get)


def _has_index(source):
    """Whether rows have a cell more than the header, as R's write.table writes them."""
    import pandas as pd

    with warnings.catch_warnings(record=True, action="always") as caught:
        source.read(nrows=1, index_col=False)
    return any(issubclass(each.category, pd.errors.ParserWarning) for each in caught)


@contextmanager
def _refusing(path, encoding):
    """Turn errors of reading into refusals."""
    import pandas as pd

    try:
        yield
    except pd.errors.EmptyDataError as error:
        raise Refusal(f"{path} is empty") from error
    except UnicodeError as error:
        raise Refusal(
            f"{path} is not a csv file in {encoding.upper()}: {error}; for another"
            " encoding, add --encoding, such as cp1252 or utf-16"
        ) from error
    except LookupError as error:
        raise Refusal(f"--encoding: {error}") from error
    except pd.errors.ParserError as error:
        raise Refusal(_of_parser(path, str(error))) from error
    except OSError as error:
        raise Refusal(f"cannot read {path}: {error.strerror or error}") from error
    except (
        ValueError,
        ImportError,
        EOFError,
        zlib.error,
        lzma.LZMAError,
        zipfile.BadZipFile,
    ) as error:
        raise Refusal(f"cannot read {path}: {error}") from error


def _of_parser(path, message):
    found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message)
    if found:
        names, line, values = found.groups()
        return f"line {line} of {path} has {values} values, the header {names}"
    return (
        f"{path} is not a csv file: {message.removeprefix('Error tokenizing data. ')}"
    )
