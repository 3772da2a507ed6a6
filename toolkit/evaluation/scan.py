"""Compare every single level and pair of levels with all other rows, count what was compared, keep what stands out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from toolkit.evaluation.levels import Level
from toolkit.statistics.intervals import Array, welch

ALPHA = 0.05
MOST_SLICES = 10
MOST_PAIRED_LEVELS = 800
MOST_SHARE = 0.75
_BLOCK = 20_000

Members = NDArray[np.float32]


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
