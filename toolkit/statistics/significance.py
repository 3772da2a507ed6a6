"""P values: of two rows of counts that chance may have dealt out, and of several tests adjusted for their number.

Those of tests not made (nan) stay as they are when p values are adjusted, and do not count.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy import stats
from scipy.special import gammaln

from toolkit.statistics.intervals import AnyArray, Array

#: What a p value must not exceed for a difference to be called one.
ALPHA = 0.05


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
    return float(np.exp(gammaln(here + 1) - gammaln(here - rows + 1) - gammaln(total + 1) + gammaln(total - rows + 1)))


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


def holm(p_values: Sequence[float] | Array) -> Array:
    """Bound the chance of any false alarm, whatever the tests have to do with each other.

    The step-down method of Holm (1979, jstor.org/stable/4615733).

    Examples
    --------
    >>> holm([0.01, 0.04, np.nan, 0.03]).round(3).tolist()
    [0.03, 0.06, nan, 0.06]
    """

    def step_down(found: Array) -> Array:
        order = np.argsort(found)
        return np.maximum.accumulate(found[order] * np.arange(len(found), 0, -1)).clip(max=1.0)[np.argsort(order)]

    return _adjusted(p_values, step_down)


def benjamini_hochberg(p_values: Sequence[float] | Array) -> Array:
    """Bound the share of false alarms among all alarms.

    By Benjamini & Hochberg (1995, doi:10.1111/j.2517-6161.1995.tb02031.x).

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, np.nan, 0.03]).round(3).tolist()
    [0.03, 0.04, nan, 0.04]
    """
    return _adjusted(p_values, stats.false_discovery_control)


def _adjusted(p_values: Sequence[float] | Array, method: Callable[[Array], Array]) -> Array:
    found = np.array(p_values, dtype=float)
    if (tested := ~np.isnan(found)).any():
        found[tested] = method(found[tested])
    return found
