"""What chance alone does to a distance: p values, the distance expected without drift, and an interval around it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import gammaln, kolmogorov

from toolkit.core.estimate import Estimate
from toolkit.drift.distances import METHODS, ORDERED, SMALL, Cells, Pair, cells_of, evidently_score
from toolkit.statistics.intervals import RULE_OF_THREE, Array, t_quantile

REPLICATES = 200
_CELLS_DRAWN = 400_000


@dataclass(frozen=True, slots=True)
class Judged:
    """A distance and what chance has to do with it.

    Attributes
    ----------
    distance : Estimate
        As observed, with an interval for the distance between the two populations.
    by_chance : Estimate
        What two samples of these sizes from one population are apart on average; 95% of them lie in its interval.
    beyond : float
        The distance with what chance adds to it taken out; 0 where nothing is left.
    score : float
        evidently's number.
    p_value : float
    """

    distance: Estimate
    by_chance: Estimate
    beyond: float
    score: float
    p_value: float


def judge_pair(pair: Pair, method: str, seed: int = 0) -> Judged:
    """Measure the distance of a pair, its p value and what it would be by chance.

    Rows are resampled as counts of cells (a multinomial draw has the same distribution). Distances of samples are too
    large on average; what resampling adds once more is taken out again (Efron & Tibshirani 1993,
    doi:10.1201/9780429246593, chapter 10), on the scale of squares where chance adds up in squares.
    """
    full = pair.distance(method)
    cells = cells_of(pair, method, few=True)
    n, m = pair.sizes
    rng = np.random.default_rng(seed)
    replicates = int(np.clip(_CELLS_DRAWN // max(len(cells.reference), 1), 20, REPLICATES))
    # Chance adds to a distance that is a root of squares as sqrt(d² + c²), so that squares are what it shifts evenly.
    power = 2 if METHODS[method].squared else 1
    drawn = _resampled(cells, cells.reference / n, cells.current / m, (n, m), replicates, rng) ** power
    pooled = (cells.reference + cells.current) / (n + m)
    alone = _resampled(cells, pooled, pooled, (n, m), replicates, rng)
    # The resampled pair is to the observed one as that is to the populations: what the step down there adds on
    # average was added here as well, and is taken off. Both sides of the step use the same pooled cells.
    centre = full**power - (float(drawn.mean()) - cells.distance() ** power)
    quantile, unseen = t_quantile(min(n, m)), _unseen(cells, n, m) ** power
    low, high = (end ** (1 / power) for end in _ends(centre, drawn, quantile, unseen))
    # Freed from chance, both ends may lie below the distance as observed, which an interval must hold all the same.
    low, high = min(low, full), min(max(high, full), METHODS[method].most)
    few, many = (float(end) for end in np.quantile(alone, [0.025, 0.975]))
    score = evidently_score(pair, method, full)
    said = f"cell counts resampled, {replicates} replicates"
    return Judged(
        Estimate(full, n=n + m, method="no interval: one row")
        if min(n, m) < 2
        else Estimate(full, low, high, n + m, said),
        Estimate(float(alone.mean()), few, many, n + m, f"pooled counts resampled, {replicates} replicates"),
        max(centre, 0.0) ** (1 / power),
        score,
        score if method in ("ks", "anderson") else p_value(pair),
    )


def _ends(centre: float, drawn: Array, quantile: float, unseen: float) -> tuple[float, float]:
    # Which scale is nearer to normal, the given one or its root, depends on how far from 0 the distance lies: the wider
    # end of both is taken.
    half = quantile * float(drawn.std(ddof=1)) + unseen
    root = math.sqrt(max(centre, 0.0))
    half_root = quantile * float(np.sqrt(drawn).std(ddof=1)) + math.sqrt(unseen)
    low = min(max(centre - half, 0.0), max(root - half_root, 0.0) ** 2)
    return low, max(centre + half, (root + half_root) ** 2)


def _resampled(
    cells: Cells, first: Array, second: Array, sizes: tuple[int, int], replicates: int, rng: np.random.Generator
) -> Array:
    before, after = (
        rng.multinomial(size, shares / shares.sum(), size=replicates).astype(float)
        for size, shares in zip(sizes, (first, second), strict=True)
    )
    return cells.among(before, after)


def _unseen(cells: Cells, n: int, m: int) -> float:
    """Return how far rows not seen may still move a distance, where resampling would not show it (rule of three)."""
    alike = cells.method in ORDERED
    alike = alike or 1 in (np.count_nonzero(cells.reference), np.count_nonzero(cells.current))
    return min(RULE_OF_THREE / min(n, m), 1.0) if alike else 0.0


def p_value(pair: Pair) -> float:
    """Test whether both columns come from one population.

    Numbers on a scale by Kolmogorov and Smirnov, exact up to 1,000 rows, above by the limiting distribution with the
    correction of Stephens (1970, doi:10.1111/j.2517-6161.1970.tb00821.x). Labels by ``homogeneity``.
    """
    if not pair.scale:
        return homogeneity(pair.reference, pair.current)
    n, m = pair.sizes
    if max(n, m) <= SMALL:
        return evidently_score(pair, "ks", math.nan)
    # The root of the effective size, as two samples wobble like one of n m / (n + m) rows.
    root = math.sqrt(n * m / (n + m))
    return float(kolmogorov((root + 0.12 + 0.11 / root) * pair.distance("ks")))


def homogeneity(reference: NDArray[Any], current: NDArray[Any]) -> float:
    """Test two rows of counts for equal shares by Pearson's chi-square, also where most counts are small.

    The statistic is referred to a gamma distribution that has its exact mean and variance given the margins (Haldane
    1940, doi:10.1093/biomet/31.3-4.346; Dawson 1954, doi:10.2307/2333017). With large counts that is the usual
    chi-square distribution; with 100,000 labels seen once or twice each it still holds.

    Parameters
    ----------
    reference, current : arrays of shape (k,)

    Examples
    --------
    >>> round(homogeneity(np.array([30.0, 70.0]), np.array([50.0, 50.0])), 4)
    0.0039
    """
    both = reference + current
    kept = both > 0
    k, n, m = int(kept.sum()), float(reference.sum()), float(current.sum())
    total = n + m
    if k < 2 or min(n, m) == 0 or total < 4:
        return 1.0
    expected = both[kept] * (n / total)
    statistic = float((((reference[kept] - expected) ** 2) / both[kept]).sum()) * total / n * total / m
    # The variance has two terms, each a factor from the sizes of the tables times one from the counts of the labels.
    # Only the sum of 1 / count tells that labels are rare, and so that chi-square would be the wrong distribution.
    mean = total * (k - 1) / (total - 1)
    rows = (total - 2) / (total - 1), (total * (1 / n + 1 / m) - 4) / (total - 2)
    columns = (
        (k - 1) * (total - k) / (total - 1),
        (total * float((1 / both[kept]).sum()) - k * k) / (total - 2),
    )
    variance = 2 * total / (total - 3) * (rows[0] - rows[1]) * (columns[0] - columns[1])
    variance += total * total / (total - 1) * rows[1] * columns[1]
    if variance <= 1e-12:
        return 1.0
    return float(stats.gamma.sf(statistic, mean * mean / variance, scale=variance / mean))


def all_on_one_side(rows: int, here: int, there: int) -> float:
    """Return the probability that given rows of a shuffled pool all fall into the one of two tables.

    Parameters
    ----------
    rows : int
        How many rows: those of one label, or those beyond the other table's greatest value.
    here, there : int
        Sizes of the table that holds them all and of the other.

    Examples
    --------
    >>> round(all_on_one_side(3, 50, 50), 3)
    0.121
    """
    if rows > here:
        return 0.0
    total = here + there
    return math.exp(gammaln(here + 1) - gammaln(here - rows + 1) - gammaln(total + 1) + gammaln(total - rows + 1))


def all_alike(counts: NDArray[Any], drawn: int) -> float:
    """Return the probability that rows drawn at random, without putting them back, all have the same value.

    Parameters
    ----------
    counts : array of shape (k,)
        Rows of each value.
    drawn : int

    Examples
    --------
    >>> round(all_alike(np.array([3, 2]), 2), 3)
    0.4
    """
    total, many = int(counts.sum()), counts[counts >= drawn]
    ways = gammaln(many + 1) - gammaln(many - drawn + 1) - gammaln(total + 1) + gammaln(total - drawn + 1)
    return float(np.exp(ways).sum())
