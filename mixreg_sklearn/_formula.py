"""Fits by formula, as in R: `fit_formula`. Formulas are those of formulaic."""

import re
import warnings
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ._data.row_data import given
from ._docs import documented
from ._extras import pandas_for
from ._regressor import MixtureRegressor
from ._selection import MixtureRegressorIC

# The column of the offset in the features of the mixture.
_OFFSET = "offset"
# Marks of colors in the messages of formulaic.
_MARKS = re.compile(r"\x1b\[\d+m|⧛\[[\d;]*m|⧚")


@documented
def fit_formula(
    formula,
    data,
    *,
    n_components=2,
    gate=None,
    offset=None,
    weights=None,
    trials=None,
    **settings,
):
    """Fit a mixture of regressions by a formula.

    Parameters
    ----------
    formula : str
        ``"response ~ features"``, or ``"response ~ features | group"``, where rows of
        one group share a component. Features are terms of formulaic, much as in R: `x`,
        ``I(x**2)``, ``log(x)``, ``x:z``, ``C(region)``, ``bs(x, df=4)``; ``0 +`` drops
        the intercept. Columns of words are categories.
    data : DataFrame
        The columns that the formulas name. Missing cells are refused.
    n_components : int or list of int, default=2
        Number of regressions; a list selects the best number by BIC
        (`MixtureRegressorIC`).
    gate : str, default=None
        Formula of the features on which the prior probabilities of the components
        depend, ``"~ age + sex"``: a softmax gate. None means mixing weights.
    offset : str, default=None
        Expression added to the linear predictor of every component: ``"log(days)"``.
        The pipeline computes it for new rows, too.
    weights, trials : str, default=None
        Expressions for the weights of rows, which count them, and for the trials of the
        binomial family. They are for the fit; predictions are of one trial.
    **settings
        Settings of `MixtureRegressor`, such as `family`, `shared_features` (columns by
        their names after the formula, ``"I(x ** 2)"``) or `random_state`; with a list
        of numbers of components also those of `MixtureRegressorIC`, such as
        `criterion`.

    Returns
    -------
    Pipeline
        Fitted; its steps are `formula` and `mixture`. ``predict(new_data)`` and all
        functions that take a model take frames like `data`.

    Raises
    ------
    ImportError
        If formulaic is not installed.
    ValueError
        If a formula has no response, names an unknown column, or needs a missing cell.

    Examples
    --------
    >>> from mixreg_sklearn import fit_formula
    >>> from mixreg_sklearn.datasets import load_nodata
    >>> data = load_nodata(as_frame=True).frame
    >>> pipe = fit_formula("Equivalence ~ NO + I(NO**2)", data, random_state=0)
    >>> pipe.predict(data).shape, pipe["mixture"].converged_
    ((88,), True)
    """
    for name in ("gate_features", "regression_features", "offset_feature"):
        if name in settings:
            raise ValueError(f"{name} is set by the formulas: leave it out.")
    response, terms, group = _parts(formula)
    features = FormulaFeatures(terms, gate, offset).fit(data)
    settings |= {
        "regression_features": features.regression_features_,
        "fit_intercept": features.fit_intercept_,
    }
    if gate is not None:
        settings |= {"gate": "softmax", "gate_features": features.gate_features_}
    if offset is not None:
        settings["offset_feature"] = _OFFSET
    single = isinstance(n_components, Integral)
    kind = MixtureRegressor if single else MixtureRegressorIC
    mixture = kind(n_components, **settings)
    metadata = given(
        sample_weight=_column(weights, data, "weights"),
        groups=None if group is None else _groups(group, data),
        trials=_column(trials, data, "trials"),
    )
    mixture.fit(features.transform(data), _column(response, data, "y"), **metadata)
    return Pipeline([("formula", features), ("mixture", mixture)])


class FormulaFeatures(TransformerMixin, BaseEstimator):
    """From a data frame to the features of a mixture, by formulas.

    Parameters
    ----------
    terms : str
        Right-hand side of the formula of the regressions.
    gate : str, default=None
        Formula of the gate; it may begin with ``~``.
    offset : str, default=None
        Expression of the offset.

    Attributes
    ----------
    regression_features_, gate_features_ : list of str
        Names of the columns that the regressions and the gate use.
    fit_intercept_ : bool
        Whether the regressions have an intercept.
    specs_ : dict
        What formulaic learned from the data: levels, knots and so on.
    """

    def __init__(self, terms, gate=None, offset=None):
        self.terms = terms
        self.gate = gate
        self.offset = offset

    def fit(self, data, y=None):
        """Learn levels of categories, knots of splines and so on.

        Parameters
        ----------
        data : DataFrame
        y : None
            Ignored.

        Returns
        -------
        self : FormulaFeatures
        """
        formulas = given(regression=self.terms, gate=self.gate)
        matrices = {name: _matrix(text, data, name) for name, text in formulas.items()}
        self.specs_ = {name: matrix.model_spec for name, matrix in matrices.items()}
        columns = {name: list(matrix.columns) for name, matrix in matrices.items()}
        self.fit_intercept_ = "Intercept" in columns["regression"]
        names = {
            name: [column for column in found if column != "Intercept"]
            for name, found in columns.items()
        }
        self.regression_features_ = names["regression"]
        self.gate_features_ = names.get("gate", [])
        self.feature_names_in_ = np.array([str(c) for c in data.columns], dtype=object)
        self.n_features_in_ = len(self.feature_names_in_)
        return self

    def transform(self, data):
        """The features of the mixture.

        Parameters
        ----------
        data : DataFrame

        Returns
        -------
        DataFrame
            Columns of the regressions, of the gate, and of the offset.
        """
        check_is_fitted(self)
        columns = {}
        for name, spec in self.specs_.items():
            matrix = _matrix(spec, data, name)
            columns |= {c: matrix[c].to_numpy(float) for c in matrix.columns}
        columns.pop("Intercept", None)
        if self.offset is not None:
            columns[_OFFSET] = _column(self.offset, data, "offset")
        return pandas_for("transform").DataFrame(columns, index=data.index)

    def get_feature_names_out(self, input_features=None):
        """Names of the columns that `transform` gives."""
        check_is_fitted(self)
        names = dict.fromkeys([*self.regression_features_, *self.gate_features_])
        return np.array([*names, *[_OFFSET] * (self.offset is not None)], dtype=object)


def _parts(formula):
    """Response, terms, and group or None of a formula."""
    if not isinstance(formula, str) or formula.count("~") != 1:
        raise ValueError(f"formula must be 'response ~ features'; got {formula!r}.")
    response, right = (part.strip() for part in formula.split("~"))
    # A bar outside parentheses.
    terms, *group = (
        part.strip() for part in re.split(r"\|(?![^(]*\))", right, maxsplit=1)
    )
    if not response or not terms or (group and not group[0]):
        raise ValueError(
            "formula must have a response, features (1 for none) and, after a bar, a"
            f" group; got {formula!r}."
        )
    return response, terms, group[0] if group else None


def _matrix(formula, data, name):
    """The model matrix of a formula, or of the specification of an earlier one."""
    if isinstance(formula, str):
        formula = formula.strip().removeprefix("~")
    with warnings.catch_warnings():
        # Levels that formulaic has not seen would become zeros.
        warnings.filterwarnings("error", "Data has categories outside")
        return _evaluated(formula, data, name)


def _column(expression, data, name):
    """Values (n,) of an expression, or None for None."""
    if expression is None:
        return None
    # Within I, an expression is arithmetic.
    matrix = _matrix(f"0 + I({expression})", data, name)
    if matrix.shape[1] != 1:
        raise ValueError(
            f"{name}={expression!r} must be one column of numbers; it gives"
            f" {list(matrix.columns)}."
        )
    return matrix.iloc[:, 0].to_numpy(float)


def _groups(name, data):
    """Labels of groups, which are in a column of the data."""
    if name not in data.columns:
        raise ValueError(
            f"The group {name!r} of the formula is no column of data; its columns are"
            f" {list(data.columns)}."
        )
    if data[name].isna().any():
        raise ValueError(f"The group {name!r} has missing cells.")
    return data[name].to_numpy()


def _evaluated(formula, data, name):
    """`formulaic.model_matrix` with one kind of error."""
    try:
        from formulaic import model_matrix
    except ImportError as error:
        raise ImportError(
            "Formulas need formulaic: python -m pip install 'mixreg-sklearn[formula]'."
        ) from error
    try:
        return model_matrix(formula, data, na_action="raise", context={"np": np})
    except Exception as error:
        reason = _MARKS.sub("", str(error)).strip()
        raise ValueError(f"The {name} formula cannot be computed: {reason}") from error
