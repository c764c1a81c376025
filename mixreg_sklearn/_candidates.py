"""Fits of a template with several numbers of components."""

import time
import warnings
from numbers import Integral
from typing import NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from ._choice import choice_value
from ._criteria import Evidence, evidence
from ._data.checks import Range
from ._data.known import KNOWN, least_shares
from ._growth.growth import can_grow, grown_to
from ._paths import check_alphas, fits_of_path
from ._regressor import MixtureRegressor
from ._warnings import SearchWarning

CRITERIA = ("aic", "bic", "sabic", "icl")
# Log-likelihoods that differ by less, in nats, count as equal.
_SAME = 1e-8


_NONE = (
    "No fit of the path with {} components is among the candidates: with each of the"
    " penalties a component collapses on rows that it fits without error, or"
    " coefficients are more than a quarter of the rows. Use fewer components, stronger"
    " penalties, or more rows."
)


class Candidate(NamedTuple):
    """A fitted mixture among which one is selected."""

    label: object  # of its template
    mixture: object
    estimator: object  # the mixture, or the fitted pipeline that ends in it
    evidence: Evidence
    criteria: dict  # their values by name
    messages: list  # warnings of its fit
    correction: float = 0.0  # of criteria for the selection of features

    def choice(self, criterion):
        """A criterion with the penalties of the choice."""
        criterion = self.criteria[criterion] + self.correction
        return choice_value(criterion, self.mixture, self.evidence.weight)


class Rows(NamedTuple):
    """Data of a fit."""

    X: object
    y: object
    metadata: dict  # sample_weight, groups and so on, as far as given


def numbers_to_try(n_components):
    """The numbers of components to try; an integer stands for 1 to itself."""
    numbers = n_components
    if isinstance(numbers, Integral) and not isinstance(numbers, bool):
        numbers = range(1, numbers + 1)
    numbers = np.asarray(numbers, dtype=object)
    count = Range(Integral, 1, None, closed="left")
    right = all(map(count.is_satisfied_by, numbers.flat))
    if numbers.ndim != 1 or not numbers.size or not right:
        raise ValueError(
            "n_components must be a positive integer (the largest number to try), or a"
            f" list of at least one; got {n_components!r}."
        )
    return [int(number) for number in numbers]


def candidates_of(label, template, numbers, rows, alphas, progress):
    """Candidates of a template, along paths of penalties if `alphas` are given.

    Numbers of components too small for the labels of known components are left out.
    """
    least = least_shares(rows.metadata.get(KNOWN))
    least -= mixture_in(template).background is not None
    numbers = [number for number in numbers if number >= least] or numbers
    if alphas is None:
        return _sweep(label, template, numbers, rows, progress)
    alphas = check_alphas(alphas, mixture_in(template))
    return _sweep_paths(label, template, numbers, rows, alphas, progress)


def _sweep(label, template, numbers, rows, progress):
    """Candidates of a template with each number of components, in their order.

    The transformers of a pipeline do not depend on the number: they are fitted once.
    """
    head, template, name = _parted(template)
    if head is not None:
        rows = rows._replace(X=head.fit_transform(rows.X, rows.y))
    fits, highest = {}, None
    for number in sorted(set(numbers)):
        started = time.perf_counter()
        mixture = clone(template).set_params(n_components=number)
        with progress.candidate(mixture):
            mixture, messages = _fitted(mixture, highest, rows)
        if not mixture.degenerate_ and not _lower(mixture, highest):
            highest = mixture
        whole = mixture
        if head is not None:
            whole = Pipeline([*head.steps, (name, mixture)])
        evaluated = _evaluated(mixture, rows)
        fits[number] = Candidate(label, mixture, whole, *evaluated, messages)
        progress.report(fits[number], time.perf_counter() - started)
    return [fits[number] for number in numbers]


def _sweep_paths(label, template, numbers, rows, alphas, progress):
    """Candidates of a template with each number of components, a path for each."""
    head, template, name = _parted(template)
    if head is not None:
        rows = rows._replace(X=head.fit_transform(rows.X, rows.y))
    candidates = []
    for number in numbers:
        started = time.perf_counter()
        mixture = clone(template).set_params(n_components=number)
        with progress.candidate(mixture):
            fits = fits_of_path(mixture, alphas, *rows)
        if not fits:
            warnings.warn(_NONE.format(number), SearchWarning, stacklevel=4)
        for fit, messages, correction in fits:
            whole = fit if head is None else Pipeline([*head.steps, (name, fit)])
            parts = label, fit, whole, *_evaluated(fit, rows), messages, correction
            candidates.append(Candidate(*parts))
            progress.report(candidates[-1], time.perf_counter() - started)
            started = time.perf_counter()
    return candidates


def mixture_in(template):
    """The template of the mixtures, at the end of a pipeline or by itself."""
    return template[-1] if isinstance(template, Pipeline) else template


def _parted(template):
    """Transformers to be fitted, or None, the mixture after them, and its name."""
    mixture = mixture_in(template)
    if mixture is template:
        return None, mixture, None
    head = clone(template[:-1]) if len(template) > 1 else None
    return head, mixture, template.steps[-1][0]


def _fitted(mixture, smaller, rows):
    """A fitted mixture that is no lower than a smaller one, and its warnings."""
    with warnings.catch_warnings(record=True, action="always") as messages:
        mixture.fit(rows.X, rows.y, **rows.metadata)
    if not _lower(mixture, smaller) or not _can_grow(smaller):
        return mixture, messages
    with warnings.catch_warnings(record=True, action="always") as others:
        grown = grown_to(smaller, mixture.n_components, rows.X, rows.y, **rows.metadata)
    return (grown, others) if _lower(mixture, grown) else (mixture, messages)


def _evaluated(mixture, rows):
    """The Evidence, and the criteria from it, unless a subclass defines its own."""
    found = evidence(mixture, rows.X, rows.y, **rows.metadata)
    criteria = {}
    for name in CRITERIA:
        if getattr(type(mixture), name) is getattr(MixtureRegressor, name):
            criteria[name] = getattr(found, name)()
        else:
            criteria[name] = getattr(mixture, name)(rows.X, rows.y, **rows.metadata)
    return found, criteria


def _can_grow(mixture):
    return isinstance(mixture, MixtureRegressor) and can_grow(mixture)


def _lower(mixture, other):
    """Whether a mixture fits worse than another, if there is one."""
    return other is not None and (
        mixture.log_likelihood_ < other.log_likelihood_ - _SAME
    )
