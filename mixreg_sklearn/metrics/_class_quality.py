"""How well units are assigned to components, as trajectory studies report it."""

from typing import NamedTuple

import numpy as np
from scipy.special import entr

from .._component_names import shares_of
from .._data.checks import check_weight
from .._data.groups import check_constant, check_groups
from .._data.row_data import row_arguments
from .._docs import documented
from .._inside import inside


class ClassQuality(NamedTuple):
    """Result of `class_quality`; ``print`` shows it as a table.

    Attributes
    ----------
    share : ndarray of shape (n_components,)
        Estimated shares, `weights_`.
    assigned : ndarray of shape (n_components,)
        Weight of the units that are assigned to the component; their number without
        weights.
    app : ndarray of shape (n_components,)
        Average posterior probability of these units, NaN if there are none.
    occ : ndarray of shape (n_components,)
        Odds of correct classification, NaN if no unit is assigned, infinite if all
        are certain.
    mismatch : ndarray of shape (n_components,)
        Estimated share minus the share of units assigned.
    entropy : float
        Relative entropy, 1 if all memberships are certain and 0 if none says anything.
    unit : str
        What was assigned, `"rows"` or `"groups"`.
    """

    share: np.ndarray
    assigned: np.ndarray
    app: np.ndarray
    occ: np.ndarray
    mismatch: np.ndarray
    entropy: float
    unit: str

    def __str__(self):
        total = f"{self.assigned.sum():g} {self.unit}"
        head = f"{'component':>9}{'share':>9}{'assigned':>10}{'mismatch':>10}"
        lines = [f"{head}{'APP':>8}{'OCC':>10}"]
        columns = (self.share, self.assigned, self.mismatch, self.app, self.occ)
        for k, (share, assigned, mismatch, app, occ) in enumerate(
            zip(*columns, strict=True)
        ):
            line = f"{k:>9}{share:>9.3f}{assigned:>10g}{mismatch:>+10.3f}"
            lines.append(line + _cell(app, 8, ".3f") + _cell(occ, 10, ".1f"))
        return "\n".join([*lines, f"relative entropy {self.entropy:.3f}; {total}"])


def _cell(value, width, form):
    """A number in its column; a dash where there is none."""
    if np.isnan(value):
        return "-".rjust(width)
    return (">9999" if 9999 < value < np.inf else f"{value:{form}}").rjust(width)


@documented
def class_quality(
    model,
    X,
    y,
    sample_weight=None,
    *,
    groups=None,
    offset=None,
    trials=None,
    row_scale=None,
    known_component=None,
):
    r"""Average posterior probability, odds of correct classification, and entropy.

    With :math:`\tau_{uk}` the membership of unit u (a row, or a group of rows), every
    unit is assigned to its most probable component; :math:`A_k` are those assigned to
    component k and :math:`\pi_k` is its share:

    .. math::
        \text{APP}_k &= \frac{\sum_{u \in A_k} w_u \tau_{uk}}{\sum_{u \in A_k} w_u}
        & \text{OCC}_k
        &= \frac{\text{APP}_k / (1 - \text{APP}_k)}{\pi_k / (1 - \pi_k)} \\
        \text{mismatch}_k &= \pi_k - \frac{\sum_{u \in A_k} w_u}{\sum_u w_u}
        & E &= 1 + \frac{\sum_{uk} w_u \tau_{uk} \log \tau_{uk}}{\log K \sum_u w_u}

    Nagin's rules of thumb for an adequate model are an APP of at least 0.7 and an OCC
    of at least 5 in *every* component, and a mismatch near zero.

    Parameters
    ----------
    {fitted_model, X, y}
    sample_weight : array-like of shape (n_samples,), default=None
        Weights, which count rows (or groups).
    {groups, offset, trials, row_scale, known_component}

    Returns
    -------
    ClassQuality
        Arrays by component, and the entropy; it prints as a table.

    Raises
    ------
    ValueError
        If the mixture has one component: there is nothing to assign.

    References
    ----------
    .. [1] Nagin, D. S. (2005). Group-Based Modeling of Development, section 5.
       Harvard University Press.
    .. [2] Ramaswamy, V., DeSarbo, W., Reibstein, D. & Robinson, W. (1993). An empirical
       pooling approach for estimating marketing mix elasticities with PIMS data.
       Marketing Science 12, 103-124. (Relative entropy.)

    Examples
    --------
    >>> from mixreg_sklearn import MixtureRegressor
    >>> from mixreg_sklearn.datasets import load_tone
    >>> from mixreg_sklearn.metrics import class_quality
    >>> X, y = load_tone(return_X_y=True)
    >>> model = MixtureRegressor(n_components=2, random_state=0).fit(X, y)
    >>> print(class_quality(model, X, y))
    component    share  assigned  mismatch     APP       OCC
            0    0.698       113    -0.056   0.896       3.7
            1    0.302        37    +0.056   0.908      22.8
    relative entropy 0.686; 150 rows
    """
    found, rows = inside(model), row_arguments(locals())
    mixture, X = found.mixture, found.features(X)
    shares = shares_of(mixture)
    if len(shares) < 2:
        raise ValueError("model has one component: there are no classes to compare.")
    weight, labels = check_weight(sample_weight, X), check_groups(groups, X)
    if labels is None:
        tau, unit = mixture.predict_proba(X, y, **rows), "rows"
    else:
        check_constant(weight, labels, "sample_weight")
        _, tau = mixture.predict_group_proba(X, y, **rows)
        weight, unit = weight[labels.first], "groups"
    return _quality(tau, weight, shares, unit)


def _quality(tau, weight, share, unit):
    """The measures, from memberships (U, K) and weights (U,)."""
    K = len(share)
    mine = np.eye(K)[tau.argmax(axis=1)] * weight[:, None]
    assigned = mine.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        app = (mine * tau).sum(axis=0) / assigned
        # The others' memberships are exact where one minus this one is rounded.
        others = (mine.T @ tau).sum(axis=1, where=~np.eye(K, dtype=bool)) / assigned
        occ = app / others * (1 - share) / share
    entropy = 1 - weight @ entr(tau).sum(axis=1) / (np.log(K) * weight.sum())
    mismatch = share - assigned / weight.sum()
    return ClassQuality(share, assigned, app, occ, mismatch, float(entropy), unit)
