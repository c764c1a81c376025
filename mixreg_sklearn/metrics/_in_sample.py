"""A splitter with which searches judge candidates on the rows they were fitted to."""

import numpy as np
from sklearn import get_config


class InSample:
    """Splitter with a single split: train and test are both all rows.

    For information criteria, which are about the rows that were fitted. `GridSearchCV`
    then fits every candidate once, and the best once more (`refit`).

    Examples
    --------
    >>> from mixreg_sklearn import MixtureRegressor
    >>> from mixreg_sklearn.datasets import load_two_lines
    >>> from mixreg_sklearn.metrics import InSample, bic_scorer
    >>> from sklearn.model_selection import GridSearchCV
    >>> X, y = load_two_lines(return_X_y=True)
    >>> search = GridSearchCV(
    ...     MixtureRegressor(random_state=0),
    ...     {"n_components": [1, 2, 3]},
    ...     scoring=bic_scorer,
    ...     cv=InSample(),
    ... )
    >>> search.fit(X, y).best_params_
    {'n_components': 2}
    """

    def get_n_splits(self, X=None, y=None, groups=None):
        """Return the number of splits, 1.

        Parameters
        ----------
        X, y, groups : object, default=None
            Ignored.

        Returns
        -------
        int
            1.
        """
        return 1

    def split(self, X, y=None, groups=None):
        """Yield all rows to train on, and all rows to test on.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.
        y : object, default=None
            Ignored.
        groups : object, default=None
            Ignored; an error without metadata routing, as they reach no mixture then.

        Yields
        ------
        train, test : ndarray of int of shape (n_samples,)
            All indices.

        Raises
        ------
        ValueError
            If there are groups, and metadata routing is off.
        """
        if groups is not None and not get_config()["enable_metadata_routing"]:
            raise ValueError(
                "groups would reach neither fit nor the scorer, as metadata routing is"
                " off: call sklearn.set_config(enable_metadata_routing=True) first, or"
                " use MixtureRegressorIC, whose fit takes groups."
            )
        n_samples = X.shape[0] if hasattr(X, "shape") else len(X)
        yield np.arange(n_samples), np.arange(n_samples)

    def __repr__(self):
        return "InSample()"
