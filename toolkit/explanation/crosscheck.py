"""Does what moves the score also serve the prediction: permutation importance beside attributions."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from toolkit.core.estimate import Estimate
from toolkit.data.dataset import Dataset
from toolkit.evaluation.scan import row_losses
from toolkit.explanation.importance import mean_of
from toolkit.models.model import Model
from toolkit.models.prediction import predict
from toolkit.statistics.intervals import Array, Z
from toolkit.statistics.permutation import permuted

ROWS, REPEATS = 400, 2


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
    """Measure permutation importance and compare it with attributions.

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
    rng, n = np.random.default_rng(seed), data.rows
    loss, before = row_losses(predict(model, data), data.task)

    def losses(features: pd.DataFrame) -> Array:
        stacked = data.take(np.tile(np.arange(n), len(features) // n))
        return row_losses(predict(model, replace(stacked, features=features)), data.task)[1]

    orders = np.array([[rng.permutation(n) for _ in range(repeats)] for _ in data.features])
    increases = [mean_of(after.mean(axis=0) - before) for after in permuted(losses, data.features, orders)]
    return CrossCheck(loss, increases, rank_agreement(importance, np.array([one.value for one in increases])))


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
