r"""What `MixtureRegressorIC` minimizes: a criterion with two penalties.

With more components than there are, one of them settles on a few rows that happen to
lie near a line. There the likelihood grows without limit as the scale shrinks, which no
price of parameters offsets (Fraley & Raftery 2007 therefore evaluate BIC at the maximum
of a posterior density), and of all sets of a few rows the best one is found, for which
the price, derived for many rows, is too low.
"""

import numpy as np

from ._fitted import Fitted


def choice_value(criterion, fit, weight):
    r"""A criterion with penalties for unequal scales and for thin components.

    .. math:: C + 2 \nu \sum_k \log \cosh \log (\sigma_k / \sigma_0) + h \nu \log n

    with the typical scale :math:`\log \sigma_0 = \sum_k \pi_k \log \sigma_k` and
    :math:`\nu = m / K` parameters of a component. The first penalty is the log-F prior
    (Jones 2004) under which optima compete in a search, see `ScaleRule`. By the second,
    a flawed mixture must be better by what a component is worth in BIC, for each of its
    h thin components; h is at least 1 if it is degenerate. `weight` is n.
    """
    each = fit.n_parameters_ / fit.n_components
    flaws = max(len(fit.thin_components_), int(fit.degenerate_))
    return criterion + each * (2 * _spread(Fitted.of(fit)) + flaws * np.log(weight))


def _spread(fitted):
    """The sum of log cosh log scales, relative to the typical one."""
    # Where no scale can collapse, the likelihood is bounded.
    constants = fitted.family.constants
    share, spread = fitted.weights[: fitted.n_components], 0.0
    for response in fitted.family.responses:
        if response.scale is None or not constants[response.scale].collapses:
            continue
        log_scale = np.log(fitted.constants[response.scale])
        distance = log_scale - share @ log_scale / share.sum()
        spread += float((np.logaddexp(distance, -distance) - np.log(2)).sum())
    return spread
