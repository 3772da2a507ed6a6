"""Decide for each row which part of a split it goes to, by chance, class, group or time; or which window of time."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from toolkit.core import Finding, counted
from toolkit.data.dataset import Dataset
from toolkit.data.findings import finding, refusal
from toolkit.data.roles import matching, time_order
from toolkit.data.schema import Column
from toolkit.data.table_reader.formats import read_moments
from toolkit.errors import InputError, listed, nearest, whole
from toolkit.statistics import Codes

PERIODS = {"day": "D", "week": "W", "month": "M", "year": "Y"}
LEAST_ROWS_OF_A_WINDOW = 10
#: The part of each row.
TRAIN, VALIDATION, TEST, LEFT_OUT = 0, 1, 2, 3

Sizes = tuple[float, float]
Periods = tuple[Sequence[object], Sequence[object]]
Window = tuple[str, Codes]


def shuffled(rows: int, sizes: Sizes, random: np.random.Generator) -> Codes:
    """Draw the parts by chance; ``sizes`` are the shares of test and validation."""
    parts = np.zeros(rows, dtype="int64")
    order = random.permutation(rows)
    test, validation = (_count(rows, size) for size in sizes)
    parts[order[:test]] = TEST
    parts[order[test : test + validation]] = VALIDATION
    return parts


def by_class(data: Dataset, sizes: Sizes, random: np.random.Generator) -> Codes:
    """Draw the parts within each class.

    Each part gets its share of each class to within a row. A class goes to train first, then to test, then to
    validation, so that one with a single row can at least be learnt.
    """
    classes = pd.factorize(data.target, sort=False)[0].astype("int64")
    parts = np.full(data.rows, TRAIN, dtype="int64")
    for part, size in zip((TEST, VALIDATION), sizes, strict=True):
        if size:
            rest = np.flatnonzero(parts == TRAIN)
            parts[rest[_stratified(classes[rest], _count(data.rows, size), random)]] = part
    return parts


def by_group(group: pd.Series, sizes: Sizes, random: np.random.Generator) -> Codes:
    """Draw whole groups, in random order, until a part has about its share of the rows.

    Raises
    ------
    InputError
        Where there are fewer groups than parts.
    """
    groups = pd.factorize(group, use_na_sentinel=False)[0].astype("int64")
    counts = np.bincount(groups)
    if len(counts) < (needed := 3 if sizes[1] else 2):
        raise refusal("few groups", needed=needed, name=group.name, groups=counted(len(counts), "group"))
    order = random.permutation(len(counts))
    part_of = np.full(len(counts), TRAIN, dtype="int64")
    spare = needed - 1
    for part, size in zip((TEST, VALIDATION), sizes, strict=True):
        if size:
            sums = np.cumsum(counts[order])[: len(order) - spare]
            taken = int(np.argmin(np.abs(sums - size * len(groups)))) + 1
            part_of[order[:taken]] = part
            order, spare = order[taken:], spare - 1
    return np.asarray(part_of[groups])


def apart(parts: Codes, group: pd.Series) -> tuple[Codes, tuple[Finding, ...]]:
    """Leave out the rows of groups that occur in a later part too, so that no group is on both sides.

    Rows without a group form one group.

    Raises
    ------
    InputError
        Where every group of the training part occurs later.
    """
    parts, used = parts.copy(), parts != LEFT_OUT
    last = pd.Series(parts).where(used).groupby(group.to_numpy(), dropna=False).transform("max").to_numpy()
    early = used & (parts < last)
    parts[early] = LEFT_OUT
    if not (parts == TRAIN).any():
        raise refusal("no row to train on", group=group.name)
    return parts, left_out(int(early.sum()), len(early), group.name)


def left_out(lost: int, rows: int, group: object) -> tuple[Finding, ...]:
    """Say how many rows of all were left out so that no group is on both sides; nothing where none was."""
    severity = "low" if lost < 0.1 * rows else "medium"
    return (finding("SPLIT-GROUPS-LEFT-OUT", severity, group, rows=lost),) if lost else ()


def by_time(
    data: Dataset, time: pd.Series, sizes: Sizes, cut: object, periods: Periods, random: np.random.Generator
) -> tuple[Codes, tuple[Finding, ...]]:
    """Put the latest times into test, those before them into validation, and the earliest into train.

    ``periods`` are those of test and of validation. Where a single time is left for train and validation, validation is
    drawn from it by chance, and said. Rows between and after listed periods are left out, and said.

    Raises
    ------
    InputError
        Where there is one time only, or nothing comes before the test part.
    """
    name, (test_periods, validation_periods) = str(time.name), periods
    codes, labels = time_order(time)
    counts = np.bincount(codes, minlength=len(labels))
    if len(labels) < 2:
        raise InputError(f"A time split needs two times or more, but {name!r} is {labels[0]} in every row.")
    if cut is not None and test_periods:
        raise InputError("Give either 'cut' or 'test_periods', not both.")
    first = _first_from(data, time, labels, cut) if cut is not None else _latest(counts, sizes[0], data.rows)
    test = matching(labels, test_periods, name) if test_periods else list(range(first, len(labels)))
    if (before := min(test)) == 0:
        raise refusal("nothing before", begins=labels[0], name=name, times=listed(labels))
    part_of = np.full(len(labels), LEFT_OUT, dtype="int64")
    part_of[:before] = TRAIN
    part_of[test] = TEST
    if validation_periods:
        if max(chosen := matching(labels, validation_periods, name)) >= before:
            raise refusal("late validation", late=labels[max(chosen)], begins=labels[before])
        if min(chosen) == 0:
            raise InputError(f"Nothing comes before the validation period {labels[0]}: no training part is left.")
        part_of[min(chosen) : before] = LEFT_OUT
        part_of[chosen] = VALIDATION
    elif sizes[1] and before > 1:
        part_of[_latest(counts[:before], sizes[1], data.rows) : before] = VALIDATION
    parts, notes = part_of[codes], list[Finding]()
    if outside := int((parts == LEFT_OUT).sum()):
        notes.append(finding("SPLIT-LEFT-OUT", "info", outside=outside, rows=len(parts)))
    if sizes[1] and not validation_periods and before == 1:
        notes.append(finding("SPLIT-VALIDATION-BY-CHANCE", "info", "validation", time=labels[0]))
        early = np.flatnonzero(parts == TRAIN)
        train, part = data.take(early), (min(sizes[1] * data.rows / len(early), 0.5), 0.0)
        drawn = shuffled(train.rows, part, random) if data.task == "regression" else by_class(train, part, random)
        parts[early[drawn == TEST]] = VALIDATION
    return parts, tuple(notes)


def cut_windows(time: pd.Series | None, rows: int, window: object) -> list[Window]:
    """Return the label and the row positions of each window, in order.

    Parameters
    ----------
    time : Series of shape (rows,) or None
        As ``Dataset.time``: dates, numbers or ordered labels.
    rows : int
    window : {"day", "week", "month", "year"} or int or None
        A period, or a number of rows (also as a text): consecutive in time, or in the order of the table where there is
        no time. A remainder of less than half a window joins the last one. None and an empty text make no window.

    Raises
    ------
    InputError
        Where the window is neither, or the time is not one that can be cut so.

    Examples
    --------
    >>> [label for label, _ in cut_windows(pd.Series([1995, 1994, 1995]), 3, "year")]
    ['1994', '1995']
    """
    if window is None or window == "":
        return []
    if isinstance(window, str) and window.strip().isdecimal():
        window = int(window)
    if isinstance(window, int | np.integer) and not isinstance(window, bool):
        size = whole("window as a number of rows", int(window), LEAST_ROWS_OF_A_WINDOW)
        order = np.arange(rows) if time is None else np.argsort(pd.factorize(time, sort=True)[0], kind="stable")
        starts = range(0, max(1, (2 * rows // size + 1) // 2) * size, size)
        ends = [*starts[1:], rows]
        return [(f"rows {start + 1:,} to {end:,}", order[start:end]) for start, end in zip(starts, ends, strict=True)]
    if not isinstance(window, str) or window not in PERIODS:
        raise refusal("other window", found=window, near=nearest(str(window), PERIODS), periods=listed(PERIODS))
    if time is None:
        raise InputError(f"window={window!r} needs a time column in the current table. Give time= to load_dataset.")
    if pd.api.types.is_datetime64_any_dtype(time.dtype):
        labels = time.dt.to_period(PERIODS[window])
    elif window == "year" and pd.api.types.is_integer_dtype(time.dtype) and time.between(1000, 3000).all():
        labels = time
    else:
        raise refusal("no window", name=str(time.name), window=window, kind=time.dtype, example=str(time.iloc[0]))
    codes, periods = pd.factorize(labels, sort=True)
    texts = [str(period) if window != "week" else f"week of {period.start_time.date()}" for period in periods]
    order = np.argsort(codes, kind="stable")
    return list(zip(texts, np.split(order, np.flatnonzero(np.diff(codes[order])) + 1), strict=True))


def _latest(counts: Codes, size: float, rows: int) -> int:
    """Return the first of the latest times that make up at least a share of the rows; one time is left before it."""
    enough = np.flatnonzero(np.cumsum(counts[::-1])[::-1] >= size * rows)
    return max(int(enough[-1]) if len(enough) else 0, 1)


def _first_from(data: Dataset, time: pd.Series, labels: list[str], cut: object) -> int:
    """Return the first time at or after a cut, which may be written as the column is."""
    values, name = pd.Series(pd.factorize(time, sort=True)[1]), str(time.name)
    if pd.api.types.is_datetime64_any_dtype(time.dtype):
        ways = data.schema.columns.get(name, Column()).dates or "ISO8601", "ISO8601"
        at = next(filter(pd.notna, (read_moments(pa.array([str(cut)]), way)[0] for way in ways)), None)
    elif pd.api.types.is_numeric_dtype(time.dtype):
        at = pd.to_numeric(str(cut), errors="coerce")
    else:
        values, at = pd.Series(range(len(labels))), labels.index(str(cut)) if str(cut) in labels else None
    if pd.isna(at):
        raise InputError(f"The cut {cut!r} cannot be compared with {name!r}, which holds: {listed(labels)}.")
    if (late := values >= at).all() or not late.any():
        side = "before" if late.all() else "at or after"
        raise InputError(f"No row comes {side} the cut {cut!s}. {name!r} runs from {labels[0]} to {labels[-1]}.")
    return int(np.flatnonzero(late)[0])


def _stratified(classes: Codes, wanted: int, random: np.random.Generator) -> Codes:
    """Draw positions so that each class is represented by its share, to within a row; one row of each class stays."""
    sizes = np.bincount(classes)
    exact = sizes * (wanted / len(classes))
    takes = np.floor(exact).astype("int64")
    takes[np.argsort(takes - exact, kind="stable")[: wanted - int(takes.sum())]] += 1
    takes = np.clip(takes, np.where(sizes > 1, 1, 0), np.maximum(sizes - 1, 0))
    order = random.permutation(len(classes))
    order = order[np.argsort(classes[order], kind="stable")]
    return order[np.arange(len(classes)) - np.repeat(np.cumsum(sizes) - sizes, sizes) < np.repeat(takes, sizes)]


def _count(rows: int, size: float) -> int:
    """Return the rows of a part; at least one where a part is wanted."""
    return max(1, int(np.floor(rows * size + 0.5))) if size else 0
