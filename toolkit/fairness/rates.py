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
    if name == "balanced_accuracy":
        sides = counted_metric("recall"), counted_metric("true_negative_rate")
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
    drawn = _resampled(cells[judged_groups(cells, EVERY, least)], replicates, rng)
    values = group_values(cells, {name: counted_metric(name) for name in names})
    found = {}
    for name in names:
        if name == "balanced_accuracy":
            found[name] = _balanced(values[name], cells, least, drawn)
        else:
            found[name] = _rate(values[name], cells, least, drawn, rng)
    return found


def judged_groups(cells: Array, among: Sequence[int], least: int) -> NDArray[np.bool_]:
    """Say which groups have enough rows, and enough of the kind that a metric rests on, to be judged."""
    enough = cells[:, list(among)].sum(axis=1) >= least_of_kind(least)
    return np.asarray((cells.sum(axis=1) >= least) & enough)


def least_of_kind(least: int) -> int:
    """Return how many rows of a kind a rate needs where a group needs ``least`` rows."""
    return min(LEAST_OF_KIND, least)


def both_kinds(cells: Array, least: int) -> NDArray[np.bool_]:
    """Say which groups have enough positives and enough negatives to be judged."""
    return judged_groups(cells, (FN, TP), least) & judged_groups(cells, (TN, FP), least)


def _resampled(cells: Array, replicates: int, rng: np.random.Generator) -> Array:
    """Draw the cells of the judged groups; shape (judged, 4, replicates)."""
    if not len(cells):
        return np.empty((0, 4, replicates))
    # One draw over the cells of all groups: their sizes vary as they would if the rows were drawn anew.
    weights = cells.ravel() + HALF
    drawn = rng.multinomial(int(cells.sum()), weights / weights.sum(), size=replicates)
    return np.ascontiguousarray(drawn.T, dtype=float).reshape(len(cells), 4, replicates)


def _rate(values: pd.Series[float], cells: Array, least: int, drawn: Array, rng: np.random.Generator) -> GroupMetric:
    name = str(values.name)
    hits, size = _counts(name, cells)
    judged = judged_groups(cells, RATES[name][1], least)
    centres, shares = _centres_and_shares(name, cells, judged, drawn[judged[judged_groups(cells, EVERY, least)]])
    pooled = hits[judged].sum() / max(size[judged].sum(), 1)
    among = size[judged][:, None]
    chance = rng.binomial(among.astype(np.int64), pooled, size=(len(among), drawn.shape[2])) / among
    estimates = tuple(
        Estimate(value, *wilson(x, n), int(n), "Wilson") if n else Estimate(math.nan)
        for value, x, n in zip(values, hits, size, strict=True)
    )
    return GroupMetric(name, estimates, judged, centres, *_errors(shares, centres), chance)


def _balanced(values: pd.Series[float], cells: Array, least: int, drawn: Array) -> GroupMetric:
    judged = both_kinds(cells, least)
    kept = drawn[judged[judged_groups(cells, EVERY, least)]]
    sides = [_centres_and_shares(name, cells, judged, kept) for name in ("recall", "true_negative_rate")]
    centres, shares = (sum(parts) / 2 for parts in zip(*sides, strict=True))
    errors, deviations = _errors(shares, centres)
    same = np.average(centres, weights=1 / deviations**2) if judged.any() else math.nan
    chance = from_scale(to_scale(np.asarray(same), True) + errors, True)
    estimates = tuple(_balanced_estimate(value, *row) for value, row in zip(values, cells, strict=True))
    alike = (cells[judged][:, [[TN, FP], [FN, TP]]] == 0).any(axis=2).all(axis=1)
    return GroupMetric("balanced_accuracy", estimates, judged, centres, errors, deviations, chance, constant=alike)


def _counts(name: str, cells: Array) -> tuple[Array, Array]:
    """Return for each group (and replicate) how many rows count, and among how many."""
    hits, size = (cells[:, list(kind)].sum(axis=1) for kind in _CELLS[name])
    return hits, size


def _centres_and_shares(name: str, cells: Array, judged: NDArray[np.bool_], drawn: Array) -> tuple[Array, Array]:
    """Return the rate of the judged groups with half a row more in each cell, and the rates of their replicates."""
    hits, size = _counts(name, cells[judged] + HALF)
    centres = hits / size
    hits, size = _counts(name, drawn)
    return centres, np.where(size > 0, hits / np.maximum(size, 1), centres[:, None])


def _errors(shares: Array, centres: Array) -> tuple[Array, Array]:
    """Return deviations on the arcsine scale, and standard errors on the plain one."""
    errors = to_scale(shares, True) - to_scale(centres, True)[:, None]
    slope = 2 * np.sqrt(centres * (1 - centres))
    return errors, slope * errors.std(axis=1)


def _balanced_estimate(value: float, tn: float, fp: float, fn: float, tp: float) -> Estimate:
    sides = [(tp, tp + fn), (tn, tn + fp)]
    n = int(tn + fp + fn + tp)
    if math.isnan(value):
        return Estimate(math.nan, n=n)
    low, high = mover_mean([hits / size for hits, size in sides], [wilson(*side) for side in sides])
    return Estimate(value, max(low, 0.0), min(high, 1.0), n, "MOVER over Wilson")
