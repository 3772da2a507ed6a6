"""A table as a link that holds it as CSV, so that a page of one file can hand its numbers on."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

from toolkit.core.estimate import Estimate

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 1000
_SAFE = ",:;/@!$()*+=?"  # may stand in an address as they are, which keeps it short
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_link(frame: pd.DataFrame) -> str:
    """Write an HTML link that holds the first ``MOST_ROWS`` rows of a frame as CSV.

    Numbers have seven digits; an estimate takes four columns. Text that a spreadsheet would run as a formula gets an
    apostrophe in front.
    """
    rows = list(frame.head(MOST_ROWS).itertuples(index=False, name=None))
    wide = [any(isinstance(row[place], Estimate) for row in rows) for place in range(frame.shape[1])]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        name for column, is_wide in zip(frame.columns, wide, strict=True) for name in _names(column, is_wide)
    )
    for row in rows:
        writer.writerow(cell for value, is_wide in zip(row, wide, strict=True) for cell in _cells(value, is_wide))
    words = "CSV" if len(frame) <= MOST_ROWS else f"CSV of the first {MOST_ROWS:,} rows"
    address = "data:text/csv;charset=utf-8," + quote(text.getvalue(), safe=_SAFE, errors="replace")
    return f'<p class="tk-csv"><a href="{address}">{words}</a></p>'


def _names(column: object, wide: bool) -> Iterator[str]:
    return (_text(f"{column}{end}") for end in ("", *(("_low", "_high", "_n") if wide else ())))


def _cells(value: object, wide: bool) -> list[str]:
    if isinstance(value, Estimate):
        return [_text(number) for number in (value.value, value.low, value.high, value.n)]
    return [_text(value), *([""] * 3 if wide else [])]


def _text(value: object) -> str:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return ""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.7g}"
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
