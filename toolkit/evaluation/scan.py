"""The search for slices: cut columns into levels, compare levels and pairs with all other rows, keep the worse ones."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from toolkit.models.prediction import Predictions
from toolkit.statistics.binning import cut
from toolkit.statistics.intervals import Array, welch
from toolkit.statistics.metrics import EPSILON

ALPHA = 0.05
MOST_SLICES = 10
MOST_PAIRED_LEVELS = 800
MOST_SHARE = 0.75
_BLOCK = 20_000

Members = NDArray[np.float32]


def row_losses(predicted: Predictions, task: str, threshold: float = 0.0) -> tuple[str, Array]:
    """Return the name and the loss of each row: log loss, else errors; absolute error for numbers."""
    if task == "regression":
        return "absolute error", np.abs(predicted.y_pred - predicted.y_true)
    if not predicted.probabilities:
        return "error rate", 1.0 - correct(predicted, task, threshold)
    if task == "binary":
        chance = np.where(predicted.y_true == 1, predicted.y_pred, 1 - predicted.y_pred)
    else:
        table = predicted.y_prob if predicted.y_prob is not None else np.empty((0, 0))
        chance = table[np.arange(len(table)), predicted.y_true.astype(int)]
    return "log loss", -np.log(np.clip(chance, EPSILON, 1 - EPSILON))


def correct(predicted: Predictions, task: str, threshold: float) -> Array:
    """Return 1 for each row that is classified rightly, else 0."""
    guess = predicted.decide(threshold) if task == "binary" else predicted.y_pred
    return np.asarray(guess == predicted.y_true, dtype=float)


@dataclass(frozen=True)
class Level:
    """One level of one column: the column's position and words such as ``age under 25``."""

    column: int
    text: str


def cut_levels(table: pd.DataFrame, least: int, dates: Collection[str] = ()) -> tuple[list[Level], Members]:
    """Cut every column into levels of at least ``least`` rows.

    Parameters
    ----------
    table : DataFrame of shape (rows, columns)
    least : int
    dates : collection of str
        Columns that hold dates, as days since 1970-01-01.

    Returns
    -------
    (list of Level, array of shape (rows, levels))
        The array holds 1 where a row is in a level.

    Examples
    --------
    >>> levels, members = cut_levels(pd.DataFrame({"age": range(100)}), 10)
    >>> [level.text for level in levels], members.sum(axis=0).tolist()
    (['age under 20', 'age 20 to under 50', 'age 50 to under 70', 'age 70 and over'], [20.0, 30.0, 20.0, 30.0])
    """
    levels: list[Level] = []
    masks = []
    for position, name in enumerate(map(str, table.columns)):
        found = cut(table.iloc[:, position], dates=name in dates)
        missing = found.labels[-1] if found.missing else ""
        for label, mask in found.groups():
            if mask.sum() >= least:
                words = "is missing" if label == missing else label if found.banded else f"= {label}"
                levels.append(Level(position, f"{name} {words}"))
                masks.append(mask)
    members = np.empty((len(table), len(masks)), dtype=np.float32)
    for place, mask in enumerate(masks):
        members[:, place] = mask
    return levels, members


@dataclass(frozen=True, eq=False)
class Scan:
    """Every slice examined, as arrays of shape (slices,): its two levels (equal for a single one), rows, sums and test.

    ``whole`` holds the rows, sums and sums of squares of each single level, of shape (3, levels), large ones included.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    rows: Array
    sums: Array
    squares: Array
    whole: Array
    difference: Array
    p_adjusted: Array
    half_width: Array


def scan(levels: list[Level], members: Members, loss: Array, least: int, *, pairs: bool) -> Scan:
    """Compare every slice of at least ``least`` and at most three quarters of the rows with the others."""
    n, k = members.shape
    centred = loss - loss.mean() if n else loss
    centred = np.where(np.abs(centred) > 1e-12 * np.maximum(np.abs(loss), 1e-300), centred, 0.0)
    rows, sums, squares = _pair_sums(members, centred)
    column = np.array([level.column for level in levels], dtype=int)
    whole = np.stack([table.diagonal() for table in (rows, sums, squares)])
    pair = np.triu(column[:, None] != column[None, :], 1) & pairs
    pair &= rows < np.minimum(whole[0][:, None], whole[0][None, :])
    wanted = (np.eye(k, dtype=bool) | pair) & (rows >= least) & (rows <= MOST_SHARE * n)
    first, second = np.nonzero(wanted)
    own = np.stack([rows[wanted], sums[wanted], squares[wanted]])
    total = np.array([n, centred.sum(), (centred**2).sum()])
    difference, error, freedom = _apart(own, total[:, None] - own)
    tests = max(own.shape[1], 1)
    p_adjusted = np.minimum(2 * stats.t.sf(np.abs(difference) / error, freedom) * tests, 1.0)
    half = stats.t.isf(ALPHA / 2 / tests, freedom) * error
    return Scan(first, second, own[0], own[1], own[2], whole, difference, p_adjusted, half)


def _pair_sums(members: Members, loss: Array) -> tuple[Array, Array, Array]:
    """Rows, sums and sums of squares of every pair of levels, from three matrix products over blocks of rows."""
    k = members.shape[1]
    rows, sums, squares = np.zeros((k, k)), np.zeros((k, k)), np.zeros((k, k))
    for start in range(0, len(members), _BLOCK):
        block = members[start : start + _BLOCK].astype(float)
        here = loss[start : start + _BLOCK, None]
        rows += block.T @ block
        sums += block.T @ (block * here)
        squares += block.T @ (block * here**2)
    return rows, sums, squares


def _apart(one: Array, other: Array) -> tuple[Array, Array, Array]:
    """Difference of means, its standard error and degrees of freedom; both of shape (3, k): rows, sums, squares.

    A side without spread (every row wrong) is given that of one row more, at the mean of the other side.
    """
    (n, total, square), (m, rest, rest_square) = one, other
    difference = total / n - rest / m
    own = np.maximum(square / n - (total / n) ** 2, 0) / np.maximum(n - 1, 1)
    theirs = np.maximum(rest_square / m - (rest / m) ** 2, 0) / np.maximum(m - 1, 1)
    own, theirs = np.maximum(own, (difference / n) ** 2), np.maximum(theirs, (difference / m) ** 2)
    return difference, *welch(own, n, theirs, m)


def worse_slices(scanned: Scan) -> list[int]:
    """Return the slices that are worse for certain, the largest certain difference first."""
    low = scanned.difference - scanned.half_width
    found = np.flatnonzero((scanned.p_adjusted <= ALPHA) & (low > 0))
    return [int(place) for place in found[np.argsort(-low[found], kind="stable")]]


def prune(order: list[int], scanned: Scan, members: Members) -> list[int]:
    """Leave out pairs that add nothing to a parent, and slices most of whose rows are in those already kept."""
    covered = np.zeros(len(members), dtype=bool)
    kept: list[int] = []
    for place in order:
        if len(kept) == MOST_SLICES:
            break
        if scanned.first[place] != scanned.second[place] and not _adds(place, scanned):
            continue
        mask = slice_mask(place, scanned, members)
        if 2 * (mask & covered).sum() <= mask.sum():
            kept.append(place)
            covered |= mask
    return kept


def _adds(place: int, scanned: Scan) -> bool:
    """Whether a pair is worse than what remains of each parent, at the corrected level."""
    own = np.array([scanned.rows[place], scanned.sums[place], scanned.squares[place]])[:, None]
    parents = scanned.whole[:, [int(scanned.first[place]), int(scanned.second[place])]]
    difference, error, freedom = _apart(own, parents - own)
    tails = stats.t.sf(difference / error, freedom)
    return bool(np.all(tails <= ALPHA / 2 / len(scanned.rows)))


def slice_mask(place: int, scanned: Scan, members: Members) -> NDArray[np.bool_]:
    """Return which rows are in a slice."""
    return (members[:, scanned.first[place]] > 0) & (members[:, scanned.second[place]] > 0)
