"""How far apart groups are: the largest difference or smallest ratio of a metric, its interval, and what chance does.

The largest of several estimates minus the smallest is too large by noise alone, the more so the more groups there are,
and a percentile bootstrap doubles that error. The interval here holds every disparity that would not be surprised by
the one observed: for each disparity tried, the groups are moved as little as possible (in units of their standard
errors) until they are that far apart, and their errors are resampled around there. Resampling at the null with the
other parameters estimated under it is hybrid resampling (Chuang & Lai 2000, Statistica Sinica 10, 1-50).

Groups that happen to be more alike than chance allows would leave next to nothing above zero. So the upper limit is
never below the one for a disparity that chance undercuts in 16 % of worlds without any, which is how physicists keep
a lucky sample from excluding what it cannot see (Cowan et al. 2011, arXiv:1105.3166).

A share of exactly 0 or 1 has nothing to resample, nor has a mean of two such shares. Where a group has one, the limits
are never closer than those that the groups' own (Wilson's) intervals give for two groups, by MOVER: for a difference as
Newcombe (1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I), for a ratio as Donner & Zou
(2012, doi:10.1177/0962280210383174).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy.optimize import brentq

from toolkit.core.estimate import Estimate
from toolkit.statistics.intervals import Array, Interval, Mask

TAIL = 0.025
#: Share of worlds without disparity in which chance undercuts the one that the upper limit is never below.
LUCKY = 0.16
#: How many standard errors from an end a group may be and still count as lying there, for the lower limit.
TIED = 1.0
METHOD = "hybrid resampling"


@dataclass(frozen=True, eq=False)
class GroupMetric:
    """One metric of every group, and how it varies by chance in the groups that can be judged.

    Attributes
    ----------
    name : str
    estimates : tuple of Estimate
        One a group.
    judged : bool array of shape (groups,)
        Whether the group rests on enough rows of the kind that the metric needs.
    centres : array of shape (judged,)
        Values of the judged groups, off the edges of the metric's range, so that logs and errors exist.
    errors : array of shape (judged, replicates)
        Resampled deviations, on the arcsine scale for a proportion (which makes them alike everywhere), else as is.
    deviations : array of shape (judged,)
        Standard errors on the metric's own scale.
    chance : array of shape (judged, replicates)
        Values where all groups have the same rate.
    constant : bool array of shape (judged,)
        Whether nothing in the group varies, as where a share is 0 or 1, so that there is nothing to resample.
    proportion : bool
        Whether the metric lies in [0, 1].
    """

    name: str
    estimates: tuple[Estimate, ...]
    judged: Mask
    centres: Array
    errors: Array
    deviations: Array
    chance: Array
    constant: Mask
    proportion: bool = True

    @property
    def kept(self) -> list[Estimate]:
        """Return the estimates of the judged groups."""
        return [found for found, judged in zip(self.estimates, self.judged, strict=True) if judged]

    @property
    def values(self) -> Array:
        """Return the values of the judged groups."""
        return np.array([found.value for found in self.kept])


@dataclass(frozen=True)
class Disparity:
    """How far apart the groups are in one metric, or in the worse of several.

    Attributes
    ----------
    estimate : Estimate
    expected : float
        What it would be on average if the groups did not differ.
    p_value : float
        Share of such worlds in which it is as far from parity as here.
    metric : str
        The metric that decides.
    lowest, highest : int
        Places of the groups with its least and greatest value.
    """

    estimate: Estimate
    expected: float
    p_value: float
    metric: str
    lowest: int
    highest: int


def to_scale(values: Array, proportion: bool) -> Array:
    """Put values on the scale on which errors are resampled."""
    return np.arcsin(np.sqrt(np.clip(values, 0.0, 1.0))) if proportion else values


def from_scale(values: Array, proportion: bool) -> Array:
    """Undo ``to_scale``; what left the range returns to its edge."""
    return np.sin(np.clip(values, 0.0, math.pi / 2)) ** 2 if proportion else values


def measure_disparity(parts: Sequence[GroupMetric], *, ratio: bool = False) -> Disparity | None:
    """Measure the largest difference between groups, or the smallest ratio, in the worst of some metrics.

    Parameters
    ----------
    parts : sequence of GroupMetric
        One metric, or several of which the one with the greatest disparity counts (equalized odds).
    ratio : bool
        Least over greatest value instead of greatest minus least.

    Returns
    -------
    Disparity or None
        None where a metric has fewer than two judged groups, or a ratio is wanted and it is zero in all of them or
        negative in one.
    """
    if any(part.judged.sum() < 2 or (ratio and (part.values.min() < 0 or part.values.max() == 0)) for part in parts):
        return None
    # Inside, a ratio is one minus itself, so that for both kinds 0 is parity and more is worse.
    apart = [float(_apart(part.values.min(), part.values.max(), ratio)) for part in parts]
    observed = max(apart)
    decides = parts[int(np.argmax(apart))]
    chance = np.max([_apart(part.chance.min(axis=0), part.chance.max(axis=0), ratio) for part in parts], axis=0)
    found = _interval([_Shape(part, ratio) for part in parts], observed, ratio)
    low, high = _at_the_edge(parts, decides, found, ratio)
    if not low < high:
        # Where all groups agree, they might still differ as far as the widest of their own intervals reaches.
        widest = max(float(_apart(one.low, one.high, ratio)) for one in decides.kept)
        high = observed + (1 - observed if ratio else 1.0) * widest
    value, expected = observed, float(chance.mean())
    if ratio:
        value, expected, low, high = 1 - value, 1 - expected, 1 - high, 1 - low
    as_far = int((chance >= observed - 1e-12 * max(1.0, observed)).sum())
    ends = np.flatnonzero(decides.judged)[[np.argmin(decides.values), np.argmax(decides.values)]].tolist()
    estimate = Estimate(value, low, high, sum(found.n for found in decides.kept), METHOD)
    return Disparity(estimate, expected, (1 + as_far) / (1 + len(chance)), decides.name, *ends)


class _Shape:
    """The groups of one metric on the scale on which they are moved apart: its own, or the log for a ratio."""

    def __init__(self, part: GroupMetric, ratio: bool) -> None:
        self.part, self.ratio = part, ratio
        centres = np.where(part.centres > 0, part.centres, part.deviations) if ratio else part.centres
        self.at = np.log(centres) if ratio else centres
        self.error = part.deviations / centres if ratio else part.deviations
        top = (0.0 if ratio else 1.0) if part.proportion else math.inf
        self.bounds: Interval = (0.0 if part.proportion and not ratio else -math.inf, top)
        self.width = float(np.ptp(self.at))
        # What is out of the question.
        self.most = min(top - self.bounds[0], self.width + 20 * float(self.error.max()))

    def draw(self, at: Array) -> Array:
        """Resample how far apart the groups are found to be when they truly are at ``at``."""
        proportion = self.part.proportion
        found = to_scale(np.exp(at) if self.ratio else at, proportion)[:, None] + self.part.errors
        return _apart(from_scale(found.min(axis=0), proportion), from_scale(found.max(axis=0), proportion), self.ratio)

    def squeezed(self, width: float, reach: float) -> Array:
        """Return the nearest places of the groups within a width: those outside move to its ends.

        So do those inside that are no further than ``reach`` standard errors from an end: they may well be there, and
        would make the groups look further apart (moment selection: Andrews & Soares 2010, doi:10.3982/ECTA7502).
        """
        if width >= self.width:
            return self.at
        weight = (self.error.min() / self.error) ** 2
        # The window that costs least begins where the pulls of the groups outside it balance. The pull rises with the
        # beginning and bends only where a group enters or leaves, so the zero between two bends is exact.
        ends = np.sort(np.concatenate([self.at, self.at - width]))
        low = ends[:, None]
        pull = (weight * (np.maximum(low - self.at, 0) - np.maximum(self.at - low - width, 0))).sum(axis=1)
        start = float(np.interp(0.0, pull, ends))
        at = np.clip(self.at, start, start + width)
        up, down = start + width - at, at - start
        at = np.where((up <= down) & (up <= reach * self.error), start + width, at)
        return np.where((down < up) & (down <= reach * self.error), start, at)

    def stretched(self, width: float) -> tuple[float, Array]:
        """Return the cost of moving the cheapest pair of groups to a width, and the places of all groups then."""
        unit = self.error.max()
        variance = (self.error / unit) ** 2
        # How much further apart each pair, the first above the second, would have to be. Two groups share the way by
        # their variances, which costs missing² over the sum of the two.
        missing = width - (self.at[:, None] - self.at[None, :])
        cost = (missing / unit) ** 2 / (variance[:, None] + variance[None, :])
        np.fill_diagonal(cost, np.inf)
        upper, lower = np.unravel_index(int(np.argmin(cost)), cost.shape)
        share = variance[upper] / (variance[upper] + variance[lower])
        # At the end of the metric's range one of the two stops, and the other goes the rest of the way.
        top = min(float(self.at[upper] + share * missing[upper, lower]), self.bounds[1])
        bottom = max(top - width, self.bounds[0])
        top = min(bottom + width, self.bounds[1])
        at = np.clip(self.at, bottom, top)
        at[upper], at[lower] = top, bottom
        return float(cost[upper, lower]), at


def _interval(shapes: Sequence[_Shape], observed: float, ratio: bool) -> Interval:
    @cache
    def drawn(width: float, reach: float) -> Array:
        places = [shape.squeezed(width, reach) for shape in shapes]
        # Of several metrics, a disparity is reached as soon as one of them has it: the one that has least to move.
        if all(width > shape.width for shape in shapes):
            stretched = [shape.stretched(width) for shape in shapes]
            cheapest = int(np.argmin([cost for cost, _ in stretched]))
            places[cheapest] = stretched[cheapest][1]
        return np.asarray(np.max([shape.draw(at) for shape, at in zip(shapes, places, strict=True)], axis=0))

    @cache
    def quantile(width: float, share: float) -> float:
        # Ties make large disparities likelier, which is the careful side for the lower limit alone.
        return float(np.quantile(drawn(width, TIED if share > LUCKY else 0.0), share))

    # Both quantiles rise with the disparity tried. The lower limit is the least one under which what was seen is not
    # among the largest 2.5 % of draws, the upper one the greatest under which it is not among the smallest 2.5 %.
    most = max(shape.most for shape in shapes)
    tolerance = 1e-3 * min(float(shape.error.min()) for shape in shapes)
    # A hair below, so that a disparity at the edge of its range is reached where the quantile first gets there.
    narrow = _crossing(lambda width: quantile(width, 1 - TAIL) - observed * (1 - 1e-9), most, tolerance)
    seen = max(observed, quantile(0.0, LUCKY))
    wide = _crossing(lambda width: quantile(width, TAIL) - seen, most, tolerance)
    if ratio:
        narrow, wide = -math.expm1(-narrow), 1.0 if wide >= most else -math.expm1(-wide)
    return min(narrow, observed), max(wide, observed)


def _crossing(surprise: Callable[[float], float], most: float, tolerance: float) -> float:
    """Find where a rising function is zero between 0 and ``most``; the end on its side where it is not."""
    if surprise(0.0) >= 0:
        return 0.0
    return most if surprise(most) <= 0 else float(brentq(surprise, 0.0, most, xtol=tolerance))


def _at_the_edge(parts: Sequence[GroupMetric], decides: GroupMetric, found: Interval, ratio: bool) -> Interval:
    """Widen an interval to what groups with a share of exactly 0 or 1 leave possible."""
    low, high = found
    for part in (one for one in parts if one.constant.any()):
        near, far = _limits_of_pairs(part, ratio)
        pairs = part.constant[:, None] | part.constant[None, :]
        np.fill_diagonal(pairs, False)
        high = max(high, float(far[pairs].max()))
        upper, lower = int(np.argmax(part.values)), int(np.argmin(part.values))
        if part is decides and pairs[upper, lower]:
            low = min(low, float(near[upper, lower]))
    return low, high


def _limits_of_pairs(part: GroupMetric, ratio: bool) -> tuple[Array, Array]:
    """Return the limits nearest to parity and furthest from it of every two groups, by MOVER; shape (groups, groups).

    Of the difference of the group in the row minus that in the column, or of one minus the ratio of the column to it.
    """
    value, low, high = (np.array([getattr(found, end) for found in part.kept]) for end in ("value", "low", "high"))
    if not ratio:
        apart = value[:, None] - value[None, :]
        near = apart - np.hypot((value - low)[:, None], (high - value)[None, :])
        far = apart + np.hypot((high - value)[:, None], (value - low)[None, :])
        return np.maximum(near, 0.0), np.minimum(far, 1.0)
    product = value[:, None] * value[None, :]
    above, below = high * (2 * value - high), low * (2 * value - low)
    with np.errstate(divide="ignore", invalid="ignore"):
        far = (product - np.sqrt(np.maximum(product**2 - above[:, None] * below[None, :], 0))) / above[:, None]
        near = (product + np.sqrt(np.maximum(product**2 - below[:, None] * above[None, :], 0))) / below[:, None]
    # Where the group in the row may be at 0, its ratio has no upper limit, and none that is above 1 matters.
    return 1 - np.clip(np.nan_to_num(near, nan=1.0), 0.0, 1.0), 1 - np.clip(np.nan_to_num(far, nan=1.0), 0.0, 1.0)


def _apart(least: Any, greatest: Any, ratio: bool) -> Array:
    if not ratio:
        return np.asarray(greatest - least)
    return np.where(greatest > 0, 1 - least / np.where(greatest > 0, greatest, 1.0), 0.0)
