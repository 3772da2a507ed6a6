"""What stands beside attributions: permutation importance, and the attributions of groups of rows."""

import math
import time
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from toolkit.core import Estimate
from toolkit.data import Dataset, Names, listed_names
from toolkit.errors import column_of
from toolkit.evaluation.scan import row_losses
from toolkit.explanation.importance import REPORTED, mean_magnitude
from toolkit.models import Model, predict
from toolkit.statistics import FEW_GROUPS, Levels, Mask, Units, benjamini_hochberg, permuted, weights_of
from toolkit.statistics.intervals import Array, Z, standard_error, t_quantile

LEAST_CHECKED, MOST_REPEATS = 400, 10


@dataclass(frozen=True, eq=False)
class CrossCheck:
    """Permutation importance of each column.

    Attributes
    ----------
    loss : str
        What is made worse: log loss, error rate, absolute error.
    increases : list of Estimate
        By how much the mean loss grows when the column's values are dealt out to other rows.
    rows, repeats : int
        Rows shuffled, and how often.
    """

    loss: str
    increases: list[Estimate]
    rows: int
    repeats: int


def cross_check(model: Model, data: Dataset, *, precision: float, most: int, seconds: float, seed: int) -> CrossCheck:
    """Measure permutation importance (Breiman 2001, doi:10.1023/A:1010933404324).

    A row counts twice: by what another row's value does to its loss, and by what its value does to the loss of other
    rows. The variance of their sum over the repeats is that of the increase, and that of the shuffling once more, which
    is taken off.

    Parameters
    ----------
    model : Model
    data : Dataset
    precision : float
        Columns are shuffled again, up to ten times, until the standard error of each of the ten largest increases is at
        most this share of it.
    most : int
        Rows to predict at most, of all columns and repeats together; a sample of the table is shuffled where once is
        more, but of no fewer than 400 rows.
    seconds : float
        No further repeat begins after this time.
    seed : int
    """
    rng, started = np.random.default_rng(seed), time.monotonic()
    columns, units = data.features.shape[1], data.units
    if (n := min(data.rows, max(LEAST_CHECKED, most // max(columns, 1)))) < data.rows:
        picked = np.sort(rng.choice(data.rows, n, replace=False))
        data, units = data.take(picked), units.take(picked) if units else None
    loss, before = row_losses(predict(model, data), data.task)
    unit, weights = float(before.max()) or 1.0, weights_of(units, n)

    def losses(features: pd.DataFrame) -> Array:
        stacked = data.take(np.tile(np.arange(n), len(features) // n))
        return row_losses(predict(model, replace(stacked, features=features)), data.task)[1]

    sums, noise, increases = np.zeros((columns, n)), np.zeros(columns), list[Estimate]()
    for repeats in range(1, MOST_REPEATS + 1):
        order = rng.permutation(n)
        for place, after in enumerate(permuted(losses, data.features, order)):
            apart = weights * (after - before) / unit
            sums[place] += apart
            sums[place, order] += apart
            noise[place] += apart.var() / max(n - 1, 1)
        found = zip(sums / repeats, noise / repeats**2, strict=True)
        increases = [_increase(row, own, units).times(unit) for row, own in found]
        widest = sorted(increases, key=lambda one: one.value)[-REPORTED:]
        imprecise = any(one.high - one.value > Z * precision * one.value for one in widest)
        if not imprecise or (repeats + 1) * n * columns > most or time.monotonic() - started > seconds:
            break
    return CrossCheck(loss, increases, n, repeats)


def _increase(counted: Array, noise: float, units: Units | None) -> Estimate:
    """Estimate an increase from what each row counts for twice over, and the variance of the shuffling."""
    n, value = len(counted), float(counted.mean()) / 2
    influence = counted - 2 * value * weights_of(units, n)
    spread = (units.standard_error(influence) if units else standard_error(influence)) ** 2
    half = (units.quantile(influence) if units else t_quantile(n)) * math.sqrt(max(spread - noise, spread / 2))
    if not 0 < half < math.inf:
        return Estimate(value, n=n)
    return Estimate(value, value - half, value + half, n, f"t; {units}" if units else "t")


def rank_agreement(first: Array, second: Array) -> Estimate:
    """Estimate Spearman's rank correlation over columns, with the interval of Bonett & Wright (2000).

    The interval (doi:10.1007/BF02294183) takes the columns as a sample of columns. Not defined where one side never
    varies or there are fewer than three columns; without an interval for three.

    Examples
    --------
    >>> print(rank_agreement(np.arange(20.0), np.arange(20.0) ** 2))
    1.000 [0.998, 1.000]
    """
    if (n := len(first)) < 3 or not (np.ptp(first) and np.ptp(second)):
        return Estimate(math.nan, n=n)
    value = float(stats.spearmanr(first, second).statistic)
    if n < 4:
        return Estimate(value, n=n)
    # A perfect agreement of n columns counts as that of the nearest lesser one, so that it is not taken as certain.
    inner = min(max(value, -1 + 6 / (n * (n * n - 1))), 1 - 6 / (n * (n * n - 1)))
    half = Z * math.sqrt((1 + inner * inner / 2) / (n - 3))
    low, high = math.tanh(math.atanh(inner) - half), math.tanh(math.atanh(inner) + half)
    return Estimate(value, min(low, value), max(high, value), n, "Bonett & Wright")


LEAST_ROWS = 30
COLUMNS = ["by", "group", "rows", "column", "mean_abs_shap", "rest", "difference", "p_adjusted"]


def group_table(groups: dict[str, Levels], sizes: Array, names: list[str], units: Units | None = None) -> pd.DataFrame:
    """Compare each group's mean |attribution| with that of all other rows, for the ten foremost columns.

    Welch's test (1947, doi:10.1093/biomet/34.1-2.28) for every group and column, p values adjusted together by
    Benjamini & Hochberg (1995, doi:10.1111/j.2517-6161.1995.tb02031.x). A group of fewer than 30 rows, or all but so
    few, is described but not tested; nor is the grouping column itself, whose attributions follow its own values.

    Parameters
    ----------
    groups : dict of column to Levels
    sizes : array of shape (rows, columns)
        |attribution|.
    names : list of str
        Of the columns.
    units : Units, optional
        The independent observations of the rows: where they are groups of rows, 15 of them on either side are tested.

    Returns
    -------
    DataFrame
        ``by, group, rows, column, mean_abs_shap, rest, difference, p_adjusted``: estimates of the group, of the other
        rows, and of the difference; ``p_adjusted`` is nan where not tested.
    """
    rows = []
    unit, centre = float(sizes.max(initial=0.0)), np.average(sizes, axis=0, weights=weights_of(units, len(sizes)))
    foremost, together = np.argsort(-centre, kind="stable")[:REPORTED], units is not None and units.kind != "row"
    for by, levels in groups.items():
        for label, member in levels.groups():
            mine, theirs = (units.take(part) if units and part.any() else None for part in (member, ~member))
            least = min(mine.count if mine else member.sum(), theirs.count if theirs else (~member).sum())
            for column in foremost:
                group = mean_magnitude(sizes[member, column], unit, mine)
                rest = mean_magnitude(sizes[~member, column], unit, theirs)
                apart, p_value = Estimate(group.value - rest.value, n=group.n), math.nan
                if names[column] != by and least >= (FEW_GROUPS if together else LEAST_ROWS):
                    apart, p_value = difference_of_means(sizes[:, column], member, units)
                rows.append((by, label, group.n, names[column], group, rest, apart, p_value))
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.assign(p_adjusted=benjamini_hochberg(table["p_adjusted"].to_numpy(dtype=float)))


def difference_of_means(sizes: Array, member: Mask, units: Units | None = None) -> tuple[Estimate, float]:
    """Estimate how far the mean magnitude of some rows is from that of all others, and test that they are equal.

    One row more is reckoned with in each group, as large as the largest seen, so that groups without any variation
    decide nothing by themselves. Groups whose attributions are all 0 do not differ.

    Parameters
    ----------
    sizes : array of shape (n,)
    member : array of shape (n,)
        Which rows are meant; two or more, and so are the others.
    units : Units, optional
        The independent observations of the rows, of which both sides may share some.

    Examples
    --------
    >>> import numpy as np
    >>> member = np.arange(100) < 50
    >>> apart, p_value = difference_of_means(np.tile(np.arange(50.0), 2) + np.where(member, 0, 20), member)
    >>> print(apart, round(p_value, 6))
    −20.00 [−26.69, −13.31] 0.0
    """
    rows, n = len(sizes), int(member.sum())
    if not (unit := float(sizes.max())):
        return Estimate(0.0, n=n, method="no interval: attributions are all 0"), 1.0
    scaled, each, sides = sizes / unit, weights_of(units, rows), (member, ~member)
    one, two = (float(np.average(scaled[side], weights=each[side])) for side in sides)
    apart = one - two
    if units is None:
        parts = (scaled[side] for side in sides)
        own, other = ((part.var(ddof=1) + part.max() ** 2 / len(part)) / len(part) for part in parts)
        error = math.sqrt(own + other)
        freedom = max(error**4 / (own**2 / max(n - 1, 1) + other**2 / max(rows - n - 1, 1)), 1.0)
    else:
        pull = np.where(member, (scaled - one) / each[member].sum(), (two - scaled) / each[~member].sum())
        influence = rows * each * pull
        furthest = [scaled[side].max() / len(np.unique(units.codes[side])) for side in sides]
        error = math.hypot(units.standard_error(influence), *furthest)
        freedom = max(units.freedom(influence), 1.0)
    half = float(stats.t.ppf(0.975, freedom)) * error
    p_value = 2 * float(stats.t.sf(abs(apart) / error, freedom))
    return Estimate(apart, apart - half, apart + half, n, f"t; {units}" if units else "Welch").times(unit), p_value


def grouping_columns(data: Dataset, by: Names | None) -> pd.DataFrame:
    """Return the columns to group by: those named, among sensitive ones and features, or else the sensitive ones."""
    if by is None:
        return data.sensitive
    known = pd.concat([data.sensitive, data.features.drop(columns=data.sensitive.columns, errors="ignore")], axis=1)
    return known[[column_of(name, known, data.name) for name in listed_names(by, list(map(str, known)))]]
