"""Measure: a metric's estimate with the influence of each row, so that two models on the same rows can be compared."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from toolkit.core.estimate import Estimate
from toolkit.errors import InputError
from toolkit.statistics.intervals import (
    RULE_OF_THREE,
    Array,
    Interval,
    Scale,
    mover_difference,
    standard_error,
    t_quantile,
    wald,
    wilson,
)


@dataclass(frozen=True, eq=False)
class Measure:
    """A metric measured on some rows.

    Attributes
    ----------
    estimate : Estimate
        Value and interval.
    influence : array of shape (n,) or None
        Of each row on the value (see ``intervals.standard_error``); None where the metric is not smooth enough for it.
    bounds : (float, float)
        Least and greatest possible value.
    unit : float
        The most that one row among ``n`` can move the value, times ``n``: what a change not seen in the sample is
        reckoned with.
    centre : float
        The value freed from its bias, where it has a notable one; else nan.
    """

    estimate: Estimate
    influence: Array | None
    bounds: Interval = (-math.inf, math.inf)
    unit: float = 1.0
    centre: float = math.nan


def difference(first: Measure, second: Measure) -> Estimate:
    """Estimate ``first - second`` for one metric and two models measured on the same rows.

    A Wald interval over the differences of the rows' influences (for the AUC: DeLong's). Where the influences agree on
    every row (the same model twice), the rule of three says how far the models might still differ on rows not seen.

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
    a, b = first.estimate, second.estimate
    if a.n != b.n:
        raise InputError(f"Only models measured on the same rows can be compared; found {a.n:,} and {b.n:,} rows.")
    value, n = a.value - b.value, a.n
    if not math.isfinite(value):
        return Estimate(math.nan, n=n)
    reach = (first.bounds[0] - first.bounds[1], first.bounds[1] - first.bounds[0])
    if first.influence is None or second.influence is None:
        low, high = _apart(first, second)
        return _within(Estimate(value, min(low, value), max(high, value), n, "MOVER, pairing not used"), reach)
    apart = first.influence - second.influence
    most = float(np.abs(apart).max())
    if most <= 1e-12 * max(first.unit, second.unit):
        half, method = RULE_OF_THREE * max(first.unit, second.unit) / n, "rule of three"
    else:
        half = t_quantile(n) * standard_error(apart)
        method = "paired influences, Wald"
    if not math.isfinite(half):
        return Estimate(value, n=n, method="no interval: one row")
    return _within(Estimate(value, value - half, value + half, n, method), reach)


def mean(
    values: Array, *, bounds: Interval = (0.0, math.inf), unit: float = 1.0, scale: Scale = "log", method: str = ""
) -> Measure:
    """Measure a mean over rows by Student's t, on the log scale for a positive mean.

    Parameters
    ----------
    values : array of shape (n,)
        One loss a row.
    bounds : (float, float)
        Least and greatest possible mean.
    unit : float
        What one row might add at most; used where all rows agree.
    scale : {"log", "identity"}
    method : str
        What to say of the method instead of the default.
    """
    n = len(values)
    if n == 0:
        return undefined(0)
    value = float(values.mean())
    influence = (values - value) * math.sqrt(n / max(n - 1, 1))
    error = standard_error(influence)
    if n == 1:
        return Measure(Estimate(value, n=1, method="no interval: one row"), influence, bounds, unit)
    if error <= 1e-14 * max(abs(value), unit):
        half = RULE_OF_THREE * unit / n
        return Measure(
            _within(Estimate(value, value - half, value + half, n, "rule of three"), bounds), influence, bounds, unit
        )
    low, high = wald(value, error, scale if value > 0 else "identity", t_quantile(n))
    method = method or ("t on the log scale" if scale == "log" else "t")
    return Measure(_within(Estimate(value, low, high, n, method), bounds), influence, bounds, unit)


def share(hits: Array, among: Array) -> Measure:
    """Measure the share of ``hits`` among some rows (both of shape (n,), 0 or 1) by Wilson's interval."""
    size, n = float(among.sum()), len(among)
    if size == 0:
        return undefined(n)
    count = float(hits @ among)
    value = count / size
    influence = among * (hits - value) * n / math.sqrt(size * max(size - 1, 1))
    return Measure(Estimate(value, *wilson(count, size), n, "Wilson"), influence, (0.0, 1.0), n / size)


def smooth(
    value: float,
    influence: Array,
    *,
    effective: float,
    scale: Scale = "logit",
    bounds: Interval = (0.0, 1.0),
    method: str,
) -> Measure:
    """Measure a bounded statistic by Wald's interval on a scale, or by Wilson's where the sample shows no variation.

    Parameters
    ----------
    value : float
    influence : array of shape (n,)
    effective : float
        Rows of the smallest class that matters: the sample size of the fall-back.
    scale, bounds, method
        The scale, the range of the statistic, and what to say of the method.
    """
    n, (least, most) = len(influence), bounds
    error = standard_error(influence) if n else 0.0
    unit = (most - least) * n / max(effective, 1.0)
    if least < value < most and error > 1e-12 and effective > 1:
        low, high = wald(value, error, scale)
    else:
        at = (value - least) / (most - least)
        low, high = (least + end * (most - least) for end in wilson(at * effective, effective))
        method = "Wilson on the smallest class"
    return Measure(Estimate(value, low, high, n, method), influence, bounds, unit)


def unbounded(value: float, influence: Array, method: str) -> Measure:
    """Measure an unbounded statistic by Wald's interval; not defined where the value is not."""
    n = len(influence)
    if not math.isfinite(value):
        return undefined(n)
    low, high = wald(value, standard_error(influence))
    return Measure(Estimate(value, low, high, n, method), influence)


def undefined(n: int) -> Measure:
    """Return the measure of something that these rows do not define."""
    return Measure(Estimate(math.nan, n=n, method="not defined"), np.zeros(n))


def _apart(first: Measure, second: Measure) -> Interval:
    """MOVER around the values freed from bias; in full on a side where one of them rests at its least value."""
    a, b = first.estimate, second.estimate
    low, high = mover_difference(replace(a, value=first.centre), replace(b, value=second.centre))
    low = a.low - b.high if a.low <= first.bounds[0] else low
    return low, a.high - b.low if b.low <= second.bounds[0] else high


def _within(estimate: Estimate, bounds: Interval) -> Estimate:
    low, high = max(estimate.low, bounds[0]), min(estimate.high, bounds[1])
    return Estimate(estimate.value, low, high, estimate.n, estimate.method)


def checked(first: Array, second: Array) -> tuple[Array, Array]:
    """Return two arrays as floats of equal, positive length."""
    y, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if y.ndim != 1 or y.shape != other.shape:
        raise InputError(f"Two arrays of one length are needed; found shapes {y.shape} and {other.shape}.")
    for name, values in (("target", y), ("predictions", other)):
        bad = int((~np.isfinite(values)).sum())
        if bad:
            raise InputError(f"The {name} must be finite numbers; {bad:,} of {len(values):,} are missing or infinite.")
    return y, other
