"""Read text tables (CSV, TSV): find the separator, refuse what is not a table, and say what to do about it."""

from __future__ import annotations

import csv
import io
import re
import warnings
from itertools import islice

import pandas as pd

from toolkit.core.result import Finding
from toolkit.errors import InputError

SEPARATORS = (",", ";", "\t", "|")
_SAMPLE_LINES = 50
_FOREIGN = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive or an Excel file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "a Feather file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x28\xb5\x2f\xfd", "a zstandard archive"),
    (b"SQLite format 3", "an SQLite database"),
)


def read_delimited(content: bytes, shown: str) -> tuple[pd.DataFrame, list[Finding]]:
    """Read the bytes of a text table.

    Parameters
    ----------
    content : bytes
        UTF-8, with or without a byte order mark. The separator is one of ``, ; tab |``, found from the first lines.
    shown : str
        The name of the source, for messages.

    Returns
    -------
    frame : DataFrame
    notes : list of Finding
        Says so where a comma was read as the decimal point (never where commas set off thousands).

    Raises
    ------
    InputError
        Where the bytes are not UTF-8, not a text table, or the rows do not fit the header.

    Examples
    --------
    >>> read_delimited("größe;preis{0}1;2,5{0}".format(chr(10)).encode(), "x.csv")[0]["preis"].tolist()
    [2.5]
    """
    refuse_foreign(content, shown)
    text = _decoded(content, shown)
    lines = [line for line in islice(io.StringIO(text, newline=""), _SAMPLE_LINES + 1) if line.strip()]
    separator = find_separator(lines)
    decimal = "," if separator != "," and _decimal_comma(lines[1:], separator) else "."
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                io.BytesIO(content.removeprefix(b"\xef\xbb\xbf")),
                sep=separator,
                decimal=decimal,
                index_col=False,
                low_memory=False,
                float_precision="round_trip" if decimal == "." else None,
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError, ValueError) as error:
        raise InputError(f"{shown} is not a table: {_reason(error)} Check the separator and the quotes.") from error
    if decimal == ".":
        return frame, []
    message = "A comma was read as the decimal point, as in 2,5."
    return frame, [Finding("DATA-DECIMAL-COMMA", "info", message)]


def find_separator(lines: list[str]) -> str:
    """Choose the separator that cuts the first lines into the same number of cells, and into most of them.

    Examples
    --------
    >>> find_separator(["a;b", "1,5;2", "3,5;4"])
    ';'
    """
    best, most = ",", (0.0, 0)
    for separator in SEPARATORS:
        widths = [len(row) for row in csv.reader(lines, delimiter=separator)] or [1]
        if widths[0] < 2:
            continue
        agreeing = sum(width == widths[0] for width in widths) / len(widths)
        if (agreeing, widths[0]) > most:
            best, most = separator, (agreeing, widths[0])
    return best


def refuse_foreign(content: bytes, shown: str, kinds: tuple[str, ...] = ("HTML", "JSON")) -> None:
    """Refuse bytes that are evidently an image, an archive, a page or an object rather than a text table.

    Raises
    ------
    InputError
        Says what the content looks like.
    """
    head = content[:4096]
    found = next((kind for magic, kind in _FOREIGN if head.startswith(magic)), None)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:200].lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<table")):
        found = "a web page or XML"
    elif "JSON" in kinds and re.match(rb'\{\s*["}]|\[\s*[\[{]', start):
        found = "JSON (name it .jsonl if it has one object a line)"
    elif found is None and b"\x00" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        found = "binary data"
    if found:
        raise InputError(f"{shown} is not a text table: it looks like {found}. Export the table as CSV or Parquet.")


def _decoded(content: bytes, shown: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
        likely = "UTF-16" if wide else "WINDOWS-1252"
        where = "" if wide else f" (byte {error.start:,} is 0x{content[error.start]:02X})"
        raise InputError(
            f"{shown} is not UTF-8 text{where}; it is probably {likely}. "
            f"Convert it: iconv -f {likely} -t UTF-8 OLD > NEW, or in pandas read_csv(…, encoding={likely.lower()!r})."
        ) from error


def _decimal_comma(lines: list[str], separator: str) -> bool:
    """Tell whether numbers have a decimal comma; three digits after it could be thousands and do not count."""
    cells = [cell.strip() for row in csv.reader(lines, delimiter=separator) for cell in row]
    if any(re.fullmatch(r"[+-]?\d+\.\d+", cell) for cell in cells):
        return False
    return any(re.fullmatch(r"[+-]?\d+,(?:\d{1,2}|\d{4,})", cell) for cell in cells)


def _reason(error: Exception) -> str:
    text = str(error).replace("Error tokenizing data. C error: ", "").strip().rstrip(".")
    if isinstance(error, pd.errors.ParserWarning):
        return "its rows have more cells than its header."
    if isinstance(error, pd.errors.EmptyDataError):
        return "it has no header."
    return f"{text[:1].lower()}{text[1:]}."
