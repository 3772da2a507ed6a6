"""Read a time column, put its values in order, match the periods a person names, and cut it into windows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core.result import Finding
from toolkit.data.columns import typed
from toolkit.data.findings import Noted, finding, refusal
from toolkit.data.recognition import Decision
from toolkit.data.table_reader.cells import as_days, as_texts, column_kind, moments, plain_numbers
from toolkit.errors import InputError, listed, nearest, whole
from toolkit.statistics.intervals import Codes

PERIODS = {"day": "D", "week": "W", "month": "M", "year": "Y"}
LEAST_ROWS_OF_A_WINDOW = 10

Window = tuple[str, Codes]


def read_time(column: pd.Series[Any], decision: Decision | None = None) -> Noted:
    """Turn a time column into numbers, dates or ordered labels.

    Parameters
    ----------
    column : Series
    decision : Decision, optional
        How its texts are read, where that was decided.

    Returns
    -------
    time : Series
        ``int64``, ``float64``, ``datetime64`` (UTC where it had a zone) or an ordered ``category``.
    notes : list of Finding
        What was decided where texts could be read in two ways, and cells that are no times.

    Raises
    ------
    InputError
        Where no row has a time, or the cells are lists or records, or texts that are no times.
    """
    name, (plain, notes) = str(column.name), typed(column, decision)
    if (kind := column_kind(plain)) in ("missing", "nested"):
        raise refusal("time missing" if kind == "missing" else "time nested", name=name)
    if kind in ("number", "bool"):
        numbers = plain_numbers(plain)
        whole = plain is not column and bool((numbers == np.floor(numbers)).all())
        return (numbers.astype("int64") if whole else numbers), notes
    if kind in ("date", "duration"):
        return (moments(plain) if kind == "date" else as_days(plain, kind)), notes
    if kind == "category" and plain.cat.ordered:
        return plain.cat.rename_categories(str), []
    if kind == "category":
        return read_time(plain.astype(object), decision)
    found = listed(sorted({repr(text) for text in as_texts(plain).drop_null().to_pylist()}), 5)
    raise refusal("no time", name=name, found=found)


def time_order(time: pd.Series[Any]) -> tuple[Codes, list[str]]:
    """Give each row the place of its time among all times.

    Returns
    -------
    codes : array of int, shape (n_rows,)
        0 for the earliest time.
    labels : list of str
        The text of each time, earliest first.

    Examples
    --------
    >>> time_order(pd.Series([1995, 1994, 1995]))
    (array([1, 0, 1]), ['1994', '1995'])
    """
    codes, values = pd.factorize(time, sort=True)
    return codes.astype("int64"), time_labels(pd.Series(values))


def time_labels(values: pd.Series[Any]) -> list[str]:
    """Write times as people name them: 1994, 2.5, 2015-03-01, 2015-03-01 12:00:00."""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        days = bool((values == values.dt.normalize()).all())
        return [str(moment.date()) if days else str(moment) for moment in values]
    if values.dtype == "float64":
        return [str(int(value)) if value == np.floor(value) else repr(float(value)) for value in values]
    return [str(value) for value in values]


def of_periods(
    frame: pd.DataFrame, time: str, periods: Sequence[str] = (), decision: Decision | None = None
) -> tuple[pd.DataFrame, pd.Series[Any] | None, list[Finding]]:
    """Read the times of a table, and keep the rows whose time is among some periods.

    Returns
    -------
    frame : DataFrame
        All rows where no periods are named.
    time : Series or None
        As ``read_time`` returns it, of the rows that have one; None without a time column.
    notes : list of Finding

    Examples
    --------
    >>> rows, time, _ = of_periods(pd.DataFrame({"year": [1994, 1995, None]}), "year", ["1995"])
    >>> rows["year"].tolist(), time.tolist()
    ([1995.0], [1995.0])
    """
    if not time and periods:
        raise InputError("'periods' needs a time column. Give time=.")
    if not time:
        return frame, None, []
    moments, notes = read_time(frame[time].dropna(), decision)
    if periods:
        codes, labels = time_order(moments)
        moments = moments[np.isin(codes, matching(labels, periods, time))]
        return frame.loc[moments.index], moments, notes
    if gone := len(frame) - len(moments):
        notes = [finding("DATA-TIME-MISSING", "medium", time, missing=gone, rows=len(frame)), *notes]
    return frame, moments, notes


def matching(labels: Sequence[str], periods: Iterable[object], name: str) -> list[int]:
    """Find the times that a list of periods names; a date matches by its year, its month or its day.

    Raises
    ------
    InputError
        Where a period matches no time, naming those that exist.

    Examples
    --------
    >>> matching(["2015-01-31", "2015-02-28", "2016-01-31"], [2015], "month")
    [0, 1]
    """
    found: set[int] = set()
    for period in periods:
        text = str(period).strip()
        begins = (f"{text}-", f"{text} ") if re.match(r"\d{4}", text) else ()
        hits = [place for place, label in enumerate(labels) if label == text or label.startswith(begins)]
        if not text or not hits:
            raise InputError(f"No row has {name!r} equal to {text!r}. It holds: {listed(labels)}.")
        found.update(hits)
    return sorted(found)


def cut_windows(time: pd.Series[Any] | None, rows: int, window: object) -> list[Window]:
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
        return _by_rows(time, rows, int(window))
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


def _by_rows(time: pd.Series[Any] | None, rows: int, size: int) -> list[Window]:
    whole("window as a number of rows", size, LEAST_ROWS_OF_A_WINDOW)
    order = np.arange(rows) if time is None else np.argsort(pd.factorize(time, sort=True)[0], kind="stable")
    starts = range(0, max(1, round(rows / size)) * size, size)
    ends = [*starts[1:], rows]
    return [(f"rows {start + 1:,} to {end:,}", order[start:end]) for start, end in zip(starts, ends, strict=True)]
