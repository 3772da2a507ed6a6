"""Measure: a metric's estimate with the influence of each row, so that two models on the same rows can be compared."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple, TypeAlias

import numpy as np

from toolkit.core import Estimate
from toolkit.errors import InputError
from toolkit.statistics import intervals
from toolkit.statistics.intervals import RULE_OF_THREE, Array, Interval, Z, standard_error, t_quantile, wald, wilson
from toolkit.statistics.units import Units

ONE_UNIT = "no interval: one group"
#: The interval where the variance is so many times that of independent rows.
Ends: TypeAlias = Callable[[float], Interval]


def no_interval(_effect: float) -> Interval:
    """Return ends that are not known."""
    return math.nan, math.nan


class Measure(NamedTuple):
    """A metric measured on some rows.

    Attributes
    ----------
    estimate : Estimate
        Value and interval.
    influence : array of shape (n,) or None
        Of each row on the value (see ``intervals.standard_error``), times its weight; None where the metric is not
        smooth enough for it.
    bounds : (float, float)
        Least and greatest possible value.
    unit : float
        The most that one row among ``n`` can move the value, times ``n``: what a change not seen in the sample is
        reckoned with.
    centre : float
        The value freed from its bias, where it has a notable one; else nan.
    few : bool
        Whether so few rows decide that a difference rests on both intervals, not on Wald's.
    ends : callable
        The interval where the variance is so many times that of independent rows, each of which was seen as often as it
        weighs.
    units : Units or None
        The independent observations that the interval is of; None where these are the rows.
    chance : Measure or None
        What a guess that says positive as often gives, where a model that never says positive gives less than that;
        with the same influences where the model always says positive, which is such a guess.
    """

    estimate: Estimate
    influence: Array | None
    bounds: Interval = (-math.inf, math.inf)
    unit: float = 1.0
    centre: float = math.nan
    few: bool = False
    ends: Ends = no_interval
    units: Units | None = None
    chance: "Measure | None" = None

    @classmethod
    def made(
        cls, value: float, ends: Ends, method: str, influence: Array, unit: float, bounds: Interval = (0.0, 1.0)
    ) -> "Measure":
        """Measure with the interval of independent rows."""
        found = Estimate(value, *_cut(ends(1.0), bounds), len(influence), method)
        return cls(found, influence, bounds, unit, ends=ends)

    @property
    def pairing(self) -> Array | None:
        """The influence of each row, where that of a difference is the difference of two; None elsewhere."""
        return None if math.isfinite(self.centre) else self.influence

    def over(self, units: Units | None, name: str = "") -> "Measure":
        """Return the same with the interval of dependent rows; where each stands alone, as it is.

        A share gets an effective sample size (Rao & Scott 1992, doi:10.2307/2532311), every other metric the variance
        of its units; in a short part of a series a metric of this name may have one that is known.
        """
        found = self.estimate
        if units is None or not found.has_interval:
            return self._replace(units=units)
        if math.isfinite(effect := units.design_effect(self.influence, name)):
            low, high = _cut(self.ends(effect), self.bounds)
            low, high = min(low, found.value), max(high, found.value)
            found = Estimate(found.value, low, high, found.n, f"{found.method}; {units}")
        else:
            found = Estimate(found.value, n=found.n, method=ONE_UNIT)
        return self._replace(units=units, estimate=found, chance=self.chance.over(units) if self.chance else None)


def difference(first: Measure, second: Measure) -> Estimate:
    """Estimate ``first - second`` for one metric and two models measured on the same rows.

    A Wald interval over the differences of the rows' influences (for the AUC: DeLong's). Where the influences agree on
    every row (the same model twice), the rule of three says how far the models might still differ on rows not seen.
    What the second is taken as: see ``rival``.

    Raises
    ------
    InputError
        Where the two were not measured on the same number of rows.

    Examples
    --------
    >>> right, wrong = np.array([1.0, 1, 1, 1, 0, 1, 1, 1]), np.array([1.0, 0, 1, 0, 0, 1, 0, 1])
    >>> print(difference(mean(right, bounds=(0, 1)), mean(wrong, bounds=(0, 1))))
    0.375 [−0.101, 0.851]
    """
    second = rival(first, second)
    a, b = first.estimate, second.estimate
    value, n = a.value - b.value, a.n
    if not math.isfinite(value):
        return Estimate(math.nan, n=n)
    unknown = not (a.has_interval and b.has_interval) and no_interval in (first.ends, second.ends)
    if unknown or first.influence is None or second.influence is None:
        return Estimate(value, n=n, method=b.method if a.has_interval else a.method)
    reach = (first.bounds[0] - first.bounds[1], first.bounds[1] - first.bounds[0])
    apart = first.influence - second.influence
    units, unit = first.units, max(first.unit, second.unit)
    if float(np.abs(apart).max()) <= 1e-12 * unit:
        half, method = RULE_OF_THREE * unit / (units.count if units else n), "rule of three"
    elif math.isfinite(first.centre) or first.few or second.few:
        low, high = _joined(first, second, first.influence, second.influence)
        return Estimate(value, *_cut((min(low, value), max(high, value)), reach), n, "MOVER over both")
    else:
        error = units.standard_error(apart) if units else standard_error(apart)
        half = (units.quantile(apart) if units else t_quantile(n)) * error
        method = "paired influences, Wald"
    method = f"{method}; {units}" if units else method
    if not math.isfinite(half):
        return Estimate(value, n=n, method=ONE_UNIT if units else "no interval: one row")
    return Estimate(value, *_cut((value - half, value + half), reach), n, method)


def rival(first: Measure, second: Measure) -> Measure:
    """Return what a metric is compared with: the second, or chance where that says positive never, or always.

    Precision, recall and F1 of any model that says positive at all exceed those of one that never does, and no recall
    reaches that of one that always does, which says nothing of how well it tells the classes apart. A guess that says
    positive as often as the first is the measure.
    """
    constant = second.chance is None or second.chance.influence is second.influence
    return first.chance if first.chance and constant else second


def mean(
    values: Array, weights: Array | None = None, *, bounds: Interval = (0.0, math.inf), unit: float = 1.0
) -> Measure:
    """Measure a mean over rows by Student's t, of numbers that cannot be negative on the log scale.

    Parameters
    ----------
    values : array of shape (n,)
        One loss a row.
    weights : array of shape (n,), optional
        Of mean 1.
    bounds : (float, float)
        Least and greatest possible mean.
    unit : float
        What one row might add at most; used where all rows agree.
    """
    if (n := len(values)) == 0:
        return undefined(0)
    each = np.ones(n) if weights is None else weights
    value = float(np.average(values, weights=weights))
    apart = (values - value) * math.sqrt(n / max(n - 1, 1))
    influence, error = apart * each, standard_error(apart * np.sqrt(each))
    if n == 1:
        return Measure(Estimate(value, n=1, method="no interval: one row"), influence, bounds, unit)
    if error <= 1e-14 * max(abs(value), unit):
        ends = partial(intervals.rule_of_three, value, unit, n)
        return Measure.made(value, ends, "rule of three", np.zeros(n), unit, bounds)
    positive = bounds[0] >= 0
    ends = partial(wald, value, error, "log" if positive and value > 0 else "identity", t_quantile(n))
    return Measure.made(value, ends, "t on the log scale" if positive else "t", influence, unit, bounds)


def mean_of(values: Array, units: Units | None = None) -> Estimate:
    """Estimate a mean of any sign by Student's t, however large the values: their squares stay finite.

    Without an interval for values that do not vary, or for a single one; not defined for none.

    Examples
    --------
    >>> print(mean_of(np.arange(100.0)))
    49.50 [43.74, 55.26]
    """
    # Divided by a power of two near the largest, which is exact.
    unit = 2.0 ** (math.frexp(float(np.abs(values).max(initial=0.0)))[1] - 1)
    values, n = values / unit, len(values)
    if units and np.ptp(values):
        return mean(values, units.weights, bounds=(-math.inf, math.inf)).over(units).estimate.times(unit)
    centre, error = float(values.mean()) if n else math.nan, float(values.std(ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    ends = wald(centre, error, quantile=t_quantile(n)) if error else no_interval(1.0)
    return Estimate(centre, *ends, n, "t" if error else "").times(unit)


def share(hits: Array, among: Array) -> Measure:
    """Measure the share of ``hits`` among some rows by Wilson's interval.

    Both are of shape (n,), 0 or 1; the rows may be weighted by weights of mean 1 over all.
    """
    size, n = float(among.sum()), len(among)
    if size == 0:
        return undefined(n)
    count = float((hits * among).sum())  # summed as the size is, so that no share is above 1
    influence = among * (hits - count / size) * n / math.sqrt(size * max(size - 1, 1))
    return Measure.made(count / size, partial(wilson, count, size), "Wilson", influence, n / size)


def smooth(value: float, influence: Array, weights: Array | None = None, *, effective: float, method: str) -> Measure:
    """Measure a statistic within [0, 1] by Wald's interval of its logit, or Wilson's where the sample does not vary.

    Parameters
    ----------
    value : float
    influence : array of shape (n,)
        Of each row as if it weighed 1.
    weights : array of shape (n,), optional
        Of mean 1.
    effective : float
        Rows of the smallest class that matters: the sample size of the fall-back.
    method : str
        What to say of the method.
    """
    n, each = len(influence), np.ones(len(influence)) if weights is None else weights
    error = standard_error(influence * np.sqrt(each)) if n else 0.0
    ends: Ends = partial(wald, value, error, "logit", Z)
    if not (0 < value < 1 and error > 1e-12 and effective > 1):
        ends, method = partial(wilson, value * effective, effective), "Wilson on the smallest class"
    return Measure.made(value, ends, method, influence * each, n / max(effective, 1.0))


def unbounded(value: float, influence: Array, weights: Array, method: str) -> Measure:
    """Measure an unbounded statistic by Wald's interval; not defined where the value is not."""
    if not math.isfinite(value):
        return undefined(len(influence))
    ends = partial(wald, value, standard_error(influence * np.sqrt(weights)), "identity", Z)
    return Measure.made(value, ends, method, influence * weights, 1.0, (-math.inf, math.inf))


def undefined(n: int) -> Measure:
    """Return the measure of something that these rows do not define."""
    return Measure(Estimate(math.nan, n=n, method="not defined"), np.zeros(n))


def _joined(first: Measure, second: Measure, one: Array, two: Array) -> Interval:
    """MOVER with the correlation of influences, or of values freed from bias; in full where one rests at its least."""
    a, b = first.estimate, second.estimate
    if not math.isfinite(first.centre):
        one, two = (first.units.sums(found) if first.units else found for found in (one, two))
        size = math.sqrt(float(one @ one) * float(two @ two))
        return intervals.mover_difference(a, b, float(one @ two) / size if size else 0.0)
    low, high = intervals.mover_difference(replace(a, value=first.centre), replace(b, value=second.centre))
    low = a.low - b.high if a.low <= first.bounds[0] else low
    return low, a.high - b.low if b.low <= second.bounds[0] else high


def _cut(interval: Interval, bounds: Interval) -> Interval:
    return max(interval[0], bounds[0]), min(interval[1], bounds[1])


def checked(first: Array, second: Array) -> tuple[Array, Array]:
    """Return two arrays of one length as floats, all of them finite."""
    y, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    for name, values in (("target", y), ("predictions", other)):
        if bad := int((~np.isfinite(values)).sum()):
            raise InputError(f"The {name} must be finite numbers; {bad:,} of {len(values):,} are missing or infinite.")
    return y, other
