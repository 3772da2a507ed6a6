"""Counts of two tables: their chances where rows were dealt out at random, and what rows of groups tell."""

import math

import numpy as np
from scipy import stats
from scipy.sparse import coo_array
from scipy.special import gammaln

from toolkit.statistics.intervals import AnyArray, Codes


def homogeneity(reference: AnyArray, current: AnyArray) -> float:
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
    columns = ((k - 1) * (total - k) / (total - 1), (total * float((1 / both[kept]).sum()) - k * k) / (total - 2))
    variance = 2 * total / (total - 3) * (rows[0] - rows[1]) * (columns[0] - columns[1])
    variance += total * total / (total - 1) * rows[1] * columns[1]
    return 1.0 if variance <= 1e-12 else float(stats.gamma.sf(statistic, mean * mean / variance, scale=variance / mean))


def all_on_one_side(rows: float, here: float, there: float) -> float:
    """Return the probability that given rows of a shuffled pool all fall into the one of two tables.

    Parameters
    ----------
    rows : float
        How many rows: those of one label, or those beyond the other table's greatest value. Need not be whole, so that
        an effective size can be used.
    here, there : float
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


def all_alike(counts: AnyArray, drawn: float) -> float:
    """Return the probability that rows drawn at random, without putting them back, all have the same value.

    Parameters
    ----------
    counts : array of shape (k,)
        Rows of each value.
    drawn : float

    Examples
    --------
    >>> round(all_alike(np.array([3, 2]), 2), 3)
    0.4
    """
    total, many = float(counts.sum()), counts[counts >= drawn]
    ways = gammaln(many + 1) - gammaln(many - drawn + 1) - gammaln(total + 1) + gammaln(total - drawn + 1)
    return float(np.exp(ways).sum())


def design_effect(codes: AnyArray, groups: Codes, weights: AnyArray | None = None) -> float:
    """Return how many rows of groups tell as much about the shares of some values as one independent row does.

    The average of the design effects of all values by the ratio estimator over groups (Rao & Scott 1992,
    doi:10.2307/2532311): counts divided by it behave as those of independent rows do in tests and intervals. Not below
    1, so that values which alternate within groups never count as more rows than there are.

    Parameters
    ----------
    codes : array of shape (n,)
        Which value each row has: 0, 1, …, or no and yes.
    groups : array of int, shape (n,)
        Number of the group of each row; of rows that stand alone their places.
    weights : array of shape (n,), optional
        Of mean 1.

    Examples
    --------
    >>> groups = np.repeat(np.arange(1000), 20)
    >>> alike = np.random.default_rng(0).integers(0, 3, 1000)[groups]
    >>> mixed = np.random.default_rng(0).integers(0, 3, 20_000)
    >>> round(design_effect(alike, groups), 1), round(design_effect(mixed, groups), 1)
    (20.0, 1.0)
    """
    n, sizes = len(codes), np.bincount(groups, weights).astype(float)
    cells = coo_array((np.ones(n) if weights is None else weights, (groups, codes.astype(np.intp)))).tocsr()
    totals, squares = cells.sum(axis=0), cells.power(2).sum(axis=0)
    spread = n * float((squares[totals > 0] / totals[totals > 0]).sum()) - float(sizes @ sizes)
    kinds, used = int(np.count_nonzero(totals)), int(np.count_nonzero(sizes))
    if kinds < 2 or used < 2:
        return max(float(sizes @ sizes) / n, 1.0)
    return max(used / (used - 1) * spread / (n * (kinds - 1)), 1.0)
