"""What differences allow to say: of two models on the same rows, and of two arms of a test at any look."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from toolkit.core import Estimate, direction
from toolkit.errors import InputError, above, share, whole
from toolkit.statistics import Array, Measure, difference

ALPHA = 0.05
#: Fewest units of an arm whose difference is tested: the sequence holds for means that are near to normal.
LEAST = 50
_TUNED = -2 * math.log(ALPHA) + math.log(1 - 2 * math.log(ALPHA))
_METHOD = "asymptotic confidence sequence"


@dataclass(frozen=True, slots=True)
class Paired:
    """The difference of one metric between two models that were measured on the same rows.

    Attributes
    ----------
    metric : str
    champion, challenger, difference : Estimate
        The difference is the challenger's value less the champion's.
    sign : {1, -1, 0}
        1 where more of the metric is better, -1 where less is, 0 where neither is.
    freedom : float
        Degrees of freedom of Student's t behind the interval of the difference; nan where it rests on another method.
    exact : float
        P value of a test that is exact, in place of Student's; nan where there is none.
    """

    metric: str
    champion: Estimate
    challenger: Estimate
    difference: Estimate
    sign: int
    freedom: float
    exact: float = math.nan

    @classmethod
    def of(cls, metric: str, champion: Measure, challenger: Measure, exact: float = math.nan) -> "Paired":
        """Compare two measures.

        Examples
        --------
        >>> from toolkit.statistics.measure import mean
        >>> old, new = mean(np.array([1.0, 2, 3, 4])), mean(np.array([0.5, 1.0, 2.6, 3.5]))
        >>> print(Paired.of("mean_absolute_error", old, new).difference)
        −0.600 [−1.166, −0.034]
        """
        found = difference(challenger, champion)
        freedom = math.nan
        if found.has_interval and champion.pairing is not None and challenger.pairing is not None:
            units, apart = champion.units, challenger.pairing - champion.pairing
            freedom = units.freedom(apart) if units and apart.any() else found.n - 1
        sign = {"higher": 1, "lower": -1, "": 0}[direction(metric)]
        return cls(metric, champion.estimate, challenger.estimate, found, sign, freedom, exact)

    @property
    def gain(self) -> Estimate:
        """The difference, turned so that more is better."""
        found = self.difference
        return found if self.sign > 0 else Estimate(-found.value, -found.high, -found.low, found.n, found.method)

    def at_most(self, gain: float) -> float:
        """Return the p value of the hypothesis that the challenger's gain is at most this (one-sided, Student's t)."""
        found = self.gain
        half = found.value - found.low if gain < found.value else found.high - found.value  # the side that it lies on
        if not (self.freedom > 0 and half > 0):
            return math.nan
        error = half / float(stats.t.ppf(0.975, self.freedom))
        return float(stats.t.sf((found.value - gain) / error, self.freedom))

    @property
    def p_value(self) -> float:
        """Of no difference, two-sided."""
        below = self.at_most(0.0)
        return 2 * min(below, 1 - below) if math.isnan(self.exact) else self.exact

    @property
    def better(self) -> float:
        """The probability that the challenger is better: the posterior under a flat prior on the difference."""
        return 1 - self.at_most(0.0) if self.sign else math.nan

    def p_equivalent(self, margin: float) -> float:
        """Of two that differ by the margin or more: two one-sided tests (Schuirmann 1987, doi:10.1007/BF01068419)."""
        return float(np.fmax(self.at_most(-margin), 1 - self.at_most(margin)))


def mcnemar(champion_right: Array, challenger_right: Array) -> float:
    """Return the exact p value of two models that are right equally often (McNemar 1947, doi:10.1007/BF02295996).

    Parameters
    ----------
    champion_right, challenger_right : arrays of shape (n,)
        1 for each row that is predicted correctly, else 0.

    Examples
    --------
    >>> round(mcnemar(np.array([1, 1, 1, 0, 0, 0, 0, 0]), np.array([0, 1, 1, 1, 1, 1, 1, 1])), 4)
    0.2188
    """
    fixed = int(((challenger_right == 1) & (champion_right == 0)).sum())
    broken = int(((challenger_right == 0) & (champion_right == 1)).sum())
    return float(stats.binomtest(fixed, fixed + broken).pvalue) if fixed + broken else 1.0


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of an arm's rows, its variance by independent units, and how many units there are."""

    value: float
    variance: float
    units: int

    @classmethod
    def of(cls, values: Array, units: Array) -> "Mean":
        """Average rows; the variance is the jackknife's that leaves out each unit with all its rows.

        A unit with most of the rows draws the mean to itself, so that its distance from the mean tells too little.

        Examples
        --------
        >>> Mean.of(np.array([1.0, 0.0, 1.0, 0.0]), np.arange(4)).variance == 0.25 / 3
        True
        """
        codes, count = np.unique(units, return_inverse=True)[1], len(np.unique(units))
        if count < 2:
            return cls(math.nan, math.nan, count)
        level = float(values.mean())
        moved = np.bincount(codes, values - level) / (len(values) - np.bincount(codes))
        return cls(level, float((moved**2).sum()) * (count - 1) / count, count)


@dataclass(frozen=True, slots=True)
class Contrast:
    """An arm against the control: the difference, the relative lift, and the p value, which hold at every look."""

    difference: Estimate
    lift: Estimate
    p_value: float

    @classmethod
    def of(cls, arm: Mean, control: Mean, tests: int, planned: int) -> "Contrast":
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
            # A mean that may be zero has no logarithm to speak of, such as one that a single value makes.
            reach = [width * math.sqrt(one.variance) / one.value for one in (arm, control)]
            half_log = math.hypot(*reach) if max(reach) < 1 else math.inf
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
    widths = {"one look at the end": float(stats.norm.isf(alpha / 2)), "any number of looks": half_width(1, 1, alpha)}
    units = [math.ceil(noise * (width + float(stats.norm.ppf(power))) ** 2) for width in widths.values()]
    return pd.DataFrame({"looks": list(widths), "units_per_arm": units, "units": [arms * one for one in units]})
