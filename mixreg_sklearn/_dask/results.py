"""What a fitted mixture says of the partitions of dask collections."""

from copy import copy
from functools import partial, reduce
from operator import add

import dask.array as da
import numpy as np
from dask import delayed

from .._data.checks import check_weight
from .._remembered import check_grouped, check_unchanged
from .groups import check_apart, labels_of
from .parts import check_table, parts_of, see_features
from .places import places_of
from .scratch import settings_of_fit

# Arguments that are not of rows.
_OPTIONS = ("return_std",)


def added(function, model, given):
    """The sum of ``function(model, **chunks)`` over all partitions.

    `given` are the arguments by name: X, y and others.
    """
    parts, others = _prepared(model, given)
    function = partial(function, _small(model, given["X"]))
    summand = partial(_summand, function, others)
    found = places_of(parts, given["X"], summand).ask(_itself)
    check_apart([labels for _, labels in found])
    sums = [of_part for of_part, _ in found if of_part is not None]
    if not sums:
        check_weight(np.zeros(1), np.zeros((1, 1)))
    return reduce(add, sums)


def of_rows(method, model, given):
    """The dask array, or tuple of them, that a method returns for all rows."""
    options = {name: given.pop(name) for name in _OPTIONS if name in given}
    parts, others = _prepared(model, given)
    if given.get("groups") is not None:
        apart = delayed(check_apart)([part.then(labels_of) for part in parts])
        parts = [part.after(apart) for part in parts]
    shape, dtype = _like(method, model)
    several = 2 if options.get("return_std") else None
    function = _small(model, given["X"]), method, others | options, (shape, dtype)
    results = [part.then(partial(_result, *function)) for part in parts]
    lengths = _lengths(given["X"], len(parts))
    if several is None:
        return _joined(results, lengths, shape, dtype)
    return tuple(
        _joined([each[i] for each in results], lengths, shape, dtype)
        for i in range(several)
    )


def _prepared(model, given):
    """The parts of arguments, and those that are no collections; both by name."""
    check_unchanged(model)
    check_table(given["X"])
    see_features(model, given["X"], reset=False)
    if given.get("y") is not None:
        check_grouped(model, given.get("groups"))
    return parts_of(**given)


def _small(model, X):
    """A copy of a fitted estimator without what chunks of X do not need."""
    model = copy(model)
    model.init = None
    left_out = ["search_", "_skl_callbacks"]
    if not hasattr(X, "columns"):
        left_out.append("feature_names_in_")
    for name in filter(partial(hasattr, model), left_out):
        delattr(model, name)
    return model


def _like(method, model):
    """Shape of the result for a row, and its type."""
    if method == "predict_membership":
        return (), np.dtype(np.intp)
    several, K = np.shape(model.scale_)[:-1], model.n_components
    shape = {
        "predict": several,
        "predict_components": (K, *several),
        "outlier_probability": (),
    }
    n_shares = K + (model.background is not None)
    return shape.get(method, (n_shares,)), np.dtype(float)


def _result(model, method, others, like, X, after=None, **chunks):
    """The result of a method for the rows of a partition."""
    if not X.shape[0]:
        none = np.empty((0, *like[0]), like[1])
        return (none, none) if others.get("return_std") else none
    with settings_of_fit():
        return getattr(model, method)(X, **chunks, **others)


def _summand(function, others, **chunks):
    """A summand, None without positive weights, and labels of groups or None."""
    given = others | chunks
    labels, weight = labels_of(**given), given.get("sample_weight")
    if not given["X"].shape[0] or not (weight is None or np.any(weight)):
        return None, labels
    return function(**given), labels


def of_groups(method, model, given):
    """Sorted labels of all groups, and what a method returns for them, in memory."""
    parts, others = _prepared(model, given)
    function = partial(_of_groups, _small(model, given["X"]), method, others)
    found = places_of(parts, given["X"], function).ask(_itself)
    found = [of_part for of_part in found if of_part is not None]
    check_apart([labels for labels, _ in found])
    labels, values = (np.concatenate(each) for each in zip(*found, strict=True))
    order = np.argsort(labels, kind="stable")
    return labels[order], values[order]


def _of_groups(model, method, others, X, **chunks):
    return getattr(model, method)(X, **chunks, **others) if X.shape[0] else None


def _itself(value):
    return value


def _lengths(X, n_parts):
    """Numbers of rows of all partitions, NaN where they are unknown."""
    return X.chunks[0] if isinstance(X, da.Array) else (np.nan,) * n_parts


def _joined(results, lengths, shape, dtype):
    parts = [
        da.from_delayed(result, (n, *shape), dtype)
        for result, n in zip(results, lengths, strict=True)
    ]
    return da.concatenate(parts, allow_unknown_chunksizes=True)
