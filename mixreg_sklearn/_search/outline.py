"""A search among many columns: in the few directions in which components differ.

Starts through as many rows as there are columns, and batches of them, are hopeless
where columns are many. But all that K components differ in are K - 1 directions of
their coefficients, and products of residuals of the pooled regression show these (Yi,
Caramanis & Sanghavi 2016). In the pooled predictor and some such directions, a mixture
of few columns has the components in outline; from there EM finds the rest.
"""

from functools import partial
from operator import add
from typing import NamedTuple

import numpy as np
from scipy import linalg
from scipy.sparse.linalg import eigsh

from .._engine.em import em
from .._engine.mixture import Mixture
from .._engine.params import Params
from .._engine.regressions import Regressions
from .._engine.rows import ArrayRows
from .._engine.sharing import Separate
from .._engine.sources import Stored
from .flaws import nearly_empty
from .pooled import fit_pooled
from .prices import with_penalty

# Designs with more columns are searched in outline.
WIDE = 110
# Directions with the diagonal (see `_leading`) beyond the number of components.
_SPARE = 2
# Rows count as outliers from three times this quantile of their excess on.
_USUAL = 0.99
# A direction of which a smaller share is left, given the others, is none.
_DEPENDENT = 1e-6
# EM ends when a pass gains less than this, in nats per row; Newton's method follows.
_SLOW = 1e-4


class Outline(NamedTuple):
    """A mixture of few columns, whose optima are near those of a wide one.

    Attributes
    ----------
    model : Mixture
    rows : ArrayRows
    pooled : Params
        The mixture of one component.
    maps : tuple of ndarray of shape (m, p)
        From each predictor's m coefficients to those of all columns.
    """

    model: Mixture
    rows: ArrayRows
    pooled: Params
    maps: tuple

    def expanded(self, params):
        """Parameters of the wide mixture."""
        parts = zip(self.model.regressions.predictors, self.maps, strict=True)
        coef = [params.coef[:, :, place] @ to_all for place, to_all in parts]
        return params._replace(coef=np.concatenate(coef, axis=2))

    def watch(self, watch):
        """`watch` of a search, which is told of optima of the wide mixture."""
        return _Watch(self, watch)

    def climbed(self, model, rows, ground, optima, found):
        """Optima from which EM has climbed among all columns, the sound ones first.

        A penalty keeps components from collapsing. A component that would have fewer of
        all rows than coefficients is degenerate.
        """
        climbing, climbed = with_penalty(model, found.target), []
        share = rows.total_weight / ground.total_weight
        for optimum in optima:
            start = model.constrain(model.assign(self.expanded(optimum.params)))
            run = em(climbing, ground, start, max_iter=100, tol=_SLOW)
            weight = ground.sum(model.tally, run.params).weight * share
            degenerate = bool(nearly_empty(model, weight, run.params)[0])
            optimum = optimum._replace(params=run.params, degenerate=degenerate)
            climbed.append((degenerate, -run.objective[0], optimum))
        climbed.sort(key=lambda each: each[:2])
        return [optimum for *_, optimum in climbed]


class _Watch(NamedTuple):
    outline: Outline
    watch: object

    def begin_round(self):
        self.watch.begin_round()

    def end_round(self, found):
        optima = [
            optimum._replace(params=self.outline.expanded(optimum.params))
            for optimum in found.optima
        ]
        return self.watch.end_round(found._replace(optima=optima))


def outline_of(problem, ground, pooled):
    """The Outline of a problem, on the rows of its `ground`.

    `pooled` is the mixture of one component there.
    """
    model, designs = problem.model, problem.frame.designs
    regressions = model.regressions
    # Directions of the first predictor of a response are for its others with the same
    # design.
    owners = [(regressions.response_of(i), id(each)) for i, each in enumerate(designs)]
    first = [owners.index(owner) for owner in owners]
    found = {i: _directions(problem, ground, pooled, i) for i in sorted(set(first))}
    parts = zip(first, regressions.predictors, designs, strict=True)
    maps = tuple(
        _independent(*found[i], pooled.coef[0, 0, place], design)
        for i, place, design in parts
    )
    rows = _rows(ground, maps)
    sharings = [Separate(model.n_components, len(to_all)) for to_all in maps]
    regressions = Regressions(model.family, sharings, model.regressions.rule)
    few = Mixture(regressions, model.gate, model.background, model.known)
    return Outline(few, rows, fit_pooled(few.resized(1), rows), maps)


def _directions(problem, ground, pooled, i):
    """Root (p, p) of the information on predictor i, directions apart (m, p).

    The latter are None where columns are few, of which all are kept.
    """
    model, alone = problem.model, problem.pooled_model
    if problem.frame.designs[i].n_columns <= WIDE:
        return None, None
    limit = _usual_excess(alone, ground, pooled, i)
    sums = problem.rows.sum(partial(_products, alone, limit, i), pooled)
    root = _root(sums.information / sums.total)
    free = model.regressions.sharings[i].directions()
    return root, _leading(sums.excess, root, free, model.n_components)


class _Products(NamedTuple):
    """Sums over rows, of one predictor. They add."""

    total: float  # information
    information: np.ndarray  # (p, p)
    excess: np.ndarray  # (p, p)

    def __add__(self, other):
        return _Products(*map(add, self, other))


def _products(alone, limit, i, pooled, block):
    r"""The _Products of a block, of predictor i.

    If coefficients vary from unit to unit with covariance B, the log-likelihood rises
    by :math:`\operatorname{tr}(M B) / 2` to first order, with the excess
    :math:`M = \sum_u w_u (s_u s_u^\top + \nabla s_u)` of the products of scores over
    what one regression leads to expect. Components differ along its eigenvectors.
    """
    slope, bend, information = derivatives(alone, i, pooled, block)
    z, known, weight = block.columns[i], block.weight * information, block.weight
    if block.units.single:
        # Rows far from all others would have directions of their own.
        excess = np.clip(slope**2 + bend, -limit * information, limit * information)
        grams = z.gram(np.stack([known, weight * excess]))
        return _Products(known.sum(), *grams)
    grams = z.gram(np.stack([known, weight * bend]))
    squares = z.unit_products(slope, block.unit_weight, block.units)
    return _Products(known.sum(), grams[0], squares + grams[1])


def derivatives(alone, i, pooled, block):
    """Score, its derivative and information of predictor i, each (B,)."""
    regressions = alone.regressions
    local, _ = regressions.local(pooled, block)
    eta, constants = regressions.arguments(pooled, block)
    at = alone.family.evaluate(block.y, eta, constants, 0.0)
    information = at.raw_information * np.square(at.factor)
    if len(regressions.predictors) > 1:
        information = information[i]
    # The diagonal of the triangle of second derivatives.
    place = sum(len(local.slope) - e for e in range(i))
    slope, bend = local.slope[i][0, 0], local.bend[place][0, 0]
    return slope, bend, np.broadcast_to(np.ravel(information), slope.shape)


def _usual_excess(alone, ground, pooled, i):
    """What the excess of a row over its information may be, of single rows."""
    if ground.n_units < ground.n_rows:
        return np.inf

    def verb(params, block):
        slope, bend, information = derivatives(alone, i, params, block)
        return np.abs(slope**2 + bend) / np.maximum(information, 1e-300)

    excess = np.concatenate([*ground.scan(verb, pooled)])
    return 3 * np.quantile(excess, _USUAL)


def _root(information):
    """Triangular root of an information matrix, which may be singular."""
    ridge = 1e-10 * np.trace(information) / len(information)
    np.einsum("pp->p", information)[...] += ridge
    return linalg.cholesky(information, lower=True, check_finite=False)


def _leading(excess, root, free, n_components):
    """Directions (m, p) along which there is most excess, relative to information.

    Those of components that differ in many columns show without the diagonal, in
    orthonormal columns: it says how much each column varies by itself, as if rows of
    few non-zeros each had coefficients of their own. Those of components that differ
    in few columns are on the diagonal. Some of both are taken. `free` (p, s) are the
    directions in which components may differ.
    """
    whitened = linalg.solve_triangular(root, excess, lower=True)
    whitened = linalg.solve_triangular(root, whitened.T, lower=True)
    span = None
    if free.shape[1] < len(root):
        span, _ = np.linalg.qr(root.T @ free)
    without = whitened - np.diag(np.diag(whitened))
    vectors = [
        _leading_vectors(without, span, 2 * n_components),
        _leading_vectors(whitened, span, n_components + _SPARE),
    ]
    return linalg.solve_triangular(root, np.hstack(vectors), lower=True, trans=1).T


def _leading_vectors(matrix, span, number):
    """Eigenvectors (p, m) of a matrix (p, p), in a span (p, s) or None, best first."""
    if span is not None:
        matrix = span.T @ matrix @ span
    number = min(number, len(matrix) - 1)
    first = np.cos(np.arange(1.0, len(matrix) + 1))
    _, vectors = eigsh(matrix, k=number, which="LA", v0=first)
    vectors = vectors[:, ::-1]
    return vectors if span is None else span @ vectors


def _independent(root, apart, pooled, design):
    """Orthonormal columns as combinations (m, p) of all.

    They are a constant, if there is one, the pooled predictor, and directions apart;
    or the columns themselves, where there are none.
    """
    if apart is None:
        return np.eye(design.n_columns)
    constant = np.zeros(len(root))
    constant[0] = 1.0
    rows = [pooled, *apart]
    if design.intercept:
        rows = [constant, pooled - pooled[0] * constant, *apart]
    whitened = root.T @ np.array(rows).T
    orthogonal, triangle = np.linalg.qr(whitened)
    left = np.diag(triangle)
    size = np.linalg.norm(whitened, axis=0)
    kept = np.abs(left) > _DEPENDENT * np.maximum(size, np.finfo(float).tiny)
    orthogonal = (orthogonal * np.sign(left))[:, kept]
    return linalg.solve_triangular(root, orthogonal, lower=True, trans=1).T


def _rows(ground, maps):
    """The rows of the ground with few columns, in memory."""
    blocks = list(ground.scan(_outlined, maps))

    def joined(field):
        return np.concatenate([block[field] for block in blocks], axis=-1)

    columns = zip(*(block["columns"] for block in blocks), strict=True)
    sources = [Stored(np.concatenate(parts, axis=1)) for parts in columns]
    start, offset = None, None
    if ground.n_units < ground.n_rows:
        size = joined("size")
        start = np.cumsum(size) - size
    if blocks[0]["offset"] is not None:
        offset = joined("offset")
    weight, base = joined("weight"), sum(block["base"] for block in blocks)
    rest = {"base": base / weight.sum(), "start": start, "gate": joined("gate")}
    if blocks[0]["background"] is not None:
        rest["background"] = joined("background")
    if blocks[0]["evidence"] is not None:
        plausible = np.exp(joined("evidence"))
        rest |= {"known": plausible.T, "n_shares": len(plausible)}
    return ArrayRows(sources, joined("y"), weight, offset, **rest)


def _outlined(maps, block):
    """What `_rows` needs of a block."""
    pairs = zip(block.columns, maps, strict=True)
    return {
        "columns": [columns.predict(to_all) for columns, to_all in pairs],
        "y": block.y,
        "weight": block.weight,
        "offset": block.offset,
        "size": block.units.size.astype(int),
        "gate": block.gate,
        "base": block.base,
        "background": block.background,
        "evidence": block.evidence,
    }
