"""Hashes of rows: numbers that look random, from the content of a row alone."""

import numpy as np

# Odd multipliers and shifts of splitmix64 (Steele, Lea & Flood 2014).
_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def hash_features(features):
    """Hashes of the rows of `Features`, (n,) of uint64."""
    hashes = np.empty(features.shape[0], dtype=np.uint64)
    if features.sparse:
        for rows, X in features.sparse_parts():
            hashes[rows] = _hash_entries(X, features.chosen)
        return hashes
    for rows, X in features.parts():
        hashes[rows] = hash_numbers(X, features.chosen)
    return hashes


def hash_numbers(values, columns):
    """Hashes (n,) of numbers (n, d), which stand in columns (d,) of these numbers.

    That of a row is a sum over its columns, to which zeros contribute nothing.
    """
    return _mixed(values, columns).sum(axis=1)


def _hash_entries(X, columns):
    """The same of a CSR array (n, d)."""
    mixed = _mixed(X.data, columns[X.indices])
    # Differences of cumulated sums are exact modulo 2^64.
    total = np.append(np.uint64(0), np.cumsum(mixed, dtype=np.uint64))
    return np.diff(total[X.indptr])


def _mixed(values, columns):
    """A random number for each value and its column, zero for zero."""
    numbers = np.ascontiguousarray(values + 0.0, dtype=np.float64)  # -0.0 is zero
    bits = numbers.view(np.uint64)
    mixed = scrambled(bits + columns.astype(np.uint64) * _STEP)
    mixed *= bits != 0
    return mixed


def scrambled(bits):
    """The finalizer of splitmix64: close numbers (n,) become distant ones."""
    bits = (bits ^ (bits >> np.uint64(30))) * _FIRST
    bits = (bits ^ (bits >> np.uint64(27))) * _SECOND
    return bits ^ (bits >> np.uint64(31))
