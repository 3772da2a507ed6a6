"""One column as counts of its values: exact while in memory, as at most 256 cells in a saved profile; they add up."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.statistics.intervals import Array

CELLS = 256
MOST_LABELS = 1000

Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ColumnSummary:
    """How often each value of a column occurs.

    Attributes
    ----------
    name, role : str
        ``role`` is ``feature``, ``target`` or ``prediction``.
    dtype : str
        ``int64``, ``float64``, ``category``, or ``missing`` where no row has a value.
    rows, missing : int
        All rows, and those without a value.
    distinct : array of shape (k,)
        Numbers in order, or labels.
    counts : array of int, shape (k,)
    mean, std : float
        Of the numbers, before any cells were formed; ``std`` divides by n. NaN for labels.
    error : float
        Where close numbers share a cell: the Wasserstein distance between the column and its cells, in units of the
        column. No Wasserstein distance to another column is off by more. A cell of several values holds at most 1/128
        of the rows, so no cumulative share is off by more than that.
    hashed : bool
        Whether labels, being more than 1,000, were put into 1,000 groups by their hash. The most frequent ones alone
        would be a biased choice: by chance, they are rarer in any other sample.
    importance : float
        To the model the profile was made with, as a share of all; NaN without one.
    """

    name: str
    dtype: str
    rows: int
    missing: int
    distinct: NDArray[Any]
    counts: Counts
    mean: float = math.nan
    std: float = math.nan
    error: float = 0.0
    hashed: bool = False
    role: str = "feature"
    importance: float = math.nan

    @property
    def known(self) -> int:
        """Rows that have a value."""
        return self.rows - self.missing

    @property
    def is_number(self) -> bool:
        """Whether it holds numbers."""
        return self.dtype in ("int64", "float64")

    @cached_property
    def reduced(self) -> ColumnSummary:
        """The summary small enough to be kept: close numbers share a cell, rare labels are pooled."""
        if self.is_number:
            starts = cell_starts(self.counts, CELLS)
            if len(starts) == len(self.distinct):
                return self
            counts = np.add.reduceat(self.counts, starts)
            centres = np.add.reduceat(self.distinct * (self.counts / self.known), starts) / (counts / self.known)
            widths = np.diff(np.append(starts, len(self.distinct)))
            centres = np.where(widths == 1, self.distinct[starts], centres)
            off = np.abs(self.distinct - np.repeat(centres, widths)) @ (self.counts / self.known)
            return replace(self, distinct=centres, counts=counts, error=self.error + float(off))
        return self.in_groups if len(self.distinct) > MOST_LABELS else self

    @cached_property
    def in_groups(self) -> ColumnSummary:
        """The summary with labels put into groups by their hash, which is the same everywhere."""
        if self.hashed or self.is_number:
            return self
        group = np.array([zlib.crc32(str(label).encode()) % MOST_LABELS for label in self.distinct], dtype="int64")
        counts = np.bincount(group, self.counts, minlength=MOST_LABELS).astype("int64")
        used = np.flatnonzero(counts)
        labels = np.array([f"labels of group {place:03}" for place in used], dtype=object)
        return replace(self, distinct=labels, counts=counts[used], hashed=True)

    def merged(self, other: ColumnSummary) -> ColumnSummary:
        """Return the summary of the rows of both; exact where both are, and the order does not matter."""
        if "missing" in (self.dtype, other.dtype):
            full = other if self.dtype == "missing" else self
            return replace(full, rows=self.rows + other.rows, missing=self.missing + other.missing)
        values, mine, theirs = align(self, other)
        n, m = self.known, other.known
        mean = (n * self.mean + m * other.mean) / (n + m)
        square = n * (self.std**2 + (self.mean - mean) ** 2) + m * (other.std**2 + (other.mean - mean) ** 2)
        return replace(
            self,
            dtype=self.dtype if self.dtype == other.dtype else "float64",
            rows=self.rows + other.rows,
            missing=self.missing + other.missing,
            distinct=values,
            counts=mine + theirs,
            mean=mean,
            std=math.sqrt(square / (n + m)),
            error=(n * self.error + m * other.error) / (n + m),
            hashed=self.hashed or other.hashed,
        )


def summarize_column(column: pd.Series[Any] | None, name: str, rows: int, role: str = "feature") -> ColumnSummary:
    """Count the values of a plain column (``int64``, ``float64`` or ``category``); None stands for no value at all.

    Examples
    --------
    >>> summary = summarize_column(pd.Series([2.0, 1.0, 2.0, None]), "a", 4)
    >>> summary.distinct.tolist(), summary.counts.tolist(), summary.missing
    ([1.0, 2.0], [1, 2], 1)
    """
    if column is None:
        return ColumnSummary(name, "missing", rows, rows, np.array([]), np.array([], dtype="int64"), role=role)
    if isinstance(column.dtype, pd.CategoricalDtype):
        seen = np.bincount(column.cat.codes.to_numpy().astype("int64") + 1, minlength=len(column.cat.categories) + 1)
        used = np.flatnonzero(seen[1:])
        labels = np.asarray(column.cat.categories, dtype=object)[used]
        return _filled(ColumnSummary(name, "category", rows, int(seen[0]), labels, seen[1:][used], role=role))
    numbers = column.to_numpy()
    known = numbers if numbers.dtype.kind == "i" else numbers[~np.isnan(numbers)]
    values, counts = _counted(known)
    values, n = values.astype("float64"), max(len(known), 1)
    mean = float(values @ (counts / n))
    std = math.sqrt(float((values - mean) ** 2 @ (counts / n)))
    missing = rows - len(known)
    return _filled(ColumnSummary(name, str(column.dtype), rows, missing, values, counts, mean, std, role=role))


def _filled(summary: ColumnSummary) -> ColumnSummary:
    return summary if summary.known else summarize_column(None, summary.name, summary.rows, summary.role)


def _counted(known: NDArray[Any]) -> tuple[NDArray[Any], Counts]:
    if known.dtype.kind == "i" and len(known) and int(known.max()) - int(known.min()) <= 2 * len(known):
        low = int(known.min())
        counts = np.bincount(known - low)
        used = np.flatnonzero(counts)
        return used + low, counts[used]
    values, counts = np.unique(known, return_counts=True)
    return values, counts


def align(first: ColumnSummary, second: ColumnSummary) -> tuple[NDArray[Any], Counts, Counts]:
    """Put the counts of two summaries over the values of both, in order.

    Returns
    -------
    values : array of shape (k,)
    first, second : arrays of int, shape (k,)
    """
    if first.is_number:
        return _interleaved(first, second)
    if first.hashed or second.hashed:
        first, second = first.in_groups, second.in_groups
    codes, labels = pd.factorize(np.concatenate([first.distinct, second.distinct]), sort=True)
    before, after = np.zeros(len(labels), dtype="int64"), np.zeros(len(labels), dtype="int64")
    before[codes[: len(first.distinct)]] = first.counts
    after[codes[len(first.distinct) :]] = second.counts
    return np.asarray(labels, dtype=object), before, after


def _interleaved(first: ColumnSummary, second: ColumnSummary) -> tuple[NDArray[Any], Counts, Counts]:
    """Merge two ordered sets of numbers in linear time: sorting them together again costs six times as much."""
    at = np.searchsorted(first.distinct, second.distinct)
    shared = first.distinct[np.minimum(at, len(first.distinct) - 1)] == second.distinct
    new = at[~shared] + np.arange(len(second.distinct) - int(shared.sum()))
    old = np.ones(len(first.distinct) + len(new), dtype=bool)
    old[new] = False
    values, before, after = np.empty(len(old)), np.zeros(len(old), dtype="int64"), np.zeros(len(old), dtype="int64")
    values[old], values[new] = first.distinct, second.distinct[~shared]
    before[old], after[new] = first.counts, second.counts[~shared]
    after[np.flatnonzero(old)[at[shared]]] = second.counts[shared]
    return values, before, after


def cell_starts(counts: NDArray[Any], cells: int) -> NDArray[np.intp]:
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
    total = float(upto[-1])
    tail = 2.0 ** np.arange(math.ceil(math.log2(max(total / cells, 1))) + 1)
    middle: Array = np.linspace(0, total, cells + 1)
    edges = np.unique(np.concatenate([middle, tail, total - tail]))
    starts = np.searchsorted(upto, edges[edges < total], side="right")
    heavy = np.flatnonzero(counts * cells >= total)
    return np.unique(np.concatenate([[0], starts, heavy, heavy[heavy + 1 < len(counts)] + 1]))
