"""Rows that share a component: repeated measures, panels."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from panels import fit, joint_of_groups, log_densities, panel, sizes
from scipy import stats
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from support import assert_same, few, flat, jacobian, log_normal, seeds, some

from mixreg_sklearn import MixtureRegressor, MixtureRegressorIC
from mixreg_sklearn._engine.mixture import Mixture
from mixreg_sklearn._engine.params import Params
from mixreg_sklearn._engine.regressions import Regressions
from mixreg_sklearn._engine.rows import ArrayRows
from mixreg_sklearn._engine.sharing import Separate
from mixreg_sklearn._engine.sources import Stored
from mixreg_sklearn.families import Gaussian
from mixreg_sklearn.gates import SoftmaxGate


@pytest.fixture(scope="module")
def data():
    return panel(1)[:3]


@pytest.fixture(scope="module")
def model(data):
    return fit(*data)


# What the numbers mean ----------------------------------------------------------


@some
@given(seeds, sizes)
def test_the_log_likelihood_is_that_of_the_definition(seed, n_components):
    X, y, group, _ = panel(seed, n_components=n_components, spacing=4.0)
    model = fit(X, y, group, n_components)
    joint = joint_of_groups(model, log_densities(model, X, y), group)
    loglik = np.logaddexp.reduce(joint, axis=1).sum()
    assert_allclose(model.log_likelihood_, loglik, rtol=1e-10)
    assert_allclose(model.log_likelihood(X, y, groups=group), loglik, rtol=1e-10)
    # On rows that were not fitted, too, and with weights of groups.
    X, y, group, _ = panel(seed + 1)
    joint = joint_of_groups(model, log_densities(model, X, y), group)
    weight = np.random.default_rng(seed).random(len(joint))
    ours = model.log_likelihood(X, y, weight[group], groups=group)
    assert_allclose(ours, weight @ np.logaddexp.reduce(joint, axis=1), rtol=1e-10)


@some
@given(seeds, sizes)
def test_memberships_are_those_of_the_definition(seed, n_components):
    X, y, group, _ = panel(seed, n_components=n_components, spacing=4.0)
    model = fit(X, y, group, n_components)
    joint = joint_of_groups(model, log_densities(model, X, y), group)
    tau = np.exp(joint - np.logaddexp.reduce(joint, axis=1, keepdims=True))
    labels, of_groups = model.predict_group_proba(X, y, group)
    assert_array_equal(labels, np.unique(group))
    assert_allclose(of_groups, tau, atol=1e-10)
    assert_allclose(of_groups.sum(axis=1), 1, rtol=1e-12)
    of_rows = model.predict_proba(X, y, groups=group)
    assert_array_equal(of_rows, of_groups[group])
    members = model.predict_membership(X, y, groups=group)
    assert_array_equal(members, of_rows.argmax(axis=1))


@some
@given(seeds)
def test_shares_are_those_of_groups_not_of_rows(seed):
    X, y, group, _ = panel(seed, largest=12, spacing=4.0)
    model = fit(X, y, group)
    _, tau = model.predict_group_proba(X, y, group)
    assert_allclose(model.weights_, tau.mean(axis=0), rtol=1e-6)
    # Scales and coefficients are those of rows.
    tau = tau[group]
    squares = (y[:, None] - model.predict_components(X)) ** 2
    scale = np.sqrt((tau * squares).sum(axis=0) / tau.sum(axis=0))
    assert_allclose(model.scale_, scale, rtol=1e-6)


@some
@given(seeds, st.booleans())
def test_the_gradient_of_the_log_likelihood_vanishes(seed, weighted):
    X, y, group, _ = panel(seed)
    weight = np.ones(len(np.unique(group)))
    if weighted:
        weight = np.random.default_rng(seed).uniform(1, 3, size=len(weight))
    model = fit(X, y, group, weight=weight[group])
    assert model.converged_
    first = np.unique(group, return_index=True)[1]

    def loglik(values):
        logit, *lines = np.split(values, [1, 3, 7])
        intercept, coef, log_scale = lines[0], lines[1].reshape(2, 2), lines[2]
        prior = np.array([0.0, -np.logaddexp(0, -logit[0])])
        prior[0] = -np.logaddexp(0, logit[0])
        density = np.column_stack(
            [
                log_normal(y, intercept[k] + X @ coef[k], np.exp(log_scale[k]))
                for k in range(2)
            ]
        )
        sums = pd.DataFrame(density).groupby(group).sum().to_numpy()
        return np.logaddexp.reduce(prior + sums, axis=1) @ weight[group][first]

    at = np.concatenate(
        [
            np.log(model.weights_[1:] / model.weights_[0]),
            model.intercept_,
            model.coef_.ravel(),
            np.log(model.scale_),
        ]
    )
    assert_allclose(loglik(at), model.log_likelihood_, rtol=1e-10)
    assert np.abs(jacobian(loglik, at, 1e-3)).max() < 1e-5


def test_a_panel_is_told_apart_where_rows_are_not():
    # Two lines much closer than their noise; each unit has twelve rows.
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(60), 12)
    label = np.arange(60) % 2
    x = rng.normal(size=len(group))
    y = np.where(label[group], 1 + x, -x) + 1.5 * rng.normal(size=len(group))
    model = fit(x[:, None], y, group)
    assert model.converged_
    members = model.predict_membership(x[:, None], y, groups=group)
    rising = model.coef_[members, 0] > 0
    assert (rising == (label[group] == 1)).mean() > 0.95
    assert_allclose(np.sort(model.coef_[:, 0]), [-1, 1], atol=0.25)


# What must not matter -----------------------------------------------------------


@some
@given(seeds, sizes)
def test_the_order_of_rows_does_not_matter(seed, n_components):
    X, y, group, _ = panel(seed, n_components=n_components, spacing=4.0)
    order = np.random.default_rng(seed).permutation(len(y))
    theirs = fit(X, y, group, n_components)
    ours = fit(X[order], y[order], group[order], n_components)
    assert_same(ours, theirs)
    # Rows of one group together, or not: it is all the same.
    together = np.argsort(group, kind="stable")
    ours = fit(X[together], y[together], group[together], n_components)
    assert_same(ours, theirs)


@some
@given(seeds)
def test_names_of_groups_do_not_matter(seed):
    X, y, group, _ = panel(seed)
    names = np.random.default_rng(seed).permutation(1000)[: group.max() + 1]
    assert_same(fit(X, y, names[group]), fit(X, y, group))


LABELS = {
    "int": lambda g: g,
    "negative": lambda g: -g,
    "float": lambda g: g / 7,
    "str": lambda g: g.astype(str),
    "object": lambda g: np.array([f"unit {i}" for i in g], dtype=object),
    "list": lambda g: [f"unit {i}" for i in g],
    "bytes": lambda g: g.astype("S"),
    "dates": lambda g: np.datetime64("2020-01-01") + g,
    "series": lambda g: pd.Series(g, index=np.arange(len(g))[::-1]),
    "strings": lambda g: pd.Series(g.astype(str), dtype="string"),
    "nullable": lambda g: pd.Series(g, dtype="Int64"),
    "categorical": lambda g: pd.Categorical(g.astype(str)),
    "categories": lambda g: pd.Series(g.astype(str)).astype("category"),
    "column": lambda g: pd.DataFrame({"unit": g}),
    "index": lambda g: pd.Index(g),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_may_be_of_any_kind(kind, data, model):
    X, y, group = data
    labels = LABELS[kind](group)
    assert_same(fit(X, y, labels), model, rtol=1e-12 if kind == "int" else 1e-8)
    ours = model.predict_proba(X, y, groups=labels)
    assert_allclose(ours, model.predict_proba(X, y, groups=group), atol=1e-12)
    names, tau = model.predict_group_proba(X, y, labels)
    assert len(names) == len(tau) == len(np.unique(group))
    assert_array_equal(names, sorted(names))
    of_row = np.searchsorted(names, np.asarray(labels).ravel())
    assert_allclose(tau[of_row], ours, atol=1e-12)


@some
@given(seeds, sizes, st.sampled_from([{}, {"gate": "softmax"}, {"shared_scale": True}]))
def test_groups_of_one_row_are_no_groups(seed, n_components, options):
    rng = np.random.default_rng(seed)
    # Unequal shares, so that the order of components is no matter of rounding.
    sizes = 60 + 10 * (2 * np.arange(n_components) - n_components + 1)
    n, label = sizes.sum(), np.repeat(np.arange(n_components), sizes)
    X = rng.normal(size=(n, 2))
    y = 6.0 * label + X[:, 0] + 0.6 * rng.normal(size=n)
    alone = rng.permutation(n)
    theirs = MixtureRegressor(n_components, random_state=0, **options).fit(X, y)
    ours = fit(X, y, alone, n_components, **options)
    assert_same(ours, theirs)
    assert ours.n_parameters_ == theirs.n_parameters_
    for criterion in ("aic", "bic", "icl", "log_likelihood"):
        value = getattr(ours, criterion)(X, y, groups=alone)
        assert_allclose(value, getattr(ours, criterion)(X, y), rtol=1e-12)
    assert_allclose(
        ours.predict_proba(X, y, groups=alone), ours.predict_proba(X, y), atol=1e-12
    )


def test_all_rows_of_one_group_are_one_regression():
    X, y, *_ = panel(0)
    alone = MixtureRegressor(1).fit(X, y)
    grouped = MixtureRegressor(1).fit(X, y, groups=np.zeros(len(y)))
    assert_same(grouped, alone, rtol=1e-10)


@some
@given(seeds, sizes)
def test_the_weight_of_a_group_repeats_the_group(seed, n_components):
    X, y, group, _ = panel(seed, n_components=n_components, spacing=4.0)
    count = np.random.default_rng(seed).integers(0, 4, size=group.max() + 1)
    ours = fit(X, y, group, n_components, weight=count[group])
    copies = [
        (np.flatnonzero(group == g), 1000 * copy + g)
        for g in np.unique(group)
        for copy in range(count[g])
    ]
    rows = np.concatenate([where for where, _ in copies])
    again = np.concatenate([np.full(len(where), name) for where, name in copies])
    theirs = fit(X[rows], y[rows], again, n_components)
    assert_same(ours, theirs)
    for criterion in ("aic", "bic", "icl", "log_likelihood"):
        assert_allclose(
            getattr(ours, criterion)(X, y, count[group], groups=group),
            getattr(ours, criterion)(X[rows], y[rows], groups=again),
            rtol=1e-9,
        )


def test_a_group_of_weight_zero_is_not_there(data):
    X, y, group = data
    gone = group < 5
    ours = fit(X, y, group, weight=np.where(gone, 0.0, 1.0))
    theirs = fit(X[~gone], y[~gone], group[~gone])
    assert_same(ours, theirs)
    # It has memberships all the same.
    assert len(ours.predict_group_proba(X, y, group)[0]) == len(np.unique(group))


@some
@given(seeds)
def test_units_of_the_response_do_not_matter(seed):
    X, y, group, _ = panel(seed)
    model = fit(X, y, group)
    moved = fit(3.0 * X - 1.0, 1e4 + 100.0 * y, group)
    n = len(y)
    shift = n * np.log(100.0)
    assert_allclose(moved.log_likelihood_ + shift, model.log_likelihood_, rtol=1e-8)
    assert_allclose(moved.scale_, 100 * model.scale_, rtol=1e-6)
    assert_allclose(moved.weights_, model.weights_, rtol=1e-6)


@some
@given(seeds, st.integers(1, 40))
def test_blocks_never_split_a_group(seed, size):
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 9, size=25)
    start = np.cumsum(counts) - counts
    n = counts.sum()
    Z = np.vstack([np.ones(n), rng.normal(size=(2, n))])
    gate = np.vstack([np.ones(25), rng.normal(size=25)])
    weight = np.repeat(rng.uniform(1, 2, size=25), counts)
    data = [Stored(Z)], rng.normal(size=n), weight
    whole = ArrayRows(*data, start=start, gate=gate)
    cut = ArrayRows(*data, start=start, gate=gate, block_size=size)
    blocks = list(cut.scan(lambda params, block: block, None))
    assert len(list(whole.scan(lambda params, block: block, None))) == 1
    assert len(blocks) >= n // (size + 8)
    sizes = np.concatenate([block.units.size for block in blocks])
    assert_array_equal(sizes, counts)
    for block in blocks:
        n_rows = block.columns[0].Z.shape[1]
        assert n_rows == block.units.size.sum() == len(block.y)
        assert block.gate.shape[1] == len(block.units.start) == len(block.unit_weight)
        assert n_rows <= max(size, block.units.size[0])
    params = Params(
        rng.normal(size=(2, 3, 3)),
        rng.uniform(0.5, 2, size=(2, 3, 1)),
        rng.normal(size=(2, 3, 2)),
    ).normalized()
    mixture = Mixture(Regressions(Gaussian(), [Separate(3, 3)]), SoftmaxGate())
    for method in (mixture.summarize, mixture.curvature):
        ours = cut.sum(method, params)
        theirs = whole.sum(method, params)
        for mine, other in zip(flat(ours), flat(theirs), strict=True):
            assert_allclose(mine, other, rtol=1e-9, atol=1e-9)


# Long groups --------------------------------------------------------------------


@pytest.mark.parametrize("length", [1000, 3000])
@pytest.mark.parametrize("family", ["gaussian", "poisson", "gamma"])
def test_long_groups_neither_underflow_nor_overflow(length, family):
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(8), length)
    label = np.arange(8) % 3 == 0
    x = rng.normal(size=len(group))
    eta = np.where(label[group], 0.6 + 0.3 * x, 0.4 - 0.3 * x)
    y = {
        # A scale so small that densities of groups overflow.
        "gaussian": lambda: eta + 1e-3 * rng.normal(size=len(group)),
        "poisson": lambda: rng.poisson(np.exp(eta)),
        "gamma": lambda: rng.gamma(2.0, np.exp(eta) / 2.0) * 1e-6,
    }[family]()
    model = fit(x[:, None], y, group, family=family)
    assert model.converged_
    assert np.isfinite(model.log_likelihood_)
    assert_allclose(model.weights_, [5 / 8, 3 / 8], rtol=1e-6)
    tau = model.predict_proba(x[:, None], y, groups=group)
    assert np.isfinite(tau).all()
    assert_allclose(tau.sum(axis=1), 1, rtol=1e-12)
    assert_array_equal(tau.argmax(axis=1), label[group])
    loglik = model.log_likelihood(x[:, None], y, groups=group)
    assert_allclose(loglik, model.log_likelihood_, rtol=1e-10)
    assert_allclose(
        model.icl(x[:, None], y, groups=group),
        model.bic(x[:, None], y, groups=group),
        rtol=1e-9,
    )


def test_many_groups_are_searched_on_a_part_and_polished_on_all():
    X, y, group, _ = panel(0, n_groups=3000, largest=5, spacing=4.0)
    model = fit(X, y, group)
    assert model.search_["sample_rows"] < len(y)
    assert model.converged_
    joint = joint_of_groups(model, log_densities(model, X, y), group)
    loglik = np.logaddexp.reduce(joint, axis=1).sum()
    assert_allclose(model.log_likelihood_, loglik, rtol=1e-9)
    order = np.random.default_rng(0).permutation(len(y))
    assert_same(fit(X[order], y[order], group[order]), model)


# Criteria -----------------------------------------------------------------------


@pytest.mark.parametrize("n_components", [1, 2, 3])
def test_criteria_count_groups(n_components):
    X, y, group, _ = panel(2, n_components=3, spacing=4.0)
    model = fit(X, y, group, n_components)
    n_groups, m = len(np.unique(group)), model.n_parameters_
    assert m == n_components * (3 + 1) + n_components - 1
    joint = joint_of_groups(model, log_densities(model, X, y), group)
    deviance = -2 * np.logaddexp.reduce(joint, axis=1).sum()
    classified = -2 * joint.max(axis=1).sum()
    aic, bic, icl = (
        getattr(model, name)(X, y, groups=group) for name in ("aic", "bic", "icl")
    )
    assert_allclose(aic, deviance + 2 * m, rtol=1e-10)
    assert_allclose(bic, deviance + m * np.log(n_groups), rtol=1e-10)
    assert_allclose(icl, classified + m * np.log(n_groups), rtol=1e-10)
    weight = np.random.default_rng(0).uniform(1, 2, size=n_groups)
    bic = model.bic(X, y, weight[group], groups=group)
    deviance = -2 * weight @ np.logaddexp.reduce(joint, axis=1)
    assert_allclose(bic, deviance + m * np.log(weight.sum()), rtol=1e-10)


def test_the_number_of_components_is_chosen_with_groups():
    X, y, group, _ = panel(3, n_groups=60, n_components=3, spacing=4.0)
    chosen = MixtureRegressorIC(random_state=0).fit(X, y, groups=group)
    assert chosen.n_components_ == 3
    values = [mixture.bic(X, y, groups=group) for mixture in chosen.estimators_]
    assert_allclose(chosen.criterion_values_, values, rtol=1e-12)
    ours = chosen.predict_group_proba(X, y, group)[1]
    theirs = chosen.best_estimator_.predict_group_proba(X, y, group)[1]
    assert_array_equal(ours, theirs)


# With everything else -----------------------------------------------------------


@few
@given(seeds, st.sampled_from([0.0, 2.0]), sizes)
def test_groups_go_with_a_gate(seed, alpha, n_components):
    rng = np.random.default_rng(seed)
    X, y, group, label = panel(seed, n_groups=80, n_components=n_components, spacing=4)
    z = label + 1.5 * rng.normal(size=len(label))
    rows = np.column_stack([X, z[group]])
    options = {"gate": SoftmaxGate(alpha), "gate_features": [2]}
    options["regression_features"] = [0, 1]
    model = fit(rows, y, group, n_components, **options)
    assert model.converged_
    logits = np.outer(z, model.gate_coef_[:, 2]) + model.gate_intercept_
    log_prior = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    log_density = log_densities(model, rows, y)
    sums = np.array([log_density[group == g].sum(axis=0) for g in range(80)])
    joint = log_prior + sums
    rows_of = np.logaddexp.reduce(joint, axis=1)
    assert_allclose(model.log_likelihood_, rows_of.sum(), rtol=1e-10)
    assert_allclose(model.weights_, np.exp(log_prior).mean(axis=0), rtol=1e-9)
    # Score equations, with a ridge on the variance over groups.
    difference = np.exp(joint - rows_of[:, None]) - np.exp(log_prior)
    assert np.abs(difference.sum(axis=0)).max() < 1e-6
    centered = model.gate_coef_[:, 2] - model.gate_coef_[:, 2].mean()
    pull = alpha * z.var() * centered
    assert_allclose(difference.T @ (z - z.mean()), pull, atol=1e-6)
    assert_allclose(
        model.predict_group_proba(rows, y, group)[1],
        np.exp(joint - rows_of[:, None]),
        atol=1e-10,
    )
    order = rng.permutation(len(y))
    other = fit(rows[order], y[order], group[order], n_components, **options)
    assert_allclose(other.gate_coef_, model.gate_coef_, rtol=1e-5, atol=1e-6)


def _counts(seed, n_groups=50):
    """Counts of units that differ little, each with an exposure and trials."""
    rng = np.random.default_rng(seed)
    group = rng.permutation(np.repeat(np.arange(n_groups), 6))
    label = np.arange(n_groups) % 5 < 2
    x = rng.normal(size=len(group))
    eta = np.where(label[group], 0.8 + 0.5 * x, -0.4 - 0.3 * x)
    return rng, x[:, None], group, label, eta


COUNTS = {
    "poisson": lambda rng, eta, trials: rng.poisson(np.exp(eta)),
    "binomial": lambda rng, eta, t: rng.binomial(t.astype(int), 1 / (1 + np.exp(-eta))),
    "negative_binomial": lambda rng, eta, t: rng.poisson(
        np.exp(eta) * rng.gamma(2.5, 1 / 2.5, len(eta))
    ),
}


@pytest.mark.parametrize("family", COUNTS)
def test_groups_go_with_offset_trials_and_family(family):
    rng, X, group, label, eta = _counts(0)
    offset = rng.uniform(-0.5, 0.5, size=len(eta))
    trials = rng.integers(1, 8, size=len(eta)).astype(float)
    y = COUNTS[family](rng, eta + offset, trials)
    extra = {"offset": offset}
    if family == "binomial":
        extra["trials"] = trials
    model = MixtureRegressor(family=family, random_state=0)
    model.fit(X, y, groups=group, **extra)
    assert model.converged_
    predictor = X @ model.coef_.T + model.intercept_ + offset[:, None]
    shape = model.scale_**-2.0
    mean = np.exp(predictor)
    log_density = {
        "poisson": lambda: stats.poisson.logpmf(y[:, None], mean),
        "binomial": lambda: stats.binom.logpmf(
            y[:, None], trials[:, None], 1 / (1 + np.exp(-predictor))
        ),
        "negative_binomial": lambda: stats.nbinom.logpmf(
            y[:, None], shape, shape / (shape + mean)
        ),
    }[family]()
    joint = joint_of_groups(model, log_density, group)
    loglik = np.logaddexp.reduce(joint, axis=1)
    assert_allclose(model.log_likelihood_, loglik.sum(), rtol=1e-8)
    ours = model.log_likelihood(X, y, groups=group, **extra)
    assert_allclose(ours, loglik.sum(), rtol=1e-8)
    tau = np.exp(joint - loglik[:, None])
    ours = model.predict_group_proba(X, y, group, **extra)[1]
    assert_allclose(ours, tau, atol=1e-7)
    high = model.intercept_.argmax()
    assert ((tau[:, high] > 0.5) == label).mean() > 0.9
    drawn, component = model.sample(X, 0, groups=group, **extra)
    assert (pd.Series(component).groupby(group).nunique() == 1).all()
    assert (drawn >= 0).all()
    assert family != "binomial" or (drawn <= trials).all()


def test_single_trials_are_told_apart_by_their_groups():
    # Mixtures of single trials are not identified; groups of them are.
    rng, X, group, _, eta = _counts(1, n_groups=400)
    y = COUNTS["binomial"](rng, 2.0 * eta, np.ones(len(eta)))
    model = fit(X, y, group, family="binomial")
    assert model.converged_
    assert model.smallest_eigenvalue_ > 1e-3
    order = np.argsort(model.intercept_)
    assert_allclose(model.intercept_[order], [-0.8, 1.6], atol=0.35)
    assert_allclose(model.coef_[order, 0], [-0.6, 1.0], atol=0.35)
    assert_allclose(model.weights_[order], [0.6, 0.4], atol=0.1)


@pytest.mark.parametrize(
    "options",
    [{"shared_features": [0]}, {"shared_scale": True}, {"held_coef": {1: 0.5}}],
)
def test_groups_go_with_constraints(options, data, model):
    X, y, group = data
    constrained = fit(X, y, group, **options)
    assert constrained.converged_
    assert constrained.log_likelihood_ < model.log_likelihood_
    joint = joint_of_groups(constrained, log_densities(constrained, X, y), group)
    loglik = np.logaddexp.reduce(joint, axis=1).sum()
    assert_allclose(constrained.log_likelihood_, loglik, rtol=1e-10)


def test_a_column_of_a_frame_names_the_groups():
    # The usual way with a panel in a dataframe: the unit is a column.
    X, y, group, _ = panel(4)
    frame = pd.DataFrame(X, columns=["dose", "age"]).assign(unit=group)
    model = MixtureRegressor(regression_features=["dose", "age"], random_state=0)
    model.fit(frame, y, groups=frame["unit"])
    assert_array_equal(model.coef_[:, 2], [0.0, 0.0])
    assert_allclose(model.log_likelihood_, fit(X, y, group).log_likelihood_, rtol=1e-12)
    select = make_column_transformer((StandardScaler(), ["dose", "age"]))
    pipe = make_pipeline(select, MixtureRegressor(random_state=0))
    pipe.fit(frame, y, mixtureregressor__groups=frame["unit"])
    assert_allclose(pipe[-1].log_likelihood_, model.log_likelihood_, rtol=1e-9)
