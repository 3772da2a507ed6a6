"""Ways to put an interval around a number: score, Wald on a fitting scale, and order statistics.

All intervals are at 95%. None of them claims certainty where the sample merely shows no variation.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from toolkit.core import Estimate

Array: TypeAlias = NDArray[np.float64]
AnyArray: TypeAlias = NDArray[Any]
Codes: TypeAlias = NDArray[np.intp]
Mask: TypeAlias = NDArray[np.bool_]
Interval: TypeAlias = tuple[float, float]
Scale: TypeAlias = Literal["identity", "log", "logit"]

Z = float(stats.norm.ppf(0.975))
RULE_OF_THREE = 3.0


def wilson(successes: float, n: float, effect: float = 1.0) -> Interval:
    """Interval of a proportion by the score test (Wilson 1927, doi:10.2307/2276774).

    Parameters
    ----------
    successes : float
        Between 0 and ``n``; need not be whole, so that an effective sample size can be used.
    n : float
        Number of trials; ``(0, 1)`` comes back where it is 0.
    effect : float
        How many times the variance is that of independent trials: so many times fewer count.

    Examples
    --------
    >>> tuple(round(end, 3) for end in wilson(1, 1))
    (0.207, 1.0)
    """
    successes, n = successes / effect, n / effect
    if n <= 0:
        return 0.0, 1.0
    share, square = successes / n, Z * Z
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = Z / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    low = 0.0 if successes <= 0 else min(max(0.0, centre - half), share)
    high = 1.0 if successes >= n else max(min(1.0, centre + half), share)
    return low, high


def wilson_size(found: Estimate) -> float:
    """Return the number of trials by which Wilson's interval of a share is as wide as this one.

    Examples
    --------
    >>> round(wilson_size(Estimate(0.3, *wilson(15, 50))), 6)
    50.0
    """
    square = (found.high - found.low) ** 2 / 4
    apart = 2 * square - found.value * (1 - found.value)
    return Z * Z * (0.5 - 2 * square) / (apart + math.sqrt(apart * apart + (1 - 4 * square) * square))


def share_estimate(successes: int, n: int) -> Estimate:
    """Estimate a proportion by Wilson's interval; not defined where ``n`` is 0.

    Examples
    --------
    >>> print(share_estimate(86, 1000))
    0.086 [0.070, 0.105]
    """
    return Estimate(successes / n, *wilson(successes, n), n, "Wilson") if n else Estimate(math.nan)


def area_interval(area: float, ones: float, zeros: float, effect: float = 1.0) -> Interval:
    """Interval of an area under the ROC curve by a score test: method 5 of Newcombe (2006, doi:10.1002/sim.2324).

    Its variance is that of Hanley and McNeil at the end of the interval, not at the estimate, so that a perfect order
    of a few rows is not taken as certain.

    Parameters
    ----------
    area : float
    ones, zeros : float
        Rows of each class.
    effect : float
        As ``wilson`` takes it.

    Examples
    --------
    >>> tuple(round(end, 3) for end in area_interval(1.0, 10, 990))
    (0.901, 1.0)
    """
    ones, zeros = ones / effect, zeros / effect

    def beyond(end: float) -> float:
        factor = 1 + ((ones + zeros) / 2 - 1) * ((1 - end) / (2 - end) + end / (1 + end))
        return (end - area) ** 2 - Z * Z * end * (1 - end) * factor / (ones * zeros)

    low = optimize.brentq(beyond, 0.0, min(area, 1 - 1e-9)) if area > 0 else 0.0
    high = optimize.brentq(beyond, max(area, 1e-9), 1.0) if area < 1 else 1.0
    return float(low), float(high)


def mover_mean(values: Sequence[float] | Array, ends: Sequence[Interval], correlation: Array | None = None) -> Interval:
    """Interval of the mean of estimates from the ends of their own intervals, within [0, 1].

    The method of variance estimates recovery (Zou & Donner 2008, doi:10.1002/sim.3095).

    Parameters
    ----------
    values : array of shape (k,)
    ends : sequence of (float, float)
    correlation : array of shape (k, k), optional
        Of the estimates, by default independent.

    Examples
    --------
    >>> tuple(round(end, 3) for end in mover_mean(np.ones(2), [wilson(20, 20), wilson(180, 180)]))
    (0.919, 1.0)
    """
    centres, (low, high) = np.asarray(values, dtype=float), np.array(ends).T
    shared = np.eye(len(centres)) if correlation is None else correlation
    sides = (centres - low, high - centres)
    below, above = (math.sqrt(max(float(side @ shared @ side), 0.0)) / len(centres) for side in sides)
    return max(float(centres.mean()) - below, 0.0), min(float(centres.mean()) + above, 1.0)


def mover_difference(first: Estimate, second: Estimate, correlation: float = 0.0) -> Interval:
    """Interval of ``first - second`` from their own intervals and their correlation (Zou & Donner 2008).

    For paired estimates that are taken as independent, it is as a rule wider than needed.

    Examples
    --------
    >>> mover_difference(Estimate(0.5, 0.2, 0.6), Estimate(0.5, 0.4, 0.9))
    (-0.5, 0.14142135623730948)
    """
    value = first.value - second.value
    sides = (first.value - first.low, second.high - second.value), (first.high - first.value, second.value - second.low)
    below, above = (math.sqrt(max(a * a + b * b - 2 * correlation * a * b, 0.0)) for a, b in sides)
    return value - below, value + above


def change(now: Estimate, before: Estimate) -> Estimate:
    """Estimate how far a number has moved between two samples, each with its own interval (Zou & Donner 2008).

    Examples
    --------
    >>> print(change(Estimate(0.8, 0.77, 0.83, 100), Estimate(0.9, 0.86, 0.94, 100)))
    −0.100 [−0.150, −0.050]
    """
    ends = mover_difference(now, before) if now.has_interval and before.has_interval else (math.nan, math.nan)
    return Estimate(now.value - before.value, *ends, now.n, "MOVER")


def standard_error(influence: Array) -> float:
    """Return the standard error of a statistic from the influence of each row (the infinitesimal jackknife).

    One row more is reckoned with, as far out as the furthest one seen, so that the few rows which decide a small
    sample's spread are not taken for all there are; in large samples it makes no difference.

    Parameters
    ----------
    influence : array of shape (n,)
        What each row adds to ``n`` times the statistic's error, small-sample factor included, so that its variance is
        Σ influence² / n² (Efron 1982, doi:10.1137/1.9781611970319).
    """
    furthest = float(np.abs(influence).max())
    return math.sqrt(float(influence @ influence) + furthest * furthest) / len(influence)


def wald(value: float, error: float, scale: Scale = "identity", quantile: float = Z, effect: float = 1.0) -> Interval:
    """Interval ``value ± quantile * error``, built on a scale where the estimate is closer to normal.

    Parameters
    ----------
    value, error : float
        The estimate and its standard error.
    scale : {"identity", "log", "logit"}
        ``logit`` for values in (0, 1), ``log`` for positive ones.
    quantile : float
        Of the reference distribution, normal by default.
    effect : float
        How many times the variance is that of the standard error.

    Examples
    --------
    >>> tuple(round(end, 3) for end in wald(0.95, 0.02, "logit"))
    (0.893, 0.977)
    """
    half = quantile * (error * math.sqrt(effect))
    if scale == "identity":
        return value - half, value + half
    if scale == "log":
        factor = math.exp(min(half / value, 700.0))
        return value / factor, value * factor
    odds, factor = value / (1 - value), math.exp(min(half / (value * (1 - value)), 700.0))
    return odds / (odds + factor), odds * factor / (1 + odds * factor)


def rule_of_three(value: float, unit: float, n: float, effect: float = 1.0) -> Interval:
    """Interval where no two of ``n`` rows differ: three that were not seen might each move the value by ``unit / n``.

    Examples
    --------
    >>> rule_of_three(0.5, 1.0, 30)
    (0.4, 0.6)
    """
    half = RULE_OF_THREE * unit / n
    return value - effect * half, value + effect * half


def t_quantile(n: float) -> float:
    """Quantile of Student's t with ``n - 1`` degrees of freedom; infinite for fewer than two rows."""
    return float(special.stdtrit(n - 1, 0.975)) if n > 1 else math.inf
