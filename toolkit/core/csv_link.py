"""A table as a link that holds it as CSV, so that a page of one file can hand its numbers on."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING
from urllib.parse import quote

from toolkit.core.estimate import spread

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
    tidy = spread(frame.head(MOST_ROWS))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_text(str(name)) for name in tidy.columns)
    writer.writerows(map(_text, row) for row in tidy.itertuples(index=False, name=None))
    words = "CSV" if len(frame) <= MOST_ROWS else f"CSV of the first {MOST_ROWS:,} rows"
    address = "data:text/csv;charset=utf-8," + quote(text.getvalue(), safe=_SAFE, errors="replace")
    return f'<p class="tk-csv"><a href="{address}">{words}</a></p>'


def _text(value: object) -> str:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return ""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.7g}"
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
