"""Rows in arbitrary units, a model, a batch of parameters, and sums by definition."""

import numpy as np
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from support import flat

from mixreg_sklearn._data.data import unconstrained
from mixreg_sklearn._data.read import read
from mixreg_sklearn._engine.mixture import Mixture, Moments
from mixreg_sklearn._engine.net_gate import NetGate
from mixreg_sklearn._engine.params import Params
from mixreg_sklearn._engine.problem import make_problem
from mixreg_sklearn._engine.regressions import Regressions, Sums
from mixreg_sklearn._engine.rows import ArrayRows
from mixreg_sklearn._engine.sharing import sharing_of
from mixreg_sklearn._engine.sources import Stored
from mixreg_sklearn._numerics import log_normalize
from mixreg_sklearn.families import Gaussian
from mixreg_sklearn.families._scales import ScaleRule
from mixreg_sklearn.gates import ConstantGate, SoftmaxGate


def engine(seed, kind="separate", *, n=97, p=3, n_components=3, n_restarts=4, **rows):
    """Rows in arbitrary units, a model, and a batch of arbitrary parameters.

    `kind` names what is special about the model; "separate" stands for nothing.
    """
    rng = np.random.default_rng(seed)
    K, shape = n_components, (n_restarts, n_components)
    Z = np.vstack([np.ones(n), rng.normal(size=(p - 1, n))])
    start = unit = None
    if "grouped" in kind:
        start = np.unique(np.append(0, rng.choice(np.arange(1, n), n // 3)))
        unit = np.searchsorted(start, np.arange(n), side="right") - 1
    n_units = n if start is None else len(start)
    label = rng.integers(0, K, size=n_units)
    weight = rng.uniform(0.2, 3, size=n_units)
    if unit is not None:
        label, weight = label[unit], weight[unit]
    y = rng.normal(size=n) + 4 * label
    offset = None
    if seed % 2:
        offset = rng.normal(size=n)
        y += offset
    sharing = sharing_of(*_constraints(rng, kind, p, K))
    rule = ScaleRule(tied="tied" in kind, floor=1e-20)
    if kind == "penalized":
        rule = ScaleRule(floor=1e-20, strength=1.0, target=0.7)
    gate, columns = ConstantGate(), None
    if "gated" in kind:
        gate = SoftmaxGate(alpha=0.5 if "ridge" in kind else 0.0)
        columns = np.vstack([np.ones(n_units), rng.normal(size=(2, n_units))])
    if "net" in kind:
        spread = np.linalg.eigvalsh(columns[1:] @ columns[1:].T)[-1] / n_units
        gate = NetGate(3.0, 0.6, spread, n_units)
    if "lasso" in kind:
        gate = NetGate(3.0, 1.0, 1.0, n_units)
    if "held weights" in kind:
        gate = ConstantGate(np.arange(1.0, K + 1) / np.arange(1, K + 1).sum())
    if kind == "held scales":
        rule = ScaleRule(floor=1e-20, held=np.where(np.arange(K) % 2, 0.8, np.nan))
    background, known = "background" in kind, frozenset()
    if background:
        rows["background"] = rng.normal(-5, 1, size=n_units)
    if "known" in kind:
        known, n_shares = frozenset(range(K)), K + background
        labels = rng.integers(-2, n_shares, size=n_units)
        rows |= {"known": np.maximum(labels, -1), "n_shares": n_shares}
    regressions = Regressions(Gaussian(), [sharing], rule)
    model = Mixture(regressions, gate, background, known)
    scale = np.exp(0.4 * rng.normal(size=shape))
    if rule.tied is True:
        scale[:] = scale[:, :1]
    q = 0 if columns is None else 2
    coef, constants = rng.normal(size=(*shape, p)), rng.normal(size=(*shape, 1))
    logits = np.concatenate([constants, 0.5 * rng.normal(size=(*shape, q))], axis=2)
    if background:
        logits = np.concatenate([logits, rng.normal(size=(shape[0], 1, 1 + q))], axis=1)
    params = Params(coef, scale[..., None], logits)
    rows = ArrayRows([Stored(Z)], y, weight, offset, start=start, gate=columns, **rows)
    return model, rows, model.constrain(params.normalized())


def _constraints(rng, kind, p, n_components):
    """Constraints of a kind, on directions of the design that are no coordinates."""
    constraints = unconstrained(p - 1, n_components)
    to_columns = np.eye(p)
    to_columns[1:, 1:], _ = np.linalg.qr(rng.normal(size=(p - 1, p - 1)))
    if kind.startswith("shared"):
        constraints.sharing[-1] = 0
    if kind.startswith("partly"):
        constraints.sharing[-1, :2] = 0
        constraints.held[1, -1] = 0.3
    return constraints, to_columns


KINDS = [
    "separate",
    "shared",
    "tied",
    "shared and tied",
    "penalized",
    "gated",
    "gated with ridge",
    "gated with net",
    "grouped, gated with lasso",
    "grouped",
    "grouped, gated and tied",
    "partly shared and held",
    "held weights",
    "held scales",
    "background",
    "grouped, gated, background",
    "known",
    "grouped, known, background",
]
kinds = st.sampled_from(KINDS)
# Under these a component has a number of its own.
alike = st.sampled_from([k for k in KINDS if "held" not in k and "known" not in k])


def near_truth(model, params, seed):
    """The batch again, moved to the neighborhood of the regressions of `engine`."""
    rng = np.random.default_rng(seed)
    coef = 0.3 * rng.normal(size=params.coef.shape)
    coef[:, :, 0] += 4 * np.arange(coef.shape[1])
    factor = np.append(0.1, np.full(params.logits.shape[2] - 1, 0.3))
    logits = factor * params.logits
    start = Params(coef, np.ones_like(params.constants), logits)
    return model.constrain(start.normalized())


def whole_block(params, block):
    """A verb that returns the block itself."""
    return block


def assert_same_sums(ours, theirs, rtol=1e-11):
    """Sums of either sign: to `rtol` of the largest in each field."""
    for a, b in zip(flat(ours), flat(theirs), strict=True):
        assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max(initial=0))


def log_densities(rows, coef, scale):
    """Log densities (n, K) of gaussian components, and residuals."""
    block = rows.whole()
    offset = 0.0 if block.offset is None else block.offset
    residual = (block.y - offset)[:, None] - block.columns[0].Z.T @ coef.T
    return (
        -0.5 * np.log(2 * np.pi) - np.log(scale) - 0.5 * (residual / scale) ** 2,
        residual,
    )


def units_of_rows(rows):
    """Rows of every unit."""
    units = rows.whole().units
    if units.single:
        return [[i] for i in range(rows.n_rows)]
    return np.split(np.arange(rows.n_rows), units.start[1:])


def log_priors(rows, logits):
    """Log prior probabilities (U, K')."""
    return log_normalize(rows.whole().gate.T @ logits.T)


def log_densities_of_units(rows, log_density):
    """Log-densities (U, K') of units, from those of rows (n, K), and what is known."""
    block = rows.whole()
    total = np.array([log_density[m].sum(axis=0) for m in units_of_rows(rows)])
    if block.background is not None:
        total = np.column_stack([total, block.background])
    return total if block.evidence is None else total + block.evidence.T


def moments_of(rows, params, gated=False):
    """Moments of gaussian components, unit by unit and row by row."""
    block = rows.whole()
    R, K, p = params.coef.shape
    n_shares = params.logits.shape[1]
    loglik, weight, share = np.zeros(R), np.zeros((R, K)), np.zeros((R, n_shares))
    gate = np.zeros((R, n_shares, rows.n_logits if gated else 0))
    gram, cross = np.zeros((R, K, p, p)), np.zeros((R, K, p))
    statistic = np.zeros((R, K))
    for r in range(R):
        s = params.constants[r, :, 0]
        log_density, residual = log_densities(rows, params.coef[r], s)
        log_prior = log_priors(rows, params.logits[r])
        of_units = log_densities_of_units(rows, log_density)
        for u, members in enumerate(units_of_rows(rows)):
            w = block.weight[members[0]]
            log_joint = log_prior[u] + of_units[u]
            total = np.logaddexp.reduce(log_joint)
            tau = w * np.exp(log_joint - total)
            loglik[r] += w * total
            share[r] += tau
            if gated:
                gate[r] += np.outer(tau - w * np.exp(log_prior[u]), block.gate[:, u])
            tau = tau[:K]
            for i in members:
                z = block.columns[0].Z[:, i]
                weight[r] += tau
                gram[r] += (tau / s**2)[:, None, None] * np.outer(z, z)
                cross[r] += (tau * residual[i] / s**2)[:, None] * z
                statistic[r] += tau * residual[i] ** 2 / (2 * s**2)
    sums = Sums(weight, (gram,), (cross,), statistic[..., None])
    return Moments(loglik, share, gate, sums)


def problem_of(model, X, y, sample_weight=None, *, groups=None, offset=None, **rows):
    """What `fit` of an estimator makes of its data for the engine."""
    data, _, structure, _ = read(model, X, y, sample_weight, groups, offset, rows)
    return make_problem(data, structure, 1)
