r"""What `MixtureRegressorIC` minimizes: a criterion of the penalized log-likelihood.

Where scales differ, more components than there are always gain: one of them settles on
a few rows that happen to lie near a line. No penalty for parameters offsets that, since
the gain grows without limit as its scale shrinks (Fraley & Raftery 2007 therefore
evaluate BIC at the maximum of a posterior density).
"""

import numpy as np

from ._fitted import Fitted


def choice_value(criterion, fit, weight):
    r"""What a fitted mixture with a criterion has to beat others by: the lowest wins.

    .. math:: C + 2 \nu \sum_k \log \cosh \log (\sigma_k / \sigma_0)
              + \nu\, [\text{degenerate}] \log n

    with the typical scale :math:`\log \sigma_0 = \sum_k \pi_k \log \sigma_k` and
    :math:`\nu = m / K` parameters of a component. The first addition is the log-F
    penalty (Jones 2004) under which optima compete in a search, `_scales.ScaleRule`.
    The second is what a component must be worth by BIC. `weight` is n.
    """
    each = fit.n_parameters_ / fit.n_components
    handicap = each * np.log(weight) if fit.degenerate_ else 0.0
    return criterion + 2 * each * _spread(Fitted.of(fit)) + handicap


def _spread(fitted):
    """The sum of log cosh log scales, relative to the typical one."""
    # Where no scale can collapse, the likelihood is bounded.
    if not any(constant.collapses for constant in fitted.family.constants[:1]):
        return 0.0
    log_scale = np.log(fitted.constants[0])
    distance = log_scale - fitted.weights @ log_scale
    return float((np.logaddexp(distance, -distance) - np.log(2)).sum())
