"""The fitted mixture inside a pipeline, a search, or both."""

from typing import NamedTuple

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ._remembered import check_unchanged


class Inside(NamedTuple):
    """A fitted mixture, and the way of features to it."""

    mixture: object  # MixtureRegressor
    steps: tuple  # fitted pipelines of transformers, the first one first

    def features(self, X):
        """X as the mixture sees it, from X as the outermost estimator takes it."""
        for step in self.steps:
            X = step.transform(X)
        return X

    def names(self):
        """Names of the features of the mixture, a list."""
        known = getattr(self.mixture, "feature_names_in_", None)
        if known is None and self.steps:
            known = _names_after(self.steps)
        if known is None:
            known = [f"x{j}" for j in range(self.mixture.n_features_in_)]
        return [str(name) for name in known]


def inside(model):
    """The mixture in a fitted model. -> Inside.

    Raises
    ------
    TypeError
        If `model` is neither a mixture nor a pipeline or search that ends in one.
    """
    steps, inner = [], model
    while not hasattr(inner, "predict_group_proba") or hasattr(
        inner, "best_estimator_"
    ):
        if isinstance(inner, Pipeline):
            if len(inner) > 1:
                steps.append(inner[:-1])
            inner = inner[-1]
        elif hasattr(inner, "best_estimator_"):
            inner = inner.best_estimator_
        else:
            # A search without its result is not fitted.
            if hasattr(inner, "estimator"):
                check_is_fitted(inner, "best_estimator_")
            raise TypeError(
                "model must be a fitted MixtureRegressor, a pipeline that ends in one,"
                f" or a search for one; got {type(model).__name__}"
                + (f" with {type(inner).__name__} inside" if inner is not model else "")
                + "."
            )
    check_unchanged(inner)
    return Inside(inner, tuple(steps))


def of_one_response(model, what):
    """The mixture in a fitted model, as `inside`; `what` is for one response alone.

    Raises
    ------
    ValueError
        If the mixture has several responses.
    """
    found = inside(model)
    names = getattr(found.mixture, "response_names_", None)
    if names is not None:
        raise ValueError(
            f"{what}: not available for several responses ({', '.join(names)});"
            " model.predict_distribution(X, response=...) is the distribution of one."
        )
    return found


def check_coefficients(mixture):
    """Raise TypeError unless the components of a fitted mixture are regressions."""
    if not hasattr(mixture, "coef_"):
        raise TypeError(
            f"The components of {type(mixture).__name__} have no coefficients, so that"
            " there is no inference on them, nor a summary or a proof: this needs a"
            " MixtureRegressor."
        )


def _names_after(steps):
    """What the last step calls its columns, or None if a step has no names."""
    names = None
    try:
        for step in steps:
            names = step.get_feature_names_out(names)
    except (AttributeError, ValueError):
        return None
    return names
