"""Does what moves the score also serve the prediction: permutation importance beside attributions."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from toolkit.core.estimate import Estimate
from toolkit.data.dataset import Dataset
from toolkit.evaluation.losses import row_losses
from toolkit.explanation.importance import mean_of
from toolkit.models.model import Model
from toolkit.models.prediction import predict
from toolkit.statistics.intervals import Array, Z

ROWS, REPEATS = 400, 2
_CELLS = 4_000_000


@dataclass(frozen=True, eq=False)
class CrossCheck:
    """Permutation importance of each column.

    Attributes
    ----------
    loss : str
        What is made worse: log loss, error rate, absolute error.
    increases : list of Estimate
        By how much the mean loss grows when the column's values are dealt out to other rows.
    agreement : Estimate
        Spearman's rank correlation of these with the attributions, over the columns.
    """

    loss: str
    increases: list[Estimate]
    agreement: Estimate


def cross_check(model: Model, data: Dataset, importance: Array, *, repeats: int = REPEATS, seed: int = 0) -> CrossCheck:
    """Measure permutation importance (Breiman 2001, doi:10.1023/A:1010933404324) and compare it with attributions.

    A column's values are shuffled among the rows; the difference of each row's loss, averaged over the repeats, gives
    the increase its interval.

    Parameters
    ----------
    model : Model
    data : Dataset
        The rows to predict, a few hundred.
    importance : array of shape (columns,)
        Mean |attribution| of each column.
    repeats, seed : int
        Shuffles of each column, and their seed.
    """
    rng, columns = np.random.default_rng(seed), data.features.shape[1]
    loss, before = row_losses(predict(model, data), data.task)
    at_once = max(1, _CELLS // (data.rows * columns * repeats))
    increases: list[Estimate] = []
    for start in range(0, columns, at_once):
        places = range(start, min(start + at_once, columns))
        after = row_losses(predict(model, _shuffled(data, places, repeats, rng)), data.task)[1]
        change = after.reshape(len(places), repeats, data.rows).mean(axis=1) - before
        increases += [mean_of(one) for one in change]
    return CrossCheck(loss, increases, rank_agreement(importance, np.array([one.value for one in increases])))


def _shuffled(data: Dataset, places: range, repeats: int, rng: np.random.Generator) -> Dataset:
    """Stack copies of the rows, in each of which one column is shuffled."""
    n, copies = data.rows, len(places) * repeats
    stacked = data.take(np.tile(np.arange(n), copies))
    features = stacked.features.copy(deep=False)
    for order, place in enumerate(places):
        rows = np.arange(n * copies)
        for repeat in range(repeats):
            first = (order * repeats + repeat) * n
            rows[first : first + n] = first + rng.permutation(n)
        column = features.iloc[:, place]
        features.isetitem(place, column.array.take(rows))
    return replace(stacked, features=features)


def rank_agreement(first: Array, second: Array) -> Estimate:
    """Estimate Spearman's rank correlation over columns, with the interval of Bonett & Wright (2000).

    The interval (doi:10.1007/BF02294183) takes the columns as a sample of columns. Not defined where one side never
    varies or there are fewer than three columns; without an interval for three.

    Examples
    --------
    >>> print(rank_agreement(np.arange(20.0), np.arange(20.0) ** 2))
    1.000 [0.998, 1.000]
    """
    n = len(first)
    if n < 3 or not (np.ptp(first) and np.ptp(second)):
        return Estimate(math.nan, n=n)
    value = float(stats.spearmanr(first, second).statistic)
    if n < 4:
        return Estimate(value, n=n)
    # A perfect agreement of n columns counts as that of the nearest lesser one, so that it is not taken as certain.
    inner = min(max(value, -1 + 6 / (n * (n * n - 1))), 1 - 6 / (n * (n * n - 1)))
    half = Z * math.sqrt((1 + inner * inner / 2) / (n - 3))
    low, high = math.tanh(math.atanh(inner) - half), math.tanh(math.atanh(inner) + half)
    return Estimate(value, min(low, value), max(high, value), n, "Bonett & Wright")
