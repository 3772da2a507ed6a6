"""The mean loss of probabilities, with an interval that knows that one of two classes may be rare."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from toolkit.statistics.intervals import Array, Interval, Scale, t_quantile, wald, wilson
from toolkit.statistics.measure import Measure, mean


def class_mean(y: Array, score: Array, if_one: Array, if_zero: Array, *, unit: float, most: float) -> Measure:
    """Measure the mean loss of probabilities where one of two classes may be rare.

    MOVER (Zou & Donner 2008, doi:10.1002/sim.3095) over the share of positives, by Wilson's interval, and the mean loss
    of each class, by Student's t on the log scale. To the rows of a class one is added that the model itself draws from
    all rows by its probabilities: so a class of a few rows, or none, is not taken to cost just what these did.

    Parameters
    ----------
    y, score : array of shape (n,)
        1 or 0, and the probability of 1.
    if_one, if_zero : array of shape (n,)
        The loss of each row if it were positive, and if it were negative.
    unit, most : float
        What one row might add at most, and the greatest possible mean.
    """
    whole = mean(np.where(y == 1, if_one, if_zero), bounds=(0.0, most), unit=unit)
    found, n, ones = whole.estimate, len(y), float(y.sum())
    if whole.ends is None or found.method == "rule of three":
        return whole
    parts = [_level(if_one, y == 1, score), _level(if_zero, y == 0, 1 - score)]
    weights, apart = (ones / n, 1 - ones / n), parts[0][0] - parts[1][0]

    def ends(effect: float) -> Interval:
        sides = [
            [weight * abs(end - part[0]) for end in part[1](effect)]
            for weight, part in zip(weights, parts, strict=True)
        ]
        # More positives raise the mean where a positive costs more than a negative, and lower it where it costs less.
        less, more = sorted((end - ones / n) * apart for end in wilson(ones / effect, n / effect))
        below, above = zip(*sides, strict=True)
        return found.value - math.hypot(less, *below), found.value + math.hypot(more, *above)

    return Measure.made(found.value, ends, "MOVER over the classes", whole.influence, n, whole.bounds, unit)


def _level(loss: Array, own: NDArray[np.bool_], weight: Array) -> tuple[float, Callable[[float], Interval]]:
    """Return the mean loss of a class with its interval; ``weight`` is how probably each row is of the class."""
    weight = weight if weight.any() else np.ones(len(weight))
    rows, seen = int(own.sum()), loss[own]
    level = float(seen.mean()) if rows else float(np.average(loss, weights=weight))
    squares = float(np.square(seen - level).sum() + np.average(np.square(loss - level), weights=weight))
    scale: Scale = "log" if level > 0 else "identity"
    error, greatest = math.sqrt(squares) / max(rows, 1), float(loss.max())

    def ends(effect: float) -> Interval:
        low, high = wald(level, error * math.sqrt(effect), scale, t_quantile(rows + 2))
        return max(low, 0.0), max(level, min(high, greatest))

    return level, ends
