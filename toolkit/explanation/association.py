"""How strongly columns go together: attributions are split between columns that say the same."""

import math
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import contingency

REDUNDANT = 0.8
_MOST_CELLS = 50


def associations(features: pd.DataFrame) -> pd.DataFrame:
    """Find the pairs of columns that say nearly the same, the strongest first.

    Two numbers by the absolute value of Spearman's rank correlation; two categories by Cramér's V, freed from its bias
    (Bergsma 2013, doi:10.1016/j.jkss.2012.10.002); a number and a category by the correlation ratio of the number's
    ranks, freed from its bias likewise (Kelley 1935, doi:10.1073/pnas.21.9.554). All lie in [0, 1]. Missing values are
    a category, and are left out of correlations of numbers; a column that never varies goes with none.

    Parameters
    ----------
    features : DataFrame of shape (rows, columns)

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
    sides = {name: _side(column) for name, column in features.items()}
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
    return table[table["value"] >= REDUNDANT].sort_values("value", ascending=False, kind="stable", ignore_index=True)


def _side(column: Any) -> tuple[bool, NDArray[Any]]:
    """Return whether a column holds numbers, with their ranks, or the codes of its labels."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return True, column.rank().to_numpy()
    return False, pd.factorize(column, use_na_sentinel=False)[0]


def cramers_v(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Return Cramér's V of two columns of codes, freed from its bias.

    It is 0 where one of them never varies, and where there are far more pairs of codes than rows.
    """
    rows, columns, n = len(np.unique(first)), len(np.unique(second)), len(first)
    if min(rows, columns) < 2 or n < 3 or rows * columns > _MOST_CELLS * n:
        return 0.0
    phi = contingency.chi2_contingency(contingency.crosstab(first, second).count, correction=False).statistic / n
    phi = max(0.0, phi - (rows - 1) * (columns - 1) / (n - 1))
    free = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return min(1.0, math.sqrt(phi / free)) if free > 0 else 0.0


def correlation_ratio(codes: Any, ranks: Any) -> float:
    """Return the correlation ratio of ranks over groups of codes, freed from its bias; 0 where one never varies."""
    known = np.isfinite(ranks)
    values, groups = pd.Series(ranks[known]), codes[known]
    n, count, total = len(values), len(np.unique(groups)), float(values.var(ddof=0)) * len(values)
    if count < 2 or n <= count or not total:
        return 0.0
    within = float(np.square(values - values.groupby(groups).transform("mean")).sum())
    return math.sqrt(max(0.0, 1 - (within / (n - count)) / (total / (n - 1))))
