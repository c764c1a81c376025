"""What a fitted mixture says along one raw feature, with all else held."""

import numpy as np

# Quantiles between which the effect of a feature is measured.
_FROM, _TO, _STEPS = 0.05, 0.95, 9
# Features with more names than this are not named on an axis.
_MOST_NAMES = 2


def held_at(data):
    """Medians of data of rows, by name; those of trials are rounded down."""
    held = {name: np.median(values) for name, values in data.items()}
    if "trials" in held:
        held["trials"] = np.floor(held["trials"])
    return held


class Along:
    """A fitted mixture on rows in which one feature varies, and all else is held.

    Parameters
    ----------
    found : Inside
        The mixture, and the way of features to it.
    raw : Raw
        The rows.
    data : dict of str to array-like of shape (n,)
        Offset, trials and row scales, as far as given. They are held at their median,
        rounded down for trials.
    which : dict
        Keywords of `predict_distribution` that choose a response, if there are several.
    """

    def __init__(self, found, raw, data, which):
        self.found, self.raw, self.which = found, raw, which
        self.data = {
            name: np.asarray(values, dtype=np.float64) for name, values in data.items()
        }
        self.held = held_at(self.data)

    def default(self):
        """The feature over which to draw.

        The one with the most values among those with more than two and at least half
        of the largest effect: how far component means move between its quantiles of 5
        and 95 %. The first of several.
        """
        raw = self.raw
        columns = {j: raw.numbers(j) for j in range(len(raw.names))}
        counts = {
            j: len(np.unique(values[~np.isnan(values)]))
            for j, values in columns.items()
            if values is not None and j not in self._offsets()
        }
        if not counts:
            raise ValueError(f"X has no feature of numbers to draw over: {raw.names}.")
        least = min(3, max(counts.values()))
        able = [j for j, count in counts.items() if count >= least]
        if len(able) == 1:
            return able[0]
        effects = self._effects(able, columns)
        strong = [j for j in able if effects[j] >= 0.5 * max(effects.values())]
        return max(strong, key=counts.get)

    def curves(self, j, grid, level):
        """Means and quantiles of components at values (m,) of feature j, (3, m, K).

        They are NaN where a component has no distribution.
        """
        ahead = self._ahead({j: grid})
        inside = ahead.defined()
        curves = np.full((3, *inside.shape), np.nan)
        for k, one in enumerate(np.eye(inside.shape[1], ahead.weights.shape[1])):
            at = inside[:, k]
            if at.any():
                alone = ahead[at].reweighted(one)
                curves[:, at, k] = alone.mean(), *alone.interval(level)
        return curves

    def moved(self, j, features, y, members):
        r"""Responses (n,) as they would be with all held but feature j, and a label.

        A row moves with the component k to which it belongs, and keeps its Pearson
        residual: :math:`\mu_k(h) + (y - \mu_k(x)) \sigma_k(h) / \sigma_k(x)` with the
        held values h. For gaussian components it is the partial residual. Responses
        that are bounded above stay where they are, but for their trials.

        Returns
        -------
        y : ndarray of shape (n,)
        label : str
            What the axis says of it after the name of the response.
        """
        given = self.data | self.which
        here = self.found.mixture.predict_distribution(features, **given)
        own = np.eye(here.weights.shape[1])[members]
        here = here.reweighted(own)
        there = self._ahead({j: self.raw.column(j)})
        label = ""
        ratio = np.ones(len(y))
        if "trials" in self.data:
            ratio = self.held["trials"] / self.data["trials"]
            if np.ptp(ratio):
                label = f" of {self.held['trials']:.0f} trials"
        # A background is the same everywhere; its mean may be infinite.
        y, stays = ratio * y, members >= here.n_components
        mean = np.where(stays, y, ratio * here.mean())
        family = here.family
        bounded = "trials" in family.row_data or np.isfinite(family.support.upper)
        if there.defined()[own[:, : here.n_components] > 0].all():
            there = there.reweighted(own)
            ahead = np.where(stays, y, there.mean())
            shift = ahead - mean
            width = np.ptp(y[~np.isnan(y)])
            if np.abs(shift).max() <= 1e-9 * (width + np.abs(mean).max()):
                return y, label
            if not bounded:
                moved = ahead + (y - mean) * _ratio(there.std(), here.std())
                moved = np.maximum(np.where(stays, y, moved), family.support.lower)
                return moved, f" at {self._said(j)}"
        return y, f"{label}, lines at {self._said(j)}"

    def _ahead(self, given):
        """Distributions of rows with given columns, a dict of j to (m,)."""
        rows = self.raw.with_columns(given)
        held = {name: np.full(len(rows), value) for name, value in self.held.items()}
        features = self.found.features(rows)
        held |= self.which
        return self.found.mixture.predict_distribution(features, **held)

    def _effects(self, able, columns):
        """How far component means move over each of some features, a dict."""
        blocks = np.repeat(np.arange(len(able)), _STEPS)
        levels, given = np.linspace(_FROM, _TO, _STEPS), {}
        for place, j in enumerate(able):
            known = columns[j][~np.isnan(columns[j])]
            # Values that occur, as an encoder may refuse others.
            values = np.full(len(blocks), columns[j][self.raw.typical[j]])
            values[blocks == place] = np.quantile(known, levels, method="inverted_cdf")
            given[j] = values
        ahead = self._ahead(given)
        inside, shares = ahead.defined(), self.found.mixture.weights_
        effects = np.zeros(len(able))
        for k, one in enumerate(np.eye(len(shares), ahead.weights.shape[1])):
            means = np.full(len(blocks), np.nan)
            at = inside[:, k]
            if at.any():
                means[at] = ahead[at].reweighted(one).mean()
            for place in range(len(able)):
                part = means[(blocks == place) & at]
                effects[place] += shares[k] * np.ptp(part) if len(part) else 0.0
        return dict(zip(able, effects, strict=True))

    def _offsets(self):
        """Features that are known to be an offset, a set of indices."""
        feature = self.found.mixture.offset_feature
        if isinstance(feature, str):
            names = self.raw.names
            return {names.index(feature)} if feature in names else set()
        known = feature is not None and not self.found.steps
        return {feature % len(self.raw.names)} if known else set()

    def _said(self, j):
        """Where other things are held, in words for an axis."""
        values = {
            name: self.raw.value(i)
            for i, name in enumerate(self.raw.names)
            if i != j and self.raw.varies(i)
        }
        values |= {n: v for n, v in self.held.items() if np.ptp(self.data[n])}
        if len(values) <= _MOST_NAMES:
            return ", ".join(f"{name} = {_short(v)}" for name, v in values.items())
        words = any(isinstance(value, str) for value in values.values())
        return f"medians{' and modes' if words else ''} of the other features"


def _short(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _ratio(over, under):
    """Ratio of standard deviations, one where they are infinite."""
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(over) & np.isfinite(under), over / under, 1.0)
