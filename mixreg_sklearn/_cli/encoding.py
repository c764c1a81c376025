"""Columns of a table as numbers, by a transformer that takes the raw table."""

from itertools import groupby
from typing import NamedTuple

from .cells import BOOLEAN, TEXT
from .words import plain


class Encoding(NamedTuple):
    """A fitted transformer, and what it makes of a table."""

    transformer: object  # ColumnTransformer
    X: object  # pandas.DataFrame of floats, (n, d), in one array
    source: list  # column of the table, for each column of X
    baseline: dict  # the value without an indicator, by column of text


def encoded(frame, columns, kind):
    """Numbers as they are, booleans as 0 and 1, text as indicators.

    Text has an indicator for each value but the first.

    Raises
    ------
    ValueError
        If an indicator would have the name of another column.
    """
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.preprocessing import OneHotEncoder

    # Neighbors of a kind are encoded at once, so that columns keep their order.
    runs = [(k, list(run)) for k, run in groupby(columns, key=kind.get)]
    indicators = OneHotEncoder(drop="first", sparse_output=False)
    transformer = ColumnTransformer(
        [
            (f"{k}{i}", indicators if k == TEXT else "passthrough", run)
            for i, (k, run) in enumerate(runs)
        ],
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    numbers = transformer.fit_transform(frame)
    names = numbers.columns
    numbers = numbers.to_numpy(dtype=float)
    source, baseline = [], {}
    for (k, run), (_, fitted, _) in zip(runs, transformer.transformers_, strict=False):
        for j, column in enumerate(run):
            width = 1
            if k == TEXT:
                values = fitted.categories_[j]
                baseline[column], width = values[0], len(values) - 1
            source += [column] * width
    X = pd.DataFrame(numbers, columns=names, copy=False)
    return Encoding(transformer, X, source, baseline)


def encoding_notes(encoding, columns, kind):
    """A sentence on text and one on booleans, where there are such columns."""
    notes = []
    if encoding.baseline:
        listed = (
            f"{plain(c)} (not {plain(v)!r})" for c, v in encoding.baseline.items()
        )
        notes.append(
            f"Text is one indicator for each value but one: {', '.join(listed)}."
        )
    booleans = [plain(column) for column in columns if kind[column] == BOOLEAN]
    if booleans:
        notes.append(f"Booleans are 0 and 1: {', '.join(booleans)}.")
    return notes
