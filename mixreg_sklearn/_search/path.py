r"""Fits along a path of penalties, each from its neighbor.

A penalty of one strength in all components would hold back those of small scale more.
Therefore a *level* z of a path stands for strengths that adapt to a fit: with
:math:`I_k` the information that the rows of component k have on a standardized
coefficient (gaussian: :math:`n_k / \sigma_k^2`), the lasso is
:math:`n \alpha_k = z \sqrt{I_k}`, so that a feature enters where its correlation with
the residuals is z standard errors, and a ridge is :math:`n \alpha_k = z I_k`. At the
maximum the strengths are fixed, and it is proven for them.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import gammaln

from .._engine.dimension import effective_dimension
from .._engine.em import em
from .._engine.problem import Problem
from .estimate import Estimate, climbed, estimate_found
from .pooled import fit_pooled
from .selected import WorkingSet, promising, whole_set

# The level at which a mixture is looked for, almost without a penalty, and those at
# which a path may begin, as shares of the largest chance correlation to be expected.
_SEARCHED, _BEGUN = 0.5, (1.0, 0.8, 0.6, 0.4)
# The lowest level, as a share of the highest, and at least; levels of a ridge.
_LOWEST_SHARE, _LOWEST, _OF_RIDGE = 0.05, 1.0, (10.0, 1e-4)
# Passes between strengths, how often these adapt, and when they no longer change.
_PASSES, _ADAPTED, _SAME = 5, 8, 0.01
# Rounds in which features join a working set.
_JOINED = 20
# A pass that gains less ends a run, in nats per row.
_SLOW = 1e-9
# A path ends where coefficients are more than this share of the rows.
_DENSE = 0.25


class Step(NamedTuple):
    """A fit of a path."""

    alpha: np.ndarray  # (K,)
    at: WorkingSet
    estimate: Estimate
    # Log-likelihood that the coefficients selected have without the penalty.
    selected: float

    @property
    def problem(self) -> Problem:
        """That of the features that are needed."""
        return self.at.narrow

    @property
    def params(self):
        return self.estimate.polished.params

    @property
    def correction(self):
        """What a criterion, minus twice a log-likelihood, misses of the selection.

        The lasso shrinks what it selects, and s of d coefficients are one of many sets
        (Chen & Chen 2008).
        """
        problem, params = self.problem, self.params
        if not problem.structure.penalties.selects:
            return 0.0
        cost = self.selected - self.estimate.polished.objective[0]
        n, used = params.n_components * self.at.n_all, self.at.n_used(params)
        sets = gammaln(n + 1) - gammaln(used + 1) - gammaln(n - used + 1)
        # Where there are few features, BIC is consistent as it is.
        share = max(0.0, 1 - 0.5 * np.log(problem.units_counted) / np.log(max(n, 2)))
        return float(2 * share * sets - 2 * cost / problem.frame.inflation)

    @property
    def worth(self):
        """Minus half of its corrected BIC, by which beginnings of a path compete."""
        if self.estimate.flaw:
            return -np.inf
        problem, params = self.problem, self.params
        size = effective_dimension(problem.model, problem.rows, params)
        loglik = self.estimate.polished.objective[0] / problem.frame.inflation
        price = size * np.log(problem.units_counted)
        return float(loglik) - 0.5 * (price + self.correction)


def path(problem, alphas, rng, limits, watch):
    """The Steps of a path, from the strongest penalty on, a list.

    It begins at a mixture that a search finds among the most promising features, and
    goes in both directions: up to the level of no features, and down until
    coefficients are a quarter as many as rows.

    Parameters
    ----------
    problem : Problem
        With penalties of any strength.
    alphas : int or ndarray
        How many levels, or strengths that are the same in all components.
    rng : numpy.random.Generator
    limits : Limits
    watch : Progress
    """
    at, params, search = _begin(whole_set(problem), rng, limits, watch)
    own = _chance(at)
    if np.ndim(alphas):
        own *= _Level(1.0).strengths(at, params).mean()
        grid = [_Fixed(alpha) for alpha in np.sort(alphas)[::-1]]
    else:
        grid = [_Level(level) for level in _levels(at, params, alphas)]
    firsts = _beginnings(at, params, grid, own, limits)
    if not firsts:
        firsts = _without_features(problem, grid[0], rng, limits, watch)
    if not firsts:
        return []
    begun = max(firsts, key=lambda i: firsts[i].worth)
    first = firsts[begun]
    first = first._replace(estimate=first.estimate._replace(search=search))
    # A stronger penalty than one that leaves no coefficient changes nothing.
    up = _follow(first, grid[:begun][::-1], limits, _is_null)
    down = _follow(first, grid[begun + 1 :], limits, lambda step: False)
    return [*up[::-1], first, *down]


def _beginnings(at, params, grid, own, limits):
    """Steps at which a path may begin, by their places on the grid.

    Among the first features penalties rise by and by; only then others join. The
    strongest penalty, with which hardly a coefficient is left, may be the only one
    without a flaw. `own` is the strength of the largest chance correlation.
    """
    sizes = np.log([strength.size for strength in grid])
    places = {0, *(int(np.abs(sizes - np.log(own * part)).argmin()) for part in _BEGUN)}
    firsts = {}
    for i in sorted(places, reverse=True):
        at, params = _settled(at, params, grid[i])
        firsts[i] = _step(at, params, grid[i], limits)
    return {i: step for i, step in firsts.items() if step is not None}


def _without_features(problem, strength, rng, limits, watch):
    """The Step of the strongest penalty, from a mixture without features."""
    at = whole_set(problem).fewest
    found = estimate_found(at.narrow, rng, limits, watch.about(at.narrow))
    step = _step(at, found.polished.params, strength, limits)
    return {} if step is None else {0: step}


def _follow(step, grid, limits, ends):
    """Steps of further strengths, each from the last, until one `ends` the path.

    Those that are given are all tried.
    """
    steps = []
    for strength in grid:
        if ends(step) and not strength.given:
            break
        step = _step(step.at, step.params, strength, limits)
        if step is None:
            break
        steps.append(step)
    return steps


def _chance(at):
    """The largest correlation with unrelated features, in standard errors."""
    if not at.whole.structure.penalties.selects:
        return 1.0
    return np.sqrt(2 * np.log(max(at.n_all, 2)))


def _is_null(step):
    """Whether no coefficient is left, so that stronger penalties change nothing."""
    selects = step.problem.structure.penalties.selects
    return selects and not step.at.n_used(step.params)


def _begin(whole, rng, limits, watch):
    """A working set, the optimum that a search finds there, and the Search."""
    problem, K = whole.whole, whole.whole.model.n_components
    selects, at = problem.structure.penalties.selects, whole
    if selects:
        at = whole.fewest
    pooled = fit_pooled(at.narrow.pooled_model, at.narrow.rows)
    alone = _Level(1.0).of_information(at, at.narrow.pooled_model, pooled)[0]
    if selects:
        whole = whole.penalized(np.full(K, _chance(whole) * alone))
        at = whole.of(promising(whole))
    at = at.penalized(np.full(K, _SEARCHED * alone))
    found = estimate_found(at.narrow, rng, limits, watch.about(at.narrow))
    return at, found.polished.params, found.search


class _Fixed(NamedTuple):
    """A strength that is the same in all components, and does not adapt."""

    size: float
    given = True

    def strengths(self, at, params):
        return np.full(params.n_components, self.size)


class _Level(NamedTuple):
    """A level of a path, see above."""

    size: float
    given = False

    def strengths(self, at, params):
        """The alpha of every component, (K,), at a fit."""
        return self.of_information(at, at.narrow.model, params)

    def of_information(self, at, model, params):
        """The same for a mixture of these parameters, perhaps of one component."""
        penalties, frame = at.narrow.structure.penalties, at.narrow.frame
        information = _information(at.narrow, model, params) / frame.unit[0] ** 2
        weight = at.narrow.facts.weight * frame.inflation
        if penalties.l1_ratio > 0:
            information = np.sqrt(information) / penalties.l1_ratio
        alpha = self.size * information / weight
        return np.full(len(alpha), alpha.mean()) if penalties.fused else alpha


def _information(problem, model, params):
    """Of every component's rows on a standardized coefficient, (K,), engine's units."""
    grams = problem.rows.sum(model.summarize, params).regressions.grams[0][0]
    if problem.frame.design.intercept:
        return grams[:, 0, 0]
    return np.einsum("kpp->kp", grams).mean(axis=1)


def _levels(at, params, n_levels):
    """The grid of levels, highest first.

    The highest of a lasso is about where the last feature leaves: the largest
    correlation in a component.
    """
    problem, model = at.narrow, at.narrow.model
    if not problem.structure.penalties.selects:
        return np.geomspace(*_OF_RIDGE, n_levels)
    n = np.maximum(problem.rows.sum(model.tally, params).weight[0], 1.0)
    each = _information(problem, model, params) / n
    squares = params.coef[0][:, at.columns] ** 2 * each[:, None]
    shares = squares.max(axis=1, initial=0) / (1 + squares.sum(axis=1))
    highest = max(float(np.sqrt(n * shares).max()), 1.5 * _chance(at))
    lowest = max(_LOWEST_SHARE * highest, _LOWEST)
    return np.geomspace(highest, lowest, n_levels)


def _step(at, params, strength, limits):
    """The Step of a strength, from parameters nearby.

    None if it is flawed, or too little is zero, unless the strength is given.
    """
    selects = at.whole.structure.penalties.selects and not strength.given
    most = _DENSE * at.whole.rows.n_rows if selects else np.inf
    for _ in range(_JOINED):
        at, params = _settled(at, params, strength)
        excess = at.excess(params, at.whole.model)
        if not excess.any():
            break
        if at.n_used(params) > most:
            return None
        at, params = at.joined(params, excess)
    at, estimate = at.extended(params, limits, most)
    dense = at.n_used(estimate.polished.params) > most
    if (estimate.flaw or dense) and not strength.given:
        return None
    alpha = at.narrow.structure.penalties.alpha
    return Step(alpha, at, estimate, _selected(at, estimate, limits))


def _settled(at, params, strength):
    """The working set under strengths that suit its fit, and this fit, nearly."""
    alpha = None
    for _ in range(_ADAPTED):
        before, alpha = alpha, strength.strengths(at, params)
        if before is not None and np.allclose(alpha, before, rtol=_SAME):
            break
        at = at.penalized(alpha)
        run = em(at.narrow.model, at.narrow.rows, params, max_iter=_PASSES, tol=_SLOW)
        params = run.params
    return at, params


def _selected(at, estimate, limits):
    """The highest log-likelihood near an estimate of the coefficients it selects.

    Where there is none that is proven, that of the estimate itself.
    """
    polished, rows = estimate.polished, at.narrow.rows
    own = float(polished.objective[0])
    if estimate.flaw or not at.whole.structure.penalties.selects:
        return own
    model = at.narrow.model.selected(polished.params)
    refit = climbed(model, rows, polished.params, limits)
    return float(refit.polished.objective[0]) if refit.proven else own
