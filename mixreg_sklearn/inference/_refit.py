"""A mixture without its penalty, on the features that the penalty selected."""

import numpy as np
from sklearn.base import clone

from .._data.row_data import row_arguments
from .._docs import documented
from .._extras import check_in_memory
from .._inside import of_one_response
from .._rebuilt import rebuild


@documented
def refit_selected(
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
    r"""Maximum likelihood on the features that a penalized mixture selected.

    A lasso selects features, and shrinks the coefficients of those it selects. This
    mixture has the same features in every component, without the penalty: coefficients
    that the penalty set to zero are held there, those of ``penalty="fused"`` that are
    equal are shared. It climbs from the estimate of `model` to a maximum of the
    likelihood nearby.

    Its standard errors are available. They take the selection for granted, as if it had
    been made before the data were seen, and are too small for that reason: p-values of
    selected features are no tests.

    Parameters
    ----------
    model : MixtureRegressor
        Fitted mixture with ``alpha > 0``; at the end of a pipeline or search, the
        mixture in it, with X as it sees it.
    {data_of_fit, known_of_fit}

    Returns
    -------
    MixtureRegressor
        Fitted with ``alpha=0``. Features with a coefficient in no component are not in
        its `regression_features`. Its components are numbered as those of `model` as
        far as the selection tells them apart, and by `order_by` or share otherwise.

    Raises
    ------
    ValueError
        If the mixture has no penalty, several responses, or shares coefficients in a
        way that the selection contradicts.

    References
    ----------
    .. [1] Belloni, A. & Chernozhukov, V. (2013). Least squares after model selection in
       high-dimensional sparse models. Bernoulli 19, 521-547.

    Examples
    --------
    >>> from mixreg_sklearn import MixtureRegressor
    >>> from mixreg_sklearn.datasets import make_mixture_regression
    >>> from mixreg_sklearn.inference import inference, refit_selected
    >>> coef = [[2, -1, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]]
    >>> X, y, _ = make_mixture_regression(200, 6, coef=coef, scale=0.5, random_state=0)
    >>> lasso = MixtureRegressor(2, alpha=0.2, l1_ratio=1, random_state=0).fit(X, y)
    >>> lasso.coef_[:, :2].round(2).tolist()
    [[0.0, 0.96], [1.92, -0.88]]
    >>> refit = refit_selected(lasso, X, y)
    >>> refit.coef_[:, :2].round(2).tolist()
    [[0.0, 1.06], [2.04, -1.02]]
    >>> inference(refit, X, y).std_errors[:3].round(2).tolist()
    [0.05, 0.0, 0.05]
    """
    check_in_memory(X)
    found = of_one_response(model, "refit_selected")
    if found.steps:
        raise ValueError(
            "refit_selected refits a mixture, not a pipeline: pass the mixture in it,"
            " and X as it sees it (pipeline[-1], pipeline[:-1].transform(X))."
        )
    mixture = found.mixture
    rows = row_arguments(locals())
    rebuilt = rebuild(mixture, X, y, sample_weight, **rows)
    penalties = rebuilt.problem.structure.penalties
    if penalties is None or not penalties.shrinks:
        raise ValueError(
            "refit_selected is for mixtures with a penalty (alpha > 0); the estimate of"
            " this one maximizes the likelihood already."
        )
    refit = clone(mixture).set_params(**_settings(rebuilt))
    return refit.fit(X, y, sample_weight, **rows)


def _settings(rebuilt):
    """Parameters of the mixture without penalty, whose start is the estimate."""
    structure, selected = rebuilt.problem.structure, _Selected(rebuilt)
    settings = {
        "alpha": 0.0,
        "l1_ratio": 0.0,
        "penalty": "elastic_net",
        "held_coef": selected.held or None,
        "shared_features": selected.shared or None,
        "coef_bounds": selected.bounds or None,
        "init": rebuilt.fitted.arrays(),
        "warm_start": False,
    }
    apart = any(map(np.ndim, selected.held.values()))
    if apart or any(len(parts) > 1 for parts in selected.shared.values()):
        # Constraints number the components now.
        settings["order_by"] = None
    if len(structure.family.predictors) == 1:
        settings["regression_features"] = selected.features
    return settings


class _Selected:
    """Constraints that keep the selection, as parameters of the estimator.

    Attributes
    ----------
    features : list of int
        Features of the regressions.
    held, shared, bounds : dict
        `held_coef`, `shared_features` and `coef_bounds`.
    """

    def __init__(self, rebuilt):
        self.structure, self.names = rebuilt.problem.structure, rebuilt.names
        self.held, self.shared, self.bounds = {}, {}, {}
        known = self.structure.known.copy()
        if rebuilt.offset_feature is not None:
            known[rebuilt.offset_feature] = np.nan
        # What is held in all components is no feature of the problem.
        self.held |= {int(j): float(known[j]) for j in np.flatnonzero(~np.isnan(known))}
        self.features = sorted(self.held)
        # Further predictors have the features of the regressions.
        alone = len(self.structure.family.predictors) == 1
        if not self.structure.penalties.fused:
            self._enter("intercept", 0, np.ones(rebuilt.fitted.n_components))
        for row, j in enumerate(self.structure.regression, start=1):
            coef = rebuilt.fitted.coef[0][:, j]
            if coef.any():
                self.features = sorted([*self.features, int(j)])
                self._enter(int(j), row, coef)
            elif not alone:
                self.held[int(j)] = 0.0

    def _enter(self, key, row, coef):
        """The constraints of a coefficient (K,), and zeros that are held."""
        (sharing, held), penalties = (
            self.structure.constraints,
            self.structure.penalties,
        )
        values = np.where(coef == 0, 0.0, held[row])
        parts = self._parts(sharing[row], coef)
        if (~np.isnan(values)).any():
            self.held[key] = [None if np.isnan(v) else float(v) for v in values]
            if parts:
                raise ValueError(
                    f"refit_selected: components share the coefficient of"
                    f" {self.names[key]}, which is zero in others; a coefficient cannot"
                    " be both shared and held."
                )
        if parts:
            self.shared[key] = parts
        free = np.isnan(values)
        pair = penalties.lower[row], penalties.upper[row]
        if np.isfinite(pair)[:, free].any():
            self.bounds[key] = tuple(
                [
                    float(v) if at and np.isfinite(v) else None
                    for v, at in zip(bound, free, strict=True)
                ]
                for bound in pair
            )

    def _parts(self, sharing, coef):
        """Lists of components that share a coefficient (K,) which is not zero."""
        fused = self.structure.penalties.fused
        label = np.unique(coef, return_inverse=True)[1] if fused else sharing
        parts = [np.flatnonzero((label == one) & (coef != 0)) for one in set(label)]
        return [part.tolist() for part in parts if len(part) > 1]
