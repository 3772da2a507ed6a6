"""One column as counts of its values: exact while in memory, as at most 256 cells in a saved profile; they add up."""

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from toolkit.data import IDENTIFIER_ROWS, IDENTIFIER_SHARE, Dataset, plain_column, useless
from toolkit.statistics import LEAST_TIMES, AnyArray, Array, Units, cell_starts, design_effect, value_counts

#: What the predictions of a model are called among the columns of a table.
PREDICTION = "model prediction"
CELLS = 256
MOST_LABELS = 1000
#: Up to here every whole number is a float of its own.
EXACT = 2**53
# A change of units is believed where the distributions lie far apart, and close once the factor is taken out.
FAR, CLOSE = 0.3, 0.1
_POWERS = {10.0**power for power in range(1, 10)} | {60.0, 3600.0, 24.0, 1440.0, 86400.0}
_MEASURES = {2.54, 1 / 0.3048, 1.609344, 1 / 0.45359237}
_SLACK = [*((factor, 0.25) for factor in sorted(_POWERS)), *((factor, 0.02) for factor in sorted(_MEASURES))]


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
        All rows, and those without a value; where rows have weights, as many as these make them.
    distinct : array of shape (k,)
        Numbers in order, or labels.
    counts : array of shape (k,)
        Whole numbers, or of rows with weights their sums.
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
    groups : int
        Groups of rows that belong together, such as those of one person; 0 where each row stands for itself.
    effect, missing_effect : float
        How many rows of such groups, or of their weights, tell as much as an independent one: about the values, and
        about whether there is one. See ``toolkit.statistics.design_effects``.
    times : int
        Of a series, whose neighbouring rows are alike; 0 where rows have no times, or groups.
    """

    name: str
    dtype: str
    rows: int
    missing: float
    distinct: AnyArray
    counts: AnyArray
    mean: float = math.nan
    std: float = math.nan
    error: float = 0.0
    hashed: bool = False
    role: str = "feature"
    importance: float = math.nan
    groups: int = 0
    effect: float = 1.0
    missing_effect: float = 1.0
    times: int = 0

    @property
    def unit(self) -> float:
        """How many observations a row is where all rows of a group are alike."""
        return self.groups / self.rows if self.groups else 1 / self.effect

    @property
    def known(self) -> float:
        """Rows that have a value."""
        return self.rows - self.missing

    @property
    def is_number(self) -> bool:
        """Whether it holds numbers."""
        return self.dtype in ("int64", "float64")

    def beside(self, other: "ColumnSummary") -> "ColumnSummary":
        """Return itself, with the design effects of another table where it is a series too short, or even, to tell."""
        if not self.times or other.times < LEAST_TIMES:
            return self
        effect, missing_effect = self.effect, self.missing_effect
        if self.times < LEAST_TIMES or len(self.distinct) < 2:
            effect = max(effect, other.effect)
        if self.times < LEAST_TIMES or self.missing in (0, self.rows):
            missing_effect = max(missing_effect, other.missing_effect)
        return replace(self, effect=effect, missing_effect=missing_effect)

    @cached_property
    def reduced(self) -> "ColumnSummary":
        """The summary small enough to be kept: close numbers share a cell, rare labels are pooled."""
        if self.is_number:
            if len(starts := cell_starts(self.counts, CELLS)) == len(self.distinct):
                return self
            counts, shares = np.add.reduceat(self.counts, starts), self.counts / self.known
            centres = np.add.reduceat(self.distinct * shares, starts) / (counts / self.known)
            widths = np.diff(np.append(starts, len(self.distinct)))
            centres = np.where(widths == 1, self.distinct[starts], centres)
            error = self.error + float(np.abs(np.repeat(centres, widths) - self.distinct) @ shares)
            return replace(self, distinct=centres, counts=counts, error=error)
        return self.in_groups if len(self.distinct) > MOST_LABELS else self

    @cached_property
    def in_groups(self) -> "ColumnSummary":
        """The summary with labels put into groups by their hash, which is the same everywhere."""
        if self.hashed or self.is_number:
            return self
        group = np.array([zlib.crc32(str(label).encode()) % MOST_LABELS for label in self.distinct], dtype="int64")
        counts = np.bincount(group, self.counts, minlength=MOST_LABELS).astype(self.counts.dtype)
        used = np.flatnonzero(counts)
        labels = np.array([f"labels of group {place:03}" for place in used], dtype=object)
        return replace(self, distinct=labels, counts=counts[used], hashed=True)

    def merged(self, other: "ColumnSummary") -> "ColumnSummary":
        """Return the summary of the rows of both; exact where both are, and the order does not matter.

        Groups of rows are taken for different ones.
        """
        sums = {name: getattr(self, name) + getattr(other, name) for name in ("rows", "missing", "groups", "times")}
        if not (self.known and other.known):
            return replace(max((self, other), key=lambda one: (one.known, one.dtype != "missing")), **sums)
        values, mine, theirs = align(self, other)
        n, m, both = self.known, other.known, self.known + other.known
        means = {key: (n * getattr(self, key) + m * getattr(other, key)) / both for key in ("mean", "error", "effect")}
        square = sum(one.known * (one.std**2 + (one.mean - means["mean"]) ** 2) for one in (self, other))
        means |= {"std": math.sqrt(square / both), "missing_effect": max(self.missing_effect, other.missing_effect)}
        dtype, hashed = self.dtype if self.dtype == other.dtype else "float64", self.hashed or other.hashed
        return replace(self, **sums, **means, dtype=dtype, hashed=hashed, distinct=values, counts=mine + theirs)


def roles_of(data: Dataset) -> dict[str, str]:
    """Name the columns of a table that can be compared, each with its role: feature, target or prediction."""
    roles = {str(name): "feature" for name in (*data.features, *data.sensitive, *data.others) if name != PREDICTION}
    if data.roles.target and data.target.notna().any():
        roles[data.roles.target] = "target"
    return roles | ({PREDICTION: "prediction"} if PREDICTION in data.others else {})


def column_in(data: Dataset, name: str) -> tuple[pd.Series | None, str]:
    """Return a column as whole numbers, numbers or categories, and its dtype; None where it has no such values."""
    if name == data.roles.target:
        plain = plain_column(data.target)[0]
        return plain, "missing" if plain is None else str(plain.dtype)
    column = next(table[name] for table in (data.features, data.sensitive, data.others) if name in table)
    kind = str(column.dtype)
    return (column, kind) if kind in ("int64", "float64", "category") else (None, "nested")


def summarize_in(
    data: Dataset, name: str, role: str, *, identifiers: bool = False, importance: Mapping[str, float] | None = None
) -> tuple[pd.Series | None, ColumnSummary]:
    """Return a column of a table, where it has plain values, and its summary with its importance to a model.

    Nested cells, and where ``identifiers`` is set what numbers or names the rows, are named rather than counted.
    """
    plain, dtype = column_in(data, name)
    summary = summarize_column(plain, name, data.rows, role, data.ordered)
    asked = identifiers and role == "feature" and summary.dtype in ("int64", "category")
    # What is no feature numbers the whole table's rows; the costly look is spared columns that cannot number any.
    apart = name in data.others and plain is not None and plain.is_unique
    many = summary.rows >= IDENTIFIER_ROWS and len(summary.distinct) > IDENTIFIER_SHARE * summary.known
    if asked and many and plain is not None and (apart or ((why := useless(plain)) and why.code == "DATA-IDENTIFIER")):
        dtype = "identifier"
    if dtype in ("nested", "identifier"):
        return plain, replace(summarize_column(None, name, data.rows), dtype=dtype)
    return plain, replace(summary, importance=(importance or {}).get(name, math.nan))


def summarize_column(
    column: pd.Series | None, name: str, rows: int, role: str = "feature", units: Units | None = None
) -> ColumnSummary:
    """Count the values of a plain column (``int64``, ``float64`` or ``category``); None stands for no value at all.

    Of a target only the rows that have a label count: one that has not come yet is not missing. ``units`` are what rows
    belong to and weigh, if anything.

    Examples
    --------
    >>> summary = summarize_column(pd.Series([2.0, 1.0, 2.0, None]), "a", 4)
    >>> summary.distinct.tolist(), summary.counts.tolist(), summary.missing
    ([1.0, 2.0], [1, 2], 1)
    """
    known = np.zeros(rows, dtype=bool) if column is None else column.notna().to_numpy()
    if role == "target" and not known.all():
        units = units.take(known) if units else None
        return summarize_column(None if column is None else column[known], name, int(known.sum()), role, units)
    summary = ColumnSummary(name, "missing", rows, rows, np.array([]), np.array([], dtype="int64"), role=role)
    if units and units.times:
        summary = replace(summary, times=units.times)
        units = units if units.times >= LEAST_TIMES else units.alone
    weights, times = (units.weights, units.times) if units else (None, 0)
    if units:
        missing_effect = design_effect(known, units.codes, weights, times) if known.any() and not known.all() else 1.0
        summary = replace(summary, groups=units.count * (units.kind == "group"), missing_effect=missing_effect)
    if column is None or not known.any():
        return summary
    missing = rows - int(known.sum()) if weights is None else float(weights[~known].sum())
    groups, own = (units.codes[known] if units else None), (None if weights is None else weights[known])
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = column.cat.codes.to_numpy().astype("int64")
        seen = np.bincount(codes[known], own, len(column.cat.categories))
        used = np.flatnonzero(seen)
        labels = np.asarray(column.cat.categories, dtype=object)[used]
        effect = 1.0 if groups is None else design_effect(codes[known], groups, own, times)
        return replace(summary, dtype="category", missing=missing, distinct=labels, counts=seen[used], effect=effect)
    numbers = column.to_numpy() if known.all() else column.to_numpy()[known]
    values, counts = value_counts(numbers, own)
    values = values if max(abs(float(values[0])), float(values[-1])) > EXACT else values.astype("float64", copy=False)
    places, shares, effect = placed(values), counts / counts.sum(), 1.0
    mean, std = float(values @ shares), math.sqrt(float((places - places @ shares) ** 2 @ shares))
    if groups is not None:
        # A gap between shares hangs on the largest design effect of the shares below the deciles.
        places = np.searchsorted(np.cumsum(counts), counts.sum() * np.arange(0.1, 0.95, 0.1))
        cuts = np.unique(values[np.minimum(places, max(len(values) - 2, 0))])
        effect = max(design_effect(numbers <= cut, groups, own, times) for cut in cuts)
    moments: dict[str, Any] = {"mean": mean, "std": std, "effect": effect}
    return replace(summary, dtype=str(column.dtype), missing=missing, distinct=values, counts=counts, **moments)


def placed(values: AnyArray) -> Array:
    """Return sorted numbers as floats; whole numbers too large to be told apart as such are counted from the least."""
    return ((values - values[0]).astype("uint64") if values.dtype == "int64" else values).astype("float64", copy=False)


def align(first: ColumnSummary, second: ColumnSummary) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Put the counts of two summaries over the values of both, in order.

    Returns
    -------
    values : array of shape (k,)
    first, second : arrays of shape (k,)
    """
    if first.hashed or second.hashed:
        first, second = first.in_groups, second.in_groups
    # A stable sort finds the two runs and merges them, in linear time.
    values = np.concatenate([first.distinct, second.distinct])
    order = np.argsort(values, kind="stable")
    values, counts = values[order], np.concatenate([first.counts, second.counts])[order]
    before = counts * (order < len(first.distinct))
    new = np.append(True, values[1:] != values[:-1])[: len(values)]
    if new.all():  # no value is of both
        return values, before, np.subtract(counts, before, out=counts)
    starts = np.flatnonzero(new)
    return values[starts], np.add.reduceat(before, starts), np.add.reduceat(counts - before, starts)


def unit_change(reference: ColumnSummary, current: ColumnSummary) -> float:
    """Return the factor of a change of units (×1,000, minutes to seconds, miles to kilometres), or 0.

    The ratio of the medians of the sizes points to a known factor; it is believed where the greatest gap between the
    cumulative shares was above 0.3 and taking the factor out brings it below 0.1.
    """
    before, after = reference.reduced, current.reduced
    if min(middles := (_middle_size(before), _middle_size(after))) == 0 or _gap(before, after, 1.0) < FAR:
        return 0.0
    tried = ((candidate, slack) for factor, slack in _SLACK for candidate in (factor, 1 / factor))
    near = (candidate for candidate, slack in tried if abs(math.log(middles[1] / middles[0] / candidate)) < slack)
    return next((candidate for candidate in near if _gap(before, after, candidate) < CLOSE), 0.0)


def _middle_size(summary: ColumnSummary) -> float:
    """Median of the absolute values that are not 0."""
    sizes, counts = np.abs(summary.distinct), summary.counts * (summary.distinct != 0)
    return float(np.quantile(sizes, 0.5, weights=counts, method="inverted_cdf")) if counts.any() else 0.0


def _gap(reference: ColumnSummary, current: ColumnSummary, factor: float) -> float:
    """Greatest difference of the cumulative shares once the current values are divided by a factor."""
    values = np.concatenate([reference.distinct, current.distinct / factor])
    steps = np.concatenate([reference.counts / reference.known, -current.counts / current.known])
    order = np.argsort(values, kind="stable")
    last = np.append(np.diff(values[order]) > 1e-9 * np.abs(values[order][1:]), True)
    return float(np.abs(np.cumsum(steps[order])[last]).max())
