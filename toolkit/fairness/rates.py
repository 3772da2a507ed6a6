"""Metrics that are counted: every one a share of one kind of cell of the confusion matrix among another, by group.

Fairlearn's ``MetricFrame`` gives the values. It takes rows apart one by one, which takes seconds where they are many,
so it is fed with the four counts of each group as weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.core.estimate import Estimate
from toolkit.fairness.spread import GroupMetric, from_scale, to_scale
from toolkit.statistics.intervals import Array, mover_mean, wilson

TN, FP, FN, TP = range(4)
EVERY = (TN, FP, FN, TP)
#: The cells that are counted, and those among which they are.
RATES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "selection_rate": ((FP, TP), EVERY),
    "base_rate": ((FN, TP), EVERY),
    "accuracy": ((TN, TP), EVERY),
    "recall": ((TP,), (FN, TP)),
    "false_positive_rate": ((FP,), (TN, FP)),
    "false_negative_rate": ((FN,), (FN, TP)),
    "precision": ((TP,), (FP, TP)),
}
_CELLS = {**RATES, "true_negative_rate": ((TN,), (TN, FP))}
#: Means of several rates.
SIDES = {"balanced_accuracy": ("recall", "true_negative_rate")}
#: A rate is judged where it rests on this many rows of its kind, such as positives for the recall (or as few as a
#: whole group may have, where that is less).
LEAST_OF_KIND = 10
#: Added to each cell before resampling, so that what was not seen is not held to be impossible.
HALF = 0.5


def count_cells(codes: NDArray[np.integer[Any]], groups: int, y_true: Array, called: Array) -> Array:
    """Count true negatives, false positives, false negatives and true positives; shape (groups, 4).

    Rows with a code of -1 are left out.

    Examples
    --------
    >>> count_cells(np.array([0, 0, 1, -1]), 2, np.array([1.0, 0, 1, 1]), np.array([1.0, 1, 0, 1]))
    array([[0., 1., 0., 1.],
           [0., 0., 1., 0.]])
    """
    place = (codes + 1) * 4 + (2 * y_true + called).astype(np.int16)
    return np.bincount(place, minlength=4 * (groups + 1)).reshape(-1, 4)[1:].astype(float)


def group_values(cells: Array, metrics: Mapping[str, Callable[..., float]]) -> pd.DataFrame:
    """Return metrics of every group by Fairlearn's ``MetricFrame``; a row a group, a column a metric.

    Parameters
    ----------
    cells : array of shape (groups, 4)
        From ``count_cells``.
    metrics : mapping of name to function
        Of ``(y_true, y_pred, sample_weight)``, such as Fairlearn's and scikit-learn's.

    Examples
    --------
    >>> from sklearn.metrics import recall_score
    >>> group_values(np.array([[5.0, 5, 4, 16], [9, 1, 3, 7]]), {"recall": recall_score})["recall"].tolist()
    [0.8, 0.7]
    """
    from fairlearn.metrics import MetricFrame

    def all_at_once(y_true: NDArray[np.intp], y_pred: NDArray[np.intp], sample_weight: Array) -> Array:
        return np.array([metric(y_true, y_pred, sample_weight=sample_weight) for metric in metrics.values()])

    weight = cells.ravel()
    counted = weight > 0
    frame = MetricFrame(
        metrics=all_at_once,
        y_true=np.tile([0, 0, 1, 1], len(cells))[counted],
        y_pred=np.tile([0, 1, 0, 1], len(cells))[counted],
        sensitive_features=np.repeat(np.arange(len(cells)), 4)[counted],
        sample_params={"sample_weight": weight[counted]},
    )
    values = pd.DataFrame(frame.by_group.to_list(), index=frame.by_group.index, columns=list(metrics))
    return values.reindex(range(len(cells)))


def counted_metric(name: str) -> Callable[..., float]:
    """Return a key of ``RATES``, or ``balanced_accuracy``, as a function of ``(y_true, y_pred, sample_weight)``."""
    if name in SIDES:
        sides = [counted_metric(side) for side in SIDES[name]]
        return lambda *given, **weights: sum(side(*given, **weights) for side in sides) / 2
    hit, among = (np.isin(EVERY, cells) for cells in _CELLS[name])

    def share(y_true: NDArray[np.intp], y_pred: NDArray[np.intp], sample_weight: Array) -> float:
        from fairlearn.metrics import mean_prediction

        cell = 2 * y_true + y_pred
        with np.errstate(invalid="ignore"):
            return float(mean_prediction(y_true, hit[cell], sample_weight=sample_weight * among[cell]))

    return share


def measure_rates(
    cells: Array, names: Sequence[str], least: int, replicates: int, rng: np.random.Generator
) -> dict[str, GroupMetric]:
    """Measure rates, and the balanced accuracy, of every group.

    The errors come from resampling the cells of all groups at once, a multinomial draw that has the same distribution
    as resampling the rows. Without disparity each group's rate is a binomial share with the rate of all judged groups
    together and the group's own denominator. Intervals of a group are Wilson's (MOVER over two of them for balanced
    accuracy).

    Parameters
    ----------
    cells : array of shape (groups, 4)
    names : sequence of str
        Keys of ``RATES``, or ``balanced_accuracy``.
    least : int
        Fewest rows of a group that is judged.
    replicates : int
    rng : Generator
    """
    enough = cells.sum(axis=1) >= least
    drawn = np.empty((0, 4, replicates))
    if enough.any():
        # One draw over the cells of all groups: their sizes vary as they would if the rows were drawn anew.
        weights = cells[enough].ravel() + HALF
        several = rng.multinomial(int(cells[enough].sum()), weights / weights.sum(), size=replicates)
        drawn = np.ascontiguousarray(several.T, dtype=float).reshape(-1, 4, replicates)
    values = group_values(cells, {name: counted_metric(name) for name in names})
    found = {}
    for name in names:
        sides = SIDES.get(name, (name,))
        hits, size = np.transpose([_counts(side, cells) for side in sides], (1, 0, 2))
        judged = np.asarray(enough & (size >= min(LEAST_OF_KIND, least)).all(axis=0))
        kept, smooth = drawn[judged[enough]], cells[judged] + HALF
        centres, shares = np.zeros(len(kept)), np.zeros((len(kept), replicates))
        for side in sides:
            centre = np.divide(*_counts(side, smooth))
            some, among = _counts(side, kept)
            centres += centre / len(sides)
            shares += np.where(among > 0, some / np.maximum(among, 1), centre[:, None]) / len(sides)
        errors = to_scale(shares, True) - to_scale(centres, True)[:, None]
        deviations = 2 * np.sqrt(centres * (1 - centres)) * errors.std(axis=1)
        if len(sides) == 1:
            pooled, among = hits[0, judged].sum() / max(size[0, judged].sum(), 1), size[0, judged][:, None]
            chance = rng.binomial(among.astype(np.int64), pooled, size=shares.shape) / among
        else:
            same = np.average(centres, weights=1 / deviations**2) if judged.any() else math.nan
            chance = from_scale(to_scale(np.asarray(same), True) + errors, True)
        estimates = tuple(map(_estimate, values[name], hits.T, size.T))
        constant = ((hits == 0) | (hits == size)).all(axis=0)[judged]
        found[name] = GroupMetric(name, estimates, judged, centres, errors, deviations, chance, constant)
    return found


def _counts(name: str, cells: Array) -> tuple[Array, Array]:
    """Return for each group (and replicate) how many rows count, and among how many."""
    hits, size = (cells[:, list(kind)].sum(axis=1) for kind in _CELLS[name])
    return hits, size


def _estimate(value: float, hits: Array, size: Array) -> Estimate:
    """Return a rate with Wilson's interval, or the mean of several with MOVER over them."""
    n = int(size.sum())
    if math.isnan(value):
        return Estimate(math.nan, n=n)
    if len(size) == 1:
        return Estimate(value, *wilson(*hits, *size), n, "Wilson")
    low, high = mover_mean(hits / size, [wilson(*side) for side in zip(hits, size, strict=True)])
    return Estimate(value, max(low, 0.0), min(high, 1.0), n, "MOVER over Wilson")
