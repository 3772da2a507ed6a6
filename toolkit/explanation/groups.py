"""Does the model lean on different columns for different groups."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from toolkit.core.estimate import Estimate
from toolkit.core.options import column_of
from toolkit.data.dataset import Dataset
from toolkit.data.roles import listed_names
from toolkit.explanation.importance import REPORTED, mean_magnitude
from toolkit.statistics.binning import Levels
from toolkit.statistics.intervals import Array, welch
from toolkit.statistics.multiplicity import benjamini_hochberg

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
                found = _compared(sizes[member, column], sizes[~member, column], unit, columns[column] != by)
                rows.append((by, label, int(member.sum()), columns[column], *found))
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.assign(p_adjusted=benjamini_hochberg(table["p_adjusted"].to_numpy(dtype=float)))


def _compared(inside: Array, outside: Array, unit: float, tested: bool) -> tuple[Estimate, Estimate, Estimate, float]:
    group, rest = mean_magnitude(inside, unit), mean_magnitude(outside, unit)
    apart, p_value = Estimate(group.value - rest.value, n=len(inside)), math.nan
    if tested and min(len(inside), len(outside)) >= LEAST_ROWS:
        apart, p_value = difference_of_means(inside, outside)
    return group, rest, apart, p_value


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
