"""The metrics of regression, each measured with its interval from plain arrays. Names are scikit-learn's."""

import math

import numpy as np
from scipy import stats

from toolkit.core import Estimate
from toolkit.statistics.intervals import RULE_OF_THREE, Array, Interval, Z, standard_error, wald
from toolkit.statistics.measure import Measure, checked, mean, no_interval, undefined
from toolkit.statistics.units import Units, weights_of

#: Metrics of squared errors, and what their method says where a few of these decide.
SQUARES, HEAVY = ("root_mean_squared_error", "r2"), "no interval: heavy tails"
_LEAST_ROWS, _LEAST_INDEX = 200, 4.0
SCALE_FREE = ("r2", "mean_absolute_percentage_error")


def regression_metrics(y_true: Array, y_pred: Array, *, units: Units | None = None) -> dict[str, Measure]:
    """Measure a regression.

    Parameters
    ----------
    y_true, y_pred : array of shape (n,)
    units : Units, optional
        The independent observations that rows belong to, and their weights; by default each row is one.

    Returns
    -------
    dict of str to Measure
        ``bias`` is the mean of prediction minus truth. The percentage error is not defined where a target is zero, R²
        not where the target is constant.

    Examples
    --------
    >>> y_true = np.arange(100.0)
    >>> print(regression_metrics(y_true, y_true + np.tile([1.0, -2.0], 50))["bias"].estimate)
    −0.500 [−0.801, −0.199]
    """
    y, predicted = checked(y_true, y_pred)
    unit, weights = power_of_two(y, predicted), weights_of(units, len(y))
    y, error = y / unit, predicted / unit - y / unit
    size, reach = np.abs(error), reach_of(y)
    measured = {
        "mean_absolute_error": mean(size, weights, unit=reach),
        "root_mean_squared_error": root_mean_square(error, reach, weights),
        "r2": _r2(y, error, weights),
        "median_absolute_error": _median(size, reach, weights),
        "mean_absolute_percentage_error": mean(size / np.abs(y), weights) if np.all(y != 0) else undefined(len(y)),
        "bias": mean(error, weights, bounds=(-math.inf, math.inf), unit=reach),
    }
    found = {name: one.over(units, name) for name, one in measured.items()}
    if has_heavy_tails(error):
        known = {name: found[name] for name in SQUARES if found[name].estimate.has_interval}
        bare = {name: Estimate(one.estimate.value, n=one.estimate.n, method=HEAVY) for name, one in known.items()}
        found |= {name: Measure(bare[name], None, one.bounds) for name, one in known.items()}
    for name, one in found.items():
        if name not in SCALE_FREE:
            influence = None if one.influence is None else one.influence * unit
            estimate = one.estimate.times(unit)
            found[name] = one._replace(estimate=estimate, influence=influence, unit=one.unit * unit, ends=no_interval)
    return found


def has_heavy_tails(error: Array) -> bool:
    """Whether the largest errors are such that their squares have no variance to speak of, and no interval holds.

    The tail index, by Hill's estimator (1975, doi:10.1214/aos/1176343247) over the largest twentieth, or n^0.6 of
    them in a large sample, is then below 4 by its 95% interval. Of fewer than 200 errors there is no telling.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> has_heavy_tails(rng.normal(size=1000)), has_heavy_tails(rng.standard_t(2, 1000))
    (False, True)
    """
    if (n := len(error)) < _LEAST_ROWS:
        return False
    k = min(n // 20, int(n**0.6))
    if not (largest := np.partition(np.abs(error), n - k - 1)[n - k - 1 :])[0] > 0:
        return False
    return k * (1 + Z / math.sqrt(k)) < _LEAST_INDEX * float(np.log(largest[1:] / largest[0]).sum())


def reach_of(y: Array) -> float:
    """Return how far off one row might be where all that were seen are alike: the range of the target.

    Examples
    --------
    >>> reach_of(np.array([2.0, 7.0]))
    5.0
    """
    return float(np.ptp(y)) or float(np.abs(y).max()) or 1.0


def power_of_two(*values: Array) -> float:
    """Return a power of two near the largest of some numbers, by which to divide them so that squares stay finite.

    Examples
    --------
    >>> power_of_two(np.array([3.0, -5.0]))
    4.0
    """
    largest = max(float(np.abs(numbers).max(initial=0)) for numbers in values)
    return 2.0 ** math.floor(math.log2(largest)) if largest > 0 else 1.0


def root_mean_square(error: Array, reach: float, weights: Array | None = None) -> Measure:
    """Measure the root of the mean square of errors; ``reach`` is what one row might add at most."""
    square = mean(error**2, weights, unit=reach**2)
    value = math.sqrt(square.estimate.value)
    influence = np.asarray(square.influence) / (2 * value if value > 0 else 1.0)

    def ends(effect: float) -> Interval:
        low, high = square.ends(effect)
        return math.sqrt(max(low, 0.0)), math.sqrt(high)

    return Measure.made(value, ends, f"{square.estimate.method} (squares)", influence, reach, (0.0, math.inf))


def _r2(y: Array, error: Array, weights: Array) -> Measure:
    n, centred = len(y), y - np.average(y, weights=weights)
    spread = float(weights @ centred**2) / n
    if n < 2 or spread <= (np.finfo(float).eps * float(np.abs(y).max())) ** 2:
        return undefined(n)
    left = float(weights @ error**2) / n / spread
    influence = -(error**2 - left * centred**2) / spread * math.sqrt(n / (n - 1))
    unit = float((centred**2).max()) / spread
    third, deviation = RULE_OF_THREE * unit / n, standard_error(influence * np.sqrt(weights))

    def ends(effect: float) -> Interval:
        if left == 0:
            return 1 - effect * third, 1.0
        above, below = wald(left, deviation, "log", Z, effect)
        return 1 - below, 1 - above

    method = "delta, log scale of 1 − R²" if left else "rule of three"
    return Measure.made(1 - left, ends, method, influence * weights, unit, (-math.inf, 1.0))


def _median(size: Array, reach: float, weights: Array) -> Measure:
    n, value = len(size), weighted_median(size, weights)
    low, high = median_interval(size, weights=weights)
    third = 0.0 if low < high else RULE_OF_THREE * reach / n

    def ends(effect: float) -> Interval:
        low, high = median_interval(size, n / effect, weights)
        return low, high + effect * third

    side = np.where(size > value, 0.5, np.where(size < value, -0.5, 0.0))
    influence = weights * 2 * side * (high + third - low) / (2 * Z) * math.sqrt(n)
    method = "rule of three" if third else "order statistics"
    return Measure.made(value, ends, method, influence, reach, (0.0, math.inf))


def weighted_median(values: Array, weights: Array) -> float:
    """Return the median of weighted values: the mean of the two between which half of the weight lies, if so.

    Examples
    --------
    >>> weighted_median(np.array([1.0, 2.0, 9.0]), np.array([1.0, 1.0, 2.0]))
    5.5
    """
    order = np.argsort(values)
    ordered, upto = values[order], np.cumsum(weights[order])
    half = upto[-1] / 2
    slack = 1e-12 * half
    # From either side, as sums of weights that are no whole numbers seldom meet a half exactly.
    low, high = np.searchsorted(upto, [half - slack, half + slack])
    return float(ordered[low] + ordered[high]) / 2


def median_interval(values: Array, effective: float | None = None, weights: Array | None = None) -> Interval:
    """Interval of the median by order statistics, exact whatever the distribution.

    By Thompson (1936, doi:10.1214/aoms/1177732502). Where no pair of order statistics reaches 95% (fewer
    than 6 rows) it reaches to both extremes.

    Parameters
    ----------
    values : array of shape (n,)
    effective : float, optional
        Of how many independent rows they are worth, by default all.
    weights : array of shape (n,), optional
        Of mean 1.

    Examples
    --------
    >>> median_interval(np.arange(1.0, 101.0))
    (40.0, 61.0)
    """
    order, n = np.argsort(values), len(values)
    ordered, each = values[order], np.ones(n) if weights is None else weights[order]
    worth = max(round(n if effective is None else effective), 1)
    # The rank among so many independent rows, brought to the rows that there are.
    below = min(max(int(stats.binom.ppf(0.025, worth, 0.5) * n / worth), 1), n)
    low, high = (int(np.searchsorted(np.cumsum(side), below * (1 - 1e-12))) for side in (each, each[::-1]))
    return float(ordered[low]), float(ordered[n - 1 - high])
