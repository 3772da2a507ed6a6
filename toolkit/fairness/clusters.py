"""Rows that belong together, within sensitive groups: how little they tell, and the errors that groups have in common.

A sensitive group's number rests on the units (such as people) that its rows belong to. What their rows add to its error
is summed (Liang & Zeger 1986, doi:10.1093/biomet/73.1.13): the variance of the sums, over that of independent rows, is
the design effect, by which a share's rows are fewer than they look (Rao & Scott 1992, doi:10.2307/2532311). Units that
have rows in several sensitive groups make the errors of these rise and fall together, so they are drawn together.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import stdtrit

from toolkit.statistics import Measure, Units, freed, freedom_of, kish
from toolkit.statistics.intervals import AnyArray, Array, Codes, Z, standard_error, t_quantile

#: Units whose sums are held side by side at once.
BLOCK = 16_384
#: Added to each cell before resampling, so that what was not seen is not held to be impossible.
HALF = 0.5


@dataclass(frozen=True, eq=False)
class Resampling:
    """How groups are judged and resampled.

    Attributes
    ----------
    least : int
        Fewest rows of a group that is judged.
    replicates : int
        How often everything is drawn.
    rng : Generator
    """

    least: int
    replicates: int
    rng: np.random.Generator

    def normal(self, count: int) -> Array:
        """Draw standard normal errors of so many groups, of shape (count, replicates)."""
        return self.rng.standard_normal((count, self.replicates))


@dataclass(frozen=True, eq=False)
class Grouping:
    """The rows of a table in groups by one sensitive column or by several at once.

    Attributes
    ----------
    feature : str
        ``sex``, or ``sex+race`` for an intersection.
    columns : tuple of str
        The columns that are crossed.
    labels : tuple of str
        ``Female``, or ``Female+Black``; only groups that have rows, the 50 largest at most.
    codes : int16 array of shape (n,)
        Place of each row's group among the labels; -1 in groups beyond the 50 largest.
    counts : integer array of shape (groups,)
        How many rows each group has.
    beyond : int
        How many groups those are.
    units : Units or None
        What rows belong to; None where each stands alone.
    """

    feature: str
    columns: tuple[str, ...]
    labels: tuple[str, ...]
    codes: AnyArray
    counts: Codes
    beyond: int = 0
    units: Units | None = None

    @cached_property
    def rows(self) -> list[Codes]:
        """The places of each group's rows, in the order of the table."""
        order = np.argsort(self.codes, kind="stable")
        return np.split(order[len(order) - self.counts.sum() :], np.cumsum(self.counts)[:-1])

    @cached_property
    def among(self) -> list[tuple[Units, Codes]]:
        """The units of each group's rows, and which of all units those are; empty where each row stands alone."""
        return [self.units.among(rows) for rows in self.rows] if self.units else []

    @cached_property
    def places(self) -> list[Codes]:
        """Which of all units each group's are."""
        return [places for _, places in self.among]

    @cached_property
    def weights(self) -> list[Array | None]:
        """The weights of each group's rows, of mean 1; None where rows have none."""
        return [units.weights for units, _ in self.among] or [None] * len(self.rows)

    @cached_property
    def methods(self) -> list[str]:
        """What the method of each group's numbers says of its units."""
        return [f"; {units}" for units, _ in self.among] or [""] * len(self.rows)

    def counted(self, y_true: Array, called: Array) -> "Counts":
        """Count the cells of the confusion matrix of each group, and of each of its units."""
        rows = count_cells(self.codes, len(self.labels), y_true, called)
        every = zip(self.among, self.rows, strict=False)
        parts = [count_cells(own.codes, own.count, y_true[at], called[at], own.weights) for (own, _), at in every]
        return Counts(rows, parts, self if parts else None)

    def measured(self, measure: Callable[..., Measure], *values: Array, **options: Any) -> list[Measure]:
        """Measure values of the rows of each group, with the intervals of its units."""
        parts = zip(self.rows, self.weights, strict=True)
        found = [measure(*(one[rows] for one in values), weights=own, **options) for rows, own in parts]
        return [one.over(units) for one, (units, _) in zip(found, self.among, strict=True)] if self.units else found


@dataclass(frozen=True, eq=False)
class Counts:
    """The cells of the confusion matrix of each group, in the order of ``count_cells``.

    Attributes
    ----------
    rows : array of shape (groups, 4)
        How many rows each has.
    parts : sequence of arrays of shape (units, 4)
        Those of the units of each group, weighted if rows are; none where each row stands alone.
    grouping : Grouping or None
        Whose units those are.
    """

    rows: Array
    parts: Sequence[Array] = ()
    grouping: Grouping | None = None

    @cached_property
    def cells(self) -> Array:
        """What the rows of each weigh."""
        return np.array([part.sum(axis=0) for part in self.parts]) if self.parts else self.rows


def count_cells(codes: AnyArray, groups: int, y_true: Array, called: Array, weights: Array | None = None) -> Array:
    """Count true negatives, false positives, false negatives and true positives; shape (groups, 4).

    Rows with a code of -1 are left out; weighted ones count by their weights.

    Examples
    --------
    >>> count_cells(np.array([0, 0, 1, -1]), 2, np.array([1.0, 0, 1, 1]), np.array([1.0, 1, 0, 1]))
    array([[0., 1., 0., 1.],
           [0., 0., 1., 0.]])
    """
    place = (codes + 1) * 4 + (2 * y_true + called).astype(np.int16)
    return np.bincount(place, weights, minlength=4 * (groups + 1)).reshape(-1, 4)[1:].astype(float)


def design_effect(sums: Array, variance: float, rows: float) -> float:
    """Return how many times the variance of a statistic is that of independent rows, t for few units included.

    Infinite for a single unit. Where no two rows differ there is no telling, and each unit counts as one row.

    Parameters
    ----------
    sums : array of shape (units,)
        What the rows of each unit add to the statistic's error.
    variance : float
        Of the statistic, if rows were independent.
    rows : float
        How many there are.

    Examples
    --------
    >>> round(design_effect(np.tile([0.4, -0.4], 125), 10.0, 1000), 1)  # each row four times
    4.1
    """
    if (count := len(sums)) < 2:
        return math.inf
    if not sums.any():
        return rows / count
    ratio = standard_error(count * sums) * math.sqrt(count / (count - 1)) * t_quantile(freedom_of(sums) + 1) / Z
    return max(ratio**2 / variance, count / rows)


def clustered(kinds: Array, counts: Counts, grouping: Grouping, how: Resampling) -> tuple[Array, Array]:
    """Return the design effect of the mean of some rates by group, and its errors on the arcsine scale.

    Of each rate ``kinds`` say which cells are counted, and among which; shape (2, rates, 4).
    """
    cells, parts = counts.cells, counts.parts
    (hit, among), (hits, size) = kinds, np.tensordot(kinds, cells, axes=(2, 1))
    seen, likely = np.tensordot(kinds, cells + HALF, axes=(2, 1))
    rates, share, rate = seen / likely, 1 / len(hits), hits / np.maximum(size, 1)
    scale = np.sqrt(np.maximum(size * (size - 1), 1))
    moves = share * ((hit[:, None] - rate[..., None] * among[:, None]) / scale[..., None]).sum(axis=0)
    spread = size * rate * (1 - rate) + np.maximum(rate, 1 - rate) ** 2
    variance, middle = share**2 * (spread / scale**2).sum(axis=0), rates.mean(axis=0)
    smooth = share**2 * (rates * (1 - rates) / likely).sum(axis=0)
    taking = among[0] if len(hits) == 1 else np.ones(4)
    totals = [part @ taking for part in parts]
    sums = [freed(part @ move, total) for part, move, total in zip(parts, moves, totals, strict=True)]
    rows = cells @ taking
    if grouping.units and grouping.units.weights is not None:
        rows = rows * [kish(total[total > 0]) if total.any() else 1.0 for total in totals]
    known = zip(sums, totals, variance, rows, strict=True)
    effect = np.array([design_effect(one[total > 0], apart, n) for one, total, apart, n in known])
    deviation = np.sqrt(np.nan_to_num(effect, posinf=1.0) * smooth / (4 * middle * (1 - middle)))
    return effect, draw_errors(sums, grouping.places, how) * deviation[:, None]


def draw_errors(sums: Sequence[Array], places: Sequence[Codes], how: Resampling) -> Array:
    """Draw errors of the groups together, of shape (groups, replicates), 95% of them within the normal's quantile.

    Each group has Student's t with the degrees of freedom of its units, and those with units in common are correlated
    as the sums of these units are.

    Parameters
    ----------
    sums : sequence of arrays
        Of each group, what the rows of each unit add to its error.
    places : sequence of integer arrays
        Which of all units those are.
    how : Resampling
    """
    drawn, units = how.normal(len(sums)), np.concatenate(places)
    if np.bincount(units).max() > 1:
        together = _products(sums, places, int(units.max()) + 1)
        size = np.sqrt(np.maximum(together.diagonal(), 1e-300))
        together = together / size[:, None] / size
        np.fill_diagonal(together, 1.0)  # also of a group without any variation
        values, vectors = np.linalg.eigh(together)
        drawn = (vectors * np.sqrt(np.maximum(values, 0.0))) @ drawn
    freedom = np.maximum([freedom_of(one) if one.any() else len(one) - 1 for one in sums], 1.0)
    heavy = np.sqrt(freedom / how.rng.chisquare(freedom, (how.replicates, len(sums)))) * Z / stdtrit(freedom, 0.975)
    return np.asarray(drawn * heavy.T)


def _products(sums: Sequence[Array], places: Sequence[Codes], count: int) -> Array:
    """Return the products of the sums of each two groups over the units they share, a block of units at a time."""
    found = np.zeros((len(sums), len(sums)))
    for start in range(0, count, BLOCK):
        block = np.zeros((len(sums), BLOCK))
        for row, own, at in zip(block, sums, places, strict=True):
            inside = slice(*np.searchsorted(at, (start, start + BLOCK)))
            row[at[inside] - start] = own[inside]
        found += block @ block.T
    return found
