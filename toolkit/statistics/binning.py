"""The levels of a column: one set of bands or values by which rows are grouped, wherever that is done."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from toolkit.core import unique, value_text
from toolkit.statistics.intervals import AnyArray, Array, Codes, Mask

Bins = int | Sequence[float]

FEW_VALUES = 10
QUARTERS = 4
MOST_VALUES = 12


class Levels(NamedTuple):
    """The level of each row.

    Attributes
    ----------
    codes : integer array of shape (n,)
        Place of each row's level among the labels.
    labels : tuple of str
        ``under 35``, ``35 to under 50``, ``50 and over``; or the values; then ``other`` values, and ``missing``.
    banded : bool
        Whether a label names a band of numbers rather than a value.
    missing : bool
        Whether the last level holds the rows without a value.
    """

    codes: Codes
    labels: tuple[str, ...]
    banded: bool
    missing: bool

    def take(self, rows: Codes) -> "Levels":
        """Return the levels of the rows at some positions, as they were for all."""
        return Levels(self.codes[rows], self.labels, self.banded, self.missing)

    def groups(self) -> list[tuple[str, Mask]]:
        """Return the label and the mask of each level that has rows, in order."""
        return [(self.labels[code], self.codes == code) for code in np.unique(self.codes)]


def cut(column: pd.Series, bins: Bins | None = None, *, dates: bool = False, most: int | None = MOST_VALUES) -> Levels:
    """Group rows by a column: numbers by bands at rounded quartiles, up to ten numbers and all else by value.

    Parameters
    ----------
    column : Series of shape (n,)
    bins : int or list of float, optional
        For numbers: how many bands of about equal size, or the edges between them.
    dates : bool
        Whether the numbers are dates, as days since 1970-01-01.
    most : int or None
        Values of texts that are told apart, the most frequent; the others are joined.

    Examples
    --------
    >>> cut(pd.Series(range(17, 90))).labels
    ('under 35', '35 to under 55', '55 to under 70', '70 and over')
    >>> found = cut(pd.Series(["b", None, "a", "a", "c"]), most=1)
    >>> found.labels, found.codes.tolist()
    (('a', 'other', 'missing'), [1, 2, 0, 0, 1])
    """
    if not (numeric := pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)):
        codes, labels = _by_value(column, most)
    else:
        values = column.to_numpy(dtype=float, na_value=np.nan)
        edges, exact = find_edges(column, bins, dates=dates)
        codes = np.where(np.isnan(values), -1, np.searchsorted(edges, values, side="right")).astype(np.intp)
        labels = [cell_text(value, dates) for value in exact] if len(exact) else band_labels(edges, dates=dates)
    if missing := bool((codes < 0).any()):
        codes = np.where(codes < 0, len(labels), codes)
        labels = [*labels, "missing" if "missing" not in labels else "missing value"]
    return Levels(codes, tuple(unique(labels)), numeric and len(edges) > 0 and not len(exact), missing)


def find_edges(column: pd.Series, bins: Bins | None = None, *, dates: bool = False) -> tuple[Array, Array]:
    """Return the lower ends of the bands of numbers after the first, and the values where each is a level of its own.

    Quantiles are rounded to a plain number, or a day, month or year; where rounding or ties leave none, the second
    least value is the edge.

    Examples
    --------
    >>> find_edges(pd.Series(range(17, 90)))[0].tolist(), find_edges(pd.Series([1, 3, 3]))[1].tolist()
    ([35.0, 55.0, 70.0], [1.0, 3.0])
    """
    if bins is not None and not isinstance(bins, int | np.integer):
        return np.asarray(bins, dtype=float), np.empty(0)
    values = column.to_numpy(dtype=float, na_value=np.nan)
    known = values[~np.isnan(values)]
    # Few values among the first rows are the only sign that all might be few: finding out takes sorting.
    if bins is None and len(np.unique(known[:1000])) <= FEW_VALUES and len(distinct := np.unique(known)) <= FEW_VALUES:
        return distinct[1:], distinct
    if not len(known) or (least := known.min()) == (greatest := known.max()):
        return np.empty(0), np.empty(0)
    count = QUARTERS if bins is None else int(bins)
    cuts = np.quantile(known, np.arange(1, count) / count, method="lower")
    edges = np.unique(_rounded(cuts, cuts[-1] / count - cuts[0] / count, dates))
    edges = edges[(edges > least) & (edges <= greatest)]
    return edges if len(edges) else np.array([known[known > least].min()]), np.empty(0)


def band_labels(edges: Sequence[float] | Array, *, dates: bool = False) -> list[str]:
    """Name the bands between edges.

    Examples
    --------
    >>> band_labels([35, 50]), band_labels([16436.0], dates=True)
    (['under 35', '35 to under 50', '50 and over'], ['before 2015-01-01', 'from 2015-01-01'])
    """
    if not len(edges):
        return ["any value"]
    names, under = [cell_text(edge, dates) for edge in edges], "before" if dates else "under"
    last = f"from {names[-1]}" if dates else f"{names[-1]} and over"
    return [f"{under} {names[0]}", *(f"{low} to {under} {high}" for low, high in pairwise(names)), last]


def _by_value(column: pd.Series, most: int | None) -> tuple[Codes, list[str]]:
    """Code a column by its categories in their order; beyond ``most`` only the most frequent, then all others."""
    categories = column.astype("category").cat
    codes, labels = np.array(categories.codes, dtype=np.intp), [value_text(value) for value in categories.categories]
    counts = np.bincount(codes[codes >= 0], minlength=len(labels))
    if most is None or np.count_nonzero(counts) <= most:
        return codes, labels
    kept = np.sort(np.argsort(-counts, kind="stable")[:most])
    place = np.full(len(labels) + 1, most)
    place[kept], place[-1] = np.arange(most), -1
    return place[codes], [*(labels[code] for code in kept), "other"]


def _rounded(cuts: Array, width: float, dates: bool) -> Array:
    """Round to multiples of the largest of 1, 2 and 5 times a power of ten that is not wider; dates to their period."""
    if dates:
        period = "Y" if width >= 1000 else "M" if width >= 90 else "D"
        return np.asarray(moments(cuts).astype(f"datetime64[{period}]").astype("datetime64[D]").astype(float))
    if not 1e-300 < width < 1e300:
        return cuts
    power = math.floor(math.log10(width))
    step = max(factor * 10.0**power for factor in (1, 2, 5) if factor * 10.0**power <= width or factor == 1)
    # To the digits of the step, as three times 0.1 is more than 0.3.
    return np.round(np.round(cuts / step) * step, -power)


def cell_text(value: Any, dates: bool, most: int = 40) -> str:
    """Write a value as a label as ``value_text`` does; days since 1970-01-01 as a date, with its time unless midnight.

    Examples
    --------
    >>> cell_text(19723.0, True), cell_text(19723.5, True), cell_text(0.25, False)
    ('2024-01-01', '2024-01-01 12:00:00', '0.250')
    """
    if not dates or pd.isna(value):
        return value_text(value, most)
    return str(moments(value)).removesuffix("T00:00:00").replace("T", " ")


def moments(days: Any) -> Any:
    """Return days since 1970-01-01 as moments."""
    return np.round(np.asarray(days) * 86_400).astype("int64").astype("datetime64[s]")


def cell_starts(counts: AnyArray, cells: int) -> Codes:
    """Return where each cell begins when neighbouring values are pooled into about as many cells of equal weight.

    The outermost cells grow from a single row (1, 2, 4, … from either end), so that the extremes and the tails, on
    which a Wasserstein distance may hang, are kept. A value as frequent as a cell has one of its own.

    Parameters
    ----------
    counts : array of shape (k,)
        Rows of each value, in the order of the values.
    cells : int
        Nothing is pooled where there are no more values than this.
    """
    if len(counts) <= cells:
        return np.arange(len(counts))
    upto = np.cumsum(counts)
    total = int(upto[-1])
    tail = 2.0 ** np.arange(math.ceil(math.log2(max(total / cells, 1))) + 1)
    edges = np.unique(np.concatenate([np.linspace(0, total, cells + 1), tail, total - tail]))
    starts = np.searchsorted(upto, edges[edges < total].astype(upto.dtype), side="right")
    heavy = np.flatnonzero(counts >= total / cells)
    return np.unique(np.concatenate([[0], starts, heavy, heavy[heavy + 1 < len(counts)] + 1]))
