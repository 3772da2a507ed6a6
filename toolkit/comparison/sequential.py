"""Two arms at any look: means of independent units, their difference by a confidence sequence, and how many to plan."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from toolkit.core.estimate import Estimate
from toolkit.core.options import above, share, whole
from toolkit.errors import InputError
from toolkit.statistics.intervals import Array

ALPHA = 0.05
#: Fewest units of an arm whose difference is tested: the sequence holds for means that are near to normal.
LEAST = 50
_TUNED = -2 * math.log(ALPHA) + math.log(1 - 2 * math.log(ALPHA))
_METHOD = "asymptotic confidence sequence"


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of an arm's rows, its variance by independent units, and how many units there are."""

    value: float
    variance: float
    units: int

    @classmethod
    def of(cls, values: Array, units: Array) -> Mean:
        """Average rows; what the rows of a unit add to the error belongs together.

        Examples
        --------
        >>> Mean.of(np.array([1.0, 0.0, 1.0, 0.0]), np.arange(4)).variance == 0.25 / 3
        True
        """
        codes, count = np.unique(units, return_inverse=True)[1], len(np.unique(units))
        if count < 2:
            return cls(math.nan, math.nan, count)
        level = float(values.mean())
        sums = np.bincount(codes, values - level)
        return cls(level, float((sums**2).sum()) * count / (count - 1) / len(values) ** 2, count)


@dataclass(frozen=True, slots=True)
class Contrast:
    """An arm against the control: the difference, the relative lift, and the p value, which hold at every look."""

    difference: Estimate
    lift: Estimate
    p_value: float

    @classmethod
    def of(cls, arm: Mean, control: Mean, tests: int, planned: int) -> Contrast:
        """Compare two means (Waudby-Smith et al. 2024, doi:10.1214/24-AOS2408, Theorem 2.2).

        Parameters
        ----------
        arm, control : Mean
        tests : int
            How many arms share the level (Bonferroni).
        planned : int
            Units of both at which the sequence is narrowest.
        """
        units, variance = arm.units + control.units, arm.variance + control.variance
        apart = arm.value - control.value
        if min(arm.units, control.units) < LEAST or not variance > 0:
            return cls(Estimate(apart, n=units), Estimate(math.nan, n=units), math.nan)
        width = half_width(units, planned, ALPHA / tests)
        half = width * math.sqrt(variance)
        lift = Estimate(math.nan, n=units)
        if arm.value > 0 and control.value > 0:
            log = math.log(arm.value / control.value)
            half_log = width * math.sqrt(arm.variance / arm.value**2 + control.variance / control.value**2)
            value, low, high = (math.expm1(one) for one in (log, log - half_log, log + half_log))
            lift = Estimate(value, low, high, units, f"{_METHOD}, log")
        grown = 1 + units * _TUNED / planned
        p = math.sqrt(grown) * math.exp(-(apart**2) / variance * (grown - 1) / grown / 2)
        return cls(Estimate(apart, apart - half, apart + half, units, _METHOD), lift, min(p, 1.0))


def half_width(units: int, planned: int, alpha: float = ALPHA) -> float:
    """Return how many standard errors the sequence reaches to either side.

    Examples
    --------
    >>> [round(half_width(units, 1000), 2) for units in (100, 1000, 10000)]
    [3.86, 3.04, 3.24]
    """
    grown = 1 + units * _TUNED / planned
    return math.sqrt(2 * grown / (grown - 1) * math.log(math.sqrt(grown) / alpha))


def adjusted(values: Array, covariate: Array, arms: Array) -> Array:
    """Take out of an outcome what a covariate of before the start tells (CUPED), by its slope within the arms."""
    table = pd.DataFrame({"y": values, "x": covariate})
    within = table - table.groupby(np.asarray(arms)).transform("mean")
    spread = float((within["x"] ** 2).sum())
    slope = float((within["x"] * within["y"]).sum()) / spread if spread > 0 else 0.0
    return np.asarray(values - slope * (covariate - covariate.mean()))


def plan_ab_test(
    baseline: float, lift: float, *, sd: float = 0.0, correlation: float = 0.0, power: float = 0.8, arms: int = 2
) -> pd.DataFrame:
    """Say how many units a test needs, before it starts.

    Parameters
    ----------
    baseline : float
        The control's mean; its rate where the outcome is 0 or 1.
    lift : float
        The smallest relative change that is to be found, such as 0.05.
    sd : float
        Standard deviation of the outcome of a unit; 0 for an outcome of 0 and 1.
    correlation : float
        Of the outcome with the covariate that it will be adjusted by; 0 without one.
    power : float
        With which probability it is to be found.
    arms : int
        With the control.

    Returns
    -------
    DataFrame
        The units of an arm and of all, for one look at the end and for any number of looks. A test that is stopped as
        soon as its difference is certain mostly ends before.

    Examples
    --------
    >>> plan_ab_test(0.10, 0.10)
                     looks  units_per_arm  units
    0  one look at the end          14749  29498
    1  any number of looks          28242  56484
    """
    above("baseline", baseline), share("power", power), whole("arms", arms, 2)
    other, alpha = baseline * (1 + lift), ALPHA / (arms - 1)
    if not lift or not -1 < correlation < 1 or not (sd or 0 < other < 1 > baseline):
        raise InputError("Give a lift other than 0, a correlation between -1 and 1, and without sd rates below 1.")
    spreads = [sd**2 if sd else one * (1 - one) for one in (baseline, other)]
    noise = sum(spreads) * (1 - correlation**2) / (other - baseline) ** 2
    reached = float(stats.norm.ppf(power))
    widths = {"one look at the end": float(stats.norm.isf(alpha / 2)), "any number of looks": half_width(1, 1, alpha)}
    units = [math.ceil(noise * (width + reached) ** 2) for width in widths.values()]
    return pd.DataFrame({"looks": list(widths), "units_per_arm": units, "units": [arms * one for one in units]})
