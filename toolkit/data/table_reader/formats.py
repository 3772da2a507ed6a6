"""How the cells of a text column are written, and how they are read: numbers, dates, yes/no or text."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

#: An empty text where any will do; lists and records are settled by the types of a file alone.
Kind = Literal["", "number", "date", "bool", "text", "missing", "duration", "nested"]
#: Cells that are missing in any column, and those that are so in a column of numbers or dates only.
ABSENT = ("", "#n/a", "#na", "<na>", "n/a", "na", "nan", "-nan", "null", "none", "1.#ind", "1.#qnan")
ABSENT_NUMBERS = ("?", "-", "--", ".", "*", "nil", "missing", "unknown")
#: What yes and no are written as.
FLAGS = {"true": 1.0, "false": 0.0, "t": 1.0, "f": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}
_CURRENCY = (
    r"(?:R|A|C|HK|NZ|S|US)?\$|[€£¥₹₽₩₺₪₫₱฿₴₦]|USD|EUR|GBP|CHF|JPY|CAD|AUD|SEK|NOK|DKK|PLN|CZK|HUF|CNY|INR|BRL"
    r"|kr|zł|Kč|Ft|Fr\."
)
_UNITS = (
    "%|‰|°C|°F|kg|g|mg|t|lbs?|oz|km/h|mph|km|mi|cm|mm|m²|m2|m|ft|in|ha|l|ml|kWh|kW|MW|W|GB|MB|kB|ms|s|min|hrs?|h|days?|"
    "yrs?|years?|months?|weeks?"
)
DECORATED = (
    rf"^(?P<before>(?:{_CURRENCY})?) ?"
    r"(?P<number>[+-]?[0-9.,' ]*[0-9][0-9.,]*(?:[eE][+-]?[0-9]+)?|[+-]?(?i:inf(?:inity)?))"
    rf" ?(?P<after>(?:{_UNITS}|{_CURRENCY})?)$"
)
#: As pandas, Python and ISO 8601 write durations; one below a day may be a clock alone.
_DURATION = r"^(?:-?[0-9]+ days?,? ?)?(?:[+-]?[0-9]+:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?)?$|^P-?[0-9]+DT[0-9HMS.]+$"
_PERIODS = {
    "quarter": r"^(?:([0-9]{4})[ /-]?Q([1-4])|Q([1-4])[ /-]?([0-9]{4}))$",
    "week": r"^([0-9]{4})[ -]?W([0-9]{1,2})$",
}


@dataclass(frozen=True, slots=True)
class Format:
    """How the texts of a column are read.

    Attributes
    ----------
    kind : {"", "number", "date", "bool", "text", "missing", "duration", "nested"}
    decimal, thousands : str
        The marks in numbers.
    unit : str
        What stands before or behind every number, such as ``$``, ``%`` or ``kg``; the number is taken as written.
    dates : str
        A pattern of ``strptime``, or ``ISO8601``, ``quarter`` (Q1 2021) or ``week`` (2021-W05).
    missing, labels : tuple of str
        Texts that mean a missing value here, beside the usual ones; and texts that usually do and are labels here.
    """

    kind: Kind = ""
    decimal: Literal[".", ","] = "."
    thousands: str = ""
    unit: str = ""
    dates: str = ""
    missing: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Write the format for a reader."""
        if self.kind == "date":
            return f"dates as {self.dates}"
        if self.kind == "number":
            said = {"decimal mark": self.decimal.strip("."), "thousands mark": self.thousands, "unit": self.unit}
            marks = ", ".join(f"{name} {mark!r}" for name, mark in said.items() if mark)
            return f"numbers ({marks})" if marks else "numbers"
        names = {"bool": "yes/no", "missing": "no value", "duration": "durations", "nested": "lists or records"}
        return names.get(self.kind, self.kind)

    @property
    def plain(self) -> bool:
        """Whether it is that of numbers as a computer writes them."""
        return (self.kind, self.decimal, self.thousands, self.unit) == ("number", ".", "", "")

    def read(self, texts: pa.StringArray) -> tuple[Any, NDArray[np.bool_]]:
        """Read texts by this format.

        Returns
        -------
        values : array of float, bool, datetime64 or timedelta64, or of str, shape (n,)
            NaN, NaT or None where missing or unreadable.
        odd : array of bool, shape (n,)
            Where a text is neither missing nor readable.

        Examples
        --------
        >>> values, odd = Format("number", ",", ".").read(pa.array(["1.234,5", "", "12o"]))
        >>> values.tolist(), odd.tolist()
        ([1234.5, nan, nan], [False, False, True])
        """
        values: Any = cast_numbers(texts) if self.plain else None
        if values is not None and not np.isnan(values).any():
            return values, np.zeros(len(texts), dtype=bool)
        plain = pc.utf8_trim_whitespace(texts)
        if self.kind not in ("date", "number", "bool", "duration"):
            cells = texts.to_numpy(zero_copy_only=False).copy()
            cells[is_absent(plain, self)] = None
            return cells, np.zeros(len(texts), dtype=bool)
        if self.kind == "bool":
            values = pd.Series(pc.utf8_lower(plain).to_pylist()).map(FLAGS).to_numpy(dtype=float)
        elif self.kind == "duration":
            known = pc.if_else(pc.match_substring_regex(plain, _DURATION), plain, None).to_pylist()
            values = pd.to_timedelta(pd.Series(known, dtype=object), errors="coerce").to_numpy("timedelta64[us]")
        else:
            values = read_moments(plain, self.dates) if self.kind == "date" else read_numbers(plain, self)
        unread = np.asarray(pd.isna(values))
        return values, unread & ~is_absent(plain, self) if unread.any() else unread

    def example_of(self, texts: pa.StringArray) -> str:
        """Return a cell that can be read, as it is written."""
        read = np.flatnonzero(pd.notna(self.read(texts[:1000])[0]))
        return str(texts[int(read[0])])[:80] if len(read) else ""

    def twice(self, texts: pa.StringArray) -> tuple[str, ...]:
        """Return two spellings of one number that differ in zeros at the end; codes may mean two things by them.

        Examples
        --------
        >>> Format("number").twice(pa.array(["1.1", "2.5", "1.10"])), Format("number").twice(pa.array(["1.10", "2.50"]))
        (('1.1', '1.10'), ())
        """
        if self.kind != "number" or self.unit:
            return ()
        zeros = pc.and_(pc.ends_with(texts, "0"), pc.match_substring(texts, self.decimal))
        longer = pc.unique(texts.filter(zeros))
        numbers = pc.utf8_rtrim(longer, "0")
        shorter = pc.unique(texts.filter(pc.is_in(texts, numbers))) if len(longer) else longer
        spelt = pd.Series([*numbers.to_pylist(), *shorter.to_pylist()], [*longer.to_pylist(), *shorter.to_pylist()])
        return tuple(sorted(spelt[spelt.duplicated(keep=False)].sort_values(kind="stable").index[:2]))


def read_numbers(plain: pa.StringArray, how: Format) -> NDArray[np.float64]:
    """Read trimmed texts as numbers, nan where they are none."""
    if how.plain and (values := cast_numbers(pc.if_else(pc.equal(plain, ""), None, plain))) is not None:
        return values
    texts = plain if how.unit else typed_plainly(plain)
    if how.unit:
        parts = number_parts(plain)
        around = pc.binary_join_element_wise(parts.field("before"), parts.field("after"), "")
        texts = pc.if_else(pc.equal(around, how.unit), parts.field("number"), None)
    texts = pc.if_else(pc.match_substring_regex(texts, notation(how.decimal, how.thousands)), texts, None)
    for mark, typed in ((how.thousands, ""), (how.decimal, ".")):
        texts = pc.replace_substring(texts, mark, typed) if mark else texts
    return np.asarray(pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def typed_plainly(texts: pa.StringArray) -> pa.StringArray:
    """Write what bookkeepers and word processors make of a number plainly: -$5, (5) or a long dash as $-5 and -5.

    The spaces and the apostrophe that set off thousands in France and Switzerland become plain ones.
    """
    for pattern, plain in (
        ("[\u00a0\u2007\u2009\u202f]", " "),
        ("[\u2018\u2019]", "'"),
        ("^\u2212", "-"),
        (r"^([^0-9(]*)\((.*[0-9].*)\)([^0-9]*)$|^([0-9].*)-$", r"-\1\2\3\4"),
        (rf"^([+-])({_CURRENCY}) ?", r"\2\1"),
    ):
        texts = pc.replace_substring_regex(texts, pattern, plain)
    return texts


def number_parts(plain: pa.StringArray) -> pa.StructArray:
    """Cut trimmed texts into a number and what stands before and after it; null where they are no numbers."""
    return pc.extract_regex(typed_plainly(plain), DECORATED)


def cast_numbers(texts: pa.StringArray, whole: bool = False) -> NDArray[Any] | None:
    """Read texts as numbers with a decimal point, or as whole ones, objects where some are missing; None for others."""
    try:
        # A cast fails after all cells, and slowly: most often the first ones tell.
        for part in (texts[:1000], texts):
            values = pc.cast(part, pa.int64() if whole else pa.float64()).to_pandas(integer_object_nulls=True)
    except pa.ArrowInvalid:
        return None
    return np.asarray(values)


def read_moments(plain: pa.StringArray, pattern: str) -> NDArray[np.datetime64]:
    """Read trimmed texts as moments in UTC, NaT where they are none."""
    texts = pd.Series(pc.replace_substring_regex(plain, " ?(?:UTC|GMT)$", "").to_pylist(), dtype=object)
    if pattern in ("quarter", "week"):
        digits = texts.str.extract(_PERIODS[pattern], expand=True)
        if pattern == "quarter":
            month = pd.to_numeric(digits[1].fillna(digits[2])) * 3 - 2
            texts, pattern = digits[0].fillna(digits[3]).str.cat(month.map("{:.0f}".format), sep="-"), "%Y-%m"
        else:
            texts, pattern = digits[0].str.cat(digits[1].str.zfill(2), sep="-") + "-1", "%G-%V-%u"
    read = pd.to_datetime(texts, format=pattern, errors="coerce", utc=True)
    return np.asarray(read.dt.tz_localize(None).to_numpy(dtype="datetime64[us]"))


def notation(decimal: str, thousands: str) -> str:
    """Return the regular expression of numbers with these marks."""
    point = re.escape(decimal)
    plain = rf"(?:[0-9]+{point}?[0-9]*|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?"
    if not thousands:
        return f"^[+-]?{plain}$|^(?i:[+-]?inf(?:inity)?)$"
    mark = re.escape(thousands)
    lakhs = "|[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}" if thousands == "," else ""  # as India writes 1,00,000
    return rf"^[+-]?(?:[1-9][0-9]{{0,2}}(?:{mark}[0-9]{{3}})+|[0-9]{{1,3}}{lakhs})(?:{point}[0-9]+)?$"


def is_absent(plain: pa.StringArray, how: Format) -> NDArray[np.bool_]:
    """Where a trimmed text stands for a missing value."""
    marks = [*ABSENT, *(() if how.kind == "text" else ABSENT_NUMBERS), *map(str.lower, how.missing), None]
    found = flags(pc.is_in(pc.utf8_lower(plain), pa.array(marks, pa.string())))
    return found & ~np.isin(plain.to_numpy(zero_copy_only=False), how.labels) if how.labels else found


def marks_in(labels: Iterable[str]) -> tuple[str, ...]:
    """Return the labels that would be taken for missing values."""
    return tuple(label for label in labels if label.strip().casefold() in ABSENT)


def flags(values: Any) -> NDArray[np.bool_]:
    """Return what a comparison gave as booleans, false where it gave nothing."""
    return np.asarray(pc.fill_null(values, False).to_numpy(zero_copy_only=False), dtype=bool)


def has_thousands(numbers: pa.StringArray) -> bool:
    """Whether a point always has three digits behind it, and numbers without one are below 1000, as 12.345 and 986 are.

    Of decimals that are cut after three digits, for each one without a point ten have one digit and 90 have two.
    """
    pointed = pc.match_substring(numbers, ".")
    with_point, without = pc.unique(numbers.filter(pointed)), numbers.filter(pc.invert(pointed))
    enough = len(with_point) >= 5 and len(without) > 0
    return enough and not some(without, r"[0-9]{4}|[^0-9+-]") and not some(with_point, r"^[+-]?0|\.(?:..?$|....)")


def some(texts: pa.StringArray, pattern: str) -> bool:
    """Whether some texts match; most often the first rows tell, and a pass over all is saved."""
    return any(bool(pc.any(pc.match_substring_regex(part, pattern)).as_py()) for part in (texts[:1000], texts))
