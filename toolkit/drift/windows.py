"""Cut a table into consecutive windows of time or of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.errors import InputError, listed, nearest

PERIODS = {"day": "D", "week": "W", "month": "M", "year": "Y"}
LEAST_ROWS_OF_A_WINDOW = 10

Window = tuple[str, NDArray[np.intp]]


def read_window(window: object) -> object:
    """Read a window as parameters write it: an empty text is none, and a text of digits is a number of rows.

    Examples
    --------
    >>> read_window(""), read_window("500"), read_window("month")
    (None, 500, 'month')
    """
    if window is None or window == "":
        return None
    return int(window) if isinstance(window, str) and window.strip().isdecimal() else window


def cut_windows(time: pd.Series[Any] | None, rows: int, window: object) -> list[Window]:
    """Return the label and the row positions of each window, in order.

    Parameters
    ----------
    time : Series of shape (rows,) or None
        As ``Dataset.time``: dates, numbers or ordered labels.
    rows : int
    window : {"day", "week", "month", "year"} or int
        A period, or a number of rows: consecutive in time, or in the order of the table where there is no time. A
        remainder of less than half a window joins the last one.

    Raises
    ------
    InputError
        Where the window is neither, or the time is not one that can be cut so.

    Examples
    --------
    >>> [label for label, _ in cut_windows(pd.Series([1995, 1994, 1995]), 3, "year")]
    ['1994', '1995']
    """
    if isinstance(window, int | np.integer) and not isinstance(window, bool):
        return _by_rows(time, rows, int(window))
    if not isinstance(window, str) or window not in PERIODS:
        near = nearest(window, PERIODS) if isinstance(window, str) else ""
        raise InputError(f"window can be {listed(PERIODS)} or a number of rows; found {window!r}.{near}")
    if time is None:
        raise InputError(f"window={window!r} needs a time column in the current table. Give time= to load_dataset.")
    name = str(time.name)
    if pd.api.types.is_datetime64_any_dtype(time.dtype):
        labels = time.dt.to_period(PERIODS[window])
    elif window == "year" and pd.api.types.is_integer_dtype(time.dtype) and time.between(1000, 3000).all():
        labels = time
    else:
        raise InputError(
            f"Column {name!r} is not a time that can be cut by {window}: it holds {time.dtype} values such as "
            f"{str(time.iloc[0])!r}. Give dates, or window= as a number of rows."
        )
    codes, periods = pd.factorize(labels, sort=True)
    texts = [str(period) if window != "week" else f"week of {period.start_time.date()}" for period in periods]
    order = np.argsort(codes, kind="stable")
    cuts = np.flatnonzero(np.diff(codes[order])) + 1
    return list(zip(texts, np.split(order, cuts), strict=True))


def _by_rows(time: pd.Series[Any] | None, rows: int, size: int) -> list[Window]:
    if size < LEAST_ROWS_OF_A_WINDOW:
        raise InputError(f"A window must have at least {LEAST_ROWS_OF_A_WINDOW} rows; found window={size}.")
    order = np.arange(rows) if time is None else np.argsort(pd.factorize(time, sort=True)[0], kind="stable")
    pieces = max(1, round(rows / size))
    starts = [size * piece for piece in range(pieces)]
    ends = [*starts[1:], rows]
    return [(f"rows {start + 1:,} to {end:,}", order[start:end]) for start, end in zip(starts, ends, strict=True)]
