"""The fitted model in a file."""

from sklearn.pipeline import Pipeline

from .words import Refusal, plain


def save(data, model, path):
    """Save the model with skops, and return a line on it.

    It is a pipeline that takes the table as pandas reads it, or, for the two lines, an
    array.

    Raises
    ------
    Refusal
        If the file cannot be written.
    """
    import skops.io

    steps = [("mixture", model.best_estimator_)]
    if data.transformer is not None:
        steps.insert(0, ("columns", data.transformer))
    try:
        skops.io.dump(Pipeline(steps), path)
    except OSError as error:
        raise Refusal(f"cannot write {path}: {error.strerror or error}") from error
    return f"Model, to load with skops.io.load: {plain(path)}"
