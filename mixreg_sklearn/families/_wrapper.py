"""Families around another one."""

from ._base import Family


def _of_family(name):
    """A declaration of the family inside."""
    return property(lambda self: getattr(self.family, name))


class Wrapper(Family):
    """Base of families around another one, their parameter `family`.

    What it declares is what the family inside declares, and what follows from responses
    alone is what follows for the family inside, unless it says otherwise. It says
    itself how responses are distributed: nothing of that is taken over unseen.

    Parameters
    ----------
    family : Family
    """

    predictors = _of_family("predictors")
    constants = _of_family("constants")
    support = _of_family("support")
    responses = _of_family("responses")
    response_columns = _of_family("response_columns")
    links = _of_family("links")
    endless = _of_family("endless")
    limits = _of_family("limits")

    def __init__(self, family):
        self.family = family

    def _inner(self, y):
        """The target of the family inside, from its own."""
        return y

    def _link(self):
        return self.family._link()

    def line(self, y):
        return self.family.line(y)

    def readable(self, y):
        return self.family.readable(y)

    def bounds(self, y):
        return self.family.bounds(y)

    def points(self, y):
        return self.family.points(y)

    def check_together(self, y):
        self.family.check_together(self._inner(y))

    def check_drawn(self, y):
        self.family.check_drawn(self._inner(y))

    def has_density(self, y):
        return self.family.has_density(self._inner(y))

    def units(self, y, weight, fit_intercept):
        return self.family.units(self._inner(y), weight, fit_intercept)

    def resolution(self, y):
        return self.family.resolution(self._inner(y))

    def base(self, y):
        return self.family.base(self._inner(y))

    def initial(self, y):
        return self.family.initial(self._inner(y))

    def outside(self, eta):
        return self.family.outside(eta)
