"""From a fitted mixture to one with a component more."""
