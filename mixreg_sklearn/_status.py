"""What may be said of the maximum at which a fit ended, in a word."""

DEGENERATE, NOT_PROVEN = "degenerate", "not proven"
AGREED, NOT_AGREED = "agreed", "not agreed"


def status(model):
    """The word for a fitted mixture, of those above.

    Of proven local maxima, those are `AGREED` that independent arms of the search
    found, or that needed no search.
    """
    if model.degenerate_:
        return DEGENERATE
    if not model.converged_:
        return NOT_PROVEN
    return AGREED if agreed(model) else NOT_AGREED


def agreed(model):
    """Whether a search agreed on the estimate, or none was needed."""
    return bool(model.search_.get("agreed", _alone(model)))


def _alone(model):
    """Whether there is nothing to search for: one component, and no background."""
    return len(model.weights_) == 1 and model.background is None


def sentence(model):
    """The same without a stop, for a heading."""
    if _alone(model) and status(model) == AGREED:
        return "a proven local maximum; one component needs no search"
    return {
        DEGENERATE: "degenerate",
        NOT_PROVEN: "not proven to be a maximum",
        AGREED: "a proven local maximum, the best of a search that agreed",
        NOT_AGREED: "a proven local maximum; no search agreed that it is the best",
    }[status(model)]
