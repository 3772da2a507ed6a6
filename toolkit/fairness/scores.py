"""What is not counted cell by cell: the area under the ROC curve, means over rows, and rates over all thresholds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.core.estimate import Estimate
from toolkit.fairness.groups import Grouping
from toolkit.fairness.spread import GroupMetric, from_scale, to_scale
from toolkit.statistics.binning import Codes
from toolkit.statistics.intervals import Array, Z, wald, wilson
from toolkit.statistics.measure import mean
from toolkit.statistics.regression import power_of_two, root_mean_square

MOST_THRESHOLDS = 200


def ranked_area(y_true: Array, y_score: Array) -> Estimate:
    """Measure the area under the ROC curve of rows that are in the order of their scores already.

    One pass over the runs of equal scores gives the placement values of DeLong et al. (1988, doi:10.2307/2531595);
    Wald's interval on the logit scale, or Wilson's where every placement is the same.

    Parameters
    ----------
    y_true : array of shape (n,)
        1 for the positive class, 0 for the other.
    y_score : array of shape (n,)
        Rising.

    Examples
    --------
    >>> ranked_area(np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.1, 0.35, 0.4, 0.8])).value
    0.75
    """
    n, p = len(y_true), float(y_true.sum())
    q = n - p
    if not p or not q:
        return Estimate(math.nan, n=n)
    starts = np.flatnonzero(np.append(True, y_score[1:] != y_score[:-1]))
    tied = len(starts) < n
    ones = np.add.reduceat(y_true, starts) if tied else y_true
    zeros = np.diff(starts, append=n) - ones if tied else 1 - ones
    of_ones = (np.cumsum(zeros) - zeros / 2) / q
    of_zeros = 1 - (np.cumsum(ones) - ones / 2) / p
    value = float(ones @ of_ones) / p
    error = 0.0
    if min(p, q) > 1:
        spread = float(ones @ (of_ones - value) ** 2) / (p * (p - 1))
        error = math.sqrt(spread + float(zeros @ (of_zeros - value) ** 2) / (q * (q - 1)))
    if 0 < value < 1 and error > 1e-12:
        return Estimate(value, *wald(value, error, "logit"), n, "DeLong, logit scale")
    return Estimate(value, *wilson(value * min(p, q), min(p, q)), n, "Wilson on the smaller class")


def regression_means(y_true: Array, y_pred: Array, groups: Sequence[Codes]) -> dict[str, list[Estimate]]:
    """Measure mean prediction, mean residual (truth minus prediction), MAE and RMSE of every group.

    Numbers are divided by a power of two near the largest first, which is exact and keeps squares finite.

    Parameters
    ----------
    y_true, y_pred : array of shape (n,)
    groups : sequence of integer arrays
        The places of each group's rows.
    """
    unit = power_of_two(y_true, y_pred)
    truth, predicted = y_true / unit, y_pred / unit
    reach = float(np.ptp(truth)) or float(np.abs(truth).max(initial=0)) or 1.0

    def level(values: Array) -> Estimate:
        return mean(values, bounds=(-math.inf, math.inf), unit=reach, scale="identity").estimate

    error = truth - predicted
    return {
        "mean_prediction": [level(predicted[rows]).times(unit) for rows in groups],
        "mean_residual": [level(error[rows]).times(unit) for rows in groups],
        "mean_absolute_error": [mean(np.abs(error[rows]), unit=reach).estimate.times(unit) for rows in groups],
        "root_mean_squared_error": [root_mean_square(error[rows], reach).estimate.times(unit) for rows in groups],
    }


def compared(
    name: str,
    estimates: list[Estimate],
    judged: NDArray[np.bool_],
    replicates: int,
    rng: np.random.Generator,
    *,
    proportion: bool = False,
) -> GroupMetric:
    """Make a metric comparable between groups: normal errors that are as wide as each group's own interval."""
    judged = judged & np.array([found.has_interval for found in estimates], dtype=bool)
    kept = [found for found, wanted in zip(estimates, judged, strict=True) if wanted]
    values, low, high = (np.array([getattr(found, end) for found in kept]) for end in ("value", "low", "high"))
    at = to_scale(values, proportion)
    sides = np.maximum(to_scale(high, proportion) - at, at - to_scale(low, proportion)) / Z
    errors = rng.standard_normal((len(kept), replicates)) * sides[:, None]
    deviations = (high - low) / (2 * Z)
    same = to_scale(
        np.asarray(np.average(values, weights=(deviations.min() / deviations) ** 2) if len(kept) else math.nan),
        proportion,
    )
    return GroupMetric(
        name, tuple(estimates), judged, values, errors, deviations, from_scale(same + errors, proportion), proportion
    )


def described(name: str, estimates: list[Estimate], judged: NDArray[np.bool_]) -> GroupMetric:
    """Keep a metric by group that is not compared, such as one that chance makes larger the smaller the group."""
    none = np.empty(0)
    return GroupMetric(name, tuple(estimates), judged, none, none[:, None], none, none[:, None])


def threshold_grid(y_score: Array, threshold: float) -> Array:
    """Choose at most 200 thresholds for rising scores: every one that occurs, or where there are more quantiles."""
    most = MOST_THRESHOLDS - 2
    starts = np.flatnonzero(np.append(True, y_score[1:] != y_score[:-1]))
    places = starts if len(starts) <= most else np.linspace(0, len(y_score) - 1, most).astype(np.intp)
    given = [threshold] if math.isfinite(threshold) else []
    return np.unique([*y_score[places], *given, math.nextafter(float(y_score[-1]), math.inf)])


def group_curves(grouping: Grouping, y_true: Array, y_score: Array, grid: Array) -> pd.DataFrame:
    """Follow selection rate, recall and false positive rate of every group over the thresholds.

    Parameters
    ----------
    grouping : Grouping
    y_true, y_score : array of shape (n,)
        Truth, and rising scores.
    grid : array
        Rising thresholds.
    """
    step = np.repeat(np.arange(len(grid) + 1), np.diff(np.searchsorted(y_score, grid), prepend=0, append=len(y_score)))
    size, groups = len(grid) + 1, len(grouping.labels)
    place = ((grouping.codes + 1).astype(np.intp) * size + step) * 2 + y_true.astype(np.intp)
    cells = np.bincount(place, minlength=2 * size * (groups + 1)).reshape(groups + 1, size, 2)[1:]
    reached = np.cumsum(cells[:, ::-1], axis=1)[:, ::-1].astype(float)
    total, found = reached[:, :1], reached[:, 1:]
    with np.errstate(invalid="ignore"):
        rates = {
            "selection_rate": found.sum(axis=2) / total.sum(axis=2),
            "recall": found[..., 1] / total[..., 1],
            "false_positive_rate": found[..., 0] / total[..., 0],
        }
    counts = {"rows": total.sum(axis=2), "positives": total[..., 1]}
    number = len(grid)
    return pd.DataFrame(
        {
            "feature": grouping.feature,
            "group": np.repeat(np.array(grouping.labels, dtype=object), number),
            "threshold": np.tile(grid, groups),
            **{name: values.ravel() for name, values in rates.items()},
            **{name: np.repeat(values.ravel().astype(int), number) for name, values in counts.items()},
        }
    )
