"""What stands beside attributions: permutation importance, groups of rows, and columns that say the same."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from toolkit.core.estimate import Estimate
from toolkit.core.options import column_of
from toolkit.data.dataset import Dataset
from toolkit.data.roles import listed_names
from toolkit.evaluation.scan import row_losses
from toolkit.explanation.importance import REPORTED, mean_magnitude, mean_of
from toolkit.models.model import Model
from toolkit.models.prediction import predict
from toolkit.statistics.binning import Levels
from toolkit.statistics.intervals import Array, Z, welch
from toolkit.statistics.multiplicity import benjamini_hochberg
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


REDUNDANT = 0.8
_MOST_CELLS = 50


def associations(features: pd.DataFrame, least: float = REDUNDANT) -> pd.DataFrame:
    """Find the pairs of columns that are associated at least so strongly, the strongest first.

    Two numbers by the absolute value of Spearman's rank correlation; two categories by Cramér's V, freed from its bias
    (Bergsma 2013, doi:10.1016/j.jkss.2012.10.002); a number and a category by the correlation ratio of the number's
    ranks, freed from its bias likewise (Kelley 1935, doi:10.1073/pnas.21.9.554). All lie in [0, 1]. Missing values are
    a category, and are left out of correlations of numbers; a column that never varies goes with none.

    Parameters
    ----------
    features : DataFrame of shape (rows, columns)
    least : float

    Returns
    -------
    DataFrame
        ``first, second, measure, value``.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> a = rng.normal(size=200)
    >>> frame = pd.DataFrame({"a": a, "b": np.exp(a), "c": rng.normal(size=200), "d": pd.Categorical(a > 0)})
    >>> associations(frame).round(2).to_dict("list")["second"]
    ['b', 'd', 'd']
    """
    sides = {
        name: (True, column.rank().to_numpy())
        if pd.api.types.is_numeric_dtype(column.dtype)
        else (False, pd.factorize(column, use_na_sentinel=False)[0])
        for name, column in features.items()
    }
    found = []
    for pair in combinations(sides, 2):
        (coded, codes), (ranked, ranks) = sorted((sides[name] for name in pair), key=lambda side: side[0])
        both = np.isfinite(codes) & np.isfinite(ranks)
        if not ranked:
            measure, value = "Cramér's V", cramers_v(codes, ranks)
        elif not coded:
            measure, value = "correlation ratio", correlation_ratio(codes, ranks)
        elif both.sum() < 3 or not (np.ptp(codes[both]) and np.ptp(ranks[both])):
            continue
        else:
            measure, value = "Spearman", abs(float(np.corrcoef(codes[both], ranks[both])[0, 1]))
        found.append((*pair, measure, value))
    table = pd.DataFrame(found, columns=["first", "second", "measure", "value"])
    return table[table["value"] >= least].sort_values("value", ascending=False, kind="stable", ignore_index=True)


def cramers_v(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Return Cramér's V of two columns of codes, freed from its bias.

    It is 0 where one of them never varies, and where there are far more pairs of codes than rows.
    """
    (_, left), (_, right) = np.unique(first, return_inverse=True), np.unique(second, return_inverse=True)
    rows, columns, n = int(left.max()) + 1, int(right.max()) + 1, len(first)
    if min(rows, columns) < 2 or n < 3 or rows * columns > _MOST_CELLS * n:
        return 0.0
    table = np.bincount(left * columns + right, minlength=rows * columns).reshape(rows, columns).astype(float)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / n
    phi = float((np.square(table - expected) / expected).sum()) / n
    phi = max(0.0, phi - (rows - 1) * (columns - 1) / (n - 1))
    free = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return min(1.0, math.sqrt(phi / free)) if free > 0 else 0.0


def correlation_ratio(codes: Any, ranks: Any) -> float:
    """Return the correlation ratio of ranks over groups of codes, freed from its bias; 0 where one never varies."""
    known = np.isfinite(ranks)
    values, (_, groups) = ranks[known], np.unique(codes[known], return_inverse=True)
    n, count = len(values), int(groups.max(initial=-1)) + 1
    total = float(np.square(values - values.mean()).sum()) if n else 0.0
    if count < 2 or n <= count or not total:
        return 0.0
    sizes, sums = np.bincount(groups), np.bincount(groups, values)
    within = total - float((sizes * np.square(sums / sizes - values.mean())).sum())
    return math.sqrt(max(0.0, 1 - (within / (n - count)) / (total / (n - 1))))


LEAST_ROWS = 30
COLUMNS = ["by", "group", "rows", "column", "mean_abs_shap", "rest", "difference", "p_adjusted"]


def group_table(grouping: Mapping[str, Levels], sizes: Array, columns: list[str]) -> pd.DataFrame:
    """Compare each group's mean |attribution| with that of all other rows, for the ten foremost columns.

    Welch's test (1947, doi:10.1093/biomet/34.1-2.28) for every group and column, p values adjusted together by
    Benjamini & Hochberg (1995, doi:10.1111/j.2517-6161.1995.tb02031.x). A group of fewer than 30 rows, or all but so
    few, is described but not tested; nor is the grouping column itself, whose attributions follow its own values.

    Parameters
    ----------
    grouping : mapping of column to Levels
    sizes : array of shape (rows, columns)
        |attribution|.
    columns : list of str

    Returns
    -------
    DataFrame
        ``by, group, rows, column, mean_abs_shap, rest, difference, p_adjusted``: estimates of the group, of the other
        rows, and of the difference; ``p_adjusted`` is nan where not tested.
    """
    rows = []
    unit, foremost = float(sizes.max(initial=0.0)), np.argsort(-sizes.mean(axis=0), kind="stable")[:REPORTED]
    for by, levels in grouping.items():
        for label, member in levels.groups():
            for column in foremost:
                inside, outside = sizes[member, column], sizes[~member, column]
                group, rest = mean_magnitude(inside, unit), mean_magnitude(outside, unit)
                apart, p_value = Estimate(group.value - rest.value, n=len(inside)), math.nan
                if columns[column] != by and min(len(inside), len(outside)) >= LEAST_ROWS:
                    apart, p_value = difference_of_means(inside, outside)
                rows.append((by, label, len(inside), columns[column], group, rest, apart, p_value))
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.assign(p_adjusted=benjamini_hochberg(table["p_adjusted"].to_numpy(dtype=float)))


def difference_of_means(first: Array, second: Array) -> tuple[Estimate, float]:
    """Estimate the difference of two means of magnitudes, and test that there is none.

    One row more is reckoned with in each group, as large as the largest seen, so that groups without any variation
    decide nothing by themselves. Groups of which neither was ever attributed anything do not differ.

    Parameters
    ----------
    first, second : array
        Of two or more values each.

    Examples
    --------
    >>> import numpy as np
    >>> apart, p_value = difference_of_means(np.arange(50.0), np.arange(50.0) + 20)
    >>> print(apart, round(p_value, 6))
    −20.00 [−26.69, −13.31] 0.0
    """
    unit = max(float(first.max()), float(second.max()))
    n = len(first)
    if not unit:
        return Estimate(0.0, n=n, method="no interval: never attributed anything"), 1.0
    first, second = first / unit, second / unit
    own, other = ((values.var(ddof=1) + values.max() ** 2 / len(values)) / len(values) for values in (first, second))
    error, freedom = map(float, welch(own, n, other, len(second)))
    apart = float(first.mean() - second.mean())
    half = float(stats.t.ppf(0.975, freedom)) * error
    p_value = 2 * float(stats.t.sf(abs(apart) / error, freedom))
    return Estimate(apart, apart - half, apart + half, n, "Welch").times(unit), p_value


def grouping_columns(data: Dataset, by: str | Sequence[str] | None) -> pd.DataFrame:
    """Return the columns to group by: those named, among sensitive ones and features, or else the sensitive ones."""
    if by is None:
        return data.sensitive
    extra = [name for name in data.features.columns if name not in data.sensitive.columns]
    known = pd.concat([data.sensitive, data.features[extra]], axis=1)
    return known[[column_of(name, known, data.name) for name in listed_names(by, list(map(str, known)))]]
