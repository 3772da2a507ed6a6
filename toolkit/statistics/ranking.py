"""The order of numbers: quartiles, and how well scores order the rows (ROC AUC, average precision, each influence)."""

import numpy as np

from toolkit.statistics.intervals import AnyArray, Array, Codes

QUARTERS = np.array([0.25, 0.5, 0.75])
#: Fewer numbers are put in order by NumPy; least width of all cells, to divide by; numbers that are sorted in a row.
MANY, LEAST_WIDTH, ROW = 30_000, 1e-290, 256


def roc_auc(y_true: Array, y_score: Array, weights: Array | None = None) -> tuple[float, Array]:
    """Return the area under the ROC curve and the influence of each row, in O(n log n).

    The influences are the placement values of DeLong et al. (1988, doi:10.2307/2531595), computed from the order as in
    Sun & Xu (2014, doi:10.1109/LSP.2014.2337313): the sum of their squares over n² is DeLong's variance, and for two
    models on the same rows the same sum over their differences is the variance of the difference.

    Parameters
    ----------
    y_true : array of shape (n,)
        1 for the positive class, 0 for the other.
    y_score : array of shape (n,)
        Higher means more likely positive.
    weights : array of shape (n,), optional
        Of mean 1.

    Returns
    -------
    (float, array of shape (n,))
        Not defined (nan) where only one class is present. The influences are as if each row weighed 1.

    Examples
    --------
    >>> roc_auc(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.4, 0.35, 0.8]))[0]
    0.75
    """
    n, each = len(y_true), np.ones(len(y_true)) if weights is None else weights
    own = y_true * each
    ones, zeros = float(own.sum()), float((each - own).sum())
    if not (ones > 0 and zeros > 0):
        return np.nan, np.zeros(n)
    values, place = np.unique(y_score, return_inverse=True)
    positive, negative = (np.bincount(place, held, len(values)) for held in (own, each - own))
    below, above = np.cumsum(negative) - negative / 2, ones - np.cumsum(positive) + positive / 2
    placement = np.where(y_true == 1, below[place] / zeros, above[place] / ones)
    area = float(own @ placement) / ones
    size = np.where(y_true == 1, ones, zeros)
    return area, (placement - area) * n / np.sqrt(size * np.maximum(size - 1, 1))


def average_precision(y_true: Array, y_score: Array, weights: Array | None = None) -> tuple[float, Array]:
    """Return average precision, as scikit-learn defines it, and the influence of each row, in O(n log n).

    The influence is the derivative with respect to the row's weight (the infinitesimal jackknife).

    Parameters
    ----------
    y_true, y_score, weights : array of shape (n,)
        As in ``roc_auc``.

    Returns
    -------
    (float, array of shape (n,))
        At least one row must be positive.

    Examples
    --------
    >>> round(average_precision(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.4, 0.35, 0.8]))[0], 4)
    0.8333
    """
    n, each = len(y_true), np.ones(len(y_true)) if weights is None else weights
    ones = float(y_true @ each)
    order, last, hits, called = ranked(y_true, y_score, each)
    share = np.divide(1.0, called, where=called > 0, out=np.zeros(len(last)))
    found, precision = np.diff(hits, prepend=0.0), hits * share
    value = float(found @ precision) / ones
    gained = np.cumsum((found * share)[::-1])[::-1]
    lost = np.cumsum((found * precision * share)[::-1])[::-1]
    group = np.repeat(np.arange(len(last)), np.diff(last, prepend=-1))
    slope = np.where(y_true[order] == 1, precision[group] - value + gained[group], 0.0) - lost[group]
    influence = np.empty(n)
    influence[order] = slope * n / np.sqrt(ones * max(ones - 1, 1))
    return value, influence


def ranked(y_true: Array, y_score: Array, weights: Array) -> tuple[Codes, Codes, Array, Array]:
    """Put rows in the order of their scores, the highest first, and count them down to each distinct score.

    Returns
    -------
    (order, last, hits, called)
        The places of the rows, shape (n,); where in this order the rows of each distinct score end, and the weights of
        the positives and of all rows up to there, each of shape (distinct scores,).
    """
    order = np.argsort(-y_score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(y_score[order])), len(order) - 1)
    return order, last, np.cumsum((y_true * weights)[order])[last], np.cumsum(weights[order])[last]


def quartiles(numbers: Array) -> Array:
    """Return the quartiles that ``np.quantile`` finds, of many numbers faster: only those near one are put in order.

    Parameters
    ----------
    numbers : array of shape (n,)
        Finite, one at least.

    Examples
    --------
    >>> quartiles(np.arange(40_001.0)).tolist()
    [10000.0, 20000.0, 30000.0]
    """
    if len(numbers) < MANY:
        return np.asarray(np.quantile(numbers, QUARTERS))
    cells, found = _cells_of(numbers), []
    upto = np.cumsum(np.bincount(cells))
    for place in (len(numbers) - 1) * QUARTERS:
        first, last = np.searchsorted(upto, [place, place + 1], side="right")
        near = numbers[(cells >= first) & (cells <= last)]
        below = upto[first] - np.count_nonzero(cells == first)
        found.append(np.quantile(near, (place - below) / (len(near) - 1)))
    return np.array(found)


def value_counts(numbers: AnyArray, weights: Array | None = None) -> tuple[AnyArray, AnyArray]:
    """Return the distinct numbers in order, as ``np.unique`` does, and how often each occurs or the sum of its weights.

    Whole numbers that lie close are counted. Many others are dealt out to cells, which takes linear time, and sorted in
    rows of 256 that are laid over the cells twice, the second time half a row further: no cell is larger than half a
    row, so each lies within one. On AMD's Zen 4, whose AVX-512 slows NumPy's own sort of more than 256 numbers down,
    that takes half as long as ``np.unique`` for a million; where that sort is fast (AVX2) it takes twice as long.

    Parameters
    ----------
    numbers : array of shape (n,)
        Finite.
    weights : array of shape (n,), optional
        Greater than 0.

    Examples
    --------
    >>> values, counts = value_counts(np.array([3.0, 1.0, 3.0]))
    >>> values.tolist(), counts.tolist()
    ([1.0, 3.0], [1, 2])
    """
    if numbers.dtype.kind == "i" and len(numbers) and int(numbers.max()) - (least := int(numbers.min())) < len(numbers):
        held = np.bincount(numbers - least, weights)
        return (used := np.flatnonzero(held)) + least, held[used]
    if weights is not None:
        values, place = np.unique(numbers, return_inverse=True)
        return values, np.bincount(place, weights)
    if (cells := _fine_cells_of(numbers)) is None:
        return np.unique(numbers, return_counts=True)
    found = numbers[np.argsort(cells, kind="stable")]
    for first in (0, ROW // 2):
        last = first + (len(found) - first) // ROW * ROW
        found[first:last].reshape(-1, ROW).sort(axis=1)
        found[last:].sort()
    starts = np.flatnonzero(np.append(True, found[1:] != found[:-1]))
    return found[starts], np.diff(starts, append=len(found))


def _cells_of(numbers: AnyArray) -> AnyArray:
    """Deal numbers out to 65,536 cells of the same width, in order."""
    width = max(np.ptp(numbers), LEAST_WIDTH)
    return np.asarray((numbers - numbers.min()) * (65535 / width), dtype="uint16")


def _fine_cells_of(numbers: AnyArray) -> AnyArray | None:
    """Deal many numbers out to cells of half a row at most, skewed ones by their bits; None where that cannot be."""
    if len(numbers) < MANY or numbers.dtype != "float64":
        return None
    cells = _cells_of(numbers)
    if np.bincount(cells).max() > ROW // 2 and numbers.min() > 0:
        cells = _cells_of(numbers.view("int64"))  # of positive numbers in the same order, and nearly their logarithm
    return cells if np.bincount(cells).max() <= ROW // 2 else None
