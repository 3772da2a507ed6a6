"""The metrics of regression, each measured with its interval from plain arrays. Names are scikit-learn's."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from toolkit.core.estimate import Estimate
from toolkit.errors import InputError
from toolkit.statistics.intervals import RULE_OF_THREE, Array, Z, median_interval, standard_error, wald
from toolkit.statistics.measure import Measure, checked, mean, undefined

SCALE_FREE = ("r2", "mean_absolute_percentage_error")


def regression_metrics(y_true: Array, y_pred: Array) -> dict[str, Measure]:
    """Measure a regression.

    Parameters
    ----------
    y_true, y_pred : array of shape (n,)

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
    if not len(y):
        raise InputError("There are no rows to measure.")
    unit = power_of_two(y, predicted)
    found = _measured(y / unit, predicted / unit)
    return {name: one if name in SCALE_FREE else _times(one, unit) for name, one in found.items()}


def _times(measure: Measure, unit: float) -> Measure:
    influence = None if measure.influence is None else measure.influence * unit
    return replace(measure, estimate=measure.estimate.times(unit), influence=influence, unit=measure.unit * unit)


def _measured(y: Array, predicted: Array) -> dict[str, Measure]:
    n, error = len(y), predicted - y
    reach = float(np.ptp(y)) or float(np.abs(y).max()) or 1.0
    size = np.abs(error)
    no_zero = bool(np.all(y != 0))
    percentage = mean(size / np.abs(y)) if no_zero else undefined(n)
    return {
        "mean_absolute_error": mean(size, unit=reach),
        "root_mean_squared_error": root_mean_square(error, reach),
        "r2": _r2(y, error),
        "median_absolute_error": _median(size, reach),
        "mean_absolute_percentage_error": percentage,
        "bias": mean(error, bounds=(-math.inf, math.inf), unit=reach, scale="identity"),
    }


def power_of_two(*values: Array) -> float:
    """Return a power of two near the largest of some numbers, by which to divide them so that squares stay finite.

    Examples
    --------
    >>> power_of_two(np.array([3.0, -5.0]))
    4.0
    """
    largest = max(float(np.abs(numbers).max(initial=0)) for numbers in values)
    return 2.0 ** math.floor(math.log2(largest)) if largest > 0 else 1.0


def root_mean_square(error: Array, reach: float) -> Measure:
    """Measure the root of the mean square of errors; ``reach`` is what one row might add at most."""
    square = mean(error**2, unit=reach**2)
    found, influence = square.estimate, square.influence
    value = math.sqrt(found.value)
    estimate = Estimate(value, math.sqrt(found.low), math.sqrt(found.high), found.n, f"{found.method} (squares)")
    if influence is not None and value > 0:
        influence = influence / (2 * value)
    return Measure(estimate, influence, (0.0, math.inf), reach)


def _r2(y: Array, error: Array) -> Measure:
    n, centred = len(y), y - y.mean()
    spread = float((centred**2).mean())
    if n < 2 or spread <= (np.finfo(float).eps * float(np.abs(y).max())) ** 2:
        return undefined(n)
    left = float((error**2).mean()) / spread
    influence = -(error**2 - left * centred**2) / spread * math.sqrt(n / (n - 1))
    unit = float((centred**2).max()) / spread
    if left == 0:
        low, high, method = 1 - RULE_OF_THREE * unit / n, 1.0, "rule of three"
    else:
        above, below = wald(left, standard_error(influence), "log")
        low, high, method = 1 - below, 1 - above, "delta, log scale of 1 − R²"
    return Measure(Estimate(1 - left, low, high, n, method), influence, (-math.inf, 1.0), unit)


def _median(size: Array, reach: float) -> Measure:
    n, value = len(size), float(np.median(size))
    low, high = median_interval(size)
    method = "order statistics"
    if not low < high:
        high, method = high + RULE_OF_THREE * reach / n, "rule of three"
    side = np.where(size > value, 0.5, np.where(size < value, -0.5, 0.0))
    influence = 2 * side * (high - low) / (2 * Z) * math.sqrt(n)
    return Measure(Estimate(value, low, high, n, method), influence, (0.0, math.inf), reach)
