"""How far apart groups are: the largest difference or smallest ratio of a metric, its interval, and what chance does.

The largest of several estimates minus the smallest is too large by noise alone, the more so the more groups there are
and the smaller some of them. A small group's noise would hide what two large groups show, so the p value and the lower
limit rest on pairs: each difference in its own standard errors, the largest of them against worlds where all groups
have the same rate, as Tukey's studentized range with groups of unequal size (Kramer 1956, doi:10.2307/3001469). The
lower limit is the most that one pair differs by, for all pairs at once.

The upper limit is the greatest disparity that would not be surprised by the one observed: for each disparity tried, the
groups are moved as little as possible (in units of their standard errors) until they are that far apart, and their
errors are resampled around there. Resampling with the other parameters estimated under what is tried is hybrid
resampling (Chuang & Lai 2000, Statistica Sinica 10, 1-50). Groups that happen to be more alike than chance allows would
leave next to nothing above zero. So the limit is never below the one for a disparity that chance undercuts in 16 % of
worlds without any, which is how physicists keep a lucky sample from excluding what it cannot see (Cowan et al. 2011,
arXiv:1105.3166).

The limits of a pair come from those of its groups by MOVER: for a difference as Newcombe (1998,
doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I), for a ratio as Donner & Zou (2012,
doi:10.1177/0962280210383174). A share of exactly 0 or 1 has nothing to resample, nor has a mean of two such shares:
where a group has one, the limits are never closer than those that its own (Wilson's) interval leaves.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import brentq

from toolkit.core import Estimate
from toolkit.statistics import LUCKY, Array, Interval, Mask, Z

TAIL = 0.025
METHOD = "studentized range and hybrid resampling"


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

    @cached_property
    def contrasts(self) -> Array:
        """By how many standard errors the pair that is most clearly apart differs; shape (1 + replicates,).

        First as was seen, then where all groups have the same rate.
        """
        values = np.column_stack([self.values, self.chance])
        # Of normal errors, the mean absolute one is this share of the standard error; squares of 1e300 are infinite.
        away = np.abs(self.chance - self.chance.mean(axis=1, keepdims=True)).mean(axis=1) / math.sqrt(2 / math.pi)
        error, largest = np.maximum(away, np.finfo(float).tiny), np.zeros(values.shape[1])
        for place in range(1, len(values)):
            apart = np.abs(values[:place] - values[place]) / np.hypot(error[:place], error[place])[:, None]
            largest = np.maximum(largest, apart.max(axis=0))
        return largest


@dataclass(frozen=True)
class Disparity:
    """How far apart the groups are in one metric, or in the worse of several.

    Attributes
    ----------
    estimate : Estimate
    expected : float
        What it would be on average if the groups did not differ.
    p_value : float
        Share of such worlds in which a pair of groups is as clearly apart as here.
    metric : str
        The metric that decides.
    lowest, highest : int
        Places of the groups with its least and greatest value.
    clearest : tuple (str, int, int) or None
        The metric and the pair of groups on which the lower limit rests, the higher first, where chance may explain
        those two.
    """

    estimate: Estimate
    expected: float
    p_value: float
    metric: str
    lowest: int
    highest: int
    clearest: tuple[str, int, int] | None = None


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
    apart = [float(_apart(part.values, ratio)) for part in parts]
    observed, decides = max(apart), parts[int(np.argmax(apart))]
    contrasts = np.max([part.contrasts for part in parts], axis=0)
    seen, alike = float(contrasts[0]), contrasts[1:]
    critical = float(np.quantile(alike, 1 - 2 * TAIL))
    limits = {part: _limits_of_pairs(part, ratio, critical / Z)[0] for part in parts}
    low, high = max(float(one.max()) for one in limits.values()), max(_upper(part, ratio) for part in parts)
    if not low < high:
        # Where all groups agree, they might still differ as far as the widest of their own intervals reaches.
        widest = max(float(_apart(np.array([one.low, one.high]), ratio)) for one in decides.kept)
        high = observed + (1 - observed if ratio else 1.0) * widest
    highest, lowest = int(np.argmax(decides.values)), int(np.argmin(decides.values))
    clearest = None
    if limits[decides][highest, lowest] <= 0 < low:
        part = max(limits, key=lambda one: float(limits[one].max()))
        pair = np.flatnonzero(part.judged)[[*divmod(int(limits[part].argmax()), len(limits[part]))]]
        clearest = part.name, int(pair[0]), int(pair[1])
    value, expected = observed, float(np.max([_apart(part.chance, ratio) for part in parts], axis=0).mean())
    if ratio:
        value, expected, low, high = 1 - value, 1 - expected, 1 - high, 1 - low
    p_value = (1 + int((alike >= seen - 1e-12 * max(1.0, seen)).sum())) / (1 + len(alike))
    estimate = Estimate(value, low, high, sum(found.n for found in decides.kept), METHOD)
    places = np.flatnonzero(decides.judged).tolist()
    return Disparity(estimate, expected, p_value, decides.name, places[lowest], places[highest], clearest)


def _stretched(places: Array, error: Array, width: float, bounds: Interval) -> Array:
    """Return the places of the groups when the pair with least to move, in standard errors, is a width apart."""
    unit = error.max()
    variance = (error / unit) ** 2
    # How much further apart each pair, the first above the second, would have to be. Two groups share the way by their
    # variances, which costs missing² over the sum of the two.
    missing = width - (places[:, None] - places[None, :])
    cost = (missing / unit) ** 2 / (variance[:, None] + variance[None, :])
    np.fill_diagonal(cost, np.inf)
    upper, lower = np.unravel_index(int(np.argmin(cost)), cost.shape)
    share = variance[upper] / (variance[upper] + variance[lower])
    # At the end of the metric's range one of the two stops, and the other goes the rest of the way.
    top = min(float(places[upper] + share * missing[upper, lower]), bounds[1])
    bottom = max(top - width, bounds[0])
    top = min(bottom + width, bounds[1])
    moved = np.clip(places, bottom, top)
    moved[upper], moved[lower] = top, bottom
    return moved


def _upper(part: GroupMetric, ratio: bool) -> float:
    """Return the greatest disparity under which what was seen is not among the smallest 2.5 % of draws."""
    places, error, bounds = part.centres, part.deviations, (0.0, 1.0) if part.proportion else (-math.inf, math.inf)
    if ratio:  # the groups are moved apart on the log scale
        centres = np.where(places > 0, places, error)
        places, error, bounds = np.log(centres), error / centres, (-math.inf, 0.0 if part.proportion else math.inf)
    observed, wide = float(_apart(part.values, ratio)), float(np.ptp(places))
    seen = max(observed, float(np.quantile(_apart(part.chance, ratio), LUCKY)))
    most = min(bounds[1] - bounds[0], wide + 20 * float(error.max()))  # what is out of the question

    def surprise(width: float) -> float:
        moved = _stretched(places, error, width, bounds)
        found = to_scale(np.exp(moved) if ratio else moved, part.proportion)[:, None] + part.errors
        return float(np.quantile(_apart(from_scale(found, part.proportion), ratio), TAIL)) - seen

    if surprise(wide) < 0:
        wide = most if surprise(most) <= 0 else float(brentq(surprise, wide, most, xtol=1e-3 * float(error.min())))
    if ratio:
        wide = 1.0 if wide >= most else -math.expm1(-wide)
    # Groups with a share of exactly 0 or 1 may be as far off as their own intervals leave.
    pairs = part.constant[:, None] | part.constant[None, :]
    np.fill_diagonal(pairs, False)
    return max(wide, observed, float(_limits_of_pairs(part, ratio)[1].max(where=pairs, initial=0.0)))


def _limits_of_pairs(part: GroupMetric, ratio: bool, scale: float = 1.0) -> tuple[Array, Array]:
    """Return the limits nearest to parity and furthest from it of every two groups, by MOVER; shape (groups, groups).

    Of the difference of the group in the row minus that in the column, or of one minus the ratio of the column to it.
    The groups' own intervals are taken ``scale`` times as wide.
    """
    value, low, high = (np.array([getattr(found, end) for found in part.kept]) for end in ("value", "low", "high"))
    low, high = value - scale * (value - low), value + scale * (high - value)
    if part.proportion:
        low, high = np.maximum(low, 0.0), np.minimum(high, 1.0)
    if not ratio:
        apart = value[:, None] - value[None, :]
        near = apart - np.hypot((value - low)[:, None], (high - value)[None, :])
        far = apart + np.hypot((high - value)[:, None], (value - low)[None, :])
        return np.maximum(near, 0.0), np.minimum(far, 1.0)
    low, product = np.maximum(low, 0.0), value[:, None] * value[None, :]
    above, below = high * (2 * value - high), low * (2 * value - low)
    with np.errstate(divide="ignore", invalid="ignore"):
        far = (product - np.sqrt(np.maximum(product**2 - above[:, None] * below[None, :], 0))) / above[:, None]
        near = (product + np.sqrt(np.maximum(product**2 - below[:, None] * above[None, :], 0))) / below[:, None]
    # Where the group in the row may be at 0, its ratio has no upper limit, and none that is above 1 matters.
    return 1 - np.clip(np.nan_to_num(near, nan=1.0), 0.0, 1.0), 1 - np.clip(np.nan_to_num(far, nan=1.0), 0.0, 1.0)


def _apart(values: Array, ratio: bool) -> Array:
    """Return how far apart groups are; the groups are the first axis."""
    least, greatest = values.min(axis=0), values.max(axis=0)
    if not ratio:
        return np.asarray(greatest - least)
    return np.where(greatest > 0, 1 - least / np.where(greatest > 0, greatest, 1.0), 0.0)
