"""The candidates of a search over numbers of components, whichever search it was."""

from numbers import Integral
from textwrap import shorten
from typing import NamedTuple

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

CRITERIA = ("aic", "bic", "sabic", "icl", "choice")
_USUAL, _USUAL_OF_PATHS = ("bic", "icl"), ("choice",)
_NUMBER = "n_components"
# Letters of the value of a parameter in a legend.
_MOST_LETTERS = 32


class Candidates(NamedTuple):
    """Candidates, as the constructor of `CriterionDisplay` takes them."""

    n_components: np.ndarray  # (n_candidates,)
    values: dict  # of str to ndarray (n_candidates,)
    labels: list | None  # (n_candidates,)
    chosen: int | None
    spread: np.ndarray | None = None  # (n_candidates,)
    score_name: str | None = None
    alphas: np.ndarray | None = None  # (n_candidates,), along paths of penalties


def candidates_of(estimator, criteria):
    """The candidates of the outermost search over numbers of components."""
    inner = estimator
    while True:
        check_is_fitted(inner)
        if hasattr(inner, "table_"):
            return _of_criteria(inner, criteria)
        if hasattr(inner, "cv_results_"):
            parameter, numbers = _numbers(inner)
            if parameter is not None:
                return _of_scores(inner, parameter, numbers, criteria)
        inner = one_further(inner)
        if inner is None:
            raise TypeError(
                "estimator must be a MixtureRegressorIC, or a grid search over the"
                f" n_components of a mixture; got {type(estimator).__name__}."
            )


def one_further(estimator):
    """What is in a fitted pipeline or search, its last step or best one, or None."""
    if isinstance(estimator, Pipeline):
        return estimator[-1]
    return getattr(estimator, "best_estimator_", None)


def _of_criteria(selected, criteria):
    paths = selected.alphas is not None
    usual = _USUAL_OF_PATHS if paths else _USUAL
    names = usual if criteria is None else criteria
    names = [names] if isinstance(names, str) else list(names)
    for name in names:
        if name not in CRITERIA:
            raise ValueError(f"criteria must be among {CRITERIA}; got {name!r}.")
    table = selected.table_
    labels = [str(label) for label in table["estimator"]]
    labels = labels if len(set(labels)) > 1 else None
    return Candidates(
        n_components=table[_NUMBER],
        values={_called(name): table[name] for name in names},
        labels=_labels_of_paths(table[_NUMBER], labels) if paths else labels,
        chosen=selected.best_index_,
        alphas=table["alpha"] if paths else None,
    )


def _called(criterion):
    """The name of a criterion in a plot."""
    return criterion if criterion == "choice" else criterion.upper()


def _labels_of_paths(numbers, labels):
    """A label for each path: its number of components, and its template."""
    of = [f"{number} component{'s' if number > 1 else ''}" for number in numbers]
    if labels is None:
        return of
    return [f"{one}, {label}" for one, label in zip(of, labels, strict=True)]


def _of_scores(search, parameter, numbers, criteria):
    if criteria is not None:
        raise ValueError(
            f"criteria={criteria!r} is for a MixtureRegressorIC: a"
            f" {type(search).__name__} has scores of its own scoring= only."
        )
    results = search.cv_results_
    key, name = _scorer(search)
    several = search.n_splits_ > 1
    label = f"{name}, higher is better"
    if several:
        label += f"\nmean and std. dev. of {search.n_splits_} folds"
    return Candidates(
        n_components=np.array(numbers),
        values={name: np.asarray(results[f"mean_test_{key}"], dtype=float)},
        labels=_labels(results, parameter),
        chosen=getattr(search, "best_index_", None),
        spread=np.asarray(results[f"std_test_{key}"]) if several else None,
        score_name=label,
    )


def _numbers(search):
    """The parameter that is the number of components, and its values; or None twice."""
    settings = search.cv_results_["params"]
    owners = getattr(search, "best_estimator_", search.estimator).get_params()
    for name in dict.fromkeys(name for each in settings for name in each):
        owner, _, last = name.rpartition("__")
        owner = owners.get(owner) if owner else search.estimator
        # The number of components of a PCA is none of a mixture.
        if last == _NUMBER and hasattr(owner, "predict_group_proba"):
            # A list of grids may leave it out of some of them.
            initial = search.estimator.get_params()[name]
            numbers = [each.get(name, initial) for each in settings]
            if all(isinstance(number, Integral) for number in numbers):
                return name, numbers
    return None, None


def _scorer(search):
    """Key of the scores in `cv_results_`, and a name for the axis."""
    if search.multimetric_:
        names = list(search.scorer_)
        name = search.refit if isinstance(search.refit, str) else names[0]
        return name, name
    scoring = search.scoring
    if isinstance(scoring, str) or scoring is None:
        return "score", scoring or "score"
    # Scorers of this library have a name, functions have another one.
    function = getattr(scoring, "_score_func", scoring)
    name = getattr(function, "name", None) or getattr(function, "__name__", None)
    return "score", name or type(function).__name__


def _labels(results, parameter):
    """What candidates differ in besides the number of components, or None."""
    others = [
        {name: value for name, value in settings.items() if name != parameter}
        for settings in results["params"]
    ]
    if "iter" in results:
        # Successive halving scores a candidate again with more rows.
        others = [
            settings | {"iter": i}
            for settings, i in zip(others, results["iter"], strict=True)
        ]
    kept = []
    for name in dict.fromkeys(name for settings in others for name in settings):
        # A parameter that others determine says nothing more.
        if _kinds(others, [*kept, name]) > _kinds(others, kept):
            kept.append(name)
    labels = [
        ", ".join(
            f"{name.rpartition('__')[2]}={shorten(repr(settings[name]), _MOST_LETTERS)}"
            for name in kept
            if name in settings
        )
        for settings in others
    ]
    return [label or "default" for label in labels] if kept else None


def _kinds(others, names):
    """How many kinds of settings differ in some parameters."""
    return len(
        {tuple(repr(each.get(name, _kinds)) for name in names) for each in others}
    )
