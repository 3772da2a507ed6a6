"""The search for slices: cut columns into levels, compare levels and pairs with all other rows, keep the worse ones."""

from collections.abc import Collection, Iterator
from functools import partial
from itertools import islice
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from toolkit.data import Dataset
from toolkit.models import Predictions
from toolkit.statistics import ALPHA, EPSILON, Array, Codes, Mask, Units, binning, weights_of

MOST_SLICES, MOST_PAIRED_LEVELS, MOST_SHARE = 10, 400, 0.75
#: Share of the largest errors of a regression that count as no larger than the others in the tests.
FURTHEST = 0.005
_BLOCKS, _DRAWS, _CHUNK = 200, 2000, 1024


def row_losses(predicted: Predictions, task: str) -> tuple[str, Array]:
    """Return the name and the loss of each row: log loss, else errors; absolute error for numbers."""
    if task == "regression":
        return "absolute error", np.abs(predicted.y_pred - predicted.y_true)
    if not predicted.probabilities:
        return "error rate", 1.0 - correct(predicted, task)
    return "log loss", -np.log(np.clip(predicted.chance(predicted.y_true), EPSILON, 1 - EPSILON))


def correct(predicted: Predictions, task: str) -> Array:
    """Return 1 for each row that is classified correctly, else 0."""
    guess = predicted.decide(0.0) if task == "binary" else predicted.y_pred
    return np.asarray(guess == predicted.y_true, dtype=float)


class Cut(NamedTuple):
    """A table cut into levels, named in words such as ``age under 25``, each of one of its columns (their positions).

    ``members``, of shape (rows, levels), says which rows are in a level, a level after the other in memory.
    """

    levels: list[str]
    columns: Codes
    members: NDArray[np.bool_]


def cut_levels(table: pd.DataFrame, least: int, dates: Collection[str] = ()) -> Cut:
    """Cut every column into levels of at least ``least`` rows.

    Parameters
    ----------
    table : DataFrame of shape (rows, columns)
    least : int
    dates : collection of str
        Columns that hold dates, as days since 1970-01-01.

    Examples
    --------
    >>> levels, _, members = cut_levels(pd.DataFrame({"age": range(100)}), 10)
    >>> levels, members.sum(axis=0).tolist()
    (['age under 20', 'age 20 to under 50', 'age 50 to under 70', 'age 70 and over'], [20, 30, 20, 30])
    """
    parts = list[tuple[str, int, Mask]]()
    for position, name in enumerate(map(str, table.columns)):
        found = binning.cut(table.iloc[:, position], dates=name in dates)
        missing = found.labels[-1] if found.missing else ""
        for label, mask in found.groups():
            if mask.sum() >= least:
                words = "is missing" if label == missing else label if found.banded else f"= {label}"
                parts.append((f"{name} {words}", position, mask))
    members = np.empty((len(table), len(parts)), dtype=bool, order="F")
    for place, (_, _, mask) in enumerate(parts):
        members[:, place] = mask
    return Cut([text for text, _, _ in parts], np.array([column for _, column, _ in parts], dtype=int), members)


class Scan(NamedTuple):
    """Every slice examined, as arrays of shape (slices,): its two levels (equal for a single one), rows and test.

    ``half_width`` is that of an interval of the difference each end of which holds for all slices at once; ``tail`` is
    the chance beyond it. ``sums``, of shape (2, blocks, slices), are weights and weighted losses of the slices block by
    block, ``whole`` those of each single level, large ones included.
    """

    cut: Cut
    first: Codes
    second: Codes
    rows: Array
    sums: Array
    whole: Array
    difference: Array
    p_adjusted: Array
    half_width: Array
    tail: Array

    def mask(self, place: int) -> Mask:
        """Return which rows are in a slice."""
        return self.cut.members[:, self.first[place]] & self.cut.members[:, self.second[place]]

    def text(self, place: int) -> str:
        """Say what the rows of a slice have in common."""
        return " and ".join(self.cut.levels[one] for one in dict.fromkeys([self.first[place], self.second[place]]))

    def worse(self) -> list[int]:
        """Return the slices that are worse for certain, the largest certain difference first."""
        order = np.argsort(self.half_width - self.difference, kind="stable")
        return [place for place in order.tolist() if self.p_adjusted[place] <= ALPHA]


def scan(
    cut: Cut, loss: Array, least: int, *, pairs: bool, units: Units | None, seed: int, against_zero: bool = False
) -> Scan:
    """Compare every slice of at least ``least`` and at most three quarters of the rows with the others.

    ``against_zero`` compares each with a loss of zero instead, as of the differences of two models.

    Rows are dealt out to 200 blocks, or as many as there are independent observations: of each block the sums of a
    slice say what it adds to the difference, so that the blocks give its variance and, under random signs, the joint
    distribution of all differences where no slice is worse.
    """
    levels, column, members = cut.levels, cut.columns, np.ascontiguousarray(cut.members, dtype=np.float32)
    n, weights = len(members), weights_of(units, len(members))
    centred = loss - np.average(loss, weights=weights) if n and not against_zero else loss
    centred = np.where(np.abs(centred) > 1e-12 * np.maximum(np.abs(loss), 1e-300), centred, 0.0)
    rows = (members.T @ members).astype(float)
    alone = rows.diagonal()
    pair = np.triu(column[:, None] != column[None, :], 1) & pairs & (rows < np.minimum(alone[:, None], alone))
    wanted = (np.eye(len(levels), dtype=bool) | pair) & (rows >= least) & (rows <= MOST_SHARE * n)
    first, second = np.nonzero(wanted)
    rng = np.random.default_rng(seed)
    codes, count = (np.arange(n), n) if units is None else units.independent
    blocks = max(min(count, _BLOCKS), 1)
    block = (rng.permutation(count) * blocks // max(count, 1))[codes]
    order = np.argsort(block, kind="stable")
    parts = [part.astype(np.float32)[:, None] for part in (weights, weights * centred)]
    found, single = np.zeros((2, blocks, len(first))), np.zeros((2, blocks, len(levels)))
    for place, here in enumerate(np.split(order, np.searchsorted(block[order], np.arange(1, blocks)))):
        inside = members[here]
        for side, part in enumerate(parts):
            table = inside.T @ (inside * part[here])
            found[side, place], single[side, place] = table[first, second], table.diagonal()
    total = np.array([np.bincount(block, part, blocks)[:, None] for part in (weights, weights * centred)])
    difference, apart = _contrast(found, total * [[[1]], [[0]]] if against_zero else total - found)
    error, freedom = _error(difference, apart, found)
    z = stats.norm.isf(stats.t.sf(difference / error, freedom))
    p_adjusted, tail = np.ones(len(first)), np.ones(len(first))
    families = [family for family in (np.flatnonzero(first == second), np.flatnonzero(first != second)) if len(family)]
    for family in families:
        p_adjusted[family], tail[family] = _step_down(z[family], apart[:, family], len(families), rng)
    half = stats.t.isf(tail, freedom) * error
    return Scan(cut, first, second, rows[wanted], found, single, difference, p_adjusted, half, tail)


def _contrast(one: Array, other: Array) -> tuple[Array, Array]:
    """Return the differences of mean losses, and how far each moves without each block (as ``freed`` in ``units``)."""
    size, rest = (np.maximum(part[0].sum(axis=0), 1e-300) for part in (one, other))
    own, theirs = one[1].sum(axis=0) / size, other[1].sum(axis=0) / rest
    left, others = np.maximum(size - one[0], 1e-9 * size), np.maximum(rest - other[0], 1e-9 * rest)
    return own - theirs, (one[1] - own * one[0]) / left - (other[1] - theirs * other[0]) / others


def _error(difference: Array, apart: Array, found: Array) -> tuple[Array, Array]:
    """Return the standard errors of differences and their degrees of freedom, as ``Units.freedom`` has them.

    A slice without spread (every row wrong) is given that of one block more, at the mean of the others.
    """
    square, used = apart**2, np.count_nonzero(found[0], axis=0)
    worth = 3 * square.sum(axis=0) ** 2 / np.maximum((square**2).sum(axis=0), 1e-300)
    variance = np.maximum(square.sum(axis=0) * (1 - 1 / np.maximum(used, 2)), (difference / np.maximum(used, 1)) ** 2)
    return np.sqrt(np.maximum(variance, 1e-300)), np.maximum(np.minimum(worth, used) - 1, 1.0)


def _step_down(z: Array, apart: Array, families: int, rng: np.random.Generator) -> tuple[Array, float]:
    """Adjust tests of one side by the step-down maxT of Westfall & Young (1993, ISBN 9780471557616).

    The families share the level evenly, so that the many pairs cost single columns no power.

    Returns
    -------
    (array, float)
        The adjusted p values, and the tail beyond which a test of all is.
    """
    signs = rng.standard_normal((_DRAWS, len(apart)), dtype=np.float32)
    scaled = (apart / np.maximum(np.sqrt((apart**2).sum(axis=0)), 1e-300)).astype(np.float32)
    order, most = np.argsort(z), np.full(_DRAWS, -np.inf, dtype=np.float32)
    p_values = np.empty(len(z))
    for start in range(0, len(z), _CHUNK):
        here = order[start : start + _CHUNK]
        reached = signs @ scaled[:, here]
        np.maximum(reached[:, 0], most, out=reached[:, 0])
        np.maximum.accumulate(reached, axis=1, out=reached)
        p_values[here], most = ((reached >= z[here]).sum(axis=0) + 1) / (_DRAWS + 1), reached[:, -1].copy()
    p_values[order[::-1]] = np.maximum.accumulate(p_values[order[::-1]])
    tail = float(stats.norm.sf(np.quantile(most, 1 - ALPHA / families)))
    # Beyond what the draws resolve, Bonferroni's bound is the smaller one.
    return np.minimum(np.minimum(p_values, stats.norm.sf(z) * len(z)) * families, 1.0), tail


def prune(scanned: Scan) -> Iterator[int]:
    """Yield the slices worth keeping, the worst first: those that are worse for certain, unless others say as much.

    Left out are pairs that add nothing to a parent, and slices most of whose rows are in those already kept.

    A pair adds to a parent where it is worse than what remains of it, at the corrected level.
    """
    covered = np.zeros(len(scanned.cut.members), dtype=bool)
    for place in scanned.worse():
        mask = scanned.mask(place)
        if 2 * (mask & covered).sum() > mask.sum():
            continue
        if scanned.first[place] != scanned.second[place]:
            own = scanned.sums[:, :, [place]]
            difference, apart = _contrast(own, scanned.whole[:, :, [scanned.first[place], scanned.second[place]]] - own)
            error, freedom = _error(difference, apart, own)
            if np.any(stats.t.sf(difference / error, freedom) > scanned.tail[place]):
                continue
        yield place
        covered |= mask


def search(
    part: Dataset, loss: Array, least: int, depth: int, units: Units | None, seed: int, *, against_zero: bool = False
) -> tuple[Scan, list[int]]:
    """Cut the features and the sensitive columns into levels, scan them, and keep the slices with a higher loss.

    A slice is compared with all other rows, or, ``against_zero``, with a loss of zero. Which slices are kept, and the p
    values, rest on errors of a regression held at their 99.5 % quantile (winsorized: Huber 1981,
    doi:10.1002/0471725250), so that one wild value does not hide them; the differences and intervals do not.

    Returns
    -------
    (scan, places of the slices kept, the worst first)
    """
    extra = [name for name in part.sensitive.columns if name not in part.features]
    cut = cut_levels(pd.concat([part.features, part.sensitive[extra]], axis=1), least, part.dates)
    pairs = depth == 2 and len(cut.levels) <= MOST_PAIRED_LEVELS
    compare = partial(scan, cut, least=least, pairs=pairs, units=units, seed=seed, against_zero=against_zero)
    scanned = held = compare(loss)
    if part.task == "regression" and not against_zero:
        held = compare(np.minimum(loss, np.quantile(loss, 1 - FURTHEST)))
    return scanned._replace(p_adjusted=held.p_adjusted), list(islice(prune(held), MOST_SLICES))
