"""The profile of the components: what their rows have in common."""

import numpy as np

from .._component_names import names_of_shares
from .._data.checks import check_weight
from .._data.groups import check_groups
from .._data.row_data import row_arguments
from .._docs import documented
from .._extras import pandas_for
from .._inside import inside
from .._responses import drawn_response
from .facts import response_name

_SIZE, _MISSING = "component size", "(missing)"


@documented
def profile(
    model,
    X,
    y,
    data,
    *,
    sample_weight=None,
    groups=None,
    offset=None,
    trials=None,
    row_scale=None,
    known_component=None,
    component_names=None,
):
    r"""Profile of the components: means and shares of any columns in each of them.

    With the membership :math:`\tau_{ik}` of row i and its weight :math:`w_i`, the mean
    of a column :math:`z` in component k is
    :math:`\sum_i w_i \tau_{ik} z_i / \sum_i w_i \tau_{ik}`, over the rows in which it
    is not missing. So rows count for each component as far as they belong to it, and
    the rows that do not clearly belong to one are not forced into it.

    Parameters
    ----------
    {fitted_model, X, y}
    data : pandas.DataFrame of shape (n_samples, n_columns)
        Columns to describe, one row for each row of X in the same order. They need not
        be features of the model.
    {sample_weight, groups, offset, trials, row_scale, known_component}
    {component_names}

    Returns
    -------
    pandas.DataFrame
        A column for each component, and ``"all"`` for all rows. Its index, (variable,
        statistic), has ``"component size"``: the share and the rows (and groups) of a
        component, sums of memberships; the response, and the columns of `data`: `mean`
        and `std` of numbers, and the share of each level of texts, categories and
        booleans. Where values are missing, ``"(missing)"`` counts their rows; a mean is
        NaN if all rows of a component are missing.

    Raises
    ------
    ImportError
        If pandas is not installed.
    TypeError
        If `data` is no dataframe, or a column has neither numbers nor categories.
    ValueError
        If `data` and X have different rows, a column has infinite values, a name
        occurs twice, or there is not one name for each component.

    See Also
    --------
    summary : The fit, and the coefficients of the components.

    Notes
    -----
    The memberships depend on the response, and so do these means: they describe, and
    their differences cannot be tested as if the components were observed. To test
    whether a column predicts the component, make it a feature of the gate.

    Examples
    --------
    >>> import pandas as pd
    >>> from mixreg_sklearn import MixtureRegressor, profile
    >>> from mixreg_sklearn.datasets import load_two_lines
    >>> X, y = load_two_lines(return_X_y=True)
    >>> model = MixtureRegressor(2, random_state=0).fit(X, y)
    >>> data = pd.DataFrame({"positive": y > 0})
    >>> names = ["steep", "flat"]
    >>> table = profile(model, X, y, data, component_names=names).round(2)
    >>> table.loc[("positive", "True")].tolist()
    [1.0, 0.25, 0.63]
    """
    pd = pandas_for("profile")
    found = inside(model)
    names = names_of_shares(component_names, found.mixture)
    _check_rows(data, X, pd)
    rows = row_arguments(locals())
    memberships = found.mixture.predict_proba(found.features(X), y, **rows)
    row_weight = check_weight(sample_weight, memberships)
    whole = np.ones((len(memberships), 1))
    weight = row_weight[:, None] * np.hstack([memberships, whole])
    blocks = [(_SIZE, _sizes(weight, check_groups(groups, memberships)))]
    for name, column in _columns(data, _responses(found.mixture, y), pd):
        blocks.append((name, _described(name, column, weight, pd)))
    table = {(name, label): v for name, block in blocks for label, v in block.items()}
    index = pd.MultiIndex.from_tuples(table, names=["variable", "statistic"])
    return pd.DataFrame(np.array([*table.values()]), index, [*names, "all"])


def _check_rows(data, X, pd):
    """Raise unless `data` is a dataframe with the rows of X, as far as can be seen."""
    if not isinstance(data, pd.DataFrame):
        raise TypeError(
            f"data must be a pandas DataFrame; got {type(data).__name__}."
            " (pandas.DataFrame(data) makes one.)"
        )
    n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
    if len(data) != n_rows:
        raise ValueError(
            f"data has {len(data)} rows, and X has {n_rows}: data must have one row for"
            " each row of X."
        )
    index = getattr(X, "index", None)
    if not isinstance(index, pd.Index) or index.equals(data.index):
        return
    if index.is_unique and index.sort_values().equals(data.index.sort_values()):
        raise ValueError(
            "data has the rows of X in another order: pass data.loc[X.index]."
        )


def _responses(mixture, y):
    """Values (n,) of every response, NaN where it is missing, by name."""
    names = getattr(mixture, "response_names_", [response_name(y) or "y"])
    return {name: drawn_response(mixture, y, r) for r, name in enumerate(names)}


def _columns(data, responses, pd):
    """Names and columns to describe: the responses, and the others of `data`."""
    columns = [(str(name), data.iloc[:, j]) for j, name in enumerate(data.columns)]
    names = [_SIZE, *(name for name, _ in columns)]
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise ValueError(
            f"data has a column {twice[0]!r} whose name occurs twice in the profile:"
            " rename it."
        )
    others = dict(columns)
    for name, values in responses.items():
        same = others.pop(name, None)
        if same is None:
            continue
        same = pd.to_numeric(same, errors="coerce")
        if not np.array_equal(same, values, equal_nan=True):
            raise ValueError(
                f"data has a column {name!r}, the name of the response, with other"
                " values than y: rename it."
            )
    first = [(name, pd.Series(values)) for name, values in responses.items()]
    return [*first, *others.items()]


def _sizes(weight, groups):
    rows = weight.sum(axis=0)
    sizes = {"share": rows / rows[-1], "rows": rows}
    if groups is None:
        return sizes
    units = weight[groups.first].sum(axis=0)
    return {"share": units / units[-1], "groups": units, "rows": rows}


def _described(name, column, weight, pd):
    """Statistics of a column by label, (K + 1,) each."""
    missing = column.isna().to_numpy()
    there, weight_there = column[~missing], weight[~missing]
    total = weight_there.sum(axis=0)
    # Where all rows of a component are missing, so are its means.
    relative = weight_there / np.where(total > 0, total, 1.0)
    describe = _moments if _is_number(column, pd) else _shares
    statistics = {
        label: np.where(total > 0, values, np.nan)
        for label, values in describe(name, there, relative, pd).items()
    }
    if missing.any():
        statistics[_MISSING] = weight[missing].sum(axis=0)
    return statistics


def _is_number(column, pd):
    kinds = pd.api.types
    return kinds.is_numeric_dtype(column) and not kinds.is_bool_dtype(column)


def _moments(name, column, weight, pd):
    """Mean and standard deviation; the weights of each component sum to one."""
    values = column.to_numpy(dtype=float)
    if not np.isfinite(values).all():
        raise ValueError(f"data has infinite values in column {name!r}.")
    mean = values @ weight
    variance = ((values[:, None] - mean) ** 2 * weight).sum(axis=0)
    return {"mean": mean, "std": np.sqrt(variance)}


def _shares(name, column, weight, pd):
    """Shares of the levels, in the order of the categories, or sorted."""
    kinds = pd.api.types
    if kinds.is_datetime64_any_dtype(column) or kinds.is_timedelta64_dtype(column):
        raise TypeError(
            f"data has times in column {name!r}: make them numbers, such as years, or"
            " categories."
        )
    levels = column.astype("category").cat.remove_unused_categories().cat
    codes = levels.codes.to_numpy()
    shares = np.zeros((len(levels.categories), weight.shape[1]))
    np.add.at(shares, codes, weight)
    labels = [str(level) for level in levels.categories]
    if len(set(labels)) < len(labels):
        raise ValueError(
            f"data has levels of the same name in column {name!r}, such as 1 and '1'."
        )
    return dict(zip(labels, shares, strict=True))
