"""Metrics that are counted: every one a share of one kind of cell of the confusion matrix among another, by group."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.core.estimate import Estimate
from toolkit.fairness.spread import Grouped, from_scale, to_scale
from toolkit.statistics.intervals import Array, mover_mean, share_estimate, wilson

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


def measure_rates(
    cells: Array, names: Sequence[str], least: int, replicates: int, rng: np.random.Generator
) -> dict[str, Grouped]:
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
    return {
        name: _balanced(cells, least, drawn) if name == "balanced_accuracy" else _rate(name, cells, least, drawn, rng)
        for name in names
    }


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


def _rate(name: str, cells: Array, least: int, drawn: Array, rng: np.random.Generator) -> Grouped:
    counted, among = (list(place) for place in RATES[name])
    hits, size = cells[:, counted].sum(axis=1), cells[:, among].sum(axis=1)
    judged = judged_groups(cells, among, least)
    kept = judged[judged_groups(cells, EVERY, least)]
    centres = (hits[judged] + HALF * len(counted)) / (size[judged] + HALF * len(among))
    shares = _shares(drawn[kept][:, counted].sum(axis=1), drawn[kept][:, among].sum(axis=1), centres)
    pooled = hits[judged].sum() / max(size[judged].sum(), 1)
    number = drawn.shape[2]
    chance = (
        rng.binomial(size[judged].astype(np.int64)[:, None], pooled, size=(int(judged.sum()), number))
        / size[judged][:, None]
    )
    estimates = tuple(share_estimate(int(x), int(n)) for x, n in zip(hits, size, strict=True))
    return Grouped(name, estimates, judged, centres, *_errors(shares, centres), chance)


def _balanced(cells: Array, least: int, drawn: Array) -> Grouped:
    judged = both_kinds(cells, least)
    rows, kept = cells[judged] + HALF, drawn[judged[judged_groups(cells, EVERY, least)]]
    centres = (_half(rows, TP, FN) + _half(rows, TN, FP)) / 2
    sides = [
        _shares(kept[:, hit], kept[:, hit] + kept[:, miss], _half(rows, hit, miss))
        for hit, miss in ((TP, FN), (TN, FP))
    ]
    errors, deviations = _errors((sides[0] + sides[1]) / 2, centres)
    same = np.average(centres, weights=1 / deviations**2) if judged.any() else math.nan
    chance = from_scale(to_scale(np.asarray(same), True) + errors, True)
    estimates = tuple(_balanced_estimate(*row) for row in cells)
    alike = (cells[judged][:, [[TN, FP], [FN, TP]]] == 0).any(axis=2).all(axis=1)
    return Grouped("balanced_accuracy", estimates, judged, centres, errors, deviations, chance, constant=alike)


def _half(rows: Array, hit: int, miss: int) -> Array:
    return np.asarray(rows[:, hit] / (rows[:, hit] + rows[:, miss]))


def _shares(hits: Array, size: Array, otherwise: Array) -> Array:
    return np.where(size > 0, hits / np.maximum(size, 1), otherwise[:, None])


def _errors(shares: Array, centres: Array) -> tuple[Array, Array]:
    """Return deviations on the arcsine scale, and standard errors on the plain one."""
    errors = to_scale(shares, True) - to_scale(centres, True)[:, None]
    slope = 2 * np.sqrt(centres * (1 - centres))
    return errors, slope * errors.std(axis=1)


def _balanced_estimate(tn: float, fp: float, fn: float, tp: float) -> Estimate:
    positives, negatives = tp + fn, tn + fp
    n = int(positives + negatives)
    if not positives or not negatives:
        return Estimate(math.nan, n=n)
    sides = [(tp, positives), (tn, negatives)]
    low, high = mover_mean([hits / size for hits, size in sides], [wilson(*side) for side in sides])
    value = (tp / positives + tn / negatives) / 2
    return Estimate(value, max(low, 0.0), min(high, 1.0), n, "MOVER over Wilson")
